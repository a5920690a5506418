/* io/http_client_int.h -- what the files of the HTTP client share.
 *
 * One transfer at a time runs on a slot of the client's pool.  A slot is an easy handle in a multi handle of its own: the multi
 * handle keeps the connection alive between transfers and lets us wait in steps that stop and deadline can interrupt.
 */
#ifndef TL_IO_HTTP_CLIENT_INT_H
#define TL_IO_HTTP_CLIENT_INT_H

#include <curl/curl.h>
#include <pthread.h>

#include "io/http.h"

enum {
    HTTP_STEP_MS = 100, /* how long stop may go unasked */
    HTTP_WHERE_BYTES = 320,
};

struct http_slot {
    struct http_slot *next;
    CURLM *multi;
    CURL *easy;
};

struct tl_http_client {
    pthread_mutex_t mutex;
    pthread_cond_t freed;
    struct http_slot *idle; /* last used first: its connection is the one most likely still open */
    int slots;
    int slots_max;
};

struct http_head {
    int status;
    bool is_complete;
    size_t count, capacity;
    const char **names, **values;
};

struct tl_http_stream {
    tl_http_client *client;
    tl_arena *arena;
    struct http_slot *slot;
    bool is_attached;
    char where[HTTP_WHERE_BYTES]; /* "host:port" for messages */
    struct curl_slist *lines;
    char curl_said[CURL_ERROR_SIZE];
    bool (*stop)(void *context);
    void *stop_context;
    int64_t deadline_us;
    int64_t stop_asked_us;
    int connect_timeout_ms;

    struct http_head head;
    struct tl_buf *body;
    char *into; /* where the reader wants the next bytes; NULL: into the body buffer */
    size_t into_size, into_room;
    bool pauses; /* a full body buffer waits for the reader; else it ends the transfer */
    bool is_paused;
    bool is_read; /* the reader has the bytes that lie in the body buffer */
    bool is_too_large;
    bool is_done;
    CURLcode result;
};

/* http_client.c */
/* A slot at rest, a new one, or the next that is given back. */
TL_CHECKED enum tl_code http_slot_take(tl_http_stream *stream, struct tl_err *err);
void http_slot_give(tl_http_client *client, struct http_slot *slot);

/* http_transfer.c */
TL_CHECKED enum tl_code http_check_interrupt(tl_http_stream *stream, struct tl_err *err);
int http_wait_ms(const tl_http_stream *stream);

/* http_client_err.c */
/* "host:port" of the URL, for messages; also the check that it is http or https. */
TL_CHECKED enum tl_code http_read_where(const char *url, char where[HTTP_WHERE_BYTES], struct tl_err *err);
/* What the end of the transfer means. */
TL_CHECKED enum tl_code http_report_result(const tl_http_stream *stream, struct tl_err *err);

#endif
