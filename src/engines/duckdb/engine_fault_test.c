/* What goes wrong: statements that are stopped, outgrow their limits or do not stop; a process that dies; sources that fail. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engines/duckdb/engine_testing.h"

#define SECONDS(n) ((int64_t)(n) * 1000 * 1000)

static const char endless[] = "SELECT count(*) FROM range(10000000) a(i), range(10000000) b(j) WHERE i + j = 3";

/* Trino's dialect is the default: system.main.x is the engine's own function of a name that Trino gives another meaning. */
static struct testing shared;

static tl_engine *engine(void)
{
    return shared.engine;
}

static int start_shared(void **state)
{
    (void)state;
    testing_start(&shared, (int64_t)192 << 20, (int64_t)2 << 30, NULL);
    return 0;
}

static int stop_shared(void **state)
{
    (void)state;
    testing_stop(&shared);
    return 0;
}

static int pid_of(tl_engine *of)
{
    struct tl_engine_health health;
    tl_engine_health(of, &health);
    return health.pid;
}

/* ---- stopping ---- */

struct background {
    tl_engine *engine;
    struct question question;
    struct answer answer;
    int64_t took_us;
    pthread_t thread;
};

static void *background_main(void *context)
{
    struct background *background = context;
    int64_t start_us = tl_clock_monotonic_us();
    ask(background->engine, &background->question, &background->answer);
    background->took_us = tl_clock_monotonic_us() - start_us;
    return NULL;
}

static void in_background(struct background *background, tl_engine *of, struct question question)
{
    background->engine = of;
    background->question = question;
    assert_int_equal(pthread_create(&background->thread, NULL, background_main, background), 0);
}

static void wait_until_running(tl_engine *of, int count)
{
    struct tl_engine_health health;
    for (int i = 0; i < 500; i++, usleep(10 * 1000)) {
        tl_engine_health(of, &health);
        if (health.running >= count)
            break;
    }
    assert_int_equal(health.running, count);
    usleep(100 * 1000);
}

static void test_cancel_stops_a_statement(void **state)
{
    (void)state;
    struct background background;
    expect_rows(engine(), "SELECT 1", "1\n");
    assert_false(tl_engine_cancel(engine(), "q_nobody"));
    in_background(&background, engine(), (struct question){.sql = endless, .query_id = "q_cancel"});
    wait_until_running(engine(), 1);
    int64_t start_us = tl_clock_monotonic_us();
    assert_true(tl_engine_cancel(engine(), "q_cancel"));
    pthread_join(background.thread, NULL);
    assert_true(tl_clock_monotonic_us() - start_us < SECONDS(2));
    assert_int_equal(background.answer.code, TL_CANCELLED);
    answer_done(&background.answer);
    expect_rows(engine(), "SELECT 1", "1\n");
}

static void test_a_cancelled_request_stops_its_statement(void **state)
{
    (void)state;
    struct tl_request rq;
    tl_result *result;
    const struct tl_batch *batch;
    bool end;
    tl_arena *arena = tl_arena_new(1 << 24);
    tl_request_init(&rq, arena);
    static const char *const allowed[] = {"function:range"};
    struct tl_engine_statement statement = {.sql = tl_str_of(endless), .query_id = "q_request", .allowed = allowed, .allowed_count = 1};
    assert_int_equal(tl_engine_run(&rq, engine(), NULL, &statement, &result), TL_OK);
    assert_int_equal(tl_result_next(&rq, result, 50, &batch, &end), TL_OK);
    assert_true(!batch && !end);
    atomic_store(&rq.cancelled, true);
    assert_int_equal(tl_result_next(&rq, result, -1, &batch, &end), TL_CANCELLED);
    tl_arena_free(arena);
}

static void test_run_time_is_limited(void **state)
{
    (void)state;
    struct answer answer;
    int64_t start_us = tl_clock_monotonic_us();
    ask(engine(), &(struct question){.sql = endless, .run_time_us_max = SECONDS(1) / 2}, &answer);
    int64_t took_us = tl_clock_monotonic_us() - start_us;
    assert_int_equal(answer.code, TL_TIME_EXCEEDED);
    assert_true(took_us > SECONDS(1) / 2 && took_us < SECONDS(3));
    answer_done(&answer);
}

static void make_table(const char *sql)
{
    static const char *const rights[] = {"write:memory.main.many", "write:memory.main.wide", "function:range", "operator:CREATE_TABLE"};
    struct answer answer;
    ask(engine(), &(struct question){.sql = sql, .allowed = rights, .allowed_count = sizeof rights / sizeof *rights}, &answer);
    assert_string_equal(answer.err.message, "");
    answer_done(&answer);
}

static void test_progress_is_told(void **state)
{
    (void)state;
    struct tl_request rq;
    tl_result *result;
    tl_arena *arena = tl_arena_new(1 << 24);
    tl_request_init(&rq, arena);
    static const char *const allowed[] = {"table:memory.main.many"};
    struct tl_engine_statement statement = {.sql = TL_STR("SELECT sum(hash(system.main.sha256(i::VARCHAR)) % 7) FROM memory.main.many"),
            .allowed = allowed, .allowed_count = 1};
    make_table("CREATE TABLE memory.main.many AS SELECT i FROM range(4000000) t(i)");
    assert_int_equal(tl_engine_run(&rq, engine(), NULL, &statement, &result), TL_OK);
    double best = -1;
    for (bool end = false; !end;) {
        const struct tl_batch *batch;
        struct tl_result_stats stats;
        assert_int_equal(tl_result_next(&rq, result, 100, &batch, &end), TL_OK);
        tl_result_stats(result, &stats);
        if (!end && stats.progress > best)
            best = stats.progress;
    }
    assert_true(best > 0);
    tl_arena_free(arena);
}

static void test_closing_a_result_stops_the_engine(void **state)
{
    (void)state;
    struct tl_request rq;
    tl_result *result;
    tl_arena *arena = tl_arena_new(1 << 24);
    tl_request_init(&rq, arena);
    static const char *const allowed[] = {"function:range"};
    struct tl_engine_statement statement = {.sql = tl_str_of(endless), .query_id = "q_closed", .allowed = allowed, .allowed_count = 1};
    assert_int_equal(tl_engine_run(&rq, engine(), NULL, &statement, &result), TL_OK);
    tl_result_close(result);
    tl_arena_free(arena);
    bool found = true;
    for (int i = 0; i < 100 && found; i++) {
        usleep(20 * 1000);
        found = tl_engine_cancel(engine(), "q_closed");
    }
    assert_false(found);
}

static void test_rows_of_a_slow_statement_are_not_held_back(void **state)
{
    (void)state;
    struct answer answer;
    ask(engine(), &(struct question){.sql = "SELECT i, i, i, i, system.main.sha256(system.main.sha256(system.main.repeat(i::VARCHAR, 300)))"
                                            " FROM range(300000) t(i)",
                                     .no_text = true},
        &answer);
    assert_int_equal(answer.code, TL_OK);
    assert_int_equal(answer.stats.rows, 300000);
    assert_true(answer.stats.elapsed_us > 400 * 1000);
    print_message("first rows after %lld ms of %lld ms\n", (long long)answer.first_row_us / 1000, (long long)answer.stats.elapsed_us / 1000);
    assert_true(answer.first_row_us < answer.stats.elapsed_us / 5);
    answer_done(&answer);
}

/* ---- memory and spill ---- */

static void test_outgrowing_memory_is_an_error(void **state)
{
    (void)state;
    int pid = pid_of(engine());
    expect_error(engine(), "SELECT length(string_agg(i::VARCHAR || system.main.repeat('x', 100), '')) FROM range(10000000) t(i)", TL_MEMORY_EXCEEDED, NULL);
    expect_rows(engine(), "SELECT 1", "1\n");
    assert_int_equal(pid_of(engine()), pid);
    /* also when it fails before its first row, which the engine wraps in another error */
    for (int i = 0; i < 10; i++)
        expect_error(engine(), "SELECT list(i) FROM range(60000000) t(i)", TL_MEMORY_EXCEEDED, NULL);
}

static void test_one_statement_may_have_less_memory_than_all(void **state)
{
    (void)state;
    struct answer answer;
    struct question question = {.sql = "SELECT count(*) FROM (SELECT i % 2000000 AS k, count(*) AS n FROM range(40000000) t(i) GROUP BY k)",
                                .memory_bytes_max = 8 << 20};
    ask(engine(), &question, &answer);
    assert_int_equal(answer.code, TL_MEMORY_EXCEEDED);
    assert_non_null(strstr(answer.err.hint, "query_max_memory"));
    answer_done(&answer);
    question.memory_bytes_max = 0;
    ask(engine(), &question, &answer);
    assert_int_equal(answer.code, TL_OK);
    print_message("%lld bytes at most, %lld ms of processor time\n", (long long)answer.stats.peak_memory_bytes, (long long)answer.stats.cpu_us / 1000);
    assert_true(answer.stats.peak_memory_bytes > 8 << 20);
    assert_true(answer.stats.cpu_us > answer.stats.elapsed_us / 4);
    answer_done(&answer);
    question = (struct question){.sql = "SELECT 1", .memory_bytes_max = 1 << 20};
    ask(engine(), &question, &answer);
    assert_int_equal(answer.code, TL_OK); /* what others hold is not this one's */
    answer_done(&answer);
}

static void test_large_sorts_spill(void **state)
{
    (void)state;
    struct answer answer;
    ask(engine(), &(struct question){.sql = "SELECT hash(i) AS h, i::VARCHAR || system.main.repeat('y', 60) AS s FROM range(4000000) t(i) ORDER BY h",
            .no_text = true}, &answer);
    assert_string_equal(answer.err.message, "");
    assert_int_equal(answer.stats.rows, 4000000);
    answer_done(&answer);
}

static void test_spilling_has_a_limit(void **state)
{
    (void)state;
    struct testing small;
    testing_start(&small, (int64_t)64 << 20, (int64_t)20 << 20, NULL);
    struct answer answer;
    ask(small.engine, &(struct question){.sql = "SELECT hash(i) AS h, system.main.sha256(i::VARCHAR) AS s FROM range(8000000) t(i) ORDER BY h",
                                         .no_text = true},
        &answer);
    if (answer.code != TL_DISK_FULL && answer.code != TL_MEMORY_EXCEEDED)
        fail_msg("%s: %s (%s)", tl_code_info(answer.code)->name, answer.err.message, answer.err.detail);
    answer_done(&answer);
    expect_rows(small.engine, "SELECT 1", "1\n");
    testing_stop(&small);
}

static void test_wide_rows_of_a_table_stream(void **state)
{
    (void)state;
    struct answer answer;
    struct tl_buf sql;
    static const char *const allowed[] = {"table:memory.main.wide"};
    tl_buf_init(&sql, 64 * 1024);
    tl_buf_adds(&sql, "SELECT i, s");
    for (int i = 0; i < 200; i++)
        tl_buf_addf(&sql, ", i + %d AS c%d, s || '%d' AS t%d", i, i, i, i);
    tl_buf_adds(&sql, " FROM memory.main.wide");
    make_table("CREATE TABLE memory.main.wide AS SELECT i, 'a text that is not short ' || i AS s FROM range(300000) t(i)");
    ask(engine(), &(struct question){.sql = tl_buf_cstr(&sql), .no_text = true, .allowed = allowed,
            .allowed_count = 1, .run_time_us_max = SECONDS(60)}, &answer);
    assert_string_equal(answer.err.message, "");
    assert_int_equal(answer.stats.rows, 300000);
    answer_done(&answer);
    tl_buf_done(&sql);
}

static void test_streams_use_bounded_memory_on_both_sides(void **state)
{
    (void)state;
    struct answer answer;
    ask(engine(), &(struct question){.sql = "SELECT i, i * 2 AS d, 'text ' || i AS s FROM range(500000) t(i)", .no_text = true}, &answer);
    answer_done(&answer);
    int64_t mine = resident_bytes_of(0), its = resident_bytes_of(pid_of(engine()));
    ask(engine(), &(struct question){.sql = "SELECT i, i * 2 AS d, 'text ' || i AS s FROM range(10000000) t(i)", .no_text = true}, &answer);
    assert_int_equal(answer.code, TL_OK);
    assert_int_equal(answer.stats.rows, 10000000);
    answer_done(&answer);
    assert_true(resident_bytes_of(0) - mine < 64 << 20);
    assert_true(resident_bytes_of(pid_of(engine())) - its < 128 << 20);
}

/* ---- death ---- */

static void die_by(int number, const char *wanted)
{
    struct background background;
    struct tl_engine_health health;
    int pid = pid_of(engine());
    in_background(&background, engine(), (struct question){.sql = endless});
    wait_until_running(engine(), 1);
    kill(pid, number);
    int64_t took_us = wait_for_other_pid(engine(), pid);
    pthread_join(background.thread, NULL);
    assert_int_equal(background.answer.code, TL_ENGINE_LOST);
    assert_non_null(strstr(background.answer.err.detail, wanted));
    assert_true(background.answer.err.hint[0] != '\0');
    answer_done(&background.answer);
    assert_true(took_us >= 0 && took_us < SECONDS(1));
    expect_rows(engine(), "SELECT 1", "1\n");
    tl_engine_health(engine(), &health);
    assert_non_null(strstr(health.last_failure, wanted));
    assert_true(health.restarts > 0 && health.running == 0);
    print_message("ready again %lld ms after signal %d\n", (long long)took_us / 1000, number);
}

static void test_a_killed_engine_is_back_within_a_second(void **state)
{
    (void)state;
    die_by(SIGKILL, "killed by signal 9");
}

static void test_a_crashed_engine_is_back_within_a_second(void **state)
{
    (void)state;
    usleep(5500 * 1000); /* deaths one after the other are answered more slowly each time */
    die_by(SIGSEGV, "signal 11");
}

static void test_statements_meanwhile_wait(void **state)
{
    (void)state;
    usleep(5500 * 1000);
    kill(pid_of(engine()), SIGKILL);
    usleep(300 * 1000); /* the supervisor knows, on a busy machine too */
    expect_rows(engine(), "SELECT 1", "1\n");
}

static void test_a_hanging_statement_costs_the_engine_not_the_server(void **state)
{
    (void)state;
    struct testing own;
    struct answer answer;
    testing_start(&own, 0, 0, NULL);
    expect_rows(own.engine, "SELECT 1", "1\n");
    int pid = pid_of(own.engine);
    /* one vectorised call that the engine does not interrupt */
    int64_t start_us = tl_clock_monotonic_us();
    ask(own.engine, &(struct question){.sql = "SELECT list_reduce(range(2000000000), lambda a, b: a + b)", .run_time_us_max = SECONDS(1) / 2}, &answer);
    assert_true(answer.code == TL_ENGINE_LOST || answer.code == TL_TIME_EXCEEDED || answer.code == TL_MEMORY_EXCEEDED);
    assert_true(tl_clock_monotonic_us() - start_us < SECONDS(20));
    answer_done(&answer);
    ask(own.engine, &(struct question){.sql = "SELECT list_reduce(range(30000000), lambda a, b: a * 3 + b % 7)", .run_time_us_max = SECONDS(1) / 2}, &answer);
    assert_true(answer.code == TL_ENGINE_LOST || answer.code == TL_TIME_EXCEEDED || answer.code == TL_MEMORY_EXCEEDED || answer.code == TL_INVALID_VALUE);
    print_message("stuck: %s (%s) pid %s\n", tl_code_info(answer.code)->name, answer.err.detail, pid_of(own.engine) == pid ? "same" : "other");
    answer_done(&answer);
    expect_rows(own.engine, "SELECT 1", "1\n");
    testing_stop(&own);
}

static void test_a_program_that_does_not_start_is_said(void **state)
{
    (void)state;
    struct tl_err err;
    tl_engine *broken;
    char directory[] = "/tmp/tl-engine-XXXXXX";
    assert_non_null(mkdtemp(directory));
    tl_err_init(&err);
    struct tl_engine_options options = {.program = "/bin/false", .directory = directory};
    assert_int_equal(tl_engine_start(&options, &broken, &err), TL_OK);
    struct answer answer;
    ask(broken, &(struct question){.sql = "SELECT 1"}, &answer);
    assert_int_equal(answer.code, TL_ENGINE_LOST);
    assert_non_null(strstr(answer.err.detail, "exited with status 1"));
    assert_true(answer.err.hint[0] != '\0');
    answer_done(&answer);
    tl_engine_stop(broken);
    testing_remove_folder(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancel_stops_a_statement),
        cmocka_unit_test(test_a_cancelled_request_stops_its_statement),
        cmocka_unit_test(test_run_time_is_limited),
        cmocka_unit_test(test_progress_is_told),
        cmocka_unit_test(test_closing_a_result_stops_the_engine),
        cmocka_unit_test(test_rows_of_a_slow_statement_are_not_held_back),
        cmocka_unit_test(test_outgrowing_memory_is_an_error),
        cmocka_unit_test(test_one_statement_may_have_less_memory_than_all),
        cmocka_unit_test(test_large_sorts_spill),
        cmocka_unit_test(test_spilling_has_a_limit),
        cmocka_unit_test(test_wide_rows_of_a_table_stream),
        cmocka_unit_test(test_streams_use_bounded_memory_on_both_sides),
        cmocka_unit_test(test_a_killed_engine_is_back_within_a_second),
        cmocka_unit_test(test_a_crashed_engine_is_back_within_a_second),
        cmocka_unit_test(test_statements_meanwhile_wait),
        cmocka_unit_test(test_a_hanging_statement_costs_the_engine_not_the_server),
        cmocka_unit_test(test_a_program_that_does_not_start_is_said),
    };
    return cmocka_run_group_tests(tests, start_shared, stop_shared);
}
