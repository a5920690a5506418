#include "sources/postgres/uses.h"

#include <stdlib.h>

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
        add_use(uses, &(struct tl_postgres_use){own->oid, own->columns[column].number, dataset->columns[column].name,
                                                own->columns[column].type, own->columns[column].modifier});
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

/* One look-up in an index; a plan with a join in it would take longer to make than a short read takes. */
void tl_postgres_uses_write(const struct tl_postgres_uses *uses, struct tl_buf *sql)
{
    tl_buf_adds(sql, " SELECT attrelid, attnum, atttypid, atttypmod, attname FROM pg_attribute WHERE attrelid = ANY ('{");
    for (size_t i = 0; i < uses->count; i++)
        if (i == 0 || uses->items[i].relation != uses->items[i - 1].relation)
            tl_buf_addf(sql, "%s%u", i > 0 ? "," : "", uses->items[i].relation);
    tl_buf_adds(sql, "}'::oid[]) AND attnum = ANY ('{");
    for (size_t i = 0; i < uses->count; i++)
        tl_buf_addf(sql, "%s%d", i > 0 ? "," : "", uses->items[i].number);
    tl_buf_adds(sql, "}'::int2[]);");
}

enum { ANSWER_RELATION, ANSWER_NUMBER, ANSWER_TYPE, ANSWER_MODIFIER, ANSWER_NAME, ANSWER_COLUMNS };

static long long number(const PGresult *answer, int row, int column)
{
    return strtoll(PQgetvalue(answer, row, column), NULL, 10);
}

static bool is_there(const struct tl_postgres_use *use, const PGresult *answer)
{
    for (int row = 0; row < PQntuples(answer); row++)
        if (number(answer, row, ANSWER_RELATION) == use->relation && number(answer, row, ANSWER_NUMBER) == use->number)
            return number(answer, row, ANSWER_TYPE) == use->type && number(answer, row, ANSWER_MODIFIER) == use->modifier &&
                   tl_streq(PQgetvalue(answer, row, ANSWER_NAME), use->column);
    return false;
}

enum tl_code tl_postgres_uses_check(const struct tl_postgres_uses *uses, const PGresult *answer, const char *source,
                                    const char *where, struct tl_err *err)
{
    if (PQnfields(answer) != ANSWER_COLUMNS)
        return tl_err_set(err, TL_SOURCE_PROTOCOL, "source \"%s\" answered with something that was not asked for", source);
    for (size_t i = 0; i < uses->count; i++) {
        if (is_there(&uses->items[i], answer))
            continue;
        tl_err_set(err, TL_SOURCE_CHANGED, "%s has other columns than when it was described", where);
        tl_err_detail(err, "column \"%s\" is gone, or has another type", uses->items[i].column);
        tl_err_hint(err, "run the statement again: it is described anew");
        return TL_SOURCE_CHANGED;
    }
    return TL_OK;
}
