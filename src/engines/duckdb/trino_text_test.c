#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engines/duckdb/trino_text.h"

static struct tl_trino_value text_of(const char *text)
{
    return (struct tl_trino_value){.text = tl_str_of(text)};
}

static struct tl_trino_value number_of(int64_t number)
{
    return (struct tl_trino_value){.number = number};
}

/* The result of a function over up to three values; NULL = it gave NULL, "!" = an error. */
static const char *run(tl_trino_function function, struct tl_trino_value a, struct tl_trino_value b, struct tl_trino_value c,
                       struct tl_trino_value *ret)
{
    static char result[1000];
    struct tl_trino_value args[] = {a, b, c};
    struct tl_err err;
    struct tl_buf out;
    tl_err_init(&err);
    tl_buf_init(&out, sizeof result - 1);
    *ret = (struct tl_trino_value){.null = true};
    enum tl_code code = function(args, &out, ret, &err);
    snprintf(result, sizeof result, "%s", code == TL_OK ? tl_buf_cstr(&out) : "!");
    tl_buf_done(&out);
    return code == TL_OK && ret->null ? NULL : result;
}

static void gives(tl_trino_function function, const char *a, const char *b, const char *wanted)
{
    struct tl_trino_value ret;
    const char *result = run(function, text_of(a), text_of(b), text_of(""), &ret);
    if (wanted && result)
        assert_string_equal(result, wanted);
    else
        assert_ptr_equal(result, wanted);
}

static void test_url_is_taken_apart(void **state)
{
    (void)state;
    const char *url = "https://user@example.com:8080/a%20b?x=1&y=2%263&x=3#top";
    struct tl_trino_value ret;
    gives(tl_trino_url_protocol, url, "", "https");
    gives(tl_trino_url_host, url, "", "example.com");
    gives(tl_trino_url_path, url, "", "/a b");
    gives(tl_trino_url_query, url, "", "x=1&y=2&3&x=3");
    gives(tl_trino_url_fragment, url, "", "top");
    gives(tl_trino_url_parameter, url, "x", "1");
    gives(tl_trino_url_parameter, url, "y", "2&3");
    gives(tl_trino_url_parameter, url, "z", NULL);
    run(tl_trino_url_port, text_of(url), text_of(""), text_of(""), &ret);
    assert_int_equal(ret.number, 8080);
    assert_null(run(tl_trino_url_port, text_of("https://example.com/"), text_of(""), text_of(""), &ret));
}

static void test_what_is_no_url_gives_null(void **state)
{
    (void)state;
    static const char *const none[] = {"not a url", "http:", ":x", "http://a/%zz", "http://a/<b>", "%", "http://[::1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        gives(tl_trino_url_host, none[i], "", NULL);
    gives(tl_trino_url_host, "http://[::1]:80/", "", "[::1]");
    gives(tl_trino_url_host, "http://a_b/", "", "");
    gives(tl_trino_url_path, "mailto:a@b.c", "", "");
    gives(tl_trino_url_path, "", "", "");
}

static void test_names_of_types_are_trinos(void **state)
{
    (void)state;
    gives(tl_trino_type_name, "INTEGER[]", "", "array(integer)");
    gives(tl_trino_type_name, "MAP(VARCHAR, DECIMAL(10,2)[])", "", "map(varchar, array(decimal(10,2)))");
    gives(tl_trino_type_name, "STRUCT(a INTEGER, \"b c\" TIMESTAMP WITH TIME ZONE)[3]", "",
          "array(row(a integer, \"b c\" timestamp(6) with time zone))");
    gives(tl_trino_type_name, "STRUCT(INTEGER, VARCHAR)", "", "row(integer, varchar)");
    gives(tl_trino_type_name, "\"NULL\"", "", "unknown");
    gives(tl_trino_type_name, "STRUCT(", "", "row()");
    gives(tl_trino_type_name, "MAP(", "", "map()");
    gives(tl_trino_type_name, "[", "", "array()");
    gives(tl_trino_type_name, "STRUCT(\"", "", "row(\")");
    gives(tl_trino_type_name, "STRUCT(\"a", "", "row(\"a)");
}

/* Each would take minutes if what is behind was looked through anew at every step. */
static void test_long_texts_take_time_by_their_length(void **state)
{
    (void)state;
    enum { SIZE = 4 * 1024 * 1024 };
    struct tl_trino_value ret, none = {.null = true};
    char *text = malloc(SIZE + 1);
    text[SIZE] = '\0';
    for (size_t i = 0; i < SIZE; i++)
        text[i] = i % 2 ? '"' : '[';
    assert_non_null(run(tl_trino_json_path, text_of(text), none, none, &ret));
    for (size_t i = 0; i < SIZE; i++)
        text[i] = i % 2 ? ']' : '[';
    assert_non_null(run(tl_trino_type_name, text_of(text), none, none, &ret));
    free(text);
}

static void test_numbers_are_written_as_trino_writes_them(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{1.5, "1.5E0"}, {1e10, "1.0E10"}, {0, "0E0"}, {-0.0, "-0E0"}, {0.1, "1.0E-1"}, {123456789, "1.23456789E8"},
                 {5e-324, "5.0E-324"}, {1.7976931348623157e308, "1.7976931348623157E308"}, {NAN, "NaN"}, {-INFINITY, "-Infinity"}};
    struct tl_trino_value ret, none = text_of("");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(run(tl_trino_double_text, (struct tl_trino_value){.real = cases[i].value}, none, none, &ret), cases[i].text);
    assert_string_equal(run(tl_trino_real_text, (struct tl_trino_value){.real = 0.1f}, none, none, &ret), "1.0E-1");
}

static void test_patterns_become_the_engines(void **state)
{
    (void)state;
    gives(tl_trino_pattern, "(?<year>\\d+)", "", "(?P<year>\\d+)");
    gives(tl_trino_pattern, "(?<=a)(?<!b)\\(?<x", "", "(?<=a)(?<!b)\\(?<x");
    gives(tl_trino_replacement, "$1-$2\\$\\\\", "(a)(b)", "\\1-\\2$\\\\");
    gives(tl_trino_replacement, "[${y}]", "(?:a)(?<x>b)(?<y>c)", "[\\2]");
    gives(tl_trino_replacement, "${z}", "(?<x>b)", "!");
    gives(tl_trino_replacement, "$", "a", "!");
    gives(tl_trino_json_path, "lax $[\"a b\"].c[0]", "", "$.\"a b\".c[0]");
    gives(tl_trino_json_path, "$[\"open", "", "$[\"open");
}

static void test_bytes_that_are_no_utf8_are_replaced(void **state)
{
    (void)state;
    gives(tl_trino_utf8, "h\xC3\xA9\xBFx\xC3", "", "h\xC3\xA9\xEF\xBF\xBDx\xEF\xBF\xBD");
    gives(tl_trino_url_decode, "%C3%A9+%FF%", "", "\xC3\xA9 \xEF\xBF\xBD%");
    gives(tl_trino_url_encode, "a b/\xC3\xA9*~", "", "a+b%2F%C3%A9*%7E");
}

static int64_t moment(const char *text, const char *pattern, bool joda)
{
    struct tl_trino_value ret;
    const char *result = run(joda ? tl_trino_joda_parse : tl_trino_mysql_parse, text_of(text), text_of(pattern), text_of(""), &ret);
    return result && *result == '!' ? INT64_MIN : ret.number;
}

static void test_times_are_read_and_written_by_both_kinds_of_patterns(void **state)
{
    (void)state;
    struct tl_trino_value ret, none = text_of("");
    int64_t leap = moment("2024-02-29 23:59:58.123", "%Y-%m-%d %H:%i:%s.%f", false);
    assert_int_equal(leap, INT64_C(1709251198123000));
    assert_int_equal(moment("29.Feb.2024 11:59:58.123 PM", "dd.MMM.yyyy hh:mm:ss.SSS a", true), leap);
    assert_int_equal(moment("2024-03-01T01:59:58.123+02:00", "yyyy-MM-dd'T'HH:mm:ss.SSSZ", true), leap);
    assert_string_equal(run(tl_trino_mysql_format, number_of(leap), text_of("%a %b %e %Y %r %j %x-%v %y %%"), none, &ret),
                        "Thu Feb 29 2024 11:59:58 PM 060 2024-09 24 %");
    assert_string_equal(run(tl_trino_joda_format, number_of(leap), text_of("EEEE d MMMM yy 'at' HH:mm:ss.SSS w x e D ''"), none, &ret),
                        "Thursday 29 February 24 at 23:59:58.123 9 2024 4 60 '");
    assert_string_equal(run(tl_trino_mysql_format, number_of(-1), text_of("%Y-%m-%d %T.%f"), none, &ret), "1969-12-31 23:59:59.999000");
    assert_string_equal(run(tl_trino_mysql_format, number_of(leap), text_of("%D"), none, &ret), "!");
}

static void test_times_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"2023-02-29", "2024-13-01", "2024-00-10", "2024-1", "", "2024-01-01 ", "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(moment(wrong[i], "%Y-%m-%d", false) == INT64_MIN);
    assert_true(moment("13 PM", "%h %p", false) == INT64_MIN);
    assert_true(moment("24:00", "HH:mm", true) == INT64_MIN);
    assert_true(moment("5", "Q", true) == INT64_MIN);
    assert_true(moment("4294967295", "HHHHHHHHHH", true) == INT64_MIN);
}

static void test_bits_shift_within_their_width(void **state)
{
    (void)state;
    struct tl_trino_value ret;
    run(tl_trino_shift_right, number_of(-16), number_of(2), number_of(32), &ret);
    assert_int_equal(ret.number, 1073741820);
    run(tl_trino_shift_left, number_of(1), number_of(31), number_of(32), &ret);
    assert_int_equal(ret.number, INT32_MIN);
    run(tl_trino_shift_left, number_of(1), number_of(64), number_of(64), &ret);
    assert_int_equal(ret.number, 0);
    run(tl_trino_shift_left, number_of(1), number_of(100), number_of(1000), &ret);
    assert_int_equal(ret.number, 0);
    run(tl_trino_shift_arithmetic, number_of(-16), number_of(70), number_of(64), &ret);
    assert_int_equal(ret.number, -1);
    assert_string_equal(run(tl_trino_bit_count, number_of(300), number_of(8), number_of(0), &ret), "!");
}

static void test_other_functions(void **state)
{
    (void)state;
    struct tl_trino_value ret, none = text_of("");
    gives(tl_trino_soundex, "Tymczak", "", "T522");
    gives(tl_trino_soundex, "Pfister", "", "P236");
    gives(tl_trino_soundex, "", "", "");
    gives(tl_trino_replace_empty, "h\xC3\xA9", "-", "-h-\xC3\xA9-");
    run(tl_trino_luhn, text_of("79927398713"), none, none, &ret);
    assert_int_equal(ret.number, 1);
    run(tl_trino_from_base, text_of("-zz"), number_of(36), none, &ret);
    assert_int_equal(ret.number, -1295);
    assert_string_equal(run(tl_trino_from_base, text_of("9223372036854775808"), number_of(10), none, &ret), "!");
    assert_string_equal(run(tl_trino_human_seconds, (struct tl_trino_value){.real = 694861}, none, none, &ret),
                        "1 week, 1 day, 1 hour, 1 minute, 1 second");
}

static void test_bytes_are_numbered_and_spelt(void **state)
{
    (void)state;
    struct tl_trino_value none = {.null = true}, ret;
    run(tl_trino_crc32, text_of("123456789"), none, none, &ret);
    assert_int_equal(ret.number, 0xCBF43926);
    static const char *const spelt[][2] = {{"", ""},           {"f", "MY======"},   {"fo", "MZXQ===="},        {"foo", "MZXW6==="},
                                           {"foob", "MZXW6YQ="}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI======"}};
    for (size_t i = 0; i < sizeof spelt / sizeof *spelt; i++) {
        assert_string_equal(run(tl_trino_to_base32, text_of(spelt[i][0]), none, none, &ret), spelt[i][1]);
        assert_string_equal(run(tl_trino_from_base32, text_of(spelt[i][1]), none, none, &ret), spelt[i][0]);
    }
    assert_string_equal(run(tl_trino_from_base32, text_of("MZ1W"), none, none, &ret), "!");
    assert_string_equal(run(tl_trino_from_ieee754, text_of("1234567"), none, none, &ret), "!");
    run(tl_trino_from_ieee754, (struct tl_trino_value){.text = TL_STR("\xC0\x09\x21\xFB\x54\x44\x2D\x18")}, none, none, &ret);
    assert_true(ret.real == -M_PI);
}

static void test_the_inverse_of_the_normal_distribution_leads_back(void **state)
{
    (void)state;
    struct tl_trino_value ret, mean = {.real = 3}, deviation = {.real = 2};
    static const double probabilities[] = {1e-300, 1e-12, 0.001, 0.02425, 0.3, 0.5, 0.6, 0.975, 0.999999};
    for (size_t i = 0; i < sizeof probabilities / sizeof *probabilities; i++) {
        double p = probabilities[i];
        run(tl_trino_inverse_normal_cdf, mean, deviation, (struct tl_trino_value){.real = p}, &ret);
        struct tl_trino_value quantile = ret;
        run(tl_trino_normal_cdf, mean, deviation, quantile, &ret);
        assert_true(fabs(ret.real - p) <= 1e-9 * p);
    }
    assert_string_equal(run(tl_trino_inverse_normal_cdf, mean, deviation, (struct tl_trino_value){.real = 1}, &ret), "!");
    assert_string_equal(run(tl_trino_inverse_normal_cdf, mean, (struct tl_trino_value){.real = 0}, (struct tl_trino_value){.real = 0.5}, &ret), "!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_numbered_and_spelt),
        cmocka_unit_test(test_the_inverse_of_the_normal_distribution_leads_back),
        cmocka_unit_test(test_url_is_taken_apart),
        cmocka_unit_test(test_what_is_no_url_gives_null),
        cmocka_unit_test(test_names_of_types_are_trinos),
        cmocka_unit_test(test_long_texts_take_time_by_their_length),
        cmocka_unit_test(test_numbers_are_written_as_trino_writes_them),
        cmocka_unit_test(test_patterns_become_the_engines),
        cmocka_unit_test(test_bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(test_times_are_read_and_written_by_both_kinds_of_patterns),
        cmocka_unit_test(test_times_that_are_none_are_refused),
        cmocka_unit_test(test_bits_shift_within_their_width),
        cmocka_unit_test(test_other_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
