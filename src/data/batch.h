/* data/batch.h -- finished columns of a result, in one block of bytes that can be sent as it is.
 *
 * Why: results cross one process border (engine -> serve) and are then only read.  One block, no pointers inside, no copy:
 *   the reader checks it once and points into it.
 * Layout of a column in the block, all little endian, each part padded to 8 bytes:
 *   u8 has_validity, [validity bitmap: (rows + 7) / 8 bytes, bit set = not NULL],
 *   fixed types: rows * width bytes;  text: (rows + 1) u32 offsets, then the bytes;
 *   LIST, MAP: (rows + 1) u32 offsets, then child columns with offsets[rows] rows (MAP: key, then value);
 *   STRUCT: child columns with the same rows.
 *   block = u32 magic 'TLB1', u32 row_count, u32 column_count, u32 0, columns.  Types travel once, apart (struct tl_field).
 * Owns: a decoded batch lives in the given arena and points into the block, which must outlive it.
 * Bounds: at most TL_BATCH_BYTES_MAX a block; the decoder checks every offset before it is believed.
 */
#ifndef TL_DATA_BATCH_H
#define TL_DATA_BATCH_H

#include "data/types.h"

struct tl_zone; /* data/zone.h */

enum { TL_BATCH_BYTES_MAX = 256 * 1024 * 1024 };

struct tl_column {
    const struct tl_type *type;
    size_t row_count;
    const uint8_t *validity;  /* NULL = no NULLs */
    const void *data;         /* fixed types */
    const uint32_t *offsets;  /* text, LIST, MAP */
    const char *bytes;        /* text */
    const struct tl_column *children;
};

struct tl_batch {
    size_t row_count;
    size_t column_count;
    const struct tl_column *columns;
};

static inline bool tl_column_is_null(const struct tl_column *column, size_t row)
{
    return column->validity && !(column->validity[row / 8] >> (row % 8) & 1);
}

static inline struct tl_str tl_column_text(const struct tl_column *column, size_t row)
{
    return (struct tl_str){column->bytes + column->offsets[row], column->offsets[row + 1] - column->offsets[row]};
}

TL_CHECKED enum tl_code tl_batch_decode(tl_arena *arena, const struct tl_field *fields, size_t field_count,
                                        struct tl_str block, struct tl_batch **ret_batch, struct tl_err *err);

/* Build a small batch row by row (SHOW answers, tests).  Types: VARCHAR, BIGINT, BOOLEAN, DOUBLE. */
typedef struct tl_batch_builder tl_batch_builder;
tl_batch_builder *tl_batch_builder_new(tl_arena *arena, const struct tl_field *fields, size_t field_count);
void tl_batch_builder_text(tl_batch_builder *builder, const char *text); /* next cell; NULL = NULL */
void tl_batch_builder_int64(tl_batch_builder *builder, int64_t value);
void tl_batch_builder_bool(tl_batch_builder *builder, bool value);
void tl_batch_builder_double(tl_batch_builder *builder, double value);
void tl_batch_builder_null(tl_batch_builder *builder);
struct tl_batch *tl_batch_builder_finish(tl_batch_builder *builder);

/* Text of one value as the command line and CSV show it (ISO dates, decimals exact, nested as JSON). NULL adds nothing. */
void tl_column_format(struct tl_buf *buf, const struct tl_column *column, size_t row);
/* One value as JSON in Trino's client encoding (research: decimals and timestamps as strings, NaN as "NaN", blob base64,
 * MAP an object with string keys, STRUCT an array). */
void tl_column_format_trino(struct tl_buf *buf, const struct tl_column *column, size_t row);
/* The same with instants by the clock of a zone (zone.h; not NULL): "2024-01-31 02:00:00.000 Europe/Berlin". */
void tl_column_format_trino_in(struct tl_buf *buf, const struct tl_column *column, size_t row, const struct tl_zone *zone);

#endif
