/* auth/cookie_int.h -- our two cookies: of a session, and of a sign-in that is under way; private to auth/. */
#ifndef TL_AUTH_COOKIE_INT_H
#define TL_AUTH_COOKIE_INT_H

#include "base/str.h"

enum tl_cookie { TL_COOKIE_SESSION, TL_COOKIE_LOGIN };

/* Out of the header Cookie; NULL when it is missing, or there twice (somebody planted one beside ours). */
const char *tl_cookie_read(tl_arena *arena, const char *header, enum tl_cookie cookie, bool secure);
/* What Set-Cookie says.  value "" makes the browser forget it.  Over https the name begins with __Host-, so that no other host and
 * no plain http can set it. */
const char *tl_cookie_write(tl_arena *arena, enum tl_cookie cookie, bool secure, const char *value, int64_t max_age_s);
/* A place within this site to go back to: a path, and nothing that a browser could take for another host; "/" else. */
const char *tl_cookie_safe_path(tl_arena *arena, const char *path);

#endif
