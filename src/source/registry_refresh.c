/* Listing: by workers in the background, or in the thread that asks for it. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "source/registry_int.h"

/* REST: a source that takes long to list is left alone for so many times as long. */
enum { RETRY_US = 5000000, LIST_TIME_US = 180000000, WAIT_STEP_MS = 100, REST = 10 };

struct tl_registry_entry *tl_registry_find(tl_registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->entry_count; i++)
        if (strcmp(registry->entries[i]->name, name) == 0)
            return registry->entries[i];
    return NULL;
}

void tl_registry_entry_unref(struct tl_registry_entry *entry)
{
    if (--entry->references == 0) {
        tl_registry_listing_unref(entry->listing);
        tl_arena_free(entry->arena);
    }
}

static void wait_changed(tl_registry *registry, int64_t wait_us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (wait_us % 1000000) * 1000;
    until.tv_sec += (time_t)(wait_us / 1000000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_cond_timedwait(&registry->changed, &registry->lock, &until);
}

struct tl_registry_entry *tl_registry_take(tl_registry *registry, const char *name, struct tl_request *rq)
{
    pthread_mutex_lock(&registry->lock);
    struct tl_registry_entry *entry;
    while ((entry = tl_registry_find(registry, name)) && entry->busy && !rq->err.code) {
        wait_changed(registry, WAIT_STEP_MS * 1000);
        if (atomic_load(&rq->cancelled))
            tl_err_set(&rq->err, TL_CANCELLED, "the wait for source \"%s\" was cancelled", name);
        else if (rq->deadline_us && tl_clock_monotonic_us() > rq->deadline_us)
            tl_err_set(&rq->err, TL_TIME_EXCEEDED, "source \"%s\" is still being listed", name);
    }
    if (!entry)
        tl_err_set(&rq->err, TL_CATALOG_NOT_FOUND, "source \"%.100s\" does not exist", name);
    if (rq->err.code) {
        pthread_mutex_unlock(&registry->lock);
        return NULL;
    }
    entry->busy = true;
    entry->references++;
    pthread_mutex_unlock(&registry->lock);
    return entry;
}

void tl_registry_give_back(tl_registry *registry, struct tl_registry_entry *entry)
{
    pthread_mutex_lock(&registry->lock);
    entry->busy = false;
    tl_registry_entry_unref(entry);
    pthread_cond_broadcast(&registry->changed);
    pthread_mutex_unlock(&registry->lock);
}

/* Datasets that outlive the request: everything is copied into an arena of its own. */
static const struct tl_source_column *copy_columns(tl_arena *arena, const struct tl_source_dataset *from)
{
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, from->column_count);
    for (size_t i = 0; i < from->column_count; i++) {
        columns[i] = from->columns[i];
        columns[i].name = tl_arena_strdup(arena, from->columns[i].name);
        columns[i].source_type = tl_arena_strdup(arena, from->columns[i].source_type);
        columns[i].comment = tl_arena_strdup(arena, from->columns[i].comment);
        columns[i].type = tl_type_copy(arena, &from->columns[i].type);
    }
    return columns;
}

struct tl_source_dataset tl_registry_dataset_copy(tl_arena *arena, const struct tl_source_dataset *from)
{
    struct tl_source_dataset copy = *from;
    copy.schema = tl_arena_strdup(arena, from->schema);
    copy.name = tl_arena_strdup(arena, from->name);
    copy.comment = tl_arena_strdup(arena, from->comment);
    copy.columns = copy_columns(arena, from);
    copy.driver_data = NULL; /* the driver's own: it means nothing outside its process */
    return copy;
}

static struct tl_registry_listing *copy_listing(const struct tl_source_dataset *from, size_t count)
{
    tl_arena *arena = tl_arena_new(TL_REGISTRY_ARENA_BYTES_MAX);
    struct tl_source_dataset *datasets = TL_NEW_ARRAY(arena, struct tl_source_dataset, count);
    for (size_t i = 0; i < count; i++)
        datasets[i] = tl_registry_dataset_copy(arena, &from[i]);
    return tl_registry_listing_new(arena, datasets, count, tl_clock_wall_us());
}

static enum tl_code attach(tl_registry *registry, struct tl_registry_entry *entry, struct tl_request *rq)
{
    struct tl_source_config config;
    if (tl_registry_resolve(rq->arena, entry, &config, &rq->err) != TL_OK)
        return rq->err.code;
    return registry->calls.put(registry->calls.context, rq, &config);
}

static int64_t rest_us(const tl_registry *registry, bool failed, int64_t took_us)
{
    if (failed && registry->refresh_us > RETRY_US)
        return RETRY_US;
    return took_us * REST > registry->refresh_us ? took_us * REST : registry->refresh_us;
}

static void set_result(tl_registry *registry, struct tl_registry_entry *entry, const struct tl_request *rq,
                       struct tl_registry_listing *listing, int64_t took_us)
{
    pthread_mutex_lock(&registry->lock);
    bool failed = rq->err.code != TL_OK;
    entry->attached = !failed; /* after a failure it is attached anew, with its secrets read again */
    entry->due_now = false;
    entry->state = failed ? "failed" : "ready";
    entry->next_us = tl_clock_monotonic_us() + rest_us(registry, failed, took_us);
    memcpy(entry->failure, rq->err.message, sizeof entry->failure);
    memcpy(entry->failure_hint, rq->err.hint, sizeof entry->failure_hint);
    if (listing) {
        tl_registry_listing_unref(entry->listing);
        entry->listing = listing;
    }
    if (!entry->removed)
        tl_registry_publish(registry);
    pthread_mutex_unlock(&registry->lock);
}

enum tl_code tl_registry_list_entry(tl_registry *registry, struct tl_registry_entry *entry, struct tl_request *rq)
{
    struct tl_source_dataset *datasets = NULL;
    struct tl_registry_listing *listing = NULL;
    size_t count = 0;
    int64_t began_us = tl_clock_monotonic_us();
    if ((entry->attached || attach(registry, entry, rq) == TL_OK) &&
        registry->calls.list(registry->calls.context, rq, entry->name, &datasets, &count) == TL_OK) {
        if (count > TL_REGISTRY_DATASETS_MAX)
            tl_err_set(&rq->err, TL_TOO_LARGE, "source \"%s\" has %zu tables, at most %d are listed", entry->name, count,
                       TL_REGISTRY_DATASETS_MAX);
        else
            listing = copy_listing(datasets, count);
    }
    if (listing && !entry->removed)
        tl_registry_cache_listing(registry, entry, listing);
    set_result(registry, entry, rq, listing, tl_clock_monotonic_us() - began_us);
    return rq->err.code;
}

/* The lock is held.  The source most overdue, or how long until the next is due. */
static struct tl_registry_entry *next_due(tl_registry *registry, int64_t *ret_wait_us)
{
    int64_t now = tl_clock_monotonic_us();
    struct tl_registry_entry *due = NULL;
    *ret_wait_us = registry->refresh_us;
    for (size_t i = 0; i < registry->entry_count; i++) {
        struct tl_registry_entry *entry = registry->entries[i];
        if (entry->busy)
            continue;
        int64_t left = entry->due_now ? 0 : entry->next_us - now;
        if (left <= 0 && (!due || entry->next_us < due->next_us))
            due = entry;
        if (left > 0 && left < *ret_wait_us)
            *ret_wait_us = left;
    }
    return due;
}

static void list_in_background(struct tl_registry_worker *worker, struct tl_registry_entry *entry)
{
    tl_registry *registry = worker->registry;
    tl_arena *arena = tl_arena_new(TL_REGISTRY_ARENA_BYTES_MAX);
    struct tl_request rq;
    tl_request_init(&rq, arena);
    rq.deadline_us = tl_clock_monotonic_us() + LIST_TIME_US;
    pthread_mutex_lock(&registry->lock);
    worker->running = &rq;
    if (registry->stopping)
        atomic_store(&rq.cancelled, true);
    pthread_mutex_unlock(&registry->lock);
    (void)!tl_registry_list_entry(registry, entry, &rq); /* its failure is the source's state now */
    pthread_mutex_lock(&registry->lock);
    worker->running = NULL;
    pthread_mutex_unlock(&registry->lock);
    tl_registry_give_back(registry, entry);
    tl_arena_free(arena);
}

void *tl_registry_work(void *context)
{
    struct tl_registry_worker *worker = context;
    tl_registry *registry = worker->registry;
    pthread_mutex_lock(&registry->lock);
    while (!registry->stopping) {
        int64_t wait_us;
        struct tl_registry_entry *entry = next_due(registry, &wait_us);
        if (!entry) {
            wait_changed(registry, wait_us);
            continue;
        }
        entry->busy = true;
        entry->references++;
        pthread_mutex_unlock(&registry->lock);
        list_in_background(worker, entry);
        pthread_mutex_lock(&registry->lock);
    }
    pthread_mutex_unlock(&registry->lock);
    return NULL;
}
