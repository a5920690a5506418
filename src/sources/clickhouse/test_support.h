/* sources/clickhouse/test_support.h -- a real server, sources on it, and scans as text, for the tests beside. */
#ifndef TL_SOURCES_CLICKHOUSE_TEST_SUPPORT_H
#define TL_SOURCES_CLICKHOUSE_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/http.h"
#include "sources/clickhouse/source_int.h"

enum { TEST_ARENA_BYTES = 1 << 30, TEST_SKIP = 77 };

struct test_server {
    char dir[256];
    int port;
    tl_http_client *http;
};

/* Starts tests/integration/clickhouse_server.sh; exits with TEST_SKIP and a message where libchdb is not. */
void test_server_start(struct test_server *server, const char *name);
void test_server_stop(struct test_server *server);
void test_server_kill(struct test_server *server); /* -9 */

/* Run a statement at the server as user default; the body, which must be of a success. */
const char *test_ask(struct test_server *server, tl_arena *arena, const char *sql);
void test_run(struct test_server *server, const char *sql);

/* pairs: option, value, ..., NULL; host and port are the server's unless given */
tl_source *test_open(const struct test_server *server, const char *first, ...);
tl_source *test_open_at(const char *host, int port);
struct tl_source_dataset *test_describe(tl_source *source, tl_arena *arena, const char *schema, const char *name);

/* Every value as text, NULL for NULL. */
struct test_rows {
    size_t column_count, row_count, room;
    const char **cells;
};
const char *test_cell(const struct test_rows *rows, size_t row, size_t column);

enum tl_code test_scan(tl_source *source, tl_arena *arena, const struct tl_scan_request *request,
                       const struct tl_stop *stop, struct test_rows *ret_rows, struct tl_scan_stats *ret_stats,
                       struct tl_err *err);
/* All columns of a table, in the order of its first; must succeed. */
struct test_rows test_table(tl_source *source, tl_arena *arena, const char *schema, const char *name);
const char *test_format(tl_arena *arena, const struct tl_vector *vector, size_t row);

#endif
