/* source/expr.h -- what the engine's planner wants a source to filter by, said without any SQL dialect.
 *
 * Why: "a > 5" must mean the same in three systems.  The engine's planner builds this tree; each driver decides by its own
 *   allow-list whether its system means exactly the same, and spells it itself.  What a driver declines, the scan applies
 *   to the rows that come: nothing is ever lost.
 * Owns: trees live in the arena of the scan; drivers only read them.
 */
#ifndef TL_SOURCE_EXPR_H
#define TL_SOURCE_EXPR_H

#include "data/value.h"

enum tl_expr_kind {
    TL_EXPR_COLUMN,   /* column: index into the columns of the dataset, or of input number `input` of a derivation */
    TL_EXPR_CONSTANT, /* value */
    TL_EXPR_EQ,       /* two children, and so on up to GE */
    TL_EXPR_NE,
    TL_EXPR_LT,
    TL_EXPR_LE,
    TL_EXPR_GT,
    TL_EXPR_GE,
    TL_EXPR_IS_NULL,     /* one child */
    TL_EXPR_IS_NOT_NULL,
    TL_EXPR_IN,       /* child 0 IN (children 1..): constants */
    TL_EXPR_NOT,
    TL_EXPR_AND,      /* two or more */
    TL_EXPR_OR,
    TL_EXPR_FUNCTION, /* function: the engine's name, in lower case ("prefix", "lower", "+"); children are arguments */
    TL_EXPR_CAST,     /* child 0 as `type`; what cannot be converted is an error, as in the engine */
    TL_EXPR_CASE,     /* children: condition, value, condition, value, ..., value of ELSE */
    TL_EXPR_COALESCE, /* one or more */
    TL_EXPR_AGGREGATE, /* in the outputs of a grouped derivation only, at the top.  function: "count_star", "count", "sum", "min",
                        * "max", "avg" ...; children are arguments */
};

struct tl_expr {
    enum tl_expr_kind kind;
    struct tl_type type;        /* of the result, as the engine sees it */
    int input;                  /* COLUMN: which input of the derivation; 0 over a dataset */
    int column;                 /* COLUMN */
    struct tl_value value;      /* CONSTANT */
    const char *function;       /* FUNCTION, AGGREGATE */
    bool distinct;              /* AGGREGATE: over the distinct values of its argument */
    struct tl_expr *filter;     /* AGGREGATE: only rows for which it is true; NULL = all */
    size_t child_count;
    struct tl_expr **children;
};

/* May a system compute it on any row at all without an error?  Comparisons of columns and constants of one plain type, IN lists,
 * NULL tests, searches for a constant text, and what AND, OR, NOT and coalesce make of them: then it may be computed before a row
 * rule, since nothing tells of the rows that the rule hides.  Casts, arithmetic, decimals of different scales and all other
 * functions may fail. */
bool tl_expr_never_fails(const struct tl_expr *expr);

enum { TL_EXPR_NODES_MAX = 20000, TL_EXPR_DEPTH_MAX = 100 };

#endif
