/* engines/duckdb/lineage.h -- asking the plan of the next statement about its columns.  Implemented in C++ (lineage_ask.cpp); no
 *   exception leaves. */
#ifndef TL_ENGINES_DUCKDB_LINEAGE_H
#define TL_ENGINES_DUCKDB_LINEAGE_H

#include <duckdb.h>

#include "base/str.h"
#include "engine/lineage.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the statements bound from now on are to tell; forgets what the last one told.  Only under a guard (hooks.h). */
void tl_duckdb_lineage_ask(duckdb_connection connection, enum tl_lineage_wish wish);
/* What the statement that was bound last told, once; nothing is added when it told nothing. */
void tl_duckdb_lineage_take(duckdb_connection connection, struct tl_buf *json);

#ifdef __cplusplus
}
#endif
#endif
