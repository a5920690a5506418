/* What goes wrong, and that it is said: failing queries, a server that dies, lies or is not there, cancelling. */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "sources/clickhouse/test_truth.h"

static struct test_server server;
static struct test_server *victim; /* killed once rows have come */

static const struct tl_source_driver *driver = &tl_source_driver_clickhouse;

/* A scan of one column of a view that is read until its end or its failure. */
static enum tl_code scan_view(tl_source *source, tl_arena *arena, const char *schema, const char *name,
                              const struct tl_stop *stop, size_t *ret_rows, struct tl_err *err)
{
    struct tl_source_dataset *dataset = test_describe(source, arena, schema, name);
    int column = 0;
    struct tl_scan_request request = {
        .dataset = dataset, .column_count = 1, .columns = &column, .limit = -1, .query_id = "fault"};
    const struct tl_type *type = &dataset->columns[0].type;
    struct tl_chunk *chunk = tl_chunk_new(arena, &type, 1);
    tl_scan *scan;
    tl_scan_part *part;
    int parts;
    *ret_rows = 0;
    tl_err_init(err);
    enum tl_code code = driver->scan_open(source, &request, 1, stop, arena, &scan, &parts, err);
    if (code != TL_OK)
        return code;
    code = driver->part_open(scan, stop, &part, err);
    while (code == TL_OK) {
        tl_chunk_reset(chunk);
        code = driver->part_next(part, chunk, stop, err);
        if (code == TL_OK && chunk->row_count == 0)
            break;
        *ret_rows += chunk->row_count;
        if (victim && code == TL_OK) {
            test_server_kill(victim);
            victim = NULL;
        }
    }
    driver->part_close(part);
    driver->scan_close(scan, NULL);
    return code;
}

static void make_view(const char *name, const char *select)
{
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, tl_arena_printf(arena, "CREATE OR REPLACE VIEW t.%s AS %s", name, select));
    tl_arena_free(arena);
}

static void check_mid_stream(const char *compress)
{
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    size_t rows;
    struct tl_err err;
    make_view("throws",
              "SELECT number, throwIf(number = 1500000, 'the words of the failure') AS t FROM numbers(3000000)");
    tl_source *source = test_open(&server, "compress", compress, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "t", "throws");
    assert_int_equal(dataset->column_count, 2);
    make_view("throws",
              "SELECT number + throwIf(number = 1500000, 'the words of the failure') AS n FROM numbers(3000000)");
    assert_int_equal(scan_view(source, arena, "t", "throws", NULL, &rows, &err), TL_SOURCE_FAILED);
    assert_in_range(rows, 1, 1500000);
    assert_non_null(strstr(err.message, "source \"events\": ClickHouse reported error 395"));
    assert_non_null(strstr(err.detail, "the words of the failure"));
    assert_null(strstr(err.detail, "__exception__"));
    assert_null(strstr(err.detail, "(version "));
    /* the source is as good as before */
    make_view("throws", "SELECT number FROM numbers(10)");
    assert_int_equal(scan_view(source, arena, "t", "throws", NULL, &rows, &err), TL_OK);
    assert_int_equal(rows, 10);
    driver->close(source);
    tl_arena_free(arena);
}

static void test_an_exception_in_mid_stream_is_an_error_with_the_servers_words(void **state)
{
    (void)state;
    check_mid_stream("none");
}

static void test_so_it_is_in_a_compressed_stream(void **state)
{
    (void)state;
    check_mid_stream("lz4");
}

static void test_an_exception_before_the_first_row_is_an_error(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    size_t rows;
    struct tl_err err;
    make_view("at_once", "SELECT throwIf(1) AS n");
    tl_source *source = test_open(&server, NULL);
    assert_int_equal(scan_view(source, arena, "t", "at_once", NULL, &rows, &err), TL_SOURCE_FAILED);
    driver->close(source);
    tl_arena_free(arena);
}

static void test_a_table_that_is_gone_or_changed_is_said(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct test_rows rows;
    struct tl_err err;
    tl_source *source = test_open(&server, NULL);
    test_run(&server, "CREATE OR REPLACE TABLE t.changing (a UInt8) ENGINE = Memory AS SELECT 1");
    struct tl_source_dataset *dataset = test_describe(source, arena, "t", "changing");
    int column = 0;
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = &column, .limit = -1};
    test_run(&server, "CREATE OR REPLACE TABLE t.changing (a String) ENGINE = Memory AS SELECT 'x'");
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_SOURCE_CHANGED);
    assert_non_null(strstr(err.message, "column \"a\" is not of the type"));
    assert_non_null(strstr(err.hint, "refresh"));
    test_run(&server, "CREATE OR REPLACE TABLE t.changing (b String) ENGINE = Memory");
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_SOURCE_CHANGED);
    assert_non_null(strstr(err.hint, "refresh"));
    test_run(&server, "DROP TABLE t.changing");
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_TABLE_NOT_FOUND);
    driver->close(source);
    tl_arena_free(arena);
}

/* An expression fails there for one row: told apart from plain rows that fail. */
static void test_a_filter_that_is_refused_is_told_apart(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    size_t rows;
    struct tl_err err;
    make_view("refuses", "SELECT accurateCast(number, 'Int8') AS n FROM numbers(1000)");
    tl_source *source = test_open(&server, NULL);
    assert_int_equal(scan_view(source, arena, "t", "refuses", NULL, &rows, &err), TL_SOURCE_FAILED);
    struct tl_source_dataset *dataset = test_describe(source, arena, "t", "refuses");
    struct tl_expr *sides[] = {test_column(arena, dataset, 0),
                               test_constant(arena, (struct tl_value){.type = tl_type_simple(TL_TYPE_INT8), .as.int64 = 5})};
    const struct tl_expr *filter = test_expr(arena, TL_EXPR_EQ, 2, sides);
    int column = 0;
    struct tl_scan_request request = {
        .dataset = dataset, .column_count = 1, .columns = &column, .filter_count = 1, .filters = &filter, .limit = -1};
    struct test_rows read;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &read, NULL, &err), TL_SOURCE_REJECTED);
    assert_non_null(strstr(err.detail, "cannot be safely converted"));
    driver->close(source);
    tl_arena_free(arena);
}

static enum tl_code try_test(tl_source *source, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    const char *version;
    tl_err_init(err);
    enum tl_code code = driver->test(source, NULL, arena, &version, err);
    if (code == TL_OK)
        assert_memory_equal(version, "ClickHouse 2", 12);
    tl_arena_free(arena);
    return code;
}

static void test_a_quota_that_is_used_up_is_said(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct test_rows rows;
    struct tl_err err;
    tl_err_init(&err);
    test_run(&server, "CREATE OR REPLACE TABLE demo.few ENGINE = Memory AS SELECT 1 AS n");
    tl_source *all = test_open(&server, NULL), *source = test_open(&server, "user", "limited", "password", "secret", NULL);
    int column = 0;
    struct tl_scan_request request = {
        .dataset = test_describe(all, arena, "demo", "few"), .column_count = 1, .columns = &column, .limit = -1};
    enum tl_code code = TL_OK;
    for (int i = 0; i < 10 && code == TL_OK; i++)
        code = test_scan(source, arena, &request, NULL, &rows, NULL, &err);
    assert_int_equal(code, TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "quota"));
    assert_non_null(strstr(err.hint, "interval"));
    driver->close(source);
    driver->close(all);
    tl_arena_free(arena);
}

static void test_a_wrong_password_is_an_auth_error_without_the_password(void **state)
{
    (void)state;
    struct tl_err err;
    tl_source *source = test_open(&server, "user", "service", "password", "not-the-one", NULL);
    assert_int_equal(try_test(source, &err), TL_SOURCE_AUTH);
    assert_null(strstr(err.message, "not-the-one"));
    assert_null(strstr(err.detail, "not-the-one"));
    driver->close(source);
    source = test_open(&server, "user", "service", "password", "secret", NULL);
    assert_int_equal(try_test(source, &err), TL_OK);
    driver->close(source);
}

static void test_user_and_password_are_in_no_query_log(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct tl_err err;
    tl_source *source = test_open(&server, "user", "service", "password", "secret", NULL);
    assert_int_equal(try_test(source, &err), TL_OK);
    test_run(&server, "SYSTEM FLUSH LOGS");
    assert_string_equal(test_ask(&server, arena, "SELECT count() > 0 FROM system.query_log WHERE user = 'service'"),
                        "1\n");
    assert_string_equal(
        test_ask(&server, arena,
                 "SELECT count() FROM system.query_log WHERE user = 'service' AND (position(query, 'secret') > 0"
                 " OR mapContains(Settings, 'password') OR has(mapValues(Settings), 'secret'))"),
        "0\n");
    driver->close(source);
    tl_arena_free(arena);
}

static void test_a_user_that_may_set_nothing_can_read(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    size_t rows;
    struct tl_err err;
    test_run(&server, "CREATE OR REPLACE TABLE demo.numbers ENGINE = Memory AS SELECT number FROM numbers(1000)");
    tl_source *source = test_open(&server, "user", "reader", "password", "secret", NULL);
    assert_int_equal(scan_view(source, arena, "demo", "numbers", NULL, &rows, &err), TL_OK);
    assert_int_equal(rows, 1000);
    struct tl_source_dataset *dataset;
    tl_err_init(&err);
    assert_int_equal(driver->describe(source, "t", "numbers", NULL, arena, &dataset, &err), TL_TABLE_NOT_FOUND);
    driver->close(source);
    tl_arena_free(arena);
}

/* Its profile has result_overflow_mode = break: ten rows of a thousand would come, and look complete. */
static void test_a_profile_that_could_hide_rows_is_refused(void **state)
{
    (void)state;
    struct tl_err err;
    tl_source *source = test_open(&server, "user", "truncated", "password", "secret", NULL);
    assert_int_equal(try_test(source, &err), TL_SOURCE_FAILED);
    assert_non_null(strstr(err.message, "result_overflow_mode"));
    driver->close(source);
}

static void test_a_server_that_is_not_there_is_unavailable(void **state)
{
    (void)state;
    struct tl_err err;
    tl_source *source = test_open_at("127.0.0.1", 1);
    assert_int_equal(try_test(source, &err), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "source \"events\""));
    driver->close(source);
    source = test_open_at("no-such-host.invalid", 8123);
    assert_int_equal(try_test(source, &err), TL_SOURCE_UNAVAILABLE);
    driver->close(source);
}

/* ---- servers that are no ClickHouse: each connection gets the same bytes ---- */

struct liar {
    int fd;
    const char *bytes;
    size_t size;
};

static void *lie(void *context)
{
    struct liar *liar = context;
    for (;;) {
        char request[65536];
        int fd = accept(liar->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        ssize_t got = recv(fd, request, sizeof request, 0);
        if (got > 0 && send(fd, liar->bytes, liar->size, MSG_NOSIGNAL) < 0)
            perror("send");
        shutdown(fd, SHUT_WR);
        while (recv(fd, request, sizeof request, 0) > 0)
            continue;
        close(fd);
    }
}

static enum tl_code ask_liar(const char *bytes, size_t size, struct tl_err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_size = sizeof address;
    struct liar liar = {.fd = socket(AF_INET, SOCK_STREAM, 0), .bytes = bytes, .size = size};
    pthread_t thread;
    assert_int_equal(bind(liar.fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(liar.fd, 4), 0);
    assert_int_equal(getsockname(liar.fd, (struct sockaddr *)&address, &address_size), 0);
    pthread_create(&thread, NULL, lie, &liar);
    tl_source *source = test_open_at("127.0.0.1", ntohs(address.sin_port));
    enum tl_code code = try_test(source, err);
    driver->close(source);
    shutdown(liar.fd, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(liar.fd);
    return code;
}

#define HEAD "HTTP/1.1 200 OK\r\nX-ClickHouse-Format: Native\r\nX-ClickHouse-Exception-Tag: abcdefghijklmnop\r\n"

static void test_answers_that_are_not_of_clickhouse_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        enum tl_code code;
    } cases[] = {
        {"\x15\x03\x01 garbage \r\n\r\n", TL_SOURCE_PROTOCOL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", TL_SOURCE_PROTOCOL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello world\n", TL_SOURCE_PROTOCOL},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope", TL_SOURCE_PROTOCOL},
        {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope", TL_SOURCE_AUTH},
        {"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nnope", TL_SOURCE_UNAVAILABLE},
        {HEAD "Content-Length: 5\r\n\r\nhello", TL_SOURCE_PROTOCOL},
        {HEAD "Content-Length: 12\r\n\r\n\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", TL_SOURCE_PROTOCOL},
        /* the head, then the connection ends: announced bytes are missing */
        {HEAD "Content-Length: 100\r\n\r\n\x01", TL_SOURCE_UNAVAILABLE},
        {HEAD "Transfer-Encoding: chunked\r\n\r\n1\r\n\x01\r\n", TL_SOURCE_UNAVAILABLE},
        {"", TL_SOURCE_UNAVAILABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tl_err err;
        enum tl_code code = ask_liar(cases[i].bytes, strlen(cases[i].bytes), &err);
        bool either = cases[i].code == TL_SOURCE_UNAVAILABLE &&
                      code == TL_SOURCE_PROTOCOL; /* cut or malformed: io decides */
        if (code != cases[i].code && !either)
            fail_msg("case %zu: %s (%s)", i, err.message, tl_code_info(code)->name);
    }
}

/* A good block of one String column, then the end: in the middle of a second block, or of the chunked encoding. */
static void test_an_answer_cut_short_is_an_error(void **state)
{
    (void)state;
    static const char block[] = "\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01\x01v\x06String\x03"
                                "1.2";
    struct tl_err err;
    for (size_t size = 1; size < sizeof block - 1; size++) {
        char answer[512];
        int head = snprintf(answer, sizeof answer, HEAD "Content-Length: %zu\r\n\r\n", size);
        memcpy(answer + head, block, size);
        assert_int_equal(ask_liar(answer, (size_t)head + size, &err), TL_SOURCE_PROTOCOL);
    }
}

/* ---- dying and cancelling ---- */

static bool never(void *context)
{
    (void)context;
    return false;
}

struct timer {
    int64_t at_us;
};

static bool at_time(void *context)
{
    return tl_clock_monotonic_us() >= ((const struct timer *)context)->at_us;
}

static int running(tl_arena *arena)
{
    return (int)strtol(test_ask(&server, arena, "SELECT count() FROM system.processes WHERE query_id LIKE 'fault-%'"),
                       NULL, 10);
}

static void check_cancelled(const char *select, const char *schema, const char *name)
{
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    size_t rows;
    struct tl_err err;
    if (select)
        make_view(name, select);
    tl_source *source = test_open(&server, NULL);
    struct timer timer = {tl_clock_monotonic_us() + 700000};
    struct tl_stop stop = {.stop = at_time, .context = &timer};
    assert_int_equal(scan_view(source, arena, schema, name, &stop, &rows, &err), TL_CANCELLED);
    int64_t late_us = tl_clock_monotonic_us() - timer.at_us;
    assert_true(late_us < 300000);
    int64_t until_us = tl_clock_monotonic_us() + 3000000;
    while (running(arena) > 0 && tl_clock_monotonic_us() < until_us)
        usleep(20000);
    assert_int_equal(running(arena), 0);
    driver->close(source);
    tl_arena_free(arena);
}

static void test_a_cancelled_scan_ends_at_once_also_at_the_server(void **state)
{
    (void)state;
    check_cancelled("SELECT number FROM numbers(100000000000)", "t", "endless");
}

static void test_so_does_one_that_has_not_answered_yet(void **state)
{
    (void)state;
    check_cancelled("SELECT count() AS n FROM numbers(100000000000) WHERE sipHash64(number) = 1", "t", "silent");
}

static void test_a_scan_closed_in_mid_way_is_cancelled_at_the_server(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct tl_err err;
    tl_scan *scan;
    int parts, column = 0;
    make_view("endless", "SELECT number FROM numbers(100000000000)");
    tl_source *source = test_open(&server, NULL);
    struct tl_scan_request request = {.dataset = test_describe(source, arena, "t", "endless"),
                                      .column_count = 1,
                                      .columns = &column,
                                      .limit = -1,
                                      .query_id = "fault"};
    tl_err_init(&err);
    assert_int_equal(driver->scan_open(source, &request, 2, NULL, arena, &scan, &parts, &err), TL_OK);
    assert_int_equal(parts, 2);
    assert_int_equal(running(arena), 1);
    driver->scan_close(scan, NULL);
    int64_t until_us = tl_clock_monotonic_us() + 3000000;
    while (running(arena) > 0 && tl_clock_monotonic_us() < until_us)
        usleep(20000);
    assert_int_equal(running(arena), 0);
    driver->close(source);
    tl_arena_free(arena);
}

static void test_a_deadline_ends_the_scan(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    size_t rows;
    struct tl_err err;
    make_view("endless", "SELECT number FROM numbers(100000000000)");
    tl_source *source = test_open(&server, NULL);
    int64_t deadline_us = tl_clock_monotonic_us() + 700000;
    struct tl_stop stop = {.stop = never, .deadline_us = deadline_us};
    assert_int_equal(scan_view(source, arena, "t", "endless", &stop, &rows, &err), TL_TIME_EXCEEDED);
    assert_true(tl_clock_monotonic_us() - deadline_us < 500000);
    driver->close(source);
    tl_arena_free(arena);
}

static void test_a_server_killed_in_mid_scan_is_unavailable(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    struct test_server other;
    size_t rows;
    struct tl_err err;
    test_server_start(&other, "victim");
    test_run(&other, "CREATE DATABASE t");
    test_run(&other, "CREATE VIEW t.endless AS SELECT number FROM numbers(100000000000)");
    tl_source *source = test_open(&other, NULL);
    victim = &other;
    enum tl_code code = scan_view(source, arena, "t", "endless", NULL, &rows, &err);
    if (code != TL_SOURCE_UNAVAILABLE)
        fail_msg("%s: %s", tl_code_info(code)->name, err.message);
    assert_true(rows > 0);
    assert_int_equal(try_test(source, &err), TL_SOURCE_UNAVAILABLE);
    driver->close(source);
    test_server_stop(&other);
    tl_arena_free(arena);
}

static int start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    test_server_start(&server, "fault");
    test_run(&server, "CREATE DATABASE t");
    test_run(&server, "CREATE DATABASE demo");
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    test_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_exception_in_mid_stream_is_an_error_with_the_servers_words),
        cmocka_unit_test(test_so_it_is_in_a_compressed_stream),
        cmocka_unit_test(test_an_exception_before_the_first_row_is_an_error),
        cmocka_unit_test(test_a_table_that_is_gone_or_changed_is_said),
        cmocka_unit_test(test_a_filter_that_is_refused_is_told_apart),
        cmocka_unit_test(test_a_quota_that_is_used_up_is_said),
        cmocka_unit_test(test_a_wrong_password_is_an_auth_error_without_the_password),
        cmocka_unit_test(test_user_and_password_are_in_no_query_log),
        cmocka_unit_test(test_a_user_that_may_set_nothing_can_read),
        cmocka_unit_test(test_a_profile_that_could_hide_rows_is_refused),
        cmocka_unit_test(test_a_server_that_is_not_there_is_unavailable),
        cmocka_unit_test(test_answers_that_are_not_of_clickhouse_are_refused),
        cmocka_unit_test(test_an_answer_cut_short_is_an_error),
        cmocka_unit_test(test_a_cancelled_scan_ends_at_once_also_at_the_server),
        cmocka_unit_test(test_so_does_one_that_has_not_answered_yet),
        cmocka_unit_test(test_a_scan_closed_in_mid_way_is_cancelled_at_the_server),
        cmocka_unit_test(test_a_deadline_ends_the_scan),
        cmocka_unit_test(test_a_server_killed_in_mid_scan_is_unavailable),
    };
    return cmocka_run_group_tests(tests, start, stop_server);
}
