/* Scan planning. */
#include "lake/plan.h"

#include <stdlib.h>
#include <string.h>

enum { MANIFEST_ARENA_BYTES = 1536 * 1024 * 1024, ENTRY_ARENA_BYTES = 64 * 1024 * 1024, PATH_COLUMN = 2147483546 };

/* A delete and the key by which it is found: the file it names, or its partition. */
struct keyed {
    struct tl_str key;
    size_t delete_index;
};
struct keys {
    struct keyed *items;
    size_t count, capacity;
};
struct planning {
    tl_objects *objects;
    tl_arena *arena;
    const struct tl_lake_table *table;
    const struct tl_lake_plan_request *request;
    struct tl_lake_plan *plan;
    size_t file_capacity, delete_capacity, files_max;
    struct keys by_file, by_partition; /* ordered once all deletes are known */
    struct tl_buf key;
    size_t *found;                     /* deletes of the file at hand */
    size_t found_count, found_capacity;
};

static struct tl_str copy(tl_arena *arena, struct tl_str bytes)
{
    return bytes.size ? (struct tl_str){tl_arena_strndup(arena, bytes.data, bytes.size), bytes.size} : (struct tl_str){"", 0};
}

#define COPY_ITEMS(arena, list) \
    ((list).count ? memcpy(tl_arena_alloc(arena, (list).count * sizeof *(list).items), (list).items, (list).count * sizeof *(list).items) : NULL)

static void copy_bounds(tl_arena *arena, struct tl_lake_bounds *bounds)
{
    struct tl_lake_bound *items = TL_NEW_ARRAY(arena, struct tl_lake_bound, bounds->count + 1);
    for (size_t i = 0; i < bounds->count; i++)
        items[i] = (struct tl_lake_bound){bounds->items[i].id, copy(arena, bounds->items[i].bytes)};
    bounds->items = items;
}

/* The entry's bytes end with its manifest; what the plan keeps is copied. */
static void keep_file(struct planning *planning, const struct tl_lake_file *from, const struct tl_lake_spec *spec, const struct tl_lake_type *types,
                      struct tl_lake_file *to)
{
    tl_arena *arena = planning->arena;
    *to = *from;
    to->path = copy(arena, from->path);
    to->format = copy(arena, from->format);
    to->key_metadata = copy(arena, from->key_metadata);
    to->referenced_file = copy(arena, from->referenced_file);
    struct tl_lake_value *values = TL_NEW_ARRAY(arena, struct tl_lake_value, spec->count + 1);
    for (size_t i = 0; i < spec->count; i++) {
        values[i] = from->partition[i];
        if (types[i].id >= TL_LAKE_STRING || types[i].id == TL_LAKE_DECIMAL)
            values[i].bytes = copy(arena, values[i].bytes);
    }
    to->partition = values;
    to->split_offsets.items = COPY_ITEMS(arena, from->split_offsets);
    to->equality_ids.items = COPY_ITEMS(arena, from->equality_ids);
    if (!planning->request->with_columns) {
        to->column_sizes = to->value_counts = to->null_counts = to->nan_counts = (struct tl_lake_counts){0};
        to->lower = to->upper = (struct tl_lake_bounds){0};
        return;
    }
    to->column_sizes.items = COPY_ITEMS(arena, from->column_sizes);
    to->value_counts.items = COPY_ITEMS(arena, from->value_counts);
    to->null_counts.items = COPY_ITEMS(arena, from->null_counts);
    to->nan_counts.items = COPY_ITEMS(arena, from->nan_counts);
    copy_bounds(arena, &to->lower);
    copy_bounds(arena, &to->upper);
}

static struct tl_lake_planned *add(struct planning *planning, struct tl_lake_planned **list, size_t *count, size_t *capacity)
{
    if (*count == *capacity) {
        size_t wanted = *capacity ? 2 * *capacity : 256;
        *list = tl_arena_grow(planning->arena, *list, *capacity * sizeof **list, wanted * sizeof **list);
        *capacity = wanted;
    }
    struct tl_lake_planned *item = &(*list)[(*count)++];
    *item = (struct tl_lake_planned){0};
    return item;
}

/* --- deletes by what they reach --- */

struct tl_str tl_lake_partition_key(struct tl_buf *key, const struct tl_lake_spec *spec, const struct tl_lake_type *types,
                                    const struct tl_lake_value *values)
{
    key->size = 0; /* `failed` stays: whoever made the keys asks once, at the end */
    tl_buf_add(key, &spec->id, sizeof spec->id);
    for (size_t i = 0; i < spec->count; i++) {
        bool known = !values[i].is_null && types[i].id <= TL_LAKE_BINARY;
        tl_buf_addc(key, known ? 'v' : 'n');
        size_t before = key->size;
        if (known)
            tl_lake_value_encode(key, &types[i], &values[i]);
        uint32_t size = (uint32_t)(key->size - before);
        tl_buf_add(key, &size, sizeof size);
    }
    return (struct tl_str){key->data, key->size};
}

static void add_key(struct planning *planning, struct keys *keys, struct tl_str key, size_t index)
{
    if (keys->count == keys->capacity) {
        size_t capacity = keys->capacity ? 2 * keys->capacity : 64;
        keys->items = tl_arena_grow(planning->arena, keys->items, keys->capacity * sizeof *keys->items, capacity * sizeof *keys->items);
        keys->capacity = capacity;
    }
    keys->items[keys->count++] = (struct keyed){copy(planning->arena, key), index};
}

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int order = tl_lake_compare_bytes(x->key, y->key);
    return order ? order : (x->delete_index > y->delete_index) - (x->delete_index < y->delete_index);
}

static bool is_vector(const struct tl_lake_file *file)
{
    return file->content == TL_LAKE_POSITION_DELETES && file->content_offset >= 0;
}

/* The one data file that position deletes are of; empty: they may be of many. */
static struct tl_str named_file(const struct tl_lake_file *file)
{
    if (file->content != TL_LAKE_POSITION_DELETES || file->referenced_file.size)
        return file->content == TL_LAKE_POSITION_DELETES ? file->referenced_file : (struct tl_str){"", 0};
    const struct tl_str *low = tl_lake_bound_of(&file->lower, PATH_COLUMN), *high = tl_lake_bound_of(&file->upper, PATH_COLUMN);
    return low && high && tl_str_equal(*low, *high) ? *low : (struct tl_str){"", 0};
}

static void keep_delete(struct planning *planning, const struct tl_lake_entry *entry, const struct tl_lake_spec *spec,
                        const struct tl_lake_type *types)
{
    struct tl_lake_plan *plan = planning->plan;
    struct tl_str named = named_file(&entry->file);
    size_t index = plan->delete_count;
    struct tl_lake_planned *kept = add(planning, &plan->deletes, &plan->delete_count, &planning->delete_capacity);
    keep_file(planning, &entry->file, spec, types, &kept->file);
    kept->sequence_number = entry->sequence_number;
    kept->snapshot_id = entry->snapshot_id;
    kept->spec = spec;
    if (named.size)
        add_key(planning, &planning->by_file, named, index);
    else if (entry->file.content == TL_LAKE_EQUALITY_DELETES && spec->count == 0)
        add_key(planning, &planning->by_partition, (struct tl_str){"", 0}, index); /* reaches every partition */
    else
        add_key(planning, &planning->by_partition, tl_lake_partition_key(&planning->key, spec, types, entry->file.partition), index);
}

/* Those of the key that reach a file of this age. */
static void find(struct planning *planning, const struct keys *keys, struct tl_str key, int64_t sequence)
{
    size_t low = 0, high = keys->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (tl_lake_compare_bytes(keys->items[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < keys->count && tl_str_equal(keys->items[low].key, key); low++) {
        const struct tl_lake_planned *delete = &planning->plan->deletes[keys->items[low].delete_index];
        bool equality = delete->file.content == TL_LAKE_EQUALITY_DELETES;
        if (equality ? delete->sequence_number <= sequence : delete->sequence_number < sequence)
            continue;
        if (planning->found_count == planning->found_capacity) {
            size_t capacity = planning->found_capacity ? 2 * planning->found_capacity : 64;
            planning->found = tl_arena_grow(planning->arena, planning->found, planning->found_capacity * sizeof(size_t), capacity * sizeof(size_t));
            planning->found_capacity = capacity;
        }
        planning->found[planning->found_count++] = keys->items[low].delete_index;
    }
}

/* A vector holds all positions deleted in its file: other position deletes of it are in there. */
static void drop_replaced(struct planning *planning)
{
    bool vector = false;
    size_t kept = 0;
    for (size_t i = 0; i < planning->found_count; i++)
        vector = vector || is_vector(&planning->plan->deletes[planning->found[i]].file);
    for (size_t i = 0; i < planning->found_count; i++) {
        const struct tl_lake_file *file = &planning->plan->deletes[planning->found[i]].file;
        if (!vector || file->content != TL_LAKE_POSITION_DELETES || is_vector(file))
            planning->found[kept++] = planning->found[i];
    }
    planning->found_count = kept;
}

static void keep_data(struct planning *planning, const struct tl_lake_entry *entry, const struct tl_lake_spec *spec,
                      const struct tl_lake_type *types)
{
    struct tl_lake_plan *plan = planning->plan;
    struct tl_lake_planned *kept = add(planning, &plan->files, &plan->count, &planning->file_capacity);
    keep_file(planning, &entry->file, spec, types, &kept->file);
    kept->sequence_number = entry->sequence_number;
    kept->snapshot_id = entry->snapshot_id;
    kept->spec = spec;
    if (plan->delete_count == 0)
        return;
    planning->found_count = 0;
    find(planning, &planning->by_file, entry->file.path, entry->sequence_number);
    find(planning, &planning->by_partition, (struct tl_str){"", 0}, entry->sequence_number);
    find(planning, &planning->by_partition, tl_lake_partition_key(&planning->key, spec, types, entry->file.partition), entry->sequence_number);
    drop_replaced(planning);
    struct { const size_t *items; size_t count; } found = {planning->found, planning->found_count};
    kept->deletes = COPY_ITEMS(planning->arena, found);
    kept->delete_count = found.count;
}

/* --- manifests --- */

static enum tl_code read_entries(struct planning *planning, struct tl_lake_manifest_reader *reader, tl_arena *scratch, struct tl_err *err)
{
    const struct tl_lake_plan_request *request = planning->request;
    struct tl_lake_entry entry;
    for (bool more = true; more;) {
        tl_arena_reset(scratch);
        if (tl_lake_manifest_next(reader, scratch, &entry, &more, err) != TL_OK)
            return err->code;
        if (!more || entry.status == TL_LAKE_DELETED)
            continue;
        planning->plan->files_seen++;
        if (!tl_lake_filter_partition(request->filter, reader->spec, reader->types, entry.file.partition))
            continue;
        if (reader->manifest->deletes) {
            keep_delete(planning, &entry, reader->spec, reader->types);
        } else if (tl_lake_filter_file(request->filter, &entry.file)) {
            keep_data(planning, &entry, reader->spec, reader->types);
        }
        if (planning->plan->count + planning->plan->delete_count > planning->files_max)
            return tl_err_set(err, TL_TOO_LARGE, "the scan needs more than %zu files", planning->files_max);
    }
    return TL_OK;
}

static enum tl_code read_manifest(struct planning *planning, struct tl_lake_manifest *manifest, struct tl_err *err)
{
    const struct tl_lake_plan_request *request = planning->request;
    const struct tl_lake_spec *spec = tl_lake_table_spec(planning->table, manifest->spec_id);
    if (request->cancelled && atomic_load(request->cancelled))
        return tl_err_set(err, TL_CANCELLED, "the planning of the scan was cancelled");
    tl_arena *arena = tl_arena_new(MANIFEST_ARENA_BYTES), *scratch = tl_arena_new(ENTRY_ARENA_BYTES);
    struct tl_lake_manifest_reader reader;
    bool may_match = true;
    if (spec && request->filter) {
        struct tl_lake_type *types = TL_NEW_ARRAY(arena, struct tl_lake_type, spec->count + 1);
        tl_lake_spec_types(spec, planning->table->schemas, planning->table->schema_count, types);
        may_match = tl_lake_filter_manifest(request->filter, spec, types, manifest);
    }
    bool with_columns = request->with_columns || request->filter || manifest->deletes;
    if (may_match && tl_lake_table_manifest(planning->objects, arena, planning->table, manifest, with_columns, &reader, err) == TL_OK) {
        planning->plan->manifests_read++;
        (void)!read_entries(planning, &reader, scratch, err);
    }
    tl_arena_free(scratch);
    tl_arena_free(arena);
    return err->code;
}

static enum tl_code read_all(struct planning *planning, struct tl_lake_manifest *manifests, size_t count, bool deletes, struct tl_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (manifests[i].deletes == deletes && !tl_lake_manifest_is_empty(&manifests[i]) && read_manifest(planning, &manifests[i], err) != TL_OK)
            return err->code;
    return TL_OK;
}

enum tl_code tl_lake_plan(tl_objects *objects, tl_arena *arena, const struct tl_lake_table *table, const struct tl_lake_plan_request *request,
                          struct tl_lake_plan *ret_plan, struct tl_err *err)
{
    enum { KEY_BYTES_MAX = 16 * 1024 * 1024 };
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(table, request->snapshot_id);
    struct planning planning = {.objects = objects, .arena = arena, .table = table, .request = request, .plan = ret_plan};
    struct tl_lake_manifest *manifests;
    *ret_plan = (struct tl_lake_plan){0};
    if (!snapshot)
        return tl_err_set(err, TL_NOT_FOUND, "the table has no snapshot %lld", (long long)request->snapshot_id);
    if (tl_lake_snapshot_manifests(objects, arena, snapshot, &manifests, &ret_plan->manifests_total, err) != TL_OK)
        return err->code;
    planning.files_max = request->files_max ? request->files_max : TL_LAKE_PLAN_FILES_MAX;
    tl_buf_init(&planning.key, KEY_BYTES_MAX);
    if (read_all(&planning, manifests, ret_plan->manifests_total, true, err) == TL_OK) {
        if (planning.by_file.count)
            qsort(planning.by_file.items, planning.by_file.count, sizeof(struct keyed), by_key);
        if (planning.by_partition.count)
            qsort(planning.by_partition.items, planning.by_partition.count, sizeof(struct keyed), by_key);
        (void)!read_all(&planning, manifests, ret_plan->manifests_total, false, err);
    }
    if (planning.key.failed && !err->code)
        tl_err_set(err, TL_TOO_LARGE, "a partition's values are larger than %d bytes", KEY_BYTES_MAX);
    tl_buf_done(&planning.key);
    return err->code;
}
