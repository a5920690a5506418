/* Groups, joins and derivations of derivations that PostgreSQL computes, beside the engine's own answer on the same rows. */
#include <stdio.h>

#include "postgres_world.h"

static size_t compared;

/* --- comparing whole results --- */

/* The rows of `dataset` are those of the engine's `sql`, whatever their order; values compare as their texts. */
static void check_rows(const struct tl_source_dataset *dataset, const char *sql)
{
    struct tl_err err;
    struct tl_buf got, both;
    if (load_got(dataset, &err) != TL_OK)
        fail_msg("%s\n%s %s", sql, err.message, err.detail);
    tl_buf_init(&got, 1 << 20);
    tl_buf_init(&both, 1 << 20);
    for (size_t i = 0; i < dataset->column_count; i++)
        tl_buf_addf(&got, "%sCAST(v%zu AS VARCHAR) AS v%zu", i > 0 ? ", " : "", i, i);
    const char *columns = tl_buf_cstr(&got);
    tl_buf_addf(&both,
                "WITH a AS (SELECT %s FROM got), t AS (%s), b AS (SELECT %s FROM t), d AS (SELECT 'got' AS side, * FROM (FROM a EXCEPT ALL FROM b)"
                " UNION ALL SELECT 'for', * FROM (FROM b EXCEPT ALL FROM a)) SELECT string_agg(CAST(d AS VARCHAR), '; ') FROM d",
                columns, sql, columns);
    const char *difference = truth_value(arena, tl_buf_cstr(&both));
    if (!tl_streq(difference, "NULL"))
        fail_msg("%s\n%s%s", sql, difference ? difference : "", truth_failure);
    tl_buf_done(&both);
    tl_buf_done(&got);
    compared++;
}

static const char *outputs_sql(size_t count, const struct tl_expr *const *outputs, const struct tl_source_dataset *const *inputs)
{
    const char *sql = "";
    for (size_t i = 0; i < count; i++)
        sql = tl_arena_printf(arena, "%s%s%s AS v%zu", sql, i > 0 ? ", " : "", print(outputs[i], inputs), i);
    return sql;
}

/* --- aggregates --- */

static struct tl_expr *aggregate(const struct table *table, const char *function, struct tl_expr *argument, bool distinct, struct tl_expr *filter)
{
    struct tl_expr *expr = make(TL_EXPR_AGGREGATE, argument ? 1 : 0, &argument);
    expr->function = function;
    expr->distinct = distinct;
    expr->filter = filter;
    return typed(table, expr);
}

static struct tl_source_dataset *group(const struct table *table, size_t group_count, struct tl_expr *const *groups, size_t output_count,
                                       struct tl_expr *const *outputs, const char **reason)
{
    struct tl_derivation_input *input = TL_NEW(arena, struct tl_derivation_input);
    struct tl_derivation said = {.input_count = 1, .inputs = input, .grouped = true, .group_count = group_count, .output_count = output_count};
    input->dataset = table->dataset;
    const struct tl_expr **copies = TL_NEW_ARRAY(arena, const struct tl_expr *, group_count + output_count);
    for (size_t i = 0; i < group_count; i++)
        copies[i] = groups[i];
    for (size_t i = 0; i < output_count; i++)
        copies[group_count + i] = outputs[i];
    said.groups = copies;
    said.outputs = copies + group_count;
    return derive(&said, reason);
}

/* The group's value and the aggregate. */
static bool check_aggregate(const struct table *table, struct tl_expr *by, struct tl_expr *of)
{
    const char *reason;
    const struct tl_source_dataset *input = table->dataset;
    struct tl_expr *outputs[] = {of, by};
    if (!of)
        return false;
    struct tl_source_dataset *dataset = group(table, by ? 1 : 0, &by, by ? 2 : 1, outputs, &reason);
    if (!dataset)
        return false;
    const char *sql = outputs_sql(by ? 2 : 1, (const struct tl_expr *const *)outputs, &input);
    check_rows(dataset, tl_arena_printf(arena, "SELECT %s FROM %s i0%s%s", sql, table->name, by ? " GROUP BY " : "", by ? print(by, &input) : ""));
    return true;
}

static void test_aggregates_mean_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *name, *columns;
    } rows[] = {
        {"count", "b i2 i4 i8 f4 f8 d4 w t g c e k da ts tz ti y"}, {"sum", "i2 i4 i8 d4 d9 d15 w f4 f8"}, {"avg", "i2 i4 i8 d4 d9 d15 w f4 f8"},
        {"min", "b i2 i4 i8 f4 f8 d4 w t g c e da ts tz ti"}, {"max", "b i2 i4 i8 f4 f8 d4 w t g c e da ts tz ti"}, {"bool_and", "b"}, {"bool_or", "b"},
    };
    static const char *const groups[] = {"", "b", "i2", "t", "g", "c", "e", "da", "d4"};
    const struct table *table = &tables[PLAIN];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (const char *at = rows[i].columns; *at; at += strcspn(at, " "), at += *at == ' ')
            for (size_t by = 0; by < sizeof groups / sizeof *groups; by++)
                for (int form = 0; form < (by < 3 ? 3 : 1); form++) {
                    struct tl_expr *of = col(table, tl_arena_strndup(arena, at, strcspn(at, " ")));
                    struct tl_expr *filter = make(TL_EXPR_GT, 2, (struct tl_expr *[]){col(table, "i4"), whole(TL_TYPE_INT32, 10)});
                    struct tl_expr *made = aggregate(table, rows[i].name, of, form == 1, form == 2 ? filter : NULL);
                    if (!check_aggregate(table, *groups[by] ? col(table, groups[by]) : NULL, made))
                        fail_msg("%s(%s) by %s is declined", rows[i].name, at, groups[by]);
                }
    assert_true(check_aggregate(table, NULL, aggregate(table, "count_star", NULL, false, NULL)));
    assert_true(check_aggregate(table, col(table, "k"), aggregate(table, "count_star", NULL, false, NULL)));
}

static void test_edge_values_aggregate_the_same(void **state)
{
    (void)state;
    static const char *const columns[] = {"b", "i2", "i4", "i8", "d4", "d9", "d15", "w", "t", "g", "c", "e", "da", "ts", "tz", "ti", "f4", "f8"};
    const struct table *table = &tables[EDGE];
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        struct tl_expr *of = col(table, columns[i]);
        assert_true(check_aggregate(table, NULL, aggregate(table, "min", of, false, NULL)));
        assert_true(check_aggregate(table, NULL, aggregate(table, "max", of, false, NULL)));
        assert_true(check_aggregate(table, NULL, aggregate(table, "count", of, true, NULL)));
        assert_true(check_aggregate(table, of, aggregate(table, "count_star", NULL, false, NULL)));
        if (of->type.id == TL_TYPE_DECIMAL || of->type.id == TL_TYPE_INT16 || of->type.id == TL_TYPE_INT32 || of->type.id == TL_TYPE_INT64) {
            assert_true(check_aggregate(table, NULL, aggregate(table, "sum", of, false, NULL)));
            assert_true(check_aggregate(table, NULL, aggregate(table, "avg", of, false, NULL)));
        }
    }
}

/* The engine divides in ways of its own; the last bit of each quotient is compared. */
static void test_averages_are_equal_to_the_last_bit(void **state)
{
    (void)state;
    static const char *const columns[] = {"i2", "i4", "i8", "d4", "d12", "w"};
    const struct table *table = &tables[MANY];
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        assert_true(check_aggregate(table, col(table, "k"), aggregate(table, "avg", col(table, columns[i]), false, NULL)));
        assert_true(check_aggregate(table, col(table, "id"), aggregate(table, "avg", col(table, columns[i]), false, NULL)));
        assert_true(check_aggregate(table, col(table, "t"), aggregate(table, "sum", col(table, columns[i]), false, NULL)));
    }
}

static void test_groups_may_be_expressions_and_constants(void **state)
{
    (void)state;
    const struct table *table = &tables[PLAIN];
    struct tl_expr *count = aggregate(table, "count_star", NULL, false, NULL);
    struct tl_expr *month[] = {text("month"), col(table, "ts")}, *modulo[] = {col(table, "i4"), whole(TL_TYPE_INT32, 7)};
    struct tl_expr *year = col(table, "da");
    assert_true(check_aggregate(table, call(table, "date_trunc", 2, month), count));
    assert_true(check_aggregate(table, call(table, "%", 2, modulo), count));
    assert_true(check_aggregate(table, call(table, "year", 1, &year), count));
    assert_true(check_aggregate(table, whole(TL_TYPE_INT32, 1), count));
    assert_true(check_aggregate(table, text("constant"), count));
    /* DISTINCT: groups and nothing else */
    const char *reason;
    struct tl_expr *both[] = {col(table, "b"), col(table, "g")};
    check_rows(group(table, 2, both, 2, both, &reason), "SELECT DISTINCT b AS v0, g AS v1 FROM plain");
    /* no group and no aggregate: one row, also of none */
    check_rows(group(table, 0, NULL, 1, (struct tl_expr *[]){whole(TL_TYPE_INT32, 5)}, &reason), "SELECT CAST(5 AS INTEGER) AS v0");
}

static void test_what_could_differ_is_not_computed(void **state)
{
    (void)state;
    const struct table *table = &tables[PLAIN];
    const char *reason;
    struct tl_expr *uuid = col(table, "k"), *letters = col(table, "t");
    struct tl_expr *lower = call(table, "lower", 1, &letters);
    assert_false(check_aggregate(table, NULL, aggregate(table, "min", uuid, false, NULL)));
    assert_false(check_aggregate(table, NULL, aggregate(table, "stddev", col(table, "i4"), false, NULL)));
    assert_false(check_aggregate(table, lower, aggregate(table, "count_star", NULL, false, NULL)));
    assert_false(check_aggregate(table, NULL, aggregate(table, "max", lower, false, NULL)));
    const struct tl_expr *no_output = aggregate(table, "count_star", NULL, false, NULL);
    assert_null(project(table, 1, &no_output, &reason)); /* an aggregate without groups */
    assert_non_null(strstr(reason, "no place"));
}

/* --- derivations of derivations: HAVING, ORDER BY, LIMIT --- */

static struct tl_source_dataset *sums_by_key(void)
{
    const struct table *table = &tables[MANY];
    const char *reason;
    struct tl_expr *key = col(table, "k");
    struct tl_expr *outputs[] = {key, aggregate(table, "sum", col(table, "i8"), false, NULL), aggregate(table, "count_star", NULL, false, NULL),
                                 aggregate(table, "avg", col(table, "d12"), false, NULL), aggregate(table, "max", col(table, "t"), false, NULL)};
    return group(table, 1, &key, 5, outputs, &reason);
}

static struct tl_expr *column_number(const struct tl_source_dataset *dataset, int column)
{
    struct tl_expr *expr = make(TL_EXPR_COLUMN, 0, NULL);
    expr->column = column;
    expr->type = dataset->columns[column].type;
    return expr;
}

static void test_filters_orders_and_limits_over_groups(void **state)
{
    (void)state;
    struct tl_source_dataset *dataset = sums_by_key();
    const struct tl_source_driver *driver = &tl_source_driver_postgres;
    struct tl_value thousand = {.type = tl_type_simple(TL_TYPE_INT128), .as.int128 = {1000, 0}};
    const struct tl_expr *having = make(TL_EXPR_GT, 2, (struct tl_expr *[]){column_number(dataset, 1), constant(thousand)});
    struct tl_scan_order order = {.column = 1, .descending = true};
    const char *reason, *sql;
    assert_true(driver->can_push(source, dataset, having, &reason));
    assert_true(driver->can_push_order(source, dataset, &order));
    order.column = 3; /* the quotient is made here */
    assert_false(driver->can_push_order(source, dataset, &order));
    order.column = 1;
    struct tl_scan_request request = {.dataset = dataset, .column_count = 2, .columns = (int[]){0, 1}, .filter_count = 1, .filters = &having,
                                      .limit = 5, .order_count = 1, .order = &order};
    struct tl_chunk *chunk;
    struct tl_err err;
    assert_int_equal(read_all(&request, &chunk, &sql, &err), TL_OK);
    assert_non_null(strstr(sql, "GROUP BY"));
    assert_non_null(strstr(sql, "LIMIT 5"));
    const char *names[] = {"v0", "v1"};
    const struct tl_type *types[] = {&dataset->columns[0].type, &dataset->columns[1].type};
    truth_load("got", names, types, chunk);
    assert_string_equal(truth_value(arena, "SELECT CAST(list((v0, v1)) AS VARCHAR) FROM got"),
                        truth_value(arena, "SELECT CAST(list((k, s)) AS VARCHAR) FROM (SELECT k, sum(i8) AS s"
                                           " FROM many GROUP BY k HAVING s > 1000 ORDER BY s DESC LIMIT 5)"));
    /* only their number */
    request = (struct tl_scan_request){.dataset = dataset, .column_count = 1, .columns = (int[]){-1}, .filter_count = 1, .filters = &having, .limit = -1};
    assert_int_equal(read_all(&request, &chunk, &sql, &err), TL_OK);
    assert_string_equal(tl_arena_printf(arena, "%zu", chunk->row_count),
                        truth_value(arena, "SELECT count(*) FROM (SELECT k FROM many GROUP BY k HAVING sum(i8) > 1000)"));
}

static void test_groups_of_groups(void **state)
{
    (void)state;
    struct table inner = {.name = "(SELECT k AS k, sum(i8) AS sum, count(*) AS count_star, avg(d12) AS avg, max(t) AS max FROM many GROUP BY k)",
                          .dataset = sums_by_key()};
    struct tl_expr *by = col_of(inner.dataset, 0, "max");
    assert_true(check_aggregate(&inner, by, aggregate(&inner, "sum", col(&inner, "count_star"), false, NULL)));
    assert_true(check_aggregate(&inner, by, aggregate(&inner, "max", col(&inner, "sum"), false, NULL)));
    assert_true(check_aggregate(&inner, NULL, aggregate(&inner, "count", col(&inner, "avg"), false, NULL)));
    assert_false(check_aggregate(&inner, NULL, aggregate(&inner, "max", col(&inner, "avg"), false, NULL)));
}

/* --- joins --- */

static struct tl_source_dataset *join(enum tl_join_kind kind, const struct tl_source_dataset *left, const struct tl_source_dataset *right,
                                      size_t condition_count, const struct tl_expr *const *conditions, size_t filter_count,
                                      const struct tl_expr *const *filters, size_t output_count, const struct tl_expr *const *outputs, const char **reason)
{
    struct tl_derivation_input *inputs = TL_NEW_ARRAY(arena, struct tl_derivation_input, 2);
    inputs[0].dataset = left;
    inputs[1] = (struct tl_derivation_input){right, kind, condition_count, conditions};
    return derive(&(struct tl_derivation){.input_count = 2, .inputs = inputs, .filter_count = filter_count, .filters = filters,
                                          .output_count = output_count, .outputs = outputs}, reason);
}

static const char *join_sql(enum tl_join_kind kind, const char *outputs, const char *condition, const char *filter)
{
    static const char *const words[] = {[TL_JOIN_INNER] = "JOIN", [TL_JOIN_LEFT] = "LEFT JOIN", [TL_JOIN_SEMI] = "SEMI JOIN", [TL_JOIN_ANTI] = "ANTI JOIN"};
    return tl_arena_printf(arena, "SELECT %s FROM plain i0 %s edge i1 ON %s%s%s", outputs, words[kind], condition, *filter ? " WHERE " : "", filter);
}

static void check_join(enum tl_join_kind kind, const char *left_key, const char *right_key, enum tl_expr_kind comparison, bool filtered)
{
    const struct tl_source_dataset *inputs[] = {tables[PLAIN].dataset, tables[EDGE].dataset};
    const struct tl_expr *condition = make(comparison, 2, (struct tl_expr *[]){col_of(inputs[0], 0, left_key), col_of(inputs[1], 1, right_key)});
    const struct tl_expr *filter = make(TL_EXPR_LT, 2, (struct tl_expr *[]){col_of(inputs[0], 0, "id"), whole(TL_TYPE_INT32, 60)});
    const struct tl_expr *outputs[] = {col_of(inputs[0], 0, "id"), col_of(inputs[0], 0, "t"), col_of(inputs[1], 1, "id"), col_of(inputs[1], 1, "t")};
    bool both = kind == TL_JOIN_INNER || kind == TL_JOIN_LEFT;
    size_t count = both ? 4 : 2;
    const char *reason;
    struct tl_source_dataset *dataset = join(kind, inputs[0], inputs[1], 1, &condition, filtered, &filter, count, outputs, &reason);
    if (!dataset)
        fail_msg("%s = %s: %s", left_key, right_key, reason);
    check_rows(dataset, join_sql(kind, outputs_sql(count, outputs, inputs), print(condition, inputs), filtered ? print(filter, inputs) : ""));
    if (!both) /* what a semi-join looks at has no columns */
        assert_null(join(kind, inputs[0], inputs[1], 1, &condition, 0, NULL, 3, outputs, &reason));
}

static void test_joins_mean_the_same(void **state)
{
    (void)state;
    static const char *const keys[][2] = {{"i2", "i2"}, {"i4", "i8"}, {"i8", "i2"}, {"t", "t"}, {"g", "t"}, {"g", "g"}, {"c", "c"}, {"c", "t"},
                                          {"e", "e"}, {"b", "b"}, {"d4", "d9"}, {"i4", "d4"}, {"f4", "f4"}, {"f8", "f8"}, {"k", "k"}, {"ti", "ti"}};
    for (int kind = TL_JOIN_INNER; kind <= TL_JOIN_ANTI; kind++)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
            check_join((enum tl_join_kind)kind, keys[i][0], keys[i][1], TL_EXPR_EQ, false);
            check_join((enum tl_join_kind)kind, keys[i][0], keys[i][1], TL_EXPR_LT, true);
        }
}

/* Three inputs, a semi-join between two others, groups over all of it. */
static void test_many_inputs_and_groups_over_them(void **state)
{
    (void)state;
    struct tl_source_dataset *many = tables[MANY].dataset, *sums = sums_by_key();
    const struct tl_source_dataset *printed[] = {many, tables[PLAIN].dataset, sums};
    const struct tl_expr *exists = make(TL_EXPR_EQ, 2, (struct tl_expr *[]){col_of(many, 0, "k"), col_of(tables[PLAIN].dataset, 1, "i4")});
    const struct tl_expr *equal = make(TL_EXPR_EQ, 2, (struct tl_expr *[]){col_of(many, 0, "k"), col_of(sums, 2, "k")});
    struct tl_derivation_input inputs[] = {{.dataset = many}, {tables[PLAIN].dataset, TL_JOIN_SEMI, 1, &exists}, {sums, TL_JOIN_LEFT, 1, &equal}};
    struct tl_expr *argument = col_of(sums, 2, "count_star"), *sum = make(TL_EXPR_AGGREGATE, 1, &argument);
    sum->function = "sum";
    sum->type = tl_type_simple(TL_TYPE_INT128);
    const struct tl_expr *key = col_of(many, 0, "t"), *outputs[] = {key, sum};
    const char *reason;
    struct tl_source_dataset *dataset = derive(&(struct tl_derivation){.input_count = 3, .inputs = inputs, .grouped = true, .group_count = 1,
                                                                       .groups = &key, .output_count = 2, .outputs = outputs}, &reason);
    assert_non_null(dataset);
    check_rows(dataset, tl_arena_printf(arena,
        "SELECT %s FROM many i0 SEMI JOIN plain i1 ON %s LEFT JOIN (SELECT k, count(*) AS count_star FROM many GROUP BY k) i2 ON %s GROUP BY %s",
        outputs_sql(2, outputs, printed), print(exists, printed), print(equal, printed), print(key, printed)));
}

/* What no expression can speak of is still passed on. */
static void test_columns_of_any_type_pass(void **state)
{
    (void)state;
    test_run(&server, "CREATE TABLE odd (id int, j jsonb, l int[], iv interval, a inet, r int4range, o oid);"
                      "INSERT INTO odd VALUES (1, '{\"a\": 1}', '{1,NULL}', '1 mon 2 days', '10.0.0.1', '[1,5)', 7), (2, NULL, NULL, NULL, NULL, NULL, NULL)");
    struct tl_source_dataset *odd = test_describe(source, arena, "public", "odd");
    struct table table = {.name = "odd", .dataset = odd};
    const struct tl_expr *outputs[7];
    const char *reason;
    for (size_t i = 0; i < 7; i++)
        outputs[i] = col(&table, odd->columns[i].name);
    struct tl_source_dataset *dataset = project(&table, 7, outputs, &reason);
    assert_non_null(dataset);
    struct tl_scan_request request = {.dataset = dataset, .column_count = 7, .columns = test_all_columns(arena, dataset), .limit = -1};
    struct test_rows rows, direct = test_table(source, arena, "public", "odd");
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_OK);
    for (size_t row = 0; row < 2; row++)
        for (size_t i = 0; i < 7; i++)
            assert_true(tl_streq(test_cell(&rows, row, i), test_cell(&direct, row, i)));
    struct tl_expr *json = col(&table, "j");
    assert_null(group(&table, 1, &json, 1, &json, &reason));
    struct tl_expr *count = make(TL_EXPR_AGGREGATE, 1, &json);
    count->function = "count";
    count->type = tl_type_simple(TL_TYPE_INT64);
    assert_non_null(group(&table, 0, NULL, 1, &count, &reason));
    count->distinct = true;
    assert_null(group(&table, 0, NULL, 1, &count, &reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aggregates_mean_the_same),
        cmocka_unit_test(test_edge_values_aggregate_the_same),
        cmocka_unit_test(test_averages_are_equal_to_the_last_bit),
        cmocka_unit_test(test_groups_may_be_expressions_and_constants),
        cmocka_unit_test(test_what_could_differ_is_not_computed),
        cmocka_unit_test(test_filters_orders_and_limits_over_groups),
        cmocka_unit_test(test_groups_of_groups),
        cmocka_unit_test(test_joins_mean_the_same),
        cmocka_unit_test(test_many_inputs_and_groups_over_them),
        cmocka_unit_test(test_columns_of_any_type_pass),
    };
    test_server_start(&server);
    int failures = cmocka_run_group_tests(tests, world_set_up, world_tear_down);
    printf("%zu computed results compared\n", compared);
    test_server_stop(&server);
    return failures;
}
