/* base/str.h -- text as pointer + length, and a buffer that grows up to a bound.
 *
 * Why: SQL text, wire bytes and JSON are built and cut everywhere; NUL-terminated strings lose embedded NULs and lengths.
 * Owns: struct tl_str borrows.  struct tl_buf owns its bytes until tl_buf_done (heap) .
 * Errors: sticky.  Once an append would pass max_size the buffer keeps what it has, `failed` is set and later appends do
 *   nothing: check once at the end.
 */
#ifndef TL_BASE_STR_H
#define TL_BASE_STR_H

#include "base/arena.h"

struct tl_str {
    const char *data; /* not NUL-terminated */
    size_t size;
};

#define TL_STR(literal) ((struct tl_str){(literal), sizeof(literal) - 1})
struct tl_str tl_str_of(const char *text); /* NULL gives an empty one */
bool tl_str_equal(struct tl_str a, struct tl_str b);
bool tl_str_equal_nocase(struct tl_str a, struct tl_str b); /* ASCII */
bool tl_streq(const char *a, const char *b);                /* NULLs are equal only to NULL */
bool tl_streq_nocase(const char *a, const char *b);
bool tl_str_starts_with(struct tl_str text, struct tl_str prefix);
/* Both in time that depends on the sizes only. */
bool tl_equal_constant_time(const void *a, size_t a_size, const void *b, size_t b_size);

/* Is it valid UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF)?  On false *ret_bad is the first
 * offset that is not. */
bool tl_utf8_valid(const char *bytes, size_t size, size_t *ret_bad);

/* Its first `most` bytes, or fewer: UTF-8 is never cut inside a character. */
struct tl_str tl_utf8_cut(struct tl_str text, size_t most);

/* Damerau-Levenshtein distance, case folded, at most `limit` (returns limit + 1 beyond). */
int tl_edit_distance(const char *a, const char *b, int limit);

struct tl_buf {
    char *data;
    size_t size;
    size_t capacity;
    size_t max_size;
    bool failed;
};

void tl_buf_init(struct tl_buf *buf, size_t max_size);
void tl_buf_done(struct tl_buf *buf);
void tl_buf_clear(struct tl_buf *buf); /* keeps the memory; clears `failed` */
void tl_buf_add(struct tl_buf *buf, const void *bytes, size_t size);
void tl_buf_adds(struct tl_buf *buf, const char *text);
void tl_buf_addc(struct tl_buf *buf, char c);
void tl_buf_addf(struct tl_buf *buf, const char *format, ...) TL_PRINTF(2, 3);
/* Room for `size` more bytes; NULL when over max_size.  tl_buf_commit counts what was written. */
char *tl_buf_reserve(struct tl_buf *buf, size_t size);
void tl_buf_commit(struct tl_buf *buf, size_t size);
/* The bytes with a NUL behind them (not counted), valid until the next change.  "" when empty. */
const char *tl_buf_cstr(struct tl_buf *buf);
/* SQL quoting: identifier in double quotes, literal in single quotes, each quote doubled. */
void tl_buf_add_identifier(struct tl_buf *buf, const char *name);
void tl_buf_add_literal(struct tl_buf *buf, const char *text, size_t size);

#endif
