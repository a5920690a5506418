/* The engine's own answer on a copy of the rows: the truth that pushed expressions and derivations are compared with.
 *
 * One notation is read twice, as the engine's SQL and as the tree that a driver gets; every node's type is the one the engine
 * gives it:
 *   name or 1.name             a column of input 0 or 1
 *   {DATE '2024-02-29'}        a constant, as the engine reads it
 *   (= a b) (and a b) (isnull a) (in a {1} {2}) (case c v e) (coalesce a b) (cast BIGINT a)
 *   (lower a) (+ a b)          a function by the engine's name
 *   (@sum a) (@count distinct a) (@sum a filter (> a b)) (@count_star)    an aggregate
 */
#ifndef TL_TESTS_ENGINE_TRUTH_H
#define TL_TESTS_ENGINE_TRUTH_H

#include "sources/clickhouse/test_truth.h"

enum { TRUTH_LIST_MAX = 40 };

struct truth_input {
    const char *dataset; /* a name that truth_copy or truth_derive gave */
    enum tl_join_kind join;
    const char *conditions[4];
};

/* SELECT outputs FROM inputs WHERE filters GROUP BY groups; lists end with NULL. */
struct truth_case {
    struct truth_input inputs[4]; /* the first without a dataset ends */
    const char *filters[TRUTH_LIST_MAX], *groups[TRUTH_LIST_MAX], *outputs[TRUTH_LIST_MAX];
    bool grouped;
    /* over the result */
    const char *outer_filters[4];
    int order[4]; /* n: by output n from 1, -n: descending */
    bool nulls_first;
    int64_t limit; /* 0 = all */
};

void truth_open(tl_source *source);
void truth_close(void);
/* Let `name` be the source's table schema.name, here with a copy in the engine. */
void truth_copy(const char *schema, const char *name);
/* Derive, scan, compare all rows.  False: it was declined, and *ret_reason says why. */
bool truth_check(const struct truth_case *said, const char **ret_reason);
/* Let `name` be the derived dataset; it must not be declined. */
void truth_derive(const char *name, const struct truth_case *said);

#endif
