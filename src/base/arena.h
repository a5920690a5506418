/* base/arena.h -- memory that ends all at once.
 *
 * Why: a request makes hundreds of small things and needs none of them after its answer.  One arena per life
 *   (process, source, request, scratch) replaces hundreds of frees: what the arena made, the arena ends.
 * Owns: all memory returned; files, sockets and handles given by tl_arena_defer are closed last-first.
 * Threads: one thread at a time.
 * Bounds: made with a limit.  Beyond the limit the arena still serves (so callers need no check after each call) but
 *   is marked over; a stage that turned foreign bytes into memory asks tl_arena_check before it goes on.  Sizes that come
 *   from foreign bytes are checked against their own cap before they are allocated.  When the system itself has no
 *   memory, the process says so and aborts: its supervisor restarts it.
 */
#ifndef TL_BASE_ARENA_H
#define TL_BASE_ARENA_H

#include "base/err.h"

typedef struct tl_arena tl_arena;

tl_arena *tl_arena_new(size_t limit_bytes);
/* Runs the deferred calls, frees everything.  NULL is fine.  Returns NULL. */
tl_arena *tl_arena_free(tl_arena *arena);
/* Runs the deferred calls and forgets everything, keeping the first block for reuse. */
void tl_arena_reset(tl_arena *arena);

/* Zeroed, aligned to 16.  Never NULL; size 0 gives a unique address. */
void *tl_arena_alloc(tl_arena *arena, size_t size) __attribute__((malloc, returns_nonnull, alloc_size(2)));
/* Grow a block made by this arena; in place when it was the last one. */
void *tl_arena_grow(tl_arena *arena, void *block, size_t old_size, size_t new_size);
char *tl_arena_strdup(tl_arena *arena, const char *text);                  /* NULL gives NULL */
char *tl_arena_strndup(tl_arena *arena, const char *bytes, size_t size);   /* adds a NUL */
char *tl_arena_printf(tl_arena *arena, const char *format, ...) TL_PRINTF(2, 3);

/* Call done(context) when the arena ends or is reset. */
void tl_arena_defer(tl_arena *arena, void (*done)(void *context), void *context);

size_t tl_arena_used(const tl_arena *arena);
/* TL_TOO_LARGE when more than the limit was asked for. */
TL_CHECKED enum tl_code tl_arena_check(const tl_arena *arena, const char *what, struct tl_err *err);

#define TL_NEW(arena, type) ((type *)tl_arena_alloc((arena), sizeof(type)))
#define TL_NEW_ARRAY(arena, type, count) ((type *)tl_arena_alloc((arena), sizeof(type) * (size_t)(count)))

/* Heap memory for objects with _new/_free; aborts when the system has none. */
void *tl_heap_alloc(size_t size);                  /* zeroed */
void *tl_heap_grow(void *block, size_t new_size);  /* not zeroed beyond the old size */
char *tl_heap_strdup(const char *text);

#endif
