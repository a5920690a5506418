/* Metadata's JSON of schemas, partition specs and sort orders as structures. */
#include "lake/type.h"

#include <stdlib.h>
#include <string.h>

#include "lake/lake_int.h"

enum { DEPTH_MAX = 32, FIELDS_MAX = 20000, DECIMAL_DIGITS_MAX = 38 };

static const struct {
    const char *name;
    enum tl_lake_type_id id;
} names[] = {
    {"boolean", TL_LAKE_BOOLEAN},     {"int", TL_LAKE_INT},
    {"long", TL_LAKE_LONG},           {"float", TL_LAKE_FLOAT},
    {"double", TL_LAKE_DOUBLE},       {"decimal", TL_LAKE_DECIMAL},
    {"date", TL_LAKE_DATE},           {"time", TL_LAKE_TIME},
    {"timestamp", TL_LAKE_TIMESTAMP}, {"timestamptz", TL_LAKE_TIMESTAMPTZ},
    {"timestamp_ns", TL_LAKE_TIMESTAMP_NS}, {"timestamptz_ns", TL_LAKE_TIMESTAMPTZ_NS},
    {"string", TL_LAKE_STRING},       {"uuid", TL_LAKE_UUID},
    {"fixed", TL_LAKE_FIXED},         {"binary", TL_LAKE_BINARY},
    {"variant", TL_LAKE_VARIANT},     {"unknown", TL_LAKE_UNKNOWN},
    {"geometry", TL_LAKE_GEOMETRY},   {"geography", TL_LAKE_GEOGRAPHY},
    {"struct", TL_LAKE_STRUCT},       {"list", TL_LAKE_LIST},
    {"map", TL_LAKE_MAP},
};

static enum tl_code no_type(struct tl_err *err, const char *text)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "the schema has the type \"%.100s\", which does not exist", text);
}

/* What is in brackets behind the name: one number or two. */
static bool parse_parameters(const char *text, struct tl_lake_type *type)
{
    char *end;
    if (type->id == TL_LAKE_FIXED) {
        long size = *text == '[' ? strtol(text + 1, &end, 10) : 0;
        type->size = (int)size;
        return size > 0 && size <= INT32_MAX && strcmp(end, "]") == 0;
    }
    if (type->id == TL_LAKE_DECIMAL) {
        long precision = *text == '(' ? strtol(text + 1, &end, 10) : 0;
        if (precision < 1 || precision > DECIMAL_DIGITS_MAX || *end != ',')
            return false;
        long scale = strtol(end + 1, &end, 10);
        type->precision = (int)precision;
        type->scale = (int)scale;
        return scale >= 0 && scale <= precision && strcmp(end, ")") == 0;
    }
    size_t length = strlen(text);
    bool bracketed = length > 2 && text[0] == '(' && text[length - 1] == ')'; /* "geometry(OGC:CRS84)" */
    return length == 0 || (bracketed && (type->id == TL_LAKE_GEOMETRY || type->id == TL_LAKE_GEOGRAPHY));
}

enum tl_code tl_lake_type_parse(const char *text, struct tl_lake_type *ret_type, struct tl_err *err)
{
    size_t size = strcspn(text, "([");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == size && strncmp(names[i].name, text, size) == 0 && names[i].id < TL_LAKE_STRUCT) {
            *ret_type = (struct tl_lake_type){.id = names[i].id};
            return parse_parameters(text + size, ret_type) ? TL_OK : no_type(err, text);
        }
    return no_type(err, text);
}

void tl_lake_type_format(struct tl_buf *buf, const struct tl_lake_type *type)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].id == type->id)
            tl_buf_adds(buf, names[i].name);
    if (type->id == TL_LAKE_DECIMAL)
        tl_buf_addf(buf, "(%d, %d)", type->precision, type->scale);
    if (type->id == TL_LAKE_FIXED)
        tl_buf_addf(buf, "[%d]", type->size);
}

struct describe {
    tl_arena *arena;
    const struct tl_lake_field **fields;
    size_t count, capacity;
};

static enum tl_code describe_type(struct describe *describe, const tl_json *json, int depth, struct tl_lake_type *ret, struct tl_err *err);

static enum tl_code add_field(struct describe *describe, const struct tl_lake_field *field, struct tl_err *err)
{
    if (describe->count == FIELDS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the schema has more than %d columns and nested fields", FIELDS_MAX);
    if (describe->count == describe->capacity) {
        size_t capacity = describe->capacity ? 2 * describe->capacity : 32;
        describe->fields = tl_arena_grow(describe->arena, describe->fields, describe->capacity * sizeof(void *), capacity * sizeof(void *));
        describe->capacity = capacity;
    }
    describe->fields[describe->count++] = field;
    return TL_OK;
}

static enum tl_code describe_struct(struct describe *describe, const tl_json *json, int depth, struct tl_lake_type *ret, struct tl_err *err)
{
    const tl_json *list = tl_json_get(json, "fields");
    if (!tl_json_is_array(list) || tl_json_count(list) > FIELDS_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the schema has a struct without a list of at most %d \"fields\"", FIELDS_MAX);
    struct tl_lake_field *fields = TL_NEW_ARRAY(describe->arena, struct tl_lake_field, tl_json_count(list) + 1);
    *ret = (struct tl_lake_type){.id = TL_LAKE_STRUCT, .count = tl_json_count(list), .fields = fields};
    struct tl_lake_field *field = fields;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it); field++) {
        field->json = it.value;
        field->required = tl_json_bool(tl_json_get(it.value, "required"), false);
        if (tl_lake_json_need_text(it.value, "a column", "name", &field->name, err) != TL_OK ||
            tl_lake_json_need_int(it.value, "a column", "id", &field->id, err) != TL_OK || add_field(describe, field, err) != TL_OK ||
            describe_type(describe, tl_json_get(it.value, "type"), depth + 1, &field->type, err) != TL_OK)
            return err->code;
    }
    return TL_OK;
}

/* The element of a list, the key or the value of a map. */
static enum tl_code describe_item(struct describe *describe, const tl_json *json, const char *name, int depth, struct tl_lake_field *field,
                                  struct tl_err *err)
{
    field->name = name;
    field->required = tl_json_bool(tl_json_get(json, tl_arena_printf(describe->arena, "%s-required", name)), strcmp(name, "key") == 0);
    if (tl_lake_json_need_int(json, "a list or map", tl_arena_printf(describe->arena, "%s-id", name), &field->id, err) != TL_OK ||
        add_field(describe, field, err) != TL_OK)
        return err->code;
    return describe_type(describe, tl_json_get(json, name), depth + 1, &field->type, err);
}

static enum tl_code describe_type(struct describe *describe, const tl_json *json, int depth, struct tl_lake_type *ret, struct tl_err *err)
{
    if (depth > DEPTH_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the schema is nested more than %d levels deep", DEPTH_MAX);
    if (tl_json_is_string(json))
        return tl_lake_type_parse(tl_json_text(json), ret, err);
    const char *kind = tl_json_get_text(json, "type");
    if (tl_streq(kind, "struct"))
        return describe_struct(describe, json, depth, ret, err);
    bool map = tl_streq(kind, "map");
    if (!map && !tl_streq(kind, "list"))
        return no_type(err, kind ? kind : "?");
    struct tl_lake_field *fields = TL_NEW_ARRAY(describe->arena, struct tl_lake_field, 2);
    *ret = (struct tl_lake_type){.id = map ? TL_LAKE_MAP : TL_LAKE_LIST, .count = map ? 2 : 1, .fields = fields};
    if (!map)
        return describe_item(describe, json, "element", depth, fields, err);
    return describe_item(describe, json, "key", depth, fields, err) == TL_OK ? describe_item(describe, json, "value", depth, fields + 1, err)
                                                                             : err->code;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = (*(const struct tl_lake_field *const *)a)->id, y = (*(const struct tl_lake_field *const *)b)->id;
    return x < y ? -1 : x > y;
}

enum tl_code tl_lake_schema_describe(tl_arena *arena, const tl_json *json, struct tl_lake_schema *ret_schema, struct tl_err *err)
{
    struct describe describe = {.arena = arena};
    *ret_schema = (struct tl_lake_schema){0};
    if (!tl_json_int64(tl_json_get(json, "schema-id"), &ret_schema->id))
        ret_schema->id = 0; /* the first version had one schema, without a number */
    if (describe_struct(&describe, json, 0, &ret_schema->root, err) != TL_OK)
        return err->code;
    ret_schema->by_id = describe.fields;
    ret_schema->by_id_count = describe.count;
    if (describe.count)
        qsort(describe.fields, describe.count, sizeof describe.fields[0], by_id);
    return TL_OK;
}

const struct tl_lake_field *tl_lake_schema_field(const struct tl_lake_schema *schema, int64_t id)
{
    size_t low = 0, high = schema->by_id_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (schema->by_id[middle]->id == id)
            return schema->by_id[middle];
        if (schema->by_id[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* A name may hold points itself, so each column that begins the path is tried. */
static const struct tl_lake_field *find_in(const struct tl_lake_type *type, const char *name)
{
    for (size_t i = 0; i < type->count; i++) {
        const struct tl_lake_field *field = &type->fields[i];
        size_t size = strlen(field->name);
        if (strncmp(field->name, name, size) != 0)
            continue;
        if (name[size] == '\0')
            return field;
        const struct tl_lake_field *inner = name[size] == '.' ? find_in(&field->type, name + size + 1) : NULL;
        if (inner)
            return inner;
    }
    return NULL;
}

const struct tl_lake_field *tl_lake_schema_find(const struct tl_lake_schema *schema, const char *name)
{
    return find_in(&schema->root, name);
}

/* --- transforms --- */

void tl_lake_transform_parse(const char *text, struct tl_lake_transform *ret)
{
    static const char *const plain[] = {
        [TL_LAKE_IDENTITY] = "identity", [TL_LAKE_YEAR] = "year", [TL_LAKE_MONTH] = "month",
        [TL_LAKE_DAY] = "day",           [TL_LAKE_HOUR] = "hour", [TL_LAKE_VOID] = "void",
    };
    *ret = (struct tl_lake_transform){.id = TL_LAKE_OTHER, .text = text};
    for (enum tl_lake_transform_id id = TL_LAKE_IDENTITY; id <= TL_LAKE_VOID; id++)
        if (plain[id] && strcmp(text, plain[id]) == 0)
            ret->id = id;
    bool bucket = strncmp(text, "bucket[", 7) == 0, truncate = strncmp(text, "truncate[", 9) == 0;
    if (!bucket && !truncate)
        return;
    char *end;
    long parameter = strtol(strchr(text, '[') + 1, &end, 10);
    if (parameter < 1 || parameter > INT32_MAX || strcmp(end, "]") != 0)
        return;
    ret->id = bucket ? TL_LAKE_BUCKET : TL_LAKE_TRUNCATE;
    ret->parameter = (int32_t)parameter;
}

/* Version 3 may give several sources; a transform of one has them in a list of one. */
static int64_t source_of(const tl_json *json)
{
    int64_t id;
    if (tl_json_int64(tl_json_get(json, "source-id"), &id))
        return id;
    const tl_json *list = tl_json_get(json, "source-ids");
    struct tl_json_iter it = tl_json_iter(list);
    return tl_json_count(list) == 1 && tl_json_next(&it) && tl_json_int64(it.value, &id) ? id : -1;
}

enum tl_code tl_lake_spec_describe(tl_arena *arena, const tl_json *json, struct tl_lake_spec *ret_spec, struct tl_err *err)
{
    enum { FIRST_FIELD_ID = 1000 };
    const tl_json *list = tl_json_get(json, "fields");
    struct tl_lake_spec_field *fields = TL_NEW_ARRAY(arena, struct tl_lake_spec_field, tl_json_count(list) + 1);
    *ret_spec = (struct tl_lake_spec){.fields = fields, .count = tl_json_count(list)};
    if (!tl_json_int64(tl_json_get(json, "spec-id"), &ret_spec->id))
        ret_spec->id = 0;
    struct tl_lake_spec_field *field = fields;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it); field++) {
        const char *transform;
        if (tl_lake_json_need_text(it.value, "a partition field", "name", &field->name, err) != TL_OK ||
            tl_lake_json_need_text(it.value, "a partition field", "transform", &transform, err) != TL_OK)
            return err->code;
        tl_lake_transform_parse(transform, &field->transform);
        field->source_id = source_of(it.value);
        if (!tl_json_int64(tl_json_get(it.value, "field-id"), &field->field_id))
            field->field_id = FIRST_FIELD_ID + (field - fields); /* the first version counted instead */
    }
    return TL_OK;
}

enum tl_code tl_lake_order_describe(tl_arena *arena, const tl_json *json, struct tl_lake_order *ret_order, struct tl_err *err)
{
    const tl_json *list = tl_json_get(json, "fields");
    struct tl_lake_order_field *fields = TL_NEW_ARRAY(arena, struct tl_lake_order_field, tl_json_count(list) + 1);
    *ret_order = (struct tl_lake_order){.fields = fields, .count = tl_json_count(list)};
    if (!tl_json_int64(tl_json_get(json, "order-id"), &ret_order->id))
        ret_order->id = 0;
    struct tl_lake_order_field *field = fields;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it); field++) {
        const char *transform;
        if (tl_lake_json_need_text(it.value, "a sort field", "transform", &transform, err) != TL_OK)
            return err->code;
        tl_lake_transform_parse(transform, &field->transform);
        field->source_id = source_of(it.value);
        field->descending = tl_streq(tl_json_get_text(it.value, "direction"), "desc");
        field->nulls_last = tl_streq(tl_json_get_text(it.value, "null-order"), "nulls-last");
    }
    return TL_OK;
}
