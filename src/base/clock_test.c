/* Instants as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static const char *text_of(int64_t wall_us, int digits)
{
    static char text[TL_CLOCK_TEXT_SIZE];
    tl_clock_text(text, wall_us, digits);
    return text;
}

static void test_an_instant_is_written_with_the_digits_that_are_asked(void **state)
{
    (void)state;
    static const int64_t leap_us = 1709209839000000 + 7089; /* 29 February 2024 */
    assert_string_equal(text_of(leap_us, 6), "2024-02-29T12:30:39.007089Z");
    assert_string_equal(text_of(leap_us, 3), "2024-02-29T12:30:39.007Z");
    assert_string_equal(text_of(leap_us, 0), "2024-02-29T12:30:39Z");
    assert_string_equal(text_of(leap_us + 999999 - 7089, 3), "2024-02-29T12:30:39.999Z"); /* cut, never rounded into the next second */
}

static void test_the_beginning_and_what_was_before_it_have_a_text(void **state)
{
    (void)state;
    assert_string_equal(text_of(0, 6), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(text_of(-1, 6), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(text_of(-1000000, 0), "1969-12-31T23:59:59Z");
}

static void test_no_instant_is_longer_than_its_place(void **state)
{
    (void)state;
    assert_true(strlen(text_of(INT64_MAX, 6)) < TL_CLOCK_TEXT_SIZE);
    assert_true(strlen(text_of(INT64_MIN, 6)) < TL_CLOCK_TEXT_SIZE);
}

static void test_every_day_of_eight_thousand_years_is_that_of_the_calendar(void **state)
{
    (void)state;
    char expected[TL_CLOCK_TEXT_SIZE];
    for (time_t day = 0; day < 2932897; day++) {
        time_t seconds = day * 86400 + day % 86400;
        struct tm utc;
        gmtime_r(&seconds, &utc);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &utc);
        assert_string_equal(text_of((int64_t)seconds * 1000000 + 999999, 0), expected);
    }
    assert_string_equal(text_of(INT64_C(253402300799000000), 0), "9999-12-31T23:59:59Z");
    assert_string_equal(text_of(INT64_C(253402300800000000), 0), "10000-01-01T00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_instant_is_written_with_the_digits_that_are_asked),
        cmocka_unit_test(test_the_beginning_and_what_was_before_it_have_a_text),
        cmocka_unit_test(test_every_day_of_eight_thousand_years_is_that_of_the_calendar),
        cmocka_unit_test(test_no_instant_is_longer_than_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
