/* sources/clickhouse/filter.h -- which filters ClickHouse means exactly as the engine does, and how it spells them.
 *
 * Why: a filter that differs in one row in a million gives wrong answers that nobody sees.  So there is an allow-list
 *   (in filter.c), each entry with the test that compares it with the truth; all else is declined and applied by the
 *   engine.
 * Threads: any; nothing waits.
 */
#ifndef TL_SOURCES_CLICKHOUSE_FILTER_H
#define TL_SOURCES_CLICKHOUSE_FILTER_H

#include "sources/clickhouse/source_int.h"

/* `name` or 'text' with backslashes before what ClickHouse takes as special. */
void tl_clickhouse_add_identifier(struct tl_buf *sql, const char *name);
void tl_clickhouse_add_literal(struct tl_buf *sql, struct tl_str text);

/* Append the condition; false when it is declined (the buffer then holds a part of it).  *ret_reason: a few static
 * words. */
bool tl_clickhouse_filter(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                          struct tl_buf *sql, const char **ret_reason);

bool tl_clickhouse_can_push(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                            const char **reason);
bool tl_clickhouse_can_push_order(tl_source *source, const struct tl_source_dataset *dataset,
                                  const struct tl_scan_order *order);

/* A constant as ClickHouse writes it for comparison with a column of this type.  op: TL_EXPR_EQ..GE, or TL_EXPR_IN
 * for one of a
 * list.  false: not exactly sayable. */
bool tl_clickhouse_literal(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_type *engine_type,
                           const struct tl_value *value, enum tl_expr_kind op);

#endif
