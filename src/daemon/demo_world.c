#include "daemon/demo_world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "clickhouse_sql.h" /* generated from demo/ */
#include "export_sql.h"
#include "io/http.h"
#include "io/process.h"
#include "postgres_sql.h"
#include "world_sql.h"

enum { SCRIPT_MAX = 1 << 20, STEP_TIMEOUT_MS = 30 * 60 * 1000 };

void tl_demo_step(const char *message, int64_t started_us)
{
    printf("  %-58s %6.1f s\n", message, (double)(tl_clock_monotonic_us() - started_us) / 1e6);
    fflush(stdout);
}

static enum tl_code run(const char *const *argv, const char *what, struct tl_err *err)
{
    struct tl_process_options options = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    tl_process *process = NULL;
    if (tl_process_start(&options, &process, err) != TL_OK)
        return err->code;
    int status = 0;
    bool ended = tl_process_wait(process, STEP_TIMEOUT_MS, &status);
    tl_process_end(process);
    if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return TL_OK;
    char text[64];
    tl_process_status_text(status, text);
    return tl_err_set(err, TL_IO, "%s failed: %s %s", what, argv[0], ended ? text : "took too long");
}

static enum tl_code write_text(const char *path, struct tl_buf *text, struct tl_err *err)
{
    enum tl_code code = text->failed ? tl_err_set(err, TL_TOO_LARGE, "the script \"%s\" is too long", path)
                                     : tl_file_write(path, text->data, text->size, 0600, err);
    tl_buf_done(text);
    return code;
}

/* ATTACH and the three variables, then the script of the folder demo/. */
static enum tl_code run_engine_script(struct tl_demo_world *world, tl_arena *arena, const char *name, const char *sql, bool read_only,
                                      struct tl_err *err)
{
    struct tl_buf text;
    tl_buf_init(&text, SCRIPT_MAX);
    static const char *const files[] = {"ops", "events", "stage"};
    for (size_t i = 0; i < 3; i++) {
        const char *file = tl_arena_printf(arena, "%s/%s.duckdb", world->directory, files[i]);
        tl_buf_adds(&text, "ATTACH ");
        tl_buf_add_literal(&text, file, strlen(file));
        tl_buf_addf(&text, " AS %s%s;\n", files[i], read_only ? " (READ_ONLY)" : "");
    }
    tl_buf_addf(&text, "SET VARIABLE seed = %lld;\nSET VARIABLE scale = %.6f;\nSET VARIABLE today = DATE '%s';\n", (long long)world->seed,
                world->scale, world->today);
    tl_buf_adds(&text, sql);
    const char *path = tl_arena_printf(arena, "%s/%s.sql", world->directory, name);
    if (write_text(path, &text, err) != TL_OK)
        return err->code;
    const char *const argv[] = {world->engine_program, "--script", path, NULL};
    return run(argv, "making the demo world", err);
}

/* What the folder holds already, as one line; "" when nothing. */
static enum tl_code read_marker(const char *path, char line[128], struct tl_err *err)
{
    line[0] = '\0';
    if (access(path, F_OK) != 0)
        return TL_OK;
    struct tl_buf text;
    tl_buf_init(&text, 4096);
    enum tl_code code = tl_file_read(path, &text, err);
    if (code == TL_OK)
        snprintf(line, 128, "%.*s", (int)strcspn(tl_buf_cstr(&text), "\n"), tl_buf_cstr(&text));
    tl_buf_done(&text);
    return code;
}

static void remove_unfinished(struct tl_demo_world *world, tl_arena *arena)
{
    static const char *const names[] = {"ops.duckdb", "ops.duckdb.wal", "events.duckdb", "events.duckdb.wal", "stage.duckdb", "stage.duckdb.wal"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(tl_arena_printf(arena, "%s/%s", world->directory, names[i]));
}

/* "seed 42 scale 1 today 2026-11-24": --today is taken from the marker when it was not given. */
static enum tl_code compare_marker(struct tl_demo_world *world, tl_arena *arena, const char *line, struct tl_err *err)
{
    char today[16] = "";
    long long seed = 0;
    double scale = 0;
    if (sscanf(line, "seed %lld scale %lf today %15s", &seed, &scale, today) != 3)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"%s/world.txt\" is not a demo world's", world->directory);
    if (!world->today)
        world->today = tl_arena_strdup(arena, today);
    double difference = scale - world->scale;
    if (seed == world->seed && difference < 1e-6 && difference > -1e-6 && strcmp(today, world->today) == 0)
        return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "the folder \"%s\" holds another world: %s", world->directory, line);
    tl_err_hint(err, "give another --dir, or remove the folder to make a new one");
    return TL_INVALID_ARGUMENT;
}

enum tl_code tl_demo_world_make(struct tl_demo_world *world, tl_arena *arena, struct tl_err *err)
{
    /* PostgreSQL runs as a user of its own and must reach its folder inside. */
    if (tl_dir_make(world->directory, world->federated ? 0711 : 0700, err) != TL_OK)
        return err->code;
    const char *marker = tl_arena_printf(arena, "%s/world.txt", world->directory);
    char line[128];
    if (read_marker(marker, line, err) != TL_OK)
        return err->code;
    if (line[0])
        return compare_marker(world, arena, line, err);
    if (!world->today) {
        int64_t now_us = tl_clock_wall_us();
        time_t seconds = (time_t)(now_us / 1000000);
        struct tm utc;
        gmtime_r(&seconds, &utc);
        char day[16];
        strftime(day, sizeof day, "%Y-%m-%d", &utc);
        world->today = tl_arena_strdup(arena, day);
    }
    int64_t started_us = tl_clock_monotonic_us();
    remove_unfinished(world, arena);
    if (run_engine_script(world, arena, "world", world_sql, false, err) != TL_OK)
        return err->code;
    const char *text = tl_arena_printf(arena, "seed %lld scale %.6f today %s\n", (long long)world->seed, world->scale, world->today);
    if (tl_file_write(marker, text, strlen(text), 0600, err) != TL_OK)
        return err->code;
    tl_demo_step("made the world: customers, accounts, requests, invoices", started_us);
    return TL_OK;
}

static enum tl_code read_port(const char *path, int *ret_port, struct tl_err *err)
{
    struct tl_buf text;
    tl_buf_init(&text, 64);
    int port = 0;
    if (tl_file_read(path, &text, err) == TL_OK && sscanf(tl_buf_cstr(&text), "%d", &port) != 1)
        tl_err_set(err, TL_IO, "\"%s\" holds no port number", path);
    tl_buf_done(&text);
    *ret_port = port;
    return err->code;
}

static enum tl_code start_server(struct tl_demo_world *world, tl_arena *arena, const char *name, int *ret_port, struct tl_err *err)
{
    int64_t started_us = tl_clock_monotonic_us();
    const char *script = tl_arena_printf(arena, "%s/%s.sh", world->servers_folder, name);
    const char *folder = tl_arena_printf(arena, "%s/%s", world->directory, name);
    const char *const argv[] = {"/bin/bash", script, "start", folder, world->directory, NULL};
    if (run(argv, name, err) != TL_OK) {
        tl_err_hint(err, "`make deps-test` installs PostgreSQL and ClickHouse; the logs are in \"%s\"", folder);
        return err->code;
    }
    if (read_port(tl_arena_printf(arena, "%s/port", folder), ret_port, err) != TL_OK)
        return err->code;
    tl_demo_step(tl_arena_printf(arena, "started %s on 127.0.0.1:%d", name, *ret_port), started_us);
    return TL_OK;
}

/* One statement of demo/clickhouse.sql, with the folder in its place. */
static enum tl_code post_to_clickhouse(tl_http_client *client, tl_arena *arena, const char *url, const char *directory, struct tl_str statement,
                                       struct tl_err *err)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SCRIPT_MAX);
    for (size_t i = 0; i < statement.size;) {
        if (statement.size - i >= 5 && memcmp(statement.data + i, "{dir}", 5) == 0) {
            tl_buf_adds(&sql, directory);
            i += 5;
        } else {
            tl_buf_addc(&sql, statement.data[i++]);
        }
    }
    struct tl_http_request request = {.method = "POST", .url = url, .body = {tl_buf_cstr(&sql), sql.size}};
    struct tl_http_response response;
    enum tl_code code = tl_http_call(client, arena, &request, &response, err);
    if (code == TL_OK && response.status != 200) {
        code = tl_err_set(err, TL_SOURCE_FAILED, "could not fill ClickHouse: status %d", response.status);
        tl_err_detail(err, "%.*s", (int)(response.body.size < 500 ? response.body.size : 500), response.body.data);
    }
    tl_buf_done(&sql);
    return code;
}

static enum tl_code fill_clickhouse(struct tl_demo_world *world, tl_arena *arena, struct tl_err *err)
{
    const char *filled = tl_arena_printf(arena, "%s/clickhouse/filled", world->directory);
    if (access(filled, F_OK) == 0)
        return TL_OK;
    int64_t started_us = tl_clock_monotonic_us();
    const char *url = tl_arena_printf(arena, "http://127.0.0.1:%d/", world->clickhouse_port);
    tl_http_client *client = tl_http_client_new(1);
    enum tl_code code = TL_OK;
    for (const char *at = clickhouse_sql; code == TL_OK && *at;) {
        const char *end = strchrnul(at, ';');
        if (at + strspn(at, " \n") < end)
            code = post_to_clickhouse(client, arena, url, world->directory, (struct tl_str){at, (size_t)(end - at)}, err);
        at = *end ? end + 1 : end;
    }
    tl_http_client_free(client);
    if (code == TL_OK)
        code = tl_file_write(filled, "done\n", 5, 0600, err);
    if (code == TL_OK)
        tl_demo_step("filled ClickHouse", started_us);
    return code;
}

static enum tl_code export_files(struct tl_demo_world *world, tl_arena *arena, struct tl_err *err)
{
    const char *exported = tl_arena_printf(arena, "%s/exported.txt", world->directory);
    if (access(exported, F_OK) == 0)
        return TL_OK;
    int64_t started_us = tl_clock_monotonic_us();
    const char *sql = tl_arena_printf(arena, "%s/postgres.sql", world->directory);
    if (run_engine_script(world, arena, "export", export_sql, true, err) != TL_OK)
        return err->code;
    if (tl_file_write(sql, postgres_sql, strlen(postgres_sql), 0600, err) != TL_OK || tl_file_write(exported, "done\n", 5, 0600, err) != TL_OK)
        return err->code;
    tl_demo_step("exported it for PostgreSQL and ClickHouse", started_us);
    return TL_OK;
}

enum tl_code tl_demo_servers_start(struct tl_demo_world *world, tl_arena *arena, struct tl_err *err)
{
    if (export_files(world, arena, err) != TL_OK)
        return err->code;
    if (start_server(world, arena, "postgres", &world->postgres_port, err) != TL_OK)
        return err->code;
    if (start_server(world, arena, "clickhouse", &world->clickhouse_port, err) != TL_OK)
        return err->code;
    return fill_clickhouse(world, arena, err);
}

static void stop_server(struct tl_demo_world *world, tl_arena *arena, const char *name)
{
    const char *script = tl_arena_printf(arena, "%s/%s.sh", world->servers_folder, name);
    const char *folder = tl_arena_printf(arena, "%s/%s", world->directory, name);
    const char *const argv[] = {"/bin/bash", script, "stop", folder, NULL};
    struct tl_err ignored; /* what does not stop now ends with its parent */
    tl_err_init(&ignored);
    if (access(folder, F_OK) == 0 && run(argv, name, &ignored) != TL_OK)
        fprintf(stderr, "townlake: %s\n", ignored.message);
}

void tl_demo_servers_stop(struct tl_demo_world *world, tl_arena *arena)
{
    stop_server(world, arena, "clickhouse");
    stop_server(world, arena, "postgres");
}
