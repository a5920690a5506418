/* source/registry.h -- which sources there are and what they hold, remembered so that a lookup never waits for a network.
 *
 * Why: resolving a name happens for every statement; asking PostgreSQL each time would cost more than the statement.
 * State: configured sources (from the configuration file, and those added at run time, kept in the store without secrets:
 *   only secret references) and the last listing of each, also kept in the store so that a restart knows the names at once.
 * Listing: a background thread refreshes each source every source.refresh (default 60 s), at start, and when asked; it lists
 *   through the callbacks given (the engine), so this room knows no engine.  One that took long to list rests ten times as long.
 * Readers take a snapshot: immutable, reference-counted, swapped whole.
 * Threads: every call from any thread.
 */
#ifndef TL_SOURCE_REGISTRY_H
#define TL_SOURCE_REGISTRY_H

#include "base/config.h"
#include "base/request.h"
#include "source/source.h"
#include "store/store.h"

typedef struct tl_registry tl_registry;
typedef struct tl_registry_snapshot tl_registry_snapshot;

/* How the registry reaches whoever runs drivers. */
struct tl_registry_calls {
    void *context;
    enum tl_code (*put)(void *context, struct tl_request *rq, const struct tl_source_config *config);
    enum tl_code (*remove)(void *context, struct tl_request *rq, const char *name);
    enum tl_code (*test)(void *context, struct tl_request *rq, const char *name, const char **ret_version);
    enum tl_code (*list)(void *context, struct tl_request *rq, const char *name, struct tl_source_dataset **ret_datasets, size_t *ret_count);
};

struct tl_registry_source {
    const char *name, *kind, *comment;
    const char *origin;       /* "file", "added", "built-in" */
    bool writable;            /* the lake */
    const char *state;        /* "listing", "ready", "failed" */
    const char *failure;      /* message of the last listing, NULL = none */
    const char *failure_hint;
    int64_t listed_at_us;     /* wall clock of the last good listing, 0 = never */
    size_t dataset_count;
    const struct tl_source_dataset *datasets; /* sorted by schema, name */
    size_t schema_count;
    const char *const *schemas; /* sorted; may hold empty ones */
};

TL_CHECKED enum tl_code tl_registry_new(tl_store *store, const struct tl_registry_calls *calls, int64_t refresh_us,
                                        tl_registry **ret_registry, struct tl_err *err);
tl_registry *tl_registry_free(tl_registry *registry);

/* Add the sources of the file and those kept in the store; starts the background refresh. Sources that fail are kept, state "failed". */
TL_CHECKED enum tl_code tl_registry_start(tl_registry *registry, const tl_config *config, struct tl_err *err);

/* Name: [a-z][a-z0-9_]*, at most 63, not reserved ("system", "information_schema", "memory", "temp").  Values may be secret
 * references; a secret option given as plain text is refused unless allow_plain_secrets (demo).  TL_ALREADY_EXISTS. */
TL_CHECKED enum tl_code tl_registry_add(struct tl_request *rq, tl_registry *registry, const struct tl_config_source *source, const char *origin,
                                        bool writable, bool allow_plain_secrets, bool keep);
TL_CHECKED enum tl_code tl_registry_remove(struct tl_request *rq, tl_registry *registry, const char *name);
TL_CHECKED enum tl_code tl_registry_test(struct tl_request *rq, tl_registry *registry, const char *name, const char **ret_version);
/* List now and wait. */
TL_CHECKED enum tl_code tl_registry_refresh(struct tl_request *rq, tl_registry *registry, const char *name);
/* Wait until every source was listed once (or failed), at most timeout_us. */
void tl_registry_wait_ready(tl_registry *registry, int64_t timeout_us);

const tl_registry_snapshot *tl_registry_acquire(tl_registry *registry);
void tl_registry_release(const tl_registry_snapshot *snapshot);
size_t tl_snapshot_sources(const tl_registry_snapshot *snapshot, const struct tl_registry_source **ret_sources); /* sorted by name */
/* All of it in the arena, but for what means nothing outside the driver. */
struct tl_source_dataset tl_registry_dataset_copy(tl_arena *arena, const struct tl_source_dataset *from);
const struct tl_registry_source *tl_snapshot_source(const tl_registry_snapshot *snapshot, const char *name);
/* Names are matched exactly first, then without regard to case when that is unambiguous. NULL = none. */
const struct tl_source_dataset *tl_snapshot_dataset(const tl_registry_snapshot *snapshot, const char *source, const char *schema, const char *name);

/* The table of drivers (daemon/drivers.c gives it): kinds, options, help. */
void tl_registry_set_drivers(const struct tl_source_driver *const *drivers, size_t count);
const struct tl_source_driver *tl_registry_driver(const char *kind);
size_t tl_registry_drivers(const struct tl_source_driver *const **ret_drivers);

#endif
