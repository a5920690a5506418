/* lifeguard/rule.h -- which rows: a typed predicate, written as SQL only by the forms below.
 *
 * As JSON:
 *   {"column": "country", "op": "in", "values": ["DE", "FR"]}        = <> < <= > >= in not_in like is_null is_not_null
 *   {"column": "owner", "op": "=", "attribute": "user"}              the caller's: "user", "groups", or one that was set
 *   {"column": "customer_id", "op": "in", "dataset": {"source": "ops", "schema": "public", "table": "customers"},
 *    "key": "customer_id", "where": {...}}                           rows that belong to rows of another dataset
 *   {"all": [..]}  {"any": [..]}
 *   {"sql": "country = 'DE'"}                                        an expression that the door has checked
 * A row counts when the predicate is true; false and unknown hide it.
 * Owns: a rule lives in the arena it was read into.
 */
#ifndef TL_LIFEGUARD_RULE_H
#define TL_LIFEGUARD_RULE_H

#include "base/str.h"
#include "data/json.h"

enum { TL_RULE_DEPTH_MAX = 8, TL_RULE_VALUES_MAX = 10000, TL_RULE_SQL_MAX = 4096 };

enum tl_rule_kind { TL_RULE_COMPARE, TL_RULE_DATASET, TL_RULE_ALL, TL_RULE_ANY, TL_RULE_SQL };

enum tl_rule_op {
    TL_RULE_EQUAL, TL_RULE_NOT_EQUAL, TL_RULE_LESS, TL_RULE_LESS_EQUAL, TL_RULE_GREATER, TL_RULE_GREATER_EQUAL,
    TL_RULE_IN, TL_RULE_NOT_IN, TL_RULE_LIKE, TL_RULE_IS_NULL, TL_RULE_IS_NOT_NULL,
};

struct tl_rule_value {
    enum { TL_RULE_TEXT, TL_RULE_NUMBER, TL_RULE_TRUTH } type;
    const char *text; /* a number's digits; "true" or "false" */
};

struct tl_rule {
    enum tl_rule_kind kind;
    const char *column; /* COMPARE, DATASET */
    enum tl_rule_op op; /* COMPARE */
    const char *attribute; /* the values are the caller's; NULL = `values` */
    size_t value_count;
    const struct tl_rule_value *values;
    const char *source, *schema, *table, *key; /* DATASET */
    size_t child_count; /* ALL, ANY; DATASET: 0 or 1 */
    const struct tl_rule *const *children;
    const char *sql;
};

TL_CHECKED enum tl_code tl_rule_read(tl_arena *arena, const tl_json *json, const struct tl_rule **ret_rule, struct tl_err *err);
void tl_rule_put(struct tl_json_writer *json, const struct tl_rule *rule);

/* The values of an attribute; NULL values and count 0 = the caller has none, and the comparison is false. */
typedef size_t (*tl_rule_attribute)(void *context, const char *name, const char *const **ret_values);
/* The same rule with the caller's values in it. */
const struct tl_rule *tl_rule_resolve(tl_arena *arena, const struct tl_rule *rule, tl_rule_attribute attribute, void *context);

/* The sign between the column of a comparison and its values (" IN "), the same in every SQL; NULL = it is false.  An attribute of
 * several values is about each of them: then = is IN. */
const char *tl_rule_sign(const struct tl_rule *rule, bool *ret_list);

/* The name of another dataset as the engine knows it; false = there is none, and the predicate is false. */
typedef bool (*tl_rule_dataset)(void *context, const struct tl_rule *rule, struct tl_buf *sql);
void tl_rule_write(struct tl_buf *sql, const struct tl_rule *rule, tl_rule_dataset dataset, void *context);

/* Calls `each` for every column of the dataset itself that the rule reads; false = not known (SQL). */
bool tl_rule_columns(const struct tl_rule *rule, void (*each)(void *context, const char *column), void *context);
/* Calls `each` for every DATASET rule in it. */
void tl_rule_datasets(const struct tl_rule *rule, void (*each)(void *context, const struct tl_rule *dataset), void *context);

#endif
