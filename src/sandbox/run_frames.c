/* What goes to the process first, and what its frames mean.  Each is held against the limits again: the process may be broken. */
#include <stdio.h>

#include "sandbox/run_int.h"

enum tl_code run_queue_start(struct tl_sandbox_run *run, struct tl_err *err)
{
    const struct tl_sandbox_limits *limits = &run->job.limits;
    struct tl_sandbox_start start = {.seed = run->job.seed,
                                     .time_ms = run->job.time_ms,
                                     .memory_bytes_max = limits->memory_bytes_max,
                                     .cpu_ms_max = limits->cpu_ms_max,
                                     .calls_max = limits->calls_max,
                                     .calls_at_once_max = limits->calls_at_once_max,
                                     .call_bytes_max = limits->call_bytes_max,
                                     .answer_bytes_max = limits->answer_bytes_max,
                                     .result_bytes_max = limits->result_bytes_max,
                                     .console_bytes_max = limits->console_bytes_max,
                                     .script_bytes = (uint32_t)run->job.script.size};
    for (size_t i = 0; i < run->function_count; i++)
        start.names_bytes += (uint32_t)strlen(run->job.host.functions[i]) + 1;
    unsigned char head[TL_FRAME_HEAD_BYTES];
    tl_frame_put32(head, (uint32_t)(1 + sizeof start + start.names_bytes + start.script_bytes));
    head[4] = TL_FRAME_START;
    tl_buf_add(&run->out, head, sizeof head);
    tl_buf_add(&run->out, &start, sizeof start);
    for (size_t i = 0; i < run->function_count; i++)
        tl_buf_add(&run->out, run->job.host.functions[i], strlen(run->job.host.functions[i]) + 1);
    tl_buf_add(&run->out, run->job.script.data, run->job.script.size);
    return run->out.failed ? tl_err_set(err, TL_TOO_LARGE, "the script and the names of its functions are too large") : TL_OK;
}

/* ---- ends ---- */

static struct tl_str keep(struct tl_sandbox_run *run, const char *text, size_t size)
{
    return (struct tl_str){tl_arena_strndup(run->arena, text, size), size};
}

static const char *limit_message(struct tl_sandbox_run *run, enum tl_sandbox_end end)
{
    const struct tl_sandbox_limits *limits = &run->job.limits;
    switch (end) {
    case TL_SANDBOX_MEMORY:
        return tl_arena_printf(run->arena, "the script's values take more than %zu bytes of memory", limits->memory_bytes_max);
    case TL_SANDBOX_CPU:
        return tl_arena_printf(run->arena, "the script used more than %u ms of processor time", limits->cpu_ms_max);
    case TL_SANDBOX_WALL:
        return tl_arena_printf(run->arena, "the script ran longer than %u ms", limits->wall_ms_max);
    case TL_SANDBOX_OUTPUT:
        return tl_arena_printf(run->arena, "the result is larger than %u bytes", limits->result_bytes_max);
    case TL_SANDBOX_CANCELLED:
        return "the run was cancelled";
    default:
        return "";
    }
}

void run_end(struct tl_sandbox_run *run, enum tl_sandbox_end end, const char *message)
{
    if (run->told)
        return;
    run->told = true;
    run->result->end = end;
    run->result->message = tl_str_of(message ? tl_arena_strdup(run->arena, message) : limit_message(run, end));
}

static void violation(struct tl_sandbox_run *run, const char *what)
{
    char message[128];
    snprintf(message, sizeof message, "the sandbox was killed: %s", what);
    run_end(run, TL_SANDBOX_VIOLATION, message);
}

/* ---- frames ---- */

static const char *own_name(const struct tl_sandbox_run *run, const struct tl_frame *frame)
{
    for (size_t i = 0; i < run->function_count; i++)
        if (tl_str_equal(tl_str_of(run->job.host.functions[i]), (struct tl_str){frame->name, frame->name_size}))
            return run->job.host.functions[i];
    return NULL;
}

static void take_call(struct tl_sandbox_run *run, const struct tl_frame *frame)
{
    const char *name = own_name(run, frame);
    pthread_mutex_lock(&run->mutex);
    uint32_t open = run->calls_open;
    pthread_mutex_unlock(&run->mutex);
    if (!name)
        violation(run, "it called a function that there is not");
    else if (frame->call != run->result->calls || frame->call >= run->job.limits.calls_max || open >= run->job.limits.calls_at_once_max)
        violation(run, "it made more calls than it may");
    else if (frame->text_size > run->job.limits.call_bytes_max)
        violation(run, "it sent larger arguments than it may");
    else
        run_call(run, frame, name);
}

static void take_line(struct tl_sandbox_run *run, const struct tl_frame *frame)
{
    if (frame->level == TL_FRAME_CONSOLE_FULL) {
        run->result->console_full = true;
        return;
    }
    run->console_bytes += frame->text_size + TL_FRAME_LINE_COST;
    if (run->console_bytes > run->job.limits.console_bytes_max) {
        violation(run, "it wrote more lines than it may");
        return;
    }
    if (run->result->line_count == run->lines_capacity) {
        size_t capacity = run->lines_capacity ? run->lines_capacity * 2 : 16;
        run->lines = tl_arena_grow(run->arena, run->lines, run->lines_capacity * sizeof *run->lines, capacity * sizeof *run->lines);
        run->lines_capacity = capacity;
        run->result->lines = run->lines;
    }
    run->lines[run->result->line_count++] =
        (struct tl_sandbox_line){(enum tl_sandbox_level)frame->level, keep(run, frame->text, frame->text_size)};
}

static void take_error(struct tl_sandbox_run *run, const struct tl_frame *frame)
{
    static const enum tl_sandbox_end ends[] = {[TL_FRAME_SCRIPT] = TL_SANDBOX_FAILED,
                                               [TL_FRAME_MEMORY] = TL_SANDBOX_MEMORY,
                                               [TL_FRAME_CPU] = TL_SANDBOX_CPU,
                                               [TL_FRAME_OUTPUT] = TL_SANDBOX_OUTPUT};
    run_end(run, ends[frame->level], NULL);
    if (frame->level == TL_FRAME_SCRIPT)
        run->result->message = keep(run, frame->name, frame->name_size);
    run->result->stack = keep(run, frame->text, frame->text_size);
    run->result->line = frame->line <= INT32_MAX ? (int)frame->line : 0;
    run->result->column = frame->column <= INT32_MAX ? (int)frame->column : 0;
}

static void take_frame(struct tl_sandbox_run *run, const struct tl_frame *frame)
{
    switch (frame->kind) {
    case TL_FRAME_CALL:
        take_call(run, frame);
        break;
    case TL_FRAME_CONSOLE:
        take_line(run, frame);
        break;
    case TL_FRAME_RESULT:
        if (frame->text_size > run->job.limits.result_bytes_max) {
            violation(run, "it sent a larger result than it may");
            break;
        }
        run->result->result = keep(run, frame->text, frame->text_size);
        run_end(run, TL_SANDBOX_DONE, "");
        break;
    default:
        take_error(run, frame);
    }
}

void run_take_frames(struct tl_sandbox_run *run)
{
    size_t at = 0, size;
    enum tl_frame_kind kind;
    while (!run->told && run->in.size - at >= TL_FRAME_HEAD_BYTES) {
        const unsigned char *head = (const unsigned char *)run->in.data + at;
        struct tl_frame frame;
        if (!tl_frame_head_read(head, &kind, &size)) {
            violation(run, "it sent what is no frame");
            break;
        }
        if (run->in.size - at - TL_FRAME_HEAD_BYTES < size)
            break;
        if (tl_frame_read(kind, head + TL_FRAME_HEAD_BYTES, size, &frame))
            take_frame(run, &frame);
        else
            violation(run, "it sent a frame that cannot be read");
        at += TL_FRAME_HEAD_BYTES + size;
    }
    if (at > 0 && run->in.size > at)
        memmove(run->in.data, run->in.data + at, run->in.size - at);
    run->in.size -= at;
}
