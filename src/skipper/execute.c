#include "skipper/execute.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "sandbox/sandbox.h"
#include "skipper/tool_int.h"

enum { WALL_MS = 120000, STEPS_KEPT = 1000, CALL_ARENA_MAX = 64 << 20, RECORD_MAX = 2 << 20, WATCH_MS = 100, FAILURE_MAX = 64 * 1024 };

struct step {
    const char *tool; /* of the table */
    char query_id[40];
    enum tl_code code;
    int64_t begun_us, ended_us;
};

struct execution {
    struct tl_request *rq;
    tl_tools *tools;
    const struct tl_execute_job *job;
    const struct tl_principal *principal; /* with the client as agent */
    char run_id[40];
    tl_sandbox_run *run;
    tl_arena *arena; /* of the result */
    struct tl_sandbox_result result;
    struct tl_err err;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ended;
    int calling; /* threads of calls */
    int step_count;
    struct step steps[STEPS_KEPT];
};

struct call {
    struct execution *execution;
    tl_sandbox_call *call;
    int step; /* from 1 */
};

/* ---- one call of a tool ---- */

static bool nobody_waits(void *context)
{
    const struct call *call = context;
    return tl_sandbox_call_ended(call->call);
}

static void answer_failure(tl_sandbox_call *call, const struct tl_err *err)
{
    struct tl_buf text;
    struct tl_json_writer json;
    tl_buf_init(&text, FAILURE_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "message", err->message);
    tl_json_pair_text(&json, "code", tl_code_info(err->code)->name);
    const char *hint = err->hint[0] ? err->hint : tl_code_info(err->code)->help;
    tl_json_pair_text(&json, "hint", hint);
    if (err->link[0])
        tl_json_pair_text(&json, "link", err->link);
    tl_json_end_object(&json);
    tl_sandbox_fail(call, (struct tl_str){text.data, text.size});
    tl_buf_done(&text);
}

/* The one argument of a call; none is {}. */
static enum tl_code read_arguments(struct tl_request *rq, struct tl_str text, const tl_json **ret_arguments)
{
    const tl_json *list;
    enum tl_code code = tl_json_parse(rq->arena, text.data, text.size, &list, &rq->err);
    if (code != TL_OK)
        return code;
    struct tl_json_iter it = tl_json_iter(list);
    if (!tl_json_next(&it))
        return tl_json_parse(rq->arena, "{}", 2, ret_arguments, &rq->err);
    *ret_arguments = it.value;
    if (tl_json_count(list) > 1)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "a tool takes one argument, an object, and got %zu", tl_json_count(list));
    return TL_OK;
}

static enum tl_code call_tool(struct call *call, struct tl_request *rq, const char *name, struct tl_buf *answer)
{
    struct execution *execution = call->execution;
    const tl_json *arguments;
    struct tl_tool_caller caller = {execution->job->caller.client, true, nobody_waits, call};
    if (read_arguments(rq, tl_sandbox_call_arguments(call->call), &arguments) != TL_OK)
        return rq->err.code;
    enum tl_code code = tl_tool_call(rq, execution->tools, &caller, name, arguments, answer);
    const char *query = tl_json_get_text(arguments, "queryId");
    struct step *step = &execution->steps[call->step - 1];
    if (code == TL_OK && strcmp(name, "start_query") == 0 && answer->size > 2 && answer->size - 2 < sizeof step->query_id)
        memcpy(step->query_id, answer->data + 1, answer->size - 2); /* a text without escapes */
    else if (query && strlen(query) < sizeof step->query_id)
        memcpy(step->query_id, query, strlen(query));
    return code;
}

static void end_step(struct call *call, enum tl_code code)
{
    struct execution *execution = call->execution;
    pthread_mutex_lock(&execution->lock);
    execution->steps[call->step - 1].code = code;
    execution->steps[call->step - 1].ended_us = tl_clock_monotonic_us();
    execution->calling--;
    pthread_cond_broadcast(&execution->changed);
    pthread_mutex_unlock(&execution->lock);
    free(call);
}

static void *run_call(void *context)
{
    struct call *call = context;
    struct execution *execution = call->execution;
    tl_arena *arena = tl_arena_new(CALL_ARENA_MAX);
    struct tl_request rq;
    struct tl_buf answer;
    tl_request_init(&rq, arena);
    struct tl_principal principal = *execution->principal;
    principal.agent_call = tl_arena_printf(arena, "%s/%d", execution->run_id, call->step);
    rq.principal = &principal;
    tl_buf_init(&answer, TL_TOOL_ANSWER_MAX);
    enum tl_code code = call_tool(call, &rq, execution->steps[call->step - 1].tool, &answer);
    if (code == TL_OK)
        tl_sandbox_answer(call->call, (struct tl_str){answer.data, answer.size});
    else
        answer_failure(call->call, &rq.err);
    tl_buf_done(&answer);
    tl_arena_free(arena);
    end_step(call, code);
    return NULL;
}

/* On the thread of the run. */
static void take_call(void *context, tl_sandbox_call *sandbox_call)
{
    enum { PREFIX = sizeof "skipper." - 1 };
    struct execution *execution = context;
    struct tl_err err;
    pthread_t thread;
    struct call *call = tl_heap_alloc(sizeof *call);
    *call = (struct call){execution, sandbox_call, 0};
    pthread_mutex_lock(&execution->lock);
    if (execution->step_count < STEPS_KEPT) {
        call->step = ++execution->step_count;
        execution->steps[call->step - 1] = (struct step){.tool = tl_tool_find(tl_sandbox_call_name(sandbox_call) + PREFIX)->name,
                                                         .begun_us = tl_clock_monotonic_us()};
        execution->calling++;
        pthread_cond_broadcast(&execution->changed);
    }
    pthread_mutex_unlock(&execution->lock);
    if (call->step && pthread_create(&thread, NULL, run_call, call) == 0) {
        pthread_detach(thread);
        return;
    }
    tl_err_init(&err);
    tl_err_set(&err, TL_TOO_MANY_REQUESTS, "the call could not be begun");
    answer_failure(sandbox_call, &err);
    if (call->step)
        end_step(call, err.code);
    else
        free(call);
}

/* ---- the run ---- */

static void *run_script(void *context)
{
    struct execution *execution = context;
    enum tl_code code = tl_sandbox_run_go(execution->run, execution->arena, &execution->result, &execution->err);
    pthread_mutex_lock(&execution->lock);
    execution->ended = true;
    if (code != TL_OK)
        execution->result.end = TL_SANDBOX_LOST;
    pthread_cond_broadcast(&execution->changed);
    pthread_mutex_unlock(&execution->lock);
    return NULL;
}

/* Each step that has begun; a step's tool does not change.  With the lock held, which is given back while it tells. */
static void tell_steps(struct execution *execution, int *told)
{
    const struct tl_execute_job *job = execution->job;
    int steps = execution->step_count;
    pthread_mutex_unlock(&execution->lock);
    for (; *told < steps; (*told)++)
        if (job->progress)
            job->progress(job->progress_context, *told + 1, execution->steps[*told].tool);
    if (job->caller.stopped && job->caller.stopped(job->caller.stop_context))
        tl_sandbox_run_cancel(execution->run);
    pthread_mutex_lock(&execution->lock);
}

static void watch(struct execution *execution)
{
    int told = 0;
    pthread_mutex_lock(&execution->lock);
    while (!execution->ended || execution->calling > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&execution->changed, &execution->lock, &until);
        tell_steps(execution, &told);
    }
    tell_steps(execution, &told);
    pthread_mutex_unlock(&execution->lock);
}

static enum tl_code run(struct execution *execution)
{
    struct tl_err *err = &execution->rq->err;
    struct tl_sandbox_job job = {
        .program = execution->tools->parts.sandbox,
        .script = execution->job->script,
        .host = {tl_tool_functions(), take_call, execution},
        .limits = {.wall_ms_max = WALL_MS},
        .time_ms = tl_clock_wall_us() / 1000,
    };
    pthread_t thread;
    if (tl_random_bytes(&job.seed, sizeof job.seed, err) != TL_OK || tl_sandbox_run_new(&job, &execution->run, err) != TL_OK)
        return err->code;
    if (pthread_create(&thread, NULL, run_script, execution) != 0) {
        execution->run = tl_sandbox_run_free(execution->run);
        return tl_err_set(err, TL_INTERNAL, "no thread could be had for the script");
    }
    watch(execution);
    pthread_join(thread, NULL);
    execution->run = tl_sandbox_run_free(execution->run);
    return tl_err_copy(err, &execution->err);
}

/* Nobody waits for what a script has started that did not come to its end. */
static void end_statements(struct execution *execution)
{
    for (int i = 0; execution->result.end != TL_SANDBOX_DONE && i < execution->step_count; i++)
        if (execution->steps[i].query_id[0])
            tl_results_cancel(execution->rq, execution->tools->results, execution->steps[i].query_id);
}

/* ---- the record ---- */

static enum tl_code record(struct execution *execution, const char *kind, const struct tl_buf *members)
{
    struct tl_request rq;
    if (!execution->tools->parts.audit)
        return TL_OK;
    tl_request_init(&rq, execution->rq->arena);
    rq.principal = execution->principal;
    enum tl_code code = members->failed ? tl_err_set(&rq.err, TL_TOO_LARGE, "the record of the script is too long")
                                        : tl_audit_event(&rq, execution->tools->parts.audit, kind, execution->run_id,
                                                         (struct tl_str){members->data, members->size});
    return code == TL_OK ? TL_OK : tl_err_copy(&execution->rq->err, &rq.err);
}

static enum tl_code record_begin(struct execution *execution)
{
    struct tl_buf members;
    tl_buf_init(&members, RECORD_MAX);
    tl_buf_adds(&members, "\"script\":\"");
    tl_json_escape(&members, execution->job->script.data, execution->job->script.size);
    tl_buf_addc(&members, '"');
    enum tl_code code = record(execution, "script", &members);
    tl_buf_done(&members);
    return code;
}

static void put_steps(const struct execution *execution, struct tl_json_writer *json)
{
    tl_json_key(json, "steps");
    tl_json_begin_array(json);
    for (int i = 0; i < execution->step_count; i++) {
        const struct step *step = &execution->steps[i];
        tl_json_begin_object(json);
        tl_json_pair_int64(json, "step", i + 1);
        tl_json_pair_text(json, "tool", step->tool);
        if (step->query_id[0])
            tl_json_pair_text(json, "queryId", step->query_id);
        if (step->code != TL_OK)
            tl_json_pair_text(json, "code", tl_code_info(step->code)->name);
        tl_json_pair_int64(json, "ms", (step->ended_us - step->begun_us) / 1000);
        tl_json_end_object(json);
    }
    tl_json_end_array(json);
}

/* What was done is done: that its record is missing is said in the log. */
static void record_end(struct execution *execution)
{
    struct tl_buf members;
    struct tl_json_writer json;
    tl_buf_init(&members, RECORD_MAX);
    tl_json_writer_init(&json, &members);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "state", tl_sandbox_end_name(execution->result.end));
    put_steps(execution, &json);
    tl_json_pair_int64(&json, "wall_us", execution->result.wall_us);
    tl_json_end_object(&json);
    struct tl_buf inside = {.data = members.data + 1, .size = members.size > 2 ? members.size - 2 : 0, .failed = members.failed};
    struct tl_err before = execution->rq->err;
    if (record(execution, "script_ended", &inside) != TL_OK && before.code == TL_OK) {
        tl_log_err(TL_LOG_ERROR, "skipper", "the end of a script is not on the record", &execution->rq->err);
        execution->rq->err = before;
    }
    tl_buf_done(&members);
}

/* ---- the answer ---- */

static void put_result(struct execution *execution, struct tl_json_writer *json)
{
    struct tl_str result = execution->result.result;
    const tl_json *value;
    struct tl_err err;
    tl_err_init(&err);
    tl_json_key(json, "result");
    if (result.size > TL_TOOL_MODEL_BYTES) {
        tl_json_put_str(json, tl_utf8_cut(result, TL_TOOL_MODEL_BYTES));
        tl_json_pair_int64(json, "cut", (int64_t)result.size);
    } else if (tl_json_parse(execution->arena, result.data, result.size, &value, &err) == TL_OK) {
        tl_json_put_value(json, value);
    } else {
        tl_json_put_str(json, result);
    }
}

static void put_error(const struct tl_sandbox_result *result, struct tl_json_writer *json)
{
    tl_json_key(json, "error");
    tl_json_begin_object(json);
    tl_json_key(json, "message");
    tl_json_put_str(json, result->message);
    tl_json_pair_int64(json, "line", result->line);
    tl_json_pair_int64(json, "column", result->column);
    tl_json_key(json, "stack");
    tl_json_put_str(json, tl_utf8_cut(result->stack, TL_ERR_DETAIL_MAX));
    tl_json_end_object(json);
}

static void put_console(const struct tl_sandbox_result *result, struct tl_json_writer *json)
{
    size_t left = TL_TOOL_MODEL_BYTES / 4;
    tl_json_key(json, "console");
    tl_json_begin_array(json);
    for (size_t i = 0; i < result->line_count && left > 0; i++) {
        struct tl_str text = tl_utf8_cut(result->lines[i].text, left);
        tl_json_put_str(json, text);
        left -= text.size;
    }
    tl_json_end_array(json);
}

static void put_answer(struct execution *execution, struct tl_json_writer *json)
{
    const struct tl_sandbox_result *result = &execution->result;
    tl_json_begin_object(json);
    tl_json_pair_text(json, "runId", execution->run_id);
    tl_json_pair_text(json, "state", tl_sandbox_end_name(result->end));
    if (result->end == TL_SANDBOX_DONE)
        put_result(execution, json);
    else
        put_error(result, json);
    put_console(result, json);
    put_steps(execution, json);
    tl_json_pair_int64(json, "wallMs", result->wall_us / 1000);
    tl_json_end_object(json);
}

/* ---- runs at once ---- */

static enum tl_code take_place(struct tl_request *rq, tl_tools *tools, int *ret_place)
{
    int own = 0, free_place = -1;
    pthread_mutex_lock(&tools->runs_lock);
    for (int i = 0; i < TL_EXECUTE_RUNS_MAX; i++) {
        own += tools->runs[i] && strcmp(tools->runs[i], rq->principal->user) == 0;
        free_place = tools->runs[i] ? free_place : i;
    }
    bool full = own >= TL_EXECUTE_USER_RUNS_MAX || free_place < 0;
    if (!full)
        tools->runs[free_place] = rq->principal->user;
    pthread_mutex_unlock(&tools->runs_lock);
    *ret_place = free_place;
    if (!full)
        return TL_OK;
    tl_err_set(&rq->err, TL_TOO_MANY_REQUESTS, "%d scripts of yours run already", own);
    tl_err_hint(&rq->err, "at most %d of one person run at a time, and %d of all: wait for one to end", TL_EXECUTE_USER_RUNS_MAX, TL_EXECUTE_RUNS_MAX);
    return TL_TOO_MANY_REQUESTS;
}

static void give_place(tl_tools *tools, int place)
{
    pthread_mutex_lock(&tools->runs_lock);
    tools->runs[place] = NULL;
    pthread_mutex_unlock(&tools->runs_lock);
}

static enum tl_code check_job(struct tl_request *rq, const tl_tools *tools, const struct tl_execute_job *job)
{
    if (!tools->parts.sandbox)
        return tl_err_set(&rq->err, TL_UNSUPPORTED, "the program townlake-sandbox is not installed: no script can run");
    if (job->script.size > TL_EXECUTE_SCRIPT_MAX)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "the script has %zu bytes, at most %d are taken", job->script.size, TL_EXECUTE_SCRIPT_MAX);
    return TL_OK;
}

enum tl_code tl_execute(struct tl_request *rq, tl_tools *tools, const struct tl_execute_job *job, struct tl_json_writer *json, bool *ret_done)
{
    int place;
    if (check_job(rq, tools, job) != TL_OK || take_place(rq, tools, &place) != TL_OK)
        return rq->err.code;
    struct execution *execution = tl_heap_alloc(sizeof *execution);
    struct tl_principal principal = *rq->principal;
    *execution = (struct execution){.rq = rq, .tools = tools, .job = job, .principal = &principal, .arena = tl_arena_new(CALL_ARENA_MAX)};
    tl_request_new_id(execution->run_id);
    principal.agent = job->caller.client ? job->caller.client : "script";
    principal.agent_call = execution->run_id;
    tl_err_init(&execution->err);
    pthread_mutex_init(&execution->lock, NULL);
    pthread_cond_init(&execution->changed, NULL);
    enum tl_code code = record_begin(execution);
    if (code == TL_OK) {
        code = run(execution);
        end_statements(execution);
        record_end(execution);
    }
    if (code == TL_OK)
        put_answer(execution, json);
    *ret_done = execution->result.end == TL_SANDBOX_DONE;
    pthread_cond_destroy(&execution->changed);
    pthread_mutex_destroy(&execution->lock);
    tl_arena_free(execution->arena);
    free(execution);
    give_place(tools, place);
    return code;
}
