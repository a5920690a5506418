/* door/door.h -- the only way any SQL runs: length and depth caps, parse, classify, allow-list, resolve, authorize, splice,
 *   verify, run, record.
 *
 * Why: one door can be watched; two cannot.  The Trino protocol, the API, the agent, dashboards and loads all call this.
 * How a statement passes (DESIGN section 4): the engine's own parser gives an AST; every node must be on the allow-list; every
 *   table name is resolved; lifeguard decides; in the caller's own text only the name tokens are replaced by governed names;
 *   the new text is parsed again and every table in it must be a CTE or a governed view; only then it runs.
 * Errors speak of the caller's own text: positions are mapped back, hidden names are replaced by the dataset's.
 * Owns: an answer lives in rq->arena until tl_answer_close.  Threads: as tl_request.
 */
#ifndef TL_DOOR_DOOR_H
#define TL_DOOR_DOOR_H

#include "door/admission.h"
#include "engine/engine.h"
#include "lake/lake.h"
#include "lifeguard/audit.h"
#include "source/registry.h"

typedef struct tl_door tl_door;

struct tl_door_limits {
    size_t text_bytes_max;   /* 0 = 1 MiB */
    size_t nodes_max;        /* 0 = 50,000 */
    int depth_max;           /* 0 = 150 */
    int terms_max;           /* 0 = 250: operators in one chain, "1+1+..." (planning is quadratic and more) */
    int64_t run_time_us_max; /* 0 = 10 min */
    int64_t rows_max;        /* 0 = none */
    bool own_dialect;        /* the engine has its own dialect (engine.h): no form of Trino's is written in others */
    struct tl_admission_limits admission;
};

/* What the door stands between; all outlive it. */
struct tl_door_parts {
    tl_engine *engine;
    tl_registry *registry;
    tl_lake *lake; /* NULL = none */
    tl_store *store;
    tl_lifeguard *lifeguard;
    tl_audit *audit; /* NULL = statements leave no record: in tests only */
};

TL_CHECKED enum tl_code tl_door_new(const struct tl_door_parts *parts, const struct tl_door_limits *limits, tl_door **ret_door,
                                    struct tl_err *err);
tl_door *tl_door_free(tl_door *door);

struct tl_door_pair {
    const char *name, *value;
};

/* What the client holds between statements (the server keeps none of it). */
struct tl_session {
    const char *catalog, *schema; /* NULL = none */
    const char *time_zone;        /* NULL = UTC */
    size_t property_count;
    const struct tl_door_pair *properties; /* X-Trino-Session */
    size_t prepared_count;
    const struct tl_door_pair *prepared;   /* name, SQL */
    /* NULL = the client knows of no transactions; "NONE" = it is in none */
    const char *transaction_id;
    const char *source, *client_info, *client_tags; /* for the history; NULL = none */
    /* Maintenance of this program itself: no rule holds, each table is recorded with this reason.  Never from outside. */
    const char *raw_reason;
};

enum tl_session_change_kind {
    TL_SESSION_SET_CATALOG, TL_SESSION_SET_SCHEMA, TL_SESSION_SET_PROPERTY, TL_SESSION_RESET_PROPERTY,
    TL_SESSION_ADD_PREPARED, TL_SESSION_DROP_PREPARED, TL_SESSION_START_TRANSACTION, TL_SESSION_CLEAR_TRANSACTION,
};
struct tl_session_change {
    enum tl_session_change_kind kind;
    const char *name, *value;
};

typedef struct tl_answer tl_answer;

/* Checks, resolves, starts; or stands in line (admission.h), then tl_answer_next starts it when its turn comes.  On failure the
 * history has the row already. */
TL_CHECKED enum tl_code tl_door_run(struct tl_request *rq, tl_door *door, const struct tl_session *session, struct tl_str sql, tl_answer **ret_answer);

/* Does it still wait for its turn?  Its columns are not known then.  *ret_waited_us: how long it has, or had to. */
bool tl_answer_is_queued(const tl_answer *answer, int64_t *ret_waited_us);
const char *tl_answer_update_type(const tl_answer *answer); /* "INSERT", "CREATE TABLE", ... NULL for queries */
bool tl_answer_has_update_count(const tl_answer *answer);
int64_t tl_answer_update_count(const tl_answer *answer);    /* known at the end */
size_t tl_answer_fields(const tl_answer *answer, const struct tl_field **ret_fields);
size_t tl_answer_changes(const tl_answer *answer, const struct tl_session_change **ret_changes);
size_t tl_answer_warnings(const tl_answer *answer, const char *const **ret_warnings);
/* As tl_result_next. */
TL_CHECKED enum tl_code tl_answer_next(struct tl_request *rq, tl_answer *answer, int wait_ms, const struct tl_batch **ret_batch, bool *ret_end);
void tl_answer_stats(const tl_answer *answer, struct tl_result_stats *ret_stats);
/* Always called once; writes the history row (outcome of rq->err; TL_CANCELLED when it was not read to its end). */
void tl_answer_close(struct tl_request *rq, tl_answer *answer);

void tl_door_load(tl_door *door, struct tl_admission_counts *ret_counts);

/* The most recent statements, newest first, as JSON lines rows for the API: those of `user`, or all when user is NULL. */
TL_CHECKED enum tl_code tl_door_history(struct tl_request *rq, tl_door *door, const char *user, int count_max, struct tl_buf *json_array);

/* Every dataset of every source that is known now, views too; the description lives during the call. */
void tl_door_each_dataset(struct tl_request *rq, tl_door *door, void (*each)(void *context, const char *source, const struct tl_source_dataset *dataset),
                          void *context);
/* ... and the views alone that were made here; what is given lives in rq->arena. */
void tl_door_each_view(struct tl_request *rq, tl_door *door, void (*each)(void *context, const char *source, const struct tl_source_dataset *dataset),
                       void *context);
/* The dataset of a name of three parts, "ops.public.accounts" or quoted; all in rq->arena. */
TL_CHECKED enum tl_code tl_door_find_dataset(struct tl_request *rq, tl_door *door, const char *name, struct tl_grant_scope *ret_scope,
                                             struct tl_source_dataset *ret_dataset);

/* What a source lists now, before anybody sees it: a reviewed column that has another type waits for a review again. */
/* The comments that tables of the lake have, into a listing of them. */
void tl_door_comment_listing(struct tl_request *rq, tl_lake *lake, struct tl_source_dataset *datasets, size_t count);
TL_CHECKED enum tl_code tl_door_listed(struct tl_request *rq, tl_lifeguard *lifeguard, const char *source, const struct tl_source_dataset *datasets,
                                       size_t count);

/* The session properties there are: name, type, default, help (spec/session.toml). */
struct tl_session_property {
    const char *name, *type, *fallback, *help;
};
size_t tl_door_session_properties(const struct tl_session_property **ret_properties);

/* Names a person could complete after `prefix`: catalogs, schemas, tables, columns, functions, keywords; JSON array of strings. */
TL_CHECKED enum tl_code tl_door_complete(struct tl_request *rq, tl_door *door, const struct tl_session *session, const char *prefix, int count_max,
                                         struct tl_buf *json_array);

#endif
