/* Table metadata of format version 1: one schema and one partition spec where later versions have lists, and no sequence numbers. */
#include "lake/lake_int.h"

#include <string.h>

static bool has(const tl_json *root, const char *key)
{
    const tl_json *value = tl_json_get(root, key);
    return value && !tl_json_is_null(value);
}

static void put_list(struct tl_json_writer *writer, const char *key, const tl_json *item)
{
    tl_json_key(writer, key);
    tl_json_begin_array(writer);
    tl_json_put_value(writer, item);
    tl_json_end_array(writer);
}

/* {"spec-id":0,"fields":[...]} of the fields alone. */
static void put_spec(struct tl_json_writer *writer, const tl_json *fields)
{
    tl_json_key(writer, "partition-specs");
    tl_json_begin_array(writer);
    tl_json_begin_object(writer);
    tl_json_pair_int64(writer, "spec-id", 0);
    tl_json_key(writer, "fields");
    tl_json_begin_array(writer);
    for (struct tl_json_iter it = tl_json_iter(fields); tl_json_next(&it);)
        tl_json_put_value(writer, it.value);
    tl_json_end_array(writer);
    tl_json_end_object(writer);
    tl_json_end_array(writer);
}

static enum tl_code put_schema(tl_arena *arena, struct tl_json_writer *writer, const tl_json *root, struct tl_err *err)
{
    const tl_json *schema = tl_json_get(root, "schema");
    int64_t id;
    if (!tl_json_is_object(schema))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the table metadata cannot be read: \"schema\" is missing");
    if (!tl_json_int64(tl_json_get(schema, "schema-id"), &id)) {
        id = 0;
        if (tl_lake_json_with_int(arena, schema, "schema-id", id, &schema, err) != TL_OK)
            return err->code;
    }
    put_list(writer, "schemas", schema);
    if (!has(root, "current-schema-id"))
        tl_json_pair_int64(writer, "current-schema-id", id);
    return TL_OK;
}

enum tl_code tl_lake_metadata_widen(tl_arena *arena, const tl_json *root, const tl_json **ret_root, struct tl_err *err)
{
    static const struct {
        const char *key;
        int64_t value;
    } defaults[] = {{"last-sequence-number", 0}, {"default-spec-id", 0}, {"default-sort-order-id", 0}, {"last-partition-id", 999}};
    struct tl_buf buf;
    struct tl_json_writer writer;
    char uuid[37];
    tl_buf_init(&buf, TL_LAKE_METADATA_BYTES_MAX);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it);) {
        if (strcmp(it.key, "schema") == 0 || strcmp(it.key, "partition-spec") == 0 || tl_json_is_null(it.value))
            continue;
        tl_json_key(&writer, it.key);
        tl_json_put_value(&writer, it.value);
    }
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (!has(root, defaults[i].key))
            tl_json_pair_int64(&writer, defaults[i].key, defaults[i].value);
    enum tl_code code = has(root, "table-uuid") ? TL_OK : tl_lake_uuid(uuid, err);
    if (code == TL_OK && !has(root, "table-uuid"))
        tl_json_pair_text(&writer, "table-uuid", uuid);
    if (!has(root, "partition-specs"))
        put_spec(&writer, tl_json_get(root, "partition-spec"));
    if (!has(root, "sort-orders")) {
        tl_json_key(&writer, "sort-orders");
        tl_json_put_raw(&writer, TL_STR("[{\"order-id\":0,\"fields\":[]}]"));
    }
    if (code == TL_OK && !has(root, "schemas"))
        code = put_schema(arena, &writer, root, err);
    tl_json_end_object(&writer);
    if (code == TL_OK)
        code = tl_lake_json_from(arena, &buf, ret_root, err);
    tl_buf_done(&buf);
    return code;
}

void tl_lake_metadata_write_v1(const struct tl_lake_metadata *metadata, struct tl_json_writer *writer)
{
    const tl_json *schema = tl_lake_list_find(&metadata->schemas, "schema-id", metadata->current_schema_id);
    const tl_json *spec = tl_lake_list_find(&metadata->specs, "spec-id", metadata->default_spec_id);
    if (schema) {
        tl_json_key(writer, "schema");
        tl_json_put_value(writer, schema);
    }
    if (spec) {
        tl_json_key(writer, "partition-spec");
        tl_json_put_value(writer, tl_json_get(spec, "fields"));
    }
}
