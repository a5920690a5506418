#include "sources/postgres/cancel.h"

#include "base/clock.h"
#include "sources/postgres/connection.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_cond_t ended;
static int running;

static void init(void)
{
    tl_postgres_condition_init(&ended);
}

static void leave(void)
{
    pthread_mutex_lock(&mutex);
    running--;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&mutex);
}

static void *run(void *context)
{
    char text[256]; /* what went wrong: nothing can be done about it */
    PQcancel(context, text, sizeof text);
    PQfreeCancel(context);
    leave();
    return NULL;
}

void tl_postgres_cancel(PGconn *pg)
{
    pthread_once(&once, init);
    PGcancel *cancel = PQgetCancel(pg);
    if (!cancel)
        return;
    pthread_mutex_lock(&mutex);
    bool room = running < TL_POSTGRES_CANCELS_MAX;
    running += room;
    pthread_mutex_unlock(&mutex);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (room && pthread_create(&thread, &attributes, run, cancel) == 0)
        cancel = NULL;
    else if (room)
        leave();
    pthread_attr_destroy(&attributes);
    if (cancel)
        PQfreeCancel(cancel);
}

void tl_postgres_cancels_finish(int64_t timeout_us)
{
    pthread_once(&once, init);
    int64_t deadline_us = tl_clock_monotonic_us() + timeout_us;
    pthread_mutex_lock(&mutex);
    while (running > 0 && tl_clock_monotonic_us() < deadline_us)
        tl_postgres_condition_wait(&ended, &mutex, TL_POSTGRES_SLICE_MS);
    pthread_mutex_unlock(&mutex);
}
