/* lifeguard/clearance.h -- the only thing an engine accepts: what one principal may read and write in one statement.
 *
 * Why: policy cannot be walked around by mistake when the engine's entry points need a value that only lifeguard can make.
 * Now: the decision is "everything that is configured, read; the lake, also write; scratch for everyone" until the Lifeguard
 *   rules exist; the shape (decide -> clearance -> engine) is final.
 * Owns: a clearance lives in the request's arena.
 */
#ifndef TL_LIFEGUARD_CLEARANCE_H
#define TL_LIFEGUARD_CLEARANCE_H

#include "base/request.h"

enum tl_access { TL_ACCESS_READ = 1, TL_ACCESS_WRITE = 2, TL_ACCESS_CREATE = 4, TL_ACCESS_DROP = 8 };

/* What the door asks for: one row a dataset the statement names. */
struct tl_access_need {
    const char *source, *schema, *table; /* table NULL = the schema itself */
    unsigned access;                     /* of enum tl_access */
    size_t column_count;                 /* what the dataset has */
    const char *const *columns;
};

/* What it may see of a dataset. */
struct tl_dataset_grant {
    struct tl_access_need need;
    size_t column_count;              /* visible ones, in order */
    const char *const *columns;
    const char *const *expressions;   /* per column: NULL = as it is, else the SQL of the mask */
    const char *row_rule;             /* SQL predicate, NULL = all rows */
};

typedef struct tl_clearance tl_clearance;

TL_CHECKED enum tl_code tl_lifeguard_decide(struct tl_request *rq, const struct tl_access_need *needs, size_t need_count,
                                            const tl_clearance **ret_clearance);

size_t tl_clearance_count(const tl_clearance *clearance);
const struct tl_dataset_grant *tl_clearance_grant(const tl_clearance *clearance, size_t index);
/* Short name of the set of decisions (a hash of their content): equal rights, equal name.  "g" + 16 hex digits. */
const char *tl_clearance_name(const tl_clearance *clearance);
/* May this principal know that the dataset exists (error hints, SHOW TABLES)? */
bool tl_lifeguard_may_know(const struct tl_principal *principal, const char *source, const char *schema, const char *table);

#endif
