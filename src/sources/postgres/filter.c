#include "sources/postgres/filter.h"

bool tl_postgres_filter(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql,
                        const char **ret_reason)
{
    struct tl_postgres_writer writer = {.input_count = 1, .inputs = &dataset, .sql = sql};
    bool pushed = dataset->driver_data ? tl_postgres_write_truth(&writer, expr)
                                       : tl_postgres_decline(&writer, "the table was not described");
    if (pushed && sql->failed)
        pushed = tl_postgres_decline(&writer, "too long");
    if (!pushed && ret_reason)
        *ret_reason = writer.reason;
    return pushed;
}

/* --- looser conditions --- */

static bool write_loose(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql,
                        int depth);

/* Each part of an AND holds by itself, so those that can be said are; an OR needs all of its parts. */
static bool write_parts(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql,
                        int depth)
{
    bool all = expr->kind == TL_EXPR_OR;
    size_t said = 0;
    tl_buf_addc(sql, '(');
    for (size_t i = 0; i < expr->child_count; i++) {
        size_t mark = sql->size;
        tl_buf_adds(sql, said == 0 ? "" : all ? " OR " : " AND ");
        bool spelled = write_loose(dataset, expr->children[i], sql, depth + 1);
        if (!spelled && (all || sql->failed))
            return false;
        if (spelled)
            said++;
        else
            sql->size = mark;
    }
    tl_buf_addc(sql, ')');
    return said > 0;
}

static bool write_loose(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql,
                        int depth)
{
    size_t mark = sql->size;
    if (tl_postgres_filter(dataset, expr, sql, NULL))
        return true;
    if (sql->failed || depth >= TL_EXPR_DEPTH_MAX || (expr->kind != TL_EXPR_AND && expr->kind != TL_EXPR_OR))
        return false;
    sql->size = mark;
    return write_parts(dataset, expr, sql, depth);
}

bool tl_postgres_prefilter(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql)
{
    return dataset->driver_data && write_loose(dataset, expr, sql, 0) && !sql->failed;
}

/* --- orders --- */

/* test_first_rows_are_the_same */
bool tl_postgres_order(const struct tl_source_dataset *dataset, const struct tl_scan_order *order, struct tl_buf *sql)
{
    struct tl_postgres_writer writer = {.input_count = 1, .inputs = &dataset, .sql = sql};
    struct tl_expr expr = {.kind = TL_EXPR_COLUMN, .column = order->column};
    struct tl_postgres_operand operand;
    if (!dataset->driver_data || !tl_postgres_write(&writer, &expr, true, &operand) ||
        !(operand.class & TL_POSTGRES_CLASSES_ORDERED) ||
        (operand.class == TL_POSTGRES_CLASS_TEXT && !tl_postgres_is_utf8(&writer)))
        return false;
    tl_buf_adds(sql, order->descending ? " DESC" : " ASC");
    tl_buf_adds(sql, order->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    return true;
}
