#include "io/http_test.h"

#include <stdatomic.h>
#include <zlib.h>

enum { BODY_MAX = 100000 };

static tl_http_server *server;
static int port;
static struct tl_err err;
static struct gate gate = GATE_INITIALIZER;
static atomic_int handled;
static atomic_int writer_saw; /* 1: the client was there to the end, 2: it had gone */

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

static void start(const struct tl_http_limits *limits)
{
    if (tl_http_server_start("127.0.0.1", 0, limits, handle, &handled, &server, &err) != TL_OK)
        fail_msg("%s", err.message);
    port = tl_http_server_port(server);
}

static int start_server(void **state)
{
    (void)state;
    tl_err_init(&err);
    gate_set(&gate, false);
    atomic_store(&writer_saw, 0);
    start(&(struct tl_http_limits){.body_bytes_max = BODY_MAX, .idle_timeout_seconds = 30});
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    gate_set(&gate, true);
    server = tl_http_server_stop(server, 5000);
    return 0;
}

static void restart(const struct tl_http_limits *limits)
{
    tl_http_server_stop(server, 5000);
    start(limits);
}

static int await_writer(void)
{
    for (int i = 0; i < 1000 && !atomic_load(&writer_saw); i++)
        usleep(10000);
    return atomic_load(&writer_saw);
}

static void assert_alive(void)
{
    struct reply reply;
    ask(port, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nalive", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(tl_buf_cstr(&reply.body), "alive");
    reply_done(&reply);
}

/* ---- requests ---- */

static void test_a_request_is_read_as_it_was_sent(void **state)
{
    (void)state;
    struct reply reply;
    ask(port,
        "GET /facts/a%20b%2Fc?a=1&b+c=%C3%A9+x&empty=&bare&bad=%zz&nul=%00 HTTP/1.1\r\nHost: x\r\nX-Twice: one\r\nx-twice: two\r\n\r\n",
        &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(tl_buf_cstr(&reply.body), "path=/facts/a%20b%2Fc\na=1\nb c=\xC3\xA9 x\nempty=\nbare=\nbad=(null)\nnul=(null)\n"
                                                  "none=(null)\ntwice=one,two none=(null) loopback=1");
    reply_done(&reply);
}

static void test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    struct reply reply;
    for (int i = 0; i < 3; i++) {
        wire_say(wire, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        wire_read(wire, true, &reply);
        assert_int_equal(reply.status, 200);
        assert_null(reply_header(&reply, "Connection"));
        reply_done(&reply);
    }
    wire_say(wire, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\noneGET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
                   "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ntwo");
    wire_read(wire, true, &reply);
    assert_string_equal(tl_buf_cstr(&reply.body), "one");
    reply_done(&reply);
    wire_read(wire, true, &reply);
    assert_int_equal(reply.body.size, 20 * 10007);
    reply_done(&reply);
    wire_read(wire, true, &reply);
    assert_string_equal(tl_buf_cstr(&reply.body), "two");
    reply_done(&reply);
    wire_close(wire);
}

static void test_an_old_client_gets_an_answer_and_the_connection_closes(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    struct reply reply;
    wire_say(wire, "GET /stream HTTP/1.0\r\n\r\n");
    wire_read(wire, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_null(reply_header(&reply, "Transfer-Encoding"));
    assert_int_equal(reply.body.size, 20 * 10007);
    reply_done(&reply);
    wire_close(wire);
}

static void test_a_chunked_body_is_joined(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    struct reply reply;
    wire_say(wire, "PUT /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n");
    usleep(20000);
    wire_say(wire, "6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n");
    wire_read(wire, true, &reply);
    assert_string_equal(tl_buf_cstr(&reply.body), "Wikipedia in \r\n\r\nchunks.");
    assert_string_equal(reply_header(&reply, "X-Method"), "PUT");
    reply_done(&reply);
    wire_close(wire);
}

static void test_a_body_of_the_greatest_size_arrives_whole(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    char head[128], *body = tl_heap_alloc(BODY_MAX);
    for (int i = 0; i < BODY_MAX; i++)
        body[i] = (char)(i * 31);
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BODY_MAX);
    wire_say(wire, head);
    wire_send(wire, body, BODY_MAX);
    struct reply reply;
    wire_read(wire, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.size, BODY_MAX);
    assert_memory_equal(reply.body.data, body, BODY_MAX);
    reply_done(&reply);
    wire_close(wire);
    free(body);
}

static void send_too_much(struct wire *wire, const char *head, size_t size, bool chunked)
{
    char *body = tl_heap_alloc(size);
    wire_say(wire, head);
    if (chunked) {
        char line[32];
        snprintf(line, sizeof line, "%zx\r\n", size);
        wire_say(wire, line);
    }
    wire_send(wire, body, size);
    if (chunked)
        wire_say(wire, "\r\n0\r\n\r\n");
    free(body);
}

static void test_a_body_over_the_limit_is_answered_413_and_the_connection_goes_on(void **state)
{
    (void)state;
    static const char *const heads[] = {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n",
                                        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"};
    int before = atomic_load(&handled);
    struct wire *wire = wire_open(port);
    for (int i = 0; i < 2; i++) {
        struct reply reply;
        send_too_much(wire, heads[i], BODY_MAX + 1, i == 1);
        wire_read(wire, true, &reply);
        assert_int_equal(reply.status, 413);
        assert_string_equal(reply_header(&reply, "Content-Type"), "application/problem+json");
        assert_non_null(strstr(tl_buf_cstr(&reply.body), "{\"code\":\"too_large\",\"message\":\"the body of the request is larger than "
                                                         "100000 bytes\""));
        reply_done(&reply);
    }
    wire_close(wire);
    assert_int_equal(atomic_load(&handled), before);
}

static void test_a_hopelessly_large_body_is_refused_before_it_is_sent(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 100001\r\n\r\n",
    };
    for (int i = 0; i < 2; i++) {
        struct reply reply;
        ask(port, requests[i], &reply);
        assert_int_equal(reply.status, 413);
        reply_done(&reply);
    }
}

static void test_an_endless_chunked_body_is_cut_off(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    wire_say(wire, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    static const char chunk[] = "400\r\n";
    char bytes[1024 + 2 + sizeof chunk - 1];
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, chunk, sizeof chunk - 1);
    memcpy(bytes + sizeof bytes - 2, "\r\n", 2);
    int sent = 0;
    while (sent < 100000 && wire_send(wire, bytes, sizeof bytes))
        sent++;
    assert_true(sent < 100000);
    wire_close(wire);
    assert_alive();
}

static void test_head_is_answered_as_get_without_a_body(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    for (int i = 0; i < 2; i++) {
        struct reply reply;
        wire_say(wire, "HEAD /plain HTTP/1.1\r\nHost: x\r\n\r\n");
        wire_read(wire, false, &reply);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply_header(&reply, "Content-Length"), "50000");
        assert_int_equal(wire->size, 0);
        reply_done(&reply);
    }
    wire_close(wire);
}

static void test_head_of_a_streamed_answer_sends_nothing_of_it(void **state)
{
    (void)state;
    struct reply reply;
    struct wire *wire = wire_open(port);
    wire_say(wire, "HEAD /flood HTTP/1.1\r\nHost: x\r\n\r\n");
    wire_read(wire, false, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply_header(&reply, "Connection"), "close");
    assert_int_equal(await_writer(), 1);
    while (wire_fill(wire))
        continue;
    assert_in_range(wire->size, 0, strlen("0\r\n\r\n"));
    reply_done(&reply);
    wire_close(wire);
}

/* ---- answers ---- */

static void test_a_streamed_answer_arrives_whole(void **state)
{
    (void)state;
    struct reply reply;
    ask(port, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n", &reply);
    assert_string_equal(reply_header(&reply, "Transfer-Encoding"), "chunked");
    assert_true(reply.is_complete);
    assert_int_equal(reply.body.size, 20 * 10007);
    for (size_t i = 0; i < reply.body.size; i++)
        if ((unsigned char)reply.body.data[i] != i % 251)
            fail_msg("byte %zu is wrong", i);
    reply_done(&reply);
}

static void test_what_is_written_is_sent_at_once(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    wire_say(wire, "GET /ticks HTTP/1.1\r\nHost: x\r\n\r\n");
    int64_t first_us = 0, start_us = tl_clock_monotonic_us();
    while (!memmem(wire->bytes, wire->size, "\r\n0\r\n\r\n", 7) && wire_fill(wire))
        if (!first_us && memmem(wire->bytes, wire->size, "tick", 4))
            first_us = tl_clock_monotonic_us() - start_us;
    int64_t all_us = tl_clock_monotonic_us() - start_us;
    assert_true(all_us >= 90000);
    assert_true(first_us < all_us - 45000);
    wire_close(wire);
}

static void test_a_slow_client_slows_the_writer_and_loses_nothing(void **state)
{
    (void)state;
    struct wire *wire = tl_heap_alloc(sizeof *wire);
    wire->fd = wire_socket(port, 4096);
    wire_say(wire, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(300000);
    assert_int_equal(atomic_load(&writer_saw), 0); /* it waits: 64 MiB do not fit into the buffers between us */
    struct reply reply;
    wire_read(wire, true, &reply);
    assert_true(reply.is_complete);
    assert_int_equal(reply.body.size, 64 << 20);
    assert_int_equal(await_writer(), 1);
    reply_done(&reply);
    wire_close(wire);
}

static void test_a_writer_learns_that_the_client_has_gone(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    wire_say(wire, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
    wire_fill(wire);
    wire_close(wire);
    assert_int_equal(await_writer(), 2);
    assert_alive();
}

static void test_a_silent_handler_learns_that_the_client_has_gone(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    wire_say(wire, "GET /until-gone HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(50000);
    assert_int_equal(atomic_load(&writer_saw), 0);
    wire_close(wire);
    assert_int_equal(await_writer(), 2);
    assert_alive();
}

static void test_an_answer_that_was_not_ended_is_seen_as_broken(void **state)
{
    (void)state;
    struct reply reply;
    ask(port, "GET /cut HTTP/1.1\r\nHost: x\r\n\r\n", &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(tl_buf_cstr(&reply.body), "half");
    assert_false(reply.is_complete);
    reply_done(&reply);
    ask(port, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", &reply);
    assert_int_equal(reply.status, 500);
    assert_non_null(strstr(tl_buf_cstr(&reply.body), "\"code\":\"internal\""));
    reply_done(&reply);
}

static void test_an_error_becomes_problem_json(void **state)
{
    (void)state;
    struct reply reply;
    ask(port, "GET /error HTTP/1.1\r\nHost: x\r\n\r\n", &reply);
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply_header(&reply, "Content-Type"), "application/problem+json");
    assert_string_equal(tl_buf_cstr(&reply.body), "{\"code\":\"table_not_found\",\"message\":\"no table \\\"a\\\\b\\\" \\u0001 \\ufffd\","
                                                  "\"detail\":null,\"hint\":\"did you mean \\\"ab\\\"\",\"link\":null,\"position\":14}");
    reply_done(&reply);
}

static void test_the_first_answer_wins_and_headers_cannot_be_split(void **state)
{
    (void)state;
    struct reply reply;
    ask(port, "GET /odd HTTP/1.1\r\nHost: x\r\n\r\n", &reply);
    assert_int_equal(reply.status, 404);
    assert_string_equal(tl_buf_cstr(&reply.body), "first");
    assert_string_equal(reply_header(&reply, "X-Good"), "kept");
    assert_non_null(strstr(reply.head, "X-Good: again"));
    assert_null(strstr(reply.head, "Set-Cookie"));
    reply_done(&reply);
}

static void assert_unpacks(const struct tl_buf *body, size_t size)
{
    z_stream zlib = {.next_in = (Bytef *)body->data, .avail_in = (uInt)body->size};
    unsigned char *text = tl_heap_alloc(size + 1);
    zlib.next_out = text;
    zlib.avail_out = (uInt)size + 1;
    assert_int_equal(inflateInit2(&zlib, 15 + 16), Z_OK);
    assert_int_equal(inflate(&zlib, Z_FINISH), Z_STREAM_END);
    assert_int_equal(zlib.total_out, size);
    assert_int_equal(text[0], 'z');
    assert_int_equal(text[size - 1], 'z');
    inflateEnd(&zlib);
    free(text);
}

static void test_gzip_needs_the_handler_and_the_client(void **state)
{
    (void)state;
    static const struct {
        const char *path, *accept;
        bool is_packed;
    } cases[] = {
        {"/gzip", "Accept-Encoding: deflate, gzip;q=0.5, br\r\n", true}, {"/gzip-stream", "Accept-Encoding: gzip\r\n", true},
        {"/gzip", "Accept-Encoding: *\r\n", true},                       {"/gzip", "Accept-Encoding: gzip;q=0\r\n", false},
        {"/gzip", "Accept-Encoding: xgzip, gzipx\r\n", false},           {"/gzip", "", false},
        {"/gzip-stream", "", false},                                     {"/plain", "Accept-Encoding: gzip\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[256];
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", cases[i].path, cases[i].accept);
        struct reply reply;
        ask(port, request, &reply);
        assert_true(reply.is_complete);
        assert_int_equal(reply_header(&reply, "Content-Encoding") != NULL, cases[i].is_packed);
        assert_int_equal(reply_header(&reply, "Vary") != NULL, strstr(cases[i].path, "gzip") != NULL);
        if (cases[i].is_packed)
            assert_unpacks(&reply.body, 50000);
        else
            assert_int_equal(reply.body.size, 50000);
        reply_done(&reply);
    }
}

/* ---- limits and faults ---- */

static void test_a_full_queue_is_answered_503(void **state)
{
    (void)state;
    restart(&(struct tl_http_limits){.workers = 1, .queue_max = 1});
    struct wire *first = wire_open(port), *second = wire_open(port);
    wire_say(first, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&gate, 1);
    wire_say(second, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(100000);
    struct reply reply;
    ask(port, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", &reply);
    assert_int_equal(reply.status, 503);
    assert_string_equal(reply_header(&reply, "Retry-After"), "1");
    assert_non_null(strstr(tl_buf_cstr(&reply.body), "\"code\":\"too_many_requests\""));
    reply_done(&reply);
    gate_set(&gate, true);
    struct wire *waiting[] = {first, second};
    for (int i = 0; i < 2; i++) {
        wire_read(waiting[i], true, &reply);
        assert_int_equal(reply.status, 200);
        reply_done(&reply);
        wire_close(waiting[i]);
    }
    assert_alive();
}

static void test_handlers_run_at_the_same_time(void **state)
{
    (void)state;
    enum { COUNT = 20 };
    struct wire *wires[COUNT];
    for (int i = 0; i < COUNT; i++) {
        wires[i] = wire_open(port);
        wire_say(wires[i], "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    gate_await(&gate, COUNT);
    assert_alive(); /* although all those handlers block */
    gate_set(&gate, true);
    for (int i = 0; i < COUNT; i++) {
        struct reply reply;
        wire_read(wires[i], true, &reply);
        assert_string_equal(tl_buf_cstr(&reply.body), "passed");
        reply_done(&reply);
        wire_close(wires[i]);
    }
}

static void test_a_client_that_says_nothing_more_is_dropped(void **state)
{
    (void)state;
    static const char *const starts[] = {"GET /ec", "GET /echo HTTP/1.1\r\nHost: x\r\n", "", 
                                         "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"};
    restart(&(struct tl_http_limits){.idle_timeout_seconds = 1});
    struct wire *wires[4];
    for (int i = 0; i < 4; i++) {
        wires[i] = wire_open(port);
        wire_say(wires[i], starts[i]);
    }
    for (int i = 0; i < 4; i++) {
        assert_true(wire_is_at_end(wires[i]));
        wire_close(wires[i]);
    }
    assert_alive();
}

static void test_connections_over_the_limit_do_not_hurt_those_within(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    restart(&(struct tl_http_limits){.connections_max = 20});
    struct wire *wires[COUNT];
    struct reply reply;
    for (int i = 0; i < COUNT; i++)
        wires[i] = wire_open(port);
    int answered = 0;
    for (int i = 0; i < COUNT; i++) {
        struct timeval patience = {.tv_usec = 100000};
        setsockopt(wires[i]->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        wire_say(wires[i], "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        wire_read(wires[i], true, &reply);
        answered += reply.status == 200;
        reply_done(&reply);
    }
    assert_in_range(answered, 1, 20);
    for (int i = 0; i < COUNT; i++)
        wire_close(wires[i]);
    usleep(50000);
    assert_alive();
}

static void test_garbage_is_answered_400_or_dropped(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "\r\n\r\n\r\n",
        "GARBAGE\r\n\r\n",
        "GET\r\n\r\n",
        "GET /echo HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /echo HTTP/1.1\r\n\r\n", /* without Host */
        "GET /echo HTTP/1.1\r\nHost: x\r\nNoColon\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0x10\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 tls hello\r\n\r\n",
    };
    int before = atomic_load(&handled);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct wire *wire = wire_open(port);
        wire_say(wire, requests[i]);
        shutdown(wire->fd, SHUT_WR);
        struct reply reply;
        wire_read(wire, true, &reply);
        if (reply.status != 0 && (reply.status < 400 || reply.status > 599))
            fail_msg("request %zu was answered %d", i, reply.status);
        reply_done(&reply);
        wire_close(wire);
    }
    assert_int_equal(atomic_load(&handled), before);
    assert_alive();
}

static void test_a_header_block_of_16_kib_is_taken_and_a_larger_one_refused(void **state)
{
    (void)state;
    enum { GOOD = 16 * 1024, BAD = 64 * 1024 };
    static char request[BAD + 256];
    int sizes[] = {GOOD, BAD};
    for (int i = 0; i < 2; i++) {
        int used = snprintf(request, sizeof request, "GET /echo HTTP/1.1\r\nHost: x\r\nX-Long: ");
        memset(request + used, 'a', (size_t)sizes[i]);
        snprintf(request + used + sizes[i], sizeof request - (size_t)(used + sizes[i]), "\r\n\r\n");
        struct reply reply;
        ask(port, request, &reply);
        if (i == 0)
            assert_int_equal(reply.status, 200);
        else
            assert_true(reply.status == 0 || reply.status == 431 || reply.status == 413);
        reply_done(&reply);
    }
    assert_alive();
}

static void test_a_port_in_use_names_its_holder(void **state)
{
    (void)state;
    tl_http_server *second = NULL;
    assert_int_equal(tl_http_server_start("127.0.0.1", port, NULL, handle, NULL, &second, &err), TL_IO);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "could not listen on address \"127.0.0.1\" port %d: Address already in use", port);
    assert_string_equal(err.message, wanted);
    snprintf(wanted, sizeof wanted, "process %d (", (int)getpid());
    assert_non_null(strstr(err.hint, wanted));
    assert_null(second);
}

static void test_a_bad_address_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        int port;
    } cases[] = {{"nowhere", 0}, {"127.0.0.1", 70000}, {"127.0.0.1", -1}, {"", 80}, {"203.0.113.7", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_http_server *none = NULL;
        tl_err_init(&err);
        assert_int_not_equal(tl_http_server_start(cases[i].address, cases[i].port, NULL, handle, NULL, &none, &err), TL_OK);
        assert_string_not_equal(err.hint, "");
        assert_null(none);
    }
}

static void *stop_in_thread(void *grace_ms)
{
    server = tl_http_server_stop(server, *(int *)grace_ms);
    return NULL;
}

static void test_stop_lets_running_handlers_finish(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    wire_say(wire, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&gate, 1);
    pthread_t thread;
    int grace_ms = 10000;
    pthread_create(&thread, NULL, stop_in_thread, &grace_ms);
    usleep(100000);
    assert_int_equal(wire_socket(port, 0), -1); /* nobody new gets in */
    gate_set(&gate, true);
    struct reply reply;
    wire_read(wire, true, &reply);
    assert_string_equal(tl_buf_cstr(&reply.body), "passed");
    reply_done(&reply);
    pthread_join(thread, NULL);
    wire_close(wire);
}

static void test_stop_does_not_wait_for_a_stuck_handler(void **state)
{
    (void)state;
    restart(&(struct tl_http_limits){.workers = 1});
    struct wire *running = wire_open(port), *queued = wire_open(port);
    wire_say(running, "GET /gate HTTP/1.1\r\nHost: x\r\n\r\n");
    gate_await(&gate, 1);
    wire_say(queued, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(50000);
    int64_t start_us = tl_clock_monotonic_us();
    server = tl_http_server_stop(server, 100);
    assert_in_range(tl_clock_monotonic_us() - start_us, 100000, 5000000);
    assert_true(wire_is_at_end(running));
    assert_true(wire_is_at_end(queued));
    wire_close(running);
    wire_close(queued);
    gate_set(&gate, true);
    usleep(50000); /* the handler answers into the void, and its worker frees the server */
}

static void test_stop_ends_a_stream_to_a_client_that_does_not_read(void **state)
{
    (void)state;
    struct wire *wire = wire_open(port);
    wire_say(wire, "GET /flood HTTP/1.1\r\nHost: x\r\n\r\n");
    wire_fill(wire);
    server = tl_http_server_stop(server, 100);
    assert_int_equal(await_writer(), 2);
    wire_close(wire);
}

/* ---- many at once ---- */

enum { CLIENTS = 8, REQUESTS = 60 };

static void *client_main(void *number_pointer)
{
    int number = *(int *)number_pointer;
    struct wire *wire = wire_open(port);
    for (int i = 0; i < REQUESTS; i++) {
        char request[256], body[64];
        int size = snprintf(body, sizeof body, "client %d request %d", number, i);
        bool stream = i % 5 == 4;
        snprintf(request, sizeof request, "POST /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s",
                 stream ? "stream" : "echo", size, body);
        struct reply reply;
        if (i % 17 == 16) { /* goes without waiting for its answer */
            wire_say(wire, request);
            wire_close(wire);
            wire = wire_open(port);
        }
        wire_say(wire, request);
        wire_read(wire, true, &reply);
        bool right = reply.status == 200 && (stream ? reply.body.size == 20 * 10007 : tl_streq(tl_buf_cstr(&reply.body), body));
        reply_done(&reply);
        if (!right) {
            wire_close(wire);
            return number_pointer;
        }
    }
    wire_close(wire);
    return NULL;
}

static void test_many_clients_get_their_own_answers(void **state)
{
    (void)state;
    pthread_t threads[CLIENTS];
    int numbers[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, client_main, &numbers[i]);
    }
    for (int i = 0; i < CLIENTS; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
}

static void test_percent_coding_goes_both_ways(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1U << 20);
    struct tl_buf buf;
    tl_buf_init(&buf, 1024);
    tl_http_encode(&buf, "a b/c?\xC3\xA9~-._%");
    assert_string_equal(tl_buf_cstr(&buf), "a%20b%2Fc%3F%C3%A9~-._%25");
    assert_string_equal(tl_http_decode(arena, buf.data, buf.size, false), "a b/c?\xC3\xA9~-._%");
    assert_string_equal(tl_http_decode(arena, "a+b", 3, false), "a+b");
    assert_string_equal(tl_http_decode(arena, "a+b", 3, true), "a b");
    assert_string_equal(tl_http_decode(arena, "%4a%4A", 6, true), "JJ");
    assert_string_equal(tl_http_decode(arena, "%41", 3, true), "A");
    static const char *const bad[] = {"%", "%4", "a%4", "%4g", "%00", "%%20"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_null(tl_http_decode(arena, bad[i], strlen(bad[i]), true));
    assert_null(tl_http_decode(arena, "a\0b", 3, true));
    tl_buf_done(&buf);
    tl_arena_free(arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, stop_server)

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_read_as_it_was_sent),
        TEST(test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order),
        TEST(test_an_old_client_gets_an_answer_and_the_connection_closes),
        TEST(test_a_chunked_body_is_joined),
        TEST(test_a_body_of_the_greatest_size_arrives_whole),
        TEST(test_a_body_over_the_limit_is_answered_413_and_the_connection_goes_on),
        TEST(test_a_hopelessly_large_body_is_refused_before_it_is_sent),
        TEST(test_an_endless_chunked_body_is_cut_off),
        TEST(test_head_is_answered_as_get_without_a_body),
        TEST(test_head_of_a_streamed_answer_sends_nothing_of_it),
        TEST(test_a_streamed_answer_arrives_whole),
        TEST(test_what_is_written_is_sent_at_once),
        TEST(test_a_slow_client_slows_the_writer_and_loses_nothing),
        TEST(test_a_writer_learns_that_the_client_has_gone),
        TEST(test_a_silent_handler_learns_that_the_client_has_gone),
        TEST(test_an_answer_that_was_not_ended_is_seen_as_broken),
        TEST(test_an_error_becomes_problem_json),
        TEST(test_the_first_answer_wins_and_headers_cannot_be_split),
        TEST(test_gzip_needs_the_handler_and_the_client),
        TEST(test_a_full_queue_is_answered_503),
        TEST(test_handlers_run_at_the_same_time),
        TEST(test_a_client_that_says_nothing_more_is_dropped),
        TEST(test_connections_over_the_limit_do_not_hurt_those_within),
        TEST(test_garbage_is_answered_400_or_dropped),
        TEST(test_a_header_block_of_16_kib_is_taken_and_a_larger_one_refused),
        TEST(test_a_port_in_use_names_its_holder),
        TEST(test_a_bad_address_is_refused),
        TEST(test_stop_lets_running_handlers_finish),
        TEST(test_stop_does_not_wait_for_a_stuck_handler),
        TEST(test_stop_ends_a_stream_to_a_client_that_does_not_read),
        TEST(test_many_clients_get_their_own_answers),
        cmocka_unit_test(test_percent_coding_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
