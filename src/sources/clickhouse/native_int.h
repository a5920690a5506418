/* sources/clickhouse/native_int.h -- between native_read.c and native_convert.c only. */
#ifndef TL_SOURCES_CLICKHOUSE_NATIVE_INT_H
#define TL_SOURCES_CLICKHOUSE_NATIVE_INT_H

#include "sources/clickhouse/native.h"

/* A string's place in the block. */
struct tl_native_piece {
    uint32_t start;
    uint32_t size;
};

/* Where the values of one (nested) type are in the block. */
struct tl_native_node {
    const struct tl_clickhouse_type *type;
    size_t rows;
    size_t data;                    /* offset of: fixed values, Array's and Map's offsets, LowCardinality's indexes */
    size_t nulls;                   /* NULLABLE: offset of the null map */
    struct tl_native_piece *pieces; /* STRING */
    size_t piece_room;
    uint8_t index_width;       /* LOW_CARDINALITY */
    struct tl_text *key_texts; /* LOW_CARDINALITY of text: keys as made for the slice of key_slices */
    uint32_t *key_slices;      /* 0: not checked yet; UINT32_MAX: good for every slice */
    size_t key_room;
    bool keys_ready;           /* every key is made for every slice */
    uint32_t slice;
    uint32_t child_count;
    struct tl_native_node *children; /* LOW_CARDINALITY: the keys, as values of the innermost type */
};

struct tl_native_block {
    uint8_t *bytes;
    size_t size, room;
    size_t at; /* reading: what is behind it is not understood yet */
    size_t rows;
    tl_arena *arena; /* nodes */
    size_t column_count;
    struct tl_native_node *nodes;
    const struct tl_native_column *columns;
};

/* A slice on its way: rows from..from+count of node become rows to..to+count of vector. */
struct tl_native_slice {
    tl_native_block *block;
    struct tl_native_node *node;
    size_t from, count;
    struct tl_vector *vector;
    size_t to;
    const uint8_t
        *nulls;         /* of the slice's rows, NULL = none: what stands under a NULL means nothing and is not judged */
    const char *column; /* for errors */
    struct tl_err *err;
};

enum tl_code tl_native_slice(const struct tl_native_slice *slice);

/* native_text.c */
enum tl_code tl_native_strings(const struct tl_native_slice *slice);
enum tl_code tl_native_fixed_strings(const struct tl_native_slice *slice);
enum tl_code tl_native_low_cardinality(const struct tl_native_slice *slice);
enum tl_code tl_native_enums(const struct tl_native_slice *slice);
enum tl_code tl_native_addresses(const struct tl_native_slice *slice);
enum tl_code tl_native_wide_numbers(const struct tl_native_slice *slice);
enum tl_code tl_native_long_times(const struct tl_native_slice *slice);

/* Why a value cannot be carried. */
enum tl_code tl_native_bad_value(const struct tl_native_slice *slice, const char *why, const char *hint);
enum tl_code tl_native_no_memory(const struct tl_native_slice *slice);

/* Is row i of the slice NULL?  i counts from 0. */
static inline bool tl_native_null_at(const struct tl_native_slice *slice, size_t i)
{
    return slice->nulls && slice->nulls[i];
}

#endif
