/* door/explain_int.h -- shared by explain.c (plans as text) and explain_json.c (plans as JSON). */
#ifndef TL_DOOR_EXPLAIN_INT_H
#define TL_DOOR_EXPLAIN_INT_H

#include "data/json.h"

enum { TL_PLAN_BYTES_MAX = 4 * 1024 * 1024, TL_PLAN_DEPTH_MAX = 200 };

/* What both know of a plan.  Redacted: kinds, tables and amounts fetched only; filters and expressions would tell the policy. */
struct tl_plan {
    const tl_json *root, *scans; /* the engine's; scans: NULL = none */
    bool redacted;
};

const char *tl_plan_name(const tl_json *node); /* NULL: the operator is none of the statement's own */
bool tl_plan_shows(const struct tl_plan *plan, const char *key);
/* A value of the engine in one line. */
void tl_plan_put_value(struct tl_buf *out, const tl_json *value);

/* One object: the operators as Trino's FORMAT JSON has them, and `sources`, what each source is asked to do. */
void tl_plan_put_json(struct tl_buf *out, const struct tl_plan *plan);

#endif
