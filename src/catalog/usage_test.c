/* A statement as it is shown to others has no number, text or comment of its author's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "catalog/usage_int.h"

static void expect(const char *sql, const char *general)
{
    tl_arena *arena = tl_arena_new(1024 * 1024);
    const char *got = usage_general(arena, tl_str_of(sql));
    if (general)
        assert_string_equal(got, general);
    else
        assert_null(got);
    tl_arena_free(arena);
}

static void test_numbers_and_texts_are_left_out_in_every_spelling(void **state)
{
    (void)state;
    expect("SELECT * FROM t WHERE a = 'x''y' AND b > 12.5e3 AND c = -7", "SELECT * FROM t WHERE a = ? AND b > ? AND c = -?");
    expect("SELECT E'a\\'b', $$secret$$, $tag$a 'b' $tag$, X'00ff', 0x1F, DATE '2024-01-01'", "SELECT ?, ?, ?, ?, ?, DATE ?");
}

static void test_names_stay_whatever_they_look_like(void **state)
{
    (void)state;
    expect("SELECT \"12\", a1, b_2 FROM s.\"it's\"", "SELECT \"12\", a1, b_2 FROM s.\"it's\"");
}

static void test_comments_and_line_ends_are_gone(void **state)
{
    (void)state;
    expect("SELECT a -- of John\n  FROM /* 'Jane' */ t", "SELECT a FROM t");
}

static void test_a_text_that_cannot_be_cut_is_not_shown(void **state)
{
    (void)state;
    expect("SELECT 'open", NULL);
    expect("SELECT 1 /* open", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_and_texts_are_left_out_in_every_spelling),
        cmocka_unit_test(test_names_stay_whatever_they_look_like),
        cmocka_unit_test(test_comments_and_line_ends_are_gone),
        cmocka_unit_test(test_a_text_that_cannot_be_cut_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
