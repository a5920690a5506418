/* The service that the tests of the HTTP server and client talk to. */
#include "io/http_test.h"

enum { SERVICE_IDLE_SECONDS = 30 };

tl_http_server *server;
int port;
struct tl_err err;
struct gate gate = GATE_INITIALIZER;
atomic_int handled;
atomic_int writer_saw;

/* ---- the handler: one small service per path ---- */

static void answer_echo(tl_http_exchange *exchange)
{
    tl_http_set_header(exchange, "X-Method", tl_http_method(exchange));
    const char *kind = tl_http_header(exchange, "Content-Type");
    tl_http_respond(exchange, 200, kind ? kind : "text/plain", tl_http_body(exchange), false);
}

static void answer_facts(tl_http_exchange *exchange)
{
    static const char *const names[] = {"a", "b c", "empty", "bare", "bad", "nul", "none"};
    struct tl_buf buf;
    tl_buf_init(&buf, 65536);
    tl_buf_addf(&buf, "path=%s\n", tl_http_path(exchange));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = tl_http_query_param(exchange, names[i]);
        tl_buf_addf(&buf, "%s=%s\n", names[i], value ? value : "(null)");
    }
    const char *twice = tl_http_header(exchange, "x-twice"), *none = tl_http_header(exchange, "X-None");
    tl_buf_addf(&buf, "twice=%s none=%s loopback=%d", twice ? twice : "(null)", none ? none : "(null)",
                tl_http_peer_is_loopback(exchange));
    struct tl_str body = {tl_arena_strndup(tl_http_arena(exchange), buf.data, buf.size), buf.size};
    tl_buf_done(&buf);
    tl_http_respond(exchange, 200, "text/plain", body, true);
}

static void answer_stream(tl_http_exchange *exchange, size_t piece_size, size_t total)
{
    char *piece = tl_arena_alloc(tl_http_arena(exchange), piece_size);
    tl_http_begin(exchange, 200, "application/octet-stream");
    bool reached = true;
    for (size_t done = 0; done < total && reached; done += piece_size) {
        for (size_t i = 0; i < piece_size; i++)
            piece[i] = (char)((done + i) % 251);
        reached = tl_http_write(exchange, piece, piece_size);
    }
    tl_http_end(exchange);
    atomic_store(&writer_saw, reached ? 1 : 2);
}

static void answer_until_gone(tl_http_exchange *exchange)
{
    for (int i = 0; i < 1000 && !tl_http_client_gone(exchange); i++)
        usleep(10000);
    atomic_store(&writer_saw, tl_http_client_gone(exchange) ? 2 : 1);
    tl_http_respond(exchange, 200, "text/plain", TL_STR("late"), true);
}

static void answer_ticks(tl_http_exchange *exchange)
{
    tl_http_begin(exchange, 200, "text/event-stream");
    for (int i = 0; i < 3; i++) {
        tl_http_write(exchange, "tick\n", 5);
        usleep(30000);
    }
    tl_http_end(exchange);
}

static void answer_error(tl_http_exchange *exchange)
{
    struct tl_err problem;
    tl_err_init(&problem);
    tl_err_set(&problem, TL_TABLE_NOT_FOUND, "no table \"a\\b\" \x01 \xff");
    tl_err_hint(&problem, "did you mean \"ab\"");
    tl_err_position(&problem, 14);
    tl_http_respond_err(exchange, &problem);
}

static void answer_text(tl_http_exchange *exchange, bool allow_gzip, bool stream)
{
    enum { SIZE = 50000 };
    char *text = tl_arena_alloc(tl_http_arena(exchange), SIZE);
    memset(text, 'z', SIZE);
    if (allow_gzip)
        tl_http_allow_gzip(exchange);
    if (stream) {
        tl_http_begin(exchange, 200, "text/plain");
        tl_http_write(exchange, text, SIZE / 2);
        tl_http_write(exchange, text + SIZE / 2, SIZE / 2);
        tl_http_end(exchange);
    } else {
        tl_http_respond(exchange, 200, "text/plain", (struct tl_str){text, SIZE}, true);
    }
}

static void answer_odd(tl_http_exchange *exchange)
{
    tl_http_set_header(exchange, "X-Good", "kept");
    tl_http_set_header(exchange, "X-Good", "again");
    tl_http_set_header(exchange, "X-Bad", "split\r\nSet-Cookie: evil=1");
    tl_http_respond(exchange, 404, NULL, TL_STR("first"), true);
    tl_http_respond(exchange, 200, NULL, TL_STR("second"), true);
    tl_http_begin(exchange, 200, NULL);
    assert_false(tl_http_write(exchange, "third", 5));
    tl_http_end(exchange);
}

static void handle(void *context, tl_http_exchange *exchange)
{
    assert_ptr_equal(context, &handled);
    atomic_fetch_add(&handled, 1);
    const char *path = tl_http_path(exchange);
    if (tl_streq(path, "/echo"))
        answer_echo(exchange);
    else if (tl_str_starts_with(tl_str_of(path), TL_STR("/facts")))
        answer_facts(exchange);
    else if (tl_streq(path, "/stream"))
        answer_stream(exchange, 10007, 20U * 10007);
    else if (tl_streq(path, "/flood"))
        answer_stream(exchange, 65536, 64U << 20);
    else if (tl_streq(path, "/ticks"))
        answer_ticks(exchange);
    else if (tl_streq(path, "/error"))
        answer_error(exchange);
    else if (tl_streq(path, "/until-gone"))
        answer_until_gone(exchange);
    else if (tl_streq(path, "/gzip") || tl_streq(path, "/gzip-stream"))
        answer_text(exchange, true, tl_streq(path, "/gzip-stream"));
    else if (tl_streq(path, "/plain"))
        answer_text(exchange, false, false);
    else if (tl_streq(path, "/odd"))
        answer_odd(exchange);
    else if (tl_streq(path, "/cut"))
        tl_http_begin(exchange, 200, NULL), tl_http_write(exchange, "half", 4);
    else if (tl_streq(path, "/gate"))
        gate_pass(&gate), tl_http_respond(exchange, 200, "text/plain", TL_STR("passed"), true);
    /* any other path: no answer at all */
}

/* ---- setup ---- */

void service_start(const struct tl_http_limits *limits)
{
    if (tl_http_server_start("127.0.0.1", 0, limits, handle, &handled, &server, &err) != TL_OK)
        fail_msg("%s", err.message);
    port = tl_http_server_port(server);
}

int service_setup(void **state)
{
    (void)state;
    tl_err_init(&err);
    gate_set(&gate, false);
    atomic_store(&writer_saw, 0);
    service_start(
        &(struct tl_http_limits){.body_bytes_max = SERVICE_BODY_MAX, .idle_timeout_seconds = SERVICE_IDLE_SECONDS});
    return 0;
}

int service_teardown(void **state)
{
    (void)state;
    gate_set(&gate, true);
    server = tl_http_server_stop(server, 5000);
    return 0;
}

void service_restart(const struct tl_http_limits *limits)
{
    tl_http_server_stop(server, 5000);
    service_start(limits);
}

int service_await_writer(void)
{
    for (int i = 0; i < 1000 && !atomic_load(&writer_saw); i++)
        usleep(10000);
    return atomic_load(&writer_saw);
}

void assert_alive(void)
{
    struct reply reply;
    ask(port, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nalive", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(tl_buf_cstr(&reply.body), "alive");
    reply_done(&reply);
}
