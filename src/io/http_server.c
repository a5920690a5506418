/* The event loops' side of the HTTP server: receive a request, hand it over, send the answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/http_server_int.h"
#include "io/process.h"

enum {
    LOOPS_MAX = 8,
    /* A client that sends too much is heard out up to so many times the limit, to read the 413 and not a reset. */
    DRAIN_FACTOR = 4,
};

/* ---- refusing without the handler ---- */

static enum MHD_Result refuse(tl_http_exchange *exchange, int status, const struct tl_err *err, bool close_after)
{
    exchange->phase = HTTP_REFUSED;
    struct tl_str body = http_problem_json(exchange->arena, err);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/problem+json");
    if (status == 503)
        MHD_add_response_header(response, "Retry-After", "1");
    if (close_after)
        MHD_add_response_header(response, "Connection", "close");
    enum MHD_Result result = MHD_queue_response(exchange->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse_bad_request(tl_http_exchange *exchange, const char *why)
{
    struct tl_err err;
    tl_err_init(&err);
    tl_err_set(&err, TL_INVALID_ARGUMENT, "%s", why);
    return refuse(exchange, 400, &err, true);
}

static enum MHD_Result refuse_too_large(tl_http_exchange *exchange, bool close_after)
{
    struct tl_err err;
    tl_err_init(&err);
    tl_err_set(&err, TL_TOO_LARGE, "the body of the request is larger than %zu bytes", exchange->body.max_size);
    return refuse(exchange, 413, &err, close_after);
}

static enum MHD_Result refuse_busy(tl_http_exchange *exchange)
{
    struct tl_err err;
    tl_err_init(&err);
    tl_err_set(&err, TL_TOO_MANY_REQUESTS, "more requests are waiting than the server takes");
    tl_err_hint(&err, "try again in a second");
    return refuse(exchange, 503, &err, false);
}

/* ---- receiving ---- */

static enum MHD_Result keep_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    tl_http_exchange *exchange = context;
    exchange->headers[exchange->header_count].name = tl_arena_strdup(exchange->arena, name);
    exchange->headers[exchange->header_count].value = tl_arena_strdup(exchange->arena, value ? value : "");
    exchange->header_count++;
    return MHD_YES;
}

/* What two parsers could read differently is refused, so that no proxy before us sees other requests than we do. */
static const char *framing_problem(const char *length, const char *coding)
{
    if (length && (*length == '\0' || length[strspn(length, "0123456789")] != '\0'))
        return "the header Content-Length is not one number";
    if (coding && length)
        return "the request has both Content-Length and Transfer-Encoding";
    if (coding && !tl_streq_nocase(coding, "chunked"))
        return "the header Transfer-Encoding may only be \"chunked\"";
    return NULL;
}

static enum MHD_Result begin_request(tl_http_exchange *exchange, const char *method)
{
    exchange->phase = HTTP_RECEIVING;
    exchange->is_head = tl_streq(method, "HEAD");
    exchange->method = exchange->is_head ? "GET" : tl_arena_strdup(exchange->arena, method);
    int count = MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, NULL, NULL);
    if (count > HTTP_HEADERS_MAX)
        return refuse_bad_request(exchange, "the request has too many headers");
    exchange->headers = TL_NEW_ARRAY(exchange->arena, struct http_header, count > 0 ? count : 1);
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, keep_header, exchange);

    const char *length = tl_http_header(exchange, "Content-Length");
    const char *problem = framing_problem(length, tl_http_header(exchange, "Transfer-Encoding"));
    if (problem)
        return refuse_bad_request(exchange, problem);
    unsigned long long body_bytes = length ? strtoull(length, NULL, 10) : 0;
    bool is_hopeless = body_bytes / DRAIN_FACTOR > exchange->body.max_size;
    if (body_bytes > exchange->body.max_size && (is_hopeless || tl_http_header(exchange, "Expect")))
        return refuse_too_large(exchange, true);
    return MHD_YES;
}

static enum MHD_Result take_body(tl_http_exchange *exchange, const char *bytes, size_t *size)
{
    tl_buf_add(&exchange->body, bytes, *size);
    if (exchange->body.failed)
        exchange->drained_bytes += *size;
    *size = 0;
    return exchange->drained_bytes / DRAIN_FACTOR > exchange->body.max_size ? MHD_NO : MHD_YES;
}

static enum MHD_Result hand_over(tl_http_exchange *exchange)
{
    if (exchange->body.failed)
        return refuse_too_large(exchange, false);
    exchange->phase = HTTP_HANDED_OVER; /* before a worker can see it */
    if (http_worker_submit(exchange))
        return MHD_YES;
    return refuse_busy(exchange);
}

static enum MHD_Result send_answer(tl_http_exchange *exchange)
{
    pthread_mutex_lock(&exchange->mutex);
    struct MHD_Response *response = exchange->response;
    unsigned status = (unsigned)exchange->status;
    exchange->response = NULL;
    pthread_mutex_unlock(&exchange->mutex);
    if (!response)
        return MHD_NO; /* the server ends */
    enum MHD_Result result = MHD_queue_response(exchange->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- what the library calls ---- */

static void *on_request_line(void *context, const char *uri, struct MHD_Connection *connection)
{
    return http_exchange_new(context, connection, uri);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_size, void **request)
{
    (void)context;
    (void)connection;
    (void)url;
    (void)version;
    tl_http_exchange *exchange = *request;
    if (!exchange)
        return MHD_NO;
    if (exchange->phase == HTTP_NEW)
        return begin_request(exchange, method);
    if (exchange->phase == HTTP_RECEIVING)
        return *upload_size ? take_body(exchange, upload, upload_size) : hand_over(exchange);
    *upload_size = 0;
    return exchange->phase == HTTP_HANDED_OVER ? send_answer(exchange) : MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode reason)
{
    (void)context;
    (void)connection;
    tl_http_exchange *exchange = *request;
    *request = NULL;
    if (!exchange)
        return;
    pthread_mutex_lock(&exchange->mutex);
    exchange->completed = true;
    exchange->gone = reason != MHD_REQUEST_TERMINATED_COMPLETED_OK;
    pthread_cond_broadcast(&exchange->changed);
    pthread_mutex_unlock(&exchange->mutex);
    http_exchange_unref(exchange);
}

/* ---- life ---- */

static int or_default(int value, int fallback)
{
    return value > 0 ? value : fallback;
}

static tl_http_server *new_server(const struct tl_http_limits *limits, tl_http_handler handler, void *context)
{
    tl_http_server *server = tl_heap_alloc(sizeof *server);
    struct tl_http_limits none = {0};
    const struct tl_http_limits *wanted = limits ? limits : &none;
    server->limits.body_bytes_max = wanted->body_bytes_max ? wanted->body_bytes_max : 16U << 20;
    server->limits.connections_max = or_default(wanted->connections_max, 4096);
    server->limits.workers = or_default(wanted->workers, 64);
    server->limits.queue_max = or_default(wanted->queue_max, 1024);
    server->limits.idle_timeout_seconds = or_default(wanted->idle_timeout_seconds, 120);
    server->handler = handler;
    server->context = context;
    atomic_init(&server->references, 1);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&server->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    server->loops = cores < 1 ? 1 : cores > LOOPS_MAX ? LOOPS_MAX : (int)cores;
    return server;
}

/* ---- TLS ---- */

enum { TLS_FILE_BYTES_MAX = 1024 * 1024 };
static const char TLS_PRIORITIES[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

/* An empty file must not pass for none: whoever names a key wants no plain HTTP. */
static enum tl_code read_pem(const char *path, struct tl_buf *pem, struct tl_err *err)
{
    if (tl_file_read(path, pem, err) != TL_OK)
        return err->code;
    if (pem->size == 0)
        return tl_err_set(err, TL_CONFIG, "the file \"%s\" is empty, and TLS needs it", path);
    tl_buf_cstr(pem);
    return TL_OK;
}

static enum tl_code read_tls(tl_http_server *server, const struct tl_http_limits *limits, struct tl_err *err)
{
    tl_buf_init(&server->tls_certificate, TLS_FILE_BYTES_MAX);
    tl_buf_init(&server->tls_key, TLS_FILE_BYTES_MAX);
    const char *certificate = limits ? limits->tls_certificate_file : NULL, *key = limits ? limits->tls_key_file : NULL;
    if (!certificate && !key)
        return TL_OK;
    if (!certificate || !key) {
        tl_err_set(err, TL_CONFIG, "TLS needs a certificate and its key, and only one of them is given");
        return TL_CONFIG;
    }
    return read_pem(certificate, &server->tls_certificate, err) == TL_OK ? read_pem(key, &server->tls_key, err) : err->code;
}

static enum tl_code start_failed(const tl_http_server *server, const char *address, int port, struct tl_err *err)
{
    if (server->tls_key.size == 0)
        return tl_err_errno(err, TL_IO, errno, "could not start the HTTP server on address \"%s\" port %d", address, port);
    tl_err_set(err, TL_CONFIG, "could not start HTTPS on address \"%s\" port %d with this certificate and key", address, port);
    tl_err_hint(err, "both are files in PEM; the certificate is followed by those that sign it, and the key is the certificate's own");
    return TL_CONFIG;
}

static struct MHD_Daemon *start_daemon(tl_http_server *server, int fd)
{
    bool tls = server->tls_key.size > 0;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls_options[] = {
        {tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, server->tls_certificate.data},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, server->tls_key.data},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, server->limits.connections_max, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, server->limits.idle_timeout_seconds, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_POOL_BYTES, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_THREAD_STACK_SIZE, HTTP_LOOP_STACK_BYTES, NULL},
        {server->loops > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, server->loops, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, server,
                            MHD_OPTION_URI_LOG_CALLBACK, on_request_line, server, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, server, MHD_OPTION_ARRAY, options, MHD_OPTION_ARRAY, tls_options, MHD_OPTION_END);
}

enum tl_code tl_http_server_start(const char *address, int port, const struct tl_http_limits *limits,
                                  tl_http_handler handler, void *context, tl_http_server **ret_server,
                                  struct tl_err *err)
{
    int fd, bound_port;
    enum tl_code code = http_listen(address, port, &fd, &bound_port, err);
    if (code != TL_OK)
        return code;
    tl_http_server *server = new_server(limits, handler, context);
    server->port = bound_port;
    code = read_tls(server, limits, err);
    if (code == TL_OK)
        server->daemon = start_daemon(server, fd);
    if (!server->daemon) {
        if (code == TL_OK)
            code = start_failed(server, address, port, err);
        close(fd);
        http_server_unref(server);
        return code;
    }
    *ret_server = server;
    return TL_OK;
}

int tl_http_server_port(const tl_http_server *server)
{
    return server->port;
}

/* Under the mutex: waits until *count is 0 or time is up. */
static void wait_for_zero(tl_http_server *server, const int *count, int timeout_ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += timeout_ms / 1000;
    end.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    while (*count > 0 && timeout_ms > 0)
        if (pthread_cond_timedwait(&server->changed, &server->mutex, &end) == ETIMEDOUT)
            return;
}

/* Under the mutex: from here on handlers are told that their clients have gone, and no connection stays suspended. */
static void abandon_all(tl_http_server *server)
{
    server->closing = true;
    http_worker_call_all(server);
    for (tl_http_exchange *exchange = server->live; exchange; exchange = exchange->after) {
        pthread_mutex_lock(&exchange->mutex);
        exchange->abandoned = true;
        pthread_cond_broadcast(&exchange->changed);
        http_exchange_wake(exchange);
        pthread_mutex_unlock(&exchange->mutex);
    }
}

static void drop_queue(tl_http_server *server)
{
    pthread_mutex_lock(&server->mutex);
    tl_http_exchange *exchange = server->queue_first;
    server->queue_first = server->queue_last = NULL;
    server->queued = 0;
    pthread_mutex_unlock(&server->mutex);
    while (exchange) {
        tl_http_exchange *after = exchange->queued_after;
        http_exchange_unref(exchange);
        exchange = after;
    }
}

tl_http_server *tl_http_server_stop(tl_http_server *server, int grace_ms)
{
    enum { WORKERS_LEAVE_MS = 1000 };
    if (!server)
        return NULL;
    int fd = MHD_quiesce_daemon(server->daemon);
    if (fd >= 0)
        close(fd);
    pthread_mutex_lock(&server->mutex);
    server->draining = true;
    wait_for_zero(server, &server->in_flight, grace_ms);
    abandon_all(server);
    pthread_mutex_unlock(&server->mutex);
    drop_queue(server);
    MHD_stop_daemon(server->daemon);
    /* A handler that still runs is left behind; the last worker to leave frees the server. */
    pthread_mutex_lock(&server->mutex);
    wait_for_zero(server, &server->workers, WORKERS_LEAVE_MS);
    pthread_mutex_unlock(&server->mutex);
    http_server_unref(server);
    return NULL;
}
