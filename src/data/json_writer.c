#include <math.h>
#include <string.h>

#include "data/format_int.h"
#include "data/json_int.h"

enum { DEPTH_MAX = 64 };

/* What a byte below 0x80 becomes: 0 itself, 'u' \u00XX, else a backslash and this. */
static const char escapes[128] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

/* Is one of 8 bytes a control character, a quote, a backslash or beyond ASCII?  (Hacker's Delight 6-1, on each byte.) */
static bool word_needs_care(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
    uint64_t quote = word ^ (ones * '"'), slash = word ^ (ones * '\\');
    uint64_t found = (word - ones * 0x20) | (quote - ones) | (slash - ones) | word;
    return (found & highs) != 0;
}

/* Bytes from the start that go out as they are. */
static size_t plain_run(const char *bytes, size_t size)
{
    size_t i = 0;
    uint64_t word;
    while (size - i >= sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        if (word_needs_care(word))
            break;
        i += sizeof word;
    }
    while (i < size && (unsigned char)bytes[i] < 0x80 && escapes[(unsigned char)bytes[i]] == 0)
        i++;
    return i;
}

static void put_escape(struct tl_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', escapes[c], '0', '0', hex[c >> 4], hex[c & 15]};
    tl_buf_add(buf, text, text[1] == 'u' ? 6 : 2);
}

void tl_json_escape(struct tl_buf *buf, const char *bytes, size_t size)
{
    size_t valid_until = 0; /* up to here the text is known to be UTF-8 */
    size_t at = 0;
    while (at < size) {
        size_t run = plain_run(bytes + at, size - at);
        tl_buf_add(buf, bytes + at, run);
        at += run;
        if (at == size)
            return;
        unsigned char c = (unsigned char)bytes[at];
        if (c < 0x80) {
            put_escape(buf, c);
            at++;
            continue;
        }
        if (at >= valid_until) {
            size_t bad = size - at;
            if (!tl_utf8_valid(bytes + at, size - at, &bad) && bad == 0) {
                tl_buf_add(buf, "\xEF\xBF\xBD", 3);
                at++;
                continue;
            }
            valid_until = at + bad;
        }
        size_t end = at; /* a whole run beyond ASCII at once */
        while (end < valid_until && (unsigned char)bytes[end] >= 0x80)
            end++;
        tl_buf_add(buf, bytes + at, end - at);
        at = end;
    }
}

void tl_json_writer_init(struct tl_json_writer *writer, struct tl_buf *buf)
{
    *writer = (struct tl_json_writer){.buf = buf};
}

/* The comma before an item, unless it is the first or follows its key. */
static void before_value(struct tl_json_writer *writer)
{
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    if (writer->depth == 0 || writer->depth >= DEPTH_MAX)
        return;
    uint64_t bit = UINT64_C(1) << writer->depth;
    if (writer->has_items & bit)
        tl_buf_addc(writer->buf, ',');
    writer->has_items |= bit;
}

static void begin(struct tl_json_writer *writer, char bracket)
{
    before_value(writer);
    tl_buf_addc(writer->buf, bracket);
    if (++writer->depth >= DEPTH_MAX)
        writer->buf->failed = true;
    else
        writer->has_items &= ~(UINT64_C(1) << writer->depth);
}

static void end(struct tl_json_writer *writer, char bracket)
{
    tl_buf_addc(writer->buf, bracket);
    if (writer->depth > 0)
        writer->depth--;
    writer->after_key = false;
}

void tl_json_begin_object(struct tl_json_writer *writer)
{
    begin(writer, '{');
}

void tl_json_end_object(struct tl_json_writer *writer)
{
    end(writer, '}');
}

void tl_json_begin_array(struct tl_json_writer *writer)
{
    begin(writer, '[');
}

void tl_json_end_array(struct tl_json_writer *writer)
{
    end(writer, ']');
}

static void put_quoted(struct tl_buf *buf, struct tl_str text)
{
    tl_buf_addc(buf, '"');
    tl_json_escape(buf, text.data, text.size);
    tl_buf_addc(buf, '"');
}

void tl_json_key(struct tl_json_writer *writer, const char *key)
{
    before_value(writer);
    put_quoted(writer->buf, tl_str_of(key));
    tl_buf_addc(writer->buf, ':');
    writer->after_key = true;
}

void tl_json_put_text(struct tl_json_writer *writer, const char *text)
{
    if (text)
        tl_json_put_str(writer, tl_str_of(text));
    else
        tl_json_put_null(writer);
}

void tl_json_put_str(struct tl_json_writer *writer, struct tl_str text)
{
    before_value(writer);
    put_quoted(writer->buf, text);
}

void tl_json_put_int64(struct tl_json_writer *writer, int64_t number)
{
    char text[TL_FORMAT_INT64_MAX];
    tl_json_put_raw(writer, (struct tl_str){text, (size_t)(tl_format_int64(text, number) - text)});
}

void tl_json_put_uint64(struct tl_json_writer *writer, uint64_t number)
{
    char text[TL_FORMAT_INT64_MAX];
    tl_json_put_raw(writer, (struct tl_str){text, (size_t)(tl_format_uint64(text, number) - text)});
}

/* JSON has no word for a number that is not finite: null. */
void tl_json_put_double(struct tl_json_writer *writer, double number)
{
    if (!isfinite(number)) {
        tl_json_put_null(writer);
        return;
    }
    char text[TL_FORMAT_DOUBLE_MAX];
    tl_json_put_raw(writer, (struct tl_str){text, (size_t)(tl_format_double(text, number) - text)});
}

void tl_json_put_base64(struct tl_json_writer *writer, struct tl_str bytes)
{
    before_value(writer);
    tl_buf_addc(writer->buf, '"');
    tl_format_base64(writer->buf, bytes);
    tl_buf_addc(writer->buf, '"');
}

void tl_json_put_bool(struct tl_json_writer *writer, bool value)
{
    tl_json_put_raw(writer, value ? TL_STR("true") : TL_STR("false"));
}

void tl_json_put_null(struct tl_json_writer *writer)
{
    tl_json_put_raw(writer, TL_STR("null"));
}

void tl_json_put_raw(struct tl_json_writer *writer, struct tl_str json)
{
    before_value(writer);
    tl_buf_add(writer->buf, json.data, json.size);
}

/* Depth is bounded by the reader (TL_JSON_DEPTH_MAX), not by the writer's own. */
static void copy_value(struct tl_buf *buf, const tl_json *value)
{
    if (tl_json_is_number(value)) {
        struct tl_str number = tl_json_number_text(value);
        tl_buf_add(buf, number.data, number.size);
    } else if (tl_json_is_string(value)) {
        put_quoted(buf, tl_json_str(value));
    } else if (tl_json_is_bool(value)) {
        tl_buf_adds(buf, tl_json_bool(value, false) ? "true" : "false");
    } else if (tl_json_is_array(value) || tl_json_is_object(value)) {
        bool object = tl_json_is_object(value), first = true;
        tl_buf_addc(buf, object ? '{' : '[');
        for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it); first = false) {
            if (!first)
                tl_buf_addc(buf, ',');
            if (object) {
                put_quoted(buf, tl_json_iter_key(&it));
                tl_buf_addc(buf, ':');
            }
            copy_value(buf, it.value);
        }
        tl_buf_addc(buf, object ? '}' : ']');
    } else {
        tl_buf_adds(buf, "null");
    }
}

void tl_json_put_value(struct tl_json_writer *writer, const tl_json *value)
{
    before_value(writer);
    copy_value(writer->buf, value);
}

void tl_json_pair_text(struct tl_json_writer *writer, const char *key, const char *text)
{
    tl_json_key(writer, key);
    tl_json_put_text(writer, text);
}

void tl_json_pair_int64(struct tl_json_writer *writer, const char *key, int64_t number)
{
    tl_json_key(writer, key);
    tl_json_put_int64(writer, number);
}

void tl_json_pair_bool(struct tl_json_writer *writer, const char *key, bool value)
{
    tl_json_key(writer, key);
    tl_json_put_bool(writer, value);
}
