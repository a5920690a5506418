#include "base/hex.h"

int tl_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *tl_hex_write(char *to, const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    for (size_t i = 0; i < size; i++) {
        *to++ = digits[from[i] >> 4];
        *to++ = digits[from[i] & 15];
    }
    return to;
}

void tl_hex_text(char *to, const void *bytes, size_t size)
{
    *tl_hex_write(to, bytes, size) = '\0';
}

bool tl_hex_read(void *to, const char *digits, size_t size)
{
    unsigned char *byte = to;
    for (size_t i = 0; i < size; i++) {
        int high = tl_hex_digit(digits[2 * i]), low = high < 0 ? -1 : tl_hex_digit(digits[2 * i + 1]);
        if (low < 0)
            return false;
        byte[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}
