/* Schemas of Avro files.  A named type may be used again after it was said; inside itself it may not (records would have no end). */
#include <string.h>

#include "data/json.h"
#include "lake/avro.h"

enum { NAMES_MAX = 4096 };

struct parse {
    tl_arena *arena;
    size_t fields;
    struct {
        const char *name;
        const struct tl_avro_schema *schema; /* NULL: being read */
    } names[NAMES_MAX];
    size_t name_count;
};

static const struct {
    const char *name;
    enum tl_avro_kind kind;
} primitives[] = {
    {"null", TL_AVRO_NULL},   {"boolean", TL_AVRO_BOOLEAN}, {"int", TL_AVRO_INT},     {"long", TL_AVRO_LONG},
    {"float", TL_AVRO_FLOAT}, {"double", TL_AVRO_DOUBLE},   {"bytes", TL_AVRO_BYTES}, {"string", TL_AVRO_STRING},
};

static enum tl_code broken(struct tl_err *err, const char *why)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "the schema of the Avro file cannot be read: %s", why);
}

static enum tl_code parse_type(struct parse *parse, const tl_json *json, int depth, const struct tl_avro_schema **ret, struct tl_err *err);

static enum tl_code by_name(struct parse *parse, const char *name, const struct tl_avro_schema **ret, struct tl_err *err)
{
    for (size_t i = 0; i < sizeof primitives / sizeof primitives[0]; i++)
        if (strcmp(name, primitives[i].name) == 0) {
            struct tl_avro_schema *schema = TL_NEW(parse->arena, struct tl_avro_schema);
            schema->kind = primitives[i].kind;
            *ret = schema;
            return TL_OK;
        }
    for (size_t i = parse->name_count; i-- > 0;)
        if (strcmp(name, parse->names[i].name) == 0) {
            if (!parse->names[i].schema)
                return tl_err_set(err, TL_UNSUPPORTED, "type \"%.200s\" of the Avro file holds itself", name);
            *ret = parse->names[i].schema;
            return TL_OK;
        }
    return tl_err_set(err, TL_INVALID_ARGUMENT, "the schema of the Avro file cannot be read: there is no type \"%.200s\"", name);
}

static enum tl_code add_name(struct parse *parse, const tl_json *json, struct tl_avro_schema *schema, size_t *ret_at, struct tl_err *err)
{
    schema->name = tl_json_get_text(json, "name");
    if (!schema->name || !schema->name[0])
        return broken(err, "a record, fixed or enum has no name");
    if (parse->name_count == NAMES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the schema of the Avro file has more than %d named types", NAMES_MAX);
    *ret_at = parse->name_count++;
    parse->names[*ret_at].name = schema->name;
    parse->names[*ret_at].schema = NULL;
    return TL_OK;
}

static enum tl_code need_fields(struct parse *parse, const tl_json *list, struct tl_avro_schema *schema, struct tl_avro_field **ret,
                                struct tl_err *err)
{
    schema->count = list ? tl_json_count(list) : 1;
    parse->fields += schema->count;
    if (parse->fields > TL_AVRO_FIELDS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the schema of the Avro file has more than %d fields", TL_AVRO_FIELDS_MAX);
    schema->fields = *ret = TL_NEW_ARRAY(parse->arena, struct tl_avro_field, schema->count + 1);
    return TL_OK;
}

static int64_t id_of(const tl_json *json, const char *key)
{
    int64_t id;
    return tl_json_int64(tl_json_get(json, key), &id) ? id : -1;
}

static enum tl_code parse_union(struct parse *parse, const tl_json *json, int depth, const struct tl_avro_schema **ret, struct tl_err *err)
{
    struct tl_avro_schema *schema = TL_NEW(parse->arena, struct tl_avro_schema);
    struct tl_avro_field *fields = NULL;
    schema->kind = TL_AVRO_UNION;
    if (need_fields(parse, json, schema, &fields, err) != TL_OK)
        return err->code;
    size_t i = 0;
    for (struct tl_json_iter it = tl_json_iter(json); tl_json_next(&it); i++) {
        fields[i] = (struct tl_avro_field){.name = "", .id = -1};
        if (parse_type(parse, it.value, depth + 1, &fields[i].schema, err) != TL_OK)
            return err->code;
        if (fields[i].schema->kind == TL_AVRO_UNION)
            return broken(err, "a union is directly in a union");
    }
    *ret = schema;
    return TL_OK;
}

static enum tl_code parse_record(struct parse *parse, const tl_json *json, int depth, struct tl_avro_schema *schema, struct tl_err *err)
{
    struct tl_avro_field *fields = NULL;
    size_t at, i = 0;
    const tl_json *list = tl_json_get(json, "fields");
    if (!tl_json_is_array(list))
        return broken(err, "a record has no list of fields");
    if (add_name(parse, json, schema, &at, err) != TL_OK || need_fields(parse, list, schema, &fields, err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it); i++) {
        fields[i] = (struct tl_avro_field){.name = tl_json_get_text(it.value, "name"), .id = id_of(it.value, "field-id")};
        const tl_json *type = tl_json_get(it.value, "type");
        if (!fields[i].name || !type)
            return broken(err, "a field has no name or no type");
        if (parse_type(parse, type, depth + 1, &fields[i].schema, err) != TL_OK)
            return err->code;
    }
    parse->names[at].schema = schema;
    return TL_OK;
}

static enum tl_code parse_item(struct parse *parse, const tl_json *json, const char *key, const char *id_key, int depth,
                               struct tl_avro_schema *schema, struct tl_err *err)
{
    struct tl_avro_field *fields = NULL;
    const tl_json *type = tl_json_get(json, key);
    if (!type)
        return broken(err, "an array or map does not say of what");
    if (need_fields(parse, NULL, schema, &fields, err) != TL_OK)
        return err->code;
    fields[0] = (struct tl_avro_field){.name = "", .id = id_of(json, id_key)};
    return parse_type(parse, type, depth + 1, &fields[0].schema, err);
}

static enum tl_code parse_named(struct parse *parse, const tl_json *json, struct tl_avro_schema *schema, struct tl_err *err)
{
    size_t at;
    int64_t size;
    if (add_name(parse, json, schema, &at, err) != TL_OK)
        return err->code;
    if (schema->kind == TL_AVRO_ENUM)
        size = (int64_t)tl_json_count(tl_json_get(json, "symbols"));
    else if (!tl_json_int64(tl_json_get(json, "size"), &size) || size < 0 || size > INT32_MAX)
        return broken(err, "a fixed has no size");
    schema->size = (size_t)size;
    parse->names[at].schema = schema;
    return TL_OK;
}

static enum tl_code parse_object(struct parse *parse, const tl_json *json, int depth, const struct tl_avro_schema **ret, struct tl_err *err)
{
    const tl_json *type = tl_json_get(json, "type");
    const char *name = tl_json_text(type);
    if (!name) /* {"type": {...}} says no more than what is inside */
        return type ? parse_type(parse, type, depth + 1, ret, err) : broken(err, "a type is no name and has no \"type\"");
    struct tl_avro_schema *schema = TL_NEW(parse->arena, struct tl_avro_schema);
    *ret = schema;
    if (strcmp(name, "record") == 0)
        schema->kind = TL_AVRO_RECORD;
    else if (strcmp(name, "array") == 0)
        schema->kind = TL_AVRO_ARRAY;
    else if (strcmp(name, "map") == 0)
        schema->kind = TL_AVRO_MAP;
    else if (strcmp(name, "fixed") == 0)
        schema->kind = TL_AVRO_FIXED;
    else if (strcmp(name, "enum") == 0)
        schema->kind = TL_AVRO_ENUM;
    else {
        const struct tl_avro_schema *plain;
        if (by_name(parse, name, &plain, err) != TL_OK)
            return err->code;
        *schema = *plain;
    }
    const char *logical = tl_json_get_text(json, "logicalType");
    schema->logical = logical ? logical : schema->logical;
    if (tl_json_get(json, "fields") && schema->kind == TL_AVRO_RECORD && strcmp(name, "record") == 0)
        return parse_record(parse, json, depth, schema, err);
    if (strcmp(name, "array") == 0)
        return parse_item(parse, json, "items", "element-id", depth, schema, err);
    if (strcmp(name, "map") == 0)
        return parse_item(parse, json, "values", "value-id", depth, schema, err);
    if (strcmp(name, "fixed") == 0 || strcmp(name, "enum") == 0)
        return parse_named(parse, json, schema, err);
    return strcmp(name, "record") == 0 ? broken(err, "a record has no list of fields") : TL_OK;
}

static enum tl_code parse_type(struct parse *parse, const tl_json *json, int depth, const struct tl_avro_schema **ret, struct tl_err *err)
{
    if (depth > TL_AVRO_DEPTH_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the schema of the Avro file is more than %d levels deep", TL_AVRO_DEPTH_MAX);
    if (tl_json_is_array(json))
        return parse_union(parse, json, depth, ret, err);
    if (tl_json_is_object(json))
        return parse_object(parse, json, depth, ret, err);
    const char *name = tl_json_text(json);
    return name ? by_name(parse, name, ret, err) : broken(err, "a type is neither a name, a list nor an object");
}

/* Readers differ in which of two members of one name they take. */
static enum tl_code check_members(const tl_json *json, int depth, struct tl_err *err)
{
    enum { MEMBERS_MAX = 100 };
    const char *keys[MEMBERS_MAX];
    size_t count = 0;
    if (depth > 4 * TL_AVRO_DEPTH_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the schema of the Avro file is more than %d levels deep", 4 * TL_AVRO_DEPTH_MAX);
    if (!tl_json_is_object(json) && !tl_json_is_array(json))
        return TL_OK;
    for (struct tl_json_iter it = tl_json_iter(json); !err->code && tl_json_next(&it);) {
        if (tl_json_is_object(json)) {
            for (size_t i = 0; i < count; i++)
                if (strcmp(keys[i], it.key) == 0)
                    return broken(err, "it says something twice");
            if (count == MEMBERS_MAX)
                return broken(err, "a part of it has too many members");
            keys[count++] = it.key;
        }
        (void)!check_members(it.value, depth + 1, err);
    }
    return err->code;
}

enum tl_code tl_avro_schema_parse(tl_arena *arena, struct tl_str json, const struct tl_avro_schema **ret_schema, struct tl_err *err)
{
    const tl_json *root;
    if (json.size > TL_AVRO_SCHEMA_BYTES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "the schema of the Avro file is larger than %d bytes", TL_AVRO_SCHEMA_BYTES_MAX);
    if (tl_json_parse(arena, json.data, json.size, &root, err) != TL_OK || check_members(root, 0, err) != TL_OK)
        return err->code;
    struct parse *parse = TL_NEW(arena, struct parse);
    parse->arena = arena;
    return parse_type(parse, root, 0, ret_schema, err);
}
