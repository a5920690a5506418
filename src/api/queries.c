#include "api/queries.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"

enum { BUCKETS = 1024, PAGE_MAX = 512 * 1024 * 1024, REAP_EVERY_MS = 1000, KEEP_FINISHED_US = 30 * 1000000 };

struct tl_queries {
    pthread_mutex_t lock;
    pthread_cond_t stop_changed;
    bool stopping;
    pthread_t reaper;
    tl_engine *engine;
    tl_spool *spool;
    int64_t abandoned_after_us;
    size_t count;
    struct tl_query *buckets[BUCKETS];
};

struct tl_query *tl_query_new(void)
{
    struct tl_query *query = tl_heap_alloc(sizeof *query);
    tl_request_init(&query->rq, tl_arena_new(TL_QUERY_ARENA_MAX));
    if (tl_random_hex(query->slug, (sizeof query->slug - 1) / 2, &query->rq.err) != TL_OK)
        abort(); /* without random slugs anyone could read results */
    tl_buf_init(&query->page, PAGE_MAX);
    tl_buf_init(&query->rows, PAGE_MAX);
    query->created_us = query->touched_us = tl_clock_monotonic_us();
    pthread_mutex_init(&query->lock, NULL);
    return query;
}

void tl_query_free(struct tl_query *query)
{
    if (query->answer)
        tl_answer_close(&query->rq, query->answer);
    tl_buf_done(&query->page);
    tl_buf_done(&query->rows);
    free(query->cuts);
    tl_arena_free(query->rq.arena);
    pthread_mutex_destroy(&query->lock);
    free(query);
}

static size_t bucket_of(const char *id)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619U;
    return hash % BUCKETS;
}

static void unlink_query(tl_queries *queries, struct tl_query *query)
{
    struct tl_query **at = &queries->buckets[bucket_of(query->rq.id)];
    while (*at != query)
        at = &(*at)->next;
    *at = query->next;
    queries->count--;
    query->removed = true;
}

/* With the table's lock held: unlink what nobody uses and nobody came back for; returns it as a list. */
static struct tl_query *take_abandoned(tl_queries *queries, int64_t now)
{
    struct tl_query *taken = NULL;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct tl_query *query = queries->buckets[i];
        while (query) {
            struct tl_query *next = query->next;
            int64_t limit = query->finished ? KEEP_FINISHED_US : queries->abandoned_after_us;
            if (query->references == 0 && now - query->touched_us > limit) {
                unlink_query(queries, query);
                query->next = taken;
                taken = query;
            }
            query = next;
        }
    }
    return taken;
}

static void free_list(struct tl_query *query)
{
    while (query) {
        struct tl_query *next = query->next;
        tl_query_free(query);
        query = next;
    }
}

static void *reap(void *context)
{
    tl_queries *queries = context;
    pthread_mutex_lock(&queries->lock);
    while (!queries->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += REAP_EVERY_MS / 1000;
        pthread_cond_timedwait(&queries->stop_changed, &queries->lock, &until);
        tl_spool_expire(queries->spool, tl_clock_monotonic_us());
        struct tl_query *abandoned = take_abandoned(queries, tl_clock_monotonic_us());
        if (abandoned) {
            pthread_mutex_unlock(&queries->lock);
            free_list(abandoned);
            pthread_mutex_lock(&queries->lock);
        }
    }
    pthread_mutex_unlock(&queries->lock);
    return NULL;
}

tl_queries *tl_queries_new(tl_engine *engine, tl_spool *spool, int64_t abandoned_after_us)
{
    tl_queries *queries = tl_heap_alloc(sizeof *queries);
    queries->engine = engine;
    queries->spool = spool;
    queries->abandoned_after_us = abandoned_after_us;
    pthread_mutex_init(&queries->lock, NULL);
    pthread_cond_init(&queries->stop_changed, NULL);
    if (pthread_create(&queries->reaper, NULL, reap, queries) != 0)
        abort();
    return queries;
}

tl_queries *tl_queries_free(tl_queries *queries)
{
    if (!queries)
        return NULL;
    pthread_mutex_lock(&queries->lock);
    queries->stopping = true;
    pthread_cond_signal(&queries->stop_changed);
    pthread_mutex_unlock(&queries->lock);
    pthread_join(queries->reaper, NULL);
    for (size_t i = 0; i < BUCKETS; i++)
        free_list(queries->buckets[i]);
    pthread_mutex_destroy(&queries->lock);
    pthread_cond_destroy(&queries->stop_changed);
    free(queries);
    return NULL;
}

enum tl_code tl_queries_add(tl_queries *queries, struct tl_query *query, struct tl_err *err)
{
    pthread_mutex_lock(&queries->lock);
    bool full = queries->count >= TL_QUERIES_MAX;
    if (!full) {
        struct tl_query **bucket = &queries->buckets[bucket_of(query->rq.id)];
        query->next = *bucket;
        *bucket = query;
        queries->count++;
    }
    pthread_mutex_unlock(&queries->lock);
    if (!full)
        return TL_OK;
    tl_err_set(err, TL_TOO_MANY_REQUESTS, "%d statements are open, which is the limit", TL_QUERIES_MAX);
    tl_err_hint(err, "read results to their end or cancel them");
    return TL_TOO_MANY_REQUESTS;
}

static struct tl_query *find(tl_queries *queries, const char *id, const char *slug)
{
    struct tl_query *query = queries->buckets[bucket_of(id)];
    while (query && strcmp(query->rq.id, id) != 0)
        query = query->next;
    return query && tl_equal_constant_time(query->slug, strlen(query->slug), slug, strlen(slug)) ? query : NULL;
}

struct tl_query *tl_queries_acquire(tl_queries *queries, const char *id, const char *slug)
{
    pthread_mutex_lock(&queries->lock);
    struct tl_query *query = find(queries, id, slug);
    if (query)
        query->references++;
    pthread_mutex_unlock(&queries->lock);
    if (query)
        pthread_mutex_lock(&query->lock);
    return query;
}

static void drop_reference(tl_queries *queries, struct tl_query *query)
{
    pthread_mutex_lock(&queries->lock);
    query->touched_us = tl_clock_monotonic_us();
    bool last = --query->references == 0 && query->removed;
    pthread_mutex_unlock(&queries->lock);
    if (last)
        tl_query_free(query);
}

void tl_queries_release(tl_queries *queries, struct tl_query *query)
{
    pthread_mutex_unlock(&query->lock);
    drop_reference(queries, query);
}

bool tl_queries_cancel(tl_queries *queries, const char *id, const char *slug)
{
    pthread_mutex_lock(&queries->lock);
    struct tl_query *query = find(queries, id, slug);
    if (query) {
        query->references++;
        if (!query->removed)
            unlink_query(queries, query);
        atomic_store(&query->rq.cancelled, true);
    }
    pthread_mutex_unlock(&queries->lock);
    if (!query)
        return false;
    tl_engine_cancel(queries->engine, id); /* whoever is reading a page now comes back soon */
    drop_reference(queries, query);
    return true;
}

size_t tl_queries_count(tl_queries *queries)
{
    pthread_mutex_lock(&queries->lock);
    size_t count = queries->count;
    pthread_mutex_unlock(&queries->lock);
    return count;
}
