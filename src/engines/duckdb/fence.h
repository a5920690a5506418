/* engines/duckdb/fence.h -- how the engine opens files of the lake: those of tables that the statement may touch, and of each table only
 *   what is the table's.
 *
 * Why: Iceberg's reader follows the paths that manifests name, and whoever writes a table writes its manifests.  All paths below the
 *   lake's root come here, whoever asks for them:
 *   - a file is read only below one of the folders of the statement's guard ("files:LOCATION"), never through a link;
 *   - a file whose name ends as manifests' names do (".avro") is read whole when it is opened, held against the folder it lies in, and
 *     given from memory, so that what was held is what is read;
 *   - so are metadata files (".metadata.json"), which the extension reads now and then;
 *   - of all others only those that begin as Parquet and Puffin do are given their beginning: none of them can be read as a manifest.
 *   So no chain of files leads from one table into another, and the catalog says where it begins (lake/within.c).
 * What holds a path or a manifest is the lake's (lake/fence.h); it is handed in, this room knows no other.
 * Cost: nothing for reading rows but one call; manifests are read in one piece and looked through.
 */
#ifndef TL_ENGINES_DUCKDB_FENCE_H
#define TL_ENGINES_DUCKDB_FENCE_H

#include <duckdb.h>

#include "engines/duckdb/process.h"

#ifdef __cplusplus
extern "C" {
#endif

/* After the extensions: what reads from S3 is put behind it.  lake: "file:///folder" or "s3://bucket/prefix"; the fence outlives it. */
TL_CHECKED enum tl_code tl_duckdb_fence_install(duckdb_database database, const char *lake, const struct tl_duckdb_fence *fence, struct tl_err *err);

#ifdef __cplusplus
}
#endif
#endif
