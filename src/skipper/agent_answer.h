/* skipper/agent_answer.h -- the agent as one of those who answer questions (ask.h): what the planner does not take goes to the model.
 *
 * Told as events besides those of ask.h: "thought" and "text_piece" {"text"}, while they come; "tool_start" {"id", "name", "arguments"};
 *   "tool_end" {"id", "name", "failed", "elapsed_ms", "error"}; "chart"; "proposal" {"id", "tool", "arguments"}: a call that changes
 *   something, which the person confirms by making it (POST /api/v1/tools/TOOL).  "text" is the answer in words, whole; "columns"
 *   begins a new table; "proof" names the model, the queries with their SQL, steps, tokens and cost.
 *   "memories": what people had remembered that bears on the question, as it was told to the model.
 * Told to the model besides the conversation: what the company's metrics and tables are called (from the semantic models), and those
 *   memories.
 * A question that met a bound, or that the model refused, ends with "refusal" {"reason"}.
 * Owns: nothing of its parts, which must outlive it.  Threads: any.
 */
#ifndef TL_SKIPPER_AGENT_ANSWER_H
#define TL_SKIPPER_AGENT_ANSWER_H

#include "skipper/agent_kit.h"
#include "skipper/ask.h"

struct tl_agent_answer_parts {
    tl_agent *agent;
    tl_tools *tools;
    tl_ask *ask;     /* where the turns before and the semantic models are read */
    tl_store *store; /* where memories are */
};
/* parts stay where they are. */
struct tl_answerer tl_agent_answerer(struct tl_agent_answer_parts *parts);

#endif
