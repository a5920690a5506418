/* Workers run handlers.  They are made when a request finds none at rest, and go when they rested for a while. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "io/http_server_int.h"

enum { REST_SECONDS = 10 };

/* Lies on the stack of the worker that rests. */
struct http_worker {
    struct http_worker *next;
    pthread_cond_t called;
    bool is_called;
};

void http_server_unref(tl_http_server *server)
{
    if (atomic_fetch_sub(&server->references, 1) != 1)
        return;
    pthread_mutex_destroy(&server->mutex);
    pthread_cond_destroy(&server->changed);
    tl_buf_done(&server->tls_certificate);
    tl_buf_done(&server->tls_key);
    free(server);
}

static void leave_idle_list(tl_http_server *server, struct http_worker *self)
{
    for (struct http_worker **at = &server->idle; *at; at = &(*at)->next) {
        if (*at == self) {
            *at = self->next;
            return;
        }
    }
}

/* Under the mutex.  false when nobody called for a while. */
static bool rest(tl_http_server *server)
{
    struct http_worker self = {.next = server->idle};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&self.called, &attributes);
    pthread_condattr_destroy(&attributes);
    server->idle = &self;
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += REST_SECONDS;
    while (!self.is_called)
        if (pthread_cond_timedwait(&self.called, &server->mutex, &end) == ETIMEDOUT)
            break;
    if (!self.is_called)
        leave_idle_list(server, &self);
    pthread_cond_destroy(&self.called);
    return self.is_called;
}

/* Under the mutex. */
static tl_http_exchange *take_queued(tl_http_server *server)
{
    tl_http_exchange *exchange = server->queue_first;
    if (exchange) {
        server->queue_first = exchange->queued_after;
        if (!server->queue_first)
            server->queue_last = NULL;
        server->queued--;
    }
    return exchange;
}

static void run_handler(tl_http_server *server, tl_http_exchange *exchange)
{
    server->handler(server->context, exchange);
    http_exchange_finish(exchange);
    http_exchange_unref(exchange);
}

static void *worker_main(void *context)
{
    tl_http_server *server = context;
    pthread_mutex_lock(&server->mutex);
    for (bool stay = true; stay;) {
        tl_http_exchange *exchange = server->closing ? NULL : take_queued(server);
        if (exchange) {
            pthread_mutex_unlock(&server->mutex);
            run_handler(server, exchange);
            pthread_mutex_lock(&server->mutex);
        } else {
            stay = !server->closing && rest(server);
        }
    }
    server->workers--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    http_server_unref(server);
    return NULL;
}

/* Under the mutex. */
static bool start_worker(tl_http_server *server)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, HTTP_WORKER_STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    atomic_fetch_add(&server->references, 1);
    pthread_t thread;
    bool started = pthread_create(&thread, &attributes, worker_main, server) == 0;
    pthread_attr_destroy(&attributes);
    if (started)
        server->workers++;
    else
        atomic_fetch_sub(&server->references, 1);
    return started;
}

static void call_idle(tl_http_server *server)
{
    struct http_worker *worker = server->idle;
    server->idle = worker->next;
    worker->is_called = true;
    pthread_cond_signal(&worker->called);
}

/* Under the mutex. */
static bool may_queue(tl_http_server *server)
{
    if (server->draining || server->queued >= server->limits.queue_max)
        return false;
    if (!server->idle && server->workers < server->limits.workers)
        start_worker(server);
    return server->workers > 0; /* when the system has no thread to give, those that run take it later */
}

bool http_worker_submit(tl_http_exchange *exchange)
{
    tl_http_server *server = exchange->server;
    pthread_mutex_lock(&server->mutex);
    bool accepted = may_queue(server);
    if (accepted) {
        atomic_fetch_add(&exchange->references, 1);
        server->in_flight++;
        pthread_mutex_lock(&exchange->mutex);
        http_exchange_suspend(exchange);
        pthread_mutex_unlock(&exchange->mutex);
        exchange->queued_after = NULL;
        if (server->queue_last)
            server->queue_last->queued_after = exchange;
        else
            server->queue_first = exchange;
        server->queue_last = exchange;
        server->queued++;
        if (server->idle)
            call_idle(server);
    }
    pthread_mutex_unlock(&server->mutex);
    return accepted;
}

void http_worker_call_all(tl_http_server *server)
{
    while (server->idle)
        call_idle(server);
}
