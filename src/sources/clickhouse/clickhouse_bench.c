/* Rows a second of a scan into vectors, beside `curl ... FORMAT Native > /dev/null`, on one real server in one run.
 *
 * usage: clickhouse_bench PORT [ROWS] [RUNS]     (bench/clickhouse_scan.sh starts the server)
 * Table: (UInt32, UInt64, Float64, LowCardinality(String) of 1000, DateTime), MergeTree.  Best of RUNS each.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sources/clickhouse/source_int.h"

enum { ARENA_BYTES = 1 << 28, THREADS_MAX = 4, COLUMNS_MAX = 16 };

static void give_up(const struct tl_err *err)
{
    fprintf(stderr, "%s\n%s\n", err->message, err->detail);
    exit(1);
}

static void post(int port, const char *sql)
{
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    tl_http_client *http = tl_http_client_new(1);
    struct tl_http_response response;
    struct tl_err err;
    tl_err_init(&err);
    struct tl_http_request request = {
        .method = "POST", .url = tl_arena_printf(arena, "http://127.0.0.1:%d/", port), .body = tl_str_of(sql)};
    if (tl_http_call(http, arena, &request, &response, &err) != TL_OK)
        give_up(&err);
    if (response.status != 200) {
        fprintf(stderr, "%.*s\n", (int)response.body.size, response.body.data);
        exit(1);
    }
    tl_http_client_free(http);
    tl_arena_free(arena);
}

static void make_table(int port, long rows)
{
    char sql[1024];
    post(port, "CREATE DATABASE IF NOT EXISTS bench");
    post(port, "DROP TABLE IF EXISTS bench.scan");
    post(port, "CREATE TABLE bench.scan (a UInt32, b UInt64, c Float64, d LowCardinality(String), e DateTime) ENGINE = "
               "MergeTree ORDER BY a");
    snprintf(sql, sizeof sql,
             "INSERT INTO bench.scan SELECT number, sipHash64(number), sipHash64(number, 1) / 1e9, concat('value-', "
             "toString(sipHash64(number, 2) %% 1000)),"
             " toDateTime(1700000000 + number) FROM numbers(%ld)",
             rows);
    post(port, sql);
}

static double curl_seconds(int port)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/?client_protocol_version=54453", port);
    int64_t start_us = tl_clock_monotonic_us();
    pid_t child = fork();
    if (child == 0) {
        execlp("curl", "curl", "-s", "-o", "/dev/null", "--data-binary",
               "SELECT a, b, c, d, e FROM bench.scan FORMAT Native", url, (char *)NULL);
        _exit(127);
    }
    int status;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "curl failed\n");
        exit(1);
    }
    return (double)(tl_clock_monotonic_us() - start_us) / 1e6;
}

struct worker {
    tl_scan *scan;
    const struct tl_source_dataset *dataset;
    long rows;
};

static void *work(void *context)
{
    struct worker *worker = context;
    const struct tl_source_driver *driver = &tl_source_driver_clickhouse;
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    const struct tl_type *types[COLUMNS_MAX];
    for (size_t i = 0; i < worker->dataset->column_count; i++)
        types[i] = &worker->dataset->columns[i].type;
    struct tl_chunk *chunk = tl_chunk_new(arena, types, worker->dataset->column_count);
    tl_scan_part *part;
    struct tl_err err;
    tl_err_init(&err);
    if (driver->part_open(worker->scan, NULL, &part, &err) != TL_OK)
        give_up(&err);
    while (part) {
        tl_chunk_reset(chunk);
        if (driver->part_next(part, chunk, NULL, &err) != TL_OK)
            give_up(&err);
        if (chunk->row_count == 0)
            break;
        worker->rows += (long)chunk->row_count;
    }
    driver->part_close(part);
    tl_arena_free(arena);
    return NULL;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double scan_seconds(tl_source *source, int threads, long rows)
{
    const struct tl_source_driver *driver = &tl_source_driver_clickhouse;
    tl_arena *arena = tl_arena_new(ARENA_BYTES);
    struct tl_source_dataset *dataset;
    struct tl_err err;
    tl_err_init(&err);
    if (driver->describe(source, "bench", "scan", NULL, arena, &dataset, &err) != TL_OK)
        give_up(&err);
    int columns[COLUMNS_MAX], parts;
    for (int i = 0; i < COLUMNS_MAX; i++)
        columns[i] = i;
    struct tl_scan_request request = {
        .dataset = dataset, .column_count = dataset->column_count, .columns = columns, .limit = -1};
    struct worker workers[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    tl_scan *scan;
    int64_t start_us = tl_clock_monotonic_us();
    if (driver->scan_open(source, &request, threads, NULL, arena, &scan, &parts, &err) != TL_OK)
        give_up(&err);
    long total = 0;
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){.scan = scan, .dataset = dataset};
        pthread_create(&ids[i], NULL, work, &workers[i]);
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        total += workers[i].rows;
    }
    driver->scan_close(scan, NULL);
    double seconds = (double)(tl_clock_monotonic_us() - start_us) / 1e6;
    tl_arena_free(arena);
    if (total != rows) {
        fprintf(stderr, "%ld rows came instead of %ld\n", total, rows);
        exit(1);
    }
    return seconds;
}

int main(int argc, char **argv)
{
    long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0, rows = argc > 2 ? strtol(argv[2], NULL, 10) : 10000000,
         runs = argc > 3 ? strtol(argv[3], NULL, 10) : 5;
    char digits[24];
    if (port <= 0 || rows <= 0) {
        fprintf(stderr, "usage: clickhouse_bench PORT [ROWS] [RUNS]\n");
        return 2;
    }
    make_table((int)port, rows);
    snprintf(digits, sizeof digits, "%ld", port);
    struct tl_source_config config = {.name = "bench",
                                      .kind = "clickhouse",
                                      .option_count = 2,
                                      .option_names = (const char *const[]){"host", "port"},
                                      .option_values = (const char *const[]){"127.0.0.1", digits}};
    tl_source *source;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_source_driver_clickhouse.open(&config, &source, &err) != TL_OK)
        give_up(&err);
    double best[3] = {1e9, 1e9, 1e9}, least_cpu = 1e9;
    for (long i = 0; i < runs; i++) {
        double curl = curl_seconds((int)port), before = cpu_seconds(), one = scan_seconds(source, 1, rows),
               cpu = cpu_seconds() - before, seconds[3] = {curl, one, scan_seconds(source, 2, rows)};
        least_cpu = cpu < least_cpu ? cpu : least_cpu;
        for (int k = 0; k < 3; k++)
            best[k] = seconds[k] < best[k] ? seconds[k] : best[k];
    }
    static const char *const names[] = {"curl > /dev/null", "scan, 1 thread", "scan, 2 threads"};
    for (int k = 0; k < 3; k++)
        printf("%-18s %6.3f s  %6.1f M rows/s  %.2f of curl\n", names[k], best[k], (double)rows / best[k] / 1e6,
               best[0] / best[k]);
    printf("%-18s %6.3f s of the processor\n", "scan, 1 thread", least_cpu);
    tl_source_driver_clickhouse.close(source);
    return 0;
}
