/* auth/scim_int.h -- what SCIM pushed of somebody, for signing in; private to auth/. */
#ifndef TL_AUTH_SCIM_INT_H
#define TL_AUTH_SCIM_INT_H

#include "auth/auth_int.h"

/* Adds groups and attributes; TL_UNAUTHENTICATED for a user who is not active.  Nothing for one who was not pushed. */
TL_CHECKED enum tl_code tl_scim_add(tl_auth *auth, tl_arena *arena, struct tl_identity *identity, struct tl_err *err);

#endif
