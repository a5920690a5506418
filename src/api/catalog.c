/* The catalog over HTTP. */
#include <stdlib.h>

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

/* --- what people say --- */

static void answer_named(struct tl_api_call *call, bool terms)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, terms ? "terms" : "domains");
    enum tl_code code = tl_catalog_put_named(&call->rq, call->api->parts.catalog, terms, tl_http_query_param(call->exchange, "prefix"),
                                             tl_http_query_param(call->exchange, "after"), tl_api_count_param(call, 1000, 10000), &json);
    tl_json_end_object(&json);
    answer(call, code, &buf);
}

static void answer_one(struct tl_api_call *call, bool term)
{
    const char *name = need_param(call, "name");
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    enum tl_code code = name ? tl_catalog_put_one(&call->rq, call->api->parts.catalog, term, name, &json) : call->rq.err.code;
    answer(call, code, &buf);
}

void tl_api_catalog_terms(struct tl_api_call *call)
{
    answer_named(call, true);
}

void tl_api_catalog_term(struct tl_api_call *call)
{
    answer_one(call, true);
}

void tl_api_catalog_domains(struct tl_api_call *call)
{
    answer_named(call, false);
}

void tl_api_catalog_domain(struct tl_api_call *call)
{
    answer_one(call, false);
}

void tl_api_catalog_edits(struct tl_api_call *call)
{
    const char *of = need_param(call, "of");
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "edits");
    enum tl_code code = of ? tl_catalog_put_edits(&call->rq, call->api->parts.catalog, of, tl_api_count_param(call, 100, 10000), &json) : call->rq.err.code;
    tl_json_end_object(&json);
    answer(call, code, &buf);
}

void tl_api_catalog_annotate(struct tl_api_call *call)
{
    const tl_json *body = tl_api_read_body(call);
    if (body)
        tl_api_reply_done(call, tl_catalog_annotate(&call->rq, call->api->parts.catalog, body));
}

void tl_api_catalog_import(struct tl_api_call *call)
{
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    const tl_json *list = tl_json_get(body, "files");
    struct tl_catalog_file *files = TL_NEW_ARRAY(call->rq.arena, struct tl_catalog_file, tl_json_count(list));
    size_t count = 0;
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    for (struct tl_json_iter it = tl_json_iter(list); tl_json_next(&it);) {
        files[count++] = (struct tl_catalog_file){tl_json_get_text(it.value, "name"), tl_json_str(tl_json_get(it.value, "text"))};
        if (!files[count - 1].name || !tl_json_is_string(tl_json_get(it.value, "text")))
            tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "a file has a \"name\" and a \"text\"");
    }
    if (!tl_json_is_array(list))
        tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "the list \"files\" is missing");
    tl_json_begin_object(&json);
    enum tl_code code = call->rq.err.code;
    if (code == TL_OK)
        code = tl_catalog_import(&call->rq, call->api->parts.catalog, files, count, tl_json_bool(tl_json_get(body, "apply"), false), &json);
    tl_json_end_object(&json);
    answer(call, code, &buf);
}

void tl_api_catalog_export(struct tl_api_call *call)
{
    struct tl_buf yaml, buf;
    struct tl_json_writer json;
    tl_buf_init(&yaml, ANSWER_MAX / 2);
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    enum tl_code code = tl_catalog_export(&call->rq, call->api->parts.catalog, tl_http_query_param(call->exchange, "source"), &yaml);
    tl_json_begin_object(&json);
    tl_json_key(&json, "yaml");
    tl_json_put_str(&json, (struct tl_str){yaml.data, yaml.size});
    tl_json_end_object(&json);
    tl_buf_done(&yaml);
    answer(call, code, &buf);
}

/* --- pages --- */

void tl_api_catalog_pages(struct tl_api_call *call)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "pages");
    enum tl_code code = tl_catalog_put_pages(&call->rq, call->api->parts.catalog, &json);
    tl_json_end_object(&json);
    answer(call, code, &buf);
}

void tl_api_catalog_page(struct tl_api_call *call)
{
    const char *path = need_param(call, "path"), *version = tl_http_query_param(call->exchange, "version");
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    enum tl_code code = call->rq.err.code;
    if (path)
        code = tl_catalog_put_page(&call->rq, call->api->parts.catalog, path, version ? strtoll(version, NULL, 10) : 0, &json);
    answer(call, code, &buf);
}

void tl_api_catalog_page_write(struct tl_api_call *call)
{
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    const char *path = tl_json_get_text(body, "path");
    enum tl_code code = path && tl_json_is_string(tl_json_get(body, "text"))
                            ? tl_catalog_write_page(&call->rq, call->api->parts.catalog, path, tl_json_str(tl_json_get(body, "text")))
                            : tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "a page has a \"path\" and a \"text\"");
    tl_api_reply_done(call, code);
}

void tl_api_catalog_page_remove(struct tl_api_call *call)
{
    const char *path = need_param(call, "path");
    enum tl_code code = path ? tl_catalog_write_page(&call->rq, call->api->parts.catalog, path, (struct tl_str){NULL, 0}) : call->rq.err.code;
    tl_api_reply_done(call, code);
}
