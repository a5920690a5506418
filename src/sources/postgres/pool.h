/* sources/postgres/pool.h -- the connections of one source: made when needed, kept while warm, never more than allowed.
 *
 * Health: an idle connection is looked at before use (no round trip); one that turns out dead at its first statement is
 *   replaced once (tl_postgres_pool_attempt), together with all idle ones, because what ended it ended them as well.
 * Waiting: when all are in use, take waits for one, interruptibly, at most TL_POSTGRES_POOL_WAIT_MS.
 * Idle: closed by a thread of the pool after idle_ms.
 * Threads: every call from any thread; a taken connection belongs to its taker.
 */
#ifndef TL_SOURCES_POSTGRES_POOL_H
#define TL_SOURCES_POSTGRES_POOL_H

#include "sources/postgres/connection.h"

enum { TL_POSTGRES_POOL_WAIT_MS = 30000, TL_POSTGRES_POOL_IDLE_MS = 60000 };

typedef struct tl_postgres_pool tl_postgres_pool;

/* `options` must outlive the pool. */
tl_postgres_pool *tl_postgres_pool_new(const struct tl_postgres_options *options, int idle_ms);
/* All connections have been put back.  NULL is fine. */
void tl_postgres_pool_free(tl_postgres_pool *pool);

TL_CHECKED enum tl_code tl_postgres_pool_take(tl_postgres_pool *pool, const struct tl_stop *stop,
                                              struct tl_postgres_connection **ret_connection, struct tl_err *err);
/* The same, but *ret_connection is NULL at once when all are in use. */
TL_CHECKED enum tl_code tl_postgres_pool_try(tl_postgres_pool *pool, const struct tl_stop *stop,
                                             struct tl_postgres_connection **ret_connection, struct tl_err *err);
/* Kept for the next taker when it is idle at the server, else closed.  NULL is fine. */
void tl_postgres_pool_put(tl_postgres_pool *pool, struct tl_postgres_connection *connection);
/* Do something read-only on *connection (taken here when NULL); when the connection turns out to have died while it was
 * idle, once more on a new one.  Afterwards *connection is to be put back in any case; it may be NULL after an
 * error. */
typedef enum tl_code tl_postgres_attempt(void *context, struct tl_postgres_connection *connection,
                                         const struct tl_stop *stop, struct tl_err *err);
TL_CHECKED enum tl_code tl_postgres_pool_attempt(tl_postgres_pool *pool, tl_postgres_attempt *attempt, void *context,
                                                 const struct tl_stop *stop, struct tl_postgres_connection **connection,
                                                 struct tl_err *err);

#endif
