/* engines/duckdb/hooks.h -- what DuckDB's C API has no equivalent for, in C clothes: the parser's AST, our scan function with
 *   pushdown, and the check of the bound plan.  Implemented in C++ (hooks.cpp and its neighbours); no exception leaves.
 *
 * Why C++ at all: research hooks.md.  It refuses any engine version but the pinned one (tl_hooks_install).
 * Threads: install once per database before the first statement; parse from any thread; callbacks come from engine threads.
 */
#ifndef TL_ENGINES_DUCKDB_HOOKS_H
#define TL_ENGINES_DUCKDB_HOOKS_H

#include <duckdb.h>

#include "source/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where the scan function tl_scan(source, schema, name) finds its source.  All of C; return codes, never exceptions. */
struct tl_hooks_calls {
    void *context;
    /* Description of a dataset, cached by the callee; *ret_release is called with *ret_handle when the plan is done with it. */
    enum tl_code (*describe)(void *context, const char *source, const char *schema, const char *name, const struct tl_stop *stop,
                             const struct tl_source_dataset **ret_dataset, const struct tl_source_driver **ret_driver,
                             tl_source **ret_source, void **ret_handle, struct tl_err *err);
    void (*release)(void *context, void *handle);
};

TL_CHECKED enum tl_code tl_hooks_install(duckdb_database database, const struct tl_hooks_calls *calls, struct tl_err *err);

/* Parse only; JSON of engine/wire.h (PARSE), with these besides: EXPLAIN "format"; INSERT and MERGE actions "by_name", MERGE
 *   actions "default_values"; CREATE_TABLE "sorted_by"; ALTER "column_type", "constraint"; CREATE of other things is
 *   "CREATE_<WHAT>" with nothing else.  What the parser makes several statements of (PIVOT without IN, ALTER TABLE ADD COLUMN
 *   with a default that is not constant) is "MULTI" with nothing else.  Infinite numbers are the texts "Infinity", "NaN".
 * Positions are byte offsets into `sql`, also behind Unicode spaces, which the parser shortens before it reads.
 * TL_BAD_ENCODING for NULs and invalid UTF-8.  TL_SYNTAX with position; TL_TOO_LARGE beyond TL_HOOKS_DEPTH_MAX levels of JSON.
 * Stack: the calling thread must have TL_HOOKS_STACK_BYTES_MIN of it; then no text can overflow it (measured in parse_test.c). */
enum { TL_HOOKS_DEPTH_MAX = 1000, TL_HOOKS_STACK_BYTES_MIN = 1024 * 1024 };
TL_CHECKED enum tl_code tl_hooks_parse(const char *sql, size_t size, struct tl_buf *json, struct tl_err *err);

/* What the next statements on this connection may touch (engine.h: `allowed`), and whether sources are asked to do anything.
 * Checked after binding whatever the optimizer settings are; NULL allowed = everything (start-up statements only), as on a
 *   connection that never had a guard.
 * A table that is changed and read (UPDATE, DELETE, MERGE) needs "write:" and "table:"; a schema "write:<catalog>.<schema>";
 *   "scalar:<name>" opens one of the few scalar functions that look outside the statement.
 * The strings are copied.  Forgets the error and the scans of the last statement. */
struct tl_hooks_guard {
    const char *const *allowed;
    size_t allowed_count;
    bool no_pushdown;
    const char *no_pushdown_reason; /* for the report; NULL = it was asked for */
    const char *query_id;
    int threads_max;
};
void tl_hooks_set_guard(duckdb_connection connection, const struct tl_hooks_guard *guard);

/* The error a driver or the guard reported during the last statement of this connection, when there was one (code, detail
 * and hint survive the engine's own error text). */
bool tl_hooks_take_error(duckdb_connection connection, struct tl_err *ret_err);

/* What an engine error is about, by the engine's own classes: error type number -> our code, position in the text or -1.
 * Understands both of the engine's forms.  With `SET errors_as_json = true` the position is always there; in the other form
 * only when it is in the first line of a short statement. */
enum tl_code tl_hooks_error(const char *engine_message, int engine_error_type, struct tl_err *err);

/* JSON array of the scans of the last statement (engine.h: scans_json), also of one that was only planned (EXPLAIN):
 * {"source","datasets":["schema.name", ..],"columns":[..],"pushed":[{"kind","what"}],"not_pushed":[{"kind","what","reason"}],
 * "estimated_rows":n|null,"estimated_bytes":n|null,"ran":bool,"parts","rows","bytes","sent":text|null}.
 * kind: "filter", "dynamic filter" (keys or bounds known while running), "aggregate", "join", "limit".  Several datasets: the
 * source joins them.  What is not pushed of several scans (a join, a group above it) stands with the first of them. */
void tl_hooks_scans_json(duckdb_connection connection, struct tl_buf *json);

/* Rows that the scans of the last statement gave: those of sources at any time, those of the engine's own tables (allowed by
 * "table:" and "function:read_..") as their pipelines end.  Rows that EXPLAIN ANALYZE reads of the latter are in its plan. */
int64_t tl_hooks_rows_scanned(duckdb_connection connection);

#ifdef __cplusplus
}
#endif
#endif
