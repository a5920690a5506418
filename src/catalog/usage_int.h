/* catalog/usage_int.h -- what is kept of usage, and who may see it. */
#ifndef TL_CATALOG_USAGE_INT_H
#define TL_CATALOG_USAGE_INT_H

#include "catalog/usage.h"

#define USAGE_WEEK_US ((int64_t)7 * 24 * 3600 * 1000000)

/* What is counted (catalog_usage.kind). */
#define USAGE_TABLE "table"   /* item '' */
#define USAGE_USER "user"     /* item: the user */
#define USAGE_COLUMN "column" /* item: the column */
#define USAGE_JOIN "join"     /* item: ["column", "source", "schema", "table", "column of that"] */

/* The text with numbers, texts and comments left out, on one line: how it is shown to others. */
const char *usage_general(tl_arena *arena, struct tl_str text);

#endif
