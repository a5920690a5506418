/* lake/rewrite.h -- compaction: which files of a snapshot are put together, and the commit that puts the new ones in their place.
 *
 * Chosen are files below a size and files with deletes, within one partition of one spec, packed into bins of the target size.
 * Written they are by whoever can read a table's rows (the engine); here only their names, counts and bounds come in.
 * The commit keeps what the table says: new files have the old ones' place in time (the data sequence number of the snapshot they
 *   were read from), so that equality deletes that came later reach them too.  Deletes that all their files were rewritten with go.
 *   Manifests that tell of nothing but what earlier snapshots deleted are left out.
 *   When files that were read have changed meanwhile (deleted, or with new deletes), nothing is done: TL_CONFLICT.
 */
#ifndef TL_LAKE_REWRITE_H
#define TL_LAKE_REWRITE_H

#include "lake/plan.h"

enum { TL_LAKE_REWRITE_GROUPS_MAX = 10000 };

struct tl_lake_rewrite_options {
    int64_t small_bytes;  /* files below are small */
    int64_t target_bytes; /* of a new file */
    size_t least_files;   /* a bin of so many is worth it, or of one with deletes */
};
/* Files that become one. */
struct tl_lake_rewrite_group {
    const struct tl_lake_spec *spec;
    const struct tl_lake_value *partition;
    size_t *files; /* indexes into the plan's */
    size_t count;
    int64_t bytes, records; /* records before deletes */
    bool has_deletes;
};
TL_CHECKED enum tl_code tl_lake_rewrite_choose(tl_arena *arena, const struct tl_lake_table *table, const struct tl_lake_plan *plan,
                                               const struct tl_lake_rewrite_options *options, struct tl_lake_rewrite_group **ret_groups,
                                               size_t *ret_count, struct tl_err *err);

/* A new file of a group; none when its rows were all deleted. */
struct tl_lake_rewritten {
    const struct tl_lake_rewrite_group *group;
    struct tl_lake_file file; /* partition and the like are taken from the group */
};
struct tl_lake_rewrite {
    const char *schema, *name;
    const struct tl_lake_table *table; /* as it was read */
    int64_t snapshot_id;               /* that was read */
    const struct tl_lake_plan *plan;
    const struct tl_lake_rewrite_group *groups;
    size_t group_count;
    const struct tl_lake_rewritten *files;
    size_t file_count;
    bool merges_manifests; /* data manifests below 8 MiB become one a spec */
    const char *operation; /* of the snapshot: "replace" when the rows are the same, else "overwrite" */
};
/* *ret_snapshot_id: the new one. */
TL_CHECKED enum tl_code tl_lake_rewrite_commit(tl_lake *lake, tl_arena *arena, const struct tl_lake_rewrite *rewrite, int64_t *ret_snapshot_id,
                                               struct tl_err *err);

#endif
