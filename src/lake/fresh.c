/* A new table's fields are numbered here, whatever numbers the client made up: columns first, then what is in them, from 1. */
#include "lake/lake_int.h"

#include <string.h>

enum { DEPTH_MAX = 64 };

static void remember(struct tl_lake_fresh *fresh, const tl_json *old_id, int64_t id)
{
    int64_t was;
    if (!tl_json_int64(old_id, &was))
        return;
    if (fresh->count == fresh->capacity) {
        size_t capacity = fresh->capacity ? 2 * fresh->capacity : 64;
        struct tl_lake_fresh_id *items = TL_NEW_ARRAY(fresh->arena, struct tl_lake_fresh_id, capacity);
        if (fresh->count)
            memcpy(items, fresh->items, fresh->count * sizeof *items);
        fresh->items = items;
        fresh->capacity = capacity;
    }
    fresh->items[fresh->count++] = (struct tl_lake_fresh_id){was, id};
}

static bool find(const struct tl_lake_fresh *fresh, int64_t was, int64_t *ret_id)
{
    for (size_t i = 0; i < fresh->count; i++)
        if (fresh->items[i].was == was) {
            *ret_id = fresh->items[i].id;
            return true;
        }
    return false;
}

static void put_type(struct tl_lake_fresh *fresh, struct tl_json_writer *writer, const tl_json *type, int depth);

static void put_field(struct tl_lake_fresh *fresh, struct tl_json_writer *writer, const tl_json *field, int64_t id, int depth)
{
    tl_json_begin_object(writer);
    for (struct tl_json_iter it = tl_json_iter(field); tl_json_next(&it);) {
        tl_json_key(writer, it.key);
        if (strcmp(it.key, "id") == 0)
            tl_json_put_int64(writer, id);
        else if (strcmp(it.key, "type") == 0)
            put_type(fresh, writer, it.value, depth + 1);
        else
            tl_json_put_value(writer, it.value);
    }
    tl_json_end_object(writer);
}

/* All fields of a struct have their numbers before any of what is in them. */
static void put_fields(struct tl_lake_fresh *fresh, struct tl_json_writer *writer, const tl_json *fields, int depth)
{
    int64_t id = fresh->last + 1;
    fresh->last += (int64_t)tl_json_count(fields);
    for (struct tl_json_iter it = tl_json_iter(fields); tl_json_next(&it); id++)
        remember(fresh, tl_json_get(it.value, "id"), id);
    id -= (int64_t)tl_json_count(fields);
    tl_json_begin_array(writer);
    for (struct tl_json_iter it = tl_json_iter(fields); tl_json_next(&it); id++)
        put_field(fresh, writer, it.value, id, depth);
    tl_json_end_array(writer);
}

/* A struct, list or map, or the whole schema. */
static void put_type(struct tl_lake_fresh *fresh, struct tl_json_writer *writer, const tl_json *type, int depth)
{
    static const char *const inner_ids[] = {"element-id", "key-id", "value-id"}, *const inner_types[] = {"element", "key", "value"};
    if (!tl_json_is_object(type) || depth > DEPTH_MAX) { /* the check of schemas refuses deeper ones */
        tl_json_put_value(writer, type);
        return;
    }
    int64_t ids[3] = {0};
    for (size_t i = 0; i < 3; i++)
        if (tl_json_get(type, inner_ids[i])) {
            ids[i] = ++fresh->last;
            remember(fresh, tl_json_get(type, inner_ids[i]), ids[i]);
        }
    tl_json_begin_object(writer);
    for (struct tl_json_iter it = tl_json_iter(type); tl_json_next(&it);) {
        bool inner = false;
        int64_t id = 0;
        for (size_t i = 0; i < 3; i++) {
            inner = inner || strcmp(it.key, inner_types[i]) == 0;
            id = strcmp(it.key, inner_ids[i]) == 0 ? ids[i] : id;
        }
        if (strcmp(it.key, "identifier-field-ids") == 0)
            continue;
        tl_json_key(writer, it.key);
        if (strcmp(it.key, "fields") == 0)
            put_fields(fresh, writer, it.value, depth);
        else if (inner)
            put_type(fresh, writer, it.value, depth + 1);
        else if (id)
            tl_json_put_int64(writer, id);
        else
            tl_json_put_value(writer, it.value);
    }
    const tl_json *identifiers = tl_json_get(type, "identifier-field-ids");
    if (tl_json_is_array(identifiers)) { /* last: now their new numbers are known */
        tl_json_key(writer, "identifier-field-ids");
        tl_json_begin_array(writer);
        for (struct tl_json_iter it = tl_json_iter(identifiers); tl_json_next(&it);) {
            int64_t was, now;
            if (tl_json_int64(it.value, &was) && find(fresh, was, &now))
                tl_json_put_int64(writer, now);
        }
        tl_json_end_array(writer);
    }
    tl_json_end_object(writer);
}

enum tl_code tl_lake_fresh_schema(struct tl_lake_fresh *fresh, const tl_json *schema, const tl_json **ret_schema, struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    put_type(fresh, &writer, schema, 0);
    enum tl_code code = tl_lake_json_from(fresh->arena, &buf, ret_schema, err);
    tl_buf_done(&buf);
    return code;
}

static enum tl_code put_source_field(const struct tl_lake_fresh *fresh, struct tl_json_writer *writer, const tl_json *field, struct tl_err *err)
{
    int64_t was, now = 0;
    if (tl_json_int64(tl_json_get(field, "source-id"), &was) && !find(fresh, was, &now))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a partition or sort field refers to column id %lld, which the schema does not have", (long long)was);
    tl_json_begin_object(writer);
    for (struct tl_json_iter it = tl_json_iter(field); tl_json_next(&it);) {
        if (strcmp(it.key, "field-id") == 0)
            continue;
        tl_json_key(writer, it.key);
        if (strcmp(it.key, "source-id") == 0)
            tl_json_put_int64(writer, now);
        else
            tl_json_put_value(writer, it.value);
    }
    tl_json_end_object(writer);
    return TL_OK;
}

enum tl_code tl_lake_fresh_sources(const struct tl_lake_fresh *fresh, const tl_json *spec_or_order, const tl_json **ret_json, struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    for (struct tl_json_iter it = tl_json_iter(spec_or_order); tl_json_next(&it);) {
        tl_json_key(&writer, it.key);
        if (strcmp(it.key, "fields") != 0 || !tl_json_is_array(it.value)) {
            tl_json_put_value(&writer, it.value);
            continue;
        }
        tl_json_begin_array(&writer);
        for (struct tl_json_iter field = tl_json_iter(it.value); tl_json_next(&field);)
            if (put_source_field(fresh, &writer, field.value, err) != TL_OK)
                break;
        tl_json_end_array(&writer);
    }
    tl_json_end_object(&writer);
    enum tl_code code = err->code ? err->code : tl_lake_json_from(fresh->arena, &buf, ret_json, err);
    tl_buf_done(&buf);
    return code;
}
