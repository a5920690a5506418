/* skipper/agent_kit.h -- the table of tools (tool.h) as the agent takes it, the examination of what queries return, and the proof.
 *
 * Examined, of each part of a result that goes to the model: no rows, one row of NULLs, columns that are NULL in half of the rows or
 *   more, rows that were left out.
 * Proof: every query that was started, with its SQL, its id, how many rows it had, and what was found.
 * Owns: a kit lives in an arena and is of one question.  Threads: its calls come from any thread.
 */
#ifndef TL_SKIPPER_AGENT_KIT_H
#define TL_SKIPPER_AGENT_KIT_H

#include "skipper/agent.h"
#include "skipper/tool.h"

enum { TL_AGENT_KIT_QUERIES_MAX = 200 };

struct tl_agent_tools tl_agent_kit(tl_arena *arena, tl_tools *tools);
/* Ends the queries that were started and not read to their end: nobody waits for them any more. */
void tl_agent_kit_end(struct tl_request *rq, const struct tl_agent_tools *tools);
/* What there is to say of fetch_results' answer. */
void tl_agent_examine(tl_arena *arena, const tl_json *result, struct tl_agent_result *ret_result);

#endif
