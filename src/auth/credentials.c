#include "auth/credentials_int.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

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

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 section 4; NULL when it is not base64. */
static char *decode_base64(tl_arena *arena, const char *text, size_t *ret_size)
{
    size_t size = strlen(text), used = 0;
    while (size > 0 && text[size - 1] == '=')
        size--;
    if (size % 4 == 1)
        return NULL;
    char *bytes = tl_arena_alloc(arena, size + 1);
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < size; i++) {
        int value = base64_value(text[i]);
        if (value < 0)
            return NULL;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[used++] = (char)(bits >> count);
        }
    }
    *ret_size = used;
    return bytes;
}

static bool read_basic(tl_arena *arena, const char *value, struct tl_credentials *ret_credentials)
{
    size_t size;
    char *pair = decode_base64(arena, value, &size);
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

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool tl_credentials_read_sha256(const char *digits, uint8_t ret_hash[TL_SHA256_SIZE])
{
    if (strlen(digits) != 2 * TL_SHA256_SIZE)
        return false;
    for (size_t i = 0; i < TL_SHA256_SIZE; i++) {
        int high = hex_value(digits[2 * i]), low = hex_value(digits[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
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
