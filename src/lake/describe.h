/* lake/describe.h -- a table's whole metadata as C structures: what it is, and what it was in each snapshot.
 *
 * Why: struct tl_lake_metadata keeps the JSON that commits write back; planning, metadata tables and upkeep read this.
 * Owns: all in the arena given.  Bounds: those of the metadata (64 MiB of JSON).
 */
#ifndef TL_LAKE_DESCRIBE_H
#define TL_LAKE_DESCRIBE_H

#include "lake/lake.h"
#include "lake/manifest.h"
#include "lake/type.h"

struct tl_lake_snapshot {
    int64_t id, parent_id /* -1: none */, sequence_number, timestamp_ms;
    int64_t schema_id;         /* -1: not said */
    const char *location;      /* of the table */
    const char *manifest_list; /* NULL: version 1 with its manifests in the snapshot */
    const char *operation;     /* "append", "overwrite", "delete", "replace"; NULL: not said */
    const tl_json *summary;    /* object of texts; NULL: none */
    const tl_json *manifests;  /* version 1: list of locations; NULL: none */
    int64_t first_row_id, added_rows; /* version 3; -1: none */
};
struct tl_lake_ref {
    const char *name;
    bool is_tag;
    int64_t snapshot_id, min_snapshots_to_keep, max_snapshot_age_ms, max_ref_age_ms; /* -1: not said */
};
/* At this time the table's main branch came to this snapshot. */
struct tl_lake_history {
    int64_t timestamp_ms, snapshot_id;
};
struct tl_lake_table {
    int format_version;
    const char *uuid, *location, *metadata_location; /* metadata_location NULL: described from memory */
    int64_t last_sequence_number, last_updated_ms, current_snapshot_id /* -1: none */, next_row_id;
    const struct tl_lake_schema *schemas, *schema; /* all; the current one */
    const struct tl_lake_spec *specs, *spec;
    const struct tl_lake_order *orders, *order;
    const struct tl_lake_snapshot *snapshots;      /* by time of adding */
    const struct tl_lake_ref *refs;
    const struct tl_lake_history *history;
    size_t schema_count, spec_count, order_count, snapshot_count, ref_count, history_count;
    const struct tl_lake_metadata *metadata;
};

/* The table as it is now.  TL_TABLE_NOT_FOUND, TL_SCHEMA_NOT_FOUND; TL_STATE or TL_INVALID_ARGUMENT for metadata that cannot be read.
 * schema: levels joined by dots, as SQL names it. */
TL_CHECKED enum tl_code tl_lake_table_load(tl_lake *lake, tl_arena *arena, const char *schema, const char *name, struct tl_lake_table *ret_table,
                                           struct tl_err *err);
/* Where its files lie, and nothing is read but the catalog's own state.  Errors as above. */
TL_CHECKED enum tl_code tl_lake_table_location(tl_lake *lake, tl_arena *arena, const char *schema, const char *name, const char **ret_location,
                                               struct tl_err *err);
/* A property of the schema, or of the nearest one around it that has it; NULL = none has. */
TL_CHECKED enum tl_code tl_lake_schema_property(tl_lake *lake, tl_arena *arena, const char *schema, const char *name, const char **ret_text,
                                                struct tl_err *err);
/* Every table, by name. */
struct tl_lake_table_name {
    const char *schema, *name; /* schema with dots */
};
TL_CHECKED enum tl_code tl_lake_tables(tl_lake *lake, tl_arena *arena, struct tl_lake_table_name **ret_names, size_t *ret_count, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_table_describe(tl_arena *arena, const struct tl_lake_metadata *metadata, struct tl_lake_table *ret_table,
                                               struct tl_err *err);
/* NULL: none of this id. */
const struct tl_lake_snapshot *tl_lake_table_snapshot(const struct tl_lake_table *table, int64_t id);
const struct tl_lake_schema *tl_lake_table_schema(const struct tl_lake_table *table, int64_t id);
const struct tl_lake_spec *tl_lake_table_spec(const struct tl_lake_table *table, int64_t id);
const struct tl_lake_ref *tl_lake_table_ref(const struct tl_lake_table *table, const char *name);
/* The snapshot that was current at the time, -1 = there was none yet. */
int64_t tl_lake_table_at(const struct tl_lake_table *table, int64_t timestamp_ms);
/* A property's text; NULL = not set. */
const char *tl_lake_table_property(const struct tl_lake_table *table, const char *name);
/* The current schema as it was written. */
const tl_json *tl_lake_table_schema_json(const struct tl_lake_table *table);
/* The highest number that a partition field was given. */
int64_t tl_lake_table_last_partition_id(const struct tl_lake_table *table);
/* All of them, ordered as they were written. */
size_t tl_lake_table_properties(tl_arena *arena, const struct tl_lake_table *table, const char *const **ret_keys, const char *const **ret_values);
/* One table's commit of requirements and updates written as JSON; schema with dots.  Not done here: trying again (TL_CONFLICT). */
TL_CHECKED enum tl_code tl_lake_commit_to(tl_lake *lake, tl_arena *arena, const char *schema, const char *name, struct tl_buf *requirements,
                                          struct tl_buf *updates, struct tl_err *err);
/* A snapshot's manifests, in the order of its list. */
TL_CHECKED enum tl_code tl_lake_snapshot_manifests(tl_objects *objects, tl_arena *arena, const struct tl_lake_snapshot *snapshot,
                                                   struct tl_lake_manifest **ret_manifests, size_t *ret_count, struct tl_err *err);
/* An open manifest of the table, its bytes read: for tl_lake_manifest_next. */
TL_CHECKED enum tl_code tl_lake_table_manifest(tl_objects *objects, tl_arena *arena, const struct tl_lake_table *table,
                                               struct tl_lake_manifest *manifest, bool with_columns, struct tl_lake_manifest_reader *ret_reader,
                                               struct tl_err *err);

#endif
