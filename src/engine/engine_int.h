/* engine/engine_int.h -- what the files of serve's side share: the child, its connections, what is put again after a restart. */
#ifndef TL_ENGINE_ENGINE_INT_H
#define TL_ENGINE_ENGINE_INT_H

#include <pthread.h>

#include "engine/engine.h"
#include "engine/wire.h"
#include "io/process.h"

enum {
    TL_ENGINE_CONNECTIONS_MAX = 240, /* the engine takes 256: some are left for cancelling and health */
    TL_ENGINE_IDLE_MAX = 64,
    TL_ENGINE_READY_WAIT_US = 5 * 1000 * 1000,
    TL_ENGINE_SOCKET_PATH_MAX = 108,
};

/* One life of the process.  Ends when nobody holds it: the engine while it is the current one, and each connection. */
struct tl_engine_child {
    struct tl_engine_child *next; /* among the retired */
    tl_process *process;
    char socket_path[TL_ENGINE_SOCKET_PATH_MAX];
    char *spill_directory;
    uint8_t secret[TL_WIRE_SECRET_SIZE];
    char version[32];
    int64_t ready_at_us, retired_at_us;
    int paths_version;            /* of tl_engine.paths_version that it was started with */
    int connections;              /* open ones, used or idle */
    struct tl_engine_connection *idle;
    int idle_count;
};

struct tl_engine_connection {
    struct tl_engine_connection *next;
    struct tl_engine_child *child;
    int fd;
    struct tl_buf in, out;
};

struct tl_engine_remembered {
    struct tl_engine_remembered *next;
    tl_arena *arena;
    struct tl_source_config config;
};

struct tl_engine {
    tl_arena *arena; /* options */
    struct tl_engine_options options;
    char *socket_directory;
    bool own_socket_directory;
    pthread_t supervisor;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* monotonic clock */
    bool stopping;
    struct tl_engine_child *child;    /* takes statements; NULL: none is ready */
    struct tl_engine_child *starting; /* so that stopping can kill it */
    struct tl_engine_child *retired;  /* still busy with statements, takes no new ones */
    struct tl_engine_remembered *sources;
    char **paths; /* the options' and those of sources that came later */
    size_t path_count;
    int paths_version;
    int lives;    /* started so far */
    int restarts;
    int running;
    char last_failure[256];
    int64_t next_start_us; /* while it waits to try again */
};

/* ---- supervisor.c ---- */
void *tl_engine_supervise(void *engine);
/* Under the mutex: allow a path to the engine; true when it was not allowed yet (the supervisor starts another child). */
bool tl_engine_add_path(tl_engine *engine, const char *path);
void tl_engine_free_child(struct tl_engine_child *child);

/* ---- connection.c ---- */
/* A connection to a child that is ready, waiting up to 5 s for one.  `urgent`: beyond the limit of connections. */
TL_CHECKED enum tl_code tl_engine_connect(struct tl_request *rq, tl_engine *engine, bool urgent,
                                          struct tl_engine_connection **ret_connection);
/* To a child that is being started; no waiting, no limit, rq not needed. */
TL_CHECKED enum tl_code tl_engine_connect_to(struct tl_engine_child *child, struct tl_engine_connection **ret_connection, struct tl_err *err);
/* `reusable`: the last answer was read to its end. */
void tl_engine_release(tl_engine *engine, struct tl_engine_connection *connection, bool reusable);
void tl_engine_close_connection(struct tl_engine_connection *connection);
/* Sends connection->out. */
TL_CHECKED enum tl_code tl_engine_send(struct tl_engine_connection *connection, struct tl_err *err);
/* Waits at most wait_ms (-1: for ever) for a frame; *ret_kind 0 = none came. */
TL_CHECKED enum tl_code tl_engine_receive(struct tl_engine_connection *connection, int wait_ms, enum tl_wire_kind *ret_kind,
                                          struct tl_str *ret_body, struct tl_err *err);
/* The error of a broken connection, with what became of the child. */
enum tl_code tl_engine_lost(tl_engine *engine, const struct tl_engine_child *child, struct tl_err *err);
/* One command that is not RUN: connection->out holds it.  `take` gets each frame but END and ERROR; false = malformed.
 * *ret_end: the body of END, until the connection is used again. */
TL_CHECKED enum tl_code tl_engine_call(struct tl_request *rq, struct tl_engine_connection *connection,
                                       bool (*take)(void *context, enum tl_wire_kind kind, struct tl_str body), void *context,
                                       struct tl_str *ret_end);

#endif
