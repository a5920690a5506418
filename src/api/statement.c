/* The Trino client protocol (research/trino.md section 6 of the design papers; https://trino.io/docs/476/develop/client-protocol.html):
 * a statement is posted, its pages are fetched by following nextUri, the last page has none.  A result that fits in the
 * first page is answered at once. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/page.h"
#include "data/zone.h"

enum { PAIRS_MAX = 1000, HEADER_VALUE_MAX = 64 * 1024, SEGMENT_BYTES_MAX = 512 * 1024 * 1024 };

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
    query->zone = tl_zone_find(session->time_zone);
    query->encoding = tl_page_encoding(tl_http_header(exchange, "X-Trino-Query-Data-Encoding"));
    for (size_t i = 0; i < session->property_count; i++)
        if (tl_streq_nocase(session->properties[i].name, "result_segments"))
            query->only_segments = tl_streq_nocase(session->properties[i].value, "always");
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

static void send_page(struct tl_api_call *call, struct tl_query *query)
{
    if (!tl_http_peer_is_loopback(call->exchange)) /* on one machine it only costs */
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
    tl_page_make(call, query, 0);
    if (!query->finished && tl_queries_add(call->api->queries, query, &query->rq.err) != TL_OK) {
        tl_page_finish(query);
        tl_page_make(call, query, 0);
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
    if (tl_http_is_head(call->exchange)) { /* a client that works on what it has says that it will be back */
        answer_text(call, 200, "");
        tl_queries_release(call->api->queries, query);
        return;
    }
    if (token == query->page_token + 1 && !query->finished)
        tl_page_make(call, query, token);
    if (token == query->page_token)
        send_page(call, query);
    else
        answer_text(call, 410, "This page is gone");
    tl_queries_release(call->api->queries, query);
}

void tl_api_statement_cancel(struct tl_api_call *call)
{
    bool found = tl_queries_cancel(call->api->queries, tl_api_param(call, "id"), tl_api_param(call, "slug"));
    tl_spool_drop_statement(call->api->spool, tl_api_param(call, "id"));
    if (found)
        tl_http_respond(call->exchange, 204, NULL, TL_STR(""), false);
    else
        answer_text(call, 404, "Query not found");
}

/* ---- segments ---- */

void tl_api_segment_get(struct tl_api_call *call)
{
    struct tl_buf bytes;
    tl_buf_init(&bytes, SEGMENT_BYTES_MAX);
    if (tl_spool_get(call->api->spool, tl_api_param(call, "id"), &bytes))
        tl_http_respond(call->exchange, 200, "application/octet-stream", (struct tl_str){bytes.data, bytes.size}, false);
    else
        answer_text(call, 404, "Segment not found");
    tl_buf_done(&bytes);
}

void tl_api_segment_ack(struct tl_api_call *call)
{
    bool found = tl_spool_drop(call->api->spool, tl_api_param(call, "id"));
    answer_text(call, found ? 200 : 404, found ? "" : "Segment not found");
}
