/* What requests and answers look like on the wire. */
#include <zlib.h>

#include "io/http_test.h"

/* ---- requests ---- */

static void test_a_request_is_read_as_it_was_sent(void **state)
{
    (void)state;
    struct reply reply;
    ask(port,
        "GET /facts/a%20b%2Fc?a=1&b+c=%C3%A9+x&empty=&bare&bad=%zz&nul=%00 HTTP/1.1\r\nHost: x\r\n"
        "X-Twice: one\r\nx-twice: two\r\n\r\n",
        &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(tl_buf_cstr(&reply.body),
                        "path=/facts/a%20b%2Fc\na=1\nb c=\xC3\xA9 x\nempty=\nbare=\nbad=(null)\nnul=(null)\n"
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
    wire_say(wire,
             "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\noneGET /stream HTTP/1.1\r\nHost: x\r\n\r\n"
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
    char head[128], *body = tl_heap_alloc(SERVICE_BODY_MAX);
    for (int i = 0; i < SERVICE_BODY_MAX; i++)
        body[i] = (char)(i * 31);
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", SERVICE_BODY_MAX);
    wire_say(wire, head);
    wire_send(wire, body, SERVICE_BODY_MAX);
    struct reply reply;
    wire_read(wire, true, &reply);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.size, SERVICE_BODY_MAX);
    assert_memory_equal(reply.body.data, body, SERVICE_BODY_MAX);
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
        send_too_much(wire, heads[i], SERVICE_BODY_MAX + 1, i == 1);
        wire_read(wire, true, &reply);
        assert_int_equal(reply.status, 413);
        assert_string_equal(reply_header(&reply, "Content-Type"), "application/problem+json");
        assert_non_null(strstr(tl_buf_cstr(&reply.body),
                               "{\"code\":\"too_large\",\"message\":\"the body of the request is larger than "
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
    assert_int_equal(service_await_writer(), 1);
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
    assert_int_equal(service_await_writer(), 1);
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
    assert_int_equal(service_await_writer(), 2);
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
    assert_int_equal(service_await_writer(), 2);
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
    assert_string_equal(tl_buf_cstr(&reply.body),
                        "{\"code\":\"table_not_found\",\"message\":\"no table \\\"a\\\\b\\\" \\u0001 \\ufffd\","
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
        {"/gzip", "Accept-Encoding: deflate, gzip;q=0.5, br\r\n", true},
        {"/gzip-stream", "Accept-Encoding: gzip\r\n", true},
        {"/gzip", "Accept-Encoding: *\r\n", true},
        {"/gzip", "Accept-Encoding: gzip;q=0\r\n", false},
        {"/gzip", "Accept-Encoding: xgzip, gzipx\r\n", false},
        {"/gzip", "", false},
        {"/gzip-stream", "", false},
        {"/plain", "Accept-Encoding: gzip\r\n", false},
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

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        SERVICE_TEST(test_a_request_is_read_as_it_was_sent),
        SERVICE_TEST(test_a_connection_is_kept_and_pipelined_requests_are_answered_in_order),
        SERVICE_TEST(test_an_old_client_gets_an_answer_and_the_connection_closes),
        SERVICE_TEST(test_a_chunked_body_is_joined),
        SERVICE_TEST(test_a_body_of_the_greatest_size_arrives_whole),
        SERVICE_TEST(test_a_body_over_the_limit_is_answered_413_and_the_connection_goes_on),
        SERVICE_TEST(test_a_hopelessly_large_body_is_refused_before_it_is_sent),
        SERVICE_TEST(test_an_endless_chunked_body_is_cut_off),
        SERVICE_TEST(test_head_is_answered_as_get_without_a_body),
        SERVICE_TEST(test_head_of_a_streamed_answer_sends_nothing_of_it),
        SERVICE_TEST(test_a_streamed_answer_arrives_whole),
        SERVICE_TEST(test_what_is_written_is_sent_at_once),
        SERVICE_TEST(test_a_slow_client_slows_the_writer_and_loses_nothing),
        SERVICE_TEST(test_a_writer_learns_that_the_client_has_gone),
        SERVICE_TEST(test_a_silent_handler_learns_that_the_client_has_gone),
        SERVICE_TEST(test_an_answer_that_was_not_ended_is_seen_as_broken),
        SERVICE_TEST(test_an_error_becomes_problem_json),
        SERVICE_TEST(test_the_first_answer_wins_and_headers_cannot_be_split),
        SERVICE_TEST(test_gzip_needs_the_handler_and_the_client),
        cmocka_unit_test(test_percent_coding_goes_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
