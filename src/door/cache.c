/* The gate's result per text: what a text is does not change, so the same text need not be parsed twice.  A set-associative
 * table: a text has WAYS places, the one not used for longest gives way. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "door/door_int.h"

enum { SETS = 256, WAYS = 4, TEXT_BYTES_MAX = 64 * 1024, ENTRY_ARENA_BYTES = 256 * 1024 };

struct entry {
    uint64_t hash, used;
    tl_arena *arena; /* NULL = free */
    struct tl_str text;
    const struct tl_gate *gate;
};

struct tl_door_cache {
    pthread_mutex_t mutex;
    uint64_t clock;
    struct entry entries[SETS][WAYS];
};

struct tl_door_cache *tl_cache_new(void)
{
    struct tl_door_cache *cache = tl_heap_alloc(sizeof *cache);
    pthread_mutex_init(&cache->mutex, NULL);
    return cache;
}

struct tl_door_cache *tl_cache_free(struct tl_door_cache *cache)
{
    if (!cache)
        return NULL;
    for (int set = 0; set < SETS; set++)
        for (int way = 0; way < WAYS; way++)
            tl_arena_free(cache->entries[set][way].arena);
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
    return NULL;
}

static const char *const *copy_names(tl_arena *arena, const char *const *names, size_t count)
{
    const char **copies = TL_NEW_ARRAY(arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        copies[i] = tl_arena_strdup(arena, names[i]);
    return copies;
}

static const struct tl_gate *copy_gate(tl_arena *arena, const struct tl_gate *gate)
{
    struct tl_gate *copy = TL_NEW(arena, struct tl_gate);
    *copy = *gate;
    struct tl_gate_table *tables = TL_NEW_ARRAY(arena, struct tl_gate_table, gate->table_count);
    for (size_t i = 0; i < gate->table_count; i++) {
        const struct tl_gate_table *from = &gate->tables[i];
        tables[i] = *from;
        tables[i].catalog = tl_arena_strdup(arena, from->catalog);
        tables[i].schema = tl_arena_strdup(arena, from->schema);
        tables[i].name = tl_arena_strdup(arena, from->name);
        tables[i].at_value = tl_arena_strdup(arena, from->at_value);
    }
    copy->tables = tables;
    struct tl_gate_column *columns = TL_NEW_ARRAY(arena, struct tl_gate_column, gate->column_count);
    for (size_t i = 0; i < gate->column_count; i++) {
        columns[i] = gate->columns[i];
        columns[i].catalog = tl_arena_strdup(arena, gate->columns[i].catalog);
        columns[i].schema = tl_arena_strdup(arena, gate->columns[i].schema);
        columns[i].table = tl_arena_strdup(arena, gate->columns[i].table);
    }
    copy->columns = columns;
    struct tl_gate_word *words = TL_NEW_ARRAY(arena, struct tl_gate_word, gate->word_count);
    if (gate->word_count)
        memcpy(words, gate->words, gate->word_count * sizeof *words);
    copy->words = words;
    copy->functions = copy_names(arena, gate->functions, gate->function_count);
    copy->aliases = copy_names(arena, gate->aliases, gate->alias_count);
    copy->new_name = tl_arena_strdup(arena, gate->new_name);
    return copy;
}

const struct tl_gate *tl_cache_get(struct tl_door_cache *cache, tl_arena *arena, uint64_t hash, struct tl_str text)
{
    const struct tl_gate *found = NULL;
    pthread_mutex_lock(&cache->mutex);
    struct entry *set = cache->entries[hash % SETS];
    for (int way = 0; way < WAYS && !found; way++) {
        if (set[way].arena && set[way].hash == hash && tl_str_equal(set[way].text, text)) {
            set[way].used = ++cache->clock;
            found = copy_gate(arena, set[way].gate);
        }
    }
    pthread_mutex_unlock(&cache->mutex);
    return found;
}

void tl_cache_put(struct tl_door_cache *cache, uint64_t hash, struct tl_str text, const struct tl_gate *gate)
{
    if (text.size > TEXT_BYTES_MAX)
        return;
    tl_arena *arena = tl_arena_new(ENTRY_ARENA_BYTES);
    struct entry entry = {.hash = hash, .arena = arena, .gate = copy_gate(arena, gate)};
    entry.text = (struct tl_str){tl_arena_strndup(arena, text.data, text.size), text.size};
    struct tl_err err;
    tl_err_init(&err);
    if (tl_arena_check(arena, "a remembered statement", &err) != TL_OK) {
        tl_arena_free(arena);
        return;
    }
    pthread_mutex_lock(&cache->mutex);
    struct entry *set = cache->entries[hash % SETS], *oldest = &set[0];
    for (int way = 1; way < WAYS; way++)
        if (set[way].used < oldest->used)
            oldest = &set[way];
    tl_arena_free(oldest->arena);
    *oldest = entry;
    oldest->used = ++cache->clock;
    pthread_mutex_unlock(&cache->mutex);
}
