/* Percent-encoding, and errors as problem JSON. */
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "io/http_server_int.h"

char *tl_http_decode(tl_arena *arena, const char *text, size_t size, bool plus_is_space)
{
    char *decoded = tl_arena_alloc(arena, size + 1), *to = decoded;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '+' && plus_is_space) {
            c = ' ';
        } else if (c == '%') {
            if (size - i <= 2 || !tl_hex_read(&c, text + i + 1, 1))
                return NULL;
            i += 2;
        }
        if (c == '\0')
            return NULL;
        *to++ = c;
    }
    *to = '\0';
    return decoded;
}

void tl_http_encode(struct tl_buf *buf, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (letter || (c >= '0' && c <= '9') || (c && strchr("-._~", c))) {
            tl_buf_addc(buf, (char)c);
        } else {
            char escaped[3] = {'%', digits[c >> 4], digits[c & 15]};
            tl_buf_add(buf, escaped, sizeof escaped);
        }
    }
}

static void add_json_string(struct tl_buf *buf, const char *text)
{
    size_t size = strlen(text), bad;
    tl_buf_addc(buf, '"');
    bool valid = tl_utf8_valid(text, size, &bad);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\') {
            tl_buf_addc(buf, '\\');
            tl_buf_addc(buf, (char)c);
        } else if (c < 0x20 || (c >= 0x80 && !valid)) {
            tl_buf_addf(buf, "\\u%04x", c < 0x20 ? c : 0xFFFDU);
        } else {
            tl_buf_addc(buf, (char)c);
        }
    }
    tl_buf_addc(buf, '"');
}

static void add_member(struct tl_buf *buf, const char *name, const char *text)
{
    tl_buf_addf(buf, ",\"%s\":", name);
    if (*text)
        add_json_string(buf, text);
    else
        tl_buf_adds(buf, "null");
}

struct tl_str http_problem_json(tl_arena *arena, const struct tl_err *err)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 8 * sizeof *err);
    tl_buf_addf(&buf, "{\"code\":\"%s\"", tl_code_info(err->code)->name);
    add_member(&buf, "message", err->message);
    add_member(&buf, "detail", err->detail);
    add_member(&buf, "hint", err->hint);
    add_member(&buf, "link", err->link);
    if (err->position >= 0)
        tl_buf_addf(&buf, ",\"position\":%lld}", (long long)err->position);
    else
        tl_buf_adds(&buf, ",\"position\":null}");
    struct tl_str json = {tl_arena_strndup(arena, buf.data, buf.size), buf.size};
    tl_buf_done(&buf);
    return json;
}
