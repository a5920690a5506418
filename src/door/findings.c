/* system.skimmer.findings: what the Skimmer found, of columns that the caller sees or reviews. */
#include <string.h>

#include "door/door_int.h"

enum { FINDINGS_MAX = 20000 };

struct listing {
    struct tl_door_call *call;
    struct tl_json_writer json;
    int64_t count;
};

/* Tables and columns that are gone are told to nobody; the rest as reviews and listings are. */
static bool may_see(struct tl_door_call *call, const char *const name[4])
{
    struct tl_request *rq = call->rq;
    const struct tl_grant_scope scope = {.source = name[0], .schema = name[1], .table = name[2]};
    struct tl_access_need need = {name[0], name[1], name[2], TL_ACCESS_READ, 1, &name[3]};
    const struct tl_source_dataset *dataset = tl_snapshot_dataset(call->snapshot, name[0], name[1], name[2]);
    bool there = false, visible = false;
    for (size_t i = 0; dataset && i < dataset->column_count && !there; i++)
        there = strcmp(dataset->columns[i].name, name[3]) == 0;
    if (!there)
        return false;
    tl_lifeguard_visible(rq, call->door->lifeguard, &need, &visible);
    struct tl_err before = rq->err;
    if (!visible)
        visible = tl_lifeguard_need(rq, call->door->lifeguard, TL_PRIVILEGE_REVIEW | TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN, &scope) == TL_OK;
    rq->err = before;
    return visible;
}

static enum tl_code put_finding(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    static const char *const keys[] = {"table_catalog", "table_schema", "table_name", "column_name", "info_type", "likelihood", "state", "mask", "sensitivity",
                                       "reason"};
    struct listing *listing = context;
    const char *texts[sizeof keys / sizeof *keys];
    (void)count;
    (void)err;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        texts[i] = tl_store_text(listing->call->rq->arena, &cells[i]);
    if (listing->count == FINDINGS_MAX || !may_see(listing->call, texts))
        return TL_OK;
    listing->count++;
    tl_json_begin_object(&listing->json);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        tl_json_pair_text(&listing->json, keys[i], texts[i]);
    tl_json_key(&listing->json, "tags");
    tl_json_put_raw(&listing->json, cells[10].bytes);
    tl_json_pair_int64(&listing->json, "found", cells[11].integer);
    tl_json_end_object(&listing->json);
    return TL_OK;
}

static enum tl_code read_findings(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx,
                        "SELECT source, schema_name, table_name, column_name, info_type, likelihood, state, mask, sensitivity, reason, tags, found_at_us "
                        "FROM skimmer_column ORDER BY source, schema_name, table_name, position",
                        NULL, 0, put_finding, context, err);
}

enum tl_code tl_findings_list(struct tl_door_call *call, struct tl_buf *json_array)
{
    struct listing listing = {.call = call};
    tl_json_writer_init(&listing.json, json_array);
    tl_json_begin_array(&listing.json);
    enum tl_code code = tl_store_read(call->door->store, read_findings, &listing, &call->rq->err);
    tl_json_end_array(&listing.json);
    return code;
}
