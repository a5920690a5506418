/* engines/duckdb/script.h -- run a file of SQL on an empty database, without door or guard: for making files, by whoever
 * may run the program.  Used by `townlake demo`; no server ever calls it.
 * The process enters the script's folder: files named without one are beside it.
 */
#ifndef TL_ENGINES_DUCKDB_SCRIPT_H
#define TL_ENGINES_DUCKDB_SCRIPT_H

#include "base/err.h"

/* Statement by statement; the first that fails ends it, and its text is in the detail. */
TL_CHECKED enum tl_code tl_duckdb_script_run(const char *path, struct tl_err *err);

#endif
