#include "sources/postgres/uses.h"

static void add_use(struct tl_postgres_uses *uses, const struct tl_postgres_use *use)
{
    for (size_t i = 0; i < uses->count; i++)
        if (uses->items[i].relation == use->relation && tl_streq(uses->items[i].column, use->column))
            return;
    if (uses->count == uses->room) {
        size_t room = uses->room ? uses->room * 2 : 16;
        uses->items = tl_arena_grow(uses->arena, uses->items, uses->room * sizeof *uses->items, room * sizeof *uses->items);
        uses->room = room;
    }
    uses->items[uses->count++] = *use;
}

void tl_postgres_uses_add(struct tl_postgres_uses *uses, const struct tl_source_dataset *dataset, int column)
{
    const struct tl_postgres_dataset *own = dataset->driver_data;
    if (own->select) {
        for (size_t i = 0; i < own->uses->count; i++)
            add_use(uses, &own->uses->items[i]);
    } else if (column >= 0 && (size_t)column < dataset->column_count) {
        add_use(uses, &(struct tl_postgres_use){own->oid, dataset->columns[column].name, own->columns[column].type,
                                                own->columns[column].modifier});
    }
}

void tl_postgres_uses_add_expr(struct tl_postgres_uses *uses, size_t input_count,
                               const struct tl_source_dataset *const *inputs, const struct tl_expr *expr)
{
    if (expr->kind == TL_EXPR_COLUMN && expr->input >= 0 && (size_t)expr->input < input_count &&
        !((const struct tl_postgres_dataset *)inputs[expr->input]->driver_data)->select)
        tl_postgres_uses_add(uses, inputs[expr->input], expr->column);
    for (size_t i = 0; i < expr->child_count; i++)
        tl_postgres_uses_add_expr(uses, input_count, inputs, expr->children[i]);
    if (expr->filter)
        tl_postgres_uses_add_expr(uses, input_count, inputs, expr->filter);
}

void tl_postgres_uses_write(const struct tl_postgres_uses *uses, struct tl_buf *sql)
{
    tl_buf_adds(sql, " SELECT count(*) FROM (VALUES ");
    for (size_t i = 0; i < uses->count; i++) {
        const struct tl_postgres_use *use = &uses->items[i];
        tl_buf_addf(sql, "%s(%u::oid, ", i > 0 ? ", " : "", use->relation);
        tl_buf_add_literal(sql, use->column, strlen(use->column));
        tl_buf_addf(sql, "::name, %u::oid, %d)", use->type, use->modifier);
    }
    tl_buf_adds(sql, ") u(relation, name, type, modifier) JOIN pg_attribute a ON a.attrelid = u.relation AND"
                     " a.attname = u.name AND a.atttypid = u.type AND a.atttypmod = u.modifier;");
}
