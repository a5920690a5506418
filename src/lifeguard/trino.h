/* lifeguard/trino.h -- the rules as Trino's file-based access control reads them (Trino 476: `access-control.name=file`,
 *   `security.config-file=http://.../lifeguard/trino/rules.json`).
 *
 * Why: who already runs Trino gets the same decisions there: closed tables and columns, masks, row rules.
 * Form: the first rule that matches wins there, and rules add up here; so for each dataset the known users (lifeguard/seen.c) are
 *   put into classes of equal rights, decided as everywhere else, and each class that may read gets one rule.  Whoever is in none sees
 *   nothing.  A session that chose to see personal data is the user `name+pii` (roles, tags and session properties do not reach
 *   Trino's rules); a name with a "+" of its own has no rule.
 * Masks and row rules are written by their typed forms in Trino's SQL.  What has no exact form there closes: a keyed hash shows NULL (its
 *   key must not stand in SQL text), and a row rule written as SQL of the engine closes the table.
 * Row rules over another dataset read it as the user "townlake+rules", whom nobody can be.
 */
#ifndef TL_LIFEGUARD_TRINO_H
#define TL_LIFEGUARD_TRINO_H

#include "data/types.h"
#include "lifeguard/clearance.h"

/* As whom row rules read; nobody can be it. */
#define TL_TRINO_RULES_USER "townlake+rules"

struct tl_trino_column {
    const char *name;
    struct tl_type type;
    const char *source_type; /* "character varying(20)": Trino knows the length, and a mask must not be longer */
};

struct tl_trino_dataset {
    const char *source, *schema, *table;
    size_t column_count;
    const struct tl_trino_column *columns;
};

/* The whole document.  `datasets` are sorted by source, schema, table.  What was rendered is kept: after a change only the tables it
 * reaches are rendered anew (all, when it changes who is equal to whom).
 * stamp: two calls with the same one have the same datasets; 0 = not known, so they are compared.  json NULL: the tag alone.
 * *ret_tag is another one whenever the document is. */
TL_CHECKED enum tl_code tl_lifeguard_trino_rules(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_trino_dataset *datasets,
                                                 size_t dataset_count, uint64_t stamp, struct tl_buf *json, uint64_t *ret_tag);

/* --- its SQL: trino_sql.c --- */

/* The mask as an expression of the column's own type. */
void tl_trino_mask(struct tl_buf *sql, const struct tl_mask *mask, const struct tl_trino_column *column);
/* Finds the columns of a dataset that a row rule names; NULL = there is none. */
typedef const struct tl_trino_dataset *(*tl_trino_lookup)(void *context, const char *source, const char *schema, const char *table);
/* All row rules of a grant, "" where there are none.  false: one cannot be said in Trino's SQL, and the dataset is closed. */
bool tl_trino_filter(struct tl_buf *sql, const struct tl_dataset_grant *grant, const struct tl_trino_dataset *dataset, tl_trino_lookup lookup,
                     void *context);

#endif
