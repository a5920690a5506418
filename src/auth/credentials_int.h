/* auth/credentials_int.h -- what a request says of itself, before it is believed; private to auth/. */
#ifndef TL_AUTH_CREDENTIALS_INT_H
#define TL_AUTH_CREDENTIALS_INT_H

#include "base/arena.h"
#include "base/str.h"

enum { TL_SHA256_SIZE = 32, TL_USER_BYTES_MAX = 256, TL_TOKEN_BYTES_MAX = 16 * 1024 };

struct tl_credentials {
    const char *user;    /* of Basic; NULL = Bearer says none */
    struct tl_str token; /* of Bearer, or the password of Basic */
};

/* "Bearer .." or "Basic .."; false for what is neither. */
bool tl_credentials_read(tl_arena *arena, const char *authorization, struct tl_credentials *ret_credentials);
void tl_credentials_sha256(struct tl_str text, uint8_t ret_hash[TL_SHA256_SIZE]);
/* 64 hexadecimal digits into bytes. */
bool tl_credentials_read_sha256(const char *digits, uint8_t ret_hash[TL_SHA256_SIZE]);
/* Can this be the name of a user: text of a sensible size without control characters? */
bool tl_credentials_is_user(const char *user);

#endif
