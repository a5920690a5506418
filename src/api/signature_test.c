#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/api_int.h"

static void expect(const char *type, const char *signature)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 16);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    tl_api_put_signature(&json, type);
    assert_string_equal(tl_buf_cstr(&buf), signature);
    tl_buf_done(&buf);
}

static void test_plain_types_have_no_arguments(void **state)
{
    (void)state;
    expect("bigint", "{\"rawType\":\"bigint\",\"arguments\":[]}");
    expect("interval day to second", "{\"rawType\":\"interval day to second\",\"arguments\":[]}");
    expect("timestamp with time zone", "{\"rawType\":\"timestamp with time zone\",\"arguments\":[]}");
}

static void test_varchar_without_length_has_the_largest(void **state)
{
    (void)state;
    expect("varchar", "{\"rawType\":\"varchar\",\"arguments\":[{\"kind\":\"LONG\",\"value\":2147483647}]}");
    expect("varchar(20)", "{\"rawType\":\"varchar\",\"arguments\":[{\"kind\":\"LONG\",\"value\":20}]}");
}

static void test_numbers_are_long_arguments(void **state)
{
    (void)state;
    expect("decimal(12, 2)", "{\"rawType\":\"decimal\",\"arguments\":[{\"kind\":\"LONG\",\"value\":12},{\"kind\":\"LONG\",\"value\":2}]}");
}

static void test_the_time_zone_belongs_to_the_name(void **state)
{
    (void)state;
    expect("timestamp(6) with time zone", "{\"rawType\":\"timestamp with time zone\",\"arguments\":[{\"kind\":\"LONG\",\"value\":6}]}");
}

static void test_nested_types_are_type_arguments(void **state)
{
    (void)state;
    expect("array(map(integer, timestamp(3) with time zone))",
           "{\"rawType\":\"array\",\"arguments\":[{\"kind\":\"TYPE\",\"value\":{\"rawType\":\"map\",\"arguments\":["
           "{\"kind\":\"TYPE\",\"value\":{\"rawType\":\"integer\",\"arguments\":[]}},"
           "{\"kind\":\"TYPE\",\"value\":{\"rawType\":\"timestamp with time zone\",\"arguments\":[{\"kind\":\"LONG\",\"value\":3}]}}]}}]}");
}

static void test_row_fields_are_named(void **state)
{
    (void)state;
    expect("row(x integer, \"a \"\"b\" decimal(3, 1))",
           "{\"rawType\":\"row\",\"arguments\":[{\"kind\":\"NAMED_TYPE\",\"value\":{\"fieldName\":{\"name\":\"x\"},\"typeSignature\":"
           "{\"rawType\":\"integer\",\"arguments\":[]}}},{\"kind\":\"NAMED_TYPE\",\"value\":{\"fieldName\":{\"name\":\"a \\\"b\"},"
           "\"typeSignature\":{\"rawType\":\"decimal\",\"arguments\":[{\"kind\":\"LONG\",\"value\":3},{\"kind\":\"LONG\",\"value\":1}]}}}]}");
    expect("row(integer)", "{\"rawType\":\"row\",\"arguments\":[{\"kind\":\"NAMED_TYPE\",\"value\":{\"typeSignature\":"
                           "{\"rawType\":\"integer\",\"arguments\":[]}}}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_types_have_no_arguments),
        cmocka_unit_test(test_varchar_without_length_has_the_largest),
        cmocka_unit_test(test_numbers_are_long_arguments),
        cmocka_unit_test(test_the_time_zone_belongs_to_the_name),
        cmocka_unit_test(test_nested_types_are_type_arguments),
        cmocka_unit_test(test_row_fields_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
