/* One running statement, seen from serve. */
#include <string.h>

#include "base/clock.h"
#include "engine/engine_int.h"
#include "engine/wire_int.h"

enum { SLICE_MS = 50, BATCH_ARENA_BYTES_MAX = 512 * 1024 * 1024 };

struct tl_result {
    tl_engine *engine;
    struct tl_engine_connection *connection; /* NULL once it has ended */
    char query_id[64];
    struct tl_field *fields;
    size_t field_count;
    struct tl_str lineage; /* in the request's arena */
    tl_arena *arena; /* of the statistics, freed when it is closed */
    tl_arena *batch_arena;
    struct tl_batch *batch;
    struct tl_result_stats stats;
    bool told_to_stop;      /* CANCEL was sent */
    enum tl_code stop_code; /* why: TL_CANCELLED or TL_TIME_EXCEEDED */
    bool ended;
    struct tl_err failure;  /* how it ended, for whoever asks again */
};

static void leave_engine(tl_result *result, bool reusable)
{
    if (!result->connection)
        return;
    tl_engine *engine = result->engine;
    tl_engine_release(engine, result->connection, reusable);
    result->connection = NULL;
    pthread_mutex_lock(&engine->mutex);
    engine->running--;
    pthread_mutex_unlock(&engine->mutex);
}

void tl_result_close(tl_result *result)
{
    leave_engine(result, false);
    result->ended = true;
    result->batch_arena = tl_arena_free(result->batch_arena);
}

static void close_deferred(void *context)
{
    tl_result *result = context;
    tl_result_close(result);
    tl_arena_free(result->arena);
}

/* The caller's request was cancelled or is out of time: said once; the engine then ends the statement with an error. */
static void pass_on_stop(struct tl_request *rq, tl_result *result)
{
    if (result->told_to_stop)
        return;
    if (atomic_load(&rq->cancelled))
        result->stop_code = TL_CANCELLED;
    else if (rq->deadline_us && tl_clock_monotonic_us() >= rq->deadline_us)
        result->stop_code = TL_TIME_EXCEEDED;
    else
        return;
    result->told_to_stop = true;
    tl_engine_cancel(result->engine, result->query_id);
}

static enum tl_code fail(struct tl_request *rq, tl_result *result, const struct tl_err *err)
{
    leave_engine(result, false);
    result->ended = true;
    result->failure = *err;
    return tl_err_copy(&rq->err, err);
}

static enum tl_code fail_lost(struct tl_request *rq, tl_result *result)
{
    struct tl_err err;
    tl_err_init(&err);
    tl_engine_lost(result->engine, result->connection->child, &err);
    return fail(rq, result, &err);
}

static enum tl_code take_error(struct tl_request *rq, tl_result *result, struct tl_str body)
{
    struct tl_wire_reader reader = {.left = body};
    struct tl_err err;
    tl_err_init(&err);
    if (!tl_wire_error(&reader, &err) || err.code == TL_OK)
        return fail_lost(rq, result);
    if (result->told_to_stop && result->stop_code == TL_TIME_EXCEEDED && err.code == TL_CANCELLED) {
        tl_err_init(&err);
        tl_err_set(&err, TL_TIME_EXCEEDED, "the statement ran longer than it may");
        tl_err_hint(&err, "filter or aggregate earlier, or raise query_max_run_time");
    }
    return fail(rq, result, &err);
}

static enum tl_code take_batch(struct tl_request *rq, tl_result *result, struct tl_str body)
{
    struct tl_err err;
    tl_err_init(&err);
    tl_arena_reset(result->batch_arena);
    if (tl_batch_decode(result->batch_arena, result->fields, result->field_count, body, &result->batch, &err) != TL_OK)
        return fail_lost(rq, result);
    result->stats.rows += (int64_t)result->batch->row_count;
    result->stats.bytes += (int64_t)body.size;
    return TL_OK;
}

static enum tl_code take_end(struct tl_request *rq, tl_result *result, struct tl_str body)
{
    struct tl_wire_reader reader = {.left = body};
    struct tl_result_stats stats;
    if (!tl_wire_stats(&reader, result->arena, &stats))
        return fail_lost(rq, result);
    result->stats = stats;
    result->ended = true;
    leave_engine(result, true);
    return TL_OK;
}

static enum tl_code take_progress(struct tl_request *rq, tl_result *result, struct tl_str body)
{
    struct tl_wire_reader reader = {.left = body};
    double progress = tl_wire_f64(&reader);
    int64_t rows_scanned = tl_wire_i64(&reader);
    if (reader.failed)
        return fail_lost(rq, result);
    result->stats.rows_scanned = rows_scanned;
    result->stats.progress = progress >= 0 && progress <= 1 ? progress : -1;
    return TL_OK;
}

static enum tl_code take_fields(struct tl_request *rq, tl_result *result, struct tl_str body)
{
    struct tl_wire_reader reader = {.left = body};
    if (result->fields || !tl_wire_fields(&reader, rq->arena, &result->fields, &result->field_count))
        return fail_lost(rq, result);
    result->lineage = tl_wire_copy(&reader, rq->arena);
    return reader.failed ? fail_lost(rq, result) : TL_OK;
}

/* One frame, or none within wait_ms (-1: until one comes). */
static enum tl_code step(struct tl_request *rq, tl_result *result, int wait_ms, enum tl_wire_kind *ret_kind)
{
    int64_t until_us = wait_ms < 0 ? INT64_MAX : tl_clock_monotonic_us() + (int64_t)wait_ms * 1000;
    struct tl_str body;
    for (*ret_kind = 0; *ret_kind == 0;) {
        struct tl_err err;
        tl_err_init(&err);
        pass_on_stop(rq, result);
        int64_t left_ms = (until_us - tl_clock_monotonic_us() + 999) / 1000;
        int slice_ms = left_ms > SLICE_MS ? SLICE_MS : left_ms < 0 ? 0 : (int)left_ms;
        if (tl_engine_receive(result->connection, slice_ms, ret_kind, &body, &err) != TL_OK)
            return fail_lost(rq, result);
        if (*ret_kind == 0 && left_ms <= SLICE_MS)
            return TL_OK;
    }
    if (!result->fields && *ret_kind != TL_WIRE_FIELDS && *ret_kind != TL_WIRE_ERROR)
        return fail_lost(rq, result);
    switch (*ret_kind) {
    case TL_WIRE_FIELDS:
        return take_fields(rq, result, body);
    case TL_WIRE_BATCH:
        return take_batch(rq, result, body);
    case TL_WIRE_PROGRESS:
        return take_progress(rq, result, body);
    case TL_WIRE_END:
        return take_end(rq, result, body);
    case TL_WIRE_ERROR:
        return take_error(rq, result, body);
    default:
        return fail_lost(rq, result);
    }
}

enum tl_code tl_engine_run(struct tl_request *rq, tl_engine *engine, const tl_clearance *clearance,
                           const struct tl_engine_statement *statement, tl_result **ret_result)
{
    size_t mark;
    struct tl_engine_connection *connection;
    (void)clearance; /* having one is what counts: only lifeguard/ makes them */
    if (tl_engine_connect(rq, engine, false, &connection) != TL_OK)
        return rq->err.code;
    tl_result *result = TL_NEW(rq->arena, tl_result);
    *result = (tl_result){.engine = engine, .connection = connection, .stats = {.progress = -1, .changed_rows = -1}};
    tl_err_init(&result->failure);
    const char *query_id = statement->query_id ? statement->query_id : rq->id;
    memcpy(result->query_id, query_id, strnlen(query_id, sizeof result->query_id - 1));
    result->arena = tl_arena_new(BATCH_ARENA_BYTES_MAX);
    result->batch_arena = tl_arena_new(BATCH_ARENA_BYTES_MAX);
    tl_arena_defer(rq->arena, close_deferred, result);
    pthread_mutex_lock(&engine->mutex);
    engine->running++;
    pthread_mutex_unlock(&engine->mutex);
    struct tl_engine_statement sent = *statement;
    sent.query_id = result->query_id;
    tl_wire_begin(&connection->out, TL_WIRE_RUN, &mark);
    tl_wire_put_statement(&connection->out, &sent);
    tl_wire_end(&connection->out, mark);
    struct tl_err err;
    tl_err_init(&err);
    if (tl_engine_send(connection, &err) != TL_OK)
        return err.code == TL_ENGINE_LOST ? fail_lost(rq, result) : fail(rq, result, &err);
    enum tl_wire_kind kind;
    if (step(rq, result, -1, &kind) != TL_OK)
        return rq->err.code;
    *ret_result = result;
    return TL_OK;
}

size_t tl_result_fields(const tl_result *result, const struct tl_field **ret_fields)
{
    *ret_fields = result->fields;
    return result->field_count;
}

struct tl_str tl_result_lineage(const tl_result *result)
{
    return result->lineage;
}

enum tl_code tl_result_next(struct tl_request *rq, tl_result *result, int wait_ms, const struct tl_batch **ret_batch, bool *ret_end)
{
    int64_t until_us = wait_ms < 0 ? INT64_MAX : tl_clock_monotonic_us() + (int64_t)wait_ms * 1000;
    *ret_batch = NULL;
    *ret_end = false;
    while (!result->ended) {
        enum tl_wire_kind kind;
        int64_t left_us = until_us - tl_clock_monotonic_us();
        int left_ms = wait_ms < 0 ? -1 : left_us > 0 ? (int)((left_us + 999) / 1000) : 0;
        if (step(rq, result, left_ms, &kind) != TL_OK)
            return rq->err.code;
        if (kind == TL_WIRE_BATCH) {
            *ret_batch = result->batch;
            return TL_OK;
        }
        if (kind == 0)
            return TL_OK;
    }
    if (result->failure.code != TL_OK)
        return tl_err_copy(&rq->err, &result->failure);
    *ret_end = true;
    return TL_OK;
}

void tl_result_stats(const tl_result *result, struct tl_result_stats *ret_stats)
{
    *ret_stats = result->stats;
}
