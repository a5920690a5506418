#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "sources/postgres/failure.h"
#include "sources/postgres/test_support.h"

/* Listeners that are no PostgreSQL, or one gone mad: what they send must end in an error that says so, and never in
 * fewer rows than were announced. */
enum { ANSWER_SIZE = 4096, ANSWERS_MAX = 4 };

struct answer {
    uint8_t bytes[ANSWER_SIZE];
    size_t size;
};

struct impostor {
    int listener, port;
    bool greets;                /* the first answer is sent at once, not after the client has spoken */
    bool stays;                 /* the connection is kept open after the last answer */
    size_t answer_count;
    struct answer answers[ANSWERS_MAX]; /* one for each message of the client */
    pthread_t thread;
    atomic_bool ending;
};

static void *serve(void *context)
{
    struct impostor *impostor = context;
    uint8_t heard[8192];
    int fd = accept4(impostor->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return NULL;
    for (size_t i = 0; i < impostor->answer_count; i++) {
        if (!(impostor->greets && i == 0) && recv(fd, heard, sizeof heard, 0) <= 0)
            break;
        if (send(fd, impostor->answers[i].bytes, impostor->answers[i].size, MSG_NOSIGNAL) < 0)
            break;
    }
    while (impostor->stays && !impostor->ending) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (poll(&poller, 1, 20) > 0 && recv(fd, heard, sizeof heard, 0) <= 0)
            break;
    }
    if (!impostor->stays && impostor->answer_count > 0)
        shutdown(fd, SHUT_WR);
    close(fd);
    return NULL;
}

static void start(struct impostor *impostor)
{
    impostor->port = test_listen(&impostor->listener);
    assert_int_equal(pthread_create(&impostor->thread, NULL, serve, impostor), 0);
}

static void stop(struct impostor *impostor)
{
    impostor->ending = true;
    shutdown(impostor->listener, SHUT_RDWR);
    pthread_join(impostor->thread, NULL);
    close(impostor->listener);
}

static void add_bytes(struct answer *answer, const void *bytes, size_t size)
{
    assert_true(answer->size + size <= ANSWER_SIZE);
    memcpy(answer->bytes + answer->size, bytes, size);
    answer->size += size;
}

static void add_message(struct answer *answer, char type, const void *body, size_t size)
{
    uint32_t length = (uint32_t)size + 4;
    uint8_t head[5] = {(uint8_t)type, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};
    add_bytes(answer, head, sizeof head);
    add_bytes(answer, body, size);
}

#define MESSAGE(answer, type, literal) add_message(answer, type, literal, sizeof(literal) - 1)

/* The first two answers of a server that lets everybody in. */
static void log_in(struct impostor *impostor, const char *version)
{
    char status[64];
    impostor->answer_count = 2;
    MESSAGE(&impostor->answers[0], 'R', "\0\0\0\0");
    int size = snprintf(status, sizeof status, "server_version%c%s", 0, version);
    add_message(&impostor->answers[0], 'S', status, (size_t)size + 1);
    MESSAGE(&impostor->answers[0], 'K', "\0\0\0\1\0\0\0\1");
    MESSAGE(&impostor->answers[0], 'Z', "I");
    for (int i = 0; i < 9; i++)
        MESSAGE(&impostor->answers[1], 'C', "SET\0");
    MESSAGE(&impostor->answers[1], 'Z', "I");
}

static tl_source *open_at(const struct impostor *impostor)
{
    struct test_server nowhere = {.port = impostor->port};
    return test_open(&nowhere, "sslmode", "disable", "connect_timeout", "400ms", NULL);
}

static struct tl_err try_connect(struct impostor *impostor)
{
    const char *version;
    struct tl_err err;
    tl_arena *arena = tl_arena_new(1 << 20);
    tl_err_init(&err);
    start(impostor);
    tl_source *source = open_at(impostor);
    int64_t begin = tl_clock_monotonic_us();
    assert_int_not_equal(tl_source_driver_postgres.test(source, NULL, arena, &version, &err), TL_OK);
    assert_true(tl_clock_monotonic_us() - begin < 1500000);
    tl_source_driver_postgres.close(source);
    stop(impostor);
    tl_arena_free(arena);
    assert_non_null(strstr(err.message, "source \"ops\""));
    return err;
}

static void test_other_protocols_are_recognized(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        bool greets;
    } cases[] = {
        {"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", 47, false},
        {"SSH-2.0-OpenSSH_9.2\r\n", 21, true},
        {"\0\0\0\0\0\0\0\0\0\0\0\0", 12, false},
        {"R\377\377\377\377\0\0\0\0", 9, false},
        {"\x15\3\1\0\2\2\50", 7, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct impostor impostor = {.answer_count = 1, .greets = cases[i].greets};
        add_bytes(&impostor.answers[0], cases[i].text, cases[i].size);
        struct tl_err err = try_connect(&impostor);
        if (err.code != TL_SOURCE_PROTOCOL)
            fail_msg("case %zu: %s: %s", i, err.message, err.detail);
    }
}

static void test_an_unknown_way_to_log_in_is_said(void **state)
{
    (void)state;
    struct impostor impostor = {.answer_count = 1};
    add_bytes(&impostor.answers[0], "R\0\0\0\10\0\0\0\143", 9);
    struct tl_err err = try_connect(&impostor);
    assert_int_equal(err.code, TL_SOURCE_AUTH);
    assert_non_null(strstr(err.detail, "authentication method 99 not supported"));
}

static void test_silence_is_not_waited_for(void **state)
{
    (void)state;
    struct impostor mute = {.stays = true};
    struct tl_err err = try_connect(&mute);
    assert_int_equal(err.code, TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "no answer within 400 ms"));
    struct impostor late = {.stays = true}; /* lets us in and then says nothing */
    log_in(&late, "15.1");
    late.answer_count = 1;
    err = try_connect(&late);
    assert_int_equal(err.code, TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "no answer within 400 ms"));
    struct impostor closing = {0};
    err = try_connect(&closing);
    assert_int_equal(err.code, TL_SOURCE_UNAVAILABLE);
}

static void test_servers_too_old_are_refused(void **state)
{
    (void)state;
    struct impostor impostor = {.stays = true};
    log_in(&impostor, "9.6.24");
    struct tl_err err = try_connect(&impostor);
    assert_int_equal(err.code, TL_SOURCE_FAILED);
    assert_non_null(strstr(err.hint, "PostgreSQL 12"));
}

/* --- answers to COPY --- */

#define HEADER "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
#define ROW "\0\1\0\0\0\4\0\0\0\7"

struct outcome {
    size_t rows;
    struct tl_err err;
};

static const struct tl_source_column columns[] = {{.name = "a", .type = {.id = TL_TYPE_INT32}, .source_type = "integer"}};
static const struct tl_postgres_column own_columns[] = {
    {.field = {.form = TL_POSTGRES_INT4, .name = "a", .source_type = "integer"}, .class = TL_POSTGRES_CLASS_INT}};
static struct tl_postgres_dataset own = {.kind = 'r', .utf8 = true, .where = "table \"s.t\" of source \"ops\"",
                                         .columns = own_columns};
static const struct tl_source_dataset dataset = {.schema = "s", .name = "t", .column_count = 1, .columns = columns,
                                                 .driver_data = &own};

static struct outcome scan(struct impostor *impostor)
{
    struct outcome outcome = {0};
    struct tl_scan_request request = {.dataset = &dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    struct test_rows rows;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    tl_err_init(&outcome.err);
    start(impostor);
    tl_source *source = open_at(impostor);
    test_scan(source, arena, &request, NULL, &rows, NULL, &outcome.err);
    outcome.rows = rows.row_count;
    tl_source_driver_postgres.close(source);
    stop(impostor);
    tl_arena_free(arena);
    return outcome;
}

/* BEGIN was done, COPY starts. */
static struct answer *copying(struct impostor *impostor)
{
    *impostor = (struct impostor){.stays = true};
    log_in(impostor, "15.1");
    impostor->answer_count = 3;
    MESSAGE(&impostor->answers[2], 'C', "BEGIN\0");
    MESSAGE(&impostor->answers[2], 'H', "\1\0\1\0\1");
    return &impostor->answers[2];
}

static void finish_copy(struct answer *answer, const char *tag)
{
    MESSAGE(answer, 'c', "");
    add_message(answer, 'C', tag, strlen(tag) + 1);
    MESSAGE(answer, 'C', "COMMIT\0");
    MESSAGE(answer, 'Z', "I");
}

static void test_a_whole_answer_is_read(void **state)
{
    (void)state;
    struct impostor impostor;
    struct answer *answer = copying(&impostor);
    MESSAGE(answer, 'd', HEADER ROW);
    MESSAGE(answer, 'd', ROW);
    MESSAGE(answer, 'd', "\377\377");
    finish_copy(answer, "COPY 2");
    struct outcome outcome = scan(&impostor);
    assert_int_equal(outcome.err.code, TL_OK);
    assert_int_equal(outcome.rows, 2);
}

static void test_rows_that_are_missing_are_an_error(void **state)
{
    (void)state;
    struct impostor impostor;
    struct answer *answer = copying(&impostor); /* no trailer */
    MESSAGE(answer, 'd', HEADER ROW);
    finish_copy(answer, "COPY 1");
    struct outcome outcome = scan(&impostor);
    assert_int_equal(outcome.err.code, TL_SOURCE_PROTOCOL);
    assert_non_null(strstr(outcome.err.message, "before their end"));
    answer = copying(&impostor); /* another number of rows */
    MESSAGE(answer, 'd', HEADER ROW);
    MESSAGE(answer, 'd', "\377\377");
    finish_copy(answer, "COPY 2");
    outcome = scan(&impostor);
    assert_int_equal(outcome.err.code, TL_SOURCE_PROTOCOL);
    answer = copying(&impostor); /* gone */
    MESSAGE(answer, 'd', HEADER ROW);
    impostor.stays = false;
    outcome = scan(&impostor);
    assert_int_equal(outcome.err.code, TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(outcome.err.message, "was lost"));
}

static void test_answers_that_make_no_sense_are_an_error(void **state)
{
    (void)state;
    for (int variant = 0; variant < 6; variant++) {
        struct impostor impostor;
        struct answer *answer = copying(&impostor);
        switch (variant) {
        case 0:
            MESSAGE(answer, 'd', "no copy data");
            break;
        case 1:
            MESSAGE(answer, 'd', HEADER "\0\2\0\0\0\4\0\0\0\7\0\0\0\4\0\0\0\7");
            break;
        case 2: /* a type of message that does not exist */
            MESSAGE(answer, '?', "abc");
            break;
        case 3: /* an impossible length */
            add_bytes(answer, "d\0\0\0\1", 5);
            break;
        case 4: /* rows of a query instead of a copy */
            answer->size = 0;
            MESSAGE(answer, 'C', "BEGIN\0");
            MESSAGE(answer, 'T', "\0\1a\0\0\0\0\0\0\0\0\0\0\27\0\4\377\377\377\377\0\0");
            MESSAGE(answer, 'D', "\0\1\0\0\0\1x");
            MESSAGE(answer, 'C', "SELECT 1\0");
            MESSAGE(answer, 'Z', "I");
            break;
        default: /* text instead of binary */
            answer->size = 0;
            MESSAGE(answer, 'C', "BEGIN\0");
            MESSAGE(answer, 'H', "\0\0\1\0\0");
            MESSAGE(answer, 'd', "7\n");
            finish_copy(answer, "COPY 1");
        }
        impostor.stays = false;
        struct outcome outcome = scan(&impostor);
        if (outcome.err.code != TL_SOURCE_PROTOCOL)
            fail_msg("variant %d: %s: %s", variant, outcome.err.message, outcome.err.detail);
        assert_int_equal(outcome.rows, 0);
    }
}

static void check_option(const char *name, const char *value, const char *part)
{
    const char *names[] = {"database", "user", name}, *values[] = {"d", "u", value};
    struct tl_source_config config = {.name = "ops", .kind = "postgres", .option_count = 3, .option_names = names,
                                      .option_values = values};
    struct tl_err err;
    tl_err_init(&err);
    enum tl_code code = tl_source_driver_postgres.check(&config, &err);
    if (!part) {
        assert_int_equal(code, TL_OK);
        return;
    }
    assert_int_equal(code, TL_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, name));
    if (!strstr(err.message, part) && !strstr(err.hint, part))
        fail_msg("%s: %s; %s", name, err.message, err.hint);
}

static void test_options_are_checked_by_name(void **state)
{
    (void)state;
    check_option("port", "0", "1 to 65535");
    check_option("port", "5432x", "1 to 65535");
    check_option("port", "65535", NULL);
    check_option("sslmode", "maybe", "verify-full");
    check_option("connections_max", "0", "1 to 100");
    check_option("connect_timeout", "0", "5s");
    check_option("connect_timeout", "soon", "5s");
    check_option("statement_timeout", "5m", NULL);
    check_option("statement_timeout", "-1s", "duration");
    check_option("numeric_as", "decimal(38,10)", NULL);
    check_option("numeric_as", "decimal(39,10)", "decimal(p,s)");
    check_option("numeric_as", "decimal(10,11)", "decimal(p,s)");
    check_option("numeric_as", "decimal(10,1)x", "decimal(p,s)");
    check_option("numeric_as", "float", "decimal(p,s)");
    check_option("schemas", "a,,b", "separated by commas");
    check_option("schemas", "a, b", NULL);
    check_option("pasword", "x", "did you mean \"password\"");
    check_option("zzzzzzzz", "x", "no option");
}

static void test_required_options_are_missed_by_name(void **state)
{
    (void)state;
    const char *names[] = {"user"}, *values[] = {"u"};
    struct tl_source_config config = {.name = "ops", .kind = "postgres", .option_count = 1, .option_names = names,
                                      .option_values = values};
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_source_driver_postgres.check(&config, &err), TL_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "\"database\""));
}

static void test_texts_are_scrubbed(void **state)
{
    (void)state;
    const struct tl_postgres_options options = {.name = "ops", .user = "bob", .password = "pass"};
    char clean[64];
    tl_postgres_scrub(&options, "role \"bob\" of \"bobby\"\nis\tbad\n", clean, sizeof clean);
    assert_string_equal(clean, "role \"***\" of \"bobby\" is bad");
    tl_postgres_scrub(&options, "it was pass", clean, sizeof clean);
    assert_null(strstr(clean, "pass"));
    tl_postgres_scrub(&options, "a text that is much longer than the place it has, so that its end is cut off", clean,
                      sizeof clean);
    assert_true(strlen(clean) < sizeof clean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_protocols_are_recognized),
        cmocka_unit_test(test_an_unknown_way_to_log_in_is_said),
        cmocka_unit_test(test_silence_is_not_waited_for),
        cmocka_unit_test(test_servers_too_old_are_refused),
        cmocka_unit_test(test_a_whole_answer_is_read),
        cmocka_unit_test(test_rows_that_are_missing_are_an_error),
        cmocka_unit_test(test_answers_that_make_no_sense_are_an_error),
        cmocka_unit_test(test_options_are_checked_by_name),
        cmocka_unit_test(test_required_options_are_missed_by_name),
        cmocka_unit_test(test_texts_are_scrubbed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
