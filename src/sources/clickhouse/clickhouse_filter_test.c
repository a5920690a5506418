/* Pushed filters and orders against the truth: a real server's rows, and what the engine means worked out row by
 * row. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sources/clickhouse/spell.h"
#include "sources/clickhouse/test_truth.h"

enum { ROWS = 600, RANDOM_FILTERS = 300, POOL_VALUES = 10 };

static struct test_server server;
static tl_arena *world_arena;
static tl_source *source;
static const struct tl_source_dataset *dataset;
static struct tl_chunk *world; /* all rows, ordered by id (column 0) */
static uint64_t random_state = 88172645463325252U;

static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 2685821657736338717U;
}

static size_t random_below(size_t limit)
{
    return random_next() % limit;
}

/* Small pools, so that comparisons meet equal values; small granules and many keys, so that ClickHouse's index takes
 * part. */
static const char table_columns[] =
    "id UInt32, i8 Int8, i64 Int64, ni Nullable(Int32), u64 UInt64, i128 Int128, f Float64, nf Nullable(Float32), dec "
    "Decimal(9, 2),"
    " ndec Nullable(Decimal(30, 4)), s String, s2 String, ns Nullable(String), lc LowCardinality(String), lcn "
    "LowCardinality(Nullable(String)),"
    " fs FixedString(4), e Enum8('b' = 1, 'a' = 2, '' = 3), d Date, nd Nullable(Date), d32 Date32, dt DateTime, dtz "
    "DateTime('Europe/Berlin'),"
    " dt1 DateTime64(1), dt3 DateTime64(3), dt8 DateTime64(8), ndt Nullable(DateTime64(6, 'Asia/Tokyo')), b Bool, nb "
    "Nullable(Bool), u UUID,"
    " ip4 IPv4, ip6 IPv6, lcu LowCardinality(UInt16), a Array(UInt8), i8b Int8, u128 UInt128";

static const char table_rows[] =
    "SELECT number AS id, toInt8(h1 % 7 - 3), [0, -1, 9223372036854775807, -9223372036854775807, 12345678901][h2 % 5 + "
    "1],"
    " if(h3 % 4 = 0, NULL, toInt32(h3 % 9 - 4)), [0, 18446744073709551615, 9223372036854775808, 7][h4 % 4 + 1],"
    " toInt128(h5 % 5) * toInt128('100000000000000000000') - toInt128('200000000000000000000'),"
    " [0., -0., nan, inf, -inf, 0.1, -1.5, 1e300, 5e-324, 3.][h6 % 10 + 1],"
    " if(h7 % 5 = 0, NULL, [toFloat32(0.1), toFloat32(nan), toFloat32(-2.5), toFloat32(7)][h7 % 4 + 1]), "
    "toDecimal32(toString(h8 % 7 - 3.5), 2),"
    " if(h9 % 5 = 0, NULL, toDecimal128(concat(toString(h9 % 4), '0000000000.0001'), 4)),"
    " texts[h10 % length(texts) + 1], texts[h11 % length(texts) + 1], if(h12 % 4 = 0, NULL, texts[h12 % length(texts) "
    "+ 1]),"
    " texts[h13 % length(texts) + 1], if(h14 % 4 = 0, NULL, texts[h14 % length(texts) + 1]), ['', 'a', 'ab', 'abcd', "
    "'b'][h15 % 5 + 1],"
    " ['b', 'a', ''][h16 % 3 + 1], toDate(h17 % 5 * 13000), if(h18 % 3 = 0, NULL, toDate(19000 + h18 % 4)), "
    "toDate32('1900-01-01') + h19 % 5 * 36000,"
    " toDateTime(h20 % 5 * 1000000000), toDateTime(1719828000 + h1 % 3), toDateTime64('2024-07-01 12:00:00.1', 1) + h2 "
    "% 3,"
    " [toDateTime64('1900-01-01 00:00:00.5', 3), toDateTime64('2024-07-01 12:00:00.123', 3), toDateTime64('2299-12-30 "
    "23:59:59.999', 3),"
    "  toDateTime64('1969-12-31 23:59:59.999', 3)][h3 % 4 + 1],"
    " [toDateTime64('1969-12-31 23:59:59.12345678', 8), toDateTime64('2262-01-01 00:00:00', 8), "
    "toDateTime64('2024-07-01 12:00:00.00000001', 8)][h4 % 3 + 1],"
    " if(h5 % 4 = 0, NULL, toDateTime64('2024-07-01 12:00:00.123456', 6) + h5 % 3), h6 % 2 = 0, if(h7 % 3 = 0, NULL, "
    "h7 % 2 = 0),"
    " toUUID(concat('0000000', toString(h8 % 4), '-0000-0000-8000-00000000000', toString(h9 % 3))), "
    "toIPv4(concat('10.0.0.', toString(h10 % 4))),"
    " ['::1', '2001:db8::1', '::ffff:1.2.3.4'][h11 % 3 + 1], h12 % 4 * 1000, range(h13 % 3), toInt8(h14 % 7 - 3),"
    " toUInt128(h15 % 3) * toUInt128('170141183460469231731687303715884105728')"
    " FROM (SELECT number, ['', 'a', 'ab', 'b', 'B', 'a text of more than 12 bytes', 'it''s \\\\ \"q\" `b`', "
    "'gr\\xC3\\xBC\\xC3\\x9Fe', '\\n', 'a\\0b', '%_', '\\xF0\\x9F\\x90\\x8A'] AS texts";

static void make_table(tl_arena *arena, const char *name, const char *key, int granularity)
{
    struct tl_buf insert;
    tl_buf_init(&insert, 64 * 1024);
    tl_buf_addf(&insert, "INSERT INTO t.%s ", name);
    tl_buf_adds(&insert, table_rows);
    for (int i = 1; i <= 20; i++)
        tl_buf_addf(&insert, ", toInt64(sipHash64(number, %d) %% 1000003) AS h%d", i, i);
    tl_buf_addf(&insert, " FROM numbers(%d))", (int)ROWS);
    test_run(&server, tl_arena_printf(arena,
                                      "CREATE TABLE t.%s (%s) ENGINE = MergeTree ORDER BY (%s)"
                                      " SETTINGS index_granularity = %d, allow_nullable_key = 1",
                                      name, table_columns, key, granularity));
    test_run(&server, tl_buf_cstr(&insert));
    tl_buf_done(&insert);
}

static enum tl_code read_chunk(tl_arena *arena, const struct tl_scan_request *request, struct tl_chunk *chunk,
                               struct tl_err *err)
{
    const struct tl_source_driver *driver = &tl_source_driver_clickhouse;
    tl_scan *scan;
    tl_scan_part *part;
    int parts;
    enum tl_code code = driver->scan_open(source, request, 1, NULL, arena, &scan, &parts, err);
    if (code != TL_OK)
        return code;
    code = driver->part_open(scan, NULL, &part, err);
    if (code == TL_OK)
        code = driver->part_next(part, chunk, NULL, err);
    driver->part_close(part);
    driver->scan_close(scan, NULL);
    return code;
}

static void read_world(void)
{
    dataset = test_describe(source, world_arena, "t", "by_id");
    size_t count = dataset->column_count;
    int *columns = TL_NEW_ARRAY(world_arena, int, count);
    const struct tl_type **types = TL_NEW_ARRAY(world_arena, const struct tl_type *, count);
    for (size_t i = 0; i < count; i++) {
        columns[i] = (int)i;
        types[i] = &dataset->columns[i].type;
    }
    struct tl_scan_order *order = TL_NEW(world_arena, struct tl_scan_order);
    struct tl_scan_request request = {
        .dataset = dataset, .column_count = count, .columns = columns, .limit = ROWS, .order_count = 1, .order = order};
    struct tl_err err;
    tl_err_init(&err);
    world = tl_chunk_new(world_arena, types, count);
    if (read_chunk(world_arena, &request, world, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    assert_int_equal(world->row_count, ROWS);
}

static int column_named(const char *name)
{
    for (size_t i = 0; i < dataset->column_count; i++)
        if (tl_streq(dataset->columns[i].name, name))
            return (int)i;
    fail_msg("no column %s", name);
    return -1;
}

/* Rows by the filter, as ids; their text for messages. */
static bool *filtered(tl_arena *arena, const char *table, const struct tl_expr *expr, const char **ret_text)
{
    struct tl_source_dataset here = *dataset;
    here.name = table;
    int column = 0;
    struct tl_scan_request request = {
        .dataset = &here, .column_count = 1, .columns = &column, .filter_count = 1, .filters = &expr, .limit = -1};
    struct test_rows rows;
    struct tl_scan_stats stats;
    struct tl_err err;
    tl_err_init(&err);
    if (test_scan(source, arena, &request, NULL, &rows, &stats, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    bool *got = TL_NEW_ARRAY(arena, bool, ROWS);
    for (size_t i = 0; i < rows.row_count; i++)
        got[strtol(rows.cells[i], NULL, 10)] = true;
    *ret_text = stats.text;
    return got;
}

/* Returns whether it was pushed.  When it was, the rows must be those of the truth. */
static bool check(const char *table, const struct tl_expr *expr)
{
    const char *reason = NULL, *text;
    if (!tl_source_driver_clickhouse.can_push(source, dataset, expr, &reason)) {
        assert_non_null(reason);
        return false;
    }
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    const bool *got = filtered(arena, table, expr, &text);
    for (size_t row = 0; row < ROWS; row++)
        if (got[row] != (test_truth(world, row, expr) == TEST_TRUE))
            fail_msg("row %zu %s, by: %s", row, got[row] ? "came and should not have" : "did not come", text);
    tl_arena_free(arena);
    return true;
}

/* Values of the type that no row has, or that are hard to say. */
static bool special(const struct tl_type *type, size_t which, struct tl_value *value)
{
    static const char *const texts[] = {"\\", "'", "A", "abcde", "a\t", "zzz"};
    static const double numbers[] = {NAN, INFINITY, -INFINITY, 0.30000000000000004, -0.0, 1e-310};
    static const int64_t integers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1719835200123456};
    *value = (struct tl_value){.type = *type};
    which %= 6;
    if (tl_type_is_text(type))
        value->as.text = tl_str_of(texts[which]);
    else if (type->id == TL_TYPE_FLOAT)
        value->as.number = (double)(float)numbers[which];
    else if (type->id == TL_TYPE_DOUBLE)
        value->as.number = numbers[which];
    else if (type->id == TL_TYPE_INT64 || type->id == TL_TYPE_TIMESTAMP || type->id == TL_TYPE_TIMESTAMPTZ ||
             type->id == TL_TYPE_TIMESTAMP_NS)
        value->as.int64 = integers[which];
    else if (type->id == TL_TYPE_DATE)
        value->as.int64 = (int64_t[]){0, -1, -25567, 120529, 65535, 65536}[which];
    else
        return false;
    return true;
}

static struct tl_value constant_for(int column)
{
    struct tl_value value;
    const struct tl_type *type = &dataset->columns[column].type;
    if (random_below(3) == 0 && special(type, random_next(), &value))
        return value;
    value = test_value(&world->columns[column], random_below(ROWS));
    bool time = type->id == TL_TYPE_TIMESTAMP || type->id == TL_TYPE_TIMESTAMPTZ || type->id == TL_TYPE_TIMESTAMP_NS;
    if (time && !value.is_null && random_below(2) == 0)
        value.as.int64 += (int64_t)random_below(2000001) - 1000000; /* between two ticks of the column */
    return value;
}

static const char *const tables[] = {"by_id", "by_time", "by_text", "by_number"};

/* All comparisons of some columns with values of theirs and special ones; each column must have been pushed at least
 * once. */
static void check_comparisons(const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
        int column = column_named(names[i]), pushed = 0;
        for (int k = 0; k < POOL_VALUES; k++) {
            struct tl_value value;
            if (k % 2 == 0 || !special(&dataset->columns[column].type, (size_t)k, &value))
                value = constant_for(column);
            for (enum tl_expr_kind kind = TL_EXPR_EQ; kind <= TL_EXPR_GE; kind++) {
                struct tl_expr *sides[] = {test_column(arena, dataset, column), test_constant(arena, value)};
                struct tl_expr *turned[] = {sides[1], sides[0]};
                pushed += check(tables[random_below(4)], test_expr(arena, kind, 2, random_below(2) ? sides : turned));
            }
        }
        if (pushed == 0)
            fail_msg("no comparison of %s was pushed", names[i]);
        tl_arena_free(arena);
    }
}

#define COMPARISONS_TEST(name, ...)                                                                                    \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        static const char *const names[] = {__VA_ARGS__, NULL};                                                        \
        check_comparisons(names);                                                                                      \
    }

COMPARISONS_TEST(test_integer_filters_equal_the_truth, "i8", "i64", "ni", "u64", "i128", "lcu", "u128")
COMPARISONS_TEST(test_float_filters_equal_the_truth, "f", "nf")
COMPARISONS_TEST(test_decimal_filters_equal_the_truth, "dec", "ndec")
COMPARISONS_TEST(test_date_filters_equal_the_truth, "d", "nd", "d32")
COMPARISONS_TEST(test_time_filters_equal_the_truth, "dt", "dtz", "dt1", "dt3", "dt8", "ndt")
COMPARISONS_TEST(test_text_filters_equal_the_truth, "s", "ns", "lc", "lcn", "fs")
COMPARISONS_TEST(test_enum_filters_equal_the_truth, "e")
COMPARISONS_TEST(test_address_filters_equal_the_truth, "ip4", "ip6")
COMPARISONS_TEST(test_uuid_filters_equal_the_truth, "u")

static struct tl_expr *random_list(tl_arena *arena, int column)
{
    struct tl_expr *children[8];
    size_t count = 2 + random_below(5);
    children[0] = test_column(arena, dataset, column);
    for (size_t i = 1; i < count; i++)
        children[i] = test_constant(arena, constant_for(column));
    return test_expr(arena, TL_EXPR_IN, count, children);
}

static void test_lists_equal_the_truth(void **state)
{
    (void)state;
    int pushed = 0;
    for (size_t i = 0; i < dataset->column_count; i++) {
        tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
        for (int k = 0; k < 6 && !tl_streq(dataset->columns[i].name, "a"); k++) {
            struct tl_expr *list = random_list(arena, (int)i);
            pushed += check(tables[random_below(4)], list);
            pushed += check(tables[random_below(4)], test_expr(arena, TL_EXPR_NOT, 1, &list));
        }
        tl_arena_free(arena);
    }
    assert_true(pushed > 100);
}

static void test_a_list_of_thousands_is_pushed(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct tl_expr *children[15001];
    int column = column_named("dt3");
    children[0] = test_column(arena, dataset, column);
    for (size_t i = 1; i < 15001; i++)
        children[i] = test_constant(
            arena, (struct tl_value){.type = dataset->columns[column].type, .as.int64 = (int64_t)i * 1000});
    children[7000]->value.as.int64 = test_value(&world->columns[column], 0).as.int64;
    assert_true(check("by_time", test_expr(arena, TL_EXPR_IN, 15001, children)));
    tl_arena_free(arena);
}

static void test_null_filters_equal_the_truth(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    for (size_t i = 0; i < dataset->column_count; i++) {
        struct tl_expr *column = test_column(arena, dataset, (int)i);
        assert_true(check("by_id", test_expr(arena, TL_EXPR_IS_NULL, 1, &column)));
        assert_true(check("by_number", test_expr(arena, TL_EXPR_IS_NOT_NULL, 1, &column)));
    }
    tl_arena_free(arena);
}

static void test_column_comparisons_equal_the_truth(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"i8", "i8b"}, {"s", "s2"}, {"s", "ns"}, {"lc", "lcn"},
                                           {"ns", "lcn"}, {"nd", "d"}, {"i8", "i8"}};
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct tl_expr *sides[] = {test_column(arena, dataset, column_named(pairs[i][0])),
                                   test_column(arena, dataset, column_named(pairs[i][1]))};
        for (enum tl_expr_kind kind = TL_EXPR_EQ; kind <= TL_EXPR_GE; kind++)
            assert_true(check(tables[i % 4], test_expr(arena, kind, 2, sides)));
    }
    struct tl_expr *floats[] = {test_column(arena, dataset, column_named("f")),
                                test_column(arena, dataset, column_named("f"))};
    for (enum tl_expr_kind kind = TL_EXPR_EQ; kind <= TL_EXPR_GE; kind++)
        assert_true(check("by_id", test_expr(arena, kind, 2, floats)));
    tl_arena_free(arena);
}

static struct tl_expr *random_function(tl_arena *arena)
{
    static const char *const columns[] = {"s", "ns", "lc", "lcn", "fs", "e"}, *const functions[] = {"prefix", "suffix",
                                                                                                    "contains"};
    int column = column_named(columns[random_below(6)]);
    struct tl_value value = constant_for(column_named("s"));
    if (value.as.text.size > 0 && random_below(2) == 0) {
        size_t start = random_below(value.as.text.size);
        value.as.text.data += start;
        value.as.text.size -= start;
    }
    struct tl_expr *children[] = {test_column(arena, dataset, column), test_constant(arena, value)};
    struct tl_expr *expr = test_expr(arena, TL_EXPR_FUNCTION, 2, children);
    expr->function = functions[random_below(3)];
    return expr;
}

static void test_text_functions_equal_the_truth(void **state)
{
    (void)state;
    int pushed = 0;
    for (int i = 0; i < 120; i++) {
        tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
        pushed += check(tables[i % 4], random_function(arena));
        tl_arena_free(arena);
    }
    assert_true(pushed > 40);
}

static struct tl_expr *random_filter(tl_arena *arena, int depth)
{
    size_t kind = random_below(depth > 0 ? 10 : 6);
    int column;
    do
        column = (int)random_below(dataset->column_count);
    while (tl_streq(dataset->columns[column].name, "a"));
    struct tl_expr *children[4];
    if (kind < 3) {
        children[0] = test_column(arena, dataset, column);
        children[1] = test_constant(arena, constant_for(column));
        return test_expr(arena, TL_EXPR_EQ + (enum tl_expr_kind)random_below(6), 2, children);
    }
    if (kind == 3)
        return random_list(arena, column);
    if (kind == 4) {
        children[0] = test_column(arena, dataset, random_below(2) ? column_named("b") : column_named("nb"));
        return children[0];
    }
    if (kind == 5)
        return random_function(arena);
    size_t count = kind == 6 ? 1 : 2 + random_below(3);
    for (size_t i = 0; i < count; i++)
        children[i] = random_filter(arena, depth - 1);
    return test_expr(arena, kind == 6 ? TL_EXPR_NOT : kind == 7 ? TL_EXPR_OR : TL_EXPR_AND, count, children);
}

static void test_logic_equals_the_truth(void **state)
{
    (void)state;
    int pushed = 0;
    for (int i = 0; i < RANDOM_FILTERS; i++) {
        tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
        pushed += check(tables[i % 4], random_filter(arena, 3));
        tl_arena_free(arena);
    }
    assert_true(pushed > RANDOM_FILTERS / 5);
}

static const struct tl_scan_order *sort_order;

static int compare_rows(const void *a, const void *b)
{
    const struct tl_vector *vector = &world->columns[sort_order->column];
    struct tl_value x = test_value(vector, *(const size_t *)a), y = test_value(vector, *(const size_t *)b);
    if (x.is_null || y.is_null)
        return x.is_null == y.is_null ? 0 : x.is_null == sort_order->nulls_first ? -1 : 1;
    return sort_order->descending ? test_compare(&y, &x) : test_compare(&x, &y);
}

static void check_order(const struct tl_scan_order *order)
{
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    int column = 0;
    size_t rows[ROWS];
    struct tl_scan_request request = {
        .dataset = dataset, .column_count = 1, .columns = &column, .limit = 300, .order_count = 1, .order = order};
    const struct tl_type *type = &dataset->columns[0].type;
    struct tl_chunk *chunk = tl_chunk_new(arena, &type, 1);
    struct tl_err err;
    tl_err_init(&err);
    if (read_chunk(arena, &request, chunk, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    assert_int_equal(chunk->row_count, 300);
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = i;
    sort_order = order;
    qsort(rows, ROWS, sizeof *rows, compare_rows);
    for (size_t i = 0; i < chunk->row_count; i++) {
        size_t got = ((const uint32_t *)chunk->columns[0].data)[i];
        if (compare_rows(&got, &rows[i]) != 0)
            fail_msg("order by %s%s: row %zu is another", dataset->columns[order->column].name,
                     order->descending ? " desc" : "", i);
    }
    tl_arena_free(arena);
}

static void test_order_equals_the_truth(void **state)
{
    (void)state;
    int pushed = 0;
    for (size_t i = 0; i < dataset->column_count; i++) {
        for (int k = 0; k < 4; k++) {
            struct tl_scan_order order = {.column = (int)i, .descending = k & 1, .nulls_first = k & 2};
            if (!tl_source_driver_clickhouse.can_push_order(source, dataset, &order))
                continue;
            pushed++;
            check_order(&order);
        }
    }
    assert_true(pushed >= 120);
    static const char *const declined[] = {"ip6", "a"};
    for (size_t i = 0; i < sizeof declined / sizeof declined[0]; i++) {
        struct tl_scan_order order = {.column = column_named(declined[i])};
        assert_false(tl_source_driver_clickhouse.can_push_order(source, dataset, &order));
    }
}

static void test_what_has_another_meaning_is_declined(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    static const struct {
        const char *column, *text;
        enum tl_expr_kind kind;
    } cases[] = {
        {"e", "no such member", TL_EXPR_EQ}, {"e", "a", TL_EXPR_LT},          {"ip4", "10.0.0.01", TL_EXPR_EQ},
        {"ip6", "::0001", TL_EXPR_EQ},       {"ip4", "10.0.0.1", TL_EXPR_GT}, {"fs", "abcde", TL_EXPR_LT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tl_value value = {.type = tl_type_simple(TL_TYPE_VARCHAR), .as.text = tl_str_of(cases[i].text)};
        struct tl_expr *sides[] = {test_column(arena, dataset, column_named(cases[i].column)),
                                   test_constant(arena, value)};
        assert_false(check("by_id", test_expr(arena, cases[i].kind, 2, sides)));
    }
    struct tl_value null = {.type = dataset->columns[1].type, .is_null = true};
    struct tl_expr *sides[] = {test_column(arena, dataset, 1), test_constant(arena, null)};
    assert_true(check("by_id", test_expr(arena, TL_EXPR_EQ, 2, sides)));
    struct tl_expr *lower = test_expr(arena, TL_EXPR_FUNCTION, 1, sides);
    lower->function = "lower";
    assert_false(check("by_id", lower));
    struct tl_expr *deep = test_column(arena, dataset, column_named("b"));
    for (int i = 0; i < 200; i++)
        deep = test_expr(arena, TL_EXPR_NOT, 1, &deep);
    assert_false(check("by_id", deep));
    tl_arena_free(arena);
}

static void test_float_literals_are_read_exactly(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_adds(&sql, "SELECT countIf(reinterpretAsUInt64(toFloat64(x.1)) = x.2) FROM (SELECT arrayJoin([");
    for (int i = 0; i < 1000; i++) {
        uint64_t bits = random_next();
        double number;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number))
            number = 0.5;
        memcpy(&bits, &number, sizeof bits);
        tl_buf_addf(&sql, "%s(toFloat64(%.17g), toUInt64(%llu))", i ? ", " : "", number, (unsigned long long)bits);
    }
    tl_buf_adds(&sql, "]) AS x)");
    assert_string_equal(test_ask(&server, arena, tl_buf_cstr(&sql)), "1000\n");
    tl_buf_done(&sql);
    tl_arena_free(arena);
}

static int start(void **state)
{
    (void)state;
    test_server_start(&server, "filter");
    world_arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, "CREATE DATABASE t");
    make_table(world_arena, "by_id", "id", 8192); /* comes in one block */
    make_table(world_arena, "by_time", "dt3, dt, dtz, d, ndt, dt8", 8);
    make_table(world_arena, "by_text", "s, ns, lc, lcn, fs, e", 8);
    make_table(world_arena, "by_number", "f, i128, dec, ni, nf, u, ip6, u128", 8);
    source = test_open(&server, NULL);
    read_world();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    tl_source_driver_clickhouse.close(source);
    tl_arena_free(world_arena);
    test_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integer_filters_equal_the_truth),
        cmocka_unit_test(test_float_filters_equal_the_truth),
        cmocka_unit_test(test_float_literals_are_read_exactly),
        cmocka_unit_test(test_decimal_filters_equal_the_truth),
        cmocka_unit_test(test_date_filters_equal_the_truth),
        cmocka_unit_test(test_time_filters_equal_the_truth),
        cmocka_unit_test(test_text_filters_equal_the_truth),
        cmocka_unit_test(test_enum_filters_equal_the_truth),
        cmocka_unit_test(test_address_filters_equal_the_truth),
        cmocka_unit_test(test_uuid_filters_equal_the_truth),
        cmocka_unit_test(test_lists_equal_the_truth),
        cmocka_unit_test(test_a_list_of_thousands_is_pushed),
        cmocka_unit_test(test_null_filters_equal_the_truth),
        cmocka_unit_test(test_column_comparisons_equal_the_truth),
        cmocka_unit_test(test_text_functions_equal_the_truth),
        cmocka_unit_test(test_logic_equals_the_truth),
        cmocka_unit_test(test_order_equals_the_truth),
        cmocka_unit_test(test_what_has_another_meaning_is_declined),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
