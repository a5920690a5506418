/* Who the caller is, signing in and out, and the tokens they made. */
#include "api/api_int.h"
#include "auth/login.h"
#include "auth/tokens.h"

enum { ANSWER_MAX = 4 * 1024 * 1024, GROUPS_MAX = 100 };

static void put_names(struct tl_json_writer *json, const char *key, size_t count, const char *const *names)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        tl_json_put_text(json, names[i]);
    tl_json_end_array(json);
}

void tl_api_me(struct tl_api_call *call)
{
    const struct tl_principal *principal = call->rq.principal;
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "user", principal->user);
    put_names(&json, "groups", principal->group_count, principal->groups);
    tl_json_pair_bool(&json, "authenticated", principal->authenticated);
    tl_json_pair_text(&json, "by", tl_auth_kind_name(principal->kind));
    tl_json_pair_text(&json, "scopes", tl_scopes_text(call->rq.arena, TL_SCOPES_ALL & ~principal->withheld));
    tl_json_pair_text(&json, "credential", principal->credential);
    if (call->csrf_token)
        tl_json_pair_text(&json, "csrf_token", call->csrf_token);
    tl_json_key(&json, "attributes");
    tl_json_begin_object(&json);
    for (size_t i = 0; i < principal->attribute_count; i++)
        tl_json_pair_text(&json, principal->attributes[i].name, principal->attributes[i].value);
    tl_json_end_object(&json);
    tl_json_end_object(&json);
    tl_http_set_header(call->exchange, "Cache-Control", "no-store");
    tl_api_reply_json(call, 200, &buf);
}

static void put_time(struct tl_json_writer *json, const char *key, int64_t time_us)
{
    tl_json_key(json, key);
    if (time_us)
        tl_json_put_int64(json, time_us);
    else
        tl_json_put_null(json);
}

static void put_token(struct tl_json_writer *json, const struct tl_token_info *token, const char *secret)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "id", token->id);
    if (secret)
        tl_json_pair_text(json, "token", secret);
    tl_json_pair_text(json, "name", token->label);
    tl_json_pair_text(json, "kind", token->kind);
    tl_json_pair_text(json, "user", token->user);
    tl_json_pair_text(json, "scopes", token->scopes);
    put_names(json, "groups", token->group_count, token->groups);
    tl_json_pair_text(json, "state", token->state);
    tl_json_pair_text(json, "created_by", token->created_by);
    put_time(json, "created_at_us", token->created_at_us);
    put_time(json, "expires_at_us", token->expires_at_us);
    put_time(json, "revoked_at_us", token->revoked_at_us);
    put_time(json, "used_at_us", token->used_at_us);
    tl_json_end_object(json);
}

static enum tl_code read_wish(struct tl_api_call *call, const tl_json *root, struct tl_token_wish *wish)
{
    struct tl_err *err = &call->rq.err;
    const char *bad = "";
    const tl_json *groups = tl_json_get(root, "groups");
    const char *scopes = tl_json_get_text(root, "scopes"), *lifetime = tl_json_get_text(root, "lifetime");
    *wish = (struct tl_token_wish){.label = tl_json_get_text(root, "name"), .service = tl_json_get_text(root, "service")};
    if (!tl_scopes_read(call->rq.arena, scopes ? scopes : "read", &wish->scopes, &bad)) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "there is no scope \"%.40s\"", bad);
        tl_err_hint(err, "read, write, admin, scim; several are separated by commas");
        return TL_INVALID_ARGUMENT;
    }
    if (lifetime && (!tl_parse_duration_us(lifetime, &wish->lifetime_us) || wish->lifetime_us <= 0))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the lifetime is a duration such as 30d, not \"%.40s\"", lifetime);
    if (tl_json_count(groups) > GROUPS_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a service has at most %d groups", GROUPS_MAX);
    const char **names = TL_NEW_ARRAY(call->rq.arena, const char *, tl_json_count(groups));
    for (struct tl_json_iter it = tl_json_iter(groups); tl_json_next(&it);)
        names[wish->group_count++] = tl_json_text(it.value) ? tl_json_text(it.value) : "";
    wish->groups = names;
    return TL_OK;
}

void tl_api_tokens_create(struct tl_api_call *call)
{
    struct tl_token_wish wish;
    struct tl_token_info info;
    const char *secret;
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    if (read_wish(call, body, &wish) != TL_OK || tl_token_create(&call->rq, call->api->parts.auth, &wish, &secret, &info) != TL_OK) {
        tl_api_fail(call);
        return;
    }
    tl_api_note(call, "token_created", info.id, NULL, tl_arena_printf(call->rq.arena, "%s of %s, scopes %s", info.kind, info.user, info.scopes));
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    put_token(&json, &info, secret);
    tl_http_set_header(call->exchange, "Cache-Control", "no-store");
    tl_api_reply_json(call, 201, &buf);
}

void tl_api_tokens_list(struct tl_api_call *call)
{
    struct tl_token_info *tokens;
    size_t count;
    bool all = tl_streq(tl_http_query_param(call->exchange, "all"), "true");
    if (tl_token_list(&call->rq, call->api->parts.auth, all, &tokens, &count) != TL_OK) {
        tl_api_fail(call);
        return;
    }
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "tokens");
    tl_json_begin_array(&json);
    for (size_t i = 0; i < count; i++)
        put_token(&json, &tokens[i], NULL);
    tl_json_end_array(&json);
    tl_json_end_object(&json);
    tl_api_reply_json(call, 200, &buf);
}

void tl_api_tokens_revoke(struct tl_api_call *call)
{
    if (tl_token_revoke(&call->rq, call->api->parts.auth, tl_api_param(call, "id")) != TL_OK) {
        tl_api_fail(call);
        return;
    }
    tl_api_note(call, "token_revoked", tl_api_param(call, "id"), NULL, NULL);
    tl_http_respond(call->exchange, 204, NULL, TL_STR(""), false);
}

/* ---- signing in and out ---- */

static void set_cookies(struct tl_api_call *call, const struct tl_login_answer *answer)
{
    tl_http_set_header(call->exchange, "Cache-Control", "no-store");
    tl_http_set_header(call->exchange, "Referrer-Policy", "no-referrer"); /* the address holds the code */
    for (size_t i = 0; i < answer->cookie_count; i++)
        tl_http_set_header(call->exchange, "Set-Cookie", answer->cookies[i]);
}

static void redirect(struct tl_api_call *call, const struct tl_login_answer *answer)
{
    set_cookies(call, answer);
    tl_http_set_header(call->exchange, "Location", answer->location);
    tl_http_respond(call->exchange, 302, "text/plain; charset=utf-8", TL_STR("go on\n"), false);
}

void tl_api_auth_login(struct tl_api_call *call)
{
    struct tl_login_answer answer;
    if (tl_login_start(&call->rq, call->api->parts.auth, tl_http_query_param(call->exchange, "return"), &answer) == TL_OK)
        redirect(call, &answer);
    else
        tl_api_fail(call);
}

void tl_api_auth_callback(struct tl_api_call *call)
{
    struct tl_login_return from = {
        .code = tl_http_query_param(call->exchange, "code"),
        .state = tl_http_query_param(call->exchange, "state"),
        .issuer = tl_http_query_param(call->exchange, "iss"),
        .error = tl_http_query_param(call->exchange, "error"),
        .cookie = tl_http_header(call->exchange, "Cookie"),
    };
    struct tl_login_answer answer;
    if (tl_login_finish(&call->rq, call->api->parts.auth, &from, &answer) == TL_OK) {
        tl_api_note(call, "signed_in", answer.user, answer.user, NULL);
        redirect(call, &answer);
        return;
    }
    tl_api_note_refusal(call);
    set_cookies(call, &answer);
    tl_api_fail(call);
}

void tl_api_auth_ended_there(struct tl_api_call *call)
{
    const char *token = tl_api_form_value(call, "logout_token");
    int64_t sessions;
    tl_http_set_header(call->exchange, "Cache-Control", "no-store");
    if (!token)
        tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "the form has no logout_token");
    if (!token || tl_login_ended_there(&call->rq, call->api->parts.auth, tl_str_of(token), &sessions) != TL_OK) {
        tl_api_note_refusal(call);
        tl_api_fail(call);
        return;
    }
    tl_api_note(call, "signed_out", "sessions", NULL, tl_arena_printf(call->rq.arena, "%lld ended by the identity provider", (long long)sessions));
    tl_http_respond(call->exchange, 200, NULL, TL_STR(""), false);
}

void tl_api_auth_logout(struct tl_api_call *call)
{
    struct tl_login_answer answer;
    enum tl_code code = tl_login_end(&call->rq, call->api->parts.auth, tl_http_header(call->exchange, "Cookie"), &answer);
    set_cookies(call, &answer);
    if (code != TL_OK) {
        tl_api_fail(call);
        return;
    }
    tl_api_note(call, "signed_out", call->rq.principal->user, NULL, NULL);
    struct tl_buf buf;
    tl_buf_init(&buf, ANSWER_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "location", answer.location ? answer.location : "/");
    tl_json_end_object(&json);
    tl_api_reply_json(call, 200, &buf);
}
