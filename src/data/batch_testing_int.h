/* data/batch_testing_int.h -- the other direction for tests: columns into a block, as the engine writes it. */
#ifndef TL_DATA_BATCH_TESTING_INT_H
#define TL_DATA_BATCH_TESTING_INT_H

#include "data/batch.h"

static inline void testing_put_part(struct tl_buf *buf, const void *bytes, size_t size)
{
    static const char zeros[8];
    tl_buf_add(buf, bytes, size);
    tl_buf_add(buf, zeros, (8 - size % 8) % 8);
}

static inline void testing_put_column(struct tl_buf *buf, const struct tl_column *column)
{
    size_t rows = column->row_count;
    uint8_t has_validity = column->validity != NULL;
    testing_put_part(buf, &has_validity, 1);
    if (column->validity)
        testing_put_part(buf, column->validity, (rows + 7) / 8);
    if (column->offsets)
        testing_put_part(buf, column->offsets, (rows + 1) * sizeof(uint32_t));
    if (column->data)
        testing_put_part(buf, column->data, rows * tl_type_width(column->type));
    else if (tl_type_is_text(column->type))
        testing_put_part(buf, column->bytes, column->offsets[rows]);
    for (uint32_t i = 0; i < column->type->child_count; i++)
        testing_put_column(buf, &column->children[i]);
}

static inline void testing_put_batch(struct tl_buf *buf, const struct tl_batch *batch)
{
    uint32_t head[4] = {0x31424C54, (uint32_t)batch->row_count, (uint32_t)batch->column_count, 0};
    testing_put_part(buf, head, sizeof head);
    for (size_t i = 0; i < batch->column_count; i++)
        testing_put_column(buf, &batch->columns[i]);
}

#endif
