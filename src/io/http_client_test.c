/* The client against our own server, and against servers that break in every way a network can. */
#include "io/http_test.h"

static tl_http_client *client;
static tl_arena *arena;
static char url[256];

static int client_setup(void **state)
{
    client = tl_http_client_new(4);
    arena = tl_arena_new(64U << 20);
    return service_setup(state);
}

static int client_teardown(void **state)
{
    tl_arena_free(arena);
    tl_http_client_free(client);
    return service_teardown(state);
}

static const char *url_of(const char *path)
{
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    return url;
}

/* ---- a server that says exactly what the test wants ---- */

struct script {
    const char *answer;
    size_t size; /* 0: strlen(answer) */
    bool holds;  /* keeps the connection open after the answer until the client closes it */
    int listening;
    int port;
    pthread_t thread;
    char request[8192];
};

static void read_request(int fd, char *request, size_t size)
{
    size_t used = 0;
    ssize_t got;
    while (used + 1 < size && !strstr(request, "\r\n\r\n") && (got = recv(fd, request + used, size - 1 - used, 0)) > 0)
        used += (size_t)got;
}

static void *script_main(void *context)
{
    struct script *script = context;
    int fd = accept(script->listening, NULL, NULL);
    read_request(fd, script->request, sizeof script->request);
    size_t size = script->size ? script->size : strlen(script->answer);
    struct tl_err ignored;
    tl_err_init(&ignored);
    if (tl_fd_write_full(fd, script->answer, size, &ignored) == TL_OK && script->holds) {
        char byte;
        while (recv(fd, &byte, 1, 0) > 0)
            continue;
    }
    close(fd);
    return NULL;
}

static void script_start(struct script *script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    script->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(script->listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(script->listening, 8), 0);
    getsockname(script->listening, (struct sockaddr *)&address, &size);
    script->port = ntohs(address.sin_port);
    snprintf(url, sizeof url, "http://user:sesame@127.0.0.1:%d/", script->port);
    pthread_create(&script->thread, NULL, script_main, script);
}

static void script_end(struct script *script)
{
    pthread_join(script->thread, NULL);
    close(script->listening);
}

/* ---- whole answers ---- */

static void test_a_call_sends_what_it_was_given(void **state)
{
    (void)state;
    struct script script = {.answer = "HTTP/1.1 207 Odd\r\nX-One:  a b \r\nX-TWO: \r\nContent-Length: 2\r\n\r\nok"};
    script_start(&script);
    char plain[64];
    snprintf(plain, sizeof plain, "http://127.0.0.1:%d/p?q=1", script.port);
    const char *const headers[] = {"X-Mine: yes", NULL};
    struct tl_http_request request = {.method = "PATCH",
                                      .url = plain,
                                      .headers = headers,
                                      .body = TL_STR("x\0y"),
                                      .user = "ann",
                                      .password = "sesame"};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
    script_end(&script);
    assert_int_equal(response.status, 207);
    assert_int_equal(response.body.size, 2);
    assert_memory_equal(response.body.data, "ok", 2);
    assert_string_equal(tl_http_response_header(&response, "x-one"), "a b");
    assert_string_equal(tl_http_response_header(&response, "x-two"), "");
    assert_null(tl_http_response_header(&response, "x-three"));
    assert_int_equal(strncmp(script.request, "PATCH /p?q=1 HTTP/1.1\r\n", 23), 0);
    assert_non_null(strstr(script.request, "Authorization: Basic YW5uOnNlc2FtZQ==\r\n"));
    assert_non_null(strstr(script.request, "X-Mine: yes\r\n"));
    assert_non_null(strstr(script.request, "Content-Length: 3\r\n"));
    assert_null(strstr(script.request, "Content-Type"));
    assert_null(strstr(script.request, "Expect"));
}

static void test_any_status_is_an_answer(void **state)
{
    (void)state;
    struct tl_http_request request = {.url = url_of("/error")};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
    assert_int_equal(response.status, 404);
    assert_string_equal(tl_http_response_header(&response, "content-type"), "application/problem+json");
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    struct script script = {.answer =
                                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"};
    script_start(&script);
    struct tl_http_request request = {.url = url};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
    assert_int_equal(response.status, 302);
    script_end(&script);
}

static void test_the_environment_has_no_say(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    struct tl_http_request request = {.method = "POST", .url = url_of("/echo"), .body = TL_STR("direct")};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
    assert_memory_equal(response.body.data, "direct", 6);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void test_methods_reach_the_server(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct tl_http_request request = {.method = methods[i], .url = url_of("/echo")};
        struct tl_http_response response;
        assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
        assert_string_equal(tl_http_response_header(&response, "x-method"), methods[i]);
        assert_int_equal(response.body.size, 0);
    }
    struct tl_http_request request = {.method = "HEAD", .url = url_of("/plain")};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
    assert_string_equal(tl_http_response_header(&response, "content-length"), "50000");
}

static void test_connections_are_used_again(void **state)
{
    (void)state;
    char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    struct script script = {.answer = text, .holds = true};
    script_start(&script);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", script.port);
    struct tl_http_request request = {.url = url, .deadline_us = tl_clock_monotonic_us() + 300000};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
    /* The script answers once a connection: that the second call waits in vain shows that it used the first one's. */
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_TIME_EXCEEDED);
    script_end(&script); /* it ends because the timed-out connection was dropped */
}

static void test_a_connection_that_the_server_closed_is_replaced(void **state)
{
    (void)state;
    service_restart(&(struct tl_http_limits){.idle_timeout_seconds = 1});
    struct tl_http_request request = {.method = "POST", .url = url_of("/echo"), .body = TL_STR("again")};
    struct tl_http_response response;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
        assert_int_equal(response.body.size, 5);
        usleep(i == 0 ? 2500000 : 0);
    }
}

static void test_a_call_is_bounded(void **state)
{
    (void)state;
    struct tl_http_request request = {.url = url_of("/stream"), .response_bytes_max = 20 * 10007};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
    assert_int_equal(response.body.size, 20 * 10007);
    request.response_bytes_max--;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_TOO_LARGE);
    tl_err_init(&err);
    request.url = url_of("/flood"); /* 64 MiB: exactly the default bound */
    request.response_bytes_max = 0;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_OK);
    assert_int_equal(response.body.size, 64 << 20);
}

/* ---- streamed answers ---- */

static void assert_bytes(const char *data, size_t size, size_t from)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)data[i] != (from + i) % 251)
            fail_msg("byte %zu is wrong", from + i);
}

/* every other read goes straight into memory of ours */
static void test_a_stream_is_read_into_memory_of_the_caller(void **state)
{
    (void)state;
    static char room[TL_HTTP_READ_ROOM];
    struct tl_http_request request = {.url = url_of("/flood")};
    struct tl_http_response head;
    tl_http_stream *stream;
    assert_int_equal(tl_http_stream_open(client, arena, &request, &stream, &head, &err), TL_OK);
    size_t all = 0, size = 1;
    struct tl_str bytes;
    for (int i = 0; size > 0; i++) {
        if (i % 2) {
            assert_int_equal(tl_http_stream_read(stream, &bytes, &err), TL_OK);
            assert_bytes(bytes.data, size = bytes.size, all);
        } else {
            assert_int_equal(tl_http_stream_read_into(stream, room, sizeof room, &size, &err), TL_OK);
            assert_bytes(room, size, all);
        }
        all += size;
    }
    assert_int_equal(all, 64 << 20);
    assert_int_equal(tl_http_stream_read_into(stream, room, sizeof room, &size, &err), TL_OK);
    assert_int_equal(size, 0);
    tl_http_stream_close(stream);
}

static void assert_stream(const char *path, size_t wanted)
{
    struct tl_http_request request = {.url = url_of(path)};
    struct tl_http_response head;
    tl_http_stream *stream;
    if (tl_http_stream_open(client, arena, &request, &stream, &head, &err) != TL_OK)
        fail_msg("%s", err.message);
    assert_int_equal(head.status, 200);
    assert_string_equal(tl_http_response_header(&head, "content-type"), "application/octet-stream");
    size_t size = 0;
    struct tl_str bytes;
    do {
        assert_int_equal(tl_http_stream_read(stream, &bytes, &err), TL_OK);
        assert_bytes(bytes.data, bytes.size, size);
        size += bytes.size;
    } while (bytes.size > 0);
    assert_int_equal(size, wanted);
    assert_int_equal(tl_http_stream_read(stream, &bytes, &err), TL_OK); /* the end stays the end */
    assert_int_equal(bytes.size, 0);
    tl_http_stream_close(stream);
}

static void test_a_stream_is_read_whole(void **state)
{
    (void)state;
    assert_stream("/stream", 20 * 10007);
    assert_stream("/flood", 64 << 20);
    assert_stream("/stream", 20 * 10007);
}

static void test_a_stream_without_a_body_ends_at_once(void **state)
{
    (void)state;
    struct tl_http_request request = {.url = url_of("/echo")};
    struct tl_http_response head;
    tl_http_stream *stream;
    assert_int_equal(tl_http_stream_open(client, arena, &request, &stream, &head, &err), TL_OK);
    struct tl_str bytes;
    assert_int_equal(tl_http_stream_read(stream, &bytes, &err), TL_OK);
    assert_int_equal(bytes.size, 0);
    tl_http_stream_close(stream);
}

static void test_a_stream_that_is_closed_early_drops_its_connection(void **state)
{
    (void)state;
    struct tl_http_request request = {.url = url_of("/flood")};
    struct tl_http_response head;
    tl_http_stream *stream;
    struct tl_str bytes;
    assert_int_equal(tl_http_stream_open(client, arena, &request, &stream, &head, &err), TL_OK);
    assert_int_equal(tl_http_stream_read(stream, &bytes, &err), TL_OK);
    assert_true(bytes.size > 0);
    tl_http_stream_close(stream);
    assert_int_equal(service_await_writer(), 2);
    assert_stream("/stream", 20 * 10007);
}

static void test_a_slow_reader_is_waited_for(void **state)
{
    (void)state;
    struct tl_http_request request = {.url = url_of("/flood")};
    struct tl_http_response head;
    tl_http_stream *stream;
    struct tl_str bytes;
    assert_int_equal(tl_http_stream_open(client, arena, &request, &stream, &head, &err), TL_OK);
    usleep(300000);
    assert_int_equal(atomic_load(&writer_saw), 0); /* the server could not push 64 MiB into us */
    size_t size = 0;
    do {
        assert_int_equal(tl_http_stream_read(stream, &bytes, &err), TL_OK);
        assert_true(bytes.size <= 128 * 1024);
        size += bytes.size;
    } while (bytes.size > 0);
    assert_int_equal(size, 64 << 20);
    tl_http_stream_close(stream);
}

/* ---- stop, deadline, pool ---- */

static bool stop_at_third(void *context)
{
    return ++*(int *)context >= 3;
}

static void test_a_call_is_cancelled_within_a_moment(void **state)
{
    (void)state;
    int asked = 0;
    struct tl_http_request request = {.url = url_of("/gate"), .stop = stop_at_third, .stop_context = &asked};
    struct tl_http_response response;
    int64_t start_us = tl_clock_monotonic_us();
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_CANCELLED);
    assert_in_range(tl_clock_monotonic_us() - start_us, 50000, 2000000);
    gate_await(&gate, 1); /* it had got through */
}

static void test_a_deadline_ends_a_call_and_a_stream(void **state)
{
    (void)state;
    struct tl_http_request request = {.url = url_of("/gate"), .deadline_us = tl_clock_monotonic_us() + 150000};
    struct tl_http_response response;
    int64_t start_us = tl_clock_monotonic_us();
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_TIME_EXCEEDED);
    assert_in_range(tl_clock_monotonic_us() - start_us, 100000, 2000000);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "the HTTP server \"127.0.0.1:%d\" did not answer in time", port);
    assert_string_equal(err.message, wanted);

    struct script script = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .holds = true};
    script_start(&script);
    tl_err_init(&err);
    request = (struct tl_http_request){.url = url, .deadline_us = tl_clock_monotonic_us() + 500000};
    tl_http_stream *stream;
    struct tl_str bytes;
    assert_int_equal(tl_http_stream_open(client, arena, &request, &stream, &response, &err), TL_OK);
    assert_int_equal(tl_http_stream_read(stream, &bytes, &err), TL_OK);
    assert_int_equal(bytes.size, 4);
    assert_int_equal(tl_http_stream_read(stream, &bytes, &err), TL_TIME_EXCEEDED);
    tl_http_stream_close(stream);
    script_end(&script);
}

static void test_a_call_waits_for_a_free_connection(void **state)
{
    (void)state;
    tl_http_stream *streams[4];
    struct tl_http_response head;
    struct tl_http_request request = {.url = url_of("/flood")};
    for (int i = 0; i < 4; i++)
        assert_int_equal(tl_http_stream_open(client, arena, &request, &streams[i], &head, &err), TL_OK);
    struct tl_http_request echo = {.url = url_of("/echo"), .deadline_us = tl_clock_monotonic_us() + 200000};
    assert_int_equal(tl_http_call(client, arena, &echo, &head, &err), TL_TIME_EXCEEDED);
    tl_err_init(&err);
    tl_http_stream_close(streams[0]);
    echo.deadline_us = 0;
    assert_int_equal(tl_http_call(client, arena, &echo, &head, &err), TL_OK);
    for (int i = 1; i < 4; i++)
        tl_http_stream_close(streams[i]);
}

static void *call_many(void *context)
{
    tl_arena *own = tl_arena_new(64U << 20);
    struct tl_err problem;
    tl_err_init(&problem);
    char body[32], own_url[64];
    snprintf(own_url, sizeof own_url, "http://127.0.0.1:%d/echo", port);
    bool right = true;
    for (int i = 0; i < 50 && right; i++) {
        int size = snprintf(body, sizeof body, "%p %d", (void *)own, i);
        struct tl_http_request request = {.method = "POST", .url = own_url, .body = {body, (size_t)size}};
        struct tl_http_response response;
        right = tl_http_call(client, own, &request, &response, &problem) == TL_OK &&
                response.body.size == (size_t)size && memcmp(response.body.data, body, (size_t)size) == 0;
        tl_arena_reset(own);
    }
    tl_arena_free(own);
    return right ? NULL : context;
}

static void test_threads_share_a_client(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    pthread_t threads[COUNT];
    for (int i = 0; i < COUNT; i++)
        pthread_create(&threads[i], NULL, call_many, client);
    for (int i = 0; i < COUNT; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
}

/* ---- broken servers ---- */

static void assert_no_secret(void)
{
    assert_null(strstr(err.message, "sesame"));
    assert_null(strstr(err.detail, "sesame"));
    assert_null(strstr(err.hint, "sesame"));
}

/* The whole and the streamed way must agree on what is wrong. */
static void assert_broken(const char *answer, size_t size, enum tl_code wanted)
{
    for (int streamed = 0; streamed < 2; streamed++) {
        struct script script = {.answer = answer, .size = size};
        script_start(&script);
        tl_err_init(&err);
        struct tl_http_request request = {.url = url, .deadline_us = tl_clock_monotonic_us() + 5000000};
        struct tl_http_response response;
        tl_http_stream *stream = NULL;
        enum tl_code code;
        if (streamed) {
            struct tl_str bytes = {.size = 1};
            code = tl_http_stream_open(client, arena, &request, &stream, &response, &err);
            while (code == TL_OK && bytes.size > 0)
                code = tl_http_stream_read(stream, &bytes, &err);
            tl_http_stream_close(stream);
        } else {
            code = tl_http_call(client, arena, &request, &response, &err);
        }
        script_end(&script);
        if (code != wanted)
            fail_msg("\"%.40s\" gave %s (%s), wanted %s", answer, tl_code_info(code)->name, err.message,
                     tl_code_info(wanted)->name);
        assert_int_equal(err.code, wanted);
        assert_no_secret();
    }
}

static void test_an_answer_that_is_cut_off_is_an_error(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        assert_broken(answers[i], 0, TL_SOURCE_UNAVAILABLE);
}

static void test_garbage_is_not_taken_for_an_answer(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "\x00\x00\x00\x2e\x0a binary",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/9.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    };
    static const size_t sizes[] = {0, 12};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        assert_broken(answers[i], i < 2 ? sizes[i] : 0, TL_SOURCE_PROTOCOL);
}

static void test_endless_headers_are_refused(void **state)
{
    (void)state;
    enum { LINES = 2000 };
    struct tl_buf buf;
    tl_buf_init(&buf, 1U << 20);
    tl_buf_adds(&buf, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < LINES; i++)
        tl_buf_addf(&buf, "X-%d: y\r\n", i);
    tl_buf_adds(&buf, "Content-Length: 0\r\n\r\n");
    assert_broken(tl_buf_cstr(&buf), 0, TL_SOURCE_PROTOCOL);
    tl_buf_done(&buf);
}

static void test_a_server_that_is_not_there_is_named(void **state)
{
    (void)state;
    int closed_port = port;
    server = tl_http_server_stop(server, 1000);
    snprintf(url, sizeof url, "http://ann:sesame@127.0.0.1:%d/", closed_port);
    struct tl_http_request request = {.url = url};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_SOURCE_UNAVAILABLE);
    char wanted[128];
    snprintf(wanted, sizeof wanted, "could not connect to the HTTP server \"127.0.0.1:%d\"", closed_port);
    assert_string_equal(err.message, wanted);
    assert_string_not_equal(err.hint, "");
    assert_no_secret();
    tl_err_init(&err);
    request.url = "http://no-such-host.invalid/";
    request.deadline_us = tl_clock_monotonic_us() + 10000000;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "\"no-such-host.invalid:80\""));
}

static void test_a_connection_that_is_never_taken_times_out(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fillers[8];
    assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listening, 0), 0);
    getsockname(listening, (struct sockaddr *)&address, &size);
    for (int i = 0; i < 8; i++) { /* fill the backlog */
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int ignored = connect(fillers[i], (struct sockaddr *)&address, size);
        (void)ignored;
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    struct tl_http_request request = {.url = url, .connect_timeout_ms = 200};
    struct tl_http_response response;
    assert_int_equal(tl_http_call(client, arena, &request, &response, &err), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "did not take the connection within 200 ms"));
    for (int i = 0; i < 8; i++)
        close(fillers[i]);
    close(listening);
}

static void test_a_bad_url_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {"",        "ftp://127.0.0.1/", "file:///etc/passwd",
                                       "http://", "http://[::1",      "http://a:99999/",
                                       "x:y@z"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct tl_http_request request = {.url = urls[i]};
        struct tl_http_response response;
        tl_err_init(&err);
        if (tl_http_call(client, arena, &request, &response, &err) != TL_INVALID_ARGUMENT)
            fail_msg("\"%s\": %s", urls[i], err.message);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_sends_what_it_was_given),
        TEST(test_any_status_is_an_answer),
        TEST(test_redirects_are_not_followed),
        TEST(test_the_environment_has_no_say),
        TEST(test_methods_reach_the_server),
        TEST(test_connections_are_used_again),
        TEST(test_a_connection_that_the_server_closed_is_replaced),
        TEST(test_a_call_is_bounded),
        TEST(test_a_stream_is_read_whole),
        TEST(test_a_stream_is_read_into_memory_of_the_caller),
        TEST(test_a_stream_without_a_body_ends_at_once),
        TEST(test_a_stream_that_is_closed_early_drops_its_connection),
        TEST(test_a_slow_reader_is_waited_for),
        TEST(test_a_call_is_cancelled_within_a_moment),
        TEST(test_a_deadline_ends_a_call_and_a_stream),
        TEST(test_a_call_waits_for_a_free_connection),
        TEST(test_threads_share_a_client),
        TEST(test_an_answer_that_is_cut_off_is_an_error),
        TEST(test_garbage_is_not_taken_for_an_answer),
        TEST(test_endless_headers_are_refused),
        TEST(test_a_server_that_is_not_there_is_named),
        TEST(test_a_connection_that_is_never_taken_times_out),
        TEST(test_a_bad_url_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
