/* Search over HTTP. */
#include <stdlib.h>

#include "api/api_int.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 };

static void answer(struct tl_api_call *call, enum tl_code code, struct tl_buf *json)
{
    if (code == TL_OK && json->failed)
        code = tl_err_set(&call->rq.err, TL_TOO_LARGE, "the answer is longer than %d bytes; ask for fewer results", ANSWER_MAX);
    if (code == TL_OK) {
        tl_api_reply_json(call, 200, json);
        return;
    }
    tl_buf_done(json);
    tl_api_fail(call);
}

static enum tl_code read_count(struct tl_api_call *call, size_t *ret_count)
{
    const char *text = tl_http_query_param(call->exchange, "count");
    char *end = NULL;
    long count = text ? strtol(text, &end, 10) : 0;
    if (text && (!*text || *end || count < 1 || count > TL_SEARCH_RESULTS_MAX))
        return tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "\"count\" is a number from 1 to %d", TL_SEARCH_RESULTS_MAX);
    *ret_count = (size_t)count;
    return TL_OK;
}

void tl_api_search(struct tl_api_call *call)
{
    tl_http_exchange *exchange = call->exchange;
    struct tl_search_query query = {
        .text = tl_http_query_param(exchange, "q"),
        .source = tl_http_query_param(exchange, "source"),
        .tag = tl_http_query_param(exchange, "tag"),
        .owner = tl_http_query_param(exchange, "owner"),
        .domain = tl_http_query_param(exchange, "domain"),
        .kind = tl_http_query_param(exchange, "kind"),
        .curated = tl_streq(tl_http_query_param(exchange, "curated"), "true"),
    };
    bool asked = query.text || query.source || query.tag || query.owner || query.domain || query.kind || query.curated;
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    enum tl_code code = read_count(call, &query.count_max);
    if (code == TL_OK && asked)
        code = tl_search_run(&call->rq, call->api->parts.search, &query, &json);
    else if (code == TL_OK)
        tl_search_put_status(call->api->parts.search, &json);
    tl_json_end_object(&json);
    answer(call, code, &buf);
}

void tl_api_search_rebuild(struct tl_api_call *call)
{
    tl_api_reply_done(call, tl_search_rebuild(&call->rq, call->api->parts.search));
}
