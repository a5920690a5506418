/* Any bytes of a process that was taken over: read as frames, by the loop of a run, until it would kill the process. */
#include <stdio.h>
#include <stdlib.h>

#include "sandbox/run_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONSOLE_BYTES = 4096, RESULT_BYTES = 4096, CALLS = 8, AT_ONCE = 4 };

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "not true: %s\n", what);
    abort();
}

static uint32_t asked;

static void on_call(void *context, tl_sandbox_call *call)
{
    (void)context;
    struct tl_str arguments = tl_sandbox_call_arguments(call);
    size_t bad;
    asked++;
    must(strcmp(tl_sandbox_call_name(call), "a.b") == 0 || strcmp(tl_sandbox_call_name(call), "c") == 0, "a name of ours");
    must(tl_utf8_valid(arguments.data, arguments.size, &bad), "arguments in UTF-8");
    tl_sandbox_answer(call, arguments);
}

static void check_result(const struct tl_sandbox_run *run, const struct tl_sandbox_result *result)
{
    size_t bytes = 0;
    must(result->calls == asked && asked <= CALLS, "calls within their limit");
    for (size_t i = 0; i < result->line_count; i++) {
        bytes += result->lines[i].text.size;
        must(result->lines[i].level < TL_SANDBOX_LEVELS, "a level that there is");
    }
    must(bytes <= CONSOLE_BYTES && result->result.size <= RESULT_BYTES, "output within its limits");
    must(run->told || run->in.size <= (size_t)TL_SANDBOX_BYTES_MAX, "no more kept than a frame");
    must(result->line >= 0 && result->column >= 0, "a place that there may be");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const functions[] = {"a.b", "c", NULL};
    struct tl_sandbox_job job = {.program = "none",
                                 .script = TL_STR("1"),
                                 .host = {functions, on_call, NULL},
                                 .limits = {.calls_max = CALLS, .calls_at_once_max = AT_ONCE, .console_bytes_max = CONSOLE_BYTES,
                                            .result_bytes_max = RESULT_BYTES, .call_bytes_max = 1024, .answer_bytes_max = 512}};
    struct tl_sandbox_result result = {0};
    tl_arena *arena = tl_arena_new(64 << 20);
    tl_sandbox_run *run;
    struct tl_err err;
    tl_err_init(&err);
    must(tl_sandbox_run_new(&job, &run, &err) == TL_OK, err.message);
    run->arena = arena;
    run->result = &result;
    asked = 0;
    for (size_t at = 0, step = 1; at < size && !run->told; at += step, step = step * 2 + 1) { /* in pieces, as a socket may give them */
        step = step < size - at ? step : size - at;
        tl_buf_add(&run->in, data + at, step);
        run_take_frames(run);
    }
    check_result(run, &result);
    tl_sandbox_run_free(run);
    tl_arena_free(arena);
    return 0;
}
