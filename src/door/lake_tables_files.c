/* Metadata tables of the lake that are made of manifests: manifests, files, partitions. */
#include <stdio.h>
#include <string.h>

#include "door/lake_tables_int.h"

enum { MANIFEST_ARENA_BYTES = 1024 * 1024 * 1024, BOUND_TEXT_MAX = 64 * 1024, KEY_BYTES_MAX = 1024 * 1024 };

size_t lake_partition_fields(tl_arena *arena, const struct tl_lake_table *table, struct lake_partition_field **ret_fields)
{
    struct lake_partition_field *fields = TL_NEW_ARRAY(arena, struct lake_partition_field, LAKE_PARTITION_FIELDS_MAX);
    size_t count = 0;
    for (size_t s = table->spec_count; s-- > 0;) {
        const struct tl_lake_spec *spec = &table->specs[s];
        struct tl_lake_type *types = TL_NEW_ARRAY(arena, struct tl_lake_type, spec->count + 1);
        tl_lake_spec_types(spec, table->schemas, table->schema_count, types);
        for (size_t i = 0; i < spec->count; i++) {
            const struct tl_lake_field *source = tl_lake_schema_field(table->schema, spec->fields[i].source_id);
            bool known = !source || spec->fields[i].transform.id == TL_LAKE_VOID || count == LAKE_PARTITION_FIELDS_MAX;
            for (size_t f = 0; f < count; f++)
                known = known || fields[f].field->field_id == spec->fields[i].field_id ||
                        tl_streq_nocase(fields[f].field->name, spec->fields[i].name);
            if (!known)
                fields[count++] = (struct lake_partition_field){&spec->fields[i], types[i], source->type};
        }
    }
    *ret_fields = fields;
    return count;
}

/* Each manifest of the current snapshot. */
static enum tl_code each_manifest(struct lake_view *view, enum tl_code (*each)(struct lake_view *view, struct tl_lake_manifest *manifest,
                                                                             tl_arena *arena, void *context, struct tl_err *err),
                                  void *context, struct tl_err *err)
{
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(&view->table, view->table.current_snapshot_id);
    tl_objects *objects = tl_lake_objects(view->call->door->lake);
    struct tl_lake_manifest *manifests;
    size_t count;
    if (!snapshot)
        return TL_OK;
    if (tl_lake_snapshot_manifests(objects, view->call->rq->arena, snapshot, &manifests, &count, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < count && !err->code && !view->json->buf->failed; i++) {
        tl_arena *arena = tl_arena_new(MANIFEST_ARENA_BYTES);
        (void)!each(view, &manifests[i], arena, context, err);
        tl_arena_free(arena);
        if (!err->code && atomic_load(&view->call->rq->cancelled))
            tl_err_set(err, TL_CANCELLED, "the statement was cancelled");
    }
    return err->code;
}

static enum tl_code each_entry(struct lake_view *view, struct tl_lake_manifest *manifest, tl_arena *arena,
                               void (*each)(struct lake_view *view, const struct tl_lake_manifest_reader *reader,
                                            const struct tl_lake_file *file, void *context),
                               void *context, struct tl_err *err)
{
    struct tl_lake_manifest_reader reader;
    struct tl_lake_entry entry;
    if (tl_lake_table_manifest(tl_lake_objects(view->call->door->lake), arena, &view->table, manifest, true, &reader, err) != TL_OK)
        return err->code;
    for (bool more = true; more && tl_lake_manifest_next(&reader, arena, &entry, &more, err) == TL_OK;)
        if (more && entry.status != TL_LAKE_DELETED)
            each(view, &reader, &entry.file, context);
    return err->code;
}

static const struct tl_lake_type *column_of(const struct lake_view *view, int64_t id)
{
    const struct tl_lake_field *field = tl_lake_schema_field(view->table.schema, id);
    return field ? &field->type : NULL;
}

/* --- manifests --- */

static void put_bound(struct lake_view *view, const char *key, const struct tl_lake_spec_field *field, const struct tl_lake_type *type,
                      bool present, struct tl_str bytes)
{
    const struct tl_lake_type *source = column_of(view, field->source_id);
    struct tl_lake_value value;
    struct tl_buf buf;
    tl_json_key(view->json, key);
    if (!present || !source || !lake_view_is_open(view, field->source_id) || !tl_lake_value_decode(type, bytes, &value)) {
        tl_json_put_null(view->json);
        return;
    }
    tl_buf_init(&buf, BOUND_TEXT_MAX);
    tl_lake_transform_format(&buf, &field->transform, source, &value);
    tl_json_put_str(view->json, (struct tl_str){tl_buf_cstr(&buf), buf.size});
    tl_buf_done(&buf);
}

static void put_summaries(struct lake_view *view, const struct tl_lake_manifest *manifest, tl_arena *arena)
{
    struct tl_json_writer *json = view->json;
    const struct tl_lake_spec *spec = tl_lake_table_spec(&view->table, manifest->spec_id);
    tl_json_begin_array(json);
    struct tl_lake_type *types = TL_NEW_ARRAY(arena, struct tl_lake_type, (spec ? spec->count : 0) + 1);
    if (spec)
        tl_lake_spec_types(spec, view->table.schemas, view->table.schema_count, types);
    for (size_t i = 0; spec && i < spec->count && i < manifest->partition_count; i++) {
        const struct tl_lake_summary *summary = &manifest->partitions[i];
        bool open = lake_view_is_open(view, spec->fields[i].source_id);
        tl_json_begin_object(json);
        tl_json_key(json, "contains_null");
        if (open)
            tl_json_put_bool(json, summary->contains_null);
        else
            tl_json_put_null(json);
        tl_json_key(json, "contains_nan");
        if (open && summary->contains_nan >= 0)
            tl_json_put_bool(json, summary->contains_nan > 0);
        else
            tl_json_put_null(json);
        put_bound(view, "lower_bound", &spec->fields[i], &types[i], summary->has_lower, summary->lower);
        put_bound(view, "upper_bound", &spec->fields[i], &types[i], summary->has_upper, summary->upper);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static void put_count(struct tl_json_writer *json, const char *key, int64_t count)
{
    tl_json_key(json, key);
    if (count < 0)
        tl_json_put_null(json);
    else
        tl_json_put_int64(json, count);
}

static enum tl_code put_manifest(struct lake_view *view, struct tl_lake_manifest *manifest, tl_arena *arena, void *context, struct tl_err *err)
{
    struct tl_json_writer *json = view->json;
    (void)context;
    tl_json_begin_object(json);
    lake_view_put_path(view, "path", manifest->path);
    tl_json_pair_int64(json, "length", manifest->size_bytes);
    put_count(json, "partition_spec_id", manifest->spec_id);
    tl_json_pair_int64(json, "added_snapshot_id", manifest->added_snapshot_id);
    put_count(json, "added_data_files_count", manifest->added_files);
    put_count(json, "added_rows_count", manifest->added_rows);
    put_count(json, "existing_data_files_count", manifest->existing_files);
    put_count(json, "existing_rows_count", manifest->existing_rows);
    put_count(json, "deleted_data_files_count", manifest->deleted_files);
    put_count(json, "deleted_rows_count", manifest->deleted_rows);
    tl_json_key(json, "partition_summaries");
    put_summaries(view, manifest, arena);
    tl_json_end_object(json);
    return err->code;
}

enum tl_code lake_view_put_manifests(struct lake_view *view, struct tl_err *err)
{
    return each_manifest(view, put_manifest, NULL, err);
}

/* --- files --- */

static void put_counts(struct lake_view *view, const char *key, const struct tl_lake_counts *counts)
{
    tl_json_key(view->json, key);
    tl_json_begin_object(view->json);
    for (size_t i = 0; i < counts->count; i++) {
        char id[24];
        if (!lake_view_is_open(view, counts->items[i].id))
            continue;
        snprintf(id, sizeof id, "%lld", (long long)counts->items[i].id);
        tl_json_pair_int64(view->json, id, counts->items[i].count);
    }
    tl_json_end_object(view->json);
}

static void put_bounds(struct lake_view *view, const char *key, const struct tl_lake_bounds *bounds)
{
    tl_json_key(view->json, key);
    tl_json_begin_object(view->json);
    for (size_t i = 0; i < bounds->count; i++) {
        const struct tl_lake_type *type = column_of(view, bounds->items[i].id);
        struct tl_lake_value value;
        char id[24];
        if (!type || !lake_view_is_open(view, bounds->items[i].id) || !tl_lake_value_decode(type, bounds->items[i].bytes, &value))
            continue;
        snprintf(id, sizeof id, "%lld", (long long)bounds->items[i].id);
        tl_json_key(view->json, id);
        lake_view_put_value(view->json, type, &value);
    }
    tl_json_end_object(view->json);
}

static void put_ids(struct tl_json_writer *json, const char *key, const struct tl_lake_ids *ids)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; i < ids->count; i++)
        tl_json_put_int64(json, ids->items[i]);
    tl_json_end_array(json);
}

/* The values of one spec under the names that all specs share. */
static void put_partition(struct lake_view *view, const struct tl_lake_spec *spec, const struct tl_lake_type *types,
                          const struct tl_lake_value *values)
{
    tl_json_key(view->json, "partition");
    tl_json_begin_object(view->json);
    for (size_t i = 0; i < spec->count; i++)
        if (lake_view_is_open(view, spec->fields[i].source_id)) {
            tl_json_key(view->json, spec->fields[i].name);
            lake_view_put_value(view->json, &types[i], &values[i]);
        }
    tl_json_end_object(view->json);
}

static void put_file(struct lake_view *view, const struct tl_lake_manifest_reader *reader, const struct tl_lake_file *file, void *context)
{
    struct tl_json_writer *json = view->json;
    (void)context;
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "content", file->content);
    lake_view_put_path(view, "file_path", file->path);
    tl_json_key(json, "file_format");
    tl_json_put_str(json, file->format);
    tl_json_pair_int64(json, "spec_id", reader->spec->id);
    put_partition(view, reader->spec, reader->types, file->partition);
    tl_json_pair_int64(json, "record_count", file->record_count);
    tl_json_pair_int64(json, "file_size_in_bytes", file->size_bytes);
    put_counts(view, "column_sizes", &file->column_sizes);
    put_counts(view, "value_counts", &file->value_counts);
    put_counts(view, "null_value_counts", &file->null_counts);
    put_counts(view, "nan_value_counts", &file->nan_counts);
    put_bounds(view, "lower_bounds", &file->lower);
    put_bounds(view, "upper_bounds", &file->upper);
    put_ids(json, "split_offsets", &file->split_offsets);
    put_ids(json, "equality_ids", &file->equality_ids);
    put_count(json, "sort_order_id", file->sort_order_id);
    tl_json_end_object(json);
}

struct each {
    bool data_only;
    lake_view_each each;
    void *context;
};

static enum tl_code each_of_manifest(struct lake_view *view, struct tl_lake_manifest *manifest, tl_arena *arena, void *context, struct tl_err *err)
{
    const struct each *each = context;
    return manifest->deletes && each->data_only ? TL_OK : each_entry(view, manifest, arena, each->each, each->context, err);
}

enum tl_code lake_view_each_file(struct lake_view *view, bool data_only, lake_view_each each, void *context, struct tl_err *err)
{
    struct each all = {data_only, each, context};
    return each_manifest(view, each_of_manifest, &all, err);
}

enum tl_code lake_view_put_files(struct lake_view *view, struct tl_err *err)
{
    return lake_view_each_file(view, false, put_file, NULL, err);
}

/* --- partitions --- */

/* Of one column over the files of a partition. */
struct column_sum {
    struct tl_lake_value min, max;
    bool has_min, has_max, bounds_missing;
    int64_t nulls, nans;
};
struct partition_sum {
    struct tl_str key;
    const struct tl_lake_spec *spec;
    const struct tl_lake_type *types;
    const struct tl_lake_value *values;
    int64_t records, files, bytes;
    struct column_sum *columns; /* by the schema's columns */
};
struct partition_sums {
    struct partition_sum **items; /* an open hash of twice the count and more */
    size_t count, capacity;
    struct tl_buf key;
};

static uint64_t hash_key(const struct lake_view *view, struct tl_str key)
{
    return tl_hash_keyed(view->call->door->hash_key, key.data, key.size);
}

static void place(const struct lake_view *view, struct partition_sum **items, size_t capacity, struct partition_sum *sum)
{
    size_t at = hash_key(view, sum->key) & (capacity - 1);
    while (items[at])
        at = (at + 1) & (capacity - 1);
    items[at] = sum;
}

static void grow(struct lake_view *view, struct partition_sums *sums)
{
    tl_arena *arena = view->call->rq->arena;
    size_t capacity = sums->capacity ? 4 * sums->capacity : 64;
    struct partition_sum **items = TL_NEW_ARRAY(arena, struct partition_sum *, capacity);
    for (size_t i = 0; i < sums->capacity; i++)
        if (sums->items[i])
            place(view, items, capacity, sums->items[i]);
    sums->items = items;
    sums->capacity = capacity;
}

/* What is closed does not tell partitions apart. */
static struct tl_str key_of(struct lake_view *view, struct partition_sums *sums, const struct tl_lake_manifest_reader *reader,
                            const struct tl_lake_value *values)
{
    struct tl_buf *key = &sums->key;
    key->size = 0; /* `failed` stays: it is asked once, at the end */
    tl_buf_add(key, &reader->spec->id, sizeof reader->spec->id);
    for (size_t i = 0; i < reader->spec->count; i++) {
        bool shown = !values[i].is_null && reader->types[i].id <= TL_LAKE_BINARY && lake_view_is_open(view, reader->spec->fields[i].source_id);
        tl_buf_addc(key, shown ? 'v' : 'n');
        size_t before = key->size;
        if (shown)
            tl_lake_value_encode(key, &reader->types[i], &values[i]);
        tl_buf_addf(key, "/%zu", key->size - before);
    }
    return (struct tl_str){key->data, key->size};
}

static struct partition_sum *find_sum(struct lake_view *view, struct partition_sums *sums, const struct tl_lake_manifest_reader *reader,
                                      const struct tl_lake_file *file)
{
    tl_arena *arena = view->call->rq->arena;
    struct tl_str key = key_of(view, sums, reader, file->partition);
    if (2 * sums->count >= sums->capacity)
        grow(view, sums);
    for (size_t at = hash_key(view, key) & (sums->capacity - 1); sums->items[at]; at = (at + 1) & (sums->capacity - 1))
        if (tl_str_equal(sums->items[at]->key, key))
            return sums->items[at];
    struct partition_sum *sum = TL_NEW(arena, struct partition_sum);
    struct tl_lake_value *values = TL_NEW_ARRAY(arena, struct tl_lake_value, reader->spec->count + 1);
    struct tl_lake_type *types = TL_NEW_ARRAY(arena, struct tl_lake_type, reader->spec->count + 1);
    for (size_t i = 0; i < reader->spec->count; i++) {
        values[i] = file->partition[i];
        values[i].bytes.data = tl_arena_strndup(arena, values[i].bytes.size ? values[i].bytes.data : "", values[i].bytes.size);
        types[i] = reader->types[i];
    }
    *sum = (struct partition_sum){.key = {tl_arena_strndup(arena, key.data, key.size), key.size}, .spec = reader->spec, .types = types, .values = values,
                                  .columns = TL_NEW_ARRAY(arena, struct column_sum, view->table.schema->root.count + 1)};
    place(view, sums->items, sums->capacity, sum);
    sums->count++;
    return sum;
}

static void widen(tl_arena *arena, const struct tl_lake_type *type, const struct tl_str *bytes, int wanted, bool *has, struct tl_lake_value *kept)
{
    struct tl_lake_value value;
    if (!bytes || !tl_lake_value_decode(type, *bytes, &value) || (*has && tl_lake_value_compare(type, &value, kept) * wanted <= 0))
        return;
    *kept = value;
    kept->bytes.data = tl_arena_strndup(arena, value.bytes.size ? value.bytes.data : "", value.bytes.size);
    *has = true;
}

static void sum_file(struct lake_view *view, const struct tl_lake_manifest_reader *reader, const struct tl_lake_file *file, void *context)
{
    struct partition_sum *sum = find_sum(view, context, reader, file);
    const struct tl_lake_type *root = &view->table.schema->root;
    tl_arena *arena = view->call->rq->arena;
    sum->records += file->record_count;
    sum->files++;
    sum->bytes += file->size_bytes;
    for (size_t i = 0; i < root->count; i++) {
        const struct tl_lake_field *field = &root->fields[i];
        struct column_sum *column = &sum->columns[i];
        if (field->type.id > TL_LAKE_BINARY)
            continue;
        const struct tl_str *low = tl_lake_bound_of(&file->lower, field->id), *high = tl_lake_bound_of(&file->upper, field->id);
        int64_t nulls = tl_lake_count_of(&file->null_counts, field->id, 0);
        column->bounds_missing = column->bounds_missing || ((!low || !high) && nulls < file->record_count);
        widen(arena, &field->type, low, -1, &column->has_min, &column->min);
        widen(arena, &field->type, high, 1, &column->has_max, &column->max);
        column->nulls += nulls;
        column->nans += tl_lake_count_of(&file->nan_counts, field->id, 0);
    }
}

static void put_column(struct lake_view *view, const struct tl_lake_field *field, const struct column_sum *column)
{
    struct tl_json_writer *json = view->json;
    static const struct tl_lake_value none = {.is_null = true};
    tl_json_key(json, field->name);
    tl_json_begin_object(json);
    tl_json_key(json, "min");
    lake_view_put_value(json, &field->type, column->has_min && !column->bounds_missing ? &column->min : &none);
    tl_json_key(json, "max");
    lake_view_put_value(json, &field->type, column->has_max && !column->bounds_missing ? &column->max : &none);
    tl_json_pair_int64(json, "null_count", column->nulls);
    tl_json_pair_int64(json, "nan_count", column->nans);
    tl_json_end_object(json);
}

static void put_sum(struct lake_view *view, const struct partition_sum *sum)
{
    struct tl_json_writer *json = view->json;
    const struct tl_lake_type *root = &view->table.schema->root;
    tl_json_begin_object(json);
    put_partition(view, sum->spec, sum->types, sum->values);
    tl_json_pair_int64(json, "record_count", sum->records);
    tl_json_pair_int64(json, "file_count", sum->files);
    tl_json_pair_int64(json, "total_size", sum->bytes);
    tl_json_key(json, "data");
    tl_json_begin_object(json);
    for (size_t i = 0; i < root->count; i++)
        if (root->fields[i].type.id <= TL_LAKE_BINARY && lake_view_is_open(view, root->fields[i].id))
            put_column(view, &root->fields[i], &sum->columns[i]);
    tl_json_end_object(json);
    tl_json_end_object(json);
}

enum tl_code lake_view_put_partitions(struct lake_view *view, struct tl_err *err)
{
    struct partition_sums sums = {0};
    tl_buf_init(&sums.key, KEY_BYTES_MAX);
    enum tl_code code = lake_view_each_file(view, true, sum_file, &sums, err);
    for (size_t i = 0; code == TL_OK && i < sums.capacity; i++)
        if (sums.items[i])
            put_sum(view, sums.items[i]);
    if (code == TL_OK && sums.key.failed)
        code = tl_err_set(err, TL_TOO_LARGE, "a partition's values are larger than %d bytes", KEY_BYTES_MAX);
    tl_buf_done(&sums.key);
    return code;
}
