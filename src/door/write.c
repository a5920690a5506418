/* Changes to tables of the lake: the engine runs the governed text, its plan may write the one target and nothing else. */
#include <string.h>

#include "door/door_int.h"

enum { DROP_TEXT_MAX = 64 * 1024 };

/* The operators of the plan that each kind needs besides the reading ones. */
static const struct {
    enum tl_gate_kind kind;
    const char *operators[3];
} kinds[] = {
    {TL_GATE_INSERT, {"operator:INSERT"}},
    {TL_GATE_UPDATE, {"operator:UPDATE"}},
    {TL_GATE_DELETE, {"operator:DELETE"}},
    {TL_GATE_TRUNCATE, {"operator:DELETE"}},
    {TL_GATE_MERGE, {"operator:MERGE_INTO"}},
    {TL_GATE_CREATE_TABLE, {"operator:CREATE_TABLE"}},
    {TL_GATE_CREATE_TABLE_AS, {"operator:CREATE_TABLE", "operator:INSERT"}},
    {TL_GATE_CREATE_SCHEMA, {"operator:CREATE_SCHEMA"}},
    {TL_GATE_DROP_TABLE, {"operator:DROP"}},
    {TL_GATE_DROP_SCHEMA, {"operator:DROP"}},
    {TL_GATE_ALTER_TABLE, {"operator:ALTER"}},
};

static void allow_target(struct tl_door_call *call, struct tl_governed *governed)
{
    const struct tl_dataset *target = governed->target;
    const char *entry =
        target->name
            ? tl_arena_printf(call->rq->arena, "write:p:%s.%s.%s", target->source, target->schema, target->name)
            : tl_arena_printf(call->rq->arena, "write:p:%s.%s", target->source, target->schema);
    tl_govern_allow(call, governed, entry);
    if (target->name) /* what is changed is read first */
        tl_govern_allow(
            call, governed,
            tl_arena_printf(call->rq->arena, "table:p:%s.%s.%s", target->source, target->schema, target->name));
    if (target->name)
        tl_govern_allow_files(call, governed, target->schema, target->name);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t k = 0; kinds[i].kind == governed->gate->kind && k < 3 && kinds[i].operators[k]; k++)
            tl_govern_allow(call, governed, kinds[i].operators[k]);
}

/* A schema that holds views of ours is not empty, whatever the lake says. */
static enum tl_code check_views(struct tl_door_call *call, const struct tl_governed *governed)
{
    size_t count = 0;
    if (governed->gate->kind != TL_GATE_DROP_SCHEMA)
        return TL_OK;
    const struct tl_dataset *target = governed->target;
    enum tl_code code = tl_views_of_schema(call, target->source, target->schema, false, &count);
    if (code != TL_OK || count == 0)
        return code;
    tl_err_set(&call->rq->err, TL_SCHEMA_NOT_EMPTY, "the schema \"%s.%s\" holds %zu views", target->source,
               target->schema, count);
    tl_err_hint(&call->rq->err, "DROP VIEW each of them, or DROP SCHEMA %s.%s CASCADE", target->source, target->schema);
    return TL_SCHEMA_NOT_EMPTY;
}

static bool counts_rows(enum tl_gate_kind kind)
{
    return kind == TL_GATE_INSERT || kind == TL_GATE_UPDATE || kind == TL_GATE_DELETE || kind == TL_GATE_MERGE ||
           kind == TL_GATE_CREATE_TABLE_AS;
}

/* The engine drops empty schemas only: what is in this one goes first, then CASCADE is not needed any more. */
static enum tl_code drop_contents(struct tl_door_call *call, struct tl_governed *governed)
{
    size_t count;
    const struct tl_dataset *target = governed->target;
    enum tl_code code = tl_answer_audit(call->answer);
    if (code == TL_OK)
        code = tl_lake_schema_empty(call->rq, call->door->lake, target->schema);
    if (code == TL_SCHEMA_NOT_FOUND && governed->gate->if_exists) {
        tl_err_init(&call->rq->err);
        code = TL_OK;
    }
    if (code == TL_OK)
        code = tl_views_of_schema(call, target->source, target->schema, true, &count);
    struct tl_buf sql;
    tl_buf_init(&sql, DROP_TEXT_MAX);
    tl_buf_adds(&sql, governed->gate->if_exists ? "DROP SCHEMA IF EXISTS " : "DROP SCHEMA ");
    tl_buf_add_identifier(&sql, tl_arena_printf(call->rq->arena, "p:%s", target->source));
    tl_buf_addc(&sql, '.');
    tl_buf_add_identifier(&sql, target->schema);
    governed->sql = tl_str_of(tl_arena_strdup(call->rq->arena, tl_buf_cstr(&sql)));
    tl_buf_done(&sql);
    return code;
}

enum tl_code tl_write(struct tl_door_call *call, struct tl_governed *governed)
{
    bool cascade = governed->gate->kind == TL_GATE_DROP_SCHEMA && governed->gate->cascade;
    enum tl_code code = cascade ? drop_contents(call, governed) : check_views(call, governed);
    if (code != TL_OK)
        return code;
    allow_target(call, governed);
    tl_answer_set_update(call->answer, tl_gate_kind_name(governed->gate->kind), counts_rows(governed->gate->kind));
    return tl_answer_start(call, governed, false);
}
