/* auth/jwt_testing_int.h -- keys, key sets and signed tokens for the tests of auth/. */
#ifndef TL_AUTH_JWT_TESTING_INT_H
#define TL_AUTH_JWT_TESTING_INT_H

#include "auth/jwt_int.h"

EVP_PKEY *testing_key(enum tl_jwk_type type);
/* The public key as JSON; `more` are further members ("\"use\":\"sig\"") or "". */
const char *testing_jwk(tl_arena *arena, EVP_PKEY *key, enum tl_jwk_type type, const char *id, const char *more);
/* Header and claims as they are: they may say anything. */
const char *testing_sign(tl_arena *arena, EVP_PKEY *key, const char *algorithm, const char *header, const char *claims);
const char *testing_hmac(tl_arena *arena, struct tl_str secret, const char *header, const char *claims);

#endif
