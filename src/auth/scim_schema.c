#include "auth/scim_schema_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/credentials_int.h"
#include "scim_schemas.h" /* generated: static const char scim_schemas[] */

enum { ITEMS_MAX = 100000, TEXT_BYTES_MAX = 4096 };

struct tl_scim_schemas {
    const tl_json *list;
    const tl_json *attributes[2][2]; /* [type][extension] */
};

bool tl_scim_fail(struct tl_scim_err *err, int status, const char *type, const char *format, ...)
{
    va_list args;
    if (err->status)
        return false;
    err->status = status;
    err->type = type;
    va_start(args, format);
    vsnprintf(err->detail, sizeof err->detail, format, args);
    va_end(args);
    return false;
}

const char *tl_scim_schema_id(enum tl_scim_type type)
{
    return type == TL_SCIM_USER ? "urn:ietf:params:scim:schemas:core:2.0:User" : "urn:ietf:params:scim:schemas:core:2.0:Group";
}

const char *tl_scim_type_name(enum tl_scim_type type)
{
    return type == TL_SCIM_USER ? "User" : "Group";
}

tl_scim_schemas *tl_scim_schemas_new(tl_arena *arena)
{
    tl_scim_schemas *schemas = TL_NEW(arena, tl_scim_schemas);
    struct tl_err err;
    tl_err_init(&err);
    if (tl_json_parse(arena, scim_schemas, sizeof scim_schemas - 1, &schemas->list, &err) != TL_OK)
        abort(); /* it is ours, and compiled in */
    for (struct tl_json_iter it = tl_json_iter(schemas->list); tl_json_next(&it);) {
        const char *id = tl_json_get_text(it.value, "id");
        const tl_json *attributes = tl_json_get(it.value, "attributes");
        for (int type = TL_SCIM_USER; type <= TL_SCIM_GROUP; type++)
            if (tl_streq(id, tl_scim_schema_id((enum tl_scim_type)type)))
                schemas->attributes[type][false] = attributes;
        if (tl_streq(id, TL_SCIM_EXTENSION))
            schemas->attributes[TL_SCIM_USER][true] = attributes;
    }
    return schemas;
}

const tl_json *tl_scim_schemas_list(const tl_scim_schemas *schemas)
{
    return schemas->list;
}

static bool find_in(const tl_json *attributes, const char *name, struct tl_scim_attribute *ret_attribute)
{
    for (struct tl_json_iter it = tl_json_iter(attributes); tl_json_next(&it);) {
        if (!tl_streq_nocase(tl_json_get_text(it.value, "name"), name))
            continue;
        *ret_attribute = (struct tl_scim_attribute){
            .name = tl_json_get_text(it.value, "name"),
            .type = tl_json_get_text(it.value, "type"),
            .multi = tl_json_bool(tl_json_get(it.value, "multiValued"), false),
            .required = tl_json_bool(tl_json_get(it.value, "required"), false),
            .exact = tl_json_bool(tl_json_get(it.value, "caseExact"), false),
            .read_only = tl_streq(tl_json_get_text(it.value, "mutability"), "readOnly"),
            .inner = tl_json_get(it.value, "subAttributes"),
        };
        return true;
    }
    return false;
}

bool tl_scim_find(const tl_scim_schemas *schemas, enum tl_scim_type type, bool extension, const char *name, struct tl_scim_attribute *ret_attribute)
{
    static const struct tl_scim_attribute common = {.name = "externalId", .type = "string", .exact = true};
    if (!extension && tl_streq_nocase(name, common.name)) {
        *ret_attribute = common;
        return true;
    }
    return find_in(schemas->attributes[type][extension], name, ret_attribute);
}

bool tl_scim_find_inner(const struct tl_scim_attribute *of, const char *name, struct tl_scim_attribute *ret_attribute)
{
    return find_in(of->inner, name, ret_attribute);
}

/* ---- bringing into form ---- */

static bool wrong_type(const struct tl_scim_attribute *attribute, const char *wanted, struct tl_scim_err *err)
{
    return tl_scim_fail(err, 400, "invalidValue", "the attribute \"%s\" must be %s", attribute->name, wanted);
}

/* Some identity providers send booleans as text. */
static bool conform_boolean(tl_arena *arena, const struct tl_scim_attribute *attribute, const tl_scim_node *value, tl_scim_node **ret_node,
                            struct tl_scim_err *err)
{
    bool yes = value->kind == TL_SCIM_TEXT && tl_str_equal_nocase(value->text, TL_STR("true"));
    bool no = value->kind == TL_SCIM_TEXT && tl_str_equal_nocase(value->text, TL_STR("false"));
    if (value->kind != TL_SCIM_BOOL && !yes && !no)
        return wrong_type(attribute, "true or false", err);
    *ret_node = tl_scim_node_new(arena, TL_SCIM_BOOL);
    (*ret_node)->truth = value->kind == TL_SCIM_BOOL ? value->truth : yes;
    return true;
}

static bool conform_complex(tl_arena *arena, const struct tl_scim_attribute *attribute, const tl_scim_node *value, tl_scim_node **ret_node,
                            struct tl_scim_err *err)
{
    struct tl_scim_attribute inner, first;
    tl_scim_node *object = tl_scim_node_new(arena, TL_SCIM_OBJECT), *part;
    if (value->kind == TL_SCIM_TEXT && tl_scim_find_inner(attribute, "value", &first)) { /* ["a"] for [{"value": "a"}] */
        tl_scim_set(arena, object, first.name, tl_scim_node_text(arena, value->text.data));
        *ret_node = object;
        return true;
    }
    if (value->kind != TL_SCIM_OBJECT)
        return wrong_type(attribute, "an object", err);
    for (const tl_scim_node *member = value->first; member; member = member->next) {
        if (!tl_scim_find_inner(attribute, member->key, &inner))
            continue;
        if (!tl_scim_conform(arena, &inner, member, &part, err))
            return false;
        tl_scim_set(arena, object, inner.name, part);
    }
    *ret_node = object->first ? object : NULL;
    return true;
}

static bool conform_one(tl_arena *arena, const struct tl_scim_attribute *attribute, const tl_scim_node *value, tl_scim_node **ret_node,
                        struct tl_scim_err *err)
{
    if (strcmp(attribute->type, "boolean") == 0)
        return conform_boolean(arena, attribute, value, ret_node, err);
    if (strcmp(attribute->type, "complex") == 0)
        return conform_complex(arena, attribute, value, ret_node, err);
    if (value->kind != TL_SCIM_TEXT || value->text.size > TEXT_BYTES_MAX || memchr(value->text.data, '\0', value->text.size))
        return wrong_type(attribute, "text of at most 4096 bytes", err);
    *ret_node = tl_scim_copy(arena, value);
    return true;
}

bool tl_scim_conform(tl_arena *arena, const struct tl_scim_attribute *attribute, const tl_scim_node *value, tl_scim_node **ret_node,
                     struct tl_scim_err *err)
{
    *ret_node = NULL;
    if (value->kind == TL_SCIM_NULL)
        return true;
    if (!attribute->multi)
        return conform_one(arena, attribute, value, ret_node, err);
    tl_scim_node *list = tl_scim_node_new(arena, TL_SCIM_LIST), **end = &list->first;
    if (value->kind == TL_SCIM_LIST && tl_scim_count(value) > ITEMS_MAX)
        return tl_scim_fail(err, 413, "tooMany", "the attribute \"%s\" has more than %d values", attribute->name, ITEMS_MAX);
    const tl_scim_node *item = value->kind == TL_SCIM_LIST ? value->first : value;
    for (; item; item = value->kind == TL_SCIM_LIST ? item->next : NULL) {
        if (!conform_one(arena, attribute, item, end, err))
            return false;
        if (*end)
            end = &(*end)->next;
    }
    *ret_node = list->first ? list : NULL;
    return true;
}

static bool conform_members(tl_arena *arena, const tl_scim_schemas *schemas, enum tl_scim_type type, bool extension, const tl_scim_node *from,
                            tl_scim_node *to, struct tl_scim_err *err)
{
    struct tl_scim_attribute attribute;
    tl_scim_node *part;
    if (from->kind != TL_SCIM_OBJECT)
        return tl_scim_fail(err, 400, "invalidSyntax", "a resource is an object");
    for (const tl_scim_node *member = from->first; member; member = member->next) {
        if (!tl_scim_find(schemas, type, extension, member->key, &attribute) || attribute.read_only)
            continue;
        if (!tl_scim_conform(arena, &attribute, member, &part, err))
            return false;
        tl_scim_set(arena, to, attribute.name, part);
    }
    return true;
}

bool tl_scim_conform_resource(tl_arena *arena, const tl_scim_schemas *schemas, enum tl_scim_type type, const tl_scim_node *from,
                              tl_scim_node **ret_node, struct tl_scim_err *err)
{
    const char *name;
    const tl_scim_node *extension = type == TL_SCIM_USER ? tl_scim_get(from, TL_SCIM_EXTENSION) : NULL;
    tl_scim_node *resource = tl_scim_node_new(arena, TL_SCIM_OBJECT), *more = tl_scim_node_new(arena, TL_SCIM_OBJECT);
    if (!conform_members(arena, schemas, type, false, from, resource, err) ||
        (extension && extension->kind != TL_SCIM_NULL && !conform_members(arena, schemas, type, true, extension, more, err)))
        return false;
    if (more->first)
        tl_scim_set(arena, resource, TL_SCIM_EXTENSION, more);
    *ret_node = resource;
    return tl_scim_name_of(type, resource, &name, err);
}

bool tl_scim_name_of(enum tl_scim_type type, const tl_scim_node *resource, const char **ret_name, struct tl_scim_err *err)
{
    const char *attribute = type == TL_SCIM_USER ? "userName" : "displayName";
    *ret_name = tl_scim_get_text(resource, attribute);
    if (*ret_name && tl_credentials_is_user(*ret_name))
        return true;
    return tl_scim_fail(err, 400, "invalidValue", "a %s needs \"%s\": text of at most %d bytes", tl_scim_type_name(type), attribute, TL_USER_BYTES_MAX);
}
