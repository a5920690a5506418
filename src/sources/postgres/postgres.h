/* sources/postgres/postgres.h -- the source kind "postgres": PostgreSQL 12 and newer, read through libpq.
 *
 * Types: type.h.  Filters, orders: filter.h.  Reading: scan.h.  Options: options.c, also in docs and help.
 * Needs at the server: CONNECT on the database, USAGE on schemas and SELECT on tables; nothing is ever written, and
 *   each transaction is read-only.
 */
#ifndef TL_SOURCES_POSTGRES_POSTGRES_H
#define TL_SOURCES_POSTGRES_POSTGRES_H

#include "source/source.h"

extern const struct tl_source_driver tl_source_driver_postgres;

#endif
