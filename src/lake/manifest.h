/* lake/manifest.h -- Iceberg's manifest lists and manifests, versions 1 to 3: which files a snapshot has, and what is known of them.
 *
 * Reading: a snapshot's manifest list gives its manifests; a manifest gives entries one by one.  Numbers that a writer leaves for the
 *   reader to inherit (snapshot, sequence numbers, first row ids) are filled in.  Fields of later versions are passed over.
 * Writing: entries one by one; the line for the manifest list, with counts and partition bounds, comes out at the end.
 * Owns: bytes must outlive what was read from them; values and maps live in the arena given with the call.
 * Bounds: those of lake/avro.h, TL_LAKE_MANIFESTS_MAX in a list.
 */
#ifndef TL_LAKE_MANIFEST_H
#define TL_LAKE_MANIFEST_H

#include "lake/avro.h"
#include "lake/type.h"

enum { TL_LAKE_MANIFESTS_MAX = 1000000, TL_LAKE_FILE_COLUMNS_MAX = 100000, TL_LAKE_MANIFEST_BYTES_MAX = 512 * 1024 * 1024 };

/* What is known of one partition field over all files of a manifest. */
struct tl_lake_summary {
    bool contains_null;
    int contains_nan; /* -1: not known */
    bool has_lower, has_upper;
    struct tl_str lower, upper; /* single-value form */
};
struct tl_lake_manifest {
    struct tl_str path;
    int64_t size_bytes, spec_id;
    bool deletes; /* lists delete files, no data files */
    int64_t sequence_number, min_sequence_number, added_snapshot_id;
    int64_t added_files, existing_files, deleted_files, added_rows, existing_rows, deleted_rows; /* -1: not known (version 1) */
    const struct tl_lake_summary *partitions; /* by the spec's fields; NULL: not known */
    size_t partition_count;
    struct tl_str key_metadata;
    int64_t first_row_id; /* version 3; -1: none */
};
bool tl_lake_manifest_is_empty(const struct tl_lake_manifest *manifest); /* of files that are there */
TL_CHECKED enum tl_code tl_lake_manifest_list_read(tl_arena *arena, struct tl_str bytes, struct tl_lake_manifest **ret_manifests,
                                                   size_t *ret_count, struct tl_err *err);
struct tl_lake_list_info {
    int format_version;
    int64_t snapshot_id, parent_id /* -1: none */, sequence_number, first_row_id;
};
TL_CHECKED enum tl_code tl_lake_manifest_list_write(struct tl_buf *to, const struct tl_lake_list_info *info,
                                                    const struct tl_lake_manifest *manifests, size_t count, struct tl_err *err);

enum tl_lake_content { TL_LAKE_DATA, TL_LAKE_POSITION_DELETES, TL_LAKE_EQUALITY_DELETES };
enum tl_lake_status { TL_LAKE_EXISTING, TL_LAKE_ADDED, TL_LAKE_DELETED };

/* Per column id. */
struct tl_lake_count {
    int64_t id, count;
};
struct tl_lake_counts {
    const struct tl_lake_count *items;
    size_t count;
};
struct tl_lake_bound {
    int64_t id;
    struct tl_str bytes; /* single-value form */
};
struct tl_lake_bounds {
    const struct tl_lake_bound *items;
    size_t count;
};
/* What is told of one column; `unknown` and NULL: nothing. */
int64_t tl_lake_count_of(const struct tl_lake_counts *counts, int64_t id, int64_t unknown);
const struct tl_str *tl_lake_bound_of(const struct tl_lake_bounds *bounds, int64_t id);
struct tl_lake_ids {
    const int64_t *items;
    size_t count;
};
struct tl_lake_file {
    enum tl_lake_content content;
    struct tl_str path, format;             /* "PARQUET", "PUFFIN", ... in any case */
    const struct tl_lake_value *partition;  /* one a field of the spec */
    int64_t record_count, size_bytes;
    struct tl_lake_counts column_sizes, value_counts, null_counts, nan_counts;
    struct tl_lake_bounds lower, upper;
    struct tl_str key_metadata;
    struct tl_lake_ids split_offsets, equality_ids;
    int64_t sort_order_id, first_row_id;    /* -1: none */
    struct tl_str referenced_file;          /* of a delete file or vector; empty: none */
    int64_t content_offset, content_size;   /* of a deletion vector in its Puffin file; -1: none */
};
struct tl_lake_entry {
    enum tl_lake_status status;
    int64_t snapshot_id, sequence_number, file_sequence_number; /* -1: not known */
    struct tl_lake_file file;
};

/* The types of a spec's values: what its transforms make of their columns, looked for in each schema (a column may be dropped since).
 * A column found nowhere counts as UNKNOWN: its values say nothing. */
void tl_lake_spec_types(const struct tl_lake_spec *spec, const struct tl_lake_schema *schemas, size_t schema_count, struct tl_lake_type *ret_types);

struct tl_lake_manifest_reader {
    struct tl_avro_file file;
    struct tl_avro_cursor cursor;
    uint64_t left;
    const struct tl_lake_manifest *manifest;
    const struct tl_lake_spec *spec;
    const struct tl_lake_type *types;
    bool with_columns;    /* counts and bounds per column; without them reading is faster */
    int64_t next_row_id;
    const char *folder;   /* files of entries must lie below it (lake/fence.h); NULL: they may lie anywhere */
};
/* manifest: its line in the list. */
TL_CHECKED enum tl_code tl_lake_manifest_open(tl_arena *arena, struct tl_str bytes, const struct tl_lake_manifest *manifest,
                                              const struct tl_lake_spec *spec, const struct tl_lake_type *types, bool with_columns,
                                              struct tl_lake_manifest_reader *ret_reader, struct tl_err *err);
/* *ret_more false: there was no further entry.  Paths and bounds point into the reader's arena, arrays are in this one. */
TL_CHECKED enum tl_code tl_lake_manifest_next(struct tl_lake_manifest_reader *reader, tl_arena *arena, struct tl_lake_entry *ret_entry,
                                              bool *ret_more, struct tl_err *err);

struct tl_lake_manifest_info {
    int format_version;
    bool deletes;
    const tl_json *schema, *spec_json; /* as the table has them */
    const struct tl_lake_spec *spec;
    const struct tl_lake_type *types;
    int64_t snapshot_id;               /* that adds the manifest */
};
struct tl_lake_manifest_writer {
    struct tl_lake_manifest_info info;
    struct tl_avro_writer avro;
    struct tl_lake_manifest line;
    struct tl_lake_extremes *extremes; /* a partition field each */
    tl_arena *arena;
};
TL_CHECKED enum tl_code tl_lake_manifest_begin(tl_arena *arena, struct tl_buf *to, const struct tl_lake_manifest_info *info,
                                               struct tl_lake_manifest_writer *ret_writer, struct tl_err *err);
/* Entries that are added get their sequence numbers from the commit; others keep theirs. */
void tl_lake_manifest_add(struct tl_lake_manifest_writer *writer, const struct tl_lake_entry *entry);
/* *ret_line: all but path and sequence_number (min_sequence_number INT64_MAX when all entries inherit it). */
TL_CHECKED enum tl_code tl_lake_manifest_finish(struct tl_lake_manifest_writer *writer, struct tl_lake_manifest *ret_line, struct tl_err *err);

#endif
