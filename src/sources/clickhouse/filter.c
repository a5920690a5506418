/* Filters and orders over one dataset. */
#include <string.h>

#include "sources/clickhouse/spell.h"

bool tl_clickhouse_filter(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                          struct tl_buf *sql, const char **ret_reason)
{
    struct tl_clickhouse_input input = {.dataset = dataset};
    struct tl_clickhouse_speller speller = {.source = source,
                                            .input_count = 1,
                                            .inputs = &input,
                                            .arena = tl_arena_new(TL_CLICKHOUSE_TYPES_BYTES_MAX),
                                            .sql = sql};
    bool added = tl_clickhouse_spell_truth(&speller, expr);
    if (added && sql->failed)
        added = tl_clickhouse_decline(&speller, "too long");
    tl_arena_free(speller.arena);
    if (!added && ret_reason)
        *ret_reason = speller.reason ? speller.reason : "unknown";
    return added;
}

bool tl_clickhouse_can_push(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                            const char **reason)
{
    struct tl_buf sql;
    tl_buf_init(&sql, TL_CLICKHOUSE_EXPRESSION_BYTES_MAX);
    bool can = expr->kind != TL_EXPR_CONSTANT && tl_clickhouse_filter(source, dataset, expr, &sql, reason);
    if (expr->kind == TL_EXPR_CONSTANT && reason)
        *reason = "a constant alone";
    tl_buf_done(&sql);
    return can;
}

/* What to order by so that it is the engine's order; test_order_equals_the_truth. */
enum order { ORDER_NONE, ORDER_AS_IT_IS, ORDER_AS_TEXT, ORDER_WITH_NAN };

static enum order order_of(const struct tl_source_column *column)
{
    enum order order = ORDER_NONE;
    tl_arena *arena = tl_arena_new(TL_CLICKHOUSE_TYPES_BYTES_MAX);
    struct tl_clickhouse_column here = tl_clickhouse_column_here(arena, column);
    if (here.carry == TL_CLICKHOUSE_AS_IT_IS && !column->unsupported) {
        const struct tl_clickhouse_type *type = tl_clickhouse_type_bare(here.type);
        switch (type->kind) {
        case TL_CLICKHOUSE_BOOL:
        case TL_CLICKHOUSE_STRING:
        case TL_CLICKHOUSE_DATE:
        case TL_CLICKHOUSE_DATE32:
        case TL_CLICKHOUSE_DATETIME:
        case TL_CLICKHOUSE_DATETIME64:
            order = ORDER_AS_IT_IS;
            break;
        case TL_CLICKHOUSE_FIXED_STRING: /* bytes, filled up with zeros */
            order = ORDER_AS_IT_IS;
            break;
        case TL_CLICKHOUSE_DECIMAL:
            order = type->precision <= 38 ? ORDER_AS_IT_IS : ORDER_NONE;
            break;
        case TL_CLICKHOUSE_INT:
        case TL_CLICKHOUSE_UINT:
            order = type->width <= 16 ? ORDER_AS_IT_IS : ORDER_NONE;
            break;
        case TL_CLICKHOUSE_FLOAT: /* NaN is the greatest, not beside NULL */
            order = ORDER_WITH_NAN;
            break;
        case TL_CLICKHOUSE_UUID:
        case TL_CLICKHOUSE_ENUM:
        case TL_CLICKHOUSE_IPV4:
            order = ORDER_AS_TEXT;
            break;
        default:
            break;
        }
    }
    tl_arena_free(arena);
    return order;
}

bool tl_clickhouse_can_push_order(tl_source *source, const struct tl_source_dataset *dataset,
                                  const struct tl_scan_order *order)
{
    (void)source;
    return order_of(&dataset->columns[order->column]) != ORDER_NONE;
}

static void add_key(struct tl_buf *sql, const struct tl_scan_order *order, const char *function, const char *name)
{
    tl_buf_adds(sql, function);
    tl_clickhouse_add_identifier(sql, name);
    tl_buf_adds(sql, function[0] ? ")" : "");
    tl_buf_addf(sql, "%s NULLS %s", order->descending ? " DESC" : " ASC", order->nulls_first ? "FIRST" : "LAST");
}

void tl_clickhouse_add_order(struct tl_buf *sql, const struct tl_source_dataset *dataset, const struct tl_scan_order *order)
{
    const struct tl_source_column *column = &dataset->columns[order->column];
    enum order kind = order_of(column);
    if (kind == ORDER_WITH_NAN) {
        add_key(sql, order, "isNaN(", column->name);
        tl_buf_adds(sql, ", ");
    }
    add_key(sql, order, kind == ORDER_AS_TEXT ? "toString(" : "", column->name);
}
