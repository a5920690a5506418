/* lake/plan.h -- which files a reader of a snapshot needs, each with the deletes that apply to it.
 *
 * How: delete manifests first (they are few), then data manifests; manifests are ruled out by their partition bounds, files by their
 *   partition and then by their columns' bounds (lake/filter.h).
 * Deletes: a deletion vector replaces position deletes of its file; position deletes reach files of the same partition (or the file
 *   they name) that are not younger; equality deletes reach older files of the same partition, without a partition all older files.
 * Owns: the plan lives in the arena given.
 * Bounds: files_max files and deletes; above: TL_TOO_LARGE.  Stops when *cancelled is set.
 */
#ifndef TL_LAKE_PLAN_H
#define TL_LAKE_PLAN_H

#include <stdatomic.h>

#include "lake/describe.h"
#include "lake/filter.h"

enum { TL_LAKE_PLAN_FILES_MAX = 2000000 };

struct tl_lake_planned {
    struct tl_lake_file file;
    int64_t sequence_number, snapshot_id;
    const struct tl_lake_spec *spec;
    const size_t *deletes; /* indexes into the plan's deletes */
    size_t delete_count;
};
struct tl_lake_plan {
    struct tl_lake_planned *files;
    size_t count;
    struct tl_lake_planned *deletes; /* those that any file needs and others of the same partitions */
    size_t delete_count;
    size_t manifests_total, manifests_read, files_seen;
};
struct tl_lake_plan_request {
    int64_t snapshot_id;
    const tl_lake_filter *filter; /* NULL: all files */
    bool with_columns;            /* keep counts and bounds in the plan */
    size_t files_max;             /* 0: TL_LAKE_PLAN_FILES_MAX */
    const atomic_bool *cancelled; /* NULL: cannot be */
};
/* TL_NOT_FOUND: no such snapshot. */
TL_CHECKED enum tl_code tl_lake_plan(tl_objects *objects, tl_arena *arena, const struct tl_lake_table *table,
                                     const struct tl_lake_plan_request *request, struct tl_lake_plan *ret_plan, struct tl_err *err);
/* Equal for files of one partition, and only for those, unless key->failed, which stays set; in `key`, until its next use. */
struct tl_str tl_lake_partition_key(struct tl_buf *key, const struct tl_lake_spec *spec, const struct tl_lake_type *types,
                                    const struct tl_lake_value *values);

#endif
