#include "auth/session_int.h"

#include <string.h>

#include "auth/base64_int.h"
#include "auth/seal_int.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"

enum { COOKIE_BYTES = 32, FAMILY_BYTES = 16, NAME_DIGITS = 16, SEALED_JSON_MAX = 1024 * 1024, RETRY_US = 5 * 1000000 };
/* Requests that were under way when the cookie changed still carry the old one. */
static const int64_t replaced_us_grace = (int64_t)30 * 1000000, used_us_step = (int64_t)60 * 1000000;

/* ---- names ---- */

static const char *digest_of(tl_arena *arena, const char *purpose, const char *family)
{
    uint8_t key[TL_SEAL_KEY_SIZE];
    tl_seal_key(purpose, tl_str_of(family), key);
    return tl_base64url_encode(arena, key, sizeof key);
}

const char *tl_session_csrf(tl_arena *arena, const char *family)
{
    return digest_of(arena, "townlake csrf", family);
}

const char *tl_session_name(tl_arena *arena, const char *family)
{
    return tl_arena_strndup(arena, digest_of(arena, "townlake session name", family), NAME_DIGITS);
}

/* ---- what the provider gave, readable with the cookie only ---- */

static struct tl_str seal_tokens(tl_arena *arena, const char *cookie, const struct tl_browser_session *session)
{
    uint8_t key[TL_SEAL_KEY_SIZE];
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_seal_key("townlake session tokens", tl_str_of(cookie), key);
    tl_buf_init(&buf, SEALED_JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "subject", session->subject);
    tl_json_pair_text(&json, "provider_session", session->provider_session);
    tl_json_pair_text(&json, "id_token", session->id_token);
    tl_json_pair_text(&json, "refresh_token", session->refresh_token);
    tl_json_end_object(&json);
    struct tl_str sealed = tl_seal(arena, key, (struct tl_str){tl_buf_cstr(&buf), buf.size});
    tl_buf_done(&buf);
    return sealed;
}

static enum tl_code open_tokens(tl_arena *arena, const char *cookie, struct tl_str sealed, struct tl_browser_session *session, struct tl_err *err)
{
    uint8_t key[TL_SEAL_KEY_SIZE];
    const tl_json *tokens = NULL;
    tl_seal_key("townlake session tokens", tl_str_of(cookie), key);
    struct tl_str plain = tl_unseal(arena, key, sealed);
    if (!plain.data || tl_json_parse(arena, plain.data, plain.size, &tokens, err) != TL_OK)
        return tl_err_set(err, TL_STATE, "a session cannot be read");
    session->subject = tl_json_get_text(tokens, "subject");
    session->provider_session = tl_json_get_text(tokens, "provider_session");
    session->id_token = tl_json_get_text(tokens, "id_token");
    session->refresh_token = tl_json_get_text(tokens, "refresh_token");
    return TL_OK;
}

/* ---- rows ---- */

struct reading {
    tl_arena *arena;
    const char *cookie;
    struct tl_str hash;
    struct tl_browser_session *session;
};

static enum tl_code take_session(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err)
{
    struct reading *reading = context;
    struct tl_browser_session *session = reading->session;
    tl_arena *arena = reading->arena;
    (void)cell_count;
    session->family = tl_arena_strndup(arena, cells[0].bytes.data, cells[0].bytes.size);
    session->identity.user = tl_arena_strndup(arena, cells[1].bytes.data, cells[1].bytes.size);
    session->created_at_us = cells[5].integer;
    session->expires_at_us = cells[6].integer;
    session->refreshed_at_us = cells[7].integer;
    session->used_at_us = cells[8].integer;
    session->replaced_at_us = cells[9].type == TL_STORE_NULL ? 0 : cells[9].integer;
    if (tl_identity_read_kept(arena, cells[2].bytes, cells[3].bytes, &session->identity, err) != TL_OK)
        return err->code;
    return open_tokens(arena, reading->cookie, cells[4].bytes, session, err);
}

static enum tl_code read_session(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct reading *reading = context;
    const struct tl_store_value hash = TL_STORE_B(reading->hash);
    return tl_store_run(tx,
                        "SELECT family, user_name, groups_json, attributes_json, sealed, created_at_us, expires_at_us, refreshed_at_us, used_at_us, "
                        "replaced_at_us FROM browser_session WHERE hash = ?1",
                        &hash, 1, take_session, reading, err);
}

static enum tl_code find(tl_auth *auth, tl_arena *arena, const char *cookie, uint8_t hash[TL_SHA256_SIZE], struct tl_browser_session *session,
                         struct tl_err *err)
{
    *session = (struct tl_browser_session){0};
    tl_credentials_sha256(tl_str_of(cookie), hash);
    struct reading reading = {arena, cookie, {(const char *)hash, TL_SHA256_SIZE}, session};
    if (tl_auth_need_store(auth, err) != TL_OK)
        return err->code;
    return tl_store_read(auth->store, read_session, &reading, err);
}

struct writing {
    tl_arena *arena;
    const struct tl_browser_session *session;
    const char *cookie;
    struct tl_str old_hash; /* of the cookie that this one replaces; data NULL = none */
    int64_t now_us;
};

static struct tl_store_value hash_or_null(const char *text, uint8_t hash[TL_SHA256_SIZE])
{
    if (!text)
        return TL_STORE_N;
    tl_credentials_sha256(tl_str_of(text), hash);
    return TL_STORE_B(((struct tl_str){(const char *)hash, TL_SHA256_SIZE}));
}

static enum tl_code over(struct tl_err *err, const char *message)
{
    tl_err_set(err, TL_UNAUTHENTICATED, "%s", message);
    tl_err_hint(err, "sign in again at /auth/login");
    return TL_UNAUTHENTICATED;
}

/* The cookie that another one replaces; it may have ended meanwhile, while the provider was asked: then it has no successor. */
static enum tl_code replace_old(tl_store_tx *tx, const struct writing *writing, struct tl_err *err)
{
    const struct tl_store_value replaced[] = {TL_STORE_I(writing->now_us), TL_STORE_B(writing->old_hash)};
    if (!writing->old_hash.data)
        return TL_OK;
    if (tl_store_run(tx, "UPDATE browser_session SET replaced_at_us = ?1 WHERE hash = ?2", replaced, 2, NULL, NULL, err) != TL_OK)
        return err->code;
    return tl_store_changes(tx) ? TL_OK : over(err, "the session has ended");
}

static enum tl_code insert_session(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct writing *writing = context;
    const struct tl_browser_session *session = writing->session;
    const struct tl_identity *identity = &session->identity;
    const struct tl_store_value now = TL_STORE_I(writing->now_us);
    uint8_t hash[TL_SHA256_SIZE], subject[TL_SHA256_SIZE], provider_session[TL_SHA256_SIZE];
    tl_credentials_sha256(tl_str_of(writing->cookie), hash);
    struct tl_str sealed = seal_tokens(writing->arena, writing->cookie, session);
    if (!sealed.data)
        return tl_err_set(err, TL_INTERNAL, "what the identity provider gave cannot be sealed");
    const struct tl_store_value row[] = {
        TL_STORE_B(((struct tl_str){(const char *)hash, sizeof hash})),
        TL_STORE_T(session->family),
        TL_STORE_T(identity->user),
        TL_STORE_T(tl_identity_groups_json(writing->arena, identity->group_count, identity->groups)),
        TL_STORE_T(tl_identity_attributes_json(writing->arena, identity->attribute_count, identity->attributes)),
        TL_STORE_B(sealed),
        TL_STORE_I(session->created_at_us),
        TL_STORE_I(session->expires_at_us),
        TL_STORE_I(session->refreshed_at_us),
        now,
        hash_or_null(session->subject, subject),
        hash_or_null(session->provider_session, provider_session),
    };
    if (tl_store_run(tx, "DELETE FROM browser_session WHERE expires_at_us <= ?1", &now, 1, NULL, NULL, err) != TL_OK ||
        replace_old(tx, writing, err) != TL_OK)
        return err->code;
    return tl_store_run(tx,
                        "INSERT INTO browser_session (hash, family, user_name, groups_json, attributes_json, sealed, created_at_us, expires_at_us, "
                        "refreshed_at_us, used_at_us, subject_hash, provider_session_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                        row, sizeof row / sizeof *row, NULL, NULL, err);
}

static enum tl_code delete_family(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_store_value family = TL_STORE_T((const char *)context);
    return tl_store_run(tx, "DELETE FROM browser_session WHERE family = ?1", &family, 1, NULL, NULL, err);
}

static enum tl_code write_session(tl_auth *auth, tl_arena *arena, const struct tl_browser_session *session, struct tl_str old_hash,
                                  const char **ret_cookie, struct tl_err *err)
{
    unsigned char bytes[COOKIE_BYTES];
    if (tl_auth_need_store(auth, err) != TL_OK || tl_random_bytes(bytes, sizeof bytes, err) != TL_OK)
        return err->code;
    const char *cookie = tl_base64url_encode(arena, bytes, sizeof bytes);
    struct writing writing = {arena, session, cookie, old_hash, tl_auth_now_us(auth)};
    if (tl_store_write(auth->store, insert_session, &writing, err) == TL_OK)
        *ret_cookie = cookie;
    return err->code;
}

/* ---- life ---- */

enum tl_code tl_session_create(tl_auth *auth, tl_arena *arena, const struct tl_oidc_tokens *tokens, const char **ret_cookie, struct tl_err *err)
{
    char family[2 * FAMILY_BYTES + 1];
    int64_t now_us = tl_auth_now_us(auth);
    *ret_cookie = NULL;
    if (tl_random_hex(family, FAMILY_BYTES, err) != TL_OK)
        return err->code;
    struct tl_browser_session session = {
        .family = family,
        .identity = tokens->identity,
        .subject = tokens->subject,
        .provider_session = tokens->provider_session,
        .id_token = tokens->id_token,
        .refresh_token = tokens->refresh_token,
        .created_at_us = now_us,
        .expires_at_us = now_us + auth->settings.session_lifetime_us,
        .refreshed_at_us = now_us,
    };
    return write_session(auth, arena, &session, (struct tl_str){NULL, 0}, ret_cookie, err);
}

static enum tl_code end_family(tl_auth *auth, const char *family, struct tl_err *err)
{
    char copy[2 * FAMILY_BYTES + 1];
    snprintf(copy, sizeof copy, "%s", family);
    return tl_store_write(auth->store, delete_family, copy, err);
}

/* May the cookie still be used, as it is now? */
static enum tl_code check_life(tl_auth *auth, tl_arena *arena, const struct tl_browser_session *session, struct tl_err *err)
{
    int64_t now_us = tl_auth_now_us(auth);
    if (!session->family)
        return over(err, "the session is not known (any more)");
    if (now_us >= session->expires_at_us)
        return over(err, "the session has ended");
    if (now_us - session->used_at_us >= auth->settings.session_idle_us)
        return over(err, "the session ended because nothing was asked for a long time");
    if (session->replaced_at_us && now_us - session->replaced_at_us >= replaced_us_grace) {
        if (end_family(auth, session->family, err) != TL_OK)
            return err->code;
        tl_store_fact(auth->store, "session_replayed", tl_session_name(arena, session->family), TL_STR("{}"));
        return over(err, "the session was used with an old cookie, by two holders, and has ended");
    }
    return TL_OK;
}

/* The provider cannot be asked: what it last said counts for a while. */
static enum tl_code go_on(tl_auth *auth, const struct tl_browser_session *session, struct tl_err *err, const struct tl_err *why)
{
    if (tl_auth_now_us(auth) - session->refreshed_at_us < auth->settings.groups_grace_us)
        return TL_OK;
    tl_err_set(err, TL_IDENTITY_UNAVAILABLE, "the identity provider cannot be asked whether the sign-in still holds");
    tl_err_detail(err, "%s", why->message);
    return TL_IDENTITY_UNAVAILABLE;
}

/* The person's groups anew.  *ret_fresh false: nothing was learnt and nothing is to be written. */
static enum tl_code ask_again(tl_auth *auth, tl_arena *arena, struct tl_browser_session *session, bool *ret_fresh, struct tl_err *err)
{
    struct tl_oidc_tokens tokens;
    struct tl_err why;
    tl_err_init(&why);
    *ret_fresh = false;
    int64_t failed_us = atomic_load(&auth->refresh_failed_us);
    if (failed_us && tl_clock_monotonic_us() - failed_us < RETRY_US) {
        tl_err_set(&why, TL_IDENTITY_UNAVAILABLE, "it did not answer a moment ago");
        return go_on(auth, session, err, &why);
    }
    struct tl_oidc_grant grant = {.refresh_token = session->refresh_token};
    enum tl_code code = tl_oidc_exchange(auth, arena, &grant, &tokens, &why);
    if (code == TL_IDENTITY_UNAVAILABLE) {
        atomic_store(&auth->refresh_failed_us, tl_clock_monotonic_us());
        return go_on(auth, session, err, &why);
    }
    if (code == TL_OK && tokens.id_token && !tl_streq(tokens.subject, session->subject))
        code = tl_err_set(&why, TL_UNAUTHENTICATED, "it is of another person");
    if (code != TL_OK) {
        if (end_family(auth, session->family, err) != TL_OK)
            return err->code;
        over(err, "the identity provider has ended the sign-in");
        tl_err_detail(err, "%s", why.message);
        return err->code;
    }
    *ret_fresh = true;
    if (tokens.refresh_token)
        session->refresh_token = tokens.refresh_token;
    if (tokens.id_token) {
        session->id_token = tokens.id_token;
        session->identity = tokens.identity;
        tl_people_remember(auth, &tokens.identity);
    }
    return TL_OK;
}

static bool is_due(const tl_auth *auth, const struct tl_browser_session *session)
{
    return !session->replaced_at_us && tl_auth_now_us(auth) - session->refreshed_at_us >= auth->settings.session_refresh_us;
}

/* One request of a session does it, others wait: a refresh token may be used once. */
static enum tl_code refresh(tl_auth *auth, tl_arena *arena, const char *cookie, struct tl_browser_session *session, const char **ret_cookie,
                            struct tl_err *err)
{
    uint8_t hash[TL_SHA256_SIZE];
    bool fresh = true;
    pthread_mutex_t *lock = &auth->refresh_locks[((unsigned char)session->family[0] * 31 + (unsigned char)session->family[1]) % TL_REFRESH_LOCKS];
    pthread_mutex_lock(lock);
    enum tl_code code = find(auth, arena, cookie, hash, session, err);
    if (code == TL_OK)
        code = check_life(auth, arena, session, err);
    if (code == TL_OK && is_due(auth, session)) {
        if (session->refresh_token)
            code = ask_again(auth, arena, session, &fresh, err);
        if (code == TL_OK && fresh) {
            session->refreshed_at_us = tl_auth_now_us(auth);
            code = write_session(auth, arena, session, (struct tl_str){(const char *)hash, sizeof hash}, ret_cookie, err);
        }
    }
    pthread_mutex_unlock(lock);
    return code;
}

static void note_use(tl_auth *auth, const struct tl_browser_session *session, struct tl_str hash)
{
    int64_t now_us = tl_auth_now_us(auth);
    int64_t step_us = auth->settings.session_idle_us / 4 < used_us_step ? auth->settings.session_idle_us / 4 : used_us_step;
    if (now_us - session->used_at_us < step_us)
        return;
    const struct tl_store_value params[] = {TL_STORE_I(now_us), TL_STORE_B(hash)};
    tl_store_append(auth->store, "UPDATE browser_session SET used_at_us = ?1 WHERE hash = ?2", params, 2);
}

enum tl_code tl_session_use(tl_auth *auth, tl_arena *arena, const char *cookie, struct tl_browser_session *ret_session, const char **ret_cookie,
                            struct tl_err *err)
{
    uint8_t hash[TL_SHA256_SIZE];
    *ret_cookie = NULL;
    if (find(auth, arena, cookie, hash, ret_session, err) != TL_OK || check_life(auth, arena, ret_session, err) != TL_OK)
        return err->code;
    if (is_due(auth, ret_session))
        return refresh(auth, arena, cookie, ret_session, ret_cookie, err);
    note_use(auth, ret_session, (struct tl_str){(const char *)hash, sizeof hash});
    return TL_OK;
}

struct ending {
    const char *subject, *provider_session;
    int64_t count;
};

/* A sign-in whose session at the provider is not known may be the one. */
static enum tl_code delete_of(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct ending *ending = context;
    uint8_t provider_session[TL_SHA256_SIZE], subject[TL_SHA256_SIZE];
    const struct tl_store_value params[] = {hash_or_null(ending->provider_session, provider_session), hash_or_null(ending->subject, subject)};
    enum tl_code code = tl_store_run(tx,
                                     "DELETE FROM browser_session WHERE provider_session_hash = ?1 OR "
                                     "(subject_hash = ?2 AND (?1 IS NULL OR provider_session_hash IS NULL))",
                                     params, 2, NULL, NULL, err);
    ending->count = code == TL_OK ? tl_store_changes(tx) : 0;
    return code;
}

enum tl_code tl_session_end_of(tl_auth *auth, const char *subject, const char *provider_session, int64_t *ret_count, struct tl_err *err)
{
    struct ending ending = {subject, provider_session, 0};
    if (tl_auth_need_store(auth, err) == TL_OK && tl_store_write(auth->store, delete_of, &ending, err) == TL_OK)
        *ret_count = ending.count;
    return err->code;
}

enum tl_code tl_session_end(tl_auth *auth, tl_arena *arena, const char *cookie, struct tl_browser_session *ret_session, struct tl_err *err)
{
    uint8_t hash[TL_SHA256_SIZE];
    if (find(auth, arena, cookie, hash, ret_session, err) != TL_OK)
        return err->code;
    return ret_session->family ? end_family(auth, ret_session->family, err) : TL_OK;
}
