/* door/dialect.h -- forms of Trino's SQL that the engine's parser does not read, in forms that it does.
 *
 * Why: users type Trino's SQL.  Most of it is the engine's too, or a function that the engine is taught (spec/dialect.toml,
 *   engines/duckdb/dialect.cpp); what remains is told by its tokens alone: VALUES 1, 2; array(t) as a type; CAST to a text of
 *   limited length; UNNEST of several arrays; aggregates and lambdas whose call is put together of others.
 * The new text is checked by the gate like any other, so nothing here decides what may run.  A text without such forms is given
 *   back as it is.
 * Owns: the result lives in the arena; the text is borrowed.
 */
#ifndef TL_DOOR_DIALECT_H
#define TL_DOOR_DIALECT_H

#include "base/str.h"

/* Bytes of the new text that were taken over as they stood. */
struct tl_dialect_piece {
    size_t at, original, size;
};

struct tl_dialect {
    struct tl_str text;
    struct tl_str original;
    size_t piece_count; /* 0 = the text is the original */
    const struct tl_dialect_piece *pieces;
};

/* Forms nested more than TL_DIALECT_DEPTH_MAX deep are left as they are; TL_TOO_LARGE when the text becomes larger than
 * `bytes_max`. */
enum { TL_DIALECT_DEPTH_MAX = 100 };
TL_CHECKED enum tl_code tl_dialect_read(tl_arena *arena, struct tl_str text, size_t bytes_max, struct tl_dialect *ret_dialect,
                                        struct tl_err *err);

/* A position in the new text as one in the original; inside of what was added: where the next original bytes come from. */
int64_t tl_dialect_original(const struct tl_dialect *dialect, int64_t position);

#endif
