/* auth/jwt_int.h -- signed tokens (RFC 7519 in the compact form of RFC 7515), checked as RFC 8725 asks; private to auth/.
 *
 * Order: size, form, header, key, signature, and only then what the token says.  What is not checked is not looked at: keys or
 *   addresses inside a header ("jwk", "jku", "x5u") mean nothing, and a header that wants more ("crit") is refused.
 * Errors: TL_UNAUTHENTICATED with what to do; nothing of the token but its issuer, audience and key name is ever quoted, and those
 *   only after the signature was found good.
 */
#ifndef TL_AUTH_JWT_INT_H
#define TL_AUTH_JWT_INT_H

#include "auth/jwk_int.h"
#include "data/json.h"

/* A header line of a request is bounded by the server; tokens that come another way (an answer of the provider) may be longer. */
enum { TL_JWT_BYTES_MAX = 512 * 1024, TL_JWT_SKEW_S_MAX = 300 };

#define TL_JWT_LOGOUT "logout+jwt"

struct tl_jwt_rules {
    const char *issuer;
    size_t audience_count;
    const char *const *audiences; /* the token must be for one of them */
    int64_t now_s;
    int64_t skew_s; /* how far the clocks may be apart; at most TL_JWT_SKEW_S_MAX counts */
    const char *also_type; /* one more "typ" that is taken, TL_JWT_LOGOUT; NULL = those of access and ID tokens only */
};

/* "xxx.yyy.zzz" of base64url: worth a closer look. */
bool tl_jwt_is_shaped(struct tl_str token);
/* The name of the key that signed it ("" = none given), so that a new one can be fetched first.  Nothing is checked by it. */
TL_CHECKED enum tl_code tl_jwt_key_id(tl_arena *arena, struct tl_str token, const char **ret_id, struct tl_err *err);
/* *ret_claims is of the arena. */
TL_CHECKED enum tl_code tl_jwt_verify(tl_arena *arena, struct tl_str token, const tl_jwk_set *keys, const struct tl_jwt_rules *rules,
                                      const tl_json **ret_claims, struct tl_err *err);

#endif
