#include "data/batch.h"

#include <string.h>

/* The bytes come from another process: each count and offset is checked against what is there before it is used.  Text is
 * not checked to be UTF-8 here: every writer of JSON does that on its way. */

static const uint32_t batch_magic = 0x31424C54; /* "TLB1" */

struct reader {
    tl_arena *arena;
    struct tl_str left;
    struct tl_err *err;
};

static enum tl_code refuse(struct reader *reader, const char *why)
{
    return tl_err_set(reader->err, TL_INTERNAL, "result batch cannot be read: %s", why);
}

/* The next part, with its padding; NULL when it is not all there. */
static const void *take(struct reader *reader, uint64_t size)
{
    uint64_t padded = (size + 7) & ~UINT64_C(7);
    if (padded < size || padded > reader->left.size)
        return NULL;
    const void *part = reader->left.data;
    reader->left.data += padded;
    reader->left.size -= padded;
    return part;
}

static bool offsets_rise(const uint32_t *offsets, size_t rows)
{
    uint32_t falls = offsets[0] != 0;
    for (size_t i = 0; i < rows; i++)
        falls |= offsets[i + 1] < offsets[i];
    return falls == 0;
}

static enum tl_code read_offsets(struct reader *reader, struct tl_column *column)
{
    const uint32_t *offsets = take(reader, ((uint64_t)column->row_count + 1) * sizeof *offsets);
    if (!offsets)
        return refuse(reader, "it ends inside offsets");
    if (!offsets_rise(offsets, column->row_count))
        return refuse(reader, "offsets do not rise from 0");
    column->offsets = offsets;
    return TL_OK;
}

static enum tl_code read_column(struct reader *reader, const struct tl_type *type, size_t rows, struct tl_column *column);

static enum tl_code read_children(struct reader *reader, struct tl_column *column, size_t rows)
{
    const struct tl_type *type = column->type;
    struct tl_column *children = TL_NEW_ARRAY(reader->arena, struct tl_column, type->child_count);
    column->children = children;
    for (uint32_t i = 0; i < type->child_count; i++) {
        enum tl_code code = read_column(reader, &type->children[i], rows, &children[i]);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

static enum tl_code read_validity(struct reader *reader, struct tl_column *column)
{
    const uint8_t *has_validity = take(reader, 1);
    if (!has_validity || *has_validity > 1)
        return refuse(reader, "a column's head is missing");
    if (*has_validity == 0)
        return TL_OK;
    column->validity = take(reader, ((uint64_t)column->row_count + 7) / 8);
    return column->validity ? TL_OK : refuse(reader, "it ends inside a validity bitmap");
}

static enum tl_code read_column(struct reader *reader, const struct tl_type *type, size_t rows, struct tl_column *column)
{
    *column = (struct tl_column){.type = type, .row_count = rows};
    enum tl_code code = read_validity(reader, column);
    if (code != TL_OK || type->id == TL_TYPE_STRUCT)
        return code != TL_OK ? code : read_children(reader, column, rows);
    if (type->id == TL_TYPE_LIST || type->id == TL_TYPE_MAP) {
        code = read_offsets(reader, column);
        return code != TL_OK ? code : read_children(reader, column, column->offsets[rows]);
    }
    if (tl_type_is_text(type)) {
        code = read_offsets(reader, column);
        if (code != TL_OK)
            return code;
        column->bytes = take(reader, column->offsets[rows]);
        return column->bytes ? TL_OK : refuse(reader, "it ends inside text");
    }
    size_t width = tl_type_width(type);
    if (width == 0)
        return refuse(reader, "a column has no known type");
    column->data = take(reader, (uint64_t)rows * width);
    return column->data ? TL_OK : refuse(reader, "it ends inside values");
}

/* Values are read in place, as numbers of up to 8 bytes. */
static struct tl_str aligned(tl_arena *arena, struct tl_str block)
{
    if ((uintptr_t)block.data % 8 == 0)
        return block;
    char *copy = tl_arena_alloc(arena, block.size);
    memcpy(copy, block.data, block.size);
    return (struct tl_str){copy, block.size};
}

static enum tl_code read_head(struct reader *reader, size_t field_count, struct tl_batch *batch)
{
    const uint32_t *head = take(reader, 4 * sizeof *head);
    if (!head || head[0] != batch_magic || head[3] != 0)
        return refuse(reader, "its head is not that of a batch");
    if (head[2] != field_count)
        return refuse(reader, "it has another number of columns than its result");
    if (field_count == 0 && head[1] > 0)
        return refuse(reader, "it has rows without columns");
    batch->row_count = head[1];
    batch->column_count = field_count;
    return TL_OK;
}

enum tl_code tl_batch_decode(tl_arena *arena, const struct tl_field *fields, size_t field_count, struct tl_str block,
                             struct tl_batch **ret_batch, struct tl_err *err)
{
    *ret_batch = NULL;
    struct reader reader = {.arena = arena, .err = err};
    if (block.size > TL_BATCH_BYTES_MAX)
        return refuse(&reader, "it is larger than a batch may be");
    reader.left = aligned(arena, block);
    struct tl_batch *batch = TL_NEW(arena, struct tl_batch);
    enum tl_code code = read_head(&reader, field_count, batch);
    if (code != TL_OK)
        return code;
    struct tl_column *columns = TL_NEW_ARRAY(arena, struct tl_column, field_count);
    batch->columns = columns;
    for (size_t i = 0; i < field_count; i++) {
        code = read_column(&reader, &fields[i].type, batch->row_count, &columns[i]);
        if (code != TL_OK)
            return code;
    }
    if (reader.left.size > 0)
        return refuse(&reader, "bytes are left behind its last column");
    *ret_batch = batch;
    return TL_OK;
}
