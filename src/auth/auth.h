/* auth/auth.h -- from what a request shows to who is asking.
 *
 * Modes: `local` (loopback only: X-Trino-User is believed), `token`, `access` (the header Cf-Access-Jwt-Assertion), `oidc` (a
 *   Bearer JWT of the provider, or a browser session).  Tokens of the configuration and of the state are taken in every mode, as
 *   Bearer or as the password of Basic.
 * Groups: a token of the configuration and a service token bring their own.  Everybody else has those of the claims and of all
 *   sources of groups together.
 * Closed: what cannot be checked now (keys, groups, the state) is TL_IDENTITY_UNAVAILABLE or TL_STATE, never let in.
 * Requests that a browser may have been tricked into (cookie or Access assertion, and a method that changes something) need a
 *   header that other sites cannot send.
 * Threads: tl_auth_check any thread.
 */
#ifndef TL_AUTH_AUTH_H
#define TL_AUTH_AUTH_H

#include "auth/principal.h"
#include "base/config.h"
#include "store/store.h"

typedef struct tl_auth tl_auth;
/* Refuses (TL_CONFIG) mode local with a non-loopback listen address, and a mode that lacks what it needs.  store NULL: only tokens
 * of the configuration and signed tokens. */
TL_CHECKED enum tl_code tl_auth_new(const tl_config *config, tl_store *store, tl_auth **ret_auth, struct tl_err *err);
tl_auth *tl_auth_free(tl_auth *auth);

struct tl_auth_attempt {
    const char *authorization; /* header "Bearer .." or "Basic .."; NULL = none */
    const char *claimed_user;  /* X-Trino-User; NULL = none */
    bool from_loopback;
    const char *host;          /* header Host */
    const char *assertion;     /* Cf-Access-Jwt-Assertion */
    const char *cookie;        /* header Cookie */
    const char *csrf_token;    /* X-Townlake-CSRF */
    const char *origin;        /* header Origin */
    const char *fetch_site;    /* header Sec-Fetch-Site */
    bool changes;              /* a method other than GET, HEAD, OPTIONS */
    const char *set_cookie;    /* filled, also on failure: NULL, or what Set-Cookie must say in the answer */
    const char *csrf_wanted;   /* filled: what csrf_token must say in requests of this session; NULL = no session */
};
/* The principal lives in the arena.  A claimed user that differs from the user is refused (no impersonation). */
TL_CHECKED enum tl_code tl_auth_check(tl_auth *auth, tl_arena *arena, struct tl_auth_attempt *attempt,
                                      const struct tl_principal **ret_principal, struct tl_err *err);

/* Does a Host header (with or without a port) name this machine: 127.x, ::1, localhost? */
bool tl_auth_host_is_loopback(tl_arena *arena, const char *host, size_t size);

/* The secret that the header shows, of Bearer or the password of Basic; NULL = it shows none. */
const char *tl_auth_secret(tl_arena *arena, const char *authorization);

/* May a secret be sent there?  https, or http to this machine; no user info, no control characters. */
bool tl_url_is_safe(const char *url);

/* What signing in depends on beyond this program. */
struct tl_auth_part {
    const char *name; /* "keys" of the identity provider; "file", "url", "ldap": sources of groups */
    bool answers;     /* the last time it was asked */
    bool usable;      /* its last answer still counts; false: nobody comes in by it */
    int64_t age_s;    /* of that answer; -1 = there is none */
};
enum { TL_AUTH_PARTS_MAX = 4 };
struct tl_auth_health {
    const char *mode;
    size_t part_count;
    struct tl_auth_part parts[TL_AUTH_PARTS_MAX];
};
void tl_auth_health(tl_auth *auth, struct tl_auth_health *ret_health);

#endif
