/* Typed literals of Trino inside the arguments of EXECUTE .. USING, as the engine spells them. */
#include <ctype.h>
#include <string.h>

#include "door/argument.h"

enum { DECIMAL_DIGITS_MAX = 38, MICROSECOND_DIGITS = 6 };

/* X'0A ff' -> '\x0A\xff'::BLOB; NULL when it is not hexadecimal. */
static const char *blob_text(tl_arena *arena, struct tl_str token)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4 * token.size + 16);
    tl_buf_addc(&buf, '\'');
    size_t digits = 0;
    bool good = token.size >= 3;
    for (size_t i = 2; good && i + 1 < token.size; i++) {
        char c = token.data[i];
        if (c == ' ')
            continue;
        good = isxdigit((unsigned char)c);
        if (digits++ % 2 == 0)
            tl_buf_adds(&buf, "\\x");
        tl_buf_addc(&buf, c);
    }
    tl_buf_adds(&buf, "'::BLOB");
    const char *text = good && digits % 2 == 0 && !buf.failed ? tl_arena_strndup(arena, buf.data, buf.size) : NULL;
    tl_buf_done(&buf);
    return text;
}

const char *tl_argument_decimal_type(tl_arena *arena, const char *text)
{
    int before = 0, after = 0, leading = 1;
    if (*text == '-' || *text == '+')
        text++;
    for (; isdigit((unsigned char)*text); text++) {
        leading = leading && *text == '0';
        before += !leading;
    }
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text); text++)
            after++;
    int digits = before + after;
    if (*text || digits > DECIMAL_DIGITS_MAX)
        return NULL;
    return tl_arena_printf(arena, "DECIMAL(%d,%d)", digits ? digits : 1, after);
}

/* TIMESTAMP '.. Europe/Berlin' and '..+02:00' are instants; with more than six digits it has nanoseconds. */
static const char *timestamp_type(const char *text)
{
    const char *time = strchr(text, ':'), *fraction = strchr(text, '.');
    size_t digits = fraction ? strspn(fraction + 1, "0123456789") : 0;
    for (const char *at = time; at && *at; at++)
        if (*at == '+' || *at == '-' || isalpha((unsigned char)*at))
            return "TIMESTAMPTZ";
    return digits > MICROSECOND_DIGITS ? "TIMESTAMP_NS" : NULL;
}

static const char *typed_text(tl_arena *arena, struct tl_str text, struct tl_token word, struct tl_token literal)
{
    struct tl_str value;
    if (!tl_token_text(arena, text, literal, &value))
        return NULL;
    const char *type = tl_token_is_word(text, word, "DECIMAL")     ? tl_argument_decimal_type(arena, value.data)
                       : tl_token_is_word(text, word, "TIMESTAMP") ? timestamp_type(value.data)
                                                                   : NULL;
    return type ? tl_arena_printf(arena, "CAST(%.*s AS %s)", (int)literal.size, text.data + literal.offset, type) : NULL;
}

struct tl_str tl_argument_plain(tl_arena *arena, struct tl_str text)
{
    struct tl_lexer lexer = {text, 0};
    struct tl_buf out;
    size_t copied = 0;
    tl_buf_init(&out, 8 * text.size + 64);
    for (struct tl_token token = tl_lexer_next(&lexer); token.kind != TL_TOKEN_END; token = tl_lexer_next(&lexer)) {
        struct tl_token next = tl_lexer_peek(&lexer);
        const char *plain = NULL;
        size_t end = token.offset + token.size;
        if (token.kind == TL_TOKEN_STRING && (text.data[token.offset] | 0x20) == 'x')
            plain = blob_text(arena, (struct tl_str){text.data + token.offset, token.size});
        else if (token.kind == TL_TOKEN_WORD && next.kind == TL_TOKEN_STRING) {
            plain = typed_text(arena, text, token, next);
            end = next.offset + next.size;
        }
        if (!plain)
            continue;
        tl_buf_add(&out, text.data + copied, token.offset - copied);
        tl_buf_adds(&out, plain);
        copied = lexer.at = end;
    }
    tl_buf_add(&out, text.data + copied, text.size - copied);
    struct tl_str result = copied && !out.failed ? (struct tl_str){tl_arena_strndup(arena, out.data, out.size), out.size} : text;
    tl_buf_done(&out);
    return result;
}
