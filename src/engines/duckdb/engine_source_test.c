/* Sources from serve's side: attached files and scanned drivers, restarts, replacements and failures. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "data/json.h"
#include "engines/duckdb/engine_testing.h"
#include "io/process.h"

#define SECONDS(n) ((int64_t)(n) * 1000 * 1000)

static struct testing shared;
static char folder[] = "/tmp/tl-source-XXXXXX";

static tl_engine *engine(void)
{
    return shared.engine;
}

static int start_shared(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    testing_start(&shared, 0, 0, folder);
    return 0;
}

static int stop_shared(void **state)
{
    (void)state;
    testing_stop(&shared);
    testing_remove_folder(folder);
    return 0;
}

static int pid_of(tl_engine *of)
{
    struct tl_engine_health health;
    tl_engine_health(of, &health);
    return health.pid;
}

/* ---- asking ---- */

static enum tl_code put(tl_engine *of, const char *name, const char *kind, const char *option, const char *value, struct tl_err *ret_err)
{
    struct tl_request rq;
    tl_arena *arena = tl_arena_new(1 << 20);
    tl_request_init(&rq, arena);
    struct tl_source_config config = {name, kind, option ? 1 : 0, &option, &value};
    enum tl_code code = tl_engine_source_put(&rq, of, &config);
    if (ret_err)
        *ret_err = rq.err;
    tl_arena_free(arena);
    return code;
}

static void put_good(tl_engine *of, const char *name, const char *kind, const char *option, const char *value)
{
    struct tl_err err;
    if (put(of, name, kind, option, value, &err) != TL_OK)
        fail_msg("%s: %s", name, err.message);
}

/* "schema.name(column type key, ..)" lines, or the code's name */
static void list(tl_engine *of, const char *name, struct tl_buf *ret_text)
{
    struct tl_request rq;
    struct tl_source_dataset *datasets;
    size_t count;
    tl_arena *arena = tl_arena_new(1 << 24);
    tl_request_init(&rq, arena);
    tl_buf_init(ret_text, 1 << 20);
    if (tl_engine_source_list(&rq, of, name, &datasets, &count) != TL_OK)
        tl_buf_addf(ret_text, "%s: %s", tl_code_info(rq.err.code)->name, rq.err.message);
    for (size_t i = 0; rq.err.code == TL_OK && i < count; i++) {
        tl_buf_addf(ret_text, "%s.%s%s(", datasets[i].schema, datasets[i].name, datasets[i].kind == TL_DATASET_VIEW ? " view" : "");
        for (size_t k = 0; k < datasets[i].column_count; k++) {
            const struct tl_source_column *column = &datasets[i].columns[k];
            tl_buf_addf(ret_text, "%s%s ", k ? ", " : "", column->name);
            tl_type_format_sql(ret_text, &column->type);
            tl_buf_addf(ret_text, "%s%s%s%s", column->key_position ? " key" : "", column->nullable ? "" : " not null",
                        column->unsupported ? " unsupported" : "", column->comment ? " commented" : "");
        }
        tl_buf_adds(ret_text, ")\n");
    }
    tl_arena_free(arena);
}

static void expect_list(tl_engine *of, const char *name, const char *wanted)
{
    struct tl_buf text;
    list(of, name, &text);
    assert_string_equal(tl_buf_cstr(&text), wanted);
    tl_buf_done(&text);
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A database file, made by the program itself without a server. */
static void make_file(const char *path, const char *sql)
{
    char script[256];
    struct tl_buf text;
    struct tl_err err;
    tl_process *process;
    int status;
    tl_err_init(&err);
    tl_buf_init(&text, 1 << 16);
    tl_buf_addf(&text, "ATTACH '%s' AS w (STORAGE_VERSION 'v1.5.0'); USE w; %s", path, sql);
    snprintf(script, sizeof script, "%s/script.sql", folder);
    assert_int_equal(tl_file_write(script, text.data, text.size, 0600, &err), TL_OK);
    const char *arguments[] = {getenv("TL_TEST_ENGINE"), "--script", script, NULL};
    struct tl_process_options options = {.argv = arguments, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    assert_int_equal(tl_process_start(&options, &process, &err), TL_OK);
    assert_true(tl_process_wait(process, 30000, &status));
    assert_int_equal(status, 0);
    tl_process_end(process);
    tl_buf_done(&text);
}

static void expect_allowed_rows(tl_engine *of, const char *sql, const char *allowed, const char *wanted)
{
    struct answer answer;
    ask(of, &(struct question){.sql = sql, .allowed = &allowed, .allowed_count = 1}, &answer);
    assert_string_equal(answer.err.message, "");
    assert_string_equal(tl_buf_cstr(&answer.text), wanted);
    answer_done(&answer);
}

/* ---- attached ---- */

static const char accounts_sql[] =
    "CREATE TABLE accounts (id BIGINT PRIMARY KEY, name VARCHAR NOT NULL, plan ENUM('free', 'paid'), tags VARCHAR[], price DECIMAL(10,2));"
    "CREATE TABLE odd (v VARIANT);"
    "COMMENT ON COLUMN accounts.name IS 'who';"
    "CREATE VIEW names AS SELECT name FROM accounts;";

static void test_an_attached_file_is_listed(void **state)
{
    (void)state;
    make_file(path_of("ops.db"), accounts_sql);
    put_good(engine(), "ops", "test_file", "path", path_of("ops.db"));
    struct tl_buf text;
    list(engine(), "ops", &text);
    const char *got = tl_buf_cstr(&text);
    assert_non_null(strstr(got, "main.accounts(id BIGINT key not null, name VARCHAR not null commented, plan VARCHAR, tags VARCHAR[], price DECIMAL(10,2))\n"));
    assert_non_null(strstr(got, "main.odd(v VARCHAR unsupported)\n"));
    assert_non_null(strstr(got, "main.names view("));
    tl_buf_done(&text);
}

static void test_attached_tables_answer_only_when_allowed(void **state)
{
    (void)state;
    static const char *const other = "table:p:ops.main.odd";
    struct answer answer;
    expect_allowed_rows(engine(), "SELECT count(*) FROM \"p:ops\".main.accounts", "table:p:ops.main.accounts", "0\n");
    ask(engine(), &(struct question){.sql = "SELECT count(*) FROM \"p:ops\".main.accounts", .allowed = &other, .allowed_count = 1}, &answer);
    assert_int_equal(answer.code, TL_NOT_ALLOWED);
    answer_done(&answer);
    ask(engine(), &(struct question){.sql = "INSERT INTO \"p:ops\".main.accounts VALUES (1, 'x', NULL, NULL, NULL)",
            .allowed = &other, .allowed_count = 1}, &answer);
    assert_true(answer.code != TL_OK);
    answer_done(&answer);
}

static void test_a_missing_file_is_said_and_found_later(void **state)
{
    (void)state;
    struct tl_buf text;
    put_good(engine(), "later", "test_file", "path", path_of("later.db"));
    list(engine(), "later", &text);
    assert_non_null(strstr(tl_buf_cstr(&text), "source_failed: the source \"later\" could not be opened"));
    tl_buf_done(&text);
    make_file(path_of("later.db"), "CREATE TABLE words AS SELECT 'a' AS w;");
    usleep(1100 * 1000);
    expect_list(engine(), "later", "main.words(w VARCHAR)\n");
}

static void test_a_secret_never_shows(void **state)
{
    (void)state;
    struct tl_request rq;
    struct tl_source_dataset *datasets;
    size_t count;
    const char *names[] = {"path", "secret"}, *values[] = {path_of("ops.db"), "hunter2hunter2"};
    tl_arena *arena = tl_arena_new(1 << 20);
    tl_request_init(&rq, arena);
    struct tl_source_config config = {"hidden", "test_file", 2, names, values};
    assert_int_equal(tl_engine_source_put(&rq, engine(), &config), TL_OK);
    assert_true(tl_engine_source_list(&rq, engine(), "hidden", &datasets, &count) != TL_OK);
    assert_non_null(strstr(rq.err.message, "no_such_option_"));
    assert_null(strstr(rq.err.message, "hunter2"));
    assert_null(strstr(rq.err.detail, "hunter2"));
    assert_null(strstr(rq.err.hint, "hunter2"));
    tl_arena_free(arena);
}

/* ---- scanned ---- */

static void test_a_scanned_source_answers(void **state)
{
    (void)state;
    struct answer answer;
    static const char *const allowed = "scan:num.counter.numbers";
    put_good(engine(), "num", "test_numbers", "rows", "5000");
    expect_list(engine(), "num", "counter.numbers(n BIGINT key not null)\ncounter.slow(n BIGINT key not null)\n");
    expect_allowed_rows(engine(), "SELECT sum(n), count(*) FROM tl_scan('num', 'counter', 'numbers') WHERE n < 100", allowed, "4950|100\n");
    ask(engine(), &(struct question){.sql = "SELECT count(*) FROM tl_scan('num', 'counter', 'numbers')", .allowed = &allowed, .allowed_count = 1}, &answer);
    assert_string_equal(tl_buf_cstr(&answer.text), "5000\n");
    const tl_json *scans;
    assert_int_equal(tl_json_parse(answer.arena, answer.stats.scans_json.data, answer.stats.scans_json.size, &scans, &answer.rq.err), TL_OK);
    assert_int_equal(tl_json_count(scans), 1);
    answer_done(&answer);
    ask(engine(), &(struct question){.sql = "SELECT count(*) FROM tl_scan('num', 'counter', 'slow')", .allowed = &allowed, .allowed_count = 1}, &answer);
    assert_int_equal(answer.code, TL_NOT_ALLOWED);
    answer_done(&answer);
    ask(engine(), &(struct question){.sql = "SELECT count(*) FROM tl_scan('num', 'counter', 'nothing')", .allowed = &allowed, .allowed_count = 1}, &answer);
    assert_int_equal(answer.code, TL_TABLE_NOT_FOUND);
    answer_done(&answer);
}

static void test_what_a_source_refuses_is_computed_here_and_said(void **state)
{
    (void)state;
    struct answer answer;
    static const char *const allowed = "scan:num.counter.picky";
    put_good(engine(), "num", "test_numbers", "rows", "5000");
    ask(engine(), &(struct question){.sql = "SELECT count(*), max(n) FROM tl_scan('num', 'counter', 'picky') WHERE n < 100 OR n = 4999",
                                     .allowed = &allowed, .allowed_count = 1}, &answer);
    assert_string_equal(answer.err.message, "");
    assert_string_equal(tl_buf_cstr(&answer.text), "101|4999\n");
    assert_non_null(memmem(answer.stats.scans_json.data, answer.stats.scans_json.size, "refused it: numbers refuse", 26));
    assert_non_null(memmem(answer.stats.scans_json.data, answer.stats.scans_json.size, "\"pushed\":[],", 12));
    answer_done(&answer);
    /* the next statement pushes again */
    expect_allowed_rows(engine(), "SELECT count(*) FROM tl_scan('num', 'counter', 'picky')", allowed, "5000\n");
}

static void test_a_dataset_that_changed_is_described_again(void **state)
{
    (void)state;
    put_good(engine(), "num_moving", "test_numbers", "rows", "7");
    expect_allowed_rows(engine(), "SELECT count(*) FROM tl_scan('num_moving', 'counter', 'moving')", "scan:num_moving.counter.moving", "7\n");
}

static void test_replacing_a_source_is_seen_at_once(void **state)
{
    (void)state;
    put_good(engine(), "again", "test_numbers", "rows", "10");
    expect_allowed_rows(engine(), "SELECT count(*) FROM tl_scan('again', 'counter', 'numbers')", "scan:again.counter.numbers", "10\n");
    put_good(engine(), "again", "test_numbers", "rows", "20");
    expect_allowed_rows(engine(), "SELECT count(*) FROM tl_scan('again', 'counter', 'numbers')", "scan:again.counter.numbers", "20\n");
}

static void test_a_waiting_scan_is_stopped(void **state)
{
    (void)state;
    struct answer answer;
    static const char *const allowed = "scan:num.counter.slow";
    put_good(engine(), "num", "test_numbers", "rows", "5000");
    int pid = pid_of(engine());
    int64_t start_us = tl_clock_monotonic_us();
    ask(engine(), &(struct question){.sql = "SELECT sum(n) FROM tl_scan('num', 'counter', 'slow')", .allowed = &allowed,
            .allowed_count = 1, .run_time_us_max = SECONDS(1) / 2}, &answer);
    assert_int_equal(answer.code, TL_TIME_EXCEEDED);
    assert_true(tl_clock_monotonic_us() - start_us < SECONDS(3));
    answer_done(&answer);
    assert_int_equal(pid_of(engine()), pid);
}

static void test_a_waiting_test_is_stopped(void **state)
{
    (void)state;
    struct tl_request rq;
    const char *version;
    tl_arena *arena = tl_arena_new(1 << 20);
    put_good(engine(), "stuck", "test_numbers", "rows", "-1");
    tl_request_init(&rq, arena);
    rq.deadline_us = tl_clock_monotonic_us() + SECONDS(1) / 2;
    assert_int_equal(tl_engine_source_test(&rq, engine(), "stuck", &version), TL_TIME_EXCEEDED);
    tl_request_init(&rq, arena);
    assert_int_equal(tl_engine_source_test(&rq, engine(), "num", &version), TL_OK);
    assert_string_equal(version, "numbers up to 5000");
    tl_arena_free(arena);
}

/* ---- configuration ---- */

static void test_bad_sources_are_refused_and_forgotten(void **state)
{
    (void)state;
    struct tl_err err;
    assert_int_equal(put(engine(), "bad", "no_such_kind", NULL, NULL, &err), TL_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "no_such_kind"));
    assert_int_equal(put(engine(), "bad", "test_file", "path", "relative.db", &err), TL_INVALID_ARGUMENT);
    expect_list(engine(), "bad", "catalog_not_found: there is no source \"bad\"");
}

static void test_a_removed_source_is_gone(void **state)
{
    (void)state;
    struct tl_request rq;
    tl_arena *arena = tl_arena_new(1 << 20);
    put_good(engine(), "gone", "test_numbers", NULL, NULL);
    tl_request_init(&rq, arena);
    assert_int_equal(tl_engine_source_remove(&rq, engine(), "gone"), TL_OK);
    assert_int_equal(tl_engine_source_remove(&rq, engine(), "gone"), TL_CATALOG_NOT_FOUND);
    tl_arena_free(arena);
    expect_list(engine(), "gone", "catalog_not_found: there is no source \"gone\"");
}

static void test_sources_are_there_again_after_a_death(void **state)
{
    (void)state;
    put_good(engine(), "num", "test_numbers", "rows", "5000");
    expect_list(engine(), "later", "main.words(w VARCHAR)\n");
    int pid = pid_of(engine());
    kill(pid, SIGKILL);
    assert_true(wait_for_other_pid(engine(), pid) >= 0);
    expect_list(engine(), "later", "main.words(w VARCHAR)\n");
    expect_allowed_rows(engine(), "SELECT count(*) FROM tl_scan('num', 'counter', 'numbers')", "scan:num.counter.numbers", "5000\n");
    expect_list(engine(), "gone", "catalog_not_found: there is no source \"gone\"");
}

/* ---- a path that was not allowed at the start ---- */

static void test_a_new_path_replaces_the_process_unseen(void **state)
{
    (void)state;
    struct testing own;
    struct tl_request rq;
    tl_result *result;
    testing_start(&own, 0, 0, NULL);
    expect_rows(own.engine, "SELECT 1", "1\n");
    int pid = pid_of(own.engine);
    /* a statement that runs while the process is replaced ends well */
    tl_arena *arena = tl_arena_new(1 << 24);
    tl_request_init(&rq, arena);
    static const char *const allowed[] = {"function:range"};
    struct tl_engine_statement statement = {.sql = TL_STR("FROM range(3000000)"), .allowed = allowed, .allowed_count = 1};
    assert_int_equal(tl_engine_run(&rq, own.engine, NULL, &statement, &result), TL_OK);
    put_good(own.engine, "later", "test_file", "path", path_of("later.db"));
    expect_list(own.engine, "later", "main.words(w VARCHAR)\n");
    assert_int_not_equal(pid_of(own.engine), pid);
    assert_int_equal(kill(pid, 0), 0);
    int64_t rows = 0;
    for (bool end = false; !end;) {
        const struct tl_batch *batch;
        assert_int_equal(tl_result_next(&rq, result, -1, &batch, &end), TL_OK);
        rows += batch ? (int64_t)batch->row_count : 0;
    }
    assert_int_equal(rows, 3000000);
    tl_arena_free(arena);
    for (int i = 0; i < 200 && kill(pid, 0) == 0; i++)
        usleep(20 * 1000);
    assert_int_equal(kill(pid, 0), -1);
    testing_stop(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_attached_file_is_listed),
        cmocka_unit_test(test_attached_tables_answer_only_when_allowed),
        cmocka_unit_test(test_a_missing_file_is_said_and_found_later),
        cmocka_unit_test(test_a_secret_never_shows),
        cmocka_unit_test(test_a_scanned_source_answers),
        cmocka_unit_test(test_what_a_source_refuses_is_computed_here_and_said),
        cmocka_unit_test(test_a_dataset_that_changed_is_described_again),
        cmocka_unit_test(test_replacing_a_source_is_seen_at_once),
        cmocka_unit_test(test_a_waiting_scan_is_stopped),
        cmocka_unit_test(test_a_waiting_test_is_stopped),
        cmocka_unit_test(test_bad_sources_are_refused_and_forgotten),
        cmocka_unit_test(test_a_removed_source_is_gone),
        cmocka_unit_test(test_sources_are_there_again_after_a_death),
        cmocka_unit_test(test_a_new_path_replaces_the_process_unseen),
    };
    return cmocka_run_group_tests(tests, start_shared, stop_shared);
}
