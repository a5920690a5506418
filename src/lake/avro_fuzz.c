/* Any bytes as an Avro file: its records are walked to the end or the file is refused, within the limits. */
#include "lake/avro.h"

enum { ARENA_BYTES_MAX = 1024 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    struct tl_err err;
    struct tl_avro_file file;
    struct tl_avro_cursor cursor;
    uint64_t count;
    tl_err_init(&err);
    if (tl_avro_open(arena, (struct tl_str){(const char *)data, size}, &file, &err) == TL_OK)
        while (tl_avro_block(&file, &cursor, &count, &err) == TL_OK && count > 0)
            for (; count > 0 && !cursor.failed; count--)
                tl_avro_skip(&cursor, file.schema);
    tl_arena_free(arena);
    return 0;
}
