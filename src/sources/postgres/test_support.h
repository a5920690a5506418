/* sources/postgres/test_support.h -- a real server, sources on it, and scans as text, for the tests beside. */
#ifndef TL_SOURCES_POSTGRES_TEST_SUPPORT_H
#define TL_SOURCES_POSTGRES_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sources/postgres/postgres.h"
#include "sources/postgres/scan.h"

enum { TEST_ARENA_BYTES = 1 << 30, TEST_SKIP = 77, TEST_CONFIG_MAX = 16 };

struct test_server {
    char dir[64];
    char script[512];
    int port;
    int keeper; /* closing it stops the server: also when the test dies */
    PGconn *admin;
};

/* Starts tests/integration/postgres_server.sh; exits with TEST_SKIP and a message where no server is installed. */
void test_server_start(struct test_server *server);
void test_server_stop(struct test_server *server);
/* Run a command of the script, e.g. "restart"; the admin connection is made anew after a start. */
void test_server_command(struct test_server *server, const char *command);

/* As the superuser; must succeed.  test_value: the first value of the answer. */
void test_run(struct test_server *server, const char *sql);
const char *test_value(struct test_server *server, tl_arena *arena, const char *sql);

/* Option, value, ..., NULL; host, port, database and user are the server's superuser's unless given. */
tl_source *test_open(const struct test_server *server, const char *first, ...);
struct tl_source_dataset *test_describe(tl_source *source, tl_arena *arena, const char *schema, const char *name);

/* The same numbers in each run, but for what a test makes of the state. */
extern uint64_t test_random_state;
size_t test_random_below(size_t limit);

/* Every value as text, NULL for NULL, row by row in the order they came. */
struct test_rows {
    size_t column_count, row_count, room;
    const char **cells;
};
const char *test_cell(const struct test_rows *rows, size_t row, size_t column);
enum tl_code test_scan(tl_source *source, tl_arena *arena, const struct tl_scan_request *request,
                       const struct tl_stop *stop, struct test_rows *ret_rows, struct tl_scan_stats *ret_stats,
                       struct tl_err *err);
/* All columns of a table; must succeed. */
struct test_rows test_table(tl_source *source, tl_arena *arena, const char *schema, const char *name);
const char *test_format(tl_arena *arena, const struct tl_vector *vector, size_t row);

/* A chunk for the columns of a request. */
struct tl_chunk *test_chunk(tl_arena *arena, const struct tl_scan_request *request);
/* 0, 1, 2 .. as many as the dataset has columns. */
const int *test_all_columns(tl_arena *arena, const struct tl_source_dataset *dataset);

/* A listener on a free port of loopback; the caller closes *ret_fd. */
int test_listen(int *ret_fd);

#endif
