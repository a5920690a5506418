/* The Skimmer over HTTP: what it does, what it found, looking again, resting. */
#include "api/api_int.h"

enum { ANSWER_MAX = 256 * 1024 * 1024 };

void tl_api_skimmer_status(struct tl_api_call *call)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    enum tl_code code = tl_skimmer_put_status(&call->rq, call->api->parts.skimmer, &json);
    tl_json_end_object(&json);
    tl_api_finish(call, code, &buf);
}

static enum tl_code find_scope(struct tl_api_call *call, const char *table, struct tl_grant_scope *ret_scope)
{
    struct tl_source_dataset dataset;
    return tl_door_find_dataset(&call->rq, call->api->parts.door, table, ret_scope, &dataset);
}

void tl_api_skimmer_findings(struct tl_api_call *call)
{
    struct tl_grant_scope scope = {.source = tl_http_query_param(call->exchange, "source")};
    const char *table = tl_http_query_param(call->exchange, "table"), *all = tl_http_query_param(call->exchange, "all");
    struct tl_buf buf;
    struct tl_json_writer json;
    if (table && find_scope(call, table, &scope) != TL_OK) {
        tl_api_fail(call);
        return;
    }
    struct tl_skimmer_filter filter = {scope.source, scope.schema, scope.table, tl_http_query_param(call->exchange, "standing"), !tl_streq(all, "true")};
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "columns");
    enum tl_code code = tl_skimmer_put_findings(&call->rq, call->api->parts.skimmer, &filter, &json);
    tl_json_end_object(&json);
    tl_api_finish(call, code, &buf);
}

void tl_api_skimmer_scan(struct tl_api_call *call)
{
    const tl_json *body = tl_api_read_body(call);
    struct tl_grant_scope scope = {.source = tl_json_get_text(body, "source")};
    if (!body)
        return;
    const char *table = tl_json_get_text(body, "table");
    enum tl_code code = table ? find_scope(call, table, &scope) : TL_OK;
    tl_api_reply_done(call, code == TL_OK ? tl_skimmer_scan(&call->rq, call->api->parts.skimmer, &scope) : code);
}

void tl_api_skimmer_pause(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_skimmer_pause(&call->rq, call->api->parts.skimmer, true));
}

void tl_api_skimmer_resume(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_skimmer_pause(&call->rq, call->api->parts.skimmer, false));
}
