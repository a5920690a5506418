/* Jobs: one a table at a time, each on record from its start. */
#include "door/upkeep.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "door/upkeep_int.h"
#include "lake/rewrite.h"
#include "lake/upkeep.h"

enum { ID_BYTES = 8, NAME_MAX_BYTES = 2048, COUNTS_JSON_MAX = 4096 };
static const int64_t week_us = INT64_C(7) * 24 * 3600 * 1000000;

struct tl_upkeep_jobs {
    pthread_mutex_t mutex;
    char tables[TL_UPKEEP_JOBS_MAX][NAME_MAX_BYTES]; /* "" = free */
};

struct tl_upkeep_jobs *tl_upkeep_jobs_new(void)
{
    struct tl_upkeep_jobs *jobs = tl_heap_alloc(sizeof *jobs);
    pthread_mutex_init(&jobs->mutex, NULL);
    return jobs;
}

struct tl_upkeep_jobs *tl_upkeep_jobs_free(struct tl_upkeep_jobs *jobs)
{
    if (jobs)
        pthread_mutex_destroy(&jobs->mutex);
    free(jobs);
    return NULL;
}

const char *tl_upkeep_kind_name(enum tl_upkeep_kind kind)
{
    static const char *const names[] = {
        [TL_UPKEEP_OPTIMIZE] = "optimize",
        [TL_UPKEEP_EXPIRE] = "expire_snapshots",
        [TL_UPKEEP_ORPHANS] = "remove_orphan_files",
        [TL_UPKEEP_ROLLBACK] = "rollback_to_snapshot",
        [TL_UPKEEP_ROLLUP] = "rollup",
        [TL_UPKEEP_MANIFESTS] = "optimize_manifests",
    };
    return names[kind];
}

static enum tl_code run_recover(tl_store_tx *tx, void *context, struct tl_err *err)
{
    (void)context;
    return tl_store_run(tx, "UPDATE lake_job SET state = 'interrupted' WHERE state = 'running'", NULL, 0, NULL, NULL, err);
}

enum tl_code tl_upkeep_recover(tl_store *store, struct tl_err *err)
{
    return tl_store_write(store, run_recover, NULL, err);
}

/* --- one a table --- */

static enum tl_code take_place(struct tl_upkeep_jobs *jobs, const char *table, int *ret_place, struct tl_err *err)
{
    int place = -1;
    bool busy = false;
    pthread_mutex_lock(&jobs->mutex);
    for (int i = 0; i < TL_UPKEEP_JOBS_MAX; i++) {
        busy = busy || strcmp(jobs->tables[i], table) == 0;
        if (!jobs->tables[i][0])
            place = i;
    }
    if (!busy && place >= 0)
        snprintf(jobs->tables[place], NAME_MAX_BYTES, "%s", table);
    pthread_mutex_unlock(&jobs->mutex);
    *ret_place = place;
    if (busy) {
        tl_err_set(err, TL_CONFLICT, "another job works on \"%s\"", table);
        tl_err_hint(err, "SELECT * FROM system.lake.jobs shows it");
    } else if (place < 0) {
        tl_err_set(err, TL_TOO_MANY_REQUESTS, "%d jobs run already", TL_UPKEEP_JOBS_MAX);
        tl_err_hint(err, "run it again when one of them has ended; SELECT * FROM system.lake.jobs shows them");
    }
    return err->code;
}

static void give_place_back(struct tl_upkeep_jobs *jobs, int place)
{
    pthread_mutex_lock(&jobs->mutex);
    jobs->tables[place][0] = '\0';
    pthread_mutex_unlock(&jobs->mutex);
}

/* --- on record --- */

struct record {
    const char *id, *state, *counts, *error;
    const struct tl_upkeep_job *job;
};

static enum tl_code write_start(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct record *record = context;
    const struct tl_upkeep_job *job = record->job;
    const struct tl_store_value params[] = {
        TL_STORE_T(record->id), TL_STORE_T(tl_upkeep_kind_name(job->kind)), TL_STORE_T(job->source), TL_STORE_T(job->schema),
        TL_STORE_T(job->table), TL_STORE_T(job->asked_by), TL_STORE_I(tl_clock_wall_us())};
    return tl_store_run(tx, "INSERT INTO lake_job (id, kind, source, schema_name, table_name, asked_by, state, started_at_us, counts) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running', ?7, '{}')",
                        params, sizeof params / sizeof params[0], NULL, NULL, err);
}

static enum tl_code write_end(tl_store_tx *tx, void *context, struct tl_err *err)
{
    const struct record *record = context;
    const struct tl_store_value params[] = {TL_STORE_T(record->id), TL_STORE_T(record->state), TL_STORE_I(tl_clock_wall_us()),
                                            TL_STORE_T(record->counts), TL_STORE_T(record->error)};
    return tl_store_run(tx, "UPDATE lake_job SET state = ?2, ended_at_us = ?3, counts = ?4, error = ?5 WHERE id = ?1", params,
                        sizeof params / sizeof params[0], NULL, NULL, err);
}

static const char *counts_text(tl_arena *arena, const struct tl_upkeep_counts *counts)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, COUNTS_JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_int64(&json, "snapshots_removed", counts->snapshots_removed);
    tl_json_pair_int64(&json, "files_removed", counts->files_removed);
    tl_json_pair_int64(&json, "bytes_removed", counts->bytes_removed);
    tl_json_pair_int64(&json, "files_rewritten", counts->files_rewritten);
    tl_json_pair_int64(&json, "files_added", counts->files_added);
    tl_json_pair_int64(&json, "rows_rewritten", counts->rows_rewritten);
    tl_json_end_object(&json);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

/* --- the work --- */

static enum tl_code remove_something(struct tl_request *rq, tl_door *door, const struct tl_upkeep_job *job, struct tl_upkeep_counts *counts)
{
    int64_t retention_us = job->retention_us < 0 ? week_us : job->retention_us;
    struct tl_lake_upkeep request = {.schema = job->schema, .name = job->table, .older_than_ms = (tl_clock_wall_us() - retention_us) / 1000,
                                     .retain_last = job->retain_last, .snapshot_id = job->snapshot_id, .cancelled = &rq->cancelled};
    struct tl_lake_upkeep_result result = {0};
    enum tl_code code = job->kind == TL_UPKEEP_EXPIRE    ? tl_lake_expire(door->lake, rq->arena, &request, &result, &rq->err)
                        : job->kind == TL_UPKEEP_ORPHANS ? tl_lake_orphans(door->lake, rq->arena, &request, &result, &rq->err)
                                                         : tl_lake_rollback(door->lake, rq->arena, &request, &rq->err);
    counts->snapshots_removed = result.snapshots_removed;
    counts->files_removed = result.files_removed;
    counts->bytes_removed = result.bytes_removed;
    return code;
}

/* Many small manifests as few; no data file changes. */
static enum tl_code merge_manifests(struct tl_request *rq, tl_door *door, const struct tl_upkeep_job *job)
{
    struct tl_lake_table table;
    struct tl_lake_plan nothing = {0};
    int64_t id;
    if (tl_lake_table_load(door->lake, rq->arena, job->schema, job->table, &table, &rq->err) != TL_OK || table.current_snapshot_id == -1)
        return rq->err.code;
    struct tl_lake_rewrite rewrite = {.schema = job->schema, .name = job->table, .table = &table, .snapshot_id = table.current_snapshot_id,
                                      .plan = &nothing, .merges_manifests = true, .operation = "replace"};
    return tl_lake_rewrite_commit(door->lake, rq->arena, &rewrite, &id, &rq->err);
}

enum tl_code tl_upkeep_run(struct tl_request *rq, tl_door *door, const struct tl_upkeep_job *job, struct tl_upkeep_counts *ret_counts)
{
    char id[2 * ID_BYTES + 1];
    int place;
    struct record record = {.id = id, .job = job};
    const char *table = tl_arena_printf(rq->arena, "%s.%s.%s", job->source, job->schema, job->table);
    *ret_counts = (struct tl_upkeep_counts){0};
    if (strlen(table) >= NAME_MAX_BYTES)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "the name of the table is longer than %d bytes", NAME_MAX_BYTES);
    if (tl_random_hex(id, ID_BYTES, &rq->err) != TL_OK || take_place(door->jobs, table, &place, &rq->err) != TL_OK)
        return rq->err.code;
    enum tl_code code = tl_store_write(door->store, write_start, &record, &rq->err);
    if (code == TL_OK) {
        code = job->kind == TL_UPKEEP_OPTIMIZE ? tl_upkeep_optimize(rq, door, job, ret_counts)
               : job->kind == TL_UPKEEP_ROLLUP    ? tl_upkeep_rollup(rq, door, job, ret_counts)
               : job->kind == TL_UPKEEP_MANIFESTS ? merge_manifests(rq, door, job)
                                               : remove_something(rq, door, job, ret_counts);
        record.state = code == TL_OK ? "done" : code == TL_CANCELLED ? "cancelled" : "failed";
        record.counts = counts_text(rq->arena, ret_counts);
        record.error = code == TL_OK ? NULL : rq->err.message;
        struct tl_err unrecorded; /* the work is done either way */
        tl_err_init(&unrecorded);
        if (tl_store_write(door->store, write_end, &record, &unrecorded) != TL_OK && code == TL_OK)
            code = tl_err_copy(&rq->err, &unrecorded);
    }
    give_place_back(door->jobs, place);
    return code;
}

/* --- the list --- */

struct listing {
    struct tl_json_writer json;
    const char *user;
    int count_max;
};

static void pair_cell(struct tl_json_writer *json, const char *key, const struct tl_store_value *cell)
{
    tl_json_key(json, key);
    if (cell->type == TL_STORE_INT)
        tl_json_put_int64(json, cell->integer);
    else if (cell->type == TL_STORE_TEXT)
        tl_json_put_str(json, cell->bytes);
    else
        tl_json_put_null(json);
}

static enum tl_code row_job(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    static const char *const keys[] = {"job_id", "kind", "source", "schema", "table", "asked_by", "state", "started_at_us", "ended_at_us",
                                       "counts", "error"};
    struct listing *listing = context;
    (void)err;
    tl_json_begin_object(&listing->json);
    for (size_t i = 0; i < count && i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i], "counts") == 0) {
            tl_json_key(&listing->json, keys[i]);
            tl_json_put_raw(&listing->json, cells[i].bytes);
        } else {
            pair_cell(&listing->json, keys[i], &cells[i]);
        }
    tl_json_end_object(&listing->json);
    return TL_OK;
}

static enum tl_code read_jobs(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct listing *listing = context;
    const struct tl_store_value params[] = {TL_STORE_T(listing->user), TL_STORE_I(listing->count_max)};
    return tl_store_run(tx, "SELECT id, kind, source, schema_name, table_name, asked_by, state, started_at_us, ended_at_us, counts, error "
                            "FROM lake_job WHERE ?1 IS NULL OR asked_by = ?1 ORDER BY started_at_us DESC LIMIT ?2",
                        params, 2, row_job, context, err);
}

enum tl_code tl_upkeep_list(struct tl_request *rq, tl_door *door, const char *user, int count_max, struct tl_buf *json_array)
{
    struct listing listing = {.user = user, .count_max = count_max};
    tl_json_writer_init(&listing.json, json_array);
    tl_json_begin_array(&listing.json);
    enum tl_code code = tl_store_read(door->store, read_jobs, &listing, &rq->err);
    tl_json_end_array(&listing.json);
    return code;
}
