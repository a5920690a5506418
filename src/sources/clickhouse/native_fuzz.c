/* Fuzz target: foreign bytes as a Native stream, in pieces of any size, converted to the end and every value looked at.
 * input: u8 columns, u8 piece size (0: all at once), u8 strings as blob, stream */
#include <stdlib.h>
#include <string.h>

#include "sources/clickhouse/native.h"

enum { HEAD_SIZE = 3, COLUMNS_MAX = 8, ARENA_BYTES = 1 << 28, BLOCKS_MAX = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pieces {
    const uint8_t *at;
    size_t left, piece_size;
    char *piece; /* of its own, so that reading beyond it is seen */
};

static enum tl_code next_piece(void *context, struct tl_str *ret_bytes, struct tl_err *err)
{
    struct pieces *pieces = context;
    size_t size = pieces->piece_size && pieces->piece_size < pieces->left ? pieces->piece_size : pieces->left;
    (void)err;
    free(pieces->piece);
    pieces->piece = tl_heap_alloc(size + (size == 0));
    if (size > 0)
        memcpy(pieces->piece, pieces->at, size);
    pieces->at += size;
    pieces->left -= size;
    *ret_bytes = (struct tl_str){pieces->piece, size};
    return TL_OK;
}

static volatile uint64_t seen;

static void look(const struct tl_vector *vector, uint64_t row)
{
    if (tl_vector_is_null(vector, row) && vector->type->id != TL_TYPE_STRUCT)
        return;
    size_t width = tl_type_width(vector->type);
    if (tl_type_is_text(vector->type)) {
        struct tl_str text = tl_vector_text(vector, row);
        if (vector->type->id != TL_TYPE_BLOB && !tl_utf8_valid(text.data, text.size, NULL))
            abort();
        seen += text.size ? (uint8_t)text.data[text.size - 1] : 0;
    } else if (vector->type->id == TL_TYPE_LIST || vector->type->id == TL_TYPE_MAP) {
        const struct tl_span *span = (const struct tl_span *)vector->data + row;
        if (span->offset + span->count > vector->child_rows)
            abort();
        for (uint64_t i = 0; i < span->count; i++)
            look(&vector->children[0], span->offset + i);
    } else if (vector->type->id == TL_TYPE_STRUCT) {
        for (uint32_t i = 0; i < vector->type->child_count; i++)
            look(&vector->children[i], row);
    } else if (width > 0) {
        seen += ((const uint8_t *)vector->data)[row * width + width - 1];
    }
}

static enum tl_code convert(tl_native_block *block, size_t columns, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    const struct tl_type *types[COLUMNS_MAX];
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < columns; i++)
        types[i] = tl_native_type(block, i);
    struct tl_chunk *chunk = tl_chunk_new(arena, types, columns);
    for (size_t from = 0; code == TL_OK && from < tl_native_rows(block); from += TL_VECTOR_ROWS_MAX) {
        size_t left = tl_native_rows(block) - from, count = left < TL_VECTOR_ROWS_MAX ? left : TL_VECTOR_ROWS_MAX;
        tl_chunk_reset(chunk);
        for (size_t i = 0; code == TL_OK && i < columns; i++) {
            code = tl_native_convert(block, i, from, count, &chunk->columns[i], err);
            for (size_t row = 0; code == TL_OK && row < count; row++)
                look(&chunk->columns[i], row);
        }
    }
    tl_arena_free(arena);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD_SIZE || data[0] == 0 || data[0] > COLUMNS_MAX)
        return 0;
    struct pieces pieces = {.at = data + HEAD_SIZE, .left = size - HEAD_SIZE, .piece_size = data[1]};
    struct tl_native_column columns[COLUMNS_MAX];
    for (size_t i = 0; i < data[0]; i++)
        columns[i] = (struct tl_native_column){.name = "column", .strings_as_blob = data[2] & 1};
    struct tl_err err;
    tl_err_init(&err);
    tl_native_reader *reader = tl_native_reader_new((struct tl_native_input){.read = next_piece, .context = &pieces}, columns, data[0],
                                                    "abcdefghijklmnop");
    tl_native_block *block = tl_native_block_new();
    bool end = false;
    enum tl_code code = TL_OK;
    for (int i = 0; code == TL_OK && !end && i < BLOCKS_MAX; i++) {
        code = tl_native_read(reader, block, &end, &err);
        if (code == TL_OK && !end)
            code = convert(block, data[0], &err);
    }
    if (code != TL_OK && (err.code != code || err.message[0] == 0))
        abort();
    tl_native_block_free(block);
    tl_native_reader_free(reader);
    free(pieces.piece);
    return 0;
}
