/* engines/duckdb/process_int.h -- what the files of the engine process share. */
#ifndef TL_ENGINES_DUCKDB_PROCESS_INT_H
#define TL_ENGINES_DUCKDB_PROCESS_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include <duckdb.h>

#include "engine/wire.h"
#include "engines/duckdb/hooks.h"
#include "engines/duckdb/process.h"
#include "lifeguard/mask.h"

struct tl_duckdb_sources;
struct tl_duckdb_views;
struct tl_duckdb_watchdog;

struct tl_duckdb_process {
    const struct tl_duckdb_options *options;
    duckdb_database database;
    uint8_t secret[TL_WIRE_SECRET_SIZE];
    uint8_t mask_key[TL_MASK_KEY_SIZE];
    struct tl_duckdb_sources *sources;
    struct tl_duckdb_views *views;
    struct tl_duckdb_watchdog *watchdog;
    atomic_int sessions;
};

/* FNV-1a, 64 bits; `hash` of the text before, or 0 to begin. */
static inline uint64_t tl_duckdb_hash(uint64_t hash, const char *text)
{
    hash = hash ? hash : UINT64_C(14695981039346656037);
    do
        hash = (hash ^ (uint8_t)*text) * UINT64_C(1099511628211);
    while (*text++);
    return hash;
}

/* ---- database.c: open, settings, helpers around statements of our own ---- */

/* mask.c; the key outlives the database */
TL_CHECKED enum tl_code tl_duckdb_add_masks(duckdb_database database, const uint8_t key[TL_MASK_KEY_SIZE], struct tl_err *err);
TL_CHECKED enum tl_code tl_duckdb_open(const struct tl_duckdb_options *options, const struct tl_hooks_calls *calls,
                                       duckdb_database *ret_database, struct tl_err *err);
/* A connection with the settings every session wants. */
TL_CHECKED enum tl_code tl_duckdb_connect(duckdb_database database, duckdb_connection *ret_connection, struct tl_err *err);
/* Runs statements of our own (no guard); what they answer is dropped. */
TL_CHECKED enum tl_code tl_duckdb_execute(duckdb_connection connection, const char *sql, struct tl_err *err);
/* Runs one statement of our own and gives its first column's texts; NULL items for NULLs. */
TL_CHECKED enum tl_code tl_duckdb_query_texts(duckdb_connection connection, const char *sql, tl_arena *arena, size_t columns,
                                              const char ***ret_texts, size_t *ret_rows, struct tl_err *err);
/* The error of the statement that just failed on the connection: what a driver or the guard said, else the engine's text. */
enum tl_code tl_duckdb_error(duckdb_connection connection, const char *message, int type, struct tl_err *err);

/* ---- watchdog.c: who runs, until when ---- */

struct tl_duckdb_running {
    int fd;
    duckdb_connection connection;
    const char *query_id;         /* "" = cannot be cancelled by name */
    int64_t deadline_us;          /* monotonic, 0 = none */
    int64_t memory_bytes_max;     /* 0 = none */
    atomic_int stop;              /* enum tl_code: TL_OK, TL_CANCELLED, TL_TIME_EXCEEDED, TL_MEMORY_EXCEEDED */
    atomic_bool writing;          /* in the socket, not in the engine: waits for the reader, is not stuck */
    /* the watchdog's */
    int64_t stop_since_us;
    double memory_bytes, peak_memory_bytes, cpu_us; /* its share */
    /* Called every few ms while it runs, from the watchdog's thread; must not wait. */
    void (*tick)(void *context, int64_t now_us);
    void *context;
    struct tl_duckdb_running *next, **link;
};

struct tl_duckdb_watchdog *tl_duckdb_watchdog_new(void);
/* From then on memory is watched too. */
void tl_duckdb_watchdog_set_database(struct tl_duckdb_watchdog *watchdog, duckdb_database database);
/* What it was given so far. */
void tl_duckdb_watch_share(struct tl_duckdb_watchdog *watchdog, const struct tl_duckdb_running *running, int64_t *ret_memory_bytes,
                           int64_t *ret_cpu_us);
void tl_duckdb_watch(struct tl_duckdb_watchdog *watchdog, struct tl_duckdb_running *running);
/* After it returns no tick is in progress and none will come. */
void tl_duckdb_unwatch(struct tl_duckdb_watchdog *watchdog, struct tl_duckdb_running *running);
/* Still watched, but its connection is not touched any more: it is being closed. */
void tl_duckdb_unwatch_connection(struct tl_duckdb_watchdog *watchdog, struct tl_duckdb_running *running);
bool tl_duckdb_watch_cancel(struct tl_duckdb_watchdog *watchdog, const char *query_id);
int tl_duckdb_watch_count(struct tl_duckdb_watchdog *watchdog);
/* For drivers: true once the statement was told to stop. */
bool tl_duckdb_running_stopped(void *running);
/* When it was told to stop: replaces what the engine said by that. */
void tl_duckdb_stop_error(const struct tl_duckdb_running *running, struct tl_err *err);

/* ---- sources.c ---- */

struct tl_duckdb_sources *tl_duckdb_sources_new(const struct tl_source_driver *const *drivers, size_t driver_count);
void tl_duckdb_sources_set_database(struct tl_duckdb_sources *sources, duckdb_database database);
struct tl_hooks_calls tl_duckdb_sources_calls(struct tl_duckdb_sources *sources);
TL_CHECKED enum tl_code tl_duckdb_sources_put(struct tl_duckdb_sources *sources, const struct tl_source_config *config,
                                              struct tl_err *err);
TL_CHECKED enum tl_code tl_duckdb_sources_remove(struct tl_duckdb_sources *sources, const char *name, struct tl_err *err);
TL_CHECKED enum tl_code tl_duckdb_sources_test(struct tl_duckdb_sources *sources, const char *name,
                                               struct tl_duckdb_running *running, tl_arena *arena, const char **ret_version,
                                               struct tl_err *err);
TL_CHECKED enum tl_code tl_duckdb_sources_list(struct tl_duckdb_sources *sources, const char *name,
                                               struct tl_duckdb_running *running, tl_arena *arena,
                                               struct tl_source_dataset **ret_datasets, size_t *ret_count, struct tl_err *err);
/* Makes sure that every attached source the statement may touch is attached. */
TL_CHECKED enum tl_code tl_duckdb_sources_attach(struct tl_duckdb_sources *sources, const char *const *allowed,
                                                 size_t allowed_count, struct tl_err *err);
/* The same from the beginning: the types of a folder's files have changed. */
TL_CHECKED enum tl_code tl_duckdb_sources_attach_anew(struct tl_duckdb_sources *sources, const char *const *allowed,
                                                      size_t allowed_count, struct tl_err *err);
/* Forget what is remembered of datasets: a source said something unexpected. */
void tl_duckdb_sources_forget(struct tl_duckdb_sources *sources);
int tl_duckdb_sources_count(struct tl_duckdb_sources *sources);

/* ---- listing.c: what an attached catalog holds ---- */

TL_CHECKED enum tl_code tl_duckdb_list_catalog(duckdb_connection connection, const char *catalog, tl_arena *arena,
                                               struct tl_source_dataset **ret_datasets, size_t *ret_count, struct tl_err *err);

/* Around the execution of a DROP: no listing walks meanwhile. */
void tl_duckdb_drop_begin(void);
void tl_duckdb_drop_end(void);

/* ---- views.c: governed views, in in-memory catalogs named by content: a name that exists is a view that is ready ---- */

struct tl_duckdb_views *tl_duckdb_views_new(void);
TL_CHECKED enum tl_code tl_duckdb_views_set_database(struct tl_duckdb_views *views, duckdb_database database, struct tl_err *err);
/* Makes the views of the statement that are missing and keeps all of them until the release. */
TL_CHECKED enum tl_code tl_duckdb_views_acquire(struct tl_duckdb_views *views, struct tl_duckdb_running *running,
                                                const struct tl_engine_statement *statement, struct tl_err *err);
/* Makes them anew: what they select from has changed its types. */
TL_CHECKED enum tl_code tl_duckdb_views_renew(struct tl_duckdb_running *running, const struct tl_engine_statement *statement,
                                              struct tl_err *err);
void tl_duckdb_views_release(struct tl_duckdb_views *views, const struct tl_engine_statement *statement);
/* How many were made since the start. */
int64_t tl_duckdb_views_made(struct tl_duckdb_views *views);

/* ---- carry.c: the engine's types in ours; encode.c: the engine's vectors in batches ---- */

enum tl_duckdb_carry_kind {
    TL_CARRY_NULL,         /* only NULLs */
    TL_CARRY_FIXED,        /* the same bytes */
    TL_CARRY_TEXT,
    TL_CARRY_SECONDS,      /* TIMESTAMP_S, TIMESTAMP_MS, TIME_NS: scaled to microseconds */
    TL_CARRY_MILLISECONDS,
    TL_CARRY_TIME_NS,
    TL_CARRY_ENUM,         /* from here on: written out as text */
    TL_CARRY_TIME_TZ,
    TL_CARRY_BIT,
    TL_CARRY_BIGNUM,
    TL_CARRY_LIST,
    TL_CARRY_ARRAY,        /* as LIST */
    TL_CARRY_MAP,
    TL_CARRY_STRUCT,
    TL_CARRY_UNION,        /* as STRUCT of its members */
};

struct tl_duckdb_carry {
    enum tl_duckdb_carry_kind kind;
    size_t width;                     /* FIXED; ENUM: of the index */
    uint64_t array_size;
    size_t label_count;               /* ENUM */
    const struct tl_str *labels;
    size_t child_count;
    struct tl_duckdb_carry *children; /* MAP: key, value */
};

/* TL_UNSUPPORTED names the column and the type. */
TL_CHECKED enum tl_code tl_duckdb_carry_make(tl_arena *arena, duckdb_logical_type logical, const char *column,
                                             struct tl_type *ret_type, struct tl_duckdb_carry *ret_carry, struct tl_err *err);
/* One BATCH frame of rows [first, first + count) of the chunks laid end to end.  When they do not fit one block: out->failed. */
void tl_duckdb_encode(struct tl_buf *out, tl_arena *scratch, const struct tl_duckdb_carry *carries, size_t column_count,
                      duckdb_data_chunk *chunks, size_t chunk_count, size_t first, size_t count, struct tl_err *err);

/* ---- params.c ---- */

TL_CHECKED enum tl_code tl_duckdb_bind(duckdb_prepared_statement prepared, const struct tl_value *params, size_t count,
                                       bool *ret_types_kept, struct tl_err *err);

/* ---- session.c, statement.c ---- */

struct tl_duckdb_session {
    struct tl_duckdb_process *process;
    int fd;
    duckdb_connection connection;
    char time_zone[64];         /* now set on the connection */
    struct tl_buf in;
    tl_arena *arena;            /* of one command */
    pthread_mutex_t send_mutex; /* what follows and fd's writing side: the session's thread and the watchdog's */
    struct tl_buf out;          /* frames not sent yet */
    int64_t sent_at_us;
};

/* Serves the connection until it ends; owns fd. */
void tl_duckdb_session_main(struct tl_duckdb_process *process, int fd);
/* Under send_mutex: all of out.  false: the peer is gone. */
TL_CHECKED bool tl_duckdb_session_flush(struct tl_duckdb_session *session);
/* Under send_mutex: what goes without waiting. */
void tl_duckdb_session_flush_some(struct tl_duckdb_session *session);
TL_CHECKED bool tl_duckdb_session_send_error(struct tl_duckdb_session *session, const struct tl_err *err);
/* RUN.  false: close the connection (always after an error: the engine may still be busy with the statement). */
TL_CHECKED bool tl_duckdb_session_run(struct tl_duckdb_session *session, struct tl_str body);

#endif
