/* A run from its making to its end: its thread's loop, and what other threads do to it. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/run_int.h"

enum { READ_BYTES = 64 << 10, ANSWER_HEAD_BYTES = TL_FRAME_HEAD_BYTES + 5 };

struct tl_sandbox_call {
    struct tl_sandbox_run *run;
    uint32_t number;
    const char *name;
    char *arguments;
    size_t arguments_size;
};

const char *tl_sandbox_end_name(enum tl_sandbox_end end)
{
    static const char *const names[] = {"done", "failed", "memory", "cpu", "wall", "output", "cancelled", "violation", "lost"};
    return (size_t)end < sizeof names / sizeof *names ? names[end] : "unknown";
}

/* ---- making ---- */

static enum tl_code take_limit(uint32_t *limit, uint32_t fallback, uint32_t most, const char *name, struct tl_err *err)
{
    if (*limit == 0)
        *limit = fallback;
    if (*limit > most)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the sandbox limit \"%s\" is %u, at most %u is possible", name, *limit, most);
    return TL_OK;
}

static enum tl_code take_limits(struct tl_sandbox_limits *limits, struct tl_err *err)
{
    enum { HOUR_MS = 3600000, MEMORY_MIN = 1 << 20, CALLS_AT_ONCE_MAX = 256 };
    const size_t memory_most = (size_t)4 << 30;
    if (limits->memory_bytes_max == 0)
        limits->memory_bytes_max = (size_t)64 << 20;
    if (limits->memory_bytes_max < MEMORY_MIN || limits->memory_bytes_max > memory_most)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the sandbox limit \"memory_bytes_max\" is %zu, between %d and %zu is possible",
                          limits->memory_bytes_max, MEMORY_MIN, memory_most);
    const struct {
        uint32_t *limit, fallback, most;
        const char *name;
    } all[] = {
        {&limits->cpu_ms_max, 2000, HOUR_MS, "cpu_ms_max"},
        {&limits->wall_ms_max, 30000, HOUR_MS, "wall_ms_max"},
        {&limits->calls_max, 1000, TL_SANDBOX_CALLS_MAX, "calls_max"},
        {&limits->calls_at_once_max, 16, CALLS_AT_ONCE_MAX, "calls_at_once_max"},
        {&limits->script_bytes_max, 256 << 10, TL_SANDBOX_BYTES_MAX, "script_bytes_max"},
        {&limits->call_bytes_max, 1 << 20, TL_SANDBOX_BYTES_MAX, "call_bytes_max"},
        {&limits->answer_bytes_max, 4 << 20, TL_SANDBOX_BYTES_MAX, "answer_bytes_max"},
        {&limits->result_bytes_max, 1 << 20, TL_SANDBOX_BYTES_MAX, "result_bytes_max"},
        {&limits->console_bytes_max, 64 << 10, TL_SANDBOX_BYTES_MAX, "console_bytes_max"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (take_limit(all[i].limit, all[i].fallback, all[i].most, all[i].name, err) != TL_OK)
            return err->code;
    return TL_OK;
}

static bool name_is_good(const char *name)
{
    size_t size = strlen(name), dots = 0;
    for (size_t i = 0; i < size; i++) {
        bool first = i == 0 || name[i - 1] == '.';
        if (name[i] == '.' && !first && ++dots == 1 && i + 1 < size)
            continue;
        if (!isalpha((unsigned char)name[i]) && name[i] != '_' && (first || !isdigit((unsigned char)name[i])))
            return false;
    }
    return size > 0 && size <= TL_FRAME_NAME_BYTES_MAX;
}

static enum tl_code count_functions(struct tl_sandbox_run *run, struct tl_err *err)
{
    const char *const *functions = run->job.host.functions;
    size_t count = 0;
    for (; functions && functions[count]; count++) {
        if (count == TL_SANDBOX_FUNCTIONS_MAX)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "a sandbox may have %d host functions", TL_SANDBOX_FUNCTIONS_MAX);
        if (!name_is_good(functions[count]))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the host function \"%.100s\" cannot have this name", functions[count]);
    }
    run->function_count = count;
    return TL_OK;
}

static enum tl_code prepare(struct tl_sandbox_run *run, struct tl_err *err)
{
    struct tl_str script = run->job.script;
    size_t bad;
    if (take_limits(&run->job.limits, err) != TL_OK || count_functions(run, err) != TL_OK)
        return err->code;
    if (script.size > run->job.limits.script_bytes_max)
        return tl_err_set(err, TL_TOO_LARGE, "the script has %zu bytes, the limit is %u", script.size, run->job.limits.script_bytes_max);
    if (!tl_utf8_valid(script.data, script.size, &bad) || (script.size && memchr(script.data, 0, script.size)))
        return tl_err_set(err, TL_BAD_ENCODING, "the script is not UTF-8, or holds a NUL byte");
    run->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (run->wake_fd < 0)
        return tl_err_errno(err, TL_IO, errno, "could not make a descriptor to wake the sandbox's thread");
    enum { NAMES_BYTES_MAX = TL_SANDBOX_FUNCTIONS_MAX * (TL_FRAME_NAME_BYTES_MAX + 1) };
    size_t start_bytes = TL_FRAME_HEAD_BYTES + sizeof(struct tl_sandbox_start) + NAMES_BYTES_MAX + script.size;
    /* what is open was not yet answered, so this many answers wait at most (run_frames.c) */
    tl_buf_init(&run->out, start_bytes + run->job.limits.calls_at_once_max * ((size_t)run->job.limits.answer_bytes_max + ANSWER_HEAD_BYTES));
    tl_buf_init(&run->in, (size_t)TL_SANDBOX_BYTES_MAX + READ_BYTES + 1024);
    return run_queue_start(run, err);
}

enum tl_code tl_sandbox_run_new(const struct tl_sandbox_job *job, tl_sandbox_run **ret_run, struct tl_err *err)
{
    tl_sandbox_run *run = tl_heap_alloc(sizeof *run);
    run->job = *job;
    run->references = 1;
    run->fd = run->wake_fd = -1;
    pthread_mutex_init(&run->mutex, NULL);
    enum tl_code code = prepare(run, err);
    if (code != TL_OK)
        run = tl_sandbox_run_free(run);
    *ret_run = run;
    return code;
}

static void let_go(tl_sandbox_run *run)
{
    pthread_mutex_lock(&run->mutex);
    bool last = --run->references == 0;
    pthread_mutex_unlock(&run->mutex);
    if (!last)
        return;
    tl_buf_done(&run->out);
    tl_buf_done(&run->in);
    if (run->wake_fd >= 0)
        close(run->wake_fd);
    pthread_mutex_destroy(&run->mutex);
    free(run);
}

tl_sandbox_run *tl_sandbox_run_free(tl_sandbox_run *run)
{
    if (run)
        let_go(run);
    return NULL;
}

/* ---- from other threads ---- */

static void wake(tl_sandbox_run *run)
{
    uint64_t one = 1;
    ssize_t ignored = write(run->wake_fd, &one, sizeof one);
    (void)ignored; /* full: it is awake */
}

void tl_sandbox_run_cancel(tl_sandbox_run *run)
{
    pthread_mutex_lock(&run->mutex);
    run->cancelled = true;
    pthread_mutex_unlock(&run->mutex);
    wake(run);
}

const char *tl_sandbox_call_name(const tl_sandbox_call *call)
{
    return call->name;
}

struct tl_str tl_sandbox_call_arguments(const tl_sandbox_call *call)
{
    return (struct tl_str){call->arguments, call->arguments_size};
}

bool tl_sandbox_call_ended(const tl_sandbox_call *call)
{
    pthread_mutex_lock(&call->run->mutex);
    bool ended = call->run->ended || call->run->cancelled;
    pthread_mutex_unlock(&call->run->mutex);
    return ended;
}

/* Under the mutex. */
static void queue_answer(tl_sandbox_run *run, uint32_t number, struct tl_str json, bool failed)
{
    static const char too_large[] = "{\"message\":\"the answer of the host function is larger than the limit\",\"code\":\"too_large\","
                                    "\"hint\":\"ask for less\"}";
    if (json.size > run->job.limits.answer_bytes_max) {
        json = (struct tl_str){too_large, sizeof too_large - 1 < run->job.limits.answer_bytes_max ? sizeof too_large - 1 : 0};
        failed = true;
    }
    if (run->out_sent == run->out.size) {
        tl_buf_clear(&run->out);
        run->out_sent = 0;
    } else if (run->out_sent > 0) {
        memmove(run->out.data, run->out.data + run->out_sent, run->out.size - run->out_sent);
        run->out.size -= run->out_sent;
        run->out_sent = 0;
    }
    unsigned char head[ANSWER_HEAD_BYTES];
    tl_frame_put32(head, (uint32_t)json.size + 6);
    head[4] = TL_FRAME_ANSWER;
    tl_frame_put32(head + TL_FRAME_HEAD_BYTES, number);
    head[TL_FRAME_HEAD_BYTES + 4] = failed;
    tl_buf_add(&run->out, head, sizeof head);
    tl_buf_add(&run->out, json.data, json.size);
}

static void answer(tl_sandbox_call *call, struct tl_str json, bool failed)
{
    tl_sandbox_run *run = call->run;
    pthread_mutex_lock(&run->mutex);
    if (!run->ended)
        queue_answer(run, call->number, json, failed);
    run->calls_open--;
    pthread_mutex_unlock(&run->mutex);
    wake(run);
    free(call->arguments);
    free(call);
    let_go(run);
}

void tl_sandbox_answer(tl_sandbox_call *call, struct tl_str json)
{
    answer(call, json, false);
}

void tl_sandbox_fail(tl_sandbox_call *call, struct tl_str json)
{
    answer(call, json, true);
}

/* ---- the run's own thread ---- */

void run_call(struct tl_sandbox_run *run, const struct tl_frame *frame, const char *name)
{
    tl_sandbox_call *call = tl_heap_alloc(sizeof *call);
    *call = (tl_sandbox_call){.run = run, .number = frame->call, .name = name, .arguments_size = frame->text_size};
    call->arguments = tl_heap_alloc(frame->text_size + 1);
    memcpy(call->arguments, frame->text, frame->text_size);
    run->result->calls++;
    pthread_mutex_lock(&run->mutex);
    run->references++;
    run->calls_open++;
    pthread_mutex_unlock(&run->mutex);
    run->job.host.call(run->job.host.context, call);
}

/* As much as the socket takes; false when the process has gone. */
static bool send_some(struct tl_sandbox_run *run)
{
    bool good = true;
    pthread_mutex_lock(&run->mutex);
    while (run->out_sent < run->out.size) {
        ssize_t sent = send(run->fd, run->out.data + run->out_sent, run->out.size - run->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0) {
            good = errno == EAGAIN || errno == EWOULDBLOCK;
            break;
        }
        run->out_sent += (size_t)sent;
    }
    pthread_mutex_unlock(&run->mutex);
    return good;
}

/* false when the process has gone. */
static bool read_some(struct tl_sandbox_run *run)
{
    char *to = tl_buf_reserve(&run->in, READ_BYTES);
    if (!to) {
        run_end(run, TL_SANDBOX_VIOLATION, "the sandbox was killed: it sent too much at once");
        return true;
    }
    ssize_t got = recv(run->fd, to, READ_BYTES, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR || errno == EWOULDBLOCK;
    tl_buf_commit(&run->in, (size_t)got);
    run_take_frames(run);
    return got > 0;
}

/* Sleeps until there is something to do: what of it concerns the socket. */
static short wait_for_events(struct tl_sandbox_run *run, int64_t left_us)
{
    pthread_mutex_lock(&run->mutex);
    bool more = run->out_sent < run->out.size;
    pthread_mutex_unlock(&run->mutex);
    struct pollfd fds[] = {{.fd = run->fd, .events = (short)(POLLIN | (more ? POLLOUT : 0))}, {.fd = run->wake_fd, .events = POLLIN}};
    if (poll(fds, 2, (int)((left_us + 999) / 1000)) <= 0)
        return 0;
    uint64_t count;
    ssize_t ignored = fds[1].revents ? read(run->wake_fd, &count, sizeof count) : 0;
    (void)ignored;
    return fds[0].revents;
}

static void serve(struct tl_sandbox_run *run)
{
    int64_t end_us = run->start_us + (int64_t)run->job.limits.wall_ms_max * 1000;
    bool alive = true;
    while (alive && !run->told) {
        pthread_mutex_lock(&run->mutex);
        bool cancelled = run->cancelled;
        pthread_mutex_unlock(&run->mutex);
        int64_t left_us = end_us - tl_clock_monotonic_us();
        if (cancelled || left_us <= 0) {
            run_end(run, cancelled ? TL_SANDBOX_CANCELLED : TL_SANDBOX_WALL, NULL);
            return;
        }
        bool sendable = send_some(run); /* what it had sent before it went is still read */
        short events = wait_for_events(run, left_us);
        if (events & (POLLIN | POLLHUP | POLLERR) || !sendable)
            alive = read_some(run);
    }
}

enum tl_code tl_sandbox_run_go(tl_sandbox_run *run, tl_arena *arena, struct tl_sandbox_result *result, struct tl_err *err)
{
    memset(result, 0, sizeof *result);
    if (run->started)
        return tl_err_set(err, TL_INTERNAL, "a sandbox run can go only once");
    run->started = true;
    run->arena = arena;
    run->result = result;
    run->start_us = tl_clock_monotonic_us();
    if (run_process_start(run, err) != TL_OK)
        return err->code;
    serve(run);
    pthread_mutex_lock(&run->mutex);
    run->ended = true;
    pthread_mutex_unlock(&run->mutex);
    run_process_end(run);
    return TL_OK;
}
