/* store/store_int.h -- what the files of the store share.
 *
 * Connections: one that writes, used by the writer thread alone (and by open and close while that does not run); readers, each
 *   used by one caller at a time.
 * Lock order: there is one mutex for the queue and one for the readers; they are never held together, nor during SQL.
 */
#ifndef TL_STORE_STORE_INT_H
#define TL_STORE_STORE_INT_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/store.h"

enum {
    STORE_STATEMENTS_MAX = 48, /* prepared and kept, a connection */
    STORE_CELLS_MAX = 64,
    STORE_READERS_MAX = 32, /* open at once */
    STORE_READERS_IDLE_MAX = 8,
    STORE_BUSY_MS = 2000,
    STORE_QUEUE_MAX = 100000,
    STORE_QUEUE_BYTES_MAX = 256 * 1024 * 1024,
    STORE_GROUP_MAX = 1000,
    STORE_GROUP_WAIT_MS = 50,
};

#define STORE_HINT_DAMAGED "restore it from a backup, or move it away to start with an empty state"
#define STORE_HINT_READ_ONLY "give this user write permission for the folder and its files, or choose another state folder"

struct store_statement {
    char *sql; /* NULL: the place is free */
    sqlite3_stmt *prepared;
    uint64_t used_at;
    bool is_busy;
};

struct tl_store_tx {
    sqlite3 *db;
    tl_store *store;
    tl_store_tx *next; /* readers at rest */
    bool is_writer;
    int64_t changes;
    uint64_t uses;
    struct store_statement statements[STORE_STATEMENTS_MAX];
};

enum store_job_kind { STORE_APPEND, STORE_WRITE };

/* One entry of the queue: appends live on the heap with their values behind them, writes on their caller's stack. */
struct store_job {
    struct store_job *next;
    enum store_job_kind kind;
    size_t size_bytes;
    const char *sql;
    struct tl_store_value *params;
    size_t param_count;
    enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err);
    void *context;
    struct tl_err *err;
    enum tl_code code;
    bool is_done;
};

struct tl_store {
    char *directory;
    char *path;
    int lock_fd;
    int64_t schema_version;
    tl_store_tx *writer;

    pthread_mutex_t mutex;
    pthread_cond_t queued;   /* the writer waits */
    pthread_cond_t finished; /* callers wait: for a write, a flush, or room */
    pthread_t thread;
    bool thread_runs;
    struct store_job *first, *last;
    size_t queue_count, queue_bytes, queue_writes;
    int64_t first_queued_us;
    uint64_t queued_total, finished_total;
    int flushes; /* callers that do not want to wait for company */
    bool is_closing;
    int64_t append_failures;
    int64_t failure_logged_us;
    int64_t next_event_id;

    pthread_mutex_t readers_mutex;
    pthread_cond_t reader_freed;
    tl_store_tx *readers;
    int readers_open, readers_idle;
};

/* store.c: nothing is opened; a file that is only read and written by its own connections can be one too (tl_store_read, _close). */
tl_store *store_new(const char *directory, const char *file_name);

/* lock.c */
TL_CHECKED enum tl_code store_lock(const char *directory, int *ret_fd, struct tl_err *err);

/* connection.c */
TL_CHECKED enum tl_code store_connect(tl_store *store, bool is_writer, tl_store_tx **ret_tx, struct tl_err *err);
tl_store_tx *store_disconnect(tl_store_tx *tx);
/* Text without parameters and without rows: BEGIN, PRAGMA, ... */
TL_CHECKED enum tl_code store_execute(tl_store_tx *tx, const char *sql, struct tl_err *err);
/* One number, 0 when there is no row. */
TL_CHECKED enum tl_code store_number(tl_store_tx *tx, const char *sql, int64_t *ret_number, struct tl_err *err);
/* What the library's last failure on this connection means. */
enum tl_code store_failed(tl_store_tx *tx, struct tl_err *err);

/* schema.c */
TL_CHECKED enum tl_code store_check_and_migrate(tl_store *store, struct tl_err *err);

/* writer.c */
TL_CHECKED enum tl_code store_writer_start(tl_store *store, struct tl_err *err);
void store_writer_stop(tl_store *store);

#endif
