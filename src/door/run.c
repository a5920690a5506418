/* The door's two calls of the engine: parsing, whose result is remembered, and running what was governed. */
#include <stdio.h>
#include <string.h>

#include "door/door_int.h"
#include "lake/describe.h"

enum tl_code tl_check_text(struct tl_door_call *call, struct tl_str text, const struct tl_gate **ret_gate)
{
    tl_door *door = call->door;
    struct tl_request *rq = call->rq;
    uint64_t hash = tl_hash_keyed(door->hash_key, text.data, text.size);
    *ret_gate = tl_cache_get(door->cache, rq->arena, hash, text);
    if (*ret_gate)
        return TL_OK;
    struct tl_gate_limits limits = {door->limits.nodes_max, door->limits.depth_max, door->limits.terms_max};
    struct tl_str json;
    const tl_json *ast;
    enum tl_code code = tl_engine_parse(rq, door->engine, text, &json);
    if (code == TL_OK)
        code = tl_json_parse(rq->arena, json.data, json.size, &ast, &rq->err);
    if (code == TL_OK)
        code = tl_gate_check(rq->arena, &limits, text, ast, ret_gate, &rq->err);
    if (code == TL_OK)
        tl_cache_put(door->cache, hash, text, *ret_gate);
    return code;
}

void tl_govern_allow(struct tl_door_call *call, struct tl_governed *governed, const char *entry)
{
    for (size_t i = 0; i < governed->allowed_count; i++)
        if (strcmp(governed->allowed[i], entry) == 0)
            return;
    if (governed->allowed_count == governed->allowed_capacity) {
        size_t old = governed->allowed_capacity;
        governed->allowed_capacity = old ? old * 2 : 16;
        governed->allowed = tl_arena_grow(call->rq->arena, governed->allowed, old * sizeof *governed->allowed,
                                          governed->allowed_capacity * sizeof *governed->allowed);
    }
    governed->allowed[governed->allowed_count++] = entry;
}

void tl_govern_allow_files(struct tl_door_call *call, struct tl_governed *governed, const char *schema, const char *name)
{
    const char *location;
    struct tl_err missing;
    tl_err_init(&missing);
    if (call->door->lake && tl_lake_table_location(call->door->lake, call->rq->arena, schema, name, &location, &missing) == TL_OK)
        tl_govern_allow(call, governed, tl_arena_printf(call->rq->arena, "files:%s", location));
}

enum tl_code tl_govern_prefix(struct tl_door_call *call, struct tl_governed *governed, const char *prefix)
{
    tl_arena *arena = call->rq->arena;
    struct tl_edit *edits = TL_NEW_ARRAY(arena, struct tl_edit, governed->edit_count + 1);
    edits[0] = (struct tl_edit){0, 0, prefix};
    if (governed->edit_count)
        memcpy(edits + 1, governed->edits, governed->edit_count * sizeof *edits);
    governed->edits = edits;
    governed->edit_count++;
    governed->lineage = TL_LINEAGE_NONE; /* it explains, nothing is read */
    governed->sql = tl_str_of(tl_arena_printf(arena, "%s%.*s", prefix, (int)governed->sql.size, governed->sql.data));
    return TL_OK;
}

static int64_t least_limit(int64_t a, int64_t b)
{
    return a <= 0 ? b : b <= 0 ? a : a < b ? a : b;
}

/* "+02:00" is "Etc/GMT-2" to the engine, whose names count westwards; other offsets it does not know. */
static const char *engine_zone(tl_arena *arena, const char *zone)
{
    enum { HOURS_MAX = 14 };
    int hours, minutes = 0, used = 0;
    if (!zone)
        return "UTC";
    if ((*zone != '+' && *zone != '-') || sscanf(zone + 1, "%2d%n:%2d%n", &hours, &used, &minutes, &used) < 1 || zone[1 + used] ||
        minutes != 0 || hours > HOURS_MAX)
        return zone;
    return hours == 0 ? "UTC" : tl_arena_printf(arena, "Etc/GMT%c%d", *zone == '+' ? '-' : '+', hours);
}

enum tl_code tl_govern_run(struct tl_door_call *call, const struct tl_governed *governed, bool limit_rows,
                           tl_result **ret_result)
{
    const struct tl_door_limits *limits = &call->door->limits;
    struct tl_engine_statement statement = {
        .sql = governed->sql,
        .views = governed->views,
        .view_count = governed->view_count,
        .allowed = governed->allowed,
        .allowed_count = governed->allowed_count,
        .rows_max = limit_rows ? least_limit(call->settings.rows_max, limits->rows_max) : 0,
        .run_time_us_max = least_limit(call->settings.run_time_us_max, limits->run_time_us_max),
        .memory_bytes_max = call->settings.memory_bytes_max,
        .time_zone = engine_zone(call->rq->arena, call->session->time_zone),
        .query_id = call->rq->id,
        .no_pushdown = call->settings.no_pushdown,
        .lineage = governed->lineage,
    };
    return tl_engine_run(call->rq, call->door->engine, governed->clearance, &statement, ret_result);
}
