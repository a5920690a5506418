#include "door/apart.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ARENA_BYTES = 2000 * 1024 * 1024, LOOK_MS = 100 };

struct tl_apart {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool done;
    enum tl_code (*run)(struct tl_request *rq, void *context);
    void *context;
    struct tl_request rq;
};

static void *work(void *context)
{
    struct tl_apart *apart = context;
    (void)!apart->run(&apart->rq, apart->context);
    pthread_mutex_lock(&apart->mutex);
    apart->done = true;
    pthread_cond_broadcast(&apart->ended);
    pthread_mutex_unlock(&apart->mutex);
    return NULL;
}

enum tl_code tl_apart_start(struct tl_request *rq, enum tl_code (*run)(struct tl_request *rq, void *context), void *context, tl_apart **ret_apart)
{
    struct tl_apart *apart = tl_heap_alloc(sizeof *apart);
    pthread_condattr_t attributes;
    tl_request_init(&apart->rq, tl_arena_new(ARENA_BYTES));
    memcpy(apart->rq.id, rq->id, sizeof apart->rq.id);
    apart->rq.principal = rq->principal;
    apart->run = run;
    apart->context = context;
    pthread_mutex_init(&apart->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&apart->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    int problem = pthread_create(&apart->thread, NULL, work, apart);
    if (problem == 0) {
        *ret_apart = apart;
        return TL_OK;
    }
    tl_arena_free(apart->rq.arena);
    free(apart);
    return tl_err_errno(&rq->err, TL_INTERNAL, problem, "could not start a thread for the statement");
}

static void wait_a_little(struct tl_apart *apart, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (int64_t)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&apart->ended, &apart->mutex, &until);
}

enum tl_code tl_apart_wait(struct tl_request *rq, tl_apart *apart, int wait_ms, bool *ret_done)
{
    pthread_mutex_lock(&apart->mutex);
    for (int left = wait_ms; !apart->done && left != 0; left -= left > 0 ? (left < LOOK_MS ? left : LOOK_MS) : 0) {
        if (atomic_load(&rq->cancelled))
            atomic_store(&apart->rq.cancelled, true);
        wait_a_little(apart, left > 0 && left < LOOK_MS ? left : LOOK_MS);
    }
    *ret_done = apart->done;
    pthread_mutex_unlock(&apart->mutex);
    return *ret_done && apart->rq.err.code != TL_OK ? tl_err_copy(&rq->err, &apart->rq.err) : TL_OK;
}

tl_apart *tl_apart_end(tl_apart *apart)
{
    if (!apart)
        return NULL;
    atomic_store(&apart->rq.cancelled, true);
    pthread_join(apart->thread, NULL);
    pthread_cond_destroy(&apart->ended);
    pthread_mutex_destroy(&apart->mutex);
    tl_arena_free(apart->rq.arena);
    free(apart);
    return NULL;
}
