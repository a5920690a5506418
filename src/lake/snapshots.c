/* Updates of snapshots, references and statistics. */
#include "lake/lake_int.h"

#include <string.h>

enum { REFS_MAX = 10000 };

static enum tl_code check_row_ids(struct tl_lake_metadata *metadata, const tl_json *snapshot, struct tl_err *err)
{
    if (metadata->format_version < 3)
        return TL_OK;
    int64_t first, rows;
    if (tl_lake_json_need_int(snapshot, "a snapshot of format version 3", "first-row-id", &first, err) != TL_OK ||
        tl_lake_json_need_int(snapshot, "a snapshot of format version 3", "added-rows", &rows, err) != TL_OK)
        return err->code;
    if (first < metadata->next_row_id)
        return tl_err_set(err, TL_CONFLICT, "Requirement failed: first row id %lld is below the next row id %lld of the table",
                          (long long)first, (long long)metadata->next_row_id);
    if (rows < 0 || first > INT64_MAX - rows)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "add-snapshot: \"added-rows\" is out of range");
    metadata->next_row_id = first + rows;
    return TL_OK;
}

static enum tl_code check_snapshot(struct tl_lake_change *change, const tl_json *snapshot, int64_t *ret_sequence, struct tl_err *err)
{
    int64_t id, timestamp, parent;
    const char *manifests, *operation;
    bool numbered = change->metadata->format_version > 1;
    *ret_sequence = 0;
    if (tl_lake_json_need_int(snapshot, "a snapshot", "snapshot-id", &id, err) != TL_OK ||
        tl_lake_json_need_int(snapshot, "a snapshot", "timestamp-ms", &timestamp, err) != TL_OK ||
        (numbered && tl_lake_json_need_int(snapshot, "a snapshot", "sequence-number", ret_sequence, err) != TL_OK) ||
        tl_lake_json_need_text(snapshot, "a snapshot", "manifest-list", &manifests, err) != TL_OK ||
        tl_lake_json_need_text(tl_json_get(snapshot, "summary"), "the summary of a snapshot", "operation", &operation, err) != TL_OK ||
        tl_lake_location(change->lake, change->arena, manifests, NULL, err) != TL_OK)
        return err->code;
    if (id < 0 || *ret_sequence < 0 || timestamp < 0)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "add-snapshot: a snapshot's id, sequence number and time cannot be negative");
    if (tl_lake_list_find(&change->metadata->snapshots, "snapshot-id", id))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "add-snapshot: snapshot %lld exists already", (long long)id);
    bool has_parent = numbered && tl_json_int64(tl_json_get(snapshot, "parent-snapshot-id"), &parent) && parent >= 0;
    if (has_parent && *ret_sequence <= change->metadata->last_sequence_number)
        return tl_err_set(err, TL_CONFLICT, "Requirement failed: sequence number %lld is not above the last one, %lld",
                          (long long)*ret_sequence, (long long)change->metadata->last_sequence_number);
    return check_row_ids(change->metadata, snapshot, err);
}

enum tl_code tl_lake_update_add_snapshot(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    const tl_json *snapshot = tl_json_get(update, "snapshot");
    int64_t sequence, schema;
    if (check_snapshot(change, snapshot, &sequence, err) != TL_OK)
        return err->code;
    if (tl_json_int64(tl_json_get(snapshot, "schema-id"), &schema)) {
        for (int i = change->schema_count - 1; i >= 0; i--)
            if (change->schemas[i].asked == schema && change->schemas[i].became != schema) {
                if (tl_lake_json_with_int(change->arena, snapshot, "schema-id", change->schemas[i].became, &snapshot, err) != TL_OK)
                    return err->code;
                schema = change->schemas[i].became;
                break;
            }
        if (!tl_lake_list_find(&change->metadata->schemas, "schema-id", schema))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "add-snapshot: schema %lld does not exist", (long long)schema);
    }
    tl_lake_list_add(change->arena, &change->metadata->snapshots, snapshot);
    tl_lake_list_add(change->arena, &change->added_snapshots, snapshot);
    if (sequence > change->metadata->last_sequence_number)
        change->metadata->last_sequence_number = sequence;
    return TL_OK;
}

/* The reference without what belongs to the update around it. */
static enum tl_code strip_update(tl_arena *arena, const tl_json *update, const tl_json **ret_ref, struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    for (struct tl_json_iter it = tl_json_iter(update); tl_json_next(&it);) {
        if (strcmp(it.key, "action") == 0 || strcmp(it.key, "ref-name") == 0)
            continue;
        tl_json_key(&writer, it.key);
        tl_json_put_value(&writer, it.value);
    }
    tl_json_end_object(&writer);
    enum tl_code code = tl_lake_json_from(arena, &buf, ret_ref, err);
    tl_buf_done(&buf);
    return code;
}

static enum tl_code log_snapshot(struct tl_lake_change *change, int64_t id, struct tl_err *err)
{
    int64_t timestamp = change->now_ms;
    (void)tl_json_int64(tl_json_get(tl_lake_list_find(&change->added_snapshots, "snapshot-id", id), "timestamp-ms"), &timestamp);
    const char *text = tl_arena_printf(change->arena, "{\"timestamp-ms\":%lld,\"snapshot-id\":%lld}", (long long)timestamp, (long long)id);
    const tl_json *entry;
    if (tl_json_parse(change->arena, text, strlen(text), &entry, err) != TL_OK)
        return err->code;
    tl_lake_list_add(change->arena, &change->metadata->snapshot_log, entry);
    return TL_OK;
}

enum tl_code tl_lake_update_set_ref(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    const char *name, *type;
    int64_t id;
    if (tl_lake_json_need_text(update, "set-snapshot-ref", "ref-name", &name, err) != TL_OK ||
        tl_lake_json_need_text(update, "set-snapshot-ref", "type", &type, err) != TL_OK ||
        tl_lake_json_need_int(update, "set-snapshot-ref", "snapshot-id", &id, err) != TL_OK)
        return err->code;
    bool branch = strcmp(type, "branch") == 0, main_branch = strcmp(name, "main") == 0;
    if (!branch && (strcmp(type, "tag") != 0 || main_branch))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "set-snapshot-ref: \"%.100s\" cannot be a \"%.100s\"", name, type);
    if (!tl_lake_list_find(&change->metadata->snapshots, "snapshot-id", id))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "set-snapshot-ref: snapshot %lld does not exist", (long long)id);
    if (change->metadata->refs.count >= REFS_MAX && !tl_lake_map_get(&change->metadata->refs, name))
        return tl_err_set(err, TL_TOO_LARGE, "a table may have at most %d branches and tags", REFS_MAX);
    const tl_json *ref;
    if (strip_update(change->arena, update, &ref, err) != TL_OK)
        return err->code;
    tl_lake_map_set(change->arena, &change->metadata->refs, name, ref);
    if (!main_branch || change->metadata->current_snapshot_id == id)
        return TL_OK;
    change->metadata->current_snapshot_id = id;
    return log_snapshot(change, id, err);
}

static void drop_ref(struct tl_lake_metadata *metadata, const char *name)
{
    bool main_branch = strcmp(name, "main") == 0;
    if (tl_lake_map_remove(&metadata->refs, name) && main_branch) {
        metadata->current_snapshot_id = -1; /* the log stays: what the table was, it was */
    }
}

enum tl_code tl_lake_update_remove_ref(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    const char *name;
    if (tl_lake_json_need_text(update, "remove-snapshot-ref", "ref-name", &name, err) != TL_OK)
        return err->code;
    drop_ref(change->metadata, name);
    return TL_OK;
}

/* Keeps what still has its snapshot.  A log must have no holes: all up to the last entry without one goes. */
static void drop_dangling(struct tl_lake_metadata *metadata)
{
    struct tl_lake_list *log = &metadata->snapshot_log;
    size_t first_kept = 0;
    int64_t id;
    for (size_t i = 0; i < log->count; i++)
        if (!tl_json_int64(tl_json_get(log->items[i], "snapshot-id"), &id) || !tl_lake_list_find(&metadata->snapshots, "snapshot-id", id))
            first_kept = i + 1;
    if (first_kept)
        memmove(log->items, log->items + first_kept, (log->count - first_kept) * sizeof *log->items);
    log->count -= first_kept;
    for (size_t i = metadata->refs.count; i > 0; i--)
        if (!tl_json_int64(tl_json_get(metadata->refs.items[i - 1].value, "snapshot-id"), &id) ||
            !tl_lake_list_find(&metadata->snapshots, "snapshot-id", id))
            drop_ref(metadata, metadata->refs.items[i - 1].key);
}

static void remove_of_snapshot(struct tl_lake_list *list, int64_t id)
{
    for (size_t i = list->count; i > 0; i--) {
        int64_t have;
        if (tl_json_int64(tl_json_get(list->items[i - 1], "snapshot-id"), &have) && have == id)
            tl_lake_list_remove(list, i - 1);
    }
}

enum tl_code tl_lake_update_remove_snapshots(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    const tl_json *ids = tl_json_get(update, "snapshot-ids");
    if (!tl_json_is_array(ids))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "remove-snapshots needs the list \"snapshot-ids\"");
    for (struct tl_json_iter it = tl_json_iter(ids); tl_json_next(&it);) {
        int64_t id;
        if (!tl_json_int64(it.value, &id))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "remove-snapshots: a snapshot id is not an integer");
        remove_of_snapshot(&change->metadata->snapshots, id);
        remove_of_snapshot(&change->metadata->statistics, id);
        remove_of_snapshot(&change->metadata->partition_statistics, id);
    }
    drop_dangling(change->metadata);
    return TL_OK;
}

/* Statistics files: one of each kind per snapshot; the path is foreign. */
static enum tl_code set_file(struct tl_lake_change *change, struct tl_lake_list *list, const tl_json *file, struct tl_err *err)
{
    int64_t id;
    const char *path;
    if (tl_lake_json_need_int(file, "a statistics file", "snapshot-id", &id, err) != TL_OK ||
        tl_lake_json_need_text(file, "a statistics file", "statistics-path", &path, err) != TL_OK ||
        tl_lake_location(change->lake, change->arena, path, NULL, err) != TL_OK)
        return err->code;
    remove_of_snapshot(list, id);
    tl_lake_list_add(change->arena, list, file);
    return TL_OK;
}

static enum tl_code remove_file(struct tl_lake_list *list, const tl_json *update, struct tl_err *err)
{
    int64_t id;
    if (tl_lake_json_need_int(update, "removing statistics", "snapshot-id", &id, err) != TL_OK)
        return err->code;
    remove_of_snapshot(list, id);
    return TL_OK;
}

enum tl_code tl_lake_update_set_statistics(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return set_file(change, &change->metadata->statistics, tl_json_get(update, "statistics"), err);
}

enum tl_code tl_lake_update_remove_statistics(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return remove_file(&change->metadata->statistics, update, err);
}

enum tl_code tl_lake_update_set_partition_statistics(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return set_file(change, &change->metadata->partition_statistics, tl_json_get(update, "partition-statistics"), err);
}

enum tl_code tl_lake_update_remove_partition_statistics(struct tl_lake_change *change, const tl_json *update, struct tl_err *err)
{
    return remove_file(&change->metadata->partition_statistics, update, err);
}
