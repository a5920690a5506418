/* store/store.h -- Town Lake's own state: SQLite (WAL) now; the SQL used stays within what PostgreSQL also takes.
 *
 * Why: sources, lake pointers, history and audit must survive and must never be half written.
 * Writing: one writer thread.  tl_store_write runs a function in a transaction on it and waits; tl_store_append queues a
 *   row for the next group commit (history, facts) and does not wait for the disk.  tl_store_flush waits for all queued.
 * Reading: any thread, each on its own connection from a pool (tl_store_read).
 * Portable SQL: no SQLite-only functions; `?1` parameters; BIGINT, TEXT, BLOB, DOUBLE PRECISION columns; upsert by ON CONFLICT.
 * Migrations: src/store/migrations/NNNN-name.sql, compiled in, each run once in a transaction and recorded.  A state that is
 *   newer than the program is refused (TL_STATE) and left untouched; so are a corrupt, locked or read-only one, each
 *   with its own hint.
 * Errors: a row whose key exists is TL_ALREADY_EXISTS, other broken constraints TL_CONSTRAINT, a full disk TL_DISK_FULL,
 *   anything wrong with the file TL_STATE.  Durable: a write has been synced to disk when tl_store_write returns.
 * Threads: all calls, any thread.  Inside a write: no other tl_store_write (TL_INTERNAL); append and fact are fine and
 *   happen even when the write fails.
 */
#ifndef TL_STORE_STORE_H
#define TL_STORE_STORE_H

#include "base/arena.h"
#include "base/request.h"
#include "base/str.h"

typedef struct tl_store tl_store;
typedef struct tl_store_tx tl_store_tx;   /* a read or write in progress */

/* directory/state.db; the folder and the file are made when missing.  Takes a lock file: a second process gets TL_STATE ("is in use by process N"). */
TL_CHECKED enum tl_code tl_store_open(const char *directory, tl_store **ret_store, struct tl_err *err);
tl_store *tl_store_close(tl_store *store); /* flushes; returns NULL */

TL_CHECKED enum tl_code tl_store_write(tl_store *store, enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err),
                                       void *context, struct tl_err *err);
TL_CHECKED enum tl_code tl_store_read(tl_store *store, enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err),
                                      void *context, struct tl_err *err);

enum tl_store_type { TL_STORE_NULL, TL_STORE_INT, TL_STORE_TEXT, TL_STORE_BLOB, TL_STORE_DOUBLE };
struct tl_store_value {
    enum tl_store_type type;
    int64_t integer;
    double number;
    struct tl_str bytes; /* TEXT, BLOB: borrowed */
};
#define TL_STORE_I(n) ((struct tl_store_value){.type = TL_STORE_INT, .integer = (n)})
#define TL_STORE_T(s) ((struct tl_store_value){.type = (s) ? TL_STORE_TEXT : TL_STORE_NULL, .bytes = tl_str_of(s)})
#define TL_STORE_B(s) ((struct tl_store_value){.type = TL_STORE_BLOB, .bytes = (s)})
#define TL_STORE_N ((struct tl_store_value){.type = TL_STORE_NULL})
/* TEXT, BLOB: its bytes with a NUL behind, in the arena; NULL gives NULL. */
const char *tl_store_text(tl_arena *arena, const struct tl_store_value *value);

/* Run one statement with parameters, as many as it has.  `row` (may be NULL) is called per row, of at most 64 cells that are
 * valid during the call, and may stop by returning a code != TL_OK.  Statements may run inside one another. */
typedef enum tl_code (*tl_store_row)(void *context, const struct tl_store_value *cells, size_t cell_count, struct tl_err *err);
TL_CHECKED enum tl_code tl_store_run(tl_store_tx *tx, const char *sql, const struct tl_store_value *params, size_t param_count,
                                     tl_store_row row, void *context, struct tl_err *err);
int64_t tl_store_changes(tl_store_tx *tx); /* rows changed by the last run */

/* Queue a statement for the next group commit (at most 50 ms or 1,000 rows later).  Values are copied.  When the queue
 * (100,000) is full, waits.  A failing append is logged and counted: see tl_store_health. */
void tl_store_append(tl_store *store, const char *sql, const struct tl_store_value *params, size_t param_count);
void tl_store_flush(tl_store *store);

/* The event log: facts pass sideways.  kind "query_finished", subject "source.schema.table" or an id, body JSON. */
void tl_store_fact(tl_store *store, const char *kind, const char *subject, struct tl_str body_json);

struct tl_store_health {
    int64_t schema_version;
    int64_t size_bytes;
    int64_t append_failures;
    int64_t queued;
};
TL_CHECKED enum tl_code tl_store_health(tl_store *store, struct tl_store_health *ret_health, struct tl_err *err);

#endif
