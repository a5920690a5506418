/* A transfer of the HTTP client: what goes to libcurl, what comes from it, and waiting for it.
 *
 * What is left out on purpose: proxies (neither from a setting nor from the environment: data goes where the
 * configuration says and nowhere else), redirects, cookies, .netrc, other protocols, HTTP/2.
 */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "io/http_client_int.h"

enum {
    CONNECT_TIMEOUT_MS = 5000,
    /* On loopback reads of 112 KiB gave 3.1 GB/s and reads of 496 KiB, which leave the core's cache, 2.0 GB/s. */
    READ_BYTES = 112 * 1024,
    PIECE_BYTES = 16 * 1024,                            /* libcurl hands out what it read in such pieces */
    STREAM_BUFFER_BYTES = READ_BYTES + PIECE_BYTES - 1, /* one read always fits; with its NUL a power of two */
    RESPONSE_BYTES_MAX = 64 * 1024 * 1024,
    RESPONSE_HEADERS_MAX = 1000,
};

_Static_assert((int)STREAM_BUFFER_BYTES <= (int)TL_HTTP_READ_ROOM, "what one read gives must fit");

/* ---- stop and deadline ---- */

enum tl_code http_check_interrupt(tl_http_stream *stream, struct tl_err *err)
{
    int64_t now_us = tl_clock_monotonic_us();
    if (stream->deadline_us && now_us >= stream->deadline_us)
        return tl_err_set(err, TL_TIME_EXCEEDED, "the HTTP server \"%s\" did not answer in time", stream->where);
    if (stream->stop && now_us - stream->stop_asked_us >= HTTP_STEP_MS * 1000 / 2) {
        stream->stop_asked_us = now_us;
        if (stream->stop(stream->stop_context))
            return tl_err_set(err, TL_CANCELLED, "the request to the HTTP server \"%s\" was cancelled", stream->where);
    }
    return TL_OK;
}

int http_wait_ms(const tl_http_stream *stream)
{
    int64_t left_ms = stream->deadline_us ? (stream->deadline_us - tl_clock_monotonic_us()) / 1000 + 1 : HTTP_STEP_MS;
    return left_ms < 0 ? 0 : left_ms < HTTP_STEP_MS ? (int)left_ms : HTTP_STEP_MS;
}

/* ---- what libcurl calls ---- */

static bool add_header(tl_http_stream *stream, const char *line, size_t size)
{
    struct http_head *head = &stream->head;
    const char *colon = memchr(line, ':', size);
    if (!colon || head->count >= RESPONSE_HEADERS_MAX)
        return colon == NULL; /* a line without a colon is skipped, as libcurl does */
    if (head->count == head->capacity) {
        size_t capacity = head->capacity ? head->capacity * 2 : 16, unit = sizeof *head->names;
        head->names = tl_arena_grow(stream->arena, head->names, head->capacity * unit, capacity * unit);
        head->values = tl_arena_grow(stream->arena, head->values, head->capacity * unit, capacity * unit);
        head->capacity = capacity;
    }
    size_t name_size = (size_t)(colon - line);
    char *name = tl_arena_strndup(stream->arena, line, name_size);
    for (size_t i = 0; i < name_size; i++)
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] |= 0x20;
    const char *value = colon + 1, *end = line + size;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (unsigned char)end[-1] <= ' ')
        end--;
    head->names[head->count] = name;
    head->values[head->count++] = tl_arena_strndup(stream->arena, value, (size_t)(end - value));
    return true;
}

static size_t on_header(char *line, size_t unit, size_t count, void *context)
{
    tl_http_stream *stream = context;
    struct http_head *head = &stream->head;
    size_t size = unit * count;
    if (head->is_complete) /* a trailer */
        return size;
    if (size >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* perhaps the second, after "100 Continue" */
        head->count = 0;
        return size;
    }
    if (size > 2)
        return add_header(stream, line, size) ? size : 0;
    long status = 0;
    curl_easy_getinfo(stream->slot->easy, CURLINFO_RESPONSE_CODE, &status);
    head->status = (int)status;
    head->is_complete = status >= 200;
    return size;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *context)
{
    tl_http_stream *stream = context;
    struct tl_buf *body = stream->body;
    size_t size = unit * count;
    if (stream->into) {
        if (size > stream->into_room - stream->into_size) {
            stream->is_paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        memcpy(stream->into + stream->into_size, bytes, size);
        stream->into_size += size;
        return size;
    }
    if (size <= body->max_size - body->size) {
        tl_buf_add(body, bytes, size);
        return size;
    }
    if (stream->pauses && body->size > 0) {
        stream->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    stream->is_too_large = true;
    return 0;
}

/* ---- a transfer ---- */

static bool has_header(const struct tl_http_request *request, const char *name)
{
    size_t size = strlen(name);
    for (const char *const *line = request->headers; line && *line; line++)
        if (strncasecmp(*line, name, size) == 0 && (*line)[size] == ':')
            return true;
    return false;
}

static void set_lines(tl_http_stream *stream, const struct tl_http_request *request)
{
    for (const char *const *line = request->headers; line && *line; line++)
        stream->lines = curl_slist_append(stream->lines, *line);
    stream->lines = curl_slist_append(stream->lines, "Expect:"); /* else a large body waits for "100 Continue" */
    if (!has_header(request, "Content-Type"))
        stream->lines = curl_slist_append(stream->lines, "Content-Type:"); /* else it is called a form */
    curl_easy_setopt(stream->slot->easy, CURLOPT_HTTPHEADER, stream->lines);
}

static void set_method(CURL *easy, const struct tl_http_request *request)
{
    const char *method = request->method ? request->method : "GET";
    if (tl_streq(method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (request->body.size > 0 || tl_streq(method, "POST") || tl_streq(method, "PUT")) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.size ? request->body.data : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static void set_options(tl_http_stream *stream, const struct tl_http_request *request)
{
    CURL *easy = stream->slot->easy;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)READ_BYTES);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)stream->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, stream->curl_said);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, stream);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, stream);
    if (request->user) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, request->password ? request->password : "");
    }
    if (request->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request->tls_insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request->tls_insecure ? 0L : 2L);
    set_method(easy, request);
    set_lines(stream, request);
}

static void done_with(void *context)
{
    tl_buf_done(context);
}

static enum tl_code stream_new(tl_http_client *client, tl_arena *arena, const struct tl_http_request *request,
                               size_t body_bytes_max, bool pauses, tl_http_stream **ret_stream, struct tl_err *err)
{
    tl_http_stream *stream = TL_NEW(arena, tl_http_stream);
    stream->client = client;
    stream->arena = arena;
    stream->stop = request->stop;
    stream->stop_context = request->stop_context;
    stream->deadline_us = request->deadline_us;
    stream->connect_timeout_ms = request->connect_timeout_ms > 0 ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    stream->pauses = pauses;
    stream->body = TL_NEW(arena, struct tl_buf);
    tl_buf_init(stream->body, body_bytes_max);
    tl_arena_defer(arena, done_with, stream->body);
    enum tl_code code = http_read_where(request->url, stream->where, err);
    if (code == TL_OK)
        code = http_check_interrupt(stream, err);
    if (code == TL_OK)
        code = http_slot_take(stream, err);
    if (code != TL_OK)
        return code;
    set_options(stream, request);
    stream->is_attached = curl_multi_add_handle(stream->slot->multi, stream->slot->easy) == CURLM_OK;
    *ret_stream = stream;
    return TL_OK;
}

/* A transfer that is not done loses its connection here; one that is done leaves it to the slot. */
static void detach(tl_http_stream *stream)
{
    if (!stream->slot)
        return;
    if (stream->is_attached)
        curl_multi_remove_handle(stream->slot->multi, stream->slot->easy);
    curl_easy_reset(stream->slot->easy); /* forgets user and password, keeps the connection */
    curl_slist_free_all(stream->lines);
    stream->lines = NULL;
    http_slot_give(stream->client, stream->slot);
    stream->slot = NULL;
}

static void drive(tl_http_stream *stream)
{
    int running, left;
    if (stream->is_paused) {
        stream->is_paused = false;
        curl_easy_pause(stream->slot->easy, CURLPAUSE_CONT); /* delivers what it held back */
        if (stream->is_paused)
            return;
    }
    if (curl_multi_perform(stream->slot->multi, &running) != CURLM_OK || !stream->is_attached) {
        stream->is_done = true;
        stream->result = CURLE_FAILED_INIT;
        return;
    }
    const CURLMsg *message;
    while ((message = curl_multi_info_read(stream->slot->multi, &left))) {
        if (message->msg == CURLMSG_DONE) {
            stream->is_done = true;
            stream->result = message->data.result;
        }
    }
}

/* Drives the transfer until `enough` says so or it is done. */
static enum tl_code drive_until(tl_http_stream *stream, bool (*enough)(const tl_http_stream *stream),
                                struct tl_err *err)
{
    while (!stream->is_done && !enough(stream)) {
        enum tl_code code = http_check_interrupt(stream, err);
        if (code != TL_OK)
            return code;
        drive(stream);
        if (!stream->is_done && !enough(stream))
            curl_multi_poll(stream->slot->multi, NULL, 0, http_wait_ms(stream), NULL);
    }
    return TL_OK;
}

static void fill_response(const tl_http_stream *stream, struct tl_http_response *response)
{
    *response = (struct tl_http_response){.status = stream->head.status,
                                          .header_count = stream->head.count,
                                          .header_names = stream->head.names,
                                          .header_values = stream->head.values};
}

const char *tl_http_response_header(const struct tl_http_response *response, const char *lower_case_name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (tl_streq(response->header_names[i], lower_case_name))
            return response->header_values[i];
    return NULL;
}

/* ---- whole answers ---- */

static bool never_enough(const tl_http_stream *stream)
{
    (void)stream;
    return false;
}

enum tl_code tl_http_call(tl_http_client *client, tl_arena *arena, const struct tl_http_request *request,
                          struct tl_http_response *ret_response, struct tl_err *err)
{
    size_t body_bytes_max = request->response_bytes_max ? request->response_bytes_max : RESPONSE_BYTES_MAX;
    tl_http_stream *stream;
    enum tl_code code = stream_new(client, arena, request, body_bytes_max, false, &stream, err);
    if (code != TL_OK)
        return code;
    code = drive_until(stream, never_enough, err);
    if (code == TL_OK)
        code = http_report_result(stream, err);
    detach(stream);
    if (code != TL_OK) {
        tl_buf_done(stream->body);
        return code;
    }
    fill_response(stream, ret_response);
    ret_response->body = (struct tl_str){tl_buf_cstr(stream->body), stream->body->size};
    return TL_OK;
}

/* ---- streamed answers ---- */

static bool has_head(const tl_http_stream *stream)
{
    return stream->head.is_complete;
}

static bool has_bytes(const tl_http_stream *stream)
{
    return stream->body->size > 0 || stream->into_size > 0;
}

enum tl_code tl_http_stream_open(tl_http_client *client, tl_arena *arena, const struct tl_http_request *request,
                                 tl_http_stream **ret_stream, struct tl_http_response *ret_head, struct tl_err *err)
{
    struct tl_http_request kept = *request; /* the body is sent from where it lies, perhaps after we have returned */
    kept.body.data = tl_arena_strndup(arena, request->body.size ? request->body.data : "", request->body.size);
    tl_http_stream *stream;
    enum tl_code code = stream_new(client, arena, &kept, STREAM_BUFFER_BYTES, true, &stream, err);
    if (code != TL_OK)
        return code;
    code = drive_until(stream, has_head, err);
    if (code == TL_OK && !stream->head.is_complete)
        code = http_report_result(stream, err);
    if (code != TL_OK) {
        tl_http_stream_close(stream);
        return code;
    }
    fill_response(stream, ret_head);
    *ret_stream = stream;
    return TL_OK;
}

enum tl_code tl_http_stream_read(tl_http_stream *stream, struct tl_str *ret_bytes, struct tl_err *err)
{
    *ret_bytes = (struct tl_str){"", 0};
    if (stream->is_read)
        tl_buf_clear(stream->body);
    enum tl_code code = drive_until(stream, has_bytes, err);
    if (code != TL_OK)
        return code;
    if (!has_bytes(stream))
        return http_report_result(stream, err);
    stream->is_read = true;
    *ret_bytes = (struct tl_str){stream->body->data, stream->body->size};
    return TL_OK;
}

enum tl_code tl_http_stream_read_into(tl_http_stream *stream, char *room, size_t room_size, size_t *ret_size,
                                      struct tl_err *err)
{
    *ret_size = 0;
    if (stream->is_read)
        tl_buf_clear(stream->body);
    stream->is_read = false;
    if (stream->body->size > 0) { /* came with the head */
        *ret_size = stream->body->size;
        memcpy(room, stream->body->data, stream->body->size);
        tl_buf_clear(stream->body);
        return TL_OK;
    }
    stream->into = room;
    stream->into_room = room_size;
    enum tl_code code = drive_until(stream, has_bytes, err);
    *ret_size = stream->into_size;
    stream->into = NULL;
    stream->into_size = 0;
    return code == TL_OK && *ret_size == 0 ? http_report_result(stream, err) : code;
}

void tl_http_stream_close(tl_http_stream *stream)
{
    if (!stream)
        return;
    detach(stream);
    tl_buf_done(stream->body);
}
