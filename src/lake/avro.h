/* lake/avro.h -- Avro object container files, read and written: what Iceberg keeps its manifests in.
 *
 * Why our own: readers of Iceberg find columns by "field-id", an attribute of the schema that the C library at hand loses.
 * Reading is a walk: open the file, take block by block, and read each record's fields in the order of the file's schema.  Whoever
 *   reads looks at the field-id, reads what it knows and skips the rest.  A union of null and something is null or that something.
 * Owns: schema, metadata and blocks live in the arena; what is read from a cursor points into its block.
 * Bounds: stored bytes are foreign.  Depth, fields, metadata and the unpacked size have limits, and a cursor's steps are counted
 *   by its bytes, so that no file costs more than a multiple of its size.  A cursor that fails stays failed and gives nothing.
 * Codecs: null, deflate, zstandard and snappy are read; null and deflate are written.
 */
#ifndef TL_LAKE_AVRO_H
#define TL_LAKE_AVRO_H

#include "base/str.h"

enum {
    TL_AVRO_DEPTH_MAX = 64,
    TL_AVRO_FIELDS_MAX = 100000,                 /* fields, branches and items of a schema in all */
    TL_AVRO_SCHEMA_BYTES_MAX = 16 * 1024 * 1024,
    TL_AVRO_METADATA_MAX = 256,                  /* pairs in a header */
    TL_AVRO_UNPACKED_BYTES_MAX = 512 * 1024 * 1024, /* of one file, all blocks */
};

enum tl_avro_kind {
    TL_AVRO_NULL,
    TL_AVRO_BOOLEAN,
    TL_AVRO_INT,
    TL_AVRO_LONG,
    TL_AVRO_FLOAT,
    TL_AVRO_DOUBLE,
    TL_AVRO_BYTES,
    TL_AVRO_STRING,
    TL_AVRO_FIXED,
    TL_AVRO_ENUM,
    TL_AVRO_ARRAY,
    TL_AVRO_MAP,
    TL_AVRO_UNION,
    TL_AVRO_RECORD,
};

struct tl_avro_field;
struct tl_avro_schema {
    enum tl_avro_kind kind;
    size_t size;                        /* FIXED: bytes of a value; ENUM: symbols */
    const char *name;                   /* FIXED, ENUM, RECORD */
    const char *logical;                /* "logicalType", NULL = none */
    size_t count;                       /* RECORD: fields, UNION: branches, ARRAY and MAP: 1 (the item) */
    const struct tl_avro_field *fields;
};
struct tl_avro_field {
    const char *name;                    /* "" for branches and items */
    int64_t id;                          /* "field-id", of an item "element-id" or "value-id"; -1 = none */
    const struct tl_avro_schema *schema;
};

/* A schema's JSON.  TL_INVALID_ARGUMENT; a type that holds itself is TL_UNSUPPORTED. */
TL_CHECKED enum tl_code tl_avro_schema_parse(tl_arena *arena, struct tl_str json, const struct tl_avro_schema **ret_schema, struct tl_err *err);

/* --- values --- */
struct tl_avro_cursor {
    const uint8_t *at, *end;
    uint64_t steps_left;
    bool failed;
};
void tl_avro_cursor_init(struct tl_avro_cursor *cursor, const void *bytes, size_t size);
/* true: there is a value.  false: it is null, or the cursor failed (also when the value is of another kind). */
bool tl_avro_get_long(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, int64_t *ret_number);    /* INT, LONG, ENUM */
bool tl_avro_get_boolean(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, bool *ret_value);
bool tl_avro_get_double(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, double *ret_number);   /* FLOAT, DOUBLE */
bool tl_avro_get_bytes(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_str *ret_bytes); /* BYTES, STRING, FIXED */
/* The record, or the record a union chose; NULL = null or failed. */
const struct tl_avro_schema *tl_avro_get_record(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema);
void tl_avro_skip(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema);

/* for (if (tl_avro_items(&cursor, schema, &items)) while (tl_avro_next(&items)) read one value of items.schema */
struct tl_avro_items {
    struct tl_avro_cursor *cursor;
    const struct tl_avro_schema *schema;
    uint64_t left;
    bool begun;
};
bool tl_avro_items(struct tl_avro_cursor *cursor, const struct tl_avro_schema *schema, struct tl_avro_items *ret_items); /* ARRAY */
bool tl_avro_next(struct tl_avro_items *items);

/* --- files --- */
struct tl_avro_pair {
    const char *key;
    struct tl_str value;
};
struct tl_avro_file {
    const struct tl_avro_schema *schema;
    struct tl_avro_pair *metadata;
    size_t metadata_count;
    tl_arena *arena;
    struct tl_avro_cursor rest;
    int codec;
    uint8_t sync[16];
    size_t unpacked_bytes;
};
/* The bytes must outlive the file.  TL_STATE: they are no such file. */
TL_CHECKED enum tl_code tl_avro_open(tl_arena *arena, struct tl_str bytes, struct tl_avro_file *ret_file, struct tl_err *err);
/* Empty when there is none. */
struct tl_str tl_avro_metadata(const struct tl_avro_file *file, const char *key);
/* The next block of records; *ret_count 0 = no more. */
TL_CHECKED enum tl_code tl_avro_block(struct tl_avro_file *file, struct tl_avro_cursor *ret_cursor, uint64_t *ret_count, struct tl_err *err);

struct tl_avro_writer {
    struct tl_buf *to;
    struct tl_buf block; /* put a record's values here, then call tl_avro_record */
    uint64_t count;
    bool deflate;
    uint8_t sync[16];
};
/* The schema's JSON and the metadata pairs make the header. */
TL_CHECKED enum tl_code tl_avro_begin(struct tl_avro_writer *writer, struct tl_buf *to, struct tl_str schema, const struct tl_avro_pair *metadata,
                                      size_t metadata_count, bool deflate, struct tl_err *err);
void tl_avro_record(struct tl_avro_writer *writer);
/* Ends file and writer.  TL_TOO_LARGE when a buffer was full. */
TL_CHECKED enum tl_code tl_avro_finish(struct tl_avro_writer *writer, struct tl_err *err);

void tl_avro_put_long(struct tl_buf *buf, int64_t number); /* INT, LONG, ENUM, a union's branch, an array's count */
void tl_avro_put_boolean(struct tl_buf *buf, bool value);
void tl_avro_put_float(struct tl_buf *buf, float number);
void tl_avro_put_double(struct tl_buf *buf, double number);
void tl_avro_put_bytes(struct tl_buf *buf, struct tl_str bytes); /* BYTES, STRING; FIXED is tl_buf_add */

#endif
