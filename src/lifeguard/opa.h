/* lifeguard/opa.h -- the rules as Trino's OPA plugin asks for them (Trino 476: `access-control.name=opa`).
 *
 * Why: rules.json (lifeguard/trino.h) is fetched once in a while; who wants a denial to hold for the next statement lets Trino ask
 *   each time.  Both answer from the same decisions.
 * Questions and answers, each {"input": {"context": {"identity": {"user"}}, "action": {"operation", "resource" | "filterResources"}}}:
 *   allow             {"result": true}            opa.policy.uri
 *   batch             {"result": [0, 2]}          opa.policy.batched-uri: which of the resources, or of the columns of the one table
 *   row filters       {"result": [{"expression", "identity"}]}      opa.policy.row-filters-uri
 *   column mask       {"result": {"expression", "identity"}} or {}  opa.policy.column-masking-uri
 *   column masks      {"result": [{"index", "viewExpression": ..}]} opa.policy.batch-column-masking-uri
 * Who: the user as last seen here with their groups; what Trino says of groups counts nothing.  `name+pii` is a session with personal
 *   data; whoever else has a "+" is nobody.  The user "townlake+rules", as whom filters and masks are computed, may read and may
 *   start nothing.
 * Closed: unknown operations, resources and users are not allowed.
 */
#ifndef TL_LIFEGUARD_OPA_H
#define TL_LIFEGUARD_OPA_H

#include "lifeguard/trino.h"

enum tl_opa_question { TL_OPA_ALLOW, TL_OPA_BATCH, TL_OPA_ROW_FILTERS, TL_OPA_COLUMN_MASK, TL_OPA_COLUMN_MASKS };

/* What there is: from the registry. */
struct tl_opa_world {
    void *context;
    tl_trino_lookup dataset;
    bool (*has_schema)(void *context, const char *source, const char *schema); /* schema NULL: is there such a source */
};

TL_CHECKED enum tl_code tl_lifeguard_opa(struct tl_request *rq, tl_lifeguard *lifeguard, enum tl_opa_question question, const tl_json *body,
                                         const struct tl_opa_world *world, struct tl_buf *json);

#endif
