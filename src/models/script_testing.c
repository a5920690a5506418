#include "models/script_testing_int.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MAX = 8 << 20, STEP_MS = 5 };

struct script {
    pthread_t thread;
    pthread_mutex_t mutex;
    int listener, port;
    bool stop;
    const struct script_step *steps;
    size_t count, asked;
    char *heads[SCRIPT_STEPS_MAX], *bodies[SCRIPT_STEPS_MAX];
};

static bool stopping(struct script *script)
{
    pthread_mutex_lock(&script->mutex);
    bool stop = script->stop;
    pthread_mutex_unlock(&script->mutex);
    return stop;
}

static void rest(struct script *script, int ms)
{
    for (; ms > 0 && !stopping(script); ms -= STEP_MS)
        nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
}

/* One whole request, with a NUL behind it; its body begins at *ret_body. */
static char *read_request(int fd, size_t *ret_body)
{
    char *bytes = calloc(1, REQUEST_MAX + 1);
    size_t size = 0, wanted = SIZE_MAX;
    while (size < wanted && size < REQUEST_MAX) {
        ssize_t got = recv(fd, bytes + size, REQUEST_MAX - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
        char *end = strstr(bytes, "\r\n\r\n");
        if (end && wanted == SIZE_MAX) {
            char *length = strcasestr(bytes, "content-length:");
            *ret_body = (size_t)(end - bytes) + 4;
            wanted = *ret_body + (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
        }
    }
    if (size && size >= wanted)
        return bytes;
    free(bytes);
    return NULL;
}

static bool send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool send_chunk(int fd, const char *bytes, size_t size)
{
    char head[32];
    int head_size = snprintf(head, sizeof head, "%zx\r\n", size);
    return send_all(fd, head, (size_t)head_size) && send_all(fd, bytes, size) && send_all(fd, "\r\n", 2);
}

static void answer(struct script *script, int fd, const struct script_step *step)
{
    char head[1024];
    size_t size = step->body_size ? step->body_size : strlen(step->body ? step->body : "");
    rest(script, step->wait_ms);
    if (step->status == 0)
        return;
    int head_size = snprintf(head, sizeof head, "HTTP/1.1 %d x\r\nContent-Type: %s\r\n%sTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n", step->status,
                             step->type ? step->type : "text/event-stream", step->extra ? step->extra : "");
    bool open = send_all(fd, head, (size_t)head_size);
    for (size_t i = 0; open && size && i <= step->repeat && !stopping(script); i++)
        open = send_chunk(fd, step->body, size);
    rest(script, open ? step->hold_ms : 0);
    if (open && !step->cut)
        send_all(fd, "0\r\n\r\n", 5);
}

static void serve(struct script *script, int fd)
{
    size_t body = 0;
    char *request = read_request(fd, &body);
    if (!request)
        return;
    pthread_mutex_lock(&script->mutex);
    size_t n = script->asked++;
    const struct script_step *step = n < script->count ? &script->steps[n] : NULL;
    if (n < SCRIPT_STEPS_MAX) {
        script->bodies[n] = tl_heap_strdup(request + body);
        request[body] = '\0';
        script->heads[n] = tl_heap_strdup(request);
    }
    pthread_mutex_unlock(&script->mutex);
    if (step)
        answer(script, fd, step);
    free(request);
}

static void *run(void *context)
{
    struct script *script = context;
    while (!stopping(script)) {
        int fd = accept(script->listener, NULL, NULL);
        if (fd < 0)
            break;
        serve(script, fd);
        close(fd);
    }
    return NULL;
}

struct script *script_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct script *script = tl_heap_alloc(sizeof *script);
    pthread_mutex_init(&script->mutex, NULL);
    script->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(script->listener, (struct sockaddr *)&address, size) != 0 || listen(script->listener, 16) != 0 ||
        getsockname(script->listener, (struct sockaddr *)&address, &size) != 0)
        abort();
    script->port = ntohs(address.sin_port);
    pthread_create(&script->thread, NULL, run, script);
    return script;
}

static void forget(struct script *script)
{
    for (size_t i = 0; i < SCRIPT_STEPS_MAX; i++) {
        free(script->heads[i]);
        free(script->bodies[i]);
        script->heads[i] = script->bodies[i] = NULL;
    }
    script->asked = 0;
}

void script_stop(struct script *script)
{
    pthread_mutex_lock(&script->mutex);
    script->stop = true;
    pthread_mutex_unlock(&script->mutex);
    shutdown(script->listener, SHUT_RDWR);
    pthread_join(script->thread, NULL);
    close(script->listener);
    forget(script);
    pthread_mutex_destroy(&script->mutex);
    free(script);
}

int script_port(const struct script *script)
{
    return script->port;
}

void script_play(struct script *script, const struct script_step *steps, size_t count)
{
    pthread_mutex_lock(&script->mutex);
    forget(script);
    script->steps = steps;
    script->count = count;
    pthread_mutex_unlock(&script->mutex);
}

size_t script_asked(struct script *script)
{
    pthread_mutex_lock(&script->mutex);
    size_t asked = script->asked;
    pthread_mutex_unlock(&script->mutex);
    return asked;
}

const char *script_head(struct script *script, size_t n)
{
    return script->heads[n];
}

const char *script_body(struct script *script, size_t n)
{
    return script->bodies[n];
}
