/* auth/auth.h -- from what a request shows to who is asking.
 *
 * Modes: `local` (loopback only: a token names its user; without one X-Trino-User is believed) and `token` (a known token
 *   or TL_UNAUTHENTICATED).
 * Tokens are kept as SHA-256 and compared in constant time.
 */
#ifndef TL_AUTH_AUTH_H
#define TL_AUTH_AUTH_H

#include "auth/principal.h"
#include "base/config.h"

typedef struct tl_auth tl_auth;
/* Reads auth.mode and tokens; refuses mode local with a non-loopback listen address (TL_CONFIG). */
TL_CHECKED enum tl_code tl_auth_new(const tl_config *config, tl_auth **ret_auth, struct tl_err *err);
tl_auth *tl_auth_free(tl_auth *auth);

struct tl_auth_attempt {
    const char *authorization; /* header "Bearer .." or "Basic .."; NULL = none */
    const char *claimed_user;  /* X-Trino-User; NULL = none */
    bool from_loopback;
};
/* The principal lives in the arena.  A claimed user that differs from the token's user is refused (no impersonation). */
TL_CHECKED enum tl_code tl_auth_check(tl_auth *auth, tl_arena *arena, const struct tl_auth_attempt *attempt,
                                      const struct tl_principal **ret_principal, struct tl_err *err);

#endif
