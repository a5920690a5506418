#include "api/spool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/random.h"

enum { SEGMENTS_MAX = 16384, STATEMENT_ID_SIZE = 40 };
static const size_t BYTES_MAX = 256 * 1024 * 1024, STATEMENT_BYTES_MAX = 64 * 1024 * 1024;
static const int64_t KEEP_US = 300LL * 1000 * 1000;

struct segment {
    char id[TL_SPOOL_ID_SIZE], statement_id[STATEMENT_ID_SIZE];
    int64_t made_us;
    struct segment *next;
    size_t size;
    char bytes[];
};

struct tl_spool {
    pthread_mutex_t lock;
    struct tl_spool_limits limits;
    struct segment *first;
    size_t bytes, count;
};

tl_spool *tl_spool_new(const struct tl_spool_limits *limits)
{
    tl_spool *spool = tl_heap_alloc(sizeof *spool);
    if (limits)
        spool->limits = *limits;
    spool->limits.bytes_max = spool->limits.bytes_max ? spool->limits.bytes_max : BYTES_MAX;
    spool->limits.statement_bytes_max =
        spool->limits.statement_bytes_max ? spool->limits.statement_bytes_max : STATEMENT_BYTES_MAX;
    spool->limits.keep_us = spool->limits.keep_us ? spool->limits.keep_us : KEEP_US;
    pthread_mutex_init(&spool->lock, NULL);
    return spool;
}

/* Under the lock: unlinks and frees what `matches`; how many. */
static size_t forget(tl_spool *spool, bool (*matches)(const struct segment *segment, const void *context), const void *context)
{
    size_t count = 0;
    for (struct segment **at = &spool->first; *at;) {
        struct segment *segment = *at;
        if (!matches(segment, context)) {
            at = &segment->next;
            continue;
        }
        *at = segment->next;
        spool->bytes -= segment->size;
        spool->count--;
        count++;
        free(segment);
    }
    return count;
}

static bool is_any(const struct segment *segment, const void *context)
{
    (void)segment;
    (void)context;
    return true;
}

static bool has_id(const struct segment *segment, const void *context)
{
    const char *id = context;
    return tl_equal_constant_time(segment->id, TL_SPOOL_ID_SIZE - 1, id, strlen(id));
}

static bool is_of_statement(const struct segment *segment, const void *context)
{
    return strcmp(segment->statement_id, context) == 0;
}

static bool is_older(const struct segment *segment, const void *context)
{
    const int64_t *limit_us = context;
    return segment->made_us < *limit_us;
}

tl_spool *tl_spool_free(tl_spool *spool)
{
    if (!spool)
        return NULL;
    forget(spool, is_any, NULL);
    pthread_mutex_destroy(&spool->lock);
    free(spool);
    return NULL;
}

/* Under the lock. */
static bool has_room(const tl_spool *spool, const char *statement_id, size_t size)
{
    size_t own = 0;
    for (const struct segment *segment = spool->first; segment; segment = segment->next)
        own += is_of_statement(segment, statement_id) ? segment->size : 0;
    return spool->count < SEGMENTS_MAX && spool->bytes + size <= spool->limits.bytes_max &&
           own + size <= spool->limits.statement_bytes_max;
}

bool tl_spool_put(tl_spool *spool, const char *statement_id, struct tl_str bytes, char ret_id[TL_SPOOL_ID_SIZE])
{
    struct tl_err err;
    tl_err_init(&err);
    if (bytes.size > spool->limits.bytes_max || tl_random_hex(ret_id, (TL_SPOOL_ID_SIZE - 1) / 2, &err) != TL_OK)
        return false;
    struct segment *segment = tl_heap_alloc(sizeof *segment + bytes.size);
    memcpy(segment->id, ret_id, TL_SPOOL_ID_SIZE);
    snprintf(segment->statement_id, sizeof segment->statement_id, "%s", statement_id);
    segment->made_us = tl_clock_monotonic_us();
    segment->size = bytes.size;
    memcpy(segment->bytes, bytes.data, bytes.size);
    pthread_mutex_lock(&spool->lock);
    bool fits = has_room(spool, statement_id, bytes.size);
    if (fits) {
        segment->next = spool->first;
        spool->first = segment;
        spool->bytes += segment->size;
        spool->count++;
    }
    pthread_mutex_unlock(&spool->lock);
    if (!fits)
        free(segment);
    return fits;
}

bool tl_spool_get(tl_spool *spool, const char *id, struct tl_buf *to)
{
    pthread_mutex_lock(&spool->lock);
    const struct segment *segment = spool->first;
    while (segment && !has_id(segment, id))
        segment = segment->next;
    if (segment)
        tl_buf_add(to, segment->bytes, segment->size);
    pthread_mutex_unlock(&spool->lock);
    return segment && !to->failed;
}

bool tl_spool_drop(tl_spool *spool, const char *id)
{
    pthread_mutex_lock(&spool->lock);
    bool found = forget(spool, has_id, id) > 0;
    pthread_mutex_unlock(&spool->lock);
    return found;
}

void tl_spool_drop_statement(tl_spool *spool, const char *statement_id)
{
    pthread_mutex_lock(&spool->lock);
    forget(spool, is_of_statement, statement_id);
    pthread_mutex_unlock(&spool->lock);
}

void tl_spool_expire(tl_spool *spool, int64_t now_us)
{
    int64_t limit_us = now_us - spool->limits.keep_us;
    pthread_mutex_lock(&spool->lock);
    forget(spool, is_older, &limit_us);
    pthread_mutex_unlock(&spool->lock);
}

size_t tl_spool_bytes(tl_spool *spool)
{
    pthread_mutex_lock(&spool->lock);
    size_t bytes = spool->bytes;
    pthread_mutex_unlock(&spool->lock);
    return bytes;
}
