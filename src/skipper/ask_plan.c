/* The planner as an answerer: reads the question, runs its SQL, has it proved. */
#include <string.h>

#include "base/clock.h"
#include "skipper/ask_int.h"

enum { JSON_MAX = 4 * 1024 * 1024, MEMBERS_MAX = 300, MEMBER_BYTES_MAX = 120 };

/* --- values that a question may name --- */

struct members {
    tl_arena *arena;
    const char **items;
    size_t count;
};

static void take_member(void *context, const struct tl_batch *batch, size_t row)
{
    struct members *members = context;
    const struct tl_column *column = &batch->columns[0];
    struct tl_buf text;
    if (members->count == MEMBERS_MAX || tl_column_is_null(column, row))
        return;
    tl_buf_init(&text, MEMBER_BYTES_MAX);
    tl_column_format(&text, column, row);
    if (!text.failed && text.size > 0)
        members->items[members->count++] = tl_arena_strdup(members->arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
}

struct lookup {
    struct tl_request *rq;
    tl_ask *ask;
    const struct tl_ask_turn *turn;
};

/* As the person: what they may not see, they cannot ask by name either. */
static struct tl_texts look_up_members(void *context, const tl_semantic *model, int d, int field)
{
    struct lookup *lookup = context;
    struct members members = {lookup->rq->arena, TL_NEW_ARRAY(lookup->rq->arena, const char *, MEMBERS_MAX), 0};
    const char *sql;
    struct tl_err err;
    tl_err_init(&err);
    if (!model->datasets[d].sampled && tl_metric_members_sql(lookup->rq->arena, model, d, field, MEMBERS_MAX, &sql, &err) == TL_OK)
        (void)!tl_ask_quietly(lookup->rq, lookup->ask, lookup->turn, sql, take_member, &members);
    return (struct tl_texts){members.count, members.items};
}

/* --- what is told --- */

static void tell_reading(const struct tl_plan *plan, const struct tl_ask_sink *sink)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "reading", plan->reading);
    tl_json_pair_bool(&json, "follow_up", plan->follow_up);
    tl_json_pair_text(&json, "by", "the planner, from the names in the semantic models; no language model was used");
    tl_json_end_object(&json);
    tl_ask_tell(sink, "reading", &buf);
    tl_buf_done(&buf);
}

static void tell_sql(const char *sql, const struct tl_ask_sink *sink)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_put_text(&json, sql);
    tl_ask_tell(sink, "sql", &buf);
    tl_buf_done(&buf);
}

static void put_texts(struct tl_json_writer *json, const char *key, const struct tl_texts *texts)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (size_t i = 0; i < texts->count; i++)
        tl_json_put_text(json, texts->items[i]);
    tl_json_end_array(json);
}

static const char *refusal_json(tl_arena *arena, const struct tl_plan *plan)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "reason", plan->refusal);
    put_texts(&json, "unplaced", &plan->unplaced);
    put_texts(&json, "try", &plan->hints);
    tl_json_pair_text(&json, "by", "the planner, from the names in the semantic models; no language model was used");
    tl_json_end_object(&json);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

/* --- planning --- */

struct planned {
    struct tl_plan plan;
    struct tl_metric_sql sql;
    const tl_semantic *model;
};

static void plan_with(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, const tl_semantic *model, struct planned *planned)
{
    struct lookup lookup = {rq, ask, turn};
    struct tl_metric_query before;
    struct tl_err err;
    bool kept = turn->before && tl_streq(tl_json_get_text(turn->before, "model"), model->name) && tl_metric_query_get(rq->arena, model, turn->before, &before);
    struct tl_plan_request request = {.model = model, .question = turn->question, .before = kept ? &before : NULL, .now_us = tl_clock_wall_us(),
                                      .members = look_up_members, .context = &lookup};
    tl_err_init(&err);
    planned->model = model;
    tl_plan_question(rq->arena, &request, &planned->plan);
    if (planned->plan.understood && tl_metric_compile(rq->arena, model, &planned->plan.query, &planned->sql, &err) != TL_OK) {
        planned->plan.understood = false;
        planned->plan.refusal = tl_arena_printf(rq->arena, "%s%s%s%s", err.message, *err.hint ? " (" : "", err.hint, *err.hint ? ")" : "");
    }
}

/* The first model that understands it; else what the one said that understood most. */
static bool plan(struct tl_request *rq, tl_ask *ask, const struct tl_ask_turn *turn, struct planned *planned)
{
    *planned = (struct planned){.plan = {.refusal = "there are no semantic models: set skipper.semantic_models to their folder"}};
    for (size_t i = 0; i < ask->model_count; i++) {
        struct planned next;
        plan_with(rq, ask, turn, ask->models[i], &next);
        if (next.plan.understood || !planned->model || next.plan.unplaced.count < planned->plan.unplaced.count)
            *planned = next;
        if (next.plan.understood)
            return true;
    }
    return false;
}

static const char *query_json(tl_arena *arena, const struct planned *planned)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, JSON_MAX);
    tl_json_writer_init(&json, &buf);
    tl_metric_query_put(planned->model, &planned->plan.query, &json);
    const char *text = buf.failed ? NULL : tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

enum tl_code tl_ask_by_planner(void *context, struct tl_request *rq, const struct tl_ask_turn *turn, const struct tl_ask_sink *sink,
                               struct tl_ask_outcome *ret_outcome)
{
    tl_ask *ask = context;
    struct planned planned;
    struct tl_ask_result result;
    if (!plan(rq, ask, turn, &planned)) {
        *ret_outcome = (struct tl_ask_outcome){.state = "refused", .refusal = refusal_json(rq->arena, &planned.plan)};
        return TL_OK;
    }
    *ret_outcome = (struct tl_ask_outcome){.taken = true, .state = "answered", .query = query_json(rq->arena, &planned), .sql = planned.sql.sql,
                                           .reading = planned.plan.reading};
    tell_reading(&planned.plan, sink);
    tell_sql(planned.sql.sql, sink);
    if (tl_ask_statement(rq, ask, turn, planned.sql.sql, sink, &result) != TL_OK)
        return rq->err.code;
    struct tl_proof proof = {planned.model, &planned.plan.query, &planned.sql, &result, planned.plan.reading, "planner", tl_clock_wall_us()};
    tl_proof_tell(rq, ask, turn, &proof, sink);
    return TL_OK;
}
