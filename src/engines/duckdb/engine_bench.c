/* What the second process costs: time to ready, SELECT 1, a stream of ten million rows.  One line a figure. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engines/duckdb/engine_testing.h"

enum { WARM = 200, RUNS = 3000, STARTS = 5, STREAMS = 3, CLIENTS = 32, EACH = 500 };

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void bench_start(void)
{
    int64_t took_us[STARTS];
    for (int i = 0; i < STARTS; i++) {
        struct testing testing;
        int64_t start_us = tl_clock_monotonic_us();
        testing_start(&testing, 0, 0, NULL);
        expect_rows(testing.engine, "SELECT 1", "1\n");
        took_us[i] = tl_clock_monotonic_us() - start_us;
        testing_stop(&testing);
    }
    qsort(took_us, STARTS, sizeof *took_us, compare);
    printf("start to first answer: %.1f ms (best %.1f)\n", (double)took_us[STARTS / 2] / 1000, (double)took_us[0] / 1000);
}

static void run_one(tl_engine *engine, bool parse)
{
    if (parse) {
        struct tl_request rq;
        struct tl_str json;
        tl_arena *arena = tl_arena_new(1 << 24);
        tl_request_init(&rq, arena);
        assert_int_equal(tl_engine_parse(&rq, engine, TL_STR("SELECT 1"), &json), TL_OK);
        tl_arena_free(arena);
    }
    struct answer answer;
    ask(engine, &(struct question){.sql = "SELECT 1", .no_text = true}, &answer);
    assert_int_equal(answer.code, TL_OK);
    answer_done(&answer);
}

static void bench_select(tl_engine *engine, bool parse, const char *name)
{
    static int64_t took_us[RUNS];
    for (int i = -WARM; i < RUNS; i++) {
        int64_t start_us = tl_clock_monotonic_us();
        run_one(engine, parse);
        if (i >= 0)
            took_us[i] = tl_clock_monotonic_us() - start_us;
    }
    qsort(took_us, RUNS, sizeof *took_us, compare);
    printf("%s: p50 %lld us, p99 %lld us\n", name, (long long)took_us[RUNS / 2], (long long)took_us[RUNS * 99 / 100]);
}

static void *client_main(void *engine)
{
    for (int i = 0; i < EACH; i++)
        run_one(engine, true);
    return NULL;
}

static void bench_clients(tl_engine *engine)
{
    pthread_t threads[CLIENTS];
    int64_t start_us = tl_clock_monotonic_us();
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, client_main, engine), 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    printf("%d clients, parse and run: %.0f statements/s\n", CLIENTS,
           CLIENTS * EACH * 1e6 / (double)(tl_clock_monotonic_us() - start_us));
}

static void bench_stream(tl_engine *engine, const char *name, const char *sql, double rows)
{
    static const char *const allowed[] = {"table:memory.main.big", "function:range"};
    int64_t best_us = INT64_MAX;
    for (int i = 0; i < STREAMS; i++) {
        struct answer answer;
        int64_t start_us = tl_clock_monotonic_us();
        ask(engine, &(struct question){.sql = sql, .no_text = true, .allowed = allowed, .allowed_count = 2}, &answer);
        int64_t took_us = tl_clock_monotonic_us() - start_us;
        assert_string_equal(answer.err.message, "");
        assert_true((double)answer.stats.rows == rows);
        best_us = took_us < best_us ? took_us : best_us;
        answer_done(&answer);
    }
    struct tl_engine_health health;
    tl_engine_health(engine, &health);
    printf("%s: %.2f M rows/s (%.2f s), RSS %lld MiB here, %lld MiB there\n", name, rows / (double)best_us, (double)best_us / 1e6,
           (long long)(resident_bytes_of(0) >> 20), (long long)(health.memory_bytes >> 20));
}

static const char *const table_rights[] = {"write:memory.main.big", "table:memory.main.big", "function:range", "operator:CREATE_TABLE"};

static void make_table(tl_engine *engine)
{
    struct answer answer;
    ask(engine, &(struct question){.sql = "CREATE TABLE memory.main.big AS SELECT i, hash(i) AS d, 'text ' || i AS s FROM range(10000000) t(i)",
                                   .allowed = table_rights, .allowed_count = sizeof table_rights / sizeof *table_rights}, &answer);
    assert_string_equal(answer.err.message, "");
    answer_done(&answer);
}

int main(void)
{
    struct testing testing;
    bench_start();
    testing_start(&testing, (int64_t)2 << 30, 0, NULL);
    bench_select(testing.engine, false, "SELECT 1, run");
    bench_select(testing.engine, true, "SELECT 1, parse and run");
    bench_clients(testing.engine);
    bench_stream(testing.engine, "10 M rows x 3 columns (bigint, bigint, varchar)",
                 "SELECT i, i * 2 AS d, 'text ' || i AS s FROM range(10000000) t(i)", 1e7);
    bench_stream(testing.engine, "10 M rows x 3 columns (bigint, double, date)",
                 "SELECT i, i::DOUBLE AS d, DATE '2020-01-01' + (i % 1000)::INTEGER AS s FROM range(10000000) t(i)", 1e7);
    make_table(testing.engine);
    bench_stream(testing.engine, "10 M rows x 3 columns of a table", "FROM memory.main.big", 1e7);
    bench_stream(testing.engine, "10 M rows x 2 fixed columns of a table", "SELECT i, d FROM memory.main.big", 1e7);
    testing_stop(&testing);
    return 0;
}
