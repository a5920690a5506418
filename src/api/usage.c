/* Usage over HTTP. */
#include "api/api_int.h"
#include "catalog/usage.h"

enum { ANSWER_MAX = 16 * 1024 * 1024, POPULAR_MAX = 50 };

static enum tl_code put_dataset(struct tl_api_call *call, const char *name, struct tl_json_writer *json)
{
    const struct tl_api_parts *parts = &call->api->parts;
    struct tl_grant_scope scope;
    struct tl_source_dataset dataset;
    if (tl_door_find_dataset(&call->rq, parts->door, name, &scope, &dataset) != TL_OK)
        return call->rq.err.code;
    tl_json_pair_text(json, "source", scope.source);
    tl_json_pair_text(json, "schema", scope.schema);
    tl_json_pair_text(json, "table", scope.table);
    return tl_usage_put(&call->rq, parts->store, parts->lifeguard, &scope, json);
}

static enum tl_code put_popular(struct tl_api_call *call, struct tl_json_writer *json)
{
    tl_json_key(json, "datasets");
    return tl_usage_put_popular(&call->rq, call->api->parts.store, call->api->parts.lifeguard, POPULAR_MAX, json);
}

void tl_api_usage(struct tl_api_call *call)
{
    const char *name = tl_http_query_param(call->exchange, "dataset");
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    enum tl_code code = name ? put_dataset(call, name, &json) : put_popular(call, &json);
    tl_json_end_object(&json);
    if (code == TL_OK && buf.failed)
        code = tl_err_set(&call->rq.err, TL_TOO_LARGE, "the answer is longer than %d bytes", ANSWER_MAX);
    if (code == TL_OK) {
        tl_api_reply_json(call, 200, &buf);
        return;
    }
    tl_buf_done(&buf);
    tl_api_fail(call);
}
