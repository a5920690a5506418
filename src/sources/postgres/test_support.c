#include "sources/postgres/test_support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int test_listen(int *ret_fd)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_fd = fd;
    return ntohs(address.sin_port);
}

static int run_script(const struct test_server *server, const char *command)
{
    char port[16];
    int status = 0;
    snprintf(port, sizeof port, "%d", server->port);
    pid_t child = fork();
    if (child == 0) {
        execl(server->script, server->script, command, server->dir, port, (char *)NULL);
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A process of its own session that outlives a crashed test, so that no server is left behind. */
static void start_keeper(struct test_server *server)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) /* a server that held it would keep it open for good */
        exit(1);
    if (fork() == 0) {
        char byte;
        close(ends[1]);
        setsid();
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(1);
        while (read(ends[0], &byte, 1) > 0)
            continue;
        run_script(server, "stop");
        execlp("rm", "rm", "-rf", server->dir, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
    server->keeper = ends[1];
}

static void connect_admin(struct test_server *server)
{
    char parameters[200];
    snprintf(
        parameters, sizeof parameters,
        "host=127.0.0.1 port=%d user=postgres dbname=postgres client_encoding=UTF8 options=-cclient_min_messages=error",
        server->port);
    server->admin = PQconnectdb(parameters);
    if (PQstatus(server->admin) == CONNECTION_OK)
        return;
    fprintf(stderr, "%s", PQerrorMessage(server->admin));
    exit(1);
}

void test_server_start(struct test_server *server)
{
    const char *script = getenv("TL_POSTGRES_SCRIPT");
    int fd;
    snprintf(server->script, sizeof server->script, "%s", script ? script : "tests/integration/postgres_server.sh");
    snprintf(server->dir, sizeof server->dir, "/tmp/townlake_postgres_XXXXXX");
    if (!mkdtemp(server->dir))
        exit(1);
    server->port = test_listen(&fd);
    close(fd);
    start_keeper(server);
    int status = run_script(server, "start");
    if (status != 0) {
        fprintf(stderr, "%s start: exit status %d\n", server->script, status);
        exit(status);
    }
    connect_admin(server);
}

void test_server_stop(struct test_server *server)
{
    PQfinish(server->admin);
    run_script(server, "stop");
    close(server->keeper);
    while (wait(NULL) > 0)
        continue;
}

void test_server_command(struct test_server *server, const char *command)
{
    PQfinish(server->admin);
    server->admin = NULL;
    assert_int_equal(run_script(server, command), 0);
    if (strcmp(command, "stop") != 0)
        connect_admin(server);
}

void test_run(struct test_server *server, const char *sql)
{
    PGresult *result = PQexec(server->admin, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s\n%s", sql, PQerrorMessage(server->admin));
    PQclear(result);
}

const char *test_value(struct test_server *server, tl_arena *arena, const char *sql)
{
    PGresult *result = PQexec(server->admin, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) < 1)
        fail_msg("%s\n%s", sql, PQerrorMessage(server->admin));
    const char *value = tl_arena_strdup(arena, PQgetvalue(result, 0, 0));
    PQclear(result);
    return value;
}

tl_source *test_open(const struct test_server *server, const char *first, ...)
{
    char port[16];
    const char *names[TEST_CONFIG_MAX] = {"host", "port", "database", "user"};
    const char *values[TEST_CONFIG_MAX] = {"127.0.0.1", port, "postgres", "postgres"};
    struct tl_source_config config = {.name = "ops", .kind = "postgres", .option_count = 4, .option_names = names,
                                      .option_values = values};
    snprintf(port, sizeof port, "%d", server->port);
    va_list args;
    va_start(args, first);
    for (const char *name = first; name; name = va_arg(args, const char *)) {
        size_t i = 0;
        while (i < config.option_count && strcmp(names[i], name) != 0)
            i++;
        names[i] = name;
        values[i] = va_arg(args, const char *);
        config.option_count += i == config.option_count;
    }
    va_end(args);
    tl_source *source = NULL;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_source_driver_postgres.open(&config, &source, &err) != TL_OK)
        fail_msg("%s", err.message);
    return source;
}

struct tl_source_dataset *test_describe(tl_source *source, tl_arena *arena, const char *schema, const char *name)
{
    struct tl_source_dataset *dataset = NULL;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_source_driver_postgres.describe(source, schema, name, NULL, arena, &dataset, &err) != TL_OK)
        fail_msg("%s: %s", err.message, err.detail);
    return dataset;
}

struct tl_chunk *test_chunk(tl_arena *arena, const struct tl_scan_request *request)
{
    static const struct tl_type any = {.id = TL_TYPE_INT64};
    const struct tl_type **types = TL_NEW_ARRAY(arena, const struct tl_type *, request->column_count);
    for (size_t i = 0; i < request->column_count; i++)
        types[i] = request->columns[i] < 0 ? &any : &request->dataset->columns[request->columns[i]].type;
    return tl_chunk_new(arena, types, request->column_count);
}

const int *test_all_columns(tl_arena *arena, const struct tl_source_dataset *dataset)
{
    int *columns = TL_NEW_ARRAY(arena, int, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++)
        columns[i] = (int)i;
    return columns;
}

static void keep(struct test_rows *rows, tl_arena *arena, const struct tl_chunk *chunk)
{
    size_t used = rows->row_count * rows->column_count, more = chunk->row_count * rows->column_count;
    if (used + more > rows->room) {
        size_t room = (used + more) * 2;
        rows->cells = tl_arena_grow(arena, rows->cells, rows->room * sizeof *rows->cells, room * sizeof *rows->cells);
        rows->room = room;
    }
    for (size_t row = 0; row < chunk->row_count; row++)
        for (size_t column = 0; column < rows->column_count; column++)
            rows->cells[used++] = test_format(arena, &chunk->columns[column], row);
    rows->row_count += chunk->row_count;
}

static enum tl_code read_part(tl_scan_part *part, tl_arena *arena, struct tl_chunk *chunk, const struct tl_stop *stop,
                              struct test_rows *rows, struct tl_err *err)
{
    for (;;) {
        tl_chunk_reset(chunk);
        enum tl_code code = tl_source_driver_postgres.part_next(part, chunk, stop, err);
        if (code != TL_OK || chunk->row_count == 0)
            return code;
        keep(rows, arena, chunk);
    }
}

enum tl_code test_scan(tl_source *source, tl_arena *arena, const struct tl_scan_request *request,
                       const struct tl_stop *stop, struct test_rows *ret_rows, struct tl_scan_stats *ret_stats,
                       struct tl_err *err)
{
    const struct tl_source_driver *driver = &tl_source_driver_postgres;
    struct tl_chunk *chunk = test_chunk(arena, request);
    tl_scan *scan = NULL;
    int parts = 0;
    *ret_rows = (struct test_rows){.column_count = request->column_count};
    ret_rows->cells = TL_NEW_ARRAY(arena, const char *, 1);
    enum tl_code code = driver->scan_open(source, request, 2, stop, arena, &scan, &parts, err);
    if (code != TL_OK)
        return code;
    while (code == TL_OK) {
        tl_scan_part *part = NULL;
        code = driver->part_open(scan, stop, &part, err);
        if (code != TL_OK || !part)
            break;
        code = read_part(part, arena, chunk, stop, ret_rows, err);
        driver->part_close(part);
    }
    struct tl_scan_stats stats;
    driver->scan_close(scan, ret_stats ? ret_stats : &stats);
    return code;
}

struct test_rows test_table(tl_source *source, tl_arena *arena, const char *schema, const char *name)
{
    struct tl_source_dataset *dataset = test_describe(source, arena, schema, name);
    struct tl_scan_request request = {.dataset = dataset, .column_count = dataset->column_count,
                                      .columns = test_all_columns(arena, dataset), .limit = -1};
    struct test_rows rows;
    struct tl_err err;
    tl_err_init(&err);
    if (test_scan(source, arena, &request, NULL, &rows, NULL, &err) != TL_OK)
        fail_msg("%s: %s", err.message, err.detail);
    return rows;
}

const char *test_cell(const struct test_rows *rows, size_t row, size_t column)
{
    assert_true(row < rows->row_count && column < rows->column_count);
    return rows->cells[row * rows->column_count + column];
}

/* --- numbers by chance --- */

/* xorshift64 */
uint64_t test_random_state = 88172645463325252U;

size_t test_random_below(size_t limit)
{
    test_random_state ^= test_random_state << 13;
    test_random_state ^= test_random_state >> 7;
    test_random_state ^= test_random_state << 17;
    return (size_t)(test_random_state >> 11) % limit;
}
