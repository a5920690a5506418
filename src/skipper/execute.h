/* skipper/execute.h -- Code Mode: one script, run in the sandbox, that calls the tools as the person it acts for.
 *
 * Why: five tools called one by one are five round trips through a model; a script is one, and it can be read afterwards.
 * How: each call of skipper.NAME is a call of the tool on a thread of its own, at most those the sandbox lets out at a time.
 * Audit: before the first line runs, the script is on the record ("script", subject: the run's id), and afterwards its steps
 *   ("script_ended").  Statements of the script carry the client as agent and "RUN/STEP" as its call.  Without the record no run.
 * Bounds: those of sandbox.h; runs at once, in all and of one person.
 * Threads: any.  The calling thread waits, looks whether somebody still waits for it, and hands on progress.
 */
#ifndef TL_SKIPPER_EXECUTE_H
#define TL_SKIPPER_EXECUTE_H

#include "skipper/tool.h"

enum { TL_EXECUTE_SCRIPT_MAX = 128 * 1024, TL_EXECUTE_RUNS_MAX = 32, TL_EXECUTE_USER_RUNS_MAX = 4 };

struct tl_execute_job {
    struct tl_str script;
    struct tl_tool_caller caller;
    /* On the calling thread, soon after it has begun: step number `step`, of this tool.  NULL = none. */
    void (*progress)(void *context, int step, const char *tool);
    void *progress_context;
};

/* A script that fails is TL_OK and told in the answer: {"runId", "state": as tl_sandbox_end_name, "result", "console": [..],
 * "error": {"message", "line", "column", "stack"}, "steps": [{"step", "tool", "queryId", "code", "ms"}], "wallMs"}.
 * *ret_done: it came to its end.  `result` is cut to TL_TOOL_MODEL_BYTES of text: then it is a text, and "cut" says how long it was. */
TL_CHECKED enum tl_code tl_execute(struct tl_request *rq, tl_tools *tools, const struct tl_execute_job *job, struct tl_json_writer *json,
                                  bool *ret_done);

#endif
