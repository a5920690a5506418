/* The Iceberg REST catalog: bytes in, bytes out; everything it means is in lake/. */
#include <string.h>

#include "api/api_int.h"

enum { TOKEN_EXPIRES_S = 3600 /* then the client asks again, and a token that was revoked is told so */ };

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

/* Who read or changed which table by its files is on the record; the engine's statements have records of their own. */
static void note(struct tl_api_call *call, const struct tl_lake_reply *reply)
{
    if (reply->act)
        tl_api_note(call, "lake", tl_arena_printf(call->rq.arena, "%s.%s", call->api->parts.lake_name, reply->subject), NULL, reply->act);
}

void tl_api_iceberg(struct tl_api_call *call)
{
    if (!call->api->parts.lake) {
        tl_http_respond(call->exchange, 404, "application/json",
                        TL_STR("{\"error\":{\"message\":\"this server has no lake\",\"type\":\"NotFoundException\",\"code\":404}}"), false);
        return;
    }
    struct tl_lake_rights rights = {call->rq.principal, call->api->parts.lifeguard, call->api->parts.lake_name};
    struct tl_lake_call lake_call = {
        .method = tl_http_is_head(call->exchange) ? "HEAD" : tl_http_method(call->exchange),
        .path = tl_arena_printf(call->rq.arena, "/%s", tl_api_param(call, "rest")),
        .query_param = query_param,
        .header = header,
        .context = call,
        .body = tl_http_body(call->exchange),
        .rights = call->rq.principal ? &rights : NULL,
    };
    struct tl_lake_reply reply = {.status = 500};
    tl_lake_rest(&call->rq, call->api->parts.lake, &lake_call, &reply);
    note(call, &reply);
    if (reply.etag)
        tl_http_set_header(call->exchange, "ETag", reply.etag);
    tl_http_allow_gzip(call->exchange);
    tl_http_respond(call->exchange, reply.status, reply.body.size ? "application/json" : NULL, reply.body, true);
}

/* --- client credentials (RFC 6749, 4.4): one of our tokens is the secret, and what it is exchanged for --- */

static void refuse_token(struct tl_api_call *call, int status, const char *error, const char *why)
{
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, 4096);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "error", error);
    tl_json_pair_text(&writer, "error_description", why);
    tl_json_end_object(&writer);
    tl_http_set_header(call->exchange, "Cache-Control", "no-store");
    tl_http_respond(call->exchange, status, "application/json", (struct tl_str){tl_buf_cstr(&buf), buf.size}, false);
    tl_buf_done(&buf);
}

/* The secret of the form, or that of Basic; NULL: neither. */
static const char *authorization_of(struct tl_api_call *call)
{
    const char *secret = tl_api_form_value(call, "client_secret");
    const char *shown = tl_http_header(call->exchange, "Authorization");
    if (secret && *secret)
        return tl_arena_printf(call->rq.arena, "Bearer %s", secret);
    return shown && strncmp(shown, "Basic ", 6) == 0 ? shown : NULL;
}

void tl_api_iceberg_token(struct tl_api_call *call)
{
    const char *grant = tl_api_form_value(call, "grant_type"), *client = tl_api_form_value(call, "client_id");
    const char *authorization = authorization_of(call);
    if (!tl_streq(grant, "client_credentials")) {
        refuse_token(call, 400, "unsupported_grant_type", "only client_credentials is offered");
        return;
    }
    struct tl_auth_attempt attempt = {.authorization = authorization, .from_loopback = tl_http_peer_is_loopback(call->exchange),
                                      .host = tl_http_header(call->exchange, "Host")};
    if (!authorization || tl_auth_check(call->api->parts.auth, call->rq.arena, &attempt, &call->rq.principal, &call->rq.err) != TL_OK ||
        !call->rq.principal->authenticated ||
        (client && *client && !tl_streq(client, call->rq.principal->user) && !tl_streq(client, call->rq.principal->credential))) {
        call->rq.principal = NULL;
        if (call->rq.err.code == TL_OK)
            tl_err_set(&call->rq.err, TL_UNAUTHENTICATED, "the client's credentials are not valid");
        tl_api_note_refusal(call);
        refuse_token(call, 401, "invalid_client", "the client_secret must be a token of this server, the client_id its user or its id");
        return;
    }
    struct tl_buf buf;
    struct tl_json_writer writer;
    tl_buf_init(&buf, 64 * 1024);
    tl_json_writer_init(&writer, &buf);
    tl_json_begin_object(&writer);
    tl_json_pair_text(&writer, "access_token", tl_auth_secret(call->rq.arena, authorization));
    tl_json_pair_text(&writer, "token_type", "bearer");
    tl_json_pair_int64(&writer, "expires_in", TOKEN_EXPIRES_S);
    tl_json_pair_text(&writer, "issued_token_type", "urn:ietf:params:oauth:token-type:access_token");
    tl_json_end_object(&writer);
    tl_http_set_header(call->exchange, "Cache-Control", "no-store");
    tl_http_respond(call->exchange, 200, "application/json", (struct tl_str){tl_buf_cstr(&buf), buf.size}, false);
    tl_buf_done(&buf);
}
