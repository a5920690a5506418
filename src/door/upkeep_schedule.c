/* The schedule of upkeep: one thread, one table after the other. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "door/rollup.h"
#include "door/upkeep_int.h"
#include "lake/describe.h"

enum { ARENA_BYTES = 2000 * 1024 * 1024, LEAST_FILES = 8 };
static const int64_t hour_us = INT64_C(3600) * 1000000, day_us = INT64_C(24) * 3600 * 1000000;

struct tl_upkeep_schedule {
    tl_door *door;
    char *source;
    int64_t every_us;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ending;
    bool ends;
    struct tl_request *rq; /* of the job that runs; NULL = none */
};

/* --- when was it done last --- */

struct last {
    const struct tl_upkeep_job *job;
    int64_t started_us;
};

static enum tl_code row_last(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct last *last = context;
    (void)count;
    (void)err;
    last->started_us = cells[0].type == TL_STORE_INT ? cells[0].integer : 0;
    return TL_OK;
}

static enum tl_code read_last(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct tl_upkeep_job *job = ((struct last *)context)->job;
    const struct tl_store_value params[] = {TL_STORE_T(tl_upkeep_kind_name(job->kind)), TL_STORE_T(job->source), TL_STORE_T(job->schema),
                                            TL_STORE_T(job->table)};
    return tl_store_run(tx, "SELECT max(started_at_us) FROM lake_job WHERE kind = ?1 AND source = ?2 AND schema_name = ?3 AND table_name = ?4", params,
                        4, row_last, context, err);
}

/* --- one table --- */

static bool begin(tl_upkeep_schedule *schedule, struct tl_request *rq)
{
    pthread_mutex_lock(&schedule->mutex);
    bool goes_on = !schedule->ends;
    schedule->rq = goes_on ? rq : NULL;
    pthread_mutex_unlock(&schedule->mutex);
    return goes_on;
}

static void end(tl_upkeep_schedule *schedule)
{
    pthread_mutex_lock(&schedule->mutex);
    schedule->rq = NULL;
    pthread_mutex_unlock(&schedule->mutex);
}

/* due_us: not if it was done since. */
static void run_job(tl_upkeep_schedule *schedule, const struct tl_upkeep_job *job, int64_t due_us)
{
    static const struct tl_principal nobody = {.user = "schedule"};
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_request rq;
    struct tl_upkeep_counts counts;
    struct last last = {.job = job};
    tl_request_init(&rq, arena);
    rq.principal = &nobody;
    bool due = tl_store_read(schedule->door->store, read_last, &last, &rq.err) == TL_OK && last.started_us < due_us;
    if (due && begin(schedule, &rq)) {
        if (tl_upkeep_run(&rq, schedule->door, job, &counts) != TL_OK && rq.err.code != TL_CONFLICT && rq.err.code != TL_CANCELLED)
            tl_log_err(TL_LOG_WARN, "door", "scheduled upkeep of a table failed", &rq.err);
        end(schedule);
    }
    tl_arena_free(arena);
}

static int64_t number_of(const struct tl_lake_table *table, const char *property, int64_t fallback)
{
    const char *text = tl_lake_table_property(table, property);
    int64_t number = text ? strtoll(text, NULL, 10) : fallback;
    return number > 0 ? number : fallback;
}

static void look_after(tl_upkeep_schedule *schedule, const struct tl_lake_table_name *name, const struct tl_lake_table *table)
{
    struct tl_upkeep_job job = {.source = schedule->source, .schema = name->schema, .table = name->name, .asked_by = "schedule",
                                .least_files = LEAST_FILES};
    const struct tl_lake_snapshot *snapshot = tl_lake_table_snapshot(table, table->current_snapshot_id);
    int64_t now_us = tl_clock_wall_us(), age_ms = number_of(table, "history.expire.max-snapshot-age-ms", 7 * day_us / 1000);
    if (snapshot && !tl_streq(snapshot->operation, "replace"))
        run_job(schedule, &job, snapshot->timestamp_ms * 1000);
    job.kind = TL_UPKEEP_MANIFESTS;
    if (snapshot && !tl_streq(snapshot->operation, "replace"))
        run_job(schedule, &job, now_us - day_us);
    job.kind = TL_UPKEEP_ROLLUP;
    if (snapshot && tl_lake_table_property(table, ROLLUP_PROPERTY))
        run_job(schedule, &job, now_us - hour_us);
    job.kind = TL_UPKEEP_EXPIRE;
    job.retention_us = tl_upkeep_keep_us(age_ms, day_us);
    job.retain_last = number_of(table, "history.expire.min-snapshots-to-keep", 1);
    if (table->snapshot_count > 1)
        run_job(schedule, &job, now_us - day_us);
    job.kind = TL_UPKEEP_ORPHANS;
    job.retention_us = 7 * day_us;
    run_job(schedule, &job, now_us - 7 * day_us);
}

/* The table's own word, else that of its schema. */
static bool wants_upkeep(tl_upkeep_schedule *schedule, tl_arena *arena, const struct tl_lake_table_name *name, const struct tl_lake_table *table)
{
    struct tl_err gone;
    const char *word = tl_lake_table_property(table, "townlake.upkeep");
    tl_err_init(&gone);
    if (!word && tl_lake_schema_property(schedule->door->lake, arena, name->schema, "townlake.upkeep", &word, &gone) != TL_OK)
        return false;
    return tl_streq(word, "on");
}

static void look_round(tl_upkeep_schedule *schedule)
{
    tl_arena *names_arena = tl_arena_new(ARENA_BYTES);
    struct tl_lake_table_name *names;
    struct tl_err err;
    size_t count;
    tl_err_init(&err);
    if (tl_lake_tables(schedule->door->lake, names_arena, &names, &count, &err) != TL_OK)
        count = 0;
    for (size_t i = 0; i < count && begin(schedule, NULL); i++) {
        tl_arena *arena = tl_arena_new(ARENA_BYTES);
        struct tl_lake_table table;
        struct tl_err failure; /* a table that is gone or cannot be read is its reader's matter */
        tl_err_init(&failure);
        if (tl_lake_table_load(schedule->door->lake, arena, names[i].schema, names[i].name, &table, &failure) == TL_OK &&
            wants_upkeep(schedule, arena, &names[i], &table))
            look_after(schedule, &names[i], &table);
        tl_arena_free(arena);
    }
    tl_arena_free(names_arena);
}

static void *work(void *context)
{
    tl_upkeep_schedule *schedule = context;
    pthread_mutex_lock(&schedule->mutex);
    while (!schedule->ends) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += schedule->every_us / 1000000;
        until.tv_nsec += schedule->every_us % 1000000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        int waited = 0;
        while (!schedule->ends && waited == 0)
            waited = pthread_cond_timedwait(&schedule->ending, &schedule->mutex, &until);
        if (schedule->ends)
            break;
        pthread_mutex_unlock(&schedule->mutex);
        look_round(schedule);
        pthread_mutex_lock(&schedule->mutex);
    }
    pthread_mutex_unlock(&schedule->mutex);
    return NULL;
}

enum tl_code tl_upkeep_schedule_start(tl_door *door, const char *source, int64_t every_us, tl_upkeep_schedule **ret_schedule, struct tl_err *err)
{
    tl_upkeep_schedule *schedule = tl_heap_alloc(sizeof *schedule);
    pthread_condattr_t attributes;
    schedule->door = door;
    schedule->source = tl_heap_strdup(source);
    schedule->every_us = every_us;
    pthread_mutex_init(&schedule->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&schedule->ending, &attributes);
    pthread_condattr_destroy(&attributes);
    int problem = pthread_create(&schedule->thread, NULL, work, schedule);
    if (problem == 0) {
        *ret_schedule = schedule;
        return TL_OK;
    }
    free(schedule->source);
    free(schedule);
    return tl_err_errno(err, TL_INTERNAL, problem, "could not start the schedule of the lake's upkeep");
}

tl_upkeep_schedule *tl_upkeep_schedule_stop(tl_upkeep_schedule *schedule)
{
    if (!schedule)
        return NULL;
    pthread_mutex_lock(&schedule->mutex);
    schedule->ends = true;
    if (schedule->rq)
        atomic_store(&schedule->rq->cancelled, true);
    pthread_cond_broadcast(&schedule->ending);
    pthread_mutex_unlock(&schedule->mutex);
    pthread_join(schedule->thread, NULL);
    pthread_cond_destroy(&schedule->ending);
    pthread_mutex_destroy(&schedule->mutex);
    free(schedule->source);
    free(schedule);
    return NULL;
}
