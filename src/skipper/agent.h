/* skipper/agent.h -- a question answered by a language model that works with tools, in a loop with bounds.
 *
 * Why: what the deterministic planner cannot place still has an answer in the data; a model can look for it, and is watched.
 * How: the model gets high-level guidance (guidance.md), the conversation so far, and the tools.  What it calls is run, side by side
 *   where it calls several things at once, as the person who asks; what comes back, and what an examination of it found, goes back
 *   to the model, until it answers or a bound is met.
 * Wrong calls (unknown tools, arguments that do not fit, failed queries) go back to the model as errors with their hints.  The same
 *   call with the same arguments is not made a third time, and the fourth ends the loop.
 * Injection: whatever tools return goes to the model between marks that no data can know, as data.  Tools have only the person's
 *   rights.  A tool that changes something is not run: the call becomes an event, for the person to confirm.
 * Owns: everything of a question lives in rq->arena.  An agent is made once for the server and holds no conversation.
 * Threads: many questions at once.  Events and `stopped` are called on the thread of tl_agent_ask; tools are called on others too.
 * Bounds: struct tl_agent_budget; TL_AGENT_CALLS_MAX calls a step; a tool's answer of TL_AGENT_RESULT_MAX bytes goes to the model.
 * Cancel: rq->cancelled, rq->deadline_us and `stopped` are looked at every 100 ms, and passed on to the tools: TL_CANCELLED.
 */
#ifndef TL_SKIPPER_AGENT_H
#define TL_SKIPPER_AGENT_H

#include "base/request.h"
#include "skipper/model.h"

enum {
    TL_AGENT_CALLS_MAX = 16,  /* of one step; more are answered with an error */
    TL_AGENT_AT_ONCE_MAX = 4, /* run side by side */
    TL_AGENT_RESULT_MAX = 48 << 10,
    TL_AGENT_FINDINGS_MAX = 16,
    TL_AGENT_TURNS_MAX = 20, /* of the conversation; the oldest are left out */
    TL_AGENT_STEPS_MAX = 100,
    TL_AGENT_QUESTIONS_MAX = 1000, /* at once */
};

/* ---- tools, as the agent sees them ---- */

struct tl_agent_tool {
    struct tl_model_tool told;
    bool changes; /* only proposed, never called */
};

struct tl_agent_call {
    const char *id, *name;
    struct tl_str text;       /* the arguments as the model wrote them */
    const tl_json *arguments; /* an object */
};

struct tl_agent_result {
    struct tl_str json;         /* for the model */
    struct tl_str rows, chart;  /* JSON for the person; empty = none */
    size_t finding_count;
    const char *findings[TL_AGENT_FINDINGS_MAX]; /* what an examination of it found, a sentence each */
};

struct tl_agent_tools {
    size_t count;
    const struct tl_agent_tool *tools;
    /* From several threads at once, each with a request of its own, in whose arena the result lives.  rq->principal is the person,
     * with agent_call "SUFFIX/CALL"; rq->cancelled is set when nobody waits any more. */
    enum tl_code (*call)(void *context, struct tl_request *rq, const struct tl_agent_call *call, struct tl_agent_result *ret_result);
    /* Adds the members of the proof of an answer to an object; NULL = nothing. */
    void (*proof)(void *context, struct tl_json_writer *json);
    void *context;
};

/* ---- what happens, as it happens ---- */

enum tl_agent_event_kind {
    TL_AGENT_THOUGHT,    /* text: a piece of what the model shows of its thinking */
    TL_AGENT_TEXT,       /* text: a piece of what it says */
    TL_AGENT_TOOL_START, /* id, name, json: the arguments */
    TL_AGENT_TOOL_END,   /* id, name, failed, elapsed_us; json: {} or {"code", "message"} */
    TL_AGENT_ROWS,       /* id, json: rows for the person */
    TL_AGENT_CHART,      /* id, json */
    TL_AGENT_FINDING,    /* id, text */
    TL_AGENT_PROPOSAL,   /* id, name, json: a call for the person to confirm, by making it */
    TL_AGENT_PROOF,      /* json: queries, steps, tokens, cost, how it ended */
};
const char *tl_agent_event_name(enum tl_agent_event_kind kind); /* "tool_start" */

struct tl_agent_event {
    enum tl_agent_event_kind kind;
    const char *id, *name;
    struct tl_str text, json;
    bool failed;
    int64_t elapsed_us;
};

/* ---- a question ---- */

struct tl_agent_turn {
    const char *question, *answer; /* the answer in words, with the SQL where there was one */
};

struct tl_agent_question {
    const char *text;
    const char *conversation; /* its id, for the audit; NULL = none */
    size_t turn_count;        /* before this question, the oldest first */
    const struct tl_agent_turn *turns;
    const char *context;      /* more for the guidance, such as what the company's metrics are called; NULL = none */
    int64_t now_us;           /* the day that "today" is; 0 = now */
    struct tl_agent_tools tools;
    void (*event)(void *context, const struct tl_agent_event *event); /* NULL = nobody listens */
    bool (*stopped)(void *context);                                   /* NULL = never */
    void *context_of_events;
};

enum tl_agent_end {
    TL_AGENT_ANSWERED,
    TL_AGENT_CUT,     /* the answer was cut off by the length an answer may have */
    TL_AGENT_REFUSED, /* by the model or its provider */
    TL_AGENT_STEPS,   /* of these a bound was met; what was said until then is the answer */
    TL_AGENT_TIME,
    TL_AGENT_TOKENS,
    TL_AGENT_COST,
    TL_AGENT_LOOP,
};
const char *tl_agent_end_name(enum tl_agent_end end); /* "answered" */

struct tl_agent_outcome {
    enum tl_agent_end end;
    const char *text;    /* what the model said last, "" = nothing */
    const char *note;    /* why it ended, a sentence for the person; NULL when it is answered */
    int steps, calls, failed_calls;
    struct tl_model_usage usage;
    int64_t cost; /* in millionths of a unit of money */
};

struct tl_agent_budget {
    int steps;       /* questions to the model, 1 to TL_AGENT_STEPS_MAX */
    int64_t time_us;
    int64_t tokens;  /* 0 = no limit */
    int64_t cost;    /* in millionths of a unit of money; 0 = no limit */
};

struct tl_agent_options {
    tl_model *model; /* must outlive the agent */
    struct tl_agent_budget budget;
    int questions_max, user_questions_max; /* at once, of all and of one person; 0 = TL_AGENT_QUESTIONS_MAX */
    int64_t context_tokens; /* what the model can read at once; older results are left out before it is full; 0 = not known */
};

typedef struct tl_agent tl_agent;
TL_CHECKED enum tl_code tl_agent_new(const struct tl_agent_options *options, tl_agent **ret_agent, struct tl_err *err);
tl_agent *tl_agent_free(tl_agent *agent);
tl_model *tl_agent_model(const tl_agent *agent);

/* The outcome is filled also when it fails (then steps, usage and cost are what was spent).  TL_MODEL_UNAVAILABLE, TL_MODEL_FAILED,
 * TL_CANCELLED, TL_INVALID_ARGUMENT (an empty question), TL_TOO_MANY_REQUESTS. */
TL_CHECKED enum tl_code tl_agent_ask(struct tl_request *rq, tl_agent *agent, const struct tl_agent_question *question,
                                     struct tl_agent_outcome *ret_outcome);

#endif
