#include <string.h>
#include <stdlib.h>

#include "base/random.h"
#include "door/door_int.h"
#include "door/upkeep_int.h"

enum {
    TEXT_BYTES_MAX = 1024 * 1024,
    NODES_MAX = 50000,
    DEPTH_MAX = 150,
    TERMS_MAX = 250,
    TOKENS_PER_NODE = 2, /* a text of more tokens has more nodes than allowed: no need to parse it */
};
static const int64_t RUN_TIME_US_MAX = 10LL * 60 * 1000 * 1000;

static void fill_limits(tl_door *door, const struct tl_door_limits *limits)
{
    struct tl_door_limits *own = &door->limits;
    if (limits)
        *own = *limits;
    own->text_bytes_max = own->text_bytes_max ? own->text_bytes_max : TEXT_BYTES_MAX;
    own->nodes_max = own->nodes_max ? own->nodes_max : NODES_MAX;
    own->depth_max = own->depth_max ? own->depth_max : DEPTH_MAX;
    own->terms_max = own->terms_max ? own->terms_max : TERMS_MAX;
    own->run_time_us_max = own->run_time_us_max ? own->run_time_us_max : RUN_TIME_US_MAX;
}

enum tl_code tl_door_new(const struct tl_door_parts *parts, const struct tl_door_limits *limits, tl_door **ret_door,
                         struct tl_err *err)
{
    tl_door *door = tl_heap_alloc(sizeof *door);
    *ret_door = NULL;
    door->engine = parts->engine;
    door->registry = parts->registry;
    door->lake = parts->lake;
    door->store = parts->store;
    door->lifeguard = parts->lifeguard;
    door->audit = parts->audit;
    fill_limits(door, limits);
    enum tl_code code = tl_admission_new(&door->limits.admission, &door->admission, err);
    door->cache = tl_cache_new();
    door->running = tl_running_new();
    door->jobs = tl_upkeep_jobs_new();
    atomic_init(&door->lake_generation, 0);
    if (code == TL_OK)
        code = tl_upkeep_recover(door->store, err);
    if (code == TL_OK)
        code = tl_views_new(door, err);
    if (code == TL_OK)
        code = tl_random_bytes(door->hash_key, sizeof door->hash_key, err);
    if (code == TL_OK)
        tl_lifeguard_set_sql_check(door->lifeguard, tl_rights_check_sql, door);
    if (code == TL_OK)
        *ret_door = door;
    else
        tl_door_free(door);
    return code;
}

tl_door *tl_door_free(tl_door *door)
{
    if (!door)
        return NULL;
    tl_views_free(door);
    tl_cache_free(door->cache);
    tl_admission_free(door->admission);
    tl_running_free(door->running);
    tl_upkeep_jobs_free(door->jobs);
    free(door);
    return NULL;
}

void tl_door_load(tl_door *door, struct tl_admission_counts *ret_counts)
{
    tl_admission_count(door->admission, ret_counts);
}

/* --- one statement --- */

static enum tl_code run_governed(struct tl_door_call *call, struct tl_governed *governed)
{
    if (governed->gate->kind != TL_GATE_SELECT)
        return tl_write(call, governed);
    return tl_answer_start(call, governed, true);
}

static enum tl_code refuse_parameters(struct tl_door_call *call)
{
    tl_err_set(&call->rq->err, TL_INVALID_ARGUMENT, "the statement has parameters and no values for them");
    tl_err_hint(&call->rq->err, "PREPARE it and EXECUTE ... USING the values");
    return TL_INVALID_ARGUMENT;
}

/* What the engine's parser reads. */
static enum tl_code run_engine_text(struct tl_door_call *call, struct tl_str text, size_t base)
{
    const struct tl_gate *gate;
    struct tl_governed *governed = NULL;
    enum tl_code code = tl_check_text(call, text, &gate);
    if (code == TL_OK) {
        tl_answer_note(call->answer, tl_gate_kind_name(gate->kind), NULL);
        if (gate->parameter_count > 0)
            code = refuse_parameters(call);
        else if (gate->kind != TL_GATE_SELECT && tl_session_check_write(call) != TL_OK)
            return call->rq->err.code;
        else if (gate->kind == TL_GATE_CREATE_VIEW || gate->kind == TL_GATE_DROP_VIEW)
            return tl_answer_audit(call->answer) == TL_OK ? tl_view_statement(call, text, base, gate) : call->rq->err.code;
    }
    if (code == TL_OK)
        code = tl_govern(call, text, base, gate, &governed);
    if (governed)
        tl_answer_note(call->answer, tl_gate_kind_name(gate->kind), governed);
    if (code == TL_OK)
        code = run_governed(call, governed);
    if (code != TL_OK)
        tl_door_map_error(call, governed, &call->rq->err);
    return code;
}

/* Clauses that were read and have no effect. */
static void warn_of_comments(struct tl_door_call *call, const struct tl_statement *statement)
{
    if (statement->comment || statement->dropped_comments)
        tl_answer_warn(call->answer, "comments in CREATE are not kept; COMMENT ON TABLE and COMMENT ON COLUMN keep them for tables of the lake");
}

static const char *kind_name(enum tl_statement_kind kind)
{
    if (kind >= TL_STATEMENT_SHOW_CATALOGS && kind <= TL_STATEMENT_SHOW_CREATE_SCHEMA)
        return "SHOW";
    switch (kind) {
    case TL_STATEMENT_USE:
        return "USE";
    case TL_STATEMENT_SET_SESSION:
    case TL_STATEMENT_RESET_SESSION:
        return "SET SESSION";
    case TL_STATEMENT_EXPLAIN:
        return "EXPLAIN";
    case TL_STATEMENT_START_TRANSACTION:
    case TL_STATEMENT_COMMIT:
    case TL_STATEMENT_ROLLBACK:
        return "TRANSACTION";
    case TL_STATEMENT_CALL:
        return "CALL";
    case TL_STATEMENT_RENAME_VIEW:
        return "ALTER VIEW";
    case TL_STATEMENT_TABLE_EXECUTE:
    case TL_STATEMENT_SET_PROPERTIES:
        return "ALTER TABLE";
    case TL_STATEMENT_COMMENT:
        return "COMMENT";
    default:
        return "PREPARE";
    }
}

/* Its record says what the other reads. */
static bool runs_another(enum tl_statement_kind kind)
{
    return kind == TL_STATEMENT_EXPLAIN || kind == TL_STATEMENT_EXECUTE || kind == TL_STATEMENT_EXECUTE_IMMEDIATE;
}

enum tl_code tl_run_text(struct tl_door_call *call, struct tl_str text, size_t base)
{
    struct tl_statement statement;
    enum tl_code code = tl_statement_read(call->rq->arena, text, &statement, &call->rq->err);
    if (code != TL_OK)
        return code;
    if (statement.kind == TL_STATEMENT_ENGINE) {
        warn_of_comments(call, &statement);
        code = tl_view_check_new_name(call, &statement);
        return code == TL_OK ? run_engine_text(call, statement.inner, base) : code;
    }
    tl_answer_note(call->answer, kind_name(statement.kind), NULL);
    if (!runs_another(statement.kind) && (code = tl_answer_audit(call->answer)) != TL_OK)
        return code;
    if (statement.kind >= TL_STATEMENT_SHOW_CATALOGS && statement.kind <= TL_STATEMENT_SHOW_CREATE_SCHEMA)
        return tl_show(call, &statement);
    switch (statement.kind) {
    case TL_STATEMENT_USE:
    case TL_STATEMENT_SET_SESSION:
    case TL_STATEMENT_RESET_SESSION:
        return tl_session_statement(call, &statement);
    case TL_STATEMENT_EXPLAIN:
        return tl_explain(call, &statement, base);
    case TL_STATEMENT_START_TRANSACTION:
    case TL_STATEMENT_COMMIT:
    case TL_STATEMENT_ROLLBACK:
        return tl_transaction_statement(call, &statement);
    case TL_STATEMENT_CALL:
        return tl_call_statement(call, &statement);
    case TL_STATEMENT_RENAME_VIEW:
        return tl_view_rename(call, &statement);
    case TL_STATEMENT_TABLE_EXECUTE:
    case TL_STATEMENT_SET_PROPERTIES:
        if (tl_session_check_write(call) != TL_OK)
            return call->rq->err.code;
        return statement.kind == TL_STATEMENT_TABLE_EXECUTE ? tl_upkeep_statement(call, &statement) : tl_properties_statement(call, &statement);
    case TL_STATEMENT_COMMENT:
        return tl_session_check_write(call) == TL_OK ? tl_comment_statement(call, &statement) : call->rq->err.code;
    default:
        return tl_prepared_statement(call, &statement);
    }
}

enum tl_code tl_door_read_dialect(struct tl_door_call *call, struct tl_str text, struct tl_dialect *ret_dialect)
{
    const struct tl_door_limits *limits = &call->door->limits;
    *ret_dialect = (struct tl_dialect){.text = text, .original = text};
    return limits->own_dialect ? TL_OK : tl_dialect_read(call->rq->arena, text, limits->text_bytes_max, ret_dialect, &call->rq->err);
}

static enum tl_code start(struct tl_door_call *call, struct tl_str sql)
{
    const struct tl_door_limits *limits = &call->door->limits;
    struct tl_str text;
    enum tl_code code = tl_statement_clean(call->rq->arena, sql, limits->text_bytes_max,
                                           TOKENS_PER_NODE * limits->nodes_max, &text, &call->rq->err);
    if (code == TL_OK)
        code = tl_settings_read(call);
    if (code != TL_OK)
        return code;
    tl_catalog_acquire(call);
    code = tl_door_read_dialect(call, text, &call->dialect);
    return code == TL_OK ? tl_run_text(call, call->dialect.text, 0) : code;
}

enum tl_code tl_door_run(struct tl_request *rq, tl_door *door, const struct tl_session *session, struct tl_str sql,
                         tl_answer **ret_answer)
{
    struct tl_door_call first = {.rq = rq, .door = door, .session = session, .text = sql, .manner = {.raw_reason = session->raw_reason}};
    tl_answer *answer = tl_answer_new(&first);
    struct tl_door_call *call = tl_answer_call(answer);
    int64_t waited_us;
    *ret_answer = NULL;
    enum tl_code code = start(call, sql);
    if (code == TL_OK && !tl_answer_is_queued(answer, &waited_us))
        code = tl_answer_audit(answer);
    if (code != TL_OK) {
        rq->err.position = call->positions_unknown ? -1 : tl_dialect_original(&call->dialect, rq->err.position);
        tl_answer_fail(answer);
        return code;
    }
    *ret_answer = answer;
    return TL_OK;
}
