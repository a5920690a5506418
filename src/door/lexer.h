/* door/lexer.h -- SQL text as tokens, cut exactly where the engine's own scanner cuts.
 *
 * Why: the door replaces name tokens in the caller's text and reads a few statement forms the engine does not know; both
 *   need to know where a token ends, whatever stands inside quotes and comments.
 * Owns: nothing; tokens are offsets into the text.
 */
#ifndef TL_DOOR_LEXER_H
#define TL_DOOR_LEXER_H

#include "base/str.h"

enum tl_token_kind {
    TL_TOKEN_END,
    TL_TOKEN_WORD,       /* bare identifier or keyword */
    TL_TOKEN_IDENTIFIER, /* "quoted", also U&"..." */
    TL_TOKEN_STRING,     /* '..', E'..', X'..', B'..', N'..', U&'..', $tag$..$tag$ */
    TL_TOKEN_NUMBER,
    TL_TOKEN_PARAMETER, /* ?, ?1, $1, $name */
    TL_TOKEN_SYMBOL,    /* one of , ( ) [ ] { } . .. ; : # or a run of operator characters */
    TL_TOKEN_BAD,       /* a quote or comment that does not end, a character of no token */
};

struct tl_token {
    enum tl_token_kind kind;
    size_t offset, size;
};

struct tl_lexer {
    struct tl_str text;
    size_t at;
};

/* Skips blanks and comments; at the end gives END again and again. */
struct tl_token tl_lexer_next(struct tl_lexer *lexer);
struct tl_token tl_lexer_peek(const struct tl_lexer *lexer);

/* A bare word, without regard to case. */
bool tl_token_is_word(struct tl_str text, struct tl_token token, const char *word);
bool tl_token_is_symbol(struct tl_str text, struct tl_token token, const char *symbol);
/* The name a WORD or IDENTIFIER spells (quotes off, doubled quotes single; a bare word as written); NULL for other kinds
 * and for U&"..." (whose escapes the door does not read). */
const char *tl_token_name(tl_arena *arena, struct tl_str text, struct tl_token token);
/* The text of a plain '..' string (doubled quotes single); false for every other kind and form. */
bool tl_token_text(tl_arena *arena, struct tl_str text, struct tl_token token, struct tl_str *ret_text);
/* Take the next token when it is this word or symbol. */
bool tl_lexer_take_word(struct tl_lexer *lexer, const char *word);
bool tl_lexer_take_symbol(struct tl_lexer *lexer, const char *symbol);

/* Blanks beyond ASCII that stand outside quotes (U+00A0, U+2000..) become as many spaces: the engine would remove them and
 * shift every position behind.  Returns the text itself when there are none. */
struct tl_str tl_lexer_plain_spaces(tl_arena *arena, struct tl_str text);

#endif
