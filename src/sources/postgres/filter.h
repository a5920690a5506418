/* sources/postgres/filter.h -- what a scan says of its dataset: columns, conditions, orders.
 *
 * Threads: no state; any.
 */
#ifndef TL_SOURCES_POSTGRES_FILTER_H
#define TL_SOURCES_POSTGRES_FILTER_H

#include "sources/postgres/sql.h"

/* Append `expr` as a condition.  False: declined, *ret_reason (when not NULL) says why, sql holds rubbish. */
bool tl_postgres_filter(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql,
                        const char **ret_reason);

/* Append a condition that holds wherever `expr` does, for a filter that is declined as it is.  False: none is known. */
bool tl_postgres_prefilter(const struct tl_source_dataset *dataset, const struct tl_expr *expr, struct tl_buf *sql);

/* Append one term of ORDER BY; false: declined. */
bool tl_postgres_order(const struct tl_source_dataset *dataset, const struct tl_scan_order *order, struct tl_buf *sql);

/* Append the column as it is read: "c" or "c"::text. */
void tl_postgres_select(const struct tl_source_dataset *dataset, int column, struct tl_buf *sql);

#endif
