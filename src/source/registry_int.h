/* source/registry_int.h -- what the files of the registry say to each other. */
#ifndef TL_SOURCE_REGISTRY_INT_H
#define TL_SOURCE_REGISTRY_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "source/registry.h"

enum {
    TL_REGISTRY_SOURCES_MAX = 1000,
    TL_REGISTRY_WORKERS = 4,
    TL_REGISTRY_LISTING_BYTES_MAX = 64 * 1024 * 1024,
    TL_REGISTRY_ARENA_BYTES_MAX = 512 * 1024 * 1024,
    TL_REGISTRY_DATASETS_MAX = 200000,
};

/* What a source holds; shared by snapshots. */
struct tl_registry_listing {
    atomic_int references;
    tl_arena *arena;
    const struct tl_source_dataset *datasets; /* sorted by schema, name */
    size_t dataset_count;
    const char *const *schemas;
    size_t schema_count;
    int64_t listed_at_us;
};
struct tl_registry_listing *tl_registry_listing_new(tl_arena *arena, struct tl_source_dataset *datasets, size_t count, int64_t listed_at_us);
struct tl_registry_listing *tl_registry_listing_ref(struct tl_registry_listing *listing);
void tl_registry_listing_unref(struct tl_registry_listing *listing);

/* One source.  Fields after `lock-protected` change under the registry's lock; the others never. */
struct tl_registry_entry {
    tl_arena *arena;
    const char *name, *kind, *comment, *origin;
    bool writable;
    bool kept; /* in the store */
    size_t option_count;
    const char **option_names, **option_values; /* secrets as references */
    /* lock-protected */
    int references;
    bool removed, busy, attached, due_now;
    const char *state; /* static text */
    char failure[TL_ERR_MESSAGE_MAX], failure_hint[TL_ERR_HINT_MAX];
    int64_t next_us; /* monotonic */
    uint64_t cached_hash;
    struct tl_registry_listing *listing;
};

struct tl_registry_worker {
    tl_registry *registry;
    pthread_t thread;
    struct tl_request *running; /* lock-protected */
};

struct tl_registry {
    tl_store *store;
    struct tl_registry_calls calls;
    int64_t refresh_us;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    int worker_count;
    struct tl_registry_worker workers[TL_REGISTRY_WORKERS];
    struct tl_registry_entry *entries[TL_REGISTRY_SOURCES_MAX]; /* sorted by name */
    size_t entry_count;
    tl_registry_snapshot *current;
};

struct tl_registry_snapshot {
    atomic_int references;
    tl_arena *arena;
    size_t count;
    struct tl_registry_source *sources;
    struct tl_registry_listing **listings;
};
/* From the entries as they are; the lock is held. */
void tl_registry_publish(tl_registry *registry);

/* --- registry_check.c --- */
TL_CHECKED enum tl_code tl_registry_check_name(const char *name, struct tl_err *err);
/* Known kind, known options, none missing; secrets are references unless plain ones are allowed. */
TL_CHECKED enum tl_code tl_registry_check_options(const struct tl_config_source *source, bool allow_plain_secrets, struct tl_err *err);
/* Secrets resolved, fallbacks filled, the driver's own check passed.  Lives in `arena`. */
TL_CHECKED enum tl_code tl_registry_resolve(tl_arena *arena, const struct tl_registry_entry *entry, struct tl_source_config *ret_config,
                                            struct tl_err *err);

/* --- registry_cache.c: listings as JSON, sources in the store --- */
void tl_registry_listing_write(const struct tl_registry_listing *listing, struct tl_buf *json);
TL_CHECKED enum tl_code tl_registry_listing_read(struct tl_str json, int64_t listed_at_us, struct tl_registry_listing **ret_listing,
                                                 struct tl_err *err);
void tl_registry_cache_listing(tl_registry *registry, struct tl_registry_entry *entry, const struct tl_registry_listing *listing);
TL_CHECKED enum tl_code tl_registry_keep(tl_registry *registry, const struct tl_registry_entry *entry, struct tl_err *err);
TL_CHECKED enum tl_code tl_registry_forget(tl_registry *registry, const char *name, struct tl_err *err);
/* Sources that were kept, in the arena. */
TL_CHECKED enum tl_code tl_registry_kept(tl_registry *registry, tl_arena *arena, struct tl_config_source **ret_sources, size_t *ret_count,
                                         struct tl_err *err);
/* The remembered listing; *ret_listing NULL when there is none that can be read. */
TL_CHECKED enum tl_code tl_registry_cached(tl_registry *registry, const char *name, struct tl_registry_listing **ret_listing,
                                           struct tl_err *err);

/* --- registry_refresh.c --- */
void *tl_registry_work(void *worker);
/* List one entry now, in this thread; the entry is busy and referenced by the caller. */
TL_CHECKED enum tl_code tl_registry_list_entry(tl_registry *registry, struct tl_registry_entry *entry, struct tl_request *rq);
/* The lock is held. */
struct tl_registry_entry *tl_registry_find(tl_registry *registry, const char *name);
void tl_registry_entry_unref(struct tl_registry_entry *entry);
/* Lock, wait until the entry is not busy, take it; NULL with rq->err when it is gone or the request ended. */
struct tl_registry_entry *tl_registry_take(tl_registry *registry, const char *name, struct tl_request *rq);
void tl_registry_give_back(tl_registry *registry, struct tl_registry_entry *entry);

#endif
