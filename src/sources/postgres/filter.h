/* sources/postgres/filter.h -- filters, orders and columns in PostgreSQL's SQL, where it means what the engine means.
 *
 * Why: a filter said to the source is not checked again, so one that means a little less loses rows.  Everything is by
 *   allow-list (the table in filter.c): what is not in it is declined with a reason, and the scan applies it itself.
 * Threads: no state; any.
 */
#ifndef TL_SOURCES_POSTGRES_FILTER_H
#define TL_SOURCES_POSTGRES_FILTER_H

#include "sources/postgres/describe.h"

enum { TL_POSTGRES_FILTER_SIZE_MAX = 1024 * 1024 };

/* Append `expr` as a boolean expression.  False: declined, *ret_reason (when not NULL) says why, sql holds rubbish. */
bool tl_postgres_filter(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql,
                        const char **ret_reason);

/* Append one term of ORDER BY; false: declined. */
bool tl_postgres_order(const struct tl_source_dataset *dataset, const struct tl_scan_order *order, struct tl_buf *sql);

/* Append the column as it is read: "c" or "c"::text. */
void tl_postgres_select(const struct tl_source_dataset *dataset, int column, struct tl_buf *sql);

/* Append a constant that is compared with a column of this class; false: it has no exact spelling there. */
bool tl_postgres_literal(struct tl_buf *sql, enum tl_postgres_class class, const struct tl_value *value);

#endif
