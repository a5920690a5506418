/* auth/login.h -- signing a browser in and out at an OpenID Connect provider (authorization code + PKCE, RFC 7636, 9207).
 *
 * The state of a sign-in under way (state, nonce, code verifier, where to go back to) is in a sealed cookie: the server keeps nothing
 *   for strangers, and an answer counts only in the browser that asked.
 * A session's cookie is 256 random bits, made anew at each sign-in and every session.refresh; the state holds its hash.  A cookie
 *   that was rotated away and comes back ends the whole session: one of two holders has stolen it.
 */
#ifndef TL_AUTH_LOGIN_H
#define TL_AUTH_LOGIN_H

#include "auth/auth.h"

/* Where to send the browser, and what Set-Cookie must say on the way. */
struct tl_login_answer {
    const char *location;
    const char *user; /* who signed in; NULL else */
    size_t cookie_count;
    const char *cookies[2];
};

/* return_to: a path of this site; anything else is "/". */
TL_CHECKED enum tl_code tl_login_start(struct tl_request *rq, tl_auth *auth, const char *return_to, struct tl_login_answer *ret_answer);

struct tl_login_return {
    const char *code, *state, *issuer, *error; /* of the query; NULL = absent */
    const char *cookie;                        /* the header Cookie */
};
/* The cookies are filled on failure too: the sign-in is over either way. */
TL_CHECKED enum tl_code tl_login_finish(struct tl_request *rq, tl_auth *auth, const struct tl_login_return *from,
                                        struct tl_login_answer *ret_answer);
/* Ends the session here, and at the provider when the browser follows location (NULL when the provider has no such place). */
TL_CHECKED enum tl_code tl_login_end(struct tl_request *rq, tl_auth *auth, const char *cookie, struct tl_login_answer *ret_answer);

/* The provider says that a sign-in has ended there (its logout token): so it has here, from the next request on. */
TL_CHECKED enum tl_code tl_login_ended_there(struct tl_request *rq, tl_auth *auth, struct tl_str logout_token, int64_t *ret_sessions);

#endif
