/* The two lines of defence, each with the other switched off: the governed views in an engine that checks nothing, and the check of
 * the plan with views that hide nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <duckdb.h>

#include "door/door_int.h"
#include "world.h"

static const char made_of[] =
    "create table people(id bigint, name varchar, email varchar, ip varchar, born date, balance decimal(12,2), score double, seen timestamp, "
    "uid bigint, country varchar, secret varchar);"
    "insert into people values"
    " (1, 'Ada Lovelace', 'ada@canary.example', '203.0.113.77', '1990-05-06', 1234.56, 17.5, '2024-02-03 04:05:06', 42, 'DE', 'canary-1'),"
    " (2, 'Bob', 'no address', '2001:db8:1:2::3', null, -250.00, null, null, null, 'US', 'canary-2'),"
    " (3, null, null, null, '2001-12-31', null, 99.9, '2023-12-31 23:59:59', 7, 'DE', 'canary-3');"
    "create table orders(id int, person bigint, what varchar);"
    "insert into orders values (10, 1, 'a'), (11, 2, 'b'), (12, 3, 'c');";

static const char *const admins[] = {"admin"};
static const char *const readers[] = {"reader"};
static const struct tl_principal root = {.user = "root", .group_count = 1, .groups = admins, .authenticated = true};
static const struct tl_principal reader = {.user = "rita", .group_count = 1, .groups = readers, .authenticated = true};
static const struct tl_grant_scope people = {.source = "ops", .schema = "main", .table = "people"};
static const struct tl_grant_scope orders = {.source = "ops", .schema = "main", .table = "orders"};

static tl_arena *arena;
static struct tl_request rq;

static void ok(enum tl_code code)
{
    if (code != TL_OK)
        fail_msg("%s: %s (%s)", tl_code_info(code)->name, rq.err.message, rq.err.detail);
}

static void as(const struct tl_principal *principal)
{
    tl_request_init(&rq, arena);
    rq.principal = principal;
}

static const tl_json *json(const char *text)
{
    const tl_json *root_value;
    ok(tl_json_parse(arena, text, strlen(text), &root_value, &rq.err));
    return root_value;
}

static void review(const struct tl_grant_scope *scope, const char *body)
{
    as(&root);
    ok(tl_lifeguard_review(&rq, world_lifeguard(), scope, NULL, 0, json(body), "test"));
}

static const char *rule(const char *body)
{
    const char *id;
    as(&root);
    ok(tl_lifeguard_row_rule(&rq, world_lifeguard(), json(body), &id));
    return id;
}

static void unrule(const char *id)
{
    as(&root);
    ok(tl_lifeguard_remove_row_rule(&rq, world_lifeguard(), id, "test"));
}

static int start(void **state)
{
    (void)state;
    const char *id;
    arena = tl_arena_new(1 << 28);
    world_start_closed(made_of);
    as(&root);
    ok(tl_lifeguard_grant(&rq, world_lifeguard(), json("{\"group\":\"reader\",\"privileges\":\"read\",\"scope\":{\"source\":\"ops\"},\"reason\":\"t\"}"), &id));
    review(&people, "{\"columns\":{\"id\":\"open\",\"name\":\"masked:redact\",\"email\":\"masked:email_domain\",\"ip\":\"masked:ip_prefix:16\","
                    "\"born\":\"masked:year\",\"balance\":\"masked:bucket:100\",\"score\":\"masked:constant:5\",\"seen\":\"masked:year\","
                    "\"uid\":\"masked:hash\",\"country\":\"open\"}}");
    review(&orders, "{\"columns\":{\"id\":\"open\",\"person\":\"open\",\"what\":\"open\"}}");
    world_set_principal(&reader);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_stop();
    arena = tl_arena_free(arena);
    return 0;
}

/* --- what each mask shows --- */

static void test_each_mask_shows_what_it_says_and_keeps_the_type(void **state)
{
    (void)state;
    world_expect("SELECT id, name, email, ip FROM people ORDER BY id",
                 "id|name|email|ip\n1|***|***@canary.example|203.0.0.0\n2|***|***|2001:db8:1::\n3|NULL|NULL|NULL");
    world_expect("SELECT id, born, balance, score, seen FROM people ORDER BY id",
                 "id|born|balance|score|seen\n1|1990-01-01|1200.00|5.0|2024-01-01 00:00:00\n2|NULL|-200.00|5.0|NULL\n"
                 "3|2001-01-01|NULL|5.0|2023-01-01 00:00:00");
    world_expect("SELECT DISTINCT typeof(born), typeof(balance), typeof(score), typeof(seen), typeof(uid) FROM people",
                 "typeof(born)|typeof(balance)|typeof(score)|typeof(seen)|typeof(uid)\ndate|decimal(12,2)|double|timestamp(6)|bigint");
    world_expect("SELECT count(*) FROM people WHERE uid = 42", "count_star()\n0");
    world_expect("SELECT count(*) FROM people a JOIN people b ON a.uid = b.uid", "count_star()\n2");
}

static void test_a_mask_that_does_not_fit_its_type_shows_null(void **state)
{
    (void)state;
    review(&people, "{\"columns\":{\"born\":\"masked:last4\",\"balance\":\"masked:email_domain\",\"name\":\"masked:bucket:10\",\"score\":\"masked:hash\"}}");
    world_expect("SELECT count(born), count(balance), count(name), count(score) FROM people",
                 "count(born)|count(balance)|count(\"name\")|count(score)\n0|0|0|0");
    world_expect("SELECT DISTINCT typeof(born), typeof(balance) FROM people", "typeof(born)|typeof(balance)\ndate|decimal(12,2)");
    review(&people, "{\"columns\":{\"born\":\"masked:null\",\"balance\":\"masked:constant:7\",\"name\":\"masked:constant:it's\",\"score\":\"masked:redact\"}}");
    world_expect("SELECT DISTINCT born, balance, name, score FROM people", "born|balance|name|score\nNULL|7.00|it's|NULL");
    review(&people, "{\"columns\":{\"born\":\"masked:year\",\"balance\":\"masked:bucket:100\",\"name\":\"masked:redact\",\"score\":\"masked:constant:5\"}}");
}

static void test_hidden_columns_are_no_columns(void **state)
{
    (void)state;
    world_expect_code("SELECT secret FROM people", TL_COLUMN_NOT_FOUND);
    world_expect("SELECT count(*) FROM (DESCRIBE people) WHERE column_name = 'secret'", "count_star()\n0");
    world_expect("SELECT COLUMNS('secret|^id$') FROM people WHERE id = 1", "id\n1");
}

/* --- row rules --- */

static const struct {
    const char *rule, *ids;
} rules[] = {
    {"{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"}", "1,3"},
    {"{\"column\":\"country\",\"op\":\"<>\",\"value\":\"DE\"}", "2"},
    {"{\"column\":\"country\",\"op\":\"in\",\"values\":[\"US\",\"it's\"]}", "2"},
    {"{\"column\":\"country\",\"op\":\"not_in\",\"values\":[\"US\"]}", "1,3"},
    {"{\"column\":\"id\",\"op\":\">=\",\"value\":2}", "2,3"},
    {"{\"column\":\"balance\",\"op\":\"<\",\"value\":-1.5}", "2"},
    {"{\"column\":\"email\",\"op\":\"like\",\"value\":\"%canary%\"}", "1"},
    {"{\"column\":\"secret\",\"op\":\"=\",\"value\":\"canary-3\"}", "3"},
    {"{\"column\":\"born\",\"op\":\"is_null\"}", "2"},
    {"{\"column\":\"born\",\"op\":\"is_not_null\"}", "1,3"},
    {"{\"any\":[{\"column\":\"id\",\"op\":\"=\",\"value\":1},{\"all\":[{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"},"
     "{\"column\":\"score\",\"op\":\">\",\"value\":50}]}]}", "1,3"},
    {"{\"column\":\"name\",\"op\":\"=\",\"attribute\":\"user\"}", "NULL"},
    {"{\"column\":\"country\",\"op\":\"in\",\"attribute\":\"countries\"}", "NULL"},
    {"{\"sql\":\"length(secret) > 3 AND id < 3\"}", "1,2"},
    {"{\"column\":\"id\",\"op\":\"in\",\"dataset\":{\"source\":\"ops\",\"schema\":\"main\",\"table\":\"orders\"},\"key\":\"person\","
     "\"where\":{\"column\":\"what\",\"op\":\"=\",\"value\":\"b\"}}", "2"},
    {"{\"column\":\"id\",\"op\":\"in\",\"dataset\":{\"source\":\"ops\",\"schema\":\"main\",\"table\":\"none\"},\"key\":\"person\"}", "NULL"},
};

static const char *with_scope(const char *predicate)
{
    return tl_arena_printf(
        arena, "{\"group\":\"reader\",\"scope\":{\"source\":\"ops\",\"schema\":\"main\",\"table\":\"people\"},\"reason\":\"t\",\"rule\":%s}",
        predicate);
}

static void test_row_rules_mean_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const char *id = rule(with_scope(rules[i].rule)), *wanted = tl_arena_printf(arena, "ids\n%s", rules[i].ids);
        world_expect("SELECT string_agg(id, ',' ORDER BY id) AS ids FROM people", wanted);
        unrule(id);
    }
}

static void test_a_rule_on_columns_that_are_not_there_shows_nothing(void **state)
{
    (void)state;
    struct world_answer answer;
    const char *id = rule(with_scope("{\"column\":\"gone\",\"op\":\"=\",\"value\":\"DE\"}"));
    world_run("SELECT count(*) FROM people", &answer);
    assert_int_not_equal(answer.code, TL_OK);
    assert_null(strstr(answer.err.message, "gone"));
    world_answer_done(&answer);
    unrule(id);
    /* a key that only the outer table has must not make the rule true */
    id = rule(with_scope("{\"column\":\"id\",\"op\":\"in\",\"dataset\":{\"source\":\"ops\",\"schema\":\"main\",\"table\":\"orders\"},\"key\":\"country\"}"));
    world_run("SELECT count(*) FROM people", &answer);
    assert_int_not_equal(answer.code, TL_OK);
    world_answer_done(&answer);
    unrule(id);
}

/* Expressions that fail on one hidden row and on no other: whatever the engine would like to compute first. */
static void test_nothing_is_computed_on_hidden_rows(void **state)
{
    (void)state;
    static const char *const probes[] = {
        "SELECT count(*) FROM people WHERE CAST(CASE WHEN country = 'US' THEN 'x' ELSE '1' END AS INTEGER) = 1",
        "SELECT count(*) FROM people WHERE CASE WHEN id = 2 THEN CAST(country AS INTEGER) ELSE 1 END = 1",
        "SELECT sum(CAST(CASE WHEN country = 'US' THEN 'x' ELSE '1' END AS INTEGER)) FROM people",
        "SELECT count(*) FROM people p JOIN orders o ON o.person = p.id AND CAST(CASE WHEN p.country = 'US' THEN 'x' ELSE '1' END AS INTEGER) = 1",
        "SELECT count(*) FROM people p, orders o WHERE CAST(CASE WHEN p.id = 2 THEN 'x' ELSE '1' END AS INTEGER) = o.id - o.id + 1",
        "SELECT max(id) FROM people GROUP BY CAST(CASE WHEN country = 'US' THEN 'x' ELSE '1' END AS INTEGER) LIMIT 1",
        "SELECT id FROM people ORDER BY CAST(CASE WHEN country = 'US' THEN 'x' ELSE '1' END AS INTEGER) LIMIT 1",
        "SELECT count(*) FROM people p WHERE EXISTS (SELECT 1 FROM orders WHERE person = p.id AND "
        "CAST(CASE WHEN country = 'US' THEN 'x' ELSE '1' END AS INTEGER) = 1)",
        "SELECT count(*) FROM (SELECT * FROM people LIMIT 100) WHERE CAST(CASE WHEN country = 'US' THEN 'x' ELSE '1' END AS INTEGER) = 1",
    };
    static const char *const hiding[] = {"{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"}",
                                         "{\"column\":\"country\",\"op\":\"in\",\"values\":[\"DE\",\"FR\"]}",
                                         "{\"sql\":\"country <> 'US'\"}", "{\"sql\":\"length(country || secret) > 0 AND id <> 2\"}"};
    for (size_t i = 0; i < sizeof hiding / sizeof *hiding; i++) {
        const char *id = rule(with_scope(hiding[i]));
        for (size_t k = 0; k < sizeof probes / sizeof *probes; k++)
            world_expect_code(probes[k], TL_OK);
        unrule(id);
    }
    for (size_t k = 0; k < sizeof probes / sizeof *probes; k++) /* without a rule each does fail: the probes are real */
        world_expect_code(probes[k], TL_INVALID_VALUE);
}

static void test_plans_and_lists_tell_no_policy(void **state)
{
    (void)state;
    struct world_answer answer;
    const char *id = rule(with_scope("{\"column\":\"secret\",\"op\":\"=\",\"value\":\"canary-3\"}"));
    static const char *const plans[] = {"EXPLAIN SELECT * FROM people", "EXPLAIN ANALYZE SELECT * FROM people WHERE id > 0"};
    for (size_t i = 0; i < 2; i++) {
        world_run(plans[i], &answer);
        assert_int_equal(answer.code, TL_OK);
        assert_null(strstr(answer.text, "canary"));
        assert_null(strstr(answer.text, "secret"));
        assert_null(strstr(answer.text, "rows"));
        world_answer_done(&answer);
    }
    unrule(id);
}

/* --- each line alone --- */

/* Governs as the door does; then the statement may be tampered with before it runs. */
static void govern(const char *sql, struct tl_door_call *call, struct tl_governed **ret_governed)
{
    static const struct tl_session session = {.catalog = "ops", .schema = "main"};
    const struct tl_gate *gate;
    as(&reader);
    *call = (struct tl_door_call){.rq = &rq, .door = world_door(), .session = &session, .text = tl_str_of(sql)};
    tl_catalog_acquire(call);
    ok(tl_check_text(call, call->text, &gate));
    ok(tl_govern(call, call->text, 0, gate, ret_governed));
}

static enum tl_code run(struct tl_door_call *call, const struct tl_governed *governed, struct tl_buf *out)
{
    tl_result *result;
    const struct tl_batch *batch;
    bool end = false;
    struct tl_engine_statement statement = {.sql = governed->sql, .views = governed->views, .view_count = governed->view_count,
                                            .allowed = governed->allowed, .allowed_count = governed->allowed_count,
                                            .time_zone = "UTC", .query_id = rq.id};
    tl_request_new_id(rq.id);
    enum tl_code code = tl_engine_run(&rq, world_engine(), governed->clearance, &statement, &result);
    while (code == TL_OK && !end) {
        code = tl_result_next(&rq, result, -1, &batch, &end);
        for (size_t row = 0; code == TL_OK && batch && row < batch->row_count; row++)
            for (size_t i = 0; i < batch->column_count; i++) {
                tl_buf_addc(out, '|');
                if (!tl_column_is_null(&batch->columns[i], row))
                    tl_column_format(out, &batch->columns[i], row);
            }
    }
    if (code == TL_OK)
        tl_result_close(result);
    tl_registry_release(call->snapshot);
    return code;
}

/* An engine that checks nothing: DuckDB as it comes, with the source under the name that governed views read. */
static void plain(duckdb_connection connection, const char *sql, struct tl_buf *out)
{
    duckdb_result result;
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    duckdb_data_chunk chunk;
    while (out && (chunk = duckdb_fetch_chunk(result)) != NULL) {
        for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++) {
            for (idx_t i = 0; i < duckdb_data_chunk_get_column_count(chunk); i++) {
                duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
                duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
                uint64_t *validity = duckdb_vector_get_validity(vector);
                tl_buf_addc(out, '|');
                if (!validity || duckdb_validity_row_is_valid(validity, row))
                    tl_buf_add(out, duckdb_string_t_data(text), duckdb_string_t_length(*text));
            }
            tl_buf_addc(out, '|');
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
}

static void run_unchecked(const struct tl_governed *governed, struct tl_buf *out)
{
    duckdb_database database;
    duckdb_connection connection;
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    plain(connection, tl_arena_printf(arena, "ATTACH '%s' AS \"p:ops\" (READ_ONLY)", world_database_path()), NULL);
    for (size_t i = 0; i < governed->view_count; i++) {
        const struct tl_engine_view *view = &governed->views[i];
        plain(connection, tl_arena_printf(arena, "ATTACH IF NOT EXISTS ':memory:' AS \"%s\"", view->catalog), NULL);
        plain(connection, tl_arena_printf(arena, "CREATE VIEW \"%s\".\"%s\".\"%s\" AS %s", view->catalog, view->schema, view->name, view->select_sql), NULL);
    }
    plain(connection, tl_arena_printf(arena, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (%.*s\n)", (int)governed->sql.size, governed->sql.data), out);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
}

static const char *const secrets[] = {"ada@", "Lovelace", "203.0.113.77", "1234.56", "17.5", "1990-05-06", "canary-1", "canary-2", "|US|"};

static void expect_no_secret(const char *text)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (strstr(text, secrets[i]))
            fail_msg("\"%s\" in %s", secrets[i], text);
}

static void test_the_views_hide_without_the_check_of_the_plan(void **state)
{
    (void)state;
    static const char *const statements[] = {"SELECT * FROM people",
                                             "SELECT p.* FROM people p JOIN orders o ON o.person = p.id",
                                             "SELECT to_json(people) FROM people",
                                             "SELECT string_agg(COLUMNS(*)::VARCHAR, ';') FROM people",
                                             "WITH x AS (FROM people) SELECT * FROM x UNION ALL SELECT * FROM x"};
    const char *id = rule(with_scope("{\"column\":\"country\",\"op\":\"in\",\"values\":[\"DE\",\"FR\"]}"));
    review(&people, "{\"columns\":{\"uid\":\"masked:null\"}}"); /* the function of hashes is ours */
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct tl_door_call call;
        struct tl_governed *governed;
        struct tl_buf out;
        tl_buf_init(&out, 1 << 20);
        govern(statements[i], &call, &governed);
        run_unchecked(governed, &out);
        tl_registry_release(call.snapshot);
        assert_non_null(strstr(tl_buf_cstr(&out), "***"));
        expect_no_secret(tl_buf_cstr(&out));
        tl_buf_done(&out);
    }
    review(&people, "{\"columns\":{\"uid\":\"masked:hash\"}}");
    unrule(id);
}

/* What the door would have made is replaced by this view. */
struct tampered {
    const char *view;
    enum tl_code code;
};

static void expect_checked(const char *predicate, const struct tampered *views, size_t count)
{
    static size_t number; /* under a name of its own: views of one name are one view */
    const char *id = rule(with_scope(predicate));
    for (size_t i = 0; i < count; i++) {
        struct tl_door_call call;
        struct tl_governed *governed;
        struct tl_buf out;
        tl_buf_init(&out, 1 << 20);
        govern(tl_arena_printf(arena, "SELECT * FROM people -- %zu", ++number), &call, &governed);
        assert_int_equal(governed->view_count, 1);
        struct tl_engine_view view = governed->views[0];
        view.catalog = tl_arena_printf(arena, "g%016zx:ops", number);
        view.select_sql = views[i].view;
        governed->views = &view;
        governed->sql = tl_str_of(tl_arena_printf(arena, "SELECT * FROM \"%s\".main.people", view.catalog));
        enum tl_code code = run(&call, governed, &out);
        if (code != views[i].code)
            fail_msg("%s: %s %s (%s)", views[i].view, tl_code_info(code)->name, rq.err.message, rq.err.detail);
        if (code == TL_OK)
            expect_no_secret(tl_buf_cstr(&out));
        tl_buf_done(&out);
    }
    unrule(id);
}

static void test_the_check_of_the_plan_refuses_views_that_hide_nothing(void **state)
{
    (void)state;
    static const struct tampered views[] = {
        {"SELECT * FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_NOT_ALLOWED},                       /* columns that are hidden */
        {"SELECT id, country, secret FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_NOT_ALLOWED},
        {"SELECT id, country, upper(secret) AS s FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_NOT_ALLOWED},
        {"SELECT id, email FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_NOT_ALLOWED},               /* without their masks */
        {"SELECT id, CAST(uid AS VARCHAR) AS u FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_NOT_ALLOWED},
        {"SELECT max(email) AS e FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_NOT_ALLOWED},
        {"SELECT DISTINCT ON (email) id FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_NOT_ALLOWED},
        {"SELECT id, country FROM \"p:ops\".main.people", TL_NOT_ALLOWED},                                           /* without the row rule */
        {"SELECT id, country FROM (SELECT * FROM \"p:ops\".main.people) WHERE country = 'DE'", TL_NOT_ALLOWED},
        {"SELECT id, country FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_OK},
        {"SELECT id, length(email) AS n FROM \"p:ops\".main.people WHERE country IN ('DE', 'FR')", TL_OK},
    };
    expect_checked("{\"column\":\"country\",\"op\":\"in\",\"values\":[\"DE\",\"FR\"]}", views, sizeof views / sizeof *views);
}

static void test_a_rule_in_sql_opens_the_columns_it_names_to_its_own_condition_only(void **state)
{
    (void)state;
    static const struct tampered views[] = {
        {"SELECT id, country FROM \"p:ops\".main.people WHERE length(\"NAME\") > 0 AND country <> 'US'", TL_OK},
        {"SELECT id, country FROM \"p:ops\".main.people WHERE length(secret) > 0 AND country <> 'US'", TL_NOT_ALLOWED}, /* not named by the rule */
        {"SELECT id, length(secret) AS n FROM \"p:ops\".main.people WHERE country <> 'US'", TL_NOT_ALLOWED},
        {"SELECT id, name FROM \"p:ops\".main.people WHERE country <> 'US'", TL_NOT_ALLOWED}, /* named, and masked all the same */
        {"SELECT id, country FROM \"p:ops\".main.people", TL_NOT_ALLOWED},
    };
    expect_checked("{\"sql\":\"length(\\\"NAME\\\") > 0 AND country <> 'US' AND 'secret' <> ''\"}", views, sizeof views / sizeof *views);
}

static void test_a_change_of_rules_holds_for_the_next_statement(void **state)
{
    (void)state;
    world_expect("SELECT email FROM people WHERE id = 1", "email\n***@canary.example");
    for (int i = 0; i < 20; i++) {
        review(&people, "{\"columns\":{\"email\":\"open\"}}");
        world_expect("SELECT email FROM people WHERE id = 1", "email\nada@canary.example");
        review(&people, "{\"columns\":{\"email\":\"masked:redact\"}}");
        world_expect("SELECT email FROM people WHERE id = 1", "email\n***");
        review(&people, "{\"columns\":{\"email\":\"denied\"}}");
        world_expect_code("SELECT email FROM people WHERE id = 1", TL_COLUMN_NOT_FOUND);
    }
    review(&people, "{\"columns\":{\"email\":\"masked:email_domain\"}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mask_shows_what_it_says_and_keeps_the_type),
        cmocka_unit_test(test_a_mask_that_does_not_fit_its_type_shows_null),
        cmocka_unit_test(test_hidden_columns_are_no_columns),
        cmocka_unit_test(test_row_rules_mean_what_they_say),
        cmocka_unit_test(test_a_rule_on_columns_that_are_not_there_shows_nothing),
        cmocka_unit_test(test_nothing_is_computed_on_hidden_rows),
        cmocka_unit_test(test_plans_and_lists_tell_no_policy),
        cmocka_unit_test(test_the_views_hide_without_the_check_of_the_plan),
        cmocka_unit_test(test_the_check_of_the_plan_refuses_views_that_hide_nothing),
        cmocka_unit_test(test_a_rule_in_sql_opens_the_columns_it_names_to_its_own_condition_only),
        cmocka_unit_test(test_a_change_of_rules_holds_for_the_next_statement),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
