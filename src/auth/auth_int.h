/* auth/auth_int.h -- what the parts of auth/ share. */
#ifndef TL_AUTH_AUTH_INT_H
#define TL_AUTH_AUTH_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/credentials_int.h"
#include "auth/groups_int.h"
#include "auth/identity_int.h"
#include "auth/jwt_int.h"
#include "auth/provider_int.h"
#include "auth/scim_schema_int.h"

enum tl_auth_mode { TL_AUTH_LOCAL, TL_AUTH_TOKEN, TL_AUTH_ACCESS, TL_AUTH_OIDC };

/* The configuration, read and checked: settings.c. */
struct tl_auth_settings {
    enum tl_auth_mode mode;
    struct tl_claim_names claims;
    int64_t skew_us, claims_keep_us, token_lifetime_us_max;
    const char *issuer; /* "" = none: no signed tokens */
    size_t audience_count;
    const char *const *audiences;
    struct tl_provider_options provider;
    const char *client_id, *client_secret, *redirect_url, *scopes; /* of mode oidc; client_secret is a reference */
    const char *origin;                                            /* scheme, host and port of redirect_url */
    bool secure_cookies;
    bool userinfo; /* claims that the ID token leaves out are asked there */
    int64_t session_lifetime_us, session_idle_us, session_refresh_us;
    int64_t groups_grace_us;
};
TL_CHECKED enum tl_code tl_auth_settings_read(tl_arena *arena, const tl_config *config, struct tl_auth_settings *ret_settings, struct tl_err *err);
const char *tl_auth_mode_name(enum tl_auth_mode mode);
bool tl_auth_is_loopback(const char *address); /* an address or "localhost" */
/* The same of "localhost:8080" and "[::1]:8080", as a header or an address has them. */

/* A token of the configuration. */
struct tl_fixed_token {
    uint8_t hash[TL_SHA256_SIZE];
    struct tl_identity identity;
};

/* What people.c wrote last, by its hash. */
struct tl_people_note {
    uint8_t hash[TL_SHA256_SIZE];
    int64_t at_us; /* monotonic */
};
enum { TL_PEOPLE_NOTES = 1024, TL_REFRESH_LOCKS = 64 };

struct tl_auth {
    tl_arena *arena;
    struct tl_auth_settings settings;
    tl_store *store;
    tl_provider *provider;
    struct tl_groups_settings groups_settings;
    tl_groups *groups; /* NULL = claims and the configuration only */
    tl_scim_schemas *scim_schemas; /* NULL = SCIM is off */
    size_t fixed_count;
    struct tl_fixed_token *fixed;
    pthread_mutex_t notes_lock;
    struct tl_people_note *notes;
    uint8_t login_key[TL_SHA256_SIZE]; /* seals the cookies of sign-ins under way; of this process */
    pthread_mutex_t refresh_locks[TL_REFRESH_LOCKS];
    atomic_llong refresh_failed_us; /* monotonic; the provider did not answer */
    int64_t anchor_wall_us, anchor_monotonic_us; /* clocks at the start */
};

/* Wall time that never goes back behind what has passed since the start: a clock set back revives no token. */
int64_t tl_auth_now_us(const tl_auth *auth);
int64_t tl_auth_steady_us(int64_t wall_us, int64_t monotonic_us, int64_t anchor_wall_us, int64_t anchor_monotonic_us);

/* Where the state is wanted and missing or unreadable: always the same words, and nobody comes in. */
TL_CHECKED enum tl_code tl_auth_need_store(const tl_auth *auth, struct tl_err *err);

/* What a token signed by the provider says, checked with its keys of now. */
TL_CHECKED enum tl_code tl_auth_read_signed(tl_auth *auth, tl_arena *arena, struct tl_str token, const char *also_type, size_t audience_count,
                                            const char *const *audiences, const tl_json **ret_claims, struct tl_err *err);

/* ---- tokens.c ---- */

struct tl_token_owner {
    const char *id;
    const char *user;
    bool service;
    unsigned scopes;
    struct tl_identity identity; /* of a service */
};
/* "tlt_" and the rest: worth a look into the state. */
bool tl_token_is_shaped(struct tl_str token);
TL_CHECKED enum tl_code tl_token_find(tl_auth *auth, tl_arena *arena, struct tl_str token, struct tl_token_owner *ret_owner, struct tl_err *err);
TL_CHECKED enum tl_code tl_token_any_active(tl_store *store, bool *ret_any, struct tl_err *err);

/* ---- people.c: what the provider last said of a person ---- */

void tl_people_remember(tl_auth *auth, const struct tl_identity *identity);
/* Adds what is remembered and young enough. */
TL_CHECKED enum tl_code tl_people_recall(tl_auth *auth, tl_arena *arena, struct tl_identity *identity, struct tl_err *err);

#endif
