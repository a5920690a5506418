/* sources/postgres/derive.h -- datasets that PostgreSQL computes of others: projections, groups, joins, and of those again.
 *
 * A computed dataset is a SELECT that stands in parentheses wherever a table's name would: scans, filters, orders and
 *   further derivations are written by the same code as for tables.
 * Aggregates: the allow-list in sql_aggregate.c.  Sums of floating-point numbers depend on the order of addition here as in
 *   the engine, whose own threads add in no fixed order: they are taken, and may differ in the last digits.
 * Joins: inner and left in FROM; semi and anti as EXISTS, whose columns nothing else can name.
 * Threads: no state; any.
 */
#ifndef TL_SOURCES_POSTGRES_DERIVE_H
#define TL_SOURCES_POSTGRES_DERIVE_H

#include "sources/postgres/sql.h"

/* As in source/source.h. */
bool tl_postgres_derive(const char *source, const struct tl_derivation *derivation, tl_arena *arena,
                        struct tl_source_dataset **ret_dataset, const char **reason);

/* Append what stands behind FROM for a dataset; a computed one needs an alias behind it. */
void tl_postgres_add_from(struct tl_buf *sql, const struct tl_source_dataset *dataset);

/* Append an aggregate and say how its result is read and compared. */
bool tl_postgres_write_aggregate(struct tl_postgres_writer *writer, const struct tl_expr *expr,
                                 struct tl_postgres_column *ret_column);
/* How a value of this type is read when PostgreSQL computed it; false: it cannot be. */
bool tl_postgres_field_of(const struct tl_type *type, struct tl_postgres_field *ret_field);

#endif
