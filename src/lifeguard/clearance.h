/* lifeguard/clearance.h -- the only thing an engine accepts: what one principal may read and write in one statement.
 *
 * Why: policy cannot be walked around by mistake when the engine's entry points need a value that only lifeguard can make.
 * Owns: a clearance lives in the request's arena and holds the rules it was decided by until that arena ends: it stays what it was.
 * Cost: one decision reads memory only; measured by lifeguard_bench.
 */
#ifndef TL_LIFEGUARD_CLEARANCE_H
#define TL_LIFEGUARD_CLEARANCE_H

#include "lifeguard/lifeguard.h"

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
    size_t column_count;                 /* visible ones, in order */
    const char *const *columns;
    const struct tl_mask *masks;         /* per visible column; form TL_MASK_NONE = as it is */
    size_t row_rule_count;               /* all must be true */
    const struct tl_rule *const *row_rules;
    bool partial;                        /* something of the dataset is hidden or masked */
};

typedef struct tl_clearance tl_clearance;

/* In what way the caller asks. */
struct tl_access_manner {
    bool pii;               /* a choice to see personal data is in force (tl_lifeguard_pii_check) */
    const char *raw_reason; /* maintenance of this program itself: everything, recorded with this reason; NULL = no */
};

/* TL_NOT_ALLOWED says why in words, which table, who reviews it, which group would open it, and links to the request. */
TL_CHECKED enum tl_code tl_lifeguard_decide(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_access_manner *manner,
                                            const struct tl_access_need *needs, size_t need_count, const tl_clearance **ret_clearance);

/* Which columns of a dataset may the caller know of?  As a decision to read, but none instead of a denial; quick, for listings.
 * ret_visible has need->column_count places. */
void tl_lifeguard_visible(struct tl_request *rq, tl_lifeguard *lifeguard, const struct tl_access_need *need, bool *ret_visible);

size_t tl_clearance_count(const tl_clearance *clearance);
const struct tl_dataset_grant *tl_clearance_grant(const tl_clearance *clearance, size_t index);
/* Short name of the set of decisions (a hash of their content): equal rights, equal name.  "g" + 16 hex digits. */
const char *tl_clearance_name(const tl_clearance *clearance);
int64_t tl_clearance_version(const tl_clearance *clearance); /* of the rules it was decided by */
/* Is something hidden from the caller: a column, a value, a row? */
bool tl_clearance_partial(const tl_clearance *clearance);
bool tl_clearance_hides_rows(const tl_clearance *clearance);
/* May this principal know that the dataset exists (error hints, SHOW TABLES)?  Everybody who is somebody may: discovery is
 * apart from data. */
bool tl_lifeguard_may_know(const struct tl_principal *principal, const char *source, const char *schema, const char *table);

/* {"table": .., "columns": [..], "masks": {..}, ..}: what the user may read of the dataset now; nothing when they may not. */
struct tl_json_writer;
void tl_lifeguard_put_access(tl_lifeguard *lifeguard, const struct tl_principal *user, const struct tl_access_need *need, struct tl_json_writer *json);

#endif
