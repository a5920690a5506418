/* Raw HTTP over sockets for tests: what goes over the wire is written and read byte by byte, so that nothing helps the server. */
#ifndef TL_IO_HTTP_TEST_H
#define TL_IO_HTTP_TEST_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/http.h"
#include "io/process.h"

struct reply {
    int status;       /* 0: no whole header block came */
    bool is_complete; /* the body ended as the header block promised */
    char head[16384];
    struct tl_buf body;
};

struct wire { /* one connection with what was read too far */
    int fd;
    char bytes[65536];
    size_t size;
};

static inline int wire_socket(int port, int receive_bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (receive_bytes)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static inline struct wire *wire_open(int port)
{
    struct wire *wire = tl_heap_alloc(sizeof *wire);
    wire->fd = wire_socket(port, 0);
    return wire;
}

static inline void wire_close(struct wire *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    free(wire);
}

static inline bool wire_send(struct wire *wire, const void *bytes, size_t size)
{
    struct tl_err err;
    tl_err_init(&err);
    return tl_fd_write_full(wire->fd, bytes, size, &err) == TL_OK;
}

static inline bool wire_say(struct wire *wire, const char *text)
{
    return wire_send(wire, text, strlen(text));
}

static inline void wire_patience(struct wire *wire, int milliseconds)
{
    struct timeval patience = {.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
    setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static inline bool wire_fill(struct wire *wire)
{
    ssize_t got = wire->size < sizeof wire->bytes ? recv(wire->fd, wire->bytes + wire->size, sizeof wire->bytes - wire->size, 0) : 0;
    wire->size += got > 0 ? (size_t)got : 0;
    return got > 0;
}

static inline void wire_drop(struct wire *wire, size_t size)
{
    memmove(wire->bytes, wire->bytes + size, wire->size - size);
    wire->size -= size;
}

/* Moves exactly size bytes of the body; false when the connection ends first. */
static inline bool wire_take(struct wire *wire, struct tl_buf *body, size_t size)
{
    while (size > 0) {
        if (wire->size == 0 && !wire_fill(wire))
            return false;
        size_t part = size < wire->size ? size : wire->size;
        if (body)
            tl_buf_add(body, wire->bytes, part);
        wire_drop(wire, part);
        size -= part;
    }
    return true;
}

/* A line ended by CR LF, without it. */
static inline bool wire_line(struct wire *wire, char *line, size_t size)
{
    const char *end;
    while (!(end = memmem(wire->bytes, wire->size, "\r\n", 2)))
        if (!wire_fill(wire))
            return false;
    size_t length = (size_t)(end - wire->bytes);
    if (length >= size)
        return false;
    memcpy(line, wire->bytes, length);
    line[length] = '\0';
    wire_drop(wire, length + 2);
    return true;
}

/* All until the connection ends. */
static inline bool wire_rest(struct wire *wire, struct tl_buf *body)
{
    do {
        tl_buf_add(body, wire->bytes, wire->size);
        wire->size = 0;
    } while (wire_fill(wire));
    return true;
}

static inline bool wire_chunks(struct wire *wire, struct tl_buf *body)
{
    char line[64];
    while (wire_line(wire, line, sizeof line)) {
        size_t size = strtoul(line, NULL, 16);
        if (size == 0)
            return wire_line(wire, line, sizeof line);
        if (!wire_take(wire, body, size) || !wire_line(wire, line, sizeof line))
            return false;
    }
    return false;
}

static inline const char *reply_header(const struct reply *reply, const char *name)
{
    static _Thread_local char value[1024];
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *at = strcasestr(reply->head, wanted);
    if (!at)
        return NULL;
    at += strlen(wanted);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static inline void reply_done(struct reply *reply)
{
    tl_buf_done(&reply->body);
}

/* has_body false: the answer to a HEAD. */
static inline void wire_read(struct wire *wire, bool has_body, struct reply *reply)
{
    memset(reply, 0, sizeof *reply);
    tl_buf_init(&reply->body, 64U << 20);
    const char *end;
    while (!(end = memmem(wire->bytes, wire->size, "\r\n\r\n", 4)))
        if (!wire_fill(wire))
            return;
    size_t size = (size_t)(end - wire->bytes) + 2;
    if (size >= sizeof reply->head)
        return;
    memcpy(reply->head, wire->bytes, size);
    wire_drop(wire, size + 2);
    reply->status = (int)strtol(reply->head + strlen("HTTP/1.1 "), NULL, 10);
    const char *length = reply_header(reply, "Content-Length");
    if (!has_body)
        reply->is_complete = true;
    else if (length)
        reply->is_complete = wire_take(wire, &reply->body, strtoul(length, NULL, 10));
    else if (reply_header(reply, "Transfer-Encoding"))
        reply->is_complete = wire_chunks(wire, &reply->body);
    else
        reply->is_complete = wire_rest(wire, &reply->body);
}

/* The other side has closed and sent nothing more. */
static inline bool wire_is_at_end(struct wire *wire)
{
    return wire->size == 0 && !wire_fill(wire);
}

/* One request on a connection of its own. */
static inline void ask(int port, const char *request, struct reply *reply)
{
    struct wire *wire = wire_open(port);
    assert_true(wire->fd >= 0);
    wire_say(wire, request);
    wire_read(wire, strncmp(request, "HEAD ", 5) != 0, reply);
    wire_close(wire);
}

/* A door that a test opens when it wants a handler to go on. */
struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int waiting;
    bool is_open;
};

#define GATE_INITIALIZER {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}

static inline void gate_pass(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->waiting++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->is_open)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    gate->waiting--;
    pthread_mutex_unlock(&gate->mutex);
}

static inline void gate_await(struct gate *gate, int waiting)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->waiting < waiting)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

static inline void gate_set(struct gate *gate, bool is_open)
{
    pthread_mutex_lock(&gate->mutex);
    gate->is_open = is_open;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

/* ---- http_test_service.c ---- */

enum { SERVICE_BODY_MAX = 100000 };

extern tl_http_server *server;
extern int port;
extern struct tl_err err;
extern struct gate gate;        /* GET /gate waits here */
extern atomic_int handled;      /* calls of the handler */
extern atomic_int writer_saw;   /* 1: the client was there to the end, 2: it had gone */

void service_start(const struct tl_http_limits *limits);
int service_setup(void **state);
int service_teardown(void **state);
void service_restart(const struct tl_http_limits *limits);
int service_await_writer(void);
void assert_alive(void);

#define SERVICE_TEST(name) cmocka_unit_test_setup_teardown(name, service_setup, service_teardown)

#endif
