#include <stdio.h>
#include <stdlib.h>

#include "sources/postgres/test_truth.h"

/* Every row of the allow-list in filter.c at a real server: what comes back must be what the engine would have kept,
 * by a truth that is computed here from the values as they are carried. */
static struct test_server server;
static tl_arena *arena;
static tl_source *source;
static struct tl_source_dataset *dataset;
static struct tl_chunk *all; /* the whole table: columns as in the dataset, rows in order of id */
static size_t scans;

static const char preparation[] =
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); CREATE TYPE pair AS (a int, b text);"
    "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
    "CREATE TABLE f (id int, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, d numeric(12,2), w numeric(38,10),"
    " t text, g text COLLATE \"en-x-icu\", n text COLLATE nocase, c char(3), e mood, m name, a inet, u numeric, y bytea,"
    " k uuid, da date, ti time, ts timestamp, tz timestamptz, p pair, j jsonb, l int[]);"
    "INSERT INTO f VALUES"
    "(1, true, 0, 0, 0, 0, 0, 0, 0, '', '', '', '', 'sad', '', '10.0.0.1', 0, '', '00000000-0000-0000-0000-000000000000',"
    " '1970-01-01', '00:00', '1970-01-01', '1970-01-01 00:00+00', ROW(NULL, NULL), '1', '{}'),"
    "(2, false, 1, 1, 1, 0.1, 0.1, 0.01, 0.0000000001, 'a', 'a', 'a', 'a', 'ok', 'a', '10.0.0.1/8', 1.50, '\\x00',"
    " 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', '2024-02-29', '23:59:59.999999', '2024-02-29 12:34:56.789',"
    " '2024-02-29 12:34:56.789+02', ROW(1, 'x'), '{}', '{1}'),"
    "(3, NULL, -1, -1, -1, '-0', '-0', -0.01, -1, 'A', 'A', 'A', 'A', 'happy', 'A', '9.0.0.1', 1.5, '\\xff',"
    " '80000000-0000-0000-0000-000000000000', '0044-03-15 BC', '12:00', '0044-03-15 12:00 BC', '0044-03-15 12:00+00 BC',"
    " NULL, '[]', NULL),"
    "(4, true, 32767, 2147483647, 9223372036854775807, 'NaN', 'NaN', 9999999999.99, 9999999999999999999999999999.9999999999,"
    " 'b%_\\c', 'b%_\\c', 'b%_\\c', 'abc', 'ok', 'it''s', '::1', 'NaN', '\\x0001ff',"
    " '7fffffff-ffff-ffff-ffff-ffffffffffff', 'infinity', '24:00', 'infinity', 'infinity', ROW(2, NULL), 'null', '{1,2}'),"
    "(5, false, -32768, -2147483648, -9223372036854775808, 'Infinity', 'Infinity', -9999999999.99, -5.5,"
    " 'ü', 'ü', 'Ü', 'ü', 'sad', 'ü', '10.0.0.2', 1e40, '\\x00', 'ffffffff-ffff-ffff-ffff-ffffffffffff',"
    " '-infinity', '00:00:00.000001', '-infinity', '-infinity', ROW(1, 'x'), '\"s\"', '{NULL}'),"
    "(6, true, 2, 16777217, 9007199254740993, '-Infinity', '-Infinity', 12.50, 5.5, 'a ', 'a ', 'a ', 'a b', 'sad', 'a ',"
    " '10.0.0.1/32', -1, '\\x01', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf7', '5874897-12-31', '00:00', '294246-12-31 23:59:59.999999',"
    " '294246-12-31 23:59:59.999999+00', ROW(NULL, 'y'), '2', '{2}'),"
    "(7, false, 3, 16777216, 9007199254740992, 16777216, 9007199254740993, 12.5, 0.5, 'a_c %', 'a_c %', 'a_c %', 'ab', 'ok', 'zz',"
    " '10.0.0.1', 2, '\\x02', '00000000-0000-0000-0000-000000000001', '4713-01-01 BC', '01:02:03', '4713-01-01 BC',"
    " '4713-01-01 00:00+00 BC', ROW(0, ''), '3', '{3}'),"
    "(8, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
    " NULL, NULL, NULL, NULL, NULL)";

enum { ROWS = 8 };

/* Columns that compare with their own values, and whether their order may be pushed. */
static const struct {
    const char *name;
    bool equality, order;
} columns[] = {
    {"b", true, true},  {"i2", true, true}, {"i4", true, true}, {"i8", true, true}, {"f4", true, true}, {"f8", true, true},
    {"d", true, true},  {"w", true, true},  {"t", true, true},  {"g", true, true},  {"n", true, true},  {"e", true, true},
    {"m", true, true},  {"a", true, true},  {"u", true, true},  {"y", true, true},  {"k", true, true},  {"da", true, true},
    {"ti", true, true}, {"ts", true, true}, {"tz", true, true}, {"p", true, true},  {"c", true, true},   {"j", false, false}, {"l", false, false},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static int column_named(const char *name)
{
    for (size_t i = 0; i < dataset->column_count; i++)
        if (tl_streq(dataset->columns[i].name, name))
            return (int)i;
    fail_msg("no column %s", name);
    return -1;
}

/* --- expressions --- */

static struct tl_expr *column(int index)
{
    struct tl_expr *expr = TL_NEW(arena, struct tl_expr);
    *expr = (struct tl_expr){.kind = TL_EXPR_COLUMN, .column = index, .type = dataset->columns[index].type};
    return expr;
}

static struct tl_expr *constant(struct tl_value value)
{
    struct tl_expr *expr = TL_NEW(arena, struct tl_expr);
    *expr = (struct tl_expr){.kind = TL_EXPR_CONSTANT, .value = value, .type = value.type};
    return expr;
}

static struct tl_value text_value(const char *text)
{
    return (struct tl_value){.type = tl_type_simple(TL_TYPE_VARCHAR), .as.text = tl_str_of(text)};
}

static struct tl_value int_value(int64_t number)
{
    return (struct tl_value){.type = tl_type_simple(TL_TYPE_INT64), .as.int64 = number};
}

static struct tl_expr *node(enum tl_expr_kind kind, size_t count, struct tl_expr *const *children)
{
    struct tl_expr *expr = TL_NEW(arena, struct tl_expr);
    *expr = (struct tl_expr){.kind = kind, .child_count = count, .type = tl_type_simple(TL_TYPE_BOOLEAN)};
    expr->children = TL_NEW_ARRAY(arena, struct tl_expr *, count);
    for (size_t i = 0; i < count; i++)
        expr->children[i] = children[i];
    return expr;
}

static struct tl_expr *pair(enum tl_expr_kind kind, struct tl_expr *left, struct tl_expr *right)
{
    return node(kind, 2, (struct tl_expr *[]){left, right});
}

static struct tl_expr *call(const char *function, struct tl_expr *left, const char *text)
{
    struct tl_expr *expr = pair(TL_EXPR_FUNCTION, left, constant(text_value(text)));
    expr->function = function;
    return expr;
}

/* --- the server's answer --- */

static bool pushed(const struct tl_expr *expr)
{
    const char *reason = NULL;
    bool can = tl_source_driver_postgres.can_push(source, dataset, expr, &reason);
    assert_true(can == (reason == NULL));
    return can;
}

static const char *ids_of(const struct tl_expr *expr)
{
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1,
                                      .filter_count = 1, .filters = (const struct tl_expr *const[]){expr}};
    struct test_rows rows;
    struct tl_scan_stats stats;
    struct tl_err err;
    tl_err_init(&err);
    if (test_scan(source, arena, &request, NULL, &rows, &stats, &err) != TL_OK)
        fail_msg("%s\n%s", err.message, err.detail);
    char ids[ROWS + 1] = "........";
    for (size_t i = 0; i < rows.row_count; i++)
        ids[*test_cell(&rows, i, 0) - '1'] = *test_cell(&rows, i, 0);
    scans++;
    return tl_arena_printf(arena, "%s %s", ids, stats.text);
}

/* The row is kept exactly when the expression is true of it. */
static void check_pushed(const struct tl_expr *expr)
{
    char expected[ROWS + 1];
    if (!pushed(expr))
        fail_msg("not pushed");
    const char *got = ids_of(expr);
    for (size_t row = 0; row < ROWS; row++)
        expected[row] = test_truth(expr, all, row) == TEST_TRUE ? (char)('1' + row) : '.';
    if (memcmp(got, expected, ROWS) != 0)
        fail_msg("got %s, expected %.8s", got, expected);
}

static const enum tl_expr_kind comparisons[] = {TL_EXPR_EQ, TL_EXPR_NE, TL_EXPR_LT, TL_EXPR_LE, TL_EXPR_GT, TL_EXPR_GE};

static void check_comparisons(size_t first, size_t last)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        int index = column_named(columns[i].name);
        for (size_t row = 0; row < ROWS - 1; row++) {
            struct tl_value value = test_value_at(&all->columns[index], row);
            if (value.is_null)
                continue;
            for (size_t kind = first; kind < last; kind++) {
                struct tl_expr *expr = pair(comparisons[kind], column(index), constant(value));
                bool expected = kind < 2 ? columns[i].equality : columns[i].order;
                if (expected)
                    check_pushed(expr);
                else
                    assert_false(pushed(expr));
            }
        }
    }
}

static void test_equality_means_the_same(void **state)
{
    (void)state;
    check_comparisons(0, 2);
}

static void test_order_means_the_same(void **state)
{
    (void)state;
    check_comparisons(2, 6);
}

static void test_in_means_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COLUMNS; i++) {
        int index = column_named(columns[i].name);
        struct tl_expr *expr = node(TL_EXPR_IN, 3,
                                    (struct tl_expr *[]){column(index), constant(test_value_at(&all->columns[index], 1)),
                                                         constant(test_value_at(&all->columns[index], 3))});
        if (columns[i].equality && !expr->children[1]->value.is_null && !expr->children[2]->value.is_null) {
            check_pushed(expr);
            check_pushed(node(TL_EXPR_NOT, 1, &expr));
        } else {
            assert_false(pushed(expr));
        }
    }
}

static void test_constants_of_neighbouring_types_mean_the_same(void **state)
{
    (void)state;
    struct tl_value half = {.type = tl_type_decimal(5, 1), .as.int64 = 5},
                    twelve = {.type = tl_type_decimal(9, 3), .as.int64 = 12500};
    struct tl_value tenth = {.type = tl_type_simple(TL_TYPE_DOUBLE), .as.number = 0.1};
    struct tl_value tenth_float = {.type = tl_type_simple(TL_TYPE_FLOAT), .as.number = (double)0.1F};
    struct tl_value huge = {.type = tl_type_simple(TL_TYPE_INT128), .as.int128 = {1, 0}};
    struct tl_value large = {.type = tl_type_simple(TL_TYPE_DOUBLE), .as.number = 9007199254740993.0};
    for (size_t kind = 0; kind < 6; kind++) {
        check_pushed(pair(comparisons[kind], column(column_named("i4")), constant(half)));
        check_pushed(pair(comparisons[kind], column(column_named("i2")), constant(int_value(1))));
        check_pushed(pair(comparisons[kind], column(column_named("i2")), constant(int_value(INT64_MAX))));
        check_pushed(pair(comparisons[kind], constant(int_value(INT64_MIN)), column(column_named("i8"))));
        check_pushed(pair(comparisons[kind], column(column_named("d")), constant(twelve)));
        check_pushed(pair(comparisons[kind], column(column_named("w")), constant(int_value(-1))));
        check_pushed(pair(comparisons[kind], column(column_named("i8")), constant(huge)));
        check_pushed(pair(comparisons[kind], column(column_named("f4")), constant(tenth)));
        check_pushed(pair(comparisons[kind], column(column_named("f4")), constant(tenth_float)));
        check_pushed(pair(comparisons[kind], column(column_named("f8")), constant(tenth_float)));
        check_pushed(pair(comparisons[kind], column(column_named("f8")), constant(large)));
        check_pushed(pair(comparisons[kind], column(column_named("i8")), column(column_named("w"))));
        check_pushed(pair(comparisons[kind], column(column_named("i4")), column(column_named("i2"))));
        check_pushed(pair(comparisons[kind], column(column_named("t")), column(column_named("n"))));
        check_pushed(pair(comparisons[kind], column(column_named("g")), column(column_named("m"))));
        check_pushed(pair(comparisons[kind], column(column_named("f4")), column(column_named("f8"))));
        check_pushed(pair(comparisons[kind], constant(text_value("a")), column(column_named("t"))));
    }
}

static void test_char_of_n_has_its_blanks(void **state)
{
    (void)state;
    static const char *const texts[] = {"a  ", "a b", "ü  ", "   ", "a", "a   ", "", "abc", "ü"};
    int index = column_named("c");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t kind = 0; kind < 6; kind++)
            check_pushed(pair(comparisons[kind], column(index), constant(text_value(texts[i]))));
        check_pushed(call("prefix", column(index), texts[i]));
        check_pushed(call("suffix", column(index), texts[i]));
    }
    check_pushed(pair(TL_EXPR_EQ, column(index), column(column_named("t"))));
    check_pushed(pair(TL_EXPR_LT, column(index), column(index)));
}

static void test_thousands_of_values(void **state)
{
    (void)state;
    enum { COUNT = 15000 };
    struct tl_expr **children = TL_NEW_ARRAY(arena, struct tl_expr *, COUNT);
    children[0] = column(column_named("i4"));
    for (size_t i = 1; i < COUNT; i++)
        children[i] = constant(int_value((int64_t)i * 7 - 7));
    check_pushed(node(TL_EXPR_IN, COUNT, children));
    children[1] = constant(int_value(INT64_MAX)); /* of another width */
    check_pushed(node(TL_EXPR_IN, COUNT, children));
    children[0] = column(column_named("t"));
    for (size_t i = 1; i < COUNT; i++)
        children[i] = constant(text_value(i == 77 ? "a" : tl_arena_printf(arena, "{\"%zu\\,'", i)));
    check_pushed(node(TL_EXPR_IN, COUNT, children));
    children[1] = constant(text_value("b%_\\c"));
    check_pushed(node(TL_EXPR_IN, COUNT, children));
}

static void test_text_functions_mean_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"prefix", "starts_with", "suffix", "ends_with", "contains", "~~", "!~~"};
    static const char *const texts[] = {"", "a", "A", "b%", "%_", "\\", "_", "%", "a_c", "ü", "c", " ", "_%\\_", "a%", "it's", "10."};
    static const char *const on[] = {"t", "g", "n", "e", "m", "a", "u"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            for (size_t c = 0; c < sizeof on / sizeof *on; c++)
                check_pushed(call(names[i], column(column_named(on[c])), texts[k]));
}

static void test_null_tests_mean_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < dataset->column_count; i++) {
        struct tl_expr *expr = column((int)i);
        check_pushed(node(TL_EXPR_IS_NULL, 1, &expr)); /* also ROW(NULL, NULL), which is not NULL here */
        check_pushed(node(TL_EXPR_IS_NOT_NULL, 1, &expr));
    }
    struct tl_expr *compared = pair(TL_EXPR_LT, column(column_named("i4")), constant(int_value(5)));
    check_pushed(node(TL_EXPR_IS_NULL, 1, &compared));
    check_pushed(node(TL_EXPR_IS_NOT_NULL, 1, &compared));
}

static struct tl_expr *random_expr(int depth)
{
    if (depth == 0 || test_random_below(4) == 0) {
        int index = column_named(columns[test_random_below(COLUMNS - 2)].name);
        struct tl_value value = test_value_at(&all->columns[index], test_random_below(ROWS - 1));
        if (test_random_below(8) == 0)
            return column(column_named("b"));
        if (value.is_null) {
            struct tl_expr *child = column(index);
            return node(TL_EXPR_IS_NULL, 1, &child);
        }
        return pair(comparisons[test_random_below(6)], column(index), constant(value));
    }
    struct tl_expr *children[3] = {random_expr(depth - 1), random_expr(depth - 1), random_expr(depth - 1)};
    switch (test_random_below(4)) {
    case 0:
        return node(TL_EXPR_NOT, 1, children);
    case 1:
        return node(TL_EXPR_IS_NULL, 1, children);
    case 2:
        return node(TL_EXPR_OR, 2 + test_random_below(2), children);
    default:
        return node(TL_EXPR_AND, 2 + test_random_below(2), children);
    }
}

static void test_logic_means_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++)
        check_pushed(random_expr(4));
}

static struct tl_value at(const char *name, size_t row)
{
    return test_value_at(&all->columns[column_named(name)], row);
}

static void test_what_could_differ_is_declined(void **state)
{
    (void)state;
    struct tl_value nul = {.type = tl_type_simple(TL_TYPE_VARCHAR), .as.text = {"a\0b", 3}}, null = int_value(0);
    struct tl_value far = {.type = tl_type_simple(TL_TYPE_DATE), .as.int64 = 2147000000};
    null.is_null = true;
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("t")), constant(nul))));
    assert_false(pushed(call("prefix", column(column_named("i4")), "1")));
    assert_false(pushed(call("lower", column(column_named("t")), "1")));
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("i4")), constant(null))));
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("da")), constant(far))));
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("f8")), constant(int_value(1)))));
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("i4")), constant(at("f8", 1)))));
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("ts")), constant(at("da", 1)))));
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("ts")), column(column_named("tz")))));
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("t")), constant(int_value(1)))));
    assert_false(pushed(pair(TL_EXPR_EQ, constant(int_value(1)), constant(int_value(1)))));
    assert_false(pushed(column(column_named("i4"))));
    struct tl_expr *deep = column(column_named("b"));
    for (int i = 0; i < TL_EXPR_DEPTH_MAX + 10; i++)
        deep = node(TL_EXPR_NOT, 1, &deep);
    assert_false(pushed(deep));
}

static void test_a_list_too_long_is_declined(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    char *text = tl_arena_alloc(arena, 1000);
    memset(text, 'x', 999);
    struct tl_expr **children = TL_NEW_ARRAY(arena, struct tl_expr *, COUNT);
    children[0] = column(column_named("t"));
    for (size_t i = 1; i < COUNT; i++)
        children[i] = constant(text_value(text));
    assert_true(pushed(node(TL_EXPR_IN, 100, children)));
    assert_false(pushed(node(TL_EXPR_IN, COUNT, children)));
}

static void test_other_encodings_push_only_ascii_equality(void **state)
{
    (void)state;
    struct tl_postgres_dataset *own = dataset->driver_data;
    own->utf8 = false;
    assert_true(pushed(pair(TL_EXPR_EQ, column(column_named("t")), constant(text_value("a")))));
    assert_false(pushed(pair(TL_EXPR_EQ, column(column_named("t")), constant(text_value("ü")))));
    assert_false(pushed(pair(TL_EXPR_LT, column(column_named("t")), constant(text_value("a")))));
    struct tl_scan_order order = {.column = column_named("t")};
    assert_false(tl_source_driver_postgres.can_push_order(source, dataset, &order));
    own->utf8 = true;
}

/* --- first rows --- */

static struct tl_scan_order sorting;

static int compare_rows(const void *a, const void *b)
{
    struct tl_value left = test_value_at(&all->columns[sorting.column], *(const size_t *)a);
    struct tl_value right = test_value_at(&all->columns[sorting.column], *(const size_t *)b);
    if (left.is_null || right.is_null)
        return sorting.nulls_first ? right.is_null - left.is_null : left.is_null - right.is_null;
    int order = test_compare(&left, &right);
    return sorting.descending ? -order : order;
}

static void check_first_rows(const struct tl_scan_order *order, size_t limit)
{
    size_t sorted[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = &order->column,
                                      .limit = (int64_t)limit, .order_count = 1, .order = order};
    struct test_rows rows;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_OK);
    assert_int_equal(rows.row_count, limit);
    sorting = *order;
    qsort(sorted, ROWS, sizeof *sorted, compare_rows);
    for (size_t i = 0; i < limit; i++) {
        const char *expected = test_format(arena, &all->columns[order->column], sorted[i]);
        if (dataset->columns[order->column].type.id == TL_TYPE_FLOAT ||
            dataset->columns[order->column].type.id == TL_TYPE_DOUBLE)
            if (tl_streq(expected, "-0") || tl_streq(expected, "0")) /* equal: either may come first */
                continue;
        if (!tl_streq(test_cell(&rows, i, 0), expected))
            fail_msg("column %s, row %zu: got %s, expected %s", dataset->columns[order->column].name, i,
                     test_cell(&rows, i, 0), expected);
    }
}

static void test_first_rows_are_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COLUMNS; i++)
        for (int form = 0; form < 4; form++) {
            struct tl_scan_order order = {
                .column = column_named(columns[i].name), .descending = form & 1, .nulls_first = form & 2};
            assert_int_equal(tl_source_driver_postgres.can_push_order(source, dataset, &order), columns[i].order);
            if (columns[i].order)
                check_first_rows(&order, 5);
        }
    struct tl_scan_order order = {.column = column_named("j")};
    assert_false(tl_source_driver_postgres.can_push_order(source, dataset, &order));
}

static void test_no_row_is_cut_off_before_a_filter_that_was_not_said(void **state)
{
    (void)state;
    struct tl_expr *declined = call("lower", column(column_named("t")), "x");
    struct tl_scan_order order = {.column = 0};
    struct tl_scan_request request = {.dataset = dataset,
                                      .column_count = 1,
                                      .columns = (int[]){0},
                                      .limit = 1,
                                      .order_count = 1,
                                      .order = &order,
                                      .filter_count = 1,
                                      .filters = (const struct tl_expr *const[]){declined}};
    struct test_rows rows;
    struct tl_scan_stats stats;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, &stats, &err), TL_OK);
    assert_int_equal(rows.row_count, ROWS);
    assert_null(strstr(stats.text, "LIMIT"));
    /* nor when only the order cannot be said */
    struct tl_scan_order odd = {.column = column_named("l")};
    request.filter_count = 0;
    request.order = &odd;
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, &stats, &err), TL_OK);
    assert_int_equal(rows.row_count, ROWS);
    request.order_count = 0;
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, &stats, &err), TL_OK);
    assert_int_equal(rows.row_count, 1);
}

/* A filter that is declined goes to the source as far as it can: a looser one, of whose rows the caller keeps some. */
static void check_loosened(struct tl_expr *declined, const char *expected_ids, const char *part)
{
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = 1,
                                      .filter_count = 1, .filters = (const struct tl_expr *const[]){declined}};
    struct test_rows rows;
    struct tl_scan_stats stats;
    struct tl_err err;
    char ids[ROWS + 1] = "........";
    tl_err_init(&err);
    assert_false(pushed(declined));
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, &stats, &err), TL_OK);
    for (size_t i = 0; i < rows.row_count; i++)
        ids[*test_cell(&rows, i, 0) - '1'] = *test_cell(&rows, i, 0);
    if (memcmp(ids, expected_ids, ROWS) != 0 || (part && !strstr(stats.text, part)) || strstr(stats.text, "LIMIT"))
        fail_msg("got %s, expected %s: %s", ids, expected_ids, stats.text);
}

static void test_a_declined_filter_is_loosened_where_that_is_implied(void **state)
{
    (void)state;
    struct tl_expr *odd = call("reverse", column(column_named("t")), "x");
    struct tl_expr *low = pair(TL_EXPR_LT, column(0), constant(int_value(4)));
    struct tl_expr *five = pair(TL_EXPR_EQ, column(0), constant(int_value(5)));
    struct tl_expr *both = pair(TL_EXPR_AND, odd, low), *other = pair(TL_EXPR_AND, five, odd);
    check_loosened(odd, "12345678", NULL);
    check_loosened(both, "123.....", "WHERE ((\"id\" < 4))");
    check_loosened(pair(TL_EXPR_OR, both, other), "123.5...", " OR ");
    check_loosened(pair(TL_EXPR_OR, both, odd), "12345678", NULL);
    check_loosened(node(TL_EXPR_NOT, 1, &both), "12345678", NULL); /* what implies it is another matter under NOT */
}

/* --- all tests share one table, read once --- */

static void read_all(void)
{
    const struct tl_type **types = TL_NEW_ARRAY(arena, const struct tl_type *, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        types[i] = &dataset->columns[i].type;
    all = tl_chunk_new(arena, types, dataset->column_count);
    struct tl_scan_request request = {.dataset = dataset, .column_count = dataset->column_count,
                                      .columns = test_all_columns(arena, dataset), .limit = -1};
    tl_scan *scan;
    tl_scan_part *part;
    struct tl_scan_stats stats;
    int parts;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_source_driver_postgres.scan_open(source, &request, 1, NULL, arena, &scan, &parts, &err), TL_OK);
    assert_int_equal(tl_source_driver_postgres.part_open(scan, NULL, &part, &err), TL_OK);
    assert_int_equal(tl_source_driver_postgres.part_next(part, all, NULL, &err), TL_OK);
    assert_int_equal(all->row_count, ROWS);
    tl_source_driver_postgres.part_close(part);
    tl_source_driver_postgres.scan_close(scan, &stats);
}

static int set_up(void **state)
{
    (void)state;
    arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, preparation);
    source = test_open(&server, NULL);
    dataset = test_describe(source, arena, "public", "f");
    read_all();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_source_driver_postgres.close(source);
    arena = tl_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality_means_the_same),
        cmocka_unit_test(test_order_means_the_same),
        cmocka_unit_test(test_in_means_the_same),
        cmocka_unit_test(test_constants_of_neighbouring_types_mean_the_same),
        cmocka_unit_test(test_char_of_n_has_its_blanks),
        cmocka_unit_test(test_thousands_of_values),
        cmocka_unit_test(test_text_functions_mean_the_same),
        cmocka_unit_test(test_null_tests_mean_the_same),
        cmocka_unit_test(test_logic_means_the_same),
        cmocka_unit_test(test_what_could_differ_is_declined),
        cmocka_unit_test(test_a_list_too_long_is_declined),
        cmocka_unit_test(test_other_encodings_push_only_ascii_equality),
        cmocka_unit_test(test_first_rows_are_the_same),
        cmocka_unit_test(test_no_row_is_cut_off_before_a_filter_that_was_not_said),
        cmocka_unit_test(test_a_declined_filter_is_loosened_where_that_is_implied),
    };
    test_server_start(&server);
    int failures = cmocka_run_group_tests(tests, set_up, tear_down);
    printf("%zu filtered scans\n", scans);
    test_server_stop(&server);
    return failures;
}
