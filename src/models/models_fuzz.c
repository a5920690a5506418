/* Any bytes as a provider's answer, streamed and whole, in both protocols: the answer stays within its bounds and well formed.
 * The first byte says which reader: bit 0 the protocol, bit 1 whole. */
#include <stdlib.h>
#include <string.h>

#include "models/models_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const struct tl_model_answer *answer)
{
    size_t calls = 0;
    if (answer->message.part_count > TL_MODEL_PARTS_MAX)
        abort();
    for (size_t i = 0; i < answer->message.part_count; i++) {
        const struct tl_model_part *part = &answer->message.parts[i];
        calls += part->kind == TL_MODEL_CALL;
        if (part->kind == TL_MODEL_CALL && (!part->id[0] || part->text.size > TL_MODEL_ARGUMENTS_MAX))
            abort();
        if (!tl_utf8_valid(part->text.data, part->text.size, NULL))
            abort();
    }
    if ((answer->end == TL_MODEL_CALLS) != (calls > 0) && answer->end != TL_MODEL_LENGTH && answer->end != TL_MODEL_REFUSED)
        abort();
}

static enum tl_code read_stream(const struct models_wire *wire, struct models_builder *builder, struct tl_str bytes, struct tl_err *err)
{
    struct tl_sse sse;
    struct tl_sse_event event;
    bool found = true, done = false;
    tl_sse_init(&sse, 1 << 20);
    tl_sse_feed(&sse, bytes);
    enum tl_code code = TL_OK;
    while (code == TL_OK && !done && (code = tl_sse_next(&sse, &event, &found, err)) == TL_OK && found)
        code = wire->event(builder, &event, "the-key", &done, err);
    tl_sse_done(&sse);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct models_wire *wire = data[0] & 1 ? &models_anthropic_wire : &models_openai_wire;
    struct tl_str bytes = {(const char *)data + 1, size - 1};
    struct tl_model_request request = {0};
    struct tl_model_answer answer = {.message = {.role = TL_MODEL_ASSISTANT}};
    struct tl_err err;
    tl_err_init(&err);
    tl_arena *arena = tl_arena_new(64 << 20);
    struct models_builder *builder = models_builder_new(arena, &request, &answer);
    const tl_json *root;
    enum tl_code code;
    if (data[0] & 2)
        code = tl_json_parse(arena, bytes.data, bytes.size, &root, &err) == TL_OK ? wire->whole(builder, root, "the-key", &err) : err.code;
    else
        code = read_stream(wire, builder, bytes, &err);
    if (code == TL_OK) {
        models_finish(builder);
        check_answer(&answer);
    } else if (strstr(err.message, "the-key") || strstr(err.detail, "the-key")) {
        abort();
    }
    tl_arena_free(arena);
    return 0;
}
