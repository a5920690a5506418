/* base/hash.h -- SipHash-2-4: a hash with a key, so that nobody can choose texts that collide.
 *
 * Why: texts and names come from callers and are looked up in tables; without a key one caller could make every look-up slow.
 * Threads: no state.
 */
#ifndef TL_BASE_HASH_H
#define TL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t tl_hash_keyed(const uint64_t key[2], const void *bytes, size_t size);

#endif
