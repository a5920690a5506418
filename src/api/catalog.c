/* The catalog over HTTP. */
#include "api/api_int.h"
#include "base/clock.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, CRAWL_TIME_US = 300 * 1000000 };

static void answer(struct tl_api_call *call, enum tl_code code, struct tl_buf *json)
{
    if (code == TL_OK && json->failed)
        code = tl_err_set(&call->rq.err, TL_TOO_LARGE, "the answer is longer than %d bytes; ask for less at once", ANSWER_MAX);
    if (code == TL_OK) {
        tl_api_reply_json(call, 200, json);
        return;
    }
    tl_buf_done(json);
    tl_api_fail(call);
}

static const char *need_param(struct tl_api_call *call, const char *name)
{
    const char *value = tl_http_query_param(call->exchange, name);
    if (!value)
        tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "the parameter \"%s\" is missing", name);
    return value;
}

void tl_api_catalog_status(struct tl_api_call *call)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    enum tl_code code = tl_catalog_put_status(&call->rq, call->api->parts.catalog, &json);
    tl_json_end_object(&json);
    answer(call, code, &buf);
}

void tl_api_catalog_crawl(struct tl_api_call *call)
{
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    call->rq.deadline_us = tl_clock_monotonic_us() + CRAWL_TIME_US;
    tl_api_reply_done(call, tl_catalog_crawl(&call->rq, call->api->parts.catalog, tl_json_get_text(body, "source")));
}

void tl_api_catalog_dataset(struct tl_api_call *call)
{
    const char *name = need_param(call, "name");
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    enum tl_code code = name ? tl_catalog_details(&call->rq, call->api->parts.catalog, name, &json) : call->rq.err.code;
    answer(call, code, &buf);
}
