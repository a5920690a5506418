/* auth/base64_int.h -- RFC 4648: base64 as headers carry it, base64url as tokens do; private to auth/. */
#ifndef TL_AUTH_BASE64_INT_H
#define TL_AUTH_BASE64_INT_H

#include "base/str.h"

/* Padding may be left out.  NULL when a character is of another alphabet or bits are left over; else a NUL follows the bytes. */
char *tl_base64_decode(tl_arena *arena, const char *text, size_t size, size_t *ret_size);
/* No padding is taken, and no second spelling of the same bytes. */
char *tl_base64url_decode(tl_arena *arena, const char *text, size_t size, size_t *ret_size);
char *tl_base64url_encode(tl_arena *arena, const void *bytes, size_t size); /* without padding */

#endif
