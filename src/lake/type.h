/* lake/type.h -- Iceberg's types, schemas, partition specs and sort orders as C structures; values, and what partitioning makes of them.
 *
 * Why: table metadata keeps JSON so that nothing unknown is lost (lake_int.h); whoever plans a scan, compares bounds or writes files
 *   needs types.  A described thing keeps the JSON it came from.
 * Owns: everything lives in the arena given.
 * Bounds: as tl_lake_schema_check's (20,000 fields, 32 levels).
 * Threads: no state.
 */
#ifndef TL_LAKE_TYPE_H
#define TL_LAKE_TYPE_H

#include "base/str.h"
#include "data/json.h"

enum tl_lake_type_id {
    TL_LAKE_BOOLEAN,
    TL_LAKE_INT,
    TL_LAKE_LONG,
    TL_LAKE_FLOAT,
    TL_LAKE_DOUBLE,
    TL_LAKE_DECIMAL,
    TL_LAKE_DATE,
    TL_LAKE_TIME,
    TL_LAKE_TIMESTAMP,
    TL_LAKE_TIMESTAMPTZ,
    TL_LAKE_TIMESTAMP_NS,
    TL_LAKE_TIMESTAMPTZ_NS,
    TL_LAKE_STRING,
    TL_LAKE_UUID,
    TL_LAKE_FIXED,
    TL_LAKE_BINARY,
    TL_LAKE_VARIANT,
    TL_LAKE_UNKNOWN,
    TL_LAKE_GEOMETRY,
    TL_LAKE_GEOGRAPHY,
    TL_LAKE_STRUCT,
    TL_LAKE_LIST,
    TL_LAKE_MAP,
};

struct tl_lake_field;
struct tl_lake_type {
    enum tl_lake_type_id id;
    int precision, scale;               /* DECIMAL */
    int size;                           /* FIXED: bytes */
    size_t count;                       /* STRUCT: fields; LIST: 1 (element); MAP: 2 (key, value) */
    const struct tl_lake_field *fields;
};
struct tl_lake_field {
    int64_t id;
    const char *name; /* "element", "key", "value" in lists and maps */
    bool required;
    struct tl_lake_type type;
    const tl_json *json; /* the field as it was written; NULL in lists and maps */
};

/* A schema: its columns, and every field at any depth by id. */
struct tl_lake_schema {
    int64_t id;
    struct tl_lake_type root; /* STRUCT */
    const struct tl_lake_field **by_id; /* ordered */
    size_t by_id_count;
};
TL_CHECKED enum tl_code tl_lake_schema_describe(tl_arena *arena, const tl_json *json, struct tl_lake_schema *ret_schema, struct tl_err *err);
const struct tl_lake_field *tl_lake_schema_field(const struct tl_lake_schema *schema, int64_t id); /* NULL: none */
/* "a.b" is field b of column a; NULL: none.  Case counts. */
const struct tl_lake_field *tl_lake_schema_find(const struct tl_lake_schema *schema, const char *name);
TL_CHECKED enum tl_code tl_lake_type_parse(const char *text, struct tl_lake_type *ret_type, struct tl_err *err); /* primitive types */
/* "decimal(10, 2)": as metadata spells it; structs, lists and maps are called by their kind. */
void tl_lake_type_format(struct tl_buf *buf, const struct tl_lake_type *type);

/* --- values of primitive types --- */
struct tl_lake_value {
    bool is_null;
    int64_t integer;  /* BOOLEAN, INT, LONG, DATE (days), TIME, TIMESTAMP* (micro- or nanoseconds) */
    double number;    /* FLOAT, DOUBLE */
    __int128 decimal; /* DECIMAL: value * 10^scale */
    struct tl_str bytes; /* STRING, UUID (16), FIXED, BINARY and what else is bytes */
};
/* The binary form of bounds (Iceberg's "single-value serialization"); also of a type since widened.  false: no value of the type. */
bool tl_lake_value_decode(const struct tl_lake_type *type, struct tl_str bytes, struct tl_lake_value *ret_value);
void tl_lake_value_encode(struct tl_buf *buf, const struct tl_lake_type *type, const struct tl_lake_value *value);
/* < 0, 0, > 0 of two values that are not null; NaN is above all numbers. */
int tl_lake_value_compare(const struct tl_lake_type *type, const struct tl_lake_value *a, const struct tl_lake_value *b);
int tl_lake_compare_bytes(struct tl_str a, struct tl_str b);
/* The JSON form of defaults and filters: dates and times as ISO 8601 text, decimals as text, bytes in hexadecimal. */
TL_CHECKED enum tl_code tl_lake_value_parse(tl_arena *arena, const struct tl_lake_type *type, const tl_json *json, struct tl_lake_value *ret_value,
                                            struct tl_err *err);
/* A whole value in the same form, without quotes; numbers and truth values too.  false: it is none of the type. */
bool tl_lake_value_from_text(tl_arena *arena, const struct tl_lake_type *type, const char *text, struct tl_lake_value *ret_value);
/* For people: as the JSON form, without quotes; "null". */
void tl_lake_value_format(struct tl_buf *buf, const struct tl_lake_type *type, const struct tl_lake_value *value);

/* --- partition specs and sort orders --- */
enum tl_lake_transform_id {
    TL_LAKE_IDENTITY,
    TL_LAKE_BUCKET,
    TL_LAKE_TRUNCATE,
    TL_LAKE_YEAR,
    TL_LAKE_MONTH,
    TL_LAKE_DAY,
    TL_LAKE_HOUR,
    TL_LAKE_VOID,
    TL_LAKE_OTHER, /* of a later version: its values say nothing */
};
struct tl_lake_transform {
    enum tl_lake_transform_id id;
    int32_t parameter; /* BUCKET: count; TRUNCATE: width */
    const char *text;
};
struct tl_lake_spec_field {
    int64_t source_id, field_id;
    const char *name;
    struct tl_lake_transform transform;
};
struct tl_lake_spec {
    int64_t id;
    const struct tl_lake_spec_field *fields;
    size_t count;
};
struct tl_lake_order_field {
    int64_t source_id;
    struct tl_lake_transform transform;
    bool descending, nulls_last;
};
struct tl_lake_order {
    int64_t id;
    const struct tl_lake_order_field *fields;
    size_t count;
};
TL_CHECKED enum tl_code tl_lake_spec_describe(tl_arena *arena, const tl_json *json, struct tl_lake_spec *ret_spec, struct tl_err *err);
TL_CHECKED enum tl_code tl_lake_order_describe(tl_arena *arena, const tl_json *json, struct tl_lake_order *ret_order, struct tl_err *err);
/* "day", "bucket[16]"; what is not known is OTHER.  The text is kept. */
void tl_lake_transform_parse(const char *text, struct tl_lake_transform *ret_transform);
/* What the transform makes of the type; false: it does not take it. */
bool tl_lake_transform_type(const struct tl_lake_transform *transform, const struct tl_lake_type *source, struct tl_lake_type *ret_type);
/* What it makes of a value (null stays null). */
void tl_lake_transform_apply(const struct tl_lake_transform *transform, const struct tl_lake_type *source,
                             const struct tl_lake_value *value, struct tl_lake_value *ret_value);
/* "2026-11-24" for a day, "2026-11" for a month: how people read a partition's value. */
void tl_lake_transform_format(struct tl_buf *buf, const struct tl_lake_transform *transform, const struct tl_lake_type *source,
                              const struct tl_lake_value *value);

#endif
