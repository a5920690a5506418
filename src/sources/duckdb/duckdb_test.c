#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sources/duckdb/duckdb.h"

static const struct tl_source_driver *const driver = &tl_source_driver_duckdb;

static struct tl_source_config config_of(const char *const *names, const char *const *values, size_t count)
{
    return (struct tl_source_config){"ops", "duckdb", count, names, values};
}

static enum tl_code attach(const char *path, const char *catalog, struct tl_buf *sql, struct tl_err *err)
{
    const char *names[] = {"path"}, *values[] = {path};
    struct tl_source_config config = config_of(names, values, 1);
    tl_err_init(err);
    return driver->attach_sql(&config, catalog, sql, err);
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void test_path_is_needed_and_absolute(void **state)
{
    (void)state;
    struct tl_err err;
    tl_err_init(&err);
    struct tl_source_config none = config_of(NULL, NULL, 0);
    assert_int_equal(driver->check(&none, &err), TL_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "\"path\""));
    static const char *const bad[] = {"", "data.duckdb", "/a\nb"};
    for (size_t i = 0; i < 3; i++) {
        const char *names[] = {"path"}, *values[] = {bad[i]};
        struct tl_source_config config = config_of(names, values, 1);
        tl_err_init(&err);
        assert_int_equal(driver->check(&config, &err), TL_INVALID_ARGUMENT);
        assert_non_null(strstr(err.message, "\"ops\""));
    }
}

static void test_attaches_read_only_with_quoted_names(void **state)
{
    (void)state;
    char folder[] = "/tmp/tl_duckdb_XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[128];
    snprintf(path, sizeof path, "%s/o'ps.duckdb", folder);
    write_file(path, "01234567DUCK....", 16);
    struct tl_buf sql;
    struct tl_err err;
    tl_buf_init(&sql, 4096);
    assert_int_equal(attach(path, "x\"y", &sql, &err), TL_OK);
    char wanted[256];
    snprintf(wanted, sizeof wanted, "ATTACH '%s/o''ps.duckdb' AS \"x\"\"y\" (TYPE duckdb, READ_ONLY);\n", folder);
    assert_string_equal(tl_buf_cstr(&sql), wanted);
    tl_buf_done(&sql);
    unlink(path);
    rmdir(folder);
}

static void test_missing_and_foreign_files_are_named(void **state)
{
    (void)state;
    struct tl_buf sql;
    struct tl_err err;
    tl_buf_init(&sql, 4096);
    assert_int_equal(attach("/nonexistent/ops.duckdb", "c", &sql, &err), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "source \"ops\""));
    assert_non_null(strstr(err.hint, "/nonexistent/ops.duckdb"));
    char path[] = "/tmp/tl_duckdb_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(attach(path, "c", &sql, &err), TL_SOURCE_PROTOCOL); /* empty */
    write_file(path, "SQLite format 3\0 and more", 25);
    assert_int_equal(attach(path, "c", &sql, &err), TL_SOURCE_PROTOCOL);
    assert_int_equal(sql.size, 0);
    unlink(path);
    tl_buf_done(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_is_needed_and_absolute),
        cmocka_unit_test(test_attaches_read_only_with_quoted_names),
        cmocka_unit_test(test_missing_and_foreign_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
