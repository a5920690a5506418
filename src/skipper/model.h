/* skipper/model.h -- language models behind one interface: a conversation goes in, the model's next message comes out as it is made.
 *
 * Why: providers differ in words, not in kind.  The agent knows this header only; the drivers are in models/.
 * Owns: what a request points to must stay until tl_model_ask has returned; the answer lives in the arena of the request.  A model
 *   is made once for the server and holds no conversation.
 * Threads: a tl_model may be asked from many threads at once.  The sink is called on the thread that asks, before the call returns.
 * Bounds: struct tl_model_options has those of time and tries; an answer has at most TL_MODEL_PARTS_MAX parts, TL_MODEL_TEXT_MAX
 *   bytes of text and of thinking, TL_MODEL_ARGUMENTS_MAX bytes of arguments a call.  What is beyond is a failure, never a cut.
 * Cancel: `stop` is polled at least every 100 ms, also while waiting for the next try; then TL_CANCELLED.
 * Tries: a failure that may pass (limited, overloaded, unreachable, slow, cut) is tried again after a pause that grows, with chance in
 *   it, or as long as the provider says; never once something of the answer has gone to the sink, never beyond the deadline.
 * Errors: TL_MODEL_UNAVAILABLE (may pass), TL_MODEL_FAILED (will not), TL_TIME_EXCEEDED (deadline), TL_CANCELLED.  Messages hold no
 *   key, and of what a provider says at most 300 bytes, none where it speaks of the key.
 * Foreign: all of an answer.  Texts are UTF-8; arguments are whatever the model wrote, perhaps no JSON at all.
 */
#ifndef TL_SKIPPER_MODEL_H
#define TL_SKIPPER_MODEL_H

#include "data/json.h"

enum {
    TL_MODEL_PARTS_MAX = 128,
    TL_MODEL_TEXT_MAX = 1 << 20,
    TL_MODEL_ARGUMENTS_MAX = 256 << 10,
    TL_MODEL_ANSWER_MAX = 32 << 20, /* bytes on the wire */
    TL_MODEL_NAME_MAX = 128,        /* of a tool and of the id of a call */
};

enum tl_model_role { TL_MODEL_USER, TL_MODEL_ASSISTANT };

enum tl_model_part_kind {
    TL_MODEL_TEXT,     /* text */
    TL_MODEL_THINKING, /* text: what may be shown; opaque: goes back unchanged */
    TL_MODEL_CALL,     /* id, name, text: the arguments */
    TL_MODEL_RESULT,   /* id: of the call; text; is_error */
};

struct tl_model_part {
    enum tl_model_part_kind kind;
    struct tl_str text;
    const char *id, *name;
    struct tl_str opaque; /* JSON of the provider's own, empty = none */
    bool is_error;
};

struct tl_model_message {
    enum tl_model_role role;
    size_t part_count;
    const struct tl_model_part *parts;
};

struct tl_model_tool {
    const char *name, *description;
    const char *schema; /* JSON Schema of the arguments, an object */
};

/* What comes while it is made; either may be NULL.  A driver that gets its answer whole calls them once. */
struct tl_model_sink {
    void (*text)(void *context, struct tl_str piece);
    void (*thinking)(void *context, struct tl_str piece);
    void *context;
};

struct tl_model_request {
    struct tl_str system;
    size_t message_count, tool_count;
    const struct tl_model_message *messages; /* user and assistant in turn, a user's first */
    const struct tl_model_tool *tools;
    bool no_calls;        /* the tools are told, but may not be called now */
    int64_t tokens_max;   /* of this answer; 0 = tl_model_options.answer_tokens */
    int64_t deadline_us;  /* monotonic; 0 = none */
    bool (*stop)(void *context); /* NULL = never */
    void *stop_context;
    struct tl_model_sink sink;
};

enum tl_model_end {
    TL_MODEL_ENDED,        /* it has said what it wanted */
    TL_MODEL_CALLS,        /* it waits for the results of its calls */
    TL_MODEL_LENGTH,       /* cut off by tokens_max or the size of its context */
    TL_MODEL_REFUSED,      /* it, or its provider, will not answer this */
};

struct tl_model_usage {
    int64_t input_tokens;  /* without those below */
    int64_t cached_tokens; /* read from the provider's cache */
    int64_t output_tokens;
    bool estimated;        /* the provider told nothing: a token for every 4 bytes */
};

enum tl_model_failure {
    TL_MODEL_NO_FAILURE,
    TL_MODEL_RATE_LIMITED,  /* 429 */
    TL_MODEL_OVERLOADED,    /* 5xx, 529 */
    TL_MODEL_UNREACHABLE,   /* no connection, no TLS, no HTTP */
    TL_MODEL_SLOW,          /* the time to the first byte, or between two, is over */
    TL_MODEL_CUT,           /* the stream ended too early */
    TL_MODEL_GARBLED,       /* the stream is not of the protocol, or over a bound */
    TL_MODEL_TOO_LONG,      /* the conversation does not fit the model */
    TL_MODEL_BAD_REQUEST,   /* the provider will not take what was sent: an unknown model, a wrong option */
    TL_MODEL_NO_ACCESS,     /* the key is missing, wrong, or may not do this; no credit left */
    TL_MODEL_INTERRUPTED,   /* cancelled, or the deadline */
};
const char *tl_model_failure_name(enum tl_model_failure failure); /* "rate_limited" */

struct tl_model_answer {
    struct tl_model_message message; /* role assistant; no parts when it failed */
    enum tl_model_end end;
    struct tl_model_usage usage;
    enum tl_model_failure failure; /* set when tl_model_ask fails, else TL_MODEL_NO_FAILURE */
    int64_t retry_after_us;        /* what the provider said, 0 = nothing */
    bool was_shown;                /* something has gone to the sink */
    int tries;
};

/* Numbers of a provider, per million tokens in millionths of a unit of money: 3.00 is 3,000,000. */
struct tl_model_prices {
    int64_t input, cached, output;
};

/* Does it think before it answers?  As the provider has it for the model, as much as the question needs, or not. */
enum tl_model_thinking { TL_MODEL_THINKING_DEFAULT, TL_MODEL_THINKING_ADAPTIVE, TL_MODEL_THINKING_DISABLED };

struct tl_model_options {
    const char *base_url; /* without a slash at the end; NULL or "" = the driver's own */
    const char *name;     /* of the model, as the provider calls it */
    const char *key;      /* env:NAME or file:PATH, read at each try; NULL or "" = none */
    const char *file;     /* driver replay: what to answer from */
    const char *record;   /* append each answer to this file in the form that driver replay reads; NULL or "" = do not */
    const char *ca_file;  /* NULL = the system's */
    bool whole;           /* ask for whole answers, not streamed ones */
    int64_t answer_tokens;
    enum tl_model_thinking thinking; /* driver anthropic */
    int64_t connect_us, first_byte_us, idle_us;
    int tries_max;        /* at least 1 */
    int64_t pause_us;     /* before the second try; doubles, at most 30 s */
    struct tl_model_prices prices;
};

/* A driver: models/models.h lists them.  `ask` tries once. */
struct tl_model_driver {
    const char *name;     /* "openai" */
    const char *base_url; /* "" = none of its own */
    bool recorded;        /* no model is behind it: there is nothing to check */
    TL_CHECKED enum tl_code (*open)(const struct tl_model_options *options, void **ret_state, struct tl_err *err);
    TL_CHECKED enum tl_code (*ask)(void *state, tl_arena *arena, const struct tl_model_request *request, struct tl_model_answer *answer,
                                   struct tl_err *err);
    void (*close)(void *state);
};

typedef struct tl_model tl_model;

/* Copies the options.  TL_CONFIG says which of them cannot be. */
TL_CHECKED enum tl_code tl_model_new(const struct tl_model_driver *driver, const struct tl_model_options *options, tl_model **ret_model,
                                     struct tl_err *err);
tl_model *tl_model_free(tl_model *model);

TL_CHECKED enum tl_code tl_model_ask(tl_model *model, tl_arena *arena, const struct tl_model_request *request,
                                     struct tl_model_answer *ret_answer, struct tl_err *err);
/* One short question within the deadline: does it answer (one that is recorded does)?  The last outcome is kept 30 seconds, so that
 * nobody can spend money by it. */
TL_CHECKED enum tl_code tl_model_check(tl_model *model, tl_arena *arena, int64_t deadline_us, struct tl_err *err);

const char *tl_model_provider(const tl_model *model);
const char *tl_model_name(const tl_model *model);
const char *tl_model_host(const tl_model *model); /* "host:port" of where data goes, "" = nowhere */
int64_t tl_model_cost(const tl_model *model, const struct tl_model_usage *usage); /* in millionths of a unit of money */

#endif
