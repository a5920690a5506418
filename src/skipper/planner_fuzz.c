/* Any bytes as a semantic model, and as a question to a model: each is read or refused with words, and what is understood is SQL. */
#include <stdlib.h>
#include <string.h>

#include "skipper/planner.h"

enum { ARENA_MAX = 64 << 20, JSON_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char shop[] =
    "semantic_model:\n"
    "  - name: shop\n"
    "    datasets:\n"
    "      - name: people\n"
    "        source: a.b.people\n"
    "        primary_key: [id]\n"
    "        fields:\n"
    "          - {name: name, label: name, expression: {dialects: [{dialect: ANSI_SQL, expression: name}]}}\n"
    "          - {name: land, label: member, expression: {dialects: [{dialect: ANSI_SQL, expression: land}]},\n"
    "             custom_extensions: [{vendor_name: TOWNLAKE, data: '{\"values\": {\"DE\": [\"Germany\"], \"FR\": [\"France\"]}}'}]}\n"
    "          - {name: good, label: condition, expression: {dialects: [{dialect: ANSI_SQL, expression: score > 1}]}}\n"
    "      - name: orders\n"
    "        source: a.b.orders\n"
    "        primary_key: [id]\n"
    "        custom_extensions: [{vendor_name: TOWNLAKE, data: '{\"shown\": [\"amount\"]}'}]\n"
    "        fields:\n"
    "          - {name: amount, label: number, expression: {dialects: [{dialect: ANSI_SQL, expression: amount}]}}\n"
    "          - {name: made, dimension: {is_time: true}, expression: {dialects: [{dialect: ANSI_SQL, expression: made_at}]}}\n"
    "    relationships:\n"
    "      - {name: orders_to_people, from: orders, to: people, from_columns: [person], to_columns: [id]}\n"
    "    metrics:\n"
    "      - {name: sales, expression: {dialects: [{dialect: ANSI_SQL, expression: SUM(orders.amount)}]}}\n"
    "      - {name: order_count, expression: {dialects: [{dialect: ANSI_SQL, expression: COUNT(orders.amount)}]}}\n"
    "      - {name: mean, expression: {dialects: [{dialect: ANSI_SQL, expression: SUM(orders.amount) / COUNT(people.name)}]}}\n";

static void check_sql(tl_arena *arena, const tl_semantic *model, const struct tl_metric_query *query)
{
    struct tl_metric_sql sql;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_metric_compile(arena, model, query, &sql, &err) == TL_OK ? !sql.sql || !sql.grain : !err.message[0])
        abort();
}

/* What a conversation keeps is what was understood. */
static void check_kept(tl_arena *arena, const tl_semantic *model, const struct tl_plan *plan, struct tl_metric_query *back)
{
    struct tl_buf text;
    struct tl_json_writer json;
    struct tl_err err;
    const tl_json *root;
    tl_err_init(&err);
    tl_buf_init(&text, JSON_MAX);
    tl_json_writer_init(&json, &text);
    tl_metric_query_put(model, &plan->query, &json);
    if (tl_json_parse(arena, text.data, text.size, &root, &err) != TL_OK || !tl_metric_query_get(arena, model, root, back))
        abort();
    tl_buf_done(&text);
}

static void ask(tl_arena *arena, const tl_semantic *model, struct tl_str question)
{
    struct tl_metric_query last;
    bool kept = false;
    for (int turn = 0; turn < 2; turn++) {
        struct tl_plan plan;
        struct tl_plan_request request = {.model = model, .question = question, .before = kept ? &last : NULL, .now_us = INT64_C(1795521600000000)};
        tl_plan_question(arena, &request, &plan);
        if (plan.understood ? !plan.reading || plan.refusal : !plan.refusal)
            abort();
        if (!plan.understood)
            return;
        check_sql(arena, model, &plan.query);
        check_kept(arena, model, &plan, &last);
        kept = true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tl_arena *arena = tl_arena_new(ARENA_MAX);
    struct tl_str text = {(const char *)data, size};
    const tl_semantic *model;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_semantic_read(arena, "shop.yaml", tl_str_of(shop), &model, &err) != TL_OK)
        abort();
    ask(arena, model, text);
    tl_err_init(&err);
    if (size > 8 && tl_semantic_read(arena, "fuzz.yaml", text, &model, &err) == TL_OK) {
        for (size_t i = 0; i < model->metric_count; i++)
            ask(arena, model, tl_str_of(model->metrics[i].name));
    } else if (size > 8 && !err.message[0]) {
        abort();
    }
    tl_arena_free(arena);
    return 0;
}
