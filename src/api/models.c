/* The language model over HTTP: which one questions may go to, and whether it answers. */
#include "api/api_int.h"
#include "base/clock.h"

enum { ANSWER_MAX = 64 * 1024 };
static const int64_t check_us = 20 * (int64_t)1000000;

static void put_check(struct tl_api_call *call, tl_model *model, struct tl_json_writer *json)
{
    struct tl_err failed;
    tl_err_init(&failed);
    bool answers = tl_model_check(model, call->rq.arena, tl_clock_monotonic_us() + check_us, &failed) == TL_OK;
    tl_json_pair_bool(json, "answers", answers);
    if (answers)
        return;
    tl_json_key(json, "failure");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "code", tl_code_info(failed.code)->name);
    tl_json_pair_text(json, "message", failed.message);
    tl_json_pair_text(json, "detail", failed.detail);
    tl_json_pair_text(json, "hint", failed.hint);
    tl_json_end_object(json);
}

void tl_api_models_list(struct tl_api_call *call)
{
    tl_model *model = call->api->parts.model;
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, "models");
    tl_json_begin_array(&json);
    if (model) {
        tl_json_begin_object(&json);
        tl_json_pair_text(&json, "name", tl_model_name(model));
        tl_json_pair_text(&json, "provider", tl_model_provider(model));
        tl_json_pair_text(&json, "host", tl_model_host(model));
        if (tl_streq(tl_http_query_param(call->exchange, "check"), "true"))
            put_check(call, model, &json);
        tl_json_end_object(&json);
    }
    tl_json_end_array(&json);
    tl_json_end_object(&json);
    tl_api_finish(call, TL_OK, &buf);
}
