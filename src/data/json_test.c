#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "data/json.h"

static tl_arena *arena;
static struct tl_buf buf;
static struct tl_json_writer writer;

static int setup(void **state)
{
    (void)state;
    arena = tl_arena_new(64 << 20);
    tl_buf_init(&buf, 16 << 20);
    tl_json_writer_init(&writer, &buf);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tl_buf_done(&buf);
    arena = tl_arena_free(arena);
    return 0;
}

static const tl_json *parse(const char *text)
{
    struct tl_err err;
    tl_err_init(&err);
    const tl_json *root;
    if (tl_json_parse(arena, text, strlen(text), &root, &err) != TL_OK)
        fail_msg("%s: %s", text, err.message);
    return root;
}

static struct tl_err refusal(const char *text, size_t size)
{
    struct tl_err err;
    tl_err_init(&err);
    const tl_json *root;
    assert_int_not_equal(tl_json_parse(arena, text, size, &root, &err), TL_OK);
    assert_null(root);
    return err;
}

static void test_kinds_are_told_apart(void **state)
{
    (void)state;
    const tl_json *root = parse("[null, true, 1, \"x\", [], {}]");
    bool (*const is[])(const tl_json *) = {tl_json_is_null,   tl_json_is_bool,  tl_json_is_number,
                                           tl_json_is_string, tl_json_is_array, tl_json_is_object};
    size_t at = 0;
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it); at++)
        for (size_t kind = 0; kind < 6; kind++)
            assert_int_equal(is[kind](it.value), kind == at);
    assert_int_equal(at, 6);
}

static void test_absent_values_are_harmless(void **state)
{
    (void)state;
    int64_t number;
    double real;
    assert_null(tl_json_get(NULL, "a"));
    assert_null(tl_json_get(parse("[1]"), "a"));
    assert_null(tl_json_get_text(parse("{\"a\":1}"), "a"));
    assert_false(tl_json_is_null(NULL));
    assert_int_equal(tl_json_count(NULL), 0);
    assert_int_equal(tl_json_str(NULL).size, 0);
    assert_true(tl_json_bool(NULL, true));
    assert_false(tl_json_int64(NULL, &number));
    assert_false(tl_json_double(NULL, &real));
    struct tl_json_iter it = tl_json_iter(NULL);
    assert_false(tl_json_next(&it));
}

static void test_integers_keep_all_bits(void **state)
{
    (void)state;
    int64_t number;
    uint64_t natural;
    assert_true(tl_json_int64(parse("-9223372036854775808"), &number));
    assert_true(number == INT64_MIN);
    assert_true(tl_json_int64(parse("9223372036854775807"), &number));
    assert_true(number == INT64_MAX);
    assert_false(tl_json_int64(parse("9223372036854775808"), &number));
    assert_false(tl_json_int64(parse("-9223372036854775809"), &number));
    assert_true(tl_json_uint64(parse("18446744073709551615"), &natural));
    assert_true(natural == UINT64_MAX);
    assert_false(tl_json_uint64(parse("18446744073709551616"), &natural));
    assert_false(tl_json_uint64(parse("-1"), &natural));
    assert_true(tl_json_uint64(parse("-0"), &natural));
    assert_false(tl_json_int64(parse("1.0"), &number));
    assert_false(tl_json_int64(parse("1e3"), &number));
    assert_false(tl_json_int64(parse("\"1\""), &number));
}

static void test_doubles_are_read_and_infinite_ones_refused(void **state)
{
    (void)state;
    double number;
    assert_true(tl_json_double(parse("-1.5e3"), &number));
    assert_true(number == -1500);
    assert_true(tl_json_double(parse("7"), &number));
    assert_true(number == 7);
    assert_false(tl_json_double(parse("1e999"), &number));
}

static void test_members_are_walked_in_order(void **state)
{
    (void)state;
    const tl_json *root = parse("{\"a\": [1, [2, 3]], \"b\": {\"c\": null}, \"d\": \"end\"}");
    const char *const keys[] = {"a", "b", "d"};
    size_t at = 0;
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it); at++)
        assert_string_equal(it.key, keys[at]);
    assert_int_equal(at, 3);
    assert_int_equal(tl_json_count(tl_json_get(root, "a")), 2);
    assert_string_equal(tl_json_get_text(root, "d"), "end");
}

static void test_strings_keep_nul_bytes(void **state)
{
    (void)state;
    struct tl_str text = tl_json_str(parse("\"a\\u0000b\""));
    assert_int_equal(text.size, 3);
    assert_memory_equal(text.data, "a\0b", 3);
}

static void test_invalid_text_is_refused_with_its_place(void **state)
{
    (void)state;
    struct tl_err err = refusal("{\"a\": 1,\n \"b\": }", 16);
    assert_int_equal(err.code, TL_INVALID_VALUE);
    assert_non_null(strstr(err.message, "line 2, column 7"));
    assert_int_equal(refusal("", 0).code, TL_INVALID_VALUE);
    assert_int_equal(refusal("\"\xFF\"", 3).code, TL_INVALID_VALUE);
    assert_int_equal(refusal("01", 2).code, TL_INVALID_VALUE);
    assert_int_equal(refusal("NaN", 3).code, TL_INVALID_VALUE);
    assert_int_equal(refusal("[1,]", 4).code, TL_INVALID_VALUE);
    assert_int_equal(refusal("[] []", 5).code, TL_INVALID_VALUE);
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * TL_JSON_DEPTH_MAX + 4];
    memset(text, '[', TL_JSON_DEPTH_MAX);
    memset(text + TL_JSON_DEPTH_MAX, ']', TL_JSON_DEPTH_MAX);
    text[2 * TL_JSON_DEPTH_MAX] = '\0';
    tl_json_put_value(&writer, parse(text));
    assert_string_equal(tl_buf_cstr(&buf), text);
    memset(text, '[', TL_JSON_DEPTH_MAX + 1);
    assert_int_equal(refusal(text, sizeof text - 2).code, TL_TOO_LARGE);
    parse("\"[[[[\\\"[[[\""); /* brackets inside strings count for nothing */
}

static void test_document_larger_than_its_arena_is_refused(void **state)
{
    (void)state;
    tl_arena *small = tl_arena_new(1024);
    char text[2000] = "[";
    memset(text + 1, ' ', sizeof text - 2);
    text[sizeof text - 1] = ']';
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, i + 4 < sizeof text ? "1," : "1 ", 2);
    struct tl_err err;
    tl_err_init(&err);
    const tl_json *root;
    assert_int_equal(tl_json_parse(small, text, sizeof text, &root, &err), TL_TOO_LARGE);
    assert_null(root);
    tl_arena_free(small);
}

static void test_writer_puts_commas_where_they_belong(void **state)
{
    (void)state;
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "a", "x");
    tl_json_pair_int64(&writer, "b", INT64_MIN);
    tl_json_pair_bool(&writer, "c", true);
    tl_json_key(&writer, "d");
    tl_json_begin_array(&writer);
    tl_json_put_uint64(&writer, UINT64_MAX);
    tl_json_begin_array(&writer);
    tl_json_end_array(&writer);
    tl_json_put_null(&writer);
    tl_json_begin_object(&writer);
    tl_json_end_object(&writer);
    tl_json_put_raw(&writer, TL_STR("[1]"));
    tl_json_end_array(&writer);
    tl_json_pair_text(&writer, "e", NULL);
    tl_json_end_object(&writer);
    assert_string_equal(tl_buf_cstr(&buf), "{\"a\":\"x\",\"b\":-9223372036854775808,\"c\":true,"
                                           "\"d\":[18446744073709551615,[],null,{},[1]],\"e\":null}");
}

static void test_writer_writes_doubles_that_read_back(void **state)
{
    (void)state;
    static const double numbers[] = {0.1, -0.0, 1.0 / 3, 5e-324, 1.7976931348623157e308, 1e15, 123456789.125};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        tl_buf_clear(&buf);
        tl_json_put_double(&writer, numbers[i]);
        double back;
        assert_true(tl_json_double(parse(tl_buf_cstr(&buf)), &back));
        assert_memory_equal(&back, &numbers[i], sizeof back);
    }
    tl_buf_clear(&buf);
    tl_json_put_double(&writer, (double)NAN);
    assert_string_equal(tl_buf_cstr(&buf), "null");
}

static void test_strings_are_escaped(void **state)
{
    (void)state;
    tl_json_put_text(&writer, "a\"b\\c/\n\r\t\b\f\x01\x1F\x7F and a long plain tail; \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    assert_string_equal(tl_buf_cstr(&buf), "\"a\\\"b\\\\c/\\n\\r\\t\\b\\f\\u0001\\u001f\x7F and a long plain tail; "
                                           "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

static void test_each_byte_is_escaped_at_each_place(void **state)
{
    (void)state;
    for (int c = 0; c < 128; c++)
        for (size_t at = 0; at < 17; at++) {
            char text[17];
            memset(text, 'x', sizeof text);
            text[at] = (char)c;
            tl_buf_clear(&buf);
            tl_json_put_str(&writer, (struct tl_str){text, sizeof text});
            assert_int_equal(buf.size > sizeof text + 2, c < 0x20 || c == '"' || c == '\\');
            struct tl_str back = tl_json_str(parse(tl_buf_cstr(&buf)));
            assert_true(tl_str_equal(back, (struct tl_str){text, sizeof text}));
        }
}

static void test_invalid_utf8_becomes_a_mark(void **state)
{
    (void)state;
    tl_json_put_text(&writer, "\xFF" "a\xC3" "b\xE2\x82" "c\xC3\xA9\x80");
    assert_string_equal(tl_buf_cstr(&buf), "\"\xEF\xBF\xBD" "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD" "c\xC3\xA9\xEF\xBF\xBD\"");
}

static void test_parsed_values_are_copied_as_they_were(void **state)
{
    (void)state;
    const char *text = "{\"a\\u0000b\":[1.50,-0,1e400,123456789012345678901234567890],\"s\":\"\\n\",\"t\":[true,false,null,{}]}";
    tl_json_begin_array(&writer);
    tl_json_put_value(&writer, parse(text));
    tl_json_put_value(&writer, NULL);
    tl_json_end_array(&writer);
    assert_string_equal(tl_buf_cstr(&buf), "[{\"a\\u0000b\":[1.50,-0,1e400,123456789012345678901234567890],"
                                           "\"s\":\"\\n\",\"t\":[true,false,null,{}]},null]");
}

static void test_writer_fails_beyond_its_depth(void **state)
{
    (void)state;
    for (int i = 0; i < 63; i++)
        tl_json_begin_array(&writer);
    assert_false(buf.failed);
    for (int i = 0; i < 200; i++)
        tl_json_begin_array(&writer);
    assert_true(buf.failed);
    for (int i = 0; i < 300; i++)
        tl_json_end_array(&writer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_kinds_are_told_apart),
        TEST(test_absent_values_are_harmless),
        TEST(test_integers_keep_all_bits),
        TEST(test_doubles_are_read_and_infinite_ones_refused),
        TEST(test_members_are_walked_in_order),
        TEST(test_strings_keep_nul_bytes),
        TEST(test_invalid_text_is_refused_with_its_place),
        TEST(test_depth_is_bounded),
        TEST(test_document_larger_than_its_arena_is_refused),
        TEST(test_writer_puts_commas_where_they_belong),
        TEST(test_writer_writes_doubles_that_read_back),
        TEST(test_strings_are_escaped),
        TEST(test_each_byte_is_escaped_at_each_place),
        TEST(test_invalid_utf8_becomes_a_mark),
        TEST(test_parsed_values_are_copied_as_they_were),
        TEST(test_writer_fails_beyond_its_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
