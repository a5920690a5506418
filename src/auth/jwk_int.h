/* auth/jwk_int.h -- public keys of an issuer (RFC 7517, 7518 section 6, 8037); private to auth/.
 *
 * A key serves exactly the algorithms of its own type: an RSA key RS* and PS*, P-256 ES256, P-384 ES384, Ed25519 EdDSA.  There is
 *   no symmetric algorithm and no "none" here, so a public key can never be taken for a shared secret.
 * Left out of a set, silently, as others may be served by it: keys for encryption, of other types, or weak (RSA below 2,048
 *   bits).  A set without one usable key is an error.
 * Owns: a set is immutable and counted; tl_jwk_set_release ends it with its last user.
 * Bounds: 256 KiB of JSON, 64 keys.
 */
#ifndef TL_AUTH_JWK_INT_H
#define TL_AUTH_JWK_INT_H

#include <openssl/evp.h>

#include "base/str.h"

enum { TL_JWK_SET_BYTES_MAX = 256 * 1024, TL_JWK_KEYS_MAX = 64, TL_JWK_ID_BYTES_MAX = 256 };

enum tl_jwk_type { TL_JWK_RSA, TL_JWK_P256, TL_JWK_P384, TL_JWK_ED25519 };

struct tl_jwk_algorithm {
    const char *name;
    enum tl_jwk_type type;
    const char *digest;    /* NULL: the key's own (Ed25519) */
    bool pss;
    size_t signature_size; /* 0: the key's size */
};
/* NULL when it is not offered. */
const struct tl_jwk_algorithm *tl_jwk_algorithm(const char *name);

struct tl_jwk {
    const char *id; /* kid; NULL = none */
    enum tl_jwk_type type;
    const char *algorithm; /* the only one it may serve; NULL = all of its type */
    EVP_PKEY *key;
};

typedef struct tl_jwk_set tl_jwk_set;
TL_CHECKED enum tl_code tl_jwk_set_parse(struct tl_str json, tl_jwk_set **ret_set, struct tl_err *err);
tl_jwk_set *tl_jwk_set_keep(tl_jwk_set *set);
tl_jwk_set *tl_jwk_set_release(tl_jwk_set *set); /* NULL is fine; returns NULL */
size_t tl_jwk_set_count(const tl_jwk_set *set);
const struct tl_jwk *tl_jwk_set_at(const tl_jwk_set *set, size_t i);

/* Can the key check what the algorithm made? */
bool tl_jwk_fits(const struct tl_jwk *key, const struct tl_jwk_algorithm *algorithm);
bool tl_jwk_verify(const struct tl_jwk *key, const struct tl_jwk_algorithm *algorithm, struct tl_str message, struct tl_str signature);

#endif
