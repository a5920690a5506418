/* The engine process with drivers made for its tests: a database file, rows that are counted out, a source that is slow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "engines/duckdb/process.h"
#include "engines/duckdb/script.h"

enum { OPTIONS_BYTES_MAX = 1024 * 1024, STEP_US = 20 * 1000, NUMBER_PARTS = 4 };

/* ---- "test_file": TL_SOURCE_ATTACHES ---- */

static const struct tl_source_option file_options[] = {
    {"path", NULL, true, false, "database file"},
    {"secret", NULL, false, true, "text that must never be seen"},
    {0},
};

static enum tl_code file_check(const struct tl_source_config *config, struct tl_err *err)
{
    const char *path = tl_source_config_get(config, "path");
    if (path && path[0] == '/')
        return TL_OK;
    return tl_err_set(err, TL_INVALID_ARGUMENT, "the option \"path\" must be absolute");
}

static enum tl_code file_attach_sql(const struct tl_source_config *config, const char *catalog, struct tl_buf *sql, struct tl_err *err)
{
    const char *path = tl_source_config_get(config, "path"), *secret = tl_source_config_get(config, "secret");
    (void)err;
    tl_buf_adds(sql, "ATTACH ");
    tl_buf_add_literal(sql, path, strlen(path));
    tl_buf_adds(sql, " AS ");
    tl_buf_add_identifier(sql, catalog);
    tl_buf_adds(sql, " (READ_ONLY");
    if (secret) {
        tl_buf_adds(sql, ", NO_SUCH_OPTION_");
        tl_buf_adds(sql, secret);
    }
    tl_buf_adds(sql, ");");
    return TL_OK;
}

static const struct tl_source_driver file_driver = {
    .kind = "test_file",
    .summary = "a file",
    .mode = TL_SOURCE_ATTACHES,
    .options = file_options,
    .check = file_check,
    .attach_sql = file_attach_sql,
};

/* ---- "test_numbers": TL_SOURCE_SCANS: counter.numbers(n) holds 0 .. rows - 1; counter.slow waits until it is stopped;
 * counter.picky takes filters and then refuses them; counter.moving has changed when it is read for the first time ---- */

struct tl_source {
    int64_t rows;
    int describes;
};

struct tl_scan {
    bool slow;
    int64_t next, rows;
    int asked;
};

struct tl_scan_part {
    tl_scan *scan;
};

static const struct tl_source_option number_options[] = {
    {"rows", "1000", false, false, "how many"},
    {0},
};

static enum tl_code number_check(const struct tl_source_config *config, struct tl_err *err)
{
    (void)config;
    (void)err;
    return TL_OK;
}

static enum tl_code number_open(const struct tl_source_config *config, tl_source **ret_source, struct tl_err *err)
{
    long long rows = 1000;
    const char *text = tl_source_config_get(config, "rows");
    (void)err;
    if (text)
        sscanf(text, "%lld", &rows);
    *ret_source = tl_heap_alloc(sizeof **ret_source);
    (*ret_source)->rows = rows;
    return TL_OK;
}

static void number_close(tl_source *source)
{
    free(source);
}

static enum tl_code wait_to_be_stopped(const struct tl_stop *stop, struct tl_err *err)
{
    while (!stop || !stop->stop(stop->context))
        usleep(STEP_US);
    return tl_err_set(err, TL_CANCELLED, "stopped while waiting");
}

static enum tl_code number_test(tl_source *source, const struct tl_stop *stop, tl_arena *arena, const char **ret_version, struct tl_err *err)
{
    if (source->rows < 0)
        return wait_to_be_stopped(stop, err);
    *ret_version = tl_arena_printf(arena, "numbers up to %lld", (long long)source->rows);
    return TL_OK;
}

static struct tl_source_dataset make_dataset(tl_arena *arena, const tl_source *source, const char *name)
{
    struct tl_source_column *column = TL_NEW(arena, struct tl_source_column);
    *column = (struct tl_source_column){.name = "n", .type = tl_type_simple(TL_TYPE_INT64), .source_type = "bigint", .key_position = 1};
    return (struct tl_source_dataset){.schema = "counter", .name = name, .row_estimate = source->rows, .size_bytes = -1, .column_count = 1, .columns = column};
}

static enum tl_code number_list(tl_source *source, const struct tl_stop *stop, tl_arena *arena, struct tl_source_dataset **ret_datasets,
                                size_t *ret_count, struct tl_err *err)
{
    if (source->rows < 0)
        return wait_to_be_stopped(stop, err);
    *ret_datasets = TL_NEW_ARRAY(arena, struct tl_source_dataset, 2);
    (*ret_datasets)[0] = make_dataset(arena, source, "numbers");
    (*ret_datasets)[1] = make_dataset(arena, source, "slow");
    *ret_count = 2;
    return TL_OK;
}

static enum tl_code number_describe(tl_source *source, const char *schema, const char *name, const struct tl_stop *stop, tl_arena *arena,
                                    struct tl_source_dataset **ret_dataset, struct tl_err *err)
{
    (void)stop;
    static const char *const names[] = {"numbers", "slow", "picky", "moving"};
    size_t i = 0;
    while (i < sizeof names / sizeof *names && strcmp(name, names[i]) != 0)
        i++;
    if (strcmp(schema, "counter") != 0 || i == sizeof names / sizeof *names)
        return tl_err_set(err, TL_TABLE_NOT_FOUND, "there is no table \"%s\".\"%s\"", schema, name);
    *ret_dataset = TL_NEW(arena, struct tl_source_dataset);
    **ret_dataset = make_dataset(arena, source, tl_arena_strdup(arena, name));
    if (strcmp(name, "moving") == 0 && source->describes++ == 0)
        (*ret_dataset)->driver_data = source; /* this description will not hold */
    return TL_OK;
}

static bool number_can_push(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr, const char **reason)
{
    (void)source;
    (void)expr;
    *reason = strcmp(dataset->name, "picky") == 0 ? NULL : "numbers cannot be asked";
    return !*reason;
}

static bool number_can_push_order(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_scan_order *order)
{
    (void)source;
    (void)dataset;
    (void)order;
    return false;
}

static enum tl_code number_scan_open(tl_source *source, const struct tl_scan_request *request, int threads_max, const struct tl_stop *stop,
                                     tl_arena *arena, tl_scan **ret_scan, int *ret_parts_at_once, struct tl_err *err)
{
    (void)threads_max;
    (void)stop;
    if (request->filter_count > 0)
        return tl_err_set(err, TL_SOURCE_REJECTED, "numbers refuse filters after all");
    if (request->dataset->driver_data)
        return tl_err_set(err, TL_SOURCE_CHANGED, "numbers are others now");
    *ret_scan = TL_NEW(arena, tl_scan);
    (*ret_scan)->slow = strcmp(request->dataset->name, "slow") == 0;
    (*ret_scan)->rows = source->rows;
    *ret_parts_at_once = 1;
    return TL_OK;
}

static enum tl_code number_part_open(tl_scan *scan, const struct tl_stop *stop, tl_scan_part **ret_part, struct tl_err *err)
{
    (void)stop;
    (void)err;
    *ret_part = NULL;
    if (scan->asked++ == 0) {
        *ret_part = tl_heap_alloc(sizeof **ret_part);
        (*ret_part)->scan = scan;
    }
    return TL_OK;
}

static enum tl_code number_part_next(tl_scan_part *part, struct tl_chunk *chunk, const struct tl_stop *stop, struct tl_err *err)
{
    tl_scan *scan = part->scan;
    chunk->row_count = 0;
    if (scan->slow && scan->next > 0)
        return wait_to_be_stopped(stop, err);
    for (; chunk->row_count < TL_VECTOR_ROWS_MAX && scan->next < scan->rows; scan->next++, chunk->row_count++)
        if (chunk->column_count > 0)
            ((int64_t *)chunk->columns[0].data)[chunk->row_count] = scan->next;
    return TL_OK;
}

static void number_part_close(tl_scan_part *part)
{
    free(part);
}

static void number_scan_close(tl_scan *scan, struct tl_scan_stats *ret_stats)
{
    *ret_stats = (struct tl_scan_stats){.rows = scan->next, .bytes = 8 * scan->next, .text = "count"};
}

static const struct tl_source_driver number_driver = {
    .kind = "test_numbers",
    .summary = "numbers",
    .mode = TL_SOURCE_SCANS,
    .options = number_options,
    .check = number_check,
    .open = number_open,
    .close = number_close,
    .test = number_test,
    .list = number_list,
    .describe = number_describe,
    .can_push = number_can_push,
    .can_push_order = number_can_push_order,
    .scan_open = number_scan_open,
    .part_open = number_part_open,
    .part_next = number_part_next,
    .part_close = number_part_close,
    .scan_close = number_scan_close,
};

int main(int argc, char **argv)
{
    static const struct tl_source_driver *const drivers[] = {&file_driver, &number_driver};
    struct tl_err err;
    struct tl_duckdb_options options;
    tl_err_init(&err);
    if (argc == 3 && strcmp(argv[1], "--script") == 0) {
        if (tl_duckdb_script_run(argv[2], &err) != TL_OK)
            fprintf(stderr, "engine_test_main: %s (%s)\n", err.message, err.detail);
        return err.code != TL_OK;
    }
    tl_arena *arena = tl_arena_new(OPTIONS_BYTES_MAX);
    if (tl_duckdb_options_parse(arena, argc, argv, &options, &err) != TL_OK) {
        fprintf(stderr, "engine_test_main: %s\n", err.message);
        tl_arena_free(arena);
        return 2;
    }
    int status = tl_duckdb_process_run(&options, drivers, sizeof drivers / sizeof *drivers);
    tl_arena_free(arena);
    return status;
}
