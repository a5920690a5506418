/* The process that looks at values: it has the socket and nothing else, and is killed whenever it does not answer. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "detectors/worker_int.h"
#include "io/process.h"

enum { COLUMN_ARENA_MAX = 8 * 1024 * 1024, ANSWER_ARENA_MAX = 1024 * 1024 };

struct child_run {
    tl_arena *arena; /* NULL: no such run */
    struct tl_detect_column column;
    tl_detect_run *run;
};

struct child {
    int fd;
    tl_detector *detector;
    struct tl_buf frame, answer;
    struct child_run runs[WORKER_RUNS_MAX];
};

static void end_run(struct child_run *run)
{
    if (!run->arena)
        return;
    tl_detector_patterns.end(run->run);
    tl_arena_free(run->arena);
    *run = (struct child_run){0};
}

static enum tl_code begin_run(struct child *child, struct child_run *run, struct tl_err *err)
{
    if (run->arena)
        return tl_err_set(err, TL_INTERNAL, "a run of the detectors was begun twice");
    run->arena = tl_arena_new(COLUMN_ARENA_MAX);
    enum tl_code code = worker_read_column(run->arena, (struct tl_str){child->frame.data, child->frame.size}, &run->column, err);
    if (code == TL_OK)
        run->run = tl_detector_patterns.begin(child->detector, &run->column);
    else
        run->arena = tl_arena_free(run->arena);
    return code;
}

static enum tl_code add_values(const struct child *child, const struct child_run *run, struct tl_err *err)
{
    const char *at = child->frame.data, *end = at + child->frame.size;
    while (at < end) {
        uint32_t size;
        if ((size_t)(end - at) < sizeof size)
            return tl_err_set(err, TL_INTERNAL, "a frame of values is cut off");
        memcpy(&size, at, sizeof size);
        at += sizeof size;
        if (size > (size_t)(end - at))
            return tl_err_set(err, TL_INTERNAL, "a frame of values is cut off");
        struct tl_str value = {at, size};
        tl_detector_patterns.add(run->run, &value, 1);
        at += size;
    }
    return TL_OK;
}

static enum tl_code judge_run(struct child *child, const struct child_run *run, uint16_t number, struct tl_err *err)
{
    const struct tl_detection *detections;
    size_t count;
    tl_arena *arena = tl_arena_new(ANSWER_ARENA_MAX);
    tl_buf_clear(&child->answer);
    if (tl_detector_patterns.judge(run->run, arena, &detections, &count, err) == TL_OK)
        worker_put_detections(&child->answer, detections, count);
    tl_arena_free(arena);
    struct worker_head head = {(uint32_t)child->answer.size, WORKER_JUDGED, number};
    if (err->code != TL_OK || child->answer.failed || tl_fd_write_full(child->fd, &head, sizeof head, err) != TL_OK)
        return err->code != TL_OK ? err->code : tl_err_set(err, TL_TOO_LARGE, "what was found in a column is too long");
    return tl_fd_write_full(child->fd, child->answer.data, child->answer.size, err);
}

static enum tl_code serve_frame(struct child *child, const struct worker_head *head, struct tl_err *err)
{
    struct child_run *run = &child->runs[head->run % WORKER_RUNS_MAX];
    if (head->run >= WORKER_RUNS_MAX || (head->kind != WORKER_BEGIN && !run->arena))
        return tl_err_set(err, TL_INTERNAL, "there is no such run of the detectors");
    switch (head->kind) {
    case WORKER_BEGIN: return begin_run(child, run, err);
    case WORKER_ADD: return add_values(child, run, err);
    case WORKER_JUDGE: return judge_run(child, run, head->run, err);
    case WORKER_END: end_run(run); return TL_OK;
    default: return tl_err_set(err, TL_INTERNAL, "there is no such frame");
    }
}

/* false: the end, for whatever reason. */
static bool read_frame(struct child *child, struct worker_head *head, struct tl_err *err)
{
    bool clean_end;
    if (tl_fd_read_full(child->fd, head, sizeof *head, &clean_end, err) != TL_OK || head->size > WORKER_FRAME_MAX)
        return false;
    tl_buf_clear(&child->frame);
    char *bytes = tl_buf_reserve(&child->frame, head->size + 1);
    if (tl_fd_read_full(child->fd, bytes, head->size, &clean_end, err) != TL_OK)
        return false;
    tl_buf_commit(&child->frame, head->size);
    return true;
}

int worker_serve(int fd)
{
    struct tl_err err;
    struct worker_head head;
    struct child *child = tl_heap_alloc(sizeof *child);
    tl_err_init(&err);
    child->fd = fd;
    tl_buf_init(&child->frame, WORKER_FRAME_MAX + 1);
    tl_buf_init(&child->answer, WORKER_ANSWER_MAX);
    int status = 1;
    if (tl_detector_patterns.open(NULL, &child->detector, &err) == TL_OK) {
        while (read_frame(child, &head, &err) && serve_frame(child, &head, &err) == TL_OK)
            continue;
        status = err.code == TL_OK || err.code == TL_IO ? 0 : 1; /* the other end closed */
    }
    for (size_t i = 0; i < WORKER_RUNS_MAX; i++)
        end_run(&child->runs[i]);
    child->detector = tl_detector_patterns.close(child->detector);
    tl_buf_done(&child->frame);
    tl_buf_done(&child->answer);
    free(child);
    return status;
}
