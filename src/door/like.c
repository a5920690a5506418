#include <string.h>

#include "door/door_int.h"

/* Bytes of the UTF-8 character at p. */
static size_t character_size(const char *p)
{
    size_t size = 1;
    while (((unsigned char)p[size] & 0xC0) == 0x80)
        size++;
    return size;
}

/* One pass with a single point to return to (the last '%'): time at most text times pattern. */
bool tl_like(const char *text, const char *pattern, char escape)
{
    const char *after_percent = NULL, *retry = NULL;
    while (*text || *pattern) {
        if (*pattern == '%' && *pattern != escape) {
            after_percent = ++pattern;
            retry = text;
            continue;
        }
        bool escaped = escape && *pattern == escape && pattern[1];
        const char *wanted = escaped ? pattern + 1 : pattern;
        if (*text && *wanted && !escaped && *wanted == '_') {
            text += character_size(text);
            pattern = wanted + 1;
        } else if (*text && *text == *wanted) {
            text++;
            pattern = wanted + 1;
        } else if (after_percent && *retry) {
            text = retry += character_size(retry);
            pattern = after_percent;
        } else {
            return false;
        }
    }
    return true;
}
