/* skipper/proof.h -- the proof card: what an answer rests on, and whether the checks of it hold.
 *
 * Why: who reads a number must be able to see the SQL, the tables, the rows that went in and out of each join, what is masked, and
 *   what looked odd, without asking anybody.
 * Checks run as the caller, each a statement of its own on the record.
 */
#ifndef TL_SKIPPER_PROOF_H
#define TL_SKIPPER_PROOF_H

#include "skipper/ask.h"

struct tl_proof {
    const tl_semantic *model;
    const struct tl_metric_query *query;
    const struct tl_metric_sql *sql;
    const struct tl_ask_result *result;
    const char *reading, *answerer;
    int64_t now_us;
};

/* Looks at the result, tells each finding and then the proof. */
void tl_proof_tell(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const struct tl_proof *proof, const struct tl_ask_sink *sink);

#endif
