/* lake/filter.h -- which files may hold rows that a condition asks for.
 *
 * Why: a manifest list says between what partitions a manifest lies, a manifest says between what values a file's columns lie;
 *   what cannot match need not be read.  "May match" is the only answer: whoever reads the file applies the condition itself.
 * Form: Iceberg's expression JSON, as the REST catalog's scan planning sends it.  NOT is pushed to the leaves; a leaf that this
 *   program does not understand (a term with a transform) may always match.
 * Rows whose value is null or NaN are never ruled out for a comparison that some engine lets them pass.
 */
#ifndef TL_LAKE_FILTER_H
#define TL_LAKE_FILTER_H

#include "lake/manifest.h"
#include "lake/type.h"

enum { TL_LAKE_FILTER_DEPTH_MAX = 100, TL_LAKE_FILTER_LEAVES_MAX = 10000, TL_LAKE_FILTER_VALUES_MAX = 100000 };

typedef struct tl_lake_filter tl_lake_filter;

/* *ret_filter NULL: there is no condition.  TL_INVALID_ARGUMENT for what is no expression, TL_COLUMN_NOT_FOUND. */
TL_CHECKED enum tl_code tl_lake_filter_parse(tl_arena *arena, const struct tl_lake_schema *schema, const tl_json *json,
                                             const tl_lake_filter **ret_filter, struct tl_err *err);
/* filter NULL: everything matches.  types: tl_lake_spec_types of the spec. */
bool tl_lake_filter_manifest(const tl_lake_filter *filter, const struct tl_lake_spec *spec, const struct tl_lake_type *types,
                             const struct tl_lake_manifest *manifest);
bool tl_lake_filter_partition(const tl_lake_filter *filter, const struct tl_lake_spec *spec, const struct tl_lake_type *types,
                              const struct tl_lake_value *values);
/* By the file's counts and bounds. */
bool tl_lake_filter_file(const tl_lake_filter *filter, const struct tl_lake_file *file);

#endif
