/* Any bytes as a manifest list and as a manifest: what can be read can be written and read again, and is the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lake/fence.h"
#include "lake/manifest.h"

enum { ARENA_BYTES_MAX = 1024 * 1024 * 1024, BUFFER_BYTES_MAX = 256 * 1024 * 1024 };

static void must(bool held, const char *what)
{
    if (!held) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* What the fence lets through has no path that a reader finds: of this folder nothing is. */
static bool has_no_paths(struct tl_str bytes)
{
    struct tl_err err;
    tl_err_init(&err);
    return tl_lake_fence_avro(bytes, "file:///nowhere", NULL, &err) == TL_OK;
}

static void try_list(tl_arena *arena, struct tl_str bytes)
{
    struct tl_err err;
    struct tl_lake_manifest *manifests, *again;
    size_t count, count_again;
    struct tl_buf buf;
    tl_err_init(&err);
    if (tl_lake_manifest_list_read(arena, bytes, &manifests, &count, &err) != TL_OK)
        return;
    must(count == 0 || !has_no_paths(bytes), "no path passes the fence");
    tl_buf_init(&buf, BUFFER_BYTES_MAX);
    struct tl_lake_list_info info = {.format_version = 3, .snapshot_id = 1, .parent_id = -1};
    must(tl_lake_manifest_list_write(&buf, &info, manifests, count, &err) == TL_OK, err.message);
    must(tl_lake_manifest_list_read(arena, (struct tl_str){buf.data, buf.size}, &again, &count_again, &err) == TL_OK, err.message);
    must(count == count_again, "as many manifests");
    for (size_t i = 0; i < count; i++)
        must(tl_str_equal(manifests[i].path, again[i].path) && manifests[i].partition_count == again[i].partition_count &&
                 manifests[i].sequence_number == again[i].sequence_number,
             "the same manifests");
    tl_buf_done(&buf);
}

static const char spec_text[] = "{\"spec-id\":3,\"fields\":[{\"name\":\"name\",\"transform\":\"identity\",\"source-id\":2,\"field-id\":1000},"
                                "{\"name\":\"d\",\"transform\":\"identity\",\"source-id\":3,\"field-id\":1001},"
                                "{\"name\":\"ts_day\",\"transform\":\"day\",\"source-id\":4,\"field-id\":1002},"
                                "{\"name\":\"id_bucket\",\"transform\":\"bucket[16]\",\"source-id\":1,\"field-id\":1003}]}";
static const char schema_text[] = "{\"schema-id\":0,\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
                                  "{\"id\":2,\"name\":\"name\",\"required\":false,\"type\":\"string\"},"
                                  "{\"id\":3,\"name\":\"d\",\"required\":false,\"type\":\"decimal(10, 2)\"},"
                                  "{\"id\":4,\"name\":\"ts\",\"required\":false,\"type\":\"timestamp\"}]}";

static void try_manifest(tl_arena *arena, struct tl_str bytes)
{
    struct tl_err err;
    struct tl_lake_manifest line = {.sequence_number = 5, .added_snapshot_id = 7, .first_row_id = 100};
    struct tl_lake_manifest_reader reader;
    struct tl_lake_manifest_writer writer;
    struct tl_lake_manifest_info info = {.format_version = 3, .snapshot_id = 7};
    struct tl_lake_spec spec;
    struct tl_lake_schema schema;
    struct tl_lake_type types[4];
    struct tl_lake_entry entry;
    struct tl_buf buf;
    bool more = true;
    size_t count = 0, again = 0;
    tl_err_init(&err);
    must(tl_json_parse(arena, spec_text, sizeof spec_text - 1, &info.spec_json, &err) == TL_OK &&
             tl_json_parse(arena, schema_text, sizeof schema_text - 1, &info.schema, &err) == TL_OK &&
             tl_lake_spec_describe(arena, info.spec_json, &spec, &err) == TL_OK &&
             tl_lake_schema_describe(arena, info.schema, &schema, &err) == TL_OK,
         err.message);
    tl_lake_spec_types(&spec, &schema, 1, types);
    info.spec = &spec;
    info.types = types;
    tl_buf_init(&buf, BUFFER_BYTES_MAX);
    must(tl_lake_manifest_begin(arena, &buf, &info, &writer, &err) == TL_OK, err.message);
    if (tl_lake_manifest_open(arena, bytes, &line, &spec, types, true, &reader, &err) == TL_OK)
        while (tl_lake_manifest_next(&reader, arena, &entry, &more, &err) == TL_OK && more) {
            tl_lake_manifest_add(&writer, &entry);
            count++;
        }
    must(count == 0 || !has_no_paths(bytes), "no path passes the fence");
    tl_err_init(&err);
    must(tl_lake_manifest_finish(&writer, &line, &err) == TL_OK, err.message);
    must(tl_lake_manifest_open(arena, (struct tl_str){buf.data, buf.size}, &line, &spec, types, true, &reader, &err) == TL_OK, err.message);
    while (tl_lake_manifest_next(&reader, arena, &entry, &more, &err) == TL_OK && more)
        again++;
    must(err.code == TL_OK, err.message);
    must(count == again, "as many entries");
    tl_buf_done(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    struct tl_str bytes = {(const char *)data, size};
    try_list(arena, bytes);
    try_manifest(arena, bytes);
    tl_arena_free(arena);
    return 0;
}
