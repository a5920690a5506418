/* Objects in a bucket of a real S3 server (versitygw), and of one that fails in ways the real one does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/folder_testing.h"
#include "io/http.h"
#include "io/objects.h"
#include "io/process.h"
#include "io/s3_xml_int.h"

static char base[64], endpoint[64];
static tl_process *server;

static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    close(fd);
    return ntohs(address.sin_port);
}

static bool answers(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return connected;
}

static int start_server(void **state)
{
    (void)state;
    const char *program = getenv("TL_VERSITYGW");
    snprintf(base, sizeof base, "/tmp/tl_s3_XXXXXX");
    if (!mkdtemp(base))
        return -1;
    if (!program || access(program, X_OK) != 0) {
        print_error("versitygw is not at TL_VERSITYGW; `make deps-test` builds it\n");
        return -1;
    }
    char root[96], iam[96], bucket[112], address[32];
    int port = free_port();
    snprintf(root, sizeof root, "%s/root", base);
    snprintf(iam, sizeof iam, "%s/iam", base);
    snprintf(bucket, sizeof bucket, "%s/bucket1", root);
    snprintf(address, sizeof address, "127.0.0.1:%d", port);
    snprintf(endpoint, sizeof endpoint, "http://%s", address);
    mkdir(root, 0700);
    mkdir(iam, 0700);
    mkdir(bucket, 0700);
    const char *const argv[] = {program, "--port", address, "--region", "us-east-1", "--quiet", "--keep-alive", "--iam-dir", iam,
                                "posix", root, NULL};
    static const char *const environment[] = {"ROOT_ACCESS_KEY=testkey", "ROOT_SECRET_KEY=test/secret+key", NULL};
    struct tl_err err;
    tl_err_init(&err);
    struct tl_process_options options = {.argv = argv, .environment = environment, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    if (tl_process_start(&options, &server, &err) != TL_OK)
        return -1;
    for (int i = 0; i < 200 && !answers(port); i++)
        usleep(50000);
    return answers(port) ? 0 : -1;
}

static int stop_server(void **state)
{
    (void)state;
    if (server)
        tl_process_end(server);
    return folder_remove(base);
}

static tl_objects *open_bucket(const char *location, const char *secret)
{
    struct tl_objects_s3 options = {.location = location, .endpoint = endpoint, .path_style = true, .access_key = "testkey",
                                    .secret_key = secret, .part_bytes = 5 << 20, .timeout_ms = 20000};
    tl_objects *objects;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_objects_open_s3(&options, &objects, &err), TL_OK);
    return objects;
}

static void assert_ok(enum tl_code code, const struct tl_err *err)
{
    if (code != TL_OK)
        fail_msg("%s (%s)", err->message, err->detail);
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    tl_objects *objects = open_bucket("s3://bucket1/wh/", "test/secret+key");
    struct tl_err err;
    struct tl_buf buf;
    int64_t size;
    tl_err_init(&err);
    tl_buf_init(&buf, 1 << 20);
    const char *location = "s3://bucket1/wh/s/t/a=b%2Fc d&+/ä$.bin";
    assert_string_equal(tl_objects_root(objects), "s3://bucket1/wh");
    assert_null(tl_objects_folder(objects));
    assert_ok(tl_objects_write(objects, location, "0123456789", 10, false, &err), &err);
    assert_ok(tl_objects_read(objects, location, &buf, &err), &err);
    assert_string_equal(tl_buf_cstr(&buf), "0123456789");
    tl_buf_clear(&buf);
    assert_ok(tl_objects_read_part(objects, "s3a://bucket1/wh/s/t/a=b%2Fc d&+/ä$.bin", 7, 100, &buf, &err), &err);
    assert_string_equal(tl_buf_cstr(&buf), "789");
    tl_buf_clear(&buf);
    assert_ok(tl_objects_read_part(objects, location, 100, 5, &buf, &err), &err);
    assert_int_equal(buf.size, 0);
    assert_ok(tl_objects_size(objects, location, &size, &err), &err);
    assert_int_equal(size, 10);
    buf.max_size = 5; /* less than an error needs */
    assert_int_equal(tl_objects_read(objects, location, &buf, &err), TL_TOO_LARGE);
    tl_err_init(&err);
    assert_ok(tl_objects_remove(objects, location, &err), &err);
    assert_ok(tl_objects_remove(objects, location, &err), &err);
    assert_int_equal(tl_objects_size(objects, location, &size, &err), TL_NOT_FOUND);
    tl_err_init(&err);
    assert_int_equal(tl_objects_read(objects, location, &buf, &err), TL_NOT_FOUND);
    tl_err_init(&err);
    assert_int_equal(tl_objects_read(objects, "s3://bucket2/wh/x", &buf, &err), TL_INVALID_ARGUMENT);
    tl_err_init(&err);
    assert_int_equal(tl_objects_read(objects, "s3://bucket1/other", &buf, &err), TL_INVALID_ARGUMENT);
    tl_err_init(&err);
    assert_int_equal(tl_objects_read(objects, "s3://bucket1/wh/../x", &buf, &err), TL_INVALID_ARGUMENT);
    tl_buf_done(&buf);
    tl_objects_close(objects);
}

static void test_large_objects_go_in_parts(void **state)
{
    (void)state;
    tl_objects *objects = open_bucket("s3://bucket1", "test/secret+key");
    struct tl_err err;
    struct tl_buf buf;
    size_t size = (12 << 20) + 12345;
    char *bytes = malloc(size);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 2654435761U >> 24);
    tl_err_init(&err);
    tl_buf_init(&buf, 64 << 20);
    assert_ok(tl_objects_write(objects, "s3://bucket1/large", bytes, size, true, &err), &err);
    assert_int_equal(tl_objects_write(objects, "s3://bucket1/large", bytes, size - 1, true, &err), TL_ALREADY_EXISTS);
    tl_err_init(&err);
    assert_ok(tl_objects_read(objects, "s3://bucket1/large", &buf, &err), &err);
    assert_int_equal(buf.size, size);
    assert_memory_equal(buf.data, bytes, size);
    assert_ok(tl_objects_remove(objects, "s3://bucket1/large", &err), &err);
    free(bytes);
    tl_buf_done(&buf);
    tl_objects_close(objects);
}

struct racer {
    tl_objects *objects;
    char text[8];
    enum tl_code code;
};

static void *race(void *context)
{
    struct racer *racer = context;
    struct tl_err err;
    tl_err_init(&err);
    racer->code = tl_objects_write(racer->objects, "s3://bucket1/only", racer->text, strlen(racer->text), true, &err);
    return NULL;
}

static void test_of_many_that_must_not_replace_exactly_one_wins(void **state)
{
    (void)state;
    struct racer racers[12];
    pthread_t threads[12];
    tl_objects *objects = open_bucket("s3://bucket1", "test/secret+key");
    for (int i = 0; i < 12; i++) {
        racers[i] = (struct racer){.objects = objects};
        snprintf(racers[i].text, sizeof racers[i].text, "by%d", i);
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    int winners = 0, losers = 0;
    for (int i = 0; i < 12; i++) {
        pthread_join(threads[i], NULL);
        winners += racers[i].code == TL_OK;
        losers += racers[i].code == TL_ALREADY_EXISTS;
    }
    assert_int_equal(winners, 1);
    assert_int_equal(losers, 11);
    tl_objects_close(objects);
}

struct counts {
    int objects;
    int64_t bytes, newest_ms;
    bool odd;
};

static enum tl_code count_one(void *context, const struct tl_object_info *info, struct tl_err *err)
{
    (void)err;
    struct counts *counts = context;
    counts->objects++;
    counts->bytes += info->size;
    counts->newest_ms = info->modified_ms > counts->newest_ms ? info->modified_ms : counts->newest_ms;
    counts->odd = counts->odd || strcmp(info->location, "s3://bucket1/list/t/a&b<c>/\"d\".bin") == 0;
    return TL_OK;
}

static void test_lists_over_pages_and_removals_below(void **state)
{
    (void)state;
    tl_objects *objects = open_bucket("s3://bucket1/list", "test/secret+key");
    struct tl_err err;
    tl_err_init(&err);
    for (int i = 0; i < 1005; i++) {
        char location[64];
        snprintf(location, sizeof location, "s3://bucket1/list/t/data/%04d", i);
        assert_ok(tl_objects_write(objects, location, "xy", 2, false, &err), &err);
    }
    assert_ok(tl_objects_write(objects, "s3://bucket1/list/t/a&b<c>/\"d\".bin", "z", 1, false, &err), &err);
    assert_ok(tl_objects_write(objects, "s3://bucket1/list/tt/other", "z", 1, false, &err), &err);
    struct counts counts = {0};
    assert_ok(tl_objects_list(objects, "s3://bucket1/list/t", count_one, &counts, &err), &err);
    assert_int_equal(counts.objects, 1006);
    assert_int_equal(counts.bytes, 2011);
    assert_true(counts.odd);
    assert_true(llabs(tl_clock_wall_us() / 1000 - counts.newest_ms) < 600000);
    assert_ok(tl_objects_remove_below(objects, "s3://bucket1/list/t", &err), &err);
    counts = (struct counts){0};
    assert_ok(tl_objects_list(objects, "s3://bucket1/list/t", count_one, &counts, &err), &err);
    assert_int_equal(counts.objects, 0);
    assert_ok(tl_objects_list(objects, "s3://bucket1/list/tt", count_one, &counts, &err), &err);
    assert_int_equal(counts.objects, 1);
    tl_objects_close(objects);
}

static void test_a_wrong_key_is_told_and_not_shown(void **state)
{
    (void)state;
    tl_objects *objects = open_bucket("s3://bucket1", "wr0ng-secret");
    struct tl_err err;
    struct tl_buf buf;
    tl_err_init(&err);
    tl_buf_init(&buf, 1024);
    assert_int_equal(tl_objects_read(objects, "s3://bucket1/x", &buf, &err), TL_SOURCE_AUTH);
    assert_non_null(strstr(err.message, "SignatureDoesNotMatch"));
    assert_null(strstr(err.message, "wr0ng"));
    assert_null(strstr(err.detail, "wr0ng"));
    tl_buf_done(&buf);
    tl_objects_close(objects);
    objects = open_bucket("s3://no-such-bucket", "test/secret+key");
    tl_err_init(&err);
    tl_buf_init(&buf, 1024);
    assert_int_equal(tl_objects_read(objects, "s3://no-such-bucket/x", &buf, &err), TL_SOURCE_FAILED);
    assert_non_null(strstr(err.message, "NoSuchBucket"));
    tl_buf_done(&buf);
    tl_objects_close(objects);
}

/* --- a server that fails --- */

struct faulty {
    atomic_int calls;
    int failures; /* so many calls fail first */
    int status;   /* how */
    bool keeps;   /* and yet do what they were asked */
    _Atomic(bool) stored;
    tl_http_server *server;
    char endpoint[64];
};

static void fail_or_answer(void *context, tl_http_exchange *exchange)
{
    struct faulty *faulty = context;
    bool fails = atomic_fetch_add(&faulty->calls, 1) < faulty->failures;
    bool put = tl_streq(tl_http_method(exchange), "PUT");
    bool exists = put && atomic_load(&faulty->stored) && tl_http_header(exchange, "If-None-Match");
    if (put && !exists && (!fails || faulty->keeps))
        atomic_store(&faulty->stored, true);
    if (fails)
        tl_http_respond(exchange, faulty->status, "application/xml", TL_STR("<Error><Code>SlowDown</Code></Error>"), false);
    else if (exists)
        tl_http_respond(exchange, 412, "application/xml", TL_STR("<Error><Code>PreconditionFailed</Code></Error>"), false);
    else
        tl_http_respond(exchange, 200, "text/plain", put ? TL_STR("") : TL_STR("hello"), false);
}

static tl_objects *open_faulty(struct faulty *faulty)
{
    struct tl_err err;
    tl_objects *objects;
    tl_err_init(&err);
    assert_int_equal(tl_http_server_start("127.0.0.1", 0, &(struct tl_http_limits){.workers = 4}, fail_or_answer, faulty, &faulty->server, &err),
                     TL_OK);
    snprintf(faulty->endpoint, sizeof faulty->endpoint, "http://127.0.0.1:%d/", tl_http_server_port(faulty->server));
    struct tl_objects_s3 options = {.location = "s3://bucket", .endpoint = faulty->endpoint, .path_style = true, .access_key = "k",
                                    .secret_key = "s3cr3t", .timeout_ms = 8000};
    assert_int_equal(tl_objects_open_s3(&options, &objects, &err), TL_OK);
    return objects;
}

static void test_failures_that_pass_are_sat_out(void **state)
{
    (void)state;
    static const int statuses[] = {500, 503, 429, 400 /* with SlowDown */};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct faulty faulty = {.failures = 2, .status = statuses[i]};
        tl_objects *objects = open_faulty(&faulty);
        struct tl_err err;
        struct tl_buf buf;
        tl_err_init(&err);
        tl_buf_init(&buf, 1024);
        assert_ok(tl_objects_read(objects, "s3://bucket/x", &buf, &err), &err);
        assert_string_equal(tl_buf_cstr(&buf), "hello");
        assert_int_equal(faulty.calls, 3);
        tl_buf_done(&buf);
        tl_objects_close(objects);
        tl_http_server_stop(faulty.server, 1000);
    }
}

static void test_failures_that_stay_are_told(void **state)
{
    (void)state;
    struct faulty faulty = {.failures = 1000, .status = 503};
    tl_objects *objects = open_faulty(&faulty);
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_objects_write(objects, "s3://bucket/x", "hello", 5, true, &err), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "503 SlowDown"));
    assert_null(strstr(err.message, "s3cr3t"));
    assert_true(faulty.calls > 2 && faulty.calls <= 8);
    tl_objects_close(objects);
    tl_http_server_stop(faulty.server, 1000);
}

/* The first attempt was done and its answer lost: the second one finds our own object. */
static void test_a_write_whose_answer_was_lost_is_recognised(void **state)
{
    (void)state;
    struct faulty faulty = {.failures = 1, .status = 500, .keeps = true};
    tl_objects *objects = open_faulty(&faulty);
    struct tl_err err;
    tl_err_init(&err);
    assert_ok(tl_objects_write(objects, "s3://bucket/x", "hello", 5, true, &err), &err);
    assert_int_equal(tl_objects_write(objects, "s3://bucket/x", "hello", 5, true, &err), TL_ALREADY_EXISTS);
    tl_objects_close(objects);
    tl_http_server_stop(faulty.server, 1000);
    struct faulty other = {.failures = 1, .status = 500, .keeps = true};
    objects = open_faulty(&other);
    tl_err_init(&err);
    assert_int_equal(tl_objects_write(objects, "s3://bucket/x", "not what is there", 17, true, &err), TL_ALREADY_EXISTS);
    tl_objects_close(objects);
    tl_http_server_stop(other.server, 1000);
}

static void test_settings_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct tl_objects_s3 bad[] = {
        {.location = "s3://b", .access_key = "k", .secret_key = "s3cr3t"},
        {.location = "http://bucket", .access_key = "k", .secret_key = "s3cr3t"},
        {.location = "s3://bucket/a//b", .access_key = "k", .secret_key = "s3cr3t"},
        {.location = "s3://bucket/a b", .access_key = "k", .secret_key = "s3cr3t"},
        {.location = "s3://bucket/../x", .access_key = "k", .secret_key = "s3cr3t"},
        {.location = "s3://bucket", .access_key = "k", .secret_key = ""},
        {.location = "s3://bucket", .access_key = "k\n", .secret_key = "s3cr3t"},
        {.location = "s3://bucket", .access_key = "k", .secret_key = "s3cr3t", .endpoint = "ftp://host"},
        {.location = "s3://bucket", .access_key = "k", .secret_key = "s3cr3t", .endpoint = "https://host/path"},
        {.location = "s3://bucket", .access_key = "k", .secret_key = "s3cr3t", .endpoint = "https://user@host"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct tl_err err;
        tl_objects *objects;
        tl_err_init(&err);
        if (tl_objects_open_s3(&bad[i], &objects, &err) != TL_CONFIG)
            fail_msg("case %zu is taken", i);
        assert_null(strstr(err.message, "s3cr3t"));
    }
}

static void test_answers_are_read_as_they_are_written(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 20);
    struct tl_str document = TL_STR("<L><Contents>"
                                    "<Key>a&amp;b &#228;&#x20AC;&#128512;</Key><Size/></Contents><Contents x='1'><Key>2</Key></Contents></L>");
    struct tl_str item;
    size_t at = 0;
    assert_true(s3_xml_next(document, &at, "Contents", &item));
    assert_string_equal(s3_xml_text(arena, item, "Key"), "a&b ä€😀");
    assert_string_equal(s3_xml_text(arena, item, "Size"), "");
    assert_true(s3_xml_next(document, &at, "Contents", &item));
    assert_string_equal(s3_xml_text(arena, item, "Key"), "2");
    assert_false(s3_xml_next(document, &at, "Contents", &item));
    static const char *const unreadable[] = {"<Key>a<b></Key>", "<Key>&nosuch;</Key>", "<Key>&#xD800;</Key>", "<Key>&#0;</Key>", "<Key>a",
                                            "<Keys>a</Keys>", ""};
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++)
        assert_null(s3_xml_text(arena, tl_str_of(unreadable[i]), "Key"));
    assert_int_equal(s3_xml_time_ms("1970-01-02T00:00:01.5Z"), 86401500);
    assert_int_equal(s3_xml_time_ms("yesterday"), 0);
    tl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_large_objects_go_in_parts),
        cmocka_unit_test(test_of_many_that_must_not_replace_exactly_one_wins),
        cmocka_unit_test(test_lists_over_pages_and_removals_below),
        cmocka_unit_test(test_a_wrong_key_is_told_and_not_shown),
        cmocka_unit_test(test_failures_that_pass_are_sat_out),
        cmocka_unit_test(test_failures_that_stay_are_told),
        cmocka_unit_test(test_a_write_whose_answer_was_lost_is_recognised),
        cmocka_unit_test(test_settings_that_cannot_be_are_refused),
        cmocka_unit_test(test_answers_are_read_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
