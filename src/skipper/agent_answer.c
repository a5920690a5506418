#include "skipper/agent_answer.h"

#include <string.h>

#include "skipper/memory.h"

enum { EVENT_MAX = 32 << 20, READING_MAX = 4 << 10, TURN_BYTES_MAX = 8 << 10, CONVERSATION_MAX = 16 << 20, CONTEXT_MAX = 12 << 10, MEMORIES_MAX = 8 };

struct telling {
    struct tl_request *rq;
    const struct tl_ask_sink *sink;
    struct tl_buf buf;
    struct tl_json_writer json;
};

/* ---- events ---- */

static struct tl_json_writer *begin(struct telling *telling)
{
    tl_buf_clear(&telling->buf);
    tl_json_writer_init(&telling->json, &telling->buf);
    tl_json_begin_object(&telling->json);
    return &telling->json;
}

static void end(struct telling *telling, const char *kind)
{
    tl_json_end_object(&telling->json);
    tl_ask_tell(telling->sink, kind, &telling->buf);
}

/* JSON of others, written by us: it stands on one line, and is JSON. */
static void put_foreign(struct telling *telling, const char *key, struct tl_str text)
{
    const tl_json *root;
    struct tl_err unread;
    tl_arena *arena = tl_arena_new(EVENT_MAX);
    tl_err_init(&unread);
    tl_json_key(&telling->json, key);
    if (tl_json_parse(arena, text.data, text.size, &root, &unread) == TL_OK)
        tl_json_put_value(&telling->json, root);
    else
        tl_json_put_null(&telling->json);
    tl_arena_free(arena);
}

static void tell_text(struct telling *telling, const char *kind, struct tl_str text)
{
    tl_json_key(begin(telling), "text");
    tl_json_put_str(&telling->json, text);
    end(telling, kind);
}

static void tell_call(struct telling *telling, const char *kind, const char *what, const struct tl_agent_event *event)
{
    tl_json_pair_text(begin(telling), "id", event->id);
    tl_json_pair_text(&telling->json, what, event->name);
    put_foreign(telling, "arguments", event->json);
    end(telling, kind);
}

static void tell_end(struct telling *telling, const struct tl_agent_event *event)
{
    tl_json_pair_text(begin(telling), "id", event->id);
    tl_json_pair_text(&telling->json, "name", event->name);
    tl_json_pair_bool(&telling->json, "failed", event->failed);
    tl_json_pair_int64(&telling->json, "elapsed_ms", event->elapsed_us / 1000);
    if (event->failed)
        put_foreign(telling, "error", event->json);
    end(telling, "tool_end");
}

static void tell_json(struct telling *telling, const char *kind, struct tl_str text)
{
    const tl_json *root;
    struct tl_err unread;
    tl_arena *arena = tl_arena_new(EVENT_MAX);
    tl_err_init(&unread);
    if (tl_json_parse(arena, text.data, text.size, &root, &unread) == TL_OK) {
        tl_buf_clear(&telling->buf);
        tl_json_writer_init(&telling->json, &telling->buf);
        tl_json_put_value(&telling->json, root);
        tl_ask_tell(telling->sink, kind, &telling->buf);
    }
    tl_arena_free(arena);
}

/* Rows as objects become rows as lists in the order of the columns, as all answers have them. */
static void put_rows(struct tl_json_writer *json, const tl_json *columns, const tl_json *rows)
{
    tl_json_begin_array(json);
    for (struct tl_json_iter row = tl_json_iter(rows); tl_json_next(&row);) {
        tl_json_begin_array(json);
        for (struct tl_json_iter column = tl_json_iter(columns); tl_json_next(&column);) {
            const char *name = tl_json_get_text(column.value, "name");
            const tl_json *value = name ? tl_json_get(row.value, name) : NULL;
            if (value)
                tl_json_put_value(json, value);
            else
                tl_json_put_null(json);
        }
        tl_json_end_array(json);
    }
    tl_json_end_array(json);
}

static void tell_rows(struct telling *telling, struct tl_str text)
{
    const tl_json *root;
    struct tl_err unread;
    tl_arena *arena = tl_arena_new(EVENT_MAX);
    tl_err_init(&unread);
    if (tl_json_parse(arena, text.data, text.size, &root, &unread) == TL_OK) {
        tl_buf_clear(&telling->buf);
        tl_json_writer_init(&telling->json, &telling->buf);
        tl_json_put_value(&telling->json, tl_json_get(root, "columns"));
        tl_ask_tell(telling->sink, "columns", &telling->buf);
        tl_buf_clear(&telling->buf);
        tl_json_writer_init(&telling->json, &telling->buf);
        put_rows(&telling->json, tl_json_get(root, "columns"), tl_json_get(root, "rows"));
        tl_ask_tell(telling->sink, "rows", &telling->buf);
    }
    tl_arena_free(arena);
}

static bool is_gone(void *context)
{
    const struct tl_ask_sink *sink = ((struct telling *)context)->sink;
    return sink->gone && sink->gone(sink->context);
}

static void on_event(void *context, const struct tl_agent_event *event)
{
    struct telling *telling = context;
    switch (event->kind) {
    case TL_AGENT_THOUGHT:
        tell_text(telling, "thought", event->text);
        break;
    case TL_AGENT_TEXT:
        tell_text(telling, "text_piece", event->text);
        break;
    case TL_AGENT_TOOL_START:
        tell_call(telling, "tool_start", "name", event);
        break;
    case TL_AGENT_TOOL_END:
        tell_end(telling, event);
        break;
    case TL_AGENT_PROPOSAL:
        tell_call(telling, "proposal", "tool", event);
        break;
    case TL_AGENT_ROWS:
        tell_rows(telling, event->json);
        break;
    case TL_AGENT_CHART:
        tell_json(telling, "chart", event->json);
        break;
    case TL_AGENT_FINDING:
        tell_text(telling, "finding", event->text);
        break;
    case TL_AGENT_PROOF:
        tell_json(telling, "proof", event->json);
    }
}

static const char *answer_of(tl_arena *arena, const tl_json *turn)
{
    const char *reading = tl_json_get_text(turn, "reading"), *sql = tl_json_get_text(turn, "sql");
    struct tl_str cut = tl_utf8_cut(tl_str_of(sql), TURN_BYTES_MAX / 2);
    if (!sql)
        return reading;
    return tl_arena_printf(arena, "%s\n\nThe SQL was:\n%.*s", reading ? reading : "(answered)", (int)cut.size, cut.data);
}

/* ---- what the model is told besides ---- */

typedef enum tl_code (*put_list)(struct tl_request *rq, const struct tl_agent_answer_parts *parts, const char *question, struct tl_json_writer *json);

static enum tl_code put_models(struct tl_request *rq, const struct tl_agent_answer_parts *parts, const char *question, struct tl_json_writer *json)
{
    (void)question;
    return tl_ask_put_models(rq, parts->ask, json);
}

static enum tl_code put_memories(struct tl_request *rq, const struct tl_agent_answer_parts *parts, const char *question, struct tl_json_writer *json)
{
    return tl_memory_recall(rq, parts->store, question, MEMORIES_MAX, json);
}

/* NULL when it cannot be had: then the question is answered without. */
static const tl_json *list_of(struct tl_request *rq, const struct tl_agent_answer_parts *parts, const char *question, put_list put)
{
    const tl_json *root = NULL;
    struct tl_request apart;
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_request_init(&apart, rq->arena);
    apart.principal = rq->principal;
    tl_buf_init(&buf, CONVERSATION_MAX);
    tl_json_writer_init(&json, &buf);
    if (put(&apart, parts, question, &json) != TL_OK || buf.failed || tl_json_parse(rq->arena, buf.data, buf.size, &root, &apart.err) != TL_OK)
        root = NULL;
    tl_buf_done(&buf);
    return root;
}

static enum tl_code put_turns(struct tl_request *rq, const struct tl_agent_answer_parts *parts, const char *conversation, struct tl_json_writer *json)
{
    return tl_ask_put_conversation(rq, parts->ask, conversation, json);
}

/* Those of the conversation that were answered. */
static void read_turns(struct tl_request *rq, const struct tl_agent_answer_parts *parts, const char *conversation, struct tl_agent_question *question)
{
    const tl_json *root = list_of(rq, parts, conversation, put_turns);
    struct tl_agent_turn *turns = TL_NEW_ARRAY(rq->arena, struct tl_agent_turn, tl_json_count(root));
    for (struct tl_json_iter it = tl_json_iter(root); tl_json_next(&it);)
        if (tl_streq(tl_json_get_text(it.value, "state"), "answered"))
            turns[question->turn_count++] = (struct tl_agent_turn){tl_json_get_text(it.value, "question"), answer_of(rq->arena, it.value)};
    question->turns = turns;
}

/* A line each, as far as they have room: what comes later can still be looked up. */
static void add_line(struct tl_buf *context, const char *name, const char *more, const char *description)
{
    if (name && context->size < CONTEXT_MAX)
        tl_buf_addf(context, "- %.200s%s%.300s%s%.600s\n", name, more ? ": " : "", more ? more : "", description ? ": " : "", description ? description : "");
}

static void add_models(struct tl_buf *context, const tl_json *models)
{
    for (struct tl_json_iter model = tl_json_iter(models); tl_json_next(&model);) {
        tl_buf_addf(context, "The company's metrics (%.200s); use their definitions:\n", tl_json_get_text(model.value, "name"));
        for (struct tl_json_iter it = tl_json_iter(tl_json_get(model.value, "metrics")); tl_json_next(&it);)
            add_line(context, tl_json_get_text(it.value, "name"), NULL, tl_json_get_text(it.value, "description"));
        tl_buf_adds(context, "Its tables:\n");
        for (struct tl_json_iter it = tl_json_iter(tl_json_get(model.value, "datasets")); tl_json_next(&it);)
            add_line(context, tl_json_get_text(it.value, "name"), tl_json_get_text(it.value, "table"), tl_json_get_text(it.value, "description"));
    }
}

static const char *context_of(struct telling *telling, const struct tl_agent_answer_parts *parts, const char *question)
{
    const tl_json *memories = list_of(telling->rq, parts, question, put_memories);
    struct tl_buf context;
    tl_buf_init(&context, 4 * CONTEXT_MAX);
    add_models(&context, list_of(telling->rq, parts, question, put_models));
    if (tl_json_count(memories)) {
        tl_buf_adds(&context, "What people had remembered for such questions; say so when you follow one:\n");
        for (struct tl_json_iter it = tl_json_iter(memories); tl_json_next(&it);)
            add_line(&context, tl_json_get_text(it.value, "text"), NULL, NULL);
        tl_buf_clear(&telling->buf);
        tl_json_writer_init(&telling->json, &telling->buf);
        tl_json_put_value(&telling->json, memories);
        tl_ask_tell(telling->sink, "memories", &telling->buf);
    }
    const char *text = tl_arena_strndup(telling->rq->arena, tl_buf_cstr(&context), context.size);
    tl_buf_done(&context);
    return text;
}

/* ---- the answer ---- */

static void tell_outcome(struct telling *telling, const struct tl_agent_outcome *outcome, struct tl_ask_outcome *ret_outcome)
{
    struct tl_str text = tl_str_of(outcome->text), cut = tl_utf8_cut(text, READING_MAX);
    bool answered = outcome->end == TL_AGENT_ANSWERED || outcome->end == TL_AGENT_CUT;
    if (text.size)
        tell_text(telling, "text", text);
    if (answered && outcome->note)
        tell_text(telling, "finding", tl_str_of(outcome->note));
    if (!answered) {
        tl_json_pair_text(begin(telling), "reason", outcome->note);
        end(telling, "refusal");
    }
    ret_outcome->state = answered ? "answered" : "refused";
    ret_outcome->reading = tl_arena_strndup(telling->rq->arena, cut.data, cut.size);
}

static enum tl_code answer(void *context, struct tl_request *rq, const struct tl_ask_turn *turn, const struct tl_ask_sink *sink,
                           struct tl_ask_outcome *ret_outcome)
{
    struct tl_agent_answer_parts *parts = context;
    struct telling telling = {.rq = rq, .sink = sink};
    struct tl_agent_outcome outcome;
    struct tl_agent_question question = {
        .text = tl_arena_strndup(rq->arena, turn->question.data, turn->question.size),
        .conversation = turn->conversation,
        .tools = tl_agent_kit(rq->arena, parts->tools),
        .event = on_event,
        .stopped = is_gone,
        .context_of_events = &telling,
    };
    tl_buf_init(&telling.buf, EVENT_MAX);
    read_turns(rq, parts, turn->conversation, &question);
    question.context = context_of(&telling, parts, question.text);
    ret_outcome->taken = true;
    enum tl_code code = tl_agent_ask(rq, parts->agent, &question, &outcome);
    tl_agent_kit_end(rq, &question.tools);
    if (code == TL_OK)
        tell_outcome(&telling, &outcome, ret_outcome);
    tl_buf_done(&telling.buf);
    return code;
}

struct tl_answerer tl_agent_answerer(struct tl_agent_answer_parts *parts)
{
    return (struct tl_answerer){.name = "agent", .context = parts, .answer = answer};
}
