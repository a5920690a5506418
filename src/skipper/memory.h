/* skipper/memory.h -- what people had remembered for the next question: corrections, filters, tables to leave alone.
 *
 * Scope: `user` is its author's own and counts at once; `team` (a group) and `all` count only after a person who may review
 *   everything has approved it.  What an agent says on a person's behalf is never approval: that needs the person's own act.
 * A memory has an author, evidence, an end, and may carry a check: a question, and what the answer's SQL must and must not use.
 * Rights: it is text, and shown as text; it opens nothing.  Who approves one for others reads it first.
 * Record: each change is on the audit's chain before it is in force.  Bounds: MEMORY_USER_MAX of one author, 2,000 looked at.
 */
#ifndef TL_SKIPPER_MEMORY_H
#define TL_SKIPPER_MEMORY_H

#include "skipper/tool.h"

/* {"text", "scope", "team", "evidence", "expires", "check"}: checked against the tool's schema.  *ret_state "active" or "proposed". */
TL_CHECKED enum tl_code tl_memory_add(struct tl_request *rq, tl_tools *tools, const tl_json *wish, const char **ret_id, const char **ret_state);
/* Those that count for the caller and have words of the question, best first; question NULL: all that the caller may see, also the
 * proposed.  An array. */
TL_CHECKED enum tl_code tl_memory_recall(struct tl_request *rq, tl_store *store, const char *question, size_t count_max, struct tl_json_writer *json);
/* By who may review everything, and not through an agent. */
TL_CHECKED enum tl_code tl_memory_decide(struct tl_request *rq, tl_tools *tools, const char *id, bool approve);
/* By its author, or who may review everything. */
TL_CHECKED enum tl_code tl_memory_forget(struct tl_request *rq, tl_tools *tools, const char *id);

#endif
