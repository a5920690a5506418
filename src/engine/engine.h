/* engine/engine.h -- where SQL runs, behind one interface; the door is its only caller.
 *
 * Now: `duckdb`, in a supervised child process (townlake-engine) reached over a Unix socket (wire.h).  Trino stands beside later.
 * Threads: every call from any thread; one tl_result belongs to one thread at a time, tl_engine_cancel may come from any.
 * Failure: when the child ends, running statements end with TL_ENGINE_LOST (retryable), the supervisor starts a new one in
 *   under a second, sources are attached again before it takes statements; calls meanwhile wait up to 5 s.
 */
#ifndef TL_ENGINE_ENGINE_H
#define TL_ENGINE_ENGINE_H

#include "base/request.h"
#include "data/batch.h"
#include "engine/lineage.h"
#include "lifeguard/clearance.h"
#include "source/source.h"

typedef struct tl_engine tl_engine;
typedef struct tl_result tl_result;

struct tl_engine_options {
    const char *program;      /* path of townlake-engine */
    const char *directory;    /* run files: socket, spill folder */
    const char *extensions;   /* folder of *.duckdb_extension */
    int64_t memory_bytes;
    int64_t spill_bytes;
    int threads;              /* 0 = cores */
    const char *dialect;      /* "trino", "duckdb"; NULL = trino */
    const uint8_t *mask_key;  /* TL_MASK_KEY_SIZE bytes for hash masks (lifeguard/mask.h), outliving the engine; NULL = the child makes its own */
    const char *lake; /* the root of the lake's locations, whose files are opened through a fence (engines/duckdb/fence.h); NULL = none */
    const char *const *allowed_paths; /* folders the engine may read and write (lake warehouse, file sources); NULL at the end */
};

/* Starts the child and its supervisor; returns at once (the first call waits until it is ready). */
TL_CHECKED enum tl_code tl_engine_start(const struct tl_engine_options *options, tl_engine **ret_engine, struct tl_err *err);
tl_engine *tl_engine_stop(tl_engine *engine);

struct tl_engine_health {
    bool ready;
    int pid;
    int restarts;
    int running;      /* statements */
    int64_t memory_bytes; /* resident, of the child */
    char version[32];
    char last_failure[256]; /* "killed by signal 9", "" = none */
};
void tl_engine_health(tl_engine *engine, struct tl_engine_health *ret_health);

/* --- parsing: no table is looked at, nothing is opened ---
 * *ret_ast: JSON as wire.h describes under PARSE.  TL_SYNTAX with the position for text that does not parse. */
TL_CHECKED enum tl_code tl_engine_parse(struct tl_request *rq, tl_engine *engine, struct tl_str sql, struct tl_str *ret_ast);

/* --- sources --- */
/* Attach or replace; remembered for restarts.  Checks options (driver->check) but does not connect. */
TL_CHECKED enum tl_code tl_engine_source_put(struct tl_request *rq, tl_engine *engine, const struct tl_source_config *config);
TL_CHECKED enum tl_code tl_engine_source_remove(struct tl_request *rq, tl_engine *engine, const char *name);
TL_CHECKED enum tl_code tl_engine_source_test(struct tl_request *rq, tl_engine *engine, const char *name, const char **ret_version);
TL_CHECKED enum tl_code tl_engine_source_list(struct tl_request *rq, tl_engine *engine, const char *name,
                                              struct tl_source_dataset **ret_datasets, size_t *ret_count);

/* --- running --- */
/* A view the statement's text refers to as "catalog"."schema"."name".  The engine makes it once and keeps it (bounded). */
struct tl_engine_view {
    const char *catalog, *schema, *name;
    const char *select_sql; /* its definition, over physical names */
};

struct tl_engine_statement {
    struct tl_str sql;                /* governed text: every table is a CTE or one of `views`, or a target */
    const struct tl_engine_view *views;
    size_t view_count;
    /* What the bound plan may touch; anything else is refused by the engine itself (second line of defence):
     * "table:<catalog>.<schema>.<name>" physical tables, "scan:<source>.<schema>.<name>" scans by our drivers,
     * "write:<catalog>.<schema>.<name>" targets, "operator:<KIND>" besides the always allowed reading operators,
     * "function:<name>" table functions, "files:<location>" the files of a table of the lake.
     * For what is seen only in part, "part:", "column:", "masked:", "bare:" and "filtered:"
     * besides (engines/duckdb/guard_int.hpp). */
    const char *const *allowed;
    size_t allowed_count;
    const struct tl_value *params;    /* $1 .. */
    size_t param_count;
    int64_t rows_max;                 /* 0 = no limit; beyond: TL_ROWS_EXCEEDED */
    int64_t run_time_us_max;          /* 0 = no limit */
    int64_t memory_bytes_max;         /* 0 = no limit but the engine's; beyond: TL_MEMORY_EXCEEDED */
    const char *time_zone;            /* "UTC" */
    const char *query_id;
    bool no_pushdown;                 /* sources get no filters, limits, orders, aggregates, joins */
    enum tl_lineage_wish lineage;     /* what tl_result_lineage is to tell */
};

struct tl_result_stats {
    int64_t rows;
    int64_t bytes;            /* of result batches */
    int64_t elapsed_us;
    /* When several statements run, processor time and memory of the engine's common threads are shared out between them in equal
     * parts, 50 times a second: exact for one that runs alone, an estimate else. */
    int64_t cpu_us;
    int64_t rows_scanned;     /* that sources sent and tables of the engine gave; while it runs: so far */
    int64_t peak_memory_bytes;
    double progress;          /* 0..1, -1 = unknown */
    int64_t changed_rows;     /* INSERT, UPDATE, DELETE, MERGE, CTAS; -1 = not such a statement */
    struct tl_str scans_json; /* per scan of our drivers: what is pushed, what not and why, rows, bytes (hooks.h); at the end */
};

/* Returns when the columns are known (the statement is bound and started).  The result lives in rq->arena until closed. */
TL_CHECKED enum tl_code tl_engine_run(struct tl_request *rq, tl_engine *engine, const tl_clearance *clearance,
                                      const struct tl_engine_statement *statement, tl_result **ret_result);
size_t tl_result_fields(const tl_result *result, const struct tl_field **ret_fields);
/* What the bound plan says of columns, when the statement asked for it; else empty: lineage.h. */
struct tl_str tl_result_lineage(const tl_result *result);
/* Next rows; NULL batch at the end.  Waits at most wait_ms (-1 = until something comes): *ret_batch NULL and *ret_end
 * false when nothing came.  The batch lives until the next call. */
TL_CHECKED enum tl_code tl_result_next(struct tl_request *rq, tl_result *result, int wait_ms, const struct tl_batch **ret_batch, bool *ret_end);
void tl_result_stats(const tl_result *result, struct tl_result_stats *ret_stats);
/* Ends it, wherever it is; the engine stops working for it. */
void tl_result_close(tl_result *result);
/* By query id; true = it was running. */
bool tl_engine_cancel(tl_engine *engine, const char *query_id);

#endif
