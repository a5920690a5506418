/* catalog/catalog_int.h -- what the parts of the catalog share. */
#ifndef TL_CATALOG_CATALOG_INT_H
#define TL_CATALOG_CATALOG_INT_H

#include <pthread.h>

#include "base/yaml_tree.h"
#include "catalog/catalog.h"

struct cat_entity;

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
/* ... by name; false = it is not there (any more). */
bool cat_see_named(struct tl_request *rq, tl_catalog *catalog, const struct cat_entity *dataset, struct cat_sight *ret_sight);
/* NULL: the caller may not know of the column. */
const struct cat_column_sight *cat_sight_of(const struct cat_sight *sight, const char *column);
void cat_sight_put(const struct cat_sight *sight, struct tl_json_writer *json);

/* --- meaning.c: what people say, kept --- */

/* "" where the kind has no such part. */
struct cat_entity {
    const char *kind; /* "dataset", "column", "term", "domain", "page" */
    const char *source, *schema, *name, *column;
};
struct cat_edit {
    struct cat_entity entity;
    const char *field;
    const char *before, *after; /* NULL = nothing stands there */
};

bool cat_is_entity(const struct cat_entity *a, const struct cat_entity *b);
/* "ops.public.accounts.email", "term Account"; names that are no plain words in double quotes. */
const char *cat_entity_text(tl_arena *arena, const struct cat_entity *entity);
void cat_put_name(struct tl_buf *buf, const char *source, const char *schema, const char *table);
/* A name of three parts; false = it is none. */
bool cat_read_name(tl_arena *arena, const char *text, struct cat_entity *ret_dataset);
/* ... and of four: a column. */
bool cat_read_column_name(tl_arena *arena, const char *text, struct cat_entity *ret_column);
/* NULL = nothing is said. */
TL_CHECKED enum tl_code cat_meaning_get(tl_store_tx *tx, tl_arena *arena, const struct cat_entity *entity, const char *field, const char **ret_value,
                                        struct tl_err *err);
/* All fields: of one entity, or (column NULL) of a dataset's columns. */
typedef enum tl_code (*cat_field_call)(void *context, const struct cat_entity *entity, const char *field, const char *value);
TL_CHECKED enum tl_code cat_meaning_each(tl_store_tx *tx, tl_arena *arena, const struct cat_entity *entity, cat_field_call each, void *context,
                                         struct tl_err *err);
/* In a transaction: TL_CONFLICT when something stands there that is not `before`. */
TL_CHECKED enum tl_code cat_meaning_write(tl_store_tx *tx, const char *actor, const struct cat_edit *edits, size_t count, struct tl_err *err);

/* The record alone, of edits that another room keeps. */
TL_CHECKED enum tl_code cat_edits_write(tl_store_tx *tx, const char *actor, const struct cat_edit *edits, size_t count, struct tl_err *err);
/* As a member of an object. */
void cat_put_value(struct tl_json_writer *json, const char *field, const char *value);

/* --- plan.c: what a document says, compared with what is kept --- */

enum { CAT_ERRORS_KEPT = 100, CAT_CHANGES_SHOWN = 1000, CAT_EDITS_MAX = 4 * 1000 * 1000 };

struct cat_problem {
    const char *file, *reason;
    int line;
};

struct cat_plan {
    struct tl_request *rq;
    tl_catalog *catalog;
    tl_store_tx *tx;  /* for reading */
    const char *file; /* being read */
    size_t items;
    struct cat_edit *edits;
    size_t edit_count, edit_capacity;
    struct cat_edit *tags; /* field "tags": lifeguard's, not ours */
    size_t tag_count, tag_capacity;
    struct cat_page_edit *pages;
    size_t page_count, page_capacity;
    struct cat_problem problems[CAT_ERRORS_KEPT];
    size_t problem_count; /* those beyond are counted */
    struct cat_names *names;      /* of terms and domains that the documents themselves make */
    struct cat_names *given;      /* fields of which they have spoken */
    struct cat_mention *mentions; /* those that were not there when they were named */
    struct cat_entity checked;    /* the last dataset that the caller was found to govern */
    bool may_glossary;
};

/* Once: memory, and what the caller may. */
void cat_plan_begin(struct cat_plan *plan);
/* One item of a section of a document.  What is wrong becomes a problem; another code than TL_OK only when it cannot go on. */
TL_CHECKED enum tl_code cat_plan_item(struct cat_plan *plan, const char *section, const struct tl_yaml_node *item, struct tl_err *err);
/* Terms and domains that nobody has made become problems. */
void cat_plan_end(struct cat_plan *plan);
void cat_problem(struct cat_plan *plan, int line, const char *format, ...) TL_PRINTF(3, 4);
void cat_plan_edit(struct cat_plan *plan, const struct cat_entity *entity, const char *field, const char *before, const char *after);

/* --- value.c: a field's value as it is kept --- */

enum { CAT_OF_DATASET = 1, CAT_OF_COLUMN = 2, CAT_OF_TERM = 4, CAT_OF_DOMAIN = 8 };
struct cat_field {
    const char *name;
    unsigned kinds;
    bool links; /* each of its values is in catalog_link */
    const char *(*value)(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node);
};
/* NULL: there is no such field. */
const struct cat_field *cat_field_of(const char *name);
/* Names of those of a kind: "description, owners, ..". */
const char *cat_field_names(tl_arena *arena, unsigned kind);
/* In the arena of the plan; "" = nothing; NULL = a problem was told. */
const char *cat_field_value(struct cat_plan *plan, const struct cat_field *field, const struct tl_yaml_node *node);

/* --- tags.c: lifeguard's, as the catalog shows them --- */

/* JSON array of a dataset's or column's tags; NULL = none. */
TL_CHECKED enum tl_code cat_tags_get(struct tl_request *rq, tl_catalog *catalog, const struct cat_entity *entity, const char **ret_tags);
/* {"tags": [..], "columns": {NAME: {"tags": [..]}}, "state", "sensitivity", ..} as lifeguard has it. */
TL_CHECKED enum tl_code cat_tags_load(struct tl_request *rq, tl_catalog *catalog, const struct tl_grant_scope *dataset, const tl_json **ret_rules);
TL_CHECKED enum tl_code cat_tags_write(struct tl_request *rq, tl_catalog *catalog, const struct cat_edit *edits, size_t count);

/* --- page.c --- */

struct cat_page_edit {
    const char *path, *title, *front, *text; /* text NULL = it goes */
    int64_t version;                         /* the new one's */
    const char *origin;                      /* "folder", "api" */
};
/* A page of a file "NAME.md"; or of the API: the name without ending.  text NULL = remove it. */
TL_CHECKED enum tl_code cat_plan_page(struct cat_plan *plan, const char *path, struct tl_str text, const char *origin, struct tl_err *err);
TL_CHECKED enum tl_code cat_page_write(tl_store_tx *tx, const char *actor, const struct cat_page_edit *pages, size_t count, struct tl_err *err);
/* May the caller read a page with this front? */
bool cat_page_visible(struct tl_request *rq, tl_catalog *catalog, const tl_json *front);
/* An array of {path, title} of the pages about the dataset that the caller may read. */
TL_CHECKED enum tl_code cat_put_pages_about(struct tl_request *rq, tl_catalog *catalog, const struct tl_grant_scope *dataset, struct tl_json_writer *json);

/* --- folder.c --- */

/* What is other than at the last look. */
void cat_read_folder(tl_catalog *catalog);

/* --- import.c --- */

/* All edits of the plan: meaning and pages in one transaction, then the tags. */
TL_CHECKED enum tl_code cat_plan_apply(struct cat_plan *plan);

#endif
