#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "data/types.h"

static tl_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = tl_arena_new(16 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static struct tl_type row_type(uint32_t count, const char *const *names, const struct tl_type *children)
{
    return (struct tl_type){.id = TL_TYPE_STRUCT, .child_count = count, .children = children, .child_names = names};
}

static struct tl_type sample_row(void)
{
    static const char *const names[] = {"a", "order", "B c"};
    static struct tl_type children[3];
    children[0] = tl_type_simple(TL_TYPE_INT32);
    children[1] = tl_type_decimal(12, 2);
    children[2] = tl_type_simple(TL_TYPE_VARCHAR);
    return row_type(3, names, children);
}

static void expect_spelling(struct tl_type type, const char *sql, const char *trino)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    tl_type_format_sql(&buf, &type);
    assert_string_equal(tl_buf_cstr(&buf), sql);
    tl_buf_clear(&buf);
    tl_type_format_trino(&buf, &type);
    assert_string_equal(tl_buf_cstr(&buf), trino);
    tl_buf_done(&buf);
}

static void test_every_simple_type_has_both_spellings(void **state)
{
    (void)state;
    expect_spelling(tl_type_simple(TL_TYPE_NULL), "\"NULL\"", "unknown");
    expect_spelling(tl_type_simple(TL_TYPE_BOOLEAN), "BOOLEAN", "boolean");
    expect_spelling(tl_type_simple(TL_TYPE_INT8), "TINYINT", "tinyint");
    expect_spelling(tl_type_simple(TL_TYPE_INT16), "SMALLINT", "smallint");
    expect_spelling(tl_type_simple(TL_TYPE_INT32), "INTEGER", "integer");
    expect_spelling(tl_type_simple(TL_TYPE_INT64), "BIGINT", "bigint");
    expect_spelling(tl_type_simple(TL_TYPE_INT128), "HUGEINT", "decimal(38, 0)");
    expect_spelling(tl_type_simple(TL_TYPE_UINT8), "UTINYINT", "smallint");
    expect_spelling(tl_type_simple(TL_TYPE_UINT16), "USMALLINT", "integer");
    expect_spelling(tl_type_simple(TL_TYPE_UINT32), "UINTEGER", "bigint");
    expect_spelling(tl_type_simple(TL_TYPE_UINT64), "UBIGINT", "decimal(20, 0)");
    expect_spelling(tl_type_simple(TL_TYPE_UINT128), "UHUGEINT", "decimal(38, 0)");
    expect_spelling(tl_type_simple(TL_TYPE_FLOAT), "FLOAT", "real");
    expect_spelling(tl_type_simple(TL_TYPE_DOUBLE), "DOUBLE", "double");
    expect_spelling(tl_type_decimal(38, 10), "DECIMAL(38,10)", "decimal(38, 10)");
    expect_spelling(tl_type_simple(TL_TYPE_VARCHAR), "VARCHAR", "varchar");
    expect_spelling(tl_type_simple(TL_TYPE_JSON), "JSON", "json");
    expect_spelling(tl_type_simple(TL_TYPE_BLOB), "BLOB", "varbinary");
    expect_spelling(tl_type_simple(TL_TYPE_UUID), "UUID", "uuid");
    expect_spelling(tl_type_simple(TL_TYPE_DATE), "DATE", "date");
    expect_spelling(tl_type_simple(TL_TYPE_TIME), "TIME", "time(6)");
    expect_spelling(tl_type_simple(TL_TYPE_TIMESTAMP), "TIMESTAMP", "timestamp(6)");
    expect_spelling(tl_type_simple(TL_TYPE_TIMESTAMP_NS), "TIMESTAMP_NS", "timestamp(9)");
    expect_spelling(tl_type_simple(TL_TYPE_TIMESTAMPTZ), "TIMESTAMP WITH TIME ZONE", "timestamp(6) with time zone");
    expect_spelling(tl_type_simple(TL_TYPE_INTERVAL), "INTERVAL", "interval day to second");
}

static void test_digits_of_the_second_show_in_trino_spelling(void **state)
{
    (void)state;
    struct tl_type type = tl_type_simple(TL_TYPE_TIMESTAMPTZ);
    type.scale = 3;
    expect_spelling(type, "TIMESTAMP WITH TIME ZONE", "timestamp(3) with time zone");
}

static void test_nested_types_spell_their_children(void **state)
{
    (void)state;
    struct tl_type row = sample_row();
    expect_spelling(tl_type_list(arena, row), "STRUCT(a INTEGER, \"order\" DECIMAL(12,2), \"B c\" VARCHAR)[]",
                    "array(row(a integer, \"order\" decimal(12, 2), \"B c\" varchar))");
    expect_spelling(tl_type_map(arena, tl_type_simple(TL_TYPE_VARCHAR), tl_type_list(arena, tl_type_simple(TL_TYPE_INT8))),
                    "MAP(VARCHAR, TINYINT[])", "map(varchar, array(tinyint))");
    static const char *const unnamed[] = {"", ""};
    expect_spelling(row_type(2, unnamed, row.children), "STRUCT(INTEGER, DECIMAL(12,2))", "row(integer, decimal(12, 2))");
}

static void test_quotes_in_field_names_are_doubled(void **state)
{
    (void)state;
    static const char *const names[] = {"say \"hi\""};
    struct tl_type child = tl_type_simple(TL_TYPE_DATE);
    expect_spelling(row_type(1, names, &child), "STRUCT(\"say \"\"hi\"\"\" DATE)", "row(\"say \"\"hi\"\"\" date)");
}

static void test_width_of_decimal_follows_its_precision(void **state)
{
    (void)state;
    static const struct {
        int precision;
        size_t width;
    } cases[] = {{1, 2}, {4, 2}, {5, 4}, {9, 4}, {10, 8}, {18, 8}, {19, 16}, {38, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tl_type type = tl_type_decimal(cases[i].precision, 0);
        assert_int_equal(tl_type_width(&type), cases[i].width);
    }
}

static void test_only_text_and_nested_types_have_no_width(void **state)
{
    (void)state;
    for (int id = TL_TYPE_NULL; id <= TL_TYPE_LAST; id++) {
        struct tl_type type = id == TL_TYPE_DECIMAL ? tl_type_decimal(10, 0) : tl_type_simple((enum tl_type_id)id);
        bool none = tl_type_is_text(&type) || id == TL_TYPE_LIST || id == TL_TYPE_STRUCT || id == TL_TYPE_MAP;
        assert_int_equal(tl_type_width(&type) == 0, none);
    }
}

static void test_equality_looks_at_everything(void **state)
{
    (void)state;
    struct tl_type a = sample_row(), b = tl_type_copy(arena, &a);
    assert_true(tl_type_equal(&a, &b));
    assert_ptr_not_equal(a.children, b.children);
    static const char *const other_names[] = {"a", "order", "c"};
    b.child_names = other_names;
    assert_false(tl_type_equal(&a, &b));
    struct tl_type x = tl_type_decimal(10, 2), y = tl_type_decimal(10, 3);
    assert_false(tl_type_equal(&x, &y));
}

static void expect_round_trip(struct tl_type type)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 20);
    tl_type_encode(&buf, &type);
    tl_buf_adds(&buf, "rest");
    struct tl_str bytes = {buf.data, buf.size};
    struct tl_type back;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_type_decode(arena, &bytes, &back, &err), TL_OK);
    assert_true(tl_type_equal(&type, &back));
    assert_true(tl_str_equal(bytes, TL_STR("rest")));
    /* Every shorter text is refused, none is believed. */
    for (size_t size = 0; size < buf.size - 4; size++) {
        struct tl_str cut = {buf.data, size};
        tl_err_init(&err);
        assert_int_equal(tl_type_decode(arena, &cut, &back, &err), TL_INTERNAL);
    }
    tl_buf_clear(&buf);
    tl_type_encode_hex(&buf, &type);
    assert_int_equal(tl_type_decode_hex(arena, tl_buf_cstr(&buf), &back, &err), TL_OK);
    assert_true(tl_type_equal(&type, &back));
    tl_buf_adds(&buf, "00");
    assert_int_equal(tl_type_decode_hex(arena, tl_buf_cstr(&buf), &back, &err), TL_STATE);
    buf.data[buf.size - 1] = 'x';
    assert_int_equal(tl_type_decode_hex(arena, tl_buf_cstr(&buf), &back, &err), TL_STATE);
    tl_buf_done(&buf);
}

static void test_binary_form_reads_back(void **state)
{
    (void)state;
    for (int id = TL_TYPE_NULL; id < TL_TYPE_LIST; id++)
        expect_round_trip(id == TL_TYPE_DECIMAL ? tl_type_decimal(38, 37) : tl_type_simple((enum tl_type_id)id));
    struct tl_type nanos = tl_type_simple(TL_TYPE_TIMESTAMP_NS);
    nanos.scale = 9;
    expect_round_trip(nanos);
    expect_round_trip(sample_row());
    expect_round_trip(tl_type_map(arena, tl_type_simple(TL_TYPE_VARCHAR), tl_type_list(arena, sample_row())));
}

static void expect_refused(const char *bytes, size_t size, const char *why)
{
    struct tl_str text = {bytes, size};
    struct tl_type type;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_type_decode(arena, &text, &type, &err), TL_INTERNAL);
    assert_non_null(strstr(err.message, why));
}

static void test_binary_form_refuses_nonsense(void **state)
{
    (void)state;
    const char zero[] = {0}, beyond[] = {TL_TYPE_LAST + 1}, decimal[] = {TL_TYPE_DECIMAL, 39, 0};
    const char wide_scale[] = {TL_TYPE_DECIMAL, 5, 6}, digits[] = {TL_TYPE_TIMESTAMP, 7};
    const char two[] = {TL_TYPE_LIST, 2, 0, 0, 0, TL_TYPE_DATE, TL_TYPE_DATE};
    const char name[] = {TL_TYPE_STRUCT, 1, 0, 0, 0, 2, 0, 0, 0, 'a', 0, TL_TYPE_DATE};
    const char bad_name[] = {TL_TYPE_STRUCT, 1, 0, 0, 0, 1, 0, 0, 0, (char)0xFF, TL_TYPE_DATE};
    const char none[] = {TL_TYPE_STRUCT, 0, 0, 0, 0, TL_TYPE_DATE};
    expect_refused(zero, sizeof zero, "unknown kind");
    expect_refused(beyond, sizeof beyond, "unknown kind");
    expect_refused(decimal, sizeof decimal, "no such precision");
    expect_refused(wide_scale, sizeof wide_scale, "no such precision");
    expect_refused(digits, sizeof digits, "too many digits");
    expect_refused(two, sizeof two, "wrong number of children");
    expect_refused(none, sizeof none, "wrong number of children");
    expect_refused(name, sizeof name, "not text");
    expect_refused(bad_name, sizeof bad_name, "not text");
}

static void test_binary_form_refuses_what_is_too_deep(void **state)
{
    (void)state;
    struct tl_type type = tl_type_simple(TL_TYPE_DATE);
    for (int i = 0; i < TL_TYPE_DEPTH_MAX; i++)
        type = tl_type_list(arena, type);
    expect_round_trip(type);
    struct tl_type deeper = tl_type_list(arena, type);
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    tl_type_encode(&buf, &deeper);
    expect_refused(buf.data, buf.size, "too deeply");
    tl_buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_simple_type_has_both_spellings),
        cmocka_unit_test(test_digits_of_the_second_show_in_trino_spelling),
        cmocka_unit_test(test_nested_types_spell_their_children),
        cmocka_unit_test(test_quotes_in_field_names_are_doubled),
        cmocka_unit_test(test_width_of_decimal_follows_its_precision),
        cmocka_unit_test(test_only_text_and_nested_types_have_no_width),
        cmocka_unit_test(test_equality_looks_at_everything),
        cmocka_unit_test(test_binary_form_reads_back),
        cmocka_unit_test(test_binary_form_refuses_nonsense),
        cmocka_unit_test(test_binary_form_refuses_what_is_too_deep),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
