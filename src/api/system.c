/* What the server says about itself. */
#include <stdio.h>
#include <string.h>

#include "api/queries.h"
#include "base/clock.h"
#include "request_page.h"     /* generated: static const char request_page[] */
#include "openapi_document.h" /* generated: static const char openapi_document[] */

enum { ANSWER_MAX = 4 * 1024 * 1024 };

void tl_api_trino_info(struct tl_api_call *call)
{
    struct tl_buf json;
    tl_buf_init(&json, ANSWER_MAX);
    int64_t uptime_s = (tl_clock_monotonic_us() - call->api->started_us) / 1000000;
    tl_buf_addf(&json,
                "{\"nodeVersion\":{\"version\":\"townlake-" TL_VERSION "\"},\"environment\":\"townlake\",\"coordinator\":true,"
                "\"starting\":false,\"uptime\":\"%lld.00s\"}",
                (long long)uptime_s);
    tl_api_reply_json(call, 200, &json);
}

void tl_api_livez(struct tl_api_call *call)
{
    tl_http_respond(call->exchange, 200, "application/json", TL_STR("{\"status\":\"ok\"}\n"), false);
}

/* A part that is away does not make the server unready: tokens still open, and another server would fare no better. */
static void put_identity(struct tl_api_call *call, struct tl_json_writer *json)
{
    struct tl_auth_health health;
    tl_auth_health(call->api->parts.auth, &health);
    tl_json_key(json, "identity");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "mode", health.mode);
    tl_json_key(json, "parts");
    tl_json_begin_array(json);
    for (size_t i = 0; i < health.part_count; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", health.parts[i].name);
        tl_json_pair_bool(json, "answers", health.parts[i].answers);
        tl_json_pair_bool(json, "usable", health.parts[i].usable);
        tl_json_pair_int64(json, "age_s", health.parts[i].age_s);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    tl_json_end_object(json);
}

void tl_api_readyz(struct tl_api_call *call)
{
    struct tl_engine_health engine;
    tl_engine_health(call->api->parts.engine, &engine);
    struct tl_store_health store;
    bool store_ok = tl_store_health(call->api->parts.store, &store, &call->rq.err) == TL_OK;
    struct tl_lifeguard_health rules;
    tl_lifeguard_health(call->api->parts.lifeguard, &rules);
    bool ready = engine.ready && store_ok && !rules.broken;
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "status", ready ? "ready" : "not ready");
    tl_json_pair_text(&json, "version", TL_VERSION);
    tl_json_key(&json, "engine");
    tl_json_begin_object(&json);
    tl_json_pair_bool(&json, "ready", engine.ready);
    tl_json_pair_text(&json, "version", engine.version);
    tl_json_pair_int64(&json, "restarts", engine.restarts);
    tl_json_pair_int64(&json, "running", engine.running);
    tl_json_pair_text(&json, "last_failure", engine.last_failure[0] ? engine.last_failure : NULL);
    tl_json_end_object(&json);
    tl_json_key(&json, "state");
    tl_json_begin_object(&json);
    tl_json_pair_bool(&json, "ready", store_ok);
    if (store_ok) {
        tl_json_pair_int64(&json, "schema_version", store.schema_version);
        tl_json_pair_int64(&json, "size_bytes", store.size_bytes);
        tl_json_pair_int64(&json, "append_failures", store.append_failures);
    } else {
        tl_json_pair_text(&json, "message", call->rq.err.message);
    }
    tl_json_end_object(&json);
    tl_json_key(&json, "lifeguard");
    tl_json_begin_object(&json);
    tl_json_pair_bool(&json, "ready", !rules.broken);
    tl_json_pair_text(&json, "default", rules.open ? "open" : "closed");
    tl_json_pair_int64(&json, "version", rules.version);
    tl_json_pair_text(&json, "message", rules.broken ? rules.failure : NULL);
    tl_json_end_object(&json);
    put_identity(call, &json);
    tl_json_end_object(&json);
    tl_api_reply_json(call, ready ? 200 : 503, &buf);
}

static void put_metric(struct tl_buf *text, const char *name, const char *type, const char *help, int64_t value)
{
    tl_buf_addf(text, "# HELP townlake_%s %s\n# TYPE townlake_%s %s\ntownlake_%s %lld\n", name, help, name, type, name, (long long)value);
}

void tl_api_metrics(struct tl_api_call *call)
{
    struct tl_engine_health engine;
    tl_engine_health(call->api->parts.engine, &engine);
    struct tl_store_health store = {0};
    bool store_ok = tl_store_health(call->api->parts.store, &store, &call->rq.err) == TL_OK;
    struct tl_buf text;
    tl_buf_init(&text, ANSWER_MAX);
    put_metric(&text, "statements_total", "counter", "Statements posted.", atomic_load(&call->api->statements));
    put_metric(&text, "statement_failures_total", "counter", "Statements that ended with an error.", atomic_load(&call->api->failures));
    put_metric(&text, "statements_open", "gauge", "Statements whose result is being fetched.", (int64_t)tl_queries_count(call->api->queries));
    put_metric(&text, "engine_ready", "gauge", "1 when the engine takes statements.", engine.ready);
    put_metric(&text, "engine_restarts_total", "counter", "Times the engine process was started again.", engine.restarts);
    put_metric(&text, "engine_running", "gauge", "Statements running in the engine.", engine.running);
    put_metric(&text, "engine_memory_bytes", "gauge", "Resident memory of the engine process.", engine.memory_bytes);
    struct tl_admission_counts load;
    tl_door_load(call->api->parts.door, &load);
    put_metric(&text, "statements_running", "gauge", "Statements that have their turn.", load.running);
    put_metric(&text, "statements_heavy", "gauge", "... of them, those that read or run much.", load.heavy);
    put_metric(&text, "statements_waiting", "gauge", "Statements that wait for their turn.", load.waiting);
    put_metric(&text, "state_ready", "gauge", "1 when the state can be read.", store_ok);
    put_metric(&text, "state_size_bytes", "gauge", "Size of the state on disk.", store.size_bytes);
    put_metric(&text, "history_failures_total", "counter", "History rows that could not be written.", store.append_failures);
    struct tl_skimmer_counts skimmed;
    tl_skimmer_load(call->api->parts.skimmer, &skimmed);
    put_metric(&text, "skimmer_tables_total", "counter", "Tables the Skimmer looked into.", skimmed.scanned);
    put_metric(&text, "skimmer_failures_total", "counter", "... that could not be read.", skimmed.failed);
    put_metric(&text, "skimmer_rows_total", "counter", "Rows it read.", skimmed.rows);
    put_metric(&text, "skimmer_findings_total", "counter", "Columns in which it found something.", skimmed.findings);
    put_metric(&text, "skimmer_tables_due", "gauge", "Tables it has yet to look into.", skimmed.due);
    tl_http_respond(call->exchange, 200, "text/plain; version=0.0.4; charset=utf-8", (struct tl_str){text.data, text.size}, false);
    tl_buf_done(&text);
}

void tl_api_request_page(struct tl_api_call *call)
{
    tl_http_respond(call->exchange, 200, "text/html; charset=utf-8", tl_str_of(request_page), false);
}

void tl_api_openapi(struct tl_api_call *call)
{
    tl_http_allow_gzip(call->exchange);
    tl_http_respond(call->exchange, 200, "application/json", tl_str_of(openapi_document), false);
}

void tl_api_queries_list(struct tl_api_call *call)
{
    const char *all = tl_http_query_param(call->exchange, "all");
    const char *user = call->rq.principal->user;
    if (all && strcmp(all, "true") == 0) {
        if (!tl_principal_is_admin(call->rq.principal)) {
            tl_err_set(&call->rq.err, TL_NOT_ALLOWED, "only members of the group \"admin\" see the statements of others");
            tl_err_hint(&call->rq.err, "leave out ?all=true for your own");
            tl_api_fail(call);
            return;
        }
        user = NULL;
    }
    struct tl_buf json;
    tl_buf_init(&json, 64 * ANSWER_MAX);
    if (tl_door_history(&call->rq, call->api->parts.door, user, tl_api_count_param(call, 100, 1000), &json) != TL_OK) {
        tl_buf_done(&json);
        tl_api_fail(call);
        return;
    }
    tl_api_reply_json(call, 200, &json);
}

void tl_api_complete(struct tl_api_call *call)
{
    struct tl_session session = {
        .catalog = tl_http_query_param(call->exchange, "catalog"),
        .schema = tl_http_query_param(call->exchange, "schema"),
    };
    const char *prefix = tl_http_query_param(call->exchange, "prefix");
    struct tl_buf json;
    tl_buf_init(&json, ANSWER_MAX);
    if (tl_door_complete(&call->rq, call->api->parts.door, &session, prefix ? prefix : "", tl_api_count_param(call, 50, 500), &json) != TL_OK) {
        tl_buf_done(&json);
        tl_api_fail(call);
        return;
    }
    tl_api_reply_json(call, 200, &json);
}
