/* The door with everything real behind it: engine process, sources, lake, store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <duckdb.h>

#include "world.h"

static const char made_of[] =
    "create table main.t as select i::int i,'s'||(i%7) s,{'a':i,'b':'x'||i} st,[i,i+1] l from range(50) r(i);"
    "create table main.u as select i::int id,i%5 grp from range(20) r(i);"
    "create schema s2; create table s2.t as select i::int i, i*10 as v from range(5) r(i);"
    "create table main.secret as select 42 x;"
    "create view main.vw as select i, s from main.t where i<10;"
    "create table main.customers(customer_id bigint not null, name varchar, owner_email varchar);"
    "insert into main.customers values (1, 'Ada', 'ada@example.com'), (2, 'Bob', null);"
    "create macro main.upper(x) as 'macro of the source';"
    "create schema \"odd name\"; create table \"odd name\".\"ta\"\"ble\" as select i::int as \"co.l\" from range(2) "
    "r(i)";

static int start(void **state)
{
    (void)state;
    world_start(made_of);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_stop();
    return 0;
}

/* --- the same as the database itself --- */

static char *run_raw(duckdb_connection connection, const char *sql)
{
    duckdb_result result;
    struct tl_buf out;
    tl_buf_init(&out, 1 << 24);
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    idx_t columns = duckdb_column_count(&result);
    for (idx_t i = 0; i < columns; i++)
        tl_buf_addf(&out, "%s%s", i ? "|" : "", duckdb_column_name(&result, i));
    duckdb_data_chunk chunk;
    while ((chunk = duckdb_fetch_chunk(result)) != NULL) {
        for (idx_t row = 0; row < duckdb_data_chunk_get_size(chunk); row++) {
            tl_buf_addc(&out, '\n');
            for (idx_t i = 0; i < columns; i++) {
                duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, i);
                uint64_t *validity = duckdb_vector_get_validity(vector);
                duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
                tl_buf_adds(&out, i ? "|" : "");
                if (validity && !duckdb_validity_row_is_valid(validity, row))
                    tl_buf_adds(&out, "NULL");
                else
                    tl_buf_add(&out, duckdb_string_t_data(text), duckdb_string_t_length(*text));
            }
        }
        duckdb_destroy_data_chunk(&chunk);
    }
    char *copy = strdup(tl_buf_cstr(&out));
    tl_buf_done(&out);
    duckdb_destroy_result(&result);
    return copy;
}

static bool compare(duckdb_connection connection, const char *sql)
{
    char wrapped[4096];
    snprintf(wrapped, sizeof wrapped, "select cast(columns(*) as varchar) from (%s\n)", sql);
    char *raw = run_raw(connection, wrapped);
    struct world_answer answer;
    world_run(wrapped, &answer);
    bool same = answer.code == TL_OK && strcmp(raw, answer.text) == 0;
    if (!same)
        print_message("%s\nraw: %s\ndoor: %s %s\n", sql, raw, answer.text, answer.err.message);
    world_answer_done(&answer);
    free(raw);
    return same;
}

static void test_answers_are_those_of_the_database(void **state)
{
    (void)state;
    duckdb_database database;
    duckdb_connection connection;
    duckdb_result result;
    char attach[256];
    assert_int_equal(duckdb_open(NULL, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    snprintf(attach, sizeof attach, "attach '%s' as ops (read_only); use ops", world_database_path());
    assert_int_equal(duckdb_query(connection, attach, &result), DuckDBSuccess);
    duckdb_destroy_result(&result);
    FILE *file = fopen(CASES "/govern.txt", "r");
    assert_non_null(file);
    char *line = NULL;
    size_t capacity = 0;
    int cases = 0, wrong = 0;
    while (getline(&line, &capacity, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (*line == '\0' || *line == '#')
            continue;
        cases++;
        wrong += !compare(connection, line);
    }
    free(line);
    fclose(file);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    assert_int_equal(wrong, 0);
    assert_true(cases > 50);
}

static void test_column_names_are_the_callers(void **state)
{
    (void)state;
    world_expect("select i + 1, max(s) over () from t where i = 0", "(i + 1)|max(s) OVER ()\n1|s0");
    world_expect("select 1", "1\n1");
}

static void test_other_sources_can_be_read(void **state)
{
    (void)state;
    struct world_answer answer;
    world_run("show tables from files.main", &answer);
    assert_int_equal(answer.code, TL_OK);
    world_answer_done(&answer);
    world_expect("select p.name, c.owner_email from files.main.people p join ops.main.customers c on c.customer_id = "
                 "p.id order by 1",
                 "name|owner_email\nAda|ada@example.com\nBob|NULL");
}

/* --- names --- */

static void test_names_resolve_by_the_session(void **state)
{
    (void)state;
    static const struct tl_session none = {0}, other = {.catalog = "ops", .schema = "s2"};
    struct world_answer answer;
    world_run_session(&other, "select count(*) as n from t", &answer);
    assert_string_equal(answer.text, "n\n5");
    world_answer_done(&answer);
    world_run_session(&none, "select count(*) as n from s2.t", &answer);
    assert_string_equal(answer.text, "n\n5");
    world_answer_done(&answer);
    world_run_session(&none, "select * from customers", &answer);
    assert_int_equal(answer.code, TL_TABLE_NOT_FOUND);
    assert_non_null(strstr(answer.err.hint, "ops.main.customers"));
    world_answer_done(&answer);
}

static void test_unknown_names_have_neighbours(void **state)
{
    (void)state;
    assert_string_equal(world_error_text("select * from custmers"),
                        "unknown table \"ops.main.custmers\" |  | did you mean ops.main.customers? | 14");
    assert_string_equal(world_error_text("select 1 from obs.main.t"),
                        "unknown catalog \"obs\" |  | did you mean ops? | 14");
    assert_non_null(strstr(world_error_text("select 1 from ops.mian.t"), "did you mean ops.main?"));
    const char *text = world_error_text("select nmae\nfrom customers");
    assert_non_null(strstr(text, "did you mean name?"));
    assert_non_null(strstr(text, "| 7"));
    assert_non_null(strstr(world_error_text("select uper(name) from customers"), "did you mean upper"));
}

static void test_hidden_names_never_show(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "select nmae from customers",
        "select name + 1 from customers",
        "select customers.x from customers",
        "select cast(name as int) from customers",
        "select * from customers c join customers d on c.name = d.customer_id",
        "select name, count(*) from customers",
        "select * from \"p:ops\".main.customers",
        "select * from \"g0123456789abcdef:ops\".main.customers",
        "select ops.main.customers.x from ops.main.customers",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        const char *text = world_error_text(statements[i]);
        if (i != 6 && i != 7 && (strstr(text, "p:ops") || strstr(text, ":ops")))
            fail_msg("%s: %s", statements[i], text);
        world_expect_code(statements[i], i == 0 || i == 2 || i == 8 ? TL_COLUMN_NOT_FOUND
                                         : i == 6 || i == 7         ? TL_CATALOG_NOT_FOUND
                                         : i == 3 || i == 4         ? TL_INVALID_VALUE
                                         : i == 5                   ? TL_SYNTAX
                                         : i == 1                   ? TL_FUNCTION_NOT_FOUND
                                                                    : TL_OK);
    }
}

static void test_what_is_not_there_is_refused(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "select * from information_schema.nothing",
        "select * from duckdb_tables",
        "select * from pg_catalog.pg_class",
        "select * from sqlite_master",
        "select * from system.main.pragmas",
        "select * from memory.main.x",
        "select * from temp.x",
        "select * from pg_class",
        "select * from duckdb_settings",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct world_answer answer;
        world_run(statements[i], &answer);
        if (answer.code != TL_TABLE_NOT_FOUND && answer.code != TL_SCHEMA_NOT_FOUND &&
            answer.code != TL_CATALOG_NOT_FOUND)
            fail_msg("%s: %s %s", statements[i], tl_code_info(answer.code)->name, answer.text);
        world_answer_done(&answer);
    }
}

static void test_macros_of_a_source_are_not_called(void **state)
{
    (void)state;
    world_expect("select upper('a') as x", "x\nA");
    world_expect("select name.upper() as x from customers order by 1", "x\nADA\nBOB");
}

static void test_the_caller_is_who_it_is(void **state)
{
    (void)state;
    world_expect("select current_user, user as u, 'x' || session_user as s, current_catalog, current_schema",
                 "current_user|u|s|current_catalog|current_schema\nalice|alice|xalice|ops|main");
    world_expect("select count(*) as n from customers where current_user = 'alice'", "n\n2");
    world_expect("select \"user\" from (select 1 as \"user\")", "user\n1");
}

/* --- SHOW and the session --- */

static void test_show_lists_what_there_is(void **state)
{
    (void)state;
    world_expect("show catalogs", "Catalog\nfiles\nlake\nops\nsystem");
    world_expect("show catalogs like 'o%'", "Catalog\nops");
    world_expect("show schemas from ops", "Schema\ninformation_schema\nmain\nodd name\ns2");
    world_expect("show schemas like 's_'", "Schema\ns2");
    world_expect("show schemas from system", "Schema\naudit\ninformation_schema\njdbc\nlake\nmetadata\nruntime\nskimmer");
    world_expect("show tables", "Table\ncustomers\nsecret\nt\nu\nvw");
    world_expect("show tables from s2", "Table\nt");
    world_expect("show tables from information_schema like 'tab%'", "Table\ntables\ntable_privileges");
    world_expect("describe customers",
                 "Column|Type|Extra|Comment\ncustomer_id|bigint||\nname|varchar||\nowner_email|varchar||");
    world_expect("show columns from s2.t like 'v'", "Column|Type|Extra|Comment\nv|bigint||");
    world_expect("show create table customers", "Create Table\nCREATE TABLE \"ops\".\"main\".\"customers\" (\n   "
                                                "\"customer_id\" bigint NOT NULL,\n   \"name\" varchar,\n   "
                                                "\"owner_email\" varchar\n)");
    world_expect_code("show tables from nothing", TL_SCHEMA_NOT_FOUND);
    world_expect_code("show schemas from nothing", TL_CATALOG_NOT_FOUND);
    world_expect_code("describe nothing", TL_TABLE_NOT_FOUND);
}

static void test_system_tables_answer_sql(void **state)
{
    (void)state;
    world_expect("select table_name, table_type from information_schema.tables where table_schema = 'main' and "
                 "table_name like '%u%' order by 1",
                 "table_name|table_type\ncustomers|BASE TABLE\nu|BASE TABLE");
    world_expect("select TABLE_CAT from system.jdbc.catalogs order by 1", "TABLE_CAT\nfiles\nlake\nops\nsystem");
    world_expect("select COLUMN_NAME, DATA_TYPE, TYPE_NAME from system.jdbc.columns where TABLE_CAT = 'ops' and "
                 "TABLE_NAME like 'custom\\_ers' escape "
                 "'\\' or TABLE_NAME = 'u' order by ORDINAL_POSITION",
                 "COLUMN_NAME|DATA_TYPE|TYPE_NAME\nid|4|integer\ngrp|-5|bigint");
    world_expect("select count(*) from system.jdbc.procedures", "count_star()\n0");
    world_expect("select TYPE_NAME from system.jdbc.types where DATA_TYPE = -5", "TYPE_NAME\nbigint");
}

static void test_session_statements_change_the_session(void **state)
{
    (void)state;
    struct world_answer answer;
    world_run("use ops.s2", &answer);
    assert_int_equal(answer.code, TL_OK);
    assert_int_equal(answer.change_count, 2);
    assert_int_equal(answer.changes[0].kind, TL_SESSION_SET_CATALOG);
    assert_string_equal(answer.changes[1].value, "s2");
    world_answer_done(&answer);
    world_run("set session query_max_run_time = '5s'", &answer);
    assert_int_equal(answer.changes[0].kind, TL_SESSION_SET_PROPERTY);
    assert_string_equal(answer.changes[0].value, "5s");
    assert_string_equal(answer.update_type, "SET SESSION");
    world_answer_done(&answer);
    world_expect_code("use ops.nothing", TL_SCHEMA_NOT_FOUND);
    world_expect_code("set session query_max_run_time = 'soon'", TL_INVALID_ARGUMENT);
    world_expect_code("set session quer_max_rows = 1", TL_INVALID_ARGUMENT);
    assert_non_null(strstr(world_error_text("set session quer_max_rows = 1"), "query_max_rows"));
}

static void test_session_properties_hold(void **state)
{
    (void)state;
    const struct tl_door_pair rows[] = {{"query_max_rows", "3"}}, bad[] = {{"engine", "fast"}},
                              pii[] = {{"pii", "true"}}, foreign[] = {{"join_distribution_type", "AUTOMATIC"}};
    struct tl_session session = {.catalog = "ops", .schema = "main", .property_count = 1, .properties = rows};
    struct world_answer answer;
    world_run_session(&session, "select * from t", &answer);
    assert_int_equal(answer.code, TL_ROWS_EXCEEDED);
    world_answer_done(&answer);
    session.properties = bad;
    world_run_session(&session, "select 1", &answer);
    assert_int_equal(answer.code, TL_INVALID_ARGUMENT);
    world_answer_done(&answer);
    session.properties = pii;
    world_run_session(&session, "select 1", &answer);
    assert_int_equal(answer.code, TL_INVALID_ARGUMENT);
    world_answer_done(&answer);
    session.properties = foreign;
    world_run_session(&session, "select 1", &answer);
    assert_int_equal(answer.code, TL_OK);
    assert_int_equal(answer.warning_count, 1);
    world_answer_done(&answer);
}

/* --- prepared statements --- */

static void test_prepared_statements_run_with_arguments(void **state)
{
    (void)state;
    const struct tl_door_pair prepared[] = {{"s1", "select i, ? as x from t where i = ? order by 1"},
                                            {"s2", "show tables like 'c%'"}};
    struct tl_session session = {.catalog = "ops", .schema = "main", .prepared_count = 2, .prepared = prepared};
    struct world_answer answer;
    world_run_session(&session, "execute s1 using 'it''s', 3", &answer);
    assert_string_equal(answer.text, "i|x\n3|it's");
    world_answer_done(&answer);
    world_run_session(&session, "execute s2", &answer);
    assert_string_equal(answer.text, "Table\ncustomers");
    world_answer_done(&answer);
    world_run_session(&session, "execute s1 using 1", &answer);
    assert_int_equal(answer.code, TL_INVALID_ARGUMENT);
    world_answer_done(&answer);
    world_run_session(&session, "execute s1 using 1, current_setting('x')", &answer);
    assert_int_equal(answer.code, TL_NOT_ALLOWED);
    world_answer_done(&answer);
    world_run_session(&session, "execute s3", &answer);
    assert_int_equal(answer.code, TL_NOT_FOUND);
    world_answer_done(&answer);
    world_run_session(&session, "describe input s1", &answer);
    assert_string_equal(answer.text, "Position|Type\n0|unknown\n1|unknown");
    world_answer_done(&answer);
    world_run_session(&session, "describe output s1", &answer);
    assert_int_equal(answer.code, TL_OK);
    assert_non_null(strstr(answer.text, "\ni||||integer|4|false"));
    world_answer_done(&answer);
    world_run_session(&session, "deallocate prepare s1", &answer);
    assert_int_equal(answer.changes[0].kind, TL_SESSION_DROP_PREPARED);
    world_answer_done(&answer);
    world_run_session(&session, "prepare s9 from select ? + 1", &answer);
    assert_string_equal(answer.changes[0].value, "select ? + 1");
    world_answer_done(&answer);
    world_run_session(&session, "prepare s9 from selec 1", &answer);
    assert_int_equal(answer.code, TL_SYNTAX);
    world_answer_done(&answer);
    world_expect("execute immediate 'select ? + ? as n' using 1, (2)", "n\n3");
    world_expect("execute immediate 'select 1 as one'", "one\n1");
    world_expect_code("select ?", TL_INVALID_ARGUMENT);
}

static void test_an_argument_that_makes_a_prepared_statement_too_long_is_named_as_the_reason(void **state)
{
    (void)state;
    enum { SIZE = 600 * 1000 }; /* twice of it is more than a statement may have */
    const struct tl_door_pair prepared = {"twice", "select $1 = $1"};
    struct tl_session session = {.catalog = "ops", .schema = "main", .prepared_count = 1, .prepared = &prepared};
    struct world_answer answer;
    struct tl_buf sql;
    tl_buf_init(&sql, 2 * SIZE);
    tl_buf_adds(&sql, "execute twice using '");
    for (int i = 0; i < SIZE; i++)
        tl_buf_addc(&sql, 'x');
    tl_buf_addc(&sql, '\'');
    world_run_session(&session, tl_buf_cstr(&sql), &answer);
    assert_int_equal(answer.code, TL_TOO_LARGE);
    assert_non_null(strstr(answer.err.message, "the statement with its arguments has 12000"));
    world_answer_done(&answer);
    tl_buf_done(&sql);
}

/* --- EXPLAIN --- */

static void test_explain_speaks_of_the_callers_tables(void **state)
{
    (void)state;
    struct world_answer answer;
    world_run("explain select s, count(*) from t where i < 10 group by s", &answer);
    if (answer.code != TL_OK)
        fail_msg("%s", answer.err.message);
    assert_non_null(strstr(answer.text, "Query Plan"));
    assert_non_null(strstr(answer.text, "ops.main.t"));
    assert_null(strstr(answer.text, "p:ops"));
    world_answer_done(&answer);
    world_run("explain analyze select count(*) from t where i > 5", &answer);
    if (answer.code != TL_OK)
        fail_msg("%s", answer.err.message);
    assert_non_null(strstr(answer.text, "rows"));
    assert_null(strstr(answer.text, "p:ops"));
    world_answer_done(&answer);
    world_expect("explain (type validate) select 1", "Valid\ntrue");
    world_expect_code("explain select nothing from t", TL_COLUMN_NOT_FOUND);
    world_expect_code("explain delete from t", TL_UNSUPPORTED);
}

/* --- writing --- */

static void run_ok(const char *sql, const char *update_type, int64_t count)
{
    struct world_answer answer;
    world_run(sql, &answer);
    if (answer.code != TL_OK)
        fail_msg("%s: %s: %s (%s)", sql, tl_code_info(answer.code)->name, answer.err.message, answer.err.detail);
    assert_string_equal(answer.update_type, update_type);
    if (count >= 0 && answer.update_count != count)
        fail_msg("%s: %d rows changed, expected %d", sql, (int)answer.update_count, (int)count);
    world_answer_done(&answer);
}

static void test_the_lake_is_written(void **state)
{
    (void)state;
    run_ok("create schema lake.w", "CREATE SCHEMA", -1);
    run_ok("create table lake.w.a (id bigint, name varchar)", "CREATE TABLE", -1);
    world_expect_code("create table lake.w.a (id bigint)", TL_ALREADY_EXISTS);
    run_ok("insert into lake.w.a select customer_id, name from customers", "INSERT", 2);
    run_ok("insert into lake.w.a values (3, 'Cyd')", "INSERT", 1);
    world_expect("select * from lake.w.a order by id", "id|name\n1|Ada\n2|Bob\n3|Cyd");
    run_ok("update lake.w.a set name = upper(name) where lake.w.a.id = 3", "UPDATE", 1);
    run_ok("delete from lake.w.a where id in (select customer_id from customers where name = 'Bob')", "DELETE", 1);
    world_expect("select a.id, a.name from lake.w.a order by id", "id|name\n1|Ada\n3|CYD");
    run_ok("merge into lake.w.a using customers c on a.id = c.customer_id when not matched then insert values "
           "(c.customer_id, c.name)",
           "MERGE", 1);
    run_ok("create table lake.w.b as select i, s from t where i < 5", "CREATE TABLE", 5);
    run_ok("alter table lake.w.b add column z integer", "ALTER TABLE", -1);
    world_expect("describe lake.w.b", "Column|Type|Extra|Comment\ni|integer||\ns|varchar||\nz|integer||");
    run_ok("truncate table lake.w.b", "TRUNCATE TABLE", -1);
    world_expect("select count(*) as n from lake.w.b", "n\n0");
    run_ok("drop table lake.w.b", "DROP TABLE", -1);
    run_ok("drop table if exists lake.w.b", "DROP TABLE", -1);
    world_expect_code("select * from lake.w.b", TL_TABLE_NOT_FOUND);
    world_expect("show tables from lake.w", "Table\na");
}

static void test_nothing_else_is_written(void **state)
{
    (void)state;
    static const char *const statements[] = {
        "insert into customers values (3, 'x', 'y')",
        "delete from ops.main.customers",
        "update t set i = 1",
        "drop table t",
        "create table ops.main.z (i int)",
        "truncate table t",
        "create schema ops.z",
        "alter table t add column q int",
        "create view ops.main.v as select 1",
        "delete from information_schema.tables",
        "drop schema ops.s2 cascade",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        world_expect_code(statements[i], TL_UNSUPPORTED);
    world_expect("select count(*) as n from customers", "n\n2");
}

static void test_views_are_kept_and_expanded(void **state)
{
    (void)state;
    run_ok("create schema if not exists lake.v", "CREATE SCHEMA", -1);
    run_ok("create view lake.v.big as select i, s from t where i > 40", "CREATE VIEW", -1);
    run_ok("create view lake.v.bigger (number, label) as select * from lake.v.big where i > 47 -- the last",
           "CREATE VIEW", -1);
    world_expect("select * from lake.v.bigger order by 1", "number|label\n48|s6\n49|s0");
    world_expect("select lake.v.bigger.number from lake.v.bigger order by 1 limit 1", "number\n48");
    static const struct tl_session elsewhere = {.catalog = "lake", .schema = "v"};
    struct world_answer answer;
    world_run_session(&elsewhere, "select count(*) as n from big", &answer);
    assert_string_equal(answer.text, "n\n9");
    world_answer_done(&answer);
    world_expect("show tables from lake.v", "Table\nbig\nbigger");
    world_expect("describe lake.v.bigger", "Column|Type|Extra|Comment\nnumber|integer||\nlabel|varchar||");
    world_expect("show create view lake.v.big",
                 "Create View\nCREATE VIEW \"lake\".\"v\".\"big\" AS\nselect i, s from t where i > 40");
    world_expect_code("create view lake.v.big as select 1 as a", TL_ALREADY_EXISTS);
    world_expect_code("create or replace view lake.v.big as select number as i, label as s from lake.v.bigger",
                      TL_UNSUPPORTED);
    world_expect_code("create table lake.v.big (i int)", TL_ALREADY_EXISTS);
    world_expect_code("create view lake.v.bad as select nothing from t", TL_COLUMN_NOT_FOUND);
    world_expect_code("create view lake.v.bad as select 1 as a, 2 as A", TL_ALREADY_EXISTS);
    world_expect_code("insert into lake.v.big values (1, 'x')", TL_UNSUPPORTED);
    world_expect_code("drop schema lake.v", TL_SCHEMA_NOT_EMPTY);
    run_ok("create or replace view lake.v.big as select i, s from t where i > 48", "CREATE VIEW", -1);
    world_expect("select count(*) as n from lake.v.big", "n\n1");
    run_ok("drop view lake.v.bigger", "DROP VIEW", -1);
    run_ok("drop view if exists lake.v.bigger", "DROP VIEW", -1);
    world_expect_code("drop view lake.v.bigger", TL_TABLE_NOT_FOUND);
    world_expect_code("select * from lake.v.bigger", TL_TABLE_NOT_FOUND);
}

/* --- what remains --- */

static void test_history_has_every_statement(void **state)
{
    (void)state;
    struct world_answer answer;
    world_run("select count(*) from customers", &answer);
    world_answer_done(&answer);
    world_run("select nothing from customers", &answer);
    world_answer_done(&answer);
    tl_arena *arena = tl_arena_new(1 << 24);
    struct tl_request rq;
    struct tl_buf json;
    tl_request_init(&rq, arena);
    tl_buf_init(&json, 1 << 20);
    assert_int_equal(tl_door_history(&rq, world_door(), "alice", 2, &json), TL_OK);
    const tl_json *rows;
    assert_int_equal(tl_json_parse(arena, json.data, json.size, &rows, &rq.err), TL_OK);
    assert_int_equal(tl_json_count(rows), 2);
    struct tl_json_iter it = tl_json_iter(rows);
    assert_true(tl_json_next(&it));
    assert_string_equal(tl_json_get_text(it.value, "text"), "select nothing from customers");
    assert_string_equal(tl_json_get_text(it.value, "error_code"), "column_not_found");
    assert_true(tl_json_next(&it));
    assert_string_equal(tl_json_get_text(it.value, "state"), "FINISHED");
    assert_int_equal(tl_json_count(tl_json_get(it.value, "tables")), 1);
    tl_buf_clear(&json);
    assert_int_equal(tl_door_history(&rq, world_door(), "bob", 2, &json), TL_OK);
    assert_string_equal(tl_buf_cstr(&json), "[]");
    tl_buf_done(&json);
    tl_arena_free(arena);
}

static void test_names_are_completed(void **state)
{
    (void)state;
    static const struct tl_session session = {.catalog = "ops", .schema = "main"};
    tl_arena *arena = tl_arena_new(1 << 24);
    struct tl_request rq;
    struct tl_buf json;
    tl_request_init(&rq, arena);
    rq.principal = world_principal();
    tl_buf_init(&json, 1 << 20);
    assert_int_equal(tl_door_complete(&rq, world_door(), &session, "ops.main.cu", 10, &json), TL_OK);
    assert_string_equal(tl_buf_cstr(&json), "[\"ops.main.customers\"]");
    tl_buf_clear(&json);
    assert_int_equal(tl_door_complete(&rq, world_door(), &session, "owner", 10, &json), TL_OK);
    assert_string_equal(tl_buf_cstr(&json), "[\"owner_email\"]");
    tl_buf_done(&json);
    tl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_are_those_of_the_database),
        cmocka_unit_test(test_column_names_are_the_callers),
        cmocka_unit_test(test_other_sources_can_be_read),
        cmocka_unit_test(test_names_resolve_by_the_session),
        cmocka_unit_test(test_unknown_names_have_neighbours),
        cmocka_unit_test(test_hidden_names_never_show),
        cmocka_unit_test(test_what_is_not_there_is_refused),
        cmocka_unit_test(test_macros_of_a_source_are_not_called),
        cmocka_unit_test(test_the_caller_is_who_it_is),
        cmocka_unit_test(test_show_lists_what_there_is),
        cmocka_unit_test(test_system_tables_answer_sql),
        cmocka_unit_test(test_session_statements_change_the_session),
        cmocka_unit_test(test_session_properties_hold),
        cmocka_unit_test(test_prepared_statements_run_with_arguments),
        cmocka_unit_test(test_an_argument_that_makes_a_prepared_statement_too_long_is_named_as_the_reason),
        cmocka_unit_test(test_explain_speaks_of_the_callers_tables),
        cmocka_unit_test(test_the_lake_is_written),
        cmocka_unit_test(test_nothing_else_is_written),
        cmocka_unit_test(test_views_are_kept_and_expanded),
        cmocka_unit_test(test_history_has_every_statement),
        cmocka_unit_test(test_names_are_completed),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
