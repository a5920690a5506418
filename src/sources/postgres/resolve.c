#include "sources/postgres/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "sources/postgres/connection.h"

enum { SLICE_MS = 20 };

static atomic_int resolvers;

/* Shared by the caller and the thread; whoever lets go last frees it. */
struct job {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int users;
    bool done;
    int failure; /* of getaddrinfo */
    struct tl_postgres_addresses addresses;
    char host[];
};

static void let_go(struct job *job)
{
    pthread_mutex_lock(&job->mutex);
    bool last = --job->users == 0;
    pthread_mutex_unlock(&job->mutex);
    if (!last)
        return;
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->mutex);
    free(job);
}

static void collect(const struct addrinfo *list, struct tl_postgres_addresses *addresses)
{
    for (const struct addrinfo *info = list; info && addresses->count < TL_POSTGRES_ADDRESSES_MAX; info = info->ai_next)
        if (getnameinfo(info->ai_addr, info->ai_addrlen, addresses->text[addresses->count], TL_POSTGRES_ADDRESS_SIZE,
                        NULL, 0, NI_NUMERICHOST) == 0)
            addresses->count++;
}

static void *run(void *context)
{
    struct job *job = context;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *list = NULL;
    struct tl_postgres_addresses addresses = {0};
    int failure = getaddrinfo(job->host, NULL, &hints, &list);
    if (failure == 0) {
        collect(list, &addresses);
        freeaddrinfo(list);
    }
    pthread_mutex_lock(&job->mutex);
    job->addresses = addresses;
    job->failure = failure;
    job->done = true;
    pthread_cond_signal(&job->changed);
    pthread_mutex_unlock(&job->mutex);
    let_go(job);
    resolvers--;
    return NULL;
}

static struct job *start(const char *host)
{
    struct job *job = tl_heap_alloc(sizeof *job + strlen(host) + 1);
    memcpy(job->host, host, strlen(host) + 1);
    job->users = 2;
    pthread_mutex_init(&job->mutex, NULL);
    tl_postgres_condition_init(&job->changed);
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failure = pthread_create(&thread, &attributes, run, job);
    pthread_attr_destroy(&attributes);
    if (failure == 0)
        return job;
    job->users = 1;
    let_go(job);
    return NULL;
}

static enum tl_code wait_for(struct job *job, const char *source, int64_t deadline_us, const struct tl_stop *stop,
                             struct tl_postgres_addresses *ret_addresses, struct tl_err *err)
{
    enum tl_code code = TL_OK;
    pthread_mutex_lock(&job->mutex);
    while (!job->done && code == TL_OK) {
        tl_postgres_condition_wait(&job->changed, &job->mutex, SLICE_MS);
        code = tl_postgres_stopped(source, stop, err);
        if (code == TL_OK && !job->done && tl_clock_monotonic_us() > deadline_us)
            code = tl_err_set(err, TL_SOURCE_UNAVAILABLE,
                              "could not connect to source \"%s\": host \"%s\" was not resolved in time", source,
                              job->host);
    }
    if (code == TL_OK && (job->failure != 0 || job->addresses.count == 0)) {
        code = tl_err_set(err, TL_SOURCE_UNAVAILABLE,
                          "could not connect to source \"%s\": host \"%s\" was not resolved", source, job->host);
        tl_err_detail(err, "%s", job->failure ? gai_strerror(job->failure) : "no address");
    }
    *ret_addresses = job->addresses;
    pthread_mutex_unlock(&job->mutex);
    return code;
}

enum tl_code tl_postgres_resolve(const char *source, const char *host, int64_t deadline_us, const struct tl_stop *stop,
                                 struct tl_postgres_addresses *ret_addresses, struct tl_err *err)
{
    struct in6_addr binary;
    *ret_addresses = (struct tl_postgres_addresses){0};
    if (*host == '/' || *host == '@' || inet_pton(AF_INET, host, &binary) == 1 ||
        inet_pton(AF_INET6, host, &binary) == 1)
        return TL_OK;
    struct job *job = NULL;
    if (++resolvers <= TL_POSTGRES_RESOLVERS_MAX)
        job = start(host);
    if (!job) {
        resolvers--;
        return tl_err_set(err, TL_SOURCE_UNAVAILABLE,
                          "could not connect to source \"%s\": too many names are being resolved", source);
    }
    enum tl_code code = wait_for(job, source, deadline_us, stop, ret_addresses, err);
    let_go(job);
    return code;
}
