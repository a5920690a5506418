#include <assert.h>
#include <string.h>

#include "data/batch.h"

struct cells {
    size_t row_count;
    size_t capacity;
    uint8_t *validity; /* one bit a row, all made as rows come */
    bool has_null;
    uint8_t *data;
    uint32_t *offsets;
    char *bytes;
    size_t bytes_used, bytes_capacity;
};

struct tl_batch_builder {
    tl_arena *arena;
    const struct tl_field *fields;
    size_t field_count;
    size_t next; /* column of the next cell */
    struct cells *columns;
};

tl_batch_builder *tl_batch_builder_new(tl_arena *arena, const struct tl_field *fields, size_t field_count)
{
    tl_batch_builder *builder = TL_NEW(arena, tl_batch_builder);
    *builder = (struct tl_batch_builder){.arena = arena, .fields = fields, .field_count = field_count};
    builder->columns = TL_NEW_ARRAY(arena, struct cells, field_count);
    return builder;
}

static void make_room(tl_batch_builder *builder, struct cells *cells, size_t width)
{
    if (cells->row_count < cells->capacity)
        return;
    size_t before = cells->capacity, after = before ? 2 * before : 64;
    cells->validity = tl_arena_grow(builder->arena, cells->validity, before / 8, after / 8);
    if (width > 0)
        cells->data = tl_arena_grow(builder->arena, cells->data, before * width, after * width);
    else
        cells->offsets = tl_arena_grow(builder->arena, cells->offsets, before ? (before + 1) * sizeof(uint32_t) : 0,
                                       (after + 1) * sizeof(uint32_t));
    cells->capacity = after;
}

static void add_bytes(tl_batch_builder *builder, struct cells *cells, const char *bytes, size_t size)
{
    assert(size <= TL_BATCH_BYTES_MAX - cells->bytes_used);
    if (size > cells->bytes_capacity - cells->bytes_used) {
        size_t after = cells->bytes_capacity ? cells->bytes_capacity : 1024;
        while (after < cells->bytes_used + size)
            after *= 2;
        cells->bytes = tl_arena_grow(builder->arena, cells->bytes, cells->bytes_capacity, after);
        cells->bytes_capacity = after;
    }
    if (size > 0)
        memcpy(cells->bytes + cells->bytes_used, bytes, size);
    cells->bytes_used += size;
}

/* The next cell: `size` bytes at value, or NULL. */
static void add_cell(tl_batch_builder *builder, enum tl_type_id id, const void *value, size_t size)
{
    const struct tl_type *type = &builder->fields[builder->next].type;
    struct cells *cells = &builder->columns[builder->next];
    assert(!value || type->id == id);
    size_t width = tl_type_width(type), row = cells->row_count;
    make_room(builder, cells, width);
    if (value)
        cells->validity[row / 8] |= (uint8_t)(1U << row % 8);
    else
        cells->has_null = true;
    if (width == 0) {
        add_bytes(builder, cells, value, value ? size : 0);
        cells->offsets[row + 1] = (uint32_t)cells->bytes_used;
    } else if (value) {
        memcpy(cells->data + row * width, value, width);
    }
    cells->row_count++;
    builder->next = (builder->next + 1) % builder->field_count;
}

void tl_batch_builder_text(tl_batch_builder *builder, const char *text)
{
    add_cell(builder, TL_TYPE_VARCHAR, text, text ? strlen(text) : 0);
}

void tl_batch_builder_int64(tl_batch_builder *builder, int64_t value)
{
    add_cell(builder, TL_TYPE_INT64, &value, sizeof value);
}

void tl_batch_builder_bool(tl_batch_builder *builder, bool value)
{
    uint8_t byte = value;
    add_cell(builder, TL_TYPE_BOOLEAN, &byte, sizeof byte);
}

void tl_batch_builder_double(tl_batch_builder *builder, double value)
{
    add_cell(builder, TL_TYPE_DOUBLE, &value, sizeof value);
}

void tl_batch_builder_null(tl_batch_builder *builder)
{
    add_cell(builder, TL_TYPE_INVALID, NULL, 0);
}

struct tl_batch *tl_batch_builder_finish(tl_batch_builder *builder)
{
    assert(builder->next == 0);
    struct tl_batch *batch = TL_NEW(builder->arena, struct tl_batch);
    struct tl_column *columns = TL_NEW_ARRAY(builder->arena, struct tl_column, builder->field_count);
    for (size_t i = 0; i < builder->field_count; i++) {
        struct cells *cells = &builder->columns[i];
        columns[i] = (struct tl_column){
            .type = &builder->fields[i].type,
            .row_count = cells->row_count,
            .validity = cells->has_null ? cells->validity : NULL,
            .data = cells->data,
            .offsets = cells->offsets,
            .bytes = cells->bytes ? cells->bytes : "",
        };
    }
    batch->row_count = builder->field_count ? builder->columns[0].row_count : 0;
    batch->column_count = builder->field_count;
    batch->columns = columns;
    return batch;
}
