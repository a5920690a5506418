/* What breaks a state from outside: killed writers, full disks, damaged, newer, foreign, locked and read-only files. */
#include <sys/resource.h>

#include "store/store_test.h"

static void assert_refused(enum tl_code wanted, const char *message_part)
{
    tl_store *none = NULL;
    tl_err_init(&err);
    enum tl_code code = tl_store_open(folder, &none, &err);
    assert_null(none);
    if (code != wanted || !strstr(err.message, message_part))
        fail_msg("%s: %s (%s)", tl_code_info(code)->name, err.message, err.detail);
    assert_string_not_equal(err.hint, "");
}

static struct tl_buf read_file(const char *path)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 64U << 20);
    assert_ok(tl_file_read(path, &buf, &err));
    return buf;
}

static void write_raw(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(state_file, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* ---- killed ---- */

static enum tl_code add_two(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    static const char sql[] = "INSERT INTO event (id, at_us, kind, subject, body) VALUES (?1, 0, 'pair', 's', '{}')";
    for (int side = 0; side < 2; side++) {
        const struct tl_store_value params[] = {TL_STORE_I(*(int64_t *)context * 2 + side)};
        if (tl_store_run(tx, sql, params, 1, NULL, NULL, run_err) != TL_OK)
            return run_err->code;
    }
    return TL_OK;
}

_Noreturn static void write_until_killed(int told_fd)
{
    struct tl_err own;
    tl_err_init(&own);
    if (tl_store_open(folder, &store, &own) != TL_OK)
        _exit(1);
    for (int64_t i = 1;; i++)
        if (tl_store_write(store, add_two, &i, &own) != TL_OK || write(told_fd, &i, sizeof i) != sizeof i)
            _exit(2);
}

static void test_a_killed_writer_loses_nothing_that_it_had_promised(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        close_store();
        write_raw("DELETE FROM event");
        int told[2];
        assert_int_equal(pipe2(told, O_CLOEXEC), 0);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(told[1]);
        close(told[1]);
        int64_t promised = 0;
        while (promised < 20 + round * 13 && read(told[0], &promised, sizeof promised) == sizeof promised)
            continue;
        kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status));
        while (read(told[0], &promised, sizeof promised) == sizeof promised)
            continue;
        close(told[0]);
        open_store();
        assert_true(promised > 0);
        assert_true(number_of("SELECT count(*) FROM event") >= 2 * promised);
        assert_int_equal(number_of("SELECT count(*) FROM event") % 2, 0);
        assert_int_equal(number_of("SELECT max(id) FROM event"), number_of("SELECT count(*) FROM event") + 1);
    }
}

/* ---- full ---- */

static enum tl_code add_large(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    const struct tl_store_value params[] = {TL_STORE_I(++*(int64_t *)context)};
    return tl_store_run(
        tx, "INSERT INTO event (id, at_us, kind, subject, body) VALUES (?1, 0, 'large', 's', hex(zeroblob(50000)))",
        params, 1, NULL, NULL, run_err);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_a_full_disk_is_told_and_what_was_there_stays(void **state)
{
    (void)state;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    limit_files(1U << 20);
    enum { FIRST = 1000000 };
    int64_t id = FIRST;
    enum tl_code code = TL_OK;
    while (code == TL_OK && id < FIRST + 1000)
        code = tl_store_write(store, add_large, &id, &err);
    char *body = tl_heap_alloc(200000);
    memset(body, 'x', 200000);
    tl_store_fact(store, "lost", "s", (struct tl_str){body, 200000});
    tl_store_flush(store);
    free(body);
    limit_files(RLIM_INFINITY);
    signal(SIGXFSZ, before);
    assert_int_equal(code, TL_DISK_FULL);
    assert_string_not_equal(err.hint, "");
    assert_int_equal(number_of("SELECT count(*) FROM event"), id - 1 - FIRST);
    tl_err_init(&err);
    assert_ok(tl_store_write(store, add_large, &id, &err)); /* there is room again */
    struct tl_store_health health;
    assert_ok(tl_store_health(store, &health, &err));
    assert_int_equal(health.append_failures, 1);
    close_store();
    open_store();
    assert_int_equal(number_of("SELECT count(*) FROM event"), id - 1 - FIRST);
}

/* ---- files that are not as they should be ---- */

static void test_a_damaged_file_is_refused_and_left_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++)
        tl_store_fact(store, "kind", "a subject of some length", TL_STR("{\"and\": \"a body\"}"));
    close_store();
    struct tl_buf whole = read_file(state_file);
    size_t spots[] = {0, 100, whole.size / 8192 * 4096}; /* the header, the schema, the head of a page */
    for (size_t i = 0; i < sizeof spots / sizeof *spots; i++) {
        char *broken = tl_heap_alloc(whole.size);
        memcpy(broken, whole.data, whole.size);
        memset(broken + spots[i], 0xA5, 600);
        assert_ok(tl_file_write(state_file, broken, whole.size, 0600, &err));
        assert_refused(TL_STATE, "is damaged");
        struct tl_buf after = read_file(state_file);
        assert_int_equal(after.size, whole.size);
        assert_memory_equal(after.data, broken, whole.size);
        tl_buf_done(&after);
        free(broken);
    }
    assert_ok(tl_file_write(state_file, whole.data, whole.size / 3, 0600, &err));
    assert_refused(TL_STATE, "is damaged");
    assert_ok(
        tl_file_write(state_file, "not a database at all, but long enough to be looked at as one", 62, 0600, &err));
    assert_refused(TL_STATE, "is damaged");
    assert_ok(tl_file_write(state_file, whole.data, whole.size, 0600, &err));
    tl_buf_done(&whole);
    open_store();
    assert_int_equal(number_of("SELECT count(*) FROM event"), 400);
}

static void test_damage_met_while_reading_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++)
        tl_store_fact(store, "kind", "a subject of some length", TL_STR("{\"and\": \"a body\"}"));
    close_store();
    open_store();
    struct tl_buf whole = read_file(state_file);
    int fd = open(state_file, O_WRONLY | O_CLOEXEC); /* behind the back of the open store */
    for (size_t at = 4096; at + 4096 <= whole.size; at += 4096)
        assert_int_equal(pwrite(fd, "\xA5\xA5\xA5\xA5\xA5\xA5\xA5\xA5", 8, (off_t)at), 8);
    close(fd);
    struct statement statement = {.sql = "SELECT count(*) FROM event WHERE body LIKE '%a%'"};
    assert_int_equal(tl_store_read(store, run_statement, &statement, &err), TL_STATE);
    assert_non_null(strstr(err.message, "is damaged"));
    tl_buf_done(&whole);
}

static void test_a_newer_state_is_refused_and_left_alone(void **state)
{
    (void)state;
    close_store();
    write_raw("INSERT INTO schema_migration VALUES (9999, 'from-the-future', 0); PRAGMA wal_checkpoint(TRUNCATE)");
    struct tl_buf before = read_file(state_file);
    assert_refused(TL_STATE, "has version 9999 and this program knows versions up to");
    struct tl_buf after = read_file(state_file);
    assert_int_equal(after.size, before.size);
    assert_memory_equal(after.data, before.data, before.size);
    tl_buf_done(&before);
    tl_buf_done(&after);
}

static void test_a_foreign_database_is_refused(void **state)
{
    (void)state;
    close_store();
    unlink(state_file);
    write_raw("CREATE TABLE bookmarks (url TEXT)");
    assert_refused(TL_STATE, "is a database, but not a state of Town Lake");
}

static void test_an_interrupted_first_start_is_taken_up(void **state)
{
    (void)state;
    close_store();
    unlink(state_file);
    write_raw("CREATE TABLE schema_migration (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at_us "
              "BIGINT NOT NULL)");
    open_store();
    assert_int_equal(number_of("SELECT count(*) FROM query_history"), 0);
    close_store();
    assert_ok(tl_file_write(state_file, "", 0, 0600, &err));
    open_store();
    assert_int_equal(number_of("SELECT count(*) FROM view"), 0);
}

static void test_migrations_are_recorded_once(void **state)
{
    (void)state;
    struct tl_store_health health;
    close_store();
    open_store();
    assert_ok(tl_store_health(store, &health, &err));
    assert_int_equal(number_of("SELECT count(*) FROM schema_migration"), health.schema_version);
    assert_int_equal(number_of("SELECT max(version) FROM schema_migration"), health.schema_version);
}

/* ---- somebody else has it ---- */

static void test_a_second_process_is_refused_with_the_first_ones_number(void **state)
{
    (void)state;
    char wanted[192];
    snprintf(wanted, sizeof wanted, "the state folder \"%s\" is in use by process %d", folder, (int)getpid());
    assert_refused(TL_STATE, wanted);
    pid_t child = fork();
    if (child == 0) {
        struct tl_err own;
        tl_store *second;
        tl_err_init(&own);
        bool refused = tl_store_open(folder, &second, &own) == TL_STATE && strcmp(own.message, wanted) == 0;
        _exit(refused ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    close_store();
    open_store(); /* the lock goes with its owner */
}

static void test_a_file_that_another_program_holds_is_called_locked(void **state)
{
    (void)state;
    sqlite3 *db;
    close_store();
    assert_int_equal(sqlite3_open(state_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM event", NULL, NULL,
                                  NULL),
                     SQLITE_OK);
    assert_refused(TL_STATE, "is locked");
    sqlite3_close(db);
}

/* In a child that is nobody: for root no folder is read-only. */
static int try_as_nobody(const char *message_part)
{
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(3);
        struct tl_err own;
        tl_store *none;
        tl_err_init(&own);
        enum tl_code code = tl_store_open(folder, &none, &own);
        bool right = code == TL_STATE && strstr(own.message, message_part) && own.hint[0];
        if (!right)
            fprintf(stderr, "%s: %s (%s)\n", tl_code_info(code)->name, own.message, own.detail);
        _exit(right ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    return status;
}

static void test_a_read_only_folder_or_file_is_told(void **state)
{
    (void)state;
    char lock_file[128];
    snprintf(lock_file, sizeof lock_file, "%s/state.lock", folder);
    close_store();
    chmod(state_file, 0444);
    chmod(folder, 0555);
    unlink(lock_file);
    assert_int_equal(try_as_nobody("is read-only"), 0);
    assert_ok(tl_file_write(lock_file, "", 0, 0666, &err));
    chmod(lock_file, 0666);
    assert_int_equal(try_as_nobody("is read-only"), 0);
    chmod(state_file, 0666); /* the file may be written, but not the log beside it */
    assert_int_equal(try_as_nobody("is read-only"), 0);
    chmod(state_file, 0444);
    chmod(folder, 0777);
    assert_int_equal(try_as_nobody("is read-only"), 0);
    chmod(folder, 0755);
}

static void test_a_folder_that_cannot_be_made_is_told(void **state)
{
    (void)state;
    close_store();
    char path[200];
    snprintf(path, sizeof path, "%s/inside", state_file);
    tl_store *none = NULL;
    assert_int_equal(tl_store_open(path, &none, &err), TL_IO);
    assert_non_null(strstr(err.message, state_file));
    tl_err_init(&err);
    snprintf(path, sizeof path, "%s/new/folders", folder);
    assert_ok(tl_store_open(path, &none, &err));
    tl_store_close(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_killed_writer_loses_nothing_that_it_had_promised),
        TEST(test_a_full_disk_is_told_and_what_was_there_stays),
        TEST(test_a_damaged_file_is_refused_and_left_alone),
        TEST(test_damage_met_while_reading_is_told),
        TEST(test_a_newer_state_is_refused_and_left_alone),
        TEST(test_a_foreign_database_is_refused),
        TEST(test_an_interrupted_first_start_is_taken_up),
        TEST(test_migrations_are_recorded_once),
        TEST(test_a_second_process_is_refused_with_the_first_ones_number),
        TEST(test_a_file_that_another_program_holds_is_called_locked),
        TEST(test_a_read_only_folder_or_file_is_told),
        TEST(test_a_folder_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
