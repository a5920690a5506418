#include "skipper/agent.h"

#include <stdlib.h>
#include <string.h>

#include "auth/principal.h"
#include "base/clock.h"
#include "skipper/agent_int.h"

enum { QUESTION_MAX = 200 << 10, PROOF_MAX = 4 << 20, ROOM_PARTS = 4 };

const char *tl_agent_event_name(enum tl_agent_event_kind kind)
{
    static const char *const names[] = {"thought", "text", "tool_start", "tool_end", "rows", "chart", "finding", "proposal", "proof"};
    return names[kind];
}

const char *tl_agent_end_name(enum tl_agent_end end)
{
    static const char *const names[] = {"answered", "cut", "refused", "steps", "time", "tokens", "cost", "loop"};
    return names[end];
}

static const char *const notes[] = {
    [TL_AGENT_ANSWERED] = NULL,
    [TL_AGENT_CUT] = "The answer was cut off: it is longer than models.answer_tokens allows.",
    [TL_AGENT_REFUSED] = "The model, or its provider, will not answer this.",
    [TL_AGENT_STEPS] = "No answer yet when the steps of a question were used up (models.question_steps).",
    [TL_AGENT_TIME] = "No answer yet when the time of a question was over (models.question_time).",
    [TL_AGENT_TOKENS] = "No answer yet when the tokens of a question were used up (models.question_tokens).",
    [TL_AGENT_COST] = "No answer yet when the money for a question was spent (models.question_cost).",
    [TL_AGENT_LOOP] = "The model made the same call again and again; it was stopped.",
};

static int within(int wanted)
{
    return wanted > 0 && wanted < TL_AGENT_QUESTIONS_MAX ? wanted : TL_AGENT_QUESTIONS_MAX;
}

enum tl_code tl_agent_new(const struct tl_agent_options *options, tl_agent **ret_agent, struct tl_err *err)
{
    const struct tl_agent_budget *budget = &options->budget;
    if (budget->steps < 1 || budget->steps > TL_AGENT_STEPS_MAX || budget->time_us < 1 || budget->tokens < 0 || budget->cost < 0) {
        tl_err_set(err, TL_CONFIG, "the budget of a question must allow 1 to %d steps and some time, and nothing may be negative", TL_AGENT_STEPS_MAX);
        tl_err_hint(err, "see the keys models.question_*");
        return TL_CONFIG;
    }
    tl_agent *agent = tl_heap_alloc(sizeof *agent);
    agent->options = *options;
    agent->options.questions_max = within(options->questions_max);
    agent->options.user_questions_max = within(options->user_questions_max);
    agent->users = tl_heap_alloc((size_t)agent->options.questions_max * sizeof *agent->users);
    pthread_mutex_init(&agent->mutex, NULL);
    *ret_agent = agent;
    return TL_OK;
}

tl_agent *tl_agent_free(tl_agent *agent)
{
    if (!agent)
        return NULL;
    pthread_mutex_destroy(&agent->mutex);
    free(agent->users);
    free(agent);
    return NULL;
}

/* ---- how many at once ---- */

static int count_of(const tl_agent *agent, const char *user)
{
    int count = 0;
    for (int i = 0; i < agent->running; i++)
        count += strcmp(agent->users[i], user) == 0;
    return count;
}

static enum tl_code enter(struct tl_request *rq, tl_agent *agent, const char *user)
{
    enum tl_code code = TL_OK;
    pthread_mutex_lock(&agent->mutex);
    if (agent->running >= agent->options.questions_max)
        code = tl_err_set(&rq->err, TL_TOO_MANY_REQUESTS, "the language model works on %d questions, and no more at once", agent->running);
    else if (count_of(agent, user) >= agent->options.user_questions_max)
        code = tl_err_set(&rq->err, TL_TOO_MANY_REQUESTS, "the language model works on %d questions of yours, and no more at once",
                          agent->options.user_questions_max);
    else
        agent->users[agent->running++] = tl_heap_strdup(user);
    pthread_mutex_unlock(&agent->mutex);
    if (code != TL_OK)
        tl_err_hint(&rq->err, "wait until one of them is answered");
    return code;
}

static void leave(tl_agent *agent, const char *user)
{
    pthread_mutex_lock(&agent->mutex);
    int at = 0;
    while (strcmp(agent->users[at], user) != 0)
        at++;
    free(agent->users[at]);
    agent->users[at] = agent->users[--agent->running];
    pthread_mutex_unlock(&agent->mutex);
}

tl_model *tl_agent_model(const tl_agent *agent)
{
    return agent->options.model;
}

/* ---- events and stopping ---- */

void tl_agent_emit(struct tl_agent_run *run, const struct tl_agent_event *event)
{
    if (run->question->event)
        run->question->event(run->question->context_of_events, event);
}

bool tl_agent_stopped(struct tl_agent_run *run)
{
    const struct tl_agent_question *question = run->question;
    return atomic_load(&run->rq->cancelled) || (question->stopped && question->stopped(question->context_of_events));
}

static bool stopped(void *context)
{
    return tl_agent_stopped(context);
}

static void on_text(void *context, struct tl_str piece)
{
    struct tl_agent_run *run = context;
    tl_buf_add(&run->text, piece.data, piece.size);
    tl_agent_emit(run, &(struct tl_agent_event){.kind = TL_AGENT_TEXT, .text = piece});
}

static void on_thinking(void *context, struct tl_str piece)
{
    tl_agent_emit(context, &(struct tl_agent_event){.kind = TL_AGENT_THOUGHT, .text = piece});
}

/* ---- budgets ---- */

static int64_t spent_tokens(const struct tl_agent_outcome *outcome)
{
    return outcome->usage.input_tokens + outcome->usage.cached_tokens + outcome->usage.output_tokens;
}

static void spend(struct tl_agent_run *run, const struct tl_model_usage *usage)
{
    struct tl_agent_outcome *outcome = run->outcome;
    outcome->usage.input_tokens += usage->input_tokens;
    outcome->usage.cached_tokens += usage->cached_tokens;
    outcome->usage.output_tokens += usage->output_tokens;
    outcome->usage.estimated = outcome->usage.estimated || usage->estimated;
    outcome->cost += tl_model_cost(run->agent->options.model, usage);
}

/* Is a bound met?  *ret_end says which. */
static bool budget_is_over(const struct tl_agent_run *run, enum tl_agent_end *ret_end)
{
    const struct tl_agent_budget *budget = &run->agent->options.budget;
    const struct tl_agent_outcome *outcome = run->outcome;
    if (run->looping)
        *ret_end = TL_AGENT_LOOP;
    else if (outcome->steps >= budget->steps)
        *ret_end = TL_AGENT_STEPS;
    else if (budget->tokens && spent_tokens(outcome) >= budget->tokens)
        *ret_end = TL_AGENT_TOKENS;
    else if (budget->cost && outcome->cost >= budget->cost)
        *ret_end = TL_AGENT_COST;
    else if (tl_clock_monotonic_us() >= run->deadline_us)
        *ret_end = TL_AGENT_TIME;
    else
        return false;
    return true;
}

/* The next step is the last: by the steps, or because one more like those so far would be too much. */
static bool is_last_step(const struct tl_agent_run *run)
{
    const struct tl_agent_budget *budget = &run->agent->options.budget;
    const struct tl_agent_outcome *outcome = run->outcome;
    int64_t steps = outcome->steps ? outcome->steps : 1;
    return outcome->steps + 1 >= budget->steps || (budget->tokens && spent_tokens(outcome) + 2 * spent_tokens(outcome) / steps >= budget->tokens) ||
           (budget->cost && outcome->cost + 2 * outcome->cost / steps >= budget->cost);
}

/* ---- one step ---- */

static enum tl_code ask_model(struct tl_agent_run *run, struct tl_model_answer *answer)
{
    const struct tl_agent_question *question = run->question;
    tl_arena *arena = run->rq->arena;
    struct tl_model_tool *tools = TL_NEW_ARRAY(arena, struct tl_model_tool, question->tools.count);
    for (size_t i = 0; i < question->tools.count; i++)
        tools[i] = question->tools.tools[i].told;
    struct tl_model_request request = {
        .system = tl_context_system(arena, run->rq->principal, question->context, question->now_us),
        .messages = run->context.messages,
        .message_count = run->context.count,
        .tools = tools,
        .tool_count = question->tools.count,
        .no_calls = is_last_step(run),
        .deadline_us = run->deadline_us,
        .stop = stopped,
        .stop_context = run,
        .sink = {on_text, on_thinking, run},
    };
    tl_buf_clear(&run->text);
    run->outcome->steps++;
    return tl_model_ask(run->agent->options.model, arena, &request, answer, &run->rq->err);
}

/* Room is made before the model is full, and once more when it says that it is. */
static enum tl_code ask_with_room(struct tl_agent_run *run, struct tl_model_answer *answer)
{
    int64_t most = run->agent->options.context_tokens;
    if (most && tl_context_tokens(&run->context) > most - most / ROOM_PARTS)
        tl_context_make_room(&run->context);
    enum tl_code code = ask_model(run, answer);
    if (code == TL_OK || answer->failure != TL_MODEL_TOO_LONG || answer->was_shown || !tl_context_make_room(&run->context))
        return code;
    tl_err_init(&run->rq->err);
    run->outcome->steps--; /* the same step */
    return ask_model(run, answer);
}

static void keep_text(struct tl_agent_run *run)
{
    if (run->text.size)
        run->outcome->text = tl_arena_strndup(run->rq->arena, run->text.data, run->text.size);
}

static enum tl_agent_end end_of(const struct tl_model_answer *answer)
{
    return answer->end == TL_MODEL_LENGTH ? TL_AGENT_CUT : answer->end == TL_MODEL_REFUSED ? TL_AGENT_REFUSED : TL_AGENT_ANSWERED;
}

static bool has_calls(const struct tl_model_message *message)
{
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i].kind == TL_MODEL_CALL)
            return true;
    return false;
}

/* *ret_ended: the model has answered, or a bound is met. */
static enum tl_code step(struct tl_agent_run *run, bool *ret_ended)
{
    struct tl_agent_outcome *outcome = run->outcome;
    struct tl_model_answer answer;
    *ret_ended = budget_is_over(run, &outcome->end);
    if (*ret_ended)
        return TL_OK;
    enum tl_code code = ask_with_room(run, &answer);
    keep_text(run);
    spend(run, &answer.usage);
    if (code == TL_TIME_EXCEEDED && !(run->rq->deadline_us && tl_clock_monotonic_us() >= run->rq->deadline_us)) {
        tl_err_init(&run->rq->err); /* our own bound, not the caller's */
        outcome->end = TL_AGENT_TIME;
        *ret_ended = true;
        return TL_OK;
    }
    if (code != TL_OK)
        return code;
    if (!has_calls(&answer.message) || answer.end == TL_MODEL_REFUSED) {
        *ret_ended = true;
        outcome->end = end_of(&answer);
        if (outcome->end == TL_AGENT_ANSWERED && !run->text.size)
            return tl_err_set(&run->rq->err, TL_MODEL_FAILED, "the model \"%s\" gave an empty answer", tl_model_name(run->agent->options.model));
        return TL_OK;
    }
    tl_context_add(&run->context, TL_MODEL_ASSISTANT, answer.message.parts, answer.message.part_count);
    if (budget_is_over(run, &outcome->end)) {
        *ret_ended = true; /* what it calls now it could never read */
        return TL_OK;
    }
    return tl_agent_run_calls(run, &answer.message);
}

/* ---- the end ---- */

static void emit_proof(struct tl_agent_run *run)
{
    const struct tl_agent_outcome *outcome = run->outcome;
    const struct tl_agent_tools *tools = &run->question->tools;
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, PROOF_MAX);
    tl_json_writer_init(&json, &buf);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "model", tl_model_name(run->agent->options.model));
    tl_json_pair_text(&json, "provider", tl_model_provider(run->agent->options.model));
    tl_json_pair_text(&json, "end", tl_agent_end_name(outcome->end));
    tl_json_pair_text(&json, "note", outcome->note);
    tl_json_pair_int64(&json, "steps", outcome->steps);
    tl_json_pair_int64(&json, "calls", outcome->calls);
    tl_json_pair_int64(&json, "failed_calls", outcome->failed_calls);
    tl_json_pair_int64(&json, "input_tokens", outcome->usage.input_tokens);
    tl_json_pair_int64(&json, "cached_tokens", outcome->usage.cached_tokens);
    tl_json_pair_int64(&json, "output_tokens", outcome->usage.output_tokens);
    tl_json_pair_bool(&json, "tokens_estimated", outcome->usage.estimated);
    tl_json_key(&json, "cost");
    tl_json_put_double(&json, (double)outcome->cost / 1e6);
    if (tools->proof)
        tools->proof(tools->context, &json);
    tl_json_end_object(&json);
    if (!buf.failed)
        tl_agent_emit(run, &(struct tl_agent_event){.kind = TL_AGENT_PROOF, .json = {tl_buf_cstr(&buf), buf.size}});
    tl_buf_done(&buf);
}

static enum tl_code check_question(struct tl_request *rq, const struct tl_agent_question *question)
{
    const char *text = question->text;
    size_t size = text ? strnlen(text, QUESTION_MAX + 1) : 0;
    if (size == 0 || strspn(text, " \t\r\n") == size)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the question is empty");
    if (size > QUESTION_MAX)
        return tl_err_set(&rq->err, TL_TOO_LARGE, "the question is longer than %d bytes", QUESTION_MAX);
    return TL_OK;
}

enum tl_code tl_agent_ask(struct tl_request *rq, tl_agent *agent, const struct tl_agent_question *question, struct tl_agent_outcome *ret_outcome)
{
    struct tl_agent_run run = {.rq = rq, .agent = agent, .question = question, .outcome = ret_outcome, .context = {.arena = rq->arena}};
    const char *user = rq->principal ? rq->principal->user : "";
    *ret_outcome = (struct tl_agent_outcome){.text = ""};
    if (check_question(rq, question) != TL_OK || tl_context_mark(run.mark, &rq->err) != TL_OK || enter(rq, agent, user) != TL_OK)
        return rq->err.code;
    run.deadline_us = tl_clock_monotonic_us() + agent->options.budget.time_us;
    if (rq->deadline_us && rq->deadline_us < run.deadline_us)
        run.deadline_us = rq->deadline_us;
    tl_buf_init(&run.text, TL_MODEL_TEXT_MAX);
    tl_context_begin(&run.context, question);
    bool ended = false;
    enum tl_code code = TL_OK;
    while (code == TL_OK && !ended)
        code = step(&run, &ended);
    tl_buf_done(&run.text);
    leave(agent, user);
    if (code == TL_OK) {
        ret_outcome->note = notes[ret_outcome->end];
        emit_proof(&run);
    }
    return code;
}
