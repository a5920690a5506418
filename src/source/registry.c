#include "source/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/registry_int.h"

enum { ENTRY_BYTES_MAX = 8 * 1024 * 1024, REFRESH_US_MIN = 10000, WAIT_STEP_US = 20000 };

enum tl_code tl_registry_new(tl_store *store, const struct tl_registry_calls *calls, int64_t refresh_us, tl_registry **ret_registry,
                             struct tl_err *err)
{
    if (refresh_us < REFRESH_US_MIN)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the refresh interval of sources is %lld us, at least %d is needed",
                          (long long)refresh_us, REFRESH_US_MIN);
    tl_registry *registry = tl_heap_alloc(sizeof *registry);
    registry->store = store;
    registry->calls = *calls;
    registry->refresh_us = refresh_us;
    pthread_mutex_init(&registry->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&registry->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_lock(&registry->lock);
    tl_registry_publish(registry);
    pthread_mutex_unlock(&registry->lock);
    *ret_registry = registry;
    return TL_OK;
}

tl_registry *tl_registry_free(tl_registry *registry)
{
    if (!registry)
        return NULL;
    pthread_mutex_lock(&registry->lock);
    registry->stopping = true;
    for (int i = 0; i < registry->worker_count; i++)
        if (registry->workers[i].running)
            atomic_store(&registry->workers[i].running->cancelled, true);
    pthread_cond_broadcast(&registry->changed);
    pthread_mutex_unlock(&registry->lock);
    for (int i = 0; i < registry->worker_count; i++)
        pthread_join(registry->workers[i].thread, NULL);
    for (size_t i = 0; i < registry->entry_count; i++)
        tl_registry_entry_unref(registry->entries[i]);
    tl_registry_release(registry->current);
    pthread_cond_destroy(&registry->changed);
    pthread_mutex_destroy(&registry->lock);
    free(registry);
    return NULL;
}

static struct tl_registry_entry *make_entry(const struct tl_config_source *source, const char *origin, bool writable, bool kept)
{
    tl_arena *arena = tl_arena_new(ENTRY_BYTES_MAX);
    struct tl_registry_entry *entry = TL_NEW(arena, struct tl_registry_entry);
    entry->arena = arena;
    entry->name = tl_arena_strdup(arena, source->name);
    entry->kind = tl_arena_strdup(arena, source->kind ? source->kind : "");
    entry->comment = tl_arena_strdup(arena, source->comment);
    entry->origin = tl_arena_strdup(arena, origin);
    entry->writable = writable;
    entry->kept = kept;
    entry->option_names = TL_NEW_ARRAY(arena, const char *, source->option_count);
    entry->option_values = TL_NEW_ARRAY(arena, const char *, source->option_count);
    for (size_t i = 0; i < source->option_count; i++) {
        if (!source->options[i].value)
            continue;
        entry->option_names[entry->option_count] = tl_arena_strdup(arena, source->options[i].name);
        entry->option_values[entry->option_count++] = tl_arena_strdup(arena, source->options[i].value);
    }
    entry->references = 1;
    entry->state = "listing";
    return entry;
}

/* Takes the entry; false: the name is taken or the registry full, and the entry is gone. */
static bool insert(tl_registry *registry, struct tl_registry_entry *entry, struct tl_err *err)
{
    pthread_mutex_lock(&registry->lock);
    if (tl_registry_find(registry, entry->name))
        tl_err_set(err, TL_ALREADY_EXISTS, "source \"%s\" exists already", entry->name);
    else if (registry->entry_count == TL_REGISTRY_SOURCES_MAX)
        tl_err_set(err, TL_TOO_LARGE, "there are %d sources, no more can be added", TL_REGISTRY_SOURCES_MAX);
    if (err->code) {
        tl_registry_entry_unref(entry);
        pthread_mutex_unlock(&registry->lock);
        return false;
    }
    size_t at = registry->entry_count++;
    for (; at > 0 && strcmp(registry->entries[at - 1]->name, entry->name) > 0; at--)
        registry->entries[at] = registry->entries[at - 1];
    registry->entries[at] = entry;
    tl_registry_publish(registry);
    pthread_mutex_unlock(&registry->lock);
    return true;
}

/* The lock is held. */
static void take_out(tl_registry *registry, struct tl_registry_entry *entry)
{
    for (size_t i = 0; i < registry->entry_count; i++)
        if (registry->entries[i] == entry) {
            memmove(registry->entries + i, registry->entries + i + 1, (registry->entry_count - i - 1) * sizeof *registry->entries);
            registry->entry_count--;
            break;
        }
    entry->removed = true;
    tl_registry_publish(registry);
    tl_registry_entry_unref(entry);
}

/* --- start --- */

static enum tl_code add_known(tl_registry *registry, const struct tl_config_source *source, const char *origin, bool writable, bool kept,
                              struct tl_err *err)
{
    struct tl_registry_entry *entry = make_entry(source, origin, writable, kept);
    if (tl_registry_cached(registry, entry->name, &entry->listing, err) != TL_OK) {
        tl_registry_entry_unref(entry);
        return err->code;
    }
    return insert(registry, entry, err) ? TL_OK : err->code;
}

static enum tl_code add_from_file(tl_registry *registry, const tl_config *config, struct tl_err *err)
{
    const struct tl_config_source *sources;
    size_t count = config ? tl_config_sources(config, &sources) : 0;
    for (size_t i = 0; i < count; i++) {
        struct tl_err wrong;
        tl_err_init(&wrong);
        if (tl_registry_check_name(sources[i].name, &wrong) != TL_OK || tl_registry_check_options(&sources[i], true, &wrong) != TL_OK ||
            add_known(registry, &sources[i], "file", false, false, &wrong) != TL_OK) {
            tl_err_set(err, TL_CONFIG, "line %d of the configuration file: %.900s", sources[i].line, wrong.message);
            if (wrong.hint[0])
                tl_err_hint(err, "%s", wrong.hint);
            return err->code;
        }
    }
    return TL_OK;
}

/* A source of the file hides a kept one of the same name. */
static enum tl_code add_kept(tl_registry *registry, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(TL_REGISTRY_ARENA_BYTES_MAX);
    struct tl_config_source *sources;
    size_t count = 0;
    if (tl_registry_kept(registry, arena, &sources, &count, err) == TL_OK)
        for (size_t i = 0; i < count && !err->code; i++) {
            struct tl_err taken;
            tl_err_init(&taken);
            enum tl_code code = add_known(registry, &sources[i], "added", sources[i].line != 0, true, &taken);
            if (code != TL_OK && code != TL_ALREADY_EXISTS)
                tl_err_copy(err, &taken);
        }
    tl_arena_free(arena);
    return err->code;
}

enum tl_code tl_registry_start(tl_registry *registry, const tl_config *config, struct tl_err *err)
{
    if (add_from_file(registry, config, err) != TL_OK || add_kept(registry, err) != TL_OK)
        return err->code;
    for (int i = 0; i < TL_REGISTRY_WORKERS; i++) {
        registry->workers[i].registry = registry;
        int failure = pthread_create(&registry->workers[i].thread, NULL, tl_registry_work, &registry->workers[i]);
        if (failure)
            return tl_err_errno(err, TL_INTERNAL, failure, "could not start a thread that lists sources");
        registry->worker_count++;
    }
    return TL_OK;
}

/* --- at run time --- */

enum tl_code tl_registry_add(struct tl_request *rq, tl_registry *registry, const struct tl_config_source *source, const char *origin,
                             bool writable, bool allow_plain_secrets, bool keep)
{
    /* what is kept on disk holds references only, whatever else is allowed */
    if (tl_registry_check_name(source->name, &rq->err) != TL_OK ||
        tl_registry_check_options(source, allow_plain_secrets && !keep, &rq->err) != TL_OK)
        return rq->err.code;
    struct tl_registry_entry *entry = make_entry(source, origin, writable, keep);
    entry->busy = true; /* until it is attached */
    entry->references++;
    if (!insert(registry, entry, &rq->err)) {
        pthread_mutex_lock(&registry->lock);
        tl_registry_entry_unref(entry);
        pthread_mutex_unlock(&registry->lock);
        return rq->err.code;
    }
    struct tl_source_config config;
    if (tl_registry_resolve(rq->arena, entry, &config, &rq->err) == TL_OK &&
        registry->calls.put(registry->calls.context, rq, &config) == TL_OK) {
        entry->attached = true;
        if (keep && tl_registry_keep(registry, entry, &rq->err) != TL_OK) {
            struct tl_request undo;
            tl_request_init(&undo, rq->arena);
            (void)!registry->calls.remove(registry->calls.context, &undo, entry->name);
        }
    }
    if (rq->err.code) {
        pthread_mutex_lock(&registry->lock);
        take_out(registry, entry);
        pthread_mutex_unlock(&registry->lock);
    }
    tl_registry_give_back(registry, entry);
    return rq->err.code;
}

enum tl_code tl_registry_remove(struct tl_request *rq, tl_registry *registry, const char *name)
{
    struct tl_registry_entry *entry = tl_registry_take(registry, name, rq);
    if (!entry)
        return rq->err.code;
    if (strcmp(entry->origin, "added") != 0) {
        tl_err_set(&rq->err, TL_NOT_ALLOWED, "source \"%s\" cannot be removed here", name);
        tl_err_hint(&rq->err, strcmp(entry->origin, "file") == 0 ? "take it out of the configuration file" : "it is built in");
    } else if (registry->calls.remove(registry->calls.context, rq, name) == TL_OK &&
               tl_registry_forget(registry, name, &rq->err) == TL_OK) {
        pthread_mutex_lock(&registry->lock);
        take_out(registry, entry);
        pthread_mutex_unlock(&registry->lock);
    }
    tl_registry_give_back(registry, entry);
    return rq->err.code;
}

enum tl_code tl_registry_test(struct tl_request *rq, tl_registry *registry, const char *name, const char **ret_version)
{
    struct tl_registry_entry *entry = tl_registry_take(registry, name, rq);
    if (!entry)
        return rq->err.code;
    struct tl_source_config config;
    /* what failed is attached anew: a test is asked for after something was changed, a secret for instance */
    if (tl_registry_resolve(rq->arena, entry, &config, &rq->err) == TL_OK &&
        (entry->attached || registry->calls.put(registry->calls.context, rq, &config) == TL_OK)) {
        entry->attached = true;
        (void)!registry->calls.test(registry->calls.context, rq, name, ret_version);
    }
    tl_registry_give_back(registry, entry);
    return rq->err.code;
}

enum tl_code tl_registry_refresh(struct tl_request *rq, tl_registry *registry, const char *name)
{
    struct tl_registry_entry *entry = tl_registry_take(registry, name, rq);
    if (!entry)
        return rq->err.code;
    const struct tl_source_driver *driver = tl_registry_driver(entry->kind);
    if (driver && driver->mode == TL_SOURCE_ATTACHES && !entry->writable)
        entry->attached = false; /* new files show when a folder is attached again */
    tl_arena *asked = rq->arena; /* a listing may be larger than what a call may hold, and nothing of it is the call's */
    rq->arena = tl_arena_new(TL_REGISTRY_ARENA_BYTES_MAX);
    enum tl_code code = tl_registry_list_entry(registry, entry, rq);
    tl_arena_free(rq->arena);
    rq->arena = asked;
    tl_registry_give_back(registry, entry);
    return code;
}

static bool all_listed(tl_registry *registry)
{
    for (size_t i = 0; i < registry->entry_count; i++)
        if (strcmp(registry->entries[i]->state, "listing") == 0)
            return false;
    return true;
}

void tl_registry_wait_ready(tl_registry *registry, int64_t timeout_us)
{
    int64_t end = tl_clock_monotonic_us() + timeout_us;
    pthread_mutex_lock(&registry->lock);
    while (!all_listed(registry) && tl_clock_monotonic_us() < end) {
        pthread_mutex_unlock(&registry->lock);
        struct timespec step = {0, WAIT_STEP_US * 1000};
        nanosleep(&step, NULL);
        pthread_mutex_lock(&registry->lock);
    }
    pthread_mutex_unlock(&registry->lock);
}
