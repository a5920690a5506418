/* Table metadata as structures; the manifests of its snapshots. */
#include "lake/describe.h"

#include <stdlib.h>
#include <string.h>

#include "lake/fence.h"
#include "lake/lake_int.h"

static int64_t int_or(const tl_json *object, const char *key, int64_t fallback)
{
    int64_t number;
    return tl_json_int64(tl_json_get(object, key), &number) ? number : fallback;
}

static enum tl_code describe_schemas(tl_arena *arena, const struct tl_lake_metadata *metadata, struct tl_lake_table *table, struct tl_err *err)
{
    struct tl_lake_schema *schemas = TL_NEW_ARRAY(arena, struct tl_lake_schema, metadata->schemas.count + 1);
    for (size_t i = 0; i < metadata->schemas.count; i++)
        if (tl_lake_schema_describe(arena, metadata->schemas.items[i], &schemas[i], err) != TL_OK)
            return err->code;
    table->schemas = schemas;
    table->schema_count = metadata->schemas.count;
    table->schema = tl_lake_table_schema(table, metadata->current_schema_id);
    return table->schema ? TL_OK : tl_err_set(err, TL_STATE, "the table metadata is incoherent: its current schema does not exist");
}

static enum tl_code describe_specs(tl_arena *arena, const struct tl_lake_metadata *metadata, struct tl_lake_table *table, struct tl_err *err)
{
    struct tl_lake_spec *specs = TL_NEW_ARRAY(arena, struct tl_lake_spec, metadata->specs.count + 1);
    struct tl_lake_order *orders = TL_NEW_ARRAY(arena, struct tl_lake_order, metadata->orders.count + 1);
    for (size_t i = 0; i < metadata->specs.count; i++)
        if (tl_lake_spec_describe(arena, metadata->specs.items[i], &specs[i], err) != TL_OK)
            return err->code;
    for (size_t i = 0; i < metadata->orders.count; i++) {
        if (tl_lake_order_describe(arena, metadata->orders.items[i], &orders[i], err) != TL_OK)
            return err->code;
        if (orders[i].id == metadata->default_sort_order_id)
            table->order = &orders[i];
    }
    table->specs = specs;
    table->spec_count = metadata->specs.count;
    table->orders = orders;
    table->order_count = metadata->orders.count;
    table->spec = tl_lake_table_spec(table, metadata->default_spec_id);
    return table->spec ? TL_OK : tl_err_set(err, TL_STATE, "the table metadata is incoherent: its default partition spec does not exist");
}

static enum tl_code describe_snapshots(tl_arena *arena, const struct tl_lake_metadata *metadata, struct tl_lake_table *table, struct tl_err *err)
{
    struct tl_lake_snapshot *snapshots = TL_NEW_ARRAY(arena, struct tl_lake_snapshot, metadata->snapshots.count + 1);
    for (size_t i = 0; i < metadata->snapshots.count; i++) {
        const tl_json *json = metadata->snapshots.items[i];
        struct tl_lake_snapshot *snapshot = &snapshots[i];
        if (tl_lake_json_need_int(json, "a snapshot", "snapshot-id", &snapshot->id, err) != TL_OK ||
            tl_lake_json_need_int(json, "a snapshot", "timestamp-ms", &snapshot->timestamp_ms, err) != TL_OK)
            return err->code;
        snapshot->location = metadata->location;
        snapshot->parent_id = int_or(json, "parent-snapshot-id", -1);
        snapshot->sequence_number = int_or(json, "sequence-number", 0);
        snapshot->schema_id = int_or(json, "schema-id", -1);
        snapshot->manifest_list = tl_json_get_text(json, "manifest-list");
        snapshot->summary = tl_json_get(json, "summary");
        snapshot->operation = tl_json_get_text(snapshot->summary, "operation");
        snapshot->manifests = tl_json_get(json, "manifests");
        snapshot->first_row_id = int_or(json, "first-row-id", -1);
        snapshot->added_rows = int_or(json, "added-rows", -1);
    }
    table->snapshots = snapshots;
    table->snapshot_count = metadata->snapshots.count;
    return TL_OK;
}

static void describe_refs(tl_arena *arena, const struct tl_lake_metadata *metadata, struct tl_lake_table *table)
{
    struct tl_lake_ref *refs = TL_NEW_ARRAY(arena, struct tl_lake_ref, metadata->refs.count + 1);
    struct tl_lake_history *history = TL_NEW_ARRAY(arena, struct tl_lake_history, metadata->snapshot_log.count + 1);
    for (size_t i = 0; i < metadata->refs.count; i++) {
        const tl_json *json = metadata->refs.items[i].value;
        refs[i] = (struct tl_lake_ref){
            .name = metadata->refs.items[i].key,
            .is_tag = tl_streq(tl_json_get_text(json, "type"), "tag"),
            .snapshot_id = int_or(json, "snapshot-id", -1),
            .min_snapshots_to_keep = int_or(json, "min-snapshots-to-keep", -1),
            .max_snapshot_age_ms = int_or(json, "max-snapshot-age-ms", -1),
            .max_ref_age_ms = int_or(json, "max-ref-age-ms", -1),
        };
    }
    for (size_t i = 0; i < metadata->snapshot_log.count; i++)
        history[i] = (struct tl_lake_history){int_or(metadata->snapshot_log.items[i], "timestamp-ms", 0),
                                              int_or(metadata->snapshot_log.items[i], "snapshot-id", -1)};
    table->refs = refs;
    table->ref_count = metadata->refs.count;
    table->history = history;
    table->history_count = metadata->snapshot_log.count;
}

enum tl_code tl_lake_table_describe(tl_arena *arena, const struct tl_lake_metadata *metadata, struct tl_lake_table *ret_table, struct tl_err *err)
{
    *ret_table = (struct tl_lake_table){
        .format_version = (int)metadata->format_version,
        .uuid = metadata->uuid,
        .location = metadata->location,
        .last_sequence_number = metadata->last_sequence_number,
        .last_updated_ms = metadata->last_updated_ms,
        .current_snapshot_id = metadata->current_snapshot_id,
        .next_row_id = metadata->next_row_id,
        .metadata = metadata,
    };
    if (describe_schemas(arena, metadata, ret_table, err) != TL_OK || describe_specs(arena, metadata, ret_table, err) != TL_OK ||
        describe_snapshots(arena, metadata, ret_table, err) != TL_OK)
        return err->code;
    describe_refs(arena, metadata, ret_table);
    return TL_OK;
}

enum tl_code tl_lake_table_load(tl_lake *lake, tl_arena *arena, const char *schema, const char *name, struct tl_lake_table *ret_table,
                                struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    struct tl_lake_metadata *metadata = TL_NEW(arena, struct tl_lake_metadata);
    if (tl_lake_pointer_get(lake, arena, tl_lake_undotted(arena, schema), name, &pointer, err) != TL_OK ||
        tl_lake_metadata_load(lake, arena, pointer.metadata_location, pointer.location, NULL, metadata, err) != TL_OK ||
        tl_lake_table_describe(arena, metadata, ret_table, err) != TL_OK)
        return err->code;
    ret_table->metadata_location = pointer.metadata_location;
    ret_table->location = pointer.location; /* checked when the table was made; the file is in reach of whoever writes the table */
    return TL_OK;
}

enum tl_code tl_lake_table_location(tl_lake *lake, tl_arena *arena, const char *schema, const char *name, const char **ret_location,
                                    struct tl_err *err)
{
    struct tl_lake_pointer pointer;
    if (tl_lake_pointer_get(lake, arena, tl_lake_undotted(arena, schema), name, &pointer, err) == TL_OK)
        *ret_location = pointer.location;
    return err->code;
}

enum tl_code tl_lake_schema_property(tl_lake *lake, tl_arena *arena, const char *schema, const char *name, const char **ret_text,
                                     struct tl_err *err)
{
    char *level = tl_arena_strdup(arena, tl_lake_undotted(arena, schema));
    *ret_text = NULL;
    while (!*ret_text && *level) {
        const char *properties;
        const tl_json *object;
        if (tl_lake_namespace_get(lake, arena, level, &properties, err) != TL_OK ||
            tl_json_parse(arena, properties, strlen(properties), &object, err) != TL_OK)
            return err->code;
        *ret_text = tl_json_get_text(object, name);
        char *last = strrchr(level, TL_LAKE_LEVEL_SEPARATOR);
        *(last ? last : level) = '\0';
    }
    return TL_OK;
}

struct names {
    tl_arena *arena;
    struct tl_lake_table_name *items;
    size_t count, capacity;
};

static enum tl_code row_name(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct names *names = context;
    (void)count;
    (void)err;
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : 64;
        names->items = tl_arena_grow(names->arena, names->items, names->capacity * sizeof *names->items, capacity * sizeof *names->items);
        names->capacity = capacity;
    }
    const char *namespace_name = tl_arena_strndup(names->arena, cells[0].bytes.data, cells[0].bytes.size);
    names->items[names->count++] = (struct tl_lake_table_name){tl_lake_dotted(names->arena, namespace_name),
                                                               tl_arena_strndup(names->arena, cells[1].bytes.data, cells[1].bytes.size)};
    return TL_OK;
}

static enum tl_code run_names(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, "SELECT namespace, name FROM lake_table WHERE kind = 'table' ORDER BY namespace, name", NULL, 0, row_name, context, err);
}

enum tl_code tl_lake_tables(tl_lake *lake, tl_arena *arena, struct tl_lake_table_name **ret_names, size_t *ret_count, struct tl_err *err)
{
    struct names names = {.arena = arena};
    enum tl_code code = tl_store_read(lake->store, run_names, &names, err);
    *ret_names = names.items;
    *ret_count = names.count;
    return code;
}

const struct tl_lake_snapshot *tl_lake_table_snapshot(const struct tl_lake_table *table, int64_t id)
{
    for (size_t i = table->snapshot_count; i-- > 0;)
        if (table->snapshots[i].id == id)
            return &table->snapshots[i];
    return NULL;
}

const struct tl_lake_schema *tl_lake_table_schema(const struct tl_lake_table *table, int64_t id)
{
    for (size_t i = table->schema_count; i-- > 0;)
        if (table->schemas[i].id == id)
            return &table->schemas[i];
    return NULL;
}

const struct tl_lake_spec *tl_lake_table_spec(const struct tl_lake_table *table, int64_t id)
{
    for (size_t i = table->spec_count; i-- > 0;)
        if (table->specs[i].id == id)
            return &table->specs[i];
    return NULL;
}

const struct tl_lake_ref *tl_lake_table_ref(const struct tl_lake_table *table, const char *name)
{
    for (size_t i = 0; i < table->ref_count; i++)
        if (strcmp(table->refs[i].name, name) == 0)
            return &table->refs[i];
    return NULL;
}

int64_t tl_lake_table_at(const struct tl_lake_table *table, int64_t timestamp_ms)
{
    int64_t id = -1;
    for (size_t i = 0; i < table->history_count && table->history[i].timestamp_ms <= timestamp_ms; i++)
        id = table->history[i].snapshot_id;
    return id;
}

const tl_json *tl_lake_table_schema_json(const struct tl_lake_table *table)
{
    return tl_lake_list_find(&table->metadata->schemas, "schema-id", table->metadata->current_schema_id);
}

const char *tl_lake_table_property(const struct tl_lake_table *table, const char *name)
{
    return tl_lake_property(table->metadata, name);
}

int64_t tl_lake_table_last_partition_id(const struct tl_lake_table *table)
{
    return table->metadata->last_partition_id;
}

size_t tl_lake_table_properties(tl_arena *arena, const struct tl_lake_table *table, const char *const **ret_keys, const char *const **ret_values)
{
    const struct tl_lake_map *map = &table->metadata->properties;
    const char **keys = TL_NEW_ARRAY(arena, const char *, map->count + 1), **values = TL_NEW_ARRAY(arena, const char *, map->count + 1);
    for (size_t i = 0; i < map->count; i++) {
        keys[i] = map->items[i].key;
        values[i] = tl_json_text(map->items[i].value);
    }
    *ret_keys = keys;
    *ret_values = values;
    return map->count;
}

/* The whole object, in the arena, if it is one of the table's. */
static enum tl_code read_object(tl_objects *objects, tl_arena *arena, const char *folder, const char *location, struct tl_str *ret_bytes,
                                struct tl_err *err)
{
    struct tl_buf buf;
    if (!tl_lake_fence_holds(tl_str_of(location), folder))
        return tl_lake_fence_refuse(tl_str_of(location), "the manifest", folder, err);
    tl_buf_init(&buf, TL_LAKE_MANIFEST_BYTES_MAX);
    if (tl_objects_read(objects, location, &buf, err) == TL_OK)
        *ret_bytes = (struct tl_str){tl_arena_strndup(arena, tl_buf_cstr(&buf), buf.size), buf.size};
    tl_buf_done(&buf);
    return err->code;
}

/* Version 1 may list its manifests in the snapshot; what a list would say of them is not known. */
static void list_inline(tl_arena *arena, const struct tl_lake_snapshot *snapshot, struct tl_lake_manifest **ret_manifests, size_t *ret_count)
{
    struct tl_lake_manifest *list = TL_NEW_ARRAY(arena, struct tl_lake_manifest, tl_json_count(snapshot->manifests) + 1);
    *ret_manifests = list;
    *ret_count = 0;
    for (struct tl_json_iter it = tl_json_iter(snapshot->manifests); tl_json_next(&it);)
        if (tl_json_is_string(it.value))
            list[(*ret_count)++] = (struct tl_lake_manifest){.path = tl_json_str(it.value), .spec_id = -1, .added_snapshot_id = snapshot->id,
                                                             .added_files = -1, .existing_files = -1, .deleted_files = -1, .added_rows = -1,
                                                             .existing_rows = -1, .deleted_rows = -1, .first_row_id = -1};
}

enum tl_code tl_lake_snapshot_manifests(tl_objects *objects, tl_arena *arena, const struct tl_lake_snapshot *snapshot,
                                        struct tl_lake_manifest **ret_manifests, size_t *ret_count, struct tl_err *err)
{
    struct tl_str bytes;
    if (!snapshot->manifest_list) {
        list_inline(arena, snapshot, ret_manifests, ret_count);
        return TL_OK;
    }
    if (read_object(objects, arena, snapshot->location, snapshot->manifest_list, &bytes, err) != TL_OK)
        return err->code;
    return tl_lake_manifest_list_read(arena, bytes, ret_manifests, ret_count, err);
}

enum tl_code tl_lake_table_manifest(tl_objects *objects, tl_arena *arena, const struct tl_lake_table *table, struct tl_lake_manifest *manifest,
                                    bool with_columns, struct tl_lake_manifest_reader *ret_reader, struct tl_err *err)
{
    struct tl_str bytes;
    const struct tl_lake_spec *spec = tl_lake_table_spec(table, manifest->spec_id);
    const char *path = tl_arena_strndup(arena, manifest->path.data, manifest->path.size);
    if (read_object(objects, arena, table->location, path, &bytes, err) != TL_OK)
        return err->code;
    if (manifest->spec_id == -1) { /* only the manifest itself says */
        struct tl_avro_file file;
        if (tl_avro_open(arena, bytes, &file, err) != TL_OK)
            return err->code;
        struct tl_str id = tl_avro_metadata(&file, "partition-spec-id");
        manifest->spec_id = id.size ? strtoll(tl_arena_strndup(arena, id.data, id.size), NULL, 10) : 0;
        spec = tl_lake_table_spec(table, manifest->spec_id);
    }
    if (!spec)
        return tl_err_set(err, TL_STATE, "the manifest \"%.300s\" is of partition spec %lld, which the table does not have", path,
                          (long long)manifest->spec_id);
    struct tl_lake_type *types = TL_NEW_ARRAY(arena, struct tl_lake_type, spec->count + 1);
    tl_lake_spec_types(spec, table->schemas, table->schema_count, types);
    if (tl_lake_manifest_open(arena, bytes, manifest, spec, types, with_columns, ret_reader, err) == TL_OK)
        ret_reader->folder = table->location;
    return err->code;
}
