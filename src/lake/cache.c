/* Metadata files that were read or written lately, of a warehouse behind a network: a file of this name never changes. */
#include "lake/lake_int.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 1024 };
static const size_t bytes_max = 64 * 1024 * 1024;

struct entry {
    char *location, *bytes;
    size_t size;
    uint64_t used;
};
struct tl_lake_cache {
    pthread_mutex_t mutex;
    struct entry entries[ENTRIES_MAX];
    size_t count, bytes;
    uint64_t clock;
};

struct tl_lake_cache *tl_lake_cache_new(void)
{
    struct tl_lake_cache *cache = tl_heap_alloc(sizeof *cache);
    pthread_mutex_init(&cache->mutex, NULL);
    return cache;
}

static void drop(struct tl_lake_cache *cache, size_t index)
{
    struct entry *entry = &cache->entries[index];
    cache->bytes -= entry->size;
    free(entry->location);
    free(entry->bytes);
    *entry = cache->entries[--cache->count];
}

struct tl_lake_cache *tl_lake_cache_free(struct tl_lake_cache *cache)
{
    if (!cache)
        return NULL;
    while (cache->count)
        drop(cache, 0);
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
    return NULL;
}

static struct entry *find(struct tl_lake_cache *cache, const char *location)
{
    for (size_t i = 0; i < cache->count; i++)
        if (strcmp(cache->entries[i].location, location) == 0)
            return &cache->entries[i];
    return NULL;
}

bool tl_lake_cache_get(struct tl_lake_cache *cache, const char *location, struct tl_buf *buf)
{
    if (!cache)
        return false;
    pthread_mutex_lock(&cache->mutex);
    struct entry *entry = find(cache, location);
    if (entry) {
        entry->used = ++cache->clock;
        tl_buf_add(buf, entry->bytes, entry->size);
    }
    pthread_mutex_unlock(&cache->mutex);
    return entry != NULL;
}

static void make_room(struct tl_lake_cache *cache, size_t size)
{
    while (cache->count && (cache->count == ENTRIES_MAX || cache->bytes + size > bytes_max)) {
        size_t oldest = 0;
        for (size_t i = 1; i < cache->count; i++)
            if (cache->entries[i].used < cache->entries[oldest].used)
                oldest = i;
        drop(cache, oldest);
    }
}

void tl_lake_cache_put(struct tl_lake_cache *cache, const char *location, struct tl_str bytes)
{
    if (!cache || bytes.size > bytes_max / 4)
        return;
    char *copy = tl_heap_alloc(bytes.size + 1);
    memcpy(copy, bytes.data ? bytes.data : "", bytes.size);
    pthread_mutex_lock(&cache->mutex);
    if (find(cache, location)) {
        free(copy);
    } else {
        make_room(cache, bytes.size);
        cache->entries[cache->count++] = (struct entry){tl_heap_strdup(location), copy, bytes.size, ++cache->clock};
        cache->bytes += bytes.size;
    }
    pthread_mutex_unlock(&cache->mutex);
}

size_t tl_lake_cache_bytes(struct tl_lake_cache *cache)
{
    pthread_mutex_lock(&cache->mutex);
    size_t bytes = cache->bytes;
    pthread_mutex_unlock(&cache->mutex);
    return bytes;
}
