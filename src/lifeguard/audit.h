/* lifeguard/audit.h -- who asked what of which data, under which rules, and how it ended.
 *
 * Why: a reviewer must be able to say what a person saw on a day, and that nobody has touched the answer since.
 * Records (store/journal.h has their chain):
 *   "statement" before its first row leaves, and before it changes anything: id, user, groups, how they showed who they are, the agent
 *               and its call where one acts for them, client, text, tables with the columns shown, the masks and row rules that held,
 *               the version of the rules and the name of the set of decisions, the PII flag and its reason.  A statement that was
 *               refused has this record too.
 *   "outcome"   when it is over: id, state, error code, rows, bytes, time.
 *   others      of policy (tl_audit_event), before they are in force: "rules" (reviews, grants, row rules, attributes, limits, tables
 *               made and dropped: the rule as it is now), "request", "personal_data" (a choice begun, ended, refused), "raw_reading";
 *               and of identity: "signed_in", "signed_out", "token_created", "token_revoked", "refused", "scim"; and of agents: "script" (its
 *               text, before it runs), "script_ended" (its steps), "memory", "saved_query".
 * A statement whose record cannot be written does not run (the error says why); a lost outcome is logged, no more.
 * Threads: any.
 */
#ifndef TL_LIFEGUARD_AUDIT_H
#define TL_LIFEGUARD_AUDIT_H

#include "lifeguard/clearance.h"
#include "store/journal.h"

typedef struct tl_audit tl_audit;

TL_CHECKED enum tl_code tl_audit_open(const char *directory, const struct tl_journal_options *options, tl_audit **ret_audit, struct tl_err *err);
tl_audit *tl_audit_close(tl_audit *audit); /* NULL is fine; returns NULL */

struct tl_audit_statement {
    const char *kind;                            /* "SELECT" */
    struct tl_str text;                          /* as it was sent; the first 256 KiB are kept */
    const char *source, *client_info, *client_tags; /* NULL = none */
    const tl_clearance *clearance;               /* NULL = it needed no dataset, or was refused before the decision */
    bool pii;
    const char *pii_reason;
    const char *raw_reason; /* why this program itself reads past the rules; NULL = it does not */
};
/* Of the principal and id of `rq`. */
TL_CHECKED enum tl_code tl_audit_statement(struct tl_request *rq, tl_audit *audit, const struct tl_audit_statement *statement);

struct tl_audit_outcome {
    const struct tl_err *err; /* code TL_OK = it went well */
    int64_t rows, bytes, elapsed_us;
    struct tl_str scans_json; /* what sources were asked for; may be empty */
};
void tl_audit_outcome(const struct tl_request *rq, tl_audit *audit, const struct tl_audit_outcome *outcome);

/* kind: "review", "grant" ...; subject: "ops.public.accounts"; members: more of the record, `"state":"open"`, may be empty. */
TL_CHECKED enum tl_code tl_audit_event(struct tl_request *rq, tl_audit *audit, const char *kind, const char *subject, struct tl_str members);

/* The newest records, oldest first, as a JSON array: of `user` (without the text of row rules), or all when user is NULL.  At most
 * count_max are looked at. */
TL_CHECKED enum tl_code tl_audit_recent(struct tl_request *rq, tl_audit *audit, const char *user, int count_max, struct tl_buf *json_array);
/* The same of the newest records that are neither statements nor their outcomes, among the last million. */
TL_CHECKED enum tl_code tl_audit_events(struct tl_request *rq, tl_audit *audit, const char *user, int count_max, struct tl_buf *json_array);
TL_CHECKED enum tl_code tl_audit_verify(struct tl_request *rq, tl_audit *audit, struct tl_journal_report *ret_report);

#endif
