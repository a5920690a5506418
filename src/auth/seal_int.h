/* auth/seal_int.h -- bytes that only the holder of a key can read or change (AES-256-GCM), and keys made from secrets (HMAC-SHA256);
 * private to auth/. */
#ifndef TL_AUTH_SEAL_INT_H
#define TL_AUTH_SEAL_INT_H

#include "base/str.h"

enum { TL_SEAL_KEY_SIZE = 32 };

/* The same secret with another purpose gives an unrelated key. */
void tl_seal_key(const char *purpose, struct tl_str secret, uint8_t ret_key[TL_SEAL_KEY_SIZE]);
/* A fresh nonce each time; data NULL when the system gives no random bytes. */
struct tl_str tl_seal(tl_arena *arena, const uint8_t key[TL_SEAL_KEY_SIZE], struct tl_str plain);
/* data NULL when the key is another one or a bit was changed; else a NUL follows the bytes. */
struct tl_str tl_unseal(tl_arena *arena, const uint8_t key[TL_SEAL_KEY_SIZE], struct tl_str sealed);

#endif
