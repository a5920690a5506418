/* Aggregates: name and argument -> ClickHouse's spelling, with the engine's exact result.
 *
 *   count(*), count(x), count(DISTINCT x)   test_counts_equal_the_truth
 *   sum of whole numbers, decimals, reals   test_sums_equal_the_truth      in 128 bits, so that nothing wraps
 *   min, max                                test_extremes_equal_the_truth  NaN is the greatest number
 *   avg                                     test_averages_equal_the_truth  sum and count; the division is done here as the engine
 *                                           does it (native_convert.c), since rounding differs
 * What nothing contributes to is NULL (-OrNull), FILTER is -If.  Reals are summed in another order than here; so does the
 * engine from run to run. */
#include <string.h>

#include "sources/clickhouse/spell.h"

enum { SUM_DIGITS_MAX = 25 }; /* 10^13 of them fit into a decimal of 38 digits */

struct aggregate {
    struct tl_clickhouse_speller *speller;
    const struct tl_expr *expr;
    const char *argument;  /* its text; "" for none */
    const char *condition; /* of FILTER, as ", ..." or "..."; "" for none */
};

/* name[If](argument[, condition]) */
static void call(struct aggregate *aggregate, const char *name, const char *before, const char *after)
{
    struct tl_buf *sql = aggregate->speller->sql;
    bool filtered = aggregate->condition[0];
    tl_buf_addf(sql, "%s%s(%s", name, filtered ? "If" : "", before);
    tl_buf_adds(sql, aggregate->argument);
    tl_buf_adds(sql, after);
    if (filtered && (aggregate->argument[0] || before[0]))
        tl_buf_adds(sql, ", ");
    tl_buf_adds(sql, aggregate->condition);
    tl_buf_addc(sql, ')');
}

static bool decline(const struct aggregate *aggregate, const char *reason)
{
    return tl_clickhouse_decline(aggregate->speller, reason);
}

static bool count(struct aggregate *aggregate, const char **ret_type)
{
    const struct tl_expr *expr = aggregate->expr;
    *ret_type = "Int64";
    tl_buf_adds(aggregate->speller->sql, "toInt64(");
    if (!expr->distinct) {
        call(aggregate, "count", "", "");
    } else if (expr->child_count != 1) {
        return decline(aggregate, "malformed");
    } else if (tl_clickhouse_is_real(expr->children[0]->type.id)) { /* one zero, one NaN */
        const char *after = tl_arena_printf(aggregate->speller->arena, "), NULL, if(isNaN(%s), nan, (%s) + 0))",
                                            aggregate->argument, aggregate->argument);
        call(aggregate, "uniqExact", "if(isNull(", after);
    } else {
        call(aggregate, "uniqExact", "", "");
    }
    tl_buf_addc(aggregate->speller->sql, ')');
    return true;
}

static bool sum(struct aggregate *aggregate, const char **ret_type)
{
    const struct tl_type *type = &aggregate->expr->children[0]->type;
    if (aggregate->expr->distinct)
        return decline(aggregate, "a sum of distinct values");
    if (tl_clickhouse_is_whole(type->id) || type->id == TL_TYPE_BOOLEAN) {
        bool narrow = aggregate->expr->type.id == TL_TYPE_INT64; /* Trino's dialect; beyond bigint both say so */
        *ret_type = narrow ? "Nullable(Int64)" : "Nullable(Int128)";
        tl_buf_adds(aggregate->speller->sql, narrow ? "accurateCast(" : "");
        call(aggregate, "sumOrNull", "toInt128(", ")");
        tl_buf_adds(aggregate->speller->sql, narrow ? ", 'Nullable(Int64)')" : "");
    } else if (type->id == TL_TYPE_DECIMAL && type->precision <= SUM_DIGITS_MAX) {
        *ret_type = tl_arena_printf(aggregate->speller->arena, "Nullable(Decimal(38, %d))", type->scale);
        call(aggregate, "sumOrNull", "", "");
    } else if (type->id == TL_TYPE_DOUBLE) {
        *ret_type = "Nullable(Float64)";
        call(aggregate, "sumOrNull", "", "");
    } else {
        return decline(aggregate, "a sum of a type without an equal meaning there");
    }
    return true;
}

/* NaN counts only when there is nothing else (min), or always (max). */
static void extreme_of_reals(struct aggregate *aggregate, bool least)
{
    struct tl_buf *sql = aggregate->speller->sql;
    tl_arena *arena = aggregate->speller->arena;
    const char *all = aggregate->condition, *and = all[0] ? tl_arena_printf(arena, " AND ifNull(%s, 0)", all) : "";
    const char *nan = tl_arena_printf(arena, "ifNull(isNaN(%s), 0)%s", aggregate->argument, and);
    const char *number = tl_arena_printf(arena, "ifNull(NOT isNaN(%s), 0)%s", aggregate->argument, and);
    const char *extreme = tl_arena_printf(arena, "%sOrNullIf(%s, %s)", least ? "min" : "max", aggregate->argument, number);
    const char *none = tl_arena_printf(arena, "if(countIf(%s) > 0, nan, NULL)", nan);
    if (least)
        tl_buf_addf(sql, "coalesce(%s, %s)", extreme, none);
    else
        tl_buf_addf(sql, "coalesce(%s, %s)", none, extreme);
}

static bool extreme(struct aggregate *aggregate, const char **ret_type)
{
    const struct tl_type *type = &aggregate->expr->children[0]->type;
    bool least = tl_streq(aggregate->expr->function, "min");
    const char *home = tl_clickhouse_home(aggregate->speller->arena, type);
    if (!tl_clickhouse_has_order(type->id) || !home)
        return decline(aggregate, "the least of a type without an equal order there");
    *ret_type = tl_arena_printf(aggregate->speller->arena, "Nullable(%s)", home);
    if (tl_clickhouse_is_real(type->id))
        extreme_of_reals(aggregate, least);
    else
        call(aggregate, least ? "minOrNull" : "maxOrNull", "", "");
    return true;
}

/* The engine divides in double what is of 16 bits, and in long double what is wider. */
static bool average(struct aggregate *aggregate, const char **ret_type)
{
    const struct tl_type *type = &aggregate->expr->children[0]->type;
    bool whole = tl_clickhouse_is_whole(type->id), decimal = type->id == TL_TYPE_DECIMAL && type->precision <= SUM_DIGITS_MAX;
    if (aggregate->expr->distinct || aggregate->expr->type.id != TL_TYPE_DOUBLE || (!whole && !decimal && type->id != TL_TYPE_DOUBLE))
        return decline(aggregate, "an average of a type without an equal meaning there");
    if (type->id == TL_TYPE_DOUBLE) {
        *ret_type = "Nullable(Float64)";
        tl_buf_addc(aggregate->speller->sql, '(');
        call(aggregate, "sumOrNull", "", "");
        tl_buf_adds(aggregate->speller->sql, " / ");
        call(aggregate, "count", "", "");
        tl_buf_addc(aggregate->speller->sql, ')');
        return true;
    }
    *ret_type = tl_arena_printf(aggregate->speller->arena, "Average(%d, %d)", tl_type_width(type) <= 2 ? 16 : 128,
                                decimal ? type->scale : 0);
    tl_buf_adds(aggregate->speller->sql, "tuple(");
    call(aggregate, "sumOrNull", decimal ? "" : "toInt128(", decimal ? "" : ")");
    tl_buf_adds(aggregate->speller->sql, ", ");
    call(aggregate, "count", "", "");
    tl_buf_addc(aggregate->speller->sql, ')');
    return true;
}

static bool read_parts(struct aggregate *aggregate)
{
    struct tl_clickhouse_speller *speller = aggregate->speller;
    const struct tl_expr *expr = aggregate->expr;
    struct tl_clickhouse_spelled spelled;
    aggregate->argument = aggregate->condition = "";
    if (expr->child_count > 1)
        return decline(aggregate, "an aggregate of several arguments");
    if (expr->child_count == 1) {
        aggregate->argument = tl_clickhouse_spell_apart(speller, expr->children[0], &spelled);
        if (!aggregate->argument)
            return decline(aggregate, "too long");
        if (spelled.folded)
            return decline(aggregate, "lower and upper case are not the same there, but for ASCII");
    }
    if (expr->filter)
        aggregate->condition = expr->filter->type.id == TL_TYPE_BOOLEAN
                                   ? tl_clickhouse_spell_apart(speller, expr->filter, &spelled)
                                   : NULL;
    return aggregate->condition ? true : decline(aggregate, "a condition without an equal spelling there");
}

bool tl_clickhouse_spell_aggregate(struct tl_clickhouse_speller *speller, const struct tl_expr *expr, const char **ret_type)
{
    static const struct {
        const char *name;
        size_t arguments;
        bool (*spell)(struct aggregate *aggregate, const char **ret_type);
    } aggregates[] = {
        {"count_star", 0, count}, {"count", 0, count},        {"count", 1, count}, {"sum", 1, sum},
        {"sum_no_overflow", 1, sum}, {"min", 1, extreme}, {"max", 1, extreme}, {"avg", 1, average},
    };
    struct aggregate aggregate = {.speller = speller, .expr = expr};
    speller->exact = true;
    for (size_t i = 0; i < sizeof aggregates / sizeof aggregates[0]; i++) {
        if (!tl_streq(aggregates[i].name, expr->function) || aggregates[i].arguments != expr->child_count)
            continue;
        return read_parts(&aggregate) && aggregates[i].spell(&aggregate, ret_type) &&
               (!speller->sql->failed || decline(&aggregate, "too long"));
    }
    return decline(&aggregate, "an aggregate without an equal meaning there");
}
