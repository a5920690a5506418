/* base/hex.h -- bytes as hexadecimal digits, lower case.
 *
 * Why: tokens, hashes and stored types are written and read in many rooms; one spelling of it.
 * Threads: no state.
 */
#ifndef TL_BASE_HEX_H
#define TL_BASE_HEX_H

#include "base/arena.h"

int tl_hex_digit(char c); /* 0..15 for both cases, -1 for anything else */
/* Write 2 * size digits, no NUL; the end of them. */
char *tl_hex_write(char *to, const void *bytes, size_t size);
/* The same with a NUL behind: `to` has room for 2 * size + 1. */
void tl_hex_text(char *to, const void *bytes, size_t size);
/* Read 2 * size digits; false when one is not a digit. */
bool tl_hex_read(void *to, const char *digits, size_t size);

#endif
