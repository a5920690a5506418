/* door/dialect_int.h -- shared by dialect.c (walk, calls), dialect_forms.c (clauses, literals, types). */
#ifndef TL_DOOR_DIALECT_INT_H
#define TL_DOOR_DIALECT_INT_H

#include "door/dialect.h"
#include "door/lexer.h"

/* A text as tokens, and the new text as far as it is written. */
struct tl_dialect_writer {
    tl_arena *arena;
    struct tl_str text;
    struct tl_token *tokens; /* the last one is END */
    size_t *partners;        /* of brackets: the other one; 0 = none */
    size_t count, capacity;
    int depth;
    bool changed;
    struct tl_buf out;
    struct tl_dialect_piece *pieces;
    size_t piece_count, piece_capacity;
};

/* The arguments of a call whose opening bracket is token `open`: tokens [first[i], end[i]). */
enum { TL_DIALECT_ARGUMENTS_MAX = 16 };
struct tl_dialect_call {
    size_t open, close;
    size_t count;
    size_t first[TL_DIALECT_ARGUMENTS_MAX], end[TL_DIALECT_ARGUMENTS_MAX];
};

/* Tokens [first, end) with all forms in them replaced. */
void tl_dialect_write(struct tl_dialect_writer *w, size_t first, size_t end);
/* Bytes of the original between two tokens, as they stand: from the start of `first` to the end of `last`. */
void tl_dialect_copy(struct tl_dialect_writer *w, size_t first, size_t last);
void tl_dialect_add(struct tl_dialect_writer *w, const char *text);

bool tl_dialect_is_word(const struct tl_dialect_writer *w, size_t token, const char *word);
bool tl_dialect_is_symbol(const struct tl_dialect_writer *w, size_t token, const char *symbol);
/* Behind the bracket that opens at `at`, or the next token. */
size_t tl_dialect_step(const struct tl_dialect_writer *w, size_t at);
/* False when there are more than TL_DIALECT_ARGUMENTS_MAX, or no closing bracket. */
bool tl_dialect_read_call(const struct tl_dialect_writer *w, size_t open, struct tl_dialect_call *ret_call);
/* Behind the token at which something at this bracket level ends: the first of the words, or `end`. */
size_t tl_dialect_find_word(const struct tl_dialect_writer *w, size_t first, size_t end, const char *word);

/* --- dialect_forms.c: each writes the form that begins at token `at` and returns the token behind it; 0 = it is none --- */

size_t tl_dialect_values(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_array_type(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_literal(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_interval(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_string(struct tl_dialect_writer *w, size_t at);
size_t tl_dialect_cast(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_as_of(struct tl_dialect_writer *w, size_t at, size_t end); /* dialect_as_of.c */
size_t tl_dialect_extract(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_listagg(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_unnest(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_nulls(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_sample(struct tl_dialect_writer *w, size_t at, size_t end);
size_t tl_dialect_table(struct tl_dialect_writer *w, size_t at, size_t end);

#endif
