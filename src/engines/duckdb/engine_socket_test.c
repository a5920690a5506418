/* The engine's socket from the outside: who has no secret, who speaks nonsense, who speaks out of turn. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/wire.h"
#include "engines/duckdb/engine_testing.h"
#include "io/process.h"

enum { CLOSE_WAIT_MS = 5000, MUTATIONS = 1500 };

static char folder[] = "/tmp/tl-socket-XXXXXX";
static char socket_path[64];
static uint8_t secret[TL_WIRE_SECRET_SIZE];
static tl_process *process;

static tl_process *start(const char *secret_bytes, size_t secret_size, const char *path)
{
    int fds[2];
    char number[16];
    struct tl_err err;
    tl_process *started;
    tl_err_init(&err);
    assert_int_equal(pipe(fds), 0);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    assert_int_equal(write(fds[1], secret_bytes, secret_size), (ssize_t)secret_size);
    close(fds[1]);
    snprintf(number, sizeof number, "%d", fds[0]);
    const char *arguments[] = {getenv("TL_TEST_ENGINE"), "--socket", path, "--secret-fd", number, "--memory", "268435456", "--threads", "2", NULL};
    struct tl_process_options options = {.argv = arguments, .pass_fds = &fds[0], .pass_fd_count = 1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    assert_int_equal(tl_process_start(&options, &started, &err), TL_OK);
    close(fds[0]);
    return started;
}

static int open_socket(void)
{
    for (int i = 0; i < 2000; i++, usleep(5000)) {
        int fd;
        struct tl_err err;
        tl_err_init(&err);
        if (tl_unix_connect(socket_path, &fd, &err) == TL_OK)
            return fd;
    }
    fail_msg("the engine does not listen");
    return -1;
}

static int start_shared(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(socket_path, sizeof socket_path, "%s/engine.sock", folder);
    memset(secret, 's', sizeof secret);
    process = start((const char *)secret, sizeof secret, socket_path);
    close(open_socket());
    return 0;
}

static int stop_shared(void **state)
{
    (void)state;
    tl_process_end(process);
    testing_remove_folder(folder);
    return 0;
}

/* ---- frames ---- */

static void put_hello(struct tl_buf *buf, uint32_t protocol, const void *bytes, size_t size)
{
    size_t mark;
    tl_wire_begin(buf, TL_WIRE_HELLO, &mark);
    tl_wire_put_u32(buf, protocol);
    tl_buf_add(buf, bytes, size);
    tl_wire_end(buf, mark);
}

static void send_all(int fd, const struct tl_buf *buf)
{
    size_t sent = 0;
    while (sent < buf->size) {
        ssize_t size = send(fd, buf->data + sent, buf->size - sent, MSG_NOSIGNAL);
        if (size <= 0)
            return; /* the other side has closed already, as it may */
        sent += (size_t)size;
    }
}

/* The kind of the next frame; 0 = the connection was closed. */
static enum tl_wire_kind next_kind(int fd)
{
    struct tl_buf buf;
    enum tl_wire_kind kind = 0;
    struct tl_str body;
    bool clean_end;
    struct tl_err err;
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&wait, 1, CLOSE_WAIT_MS), 1);
    tl_err_init(&err);
    tl_buf_init(&buf, TL_WIRE_FRAME_MAX);
    if (tl_wire_receive(fd, &buf, &kind, &body, &clean_end, &err) != TL_OK)
        kind = 0;
    tl_buf_done(&buf);
    return kind;
}

static int greeted(void)
{
    struct tl_buf buf;
    int fd = open_socket();
    tl_buf_init(&buf, 1024);
    put_hello(&buf, TL_WIRE_PROTOCOL, secret, sizeof secret);
    send_all(fd, &buf);
    tl_buf_done(&buf);
    assert_int_equal(next_kind(fd), TL_WIRE_END);
    return fd;
}

static void put_parse(struct tl_buf *buf, const char *sql)
{
    size_t mark;
    tl_wire_begin(buf, TL_WIRE_PARSE, &mark);
    tl_wire_put_text(buf, tl_str_of(sql));
    tl_wire_end(buf, mark);
}

static void put_run(struct tl_buf *buf, const char *sql)
{
    size_t mark;
    struct tl_engine_statement statement = {.sql = tl_str_of(sql)};
    tl_wire_begin(buf, TL_WIRE_RUN, &mark);
    tl_wire_put_statement(buf, &statement);
    tl_wire_end(buf, mark);
}

static void expect_answers(void)
{
    struct tl_buf buf;
    int fd = greeted();
    tl_buf_init(&buf, 1 << 16);
    put_run(&buf, "SELECT 1");
    send_all(fd, &buf);
    assert_int_equal(next_kind(fd), TL_WIRE_FIELDS);
    assert_int_equal(next_kind(fd), TL_WIRE_BATCH);
    assert_int_equal(next_kind(fd), TL_WIRE_END);
    tl_buf_done(&buf);
    close(fd);
    assert_false(tl_process_wait(process, 0, NULL));
}

static void expect_closed(const struct tl_buf *bytes, bool after_hello)
{
    int fd = after_hello ? greeted() : open_socket();
    send_all(fd, bytes);
    assert_int_equal(next_kind(fd), 0);
    close(fd);
}

/* ---- tests ---- */

static void test_a_wrong_secret_closes_the_connection(void **state)
{
    (void)state;
    uint8_t other[TL_WIRE_SECRET_SIZE];
    struct tl_buf buf;
    tl_buf_init(&buf, 1024);
    memcpy(other, secret, sizeof other);
    other[31] ^= 1;
    put_hello(&buf, TL_WIRE_PROTOCOL, other, sizeof other);
    expect_closed(&buf, false);
    tl_buf_clear(&buf);
    put_hello(&buf, TL_WIRE_PROTOCOL, secret, sizeof secret - 1);
    expect_closed(&buf, false);
    tl_buf_clear(&buf);
    put_hello(&buf, TL_WIRE_PROTOCOL + 1, secret, sizeof secret);
    expect_closed(&buf, false);
    tl_buf_done(&buf);
    expect_answers();
}

static void test_nothing_is_answered_before_hello(void **state)
{
    (void)state;
    struct tl_buf buf;
    tl_buf_init(&buf, 1 << 20);
    put_parse(&buf, "SELECT 1");
    expect_closed(&buf, false);
    tl_buf_clear(&buf);
    for (int i = 0; i < 5000; i++)
        tl_buf_addf(&buf, "GET / HTTP/1.1\r\n");
    expect_closed(&buf, false);
    tl_buf_clear(&buf);
    tl_wire_put_u32(&buf, TL_WIRE_FRAME_MAX); /* a HELLO that promises more than a stranger may send */
    tl_wire_put_u32(&buf, TL_WIRE_HELLO);
    for (int i = 0; i < 1000; i++)
        tl_wire_put_u32(&buf, 0);
    expect_closed(&buf, false);
    tl_buf_done(&buf);
    expect_answers();
}

static void test_malformed_commands_close_their_connection_only(void **state)
{
    (void)state;
    struct tl_buf buf;
    size_t mark;
    tl_buf_init(&buf, 1 << 20);
    put_parse(&buf, "SELECT 1");
    buf.data[TL_WIRE_HEADER_SIZE] = 100; /* the text says that it is longer than the frame */
    expect_closed(&buf, true);
    tl_buf_clear(&buf);
    tl_wire_begin(&buf, TL_WIRE_RUN, &mark);
    tl_wire_put_u32(&buf, 5);
    tl_wire_end(&buf, mark);
    expect_closed(&buf, true);
    tl_buf_clear(&buf);
    tl_wire_begin(&buf, TL_WIRE_BATCH, &mark); /* an answer is not a command */
    tl_wire_end(&buf, mark);
    expect_closed(&buf, true);
    tl_buf_clear(&buf);
    tl_wire_put_u32(&buf, 0);
    tl_wire_put_u32(&buf, 33); /* no such kind */
    expect_closed(&buf, true);
    tl_buf_done(&buf);
    expect_answers();
}

static void test_a_client_that_leaves_stops_its_statement(void **state)
{
    (void)state;
    struct tl_buf buf;
    int fd = greeted();
    tl_buf_init(&buf, 1 << 16);
    size_t mark;
    static const char *const allowed[] = {"function:range"};
    struct tl_engine_statement statement = {.sql = TL_STR("SELECT count(*) FROM range(10000000) a(i), range(10000000) b(j) WHERE i + j = 3"),
                                            .allowed = allowed, .allowed_count = 1, .query_id = "q_left"};
    tl_wire_begin(&buf, TL_WIRE_RUN, &mark);
    tl_wire_put_statement(&buf, &statement);
    tl_wire_end(&buf, mark);
    send_all(fd, &buf);
    assert_int_equal(next_kind(fd), TL_WIRE_FIELDS);
    close(fd);
    int watcher = greeted();
    uint8_t found = 1;
    for (int i = 0; i < 100 && found; i++, usleep(20 * 1000)) {
        struct tl_buf in;
        struct tl_str body;
        enum tl_wire_kind kind;
        bool clean_end;
        struct tl_err err;
        tl_err_init(&err);
        tl_buf_init(&in, 1024);
        tl_buf_clear(&buf);
        tl_wire_begin(&buf, TL_WIRE_CANCEL, &mark);
        tl_wire_put_text(&buf, TL_STR("q_left"));
        tl_wire_end(&buf, mark);
        send_all(watcher, &buf);
        assert_int_equal(tl_wire_receive(watcher, &in, &kind, &body, &clean_end, &err), TL_OK);
        assert_int_equal(kind, TL_WIRE_END);
        found = (uint8_t)body.data[0];
        tl_buf_done(&in);
    }
    assert_int_equal(found, 0);
    close(watcher);
    tl_buf_done(&buf);
}

/* xorshift64* (Marsaglia 2003, Vigna 2016) */
static uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717U;
}

static void test_mutated_frames_do_no_harm(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252U;
    struct tl_buf good, bad;
    tl_buf_init(&good, 1 << 16);
    tl_buf_init(&bad, 1 << 16);
    put_parse(&good, "SELECT a, 'x' FROM b WHERE c IN (1, 2)");
    put_run(&good, "SELECT 1, 'two', [3]");
    put_run(&good, "SELECT nope");
    for (int i = 0; i < MUTATIONS; i++) {
        tl_buf_clear(&bad);
        tl_buf_add(&bad, good.data, good.size);
        for (uint64_t n = 1 + random_next(&random) % 4; n > 0; n--)
            bad.data[random_next(&random) % bad.size] = (char)random_next(&random);
        int fd = greeted();
        send_all(fd, &bad);
        shutdown(fd, SHUT_WR);
        char bytes[4096];
        while (recv(fd, bytes, sizeof bytes, 0) > 0)
            continue;
        close(fd);
    }
    tl_buf_done(&good);
    tl_buf_done(&bad);
    expect_answers();
}

static void test_connections_beyond_the_limit_are_closed(void **state)
{
    (void)state;
    enum { MANY = 300 };
    int fds[MANY], open = 0;
    for (int i = 0; i < MANY; i++)
        fds[i] = open_socket();
    usleep(200 * 1000);
    for (int i = 0; i < MANY; i++) {
        struct pollfd wait = {.fd = fds[i], .events = POLLIN};
        open += poll(&wait, 1, 0) == 0;
    }
    assert_true(open > 200 && open <= 256);
    for (int i = 0; i < MANY; i++)
        close(fds[i]);
    usleep(200 * 1000);
    expect_answers();
}

static void test_a_program_without_a_secret_does_not_start(void **state)
{
    (void)state;
    char path[64];
    int status;
    snprintf(path, sizeof path, "%s/other.sock", folder);
    tl_process *other = start("short", 5, path);
    assert_true(tl_process_wait(other, 10000, &status));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 64);
    tl_process_end(other);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wrong_secret_closes_the_connection),
        cmocka_unit_test(test_nothing_is_answered_before_hello),
        cmocka_unit_test(test_malformed_commands_close_their_connection_only),
        cmocka_unit_test(test_a_client_that_leaves_stops_its_statement),
        cmocka_unit_test(test_mutated_frames_do_no_harm),
        cmocka_unit_test(test_connections_beyond_the_limit_are_closed),
        cmocka_unit_test(test_a_program_without_a_secret_does_not_start),
    };
    return cmocka_run_group_tests(tests, start_shared, stop_shared);
}
