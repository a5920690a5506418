/* lake/plan_testing_int.h -- a table whose manifests are written by the test that plans its scans. */
#ifndef TL_LAKE_PLAN_TESTING_INT_H
#define TL_LAKE_PLAN_TESTING_INT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs those above */
#include <cmocka.h>

#include "base/folder_testing.h"
#include "lake/lake_int.h"
#include "lake/plan.h"

enum { WORLD_ARENA_BYTES = 1024 * 1024 * 1024, WORLD_BUFFER_BYTES = 256 * 1024 * 1024, WORLD_LISTS_MAX = 100 };

struct world {
    tl_arena *arena;
    struct tl_err err;
    char folder[64];
    tl_objects *objects;
    struct tl_lake_metadata metadata;
    struct tl_lake_table table;
    struct tl_lake_type types[8]; /* of the spec in use */
    struct tl_lake_manifest lines[WORLD_LISTS_MAX];
    size_t line_count;
};

static const char world_schema[] =
    "{\"schema-id\":0,\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
    "{\"id\":2,\"name\":\"name\",\"required\":false,\"type\":\"string\"},{\"id\":3,\"name\":\"x\",\"required\":false,\"type\":\"double\"},"
    "{\"id\":4,\"name\":\"ts\",\"required\":false,\"type\":\"timestamp\"}]}";

/* specs: the list of partition specs; the last is the default.  The table has one snapshot, 1, of what world_manifest wrote. */
static struct world *world_make(const char *specs)
{
    tl_arena *arena = tl_arena_new(WORLD_ARENA_BYTES);
    struct world *world = TL_NEW(arena, struct world);
    world->arena = arena;
    tl_err_init(&world->err);
    snprintf(world->folder, sizeof world->folder, "/tmp/tl_plan_XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    assert_int_equal(tl_objects_open_folder(world->folder, &world->objects, &world->err), TL_OK);
    const char *text = tl_arena_printf(
        arena,
        "{\"format-version\":3,\"table-uuid\":\"u\",\"location\":\"%s/t\",\"last-sequence-number\":9,\"last-updated-ms\":1,"
        "\"last-column-id\":4,\"current-schema-id\":0,\"schemas\":[%s],\"default-spec-id\":0,\"partition-specs\":%s,"
        "\"last-partition-id\":1003,\"default-sort-order-id\":0,\"sort-orders\":[{\"order-id\":0,\"fields\":[]}],\"next-row-id\":0,"
        "\"current-snapshot-id\":1,\"snapshots\":[{\"snapshot-id\":1,\"timestamp-ms\":1,\"sequence-number\":9,"
        "\"manifest-list\":\"%s/t/metadata/list.avro\",\"summary\":{\"operation\":\"append\"}}]}",
        tl_objects_root(world->objects), world_schema, specs, tl_objects_root(world->objects));
    const tl_json *json;
    if (tl_json_parse(arena, text, strlen(text), &json, &world->err) != TL_OK ||
        tl_lake_metadata_read(arena, json, &world->metadata, &world->err) != TL_OK ||
        tl_lake_table_describe(arena, &world->metadata, &world->table, &world->err) != TL_OK)
        fail_msg("%s", world->err.message);
    return world;
}

static void world_end(struct world *world)
{
    tl_objects_close(world->objects);
    folder_remove(world->folder);
    tl_arena_free(world->arena);
}

/* One manifest of these entries, with the sequence number that they inherit. */
static inline void world_manifest(struct world *world, int64_t spec_id, bool deletes, int64_t sequence, const struct tl_lake_entry *entries, size_t count)
{
    struct tl_buf buf;
    struct tl_lake_manifest_writer writer;
    const struct tl_lake_spec *spec = tl_lake_table_spec(&world->table, spec_id);
    struct tl_lake_type *types = TL_NEW_ARRAY(world->arena, struct tl_lake_type, spec->count + 1);
    tl_lake_spec_types(spec, world->table.schemas, world->table.schema_count, types);
    struct tl_lake_manifest_info info = {.format_version = 3, .deletes = deletes, .schema = world->metadata.schemas.items[0],
                                         .spec_json = world->metadata.specs.items[spec - world->table.specs], .spec = spec, .types = types,
                                         .snapshot_id = 1};
    tl_buf_init(&buf, WORLD_BUFFER_BYTES);
    assert_int_equal(tl_lake_manifest_begin(world->arena, &buf, &info, &writer, &world->err), TL_OK);
    for (size_t i = 0; i < count; i++)
        tl_lake_manifest_add(&writer, &entries[i]);
    struct tl_lake_manifest *line = &world->lines[world->line_count];
    assert_int_equal(tl_lake_manifest_finish(&writer, line, &world->err), TL_OK);
    const char *path = tl_arena_printf(world->arena, "%s/m%zu.avro", world->table.location, world->line_count++);
    line->path = tl_str_of(path);
    line->sequence_number = sequence;
    assert_int_equal(tl_objects_write(world->objects, path, buf.data, buf.size, false, &world->err), TL_OK);
    tl_buf_done(&buf);
}

static inline void world_list(struct world *world)
{
    struct tl_buf buf;
    struct tl_lake_list_info info = {.format_version = 3, .snapshot_id = 1, .parent_id = -1, .sequence_number = 9};
    tl_buf_init(&buf, WORLD_BUFFER_BYTES);
    assert_int_equal(tl_lake_manifest_list_write(&buf, &info, world->lines, world->line_count, &world->err), TL_OK);
    assert_int_equal(tl_objects_write(world->objects, world->table.snapshots[0].manifest_list, buf.data, buf.size, false, &world->err), TL_OK);
    tl_buf_done(&buf);
}

static inline const tl_lake_filter *world_filter(struct world *world, const char *text)
{
    const tl_json *json;
    const tl_lake_filter *filter = NULL;
    if (tl_json_parse(world->arena, text, strlen(text), &json, &world->err) != TL_OK ||
        tl_lake_filter_parse(world->arena, world->table.schema, json, &filter, &world->err) != TL_OK)
        fail_msg("%s: %s", text, world->err.message);
    return filter;
}

#endif
