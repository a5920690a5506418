/* The engine from serve's side, with the real process and the real library behind it. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "data/json.h"
#include "engines/duckdb/engine_testing.h"

static struct testing shared;

static tl_engine *engine(void)
{
    return shared.engine;
}

static int start_shared(void **state)
{
    (void)state;
    testing_start(&shared, 0, 0, NULL);
    return 0;
}

static int stop_shared(void **state)
{
    (void)state;
    testing_stop(&shared);
    return 0;
}

/* ---- statements ---- */

static void test_select_answers(void **state)
{
    (void)state;
    expect_rows(engine(), "SELECT 1", "1\n");
    expect_rows(engine(), "SELECT 1 AS a, 'x' AS b, NULL AS c WHERE false", "");
    expect_rows(engine(), "SELECT i, i * 2 FROM range(3) t(i)", "0|0\n1|2\n2|4\n");
}

static void test_columns_are_named_and_typed(void **state)
{
    (void)state;
    struct answer answer;
    ask(engine(), &(struct question){.sql = "SELECT 1::BIGINT AS a, 'x' AS \"b c\", 1.5::DECIMAL(7,2) AS a"}, &answer);
    assert_int_equal(answer.code, TL_OK);
    assert_int_equal(answer.field_count, 3);
    assert_string_equal(answer.fields[0].name, "a");
    assert_string_equal(answer.fields[1].name, "b c");
    assert_string_equal(answer.fields[2].name, "a");
    assert_int_equal(answer.fields[0].type.id, TL_TYPE_INT64);
    assert_int_equal(answer.fields[1].type.id, TL_TYPE_VARCHAR);
    assert_int_equal(answer.fields[2].type.precision, 7);
    assert_int_equal(answer.fields[2].type.scale, 2);
    assert_int_equal(answer.stats.rows, 1);
    assert_true(answer.stats.bytes > 0 && answer.stats.elapsed_us > 0 && answer.stats.changed_rows == -1);
    answer_done(&answer);
}

static void test_errors_have_codes_and_positions(void **state)
{
    (void)state;
    struct answer answer;
    expect_error(engine(), "SELECT nope FROM range(3)", TL_COLUMN_NOT_FOUND, "nope");
    expect_error(engine(), "SELECT * FROM nowhere", TL_TABLE_NOT_FOUND, "nowhere");
    expect_error(engine(), "SELECT nofunction(1)", TL_FUNCTION_NOT_FOUND, "nofunction");
    expect_error(engine(), "SELECT 'a'::INTEGER", TL_INVALID_VALUE, "a");
    ask(engine(), &(struct question){.sql = "SELECT 1 +"}, &answer);
    assert_int_equal(answer.code, TL_SYNTAX);
    answer_done(&answer);
    ask(engine(), &(struct question){.sql = "SELECT 1, nope FROM range(3)"}, &answer);
    assert_int_equal(answer.err.position, 10);
    answer_done(&answer);
}

static void test_an_error_in_mid_stream_is_reported(void **state)
{
    (void)state;
    expect_error(engine(), "SELECT CASE WHEN i = 2999999 THEN 'x'::INTEGER ELSE i END FROM range(3000000) t(i)", TL_INVALID_VALUE, NULL);
    expect_rows(engine(), "SELECT 1", "1\n");
}

static void test_a_nul_byte_is_refused(void **state)
{
    (void)state;
    struct tl_request rq;
    tl_result *result;
    tl_arena *arena = tl_arena_new(1 << 20);
    tl_request_init(&rq, arena);
    struct tl_engine_statement statement = {.sql = {"SELECT 1\0, 2", 12}};
    assert_int_equal(tl_engine_run(&rq, engine(), NULL, &statement, &result), TL_BAD_ENCODING);
    tl_arena_free(arena);
}

static void test_rows_beyond_the_limit_are_an_error(void **state)
{
    (void)state;
    struct answer answer;
    ask(engine(), &(struct question){.sql = "FROM range(100000)", .rows_max = 99999, .no_text = true}, &answer);
    assert_int_equal(answer.code, TL_ROWS_EXCEEDED);
    answer_done(&answer);
    ask(engine(), &(struct question){.sql = "FROM range(100000)", .rows_max = 100000, .no_text = true}, &answer);
    assert_int_equal(answer.code, TL_OK);
    assert_int_equal(answer.stats.rows, 100000);
    answer_done(&answer);
}

static void test_time_zone_belongs_to_the_statement(void **state)
{
    (void)state;
    struct answer answer;
    const char *sql = "SELECT TIMESTAMPTZ '2024-07-01 12:00:00+00'::VARCHAR";
    for (int i = 0; i < 2; i++) {
        ask(engine(), &(struct question){.sql = sql, .time_zone = "America/New_York"}, &answer);
        assert_string_equal(tl_buf_cstr(&answer.text), "2024-07-01 08:00:00-04\n");
        answer_done(&answer);
        expect_rows(engine(), sql, "2024-07-01 12:00:00+00\n");
    }
    ask(engine(), &(struct question){.sql = sql, .time_zone = "Moon/Base'; SELECT 1"}, &answer);
    assert_int_equal(answer.code, TL_INVALID_ARGUMENT);
    answer_done(&answer);
}

static struct tl_value value_text(const char *text)
{
    return (struct tl_value){.type = tl_type_simple(TL_TYPE_VARCHAR), .as.text = tl_str_of(text)};
}

static void test_parameters_keep_their_types(void **state)
{
    (void)state;
    struct tl_value params[] = {
        {.type = tl_type_simple(TL_TYPE_INT64), .as.int64 = -5},
        value_text("o'clock"),
        {.type = tl_type_decimal(12, 2), .as.int64 = -12345},
        {.type = tl_type_simple(TL_TYPE_DATE), .as.int64 = 19000},
        {.type = tl_type_simple(TL_TYPE_BOOLEAN), .as.boolean = true},
        {.type = tl_type_simple(TL_TYPE_DOUBLE), .as.number = 0.5},
        {.type = tl_type_simple(TL_TYPE_VARCHAR), .is_null = true},
        {.type = tl_type_decimal(38, 3), .as.int128 = {1, 0}},
        {.type = tl_type_simple(TL_TYPE_UUID), .as.int128 = {1, INT64_MIN}},
        {.type = tl_type_simple(TL_TYPE_TIMESTAMP), .as.int64 = 1500000},
        {.type = tl_type_simple(TL_TYPE_UINT8), .as.uint64 = 255},
        {.type = tl_type_simple(TL_TYPE_INTERVAL), .as.interval = {1, 2, 3000000}},
    };
    struct answer answer;
    ask(engine(), &(struct question){.sql = "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
                                            "system.main.typeof($1), system.main.typeof($3), system.main.typeof($11)",
                                     .params = params, .param_count = sizeof params / sizeof *params}, &answer);
    assert_string_equal(answer.err.message, "");
    assert_string_equal(tl_buf_cstr(&answer.text),
                        "-5|o'clock|-123.45|2022-01-08|true|0.5|NULL|0.001|00000000-0000-0000-0000-000000000001|1970-01-01 00:00:01.5|"
                        "255|1 month 2 days 00:00:03|BIGINT|DECIMAL(12,2)|UTINYINT\n");
    answer_done(&answer);
    ask(engine(), &(struct question){.sql = "SELECT i FROM range(10) t(i) WHERE i = $1",
            .params = (struct tl_value[]){{.type = tl_type_simple(TL_TYPE_INT64), .as.int64 = 7}}, .param_count = 1}, &answer);
    assert_string_equal(tl_buf_cstr(&answer.text), "7\n");
    answer_done(&answer);
    ask(engine(), &(struct question){.sql = "SELECT $1, $2", .params = params, .param_count = 1}, &answer);
    assert_int_equal(answer.code, TL_INVALID_ARGUMENT);
    answer_done(&answer);
}

/* ---- types ---- */

/* Column by column, a value as the engine writes it and as it came over. */
static const struct {
    const char *sql, *type, *text;
} values[] = {
    {"true", "BOOLEAN", "true"},
    {"(-128)::TINYINT", "TINYINT", "-128"},
    {"32767::SMALLINT", "SMALLINT", "32767"},
    {"(-170141183460469231731687303715884105728)::HUGEINT", "HUGEINT", "-170141183460469231731687303715884105728"},
    {"340282366920938463463374607431768211455::UHUGEINT", "UHUGEINT", "340282366920938463463374607431768211455"},
    {"18446744073709551615::UBIGINT", "UBIGINT", "18446744073709551615"},
    {"1.5::FLOAT", "FLOAT", "1.5"},
    {"'nan'::DOUBLE", "DOUBLE", "NaN"},
    {"(-1.5)::DECIMAL(4,1)", "DECIMAL(4,1)", "-1.5"},
    {"99999999999999999999999999999999999.999::DECIMAL(38,3)", "DECIMAL(38,3)", "99999999999999999999999999999999999.999"},
    {"'a\U0001F986b'", "VARCHAR", "a\U0001F986b"},
    {"'{\"a\":1}'::JSON", "JSON", "{\"a\":1}"},
    {"'\\x00\\xFF'::BLOB", "BLOB", NULL},
    {"'47183823-2574-4bfd-b411-99ed177d3e43'::UUID", "UUID", "47183823-2574-4bfd-b411-99ed177d3e43"},
    {"DATE '0001-01-01'", "DATE", "0001-01-01"},
    {"TIME '23:59:59.999999'", "TIME", "23:59:59.999999"},
    {"TIMESTAMP '2024-02-29 12:34:56.789'", "TIMESTAMP", "2024-02-29 12:34:56.789"},
    {"'2024-02-29 12:34:56'::TIMESTAMP_S", "TIMESTAMP", "2024-02-29 12:34:56"},
    {"'1969-12-31 23:59:59.999'::TIMESTAMP_MS", "TIMESTAMP", "1969-12-31 23:59:59.999"},
    {"'2024-02-29 12:34:56.123456789'::TIMESTAMP_NS", "TIMESTAMP_NS", "2024-02-29 12:34:56.123456789"},
    {"INTERVAL '1 year 2 days 3 seconds'", "INTERVAL", "1 year 2 days 00:00:03"},
    {"[1, NULL, 3]", "INTEGER[]", "[1,null,3]"},
    {"[[], [[1], NULL]]", NULL, "[[],[[1],null]]"},
    {"{'a': 1, 'b': [{'c': 'x'}]}", "STRUCT(a INTEGER, b STRUCT(c VARCHAR)[])", "{\"a\":1,\"b\":[{\"c\":\"x\"}]}"},
    {"MAP {'k': [1, 2]}", "MAP(VARCHAR, INTEGER[])", "{\"k\":[1,2]}"},
    {"'b'::ENUM('a', 'b')", "VARCHAR", "b"},
    {"'10:20:30.5+01:30'::TIMETZ", "VARCHAR", "10:20:30.500000+01:30"},
    {"'0101011'::BIT", "VARCHAR", "0101011"},
    {"'123456789012345678901234567890123456789012345'::BIGNUM", "VARCHAR", "123456789012345678901234567890123456789012345"},
    {"(-1000000000)::BIGNUM", "VARCHAR", "-1000000000"},
    {"0::BIGNUM", "VARCHAR", "0"},
    {"[1, 2, 3]::INTEGER[3]", "INTEGER[]", "[1,2,3]"},
    {"union_value(num := 5)::UNION(num INTEGER, str VARCHAR)", "STRUCT(num INTEGER, str VARCHAR)", "{\"num\":5,\"str\":null}"},
};

static void check_value(size_t index, const char *before, const char *after)
{
    struct answer answer;
    char sql[1024];
    snprintf(sql, sizeof sql, "%s%s%s", before, values[index].sql, after);
    ask(engine(), &(struct question){.sql = sql}, &answer);
    if (answer.code != TL_OK)
        fail_msg("%s: %s", sql, answer.err.message);
    struct tl_buf type;
    tl_buf_init(&type, 4096);
    tl_type_format_sql(&type, &answer.fields[0].type);
    if (values[index].type)
        assert_string_equal(tl_buf_cstr(&type), values[index].type);
    const char *line = tl_buf_cstr(&answer.text);
    size_t size = strcspn(line, "\n");
    if (values[index].text && (size != strlen(values[index].text) || strncmp(line, values[index].text, size) != 0))
        fail_msg("%s gave %.*s", sql, (int)size, line);
    tl_buf_done(&type);
    answer_done(&answer);
}

static void test_every_type_comes_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        check_value(i, "SELECT ", "");
        check_value(i, "SELECT ", " AS v FROM range(5000)");
        check_value(i, "SELECT v FROM range(9000) t(i) LEFT JOIN (SELECT 0 AS rest, ", " AS v) ON i % 3 = rest ORDER BY i");
    }
}

/* The engine says itself what each value is: the text of the carried value must be the text it gives. */
static void test_nulls_and_order_survive_blocks(void **state)
{
    (void)state;
    expect_rows(engine(), "SELECT sum(i), count(s), count(l) FROM (SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE i::VARCHAR END AS s, "
                          "CASE WHEN i % 5 = 0 THEN NULL ELSE range(i % 4) END AS l FROM range(100000) t(i))", "4999950000|85714|80000\n");
    struct answer answer;
    ask(engine(), &(struct question){.sql = "SELECT i, CASE WHEN i % 7 = 0 THEN NULL ELSE i::VARCHAR || 'longer than twelve' END, "
                                            "CASE WHEN i % 5 = 0 THEN NULL ELSE range(i % 4) END FROM range(20000) t(i)"}, &answer);
    assert_int_equal(answer.code, TL_OK);
    const char *at = tl_buf_cstr(&answer.text);
    for (int i = 0; i < 20000; i++) {
        static const char *const lists[] = {"[]", "[0]", "[0,1]", "[0,1,2]"};
        char text[64] = "NULL", line[128];
        if (i % 7)
            snprintf(text, sizeof text, "%dlonger than twelve", i);
        int size = snprintf(line, sizeof line, "%d|%s|%s\n", i, text, i % 5 ? lists[i % 4] : "NULL");
        if (strncmp(at, line, (size_t)size) != 0)
            fail_msg("row %d is %.*s", i, (int)strcspn(at, "\n"), at);
        at += size;
    }
    assert_int_equal(*at, '\0');
    answer_done(&answer);
}

static void test_lists_shared_between_rows_come_over(void **state)
{
    (void)state;
    expect_rows(engine(), "SELECT x[2:3], y FROM (SELECT [i, i + 1, i + 2] AS x, {'a': [i], 'm': MAP {i: 'v'}} AS y FROM range(3) t(i)) ORDER BY x DESC",
                "[3,4]|{\"a\":[2],\"m\":{\"2\":\"v\"}}\n[2,3]|{\"a\":[1],\"m\":{\"1\":\"v\"}}\n[1,2]|{\"a\":[0],\"m\":{\"0\":\"v\"}}\n");
    expect_rows(engine(), "SELECT l FROM (SELECT ['same', 'list'] AS l), range(3)", "[\"same\",\"list\"]\n[\"same\",\"list\"]\n[\"same\",\"list\"]\n");
}

static void test_a_type_that_cannot_be_carried_is_said(void **state)
{
    (void)state;
    expect_error(engine(), "SELECT 1::VARIANT AS odd", TL_UNSUPPORTED, "odd");
    expect_rows(engine(), "SELECT 1::VARIANT::VARCHAR", "1\n");
}

static void test_all_types_of_the_engine(void **state)
{
    (void)state;
    struct answer answer;
    ask(engine(), &(struct question){.sql = "SELECT * FROM test_all_types()"}, &answer);
    assert_string_equal(answer.err.message, "");
    assert_int_equal(answer.stats.rows, 3);
    assert_true(answer.field_count > 50);
    answer_done(&answer);
}

static void test_rows_larger_than_a_block_are_split_or_refused(void **state)
{
    (void)state;
    struct answer answer;
    ask(engine(), &(struct question){.sql = "SELECT system.main.repeat('x', 30000000 + i::INTEGER) FROM range(12) t(i)", .no_text = true}, &answer);
    assert_string_equal(answer.err.message, "");
    assert_int_equal(answer.stats.rows, 12);
    assert_true(answer.stats.bytes > 360000000);
    answer_done(&answer);
}

/* ---- changes ---- */

static void test_changed_rows_are_counted(void **state)
{
    (void)state;
    static const char *const allowed[] = {"write:memory.main.changes", "table:memory.main.changes", "function:range", "operator:CREATE_TABLE",
                                          "operator:INSERT", "operator:DELETE", "operator:UPDATE", "operator:DROP"};
    static const struct {
        const char *sql;
        int64_t changed;
    } steps[] = {
        {"CREATE TABLE memory.main.changes AS SELECT i FROM range(10) t(i)", 10},
        {"INSERT INTO memory.main.changes SELECT i FROM range(5) t(i)", 5},
        {"UPDATE memory.main.changes SET i = i + 1 WHERE i < 3", 6},
        {"DELETE FROM memory.main.changes WHERE i > 8", 1},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct answer answer;
        ask(engine(), &(struct question){.sql = steps[i].sql, .allowed = allowed, .allowed_count = sizeof allowed / sizeof *allowed}, &answer);
        assert_string_equal(answer.err.message, "");
        assert_int_equal(answer.stats.changed_rows, steps[i].changed);
        answer_done(&answer);
    }
}

/* ---- parse ---- */

static void test_parse_gives_the_tree(void **state)
{
    (void)state;
    struct tl_request rq;
    struct tl_str json;
    const tl_json *root;
    tl_arena *arena = tl_arena_new(1 << 24);
    tl_request_init(&rq, arena);
    assert_int_equal(tl_engine_parse(&rq, engine(), TL_STR("SELECT a FROM b.c"), &json), TL_OK);
    assert_int_equal(tl_json_parse(arena, json.data, json.size, &root, &rq.err), TL_OK);
    assert_int_equal(tl_json_count(tl_json_get(root, "statements")), 1);
    assert_int_equal(tl_engine_parse(&rq, engine(), TL_STR("SELECT FROM WHERE"), &json), TL_SYNTAX);
    tl_arena_free(arena);
}

/* ---- views ---- */

static void test_views_are_made_once(void **state)
{
    (void)state;
    struct tl_engine_view views[] = {
        {"g1:ops", "public", "t", "SELECT i AS id FROM range(5) t(i)"},
        {"g1:ops", "other", "t", "SELECT 'x' AS name"},
    };
    for (int i = 0; i < 3; i++) {
        struct answer answer;
        /* a name that exists is used as it is: the second definition is never read */
        if (i == 1)
            views[0].select_sql = "SELECT this is not sql";
        ask(engine(), &(struct question){.sql = "SELECT count(*), max(name) FROM \"g1:ops\".public.t, \"g1:ops\".other.t",
                .views = views, .view_count = 2}, &answer);
        assert_string_equal(answer.err.message, "");
        assert_string_equal(tl_buf_cstr(&answer.text), "5|x\n");
        answer_done(&answer);
    }
}

static void test_a_view_that_cannot_be_made_is_tried_again(void **state)
{
    (void)state;
    struct tl_engine_view view = {"g2:ops", "public", "t", "SELECT nope FROM range(5)"};
    struct question question = {.sql = "SELECT count(*) FROM \"g2:ops\".public.t", .views = &view, .view_count = 1};
    struct answer answer;
    ask(engine(), &question, &answer);
    assert_int_equal(answer.code, TL_COLUMN_NOT_FOUND);
    assert_int_equal(answer.err.position, -1);
    answer_done(&answer);
    view.select_sql = "SELECT range FROM range(5)";
    ask(engine(), &question, &answer);
    assert_string_equal(tl_buf_cstr(&answer.text), "5\n");
    answer_done(&answer);
}

static void test_many_catalogs_of_views_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 2100; i++) {
        char catalog[32], sql[128];
        snprintf(catalog, sizeof catalog, "many%d", i % 2050);
        snprintf(sql, sizeof sql, "SELECT a FROM \"%s\".s.v", catalog);
        struct tl_engine_view view = {catalog, "s", "v", "SELECT 42 AS a"};
        struct answer answer;
        ask(engine(), &(struct question){.sql = sql, .views = &view, .view_count = 1}, &answer);
        assert_string_equal(answer.err.message, "");
        assert_string_equal(tl_buf_cstr(&answer.text), "42\n");
        answer_done(&answer);
    }
}

/* ---- many at once ---- */

enum { CLIENTS = 32, STATEMENTS_EACH = 20 };

static void *client_main(void *context)
{
    int number = (int)(intptr_t)context;
    for (int i = 0; i < STATEMENTS_EACH; i++) {
        char sql[256], wanted[64], catalog[32];
        snprintf(catalog, sizeof catalog, "c%d", i % 4);
        struct tl_engine_view view = {catalog, "s", "v", "SELECT i FROM range(1000) t(i)"};
        snprintf(sql, sizeof sql, "SELECT sum(i) + %d FROM \"%s\".s.v", number * 1000 + i, catalog);
        snprintf(wanted, sizeof wanted, "%d\n", 499500 + number * 1000 + i);
        struct answer answer;
        ask(engine(), &(struct question){.sql = sql, .views = &view, .view_count = 1}, &answer);
        bool good = answer.code == TL_OK && strcmp(tl_buf_cstr(&answer.text), wanted) == 0;
        if (!good)
            fprintf(stderr, "client %d: %s %s\n", number, answer.err.message, tl_buf_cstr(&answer.text));
        answer_done(&answer);
        if (!good)
            return context;
    }
    return NULL;
}

static void test_many_clients_at_once(void **state)
{
    (void)state;
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, client_main, (void *)(intptr_t)(i + 1)), 0);
    for (int i = 0; i < CLIENTS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    struct tl_engine_health health;
    tl_engine_health(engine(), &health);
    assert_int_equal(health.running, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select_answers),
        cmocka_unit_test(test_columns_are_named_and_typed),
        cmocka_unit_test(test_errors_have_codes_and_positions),
        cmocka_unit_test(test_an_error_in_mid_stream_is_reported),
        cmocka_unit_test(test_a_nul_byte_is_refused),
        cmocka_unit_test(test_rows_beyond_the_limit_are_an_error),
        cmocka_unit_test(test_time_zone_belongs_to_the_statement),
        cmocka_unit_test(test_parameters_keep_their_types),
        cmocka_unit_test(test_every_type_comes_over),
        cmocka_unit_test(test_nulls_and_order_survive_blocks),
        cmocka_unit_test(test_lists_shared_between_rows_come_over),
        cmocka_unit_test(test_a_type_that_cannot_be_carried_is_said),
        cmocka_unit_test(test_all_types_of_the_engine),
        cmocka_unit_test(test_rows_larger_than_a_block_are_split_or_refused),
        cmocka_unit_test(test_changed_rows_are_counted),
        cmocka_unit_test(test_parse_gives_the_tree),
        cmocka_unit_test(test_views_are_made_once),
        cmocka_unit_test(test_a_view_that_cannot_be_made_is_tried_again),
        cmocka_unit_test(test_many_catalogs_of_views_are_bounded),
        cmocka_unit_test(test_many_clients_at_once),
    };
    return cmocka_run_group_tests(tests, start_shared, stop_shared);
}
