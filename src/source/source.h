/* source/source.h -- the interface every kind of source implements.
 *
 * Why: PostgreSQL, ClickHouse, a folder of files: the rest of the product sees datasets named source.schema.table, with
 *   typed columns, and scans that fill vectors.
 * Two ways a driver serves scans:
 *   TL_SOURCE_SCANS     by its own wire code: describe, can_push, scan_open/next/close (postgres, clickhouse).
 *   TL_SOURCE_ATTACHES  by the engine itself: attach_sql gives the statements that make a read-only hidden catalog
 *                       (duckdb, files, lake).  Listing and describing is then done by the engine on that catalog.
 * Where it runs: all calls are made in the engine process (it may be killed, `serve` may not).
 * Threads: open sources are shared: every call but open/close may come from many threads at once.  One scan is used by one
 *   thread at a time.
 * Waiting: whatever can wait polls `stop` at least every 100 ms and returns TL_CANCELLED once it says true.
 * Errors: TL_SOURCE_UNAVAILABLE (cannot connect), TL_SOURCE_AUTH, TL_SOURCE_FAILED (its own error text as detail),
 *   TL_SOURCE_PROTOCOL (bytes that are not of the protocol), TL_TABLE_NOT_FOUND, TL_CANCELLED, TL_TIME_EXCEEDED.
 *   TL_SOURCE_REJECTED: it refused what a scan asked beyond plain rows (a filter, an order, a derivation); plain rows might
 *   come.  TL_SOURCE_CHANGED: a dataset is not as it was described; describe it again.
 *   The source's name is in the message; host and port may be; user, password and connection string never.
 * A driver is one exported symbol: tl_source_driver_<kind>.
 */
#ifndef TL_SOURCE_SOURCE_H
#define TL_SOURCE_SOURCE_H

#include "data/vector.h"
#include "source/expr.h"

enum { TL_SOURCE_NAME_MAX = 64, TL_SOURCE_OPTIONS_MAX = 32, TL_SOURCE_COLUMNS_MAX = 4096 };

/* One configurable thing of a kind; drives parsing, `source add --help`, docs and forms. */
struct tl_source_option {
    const char *name;
    const char *fallback; /* value when not given; NULL = none */
    bool required;
    bool secret;          /* taken from env:NAME, file:PATH or the terminal; never shown */
    const char *help;
};

/* A configured source, secrets resolved.  Lives only in memory and on the engine's socket. */
struct tl_source_config {
    const char *name;
    const char *kind;
    size_t option_count;
    const char *const *option_names;
    const char *const *option_values;
};
const char *tl_source_config_get(const struct tl_source_config *config, const char *option); /* NULL: not set */

/* May this wait be given up?  NULL stop = never. */
struct tl_stop {
    bool (*stop)(void *context);
    void *context;
    int64_t deadline_us; /* monotonic, 0 = none */
};

/* What the source keeps about a column's values anyway, never a value itself; nothing is scanned for it. */
struct tl_source_statistics {
    bool known;              /* else the rest means nothing */
    double null_fraction;    /* 0..1; -1 = unknown */
    int64_t distinct_count;  /* -1 = unknown */
    int64_t average_bytes;   /* of a value; -1 = unknown */
};

struct tl_source_column {
    const char *name;
    struct tl_type type;
    const char *source_type; /* the source's own spelling, e.g. "numeric(12,2)" */
    const char *comment;     /* NULL = none */
    bool nullable;
    int key_position;        /* 1.. in the primary key (or sorting key), 0 = not in it */
    bool unsupported;        /* the type cannot be carried: reading it is an error that names the column and type */
    struct tl_source_statistics statistics;
};

enum tl_dataset_kind { TL_DATASET_TABLE, TL_DATASET_VIEW };

struct tl_derivation;

struct tl_source_dataset {
    const char *schema;
    const char *name;
    enum tl_dataset_kind kind;
    const char *comment;
    int64_t row_estimate;    /* -1 = unknown */
    int64_t size_bytes;      /* -1 = unknown */
    int64_t changed_at_us;   /* wall clock of the last change of its rows, 0 = unknown */
    int64_t change_marker;   /* another number: its rows changed in between; 0 = unknown */
    bool key_unique;         /* no two rows have the same key (not so for a sorting key); for estimates only */
    size_t column_count;
    const struct tl_source_column *columns;
    void *driver_data;       /* what the driver wants to remember (pages of the heap, engine of the table ...); in the same arena */
    const struct tl_derivation *derivation; /* NULL = it is there at the source; else the source computes it, see `derive` */
};

/* A dataset that the source makes of others by itself:
 *   SELECT outputs FROM inputs[0] [JOIN inputs[1] ON conditions ...] WHERE filters [GROUP BY groups]
 * Each input is a dataset of the same source, derived ones too; so a join of two aggregates, or a filter on an aggregate (a
 * scan with filters of a derived dataset), needs no further words.  Expressions speak of columns as (input, column). */
enum tl_join_kind { TL_JOIN_INNER, TL_JOIN_LEFT, TL_JOIN_SEMI, TL_JOIN_ANTI };

struct tl_derivation_input {
    const struct tl_source_dataset *dataset;
    enum tl_join_kind join;  /* with all inputs before it; of no meaning for the first */
    size_t condition_count;
    const struct tl_expr *const *conditions; /* ANDed; of this and earlier inputs */
};

enum { TL_DERIVATION_INPUTS_MAX = 16 };

struct tl_derivation {
    size_t input_count;
    const struct tl_derivation_input *inputs;
    size_t filter_count;
    const struct tl_expr *const *filters; /* ANDed */
    bool grouped;                         /* one row a group; without groups exactly one row */
    size_t group_count;
    const struct tl_expr *const *groups;
    size_t output_count;
    const struct tl_expr *const *outputs; /* when grouped: expressions equal to one of the groups, or AGGREGATE */
};

/* What one scan should read.  The rows that satisfy `filters` (all of them, when the driver said it can push each), with
 * the columns asked for, in that order. */
struct tl_scan_request {
    const struct tl_source_dataset *dataset;
    size_t column_count;
    const int *columns;              /* indexes into dataset->columns; -1 = any value will do (count(*)) */
    size_t filter_count;
    const struct tl_expr *const *filters; /* ANDed */
    int64_t limit;                   /* at most so many rows are needed; -1 = all.  More may be sent. */
    size_t order_count;              /* with limit: the first rows by these; see tl_scan_order */
    const struct tl_scan_order *order;
    const char *query_id;            /* for the source's own log */
};

struct tl_scan_order {
    int column;
    bool descending;
    bool nulls_first;
};

/* Numbers of one scan, for the plan report and the query history. */
struct tl_scan_stats {
    int64_t rows;
    int64_t bytes;     /* from the wire */
    const char *text;  /* what was sent to the source, without secrets; for EXPLAIN ANALYZE of admins */
};

typedef struct tl_source tl_source; /* opaque, made by the driver */
typedef struct tl_scan tl_scan;     /* one statement at the source, split in parts */
typedef struct tl_scan_part tl_scan_part;

enum tl_source_mode { TL_SOURCE_SCANS, TL_SOURCE_ATTACHES };

struct tl_source_driver {
    const char *kind;    /* "postgres" */
    const char *summary; /* one line for help */
    enum tl_source_mode mode;
    const struct tl_source_option *options; /* ends with a NULL name */

    /* Check the options; no network.  TL_INVALID_ARGUMENT with the option's name. */
    enum tl_code (*check)(const struct tl_source_config *config, struct tl_err *err);

    /* --- TL_SOURCE_ATTACHES only ---
     * Statements (separated by ';') that make the catalog `catalog` in the engine, read-only where the engine can. */
    enum tl_code (*attach_sql)(const struct tl_source_config *config, const char *catalog, struct tl_buf *sql, struct tl_err *err);

    /* --- TL_SOURCE_SCANS only --- */
    /* No network either: connections are made when needed and pooled. */
    enum tl_code (*open)(const struct tl_source_config *config, tl_source **ret_source, struct tl_err *err);
    void (*close)(tl_source *source);
    /* Connect and say what is there, e.g. "PostgreSQL 15.18". */
    enum tl_code (*test)(tl_source *source, const struct tl_stop *stop, tl_arena *arena, const char **ret_version, struct tl_err *err);
    /* Every dataset with its columns; schemas of the system itself are left out. */
    enum tl_code (*list)(tl_source *source, const struct tl_stop *stop, tl_arena *arena, struct tl_source_dataset **ret_datasets,
                         size_t *ret_count, struct tl_err *err);
    /* One dataset.  TL_TABLE_NOT_FOUND when there is none. */
    enum tl_code (*describe)(tl_source *source, const char *schema, const char *name, const struct tl_stop *stop, tl_arena *arena,
                             struct tl_source_dataset **ret_dataset, struct tl_err *err);
    /* Does this source mean exactly what the engine means by `expr`?  Called while planning: must not wait.  When false
     * and reason is not NULL, *reason says why in a few words (static text). */
    bool (*can_push)(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr, const char **reason);
    bool (*can_push_order)(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_scan_order *order);
    /* NULL: this driver derives nothing.  Else: can the source compute this, meaning exactly what the engine means (types,
     * NULLs, NaN, overflow, collation)?  Called while planning: must not wait.  True: *ret_dataset, in the arena, has one column
     * an output, of exactly the output's type, and may be scanned, filtered, ordered, limited and derived from like others; its
     * row_estimate is -1 when the driver has no better guess than the planner.  False: *reason as in can_push. */
    bool (*derive)(tl_source *source, const struct tl_derivation *derivation, tl_arena *arena,
                   struct tl_source_dataset **ret_dataset, const char **reason);

    /* Start: decides the number of parts (>= 1) that may be read at once, given at most threads_max.  All parts see one
     * state of the data where the source can do that.  `request` and `arena` live until scan_close. */
    enum tl_code (*scan_open)(tl_source *source, const struct tl_scan_request *request, int threads_max, const struct tl_stop *stop,
                              tl_arena *arena, tl_scan **ret_scan, int *ret_parts_at_once, struct tl_err *err);
    /* Take the next part, NULL when none is left.  Called from several threads. */
    enum tl_code (*part_open)(tl_scan *scan, const struct tl_stop *stop, tl_scan_part **ret_part, struct tl_err *err);
    /* Fill the chunk (columns as requested); row_count 0 = this part has ended. */
    enum tl_code (*part_next)(tl_scan_part *part, struct tl_chunk *chunk, const struct tl_stop *stop, struct tl_err *err);
    /* Also in mid-way: cancels at the source. */
    void (*part_close)(tl_scan_part *part);
    void (*scan_close)(tl_scan *scan, struct tl_scan_stats *ret_stats);
};

#endif
