/* townlake-engine: the process in which SQL runs.  Started by `townlake serve`; with --script FILE it
 * runs a file of SQL for `townlake demo`. */
#include <stdio.h>
#include <string.h>

#include "daemon/drivers.h"
#include "engines/duckdb/process.h"
#include "engines/duckdb/script.h"
#include "lake/fence.h"

enum { OPTIONS_BYTES_MAX = 1024 * 1024 };

static int run_script(const char *path)
{
    struct tl_err err;
    tl_err_init(&err);
    if (tl_duckdb_script_run(path, &err) == TL_OK)
        return 0;
    fprintf(stderr, "townlake-engine: %s (%s; %s)\n", err.message, err.detail, err.hint);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--script") == 0)
        return run_script(argv[2]);
    struct tl_err err;
    struct tl_duckdb_options options;
    tl_err_init(&err);
    tl_arena *arena = tl_arena_new(OPTIONS_BYTES_MAX);
    if (tl_duckdb_options_parse(arena, argc, argv, &options, &err) != TL_OK) {
        fprintf(stderr, "townlake-engine: %s\n", err.message);
        tl_arena_free(arena);
        return 2;
    }
    static const struct tl_duckdb_fence fence = {tl_lake_fence_holds, tl_lake_fence_avro};
    options.fence = &fence;
    const struct tl_source_driver *const *drivers;
    size_t count = tl_source_drivers(&drivers);
    int status = tl_duckdb_process_run(&options, drivers, count);
    tl_arena_free(arena);
    return status;
}
