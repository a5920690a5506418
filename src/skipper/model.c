#include "skipper/model.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/random.h"
#include "skipper/transcript.h"

enum {
    TRIES_MAX = 10,
    PAUSE_US_MAX = 30 * 1000000,
    WAIT_STEP_US = 50 * 1000,
    CHECK_TOKENS = 64,
    BYTES_A_TOKEN = 4,
};
static const int64_t check_kept_us = 30 * (int64_t)1000000, tokens_counted_max = 1000000000, million = 1000000;

struct tl_model {
    const struct tl_model_driver *driver;
    void *state;
    tl_arena *arena;
    struct tl_model_options options;
    const char *host;
    pthread_mutex_t mutex;
    int64_t checked_us; /* 0 = never */
    struct tl_err check;
};

const char *tl_model_failure_name(enum tl_model_failure failure)
{
    static const char *const names[] = {"none",     "rate_limited", "overloaded",  "unreachable", "slow",       "cut",
                                        "garbled",  "too_long",     "bad_request", "no_access",   "interrupted"};
    return names[failure];
}

const char *tl_model_provider(const tl_model *model)
{
    return model->driver->name;
}

const char *tl_model_name(const tl_model *model)
{
    return model->options.name;
}

const char *tl_model_host(const tl_model *model)
{
    return model->host;
}

/* ---- made ---- */

static const char *copied(tl_arena *arena, const char *text)
{
    return tl_arena_strdup(arena, text ? text : "");
}

static const char *host_of(tl_arena *arena, const char *url)
{
    const char *host = strstr(url, "://");
    return host ? tl_arena_strndup(arena, host + 3, strcspn(host + 3, "/?#")) : "";
}

static enum tl_code refuse(struct tl_err *err, const char *hint, const char *what)
{
    tl_err_set(err, TL_CONFIG, "%s", what);
    tl_err_hint(err, "%s", hint);
    return TL_CONFIG;
}

static enum tl_code check_options(const tl_model *model, struct tl_err *err)
{
    const struct tl_model_options *options = &model->options;
    const char *url = options->base_url;
    bool http = strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0;
    if (options->key[0] && !tl_config_is_reference(options->key))
        return refuse(err, "put the key into an environment variable or a file and name that", "models.key must be env:NAME or file:PATH");
    if (url[0] && (!http || strchr(url, '@') || !model->host[0]))
        return refuse(err, "for example https://api.openai.com/v1; the key goes into models.key",
                      "models.base_url must be an http or https address without a name and password in it");
    if (url[0] && options->key[0] && !tl_url_is_safe(url))
        return refuse(err, "who can read that traffic would have the key", "models.base_url must be https where a key is sent (http only on loopback)");
    if (!options->name[0])
        return refuse(err, "as the provider calls it", "models.model is empty: which model shall be asked?");
    if (options->tries_max < 1 || options->tries_max > TRIES_MAX)
        return refuse(err, "3 is a good number", "a model must be tried once at least, and ten times at most");
    return TL_OK;
}

enum tl_code tl_model_new(const struct tl_model_driver *driver, const struct tl_model_options *options, tl_model **ret_model, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(1 << 20);
    tl_model *model = TL_NEW(arena, tl_model);
    struct tl_model_options *own = &model->options;
    *own = *options;
    model->arena = arena;
    model->driver = driver;
    own->base_url = copied(arena, options->base_url && options->base_url[0] ? options->base_url : driver->base_url);
    for (size_t size = strlen(own->base_url); size && own->base_url[size - 1] == '/'; size--)
        own->base_url = tl_arena_strndup(arena, own->base_url, size - 1);
    own->name = copied(arena, options->name);
    own->key = copied(arena, options->key);
    own->file = copied(arena, options->file);
    own->record = copied(arena, options->record);
    own->ca_file = options->ca_file && options->ca_file[0] ? copied(arena, options->ca_file) : NULL;
    model->host = host_of(arena, own->base_url);
    if (check_options(model, err) != TL_OK || driver->open(own, &model->state, err) != TL_OK) {
        tl_arena_free(arena);
        return err->code;
    }
    pthread_mutex_init(&model->mutex, NULL);
    *ret_model = model;
    return TL_OK;
}

tl_model *tl_model_free(tl_model *model)
{
    if (!model)
        return NULL;
    model->driver->close(model->state);
    pthread_mutex_destroy(&model->mutex);
    tl_arena_free(model->arena);
    return NULL;
}

/* ---- asked ---- */

static bool may_pass(enum tl_model_failure failure)
{
    switch (failure) {
    case TL_MODEL_RATE_LIMITED:
    case TL_MODEL_OVERLOADED:
    case TL_MODEL_UNREACHABLE:
    case TL_MODEL_SLOW:
    case TL_MODEL_CUT:
        return true;
    default:
        return false;
    }
}

/* Between a half and the whole of the pause, so that callers who failed together do not come back together. */
static int64_t pause_before(const tl_model *model, const struct tl_model_answer *answer)
{
    uint32_t chance = 0;
    struct tl_err ignored;
    tl_err_init(&ignored);
    int64_t pause_us = model->options.pause_us > 0 ? model->options.pause_us : 1;
    for (int i = 1; i < answer->tries && pause_us < PAUSE_US_MAX; i++)
        pause_us *= 2;
    if (pause_us > PAUSE_US_MAX)
        pause_us = PAUSE_US_MAX;
    if (tl_random_bytes(&chance, sizeof chance, &ignored) == TL_OK)
        pause_us = pause_us / 2 + (int64_t)((double)chance / UINT32_MAX * (double)(pause_us / 2));
    return answer->retry_after_us > pause_us ? answer->retry_after_us : pause_us;
}

/* false: stopped meanwhile. */
static bool wait_until(const struct tl_model_request *request, int64_t end_us)
{
    for (int64_t left_us; (left_us = end_us - tl_clock_monotonic_us()) > 0;) {
        if (request->stop && request->stop(request->stop_context))
            return false;
        long step_us = left_us < WAIT_STEP_US ? (long)left_us : WAIT_STEP_US;
        nanosleep(&(struct timespec){.tv_nsec = step_us * 1000}, NULL);
    }
    return true;
}

/* Is there a next try?  When so its pause is over. */
static bool try_again(const tl_model *model, const struct tl_model_request *request, const struct tl_model_answer *answer)
{
    if (!may_pass(answer->failure) || answer->was_shown || answer->tries >= model->options.tries_max)
        return false;
    int64_t pause_us = pause_before(model, answer), end_us = tl_clock_monotonic_us() + pause_us;
    if (pause_us > PAUSE_US_MAX || (request->deadline_us && end_us >= request->deadline_us))
        return false;
    return wait_until(request, end_us);
}

static size_t request_bytes(const struct tl_model_request *request)
{
    size_t bytes = request->system.size;
    for (size_t i = 0; i < request->message_count; i++)
        for (size_t k = 0; k < request->messages[i].part_count; k++)
            bytes += request->messages[i].parts[k].text.size;
    for (size_t i = 0; i < request->tool_count; i++)
        bytes += strlen(request->tools[i].description) + strlen(request->tools[i].schema);
    return bytes;
}

static void estimate_usage(const struct tl_model_request *request, struct tl_model_answer *answer)
{
    size_t bytes = 0;
    if (answer->usage.input_tokens || answer->usage.output_tokens)
        return;
    for (size_t i = 0; i < answer->message.part_count; i++)
        bytes += answer->message.parts[i].text.size;
    answer->usage = (struct tl_model_usage){
        .input_tokens = (int64_t)request_bytes(request) / BYTES_A_TOKEN,
        .output_tokens = (int64_t)bytes / BYTES_A_TOKEN,
        .estimated = true,
    };
}

static bool stopped(const struct tl_model_request *request)
{
    return request->stop && request->stop(request->stop_context);
}

enum tl_code tl_model_ask(tl_model *model, tl_arena *arena, const struct tl_model_request *request, struct tl_model_answer *ret_answer,
                          struct tl_err *err)
{
    struct tl_model_request asked = *request;
    struct tl_err failed;
    enum tl_code code;
    int tries = 0;
    if (asked.tokens_max <= 0)
        asked.tokens_max = model->options.answer_tokens;
    do {
        tl_err_init(&failed);
        *ret_answer = (struct tl_model_answer){.message = {.role = TL_MODEL_ASSISTANT}, .tries = ++tries};
        code = model->driver->ask(model->state, arena, &asked, ret_answer, &failed);
        ret_answer->tries = tries;
    } while (code != TL_OK && try_again(model, &asked, ret_answer));
    if (code != TL_OK && may_pass(ret_answer->failure) && stopped(request)) {
        tl_err_init(&failed);
        code = tl_err_set(&failed, TL_CANCELLED, "the question was cancelled while the model \"%s\" was asked", model->options.name);
        ret_answer->failure = TL_MODEL_INTERRUPTED;
    }
    if (code != TL_OK) {
        ret_answer->message.part_count = 0;
        return tl_err_copy(err, &failed);
    }
    estimate_usage(request, ret_answer);
    return model->options.record[0] ? tl_transcript_append(model->options.record, request, ret_answer, err) : TL_OK;
}

/* ---- does it answer? ---- */

static enum tl_code ask_short(tl_model *model, tl_arena *arena, int64_t deadline_us, struct tl_err *err)
{
    struct tl_model_part part = {.kind = TL_MODEL_TEXT, .text = TL_STR("Answer with the word ready.")};
    struct tl_model_message message = {TL_MODEL_USER, 1, &part};
    struct tl_model_request request = {
        .system = TL_STR("This is a check that the connection works."),
        .message_count = 1,
        .messages = &message,
        .tokens_max = CHECK_TOKENS,
        .deadline_us = deadline_us,
    };
    struct tl_model_answer answer = {.message = {.role = TL_MODEL_ASSISTANT}, .tries = 1};
    return model->driver->ask(model->state, arena, &request, &answer, err);
}

enum tl_code tl_model_check(tl_model *model, tl_arena *arena, int64_t deadline_us, struct tl_err *err)
{
    if (model->driver->recorded)
        return TL_OK;
    pthread_mutex_lock(&model->mutex); /* who comes meanwhile waits for the same answer */
    int64_t now_us = tl_clock_monotonic_us();
    if (!model->checked_us || now_us - model->checked_us > check_kept_us) {
        tl_err_init(&model->check);
        enum tl_code code = ask_short(model, arena, deadline_us, &model->check);
        model->checked_us = tl_clock_monotonic_us();
        (void)code; /* kept in check */
    }
    struct tl_err check = model->check;
    pthread_mutex_unlock(&model->mutex);
    return check.code == TL_OK ? TL_OK : tl_err_copy(err, &check);
}

/* ---- what it costs ---- */

static int64_t counted(int64_t tokens)
{
    return tokens < 0 ? 0 : tokens > tokens_counted_max ? tokens_counted_max : tokens;
}

int64_t tl_model_cost(const tl_model *model, const struct tl_model_usage *usage)
{
    const struct tl_model_prices *prices = &model->options.prices;
    double cost = (double)counted(usage->input_tokens) * (double)prices->input + (double)counted(usage->cached_tokens) * (double)prices->cached +
                  (double)counted(usage->output_tokens) * (double)prices->output;
    return (int64_t)(cost / (double)million + 0.5);
}
