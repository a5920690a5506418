#include "skipper/tool.h"

#include <stdlib.h>
#include <string.h>

#include "data/schema.h"
#include "skipper/tool_int.h"
#include "tool_table.h" /* generated: tool_table[], function_table[] */

enum { TOOLS = sizeof tool_table / sizeof *tool_table, ARENA_MAX = 4 << 20, NEAR = 4 };

size_t tl_tool_table(const struct tl_tool **ret_tools)
{
    *ret_tools = tool_table;
    return TOOLS;
}

static int index_of(const char *name)
{
    for (int i = 0; i < (int)TOOLS; i++)
        if (strcmp(tool_table[i].name, name) == 0)
            return i;
    return -1;
}

const struct tl_tool *tl_tool_find(const char *name)
{
    int index = index_of(name);
    return index < 0 ? NULL : &tool_table[index];
}

const char *tl_tool_cost_name(enum tl_tool_cost cost)
{
    static const char *const names[] = {"memory", "state", "query"};
    return names[cost];
}

const char *const *tl_tool_functions(void)
{
    return function_table;
}

static enum tl_code read_schema(tl_tools *tools, const char *text, const tl_json **ret_schema, struct tl_err *err)
{
    enum tl_code code = tl_json_parse(tools->arena, text, strlen(text), ret_schema, err);
    return code == TL_OK ? tl_schema_verify(*ret_schema, err) : code;
}

enum tl_code tl_tools_new(const struct tl_tools_parts *parts, tl_tools **ret_tools, struct tl_err *err)
{
    tl_tools *tools = tl_heap_alloc(sizeof *tools);
    enum tl_code code = TL_OK;
    tools->arena = tl_arena_new(ARENA_MAX);
    tools->parts = *parts;
    tools->parts.sandbox = tl_arena_strdup(tools->arena, parts->sandbox);
    tools->inputs = TL_NEW_ARRAY(tools->arena, const tl_json *, TOOLS);
    for (size_t i = 0; i < TOOLS && code == TL_OK; i++) {
        const tl_json *output;
        code = read_schema(tools, tool_table[i].input, &tools->inputs[i], err);
        if (code == TL_OK)
            code = read_schema(tools, tool_table[i].output, &output, err);
    }
    pthread_mutex_init(&tools->runs_lock, NULL);
    tools->results = tl_results_new(parts->door, &parts->limits);
    if (code == TL_OK)
        *ret_tools = tools;
    else
        tl_tools_free(tools);
    return code;
}

tl_tools *tl_tools_free(tl_tools *tools)
{
    if (!tools)
        return NULL;
    tl_results_free(tools->results);
    pthread_mutex_destroy(&tools->runs_lock);
    tl_arena_free(tools->arena);
    free(tools);
    return NULL;
}

tl_results *tl_tools_results(tl_tools *tools)
{
    return tools->results;
}

static enum tl_code no_such_tool(struct tl_request *rq, const char *name)
{
    const char *nearest = NULL;
    int best = NEAR + 1;
    for (size_t i = 0; i < TOOLS; i++) {
        int distance = tl_edit_distance(tool_table[i].name, name, NEAR);
        if (distance < best) {
            best = distance;
            nearest = tool_table[i].name;
        }
    }
    tl_err_set(&rq->err, TL_NOT_FOUND, "there is no tool \"%.60s\"", name);
    if (nearest)
        tl_err_hint(&rq->err, "did you mean \"%s\"?", nearest);
    return TL_NOT_FOUND;
}

static enum tl_code check_call(struct tl_request *rq, const tl_tools *tools, int index, const tl_json *arguments)
{
    const struct tl_tool *tool = &tool_table[index];
    if (!rq->principal)
        return tl_err_set(&rq->err, TL_UNAUTHENTICATED, "a tool acts for a person, and none is told");
    if (rq->principal->withheld & tool->scope) {
        tl_err_set(&rq->err, TL_NOT_ALLOWED, "the token lacks a scope that \"%s\" needs", tool->name);
        tl_err_hint(&rq->err, "docs/reference/tools.md says which; townlake token create --scope makes a token that has it");
        return TL_NOT_ALLOWED;
    }
    return tl_schema_check(tools->inputs[index], arguments, &rq->err);
}

enum tl_code tl_tool_call(struct tl_request *rq, tl_tools *tools, const struct tl_tool_caller *caller, const char *name,
                          const tl_json *arguments, struct tl_buf *answer)
{
    int index = index_of(name);
    if (index < 0)
        return no_such_tool(rq, name);
    if (check_call(rq, tools, index, arguments) != TL_OK)
        return rq->err.code;
    struct tl_tool_run run = {rq, tools, caller, arguments};
    struct tl_json_writer json;
    tl_json_writer_init(&json, answer);
    enum tl_code code = tool_table[index].run(&run, &json);
    if (code == TL_OK && answer->failed)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "the answer of \"%s\" is longer than %zu bytes", name, answer->max_size);
    return code;
}

enum tl_code tl_tool_dataset(struct tl_tool_run *run, struct tl_tool_dataset *ret_dataset)
{
    const char *name = tl_json_get_text(run->arguments, "dataset");
    enum tl_code code = tl_door_find_dataset(run->rq, run->tools->parts.door, name, &ret_dataset->scope, &ret_dataset->dataset);
    if (code != TL_OK)
        return code;
    ret_dataset->columns = TL_NEW_ARRAY(run->rq->arena, const char *, ret_dataset->dataset.column_count);
    for (size_t i = 0; i < ret_dataset->dataset.column_count; i++)
        ret_dataset->columns[i] = ret_dataset->dataset.columns[i].name;
    return TL_OK;
}
