#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/batch.h"
#include "data/format_int.h"
#include "data/json.h"
#include "data/value.h"

static struct tl_buf buf;

static int setup(void **state)
{
    (void)state;
    tl_buf_init(&buf, 1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tl_buf_done(&buf);
    return 0;
}

static const char *text_of(const struct tl_column *column, size_t row)
{
    tl_buf_clear(&buf);
    tl_column_format(&buf, column, row);
    return tl_buf_cstr(&buf);
}

static const char *trino_of(const struct tl_column *column, size_t row)
{
    tl_buf_clear(&buf);
    tl_column_format_trino(&buf, column, row);
    return tl_buf_cstr(&buf);
}

/* One value of a fixed type in both dialects. */
static void expect_both(struct tl_type type, const void *value, const char *text, const char *trino)
{
    struct tl_column column = {.type = &type, .row_count = 1, .data = value};
    assert_string_equal(text_of(&column, 0), text);
    assert_string_equal(trino_of(&column, 0), trino);
}

#define EXPECT(id, ctype, value, text, trino)                                                                          \
    do {                                                                                                               \
        const ctype kept = (value);                                                                                    \
        expect_both(tl_type_simple(id), &kept, text, trino);                                                          \
    } while (0)

static void test_integers_are_exact_at_their_ends(void **state)
{
    (void)state;
    EXPECT(TL_TYPE_BOOLEAN, uint8_t, 1, "true", "true");
    EXPECT(TL_TYPE_BOOLEAN, uint8_t, 0, "false", "false");
    EXPECT(TL_TYPE_INT8, int8_t, INT8_MIN, "-128", "-128");
    EXPECT(TL_TYPE_INT16, int16_t, INT16_MIN, "-32768", "-32768");
    EXPECT(TL_TYPE_INT32, int32_t, INT32_MIN, "-2147483648", "-2147483648");
    EXPECT(TL_TYPE_INT64, int64_t, INT64_MIN, "-9223372036854775808", "-9223372036854775808");
    EXPECT(TL_TYPE_INT64, int64_t, INT64_MAX, "9223372036854775807", "9223372036854775807");
    EXPECT(TL_TYPE_INT64, int64_t, 0, "0", "0");
    EXPECT(TL_TYPE_UINT8, uint8_t, UINT8_MAX, "255", "255");
    EXPECT(TL_TYPE_UINT16, uint16_t, UINT16_MAX, "65535", "65535");
    EXPECT(TL_TYPE_UINT32, uint32_t, UINT32_MAX, "4294967295", "4294967295");
    EXPECT(TL_TYPE_UINT64, uint64_t, UINT64_MAX, "18446744073709551615", "\"18446744073709551615\"");
    EXPECT(TL_TYPE_INT128, __int128, (__int128)((unsigned __int128)1 << 127), "-170141183460469231731687303715884105728",
           "\"-170141183460469231731687303715884105728\"");
    EXPECT(TL_TYPE_UINT128, unsigned __int128, ~(unsigned __int128)0, "340282366920938463463374607431768211455",
           "\"340282366920938463463374607431768211455\"");
}

static void test_every_count_of_digits_is_right(void **state)
{
    (void)state;
    char expected[32], got[32];
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++) {
        for (int change = -1; change <= 1; change++) {
            uint64_t number = power + (uint64_t)(int64_t)change;
            snprintf(expected, sizeof expected, "%llu", (unsigned long long)number);
            *tl_format_uint64(got, number) = '\0';
            assert_string_equal(got, expected);
            snprintf(expected, sizeof expected, "%lld", (long long)(0 - number));
            *tl_format_int64(got, (int64_t)(0 - number)) = '\0';
            assert_string_equal(got, expected);
        }
        power = digits < 20 ? power * 10 : power;
    }
}

static void expect_decimal(int precision, int scale, const void *value, const char *text)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", text);
    expect_both(tl_type_decimal(precision, scale), value, text, quoted);
}

static void test_decimals_are_exact_in_every_storage(void **state)
{
    (void)state;
    expect_decimal(4, 2, &(int16_t){-9999}, "-99.99");
    expect_decimal(4, 4, &(int16_t){5}, "0.0005");
    expect_decimal(9, 0, &(int32_t){-999999999}, "-999999999");
    expect_decimal(9, 9, &(int32_t){-1}, "-0.000000001");
    expect_decimal(18, 2, &(int64_t){999999999999999999}, "9999999999999999.99");
    expect_decimal(18, 18, &(int64_t){-999999999999999999}, "-0.999999999999999999");
    expect_decimal(12, 2, &(int64_t){150}, "1.50");
    expect_decimal(12, 2, &(int64_t){0}, "0.00");
    const __int128 nines = (__int128)10000000000000000000U * 10000000000000000000U - 1;
    expect_decimal(38, 0, &nines, "99999999999999999999999999999999999999");
    expect_decimal(38, 10, &(__int128){-nines}, "-9999999999999999999999999999.9999999999");
    expect_decimal(38, 38, &(__int128){-1}, "-0.00000000000000000000000000000000000001");
}

static void test_doubles_that_are_no_numbers_are_strings_in_json(void **state)
{
    (void)state;
    EXPECT(TL_TYPE_DOUBLE, double, (double)NAN, "NaN", "\"NaN\"");
    EXPECT(TL_TYPE_DOUBLE, double, (double)INFINITY, "Infinity", "\"Infinity\"");
    EXPECT(TL_TYPE_DOUBLE, double, (double)-INFINITY, "-Infinity", "\"-Infinity\"");
    EXPECT(TL_TYPE_FLOAT, float, -NAN, "NaN", "\"NaN\"");
    EXPECT(TL_TYPE_FLOAT, float, -INFINITY, "-Infinity", "\"-Infinity\"");
}

static void test_doubles_have_their_shortest_digits(void **state)
{
    (void)state;
    EXPECT(TL_TYPE_DOUBLE, double, 0.0, "0.0", "0.0");
    EXPECT(TL_TYPE_DOUBLE, double, -0.0, "-0.0", "-0.0");
    EXPECT(TL_TYPE_DOUBLE, double, 0.1, "0.1", "0.1");
    EXPECT(TL_TYPE_DOUBLE, double, 0.1 + 0.2, "0.30000000000000004", "0.30000000000000004");
    EXPECT(TL_TYPE_DOUBLE, double, -1234.5, "-1234.5", "-1234.5");
    EXPECT(TL_TYPE_DOUBLE, double, 100, "100.0", "100.0");
    EXPECT(TL_TYPE_DOUBLE, double, 99999999999999.9, "99999999999999.9", "99999999999999.9");
    EXPECT(TL_TYPE_DOUBLE, double, 9007199254740992, "9007199254740992.0", "9007199254740992.0");
    EXPECT(TL_TYPE_DOUBLE, double, 1e300, "1e300", "1e300");
    EXPECT(TL_TYPE_DOUBLE, double, 5e-324, "5e-324", "5e-324");
    EXPECT(TL_TYPE_DOUBLE, double, 1.7976931348623157e308, "1.7976931348623157e308", "1.7976931348623157e308");
    EXPECT(TL_TYPE_FLOAT, float, 0.1F, "0.1", "0.1");
    EXPECT(TL_TYPE_FLOAT, float, 16777216.0F, "16777216.0", "16777216.0");
    EXPECT(TL_TYPE_FLOAT, float, 3.4028235e38F, "3.4028235e38", "3.4028235e38");
    EXPECT(TL_TYPE_FLOAT, float, 1e-45F, "1e-45", "1e-45");
    EXPECT(TL_TYPE_FLOAT, float, -0.0F, "-0.0", "-0.0");
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 2685821657736338717U;
}

static int printed_digits(const char *text)
{
    int digits = 0, zeros = 0;
    bool started = false;
    for (; *text && *text != 'e'; text++) {
        if (*text < '0' || *text > '9')
            continue;
        started |= *text != '0';
        digits += started;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return digits > zeros ? digits - zeros : 1;
}

/* The digits printf needs are the yardstick: ours read back and are never more. */
static void expect_shortest(double number)
{
    char got[TL_FORMAT_DOUBLE_MAX + 1], printed[40];
    *tl_format_double(got, number) = '\0';
    double back = strtod(got, NULL);
    assert_memory_equal(&back, &number, sizeof back);
    int needed = 1;
    for (; needed < 17; needed++) {
        snprintf(printed, sizeof printed, "%.*e", needed - 1, number);
        if (strtod(printed, NULL) == number)
            break;
    }
    if (printed_digits(got) > needed)
        fail_msg("%s has more than %d digits", got, needed);
}

static void test_random_doubles_read_back_from_shortest_digits(void **state)
{
    (void)state;
    uint64_t seed = 42;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&seed);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (isfinite(number))
            expect_shortest(number);
        double power = pow(10, (double)(bits >> 60));
        expect_shortest((double)(int64_t)(next_random(&seed) % 100000000000) / power); /* like money */
        expect_shortest((double)(next_random(&seed) >> 11) / 9007199254740992.0);
    }
}

static void test_random_floats_read_back(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 50000; i++) {
        uint32_t bits = (uint32_t)(next_random(&seed) >> 32);
        float number;
        memcpy(&number, &bits, sizeof number);
        if (i % 2)
            number = (float)(bits % 1000000) / 1000.0F;
        if (!isfinite(number))
            continue;
        char got[TL_FORMAT_DOUBLE_MAX + 1];
        *tl_format_float(got, number) = '\0';
        float back = strtof(got, NULL);
        assert_memory_equal(&back, &number, sizeof back);
        assert_true(printed_digits(got) <= 9);
    }
}

static void test_dates_from_year_minus_to_year_plus(void **state)
{
    (void)state;
    EXPECT(TL_TYPE_DATE, int32_t, 0, "1970-01-01", "\"1970-01-01\"");
    EXPECT(TL_TYPE_DATE, int32_t, -1, "1969-12-31", "\"1969-12-31\"");
    EXPECT(TL_TYPE_DATE, int32_t, -719162, "0001-01-01", "\"0001-01-01\"");
    EXPECT(TL_TYPE_DATE, int32_t, -719163, "0000-12-31", "\"0000-12-31\"");
    EXPECT(TL_TYPE_DATE, int32_t, -719529, "-0001-12-31", "\"-0001-12-31\"");
    EXPECT(TL_TYPE_DATE, int32_t, 2932896, "9999-12-31", "\"9999-12-31\"");
    EXPECT(TL_TYPE_DATE, int32_t, 2932897, "+10000-01-01", "\"+10000-01-01\"");
    EXPECT(TL_TYPE_DATE, int32_t, INT32_MAX - 1, "+5881580-07-10", "\"+5881580-07-10\"");
    EXPECT(TL_TYPE_DATE, int32_t, INT32_MIN, "-5877641-06-23", "\"-5877641-06-23\"");
    EXPECT(TL_TYPE_DATE, int32_t, INT32_MAX, "infinity", "\"infinity\"");
    EXPECT(TL_TYPE_DATE, int32_t, -INT32_MAX, "-infinity", "\"-infinity\"");
}

static void test_timestamps_before_and_after_the_epoch(void **state)
{
    (void)state;
    EXPECT(TL_TYPE_TIMESTAMP, int64_t, 0, "1970-01-01 00:00:00", "\"1970-01-01 00:00:00.000000\"");
    EXPECT(TL_TYPE_TIMESTAMP, int64_t, -1, "1969-12-31 23:59:59.999999", "\"1969-12-31 23:59:59.999999\"");
    EXPECT(TL_TYPE_TIMESTAMP, int64_t, 1704067200123000, "2024-01-01 00:00:00.123", "\"2024-01-01 00:00:00.123000\"");
    EXPECT(TL_TYPE_TIMESTAMPTZ, int64_t, 1704067200500000, "2024-01-01 00:00:00.5+00", "\"2024-01-01 00:00:00.500000 UTC\"");
    EXPECT(TL_TYPE_TIMESTAMP_NS, int64_t, -1, "1969-12-31 23:59:59.999999999", "\"1969-12-31 23:59:59.999999999\"");
    EXPECT(TL_TYPE_TIMESTAMP_NS, int64_t, 1, "1970-01-01 00:00:00.000000001", "\"1970-01-01 00:00:00.000000001\"");
    EXPECT(TL_TYPE_TIMESTAMP, int64_t, INT64_MIN, "-290308-12-21 19:59:05.224192", "\"-290308-12-21 19:59:05.224192\"");
    EXPECT(TL_TYPE_TIMESTAMP, int64_t, INT64_MAX, "infinity", "\"infinity\"");
    EXPECT(TL_TYPE_TIMESTAMPTZ, int64_t, -INT64_MAX, "-infinity", "\"-infinity\"");
}

static void test_digits_of_the_second_follow_the_type(void **state)
{
    (void)state;
    struct tl_type type = tl_type_simple(TL_TYPE_TIMESTAMPTZ);
    type.scale = 3;
    expect_both(type, &(int64_t){1704067200123456}, "2024-01-01 00:00:00.123456+00", "\"2024-01-01 00:00:00.123 UTC\"");
    type = tl_type_simple(TL_TYPE_TIME);
    type.scale = 3;
    expect_both(type, &(int64_t){3723004500}, "01:02:03.0045", "\"01:02:03.004\"");
}

static void test_times_of_day(void **state)
{
    (void)state;
    EXPECT(TL_TYPE_TIME, int64_t, 0, "00:00:00", "\"00:00:00.000000\"");
    EXPECT(TL_TYPE_TIME, int64_t, 86399999999, "23:59:59.999999", "\"23:59:59.999999\"");
    EXPECT(TL_TYPE_TIME, int64_t, 86400000000, "24:00:00", "\"24:00:00.000000\"");
    EXPECT(TL_TYPE_TIME, int64_t, INT64_MIN, "-2562047788:00:54.775808", "\"-2562047788:00:54.775808\"");
}

struct interval {
    int32_t months, days;
    int64_t micros;
};

static void expect_interval(struct interval value, const char *text, const char *trino)
{
    expect_both(tl_type_simple(TL_TYPE_INTERVAL), &value, text, trino);
}

static void test_intervals_have_three_forms(void **state)
{
    (void)state;
    expect_interval((struct interval){0, 0, 0}, "00:00:00", "\"0 00:00:00.000\"");
    expect_interval((struct interval){0, 1, 0}, "1 day", "\"1 00:00:00.000\"");
    expect_interval((struct interval){0, 2, 3723004000}, "2 days 01:02:03.004", "\"2 01:02:03.004\"");
    expect_interval((struct interval){0, 0, -1000}, "-00:00:00.001", "\"-0 00:00:00.001\"");
    expect_interval((struct interval){0, 1, -3600000000}, "1 day -01:00:00", "\"0 23:00:00.000\"");
    expect_interval((struct interval){1, 0, 0}, "1 month", "\"0-1\"");
    expect_interval((struct interval){-14, 0, 0}, "-1 year -2 months", "\"-1-2\"");
    expect_interval((struct interval){14, 3, 1}, "1 year 2 months 3 days 00:00:00.000001", "\"1 year 2 months 3 days 00:00:00.000001\"");
    expect_interval((struct interval){INT32_MIN, INT32_MIN, INT64_MIN},
                    "-178956970 years -8 months -2147483648 days -2562047788:00:54.775808",
                    "\"-178956970 years -8 months -2147483648 days -2562047788:00:54.775808\"");
    expect_interval((struct interval){0, INT32_MIN, INT64_MIN}, "-2147483648 days -2562047788:00:54.775808",
                    "\"-2254235639 04:00:54.775\"");
}

static void test_uuid_has_its_top_bit_back(void **state)
{
    (void)state;
    static const uint8_t value[16] = {0xF0, 0xDE, 0xBC, 0x9A, 0x78, 0x56, 0x34, 0x12, 0xEF, 0xCD, 0xAB, 0x90, 0x78, 0x56, 0x34, 0x92};
    expect_both(tl_type_simple(TL_TYPE_UUID), value, "12345678-90ab-cdef-1234-56789abcdef0",
                 "\"12345678-90ab-cdef-1234-56789abcdef0\"");
}

static void expect_bytes(enum tl_type_id id, const char *bytes, uint32_t size, const char *text, const char *trino)
{
    struct tl_type type = tl_type_simple(id);
    const uint32_t offsets[2] = {0, size};
    struct tl_column column = {.type = &type, .row_count = 1, .offsets = offsets, .bytes = bytes};
    assert_string_equal(text_of(&column, 0), text);
    assert_string_equal(trino_of(&column, 0), trino);
}

static void test_texts_go_out_escaped_or_as_they_are(void **state)
{
    (void)state;
    expect_bytes(TL_TYPE_VARCHAR, "", 0, "", "\"\"");
    expect_bytes(TL_TYPE_VARCHAR, "say \"hi\"\n", 9, "say \"hi\"\n", "\"say \\\"hi\\\"\\n\"");
    expect_bytes(TL_TYPE_JSON, "{\"a\":1}", 7, "{\"a\":1}", "\"{\\\"a\\\":1}\"");
    expect_bytes(TL_TYPE_VARCHAR, "\xFF", 1, "\xFF", "\"\xEF\xBF\xBD\"");
}

static void test_blobs_are_hexadecimal_or_base64(void **state)
{
    (void)state;
    expect_bytes(TL_TYPE_BLOB, "", 0, "\\x", "\"\"");
    expect_bytes(TL_TYPE_BLOB, "\0", 1, "\\x00", "\"AA==\"");
    expect_bytes(TL_TYPE_BLOB, "fo", 2, "\\x666f", "\"Zm8=\"");
    expect_bytes(TL_TYPE_BLOB, "foo", 3, "\\x666f6f", "\"Zm9v\"");
    expect_bytes(TL_TYPE_BLOB, "foob\xFF\xFE", 6, "\\x666f6f62fffe", "\"Zm9vYv/+\"");
}

static void test_nulls_are_nothing_in_text_and_null_in_json(void **state)
{
    (void)state;
    static const uint8_t validity[1] = {2};
    static const int64_t numbers[2] = {7, 8};
    struct tl_type type = tl_type_simple(TL_TYPE_INT64);
    struct tl_column column = {.type = &type, .row_count = 2, .validity = validity, .data = numbers};
    assert_string_equal(text_of(&column, 0), "");
    assert_string_equal(trino_of(&column, 0), "null");
    assert_string_equal(trino_of(&column, 1), "8");
}

/* [ {a: 1.50, b: x}, {a: NULL, b: "q"} ] and [] as a list of rows */
static void test_nested_values_are_json(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b \"c\""};
    struct tl_type fields[2] = {tl_type_decimal(4, 2), tl_type_simple(TL_TYPE_VARCHAR)};
    struct tl_type row = {.id = TL_TYPE_STRUCT, .child_count = 2, .children = fields, .child_names = names};
    struct tl_type list = {.id = TL_TYPE_LIST, .child_count = 1, .children = &row};
    static const int16_t numbers[2] = {150, 0};
    static const uint8_t validity[1] = {1};
    static const uint32_t text_offsets[3] = {0, 1, 4}, list_offsets[3] = {0, 2, 2};
    struct tl_column children[2] = {
        {.type = &fields[0], .row_count = 2, .validity = validity, .data = numbers},
        {.type = &fields[1], .row_count = 2, .offsets = text_offsets, .bytes = "x\"q\""},
    };
    struct tl_column rows = {.type = &row, .row_count = 2, .children = children};
    struct tl_column column = {.type = &list, .row_count = 2, .offsets = list_offsets, .children = &rows};
    assert_string_equal(text_of(&column, 0), "[{\"a\":1.50,\"b \\\"c\\\"\":\"x\"},{\"a\":null,\"b \\\"c\\\"\":\"\\\"q\\\"\"}]");
    assert_string_equal(trino_of(&column, 0), "[[\"1.50\",\"x\"],[null,\"\\\"q\\\"\"]]");
    assert_string_equal(text_of(&column, 1), "[]");
    assert_string_equal(trino_of(&column, 1), "[]");
}

static void expect_map(const struct tl_column *keys, const char *text, const char *trino)
{
    struct tl_type types[2] = {*keys->type, tl_type_simple(TL_TYPE_BLOB)};
    struct tl_type map = {.id = TL_TYPE_MAP, .child_count = 2, .children = types};
    static const uint32_t value_offsets[3] = {0, 1, 3}, offsets[2] = {0, 2};
    struct tl_column children[2] = {*keys, {.type = &types[1], .row_count = 2, .offsets = value_offsets, .bytes = "abc"}};
    struct tl_column column = {.type = &map, .row_count = 1, .offsets = offsets, .children = children};
    assert_string_equal(text_of(&column, 0), text);
    assert_string_equal(trino_of(&column, 0), trino);
}

static void test_keys_of_maps_are_strings(void **state)
{
    (void)state;
    struct tl_type number = tl_type_simple(TL_TYPE_INT32), text = tl_type_simple(TL_TYPE_VARCHAR);
    struct tl_type list = {.id = TL_TYPE_LIST, .child_count = 1, .children = &number};
    static const int32_t numbers[2] = {1, -2};
    static const uint32_t text_offsets[3] = {0, 1, 2}, list_offsets[3] = {0, 1, 2};
    struct tl_column plain = {.type = &number, .row_count = 2, .data = numbers};
    expect_map(&plain, "{\"1\":\"\\\\x61\",\"-2\":\"\\\\x6263\"}", "{\"1\":\"YQ==\",\"-2\":\"YmM=\"}");
    struct tl_column texts = {.type = &text, .row_count = 2, .offsets = text_offsets, .bytes = "\"k"};
    expect_map(&texts, "{\"\\\"\":\"\\\\x61\",\"k\":\"\\\\x6263\"}", "{\"\\\"\":\"YQ==\",\"k\":\"YmM=\"}");
    struct tl_column lists = {.type = &list, .row_count = 2, .offsets = list_offsets, .children = &plain};
    expect_map(&lists, "{\"[1]\":\"\\\\x61\",\"[-2]\":\"\\\\x6263\"}", "{\"[1]\":\"YQ==\",\"[-2]\":\"YmM=\"}");
}

static void test_values_stop_at_the_bound_of_their_buffer(void **state)
{
    (void)state;
    struct tl_type type = tl_type_simple(TL_TYPE_INT64);
    struct tl_column column = {.type = &type, .row_count = 1, .data = &(int64_t){1234567}};
    struct tl_buf small;
    tl_buf_init(&small, 10);
    tl_column_format_trino(&small, &column, 0);
    assert_string_equal(tl_buf_cstr(&small), "1234567");
    tl_column_format_trino(&small, &column, 0);
    assert_true(small.failed);
    tl_buf_done(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_integers_are_exact_at_their_ends),
        TEST(test_every_count_of_digits_is_right),
        TEST(test_decimals_are_exact_in_every_storage),
        TEST(test_doubles_that_are_no_numbers_are_strings_in_json),
        TEST(test_doubles_have_their_shortest_digits),
        TEST(test_random_doubles_read_back_from_shortest_digits),
        TEST(test_random_floats_read_back),
        TEST(test_dates_from_year_minus_to_year_plus),
        TEST(test_timestamps_before_and_after_the_epoch),
        TEST(test_digits_of_the_second_follow_the_type),
        TEST(test_times_of_day),
        TEST(test_intervals_have_three_forms),
        TEST(test_uuid_has_its_top_bit_back),
        TEST(test_texts_go_out_escaped_or_as_they_are),
        TEST(test_blobs_are_hexadecimal_or_base64),
        TEST(test_nulls_are_nothing_in_text_and_null_in_json),
        TEST(test_nested_values_are_json),
        TEST(test_keys_of_maps_are_strings),
        TEST(test_values_stop_at_the_bound_of_their_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
