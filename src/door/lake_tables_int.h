/* door/lake_tables_int.h -- what the files of the metadata tables share ("orders$snapshots" beside a table "orders" of the lake).
 *
 * Rights: those of the table.  Who sees all of it sees all of them; who sees a part is told nothing of columns that are closed or
 *   masked (no bounds, counts or partition values, no path that may hold one), and where rows are hidden nothing of files at all.
 */
#ifndef TL_DOOR_LAKE_TABLES_INT_H
#define TL_DOOR_LAKE_TABLES_INT_H

#include "door/door_int.h"
#include "lake/describe.h"

/* One metadata table being made for one caller. */
struct lake_view {
    struct tl_door_call *call;
    const struct tl_dataset *dataset;
    const struct tl_dataset_grant *grant;
    struct tl_lake_table table;
    struct tl_json_writer *json;
};

/* A partition field of any of the table's specs; its values' type. */
struct lake_partition_field {
    const struct tl_lake_spec_field *field;
    struct tl_lake_type type, source_type;
};
enum { LAKE_PARTITION_FIELDS_MAX = 1000 };
size_t lake_partition_fields(tl_arena *arena, const struct tl_lake_table *table, struct lake_partition_field **ret_fields);

/* May the caller see the values of the column that holds this field? */
bool lake_view_is_open(const struct lake_view *view, int64_t field_id);
/* The engine's type for values of a column; text where it has none. */
struct tl_type lake_view_type(const struct tl_lake_type *type);
void lake_view_put_value(struct tl_json_writer *json, const struct tl_lake_type *type, const struct tl_lake_value *value);
/* Who sees only parts of a table is told the file's name, not its folders: they are often named by partition values, and whoever
 * writes another table could make these files its own. */
void lake_view_put_path(struct lake_view *view, const char *key, struct tl_str path);
void lake_view_put_time(struct tl_json_writer *json, const char *key, int64_t ms);

/* Rows of the tables that read manifests. */
enum tl_code lake_view_put_manifests(struct lake_view *view, struct tl_err *err);
enum tl_code lake_view_put_files(struct lake_view *view, struct tl_err *err);
enum tl_code lake_view_put_partitions(struct lake_view *view, struct tl_err *err);
enum tl_code lake_view_put_tiers(struct lake_view *view, struct tl_err *err); /* lake_tables_tiers.c */

/* Each file of the current snapshot that is there. */
typedef void (*lake_view_each)(struct lake_view *view, const struct tl_lake_manifest_reader *reader, const struct tl_lake_file *file, void *context);
enum tl_code lake_view_each_file(struct lake_view *view, bool data_only, lake_view_each each, void *context, struct tl_err *err);

#endif
