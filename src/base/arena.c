#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(at, size) ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define POISON(at, size) ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

enum { ALIGNMENT = 16, BLOCK_SIZE_FIRST = 4096, BLOCK_SIZE_MAX = 256 * 1024 };

struct block {
    struct block *next;
    size_t capacity;
    size_t used;
    _Alignas(ALIGNMENT) char bytes[];
};

struct deferred {
    struct deferred *next;
    void (*done)(void *context);
    void *context;
};

struct tl_arena {
    struct block *blocks; /* newest first */
    struct deferred *deferred;
    size_t used;
    size_t limit;
};

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "townlake: out of memory (%zu bytes wanted)\n", size);
    abort();
}

void *tl_heap_alloc(size_t size)
{
    void *block = calloc(1, size ? size : 1);
    if (!block)
        out_of_memory(size);
    return block;
}

void *tl_heap_grow(void *block, size_t new_size)
{
    void *grown = realloc(block, new_size ? new_size : 1);
    if (!grown)
        out_of_memory(new_size);
    return grown;
}

char *tl_heap_strdup(const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    return memcpy(tl_heap_alloc(size), text, size);
}

tl_arena *tl_arena_new(size_t limit_bytes)
{
    tl_arena *arena = tl_heap_alloc(sizeof *arena);
    arena->limit = limit_bytes;
    return arena;
}

static void run_deferred(tl_arena *arena)
{
    while (arena->deferred) {
        struct deferred *top = arena->deferred;
        arena->deferred = top->next;
        top->done(top->context);
    }
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *next = block->next;
        UNPOISON(block->bytes, block->capacity);
        free(block);
        block = next;
    }
}

tl_arena *tl_arena_free(tl_arena *arena)
{
    if (!arena)
        return NULL;
    run_deferred(arena);
    free_blocks(arena->blocks);
    free(arena);
    return NULL;
}

void tl_arena_reset(tl_arena *arena)
{
    run_deferred(arena);
    struct block *keep = arena->blocks;
    if (keep) {
        free_blocks(keep->next);
        keep->next = NULL;
        keep->used = 0;
        POISON(keep->bytes, keep->capacity);
    }
    arena->used = 0;
}

static struct block *add_block(tl_arena *arena, size_t size)
{
    size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : BLOCK_SIZE_FIRST;
    if (capacity > BLOCK_SIZE_MAX)
        capacity = BLOCK_SIZE_MAX;
    if (capacity < size)
        capacity = size;
    struct block *block = malloc(sizeof *block + capacity);
    if (!block)
        out_of_memory(capacity);
    block->capacity = capacity;
    block->used = 0;
    POISON(block->bytes, capacity);
    /* A block of its own for something large goes behind the current one, whose rest stays in use. */
    if (arena->blocks && size == capacity && size > BLOCK_SIZE_FIRST) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *tl_arena_alloc(tl_arena *arena, size_t size)
{
    size_t room = aligned(size ? size : 1);
    if (room < size)
        out_of_memory(size);
    struct block *block = arena->blocks;
    if (!block || block->capacity - block->used < room)
        block = add_block(arena, room);
    char *at = block->bytes + block->used;
    block->used += room;
    arena->used += room;
    UNPOISON(at, size ? size : 1);
    return memset(at, 0, size ? size : 1);
}

void *tl_arena_grow(tl_arena *arena, void *old, size_t old_size, size_t new_size)
{
    if (new_size <= old_size)
        return old;
    struct block *block = arena->blocks;
    size_t old_room = aligned(old_size ? old_size : 1);
    if (old && block && (char *)old + old_room == block->bytes + block->used) {
        size_t extra = aligned(new_size) - old_room;
        if (block->capacity - block->used >= extra) {
            block->used += extra;
            arena->used += extra;
            UNPOISON(old, new_size);
            memset((char *)old + old_size, 0, new_size - old_size);
            return old;
        }
    }
    void *grown = tl_arena_alloc(arena, new_size);
    if (old_size)
        memcpy(grown, old, old_size);
    return grown;
}

char *tl_arena_strndup(tl_arena *arena, const char *bytes, size_t size)
{
    char *copy = tl_arena_alloc(arena, size + 1);
    if (size)
        memcpy(copy, bytes, size);
    return copy;
}

char *tl_arena_strdup(tl_arena *arena, const char *text)
{
    return text ? tl_arena_strndup(arena, text, strlen(text)) : NULL;
}

char *tl_arena_printf(tl_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = tl_arena_alloc(arena, (size_t)(size < 0 ? 0 : size) + 1);
    if (size > 0)
        vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}

void tl_arena_defer(tl_arena *arena, void (*done)(void *context), void *context)
{
    struct deferred *top = TL_NEW(arena, struct deferred);
    *top = (struct deferred){arena->deferred, done, context};
    arena->deferred = top;
}

size_t tl_arena_used(const tl_arena *arena)
{
    return arena->used;
}

enum tl_code tl_arena_check(const tl_arena *arena, const char *what, struct tl_err *err)
{
    if (arena->used <= arena->limit)
        return TL_OK;
    return tl_err_set(err, TL_TOO_LARGE, "%s needs more than %zu bytes of memory", what, arena->limit);
}
