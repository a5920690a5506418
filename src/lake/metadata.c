/* TableMetadata as a struct over unchanging JSON values, so that members this program does not know survive a commit. */
#include "lake/lake_int.h"

#include <string.h>

enum { LIST_ITEMS_MAX = 1000000, FIRST_PARTITION_ID = 999 };

void tl_lake_metadata_init(struct tl_lake_metadata *metadata)
{
    *metadata = (struct tl_lake_metadata){
        .format_version = 2,
        .current_schema_id = -1,
        .default_spec_id = -1,
        .default_sort_order_id = -1,
        .last_partition_id = FIRST_PARTITION_ID,
        .current_snapshot_id = -1,
    };
}

/* The members with a place in the struct. */
struct member {
    const char *key;
    size_t offset;
    bool required;
};
#define MEMBER(key, field, required) {key, offsetof(struct tl_lake_metadata, field), required}
static const struct member numbers[] = {
    MEMBER("format-version", format_version, true),
    MEMBER("last-sequence-number", last_sequence_number, true),
    MEMBER("last-updated-ms", last_updated_ms, true),
    MEMBER("last-column-id", last_column_id, true),
    MEMBER("current-schema-id", current_schema_id, true),
    MEMBER("default-spec-id", default_spec_id, true),
    MEMBER("last-partition-id", last_partition_id, true),
    MEMBER("default-sort-order-id", default_sort_order_id, true),
    MEMBER("current-snapshot-id", current_snapshot_id, false),
    MEMBER("next-row-id", next_row_id, false),
};
static const struct member lists[] = {
    MEMBER("schemas", schemas, true),
    MEMBER("partition-specs", specs, true),
    MEMBER("sort-orders", orders, true),
    MEMBER("snapshots", snapshots, false),
    MEMBER("statistics", statistics, false),
    MEMBER("partition-statistics", partition_statistics, false),
    MEMBER("snapshot-log", snapshot_log, false),
    MEMBER("metadata-log", metadata_log, false),
};
static const struct member maps[] = {
    MEMBER("properties", properties, false),
    MEMBER("refs", refs, false),
};
#undef MEMBER
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static enum tl_code unreadable(struct tl_err *err, const char *key, const char *why)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "the table metadata cannot be read: \"%s\" %s", key, why);
}

static enum tl_code read_numbers(const tl_json *root, struct tl_lake_metadata *metadata, struct tl_err *err)
{
    for (size_t i = 0; i < COUNT(numbers); i++) {
        const tl_json *value = tl_json_get(root, numbers[i].key);
        if (!value || tl_json_is_null(value)) {
            if (numbers[i].required)
                return unreadable(err, numbers[i].key, "is missing");
            continue;
        }
        int64_t number;
        if (!tl_json_int64(value, &number))
            return unreadable(err, numbers[i].key, "is not an integer");
        memcpy((char *)metadata + numbers[i].offset, &number, sizeof number);
    }
    return TL_OK;
}

static enum tl_code read_lists(tl_arena *arena, const tl_json *root, struct tl_lake_metadata *metadata, struct tl_err *err)
{
    for (size_t i = 0; i < COUNT(lists); i++) {
        const tl_json *value = tl_json_get(root, lists[i].key);
        if (!value || tl_json_is_null(value)) {
            if (lists[i].required)
                return unreadable(err, lists[i].key, "is missing");
            continue;
        }
        if (!tl_json_is_array(value) || tl_json_count(value) > LIST_ITEMS_MAX)
            return unreadable(err, lists[i].key, "is not a list of at most 1000000 items");
        struct tl_lake_list list = {0};
        for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);) {
            if (!tl_json_is_object(it.value))
                return unreadable(err, lists[i].key, "has an item that is not an object");
            tl_lake_list_add(arena, &list, it.value);
        }
        memcpy((char *)metadata + lists[i].offset, &list, sizeof list);
    }
    return TL_OK;
}

static enum tl_code read_maps(tl_arena *arena, const tl_json *root, struct tl_lake_metadata *metadata, struct tl_err *err)
{
    for (size_t i = 0; i < COUNT(maps); i++) {
        const tl_json *value = tl_json_get(root, maps[i].key);
        if (!value || tl_json_is_null(value))
            continue;
        if (!tl_json_is_object(value))
            return unreadable(err, maps[i].key, "is not an object");
        struct tl_lake_map map = {0};
        for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);)
            tl_lake_map_set(arena, &map, it.key, it.value);
        memcpy((char *)metadata + maps[i].offset, &map, sizeof map);
    }
    return TL_OK;
}

static bool is_known(const char *key)
{
    if (strcmp(key, "table-uuid") == 0 || strcmp(key, "location") == 0)
        return true;
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (strcmp(key, numbers[i].key) == 0)
            return true;
    for (size_t i = 0; i < COUNT(lists); i++)
        if (strcmp(key, lists[i].key) == 0)
            return true;
    for (size_t i = 0; i < COUNT(maps); i++)
        if (strcmp(key, maps[i].key) == 0)
            return true;
    return false;
}

/* Older writers gave the current snapshot without naming the branch. */
static enum tl_code name_main_branch(tl_arena *arena, struct tl_lake_metadata *metadata, struct tl_err *err)
{
    if (metadata->current_snapshot_id == -1 || tl_lake_map_get(&metadata->refs, "main"))
        return TL_OK;
    const char *text = tl_arena_printf(arena, "{\"snapshot-id\":%lld,\"type\":\"branch\"}", (long long)metadata->current_snapshot_id);
    const tl_json *ref;
    if (tl_json_parse(arena, text, strlen(text), &ref, err) != TL_OK)
        return err->code;
    tl_lake_map_set(arena, &metadata->refs, "main", ref);
    return TL_OK;
}

enum tl_code tl_lake_metadata_read(tl_arena *arena, const tl_json *root, struct tl_lake_metadata *metadata, struct tl_err *err)
{
    tl_lake_metadata_init(metadata);
    if (!tl_json_is_object(root))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the table metadata is not a JSON object");
    int64_t version = -1;
    if (tl_json_int64(tl_json_get(root, "format-version"), &version) && (version < 1 || version > 3)) {
        tl_err_set(err, TL_UNSUPPORTED, "format version %lld of a table is not offered", (long long)version);
        tl_err_hint(err, "versions 1 to 3 are");
        return err->code;
    }
    if (version == 1 && tl_lake_metadata_widen(arena, root, &root, err) != TL_OK)
        return err->code;
    if (tl_lake_json_need_text(root, "the table metadata", "table-uuid", &metadata->uuid, err) != TL_OK ||
        tl_lake_json_need_text(root, "the table metadata", "location", &metadata->location, err) != TL_OK ||
        read_numbers(root, metadata, err) != TL_OK || read_lists(arena, root, metadata, err) != TL_OK ||
        read_maps(arena, root, metadata, err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it);)
        if (!is_known(it.key))
            tl_lake_map_set(arena, &metadata->others, it.key, it.value);
    return name_main_branch(arena, metadata, err);
}

static enum tl_code incoherent(struct tl_err *err, const char *what, int64_t id)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "the table metadata is incoherent: %s %lld does not exist", what, (long long)id);
}

static enum tl_code check_refs(const struct tl_lake_metadata *metadata, struct tl_err *err)
{
    for (size_t i = 0; i < metadata->refs.count; i++) {
        int64_t id;
        if (!tl_json_int64(tl_json_get(metadata->refs.items[i].value, "snapshot-id"), &id) ||
            !tl_lake_list_find(&metadata->snapshots, "snapshot-id", id))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the table metadata is incoherent: reference \"%.200s\" has no snapshot",
                              metadata->refs.items[i].key);
    }
    int64_t current = metadata->current_snapshot_id, head;
    if (current != -1 && !tl_lake_list_find(&metadata->snapshots, "snapshot-id", current))
        return incoherent(err, "the current snapshot", current);
    const tl_json *branch = tl_lake_map_get(&metadata->refs, "main");
    if (branch && tl_json_int64(tl_json_get(branch, "snapshot-id"), &head) && head != current)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the table metadata is incoherent: branch \"main\" is not at the current snapshot");
    return TL_OK;
}

enum tl_code tl_lake_metadata_check(tl_arena *arena, const struct tl_lake_metadata *metadata, struct tl_err *err)
{
    if (!metadata->uuid || !metadata->location)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the table has no %s", metadata->uuid ? "location" : "uuid");
    const tl_json *schema = tl_lake_list_find(&metadata->schemas, "schema-id", metadata->current_schema_id);
    const tl_json *spec = tl_lake_list_find(&metadata->specs, "spec-id", metadata->default_spec_id);
    const tl_json *order = tl_lake_list_find(&metadata->orders, "order-id", metadata->default_sort_order_id);
    if (!schema)
        return incoherent(err, "the current schema", metadata->current_schema_id);
    if (!spec)
        return incoherent(err, "the default partition spec", metadata->default_spec_id);
    if (!order)
        return incoherent(err, "the default sort order", metadata->default_sort_order_id);
    int64_t max_id;
    if (tl_lake_schema_check(arena, schema, metadata->format_version, &max_id, err) != TL_OK || tl_lake_spec_check(spec, err) != TL_OK ||
        tl_lake_order_check(order, err) != TL_OK || tl_lake_sources_check(spec, "the partition spec", schema, err) != TL_OK ||
        tl_lake_sources_check(order, "the sort order", schema, err) != TL_OK)
        return err->code;
    if (max_id > metadata->last_column_id)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the table metadata is incoherent: column id %lld is above \"last-column-id\" %lld",
                          (long long)max_id, (long long)metadata->last_column_id);
    return check_refs(metadata, err);
}

static void write_list(struct tl_json_writer *writer, const char *key, const struct tl_lake_list *list)
{
    tl_json_key(writer, key);
    tl_json_begin_array(writer);
    for (size_t i = 0; i < list->count; i++)
        tl_json_put_value(writer, list->items[i]);
    tl_json_end_array(writer);
}

static void write_map(struct tl_json_writer *writer, const char *key, const struct tl_lake_map *map)
{
    tl_json_key(writer, key);
    tl_json_begin_object(writer);
    for (size_t i = 0; i < map->count; i++) {
        tl_json_key(writer, map->items[i].key);
        tl_json_put_value(writer, map->items[i].value);
    }
    tl_json_end_object(writer);
}

void tl_lake_metadata_write(const struct tl_lake_metadata *metadata, struct tl_buf *buf)
{
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, buf);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "table-uuid", metadata->uuid);
    tl_json_pair_text(&writer, "location", metadata->location);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        int64_t number;
        memcpy(&number, (const char *)metadata + numbers[i].offset, sizeof number);
        if (strcmp(numbers[i].key, "next-row-id") != 0 || metadata->format_version >= 3)
            tl_json_pair_int64(&writer, numbers[i].key, number);
    }
    for (size_t i = 0; i < COUNT(maps); i++)
        write_map(&writer, maps[i].key, (const struct tl_lake_map *)(const void *)((const char *)metadata + maps[i].offset));
    for (size_t i = 0; i < COUNT(lists); i++)
        write_list(&writer, lists[i].key, (const struct tl_lake_list *)(const void *)((const char *)metadata + lists[i].offset));
    if (metadata->format_version == 1)
        tl_lake_metadata_write_v1(metadata, &writer);
    for (size_t i = 0; i < metadata->others.count; i++) {
        tl_json_key(&writer, metadata->others.items[i].key);
        tl_json_put_value(&writer, metadata->others.items[i].value);
    }
    tl_json_end_object(&writer);
}

const char *tl_lake_property(const struct tl_lake_metadata *metadata, const char *name)
{
    return tl_json_text(tl_lake_map_get(&metadata->properties, name));
}
