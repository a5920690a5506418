/* One call over HTTP: sent, read as it comes, within its times. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "models/models_int.h"

enum {
    CONNECTIONS_MAX = 64,
    BODY_MAX = 64 << 20,
    EVENT_MAX = 12 << 20, /* more than any bound of an answer: which one is broken can then be said */
    SAID_MAX = 64 << 10,
    KEY_MAX = 4096,
    LAST_WORDS_US = 250 * 1000, /* for the end of the response, so that its connection can be kept */
};

/* Asked for by the HTTP client at least every 100 ms. */
struct patience {
    const struct tl_model_request *request;
    int64_t end_us;
    bool over; /* we, not the caller, stopped it */
};

static bool is_over(void *context)
{
    struct patience *patience = context;
    if (patience->request->stop && patience->request->stop(patience->request->stop_context))
        return true;
    patience->over = patience->over || tl_clock_monotonic_us() >= patience->end_us;
    return patience->over;
}

struct exchange {
    const struct models_provider *provider;
    const struct models_wire *wire;
    struct models_builder *builder;
    struct patience patience;
    tl_http_stream *stream;
    struct tl_http_response head;
    const char *key;
    size_t bytes;
    bool began; /* the first bytes have come */
};

enum tl_code models_provider_open(const struct tl_model_options *options, void **ret_state, struct tl_err *err)
{
    if (!options->base_url[0]) {
        tl_err_set(err, TL_CONFIG, "models.base_url is empty: where is the model?");
        tl_err_hint(err, "for example http://127.0.0.1:11434/v1 (Ollama) or https://api.openai.com/v1");
        return TL_CONFIG;
    }
    struct models_provider *provider = tl_heap_alloc(sizeof *provider);
    provider->options = *options;
    provider->client = tl_http_client_new(CONNECTIONS_MAX);
    *ret_state = provider;
    return TL_OK;
}

void models_provider_close(void *state)
{
    struct models_provider *provider = state;
    tl_http_client_free(provider->client);
    free(provider);
}

/* ---- failures of the connection ---- */

/* What the HTTP client's error means here; its message has host and port. */
static enum tl_code connection_failed(struct exchange *exchange, const struct tl_err *lost, struct tl_err *err)
{
    struct tl_model_answer *answer = exchange->builder->answer;
    if (lost->code == TL_TIME_EXCEEDED || (lost->code == TL_CANCELLED && !exchange->patience.over)) {
        answer->failure = TL_MODEL_INTERRUPTED;
        return tl_err_set(err, lost->code, lost->code == TL_CANCELLED ? "the question was cancelled while the model was asked"
                                                                      : "the model did not answer in the time that the question has");
    }
    const struct tl_model_options *options = &exchange->provider->options;
    if (lost->code == TL_CANCELLED)
        return models_fail(answer, TL_MODEL_SLOW, err, "the model \"%s\" sent nothing for %lld s", options->name,
                           (long long)((exchange->began ? options->idle_us : options->first_byte_us) / 1000000));
    enum tl_model_failure failure = exchange->began ? TL_MODEL_CUT : TL_MODEL_UNREACHABLE;
    enum tl_code code = lost->code == TL_INVALID_ARGUMENT ? models_fail(answer, TL_MODEL_BAD_REQUEST, err, "%s", lost->message)
                                                          : models_fail(answer, failure, err, "the model \"%s\" %s: %s", options->name,
                                                                        exchange->began ? "broke off" : "cannot be reached", lost->message);
    tl_err_detail(err, "%s", lost->detail);
    return code;
}

static enum tl_code cut_off(struct exchange *exchange, struct tl_err *err)
{
    return models_fail(exchange->builder->answer, TL_MODEL_CUT, err, "the model's answer ended before its end was said");
}

static enum tl_code read_bytes(struct exchange *exchange, struct tl_str *ret_bytes, struct tl_err *err)
{
    const struct tl_model_options *options = &exchange->provider->options;
    struct tl_err lost;
    tl_err_init(&lost);
    exchange->patience.end_us = tl_clock_monotonic_us() + (exchange->began ? options->idle_us : options->first_byte_us);
    if (tl_http_stream_read(exchange->stream, ret_bytes, &lost) != TL_OK)
        return connection_failed(exchange, &lost, err);
    exchange->began = exchange->began || ret_bytes->size;
    exchange->bytes += ret_bytes->size;
    if (exchange->bytes > TL_MODEL_ANSWER_MAX)
        return models_fail(exchange->builder->answer, TL_MODEL_GARBLED, err, "the model's answer has more than %d bytes", TL_MODEL_ANSWER_MAX);
    return TL_OK;
}

/* The whole body, as far as most. */
static enum tl_code read_whole(struct exchange *exchange, size_t most, bool cut, struct tl_str *ret_body, struct tl_err *err)
{
    tl_arena *arena = exchange->builder->arena;
    struct tl_str bytes;
    struct tl_buf buf;
    tl_buf_init(&buf, most);
    enum tl_code code;
    do {
        code = read_bytes(exchange, &bytes, err);
        if (code == TL_OK)
            tl_buf_add(&buf, bytes.data, bytes.size);
    } while (code == TL_OK && bytes.size && !buf.failed);
    if (code == TL_OK && buf.failed && !cut)
        code = models_fail(exchange->builder->answer, TL_MODEL_GARBLED, err, "the model's answer has more than %zu bytes", most);
    *ret_body = (struct tl_str){tl_arena_strndup(arena, buf.size ? buf.data : "", buf.size), buf.size};
    tl_buf_done(&buf);
    return code;
}

/* ---- answers ---- */

static enum tl_code read_refusal(struct exchange *exchange, struct tl_err *err)
{
    struct tl_model_answer *answer = exchange->builder->answer;
    const tl_json *said = NULL;
    struct tl_str body;
    struct tl_err unread;
    tl_err_init(&unread);
    if (read_whole(exchange, SAID_MAX, true, &body, &unread) == TL_OK) {
        struct tl_err garbled;
        tl_err_init(&garbled);
        if (tl_json_parse(exchange->builder->scratch, body.data, body.size, &said, &garbled) != TL_OK)
            said = NULL;
    }
    answer->retry_after_us = models_retry_after_us(&exchange->head);
    return models_fail_said(answer, exchange->head.status, said, exchange->key, err);
}

static enum tl_code read_json(struct exchange *exchange, struct tl_err *err)
{
    struct tl_str body;
    const tl_json *root;
    struct tl_err unread;
    tl_err_init(&unread);
    enum tl_code code = read_whole(exchange, EVENT_MAX, false, &body, err);
    if (code != TL_OK)
        return code;
    if (tl_json_parse(exchange->builder->scratch, body.data, body.size, &root, &unread) != TL_OK)
        return models_fail(exchange->builder->answer, TL_MODEL_GARBLED, err, "the model's answer is not JSON: %s", unread.message);
    return exchange->wire->whole(exchange->builder, root, exchange->key, err);
}

enum tl_code models_event_json(struct models_builder *builder, const struct tl_sse_event *event, const tl_json **ret_root, struct tl_err *err)
{
    struct tl_err unread;
    tl_err_init(&unread);
    tl_arena_reset(builder->scratch);
    if (tl_json_parse(builder->scratch, event->data.data, event->data.size, ret_root, &unread) != TL_OK || !tl_json_is_object(*ret_root))
        return models_fail(builder->answer, TL_MODEL_GARBLED, err, "a piece of the model's answer is not a JSON object%s%s",
                           unread.code ? ": " : "", unread.message);
    return TL_OK;
}

/* All events that are whole; at the end of the stream also one that is not closed. */
static enum tl_code take_events(struct exchange *exchange, struct tl_sse *sse, bool at_end, bool *ret_done, struct tl_err *err)
{
    struct tl_sse_event event;
    bool found;
    do {
        struct tl_err unread;
        tl_err_init(&unread);
        enum tl_code code = at_end ? tl_sse_finish(sse, &event, &found, &unread) : tl_sse_next(sse, &event, &found, &unread);
        if (code != TL_OK)
            return models_fail(exchange->builder->answer, TL_MODEL_GARBLED, err, "%s", unread.message);
        if (found && (code = exchange->wire->event(exchange->builder, &event, exchange->key, ret_done, err)) != TL_OK)
            return at_end && exchange->builder->answer->failure == TL_MODEL_GARBLED ? TL_OK : code;
    } while (found && !at_end && !*ret_done);
    return TL_OK;
}

static void read_last_words(struct exchange *exchange)
{
    struct tl_str bytes = {"", 1};
    struct tl_err ignored;
    tl_err_init(&ignored);
    exchange->patience.end_us = tl_clock_monotonic_us() + LAST_WORDS_US;
    for (int i = 0; i < 4 && bytes.size; i++)
        if (tl_http_stream_read(exchange->stream, &bytes, &ignored) != TL_OK)
            return;
}

static enum tl_code read_events(struct exchange *exchange, struct tl_err *err)
{
    struct tl_sse sse;
    struct tl_str bytes = {"", 1};
    bool done = false;
    enum tl_code code = TL_OK;
    tl_sse_init(&sse, EVENT_MAX);
    while (code == TL_OK && !done && bytes.size) {
        code = read_bytes(exchange, &bytes, err);
        if (code == TL_OK) {
            tl_sse_feed(&sse, bytes);
            code = take_events(exchange, &sse, bytes.size == 0, &done, err);
        }
    }
    tl_sse_done(&sse);
    if (code == TL_OK && done)
        read_last_words(exchange);
    if (code == TL_OK && !done && !exchange->builder->ended) {
        tl_err_init(err); /* an unclosed event that could not be read is part of what was cut off */
        code = cut_off(exchange, err);
    }
    return code;
}

/* ---- the request ---- */

static bool is_key(const char *key)
{
    size_t size = strnlen(key, KEY_MAX + 1);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)key[i] <= 0x20 || (unsigned char)key[i] >= 0x7F)
            return false;
    return size > 0 && size <= KEY_MAX;
}

static enum tl_code read_key(struct exchange *exchange, struct tl_err *err)
{
    const char *reference = exchange->provider->options.key;
    struct tl_err unread;
    tl_err_init(&unread);
    exchange->key = NULL;
    if (!reference[0])
        return TL_OK;
    if (tl_config_secret(exchange->builder->arena, reference, &exchange->key, &unread) != TL_OK)
        return models_fail(exchange->builder->answer, TL_MODEL_NO_ACCESS, err, "the key of the model cannot be read: %s", unread.message);
    if (!is_key(exchange->key))
        return models_fail(exchange->builder->answer, TL_MODEL_NO_ACCESS, err, "the key of the model, %s, is empty or holds blanks", reference);
    return TL_OK;
}

static enum tl_code open_stream(struct exchange *exchange, const struct tl_buf *body, struct tl_err *err)
{
    const struct models_provider *provider = exchange->provider;
    const struct tl_model_request *asked = exchange->builder->request;
    tl_arena *arena = exchange->builder->arena;
    const char *headers[5] = {"Content-Type: application/json", "Accept: text/event-stream, application/json"};
    size_t count = 2;
    if (exchange->key)
        headers[count++] = tl_arena_printf(arena, "%s%s", exchange->wire->key_header, exchange->key);
    if (exchange->wire->extra_header)
        headers[count++] = exchange->wire->extra_header;
    struct tl_http_request request = {
        .method = "POST",
        .url = tl_arena_printf(arena, "%s%s", provider->options.base_url, exchange->wire->path),
        .headers = headers,
        .body = {body->data, body->size},
        .ca_file = provider->options.ca_file,
        .connect_timeout_ms = (int)(provider->options.connect_us / 1000),
        .deadline_us = asked->deadline_us,
        .stop = is_over,
        .stop_context = &exchange->patience,
    };
    struct tl_err lost;
    tl_err_init(&lost);
    exchange->patience.end_us = tl_clock_monotonic_us() + provider->options.first_byte_us;
    if (tl_http_stream_open(provider->client, arena, &request, &exchange->stream, &exchange->head, &lost) != TL_OK)
        return connection_failed(exchange, &lost, err);
    return TL_OK;
}

static enum tl_code read_answer(struct exchange *exchange, struct tl_err *err)
{
    const char *type = tl_http_response_header(&exchange->head, "content-type");
    if (exchange->head.status != 200)
        return read_refusal(exchange, err);
    if (type && strncmp(type, "application/json", 16) == 0)
        return read_json(exchange, err);
    if (!type || strncmp(type, "text/event-stream", 17) != 0)
        return models_fail(exchange->builder->answer, TL_MODEL_GARBLED, err, "what answers at models.base_url sends \"%.60s\", not events or JSON",
                           type ? type : "no content type");
    return read_events(exchange, err);
}

enum tl_code models_exchange(const struct models_provider *provider, const struct models_wire *wire, tl_arena *arena,
                             const struct tl_model_request *request, struct tl_model_answer *answer, struct tl_err *err)
{
    struct exchange exchange = {
        .provider = provider,
        .wire = wire,
        .builder = models_builder_new(arena, request, answer),
        .patience = {.request = request},
    };
    struct tl_buf body;
    tl_buf_init(&body, BODY_MAX);
    enum tl_code code = read_key(&exchange, err);
    if (code == TL_OK)
        code = wire->write(provider, exchange.builder, &body, err);
    if (code == TL_OK && body.failed)
        code = models_fail(answer, TL_MODEL_TOO_LONG, err, "the conversation is longer than %d bytes", BODY_MAX);
    if (code == TL_OK)
        code = open_stream(&exchange, &body, err);
    tl_buf_done(&body);
    if (code == TL_OK)
        code = read_answer(&exchange, err);
    tl_http_stream_close(exchange.stream);
    if (code == TL_OK)
        models_finish(exchange.builder);
    return code;
}
