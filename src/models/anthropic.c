/* Messages: content in blocks, each with a beginning, pieces and an end. */
#include <string.h>

#include "models/models_int.h"

/* ---- the request ---- */

static void put_pair_str(struct tl_json_writer *json, const char *key, struct tl_str text)
{
    tl_json_key(json, key);
    tl_json_put_str(json, text);
}

static void put_part(struct tl_json_writer *json, tl_arena *scratch, const struct tl_model_part *part)
{
    if (part->kind == TL_MODEL_THINKING && part->opaque.size == 0)
        return; /* of another provider: it would be refused */
    if (part->kind == TL_MODEL_THINKING) {
        tl_json_put_raw(json, part->opaque);
        return;
    }
    tl_json_begin_object(json);
    if (part->kind == TL_MODEL_TEXT) {
        tl_json_pair_text(json, "type", "text");
        put_pair_str(json, "text", part->text);
    } else if (part->kind == TL_MODEL_CALL) {
        tl_json_pair_text(json, "type", "tool_use");
        tl_json_pair_text(json, "id", part->id);
        tl_json_pair_text(json, "name", part->name);
        tl_json_key(json, "input");
        tl_json_put_raw(json, models_arguments(scratch, part));
    } else {
        tl_json_pair_text(json, "type", "tool_result");
        tl_json_pair_text(json, "tool_use_id", part->id);
        put_pair_str(json, "content", part->text);
        if (part->is_error)
            tl_json_pair_bool(json, "is_error", true);
    }
    tl_json_end_object(json);
}

/* Results come first in a user's message: the provider wants it so. */
static void put_parts(struct tl_json_writer *json, tl_arena *scratch, const struct tl_model_message *message, bool results)
{
    for (size_t i = 0; i < message->part_count; i++)
        if ((message->parts[i].kind == TL_MODEL_RESULT) == results)
            put_part(json, scratch, &message->parts[i]);
}

static void put_messages(struct tl_json_writer *json, tl_arena *scratch, const struct tl_model_request *request)
{
    tl_json_key(json, "messages");
    tl_json_begin_array(json);
    for (size_t i = 0; i < request->message_count; i++) {
        const struct tl_model_message *message = &request->messages[i];
        tl_json_begin_object(json);
        tl_json_pair_text(json, "role", message->role == TL_MODEL_USER ? "user" : "assistant");
        tl_json_key(json, "content");
        tl_json_begin_array(json);
        put_parts(json, scratch, message, true);
        put_parts(json, scratch, message, false);
        tl_json_end_array(json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

/* One block, marked to be kept by the provider: it and the tools before it are the same at each step. */
static void put_system(struct tl_json_writer *json, struct tl_str system)
{
    if (!system.size)
        return;
    tl_json_key(json, "system");
    tl_json_begin_array(json);
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "text");
    put_pair_str(json, "text", system);
    tl_json_key(json, "cache_control");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "ephemeral");
    tl_json_end_object(json);
    tl_json_end_object(json);
    tl_json_end_array(json);
}

static void put_tools(struct tl_json_writer *json, const struct tl_model_request *request)
{
    if (!request->tool_count)
        return;
    tl_json_key(json, "tools");
    tl_json_begin_array(json);
    for (size_t i = 0; i < request->tool_count; i++) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", request->tools[i].name);
        tl_json_pair_text(json, "description", request->tools[i].description);
        tl_json_key(json, "input_schema");
        tl_json_put_raw(json, tl_str_of(request->tools[i].schema));
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    if (!request->no_calls)
        return;
    tl_json_key(json, "tool_choice");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", "none");
    tl_json_end_object(json);
}

static void put_thinking(struct tl_json_writer *json, enum tl_model_thinking thinking)
{
    if (thinking == TL_MODEL_THINKING_DEFAULT)
        return;
    tl_json_key(json, "thinking");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "type", thinking == TL_MODEL_THINKING_ADAPTIVE ? "adaptive" : "disabled");
    if (thinking == TL_MODEL_THINKING_ADAPTIVE)
        tl_json_pair_text(json, "display", "summarized"); /* people are shown what it thinks */
    tl_json_end_object(json);
}

static enum tl_code write_request(const struct models_provider *provider, struct models_builder *builder, struct tl_buf *body, struct tl_err *err)
{
    const struct tl_model_request *request = builder->request;
    struct tl_json_writer json;
    (void)err;
    tl_json_writer_init(&json, body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "model", provider->options.name);
    tl_json_pair_int64(&json, "max_tokens", request->tokens_max);
    put_thinking(&json, provider->options.thinking);
    put_system(&json, request->system);
    put_tools(&json, request);
    put_messages(&json, builder->scratch, request);
    tl_json_pair_bool(&json, "stream", !provider->options.whole);
    tl_json_end_object(&json);
    return TL_OK;
}

/* ---- the answer ---- */

static void read_usage(struct models_builder *builder, const tl_json *usage)
{
    struct tl_model_usage *total = &builder->answer->usage;
    int64_t number, written = 0;
    if (tl_json_int64(tl_json_get(usage, "cache_creation_input_tokens"), &number) && number >= 0)
        written = number;
    if (tl_json_int64(tl_json_get(usage, "input_tokens"), &number) && number >= 0 && number <= INT64_MAX - written)
        total->input_tokens = number + written;
    if (tl_json_int64(tl_json_get(usage, "cache_read_input_tokens"), &number) && number >= 0)
        total->cached_tokens = number;
    if (tl_json_int64(tl_json_get(usage, "output_tokens"), &number) && number >= 0)
        total->output_tokens = number;
}

static void read_reason(struct models_builder *builder, const char *reason)
{
    if (!reason)
        return;
    builder->answer->end = tl_streq(reason, "tool_use")                                                                        ? TL_MODEL_CALLS
                           : tl_streq(reason, "max_tokens") || tl_streq(reason, "model_context_window_exceeded") ? TL_MODEL_LENGTH
                           : tl_streq(reason, "refusal")                                                                       ? TL_MODEL_REFUSED
                                                                                                                               : TL_MODEL_ENDED;
}

static enum tl_code begin_thinking(struct models_builder *builder, const tl_json *block, int64_t index, struct tl_err *err)
{
    struct models_part *part;
    enum tl_code code = models_part_new(builder, TL_MODEL_THINKING, index, &part, err);
    if (code != TL_OK)
        return code;
    if (tl_streq(tl_json_get_text(block, "type"), "redacted_thinking")) {
        struct tl_str raw = models_raw(builder->scratch, block);
        tl_buf_add(&part->opaque, raw.data, raw.size);
        part->is_sealed = true;
        return part->opaque.failed ? models_fail(builder->answer, TL_MODEL_GARBLED, err, "a block of the model's thinking is too long") : TL_OK;
    }
    struct tl_str signature = tl_json_str(tl_json_get(block, "signature"));
    tl_buf_add(&part->opaque, signature.data, signature.size);
    return models_add(builder, part, tl_json_str(tl_json_get(block, "thinking")), err);
}

static enum tl_code begin_call(struct models_builder *builder, const tl_json *block, int64_t index, struct tl_err *err)
{
    struct models_part *part;
    const tl_json *input = tl_json_get(block, "input");
    enum tl_code code = models_part_new(builder, TL_MODEL_CALL, index, &part, err);
    if (code == TL_OK)
        code = models_set_name(builder, part->id, tl_json_get(block, "id"), err);
    if (code == TL_OK)
        code = models_set_name(builder, part->name, tl_json_get(block, "name"), err);
    if (code == TL_OK && tl_json_is_object(input) && tl_json_count(input)) /* in a stream it is empty, and comes in pieces */
        code = models_add(builder, part, models_raw(builder->scratch, input), err);
    return code;
}

static enum tl_code begin_block(struct models_builder *builder, const tl_json *block, int64_t index, struct tl_err *err)
{
    const char *type = tl_json_get_text(block, "type");
    struct models_part *part;
    enum tl_code code;
    if (tl_streq(type, "tool_use"))
        return begin_call(builder, block, index, err);
    if (tl_streq(type, "thinking") || tl_streq(type, "redacted_thinking"))
        return begin_thinking(builder, block, index, err);
    if (!tl_streq(type, "text"))
        return TL_OK; /* kinds that come later: nothing of ours */
    code = models_part_new(builder, TL_MODEL_TEXT, index, &part, err);
    return code == TL_OK ? models_add(builder, part, tl_json_str(tl_json_get(block, "text")), err) : code;
}

static struct models_part *find_block(struct models_builder *builder, int64_t index)
{
    for (size_t i = builder->count; i-- > 0;)
        if (builder->parts[i]->index == index)
            return builder->parts[i];
    return NULL;
}

static enum tl_code read_delta(struct models_builder *builder, const tl_json *root, int64_t index, struct tl_err *err)
{
    const tl_json *delta = tl_json_get(root, "delta");
    const char *type = tl_json_get_text(delta, "type");
    struct models_part *part = find_block(builder, index);
    static const struct {
        const char *type, *member;
        enum tl_model_part_kind kind;
    } pieces[] = {
        {"text_delta", "text", TL_MODEL_TEXT}, {"thinking_delta", "thinking", TL_MODEL_THINKING}, {"input_json_delta", "partial_json", TL_MODEL_CALL}};
    if (!part)
        return TL_OK; /* of a kind of block that is not ours */
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (tl_streq(type, pieces[i].type) && part->kind == pieces[i].kind)
            return models_add(builder, part, tl_json_str(tl_json_get(delta, pieces[i].member)), err);
    if (tl_streq(type, "signature_delta") && part->kind == TL_MODEL_THINKING && !part->is_sealed) {
        struct tl_str signature = tl_json_str(tl_json_get(delta, "signature"));
        tl_buf_add(&part->opaque, signature.data, signature.size);
        if (part->opaque.failed)
            return models_fail(builder->answer, TL_MODEL_GARBLED, err, "a block of the model's thinking is too long");
    }
    return TL_OK;
}

/* Thinking goes back as the block it was. */
static void seal_thinking(struct models_builder *builder)
{
    for (size_t i = 0; i < builder->count; i++) {
        struct models_part *part = builder->parts[i];
        if (part->kind != TL_MODEL_THINKING || part->is_sealed)
            continue;
        struct tl_str signature = {tl_arena_strndup(builder->arena, tl_buf_cstr(&part->opaque), part->opaque.size), part->opaque.size};
        struct tl_json_writer json;
        part->opaque.max_size = 2 * TL_MODEL_ANSWER_MAX;
        tl_buf_clear(&part->opaque);
        tl_json_writer_init(&json, &part->opaque);
        tl_json_begin_object(&json);
        tl_json_pair_text(&json, "type", "thinking");
        put_pair_str(&json, "thinking", (struct tl_str){tl_buf_cstr(&part->text), part->text.size});
        put_pair_str(&json, "signature", signature);
        tl_json_end_object(&json);
        part->is_sealed = true;
    }
}

static enum tl_code read_typed(struct models_builder *builder, const tl_json *root, const char *type, bool *ret_done, struct tl_err *err)
{
    int64_t index;
    if (!tl_json_int64(tl_json_get(root, "index"), &index) || index < 0)
        index = -1;
    if (tl_streq(type, "message_start"))
        read_usage(builder, tl_json_get(tl_json_get(root, "message"), "usage"));
    else if (tl_streq(type, "content_block_start"))
        return begin_block(builder, tl_json_get(root, "content_block"), index, err);
    else if (tl_streq(type, "content_block_delta"))
        return read_delta(builder, root, index, err);
    else if (tl_streq(type, "message_delta")) {
        read_usage(builder, tl_json_get(root, "usage"));
        read_reason(builder, tl_json_get_text(tl_json_get(root, "delta"), "stop_reason"));
    } else if (tl_streq(type, "message_stop")) {
        builder->ended = *ret_done = true;
        seal_thinking(builder);
    }
    return TL_OK;
}

static enum tl_code read_event(struct models_builder *builder, const struct tl_sse_event *event, const char *key, bool *ret_done, struct tl_err *err)
{
    const tl_json *root;
    enum tl_code code = models_event_json(builder, event, &root, err);
    if (code != TL_OK)
        return code;
    const char *type = tl_json_get_text(root, "type");
    if (tl_streq(type, "error") || tl_streq(event->name, "error"))
        return models_fail_said(builder->answer, 0, root, key, err);
    return read_typed(builder, root, type, ret_done, err);
}

static enum tl_code read_answer(struct models_builder *builder, const tl_json *root, const char *key, struct tl_err *err)
{
    const tl_json *content = tl_json_get(root, "content");
    enum tl_code code = TL_OK;
    int64_t index = 0;
    if (tl_streq(tl_json_get_text(root, "type"), "error"))
        return models_fail_said(builder->answer, 0, root, key, err);
    if (!tl_json_is_array(content))
        return models_fail(builder->answer, TL_MODEL_GARBLED, err, "the model's answer has no \"content\"");
    read_usage(builder, tl_json_get(root, "usage"));
    for (struct tl_json_iter it = tl_json_iter(content); code == TL_OK && tl_json_next(&it);)
        code = begin_block(builder, it.value, index++, err);
    read_reason(builder, tl_json_get_text(root, "stop_reason"));
    seal_thinking(builder);
    return code;
}

const struct models_wire models_anthropic_wire = {
    .path = "/v1/messages",
    .key_header = "x-api-key: ",
    .extra_header = "anthropic-version: 2026-10-21",
    .write = write_request,
    .event = read_event,
    .whole = read_answer,
};

static enum tl_code ask(void *state, tl_arena *arena, const struct tl_model_request *request, struct tl_model_answer *answer, struct tl_err *err)
{
    return models_exchange(state, &models_anthropic_wire, arena, request, answer, err);
}

const struct tl_model_driver tl_model_anthropic = {
    .name = "anthropic",
    .base_url = "https://api.anthropic.com",
    .open = models_provider_open,
    .ask = ask,
    .close = models_provider_close,
};
