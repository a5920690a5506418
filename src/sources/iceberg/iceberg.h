/* sources/iceberg/iceberg.h -- the kind "iceberg": an Iceberg REST catalog, read and written by the engine; the lake is one.
 *
 * Secrets: the token goes into the engine's secret manager by the first statement of attach_sql and nowhere else: it is in no
 *   option of ATTACH, hence not in what the engine tells of its databases, and each statement is a line of its own, so
 *   that an error about a later one cannot quote it.  The secret is named "tl_secret_<catalog>" and lives in memory only.
 * Freshness: no staleness is allowed, so each statement sees the last commit, also its own.
 */
#ifndef TL_SOURCES_ICEBERG_ICEBERG_H
#define TL_SOURCES_ICEBERG_ICEBERG_H

#include "source/source.h"

extern const struct tl_source_driver tl_source_driver_iceberg;

#endif
