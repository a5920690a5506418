/* engines/duckdb/dialect.h -- Trino's functions and operators in the engine (spec/dialect.toml).
 *
 * Why: users type Trino's SQL.  Macros and aliases stand on the engine's own functions; operators and aggregates whose result
 *   Trino types otherwise are changed in the engine's catalog, before the first statement: whole numbers divide to whole numbers,
 *   decimals to decimals, both refuse zero; a date and an interval give a date; sum of whole numbers is a bigint, avg of decimals
 *   a decimal.
 * Scalar functions written by us are in trino_functions.c.
 */
#ifndef TL_ENGINES_DUCKDB_DIALECT_H
#define TL_ENGINES_DUCKDB_DIALECT_H

#include <duckdb.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Once per database, before its configuration is locked. */
TL_CHECKED enum tl_code tl_duckdb_dialect_install(duckdb_database database, duckdb_connection connection, struct tl_err *err);

/* trino_functions.c: the scalar functions of ours. */
TL_CHECKED enum tl_code tl_duckdb_trino_functions(duckdb_connection connection, struct tl_err *err);

#ifdef __cplusplus
}
#endif
#endif
