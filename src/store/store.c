/* Opening and closing the state; readers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/process.h"
#include "store/store_int.h"

static char *join_path(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = tl_heap_alloc(size);
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

tl_store *store_new(const char *directory, const char *file_name)
{
    tl_store *store = tl_heap_alloc(sizeof *store);
    store->directory = tl_heap_strdup(directory);
    store->path = join_path(directory, file_name);
    store->lock_fd = -1;
    pthread_mutex_init(&store->mutex, NULL);
    pthread_mutex_init(&store->readers_mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->queued, &attributes);
    pthread_cond_init(&store->finished, &attributes);
    pthread_cond_init(&store->reader_freed, &attributes);
    pthread_condattr_destroy(&attributes);
    return store;
}

static enum tl_code open_all(tl_store *store, struct tl_err *err)
{
    enum tl_code code = tl_dir_make(store->directory, 0700, err);
    if (code == TL_OK)
        code = store_lock(store->directory, &store->lock_fd, err);
    if (code == TL_OK)
        code = store_connect(store, true, &store->writer, err);
    if (code == TL_OK)
        code = store_check_and_migrate(store, err);
    if (code == TL_OK)
        code = store_writer_start(store, err);
    return code;
}

enum tl_code tl_store_open(const char *directory, tl_store **ret_store, struct tl_err *err)
{
    tl_store *store = store_new(directory, "state.db");
    enum tl_code code = open_all(store, err);
    if (code != TL_OK) {
        tl_store_close(store);
        return code;
    }
    *ret_store = store;
    return TL_OK;
}

tl_store *tl_store_close(tl_store *store)
{
    if (!store)
        return NULL;
    store_writer_stop(store);
    while (store->readers) {
        tl_store_tx *tx = store->readers;
        store->readers = tx->next;
        store_disconnect(tx);
    }
    store_disconnect(store->writer);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    pthread_mutex_destroy(&store->mutex);
    pthread_mutex_destroy(&store->readers_mutex);
    pthread_cond_destroy(&store->queued);
    pthread_cond_destroy(&store->finished);
    pthread_cond_destroy(&store->reader_freed);
    free(store->directory);
    free(store->path);
    free(store);
    return NULL;
}

/* ---- readers ---- */

/* A reader at rest; NULL when the caller shall open one (already counted). */
static tl_store_tx *take_idle_reader(tl_store *store)
{
    pthread_mutex_lock(&store->readers_mutex);
    while (!store->readers && store->readers_open >= STORE_READERS_MAX)
        pthread_cond_wait(&store->reader_freed, &store->readers_mutex);
    tl_store_tx *tx = store->readers;
    if (tx) {
        store->readers = tx->next;
        store->readers_idle--;
    } else {
        store->readers_open++;
    }
    pthread_mutex_unlock(&store->readers_mutex);
    return tx;
}

/* tx NULL: opening it failed. */
static void give_reader(tl_store *store, tl_store_tx *tx)
{
    pthread_mutex_lock(&store->readers_mutex);
    if (tx && store->readers_idle < STORE_READERS_IDLE_MAX) {
        tx->next = store->readers;
        store->readers = tx;
        store->readers_idle++;
        tx = NULL;
    } else {
        store->readers_open--;
    }
    pthread_cond_signal(&store->reader_freed);
    pthread_mutex_unlock(&store->readers_mutex);
    store_disconnect(tx);
}

enum tl_code tl_store_read(tl_store *store, enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err),
                           void *context, struct tl_err *err)
{
    tl_store_tx *tx = take_idle_reader(store);
    enum tl_code code = tx ? TL_OK : store_connect(store, false, &tx, err);
    if (code != TL_OK) {
        give_reader(store, NULL);
        return code;
    }
    code = store_execute(tx, "BEGIN", err);
    if (code == TL_OK)
        code = run(tx, context, err);
    if (!sqlite3_get_autocommit(tx->db))
        sqlite3_exec(tx->db, "ROLLBACK", NULL, NULL, NULL); /* it changed nothing */
    give_reader(store, tx);
    return code;
}

/* ---- health ---- */

static int64_t file_bytes(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
}

static enum tl_code read_something(tl_store_tx *tx, void *context, struct tl_err *err)
{
    return tl_store_run(tx, "SELECT max(version) FROM schema_migration", NULL, 0, NULL, context, err);
}

enum tl_code tl_store_health(tl_store *store, struct tl_store_health *ret_health, struct tl_err *err)
{
    char *log_path = join_path(store->directory, "state.db-wal");
    *ret_health = (struct tl_store_health){.schema_version = store->schema_version,
                                           .size_bytes = file_bytes(store->path) + file_bytes(log_path)};
    free(log_path);
    pthread_mutex_lock(&store->mutex);
    ret_health->append_failures = store->append_failures;
    ret_health->queued = (int64_t)store->queue_count;
    pthread_mutex_unlock(&store->mutex);
    return tl_store_read(store, read_something, NULL, err);
}
