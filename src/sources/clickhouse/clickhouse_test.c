/* Options, listing, describing and scanning a real server. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sources/clickhouse/test_support.h"

static struct test_server server;
static const struct tl_source_driver *driver = &tl_source_driver_clickhouse;

static enum tl_code check_options(const char *name, const char *value, struct tl_err *err)
{
    struct tl_source_config config = {.name = "events",
                                      .kind = "clickhouse",
                                      .option_count = name ? 2 : 1,
                                      .option_names = (const char *const[]){"host", name},
                                      .option_values = (const char *const[]){"localhost", value}};
    tl_err_init(err);
    return driver->check(&config, err);
}

static void test_wrong_options_are_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"port", "0"},     {"port", "8123x"},       {"port", "65536"},
                                           {"secure", "yes"}, {"compress", "zip"},     {"strings_as", "bytes"},
                                           {"user", "a\nb"},  {"connections_max", ""}, {"host", "a b/c"},
                                           {"host", ""},      {"pasword", "x"}};
    struct tl_err err;
    assert_int_equal(check_options(NULL, NULL, &err), TL_OK);
    assert_int_equal(check_options("port", "8443", &err), TL_OK);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tl_source_config config = {.name = "events",
                                          .option_count = 2,
                                          .option_names = (const char *const[]){wrong[i][0], "host"},
                                          .option_values = (const char *const[]){wrong[i][1], "localhost"}};
        tl_err_init(&err);
        if (driver->check(&config, &err) != TL_INVALID_ARGUMENT)
            fail_msg("%s = %s was taken", wrong[i][0], wrong[i][1]);
        assert_non_null(strstr(err.message, wrong[i][0]));
    }
    assert_string_equal(err.hint, "did you mean \"password\"?");
    struct tl_source_config none = {.name = "events"};
    tl_err_init(&err);
    assert_int_equal(driver->check(&none, &err), TL_INVALID_ARGUMENT);
}

static const struct tl_source_dataset *find(const struct tl_source_dataset *datasets, size_t count, const char *schema,
                                            const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (tl_streq(datasets[i].schema, schema) && tl_streq(datasets[i].name, name))
            return &datasets[i];
    return NULL;
}

static void make_listed(void)
{
    test_run(&server, "CREATE DATABASE shop");
    test_run(&server, "CREATE DATABASE other");
    test_run(
        &server,
        "CREATE TABLE shop.orders (day Date COMMENT 'the day''s date', id UInt64, note Nullable(String), `n.a` "
        "Array(UInt8),"
        " `n.b` Array(String), double UInt64 ALIAS id * 2, gone UInt8 EPHEMERAL, tag LowCardinality(Nullable(String)))"
        " ENGINE = MergeTree ORDER BY (toYYYYMM(day), day, id) PRIMARY KEY (toYYYYMM(day), day) COMMENT 'all orders'");
    test_run(&server, "INSERT INTO shop.orders (day, id) SELECT '2024-01-01', number FROM numbers(500)");
    test_run(&server, "CREATE VIEW shop.big AS SELECT * FROM shop.orders WHERE id > 100");
    test_run(&server, "CREATE MATERIALIZED VIEW shop.summary ENGINE = SummingMergeTree ORDER BY day AS SELECT day, "
                      "count() AS c FROM shop.orders GROUP BY day");
    test_run(&server, "CREATE TABLE other.t (a UInt8) ENGINE = Memory");
    test_run(&server, "CREATE TABLE shop.empty (a UInt8, s String) ENGINE = MergeTree ORDER BY ()");
}

static void test_the_listing_has_tables_columns_keys_comments_and_sizes(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct tl_source_dataset *datasets;
    size_t count;
    struct tl_err err;
    tl_err_init(&err);
    tl_source *source = test_open(&server, NULL);
    assert_int_equal(driver->list(source, NULL, arena, &datasets, &count, &err), TL_OK);
    for (size_t i = 0; i < count; i++) {
        assert_null(strstr(datasets[i].name, ".inner"));
        assert_string_not_equal(datasets[i].schema, "system");
        assert_string_not_equal(datasets[i].schema, "INFORMATION_SCHEMA");
        assert_true(datasets[i].column_count > 0);
    }
    const struct tl_source_dataset *orders = find(datasets, count, "shop", "orders");
    assert_non_null(orders);
    assert_int_equal(orders->kind, TL_DATASET_TABLE);
    assert_string_equal(orders->comment, "all orders");
    assert_int_equal(orders->row_estimate, 500);
    assert_true(orders->size_bytes > 0);
    assert_int_equal(orders->column_count, 7);
    assert_string_equal(orders->columns[0].name, "day");
    assert_string_equal(orders->columns[0].comment, "the day's date");
    assert_string_equal(orders->columns[0].source_type, "Date");
    assert_int_equal(orders->columns[0].key_position, 2);
    assert_int_equal(orders->columns[1].key_position, 0); /* only in the sorting key */
    assert_false(orders->columns[1].nullable);
    assert_true(orders->columns[2].nullable);
    assert_string_equal(orders->columns[3].name, "n.a");
    assert_string_equal(orders->columns[5].name, "double");
    assert_true(orders->columns[6].nullable);
    assert_int_equal(find(datasets, count, "shop", "big")->kind, TL_DATASET_VIEW);
    assert_int_equal(find(datasets, count, "shop", "big")->row_estimate, -1);
    assert_int_equal(find(datasets, count, "shop", "summary")->kind, TL_DATASET_VIEW);
    assert_non_null(find(datasets, count, "other", "t"));
    driver->close(source);
    tl_arena_free(arena);
}

static void test_the_option_schemas_limits_what_is_there(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct tl_source_dataset *datasets;
    size_t count;
    struct tl_err err;
    tl_err_init(&err);
    tl_source *source = test_open(&server, "schemas", " other , nowhere", NULL);
    assert_int_equal(driver->list(source, NULL, arena, &datasets, &count, &err), TL_OK);
    assert_int_equal(count, 1);
    assert_string_equal(datasets[0].name, "t");
    assert_int_equal(driver->describe(source, "shop", "orders", NULL, arena, &datasets, &err), TL_TABLE_NOT_FOUND);
    assert_non_null(strstr(err.message, "\"shop\".\"orders\""));
    driver->close(source);
    tl_arena_free(arena);
}

static void test_names_of_any_characters_work(void **state)
{
    (void)state;
    static const char *const names[] = {"a.b",
                                        "it's",
                                        "\"quoted\"",
                                        "back`tick",
                                        "back\\slash",
                                        "gr\xC3\xBC\xC3\x9F"
                                        "e",
                                        "with space",
                                        "SELECT",
                                        "%41&?#"};
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, "CREATE DATABASE `odd ``db`");
    tl_source *source = test_open(&server, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct tl_buf quoted;
        tl_buf_init(&quoted, 1024);
        for (const char *at = names[i]; *at; at++)
            tl_buf_addf(&quoted, "%s%c", *at == '`' || *at == '\\' ? "\\" : "", *at);
        const char *name = tl_buf_cstr(&quoted);
        test_run(&server, tl_arena_printf(arena,
                                          "CREATE TABLE `odd ``db`.`%s` (`%s` UInt8, t Tuple(`%s` UInt8, b UInt8)) "
                                          "ENGINE = MergeTree ORDER BY `%s`",
                                          name, name, name, name));
        test_run(&server, tl_arena_printf(arena, "INSERT INTO `odd ``db`.`%s` VALUES (7, (8, 9))", name));
        struct test_rows rows = test_table(source, arena, "odd `db", names[i]);
        assert_int_equal(rows.row_count, 1);
        assert_string_equal(test_cell(&rows, 0, 0), "7");
        assert_string_equal(test_cell(&rows, 0, 1), tl_arena_printf(arena, "(%s=8,b=9)", names[i]));
        struct tl_source_dataset *dataset = test_describe(source, arena, "odd `db", names[i]);
        assert_string_equal(dataset->columns[0].name, names[i]);
        assert_int_equal(dataset->columns[0].key_position, 1);
        tl_buf_done(&quoted);
    }
    driver->close(source);
    tl_arena_free(arena);
}

static void test_a_name_that_is_not_text_hides_no_other(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct tl_source_dataset *datasets;
    size_t count;
    struct tl_err err;
    tl_err_init(&err);
    test_run(&server, "CREATE DATABASE bytes");
    test_run(&server, "CREATE TABLE bytes.`bad\xFF"
                      "name` (a UInt8) ENGINE = Memory");
    test_run(&server, "CREATE TABLE bytes.good (`col\xFF` UInt8, b UInt8 COMMENT 'bad \xFF comment') ENGINE = Memory");
    tl_source *source = test_open(&server, "schemas", "bytes", NULL);
    assert_int_equal(driver->list(source, NULL, arena, &datasets, &count, &err), TL_OK);
    assert_int_equal(count, 1);
    assert_string_equal(datasets[0].name, "good");
    assert_int_equal(datasets[0].column_count, 1);
    assert_null(datasets[0].columns[0].comment);
    driver->close(source);
    test_run(&server, "DROP DATABASE bytes");
    tl_arena_free(arena);
}

static void test_the_version_is_told(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    const char *version;
    struct tl_err err;
    tl_err_init(&err);
    tl_source *source = test_open(&server, NULL);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_OK);
    assert_string_equal(version, tl_arena_printf(arena, "ClickHouse %.*s", (int)strlen(version) - 11,
                                                 test_ask(&server, arena, "SELECT version()")));
    driver->close(source);
    tl_arena_free(arena);
}

/* ---- scans ---- */

static struct test_rows scan(tl_source *source, tl_arena *arena, struct tl_scan_request *request,
                             struct tl_scan_stats *ret_stats)
{
    struct test_rows rows;
    struct tl_err err;
    tl_err_init(&err);
    if (test_scan(source, arena, request, NULL, &rows, ret_stats, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    return rows;
}

static void test_rows_without_columns_are_counted(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *orders = test_describe(source, arena, "shop", "orders");
    struct tl_scan_stats stats;
    struct tl_scan_request request = {.dataset = orders, .column_count = 1, .columns = (const int[]){-1}, .limit = -1};
    assert_int_equal(scan(source, arena, &request, &stats).row_count, 500);
    assert_string_equal(stats.text, "SELECT 1 FROM `shop`.`orders` FORMAT Native");
    request.column_count = 0;
    assert_int_equal(scan(source, arena, &request, &stats).row_count, 500);
    struct tl_scan_request mixed = {
        .dataset = orders, .column_count = 3, .columns = (const int[]){1, -1, 0}, .limit = 3};
    struct test_rows rows = scan(source, arena, &mixed, &stats);
    assert_int_equal(rows.row_count, 3);
    assert_string_equal(test_cell(&rows, 0, 1), "false");
    assert_string_equal(test_cell(&rows, 0, 2), "2024-01-01");
    assert_int_equal(stats.rows, 3);
    assert_true(stats.bytes > 0);
    driver->close(source);
    tl_arena_free(arena);
}

static void test_an_empty_result_is_no_rows(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    tl_source *source = test_open(&server, NULL);
    assert_int_equal(test_table(source, arena, "shop", "empty").row_count, 0);
    struct tl_scan_request request = {.dataset = test_describe(source, arena, "shop", "orders"),
                                      .column_count = 2,
                                      .columns = (const int[]){0, 0},
                                      .limit = 0};
    assert_int_equal(scan(source, arena, &request, NULL).row_count, 0);
    request.limit = 2;
    assert_int_equal(scan(source, arena, &request, NULL).row_count, 2);
    driver->close(source);
    tl_arena_free(arena);
}

static const char many_rows[] =
    "CREATE OR REPLACE TABLE shop.many ENGINE = MergeTree ORDER BY n AS SELECT number AS n, if(number % 7 = 0, NULL, "
    "toString(number)) AS s,"
    " concat('value-', toString(number % 1000), repeat('x', number % 30))::LowCardinality(String) AS l,"
    " arrayMap(x -> if(x % 2 = 0, NULL, repeat(toString(x), 3)), range(number % 5)) AS a, map(number % 3, "
    "toString(number)) AS m,"
    " repeat('y', number % 300) AS long FROM numbers(200000)";

/* What the server says of the same rows, as one line a row. */
static void check_many(const struct test_rows *rows)
{
    bool *seen = calloc(200000, sizeof *seen);
    assert_int_equal(rows->row_count, 200000);
    for (size_t row = 0; row < rows->row_count; row++) {
        char expected[512];
        int size = snprintf(expected, sizeof expected, "[");
        size_t n = (size_t)strtol(test_cell(rows, row, 0), NULL, 10);
        assert_true(n < 200000 && !seen[n]);
        seen[n] = true;
        if (n % 7 == 0)
            assert_null(test_cell(rows, row, 1));
        else
            assert_string_equal(test_cell(rows, row, 1), test_cell(rows, row, 0));
        for (size_t x = 0; x < n % 5; x++)
            size += snprintf(expected + size, sizeof expected - (size_t)size, "%s%s", x ? "," : "",
                             x == 1   ? "111"
                             : x == 3 ? "333"
                                      : "NULL");
        snprintf(expected + size, sizeof expected - (size_t)size, "]");
        assert_string_equal(test_cell(rows, row, 3), expected);
        snprintf(expected, sizeof expected, "value-%zu%.*s", n % 1000, (int)(n % 30), "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        assert_string_equal(test_cell(rows, row, 2), expected);
        snprintf(expected, sizeof expected, "{%zu:%zu}", n % 3, n);
        assert_string_equal(test_cell(rows, row, 4), expected);
        assert_int_equal(strlen(test_cell(rows, row, 5)), n % 300);
    }
    free(seen);
}

static void test_many_blocks_come_whole_and_once(void **state)
{
    (void)state;
    static const char *const compress[] = {"none", "lz4"};
    test_run(&server, many_rows);
    for (size_t i = 0; i < 2; i++) {
        tl_arena *arena = tl_arena_new((size_t)4 << 30);
        tl_source *source = test_open(&server, "compress", compress[i], NULL);
        struct tl_source_dataset *dataset = test_describe(source, arena, "shop", "many");
        struct tl_scan_request request = {
            .dataset = dataset, .column_count = 6, .columns = (const int[]){0, 1, 2, 3, 4, 5}, .limit = -1};
        struct test_rows rows = scan(source, arena, &request, NULL);
        check_many(&rows);
        driver->close(source);
        tl_arena_free(arena);
    }
}

struct reader {
    tl_scan *scan;
    const struct tl_source_dataset *dataset;
    uint64_t rows, sum;
};

static void *read_parts(void *context)
{
    struct reader *reader = context;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    const struct tl_type *types[] = {&reader->dataset->columns[0].type, &reader->dataset->columns[5].type};
    struct tl_chunk *chunk = tl_chunk_new(arena, types, 2);
    tl_scan_part *part;
    struct tl_err err;
    tl_err_init(&err);
    while (driver->part_open(reader->scan, NULL, &part, &err) == TL_OK && part) {
        do {
            tl_chunk_reset(chunk);
            if (driver->part_next(part, chunk, NULL, &err) != TL_OK)
                abort();
            for (size_t row = 0; row < chunk->row_count; row++)
                reader->sum += ((const uint64_t *)chunk->columns[0].data)[row] +
                               tl_vector_text(&chunk->columns[1], row).size;
            reader->rows += chunk->row_count;
        } while (chunk->row_count > 0);
        driver->part_close(part);
    }
    tl_arena_free(arena);
    return NULL;
}

static void test_several_threads_share_one_scan(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    tl_source *source = test_open(&server, NULL);
    struct tl_scan_request request = {.dataset = test_describe(source, arena, "shop", "many"),
                                      .column_count = 2,
                                      .columns = (const int[]){0, 5},
                                      .limit = -1};
    tl_scan *one;
    int parts;
    struct tl_err err;
    struct tl_scan_stats stats;
    tl_err_init(&err);
    assert_int_equal(driver->scan_open(source, &request, THREADS, NULL, arena, &one, &parts, &err), TL_OK);
    assert_int_equal(parts, THREADS);
    pthread_t threads[THREADS];
    struct reader readers[THREADS];
    uint64_t rows = 0, sum = 0;
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct reader){.scan = one, .dataset = request.dataset};
        pthread_create(&threads[i], NULL, read_parts, &readers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        rows += readers[i].rows;
        sum += readers[i].sum;
    }
    driver->scan_close(one, &stats);
    assert_int_equal(rows, 200000);
    assert_int_equal(stats.rows, 200000);
    assert_string_equal(test_ask(&server, arena, "SELECT sum(n + length(long)) FROM shop.many"),
                        tl_arena_printf(arena, "%llu\n", (unsigned long long)sum));
    driver->close(source);
    tl_arena_free(arena);
}

static void test_an_unsayable_filter_is_refused_not_forgotten(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    tl_source *source = test_open(&server, NULL);
    struct tl_expr constant = {.kind = TL_EXPR_CONSTANT};
    const struct tl_expr *filters[] = {&constant};
    struct tl_scan_request request = {.dataset = test_describe(source, arena, "shop", "orders"),
                                      .column_count = 1,
                                      .columns = (const int[]){0},
                                      .filter_count = 1,
                                      .filters = filters,
                                      .limit = -1};
    struct test_rows rows;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_INTERNAL);
    driver->close(source);
    tl_arena_free(arena);
}

/* ---- TLS ---- */

struct tls_proxy {
    pid_t pid;
    int life; /* closed: the proxy ends */
    char port[16];
    char ca_file[320];
};

static void start_tls_proxy(struct tls_proxy *proxy)
{
    int life[2], output[2];
    char target[16];
    const char *script = getenv("TL_TLS_PROXY");
    assert_non_null(script);
    assert_true(pipe(life) == 0 && pipe(output) == 0);
    snprintf(target, sizeof target, "%d", server.port);
    snprintf(proxy->ca_file, sizeof proxy->ca_file, "%s/cert.pem", server.dir);
    proxy->pid = fork();
    if (proxy->pid == 0) {
        dup2(life[0], 0);
        dup2(output[1], 1);
        close(life[1]);
        execlp("python3", "python3", script, server.dir, target, (char *)NULL);
        _exit(127);
    }
    close(life[0]);
    close(output[1]);
    proxy->life = life[1];
    size_t size = 0; /* the number and the line's end may come one after the other */
    while (size < sizeof proxy->port - 1 && read(output[0], proxy->port + size, 1) == 1 && proxy->port[size] != '\n')
        size++;
    close(output[0]);
    assert_true(size > 1);
    proxy->port[size] = '\0';
}

static void test_tls_is_used_and_the_certificate_checked(void **state)
{
    (void)state;
    struct tls_proxy proxy = {0};
    start_tls_proxy(&proxy);
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    const char *version;
    struct tl_err err;
    tl_err_init(&err);
    tl_source *source = test_open(&server, "port", proxy.port, "secure", "true", "ca_file", proxy.ca_file, NULL);
    if (driver->test(source, NULL, arena, &version, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    assert_int_equal(test_table(source, arena, "shop", "orders").row_count, 500);
    driver->close(source);
    source = test_open(&server, "port", proxy.port, "secure", "true", NULL); /* signed by nobody the system trusts */
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_SOURCE_UNAVAILABLE);
    driver->close(source);
    close(proxy.life);
    waitpid(proxy.pid, NULL, 0);
    tl_arena_free(arena);
}

static int start(void **state)
{
    (void)state;
    test_server_start(&server, "driver");
    make_listed();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_options_are_named),
        cmocka_unit_test(test_the_listing_has_tables_columns_keys_comments_and_sizes),
        cmocka_unit_test(test_the_option_schemas_limits_what_is_there),
        cmocka_unit_test(test_names_of_any_characters_work),
        cmocka_unit_test(test_a_name_that_is_not_text_hides_no_other),
        cmocka_unit_test(test_the_version_is_told),
        cmocka_unit_test(test_rows_without_columns_are_counted),
        cmocka_unit_test(test_an_empty_result_is_no_rows),
        cmocka_unit_test(test_many_blocks_come_whole_and_once),
        cmocka_unit_test(test_several_threads_share_one_scan),
        cmocka_unit_test(test_tls_is_used_and_the_certificate_checked),
        cmocka_unit_test(test_an_unsayable_filter_is_refused_not_forgotten),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
