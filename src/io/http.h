/* io/http.h -- HTTP/1.1 server and client behind our own names; the libraries stay in io/.
 *
 * Server: handlers run on worker threads and may block (the connection is suspended meanwhile, so slow handlers never
 *   hold an event loop).  A handler either gives the whole answer (tl_http_respond) or streams it (begin, write, end).
 * Owns: everything a handler reads from the exchange lives as long as the exchange; its arena is for the handler's use.
 * Threads: one handler call per exchange; tl_http_* calls for it only from that thread.
 * Bounds: header block, body, connections, workers and queue: struct tl_http_limits.  A body over the limit is answered 413,
 *   a full queue 503 with Retry-After, both without calling the handler.
 * Errors to clients: tl_http_respond_err writes problem JSON {code, message, detail, hint, link, position} (RFC 9457 media type).
 */
#ifndef TL_IO_HTTP_H
#define TL_IO_HTTP_H

#include "base/arena.h"
#include "base/str.h"

typedef struct tl_http_server tl_http_server;
typedef struct tl_http_exchange tl_http_exchange;

struct tl_http_limits {
    size_t body_bytes_max;    /* 0 = 16 MiB */
    int connections_max;      /* 0 = 4096 */
    int workers;              /* 0 = 64: handlers at once */
    int queue_max;            /* 0 = 1024: requests waiting for a worker */
    int idle_timeout_seconds; /* 0 = 120 */
    /* Files in PEM: HTTPS (TLS 1.2 and 1.3) instead of plain HTTP.  NULL = plain; both or none. */
    const char *tls_certificate_file, *tls_key_file;
};

typedef void (*tl_http_handler)(void *context, tl_http_exchange *exchange);

/* address "127.0.0.1" or "::1" or "0.0.0.0"; port 0 = any (see tl_http_server_port).
 * TL_IO with a hint that names who may hold the port when it is in use.  TL_CONFIG: of the certificate and its key one is missing
 * or empty, or they are no pair. */
TL_CHECKED enum tl_code tl_http_server_start(const char *address, int port, const struct tl_http_limits *limits,
                                             tl_http_handler handler, void *context, tl_http_server **ret_server, struct tl_err *err);
int tl_http_server_port(const tl_http_server *server);
/* Stops accepting, waits up to grace for running handlers, closes.  A handler that still runs then is told that its client has
 * gone and what it answers goes nowhere; its context must outlive it.  Returns NULL. */
tl_http_server *tl_http_server_stop(tl_http_server *server, int grace_ms);

tl_arena *tl_http_arena(tl_http_exchange *exchange);
const char *tl_http_method(const tl_http_exchange *exchange); /* "GET" for HEAD too: the body is left out on the way */
bool tl_http_is_head(const tl_http_exchange *exchange);
const char *tl_http_path(const tl_http_exchange *exchange);   /* as sent, percent-encoded, without the query */
const char *tl_http_query_param(tl_http_exchange *exchange, const char *name); /* decoded; NULL = absent; "" = present without value */
const char *tl_http_header(tl_http_exchange *exchange, const char *name); /* NULL = absent; several lines of one name are joined by "," */
struct tl_str tl_http_body(const tl_http_exchange *exchange);
bool tl_http_is_tls(const tl_http_exchange *exchange);
bool tl_http_peer_is_loopback(const tl_http_exchange *exchange);
/* The client has gone (checked without blocking). */
bool tl_http_client_gone(tl_http_exchange *exchange);

/* Before the answer starts; a name given twice makes two lines.  A value with a line break is dropped. */
void tl_http_set_header(tl_http_exchange *exchange, const char *name, const char *value);
/* Whole answer; body is copied unless it lives in tl_http_arena (say so by body_in_arena). */
void tl_http_respond(tl_http_exchange *exchange, int status, const char *content_type, struct tl_str body, bool body_in_arena);
void tl_http_respond_err(tl_http_exchange *exchange, const struct tl_err *err);
/* Streamed (chunked) answer.  write blocks while the client is slow; false = the client has gone.  A handler that returns without
 * tl_http_end cuts the connection off, so that the client cannot take a part for the whole. */
void tl_http_begin(tl_http_exchange *exchange, int status, const char *content_type);
bool tl_http_write(tl_http_exchange *exchange, const void *bytes, size_t size);
void tl_http_end(tl_http_exchange *exchange);
/* gzip the answer when the client accepts it and the body is over 1 KiB or streamed (off by default).  A streamed answer is then
 * sent in blocks of the compressor, not write by write. */
void tl_http_allow_gzip(tl_http_exchange *exchange);

/* Percent-decoding of one path segment or form value; NULL when malformed or when it holds a NUL. */
char *tl_http_decode(tl_arena *arena, const char *text, size_t size, bool plus_is_space);
void tl_http_encode(struct tl_buf *buf, const char *text);

/* ---- client ----
 * One client keeps connections alive (per thread use: a client may be shared, each call takes a handle from its pool; when all
 * connections_max are taken a call waits for one, as long as its deadline and stop let it).
 * Left out on purpose: proxies (also those of the environment), redirects, cookies, protocols other than http and https. */
typedef struct tl_http_client tl_http_client;

struct tl_http_request {
    const char *method; /* "GET" */
    const char *url;
    const char *const *headers; /* "Name: value", NULL at the end; NULL = none */
    struct tl_str body;
    const char *user;     /* basic authentication; NULL = none */
    const char *password;
    const char *ca_file;  /* NULL = the system's */
    bool tls_insecure;
    int connect_timeout_ms; /* 0 = 5,000 */
    int64_t deadline_us;    /* monotonic; 0 = none */
    bool (*stop)(void *context); /* polled at least every 100 ms; NULL = never */
    void *stop_context;
    size_t response_bytes_max; /* of tl_http_call; 0 = 64 MiB */
};

struct tl_http_response {
    int status;
    struct tl_str body;
    size_t header_count;
    const char *const *header_names; /* lower case */
    const char *const *header_values;
};
const char *tl_http_response_header(const struct tl_http_response *response, const char *lower_case_name);

tl_http_client *tl_http_client_new(int connections_max); /* 0 = 16 */
tl_http_client *tl_http_client_free(tl_http_client *client);
/* Any HTTP status is success here; failures: TL_SOURCE_UNAVAILABLE (no connection, name, TLS, cut off before the end),
 * TL_SOURCE_PROTOCOL (not HTTP), TL_TIME_EXCEEDED, TL_CANCELLED, TL_TOO_LARGE, TL_INVALID_ARGUMENT (the URL).
 * Messages never hold url user info, headers or body. */
TL_CHECKED enum tl_code tl_http_call(tl_http_client *client, tl_arena *arena, const struct tl_http_request *request,
                                     struct tl_http_response *ret_response, struct tl_err *err);

/* Streamed response: read as it comes, at most one buffer (128 KiB) ahead; closing early drops the connection.
 * A stream must be closed before its client and its arena end.  One thread at a time. */
typedef struct tl_http_stream tl_http_stream;
TL_CHECKED enum tl_code tl_http_stream_open(tl_http_client *client, tl_arena *arena, const struct tl_http_request *request,
                                            tl_http_stream **ret_stream, struct tl_http_response *ret_head, struct tl_err *err);
/* At least 1 byte unless at the end (*ret_bytes.size 0).  Bytes are valid until the next call. */
TL_CHECKED enum tl_code tl_http_stream_read(tl_http_stream *stream, struct tl_str *ret_bytes, struct tl_err *err);
/* The same straight into memory of the caller's, TL_HTTP_READ_ROOM bytes at least. */
enum { TL_HTTP_READ_ROOM = 128 * 1024 };
TL_CHECKED enum tl_code tl_http_stream_read_into(tl_http_stream *stream, char *room, size_t room_size, size_t *ret_size,
                                                 struct tl_err *err);
void tl_http_stream_close(tl_http_stream *stream);

#endif
