/* Quotas over HTTP. */
#include "api/api_int.h"
#include "lifeguard/quota.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 };

void tl_api_lifeguard_quotas(struct tl_api_call *call)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "quotas");
    tl_lifeguard_put_quotas(&call->rq, call->api->parts.lifeguard, &json);
    tl_json_key(&json, "used");
    tl_lifeguard_put_use(&call->rq, call->api->parts.lifeguard, &json);
    tl_json_end_object(&json);
    tl_api_reply_json(call, 200, &buf);
}

void tl_api_lifeguard_quota(struct tl_api_call *call)
{
    const char *id = NULL;
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    enum tl_code code = tl_lifeguard_quota(&call->rq, call->api->parts.lifeguard, body, &id);
    tl_api_reply_id(call, code, id);
}

void tl_api_lifeguard_remove_quota(struct tl_api_call *call)
{
    const char *reason = tl_http_query_param(call->exchange, "reason");
    tl_api_reply_done(call, tl_lifeguard_remove_quota(&call->rq, call->api->parts.lifeguard, tl_api_param(call, "id"), reason));
}
