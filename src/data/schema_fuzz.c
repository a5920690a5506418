/* Any bytes: "SCHEMA\nVALUE".  A schema that is whole never is the reason why a value is refused, and a refusal says something. */
#include <stdlib.h>
#include <string.h>

#include "data/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data, *line = memchr(bytes ? bytes : "", '\n', size);
    size_t schema_size = line ? (size_t)(line - bytes) : size;
    const char *rest = line ? line + 1 : "null";
    size_t rest_size = line ? size - schema_size - 1 : 4;
    tl_arena *arena = tl_arena_new(64 << 20);
    const tl_json *schema, *value;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_json_parse(arena, bytes, schema_size, &schema, &err) == TL_OK && tl_json_parse(arena, rest, rest_size, &value, &err) == TL_OK) {
        bool whole = tl_schema_verify(schema, &err) == TL_OK;
        tl_err_init(&err);
        enum tl_code code = tl_schema_check(schema, value, &err);
        if ((whole && code == TL_INTERNAL) || (code != TL_OK && !err.message[0]))
            abort();
    }
    tl_arena_free(arena);
    return 0;
}
