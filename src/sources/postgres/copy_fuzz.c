/* Bytes as a server could send them: 1 byte number of columns, 1 byte each for what they are, then messages, each
 * with its size in 2 bytes in front.  Whatever was decoded is read again, so that a wrong pointer or size is seen. */
#include <stdio.h>
#include <stdlib.h>

#include "sources/postgres/copy_decode.h"

enum { COLUMNS_MAX = 8, ARENA_BYTES = 64 * 1024 * 1024, KINDS = 22 };

struct kind {
    struct tl_postgres_field field;
    struct tl_type type;
};

static volatile uint64_t seen;

static void read_vector(const struct tl_vector *vector, uint64_t rows)
{
    const struct tl_type *type = vector->type;
    for (uint64_t row = 0; row < rows; row++) {
        if (tl_vector_is_null(vector, row))
            continue;
        if (tl_type_is_text(type)) {
            struct tl_str text = tl_vector_text(vector, row);
            for (size_t i = 0; i < text.size; i++)
                seen += (unsigned char)text.data[i];
            if (type->id != TL_TYPE_BLOB && !tl_utf8_valid(text.data, text.size, NULL))
                abort();
        } else if (type->id == TL_TYPE_LIST) {
            struct tl_span span = ((const struct tl_span *)vector->data)[row];
            if (span.offset > vector->child_rows || span.count > vector->child_rows - span.offset)
                abort();
        } else {
            const unsigned char *bytes = (const unsigned char *)vector->data + row * tl_type_width(type);
            for (size_t i = 0; i < tl_type_width(type); i++)
                seen += bytes[i];
            if (type->id == TL_TYPE_BOOLEAN && *bytes > 1)
                abort();
        }
    }
    if (type->id == TL_TYPE_LIST)
        read_vector(&vector->children[0], vector->child_rows);
}

static void decode(const struct tl_postgres_field *fields, const struct tl_type *const *types, size_t count,
                   tl_arena *arena, const uint8_t *data, size_t size)
{
    struct tl_postgres_decoder decoder = {.fields = fields, .field_count = count, .where = "table \"fuzz\""};
    struct tl_chunk *chunk = tl_chunk_new(arena, types, count);
    enum tl_code code = TL_OK;
    struct tl_err err;
    tl_err_init(&err);
    while (code == TL_OK && size >= 2 && chunk->row_count < TL_VECTOR_ROWS_MAX) {
        size_t length = (size_t)data[0] << 8 | data[1], before = chunk->row_count;
        length = length > size - 2 ? size - 2 : length;
        uint8_t *message = malloc(length ? length : 1); /* of its exact size, so that one byte too far is seen */
        if (!message)
            exit(2);
        memcpy(message, data + 2, length);
        code = tl_postgres_decode(&decoder, message, length, chunk, &err);
        free(message);
        if (chunk->row_count > before + 1 || (code != TL_OK && (err.code != code || !*err.message)))
            abort();
        data += 2 + length;
        size -= 2 + length;
    }
    for (size_t i = 0; i < count; i++)
        read_vector(&chunk->columns[i], chunk->row_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct tl_type int4 = {.id = TL_TYPE_INT32}, text = {.id = TL_TYPE_VARCHAR},
                                list = {.id = TL_TYPE_LIST, .child_count = 1, .children = &int4};
    static const struct tl_postgres_field int4_field = {.form = TL_POSTGRES_INT4},
                                          text_field = {.form = TL_POSTGRES_TEXT};
    static const struct kind kinds[KINDS] = {
        {{.form = TL_POSTGRES_BOOL}, {.id = TL_TYPE_BOOLEAN}},
        {{.form = TL_POSTGRES_INT2}, {.id = TL_TYPE_INT16}},
        {{.form = TL_POSTGRES_INT4}, {.id = TL_TYPE_INT32}},
        {{.form = TL_POSTGRES_INT8}, {.id = TL_TYPE_INT64}},
        {{.form = TL_POSTGRES_FLOAT4}, {.id = TL_TYPE_FLOAT}},
        {{.form = TL_POSTGRES_FLOAT8}, {.id = TL_TYPE_DOUBLE}},
        {{.form = TL_POSTGRES_NUMERIC, .precision = 4, .scale = 2},
         {.id = TL_TYPE_DECIMAL, .precision = 4, .scale = 2}},
        {{.form = TL_POSTGRES_NUMERIC, .precision = 9, .scale = 9},
         {.id = TL_TYPE_DECIMAL, .precision = 9, .scale = 9}},
        {{.form = TL_POSTGRES_NUMERIC, .precision = 18, .scale = 3},
         {.id = TL_TYPE_DECIMAL, .precision = 18, .scale = 3}},
        {{.form = TL_POSTGRES_NUMERIC, .precision = 38, .scale = 20},
         {.id = TL_TYPE_DECIMAL, .precision = 38, .scale = 20}},
        {{.form = TL_POSTGRES_TEXT}, {.id = TL_TYPE_VARCHAR}},
        {{.form = TL_POSTGRES_JSONB}, {.id = TL_TYPE_JSON}},
        {{.form = TL_POSTGRES_BYTEA}, {.id = TL_TYPE_BLOB}},
        {{.form = TL_POSTGRES_UUID}, {.id = TL_TYPE_UUID}},
        {{.form = TL_POSTGRES_DATE}, {.id = TL_TYPE_DATE}},
        {{.form = TL_POSTGRES_TIME}, {.id = TL_TYPE_TIME}},
        {{.form = TL_POSTGRES_TIMESTAMP}, {.id = TL_TYPE_TIMESTAMP}},
        {{.form = TL_POSTGRES_INTERVAL}, {.id = TL_TYPE_INTERVAL}},
        {{.form = TL_POSTGRES_ARRAY, .dimensions = 1, .element = &text_field},
         {.id = TL_TYPE_LIST, .child_count = 1, .children = &text}},
        {{.form = TL_POSTGRES_ARRAY, .dimensions = 2, .element = &int4_field},
         {.id = TL_TYPE_LIST, .child_count = 1, .children = &list}},
        {{.form = TL_POSTGRES_AVERAGE, .scale = 2}, {.id = TL_TYPE_DOUBLE}},
        {{.form = TL_POSTGRES_AVERAGE, .narrow = true}, {.id = TL_TYPE_DOUBLE}},
    };
    size_t count = size > 0 ? data[0] % (COLUMNS_MAX + 1) : 0;
    if (size < 1 + count)
        return 0;
    struct tl_postgres_field fields[COLUMNS_MAX];
    const struct tl_type *types[COLUMNS_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct kind *kind = &kinds[data[1 + i] % KINDS];
        fields[i] = kind->field;
        fields[i].name = fields[i].source_type = "fuzz";
        fields[i].column = (int)i;
        types[i] = &kind->type;
    }
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    decode(fields, types, count, arena, data + 1 + count, size - 1 - count);
    tl_arena_free(arena);
    return 0;
}
