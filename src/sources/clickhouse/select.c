/* Small selects of texts, for listings. */
#include <stdio.h>
#include <string.h>

#include "sources/clickhouse/source_int.h"

enum { TEXT_COLUMNS_MAX = 16, SELECT_ARENA_BYTES = 64 * 1024 * 1024 };

static enum tl_code each_of_block(tl_native_block *block, struct tl_chunk *chunk,
                                  enum tl_code (*each)(void *, const struct tl_str *, struct tl_err *), void *context,
                                  struct tl_err *err)
{
    for (size_t from = 0; from < tl_native_rows(block); from += TL_VECTOR_ROWS_MAX) {
        size_t left = tl_native_rows(block) - from, count = left < TL_VECTOR_ROWS_MAX ? left : TL_VECTOR_ROWS_MAX;
        tl_chunk_reset(chunk);
        for (size_t i = 0; i < chunk->column_count; i++) {
            enum tl_code code = tl_native_convert(block, i, from, count, &chunk->columns[i], err);
            if (code != TL_OK)
                return code;
        }
        for (size_t row = 0; row < count; row++) {
            struct tl_str texts[TEXT_COLUMNS_MAX];
            for (size_t i = 0; i < chunk->column_count; i++)
                texts[i] = tl_vector_text(&chunk->columns[i], row);
            enum tl_code code = each(context, texts, err);
            if (code != TL_OK)
                return code;
        }
    }
    return TL_OK;
}

enum tl_code tl_clickhouse_rows(tl_clickhouse_answer *answer, size_t column_count,
                                enum tl_code (*each)(void *context, const struct tl_str *texts, struct tl_err *err),
                                void *context, struct tl_err *err)
{
    /* as bytes: a name that is not UTF-8 must not hide all others */
    struct tl_type blob = tl_type_simple(TL_TYPE_BLOB);
    const struct tl_type *types[TEXT_COLUMNS_MAX];
    struct tl_native_column columns[TEXT_COLUMNS_MAX];
    for (size_t i = 0; i < column_count; i++) {
        types[i] = &blob;
        columns[i] = (struct tl_native_column){.name = "of the listing", .type = blob, .strings_as_blob = true};
    }
    tl_arena *arena = tl_arena_new(SELECT_ARENA_BYTES);
    struct tl_chunk *chunk = tl_chunk_new(arena, types, column_count);
    tl_native_reader *reader = tl_native_reader_new(tl_clickhouse_answer_input(answer), columns, column_count,
                                                    tl_clickhouse_answer_tag(answer));
    tl_native_block *block = tl_native_block_new();
    enum tl_code code = TL_OK;
    for (bool end = false; code == TL_OK && !end;) {
        code = tl_native_read(reader, block, &end, err);
        if (code == TL_OK && !end)
            code = each_of_block(block, chunk, each, context, err);
    }
    tl_native_block_free(block);
    tl_native_reader_free(reader);
    tl_arena_free(arena);
    return code;
}

enum tl_code tl_clickhouse_select(tl_source *source, struct tl_str sql, size_t column_count, const struct tl_stop *stop,
                                  enum tl_code (*each)(void *context, const struct tl_str *texts, struct tl_err *err),
                                  void *context, struct tl_err *err)
{
    tl_clickhouse_answer *answer;
    enum tl_code code = tl_clickhouse_ask(source, sql, "townlake-list", stop, &answer, err);
    if (code != TL_OK)
        return code;
    code = tl_clickhouse_rows(answer, column_count, each, context, err);
    tl_clickhouse_answer_close(answer);
    return code;
}

enum tl_code tl_clickhouse_named(const tl_source *source, bool asks_more, struct tl_err *err)
{
    char message[TL_ERR_MESSAGE_MAX];
    if (err->code == TL_SOURCE_REJECTED && !asks_more)
        err->code = TL_SOURCE_FAILED; /* plain rows: there is nothing to leave out */
    if (err->code == TL_OK || strncmp(err->message, "source \"", 8) == 0)
        return err->code;
    int kept = (int)(sizeof message - strlen(source->name) - 16);
    snprintf(message, sizeof message, "source \"%s\": %.*s", source->name, kept, err->message);
    memcpy(err->message, message, sizeof message);
    return err->code;
}
