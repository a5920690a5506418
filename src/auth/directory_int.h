/* auth/directory_int.h -- who is in which group, as one source of groups last said it; private to auth/.
 *
 * The form, of files, pulled documents and kept answers:
 *   {"groups": {"analyst": ["ana@example.com", ..], ..}, "users": {"ana@example.com": {"country": "DE"}, ..}}
 * "users" may be left out.  Other members are refused: a misspelt one would silently be an empty group.
 * Owns: immutable and counted.
 * Bounds: TL_DIRECTORY_BYTES_MAX of JSON, TL_MEMBERSHIPS_MAX memberships.
 */
#ifndef TL_AUTH_DIRECTORY_INT_H
#define TL_AUTH_DIRECTORY_INT_H

#include "auth/identity_int.h"

enum { TL_DIRECTORY_BYTES_MAX = 32 * 1024 * 1024, TL_MEMBERSHIPS_MAX = 1000000 };

typedef struct tl_directory tl_directory;
TL_CHECKED enum tl_code tl_directory_parse(struct tl_str json, tl_directory **ret_directory, struct tl_err *err);
tl_directory *tl_directory_keep(tl_directory *directory);
tl_directory *tl_directory_release(tl_directory *directory); /* NULL is fine; returns NULL */
/* Adds what it says of identity->user; nothing for somebody it does not name. */
TL_CHECKED enum tl_code tl_directory_add(const tl_directory *directory, tl_arena *arena, struct tl_identity *identity, struct tl_err *err);

#endif
