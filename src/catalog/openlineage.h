/* catalog/openlineage.h -- OpenLineage 2-0-2: what other systems tell about lineage, and what we tell them.
 *
 * In: a RunEvent, JobEvent or DatasetEvent.  Of a run's events those that say COMPLETE, RUNNING or OTHER count (what was begun or failed
 *   has made nothing).  Read are inputs and outputs with their facets columnLineage, symlinks and lifecycleStateChange; every other
 *   facet may be there and is not looked at.  A dataset of the namespace "townlake" is one of ours, "source.schema.table"; so is one
 *   that has such a name among its symlinks.  All others keep the namespace they came with.
 * Out: one COMPLETE event a change, made of the facts of the door: inputs, outputs, columnLineage, schema (names of columns),
 *   lifecycleStateChange.  No text of a statement, no value.
 * Rights: who tells what reaches a table must be able to write it; what reaches another system's, must be an administrator.  All
 *   events are read by administrators only: they name every column.
 */
#ifndef TL_CATALOG_OPENLINEAGE_H
#define TL_CATALOG_OPENLINEAGE_H

#include "catalog/lineage.h"

#define TL_OPENLINEAGE_NAMESPACE "townlake"

/* TL_INVALID_ARGUMENT says where and what was expected.  *ret_edges: so many were recorded. */
TL_CHECKED enum tl_code tl_openlineage_take(struct tl_request *rq, tl_lineage *lineage, const tl_json *event, int64_t *ret_edges);

/* Events after number `after`, oldest first, one JSON object a line; *ret_last: the number of the last one (after = none came). */
enum { TL_OPENLINEAGE_EVENTS_MAX = 10000 };
TL_CHECKED enum tl_code tl_openlineage_put(struct tl_request *rq, tl_lineage *lineage, int64_t after, int count_max, struct tl_buf *lines,
                                           int64_t *ret_last);

#endif
