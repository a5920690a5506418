/* door/door_int.h -- what the files of the door share: one statement on its way, and what became of it. */
#ifndef TL_DOOR_DOOR_INT_H
#define TL_DOOR_DOOR_INT_H

#include "auth/principal.h"
#include "base/hash.h"
#include "door/apart.h"
#include "door/dialect.h"
#include "door/door.h"
#include "door/gate.h"
#include "door/statement.h"
#include "lifeguard/clearance.h"
#include "lifeguard/quota.h"

enum {
    TL_DOOR_VIEW_DEPTH_MAX = 16, /* views of views */
    TL_DOOR_NEAREST_MAX = 5,     /* names offered for one that is unknown */
    TL_DOOR_NEAREST_DISTANCE = 3,
    TL_DOOR_CHANGES_MAX = 4,
};

struct tl_door_cache;
struct tl_upkeep_jobs;
struct tl_door_views;
struct tl_running;

struct tl_door {
    tl_engine *engine;
    tl_registry *registry;
    tl_lake *lake; /* NULL = none */
    tl_store *store;
    tl_lifeguard *lifeguard;
    tl_audit *audit; /* NULL = none */
    struct tl_door_limits limits; /* defaults filled in */
    uint64_t hash_key[2];
    struct tl_door_cache *cache;
    struct tl_upkeep_jobs *jobs;
    struct tl_door_views *views;
    tl_admission *admission;
    struct tl_running *running;
    _Atomic uint64_t lake_generation; /* of the listing in the registry */
};

/* Session properties, read and checked. */
struct tl_door_settings {
    const char *resolution, *engine, *pii_reason;
    const char *pii; /* what names the caller's choice to see personal data; NULL = none */
    bool no_pushdown;
    int64_t run_time_us_max, rows_max, memory_bytes_max; /* 0 = the door's own limit */
};

/* One statement on its way. */
struct tl_door_call {
    struct tl_request *rq;
    tl_door *door;
    const struct tl_session *session;
    const tl_registry_snapshot *snapshot;
    struct tl_door_settings settings;
    struct tl_access_manner manner; /* how the caller asks: with personal data, or as this program itself */
    struct tl_str text;              /* as the caller sent it */
    struct tl_dialect dialect;       /* the same in the engine's forms: what runs, and what positions are of */
    const char *const *lake_schemas; /* of the writable source; NULL = not asked for yet */
    size_t lake_schema_count;
    bool positions_unknown; /* the text that runs is a prepared one: its positions say nothing about the caller's */
    tl_answer *answer;
};

/* --- catalog.c: what names mean --- */

enum tl_dataset_origin {
    TL_ORIGIN_SOURCE,
    TL_ORIGIN_VIEW,
    TL_ORIGIN_SYSTEM,
    TL_ORIGIN_LAKE, /* what the lake knows of one of its tables: "orders$snapshots" */
};

/* A stored view (views.c); lives as long as the snapshot of views that the call holds. */
struct tl_door_view {
    const char *source, *schema, *name;
    const char *sql;
    const char *session_catalog, *session_schema; /* as they were when it was made; NULL = none */
    const char *owner;
    struct tl_source_dataset dataset; /* its columns, as if it were a table */
};

struct tl_dataset {
    const char *source, *schema, *name;
    enum tl_dataset_origin origin;
    const struct tl_registry_source *registered; /* NULL for SYSTEM */
    const struct tl_source_dataset *described;   /* NULL when only the schema is meant */
    const struct tl_door_view *view;
    bool existed; /* of a target: it was there before the statement */
    int system_table;
    int lake_kind;                          /* LAKE: which of them */
    const struct tl_source_dataset *base;   /* ... of this table, whose rights it has */
    const struct tl_lake_table *lake_table; /* ... as it was when it was described */
};

/* The catalog and schema that names without them mean. */
struct tl_name_defaults {
    const char *catalog, *schema; /* NULL = none */
};

TL_CHECKED enum tl_code tl_catalog_find_table(struct tl_door_call *call, const struct tl_name_defaults *defaults,
                                              const struct tl_gate_table *name, struct tl_dataset *ret_dataset);
TL_CHECKED enum tl_code tl_catalog_find_source(struct tl_door_call *call, const char *name,
                                               const struct tl_registry_source **ret_source);
/* NULL = no such dataset; no error is reported. */
bool tl_catalog_lookup(struct tl_door_call *call, const char *source, const char *schema, const char *name,
                       struct tl_dataset *ret_dataset);
bool tl_catalog_has_schema(struct tl_door_call *call, const struct tl_registry_source *source, const char *schema);
/* Sorted; those of the lake without tables too, without information_schema. */
size_t tl_catalog_schemas(struct tl_door_call *call, const struct tl_registry_source *source,
                          const char *const **ret_schemas);
bool tl_catalog_may_know(const struct tl_door_call *call, const char *source, const char *schema, const char *table);
/* The registry's snapshot, listed anew when the lake has changed since. */
void tl_catalog_acquire(struct tl_door_call *call);

/* --- system.c: information_schema and system.* as tables made from the snapshot --- */

/* Of the catalog "system", sorted, NULL at the end. */
extern const char *const tl_system_schemas[];
int tl_system_find(const char *catalog, const char *schema, const char *name); /* -1 = none */
size_t tl_system_count(void);
void tl_system_name(int table, const char **ret_schema, const char **ret_name, bool *ret_everywhere);
const struct tl_source_dataset *tl_system_dataset(struct tl_door_call *call, int table);
/* The SELECT that gives its rows, for this caller. */
TL_CHECKED enum tl_code tl_system_sql(struct tl_door_call *call, int table, const char *catalog, const char **ret_sql);

/* "SELECT .. FROM (..)" of rows in JSON, with the dataset's columns; each column's source_type is its shape for from_json. */
void tl_system_put_select(struct tl_buf *sql, const struct tl_source_dataset *dataset, const struct tl_buf *rows);

/* --- lake_tables.c: "t$snapshots" and its like --- */

/* Which one a name means and of which table; -1 = none. */
int tl_lake_kind(tl_arena *arena, const char *name, const char **ret_base);
/* Fills dataset->described and lake_table, for this caller. */
TL_CHECKED enum tl_code tl_lake_kind_describe(struct tl_door_call *call, struct tl_dataset *dataset);
/* grant: of the base table. */
TL_CHECKED enum tl_code tl_lake_kind_sql(struct tl_door_call *call, const struct tl_dataset *dataset, const struct tl_dataset_grant *grant,
                                         const char **ret_sql);

/* --- running.c: the statements that run now, whoever runs them --- */

const char *tl_call_user(const struct tl_door_call *call); /* "" = nobody */

enum { TL_RUNNING_TEXT_MAX = 16 * 1024 }; /* what lists of statements show of a text */

struct tl_running_statement {
    const char *id, *user, *source; /* source NULL = none */
    struct tl_str text;
    int64_t started_us; /* wall clock */
    bool queued;        /* it waits for its turn */
};

/* An answer's own entry; it stands in the list from the statement's start to its close. */
struct tl_running_entry {
    struct tl_running_entry *before, *after;
    struct tl_running_statement statement;
    struct tl_request *rq;
    char killed_by[128], reason[256];
    bool killed;
    atomic_bool queued;
};

struct tl_running *tl_running_new(void);
struct tl_running *tl_running_free(struct tl_running *running);
void tl_running_add(struct tl_door_call *call, struct tl_running_entry *entry);
void tl_running_remove(struct tl_door_call *call, struct tl_running_entry *entry);
/* Whose statements the caller may see and end: his own name, NULL = everybody's (administrators, with a token for it). */
const char *tl_running_whose(const struct tl_door_call *call);
/* Copies, in the call's arena, with the beginning of their texts; user NULL = all. */
size_t tl_running_list(struct tl_door_call *call, const char *user, const struct tl_running_statement **ret_statements);
/* Rows of system.skimmer.findings that the caller may see, as JSON (findings.c). */
TL_CHECKED enum tl_code tl_findings_list(struct tl_door_call *call, struct tl_buf *json_array);
/* TL_NOT_FOUND when no such statement of that user runs. */
TL_CHECKED enum tl_code tl_running_kill(struct tl_door_call *call, const char *user, const char *id, const char *reason);
/* After a statement failed: was it killed?  Then the report says so. */
void tl_running_explain(struct tl_door_call *call, const struct tl_running_entry *entry, struct tl_err *err);

/* --- rights.c: what lifeguard is asked, and its answers as SQL --- */

TL_CHECKED enum tl_code tl_rights_decide(struct tl_door_call *call, const struct tl_access_need *needs, size_t count,
                                         const tl_clearance **ret_clearance);
struct tl_access_need tl_rights_need(struct tl_door_call *call, const struct tl_dataset *dataset, unsigned access);
/* Per column of the dataset: may the caller know of it? */
const bool *tl_rights_visible(struct tl_door_call *call, const char *source, const struct tl_source_dataset *described);
/* May the caller read the text of a view: its owner may, and who governs it. */
bool tl_rights_own(struct tl_door_call *call, const struct tl_door_view *view);
void tl_rights_put_columns(struct tl_buf *sql, const struct tl_dataset_grant *grant, const struct tl_source_dataset *described);
void tl_rights_put_rules(struct tl_buf *sql, const struct tl_dataset_grant *grant, tl_rule_dataset dataset, void *context);
/* The columns that an expression of a row rule may name. */
void tl_rights_sql_columns(tl_arena *arena, const char *sql, const struct tl_source_dataset *described, void (*each)(void *context, const char *column),
                           void *context);
/* Of a row rule; context is the door. */
TL_CHECKED enum tl_code tl_rights_check_sql(void *context, struct tl_request *rq, const char *sql);
/* After a change of the lake: who made a table sees it, one that is gone leaves no review behind. */
TL_CHECKED enum tl_code tl_rights_renamed(struct tl_door_call *call, const struct tl_dataset *target, const char *new_name);
TL_CHECKED enum tl_code tl_rights_changed(struct tl_door_call *call, const struct tl_gate *gate, const struct tl_dataset *target);

/* --- splice.c: replacing pieces of a text --- */

struct tl_edit {
    size_t offset, size;
    const char *text;
};

/* Edits may come in any order but must not overlap (TL_INTERNAL); they are sorted in place. */
TL_CHECKED enum tl_code tl_splice(tl_arena *arena, struct tl_str text, struct tl_edit *edits, size_t edit_count,
                                  struct tl_str *ret_text, struct tl_err *err);
/* A position in the new text as one in the old; inside a replaced piece: where it begins. */
int64_t tl_splice_original(const struct tl_edit *edits, size_t edit_count, int64_t position);

/* --- govern.c: from a checked text to one that may run; run.c: the engine's part --- */

struct tl_governed {
    const struct tl_gate *gate;
    struct tl_str sql;
    struct tl_edit *edits;
    size_t edit_count;
    size_t base; /* of the governed text in call->text */
    struct tl_engine_view *views;
    size_t view_count;
    const char **allowed;
    size_t allowed_count, allowed_capacity;
    const tl_clearance *clearance;
    const struct tl_dataset *datasets; /* all that the statement touches, views' inner ones included */
    size_t dataset_count;
    const struct tl_dataset *target; /* NULL for queries */
    /* Something that the caller sees only a part of is no table that the plan names: masks and row rules would show as the caller's
     * own expressions and filters. */
    bool plan_shows_rules;
    enum tl_lineage_wish lineage;
};

/* Parse and gate, or what is remembered of the same text. */
TL_CHECKED enum tl_code tl_check_text(struct tl_door_call *call, struct tl_str text, const struct tl_gate **ret_gate);
/* text is call->text from `base` on (or a prepared statement's). */
TL_CHECKED enum tl_code tl_govern(struct tl_door_call *call, struct tl_str text, size_t base,
                                  const struct tl_gate *gate, struct tl_governed **ret_governed);
/* One more thing that the plan may hold. */
void tl_govern_allow(struct tl_door_call *call, struct tl_governed *governed, const char *entry);
/* The files of a table of the lake; of one that is not there yet there are none to read. */
void tl_govern_allow_files(struct tl_door_call *call, struct tl_governed *governed, const char *schema, const char *name);
/* "EXPLAIN (FORMAT json) " and the like in front of the governed text, mapped as one more edit. */
TL_CHECKED enum tl_code tl_govern_prefix(struct tl_door_call *call, struct tl_governed *governed, const char *prefix);
/* Give it to the engine. */
TL_CHECKED enum tl_code tl_govern_run(struct tl_door_call *call, const struct tl_governed *governed, bool limit_rows,
                                      tl_result **ret_result);

/* --- errors.c --- */

/* Positions back to the caller's text, hidden names back to the dataset's, nearest columns. governed NULL = not that far. */
void tl_door_map_error(struct tl_door_call *call, const struct tl_governed *governed, struct tl_err *err);
/* The same for any text: "p:ops" and "g0123456789abcdef:ops" become ops. */
void tl_door_clean_names(char *text);

/* --- answer.c --- */

/* Columns and rows made by the door itself. */
void tl_answer_set_batch(tl_answer *answer, const struct tl_field *fields, size_t field_count, struct tl_batch *batch);
/* Run it when there is a place; an error of the start itself is reported here or by tl_answer_next. */
TL_CHECKED enum tl_code tl_answer_start(struct tl_door_call *call, const struct tl_governed *governed, bool limit_rows);
/* Work of the door's own that takes long: tl_answer_next waits for it, closing the answer ends it. */
TL_CHECKED enum tl_code tl_answer_run_apart(tl_answer *answer, enum tl_code (*run)(struct tl_request *rq, void *context), void *context);
void tl_answer_set_update(tl_answer *answer, const char *update_type, bool has_count);
void tl_answer_change(tl_answer *answer, enum tl_session_change_kind kind, const char *name, const char *value);
void tl_answer_warn(tl_answer *answer, const char *format, ...) TL_PRINTF(2, 3);
/* For the history, also when the statement fails later. */
void tl_answer_note(tl_answer *answer, const char *kind, const struct tl_governed *governed);
/* What it makes, where that is not the target of a governed statement: a view, under its new name where it has one. */
struct tl_made {
    const struct tl_dataset *target;
    const char *new_name; /* NULL = it keeps its name */
    size_t column_count;
    const struct tl_field *columns;
};
void tl_answer_made(tl_answer *answer, const struct tl_made *made, struct tl_str lineage);
/* Its record in the audit, once: before rows leave and before anything changes. */
TL_CHECKED enum tl_code tl_answer_audit(tl_answer *answer);
tl_answer *tl_answer_new(struct tl_door_call *call); /* copies the call */
struct tl_door_call *tl_answer_call(tl_answer *answer);
void tl_answer_fail(tl_answer *answer); /* writes the history row of a statement that did not start */

/* --- statements of the door itself --- */

struct tl_field *tl_text_fields(tl_arena *arena, const char *const *names, size_t count);
TL_CHECKED enum tl_code tl_show(struct tl_door_call *call, const struct tl_statement *statement);
TL_CHECKED enum tl_code tl_explain(struct tl_door_call *call, const struct tl_statement *statement, size_t base);
TL_CHECKED enum tl_code tl_session_statement(struct tl_door_call *call, const struct tl_statement *statement);
TL_CHECKED enum tl_code tl_transaction_statement(struct tl_door_call *call, const struct tl_statement *statement);
/* Of every statement that changes something: the token must have the scope, and inside START TRANSACTION .. COMMIT a change is
 * refused, since each statement is a transaction of its own. */
TL_CHECKED enum tl_code tl_session_check_write(struct tl_door_call *call);
TL_CHECKED enum tl_code tl_call_statement(struct tl_door_call *call, const struct tl_statement *statement);
TL_CHECKED enum tl_code tl_prepared_statement(struct tl_door_call *call, const struct tl_statement *statement);
TL_CHECKED enum tl_code tl_write(struct tl_door_call *call, struct tl_governed *governed);
TL_CHECKED enum tl_code tl_view_statement(struct tl_door_call *call, struct tl_str text, size_t base,
                                          const struct tl_gate *gate);
TL_CHECKED enum tl_code tl_view_rename(struct tl_door_call *call, const struct tl_statement *statement);
/* RENAME TO other_schema.name would move a table, which is not offered. */
TL_CHECKED enum tl_code tl_view_check_new_name(struct tl_door_call *call, const struct tl_statement *statement);
/* A whole text that stands at `base` in call->text: what tl_door_run does after cleaning. */
/* The text in the forms that the engine reads; as it is when the engine has its own dialect. */
TL_CHECKED enum tl_code tl_door_read_dialect(struct tl_door_call *call, struct tl_str text, struct tl_dialect *ret_dialect);
TL_CHECKED enum tl_code tl_run_text(struct tl_door_call *call, struct tl_str text, size_t base);

/* --- session.c --- */

TL_CHECKED enum tl_code tl_settings_read(struct tl_door_call *call);
/* The value in force as text, as SHOW SESSION shows it. */
const char *tl_settings_value(const struct tl_session *session, const struct tl_session_property *property);

/* --- like.c --- */

/* SQL LIKE with an optional escape character ('\0' = none); both NUL-terminated UTF-8. */
bool tl_like(const char *text, const char *pattern, char escape);

/* --- views.c --- */

/* Where a target that need not exist would be: the catalog must be known. */
TL_CHECKED enum tl_code tl_catalog_place(struct tl_door_call *call, const struct tl_gate_table *name, bool schema_only,
                                         const struct tl_name_defaults *defaults, struct tl_dataset *ret_dataset);
/* Views of ours in a schema; with `drop` they are forgotten. */
TL_CHECKED enum tl_code tl_views_of_schema(struct tl_door_call *call, const char *source, const char *schema, bool drop,
                                           size_t *ret_count);

TL_CHECKED enum tl_code tl_views_new(tl_door *door, struct tl_err *err);
void tl_views_free(tl_door *door);
/* Lives in the call's arena. */
const struct tl_door_view *tl_views_find(struct tl_door_call *call, const char *source, const char *schema,
                                         const char *name);
size_t tl_views_list(struct tl_door_call *call, const char *source, const struct tl_door_view ***ret_views);

/* --- cache.c --- */

struct tl_door_cache *tl_cache_new(void);
struct tl_door_cache *tl_cache_free(struct tl_door_cache *cache);
/* The gate's result for exactly this text, copied into the arena; NULL = not remembered. */
const struct tl_gate *tl_cache_get(struct tl_door_cache *cache, tl_arena *arena, uint64_t hash, struct tl_str text);
void tl_cache_put(struct tl_door_cache *cache, uint64_t hash, struct tl_str text, const struct tl_gate *gate);

/* --- history.c --- */

struct tl_history_row {
    const struct tl_door_call *call;
    const char *kind;
    const struct tl_governed *governed; /* NULL = not that far */
    int64_t started_us, ended_us;       /* wall clock */
    struct tl_result_stats stats;
    const struct tl_err *err; /* code TL_OK = it went well */
    struct tl_str lineage;    /* engine/lineage.h; empty = nothing is known */
    struct tl_made made;      /* target NULL = what governed says */
};
void tl_history_write(const struct tl_history_row *row);

/* --- lineage.c --- */

/* What the plan of a statement is asked about its columns. */
enum tl_lineage_wish tl_lineage_wish(const struct tl_door_call *call, const struct tl_governed *governed);
/* The fact "lineage" of a change that went well (door.h). */
void tl_lineage_fact(const struct tl_history_row *row);

#endif
