/* catalog/datahub_int.h -- DataHub's names of things, for tests. */
#ifndef TL_CATALOG_DATAHUB_INT_H
#define TL_CATALOG_DATAHUB_INT_H

#include "catalog/datahub.h"
#include "catalog/lineage_int.h"

enum { DH_URN_BYTES_MAX = 8192 };

/* "urn:li:dataset:(urn:li:dataPlatform:PLATFORM,NAME,ENVIRONMENT)"; of the platform "townlake" the name has three parts. */
bool dh_read_dataset(tl_arena *arena, const char *urn, struct lin_name *ret_name);
/* "urn:li:schemaField:(DATASET,FIELD)" */
bool dh_read_field(tl_arena *arena, const char *urn, struct lin_name *ret_name, const char **ret_column);
void dh_put_dataset(struct tl_buf *buf, const struct lin_name *name);
void dh_put_field(struct tl_buf *buf, const struct lin_name *name, const char *column);

#endif
