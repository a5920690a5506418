#include "sources/postgres/pool.h"

#include <stdlib.h>

#include "base/clock.h"

struct tl_postgres_pool {
    const struct tl_postgres_options *options;
    int idle_ms;
    pthread_mutex_t mutex;
    pthread_cond_t changed;  /* a connection was put back, or one may be made */
    pthread_cond_t reap_now; /* the pool ends, or the first idle connection came */
    pthread_t reaper;
    bool reaping, ending;
    int open; /* in use and idle */
    int idle_count;
    struct tl_postgres_connection *idle[TL_POSTGRES_CONNECTIONS_MAX]; /* oldest first */
};

static void close_connection(struct tl_postgres_connection *connection)
{
    tl_postgres_disconnect(connection);
    free(connection);
}

/* Connections are closed outside the lock: a farewell is written to the network. */
static int take_expired(tl_postgres_pool *pool, int64_t before_us, struct tl_postgres_connection **ret_expired)
{
    int count = 0;
    while (count < pool->idle_count && pool->idle[count]->idle_since_us <= before_us) {
        ret_expired[count] = pool->idle[count];
        count++;
    }
    pool->idle_count -= count;
    memmove(pool->idle, pool->idle + count, sizeof *pool->idle * (size_t)pool->idle_count);
    pool->open -= count;
    if (count > 0)
        pthread_cond_broadcast(&pool->changed);
    return count;
}

static void close_all(struct tl_postgres_connection **connections, int count)
{
    for (int i = 0; i < count; i++)
        close_connection(connections[i]);
}

static void *reap(void *context)
{
    tl_postgres_pool *pool = context;
    struct tl_postgres_connection *expired[TL_POSTGRES_CONNECTIONS_MAX];
    pthread_mutex_lock(&pool->mutex);
    while (!pool->ending) {
        if (pool->idle_count == 0)
            pthread_cond_wait(&pool->reap_now, &pool->mutex);
        else
            tl_postgres_condition_wait(&pool->reap_now, &pool->mutex, pool->idle_ms / 4);
        int count = take_expired(pool, tl_clock_monotonic_us() - pool->idle_ms * INT64_C(1000), expired);
        pthread_mutex_unlock(&pool->mutex);
        close_all(expired, count);
        pthread_mutex_lock(&pool->mutex);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

tl_postgres_pool *tl_postgres_pool_new(const struct tl_postgres_options *options, int idle_ms)
{
    tl_postgres_pool *pool = tl_heap_alloc(sizeof *pool);
    pool->options = options;
    pool->idle_ms = idle_ms;
    pthread_mutex_init(&pool->mutex, NULL);
    tl_postgres_condition_init(&pool->changed);
    tl_postgres_condition_init(&pool->reap_now);
    return pool;
}

void tl_postgres_pool_free(tl_postgres_pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->ending = true;
    pthread_cond_broadcast(&pool->reap_now);
    pthread_mutex_unlock(&pool->mutex);
    if (pool->reaping)
        pthread_join(pool->reaper, NULL);
    close_all(pool->idle, pool->idle_count);
    pthread_cond_destroy(&pool->reap_now);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

static void forget_one(tl_postgres_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->open--;
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

/* The place is counted already. */
static enum tl_code make(tl_postgres_pool *pool, const struct tl_stop *stop,
                         struct tl_postgres_connection **ret_connection, struct tl_err *err)
{
    struct tl_postgres_connection *connection = tl_heap_alloc(sizeof *connection);
    enum tl_code code = tl_postgres_connect(pool->options, stop, connection, err);
    if (code != TL_OK) {
        free(connection);
        forget_one(pool);
        return code;
    }
    *ret_connection = connection;
    return TL_OK;
}

/* Warmest first: the others may then grow old and be closed. */
static struct tl_postgres_connection *pop_idle(tl_postgres_pool *pool)
{
    while (pool->idle_count > 0) {
        struct tl_postgres_connection *connection = pool->idle[--pool->idle_count];
        if (tl_postgres_alive(connection)) {
            connection->reused = true;
            return connection;
        }
        pool->open--;
        close_connection(connection); /* dead: nothing is written */
    }
    return NULL;
}

static enum tl_code take(tl_postgres_pool *pool, const struct tl_stop *stop, bool wait,
                         struct tl_postgres_connection **ret_connection, struct tl_err *err)
{
    int64_t give_up_us = tl_clock_monotonic_us() + TL_POSTGRES_POOL_WAIT_MS * INT64_C(1000);
    enum tl_code code = TL_OK;
    bool room = false;
    *ret_connection = NULL;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        *ret_connection = pop_idle(pool);
        room = !*ret_connection && pool->open < pool->options->connections_max;
        if (*ret_connection || room || !wait)
            break;
        tl_postgres_condition_wait(&pool->changed, &pool->mutex, TL_POSTGRES_SLICE_MS);
        code = tl_postgres_stopped(pool->options->name, stop, err);
        if (code == TL_OK && tl_clock_monotonic_us() > give_up_us) {
            code = tl_err_set(err, TL_TOO_MANY_REQUESTS, "all %d connections of source \"%s\" are in use",
                              pool->options->connections_max, pool->options->name);
            tl_err_hint(err, "try again later, or raise connections_max of the source");
        }
        if (code != TL_OK)
            break;
    }
    pool->open += room;
    pthread_mutex_unlock(&pool->mutex);
    return room && code == TL_OK ? make(pool, stop, ret_connection, err) : code;
}

enum tl_code tl_postgres_pool_take(tl_postgres_pool *pool, const struct tl_stop *stop,
                                   struct tl_postgres_connection **ret_connection, struct tl_err *err)
{
    return take(pool, stop, true, ret_connection, err);
}

enum tl_code tl_postgres_pool_try(tl_postgres_pool *pool, const struct tl_stop *stop,
                                  struct tl_postgres_connection **ret_connection, struct tl_err *err)
{
    return take(pool, stop, false, ret_connection, err);
}

void tl_postgres_pool_put(tl_postgres_pool *pool, struct tl_postgres_connection *connection)
{
    if (!connection)
        return;
    bool keep = connection->pg && !connection->broken && PQstatus(connection->pg) == CONNECTION_OK &&
                PQtransactionStatus(connection->pg) == PQTRANS_IDLE;
    if (!keep) {
        close_connection(connection);
        forget_one(pool);
        return;
    }
    connection->idle_since_us = tl_clock_monotonic_us();
    pthread_mutex_lock(&pool->mutex);
    pool->idle[pool->idle_count++] = connection;
    if (!pool->reaping)
        pool->reaping = pthread_create(&pool->reaper, NULL, reap, pool) == 0;
    pthread_cond_signal(&pool->reap_now);
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->mutex);
}

/* Close it and connect anew in its place. */
static enum tl_code replace(tl_postgres_pool *pool, const struct tl_stop *stop,
                            struct tl_postgres_connection **connection, struct tl_err *err)
{
    struct tl_postgres_connection *expired[TL_POSTGRES_CONNECTIONS_MAX];
    close_connection(*connection);
    *connection = NULL;
    pthread_mutex_lock(&pool->mutex);
    int count = take_expired(pool, INT64_MAX, expired);
    pthread_mutex_unlock(&pool->mutex);
    close_all(expired, count);
    return make(pool, stop, connection, err);
}

enum tl_code tl_postgres_pool_attempt(tl_postgres_pool *pool, tl_postgres_attempt *attempt, void *context,
                                      const struct tl_stop *stop, struct tl_postgres_connection **connection,
                                      struct tl_err *err)
{
    struct tl_err first;
    tl_err_init(&first);
    enum tl_code code = TL_OK;
    if (!*connection)
        code = tl_postgres_pool_take(pool, stop, connection, err);
    if (code != TL_OK)
        return code;
    code = attempt(context, *connection, stop, &first);
    if (code != TL_SOURCE_UNAVAILABLE || !(*connection)->broken || !(*connection)->reused)
        return code == TL_OK ? TL_OK : tl_err_copy(err, &first);
    code = replace(pool, stop, connection, err);
    return code == TL_OK ? attempt(context, *connection, stop, err) : code;
}
