/* What PostgreSQL computes for us is what the engine would have computed: every row of the driver's tables (functions, casts,
 * aggregates, joins) on a real server, beside the engine's own answer on a copy of the same rows, value by value. */
#include <stdio.h>
#include <stdlib.h>

#include "postgres_world.h"

enum { BATCH = 40, POOL = 600 };

static size_t checked, declined, failing;

static struct batch {
    const struct table *table;
    size_t count;
    const struct tl_expr *outputs[BATCH + 1]; /* id first */
} batch;

static const char *difference(const struct table *table, const struct tl_expr *expr, size_t column)
{
    const char *printed = print_of(table, expr);
    const char *text = truth_value(arena, tl_arena_printf(arena,
        "SELECT string_agg(i0.id || ': ' || coalesce(CAST(v%zu AS VARCHAR), 'NULL') || ' for ' || coalesce(CAST(%s AS VARCHAR), 'NULL'), '; ' ORDER BY i0.id)"
        " FROM got JOIN %s i0 ON v0 = i0.id WHERE CAST(v%zu AS VARCHAR) IS DISTINCT FROM CAST(%s AS VARCHAR)",
        column, printed, table->name, column, printed));
    return text ? text : truth_failure;
}

/* All at once; one by one only when something is wrong. */
static bool all_equal(void)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 24);
    tl_buf_adds(&sql, "SELECT count(*)");
    for (size_t i = 1; i <= batch.count; i++)
        tl_buf_addf(&sql, " + count(*) FILTER (WHERE CAST(v%zu AS VARCHAR) IS DISTINCT FROM CAST(%s AS VARCHAR))", i,
                    print_of(batch.table, batch.outputs[i]));
    tl_buf_addf(&sql, " = %zu FROM got JOIN %s i0 ON v0 = i0.id", batch.table->rows->row_count, batch.table->name);
    const char *equal = truth_value(arena, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
    return tl_streq(equal, "true");
}

static enum tl_code load_outputs(size_t count, const struct tl_expr *const *outputs, struct tl_err *err)
{
    const char *reason;
    const struct tl_source_dataset *dataset = project(batch.table, count, outputs, &reason);
    assert_non_null(dataset);
    return load_got(dataset, err);
}

/* What is an error in the engine is one at the source, and the other way round. */
static void drop_failures(void)
{
    size_t kept = 0;
    for (size_t i = 1; i <= batch.count; i++) {
        struct tl_err err;
        const struct tl_expr *expr = batch.outputs[i];
        enum tl_code code = load_outputs(1, &expr, &err);
        bool fails = !truth_value(arena, tl_arena_printf(arena, "SELECT count(CAST(%s AS VARCHAR)) FROM %s i0",
                                                         print_of(batch.table, expr), batch.table->name));
        if (fails != (code != TL_OK))
            fail_msg("%s of %s: an error only in %s: %s%s", print_of(batch.table, expr), batch.table->name, fails ? "the engine" : "PostgreSQL",
                     fails ? truth_failure : err.message, fails ? "" : err.detail);
        if (!fails)
            batch.outputs[++kept] = expr;
        failing += fails;
    }
    batch.count = kept;
}

static void check_batch(void)
{
    struct tl_err err;
    if (batch.count == 0)
        return;
    batch.outputs[0] = col(batch.table, "id");
    if (load_outputs(batch.count + 1, batch.outputs, &err) != TL_OK || !all_equal()) {
        drop_failures();
        if (load_outputs(batch.count + 1, batch.outputs, &err) != TL_OK)
            fail_msg("%s %s", err.message, err.detail);
        for (size_t i = 1; i <= batch.count; i++)
            if (!tl_streq(difference(batch.table, batch.outputs[i], i), "NULL"))
                fail_msg("%s of %s: got %s", print_of(batch.table, batch.outputs[i]), batch.table->name, difference(batch.table, batch.outputs[i], i));
    }
    checked += batch.count;
    batch.count = 0;
}

/* Is it taken?  Then it means the same. */
static bool check(const struct table *table, const struct tl_expr *expr)
{
    const char *reason;
    const struct tl_expr *outputs[] = {expr};
    if (!project(table, 1, outputs, &reason)) {
        declined++;
        return false;
    }
    if (batch.count == BATCH || (batch.count > 0 && batch.table != table))
        check_batch();
    batch.table = table;
    batch.outputs[++batch.count] = expr;
    return true;
}

/* --- functions --- */

/* Arguments: t text, s text constant, u unit, i whole, n whole constant, d decimal, f float, D date, S timestamp, v interval, b truth */
static const struct {
    const char *name, *arguments;
} functions[] = {
    {"length", "t"}, {"len", "t"}, {"strlen", "t"}, {"substring", "tn"}, {"substring", "tnn"}, {"substr", "tn"}, {"substr", "tnn"},
    {"left", "tn"}, {"right", "tn"}, {"trim", "t"}, {"ltrim", "t"}, {"rtrim", "t"}, {"trim", "ts"}, {"ltrim", "ts"}, {"rtrim", "ts"},
    {"replace", "tss"}, {"||", "tt"}, {"instr", "ts"}, {"strpos", "ts"}, {"position", "ts"}, {"md5", "t"},
    {"prefix", "ts"}, {"starts_with", "ts"}, {"suffix", "ts"}, {"ends_with", "ts"}, {"contains", "ts"}, {"~~", "ts"}, {"!~~", "ts"},
    {"~~*", "ts"}, {"!~~*", "ts"},
    {"+", "ii"}, {"-", "ii"}, {"*", "ii"}, {"//", "in"}, {"%", "in"}, {"-", "i"}, {"abs", "i"}, {"@", "i"},
    {"+", "dd"}, {"-", "dd"}, {"*", "dd"}, {"-", "d"}, {"abs", "d"}, {"floor", "d"}, {"ceil", "d"}, {"ceiling", "d"}, {"-", "f"}, {"abs", "f"},
    {"year", "D"}, {"year", "S"}, {"quarter", "D"}, {"quarter", "S"}, {"month", "D"}, {"month", "S"}, {"week", "D"}, {"week", "S"},
    {"weekofyear", "D"}, {"weekofyear", "S"}, {"day", "D"}, {"day", "S"}, {"dayofmonth", "D"}, {"dayofmonth", "S"}, {"dayofweek", "D"},
    {"dayofweek", "S"}, {"weekday", "D"}, {"weekday", "S"}, {"isodow", "D"}, {"isodow", "S"}, {"dayofyear", "D"}, {"dayofyear", "S"},
    {"hour", "S"}, {"minute", "S"}, {"second", "S"}, {"date_trunc", "uS"}, {"date_trunc", "uD"}, {"datetrunc", "uS"}, {"datetrunc", "uD"},
    {"+", "Dv"}, {"+", "vD"}, {"-", "Dv"}, {"+", "Sv"}, {"+", "vS"}, {"-", "Sv"},
};

static size_t pool_of(const struct table *table, char letter, struct tl_expr **pool)
{
    static const char *const columns[128] = {['t'] = "t g c e", ['i'] = "i2 i4 i8", ['d'] = "d4 d9 d15 w", ['f'] = "f4 f8",
                                             ['D'] = "da", ['S'] = "ts", ['b'] = "b"};
    static const char *const texts[] = {"", "a", "K", " ", "\u00FC", "i", "%a%", "A_%", "\\", "abc", "\u0130", "_", "kel%"};
    static const char *const units[] = {"year", "quarter", "month", "week", "day", "hour", "minute", "second", "century"};
    static const int64_t numbers[] = {1, 2, 0, -1, -3, 5, 100};
    size_t count = 0;
    const char *names = columns[(int)letter];
    for (const char *at = names ? names : ""; *at; at += strcspn(at, " "), at += *at == ' ')
        pool[count++] = col(table, tl_arena_strndup(arena, at, strcspn(at, " ")));
    for (size_t i = 0; letter == 's' && i < sizeof texts / sizeof *texts; i++)
        pool[count++] = text(texts[i]);
    for (size_t i = 0; letter == 'u' && i < sizeof units / sizeof *units; i++)
        pool[count++] = text(units[i]);
    for (size_t i = 0; letter == 'n' && i < sizeof numbers / sizeof *numbers; i++) {
        pool[count++] = whole(TL_TYPE_INT64, numbers[i]);
        pool[count++] = whole(TL_TYPE_INT32, numbers[i]);
    }
    if (letter == 'i') {
        pool[count++] = whole(TL_TYPE_INT16, 3);
        pool[count++] = whole(TL_TYPE_INT32, -2);
        pool[count++] = whole(TL_TYPE_INT64, INT64_C(4611686018427387904));
        pool[count++] = null_of(tl_type_simple(TL_TYPE_INT32));
    }
    if (letter == 'd') {
        pool[count++] = constant((struct tl_value){.type = tl_type_decimal(4, 1), .as.int64 = -15});
        pool[count++] = constant((struct tl_value){.type = tl_type_decimal(9, 2), .as.int64 = 105});
    }
    if (letter == 'v') {
        pool[count++] = step(1, 0, 0);
        pool[count++] = step(-13, 0, 0);
        pool[count++] = step(0, 31, 1);
        pool[count++] = step(1, -1, -INT64_C(86400000001));
    }
    return count;
}

static bool check_combinations(const struct table *table, const char *name, const char *arguments, size_t i, struct tl_expr **chosen)
{
    struct tl_expr *pool[32];
    if (!arguments[i]) {
        const struct tl_expr *expr = call(table, name, i, chosen);
        return expr && check(table, expr);
    }
    bool any = false;
    size_t count = pool_of(table, arguments[i], pool);
    for (size_t k = 0; k < count; k++) {
        chosen[i] = pool[k];
        any |= check_combinations(table, name, arguments, i + 1, chosen);
    }
    return any;
}

static void test_functions_mean_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        struct tl_expr *chosen[3];
        for (size_t t = 0; t < 2; t++)
            if (!check_combinations(&tables[t], functions[i].name, functions[i].arguments, 0, chosen))
                fail_msg("%s(%s) is never taken", functions[i].name, functions[i].arguments);
    }
    check_batch();
}

/* lower() and upper() are right as far as they are ASCII, so they are taken where only that matters. */
static void test_case_of_letters_means_the_same_beside_ascii(void **state)
{
    (void)state;
    static const char *const names[] = {"lower", "lcase", "upper", "ucase"}, *const columns[] = {"t", "g", "c", "e"};
    static const char *const constants[] = {"", "a", "A", "kelvin k", "KELVIN", "ss", "S", "iii", "\u00FC", "k%"};
    for (size_t t = 0; t < 2; t++)
        for (size_t n = 0; n < 4; n++)
            for (size_t c = 0; c < 4; c++) {
                struct tl_expr *child = col(&tables[t], columns[c]), *folded = call(&tables[t], names[n], 1, &child);
                assert_false(check(&tables[t], folded));
                for (size_t k = 0; k < sizeof constants / sizeof *constants; k++) {
                    struct tl_expr *pair[] = {folded, text(constants[k])}, *list[] = {folded, text(constants[k]), text("x")};
                    bool ascii = k != 8;
                    assert_true(check(&tables[t], make(TL_EXPR_EQ, 2, pair)) == ascii);
                    assert_true(check(&tables[t], make(TL_EXPR_NE, 2, pair)) == ascii);
                    assert_true(check(&tables[t], make(TL_EXPR_IN, 3, list)) == ascii);
                    assert_true(check(&tables[t], call(&tables[t], "prefix", 2, pair)) == ascii);
                    assert_true(check(&tables[t], call(&tables[t], "contains", 2, pair)) == ascii);
                    assert_true(check(&tables[t], call(&tables[t], "~~", 2, pair)) == ascii);
                    assert_false(check(&tables[t], make(TL_EXPR_LT, 2, pair)));
                }
            }
    check_batch();
}

/* --- casts --- */

static void test_casts_mean_the_same(void **state)
{
    (void)state;
    static const char *const columns[] = {"b", "i2", "i4", "i8", "f4", "f8", "d4", "d9", "d15", "w", "t", "c", "e", "k", "da", "ts", "tz", "ti", "y"};
    static const char *const taken[] = {
        "b i4", "b t", "i2 i4", "i4 i2", "i4 i8", "i8 i4", "i4 f8", "i8 f8", "i8 f4", "i4 d9", "i8 w", "i4 t", "i8 t", "i4 b", "d4 d9", "w d9", "d9 d4",
        "d9 i4", "d4 i2", "d9 f8", "d15 f8", "d9 t", "w t", "f4 f8", "k t", "da t", "ts t", "da ts", "ts da", "c t", "e t",
    };
    size_t seen = 0;
    for (size_t t = 0; t < 2; t++)
        for (size_t from = 0; from < sizeof columns / sizeof *columns; from++)
            for (size_t to = 0; to < sizeof columns / sizeof *columns; to++) {
                struct tl_expr *child = col(&tables[t], columns[from]), *expr = make(TL_EXPR_CAST, 1, &child);
                expr->type = col(&tables[t], columns[to])->type;
                if (!truth_type(print_of(&tables[t], expr), tl_arena_printf(arena, "%s i0", tables[t].name), &expr->type) || !check(&tables[t], expr))
                    continue;
                for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
                    seen += tl_streq(taken[i], tl_arena_printf(arena, "%s %s", columns[from], columns[to]));
            }
    check_batch();
    assert_int_equal(seen, 2 * sizeof taken / sizeof *taken);
}

/* --- CASE, COALESCE, and all of them within each other --- */

static struct tl_expr *case_of(struct tl_expr *condition, struct tl_expr *yes, struct tl_expr *no)
{
    struct tl_expr *expr = make(TL_EXPR_CASE, 3, (struct tl_expr *[]){condition, yes, no});
    expr->type = yes->type;
    return expr;
}

static struct tl_expr *coalesce_of(struct tl_expr *first, struct tl_expr *second)
{
    struct tl_expr *expr = make(TL_EXPR_COALESCE, 2, (struct tl_expr *[]){first, second});
    expr->type = first->type;
    return expr;
}

static void test_case_and_coalesce_mean_the_same(void **state)
{
    (void)state;
    static const char *const columns[] = {"b", "i2", "i4", "i8", "f4", "f8", "d4", "d9", "w", "t", "g", "c", "e", "k", "da", "ts", "tz", "ti", "y"};
    for (size_t t = 0; t < 2; t++)
        for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
            struct tl_expr *value = col(&tables[t], columns[i]), *null = null_of(value->type);
            assert_true(check(&tables[t], case_of(col(&tables[t], "b"), value, null)));
            assert_true(check(&tables[t], case_of(make(TL_EXPR_IS_NULL, 1, &value), null, value)));
            assert_true(check(&tables[t], coalesce_of(null, value)));
            if (value->type.id == TL_TYPE_VARCHAR) {
                assert_true(check(&tables[t], coalesce_of(value, text("none"))));
                assert_true(check(&tables[t], case_of(col(&tables[t], "b"), col(&tables[t], "t"), coalesce_of(value, col(&tables[t], "g")))));
            }
        }
    check_batch();
}

static struct tl_expr *of_type(struct tl_expr *const *pool, size_t count, struct tl_type type)
{
    for (int tries = 0; tries < 200; tries++) {
        struct tl_expr *expr = pool[test_random_below(count)];
        if (tl_type_equal(&expr->type, &type))
            return expr;
    }
    return null_of(type);
}

static struct tl_expr *grow(const struct table *table, struct tl_expr *const *pool, size_t count)
{
    static const enum tl_expr_kind kinds[] = {TL_EXPR_EQ, TL_EXPR_NE, TL_EXPR_LT, TL_EXPR_LE, TL_EXPR_GT, TL_EXPR_GE};
    struct tl_expr *any = pool[test_random_below(count)], *same = of_type(pool, count, any->type);
    struct tl_type truth_value_type = tl_type_simple(TL_TYPE_BOOLEAN);
    struct tl_expr *logic[] = {of_type(pool, count, truth_value_type), of_type(pool, count, truth_value_type)};
    size_t function = test_random_below(sizeof functions / sizeof *functions);
    struct tl_expr *chosen[3], *constants[32];
    switch (test_random_below(6)) {
    case 0:
        return make(kinds[test_random_below(6)], 2, (struct tl_expr *[]){any, same});
    case 1:
        return make(test_random_below(2) ? TL_EXPR_AND : TL_EXPR_OR, 2, logic);
    case 2:
        return test_random_below(2) ? make(TL_EXPR_NOT, 1, logic) : make(TL_EXPR_IS_NULL, 1, &any);
    case 3:
        return case_of(logic[0], any, same);
    case 4:
        return coalesce_of(any, same);
    default:
        for (size_t i = 0; functions[function].arguments[i]; i++) {
            char letter = functions[function].arguments[i];
            bool takes_constant = strchr("suvn", letter) != NULL;
            chosen[i] = takes_constant ? constants[test_random_below(pool_of(table, letter, constants))] : pool[test_random_below(count)];
        }
        return call(table, functions[function].name, strlen(functions[function].arguments), chosen);
    }
}

static void test_expressions_within_each_other_mean_the_same(void **state)
{
    (void)state;
    const char *seed = getenv("TOWNLAKE_TEST_SEED");
    test_random_state ^= seed ? strtoull(seed, NULL, 10) * 7919 : 0;
    for (size_t t = 0; t < 2; t++) {
        struct tl_expr *pool[POOL];
        size_t count = 0;
        for (size_t i = 0; i < tables[t].dataset->column_count; i++)
            pool[count++] = col(&tables[t], tables[t].dataset->columns[i].name);
        for (int tries = 0; count < POOL && tries < 4 * POOL; tries++) {
            struct tl_expr *grown = grow(&tables[t], pool, count);
            if (grown && grown->type.id != TL_TYPE_INVALID && check(&tables[t], grown))
                pool[count++] = grown;
        }
        assert_true(count > POOL / 2);
        check_batch();
    }
}


int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_mean_the_same),
        cmocka_unit_test(test_case_of_letters_means_the_same_beside_ascii),
        cmocka_unit_test(test_casts_mean_the_same),
        cmocka_unit_test(test_case_and_coalesce_mean_the_same),
        cmocka_unit_test(test_expressions_within_each_other_mean_the_same),
    };
    test_server_start(&server);
    int failures = cmocka_run_group_tests(tests, world_set_up, world_tear_down);
    printf("%zu expressions taken and equal, %zu an error in both, %zu declined\n", checked, failing, declined);
    test_server_stop(&server);
    return failures;
}
