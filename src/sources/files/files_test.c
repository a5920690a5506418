#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/folder_testing.h"
#include "sources/files/files.h"

static const struct tl_source_driver *const driver = &tl_source_driver_files;
static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strncpy(folder, "/tmp/tl_files_XXXXXX", sizeof folder - 1);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return folder_remove(folder);
}

/* Folders are made as needed. */
static void put(const char *name, const char *content)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

#define PARQUET "PAR1....PAR1"

static enum tl_code attach(const char *format, struct tl_buf *sql, struct tl_err *err)
{
    const char *names[] = {"path", "format"}, *values[] = {folder, format};
    struct tl_source_config config = {"lots", "files", format ? 2 : 1, names, values};
    tl_err_init(err);
    tl_buf_clear(sql);
    return driver->attach_sql(&config, "p", sql, err);
}

static void expect_sql(const char *format, const char *wanted_format)
{
    struct tl_buf sql, wanted;
    struct tl_err err;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_init(&wanted, 1 << 20);
    if (attach(format, &sql, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    for (const char *c = wanted_format; *c; c++)
        if (*c == '@')
            tl_buf_adds(&wanted, folder);
        else
            tl_buf_addc(&wanted, *c);
    const char *state = strstr(tl_buf_cstr(&sql), "-- ");
    assert_non_null(state);
    assert_int_equal(strlen(state), strlen("-- 0123456789abcdef\n"));
    sql.size -= strlen(state);
    assert_string_equal(tl_buf_cstr(&sql), tl_buf_cstr(&wanted));
    tl_buf_done(&sql);
    tl_buf_done(&wanted);
}

static void expect_error(const char *format, enum tl_code code, const char *part)
{
    struct tl_buf sql;
    struct tl_err err;
    tl_buf_init(&sql, 1 << 20);
    assert_int_equal(attach(format, &sql, &err), code);
    assert_non_null(strstr(err.message, "\"lots\""));
    if (!strstr(err.message, part) && !strstr(err.detail, part))
        fail_msg("\"%s\" is neither in \"%s\" nor in \"%s\"", part, err.message, err.detail);
    tl_buf_done(&sql);
}

static void test_each_file_and_each_subfolder_is_a_view(void **state)
{
    (void)state;
    put("Orders 2024.parquet", PARQUET);
    put("notes.txt", "not data");
    put("people.csv", "a,b\n1,2\n");
    put("events/a.json", "{}");
    put("events/more/b.jsonl.gz", "{}");
    put("sales/year=2024/x.parquet", PARQUET);
    put("sales/year=2025/y.parquet", PARQUET);
    put("sales/_SUCCESS", "");
    put(".hidden.csv", "a\n1\n");
    put("docs/readme.md", "no data here");
    expect_sql(NULL, "ATTACH ':memory:' AS \"p\";\n"
                     "CREATE VIEW \"p\".main.\"events\" AS SELECT * FROM read_json(['@/events/**/*.json', '@/events/**/*.jsonl.gz'], "
                     "hive_partitioning = false);\n"
                     "CREATE VIEW \"p\".main.\"orders_2024\" AS SELECT * FROM read_parquet('@/Orders 2024.parquet', "
                     "hive_partitioning = false);\n"
                     "CREATE VIEW \"p\".main.\"people\" AS SELECT * FROM read_csv('@/people.csv', hive_partitioning = false);\n"
                     "CREATE VIEW \"p\".main.\"sales\" AS SELECT * FROM read_parquet(['@/sales/**/*.parquet'], hive_partitioning = true);\n");
}

static void test_partitioned_folder_itself_is_one_view(void **state)
{
    (void)state;
    put("day=2024-01-01/part-0.parquet", PARQUET);
    put("day=2024-01-02/part-0.parquet", PARQUET);
    struct tl_buf sql;
    struct tl_err err;
    tl_buf_init(&sql, 1 << 20);
    assert_int_equal(attach("parquet", &sql, &err), TL_OK);
    assert_non_null(strstr(tl_buf_cstr(&sql), "main.\"tl_files_"));
    assert_non_null(strstr(tl_buf_cstr(&sql), "/**/*.parquet'], hive_partitioning = true)"));
    assert_null(strstr(strstr(tl_buf_cstr(&sql), "CREATE VIEW") + 1, "CREATE VIEW"));
    tl_buf_done(&sql);
}

static void test_format_option_leaves_the_others_out(void **state)
{
    (void)state;
    put("a.csv", "x\n1\n");
    put("a.parquet", PARQUET);
    put("mixed/a.csv", "x\n1\n");
    put("mixed/b.parquet", PARQUET);
    expect_sql("csv", "ATTACH ':memory:' AS \"p\";\n"
                      "CREATE VIEW \"p\".main.\"a\" AS SELECT * FROM read_csv('@/a.csv', hive_partitioning = false);\n"
                      "CREATE VIEW \"p\".main.\"mixed\" AS SELECT * FROM read_csv(['@/mixed/**/*.csv'], hive_partitioning = false);\n");
}

static void test_a_file_that_was_written_is_another_source_to_attach(void **state)
{
    (void)state;
    struct tl_buf sql[4];
    struct tl_err err;
    put("people.csv", "a,b\n1,2\n");
    put("events/a.json", "{}");
    for (int i = 0; i < 4; i++) {
        tl_buf_init(&sql[i], 1 << 20);
        if (i == 2)
            put("people.csv", "a,b\nDE,2\n");
        if (i == 3)
            put("events/b.json", "{}");
        assert_int_equal(attach(NULL, &sql[i], &err), TL_OK);
    }
    assert_string_equal(tl_buf_cstr(&sql[0]), tl_buf_cstr(&sql[1]));
    assert_string_not_equal(tl_buf_cstr(&sql[1]), tl_buf_cstr(&sql[2]));
    assert_string_not_equal(tl_buf_cstr(&sql[2]), tl_buf_cstr(&sql[3]));
    for (int i = 0; i < 4; i++)
        tl_buf_done(&sql[i]);
}

static void test_two_formats_in_a_subfolder_are_an_error_that_names_both(void **state)
{
    (void)state;
    put("mixed/a.csv", "x\n1\n");
    put("mixed/b.parquet", PARQUET);
    expect_error(NULL, TL_INVALID_ARGUMENT, "mixed/a.csv");
    expect_error("auto", TL_INVALID_ARGUMENT, "mixed/b.parquet");
}

static void test_two_files_of_one_name_are_an_error(void **state)
{
    (void)state;
    put("a-b.csv", "x\n1\n");
    put("A b.csv", "x\n1\n");
    expect_error(NULL, TL_INVALID_ARGUMENT, "\"a_b\"");
}

static void test_broken_files_are_named(void **state)
{
    (void)state;
    put("whole.parquet", PARQUET);
    put("torn.parquet", "PAR1 and nothing after it");
    expect_error(NULL, TL_SOURCE_PROTOCOL, "torn.parquet");
    put("torn.parquet", PARQUET);
    put("void.csv", "");
    expect_error(NULL, TL_SOURCE_PROTOCOL, "void.csv");
}

static void test_names_that_would_be_patterns_are_refused(void **state)
{
    (void)state;
    put("a*.csv", "x\n1\n");
    expect_error(NULL, TL_INVALID_ARGUMENT, "a*.csv");
}

static void test_links_are_left_out(void **state)
{
    (void)state;
    put("real.csv", "x\n1\n");
    char link[128];
    snprintf(link, sizeof link, "%s/link.csv", folder);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    snprintf(link, sizeof link, "%s/linked", folder);
    assert_int_equal(symlink("/etc", link), 0);
    expect_sql(NULL, "ATTACH ':memory:' AS \"p\";\n"
                     "CREATE VIEW \"p\".main.\"real\" AS SELECT * FROM read_csv('@/real.csv', hive_partitioning = false);\n");
}

static void test_missing_folder_is_unavailable(void **state)
{
    (void)state;
    const char *names[] = {"path"}, *values[] = {"/nonexistent/folder"};
    struct tl_source_config config = {"lots", "files", 1, names, values};
    struct tl_buf sql;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&sql, 4096);
    assert_int_equal(driver->attach_sql(&config, "p", &sql, &err), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "/nonexistent/folder"));
    tl_buf_done(&sql);
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"path", ""}, {"path", "relative"}, {"path", "/"}, {"format", "xml"}, {"union_by_name", "yes"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *names[] = {bad[i][0], "path"}, *values[] = {bad[i][1], "/tmp"};
        struct tl_source_config config = {"lots", "files", 2, names, values};
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(driver->check(&config, &err), TL_INVALID_ARGUMENT);
    }
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_each_file_and_each_subfolder_is_a_view),
        WITH_FOLDER(test_partitioned_folder_itself_is_one_view),
        WITH_FOLDER(test_format_option_leaves_the_others_out),
        WITH_FOLDER(test_a_file_that_was_written_is_another_source_to_attach),
        WITH_FOLDER(test_two_formats_in_a_subfolder_are_an_error_that_names_both),
        WITH_FOLDER(test_two_files_of_one_name_are_an_error),
        WITH_FOLDER(test_broken_files_are_named),
        WITH_FOLDER(test_names_that_would_be_patterns_are_refused),
        WITH_FOLDER(test_links_are_left_out),
        cmocka_unit_test(test_missing_folder_is_unavailable),
        cmocka_unit_test(test_bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
