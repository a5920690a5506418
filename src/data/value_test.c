#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/value.h"

static void expect_int128(__int128 number, int scale, const char *expected)
{
    char text[48];
    tl_int128_format(text, (uint64_t)number, (int64_t)(number >> 64), scale);
    assert_string_equal(text, expected);
}

static void test_int128_is_exact_at_its_ends(void **state)
{
    (void)state;
    const __int128 least = (__int128)((unsigned __int128)1 << 127), most = ~least;
    expect_int128(0, 0, "0");
    expect_int128(-1, 0, "-1");
    expect_int128(most, 0, "170141183460469231731687303715884105727");
    expect_int128(least, 0, "-170141183460469231731687303715884105728");
    expect_int128((__int128)UINT64_MAX, 0, "18446744073709551615");
    expect_int128((__int128)UINT64_MAX + 1, 0, "18446744073709551616");
    expect_int128((__int128)INT64_MIN, 0, "-9223372036854775808");
    expect_int128((__int128)10000000000000000000U * 10000000000000000000U, 0, "100000000000000000000000000000000000000");
}

static void test_whole_numbers_of_every_size_are_written_exactly(void **state)
{
    (void)state;
    static const struct {
        struct tl_value value;
        const char *expected;
    } cases[] = {
        {{.type.id = TL_TYPE_INT8, .as.int64 = -128}, "-128"},
        {{.type.id = TL_TYPE_INT64, .as.int64 = INT64_MIN}, "-9223372036854775808"},
        {{.type.id = TL_TYPE_UINT64, .as.uint64 = UINT64_MAX}, "18446744073709551615"},
        {{.type.id = TL_TYPE_INT128, .as.int128.high = INT64_MIN}, "-170141183460469231731687303715884105728"},
        {{.type.id = TL_TYPE_UINT128, .as.int128 = {UINT64_MAX, -1}}, "340282366920938463463374607431768211455"},
        {{.type.id = TL_TYPE_UINT128}, "0"},
    };
    struct tl_buf text;
    tl_buf_init(&text, 100);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tl_buf_clear(&text);
        assert_true(tl_value_add_integer(&text, &cases[i].value));
        assert_string_equal(tl_buf_cstr(&text), cases[i].expected);
    }
    assert_false(tl_value_add_integer(&text, &(struct tl_value){.type.id = TL_TYPE_INT32, .is_null = true}));
    assert_false(tl_value_add_integer(&text, &(struct tl_value){.type.id = TL_TYPE_DOUBLE}));
    tl_buf_done(&text);
}

static void test_decimal_point_keeps_leading_zeros(void **state)
{
    (void)state;
    const __int128 nines = (__int128)10000000000000000000U * 10000000000000000000U - 1; /* 38 nines */
    expect_int128(0, 2, "0.00");
    expect_int128(5, 2, "0.05");
    expect_int128(-5, 3, "-0.005");
    expect_int128(12345, 2, "123.45");
    expect_int128(nines, 38, "0.99999999999999999999999999999999999999");
    expect_int128(-nines, 38, "-0.99999999999999999999999999999999999999");
    expect_int128(-nines, 1, "-9999999999999999999999999999999999999.9");
    expect_int128(1, 38, "0.00000000000000000000000000000000000001");
}

static void expect_civil(int64_t days, int64_t year, int month, int day)
{
    int64_t got_year;
    int got_month, got_day;
    tl_date_to_civil(days, &got_year, &got_month, &got_day);
    assert_int_equal(got_year, year);
    assert_int_equal(got_month, month);
    assert_int_equal(got_day, day);
    assert_int_equal(tl_date_from_civil(year, month, day), days);
}

static void test_known_days_have_known_dates(void **state)
{
    (void)state;
    expect_civil(0, 1970, 1, 1);
    expect_civil(-1, 1969, 12, 31);
    expect_civil(11016, 2000, 2, 29);
    expect_civil(19782, 2024, 2, 29);
    expect_civil(-719162, 1, 1, 1);
    expect_civil(-719163, 0, 12, 31);
    expect_civil(2932896, 9999, 12, 31);
    expect_civil(-2440588 + 1, -4713, 11, 25);
}

static void test_every_day_of_eight_centuries_reads_back(void **state)
{
    (void)state;
    int64_t year = 0, last_year = 0;
    int month, day, last_month = 0, last_day = 0;
    for (int64_t days = -200000; days < 100000; days++) {
        tl_date_to_civil(days, &year, &month, &day);
        if (tl_date_from_civil(year, month, day) != days)
            fail_msg("day %lld", (long long)days);
        if (days > -200000) {
            bool next_day = year == last_year && month == last_month && day == last_day + 1;
            bool next_month = day == 1 && last_day >= 28 && year == last_year && month == last_month + 1;
            bool next_year = day == 1 && month == 1 && last_month == 12 && last_day == 31 && year == last_year + 1;
            assert_true(next_day || next_month || next_year);
        }
        last_year = year;
        last_month = month;
        last_day = day;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int128_is_exact_at_its_ends),
        cmocka_unit_test(test_whole_numbers_of_every_size_are_written_exactly),
        cmocka_unit_test(test_decimal_point_keeps_leading_zeros),
        cmocka_unit_test(test_known_days_have_known_dates),
        cmocka_unit_test(test_every_day_of_eight_centuries_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
