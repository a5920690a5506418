/* sources/clickhouse/spell.h -- the engine's expressions in ClickHouse's SQL, where it means exactly what the engine means.
 *
 * Why: what is said to the source is not looked at again: a filter that differs in one row in a million gives wrong
 *   answers that nobody sees.  So everything is by allow-list, each entry with the test that compares it with the truth:
 *   spell.c (comparisons, logic), spell_function.c, spell_cast.c, aggregate.c.  All else is declined with a reason.
 * Home: each of the engine's types has one type of ClickHouse that holds it (tl_clickhouse_home).  A column is said as it
 *   is where that does not matter (its index is then used), and converted to the home type where it does.
 * Overflow: sums and products are worked out in a wider type, which holds them, and brought to the engine's type before
 *   anything else is done with them.  ClickHouse refuses one that does not fit, and the statement is then computed here:
 *   whether that is an error is for the engine to say.
 * Threads: no state; any.
 */
#ifndef TL_SOURCES_CLICKHOUSE_SPELL_H
#define TL_SOURCES_CLICKHOUSE_SPELL_H

#include "sources/clickhouse/source_int.h"

enum {
    TL_CLICKHOUSE_EXPRESSION_BYTES_MAX = TL_CLICKHOUSE_SQL_BYTES_MAX / 2,
    TL_CLICKHOUSE_TWICE_BYTES_MAX = 2000, /* of a text that is said twice, so that nesting does not make it endless */
    TL_CLICKHOUSE_TYPES_BYTES_MAX = 64 * 1024 * 1024
};

/* A dataset whose columns may be named. */
struct tl_clickhouse_input {
    const struct tl_source_dataset *dataset;
    const char *alias; /* NULL: columns are named alone */
    bool hidden;       /* may not be named here */
    bool optional;     /* right side of a LEFT JOIN: every column may be NULL */
};

struct tl_clickhouse_speller {
    tl_source *source;
    size_t input_count;
    const struct tl_clickhouse_input *inputs;
    tl_arena *arena;    /* types, pieces of text */
    struct tl_buf *sql; /* rubbish once something was declined */
    const char *reason; /* why it was declined: the first one */
    int depth;
    bool exact;         /* NULL and false are not the same here */
};

/* What was appended. */
struct tl_clickhouse_spelled {
    const struct tl_clickhouse_type *type; /* there, without Nullable and LowCardinality */
    bool nullable;
    bool folded; /* text in another case: right as far as it is ASCII */
};

bool tl_clickhouse_decline(struct tl_clickhouse_speller *speller, const char *reason);

/* Append an expression; false: declined.  Alone: a column as it is, a sum or product perhaps wider than its type; ..._home:
 * exactly in its home type; ..._value: a column as it is, all else in its home type; ..._truth: a condition. */
bool tl_clickhouse_spell(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                         struct tl_clickhouse_spelled *ret_spelled);
bool tl_clickhouse_spell_home(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                              struct tl_clickhouse_spelled *ret_spelled);
bool tl_clickhouse_spell_value(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                               struct tl_clickhouse_spelled *ret_spelled);
bool tl_clickhouse_spell_truth(struct tl_clickhouse_speller *speller, const struct tl_expr *expr);

/* What was appended since `start`, which is taken away again; NULL: too long. */
const char *tl_clickhouse_take(struct tl_clickhouse_speller *speller, size_t start);
/* The text alone of an expression in its home type, where NULL and false are not the same; NULL: declined, or too long. */
const char *tl_clickhouse_spell_apart(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                      struct tl_clickhouse_spelled *ret_spelled);

/* Kinds with files of their own: called by tl_clickhouse_spell only. */
bool tl_clickhouse_spell_condition(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                   struct tl_clickhouse_spelled *ret_spelled);
bool tl_clickhouse_spell_function(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                  struct tl_clickhouse_spelled *ret_spelled);
bool tl_clickhouse_spell_arithmetic(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                    struct tl_clickhouse_spelled *ret_spelled);
bool tl_clickhouse_spell_cast(struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                              struct tl_clickhouse_spelled *ret_spelled);
/* aggregate.c: the text of an output, and ClickHouse's type of it. */
bool tl_clickhouse_spell_aggregate(struct tl_clickhouse_speller *speller, const struct tl_expr *expr, const char **ret_type);

/* Kinds of the engine's types: whole numbers of 64 bits at most, FLOAT and DOUBLE, and what has one order there and here (reals
 * with a word for NaN). */
bool tl_clickhouse_is_whole(enum tl_type_id id);
bool tl_clickhouse_is_real(enum tl_type_id id);
bool tl_clickhouse_has_order(enum tl_type_id id);

/* The home type of one of the engine's types as text, "Int32"; NULL: none.  And parsed. */
const char *tl_clickhouse_home(tl_arena *arena, const struct tl_type *type);
const struct tl_clickhouse_type *tl_clickhouse_home_type(tl_arena *arena, const struct tl_type *type);
const struct tl_clickhouse_type *tl_clickhouse_type_of(tl_arena *arena, const char *text);

/* Put text around what was appended since `start`. */
void tl_clickhouse_wrap(struct tl_buf *sql, size_t start, const char *before, const char *after);

/* Names and types of a column that an expression may use; NULL: there is none, or it has no meaning of its own there. */
const struct tl_source_column *tl_clickhouse_named_column(const struct tl_clickhouse_speller *speller, const struct tl_expr *expr,
                                                          struct tl_clickhouse_column *ret_here);
void tl_clickhouse_add_column(struct tl_clickhouse_speller *speller, const struct tl_expr *expr);

/* `name` or 'text' with backslashes before what ClickHouse takes as special. */
void tl_clickhouse_add_identifier(struct tl_buf *sql, const char *name);
void tl_clickhouse_add_literal(struct tl_buf *sql, struct tl_str text);

/* A constant as ClickHouse writes it for comparison with a column of this type.  op: TL_EXPR_EQ..GE, or TL_EXPR_IN for one
 * of a list.  false: not exactly sayable. */
bool tl_clickhouse_literal(struct tl_buf *sql, const struct tl_clickhouse_type *type, const struct tl_type *engine_type,
                           const struct tl_value *value, enum tl_expr_kind op);

/* ---- filters and orders over one dataset ---- */
/* Append the condition; false when it is declined.  *ret_reason: a few static words. */
bool tl_clickhouse_filter(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                          struct tl_buf *sql, const char **ret_reason);
bool tl_clickhouse_can_push(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                            const char **reason);
bool tl_clickhouse_can_push_order(tl_source *source, const struct tl_source_dataset *dataset,
                                  const struct tl_scan_order *order);
void tl_clickhouse_add_order(struct tl_buf *sql, const struct tl_source_dataset *dataset, const struct tl_scan_order *order);

/* ---- derive.c ---- */
bool tl_clickhouse_derive(tl_source *source, const struct tl_derivation *derivation, tl_arena *arena,
                          struct tl_source_dataset **ret_dataset, const char **reason);
/* `schema`.`name`, or (SELECT ...) of a derived one. */
void tl_clickhouse_add_from(struct tl_buf *sql, const struct tl_source_dataset *dataset);

#endif
