/* catalog/usage.h -- what the statements of the last weeks used: tables, columns, who, which column is joined with which, and examples.
 *
 * Why: what many people join and filter tells more of a table than its description.
 * From: the query history, statement by statement, once each, by its number in the event log.  Columns and joins come from the bound plan
 *   (engine/lineage.h), so they are what ran and not what a text looks like.  Statements that failed, and those of this program itself,
 *   do not count.
 * Kept: counts a week, for TL_USAGE_WEEKS weeks; of each table its TL_USAGE_EXAMPLES latest different statements, different with
 *   numbers and texts left out.
 * Rights: of a table only to who may see a column of it; columns and joins where the caller may see both sides; a statement of somebody else
 *   only when the caller may see all columns that it read, with numbers, texts and comments left out.
 * Threads: every call from any thread, tl_usage_follow from one at a time.
 */
#ifndef TL_CATALOG_USAGE_H
#define TL_CATALOG_USAGE_H

#include "data/json.h"
#include "lifeguard/clearance.h"

enum { TL_USAGE_WEEKS = 13, TL_USAGE_RECENT_WEEKS = 4, TL_USAGE_EXAMPLES = 20 };

/* Takes in what was not yet, at most some thousand statements; *ret_more: there are others. */
TL_CHECKED enum tl_code tl_usage_follow(tl_store *store, bool *ret_more, struct tl_err *err);

/* Statements of the recent weeks over the table. */
TL_CHECKED enum tl_code tl_usage_count(tl_store_tx *tx, const struct tl_grant_scope *table, int64_t *ret_statements, struct tl_err *err);

/* Members of an object: "statements", "weeks", "users", "columns", "joins", "examples"; absent where the caller may not see the table. */
TL_CHECKED enum tl_code tl_usage_put(struct tl_request *rq, tl_store *store, tl_lifeguard *lifeguard, const struct tl_grant_scope *table,
                                     struct tl_json_writer *json);
/* An array of the tables used most in the recent weeks, of those of which the caller may see a column. */
TL_CHECKED enum tl_code tl_usage_put_popular(struct tl_request *rq, tl_store *store, tl_lifeguard *lifeguard, size_t count_max, struct tl_json_writer *json);

#endif
