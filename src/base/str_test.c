#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

static struct tl_str bytes(const char *text)
{
    return tl_str_of(text);
}

static void test_texts_compare_by_bytes_or_folded(void **state)
{
    (void)state;
    assert_true(tl_str_equal(bytes("a"), bytes("a")));
    assert_false(tl_str_equal(bytes("a"), bytes("A")));
    assert_false(tl_str_equal(bytes("a"), bytes("ab")));
    assert_true(tl_str_equal((struct tl_str){NULL, 0}, bytes("")));
    assert_true(tl_str_equal_nocase(bytes("SeLect_[1]"), bytes("sElect_[1]")));
    assert_false(tl_str_equal_nocase(bytes("@"), bytes("`"))); /* 0x40 and 0x60 are no letters */
    assert_true(tl_streq(NULL, NULL));
    assert_false(tl_streq(NULL, ""));
    assert_true(tl_streq_nocase("OPS", "ops"));
    assert_false(tl_streq_nocase("OPS", NULL));
    assert_true(tl_str_starts_with(bytes("abc"), bytes("ab")));
    assert_true(tl_str_starts_with(bytes("abc"), bytes("")));
    assert_false(tl_str_starts_with(bytes("a"), bytes("ab")));
}

static void test_constant_time_comparison_is_a_comparison(void **state)
{
    (void)state;
    assert_true(tl_equal_constant_time("abc", 3, "abc", 3));
    assert_false(tl_equal_constant_time("abc", 3, "abd", 3));
    assert_false(tl_equal_constant_time("abc", 3, "abcd", 4));
    assert_false(tl_equal_constant_time("", 0, "a", 1));
    assert_true(tl_equal_constant_time("", 0, "", 0));
}

static void test_valid_utf8_is_taken(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                       "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a long plain text \xE2\x82\xAC and more"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(tl_utf8_valid(good[i], strlen(good[i]), NULL));
    assert_true(tl_utf8_valid("a\0b", 3, NULL));
}

static void test_a_cut_text_ends_with_a_whole_character(void **state)
{
    (void)state;
    struct tl_str text = TL_STR("a\xC3\xA9\xF0\x9F\x98\x80z"); /* of 1, 2, 4 and 1 bytes */
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};
    for (size_t most = 0; most < sizeof kept / sizeof *kept; most++)
        assert_int_equal(tl_utf8_cut(text, most).size, kept[most]);
    assert_int_equal(tl_utf8_cut(TL_STR("\x80\x80\x80"), 2).size, 0);
    assert_int_equal(tl_utf8_cut(TL_STR(""), 0).size, 0);
}

static void test_invalid_utf8_is_refused_at_its_byte(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xE0\xA0", "\xED\xA0\x80",
                                      "\xED\xBF\xBF", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF0\x90\x80", "\xFF"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (size_t before = 0; before < 20; before++) {
            char text[32];
            size_t at = 99;
            memset(text, 'x', sizeof text);
            memcpy(text + before, bad[i], strlen(bad[i]));
            assert_false(tl_utf8_valid(text, before + strlen(bad[i]), &at));
            assert_int_equal(at, before);
        }
}

static void test_edit_distance_counts_slips(void **state)
{
    (void)state;
    assert_int_equal(tl_edit_distance("email", "email", 3), 0);
    assert_int_equal(tl_edit_distance("EMAIL", "email", 3), 0);
    assert_int_equal(tl_edit_distance("emial", "email", 3), 1); /* swapped */
    assert_int_equal(tl_edit_distance("emal", "email", 3), 1);
    assert_int_equal(tl_edit_distance("emaill", "email", 3), 1);
    assert_int_equal(tl_edit_distance("kitten", "sitting", 3), 3);
    assert_int_equal(tl_edit_distance("kitten", "sitting", 2), 3);
    assert_int_equal(tl_edit_distance("", "abc", 5), 3);
    char longer[300];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(tl_edit_distance(longer, longer, 2), 3);
}

static void test_buffer_keeps_what_fits_and_stays_failed(void **state)
{
    (void)state;
    struct tl_buf buf;
    tl_buf_init(&buf, 10);
    assert_string_equal(tl_buf_cstr(&buf), "");
    tl_buf_adds(&buf, "12345");
    tl_buf_addf(&buf, "%d", 678);
    tl_buf_adds(&buf, "abc"); /* would be 11 */
    assert_true(buf.failed);
    tl_buf_addc(&buf, 'x'); /* would fit */
    assert_string_equal(tl_buf_cstr(&buf), "12345678");
    tl_buf_clear(&buf);
    tl_buf_adds(&buf, "1234567890");
    assert_false(buf.failed);
    assert_string_equal(tl_buf_cstr(&buf), "1234567890");
    tl_buf_done(&buf);
    assert_null(buf.data);
}

static void test_buffer_grows_to_its_bound(void **state)
{
    (void)state;
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 20);
    for (int i = 0; i < 1 << 20; i++)
        tl_buf_addc(&buf, (char)i);
    assert_false(buf.failed);
    assert_int_equal(buf.size, 1 << 20);
    for (int i = 0; i < 1 << 20; i++)
        if (buf.data[i] != (char)i)
            fail_msg("byte %d", i);
    assert_null(tl_buf_reserve(&buf, 1));
    assert_true(buf.failed);
    tl_buf_done(&buf);
}

static void test_reserved_room_counts_when_committed(void **state)
{
    (void)state;
    struct tl_buf buf;
    tl_buf_init(&buf, 100);
    memcpy(tl_buf_reserve(&buf, 5), "abcde", 5);
    assert_int_equal(buf.size, 0);
    tl_buf_commit(&buf, 3);
    assert_string_equal(tl_buf_cstr(&buf), "abc");
    assert_null(tl_buf_reserve(&buf, SIZE_MAX));
    tl_buf_done(&buf);
}

static void test_sql_quotes_are_doubled(void **state)
{
    (void)state;
    struct tl_buf buf;
    tl_buf_init(&buf, 100);
    tl_buf_add_identifier(&buf, "a\"b");
    tl_buf_addc(&buf, ' ');
    tl_buf_add_literal(&buf, "O'Brien", 7);
    assert_string_equal(tl_buf_cstr(&buf), "\"a\"\"b\" 'O''Brien'");
    tl_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_compare_by_bytes_or_folded),
        cmocka_unit_test(test_constant_time_comparison_is_a_comparison),
        cmocka_unit_test(test_valid_utf8_is_taken),
        cmocka_unit_test(test_a_cut_text_ends_with_a_whole_character),
        cmocka_unit_test(test_invalid_utf8_is_refused_at_its_byte),
        cmocka_unit_test(test_edit_distance_counts_slips),
        cmocka_unit_test(test_buffer_keeps_what_fits_and_stays_failed),
        cmocka_unit_test(test_buffer_grows_to_its_bound),
        cmocka_unit_test(test_reserved_room_counts_when_committed),
        cmocka_unit_test(test_sql_quotes_are_doubled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
