/* One request and its answer, as handlers see them. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "io/http_server_int.h"

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (address->sa_family != AF_INET6)
        return false;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
}

tl_http_exchange *http_exchange_new(tl_http_server *server, struct MHD_Connection *connection, const char *uri)
{
    tl_http_exchange *exchange = tl_heap_alloc(sizeof *exchange);
    exchange->server = server;
    exchange->connection = connection;
    atomic_init(&exchange->references, 1);
    exchange->arena = tl_arena_new(HTTP_ARENA_BYTES_MAX);
    tl_buf_init(&exchange->body, server->limits.body_bytes_max);
    pthread_mutex_init(&exchange->mutex, NULL);
    pthread_cond_init(&exchange->changed, NULL);

    size_t path_size = strcspn(uri, "?");
    exchange->path = tl_arena_strndup(exchange->arena, uri, path_size);
    exchange->query = uri[path_size] ? tl_arena_strdup(exchange->arena, uri + path_size + 1) : NULL;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    exchange->fd = info ? info->connect_fd : -1;
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    exchange->peer_is_loopback = info && info->client_addr && is_loopback(info->client_addr);

    pthread_mutex_lock(&server->mutex);
    exchange->after = server->live;
    if (server->live)
        server->live->before = exchange;
    server->live = exchange;
    pthread_mutex_unlock(&server->mutex);
    return exchange;
}

static void leave_server(tl_http_exchange *exchange)
{
    tl_http_server *server = exchange->server;
    pthread_mutex_lock(&server->mutex);
    if (exchange->before)
        exchange->before->after = exchange->after;
    else
        server->live = exchange->after;
    if (exchange->after)
        exchange->after->before = exchange->before;
    if (exchange->phase == HTTP_HANDED_OVER && --server->in_flight == 0)
        pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

void http_exchange_unref(tl_http_exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->references, 1) != 1)
        return;
    leave_server(exchange);
    if (exchange->response)
        MHD_destroy_response(exchange->response);
    http_gzip_free(exchange->gzip);
    free(exchange->stream);
    tl_buf_done(&exchange->body);
    tl_arena_free(exchange->arena);
    pthread_mutex_destroy(&exchange->mutex);
    pthread_cond_destroy(&exchange->changed);
    free(exchange);
}

void http_exchange_suspend(tl_http_exchange *exchange)
{
    exchange->suspended = true;
    MHD_suspend_connection(exchange->connection);
}

void http_exchange_wake(tl_http_exchange *exchange)
{
    if (exchange->suspended) {
        exchange->suspended = false;
        MHD_resume_connection(exchange->connection);
    }
}

/* ---- the request ---- */

tl_arena *tl_http_arena(tl_http_exchange *exchange)
{
    return exchange->arena;
}

bool tl_http_is_tls(const tl_http_exchange *exchange)
{
    return exchange->server->tls_key.size > 0;
}

bool tl_http_is_head(const tl_http_exchange *exchange)
{
    return exchange->is_head;
}

const char *tl_http_method(const tl_http_exchange *exchange)
{
    return exchange->method;
}

const char *tl_http_path(const tl_http_exchange *exchange)
{
    return exchange->path;
}

const char *tl_http_query_param(tl_http_exchange *exchange, const char *name)
{
    const char *at = exchange->query;
    while (at && *at) {
        size_t size = strcspn(at, "&"), name_size = strcspn(at, "=&");
        const char *found = tl_http_decode(exchange->arena, at, name_size, true);
        if (tl_streq(found, name))
            return name_size == size ? ""
                                     : tl_http_decode(exchange->arena, at + name_size + 1, size - name_size - 1, true);
        at += size + (at[size] == '&');
    }
    return NULL;
}

const char *tl_http_header(tl_http_exchange *exchange, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (!tl_streq_nocase(exchange->headers[i].name, name))
            continue;
        const char *line = exchange->headers[i].value;
        value = value ? tl_arena_printf(exchange->arena, "%s,%s", value, line) : line;
    }
    return value;
}

struct tl_str tl_http_body(const tl_http_exchange *exchange)
{
    return (struct tl_str){exchange->body.data ? exchange->body.data : "", exchange->body.size};
}

bool tl_http_peer_is_loopback(const tl_http_exchange *exchange)
{
    return exchange->peer_is_loopback;
}

bool tl_http_client_gone(tl_http_exchange *exchange)
{
    pthread_mutex_lock(&exchange->mutex);
    bool gone = exchange->gone || exchange->abandoned;
    if (!gone && !exchange->completed) { /* the library closes the socket only after it has said "completed" */
        struct pollfd look = {.fd = exchange->fd, .events = POLLRDHUP};
        gone = poll(&look, 1, 0) > 0 && look.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
    }
    pthread_mutex_unlock(&exchange->mutex);
    return gone;
}

/* ---- the answer ---- */

void tl_http_set_header(tl_http_exchange *exchange, const char *name, const char *value)
{
    size_t count = exchange->answer_header_count, size = sizeof *exchange->answer_headers;
    if (exchange->answered || count >= HTTP_HEADERS_MAX)
        return;
    exchange->answer_headers =
        tl_arena_grow(exchange->arena, exchange->answer_headers, count * size, (count + 1) * size);
    exchange->answer_headers[count].name = tl_arena_strdup(exchange->arena, name);
    exchange->answer_headers[count].value = tl_arena_strdup(exchange->arena, value);
    exchange->answer_header_count++;
}

void http_exchange_add_headers(tl_http_exchange *exchange, struct MHD_Response *response, const char *content_type)
{
    if (content_type)
        MHD_add_response_header(response, "Content-Type", content_type);
    for (size_t i = 0; i < exchange->answer_header_count; i++) /* a value with a line break is refused by the library */
        MHD_add_response_header(response, exchange->answer_headers[i].name, exchange->answer_headers[i].value);
}

void http_exchange_answer(tl_http_exchange *exchange, int status, struct MHD_Response *response)
{
    pthread_mutex_lock(&exchange->mutex);
    exchange->response = response;
    exchange->status = status;
    http_exchange_wake(exchange);
    pthread_mutex_unlock(&exchange->mutex);
}

void tl_http_respond(tl_http_exchange *exchange, int status, const char *content_type, struct tl_str body,
                     bool body_in_arena)
{
    if (exchange->answered)
        return;
    if (exchange->gzip_allowed && body.size > HTTP_GZIP_BYTES_MIN) {
        tl_http_set_header(exchange, "Vary", "Accept-Encoding");
        struct tl_str packed = http_gzip_accepted(exchange) ? http_gzip_whole(exchange->arena, body) : body;
        if (packed.data != body.data) {
            tl_http_set_header(exchange, "Content-Encoding", "gzip");
            body = packed;
            body_in_arena = true;
        }
    }
    exchange->answered = true;
    if (!body_in_arena)
        body.data = tl_arena_strndup(exchange->arena, body.data ? body.data : "", body.size);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_PERSISTENT);
    if (response)
        http_exchange_add_headers(exchange, response, content_type);
    http_exchange_answer(exchange, status, response);
}

void tl_http_respond_err(tl_http_exchange *exchange, const struct tl_err *err)
{
    const struct tl_code_info *info = tl_code_info(err->code == TL_OK ? TL_INTERNAL : err->code);
    if (info->http_status == 503 || info->http_status == 429)
        tl_http_set_header(exchange, "Retry-After", "1");
    struct tl_str body = http_problem_json(exchange->arena, err);
    tl_http_respond(exchange, info->http_status, "application/problem+json", body, true);
}

void tl_http_allow_gzip(tl_http_exchange *exchange)
{
    exchange->gzip_allowed = true;
}

void http_exchange_finish(tl_http_exchange *exchange)
{
    if (!exchange->answered) {
        struct tl_err err;
        tl_err_init(&err);
        tl_err_set(&err, TL_INTERNAL, "the request was not answered");
        tl_http_respond_err(exchange, &err);
    }
    pthread_mutex_lock(&exchange->mutex);
    if (exchange->streaming && !exchange->ended) {
        exchange->cut = true;
        http_exchange_wake(exchange);
    }
    pthread_mutex_unlock(&exchange->mutex);
}
