/* The lake as its first client sees it: DuckDB and its iceberg extension, over HTTP, against the real catalog and store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <duckdb.h>

#include "base/folder_testing.h"
#include "io/http.h"
#include "lake/lake.h"
#include "sources/iceberg/iceberg.h"

#define TOKEN "s3cr3t-token"

struct world {
    char folder[64], warehouse[128];
    tl_store *store;
    tl_lake *lake;
    tl_http_server *server;
    duckdb_database database;
    duckdb_connection connection;
    atomic_int requests;
    atomic_int refused; /* came without the token */
    char failure[4096]; /* of the last statement */
};

static struct world world;

#ifdef __SANITIZE_ADDRESS__
/* The engine's avro extension keeps what its JSON library allocated; that is not ours to free. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:avro.duckdb_extension\n";
}
#endif

/* --- the catalog over HTTP --- */

static const char *query_param(void *context, const char *name)
{
    return tl_http_query_param(context, name);
}

static void handle(void *context, tl_http_exchange *exchange)
{
    (void)context;
    struct tl_request rq;
    struct tl_lake_reply reply;
    atomic_fetch_add(&world.requests, 1);
    const char *authorization = tl_http_header(exchange, "Authorization");
    if (!authorization || strcmp(authorization, "Bearer " TOKEN) != 0) {
        atomic_fetch_add(&world.refused, 1);
        tl_http_respond(exchange, 401, "application/json",
                        TL_STR("{\"error\":{\"message\":\"no\",\"type\":\"NotAuthorizedException\",\"code\":401}}"), false);
        return;
    }
    tl_request_init(&rq, tl_http_arena(exchange));
    const char *path = tl_http_path(exchange);
    struct tl_lake_call call = {
        .method = tl_http_method(exchange),
        .path = strncmp(path, "/iceberg", 8) == 0 ? path + 8 : path,
        .query_param = query_param,
        .context = exchange,
        .body = tl_http_body(exchange),
    };
    tl_lake_rest(&rq, world.lake, &call, &reply);
    tl_http_respond(exchange, reply.status, "application/json", reply.body, true);
}

/* --- statements --- */

static bool run_on(duckdb_connection connection, const char *sql)
{
    duckdb_result result;
    bool ok = duckdb_query(connection, sql, &result) == DuckDBSuccess;
    snprintf(world.failure, sizeof world.failure, "%s", ok ? "" : duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return ok;
}

static void run(const char *sql)
{
    if (!run_on(world.connection, sql))
        fail_msg("%s: %s", sql, world.failure);
}

static void run_fails(const char *sql, const char *part)
{
    if (run_on(world.connection, sql))
        fail_msg("%s: should have failed with \"%s\"", sql, part);
    if (!strstr(world.failure, part))
        fail_msg("%s: \"%s\" is not in: %s", sql, part, world.failure);
}

/* The rows of one VARCHAR column, joined by ';'. */
static const char *rows_on(duckdb_connection connection, const char *sql)
{
    static char text[8192];
    duckdb_result result;
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    size_t used = 0;
    text[0] = '\0';
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result)) != NULL; duckdb_destroy_data_chunk(&chunk)) {
        duckdb_string_t *values = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
            int added = snprintf(text + used, sizeof text - used, "%s%.*s", used ? ";" : "",
                                 (int)duckdb_string_t_length(values[i]), duckdb_string_t_data(&values[i]));
            used += (size_t)added;
            assert_true(used < sizeof text);
        }
    }
    duckdb_destroy_result(&result);
    return text;
}

static void expect(const char *sql, const char *wanted)
{
    const char *rows = rows_on(world.connection, sql);
    if (strcmp(rows, wanted) != 0)
        fail_msg("%s:\n  got  %s\n  want %s", sql, rows, wanted);
}

static void attach_lake(duckdb_connection connection)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d/iceberg", tl_http_server_port(world.server));
    const char *names[] = {"endpoint", "token"}, *values[] = {endpoint, TOKEN};
    struct tl_source_config config = {"lake", "iceberg", 2, names, values};
    struct tl_buf sql;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&sql, 1 << 16);
    assert_int_equal(tl_source_driver_iceberg.attach_sql(&config, "lake", &sql, &err), TL_OK);
    if (!run_on(connection, tl_buf_cstr(&sql)))
        fail_msg("attach: %s", world.failure);
    tl_buf_done(&sql);
}

static void open_database(duckdb_database *ret_database, duckdb_connection *ret_connection)
{
    static const char *const extensions[] = {"avro", "httpfs", "iceberg"};
    char sql[1024];
    assert_int_equal(duckdb_open(NULL, ret_database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(*ret_database, ret_connection), DuckDBSuccess);
    for (size_t i = 0; i < 3; i++) {
        snprintf(sql, sizeof sql, "LOAD '%s/%s.duckdb_extension'", getenv("TL_TEST_EXTENSIONS"), extensions[i]);
        if (!run_on(*ret_connection, sql))
            fail_msg("%s: %s", sql, world.failure);
    }
    attach_lake(*ret_connection);
    /* locked as the engine is: files of the warehouse and nothing else, but for "data": CREATE TABLE AS makes a folder of
     * that name in the working directory while it plans, before it knows the location */
    snprintf(sql, sizeof sql,
             "SET allowed_directories = ['%s/', 'file://%s/']; SET allowed_paths = ['data']; SET enable_external_access = false",
             world.warehouse, world.warehouse);
    if (!run_on(*ret_connection, sql))
        fail_msg("lock: %s", world.failure);
}

static int start(void **state)
{
    (void)state;
    struct tl_err err;
    tl_err_init(&err);
    snprintf(world.folder, sizeof world.folder, "/tmp/tl_lakeduck_XXXXXX");
    if (!mkdtemp(world.folder) || chdir(world.folder) != 0)
        return -1;
    snprintf(world.warehouse, sizeof world.warehouse, "%s/ware house", world.folder);
    if (tl_store_open(world.folder, &world.store, &err) != TL_OK ||
        tl_lake_open(world.store, world.warehouse, &world.lake, &err) != TL_OK ||
        tl_http_server_start("127.0.0.1", 0, NULL, handle, NULL, &world.server, &err) != TL_OK) {
        fprintf(stderr, "%s\n", err.message);
        return -1;
    }
    open_database(&world.database, &world.connection);
    run("CREATE SCHEMA lake.s1");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    duckdb_disconnect(&world.connection);
    duckdb_close(&world.database);
    world.server = tl_http_server_stop(world.server, 1000);
    world.lake = tl_lake_close(world.lake);
    world.store = tl_store_close(world.store);
    return folder_remove(world.folder);
}

/* --- tests --- */

static void test_schemas_come_and_go(void **state)
{
    (void)state;
    run("CREATE SCHEMA lake.s2");
    run_fails("CREATE SCHEMA lake.s2", "already exists");
    run("CREATE SCHEMA IF NOT EXISTS lake.s2");
    run("CREATE SCHEMA lake.\"s2.inner\"");
    run("CREATE TABLE lake.\"s2.inner\".t (i INTEGER)");
    run("INSERT INTO lake.\"s2.inner\".t VALUES (7)");
    expect("SELECT i::VARCHAR FROM lake.\"s2.inner\".t", "7");
    run_fails("DROP SCHEMA lake.s2", "not empty");
    run("DROP TABLE lake.\"s2.inner\".t");
    run("DROP SCHEMA lake.\"s2.inner\"");
    run("DROP SCHEMA lake.s2");
    run_fails("CREATE TABLE lake.s2.t (i INTEGER)", "s2");
}

static void test_rows_are_written_and_changed(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.t1 (id INTEGER, name VARCHAR, ts TIMESTAMP, amt DECIMAL(10,2), d DATE)");
    run_fails("CREATE TABLE lake.s1.t1 (id INTEGER)", "already exists");
    run("INSERT INTO lake.s1.t1 SELECT i, 'n' || i, TIMESTAMP '2024-01-01' + INTERVAL (i) HOUR, i / 4.0, DATE '2024-01-01' + i::INTEGER "
        "FROM range(1000) r(i)");
    expect("SELECT concat_ws(' ', count(*), sum(amt), max(ts), max(d)) FROM lake.s1.t1",
           "1000 124875.00 2024-02-11 15:00:00 2026-09-26");
    run("UPDATE lake.s1.t1 SET name = 'changed' WHERE id < 10");
    expect("SELECT count(*)::VARCHAR FROM lake.s1.t1 WHERE name = 'changed'", "10");
    run("DELETE FROM lake.s1.t1 WHERE id >= 500");
    expect("SELECT concat_ws(' ', count(*), max(id)) FROM lake.s1.t1", "500 499");
    run("MERGE INTO lake.s1.t1 t USING (VALUES (1, 'merged'), (9001, 'new')) s(id, name) ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)");
    expect("SELECT concat_ws(' ', id, name) FROM lake.s1.t1 WHERE id IN (1, 9001) ORDER BY id", "1 merged;9001 new");
    run("TRUNCATE lake.s1.t1");
    expect("SELECT count(*)::VARCHAR FROM lake.s1.t1", "0");
    run("DROP TABLE lake.s1.t1");
    run_fails("SELECT * FROM lake.s1.t1", "does not exist");
}

static void test_create_table_as(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.made AS SELECT i AS n, i::VARCHAR AS t, [i, i + 1] AS l, {'a': i} AS s, MAP {'k': i} AS m, "
        "uuid() AS u, TIMESTAMPTZ '2024-05-06 07:08:09+00' AS z FROM range(3) r(i)");
    expect("SELECT concat_ws(' ', n, t, l, s, m, z AT TIME ZONE 'UTC') FROM lake.s1.made ORDER BY n",
           "0 0 [0, 1] {'a': 0} {k=0} 2024-05-06 07:08:09;1 1 [1, 2] {'a': 1} {k=1} 2024-05-06 07:08:09;"
           "2 2 [2, 3] {'a': 2} {k=2} 2024-05-06 07:08:09");
    run("DROP TABLE lake.s1.made");
}

static void test_columns_evolve(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.ev (a INTEGER, b VARCHAR)");
    run("INSERT INTO lake.s1.ev VALUES (1, 'x')");
    run("ALTER TABLE lake.s1.ev ADD COLUMN c BIGINT");
    run("INSERT INTO lake.s1.ev VALUES (2, 'y', 5)");
    run("ALTER TABLE lake.s1.ev RENAME COLUMN b TO bb");
    run("ALTER TABLE lake.s1.ev ALTER COLUMN a TYPE BIGINT");
    expect("SELECT concat_ws(' ', a, bb, coalesce(c::VARCHAR, 'null')) FROM lake.s1.ev ORDER BY a", "1 x null;2 y 5");
    run("ALTER TABLE lake.s1.ev DROP COLUMN c");
    expect("SELECT concat_ws(' ', column_name, column_type) FROM (DESCRIBE lake.s1.ev)", "a BIGINT;bb VARCHAR");
    run("ALTER TABLE lake.s1.ev ADD COLUMN c BIGINT"); /* a new column, not the old values back */
    expect("SELECT coalesce(c::VARCHAR, 'null') FROM lake.s1.ev", "null;null");
    run("ALTER TABLE lake.s1.ev RENAME TO ev2");
    expect("SELECT count(*)::VARCHAR FROM lake.s1.ev2", "2");
    run_fails("SELECT * FROM lake.s1.ev", "does not exist");
    run("DROP TABLE lake.s1.ev2");
}

static void test_partitions(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.part (id INTEGER, region VARCHAR) PARTITIONED BY (region)");
    run("INSERT INTO lake.s1.part SELECT i, CASE WHEN i % 2 = 0 THEN 'eu' ELSE 'us' END FROM range(10) r(i)");
    run("DELETE FROM lake.s1.part WHERE region = 'us' AND id > 5");
    run("UPDATE lake.s1.part SET region = 'br' WHERE id = 0");
    run("ALTER TABLE lake.s1.part SET PARTITIONED BY (region, bucket(4, id))");
    run("INSERT INTO lake.s1.part VALUES (100, 'eu')");
    expect("SELECT concat_ws(' ', region, count(*)) FROM lake.s1.part GROUP BY region ORDER BY region", "br 1;eu 5;us 3");
    /* the engine itself cannot delete once two specs share a field; the statement fails whole and the table stays sound */
    run_fails("DELETE FROM lake.s1.part WHERE region = 'us'", "duplicate name");
    expect("SELECT count(*)::VARCHAR FROM lake.s1.part", "9");
    run("DROP TABLE lake.s1.part");
}

static void test_time_travel(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.tt (i INTEGER)");
    run("INSERT INTO lake.s1.tt VALUES (1)");
    char first[64], sql[256];
    snprintf(first, sizeof first, "%s", rows_on(world.connection, "SELECT snapshot_id::VARCHAR FROM iceberg_snapshots(lake.s1.tt)"));
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    char moment[64];
    snprintf(moment, sizeof moment, "%s", rows_on(world.connection, "SELECT now()::TIMESTAMPTZ::VARCHAR"));
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    run("INSERT INTO lake.s1.tt VALUES (2)");
    snprintf(sql, sizeof sql, "SELECT i::VARCHAR FROM lake.s1.tt AT (VERSION => %s)", first);
    expect(sql, "1");
    snprintf(sql, sizeof sql, "SELECT i::VARCHAR FROM lake.s1.tt AT (TIMESTAMP => TIMESTAMPTZ '%s')", moment);
    expect(sql, "1");
    expect("SELECT count(*)::VARCHAR FROM iceberg_snapshots(lake.s1.tt)", "2");
    run("DROP TABLE lake.s1.tt");
}

static void test_transaction_over_two_tables(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.x (i INTEGER)");
    run("CREATE TABLE lake.s1.y (i INTEGER)");
    run("BEGIN");
    run("INSERT INTO lake.s1.x VALUES (1)");
    run("INSERT INTO lake.s1.y VALUES (2)");
    expect("SELECT i::VARCHAR FROM lake.s1.x", "1"); /* reads its own writes */
    run("ROLLBACK");
    expect("SELECT count(*)::VARCHAR FROM lake.s1.x", "0");
    run("BEGIN");
    run("INSERT INTO lake.s1.x VALUES (1)");
    run("INSERT INTO lake.s1.y VALUES (2)");
    run("COMMIT");
    expect("SELECT concat_ws(' ', x.i, y.i) FROM lake.s1.x, lake.s1.y", "1 2");
    run("DROP TABLE lake.s1.x");
    run("DROP TABLE lake.s1.y");
}

static void test_loser_of_two_writers_is_told(void **state)
{
    (void)state;
    duckdb_connection other;
    assert_int_equal(duckdb_connect(world.database, &other), DuckDBSuccess);
    run("CREATE TABLE lake.s1.c (i INTEGER)");
    run("INSERT INTO lake.s1.c VALUES (0)");
    run("BEGIN");
    run("INSERT INTO lake.s1.c VALUES (1)");
    if (!run_on(other, "INSERT INTO lake.s1.c VALUES (2)"))
        fail_msg("the other writer: %s", world.failure);
    run_fails("COMMIT", "CommitFailedException");
    expect("SELECT i::VARCHAR FROM lake.s1.c ORDER BY i", "0;2");
    run("INSERT INTO lake.s1.c VALUES (1)"); /* again, after reading again */
    expect("SELECT i::VARCHAR FROM lake.s1.c ORDER BY i", "0;1;2");
    assert_string_equal(rows_on(other, "SELECT count(*)::VARCHAR FROM lake.s1.c"), "3"); /* fresh on every connection */
    duckdb_disconnect(&other);
    run("DROP TABLE lake.s1.c");
}

static void test_format_version_3(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.v3 (i INTEGER) WITH ('format-version' = '3')");
    run("INSERT INTO lake.s1.v3 SELECT i FROM range(20) r(i)");
    run("DELETE FROM lake.s1.v3 WHERE i < 5");
    run("INSERT INTO lake.s1.v3 VALUES (100)");
    run("UPDATE lake.s1.v3 SET i = i + 1 WHERE i > 15");
    expect("SELECT concat_ws(' ', count(*), sum(i)) FROM lake.s1.v3", "16 285");
    run("DROP TABLE lake.s1.v3");
}

static void test_table_properties(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.p (i INTEGER)");
    run("CALL set_iceberg_table_properties(lake.s1.p, {'a': 'b'})");
    expect("SELECT value FROM iceberg_table_properties(lake.s1.p) WHERE key = 'a'", "b");
    run("CALL remove_iceberg_table_properties(lake.s1.p, ['a'])");
    expect("SELECT count(*)::VARCHAR FROM iceberg_table_properties(lake.s1.p) WHERE key = 'a'", "0");
    run("DROP TABLE lake.s1.p");
}

static void test_drop_takes_the_files_along(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.gone (i INTEGER)");
    run("INSERT INTO lake.s1.gone VALUES (1)");
    run("DROP TABLE lake.s1.gone");
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT count(*)::VARCHAR FROM glob('%s/s1/gone-*/**')", world.warehouse);
    expect(sql, "0");
}

static void test_names_in_quotes(void **state)
{
    (void)state;
    run("CREATE TABLE lake.s1.\"Größe & ü%b\" (\"a \"\"b\" INTEGER)");
    run("INSERT INTO lake.s1.\"Größe & ü%b\" VALUES (3)");
    expect("SELECT \"a \"\"b\"::VARCHAR FROM lake.s1.\"Größe & ü%b\"", "3");
    run("DROP TABLE lake.s1.\"Größe & ü%b\"");
}

static void test_the_token_shows_nowhere(void **state)
{
    (void)state;
    static const char *const places[] = {
        "SELECT COALESCE(string_agg(d::VARCHAR, ' '), '') FROM duckdb_databases() d",
        "SELECT COALESCE(string_agg(d::VARCHAR, ' '), '') FROM duckdb_secrets() d",
        "SELECT COALESCE(string_agg(d::VARCHAR, ' '), '') FROM duckdb_settings() d WHERE d::VARCHAR LIKE '%" TOKEN "%'",
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        assert_null(strstr(rows_on(world.connection, places[i]), TOKEN));
    run_fails("SELECT * FROM lake.s1.nothing_here", "nothing_here");
    assert_null(strstr(world.failure, TOKEN));
    assert_int_equal(atomic_load(&world.refused), 0);
    assert_true(atomic_load(&world.requests) > 50);
}

int main(void)
{
    if (!getenv("TL_TEST_EXTENSIONS")) {
        fprintf(stderr, "TL_TEST_EXTENSIONS must name the folder of the engine's extensions\n");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemas_come_and_go),
        cmocka_unit_test(test_rows_are_written_and_changed),
        cmocka_unit_test(test_create_table_as),
        cmocka_unit_test(test_columns_evolve),
        cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_time_travel),
        cmocka_unit_test(test_transaction_over_two_tables),
        cmocka_unit_test(test_loser_of_two_writers_is_told),
        cmocka_unit_test(test_format_version_3),
        cmocka_unit_test(test_table_properties),
        cmocka_unit_test(test_drop_takes_the_files_along),
        cmocka_unit_test(test_names_in_quotes),
        cmocka_unit_test(test_the_token_shows_nowhere),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
