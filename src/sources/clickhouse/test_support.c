#include "sources/clickhouse/test_support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static const char *required(const char *name)
{
    const char *value = getenv(name);
    if (!value) {
        fprintf(stderr, "the environment variable %s is not set; run this test by `meson test`\n", name);
        exit(2);
    }
    return value;
}

static int run_script(const char *command, const char *dir, char *output, size_t output_size)
{
    int ends[2];
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (pipe2(ends, O_CLOEXEC) != 0) /* a server that held it would keep it open for good */
        exit(2);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        execl("/bin/sh", "sh", required("TL_CLICKHOUSE_SCRIPT"), command, dir, pid, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    ssize_t size = read(ends[0], output, output_size - 1);
    output[size > 0 ? size : 0] = 0;
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void test_server_start(struct test_server *server, const char *name)
{
    char output[64];
    *server = (struct test_server){0};
    snprintf(server->dir, sizeof server->dir, "%s/townlake-clickhouse-%s-%d",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", name, (int)getpid());
    int status = run_script("start", server->dir, output, sizeof output);
    if (status == TEST_SKIP) {
        fprintf(stderr, "SKIP: libchdb (ClickHouse) is not on this machine\n");
        exit(TEST_SKIP);
    }
    if (status != 0)
        exit(2);
    server->port = (int)strtol(output, NULL, 10);
    server->http = tl_http_client_new(4);
}

static void remove_dir(const char *dir)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", dir, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
}

void test_server_stop(struct test_server *server)
{
    char output[64];
    run_script("stop", server->dir, output, sizeof output);
    tl_http_client_free(server->http);
    remove_dir(server->dir);
}

void test_server_kill(struct test_server *server)
{
    char path[320], digits[16] = {0};
    snprintf(path, sizeof path, "%s/pid", server->dir);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && read(fd, digits, sizeof digits - 1) > 0);
    close(fd);
    kill((pid_t)strtol(digits, NULL, 10), SIGKILL);
}

const char *test_ask(struct test_server *server, tl_arena *arena, const char *sql)
{
    struct tl_err err;
    struct tl_http_response response;
    tl_err_init(&err);
    const char *url = tl_arena_printf(
        arena, "http://127.0.0.1:%d/?enable_time_time64_type=1&allow_suspicious_low_cardinality_types=1", server->port);
    struct tl_http_request request = {.method = "POST", .url = url, .body = tl_str_of(sql)};
    if (tl_http_call(server->http, arena, &request, &response, &err) != TL_OK)
        fail_msg("%s", err.message);
    if (response.status != 200)
        fail_msg("%.*s", (int)response.body.size, response.body.data);
    return tl_arena_strndup(arena, response.body.data, response.body.size);
}

void test_run(struct test_server *server, const char *sql)
{
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_ask(server, arena, sql);
    tl_arena_free(arena);
}

static tl_source *open_with(const char **names, const char **values, size_t count)
{
    struct tl_err err;
    tl_source *source;
    tl_err_init(&err);
    struct tl_source_config config = {
        .name = "events", .kind = "clickhouse", .option_count = count, .option_names = names, .option_values = values};
    if (tl_source_driver_clickhouse.open(&config, &source, &err) != TL_OK)
        fail_msg("%s", err.message);
    return source;
}

tl_source *test_open_at(const char *host, int port)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%d", port);
    return open_with((const char *[]){"host", "port"}, (const char *[]){host, digits}, 2);
}

tl_source *test_open(const struct test_server *server, const char *first, ...)
{
    char digits[16];
    const char *names[16] = {"host", "port"}, *values[16] = {"127.0.0.1", digits};
    size_t count = 2;
    snprintf(digits, sizeof digits, "%d", server->port);
    va_list args;
    va_start(args, first);
    for (const char *name = first; name && count < 16; name = va_arg(args, const char *)) {
        size_t at = tl_streq(name, "port") ? 1 : count++;
        names[at] = name;
        values[at] = va_arg(args, const char *);
    }
    va_end(args);
    return open_with(names, values, count);
}

struct tl_source_dataset *test_describe(tl_source *source, tl_arena *arena, const char *schema, const char *name)
{
    struct tl_err err;
    struct tl_source_dataset *dataset;
    tl_err_init(&err);
    if (tl_source_driver_clickhouse.describe(source, schema, name, NULL, arena, &dataset, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    return dataset;
}

const char *test_cell(const struct test_rows *rows, size_t row, size_t column)
{
    assert_true(row < rows->row_count && column < rows->column_count);
    return rows->cells[row * rows->column_count + column];
}

static void keep(struct test_rows *rows, tl_arena *arena, const struct tl_chunk *chunk)
{
    size_t needed = rows->row_count + chunk->row_count;
    if (needed > rows->room) {
        size_t room = rows->room ? rows->room * 2 : 4096;
        room = room < needed ? needed : room;
        rows->cells = tl_arena_grow(arena, rows->cells, rows->room * rows->column_count * sizeof *rows->cells,
                                    room * rows->column_count * sizeof *rows->cells);
        rows->room = room;
    }
    for (size_t row = 0; row < chunk->row_count; row++)
        for (size_t i = 0; i < chunk->column_count; i++)
            rows->cells[(rows->row_count + row) * rows->column_count + i] = test_format(arena, &chunk->columns[i], row);
    rows->row_count = needed;
}

static enum tl_code read_part(tl_scan_part *part, tl_arena *arena, struct tl_chunk *chunk, const struct tl_stop *stop,
                              struct test_rows *rows, struct tl_err *err)
{
    for (;;) {
        tl_chunk_reset(chunk);
        enum tl_code code = tl_source_driver_clickhouse.part_next(part, chunk, stop, err);
        if (code != TL_OK || chunk->row_count == 0)
            return code;
        keep(rows, arena, chunk);
    }
}

enum tl_code test_scan(tl_source *source, tl_arena *arena, const struct tl_scan_request *request,
                       const struct tl_stop *stop, struct test_rows *ret_rows, struct tl_scan_stats *ret_stats,
                       struct tl_err *err)
{
    static const struct tl_type boolean = {.id = TL_TYPE_BOOLEAN};
    const struct tl_source_driver *driver = &tl_source_driver_clickhouse;
    const struct tl_type **types = TL_NEW_ARRAY(arena, const struct tl_type *, request->column_count);
    for (size_t i = 0; i < request->column_count; i++)
        types[i] = request->columns[i] < 0 ? &boolean : &request->dataset->columns[request->columns[i]].type;
    struct tl_chunk *chunk = tl_chunk_new(arena, types, request->column_count);
    *ret_rows = (struct test_rows){.column_count = request->column_count};
    tl_scan *scan;
    tl_scan_part *part;
    int parts;
    enum tl_code code = driver->scan_open(source, request, 1, stop, arena, &scan, &parts, err);
    if (code != TL_OK)
        return code;
    while ((code = driver->part_open(scan, stop, &part, err)) == TL_OK && part) {
        code = read_part(part, arena, chunk, stop, ret_rows, err);
        driver->part_close(part);
        if (code != TL_OK)
            break;
    }
    driver->scan_close(scan, ret_stats);
    return code;
}

struct test_rows test_table(tl_source *source, tl_arena *arena, const char *schema, const char *name)
{
    struct tl_source_dataset *dataset = test_describe(source, arena, schema, name);
    int *columns = TL_NEW_ARRAY(arena, int, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        columns[i] = (int)i;
    struct tl_scan_order order = {.column = 0};
    struct tl_scan_request request = {.dataset = dataset,
                                      .column_count = dataset->column_count,
                                      .columns = columns,
                                      .limit = INT64_MAX,
                                      .order_count = 1,
                                      .order = &order};
    struct test_rows rows;
    struct tl_err err;
    tl_err_init(&err);
    if (test_scan(source, arena, &request, NULL, &rows, NULL, &err) != TL_OK)
        fail_msg("%s (%s)", err.message, err.detail);
    return rows;
}
