/* Types, values and transforms: the examples of Iceberg's specification, and the forms of bounds. */
#include "lake/type.h"
#include "lake/world_testing_int.h"

static struct tl_lake_type type_of(struct world *world, const char *text)
{
    struct tl_lake_type type;
    assert_int_equal(tl_lake_type_parse(text, &type, &world->err), TL_OK);
    return type;
}

static struct tl_lake_value value_of(struct world *world, const struct tl_lake_type *type, const char *json)
{
    struct tl_lake_value value;
    assert_int_equal(tl_lake_value_parse(world->arena, type, parse(world, json), &value, &world->err), TL_OK);
    return value;
}

static struct tl_lake_transform transform_of(struct world *world, const char *text)
{
    struct tl_lake_spec spec;
    const char *json = tl_arena_printf(world->arena, "{\"spec-id\":1,\"fields\":[{\"name\":\"p\",\"transform\":\"%s\",\"source-id\":1}]}", text);
    assert_int_equal(tl_lake_spec_describe(world->arena, parse(world, json), &spec, &world->err), TL_OK);
    return spec.fields[0].transform;
}

static void expect_transform(struct world *world, const char *transform_text, const char *type_text, const char *value_text, const char *shown)
{
    struct tl_lake_type type = type_of(world, type_text), result_type;
    struct tl_lake_transform transform = transform_of(world, transform_text);
    struct tl_lake_value value = value_of(world, &type, value_text), result;
    struct tl_buf buf;
    tl_buf_init(&buf, 1000);
    assert_true(tl_lake_transform_type(&transform, &type, &result_type));
    tl_lake_transform_apply(&transform, &type, &value, &result);
    tl_lake_transform_format(&buf, &transform, &type, &result);
    if (strcmp(tl_buf_cstr(&buf), shown) != 0)
        fail_msg("%s of %s %s is %s, not %s", transform_text, type_text, value_text, tl_buf_cstr(&buf), shown);
    tl_buf_done(&buf);
}

static uint32_t hash_of(struct world *world, const char *type_text, const char *value_text)
{
    /* the largest number of buckets keeps the whole hash but its sign */
    struct tl_lake_type type = type_of(world, type_text);
    struct tl_lake_transform transform = transform_of(world, "bucket[2147483647]");
    struct tl_lake_value value = value_of(world, &type, value_text), result;
    tl_lake_transform_apply(&transform, &type, &value, &result);
    return (uint32_t)result.integer;
}

static void test_texts_that_are_no_type_are_refused(void **state)
{
    static const char *const texts[] = {"", "integer", "int(1)", "decimal", "decimal()", "decimal(39, 2)", "decimal(5, 6)", "decimal(5, 2]", "fixed",
                                        "fixed[]", "fixed[0]", "fixed[2147483648]", "fixed(4)", "geometry(", "geometry()", "geometry(x", "struct", "list"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tl_lake_type type;
        struct tl_err err;
        tl_err_init(&err);
        if (tl_lake_type_parse(texts[i], &type, &err) != TL_INVALID_ARGUMENT)
            fail_msg("\"%s\" is taken", texts[i]);
    }
}

static void test_hashes_are_those_of_the_specification(void **state)
{
    struct world *world = *state;
    assert_int_equal(hash_of(world, "int", "34"), 2017239379);
    assert_int_equal(hash_of(world, "long", "34"), 2017239379);
    assert_int_equal(hash_of(world, "decimal(4, 2)", "\"14.20\""), -500754589 & INT32_MAX);
    assert_int_equal(hash_of(world, "date", "\"2017-11-16\""), -653330422 & INT32_MAX);
    assert_int_equal(hash_of(world, "time", "\"22:31:08\""), -662762989 & INT32_MAX);
    assert_int_equal(hash_of(world, "timestamp", "\"2017-11-16T22:31:08\""), -2047944441 & INT32_MAX);
    assert_int_equal(hash_of(world, "timestamp", "\"2017-11-16T22:31:08.000001\""), -1207196810 & INT32_MAX);
    assert_int_equal(hash_of(world, "timestamptz", "\"2017-11-16T14:31:08-08:00\""), -2047944441 & INT32_MAX);
    assert_int_equal(hash_of(world, "timestamp_ns", "\"2017-11-16T22:31:08.000001001\""), -1207196810 & INT32_MAX);
    assert_int_equal(hash_of(world, "string", "\"iceberg\""), 1210000089);
    assert_int_equal(hash_of(world, "uuid", "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\""), 1488055340);
    assert_int_equal(hash_of(world, "fixed[4]", "\"00010203\""), -188683207 & INT32_MAX);
    assert_int_equal(hash_of(world, "binary", "\"00010203\""), -188683207 & INT32_MAX);
}

static void test_transforms_are_those_of_the_specification(void **state)
{
    struct world *world = *state;
    expect_transform(world, "truncate[10]", "int", "1", "0");
    expect_transform(world, "truncate[10]", "int", "-1", "-10");
    expect_transform(world, "truncate[10]", "long", "-9223372036854775808", "-9223372036854775808");
    expect_transform(world, "truncate[50]", "decimal(9, 2)", "\"10.65\"", "10.50");
    expect_transform(world, "truncate[3]", "string", "\"iceberg\"", "ice");
    expect_transform(world, "truncate[3]", "string", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z\"", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    expect_transform(world, "truncate[2]", "binary", "\"000102\"", "0001");
    expect_transform(world, "year", "date", "\"2026-11-24\"", "2026");
    expect_transform(world, "year", "date", "\"1969-12-31\"", "1969");
    expect_transform(world, "month", "timestamp", "\"2026-11-24T13:00:00\"", "2026-11");
    expect_transform(world, "month", "timestamptz", "\"1969-12-31T23:59:59.999999Z\"", "1969-12");
    expect_transform(world, "day", "timestamp", "\"1969-12-31T23:59:59.999999\"", "1969-12-31");
    expect_transform(world, "day", "timestamp_ns", "\"2026-11-24T13:00:00.123456789\"", "2026-11-24");
    expect_transform(world, "day", "date", "\"2026-11-24\"", "2026-11-24");
    expect_transform(world, "hour", "timestamp", "\"1969-12-31T23:59:59\"", "1969-12-31-23");
    expect_transform(world, "hour", "timestamptz", "\"2026-11-24T13:59:00+02:00\"", "2026-11-24-11");
    expect_transform(world, "identity", "boolean", "true", "true");
    expect_transform(world, "identity", "double", "0.1", "0.1");
    expect_transform(world, "identity", "float", "0.5", "0.5");
    expect_transform(world, "identity", "string", "null", "null");
    expect_transform(world, "void", "int", "7", "null");
    expect_transform(world, "bucket[16]", "string", "null", "null");
}

static void test_transforms_of_unsuitable_types_are_refused(void **state)
{
    static const char *const pairs[][2] = {
        {"bucket[4]", "double"}, {"bucket[4]", "boolean"}, {"truncate[4]", "date"}, {"hour", "date"}, {"day", "string"},
        {"year", "time"}, {"zorder", "int"}, {"bucket[0]", "int"}, {"truncate[-1]", "int"}, {"identity", "variant"},
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct tl_lake_transform transform = transform_of(world, pairs[i][0]);
        struct tl_lake_type type = type_of(world, pairs[i][1]), result;
        assert_false(tl_lake_transform_type(&transform, &type, &result));
    }
}

static void test_values_survive_the_binary_form(void **state)
{
    static const char *const cases[][2] = {
        {"boolean", "true"}, {"int", "-7"}, {"long", "9223372036854775807"}, {"float", "0.25"}, {"double", "-1e300"},
        {"date", "\"0001-01-01\""}, {"time", "\"23:59:59.999999\""}, {"timestamp", "\"2026-11-24T13:00:00.000001\""},
        {"timestamptz_ns", "\"2026-11-24T13:00:00.000000001+00:00\""}, {"string", "\"\xc3\xa4\""}, {"binary", "\"\""}, {"fixed[2]", "\"abcd\""},
        {"uuid", "\"f79c3e09-677c-4bbd-a479-3f349cb785e7\""}, {"decimal(38, 3)", "\"-99999999999999999999999999999999999.999\""},
        {"decimal(9, 2)", "\"0.00\""}, {"decimal(9, 2)", "\"-1.28\""}, {"decimal(9, 2)", "\"1.28\""},
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tl_lake_type type = type_of(world, cases[i][0]);
        struct tl_lake_value value = value_of(world, &type, cases[i][1]), back;
        struct tl_buf bytes, shown, again;
        tl_buf_init(&bytes, 1000);
        tl_buf_init(&shown, 1000);
        tl_buf_init(&again, 1000);
        tl_lake_value_encode(&bytes, &type, &value);
        assert_true(tl_lake_value_decode(&type, (struct tl_str){bytes.data, bytes.size}, &back));
        assert_int_equal(tl_lake_value_compare(&type, &value, &back), 0);
        tl_lake_value_format(&shown, &type, &value);
        tl_lake_value_format(&again, &type, &back);
        assert_string_equal(tl_buf_cstr(&shown), tl_buf_cstr(&again));
        if (cases[i][1][0] == '"')
            assert_true(strncmp(tl_buf_cstr(&shown), cases[i][1] + 1, strlen(cases[i][1]) - 2) == 0);
        tl_buf_done(&bytes);
        tl_buf_done(&shown);
        tl_buf_done(&again);
    }
}

static void test_bounds_of_a_type_before_it_was_widened_are_read(void **state)
{
    struct world *world = *state;
    struct tl_lake_type wide = type_of(world, "long"), real = type_of(world, "double");
    struct tl_lake_value value;
    int32_t small = -5;
    float quarter = 0.25F;
    assert_true(tl_lake_value_decode(&wide, (struct tl_str){(const char *)&small, 4}, &value));
    assert_true(value.integer == -5);
    assert_true(tl_lake_value_decode(&real, (struct tl_str){(const char *)&quarter, 4}, &value));
    assert_true(value.number > 0.24 && value.number < 0.26);
    assert_false(tl_lake_value_decode(&wide, TL_STR("abc"), &value));
    assert_false(tl_lake_value_decode(&real, TL_STR(""), &value));
    struct tl_lake_type decimal = type_of(world, "decimal(38, 0)");
    assert_false(tl_lake_value_decode(&decimal, TL_STR("12345678901234567"), &value));
    assert_false(tl_lake_value_decode(&decimal, TL_STR(""), &value));
}

static void test_order_is_that_of_the_type(void **state)
{
    static const char *const cases[][3] = {
        {"int", "-1", "1"}, {"double", "-1.5", "0.5"}, {"decimal(5, 2)", "\"-1.00\"", "\"0.99\""}, {"string", "\"a\"", "\"aa\""},
        {"string", "\"z\"", "\"\xc3\xa4\""}, {"binary", "\"7f\"", "\"80\""}, {"date", "\"1969-01-01\"", "\"1970-01-01\""},
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tl_lake_type type = type_of(world, cases[i][0]);
        struct tl_lake_value low = value_of(world, &type, cases[i][1]), high = value_of(world, &type, cases[i][2]);
        assert_true(tl_lake_value_compare(&type, &low, &high) < 0);
        assert_true(tl_lake_value_compare(&type, &high, &low) > 0);
        assert_int_equal(tl_lake_value_compare(&type, &low, &low), 0);
    }
}

static void test_values_that_are_none_of_the_type_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"int", "2147483648"}, {"int", "\"7\""}, {"int", "1.5"}, {"boolean", "1"}, {"date", "\"2026-13-01\""}, {"date", "\"\""},
        {"date", "\"2026-1-1\""}, {"time", "\"24:00:00\""}, {"timestamp", "\"2026-11-24\""}, {"timestamptz", "\"2026-11-24T00:00:00\""},
        {"timestamp_ns", "\"9999-01-01T00:00:00\""}, {"decimal(5, 2)", "\"1.234\""}, {"decimal(5, 2)", "\"x\""}, {"decimal(5, 2)", "\"\""},
        {"uuid", "\"f79c3e09\""}, {"binary", "\"0\""}, {"binary", "\"0g\""}, {"string", "7"}, {"long", "true"}, {"date", "\"2026-11-24x\""},
        {"timestamp", "\"2026-11-24T00:00:00Z\""}, {"timestamptz", "\"2026-11-24T00:00:00+\""},
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tl_lake_type type = type_of(world, cases[i][0]);
        struct tl_lake_value value;
        tl_err_init(&world->err);
        if (tl_lake_value_parse(world->arena, &type, parse(world, cases[i][1]), &value, &world->err) != TL_INVALID_ARGUMENT)
            fail_msg("%s is taken as %s", cases[i][1], cases[i][0]);
    }
}

static void test_values_are_read_from_the_engines_texts(void **state)
{
    static const char *const cases[][2] = {
        {"boolean", "false"}, {"int", "-7"}, {"double", "0.25"}, {"date", "2026-11-24"}, {"decimal(10, 2)", "-1.50"}, {"string", ""},
        {"uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7"}, {"time", "23:59:59"}, {"long", "9223372036854775807"},
    };
    struct world *world = *state;
    struct tl_lake_value value;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tl_lake_type type = type_of(world, cases[i][0]);
        struct tl_buf buf;
        tl_buf_init(&buf, 1000);
        assert_true(tl_lake_value_from_text(world->arena, &type, cases[i][1], &value));
        tl_lake_value_format(&buf, &type, &value);
        assert_string_equal(tl_buf_cstr(&buf), cases[i][1]);
        tl_buf_done(&buf);
    }
    struct tl_lake_type zoned = type_of(world, "timestamptz"), whole = type_of(world, "int"), real = type_of(world, "float");
    assert_true(tl_lake_value_from_text(world->arena, &zoned, "1970-01-01 01:00:00.5+01", &value));
    assert_int_equal(value.integer, 500000);
    assert_false(tl_lake_value_from_text(world->arena, &whole, "", &value));
    assert_false(tl_lake_value_from_text(world->arena, &whole, "1.5", &value));
    assert_false(tl_lake_value_from_text(world->arena, &real, "nan", &value));
    assert_false(tl_lake_value_from_text(world->arena, &whole, NULL, &value));
}

static void test_a_schema_is_described_with_every_nested_field(void **state)
{
    static const char text[] =
        "{\"schema-id\":3,\"type\":\"struct\",\"fields\":["
        "{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\",\"doc\":\"key\",\"initial-default\":7},"
        "{\"id\":9,\"name\":\"a.b\",\"required\":false,\"type\":\"string\"},"
        "{\"id\":2,\"name\":\"a\",\"required\":false,\"type\":{\"type\":\"struct\",\"fields\":["
        "{\"id\":5,\"name\":\"c\",\"required\":false,\"type\":\"decimal(10,2)\"}]}},"
        "{\"id\":3,\"name\":\"l\",\"required\":false,\"type\":{\"type\":\"list\",\"element-id\":6,\"element\":\"int\",\"element-required\":true}},"
        "{\"id\":4,\"name\":\"m\",\"required\":false,\"type\":{\"type\":\"map\",\"key-id\":7,\"key\":\"string\",\"value-id\":8,"
        "\"value\":\"fixed[4]\",\"value-required\":false}}]}";
    struct world *world = *state;
    struct tl_lake_schema schema;
    assert_int_equal(tl_lake_schema_describe(world->arena, parse(world, text), &schema, &world->err), TL_OK);
    assert_int_equal(schema.id, 3);
    assert_int_equal(schema.root.count, 5);
    assert_int_equal(schema.by_id_count, 9);
    assert_true(schema.root.fields[0].required);
    assert_string_equal(tl_json_get_text(schema.root.fields[0].json, "doc"), "key");
    assert_int_equal(tl_lake_schema_find(&schema, "a.b")->id, 9);
    assert_int_equal(tl_lake_schema_find(&schema, "a.c")->id, 5);
    assert_int_equal(tl_lake_schema_find(&schema, "l.element")->id, 6);
    assert_int_equal(tl_lake_schema_find(&schema, "m.value")->type.size, 4);
    assert_null(tl_lake_schema_find(&schema, "a.d"));
    assert_null(tl_lake_schema_find(&schema, "A"));
    assert_int_equal(tl_lake_schema_field(&schema, 5)->type.scale, 2);
    assert_null(tl_lake_schema_field(&schema, 10));
    assert_null(tl_lake_schema_field(&schema, 0));
    assert_true(tl_lake_schema_field(&schema, 6)->required);
    assert_true(tl_lake_schema_field(&schema, 7)->required);
}

static void test_specs_and_orders_of_every_version_are_described(void **state)
{
    struct world *world = *state;
    struct tl_lake_spec spec;
    struct tl_lake_order order;
    assert_int_equal(tl_lake_spec_describe(world->arena, parse(world, "{\"fields\":[{\"name\":\"a\",\"transform\":\"day\",\"source-id\":4},"
                     "{\"name\":\"b\",\"transform\":\"bucket[16]\",\"source-ids\":[5],\"field-id\":1007}]}"), &spec, &world->err), TL_OK);
    assert_int_equal(spec.id, 0);
    assert_int_equal(spec.fields[0].field_id, 1000);
    assert_int_equal(spec.fields[1].source_id, 5);
    assert_int_equal(spec.fields[1].transform.parameter, 16);
    assert_int_equal(spec.fields[1].field_id, 1007);
    assert_int_equal(tl_lake_order_describe(world->arena, parse(world, "{\"order-id\":2,\"fields\":[{\"transform\":\"identity\",\"source-id\":1,"
                     "\"direction\":\"desc\",\"null-order\":\"nulls-last\"}]}"), &order, &world->err), TL_OK);
    assert_int_equal(order.id, 2);
    assert_true(order.fields[0].descending && order.fields[0].nulls_last);
    assert_int_equal(tl_lake_spec_describe(world->arena, parse(world, "{\"fields\":[{\"name\":\"a\"}]}"), &spec, &world->err), TL_INVALID_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_texts_that_are_no_type_are_refused),
        TEST(test_hashes_are_those_of_the_specification),
        TEST(test_transforms_are_those_of_the_specification),
        TEST(test_transforms_of_unsuitable_types_are_refused),
        TEST(test_values_survive_the_binary_form),
        TEST(test_bounds_of_a_type_before_it_was_widened_are_read),
        TEST(test_order_is_that_of_the_type),
        TEST(test_values_that_are_none_of_the_type_are_refused),
        TEST(test_values_are_read_from_the_engines_texts),
        TEST(test_a_schema_is_described_with_every_nested_field),
        TEST(test_specs_and_orders_of_every_version_are_described),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
