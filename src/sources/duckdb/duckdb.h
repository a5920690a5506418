/* sources/duckdb/duckdb.h -- the kind "duckdb": one DuckDB database file, read-only. */
#ifndef TL_SOURCES_DUCKDB_DUCKDB_H
#define TL_SOURCES_DUCKDB_DUCKDB_H

#include "source/source.h"

extern const struct tl_source_driver tl_source_driver_duckdb;

#endif
