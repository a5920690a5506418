/* sources/postgres/connection.h -- one connection to PostgreSQL on which every wait can be given up.
 *
 * Why: libpq's plain calls block for as long as the server or the network likes.  Everything here uses its
 *   asynchronous half and poll(2) in slices of at most 100 ms, asking `stop` between them.
 * Broken: once a call fails for anything but the server's own error report, the connection is `broken` and can only be
 *   closed.  Given up in mid-statement, the server is told to cancel (on a thread of its own: libpq's PQcancel blocks).
 * Secrets: passwords go to libpq in parameter arrays, never in a connection string; its texts are scrubbed (failure.c).
 * Threads: one thread at a time.
 */
#ifndef TL_SOURCES_POSTGRES_CONNECTION_H
#define TL_SOURCES_POSTGRES_CONNECTION_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "sources/postgres/options.h"

enum { TL_POSTGRES_SLICE_MS = 100, TL_POSTGRES_SQL_SIZE_MAX = 16 * 1024 * 1024, TL_POSTGRES_VERSION_MIN = 120000 };

struct tl_postgres_connection {
    const struct tl_postgres_options *options;
    PGconn *pg;
    bool broken;
    bool reused;  /* came from the pool: it may have died while idle */
    bool drained; /* with TLS: nothing is left that poll(2) does not see */
    int64_t idle_since_us;
};

/* Has the caller lost interest?  TL_OK, TL_CANCELLED or TL_TIME_EXCEEDED. */
TL_CHECKED enum tl_code tl_postgres_stopped(const char *source, const struct tl_stop *stop, struct tl_err *err);

/* Connect and set up the session: read only, UTC, UTF-8, a search path of the system's own functions. */
TL_CHECKED enum tl_code tl_postgres_connect(const struct tl_postgres_options *options, const struct tl_stop *stop,
                                            struct tl_postgres_connection *ret_connection, struct tl_err *err);
/* Cancels what still runs.  Fine to call twice. */
void tl_postgres_disconnect(struct tl_postgres_connection *connection);
/* Did an idle connection survive?  Does not wait. */
bool tl_postgres_alive(struct tl_postgres_connection *connection);

/* Send one or several statements as one message. */
TL_CHECKED enum tl_code tl_postgres_send(struct tl_postgres_connection *connection, const char *sql,
                                         const struct tl_stop *stop, struct tl_err *err);
/* The next result, NULL after the last.  What the server reports is returned as an error (the rest is discarded). */
TL_CHECKED enum tl_code tl_postgres_result(struct tl_postgres_connection *connection, const struct tl_stop *stop,
                                           PGresult **ret_result, struct tl_err *err);
/* Wait for bytes from the server, then take them in; may return before there are any. */
TL_CHECKED enum tl_code tl_postgres_receive(struct tl_postgres_connection *connection, const struct tl_stop *stop,
                                            struct tl_err *err);
/* Send and gather `count` results, which the caller clears; commands without rows count too. */
TL_CHECKED enum tl_code tl_postgres_query(struct tl_postgres_connection *connection, const char *sql,
                                          const struct tl_stop *stop, PGresult **results, size_t count,
                                          struct tl_err *err);

/* Cancel requests under way, in the whole process: waits at most timeout_us for them to end. */
void tl_postgres_cancels_finish(int64_t timeout_us);

/* A condition on the monotonic clock, and a wait of at most `ms`. */
void tl_postgres_condition_init(pthread_cond_t *condition);
void tl_postgres_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int ms);

#endif
