/* Writing, reading, the queue, and all of it at once. */
#include "store/store_test.h"

#define ADD_FACT "INSERT INTO event (id, at_us, kind, subject, body) VALUES (?1, 0, 'k', 's', '{}')"

/* ---- values ---- */

static enum tl_code check_values(void *context, const struct tl_store_value *cells, size_t cell_count,
                                 struct tl_err *row_err)
{
    (void)row_err;
    assert_int_equal(cell_count, 7);
    assert_int_equal(cells[0].type, TL_STORE_INT);
    assert_true(cells[0].integer == INT64_MIN);
    assert_int_equal(cells[1].type, TL_STORE_DOUBLE);
    assert_true(cells[1].number == 0.1);
    assert_int_equal(cells[2].type, TL_STORE_TEXT);
    assert_true(tl_str_equal(cells[2].bytes, TL_STR("a\0b \xC3\xA9")));
    assert_int_equal(cells[3].type, TL_STORE_BLOB);
    assert_true(tl_str_equal(cells[3].bytes, TL_STR("\x00\xFF")));
    assert_int_equal(cells[4].type, TL_STORE_NULL);
    assert_int_equal(cells[5].type, TL_STORE_TEXT);
    assert_int_equal(cells[5].bytes.size, 0);
    assert_int_equal(cells[6].type, TL_STORE_BLOB);
    assert_int_equal(cells[6].bytes.size, 0);
    tl_arena *arena = tl_arena_new(1000);
    assert_memory_equal(tl_store_text(arena, &cells[2]), "a\0b \xC3\xA9", 7);
    assert_null(tl_store_text(arena, &cells[4]));
    assert_string_equal(tl_store_text(arena, &cells[5]), "");
    tl_arena_free(arena);
    ++*(int *)context;
    return TL_OK;
}

static enum tl_code write_values(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    const struct tl_store_value params[] = {TL_STORE_I(INT64_MIN),
                                            {.type = TL_STORE_DOUBLE, .number = 0.1},
                                            {.type = TL_STORE_TEXT, .bytes = TL_STR("a\0b \xC3\xA9")},
                                            TL_STORE_B(TL_STR("\x00\xFF")),
                                            TL_STORE_T(NULL),
                                            TL_STORE_T(""),
                                            TL_STORE_B(TL_STR(""))};
    if (tl_store_run(tx, "CREATE TABLE v (i BIGINT, d DOUBLE PRECISION, t TEXT, b BLOB, n TEXT, et TEXT, eb BLOB)",
                     NULL, 0, NULL, NULL, run_err) != TL_OK)
        return run_err->code;
    if (tl_store_run(tx, "INSERT INTO v VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", params, 7, NULL, NULL, run_err) != TL_OK)
        return run_err->code;
    assert_int_equal(tl_store_changes(tx), 1);
    return tl_store_run(tx, "SELECT * FROM v", NULL, 0, check_values, context, run_err);
}

static enum tl_code read_values(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    return tl_store_run(tx, "SELECT * FROM v", NULL, 0, check_values, context, run_err);
}

static void test_every_kind_of_value_comes_back_as_it_was(void **state)
{
    (void)state;
    int rows = 0;
    assert_ok(tl_store_write(store, write_values, &rows, &err));
    assert_ok(tl_store_read(store, read_values, &rows, &err));
    close_store();
    open_store();
    assert_ok(tl_store_read(store, read_values, &rows, &err));
    assert_int_equal(rows, 3);
}

/* ---- statements ---- */

static void test_a_wrong_statement_is_an_error_and_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum tl_code code;
    } cases[] = {
        {"SELEKT 1", TL_INTERNAL},
        {"SELECT * FROM nowhere", TL_INTERNAL},
        {"SELECT 1; SELECT 2", TL_INTERNAL},
        {"", TL_INTERNAL},
        {"SELECT ?1", TL_INTERNAL}, /* without its parameter */
        {"SELECT \"no such column\"", TL_INTERNAL},
        {"INSERT INTO source (name, kind) VALUES ('a', 'b')", TL_CONSTRAINT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tl_err_init(&err);
        if (write_sql(cases[i].sql) != cases[i].code)
            fail_msg("\"%s\": %s %s", cases[i].sql, tl_code_info(err.code)->name, err.message);
        assert_string_not_equal(err.message, "");
    }
    tl_err_init(&err);
    assert_ok(write_sql("SELECT 1 ; \n")); /* what was prepared in vain did no harm */
}

static void test_a_key_that_exists_is_told_from_other_constraints(void **state)
{
    (void)state;
    const char *sql = "INSERT INTO source (name, kind, options) VALUES ('ops', 'postgres', '{}')";
    assert_ok(write_sql(sql));
    assert_int_equal(write_sql(sql), TL_ALREADY_EXISTS);
    assert_int_equal(number_of("SELECT count(*) FROM source"), 1);
}

static void test_a_statement_text_is_prepared_once_and_old_ones_make_room(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3 * STORE_STATEMENTS_MAX; i++) {
            char sql[64];
            snprintf(sql, sizeof sql, "SELECT %d", i);
            assert_int_equal(number_of(sql), i);
        }
    }
}

struct nesting {
    tl_store_tx *tx;
    int depth, deepest;
};

static enum tl_code nest(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *row_err)
{
    (void)cells;
    (void)cell_count;
    struct nesting *nesting = context;
    nesting->depth++;
    if (nesting->depth > nesting->deepest)
        nesting->deepest = nesting->depth;
    enum tl_code code = TL_OK;
    if (nesting->depth < 3) /* the same text, while the outer one is still at its row */
        code = tl_store_run(nesting->tx, "SELECT 1 UNION ALL SELECT 2", NULL, 0, nest, nesting, row_err);
    nesting->depth--;
    return code;
}

static enum tl_code run_nested(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    struct nesting *nesting = context;
    nesting->tx = tx;
    return tl_store_run(tx, "SELECT 1 UNION ALL SELECT 2", NULL, 0, nest, nesting, run_err);
}

static void test_statements_may_run_inside_one_another(void **state)
{
    (void)state;
    struct nesting nesting = {0};
    assert_ok(tl_store_read(store, run_nested, &nesting, &err));
    assert_int_equal(nesting.deepest, 3);
}

static enum tl_code stop_at_second(void *context, const struct tl_store_value *cells, size_t cell_count,
                                   struct tl_err *row_err)
{
    (void)cells;
    (void)cell_count;
    return ++*(int *)context == 2 ? tl_err_set(row_err, TL_ROWS_EXCEEDED, "two are enough") : TL_OK;
}

static enum tl_code run_stopped(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    return tl_store_run(tx, "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3", NULL, 0, stop_at_second, context,
                        run_err);
}

static void test_a_row_may_stop_its_statement(void **state)
{
    (void)state;
    int rows = 0;
    assert_int_equal(tl_store_read(store, run_stopped, &rows, &err), TL_ROWS_EXCEEDED);
    assert_int_equal(rows, 2);
    assert_string_equal(err.message, "two are enough");
}

/* ---- writes ---- */

static enum tl_code write_then_fail(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    if (tl_store_run(tx, "INSERT INTO source (name, kind, options) VALUES ('half', 'x', '{}')", NULL, 0, NULL, NULL,
                     run_err) != TL_OK)
        return run_err->code;
    tl_store_fact(context, "kept", "half", TL_STR("{}"));
    return tl_err_set(run_err, TL_CONFLICT, "somebody was first");
}

static void test_a_failed_write_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(tl_store_write(store, write_then_fail, store, &err), TL_CONFLICT);
    assert_string_equal(err.message, "somebody was first");
    assert_int_equal(number_of("SELECT count(*) FROM source"), 0);
    tl_store_flush(store);
    assert_int_equal(number_of("SELECT count(*) FROM event WHERE kind = 'kept'"), 1); /* facts are not the write's */
}

static enum tl_code write_inside_write(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    (void)context;
    (void)tx;
    struct statement inner = {.sql = "SELECT 1"};
    tl_store_flush(store); /* would wait for itself */
    return tl_store_write(store, run_statement, &inner, run_err);
}

static void test_a_write_inside_a_write_is_refused(void **state)
{
    (void)state;
    assert_int_equal(tl_store_write(store, write_inside_write, NULL, &err), TL_INTERNAL);
    tl_err_init(&err);
    assert_ok(write_sql("SELECT 1"));
}

static enum tl_code end_transaction(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    (void)context;
    return tl_store_run(tx, "ROLLBACK", NULL, 0, NULL, NULL, run_err);
}

static void test_a_write_that_loses_its_transaction_fails(void **state)
{
    (void)state;
    tl_store_append(store, ADD_FACT, (const struct tl_store_value[]){TL_STORE_I(1)}, 1);
    assert_int_equal(tl_store_write(store, end_transaction, NULL, &err), TL_STATE);
    tl_err_init(&err);
    struct tl_store_health health;
    assert_ok(tl_store_health(store, &health, &err));
    assert_int_equal(health.append_failures + number_of("SELECT count(*) FROM event"), 1); /* lost is counted as lost */
    assert_ok(write_sql("SELECT 1"));
}

static void test_a_reader_cannot_write(void **state)
{
    (void)state;
    struct statement statement = {.sql = "DELETE FROM source"};
    assert_int_equal(tl_store_read(store, run_statement, &statement, &err), TL_STATE);
}

/* ---- the queue ---- */

static void test_appends_are_there_after_a_flush_in_their_order(void **state)
{
    (void)state;
    char subject[32];
    for (int i = 1; i <= 2500; i++) {
        snprintf(subject, sizeof subject, "s%d", i);
        tl_store_fact(store, "k", subject, TL_STR("{}"));
    }
    tl_store_flush(store);
    assert_int_equal(number_of("SELECT count(*) FROM event"), 2500);
    assert_int_equal(number_of("SELECT count(*) FROM event WHERE subject = 's' || id"), 2500);
    close_store();
    open_store();
    tl_store_fact(store, "k", "later", TL_STR("{}"));
    close_store(); /* closing flushes */
    open_store();
    assert_int_equal(number_of("SELECT id FROM event WHERE subject = 'later'"), 2501);
}

static void test_a_lonely_append_is_committed_within_a_moment(void **state)
{
    (void)state;
    tl_store_fact(store, "k", "s", TL_STR("{}"));
    int64_t start_us = tl_clock_monotonic_us();
    while (number_of("SELECT count(*) FROM event") == 0)
        if (tl_clock_monotonic_us() - start_us > 5000000)
            fail_msg("not committed after 5 s");
}

static void test_a_failing_append_is_counted_and_harms_no_other(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 10; i++)
        tl_store_append(store, ADD_FACT, (const struct tl_store_value[]){TL_STORE_I(i == 5 ? 1 : i)}, 1);
    tl_store_append(store, "INSERT INTO nowhere VALUES (1)", NULL, 0);
    tl_store_flush(store);
    struct tl_store_health health;
    assert_ok(tl_store_health(store, &health, &err));
    assert_int_equal(health.append_failures, 2);
    assert_int_equal(health.queued, 0);
    assert_true(health.schema_version >= 1 && health.size_bytes > 0);
    assert_int_equal(number_of("SELECT count(*) FROM event"), 9);
}

static pthread_mutex_t hold_mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int appended;
static atomic_bool held;

static enum tl_code hold_writer(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    (void)tx;
    (void)context;
    (void)run_err;
    atomic_store(&held, true);
    pthread_mutex_lock(&hold_mutex);
    pthread_mutex_unlock(&hold_mutex);
    return TL_OK;
}

static void *hold_in_thread(void *unused)
{
    struct tl_err own;
    tl_err_init(&own);
    return tl_store_write(store, hold_writer, NULL, &own) == TL_OK ? NULL : unused;
}

static void *append_many(void *unused)
{
    for (int i = 0; i < STORE_QUEUE_MAX + 100; i++) {
        tl_store_append(store, "SELECT 1", NULL, 0);
        atomic_fetch_add(&appended, 1);
    }
    return unused;
}

static void test_a_full_queue_makes_appends_wait(void **state)
{
    (void)state;
    pthread_t holder, appender;
    atomic_store(&appended, 0);
    atomic_store(&held, false);
    pthread_mutex_lock(&hold_mutex);
    pthread_create(&holder, NULL, hold_in_thread, NULL);
    while (!atomic_load(&held))
        usleep(1000);
    pthread_create(&appender, NULL, append_many, NULL);
    while (atomic_load(&appended) < STORE_QUEUE_MAX)
        usleep(1000);
    usleep(100000);
    assert_int_equal(atomic_load(&appended), STORE_QUEUE_MAX);
    pthread_mutex_unlock(&hold_mutex);
    pthread_join(holder, NULL);
    pthread_join(appender, NULL);
    tl_store_flush(store);
    struct tl_store_health health;
    assert_ok(tl_store_health(store, &health, &err));
    assert_int_equal(health.queued, 0);
    assert_int_equal(health.append_failures, 0);
}

/* ---- all at once ---- */

static enum tl_code compare_twice(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    struct statement first = {.sql = "SELECT count(*) FROM source"}, second = first;
    if (run_statement(tx, &first, run_err) != TL_OK)
        return run_err->code;
    usleep(500);
    if (run_statement(tx, &second, run_err) != TL_OK)
        return run_err->code;
    if (first.number != second.number || first.number % 2)
        ++*(int *)context;
    return TL_OK;
}

static enum tl_code add_pair(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    static const char sql[] = "INSERT INTO source (name, kind, options) VALUES (?1, ?2, '{}')";
    for (int side = 0; side < 2; side++) {
        const struct tl_store_value params[] = {{.type = TL_STORE_TEXT, .bytes = tl_str_of(context)}, TL_STORE_T("x")};
        struct tl_store_value named[] = {params[0], params[1]};
        char name[64];
        snprintf(name, sizeof name, "%s %d", (const char *)context, side);
        named[0].bytes = tl_str_of(name);
        if (tl_store_run(tx, sql, named, 2, NULL, NULL, run_err) != TL_OK)
            return run_err->code;
    }
    return TL_OK;
}

enum { WORK_ITEMS = 150 };

static void *worker(void *number_pointer)
{
    int number = *(int *)number_pointer, torn = 0;
    struct tl_err own;
    tl_err_init(&own);
    for (int i = 0; i < WORK_ITEMS; i++) {
        char name[64];
        snprintf(name, sizeof name, "worker %d item %d", number, i);
        enum tl_code code = TL_OK;
        if (number < 2)
            code = tl_store_write(store, add_pair, name, &own);
        else if (number < 4)
            code = tl_store_read(store, compare_twice, &torn, &own);
        else
            tl_store_fact(store, "work", name, TL_STR("{}"));
        if (code != TL_OK || torn)
            return number_pointer;
    }
    if (number == 4)
        tl_store_flush(store);
    return NULL;
}

static void test_writers_readers_and_appenders_do_not_disturb_one_another(void **state)
{
    (void)state;
    enum { THREADS = 7 };
    pthread_t threads[THREADS];
    int numbers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, worker, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    tl_store_flush(store);
    assert_int_equal(number_of("SELECT count(*) FROM source"), 2 * 2 * WORK_ITEMS);
    assert_int_equal(number_of("SELECT count(*) FROM event"), 3 * WORK_ITEMS);
    assert_int_equal(number_of("SELECT count(DISTINCT subject) FROM event"), 3 * WORK_ITEMS);
}

static void *read_at_once(void *context)
{
    struct tl_err own;
    int torn = 0;
    tl_err_init(&own);
    return tl_store_read(store, compare_twice, &torn, &own) == TL_OK ? NULL : context;
}

static void test_more_readers_than_connections_take_turns(void **state)
{
    (void)state;
    enum { THREADS = 3 * STORE_READERS_MAX };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, read_at_once, threads);
    for (int i = 0; i < THREADS; i++) {
        void *problem;
        pthread_join(threads[i], &problem);
        assert_null(problem);
    }
    assert_true(store->readers_idle <= STORE_READERS_IDLE_MAX);
    assert_int_equal(store->readers_open, store->readers_idle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_every_kind_of_value_comes_back_as_it_was),
        TEST(test_a_wrong_statement_is_an_error_and_says_why),
        TEST(test_a_key_that_exists_is_told_from_other_constraints),
        TEST(test_a_statement_text_is_prepared_once_and_old_ones_make_room),
        TEST(test_statements_may_run_inside_one_another),
        TEST(test_a_row_may_stop_its_statement),
        TEST(test_a_failed_write_leaves_nothing),
        TEST(test_a_write_inside_a_write_is_refused),
        TEST(test_a_write_that_loses_its_transaction_fails),
        TEST(test_a_reader_cannot_write),
        TEST(test_appends_are_there_after_a_flush_in_their_order),
        TEST(test_a_lonely_append_is_committed_within_a_moment),
        TEST(test_a_failing_append_is_counted_and_harms_no_other),
        TEST(test_a_full_queue_makes_appends_wait),
        TEST(test_writers_readers_and_appenders_do_not_disturb_one_another),
        TEST(test_more_readers_than_connections_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
