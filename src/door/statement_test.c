#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "door/statement.h"

static tl_arena *arena;
static struct tl_statement statement;
static struct tl_err err;

static int make_arena(void **state)
{
    (void)state;
    arena = tl_arena_new(1 << 24);
    tl_err_init(&err);
    return 0;
}

static int end_arena(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static enum tl_code read_text(const char *sql)
{
    struct tl_str text;
    tl_err_init(&err);
    enum tl_code code = tl_statement_clean(arena, tl_str_of(sql), 1 << 20, 100000, &text, &err);
    return code == TL_OK ? tl_statement_read(arena, text, &statement, &err) : code;
}

static void check(const char *sql, enum tl_statement_kind kind, const char *name)
{
    if (read_text(sql) != TL_OK)
        fail_msg("%s: %s", sql, err.message);
    assert_int_equal(statement.kind, kind);
    struct tl_buf buf;
    tl_buf_init(&buf, 1024);
    for (int i = 0; i < statement.name.part_count; i++)
        tl_buf_addf(&buf, "%s%s", i ? "|" : "", statement.name.parts[i]);
    assert_string_equal(tl_buf_cstr(&buf), name);
    tl_buf_done(&buf);
}

static void check_bad(const char *sql, enum tl_code code, int64_t position)
{
    if (read_text(sql) != code || err.position != position)
        fail_msg("%s: %s at %d (%s)", sql, tl_code_info(err.code)->name, (int)err.position, err.message);
}

static void test_table_forms(void **state)
{
    (void)state;
    check("alter table a.b.c execute optimize", TL_STATEMENT_TABLE_EXECUTE, "a|b|c");
    assert_string_equal(statement.procedure, "optimize");
    check("ALTER TABLE t EXECUTE \"x y\"()", TL_STATEMENT_TABLE_EXECUTE, "t");
    assert_int_equal(statement.option_count, 0);
    check("alter table t execute p(a => '10MB', b => -5, c => TRUE)", TL_STATEMENT_TABLE_EXECUTE, "t");
    assert_int_equal(statement.option_count, 3);
    assert_string_equal(statement.options[0].text, "10MB");
    assert_string_equal(statement.options[1].text, "-5");
    assert_string_equal(statement.options[2].text, "true");
    check("comment on table a.b.t is 'what it''s for'", TL_STATEMENT_COMMENT, "a|b|t");
    assert_string_equal(statement.comment, "what it's for");
    assert_null(statement.column);
    check("comment on column a.b.t.\"the Column\" is null", TL_STATEMENT_COMMENT, "a|b|t");
    assert_string_equal(statement.column, "the Column");
    assert_null(statement.comment);
    check("COMMENT ON COLUMN t.c IS ''", TL_STATEMENT_COMMENT, "t");
    assert_string_equal(statement.comment, "");
    check("alter table if exists t set properties a = 'x', \"b.c\" = DEFAULT, d = ARRAY['day(ts)', 'e'], f = ARRAY[]", TL_STATEMENT_SET_PROPERTIES, "t");
    assert_int_equal(statement.option_count, 4);
    assert_string_equal(statement.options[1].name, "b.c");
    assert_null(statement.options[1].text);
    assert_int_equal(statement.options[2].item_count, 2);
    assert_string_equal(statement.options[2].items[0], "day(ts)");
    assert_true(statement.options[3].is_list && statement.options[3].item_count == 0);
    check("alter table t add column c integer", TL_STATEMENT_ENGINE, "");
    check_bad("alter table t execute", TL_SYNTAX, 21);
    check_bad("alter table t execute p(a)", TL_SYNTAX, 25);
    check_bad("alter table t execute p(a => )", TL_SYNTAX, 29);
    check_bad("alter table t execute p(a => 1", TL_SYNTAX, 30);
    check_bad("alter table t execute p x", TL_SYNTAX, 24);
    check_bad("alter table t execute optimize where a = 1", TL_UNSUPPORTED, -1);
    check_bad("alter table t set properties", TL_SYNTAX, 28);
    check_bad("alter table t set properties a = ARRAY['x'", TL_SYNTAX, 42);
}

static void test_show_forms(void **state)
{
    (void)state;
    check("show catalogs", TL_STATEMENT_SHOW_CATALOGS, "");
    check("SHOW CATALOGS LIKE 'a%'", TL_STATEMENT_SHOW_CATALOGS, "");
    assert_string_equal(statement.like, "a%");
    check("show schemas", TL_STATEMENT_SHOW_SCHEMAS, "");
    check("show schemas in \"My Cat\" like 'x!_%' escape '!'", TL_STATEMENT_SHOW_SCHEMAS, "My Cat");
    assert_string_equal(statement.escape, "!");
    check("show tables from ops.public;", TL_STATEMENT_SHOW_TABLES, "ops|public");
    check("show columns from a.b.\"c.d\"", TL_STATEMENT_SHOW_COLUMNS, "a|b|c.d");
    check("describe a.b.c", TL_STATEMENT_SHOW_COLUMNS, "a|b|c");
    check("desc t", TL_STATEMENT_SHOW_COLUMNS, "t");
    check("show functions", TL_STATEMENT_SHOW_FUNCTIONS, "");
    check("show session like '%max%'", TL_STATEMENT_SHOW_SESSION, "");
    check("show create table t", TL_STATEMENT_SHOW_CREATE_TABLE, "t");
    check("show create view a.b.v", TL_STATEMENT_SHOW_CREATE_VIEW, "a|b|v");
    check("show create schema a.b", TL_STATEMENT_SHOW_CREATE_SCHEMA, "a|b");
}

static void test_a_described_query_is_the_engines(void **state)
{
    (void)state;
    check("describe select 1", TL_STATEMENT_ENGINE, "");
    check("describe output", TL_STATEMENT_SHOW_COLUMNS, "output");
    check("describe output s1", TL_STATEMENT_DESCRIBE_OUTPUT, "s1");
    check("describe input s1", TL_STATEMENT_DESCRIBE_INPUT, "s1");
}

static void test_session_forms(void **state)
{
    (void)state;
    check("use public", TL_STATEMENT_USE, "public");
    check("use ops.public", TL_STATEMENT_USE, "ops|public");
    check("set session query_max_rows = 5", TL_STATEMENT_SET_SESSION, "query_max_rows");
    assert_string_equal(statement.value, "5");
    check("set session pii=TRUE", TL_STATEMENT_SET_SESSION, "pii");
    assert_string_equal(statement.value, "TRUE");
    check("set session pii_reason = 'it''s needed'", TL_STATEMENT_SET_SESSION, "pii_reason");
    assert_string_equal(statement.value, "it's needed");
    check("reset session engine", TL_STATEMENT_RESET_SESSION, "engine");
}

static void test_prepared_forms(void **state)
{
    (void)state;
    check("prepare s1 from select ? ;", TL_STATEMENT_PREPARE, "s1");
    assert_int_equal(statement.inner.size, 8);
    assert_int_equal(statement.inner_offset, 16);
    check("execute s1", TL_STATEMENT_EXECUTE, "s1");
    check("execute s1 using 1, 'a,b', row(1, 2), array[3, 4] , date '2020-01-01'", TL_STATEMENT_EXECUTE, "s1");
    assert_int_equal(statement.argument_count, 5);
    assert_memory_equal(statement.arguments[2].data, "row(1, 2)", statement.arguments[2].size);
    assert_int_equal(statement.arguments[4].size, 17);
    check("execute immediate 'select ''x''' using 1", TL_STATEMENT_EXECUTE_IMMEDIATE, "");
    assert_string_equal(statement.inner.data, "select 'x'");
    check("execute immediate", TL_STATEMENT_EXECUTE, "immediate");
    check("deallocate prepare s1", TL_STATEMENT_DEALLOCATE, "s1");
}

static void test_arguments_cannot_break_out(void **state)
{
    (void)state;
    check_bad("execute s1 using 1) or (1=1", TL_SYNTAX, 18);
    check_bad("execute s1 using (1", TL_SYNTAX, 19);
    check_bad("execute s1 using (1]", TL_SYNTAX, 19);
    check_bad("execute s1 using 1,", TL_SYNTAX, 19);
    check_bad("execute s1 using ?", TL_SYNTAX, 17);
}

static void test_explain_forms(void **state)
{
    (void)state;
    check("explain select 1", TL_STATEMENT_EXPLAIN, "");
    assert_int_equal(statement.inner_offset, 8);
    check("explain analyze verbose select 1", TL_STATEMENT_EXPLAIN, "");
    assert_true(statement.analyze);
    check("explain (type validate) select 1", TL_STATEMENT_EXPLAIN, "");
    assert_true(statement.validate_only);
    check("explain (type distributed, format text) (select 1)", TL_STATEMENT_EXPLAIN, "");
    assert_int_equal(statement.inner_offset, 40);
    assert_false(statement.as_json);
    check("explain analyze (format json, type logical) select 1", TL_STATEMENT_EXPLAIN, "");
    assert_true(statement.as_json && statement.analyze);
    check_bad("explain (format graphviz) select 1", TL_UNSUPPORTED, 0);
    check("explain (select 1)", TL_STATEMENT_EXPLAIN, "");
    assert_int_equal(statement.inner_offset, 8);
    check_bad("explain (type io) select 1", TL_UNSUPPORTED, 0);
    check_bad("explain", TL_SYNTAX, 7);
}

static void test_what_is_not_offered_says_what_is(void **state)
{
    (void)state;
    static const char *const refused[] = {"alter view v set authorization bob",
                                          "show grants",
                                          "set time zone 'UTC'",
                                          "set session authorization bob",
                                          "reset all"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(read_text(refused[i]), TL_UNSUPPORTED);
        assert_true(strlen(err.hint) > 10);
    }
}

static void test_transaction_forms(void **state)
{
    (void)state;
    check("start transaction", TL_STATEMENT_START_TRANSACTION, "");
    check("START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE", TL_STATEMENT_START_TRANSACTION, "");
    check("begin", TL_STATEMENT_START_TRANSACTION, "");
    check("commit work", TL_STATEMENT_COMMIT, "");
    check("rollback", TL_STATEMENT_ROLLBACK, "");
    check_bad("start transaction isolation level high", TL_SYNTAX, 34);
    check_bad("start transaction read", TL_SYNTAX, 22);
    check_bad("commit now", TL_SYNTAX, 7);
}

static void test_call_takes_texts_by_place_and_by_name(void **state)
{
    (void)state;
    check("call system.runtime.kill_query('x', message => 'it''s')", TL_STATEMENT_CALL, "system|runtime|kill_query");
    assert_int_equal(statement.argument_count, 2);
    assert_null(statement.call_arguments[0].name);
    assert_string_equal(statement.call_arguments[0].value, "x");
    assert_string_equal(statement.call_arguments[1].name, "message");
    assert_string_equal(statement.call_arguments[1].value, "it's");
    check("call p()", TL_STATEMENT_CALL, "p");
    check("call p(NULL)", TL_STATEMENT_CALL, "p");
    assert_null(statement.call_arguments[0].value);
    check_bad("call p", TL_SYNTAX, 6);
    check_bad("call p(1)", TL_SYNTAX, 7);
    check_bad("call p('a'", TL_SYNTAX, 10);
    check_bad("call p('a') extra", TL_SYNTAX, 12);
}

static void check_plain(const char *sql, const char *plain)
{
    check(sql, TL_STATEMENT_ENGINE, "");
    assert_int_equal(statement.inner.size, strlen(sql));
    assert_memory_equal(statement.inner.data, plain, strlen(sql));
}

static void test_clauses_of_create_are_blanked_where_they_stand(void **state)
{
    (void)state;
    check_plain("create view v security definer as select 1", "create view v                  as select 1");
    check_plain("create view v comment 'x' as select 1", "create view v             as select 1");
    assert_string_equal(statement.comment, "x");
    check_plain("create table t (a int comment 'y', b int)", "create table t (a int            , b int)");
    assert_true(statement.dropped_comments);
    check_plain("create table t with (format = 'parquet', format_version = 2) as select 1",
                "create table t                                               as select 1");
    check_plain("create table t as with (select 1) select 2", "create table t as with (select 1) select 2");
    check_plain("create or replace view if not exists a.b.c as select 'security definer'",
                "create or replace view if not exists a.b.c as select 'security definer'");
    check_plain("create schema s with (location = 'x')", "create schema s with (location = 'x')");
    check_bad("create table t with (format = 'ORC') as select 1", TL_UNSUPPORTED, 21);
    check_bad("create table t with (partitioning = ARRAY['a']) as select 1", TL_UNSUPPORTED, 21);
    check_bad("create table t comment 5 as select 1", TL_SYNTAX, 23);
    check_bad("create view v security nobody as select 1", TL_SYNTAX, 23);
    check_bad("create table t (a int comment 'y'", TL_SYNTAX, 33);
}

static void test_new_names_lose_their_place_and_keep_it_beside(void **state)
{
    (void)state;
    check("alter table a.b.c rename to a.b.\"d e\"", TL_STATEMENT_ENGINE, "a|b|c");
    assert_memory_equal(statement.inner.data, "alter table a.b.c rename to     \"d e\"", statement.inner.size);
    assert_int_equal(statement.new_name.part_count, 3);
    check("alter table if exists c rename to d", TL_STATEMENT_ENGINE, "c");
    check("alter view b.c rename to d", TL_STATEMENT_RENAME_VIEW, "b|c");
    check("alter table t add column c int", TL_STATEMENT_ENGINE, "");
    check_bad("alter table a rename to b.c extra", TL_SYNTAX, 28);
}

static void test_errors_point_at_the_place(void **state)
{
    (void)state;
    check_bad("show tables from", TL_SYNTAX, 16);
    check_bad("show tables from a.b.c", TL_SYNTAX, 17);
    check_bad("show catalogs extra", TL_SYNTAX, 14);
    check_bad("set session x", TL_SYNTAX, 13);
    check_bad("use a b", TL_SYNTAX, 6);
    check_bad("select 1; select 2", TL_SYNTAX, 10);
    check_bad("prepare x as select 1", TL_SYNTAX, 10);
}

static void test_size_limits_hold(void **state)
{
    (void)state;
    struct tl_str text;
    tl_err_init(&err);
    assert_int_equal(tl_statement_clean(arena, TL_STR("select 1"), 4, 100, &text, &err), TL_TOO_LARGE);
    tl_err_init(&err);
    assert_int_equal(tl_statement_clean(arena, TL_STR("select 1, 2"), 100, 3, &text, &err), TL_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_forms),
        cmocka_unit_test(test_show_forms),
        cmocka_unit_test(test_a_described_query_is_the_engines),
        cmocka_unit_test(test_session_forms),
        cmocka_unit_test(test_prepared_forms),
        cmocka_unit_test(test_arguments_cannot_break_out),
        cmocka_unit_test(test_explain_forms),
        cmocka_unit_test(test_transaction_forms),
        cmocka_unit_test(test_call_takes_texts_by_place_and_by_name),
        cmocka_unit_test(test_clauses_of_create_are_blanked_where_they_stand),
        cmocka_unit_test(test_new_names_lose_their_place_and_keep_it_beside),
        cmocka_unit_test(test_what_is_not_offered_says_what_is),
        cmocka_unit_test(test_errors_point_at_the_place),
        cmocka_unit_test(test_size_limits_hold),
    };
    return cmocka_run_group_tests(tests, make_arena, end_arena);
}
