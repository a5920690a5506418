/* skipper/metric.h -- a question about metrics, and the SQL that answers it.
 *
 * Why: the same question must give the same SQL whoever asks it in whatever words, and a sum must never count a row twice.
 * How it keeps sums right: each aggregate is computed over its own dataset (its anchor), joined only along relationships of
 *   many to one; aggregates of different anchors, and of the period before, are computed apart and put together by their groups.
 *   A filter on the side of many is a semi-join.  A count of one side by a field of the side of many counts distinct keys.
 *   What none of this makes right is refused, with the reason (TL_UNSUPPORTED).
 * Owns: all results live in the arena.  Bounds: the enum.
 */
#ifndef TL_SKIPPER_METRIC_H
#define TL_SKIPPER_METRIC_H

#include "data/json.h"
#include "skipper/semantic.h"

enum {
    TL_METRIC_METRICS_MAX = 4,
    TL_METRIC_DIMENSIONS_MAX = 4,
    TL_METRIC_FILTERS_MAX = 16,
    TL_METRIC_VALUES_MAX = 32,
    TL_METRIC_SETS_MAX = 4,
    TL_METRIC_NOTES_MAX = 16,
    TL_METRIC_LIMIT_MAX = 10000,
};

/* [from, to), microseconds since 1970 UTC. */
struct tl_period {
    bool given;
    int64_t from_us, to_us;
    const char *words; /* as it was asked for, "last quarter" */
};

enum tl_compare { TL_COMPARE_EQUAL, TL_COMPARE_NOT_EQUAL, TL_COMPARE_GREATER, TL_COMPARE_AT_LEAST, TL_COMPARE_LESS, TL_COMPARE_AT_MOST };

struct tl_metric_filter {
    int dataset, field;
    enum tl_compare compare;
    size_t value_count; /* one, or several of EQUAL and NOT_EQUAL; "true" of a condition */
    const char *values[TL_METRIC_VALUES_MAX];
};

enum { TL_DIMENSION_ENTITY = -1, TL_DIMENSION_TIME = -2 };
struct tl_metric_dimension {
    int dataset; /* of TIME: without meaning */
    int field;   /* or one of the above: the rows of the dataset by key and name; the time of each metric */
    enum tl_time_grain grain;
};

struct tl_metric_threshold {
    int metric;
    enum tl_compare compare;
    const char *number;
};

/* Rows of a dataset that a metric chooses: the top n, or those past a threshold. */
struct tl_metric_set {
    int dataset;
    int64_t top; /* 0 = by the threshold */
    struct tl_metric_threshold by;
    struct tl_period period;
};

struct tl_metric_query {
    size_t metric_count;
    int metrics[TL_METRIC_METRICS_MAX];
    int list; /* without metrics: rows of this dataset, -1 = none */
    size_t dimension_count;
    struct tl_metric_dimension dimensions[TL_METRIC_DIMENSIONS_MAX];
    size_t filter_count;
    struct tl_metric_filter filters[TL_METRIC_FILTERS_MAX];
    size_t set_count;
    struct tl_metric_set sets[TL_METRIC_SETS_MAX];
    size_t threshold_count;
    struct tl_metric_threshold thresholds[TL_METRIC_METRICS_MAX];
    int time_dataset, time_field; /* what the period is about, -1 = each metric's own */
    struct tl_period period, before; /* before.given: compared with it */
    size_t extra_count;
    int extras[TL_SEMANTIC_SHOWN_MAX]; /* more fields of a list */
    bool ascending;
    int64_t limit; /* 0 = TL_METRIC_LIMIT_MAX */
};
void tl_metric_query_init(struct tl_metric_query *query);

struct tl_metric_join {
    const char *name; /* of the relationship */
    int from, to;
};

/* One pass over an anchor. */
struct tl_metric_part {
    int anchor;
    size_t join_count;
    struct tl_metric_join *joins;
    const char *count_sql; /* one row: rows of the anchor, rows after the joins, rows after all filters */
    const char *span_sql;  /* one row: the first and the last time of the anchor, as text; NULL = it has none */
};

struct tl_metric_sql {
    const char *sql;
    const char *grain; /* "one row per customer" */
    bool *used;        /* datasets, also those inside of filters */
    struct tl_texts filters; /* as SQL */
    size_t part_count;
    struct tl_metric_part *parts;
    struct tl_texts notes; /* what a reader should know: a symmetric form, sampled rows */
};

TL_CHECKED enum tl_code tl_metric_compile(tl_arena *arena, const tl_semantic *model, const struct tl_metric_query *query, struct tl_metric_sql *ret_sql,
                                          struct tl_err *err);

/* The values of a field, each once. */
TL_CHECKED enum tl_code tl_metric_members_sql(tl_arena *arena, const tl_semantic *model, int dataset, int field, int count_max, const char **ret_sql,
                                              struct tl_err *err);

/* Can the metric be grouped or filtered by a field of this dataset?  Steps from its anchor, -1 = no. */
int tl_metric_distance(const tl_semantic *model, int metric, int dataset);

/* For conversations: the query by names, so that it outlives a change of the model. */
void tl_metric_query_put(const tl_semantic *model, const struct tl_metric_query *query, struct tl_json_writer *json);
/* false: a name is not in the model any more. */
bool tl_metric_query_get(tl_arena *arena, const tl_semantic *model, const tl_json *json, struct tl_metric_query *query);

#endif
