/* Telling a webhook of requests: a thread of its own, a short queue, a few tries. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "io/http.h"
#include "lifeguard/lifeguard_int.h"

enum { QUEUE_MAX = 1000, TRIES_MAX = 3, ANSWER_MAX = 64 * 1024, PAUSE_SECONDS = 2, SEND_US = 10 * 1000000 };

struct message {
    struct message *next;
    size_t size;
    char text[];
};

struct lg_teller {
    char *url;
    tl_http_client *client;
    pthread_t thread;
    bool thread_runs, stopping;
    pthread_mutex_t mutex;
    pthread_cond_t queued;
    struct message *first, *last;
    size_t count;
};

static bool is_stopping(void *context)
{
    struct lg_teller *teller = context;
    pthread_mutex_lock(&teller->mutex);
    bool stopping = teller->stopping;
    pthread_mutex_unlock(&teller->mutex);
    return stopping;
}

static bool send_once(struct lg_teller *teller, const struct message *message)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    tl_arena *arena = tl_arena_new(ANSWER_MAX);
    struct tl_http_request request = {.method = "POST", .url = teller->url, .headers = headers, .body = {message->text, message->size},
                                      .deadline_us = tl_clock_monotonic_us() + SEND_US, .stop = is_stopping, .stop_context = teller,
                                      .response_bytes_max = ANSWER_MAX};
    struct tl_http_response response = {0};
    struct tl_err err;
    tl_err_init(&err);
    bool sent = tl_http_call(teller->client, arena, &request, &response, &err) == TL_OK && response.status >= 200 && response.status < 300;
    tl_arena_free(arena);
    return sent;
}

/* With the mutex open: waits a little, or until it is over. */
static void pause_a_little(struct lg_teller *teller)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PAUSE_SECONDS;
    pthread_mutex_lock(&teller->mutex);
    while (!teller->stopping && pthread_cond_timedwait(&teller->queued, &teller->mutex, &until) == 0)
        continue;
    pthread_mutex_unlock(&teller->mutex);
}

static void *tell(void *context)
{
    struct lg_teller *teller = context;
    for (;;) {
        pthread_mutex_lock(&teller->mutex);
        while (!teller->first && !teller->stopping)
            pthread_cond_wait(&teller->queued, &teller->mutex);
        struct message *message = teller->first;
        bool stopping = teller->stopping;
        if (message && !stopping) {
            teller->first = message->next;
            teller->last = teller->first ? teller->last : NULL;
            teller->count--;
        }
        pthread_mutex_unlock(&teller->mutex);
        if (stopping)
            return NULL;
        for (int i = 0; i < TRIES_MAX && !is_stopping(teller) && !send_once(teller, message); i++)
            pause_a_little(teller);
        free(message);
    }
}

struct lg_teller *lg_teller_new(const char *url)
{
    struct lg_teller *teller = tl_heap_alloc(sizeof *teller);
    teller->url = tl_heap_strdup(url);
    teller->client = tl_http_client_new(1);
    pthread_mutex_init(&teller->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&teller->queued, &attributes);
    pthread_condattr_destroy(&attributes);
    teller->thread_runs = pthread_create(&teller->thread, NULL, tell, teller) == 0;
    return teller;
}

void lg_teller_free(struct lg_teller *teller)
{
    if (!teller)
        return;
    pthread_mutex_lock(&teller->mutex);
    teller->stopping = true;
    pthread_cond_signal(&teller->queued);
    pthread_mutex_unlock(&teller->mutex);
    if (teller->thread_runs)
        pthread_join(teller->thread, NULL);
    for (struct message *next; teller->first; teller->first = next) {
        next = teller->first->next;
        free(teller->first);
    }
    tl_http_client_free(teller->client);
    pthread_mutex_destroy(&teller->mutex);
    pthread_cond_destroy(&teller->queued);
    free(teller->url);
    free(teller);
}

void lg_tell(tl_lifeguard *lifeguard, struct tl_str json)
{
    struct lg_teller *teller = lifeguard->teller;
    if (!teller)
        return;
    struct message *message = tl_heap_alloc(sizeof *message + json.size);
    message->size = json.size;
    memcpy(message->text, json.data, json.size);
    pthread_mutex_lock(&teller->mutex);
    bool room = teller->count < QUEUE_MAX;
    if (room) {
        if (teller->last)
            teller->last->next = message;
        else
            teller->first = message;
        teller->last = message;
        teller->count++;
        pthread_cond_signal(&teller->queued);
    }
    pthread_mutex_unlock(&teller->mutex);
    if (!room)
        free(message);
}
