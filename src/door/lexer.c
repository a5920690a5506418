#include "door/lexer.h"

#include <string.h>

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool is_word_part(unsigned char c)
{
    return is_word_start(c) || is_digit(c) || c == '$';
}

static bool is_space(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_operator(unsigned char c)
{
    return c != '\0' && strchr("~!@^&|`+-*/%<>=", c) != NULL;
}

static unsigned char byte_at(const struct tl_lexer *lexer, size_t at)
{
    return at < lexer->text.size ? (unsigned char)lexer->text.data[at] : '\0';
}

/* The bytes of a blank beyond ASCII, 0 when there is none here. */
static size_t wide_space(struct tl_str text, size_t at)
{
    const unsigned char *p = (const unsigned char *)text.data + at;
    size_t left = text.size - at;
    if (left >= 2 && p[0] == 0xC2 && p[1] == 0xA0)
        return 2;
    if (left < 3)
        return 0;
    if (p[0] == 0xE2 && p[1] == 0x80 && ((p[2] >= 0x80 && p[2] <= 0x8B) || p[2] == 0xAF))
        return 3;
    if (p[0] == 0xE2 && p[1] == 0x81 && (p[2] == 0x9F || p[2] == 0xA0))
        return 3;
    bool ideographic = p[0] == 0xE3 && p[1] == 0x80 && p[2] == 0x80;
    bool byte_order_mark = p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF;
    return ideographic || byte_order_mark ? 3 : 0;
}

/* Comments nest.  False when one does not end. */
static bool skip_comment(struct tl_lexer *lexer)
{
    int depth = 0;
    while (lexer->at < lexer->text.size) {
        unsigned char c = byte_at(lexer, lexer->at), next = byte_at(lexer, lexer->at + 1);
        if (c == '/' && next == '*') {
            depth++;
            lexer->at += 2;
        } else if (c == '*' && next == '/') {
            depth--;
            lexer->at += 2;
            if (depth == 0)
                return true;
        } else {
            lexer->at++;
        }
    }
    return false;
}

static bool skip_blanks(struct tl_lexer *lexer)
{
    for (;;) {
        unsigned char c = byte_at(lexer, lexer->at), next = byte_at(lexer, lexer->at + 1);
        size_t wide = lexer->at < lexer->text.size ? wide_space(lexer->text, lexer->at) : 0;
        if (lexer->at < lexer->text.size && is_space(c)) {
            lexer->at++;
        } else if (wide) {
            lexer->at += wide;
        } else if (c == '-' && next == '-') {
            while (lexer->at < lexer->text.size && byte_at(lexer, lexer->at) != '\n' &&
                   byte_at(lexer, lexer->at) != '\r')
                lexer->at++;
        } else if (c == '/' && next == '*') {
            if (!skip_comment(lexer))
                return false;
        } else {
            return true;
        }
    }
}

/* From behind the opening quote to behind the closing one; a doubled quote goes on, and so does one behind a backslash
 * where `escapes`. */
static bool skip_quoted(struct tl_lexer *lexer, char quote, bool escapes)
{
    while (lexer->at < lexer->text.size) {
        char c = lexer->text.data[lexer->at++];
        if (escapes && c == '\\') {
            if (lexer->at < lexer->text.size)
                lexer->at++;
        } else if (c == quote) {
            if (byte_at(lexer, lexer->at) != (unsigned char)quote)
                return true;
            lexer->at++;
        }
    }
    return false;
}

/* At '$': $tag$ ... $tag$, $1, $name. */
static enum tl_token_kind skip_dollar(struct tl_lexer *lexer)
{
    size_t start = lexer->at++;
    while (is_word_part(byte_at(lexer, lexer->at)) && byte_at(lexer, lexer->at) != '$')
        lexer->at++;
    bool numbered = is_digit(byte_at(lexer, start + 1));
    if (byte_at(lexer, lexer->at) != '$' || numbered)
        return lexer->at > start + 1 ? TL_TOKEN_PARAMETER : TL_TOKEN_BAD;
    size_t tag_size = ++lexer->at - start;
    const char *tag = lexer->text.data + start;
    for (; lexer->at + tag_size <= lexer->text.size; lexer->at++) {
        if (memcmp(lexer->text.data + lexer->at, tag, tag_size) == 0) {
            lexer->at += tag_size;
            return TL_TOKEN_STRING;
        }
    }
    lexer->at = lexer->text.size;
    return TL_TOKEN_BAD;
}

static void skip_digits(struct tl_lexer *lexer)
{
    while (is_digit(byte_at(lexer, lexer->at)) ||
           (byte_at(lexer, lexer->at) == '_' && is_digit(byte_at(lexer, lexer->at + 1))))
        lexer->at++;
}

static enum tl_token_kind skip_number(struct tl_lexer *lexer)
{
    skip_digits(lexer);
    bool range = byte_at(lexer, lexer->at) == '.' && byte_at(lexer, lexer->at + 1) == '.';
    if (byte_at(lexer, lexer->at) == '.' && !range) {
        lexer->at++;
        skip_digits(lexer);
    }
    unsigned char c = byte_at(lexer, lexer->at);
    if (c == 'e' || c == 'E') {
        size_t sign = byte_at(lexer, lexer->at + 1) == '+' || byte_at(lexer, lexer->at + 1) == '-';
        if (is_digit(byte_at(lexer, lexer->at + 1 + sign))) {
            lexer->at += 1 + sign;
            skip_digits(lexer);
        }
    }
    return TL_TOKEN_NUMBER;
}

/* A word, or a string with a letter in front: E'..' X'..' B'..' N'..' U&'..' U&"..". */
static enum tl_token_kind skip_word(struct tl_lexer *lexer)
{
    unsigned char c = byte_at(lexer, lexer->at) | 0x20, next = byte_at(lexer, lexer->at + 1);
    if (next == '\'' && (c == 'e' || c == 'x' || c == 'b' || c == 'n')) {
        lexer->at += 2;
        return skip_quoted(lexer, '\'', c == 'e') ? TL_TOKEN_STRING : TL_TOKEN_BAD;
    }
    unsigned char third = byte_at(lexer, lexer->at + 2);
    if (c == 'u' && next == '&' && (third == '\'' || third == '"')) {
        lexer->at += 3;
        if (!skip_quoted(lexer, (char)third, false))
            return TL_TOKEN_BAD;
        return third == '"' ? TL_TOKEN_IDENTIFIER : TL_TOKEN_STRING;
    }
    while (is_word_part(byte_at(lexer, lexer->at)) && !wide_space(lexer->text, lexer->at))
        lexer->at++;
    return TL_TOKEN_WORD;
}

/* A run of operator characters, ended by the start of a comment. */
static enum tl_token_kind skip_symbol(struct tl_lexer *lexer)
{
    unsigned char c = byte_at(lexer, lexer->at);
    if (strchr(",()[]{}.;:#", c)) {
        lexer->at += c == '.' && byte_at(lexer, lexer->at + 1) == '.' ? 2 : 1;
        return TL_TOKEN_SYMBOL;
    }
    if (!is_operator(c)) {
        lexer->at++;
        return TL_TOKEN_BAD;
    }
    while (is_operator(byte_at(lexer, lexer->at))) {
        unsigned char here = byte_at(lexer, lexer->at), next = byte_at(lexer, lexer->at + 1);
        if ((here == '-' && next == '-') || (here == '/' && next == '*'))
            break;
        lexer->at++;
    }
    return TL_TOKEN_SYMBOL;
}

struct tl_token tl_lexer_next(struct tl_lexer *lexer)
{
    size_t before = lexer->at;
    if (!skip_blanks(lexer))
        return (struct tl_token){TL_TOKEN_BAD, before, lexer->at - before};
    struct tl_token token = {TL_TOKEN_END, lexer->at, 0};
    if (lexer->at >= lexer->text.size)
        return token;
    unsigned char c = byte_at(lexer, lexer->at), next = byte_at(lexer, lexer->at + 1);
    if (c == '\'' || c == '"') {
        lexer->at++;
        token.kind = c == '"' ? TL_TOKEN_IDENTIFIER : TL_TOKEN_STRING;
        if (!skip_quoted(lexer, (char)c, false))
            token.kind = TL_TOKEN_BAD;
    } else if (c == '$') {
        token.kind = skip_dollar(lexer);
    } else if (c == '?') {
        lexer->at++;
        skip_digits(lexer);
        token.kind = TL_TOKEN_PARAMETER;
    } else if (is_digit(c) || (c == '.' && is_digit(next))) {
        token.kind = skip_number(lexer);
    } else if (is_word_start(c)) {
        token.kind = skip_word(lexer);
    } else {
        token.kind = c == '\0' ? TL_TOKEN_BAD : skip_symbol(lexer);
        if (c == '\0')
            lexer->at++;
    }
    token.size = lexer->at - token.offset;
    return token;
}

struct tl_token tl_lexer_peek(const struct tl_lexer *lexer)
{
    struct tl_lexer copy = *lexer;
    return tl_lexer_next(&copy);
}

static struct tl_str token_bytes(struct tl_str text, struct tl_token token)
{
    return (struct tl_str){text.data + token.offset, token.size};
}

bool tl_token_is_word(struct tl_str text, struct tl_token token, const char *word)
{
    return token.kind == TL_TOKEN_WORD && tl_str_equal_nocase(token_bytes(text, token), tl_str_of(word));
}

bool tl_token_is_symbol(struct tl_str text, struct tl_token token, const char *symbol)
{
    return token.kind == TL_TOKEN_SYMBOL && tl_str_equal(token_bytes(text, token), tl_str_of(symbol));
}

/* The inside of a quoted token with doubled quotes made single. */
static struct tl_str unquote(tl_arena *arena, struct tl_str bytes)
{
    char quote = bytes.data[0];
    char *out = tl_arena_alloc(arena, bytes.size);
    size_t size = 0;
    for (size_t i = 1; i + 1 < bytes.size; i++) {
        out[size++] = bytes.data[i];
        if (bytes.data[i] == quote)
            i++;
    }
    out[size] = '\0';
    return (struct tl_str){out, size};
}

const char *tl_token_name(tl_arena *arena, struct tl_str text, struct tl_token token)
{
    struct tl_str bytes = token_bytes(text, token);
    if (token.kind == TL_TOKEN_WORD)
        return tl_arena_strndup(arena, bytes.data, bytes.size);
    if (token.kind == TL_TOKEN_IDENTIFIER && bytes.data[0] == '"')
        return unquote(arena, bytes).data;
    return NULL;
}

bool tl_token_text(tl_arena *arena, struct tl_str text, struct tl_token token, struct tl_str *ret_text)
{
    struct tl_str bytes = token_bytes(text, token);
    if (token.kind != TL_TOKEN_STRING || bytes.data[0] != '\'')
        return false;
    *ret_text = unquote(arena, bytes);
    return true;
}

bool tl_lexer_take_word(struct tl_lexer *lexer, const char *word)
{
    struct tl_token token = tl_lexer_peek(lexer);
    if (!tl_token_is_word(lexer->text, token, word))
        return false;
    lexer->at = token.offset + token.size;
    return true;
}

bool tl_lexer_take_symbol(struct tl_lexer *lexer, const char *symbol)
{
    struct tl_token token = tl_lexer_peek(lexer);
    if (!tl_token_is_symbol(lexer->text, token, symbol))
        return false;
    lexer->at = token.offset + token.size;
    return true;
}

static void blank_wide_spaces(char *copy, struct tl_str text, size_t from, size_t to)
{
    for (size_t at = from; at < to;) {
        size_t wide = wide_space(text, at);
        if (wide)
            memset(copy + at, ' ', wide);
        at += wide ? wide : 1;
    }
}

static bool has_wide_space(struct tl_str text)
{
    for (size_t at = 0; at < text.size; at++)
        if ((unsigned char)text.data[at] >= 0xC2 && wide_space(text, at))
            return true;
    return false;
}

struct tl_str tl_lexer_plain_spaces(tl_arena *arena, struct tl_str text)
{
    if (!has_wide_space(text))
        return text;
    char *copy = tl_arena_strndup(arena, text.data, text.size);
    struct tl_lexer lexer = {text, 0};
    size_t end = 0;
    for (;;) {
        struct tl_token token = tl_lexer_next(&lexer);
        /* also inside comments: the engine's own clean-up does not know the slash-star form */
        blank_wide_spaces(copy, text, end, token.offset);
        if (token.kind == TL_TOKEN_END || token.kind == TL_TOKEN_BAD)
            return (struct tl_str){copy, text.size};
        end = token.offset + token.size;
    }
}
