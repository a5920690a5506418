/* EXPLAIN (FORMAT JSON): operators under the keys of Trino's plans, so that tools find their way, and what sources do of it. */
#include <stdio.h>
#include <stdlib.h>

#include "door/door_int.h"
#include "door/explain_int.h"

struct writer {
    struct tl_json_writer json;
    const struct tl_plan *plan;
    int next_id;
};

static void pair_value(struct writer *w, const char *key, const tl_json *value)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_PLAN_BYTES_MAX);
    tl_plan_put_value(&text, value);
    tl_buf_addc(&text, '\0'); /* names are cleaned in place */
    if (!text.failed) {
        tl_door_clean_names(text.data);
        tl_json_pair_text(&w->json, key, text.data);
    }
    tl_buf_done(&text);
}

static void pair_number(struct writer *w, const char *key, const tl_json *value)
{
    int64_t number;
    tl_json_key(&w->json, key);
    if (tl_json_int64(value, &number))
        tl_json_put_int64(&w->json, number);
    else
        tl_json_put_null(&w->json);
}

static void pair_milliseconds(struct writer *w, const char *key, const tl_json *value)
{
    double seconds;
    if (!tl_json_double(value, &seconds))
        return;
    tl_json_key(&w->json, key);
    tl_json_put_double(&w->json, seconds * 1000);
}

/* --- operators --- */

static void begin_node(struct writer *w, const char *name)
{
    char id[16];
    snprintf(id, sizeof id, "%d", w->next_id++);
    tl_json_begin_object(&w->json);
    tl_json_pair_text(&w->json, "id", id);
    tl_json_pair_text(&w->json, "name", name);
}

static void put_descriptor(struct writer *w, const tl_json *node)
{
    tl_json_key(&w->json, "descriptor");
    tl_json_begin_object(&w->json);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(node, "extra_info")); tl_json_next(&it);) {
        const char *text = tl_json_text(it.value);
        if (tl_plan_shows(w->plan, it.key) && !(text && *text == '\0'))
            pair_value(w, it.key, it.value);
    }
    tl_json_end_object(&w->json);
}

/* Rows before and after a rule would tell of it. */
static void put_numbers(struct writer *w, const tl_json *node)
{
    const char *estimate = tl_json_get_text(tl_json_get(node, "extra_info"), "Estimated Cardinality");
    const tl_json *rows = tl_json_get(node, "operator_cardinality");
    tl_json_key(&w->json, "estimates");
    tl_json_begin_array(&w->json);
    if (estimate && !w->plan->redacted) {
        tl_json_begin_object(&w->json);
        tl_json_pair_int64(&w->json, "outputRowCount", strtoll(estimate, NULL, 10));
        tl_json_end_object(&w->json);
    }
    tl_json_end_array(&w->json);
    if (!rows || w->plan->redacted)
        return;
    pair_number(w, "rows", rows);
    pair_milliseconds(w, "time_ms", tl_json_get(node, "operator_timing"));
}

static void put_nodes(struct writer *w, const tl_json *nodes, int depth);

static void put_node(struct writer *w, const tl_json *node, int depth)
{
    const char *name = tl_plan_name(node);
    if (!name) {
        put_nodes(w, tl_json_get(node, "children"), depth);
        return;
    }
    begin_node(w, name);
    put_descriptor(w, node);
    put_numbers(w, node);
    tl_json_key(&w->json, "children");
    tl_json_begin_array(&w->json);
    put_nodes(w, tl_json_get(node, "children"), depth + 1);
    tl_json_end_array(&w->json);
    tl_json_end_object(&w->json);
}

static void put_nodes(struct writer *w, const tl_json *nodes, int depth)
{
    if (depth > TL_PLAN_DEPTH_MAX)
        return;
    for (struct tl_json_iter it = tl_json_iter(tl_json_is_array(nodes) ? nodes : NULL); tl_json_next(&it);)
        put_node(w, it.value, depth + 1);
}

/* --- sources --- */

static void put_amount(struct writer *w, const char *key, const tl_json *rows, const tl_json *bytes)
{
    tl_json_key(&w->json, key);
    tl_json_begin_object(&w->json);
    pair_number(w, "rows", rows);
    pair_number(w, "bytes", bytes);
    tl_json_end_object(&w->json);
}

static void put_items(struct writer *w, const tl_json *scan, const char *key)
{
    tl_json_key(&w->json, key);
    tl_json_begin_array(&w->json);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(scan, key)); tl_json_next(&it);) {
        const tl_json *reason = tl_json_get(it.value, "reason");
        tl_json_begin_object(&w->json);
        tl_json_pair_text(&w->json, "kind", tl_json_get_text(it.value, "kind"));
        if (!w->plan->redacted)
            pair_value(w, "what", tl_json_get(it.value, "what"));
        if (reason && !w->plan->redacted) /* it may quote the source */
            pair_value(w, "reason", reason);
        tl_json_end_object(&w->json);
    }
    tl_json_end_array(&w->json);
}

static void put_scan(struct writer *w, const tl_json *scan)
{
    tl_json_begin_object(&w->json);
    tl_json_pair_text(&w->json, "source", tl_json_get_text(scan, "source"));
    if (!w->plan->redacted) {
        tl_json_key(&w->json, "datasets");
        tl_json_put_value(&w->json, tl_json_get(scan, "datasets"));
    }
    put_amount(w, "estimated", tl_json_get(scan, "estimated_rows"), tl_json_get(scan, "estimated_bytes"));
    if (tl_json_bool(tl_json_get(scan, "ran"), false))
        put_amount(w, "fetched", tl_json_get(scan, "rows"), tl_json_get(scan, "bytes"));
    put_items(w, scan, "pushed");
    put_items(w, scan, "not_pushed");
    tl_json_end_object(&w->json);
}

void tl_plan_put_json(struct tl_buf *out, const struct tl_plan *plan)
{
    struct writer w = {.plan = plan};
    const tl_json *root = plan->root;
    tl_json_writer_init(&w.json, out);
    begin_node(&w, "Output");
    pair_milliseconds(&w, "elapsed_ms", tl_json_get(root, "latency"));
    if (!plan->redacted && tl_json_get(root, "cumulative_rows_scanned"))
        pair_number(&w, "rows_read", tl_json_get(root, "cumulative_rows_scanned"));
    tl_json_key(&w.json, "children");
    tl_json_begin_array(&w.json);
    if (tl_json_is_array(root))
        put_nodes(&w, root, 0);
    else
        put_node(&w, root, 0);
    tl_json_end_array(&w.json);
    tl_json_key(&w.json, "sources");
    tl_json_begin_array(&w.json);
    for (struct tl_json_iter it = tl_json_iter(plan->scans); tl_json_next(&it);)
        put_scan(&w, it.value);
    tl_json_end_array(&w.json);
    tl_json_end_object(&w.json);
}
