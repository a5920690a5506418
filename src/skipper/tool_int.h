/* skipper/tool_int.h -- one call of a tool, and the tools. */
#ifndef TL_SKIPPER_TOOL_INT_H
#define TL_SKIPPER_TOOL_INT_H

#include <pthread.h>

#include "skipper/execute.h"
#include "skipper/tool.h"

struct tl_tools {
    tl_arena *arena;
    struct tl_tools_parts parts;
    tl_results *results;
    const tl_json **inputs; /* of the table, read */
    pthread_mutex_t runs_lock;
    const char *runs[TL_EXECUTE_RUNS_MAX]; /* whose scripts run; NULL = a free place */
};

struct tl_tool_run {
    struct tl_request *rq;
    tl_tools *tools;
    const struct tl_tool_caller *caller;
    const tl_json *arguments; /* they fit */
};

/* A dataset by the name in the arguments. */
struct tl_tool_dataset {
    struct tl_grant_scope scope;
    struct tl_source_dataset dataset;
    const char **columns;
};
TL_CHECKED enum tl_code tl_tool_dataset(struct tl_tool_run *run, struct tl_tool_dataset *ret_dataset);

#define TL_TOOL(name) enum tl_code tl_tool_##name(struct tl_tool_run *run, struct tl_json_writer *json)
TL_TOOL(start_query);
TL_TOOL(fetch_results);
TL_TOOL(check_access);
TL_TOOL(request_access);

#endif
