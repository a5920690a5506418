/* The calls of one message of the model: checked, run side by side as the person, answered. */
#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "skipper/agent_int.h"

enum { CALL_ARENA_MAX = 64 << 20, WAIT_NS = 50 * 1000 * 1000, SAME_TWICE = 2, ERROR_MAX = 8 << 10, NAMES_MAX = 4 << 10 };

enum call_state { CALL_WAITS, CALL_RUNS, CALL_DONE, CALL_TOLD };

struct call {
    struct tl_agent_run *run;
    struct calls *calls;
    struct tl_agent_call made;
    struct tl_request rq;
    struct tl_principal principal;
    struct tl_agent_result result;
    enum call_state state; /* under the mutex */
    bool refused;          /* by us: it was not run */
    bool has_thread;
    pthread_t thread;
    int64_t begun_us, elapsed_us;
    struct tl_str answer; /* to the model */
    bool failed;
};

struct calls {
    pthread_mutex_t mutex;
    pthread_cond_t done;
    size_t count;
    struct call *items;
};

static enum call_state state_of(struct call *call)
{
    pthread_mutex_lock(&call->calls->mutex);
    enum call_state state = call->state;
    pthread_mutex_unlock(&call->calls->mutex);
    return state;
}

static void set_state(struct call *call, enum call_state state)
{
    pthread_mutex_lock(&call->calls->mutex);
    call->state = state;
    pthread_mutex_unlock(&call->calls->mutex);
}

/* ---- what is wrong before it is run ---- */

static struct tl_str error_json(tl_arena *arena, const struct tl_err *err)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, ERROR_MAX * 4);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "code", tl_code_info(err->code)->name);
    tl_json_pair_text(&json, "message", err->message);
    if (err->detail[0])
        tl_json_pair_text(&json, "detail", err->detail);
    if (err->hint[0])
        tl_json_pair_text(&json, "hint", err->hint);
    if (err->link[0])
        tl_json_pair_text(&json, "link", err->link);
    tl_json_end_object(&json);
    struct tl_str text = {tl_arena_strndup(arena, buf.data, buf.size), buf.size};
    tl_buf_done(&buf);
    return text;
}

static void refuse(struct call *call, enum tl_code code, const char *message, const char *hint)
{
    tl_err_set(&call->rq.err, code, "%s", message);
    if (hint)
        tl_err_hint(&call->rq.err, "%s", hint);
    call->refused = call->failed = true;
    set_state(call, CALL_DONE);
}

static const struct tl_agent_tool *find_tool(const struct tl_agent_tools *tools, const char *name)
{
    for (size_t i = 0; i < tools->count; i++)
        if (strcmp(tools->tools[i].told.name, name) == 0)
            return &tools->tools[i];
    return NULL;
}

static void refuse_unknown(struct call *call)
{
    const struct tl_agent_tools *tools = &call->run->question->tools;
    struct tl_buf names;
    tl_buf_init(&names, NAMES_MAX);
    for (size_t i = 0; i < tools->count; i++)
        tl_buf_addf(&names, "%s%s", i ? ", " : "the tools are: ", tools->tools[i].told.name);
    refuse(call, TL_NOT_FOUND, tl_arena_printf(call->run->rq->arena, "there is no tool \"%.60s\"", call->made.name), tl_buf_cstr(&names));
    tl_buf_done(&names);
}

static bool read_arguments(struct call *call)
{
    tl_arena *arena = call->rq.arena;
    struct tl_str text = call->made.text;
    struct tl_err unread;
    tl_err_init(&unread);
    if (tl_json_parse(arena, text.data, text.size, &call->made.arguments, &unread) != TL_OK)
        refuse(call, TL_INVALID_ARGUMENT, tl_arena_printf(arena, "the arguments are not JSON: %s", unread.message), "send one JSON object");
    else if (!tl_json_is_object(call->made.arguments))
        refuse(call, TL_INVALID_ARGUMENT, "the arguments are not a JSON object", "send one JSON object");
    return !call->refused;
}

/* How often this call was made before, with the same arguments however they were spaced. */
static int count_same(struct call *call)
{
    struct tl_agent_run *run = call->run;
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, 4 * TL_MODEL_ARGUMENTS_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_put_value(&json, call->made.arguments);
    struct tl_str arguments = {tl_arena_strndup(run->rq->arena, buf.size ? buf.data : "", buf.size), buf.size};
    tl_buf_done(&buf);
    for (size_t i = 0; i < run->made_count; i++)
        if (strcmp(run->made[i].name, call->made.name) == 0 && tl_str_equal(run->made[i].arguments, arguments))
            return run->made[i].times++;
    if (run->made_count == run->made_capacity) {
        size_t grown = run->made_capacity ? run->made_capacity * 2 : 32, unit = sizeof *run->made;
        run->made = tl_arena_grow(run->rq->arena, run->made, run->made_capacity * unit, grown * unit);
        run->made_capacity = grown;
    }
    run->made[run->made_count++] = (struct tl_agent_made){call->made.name, arguments, 1};
    return 0;
}

static void check_call(struct call *call, size_t number)
{
    const struct tl_agent_tool *tool = find_tool(&call->run->question->tools, call->made.name);
    if (number >= TL_AGENT_CALLS_MAX) {
        const char *message = tl_arena_printf(call->rq.arena, "only %d calls can be made at once", TL_AGENT_CALLS_MAX);
        refuse(call, TL_TOO_MANY_REQUESTS, message, "make fewer calls in one message");
        return;
    }
    if (!tool) {
        refuse_unknown(call);
        return;
    }
    if (!read_arguments(call))
        return;
    int same = count_same(call);
    if (same >= SAME_TWICE) {
        refuse(call, TL_CONFLICT, "this very call was made twice already; a third time brings nothing new", "use what came back, change the call, or answer");
        call->run->looping = call->run->looping || same > SAME_TWICE;
    } else if (tool->changes) {
        tl_agent_emit(call->run, &(struct tl_agent_event){.kind = TL_AGENT_PROPOSAL, .id = call->made.id, .name = call->made.name, .json = call->made.text});
        refuse(call, TL_NOT_ALLOWED, "not done: this changes something, so the call was shown to the person, who confirms it or does not",
               "tell the person what you propose and why, and go on without it");
    }
}

/* ---- run ---- */

static const struct tl_principal *as_person(struct call *call)
{
    const struct tl_agent_run *run = call->run;
    const struct tl_principal *person = run->rq->principal;
    const char *conversation = run->question->conversation;
    if (!person)
        return NULL;
    call->principal = *person;
    if (!person->agent)
        call->principal.agent = "skipper";
    call->principal.agent_call = tl_arena_printf(call->rq.arena, "%s/%s", conversation ? conversation : run->rq->id, call->made.id);
    return &call->principal;
}

static void *run_call(void *context)
{
    struct call *call = context;
    const struct tl_agent_tools *tools = &call->run->question->tools;
    enum tl_code code = tools->call(tools->context, &call->rq, &call->made, &call->result);
    pthread_mutex_lock(&call->calls->mutex);
    call->failed = code != TL_OK;
    call->elapsed_us = tl_clock_monotonic_us() - call->begun_us;
    call->state = CALL_DONE;
    pthread_cond_signal(&call->calls->done);
    pthread_mutex_unlock(&call->calls->mutex);
    return NULL;
}

static void start_call(struct call *call)
{
    tl_agent_emit(call->run, &(struct tl_agent_event){.kind = TL_AGENT_TOOL_START, .id = call->made.id, .name = call->made.name, .json = call->made.text});
    call->begun_us = tl_clock_monotonic_us();
    call->run->outcome->calls++;
    set_state(call, CALL_RUNS);
    call->has_thread = pthread_create(&call->thread, NULL, run_call, call) == 0;
    if (!call->has_thread)
        run_call(call);
}

static size_t count_state(struct calls *calls, enum call_state state)
{
    size_t count = 0;
    pthread_mutex_lock(&calls->mutex);
    for (size_t i = 0; i < calls->count; i++)
        count += calls->items[i].state == state;
    pthread_mutex_unlock(&calls->mutex);
    return count;
}

static void start_waiting(struct calls *calls)
{
    size_t running = count_state(calls, CALL_RUNS);
    for (size_t i = 0; i < calls->count && running < TL_AGENT_AT_ONCE_MAX; i++)
        if (state_of(&calls->items[i]) == CALL_WAITS) { /* only this thread takes it out of that state */
            start_call(&calls->items[i]);
            running++;
        }
}

static void wait_a_little(struct calls *calls)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += WAIT_NS;
    end.tv_sec += end.tv_nsec / 1000000000L;
    end.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&calls->done, &calls->mutex, &end);
}

/* ---- told ---- */

static void emit_json(struct call *call, enum tl_agent_event_kind kind, struct tl_str json)
{
    if (json.size)
        tl_agent_emit(call->run, &(struct tl_agent_event){.kind = kind, .id = call->made.id, .name = call->made.name, .json = json});
}

/* Between marks too: names of columns are in them. */
static void tell_findings(struct call *call)
{
    struct tl_agent_run *run = call->run;
    struct tl_buf list, text;
    tl_buf_init(&list, TL_AGENT_RESULT_MAX);
    for (size_t i = 0; i < call->result.finding_count; i++) {
        tl_buf_addf(&list, "%s- %s", i ? "\n" : "", call->result.findings[i]);
        struct tl_str finding = tl_str_of(call->result.findings[i]);
        tl_agent_emit(run, &(struct tl_agent_event){.kind = TL_AGENT_FINDING, .id = call->made.id, .text = finding});
    }
    struct tl_str findings = {tl_buf_cstr(&list), list.size};
    struct tl_str found = tl_context_data(run->rq->arena, run->mark, "examination of this result", findings, TL_AGENT_RESULT_MAX);
    tl_buf_init(&text, call->answer.size + found.size + 1);
    tl_buf_add(&text, call->answer.data, call->answer.size);
    tl_buf_addc(&text, '\n');
    tl_buf_add(&text, found.data, found.size);
    call->answer = (struct tl_str){tl_arena_strndup(run->rq->arena, tl_buf_cstr(&text), text.size), text.size};
    tl_buf_done(&list);
    tl_buf_done(&text);
}

static void tell(struct call *call)
{
    struct tl_agent_run *run = call->run;
    tl_arena *arena = run->rq->arena;
    struct tl_str said = call->failed ? error_json(arena, &call->rq.err) : call->result.json;
    run->outcome->failed_calls += call->failed;
    call->answer = tl_context_data(arena, run->mark, call->made.name, said, TL_AGENT_RESULT_MAX);
    if (!call->refused)
        tl_agent_emit(run, &(struct tl_agent_event){.kind = TL_AGENT_TOOL_END,
                                                    .id = call->made.id,
                                                    .name = call->made.name,
                                                    .json = call->failed ? said : TL_STR("{}"),
                                                    .failed = call->failed,
                                                    .elapsed_us = call->elapsed_us});
    if (call->failed)
        return;
    emit_json(call, TL_AGENT_ROWS, call->result.rows);
    emit_json(call, TL_AGENT_CHART, call->result.chart);
    if (call->result.finding_count)
        tell_findings(call);
}

static void tell_done(struct calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        struct call *call = &calls->items[i];
        if (state_of(call) != CALL_DONE)
            continue;
        if (call->has_thread)
            pthread_join(call->thread, NULL);
        call->has_thread = false;
        tell(call);
        set_state(call, CALL_TOLD);
    }
}

static void pass_stop_on(struct calls *calls)
{
    for (size_t i = 0; i < calls->count; i++) {
        struct call *call = &calls->items[i];
        atomic_store(&call->rq.cancelled, true);
        if (state_of(call) == CALL_WAITS)
            refuse(call, TL_CANCELLED, "the question was cancelled", NULL);
    }
}

/* All calls to their ends; nothing runs any more when it returns. */
static bool run_all(struct tl_agent_run *run, struct calls *calls)
{
    bool stop = false;
    while (count_state(calls, CALL_TOLD) < calls->count) {
        if (!stop && (tl_agent_stopped(run) || tl_clock_monotonic_us() >= run->deadline_us)) {
            stop = true;
            pass_stop_on(calls);
        }
        start_waiting(calls);
        pthread_mutex_lock(&calls->mutex);
        bool any_done = false;
        for (size_t i = 0; i < calls->count; i++)
            any_done = any_done || calls->items[i].state == CALL_DONE;
        if (!any_done)
            wait_a_little(calls);
        pthread_mutex_unlock(&calls->mutex);
        tell_done(calls);
    }
    return stop;
}

/* ---- a message's calls ---- */

static void make_call(struct tl_agent_run *run, struct calls *calls, struct call *call, const struct tl_model_part *part)
{
    *call = (struct call){.run = run, .calls = calls, .made = {.id = part->id, .name = part->name}};
    call->made.text = part->text.size ? part->text : TL_STR("{}"); /* some models send nothing for no arguments */
    tl_request_init(&call->rq, tl_arena_new(CALL_ARENA_MAX));
    call->rq.deadline_us = run->deadline_us;
    call->rq.principal = as_person(call);
    check_call(call, calls->count);
    calls->count++;
}

static void add_results(struct tl_agent_run *run, const struct calls *calls)
{
    struct tl_model_part *parts = TL_NEW_ARRAY(run->rq->arena, struct tl_model_part, calls->count);
    for (size_t i = 0; i < calls->count; i++)
        parts[i] = (struct tl_model_part){
            .kind = TL_MODEL_RESULT,
            .id = calls->items[i].made.id,
            .name = calls->items[i].made.name,
            .text = calls->items[i].answer,
            .is_error = calls->items[i].failed,
        };
    tl_context_add(&run->context, TL_MODEL_USER, parts, calls->count);
}

enum tl_code tl_agent_run_calls(struct tl_agent_run *run, const struct tl_model_message *message)
{
    struct calls calls = {.items = TL_NEW_ARRAY(run->rq->arena, struct call, message->part_count)};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&calls.done, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&calls.mutex, NULL);
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].kind == TL_MODEL_CALL)
            make_call(run, &calls, &calls.items[calls.count], &message->parts[i]);
    run_all(run, &calls);
    add_results(run, &calls);
    for (size_t i = 0; i < calls.count; i++)
        tl_arena_free(calls.items[i].rq.arena);
    pthread_mutex_destroy(&calls.mutex);
    pthread_cond_destroy(&calls.done);
    if (tl_agent_stopped(run))
        return tl_err_set(&run->rq->err, TL_CANCELLED, "the question was cancelled");
    return TL_OK;
}
