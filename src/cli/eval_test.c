/* How `townlake skipper eval` compares rows, and what a suite must say. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/eval_int.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

static tl_arena *arena;

static int begin(void **state)
{
    (void)state;
    arena = tl_arena_new(ARENA_MAX);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static struct tl_eval_rows rows_of(const char *json, const struct tl_eval_question *chosen)
{
    struct tl_eval_rows rows = {0};
    struct tl_err err;
    const tl_json *root;
    tl_err_init(&err);
    assert_int_equal(tl_json_parse(arena, json, strlen(json), &root, &err), TL_OK);
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it);)
        tl_eval_add_row(arena, &rows, it.value, chosen);
    return rows;
}

static bool equal(const char *wanted, const char *got, bool zeros)
{
    struct tl_eval_rows a = rows_of(wanted, NULL), b = rows_of(got, NULL);
    const char *why = NULL;
    bool same = tl_eval_equal(arena, &a, &b, zeros, &why);
    assert_true(same == (why == NULL));
    return same;
}

static void test_order_and_spelling_do_not_matter(void **state)
{
    (void)state;
    assert_true(equal("[[\"a\", 1], [\"b\", \"2.50\"]]", "[[\"b\", 2.5], [\"a\", \"1\"]]", false));
    assert_true(equal("[[\"2026-10-01\"]]", "[[\"2026-10-01 00:00:00.000\"]]", false));
    assert_true(equal("[[1000000]]", "[[1000000.5]]", false));
    assert_true(equal("[]", "[]", false));
}

static void test_what_differs_is_told(void **state)
{
    (void)state;
    assert_false(equal("[[1000000]]", "[[1000002]]", false));
    assert_false(equal("[[\"a\"]]", "[[\"a\"], [\"a\"]]", false));
    assert_false(equal("[[\"a\"], [\"a\"]]", "[[\"a\"]]", false));
    assert_false(equal("[[null]]", "[[0]]", false));
    assert_false(equal("[[\"a\", 1]]", "[[\"a\"]]", false));
    assert_false(equal("[[\"2026-10-01\"]]", "[[\"2026-10-01 00:00:01\"]]", false));
}

static void test_rows_of_zeros_may_be_there_only_when_said(void **state)
{
    (void)state;
    assert_true(equal("[[\"a\", 1]]", "[[\"a\", 1], [\"b\", 0]]", true));
    assert_true(equal("[[\"a\", 1], [\"b\", 0]]", "[[\"a\", 1]]", true));
    assert_false(equal("[[\"a\", 1]]", "[[\"a\", 1], [\"b\", 0]]", false));
    assert_false(equal("[[\"a\", 1]]", "[[\"a\", 1], [\"b\", 2]]", true));
}

static void test_chosen_columns_are_compared(void **state)
{
    (void)state;
    struct tl_eval_question chosen = {.column_count = 2, .columns = {0, 2}};
    struct tl_eval_rows wanted = rows_of("[[\"a\", 3]]", NULL), got = rows_of("[[\"a\", 9, 3]]", &chosen);
    const char *why = NULL;
    assert_true(tl_eval_equal(arena, &wanted, &got, false, &why));
}

static void expect_wrong(const char *yaml, const char *message)
{
    struct tl_eval_question *questions;
    size_t count;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_eval_read(arena, "s.yaml", tl_str_of(yaml), &questions, &count, &err), TL_CONFIG);
    if (!strstr(err.message, message))
        fail_msg("\"%s\" is not in \"%s\"", message, err.message);
}

static void test_suite_that_says_too_little_or_too_much_is_refused(void **state)
{
    (void)state;
    expect_wrong("", "a suite has a list \"questions\"");
    expect_wrong("questions: 1\n", "a suite has a list \"questions\"");
    expect_wrong("questions:\n  - x\n", "s.yaml:2: a question is a group of keys");
    expect_wrong("questions:\n  - {ask: x}\n", "of \"sql\", \"refuse\" and \"denied\" one");
    expect_wrong("questions:\n  - {ask: x, sql: SELECT 1, refuse: true}\n", "of \"sql\", \"refuse\" and \"denied\" one");
    expect_wrong("questions:\n  - {ask: x, refuse: true, colour: red}\n", "a question has no key \"colour\"");
    expect_wrong("questions:\n  - {ask: x, sql: SELECT 1, columns: [-1]}\n", "\"columns\" are numbers from 0");
    expect_wrong("questions:\n  - {ask: x, sql: SELECT 1, tables: a.b.c}\n", "of another kind than it should be");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_spelling_do_not_matter),
        cmocka_unit_test(test_what_differs_is_told),
        cmocka_unit_test(test_rows_of_zeros_may_be_there_only_when_said),
        cmocka_unit_test(test_chosen_columns_are_compared),
        cmocka_unit_test(test_suite_that_says_too_little_or_too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
