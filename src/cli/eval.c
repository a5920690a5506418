/* townlake skipper eval: a suite of questions, each with the SQL whose rows are right, or a refusal that is. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/eval_int.h"
#include "io/process.h"

enum { SUITE_BYTES_MAX = 1024 * 1024, BODY_MAX = 1024 * 1024, NAME_SIZE = 80, ARENA_EACH_MAX = 256 * 1024 * 1024 };

struct verdict {
    const char *ask, *why; /* why NULL = right */
    int64_t elapsed_us;
};

struct eval {
    struct tl_cli_job *job;
    struct tl_eval_question *questions;
    size_t count;
    struct verdict *verdicts;
    char *conversation; /* heap; of the question before */
};

/* TOWNLAKE_TOKEN_CONTRACTOR of "contractor", as the demo writes them. */
static const char *token_of(const char *user, const char *fallback)
{
    char name[NAME_SIZE] = "TOWNLAKE_TOKEN_";
    size_t size = strlen(name);
    for (const char *c = user ? user : ""; *c && size + 1 < sizeof name; c++)
        name[size++] = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    name[size] = '\0';
    const char *token = user ? getenv(name) : NULL;
    return token && *token ? token : fallback;
}

static const tl_json *post(struct eval *eval, tl_arena *arena, const struct tl_eval_question *question, struct tl_err *err)
{
    struct tl_buf body;
    struct tl_json_writer json;
    const tl_json *answer = NULL;
    tl_buf_init(&body, BODY_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "question", question->ask);
    if (question->follow && eval->conversation)
        tl_json_pair_text(&json, "conversation", eval->conversation);
    tl_json_end_object(&json);
    if (tl_cli_call(&eval->job->client, arena, "POST", "/api/v1/ask", tl_str_of(tl_buf_cstr(&body)), &answer, err) != TL_OK)
        answer = NULL;
    tl_buf_done(&body);
    const char *conversation = tl_json_get_text(answer, "conversation");
    if (conversation) {
        free(eval->conversation);
        eval->conversation = tl_heap_strdup(conversation);
    }
    return answer;
}

struct reference {
    tl_arena *arena;
    struct tl_eval_rows rows;
};

static bool take_row(void *context, const tl_json *row)
{
    struct reference *reference = context;
    tl_eval_add_row(reference->arena, &reference->rows, row, NULL);
    return true;
}

static bool has_table(const tl_json *answer, const char *name)
{
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(tl_json_get(answer, "proof"), "tables")); tl_json_next(&it);)
        if (tl_streq(tl_json_get_text(it.value, "name"), name))
            return true;
    return false;
}

static const char *check_tables(tl_arena *arena, const struct tl_eval_question *question, const tl_json *answer)
{
    for (const struct tl_yaml_node *item = question->tables ? question->tables->first : NULL; item; item = item->next)
        if (!has_table(answer, item->text))
            return tl_arena_printf(arena, "does not use %s", item->text);
    for (const struct tl_yaml_node *item = question->forbidden ? question->forbidden->first : NULL; item; item = item->next)
        if (has_table(answer, item->text))
            return tl_arena_printf(arena, "uses %s", item->text);
    return NULL;
}

static const char *check_rows(struct eval *eval, tl_arena *arena, const struct tl_eval_question *question, const tl_json *answer)
{
    struct reference reference = {.arena = arena};
    struct tl_eval_rows got = {0};
    struct tl_cli_sink sink = {.context = &reference, .row = take_row};
    struct tl_cli_outcome outcome;
    struct tl_err err;
    const char *why = NULL;
    tl_err_init(&err);
    if (tl_cli_run(&eval->job->client, question->sql, strlen(question->sql), &sink, &outcome, &err) != TL_OK)
        return tl_arena_printf(arena, "its own SQL fails: %s", err.message);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "rows")); tl_json_next(&it);)
        tl_eval_add_row(arena, &got, it.value, question);
    if (!tl_eval_equal(arena, &reference.rows, &got, question->zeros, &why))
        return why;
    return check_tables(arena, question, answer);
}

static const char *judge(struct eval *eval, tl_arena *arena, const struct tl_eval_question *question, const tl_json *answer, const struct tl_err *err)
{
    const tl_json *refusal = tl_json_get(answer, "refusal");
    if (question->denied)
        return err->code == TL_NOT_ALLOWED ? NULL : "was not denied";
    if (err->code != TL_OK)
        return tl_arena_printf(arena, "failed: %s", err->message);
    if (question->refuse)
        return refusal ? NULL : tl_arena_printf(arena, "answered, read as: %s", tl_cli_text(tl_json_get(answer, "reading"), "reading"));
    if (refusal)
        return tl_arena_printf(arena, "refused: %s", tl_cli_text(refusal, "reason"));
    const char *why = check_rows(eval, arena, question, answer);
    return why ? tl_arena_printf(arena, "%s; read as: %s", why, tl_cli_text(tl_json_get(answer, "reading"), "reading")) : NULL;
}

static void ask_one(struct eval *eval, const struct tl_eval_question *question, struct verdict *verdict)
{
    tl_arena *arena = tl_arena_new(ARENA_EACH_MAX);
    struct tl_err err;
    const char *self = eval->job->client.token;
    tl_err_init(&err);
    eval->job->client.token = token_of(question->as, self);
    int64_t started_us = tl_clock_monotonic_us();
    const tl_json *answer = post(eval, arena, question, &err);
    verdict->elapsed_us = tl_clock_monotonic_us() - started_us;
    verdict->ask = question->ask;
    verdict->why = tl_arena_strdup(eval->job->arena, judge(eval, arena, question, answer, &err));
    eval->job->client.token = self;
    const struct tl_cli_colours *c = &eval->job->c;
    printf("%s%s%s %5lld ms  %s%s%s%s%s%s\n", verdict->why ? c->red : c->green, verdict->why ? "FAIL" : "ok  ", c->off, (long long)(verdict->elapsed_us / 1000),
           question->follow ? "... " : "", question->ask, verdict->why ? "\n         " : "", c->dim, verdict->why ? verdict->why : "", c->off);
    tl_arena_free(arena);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = ((const struct verdict *)a)->elapsed_us, y = ((const struct verdict *)b)->elapsed_us;
    return x < y ? -1 : x > y;
}

/* --- the run before --- */

static const tl_json *read_last(struct tl_cli_job *job)
{
    const char *path = tl_cli_job_option(job, "--last");
    struct tl_buf text;
    const tl_json *last = NULL;
    if (!path)
        return NULL;
    tl_buf_init(&text, SUITE_BYTES_MAX * 16);
    if (tl_file_read(path, &text, &job->err) == TL_OK && tl_json_parse(job->arena, tl_buf_cstr(&text), text.size, &last, &job->err) != TL_OK)
        last = NULL;
    tl_buf_done(&text);
    return last;
}

static int compare_with_last(const struct eval *eval, const tl_json *last)
{
    int worse = 0;
    for (size_t i = 0; i < eval->count; i++)
        for (struct tl_json_iter it = tl_json_iter(tl_json_get(last, "questions")); tl_json_next(&it);) {
            int64_t number = -1;
            tl_json_int64(tl_json_get(it.value, "number"), &number);
            if (number != (int64_t)i + 1 || !tl_streq(tl_json_get_text(it.value, "ask"), eval->verdicts[i].ask))
                continue;
            bool before = tl_json_bool(tl_json_get(it.value, "right"), false), now = eval->verdicts[i].why == NULL;
            if (before != now)
                printf("%s since the last run: %s\n", now ? "right" : "wrong", eval->verdicts[i].ask);
            worse += before && !now;
        }
    return worse;
}

static void record(const struct eval *eval, const char *suite)
{
    const char *path = tl_cli_job_option(eval->job, "--record");
    struct tl_buf text;
    struct tl_json_writer json;
    if (!path)
        return;
    tl_buf_init(&text, SUITE_BYTES_MAX * 16);
    tl_json_writer_init(&json, &text);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, "suite", suite);
    tl_json_key(&json, "questions");
    tl_json_begin_array(&json);
    for (size_t i = 0; i < eval->count; i++) {
        tl_json_begin_object(&json);
        tl_json_pair_int64(&json, "number", (int64_t)i + 1);
        tl_json_pair_text(&json, "ask", eval->verdicts[i].ask);
        tl_json_pair_bool(&json, "right", eval->verdicts[i].why == NULL);
        tl_json_pair_text(&json, "why", eval->verdicts[i].why);
        tl_json_pair_int64(&json, "elapsed_us", eval->verdicts[i].elapsed_us);
        tl_json_end_object(&json);
    }
    tl_json_end_array(&json);
    tl_json_end_object(&json);
    if (tl_file_write(path, tl_buf_cstr(&text), text.size, 0644, &eval->job->err) != TL_OK)
        tl_err_detail(&eval->job->err, "the run is not recorded");
    tl_buf_done(&text);
}

static void sum_up(struct eval *eval, const char *suite, const tl_json *last)
{
    size_t right = 0, refusals = 0, refused = 0;
    for (size_t i = 0; i < eval->count; i++) {
        bool no = eval->questions[i].refuse || eval->questions[i].denied;
        right += eval->verdicts[i].why == NULL;
        refusals += no;
        refused += no && eval->verdicts[i].why == NULL;
    }
    record(eval, suite);
    int worse = last ? compare_with_last(eval, last) : (int)(eval->count - right);
    qsort(eval->verdicts, eval->count, sizeof *eval->verdicts, by_time);
    printf("%zu of %zu right: %zu of %zu answers, %zu of %zu refusals and denials; half within %lld ms, 95 of 100 within %lld ms\n", right, eval->count,
           right - refused, eval->count - refusals, refused, refusals, (long long)(eval->count ? eval->verdicts[eval->count / 2].elapsed_us / 1000 : 0),
           (long long)(eval->count ? eval->verdicts[eval->count * 95 / 100].elapsed_us / 1000 : 0));
    if (worse > 0 && eval->job->err.code == TL_OK) {
        tl_err_set(&eval->job->err, TL_CONFLICT, last ? "%d questions are wrong that were right in the last run" : "%d questions are wrong", worse);
        tl_err_hint(&eval->job->err, last ? "`--record` keeps this run for the next" : "with --last FILE only what was right before counts");
    }
}

void tl_cli_eval(struct tl_cli_job *job)
{
    struct eval eval = {.job = job};
    struct tl_buf text;
    const tl_json *last = read_last(job);
    tl_buf_init(&text, SUITE_BYTES_MAX);
    if (job->err.code == TL_OK && tl_file_read(job->words[0], &text, &job->err) == TL_OK &&
        tl_eval_read(job->arena, job->words[0], (struct tl_str){tl_buf_cstr(&text), text.size}, &eval.questions, &eval.count, &job->err) == TL_OK) {
        eval.verdicts = TL_NEW_ARRAY(job->arena, struct verdict, eval.count + 1);
        for (size_t i = 0; i < eval.count; i++)
            ask_one(&eval, &eval.questions[i], &eval.verdicts[i]);
        sum_up(&eval, job->words[0], last);
    }
    free(eval.conversation);
    tl_buf_done(&text);
}
