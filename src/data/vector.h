/* data/vector.h -- writable columns that a source's scan fills, without knowing whose memory they are.
 *
 * Why: rows decoded straight into the engine's own vectors are not copied again; yet no source driver may know the engine.
 *   The layout is the engine's (DuckDB's flat vectors): a driver that fills one has filled the other.
 * Layout: `data` is an array of fixed-size values (types.h).  Text is struct tl_text (16 bytes: up to 12 bytes inline, else
 *   4 bytes of prefix and a pointer).  LIST and MAP hold struct tl_span into child 0 (MAP: child 0 is STRUCT(key, value)).
 *   STRUCT has no data of its own; its children have as many rows.
 *   validity: bit r of word r/64 set = row r is not NULL; `validity` is NULL while no row is NULL.  A NULL STRUCT row
 *   has its children set NULL too (tl_vector_set_null does both).
 * Owns: nothing; vectors live as long as the batch they came with.  Text longer than 12 bytes is written into memory that
 *   tl_vector_text_space gives.
 * Threads: one thread per batch.
 */
#ifndef TL_DATA_VECTOR_H
#define TL_DATA_VECTOR_H

#include <string.h>

#include "data/types.h"

enum { TL_VECTOR_ROWS_MAX = 2048, TL_TEXT_INLINE_MAX = 12 };

struct tl_text {
    uint32_t size;
    char prefix[4];     /* the first bytes; with `rest` 12 inline bytes when size <= 12 */
    union {
        char rest[8];
        char *pointer;  /* all bytes, when size > 12 */
    } tail;
};

struct tl_span {
    uint64_t offset; /* into the child */
    uint64_t count;
};

struct tl_vector {
    const struct tl_type *type;
    void *data;
    uint64_t *validity;          /* NULL = no NULLs so far */
    struct tl_vector *children;  /* LIST, MAP: 1; STRUCT: child_count */
    uint64_t child_rows;         /* LIST, MAP: rows used of child 0 */
    const struct tl_vector_ops *ops;
    void *engine_vector;         /* for ops */
};

/* What the owner of the memory does; tests have a heap version (tl_chunk_new). */
struct tl_vector_ops {
    uint64_t *(*make_validity)(struct tl_vector *vector);           /* all set */
    char *(*text_space)(struct tl_vector *vector, size_t size);     /* NULL: out of memory */
    bool (*reserve_child)(struct tl_vector *vector, uint64_t rows); /* LIST, MAP: child 0 can take `rows` in all; data pointers may move */
};

struct tl_chunk {
    struct tl_vector *columns;
    size_t column_count;
    size_t row_count; /* set by the scan, at most TL_VECTOR_ROWS_MAX; 0 = the end */
};

/* A chunk on the heap, for tests and for loads.  Freed with its arena. */
struct tl_chunk *tl_chunk_new(tl_arena *arena, const struct tl_type *const *types, size_t column_count);
void tl_chunk_reset(struct tl_chunk *chunk);

void tl_vector_set_null(struct tl_vector *vector, size_t row);
bool tl_vector_is_null(const struct tl_vector *vector, size_t row);
/* Copies bytes in; false when memory ran out. */
bool tl_vector_set_text(struct tl_vector *vector, size_t row, const char *bytes, size_t size);
struct tl_str tl_vector_text(const struct tl_vector *vector, size_t row);
/* Make room for `count` more child rows and set row's span; NULL when memory ran out.  Returns child 0; fill from the old
 * child_rows on. */
struct tl_vector *tl_vector_add_list(struct tl_vector *vector, size_t row, uint64_t count);

#endif
