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

/* Results of the catalog's search: an array. */
TL_CHECKED enum tl_code tl_tool_find_datasets(struct tl_request *rq, tl_tools *tools, const struct tl_search_query *query, const tl_json **ret_results);
/* Those that are datasets, as search_datasets tells them. */
void tl_tool_put_datasets(struct tl_request *rq, const tl_json *results, struct tl_json_writer *json);
/* The name of a result of the search as it is written in SQL. */
const char *tl_tool_sql_name(tl_arena *arena, const tl_json *found);

/* Of what is kept: "memory-1f.."; NULL: rq->err. */
const char *tl_tool_new_id(struct tl_request *rq, const char *prefix);
/* {"action", "text"} on the audit's chain, before it is in force. */
TL_CHECKED enum tl_code tl_tool_record(struct tl_request *rq, tl_tools *tools, const char *kind, const char *id, const char *action, const char *text);
/* The caller may review everything, and is there in person. */
TL_CHECKED enum tl_code tl_tool_need_person(struct tl_request *rq, tl_tools *tools, const char *what);

#define TL_TOOL(name) enum tl_code tl_tool_##name(struct tl_tool_run *run, struct tl_json_writer *json)
TL_TOOL(start_query);
TL_TOOL(fetch_results);
TL_TOOL(check_access);
TL_TOOL(request_access);
TL_TOOL(search_datasets);
TL_TOOL(get_entity_details);
TL_TOOL(data_models);
TL_TOOL(create_chart);
TL_TOOL(save_query);
TL_TOOL(remember);

#endif
