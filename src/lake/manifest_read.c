/* Reading manifests: each field of the file's schema is known by its id, or passed over. */
#include <string.h>

#include "lake/fence.h"
#include "lake/manifest_int.h"

#define NUMBER(id, type, field) {id, offsetof(struct type, field)}
const struct manifest_number manifest_list_numbers[] = {
    NUMBER(LIST_SIZE, tl_lake_manifest, size_bytes),
    NUMBER(LIST_SPEC, tl_lake_manifest, spec_id),
    NUMBER(LIST_SEQUENCE, tl_lake_manifest, sequence_number),
    NUMBER(LIST_MIN_SEQUENCE, tl_lake_manifest, min_sequence_number),
    NUMBER(LIST_SNAPSHOT, tl_lake_manifest, added_snapshot_id),
    NUMBER(LIST_ADDED_FILES, tl_lake_manifest, added_files),
    NUMBER(LIST_EXISTING_FILES, tl_lake_manifest, existing_files),
    NUMBER(LIST_DELETED_FILES, tl_lake_manifest, deleted_files),
    NUMBER(LIST_ADDED_ROWS, tl_lake_manifest, added_rows),
    NUMBER(LIST_EXISTING_ROWS, tl_lake_manifest, existing_rows),
    NUMBER(LIST_DELETED_ROWS, tl_lake_manifest, deleted_rows),
    NUMBER(LIST_FIRST_ROW_ID, tl_lake_manifest, first_row_id),
};
const struct manifest_number manifest_file_numbers[] = {
    NUMBER(FILE_RECORDS, tl_lake_file, record_count),
    NUMBER(FILE_SIZE, tl_lake_file, size_bytes),
    NUMBER(FILE_ORDER, tl_lake_file, sort_order_id),
    NUMBER(FILE_FIRST_ROW_ID, tl_lake_file, first_row_id),
    NUMBER(FILE_OFFSET, tl_lake_file, content_offset),
    NUMBER(FILE_CONTENT_SIZE, tl_lake_file, content_size),
};
#undef NUMBER
const size_t manifest_list_number_count = sizeof manifest_list_numbers / sizeof manifest_list_numbers[0];
const size_t manifest_file_number_count = sizeof manifest_file_numbers / sizeof manifest_file_numbers[0];

static enum tl_code broken(struct tl_err *err, const char *what, const char *why)
{
    return tl_err_set(err, TL_STATE, "the %s cannot be read: %s", what, why);
}

/* One of the numbers of the table; false: the field is none of them. */
static bool read_number(struct tl_avro_cursor *cursor, const struct tl_avro_field *field, const struct manifest_number *numbers, size_t count,
                        void *to)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i].id == field->id) {
            int64_t number;
            if (tl_avro_get_long(cursor, field->schema, &number))
                memcpy((char *)to + numbers[i].offset, &number, sizeof number);
            return true;
        }
    return false;
}

/* --- the list --- */

static void read_summary(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_lake_summary *summary)
{
    const struct tl_avro_schema *record = tl_avro_get_record(cursor, schema);
    bool flag;
    *summary = (struct tl_lake_summary){.contains_null = true, .contains_nan = -1};
    for (size_t i = 0; record && i < record->count && !cursor->failed; i++) {
        const struct tl_avro_field *field = &record->fields[i];
        if (field->id == PARTITION_NULL)
            summary->contains_null = !tl_avro_get_boolean(cursor, field->schema, &flag) || flag;
        else if (field->id == PARTITION_NAN)
            summary->contains_nan = tl_avro_get_boolean(cursor, field->schema, &flag) ? flag : -1;
        else if (field->id == PARTITION_LOWER)
            summary->has_lower = tl_avro_get_bytes(cursor, field->schema, &summary->lower);
        else if (field->id == PARTITION_UPPER)
            summary->has_upper = tl_avro_get_bytes(cursor, field->schema, &summary->upper);
        else
            tl_avro_skip(cursor, field->schema);
    }
}

/* Room for one more in an array that doubles; NULL = more than the limit. */
static void *grow(tl_arena *arena, void *items, size_t count, size_t item_size, size_t limit, struct tl_avro_cursor *cursor)
{
    if (count >= limit) {
        cursor->failed = true;
        return NULL;
    }
    if (count == 0)
        return tl_arena_alloc(arena, 4 * item_size);
    return (count & (count - 1)) == 0 && count >= 4 ? tl_arena_grow(arena, items, count * item_size, 2 * count * item_size) : items;
}

static void read_summaries(tl_arena *arena, struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_lake_manifest *manifest)
{
    struct tl_avro_items items;
    struct tl_lake_summary *list = NULL;
    if (!tl_avro_items(cursor, schema, &items))
        return;
    while (tl_avro_next(&items)) {
        list = grow(arena, list, manifest->partition_count, sizeof *list, TL_LAKE_FILE_COLUMNS_MAX, cursor);
        if (!list)
            return;
        read_summary(cursor, items.schema, &list[manifest->partition_count++]);
    }
    manifest->partitions = list ? list : tl_arena_alloc(arena, sizeof *list);
}

static void read_manifest(tl_arena *arena, struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_lake_manifest *manifest)
{
    *manifest = (struct tl_lake_manifest){.added_snapshot_id = -1, .added_files = -1, .existing_files = -1, .deleted_files = -1,
                                          .added_rows = -1, .existing_rows = -1, .deleted_rows = -1, .first_row_id = -1};
    const struct tl_avro_schema *record = tl_avro_get_record(cursor, schema);
    for (size_t i = 0; record && i < record->count && !cursor->failed; i++) {
        const struct tl_avro_field *field = &record->fields[i];
        int64_t content;
        if (read_number(cursor, field, manifest_list_numbers, manifest_list_number_count, manifest))
            continue;
        if (field->id == LIST_PATH)
            (void)tl_avro_get_bytes(cursor, field->schema, &manifest->path);
        else if (field->id == LIST_CONTENT)
            manifest->deletes = tl_avro_get_long(cursor, field->schema, &content) && content == 1;
        else if (field->id == LIST_PARTITIONS)
            read_summaries(arena, cursor, field->schema, manifest);
        else if (field->id == LIST_KEY_METADATA)
            (void)tl_avro_get_bytes(cursor, field->schema, &manifest->key_metadata);
        else
            tl_avro_skip(cursor, field->schema);
    }
}

enum tl_code tl_lake_manifest_list_read(tl_arena *arena, struct tl_str bytes, struct tl_lake_manifest **ret_manifests, size_t *ret_count,
                                        struct tl_err *err)
{
    struct tl_avro_file file;
    struct tl_avro_cursor cursor;
    struct tl_lake_manifest *list = NULL;
    uint64_t left;
    size_t count = 0;
    if (tl_avro_open(arena, bytes, &file, err) != TL_OK)
        return err->code;
    while (tl_avro_block(&file, &cursor, &left, err) == TL_OK && left > 0)
        for (; left > 0; left--) {
            list = grow(arena, list, count, sizeof *list, TL_LAKE_MANIFESTS_MAX, &cursor);
            if (!list)
                return tl_err_set(err, TL_TOO_LARGE, "the manifest list has more than %d manifests", TL_LAKE_MANIFESTS_MAX);
            read_manifest(arena, &cursor, file.schema, &list[count]);
            if (cursor.failed || list[count++].path.size == 0)
                return broken(err, "manifest list", "a line is cut or names no manifest");
        }
    *ret_manifests = list;
    *ret_count = count;
    return err->code;
}

bool tl_lake_manifest_is_empty(const struct tl_lake_manifest *manifest)
{
    return manifest->added_files == 0 && manifest->existing_files == 0;
}

/* --- entries --- */

int64_t tl_lake_count_of(const struct tl_lake_counts *counts, int64_t id, int64_t unknown)
{
    for (size_t i = 0; i < counts->count; i++)
        if (counts->items[i].id == id)
            return counts->items[i].count;
    return unknown;
}

const struct tl_str *tl_lake_bound_of(const struct tl_lake_bounds *bounds, int64_t id)
{
    for (size_t i = 0; i < bounds->count; i++)
        if (bounds->items[i].id == id)
            return &bounds->items[i].bytes;
    return NULL;
}

void tl_lake_spec_types(const struct tl_lake_spec *spec, const struct tl_lake_schema *schemas, size_t schema_count, struct tl_lake_type *ret_types)
{
    for (size_t i = 0; i < spec->count; i++) {
        ret_types[i] = (struct tl_lake_type){.id = TL_LAKE_UNKNOWN};
        for (size_t s = schema_count; s-- > 0;) {
            const struct tl_lake_field *field = tl_lake_schema_field(&schemas[s], spec->fields[i].source_id);
            struct tl_lake_type type;
            if (field && tl_lake_transform_type(&spec->fields[i].transform, &field->type, &type)) {
                ret_types[i] = type;
                break;
            }
        }
    }
}

enum tl_code tl_lake_manifest_open(tl_arena *arena, struct tl_str bytes, const struct tl_lake_manifest *manifest, const struct tl_lake_spec *spec,
                                   const struct tl_lake_type *types, bool with_columns, struct tl_lake_manifest_reader *ret_reader,
                                   struct tl_err *err)
{
    *ret_reader = (struct tl_lake_manifest_reader){
        .manifest = manifest, .spec = spec, .types = types, .with_columns = with_columns, .next_row_id = manifest->first_row_id};
    return tl_avro_open(arena, bytes, &ret_reader->file, err);
}

static bool is_plain_integer(const struct tl_avro_schema *schema)
{
    for (size_t i = 0; schema->kind == TL_AVRO_UNION && i < schema->count; i++)
        if (schema->fields[i].schema->kind != TL_AVRO_NULL)
            return is_plain_integer(schema->fields[i].schema);
    return schema->kind == TL_AVRO_INT || schema->kind == TL_AVRO_LONG;
}

/* A partition's value as its type is stored. */
static void read_value(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, const struct tl_lake_type *type,
                       struct tl_lake_value *value)
{
    bool flag = false;
    *value = (struct tl_lake_value){0};
    switch (type->id) {
    case TL_LAKE_BOOLEAN:
        value->is_null = !tl_avro_get_boolean(cursor, schema, &flag);
        value->integer = flag;
        return;
    case TL_LAKE_FLOAT:
    case TL_LAKE_DOUBLE:
        value->is_null = !tl_avro_get_double(cursor, schema, &value->number);
        return;
    case TL_LAKE_DECIMAL:
        value->is_null = !tl_avro_get_bytes(cursor, schema, &value->bytes) || !tl_lake_value_decode(type, value->bytes, value);
        return;
    case TL_LAKE_STRING:
    case TL_LAKE_UUID:
    case TL_LAKE_FIXED:
    case TL_LAKE_BINARY:
        value->is_null = !tl_avro_get_bytes(cursor, schema, &value->bytes);
        return;
    default:
        if (type->id <= TL_LAKE_TIMESTAMPTZ_NS && is_plain_integer(schema)) {
            value->is_null = !tl_avro_get_long(cursor, schema, &value->integer);
        } else {
            tl_avro_skip(cursor, schema);
            value->is_null = true;
        }
    }
}

static void read_partition(struct tl_lake_manifest_reader *reader, tl_arena *arena, const struct tl_avro_schema *schema, struct tl_lake_file *file)
{
    struct tl_avro_cursor *cursor = &reader->cursor;
    struct tl_lake_value *values = TL_NEW_ARRAY(arena, struct tl_lake_value, reader->spec->count + 1);
    const struct tl_avro_schema *record = tl_avro_get_record(cursor, schema);
    file->partition = values;
    for (size_t i = 0; i < reader->spec->count; i++)
        values[i].is_null = true;
    for (size_t i = 0; record && i < record->count && !cursor->failed; i++) {
        size_t at = 0;
        while (at < reader->spec->count && reader->spec->fields[at].field_id != record->fields[i].id)
            at++;
        if (at < reader->spec->count)
            read_value(cursor, record->fields[i].schema, &reader->types[at], &values[at]);
        else
            tl_avro_skip(cursor, record->fields[i].schema);
    }
}

/* Maps whose keys are column ids are lists of key and value. */
static bool read_pair(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, int64_t *ret_id, int64_t *ret_count, struct tl_str *ret_bytes)
{
    const struct tl_avro_schema *record = tl_avro_get_record(cursor, schema);
    if (!record || record->count != 2) {
        cursor->failed = true;
        return false;
    }
    return tl_avro_get_long(cursor, record->fields[0].schema, ret_id) &&
           (ret_count ? tl_avro_get_long(cursor, record->fields[1].schema, ret_count)
                      : tl_avro_get_bytes(cursor, record->fields[1].schema, ret_bytes));
}

static void read_counts(tl_arena *arena, struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_lake_counts *ret)
{
    struct tl_avro_items items;
    struct tl_lake_count *list = NULL;
    if (!tl_avro_items(cursor, schema, &items))
        return;
    while (tl_avro_next(&items)) {
        list = grow(arena, list, ret->count, sizeof *list, TL_LAKE_FILE_COLUMNS_MAX, cursor);
        if (!list || !read_pair(cursor, items.schema, &list[ret->count].id, &list[ret->count].count, NULL))
            break;
        ret->count++;
    }
    ret->items = list;
}

static void read_bounds(tl_arena *arena, struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_lake_bounds *ret)
{
    struct tl_avro_items items;
    struct tl_lake_bound *list = NULL;
    if (!tl_avro_items(cursor, schema, &items))
        return;
    while (tl_avro_next(&items)) {
        list = grow(arena, list, ret->count, sizeof *list, TL_LAKE_FILE_COLUMNS_MAX, cursor);
        if (!list || !read_pair(cursor, items.schema, &list[ret->count].id, NULL, &list[ret->count].bytes))
            break;
        ret->count++;
    }
    ret->items = list;
}

static void read_ids(tl_arena *arena, struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_lake_ids *ret)
{
    struct tl_avro_items items;
    int64_t *list = NULL;
    if (!tl_avro_items(cursor, schema, &items))
        return;
    while (tl_avro_next(&items)) {
        list = grow(arena, list, ret->count, sizeof *list, TL_LAKE_FILE_COLUMNS_MAX, cursor);
        if (!list || !tl_avro_get_long(cursor, items.schema, &list[ret->count]))
            break;
        ret->count++;
    }
    ret->items = list;
}

static void read_columns(tl_arena *arena, struct tl_avro_cursor *cursor, const struct tl_avro_field *field, struct tl_lake_file *file)
{
    switch (field->id) {
    case FILE_COLUMN_SIZES:
        read_counts(arena, cursor, field->schema, &file->column_sizes);
        break;
    case FILE_VALUE_COUNTS:
        read_counts(arena, cursor, field->schema, &file->value_counts);
        break;
    case FILE_NULL_COUNTS:
        read_counts(arena, cursor, field->schema, &file->null_counts);
        break;
    case FILE_NAN_COUNTS:
        read_counts(arena, cursor, field->schema, &file->nan_counts);
        break;
    case FILE_LOWER:
        read_bounds(arena, cursor, field->schema, &file->lower);
        break;
    case FILE_UPPER:
        read_bounds(arena, cursor, field->schema, &file->upper);
        break;
    default:
        tl_avro_skip(cursor, field->schema);
    }
}

static void read_field(struct tl_lake_manifest_reader *reader, tl_arena *arena, const struct tl_avro_field *field, struct tl_lake_file *file)
{
    struct tl_avro_cursor *cursor = &reader->cursor;
    int64_t content;
    switch (field->id) {
    case FILE_CONTENT:
        if (tl_avro_get_long(cursor, field->schema, &content)) {
            cursor->failed = cursor->failed || content < TL_LAKE_DATA || content > TL_LAKE_EQUALITY_DELETES;
            file->content = cursor->failed ? TL_LAKE_DATA : (enum tl_lake_content)content;
        }
        break;
    case FILE_PATH:
        (void)tl_avro_get_bytes(cursor, field->schema, &file->path);
        break;
    case FILE_FORMAT:
        (void)tl_avro_get_bytes(cursor, field->schema, &file->format);
        break;
    case FILE_PARTITION:
        read_partition(reader, arena, field->schema, file);
        break;
    case FILE_KEY_METADATA:
        (void)tl_avro_get_bytes(cursor, field->schema, &file->key_metadata);
        break;
    case FILE_SPLITS:
        read_ids(arena, cursor, field->schema, &file->split_offsets);
        break;
    case FILE_EQUALITY:
        read_ids(arena, cursor, field->schema, &file->equality_ids);
        break;
    case FILE_REFERENCED:
        (void)tl_avro_get_bytes(cursor, field->schema, &file->referenced_file);
        break;
    default:
        if (read_number(cursor, field, manifest_file_numbers, manifest_file_number_count, file))
            break;
        if (reader->with_columns)
            read_columns(arena, cursor, field, file);
        else
            tl_avro_skip(cursor, field->schema);
    }
}

static void read_file(struct tl_lake_manifest_reader *reader, tl_arena *arena, const struct tl_avro_schema *schema, struct tl_lake_file *file)
{
    const struct tl_avro_schema *record = tl_avro_get_record(&reader->cursor, schema);
    for (size_t i = 0; record && i < record->count && !reader->cursor.failed; i++)
        read_field(reader, arena, &record->fields[i], file);
    if (!file->partition)
        file->partition = TL_NEW_ARRAY(arena, struct tl_lake_value, reader->spec->count + 1);
}

static void read_entry(struct tl_lake_manifest_reader *reader, tl_arena *arena, struct tl_lake_entry *entry)
{
    struct tl_avro_cursor *cursor = &reader->cursor;
    const struct tl_avro_schema *record = tl_avro_get_record(cursor, reader->file.schema);
    int64_t status = -1;
    *entry = (struct tl_lake_entry){
        .snapshot_id = -1, .sequence_number = -1, .file_sequence_number = -1,
        .file = {.sort_order_id = -1, .first_row_id = -1, .content_offset = -1, .content_size = -1, .record_count = -1, .size_bytes = -1}};
    for (size_t i = 0; record && i < record->count && !cursor->failed; i++) {
        const struct tl_avro_field *field = &record->fields[i];
        if (field->id == ENTRY_STATUS)
            (void)tl_avro_get_long(cursor, field->schema, &status);
        else if (field->id == ENTRY_SNAPSHOT)
            (void)tl_avro_get_long(cursor, field->schema, &entry->snapshot_id);
        else if (field->id == ENTRY_SEQUENCE)
            (void)tl_avro_get_long(cursor, field->schema, &entry->sequence_number);
        else if (field->id == ENTRY_FILE_SEQUENCE)
            (void)tl_avro_get_long(cursor, field->schema, &entry->file_sequence_number);
        else if (field->id == ENTRY_FILE)
            read_file(reader, arena, field->schema, &entry->file);
        else
            tl_avro_skip(cursor, field->schema);
    }
    cursor->failed = cursor->failed || status < TL_LAKE_EXISTING || status > TL_LAKE_DELETED || entry->file.path.size == 0 ||
                     entry->file.record_count < 0 || entry->file.size_bytes < 0;
    entry->status = cursor->failed ? TL_LAKE_EXISTING : (enum tl_lake_status)status;
}

/* What the writer could not know before the commit comes from the manifest's line. */
static void inherit(struct tl_lake_manifest_reader *reader, struct tl_lake_entry *entry)
{
    const struct tl_lake_manifest *manifest = reader->manifest;
    if (entry->snapshot_id == -1)
        entry->snapshot_id = manifest->added_snapshot_id;
    if (entry->sequence_number == -1 && (entry->status == TL_LAKE_ADDED || manifest->sequence_number == 0))
        entry->sequence_number = manifest->sequence_number;
    if (entry->file_sequence_number == -1 && (entry->status == TL_LAKE_ADDED || manifest->sequence_number == 0))
        entry->file_sequence_number = manifest->sequence_number;
    if (entry->file.first_row_id == -1 && reader->next_row_id >= 0 && !manifest->deletes && entry->status != TL_LAKE_DELETED) {
        entry->file.first_row_id = reader->next_row_id;
        if (__builtin_add_overflow(reader->next_row_id, entry->file.record_count, &reader->next_row_id))
            reader->next_row_id = -1;
    }
}

enum tl_code tl_lake_manifest_next(struct tl_lake_manifest_reader *reader, tl_arena *arena, struct tl_lake_entry *ret_entry, bool *ret_more,
                                   struct tl_err *err)
{
    *ret_more = false;
    if (reader->left == 0 && tl_avro_block(&reader->file, &reader->cursor, &reader->left, err) != TL_OK)
        return err->code;
    if (reader->left == 0)
        return TL_OK;
    reader->left--;
    read_entry(reader, arena, ret_entry);
    if (reader->cursor.failed)
        return broken(err, "manifest", "an entry is cut, names no file or has a status that does not exist");
    if (reader->folder && !tl_lake_fence_holds(ret_entry->file.path, reader->folder))
        return tl_lake_fence_refuse(ret_entry->file.path, "the file", reader->folder, err);
    inherit(reader, ret_entry);
    *ret_more = true;
    return TL_OK;
}
