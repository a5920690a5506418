/* skimmer/skimmer.h -- what in the data is personal or secret: every column of every source and of the lake is looked at, and what
 * is found becomes a proposal for its review.
 *
 * Why: a new table is closed to everyone until somebody reviews it; whoever reviews should see what is in it without reading it.
 * How: a thread of its own takes one table after another, new and changed ones first come, all again after skimmer.rescan.  It reads
 *   through the door, with a raw clearance that is on record with its reason, a sample that is spread over the table; values go to
 *   the detectors and are forgotten.  Per source it reads at most skimmer.rows_per_second.
 * Kept: in the store, a table at a time in one transaction: verdicts, shapes, counts.  Never a value.
 * Verdict (pass 2): rules over what the detectors found, the types, the neighbours and the tables it may be joined with.
 * People decide: a proposal is only a proposal.  What a person reviewed otherwise is remembered with the evidence of that day, and
 *   is not proposed again until there is other evidence.
 * Failure: a table that cannot be read is recorded with the reason, tried again later, and stops nothing.
 * Threads: every call from any thread.
 */
#ifndef TL_SKIMMER_SKIMMER_H
#define TL_SKIMMER_SKIMMER_H

#include "data/json.h"
#include "door/door.h"
#include "skimmer/detector.h"

typedef struct tl_skimmer tl_skimmer;

struct tl_skimmer_options {
    tl_door *door;
    tl_registry *registry;
    tl_store *store;
    tl_lifeguard *lifeguard;
    const struct tl_detector_driver *detectors;
    struct tl_detector_options detector_options;
    bool enabled;              /* false: nothing is scanned, what is known is shown */
    int64_t rescan_us;         /* a table that did not change is looked at again after so long */
    int64_t rows_per_second;   /* from one source; 0 = no limit */
    int64_t run_time_us;       /* of one statement */
};

/* The thread begins with tl_skimmer_start. */
TL_CHECKED enum tl_code tl_skimmer_new(const struct tl_skimmer_options *options, tl_skimmer **ret_skimmer, struct tl_err *err);
void tl_skimmer_start(tl_skimmer *skimmer);
tl_skimmer *tl_skimmer_free(tl_skimmer *skimmer);

/* Look again now: at everything, a source, or one table (the rest NULL).  Needs admin on it. */
TL_CHECKED enum tl_code tl_skimmer_scan(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *scope);
/* Remembered over a restart; the table being read is read to its end.  Needs admin on everything. */
TL_CHECKED enum tl_code tl_skimmer_pause(struct tl_request *rq, tl_skimmer *skimmer, bool pause);

/* Since the start, for /metrics. */
struct tl_skimmer_counts {
    int64_t scanned, failed, rows, findings, due;
};
void tl_skimmer_load(tl_skimmer *skimmer, struct tl_skimmer_counts *ret_counts);

/* Members of an object: "state" (running, idle, paused, off), "tables", "scanned", "failed", "columns", what it reads now, failures. */
TL_CHECKED enum tl_code tl_skimmer_put_status(struct tl_request *rq, tl_skimmer *skimmer, struct tl_json_writer *json);

/* An array of the verdicts on columns of tables that the caller may review.  standing: "proposed" (the column waits), "agrees" (the
 * review is as strict), "overridden" (a person who knew the evidence decided otherwise), "new" (nobody decided knowing it).
 * All but rq, skimmer and json may be NULL; found_only: columns in which something was found. */
struct tl_skimmer_filter {
    const char *source, *schema, *table, *standing;
    bool found_only;
};
TL_CHECKED enum tl_code tl_skimmer_put_findings(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_skimmer_filter *filter,
    struct tl_json_writer *json);

/* An object of the proposals for those columns of the table that wait for a review: {COLUMN: {"state", "mask", "tags", "likelihood",
 * "reason"}}; empty while the table, as it is now, was not scanned. */
TL_CHECKED enum tl_code tl_skimmer_put_proposals(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *table,
                                                 const struct tl_source_dataset *dataset, struct tl_json_writer *json);
/* The body of a review (lifeguard.h) that accepts all proposals for the table, except where `body` says otherwise.
 * TL_CONFLICT: nothing is proposed. */
TL_CHECKED enum tl_code tl_skimmer_accept(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *table,
                                          const struct tl_source_dataset *dataset, const tl_json *body, const tl_json **ret_body);
/* The table was reviewed by a person: they knew what had been found. */
TL_CHECKED enum tl_code tl_skimmer_reviewed(struct tl_request *rq, tl_skimmer *skimmer, const struct tl_grant_scope *table);

#endif
