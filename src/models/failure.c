/* What providers say when they do not answer, in our words. */
#include <stdlib.h>
#include <string.h>

#include "models/models_int.h"

enum { SAID_MAX = 300, RETRY_AFTER_S_MAX = 86400 };

static const struct {
    enum tl_code code;
    const char *hint;
} meanings[] = {
    [TL_MODEL_NO_FAILURE] = {TL_INTERNAL, ""},
    [TL_MODEL_RATE_LIMITED] = {TL_MODEL_UNAVAILABLE, "ask again later, or have the limit of the key raised at the provider"},
    [TL_MODEL_OVERLOADED] = {TL_MODEL_UNAVAILABLE, "ask again later"},
    [TL_MODEL_UNREACHABLE] = {TL_MODEL_UNAVAILABLE, "check models.base_url and whether the model's server runs"},
    [TL_MODEL_SLOW] = {TL_MODEL_UNAVAILABLE, "ask again later, or raise models.first_byte_time or models.idle_time"},
    [TL_MODEL_CUT] = {TL_MODEL_UNAVAILABLE, "ask again"},
    [TL_MODEL_GARBLED] = {TL_MODEL_FAILED, "check models.provider and models.base_url; a smaller model may not be able to call tools"},
    [TL_MODEL_TOO_LONG] = {TL_MODEL_FAILED, "begin a new conversation, or ask for less"},
    [TL_MODEL_BAD_REQUEST] = {TL_MODEL_FAILED, "check models.model and models.base_url"},
    [TL_MODEL_NO_ACCESS] = {TL_MODEL_FAILED, "check models.key, and at the provider what it may do and whether it has credit"},
    [TL_MODEL_INTERRUPTED] = {TL_CANCELLED, ""},
};

enum tl_code models_fail(struct tl_model_answer *answer, enum tl_model_failure failure, struct tl_err *err, const char *format, ...)
{
    va_list args;
    answer->failure = failure;
    va_start(args, format);
    tl_err_setv(err, meanings[failure].code, format, args);
    va_end(args);
    tl_err_hint(err, "%s", meanings[failure].hint);
    return err->code;
}

/* ---- the words of providers ---- */

static const struct {
    const char *word;
    enum tl_model_failure failure;
} words[] = {
    {"insufficient_quota", TL_MODEL_NO_ACCESS},
    {"billing_error", TL_MODEL_NO_ACCESS},
    {"authentication_error", TL_MODEL_NO_ACCESS},
    {"permission_error", TL_MODEL_NO_ACCESS},
    {"invalid_api_key", TL_MODEL_NO_ACCESS},
    {"context_length_exceeded", TL_MODEL_TOO_LONG},
    {"exceed_context_size_error", TL_MODEL_TOO_LONG},
    {"request_too_large", TL_MODEL_TOO_LONG},
    {"rate_limit_error", TL_MODEL_RATE_LIMITED},
    {"rate_limit_exceeded", TL_MODEL_RATE_LIMITED},
    {"overloaded_error", TL_MODEL_OVERLOADED},
    {"api_error", TL_MODEL_OVERLOADED},
    {"server_error", TL_MODEL_OVERLOADED},
    {"timeout_error", TL_MODEL_OVERLOADED},
    {"not_found_error", TL_MODEL_BAD_REQUEST},
};

static const char *const too_long_phrases[] = {"prompt is too long", "maximum context length", "context window", "context size",
                                               "context length",     "too many tokens",        "exceeds the context"};

static enum tl_model_failure failure_of_word(const char *word)
{
    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].failure;
    return TL_MODEL_NO_FAILURE;
}

static enum tl_model_failure failure_of_status(int status)
{
    switch (status) {
    case 401:
    case 402:
    case 403:
        return TL_MODEL_NO_ACCESS;
    case 408:
    case 409:
        return TL_MODEL_OVERLOADED;
    case 413:
        return TL_MODEL_TOO_LONG;
    case 429:
        return TL_MODEL_RATE_LIMITED;
    default:
        return status >= 500 || status == 0 ? TL_MODEL_OVERLOADED : TL_MODEL_BAD_REQUEST;
    }
}

/* {"error": {"message", "type", "code"}}, {"error": ".."}, {"message": ".."}, {"detail": ".."}, {"errors": [{"message": ".."}]} */
static const tl_json *part_that_says(const tl_json *said)
{
    const tl_json *error = tl_json_get(said, "error"), *errors = tl_json_get(said, "errors");
    struct tl_json_iter it = tl_json_iter(errors);
    if (tl_json_is_object(error))
        return error;
    if (tl_json_is_array(errors) && tl_json_next(&it))
        return it.value;
    return said;
}

static const char *text_of(const tl_json *said, const tl_json *part)
{
    const char *text = tl_json_get_text(part, "message");
    if (!text)
        text = tl_json_get_text(said, "error");
    return text ? text : tl_json_get_text(part, "detail");
}

static enum tl_model_failure judge(int status, const tl_json *part, const char *text)
{
    enum tl_model_failure by_word = failure_of_word(tl_json_get_text(part, "code"));
    if (!by_word)
        by_word = failure_of_word(tl_json_get_text(part, "type"));
    for (size_t i = 0; text && (status == 0 || status == 400 || status == 422 || status == 500) && i < sizeof too_long_phrases / sizeof *too_long_phrases; i++)
        if (strcasestr(text, too_long_phrases[i]))
            return TL_MODEL_TOO_LONG;
    return by_word ? by_word : failure_of_status(status);
}

static const char *outcome(enum tl_model_failure failure)
{
    switch (failure) {
    case TL_MODEL_RATE_LIMITED:
        return "the model's provider limits how often it is asked";
    case TL_MODEL_OVERLOADED:
        return "the model's provider has a fault or is overloaded";
    case TL_MODEL_TOO_LONG:
        return "the conversation is too long for the model";
    case TL_MODEL_NO_ACCESS:
        return "the model's provider does not let us in";
    default:
        return "the model's provider refused the request";
    }
}

enum tl_code models_fail_said(struct tl_model_answer *answer, int status, const tl_json *said, const char *key, struct tl_err *err)
{
    const tl_json *part = part_that_says(said);
    const char *text = text_of(said, part);
    enum tl_model_failure failure = judge(status, part, text);
    enum tl_code code = status ? models_fail(answer, failure, err, "%s (status %d)", outcome(failure), status)
                               : models_fail(answer, failure, err, "%s (within its answer)", outcome(failure));
    bool speaks_of_key = failure == TL_MODEL_NO_ACCESS || (text && key && *key && strstr(text, key));
    struct tl_str cut = tl_utf8_cut(tl_str_of(text), SAID_MAX);
    if (cut.size && !speaks_of_key)
        tl_err_detail(err, "it says: %.*s", (int)cut.size, cut.data);
    return code;
}

int64_t models_retry_after_us(const struct tl_http_response *head)
{
    const char *ms = tl_http_response_header(head, "retry-after-ms"), *seconds = tl_http_response_header(head, "retry-after");
    const char *text = ms ? ms : seconds;
    char *end;
    if (!text || *text < '0' || *text > '9') /* also a date: then our own pause does */
        return 0;
    double number = strtod(text, &end);
    if (*end || !(number >= 0) || number > RETRY_AFTER_S_MAX * 1e3)
        return 0;
    return (int64_t)(number * (ms ? 1e3 : 1e6));
}
