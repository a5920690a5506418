#include "api/api.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "api/queries.h"
#include "auth/tokens.h"
#include "base/clock.h"
#include "route_table.h" /* generated: static const struct tl_api_route route_table[] */

enum { PAGE_BYTES = 1024 * 1024, ABANDONED_AFTER_US = 300 * 1000000, ID_JSON_MAX = 4096 };

tl_api *tl_api_new(const struct tl_api_parts *parts)
{
    tl_api *api = tl_heap_alloc(sizeof *api);
    api->parts = *parts;
    if (!api->parts.page_bytes)
        api->parts.page_bytes = PAGE_BYTES;
    if (!api->parts.abandoned_after_us)
        api->parts.abandoned_after_us = ABANDONED_AFTER_US;
    api->trino = tl_api_trino_new();
    api->mcp = tl_api_mcp_new();
    api->spool = tl_spool_new(&(struct tl_spool_limits){.keep_us = api->parts.abandoned_after_us});
    api->queries = tl_queries_new(parts->engine, api->spool, api->parts.abandoned_after_us);
    api->started_us = tl_clock_monotonic_us();
    return api;
}

tl_api *tl_api_free(tl_api *api)
{
    if (!api)
        return NULL;
    tl_queries_free(api->queries);
    tl_spool_free(api->spool);
    tl_api_trino_free(api->trino);
    tl_api_mcp_free(api->mcp);
    free(api);
    return NULL;
}

/* Does the path fit the pattern?  Fills the call's parameters; {rest} takes all that is left, undecoded. */
static bool match(struct tl_api_call *call, const char *pattern, const char *path)
{
    call->param_count = 0;
    while (*pattern) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        const char *name_end = strchr(pattern, '}');
        char *name = tl_arena_strndup(call->rq.arena, pattern + 1, (size_t)(name_end - pattern - 1));
        bool rest = strcmp(name, "rest") == 0;
        size_t size = rest ? strlen(path) : strcspn(path, "/");
        char *value = rest ? tl_arena_strndup(call->rq.arena, path, size) : tl_http_decode(call->rq.arena, path, size, false);
        if (!value || size == 0)
            return false;
        call->param_names[call->param_count] = name;
        call->param_values[call->param_count++] = value;
        path += size;
        pattern = name_end + 1;
    }
    return *path == '\0';
}

static const struct tl_api_route *find_route(struct tl_api_call *call, bool *ret_path_known)
{
    const char *path = tl_http_path(call->exchange), *method = tl_http_method(call->exchange);
    *ret_path_known = false;
    for (size_t i = 0; i < sizeof route_table / sizeof *route_table; i++) {
        if (!match(call, route_table[i].path, path))
            continue;
        *ret_path_known = true;
        if (strcmp(route_table[i].method, method) == 0)
            return &route_table[i];
    }
    return NULL;
}

const char *tl_api_param(const struct tl_api_call *call, const char *name)
{
    for (size_t i = 0; i < call->param_count; i++)
        if (strcmp(call->param_names[i], name) == 0)
            return call->param_values[i];
    return "";
}

/* Who tries to change what they may not is on the record; statements have records of their own. */
static bool tried_to_change(struct tl_api_call *call)
{
    const char *method = tl_http_method(call->exchange);
    return call->rq.err.code == TL_NOT_ALLOWED && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
}

void tl_api_fail(struct tl_api_call *call)
{
    if (tried_to_change(call))
        tl_api_note_refusal(call);
    tl_err_hint(&call->rq.err, "%s", tl_code_info(call->rq.err.code)->help); /* when nothing more exact was said */
    tl_http_respond_err(call->exchange, &call->rq.err);
}

const tl_json *tl_api_read_body(struct tl_api_call *call)
{
    struct tl_str body = tl_http_body(call->exchange);
    const tl_json *root = NULL;
    if (tl_json_parse(call->rq.arena, body.data, body.size, &root, &call->rq.err) == TL_OK && !tl_json_is_object(root))
        tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "the body must be a JSON object");
    if (call->rq.err.code == TL_OK)
        return root;
    tl_api_fail(call);
    return NULL;
}

const char *tl_api_form_value(struct tl_api_call *call, const char *name)
{
    struct tl_str form = tl_http_body(call->exchange);
    size_t size = strlen(name);
    for (size_t at = 0; at < form.size;) {
        const char *end = memchr(form.data + at, '&', form.size - at);
        size_t length = end ? (size_t)(end - form.data) - at : form.size - at;
        if (length > size && memcmp(form.data + at, name, size) == 0 && form.data[at + size] == '=')
            return tl_http_decode(call->rq.arena, form.data + at + size + 1, length - size - 1, true);
        at += length + 1;
    }
    return NULL;
}

const char **tl_api_column_names(tl_arena *arena, const struct tl_source_dataset *dataset)
{
    const char **names = TL_NEW_ARRAY(arena, const char *, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        names[i] = dataset->columns[i].name;
    return names;
}

int tl_api_count_param(struct tl_api_call *call, int fallback, int most)
{
    const char *text = tl_http_query_param(call->exchange, "count");
    int count = fallback, used = 0;
    if (!text || sscanf(text, "%9d%n", &count, &used) != 1 || text[used] || count < 1)
        return fallback;
    return count > most ? most : count;
}

void tl_api_reply_json(struct tl_api_call *call, int status, struct tl_buf *json)
{
    tl_http_allow_gzip(call->exchange);
    tl_http_respond(call->exchange, status, "application/json", (struct tl_str){tl_buf_cstr(json), json->size}, false);
    tl_buf_done(json);
}

void tl_api_reply_done(struct tl_api_call *call, enum tl_code code)
{
    if (code == TL_OK)
        tl_http_respond(call->exchange, 204, NULL, TL_STR(""), false);
    else
        tl_api_fail(call);
}

void tl_api_reply_id(struct tl_api_call *call, enum tl_code code, const char *id)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    if (code != TL_OK) {
        tl_api_fail(call);
        return;
    }
    tl_buf_init(&buf, ID_JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "id", id);
    tl_json_end_object(&json);
    tl_api_reply_json(call, 200, &buf);
}

static enum tl_code check_scope(struct tl_api_call *call, const struct tl_api_route *route)
{
    const struct tl_principal *principal = call->rq.principal;
    if ((principal->withheld & route->scope) == 0)
        return TL_OK;
    const char *scopes = tl_scopes_text(call->rq.arena, route->scope);
    tl_err_set(&call->rq.err, TL_NOT_ALLOWED, "the token lacks the scope \"%s\"", scopes);
    tl_err_hint(&call->rq.err, "use a token that has it: townlake token create --scope %s", scopes);
    return TL_NOT_ALLOWED;
}

static enum tl_code authenticate(struct tl_api_call *call, const struct tl_api_route *route)
{
    tl_http_exchange *exchange = call->exchange;
    const char *method = tl_http_method(exchange);
    struct tl_auth_attempt attempt = {
        .authorization = tl_http_header(exchange, "Authorization"),
        .claimed_user = tl_http_header(exchange, "X-Trino-User"),
        .from_loopback = tl_http_peer_is_loopback(exchange),
        .host = tl_http_header(exchange, "Host"),
        .assertion = tl_http_header(exchange, "Cf-Access-Jwt-Assertion"),
        .cookie = tl_http_header(exchange, "Cookie"),
        .csrf_token = tl_http_header(exchange, "X-Townlake-CSRF"),
        .origin = tl_http_header(exchange, "Origin"),
        .fetch_site = tl_http_header(exchange, "Sec-Fetch-Site"),
        .changes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "OPTIONS") != 0,
    };
    enum tl_code code = tl_auth_check(call->api->parts.auth, call->rq.arena, &attempt, &call->rq.principal, &call->rq.err);
    call->csrf_token = attempt.csrf_wanted;
    if (attempt.set_cookie)
        tl_http_set_header(exchange, "Set-Cookie", attempt.set_cookie);
    return code == TL_OK ? check_scope(call, route) : code;
}

static bool is_engine(struct tl_api_call *call)
{
    const char *shown = tl_http_header(call->exchange, "Authorization"), *token = call->api->parts.engine_token;
    static const char scheme[] = "Bearer ";
    if (!shown || !token || strncmp(shown, scheme, sizeof scheme - 1) != 0)
        return false;
    shown += sizeof scheme - 1;
    return tl_equal_constant_time(shown, strlen(shown), token, strlen(token));
}

/* Who shows nothing has only forgotten to; who shows something wrong may be trying. */
static bool shows_something(struct tl_api_call *call)
{
    tl_http_exchange *exchange = call->exchange;
    return tl_http_header(exchange, "Authorization") || tl_http_header(exchange, "Cf-Access-Jwt-Assertion") || tl_http_header(exchange, "Cookie");
}

/* The engine, whose statements the door has checked: call->rq.principal stays NULL.  Others show who they are, by more than a word,
 * and have what the rules open to them (lake/rights.c). */
static bool may_reach_lake(struct tl_api_call *call, const struct tl_api_route *route)
{
    if (is_engine(call))
        return true;
    if (authenticate(call, route) == TL_OK && call->rq.principal->authenticated)
        return true;
    if (shows_something(call))
        tl_api_note_refusal(call);
    bool denied = call->rq.err.code == TL_NOT_ALLOWED;
    tl_http_respond(call->exchange, denied ? 403 : 401, "application/json",
                    denied ? TL_STR("{\"error\":{\"message\":\"the token may not read\",\"type\":\"ForbiddenException\",\"code\":403}}")
                           : TL_STR("{\"error\":{\"message\":\"no valid token\",\"type\":\"NotAuthorizedException\",\"code\":401}}"),
                    false);
    call->rq.principal = NULL;
    return false;
}

/* Trino's fetch shows no header of ours: the address carries a key. */
static bool may_read_rules(struct tl_api_call *call, const struct tl_api_route *route)
{
    const char *key = call->api->parts.trino_key, *shown = tl_http_query_param(call->exchange, "key");
    if (key && *key && shown && tl_equal_constant_time(shown, strlen(shown), key, strlen(key)))
        return true;
    if (authenticate(call, route) == TL_OK && call->rq.principal->authenticated && tl_principal_is_admin(call->rq.principal))
        return true;
    tl_err_init(&call->rq.err);
    tl_err_set(&call->rq.err, TL_UNAUTHENTICATED, "the rules are for Trino and for administrators");
    tl_err_hint(&call->rq.err, "set lifeguard.trino_key, and give it in the address: rules.json?key=...");
    tl_api_fail(call);
    return false;
}

static bool admitted(struct tl_api_call *call, const struct tl_api_route *route)
{
    if (route->form == TL_API_FORM_MCP && !tl_api_mcp_may_come(call))
        return false;
    if (route->auth == TL_API_AUTH_OPEN)
        return true;
    if (route->auth == TL_API_AUTH_TRINO)
        return may_read_rules(call, route);
    if (route->auth == TL_API_AUTH_ENGINE)
        return may_reach_lake(call, route);
    if (authenticate(call, route) == TL_OK)
        return true;
    if (shows_something(call))
        tl_api_note_refusal(call);
    bool page = tl_http_header(call->exchange, "Sec-Fetch-Site") != NULL; /* a page's script would have its user asked for a password */
    if (call->rq.err.code == TL_UNAUTHENTICATED && route->form == TL_API_FORM_MCP)
        tl_api_mcp_challenge(call);
    else if (call->rq.err.code == TL_UNAUTHENTICATED && !page)
        tl_http_set_header(call->exchange, "WWW-Authenticate", "Basic realm=\"Town Lake\"");
    if (route->form == TL_API_FORM_SCIM) {
        tl_api_scim_refuse(call);
    } else if (route->form == TL_API_FORM_TRINO) { /* its clients show the text of a 401 as it is */
        const char *text = tl_arena_printf(call->rq.arena, "%s%s%s", call->rq.err.message, call->rq.err.hint[0] ? "\nHint: " : "", call->rq.err.hint);
        tl_http_respond(call->exchange, tl_code_info(call->rq.err.code)->http_status, "text/plain; charset=utf-8", tl_str_of(text), true);
    } else {
        tl_api_fail(call);
    }
    return false;
}

static void handle(tl_api *api, tl_http_exchange *exchange, bool engine_only)
{
    struct tl_api_call call = {.api = api, .exchange = exchange};
    tl_request_init(&call.rq, tl_http_arena(exchange));
    bool path_known;
    const struct tl_api_route *route = find_route(&call, &path_known);
    if (engine_only && route && route->auth != TL_API_AUTH_ENGINE) {
        route = NULL;
        path_known = false;
    }
    if (!route) {
        tl_err_set(&call.rq.err, path_known ? TL_UNSUPPORTED : TL_NOT_FOUND, "no route %s %s", tl_http_method(exchange), tl_http_path(exchange));
        tl_err_hint(&call.rq.err, "GET /api/v1/openapi.json lists the routes");
        tl_api_fail(&call);
        return;
    }
    if (admitted(&call, route))
        route->handler(&call);
}

void tl_api_handle(void *context, tl_http_exchange *exchange)
{
    handle(context, exchange, false);
}

void tl_api_handle_engine(void *context, tl_http_exchange *exchange)
{
    handle(context, exchange, true);
}
