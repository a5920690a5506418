/* skimmer/skimmer_int.h -- what the parts of the Skimmer share: a table on its way from the door to the store. */
#ifndef TL_SKIMMER_SKIMMER_INT_H
#define TL_SKIMMER_SKIMMER_INT_H

#include <pthread.h>

#include "skimmer/skimmer.h"

enum {
    SKIM_SAMPLE_ROWS = 1024,
    SKIM_VALUE_BYTES_MAX = 16 * 1024, /* of a value, asked of the source: JSON should be whole */
    SKIM_COLUMNS_AT_ONCE = 64,
    SKIM_PATHS_MAX = 64,              /* in the JSON of one column */
    SKIM_TABLES_AT_ONCE = 200,
    SKIM_ARENA_BYTES_MAX = 256 * 1024 * 1024,
};

/* A table as it is known now; all in the pass's arena. */
struct skim_table {
    const char *source;
    struct tl_source_dataset dataset; /* names, columns, estimates */
    char columns_hash[17];
};

/* Names and types, as sixteen digits. */
void skim_hash_columns(const struct tl_source_dataset *dataset, char ret_hash[17]);

struct skim_verdict {
    const char *column;
    const char *state, *mask, *sensitivity; /* state "pending": there was nothing to judge by */
    const char *tags;                       /* JSON array */
    const char *info_type, *likelihood;     /* of the surest finding; NULL = nothing found */
    double confidence;
    const char *reason, *evidence;
    const char *findings; /* JSON array */
};

struct skim_found {
    const struct tl_detection *detection;
    const char *path; /* inside JSON, "user.email"; NULL = the value itself */
};

struct skim_source_pace {
    char name[TL_SOURCE_NAME_MAX];
    int64_t next_us;
};

enum { SKIM_SOURCES_MAX = 1000, SKIM_NAME_MAX = 400 };

struct tl_skimmer {
    struct tl_skimmer_options options;
    tl_detector *detector;
    pthread_t thread;
    bool thread_runs;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool stopping, paused;
    int64_t forced;        /* counts calls of tl_skimmer_scan */
    char current[SKIM_NAME_MAX];
    struct tl_skimmer_counts counts;
    struct tl_request *running; /* cancelled at the end */
    /* The thread's own: */
    const tl_registry_snapshot *snapshot; /* of the registry when it last looked for what is new; held, so that another is another */
    int64_t looked_us;    /* when that was */
    int64_t looked_forced;
    size_t pace_count;
    struct skim_source_pace pace[SKIM_SOURCES_MAX];
};

/* --- sample.c: a table's values through the door to the detectors --- */

/* Verdicts on all columns, in the arena of rq; *ret_rows: how many were read. */
TL_CHECKED enum tl_code skim_table_scan(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table, struct skim_verdict **ret_verdicts,
                                        int64_t *ret_rows);
/* One statement under the raw clearance; each row to `row` until it says false. */
typedef bool (*skim_row)(void *context, const struct tl_batch *batch, size_t row);
TL_CHECKED enum tl_code skim_run(struct tl_request *rq, tl_skimmer *skimmer, struct tl_str sql, skim_row row, void *context);
void skim_put_name(struct tl_buf *sql, const struct skim_table *table);

/* --- blocks.c: which rows --- */

enum { SKIM_BLOCKS = 8, SKIM_BLOCK_ROWS = SKIM_SAMPLE_ROWS / SKIM_BLOCKS, SKIM_STRIDE_MAX = 16, SKIM_WHOLE_ROWS = 128 };
struct skim_plan {
    size_t block_count;            /* 0 = one statement with a limit */
    const char *conditions[SKIM_BLOCKS]; /* " WHERE k >= .. ORDER BY k" */
    int64_t limit;                 /* of each statement */
    int stride;                    /* of the rows that come, one in so many is looked at, and all of the first SKIM_WHOLE_ROWS */
};
/* Spread over the table where it has a key that can be cut into ranges; else what comes first, thinned out. */
TL_CHECKED enum tl_code skim_plan_blocks(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table, struct skim_plan *ret_plan);

/* --- column.c: one column's values --- */

struct skim_column;
struct skim_column *skim_column_new(tl_arena *arena, const tl_skimmer *skimmer, const struct skim_table *table, size_t column);
void skim_column_add(struct skim_column *column, struct tl_str value);
/* In the arena: what was found, the value itself first, then what is inside its JSON. */
TL_CHECKED enum tl_code skim_column_judge(struct skim_column *column, tl_arena *arena, const struct skim_found **ret_found, size_t *ret_count,
                                          int64_t *ret_checked, struct tl_err *err);
void skim_column_end(struct skim_column *column);

/* --- verdict.c --- */

/* What was written, in the arena; the buffer ends. */
const char *skim_take(tl_arena *arena, struct tl_buf *buf);
void skim_verdict_make(tl_arena *arena, const struct tl_source_column *column, const struct skim_found *found, size_t count, int64_t checked,
                       struct skim_verdict *ret_verdict);
int skim_strictness(const char *state); /* open 0, masked 1, denied 2, pending -1 */
int skim_sensitivity_rank(const char *sensitivity);

/* --- join.c --- */

/* Columns in which nothing was found, but which lead back to people in tables scanned so far, are marked so in what is kept. */
TL_CHECKED enum tl_code skim_join(struct tl_request *rq, tl_skimmer *skimmer, const struct skim_table *table);

/* --- state.c --- */

struct skim_known {
    const char *source, *schema, *table, *columns_hash;
    bool failed;
    int64_t scanned_at_us, rows;
};
TL_CHECKED enum tl_code skim_state_load(tl_skimmer *skimmer, tl_arena *arena, const struct skim_known **ret_known, size_t *ret_count, struct tl_err *err);
/* The table's verdicts, all or none; failure NULL = it was scanned.  With a failure the verdicts known stay, unless they are of
 * other columns. */
TL_CHECKED enum tl_code skim_state_save(tl_skimmer *skimmer, const struct skim_table *table, const struct skim_verdict *verdicts, int64_t rows,
                                        const char *failure, struct tl_err *err);
TL_CHECKED enum tl_code skim_state_forget(tl_skimmer *skimmer, const struct tl_grant_scope *scope, struct tl_err *err);
/* A table that is no more. */
TL_CHECKED enum tl_code skim_state_remove(tl_skimmer *skimmer, const struct skim_known *known, struct tl_err *err);
TL_CHECKED enum tl_code skim_state_setting(tl_skimmer *skimmer, const char *name, const char *value, struct tl_err *err);
bool skim_state_is(tl_skimmer *skimmer, const char *name, const char *value);

#endif
