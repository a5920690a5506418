/* The kinds "duckdb" and "files" in the engine they are made for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <duckdb.h>

#include "base/folder_testing.h"
#include "sources/duckdb/duckdb.h"
#include "sources/files/files.h"

static char folder[64], failure[4096];
static duckdb_database database;
static duckdb_connection connection;

static bool try_run(const char *sql)
{
    duckdb_result result;
    bool ok = duckdb_query(connection, sql, &result) == DuckDBSuccess;
    snprintf(failure, sizeof failure, "%s", ok ? "" : duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return ok;
}

/* '@' is the folder. */
static const char *in_folder(const char *text)
{
    static char full[2048];
    size_t used = 0;
    for (const char *c = text; *c; c++)
        used += (size_t)snprintf(full + used, sizeof full - used, "%.*s", *c == '@' ? (int)strlen(folder) : 1, *c == '@' ? folder : c);
    assert_true(used < sizeof full);
    return full;
}

static void run(const char *sql)
{
    if (!try_run(in_folder(sql)))
        fail_msg("%s: %s", sql, failure);
}

static void expect(const char *sql, const char *wanted)
{
    char rows[4096] = "";
    size_t used = 0;
    duckdb_result result;
    if (duckdb_query(connection, in_folder(sql), &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result)) != NULL; duckdb_destroy_data_chunk(&chunk)) {
        duckdb_string_t *values = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
        for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++)
            used += (size_t)snprintf(rows + used, sizeof rows - used, "%s%.*s", used ? ";" : "", (int)duckdb_string_t_length(values[i]),
                                     duckdb_string_t_data(&values[i]));
    }
    duckdb_destroy_result(&result);
    assert_string_equal(rows, wanted);
}

static void attach(const struct tl_source_driver *driver, const char *catalog, const char *path)
{
    const char *names[] = {"path"}, *values[] = {in_folder(path)};
    struct tl_source_config config = {"s", driver->kind, 1, names, values};
    struct tl_buf sql;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&sql, 1 << 20);
    if (driver->attach_sql(&config, catalog, &sql, &err) != TL_OK)
        fail_msg("%s", err.message);
    if (!try_run(tl_buf_cstr(&sql)))
        fail_msg("%s: %s", tl_buf_cstr(&sql), failure);
    tl_buf_done(&sql);
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tl_attached_XXXXXX");
    return mkdtemp(folder) && duckdb_open(NULL, &database) == DuckDBSuccess && duckdb_connect(database, &connection) == DuckDBSuccess ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return folder_remove(folder);
}

static void test_database_file_is_read_and_never_written(void **state)
{
    (void)state;
    run("ATTACH '@/it''s.duckdb' AS made");
    run("CREATE TABLE made.main.t AS SELECT 7 AS i");
    run("DETACH made");
    attach(&tl_source_driver_duckdb, "p_ops", "@/it's.duckdb");
    expect("SELECT i::VARCHAR FROM p_ops.main.t", "7");
    assert_false(try_run("INSERT INTO p_ops.main.t VALUES (8)"));
    assert_non_null(strstr(failure, "read-only"));
    assert_false(try_run("CREATE TABLE p_ops.main.u (i INTEGER)"));
}

static void write_files(void)
{
    static const char *const folders[] = {"@/data", "@/data/sales", "@/data/sales/year=2024", "@/data/sales/year=2025", "@/data/events"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        assert_int_equal(mkdir(in_folder(folders[i]), 0700), 0);
    run("COPY (SELECT 1 AS a, 'x' AS b) TO '@/data/Orders 1.parquet'");
    run("COPY (SELECT 10 AS amount) TO '@/data/sales/year=2024/a.parquet'");
    run("COPY (SELECT 20 AS amount) TO '@/data/sales/year=2025/b.parquet'");
    run("COPY (SELECT 1 AS n, 'e1' AS e) TO '@/data/events/1.json'");
    run("COPY (SELECT 5 AS p, 'ü' AS q) TO '@/data/people.csv'");
}

static void test_files_are_views_and_partitions_are_columns(void **state)
{
    (void)state;
    write_files();
    attach(&tl_source_driver_files, "p_lots", "@/data/");
    expect("SELECT view_name FROM duckdb_views() WHERE database_name = 'p_lots' AND NOT internal ORDER BY 1", "events;orders_1;people;sales");
    expect("SELECT concat_ws(' ', a, b) FROM p_lots.main.orders_1", "1 x");
    expect("SELECT concat_ws(' ', p, q) FROM p_lots.main.people", "5 ü");
    expect("SELECT concat_ws(' ', year, amount) FROM p_lots.main.sales ORDER BY year", "2024 10;2025 20");
    run("COPY (SELECT 2 AS n, 'e2' AS e) TO '@/data/events/2.json'");
    expect("SELECT e FROM p_lots.main.events ORDER BY n", "e1;e2"); /* new files of a folder are seen at once */
}

static void test_views_stay_readable_behind_the_lock(void **state)
{
    (void)state;
    write_files();
    attach(&tl_source_driver_files, "p_lots", "@/data");
    run("SET allowed_directories = ['@/data/']; SET enable_external_access = false; SET lock_configuration = true");
    expect("SELECT amount::VARCHAR FROM p_lots.main.sales WHERE year = 2025", "20");
    assert_false(try_run("SELECT * FROM read_csv('/etc/passwd')"));
}

/* What the engine's guard is told to allow for such a source: the functions of the views' scans, by these names. */
static void test_plan_names_the_reading_functions(void **state)
{
    (void)state;
    write_files();
    attach(&tl_source_driver_files, "p_lots", "@/data");
    duckdb_result result;
    assert_int_equal(duckdb_query(connection, "EXPLAIN (FORMAT json) SELECT * FROM p_lots.main.sales, p_lots.main.people, p_lots.main.events",
                                  &result),
                     DuckDBSuccess);
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    duckdb_string_t *plan = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));
    char *text = strndup(duckdb_string_t_data(plan), duckdb_string_t_length(*plan));
    static const char *const functions[] = {"READ_PARQUET", "READ_CSV", "READ_JSON"};
    for (size_t i = 0; i < 3; i++)
        assert_non_null(strstr(text, functions[i]));
    free(text);
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_database_file_is_read_and_never_written),
        IN_WORLD(test_files_are_views_and_partitions_are_columns),
        IN_WORLD(test_views_stay_readable_behind_the_lock),
        IN_WORLD(test_plan_names_the_reading_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
