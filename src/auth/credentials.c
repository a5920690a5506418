#include "auth/credentials_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "auth/base64_int.h"
#include "base/hex.h"

/* The value behind a scheme's name; NULL when it is another scheme. */
static const char *after_scheme(const char *authorization, const char *scheme)
{
    size_t size = strlen(scheme);
    struct tl_str start = {authorization, strnlen(authorization, size)};
    if (!tl_str_equal_nocase(start, (struct tl_str){scheme, size}) || authorization[size] != ' ')
        return NULL;
    const char *value = authorization + size;
    while (*value == ' ')
        value++;
    return value;
}

static bool read_basic(tl_arena *arena, const char *value, struct tl_credentials *ret_credentials)
{
    size_t size;
    char *pair = tl_base64_decode(arena, value, strlen(value), &size);
    char *colon = pair ? memchr(pair, ':', size) : NULL;
    if (!colon || memchr(pair, '\0', size))
        return false;
    *colon = '\0';
    ret_credentials->user = pair;
    ret_credentials->token = (struct tl_str){colon + 1, size - (size_t)(colon + 1 - pair)};
    return ret_credentials->token.size > 0;
}

bool tl_credentials_read(tl_arena *arena, const char *authorization, struct tl_credentials *ret_credentials)
{
    *ret_credentials = (struct tl_credentials){0};
    if (strnlen(authorization, TL_TOKEN_BYTES_MAX) >= TL_TOKEN_BYTES_MAX)
        return false;
    const char *value = after_scheme(authorization, "Bearer");
    if (value) {
        ret_credentials->token = tl_str_of(value);
        return value[0] != '\0';
    }
    value = after_scheme(authorization, "Basic");
    return value && read_basic(arena, value, ret_credentials);
}

void tl_credentials_sha256(struct tl_str text, uint8_t ret_hash[TL_SHA256_SIZE])
{
    if (EVP_Digest(text.data, text.size, ret_hash, NULL, EVP_sha256(), NULL) != 1)
        abort(); /* a library without SHA-256 cannot tell anybody from anybody */
}

bool tl_credentials_read_sha256(const char *digits, uint8_t ret_hash[TL_SHA256_SIZE])
{
    return strlen(digits) == 2 * (size_t)TL_SHA256_SIZE && tl_hex_read(ret_hash, digits, TL_SHA256_SIZE);
}

bool tl_credentials_is_user(const char *user)
{
    size_t size = strnlen(user, TL_USER_BYTES_MAX + 1);
    if (size == 0 || size > TL_USER_BYTES_MAX || !tl_utf8_valid(user, size, NULL))
        return false;
    for (const char *c = user; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    return true;
}
