/* sandbox/testing_int.h -- one run with a small host, for the tests and the figures beside it. */
#ifndef TL_SANDBOX_TESTING_INT_H
#define TL_SANDBOX_TESTING_INT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sandbox/sandbox.h"

enum { HELD_MAX = 64 };

/* "skipper.echo" answers with its arguments, "fail" fails, "hold" is kept for the test, "garbage" is no JSON, "big" is too large. */
struct trial {
    tl_arena *arena;
    struct tl_err err;
    struct tl_sandbox_job job;
    struct tl_sandbox_result result;
    tl_sandbox_run *run;
    tl_sandbox_call *held[HELD_MAX];
    size_t held_count, held_most; /* at held_most all are answered, the last first */
    struct tl_buf log;            /* "name arguments\n" of each call */
};

static const char *const trial_functions[] = {"skipper.echo", "skipper.fail", "skipper.hold", "skipper.garbage", "skipper.big", "ping", NULL};

static inline void trial_call(void *context, tl_sandbox_call *call)
{
    struct trial *trial = context;
    const char *name = tl_sandbox_call_name(call);
    struct tl_str arguments = tl_sandbox_call_arguments(call);
    tl_buf_addf(&trial->log, "%s %.*s\n", name, (int)arguments.size, arguments.data);
    if (strcmp(name, "skipper.echo") == 0) {
        tl_sandbox_answer(call, arguments);
    } else if (strcmp(name, "skipper.fail") == 0) {
        tl_sandbox_fail(call, TL_STR("{\"message\":\"no table \\\"t\\\"\",\"code\":\"table_not_found\",\"hint\":\"try u\",\"then\":1,\"__proto__\":{}}"));
    } else if (strcmp(name, "skipper.garbage") == 0) {
        tl_sandbox_answer(call, TL_STR("{not json"));
    } else if (strcmp(name, "skipper.big") == 0) {
        size_t size = (size_t)trial->job.limits.answer_bytes_max + 1;
        char *bytes = tl_arena_alloc(trial->arena, size);
        memset(bytes, '1', size);
        tl_sandbox_answer(call, (struct tl_str){bytes, size});
    } else if (strcmp(name, "ping") == 0) {
        tl_sandbox_answer(call, TL_STR("null"));
    } else {
        assert_true(trial->held_count < HELD_MAX);
        trial->held[trial->held_count++] = call;
        while (trial->held_count >= trial->held_most && trial->held_most && trial->held_count > 0) {
            call = trial->held[--trial->held_count];
            tl_sandbox_answer(call, tl_sandbox_call_arguments(call));
            if (trial->held_count == 0)
                break;
            trial->held_most = trial->held_count;
        }
    }
}

static inline void trial_begin(struct trial *trial)
{
    memset(trial, 0, sizeof *trial);
    trial->arena = tl_arena_new((size_t)256 << 20);
    tl_err_init(&trial->err);
    tl_buf_init(&trial->log, 4 << 20);
    trial->job = (struct tl_sandbox_job){.program = TL_SANDBOX_PROGRAM,
                                         .host = {trial_functions, trial_call, trial},
                                         .limits = {.cpu_ms_max = 1000, .wall_ms_max = 20000, .answer_bytes_max = 1 << 20},
                                         .time_ms = 1767225600123,
                                         .seed = 42};
}

static inline void trial_go(struct trial *trial, struct tl_str script)
{
    trial->job.script = script;
    if (tl_sandbox_run_new(&trial->job, &trial->run, &trial->err) != TL_OK ||
        tl_sandbox_run_go(trial->run, trial->arena, &trial->result, &trial->err) != TL_OK)
        fail_msg("%s", trial->err.message);
}

static inline void trial_end(struct trial *trial)
{
    while (trial->held_count > 0)
        tl_sandbox_answer(trial->held[--trial->held_count], TL_STR("null"));
    trial->run = tl_sandbox_run_free(trial->run);
    tl_buf_done(&trial->log);
    trial->arena = tl_arena_free(trial->arena);
}

static inline void expect_end(const struct trial *trial, enum tl_sandbox_end end)
{
    if (trial->result.end != end)
        fail_msg("ended with %s, not %s: %s\n%s", tl_sandbox_end_name(trial->result.end), tl_sandbox_end_name(end),
                 trial->result.message.data, trial->result.stack.data ? trial->result.stack.data : "");
}

/* Runs it: the result as JSON. */
#define EXPECT_RESULT(script, json) expect_result((script), (json), __LINE__)
static inline void expect_result(const char *script, const char *json, int line)
{
    struct trial trial;
    trial_begin(&trial);
    trial_go(&trial, tl_str_of(script));
    if (trial.result.end != TL_SANDBOX_DONE || strcmp(trial.result.result.data, json) != 0)
        fail_msg("line %d: %s %s, not %s\n%s", line, tl_sandbox_end_name(trial.result.end),
                 trial.result.end == TL_SANDBOX_DONE ? trial.result.result.data : trial.result.message.data, json,
                 trial.result.stack.data ? trial.result.stack.data : "");
    trial_end(&trial);
}

/* Runs it: how it ends, the start of its message, its line. */
#define EXPECT_FAILURE(script, end, message, line) expect_failure((script), (end), (message), (line), __LINE__)
static inline void expect_failure(const char *script, enum tl_sandbox_end end, const char *message, int line, int here)
{
    struct trial trial;
    trial_begin(&trial);
    trial_go(&trial, tl_str_of(script));
    const struct tl_sandbox_result *result = &trial.result;
    if (result->end != end || strncmp(result->message.data, message, strlen(message)) != 0 || result->line != line)
        fail_msg("line %d: %s \"%s\" at %d:%d\n%s", here, tl_sandbox_end_name(result->end), result->message.data, result->line, result->column,
                 result->stack.data ? result->stack.data : "");
    trial_end(&trial);
}

#endif
