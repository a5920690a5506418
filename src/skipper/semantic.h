/* skipper/semantic.h -- what the company's numbers mean: datasets, how they belong together, fields, metrics and their names.
 *
 * Why: "revenue by country" has one right answer only when somebody has said what revenue is and how an invoice leads to a
 *   country.  That is said once, in YAML, by the people who own the numbers; everything that answers in words reads it here.
 * Form: Apache Ossie's core specification 0.2 (datasets, relationships, fields, metrics, ai_context with synonyms and examples);
 *   what is taken of it, and what this program adds by custom_extensions of the vendor TOWNLAKE: docs/reference/semantic-models.md.
 * A metric is arithmetic over aggregates, each over the fields of datasets that one of them (its anchor) leads to by
 *   relationships of many to one: so no row is ever counted twice (metric.h).
 * Owns: a model and all its texts live in one arena.  Threads: immutable once read.
 * Errors: TL_CONFIG, path:line in the message, a hint where one helps.
 * Bounds: the enum below; YAML's own (base/yaml_tree.h).
 */
#ifndef TL_SKIPPER_SEMANTIC_H
#define TL_SKIPPER_SEMANTIC_H

#include "source/registry.h"

enum {
    TL_SEMANTIC_DATASETS_MAX = 200,
    TL_SEMANTIC_FIELDS_MAX = 500, /* of a dataset */
    TL_SEMANTIC_METRICS_MAX = 1000,
    TL_SEMANTIC_KEY_MAX = 4,      /* columns of a key */
    TL_SEMANTIC_MEASURES_MAX = 4, /* aggregates of one metric */
    TL_SEMANTIC_SHOWN_MAX = 16,
    TL_SEMANTIC_FILES_MAX = 200,
};

struct tl_texts {
    size_t count;
    const char *const *items;
};

/* A value that people call by other words: DE is "Germany". */
struct tl_semantic_value {
    const char *value;
    struct tl_texts words;
};

enum tl_semantic_role {
    TL_ROLE_NONE,
    TL_ROLE_NAME,      /* label: name -- what a row is called by people */
    TL_ROLE_MEMBER,    /* label: member -- few values, which questions may name */
    TL_ROLE_CONDITION, /* label: condition -- true or false, "paying" */
    TL_ROLE_NUMBER,    /* label: number -- may be compared, "score over 0.9" */
    TL_ROLE_HIDDEN,    /* label: hidden -- for expressions of others, no question names it */
};

struct tl_semantic_field {
    const char *name, *expression, *description;
    struct tl_texts synonyms;
    bool is_time;
    enum tl_semantic_role role;
    size_t value_count;
    const struct tl_semantic_value *values;
    int line;
};

enum tl_time_grain { TL_GRAIN_NONE, TL_GRAIN_DAY, TL_GRAIN_WEEK, TL_GRAIN_MONTH, TL_GRAIN_QUARTER, TL_GRAIN_YEAR };

struct tl_semantic_dataset {
    const char *name, *description;
    const char *source[3]; /* source, schema, table */
    struct tl_texts synonyms;
    size_t key_count;
    const char *key[TL_SEMANTIC_KEY_MAX]; /* columns of the primary key */
    size_t field_count;
    const struct tl_semantic_field *fields;
    int time_field;               /* what a period of time is about, -1 = none */
    enum tl_time_grain time_grain; /* its rows are sums of so long: a period must be whole ones */
    bool sampled;
    size_t shown_count;
    int shown[TL_SEMANTIC_SHOWN_MAX]; /* fields of a list of its rows */
    int line;
};

/* Many rows of `from` lead to one of `to`. */
struct tl_semantic_relationship {
    const char *name;
    int from, to;
    size_t column_count;
    const char *from_columns[TL_SEMANTIC_KEY_MAX], *to_columns[TL_SEMANTIC_KEY_MAX];
    int line;
};

enum tl_aggregate { TL_AGGREGATE_SUM, TL_AGGREGATE_COUNT, TL_AGGREGATE_COUNT_DISTINCT, TL_AGGREGATE_AVG, TL_AGGREGATE_MIN, TL_AGGREGATE_MAX };

/* One aggregate of a metric: SUM(invoices.amount) FILTER (WHERE ..). */
struct tl_semantic_measure {
    enum tl_aggregate aggregate;
    int anchor;                /* the dataset whose rows are counted */
    const char *inner, *where; /* where NULL = none */
};

struct tl_semantic_metric {
    const char *name, *description;
    struct tl_texts synonyms;
    const char *expression; /* arithmetic, with {0}, {1} .. where the measures stand */
    size_t measure_count;
    struct tl_semantic_measure measures[TL_SEMANTIC_MEASURES_MAX];
    int decimals; /* -1 = as it comes */
    int line;
};

typedef struct tl_semantic {
    const char *name, *description, *path;
    size_t dataset_count, relationship_count, metric_count;
    struct tl_semantic_dataset *datasets;
    struct tl_semantic_relationship *relationships;
    struct tl_semantic_metric *metrics;
    struct tl_texts examples;
    bool quarter_of_full_months; /* "last quarter" is the three full months before this one, not the calendar's */
    bool week_of_seven_days;     /* "this week" is the last seven days, not since Monday */
    bool hours_of_whole_days;    /* "last 48 hours" is yesterday and today, not from this minute on back */
} tl_semantic;

/* One model of one text. */
TL_CHECKED enum tl_code tl_semantic_read(tl_arena *arena, const char *path, struct tl_str yaml, const tl_semantic **ret_model, struct tl_err *err);

/* What it says about tables and columns, against those that there are.  *ret_problems: a line each, "path:line: ..", also where
 * TL_OK is not returned; NULL = none.  `context` of the snapshot is the caller's to release. */
TL_CHECKED enum tl_code tl_semantic_check(tl_arena *arena, const tl_semantic *model, const tl_registry_snapshot *snapshot, struct tl_texts *ret_problems,
                                          struct tl_err *err);

int tl_semantic_find_dataset(const tl_semantic *model, const char *name); /* -1 = none */
int tl_semantic_find_field(const struct tl_semantic_dataset *dataset, const char *name);
int tl_semantic_find_metric(const tl_semantic *model, const char *name);

/* Relationships from one dataset to another, many to one all the way, the shortest way: their number, -1 = there is no way.
 * path: TL_SEMANTIC_DATASETS_MAX places, relationship indexes in order. */
int tl_semantic_path(const tl_semantic *model, int from, int to, int *path);

/* The SQL of an expression of a dataset: bare columns get its name in front, "dataset.field" becomes that field's expression.
 * Datasets that are mentioned are marked in `used` (one bool each). */
TL_CHECKED enum tl_code tl_semantic_expand(tl_arena *arena, const tl_semantic *model, int dataset, const char *expression, bool *used, struct tl_buf *sql,
                                           struct tl_err *err);

#endif
