/* catalog/datahub.h -- metadata as DataHub's change proposals: a JSON array of {"entityType","entityUrn","changeType","aspectName",
 *   "aspect":{"json":{..}}}, the form of its file source.
 *
 * Out: for each table and view its schemaMetadata, datasetProperties (the comment) and upstreamLineage with fineGrainedLineages; the
 *   columns that the caller may see.  A dataset's URN has the platform "townlake" and the name "source.schema.table".
 * In: upstreamLineage; it takes the place of what was told the same way before.  Other aspects are counted and left.  All or nothing.
 * Rights: as openlineage.h.
 */
#ifndef TL_CATALOG_DATAHUB_H
#define TL_CATALOG_DATAHUB_H

#include "catalog/lineage.h"

enum { TL_DATAHUB_PROPOSALS_MAX = 50000, TL_DATAHUB_DATASETS_MAX = 20000 };

/* source NULL = all.  TL_TOO_LARGE beyond TL_DATAHUB_DATASETS_MAX datasets. */
TL_CHECKED enum tl_code tl_datahub_put(struct tl_request *rq, tl_lineage *lineage, const char *source, struct tl_json_writer *json);
/* TL_INVALID_ARGUMENT says which proposal and what was expected. */
TL_CHECKED enum tl_code tl_datahub_take(struct tl_request *rq, tl_lineage *lineage, const tl_json *proposals, int64_t *ret_edges, int64_t *ret_left);

#endif
