/* sandbox/run_int.h -- the daemon's side of one run, inside. */
#ifndef TL_SANDBOX_RUN_INT_H
#define TL_SANDBOX_RUN_INT_H

#include <pthread.h>
#include <sys/types.h>

#include "sandbox/frame_int.h"
#include "sandbox/sandbox.h"

struct tl_sandbox_run {
    struct tl_sandbox_job job; /* limits filled in */
    size_t function_count;
    /* under the mutex: what answers and cancel touch from other threads */
    pthread_mutex_t mutex;
    unsigned references; /* the owner's, and one a call that is not answered */
    struct tl_buf out;   /* to the process */
    size_t out_sent;
    uint32_t calls_open;
    bool cancelled, ended, started;
    int wake_fd;
    /* of the thread that runs it */
    int fd;
    pid_t pid;
    int64_t start_us;
    struct tl_buf in;
    size_t console_bytes, lines_capacity;
    struct tl_sandbox_line *lines;
    tl_arena *arena;
    struct tl_sandbox_result *result;
    bool told; /* `result` has its end */
};

/* run.c: gives a call to the host. */
void run_call(struct tl_sandbox_run *run, const struct tl_frame *frame, const char *name);

/* run_frames.c */
TL_CHECKED enum tl_code run_queue_start(struct tl_sandbox_run *run, struct tl_err *err);
void run_take_frames(struct tl_sandbox_run *run); /* all that are whole in `in` */
void run_end(struct tl_sandbox_run *run, enum tl_sandbox_end end, const char *message);

/* run_process.c */
TL_CHECKED enum tl_code run_process_start(struct tl_sandbox_run *run, struct tl_err *err);
/* Kills and reaps it, fills in what it used, and what its death tells when nothing was told before. */
void run_process_end(struct tl_sandbox_run *run);

#endif
