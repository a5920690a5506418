/* Limits, broken clients, stopping, and many at once. */
#include "io/http_test.h"

/* ---- limits and faults ---- */

static void test_a_full_queue_is_answered_503(void **state)
{
    (void)state;
    service_restart(&(struct tl_http_limits){.workers = 1, .queue_max = 1});
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
    service_restart(&(struct tl_http_limits){.idle_timeout_seconds = 1});
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
    service_restart(&(struct tl_http_limits){.connections_max = 20});
    struct wire *wires[COUNT];
    struct reply reply;
    for (int i = 0; i < COUNT; i++)
        wires[i] = wire_open(port);
    int answered = 0;
    for (int i = 0; i < COUNT; i++) {
        wire_patience(wires[i], 100);
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
        wire_patience(wire, 500);
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

static void never_called(void *context, tl_http_exchange *exchange)
{
    (void)context;
    (void)exchange;
    abort();
}

static void test_a_port_in_use_names_its_holder(void **state)
{
    (void)state;
    tl_http_server *second = NULL;
    assert_int_equal(tl_http_server_start("127.0.0.1", port, NULL, never_called, NULL, &second, &err), TL_IO);
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
        assert_int_not_equal(tl_http_server_start(cases[i].address, cases[i].port, NULL, never_called, NULL, &none,
                                                  &err),
                             TL_OK);
        assert_string_not_equal(err.hint, "");
        assert_null(none);
    }
}

static void test_empty_tls_files_are_refused_and_not_taken_for_none(void **state)
{
    (void)state;
    char full[] = "/tmp/tl_http_fault_test.XXXXXX", empty[] = "/tmp/tl_http_fault_test.XXXXXX";
    int full_fd = mkstemp(full), empty_fd = mkstemp(empty);
    assert_true(full_fd >= 0 && empty_fd >= 0);
    assert_int_equal(write(full_fd, "pem", 3), 3);
    close(full_fd);
    close(empty_fd);
    const struct tl_http_limits cases[] = {{.tls_certificate_file = full, .tls_key_file = empty},
                                           {.tls_certificate_file = empty, .tls_key_file = full},
                                           {.tls_certificate_file = empty, .tls_key_file = empty}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_http_server *none = NULL;
        tl_err_init(&err);
        assert_int_equal(tl_http_server_start("127.0.0.1", 0, &cases[i], never_called, NULL, &none, &err), TL_CONFIG);
        assert_non_null(strstr(err.message, empty));
        assert_null(none);
    }
    unlink(full);
    unlink(empty);
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
    service_restart(&(struct tl_http_limits){.workers = 1});
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
    assert_int_equal(service_await_writer(), 2);
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
        bool right =
            reply.status == 200 && (stream ? reply.body.size == 20 * 10007 : tl_streq(tl_buf_cstr(&reply.body), body));
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

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(test_a_full_queue_is_answered_503),
        SERVICE_TEST(test_handlers_run_at_the_same_time),
        SERVICE_TEST(test_a_client_that_says_nothing_more_is_dropped),
        SERVICE_TEST(test_connections_over_the_limit_do_not_hurt_those_within),
        SERVICE_TEST(test_garbage_is_answered_400_or_dropped),
        SERVICE_TEST(test_a_header_block_of_16_kib_is_taken_and_a_larger_one_refused),
        SERVICE_TEST(test_a_port_in_use_names_its_holder),
        SERVICE_TEST(test_a_bad_address_is_refused),
        SERVICE_TEST(test_empty_tls_files_are_refused_and_not_taken_for_none),
        SERVICE_TEST(test_stop_lets_running_handlers_finish),
        SERVICE_TEST(test_stop_does_not_wait_for_a_stuck_handler),
        SERVICE_TEST(test_stop_ends_a_stream_to_a_client_that_does_not_read),
        SERVICE_TEST(test_many_clients_get_their_own_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
