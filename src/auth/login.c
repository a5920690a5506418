#include "auth/login.h"

#include <string.h>

#include "auth/base64_int.h"
#include "auth/cookie_int.h"
#include "auth/seal_int.h"
#include "auth/session_int.h"
#include "base/random.h"

enum { RANDOM_BYTES = 32, LOGIN_S = 600, URL_BYTES_MAX = 8192, COOKIE_JSON_MAX = 8192, PARAM_BYTES_MAX = 4096 };

/* A sign-in under way: what the cookie of it holds. */
struct pending {
    const char *state, *nonce, *verifier, *return_to;
    int64_t until_us;
};

static enum tl_code check_mode(tl_auth *auth, struct tl_err *err)
{
    if (auth->settings.mode == TL_AUTH_OIDC && auth->settings.redirect_url[0])
        return TL_OK;
    tl_err_set(err, TL_UNSUPPORTED, "this server has no sign-in by browser");
    tl_err_hint(err, "it needs auth.mode oidc and oidc.redirect_url");
    return TL_UNSUPPORTED;
}

static enum tl_code random_text(tl_arena *arena, const char **ret_text, struct tl_err *err)
{
    unsigned char bytes[RANDOM_BYTES];
    if (tl_random_bytes(bytes, sizeof bytes, err) != TL_OK)
        return err->code;
    *ret_text = tl_base64url_encode(arena, bytes, sizeof bytes);
    return TL_OK;
}

static const char *seal_pending(tl_auth *auth, tl_arena *arena, const struct pending *pending)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, COOKIE_JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "state", pending->state);
    tl_json_pair_text(&json, "nonce", pending->nonce);
    tl_json_pair_text(&json, "verifier", pending->verifier);
    tl_json_pair_text(&json, "return_to", pending->return_to);
    tl_json_pair_int64(&json, "until_us", pending->until_us);
    tl_json_end_object(&json);
    struct tl_str sealed = tl_seal(arena, auth->login_key, (struct tl_str){tl_buf_cstr(&buf), buf.size});
    tl_buf_done(&buf);
    return sealed.data ? tl_base64url_encode(arena, sealed.data, sealed.size) : NULL;
}

static bool open_pending(tl_auth *auth, tl_arena *arena, const char *cookie, struct pending *pending)
{
    struct tl_err ignored;
    struct tl_str sealed;
    const tl_json *json = NULL;
    tl_err_init(&ignored);
    sealed.data = tl_base64url_decode(arena, cookie, strlen(cookie), &sealed.size);
    struct tl_str plain = sealed.data ? tl_unseal(arena, auth->login_key, sealed) : (struct tl_str){NULL, 0};
    if (!plain.data || tl_json_parse(arena, plain.data, plain.size, &json, &ignored) != TL_OK)
        return false;
    *pending = (struct pending){
        .state = tl_json_get_text(json, "state"),
        .nonce = tl_json_get_text(json, "nonce"),
        .verifier = tl_json_get_text(json, "verifier"),
        .return_to = tl_json_get_text(json, "return_to"),
    };
    return pending->state && pending->nonce && pending->verifier && pending->return_to &&
           tl_json_int64(tl_json_get(json, "until_us"), &pending->until_us) && tl_auth_now_us(auth) < pending->until_us;
}

/* ---- in ---- */

static void put_param(struct tl_buf *url, const char *name, const char *value)
{
    tl_buf_addf(url, "%c%s=", strchr(tl_buf_cstr(url), '?') ? '&' : '?', name);
    tl_http_encode(url, value);
}

static const char *challenge_of(tl_arena *arena, const char *verifier)
{
    uint8_t hash[TL_SHA256_SIZE];
    tl_credentials_sha256(tl_str_of(verifier), hash);
    return tl_base64url_encode(arena, hash, sizeof hash);
}

static const char *question(tl_auth *auth, tl_arena *arena, const char *place, const struct pending *pending)
{
    struct tl_buf url;
    tl_buf_init(&url, URL_BYTES_MAX);
    tl_buf_adds(&url, place);
    put_param(&url, "response_type", "code");
    put_param(&url, "client_id", auth->settings.client_id);
    put_param(&url, "redirect_uri", auth->settings.redirect_url);
    put_param(&url, "scope", auth->settings.scopes);
    put_param(&url, "state", pending->state);
    put_param(&url, "nonce", pending->nonce);
    put_param(&url, "code_challenge", challenge_of(arena, pending->verifier));
    put_param(&url, "code_challenge_method", "S256");
    const char *copy = url.failed ? NULL : tl_arena_strdup(arena, tl_buf_cstr(&url));
    tl_buf_done(&url);
    return copy;
}

enum tl_code tl_login_start(struct tl_request *rq, tl_auth *auth, const char *return_to, struct tl_login_answer *ret_answer)
{
    struct tl_provider_places places;
    struct pending pending = {.until_us = tl_auth_now_us(auth) + (int64_t)LOGIN_S * 1000000};
    tl_arena *arena = rq->arena;
    *ret_answer = (struct tl_login_answer){0};
    if (check_mode(auth, &rq->err) != TL_OK || tl_provider_places(auth->provider, arena, &places, &rq->err) != TL_OK ||
        random_text(arena, &pending.state, &rq->err) != TL_OK || random_text(arena, &pending.nonce, &rq->err) != TL_OK ||
        random_text(arena, &pending.verifier, &rq->err) != TL_OK)
        return rq->err.code;
    pending.return_to = tl_cookie_safe_path(arena, return_to);
    const char *cookie = seal_pending(auth, arena, &pending);
    ret_answer->location = places.authorization ? question(auth, arena, places.authorization, &pending) : NULL;
    if (!ret_answer->location || !cookie)
        return tl_err_set(&rq->err, TL_IDENTITY_UNAVAILABLE, "the identity provider does not say where to sign in");
    ret_answer->cookies[ret_answer->cookie_count++] = tl_cookie_write(arena, TL_COOKIE_LOGIN, auth->settings.secure_cookies, cookie, LOGIN_S);
    return TL_OK;
}

static enum tl_code over(struct tl_err *err, const char *message)
{
    tl_err_set(err, TL_UNAUTHENTICATED, "%s", message);
    tl_err_hint(err, "start again at /auth/login");
    return TL_UNAUTHENTICATED;
}

/* Error codes of OAuth are words of the provider's choice: shown only when they look like one. */
static enum tl_code tell_refusal(const char *error, struct tl_err *err)
{
    bool word = strspn(error, "abcdefghijklmnopqrstuvwxyz_") == strlen(error) && strlen(error) <= 64;
    over(err, "the identity provider did not sign you in");
    if (word)
        tl_err_detail(err, "it says \"%s\"", error);
    return err->code;
}

static enum tl_code check_return(tl_auth *auth, tl_arena *arena, const struct tl_login_return *from, struct pending *pending, struct tl_err *err)
{
    const char *cookie = tl_cookie_read(arena, from->cookie, TL_COOKIE_LOGIN, auth->settings.secure_cookies);
    struct tl_provider_places places;
    if (!cookie || !open_pending(auth, arena, cookie, pending))
        return over(err, "this browser did not start the sign-in, or it took more than 10 minutes");
    if (!from->state || !tl_equal_constant_time(from->state, strlen(from->state), pending->state, strlen(pending->state)))
        return over(err, "the answer belongs to another sign-in (state)");
    if (tl_provider_places(auth->provider, arena, &places, err) != TL_OK)
        return err->code;
    if (from->issuer ? !tl_streq(from->issuer, auth->settings.issuer) : places.issuer_in_answers)
        return over(err, "the answer is not of the identity provider that was asked");
    if (from->error)
        return tell_refusal(from->error, err);
    if (!from->code || !from->code[0] || strnlen(from->code, PARAM_BYTES_MAX + 1) > PARAM_BYTES_MAX)
        return over(err, "the identity provider's answer has no code");
    return TL_OK;
}

/* Whoever was signed in with this browser before is not any more. */
static void end_previous(tl_auth *auth, tl_arena *arena, const char *header)
{
    struct tl_browser_session session;
    struct tl_err ignored;
    tl_err_init(&ignored);
    const char *cookie = tl_cookie_read(arena, header, TL_COOKIE_SESSION, auth->settings.secure_cookies);
    if (cookie)
        (void)!tl_session_end(auth, arena, cookie, &session, &ignored);
}

static void tell(tl_auth *auth, const char *kind, const char *user)
{
    tl_store_fact(auth->store, kind, user, TL_STR("{\"by\":\"oidc\"}"));
}

enum tl_code tl_login_finish(struct tl_request *rq, tl_auth *auth, const struct tl_login_return *from, struct tl_login_answer *ret_answer)
{
    struct pending pending = {0};
    struct tl_oidc_tokens tokens;
    const char *cookie;
    tl_arena *arena = rq->arena;
    bool secure = auth->settings.secure_cookies;
    *ret_answer = (struct tl_login_answer){0};
    if (check_mode(auth, &rq->err) != TL_OK)
        return rq->err.code;
    ret_answer->cookies[ret_answer->cookie_count++] = tl_cookie_write(arena, TL_COOKIE_LOGIN, secure, "", 0);
    if (check_return(auth, arena, from, &pending, &rq->err) != TL_OK)
        return rq->err.code;
    struct tl_oidc_grant grant = {.code = from->code, .verifier = pending.verifier, .nonce = pending.nonce};
    if (tl_oidc_exchange(auth, arena, &grant, &tokens, &rq->err) != TL_OK || tl_session_create(auth, arena, &tokens, &cookie, &rq->err) != TL_OK)
        return rq->err.code;
    end_previous(auth, arena, from->cookie);
    tl_people_remember(auth, &tokens.identity);
    tell(auth, "signed_in", tokens.identity.user);
    ret_answer->user = tokens.identity.user;
    ret_answer->cookies[ret_answer->cookie_count++] =
        tl_cookie_write(arena, TL_COOKIE_SESSION, secure, cookie, auth->settings.session_lifetime_us / 1000000);
    ret_answer->location = pending.return_to;
    return TL_OK;
}

/* ---- out ---- */

static const char *goodbye(tl_auth *auth, tl_arena *arena, const struct tl_browser_session *session)
{
    struct tl_provider_places places;
    struct tl_err ignored;
    struct tl_buf url;
    tl_err_init(&ignored);
    if (tl_provider_places(auth->provider, arena, &places, &ignored) != TL_OK || !places.end_session)
        return NULL;
    tl_buf_init(&url, TL_JWT_BYTES_MAX);
    tl_buf_adds(&url, places.end_session);
    if (session->id_token)
        put_param(&url, "id_token_hint", session->id_token);
    put_param(&url, "client_id", auth->settings.client_id);
    put_param(&url, "post_logout_redirect_uri", tl_arena_printf(arena, "%s/", auth->settings.origin));
    const char *copy = url.failed ? NULL : tl_arena_strdup(arena, tl_buf_cstr(&url));
    tl_buf_done(&url);
    return copy;
}

enum tl_code tl_login_end(struct tl_request *rq, tl_auth *auth, const char *header, struct tl_login_answer *ret_answer)
{
    struct tl_browser_session session;
    bool secure = auth->settings.secure_cookies;
    *ret_answer = (struct tl_login_answer){0};
    if (check_mode(auth, &rq->err) != TL_OK)
        return rq->err.code;
    const char *cookie = tl_cookie_read(rq->arena, header, TL_COOKIE_SESSION, secure);
    if (!cookie)
        return over(&rq->err, "there is no session to end");
    ret_answer->cookies[ret_answer->cookie_count++] = tl_cookie_write(rq->arena, TL_COOKIE_SESSION, secure, "", 0);
    if (tl_session_end(auth, rq->arena, cookie, &session, &rq->err) != TL_OK || !session.family)
        return rq->err.code;
    tl_oidc_revoke(auth, rq->arena, session.refresh_token);
    tell(auth, "signed_out", session.identity.user);
    ret_answer->location = goodbye(auth, rq->arena, &session);
    return TL_OK;
}

enum tl_code tl_login_ended_there(struct tl_request *rq, tl_auth *auth, struct tl_str logout_token, int64_t *ret_sessions)
{
    const char *subject, *session;
    *ret_sessions = 0;
    if (check_mode(auth, &rq->err) != TL_OK || tl_oidc_read_logout(auth, rq->arena, logout_token, &subject, &session, &rq->err) != TL_OK)
        return rq->err.code;
    return tl_session_end_of(auth, subject, session, ret_sessions, &rq->err);
}
