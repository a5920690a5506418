#include "auth/oidc_int.h"

#include <string.h>

enum { FORM_BYTES_MAX = 64 * 1024, REFRESH_TOKEN_BYTES_MAX = 8192, CLAIMS_BYTES_MAX = 4 * 1024 * 1024 };

static void put_pair(struct tl_buf *form, const char *name, const char *value)
{
    tl_buf_addf(form, "%s%s=", form->size ? "&" : "", name);
    tl_http_encode(form, value);
}

static const char *encoded(tl_arena *arena, const char *text)
{
    struct tl_buf buf;
    tl_buf_init(&buf, FORM_BYTES_MAX);
    tl_http_encode(&buf, text);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return copy;
}

/* The client's name and secret as RFC 6749 section 2.3.1 wants them; a public client has its name in the form. */
static enum tl_code post(tl_auth *auth, tl_arena *arena, const char *url, struct tl_buf *form, struct tl_http_response *response,
                         struct tl_err *err)
{
    const struct tl_auth_settings *settings = &auth->settings;
    const char *secret = NULL;
    if (settings->client_secret[0] && tl_config_secret(arena, settings->client_secret, &secret, err) != TL_OK)
        return err->code;
    if (!secret)
        put_pair(form, "client_id", settings->client_id);
    struct tl_str body = {tl_buf_cstr(form), form->size};
    struct tl_err why;
    tl_err_init(&why);
    if (tl_provider_post(auth->provider, arena, url, secret ? encoded(arena, settings->client_id) : NULL, secret ? encoded(arena, secret) : NULL,
                         body, response, &why) == TL_OK &&
        response->status < 500 && response->status != 429)
        return TL_OK;
    tl_err_set(err, TL_IDENTITY_UNAVAILABLE, "the identity provider \"%s\" does not answer", settings->issuer);
    if (why.code != TL_OK)
        tl_err_detail(err, "%s", why.message);
    return TL_IDENTITY_UNAVAILABLE;
}

static enum tl_code odd_answer(const char *what, struct tl_err *err)
{
    tl_err_set(err, TL_UNAUTHENTICATED, "the identity provider's answer %s", what);
    tl_err_hint(err, "sign in again; if it stays so, ask who runs the identity provider");
    return TL_UNAUTHENTICATED;
}

/* An ID token has more to say than any signed token: for whom it is alone, and to which question it answers. */
static enum tl_code check_id_token(tl_auth *auth, const tl_json *claims, const char *nonce, struct tl_err *err)
{
    const tl_json *party = tl_json_get(claims, "azp"), *said = tl_json_get(claims, "nonce");
    struct tl_str client = tl_str_of(auth->settings.client_id);
    bool several = tl_json_is_array(tl_json_get(claims, "aud")) && tl_json_count(tl_json_get(claims, "aud")) > 1;
    if ((party || several) && !tl_str_equal(tl_json_str(party), client))
        return odd_answer("is for another application", err);
    struct tl_str wanted = tl_str_of(nonce), found = tl_json_str(said);
    if (nonce && !tl_equal_constant_time(wanted.data, wanted.size, found.data ? found.data : "", found.size))
        return odd_answer("is to another question (nonce)", err);
    if (!tl_json_get_text(claims, "sub"))
        return odd_answer("does not name its subject", err);
    return TL_OK;
}

/* What userinfo says besides: where both say something, the ID token does. */
static enum tl_code merge_claims(tl_arena *arena, const tl_json *userinfo, const tl_json **claims, struct tl_err *err)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, CLAIMS_BYTES_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_begin_object(&json);
    for (struct tl_json_iter it = tl_json_iter(*claims); tl_json_next(&it);) {
        tl_json_key(&json, it.key);
        tl_json_put_value(&json, it.value);
    }
    for (struct tl_json_iter it = tl_json_iter(userinfo); tl_json_next(&it);) {
        if (tl_json_get(*claims, it.key))
            continue;
        tl_json_key(&json, it.key);
        tl_json_put_value(&json, it.value);
    }
    tl_json_end_object(&json);
    enum tl_code code = text.failed ? odd_answer("has too many claims", err) : tl_json_parse(arena, text.data, text.size, claims, err);
    tl_buf_done(&text);
    return code;
}

/* Its answer carries no signature: it counts for the subject of the ID token alone (OpenID Connect Core 5.3.2). */
static enum tl_code add_userinfo(tl_auth *auth, tl_arena *arena, const char *access_token, const tl_json **claims, struct tl_err *err)
{
    struct tl_provider_places places;
    const tl_json *userinfo = NULL;
    struct tl_str body;
    struct tl_err why;
    tl_err_init(&why);
    if (tl_provider_places(auth->provider, arena, &places, err) != TL_OK)
        return err->code;
    if (!places.userinfo || !access_token)
        return odd_answer(access_token ? "says no userinfo address, which oidc.userinfo wants" : "has no access token for userinfo", err);
    if (tl_provider_get(auth->provider, arena, places.userinfo, access_token, &body, &why) != TL_OK) {
        tl_err_set(err, TL_IDENTITY_UNAVAILABLE, "the identity provider's userinfo does not answer");
        tl_err_detail(err, "%s", why.message);
        return TL_IDENTITY_UNAVAILABLE;
    }
    if (tl_json_parse(arena, body.data, body.size, &userinfo, &why) != TL_OK || !tl_json_is_object(userinfo))
        return odd_answer("to userinfo cannot be read", err);
    if (!tl_streq(tl_json_get_text(userinfo, "sub"), tl_json_get_text(*claims, "sub")))
        return odd_answer("to userinfo is about somebody else", err);
    return merge_claims(arena, userinfo, claims, err);
}

static enum tl_code read_id_token(tl_auth *auth, tl_arena *arena, const char *nonce, const char *access_token, struct tl_oidc_tokens *tokens,
                                  struct tl_err *err)
{
    struct tl_str token = tl_str_of(tokens->id_token);
    const tl_json *claims;
    if (tl_auth_read_signed(auth, arena, token, NULL, 1, &auth->settings.client_id, &claims, err) != TL_OK ||
        check_id_token(auth, claims, nonce, err) != TL_OK)
        return err->code;
    tokens->subject = tl_json_get_text(claims, "sub");
    tokens->provider_session = tl_json_get_text(claims, "sid");
    if (auth->settings.userinfo && add_userinfo(auth, arena, access_token, &claims, err) != TL_OK)
        return err->code;
    return tl_identity_of_claims(arena, &auth->settings.claims, claims, &tokens->identity, err);
}

static enum tl_code read_answer(tl_auth *auth, tl_arena *arena, const struct tl_oidc_grant *grant, const struct tl_http_response *response,
                                struct tl_oidc_tokens *tokens, struct tl_err *err)
{
    const tl_json *answer = NULL;
    struct tl_err why;
    tl_err_init(&why);
    if (response->status != 200) {
        tl_err_set(err, TL_UNAUTHENTICATED, "the identity provider refuses the sign-in (status %d)", response->status);
        tl_err_hint(err, "sign in again at /auth/login");
        return TL_UNAUTHENTICATED;
    }
    if (tl_json_parse(arena, response->body.data, response->body.size, &answer, &why) != TL_OK)
        return odd_answer("cannot be read", err);
    tokens->id_token = tl_json_get_text(answer, "id_token");
    tokens->refresh_token = tl_json_get_text(answer, "refresh_token");
    if (tokens->refresh_token && strlen(tokens->refresh_token) > REFRESH_TOKEN_BYTES_MAX)
        return odd_answer("has a refresh token of more than 8 KiB", err);
    if (!tokens->id_token)
        return grant->code ? odd_answer("has no ID token; is openid among oidc.scopes?", err) : TL_OK;
    return read_id_token(auth, arena, grant->nonce, tl_json_get_text(answer, "access_token"), tokens, err);
}

enum tl_code tl_oidc_exchange(tl_auth *auth, tl_arena *arena, const struct tl_oidc_grant *grant, struct tl_oidc_tokens *ret_tokens,
                              struct tl_err *err)
{
    struct tl_provider_places places;
    struct tl_http_response response;
    struct tl_buf form;
    *ret_tokens = (struct tl_oidc_tokens){0};
    if (tl_provider_places(auth->provider, arena, &places, err) != TL_OK)
        return err->code;
    if (!places.token)
        return tl_err_set(err, TL_IDENTITY_UNAVAILABLE, "the identity provider does not say where its tokens are");
    tl_buf_init(&form, FORM_BYTES_MAX);
    put_pair(&form, "grant_type", grant->code ? "authorization_code" : "refresh_token");
    if (grant->code) {
        put_pair(&form, "code", grant->code);
        put_pair(&form, "redirect_uri", auth->settings.redirect_url);
        put_pair(&form, "code_verifier", grant->verifier);
    } else {
        put_pair(&form, "refresh_token", grant->refresh_token);
    }
    enum tl_code code = post(auth, arena, places.token, &form, &response, err);
    tl_buf_done(&form);
    return code == TL_OK ? read_answer(auth, arena, grant, &response, ret_tokens, err) : code;
}

enum tl_code tl_oidc_read_logout(tl_auth *auth, tl_arena *arena, struct tl_str token, const char **ret_subject, const char **ret_session,
                                 struct tl_err *err)
{
    const tl_json *claims;
    if (tl_auth_read_signed(auth, arena, token, TL_JWT_LOGOUT, 1, &auth->settings.client_id, &claims, err) != TL_OK)
        return err->code;
    const tl_json *event = tl_json_get(tl_json_get(claims, "events"), "http://schemas.openid.net/event/backchannel-logout");
    *ret_subject = tl_json_get_text(claims, "sub");
    *ret_session = tl_json_get_text(claims, "sid");
    if (tl_json_is_object(event) && !tl_json_get(claims, "nonce") && (*ret_subject || *ret_session))
        return TL_OK;
    return tl_err_set(err, TL_UNAUTHENTICATED, "the token is no logout token"); /* an ID token must not end a sign-in */
}

void tl_oidc_revoke(tl_auth *auth, tl_arena *arena, const char *refresh_token)
{
    struct tl_provider_places places;
    struct tl_http_response response;
    struct tl_err ignored;
    struct tl_buf form;
    tl_err_init(&ignored);
    if (!refresh_token || tl_provider_places(auth->provider, arena, &places, &ignored) != TL_OK || !places.revocation)
        return;
    tl_buf_init(&form, FORM_BYTES_MAX);
    put_pair(&form, "token", refresh_token);
    put_pair(&form, "token_type_hint", "refresh_token");
    (void)!post(auth, arena, places.revocation, &form, &response, &ignored);
    tl_buf_done(&form);
}
