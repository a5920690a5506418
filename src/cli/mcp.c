/* townlake mcp: the Model Context Protocol over standard input and output, for clients that start a program.  Each line is a message
 * that goes to /mcp of the server with the person's token; what comes back is written as lines.  The server does the work: nothing is
 * decided here. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_int.h"
#include "data/sse.h"

enum { LINE_MAX_BYTES = 1 << 20, ANSWER_MAX = 32 << 20, ARENA_MAX = 128 << 20, AT_ONCE_MAX = 16, SESSION_SIZE = 64, HEADERS_MAX = 12, VALUE_MAX = 4096 };

#define META "io.modelcontextprotocol/"

struct bridge {
    tl_http_client *http;
    const char *url, *authorization;
    pthread_mutex_t lock; /* of all below, and of standard output */
    pthread_cond_t changed;
    int running;
    char session[SESSION_SIZE], version[SESSION_SIZE]; /* "" = none: before initialize, and in 2026-07-28 */
    struct message *first;
};

struct message {
    struct bridge *bridge;
    tl_arena *arena;
    struct tl_str line;
    const tl_json *root, *id;
    const char *method, *id_text;
    bool modern;
    atomic_bool cancelled;
    struct message *next;
};

static void write_line(struct bridge *bridge, struct tl_str line)
{
    pthread_mutex_lock(&bridge->lock);
    fwrite(line.data, 1, line.size, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    pthread_mutex_unlock(&bridge->lock);
}

static void write_failure(const struct message *message, int code, const char *text)
{
    struct tl_buf line;
    struct tl_json_writer json;
    tl_buf_init(&line, LINE_MAX_BYTES);
    tl_json_writer_init(&json, &line);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "jsonrpc", "2.0");
    tl_json_key(&json, "id");
    if (message->id)
        tl_json_put_value(&json, message->id);
    else
        tl_json_put_null(&json);
    tl_json_key(&json, "error");
    tl_json_begin_object(&json);
    tl_json_pair_int64(&json, "code", code);
    tl_json_pair_text(&json, "message", text);
    tl_json_end_object(&json);
    tl_json_end_object(&json);
    write_line(message->bridge, (struct tl_str){line.data, line.size});
    tl_buf_done(&line);
}

/* ---- to the server ---- */

static bool has_breaks(const char *text)
{
    return strpbrk(text, "\r\n") || strlen(text) > VALUE_MAX;
}

static const char *base64(tl_arena *arena, const char *text)
{
    struct tl_buf encoded;
    struct tl_json_writer json;
    tl_buf_init(&encoded, LINE_MAX_BYTES * 2);
    tl_json_writer_init(&json, &encoded);
    tl_json_put_base64(&json, tl_str_of(text)); /* in quotes */
    const char *copy = tl_arena_printf(arena, "=?base64?%.*s?=", (int)encoded.size - 2, encoded.data + 1);
    tl_buf_done(&encoded);
    return copy;
}

/* In 2026-07-28 the headers say what the body says. */
static size_t modern_headers(const struct message *message, const char **headers)
{
    const tl_json *params = tl_json_get(message->root, "params");
    const char *name = tl_json_get_text(params, "name"), *uri = tl_json_get_text(params, "uri");
    const char *version = tl_json_get_text(tl_json_get(params, "_meta"), META "protocolVersion"), *named = name ? name : uri;
    size_t count = 0;
    if (!has_breaks(version))
        headers[count++] = tl_arena_printf(message->arena, "MCP-Protocol-Version: %s", version);
    if (!has_breaks(message->method))
        headers[count++] = tl_arena_printf(message->arena, "Mcp-Method: %s", message->method);
    if (named)
        headers[count++] = tl_arena_printf(message->arena, "Mcp-Name: %s", base64(message->arena, named));
    return count;
}

static const char *const *make_headers(struct message *message)
{
    struct bridge *bridge = message->bridge;
    const char **headers = TL_NEW_ARRAY(message->arena, const char *, HEADERS_MAX);
    size_t count = 0;
    headers[count++] = bridge->authorization;
    headers[count++] = "Content-Type: application/json";
    headers[count++] = "Accept: application/json, text/event-stream";
    if (message->modern)
        modern_headers(message, headers + count);
    pthread_mutex_lock(&bridge->lock);
    if (!message->modern && bridge->session[0]) {
        headers[count++] = tl_arena_printf(message->arena, "Mcp-Session-Id: %s", bridge->session);
        headers[count++] = tl_arena_printf(message->arena, "MCP-Protocol-Version: %s", bridge->version);
    }
    pthread_mutex_unlock(&bridge->lock);
    return headers;
}

static bool is_cancelled(void *context)
{
    return atomic_load(&((struct message *)context)->cancelled);
}

static void take_session(struct message *message, const struct tl_http_response *head, struct tl_str body)
{
    struct bridge *bridge = message->bridge;
    const char *session = tl_http_response_header(head, "mcp-session-id");
    const tl_json *answer;
    struct tl_err ignored;
    tl_err_init(&ignored);
    if (!session || strlen(session) >= SESSION_SIZE || tl_json_parse(message->arena, body.data, body.size, &answer, &ignored) != TL_OK)
        return;
    const char *version = tl_json_get_text(tl_json_get(answer, "result"), "protocolVersion");
    if (!version || strlen(version) >= SESSION_SIZE)
        return;
    pthread_mutex_lock(&bridge->lock);
    memcpy(bridge->session, session, strlen(session) + 1);
    memcpy(bridge->version, version, strlen(version) + 1);
    pthread_mutex_unlock(&bridge->lock);
}

/* What a refusal says, as an error of the protocol. */
static void pass_refusal(struct message *message, int status, struct tl_str body)
{
    const tl_json *problem = NULL;
    struct tl_err ignored;
    tl_err_init(&ignored);
    bool read = tl_json_parse(message->arena, body.data, body.size, &problem, &ignored) == TL_OK;
    if (read && tl_json_get_text(problem, "jsonrpc")) {
        write_line(message->bridge, body);
        return;
    }
    const char *text = tl_json_get_text(problem, "message"), *hint = tl_json_get_text(problem, "hint");
    write_failure(message, -32603,
                  text ? tl_arena_printf(message->arena, "%s%s%s", text, hint ? "; " : "", hint ? hint : "")
                       : tl_arena_printf(message->arena, "the server answered with status %d", status));
}

static enum tl_code pass_events(struct message *message, tl_http_stream *stream, struct tl_err *err)
{
    struct tl_sse sse;
    struct tl_str bytes = TL_STR(" ");
    enum tl_code code = TL_OK;
    tl_sse_init(&sse, ANSWER_MAX);
    while (code == TL_OK && bytes.size > 0) {
        struct tl_sse_event event;
        bool found = true;
        code = tl_http_stream_read(stream, &bytes, err);
        tl_sse_feed(&sse, bytes);
        while (code == TL_OK && found) {
            code = tl_sse_next(&sse, &event, &found, err);
            if (code == TL_OK && found)
                write_line(message->bridge, event.data);
        }
    }
    tl_sse_done(&sse);
    return code;
}

static enum tl_code pass_body(struct message *message, tl_http_stream *stream, const struct tl_http_response *head, struct tl_err *err)
{
    struct tl_buf body;
    struct tl_str bytes = TL_STR(" ");
    tl_buf_init(&body, ANSWER_MAX);
    while (err->code == TL_OK && bytes.size > 0 && tl_http_stream_read(stream, &bytes, err) == TL_OK)
        tl_buf_add(&body, bytes.data, bytes.size);
    struct tl_str whole = {tl_buf_cstr(&body), body.size};
    if (err->code == TL_OK && body.failed)
        tl_err_set(err, TL_TOO_LARGE, "the answer is longer than %d bytes", ANSWER_MAX);
    if (err->code == TL_OK && head->status >= 400) {
        pass_refusal(message, head->status, whole);
    } else if (err->code == TL_OK && whole.size) {
        take_session(message, head, whole);
        write_line(message->bridge, whole);
    }
    tl_buf_done(&body);
    return err->code;
}

static void pass(struct message *message)
{
    struct tl_err err;
    struct tl_http_response head;
    tl_http_stream *stream;
    const struct tl_http_request request = {
        .method = "POST",
        .url = message->bridge->url,
        .headers = make_headers(message),
        .body = message->line,
        .stop = is_cancelled,
        .stop_context = message,
    };
    tl_err_init(&err);
    if (tl_http_stream_open(message->bridge->http, message->arena, &request, &stream, &head, &err) == TL_OK) {
        const char *type = tl_http_response_header(&head, "content-type");
        bool events = type && strncmp(type, "text/event-stream", sizeof "text/event-stream" - 1) == 0;
        enum tl_code code = events ? pass_events(message, stream, &err) : pass_body(message, stream, &head, &err);
        tl_http_stream_close(stream);
        if (code == TL_OK)
            return;
    }
    if (message->id && !is_cancelled(message))
        write_failure(message, -32603, err.message);
}

/* ---- messages at a time ---- */

static void end_message(struct message *message)
{
    struct bridge *bridge = message->bridge;
    pthread_mutex_lock(&bridge->lock);
    struct message **at = &bridge->first;
    while (*at != message)
        at = &(*at)->next;
    *at = message->next;
    bridge->running--;
    pthread_cond_broadcast(&bridge->changed);
    pthread_mutex_unlock(&bridge->lock);
    tl_arena_free(message->arena);
    free(message);
}

static void *pass_and_end(void *context)
{
    pass(context);
    end_message(context);
    return NULL;
}

static const char *text_of(tl_arena *arena, const tl_json *value)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, LINE_MAX_BYTES);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, value);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

/* In 2026-07-28 hanging up is what cancels: the message itself is for us. */
static bool cancel(struct message *message)
{
    struct bridge *bridge = message->bridge;
    const tl_json *id = tl_json_get(tl_json_get(message->root, "params"), "requestId");
    bool found = false;
    if (!id || !tl_streq(message->method, "notifications/cancelled"))
        return false;
    const char *text = text_of(message->arena, id);
    pthread_mutex_lock(&bridge->lock);
    for (struct message *running = bridge->first; running; running = running->next)
        if (running->modern && tl_streq(running->id_text, text)) {
            atomic_store(&running->cancelled, true);
            found = true;
        }
    pthread_mutex_unlock(&bridge->lock);
    return found;
}

static struct message *read_message(struct bridge *bridge, const char *line, size_t size)
{
    struct message *message = tl_heap_alloc(sizeof *message);
    struct tl_err err;
    tl_err_init(&err);
    message->bridge = bridge;
    message->arena = tl_arena_new(ARENA_MAX);
    message->line = (struct tl_str){tl_arena_strndup(message->arena, line, size), size};
    if (tl_json_parse(message->arena, line, size, &message->root, &err) == TL_OK) {
        message->method = tl_json_get_text(message->root, "method");
        message->id = tl_json_get(message->root, "id");
        message->id_text = message->id ? text_of(message->arena, message->id) : NULL;
        message->modern = message->method && tl_json_get_text(tl_json_get(tl_json_get(message->root, "params"), "_meta"), META "protocolVersion");
    }
    pthread_mutex_lock(&bridge->lock);
    while (bridge->running >= AT_ONCE_MAX)
        pthread_cond_wait(&bridge->changed, &bridge->lock);
    bridge->running++;
    message->next = bridge->first;
    bridge->first = message;
    pthread_mutex_unlock(&bridge->lock);
    return message;
}

/* One after the other until a session is there, so that it goes with what follows; then requests run beside each other. */
static void take_line(struct bridge *bridge, const char *line, size_t size)
{
    struct message *message = read_message(bridge, line, size);
    pthread_t thread;
    if (!message->root) {
        write_failure(message, -32700, "Parse error");
        end_message(message);
    } else if (cancel(message)) {
        end_message(message);
    } else if (message->id && !tl_streq(message->method, "initialize") && pthread_create(&thread, NULL, pass_and_end, message) == 0) {
        pthread_detach(thread);
    } else {
        pass_and_end(message);
    }
}

static void end_session(struct bridge *bridge)
{
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    struct tl_http_response response;
    struct tl_err ignored;
    const char *const headers[] = {bridge->authorization, tl_arena_printf(arena, "Mcp-Session-Id: %s", bridge->session), NULL};
    const struct tl_http_request request = {.method = "DELETE", .url = bridge->url, .headers = headers};
    tl_err_init(&ignored);
    if (bridge->session[0] && tl_http_call(bridge->http, arena, &request, &response, &ignored) != TL_OK)
        fprintf(stderr, "townlake: the session could not be ended: %s\n", ignored.message);
    tl_arena_free(arena);
}

/* A line that is too long is refused as a whole. */
static void read_lines(struct bridge *bridge)
{
    struct tl_buf line;
    int c;
    tl_buf_init(&line, LINE_MAX_BYTES);
    while ((c = getc_unlocked(stdin)) != EOF) {
        if (c != '\n' && c != '\r') {
            tl_buf_addc(&line, (char)c);
            continue;
        }
        if (line.failed)
            take_line(bridge, "", 0);
        else if (line.size > 0)
            take_line(bridge, line.data, line.size);
        tl_buf_clear(&line);
    }
    tl_buf_done(&line);
}

static void run(struct bridge *bridge)
{
    read_lines(bridge);
    pthread_mutex_lock(&bridge->lock);
    while (bridge->running > 0)
        pthread_cond_wait(&bridge->changed, &bridge->lock);
    pthread_mutex_unlock(&bridge->lock);
    end_session(bridge);
}

int tl_cli_mcp(int argc, char **argv)
{
    struct tl_cli_option options[TL_CLI_OPTIONS_MAX];
    int option_count = 0, positional_count = 0;
    int status = tl_cli_parse("mcp", argc, argv, options, &option_count, TL_CLI_OPTIONS_MAX, NULL, &positional_count, 0);
    if (status >= 0)
        return status;
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    const char *token = tl_cli_option(options, option_count, "--token", NULL), *user = getenv("USER");
    struct bridge bridge = {
        .http = tl_http_client_new(AT_ONCE_MAX + 1),
        .url = tl_arena_printf(arena, "%s/mcp%s", tl_cli_option(options, option_count, "--url", "http://127.0.0.1:8080"),
                               tl_cli_flag(options, option_count, "--flat") ? "?tools=flat" : ""),
        .authorization = token ? tl_arena_printf(arena, "Authorization: Bearer %s", token)
                               : tl_arena_printf(arena, "X-Trino-User: %s", user && *user ? user : "townlake"),
    };
    pthread_mutex_init(&bridge.lock, NULL);
    pthread_cond_init(&bridge.changed, NULL);
    run(&bridge);
    pthread_cond_destroy(&bridge.changed);
    pthread_mutex_destroy(&bridge.lock);
    tl_http_client_free(bridge.http);
    tl_arena_free(arena);
    return 0;
}
