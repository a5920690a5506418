/* engines/duckdb/memory.h -- how much memory statements hold in the engine, in C clothes.
 *
 * Why C++ behind it: the C API has no call for it, and the SQL function needs a connection of its own.
 * Threads: any.
 */
#ifndef TL_ENGINES_DUCKDB_MEMORY_H
#define TL_ENGINES_DUCKDB_MEMORY_H

#include <duckdb.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of hash tables, sorts, intermediate rows and the like; what is only a cache of files is left out. */
int64_t tl_memory_of_statements(duckdb_database database);

#ifdef __cplusplus
}
#endif
#endif
