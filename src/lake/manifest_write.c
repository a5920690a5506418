/* Writing manifest lists and manifests.  The fields of each are one table, in the order they are written; from it come the schema in
 * the file's header and the values. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lake/manifest_int.h"

enum { SCHEMA_BYTES_MAX = TL_AVRO_SCHEMA_BYTES_MAX, NUMBER_TEXT = 24 };

/* How a field is written. */
enum form { FORM_INT, FORM_LONG, FORM_TEXT, FORM_BYTES, FORM_COUNTS, FORM_BOUNDS, FORM_LONGS, FORM_INTS, FORM_SUMMARIES, FORM_PARTITION };
struct column {
    int id;
    const char *name;
    enum form form;
    int since, until; /* format versions that have it */
    int required_since; /* 9: never */
    int key_id, value_id; /* of maps; value_id of lists */
};

static const struct column list_columns[] = {
    {LIST_PATH, "manifest_path", FORM_TEXT, 1, 3, 1, 0, 0},
    {LIST_SIZE, "manifest_length", FORM_LONG, 1, 3, 1, 0, 0},
    {LIST_SPEC, "partition_spec_id", FORM_INT, 1, 3, 1, 0, 0},
    {LIST_CONTENT, "content", FORM_INT, 2, 3, 2, 0, 0},
    {LIST_SEQUENCE, "sequence_number", FORM_LONG, 2, 3, 2, 0, 0},
    {LIST_MIN_SEQUENCE, "min_sequence_number", FORM_LONG, 2, 3, 2, 0, 0},
    {LIST_SNAPSHOT, "added_snapshot_id", FORM_LONG, 1, 3, 1, 0, 0},
    {LIST_ADDED_FILES, "added_files_count", FORM_INT, 1, 3, 2, 0, 0},
    {LIST_EXISTING_FILES, "existing_files_count", FORM_INT, 1, 3, 2, 0, 0},
    {LIST_DELETED_FILES, "deleted_files_count", FORM_INT, 1, 3, 2, 0, 0},
    {LIST_ADDED_ROWS, "added_rows_count", FORM_LONG, 1, 3, 2, 0, 0},
    {LIST_EXISTING_ROWS, "existing_rows_count", FORM_LONG, 1, 3, 2, 0, 0},
    {LIST_DELETED_ROWS, "deleted_rows_count", FORM_LONG, 1, 3, 2, 0, 0},
    {LIST_PARTITIONS, "partitions", FORM_SUMMARIES, 1, 3, 9, 0, 0},
    {LIST_KEY_METADATA, "key_metadata", FORM_BYTES, 1, 3, 9, 0, 0},
    {LIST_FIRST_ROW_ID, "first_row_id", FORM_LONG, 3, 3, 9, 0, 0},
};
static const struct column file_columns[] = {
    {FILE_CONTENT, "content", FORM_INT, 2, 3, 2, 0, 0},
    {FILE_PATH, "file_path", FORM_TEXT, 1, 3, 1, 0, 0},
    {FILE_FORMAT, "file_format", FORM_TEXT, 1, 3, 1, 0, 0},
    {FILE_PARTITION, "partition", FORM_PARTITION, 1, 3, 1, 0, 0},
    {FILE_RECORDS, "record_count", FORM_LONG, 1, 3, 1, 0, 0},
    {FILE_SIZE, "file_size_in_bytes", FORM_LONG, 1, 3, 1, 0, 0},
    {FILE_BLOCK_SIZE, "block_size_in_bytes", FORM_LONG, 1, 1, 1, 0, 0},
    {FILE_COLUMN_SIZES, "column_sizes", FORM_COUNTS, 1, 3, 9, 117, 118},
    {FILE_VALUE_COUNTS, "value_counts", FORM_COUNTS, 1, 3, 9, 119, 120},
    {FILE_NULL_COUNTS, "null_value_counts", FORM_COUNTS, 1, 3, 9, 121, 122},
    {FILE_NAN_COUNTS, "nan_value_counts", FORM_COUNTS, 1, 3, 9, 138, 139},
    {FILE_LOWER, "lower_bounds", FORM_BOUNDS, 1, 3, 9, 126, 127},
    {FILE_UPPER, "upper_bounds", FORM_BOUNDS, 1, 3, 9, 129, 130},
    {FILE_KEY_METADATA, "key_metadata", FORM_BYTES, 1, 3, 9, 0, 0},
    {FILE_SPLITS, "split_offsets", FORM_LONGS, 1, 3, 9, 0, 133},
    {FILE_EQUALITY, "equality_ids", FORM_INTS, 2, 3, 9, 0, 136},
    {FILE_ORDER, "sort_order_id", FORM_INT, 1, 3, 9, 0, 0},
    {FILE_FIRST_ROW_ID, "first_row_id", FORM_LONG, 3, 3, 9, 0, 0},
    {FILE_REFERENCED, "referenced_data_file", FORM_TEXT, 2, 3, 9, 0, 0},
    {FILE_OFFSET, "content_offset", FORM_LONG, 3, 3, 9, 0, 0},
    {FILE_CONTENT_SIZE, "content_size_in_bytes", FORM_LONG, 3, 3, 9, 0, 0},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- schemas --- */

/* Names of Avro are letters, digits and underscores; others are spelled as Iceberg's own library does. */
static void add_avro_name(struct tl_buf *buf, const char *name)
{
    if (isdigit((unsigned char)name[0]))
        tl_buf_addc(buf, '_');
    for (const char *c = name; *c; c++)
        if (isalnum((unsigned char)*c) || *c == '_')
            tl_buf_addc(buf, *c);
        else
            tl_buf_addf(buf, "_x%X", (unsigned char)*c);
}

static size_t decimal_width(int precision)
{
    __int128 limit = 1;
    size_t width = 1;
    for (int i = 0; i < precision; i++)
        limit *= 10;
    while (width < 16 && ((__int128)1 << (8 * width - 1)) < limit)
        width++;
    return width;
}

static void add_partition_type(struct tl_buf *buf, const struct tl_lake_type *type, int64_t field_id)
{
    static const char *const plain[] = {
        [TL_LAKE_BOOLEAN] = "\"boolean\"",
        [TL_LAKE_INT] = "\"int\"",
        [TL_LAKE_LONG] = "\"long\"",
        [TL_LAKE_FLOAT] = "\"float\"",
        [TL_LAKE_DOUBLE] = "\"double\"",
        [TL_LAKE_DATE] = "{\"type\":\"int\",\"logicalType\":\"date\"}",
        [TL_LAKE_TIME] = "{\"type\":\"long\",\"logicalType\":\"time-micros\"}",
        [TL_LAKE_TIMESTAMP] = "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\",\"adjust-to-utc\":false}",
        [TL_LAKE_TIMESTAMPTZ] = "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\",\"adjust-to-utc\":true}",
        [TL_LAKE_TIMESTAMP_NS] = "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\",\"adjust-to-utc\":false}",
        [TL_LAKE_TIMESTAMPTZ_NS] = "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\",\"adjust-to-utc\":true}",
        [TL_LAKE_STRING] = "\"string\"",
        [TL_LAKE_BINARY] = "\"bytes\"",
    };
    long long id = (long long)field_id;
    if (type->id == TL_LAKE_DECIMAL)
        tl_buf_addf(buf, "{\"type\":\"fixed\",\"name\":\"decimal_%lld\",\"size\":%zu,\"logicalType\":\"decimal\",\"precision\":%d,\"scale\":%d}",
                    id, decimal_width(type->precision), type->precision, type->scale);
    else if (type->id == TL_LAKE_UUID)
        tl_buf_addf(buf, "{\"type\":\"fixed\",\"name\":\"uuid_%lld\",\"size\":16,\"logicalType\":\"uuid\"}", id);
    else if (type->id == TL_LAKE_FIXED)
        tl_buf_addf(buf, "{\"type\":\"fixed\",\"name\":\"fixed_%lld\",\"size\":%d}", id, type->size);
    else
        tl_buf_adds(buf, type->id < COUNT(plain) && plain[type->id] ? plain[type->id] : "\"string\"");
}

static void add_partition_record(struct tl_buf *buf, const struct tl_lake_manifest_info *info)
{
    tl_buf_adds(buf, "{\"type\":\"record\",\"name\":\"r102\",\"fields\":[");
    for (size_t i = 0; i < info->spec->count; i++) {
        tl_buf_adds(buf, i ? ",{\"name\":\"" : "{\"name\":\"");
        add_avro_name(buf, info->spec->fields[i].name);
        tl_buf_adds(buf, "\",\"type\":[\"null\",");
        add_partition_type(buf, &info->types[i], info->spec->fields[i].field_id);
        tl_buf_addf(buf, "],\"default\":null,\"field-id\":%lld}", (long long)info->spec->fields[i].field_id);
    }
    tl_buf_adds(buf, "]}");
}

static void add_type(struct tl_buf *buf, const struct column *column, const struct tl_lake_manifest_info *info)
{
    static const char *const plain[] = {[FORM_INT] = "\"int\"", [FORM_LONG] = "\"long\"", [FORM_TEXT] = "\"string\"", [FORM_BYTES] = "\"bytes\""};
    if (column->form <= FORM_BYTES)
        tl_buf_adds(buf, plain[column->form]);
    else if (column->form == FORM_COUNTS || column->form == FORM_BOUNDS)
        tl_buf_addf(buf, "{\"type\":\"array\",\"logicalType\":\"map\",\"items\":{\"type\":\"record\",\"name\":\"k%d_v%d\",\"fields\":["
                         "{\"name\":\"key\",\"type\":\"int\",\"field-id\":%d},{\"name\":\"value\",\"type\":\"%s\",\"field-id\":%d}]}}",
                    column->key_id, column->value_id, column->key_id, column->form == FORM_COUNTS ? "long" : "bytes", column->value_id);
    else if (column->form == FORM_SUMMARIES)
        tl_buf_addf(buf, "{\"type\":\"array\",\"element-id\":%d,\"items\":{\"type\":\"record\",\"name\":\"r508\",\"fields\":["
                         "{\"name\":\"contains_null\",\"type\":\"boolean\",\"field-id\":%d},"
                         "{\"name\":\"contains_nan\",\"type\":[\"null\",\"boolean\"],\"default\":null,\"field-id\":%d},"
                         "{\"name\":\"lower_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,\"field-id\":%d},"
                         "{\"name\":\"upper_bound\",\"type\":[\"null\",\"bytes\"],\"default\":null,\"field-id\":%d}]}}",
                    LIST_PARTITION, PARTITION_NULL, PARTITION_NAN, PARTITION_LOWER, PARTITION_UPPER);
    else if (column->form == FORM_PARTITION)
        add_partition_record(buf, info);
    else
        tl_buf_addf(buf, "{\"type\":\"array\",\"element-id\":%d,\"items\":\"%s\"}", column->value_id, column->form == FORM_INTS ? "int" : "long");
}

static bool has_column(const struct column *column, int version)
{
    return column->since <= version && version <= column->until;
}

static void add_fields(struct tl_buf *buf, const struct column *columns, size_t count, int version, const struct tl_lake_manifest_info *info)
{
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        const struct column *column = &columns[i];
        if (!has_column(column, version))
            continue;
        bool required = column->required_since <= version;
        tl_buf_addf(buf, "%s{\"name\":\"%s\",\"type\":%s", first ? "" : ",", column->name, required ? "" : "[\"null\",");
        add_type(buf, column, info);
        tl_buf_addf(buf, "%s,\"field-id\":%d}", required ? "" : "],\"default\":null", column->id);
        first = false;
    }
}

/* --- values --- */

static void put_counts(struct tl_buf *buf, const struct tl_lake_counts *counts)
{
    tl_avro_put_long(buf, (int64_t)counts->count);
    for (size_t i = 0; i < counts->count; i++) {
        tl_avro_put_long(buf, counts->items[i].id);
        tl_avro_put_long(buf, counts->items[i].count);
    }
    if (counts->count)
        tl_avro_put_long(buf, 0);
}

static void put_bounds(struct tl_buf *buf, const struct tl_lake_bounds *bounds)
{
    tl_avro_put_long(buf, (int64_t)bounds->count);
    for (size_t i = 0; i < bounds->count; i++) {
        tl_avro_put_long(buf, bounds->items[i].id);
        tl_avro_put_bytes(buf, bounds->items[i].bytes);
    }
    if (bounds->count)
        tl_avro_put_long(buf, 0);
}

static void put_ids(struct tl_buf *buf, const struct tl_lake_ids *ids)
{
    tl_avro_put_long(buf, (int64_t)ids->count);
    for (size_t i = 0; i < ids->count; i++)
        tl_avro_put_long(buf, ids->items[i]);
    if (ids->count)
        tl_avro_put_long(buf, 0);
}

static void put_optional_bytes(struct tl_buf *buf, bool present, struct tl_str bytes)
{
    tl_avro_put_long(buf, present);
    if (present)
        tl_avro_put_bytes(buf, bytes);
}

static void put_summaries(struct tl_buf *buf, const struct tl_lake_manifest *manifest)
{
    tl_avro_put_long(buf, (int64_t)manifest->partition_count);
    for (size_t i = 0; i < manifest->partition_count; i++) {
        const struct tl_lake_summary *summary = &manifest->partitions[i];
        tl_avro_put_boolean(buf, summary->contains_null);
        tl_avro_put_long(buf, summary->contains_nan >= 0);
        if (summary->contains_nan >= 0)
            tl_avro_put_boolean(buf, summary->contains_nan > 0);
        put_optional_bytes(buf, summary->has_lower, summary->lower);
        put_optional_bytes(buf, summary->has_upper, summary->upper);
    }
    if (manifest->partition_count)
        tl_avro_put_long(buf, 0);
}

static int64_t number_of(const struct manifest_number *numbers, size_t count, int id, const void *from)
{
    int64_t number = -1;
    for (size_t i = 0; i < count; i++)
        if (numbers[i].id == id)
            memcpy(&number, (const char *)from + numbers[i].offset, sizeof number);
    return number;
}

static void put_list_column(struct tl_buf *buf, const struct column *column, bool optional, const struct tl_lake_manifest *manifest)
{
    bool is_number = column->form == FORM_INT || column->form == FORM_LONG;
    int64_t number = column->id == LIST_CONTENT ? manifest->deletes
                                                : number_of(manifest_list_numbers, manifest_list_number_count, column->id, manifest);
    bool present = is_number ? number != -1
                   : column->form == FORM_SUMMARIES ? manifest->partitions != NULL
                   : column->id == LIST_PATH || manifest->key_metadata.size > 0;
    if (optional)
        tl_avro_put_long(buf, present);
    if (optional && !present)
        return;
    if (is_number)
        tl_avro_put_long(buf, number == -1 ? 0 : number);
    else if (column->form == FORM_SUMMARIES)
        put_summaries(buf, manifest);
    else
        tl_avro_put_bytes(buf, column->id == LIST_PATH ? manifest->path : manifest->key_metadata);
}

enum tl_code tl_lake_manifest_list_write(struct tl_buf *to, const struct tl_lake_list_info *info, const struct tl_lake_manifest *manifests,
                                         size_t count, struct tl_err *err)
{
    struct tl_buf schema;
    struct tl_avro_writer writer;
    char version[NUMBER_TEXT], snapshot[NUMBER_TEXT], parent[NUMBER_TEXT], sequence[NUMBER_TEXT], first_row[NUMBER_TEXT];
    struct tl_avro_pair pairs[5];
    snprintf(version, sizeof version, "%d", info->format_version);
    snprintf(snapshot, sizeof snapshot, "%lld", (long long)info->snapshot_id);
    snprintf(parent, sizeof parent, "%lld", (long long)info->parent_id);
    snprintf(sequence, sizeof sequence, "%lld", (long long)info->sequence_number);
    snprintf(first_row, sizeof first_row, "%lld", (long long)info->first_row_id);
    pairs[0] = (struct tl_avro_pair){"format-version", tl_str_of(version)};
    pairs[1] = (struct tl_avro_pair){"snapshot-id", tl_str_of(snapshot)};
    pairs[2] = (struct tl_avro_pair){"parent-snapshot-id", tl_str_of(info->parent_id == -1 ? "null" : parent)};
    pairs[3] = (struct tl_avro_pair){"sequence-number", tl_str_of(sequence)};
    pairs[4] = (struct tl_avro_pair){"first-row-id", tl_str_of(first_row)};
    tl_buf_init(&schema, SCHEMA_BYTES_MAX);
    tl_buf_adds(&schema, "{\"type\":\"record\",\"name\":\"manifest_file\",\"fields\":[");
    add_fields(&schema, list_columns, COUNT(list_columns), info->format_version, NULL);
    tl_buf_adds(&schema, "]}");
    size_t pair_count = info->format_version >= 3 ? 5 : info->format_version == 2 ? 4 : 3;
    if (tl_avro_begin(&writer, to, (struct tl_str){schema.data, schema.size}, pairs, pair_count, true, err) == TL_OK)
        for (size_t i = 0; i < count; i++) {
            for (size_t c = 0; c < COUNT(list_columns); c++)
                if (has_column(&list_columns[c], info->format_version))
                    put_list_column(&writer.block, &list_columns[c], list_columns[c].required_since > info->format_version, &manifests[i]);
            tl_avro_record(&writer);
        }
    tl_buf_done(&schema);
    return err->code ? err->code : tl_avro_finish(&writer, err);
}

/* --- manifests --- */

/* Of one partition field over the entries so far. */
struct tl_lake_extremes {
    bool any, has_null, has_nan;
    struct tl_lake_value low, high;
};

static void json_text(tl_arena *arena, const tl_json *json, struct tl_str *ret)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, SCHEMA_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_put_value(&writer, json);
    *ret = (struct tl_str){tl_arena_strndup(arena, tl_buf_cstr(&buf), buf.size), buf.size};
    tl_buf_done(&buf);
}

enum tl_code tl_lake_manifest_begin(tl_arena *arena, struct tl_buf *to, const struct tl_lake_manifest_info *info,
                                    struct tl_lake_manifest_writer *ret_writer, struct tl_err *err)
{
    int version = info->format_version;
    int64_t schema_id;
    struct tl_buf schema;
    struct tl_str schema_text, spec_text;
    *ret_writer = (struct tl_lake_manifest_writer){.info = *info, .arena = arena};
    ret_writer->extremes = TL_NEW_ARRAY(arena, struct tl_lake_extremes, info->spec->count + 1);
    ret_writer->line = (struct tl_lake_manifest){.spec_id = info->spec->id, .deletes = info->deletes, .added_snapshot_id = info->snapshot_id,
                                                 .min_sequence_number = INT64_MAX, .first_row_id = -1};
    json_text(arena, info->schema, &schema_text);
    json_text(arena, tl_json_get(info->spec_json, "fields"), &spec_text);
    if (!tl_json_int64(tl_json_get(info->schema, "schema-id"), &schema_id))
        schema_id = 0;
    const struct tl_avro_pair pairs[] = {
        {"schema", schema_text},
        {"schema-id", tl_str_of(tl_arena_printf(arena, "%lld", (long long)schema_id))},
        {"partition-spec", spec_text},
        {"partition-spec-id", tl_str_of(tl_arena_printf(arena, "%lld", (long long)info->spec->id))},
        {"format-version", tl_str_of(tl_arena_printf(arena, "%d", version))},
        {"content", tl_str_of(info->deletes ? "deletes" : "data")},
    };
    tl_buf_init(&schema, SCHEMA_BYTES_MAX);
    tl_buf_addf(&schema, "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":[{\"name\":\"status\",\"type\":\"int\",\"field-id\":0},"
                         "{\"name\":\"snapshot_id\",\"type\":%s,\"field-id\":1}", version == 1 ? "\"long\"" : "[\"null\",\"long\"],\"default\":null");
    if (version > 1)
        tl_buf_adds(&schema, ",{\"name\":\"sequence_number\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":3},"
                             "{\"name\":\"file_sequence_number\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":4}");
    tl_buf_adds(&schema, ",{\"name\":\"data_file\",\"type\":{\"type\":\"record\",\"name\":\"r2\",\"fields\":[");
    add_fields(&schema, file_columns, COUNT(file_columns), version, info);
    tl_buf_adds(&schema, "]},\"field-id\":2}]}");
    enum tl_code code = tl_avro_begin(&ret_writer->avro, to, (struct tl_str){schema.data, schema.size}, pairs, version == 1 ? 5 : 6, true, err);
    tl_buf_done(&schema);
    return code;
}

static void put_value(struct tl_buf *buf, const struct tl_lake_type *type, const struct tl_lake_value *value)
{
    tl_avro_put_long(buf, !value->is_null);
    if (value->is_null)
        return;
    if (type->id == TL_LAKE_BOOLEAN)
        tl_avro_put_boolean(buf, value->integer != 0);
    else if (type->id == TL_LAKE_FLOAT)
        tl_avro_put_float(buf, (float)value->number);
    else if (type->id == TL_LAKE_DOUBLE)
        tl_avro_put_double(buf, value->number);
    else if (type->id == TL_LAKE_DECIMAL)
        for (size_t i = decimal_width(type->precision); i-- > 0;)
            tl_buf_addc(buf, (char)(value->decimal >> (8 * i)));
    else if (type->id == TL_LAKE_FIXED || type->id == TL_LAKE_UUID)
        tl_buf_add(buf, value->bytes.data, value->bytes.size);
    else if (type->id >= TL_LAKE_STRING)
        tl_avro_put_bytes(buf, value->bytes);
    else
        tl_avro_put_long(buf, value->integer);
}

/* Fixed types take exactly their bytes, and values of no known type are none. */
static void put_partition(struct tl_buf *buf, const struct tl_lake_manifest_info *info, const struct tl_lake_file *file)
{
    for (size_t i = 0; i < info->spec->count; i++) {
        const struct tl_lake_type *type = &info->types[i];
        struct tl_lake_value value = file->partition[i];
        size_t fixed = type->id == TL_LAKE_UUID ? 16 : type->id == TL_LAKE_FIXED ? (size_t)type->size : value.bytes.size;
        value.is_null = value.is_null || type->id > TL_LAKE_BINARY || value.bytes.size != fixed;
        put_value(buf, type, &value);
    }
}

static const struct tl_lake_counts *counts_of(const struct tl_lake_file *file, int id)
{
    return id == FILE_COLUMN_SIZES ? &file->column_sizes
           : id == FILE_VALUE_COUNTS ? &file->value_counts
           : id == FILE_NULL_COUNTS ? &file->null_counts
                                    : &file->nan_counts;
}

static struct tl_str text_of(const struct tl_lake_file *file, int id)
{
    return id == FILE_PATH ? file->path : id == FILE_FORMAT ? file->format : id == FILE_REFERENCED ? file->referenced_file : file->key_metadata;
}

static int64_t file_number(const struct tl_lake_file *file, int id)
{
    enum { BLOCK_BYTES = 64 * 1024 * 1024 }; /* version 1 wants a number that nobody reads */
    if (id == FILE_CONTENT)
        return file->content;
    return id == FILE_BLOCK_SIZE ? BLOCK_BYTES : number_of(manifest_file_numbers, manifest_file_number_count, id, file);
}

static bool is_present(const struct column *column, const struct tl_lake_file *file)
{
    switch (column->form) {
    case FORM_INT:
    case FORM_LONG:
        return file_number(file, column->id) != -1;
    case FORM_TEXT:
    case FORM_BYTES:
        return text_of(file, column->id).size > 0;
    case FORM_COUNTS:
        return counts_of(file, column->id)->count > 0;
    case FORM_BOUNDS:
        return (column->id == FILE_LOWER ? file->lower.count : file->upper.count) > 0;
    case FORM_LONGS:
        return file->split_offsets.count > 0;
    case FORM_INTS:
        return file->equality_ids.count > 0;
    default:
        return true;
    }
}

static void put_file_column(struct tl_lake_manifest_writer *writer, const struct column *column, const struct tl_lake_file *file)
{
    struct tl_buf *buf = &writer->avro.block;
    bool optional = column->required_since > writer->info.format_version;
    if (optional)
        tl_avro_put_long(buf, is_present(column, file));
    if (optional && !is_present(column, file))
        return;
    switch (column->form) {
    case FORM_INT:
    case FORM_LONG:
        tl_avro_put_long(buf, file_number(file, column->id));
        break;
    case FORM_TEXT:
    case FORM_BYTES:
        tl_avro_put_bytes(buf, text_of(file, column->id));
        break;
    case FORM_COUNTS:
        put_counts(buf, counts_of(file, column->id));
        break;
    case FORM_BOUNDS:
        put_bounds(buf, column->id == FILE_LOWER ? &file->lower : &file->upper);
        break;
    case FORM_LONGS:
        put_ids(buf, &file->split_offsets);
        break;
    case FORM_INTS:
        put_ids(buf, &file->equality_ids);
        break;
    default:
        put_partition(buf, &writer->info, file);
    }
}

static void note_partition(struct tl_lake_manifest_writer *writer, const struct tl_lake_file *file)
{
    for (size_t i = 0; i < writer->info.spec->count; i++) {
        const struct tl_lake_type *type = &writer->info.types[i];
        struct tl_lake_extremes *extremes = &writer->extremes[i];
        const struct tl_lake_value *value = &file->partition[i];
        if (value->is_null || type->id > TL_LAKE_BINARY) {
            extremes->has_null = true;
            continue;
        }
        if ((type->id == TL_LAKE_FLOAT || type->id == TL_LAKE_DOUBLE) && isnan(value->number)) {
            extremes->has_nan = true;
            continue;
        }
        bool lowest = !extremes->any || tl_lake_value_compare(type, value, &extremes->low) < 0;
        bool highest = !extremes->any || tl_lake_value_compare(type, value, &extremes->high) > 0;
        struct tl_lake_value kept = *value; /* the entry's bytes need not outlive the call */
        if ((lowest || highest) && type->id >= TL_LAKE_STRING)
            kept.bytes.data = tl_arena_strndup(writer->arena, value->bytes.data, value->bytes.size);
        if (lowest)
            extremes->low = kept;
        if (highest)
            extremes->high = kept;
        extremes->any = true;
    }
}

static void note_entry(struct tl_lake_manifest_writer *writer, const struct tl_lake_entry *entry)
{
    struct tl_lake_manifest *line = &writer->line;
    int64_t rows = entry->file.record_count;
    if (entry->status == TL_LAKE_ADDED) {
        line->added_files++;
        line->added_rows += rows;
    } else if (entry->status == TL_LAKE_EXISTING) {
        line->existing_files++;
        line->existing_rows += rows;
    } else {
        line->deleted_files++;
        line->deleted_rows += rows;
    }
    if (entry->status != TL_LAKE_DELETED && entry->sequence_number >= 0 && entry->sequence_number < line->min_sequence_number)
        line->min_sequence_number = entry->sequence_number;
    note_partition(writer, &entry->file);
}

static void put_optional_number(struct tl_buf *buf, int64_t number)
{
    tl_avro_put_long(buf, number >= 0);
    if (number >= 0)
        tl_avro_put_long(buf, number);
}

void tl_lake_manifest_add(struct tl_lake_manifest_writer *writer, const struct tl_lake_entry *entry)
{
    struct tl_buf *buf = &writer->avro.block;
    int version = writer->info.format_version;
    tl_avro_put_long(buf, entry->status);
    if (version == 1) {
        tl_avro_put_long(buf, entry->snapshot_id);
    } else {
        tl_avro_put_long(buf, entry->snapshot_id != -1);
        if (entry->snapshot_id != -1)
            tl_avro_put_long(buf, entry->snapshot_id);
        put_optional_number(buf, entry->sequence_number);
        put_optional_number(buf, entry->file_sequence_number);
    }
    for (size_t i = 0; i < COUNT(file_columns); i++)
        if (has_column(&file_columns[i], version))
            put_file_column(writer, &file_columns[i], &entry->file);
    note_entry(writer, entry);
    tl_avro_record(&writer->avro);
}

static struct tl_str bound_of(tl_arena *arena, const struct tl_lake_type *type, const struct tl_lake_value *value)
{
    struct tl_buf buf;
    tl_buf_init(&buf, SCHEMA_BYTES_MAX);
    tl_lake_value_encode(&buf, type, value);
    struct tl_str bytes = {tl_arena_strndup(arena, tl_buf_cstr(&buf), buf.size), buf.size};
    tl_buf_done(&buf);
    return bytes;
}

enum tl_code tl_lake_manifest_finish(struct tl_lake_manifest_writer *writer, struct tl_lake_manifest *ret_line, struct tl_err *err)
{
    size_t count = writer->info.spec->count;
    struct tl_lake_summary *summaries = TL_NEW_ARRAY(writer->arena, struct tl_lake_summary, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct tl_lake_extremes *extremes = &writer->extremes[i];
        const struct tl_lake_type *type = &writer->info.types[i];
        bool real = type->id == TL_LAKE_FLOAT || type->id == TL_LAKE_DOUBLE;
        summaries[i] = (struct tl_lake_summary){.contains_null = extremes->has_null, .contains_nan = real && extremes->has_nan,
                                                .has_lower = extremes->any, .has_upper = extremes->any};
        if (extremes->any) {
            summaries[i].lower = bound_of(writer->arena, type, &extremes->low);
            summaries[i].upper = bound_of(writer->arena, type, &extremes->high);
        }
    }
    struct tl_buf *to = writer->avro.to;
    if (tl_avro_finish(&writer->avro, err) != TL_OK)
        return err->code;
    *ret_line = writer->line;
    ret_line->size_bytes = (int64_t)to->size;
    ret_line->partitions = summaries;
    ret_line->partition_count = count;
    return TL_OK;
}
