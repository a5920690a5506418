/* engines/duckdb/sources_int.h -- what sources.c and attach.c share. */
#ifndef TL_ENGINES_DUCKDB_SOURCES_INT_H
#define TL_ENGINES_DUCKDB_SOURCES_INT_H

#include "engines/duckdb/process_int.h"

enum { TL_DUCKDB_BUCKETS = 1024 };

struct tl_duckdb_source {
    struct tl_duckdb_source *next;
    const struct tl_source_driver *driver;
    tl_arena *arena;
    struct tl_source_config config;
    tl_source *open; /* TL_SOURCE_SCANS */
    int users;       /* statements, descriptions, and the table itself */
    pthread_mutex_t attach_mutex;
    bool attached; /* TL_SOURCE_ATTACHES */
    uint64_t attached_by; /* hash of the statements */
    bool replaced;
    int64_t failed_at_us;
    struct tl_err failure;
};

struct tl_duckdb_description;

struct tl_duckdb_sources {
    pthread_mutex_t change_mutex; /* one put or remove at a time: an old catalog is gone before its name is used again */
    pthread_mutex_t mutex;
    duckdb_database database;
    const struct tl_source_driver *const *drivers;
    size_t driver_count;
    struct tl_duckdb_source *first;
    int count;
    struct tl_duckdb_description *buckets[TL_DUCKDB_BUCKETS];
    int described;
};

/* ---- sources.c ---- */
/* NULL and TL_CATALOG_NOT_FOUND: there is none of this name. */
struct tl_duckdb_source *tl_duckdb_source_acquire(struct tl_duckdb_sources *sources, const char *name, struct tl_err *err);
void tl_duckdb_source_release(struct tl_duckdb_sources *sources, struct tl_duckdb_source *source);

/* ---- attach.c ---- */
enum tl_duckdb_freshness { TL_DUCKDB_AS_IT_IS, TL_DUCKDB_UP_TO_DATE, TL_DUCKDB_ANEW };
/* When it cannot be attached, whoever asks within the next second gets the same answer at once. */
TL_CHECKED enum tl_code tl_duckdb_attach(struct tl_duckdb_sources *sources, struct tl_duckdb_source *source,
                                         enum tl_duckdb_freshness wanted, struct tl_err *err);
void tl_duckdb_detach(struct tl_duckdb_sources *sources, const struct tl_duckdb_source *source);

#endif
