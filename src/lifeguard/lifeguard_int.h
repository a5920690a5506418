/* lifeguard/lifeguard_int.h -- what the files of this room share: the rules in memory and how a decision reads them.
 *
 * Memory: items are made in batches (one arena a load or a change) that count their references.  A snapshot holds its batches,
 *   a table of its items by kind and name, and indexes over them; it never changes once it is published.
 */
#ifndef TL_LIFEGUARD_LIFEGUARD_INT_H
#define TL_LIFEGUARD_LIFEGUARD_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "lifeguard/audit.h"
#include "lifeguard/clearance.h"

enum lg_kind { LG_DATASET, LG_GRANT, LG_ROW_RULE, LG_ATTRIBUTE, LG_LIMITS, LG_QUOTA, LG_KINDS };
enum lg_state { LG_PENDING, LG_OPEN, LG_MASKED, LG_DENIED }; /* of a column; a dataset is pending, open (approved) or denied */
enum lg_sensitivity { LG_PUBLIC, LG_INTERNAL, LG_CONFIDENTIAL, LG_RESTRICTED, LG_SENSITIVITIES };
enum lg_measure { LG_ROWS_SCANNED, LG_ROWS, LG_BYTES, LG_TIME, LG_MEASURES };
enum lg_window { LG_HOUR, LG_DAY, LG_WEEK, LG_MONTH, LG_WINDOWS };
enum lg_who_kind { LG_EVERYONE, LG_GROUP, LG_USER };

enum {
    LG_NAME_MAX = 2048,
    LG_COLUMNS_MAX = 4096,
    LG_BATCHES_MAX = 1000,
    LG_PRIVILEGES = 8,
    LG_EXCEPT_MAX = 100,
    LG_BODY_MAX = 4 * 1024 * 1024,
};
#define LG_SEPARATOR "\x1f"

struct lg_subject {
    enum lg_who_kind kind;
    const char *name; /* "" for everyone */
    uint64_t hash;
};

struct lg_column {
    const char *name, *type; /* type: as it was when it was reviewed, NULL = not known yet */
    enum lg_state state;
    struct tl_mask mask;
    size_t tag_count;
    const char *const *tags;
};

struct lg_dataset {
    const char *source, *schema, *table; /* table "" = a schema that somebody made */
    enum lg_state state;
    enum lg_sensitivity sensitivity;
    const char *reviewer, *creator, *comment; /* NULL = none */
    int64_t reviewed_at_us;
    size_t tag_count;
    const char *const *tags;
    size_t column_count;
    const struct lg_column *columns; /* sorted by name */
};

struct lg_grant {
    const char *id;
    struct lg_subject subject;
    struct tl_grant_scope scope;
    int level;
    unsigned privileges;
    bool deny;
    bool has_mask;
    struct tl_mask mask;
    int64_t start_us, end_us;
    const char *reason, *granted_by;
};

struct lg_row_rule {
    const char *id;
    struct lg_subject subject;
    struct tl_grant_scope scope;
    const struct tl_rule *rule;
    size_t except_count;
    const struct lg_subject *except;
    const char *reason, *made_by;
};

struct lg_attribute {
    const char *user, *name;
    size_t value_count;
    const char *const *values;
};

struct lg_limits {
    int64_t longest_us[LG_SENSITIVITIES];
};

struct lg_quota {
    const char *id;
    struct lg_subject subject;
    enum lg_window window;
    int64_t most[LG_MEASURES]; /* -1 = no limit */
    const char *reason, *made_by;
};

struct lg_item {
    enum lg_kind kind;
    const char *name;
    uint64_t hash;
    union {
        struct lg_dataset dataset;
        struct lg_grant grant;
        struct lg_row_rule row_rule;
        struct lg_attribute attribute;
        struct lg_limits limits;
        struct lg_quota quota;
    };
};

/* Grants that give something, and of those the few that govern, each by scope: a denial walks these alone. */
enum lg_giving { LG_GIVES, LG_GOVERNS, LG_GIVINGS };

/* What applies to a scope for a subject: one entry a grant or row rule. */
struct lg_entry {
    const struct lg_entry *next, *next_giving[LG_GIVINGS];
    uint64_t scope_hash;
    unsigned gives; /* privileges; 0 where it denies, or is no grant */
    const char *scope;
    const struct lg_subject *subject;
    const struct lg_item *item;
};

struct lg_batch {
    atomic_int references;
    tl_arena *arena;
};

/* Items by kind and name, open addressing. */
struct lg_table {
    size_t slot_count, used; /* slot_count is a power of two; used counts the places of ended items too */
    const struct lg_item **slots;
};
enum { LG_TABLE_DATASETS, LG_TABLE_OTHERS, LG_TABLES };

struct lg_snapshot {
    atomic_int references;
    int64_t version;
    tl_arena *arena;
    size_t batch_count;
    struct lg_batch **batches;
    struct lg_table tables[LG_TABLES]; /* datasets are many and apart, so that walking the others is quick */
    size_t counts[LG_KINDS];
    size_t bucket_count;
    const struct lg_entry **buckets;       /* by scope and subject */
    const struct lg_entry **giving_buckets[LG_GIVINGS]; /* by scope alone */
    size_t scope_count;   /* a power of two */
    uint64_t *scopes;     /* hashes of scopes that have entries, 0 = free */
    struct lg_limits limits;
};

struct tl_lifeguard {
    tl_store *store;
    tl_audit *audit; /* NULL = none */
    bool open;
    tl_lifeguard_sql_check check_sql;
    void *check_context;
    int64_t pii_us;
    uint64_t key[2];
    uint8_t mask_key[TL_MASK_KEY_SIZE];
    pthread_rwlock_t lock; /* of `current`, `link_base` */
    struct lg_snapshot *current;
    char *link_base;
    char failure[256]; /* why nothing can be decided; "" = nothing is wrong; stays as the start has found it */
    pthread_mutex_t changing; /* one change at a time, from what it read to what it wrote */
    struct lg_seen *seen;
    struct lg_choices *choices;
    struct lg_uses *uses;
    struct lg_trino *trino;
    struct lg_notes *notes;
    struct lg_teller *teller;
    pthread_t sweeper;
    bool sweeper_runs, stopping;
    pthread_mutex_t sweep_mutex;
    pthread_cond_t sweep_wake;
};

/* --- item.c: items as JSON --- */

const char *lg_kind_name(enum lg_kind kind);
bool lg_kind_of(const char *name, enum lg_kind *ret_kind);
TL_CHECKED enum tl_code lg_item_read(tl_arena *arena, enum lg_kind kind, const char *name, struct tl_str body, struct lg_item **ret_item,
                                     struct tl_err *err);
void lg_item_put(struct tl_json_writer *json, const struct lg_item *item);
const char *lg_state_name(enum lg_state state, bool dataset);
const char *lg_sensitivity_name(enum lg_sensitivity sensitivity);
bool lg_sensitivity_of(const char *name, enum lg_sensitivity *ret_sensitivity);
/* A column's part of a body: "open", "masked:hash", {"state":..}. */
TL_CHECKED enum tl_code lg_column_read(tl_arena *arena, const tl_json *json, struct lg_column *column, struct tl_err *err);
TL_CHECKED enum tl_code lg_scope_read(tl_arena *arena, const tl_json *json, struct tl_grant_scope *ret_scope, struct tl_err *err);
void lg_scope_put(struct tl_json_writer *json, const struct tl_grant_scope *scope);
/* "ops.public.accounts", "tag pii.email", "everything" */
const char *lg_scope_text(tl_arena *arena, const struct tl_grant_scope *scope);
/* The body of a change; NULL with rq->err. */
const char *lg_item_text(struct tl_request *rq, const struct lg_item *item);
void lg_subject_put(struct tl_json_writer *json, const struct lg_subject *subject);
const char *lg_subject_text(tl_arena *arena, const struct lg_subject *subject);
TL_CHECKED enum tl_code lg_subject_read(tl_arena *arena, const tl_json *json, struct lg_subject *ret_subject, struct tl_err *err);
TL_CHECKED enum tl_code lg_texts_read(tl_arena *arena, const tl_json *list, size_t most, size_t *ret_count, const char *const **ret_texts,
                                      struct tl_err *err);
void lg_texts_put(struct tl_json_writer *json, const char *key, size_t count, const char *const *texts);
/* Joined by LG_SEPARATOR: the name of a dataset's item. */
const char *lg_dataset_name(tl_arena *arena, const struct tl_grant_scope *dataset);

/* --- snapshot.c --- */

struct lg_change {
    enum lg_kind kind;
    const char *name;
    const char *body; /* NULL = the item ends */
};

uint64_t lg_hash(const tl_lifeguard *lifeguard, const char *text, size_t size);
struct lg_subject lg_subject_of(const tl_lifeguard *lifeguard, enum lg_who_kind kind, const char *name);
bool lg_same_subject(const struct lg_subject *a, const struct lg_subject *b);
/* A snapshot is held until released. */
const struct lg_snapshot *lg_acquire(tl_lifeguard *lifeguard);
void lg_release(const struct lg_snapshot *snapshot);
/* Gives up one reference of the batch; the items with their hashes filled in. */
struct lg_snapshot *lg_snapshot_new(const tl_lifeguard *lifeguard, int64_t version, struct lg_batch *batch, struct lg_item *const *items,
                                    size_t count);
/* The old one with some items replaced, added or (of NULL) ended. */
struct lg_snapshot *lg_snapshot_with(const tl_lifeguard *lifeguard, const struct lg_snapshot *old, int64_t version, struct lg_batch *batch,
                                     const struct lg_change *changes, struct lg_item *const *items, size_t count);
struct lg_batch *lg_batch_new(size_t arena_bytes_max);
void lg_batch_release(struct lg_batch *batch);
const struct lg_item *lg_find(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, enum lg_kind kind, const char *name);
const struct lg_dataset *lg_find_dataset(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const char *source,
                                         const char *schema, const char *table);
void lg_each(const struct lg_snapshot *snapshot, enum lg_kind kind, void (*each)(void *context, const struct lg_item *item), void *context);

/* The key under which grants and row rules on a scope are found: at most LG_NAME_MAX bytes. */
struct lg_scope_key {
    uint64_t hash;
    char text[LG_NAME_MAX];
};
enum lg_level { LG_AT_EVERYTHING, LG_AT_SOURCE, LG_AT_SCHEMA, LG_AT_TABLE_TAG, LG_AT_TABLE, LG_AT_COLUMN_TAG, LG_AT_COLUMN };
/* false = longer than a name may be */
bool lg_scope_key(const tl_lifeguard *lifeguard, const struct tl_grant_scope *scope, struct lg_scope_key *ret_key);
/* Quotas are in the same index, under a key that no scope has. */
void lg_quota_key(const tl_lifeguard *lifeguard, struct lg_scope_key *ret_key);
bool lg_has_scope(const struct lg_snapshot *snapshot, uint64_t scope_hash);
/* First entry of a bucket; entries of other scopes and subjects are among them: lg_entry_is tells. */
const struct lg_entry *lg_entries(const struct lg_snapshot *snapshot, uint64_t scope_hash, const struct lg_subject *subject);
/* Those that may hold one of the privileges there, by next_giving[*ret_giving]; of other scopes too. */
const struct lg_entry *lg_giving_entries(const struct lg_snapshot *snapshot, uint64_t scope_hash, unsigned privileges, enum lg_giving *ret_giving);
bool lg_entry_is(const struct lg_entry *entry, const struct lg_scope_key *scope, const struct lg_subject *subject);

/* --- state.c --- */

/* The rules could not be read: everything is denied. */
bool lg_is_broken(const tl_lifeguard *lifeguard);

/* Checks the bodies, writes the version and swaps the snapshot; `changing` is held by the caller. */
TL_CHECKED enum tl_code lg_apply(struct tl_request *rq, tl_lifeguard *lifeguard, const char *action, const char *subject, const char *reason,
                                 const struct lg_change *changes, size_t count);
/* The rules of a past moment; released like any other. */
TL_CHECKED enum tl_code lg_load_at(struct tl_request *rq, tl_lifeguard *lifeguard, int64_t at_us, struct lg_snapshot **ret_snapshot);
const char *lg_actor(const struct tl_request *rq);
char *lg_new_id(tl_arena *arena, const char *prefix, struct tl_err *err);
/* A fact for the event log. */
void lg_fact(tl_lifeguard *lifeguard, const struct tl_request *rq, const char *kind, const char *subject, const char *detail);

/* --- change.c --- */

/* Every change says why. */
TL_CHECKED enum tl_code lg_need_reason(struct tl_request *rq, const char *reason);

/* --- record.c: on the audit's chain --- */

struct lg_event {
    const char *kind;    /* "rules", "personal_data", "raw_reading", "request" */
    const char *action;  /* "granted" */
    const char *subject; /* "ops.public.accounts" */
    const char *reason, *about; /* NULL = none */
    int64_t version;     /* of the rules, 0 = none */
    const struct lg_change *changes;
    size_t change_count;
};
/* Before it is in force; an error: then it must not be. */
TL_CHECKED enum tl_code lg_record(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_event *event);
/* It was refused, or did not come about: rq->err says why, and stays. */
void lg_record_failure(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_event *event);

/* --- decide.c --- */

enum lg_why {
    LG_WHY_OPEN,
    LG_WHY_MADE_IT,      /* the caller made the table */
    LG_WHY_NOT_REVIEWED, /* the table or column is pending */
    LG_WHY_CLOSED,       /* the review denied it */
    LG_WHY_NO_GRANT,
    LG_WHY_DENIED,       /* by a grant */
    LG_WHY_MASKED,
    LG_WHY_CLEAR,        /* masked, but a grant shows it */
    LG_WHY_PII,          /* masked, but the caller chose to see it */
    LG_WHY_DEFAULT_OPEN, /* this server opens what nobody has reviewed */
};

struct lg_column_decision {
    bool visible;
    struct tl_mask mask;
    enum lg_why why;
    const struct lg_grant *by; /* NULL = none */
};

struct lg_who {
    const char *user;
    size_t count;
    const struct lg_subject *subjects; /* the user, the groups, everyone */
    int64_t now_us;
    bool pii;
};

enum { LG_GRANTS_MAX = 4096 };

struct lg_decision {
    const struct lg_dataset *dataset; /* NULL = never reviewed */
    bool made_it;
    unsigned allow, deny; /* on the whole dataset */
    const struct lg_grant *denied_by; /* reading; NULL = none */
    const struct lg_grant *ended; /* one that would have allowed it */
    size_t grant_count;           /* all that were met, those of columns and tags too */
    const struct lg_grant **grants;
    size_t visible_count;
    struct lg_column_decision *columns;
    size_t rule_count;
    const struct lg_row_rule **rules;
};

struct lg_who lg_who_of(const tl_lifeguard *lifeguard, tl_arena *arena, const struct tl_principal *principal, int64_t now_us, bool pii);
/* Is it the user, one of the groups, or everyone? */
bool lg_who_is(const struct lg_who *who, const struct lg_subject *subject);
/* Everything about one dataset for one caller; lives in the arena and the snapshot. */
void lg_decide(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, tl_arena *arena, const struct lg_who *who,
               const struct tl_access_need *need, struct lg_decision *ret_decision);
bool lg_reads(unsigned privileges);
/* Does the decision give all that is needed (clearance.c)? */
bool lg_allowed(const struct lg_decision *decision, const struct tl_access_need *need);
/* What the decision shows, with the caller's values in the row rules. */
void lg_grant_of(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, tl_arena *arena, const struct tl_principal *principal,
                 const struct tl_access_need *need, const struct lg_decision *decision, struct tl_dataset_grant *ret_grant);
/* What holds on the scope for the caller. */
unsigned lg_privileges_on(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, tl_arena *arena, const struct lg_who *who,
                          const struct tl_grant_scope *scope);

/* --- denial.c --- */

enum lg_why lg_why_not(const struct lg_decision *decision, unsigned access);
const char *lg_why_text(enum lg_why why);
/* Message, detail, hint and link of a denial. */
enum tl_code lg_deny(struct tl_request *rq, tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, const struct lg_who *who,
                     const struct tl_access_need *need, const struct lg_decision *decision);
/* Who reviews a scope and which groups may read it, as people read it: "group fraud, user ann". */
const char *lg_holders(const tl_lifeguard *lifeguard, const struct lg_snapshot *snapshot, tl_arena *arena, const struct tl_grant_scope *scope,
                       unsigned privileges, int64_t now_us);
const char *lg_request_link(tl_lifeguard *lifeguard, tl_arena *arena, const struct tl_grant_scope *scope, const char *privileges);

/* --- seen.c: which groups users were seen in --- */

struct lg_seen *lg_seen_new(void);
void lg_seen_free(struct lg_seen *seen);
/* Changes when somebody is seen in other groups than before. */
int64_t lg_seen_version(const tl_lifeguard *lifeguard);
void lg_saw(tl_lifeguard *lifeguard, const struct tl_principal *principal, int64_t now_us);

/* --- pii.c --- */

TL_CHECKED enum tl_code lg_choices_new(tl_lifeguard *lifeguard, struct tl_err *err);
void lg_choices_free(struct lg_choices *choices);
/* Does a grant in force let them choose to see personal data anywhere? */
bool lg_may_choose_pii(const struct lg_snapshot *snapshot, const struct lg_who *who);

/* --- quota.c, use.c --- */

TL_CHECKED enum tl_code lg_quota_read(tl_arena *arena, const tl_json *json, struct lg_quota *quota, struct tl_err *err);
void lg_quota_put(struct tl_json_writer *json, const struct lg_quota *quota);
TL_CHECKED enum tl_code lg_uses_new(tl_lifeguard *lifeguard, struct tl_err *err);
void lg_uses_save(tl_lifeguard *lifeguard);
void lg_uses_free(struct lg_uses *uses);

/* --- trino_kept.c, trino_notes.c --- */

struct lg_trino *lg_trino_new(tl_lifeguard *lifeguard);
void lg_trino_free(struct lg_trino *trino);
struct lg_notes *lg_notes_new(void);
void lg_notes_free(struct lg_notes *notes);
/* Before the snapshot of this version is published. */
void lg_note_changes(tl_lifeguard *lifeguard, const struct lg_snapshot *old, int64_t version, const struct lg_change *changes,
                     struct lg_item *const *items, size_t count);

/* --- request.c, teller.c --- */

void lg_expire_requests(struct tl_request *rq, tl_lifeguard *lifeguard);
/* A row of the store as an object. */
void lg_cells_put(struct tl_json_writer *json, const char *const *keys, const struct tl_store_value *cells, size_t count);
struct lg_teller *lg_teller_new(const char *url);
void lg_teller_free(struct lg_teller *teller);
/* Told later, by a thread of its own; the newest are dropped when too many wait. */
void lg_tell(tl_lifeguard *lifeguard, struct tl_str json);

#endif
