/* Skipper's tools over HTTP, and the rows that results of theirs keep. */
#include <stdlib.h>
#include <string.h>

#include "api/api_int.h"
#include "skipper/memory.h"
#include "skipper/saved.h"

enum { ANSWER_MAX = 16 << 20, PAGE_BYTES = 4 << 20, PAGE_ROWS = 100000, CLIENT_MAX = 100, MEMORIES = 1000 };

static void put_schema(struct tl_json_writer *json, const char *key, const char *schema)
{
    tl_json_key(json, key);
    tl_json_put_raw(json, tl_str_of(schema));
}

void tl_api_tools_list(struct tl_api_call *call)
{
    const struct tl_tool *tools;
    size_t count = tl_tool_table(&tools);
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "tools");
    tl_json_begin_array(&json);
    for (size_t i = 0; i < count; i++) {
        tl_json_begin_object(&json);
        tl_json_pair_text(&json, "name", tools[i].name);
        tl_json_pair_text(&json, "purpose", tools[i].purpose);
        tl_json_pair_text(&json, "signature", tools[i].signature);
        tl_json_pair_text(&json, "cost", tl_tool_cost_name(tools[i].cost));
        put_schema(&json, "input", tools[i].input);
        put_schema(&json, "output", tools[i].output);
        tl_json_end_object(&json);
    }
    tl_json_end_array(&json);
    tl_json_end_object(&json);
    tl_api_reply_json(call, 200, &buf);
}

void tl_api_finish(struct tl_api_call *call, enum tl_code code, struct tl_buf *json)
{
    if (code == TL_OK && json->failed)
        code = tl_err_set(&call->rq.err, TL_TOO_LARGE, "the answer is longer than %zu bytes", json->max_size);
    if (code == TL_OK) {
        tl_api_reply_json(call, 200, json);
        return;
    }
    tl_buf_done(json);
    tl_api_fail(call);
}

/* Asked from the thread of the exchange only. */
static bool client_gone(void *exchange)
{
    return tl_http_client_gone(exchange);
}

void tl_api_tool_call(struct tl_api_call *call)
{
    const tl_json *arguments = tl_api_read_body(call);
    if (!arguments)
        return;
    const char *agent = tl_http_header(call->exchange, "User-Agent");
    struct tl_str client = tl_utf8_cut(tl_str_of(agent), CLIENT_MAX);
    struct tl_tool_caller caller = {
        .client = agent ? tl_arena_strndup(call->rq.arena, client.data, client.size) : NULL,
        .stopped = client_gone,
        .stop_context = call->exchange,
    };
    struct tl_buf answer;
    tl_buf_init(&answer, TL_TOOL_ANSWER_MAX);
    tl_api_finish(call, tl_tool_call(&call->rq, call->api->parts.tools, &caller, tl_api_param(call, "name"), arguments, &answer), &answer);
}

void tl_api_result_get(struct tl_api_call *call)
{
    const char *from = tl_http_query_param(call->exchange, "from");
    struct tl_results_want want = {
        .from = from ? strtoul(from, NULL, 10) : 0,
        .rows_max = (size_t)tl_api_count_param(call, PAGE_ROWS, PAGE_ROWS),
        .bytes_max = PAGE_BYTES,
        .rows = true,
    };
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    enum tl_code code = tl_results_put(&call->rq, tl_tools_results(call->api->parts.tools), tl_api_param(call, "id"), &want, &json);
    tl_json_end_object(&json);
    tl_api_finish(call, code, &buf);
}

void tl_api_result_drop(struct tl_api_call *call)
{
    tl_results_drop(&call->rq, tl_tools_results(call->api->parts.tools), tl_api_param(call, "id"));
    tl_api_reply_done(call, TL_OK);
}

/* ---- what is kept for later ---- */

void tl_api_saved_list(struct tl_api_call *call)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "queries");
    enum tl_code code = tl_saved_list(&call->rq, call->api->parts.tools, &json);
    tl_json_end_object(&json);
    tl_api_finish(call, code, &buf);
}

void tl_api_saved_verify(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_saved_verify(&call->rq, call->api->parts.tools, tl_api_param(call, "id"), true));
}

void tl_api_saved_unverify(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_saved_verify(&call->rq, call->api->parts.tools, tl_api_param(call, "id"), false));
}

void tl_api_saved_drop(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_saved_drop(&call->rq, call->api->parts.tools, tl_api_param(call, "id")));
}

void tl_api_memory_list(struct tl_api_call *call)
{
    const char *query = tl_http_query_param(call->exchange, "query");
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "memories");
    enum tl_code code = tl_memory_recall(&call->rq, call->api->parts.store, query, (size_t)tl_api_count_param(call, MEMORIES, MEMORIES), &json);
    tl_json_end_object(&json);
    tl_api_finish(call, code, &buf);
}

void tl_api_memory_approve(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_memory_decide(&call->rq, call->api->parts.tools, tl_api_param(call, "id"), true));
}

void tl_api_memory_deny(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_memory_decide(&call->rq, call->api->parts.tools, tl_api_param(call, "id"), false));
}

void tl_api_memory_forget(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_memory_forget(&call->rq, call->api->parts.tools, tl_api_param(call, "id")));
}
