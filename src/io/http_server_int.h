/* io/http_server_int.h -- what the files of the HTTP server share.
 *
 * Two kinds of threads meet in an exchange: the event loop that owns the connection, and the worker that runs the handler.
 * Life: made by the event loop with the request line; one reference is the connection's (until MHD says "completed"), one
 *   the worker's (from the queue until the handler has returned).
 * Suspending: only an event loop suspends, inside a callback, with exchange->mutex held and `suspended` set in the same hold;
 *   whoever has news for it takes the mutex and resumes it when `suspended` is set.  So no wake-up is lost or given twice.
 * Lock order: server->mutex, exchange->mutex, then the library's own.
 */
#ifndef TL_IO_HTTP_SERVER_INT_H
#define TL_IO_HTTP_SERVER_INT_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "io/http.h"

enum {
    HTTP_STREAM_BYTES = 128 * 1024, /* written by a handler and not yet taken by the connection */
    HTTP_ARENA_BYTES_MAX = 64 * 1024 * 1024,
    HTTP_POOL_BYTES = 32 * 1024, /* header block, and the library's buffers, of one connection */
    HTTP_GZIP_BYTES_MIN = 1024,
    HTTP_HEADERS_MAX = 256,
};

/* Stack pages count only when touched, so a roomy stack costs nothing; sanitizers need larger frames. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HTTP_WORKER_STACK_BYTES = 4 * 1024 * 1024, HTTP_LOOP_STACK_BYTES = 2 * 1024 * 1024 };
#else
enum { HTTP_WORKER_STACK_BYTES = 1024 * 1024, HTTP_LOOP_STACK_BYTES = 256 * 1024 };
#endif

enum http_phase { HTTP_NEW, HTTP_RECEIVING, HTTP_REFUSED, HTTP_HANDED_OVER };

struct http_header {
    const char *name;
    const char *value;
};

struct http_gzip;

struct tl_http_exchange {
    tl_http_server *server;
    struct MHD_Connection *connection; /* event loop only */
    tl_http_exchange *before, *after;  /* live exchanges of the server, under server->mutex */
    tl_http_exchange *queued_after;
    atomic_int references;
    enum http_phase phase; /* event loop only */
    int fd;

    /* the request: written before the hand-over, read-only afterwards */
    tl_arena *arena;
    const char *method;
    const char *path;
    const char *query; /* NULL = none */
    struct http_header *headers;
    size_t header_count;
    struct tl_buf body;
    uint64_t drained_bytes; /* received beyond the limit and dropped */
    bool is_head;
    bool peer_is_loopback;

    /* the answer as the handler builds it: worker only */
    struct http_header *answer_headers;
    size_t answer_header_count;
    bool answered;
    bool gzip_allowed;
    struct http_gzip *gzip;

    /* shared */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool suspended;
    bool abandoned; /* the server is closing */
    bool completed; /* the library is done with the request; the connection may not be touched */
    bool gone;      /* ... before the whole answer was sent */
    struct MHD_Response *response;
    int status;
    bool streaming;
    bool ended; /* the handler has written all */
    bool cut;   /* the handler returned before that */
    char *stream; /* a ring of HTTP_STREAM_BYTES */
    size_t stream_from, stream_count;
    bool writer_waits;
};

struct http_worker; /* an idle one */

struct tl_http_server {
    struct tl_buf tls_certificate, tls_key; /* empty = plain HTTP */
    struct MHD_Daemon *daemon;
    tl_http_handler handler;
    void *context;
    struct tl_http_limits limits;
    int port;
    int loops;
    atomic_int references;

    pthread_mutex_t mutex;
    pthread_cond_t changed; /* in_flight or workers went down */
    tl_http_exchange *live;
    tl_http_exchange *queue_first, *queue_last;
    int queued;
    struct http_worker *idle; /* last to rest first: few threads stay warm */
    int workers;
    int in_flight; /* handed over and not yet both answered and returned */
    bool draining; /* new requests are refused */
    bool closing;
};

/* http_listen.c */
TL_CHECKED enum tl_code http_listen(const char *address, int port, int *ret_fd, int *ret_port, struct tl_err *err);

/* http_worker.c */
/* In the event loop: suspends the connection and queues the exchange; false when the queue is full or the server ends. */
bool http_worker_submit(tl_http_exchange *exchange);
/* Under server->mutex, with `closing` set: sends idle workers home. */
void http_worker_call_all(tl_http_server *server);
void http_server_unref(tl_http_server *server);

/* http_exchange.c */
tl_http_exchange *http_exchange_new(tl_http_server *server, struct MHD_Connection *connection, const char *uri);
void http_exchange_unref(tl_http_exchange *exchange);
/* Under exchange->mutex. */
void http_exchange_suspend(tl_http_exchange *exchange);
void http_exchange_wake(tl_http_exchange *exchange);
/* Gives the response to the connection, or frees it when there is none any more. */
void http_exchange_answer(tl_http_exchange *exchange, int status, struct MHD_Response *response);
void http_exchange_add_headers(tl_http_exchange *exchange, struct MHD_Response *response, const char *content_type);
/* After the handler returned: what it left open is answered or cut. */
void http_exchange_finish(tl_http_exchange *exchange);

/* http_stream.c: the reader that the library calls for a streamed answer */
ssize_t http_stream_reader(void *exchange, uint64_t position, char *bytes, size_t size_max);

/* http_gzip.c */
bool http_gzip_accepted(tl_http_exchange *exchange);
/* The compressed body in the arena, or `body` itself when that is not smaller. */
struct tl_str http_gzip_whole(tl_arena *arena, struct tl_str body);
struct http_gzip *http_gzip_new(void);
struct http_gzip *http_gzip_free(struct http_gzip *gzip);
/* Calls put for each piece of output; false when put said false. */
bool http_gzip_write(struct http_gzip *gzip, const void *bytes, size_t size, bool last,
                     bool (*put)(void *context, const void *bytes, size_t size), void *context);

/* http_text.c */
struct tl_str http_problem_json(tl_arena *arena, const struct tl_err *err);

#endif
