/* Columns, constants, and values in their home types. */
#include <string.h>

#include "sources/clickhouse/spell.h"

bool tl_clickhouse_decline(struct tl_clickhouse_speller *speller, const char *reason)
{
    if (!speller->reason)
        speller->reason = reason;
    return false;
}

void tl_clickhouse_wrap(struct tl_buf *sql, size_t start, const char *before, const char *after)
{
    size_t size = strlen(before);
    if (size > 0) {
        tl_buf_adds(sql, before);
        if (sql->failed)
            return;
        memmove(sql->data + start + size, sql->data + start, sql->size - start - size);
        memcpy(sql->data + start, before, size);
    }
    tl_buf_adds(sql, after);
}

/* --- types --- */

const struct tl_clickhouse_type *tl_clickhouse_type_of(tl_arena *arena, const char *text)
{
    struct tl_clickhouse_type *type;
    struct tl_err ignored;
    tl_err_init(&ignored);
    return tl_clickhouse_type_parse(arena, tl_str_of(text), false, &type, &ignored) == TL_OK ? type : NULL;
}

const char *tl_clickhouse_home(tl_arena *arena, const struct tl_type *type)
{
    static const struct {
        enum tl_type_id id;
        const char *name;
    } homes[] = {
        {TL_TYPE_BOOLEAN, "Bool"},
        {TL_TYPE_INT8, "Int8"},
        {TL_TYPE_INT16, "Int16"},
        {TL_TYPE_INT32, "Int32"},
        {TL_TYPE_INT64, "Int64"},
        {TL_TYPE_INT128, "Int128"},
        {TL_TYPE_UINT8, "UInt8"},
        {TL_TYPE_UINT16, "UInt16"},
        {TL_TYPE_UINT32, "UInt32"},
        {TL_TYPE_UINT64, "UInt64"},
        {TL_TYPE_UINT128, "UInt128"},
        {TL_TYPE_FLOAT, "Float32"},
        {TL_TYPE_DOUBLE, "Float64"},
        {TL_TYPE_VARCHAR, "String"},
        {TL_TYPE_BLOB, "String"},
        {TL_TYPE_UUID, "UUID"},
        {TL_TYPE_DATE, "Date32"},
        {TL_TYPE_TIMESTAMP, "DateTime64(6, 'UTC')"},
        {TL_TYPE_TIMESTAMPTZ, "DateTime64(6, 'UTC')"},
        {TL_TYPE_TIMESTAMP_NS, "DateTime64(9, 'UTC')"},
    };
    if (type->id == TL_TYPE_DECIMAL)
        return tl_arena_printf(arena, "Decimal(%d, %d)", type->precision, type->scale);
    for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++)
        if (homes[i].id == type->id)
            return homes[i].name;
    return NULL;
}

const struct tl_clickhouse_type *tl_clickhouse_home_type(tl_arena *arena, const struct tl_type *type)
{
    const char *name = tl_clickhouse_home(arena, type);
    return name ? tl_clickhouse_type_of(arena, name) : NULL;
}

/* How a value that is there in another form gets its home type.  test_forms_equal_the_truth. */
static const struct {
    enum tl_type_id id;
    enum tl_clickhouse_kind kind;
    const char *before, *after;
} forms[] = {
    {TL_TYPE_VARCHAR, TL_CLICKHOUSE_STRING, "", ""},
    {TL_TYPE_VARCHAR, TL_CLICKHOUSE_FIXED_STRING, "trim(TRAILING '\\0' FROM toString(", "))"},
    {TL_TYPE_VARCHAR, TL_CLICKHOUSE_ENUM, "toString(", ")"},
    {TL_TYPE_VARCHAR, TL_CLICKHOUSE_IPV4, "toString(", ")"},
    {TL_TYPE_BLOB, TL_CLICKHOUSE_STRING, "", ""},
    {TL_TYPE_UUID, TL_CLICKHOUSE_UUID, "", ""},
    {TL_TYPE_DATE, TL_CLICKHOUSE_DATE, "toDate32(", ")"},
    {TL_TYPE_DATE, TL_CLICKHOUSE_DATE32, "", ""},
    {TL_TYPE_TIMESTAMP, TL_CLICKHOUSE_DATETIME, "toDateTime64(", ", 6, 'UTC')"},
    {TL_TYPE_TIMESTAMP, TL_CLICKHOUSE_DATETIME64, "toDateTime64(", ", 6, 'UTC')"},
    {TL_TYPE_TIMESTAMPTZ, TL_CLICKHOUSE_DATETIME, "toDateTime64(", ", 6, 'UTC')"},
    {TL_TYPE_TIMESTAMPTZ, TL_CLICKHOUSE_DATETIME64, "toDateTime64(", ", 6, 'UTC')"},
    {TL_TYPE_TIMESTAMP_NS, TL_CLICKHOUSE_DATETIME64, "toDateTime64(", ", 9, 'UTC')"},
    {TL_TYPE_BOOLEAN, TL_CLICKHOUSE_BOOL, "", ""},
    {TL_TYPE_FLOAT, TL_CLICKHOUSE_FLOAT, "toFloat32(", ")"},
    {TL_TYPE_DOUBLE, TL_CLICKHOUSE_FLOAT, "", ""},
    {TL_TYPE_DECIMAL, TL_CLICKHOUSE_DECIMAL, "", ""},
};

static bool is_integer(enum tl_clickhouse_kind kind)
{
    return kind == TL_CLICKHOUSE_INT || kind == TL_CLICKHOUSE_UINT;
}

static bool is_integer_id(enum tl_type_id id)
{
    return id >= TL_TYPE_INT8 && id <= TL_TYPE_UINT128;
}

bool tl_clickhouse_is_whole(enum tl_type_id id)
{
    return (id >= TL_TYPE_INT8 && id <= TL_TYPE_INT64) || (id >= TL_TYPE_UINT8 && id <= TL_TYPE_UINT64);
}

bool tl_clickhouse_is_real(enum tl_type_id id)
{
    return id == TL_TYPE_FLOAT || id == TL_TYPE_DOUBLE;
}

bool tl_clickhouse_has_order(enum tl_type_id id)
{
    return id == TL_TYPE_BOOLEAN || is_integer_id(id) || tl_clickhouse_is_real(id) || id == TL_TYPE_DECIMAL ||
           id == TL_TYPE_VARCHAR || id == TL_TYPE_BLOB || id == TL_TYPE_DATE || id == TL_TYPE_TIMESTAMP ||
           id == TL_TYPE_TIMESTAMPTZ || id == TL_TYPE_TIMESTAMP_NS;
}

/* --- columns --- */

const struct tl_source_column *tl_clickhouse_named_column(const struct tl_clickhouse_speller *speller,
                                                          const struct tl_expr *expr, struct tl_clickhouse_column *ret_here)
{
    if (expr->kind != TL_EXPR_COLUMN || expr->input < 0 || (size_t)expr->input >= speller->input_count)
        return NULL;
    const struct tl_clickhouse_input *input = &speller->inputs[expr->input];
    if (input->hidden || expr->column < 0 || (size_t)expr->column >= input->dataset->column_count)
        return NULL;
    const struct tl_source_column *column = &input->dataset->columns[expr->column];
    *ret_here = tl_clickhouse_column_here(speller->arena, column);
    return column->unsupported || ret_here->carry == TL_CLICKHOUSE_NOT_CARRIED ? NULL : column;
}

void tl_clickhouse_add_column(struct tl_clickhouse_speller *speller, const struct tl_expr *expr)
{
    const struct tl_clickhouse_input *input = &speller->inputs[expr->input];
    if (input->alias)
        tl_buf_addf(speller->sql, "%s.", input->alias);
    tl_clickhouse_add_identifier(speller->sql, input->dataset->columns[expr->column].name);
}

static bool spell_column(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                         struct tl_clickhouse_spelled *ret_spelled)
{
    struct tl_clickhouse_column here;
    const struct tl_source_column *column = tl_clickhouse_named_column(speller, expr, &here);
    if (!column || here.carry != TL_CLICKHOUSE_AS_IT_IS)
        return tl_clickhouse_decline(speller, "not a column with the same meaning there");
    *ret_spelled = (struct tl_clickhouse_spelled){
        .type = tl_clickhouse_type_bare(here.type),
        .nullable = tl_clickhouse_type_nullable(here.type) || speller->inputs[expr->input].optional};
    tl_clickhouse_add_column(speller, expr);
    return true;
}

/* --- constants --- */

/* test_constants_equal_the_truth */
static bool spell_constant(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                           struct tl_clickhouse_spelled *ret_spelled)
{
    const char *home = tl_clickhouse_home(speller->arena, &expr->type);
    const struct tl_clickhouse_type *type = home ? tl_clickhouse_type_of(speller->arena, home) : NULL;
    if (!type)
        return tl_clickhouse_decline(speller, "a constant of a type that is not there");
    *ret_spelled = (struct tl_clickhouse_spelled){.type = type, .nullable = expr->value.is_null};
    if (expr->value.is_null) {
        tl_buf_adds(speller->sql, "CAST(NULL, ");
        tl_clickhouse_add_literal(speller->sql, tl_str_of(tl_arena_printf(speller->arena, "Nullable(%s)", home)));
        tl_buf_addc(speller->sql, ')');
        return true;
    }
    bool bare_number = is_integer(type->kind) || type->kind == TL_CLICKHOUSE_FLOAT;
    if (bare_number)
        tl_buf_addf(speller->sql, "to%s(", home);
    if (!tl_clickhouse_literal(speller->sql, type, &expr->type, &expr->value, TL_EXPR_EQ))
        return tl_clickhouse_decline(speller, "a constant without an exact spelling there");
    if (bare_number)
        tl_buf_addc(speller->sql, ')');
    return true;
}

/* --- values --- */

static bool spell_by_kind(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                          struct tl_clickhouse_spelled *ret_spelled)
{
    switch (expr->kind) {
    case TL_EXPR_COLUMN:
        return spell_column(speller, expr, ret_spelled);
    case TL_EXPR_CONSTANT:
        return spell_constant(speller, expr, ret_spelled);
    case TL_EXPR_FUNCTION:
        return tl_clickhouse_spell_function(speller, expr, ret_spelled);
    case TL_EXPR_CAST:
        return tl_clickhouse_spell_cast(speller, expr, ret_spelled);
    case TL_EXPR_AGGREGATE:
        return tl_clickhouse_decline(speller, "an aggregate that is not an output");
    default:
        return tl_clickhouse_spell_condition(speller, expr, ret_spelled);
    }
}

bool tl_clickhouse_spell(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                         struct tl_clickhouse_spelled *ret_spelled)
{
    if (++speller->depth > TL_EXPR_DEPTH_MAX)
        return tl_clickhouse_decline(speller, "nested too deep");
    *ret_spelled = (struct tl_clickhouse_spelled){0};
    bool added = spell_by_kind(speller, expr, ret_spelled);
    speller->depth--;
    return added;
}

/* Its type there is the home type, or one of the same kind that is wider: *ret_spelled is then as it is there. */
static bool to_kind(struct tl_clickhouse_speller *speller, const struct tl_expr *expr, size_t start,
                    const struct tl_clickhouse_type *home, struct tl_clickhouse_spelled *ret_spelled)
{
    enum tl_clickhouse_kind kind = ret_spelled->type->kind;
    if (is_integer(kind) && is_integer_id(expr->type.id))
        return true;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (forms[i].id != expr->type.id || forms[i].kind != kind)
            continue;
        if (kind == TL_CLICKHOUSE_DECIMAL)
            return ret_spelled->type->scale == expr->type.scale;
        if (kind == TL_CLICKHOUSE_FLOAT && expr->type.id == TL_TYPE_DOUBLE && ret_spelled->type->width != 8)
            return false;
        if (expr->kind == TL_EXPR_COLUMN)
            tl_clickhouse_wrap(speller->sql, start, forms[i].before, forms[i].after);
        ret_spelled->type = home;
        return true;
    }
    return false;
}

bool tl_clickhouse_spell_home(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                              struct tl_clickhouse_spelled *ret_spelled)
{
    size_t start = speller->sql->size;
    if (!tl_clickhouse_spell(speller, expr, ret_spelled))
        return false;
    const struct tl_clickhouse_type *home = tl_clickhouse_home_type(speller->arena, &expr->type);
    if (!home || !to_kind(speller, expr, start, home, ret_spelled))
        return tl_clickhouse_decline(speller, "a type without a like there");
    const struct tl_clickhouse_type *type = ret_spelled->type;
    bool fits = type->kind == home->kind && type->width == home->width && type->precision == home->precision;
    if (!fits) { /* Nullable always: ClickHouse answers IS NULL and count of what is never NULL without working it out */
        const char *after = tl_arena_printf(speller->arena, ", 'Nullable(%s)')", tl_clickhouse_home(speller->arena, &expr->type));
        tl_clickhouse_wrap(speller->sql, start, is_integer(type->kind) ? "accurateCast(" : "CAST(", after);
        ret_spelled->type = home;
        ret_spelled->nullable = true;
    }
    return true;
}

bool tl_clickhouse_spell_value(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                               struct tl_clickhouse_spelled *ret_spelled)
{
    return expr->kind == TL_EXPR_COLUMN ? tl_clickhouse_spell(speller, expr, ret_spelled)
                                        : tl_clickhouse_spell_home(speller, expr, ret_spelled);
}

const char *tl_clickhouse_take(struct tl_clickhouse_speller *speller, size_t start)
{
    if (speller->sql->failed)
        return NULL;
    const char *text = tl_arena_strndup(speller->arena, speller->sql->data + start, speller->sql->size - start);
    speller->sql->size = start;
    return text;
}

const char *tl_clickhouse_spell_apart(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                      struct tl_clickhouse_spelled *ret_spelled)
{
    size_t start = speller->sql->size;
    bool exact = speller->exact;
    speller->exact = true;
    bool spelled = tl_clickhouse_spell_home(speller, expr, ret_spelled);
    speller->exact = exact;
    return spelled ? tl_clickhouse_take(speller, start) : NULL;
}

bool tl_clickhouse_spell_truth(struct tl_clickhouse_speller *speller, const struct tl_expr *expr)
{
    struct tl_clickhouse_spelled spelled;
    if (expr->type.id != TL_TYPE_BOOLEAN)
        return tl_clickhouse_decline(speller, "not a truth value there");
    return tl_clickhouse_spell_home(speller, expr, &spelled);
}
