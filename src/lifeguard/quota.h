/* lifeguard/quota.h -- how much a person may take in an hour, a day, a week or 30 days.
 *
 * Why: a grant says what may be read; it does not say that one account may carry the whole table away in a night.
 * Measures: rows that sources sent, rows and bytes of results, time that statements run.
 * Words: a quota is for a user, for each member of a group, or for everyone, and one window.  Windows are fixed, in UTC (days
 *   begin at midnight, weeks on Thursday as 1970 did, the 30 days on day numbers that 30 divides).  For each measure the quotas
 *   of the user alone hold where there are any, else those of the user's groups (of equal windows the largest), else everyone's.
 * What is used is counted for every user, so that a quota made at noon knows of the morning; kept in the store once a minute and
 *   at the end, so a crash forgets at most a minute.
 * Bounds: USERS_MAX users that asked something within 30 days; beyond, who has a quota is refused.
 * Threads: any; one tl_quota belongs to one statement.
 */
#ifndef TL_LIFEGUARD_QUOTA_H
#define TL_LIFEGUARD_QUOTA_H

#include "lifeguard/lifeguard.h"

struct tl_use {
    int64_t rows_scanned, rows, bytes, time_us;
};

typedef struct tl_quota tl_quota;

/* Before a statement runs, as rq->principal; the quota lives in rq->arena.  TL_QUOTA_EXCEEDED names the quota, when it ends and
 * who can raise it. */
TL_CHECKED enum tl_code tl_quota_open(struct tl_request *rq, tl_lifeguard *lifeguard, tl_quota **ret_quota);
/* While it runs and when it is over: what this statement has taken since it began.  TL_QUOTA_EXCEEDED: it must end. */
TL_CHECKED enum tl_code tl_quota_use(struct tl_request *rq, tl_quota *quota, const struct tl_use *so_far);

/* Quota: {"user" | "group" | "everyone", "per": "1h" | "1d" | "7d" | "30d", "rows_scanned", "rows": numbers, "bytes": "10GiB",
 * "time": "30m", "reason"}: at least one measure.  Needs admin on everything. */
TL_CHECKED enum tl_code tl_lifeguard_quota(struct tl_request *rq, tl_lifeguard *lifeguard, const tl_json *body, const char **ret_id);
TL_CHECKED enum tl_code tl_lifeguard_remove_quota(struct tl_request *rq, tl_lifeguard *lifeguard, const char *id, const char *reason);
/* [..]: those about the caller, or all for administrators. */
void tl_lifeguard_put_quotas(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json);
/* [{"per", "ends_at_us", "rows", ..}]: what the caller has used, without what sources sent: that tells of rows they may not see. */
void tl_lifeguard_put_use(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json);

#endif
