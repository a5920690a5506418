#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/request.h"
#include "base/str.h"

static struct tl_err err;

static int setup(void **state)
{
    (void)state;
    tl_err_init(&err);
    return 0;
}

static void test_first_report_wins(void **state)
{
    (void)state;
    assert_int_equal(tl_err_set(&err, TL_SYNTAX, "near \"%s\"", "FORM"), TL_SYNTAX);
    assert_int_equal(tl_err_set(&err, TL_IO, "a clean-up failed"), TL_IO);
    tl_err_hint(&err, "first");
    tl_err_hint(&err, "second");
    tl_err_position(&err, 4);
    tl_err_position(&err, 9);
    assert_int_equal(err.code, TL_SYNTAX);
    assert_string_equal(err.message, "near \"FORM\"");
    assert_string_equal(err.hint, "first");
    assert_int_equal(err.position, 4);
}

static void test_system_calls_are_explained(void **state)
{
    (void)state;
    tl_err_errno(&err, TL_IO, ENOENT, "could not open \"%s\"", "x");
    assert_string_equal(err.message, "could not open \"x\": No such file or directory");
}

static void test_long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    char text[2 * TL_ERR_MESSAGE_MAX];
    for (size_t start = 0; start < 4; start++) {
        memset(text, 'x', sizeof text);
        for (size_t i = start; i + 4 <= sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x98\x80", 4);
        text[sizeof text - 1] = '\0';
        tl_err_init(&err);
        tl_err_set(&err, TL_IO, "%s", text);
        size_t size = strlen(err.message);
        assert_true(size > TL_ERR_MESSAGE_MAX - 6 && size < TL_ERR_MESSAGE_MAX);
        assert_true(tl_utf8_valid(err.message, size, NULL));
    }
}

static void test_copy_keeps_what_was_reported(void **state)
{
    (void)state;
    struct tl_err other;
    tl_err_init(&other);
    tl_err_set(&other, TL_CONFLICT, "other");
    assert_int_equal(tl_err_copy(&err, &other), TL_CONFLICT);
    assert_string_equal(err.message, "other");
    tl_err_init(&other);
    tl_err_set(&other, TL_IO, "later");
    assert_int_equal(tl_err_copy(&err, &other), TL_CONFLICT);
    assert_string_equal(err.message, "other");
}

static void expect_place(const char *text, int64_t position, int line, int column)
{
    int got_line, got_column;
    tl_err_line_column(text, strlen(text), position, &got_line, &got_column);
    assert_int_equal(got_line, line);
    assert_int_equal(got_column, column);
}

static void test_columns_count_characters(void **state)
{
    (void)state;
    expect_place("SELECT\n  x", 0, 1, 1);
    expect_place("SELECT\n  x", 9, 2, 3);
    expect_place("\xC3\xA9\xE2\x82\xAC x", 6, 1, 4);
    expect_place("ab", 100, 1, 3);
    expect_place("", 0, 1, 1);
}

static void test_every_code_is_found_by_its_name(void **state)
{
    (void)state;
    for (int code = TL_OK; code <= TL_STATE; code++) {
        const struct tl_code_info *info = tl_code_info((enum tl_code)code);
        assert_int_equal(tl_code_from_name(info->name), code);
        assert_int_equal(strlen(info->sqlstate), 5);
        assert_true(info->help[0] != '\0');
        assert_int_equal(info->exit_status == 0, code == TL_OK);
    }
    assert_int_equal(tl_code_from_name("no_such_code"), TL_INTERNAL);
    assert_string_equal(tl_code_info((enum tl_code)9999)->name, "internal");
}

static void test_request_ids_are_told_apart_and_well_formed(void **state)
{
    (void)state;
    static char ids[1000][40];
    for (size_t i = 0; i < 1000; i++) {
        tl_request_new_id(ids[i]);
        assert_int_equal(strlen(ids[i]), 27);
        assert_int_equal(ids[i][8], '_');
        assert_int_equal(ids[i][15], '_');
        assert_int_equal(ids[i][21], '_');
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(test_first_report_wins),
        TEST(test_system_calls_are_explained),
        TEST(test_long_texts_are_cut_between_characters),
        TEST(test_copy_keeps_what_was_reported),
        TEST(test_columns_count_characters),
        TEST(test_every_code_is_found_by_its_name),
        TEST(test_request_ids_are_told_apart_and_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
