#include "auth/base64_int.h"

static int value_of(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : -1;
}

static char *decode(tl_arena *arena, const char *text, size_t size, bool url, size_t *ret_size)
{
    *ret_size = 0;
    if (size % 4 == 1)
        return NULL;
    char *bytes = tl_arena_alloc(arena, size + 1);
    size_t used = 0;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < size; i++) {
        int value = value_of(text[i], url);
        if (value < 0)
            return NULL;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[used++] = (char)(bits >> count);
        }
    }
    if (url && (bits & ((1U << count) - 1)) != 0)
        return NULL;
    *ret_size = used;
    return bytes;
}

char *tl_base64_decode(tl_arena *arena, const char *text, size_t size, size_t *ret_size)
{
    while (size > 0 && text[size - 1] == '=')
        size--;
    return decode(arena, text, size, false, ret_size);
}

char *tl_base64url_decode(tl_arena *arena, const char *text, size_t size, size_t *ret_size)
{
    return decode(arena, text, size, true, ret_size);
}

char *tl_base64url_encode(tl_arena *arena, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *from = bytes;
    char *text = tl_arena_alloc(arena, (size + 2) / 3 * 4 + 1), *to = text;
    uint32_t bits = 0;
    int count = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | from[i];
        for (count += 8; count >= 6; count -= 6)
            *to++ = digits[bits >> (count - 6) & 63];
    }
    if (count)
        *to++ = digits[bits << (6 - count) & 63];
    *to = '\0';
    return text;
}
