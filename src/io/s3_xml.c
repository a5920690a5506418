#include "io/s3_xml_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ENTITY_MAX = 10 };

/* Behind `<name ...>` or `</name>`; SIZE_MAX = there is none.  *ret_start: where it begins. */
static size_t find_tag(struct tl_str document, size_t at, const char *name, bool closing, size_t *ret_start)
{
    size_t size = strlen(name);
    while (at < document.size) {
        const char *open = memchr(document.data + at, '<', document.size - at);
        if (!open)
            break;
        size_t start = (size_t)(open - document.data), from = start + 1 + closing;
        const char *end = memchr(open, '>', document.size - start);
        if (!end)
            break;
        size_t behind = (size_t)(end - document.data) + 1;
        bool same = from + size < behind && (!closing || open[1] == '/') && memcmp(document.data + from, name, size) == 0 &&
                    strchr("> \t\r\n/", document.data[from + size]);
        if (same) {
            *ret_start = start;
            return behind;
        }
        at = behind;
    }
    return SIZE_MAX;
}

bool s3_xml_next(struct tl_str document, size_t *at, const char *name, struct tl_str *ret_content)
{
    size_t open_start, close_start;
    size_t content = find_tag(document, *at, name, false, &open_start);
    if (content == SIZE_MAX)
        return false;
    if (document.data[content - 2] == '/') { /* <name/> */
        *ret_content = (struct tl_str){"", 0};
        *at = content;
        return true;
    }
    size_t behind = find_tag(document, content, name, true, &close_start);
    if (behind == SIZE_MAX)
        return false;
    *ret_content = (struct tl_str){document.data + content, close_start - content};
    *at = behind;
    return true;
}

static void add_code_point(struct tl_buf *buf, unsigned long point)
{
    if (point < 0x80) {
        tl_buf_addc(buf, (char)point);
    } else if (point < 0x800) {
        tl_buf_addc(buf, (char)(0xC0 | point >> 6));
        tl_buf_addc(buf, (char)(0x80 | (point & 0x3F)));
    } else if (point < 0x10000) {
        tl_buf_addc(buf, (char)(0xE0 | point >> 12));
        tl_buf_addc(buf, (char)(0x80 | (point >> 6 & 0x3F)));
        tl_buf_addc(buf, (char)(0x80 | (point & 0x3F)));
    } else {
        tl_buf_addc(buf, (char)(0xF0 | point >> 18));
        tl_buf_addc(buf, (char)(0x80 | (point >> 12 & 0x3F)));
        tl_buf_addc(buf, (char)(0x80 | (point >> 6 & 0x3F)));
        tl_buf_addc(buf, (char)(0x80 | (point & 0x3F)));
    }
}

/* "amp" or "#38" or "#x26"; false = unknown. */
static bool add_entity(struct tl_buf *buf, const char *name)
{
    static const struct {
        const char *name;
        char c;
    } named[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        if (strcmp(name, named[i].name) == 0) {
            tl_buf_addc(buf, named[i].c);
            return true;
        }
    if (name[0] != '#')
        return false;
    bool hex = name[1] == 'x';
    char *end;
    unsigned long point = strtoul(name + 1 + hex, &end, hex ? 16 : 10);
    if (*end || end == name + 1 + hex || point == 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
        return false;
    add_code_point(buf, point);
    return true;
}

static bool unescape(struct tl_str text, struct tl_buf *buf)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '&') {
            if (text.data[i] == '<' || text.data[i] == '\0')
                return false;
            tl_buf_addc(buf, text.data[i]);
            continue;
        }
        char name[ENTITY_MAX + 1];
        size_t size = 0;
        for (i++; i < text.size && text.data[i] != ';' && size < ENTITY_MAX; i++)
            name[size++] = text.data[i];
        name[size] = '\0';
        if (i >= text.size || text.data[i] != ';' || !add_entity(buf, name))
            return false;
    }
    return true;
}

const char *s3_xml_text(tl_arena *arena, struct tl_str document, const char *name)
{
    struct tl_str content;
    size_t at = 0;
    if (!s3_xml_next(document, &at, name, &content))
        return NULL;
    struct tl_buf buf;
    tl_buf_init(&buf, content.size + 1);
    const char *text = unescape(content, &buf) ? tl_arena_strdup(arena, tl_buf_cstr(&buf)) : NULL;
    tl_buf_done(&buf);
    return text;
}

void s3_xml_escape(struct tl_buf *buf, const char *text)
{
    for (; *text; text++)
        if (strchr("&<>\"'\r\n\t", *text))
            tl_buf_addf(buf, "&#%d;", *text);
        else
            tl_buf_addc(buf, *text);
}

int64_t s3_xml_time_ms(const char *text)
{
    struct tm parts = {0};
    int length = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour, &parts.tm_min,
               &parts.tm_sec, &length) != 6)
        return 0;
    parts.tm_year -= 1900;
    parts.tm_mon--;
    int64_t ms = 0, unit = 100;
    if (text[length] == '.')
        for (const char *c = text + length + 1; *c >= '0' && *c <= '9' && unit; c++, unit /= 10)
            ms += (*c - '0') * unit;
    return (int64_t)timegm(&parts) * 1000 + ms;
}
