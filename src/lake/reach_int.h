/* lake/reach_int.h -- which files a table's snapshots need: sets of locations. */
#ifndef TL_LAKE_REACH_INT_H
#define TL_LAKE_REACH_INT_H

#include <stdatomic.h>

#include "lake/describe.h"

/* Locations without their scheme, which writers spell in several ways ("file:/x", "file:///x", "s3a://b/x"). */
struct reach_set {
    tl_arena *arena;
    struct tl_str *items; /* an open hash: places that are not taken have no data */
    size_t count, capacity;
};
struct tl_str reach_key(struct tl_str location);
/* Of two keys: is the one the other, or in its folder? */
bool reach_is_below(struct tl_str inner, struct tl_str outer);
/* Each is in it once. */
TL_CHECKED enum tl_code reach_add(struct reach_set *set, struct tl_str location, struct tl_err *err);
bool reach_has(const struct reach_set *set, struct tl_str location);

/* Manifest lists and manifests of the snapshots. */
TL_CHECKED enum tl_code reach_manifests(tl_lake *lake, const struct tl_lake_snapshot *snapshot, struct reach_set *lists,
                                        struct reach_set *manifests, struct tl_lake_manifest **ret_manifests,
                                        size_t *ret_count, struct tl_err *err);
/* Data and delete files of a manifest; live_only: without those that it tells are gone. */
TL_CHECKED enum tl_code reach_files(tl_lake *lake, const struct tl_lake_table *table, struct tl_lake_manifest *manifest, bool live_only,
                                    struct reach_set *files, struct tl_err *err);
/* Everything that the table's snapshots need (those of `kept`; NULL = all); the sets may be one. */
TL_CHECKED enum tl_code reach_snapshots(tl_lake *lake, const struct tl_lake_table *table, const bool *kept, const atomic_bool *cancelled,
                                        struct reach_set *lists, struct reach_set *manifests, struct reach_set *files, struct tl_err *err);
/* TL_UNSUPPORTED when another table lies in this one's folder or around it. */
TL_CHECKED enum tl_code reach_check_alone(tl_lake *lake, const struct tl_lake_table *table, struct tl_err *err);
TL_CHECKED enum tl_code reach_check_cancelled(const atomic_bool *cancelled, struct tl_err *err);

#endif
