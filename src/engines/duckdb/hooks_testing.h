/* engines/duckdb/hooks_testing.h -- a source for tests: a second engine that holds the truth and answers scans in SQL.
 *
 * Its table `wide` has a column of every type, with NULLs.  The engine under test reads it through tl_scan('fake', 'main', 'wide')
 *   and has the same rows in its own table `local`.  `facts` is the same table, of unknown size; `names` is a small one.  The source
 *   "other" has the same datasets and is another one.
 */
#ifndef TL_ENGINES_DUCKDB_HOOKS_TESTING_H
#define TL_ENGINES_DUCKDB_HOOKS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engines/duckdb/hooks.h"

enum { TESTING_ROWS = 20000, TESTING_PARTS = 7 };

enum fake_pushes { FAKE_PUSHES_ALL, FAKE_PUSHES_COMPARISONS, FAKE_PUSHES_NOTHING };

struct fake {
    enum fake_pushes pushes;
    bool pushes_order, derives;
    int parts_at_once;
    enum tl_code fails_open, fails_part, fails_next; /* with this code, TL_OK = does not fail */
    int fails_after_chunks;
    int delay_ms; /* each chunk, while asking `stop` */
    atomic_long scans, parts, chunks, rows, handles, derived; /* made */
    atomic_long scans_open, parts_open, handles_open;       /* and not ended */
    char last_sql[65536];
};

extern struct fake fake;
extern const struct tl_hooks_calls fake_calls;
extern duckdb_database testing_back, testing_front;
extern duckdb_connection testing_connection;

bool testing_is_null(duckdb_vector vector, idx_t row);
int testing_open(void **state);
int testing_close(void **state);
/* Everything allowed, pushdown on, the fake as it is by default. */
int testing_reset(void **state);

/* The statement's rows as texts, one a line; sorted unless ordered.  On an error "ERROR text".  Free it. */
char *testing_rows(const char *sql, bool ordered);
/* @ in `sql` becomes `table`, # names of the same source (of the engine itself when `table` is no scan), $ names of the other. */
char *testing_with_table(const char *sql, const char *table);
void testing_run(const char *sql);
/* Runs, which must fail; the error that was kept, or else the engine's own by tl_hooks_error. */
struct tl_err testing_failure(const char *sql);
char *testing_scans(void);

struct testing_query {
    const char *sql; /* with @ # $ */
    bool ordered;
};
/* Over scans and over the engine's own tables: the same rows each. */
void testing_compare_all(const struct testing_query *queries, size_t count);
/* Tests of any such list, which is their state. */
struct testing_queries {
    const struct testing_query *queries;
    size_t count;
};
void test_answers_are_equal_when_everything_is_pushed(void **state);
void test_answers_are_equal_when_some_is_pushed(void **state);
void test_answers_are_equal_when_the_source_derives_nothing(void **state);
void test_answers_are_equal_with_pushdown_switched_off(void **state);
/* What the source was asked last when the statement runs. */
void testing_assert_sent(const char *sql, const char *wanted);
void testing_assert_not_sent(const char *sql, const char *unwanted);
/* The report of the statement, which runs; free it. */
char *testing_report_of(const char *sql);
void testing_assert_reported(const char *sql, const char *wanted);

#endif
