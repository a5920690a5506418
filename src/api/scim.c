/* SCIM over HTTP: the request taken apart, the answer put together. */
#include "auth/scim.h"

#include <string.h>

#include "api/page.h"

static void reply(struct tl_api_call *call, const struct tl_scim_answer *answer)
{
    tl_http_set_header(call->exchange, "Cache-Control", "no-store");
    if (answer->version)
        tl_http_set_header(call->exchange, "ETag", answer->version);
    if (answer->location)
        tl_http_set_header(call->exchange, "Location", answer->location);
    tl_http_respond(call->exchange, answer->status, answer->body.size ? "application/scim+json" : NULL, answer->body, true);
}

void tl_api_scim_refuse(struct tl_api_call *call)
{
    struct tl_scim_answer answer;
    tl_scim_refuse(&call->rq, tl_code_info(call->rq.err.code)->http_status, &answer);
    reply(call, &answer);
}

void tl_api_scim(struct tl_api_call *call)
{
    tl_http_exchange *exchange = call->exchange;
    struct tl_scim_call request = {
        .method = tl_http_method(exchange),
        .path = tl_api_param(call, "rest"),
        .base_url = tl_arena_printf(call->rq.arena, "%s/scim/v2", tl_page_base_url(call)),
        .filter = tl_http_query_param(exchange, "filter"),
        .start_index = tl_http_query_param(exchange, "startIndex"),
        .count = tl_http_query_param(exchange, "count"),
        .attributes = tl_http_query_param(exchange, "attributes"),
        .excluded_attributes = tl_http_query_param(exchange, "excludedAttributes"),
        .if_match = tl_http_header(exchange, "If-Match"),
        .if_none_match = tl_http_header(exchange, "If-None-Match"),
        .body = tl_http_body(exchange),
    };
    struct tl_scim_answer answer;
    tl_scim_handle(&call->rq, call->api->parts.auth, &request, &answer);
    bool searched = strstr(request.path, ".search") != NULL;
    if (answer.status < 300 && strcmp(request.method, "GET") != 0 && !searched)
        tl_api_note(call, "scim", request.path, NULL, request.method);
    reply(call, &answer);
}
