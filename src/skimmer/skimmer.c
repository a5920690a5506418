/* The thread that takes one table after another. */
#include "skimmer/skimmer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "skimmer/skimmer_int.h"

enum { IDLE_MS = 1000, LOOK_US = 60 * 1000000, GONE_S = 24 * 3600, FAILED_AGAIN_US = 300 * 1000000,
    EMPTY_AGAIN_US = 60 * 1000000, TABLE_TIME_US = 120 * 1000000, FINDING_TEXT_MAX = 4 * 1024 * 1024 };
static const char *const groups[] = {TL_GROUP_ADMIN};
static const struct tl_principal skimmer_principal = {.user = "townlake-skimmer", .group_count = 1, .groups = groups, .authenticated = true};

/* --- which tables --- */

struct pass {
    tl_skimmer *skimmer;
    struct tl_request *rq;
    const struct skim_known *known;
    size_t known_count;
    bool *seen;      /* a place a known table */
    int64_t now_us, now_monotonic_us;
    size_t count;    /* those that are taken now */
    int64_t due;     /* all that are due, also those of sources that must wait */
    struct skim_table tables[SKIM_TABLES_AT_ONCE];
};

static int compare_known(const struct skim_known *known, const char *source, const struct tl_source_dataset *dataset)
{
    int order = strcmp(known->source, source);
    if (order == 0)
        order = strcmp(known->schema, dataset->schema);
    return order ? order : strcmp(known->table, dataset->name);
}

static const struct skim_known *find_known(const struct pass *pass, const char *source, const struct tl_source_dataset *dataset)
{
    size_t low = 0, high = pass->known_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_known(&pass->known[middle], source, dataset);
        if (order == 0)
            return &pass->known[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* It was small enough to be read whole, and is now not. */
static bool has_grown(const struct skim_known *known, const struct tl_source_dataset *dataset)
{
    return known->rows < SKIM_SAMPLE_ROWS && dataset->row_estimate >= 2 * SKIM_SAMPLE_ROWS;
}

static bool is_due(const struct pass *pass, const struct skim_known *known, const struct tl_source_dataset *dataset, const char *columns_hash)
{
    if (!known)
        return true;
    int64_t age_us = pass->now_us - known->scanned_at_us;
    if (known->failed)
        return age_us >= FAILED_AGAIN_US;
    if (strcmp(known->columns_hash, columns_hash) != 0 || has_grown(known, dataset))
        return true;
    return age_us >= pass->skimmer->options.rescan_us || (known->rows == 0 && age_us >= EMPTY_AGAIN_US);
}

static struct skim_source_pace *pace_of(tl_skimmer *skimmer, const char *source)
{
    for (size_t i = 0; i < skimmer->pace_count; i++)
        if (strcmp(skimmer->pace[i].name, source) == 0)
            return &skimmer->pace[i];
    if (skimmer->pace_count == SKIM_SOURCES_MAX)
        skimmer->pace_count = 0; /* sources that are gone fill it: all begin anew */
    struct skim_source_pace *pace = &skimmer->pace[skimmer->pace_count++];
    snprintf(pace->name, sizeof pace->name, "%s", source);
    pace->next_us = 0;
    return pace;
}

/* On average: a pass may read ahead, and the source then rests for all that was read. */
static void keep_pace(tl_skimmer *skimmer, const char *source, int64_t rows)
{
    struct skim_source_pace *pace = pace_of(skimmer, source);
    int64_t now_us = tl_clock_monotonic_us();
    if (skimmer->options.rows_per_second > 0)
        pace->next_us = (pace->next_us > now_us ? pace->next_us : now_us) + rows * 1000000 / skimmer->options.rows_per_second;
}

/* Until the first of the sources that must wait may be read again, at most IDLE_MS. */
static int64_t pace_ms(const tl_skimmer *skimmer)
{
    int64_t now_us = tl_clock_monotonic_us(), first_us = now_us + IDLE_MS * 1000;
    for (size_t i = 0; i < skimmer->pace_count; i++)
        if (skimmer->pace[i].next_us > now_us && skimmer->pace[i].next_us < first_us)
            first_us = skimmer->pace[i].next_us;
    return (first_us - now_us) / 1000 + 1;
}

static void take_dataset(void *context, const char *source, const struct tl_source_dataset *dataset)
{
    struct pass *pass = context;
    struct skim_table table;
    const struct skim_known *known = find_known(pass, source, dataset);
    skim_hash_columns(dataset, table.columns_hash);
    if (known)
        pass->seen[known - pass->known] = true;
    if (!is_due(pass, known, dataset, table.columns_hash))
        return;
    pass->due++;
    if (pass->count == SKIM_TABLES_AT_ONCE || pace_of(pass->skimmer, source)->next_us > pass->now_monotonic_us)
        return;
    table.source = tl_arena_strdup(pass->rq->arena, source);
    table.dataset = tl_registry_dataset_copy(pass->rq->arena, dataset);
    pass->tables[pass->count++] = table;
}

/* What was there a day ago and is no more.  A source that cannot be reached keeps the tables of its last listing. */
static void remove_gone(struct pass *pass)
{
    struct tl_err err;
    tl_err_init(&err);
    for (size_t i = 0; i < pass->known_count && err.code == TL_OK; i++)
        if (!pass->seen[i] && pass->now_us - pass->known[i].scanned_at_us > (int64_t)GONE_S * 1000000 &&
            skim_state_remove(pass->skimmer, &pass->known[i], &err) != TL_OK)
            tl_log_err(TL_LOG_ERROR, "skimmer", "a table that is gone could not be forgotten", &err);
}

/* --- one table --- */

static bool is_stopping(tl_skimmer *skimmer)
{
    pthread_mutex_lock(&skimmer->mutex);
    bool stopping = skimmer->stopping || skimmer->paused;
    pthread_mutex_unlock(&skimmer->mutex);
    return stopping;
}

static void set_current(tl_skimmer *skimmer, struct tl_request *rq, const struct skim_table *table)
{
    pthread_mutex_lock(&skimmer->mutex);
    skimmer->running = rq;
    if (skimmer->stopping && rq)
        atomic_store(&rq->cancelled, true);
    skimmer->current[0] = '\0';
    if (table)
        snprintf(skimmer->current, sizeof skimmer->current, "%s.%s.%s", table->source, table->dataset.schema, table->dataset.name);
    pthread_mutex_unlock(&skimmer->mutex);
}

static void tell_finding(tl_skimmer *skimmer, const struct skim_table *table, const struct skim_verdict *verdict)
{
    struct tl_buf body;
    struct tl_json_writer json;
    tl_buf_init(&body, FINDING_TEXT_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "column", verdict->column);
    tl_json_pair_text(&json, "info_type", verdict->info_type);
    tl_json_pair_text(&json, "likelihood", verdict->likelihood);
    tl_json_pair_text(&json, "state", verdict->state);
    tl_json_key(&json, "tags");
    tl_json_put_raw(&json, tl_str_of(verdict->tags));
    tl_json_end_object(&json);
    char subject[SKIM_NAME_MAX];
    snprintf(subject, sizeof subject, "%s.%s.%s", table->source, table->dataset.schema, table->dataset.name);
    if (!body.failed)
        tl_store_fact(skimmer->options.store, "skimmer_finding", subject, (struct tl_str){body.data, body.size});
    tl_buf_done(&body);
}

static void count_one(tl_skimmer *skimmer, enum tl_code code, int64_t rows, int64_t found)
{
    pthread_mutex_lock(&skimmer->mutex);
    skimmer->counts.scanned += code == TL_OK;
    skimmer->counts.failed += code != TL_OK && code != TL_CANCELLED;
    skimmer->counts.rows += rows;
    skimmer->counts.findings += found;
    skimmer->counts.due -= skimmer->counts.due > 0;
    pthread_mutex_unlock(&skimmer->mutex);
}

static void scan_one(tl_skimmer *skimmer, const struct skim_table *table)
{
    tl_arena *arena = tl_arena_new(SKIM_ARENA_BYTES_MAX);
    struct tl_request rq;
    struct skim_verdict *verdicts = NULL;
    struct tl_err err;
    int64_t rows = 0;
    tl_err_init(&err);
    tl_request_init(&rq, arena);
    rq.principal = &skimmer_principal;
    rq.deadline_us = tl_clock_monotonic_us() + TABLE_TIME_US;
    set_current(skimmer, &rq, table);
    enum tl_code code = skim_table_scan(&rq, skimmer, table, &verdicts, &rows);
    set_current(skimmer, NULL, NULL);
    if (code != TL_CANCELLED && skim_state_save(skimmer, table, verdicts, rows, code == TL_OK ? NULL : rq.err.message, &err) != TL_OK)
        tl_log_err(TL_LOG_ERROR, "skimmer", "what was found could not be kept", &err);
    int64_t found = 0;
    for (size_t i = 0; code == TL_OK && i < table->dataset.column_count; i++) {
        if (verdicts[i].info_type)
            tell_finding(skimmer, table, &verdicts[i]);
        found += verdicts[i].info_type != NULL;
    }
    count_one(skimmer, code, rows, found);
    keep_pace(skimmer, table->source, rows);
    tl_arena_free(arena);
}

/* Once all of a pass are known: which of their columns lead back to people. */
static void join_one(tl_skimmer *skimmer, const struct skim_table *table)
{
    tl_arena *arena = tl_arena_new(SKIM_ARENA_BYTES_MAX);
    struct tl_request rq;
    tl_request_init(&rq, arena);
    rq.principal = &skimmer_principal;
    rq.deadline_us = tl_clock_monotonic_us() + TABLE_TIME_US;
    set_current(skimmer, &rq, table);
    if (skim_join(&rq, skimmer, table) != TL_OK && rq.err.code != TL_CANCELLED)
        tl_log_err(TL_LOG_ERROR, "skimmer", "what leads back to people could not be told", &rq.err);
    set_current(skimmer, NULL, NULL);
    tl_arena_free(arena);
}

/* How many of those taken, and *ret_due: how many there were. */
static size_t run_pass(tl_skimmer *skimmer, int64_t *ret_due)
{
    tl_arena *arena = tl_arena_new(SKIM_ARENA_BYTES_MAX);
    struct tl_request rq;
    struct pass *pass = TL_NEW(arena, struct pass);
    tl_request_init(&rq, arena);
    rq.principal = &skimmer_principal;
    pass->skimmer = skimmer;
    pass->rq = &rq;
    pass->now_us = tl_clock_wall_us();
    pass->now_monotonic_us = tl_clock_monotonic_us();
    if (skim_state_load(skimmer, arena, &pass->known, &pass->known_count, &rq.err) == TL_OK) {
        pass->seen = TL_NEW_ARRAY(arena, bool, pass->known_count);
        tl_door_each_dataset(&rq, skimmer->options.door, take_dataset, pass);
        remove_gone(pass);
    } else {
        tl_log_err(TL_LOG_ERROR, "skimmer", "what was scanned could not be read", &rq.err);
    }
    pthread_mutex_lock(&skimmer->mutex);
    skimmer->counts.due = pass->due;
    pthread_mutex_unlock(&skimmer->mutex);
    for (size_t i = 0; i < pass->count && !is_stopping(skimmer); i++)
        scan_one(skimmer, &pass->tables[i]);
    for (size_t i = 0; i < pass->count && !is_stopping(skimmer); i++)
        join_one(skimmer, &pass->tables[i]);
    size_t count = pass->count;
    *ret_due = pass->due;
    tl_arena_free(arena);
    return count;
}

/* Until something is asked for, or so long. */
static void rest(tl_skimmer *skimmer, int64_t wait_ms, bool is_idle)
{
    if (is_idle && skimmer->options.detectors->rest)
        skimmer->options.detectors->rest(skimmer->detector);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&skimmer->mutex);
    int64_t forced = skimmer->forced;
    while (!skimmer->stopping && skimmer->forced == forced && pthread_cond_timedwait(&skimmer->changed, &skimmer->mutex, &until) == 0)
        continue;
    pthread_mutex_unlock(&skimmer->mutex);
}

/* Going through all tables costs something where there are many: only when a listing came, somebody asked, or a while has passed. */
static bool may_be_new(tl_skimmer *skimmer)
{
    const tl_registry_snapshot *snapshot = tl_registry_acquire(skimmer->options.registry);
    pthread_mutex_lock(&skimmer->mutex);
    int64_t forced = skimmer->forced, now_us = tl_clock_monotonic_us();
    pthread_mutex_unlock(&skimmer->mutex);
    bool changed = snapshot != skimmer->snapshot || forced != skimmer->looked_forced || now_us - skimmer->looked_us > LOOK_US;
    if (skimmer->snapshot)
        tl_registry_release(skimmer->snapshot);
    skimmer->snapshot = snapshot;
    skimmer->looked_forced = forced;
    if (changed)
        skimmer->looked_us = now_us;
    return changed;
}

static void *work(void *context)
{
    tl_skimmer *skimmer = context;
    int64_t due = 0;
    for (;;) {
        pthread_mutex_lock(&skimmer->mutex);
        bool stopping = skimmer->stopping, paused = skimmer->paused;
        pthread_mutex_unlock(&skimmer->mutex);
        if (stopping)
            return NULL;
        size_t taken = 0;
        if (!paused && (due > 0 || may_be_new(skimmer)))
            taken = run_pass(skimmer, &due);
        if (taken == 0)
            rest(skimmer, pace_ms(skimmer), due == 0);
    }
}

/* --- life --- */

enum tl_code tl_skimmer_new(const struct tl_skimmer_options *options, tl_skimmer **ret_skimmer, struct tl_err *err)
{
    tl_skimmer *skimmer = tl_heap_alloc(sizeof *skimmer);
    pthread_condattr_t attributes;
    skimmer->options = *options;
    pthread_mutex_init(&skimmer->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&skimmer->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (options->enabled && options->detectors->open(&options->detector_options, &skimmer->detector, err) != TL_OK) {
        tl_skimmer_free(skimmer);
        return err->code;
    }
    skimmer->paused = skim_state_is(skimmer, "paused", "true");
    *ret_skimmer = skimmer;
    return TL_OK;
}

void tl_skimmer_start(tl_skimmer *skimmer)
{
    if (skimmer->options.enabled)
        skimmer->thread_runs = pthread_create(&skimmer->thread, NULL, work, skimmer) == 0;
}

tl_skimmer *tl_skimmer_free(tl_skimmer *skimmer)
{
    if (!skimmer)
        return NULL;
    pthread_mutex_lock(&skimmer->mutex);
    skimmer->stopping = true;
    if (skimmer->running)
        atomic_store(&skimmer->running->cancelled, true);
    pthread_cond_broadcast(&skimmer->changed);
    pthread_mutex_unlock(&skimmer->mutex);
    if (skimmer->thread_runs)
        pthread_join(skimmer->thread, NULL);
    if (skimmer->snapshot)
        tl_registry_release(skimmer->snapshot);
    skimmer->options.detectors->close(skimmer->detector);
    pthread_cond_destroy(&skimmer->changed);
    pthread_mutex_destroy(&skimmer->mutex);
    free(skimmer);
    return NULL;
}

static void wake(tl_skimmer *skimmer)
{
    pthread_mutex_lock(&skimmer->mutex);
    skimmer->forced++;
    pthread_cond_broadcast(&skimmer->changed);
    pthread_mutex_unlock(&skimmer->mutex);
}

void tl_skimmer_load(tl_skimmer *skimmer, struct tl_skimmer_counts *ret_counts)
{
    pthread_mutex_lock(&skimmer->mutex);
    *ret_counts = skimmer->counts;
    pthread_mutex_unlock(&skimmer->mutex);
}

enum tl_code tl_skimmer_scan(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *scope)
{
    if (tl_lifeguard_need(rq, skimmer->options.lifeguard, TL_PRIVILEGE_ADMIN | TL_PRIVILEGE_OWN, scope) != TL_OK)
        return rq->err.code;
    if (!skimmer->options.enabled) {
        tl_err_set(&rq->err, TL_CONFLICT, "the Skimmer is off on this server");
        tl_err_hint(&rq->err, "set skimmer.enabled to true");
        return TL_CONFLICT;
    }
    if (skim_state_forget(skimmer, scope, &rq->err) == TL_OK)
        wake(skimmer);
    return rq->err.code;
}

enum tl_code tl_skimmer_pause(struct tl_request *rq, tl_skimmer *skimmer, bool pause)
{
    const struct tl_grant_scope everything = {.source = NULL};
    if (tl_lifeguard_need(rq, skimmer->options.lifeguard, TL_PRIVILEGE_ADMIN, &everything) != TL_OK ||
        skim_state_setting(skimmer, "paused", pause ? "true" : "false", &rq->err) != TL_OK)
        return rq->err.code;
    pthread_mutex_lock(&skimmer->mutex);
    skimmer->paused = pause;
    pthread_mutex_unlock(&skimmer->mutex);
    wake(skimmer);
    return TL_OK;
}
