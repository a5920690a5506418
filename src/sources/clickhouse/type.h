/* sources/clickhouse/type.h -- ClickHouse's type names read into a tree, and what each becomes here.
 *
 * Why: a Native block says its types as text ("LowCardinality(Nullable(String))"); so does system.columns.  Both the
 *   decoder and the filters need the parts.
 * Owns: a type lives in the arena given, names and children with it.  Immutable once made, so any thread may read it.
 * Bounds: text at most TL_CLICKHOUSE_TYPE_TEXT_MAX, depth TL_TYPE_DEPTH_MAX, members TL_TYPE_CHILDREN_MAX.
 * Mapping: the table is in clickhouse.h.
 */
#ifndef TL_SOURCES_CLICKHOUSE_TYPE_H
#define TL_SOURCES_CLICKHOUSE_TYPE_H

#include "data/types.h"

enum { TL_CLICKHOUSE_TYPE_TEXT_MAX = 4 * 1024 * 1024, TL_CLICKHOUSE_ENUM_MAX = 65536 };

enum tl_clickhouse_kind {
    TL_CLICKHOUSE_UNKNOWN, /* a name that is not of this list: cannot be read */
    TL_CLICKHOUSE_BOOL,
    TL_CLICKHOUSE_INT, /* width 1..32 */
    TL_CLICKHOUSE_UINT,
    TL_CLICKHOUSE_FLOAT,   /* width 2 (BFloat16), 4, 8 */
    TL_CLICKHOUSE_DECIMAL, /* precision, scale; width 4..32 */
    TL_CLICKHOUSE_STRING,
    TL_CLICKHOUSE_FIXED_STRING, /* fixed_size */
    TL_CLICKHOUSE_DATE,
    TL_CLICKHOUSE_DATE32,
    TL_CLICKHOUSE_DATETIME,   /* has_zone */
    TL_CLICKHOUSE_DATETIME64, /* scale, has_zone */
    TL_CLICKHOUSE_TIME,
    TL_CLICKHOUSE_TIME64,   /* scale */
    TL_CLICKHOUSE_INTERVAL, /* unit */
    TL_CLICKHOUSE_ENUM,     /* width 1 or 2; members */
    TL_CLICKHOUSE_UUID,
    TL_CLICKHOUSE_IPV4,
    TL_CLICKHOUSE_IPV6,
    TL_CLICKHOUSE_NOTHING,
    TL_CLICKHOUSE_NULLABLE, /* one child, as the next two */
    TL_CLICKHOUSE_LOW_CARDINALITY,
    TL_CLICKHOUSE_ARRAY,
    TL_CLICKHOUSE_MAP,      /* key, value */
    TL_CLICKHOUSE_TUPLE,    /* children with names */
    TL_CLICKHOUSE_DOCUMENT, /* JSON, Variant, Dynamic, Object, Geometry: no fixed type inside */
    TL_CLICKHOUSE_STATE,    /* AggregateFunction */
};

enum tl_clickhouse_unit {
    TL_CLICKHOUSE_NANOSECOND,
    TL_CLICKHOUSE_MICROSECOND,
    TL_CLICKHOUSE_MILLISECOND,
    TL_CLICKHOUSE_SECOND,
    TL_CLICKHOUSE_MINUTE,
    TL_CLICKHOUSE_HOUR,
    TL_CLICKHOUSE_DAY,
    TL_CLICKHOUSE_WEEK,
    TL_CLICKHOUSE_MONTH,
    TL_CLICKHOUSE_QUARTER,
    TL_CLICKHOUSE_YEAR,
};

struct tl_clickhouse_member {
    int value;
    struct tl_str name;
};

struct tl_clickhouse_type {
    enum tl_clickhouse_kind kind;
    uint8_t width; /* bytes of one value on the wire; 0 where it varies or is larger than a byte can say */
    uint8_t precision;
    uint8_t scale;
    bool has_zone;
    enum tl_clickhouse_unit unit;
    uint32_t fixed_size;
    uint32_t child_count;
    struct tl_clickhouse_type **children;
    const char **child_names;
    uint32_t member_count;
    const struct tl_clickhouse_member *members; /* of an ENUM, by value */
    struct tl_type type;                        /* what it becomes; id TL_TYPE_INVALID when it cannot be carried */
};

/* Text is VARCHAR, or BLOB when strings_as_blob.  TL_SOURCE_PROTOCOL when the text is not a type name. */
TL_CHECKED enum tl_code tl_clickhouse_type_parse(tl_arena *arena, struct tl_str text, bool strings_as_blob,
                                                 struct tl_clickhouse_type **ret_type, struct tl_err *err);

/* Does a DOCUMENT (or a STATE) occur anywhere in it? */
bool tl_clickhouse_type_has(const struct tl_clickhouse_type *type, enum tl_clickhouse_kind kind);

/* The type without Nullable and LowCardinality around it. */
const struct tl_clickhouse_type *tl_clickhouse_type_bare(const struct tl_clickhouse_type *type);
bool tl_clickhouse_type_nullable(const struct tl_clickhouse_type *type);
/* Is there a Nullable of it? */
bool tl_clickhouse_type_may_be_null(const struct tl_clickhouse_type *type);

/* NULL when no member has this name or value. */
const struct tl_clickhouse_member *tl_clickhouse_member_named(const struct tl_clickhouse_type *type,
                                                              struct tl_str name);
const struct tl_clickhouse_member *tl_clickhouse_member_valued(const struct tl_clickhouse_type *type, int value);

#endif
