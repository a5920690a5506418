/* Who runs, until when: stops statements whose time is over, whose client went away or that somebody cancelled, lets running
 * statements report, and ends the process when a statement will not stop. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "engines/duckdb/memory.h"
#include "engines/duckdb/process_int.h"

enum { TICK_MS = 20, IDLE_TICKS = 50, GRACE_US = 10 * 1000 * 1000 };

struct tl_duckdb_watchdog {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct tl_duckdb_running *running;
    int count;
    bool parked; /* nothing ran for a while: waits to be woken */
    duckdb_database database; /* NULL = not open yet */
    int64_t memory_bytes, cpu_us; /* of all statements, at the last tick */
};

/* Not a flag set once: the engine forgets an interrupt that comes before its statement has begun, so it is told each tick. */
static void stop(struct tl_duckdb_running *running, enum tl_code code)
{
    int none = TL_OK;
    atomic_compare_exchange_strong(&running->stop, &none, (int)code);
    if (running->connection)
        duckdb_interrupt(running->connection);
}

_Noreturn static void end_process(const struct tl_duckdb_running *running)
{
    char line[256];
    int size = snprintf(line, sizeof line, "townlake-engine: the statement %s did not stop within %d s; the engine is restarted\n",
                        running->query_id[0] ? running->query_id : "(unnamed)", GRACE_US / 1000000);
    ssize_t ignored = write(STDERR_FILENO, line, (size_t)size);
    (void)ignored;
    _exit(TL_DUCKDB_EXIT_STUCK);
}

static bool peer_left(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLRDHUP};
    return poll(&wait, 1, 0) > 0 && wait.revents & (POLLRDHUP | POLLHUP | POLLERR);
}

static void look_at(struct tl_duckdb_running *running, int64_t now_us)
{
    enum tl_code why = (enum tl_code)atomic_load(&running->stop);
    if (why == TL_OK && running->deadline_us && now_us >= running->deadline_us)
        why = TL_TIME_EXCEEDED;
    if (why == TL_OK && peer_left(running->fd))
        why = TL_CANCELLED;
    if (why == TL_OK && running->memory_bytes_max && running->memory_bytes > (double)running->memory_bytes_max)
        why = TL_MEMORY_EXCEEDED;
    if (why != TL_OK) {
        stop(running, why);
        if (atomic_load(&running->writing) || !running->stop_since_us)
            running->stop_since_us = now_us;
        if (now_us - running->stop_since_us > GRACE_US)
            end_process(running);
    }
    if (running->tick)
        running->tick(running->context, now_us);
}

/* The engine counts for all statements together; each gets an equal part of what has changed since the last tick. */
static void share_out(struct tl_duckdb_watchdog *watchdog)
{
    int64_t memory_bytes = watchdog->database ? tl_memory_of_statements(watchdog->database) : 0, cpu_us = tl_clock_process_cpu_us();
    double memory = (double)(memory_bytes - watchdog->memory_bytes), cpu = (double)(cpu_us - watchdog->cpu_us);
    watchdog->memory_bytes = memory_bytes;
    watchdog->cpu_us = cpu_us;
    for (struct tl_duckdb_running *running = watchdog->running; running; running = running->next) {
        double bytes = running->memory_bytes + memory / watchdog->count;
        running->memory_bytes = bytes > 0 ? bytes : 0;
        if (bytes > running->peak_memory_bytes)
            running->peak_memory_bytes = bytes;
        running->cpu_us += cpu / watchdog->count;
    }
}

static void *watchdog_main(void *context)
{
    struct tl_duckdb_watchdog *watchdog = context;
    pthread_mutex_lock(&watchdog->mutex);
    for (int idle = 0;;) {
        idle = watchdog->running ? 0 : idle + 1;
        while (!watchdog->running && idle > IDLE_TICKS) {
            watchdog->parked = true;
            pthread_cond_wait(&watchdog->wake, &watchdog->mutex);
            watchdog->parked = false;
        }
        int64_t now_us = tl_clock_monotonic_us();
        share_out(watchdog);
        for (struct tl_duckdb_running *running = watchdog->running; running; running = running->next)
            look_at(running, now_us);
        pthread_mutex_unlock(&watchdog->mutex);
        nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000}, NULL);
        pthread_mutex_lock(&watchdog->mutex);
    }
    return NULL;
}

struct tl_duckdb_watchdog *tl_duckdb_watchdog_new(void)
{
    struct tl_duckdb_watchdog *watchdog = tl_heap_alloc(sizeof *watchdog);
    pthread_mutex_init(&watchdog->mutex, NULL);
    pthread_cond_init(&watchdog->wake, NULL);
    pthread_t thread;
    if (pthread_create(&thread, NULL, watchdog_main, watchdog) != 0)
        return NULL;
    pthread_detach(thread);
    return watchdog;
}

void tl_duckdb_watchdog_set_database(struct tl_duckdb_watchdog *watchdog, duckdb_database database)
{
    pthread_mutex_lock(&watchdog->mutex);
    watchdog->database = database;
    pthread_mutex_unlock(&watchdog->mutex);
}

void tl_duckdb_watch_share(struct tl_duckdb_watchdog *watchdog, const struct tl_duckdb_running *running, int64_t *ret_memory_bytes,
                           int64_t *ret_cpu_us)
{
    pthread_mutex_lock(&watchdog->mutex);
    *ret_memory_bytes = (int64_t)running->peak_memory_bytes;
    *ret_cpu_us = (int64_t)running->cpu_us;
    pthread_mutex_unlock(&watchdog->mutex);
}

void tl_duckdb_watch(struct tl_duckdb_watchdog *watchdog, struct tl_duckdb_running *running)
{
    pthread_mutex_lock(&watchdog->mutex);
    running->next = watchdog->running;
    running->link = &watchdog->running;
    if (running->next)
        running->next->link = &running->next;
    watchdog->running = running;
    watchdog->count++;
    if (watchdog->parked)
        pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->mutex);
}

void tl_duckdb_unwatch(struct tl_duckdb_watchdog *watchdog, struct tl_duckdb_running *running)
{
    pthread_mutex_lock(&watchdog->mutex);
    *running->link = running->next;
    if (running->next)
        running->next->link = running->link;
    watchdog->count--;
    pthread_mutex_unlock(&watchdog->mutex);
}

void tl_duckdb_unwatch_connection(struct tl_duckdb_watchdog *watchdog, struct tl_duckdb_running *running)
{
    pthread_mutex_lock(&watchdog->mutex);
    running->connection = NULL;
    running->tick = NULL;
    pthread_mutex_unlock(&watchdog->mutex);
}

bool tl_duckdb_watch_cancel(struct tl_duckdb_watchdog *watchdog, const char *query_id)
{
    bool found = false;
    pthread_mutex_lock(&watchdog->mutex);
    for (struct tl_duckdb_running *running = watchdog->running; running && query_id[0]; running = running->next)
        if (strcmp(running->query_id, query_id) == 0) {
            stop(running, TL_CANCELLED);
            found = true;
        }
    pthread_mutex_unlock(&watchdog->mutex);
    return found;
}

int tl_duckdb_watch_count(struct tl_duckdb_watchdog *watchdog)
{
    pthread_mutex_lock(&watchdog->mutex);
    int count = watchdog->count;
    pthread_mutex_unlock(&watchdog->mutex);
    return count;
}

bool tl_duckdb_running_stopped(void *running)
{
    return atomic_load(&((struct tl_duckdb_running *)running)->stop) != TL_OK;
}

void tl_duckdb_stop_error(const struct tl_duckdb_running *running, struct tl_err *err)
{
    enum tl_code why = (enum tl_code)atomic_load(&running->stop);
    if (why == TL_OK || err->code == TL_OK)
        return;
    tl_err_init(err);
    if (why == TL_TIME_EXCEEDED) {
        tl_err_set(err, why, "the statement ran longer than it may");
        tl_err_hint(err, "filter or aggregate earlier, or raise query_max_run_time");
    } else if (why == TL_MEMORY_EXCEEDED) {
        tl_err_set(err, why, "the statement needs more than the %lld bytes of memory that it may have", (long long)running->memory_bytes_max);
        tl_err_hint(err, "filter or aggregate earlier, or raise query_max_memory");
    } else {
        tl_err_set(err, why, "the statement was cancelled");
    }
}
