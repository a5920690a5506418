/* The sources of the process: opened drivers, attached catalogs, and what is remembered of datasets between statements. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engines/duckdb/sources_int.h"

enum {
    SOURCES_MAX = 1000,
    CONFIG_BYTES_MAX = 4 * 1024 * 1024,
    DESCRIPTION_BYTES_MAX = 16 * 1024 * 1024,
    DESCRIPTIONS_MAX = 8192,
    FRESH_US = 60 * 1000 * 1000,
};

/* One dataset of a source that scans, as it was at fetched_at_us. */
struct tl_duckdb_description {
    struct tl_duckdb_description *next;
    struct tl_duckdb_source *source;
    tl_arena *arena;
    struct tl_source_dataset *dataset;
    uint64_t hash;
    int64_t fetched_at_us;
    int users; /* plans, and the table itself */
};

/* ---- life of a source; the mutex is held where the name says so ---- */

static void source_free(struct tl_duckdb_source *source)
{
    if (source->open)
        source->driver->close(source->open);
    pthread_mutex_destroy(&source->attach_mutex);
    tl_arena_free(source->arena);
    free(source);
}

/* Closing may wait for a network: what the last user left is closed after the mutex is free. */
void tl_duckdb_source_release(struct tl_duckdb_sources *sources, struct tl_duckdb_source *source)
{
    pthread_mutex_lock(&sources->mutex);
    bool last = --source->users == 0;
    pthread_mutex_unlock(&sources->mutex);
    if (last)
        source_free(source);
}

static struct tl_duckdb_source **find_locked(struct tl_duckdb_sources *sources, const char *name)
{
    struct tl_duckdb_source **link = &sources->first;
    while (*link && strcmp((*link)->config.name, name) != 0)
        link = &(*link)->next;
    return link;
}

struct tl_duckdb_source *tl_duckdb_source_acquire(struct tl_duckdb_sources *sources, const char *name, struct tl_err *err)
{
    pthread_mutex_lock(&sources->mutex);
    struct tl_duckdb_source *source = *find_locked(sources, name);
    if (source)
        source->users++;
    pthread_mutex_unlock(&sources->mutex);
    if (!source)
        tl_err_set(err, TL_CATALOG_NOT_FOUND, "there is no source \"%s\"", name);
    return source;
}

static const struct tl_source_driver *find_driver(const struct tl_duckdb_sources *sources, const char *kind)
{
    for (size_t i = 0; i < sources->driver_count; i++)
        if (strcmp(sources->drivers[i]->kind, kind) == 0)
            return sources->drivers[i];
    return NULL;
}

static void copy_config(tl_arena *arena, const struct tl_source_config *from, struct tl_source_config *to)
{
    const char **names = TL_NEW_ARRAY(arena, const char *, from->option_count);
    const char **values = TL_NEW_ARRAY(arena, const char *, from->option_count);
    for (size_t i = 0; i < from->option_count; i++) {
        names[i] = tl_arena_strdup(arena, from->option_names[i]);
        values[i] = tl_arena_strdup(arena, from->option_values[i]);
    }
    *to = (struct tl_source_config){tl_arena_strdup(arena, from->name), tl_arena_strdup(arena, from->kind), from->option_count, names, values};
}

static bool same_config(const struct tl_source_config *a, const struct tl_source_config *b)
{
    bool same = strcmp(a->kind, b->kind) == 0 && a->option_count == b->option_count;
    for (size_t i = 0; same && i < a->option_count; i++)
        same = strcmp(a->option_names[i], b->option_names[i]) == 0 && strcmp(a->option_values[i], b->option_values[i]) == 0;
    return same;
}

/* ---- descriptions ---- */

static void description_free(struct tl_duckdb_sources *sources, struct tl_duckdb_description *description)
{
    tl_duckdb_source_release(sources, description->source);
    tl_arena_free(description->arena);
    free(description);
}

static struct tl_duckdb_description *description_unlink_locked(struct tl_duckdb_sources *sources, struct tl_duckdb_description **link)
{
    struct tl_duckdb_description *description = *link;
    *link = description->next;
    sources->described--;
    return --description->users == 0 ? description : NULL;
}

/* Forget all, or all of one source. */
static void forget(struct tl_duckdb_sources *sources, const struct tl_duckdb_source *source)
{
    struct tl_duckdb_description *unused = NULL;
    pthread_mutex_lock(&sources->mutex);
    for (size_t i = 0; i < TL_DUCKDB_BUCKETS; i++)
        for (struct tl_duckdb_description **link = &sources->buckets[i]; *link;) {
            if (source && (*link)->source != source) {
                link = &(*link)->next;
                continue;
            }
            struct tl_duckdb_description *last = description_unlink_locked(sources, link);
            if (last) {
                last->next = unused;
                unused = last;
            }
        }
    pthread_mutex_unlock(&sources->mutex);
    while (unused) {
        struct tl_duckdb_description *next = unused->next;
        description_free(sources, unused);
        unused = next;
    }
}

void tl_duckdb_sources_forget(struct tl_duckdb_sources *sources)
{
    forget(sources, NULL);
}

static uint64_t description_hash(const char *source, const char *schema, const char *name)
{
    return tl_duckdb_hash(tl_duckdb_hash(tl_duckdb_hash(0, source), schema), name);
}

static struct tl_duckdb_description **find_description_locked(struct tl_duckdb_sources *sources, uint64_t hash, const char *source,
                                                    const char *schema, const char *name)
{
    struct tl_duckdb_description **link = &sources->buckets[hash % TL_DUCKDB_BUCKETS];
    for (; *link; link = &(*link)->next) {
        const struct tl_duckdb_description *at = *link;
        if (at->hash == hash && strcmp(at->source->config.name, source) == 0 && strcmp(at->dataset->schema, schema) == 0 &&
            strcmp(at->dataset->name, name) == 0)
            break;
    }
    return link;
}

static struct tl_duckdb_description *find_fresh(struct tl_duckdb_sources *sources, uint64_t hash, const char *source, const char *schema,
                                      const char *name)
{
    pthread_mutex_lock(&sources->mutex);
    struct tl_duckdb_description *found = *find_description_locked(sources, hash, source, schema, name);
    if (found && (found->source->replaced || tl_clock_monotonic_us() - found->fetched_at_us > FRESH_US))
        found = NULL;
    if (found)
        found->users++;
    pthread_mutex_unlock(&sources->mutex);
    return found;
}

/* Into the table, in place of an older one. */
static void remember(struct tl_duckdb_sources *sources, struct tl_duckdb_description *description)
{
    pthread_mutex_lock(&sources->mutex);
    bool full = sources->described >= DESCRIPTIONS_MAX;
    pthread_mutex_unlock(&sources->mutex);
    if (full)
        forget(sources, NULL);
    struct tl_duckdb_description *older = NULL;
    pthread_mutex_lock(&sources->mutex);
    struct tl_duckdb_description **link = find_description_locked(sources, description->hash, description->source->config.name,
                                                        description->dataset->schema, description->dataset->name);
    if (*link)
        older = description_unlink_locked(sources, link);
    description->next = *link;
    *link = description;
    description->users++;
    sources->described++;
    pthread_mutex_unlock(&sources->mutex);
    if (older)
        description_free(sources, older);
}

static enum tl_code fetch_description(struct tl_duckdb_source *source, const char *schema, const char *name, const struct tl_stop *stop,
                                      struct tl_duckdb_description **ret_description, struct tl_err *err)
{
    tl_arena *arena = tl_arena_new(DESCRIPTION_BYTES_MAX);
    struct tl_source_dataset *dataset = NULL;
    enum tl_code code = source->driver->describe(source->open, schema, name, stop, arena, &dataset, err);
    if (code == TL_OK)
        code = tl_arena_check(arena, "the description of a dataset", err);
    if (code != TL_OK) {
        tl_arena_free(arena);
        return code;
    }
    struct tl_duckdb_description *description = tl_heap_alloc(sizeof *description);
    *description = (struct tl_duckdb_description){.source = source,
                                        .arena = arena,
                                        .dataset = dataset,
                                        .hash = description_hash(source->config.name, dataset->schema, dataset->name),
                                        .fetched_at_us = tl_clock_monotonic_us(),
                                        .users = 1};
    *ret_description = description;
    return TL_OK;
}

static enum tl_code describe(void *context, const char *source_name, const char *schema, const char *name, const struct tl_stop *stop,
                             const struct tl_source_dataset **ret_dataset, const struct tl_source_driver **ret_driver,
                             tl_source **ret_source, void **ret_handle, struct tl_err *err)
{
    struct tl_duckdb_sources *sources = context;
    struct tl_duckdb_description *found =
        find_fresh(sources, description_hash(source_name, schema, name), source_name, schema, name);
    if (!found) {
        struct tl_duckdb_source *source = tl_duckdb_source_acquire(sources, source_name, err);
        if (!source)
            return err->code;
        enum tl_code code = source->driver->mode == TL_SOURCE_SCANS
                                ? fetch_description(source, schema, name, stop, &found, err)
                                : tl_err_set(err, TL_INTERNAL, "the source \"%s\" is not one that is scanned", source_name);
        if (code != TL_OK) {
            forget(sources, source);
            tl_duckdb_source_release(sources, source);
            return code;
        }
        remember(sources, found);
    }
    *ret_dataset = found->dataset;
    *ret_driver = found->source->driver;
    *ret_source = found->source->open;
    *ret_handle = found;
    return TL_OK;
}

static void release(void *context, void *handle)
{
    struct tl_duckdb_sources *sources = context;
    struct tl_duckdb_description *description = handle;
    pthread_mutex_lock(&sources->mutex);
    bool last = --description->users == 0;
    pthread_mutex_unlock(&sources->mutex);
    if (last)
        description_free(sources, description);
}

struct tl_hooks_calls tl_duckdb_sources_calls(struct tl_duckdb_sources *sources)
{
    return (struct tl_hooks_calls){sources, describe, release};
}

/* ---- commands ---- */

struct tl_duckdb_sources *tl_duckdb_sources_new(const struct tl_source_driver *const *drivers, size_t driver_count)
{
    struct tl_duckdb_sources *sources = tl_heap_alloc(sizeof *sources);
    pthread_mutex_init(&sources->change_mutex, NULL);
    pthread_mutex_init(&sources->mutex, NULL);
    sources->drivers = drivers;
    sources->driver_count = driver_count;
    return sources;
}

void tl_duckdb_sources_set_database(struct tl_duckdb_sources *sources, duckdb_database database)
{
    sources->database = database;
}

static enum tl_code make_source(struct tl_duckdb_sources *sources, const struct tl_source_config *config, struct tl_duckdb_source **ret_source,
                                struct tl_err *err)
{
    const struct tl_source_driver *driver = find_driver(sources, config->kind);
    if (!driver)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "there is no source kind \"%s\"", config->kind);
    if (strlen(config->name) >= TL_SOURCE_NAME_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "a source's name has at most %d bytes", TL_SOURCE_NAME_MAX - 1);
    if (driver->check(config, err) != TL_OK)
        return err->code;
    struct tl_duckdb_source *source = tl_heap_alloc(sizeof *source);
    pthread_mutex_init(&source->attach_mutex, NULL);
    tl_err_init(&source->failure);
    source->driver = driver;
    source->users = 1;
    source->arena = tl_arena_new(CONFIG_BYTES_MAX);
    copy_config(source->arena, config, &source->config);
    if (driver->mode == TL_SOURCE_SCANS && driver->open(&source->config, &source->open, err) != TL_OK) {
        source->open = NULL;
        source_free(source);
        return err->code;
    }
    *ret_source = source;
    return TL_OK;
}

/* Out of use: nothing new is attached or remembered for it, statements that have it keep it. */
static void retire(struct tl_duckdb_sources *sources, struct tl_duckdb_source *source)
{
    pthread_mutex_lock(&source->attach_mutex);
    pthread_mutex_lock(&sources->mutex);
    source->replaced = true;
    pthread_mutex_unlock(&sources->mutex);
    if (source->attached)
        tl_duckdb_detach(sources, source);
    pthread_mutex_unlock(&source->attach_mutex);
    forget(sources, source);
    tl_duckdb_source_release(sources, source);
}

static struct tl_duckdb_source *take_out(struct tl_duckdb_sources *sources, const char *name)
{
    pthread_mutex_lock(&sources->mutex);
    struct tl_duckdb_source **link = find_locked(sources, name), *source = *link;
    if (source) {
        *link = source->next;
        sources->count--;
    }
    pthread_mutex_unlock(&sources->mutex);
    return source;
}

static bool is_known(struct tl_duckdb_sources *sources, const struct tl_source_config *config)
{
    pthread_mutex_lock(&sources->mutex);
    const struct tl_duckdb_source *source = *find_locked(sources, config->name);
    bool known = source && same_config(&source->config, config);
    pthread_mutex_unlock(&sources->mutex);
    return known;
}

static enum tl_code put(struct tl_duckdb_sources *sources, const struct tl_source_config *config, struct tl_err *err)
{
    struct tl_duckdb_source *source = NULL;
    if (is_known(sources, config))
        return TL_OK;
    if (make_source(sources, config, &source, err) != TL_OK)
        return err->code;
    struct tl_duckdb_source *older = take_out(sources, config->name);
    if (older)
        retire(sources, older);
    pthread_mutex_lock(&sources->mutex);
    bool full = sources->count >= SOURCES_MAX;
    if (!full) {
        source->next = sources->first;
        sources->first = source;
        sources->count++;
    }
    pthread_mutex_unlock(&sources->mutex);
    if (full) {
        source_free(source);
        return tl_err_set(err, TL_TOO_LARGE, "there are %d sources already, no more can be added", SOURCES_MAX);
    }
    return TL_OK;
}

enum tl_code tl_duckdb_sources_put(struct tl_duckdb_sources *sources, const struct tl_source_config *config, struct tl_err *err)
{
    pthread_mutex_lock(&sources->change_mutex);
    enum tl_code code = put(sources, config, err);
    pthread_mutex_unlock(&sources->change_mutex);
    return code;
}

enum tl_code tl_duckdb_sources_remove(struct tl_duckdb_sources *sources, const char *name, struct tl_err *err)
{
    pthread_mutex_lock(&sources->change_mutex);
    struct tl_duckdb_source *source = take_out(sources, name);
    if (source)
        retire(sources, source);
    pthread_mutex_unlock(&sources->change_mutex);
    return source ? TL_OK : tl_err_set(err, TL_CATALOG_NOT_FOUND, "there is no source \"%s\"", name);
}

static enum tl_code test_attached(struct tl_duckdb_source *source, duckdb_connection connection, tl_arena *arena, const char **ret_version,
                                  struct tl_err *err)
{
    const char *sql = tl_arena_printf(
        arena, "SELECT count(*)::VARCHAR FROM (SELECT 1 FROM duckdb_tables() WHERE database_name = 'p:%s' UNION ALL "
               "SELECT 1 FROM duckdb_views() WHERE database_name = 'p:%s' AND NOT internal)",
        source->config.name, source->config.name);
    const char **texts;
    size_t rows;
    if (tl_duckdb_query_texts(connection, sql, arena, 1, &texts, &rows, err) != TL_OK)
        return err->code;
    *ret_version = tl_arena_printf(arena, "%s, %s datasets", source->driver->summary, rows ? texts[0] : "0");
    return TL_OK;
}

static struct tl_stop stop_of(struct tl_duckdb_running *running)
{
    return (struct tl_stop){tl_duckdb_running_stopped, running, running->deadline_us};
}

enum tl_code tl_duckdb_sources_test(struct tl_duckdb_sources *sources, const char *name, struct tl_duckdb_running *running,
                                    tl_arena *arena, const char **ret_version, struct tl_err *err)
{
    struct tl_duckdb_source *source = tl_duckdb_source_acquire(sources, name, err);
    if (!source)
        return err->code;
    struct tl_stop stop = stop_of(running);
    enum tl_code code = TL_OK;
    if (source->driver->mode == TL_SOURCE_SCANS)
        code = source->driver->test(source->open, &stop, arena, ret_version, err);
    else if ((code = tl_duckdb_attach(sources, source, TL_DUCKDB_UP_TO_DATE, err)) == TL_OK)
        code = test_attached(source, running->connection, arena, ret_version, err);
    tl_duckdb_source_release(sources, source);
    return code;
}

enum tl_code tl_duckdb_sources_list(struct tl_duckdb_sources *sources, const char *name, struct tl_duckdb_running *running,
                                    tl_arena *arena, struct tl_source_dataset **ret_datasets, size_t *ret_count, struct tl_err *err)
{
    struct tl_duckdb_source *source = tl_duckdb_source_acquire(sources, name, err);
    if (!source)
        return err->code;
    struct tl_stop stop = stop_of(running);
    enum tl_code code = TL_OK;
    forget(sources, source);
    if (source->driver->mode == TL_SOURCE_SCANS)
        code = source->driver->list(source->open, &stop, arena, ret_datasets, ret_count, err);
    else if ((code = tl_duckdb_attach(sources, source, TL_DUCKDB_UP_TO_DATE, err)) == TL_OK)
        code = tl_duckdb_list_catalog(running->connection, tl_arena_printf(arena, "p:%s", name), arena, ret_datasets, ret_count, err);
    tl_duckdb_source_release(sources, source);
    return code;
}

int tl_duckdb_sources_count(struct tl_duckdb_sources *sources)
{
    pthread_mutex_lock(&sources->mutex);
    int count = sources->count;
    pthread_mutex_unlock(&sources->mutex);
    return count;
}
