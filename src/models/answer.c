#include <stdio.h>
#include <string.h>

#include "models/models_int.h"

enum { SCRATCH_MAX = 64 << 20, OPAQUE_MAX = 256 << 10 };

static void scratch_done(void *context)
{
    tl_arena_free(context);
}

static void buf_done(void *context)
{
    tl_buf_done(context);
}

struct models_builder *models_builder_new(tl_arena *arena, const struct tl_model_request *request, struct tl_model_answer *answer)
{
    struct models_builder *builder = TL_NEW(arena, struct models_builder);
    builder->arena = arena;
    builder->scratch = tl_arena_new(SCRATCH_MAX);
    tl_arena_defer(arena, scratch_done, builder->scratch);
    builder->request = request;
    builder->answer = answer;
    return builder;
}

enum tl_code models_part_new(struct models_builder *builder, enum tl_model_part_kind kind, int64_t index, struct models_part **ret_part,
                             struct tl_err *err)
{
    if (builder->count == TL_MODEL_PARTS_MAX)
        return models_fail(builder->answer, TL_MODEL_GARBLED, err, "the model's answer has more than %d parts", TL_MODEL_PARTS_MAX);
    struct models_part *part = TL_NEW(builder->arena, struct models_part);
    part->kind = kind;
    part->index = index;
    tl_buf_init(&part->text, kind == TL_MODEL_CALL ? TL_MODEL_ARGUMENTS_MAX : TL_MODEL_TEXT_MAX);
    tl_buf_init(&part->opaque, OPAQUE_MAX);
    tl_arena_defer(builder->arena, buf_done, &part->text);
    tl_arena_defer(builder->arena, buf_done, &part->opaque);
    builder->parts[builder->count++] = *ret_part = part;
    return TL_OK;
}

enum tl_code models_part_of(struct models_builder *builder, enum tl_model_part_kind kind, struct models_part **ret_part, struct tl_err *err)
{
    if (builder->count && builder->parts[builder->count - 1]->kind == kind) {
        *ret_part = builder->parts[builder->count - 1];
        return TL_OK;
    }
    return models_part_new(builder, kind, -1, ret_part, err);
}

static void show(struct models_builder *builder, enum tl_model_part_kind kind, struct tl_str piece)
{
    const struct tl_model_sink *sink = &builder->request->sink;
    void (*give)(void *context, struct tl_str piece) = kind == TL_MODEL_TEXT ? sink->text : kind == TL_MODEL_THINKING ? sink->thinking : NULL;
    if (!give || piece.size == 0)
        return;
    builder->answer->was_shown = true;
    give(sink->context, piece);
}

enum tl_code models_add(struct models_builder *builder, struct models_part *part, struct tl_str piece, struct tl_err *err)
{
    tl_buf_add(&part->text, piece.data, piece.size);
    builder->text_bytes += part->kind == TL_MODEL_TEXT ? piece.size : 0;
    builder->thinking_bytes += part->kind == TL_MODEL_THINKING ? piece.size : 0;
    if (part->text.failed && part->kind == TL_MODEL_CALL)
        return models_fail(builder->answer, TL_MODEL_GARBLED, err, "the model's arguments for \"%s\" are longer than %d bytes", part->name,
                           TL_MODEL_ARGUMENTS_MAX);
    if (part->text.failed || builder->text_bytes > TL_MODEL_TEXT_MAX || builder->thinking_bytes > TL_MODEL_TEXT_MAX)
        return models_fail(builder->answer, TL_MODEL_GARBLED, err, "the model's answer is longer than %d bytes", TL_MODEL_TEXT_MAX);
    show(builder, part->kind, piece);
    return TL_OK;
}

enum tl_code models_set_name(struct models_builder *builder, char to[TL_MODEL_NAME_MAX + 1], const tl_json *text, struct tl_err *err)
{
    struct tl_str name = tl_json_str(text);
    if (name.size == 0)
        return TL_OK;
    if (name.size > TL_MODEL_NAME_MAX || memchr(name.data, '\0', name.size))
        return models_fail(builder->answer, TL_MODEL_GARBLED, err, "the model's answer names a call with more than %d bytes", TL_MODEL_NAME_MAX);
    memcpy(to, name.data, name.size);
    to[name.size] = '\0';
    return TL_OK;
}

void models_finish(struct models_builder *builder)
{
    struct tl_model_part *parts = TL_NEW_ARRAY(builder->arena, struct tl_model_part, builder->count);
    size_t count = 0;
    bool calls = false;
    for (size_t i = 0; i < builder->count; i++) {
        struct models_part *part = builder->parts[i];
        if (part->kind == TL_MODEL_TEXT && part->text.size == 0)
            continue;
        if (part->kind == TL_MODEL_CALL && !part->id[0]) /* some servers give none; it must only be the same in the result */
            snprintf(part->id, sizeof part->id, "call_%zu_%zu", builder->request->message_count, i);
        calls = calls || part->kind == TL_MODEL_CALL;
        parts[count++] = (struct tl_model_part){
            .kind = part->kind,
            .text = {tl_buf_cstr(&part->text), part->text.size},
            .id = part->id,
            .name = part->name,
            .opaque = {tl_buf_cstr(&part->opaque), part->opaque.size},
        };
    }
    builder->answer->message = (struct tl_model_message){TL_MODEL_ASSISTANT, count, parts};
    if (calls && builder->answer->end == TL_MODEL_ENDED)
        builder->answer->end = TL_MODEL_CALLS;
    else if (!calls && builder->answer->end == TL_MODEL_CALLS)
        builder->answer->end = TL_MODEL_ENDED;
}

struct tl_str models_raw(tl_arena *arena, const tl_json *value)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, TL_MODEL_ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_put_value(&json, value);
    struct tl_str raw = {tl_arena_strndup(arena, buf.size ? buf.data : "", buf.size), buf.size};
    tl_buf_done(&buf);
    return raw;
}

struct tl_str models_arguments(tl_arena *scratch, const struct tl_model_part *call)
{
    const tl_json *root;
    struct tl_err unread;
    tl_err_init(&unread);
    if (call->text.size && tl_json_parse(scratch, call->text.data, call->text.size, &root, &unread) == TL_OK && tl_json_is_object(root))
        return call->text;
    return TL_STR("{}");
}
