/* sources/postgres/copy_decode.h -- rows of PostgreSQL's binary COPY, straight into vectors.
 *
 * Why: the bytes come from another machine and become memory of the engine: one small file checks every size, depends
 *   on no libpq, and is fuzzed alone (copy_fuzz.c).
 * Format: documentation of COPY, "Binary Format"; of each type its xxx_send function.  The server sends one row a
 *   message; the header comes in front of the first row, the trailer is a message of its own.
 * Errors: TL_SOURCE_PROTOCOL when bytes are not of the format; TL_INVALID_VALUE when a value of the source has no
 *   place in the column's type (a NaN in a numeric, an array of other dimensions); TL_MEMORY_EXCEEDED when a vector
 *   is full. The message names the column and its type.
 * Owns: nothing.  Threads: one decoder is used by one thread.
 */
#ifndef TL_SOURCES_POSTGRES_COPY_DECODE_H
#define TL_SOURCES_POSTGRES_COPY_DECODE_H

#include "data/vector.h"

/* How a value looks on the wire. */
enum tl_postgres_form {
    TL_POSTGRES_BOOL,
    TL_POSTGRES_INT2,
    TL_POSTGRES_INT4, /* also oid, into UINT32 */
    TL_POSTGRES_INT8,
    TL_POSTGRES_FLOAT4,
    TL_POSTGRES_FLOAT8,
    TL_POSTGRES_NUMERIC, /* precision, scale */
    TL_POSTGRES_TEXT,
    TL_POSTGRES_JSONB, /* a version byte, then text */
    TL_POSTGRES_BYTEA,
    TL_POSTGRES_UUID,
    TL_POSTGRES_DATE,
    TL_POSTGRES_TIME,
    TL_POSTGRES_TIMESTAMP, /* with or without time zone */
    TL_POSTGRES_INTERVAL,
    TL_POSTGRES_ARRAY, /* element, dimensions */
    TL_POSTGRES_AVERAGE, /* numeric[]: sum (of precision and scale, see there) and number; becomes their quotient */
};

enum { TL_POSTGRES_DIMENSIONS_MAX = 6 };

struct tl_postgres_field {
    enum tl_postgres_form form;
    uint8_t precision, scale;
    uint8_t dimensions;
    bool narrow; /* AVERAGE: of 16-bit numbers, which the engine divides as doubles */
    const struct tl_postgres_field *element;
    int column; /* of the chunk */
    const char *name, *source_type; /* for errors */
};

struct tl_postgres_decoder {
    const struct tl_postgres_field *fields;
    size_t field_count;
    const char *where; /* for errors: table "public.t" of source "ops" */
    bool header_seen, ended;
    uint64_t text_bytes; /* of variable-size values since the caller last set it to 0 */
};

/* Take one message: at most one row, written at chunk->row_count, which grows by one; the caller leaves room for it. */
TL_CHECKED enum tl_code tl_postgres_decode(struct tl_postgres_decoder *decoder, const void *message, size_t size,
                                           struct tl_chunk *chunk, struct tl_err *err);

/* A numeric's bytes as value * 10^scale.  Exact or not at all. */
enum tl_postgres_numeric {
    TL_POSTGRES_NUMERIC_OK,
    TL_POSTGRES_NUMERIC_NAN,
    TL_POSTGRES_NUMERIC_INFINITE,
    TL_POSTGRES_NUMERIC_TOO_LARGE, /* more than `precision` digits */
    TL_POSTGRES_NUMERIC_INEXACT,   /* more than `scale` digits behind the point */
    TL_POSTGRES_NUMERIC_MALFORMED,
};
enum tl_postgres_numeric tl_postgres_decode_numeric(const uint8_t *bytes, size_t size, int precision, int scale,
                                                    __int128 *ret_value);

#endif
