#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sources/iceberg/iceberg.h"

static const struct tl_source_driver *const driver = &tl_source_driver_iceberg;

struct given {
    const char *endpoint, *warehouse, *token, *delegation;
};

static enum tl_code attach(struct given given, struct tl_buf *sql, struct tl_err *err)
{
    const char *names[4], *values[4];
    size_t count = 0;
    const char *const all[] = {"endpoint", given.endpoint, "warehouse", given.warehouse, "token", given.token, "access_delegation", given.delegation};
    for (size_t i = 0; i < 4; i++)
        if (all[2 * i + 1]) {
            names[count] = all[2 * i];
            values[count++] = all[2 * i + 1];
        }
    struct tl_source_config config = {"lake", "iceberg", count, names, values};
    tl_err_init(err);
    tl_buf_clear(sql);
    return driver->attach_sql(&config, "p_lake", sql, err);
}

static void test_token_is_only_in_the_secret_statement(void **state)
{
    (void)state;
    struct tl_buf sql;
    struct tl_err err;
    tl_buf_init(&sql, 65536);
    assert_int_equal(attach((struct given){.endpoint = "http://127.0.0.1:8080/iceberg", .token = "t'0ken"}, &sql, &err), TL_OK);
    const char *text = tl_buf_cstr(&sql), *line_end = strchr(text, '\n');
    const char *first = "CREATE OR REPLACE TEMPORARY SECRET \"tl_secret_p_lake\" (TYPE iceberg, TOKEN 't''0ken');";
    assert_int_equal(line_end - text, strlen(first));
    assert_memory_equal(text, first, strlen(first));
    assert_string_equal(line_end + 1, "ATTACH 'lake' AS \"p_lake\" (TYPE iceberg, ENDPOINT 'http://127.0.0.1:8080/iceberg', "
                                      "SECRET \"tl_secret_p_lake\", ACCESS_DELEGATION_MODE 'none', "
                                      "SUPPORT_NESTED_NAMESPACES true, PURGE_REQUESTED true);\n");
    tl_buf_done(&sql);
}

static void test_no_token_means_no_authentication(void **state)
{
    (void)state;
    struct tl_buf sql;
    struct tl_err err;
    tl_buf_init(&sql, 65536);
    assert_int_equal(attach((struct given){"https://lake.example/x", "/my wh", "", ""}, &sql, &err), TL_OK);
    assert_non_null(strstr(tl_buf_cstr(&sql), "ATTACH '/my wh' AS \"p_lake\""));
    assert_non_null(strstr(tl_buf_cstr(&sql), "AUTHORIZATION_TYPE 'none'"));
    assert_null(strstr(tl_buf_cstr(&sql), "SECRET"));
    tl_buf_done(&sql);
}

static void test_keys_of_the_storage_are_asked_for_where_that_is_said(void **state)
{
    (void)state;
    struct tl_buf sql;
    struct tl_err err;
    tl_buf_init(&sql, 65536);
    assert_int_equal(attach((struct given){"https://lake.example/x", NULL, NULL, "vended-credentials"}, &sql, &err), TL_OK);
    assert_non_null(strstr(tl_buf_cstr(&sql), "ACCESS_DELEGATION_MODE 'vended_credentials'"));
    tl_buf_done(&sql);
}

static void test_bad_options_are_refused_without_showing_the_token(void **state)
{
    (void)state;
    static const struct given bad[] = {
        {NULL, NULL, "tok3n", NULL},
        {"ftp://x", NULL, "tok3n", NULL},
        {"http://user:pass@x/", NULL, "tok3n", NULL},
        {"http://x/?a=b", NULL, "tok3n", NULL},
        {"http://x/ y", NULL, "tok3n", NULL},
        {"http://x/", "a\nb", "tok3n", NULL},
        {"http://x/", NULL, "tok3n\nSELECT", NULL},
        {"http://x/", NULL, "tok3n with spaces", NULL},
        {"http://x/", NULL, "tok3n", "remote-signing"},
    };
    struct tl_buf sql;
    tl_buf_init(&sql, 65536);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tl_err err;
        assert_int_equal(attach(bad[i], &sql, &err), TL_INVALID_ARGUMENT);
        assert_int_equal(sql.size, 0);
        assert_null(strstr(err.message, "tok3n"));
        assert_null(strstr(err.message, "pass"));
        assert_int_equal(strlen(err.detail), 0);
    }
    tl_buf_done(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_is_only_in_the_secret_statement),
        cmocka_unit_test(test_no_token_means_no_authentication),
        cmocka_unit_test(test_keys_of_the_storage_are_asked_for_where_that_is_said),
        cmocka_unit_test(test_bad_options_are_refused_without_showing_the_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
