/* engines/duckdb/engine_testing.h -- a real engine process for tests and benchmarks.
 *
 * The program and the folder of extensions come from the environment: TL_TEST_ENGINE, TL_TEST_EXTENSIONS.
 */
#ifndef TL_ENGINES_DUCKDB_ENGINE_TESTING_H
#define TL_ENGINES_DUCKDB_ENGINE_TESTING_H

#include "engine/engine.h"

struct testing {
    tl_engine *engine;
    char directory[64]; /* made for it, removed with it */
};

/* memory_bytes 0: 512 MiB.  path: one more allowed folder or NULL. */
void testing_start(struct testing *testing, int64_t memory_bytes, int64_t spill_bytes, const char *path);
void testing_stop(struct testing *testing);
void testing_remove_folder(const char *path);

/* One statement and its answer. */
struct answer {
    tl_arena *arena;
    struct tl_request rq;
    enum tl_code code;
    struct tl_err err;
    const struct tl_field *fields;
    size_t field_count;
    struct tl_buf text; /* rows as "a|b" lines */
    struct tl_result_stats stats;
    int64_t first_row_us; /* after the start */
};

struct question {
    const char *sql;
    const struct tl_engine_view *views;
    size_t view_count;
    const struct tl_value *params;
    size_t param_count;
    const char *const *allowed; /* NULL: what the tests use */
    size_t allowed_count;
    int64_t rows_max, run_time_us_max, memory_bytes_max;
    const char *time_zone, *query_id;
    bool no_text; /* rows are counted only */
};

void ask(tl_engine *engine, const struct question *question, struct answer *ret_answer);
void answer_done(struct answer *answer);

/* The rows of a statement must be these. */
void expect_rows(tl_engine *engine, const char *sql, const char *rows);
/* The statement must fail like this; text: a part of the message, NULL = any. */
void expect_error(tl_engine *engine, const char *sql, enum tl_code code, const char *text);
/* Waits for a running engine with another pid than `pid`; microseconds it took, -1 = not within 10 s. */
int64_t wait_for_other_pid(tl_engine *engine, int pid);
int64_t resident_bytes_of(int pid); /* 0 = itself */

#endif
