/* splice.c, like.c, hash.c, functions.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "door/argument.h"
#include "door/door_int.h"
#include "door/functions.h"

static void test_pieces_are_replaced_and_positions_go_back(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 16);
    struct tl_err err;
    tl_err_init(&err);
    struct tl_edit edits[] = {{14, 1, "\"g:b\".x"}, {7, 3, "A"}, {0, 0, "EXPLAIN "}};
    struct tl_str text = TL_STR("select abc -- t where"), out;
    assert_int_equal(tl_splice(arena, text, edits, 3, &out, &err), TL_OK);
    struct tl_str expected = TL_STR("EXPLAIN select A -- \"g:b\".x where");
    assert_int_equal(out.size, expected.size);
    assert_memory_equal(out.data, expected.data, out.size);
    assert_int_equal(tl_splice_original(edits, 3, 0), 0);
    assert_int_equal(tl_splice_original(edits, 3, 8), 0);
    assert_int_equal(tl_splice_original(edits, 3, 15), 7);
    assert_int_equal(tl_splice_original(edits, 3, 17), 11);
    assert_int_equal(tl_splice_original(edits, 3, 22), 14);
    assert_int_equal(tl_splice_original(edits, 3, 28), 16);
    tl_arena_free(arena);
}

static void test_overlapping_replacements_are_refused(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 16);
    struct tl_str out;
    struct tl_err err;
    tl_err_init(&err);
    struct tl_edit overlap[] = {{0, 3, "x"}, {2, 3, "y"}};
    assert_int_equal(tl_splice(arena, TL_STR("abcdef"), overlap, 2, &out, &err), TL_INTERNAL);
    tl_err_init(&err);
    struct tl_edit beyond[] = {{5, SIZE_MAX, "x"}};
    assert_int_equal(tl_splice(arena, TL_STR("abcdef"), beyond, 1, &out, &err), TL_INTERNAL);
    tl_arena_free(arena);
}

static void test_like_means_what_sql_means(void **state)
{
    (void)state;
    assert_true(tl_like("customers", "cust%", '\0'));
    assert_true(tl_like("customers", "%tom%", '\0'));
    assert_true(tl_like("abc", "a_c", '\0'));
    assert_true(tl_like("a\xc3\xa4"
                        "c",
                        "a_c", '\0'));
    assert_true(tl_like("", "%", '\0'));
    assert_false(tl_like("", "_", '\0'));
    assert_false(tl_like("abcd", "a_c", '\0'));
    assert_true(tl_like("a_c", "a\\_c", '\\'));
    assert_false(tl_like("abc", "a\\_c", '\\'));
    assert_true(tl_like("100%", "100\\%", '\\'));
    assert_true(tl_like("aaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "%a%a%a%a%a%a%b", '\0'));
    assert_false(tl_like("aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "%a%a%a%a%a%a%b", '\0'));
}

/* The vector of the authors' reference: key 00..0f, text 00..0e. */
static void test_hash_is_siphash(void **state)
{
    (void)state;
    const uint64_t key[2] = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
    unsigned char text[15];
    for (unsigned char i = 0; i < sizeof text; i++)
        text[i] = i;
    assert_true(tl_hash_keyed(key, text, sizeof text) == 0xa129ca6149be45e5U);
}

static void test_functions_are_found_without_regard_to_case(void **state)
{
    (void)state;
    assert_string_equal(tl_function_find("Upper", false)->name, "upper");
    assert_int_equal(tl_function_find("sum", false)->kind, TL_FUNCTION_AGGREGATE);
    assert_int_equal(tl_function_find("row_number", false)->kind, TL_FUNCTION_WINDOW);
    assert_non_null(tl_function_find("range", true));
    assert_null(tl_function_find("upper", true));
    assert_null(tl_function_find("read_csv", true));
    assert_non_null(tl_function_refusal("read_csv"));
    assert_null(tl_function_refusal("no_such_function"));
    const struct tl_function *all;
    size_t count = tl_functions(&all);
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal(tl_function_find(all[i].name, all[i].kind == TL_FUNCTION_TABLE), &all[i]);
}

static void test_a_mistyped_function_has_a_neighbour(void **state)
{
    (void)state;
    const char *names[3];
    assert_true(tl_function_nearest("uper", false, names, 3) >= 1);
    assert_string_equal(names[0], "upper");
    assert_int_equal(tl_function_nearest("completely_different_thing", false, names, 3), 0);
}

static void check_argument(const char *argument, const char *plain)
{
    tl_arena *arena = tl_arena_new(1 << 16);
    struct tl_str text = tl_argument_plain(arena, tl_str_of(argument));
    assert_string_equal(tl_arena_strndup(arena, text.data, text.size), plain);
    tl_arena_free(arena);
}

static void test_typed_literals_of_arguments_keep_their_type(void **state)
{
    (void)state;
    check_argument("X'00 fF'", "'\\x00\\xfF'::BLOB");
    check_argument("X''", "''::BLOB");
    check_argument("X'0'", "X'0'");
    check_argument("X'0g'", "X'0g'");
    check_argument("DECIMAL '-0012.340'", "CAST('-0012.340' AS DECIMAL(5,3))");
    check_argument("DECIMAL '0'", "CAST('0' AS DECIMAL(1,0))");
    check_argument("DECIMAL '1e5'", "DECIMAL '1e5'");
    check_argument("DECIMAL '123456789012345678901234567890123456789'", "DECIMAL '123456789012345678901234567890123456789'");
    check_argument("TIMESTAMP '2024-01-01 00:00:00 Europe/Berlin'", "CAST('2024-01-01 00:00:00 Europe/Berlin' AS TIMESTAMPTZ)");
    check_argument("TIMESTAMP '2024-01-01 00:00:00.5 +02:00'", "CAST('2024-01-01 00:00:00.5 +02:00' AS TIMESTAMPTZ)");
    check_argument("TIMESTAMP '2024-01-01 00:00:00.123456789'", "CAST('2024-01-01 00:00:00.123456789' AS TIMESTAMP_NS)");
    check_argument("TIMESTAMP '2024-01-01 00:00:00'", "TIMESTAMP '2024-01-01 00:00:00'");
    check_argument("ARRAY[DECIMAL '1.5', NULL, X'0a']", "ARRAY[CAST('1.5' AS DECIMAL(2,1)), NULL, '\\x0a'::BLOB]");
    check_argument("'DECIMAL ''1.5'''", "'DECIMAL ''1.5'''");
    check_argument("BIGINT '5'", "BIGINT '5'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typed_literals_of_arguments_keep_their_type),
        cmocka_unit_test(test_pieces_are_replaced_and_positions_go_back),
        cmocka_unit_test(test_overlapping_replacements_are_refused),
        cmocka_unit_test(test_like_means_what_sql_means),
        cmocka_unit_test(test_hash_is_siphash),
        cmocka_unit_test(test_functions_are_found_without_regard_to_case),
        cmocka_unit_test(test_a_mistyped_function_has_a_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
