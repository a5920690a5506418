/* Any bytes: a document that is read is written as JSON that reads and writes the same. */
#include <stdlib.h>
#include <string.h>

#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const tl_json *value)
{
    int64_t number;
    uint64_t natural;
    double real;
    if (tl_json_int64(value, &number) && number >= 0 && (!tl_json_uint64(value, &natural) || natural != (uint64_t)number))
        abort();
    if (tl_json_double(value, &real) && !tl_json_is_number(value))
        abort();
    size_t count = 0;
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it); count++)
        walk(it.value);
    if (count != tl_json_count(value))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(64 << 20);
    struct tl_err err;
    tl_err_init(&err);
    const tl_json *first, *second;
    struct tl_buf once, twice;
    tl_buf_init(&once, 16 << 20);
    tl_buf_init(&twice, 16 << 20);
    struct tl_json_writer writer;
    if (tl_json_parse(arena, (const char *)data, size, &first, &err) == TL_OK) {
        walk(first);
        tl_json_writer_init(&writer, &once);
        tl_json_put_value(&writer, first);
        if (tl_json_parse(arena, once.data, once.size, &second, &err) != TL_OK)
            abort();
        tl_json_writer_init(&writer, &twice);
        tl_json_put_value(&writer, second);
        if (once.size != twice.size || memcmp(once.data, twice.data, once.size) != 0)
            abort();
    }
    /* The same bytes as the text of a string: valid JSON whatever they are. */
    tl_buf_clear(&once);
    tl_json_writer_init(&writer, &once);
    tl_json_put_str(&writer, (struct tl_str){(const char *)data, size});
    tl_err_init(&err);
    if (tl_json_parse(arena, once.data, once.size, &second, &err) == TL_INVALID_VALUE)
        abort();
    if (tl_utf8_valid((const char *)data, size, NULL) &&
        !tl_str_equal(tl_json_str(second), (struct tl_str){(const char *)data, size}))
        abort();
    tl_buf_done(&once);
    tl_buf_done(&twice);
    tl_arena_free(arena);
    return 0;
}
