/* lifeguard/trino_int.h -- between trino_rules.c (who is in which rule of a dataset), trino_kept.c (what is kept between fetches) and
 * trino_notes.c (what a change reaches). */
#ifndef TL_LIFEGUARD_TRINO_INT_H
#define TL_LIFEGUARD_TRINO_INT_H

#include "lifeguard/lifeguard_int.h"
#include "lifeguard/trino.h"

struct trino_user {
    struct tl_principal principal;
    const char *class_key;
};

/* Users whose decisions are the same by construction: the same groups, and nothing that names one of them. */
struct trino_class {
    struct lg_who plain, pii;
    const struct tl_principal *principal; /* of one of them */
    bool may_choose_pii;
    bool around; /* something is said to it of everything, the source or the schema at hand */
    struct tl_buf pattern, pii_pattern; /* "ann|ben" as a regular expression */
};

/* What is kept between two fetches, under the mutex. */
struct lg_trino {
    pthread_mutex_t mutex;
    tl_lifeguard *lifeguard;
    tl_arena *arena; /* of users, classes and the lists below */
    const struct lg_snapshot *snapshot;             /* of this fetch only */
    const struct tl_trino_dataset *datasets;
    size_t dataset_count;
    uint64_t stamp;         /* of the datasets that were rendered */
    int64_t version, users_version, now_us;
    int64_t valid_until_us; /* then a grant starts or ends */
    struct trino_user *users;     /* by name */
    size_t user_count, user_capacity;
    struct trino_class *classes;
    size_t class_count;
    bool *read_by_rules;    /* per dataset: some row rule reads it */
    bool attributes_differ; /* some row rule speaks of the caller */
    uint64_t *names, *types; /* hashes per dataset */
    struct tl_str *texts;   /* per dataset: its rules, on the heap */
    bool *stale;
    uint64_t rendered;      /* counts what came to be different: the tag */
    tl_arena *scratch;      /* of one dataset */
    const char *around_source, *around_schema; /* where it was looked at last; of this fetch only */
};

/* --- trino_rules.c --- */

TL_CHECKED enum tl_code trino_read_users(tl_store_tx *tx, void *lg_trino, struct tl_err *err);
void trino_make_classes(struct lg_trino *r);
/* Reading all of its columns; opa.c asks for the same. */
struct tl_access_need trino_need(tl_arena *arena, const struct tl_trino_dataset *dataset);
int trino_by_dataset(const void *a, const void *b);
void trino_put_name(struct tl_json_writer *json, const char *key, const char *name); /* as a pattern that is the name only */
/* Into r->texts; false: it does not fit. */
bool trino_render_dataset(struct lg_trino *r, size_t index);

/* --- trino_notes.c --- */

enum lg_reach { LG_REACHES_NOTHING, LG_REACHES_DATASETS, LG_REACHES_ALL };

struct lg_note {
    int64_t version;
    enum lg_reach reach;
    char *source, *schema, *table; /* NULL from the right: all of them */
    char *user;                    /* whom it is about; NULL = a group or everyone */
};

/* Of the versions after `from` up to `to`.  false: `each` gave up, or they are too many to be remembered. */
bool lg_notes_since(tl_lifeguard *lifeguard, int64_t from, int64_t to, bool (*each)(void *context, const struct lg_note *note), void *context);

#endif
