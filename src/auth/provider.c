#include "auth/provider_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "data/json.h"

enum {
    RETRY_US = 5 * 1000000,
    CALL_TIME_US = 5 * 1000000,
    ANSWER_BYTES_MAX = 1024 * 1024,
    ARENA_MAX = 16 * 1024 * 1024,
    CONNECTIONS_MAX = 4,
    URL_BYTES_MAX = 2048,
};

struct tl_provider {
    struct tl_provider_options options;
    tl_http_client *http;
    pthread_mutex_t lock;
    pthread_cond_t fetched;
    bool fetching;
    int64_t tried_us, got_us; /* monotonic; 0 = never */
    tl_jwk_set *keys;
    tl_arena *places_arena;
    struct tl_provider_places places;
    struct tl_err failure; /* of the last fetch */
};

tl_provider *tl_provider_new(const struct tl_provider_options *options)
{
    tl_provider *provider = tl_heap_alloc(sizeof *provider);
    provider->options = *options;
    provider->http = tl_http_client_new(CONNECTIONS_MAX);
    pthread_mutex_init(&provider->lock, NULL);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&provider->fetched, &clock);
    pthread_condattr_destroy(&clock);
    tl_err_init(&provider->failure);
    return provider;
}

tl_provider *tl_provider_free(tl_provider *provider)
{
    if (!provider)
        return NULL;
    tl_http_client_free(provider->http);
    tl_jwk_set_release(provider->keys);
    tl_arena_free(provider->places_arena);
    pthread_cond_destroy(&provider->fetched);
    pthread_mutex_destroy(&provider->lock);
    free(provider);
    return NULL;
}

bool tl_url_is_safe(const char *url)
{
    static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    size_t size = url ? strnlen(url, URL_BYTES_MAX + 1) : 0;
    if (size == 0 || size > URL_BYTES_MAX)
        return false;
    for (const char *c = url; *c; c++)
        if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F || *c == '\\')
            return false;
    const char *host = strstr(url, "://");
    if (!host || memchr(host + 3, '@', strcspn(host + 3, "/?#")))
        return false;
    if (strncmp(url, "https://", 8) == 0)
        return strcspn(url + 8, "/?#") > 0;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        size_t end = strlen(local[i]);
        if (strncmp(url, local[i], end) == 0 && (url[end] == '\0' || strchr(":/?", url[end])))
            return true;
    }
    return false;
}

static enum tl_code call(tl_provider *provider, tl_arena *arena, const struct tl_http_request *given, struct tl_http_response *response,
                         struct tl_err *err)
{
    struct tl_http_request request = *given;
    request.ca_file = provider->options.ca_file;
    request.deadline_us = tl_clock_monotonic_us() + CALL_TIME_US;
    request.response_bytes_max = ANSWER_BYTES_MAX;
    if (!tl_url_is_safe(request.url))
        return tl_err_set(err, TL_SOURCE_PROTOCOL, "an address of the identity provider is not https");
    return tl_http_call(provider->http, arena, &request, response, err);
}

static enum tl_code get_json(tl_provider *provider, tl_arena *arena, const char *url, const char *bearer, struct tl_str *ret_body, struct tl_err *err)
{
    const char *headers[] = {"Accept: application/json", bearer ? tl_arena_printf(arena, "Authorization: Bearer %s", bearer) : NULL, NULL};
    struct tl_http_response response;
    struct tl_http_request request = {.method = "GET", .url = url, .headers = headers};
    if (call(provider, arena, &request, &response, err) != TL_OK)
        return err->code;
    if (response.status != 200)
        return tl_err_set(err, TL_SOURCE_FAILED, "%s answers with status %d", url, response.status);
    *ret_body = response.body;
    return TL_OK;
}

static const char *place_of(tl_arena *arena, const tl_json *document, const char *name)
{
    const char *url = tl_json_get_text(document, name);
    return tl_url_is_safe(url) ? tl_arena_strdup(arena, url) : NULL;
}

/* The document must name the issuer it is asked for, else one provider could speak for another. */
static enum tl_code discover(tl_provider *provider, tl_arena *arena, struct tl_provider_places *places, const char **ret_keys_url,
                             struct tl_err *err)
{
    const char *issuer = provider->options.issuer;
    size_t size = strlen(issuer);
    while (size && issuer[size - 1] == '/')
        size--;
    const tl_json *document = NULL;
    struct tl_str body;
    if (get_json(provider, arena, tl_arena_printf(arena, "%.*s/.well-known/openid-configuration", (int)size, issuer), NULL, &body, err) != TL_OK ||
        tl_json_parse(arena, body.data, body.size, &document, err) != TL_OK)
        return err->code;
    if (!tl_streq(tl_json_get_text(document, "issuer"), issuer)) {
        tl_err_set(err, TL_SOURCE_PROTOCOL, "the identity provider calls itself \"%.200s\", not \"%s\"",
                   tl_json_get_text(document, "issuer") ? tl_json_get_text(document, "issuer") : "", issuer);
        return TL_SOURCE_PROTOCOL;
    }
    *places = (struct tl_provider_places){
        .authorization = place_of(arena, document, "authorization_endpoint"),
        .token = place_of(arena, document, "token_endpoint"),
        .userinfo = place_of(arena, document, "userinfo_endpoint"),
        .end_session = place_of(arena, document, "end_session_endpoint"),
        .revocation = place_of(arena, document, "revocation_endpoint"),
        .issuer_in_answers = tl_json_bool(tl_json_get(document, "authorization_response_iss_parameter_supported"), false),
    };
    *ret_keys_url = place_of(arena, document, "jwks_uri");
    if (!*ret_keys_url)
        return tl_err_set(err, TL_SOURCE_PROTOCOL, "the identity provider does not say where its keys are");
    return TL_OK;
}

static enum tl_code fetch_keys(tl_provider *provider, tl_arena *arena, const char *url, tl_jwk_set **ret_keys, struct tl_err *err)
{
    struct tl_str body;
    if (get_json(provider, arena, url, NULL, &body, err) != TL_OK)
        return err->code;
    return tl_jwk_set_parse(body, ret_keys, err);
}

/* Called and left with the lock held, which is given back meanwhile. */
static void fetch(tl_provider *provider)
{
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    struct tl_provider_places places = {0};
    const char *keys_url = provider->options.keys_url;
    tl_jwk_set *keys = NULL;
    struct tl_err err;
    tl_err_init(&err);
    provider->fetching = true;
    pthread_mutex_unlock(&provider->lock);
    if (keys_url || discover(provider, arena, &places, &keys_url, &err) == TL_OK)
        (void)!fetch_keys(provider, arena, keys_url, &keys, &err);
    pthread_mutex_lock(&provider->lock);
    provider->tried_us = tl_clock_monotonic_us();
    if (keys) {
        tl_jwk_set_release(provider->keys);
        tl_arena_free(provider->places_arena);
        provider->keys = keys;
        provider->places = places;
        provider->places_arena = arena;
        provider->got_us = provider->tried_us;
    } else {
        tl_arena_free(arena);
    }
    provider->failure = err;
    provider->fetching = false;
    pthread_cond_broadcast(&provider->fetched);
}

static void wait_for_fetch(tl_provider *provider)
{
    int64_t until_us = tl_clock_monotonic_us() + 2 * CALL_TIME_US;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    while (provider->fetching && pthread_cond_timedwait(&provider->fetched, &provider->lock, &until) == 0)
        continue;
}

static bool has_key(const tl_provider *provider, const char *key_id)
{
    if (!provider->keys || !key_id[0])
        return provider->keys != NULL;
    for (size_t i = 0; i < tl_jwk_set_count(provider->keys); i++)
        if (tl_streq(tl_jwk_set_at(provider->keys, i)->id, key_id))
            return true;
    return false;
}

/* Fetches when that is due and allowed; waits for another who does when there is nothing to go on with.  Lock held. */
static enum tl_code make_fresh(tl_provider *provider, const char *key_id, struct tl_err *err)
{
    int64_t now_us = tl_clock_monotonic_us();
    bool known = has_key(provider, key_id);
    if (!known || now_us - provider->got_us >= provider->options.refresh_us) {
        if (!provider->fetching && (!provider->tried_us || now_us - provider->tried_us >= RETRY_US))
            fetch(provider);
        else if (!known)
            wait_for_fetch(provider);
    }
    now_us = tl_clock_monotonic_us();
    if (provider->keys && now_us - provider->got_us < provider->options.grace_us)
        return TL_OK;
    tl_err_set(err, TL_IDENTITY_UNAVAILABLE, "the identity provider \"%s\" cannot be asked for its keys", provider->options.issuer);
    tl_err_detail(err, "%s", provider->failure.message);
    return TL_IDENTITY_UNAVAILABLE;
}

enum tl_code tl_provider_keys(tl_provider *provider, const char *key_id, tl_jwk_set **ret_keys, struct tl_err *err)
{
    *ret_keys = NULL;
    pthread_mutex_lock(&provider->lock);
    enum tl_code code = make_fresh(provider, key_id, err);
    if (code == TL_OK)
        *ret_keys = tl_jwk_set_keep(provider->keys);
    pthread_mutex_unlock(&provider->lock);
    return code;
}

enum tl_code tl_provider_places(tl_provider *provider, tl_arena *arena, struct tl_provider_places *ret_places, struct tl_err *err)
{
    pthread_mutex_lock(&provider->lock);
    enum tl_code code = make_fresh(provider, "", err);
    if (code == TL_OK)
        *ret_places = (struct tl_provider_places){
            .authorization = tl_arena_strdup(arena, provider->places.authorization),
            .token = tl_arena_strdup(arena, provider->places.token),
            .userinfo = tl_arena_strdup(arena, provider->places.userinfo),
            .end_session = tl_arena_strdup(arena, provider->places.end_session),
            .revocation = tl_arena_strdup(arena, provider->places.revocation),
            .issuer_in_answers = provider->places.issuer_in_answers,
        };
    pthread_mutex_unlock(&provider->lock);
    return code;
}

enum tl_code tl_provider_post(tl_provider *provider, tl_arena *arena, const char *url, const char *user, const char *password,
                              struct tl_str form, struct tl_http_response *ret_response, struct tl_err *err)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", "Accept: application/json", NULL};
    struct tl_http_request request = {.method = "POST", .url = url, .headers = headers, .body = form, .user = user, .password = password};
    return call(provider, arena, &request, ret_response, err);
}

enum tl_code tl_provider_get(tl_provider *provider, tl_arena *arena, const char *url, const char *bearer, struct tl_str *ret_body, struct tl_err *err)
{
    return get_json(provider, arena, url, bearer, ret_body, err);
}

void tl_provider_health(tl_provider *provider, struct tl_auth_part *ret_part)
{
    pthread_mutex_lock(&provider->lock);
    int64_t age_us = tl_clock_monotonic_us() - provider->got_us;
    *ret_part = (struct tl_auth_part){
        .name = "keys",
        .answers = provider->failure.code == TL_OK,
        .usable = !provider->tried_us || (provider->keys && age_us < provider->options.grace_us),
        .age_s = provider->keys ? age_us / 1000000 : -1,
    };
    pthread_mutex_unlock(&provider->lock);
}
