#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "sources/postgres/test_support.h"

/* One scan by several threads, several scans on few connections. */
static struct test_server server;
static tl_arena *arena;
static const struct tl_source_driver *driver = &tl_source_driver_postgres;

static int set_up(void **state)
{
    (void)state;
    arena = tl_arena_new(TEST_ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

#define BACKENDS "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'townlake'"

static int64_t now_ms(void)
{
    return tl_clock_monotonic_us() / 1000;
}

struct alarm {
    int64_t at_ms;
};

static bool is_late(void *context)
{
    return now_ms() >= ((struct alarm *)context)->at_ms;
}

struct reader {
    tl_source *source;
    tl_scan *scan;
    const struct tl_scan_request *request;
    int64_t rows, sum;
    enum tl_code code;
    struct tl_err err;
};

static void *read_parts(void *context)
{
    struct reader *reader = context;
    tl_arena *own = tl_arena_new(TEST_ARENA_BYTES);
    struct tl_chunk *chunk = test_chunk(own, reader->request);
    tl_err_init(&reader->err);
    while (reader->code == TL_OK) {
        tl_scan_part *part = NULL;
        reader->code = driver->part_open(reader->scan, NULL, &part, &reader->err);
        if (!part)
            break;
        for (;;) {
            tl_chunk_reset(chunk);
            reader->code = driver->part_next(part, chunk, NULL, &reader->err);
            if (reader->code != TL_OK || chunk->row_count == 0)
                break;
            reader->rows += (int64_t)chunk->row_count;
            for (size_t i = 0; i < chunk->row_count; i++)
                reader->sum += ((const int64_t *)chunk->columns[0].data)[i];
        }
        driver->part_close(part);
    }
    tl_arena_free(own);
    return NULL;
}

enum { READERS = 4 };

/* Rows and the sum of the first column, read by several threads; the ranges it was split in. */
static void read_in_parallel(tl_source *source, const struct tl_scan_request *request, int64_t *ret_rows,
                             int64_t *ret_sum, const char **ret_text)
{
    struct reader readers[READERS] = {0};
    pthread_t threads[READERS];
    tl_scan *scan;
    struct tl_scan_stats stats;
    int parts;
    struct tl_err err;
    tl_err_init(&err);
    if (driver->scan_open(source, request, READERS, NULL, arena, &scan, &parts, &err) != TL_OK)
        fail_msg("%s: %s", err.message, err.detail);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.source = source, .scan = scan, .request = request};
        assert_int_equal(pthread_create(&threads[i], NULL, read_parts, &readers[i]), 0);
    }
    *ret_rows = *ret_sum = 0;
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        if (readers[i].code != TL_OK)
            fail_msg("%s: %s", readers[i].err.message, readers[i].err.detail);
        *ret_rows += readers[i].rows;
        *ret_sum += readers[i].sum;
    }
    driver->scan_close(scan, &stats);
    assert_int_equal(stats.rows, *ret_rows);
    *ret_text = tl_arena_strdup(arena, stats.text);
}

static atomic_bool writing;

static void *write_on(void *context)
{
    PGconn *pg = context;
    /* moves amounts between rows and rows between pages; the sum stays 0 and the number of rows as it is */
    while (writing)
        PQclear(PQexec(pg, "BEGIN; UPDATE balance SET amount = amount + 1 WHERE id % 977 = 1;"
                           " UPDATE balance SET amount = amount - 1 WHERE id % 977 = 2;"
                           " DELETE FROM balance WHERE id <= 5;"
                           " INSERT INTO balance SELECT i, 0, repeat('x', 100) FROM generate_series(1, 5) i; COMMIT"));
    return NULL;
}

static void test_all_threads_see_one_state_while_a_writer_runs(void **state)
{
    (void)state;
    test_run(&server,
             "DROP TABLE IF EXISTS balance; CREATE TABLE balance AS SELECT i::bigint AS id, 0::bigint AS amount,"
             " repeat('x', 100) AS filler FROM generate_series(0, 9769) i, generate_series(1, 10);"
             "CREATE INDEX ON balance (id); ANALYZE balance");
    test_run(&server, "UPDATE balance SET amount = 0 WHERE id <= 5; DELETE FROM balance WHERE id <= 5;"
                      " INSERT INTO balance SELECT i, 0, repeat('x', 100) FROM generate_series(1, 5) i");
    const char *expected = test_value(&server, arena, "SELECT count(*) FROM balance");
    char parameters[160];
    snprintf(parameters, sizeof parameters, "host=127.0.0.1 port=%d user=postgres dbname=postgres", server.port);
    PGconn *pg = PQconnectdb(parameters);
    pthread_t writer;
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "balance");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){1}, .limit = -1};
    writing = true;
    assert_int_equal(pthread_create(&writer, NULL, write_on, pg), 0);
    for (int round = 0; round < 10; round++) {
        int64_t rows, sum;
        const char *text;
        read_in_parallel(source, &request, &rows, &sum, &text);
        assert_non_null(strstr(text, "in ranges of"));
        assert_int_equal(rows, strtoll(expected, NULL, 10));
        assert_int_equal(sum, 0);
    }
    writing = false;
    pthread_join(writer, NULL);
    PQfinish(pg);
    driver->close(source);
}

static int64_t sum_of_part(tl_scan_part *part, const struct tl_scan_request *request, int64_t *rows)
{
    struct tl_chunk *chunk = test_chunk(arena, request);
    struct tl_err err;
    int64_t sum = 0;
    tl_err_init(&err);
    do {
        tl_chunk_reset(chunk);
        if (driver->part_next(part, chunk, NULL, &err) != TL_OK)
            fail_msg("%s", err.message);
        *rows += (int64_t)chunk->row_count;
        for (size_t i = 0; i < chunk->row_count; i++)
            sum += ((const int64_t *)chunk->columns[0].data)[i];
    } while (chunk->row_count > 0);
    return sum;
}

static void test_a_part_opened_later_sees_what_the_first_saw(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    tl_scan_part *open[3] = {0};
    struct tl_scan_stats stats;
    struct tl_err err;
    tl_scan *scan;
    int parts;
    int64_t rows = 0, sum = 0;
    tl_err_init(&err);
    assert_int_equal(driver->scan_open(source, &request, 2, NULL, arena, &scan, &parts, &err), TL_OK);
    assert_int_equal(parts, 2);
    assert_int_equal(driver->part_open(scan, NULL, &open[0], &err), TL_OK);
    test_run(&server, "UPDATE large SET id = -id WHERE id > 200000");
    assert_int_equal(driver->part_open(scan, NULL, &open[1], &err), TL_OK); /* on a connection of its own */
    for (size_t i = 0; i < 2; i++) {
        sum += sum_of_part(open[i], &request, &rows);
        driver->part_close(open[i]);
    }
    while (driver->part_open(scan, NULL, &open[2], &err) == TL_OK && open[2]) {
        sum += sum_of_part(open[2], &request, &rows);
        driver->part_close(open[2]);
    }
    assert_int_equal(err.code, TL_OK);
    driver->scan_close(scan, &stats);
    assert_int_equal(rows, 300000);
    assert_int_equal(sum, INT64_C(300000) * 300001 / 2);
    test_run(&server, "UPDATE large SET id = -id WHERE id < 0");
    driver->close(source);
}

/* Opens a part; whoever it is may find that none is left. */
static void *open_part(void *context)
{
    struct reader *reader = context;
    tl_scan_part *part = NULL;
    tl_err_init(&reader->err);
    reader->code = driver->part_open(reader->scan, NULL, &part, &reader->err);
    if (part)
        driver->part_close(part);
    return NULL;
}

/* As when one side of a join turns out to be empty: the exporter of the snapshot leaves while others import it. */
static void test_leaving_in_mid_way_does_not_fail_those_who_come(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    for (int round = 0; round < 40; round++) {
        struct reader readers[READERS] = {0};
        pthread_t threads[READERS];
        tl_scan_part *first;
        tl_scan *scan;
        struct tl_scan_stats stats;
        struct tl_err err;
        int parts;
        tl_err_init(&err);
        assert_int_equal(driver->scan_open(source, &request, READERS, NULL, arena, &scan, &parts, &err), TL_OK);
        assert_int_equal(driver->part_open(scan, NULL, &first, &err), TL_OK);
        for (size_t i = 0; i < READERS; i++) {
            readers[i] = (struct reader){.source = source, .scan = scan, .request = &request};
            assert_int_equal(pthread_create(&threads[i], NULL, open_part, &readers[i]), 0);
        }
        usleep((useconds_t)(round % 10 * 300));
        driver->part_close(first);
        for (size_t i = 0; i < READERS; i++) {
            pthread_join(threads[i], NULL);
            if (readers[i].code != TL_OK)
                fail_msg("round %d: %s: %s", round, readers[i].err.message, readers[i].err.detail);
        }
        driver->scan_close(scan, &stats);
    }
    driver->close(source);
}

static void test_threads_that_come_late_lose_no_rows(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        tl_source *source = test_open(&server, NULL); /* new, so that the first thread is far ahead of the others */
        struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
        struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){-1}, .limit = -1};
        int64_t rows, sum;
        const char *text;
        read_in_parallel(source, &request, &rows, &sum, &text);
        assert_int_equal(rows, 300000);
        driver->close(source);
    }
}

/* A server process ends a moment after its connection; those of the test before must not be counted. */
static void wait_until_no_connection_is_left(void)
{
    int64_t give_up_ms = now_ms() + 10000;
    while (!tl_streq(test_value(&server, arena, BACKENDS), "0"))
        assert_true(now_ms() < give_up_ms);
}

static void test_no_more_connections_than_allowed(void **state)
{
    (void)state;
    wait_until_no_connection_is_left();
    tl_source *source = test_open(&server, "connections_max", "2", NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    int64_t rows, sum;
    const char *text;
    for (int i = 0; i < 3; i++) {
        read_in_parallel(source, &request, &rows, &sum, &text);
        assert_int_equal(rows, 300000);
        assert_int_equal(sum, INT64_C(300000) * 300001 / 2);
    }
    assert_true(strtol(test_value(&server, arena, BACKENDS), NULL, 10) <= 2);
    driver->close(source);
}

static void test_waiting_for_a_connection_can_be_given_up(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, "connections_max", "1", NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    tl_scan *scan;
    tl_scan_part *part;
    struct tl_scan_stats stats;
    struct tl_err err;
    const char *version;
    int parts;
    tl_err_init(&err);
    assert_int_equal(driver->scan_open(source, &request, 4, NULL, arena, &scan, &parts, &err), TL_OK);
    assert_int_equal(parts, 1);
    assert_int_equal(driver->part_open(scan, NULL, &part, &err), TL_OK);
    struct alarm alarm = {now_ms() + 200};
    struct tl_stop stop = {is_late, &alarm, 0};
    assert_int_equal(driver->test(source, &stop, arena, &version, &err), TL_CANCELLED);
    assert_true(now_ms() - alarm.at_ms < 300);
    driver->part_close(part);
    driver->scan_close(scan, &stats);
    tl_err_init(&err);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_OK);
    driver->close(source);
}

static void test_two_scans_that_want_all_connections_both_end(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, "connections_max", "2", NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    struct reader readers[READERS] = {0};
    pthread_t threads[READERS];
    tl_scan *scans[2];
    struct tl_scan_stats stats;
    struct tl_err err;
    int parts;
    tl_err_init(&err);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(driver->scan_open(source, &request, 2, NULL, arena, &scans[i], &parts, &err), TL_OK);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.source = source, .scan = scans[i % 2], .request = &request};
        assert_int_equal(pthread_create(&threads[i], NULL, read_parts, &readers[i]), 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].code, TL_OK);
    }
    assert_int_equal(readers[0].rows + readers[2].rows, 300000);
    assert_int_equal(readers[1].rows + readers[3].rows, 300000);
    driver->scan_close(scans[0], &stats);
    driver->scan_close(scans[1], &stats);
    driver->close(source);
}

static void test_a_read_that_an_index_answers_is_one_part(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
    struct tl_expr column = {.kind = TL_EXPR_COLUMN, .column = 0, .type = dataset->columns[0].type};
    struct tl_expr constant = {
        .kind = TL_EXPR_CONSTANT, .type = column.type, .value = {.type = column.type, .as.int64 = 77777}};
    struct tl_expr *children[] = {&column, &constant};
    struct tl_expr equal = {.kind = TL_EXPR_EQ, .child_count = 2, .children = children};
    struct tl_scan_request request = {.dataset = dataset,
                                      .column_count = 1,
                                      .columns = (int[]){0},
                                      .limit = -1,
                                      .filter_count = 1,
                                      .filters = (const struct tl_expr *const[]){&equal},
                                      .query_id = "q_1*/"};
    int64_t rows, sum;
    const char *text;
    read_in_parallel(source, &request, &rows, &sum, &text);
    assert_int_equal(rows, 1);
    assert_int_equal(sum, 77777);
    assert_null(strstr(text, "in ranges of"));
    equal.kind = TL_EXPR_NE;
    read_in_parallel(source, &request, &rows, &sum, &text);
    assert_int_equal(rows, 299999);
    assert_non_null(strstr(text, "in ranges of"));
    driver->close(source);
}

static void check_partitions(tl_source *source, const struct tl_expr *filter, int64_t expected_rows, const char *part)
{
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "parted");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1,
                                      .filter_count = filter != NULL, .filters = &filter};
    int64_t rows, sum;
    const char *text;
    read_in_parallel(source, &request, &rows, &sum, &text);
    assert_int_equal(rows, expected_rows);
    if (part ? !strstr(text, part) : strstr(text, "in ranges of") != NULL)
        fail_msg("%s", text);
    const char *where = filter ? "WHERE region <> 'north'" : "";
    assert_string_equal(tl_arena_printf(arena, "%lld", (long long)sum),
                        test_value(&server, arena, tl_arena_printf(arena, "SELECT sum(id) FROM parted %s", where)));
}

static void test_partitions_are_read_in_parallel(void **state)
{
    (void)state;
    test_run(&server,
             "DROP TABLE IF EXISTS parted; CREATE TABLE parted (id bigint, region text, filler text) PARTITION BY LIST (region);"
             "CREATE TABLE \"north.1\" PARTITION OF parted FOR VALUES IN ('north');"
             "CREATE TABLE south (filler text, id bigint, gone int, region text); ALTER TABLE south DROP COLUMN gone;" /* another order */
             "ALTER TABLE parted ATTACH PARTITION south FOR VALUES IN ('south');"
             "CREATE TABLE others PARTITION OF parted DEFAULT PARTITION BY RANGE (id);"
             "CREATE TABLE others_low PARTITION OF others FOR VALUES FROM (0) TO (50000);"
             "CREATE TABLE others_high PARTITION OF others FOR VALUES FROM (50000) TO (1000000);"
             "CREATE TABLE nothing PARTITION OF parted FOR VALUES IN ('nowhere');"
             "INSERT INTO parted SELECT i, (ARRAY['north', 'south', 'east', NULL])[i % 4 + 1], repeat('x', 100)"
             " FROM generate_series(1, 200000) i; ANALYZE parted");
    tl_source *source = test_open(&server, NULL);
    check_partitions(source, NULL, 200000, "of 5 heaps");
    struct tl_type text = tl_type_simple(TL_TYPE_VARCHAR);
    struct tl_expr region = {.kind = TL_EXPR_COLUMN, .column = 1, .type = text};
    struct tl_expr north = {.kind = TL_EXPR_CONSTANT, .type = text, .value = {.type = text, .as.text = TL_STR("north")}};
    struct tl_expr *children[] = {&region, &north};
    struct tl_expr differs = {.kind = TL_EXPR_NE, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = 2, .children = children};
    check_partitions(source, &differs, 100000, "of 5 heaps");
    driver->close(source);
}

static void test_partitions_are_one_part_where_only_the_table_may_be_read(void **state)
{
    (void)state;
    test_run(&server, "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT SELECT ON parted TO reader");
    tl_source *source = test_open(&server, "user", "reader", NULL);
    check_partitions(source, NULL, 200000, NULL);
    test_run(&server, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader");
    check_partitions(source, NULL, 200000, "of 5 heaps");
    test_run(&server, "ALTER TABLE parted ENABLE ROW LEVEL SECURITY; CREATE POLICY all_rows ON parted USING (true)");
    check_partitions(source, NULL, 200000, NULL);
    test_run(&server, "DROP TABLE parted; DROP OWNED BY reader; DROP ROLE reader");
    driver->close(source);
}

static void test_idle_connections_are_closed(void **state)
{
    (void)state;
    wait_until_no_connection_is_left();
    tl_source *source = test_open(&server, NULL);
    tl_postgres_pool *pool = tl_postgres_pool_new(&source->options, 200);
    struct tl_postgres_connection *connections[2];
    struct tl_err err;
    tl_err_init(&err);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(tl_postgres_pool_take(pool, NULL, &connections[i], &err), TL_OK);
    assert_string_equal(test_value(&server, arena, BACKENDS), "2");
    tl_postgres_pool_put(pool, connections[0]);
    int64_t give_up_ms = now_ms() + 3000;
    while (!tl_streq(test_value(&server, arena, BACKENDS), "1"))
        assert_true(now_ms() < give_up_ms);
    tl_postgres_pool_put(pool, connections[1]);
    while (!tl_streq(test_value(&server, arena, BACKENDS), "0"))
        assert_true(now_ms() < give_up_ms);
    /* and one that is used again at once is the same */
    assert_int_equal(tl_postgres_pool_take(pool, NULL, &connections[0], &err), TL_OK);
    int backend = PQbackendPID(connections[0]->pg);
    tl_postgres_pool_put(pool, connections[0]);
    assert_int_equal(tl_postgres_pool_take(pool, NULL, &connections[0], &err), TL_OK);
    assert_int_equal(PQbackendPID(connections[0]->pg), backend);
    tl_postgres_pool_put(pool, connections[0]);
    tl_postgres_pool_free(pool);
    driver->close(source);
}

static const char preparation[] =
    "CREATE TABLE large AS SELECT i::bigint AS id, 'row number ' || i AS t, repeat('x', 40) AS u"
    " FROM generate_series(1, 300000) i; CREATE UNIQUE INDEX ON large (id); ANALYZE";

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_threads_see_one_state_while_a_writer_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_part_opened_later_sees_what_the_first_saw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leaving_in_mid_way_does_not_fail_those_who_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads_that_come_late_lose_no_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle_connections_are_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_more_connections_than_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waiting_for_a_connection_can_be_given_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_scans_that_want_all_connections_both_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_read_that_an_index_answers_is_one_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partitions_are_read_in_parallel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partitions_are_one_part_where_only_the_table_may_be_read, set_up, tear_down),
    };
    test_server_start(&server);
    test_run(&server, preparation);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    test_server_stop(&server);
    return failures;
}
