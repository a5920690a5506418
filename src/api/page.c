/* One page of an answer, as clients of Trino read it: columns, rows, warnings, statistics, error, and where the next one is. */
#include "api/page.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

enum { WAIT_TURN_MS = 1000 };

/* ---- columns ---- */

/* A client without PARAMETRIC_DATETIME is shown times with three digits. */
static struct tl_type coarse_type(tl_arena *arena, const struct tl_type *type)
{
    struct tl_type coarse = *type;
    if (type->id == TL_TYPE_TIME || type->id == TL_TYPE_TIMESTAMP || type->id == TL_TYPE_TIMESTAMP_NS || type->id == TL_TYPE_TIMESTAMPTZ)
        coarse.scale = 3;
    if (type->child_count > 0) {
        struct tl_type *children = TL_NEW_ARRAY(arena, struct tl_type, type->child_count);
        for (uint32_t i = 0; i < type->child_count; i++)
            children[i] = coarse_type(arena, &type->children[i]);
        coarse.children = children;
    }
    return coarse;
}

static void know_fields(struct tl_query *query)
{
    static const struct tl_field changed_rows = {"rows", {.id = TL_TYPE_INT64}};
    query->field_count = tl_answer_fields(query->answer, &query->fields);
    if (tl_answer_update_type(query->answer)) {
        query->fields = &changed_rows;
        query->field_count = tl_answer_has_update_count(query->answer);
    }
    if (query->full_precision)
        return;
    struct tl_field *fields = TL_NEW_ARRAY(query->rq.arena, struct tl_field, query->field_count);
    for (size_t i = 0; i < query->field_count; i++)
        fields[i] = (struct tl_field){query->fields[i].name, coarse_type(query->rq.arena, &query->fields[i].type)};
    query->fields = fields;
}

/* "timestamp(3)" -> "timestamp" for clients that know no precision. */
static void drop_precision(char *type)
{
    char *at;
    while ((at = strstr(type, "(3)")) != NULL) {
        size_t before = (size_t)(at - type);
        bool is_time = before >= 4 && (memcmp(at - 4, "time", 4) == 0 || memcmp(at - 4, "tamp", 4) == 0);
        if (!is_time)
            break;
        memmove(at, at + 3, strlen(at + 3) + 1);
    }
}

static void put_columns(struct tl_json_writer *json, const struct tl_query *query)
{
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    struct tl_buf type;
    tl_buf_init(&type, 1 << 20);
    for (size_t i = 0; i < query->field_count; i++) {
        tl_buf_clear(&type);
        tl_type_format_trino(&type, &query->fields[i].type);
        tl_buf_cstr(&type);
        if (!query->full_precision)
            drop_precision(type.data);
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", query->fields[i].name);
        tl_json_pair_text(json, "type", type.data);
        tl_json_key(json, "typeSignature");
        tl_api_put_signature(json, type.data);
        tl_json_end_object(json);
    }
    tl_buf_done(&type);
    tl_json_end_array(json);
}

/* ---- the page ---- */

const char *tl_page_base_url(struct tl_api_call *call)
{
    const char *proto = tl_http_header(call->exchange, "X-Forwarded-Proto");
    const char *host = tl_http_header(call->exchange, "X-Forwarded-Host");
    if (!host)
        host = tl_http_header(call->exchange, "Host");
    bool https = proto ? strcmp(proto, "https") == 0 : tl_http_is_tls(call->exchange);
    return tl_arena_printf(call->rq.arena, "%s://%s", https ? "https" : "http", host ? host : "localhost");
}

static void put_stats(struct tl_json_writer *json, const struct tl_query *query, const char *state)
{
    const struct tl_result_stats *stats = &query->stats;
    int64_t elapsed_ms = (tl_clock_monotonic_us() - query->created_us) / 1000;
    bool done = query->finished;
    double progress = done ? 100.0 : stats->progress >= 0 ? stats->progress * 100.0 : 0.0;
    tl_json_key(json, "stats");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "state", state);
    bool queued = strcmp(state, "QUEUED") == 0;
    tl_json_pair_bool(json, "queued", queued);
    tl_json_pair_bool(json, "scheduled", !queued);
    tl_json_key(json, "progressPercentage");
    tl_json_put_double(json, progress);
    tl_json_key(json, "runningPercentage");
    tl_json_put_double(json, done ? 0.0 : 100.0);
    tl_json_pair_int64(json, "nodes", 1);
    tl_json_pair_int64(json, "totalSplits", 100);
    tl_json_pair_int64(json, "queuedSplits", 0);
    tl_json_pair_int64(json, "runningSplits", done ? 0 : 100 - (int64_t)progress);
    tl_json_pair_int64(json, "completedSplits", (int64_t)progress);
    tl_json_pair_int64(json, "cpuTimeMillis", stats->cpu_us / 1000);
    tl_json_pair_int64(json, "wallTimeMillis", elapsed_ms);
    tl_json_pair_int64(json, "queuedTimeMillis", query->waited_us / 1000);
    tl_json_pair_int64(json, "elapsedTimeMillis", elapsed_ms);
    tl_json_pair_int64(json, "processedRows", stats->rows_scanned > 0 ? stats->rows_scanned : stats->rows);
    tl_json_pair_int64(json, "processedBytes", stats->bytes);
    tl_json_pair_int64(json, "physicalInputBytes", stats->bytes);
    tl_json_pair_int64(json, "peakMemoryBytes", stats->peak_memory_bytes);
    tl_json_pair_int64(json, "spilledBytes", 0);
    tl_json_end_object(json);
}

/* What clients print is only `message`: the place, the reason and the way on are all in it. */
static void put_error_message(struct tl_json_writer *json, const struct tl_err *err, int line, int column)
{
    struct tl_buf text;
    tl_buf_init(&text, 8192);
    if (line > 0)
        tl_buf_addf(&text, "line %d:%d: ", line, column);
    tl_buf_adds(&text, err->message);
    if (err->detail[0])
        tl_buf_addf(&text, "\nDetail: %s", err->detail);
    if (err->hint[0])
        tl_buf_addf(&text, "\nHint: %s", err->hint);
    if (err->link[0])
        tl_buf_addf(&text, "\nSee: %s", err->link);
    tl_json_pair_text(json, "message", tl_buf_cstr(&text));
    tl_buf_done(&text);
}

static void put_location(struct tl_json_writer *json, int line, int column)
{
    if (line <= 0)
        return;
    tl_json_key(json, "errorLocation");
    tl_json_begin_object(json);
    tl_json_pair_int64(json, "lineNumber", line);
    tl_json_pair_int64(json, "columnNumber", column);
    tl_json_end_object(json);
}

static void put_error(struct tl_json_writer *json, const struct tl_err *err, struct tl_str sql)
{
    const struct tl_code_info *info = tl_code_info(err->code);
    int line = 0, column = 0;
    if (err->position >= 0)
        tl_err_line_column(sql.data, sql.size, err->position, &line, &column);
    tl_json_key(json, "error");
    tl_json_begin_object(json);
    put_error_message(json, err, line, column);
    tl_json_pair_int64(json, "errorCode", info->trino_number);
    tl_json_pair_text(json, "errorName", info->trino_name);
    tl_json_pair_text(json, "errorType", info->trino_type);
    tl_json_pair_text(json, "sqlState", info->sqlstate);
    put_location(json, line, column);
    tl_json_key(json, "failureInfo");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", info->trino_name);
    tl_json_pair_text(json, "message", err->message);
    tl_json_key(json, "suppressed");
    tl_json_begin_array(json);
    tl_json_end_array(json);
    tl_json_key(json, "stack");
    tl_json_begin_array(json);
    tl_json_end_array(json);
    put_location(json, line, column);
    tl_json_end_object(json);
    tl_json_key(json, "townlake"); /* our own fields, for clients that know them */
    tl_json_begin_object(json);
    tl_json_pair_text(json, "code", info->name);
    tl_json_pair_text(json, "message", err->message);
    tl_json_pair_text(json, "detail", err->detail);
    tl_json_pair_text(json, "hint", err->hint);
    tl_json_pair_text(json, "link", err->link);
    tl_json_pair_int64(json, "position", err->position);
    tl_json_pair_bool(json, "retryable", info->retryable);
    tl_json_end_object(json);
    tl_json_end_object(json);
}

static void put_warnings(struct tl_json_writer *json, const tl_answer *answer)
{
    const char *const *warnings = NULL;
    size_t count = answer ? tl_answer_warnings(answer, &warnings) : 0;
    tl_json_key(json, "warnings");
    tl_json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        tl_json_begin_object(json);
        tl_json_key(json, "warningCode");
        tl_json_begin_object(json);
        tl_json_pair_int64(json, "code", 1);
        tl_json_pair_text(json, "name", "TOWNLAKE_NOTICE");
        tl_json_end_object(json);
        tl_json_pair_text(json, "message", warnings[i]);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

/* INSERT and the like answer with one row: how many rows were changed. */
static void put_update_count(struct tl_json_writer *json, struct tl_query *query)
{
    if (!tl_answer_update_type(query->answer) || !tl_answer_has_update_count(query->answer))
        return;
    int64_t count = tl_answer_update_count(query->answer);
    tl_json_key(json, "data");
    tl_json_begin_array(json);
    tl_json_begin_array(json);
    tl_json_put_int64(json, count);
    tl_json_end_array(json);
    tl_json_end_array(json);
    tl_json_pair_int64(json, "updateCount", count);
}

/* true: it stands in line still, and the page says so. */
static bool wait_for_turn(struct tl_query *query, enum tl_code *ret_code)
{
    const struct tl_batch *batch;
    bool end;
    if (tl_answer_is_queued(query->answer, &query->waited_us))
        *ret_code = tl_answer_next(&query->rq, query->answer, WAIT_TURN_MS, &batch, &end);
    bool queued = tl_answer_is_queued(query->answer, &query->waited_us);
    if (!queued && *ret_code == TL_OK && !query->fields)
        know_fields(query);
    return queued;
}

void tl_page_finish(struct tl_query *query)
{
    if (query->answer) {
        tl_answer_stats(query->answer, &query->stats);
        query->stats.scans_json = (struct tl_str){"", 0};
        tl_answer_close(&query->rq, query->answer);
        query->answer = NULL;
    }
    query->finished = true;
}

void tl_page_make(struct tl_api_call *call, struct tl_query *query, uint64_t token)
{
    struct tl_request *rq = &query->rq;
    tl_buf_clear(&query->page);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &query->page);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "id", rq->id);
    const char *base = tl_page_base_url(call);
    tl_json_pair_text(&json, "infoUri", tl_arena_printf(call->rq.arena, "%s/ui/query.html?%s", base, rq->id));
    bool end = query->answer == NULL;
    enum tl_code code = rq->err.code;
    bool queued = query->answer && wait_for_turn(query, &code);
    if (query->answer) {
        if (tl_answer_update_type(query->answer)) /* on every page: clients decide by the first whether this is a query */
            tl_json_pair_text(&json, "updateType", tl_answer_update_type(query->answer));
        if (!queued && code == TL_OK) {
            put_columns(&json, query); /* on every page: some clients read each by itself */
            code = tl_page_put_data(call, &json, query, token, &end);
        }
        tl_answer_stats(query->answer, &query->stats);
    }
    if (code == TL_OK && end && query->answer)
        put_update_count(&json, query);
    put_warnings(&json, query->answer);
    if (code != TL_OK || end)
        tl_page_finish(query);
    else
        tl_json_pair_text(&json, "nextUri",
                          tl_arena_printf(call->rq.arena, "%s/v1/statement/executing/%s/%s/%" PRIu64, base, rq->id, query->slug, token + 1));
    put_stats(&json, query, code != TL_OK ? "FAILED" : end ? "FINISHED" : queued ? "QUEUED" : "RUNNING");
    if (code != TL_OK) {
        put_error(&json, &rq->err, query->sql);
        atomic_fetch_add(&call->api->failures, 1);
    }
    tl_json_end_object(&json);
    query->page_token = token;
}
