#include "sources/postgres/postgres.h"

#include <stdlib.h>

#include "sources/postgres/derive.h"
#include "sources/postgres/scan.h"

enum { OPTIONS_BYTES_MAX = 256 * 1024, CANCELS_WAIT_US = 500000 };

static enum tl_code check(const struct tl_source_config *config, struct tl_err *err)
{
    struct tl_postgres_options options;
    tl_arena *arena = tl_arena_new(OPTIONS_BYTES_MAX);
    enum tl_code code = tl_postgres_options_read(arena, config, &options, err);
    tl_arena_free(arena);
    return code;
}

static enum tl_code open_source(const struct tl_source_config *config, tl_source **ret_source, struct tl_err *err)
{
    struct tl_source *source = tl_heap_alloc(sizeof *source);
    source->arena = tl_arena_new(OPTIONS_BYTES_MAX);
    enum tl_code code = tl_postgres_options_read(source->arena, config, &source->options, err);
    if (code != TL_OK) {
        tl_arena_free(source->arena);
        free(source);
        return code;
    }
    source->pool = tl_postgres_pool_new(&source->options, TL_POSTGRES_POOL_IDLE_MS);
    *ret_source = source;
    return TL_OK;
}

static void close_source(tl_source *source)
{
    if (!source)
        return;
    tl_postgres_pool_free(source->pool);
    tl_postgres_cancels_finish(CANCELS_WAIT_US);
    tl_arena_free(source->arena);
    free(source);
}

struct test {
    tl_arena *arena;
    const char *version;
};

static enum tl_code ask_version(void *context, struct tl_postgres_connection *connection, const struct tl_stop *stop,
                                struct tl_err *err)
{
    struct test *test = context;
    PGresult *result = NULL;
    enum tl_code code = tl_postgres_query(connection, "SHOW server_version", stop, &result, 1, err);
    if (code == TL_OK && PQntuples(result) == 1) {
        const char *version = PQgetvalue(result, 0, 0);
        test->version = tl_arena_printf(test->arena, "PostgreSQL %.*s", (int)strcspn(version, " "), version);
    }
    PQclear(result);
    return code;
}

static enum tl_code test_source(tl_source *source, const struct tl_stop *stop, tl_arena *arena,
                                const char **ret_version, struct tl_err *err)
{
    struct test test = {arena, "PostgreSQL"};
    struct tl_postgres_connection *connection = NULL;
    enum tl_code code = tl_postgres_pool_attempt(source->pool, ask_version, &test, stop, &connection, err);
    tl_postgres_pool_put(source->pool, connection);
    *ret_version = test.version;
    return code;
}

struct description {
    const char *schema, *name;
    tl_arena *arena;
    struct tl_source_dataset *datasets;
    size_t count;
};

static enum tl_code ask_description(void *context, struct tl_postgres_connection *connection,
                                    const struct tl_stop *stop, struct tl_err *err)
{
    struct description *asked = context;
    return tl_postgres_describe(connection, asked->schema, asked->name, stop, asked->arena, &asked->datasets,
                                &asked->count, err);
}

static enum tl_code run_description(tl_source *source, struct description *asked, const struct tl_stop *stop,
                                    struct tl_err *err)
{
    struct tl_postgres_connection *connection = NULL;
    enum tl_code code = tl_postgres_pool_attempt(source->pool, ask_description, asked, stop, &connection, err);
    tl_postgres_pool_put(source->pool, connection);
    return code;
}

static enum tl_code list(tl_source *source, const struct tl_stop *stop, tl_arena *arena,
                         struct tl_source_dataset **ret_datasets, size_t *ret_count, struct tl_err *err)
{
    struct description asked = {.arena = arena};
    enum tl_code code = run_description(source, &asked, stop, err);
    *ret_datasets = asked.datasets;
    *ret_count = asked.count;
    return code;
}

static enum tl_code describe(tl_source *source, const char *schema, const char *name, const struct tl_stop *stop,
                             tl_arena *arena, struct tl_source_dataset **ret_dataset, struct tl_err *err)
{
    struct description asked = {.schema = schema, .name = name, .arena = arena};
    enum tl_code code = run_description(source, &asked, stop, err);
    if (code == TL_OK && asked.count != 1)
        code = tl_err_set(err, TL_TABLE_NOT_FOUND, "source \"%s\" has no table \"%s.%s\"", source->options.name, schema,
                          name);
    *ret_dataset = asked.datasets;
    return code;
}

static bool can_push(tl_source *source, const struct tl_source_dataset *dataset, const struct tl_expr *expr,
                     const char **reason)
{
    struct tl_buf sql;
    (void)source;
    tl_buf_init(&sql, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    bool pushed = tl_postgres_filter(dataset, expr, &sql, reason);
    tl_buf_done(&sql);
    return pushed;
}

static bool can_push_order(tl_source *source, const struct tl_source_dataset *dataset,
                           const struct tl_scan_order *order)
{
    struct tl_buf sql;
    (void)source;
    tl_buf_init(&sql, TL_POSTGRES_EXPRESSION_SIZE_MAX);
    bool pushed = tl_postgres_order(dataset, order, &sql);
    tl_buf_done(&sql);
    return pushed;
}

static bool derive(tl_source *source, const struct tl_derivation *derivation, tl_arena *arena,
                   struct tl_source_dataset **ret_dataset, const char **reason)
{
    return tl_postgres_derive(source->options.name, derivation, arena, ret_dataset, reason);
}

const struct tl_source_driver tl_source_driver_postgres = {
    .kind = "postgres",
    .summary = "a PostgreSQL database (12 or newer), read in parallel by binary COPY",
    .mode = TL_SOURCE_SCANS,
    .options = tl_postgres_option_table,
    .check = check,
    .open = open_source,
    .close = close_source,
    .test = test_source,
    .list = list,
    .describe = describe,
    .can_push = can_push,
    .can_push_order = can_push_order,
    .derive = derive,
    .scan_open = tl_postgres_scan_open,
    .part_open = tl_postgres_part_open,
    .part_next = tl_postgres_part_next,
    .part_close = tl_postgres_part_close,
    .scan_close = tl_postgres_scan_close,
};
