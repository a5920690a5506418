/* models/models_int.h -- what the drivers share: an answer as it grows, the exchange with the provider, what its failures mean. */
#ifndef TL_MODELS_MODELS_INT_H
#define TL_MODELS_MODELS_INT_H

#include "data/sse.h"
#include "io/http.h"
#include "models/models.h"

/* ---- answer.c: an answer as it grows ---- */

struct models_part {
    enum tl_model_part_kind kind;
    struct tl_buf text, opaque;
    char id[TL_MODEL_NAME_MAX + 1], name[TL_MODEL_NAME_MAX + 1];
    int64_t index;   /* the provider's own, -1 = none */
    bool is_sealed;  /* opaque is the whole block already */
};

struct models_builder {
    tl_arena *arena;   /* the answer's */
    tl_arena *scratch; /* one event's JSON */
    const struct tl_model_request *request;
    struct tl_model_answer *answer;
    struct models_part *parts[TL_MODEL_PARTS_MAX];
    size_t count, text_bytes, thinking_bytes;
    bool ended; /* the provider has said how it ended */
};

struct models_builder *models_builder_new(tl_arena *arena, const struct tl_model_request *request, struct tl_model_answer *answer);
TL_CHECKED enum tl_code models_part_new(struct models_builder *builder, enum tl_model_part_kind kind, int64_t index,
                                        struct models_part **ret_part, struct tl_err *err);
/* The last part when it is of this kind, else a new one. */
TL_CHECKED enum tl_code models_part_of(struct models_builder *builder, enum tl_model_part_kind kind, struct models_part **ret_part,
                                       struct tl_err *err);
/* Adds, and gives to the sink what may be shown. */
TL_CHECKED enum tl_code models_add(struct models_builder *builder, struct models_part *part, struct tl_str piece, struct tl_err *err);
TL_CHECKED enum tl_code models_set_name(struct models_builder *builder, char to[TL_MODEL_NAME_MAX + 1], const tl_json *text, struct tl_err *err);
/* The parts become the message of the answer. */
void models_finish(struct models_builder *builder);
/* The arguments of a call as a JSON object: those the model wrote, or "{}" when they are none. */
struct tl_str models_arguments(tl_arena *scratch, const struct tl_model_part *call);
struct tl_str models_raw(tl_arena *arena, const tl_json *value);

/* ---- failure.c ---- */

TL_CHECKED enum tl_code models_fail(struct tl_model_answer *answer, enum tl_model_failure failure, struct tl_err *err, const char *format, ...)
    TL_PRINTF(4, 5);
/* What the provider says in a body or an event; status 0 = within a stream.  key: never to be repeated. */
TL_CHECKED enum tl_code models_fail_said(struct tl_model_answer *answer, int status, const tl_json *said, const char *key, struct tl_err *err);
int64_t models_retry_after_us(const struct tl_http_response *head);

/* ---- exchange.c: one call over HTTP ---- */

struct models_provider {
    struct tl_model_options options;
    tl_http_client *client;
};
TL_CHECKED enum tl_code models_provider_open(const struct tl_model_options *options, void **ret_state, struct tl_err *err);
void models_provider_close(void *state);

struct models_wire {
    const char *path;          /* behind the base URL */
    const char *key_header;    /* "Authorization: Bearer " or "x-api-key: " */
    const char *extra_header;  /* NULL = none */
    TL_CHECKED enum tl_code (*write)(const struct models_provider *provider, struct models_builder *builder, struct tl_buf *body, struct tl_err *err);
    /* One event; *ret_done: nothing more will come. */
    TL_CHECKED enum tl_code (*event)(struct models_builder *builder, const struct tl_sse_event *event, const char *key, bool *ret_done,
                                     struct tl_err *err);
    /* An answer that came whole. */
    TL_CHECKED enum tl_code (*whole)(struct models_builder *builder, const tl_json *root, const char *key, struct tl_err *err);
};
TL_CHECKED enum tl_code models_exchange(const struct models_provider *provider, const struct models_wire *wire, tl_arena *arena,
                                        const struct tl_model_request *request, struct tl_model_answer *answer, struct tl_err *err);
/* The JSON of an event, in the scratch arena. */
TL_CHECKED enum tl_code models_event_json(struct models_builder *builder, const struct tl_sse_event *event, const tl_json **ret_root,
                                          struct tl_err *err);

extern const struct models_wire models_openai_wire, models_anthropic_wire;

#endif
