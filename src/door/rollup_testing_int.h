/* door/rollup_testing_int.h -- a table by day and account, for the test and the fuzz target of roll-ups. */
#ifndef TL_DOOR_ROLLUP_TESTING_INT_H
#define TL_DOOR_ROLLUP_TESTING_INT_H

#include "door/rollup.h"

static const char rollup_schema_text[] =
    "{\"type\":\"struct\",\"fields\":[{\"id\":1,\"name\":\"ts\",\"type\":\"timestamp\"},{\"id\":2,\"name\":\"account\",\"type\":\"long\"},"
    "{\"id\":3,\"name\":\"usage\",\"type\":\"decimal(18, 4)\"},{\"id\":4,\"name\":\"peak\",\"type\":\"double\"}]}";
#define ROLLUP_SPEC_TEXT \
    "{\"fields\":[{\"name\":\"ts_%s\",\"transform\":\"%s\",\"source-id\":1,\"field-id\":1000}," \
    "{\"name\":\"a\",\"transform\":\"bucket[4]\",\"source-id\":2,\"field-id\":1001}]}"

struct rollup_world {
    struct tl_lake_schema schema;
    struct tl_lake_spec spec;
    struct tl_lake_table table;
};

static inline bool rollup_world_make(tl_arena *arena, const char *transform, struct rollup_world *world, struct tl_err *err)
{
    const tl_json *schema, *spec;
    const char *text = tl_arena_printf(arena, ROLLUP_SPEC_TEXT, transform, transform);
    *world = (struct rollup_world){0};
    world->table.spec = &world->spec;
    world->table.schema = &world->schema;
    return tl_json_parse(arena, rollup_schema_text, sizeof rollup_schema_text - 1, &schema, err) == TL_OK &&
           tl_json_parse(arena, text, tl_str_of(text).size, &spec, err) == TL_OK && tl_lake_schema_describe(arena, schema, &world->schema, err) == TL_OK &&
           tl_lake_spec_describe(arena, spec, &world->spec, err) == TL_OK;
}

#endif
