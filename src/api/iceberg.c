/* The Iceberg REST catalog: bytes in, bytes out; everything it means is in lake/. */
#include "api/api_int.h"

static const char *query_param(void *context, const char *name)
{
    struct tl_api_call *call = context;
    return tl_http_query_param(call->exchange, name);
}

static const char *header(void *context, const char *name)
{
    struct tl_api_call *call = context;
    return tl_http_header(call->exchange, name);
}

void tl_api_iceberg(struct tl_api_call *call)
{
    if (!call->api->parts.lake) {
        tl_http_respond(call->exchange, 404, "application/json",
                        TL_STR("{\"error\":{\"message\":\"this server has no lake\",\"type\":\"NotFoundException\",\"code\":404}}"), false);
        return;
    }
    struct tl_lake_call lake_call = {
        .method = tl_http_is_head(call->exchange) ? "HEAD" : tl_http_method(call->exchange),
        .path = tl_arena_printf(call->rq.arena, "/%s", tl_api_param(call, "rest")),
        .query_param = query_param,
        .header = header,
        .context = call,
        .body = tl_http_body(call->exchange),
    };
    struct tl_lake_reply reply = {.status = 500};
    tl_lake_rest(&call->rq, call->api->parts.lake, &lake_call, &reply);
    if (reply.etag)
        tl_http_set_header(call->exchange, "ETag", reply.etag);
    tl_http_respond(call->exchange, reply.status, reply.body.size ? "application/json" : NULL, reply.body, true);
}
