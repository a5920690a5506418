/* Namespaces as the REST catalog shows them. */
#include "lake/lake_int.h"

#include <string.h>

static void put_namespace(struct tl_json_writer *writer, const char *namespace_name)
{
    tl_json_begin_array(writer);
    for (const char *at = namespace_name;;) {
        size_t size = strcspn(at, "\x1F");
        tl_json_put_str(writer, (struct tl_str){at, size});
        if (at[size] == '\0')
            break;
        at += size + 1;
    }
    tl_json_end_array(writer);
}

static void put_page_end(struct tl_json_writer *writer, const struct tl_lake_names *names)
{
    tl_json_end_array(writer);
    tl_json_key(writer, "next-page-token");
    tl_json_put_text(writer, names->more ? names->items[names->count - 1] : NULL);
    tl_json_end_object(writer);
}

enum tl_code tl_lake_rest_namespaces(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *after, *parent = tl_lake_rest_param(rest, "parent");
    size_t limit;
    struct tl_lake_names names;
    if (parent && *parent && tl_lake_namespace_check(parent, err) != TL_OK)
        return err->code;
    if (tl_lake_rest_page(rest, &after, &limit, err) != TL_OK ||
        tl_lake_namespace_list(rest->lake, rest->arena, parent ? parent : "", after, limit, &names, err) != TL_OK)
        return err->code;
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "namespaces");
    tl_json_begin_array(&writer);
    for (size_t i = 0; i < names.count; i++)
        put_namespace(&writer, names.items[i]);
    put_page_end(&writer, &names);
    return TL_OK;
}

static enum tl_code check_properties(const tl_json *properties, struct tl_err *err)
{
    if (properties && !tl_json_is_null(properties) && !tl_json_is_object(properties))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "namespace properties must be an object of texts");
    if (tl_json_count(properties) > TL_LAKE_PROPERTIES_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "a namespace may have at most %d properties", TL_LAKE_PROPERTIES_MAX);
    for (struct tl_json_iter it = tl_json_iter(properties); tl_json_next(&it);)
        if (!tl_json_is_string(it.value))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "namespace property \"%.200s\" must be a text", it.key);
    return TL_OK;
}

/* Without a location Trino cannot create tables in the namespace. */
static enum tl_code write_properties(struct tl_lake_route_call *rest, const char *namespace_name, const tl_json *properties,
                                     const char **ret_text, struct tl_err *err)
{
    const char *location = tl_json_get_text(properties, "location");
    if (location && tl_lake_location(rest->lake, rest->arena, location, &location, err) != TL_OK)
        return err->code;
    if (!location)
        location = tl_lake_namespace_location(rest->lake, rest->arena, namespace_name);
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, TL_LAKE_BODY_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    for (struct tl_json_iter it = tl_json_iter(properties); tl_json_next(&it);)
        if (strcmp(it.key, "location") != 0) {
            tl_json_key(&writer, it.key);
            tl_json_put_value(&writer, it.value);
        }
    tl_json_pair_text(&writer, "location", location);
    tl_json_end_object(&writer);
    if (buf.failed)
        tl_err_set(err, TL_TOO_LARGE, "the properties of the namespace are too large");
    *ret_text = tl_arena_strdup(rest->arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return err->code;
}

static void put_reply(struct tl_lake_route_call *rest, const char *namespace_name, const char *properties)
{
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "namespace");
    put_namespace(&writer, namespace_name);
    tl_json_key(&writer, "properties");
    tl_json_put_raw(&writer, tl_str_of(properties));
    tl_json_end_object(&writer);
}

enum tl_code tl_lake_rest_namespace_add(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *namespace_name, *text;
    const tl_json *properties = tl_json_get(rest->body, "properties");
    if (tl_lake_namespace_of(rest->arena, tl_json_get(rest->body, "namespace"), &namespace_name, err) != TL_OK ||
        tl_lake_rest_need(rest, TL_LAKE_RIGHT_CREATE, namespace_name, NULL, err) != TL_OK ||
        check_properties(properties, err) != TL_OK || write_properties(rest, namespace_name, properties, &text, err) != TL_OK ||
        tl_lake_namespace_add(rest->lake, rest->arena, namespace_name, text, err) != TL_OK ||
        tl_lake_rest_changed(rest, TL_LAKE_MADE, namespace_name, NULL, NULL, err) != TL_OK)
        return err->code;
    rest->namespace_name = namespace_name;
    atomic_fetch_add(&rest->lake->generation, 1);
    put_reply(rest, namespace_name, text);
    return TL_OK;
}

enum tl_code tl_lake_rest_namespace(struct tl_lake_route_call *rest, struct tl_err *err)
{
    const char *properties;
    if (tl_lake_namespace_get(rest->lake, rest->arena, rest->namespace_name, &properties, err) != TL_OK)
        return err->code;
    put_reply(rest, rest->namespace_name, properties);
    return TL_OK;
}

enum tl_code tl_lake_rest_namespace_exists(struct tl_lake_route_call *rest, struct tl_err *err)
{
    rest->status = 204;
    return tl_lake_namespace_get(rest->lake, rest->arena, rest->namespace_name, NULL, err);
}

enum tl_code tl_lake_rest_namespace_remove(struct tl_lake_route_call *rest, struct tl_err *err)
{
    rest->status = 204;
    enum tl_code code = tl_lake_namespace_remove(rest->lake, rest->arena, rest->namespace_name, err);
    if (code != TL_OK)
        return code;
    atomic_fetch_add(&rest->lake->generation, 1);
    return tl_lake_rest_changed(rest, TL_LAKE_DROPPED, rest->namespace_name, NULL, NULL, err);
}

/* --- changing properties --- */

struct property_change {
    struct tl_lake_route_call *rest;
    struct tl_lake_map properties;
    const tl_json *removals, *updates;
    struct tl_lake_map removed, missing; /* by name */
};

static enum tl_code change_properties(void *context, const char *old_text, const char **ret_text, struct tl_err *err)
{
    struct property_change *change = context;
    tl_arena *arena = change->rest->arena;
    const tl_json *old;
    if (tl_json_parse(arena, old_text, strlen(old_text), &old, err) != TL_OK)
        return err->code;
    for (struct tl_json_iter it = tl_json_iter(old); tl_json_next(&it);)
        tl_lake_map_set(arena, &change->properties, it.key, it.value);
    for (struct tl_json_iter it = tl_json_iter(change->removals); tl_json_next(&it);) {
        const char *name = tl_json_text(it.value);
        bool there = tl_lake_map_remove(&change->properties, name);
        tl_lake_map_set(arena, there ? &change->removed : &change->missing, name, it.value);
    }
    for (struct tl_json_iter it = tl_json_iter(change->updates); tl_json_next(&it);)
        tl_lake_map_set(arena, &change->properties, it.key, it.value);
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, TL_LAKE_BODY_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    for (size_t i = 0; i < change->properties.count; i++) {
        tl_json_key(&writer, change->properties.items[i].key);
        tl_json_put_value(&writer, change->properties.items[i].value);
    }
    tl_json_end_object(&writer);
    const tl_json *merged;
    if (tl_lake_json_from(arena, &buf, &merged, err) == TL_OK && check_properties(merged, err) == TL_OK)
        (void)write_properties(change->rest, change->rest->namespace_name, merged, ret_text, err);
    tl_buf_done(&buf);
    return err->code;
}

static enum tl_code check_removals(const tl_json *removals, const tl_json *updates, struct tl_err *err)
{
    if (removals && !tl_json_is_null(removals) && !tl_json_is_array(removals))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"removals\" must be a list of names");
    for (struct tl_json_iter it = tl_json_iter(removals); tl_json_next(&it);) {
        const char *name = tl_json_text(it.value);
        if (!name)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "\"removals\" must be a list of names");
        if (tl_json_get(updates, name))
            return tl_err_set(err, TL_TYPE_MISMATCH, "property \"%.200s\" is both set and removed", name);
    }
    return TL_OK;
}

static void put_names(struct tl_json_writer *writer, const char *key, const struct tl_lake_map *map)
{
    tl_json_key(writer, key);
    tl_json_begin_array(writer);
    for (size_t i = 0; i < map->count; i++)
        tl_json_put_text(writer, map->items[i].key);
    tl_json_end_array(writer);
}

enum tl_code tl_lake_rest_namespace_properties(struct tl_lake_route_call *rest, struct tl_err *err)
{
    struct property_change change = {
        .rest = rest, .removals = tl_json_get(rest->body, "removals"), .updates = tl_json_get(rest->body, "updates")};
    if (check_properties(change.updates, err) != TL_OK || check_removals(change.removals, change.updates, err) != TL_OK ||
        tl_lake_namespace_set(rest->lake, rest->arena, rest->namespace_name, change_properties, &change, err) != TL_OK)
        return err->code;
    struct tl_lake_map updated = {0};
    for (struct tl_json_iter it = tl_json_iter(change.updates); tl_json_next(&it);)
        tl_lake_map_set(rest->arena, &updated, it.key, it.value);
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    put_names(&writer, "updated", &updated);
    put_names(&writer, "removed", &change.removed);
    put_names(&writer, "missing", &change.missing);
    tl_json_end_object(&writer);
    return TL_OK;
}

static enum tl_code list_entries(struct tl_lake_route_call *rest, enum tl_lake_kind kind, struct tl_err *err)
{
    const char *after;
    size_t limit;
    struct tl_lake_names names;
    if (tl_lake_rest_page(rest, &after, &limit, err) != TL_OK ||
        tl_lake_entry_list(rest->lake, rest->arena, kind, rest->namespace_name, after, limit, &names, err) != TL_OK)
        return err->code;
    struct tl_json_writer writer;
    tl_json_writer_init(&writer, rest->reply);
    tl_json_begin_object(&writer);
    tl_json_key(&writer, "identifiers");
    tl_json_begin_array(&writer);
    for (size_t i = 0; i < names.count; i++) {
        tl_json_begin_object(&writer);
        tl_json_key(&writer, "namespace");
        put_namespace(&writer, rest->namespace_name);
        tl_json_pair_text(&writer, "name", names.items[i]);
        tl_json_end_object(&writer);
    }
    put_page_end(&writer, &names);
    return TL_OK;
}

enum tl_code tl_lake_rest_tables(struct tl_lake_route_call *rest, struct tl_err *err)
{
    return list_entries(rest, TL_LAKE_TABLE, err);
}

enum tl_code tl_lake_rest_views(struct tl_lake_route_call *rest, struct tl_err *err)
{
    return list_entries(rest, TL_LAKE_VIEW, err);
}
