/* postgres_bench.c -- one table read into heap vectors by 1 and 2 threads, then single rows by its first column.
 *
 * usage: postgres_bench HOST PORT TABLE [RUNS]     database and user "postgres", schema "public"; see
 *   bench/postgres_scan.sh
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "sources/postgres/postgres.h"
#include "sources/postgres/scan.h"

enum { THREADS_MAX = 2, ARENA_BYTES = 1 << 30, POINTS = 500 };

static const struct tl_source_driver *driver = &tl_source_driver_postgres;

struct reader {
    tl_scan *scan;
    const struct tl_scan_request *request;
    int64_t rows;
};

static void die(const struct tl_err *err)
{
    fprintf(stderr, "postgres_bench: %s\n%s\n", err->message, err->detail);
    exit(1);
}

static void *read_parts(void *context)
{
    struct reader *reader = context;
    const struct tl_scan_request *request = reader->request;
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    const struct tl_type **types = TL_NEW_ARRAY(arena, const struct tl_type *, request->column_count);
    for (size_t i = 0; i < request->column_count; i++)
        types[i] = &request->dataset->columns[request->columns[i]].type;
    struct tl_chunk *chunk = tl_chunk_new(arena, types, request->column_count);
    struct tl_err err;
    tl_err_init(&err);
    for (;;) {
        tl_scan_part *part = NULL;
        if (driver->part_open(reader->scan, NULL, &part, &err) != TL_OK)
            die(&err);
        if (!part)
            break;
        do {
            tl_chunk_reset(chunk);
            if (driver->part_next(part, chunk, NULL, &err) != TL_OK)
                die(&err);
            reader->rows += (int64_t)chunk->row_count;
        } while (chunk->row_count > 0);
        driver->part_close(part);
    }
    tl_arena_free(arena);
    return NULL;
}

static int64_t scan(tl_source *source, const struct tl_scan_request *request, int threads)
{
    struct reader readers[THREADS_MAX] = {0};
    pthread_t ids[THREADS_MAX];
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_scan_stats stats;
    struct tl_err err;
    tl_scan *opened;
    int parts;
    int64_t rows = 0;
    tl_err_init(&err);
    if (driver->scan_open(source, request, threads, NULL, arena, &opened, &parts, &err) != TL_OK)
        die(&err);
    for (int i = 0; i < threads; i++) {
        readers[i] = (struct reader){.scan = opened, .request = request};
        if (pthread_create(&ids[i], NULL, read_parts, &readers[i]) != 0)
            exit(1);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        rows += readers[i].rows;
    }
    driver->scan_close(opened, &stats);
    tl_arena_free(arena);
    return rows;
}

/* Prints the seconds alone, passed and used: the script compares them with others'. */
static void measure_scan(tl_source *source, const struct tl_scan_request *request, int threads)
{
    int64_t start = tl_clock_monotonic_us();
    int64_t used = tl_clock_process_cpu_us();
    scan(source, request, threads);
    printf("%.3f %.3f\n", (double)(tl_clock_monotonic_us() - start) / 1e6, (double)(tl_clock_process_cpu_us() - used) / 1e6);
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void measure_points(tl_source *source, const struct tl_scan_request *all)
{
    static int64_t times[POINTS];
    struct tl_type type = all->dataset->columns[0].type;
    struct tl_expr column = {.kind = TL_EXPR_COLUMN, .type = type}, constant = {.kind = TL_EXPR_CONSTANT, .type = type};
    struct tl_expr equal = {.kind = TL_EXPR_EQ, .child_count = 2, .children = (struct tl_expr *[]){&column, &constant}};
    struct tl_scan_request request = *all;
    request.filter_count = 1;
    request.filters = (const struct tl_expr *const[]){&equal};
    for (int threads = 1; threads <= THREADS_MAX; threads++) {
        for (int i = 0; i < POINTS; i++) {
            constant.value = (struct tl_value){.type = type, .as.int64 = 1 + i * 997};
            int64_t start = tl_clock_monotonic_us();
            scan(source, &request, threads);
            times[i] = tl_clock_monotonic_us() - start;
        }
        qsort(times, POINTS, sizeof *times, compare);
        printf("townlake, one row by its key, %d thread%s: p50 %.2f ms, p99 %.2f ms\n", threads,
               threads > 1 ? "s" : " ", (double)times[POINTS / 2] / 1e3, (double)times[POINTS * 99 / 100] / 1e3);
    }
}

static void describe(tl_source *source, tl_arena *arena, const char *table, int times, struct tl_source_dataset **ret_dataset)
{
    int64_t start = 0;
    struct tl_err err;
    tl_err_init(&err);
    for (int i = 0; i < times; i++) { /* the last is warm */
        start = tl_clock_monotonic_us();
        if (driver->describe(source, "public", table, NULL, arena, ret_dataset, &err) != TL_OK)
            die(&err);
    }
    if (times > 1)
        printf("townlake, describe: %.2f ms\n", (double)(tl_clock_monotonic_us() - start) / 1e3);
}

int main(int argc, char **argv)
{
    int threads = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 0;
    if (argc < 4 || threads < 0 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: postgres_bench HOST PORT TABLE [THREADS]\n");
        return 2;
    }
    const char *names[] = {"host", "port", "database", "user"}, *values[] = {argv[1], argv[2], "postgres", "postgres"};
    struct tl_source_config config = {.name = "bench", .kind = "postgres", .option_count = 4, .option_names = names,
                                      .option_values = values};
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_source_dataset *dataset;
    tl_source *source;
    struct tl_err err;
    tl_err_init(&err);
    if (driver->open(&config, &source, &err) != TL_OK)
        die(&err);
    describe(source, arena, argv[3], threads ? 1 : 20, &dataset);
    int *columns = TL_NEW_ARRAY(arena, int, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        columns[i] = (int)i;
    struct tl_scan_request request = {.dataset = dataset, .column_count = dataset->column_count, .columns = columns,
                                      .limit = -1};
    if (threads)
        measure_scan(source, &request, threads);
    else
        measure_points(source, &request);
    driver->close(source);
    tl_arena_free(arena);
    return 0;
}
