#include "daemon/demo_access.h"

#include <string.h>

#include "access_json.h" /* generated from demo/access.json */

enum { ARENA_MAX = 256 * 1024 * 1024, BODY_MAX = 1024 * 1024 };
static const char reason[] = "the demo's own rules";

struct making {
    struct tl_request *rq;
    tl_lifeguard *lifeguard;
    const tl_registry_snapshot *snapshot;
};

/* ["ops", "public", "accounts"] */
static struct tl_grant_scope table_of(const tl_json *review)
{
    const char *parts[3] = {NULL, NULL, NULL};
    size_t count = 0;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(review, "table")); tl_json_next(&it) && count < 3;)
        parts[count++] = tl_json_text(it.value);
    return (struct tl_grant_scope){.source = parts[0], .schema = parts[1], .table = parts[2]};
}

static enum tl_code review(struct making *making, const tl_json *body)
{
    struct tl_grant_scope table = table_of(body);
    const struct tl_source_dataset *dataset = tl_snapshot_dataset(making->snapshot, table.source, table.schema, table.table);
    if (!dataset)
        return tl_err_set(&making->rq->err, TL_TABLE_NOT_FOUND, "the demo's rules name a table that is not there: \"%s.%s.%s\"", table.source,
                          table.schema, table.table);
    const char **columns = TL_NEW_ARRAY(making->rq->arena, const char *, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        columns[i] = dataset->columns[i].name;
    return tl_lifeguard_review(making->rq, making->lifeguard, &table, columns, dataset->column_count, body, reason);
}

/* What has no reason of its own gets the demo's. */
static enum tl_code with_reason(struct making *making, const tl_json *from, const tl_json **ret_body)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, BODY_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_begin_object(&json);
    for (struct tl_json_iter it = tl_json_iter(from); tl_json_next(&it);) {
        tl_json_key(&json, it.key);
        tl_json_put_value(&json, it.value);
    }
    if (!tl_json_get(from, "reason"))
        tl_json_pair_text(&json, "reason", reason);
    tl_json_end_object(&json);
    enum tl_code code = tl_json_parse(making->rq->arena, text.data, text.size, ret_body, &making->rq->err);
    tl_buf_done(&text);
    return code;
}

static enum tl_code grant(struct making *making, const tl_json *from)
{
    const tl_json *body;
    const char *id;
    enum tl_code code = with_reason(making, from, &body);
    return code == TL_OK ? tl_lifeguard_grant(making->rq, making->lifeguard, body, &id) : code;
}

static enum tl_code row_rule(struct making *making, const tl_json *from)
{
    const tl_json *body;
    const char *id;
    enum tl_code code = with_reason(making, from, &body);
    return code == TL_OK ? tl_lifeguard_row_rule(making->rq, making->lifeguard, body, &id) : code;
}

static enum tl_code make_all(struct making *making, const tl_json *root)
{
    static const struct {
        const char *key;
        enum tl_code (*make)(struct making *making, const tl_json *body);
    } parts[] = {{"grants", grant}, {"reviews", review}, {"row_rules", row_rule}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (struct tl_json_iter it = tl_json_iter(tl_json_get(root, parts[i].key)); tl_json_next(&it);)
            if (parts[i].make(making, it.value) != TL_OK)
                return making->rq->err.code;
    return TL_OK;
}

enum tl_code tl_demo_access_make(tl_serve *serve, const struct tl_principal *admin, struct tl_err *err)
{
    struct tl_lifeguard_health health;
    tl_lifeguard_health(tl_serve_lifeguard(serve), &health);
    if (health.grants > 0 || health.broken)
        return TL_OK;
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    struct tl_request rq;
    const tl_json *root;
    tl_request_init(&rq, arena);
    rq.principal = admin;
    struct making making = {&rq, tl_serve_lifeguard(serve), tl_registry_acquire(tl_serve_registry(serve))};
    enum tl_code code = tl_json_parse(arena, access_json, strlen(access_json), &root, &rq.err);
    if (code == TL_OK)
        code = make_all(&making, root);
    tl_registry_release(making.snapshot);
    if (code != TL_OK)
        tl_err_copy(err, &rq.err);
    tl_arena_free(arena);
    return code;
}
