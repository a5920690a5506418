/* EXPLAIN [ANALYZE]: the engine's plan as a tree, in the caller's names.  Where the caller's rights hide something (a mask, a
 * row rule, a column), the plan shows operators, tables and numbers only: filters and expressions would tell the policy. */
#include <stdlib.h>
#include <string.h>

#include "door/door_int.h"
#include "door/explain_int.h"

struct plan {
    struct tl_buf *out;
    const struct tl_plan *of;
};

static void indent(struct plan *plan, int depth)
{
    for (int i = 0; i < depth; i++)
        tl_buf_adds(plan->out, "   ");
}

void tl_plan_put_value(struct tl_buf *out, const tl_json *value)
{
    int64_t number;
    const char *text = tl_json_text(value);
    if (text) {
        for (const char *p = text; *p; p++)
            tl_buf_addc(out, *p == '\n' ? ' ' : *p);
    } else if (tl_json_int64(value, &number)) {
        tl_buf_addf(out, "%lld", (long long)number);
    }
    size_t count = 0;
    for (struct tl_json_iter it = tl_json_iter(tl_json_is_array(value) ? value : NULL); tl_json_next(&it); count++) {
        tl_buf_adds(out, count ? ", " : "");
        tl_plan_put_value(out, it.value);
    }
}

static bool is_table_key(const char *key)
{
    return strcmp(key, "Table") == 0 || strcmp(key, "Dataset") == 0;
}

/* What an operator says of itself; the function's own arguments never. */
bool tl_plan_shows(const struct tl_plan *plan, const char *key)
{
    return is_table_key(key) || (!plan->redacted && strcmp(key, "Estimated Cardinality") != 0 && strcmp(key, "Text") != 0 &&
                                 strncmp(key, "__", 2) != 0);
}

/* Inside the tree. */
static void put_details(struct plan *plan, const tl_json *node, int depth)
{
    const tl_json *details = tl_json_get(node, "extra_info");
    for (struct tl_json_iter it = tl_json_iter(details); tl_json_next(&it);) {
        const char *text = tl_json_text(it.value);
        if (!tl_plan_shows(plan->of, it.key) || (text && *text == '\0'))
            continue;
        indent(plan, depth + 1);
        tl_buf_addf(plan->out, "%s: ", it.key);
        tl_plan_put_value(plan->out, it.value);
        tl_buf_addc(plan->out, '\n');
    }
}

const char *tl_plan_name(const tl_json *node)
{
    const char *name = tl_json_get_text(node, "name");
    if (!name)
        name = tl_json_get_text(node, "operator_name");
    if (!name)
        name = tl_json_get_text(node, "operator_type");
    return name && strcmp(name, "EXPLAIN_ANALYZE") != 0 && strcmp(name, "RESULT_COLLECTOR") != 0 ? name : NULL;
}

static void put_numbers(struct plan *plan, const tl_json *node)
{
    if (plan->of->redacted) /* rows before and after a rule */
        return;
    const char *estimate = tl_json_get_text(tl_json_get(node, "extra_info"), "Estimated Cardinality");
    double seconds;
    int64_t rows;
    if (tl_json_int64(tl_json_get(node, "operator_cardinality"), &rows))
        tl_buf_addf(plan->out, " (%lld rows", (long long)rows);
    else if (estimate)
        tl_buf_addf(plan->out, " (about %s rows", estimate);
    else
        return;
    if (tl_json_double(tl_json_get(node, "operator_timing"), &seconds))
        tl_buf_addf(plan->out, ", %.3f ms", seconds * 1000);
    tl_buf_addc(plan->out, ')');
}

static void put_node(struct plan *plan, const tl_json *node, int depth)
{
    const char *name = tl_plan_name(node);
    if (depth > TL_PLAN_DEPTH_MAX)
        return;
    if (name) {
        indent(plan, depth);
        tl_buf_addf(plan->out, "- %s", name);
        put_numbers(plan, node);
        tl_buf_addc(plan->out, '\n');
        put_details(plan, node, depth);
    }
    const tl_json *children = tl_json_get(node, "children");
    for (struct tl_json_iter it = tl_json_iter(children); tl_json_next(&it);)
        put_node(plan, it.value, depth + (name != NULL));
}

static void put_times(struct plan *plan, const tl_json *root)
{
    double latency;
    int64_t rows;
    if (tl_json_double(tl_json_get(root, "latency"), &latency))
        tl_buf_addf(plan->out, "Elapsed: %.3f ms", latency * 1000);
    if (!plan->of->redacted && tl_json_int64(tl_json_get(root, "cumulative_rows_scanned"), &rows))
        tl_buf_addf(plan->out, ", rows read: %lld", (long long)rows);
    if (plan->out->size)
        tl_buf_addc(plan->out, '\n');
}

/* ---- what sources do of it ---- */

static void put_amount(struct plan *plan, const tl_json *scan, const char *rows_key, const char *bytes_key)
{
    int64_t rows, bytes;
    if (!tl_json_int64(tl_json_get(scan, rows_key), &rows)) {
        tl_buf_adds(plan->out, "unknown");
        return;
    }
    tl_buf_addf(plan->out, "%lld rows", (long long)rows);
    if (tl_json_int64(tl_json_get(scan, bytes_key), &bytes))
        tl_buf_addf(plan->out, ", %lld bytes", (long long)bytes);
}

static void put_items(struct plan *plan, const tl_json *items, const char *before, const char *source)
{
    for (struct tl_json_iter it = tl_json_iter(items); tl_json_next(&it);) {
        const char *reason = tl_json_get_text(it.value, "reason");
        tl_buf_addf(plan->out, "   %s%s: %s", before, source, tl_json_get_text(it.value, "kind"));
        if (!plan->of->redacted) {
            tl_buf_addc(plan->out, ' ');
            tl_plan_put_value(plan->out, tl_json_get(it.value, "what"));
        }
        if (reason && !plan->of->redacted) /* it may quote the source */
            tl_buf_addf(plan->out, " (%s)", reason);
        tl_buf_addc(plan->out, '\n');
    }
}

static void put_scan(struct plan *plan, const tl_json *scan)
{
    const char *source = tl_json_get_text(scan, "source");
    tl_buf_addf(plan->out, "%s: ", source);
    if (!plan->of->redacted) {
        tl_plan_put_value(plan->out, tl_json_get(scan, "datasets"));
        tl_buf_adds(plan->out, ", ");
    }
    tl_buf_adds(plan->out, "estimated: ");
    put_amount(plan, scan, "estimated_rows", "estimated_bytes");
    if (tl_json_bool(tl_json_get(scan, "ran"), false)) {
        tl_buf_adds(plan->out, "; fetched: ");
        put_amount(plan, scan, "rows", "bytes");
    }
    tl_buf_addc(plan->out, '\n');
    put_items(plan, tl_json_get(scan, "pushed"), "pushed to ", source);
    put_items(plan, tl_json_get(scan, "not_pushed"), "not pushed", "");
}

static void put_scans(struct plan *plan, const tl_json *scans)
{
    if (tl_json_count(scans) == 0)
        return;
    tl_buf_adds(plan->out, "\nSources\n");
    for (struct tl_json_iter it = tl_json_iter(scans); tl_json_next(&it);)
        put_scan(plan, it.value);
}

static void put_text(struct tl_buf *out, const struct tl_plan *of)
{
    struct plan plan = {out, of};
    put_times(&plan, of->root);
    if (tl_json_is_array(of->root)) {
        for (struct tl_json_iter it = tl_json_iter(of->root); tl_json_next(&it);)
            put_node(&plan, it.value, 0);
    } else {
        put_node(&plan, of->root, 0);
    }
    put_scans(&plan, of->scans);
}

static enum tl_code render(struct tl_door_call *call, const struct tl_plan *plan, bool as_json, const char **ret_text)
{
    struct tl_buf out;
    tl_buf_init(&out, TL_PLAN_BYTES_MAX);
    (as_json ? tl_plan_put_json : put_text)(&out, plan);
    char *text = tl_arena_strndup(call->rq->arena, out.data ? out.data : "", out.size);
    if (out.failed)
        tl_err_set(&call->rq->err, TL_TOO_LARGE, "the plan is longer than %d bytes", TL_PLAN_BYTES_MAX);
    tl_buf_done(&out);
    if (!as_json)
        tl_door_clean_names(text);
    *ret_text = text;
    return call->rq->err.code;
}

static enum tl_code read_json(struct tl_door_call *call, struct tl_str json, const tl_json **ret_value)
{
    *ret_value = NULL;
    return json.size ? tl_json_parse(call->rq->arena, json.data, json.size, ret_value, &call->rq->err) : TL_OK;
}

/* The last column of the last row. */
static enum tl_code read_plan(struct tl_door_call *call, tl_result *result, struct tl_str *ret_json)
{
    const struct tl_batch *batch;
    bool end = false;
    *ret_json = (struct tl_str){NULL, 0};
    while (!end) {
        enum tl_code code = tl_result_next(call->rq, result, -1, &batch, &end);
        if (code != TL_OK)
            return code;
        for (size_t row = 0; batch && row < batch->row_count && batch->column_count > 0; row++) {
            const struct tl_column *column = &batch->columns[batch->column_count - 1];
            if (!tl_type_is_text(column->type) || tl_column_is_null(column, row))
                continue;
            struct tl_str text = tl_column_text(column, row);
            *ret_json = (struct tl_str){tl_arena_strndup(call->rq->arena, text.data, text.size), text.size};
        }
    }
    return ret_json->data ? TL_OK : tl_err_set(&call->rq->err, TL_INTERNAL, "the engine gave no plan");
}

static void answer_text(struct tl_door_call *call, const char *text)
{
    static const char *const names[] = {"Query Plan"};
    struct tl_field *fields = tl_text_fields(call->rq->arena, names, 1);
    tl_batch_builder *rows = tl_batch_builder_new(call->rq->arena, fields, 1);
    tl_batch_builder_text(rows, text);
    tl_answer_set_batch(call->answer, fields, 1, tl_batch_builder_finish(rows));
}

static void answer_valid(struct tl_door_call *call)
{
    struct tl_field *fields = TL_NEW(call->rq->arena, struct tl_field);
    *fields = (struct tl_field){"Valid", tl_type_simple(TL_TYPE_BOOLEAN)};
    tl_batch_builder *rows = tl_batch_builder_new(call->rq->arena, fields, 1);
    tl_batch_builder_bool(rows, true);
    tl_answer_set_batch(call->answer, fields, 1, tl_batch_builder_finish(rows));
}

static enum tl_code run_explain(struct tl_door_call *call, const struct tl_statement *statement,
                                struct tl_governed *governed)
{
    tl_result *result;
    tl_quota *quota = NULL;
    struct tl_str json;
    const char *text;
    if (statement->analyze && tl_quota_open(call->rq, call->door->lifeguard, &quota) != TL_OK) /* it runs, so it uses */
        return call->rq->err.code;
    tl_govern_allow(call, governed, "operator:EXPLAIN");
    enum tl_code code = tl_govern_prefix(
        call, governed, statement->analyze ? "EXPLAIN (ANALYZE, FORMAT json) " : "EXPLAIN (FORMAT json) ");
    if (code == TL_OK)
        code = tl_govern_run(call, governed, false, &result);
    if (code != TL_OK)
        return code;
    struct tl_result_stats stats = {0};
    code = read_plan(call, result, &json);
    if (code == TL_OK)
        tl_result_stats(result, &stats);
    if (code == TL_OK && quota)
        code = tl_quota_use(call->rq, quota, &(struct tl_use){stats.rows_scanned, stats.rows, stats.bytes, stats.elapsed_us});
    struct tl_plan plan = {.redacted = tl_clearance_partial(governed->clearance)};
    if (code == TL_OK)
        code = read_json(call, json, &plan.root);
    if (code == TL_OK)
        code = read_json(call, stats.scans_json, &plan.scans);
    if (code == TL_OK)
        code = render(call, &plan, statement->as_json, &text);
    tl_result_close(result);
    if (code == TL_OK)
        answer_text(call, text);
    return code;
}

enum tl_code tl_explain(struct tl_door_call *call, const struct tl_statement *statement, size_t base)
{
    const struct tl_gate *gate;
    struct tl_governed *governed = NULL;
    struct tl_statement inner;
    size_t offset = base + statement->inner_offset;
    enum tl_code code = tl_statement_read(call->rq->arena, statement->inner, &inner, &call->rq->err);
    if (code == TL_OK && inner.kind == TL_STATEMENT_ENGINE)
        code = tl_check_text(call, statement->inner, &gate);
    if (code == TL_OK && (inner.kind != TL_STATEMENT_ENGINE || gate->kind != TL_GATE_SELECT)) {
        code = tl_err_set(&call->rq->err, TL_UNSUPPORTED, "EXPLAIN is for queries");
        tl_err_hint(&call->rq->err, "write EXPLAIN SELECT ...; of a change, explain the SELECT that feeds it");
    }
    if (code == TL_OK)
        code = tl_govern(call, statement->inner, offset, gate, &governed);
    tl_answer_note(call->answer, statement->analyze ? "EXPLAIN ANALYZE" : "EXPLAIN", governed);
    if (code == TL_OK && statement->validate_only)
        answer_valid(call);
    else if (code == TL_OK && (code = tl_answer_audit(call->answer)) == TL_OK)
        code = run_explain(call, statement, governed);
    if (code != TL_OK && !governed && call->rq->err.position >= 0)
        call->rq->err.position += (int64_t)offset;
    if (code != TL_OK)
        tl_door_map_error(call, governed, &call->rq->err);
    return code;
}
