/* skipper/metric_int.h -- parts of the compiler of metric queries; private to skipper/. */
#ifndef TL_SKIPPER_METRIC_INT_H
#define TL_SKIPPER_METRIC_INT_H

#include "skipper/metric.h"

enum { TL_METRIC_SQL_MAX = 256 * 1024, TL_METRIC_CONDITIONS_MAX = 64 };

struct tl_metric_condition {
    const char *sql;
    bool anchor_only; /* speaks of the anchor's own columns */
};

/* One pass: FROM anchor JOIN .. WHERE ..; what is selected is added by whoever makes it. */
struct tl_metric_pass {
    tl_arena *arena;
    const tl_semantic *model;
    struct tl_err *err;
    int anchor;
    bool *used; /* datasets that are joined */
    bool *seen; /* and those inside of filters: the whole query's */
    size_t condition_count;
    struct tl_metric_condition conditions[TL_METRIC_CONDITIONS_MAX];
    const char **notes;
    size_t *note_count;
};

/* Is it well so?  Else why, in words. */
TL_CHECKED enum tl_code tl_pass_add_expression(struct tl_metric_pass *pass, int dataset, const char *expression, const char **ret_sql);
TL_CHECKED enum tl_code tl_pass_add_filter(struct tl_metric_pass *pass, const struct tl_metric_filter *filter);
TL_CHECKED enum tl_code tl_pass_add_period(struct tl_metric_pass *pass, int dataset, int field, const struct tl_period *period);
TL_CHECKED enum tl_code tl_pass_add_set(struct tl_metric_pass *pass, const struct tl_metric_set *set);
TL_CHECKED enum tl_code tl_pass_add_condition(struct tl_metric_pass *pass, const char *sql, bool anchor_only);
/* FROM, JOIN, and WHERE of some of the conditions. */
enum tl_pass_rows { TL_PASS_ANCHOR, TL_PASS_JOINED, TL_PASS_ALL };
void tl_pass_put_from(const struct tl_metric_pass *pass, enum tl_pass_rows rows, struct tl_buf *sql);
void tl_pass_joins(const struct tl_metric_pass *pass, struct tl_metric_part *part);
void tl_pass_note(struct tl_metric_pass *pass, const char *note);

void tl_metric_put_table(const struct tl_semantic_dataset *dataset, struct tl_buf *sql);
const char *tl_metric_instant(tl_arena *arena, int64_t at_us); /* "DATE '2026-08-01'" or a TIMESTAMP */
const char *tl_compare_sign(enum tl_compare compare);
/* The way people speak of one of them: "customer" of customers. */
const char *tl_metric_singular(tl_arena *arena, const char *plural);

#endif
