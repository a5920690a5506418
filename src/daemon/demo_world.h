/* daemon/demo_world.h -- the demo's data on disk, before anything is served. */
#ifndef TL_DAEMON_DEMO_WORLD_H
#define TL_DAEMON_DEMO_WORLD_H

#include "base/arena.h"

struct tl_demo_world {
    const char *directory;   /* absolute */
    double scale;
    int64_t seed;
    const char *today;       /* YYYY-MM-DD */
    bool federated;
    const char *engine_program;
    const char *servers_folder; /* demo/servers: starters of PostgreSQL and ClickHouse */
    int postgres_port, clickhouse_port; /* filled when federated */
};

/* Makes ops.duckdb, events.duckdb and stage.duckdb unless DIR/world.txt says that just this world is there already.
 * A different world in the folder is refused (TL_INVALID_ARGUMENT): nothing is overwritten. */
TL_CHECKED enum tl_code tl_demo_world_make(struct tl_demo_world *world, tl_arena *arena, struct tl_err *err);

/* Starts PostgreSQL and ClickHouse on free loopback ports and fills them from the same files (first time only).
 * tl_demo_servers_stop ends both. */
TL_CHECKED enum tl_code tl_demo_servers_start(struct tl_demo_world *world, tl_arena *arena, struct tl_err *err);
void tl_demo_servers_stop(struct tl_demo_world *world, tl_arena *arena);

/* One line of progress on stdout: "  ok  message (1.2 s)". */
void tl_demo_step(const char *message, int64_t started_us);

#endif
