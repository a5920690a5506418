#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sources/postgres/test_support.h"

/* What can go wrong between here and a server: each a clear error, in time, and the source works afterwards. */
static struct test_server server;
static tl_arena *arena;
static const struct tl_source_driver *driver = &tl_source_driver_postgres;

static int set_up(void **state)
{
    (void)state;
    arena = tl_arena_new(TEST_ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static int64_t now_ms(void)
{
    return tl_clock_monotonic_us() / 1000;
}

static void sleep_ms(int ms)
{
    usleep((useconds_t)ms * 1000);
}

/* Wait, at most 3 s, until the superuser's query says `expected`. */
static void wait_value(const char *sql, const char *expected)
{
    for (int i = 0; i < 300; i++) {
        if (tl_streq(test_value(&server, arena, sql), expected))
            return;
        sleep_ms(10);
    }
    fail_msg("%s: %s, not %s", sql, test_value(&server, arena, sql), expected);
}

#define BACKENDS "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'townlake'"
#define RUNNING BACKENDS " AND state = 'active'"

/* --- being given up --- */

struct alarm {
    int64_t at_ms;
};

static bool is_late(void *context)
{
    return now_ms() >= ((struct alarm *)context)->at_ms;
}

/* Read all rows with a stop; err and the time it took. */
static enum tl_code read_with(tl_source *source, const char *name, const struct tl_stop *stop, struct tl_err *err,
                              int64_t *ret_ms)
{
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", name);
    struct tl_scan_request request = {.dataset = dataset, .column_count = dataset->column_count,
                                      .columns = test_all_columns(arena, dataset), .limit = -1};
    struct test_rows rows;
    int64_t start = now_ms();
    tl_err_init(err);
    enum tl_code code = test_scan(source, arena, &request, stop, &rows, NULL, err);
    *ret_ms = now_ms() - start;
    return code;
}

static void test_a_slow_server_is_given_up_at_once(void **state)
{
    (void)state;
    struct tl_err err;
    int64_t took;
    test_run(&server, "CREATE OR REPLACE VIEW slow AS SELECT 1 AS a, pg_sleep(60)::text AS b");
    tl_source *source = test_open(&server, NULL);
    struct alarm alarm = {now_ms() + 250};
    struct tl_stop stop = {is_late, &alarm, 0};
    assert_int_equal(read_with(source, "slow", &stop, &err, &took), TL_CANCELLED);
    assert_true(now_ms() - alarm.at_ms < 300);
    wait_value(RUNNING, "0"); /* the server was told */
    struct tl_stop deadline = {NULL, NULL, tl_clock_monotonic_us() + 200000};
    assert_int_equal(read_with(source, "slow", &deadline, &err, &took), TL_TIME_EXCEEDED);
    assert_true(took < 500);
    wait_value(RUNNING, "0");
    driver->close(source);
    wait_value(BACKENDS, "0");
}

static void test_the_server_keeps_the_time_limit_of_the_option(void **state)
{
    (void)state;
    struct tl_err err;
    int64_t took;
    test_run(&server, "CREATE OR REPLACE VIEW slow AS SELECT 1 AS a, pg_sleep(60)::text AS b");
    tl_source *source = test_open(&server, "statement_timeout", "200ms", NULL);
    assert_int_equal(read_with(source, "slow", NULL, &err, &took), TL_TIME_EXCEEDED);
    assert_true(took < 2000);
    driver->close(source);
}

static void test_a_part_closed_in_the_middle_is_cancelled(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
    struct tl_scan_request request = {.dataset = dataset, .column_count = dataset->column_count,
                                      .columns = test_all_columns(arena, dataset), .limit = -1};
    struct tl_chunk *chunk = test_chunk(arena, &request);
    struct tl_scan_stats stats;
    struct tl_err err;
    tl_err_init(&err);
    for (int threads = 1; threads <= 2; threads++) {
        tl_scan *scan;
        tl_scan_part *part;
        int parts;
        tl_chunk_reset(chunk);
        assert_int_equal(driver->scan_open(source, &request, threads, NULL, arena, &scan, &parts, &err), TL_OK);
        assert_int_equal(driver->part_open(scan, NULL, &part, &err), TL_OK);
        assert_int_equal(driver->part_next(part, chunk, NULL, &err), TL_OK);
        assert_int_equal(chunk->row_count, TL_VECTOR_ROWS_MAX);
        driver->part_close(part);
        driver->scan_close(scan, &stats);
        wait_value(RUNNING, "0");
        /* a scan that nobody reads from leaves nothing behind, either */
        assert_int_equal(driver->scan_open(source, &request, threads, NULL, arena, &scan, &parts, &err), TL_OK);
        driver->scan_close(scan, &stats);
        wait_value(BACKENDS " AND state <> 'idle'", "0");
    }
    driver->close(source);
}

/* --- servers that go away --- */

static void test_a_killed_backend_is_an_error_and_the_next_scan_works(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "large");
    struct tl_scan_request request = {.dataset = dataset, .column_count = dataset->column_count,
                                      .columns = test_all_columns(arena, dataset), .limit = -1};
    struct tl_chunk *chunk = test_chunk(arena, &request);
    tl_scan *scan;
    tl_scan_part *part;
    struct tl_scan_stats stats;
    int parts;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(driver->scan_open(source, &request, 1, NULL, arena, &scan, &parts, &err), TL_OK);
    assert_int_equal(driver->part_open(scan, NULL, &part, &err), TL_OK);
    assert_int_equal(driver->part_next(part, chunk, NULL, &err), TL_OK);
    test_run(&server, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'townlake'");
    int64_t start = now_ms();
    enum tl_code code = TL_OK;
    while (code == TL_OK) {
        tl_chunk_reset(chunk);
        code = driver->part_next(part, chunk, NULL, &err);
        assert_true(code != TL_OK || chunk->row_count > 0); /* never a quiet end */
    }
    assert_int_equal(code, TL_SOURCE_UNAVAILABLE);
    assert_true(now_ms() - start < 2000);
    assert_non_null(strstr(err.message, "source \"ops\""));
    driver->part_close(part);
    driver->scan_close(scan, &stats);
    struct test_rows rows = test_table(source, arena, "public", "small");
    assert_int_equal(rows.row_count, 3);
    driver->close(source);
}

static void test_idle_connections_that_died_are_replaced_unseen(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(test_table(source, arena, "public", "small").row_count, 3);
        if (round == 0)
            test_run(&server,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'townlake'");
        else
            test_server_command(&server, "restart");
    }
    assert_int_equal(test_table(source, arena, "public", "small").row_count, 3);
    driver->close(source);
}

static void test_a_server_that_is_down_is_said_at_once_and_found_again(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    const char *version = NULL;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_OK);
    assert_int_equal(strncmp(version, "PostgreSQL 1", 12), 0);
    assert_null(strchr(version, '('));
    test_server_command(&server, "stop");
    int64_t start = now_ms();
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_SOURCE_UNAVAILABLE);
    assert_true(now_ms() - start < 1000);
    assert_non_null(strstr(err.message, "could not connect to source \"ops\" at 127.0.0.1"));
    assert_non_null(strstr(err.detail, "refused"));
    test_server_command(&server, "start");
    tl_err_init(&err);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_OK);
    driver->close(source);
}

static void test_an_unknown_host_is_an_error(void **state)
{
    (void)state;
    const char *version;
    struct tl_err err;
    tl_err_init(&err);
    tl_source *source = test_open(&server, "host", "no-such-host.invalid", NULL);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.message, "no-such-host.invalid"));
    driver->close(source);
    source = test_open(&server, "host", "localhost", NULL); /* and a known one is none */
    tl_err_init(&err);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_OK);
    driver->close(source);
    source = test_open(&server, "host", server.dir, NULL); /* its Unix socket */
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_OK);
    driver->close(source);
}

/* --- who may --- */

static void no_secret_in(const struct tl_err *err)
{
    static const char *const secrets[] = {"s3cret-w0rd", "wr0ng-w0rd", "scram_reader"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        assert_null(strstr(err->message, secrets[i]));
        assert_null(strstr(err->detail, secrets[i]));
        assert_null(strstr(err->hint, secrets[i]));
    }
}

static void require_scram(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/data/pg_hba.conf", server.dir);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    char *rest = tl_arena_alloc(arena, 65536);
    size_t size = fread(rest, 1, 65535, file);
    if (!strstr(rest, "scram_reader")) {
        rewind(file);
        fprintf(file, "host all scram_reader 127.0.0.1/32 scram-sha-256\nhost all nobody_here 127.0.0.1/32 reject\n");
        fwrite(rest, 1, size, file);
    }
    fclose(file);
    test_run(&server, "SET password_encryption = 'scram-sha-256'");
    test_run(&server, "DROP ROLE IF EXISTS scram_reader; CREATE ROLE scram_reader LOGIN PASSWORD 's3cret-w0rd'");
    test_run(&server, "SELECT pg_reload_conf()");
    sleep_ms(300);
}

static struct tl_err try_login(const char *user, const char *password)
{
    const char *version;
    struct tl_err err;
    tl_err_init(&err);
    tl_source *source = password ? test_open(&server, "user", user, "password", password, NULL)
                                 : test_open(&server, "user", user, NULL);
    driver->test(source, NULL, arena, &version, &err);
    driver->close(source);
    return err;
}

static void test_passwords_are_checked_and_never_shown(void **state)
{
    (void)state;
    require_scram();
    struct tl_err err = try_login("scram_reader", "s3cret-w0rd");
    assert_int_equal(err.code, TL_OK);
    err = try_login("scram_reader", "wr0ng-w0rd");
    assert_int_equal(err.code, TL_SOURCE_AUTH);
    assert_non_null(strstr(err.detail, "password authentication failed for user \"***\""));
    no_secret_in(&err);
    err = try_login("scram_reader", NULL);
    assert_int_equal(err.code, TL_SOURCE_AUTH);
    assert_non_null(strstr(err.hint, "password"));
    no_secret_in(&err);
    err = try_login("nobody_here", "x");
    assert_int_equal(err.code, TL_SOURCE_AUTH);
    assert_null(strstr(err.detail, "nobody_here"));
}

static void test_a_missing_database_is_said(void **state)
{
    (void)state;
    const char *version;
    struct tl_err err;
    tl_err_init(&err);
    tl_source *source = test_open(&server, "database", "no_such_database", NULL);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_SOURCE_FAILED);
    assert_non_null(strstr(err.hint, "database"));
    driver->close(source);
}

static void test_a_missing_grant_is_said(void **state)
{
    (void)state;
    struct tl_err err;
    int64_t took;
    test_run(&server,
             "DROP ROLE IF EXISTS plain_reader; CREATE ROLE plain_reader LOGIN; REVOKE ALL ON small FROM PUBLIC");
    tl_source *source = test_open(&server, "user", "plain_reader", NULL);
    assert_int_equal(read_with(source, "small", NULL, &err, &took), TL_SOURCE_FAILED);
    assert_non_null(strstr(err.message, "permission denied for table small"));
    assert_non_null(strstr(err.hint, "grant SELECT"));
    driver->close(source);
}

static void test_nothing_can_be_written(void **state)
{
    (void)state;
    struct tl_err err;
    int64_t took;
    test_run(&server, "CREATE OR REPLACE FUNCTION sneak() RETURNS int LANGUAGE sql AS"
                      " 'INSERT INTO public.small VALUES (99) RETURNING 1'; CREATE OR REPLACE VIEW writing AS SELECT sneak() AS a");
    tl_source *source = test_open(&server, NULL);
    assert_int_equal(read_with(source, "writing", NULL, &err, &took), TL_SOURCE_FAILED);
    assert_non_null(strstr(err.message, "read-only transaction"));
    driver->close(source);
}

/* --- tables that change --- */

static void test_what_changed_since_it_was_described_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *change;
        enum tl_code code;
    } changes[] = {
        {"ALTER TABLE changing DROP COLUMN b", TL_SOURCE_CHANGED},
        {"ALTER TABLE changing ADD COLUMN b text DEFAULT 'x'", TL_SOURCE_CHANGED},
        {"ALTER TABLE changing DROP COLUMN b, ADD COLUMN b float4 DEFAULT 2", TL_SOURCE_CHANGED}, /* of the same size on the wire */
        {"ALTER TABLE changing ALTER COLUMN b DROP DEFAULT, ALTER COLUMN b TYPE date USING '2024-01-01'", TL_SOURCE_CHANGED},
        {"ALTER TABLE changing RENAME COLUMN b TO c", TL_SOURCE_CHANGED},
        {"DROP TABLE changing; CREATE TABLE changing AS SELECT 1 AS a, 2 AS b", TL_SOURCE_CHANGED}, /* another table of the name */
        {"DROP TABLE changing; CREATE VIEW changing AS SELECT 1 AS a, 2 AS b", TL_SOURCE_CHANGED},
        {"DROP VIEW changing", TL_TABLE_NOT_FOUND},
    };
    tl_source *source = test_open(&server, NULL);
    test_run(&server, "DROP TABLE IF EXISTS changing; CREATE TABLE changing AS SELECT 1 AS a, 2 AS b");
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "changing");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 2, .columns = (int[]){0, 1}, .limit = -1};
    struct tl_scan_request other = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    struct test_rows rows;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct tl_err err;
        tl_err_init(&err);
        test_run(&server, changes[i].change);
        enum tl_code code = test_scan(source, arena, &request, NULL, &rows, NULL, &err);
        if (code != changes[i].code)
            fail_msg("%s: %s", changes[i].change, err.message);
        assert_int_equal(rows.row_count, 0);
        if (i < 5) { /* what is not read may change */
            tl_err_init(&err);
            assert_int_equal(test_scan(source, arena, &other, NULL, &rows, NULL, &err), TL_OK);
            assert_int_equal(rows.row_count, 1);
        }
    }
    driver->close(source);
}

/* What a derivation reads is checked as well. */
static void test_what_a_computed_dataset_reads_is_checked(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    test_run(&server, "DROP TABLE IF EXISTS changing; CREATE TABLE changing AS SELECT 1 AS a, 2 AS b");
    struct tl_derivation_input input = {.dataset = test_describe(source, arena, "public", "changing")};
    struct tl_expr a = {.kind = TL_EXPR_COLUMN, .type = tl_type_simple(TL_TYPE_INT32)}, b = a, null = a;
    struct tl_expr *children[] = {&b};
    b.column = 1;
    null = (struct tl_expr){.kind = TL_EXPR_IS_NOT_NULL, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = 1, .children = children};
    const struct tl_expr *outputs[] = {&a}, *filters[] = {&null};
    struct tl_derivation said = {.input_count = 1, .inputs = &input, .filter_count = 1, .filters = filters, .output_count = 1, .outputs = outputs};
    struct tl_source_dataset *dataset;
    assert_true(driver->derive(source, &said, arena, &dataset, NULL));
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    struct test_rows rows;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_OK);
    test_run(&server, "ALTER TABLE changing ALTER COLUMN b TYPE text");
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_SOURCE_CHANGED);
    assert_non_null(strstr(err.hint, "again"));
    driver->close(source);
}

/* What the source refuses of a filter is told apart from what it refuses of plain rows. */
static void test_what_was_pushed_and_refused_is_said(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    test_run(&server, "DROP TABLE IF EXISTS numbers; CREATE TABLE numbers AS SELECT 2147483647 AS a;"
                      "DROP VIEW IF EXISTS dividing; CREATE VIEW dividing AS SELECT 1 / (a - a) AS a FROM numbers");
    struct tl_source_dataset *dataset = test_describe(source, arena, "public", "numbers");
    struct tl_type whole = tl_type_simple(TL_TYPE_INT32);
    struct tl_expr a = {.kind = TL_EXPR_COLUMN, .type = whole};
    struct tl_expr one = {.kind = TL_EXPR_CONSTANT, .type = whole, .value = {.type = whole, .as.int64 = 1}};
    struct tl_expr *pair[] = {&a, &one};
    struct tl_expr sum = {.kind = TL_EXPR_FUNCTION, .type = whole, .function = "+", .child_count = 2, .children = pair};
    struct tl_expr *compared[] = {&sum, &one};
    struct tl_expr greater = {.kind = TL_EXPR_GT, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = 2, .children = compared};
    const struct tl_expr *filters[] = {&greater};
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .filter_count = 1, .filters = filters, .limit = -1};
    struct test_rows rows;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_SOURCE_REJECTED);
    assert_non_null(strstr(err.detail, "22003"));
    request.filter_count = 0;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_OK);
    request.dataset = test_describe(source, arena, "public", "dividing"); /* plain rows: nothing would help */
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, NULL, &err), TL_SOURCE_FAILED);
    driver->close(source);
}

/* --- TLS --- */

static void make_certificate(void)
{
    char command[512];
    snprintf(command, sizeof command,
             "cd %s/data && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
             " -keyout server.key -out server.crt 2>/dev/null && chmod 600 server.key && chown --reference=PG_VERSION server.key",
             server.dir);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = 1;
    while (waitpid(child, &status, 0) < 0)
        continue;
    assert_int_equal(status, 0);
    test_run(&server, "ALTER SYSTEM SET ssl = on");
    test_run(&server, "SELECT pg_reload_conf()");
    sleep_ms(300);
}

static void test_tls_is_used_and_certificates_are_checked(void **state)
{
    (void)state;
    char root[128];
    const char *version;
    struct tl_err err;
    make_certificate();
    snprintf(root, sizeof root, "%s/data/server.crt", server.dir);
    tl_source *source = test_open(&server, "sslmode", "verify-full", "sslrootcert", root, NULL);
    assert_int_equal(test_table(source, arena, "public", "large").row_count, 300000);
    wait_value("SELECT count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name "
               "= 'townlake'",
               "t");
    driver->close(source);
    source = test_open(&server, "sslmode", "verify-full", "sslrootcert", root, "host", "localhost", NULL);
    tl_err_init(&err);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_SOURCE_UNAVAILABLE); /* not the certificate's name */
    driver->close(source);
    source = test_open(&server, "sslmode", "verify-ca", "sslrootcert", "/etc/hostname", NULL);
    tl_err_init(&err);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_SOURCE_UNAVAILABLE);
    driver->close(source);
    test_run(&server, "ALTER SYSTEM RESET ssl");
    test_run(&server, "SELECT pg_reload_conf()");
    sleep_ms(300);
    source = test_open(&server, "sslmode", "require", NULL);
    tl_err_init(&err);
    assert_int_equal(driver->test(source, NULL, arena, &version, &err), TL_SOURCE_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "SSL"));
    driver->close(source);
}

static const char preparation[] =
    "CREATE TABLE small AS SELECT i FROM generate_series(1, 3) i;"
    "CREATE TABLE large AS SELECT i::bigint AS id, 'row number ' || i AS t, repeat('x', 40) AS u FROM generate_series(1, 300000) i;"
    "CREATE UNIQUE INDEX ON large (id); ANALYZE";

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_slow_server_is_given_up_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_server_keeps_the_time_limit_of_the_option, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_part_closed_in_the_middle_is_cancelled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_killed_backend_is_an_error_and_the_next_scan_works, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle_connections_that_died_are_replaced_unseen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_server_that_is_down_is_said_at_once_and_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_unknown_host_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_passwords_are_checked_and_never_shown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_missing_database_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_missing_grant_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_can_be_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_changed_since_it_was_described_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_computed_dataset_reads_is_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_pushed_and_refused_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tls_is_used_and_certificates_are_checked, set_up, tear_down),
    };
    test_server_start(&server);
    test_run(&server, preparation);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    test_server_stop(&server);
    return failures;
}
