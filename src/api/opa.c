/* Trino's OPA plugin asks here what may be done.  Who it is showed the key (routes.c). */
#include <string.h>

#include "api/api_int.h"
#include "lifeguard/opa.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 };

struct world {
    tl_arena *arena;
    const tl_registry_snapshot *snapshot;
};

static const struct tl_trino_dataset *dataset(void *context, const char *source, const char *schema, const char *table)
{
    const struct world *world = context;
    const struct tl_source_dataset *from = source && schema && table ? tl_snapshot_dataset(world->snapshot, source, schema, table) : NULL;
    if (!from || strcmp(from->schema, schema) != 0 || strcmp(from->name, table) != 0) /* another spelling is no name here, as in rules.json */
        return NULL;
    struct tl_trino_dataset *made = TL_NEW(world->arena, struct tl_trino_dataset);
    tl_api_trino_dataset(world->arena, source, from, made);
    return made;
}

static bool has_schema(void *context, const char *name, const char *schema)
{
    const struct world *world = context;
    const struct tl_registry_source *source = tl_snapshot_source(world->snapshot, name);
    bool found = source && !schema;
    for (size_t i = 0; source && i < source->dataset_count && !found; i++)
        found = tl_streq(source->datasets[i].schema, schema);
    return found;
}

static void answer(struct tl_api_call *call, enum tl_opa_question question)
{
    struct world world = {.arena = call->rq.arena};
    struct tl_opa_world opa = {&world, dataset, has_schema};
    struct tl_buf json;
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    tl_buf_init(&json, ANSWER_MAX);
    world.snapshot = tl_registry_acquire(call->api->parts.registry);
    enum tl_code code = tl_lifeguard_opa(&call->rq, call->api->parts.lifeguard, question, body, &opa, &json);
    tl_registry_release(world.snapshot);
    if (code == TL_OK) {
        tl_api_reply_json(call, 200, &json);
        return;
    }
    tl_buf_done(&json);
    tl_api_fail(call);
}

void tl_api_opa_allow(struct tl_api_call *call)
{
    answer(call, TL_OPA_ALLOW);
}

void tl_api_opa_batch(struct tl_api_call *call)
{
    answer(call, TL_OPA_BATCH);
}

void tl_api_opa_row_filters(struct tl_api_call *call)
{
    answer(call, TL_OPA_ROW_FILTERS);
}

void tl_api_opa_column_mask(struct tl_api_call *call)
{
    answer(call, TL_OPA_COLUMN_MASK);
}

void tl_api_opa_column_masks(struct tl_api_call *call)
{
    answer(call, TL_OPA_COLUMN_MASKS);
}
