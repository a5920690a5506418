/* Any text: parsed to JSON that reads back and points into the text, or refused with an error that has a place in it. */
#include <stdlib.h>

#include "data/json.h"
#include "engines/duckdb/hooks.h"

enum { JSON_BYTES_MAX = 64 * 1024 * 1024, ARENA_BYTES_MAX = 256 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_positions(const tl_json *value, size_t size)
{
    for (struct tl_json_iter it = tl_json_iter(value); tl_json_next(&it);) {
        uint64_t position;
        if (it.key && tl_streq(it.key, "query_location") && tl_json_uint64(it.value, &position))
            check(position <= size || position == UINT64_MAX);
        check_positions(it.value, size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_buf json;
    struct tl_err err;
    tl_buf_init(&json, JSON_BYTES_MAX);
    tl_err_init(&err);
    if (tl_hooks_parse((const char *)data, size, &json, &err) == TL_OK) {
        tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
        const tl_json *root;
        check(tl_json_parse(arena, json.data, json.size, &root, &err) == TL_OK);
        check(tl_json_is_array(tl_json_get(root, "statements")));
        check_positions(root, size);
        tl_arena_free(arena);
    } else {
        check(err.code != TL_OK && err.message[0]);
        check(err.position >= -1 && err.position <= (int64_t)size);
    }
    tl_buf_done(&json);
    return 0;
}
