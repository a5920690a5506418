/* The thread that keeps the inventory, and what may be asked of it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "base/log.h"
#include "catalog/catalog_int.h"

enum { IDLE_MS = 500, LOOK_US = 60 * 1000000, WAIT_STEP_MS = 100 };

bool cat_is_stopping(tl_catalog *catalog)
{
    pthread_mutex_lock(&catalog->mutex);
    bool stopping = catalog->stopping;
    pthread_mutex_unlock(&catalog->mutex);
    return stopping;
}

/* The mutex is held. */
static void wait_changed(tl_catalog *catalog, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + wait_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_cond_timedwait(&catalog->changed, &catalog->mutex, &until);
}

/* A listing came, a table or view was made or dropped here (then the rules have another version), or a while has passed. */
static bool may_be_new(tl_catalog *catalog)
{
    const tl_registry_snapshot *now = tl_registry_acquire(catalog->options.registry);
    struct tl_lifeguard_health rules;
    tl_lifeguard_health(catalog->options.lifeguard, &rules);
    bool changed = now != catalog->snapshot || rules.version != catalog->rules_version || tl_clock_monotonic_us() - catalog->looked_us > LOOK_US;
    tl_registry_release(now);
    catalog->rules_version = rules.version;
    return changed;
}

static void *work(void *context)
{
    tl_catalog *catalog = context;
    pthread_mutex_lock(&catalog->mutex);
    while (!catalog->stopping) {
        int64_t asked = catalog->asked;
        bool forced = asked != catalog->answered;
        pthread_mutex_unlock(&catalog->mutex);
        if (may_be_new(catalog) || forced) {
            catalog->looked_us = tl_clock_monotonic_us();
            cat_round(catalog);
        }
        pthread_mutex_lock(&catalog->mutex);
        catalog->answered = asked;
        pthread_cond_broadcast(&catalog->changed);
        if (!catalog->stopping && catalog->asked == asked)
            wait_changed(catalog, IDLE_MS);
    }
    pthread_mutex_unlock(&catalog->mutex);
    return NULL;
}

/* --- life --- */

enum tl_code tl_catalog_new(const struct tl_catalog_options *options, tl_catalog **ret_catalog, struct tl_err *err)
{
    tl_catalog *catalog = tl_heap_alloc(sizeof *catalog);
    pthread_condattr_t attributes;
    catalog->options = *options;
    pthread_mutex_init(&catalog->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&catalog->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (cat_load_numbers(catalog, err) != TL_OK) {
        tl_catalog_free(catalog);
        return err->code;
    }
    *ret_catalog = catalog;
    return TL_OK;
}

void tl_catalog_start(tl_catalog *catalog)
{
    catalog->thread_runs = pthread_create(&catalog->thread, NULL, work, catalog) == 0;
}

tl_catalog *tl_catalog_free(tl_catalog *catalog)
{
    if (!catalog)
        return NULL;
    pthread_mutex_lock(&catalog->mutex);
    catalog->stopping = true;
    if (catalog->running)
        atomic_store(&catalog->running->cancelled, true);
    pthread_cond_broadcast(&catalog->changed);
    pthread_mutex_unlock(&catalog->mutex);
    if (catalog->thread_runs)
        pthread_join(catalog->thread, NULL);
    if (catalog->snapshot)
        tl_registry_release(catalog->snapshot);
    pthread_cond_destroy(&catalog->changed);
    pthread_mutex_destroy(&catalog->mutex);
    free(catalog);
    return NULL;
}

/* --- crawling now --- */

static enum tl_code list_all(struct tl_request *rq, tl_catalog *catalog)
{
    const tl_registry_snapshot *snapshot = tl_registry_acquire(catalog->options.registry);
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(snapshot, &sources), failed = 0;
    for (size_t i = 0; i < count && rq->err.code != TL_CANCELLED && rq->err.code != TL_TIME_EXCEEDED; i++) {
        struct tl_err before = rq->err; /* one that cannot be reached is told, and stops no other */
        tl_err_init(&rq->err);
        failed += tl_registry_refresh(rq, catalog->options.registry, sources[i].name) != TL_OK;
        if (before.code)
            rq->err = before;
    }
    tl_registry_release(snapshot);
    return rq->err.code;
}

static enum tl_code wait_round(struct tl_request *rq, tl_catalog *catalog)
{
    pthread_mutex_lock(&catalog->mutex);
    int64_t mine = ++catalog->asked;
    pthread_cond_broadcast(&catalog->changed);
    while (catalog->answered < mine && !rq->err.code) {
        wait_changed(catalog, WAIT_STEP_MS);
        if (atomic_load(&rq->cancelled) || catalog->stopping)
            tl_err_set(&rq->err, TL_CANCELLED, "the wait for the crawl was cancelled");
        else if (rq->deadline_us && tl_clock_monotonic_us() > rq->deadline_us) {
            tl_err_set(&rq->err, TL_TIME_EXCEEDED, "the crawl has not ended yet");
            tl_err_hint(&rq->err, "it goes on: `townlake catalog status` shows how far it is");
        }
    }
    pthread_mutex_unlock(&catalog->mutex);
    return rq->err.code;
}

enum tl_code tl_catalog_crawl(struct tl_request *rq, tl_catalog *catalog, const char *source)
{
    const struct tl_grant_scope scope = {.source = source};
    if (tl_lifeguard_need(rq, catalog->options.lifeguard, TL_PRIVILEGE_ADMIN | TL_PRIVILEGE_OWN | TL_PRIVILEGE_REVIEW, &scope) != TL_OK)
        return rq->err.code;
    enum tl_code code = source ? tl_registry_refresh(rq, catalog->options.registry, source) : list_all(rq, catalog);
    if (code != TL_OK && source)
        return code;
    struct tl_err listed = rq->err;
    tl_err_init(&rq->err);
    if (wait_round(rq, catalog) == TL_OK)
        rq->err = listed;
    return rq->err.code;
}

/* --- status --- */

static void put_progress(struct tl_json_writer *json, const struct cat_progress *progress)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "source", progress->source);
    tl_json_pair_text(json, "state", progress->running ? "crawling" : progress->ended_at_us ? "crawled" : "waiting");
    tl_json_pair_int64(json, "datasets", progress->datasets);
    tl_json_pair_int64(json, "done", progress->done);
    tl_json_pair_int64(json, "added", progress->added);
    tl_json_pair_int64(json, "changed", progress->changed);
    tl_json_pair_int64(json, "gone", progress->gone);
    tl_json_pair_int64(json, "began_at_us", progress->began_at_us);
    tl_json_pair_int64(json, "ended_at_us", progress->ended_at_us);
}

static void put_failure(const tl_registry_snapshot *snapshot, const struct cat_progress *progress, struct tl_json_writer *json)
{
    const struct tl_registry_source *source = tl_snapshot_source(snapshot, progress->source);
    tl_json_pair_text(json, "listing", source ? source->state : "removed");
    tl_json_pair_text(json, "failure", source ? source->failure : NULL);
    tl_json_end_object(json);
}

enum tl_code tl_catalog_put_status(struct tl_request *rq, tl_catalog *catalog, struct tl_json_writer *json)
{
    pthread_mutex_lock(&catalog->mutex);
    size_t count = catalog->progress_count;
    struct cat_progress *progress = TL_NEW_ARRAY(rq->arena, struct cat_progress, count);
    if (count)
        memcpy(progress, catalog->progress, count * sizeof *progress);
    pthread_mutex_unlock(&catalog->mutex);
    const tl_registry_snapshot *snapshot = tl_registry_acquire(catalog->options.registry);
    bool running = false;
    for (size_t i = 0; i < count; i++)
        running = running || progress[i].running;
    tl_json_pair_text(json, "state", running ? "crawling" : "idle");
    tl_json_key(json, "sources");
    tl_json_begin_array(json);
    for (size_t i = 0; i < count; i++) {
        put_progress(json, &progress[i]);
        put_failure(snapshot, &progress[i], json);
    }
    tl_json_end_array(json);
    tl_registry_release(snapshot);
    return TL_OK;
}
