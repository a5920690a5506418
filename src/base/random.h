/* base/random.h -- bytes nobody can guess, from the kernel (getrandom(2)).
 *
 * Errors: TL_IO when the kernel gives none; whoever needs a secret must then stop, never go on with a weaker one.
 */
#ifndef TL_BASE_RANDOM_H
#define TL_BASE_RANDOM_H

#include "base/err.h"

TL_CHECKED enum tl_code tl_random_bytes(void *to, size_t size, struct tl_err *err);
/* byte_count bytes as hexadecimal digits and a NUL: `to` has room for 2 * byte_count + 1. */
enum { TL_RANDOM_HEX_BYTES_MAX = 64 };
TL_CHECKED enum tl_code tl_random_hex(char *to, size_t byte_count, struct tl_err *err);

#endif
