/* lifeguard/lifeguard.h -- who may see what: the rules, kept in the store, decided from memory.
 *
 * Closed by default.  A value is shown when all of this holds: its dataset has been reviewed, its column is open (or masked: then
 *   the mask's result is shown), a grant that is in force now lets the caller read it, no grant denies it, and its row passes
 *   every row rule that applies.
 * Words: a dataset and each of its columns is *pending* until reviewed; a column is then *open*, *masked* or *denied*.  A grant
 *   gives (or denies) a group, a user or everyone privileges on a scope: everything, a source, a schema, a table, a column, or a
 *   tag.  A row rule is a predicate for a group, a user or everyone on a scope.
 * Conflicts: deny wins; then the most specific scope (column, tag, table, schema, source, everything); then a user before a
 *   group before everyone; then the stricter mask.  Row rules add up.
 * State: in the store, each change a version with who and why.  In memory: one immutable snapshot, swapped whole; a decision
 *   takes no lock that a writer holds for long, no SQL and no network.  A change is in force for the next statement.
 * Fails closed: rules that cannot be read deny everything and say so (tl_lifeguard_health).
 * Threads: every call from any thread.
 */
#ifndef TL_LIFEGUARD_LIFEGUARD_H
#define TL_LIFEGUARD_LIFEGUARD_H

#include "auth/principal.h"
#include "base/request.h"
#include "data/json.h"
#include "lifeguard/mask.h"
#include "lifeguard/rule.h"
#include "store/store.h"

typedef struct tl_lifeguard tl_lifeguard;

struct tl_lifeguard_options {
    bool open;               /* what nobody has reviewed is open to everyone: for tests on a machine of one's own */
    const char *link_base;   /* of the links in denials, "http://host:port"; NULL = none yet */
    int64_t pii_us;          /* how long a choice to see personal data lasts, 0 = 30 min */
    const char *webhook;     /* URL told of requests; NULL or "" = none */
    struct tl_audit *audit;  /* each change, request and choice is on its chain before it is in force; NULL = none, for tests */
};

/* Members of TL_GROUP_ADMIN review and grant everywhere; to read they need grants like all others. */
TL_CHECKED enum tl_code tl_lifeguard_open(tl_store *store, const struct tl_lifeguard_options *options, tl_lifeguard **ret_lifeguard,
                                          struct tl_err *err);
tl_lifeguard *tl_lifeguard_close(tl_lifeguard *lifeguard);
/* Where this server is reached, once that is known. */
void tl_lifeguard_set_link_base(tl_lifeguard *lifeguard, const char *link_base);
/* Who checks the SQL expressions of row rules (the door); without it they are refused. */
typedef enum tl_code (*tl_lifeguard_sql_check)(void *context, struct tl_request *rq, const char *sql);
void tl_lifeguard_set_sql_check(tl_lifeguard *lifeguard, tl_lifeguard_sql_check check, void *context);
/* The key of TL_MASK_HASH, made once and kept in the store. */
void tl_lifeguard_mask_key(const tl_lifeguard *lifeguard, uint8_t ret_key[TL_MASK_KEY_SIZE]);

struct tl_lifeguard_health {
    int64_t version;
    size_t datasets, grants, row_rules;
    bool open;            /* see the options */
    bool broken;          /* the rules could not be read: everything is denied */
    char failure[256];
};
void tl_lifeguard_health(tl_lifeguard *lifeguard, struct tl_lifeguard_health *ret_health);

/* --- words --- */

enum tl_privilege {
    TL_PRIVILEGE_READ = 1,
    TL_PRIVILEGE_WRITE = 2,   /* change rows, and create in a schema */
    TL_PRIVILEGE_OWN = 4,     /* read, write, drop, and decide requests */
    TL_PRIVILEGE_REVIEW = 8,  /* open, mask and deny columns */
    TL_PRIVILEGE_ADMIN = 16,  /* grants and row rules */
    TL_PRIVILEGE_PII = 32,    /* may choose, for a session and with a reason, to see masked columns as they are */
    TL_PRIVILEGE_CLEAR = 64,  /* read, and see masked columns as they are */
    TL_PRIVILEGE_RAW = 128,   /* the files of a table, past columns, masks and row rules: for engines of their own */
};
enum { TL_PRIVILEGE_ALL = 255 };
/* "read, write" in any order; 0 with err for an unknown word. */
unsigned tl_privileges_parse(const char *text, struct tl_err *err);
void tl_privileges_format(struct tl_buf *buf, unsigned privileges);

/* A dataset, or with NULLs from the right a schema, a source, everything. */
struct tl_grant_scope {
    const char *source, *schema, *table, *column;
    const char *tag; /* of a column or a dataset; then the rest is NULL */
};

/* --- changing the rules; each is one version, and rq->principal is who --- */

/* Review: {"state": "approved"|"denied"|"pending", "sensitivity": "public"|"internal"|"confidential"|"restricted",
 *   "columns": {NAME: "open"|"denied"|"pending"|"masked:MASK"|{"state":.., "mask":.., "tags":[..]}}, "others": as a column,
 *   "tags": [..], "comment": ".."}.  "others" is for the columns in `columns` that the body does not name.
 * Needs review or own on the dataset. */
TL_CHECKED enum tl_code tl_lifeguard_review(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset,
                                            const char *const *columns, size_t column_count, const tl_json *body, const char *reason);

/* Tags of datasets and columns (scope.column NULL = the dataset's own), in place of those there were; what was reviewed stays as it is,
 * what was not waits as before.  Those of one dataset stand together.  All of them are one version.  Needs review or own on each. */
enum { TL_TAGS_MAX = 32, TL_TAG_BYTES_MAX = 100 }; /* of one dataset or column */
struct tl_tagging {
    struct tl_grant_scope dataset;
    size_t tag_count;
    const char *const *tags;
};
TL_CHECKED enum tl_code tl_lifeguard_tag(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_tagging *taggings, size_t count, const char *reason);

/* Grant: {"group": ..|"user": ..|"everyone": true, "privileges": "read", "effect": "allow"|"deny", "scope": {..}, "mask": ..,
 *   "start_us":, "end_us": or "duration": "30d", "reason": ".."}.  Needs admin or own on the scope; not to oneself.
 * Every grant ends: at most the longest time for the sensitivity of what it covers. */
TL_CHECKED enum tl_code tl_lifeguard_grant(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char **ret_id);
TL_CHECKED enum tl_code tl_lifeguard_revoke(struct tl_request *rq, tl_lifeguard *lifeguard, const char *id, const char *reason);

/* Row rule: {"group"|"user"|"everyone", "scope": {..}, "rule": see rule.h, "except": ["group:admin", "user:x"], "reason"}. */
TL_CHECKED enum tl_code tl_lifeguard_row_rule(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char **ret_id);
TL_CHECKED enum tl_code tl_lifeguard_remove_row_rule(struct tl_request *rq, tl_lifeguard *lifeguard, const char *id, const char *reason);

/* An attribute of a user, for row rules: {"user": .., "name": .., "values": [..]}; no values = none. */
TL_CHECKED enum tl_code tl_lifeguard_attribute(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body);

/* Longest grants, a sensitivity each: {"internal": "365d", ..}. */
TL_CHECKED enum tl_code tl_lifeguard_limits(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char *reason);

/* What the door tells of tables that people make: who makes one sees it, nobody else until it is reviewed. */
TL_CHECKED enum tl_code tl_lifeguard_created(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset);
/* It keeps its review under the new name; but where grants or row rules name the table it waits for another, since they do not
 * follow it. */
TL_CHECKED enum tl_code tl_lifeguard_renamed(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset, const char *new_name);
/* A table, or with NULLs a whole schema or source: what comes under the same name later has not been reviewed. */
TL_CHECKED enum tl_code tl_lifeguard_dropped(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *scope);

/* What a source lists now.  A reviewed column that has another type than before is pending again; types that are not known yet are
 * noted.  Nothing is written when nothing differs. */
struct tl_listed_dataset {
    struct tl_grant_scope dataset;
    size_t column_count;
    const char *const *columns, *const *types; /* "varchar", as people read it */
};
TL_CHECKED enum tl_code tl_lifeguard_listed(struct tl_request *rq, tl_lifeguard *lifeguard, const char *source, const struct tl_listed_dataset *listed,
                                            size_t count);
/* Has it columns that somebody has decided about?  Only such need be handed to tl_lifeguard_listed. */
bool tl_lifeguard_is_reviewed(tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset);

/* Grants that have ended are ended in the state too, requests that nobody decided expire.  Called by a thread of its own
 * every minute; given for tests. */
void tl_lifeguard_sweep(tl_lifeguard *lifeguard);

/* --- reading the rules, as JSON --- */

/* {"state":.., "columns": {..}, ..}; absent columns are pending. */
TL_CHECKED enum tl_code tl_lifeguard_put_dataset(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset,
                                                 struct tl_json_writer *json);
/* How many of these columns wait for a review; all of them when the dataset does. */
size_t tl_lifeguard_pending(tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset, const char *const *columns, size_t column_count);
/* Those about the caller, and those on scopes that the caller governs; of row rules only the latter. */
void tl_lifeguard_put_grants(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json);
void tl_lifeguard_put_row_rules(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json);
/* Versions, newest first; subject NULL = all. */
TL_CHECKED enum tl_code tl_lifeguard_put_history(struct tl_request *rq, tl_lifeguard *lifeguard, const char *subject, int count_max,
                                                 struct tl_json_writer *json);

/* May rq->principal do this on the scope?  TL_NOT_ALLOWED says who may. */
bool tl_lifeguard_governs(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *scope); /* review, own or admin; quick, no error */
TL_CHECKED enum tl_code tl_lifeguard_need(struct tl_request *rq, tl_lifeguard *lifeguard, unsigned privileges, const struct tl_grant_scope *scope);

/* May rq->principal have the files of this table?  Needs a grant of raw on it, none that denies reading, and no review that closed it;
 * on a server that opens what nobody has reviewed such tables are open here too.  TL_NOT_ALLOWED has the link to the request. */
TL_CHECKED enum tl_code tl_lifeguard_need_raw(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *table);

/* Why can `user` (in these groups; NULL = as last seen) see of the dataset what they see, and what not?  at_us 0 = now. */
TL_CHECKED enum tl_code tl_lifeguard_explain(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_principal *user,
                                             const struct tl_grant_scope *dataset, const char *const *columns, size_t column_count, int64_t at_us,
                                             struct tl_json_writer *json);
/* Who can see it: who made it, and the groups and users that grants name, each by itself. */
TL_CHECKED enum tl_code tl_lifeguard_who(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_grant_scope *dataset,
                                         const char *const *columns, size_t column_count, int64_t at_us, struct tl_json_writer *json);
/* The groups a user had then, as last seen; false = never seen. */
bool tl_lifeguard_groups_of(struct tl_request *rq, tl_lifeguard *lifeguard, const char *user, int64_t at_us, struct tl_principal *ret_principal);

/* --- comments and requests --- */

TL_CHECKED enum tl_code tl_lifeguard_comment(struct tl_request *rq, tl_lifeguard *lifeguard, const char *subject, const char *text);
TL_CHECKED enum tl_code tl_lifeguard_put_comments(struct tl_request *rq, tl_lifeguard *lifeguard, const char *subject, struct tl_json_writer *json);

/* Request: {"scope": {..}, "privileges": "read", "columns": [..], "duration": "30d", "reason": ".."}. */
TL_CHECKED enum tl_code tl_lifeguard_request(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char **ret_id);
/* By somebody with own or admin on the scope, never by who asked.  Approving makes the grant. */
TL_CHECKED enum tl_code tl_lifeguard_decide_request(struct tl_request *rq, tl_lifeguard *lifeguard, const char *id, bool approve, const char *reason);
/* Those of the caller, and those the caller may decide; state NULL = all. */
TL_CHECKED enum tl_code tl_lifeguard_put_requests(struct tl_request *rq, tl_lifeguard *lifeguard, const char *state, struct tl_json_writer *json);

/* --- personal data, for a session --- */

/* The caller chooses to see personal data.  *ret_value is what the client keeps as its session's property "pii": it names the
 * choice, which ends by itself.  TL_NOT_ALLOWED when no grant in force allows it anywhere. */
TL_CHECKED enum tl_code tl_lifeguard_pii_begin(struct tl_request *rq, tl_lifeguard *lifeguard, const char *reason, const char *source,
                                               const char **ret_value, int64_t *ret_ends_at_us);
/* Is the value of a session in force?  "true" (given by a client itself) begins one choice per user and reason; when that has
 * ended, the same reason does not begin another. */
TL_CHECKED enum tl_code tl_lifeguard_pii_check(struct tl_request *rq, tl_lifeguard *lifeguard, const char *value, const char *reason,
                                               const char *source);
TL_CHECKED enum tl_code tl_lifeguard_pii_end(struct tl_request *rq, tl_lifeguard *lifeguard, const char *value);

#endif
