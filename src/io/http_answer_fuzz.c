/* Bytes that a server may send, given to the client: whole and streamed, it must end in time with an answer or an
 * error. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/http.h"
#include "io/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEADLINE_US = 5 * 1000 * 1000, RESPONSE_MAX = 1 << 20 };

static struct {
    int listening;
    char url[64];
    pthread_mutex_t mutex;
    char *data;
    size_t size;
} script = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void set_answer(const uint8_t *data, size_t size)
{
    pthread_mutex_lock(&script.mutex);
    script.data = tl_heap_grow(script.data, size);
    memcpy(script.data, data, size);
    script.size = size;
    pthread_mutex_unlock(&script.mutex);
}

static bool send_answer(int fd)
{
    struct tl_err ignored;
    tl_err_init(&ignored);
    pthread_mutex_lock(&script.mutex);
    bool sent = tl_fd_write_full(fd, script.data, script.size, &ignored) == TL_OK;
    pthread_mutex_unlock(&script.mutex);
    return sent;
}

/* Answers one connection after the other with the input of the moment. */
static void *script_main(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept(script.listening, NULL, NULL);
        char request[4096];
        if (recv(fd, request, sizeof request, 0) > 0 && send_answer(fd))
            shutdown(fd, SHUT_WR);
        while (recv(fd, request, sizeof request, 0) > 0)
            continue;
        close(fd);
    }
    return NULL;
}

static void start_once(void)
{
    static pthread_t thread;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (script.url[0])
        return;
    script.listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(script.listening, (struct sockaddr *)&address, size) != 0 || listen(script.listening, 8) != 0 ||
        getsockname(script.listening, (struct sockaddr *)&address, &size) != 0)
        abort();
    snprintf(script.url, sizeof script.url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    pthread_create(&thread, NULL, script_main, NULL);
}

static void check(enum tl_code code, const struct tl_err *err)
{
    if (code != err->code || code == TL_TIME_EXCEEDED || code == TL_INTERNAL)
        abort();
}

static void read_stream(tl_http_client *client, tl_arena *arena, const struct tl_http_request *request)
{
    struct tl_err err;
    tl_err_init(&err);
    struct tl_http_response head;
    tl_http_stream *stream = NULL;
    struct tl_str bytes = {.size = 1};
    enum tl_code code = tl_http_stream_open(client, arena, request, &stream, &head, &err);
    while (code == TL_OK && bytes.size > 0)
        code = tl_http_stream_read(stream, &bytes, &err);
    check(code, &err);
    tl_http_stream_close(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start_once();
    set_answer(data, size);
    tl_http_client *client = tl_http_client_new(1);
    tl_arena *arena = tl_arena_new(64U << 20);
    struct tl_http_request request = {.url = script.url,
                                      .deadline_us = tl_clock_monotonic_us() + DEADLINE_US,
                                      .response_bytes_max = RESPONSE_MAX};
    struct tl_http_response response;
    struct tl_err err;
    tl_err_init(&err);
    check(tl_http_call(client, arena, &request, &response, &err), &err);
    read_stream(client, arena, &request);
    tl_arena_free(arena);
    tl_http_client_free(client);
    return 0;
}
