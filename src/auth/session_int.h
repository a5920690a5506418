/* auth/session_int.h -- browser sessions in the state; private to auth/.  Why and how: login.h. */
#ifndef TL_AUTH_SESSION_INT_H
#define TL_AUTH_SESSION_INT_H

#include "auth/oidc_int.h"

struct tl_browser_session {
    const char *family;
    struct tl_identity identity;
    const char *refresh_token, *id_token, *subject, *provider_session; /* NULL = none */
    int64_t created_at_us, expires_at_us, refreshed_at_us, used_at_us;
    int64_t replaced_at_us; /* 0 = it is the current cookie */
};

TL_CHECKED enum tl_code tl_session_create(tl_auth *auth, tl_arena *arena, const struct tl_oidc_tokens *tokens, const char **ret_cookie,
                                          struct tl_err *err);
/* The session of a cookie, refreshed and rotated when that is due (*ret_cookie: the new one, NULL = keep). */
TL_CHECKED enum tl_code tl_session_use(tl_auth *auth, tl_arena *arena, const char *cookie, struct tl_browser_session *ret_session,
                                       const char **ret_cookie, struct tl_err *err);
/* Ends it with all its cookies, here only.  *ret_session as it was; family NULL when there was none. */
TL_CHECKED enum tl_code tl_session_end(tl_auth *auth, tl_arena *arena, const char *cookie, struct tl_browser_session *ret_session,
                                       struct tl_err *err);

/* Ends those of a session of the provider and those of the subject that name none; where it is NULL, all of the subject. */
TL_CHECKED enum tl_code tl_session_end_of(tl_auth *auth, const char *subject, const char *provider_session, int64_t *ret_count, struct tl_err *err);

/* What X-Townlake-CSRF must say, and the name of the session in the audit. */
const char *tl_session_csrf(tl_arena *arena, const char *family);
const char *tl_session_name(tl_arena *arena, const char *family);

#endif
