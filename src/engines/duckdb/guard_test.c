/* What the bound plan may touch, and what the engine's errors become. */
#include "engines/duckdb/hooks_testing.h"

enum { ALLOWED_MAX = 8 };

static void allow(const char *const *entries)
{
    size_t count = 0;
    while (count < ALLOWED_MAX && entries[count])
        count++;
    tl_hooks_set_guard(testing_connection, &(struct tl_hooks_guard){.allowed = entries, .allowed_count = count, .query_id = "test"});
}

struct attempt {
    const char *sql;
    const char *allowed[ALLOWED_MAX]; /* just enough */
};

/* Each runs with what it needs, and is refused when any one entry is missing. */
static const struct attempt attempts[] = {
    {"SELECT 1", {NULL}},
    {"VALUES (1), (2)", {NULL}},
    {"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT sum(n) OVER (), n FROM r ORDER BY n LIMIT 2", {NULL}},
    {"SELECT unnest([1, 2]), (SELECT 3), 4 IN (VALUES (4)) INTERSECT SELECT 1, 3, true", {NULL}},
    {"SELECT * FROM local", {"table:memory.main.local"}},
    {"SELECT nm FROM small, middle", {"table:memory.main.small", "table:memory.main.middle"}},
    {"SELECT * FROM (SELECT k FROM small UNION ALL SELECT (SELECT max(k) FROM middle))", {"table:memory.main.small", "table:memory.main.middle"}},
    {"SELECT count(*) FROM fake_view", {"scan:fake.main.wide"}},
    {"SELECT count(*) FROM local_view", {"table:memory.main.local"}},
    {"SELECT count(*) FROM tl_scan('fake', 'main', 'wide')", {"scan:fake.main.wide"}},
    {"SELECT k FROM small WHERE k IN (SELECT i8 FROM tl_scan('fake', 'main', 'wide'))", {"table:memory.main.small", "scan:fake.main.wide"}},
    {"SELECT k FROM small s WHERE EXISTS (SELECT 1 FROM middle m WHERE m.k = s.k AND EXISTS (SELECT 1 FROM local l WHERE l.id = m.k + s.k))",
     {"table:memory.main.small", "table:memory.main.middle", "table:memory.main.local"}},
    {"WITH z AS MATERIALIZED (SELECT * FROM local) SELECT 1 FROM z", {"table:memory.main.local"}},
    {"SELECT * FROM query('SELECT * FROM small')", {"table:memory.main.small"}},
    {"SELECT * FROM query_table('small')", {"table:memory.main.small"}},
    {"FROM range(3)", {"function:range"}},
    {"SELECT * FROM duckdb_tables()", {"function:duckdb_tables"}},
    {"SELECT * FROM duckdb_secrets()", {"function:duckdb_secrets"}},
    {"SELECT * FROM duckdb_settings()", {"function:duckdb_settings"}},
    {"SELECT * FROM information_schema.tables", {"function:duckdb_tables", "function:duckdb_views"}},
    {"SELECT * FROM pragma_table_info('small')", {"function:pragma_table_info"}},
    {"SELECT * FROM read_text('/etc/hostname')", {"function:read_text"}},
    {"SELECT (SELECT max(size) FROM read_text('/etc/hostname'))", {"function:read_text"}},
    {"SELECT * FROM query('SELECT * FROM read_blob(''/etc/hostname'')')", {"function:read_blob"}},
    {"SELECT * FROM glob('/etc/host*')", {"function:glob"}},
    {"SELECT * FROM sql_auto_complete('SEL')", {"function:sql_auto_complete"}},
    {"SELECT current_setting('threads')", {"scalar:current_setting"}},
    {"SELECT current_query()", {"scalar:current_query"}},
    {"SELECT write_log('x' || k) FROM small", {"table:memory.main.small", "scalar:write_log"}},
    {"EXPLAIN SELECT * FROM small", {"operator:EXPLAIN", "table:memory.main.small"}},
    {"EXPLAIN ANALYZE SELECT * FROM small", {"operator:EXPLAIN", "table:memory.main.small"}},
    {"DESCRIBE small", {"operator:CHUNK_GET"}},
    {"SUMMARIZE small", {"table:memory.main.small"}},
    {"SHOW TABLES", {"function:duckdb_tables", "function:duckdb_views"}},
    {"INSERT INTO target SELECT k, nm FROM small", {"write:memory.main.target", "table:memory.main.small"}},
    {"INSERT INTO target VALUES (1, 'x')", {"write:memory.main.target"}},
    {"UPDATE target SET a = (SELECT max(k) FROM middle)", {"write:memory.main.target", "table:memory.main.target", "table:memory.main.middle"}},
    {"DELETE FROM target WHERE a = 1", {"write:memory.main.target", "table:memory.main.target"}},
    {"TRUNCATE target", {"write:memory.main.target", "table:memory.main.target"}},
    {"MERGE INTO target USING small ON a = k WHEN MATCHED THEN DELETE", {"write:memory.main.target", "table:memory.main.target", "table:memory.main.small"}},
    {"CREATE TABLE made (a INT)", {"write:memory.main.made"}},
    {"CREATE OR REPLACE TABLE made AS SELECT * FROM small", {"write:memory.main.made", "table:memory.main.small"}},
    {"ALTER TABLE made ADD COLUMN z INT", {"write:memory.main.made"}},
    {"ALTER TABLE made RENAME TO made2", {"write:memory.main.made"}},
    {"DROP TABLE made2", {"write:memory.main.made2"}},
    {"CREATE SCHEMA sch", {"write:memory.sch"}},
    {"CREATE TABLE sch.t AS SELECT 1 AS a", {"write:memory.sch.t"}},
    {"DROP SCHEMA sch CASCADE", {"write:memory.sch"}},
    {"CREATE VIEW made_view AS SELECT * FROM small", {"operator:CREATE_VIEW", "write:memory.main.made_view"}},
    {"DROP VIEW made_view", {"write:memory.main.made_view"}},
    {"CREATE TEMP TABLE scratch (a INT)", {"write:temp.main.scratch"}},
    {"DROP TABLE scratch", {"write:temp.main.scratch"}},
    {"CREATE MACRO m(x) AS x + 1", {"operator:CREATE_MACRO"}},
    {"DROP MACRO m", {"operator:DROP_MACRO_ENTRY"}},
    {"CREATE SEQUENCE q", {"operator:CREATE_SEQUENCE"}},
    {"CREATE TYPE e AS ENUM ('a')", {"operator:CREATE_TYPE"}},
    {"COMMENT ON TABLE small IS 'x'", {"operator:ALTER_SET_COMMENT", "write:memory.main.small"}},
    {"CREATE INDEX ix ON target (a)", {"operator:CREATE_INDEX", "table:memory.main.target"}},
    {"DROP INDEX ix", {"operator:DROP_INDEX_ENTRY"}},
    {"COPY (SELECT 1) TO '/dev/null'", {"operator:COPY_TO_FILE"}},
    {"ATTACH ':memory:' AS other", {"operator:ATTACH"}},
    {"DETACH other", {"operator:DETACH"}},
    {"SET VARIABLE v = 1", {"operator:SET"}},
    {"SET threads = 4", {"operator:SET"}},
    {"RESET threads", {"operator:RESET"}},
    {"USE memory", {"operator:SET"}},
    {"PRAGMA disable_optimizer", {"operator:PRAGMA"}},
    {"PRAGMA enable_optimizer", {"operator:PRAGMA"}},
    {"PREPARE p AS SELECT * FROM small", {"operator:PREPARE", "table:memory.main.small"}},
    {"DEALLOCATE p", {"operator:DROP_PREPARED_STATEMENT"}},
    {"CALL pragma_version()", {"function:pragma_version"}},
    {"PIVOT small ON nm USING sum(k)", {"operator:CREATE_TYPE", "table:memory.main.small"}},
    {"BEGIN", {"operator:TRANSACTION"}},
    {"COMMIT", {"operator:TRANSACTION"}},
};

static bool is_refused(const char *sql)
{
    duckdb_result result;
    struct tl_err err;
    tl_err_init(&err);
    bool failed = duckdb_query(testing_connection, sql, &result) != DuckDBSuccess;
    bool refused = failed && tl_hooks_take_error(testing_connection, &err) && err.code == TL_NOT_ALLOWED;
    if (failed && !refused)
        print_error("%s: %s\n", sql, duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return refused;
}

/* Everything but entry `missing`. */
static void allow_without(const struct attempt *attempt, size_t missing)
{
    const char *some[ALLOWED_MAX] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < ALLOWED_MAX && attempt->allowed[i]; i++)
        if (i != missing)
            some[count++] = attempt->allowed[i];
    allow(some);
}

static void test_a_plan_runs_with_just_what_it_needs(void **state)
{
    (void)state;
    testing_run("CREATE OR REPLACE TABLE target (a INT, b VARCHAR)");
    int wrong = 0;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        for (size_t k = 0; k < ALLOWED_MAX && attempts[i].allowed[k]; k++) {
            allow_without(&attempts[i], k);
            if (!is_refused(attempts[i].sql)) {
                print_error("%s: ran without \"%s\"\n", attempts[i].sql, attempts[i].allowed[k]);
                wrong++;
            }
        }
        allow(attempts[i].allowed);
        duckdb_result result;
        if (duckdb_query(testing_connection, attempts[i].sql, &result) != DuckDBSuccess) {
            struct tl_err err;
            tl_err_init(&err);
            tl_hooks_take_error(testing_connection, &err);
            print_error("%s: %s (%s)\n", attempts[i].sql, duckdb_result_error(&result), err.detail);
            wrong++;
        }
        duckdb_destroy_result(&result);
    }
    assert_int_equal(wrong, 0);
}

static void test_a_refusal_names_no_policy_and_leaves_the_engine_usable(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    allow(none);
    struct tl_err err = testing_failure("SELECT * FROM local");
    assert_int_equal(err.code, TL_NOT_ALLOWED);
    assert_string_equal(err.message, "the plan of the statement goes beyond what was allowed");
    assert_string_equal(err.detail, "table \"memory.main.local\"");
    testing_run("SELECT 1");
    testing_reset(NULL);
    testing_run("SELECT * FROM local");
}

static void test_switching_the_optimizer_off_does_not_switch_the_guard_off(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    testing_run("PRAGMA disable_optimizer");
    allow(none);
    assert_true(is_refused("SELECT * FROM local"));
    testing_reset(NULL);
    testing_run("PRAGMA enable_optimizer");
    testing_run("SET disabled_optimizers = 'extension'");
    allow(none);
    assert_true(is_refused("SELECT * FROM local"));
    testing_reset(NULL);
    testing_run("RESET disabled_optimizers");
}

static void test_a_prepared_statement_is_checked_again_when_it_is_bound_again(void **state)
{
    (void)state;
    static const char *const some[] = {"table:memory.main.small", NULL};
    duckdb_prepared_statement statement;
    allow(some);
    assert_int_equal(duckdb_prepare(testing_connection, "SELECT * FROM local WHERE id = $1", &statement), DuckDBError);
    duckdb_destroy_prepare(&statement);
    assert_int_equal(duckdb_prepare(testing_connection, "SELECT * FROM small WHERE k = $1 + 1 - 1", &statement), DuckDBSuccess);
    duckdb_bind_int64(statement, 1, 100);
    duckdb_result result;
    assert_int_equal(duckdb_execute_prepared(statement, &result), DuckDBSuccess);
    duckdb_destroy_result(&result);
    duckdb_destroy_prepare(&statement);
}

static void test_each_connection_has_its_own_guard(void **state)
{
    (void)state;
    static const char *const none[] = {NULL};
    duckdb_connection other;
    assert_int_equal(duckdb_connect(testing_front, &other), DuckDBSuccess);
    allow(none);
    assert_int_equal(duckdb_query(other, "SELECT * FROM small", NULL), DuckDBSuccess);
    assert_int_equal(duckdb_query(testing_connection, "SELECT * FROM small", NULL), DuckDBError);
    duckdb_disconnect(&other);
}

/* ---- errors of the engine ---- */

struct failure {
    const char *sql;
    enum tl_code code;
    const char *message; /* its beginning */
    const char *hint;    /* a part of it, NULL = none */
    int64_t position;
};

static const struct failure failures[] = {
    {"SELEC 1", TL_SYNTAX, "syntax error at or near \"SELEC\"", NULL, 0},
    {"SELECT nothing FROM small", TL_COLUMN_NOT_FOUND, "referenced column \"nothing\" not found in FROM clause", "candidate bindings: \"nm\"", 7},
    {"SELECT s.q FROM small s", TL_COLUMN_NOT_FOUND, "table \"s\" does not have a column named \"q\"", "candidate bindings", 7},
    {"SELECT x.k FROM small", TL_TABLE_NOT_FOUND, "referenced table \"x\" not found", "candidate tables: \"small\"", 7},
    {"SELECT * FROM smal", TL_TABLE_NOT_FOUND, "table with name smal does not exist", "did you mean \"small\"", 14},
    {"SELECT * FROM main.zzzzzz", TL_TABLE_NOT_FOUND, "table with name zzzzzz does not exist", "", 14},
    {"SELECT * FROM nowhere.main.t", TL_CATALOG_NOT_FOUND, "catalog \"nowhere\" does not exist", NULL, -1},
    {"SELECT * FROM nowhere.t", TL_TABLE_NOT_FOUND, "", "", -2},
    {"SELECT lenght('x')", TL_FUNCTION_NOT_FOUND, "scalar Function with name lenght does not exist", "did you mean \"length\"", 7},
    {"SELECT * FROM rnge(3)", TL_FUNCTION_NOT_FOUND, "table Function with name rnge does not exist", "did you mean", 14},
    {"SELECT upper(1, 2)", TL_FUNCTION_NOT_FOUND, "no function matches the given name and argument types", "andidate functions", 7},
    {"SELECT k + [1] FROM small", TL_FUNCTION_NOT_FOUND, "no function matches", "", 9},
    {"SELECT k = DATE '2020-01-01' FROM small", TL_TYPE_MISMATCH, "unimplemented type for cast (BIGINT -> DATE)", NULL, 7},
    {"SELECT 'x' || [k] FROM small", TL_TYPE_MISMATCH, "cannot concatenate types VARCHAR and BIGINT[]", NULL, 7},
    {"SELECT k FROM small UNION SELECT nm, 1 FROM small", TL_SYNTAX, "set operations can only apply to expressions with the same number", NULL, -1},
    {"SELECT k, sum(k) FROM small", TL_SYNTAX, "column \"k\" must appear in the GROUP BY clause", NULL, 7},
    {"SELECT a.k FROM small a, middle WHERE k = 1", TL_COLUMN_NOT_FOUND, "ambiguous reference to column name \"k\"", NULL, 38},
    {"SELECT 'x'::INTEGER", TL_INVALID_VALUE, "could not convert string 'x' to INT32", NULL, 10},
    {"SELECT nm::DATE FROM small", TL_INVALID_VALUE, "invalid date field format", NULL, -2},
    {"SELECT 200::TINYINT", TL_INVALID_VALUE, "type INT32 with value 200 can't be cast because the value is out of range", NULL, -2},
    {"SELECT 9223372036854775807 + k FROM small", TL_INVALID_VALUE, "overflow in addition of INT64", NULL, -1},
    {"SELECT error('own words')", TL_INVALID_VALUE, "own words", NULL, -1},
    {"INSERT INTO strict VALUES (NULL)", TL_CONSTRAINT, "NOT NULL constraint failed: strict.a", NULL, -1},
    {"CREATE TABLE small (a INT)", TL_ALREADY_EXISTS, "table with name \"small\" already exists", NULL, -1},
    {"CREATE SCHEMA main", TL_ALREADY_EXISTS, "schema with name \"main\" already exists", NULL, -1},
    {"DROP TABLE smal", TL_TABLE_NOT_FOUND, "table with name smal does not exist", "did you mean", -1},
    {"DROP SCHEMA full_schema", TL_SCHEMA_NOT_EMPTY, "cannot drop entry \"full_schema\"", NULL, -1},
    {"CREATE TABLE nowhere.t (a INT)", TL_SCHEMA_NOT_FOUND, "schema with name nowhere does not exist", "", -1},
    {"SELECT * FROM read_csv('/nowhere/x.csv')", TL_IO, "no files found that match the pattern", NULL, -2},
    {"SET no_such_setting = 1", TL_NOT_FOUND, "unrecognized configuration parameter \"no_such_setting\"", "did you mean", -1},
    {"SELECT $1", TL_INVALID_VALUE, "", NULL, -2},
    {"LOAD no_such_extension", TL_IO, "", NULL, -2},
};

static bool check_failure(const struct failure *failure)
{
    struct tl_err err = testing_failure(failure->sql);
    bool fits = err.code == failure->code && strncmp(err.message, failure->message, strlen(failure->message)) == 0;
    fits = fits && (failure->hint ? strstr(err.hint, failure->hint) != NULL : err.hint[0] == '\0');
    fits = fits && (failure->position == -2 || failure->position == err.position);
    fits = fits && !strstr(err.message, "Error:") && !strstr(err.message, "LINE ") && !strchr(err.message, '\n');
    if (!fits)
        print_error("%s\n code %s, message \"%s\", detail \"%s\", hint \"%s\", position %lld\n", failure->sql, tl_code_info(err.code)->name,
                    err.message, err.detail, err.hint, (long long)err.position);
    return fits;
}

static void check_failures(void)
{
    testing_run("CREATE OR REPLACE TABLE strict (a INT NOT NULL)");
    testing_run("CREATE SCHEMA IF NOT EXISTS full_schema");
    testing_run("CREATE TABLE IF NOT EXISTS full_schema.t (a INT)");
    int wrong = 0;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++)
        wrong += !check_failure(&failures[i]);
    assert_int_equal(wrong, 0);
}

static void test_errors_of_the_engine_become_ours(void **state)
{
    (void)state;
    check_failures();
}

static void test_errors_as_json_become_the_same(void **state)
{
    (void)state;
    testing_run("SET errors_as_json = true");
    check_failures();
    struct tl_err err = testing_failure("SELECT 1,\n  '\u00e4', nothing\nFROM small");
    assert_int_equal(err.code, TL_COLUMN_NOT_FOUND);
    assert_int_equal(err.position, 18); /* also on later lines and behind long ones */
    testing_run("SET errors_as_json = false");
}

static void test_limits_of_the_engine_have_codes(void **state)
{
    (void)state;
    struct tl_err err;
    static const struct {
        const char *text;
        int type;
        enum tl_code code;
    } cases[] = {
        {"Out of Memory Error: failed to allocate data of size 1.0 GiB (20 MiB/30 MiB used)", 33, TL_MEMORY_EXCEEDED},
        {"Out of Memory Error: failed to offload data block of size 256.0 KiB (9.9 MiB/10.0 MiB used).\nThis limit was set by the "
         "'max_temp_directory_size' setting.", 33, TL_DISK_FULL},
        {"IO Error: Could not write file \"x\": No space left on device", 28, TL_DISK_FULL},
        {"INTERRUPT Error: Interrupted!", 29, TL_CANCELLED},
        {"TransactionContext Error: Failed to commit: CommitFailedException", 10, TL_CONFLICT},
        {"TransactionContext Error: Conflict on tuple deletion!", 10, TL_CONFLICT},
        {"Parser Error: Max expression depth limit of 250 exceeded. Use \"SET max_expression_depth TO x\" to increase it.", 14, TL_TOO_LARGE},
        {"HTTP Error: GetTableInformation failed", 38, TL_IO},
        {"Not implemented Error: no such thing", 11, TL_UNSUPPORTED},
        {"INTERNAL Error: assertion", 31, TL_INTERNAL},
        {"", 0, TL_INTERNAL},
        {"{\"exception_type\":\"Binder\"", 24, TL_SYNTAX},
        {"{not json", 24, TL_SYNTAX},
        {"{}", 28, TL_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_err_init(&err);
        enum tl_code code = tl_hooks_error(cases[i].text, cases[i].type, &err);
        if (code != cases[i].code || err.code != code || !err.message[0])
            fail_msg("%s: %s \"%s\"", cases[i].text, tl_code_info(code)->name, err.message);
    }
}

static void test_a_statement_that_fails_before_its_first_row_tells_why(void **state)
{
    (void)state;
    struct tl_err err;
    char reason[3001], text[4096];
    static const char *const plain = "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query result\n"
                                     "Error: Out of Memory Error: could not allocate block of size 256.0 KiB (99 MiB/100 MiB used)";
    tl_err_init(&err);
    assert_int_equal(tl_hooks_error(plain, DUCKDB_ERROR_INVALID_INPUT, &err), TL_MEMORY_EXCEEDED);
    assert_string_equal(err.message, "could not allocate block of size 256.0 KiB (99 MiB/100 MiB used)");
    /* also when the reason is longer than a detail may be */
    memset(reason, 'x', sizeof reason - 1);
    reason[sizeof reason - 1] = '\0';
    snprintf(text, sizeof text, "{\"exception_type\":\"Invalid Input\",\"exception_message\":\"Attempting to execute an unsuccessful or closed "
             "pending query result\\nError: {\\\"exception_type\\\":\\\"Constraint\\\",\\\"exception_message\\\":\\\"%s\\\"}\"}", reason);
    tl_err_init(&err);
    assert_int_equal(tl_hooks_error(text, DUCKDB_ERROR_INVALID_INPUT, &err), TL_CONSTRAINT);
    assert_int_equal(strncmp(err.message, "xxx", 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_plan_runs_with_just_what_it_needs, testing_reset),
        cmocka_unit_test_setup(test_a_refusal_names_no_policy_and_leaves_the_engine_usable, testing_reset),
        cmocka_unit_test_setup(test_switching_the_optimizer_off_does_not_switch_the_guard_off, testing_reset),
        cmocka_unit_test_setup(test_a_prepared_statement_is_checked_again_when_it_is_bound_again, testing_reset),
        cmocka_unit_test_setup(test_each_connection_has_its_own_guard, testing_reset),
        cmocka_unit_test_setup(test_errors_of_the_engine_become_ours, testing_reset),
        cmocka_unit_test_setup(test_errors_as_json_become_the_same, testing_reset),
        cmocka_unit_test_setup(test_limits_of_the_engine_have_codes, testing_reset),
        cmocka_unit_test_setup(test_a_statement_that_fails_before_its_first_row_tells_why, testing_reset),
    };
    return cmocka_run_group_tests(tests, testing_open, testing_close);
}
