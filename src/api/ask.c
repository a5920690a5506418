/* Questions in words over HTTP: as events while they are answered, or as one document. */
#include <string.h>

#include "api/api_int.h"

enum { ANSWER_MAX = 64 * 1024 * 1024 };

/* --- as events (text/event-stream) --- */

static void send_event(void *context, const char *kind, struct tl_str json)
{
    struct tl_api_call *call = context;
    struct tl_buf event;
    tl_buf_init(&event, ANSWER_MAX);
    tl_buf_addf(&event, "event: %s\ndata: ", kind);
    tl_buf_add(&event, json.data, json.size);
    tl_buf_adds(&event, "\n\n");
    if (!event.failed && !tl_http_write(call->exchange, event.data, event.size))
        atomic_store(&call->rq.cancelled, true); /* nobody listens */
    tl_buf_done(&event);
}

static bool is_gone(void *context)
{
    return tl_http_client_gone(((struct tl_api_call *)context)->exchange);
}

static void put_problem(const struct tl_err *err, struct tl_json_writer *json)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "code", tl_code_info(err->code)->name);
    tl_json_pair_text(json, "message", err->message);
    tl_json_pair_text(json, "detail", *err->detail ? err->detail : NULL);
    tl_json_pair_text(json, "hint", *err->hint ? err->hint : NULL);
    tl_json_pair_text(json, "link", *err->link ? err->link : NULL);
    tl_json_end_object(json);
}

static void answer_events(struct tl_api_call *call, const struct tl_ask_question *question)
{
    struct tl_ask_sink sink = {call, send_event, is_gone};
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_http_set_header(call->exchange, "Cache-Control", "no-store");
    tl_http_begin(call->exchange, 200, "text/event-stream");
    if (tl_ask_run(&call->rq, call->api->parts.ask, question, &sink) != TL_OK) {
        tl_buf_init(&buf, ANSWER_MAX);
        tl_json_writer_init(&json, &buf);
        put_problem(&call->rq.err, &json);
        send_event(call, "error", (struct tl_str){buf.data, buf.size});
        tl_buf_done(&buf);
    }
    tl_http_end(call->exchange);
}

/* --- as one document --- */

struct document {
    struct tl_api_call *call;
    struct tl_buf columns, rows, findings, proposals, charts, rest; /* members of lists, and of the document itself */
};

static bool is_document_gone(void *context)
{
    return is_gone(((struct document *)context)->call);
}

/* What is told only while it happens. */
static bool is_passing(const char *kind)
{
    static const char *const passing[] = {"text_piece", "thought", "tool_start", "tool_end"};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (strcmp(passing[i], kind) == 0)
            return true;
    return false;
}

static void add_member(struct tl_buf *list, struct tl_str json)
{
    if (json.size == 0)
        return;
    if (list->size > 0)
        tl_buf_addc(list, ',');
    tl_buf_add(list, json.data, json.size);
}

static struct tl_str inside(struct tl_str json)
{
    return json.size >= 2 ? (struct tl_str){json.data + 1, json.size - 2} : json;
}

static void keep_event(void *context, const char *kind, struct tl_str json)
{
    struct document *document = context;
    if (strcmp(kind, "rows") == 0) {
        add_member(&document->rows, inside(json));
    } else if (strcmp(kind, "columns") == 0) { /* a table begins; of several the last is kept */
        tl_buf_clear(&document->columns);
        tl_buf_clear(&document->rows);
        add_member(&document->columns, json);
    } else if (strcmp(kind, "finding") == 0) {
        add_member(&document->findings, json);
    } else if (strcmp(kind, "proposal") == 0) {
        add_member(&document->proposals, json);
    } else if (strcmp(kind, "chart") == 0) {
        add_member(&document->charts, json);
    } else if (strcmp(kind, "done") == 0) {
        add_member(&document->rest, inside(json));
    } else if (!is_passing(kind)) {
        tl_buf_addf(&document->rest, "%s\"%s\":", document->rest.size ? "," : "", kind);
        tl_buf_add(&document->rest, json.data, json.size);
    }
}

static void add_list(struct tl_buf *buf, const char *name, struct tl_buf *members)
{
    tl_buf_addf(buf, ",\"%s\":[", name);
    tl_buf_add(buf, tl_buf_cstr(members), members->size);
    tl_buf_addc(buf, ']');
    buf->failed = buf->failed || members->failed;
}

static void put_document(struct document *document, struct tl_buf *buf)
{
    tl_buf_addf(buf, "{%s", tl_buf_cstr(&document->rest));
    if (document->columns.size)
        tl_buf_addf(buf, ",\"columns\":%s", tl_buf_cstr(&document->columns));
    add_list(buf, "findings", &document->findings);
    add_list(buf, "proposals", &document->proposals);
    add_list(buf, "charts", &document->charts);
    add_list(buf, "rows", &document->rows);
    tl_buf_addc(buf, '}');
    buf->failed = buf->failed || document->rest.failed || document->columns.failed;
}

static void answer_document(struct tl_api_call *call, const struct tl_ask_question *question)
{
    struct document document = {.call = call};
    struct tl_buf *parts[] = {&document.columns, &document.rows, &document.findings, &document.proposals, &document.charts, &document.rest}, buf;
    struct tl_ask_sink sink = {&document, keep_event, is_document_gone};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        tl_buf_init(parts[i], ANSWER_MAX);
    tl_buf_init(&buf, 2 * ANSWER_MAX);
    if (tl_ask_run(&call->rq, call->api->parts.ask, question, &sink) == TL_OK)
        put_document(&document, &buf);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        tl_buf_done(parts[i]);
    tl_api_finish(call, call->rq.err.code, &buf);
}

void tl_api_ask(struct tl_api_call *call)
{
    const tl_json *body = tl_api_read_body(call);
    if (!body)
        return;
    const char *accept = tl_http_header(call->exchange, "Accept");
    struct tl_ask_question question = {.text = tl_json_str(tl_json_get(body, "question")),
                                       .conversation = tl_json_get_text(body, "conversation"),
                                       .last = tl_json_bool(tl_json_get(body, "continue"), false)};
    if (question.text.size == 0) {
        tl_err_set(&call->rq.err, TL_INVALID_ARGUMENT, "\"question\" is missing");
        tl_err_hint(&call->rq.err, "{\"question\": \"top 10 customers by revenue last quarter\"}");
        tl_api_fail(call);
        return;
    }
    if (accept && strstr(accept, "text/event-stream"))
        answer_events(call, &question);
    else
        answer_document(call, &question);
}

/* --- conversations and models --- */

static void reply_list(struct tl_api_call *call, const char *key, const char *id,
                       enum tl_code (*put)(struct tl_request *rq, tl_ask *ask, struct tl_json_writer *json))
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ANSWER_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_key(&json, key);
    enum tl_code code = id ? tl_ask_put_conversation(&call->rq, call->api->parts.ask, id, &json) : put(&call->rq, call->api->parts.ask, &json);
    tl_json_end_object(&json);
    if (code == TL_OK) {
        tl_api_reply_json(call, 200, &buf);
        return;
    }
    tl_buf_done(&buf);
    tl_api_fail(call);
}

void tl_api_conversations_list(struct tl_api_call *call)
{
    reply_list(call, "conversations", NULL, tl_ask_put_conversations);
}

void tl_api_conversation_get(struct tl_api_call *call)
{
    reply_list(call, "turns", tl_api_param(call, "id"), NULL);
}

void tl_api_semantic_models(struct tl_api_call *call)
{
    reply_list(call, "models", NULL, tl_ask_put_models);
}
