/* The tools that run SQL: start_query and fetch_results. */
#include "skipper/tool_int.h"

enum { WAIT_S = 20, MODEL_ROWS = 200, SCRIPT_ROWS = 10000, HEAD_BYTES = 1000 };

static size_t number(const tl_json *arguments, const char *name, size_t fallback)
{
    int64_t value;
    return tl_json_int64(tl_json_get(arguments, name), &value) ? (size_t)value : fallback;
}

TL_TOOL(start_query)
{
    const struct tl_session session = {
        .catalog = tl_json_get_text(run->arguments, "catalog"),
        .schema = tl_json_get_text(run->arguments, "schema"),
        .source = "skipper",
        .client_info = run->caller->client,
        .client_tags = run->rq->principal->agent_call,
    };
    const char *id;
    enum tl_code code = tl_results_start(run->rq, run->tools->results, &session, tl_json_str(tl_json_get(run->arguments, "sql")), &id);
    if (code == TL_OK)
        tl_json_put_text(json, id);
    return code;
}

TL_TOOL(fetch_results)
{
    const char *id = tl_json_get_text(run->arguments, "queryId"), *mode = tl_json_get_text(run->arguments, "mode");
    bool display = tl_streq(mode, "display");
    double wait_s = WAIT_S;
    tl_json_double(tl_json_get(run->arguments, "waitSeconds"), &wait_s);
    struct tl_results_want want = {
        .from = number(run->arguments, "from", 0),
        .rows_max = number(run->arguments, "limit", run->caller->script ? SCRIPT_ROWS : MODEL_ROWS),
        .bytes_max = run->caller->script ? TL_TOOL_SCRIPT_BYTES : TL_TOOL_MODEL_BYTES,
        .rows = !display,
        .wait_us = (int64_t)(wait_s * 1e6),
        .stopped = run->caller->stopped,
        .stop_context = run->caller->stop_context,
    };
    tl_json_begin_object(json);
    enum tl_code code = tl_results_put(run->rq, run->tools->results, id, &want, json);
    if (code == TL_OK && (display || tl_streq(mode, "both")))
        tl_json_pair_text(json, "link", tl_arena_printf(run->rq->arena, "/api/v1/results/%s", id));
    tl_json_end_object(json);
    return code;
}
