/* Streamed answers: the handler writes into a ring, the connection takes from it as fast as the client reads. */
#include <string.h>

#include "io/http_server_int.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- the connection's side ---- */

static size_t take_from_ring(tl_http_exchange *exchange, char *bytes, size_t size)
{
    size = smaller(size, exchange->stream_count);
    size_t first = smaller(size, HTTP_STREAM_BYTES - exchange->stream_from);
    memcpy(bytes, exchange->stream + exchange->stream_from, first);
    memcpy(bytes + first, exchange->stream, size - first);
    exchange->stream_from = (exchange->stream_from + size) % HTTP_STREAM_BYTES;
    exchange->stream_count -= size;
    if (exchange->writer_waits && exchange->stream_count <= HTTP_STREAM_BYTES / 2)
        pthread_cond_signal(&exchange->changed);
    return size;
}

ssize_t http_stream_reader(void *context, uint64_t position, char *bytes, size_t size_max)
{
    (void)position;
    tl_http_exchange *exchange = context;
    ssize_t result = 0;
    pthread_mutex_lock(&exchange->mutex);
    if (exchange->stream_count > 0)
        result = (ssize_t)take_from_ring(exchange, bytes, size_max);
    else if (exchange->ended)
        result = MHD_CONTENT_READER_END_OF_STREAM;
    else if (exchange->cut || exchange->abandoned)
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    else
        http_exchange_suspend(exchange);
    pthread_mutex_unlock(&exchange->mutex);
    return result;
}

/* ---- the handler's side ---- */

void tl_http_begin(tl_http_exchange *exchange, int status, const char *content_type)
{
    enum { BLOCK_BYTES = 16 * 1024 };
    if (exchange->answered)
        return;
    if (exchange->gzip_allowed) {
        tl_http_set_header(exchange, "Vary", "Accept-Encoding");
        if (!exchange->is_head && http_gzip_accepted(exchange) && (exchange->gzip = http_gzip_new()))
            tl_http_set_header(exchange, "Content-Encoding", "gzip");
    }
    exchange->answered = true;
    exchange->stream = tl_heap_alloc(HTTP_STREAM_BYTES);
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, http_stream_reader, exchange, NULL);
    if (response)
        http_exchange_add_headers(exchange, response, content_type);
    /* libmicrohttpd 0.9.75 sends a last chunk even here: nobody may read it as an answer */
    if (response && exchange->is_head)
        MHD_add_response_header(response, "Connection", "close");
    pthread_mutex_lock(&exchange->mutex);
    exchange->streaming = true;
    pthread_mutex_unlock(&exchange->mutex);
    http_exchange_answer(exchange, status, response);
}

static size_t put_into_ring(tl_http_exchange *exchange, const char *bytes, size_t size)
{
    size = smaller(size, HTTP_STREAM_BYTES - exchange->stream_count);
    size_t to = (exchange->stream_from + exchange->stream_count) % HTTP_STREAM_BYTES;
    size_t first = smaller(size, HTTP_STREAM_BYTES - to);
    memcpy(exchange->stream + to, bytes, first);
    memcpy(exchange->stream, bytes + first, size - first);
    exchange->stream_count += size;
    return size;
}

static bool put_all(void *context, const void *bytes, size_t size)
{
    tl_http_exchange *exchange = context;
    const char *rest = bytes;
    pthread_mutex_lock(&exchange->mutex);
    while (size > 0 && !exchange->completed && !exchange->abandoned) {
        size_t put = put_into_ring(exchange, rest, size);
        rest += put;
        size -= put;
        http_exchange_wake(exchange);
        exchange->writer_waits = size > 0;
        if (size > 0)
            pthread_cond_wait(&exchange->changed, &exchange->mutex);
        exchange->writer_waits = false;
    }
    bool reached = !exchange->gone && !exchange->abandoned;
    pthread_mutex_unlock(&exchange->mutex);
    return reached;
}

bool tl_http_write(tl_http_exchange *exchange, const void *bytes, size_t size)
{
    if (!exchange->streaming || exchange->ended)
        return false;
    if (exchange->is_head)
        size = 0;
    if (exchange->gzip && size)
        return http_gzip_write(exchange->gzip, bytes, size, false, put_all, exchange);
    return put_all(exchange, bytes, size);
}

void tl_http_end(tl_http_exchange *exchange)
{
    if (!exchange->streaming || exchange->ended)
        return;
    if (exchange->gzip && !http_gzip_write(exchange->gzip, NULL, 0, true, put_all, exchange))
        return;
    pthread_mutex_lock(&exchange->mutex);
    exchange->ended = true;
    http_exchange_wake(exchange);
    pthread_mutex_unlock(&exchange->mutex);
}
