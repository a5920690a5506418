#include "auth/auth.h"

#include <string.h>

#include <openssl/crypto.h>

#include "auth/auth_int.h"
#include "auth/cookie_int.h"
#include "auth/scim_int.h"
#include "auth/session_int.h"
#include "base/clock.h"
#include "base/random.h"

/* Names and hashes are few and small; tokens pass through on their way to a hash. */
enum { ARENA_BYTES_MAX = 64 * 1024 * 1024 };

/* ---- the clock ---- */

int64_t tl_auth_steady_us(int64_t wall_us, int64_t monotonic_us, int64_t anchor_wall_us, int64_t anchor_monotonic_us)
{
    int64_t least_us = anchor_wall_us + (monotonic_us - anchor_monotonic_us);
    return wall_us > least_us ? wall_us : least_us;
}

int64_t tl_auth_now_us(const tl_auth *auth)
{
    return tl_auth_steady_us(tl_clock_wall_us(), tl_clock_monotonic_us(), auth->anchor_wall_us, auth->anchor_monotonic_us);
}

enum tl_code tl_auth_need_store(const tl_auth *auth, struct tl_err *err)
{
    return auth->store ? TL_OK : tl_err_set(err, TL_STATE, "tokens and sessions need the state, which is not there");
}

/* ---- tokens of the configuration ---- */

static struct tl_identity copy_identity(tl_arena *arena, const struct tl_config_token *from)
{
    const char **names = TL_NEW_ARRAY(arena, const char *, from->group_count);
    for (size_t i = 0; i < from->group_count; i++)
        names[i] = tl_arena_strdup(arena, from->groups[i]);
    return (struct tl_identity){.user = tl_arena_strdup(arena, from->user), .group_count = from->group_count, .groups = names};
}

static enum tl_code hash_token(const struct tl_config_token *from, uint8_t hash[TL_SHA256_SIZE], struct tl_err *err)
{
    if (from->sha256)
        return tl_credentials_read_sha256(from->sha256, hash)
                   ? TL_OK
                   : tl_err_set(err, TL_CONFIG, "the sha256 of the token of user \"%s\" is not 64 hexadecimal digits", from->user);
    tl_arena *scratch = tl_arena_new(ARENA_BYTES_MAX);
    const char *secret;
    enum tl_code code = tl_config_secret(scratch, from->token, &secret, err);
    if (code == TL_OK && secret[0] == '\0')
        code = tl_err_set(err, TL_CONFIG, "the token of user \"%s\" is empty", from->user);
    if (code == TL_OK) {
        struct tl_str text = tl_str_of(secret);
        tl_credentials_sha256(text, hash);
        OPENSSL_cleanse((char *)(uintptr_t)text.data, text.size); /* the copy in `scratch` */
    } else {
        tl_err_detail(err, "the token of user \"%s\", line %d", from->user, from->line);
    }
    tl_arena_free(scratch);
    return code;
}

static enum tl_code add_fixed(tl_auth *auth, const struct tl_config_token *from, struct tl_err *err)
{
    struct tl_fixed_token *token = &auth->fixed[auth->fixed_count];
    if (!tl_credentials_is_user(from->user))
        return tl_err_set(err, TL_CONFIG, "a token's user is not a name of at most %d bytes, line %d", TL_USER_BYTES_MAX, from->line);
    if (hash_token(from, token->hash, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < auth->fixed_count; i++)
        if (memcmp(auth->fixed[i].hash, token->hash, TL_SHA256_SIZE) == 0)
            return tl_err_set(err, TL_CONFIG, "users \"%s\" and \"%s\" have the same token", auth->fixed[i].identity.user, from->user);
    token->identity = copy_identity(auth->arena, from);
    auth->fixed_count++;
    return TL_OK;
}

/* Every token is compared, so that time says nothing of which came near. */
static const struct tl_identity *find_fixed(const tl_auth *auth, struct tl_str token)
{
    uint8_t hash[TL_SHA256_SIZE];
    const struct tl_identity *found = NULL;
    tl_credentials_sha256(token, hash);
    for (size_t i = 0; i < auth->fixed_count; i++)
        if (tl_equal_constant_time(auth->fixed[i].hash, TL_SHA256_SIZE, hash, TL_SHA256_SIZE))
            found = &auth->fixed[i].identity;
    return found;
}

/* ---- start and end ---- */

static enum tl_code check_anybody(const tl_auth *auth, struct tl_err *err)
{
    bool any = auth->fixed_count > 0;
    if (auth->settings.mode != TL_AUTH_TOKEN || any)
        return TL_OK;
    if (auth->store && tl_token_any_active(auth->store, &any, err) != TL_OK)
        return err->code;
    if (any)
        return TL_OK;
    tl_err_set(err, TL_CONFIG, "auth.mode \"token\" has no tokens: nobody could come in");
    tl_err_hint(err, "add a list \"tokens\" to the configuration");
    return TL_CONFIG;
}

static enum tl_code fill(tl_auth *auth, const tl_config *config, struct tl_err *err)
{
    const struct tl_config_token *tokens;
    size_t count = tl_config_tokens(config, &tokens);
    if (tl_auth_settings_read(auth->arena, config, &auth->settings, err) != TL_OK)
        return err->code;
    auth->fixed = TL_NEW_ARRAY(auth->arena, struct tl_fixed_token, count);
    for (size_t i = 0; i < count; i++)
        if (add_fixed(auth, &tokens[i], err) != TL_OK)
            return err->code;
    if (tl_groups_settings_read(config, &auth->groups_settings, err) != TL_OK || check_anybody(auth, err) != TL_OK)
        return err->code;
    if (auth->settings.issuer[0])
        auth->provider = tl_provider_new(&auth->settings.provider);
    if (tl_config_bool(config, "scim.enabled"))
        auth->scim_schemas = tl_scim_schemas_new(auth->arena);
    auth->groups = tl_groups_new(&auth->groups_settings, auth->store);
    return TL_OK;
}

enum tl_code tl_auth_new(const tl_config *config, tl_store *store, tl_auth **ret_auth, struct tl_err *err)
{
    *ret_auth = NULL;
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    tl_auth *auth = TL_NEW(arena, tl_auth);
    auth->arena = arena;
    auth->store = store;
    auth->notes = TL_NEW_ARRAY(arena, struct tl_people_note, TL_PEOPLE_NOTES);
    pthread_mutex_init(&auth->notes_lock, NULL);
    for (size_t i = 0; i < TL_REFRESH_LOCKS; i++)
        pthread_mutex_init(&auth->refresh_locks[i], NULL);
    auth->anchor_wall_us = tl_clock_wall_us();
    auth->anchor_monotonic_us = tl_clock_monotonic_us();
    enum tl_code code = tl_random_bytes(auth->login_key, sizeof auth->login_key, err);
    if (code == TL_OK)
        code = fill(auth, config, err);
    if (code == TL_OK)
        *ret_auth = auth;
    else
        tl_auth_free(auth);
    return code;
}

tl_auth *tl_auth_free(tl_auth *auth)
{
    if (auth) {
        tl_groups_free(auth->groups);
        tl_provider_free(auth->provider);
        pthread_mutex_destroy(&auth->notes_lock);
        for (size_t i = 0; i < TL_REFRESH_LOCKS; i++)
            pthread_mutex_destroy(&auth->refresh_locks[i]);
        tl_arena_free(auth->arena);
    }
    return NULL;
}

const char *tl_auth_secret(tl_arena *arena, const char *authorization)
{
    struct tl_credentials credentials;
    if (!authorization || !tl_credentials_read(arena, authorization, &credentials))
        return NULL;
    return tl_arena_strndup(arena, credentials.token.data, credentials.token.size);
}

/* ---- who is asking ---- */

struct checking {
    tl_auth *auth;
    tl_arena *arena;
    struct tl_auth_attempt *attempt;
    struct tl_principal principal;
    struct tl_err *err;
};

static enum tl_code refuse(struct checking *checking, enum tl_code code, const char *message, const char *hint)
{
    tl_err_set(checking->err, code, "%s", message);
    tl_err_hint(checking->err, "%s", hint);
    return code;
}

static enum tl_code admit(struct checking *checking, enum tl_auth_kind kind, const struct tl_identity *identity)
{
    struct tl_principal *principal = &checking->principal;
    principal->user = identity->user;
    principal->group_count = identity->group_count;
    principal->groups = identity->groups;
    principal->attribute_count = identity->attribute_count;
    principal->attributes = identity->attributes;
    principal->authenticated = kind != TL_AUTH_KIND_WORD;
    principal->kind = kind;
    return TL_OK;
}

/* A person: what the sources of groups say comes to what is known already. */
static enum tl_code admit_person(struct checking *checking, enum tl_auth_kind kind, struct tl_identity *identity)
{
    if (tl_groups_add(checking->auth->groups, checking->arena, identity, checking->err) != TL_OK ||
        tl_scim_add(checking->auth, checking->arena, identity, checking->err) != TL_OK)
        return checking->err->code;
    return admit(checking, kind, identity);
}

static bool same_user(tl_arena *arena, const char *said, const char *user)
{
    return strcmp(said, user) == 0 || strcmp(tl_identity_fold_user(arena, said), user) == 0;
}

static enum tl_code check_claimed(struct checking *checking, const char *basic_user)
{
    const char *const claims[] = {basic_user, checking->attempt->claimed_user};
    const char *user = checking->principal.user;
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        if (claims[i] && !same_user(checking->arena, claims[i], user)) {
            tl_err_set(checking->err, TL_NOT_ALLOWED, "the token is of user \"%s\", who cannot act as another user", user);
            tl_err_hint(checking->err, "leave the user name out or send \"%s\"", user);
            return TL_NOT_ALLOWED;
        }
    return TL_OK;
}

enum tl_code tl_auth_read_signed(tl_auth *auth, tl_arena *arena, struct tl_str token, const char *also_type, size_t audience_count,
                                 const char *const *audiences, const tl_json **ret_claims, struct tl_err *err)
{
    const char *key_id;
    tl_jwk_set *keys = NULL;
    struct tl_jwt_rules rules = {
        .issuer = auth->settings.issuer,
        .audience_count = audience_count,
        .audiences = audiences,
        .also_type = also_type,
        .now_s = tl_auth_now_us(auth) / 1000000,
        .skew_s = auth->settings.skew_us / 1000000,
    };
    *ret_claims = NULL;
    if (tl_jwt_key_id(arena, token, &key_id, err) != TL_OK || tl_provider_keys(auth->provider, key_id, &keys, err) != TL_OK)
        return err->code;
    enum tl_code code = tl_jwt_verify(arena, token, keys, &rules, ret_claims, err);
    tl_jwk_set_release(keys);
    return code;
}

static enum tl_code read_jwt(struct checking *checking, struct tl_str token, struct tl_identity *ret_identity)
{
    tl_auth *auth = checking->auth;
    const struct tl_auth_settings *settings = &auth->settings;
    const tl_json *claims;
    if (tl_auth_read_signed(auth, checking->arena, token, NULL, settings->audience_count, settings->audiences, &claims, checking->err) != TL_OK ||
        tl_identity_of_claims(checking->arena, &settings->claims, claims, ret_identity, checking->err) != TL_OK)
        return checking->err->code;
    tl_people_remember(auth, ret_identity);
    return TL_OK;
}

/* A personal token has the groups that its owner has now: of the configuration, and what the provider last said. */
static enum tl_code find_owner(struct checking *checking, struct tl_identity *identity)
{
    tl_auth *auth = checking->auth;
    for (size_t i = 0; i < auth->fixed_count; i++) {
        const struct tl_identity *fixed = &auth->fixed[i].identity;
        if (strcmp(fixed->user, identity->user) == 0 &&
            tl_identity_add_groups(checking->arena, identity, fixed->group_count, fixed->groups, checking->err) != TL_OK)
            return checking->err->code;
    }
    return tl_people_recall(auth, checking->arena, identity, checking->err);
}

static enum tl_code check_stored(struct checking *checking, struct tl_str token)
{
    struct tl_token_owner owner;
    if (tl_token_find(checking->auth, checking->arena, token, &owner, checking->err) != TL_OK)
        return checking->err->code;
    checking->principal.withheld = TL_SCOPES_ALL & ~owner.scopes;
    checking->principal.credential = owner.id;
    if (owner.service)
        return admit(checking, TL_AUTH_KIND_TOKEN, &owner.identity);
    if (find_owner(checking, &owner.identity) != TL_OK)
        return checking->err->code;
    return admit_person(checking, TL_AUTH_KIND_TOKEN, &owner.identity);
}

static enum tl_code check_bearer_jwt(struct checking *checking, struct tl_str token)
{
    struct tl_identity identity;
    if (checking->auth->settings.mode != TL_AUTH_OIDC)
        return refuse(checking, TL_UNAUTHENTICATED, "the token is not known", "signed tokens are taken in auth.mode oidc only");
    if (read_jwt(checking, token, &identity) != TL_OK)
        return checking->err->code;
    return admit_person(checking, TL_AUTH_KIND_JWT, &identity);
}

static enum tl_code check_authorization(struct checking *checking)
{
    struct tl_credentials credentials;
    if (!tl_credentials_read(checking->arena, checking->attempt->authorization, &credentials))
        return refuse(checking, TL_UNAUTHENTICATED, "the header Authorization cannot be read", "send \"Authorization: Bearer TOKEN\"");
    const struct tl_identity *fixed = find_fixed(checking->auth, credentials.token);
    if (fixed)
        admit(checking, TL_AUTH_KIND_TOKEN, fixed);
    else if (tl_token_is_shaped(credentials.token))
        check_stored(checking, credentials.token);
    else if (tl_jwt_is_shaped(credentials.token))
        check_bearer_jwt(checking, credentials.token);
    else
        refuse(checking, TL_UNAUTHENTICATED, "the token is not known", "townlake token create makes one; TOWNLAKE_TOKEN or Bearer carries it");
    return checking->err->code == TL_OK ? check_claimed(checking, credentials.user) : checking->err->code;
}

static bool is_foreign(const char *fetch_site)
{
    return fetch_site && !tl_streq(fetch_site, "same-origin") && !tl_streq(fetch_site, "none");
}

static enum tl_code refuse_forgery(struct checking *checking, const char *hint)
{
    return refuse(checking, TL_NOT_ALLOWED, "the request could have been made by another site", hint);
}

/* The assertion is added by Cloudflare to whatever a browser sends, also to what another site made it send. */
static enum tl_code check_forgery(struct checking *checking)
{
    const struct tl_auth_attempt *attempt = checking->attempt;
    if (!attempt->changes)
        return TL_OK;
    if (!is_foreign(attempt->fetch_site) && (attempt->csrf_token || attempt->claimed_user))
        return TL_OK;
    return refuse_forgery(checking, "send the header X-Townlake-CSRF, which other sites cannot");
}

static enum tl_code check_assertion(struct checking *checking)
{
    struct tl_identity identity;
    if (read_jwt(checking, tl_str_of(checking->attempt->assertion), &identity) != TL_OK || check_forgery(checking) != TL_OK)
        return checking->err->code;
    return admit_person(checking, TL_AUTH_KIND_ACCESS, &identity) == TL_OK ? check_claimed(checking, NULL) : checking->err->code;
}

static enum tl_code check_session_forgery(struct checking *checking, const char *wanted)
{
    const struct tl_auth_attempt *attempt = checking->attempt;
    const char *shown = attempt->csrf_token ? attempt->csrf_token : "";
    if (!attempt->changes)
        return TL_OK;
    if (is_foreign(attempt->fetch_site) || (attempt->origin && !tl_streq(attempt->origin, checking->auth->settings.origin)))
        return refuse_forgery(checking, "use Town Lake's own pages");
    if (!tl_equal_constant_time(shown, strlen(shown), wanted, strlen(wanted)))
        return refuse_forgery(checking, "send the header X-Townlake-CSRF with the \"csrf_token\" of GET /api/v1/me");
    return TL_OK;
}

static enum tl_code check_session(struct checking *checking, const char *cookie)
{
    struct tl_auth_attempt *attempt = checking->attempt;
    const struct tl_auth_settings *settings = &checking->auth->settings;
    struct tl_browser_session session;
    const char *next;
    tl_arena *arena = checking->arena;
    if (tl_session_use(checking->auth, arena, cookie, &session, &next, checking->err) != TL_OK) {
        if (checking->err->code == TL_UNAUTHENTICATED)
            attempt->set_cookie = tl_cookie_write(arena, TL_COOKIE_SESSION, settings->secure_cookies, "", 0);
        return checking->err->code;
    }
    if (next)
        attempt->set_cookie = tl_cookie_write(arena, TL_COOKIE_SESSION, settings->secure_cookies, next,
                                              (session.expires_at_us - tl_auth_now_us(checking->auth)) / 1000000);
    attempt->csrf_wanted = tl_session_csrf(arena, session.family);
    if (check_session_forgery(checking, attempt->csrf_wanted) != TL_OK)
        return checking->err->code;
    checking->principal.credential = tl_session_name(arena, session.family);
    return admit_person(checking, TL_AUTH_KIND_SESSION, &session.identity) == TL_OK ? check_claimed(checking, NULL) : checking->err->code;
}

/* A page of another name that resolves to this machine would be on loopback too. */
static bool host_is_local(tl_arena *arena, const char *host)
{
    return !host /* not a browser */ || tl_auth_host_is_loopback(arena, host, strlen(host));
}

/* A user by word has the groups that the configuration gives the name. */
static enum tl_code believe(struct checking *checking, const char *user)
{
    const tl_auth *auth = checking->auth;
    struct tl_identity identity = {.user = tl_arena_strdup(checking->arena, user)};
    if (!host_is_local(checking->arena, checking->attempt->host))
        return refuse(checking, TL_UNAUTHENTICATED, "auth.mode \"local\" is for addresses of this machine", "use http://127.0.0.1 or http://localhost");
    if (!tl_credentials_is_user(user))
        return tl_err_set(checking->err, TL_UNAUTHENTICATED, "the user name is empty, too long or not text");
    for (size_t i = 0; i < auth->fixed_count; i++)
        if (strcmp(auth->fixed[i].identity.user, user) == 0) {
            identity = auth->fixed[i].identity;
            break;
        }
    return admit_person(checking, TL_AUTH_KIND_WORD, &identity);
}

static enum tl_code check_nothing_shown(struct checking *checking)
{
    static const char *const more[] = {"", "", "; browsers come in through Cloudflare Access", "; browsers sign in at /auth/login"};
    enum tl_auth_mode mode = checking->auth->settings.mode;
    tl_err_set(checking->err, TL_UNAUTHENTICATED, "the request does not say who is asking");
    tl_err_hint(checking->err, "send \"Authorization: Bearer TOKEN\"%s%s",
                mode == TL_AUTH_LOCAL && checking->attempt->from_loopback ? " or a user name in X-Trino-User" : "", more[mode]);
    return TL_UNAUTHENTICATED;
}

enum tl_code tl_auth_check(tl_auth *auth, tl_arena *arena, struct tl_auth_attempt *attempt, const struct tl_principal **ret_principal,
                           struct tl_err *err)
{
    struct checking checking = {.auth = auth, .arena = arena, .attempt = attempt, .principal = {.withheld = TL_SCOPE_SCIM}, .err = err};
    enum tl_auth_mode mode = auth->settings.mode;
    *ret_principal = NULL;
    attempt->set_cookie = attempt->csrf_wanted = NULL;
    const char *cookie = mode == TL_AUTH_OIDC ? tl_cookie_read(arena, attempt->cookie, TL_COOKIE_SESSION, auth->settings.secure_cookies) : NULL;
    if (attempt->authorization)
        check_authorization(&checking);
    else if (mode == TL_AUTH_ACCESS && attempt->assertion)
        check_assertion(&checking);
    else if (cookie)
        check_session(&checking, cookie);
    else if (mode == TL_AUTH_LOCAL && attempt->from_loopback && attempt->claimed_user)
        believe(&checking, attempt->claimed_user);
    else
        check_nothing_shown(&checking);
    if (err->code == TL_OK)
        *ret_principal = tl_principal_copy(arena, &checking.principal);
    return err->code;
}

void tl_auth_health(tl_auth *auth, struct tl_auth_health *ret_health)
{
    *ret_health = (struct tl_auth_health){.mode = tl_auth_mode_name(auth->settings.mode)};
    if (auth->provider)
        tl_provider_health(auth->provider, &ret_health->parts[ret_health->part_count++]);
    ret_health->part_count += tl_groups_health(auth->groups, &ret_health->parts[ret_health->part_count]);
}
