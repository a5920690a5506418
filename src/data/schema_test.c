#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "data/schema.h"

static tl_arena *arena;

static const tl_json *read(const char *text)
{
    struct tl_err err;
    const tl_json *value;
    tl_err_init(&err);
    assert_int_equal(tl_json_parse(arena, text, strlen(text), &value, &err), TL_OK);
    return value;
}

static void check(const char *schema, const char *value, const char *message)
{
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_schema_verify(read(schema), &err), TL_OK);
    enum tl_code code = tl_schema_check(read(schema), read(value), &err);
    assert_int_equal(code, message ? TL_INVALID_ARGUMENT : TL_OK);
    assert_string_equal(err.message, message ? message : "");
}

static const char *const query =
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"sql\"],\"properties\":{"
    "\"sql\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":5},\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":10},"
    "\"mode\":{\"type\":\"string\",\"enum\":[\"inject\",\"display\"]},\"rows\":{\"type\":\"array\",\"maxItems\":2,\"minItems\":1,\"items\":"
    "{\"type\":\"object\",\"properties\":{\"y\":{\"type\":[\"number\",\"null\"]}}}},\"fast\":{\"type\":\"boolean\"}}}";

static void test_what_fits_passes(void **state)
{
    (void)state;
    check(query, "{\"sql\":\"a\"}", NULL);
    check(query,
          "{\"sql\":\"\\u00e4\\u00f6\\u00fc\\u00df\\u20ac\",\"limit\":10,"
          "\"mode\":\"display\",\"rows\":[{\"y\":1.5,\"z\":[]},{\"y\":null}],\"fast\":true}", NULL);
    check("{}", "[1,{\"a\":null}]", NULL);
}

static void test_what_does_not_fit_is_told_with_its_place_and_what_was_expected(void **state)
{
    (void)state;
    check(query, "[]", "the arguments: expected an object, got a list");
    check(query, "{}", "the arguments: \"sql\" is missing");
    check(query, "{\"sql\":1}", "sql: expected a text, got a whole number");
    check(query, "{\"sql\":\"\"}", "sql: expected at least 1 characters, got 0");
    check(query, "{\"sql\":\"abcdef\"}", "sql: expected at most 5 characters, got 6");
    check(query, "{\"sql\":\"a\",\"limit\":0}", "limit: expected 1 or more, got 0");
    check(query, "{\"sql\":\"a\",\"limit\":11}", "limit: expected 10 or less, got 11");
    check(query, "{\"sql\":\"a\",\"limit\":1.5}", "limit: expected a whole number, got a number");
    check(query, "{\"sql\":\"a\",\"limit\":\"1\"}", "limit: expected a whole number, got a text");
    check(query, "{\"sql\":\"a\",\"mode\":\"both\"}", "mode: expected one of \"inject\", \"display\", got \"both\"");
    check(query, "{\"sql\":\"a\",\"rows\":[]}", "rows: expected at least 1 items, got 0");
    check(query, "{\"sql\":\"a\",\"rows\":[{},{},{}]}", "rows: expected at most 2 items, got 3");
    check(query, "{\"sql\":\"a\",\"rows\":[{},7]}", "rows[1]: expected an object, got a whole number");
    check(query, "{\"sql\":\"a\",\"rows\":[{},{\"y\":\"x\"}]}", "rows[1].y: expected a number or null, got a text");
    check(query, "{\"sql\":\"a\",\"fast\":null}", "fast: expected true or false, got null");
}

static void test_an_unknown_member_is_refused_and_the_nearest_is_named(void **state)
{
    (void)state;
    struct tl_err err;
    tl_err_init(&err);
    check(query, "{\"sql\":\"a\",\"limt\":1}", "the arguments: there is no \"limt\" here");
    assert_int_equal(tl_schema_check(read(query), read("{\"limt\":1}"), &err), TL_INVALID_ARGUMENT);
    assert_string_equal(err.hint, "did you mean \"limit\"?");
}

static void test_a_schema_with_a_keyword_that_is_not_known_is_an_error(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "{\"oneOf\":[]}", "{\"type\":\"text\"}", "{\"type\":[]}", "{\"properties\":{\"a\":{\"pattern\":\"x\"}}}", "{\"items\":[]}", "[]",
        "{\"additionalProperties\":{}}", "{\"enum\":[1]}", "{\"minLength\":-1}", "{\"required\":\"a\"}", "{\"items\":{\"items\":{\"$ref\":\"#\"}}}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(tl_schema_verify(read(wrong[i]), &err), TL_INTERNAL);
    }
}

static void test_depth_has_a_bound(void **state)
{
    (void)state;
    struct tl_buf schema, value;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&schema, 10000);
    tl_buf_init(&value, 10000);
    for (int i = 0; i < TL_SCHEMA_DEPTH_MAX + 2; i++) {
        tl_buf_adds(&schema, "{\"items\":");
        tl_buf_adds(&value, "[");
    }
    tl_buf_adds(&schema, "{}");
    for (int i = 0; i < TL_SCHEMA_DEPTH_MAX + 2; i++) {
        tl_buf_adds(&schema, "}");
        tl_buf_adds(&value, "]");
    }
    assert_int_equal(tl_schema_check(read(tl_buf_cstr(&schema)), read(tl_buf_cstr(&value)), &err), TL_INVALID_ARGUMENT);
    tl_err_init(&err);
    assert_int_equal(tl_schema_verify(read(tl_buf_cstr(&schema)), &err), TL_INTERNAL);
    tl_buf_done(&schema);
    tl_buf_done(&value);
}

static int begin(void **state)
{
    (void)state;
    arena = tl_arena_new(1 << 20);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tl_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits_passes),
        cmocka_unit_test(test_what_does_not_fit_is_told_with_its_place_and_what_was_expected),
        cmocka_unit_test(test_an_unknown_member_is_refused_and_the_nearest_is_named),
        cmocka_unit_test(test_a_schema_with_a_keyword_that_is_not_known_is_an_error),
        cmocka_unit_test(test_depth_has_a_bound),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
