/* u8 count of columns, their types in binary form, zeros up to a multiple of 8, then a block: what is believed of it can be
 * read value by value, is valid JSON in both dialects, and goes back into a block that reads the same. */
#include <stdlib.h>
#include <string.h>

#include "data/batch.h"
#include "data/batch_testing_int.h"
#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS_MAX = 8, ROWS_MAX = 64, TEXT_MAX = 1 << 20 };

static void expect_json(tl_arena *arena, const struct tl_buf *buf)
{
    struct tl_err err;
    tl_err_init(&err);
    const tl_json *root;
    if (!buf->failed && tl_json_parse(arena, buf->data, buf->size, &root, &err) == TL_INVALID_VALUE)
        abort();
}

static bool is_nested(const struct tl_type *type)
{
    return type->id == TL_TYPE_LIST || type->id == TL_TYPE_MAP || type->id == TL_TYPE_STRUCT;
}

static void read_values(tl_arena *arena, const struct tl_batch *batch, struct tl_buf *all)
{
    struct tl_buf buf;
    tl_buf_init(&buf, TEXT_MAX);
    for (size_t i = 0; i < batch->column_count; i++)
        for (size_t row = 0; row < batch->row_count && row < ROWS_MAX; row++) {
            const struct tl_column *column = &batch->columns[i];
            tl_buf_clear(&buf);
            tl_column_format_trino(&buf, column, row);
            expect_json(arena, &buf);
            tl_buf_add(all, buf.data, buf.size);
            tl_buf_clear(&buf);
            tl_column_format(&buf, column, row);
            if (is_nested(column->type) && !tl_column_is_null(column, row))
                expect_json(arena, &buf);
        }
    tl_buf_done(&buf);
}

static void read_again(tl_arena *arena, const struct tl_field *fields, const struct tl_batch *batch, const struct tl_buf *said)
{
    struct tl_buf block, again;
    tl_buf_init(&block, 16 << 20);
    tl_buf_init(&again, 4 * TEXT_MAX);
    testing_put_batch(&block, batch);
    struct tl_batch *second;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_batch_decode(arena, fields, batch->column_count, (struct tl_str){block.data, block.size}, &second, &err) != TL_OK)
        abort();
    read_values(arena, second, &again);
    if (again.size != said->size || (again.size > 0 && memcmp(again.data, said->data, again.size) != 0))
        abort();
    tl_buf_done(&block);
    tl_buf_done(&again);
}

static void decode(tl_arena *arena, struct tl_str bytes)
{
    struct tl_field fields[COLUMNS_MAX];
    struct tl_err err;
    tl_err_init(&err);
    size_t count = bytes.size > 0 ? (uint8_t)bytes.data[0] % (COLUMNS_MAX + 1) : 0;
    struct tl_str left = bytes.size > 0 ? (struct tl_str){bytes.data + 1, bytes.size - 1} : bytes;
    for (size_t i = 0; i < count; i++) {
        fields[i].name = "x";
        if (tl_type_decode(arena, &left, &fields[i].type, &err) != TL_OK)
            return;
    }
    size_t padding = (8 - (bytes.size - left.size) % 8) % 8;
    if (padding > left.size)
        return;
    left = (struct tl_str){left.data + padding, left.size - padding};
    struct tl_batch *batch;
    if (tl_batch_decode(arena, fields, count, left, &batch, &err) != TL_OK)
        return;
    struct tl_buf said;
    tl_buf_init(&said, 4 * TEXT_MAX);
    read_values(arena, batch, &said);
    read_again(arena, fields, batch, &said);
    tl_buf_done(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(64 << 20);
    decode(arena, (struct tl_str){(const char *)data, size});
    tl_arena_free(arena);
    return 0;
}
