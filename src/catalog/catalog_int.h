/* catalog/catalog_int.h -- what the parts of the catalog share. */
#ifndef TL_CATALOG_CATALOG_INT_H
#define TL_CATALOG_CATALOG_INT_H

#include <pthread.h>

#include "catalog/catalog.h"

enum {
    CAT_SOURCES_MAX = 1000,
    CAT_NAME_MAX = 1024,
    CAT_BATCH_DATASETS = 256,
    CAT_BATCH_COLUMNS = 4096, /* a batch ends with the dataset that passes it */
    CAT_ARENA_BYTES_MAX = 512 * 1024 * 1024,
};

/* What a crawl of a source is doing, or did last. */
struct cat_progress {
    char source[TL_SOURCE_NAME_MAX];
    bool running;
    int64_t began_at_us, ended_at_us; /* 0 = not yet */
    int64_t datasets, done, added, changed, gone;
    /* The thread's own: what was crawled to its end. */
    const struct tl_source_dataset *listing;
    uint64_t views_hash;
    bool crawled;
};

struct tl_catalog {
    struct tl_catalog_options options;
    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool stopping;
    int64_t asked, answered; /* rounds that were asked for, and the last one asked for before a round that has ended */
    struct tl_request *running;
    size_t progress_count;
    struct cat_progress progress[CAT_SOURCES_MAX];
    /* The thread's own: */
    const tl_registry_snapshot *snapshot; /* of the last round; held, so that another listing is at another address */
    int64_t rules_version, looked_us;
    int64_t next_dataset_id, next_change_number; /* 0 = not read yet */
};

/* --- crawl.c --- */

/* Everything that is other than at the last round.  Goes through what it can when a source fails. */
void cat_round(tl_catalog *catalog);
bool cat_is_stopping(tl_catalog *catalog);

/* --- inventory.c: what is kept --- */

/* A dataset as it is kept. */
struct cat_known {
    int64_t id, structure_hash, statistics_hash, change_marker, changed_at_us;
    const char *schema, *name;
    bool gone;
};

enum cat_difference { CAT_SAME, CAT_ADDED, CAT_CHANGED, CAT_BACK, CAT_STATISTICS, CAT_GONE };

/* One dataset of a batch. */
struct cat_change {
    enum cat_difference difference;
    const struct tl_source_dataset *dataset; /* NULL when it is gone */
    const struct cat_known *known;           /* NULL when it was added */
    int64_t id, structure_hash, statistics_hash, change_number;
};

struct cat_batch {
    const char *source;
    int64_t now_us;
    size_t count, column_count;
    struct cat_change changes[CAT_BATCH_DATASETS];
};

/* Every dataset that is kept of the source, by schema and name. */
TL_CHECKED enum tl_code cat_load_known(struct tl_request *rq, tl_catalog *catalog, const char *source, struct cat_known **ret_known, size_t *ret_count);
/* Sources of which datasets are kept that are not gone. */
TL_CHECKED enum tl_code cat_load_sources(struct tl_request *rq, tl_catalog *catalog, const char ***ret_sources, size_t *ret_count);
/* The highest numbers given so far. */
TL_CHECKED enum tl_code cat_load_numbers(tl_catalog *catalog, struct tl_err *err);
/* Facts, then the rows in one transaction; the batch is empty then. */
TL_CHECKED enum tl_code cat_write_batch(struct tl_request *rq, tl_catalog *catalog, struct cat_batch *batch);
TL_CHECKED enum tl_code cat_write_progress(tl_catalog *catalog, const struct cat_progress *progress, struct tl_err *err);

/* --- difference.c --- */

/* Names, types, keys, comments; and numbers. */
void cat_hash_dataset(struct tl_buf *scratch, const struct tl_source_dataset *dataset, int64_t *ret_structure, int64_t *ret_statistics);
/* The facts of a batch, by what is kept of its columns now. */
TL_CHECKED enum tl_code cat_tell_batch(struct tl_request *rq, tl_catalog *catalog, const struct cat_batch *batch);
const char *cat_type_text(struct tl_buf *scratch, const struct tl_source_column *column);
const char *cat_kind_name(enum tl_dataset_kind kind);

/* --- sight.c: what of a dataset the caller may know --- */

struct cat_column_sight {
    const char *name;
    const char *access; /* "open", "masked"; "closed": the caller governs the table and so knows that the column is there */
};

struct cat_sight {
    bool governs;     /* reviews, owns or administers it */
    bool row_rules;   /* the caller reads some of its rows only */
    bool rows_hidden; /* numbers about its rows are not the caller's to know */
    size_t total, readable, masked;
    size_t column_count;
    struct cat_column_sight *columns; /* by name */
    struct tl_err denial;             /* why nothing of it may be read */
};

/* In rq->arena; rq->err stays. */
void cat_see(struct tl_request *rq, tl_catalog *catalog, const struct tl_grant_scope *scope, const struct tl_source_dataset *dataset,
             struct cat_sight *ret_sight);
/* NULL: the caller may not know of the column. */
const struct cat_column_sight *cat_sight_of(const struct cat_sight *sight, const char *column);
void cat_sight_put(const struct cat_sight *sight, struct tl_json_writer *json);

#endif
