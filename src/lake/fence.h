/* lake/fence.h -- which files a table may consist of: those below its own folder, and no others.
 *
 * Why: who writes a table from outside says himself which files it is made of.  Were files of another table among them, whoever reads
 *   this table would read that one, past its rules.  So every path is held against the table's folder wherever one is followed: when
 *   metadata is read or written, when manifests are, and in the engine's process when it opens a manifest (engines/duckdb/fence.cpp).
 * Paths are foreign text: they are compared byte by byte and never decoded.  Those with empty, "." or ".." parts, control characters
 *   or what some reader takes for the end of a path ("?", "#", "\\") are not below anything.
 * Threads: every call from any thread.
 */
#ifndef TL_LAKE_FENCE_H
#define TL_LAKE_FENCE_H

#include "base/err.h"
#include "base/str.h"

/* Below the folder, and not the folder itself?  "file:///x", "file:/x" and "/x" are one, so are "s3:", "s3a:" and "s3n:". */
bool tl_lake_fence_holds(struct tl_str path, const char *folder);
/* Is it the name of a manifest or of a list of them, as every writer gives them? */
bool tl_lake_fence_is_manifest(struct tl_str path);
/* One folder, in any of these spellings, with or without slashes at the end? */
bool tl_lake_fence_same(const char *a, const char *b);

/* Of a manifest list or a manifest: is every path in it held?  Nothing is taken from names of fields alone: each text that could be
 * a path is one, whatever its field is called, but for the values of partitions.  TL_NOT_ALLOWED names the first that is not held;
 * TL_STATE and the like for bytes that are no sound Avro file.
 * warehouse: paths that do not begin with it are passed over (nothing that is read there is opened); NULL = every path counts. */
TL_CHECKED enum tl_code tl_lake_fence_avro(struct tl_str bytes, const char *folder, const char *warehouse, struct tl_err *err);
/* The error for a path that is not held; `what` names the file. */
TL_CHECKED enum tl_code tl_lake_fence_refuse(struct tl_str path, const char *what, const char *folder, struct tl_err *err);

#endif
