/* The writer thread: takes what is queued in groups, each group one transaction.
 *
 * A write runs inside a savepoint, so that its failure undoes itself and nothing else; callers learn of success after
 * the commit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/store_int.h"

enum { WRITER_STACK_BYTES = 1024 * 1024, LOG_EVERY_US = 10 * 1000 * 1000 };

/* ---- queueing ---- */

static bool is_writer_thread(const tl_store *store)
{
    return pthread_equal(pthread_self(), store->thread);
}

/* Under the mutex. */
static void put_last(tl_store *store, struct store_job *job)
{
    job->next = NULL;
    if (store->last)
        store->last->next = job;
    else {
        store->first = job;
        store->first_queued_us = tl_clock_monotonic_us();
    }
    store->last = job;
    store->queued_total++;
    store->queue_count++;
    store->queue_bytes += job->size_bytes;
    store->queue_writes += job->kind == STORE_WRITE;
    if (store->queue_count == 1 || job->kind == STORE_WRITE || store->queue_count == STORE_GROUP_MAX)
        pthread_cond_signal(&store->queued);
}

static struct store_job *new_append(const char *sql, const struct tl_store_value *params, size_t param_count)
{
    size_t sql_size = strlen(sql) + 1, size = sizeof(struct store_job) + param_count * sizeof *params + sql_size;
    for (size_t i = 0; i < param_count; i++)
        size += params[i].bytes.size;
    struct store_job *job = tl_heap_alloc(size);
    job->kind = STORE_APPEND;
    job->size_bytes = size;
    job->params = (struct tl_store_value *)(job + 1);
    job->param_count = param_count;
    char *at = (char *)(job->params + param_count);
    job->sql = memcpy(at, sql, sql_size);
    at += sql_size;
    for (size_t i = 0; i < param_count; i++) {
        job->params[i] = params[i];
        if (params[i].bytes.size)
            job->params[i].bytes.data = memcpy(at, params[i].bytes.data, params[i].bytes.size);
        at += params[i].bytes.size;
    }
    return job;
}

/* Under the mutex.  The writer itself never waits: it would wait for itself. */
static void wait_for_room(tl_store *store, size_t size_bytes)
{
    while ((store->queue_count >= STORE_QUEUE_MAX ||
            (store->queue_count > 0 && store->queue_bytes + size_bytes > STORE_QUEUE_BYTES_MAX)) &&
           !is_writer_thread(store))
        pthread_cond_wait(&store->finished, &store->mutex);
}

void tl_store_append(tl_store *store, const char *sql, const struct tl_store_value *params, size_t param_count)
{
    struct store_job *job = new_append(sql, params, param_count);
    pthread_mutex_lock(&store->mutex);
    wait_for_room(store, job->size_bytes);
    put_last(store, job);
    pthread_mutex_unlock(&store->mutex);
}

void tl_store_fact(tl_store *store, const char *kind, const char *subject, struct tl_str body_json)
{
    const struct tl_store_value params[] = {TL_STORE_I(0),
                                            TL_STORE_I(tl_clock_wall_us()),
                                            TL_STORE_T(kind),
                                            TL_STORE_T(subject),
                                            {.type = TL_STORE_TEXT, .bytes = body_json}};
    struct store_job *job =
        new_append("INSERT INTO event (id, at_us, kind, subject, body) VALUES (?1, ?2, ?3, ?4, ?5)", params, 5);
    pthread_mutex_lock(&store->mutex);
    wait_for_room(store, job->size_bytes);
    job->params[0].integer = store->next_event_id++; /* so that ids rise in the order of the queue */
    put_last(store, job);
    pthread_mutex_unlock(&store->mutex);
}

void tl_store_flush(tl_store *store)
{
    if (is_writer_thread(store))
        return;
    pthread_mutex_lock(&store->mutex);
    uint64_t wanted = store->queued_total;
    store->flushes++;
    pthread_cond_signal(&store->queued);
    while (store->finished_total < wanted)
        pthread_cond_wait(&store->finished, &store->mutex);
    store->flushes--;
    pthread_mutex_unlock(&store->mutex);
}

enum tl_code tl_store_write(tl_store *store, enum tl_code (*run)(tl_store_tx *tx, void *context, struct tl_err *err),
                            void *context, struct tl_err *err)
{
    if (is_writer_thread(store))
        return tl_err_set(err, TL_INTERNAL, "a write to the state was started inside another write");
    struct store_job job = {.kind = STORE_WRITE, .run = run, .context = context, .err = err};
    pthread_mutex_lock(&store->mutex);
    put_last(store, &job);
    while (!job.is_done)
        pthread_cond_wait(&store->finished, &store->mutex);
    pthread_mutex_unlock(&store->mutex);
    return job.code;
}

/* ---- running a group ---- */

static void rollback(tl_store_tx *tx)
{
    if (!sqlite3_get_autocommit(tx->db))
        sqlite3_exec(tx->db, "ROLLBACK", NULL, NULL, NULL);
}

static void run_write(tl_store_tx *tx, struct store_job *job)
{
    job->code = store_execute(tx, "SAVEPOINT write_job", job->err);
    if (job->code != TL_OK)
        return;
    job->code = job->run(tx, job->context, job->err);
    if (sqlite3_get_autocommit(tx->db)) {
        if (job->code == TL_OK) /* the function met a failure that ended the transaction, and kept it to itself */
            job->code = tl_err_set(job->err, TL_STATE, "the transaction on the state was ended by a failure");
        return;
    }
    struct tl_err ignored;
    tl_err_init(&ignored);
    if (job->code != TL_OK && store_execute(tx, "ROLLBACK TO write_job", &ignored) != TL_OK)
        rollback(tx);
    else if (store_execute(tx, "RELEASE write_job", job->code == TL_OK ? job->err : &ignored) != TL_OK &&
             job->code == TL_OK)
        job->code = job->err->code;
}

/* Runs until the end of the group, or until a failure has ended the transaction: then false, and err says why. */
static bool run_jobs(tl_store_tx *tx, struct store_job *group, struct tl_err *err, size_t *ret_failures,
                     struct tl_err *append_err)
{
    for (struct store_job *job = group; job; job = job->next) {
        if (job->kind == STORE_WRITE) {
            run_write(tx, job);
        } else {
            struct tl_err own;
            tl_err_init(&own);
            job->code = tl_store_run(tx, job->sql, job->params, job->param_count, NULL, NULL, &own);
            *ret_failures += job->code != TL_OK;
            if (job->code != TL_OK)
                tl_err_copy(append_err, &own);
        }
        if (sqlite3_get_autocommit(tx->db)) {
            const struct tl_err *cause = job->kind == STORE_WRITE ? job->err : append_err;
            tl_err_copy(err, cause);
            return false;
        }
    }
    return true;
}

/* What ran before the failure was undone with it, what comes after did not run: all of the group that had no failure of
 * its own gets the group's. */
static void fail_group(struct store_job *group, const struct tl_err *err, size_t *failures)
{
    for (struct store_job *job = group; job; job = job->next) {
        if (job->code != TL_OK)
            continue;
        job->code = err->code;
        if (job->kind == STORE_WRITE)
            tl_err_copy(job->err, err);
        else
            (*failures)++;
    }
}

/* Returns how many appends failed; append_err says why the first did. */
static size_t run_group(tl_store *store, struct store_job *group, struct tl_err *append_err)
{
    tl_store_tx *tx = store->writer;
    struct tl_err err;
    size_t failures = 0;
    tl_err_init(&err);
    bool committed = store_execute(tx, "BEGIN IMMEDIATE", &err) == TL_OK &&
                     run_jobs(tx, group, &err, &failures, append_err) && store_execute(tx, "COMMIT", &err) == TL_OK;
    if (!committed) {
        rollback(tx);
        if (err.code == TL_OK) /* whoever met the failure kept it to itself */
            tl_err_set(&err, TL_STATE, "the transaction on the state was ended by a failure");
        fail_group(group, &err, &failures);
        tl_err_copy(append_err, &err);
    }
    return failures;
}

/* ---- the thread ---- */

/* Under the mutex: is there reason to start a group now? */
static bool is_time(const tl_store *store)
{
    return store->queue_count >= STORE_GROUP_MAX || store->queue_writes > 0 || store->flushes > 0 ||
           store->is_closing || tl_clock_monotonic_us() - store->first_queued_us >= STORE_GROUP_WAIT_MS * 1000;
}

static void wait_for_jobs(tl_store *store)
{
    while (!store->first && !store->is_closing)
        pthread_cond_wait(&store->queued, &store->mutex);
    while (store->first && !is_time(store)) {
        int64_t end_us = store->first_queued_us + STORE_GROUP_WAIT_MS * 1000;
        struct timespec end = {.tv_sec = end_us / 1000000, .tv_nsec = end_us % 1000000 * 1000};
        pthread_cond_timedwait(&store->queued, &store->mutex, &end);
    }
}

/* Under the mutex: the first STORE_GROUP_MAX of the queue. */
static struct store_job *take_group(tl_store *store)
{
    struct store_job *group = store->first, *end = NULL;
    size_t count = 0;
    for (struct store_job *job = group; job && count < STORE_GROUP_MAX; job = job->next) {
        end = job;
        count++;
        store->queue_bytes -= job->size_bytes;
        store->queue_writes -= job->kind == STORE_WRITE;
    }
    store->queue_count -= count;
    store->first = end ? end->next : NULL;
    if (!store->first)
        store->last = NULL;
    if (end)
        end->next = NULL;
    return group;
}

/* Under the mutex. */
static void finish_group(tl_store *store, struct store_job *group)
{
    while (group) {
        struct store_job *next = group->next;
        store->finished_total++;
        if (group->kind == STORE_APPEND)
            free(group);
        else
            group->is_done = true; /* from here on it is its caller's */
        group = next;
    }
    pthread_cond_broadcast(&store->finished);
}

/* Under the mutex.  A full disk would log a thousand times a second. */
static bool may_log(tl_store *store)
{
    int64_t now_us = tl_clock_monotonic_us();
    if (store->failure_logged_us && now_us - store->failure_logged_us < LOG_EVERY_US)
        return false;
    store->failure_logged_us = now_us;
    return true;
}

static void *writer_main(void *context)
{
    tl_store *store = context;
    pthread_mutex_lock(&store->mutex);
    for (;;) {
        wait_for_jobs(store);
        struct store_job *group = take_group(store);
        if (!group)
            break; /* closing, and nothing is left */
        pthread_mutex_unlock(&store->mutex);
        struct tl_err append_err;
        tl_err_init(&append_err);
        size_t failures = run_group(store, group, &append_err);
        pthread_mutex_lock(&store->mutex);
        store->append_failures += (int64_t)failures;
        bool log = failures > 0 && may_log(store);
        finish_group(store, group);
        if (log) {
            pthread_mutex_unlock(&store->mutex);
            tl_log_err(TL_LOG_ERROR, "store", "rows could not be kept", &append_err);
            pthread_mutex_lock(&store->mutex);
        }
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

enum tl_code store_writer_start(tl_store *store, struct tl_err *err)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WRITER_STACK_BYTES);
    pthread_mutex_lock(&store->mutex); /* the thread begins when store->thread is set */
    int failed = pthread_create(&store->thread, &attributes, writer_main, store);
    store->thread_runs = !failed;
    pthread_mutex_unlock(&store->mutex);
    pthread_attr_destroy(&attributes);
    return failed ? tl_err_errno(err, TL_STATE, failed, "could not start the writer of the state") : TL_OK;
}

void store_writer_stop(tl_store *store)
{
    if (!store->thread_runs)
        return;
    pthread_mutex_lock(&store->mutex);
    store->is_closing = true;
    pthread_cond_signal(&store->queued);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->thread, NULL);
    store->thread_runs = false;
}
