/* The tools about rights: check_access and request_access. */
#include <string.h>

#include "skipper/tool_int.h"

enum { EXPLANATION_MAX = 4 << 20 };

static const char *type_of(tl_arena *arena, const struct tl_type *type)
{
    struct tl_buf text;
    tl_buf_init(&text, EXPLANATION_MAX);
    tl_type_format_trino(&text, type);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

/* What Lifeguard says of the caller, to choose from. */
static enum tl_code explain(struct tl_tool_run *run, const struct tl_tool_dataset *at, const tl_json **ret_explanation)
{
    struct tl_request *rq = run->rq;
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, EXPLANATION_MAX);
    tl_json_writer_init(&json, &text);
    enum tl_code code = tl_lifeguard_explain(rq, run->tools->parts.lifeguard, rq->principal, &at->scope, at->columns, at->dataset.column_count, 0, &json);
    if (code == TL_OK)
        code = text.failed ? tl_err_set(&rq->err, TL_TOO_LARGE, "the table has too many columns to explain")
                           : tl_json_parse(rq->arena, text.data, text.size, ret_explanation, &rq->err);
    tl_buf_done(&text);
    return code;
}

/* Columns that are closed to the caller are counted, not named. */
static void put_columns(struct tl_tool_run *run, const struct tl_tool_dataset *at, const tl_json *columns, struct tl_json_writer *json)
{
    int64_t hidden = 0;
    size_t i = 0;
    tl_json_key(json, "columns");
    tl_json_begin_array(json);
    for (struct tl_json_iter it = tl_json_iter(columns); tl_json_next(&it) && i < at->dataset.column_count; i++) {
        if (!tl_json_bool(tl_json_get(it.value, "visible"), false)) {
            hidden++;
            continue;
        }
        tl_json_begin_object(json);
        tl_json_pair_text(json, "name", at->columns[i]);
        tl_json_pair_text(json, "type", type_of(run->rq->arena, &at->dataset.columns[i].type));
        tl_json_pair_text(json, "mask", tl_json_get_text(it.value, "mask"));
        tl_json_pair_text(json, "comment", at->dataset.columns[i].comment);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
    tl_json_pair_int64(json, "hiddenColumns", hidden);
}

TL_TOOL(check_access)
{
    struct tl_tool_dataset at;
    const tl_json *explanation = NULL;
    enum tl_code code = tl_tool_dataset(run, &at);
    if (code == TL_OK)
        code = explain(run, &at, &explanation);
    if (code != TL_OK)
        return code;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "dataset", tl_json_get_text(run->arguments, "dataset"));
    tl_json_pair_bool(json, "reads", tl_json_bool(tl_json_get(explanation, "reads"), false));
    tl_json_pair_text(json, "reason", tl_json_get_text(explanation, "reason"));
    put_columns(run, &at, tl_json_get(explanation, "columns"), json);
    tl_json_pair_int64(json, "rowRules", (int64_t)tl_json_count(tl_json_get(explanation, "row_rules")));
    tl_json_pair_text(json, "openTo", tl_json_get_text(explanation, "open_to"));
    tl_json_pair_text(json, "requestLink", tl_json_get_text(explanation, "link"));
    tl_json_end_object(json);
    return TL_OK;
}

/* The request as Lifeguard reads it. */
static void put_request(const struct tl_tool_run *run, const struct tl_grant_scope *scope, struct tl_json_writer *json)
{
    const char *privileges = tl_json_get_text(run->arguments, "privileges"), *duration = tl_json_get_text(run->arguments, "duration");
    tl_json_begin_object(json);
    tl_json_key(json, "scope");
    tl_json_begin_object(json);
    tl_json_pair_text(json, "source", scope->source);
    tl_json_pair_text(json, "schema", scope->schema);
    tl_json_pair_text(json, "table", scope->table);
    tl_json_end_object(json);
    tl_json_pair_text(json, "privileges", privileges ? privileges : "read");
    tl_json_pair_text(json, "duration", duration ? duration : "30d");
    tl_json_pair_text(json, "reason", tl_json_get_text(run->arguments, "reason"));
    if (tl_json_get(run->arguments, "columns")) {
        tl_json_key(json, "columns");
        tl_json_put_value(json, tl_json_get(run->arguments, "columns"));
    }
    tl_json_end_object(json);
}

TL_TOOL(request_access)
{
    struct tl_tool_dataset at;
    struct tl_buf text;
    struct tl_json_writer body;
    const tl_json *request = NULL;
    const char *id = NULL;
    if (tl_tool_dataset(run, &at) != TL_OK)
        return run->rq->err.code;
    tl_buf_init(&text, EXPLANATION_MAX);
    tl_json_writer_init(&body, &text);
    put_request(run, &at.scope, &body);
    enum tl_code code = tl_json_parse(run->rq->arena, tl_buf_cstr(&text), text.size, &request, &run->rq->err);
    tl_buf_done(&text);
    if (code == TL_OK)
        code = tl_lifeguard_request(run->rq, run->tools->parts.lifeguard, request, &id);
    if (code != TL_OK)
        return code;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "requestId", id);
    tl_json_pair_text(json, "state", "open");
    tl_json_end_object(json);
    return TL_OK;
}
