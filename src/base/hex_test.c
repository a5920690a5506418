/* Hexadecimal digits and random bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/hex.h"
#include "base/random.h"

static void test_all_bytes_come_back(void **state)
{
    (void)state;
    unsigned char bytes[256], back[256];
    char text[513];
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    tl_hex_text(text, bytes, sizeof bytes);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102030405060708090a0b", 24);
    assert_true(tl_hex_read(back, text, sizeof back));
    assert_memory_equal(back, bytes, sizeof bytes);
}

static void test_upper_case_is_read_and_other_characters_are_not(void **state)
{
    (void)state;
    unsigned char back[2];
    assert_true(tl_hex_read(back, "FfA0", 2));
    assert_memory_equal(back, "\xff\xa0", 2);
    static const char *const bad[] = {"0g00", "000:", "@000", "00 0", "00\n0", "0000" + 1 /* ends early */};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(tl_hex_read(back, bad[i], 2));
    for (int c = 0; c < 256; c++)
        assert_true((tl_hex_digit((char)c) >= 0) == (c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL));
}

static void test_random_bytes_differ_and_have_bounds(void **state)
{
    (void)state;
    struct tl_err err;
    tl_err_init(&err);
    unsigned char bytes[2000] = {0};
    assert_int_equal(tl_random_bytes(bytes, sizeof bytes, &err), TL_OK);
    size_t zeros = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 100); /* 8 are expected; also the tail beyond one piece is filled */
    char one[65], other[65];
    assert_int_equal(tl_random_hex(one, 32, &err), TL_OK);
    assert_int_equal(tl_random_hex(other, 32, &err), TL_OK);
    assert_int_equal(strlen(one), 64);
    assert_string_not_equal(one, other);
    assert_int_equal(tl_random_hex(one, TL_RANDOM_HEX_BYTES_MAX + 1, &err), TL_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_bytes_come_back),
        cmocka_unit_test(test_upper_case_is_read_and_other_characters_are_not),
        cmocka_unit_test(test_random_bytes_differ_and_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
