/* A type from foreign bytes: what is read can be spelled, written and read back the same. */
#include <stdlib.h>

#include "data/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(16 << 20);
    struct tl_str bytes = {(const char *)data, size};
    struct tl_type type, back;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_type_decode(arena, &bytes, &type, &err) == TL_OK) {
        struct tl_buf buf;
        tl_buf_init(&buf, 1 << 20);
        tl_type_format_sql(&buf, &type);
        tl_type_format_trino(&buf, &type);
        tl_buf_clear(&buf);
        tl_type_encode(&buf, &type);
        struct tl_str again = {buf.data, buf.size};
        if (tl_type_decode(arena, &again, &back, &err) != TL_OK || again.size > 0 || !tl_type_equal(&type, &back))
            abort();
        struct tl_type copy = tl_type_copy(arena, &type);
        if (!tl_type_equal(&type, &copy))
            abort();
        tl_buf_done(&buf);
    }
    tl_arena_free(arena);
    return 0;
}
