/* Fuzz target: foreign bytes as the name of a type. */
#include <stdlib.h>

#include "sources/clickhouse/type.h"

enum { ARENA_BYTES = 1 << 28 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_clickhouse_type *type = NULL;
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code code = tl_clickhouse_type_parse(arena, (struct tl_str){(const char *)data, size}, size & 1, &type,
                                                 &err);
    if (code != err.code || (code != TL_OK && err.message[0] == 0))
        abort();
    if (code == TL_OK && type->type.id != TL_TYPE_INVALID) {
        struct tl_buf text;
        tl_buf_init(&text, ARENA_BYTES);
        tl_type_format_sql(&text, &type->type);
        if (!tl_utf8_valid(text.data, text.size, NULL))
            abort();
        tl_buf_done(&text);
    }
    tl_arena_free(arena);
    return 0;
}
