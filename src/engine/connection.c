#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/engine_int.h"

enum { KEEP_BYTES_MAX = 4 * 1024 * 1024, HELLO_WAIT_MS = 5000, SLICE_MS = 50, NOTICE_US = 250 * 1000 };

void tl_engine_close_connection(struct tl_engine_connection *connection)
{
    close(connection->fd);
    tl_buf_done(&connection->in);
    tl_buf_done(&connection->out);
    free(connection);
}

enum tl_code tl_engine_send(struct tl_engine_connection *connection, struct tl_err *err)
{
    size_t sent = 0;
    if (connection->out.failed)
        return tl_err_set(err, TL_TOO_LARGE, "the command for the SQL engine is larger than %d MiB", TL_WIRE_FRAME_MAX >> 20);
    while (sent < connection->out.size) {
        ssize_t size = send(connection->fd, connection->out.data + sent, connection->out.size - sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return tl_err_set(err, TL_ENGINE_LOST, "the connection to the SQL engine broke");
        sent += (size_t)size;
    }
    tl_buf_clear(&connection->out);
    return TL_OK;
}

enum tl_code tl_engine_receive(struct tl_engine_connection *connection, int wait_ms, enum tl_wire_kind *ret_kind,
                               struct tl_str *ret_body, struct tl_err *err)
{
    struct pollfd wait = {.fd = connection->fd, .events = POLLIN};
    *ret_kind = 0;
    int count;
    do
        count = poll(&wait, 1, wait_ms);
    while (count < 0 && errno == EINTR && wait_ms < 0);
    if (count <= 0)
        return TL_OK;
    bool clean_end = false;
    struct tl_err broken;
    tl_err_init(&broken);
    if (tl_wire_receive(connection->fd, &connection->in, ret_kind, ret_body, &clean_end, &broken) != TL_OK || clean_end)
        return tl_err_set(err, TL_ENGINE_LOST, "the connection to the SQL engine broke");
    return TL_OK;
}

enum tl_code tl_engine_connect_to(struct tl_engine_child *child, struct tl_engine_connection **ret_connection, struct tl_err *err)
{
    int fd;
    if (tl_unix_connect(child->socket_path, &fd, err) != TL_OK)
        return err->code;
    struct tl_engine_connection *connection = tl_heap_alloc(sizeof *connection);
    connection->child = child;
    connection->fd = fd;
    tl_buf_init(&connection->in, TL_WIRE_FRAME_MAX);
    tl_buf_init(&connection->out, TL_WIRE_FRAME_MAX);
    size_t mark;
    enum tl_wire_kind kind;
    struct tl_str body;
    tl_wire_begin(&connection->out, TL_WIRE_HELLO, &mark);
    tl_wire_put_u32(&connection->out, TL_WIRE_PROTOCOL);
    tl_buf_add(&connection->out, child->secret, sizeof child->secret);
    tl_wire_end(&connection->out, mark);
    if (tl_engine_send(connection, err) == TL_OK && tl_engine_receive(connection, HELLO_WAIT_MS, &kind, &body, err) == TL_OK &&
        kind != TL_WIRE_END)
        tl_err_set(err, TL_ENGINE_LOST, "the SQL engine did not greet");
    if (err->code != TL_OK) {
        tl_engine_close_connection(connection);
        return err->code;
    }
    *ret_connection = connection;
    return TL_OK;
}

/* ---- the pool ---- */

/* Under the mutex.  Absolute time of the condition's clock. */
static void wait_until(tl_engine *engine, int64_t until_us)
{
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_cond_timedwait(&engine->changed, &engine->mutex, &until);
}

static bool is_ready(const tl_engine *engine)
{
    return engine->child && engine->child->paths_version >= engine->paths_version;
}

static enum tl_code report_not_ready(const tl_engine *engine, struct tl_err *err)
{
    if (engine->stopping)
        return tl_err_set(err, TL_ENGINE_LOST, "the SQL engine is being stopped");
    if (is_ready(engine)) {
        tl_err_set(err, TL_TOO_MANY_REQUESTS, "%d statements are running, no more can be started", TL_ENGINE_CONNECTIONS_MAX);
        tl_err_hint(err, "try again shortly");
        return TL_TOO_MANY_REQUESTS;
    }
    tl_err_set(err, TL_ENGINE_LOST, "the SQL engine is not running");
    if (engine->last_failure[0])
        tl_err_detail(err, "it %s", engine->last_failure);
    int64_t wait_us = engine->next_start_us - tl_clock_monotonic_us();
    if (wait_us > 0)
        tl_err_hint(err, "it is started again in %lld s", (long long)(wait_us / 1000000 + 1));
    else
        tl_err_hint(err, "it is being started; run the statement again");
    return TL_ENGINE_LOST;
}

/* Does the other side still hold it open, with nothing sent? */
static bool is_alive(const struct tl_engine_connection *connection)
{
    char byte;
    return recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Under the mutex: an idle connection, or NULL. */
static struct tl_engine_connection *take_idle(struct tl_engine_child *child)
{
    struct tl_engine_connection *connection;
    while ((connection = child->idle) != NULL) {
        child->idle = connection->next;
        child->idle_count--;
        if (is_alive(connection))
            break;
        child->connections--;
        tl_engine_close_connection(connection);
    }
    return connection;
}

/* Under the mutex: waits for a child that takes one more connection. */
static struct tl_engine_child *wait_for_child(struct tl_request *rq, tl_engine *engine, bool urgent)
{
    int64_t until_us = tl_clock_monotonic_us() + TL_ENGINE_READY_WAIT_US;
    if (rq->deadline_us && rq->deadline_us < until_us)
        until_us = rq->deadline_us;
    for (;;) {
        if (is_ready(engine) && (urgent || engine->child->idle || engine->child->connections < TL_ENGINE_CONNECTIONS_MAX))
            return engine->child;
        if (engine->stopping || tl_clock_monotonic_us() >= until_us || atomic_load(&rq->cancelled))
            return NULL;
        wait_until(engine, until_us);
    }
}

enum tl_code tl_engine_connect(struct tl_request *rq, tl_engine *engine, bool urgent, struct tl_engine_connection **ret_connection)
{
    pthread_mutex_lock(&engine->mutex);
    struct tl_engine_child *child = wait_for_child(rq, engine, urgent);
    if (!child) {
        report_not_ready(engine, &rq->err);
        pthread_mutex_unlock(&engine->mutex);
        return rq->err.code;
    }
    *ret_connection = take_idle(child);
    child->connections += !*ret_connection;
    pthread_mutex_unlock(&engine->mutex);
    if (*ret_connection)
        return TL_OK;
    struct tl_err broken;
    tl_err_init(&broken);
    if (tl_engine_connect_to(child, ret_connection, &broken) == TL_OK)
        return TL_OK;
    tl_engine_lost(engine, child, &rq->err);
    pthread_mutex_lock(&engine->mutex);
    child->connections--;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
    return rq->err.code;
}

static void trim(struct tl_buf *buf)
{
    if (buf->capacity > KEEP_BYTES_MAX)
        tl_buf_done(buf);
}

void tl_engine_release(tl_engine *engine, struct tl_engine_connection *connection, bool reusable)
{
    trim(&connection->in);
    trim(&connection->out);
    pthread_mutex_lock(&engine->mutex);
    struct tl_engine_child *child = connection->child;
    bool keep = reusable && child == engine->child && child->idle_count < TL_ENGINE_IDLE_MAX;
    if (keep) {
        connection->next = child->idle;
        child->idle = connection;
        child->idle_count++;
    } else {
        tl_engine_close_connection(connection);
        child->connections--;
    }
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
}

/* ---- commands ---- */

enum tl_code tl_engine_lost(tl_engine *engine, const struct tl_engine_child *child, struct tl_err *err)
{
    /* the socket breaks a moment before the supervisor knows why */
    int64_t until_us = tl_clock_monotonic_us() + NOTICE_US;
    pthread_mutex_lock(&engine->mutex);
    while (engine->child == child && !engine->stopping && tl_clock_monotonic_us() < until_us)
        wait_until(engine, until_us);
    tl_err_set(err, TL_ENGINE_LOST, "the SQL engine ended while it was working for this statement");
    if (engine->last_failure[0])
        tl_err_detail(err, "it %s", engine->last_failure);
    tl_err_hint(err, "it is being started again; run the statement again");
    pthread_mutex_unlock(&engine->mutex);
    return TL_ENGINE_LOST;
}

/* Why the caller does not want to wait any longer, TL_OK = it does. */
static enum tl_code given_up(struct tl_request *rq)
{
    if (atomic_load(&rq->cancelled))
        return tl_err_set(&rq->err, TL_CANCELLED, "the statement was cancelled");
    if (rq->deadline_us && tl_clock_monotonic_us() >= rq->deadline_us)
        return tl_err_set(&rq->err, TL_TIME_EXCEEDED, "the statement ran longer than it may");
    return TL_OK;
}

static enum tl_code take_error(struct tl_str body, struct tl_err *err)
{
    struct tl_wire_reader reader = {.left = body};
    struct tl_err said;
    tl_err_init(&said);
    if (!tl_wire_error(&reader, &said) || said.code == TL_OK)
        return tl_err_set(err, TL_ENGINE_LOST, "the SQL engine sent an error that cannot be read");
    return tl_err_copy(err, &said);
}

enum tl_code tl_engine_call(struct tl_request *rq, struct tl_engine_connection *connection,
                            bool (*take)(void *context, enum tl_wire_kind kind, struct tl_str body), void *context,
                            struct tl_str *ret_end)
{
    if (tl_engine_send(connection, &rq->err) != TL_OK)
        return rq->err.code;
    for (;;) {
        enum tl_wire_kind kind;
        struct tl_str body;
        if (tl_engine_receive(connection, SLICE_MS, &kind, &body, &rq->err) != TL_OK || (kind == 0 && given_up(rq) != TL_OK))
            return rq->err.code;
        if (kind == TL_WIRE_ERROR)
            return take_error(body, &rq->err);
        if (kind == TL_WIRE_END) {
            *ret_end = body;
            return TL_OK;
        }
        if (kind != 0 && (!take || !take(context, kind, body)))
            return tl_err_set(&rq->err, TL_ENGINE_LOST, "the SQL engine sent something out of turn");
    }
}
