/* One query over HTTP: its settings, its head, its bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "sources/clickhouse/source_int.h"

enum {
    ANSWER_ARENA_BYTES = 4 * 1024 * 1024,
    FAILURE_BYTES_MAX = 64 * 1024,
    PROTOCOL_VERSION =
        54453, /* the newest without a serialization byte a column; keeps DateTime's zone (54337 and up) */
    TAG_SIZE = TL_NATIVE_TAG_SIZE_MAX + 1,
    EXCEPTION_UNKNOWN_SETTING = 115,
    EXCEPTION_READONLY = 164,
    EXCEPTION_SETTING_CONSTRAINT = 452
};

struct tl_clickhouse_answer {
    tl_arena *arena;
    tl_http_stream *stream;
    int64_t bytes;
    char tag[TAG_SIZE];
    tl_clickhouse_frames *frames; /* NULL: the answer is not compressed */
};

/* What the profile of a user could have set so that rows are missing or mean something else, and the value that is
 * safe. */
static const struct {
    const char *name, *value;
} safe_settings[] = {
    {"timeout_overflow_mode", "throw"},
    {"result_overflow_mode", "throw"},
    {"read_overflow_mode", "throw"},
    {"read_overflow_mode_leaf", "throw"},
    {"sort_overflow_mode", "throw"},
    {"group_by_overflow_mode", "throw"},
    {"distinct_overflow_mode", "throw"},
    {"limit", "0"},
    {"offset", "0"},
    {"skip_unavailable_shards", "0"},
    {"transform_null_in", "0"},
    {"join_overflow_mode", "throw"},
    {"set_overflow_mode", "throw"},
    {"aggregate_functions_null_for_empty", "0"},
    {"empty_result_for_aggregation_by_empty_set", "0"},
    {"decimal_check_overflow", "1"},
};

/* Only with a query that may carry settings: cancelled with its connection, room for long lists. */
static const char other_settings[] =
    "&readonly=2&cancel_http_readonly_queries_on_client_close=1"
    "&max_query_size=67108864&max_ast_elements=1000000&max_expanded_ast_elements=1000000";

static void add_settings(struct tl_buf *url, int64_t deadline_us)
{
    tl_buf_adds(url, other_settings);
    for (size_t i = 0; i < sizeof safe_settings / sizeof safe_settings[0]; i++)
        tl_buf_addf(url, "&%s=%s", safe_settings[i].name, safe_settings[i].value);
    if (deadline_us > 0) {
        int64_t left_us = deadline_us - tl_clock_monotonic_us();
        tl_buf_addf(url, "&max_execution_time=%lld", (long long)(left_us > 0 ? left_us / 1000000 + 1 : 1));
    }
}

static const char *query_url(tl_source *source, tl_arena *arena, const char *query_id, bool with_settings,
                             const struct tl_stop *stop)
{
    struct tl_buf url;
    tl_buf_init(&url, 16 * 1024);
    tl_buf_addf(&url, "%sclient_protocol_version=%d&query_id=", source->url, (int)PROTOCOL_VERSION);
    tl_http_encode(&url, query_id);
    tl_buf_addf(&url, "-%u", atomic_fetch_add(&source->queries, 1));
    if (source->compress)
        tl_buf_adds(&url, "&compress=1");
    if (with_settings)
        add_settings(&url, stop ? stop->deadline_us : 0);
    const char *result = tl_arena_strdup(arena, tl_buf_cstr(&url));
    tl_buf_done(&url);
    return result;
}

static enum tl_code send(tl_source *source, tl_clickhouse_answer *answer, struct tl_str sql, const char *query_id,
                         const struct tl_stop *stop, bool with_settings, struct tl_http_response *ret_head,
                         struct tl_err *err)
{
    struct tl_http_request request = {.method = "POST",
                                      .url = query_url(source, answer->arena, query_id, with_settings, stop),
                                      .headers = source->headers,
                                      .body = sql,
                                      .ca_file = source->ca_file,
                                      .deadline_us = stop ? stop->deadline_us : 0,
                                      .stop = stop ? stop->stop : NULL,
                                      .stop_context = stop ? stop->context : NULL};
    return tl_http_stream_open(source->http, answer->arena, &request, &answer->stream, ret_head, err);
}

/* The words of an answer that is not a success. */
static struct tl_str failure_text(tl_clickhouse_answer *answer, struct tl_err *err)
{
    struct tl_buf text;
    tl_buf_init(&text, FAILURE_BYTES_MAX);
    struct tl_str bytes;
    while (tl_http_stream_read(answer->stream, &bytes, err) == TL_OK && bytes.size > 0 && text.size < FAILURE_BYTES_MAX)
        tl_buf_add(&text, bytes.data,
                   bytes.size < FAILURE_BYTES_MAX - text.size ? bytes.size : FAILURE_BYTES_MAX - text.size);
    struct tl_str result = {tl_arena_strndup(answer->arena, text.data ? text.data : "", text.size), text.size};
    tl_buf_done(&text);
    return result;
}

static enum tl_code not_clickhouse(const tl_source *source, int status, struct tl_err *err)
{
    tl_err_set(err, TL_SOURCE_PROTOCOL, "%s does not answer as ClickHouse's HTTP interface does (status %d)",
               source->where, status);
    tl_err_hint(
        err,
        "check host and port: the HTTP interface usually has port 8123, or 8443 with TLS (9000 is another protocol)");
    return TL_SOURCE_PROTOCOL;
}

/* Status and headers say whether rows follow.  *ret_number: the server's own number of the failure, 0 = none. */
static enum tl_code check_head(const tl_source *source, tl_clickhouse_answer *answer,
                               const struct tl_http_response *head, int *ret_number, struct tl_err *err)
{
    const char *number = tl_http_response_header(head, "x-clickhouse-exception-code");
    const char *format = tl_http_response_header(head, "x-clickhouse-format");
    const char *tag = tl_http_response_header(head, "x-clickhouse-exception-tag");
    *ret_number = number ? (int)strtol(number, NULL, 10) : 0;
    if (head->status == 200 && !number && tl_streq(format, "Native")) {
        if (tag && strlen(tag) < TAG_SIZE)
            memcpy(answer->tag, tag, strlen(tag));
        return TL_OK;
    }
    if (head->status == 200 && !number)
        return not_clickhouse(source, head->status, err);
    struct tl_err ignored;
    tl_err_init(&ignored);
    struct tl_str text = failure_text(answer, &ignored);
    bool is_exception = number || (text.size > 6 && memcmp(text.data, "Code: ", 6) == 0);
    if (!is_exception && (head->status == 401 || head->status == 403))
        return tl_err_set(err, TL_SOURCE_AUTH, "%s refused the user or password (status %d)", source->where,
                          head->status);
    if (!is_exception && (head->status == 502 || head->status == 503 || head->status == 504))
        return tl_err_set(err, TL_SOURCE_UNAVAILABLE, "%s is not ready (status %d)", source->where, head->status);
    return is_exception ? tl_clickhouse_exception(text, *ret_number, err) : not_clickhouse(source, head->status, err);
}

static enum tl_code each_setting(void *context, const struct tl_str *texts, struct tl_err *err)
{
    (void)context;
    for (size_t i = 0; i < sizeof safe_settings / sizeof safe_settings[0]; i++) {
        if (!tl_str_equal(texts[0], tl_str_of(safe_settings[i].name)) ||
            tl_str_equal(texts[1], tl_str_of(safe_settings[i].value)))
            continue;
        tl_err_set(err, TL_SOURCE_FAILED, "the profile of ClickHouse's user could hide rows: %s is %.*s",
                   safe_settings[i].name, (int)(texts[1].size < 64 ? texts[1].size : 64), texts[1].data);
        tl_err_hint(err, "set %s to %s in the profile, or give the user readonly = 2 so that it can be set here",
                    safe_settings[i].name, safe_settings[i].value);
        return TL_SOURCE_FAILED;
    }
    return TL_OK;
}

static bool refuses_settings(int number)
{
    return number == EXCEPTION_READONLY || number == EXCEPTION_UNKNOWN_SETTING ||
           number == EXCEPTION_SETTING_CONSTRAINT;
}

static enum tl_code read_answer(void *context, struct tl_str *ret_bytes, struct tl_err *err)
{
    tl_clickhouse_answer *answer = context;
    enum tl_code code = tl_http_stream_read(answer->stream, ret_bytes, err);
    if (code == TL_OK)
        answer->bytes += (int64_t)ret_bytes->size;
    return code;
}

static enum tl_code read_answer_into(void *context, char *room, size_t room_size, size_t *ret_size, struct tl_err *err)
{
    tl_clickhouse_answer *answer = context;
    enum tl_code code = tl_http_stream_read_into(answer->stream, room, room_size, ret_size, err);
    if (code == TL_OK)
        answer->bytes += (int64_t)*ret_size;
    return code;
}

static enum tl_code ask(tl_source *source, struct tl_str sql, const char *query_id, const struct tl_stop *stop,
                        bool with_settings, tl_clickhouse_answer **ret_answer, int *ret_number, struct tl_err *err)
{
    struct tl_http_response head;
    tl_clickhouse_answer *answer = tl_heap_alloc(sizeof *answer);
    answer->arena = tl_arena_new(ANSWER_ARENA_BYTES);
    *ret_number = 0;
    enum tl_code code = send(source, answer, sql, query_id, stop, with_settings, &head, err);
    if (code == TL_OK)
        code = check_head(source, answer, &head, ret_number, err);
    if (code != TL_OK) {
        tl_clickhouse_answer_close(answer);
        return code;
    }
    if (source->compress)
        answer->frames = tl_clickhouse_frames_new((struct tl_native_input){.read = read_answer, .context = answer});
    *ret_answer = answer;
    return TL_OK;
}

/* The user may set nothing: then what the profile says must be safe as it is. */
static enum tl_code check_profile(tl_source *source, const struct tl_stop *stop, struct tl_err *err)
{
    static const char sql[] = "SELECT name, value FROM system.settings FORMAT Native";
    tl_clickhouse_answer *answer;
    int number;
    enum tl_code code = ask(source, TL_STR(sql), "profile", stop, false, &answer, &number, err);
    if (code != TL_OK)
        return code;
    code = tl_clickhouse_rows(answer, 2, each_setting, NULL, err);
    tl_clickhouse_answer_close(answer);
    return code;
}

enum tl_code tl_clickhouse_ask(tl_source *source, struct tl_str sql, const char *query_id, const struct tl_stop *stop,
                               tl_clickhouse_answer **ret_answer, struct tl_err *err)
{
    int number;
    if (atomic_load(&source->mode) == TL_CLICKHOUSE_WITH_SETTINGS) {
        struct tl_err first;
        tl_err_init(&first);
        enum tl_code code = ask(source, sql, query_id, stop, true, ret_answer, &number, &first);
        if (code == TL_OK || !refuses_settings(number))
            return code == TL_OK ? TL_OK : tl_err_copy(err, &first);
        code = check_profile(source, stop, err);
        if (code != TL_OK)
            return code;
        atomic_store(&source->mode, TL_CLICKHOUSE_PLAIN);
    }
    return ask(source, sql, query_id, stop, false, ret_answer, &number, err);
}

struct tl_native_input tl_clickhouse_answer_input(tl_clickhouse_answer *answer)
{
    struct tl_native_input input = {read_answer, read_answer_into, answer};
    if (!answer->frames)
        return input;
    return (struct tl_native_input){.read = tl_clickhouse_frames_read, .context = answer->frames};
}

const char *tl_clickhouse_answer_tag(const tl_clickhouse_answer *answer)
{
    return answer->tag[0] ? answer->tag : NULL;
}

int64_t tl_clickhouse_answer_bytes(const tl_clickhouse_answer *answer)
{
    return answer->bytes;
}

void tl_clickhouse_answer_close(tl_clickhouse_answer *answer)
{
    if (!answer)
        return;
    if (answer->stream)
        tl_http_stream_close(answer->stream);
    tl_clickhouse_frames_free(answer->frames);
    tl_arena_free(answer->arena);
    free(answer);
}
