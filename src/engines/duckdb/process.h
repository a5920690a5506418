/* engines/duckdb/process.h -- the engine process: DuckDB behind a Unix socket.
 *
 * Why: what can crash, hang or outgrow its memory runs where it can be killed; `serve` never loads the SQL engine.
 * Life: reads the secret from a descriptor, opens one in-memory database, loads the extensions, locks the configuration,
 *   then serves connections (engine/wire.h) until it is killed.  It ends itself, with TL_DUCKDB_EXIT_STUCK, when a statement
 *   that was told to stop is still inside the engine after a grace time: the engine cannot be interrupted everywhere.
 * Output: nothing on standard output; standard error gets one line when the process cannot start or ends itself.
 * Bounds: TL_DUCKDB_SESSIONS_MAX connections, one thread each.
 */
#ifndef TL_ENGINES_DUCKDB_PROCESS_H
#define TL_ENGINES_DUCKDB_PROCESS_H

#include "source/source.h"

enum {
    TL_DUCKDB_SESSIONS_MAX = 256,
    TL_DUCKDB_EXIT_FAILED = 64, /* could not start: the line on standard error says why */
    TL_DUCKDB_EXIT_STUCK = 65,  /* a statement did not stop */
};

/* What holds the lake's paths and manifests (lake/fence.h). */
struct tl_duckdb_fence {
    bool (*holds)(struct tl_str path, const char *folder);
    enum tl_code (*avro)(struct tl_str bytes, const char *folder, const char *warehouse, struct tl_err *err);
};

struct tl_duckdb_options {
    const char *socket_path;
    int secret_fd;
    const char *extensions; /* folder of avro, httpfs and iceberg; NULL = none: sources that need them fail */
    const char *spill_directory;
    const char *dialect;    /* "duckdb" = the engine's own; NULL and all else = Trino's (dialect.h) */
    int64_t memory_bytes;   /* 0 = the engine's own default */
    int64_t spill_bytes;
    int threads;            /* 0 = cores */
    const char *const *allowed_paths;
    size_t allowed_path_count;
    const char *lake;       /* the root of the lake's files, which are opened through the fence; NULL = there is none */
    const struct tl_duckdb_fence *fence; /* needed with lake; not from the command line */
};

/* From the command line: --socket P --secret-fd N --extensions D --spill D --memory BYTES --spill-limit BYTES --threads N --dialect D
 * --lake L --allow P (may be repeated). */
TL_CHECKED enum tl_code tl_duckdb_options_parse(tl_arena *arena, int argc, char **argv, struct tl_duckdb_options *ret_options,
                                                struct tl_err *err);

/* Serves until the process is killed; returns an exit status when it cannot start. */
int tl_duckdb_process_run(const struct tl_duckdb_options *options, const struct tl_source_driver *const *drivers,
                          size_t driver_count);

#endif
