/* Chat completions.  What servers do differently is taken as it comes; models.h lists it. */
#include <string.h>

#include "models/models_int.h"

/* ---- the request ---- */

static void put_texts(struct tl_json_writer *json, const struct tl_model_message *message)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_MODEL_ANSWER_MAX);
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].kind == TL_MODEL_TEXT) {
            tl_buf_adds(&text, text.size ? "\n\n" : "");
            tl_buf_add(&text, message->parts[i].text.data, message->parts[i].text.size);
        }
    tl_json_put_str(json, (struct tl_str){tl_buf_cstr(&text), text.size});
    tl_buf_done(&text);
}

static bool has_part(const struct tl_model_message *message, enum tl_model_part_kind kind)
{
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].kind == kind)
            return true;
    return false;
}

static void put_results(struct tl_json_writer *json, const struct tl_model_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        const struct tl_model_part *part = &message->parts[i];
        if (part->kind != TL_MODEL_RESULT)
            continue;
        tl_json_begin_object(json);
        tl_json_pair_text(json, "role", "tool");
        tl_json_pair_text(json, "tool_call_id", part->id);
        tl_json_key(json, "content");
        tl_json_put_str(json, part->text);
        tl_json_end_object(json);
    }
}

static void put_calls(struct tl_json_writer *json, tl_arena *scratch, const struct tl_model_message *message)
{
    tl_json_key(json, "tool_calls");
    tl_json_begin_array(json);
    for (size_t i = 0; i < message->part_count; i++) {
        const struct tl_model_part *part = &message->parts[i];
        if (part->kind != TL_MODEL_CALL)
            continue;
        tl_json_begin_object(json);
        tl_json_pair_text(json, "id", part->id);
        tl_json_pair_text(json, "type", "function");
        tl_json_key(json, "function");
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", part->name);
        tl_json_key(json, "arguments");
        tl_json_put_str(json, models_arguments(scratch, part));
        tl_json_end_object(json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

static void put_message(struct tl_json_writer *json, tl_arena *scratch, const struct tl_model_message *message)
{
    bool calls = has_part(message, TL_MODEL_CALL), texts = has_part(message, TL_MODEL_TEXT), user = message->role == TL_MODEL_USER;
    if (user)
        put_results(json, message);
    if (user && !texts)
        return;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "role", user ? "user" : "assistant");
    tl_json_key(json, "content");
    if (texts || !calls)
        put_texts(json, message);
    else
        tl_json_put_null(json);
    if (calls)
        put_calls(json, scratch, message);
    tl_json_end_object(json);
}

static void put_messages(struct tl_json_writer *json, tl_arena *scratch, const struct tl_model_request *request)
{
    tl_json_key(json, "messages");
    tl_json_begin_array(json);
    if (request->system.size) {
        tl_json_begin_object(json);
        tl_json_pair_text(json, "role", "system");
        tl_json_key(json, "content");
        tl_json_put_str(json, request->system);
        tl_json_end_object(json);
    }
    for (size_t i = 0; i < request->message_count; i++)
        put_message(json, scratch, &request->messages[i]);
    tl_json_end_array(json);
}

static void put_tools(struct tl_json_writer *json, const struct tl_model_request *request)
{
    if (!request->tool_count)
        return;
    tl_json_key(json, "tools");
    tl_json_begin_array(json);
    for (size_t i = 0; i < request->tool_count; i++) {
        const struct tl_model_tool *tool = &request->tools[i];
        tl_json_begin_object(json);
        tl_json_pair_text(json, "type", "function");
        tl_json_key(json, "function");
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", tool->name);
        tl_json_pair_text(json, "description", tool->description);
        tl_json_key(json, "parameters");
        tl_json_put_raw(json, tl_str_of(tool->schema));
        tl_json_end_object(json);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    if (request->no_calls)
        tl_json_pair_text(json, "tool_choice", "none");
}

static enum tl_code write_request(const struct models_provider *provider, struct models_builder *builder, struct tl_buf *body, struct tl_err *err)
{
    const struct tl_model_request *request = builder->request;
    /* OpenAI's newer models take only the newer word, most other servers know only the older one */
    bool newer = strstr(provider->options.base_url, "://api.openai.com") != NULL;
    struct tl_json_writer json;
    (void)err;
    tl_json_writer_init(&json, body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "model", provider->options.name);
    put_messages(&json, builder->scratch, request);
    put_tools(&json, request);
    tl_json_pair_int64(&json, newer ? "max_completion_tokens" : "max_tokens", request->tokens_max);
    tl_json_pair_bool(&json, "stream", !provider->options.whole);
    if (!provider->options.whole) {
        tl_json_key(&json, "stream_options");
        tl_json_begin_object(&json);
        tl_json_pair_bool(&json, "include_usage", true);
        tl_json_end_object(&json);
    }
    tl_json_end_object(&json);
    return TL_OK;
}

/* ---- the answer ---- */

static void read_usage(struct models_builder *builder, const tl_json *usage)
{
    int64_t prompt, completion, cached = 0;
    if (!tl_json_int64(tl_json_get(usage, "prompt_tokens"), &prompt) || !tl_json_int64(tl_json_get(usage, "completion_tokens"), &completion) ||
        prompt < 0 || completion < 0)
        return;
    if (!tl_json_int64(tl_json_get(tl_json_get(usage, "prompt_tokens_details"), "cached_tokens"), &cached) || cached < 0 || cached > prompt)
        cached = 0;
    builder->answer->usage = (struct tl_model_usage){.input_tokens = prompt - cached, .cached_tokens = cached, .output_tokens = completion};
}

static void read_finish(struct models_builder *builder, const char *reason)
{
    if (!reason)
        return;
    builder->ended = true;
    builder->answer->end = tl_streq(reason, "length")           ? TL_MODEL_LENGTH
                           : tl_streq(reason, "content_filter") ? TL_MODEL_REFUSED
                                                                : TL_MODEL_ENDED; /* with calls or without: their presence says it */
}

/* A text, or a list of parts with texts. */
static enum tl_code read_text(struct models_builder *builder, enum tl_model_part_kind kind, const tl_json *content, struct tl_err *err)
{
    struct models_part *part;
    enum tl_code code = TL_OK;
    if (tl_json_is_array(content)) {
        for (struct tl_json_iter it = tl_json_iter(content); code == TL_OK && tl_json_next(&it);)
            if (tl_json_is_string(tl_json_get(it.value, "text")))
                code = read_text(builder, kind, tl_json_get(it.value, "text"), err);
        return code;
    }
    struct tl_str text = tl_json_str(content);
    if (text.size == 0 || (code = models_part_of(builder, kind, &part, err)) != TL_OK)
        return code;
    return models_add(builder, part, text, err);
}

/* The call that a piece belongs to: that of its index, unless it comes with another id and a name; without an index the last one,
 * unless it brings an id or a name. */
static struct models_part *find_call(struct models_builder *builder, const tl_json *piece, int64_t index)
{
    const char *id = tl_json_get_text(piece, "id"), *name = tl_json_get_text(tl_json_get(piece, "function"), "name");
    bool begins = name && *name;
    for (size_t i = builder->count; i-- > 0;) {
        struct models_part *part = builder->parts[i];
        if (part->kind != TL_MODEL_CALL || (index >= 0 && part->index != index))
            continue;
        bool other = id && *id && part->id[0] && strcmp(id, part->id) != 0;
        if (index < 0)
            return (begins && part->name[0]) || other ? NULL : part;
        return begins && other ? NULL : part;
    }
    return NULL;
}

static enum tl_code read_call(struct models_builder *builder, const tl_json *piece, struct tl_err *err)
{
    const tl_json *function = tl_json_get(piece, "function"), *arguments = tl_json_get(function, "arguments");
    int64_t index;
    if (!tl_json_int64(tl_json_get(piece, "index"), &index) || index < 0)
        index = -1;
    struct models_part *part = find_call(builder, piece, index);
    enum tl_code code = part ? TL_OK : models_part_new(builder, TL_MODEL_CALL, index, &part, err);
    if (code == TL_OK)
        code = models_set_name(builder, part->id, tl_json_get(piece, "id"), err);
    if (code == TL_OK)
        code = models_set_name(builder, part->name, tl_json_get(function, "name"), err);
    if (code == TL_OK && arguments)
        code = models_add(builder, part, tl_json_is_object(arguments) ? models_raw(builder->scratch, arguments) : tl_json_str(arguments), err);
    return code;
}

/* A delta of a stream, or a whole message: they have the same members. */
static enum tl_code read_delta(struct models_builder *builder, const tl_json *delta, struct tl_err *err)
{
    const tl_json *thought = tl_json_get(delta, "reasoning_content"), *refusal = tl_json_get(delta, "refusal"), *calls = tl_json_get(delta, "tool_calls");
    if (!thought)
        thought = tl_json_get(delta, "reasoning");
    enum tl_code code = read_text(builder, TL_MODEL_THINKING, thought, err);
    if (code == TL_OK)
        code = read_text(builder, TL_MODEL_TEXT, tl_json_get(delta, "content"), err);
    if (code == TL_OK && tl_json_str(refusal).size) {
        code = read_text(builder, TL_MODEL_TEXT, refusal, err);
        builder->answer->end = TL_MODEL_REFUSED;
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_is_array(calls) ? calls : NULL); code == TL_OK && tl_json_next(&it);)
        code = read_call(builder, it.value, err);
    return code;
}

static enum tl_code read_choices(struct models_builder *builder, const tl_json *root, const char *member, struct tl_err *err)
{
    struct tl_json_iter it = tl_json_iter(tl_json_get(root, "choices"));
    read_usage(builder, tl_json_get(root, "usage"));
    if (!tl_json_next(&it))
        return TL_OK;
    bool refused = builder->answer->end == TL_MODEL_REFUSED;
    enum tl_code code = read_delta(builder, tl_json_get(it.value, member), err);
    refused = refused || builder->answer->end == TL_MODEL_REFUSED;
    read_finish(builder, tl_json_get_text(it.value, "finish_reason"));
    if (refused)
        builder->answer->end = TL_MODEL_REFUSED;
    return code;
}

static bool is_error(const tl_json *root)
{
    const tl_json *error = tl_json_get(root, "error");
    return error && !tl_json_is_null(error);
}

static enum tl_code read_event(struct models_builder *builder, const struct tl_sse_event *event, const char *key, bool *ret_done, struct tl_err *err)
{
    const tl_json *root;
    if (tl_str_equal(event->data, TL_STR("[DONE]"))) {
        builder->ended = *ret_done = true;
        return TL_OK;
    }
    enum tl_code code = models_event_json(builder, event, &root, err);
    if (code != TL_OK)
        return code;
    if (is_error(root) || tl_streq(event->name, "error"))
        return models_fail_said(builder->answer, 0, root, key, err);
    return read_choices(builder, root, "delta", err);
}

static enum tl_code read_answer(struct models_builder *builder, const tl_json *root, const char *key, struct tl_err *err)
{
    if (is_error(root))
        return models_fail_said(builder->answer, 0, root, key, err);
    if (!tl_json_is_array(tl_json_get(root, "choices")) || tl_json_count(tl_json_get(root, "choices")) == 0)
        return models_fail(builder->answer, TL_MODEL_GARBLED, err, "the model's answer has no \"choices\"");
    return read_choices(builder, root, "message", err);
}

const struct models_wire models_openai_wire = {
    .path = "/chat/completions",
    .key_header = "Authorization: Bearer ",
    .write = write_request,
    .event = read_event,
    .whole = read_answer,
};

static enum tl_code ask(void *state, tl_arena *arena, const struct tl_model_request *request, struct tl_model_answer *answer, struct tl_err *err)
{
    return models_exchange(state, &models_openai_wire, arena, request, answer, err);
}

const struct tl_model_driver tl_model_openai = {
    .name = "openai",
    .base_url = "",
    .open = models_provider_open,
    .ask = ask,
    .close = models_provider_close,
};
