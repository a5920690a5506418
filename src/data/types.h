/* data/types.h -- the types a value can have between a source, the engine and a client.
 *
 * Why: three systems must mean the same by "decimal(12,2)"; one small closed list keeps every switch complete.
 * Owns: a struct tl_type lives in the arena that made it; children and names with it.
 * Layouts (of one value in vectors and batches): little endian, as listed; strings and nested types see vector.h, batch.h.
 * Mapping to other systems: docs/reference/types.md.
 */
#ifndef TL_DATA_TYPES_H
#define TL_DATA_TYPES_H

#include "base/arena.h"
#include "base/str.h"

enum tl_type_id {
    TL_TYPE_INVALID = 0,
    TL_TYPE_NULL,      /* only NULLs; stored as int8 */
    TL_TYPE_BOOLEAN,   /* uint8 0 or 1 */
    TL_TYPE_INT8,
    TL_TYPE_INT16,
    TL_TYPE_INT32,
    TL_TYPE_INT64,
    TL_TYPE_INT128,    /* 16 bytes two's complement, low half first */
    TL_TYPE_UINT8,
    TL_TYPE_UINT16,
    TL_TYPE_UINT32,
    TL_TYPE_UINT64,
    TL_TYPE_UINT128,
    TL_TYPE_FLOAT,
    TL_TYPE_DOUBLE,
    TL_TYPE_DECIMAL,   /* precision 1..38: int16 up to 4 digits, int32 up to 9, int64 up to 18, else int128; value * 10^scale */
    TL_TYPE_VARCHAR,   /* UTF-8 */
    TL_TYPE_JSON,      /* UTF-8 text of a JSON value */
    TL_TYPE_BLOB,
    TL_TYPE_UUID,      /* int128 whose big-endian bytes are the UUID's with the top bit flipped (the engine's order) */
    TL_TYPE_DATE,      /* int32 days since 1970-01-01 */
    TL_TYPE_TIME,      /* int64 microseconds of the day */
    TL_TYPE_TIMESTAMP, /* int64 microseconds since 1970-01-01 00:00, no zone */
    TL_TYPE_TIMESTAMP_NS, /* int64 nanoseconds */
    TL_TYPE_TIMESTAMPTZ,  /* int64 microseconds since 1970-01-01 00:00 UTC */
    TL_TYPE_INTERVAL,  /* int32 months, int32 days, int64 microseconds */
    TL_TYPE_LIST,      /* one child */
    TL_TYPE_STRUCT,    /* children with names */
    TL_TYPE_MAP,       /* two children: key, value */
    TL_TYPE_LAST = TL_TYPE_MAP
};

struct tl_type {
    enum tl_type_id id;
    uint8_t precision; /* DECIMAL */
    uint8_t scale;     /* DECIMAL; TIME and TIMESTAMP*: digits after the second a client should see, 0 = the type's own (6, ns 9) */
    uint32_t child_count;
    const struct tl_type *children;
    const char *const *child_names; /* STRUCT; "" when a field has no name */
};

enum { TL_TYPE_DEPTH_MAX = 32, TL_TYPE_CHILDREN_MAX = 4096 };

/* A named, typed thing: column of a dataset or of a result. */
struct tl_field {
    const char *name;
    struct tl_type type;
};

struct tl_type tl_type_simple(enum tl_type_id id);
struct tl_type tl_type_decimal(int precision, int scale);
struct tl_type tl_type_list(tl_arena *arena, struct tl_type child);
struct tl_type tl_type_map(tl_arena *arena, struct tl_type key, struct tl_type value);
struct tl_type tl_type_copy(tl_arena *arena, const struct tl_type *type);
bool tl_type_equal(const struct tl_type *a, const struct tl_type *b);

/* Bytes of one fixed-size value (also of the int an unnested DECIMAL uses); 0 for VARCHAR, JSON, BLOB, LIST, STRUCT, MAP. */
size_t tl_type_width(const struct tl_type *type);
bool tl_type_is_text(const struct tl_type *type); /* VARCHAR, JSON, BLOB: bytes of any length */

/* The engine's spelling: "BIGINT", "DECIMAL(12,2)", "STRUCT(a INTEGER, b VARCHAR)[]". */
void tl_type_format_sql(struct tl_buf *buf, const struct tl_type *type);
/* Trino's spelling: "bigint", "decimal(12, 2)", "array(row(a integer, b varchar))". */
void tl_type_format_trino(struct tl_buf *buf, const struct tl_type *type);

/* Binary form for the engine's socket and for stored caches; the reader refuses what is deeper or wider than the limits. */
void tl_type_encode(struct tl_buf *buf, const struct tl_type *type);
TL_CHECKED enum tl_code tl_type_decode(tl_arena *arena, struct tl_str *bytes, struct tl_type *ret_type, struct tl_err *err);
/* The same as hexadecimal digits, for JSON; all digits must belong to it (TL_STATE). */
void tl_type_encode_hex(struct tl_buf *buf, const struct tl_type *type);
TL_CHECKED enum tl_code tl_type_decode_hex(tl_arena *arena, const char *hex, struct tl_type *ret_type, struct tl_err *err);

#endif
