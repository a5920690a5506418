/* The driver in `serve`: each call is a frame to the child.  A child that dies, hangs or answers nonsense fails the runs it had, and the
 * next run begins with another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/err.h"
#include "detectors/worker_int.h"
#include "io/process.h"

enum {
    FLUSH_BYTES = 64 * 1024,
    CHILD_RUNS_MAX = 20000, /* a child is replaced after so many, when none is open: what it keeps of values ends with it */
    MEMORY_MAX = 512 * 1024 * 1024,
    ANSWER_WAIT_S = 30,
};

struct tl_detector {
    char *program;
    tl_process *process; /* NULL: none runs */
    int fd;
    uint64_t generation; /* of the child */
    size_t open, begun;  /* runs of this child */
    struct tl_buf answer;
    uint16_t free_numbers[WORKER_RUNS_MAX];
    size_t free_count;
    char failure[200];   /* why the last child ended */
};

struct tl_detect_run {
    tl_detector *detector;
    uint64_t generation;
    uint16_t number;
    bool refused; /* no number was free */
    struct tl_buf values;
};

static enum tl_code open_worker(const struct tl_detector_options *options, tl_detector **ret_detector, struct tl_err *err)
{
    if (!options || !options->program) {
        tl_err_set(err, TL_CONFIG, "townlake-worker is not beside this program");
        tl_err_hint(err, "install it with the program, or set skimmer.enabled to false");
        return TL_CONFIG;
    }
    tl_detector *detector = tl_heap_alloc(sizeof *detector);
    detector->program = tl_heap_alloc(strlen(options->program) + 1);
    memcpy(detector->program, options->program, strlen(options->program) + 1);
    detector->fd = -1;
    tl_buf_init(&detector->answer, WORKER_ANSWER_MAX + 1);
    while (detector->free_count < WORKER_RUNS_MAX) {
        detector->free_numbers[detector->free_count] = (uint16_t)(WORKER_RUNS_MAX - 1 - detector->free_count);
        detector->free_count++;
    }
    *ret_detector = detector;
    return TL_OK;
}

/* ---- the child ---- */

static void end_child(tl_detector *detector)
{
    if (!detector->process)
        return;
    int status;
    close(detector->fd); /* it ends when it reads that */
    detector->fd = -1;
    char text[64] = "does not answer";
    if (tl_process_wait(detector->process, 100, &status))
        tl_process_status_text(status, text);
    snprintf(detector->failure, sizeof detector->failure, "%s", text);
    detector->process = tl_process_end(detector->process);
    detector->generation++;
    detector->begun = 0;
}

static bool set_waits(int fd)
{
    const struct timeval wait = {.tv_sec = ANSWER_WAIT_S};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0;
}

static enum tl_code start_child(tl_detector *detector, struct tl_err *err)
{
    static const char *const environment[] = {"LC_ALL=C", NULL};
    const char *const argv[] = {detector->program, NULL};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return tl_err_set(err, TL_IO, "no socket for the worker of the detectors");
    struct tl_process_options options = {.argv = argv, .environment = environment, .stdin_fd = ends[1], .stdout_fd = -1, .stderr_fd = -1};
#if !defined(__SANITIZE_ADDRESS__) /* its shadow needs terabytes of addresses */
    options.memory_bytes_max = MEMORY_MAX;
#endif
    enum tl_code code = tl_process_start(&options, &detector->process, err);
    close(ends[1]);
    if (code != TL_OK || !set_waits(ends[0])) {
        close(ends[0]);
        return code != TL_OK ? code : tl_err_set(err, TL_IO, "the socket of the detectors' worker takes no time limit");
    }
    detector->fd = ends[0];
    return TL_OK;
}

static enum tl_code send_frame(tl_detector *detector, uint16_t kind, uint16_t run, const struct tl_buf *body, struct tl_err *err)
{
    struct worker_head head = {body ? (uint32_t)body->size : 0, kind, run};
    if (tl_fd_write_full(detector->fd, &head, sizeof head, err) != TL_OK || (body && tl_fd_write_full(detector->fd, body->data, body->size, err) != TL_OK))
        end_child(detector);
    return err->code;
}

/* ---- runs ---- */

static tl_detect_run *begin_run(tl_detector *detector, const struct tl_detect_column *column)
{
    struct tl_err err;
    struct tl_buf body;
    tl_detect_run *run = tl_heap_alloc(sizeof *run);
    tl_err_init(&err);
    run->detector = detector;
    tl_buf_init(&run->values, FLUSH_BYTES + TL_DETECT_VALUE_BYTES_MAX + 2 * sizeof(uint32_t));
    if (detector->free_count == 0) {
        run->refused = true;
        return run;
    }
    if (detector->begun >= CHILD_RUNS_MAX && detector->open == 0)
        end_child(detector);
    if (!detector->process && start_child(detector, &err) != TL_OK)
        snprintf(detector->failure, sizeof detector->failure, "%.150s", err.message);
    run->number = detector->free_numbers[--detector->free_count];
    run->generation = detector->generation;
    detector->open++;
    detector->begun++;
    tl_buf_init(&body, WORKER_FRAME_MAX);
    worker_put_column(&body, column);
    if (body.failed || !detector->process || send_frame(detector, WORKER_BEGIN, run->number, &body, &err) != TL_OK)
        run->generation = detector->generation - 1; /* of a child that is no more */
    tl_buf_done(&body);
    return run;
}

static bool is_lost(const tl_detect_run *run)
{
    return run->refused || run->generation != run->detector->generation;
}

static void flush(tl_detect_run *run, struct tl_err *err)
{
    if (run->values.size && !is_lost(run))
        (void)!send_frame(run->detector, WORKER_ADD, run->number, &run->values, err); /* that it is lost now shows at the end */
    tl_buf_clear(&run->values);
}

static void add_values(tl_detect_run *run, const struct tl_str *values, size_t count)
{
    struct tl_err err;
    tl_err_init(&err);
    for (size_t i = 0; i < count && !is_lost(run); i++) {
        uint32_t size = values[i].size < TL_DETECT_VALUE_BYTES_MAX ? (uint32_t)values[i].size : TL_DETECT_VALUE_BYTES_MAX;
        tl_buf_add(&run->values, &size, sizeof size);
        tl_buf_add(&run->values, values[i].data, size);
        if (run->values.size >= FLUSH_BYTES)
            flush(run, &err);
    }
}

static enum tl_code read_answer(tl_detector *detector, uint16_t number, struct tl_err *err)
{
    struct worker_head head;
    bool clean_end;
    if (tl_fd_read_full(detector->fd, &head, sizeof head, &clean_end, err) != TL_OK)
        return err->code;
    if (head.kind != WORKER_JUDGED || head.run != number || head.size > WORKER_ANSWER_MAX)
        return tl_err_set(err, TL_IO, "the worker of the detectors answered what was not asked");
    tl_buf_clear(&detector->answer);
    char *bytes = tl_buf_reserve(&detector->answer, head.size + 1);
    if (tl_fd_read_full(detector->fd, bytes, head.size, &clean_end, err) != TL_OK)
        return err->code;
    tl_buf_commit(&detector->answer, head.size);
    return TL_OK;
}

static enum tl_code lost(const tl_detect_run *run, struct tl_err *err)
{
    if (run->refused)
        return tl_err_set(err, TL_TOO_LARGE, "more columns at once than the worker of the detectors takes");
    tl_err_set(err, TL_IO, "the worker of the detectors was lost at this table");
    tl_err_detail(err, "%s", run->detector->failure);
    return TL_IO;
}

static enum tl_code judge_run(tl_detect_run *run, tl_arena *arena, const struct tl_detection **ret_detections, size_t *ret_count, struct tl_err *err)
{
    tl_detector *detector = run->detector;
    struct tl_err own;
    tl_err_init(&own);
    *ret_detections = NULL;
    *ret_count = 0;
    flush(run, &own);
    if (is_lost(run) || send_frame(detector, WORKER_JUDGE, run->number, NULL, &own) != TL_OK)
        return lost(run, err);
    struct tl_str answer = {NULL, 0};
    if (read_answer(detector, run->number, &own) == TL_OK) {
        answer = (struct tl_str){detector->answer.data, detector->answer.size};
        if (worker_read_detections(arena, answer, ret_detections, ret_count, &own) == TL_OK)
            return TL_OK;
    }
    *ret_count = 0;
    end_child(detector);
    return lost(run, err);
}

static tl_detect_run *end_run(tl_detect_run *run)
{
    struct tl_err err;
    if (!run)
        return NULL;
    tl_err_init(&err);
    tl_detector *detector = run->detector;
    if (!is_lost(run))
        (void)!send_frame(detector, WORKER_END, run->number, NULL, &err); /* a child that is lost has no runs to end */
    if (!run->refused) {
        detector->free_numbers[detector->free_count++] = run->number;
        detector->open--;
    }
    tl_buf_done(&run->values);
    free(run);
    return NULL;
}

static void rest_worker(tl_detector *detector)
{
    if (detector->open == 0)
        end_child(detector);
}

static tl_detector *close_worker(tl_detector *detector)
{
    if (!detector)
        return NULL;
    end_child(detector);
    tl_buf_done(&detector->answer);
    free(detector->program);
    free(detector);
    return NULL;
}

const struct tl_detector_driver tl_detector_worker = {
    .name = "worker",
    .open = open_worker,
    .close = close_worker,
    .classes = detector_list_classes,
    .begin = begin_run,
    .add = add_values,
    .judge = judge_run,
    .end = end_run,
    .rest = rest_worker,
};
