/* The pool of the HTTP client. */
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "io/http_client_int.h"

enum { CONNECTIONS_DEFAULT = 16 };

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
    signal(SIGPIPE, SIG_IGN); /* writing to a TLS connection that has closed would raise it */
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

tl_http_client *tl_http_client_new(int connections_max)
{
    pthread_once(&library_once, start_library);
    tl_http_client *client = tl_heap_alloc(sizeof *client);
    client->slots_max = connections_max > 0 ? connections_max : CONNECTIONS_DEFAULT;
    pthread_mutex_init(&client->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->freed, &attributes);
    pthread_condattr_destroy(&attributes);
    return client;
}

static void slot_free(struct http_slot *slot)
{
    if (slot->easy)
        curl_easy_cleanup(slot->easy);
    if (slot->multi)
        curl_multi_cleanup(slot->multi);
    free(slot);
}

tl_http_client *tl_http_client_free(tl_http_client *client)
{
    if (!client)
        return NULL;
    while (client->idle) {
        struct http_slot *slot = client->idle;
        client->idle = slot->next;
        slot_free(slot);
    }
    pthread_mutex_destroy(&client->mutex);
    pthread_cond_destroy(&client->freed);
    free(client);
    return NULL;
}

void http_slot_give(tl_http_client *client, struct http_slot *slot)
{
    pthread_mutex_lock(&client->mutex);
    slot->next = client->idle;
    client->idle = slot;
    pthread_cond_signal(&client->freed);
    pthread_mutex_unlock(&client->mutex);
}

static enum tl_code slot_new(struct http_slot **ret_slot, struct tl_err *err)
{
    struct http_slot *slot = tl_heap_alloc(sizeof *slot);
    slot->multi = curl_multi_init();
    slot->easy = curl_easy_init();
    if (!slot->multi || !slot->easy) {
        slot_free(slot);
        return tl_err_set(err, TL_INTERNAL, "could not make an HTTP connection handle");
    }
    *ret_slot = slot;
    return TL_OK;
}

enum tl_code http_slot_take(tl_http_stream *stream, struct tl_err *err)
{
    tl_http_client *client = stream->client;
    enum tl_code code = TL_OK;
    pthread_mutex_lock(&client->mutex);
    while (code == TL_OK && !client->idle && client->slots >= client->slots_max) {
        struct timespec end;
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_nsec += http_wait_ms(stream) * 1000000L;
        end.tv_sec += end.tv_nsec / 1000000000L;
        end.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&client->freed, &client->mutex, &end);
        pthread_mutex_unlock(&client->mutex);
        code = http_check_interrupt(stream, err);
        pthread_mutex_lock(&client->mutex);
    }
    if (code == TL_OK && client->idle) {
        stream->slot = client->idle;
        client->idle = stream->slot->next;
    } else if (code == TL_OK) {
        code = slot_new(&stream->slot, err);
        client->slots += code == TL_OK;
    }
    pthread_mutex_unlock(&client->mutex);
    return code;
}
