#include "daemon/demo_catalog.h"

#include "base/clock.h"
/* generated from demo/catalog and demo/pages */
#include "catalog_events.h"
#include "catalog_glossary.h"
#include "catalog_lake.h"
#include "catalog_ops.h"
#include "page_data_model.h"
#include "page_revenue.h"
#include "page_traffic.h"

enum { ARENA_MAX = 64 * 1024 * 1024, REPORT_MAX = 16 * 1024 * 1024, CRAWL_TIME_US = 60 * 1000000 };

#define FILE_OF(name, text) {name, {text, sizeof text - 1}}

static enum tl_code check_report(const struct tl_buf *report, struct tl_request *rq)
{
    const tl_json *root, *first = NULL;
    int64_t line = 0;
    if (tl_json_parse(rq->arena, report->data, report->size, &root, &rq->err) != TL_OK)
        return rq->err.code;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(root, "errors")); !first && tl_json_next(&it);)
        first = it.value;
    if (!first)
        return TL_OK;
    tl_json_int64(tl_json_get(first, "line"), &line);
    return tl_err_set(&rq->err, TL_INTERNAL, "what is said of the demo's tables has a mistake: %s:%lld: %s", tl_json_get_text(first, "file"), (long long)line,
                      tl_json_get_text(first, "reason"));
}

static enum tl_code import(struct tl_request *rq, tl_serve *serve)
{
    static const struct tl_catalog_file files[] = {
        FILE_OF("glossary.yaml", catalog_glossary), FILE_OF("ops.yaml", catalog_ops), FILE_OF("events.yaml", catalog_events),
        FILE_OF("lake.yaml", catalog_lake), FILE_OF("data-model.md", page_data_model), FILE_OF("revenue.md", page_revenue),
        FILE_OF("traffic.md", page_traffic)};
    struct tl_buf report;
    struct tl_json_writer json;
    tl_buf_init(&report, REPORT_MAX);
    tl_json_writer_init(&json, &report);
    tl_json_begin_object(&json);
    enum tl_code code = tl_catalog_import(rq, tl_serve_catalog(serve), files, sizeof files / sizeof *files, true, &json);
    tl_json_end_object(&json);
    if (code == TL_OK)
        code = check_report(&report, rq);
    tl_buf_done(&report);
    return code;
}

enum tl_code tl_demo_catalog_make(tl_serve *serve, const struct tl_principal *admin, struct tl_err *err)
{
    struct tl_request rq;
    tl_request_init(&rq, tl_arena_new(ARENA_MAX));
    rq.principal = admin;
    rq.deadline_us = tl_clock_monotonic_us() + CRAWL_TIME_US;
    enum tl_code code = tl_catalog_crawl(&rq, tl_serve_catalog(serve), NULL);
    if (code == TL_OK)
        code = import(&rq, serve);
    tl_err_copy(err, &rq.err);
    tl_arena_free(rq.arena);
    return code;
}
