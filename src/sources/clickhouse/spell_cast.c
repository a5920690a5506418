/* Arithmetic that never wraps, and casts that never fail and mean the same. */
#include <stdio.h>
#include <string.h>

#include "sources/clickhouse/spell.h"

enum { DOUBLE_DIGITS = 15, DECIMAL_DIGITS = 38 };

/* test_whole_arithmetic_equals_the_truth: two numbers of 64 bits, their sum, difference or product in one that holds it. */
static bool whole(struct tl_clickhouse_speller *speller, const char *const *texts, char sign, bool is_unsigned)
{
    const char *wide = sign == '*' && is_unsigned ? "toInt256" : "toInt128";
    tl_buf_addf(speller->sql, "(%s(%s)", wide, texts[0]);
    tl_buf_addf(speller->sql, " %c %s(", sign, wide);
    tl_buf_addf(speller->sql, "%s))", texts[1]);
    return true;
}

/* test_decimal_arithmetic_equals_the_truth.  To what 18 digits may not hold the engine gives a type of 18 all the same, and fails
 * on a result of more; ClickHouse's CAST to that type fails only on what 64 bits do not hold. */
static bool decimal(struct tl_clickhouse_speller *speller, const struct tl_expr *expr, const char *const *texts, char sign)
{
    const struct tl_type *a = &expr->children[0]->type, *b = &expr->children[1]->type;
    int scale = sign == '*' ? a->scale + b->scale : a->scale, longer = a->precision > b->precision ? a->precision : b->precision;
    int digits = sign == '*' ? a->precision + b->precision : longer + 1;
    if (scale != expr->type.scale || (sign != '*' && a->scale != b->scale) || digits > DECIMAL_DIGITS)
        return tl_clickhouse_decline(speller, "a decimal of too many digits");
    const char *result = tl_arena_printf(speller->arena, "(toDecimal128(%s, %d) %c toDecimal128(%s, %d))", texts[0], a->scale, sign,
                                         texts[1], b->scale);
    if (digits <= expr->type.precision) {
        tl_buf_adds(speller->sql, result);
        return true;
    }
    if (strlen(result) > TL_CLICKHOUSE_TWICE_BYTES_MAX)
        return tl_clickhouse_decline(speller, "too long to be said twice");
    tl_buf_addf(speller->sql, "(%s + accurateCast(if(abs(%s) >= toDecimal128('1", result, result);
    for (int i = scale; i < expr->type.precision; i++)
        tl_buf_addc(speller->sql, '0');
    tl_buf_addf(speller->sql, "', %d), 256, 0), 'UInt8'))", scale); /* what no byte holds is refused */
    return true;
}

bool tl_clickhouse_spell_arithmetic(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                    struct tl_clickhouse_spelled *ret_spelled)
{
    struct tl_clickhouse_spelled one;
    const char *texts[2];
    bool sign = expr->function[0] && strchr("+-*", expr->function[0]) && !expr->function[1];
    if (!sign || expr->child_count != 2)
        return tl_clickhouse_decline(speller, "function without an equal meaning there");
    enum tl_type_id left = expr->children[0]->type.id, right = expr->children[1]->type.id;
    bool of_whole = tl_clickhouse_is_whole(left) && tl_clickhouse_is_whole(right) && tl_clickhouse_is_whole(expr->type.id);
    bool of_decimals = left == TL_TYPE_DECIMAL && right == TL_TYPE_DECIMAL && expr->type.id == TL_TYPE_DECIMAL;
    if (!of_whole && !of_decimals)
        return tl_clickhouse_decline(speller, "arithmetic of types without a like there");
    bool nullable = false;
    for (int i = 0; i < 2; i++) {
        texts[i] = tl_clickhouse_spell_apart(speller, expr->children[i], &one);
        if (!texts[i])
            return tl_clickhouse_decline(speller, "too long");
        nullable |= one.nullable;
    }
    bool is_unsigned = left == TL_TYPE_UINT64 || right == TL_TYPE_UINT64;
    char type[32] = "Int128";
    if (of_decimals)
        snprintf(type, sizeof type, "Decimal(%d, %d)", (int)DECIMAL_DIGITS, expr->type.scale);
    else if (is_unsigned && expr->function[0] == '*')
        snprintf(type, sizeof type, "Int256");
    *ret_spelled = (struct tl_clickhouse_spelled){.type = tl_clickhouse_type_of(speller->arena, type), .nullable = nullable};
    return of_whole ? whole(speller, texts, expr->function[0], is_unsigned)
                    : decimal(speller, expr, texts, expr->function[0]);
}

/* How many digits a whole number of this type can have. */
static int digits_of(enum tl_type_id id)
{
    static const struct {
        enum tl_type_id id;
        int digits;
    } digits[] = {{TL_TYPE_INT8, 3},  {TL_TYPE_UINT8, 3},   {TL_TYPE_INT16, 5},  {TL_TYPE_UINT16, 5},
                  {TL_TYPE_INT32, 10}, {TL_TYPE_UINT32, 10}, {TL_TYPE_INT64, 19}, {TL_TYPE_UINT64, 20}};
    for (size_t i = 0; i < sizeof digits / sizeof digits[0]; i++)
        if (digits[i].id == id)
            return digits[i].digits;
    return DECIMAL_DIGITS + 1;
}

static bool is_signed(enum tl_type_id id)
{
    return id >= TL_TYPE_INT8 && id <= TL_TYPE_INT128;
}

/* Does every number of the first type fit into the second? */
static bool widens(enum tl_type_id from, enum tl_type_id to)
{
    static const int bits[] = {[TL_TYPE_INT8] = 8,   [TL_TYPE_INT16] = 16,  [TL_TYPE_INT32] = 32,
                               [TL_TYPE_INT64] = 64, [TL_TYPE_INT128] = 128, [TL_TYPE_UINT8] = 8,
                               [TL_TYPE_UINT16] = 16, [TL_TYPE_UINT32] = 32, [TL_TYPE_UINT64] = 64,
                               [TL_TYPE_UINT128] = 128};
    if (is_signed(from) && !is_signed(to))
        return false;
    return is_signed(from) == is_signed(to) ? bits[from] <= bits[to] : bits[from] < bits[to];
}

/* The function that casts, with its end; NULL: means something else, or may fail.  test_casts_equal_the_truth. */
static const char *cast_function(tl_arena *arena, const struct tl_type *from, const struct tl_type *to)
{
    bool from_whole = (from->id >= TL_TYPE_INT8 && from->id <= TL_TYPE_UINT128),
         to_whole = (to->id >= TL_TYPE_INT8 && to->id <= TL_TYPE_UINT128);
    if (from_whole && to_whole)
        return widens(from->id, to->id) ? tl_arena_printf(arena, "to%s", tl_clickhouse_home(arena, to)) : NULL;
    if (tl_clickhouse_is_whole(from->id) && to->id == TL_TYPE_DOUBLE)
        return "toFloat64";
    if (from->id == TL_TYPE_FLOAT && to->id == TL_TYPE_DOUBLE)
        return "toFloat64";
    if (from->id == TL_TYPE_DECIMAL && to->id == TL_TYPE_DOUBLE)
        return from->precision <= DOUBLE_DIGITS ? "toFloat64" : NULL;
    if (from->id == TL_TYPE_BOOLEAN && to_whole)
        return tl_arena_printf(arena, "to%s", tl_clickhouse_home(arena, to));
    if (to->id == TL_TYPE_VARCHAR && (from_whole || from->id == TL_TYPE_BOOLEAN || from->id == TL_TYPE_UUID ||
                                      from->id == TL_TYPE_DATE))
        return "toString";
    if (from->id == TL_TYPE_TIMESTAMP && to->id == TL_TYPE_DATE)
        return "toDate32";
    return NULL;
}

static bool decimal_widens(const struct tl_type *from, const struct tl_type *to)
{
    if (to->id != TL_TYPE_DECIMAL)
        return false;
    if (tl_clickhouse_is_whole(from->id))
        return digits_of(from->id) <= to->precision - to->scale;
    return from->id == TL_TYPE_DECIMAL && from->scale <= to->scale &&
           from->precision - from->scale <= to->precision - to->scale;
}

bool tl_clickhouse_spell_cast(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                              struct tl_clickhouse_spelled *ret_spelled)
{
    size_t start = speller->sql->size;
    bool exact = speller->exact;
    if (expr->child_count != 1)
        return tl_clickhouse_decline(speller, "malformed");
    const struct tl_type *from = &expr->children[0]->type, *to = &expr->type;
    const char *function = cast_function(speller->arena, from, to), *after = ")";
    if (!function && decimal_widens(from, to)) {
        const struct tl_clickhouse_type *home = tl_clickhouse_home_type(speller->arena, to);
        function = tl_arena_printf(speller->arena, "toDecimal%d", home->width * 8);
        after = tl_arena_printf(speller->arena, ", %d)", to->scale);
    } else if (!function && from->id == TL_TYPE_DATE && to->id == TL_TYPE_TIMESTAMP) {
        function = "toDateTime64";
        after = ", 6, 'UTC')";
    } else if (!function) {
        return tl_clickhouse_decline(speller, "a cast without an equal meaning there");
    }
    speller->exact = true;
    if (!tl_clickhouse_spell_home(speller, expr->children[0], ret_spelled))
        return false;
    speller->exact = exact;
    if (from->id == TL_TYPE_BOOLEAN && to->id == TL_TYPE_VARCHAR)
        tl_clickhouse_wrap(speller->sql, start, "toBool(", ")");
    tl_clickhouse_wrap(speller->sql, start, tl_arena_printf(speller->arena, "%s(", function), after);
    ret_spelled->type = tl_clickhouse_home_type(speller->arena, to);
    return ret_spelled->type && !ret_spelled->folded ? true : tl_clickhouse_decline(speller, "a type without a like there");
}
