/* skipper/planner_grammar_int.h -- what has been read of a question before it is a query; private to the planner. */
#ifndef TL_SKIPPER_PLANNER_GRAMMAR_INT_H
#define TL_SKIPPER_PLANNER_GRAMMAR_INT_H

#include "skipper/planner_int.h"

/* A filter before it is known which of its meanings is meant. */
struct tl_raw_filter {
    const struct tl_item *item;
    size_t meaning_count;
    struct tl_meaning meanings[TL_MEANINGS_MAX];
    enum tl_compare compare;
    const char *value; /* NULL = the meaning's own, or "true" */
    bool including;    /* "including internal accounts": no filter */
};

struct tl_raw_dimension {
    const struct tl_item *item;
    enum tl_time_grain grain; /* of time: item has no meaning then */
};

struct tl_raw_threshold {
    struct tl_metric_threshold by;
    const struct tl_item *entity; /* last one named before it; NULL = none */
};

struct tl_grammar {
    struct tl_planner *planner;
    size_t at; /* of the items */
    size_t metric_count, dimension_count, filter_count, threshold_count, entity_count, extra_count;
    int metrics[TL_METRIC_METRICS_MAX];
    const struct tl_item *metric_items[TL_METRIC_METRICS_MAX]; /* where each was named; a phrase may mean several */
    struct tl_raw_dimension dimensions[TL_METRIC_DIMENSIONS_MAX];
    struct tl_raw_filter filters[TL_METRIC_FILTERS_MAX];
    struct tl_raw_threshold thresholds[TL_METRIC_METRICS_MAX];
    const struct tl_item *entities[TL_METRIC_SETS_MAX * 2];
    const struct tl_item *extras[TL_SEMANTIC_SHOWN_MAX];
    struct tl_period period, before; /* before: the one that stands behind "compared with" */
    const struct tl_item *time_field;
    int counted;              /* dataset after "how many", -1 = none */
    int64_t limit;
    bool ascending, ranked, best; /* best: "best customers", by what must be said */
    /* the set of "in the top 100 domains by traffic" */
    bool set_open, set_given;
    int64_t set_top;
    int set_metric;
    const struct tl_item *set_entity;
    /* what the words before lead one to expect */
    bool by, subject, which, list, count, negate, including, who, change, versus, shift, follow;
    const struct tl_item *subject_item; /* what "top 10" and "which" speak of */
    /* a comparison under way */
    const struct tl_item *compare_item;
    enum tl_compare compare;
    const char *compare_number;
    const struct tl_item *operand; /* metric or number just before */
    bool operand_is_metric;        /* and it stands last in metrics */
};

int tl_grammar_count_metric(const tl_semantic *model, int dataset); /* -1 = none */
/* From what is read to plan->query. */
bool tl_grammar_assemble(struct tl_grammar *grammar);

#endif
