/* Paths of one table, held against its folder. */
#include "lake/fence.h"

#include <string.h>

#include "base/arena.h"
#include "lake/avro.h"
#include "lake/manifest_int.h"

enum { ARENA_BYTES = 1024 * 1024 * 1024 };

enum scheme { SCHEME_NONE, SCHEME_FILE, SCHEME_S3 };

/* *ret_rest: what follows the scheme: "/x/y", "bucket/x/y". */
static enum scheme scheme_of(struct tl_str path, struct tl_str *ret_rest)
{
    static const struct {
        const char *text;
        enum scheme scheme;
    } known[] = {{"file:///", SCHEME_FILE}, {"file:/", SCHEME_FILE}, {"/", SCHEME_FILE}, {"s3://", SCHEME_S3}, {"s3a://", SCHEME_S3}, {"s3n://", SCHEME_S3}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct tl_str prefix = tl_str_of(known[i].text);
        if (!tl_str_starts_with(path, prefix))
            continue;
        size_t cut = prefix.size - (known[i].scheme == SCHEME_FILE); /* the slash is the path's */
        *ret_rest = (struct tl_str){path.data + cut, path.size - cut};
        return known[i].scheme;
    }
    *ret_rest = path;
    return SCHEME_NONE;
}

static bool is_plain_part(const char *part, size_t size)
{
    if (size == 0 || (part[0] == '.' && (size == 1 || (size == 2 && part[1] == '.'))))
        return false;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)part[i] < 0x20 || part[i] == 0x7F || part[i] == '?' || part[i] == '#' || part[i] == '\\')
            return false;
    return true;
}

static size_t without_slashes(struct tl_str text)
{
    while (text.size > 1 && text.data[text.size - 1] == '/')
        text.size--;
    return text.size;
}

/* What is below the folder, in *ret_inner; false: it does not begin with it. */
static bool begins_with(struct tl_str path, const char *folder, struct tl_str *ret_inner)
{
    struct tl_str rest, own;
    enum scheme scheme = scheme_of(path, &rest);
    if (scheme == SCHEME_NONE || scheme != scheme_of(tl_str_of(folder), &own))
        return false;
    own.size = without_slashes(own);
    if (rest.size <= own.size || memcmp(rest.data, own.data, own.size) != 0 || rest.data[own.size] != '/')
        return false;
    *ret_inner = (struct tl_str){rest.data + own.size + 1, rest.size - own.size - 1};
    return true;
}

bool tl_lake_fence_holds(struct tl_str path, const char *folder)
{
    struct tl_str inner;
    if (!begins_with(path, folder, &inner))
        return false;
    for (size_t at = 0;;) {
        const char *slash = memchr(inner.data + at, '/', inner.size - at);
        size_t end = slash ? (size_t)(slash - inner.data) : inner.size;
        if (!is_plain_part(inner.data + at, end - at))
            return false;
        if (!slash)
            return true;
        at = end + 1;
    }
}

bool tl_lake_fence_is_manifest(struct tl_str path)
{
    static const char end[] = ".avro";
    return path.size >= sizeof end - 1 && memcmp(path.data + path.size - (sizeof end - 1), end, sizeof end - 1) == 0;
}

bool tl_lake_fence_same(const char *a, const char *b)
{
    struct tl_str own, other;
    if (scheme_of(tl_str_of(a), &own) != scheme_of(tl_str_of(b), &other))
        return false;
    own.size = without_slashes(own);
    other.size = without_slashes(other);
    return tl_str_equal(own, other);
}

enum tl_code tl_lake_fence_refuse(struct tl_str path, const char *what, const char *folder, struct tl_err *err)
{
    tl_err_set(err, TL_NOT_ALLOWED, "%s \"%.*s\" lies outside the folder of its table", what, path.size > 300 ? 300 : (int)path.size, path.data);
    tl_err_hint(err, "a table consists of files below its own location, \"%.300s\"", folder);
    return TL_NOT_ALLOWED;
}

/* --- Avro --- */

struct walk {
    struct tl_avro_cursor *cursor;
    const char *folder, *warehouse;
    struct tl_err *err;
};

static const struct tl_avro_schema branch_number = {.kind = TL_AVRO_LONG};

static bool is_path_field(const struct tl_avro_field *field, bool by_name)
{
    static const char *const names[] = {"manifest_path", "file_path", "referenced_data_file"};
    for (size_t i = 0; by_name && i < sizeof names / sizeof names[0]; i++)
        if (tl_streq_nocase(field->name, names[i]))
            return true;
    return field->id == LIST_PATH || field->id == FILE_PATH || field->id == FILE_REFERENCED;
}

static bool is_past_warehouse(const struct walk *walk, struct tl_str path)
{
    struct tl_str inner;
    return walk->warehouse && !begins_with(path, walk->warehouse, &inner);
}

static void check_text(struct walk *walk, struct tl_str text, bool is_path)
{
    bool could_be = text.size && (is_path || memchr(text.data, '/', text.size) || memchr(text.data, ':', text.size));
    if (could_be && !walk->err->code && !tl_lake_fence_holds(text, walk->folder) && !is_past_warehouse(walk, text))
        (void)!tl_lake_fence_refuse(text, "the file", walk->folder, walk->err);
}

/* Manifests are known by their names where they are opened (engines/duckdb/fence.h). */
static void check_manifest_name(struct walk *walk, struct tl_str text)
{
    if (text.size && !walk->err->code && !tl_lake_fence_is_manifest(text))
        tl_err_set(walk->err, TL_NOT_ALLOWED, "the manifest \"%.*s\" has not a manifest's name, which ends with \".avro\"",
                   text.size > 300 ? 300 : (int)text.size, text.data);
}

/* Values of partitions, which are records, are the table's own and may be any text. */
enum place { PLACE_TOP, PLACE_FILE, PLACE_PARTITION_FIELD, PLACE_PARTITION, PLACE_MANIFEST, PLACE_ELSE };

static enum place place_below(enum place place, const struct tl_avro_field *field)
{
    if (place == PLACE_TOP && field->id == ENTRY_FILE && tl_streq(field->name, "data_file"))
        return PLACE_FILE;
    if (place == PLACE_FILE && field->id == FILE_PARTITION && tl_streq(field->name, "partition"))
        return PLACE_PARTITION_FIELD;
    return place == PLACE_PARTITION ? PLACE_PARTITION : PLACE_ELSE;
}

static void walk_value(struct walk *walk, const struct tl_avro_schema *schema, bool is_path, enum place place);

static void walk_record(struct walk *walk, const struct tl_avro_schema *schema, enum place place)
{
    const struct tl_avro_schema *record = tl_avro_get_record(walk->cursor, schema); /* counts a step, so that empty ones end */
    for (size_t i = 0; record && i < schema->count && !walk->cursor->failed && !walk->err->code; i++) {
        const struct tl_avro_field *field = &schema->fields[i];
        bool manifest = place == PLACE_TOP && (field->id == LIST_PATH || tl_streq_nocase(field->name, "manifest_path"));
        walk_value(walk, field->schema, is_path_field(field, place != PLACE_PARTITION), manifest ? PLACE_MANIFEST : place_below(place, field));
    }
}

/* A map's items have a text before them. */
static void walk_items(struct walk *walk, const struct tl_avro_schema *schema, enum place place)
{
    struct tl_avro_schema list = *schema;
    static const struct tl_avro_schema key_schema = {.kind = TL_AVRO_STRING};
    struct tl_avro_items items;
    list.kind = TL_AVRO_ARRAY;
    if (!tl_avro_items(walk->cursor, &list, &items))
        return;
    while (!walk->err->code && tl_avro_next(&items)) {
        if (schema->kind == TL_AVRO_MAP)
            walk_value(walk, &key_schema, false, place);
        walk_value(walk, items.schema, is_path_field(&schema->fields[0], false), place);
    }
}

/* is_path: the field is that of a path, so the value must be a text, or null. */
static void walk_value(struct walk *walk, const struct tl_avro_schema *schema, bool is_path, enum place place)
{
    int64_t branch;
    struct tl_str text = {"", 0};
    if (schema->kind == TL_AVRO_UNION) {
        if (!tl_avro_get_long(walk->cursor, &branch_number, &branch) || branch < 0 || (uint64_t)branch >= schema->count) {
            walk->cursor->failed = true;
            return;
        }
        walk_value(walk, schema->fields[branch].schema, is_path, place);
        return;
    }
    if (is_path && schema->kind != TL_AVRO_STRING && schema->kind != TL_AVRO_NULL) {
        tl_err_set(walk->err, TL_STATE, "the manifest cannot be read: a path in it is not a text");
        return;
    }
    if (schema->kind == TL_AVRO_STRING && (is_path || place != PLACE_PARTITION)) {
        if (tl_avro_get_bytes(walk->cursor, schema, &text))
            check_text(walk, text, is_path);
        if (place == PLACE_MANIFEST && !walk->cursor->failed && schema->kind == TL_AVRO_STRING)
            check_manifest_name(walk, text);
    } else if (schema->kind == TL_AVRO_RECORD) {
        walk_record(walk, schema, place == PLACE_PARTITION_FIELD ? PLACE_PARTITION : place);
    } else if (schema->kind == TL_AVRO_ARRAY || schema->kind == TL_AVRO_MAP) {
        walk_items(walk, schema, place);
    } else {
        tl_avro_skip(walk->cursor, schema);
    }
}

enum tl_code tl_lake_fence_avro(struct tl_str bytes, const char *folder, const char *warehouse, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_avro_file file;
    struct tl_avro_cursor cursor = {0};
    struct walk walk = {&cursor, folder, warehouse, err};
    uint64_t count = 1;
    if (tl_avro_open(arena, bytes, &file, err) == TL_OK)
        while (!err->code && tl_avro_block(&file, &cursor, &count, err) == TL_OK && count > 0)
            for (; count > 0 && !err->code; count--) {
                walk_value(&walk, file.schema, false, PLACE_TOP);
                if (cursor.failed && !err->code)
                    tl_err_set(err, TL_STATE, "the manifest cannot be read: a value in it is cut");
            }
    tl_arena_free(arena);
    return err->code;
}
