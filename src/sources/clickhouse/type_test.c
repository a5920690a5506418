#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "sources/clickhouse/type.h"

enum { ARENA_BYTES = 1 << 28 };

static enum tl_code parse(tl_arena *arena, const char *text, struct tl_clickhouse_type **type)
{
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code code = tl_clickhouse_type_parse(arena, tl_str_of(text), false, type, &err);
    assert_int_equal(code, err.code);
    return code;
}

static void check_mapped(const char *text, const char *expected)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_clickhouse_type *type;
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    assert_int_equal(parse(arena, text, &type), TL_OK);
    if (type->type.id != TL_TYPE_INVALID)
        tl_type_format_sql(&sql, &type->type);
    assert_string_equal(tl_buf_cstr(&sql), expected);
    tl_buf_done(&sql);
    tl_arena_free(arena);
}

static void test_nested_names_become_nested_types(void **state)
{
    (void)state;
    check_mapped("Map(LowCardinality(String), Array(Tuple(a UInt8, `b c` Nullable(Decimal(20, 4)))))",
                 "MAP(VARCHAR, STRUCT(a UTINYINT, \"b c\" DECIMAL(20,4))[])");
    check_mapped("SimpleAggregateFunction(groupArrayArray(10), Array(Nullable(String)))", "VARCHAR[]");
    check_mapped("Nested(a UInt8, b Nested(c String, d Point))",
                 "STRUCT(a UTINYINT, b STRUCT(c VARCHAR, d STRUCT(\"1\" DOUBLE, \"2\" DOUBLE))[])[]");
    check_mapped("Tuple(DateTime64(3, 'Asia/Tokyo'), Array(DateTime))",
                 "STRUCT(\"1\" TIMESTAMP WITH TIME ZONE, \"2\" TIMESTAMP[])");
}

static void test_what_has_no_meaning_here_has_no_type(void **state)
{
    (void)state;
    static const char *const texts[] = {"Tuple()",
                                        "QBit(Float32, 8)",
                                        "Array(NewType)",
                                        "Tuple(a UInt8, A String)",
                                        "JSON(max_dynamic_paths=8, a.b UInt32, SKIP c, SKIP REGEXP 'x)y')",
                                        "Map(String, Variant(UInt8, String))",
                                        "AggregateFunction(1, quantiles(0.5, 0.9), Array(Nullable(Float64)))",
                                        "Nullable(Array(UInt8))",
                                        "LowCardinality(Array(UInt8))",
                                        "LowCardinality(LowCardinality(String))",
                                        "Enum8('\\xFF' = 1)"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        check_mapped(texts[i], "");
}

static void test_enum_members_are_unescaped_and_ordered(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_clickhouse_type *type;
    assert_int_equal(
        parse(arena, "Enum8('z' = 3, 'it\\'s \\\\ \\n\\x41' = -128, 'doubled '' quote' = 0, '' = 127)", &type), TL_OK);
    assert_int_equal(type->member_count, 4);
    assert_int_equal(type->members[0].value, -128);
    assert_true(tl_str_equal(type->members[0].name, TL_STR("it's \\ \nA")));
    assert_true(tl_str_equal(tl_clickhouse_member_valued(type, 0)->name, TL_STR("doubled ' quote")));
    assert_null(tl_clickhouse_member_valued(type, 1));
    assert_int_equal(tl_clickhouse_member_named(type, TL_STR("z"))->value, 3);
    assert_int_equal(tl_clickhouse_member_named(type, TL_STR(""))->value, 127);
    assert_null(tl_clickhouse_member_named(type, TL_STR("Z")));
    tl_arena_free(arena);
}

static void test_strings_are_blobs_when_asked_for(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_clickhouse_type *type;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_clickhouse_type_parse(
                         arena, TL_STR("Tuple(a LowCardinality(String), b FixedString(4), c IPv4)"), true, &type, &err),
                     TL_OK);
    assert_int_equal(type->type.children[0].id, TL_TYPE_BLOB);
    assert_int_equal(type->type.children[1].id, TL_TYPE_BLOB);
    assert_int_equal(type->type.children[2].id, TL_TYPE_VARCHAR);
    tl_arena_free(arena);
}

static void test_what_is_no_type_name_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "(",
                                        "Array",
                                        "Array(",
                                        "Array()",
                                        "Array(UInt8",
                                        "Array(UInt8))",
                                        "UInt8 x",
                                        "Map(String)",
                                        "Map(String, String, String)",
                                        "Decimal(0, 0)",
                                        "Decimal(77, 0)",
                                        "Decimal(5, 6)",
                                        "Decimal(99999999999999999999, 1)",
                                        "DateTime64",
                                        "DateTime64(10)",
                                        "DateTime('x",
                                        "FixedString(0)",
                                        "FixedString(-1)",
                                        "Enum8()",
                                        "Enum8('a')",
                                        "Enum8('a' = 128)",
                                        "Enum16('a' = -32769)",
                                        "Enum8('a' = )",
                                        "Nested()x",
                                        "Tuple(a)(",
                                        "SimpleAggregateFunction(sum)",
                                        "AggregateFunction(sum, UInt8",
                                        "Variant('x"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        tl_arena *arena = tl_arena_new(ARENA_BYTES);
        struct tl_clickhouse_type *type;
        if (parse(arena, texts[i], &type) != TL_SOURCE_PROTOCOL)
            fail_msg("\"%s\" was taken", texts[i]);
        tl_arena_free(arena);
    }
}

static void test_depth_and_width_are_bounded(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_clickhouse_type *type;
    struct tl_buf text;
    tl_buf_init(&text, 1 << 20);
    for (int i = 0; i < 100000; i++)
        tl_buf_adds(&text, "Array(");
    assert_int_equal(parse(arena, tl_buf_cstr(&text), &type), TL_SOURCE_PROTOCOL);
    tl_buf_clear(&text);
    tl_buf_adds(&text, "Tuple(a0 UInt8");
    for (int i = 1; i <= TL_TYPE_CHILDREN_MAX; i++)
        tl_buf_addf(&text, ", a%d UInt8", i);
    tl_buf_addc(&text, ')');
    assert_int_equal(parse(arena, tl_buf_cstr(&text), &type), TL_SOURCE_PROTOCOL);
    tl_buf_done(&text);
    tl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nested_names_become_nested_types),
        cmocka_unit_test(test_what_has_no_meaning_here_has_no_type),
        cmocka_unit_test(test_enum_members_are_unescaped_and_ordered),
        cmocka_unit_test(test_strings_are_blobs_when_asked_for),
        cmocka_unit_test(test_what_is_no_type_name_is_refused),
        cmocka_unit_test(test_depth_and_width_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
