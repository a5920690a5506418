/* lake/upkeep.h -- work on one table that keeps it small and quick, and never changes what it says.
 *
 * Expiry: snapshots that no branch, tag or rule keeps are forgotten, then the files that only they needed are deleted.
 * Orphans: files below the table's location that no snapshot needs and that are older than the grace time are deleted.
 * Rollback: the main branch goes back to another snapshot.
 * Rewriting: small files and files with many deletes become few (lake/rewrite.h).
 * Order: the metadata changes first, files go after.  What is interrupted in between leaves files that nobody needs, and the orphans'
 *   turn finds them; nothing that is needed is ever without its metadata.
 * A table whose files another table may need (one lies in the other's folder) keeps all of its files: TL_UNSUPPORTED.
 * Threads: every call from any thread; commits by others are met by trying again or end in TL_CONFLICT.
 */
#ifndef TL_LAKE_UPKEEP_H
#define TL_LAKE_UPKEEP_H

#include <stdatomic.h>

#include "lake/lake.h"

enum { TL_LAKE_RETAIN_DEFAULT = 1, TL_LAKE_UPKEEP_FILES_MAX = 5000000 };

struct tl_lake_upkeep {
    const char *schema, *name;    /* the table; levels of the schema joined by dots */
    int64_t older_than_ms;        /* expiry, orphans: what is not older stays (wall clock) */
    int64_t retain_last;          /* expiry: at least so many snapshots of each branch; at least 1 */
    int64_t snapshot_id;          /* rollback */
    bool dry_run;                 /* count, and change nothing */
    const atomic_bool *cancelled; /* NULL: cannot be */
};
struct tl_lake_upkeep_result {
    int64_t snapshots_removed, files_removed, bytes_removed, files_seen;
};
TL_CHECKED enum tl_code tl_lake_expire(tl_lake *lake, tl_arena *arena, const struct tl_lake_upkeep *request,
                                       struct tl_lake_upkeep_result *ret_result, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_orphans(tl_lake *lake, tl_arena *arena, const struct tl_lake_upkeep *request,
                                        struct tl_lake_upkeep_result *ret_result, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_rollback(tl_lake *lake, tl_arena *arena, const struct tl_lake_upkeep *request, struct tl_err *err);

#endif
