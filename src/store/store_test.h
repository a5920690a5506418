/* A state in a folder of its own for each test. */
#ifndef TL_STORE_STORE_TEST_H
#define TL_STORE_STORE_TEST_H

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/process.h"
#include "store/store_int.h"

static char folder[64];
static char state_file[128];
static tl_store *store;
static struct tl_err err;

static inline void assert_ok(enum tl_code code)
{
    if (code != TL_OK)
        fail_msg("%s: %s (%s)", tl_code_info(code)->name, err.message, err.detail);
}

static inline void open_store(void)
{
    tl_err_init(&err);
    assert_ok(tl_store_open(folder, &store, &err));
}

static inline void close_store(void)
{
    store = tl_store_close(store);
}

static inline int make_state(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tl_store_test.XXXXXX");
    if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
        return -1;
    snprintf(state_file, sizeof state_file, "%s/state.db", folder);
    open_store();
    return 0;
}

static inline int remove_state(void **state)
{
    (void)state;
    close_store();
    const char *const argv[] = {"/bin/rm", "-rf", folder, NULL};
    struct tl_process_options options = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    tl_process *process;
    int status = 1;
    tl_err_init(&err);
    if (tl_process_start(&options, &process, &err) != TL_OK)
        return -1;
    tl_process_wait(process, 10000, &status);
    tl_process_end(process);
    return status;
}

/* ---- one statement, in a write or a read of its own ---- */

struct statement {
    const char *sql;
    const struct tl_store_value *params;
    size_t param_count;
    int64_t changes;
    size_t rows;
    int64_t number; /* the first cell of the last row */
    char text[256];
};

static inline enum tl_code keep_row(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *row_err)
{
    (void)row_err;
    struct statement *statement = context;
    statement->rows++;
    statement->number = cell_count && cells[0].type == TL_STORE_INT ? cells[0].integer : 0;
    if (cell_count && cells[0].type == TL_STORE_TEXT)
        snprintf(statement->text, sizeof statement->text, "%.*s", (int)cells[0].bytes.size, cells[0].bytes.data);
    return TL_OK;
}

static inline enum tl_code run_statement(tl_store_tx *tx, void *context, struct tl_err *run_err)
{
    struct statement *statement = context;
    enum tl_code code = tl_store_run(tx, statement->sql, statement->params, statement->param_count, keep_row, statement, run_err);
    statement->changes = tl_store_changes(tx);
    return code;
}

static inline enum tl_code write_sql(const char *sql)
{
    struct statement statement = {.sql = sql};
    return tl_store_write(store, run_statement, &statement, &err);
}

static inline int64_t number_of(const char *sql)
{
    struct statement statement = {.sql = sql};
    struct tl_err own;
    tl_err_init(&own);
    if (tl_store_read(store, run_statement, &statement, &own) != TL_OK)
        fail_msg("%s: %s", sql, own.message);
    return statement.number;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_state, remove_state)

#endif
