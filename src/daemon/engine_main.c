/* townlake-engine: the process in which SQL runs.  Started by `townlake serve`, of no use by hand. */
#include <stdio.h>

#include "daemon/drivers.h"
#include "engines/duckdb/process.h"

enum { OPTIONS_BYTES_MAX = 1024 * 1024 };

int main(int argc, char **argv)
{
    struct tl_err err;
    struct tl_duckdb_options options;
    tl_err_init(&err);
    tl_arena *arena = tl_arena_new(OPTIONS_BYTES_MAX);
    if (tl_duckdb_options_parse(arena, argc, argv, &options, &err) != TL_OK) {
        fprintf(stderr, "townlake-engine: %s\n", err.message);
        tl_arena_free(arena);
        return 2;
    }
    const struct tl_source_driver *const *drivers;
    size_t count = tl_source_drivers(&drivers);
    int status = tl_duckdb_process_run(&options, drivers, count);
    tl_arena_free(arena);
    return status;
}
