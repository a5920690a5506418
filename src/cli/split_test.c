#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "cli/cli_int.h"

static void expect_first(const char *text, const char *statement, const char *rest)
{
    size_t size, next;
    assert_true(tl_cli_split(text, strlen(text), &size, &next));
    assert_int_equal(size, strlen(statement));
    assert_memory_equal(text, statement, size);
    assert_string_equal(text + next, rest);
}

static void expect_unfinished(const char *text)
{
    size_t size, next;
    assert_false(tl_cli_split(text, strlen(text), &size, &next));
    assert_int_equal(next, strlen(text));
}

static void test_semicolon_ends_a_statement(void **state)
{
    (void)state;
    expect_first("SELECT 1; SELECT 2;", "SELECT 1", " SELECT 2;");
    expect_first(";", "", "");
}

static void test_semicolon_in_quotes_is_text(void **state)
{
    (void)state;
    expect_first("SELECT ';', \"a;b\", 'it''s;'; x", "SELECT ';', \"a;b\", 'it''s;'", " x");
}

static void test_semicolon_in_comments_is_text(void **state)
{
    (void)state;
    expect_first("SELECT 1 -- a; b\n; x", "SELECT 1 -- a; b\n", " x");
    expect_first("SELECT /* ; /* ; */ ; */ 1;", "SELECT /* ; /* ; */ ; */ 1", "");
}

static void test_unfinished_statements_wait(void **state)
{
    (void)state;
    expect_unfinished("SELECT 1");
    expect_unfinished("SELECT 'a;");
    expect_unfinished("SELECT /* ;");
    expect_unfinished("SELECT 1 -- ;");
    expect_unfinished("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_semicolon_ends_a_statement),
        cmocka_unit_test(test_semicolon_in_quotes_is_text),
        cmocka_unit_test(test_semicolon_in_comments_is_text),
        cmocka_unit_test(test_unfinished_statements_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
