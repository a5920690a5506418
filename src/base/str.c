#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tl_str tl_str_of(const char *text)
{
    return (struct tl_str){text ? text : "", text ? strlen(text) : 0};
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool tl_str_equal(struct tl_str a, struct tl_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool tl_str_equal_nocase(struct tl_str a, struct tl_str b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool tl_streq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool tl_streq_nocase(const char *a, const char *b)
{
    return a == b || (a && b && tl_str_equal_nocase(tl_str_of(a), tl_str_of(b)));
}

bool tl_str_starts_with(struct tl_str text, struct tl_str prefix)
{
    return text.size >= prefix.size && tl_str_equal((struct tl_str){text.data, prefix.size}, prefix);
}

bool tl_equal_constant_time(const void *a, size_t a_size, const void *b, size_t b_size)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char difference = a_size != b_size;
    for (size_t i = 0; i < a_size && i < b_size; i++)
        difference |= (unsigned char)(x[i] ^ y[i]);
    return difference == 0;
}

/* Size of the UTF-8 character at bytes, 0 when it is not valid (RFC 3629, table of section 4). */
static size_t utf8_size(const unsigned char *bytes, size_t left)
{
    unsigned char b = bytes[0];
    if (b < 0x80)
        return 1;
    size_t size = b >= 0xC2 && b <= 0xDF ? 2 : (b & 0xF0) == 0xE0 ? 3 : b >= 0xF0 && b <= 0xF4 ? 4 : 0;
    if (size == 0 || left < size)
        return 0;
    unsigned char low = 0x80, high = 0xBF;
    if (b == 0xE0)
        low = 0xA0;
    else if (b == 0xED)
        high = 0x9F;
    else if (b == 0xF0)
        low = 0x90;
    else if (b == 0xF4)
        high = 0x8F;
    if (bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

bool tl_utf8_valid(const char *bytes, size_t size, size_t *ret_bad)
{
    const unsigned char *at = (const unsigned char *)bytes;
    size_t i = 0;
    while (i < size) {
        uint64_t word;
        if (size - i >= sizeof word && (memcpy(&word, at + i, sizeof word), !(word & 0x8080808080808080U))) {
            i += sizeof word;
            continue;
        }
        size_t step = utf8_size(at + i, size - i);
        if (step == 0) {
            if (ret_bad)
                *ret_bad = i;
            return false;
        }
        i += step;
    }
    return true;
}

struct tl_str tl_utf8_cut(struct tl_str text, size_t most)
{
    if (text.size <= most)
        return text;
    while (most > 0 && ((unsigned char)text.data[most] & 0xC0) == 0x80)
        most--;
    return (struct tl_str){text.data, most};
}

enum { EDIT_TEXT_MAX = 128 };

int tl_edit_distance(const char *a, const char *b, int limit)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > EDIT_TEXT_MAX || b_size > EDIT_TEXT_MAX)
        return limit + 1;
    int rows[3][EDIT_TEXT_MAX + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        last[j] = before[j] = (int)j;
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = (int)i;
        for (size_t j = 1; j <= b_size; j++) {
            char x = lower(a[i - 1]), y = lower(b[j - 1]);
            int best = last[j - 1] + (x != y);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        int *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_size] > limit ? limit + 1 : last[b_size];
}

void tl_buf_init(struct tl_buf *buf, size_t max_size)
{
    *buf = (struct tl_buf){.max_size = max_size};
}

void tl_buf_done(struct tl_buf *buf)
{
    free(buf->data);
    *buf = (struct tl_buf){.max_size = buf->max_size};
}

void tl_buf_clear(struct tl_buf *buf)
{
    buf->size = 0;
    buf->failed = false;
}

char *tl_buf_reserve(struct tl_buf *buf, size_t size)
{
    if (buf->failed || size > buf->max_size - buf->size) {
        buf->failed = true;
        return NULL;
    }
    size_t needed = buf->size + size + 1; /* one more for the NUL of tl_buf_cstr */
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 256;
        while (capacity < needed)
            capacity *= 2;
        buf->data = tl_heap_grow(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void tl_buf_commit(struct tl_buf *buf, size_t size)
{
    buf->size += size;
}

void tl_buf_add(struct tl_buf *buf, const void *bytes, size_t size)
{
    char *room = tl_buf_reserve(buf, size);
    if (room && size) {
        memcpy(room, bytes, size);
        buf->size += size;
    }
}

void tl_buf_adds(struct tl_buf *buf, const char *text)
{
    tl_buf_add(buf, text, strlen(text));
}

void tl_buf_addc(struct tl_buf *buf, char c)
{
    tl_buf_add(buf, &c, 1);
}

void tl_buf_addf(struct tl_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room = size < 0 ? NULL : tl_buf_reserve(buf, (size_t)size);
    if (room) {
        vsnprintf(room, (size_t)size + 1, format, again);
        buf->size += (size_t)size;
    }
    va_end(again);
}

const char *tl_buf_cstr(struct tl_buf *buf)
{
    if (!buf->data)
        return "";
    buf->data[buf->size] = '\0';
    return buf->data;
}

static void add_quoted(struct tl_buf *buf, char quote, const char *text, size_t size)
{
    tl_buf_addc(buf, quote);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == quote)
            tl_buf_addc(buf, quote);
        tl_buf_addc(buf, text[i]);
    }
    tl_buf_addc(buf, quote);
}

void tl_buf_add_identifier(struct tl_buf *buf, const char *name)
{
    add_quoted(buf, '"', name, strlen(name));
}

void tl_buf_add_literal(struct tl_buf *buf, const char *text, size_t size)
{
    add_quoted(buf, '\'', text, size);
}
