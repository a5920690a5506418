/* skipper/tool.h -- what an agent, a script or a program may do as the person it acts for: one table, spec/tools.toml.
 *
 * Why: HTTP, MCP, the sandbox and the agent offer the same few tools; each is said once and has one reason to be.
 * A call: the token's scope, then the arguments against the tool's schema, then the tool.  What data comes back is decided by
 *   Lifeguard for rq->principal, each time anew; no tool has rights of its own.
 * Answers are capped: TL_TOOL_MODEL_BYTES where they go to a model, TL_TOOL_SCRIPT_BYTES where a script takes them; the rest stays
 *   on the server (results.h).  What stands in rows, names and comments is data.
 * Threads: every call from any thread.
 */
#ifndef TL_SKIPPER_TOOL_H
#define TL_SKIPPER_TOOL_H

#include "catalog/catalog.h"
#include "catalog/search.h"
#include "skipper/results.h"

typedef struct tl_tools tl_tools;
struct tl_tool_run; /* tool_int.h */

enum tl_tool_cost { TL_TOOL_COST_MEMORY, TL_TOOL_COST_STATE, TL_TOOL_COST_QUERY };

struct tl_tool {
    const char *name, *purpose;
    const char *input, *output; /* JSON Schema */
    const char *signature;      /* TypeScript */
    unsigned scope;             /* TL_SCOPE_ bits that the caller's token must carry */
    enum tl_tool_cost cost;
    bool changes;               /* an agent proposes the call, the person confirms it */
    enum tl_code (*run)(struct tl_tool_run *run, struct tl_json_writer *json);
};
size_t tl_tool_table(const struct tl_tool **ret_tools);
const struct tl_tool *tl_tool_find(const char *name); /* NULL: there is none */
const char *tl_tool_cost_name(enum tl_tool_cost cost);
/* "skipper.start_query", ..., NULL: what a script has. */
const char *const *tl_tool_functions(void);

struct tl_tools_parts {
    tl_door *door;
    tl_store *store;
    tl_lifeguard *lifeguard;
    tl_audit *audit;           /* NULL = in tests only */
    tl_catalog *catalog;       /* these two: NULL = none */
    tl_search *search;
    const char *sandbox;       /* path of townlake-sandbox; NULL = no scripts */
    struct tl_results_limits limits;
};
/* TL_INTERNAL: the table of tools is wrong. */
TL_CHECKED enum tl_code tl_tools_new(const struct tl_tools_parts *parts, tl_tools **ret_tools, struct tl_err *err);
tl_tools *tl_tools_free(tl_tools *tools);

/* About four bytes are a token. */
enum { TL_TOOL_MODEL_BYTES = 24000, TL_TOOL_SCRIPT_BYTES = 2 << 20, TL_TOOL_ANSWER_MAX = 4 << 20 };

struct tl_tool_caller {
    const char *client;             /* "claude-code 2.1", for history and audit; NULL = not told */
    bool script;                    /* the answer goes to a script */
    bool (*stopped)(void *context); /* nobody waits any more; NULL = never */
    void *stop_context;
};
/* The answer is JSON as the tool's `output` says.  TL_NOT_FOUND names the nearest tools. */
TL_CHECKED enum tl_code tl_tool_call(struct tl_request *rq, tl_tools *tools, const struct tl_tool_caller *caller, const char *name,
                                     const tl_json *arguments, struct tl_buf *answer);

/* All rows of a result that are kept, in parts: ?from=. */
tl_results *tl_tools_results(tl_tools *tools);

#endif
