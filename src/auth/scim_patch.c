#include "auth/scim_patch_int.h"

#include <string.h>

enum op { OP_ADD, OP_REPLACE, OP_REMOVE };

struct patching {
    tl_arena *arena;
    const tl_scim_schemas *schemas;
    enum tl_scim_type type;
    tl_scim_node *resource;
    enum op op;
    struct tl_scim_err *err;
};

/* The one value of a list that is primary; a new one takes it from the others. */
static void one_primary(tl_scim_node *list, const tl_scim_node *newest)
{
    const tl_scim_node *primary = tl_scim_get(newest, "primary");
    for (tl_scim_node *item = primary && primary->truth ? list->first : NULL; item; item = item->next) {
        tl_scim_node *other = item == newest ? NULL : tl_scim_get(item, "primary");
        if (other)
            other->truth = false;
    }
}

/* The same value: equal, or with the same "value" (a member of a group). */
static bool same_value(const tl_scim_node *a, const tl_scim_node *b)
{
    const tl_scim_node *x = tl_scim_get(a, "value"), *y = tl_scim_get(b, "value");
    const tl_scim_node *type_x = tl_scim_get(a, "type"), *type_y = tl_scim_get(b, "type");
    if (x && y && tl_scim_equal(x, y))
        return !type_x || !type_y || tl_scim_equal(type_x, type_y);
    return tl_scim_equal(a, b);
}

static tl_scim_node *find_same(const tl_scim_node *list, const tl_scim_node *value)
{
    for (tl_scim_node *item = list ? list->first : NULL; item; item = item->next)
        if (same_value(item, value))
            return item;
    return NULL;
}

/* A list that grows by what is not in it yet. */
static void add_values(struct patching *patching, tl_scim_node *holder, const char *name, const tl_scim_node *values)
{
    if (!tl_scim_get(holder, name))
        tl_scim_set(patching->arena, holder, name, tl_scim_node_new(patching->arena, TL_SCIM_LIST));
    tl_scim_node *list = tl_scim_get(holder, name);
    for (const tl_scim_node *value = values->first; value; value = value->next) {
        if (find_same(list, value))
            continue;
        tl_scim_node *copy = tl_scim_copy(patching->arena, value);
        tl_scim_append(list, copy);
        one_primary(list, copy);
    }
}

static void remove_values(struct patching *patching, tl_scim_node *holder, const char *name, const tl_scim_node *values)
{
    tl_scim_node *list = tl_scim_get(holder, name);
    for (const tl_scim_node *value = list ? values->first : NULL; value; value = value->next) {
        const tl_scim_node *found = find_same(list, value);
        if (found)
            tl_scim_drop(list, found);
    }
    if (list && !list->first)
        tl_scim_set(patching->arena, holder, name, NULL);
}

static void merge(struct patching *patching, tl_scim_node *into, const tl_scim_node *from)
{
    for (const tl_scim_node *member = from->first; member; member = member->next)
        tl_scim_set(patching->arena, into, member->key, tl_scim_copy(patching->arena, member));
}

/* ---- one target ---- */

static bool apply_whole(struct patching *patching, tl_scim_node *holder, const struct tl_scim_attribute *attribute, const tl_scim_node *value)
{
    tl_scim_node *part = NULL, *now = tl_scim_get(holder, attribute->name);
    if (value && !tl_scim_conform(patching->arena, attribute, value, &part, patching->err))
        return false;
    if (patching->op == OP_REMOVE && part && attribute->multi) {
        remove_values(patching, holder, attribute->name, part);
        return true;
    }
    if (patching->op == OP_REMOVE || !part) {
        if (attribute->required)
            return tl_scim_fail(patching->err, 400, "invalidValue", "the attribute \"%s\" is required", attribute->name);
        if (patching->op != OP_ADD)
            tl_scim_set(patching->arena, holder, attribute->name, NULL);
        return true;
    }
    if (attribute->multi && patching->op == OP_ADD)
        add_values(patching, holder, attribute->name, part);
    else if (now && now->kind == TL_SCIM_OBJECT && !attribute->multi)
        merge(patching, now, part);
    else
        tl_scim_set(patching->arena, holder, attribute->name, part);
    return true;
}

static bool apply_part(struct patching *patching, tl_scim_node *object, const struct tl_scim_attribute *attribute, const char *name,
                       const tl_scim_node *value)
{
    struct tl_scim_attribute inner;
    tl_scim_node *part = NULL;
    if (!tl_scim_find_inner(attribute, name, &inner))
        return tl_scim_fail(patching->err, 400, "invalidPath", "the attribute \"%s\" has no part \"%.60s\"", attribute->name, name);
    if (inner.read_only)
        return tl_scim_fail(patching->err, 400, "mutability", "the attribute \"%s.%s\" is read-only", attribute->name, inner.name);
    if (patching->op != OP_REMOVE && !tl_scim_conform(patching->arena, &inner, value, &part, patching->err))
        return false;
    tl_scim_set(patching->arena, object, inner.name, part);
    return true;
}

/* The parts of a new value that a filter "type eq "work"" already tells. */
static tl_scim_node *value_of_filter(struct patching *patching, const struct tl_scim_attribute *attribute, const tl_scim_filter *filter)
{
    const char *name, *text;
    struct tl_scim_attribute inner;
    if (!tl_scim_filter_single(filter, &name, &text) || !tl_scim_find_inner(attribute, name, &inner))
        return NULL;
    tl_scim_node *object = tl_scim_node_new(patching->arena, TL_SCIM_OBJECT);
    tl_scim_set(patching->arena, object, inner.name, tl_scim_node_text(patching->arena, text));
    return object;
}

static bool apply_to_item(struct patching *patching, const struct tl_scim_attribute *attribute, const struct tl_scim_path *path, tl_scim_node *list,
                          tl_scim_node *item, const tl_scim_node *value)
{
    struct tl_scim_attribute one = *attribute;
    tl_scim_node *part = NULL;
    one.multi = false;
    if (path->part && !apply_part(patching, item, attribute, path->part, value))
        return false;
    if (!path->part && patching->op == OP_REMOVE)
        tl_scim_drop(list, item);
    if (!path->part && patching->op != OP_REMOVE) {
        if (!tl_scim_conform(patching->arena, &one, value, &part, patching->err))
            return false;
        if (part)
            merge(patching, item, part);
    }
    one_primary(list, item);
    return true;
}

/* The values of a list that the filter picks, or all when there is none. */
static bool apply_to_items(struct patching *patching, tl_scim_node *holder, const struct tl_scim_attribute *attribute,
                           const struct tl_scim_path *path, const tl_scim_node *value)
{
    tl_scim_node *list = tl_scim_get(holder, attribute->name), *next;
    bool found = false;
    for (tl_scim_node *item = list ? list->first : NULL; item; item = next) {
        next = item->next;
        if (path->filter && !tl_scim_filter_match(path->filter, item))
            continue;
        found = true;
        if (!apply_to_item(patching, attribute, path, list, item, value))
            return false;
    }
    tl_scim_node *made = !found && patching->op == OP_ADD && path->filter ? value_of_filter(patching, attribute, path->filter) : NULL;
    if (made) {
        tl_scim_node *one = tl_scim_node_new(patching->arena, TL_SCIM_LIST);
        tl_scim_append(one, made);
        if (!apply_to_item(patching, attribute, path, one, made, value))
            return false;
        add_values(patching, holder, attribute->name, one);
        return true;
    }
    if (list && !list->first)
        tl_scim_set(patching->arena, holder, attribute->name, NULL);
    return found || tl_scim_fail(patching->err, 400, "noTarget", "no value of \"%s\" is picked by the path", attribute->name);
}

static bool apply_attribute(struct patching *patching, tl_scim_node *holder, const struct tl_scim_attribute *attribute,
                            const struct tl_scim_path *path, const tl_scim_node *value)
{
    if (attribute->read_only)
        return tl_scim_fail(patching->err, 400, "mutability", "the attribute \"%s\" is read-only", attribute->name);
    if (path->filter || (path->part && attribute->multi)) {
        if (!attribute->multi)
            return tl_scim_fail(patching->err, 400, "invalidPath", "the attribute \"%s\" has one value, which no filter picks", attribute->name);
        return apply_to_items(patching, holder, attribute, path, value);
    }
    if (!path->part)
        return apply_whole(patching, holder, attribute, value);
    if (!tl_scim_get(holder, attribute->name))
        tl_scim_set(patching->arena, holder, attribute->name, tl_scim_node_new(patching->arena, TL_SCIM_OBJECT));
    tl_scim_node *object = tl_scim_get(holder, attribute->name);
    if (!apply_part(patching, object, attribute, path->part, value))
        return false;
    if (!object->first)
        tl_scim_set(patching->arena, holder, attribute->name, NULL);
    return true;
}

static bool apply_members(struct patching *patching, const char *prefix, const tl_scim_node *value);

static bool apply_path(struct patching *patching, const char *text, const tl_scim_node *value)
{
    struct tl_scim_path path;
    struct tl_scim_attribute attribute;
    tl_scim_node *holder = patching->resource;
    if (!tl_scim_path_parse(patching->arena, text, &path, patching->err))
        return false;
    if (path.extension && path.attribute[0] == '\0') {
        if (patching->op != OP_ADD)
            tl_scim_set(patching->arena, holder, TL_SCIM_EXTENSION, NULL);
        return patching->op == OP_REMOVE || apply_members(patching, TL_SCIM_EXTENSION ":", value);
    }
    if (!tl_scim_find(patching->schemas, patching->type, path.extension, path.attribute, &attribute)) {
        bool fixed = tl_streq_nocase(path.attribute, "id") || tl_streq_nocase(path.attribute, "meta") || tl_streq_nocase(path.attribute, "schemas");
        return tl_scim_fail(patching->err, 400, fixed ? "mutability" : "invalidPath", "the attribute \"%.60s\" %s", path.attribute,
                            fixed ? "is read-only" : "does not exist");
    }
    if (path.extension) {
        if (!tl_scim_get(holder, TL_SCIM_EXTENSION))
            tl_scim_set(patching->arena, holder, TL_SCIM_EXTENSION, tl_scim_node_new(patching->arena, TL_SCIM_OBJECT));
        holder = tl_scim_get(holder, TL_SCIM_EXTENSION);
    }
    bool good = apply_attribute(patching, holder, &attribute, &path, value);
    if (path.extension && !holder->first)
        tl_scim_set(patching->arena, patching->resource, TL_SCIM_EXTENSION, NULL);
    return good;
}

/* Without a path the value's members are the paths; those that are not known or fixed are left out, as in a resource. */
static bool apply_members(struct patching *patching, const char *prefix, const tl_scim_node *value)
{
    if (!value || value->kind != TL_SCIM_OBJECT)
        return tl_scim_fail(patching->err, 400, patching->op == OP_REMOVE ? "noTarget" : "invalidValue", "an operation without path needs an object");
    for (const tl_scim_node *member = value->first; member; member = member->next) {
        struct tl_scim_err own = {0}, *outer = patching->err;
        patching->err = &own;
        bool good = apply_path(patching, tl_arena_printf(patching->arena, "%s%s", prefix, member->key), member);
        patching->err = outer;
        bool unknown = own.type && (strcmp(own.type, "invalidPath") == 0 || strcmp(own.type, "mutability") == 0);
        if (!good && !unknown)
            return tl_scim_fail(outer, own.status, own.type, "%s", own.detail);
    }
    return true;
}

/* ---- the document ---- */

static bool read_op(const tl_scim_node *operation, enum op *ret_op, struct tl_scim_err *err)
{
    static const char *const names[] = {"add", "replace", "remove"};
    const char *name = tl_scim_get_text(operation, "op");
    for (int i = 0; name && i < 3; i++)
        if (tl_streq_nocase(names[i], name)) {
            *ret_op = (enum op)i;
            return true;
        }
    return tl_scim_fail(err, 400, "invalidSyntax", "an operation's \"op\" must be add, replace or remove");
}

bool tl_scim_patch(tl_arena *arena, const tl_scim_schemas *schemas, enum tl_scim_type type, tl_scim_node *resource, const tl_scim_node *document,
                   struct tl_scim_err *err)
{
    const tl_scim_node *operations = tl_scim_get(document, "Operations");
    struct patching patching = {arena, schemas, type, resource, OP_ADD, err};
    const char *name;
    if (!operations || operations->kind != TL_SCIM_LIST || !operations->first)
        return tl_scim_fail(err, 400, "invalidSyntax", "the document has no \"Operations\"");
    if (tl_scim_count(operations) > TL_SCIM_OPERATIONS_MAX)
        return tl_scim_fail(err, 413, "tooMany", "the document has more than %d operations", TL_SCIM_OPERATIONS_MAX);
    for (const tl_scim_node *operation = operations->first; operation; operation = operation->next) {
        const tl_scim_node *path = tl_scim_get(operation, "path"), *value = tl_scim_get(operation, "value");
        if (!read_op(operation, &patching.op, err))
            return false;
        if (path && path->kind != TL_SCIM_TEXT)
            return tl_scim_fail(err, 400, "invalidPath", "an operation's \"path\" must be text");
        if (patching.op != OP_REMOVE && !value)
            return tl_scim_fail(err, 400, "invalidValue", "an operation lacks its \"value\"");
        if (path && path->text.size ? !apply_path(&patching, path->text.data, value) : !apply_members(&patching, "", value))
            return false;
    }
    return tl_scim_name_of(type, resource, &name, err);
}
