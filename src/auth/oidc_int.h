/* auth/oidc_int.h -- calls to the token endpoint of the provider; private to auth/. */
#ifndef TL_AUTH_OIDC_INT_H
#define TL_AUTH_OIDC_INT_H

#include "auth/auth_int.h"

struct tl_oidc_tokens {
    const char *subject;
    const char *provider_session; /* "sid"; NULL = the provider names none */
    const char *id_token;      /* NULL: the refresh gave none, what was known goes on */
    const char *refresh_token; /* NULL = none */
    struct tl_identity identity; /* when there is an id_token */
};

/* With a code: code, verifier and nonce; else refresh_token.  TL_UNAUTHENTICATED when the provider refuses or its answer is not
 * right, TL_IDENTITY_UNAVAILABLE when it cannot be asked. */
struct tl_oidc_grant {
    const char *code, *verifier, *nonce;
    const char *refresh_token;
};
TL_CHECKED enum tl_code tl_oidc_exchange(tl_auth *auth, tl_arena *arena, const struct tl_oidc_grant *grant, struct tl_oidc_tokens *ret_tokens,
                                         struct tl_err *err);
/* A logout token (OpenID Connect Back-Channel Logout 1.0): whose sign-ins, or which one, have ended there. */
TL_CHECKED enum tl_code tl_oidc_read_logout(tl_auth *auth, tl_arena *arena, struct tl_str token, const char **ret_subject, const char **ret_session,
                                            struct tl_err *err);
/* Best effort: the provider forgets the token. */
void tl_oidc_revoke(tl_auth *auth, tl_arena *arena, const char *refresh_token);

#endif
