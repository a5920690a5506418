/* Where data comes from and where it goes, over HTTP. */
#include <stdio.h>
#include <stdlib.h>

#include "api/api_int.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 };

static enum tl_code read_question(struct tl_api_call *call, struct tl_lineage_question *ret_question)
{
    const char *direction = tl_http_query_param(call->exchange, "direction"), *depth = tl_http_query_param(call->exchange, "depth");
    *ret_question = (struct tl_lineage_question){.dataset = tl_http_query_param(call->exchange, "dataset"),
                                                 .column = tl_http_query_param(call->exchange, "column"),
                                                 .down = tl_streq(direction, "down")};
    struct tl_err *err = &call->rq.err;
    if (!ret_question->dataset)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the parameter \"dataset\" is missing");
    if (direction && !tl_streq(direction, "up") && !tl_streq(direction, "down"))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"direction\" is \"up\" or \"down\", not \"%.100s\"", direction);
    char *end = NULL;
    long steps = depth ? strtol(depth, &end, 10) : 0;
    if (depth && (!*depth || *end || steps < 1 || steps > TL_LINEAGE_DEPTH_MAX))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"depth\" is a number from 1 to %d, not \"%.100s\"", TL_LINEAGE_DEPTH_MAX, depth);
    ret_question->depth = (int)steps;
    return TL_OK;
}

void tl_api_lineage(struct tl_api_call *call)
{
    struct tl_lineage_question question;
    struct tl_buf buf;
    struct tl_json_writer json;
    enum tl_code code = read_question(call, &question);
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    if (code == TL_OK)
        code = tl_lineage_put(&call->rq, call->api->parts.lineage, &question, &json);
    tl_json_end_object(&json);
    tl_api_finish(call, code, &buf);
}

void tl_api_lineage_take(struct tl_api_call *call)
{
    const tl_json *event = tl_api_read_body(call);
    int64_t edges = 0;
    struct tl_buf buf;
    struct tl_json_writer json;
    if (!event)
        return;
    enum tl_code code = tl_openlineage_take(&call->rq, call->api->parts.lineage, event, &edges);
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_int64(&json, "edges", edges);
    tl_json_end_object(&json);
    tl_api_finish(call, code, &buf);
}

/* Lines of JSON; X-Townlake-Last tells where the next question goes on. */
void tl_api_lineage_events(struct tl_api_call *call)
{
    const char *after = tl_http_query_param(call->exchange, "after");
    char *end = NULL;
    long long number = after ? strtoll(after, &end, 10) : 0;
    if (after && (!*after || *end || number < 0)) {
        tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "\"after\" is the number of an event, not \"%.100s\"", after);
        tl_api_fail(call);
        return;
    }
    int64_t last;
    char text[32];
    struct tl_buf lines;
    tl_buf_init(&lines, ANSWER_MAX);
    int count = tl_api_count_param(call, 1000, TL_OPENLINEAGE_EVENTS_MAX);
    if (tl_openlineage_put(&call->rq, call->api->parts.lineage, number, count, &lines, &last) == TL_OK) {
        snprintf(text, sizeof text, "%lld", (long long)last);
        tl_http_set_header(call->exchange, "X-Townlake-Last", text);
        tl_http_allow_gzip(call->exchange);
        tl_http_respond(call->exchange, 200, "application/x-ndjson", (struct tl_str){tl_buf_cstr(&lines), lines.size}, false);
    } else {
        tl_api_fail(call);
    }
    tl_buf_done(&lines);
}

void tl_api_datahub_take(struct tl_api_call *call)
{
    struct tl_str body = tl_http_body(call->exchange);
    const tl_json *proposals;
    int64_t edges = 0, left = 0;
    struct tl_buf buf;
    struct tl_json_writer json;
    enum tl_code code = tl_json_parse(call->rq.arena, body.data, body.size, &proposals, &call->rq.err);
    if (code == TL_OK)
        code = tl_datahub_take(&call->rq, call->api->parts.lineage, proposals, &edges, &left);
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_int64(&json, "edges", edges);
    tl_json_pair_int64(&json, "left", left);
    tl_json_end_object(&json);
    tl_api_finish(call, code, &buf);
}

void tl_api_datahub_put(struct tl_api_call *call)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_api_finish(call, tl_datahub_put(&call->rq, call->api->parts.lineage, tl_http_query_param(call->exchange, "source"), &json), &buf);
}
