/* The Trino client protocol (research/trino.md section 6 of the design papers; https://trino.io/docs/476/develop/client-protocol.html):
 * a statement is posted, its pages are fetched by following nextUri, the last page has none.  A result that fits in the
 * first page is answered at once. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/queries.h"
#include "base/clock.h"

enum {
    WAIT_FIRST_MS = 1000, /* for something to show: clients ask again at once, so this bounds idle round trips */
    WAIT_MORE_MS = 20,    /* rows are here: wait a little for the end, so that small results need one page */
    PAIRS_MAX = 1000,
    HEADER_VALUE_MAX = 64 * 1024,
};

/* ---- the session a client holds, from its headers ---- */

static char *decode(tl_arena *arena, const char *text, size_t size)
{
    char *decoded = tl_http_decode(arena, text, size, true);
    return decoded ? decoded : tl_arena_strndup(arena, text, size);
}

/* "a=b,c=d" with percent-encoded values. */
static size_t parse_pairs(tl_arena *arena, const char *header, const struct tl_door_pair **ret_pairs)
{
    size_t count = 0;
    struct tl_door_pair *pairs = NULL;
    for (const char *at = header; at && *at && count < PAIRS_MAX;) {
        const char *end = strchrnul(at, ',');
        while (*at == ' ')
            at++;
        const char *equals = memchr(at, '=', (size_t)(end - at));
        if (equals) {
            pairs = tl_arena_grow(arena, pairs, count * sizeof *pairs, (count + 1) * sizeof *pairs);
            pairs[count].name = decode(arena, at, (size_t)(equals - at));
            pairs[count].value = decode(arena, equals + 1, (size_t)(end - equals - 1));
            count++;
        }
        at = *end ? end + 1 : end;
    }
    *ret_pairs = pairs;
    return count;
}

static const char *header(tl_http_exchange *exchange, tl_arena *arena, const char *name)
{
    const char *value = tl_http_header(exchange, name);
    return value && *value ? tl_arena_strdup(arena, value) : NULL;
}

static void read_session(tl_http_exchange *exchange, struct tl_query *query, struct tl_session *session)
{
    tl_arena *arena = query->rq.arena;
    *session = (struct tl_session){
        .catalog = header(exchange, arena, "X-Trino-Catalog"),
        .schema = header(exchange, arena, "X-Trino-Schema"),
        .transaction_id = header(exchange, arena, "X-Trino-Transaction-Id"),
        .time_zone = header(exchange, arena, "X-Trino-Time-Zone"),
        .source = header(exchange, arena, "X-Trino-Source"),
        .client_info = header(exchange, arena, "X-Trino-Client-Info"),
        .client_tags = header(exchange, arena, "X-Trino-Client-Tags"),
    };
    session->property_count = parse_pairs(arena, tl_http_header(exchange, "X-Trino-Session"), &session->properties);
    session->prepared_count = parse_pairs(arena, tl_http_header(exchange, "X-Trino-Prepared-Statement"), &session->prepared);
    const char *capabilities = tl_http_header(exchange, "X-Trino-Client-Capabilities");
    query->full_precision = capabilities && strstr(capabilities, "PARAMETRIC_DATETIME");
}

static void encode_header(struct tl_api_call *call, const char *header_name, const char *name, const char *value)
{
    struct tl_buf text;
    tl_buf_init(&text, HEADER_VALUE_MAX);
    tl_http_encode(&text, name);
    if (value) {
        tl_buf_addc(&text, '=');
        tl_http_encode(&text, value);
    }
    tl_http_set_header(call->exchange, header_name, tl_buf_cstr(&text));
    tl_buf_done(&text);
}

static void send_changes(struct tl_api_call *call, const tl_answer *answer)
{
    const struct tl_session_change *changes;
    size_t count = tl_answer_changes(answer, &changes);
    for (size_t i = 0; i < count; i++) {
        const struct tl_session_change *change = &changes[i];
        switch (change->kind) {
        case TL_SESSION_SET_CATALOG:
            tl_http_set_header(call->exchange, "X-Trino-Set-Catalog", change->value);
            break;
        case TL_SESSION_SET_SCHEMA:
            tl_http_set_header(call->exchange, "X-Trino-Set-Schema", change->value);
            break;
        case TL_SESSION_SET_PROPERTY:
            encode_header(call, "X-Trino-Set-Session", change->name, change->value);
            break;
        case TL_SESSION_RESET_PROPERTY:
            encode_header(call, "X-Trino-Clear-Session", change->name, NULL);
            break;
        case TL_SESSION_ADD_PREPARED:
            encode_header(call, "X-Trino-Added-Prepare", change->name, change->value);
            break;
        case TL_SESSION_DROP_PREPARED:
            encode_header(call, "X-Trino-Deallocated-Prepare", change->name, NULL);
            break;
        case TL_SESSION_START_TRANSACTION:
            tl_http_set_header(call->exchange, "X-Trino-Started-Transaction-Id", change->value);
            break;
        case TL_SESSION_CLEAR_TRANSACTION:
            tl_http_set_header(call->exchange, "X-Trino-Clear-Transaction-Id", "true");
            break;
        }
    }
}

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

/* ---- rows ---- */

static struct tl_column retyped(tl_arena *arena, const struct tl_column *column, const struct tl_type *type)
{
    struct tl_column changed = *column;
    changed.type = type;
    if (type->child_count > 0) {
        struct tl_column *children = TL_NEW_ARRAY(arena, struct tl_column, type->child_count);
        for (uint32_t i = 0; i < type->child_count; i++)
            children[i] = retyped(arena, &column->children[i], &type->children[i]);
        changed.children = children;
    }
    return changed;
}

/* The batch's columns with the types the client sees. */
static const struct tl_column *client_columns(tl_arena *arena, const struct tl_query *query, const struct tl_batch *batch)
{
    if (query->full_precision)
        return batch->columns;
    struct tl_column *columns = TL_NEW_ARRAY(arena, struct tl_column, batch->column_count);
    for (size_t i = 0; i < batch->column_count; i++)
        columns[i] = retyped(arena, &batch->columns[i], &query->fields[i].type);
    return columns;
}

static void put_rows(struct tl_buf *page, tl_arena *arena, const struct tl_query *query, const struct tl_batch *batch, bool first)
{
    const struct tl_column *columns = client_columns(arena, query, batch);
    for (size_t row = 0; row < batch->row_count; row++) {
        tl_buf_add(page, first && row == 0 ? "[" : ",[", first && row == 0 ? 1 : 2);
        for (size_t i = 0; i < batch->column_count; i++) {
            if (i)
                tl_buf_addc(page, ',');
            tl_column_format_trino(page, &columns[i], row);
        }
        tl_buf_addc(page, ']');
    }
}

/* Reads the answer into the page: until it ends, the page is full, or nothing comes for a while. */
static enum tl_code put_data(struct tl_api_call *call, struct tl_query *query, bool *ret_end)
{
    struct tl_buf *page = &query->page;
    size_t page_bytes = call->api->parts.page_bytes;
    bool any = false;
    *ret_end = false;
    while (page->size < page_bytes) {
        const struct tl_batch *batch = NULL;
        enum tl_code code = tl_answer_next(&query->rq, query->answer, any ? WAIT_MORE_MS : WAIT_FIRST_MS, &batch, ret_end);
        if (code != TL_OK) {
            if (any)
                tl_buf_addc(page, ']');
            return code;
        }
        if (!batch)
            break;
        if (batch->row_count > 0 && !tl_answer_update_type(query->answer)) {
            if (!any)
                tl_buf_adds(page, ",\"data\":[");
            put_rows(page, call->rq.arena, query, batch, !any);
            any = true;
        }
    }
    if (any)
        tl_buf_addc(page, ']');
    if (page->failed)
        return tl_err_set(&query->rq.err, TL_TOO_LARGE, "one page of the result needs more than %zu bytes", page->max_size);
    return TL_OK;
}

/* ---- the page ---- */

static const char *base_url(struct tl_api_call *call)
{
    const char *proto = tl_http_header(call->exchange, "X-Forwarded-Proto");
    const char *host = tl_http_header(call->exchange, "X-Forwarded-Host");
    if (!host)
        host = tl_http_header(call->exchange, "Host");
    bool https = proto && strcmp(proto, "https") == 0;
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
        *ret_code = tl_answer_next(&query->rq, query->answer, WAIT_FIRST_MS, &batch, &end);
    bool queued = tl_answer_is_queued(query->answer, &query->waited_us);
    if (!queued && *ret_code == TL_OK && !query->fields)
        know_fields(query);
    return queued;
}

static void finish(struct tl_query *query)
{
    if (query->answer) {
        tl_answer_stats(query->answer, &query->stats);
        query->stats.scans_json = (struct tl_str){"", 0};
        tl_answer_close(&query->rq, query->answer);
        query->answer = NULL;
    }
    query->finished = true;
}

/* Builds page number `token`; afterwards query->finished says whether it is the last. */
static void make_page(struct tl_api_call *call, struct tl_query *query, uint64_t token)
{
    struct tl_request *rq = &query->rq;
    tl_buf_clear(&query->page);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &query->page);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "id", rq->id);
    const char *base = base_url(call);
    tl_json_pair_text(&json, "infoUri", tl_arena_printf(call->rq.arena, "%s/ui/query.html?%s", base, rq->id));
    bool end = query->answer == NULL;
    enum tl_code code = rq->err.code;
    bool queued = query->answer && wait_for_turn(query, &code);
    if (query->answer) {
        if (tl_answer_update_type(query->answer)) /* on every page: clients decide by the first whether this is a query */
            tl_json_pair_text(&json, "updateType", tl_answer_update_type(query->answer));
        if (!queued && code == TL_OK) {
            put_columns(&json, query); /* on every page: some clients read each by itself */
            code = put_data(call, query, &end);
        }
        tl_answer_stats(query->answer, &query->stats);
    }
    if (code == TL_OK && end && query->answer)
        put_update_count(&json, query);
    put_warnings(&json, query->answer);
    if (code != TL_OK || end)
        finish(query);
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

static void send_page(struct tl_api_call *call, struct tl_query *query)
{
    tl_http_allow_gzip(call->exchange);
    tl_http_respond(call->exchange, 200, "application/json", (struct tl_str){query->page.data, query->page.size}, false);
}

static void answer_text(struct tl_api_call *call, int status, const char *text)
{
    tl_http_respond(call->exchange, status, "text/plain; charset=utf-8", tl_str_of(text), false);
}

static bool only_spaces(struct tl_str sql)
{
    for (size_t i = 0; i < sql.size; i++)
        if (!strchr(" \t\r\n;", sql.data[i]) || !sql.data[i])
            return false;
    return true;
}

void tl_api_statement_start(struct tl_api_call *call)
{
    struct tl_str body = tl_http_body(call->exchange);
    if (only_spaces(body)) {
        answer_text(call, 400, "SQL statement is empty");
        return;
    }
    atomic_fetch_add(&call->api->statements, 1);
    struct tl_query *query = tl_query_new();
    query->rq.principal = tl_principal_copy(query->rq.arena, call->rq.principal); /* outlives the exchange */
    query->sql = (struct tl_str){tl_arena_strndup(query->rq.arena, body.data, body.size), body.size};
    struct tl_session *session = TL_NEW(query->rq.arena, struct tl_session);
    read_session(call->exchange, query, session);
    if (tl_door_run(&query->rq, call->api->parts.door, session, query->sql, &query->answer) == TL_OK) {
        send_changes(call, query->answer);
    } else {
        query->answer = NULL;
    }
    make_page(call, query, 0);
    if (!query->finished && tl_queries_add(call->api->queries, query, &query->rq.err) != TL_OK) {
        finish(query);
        make_page(call, query, 0);
    }
    bool finished = query->finished;
    if (finished) {
        send_page(call, query);
        tl_query_free(query);
        return;
    }
    struct tl_query *held = tl_queries_acquire(call->api->queries, query->rq.id, query->slug);
    if (held) { /* it may have been cancelled and freed in between only by its own client, which does not know it yet */
        send_page(call, held);
        tl_queries_release(call->api->queries, held);
    }
}

void tl_api_statement_head(struct tl_api_call *call)
{
    tl_http_respond(call->exchange, 200, "application/json", TL_STR(""), false);
}

void tl_api_statement_next(struct tl_api_call *call)
{
    uint64_t token = 0;
    int used = 0;
    const char *number = tl_api_param(call, "token");
    if (sscanf(number, "%" SCNu64 "%n", &token, &used) != 1 || number[used]) {
        answer_text(call, 404, "Query not found");
        return;
    }
    struct tl_query *query = tl_queries_acquire(call->api->queries, tl_api_param(call, "id"), tl_api_param(call, "slug"));
    if (!query) {
        answer_text(call, 404, "Query not found");
        return;
    }
    if (token == query->page_token + 1 && !query->finished)
        make_page(call, query, token);
    if (token == query->page_token)
        send_page(call, query);
    else
        answer_text(call, 410, "This page is gone");
    tl_queries_release(call->api->queries, query);
}

void tl_api_statement_cancel(struct tl_api_call *call)
{
    bool found = tl_queries_cancel(call->api->queries, tl_api_param(call, "id"), tl_api_param(call, "slug"));
    if (found)
        tl_http_respond(call->exchange, 204, NULL, TL_STR(""), false);
    else
        answer_text(call, 404, "Query not found");
}
