/* What a statement gives back, whoever makes it: the engine row by row, or the door itself. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "door/door_int.h"

enum { WARNINGS_MAX = 8, HEAVY_ROWS_MIN = 2000000, RUNS_MAX = 20, PAUSE_MS = 10, PAUSE_DOUBLINGS = 5 };

struct tl_answer {
    struct tl_door_call call;
    const char *kind; /* for the history */
    const char *update_type;
    bool has_update_count;
    int64_t update_count;
    const struct tl_field *fields;
    size_t field_count;
    struct tl_batch *batch; /* made by the door; NULL once given */
    tl_result *result;
    tl_apart *apart; /* work of the door's own that takes long; NULL = none */
    const struct tl_governed *governed;
    struct tl_str lineage;
    struct tl_made made;
    tl_ticket *ticket; /* held while it waits and while it runs */
    tl_quota *quota;   /* NULL = the engine does not run it */
    bool queued, limit_rows, audited;
    struct tl_session_change changes[TL_DOOR_CHANGES_MAX];
    size_t change_count;
    const char *warnings[WARNINGS_MAX];
    size_t warning_count;
    int64_t started_us, started_monotonic_us, ran_from_us, waited_us;
    int64_t rows;
    int runs; /* of a change that met others */
    bool ended;
    struct tl_running_entry running;
};

tl_answer *tl_answer_new(struct tl_door_call *call)
{
    tl_answer *answer = TL_NEW(call->rq->arena, tl_answer);
    answer->kind = "UNKNOWN";
    answer->started_us = tl_clock_wall_us();
    answer->started_monotonic_us = tl_clock_monotonic_us();
    answer->call = *call;
    answer->call.answer = answer;
    tl_running_add(&answer->call, &answer->running);
    return answer;
}

struct tl_door_call *tl_answer_call(tl_answer *answer)
{
    return &answer->call;
}

void tl_answer_set_batch(tl_answer *answer, const struct tl_field *fields, size_t field_count, struct tl_batch *batch)
{
    answer->fields = fields;
    answer->field_count = field_count;
    answer->batch = batch;
}

/* By the statistics of what it reads; views count as what they are made of. */
static enum tl_admission_class class_of(const struct tl_governed *governed)
{
    int64_t rows = 0;
    bool unknown = governed->gate->function_count > 0;
    for (size_t i = 0; i < governed->dataset_count; i++) {
        const struct tl_dataset *dataset = &governed->datasets[i];
        if (dataset->origin != TL_ORIGIN_SOURCE || !dataset->described)
            continue;
        unknown = unknown || dataset->described->row_estimate < 0;
        rows += dataset->described->row_estimate > 0 ? dataset->described->row_estimate : 0;
    }
    return rows >= HEAVY_ROWS_MIN ? TL_ADMISSION_HEAVY : unknown ? TL_ADMISSION_UNKNOWN : TL_ADMISSION_LIGHT;
}

/* The engine calls a column without a name by its text, (SELECT max(a) FROM t), with the governed names in it.  Where that is not
 * the caller's own text (dialect.h), it is called as Trino calls it. */
static void take_fields(tl_answer *answer)
{
    tl_arena *arena = answer->call.rq->arena;
    const struct tl_field *from;
    answer->field_count = tl_result_fields(answer->result, &from);
    struct tl_field *fields = TL_NEW_ARRAY(arena, struct tl_field, answer->field_count);
    for (size_t i = 0; i < answer->field_count; i++) {
        fields[i] = from[i];
        if (strstr(from[i].name, "trino_") && strchr(from[i].name, '(')) {
            fields[i].name = tl_arena_printf(arena, "_col%zu", i);
        } else if (strchr(from[i].name, ':')) {
            char *name = tl_arena_strdup(arena, from[i].name);
            tl_door_clean_names(name);
            fields[i].name = name;
        }
    }
    answer->fields = fields;
}

static void take_result(tl_answer *answer)
{
    take_fields(answer);
    answer->lineage = tl_result_lineage(answer->result);
}

enum tl_code tl_answer_audit(tl_answer *answer)
{
    const struct tl_door_call *call = &answer->call;
    if (answer->audited || !call->door->audit)
        return TL_OK;
    struct tl_audit_statement statement = {
        .kind = answer->kind,
        .text = call->text,
        .source = call->session->source,
        .client_info = call->session->client_info,
        .client_tags = call->session->client_tags,
        .clearance = answer->governed ? answer->governed->clearance : NULL,
        .raw_reason = call->manner.raw_reason,
        .pii = call->manner.pii,
        .pii_reason = call->settings.pii_reason,
    };
    answer->audited = true; /* also when it fails: then nothing runs */
    return tl_audit_statement(call->rq, call->door->audit, &statement);
}

static enum tl_code run_now(tl_answer *answer)
{
    answer->queued = false;
    atomic_store(&answer->running.queued, false);
    answer->ran_from_us = tl_clock_monotonic_us();
    enum tl_code code = tl_answer_audit(answer);
    if (code == TL_OK)
        code = tl_govern_run(&answer->call, answer->governed, answer->limit_rows, &answer->result);
    if (code == TL_OK)
        take_result(answer);
    return code;
}

/* *ret_started: its turn has come. */
static enum tl_code wait_for_turn(struct tl_request *rq, tl_answer *answer, int wait_ms, bool *ret_started)
{
    enum tl_code code = tl_ticket_wait(rq, answer->ticket, wait_ms, ret_started);
    return code == TL_OK && *ret_started ? run_now(answer) : code;
}

enum tl_code tl_answer_start(struct tl_door_call *call, const struct tl_governed *governed, bool limit_rows)
{
    tl_answer *answer = call->answer;
    bool started;
    answer->governed = governed;
    answer->limit_rows = limit_rows;
    answer->queued = true;
    atomic_store(&answer->running.queued, true);
    /* Maintenance of this program is nobody's use. */
    enum tl_code code = call->manner.raw_reason ? TL_OK : tl_quota_open(call->rq, call->door->lifeguard, &answer->quota);
    if (code == TL_OK)
        code = tl_admission_ask(call->rq, call->door->admission, class_of(governed), &answer->ticket);
    return code == TL_OK ? wait_for_turn(call->rq, answer, 0, &started) : code;
}

bool tl_answer_is_queued(const tl_answer *answer, int64_t *ret_waited_us)
{
    *ret_waited_us = answer->ticket ? tl_ticket_waited_us(answer->ticket) : answer->waited_us;
    return answer->queued;
}

enum tl_code tl_answer_run_apart(tl_answer *answer, enum tl_code (*run)(struct tl_request *rq, void *context), void *context)
{
    return tl_apart_start(answer->call.rq, run, context, &answer->apart);
}

void tl_answer_set_update(tl_answer *answer, const char *update_type, bool has_count)
{
    answer->update_type = update_type;
    answer->has_update_count = has_count;
}

void tl_answer_change(tl_answer *answer, enum tl_session_change_kind kind, const char *name, const char *value)
{
    if (answer->change_count < TL_DOOR_CHANGES_MAX)
        answer->changes[answer->change_count++] = (struct tl_session_change){kind, name, value};
}

void tl_answer_warn(tl_answer *answer, const char *format, ...)
{
    va_list args;
    char text[512];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (answer->warning_count < WARNINGS_MAX)
        answer->warnings[answer->warning_count++] = tl_arena_strdup(answer->call.rq->arena, text);
}

void tl_answer_note(tl_answer *answer, const char *kind, const struct tl_governed *governed)
{
    answer->kind = kind;
    if (governed)
        answer->governed = governed;
}

void tl_answer_made(tl_answer *answer, const struct tl_made *made, struct tl_str lineage)
{
    answer->made = *made;
    answer->lineage = lineage;
}

const char *tl_answer_update_type(const tl_answer *answer)
{
    return answer->update_type;
}

bool tl_answer_has_update_count(const tl_answer *answer)
{
    return answer->has_update_count;
}

int64_t tl_answer_update_count(const tl_answer *answer)
{
    return answer->update_count;
}

size_t tl_answer_fields(const tl_answer *answer, const struct tl_field **ret_fields)
{
    /* what the engine answers to a change is its count, which is told apart */
    *ret_fields = answer->update_type ? NULL : answer->fields;
    return answer->update_type ? 0 : answer->field_count;
}

size_t tl_answer_changes(const tl_answer *answer, const struct tl_session_change **ret_changes)
{
    *ret_changes = answer->changes;
    return answer->change_count;
}

size_t tl_answer_warnings(const tl_answer *answer, const char *const **ret_warnings)
{
    *ret_warnings = answer->warnings;
    return answer->warning_count;
}

/* A change: its rows are one count, and it is over when the engine says so. */
static void take_count(tl_answer *answer)
{
    struct tl_result_stats stats;
    tl_result_stats(answer->result, &stats);
    answer->update_count = stats.changed_rows > 0 ? stats.changed_rows : 0;
}

/* The place is free for others as soon as the engine has done its part. */
static void give_place_back(tl_answer *answer)
{
    if (answer->ticket)
        answer->waited_us = tl_ticket_waited_us(answer->ticket);
    answer->ticket = tl_ticket_leave(answer->ticket);
}

static enum tl_code count_use(struct tl_request *rq, tl_answer *answer)
{
    struct tl_result_stats stats;
    if (!answer->quota || !answer->result)
        return TL_OK;
    tl_result_stats(answer->result, &stats);
    int64_t time_us = stats.elapsed_us > 0 ? stats.elapsed_us : tl_clock_monotonic_us() - answer->ran_from_us; /* known at its end */
    return tl_quota_use(rq, answer->quota, &(struct tl_use){stats.rows_scanned, stats.rows, stats.bytes, time_us});
}

static enum tl_code fail(struct tl_request *rq, tl_answer *answer, const struct tl_batch **ret_batch)
{
    *ret_batch = NULL;
    tl_door_map_error(&answer->call, answer->governed, &rq->err);
    rq->err.position =
        answer->call.positions_unknown ? -1 : tl_dialect_original(&answer->call.dialect, rq->err.position);
    tl_running_explain(&answer->call, &answer->running, &rq->err);
    give_place_back(answer);
    return rq->err.code;
}

/* A change whose commit came second, so that nothing of it was done.  Which statements: those that mean on the rows that are
 * there now what they meant before, and leave nothing behind when they fail. */
static bool may_run_again(const tl_answer *answer, const struct tl_err *err)
{
    const struct tl_governed *governed = answer->governed;
    int64_t elapsed_us = tl_clock_monotonic_us() - answer->started_monotonic_us, most_us = answer->call.settings.run_time_us_max;
    if (err->code != TL_CONFLICT || !governed || answer->runs + 1 >= RUNS_MAX || (most_us > 0 && elapsed_us >= most_us) ||
        (!strstr(err->message, "CommitFailedException") && !strstr(err->detail, "CommitFailedException")))
        return false;
    switch (governed->gate->kind) {
    case TL_GATE_INSERT:
    case TL_GATE_UPDATE:
    case TL_GATE_DELETE:
    case TL_GATE_TRUNCATE:
    case TL_GATE_MERGE:
        return true;
    default:
        return false;
    }
}

/* The engine's iceberg extension tells of a conflict when, after the lake has moved the name, it finds the new one in its own memory
 * already: another statement listed the schema in that moment. */
static bool rename_was_done(const tl_answer *answer, const struct tl_err *err)
{
    const struct tl_governed *governed = answer->governed;
    return err->code == TL_CONFLICT && governed && governed->gate->kind == TL_GATE_ALTER_TABLE && governed->gate->new_name &&
           strstr(err->message, "was already created by a different transaction");
}

/* From its beginning, after a pause that grows and is never the same for two. */
static enum tl_code run_again(struct tl_request *rq, tl_answer *answer)
{
    struct tl_err ignored;
    uint16_t dice = 0;
    tl_err_init(&ignored);
    (void)!tl_random_bytes(&dice, sizeof dice, &ignored);
    int64_t ms = ((int64_t)PAUSE_MS << (answer->runs < PAUSE_DOUBLINGS ? answer->runs : PAUSE_DOUBLINGS)) * (0x8000 + dice) / 0x10000;
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
    tl_result_close(answer->result);
    answer->result = NULL;
    answer->runs++;
    tl_err_init(&rq->err);
    enum tl_code code = tl_govern_run(&answer->call, answer->governed, answer->limit_rows, &answer->result);
    if (code == TL_OK)
        take_result(answer);
    return code;
}

enum tl_code tl_answer_next(struct tl_request *rq, tl_answer *answer, int wait_ms, const struct tl_batch **ret_batch,
                            bool *ret_end)
{
    *ret_batch = NULL;
    *ret_end = false;
    answer->call.rq = rq;
    if (answer->queued) {
        bool started;
        enum tl_code code = wait_for_turn(rq, answer, wait_ms, &started);
        if (code != TL_OK)
            return fail(rq, answer, ret_batch);
        return TL_OK; /* who asks again gets the columns first */
    }
    if (answer->apart) {
        enum tl_code code = tl_apart_wait(rq, answer->apart, wait_ms, ret_end);
        answer->ended = *ret_end;
        return code == TL_OK ? TL_OK : fail(rq, answer, ret_batch);
    }
    if (!answer->result) {
        *ret_batch = answer->batch;
        answer->batch = NULL;
        answer->rows += *ret_batch ? (int64_t)(*ret_batch)->row_count : 0;
        *ret_end = answer->ended = *ret_batch == NULL;
        return TL_OK;
    }
    enum tl_code code = tl_result_next(rq, answer->result, wait_ms, ret_batch, ret_end);
    if (code != TL_OK && rename_was_done(answer, &rq->err)) {
        tl_err_init(&rq->err);
        code = TL_OK;
        *ret_end = true;
    }
    if (code != TL_OK && may_run_again(answer, &rq->err)) {
        code = run_again(rq, answer);
        if (code == TL_OK)
            return TL_OK; /* who asks again gets the rest */
    }
    if (code == TL_OK && !*ret_end) /* what is over has been counted when it is closed; nobody is hindered by it */
        code = count_use(rq, answer);
    if (code != TL_OK)
        return fail(rq, answer, ret_batch);
    answer->ended = *ret_end;
    if (*ret_end)
        give_place_back(answer);
    else if (answer->ticket)
        tl_ticket_touch(answer->ticket);
    if (answer->update_type) {
        *ret_batch = NULL;
        if (*ret_end) {
            take_count(answer);
            const struct tl_governed *governed = answer->governed;
            if (governed && governed->target && tl_rights_changed(&answer->call, governed->gate, governed->target) != TL_OK)
                return fail(rq, answer, ret_batch);
        }
    } else if (*ret_batch) {
        answer->rows += (int64_t)(*ret_batch)->row_count;
    }
    return TL_OK;
}

void tl_answer_stats(const tl_answer *answer, struct tl_result_stats *ret_stats)
{
    if (answer->result) {
        tl_result_stats(answer->result, ret_stats);
        if (answer->governed && answer->governed->clearance && tl_clearance_hides_rows(answer->governed->clearance)) {
            ret_stats->rows_scanned = 0; /* how many rows there are is hidden too */
            ret_stats->progress = -1;
        }
        return;
    }
    *ret_stats = (struct tl_result_stats){.rows = answer->rows, .progress = -1, .changed_rows = -1};
    ret_stats->elapsed_us = tl_clock_monotonic_us() - answer->started_monotonic_us;
}

static void record(tl_answer *answer, const struct tl_err *err)
{
    struct tl_history_row row = {.call = &answer->call,
                                 .kind = answer->kind,
                                 .governed = answer->governed,
                                 .started_us = answer->started_us,
                                 .ended_us = tl_clock_wall_us(),
                                 .err = err,
                                 .lineage = answer->lineage,
                                 .made = answer->made};
    struct tl_request counting;
    tl_request_init(&counting, answer->call.rq->arena);
    counting.principal = answer->call.rq->principal;
    if (count_use(&counting, answer) != TL_OK)
        tl_err_init(&counting.err); /* the next statement is told */
    tl_answer_stats(answer, &row.stats);
    tl_history_write(&row);
    if (!answer->call.door->audit)
        return;
    struct tl_audit_outcome outcome = {
        .err = err,
        .rows = row.stats.rows,
        .bytes = row.stats.bytes,
        .elapsed_us = row.ended_us - row.started_us,
        .scans_json = row.stats.scans_json,
    };
    tl_audit_outcome(answer->call.rq, answer->call.door->audit, &outcome);
}

/* A statement that was refused is on record too.  What went wrong stays what the caller is told. */
static void audit_refused(tl_answer *answer)
{
    struct tl_request *rq = answer->call.rq;
    struct tl_err refusal = rq->err;
    tl_err_init(&rq->err);
    if (tl_answer_audit(answer) != TL_OK)
        tl_log_err(TL_LOG_ERROR, "door", "a refused statement could not be recorded", &rq->err);
    rq->err = refusal;
}

static void release(tl_answer *answer)
{
    answer->apart = tl_apart_end(answer->apart);
    tl_running_remove(&answer->call, &answer->running);
    if (answer->result)
        tl_result_close(answer->result);
    answer->result = NULL;
    give_place_back(answer);
    if (answer->call.snapshot)
        tl_registry_release(answer->call.snapshot);
    answer->call.snapshot = NULL;
}

void tl_answer_fail(tl_answer *answer)
{
    tl_running_explain(&answer->call, &answer->running, &answer->call.rq->err);
    audit_refused(answer);
    record(answer, &answer->call.rq->err);
    release(answer);
}

void tl_answer_close(struct tl_request *rq, tl_answer *answer)
{
    answer->call.rq = rq;
    struct tl_err cancelled;
    tl_err_init(&cancelled);
    if (!answer->ended)
        tl_err_set(&cancelled, TL_CANCELLED, "the rest of the result was not read");
    record(answer, rq->err.code != TL_OK ? &rq->err : &cancelled);
    release(answer);
}
