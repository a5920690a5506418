#include "base/folder_testing.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <duckdb.h>

#include "auth/principal.h"
#include "engine/engine.h"
#include "io/http.h"
#include "io/process.h"

extern const struct tl_source_driver tl_source_driver_duckdb, tl_source_driver_files, tl_source_driver_iceberg;

static struct {
    char directory[64], database[96];
    tl_store *store;
    tl_lake *lake;
    tl_http_server *http;
    tl_engine *engine;
    tl_registry *registry;
    tl_lifeguard *lifeguard;
    tl_door *door;
    bool closed;
    const struct tl_principal *principal;
} world;

static const struct tl_principal alice = {.user = "alice", .authenticated = true};

static void check(enum tl_code code, const struct tl_err *err)
{
    if (code != TL_OK)
        fail_msg("%s: %s (%s)", tl_code_info(code)->name, err->message, err->detail);
}

static void make_database(const char *sql)
{
    duckdb_database database;
    duckdb_connection connection;
    duckdb_result result;
    assert_int_equal(duckdb_open(world.database, &database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(database, &connection), DuckDBSuccess);
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s", duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    duckdb_disconnect(&connection);
    duckdb_close(&database);
}

/* --- the lake's REST catalog, as api/ serves it --- */

static const char *query_param(void *context, const char *name)
{
    return tl_http_query_param(context, name);
}

static void handle_http(void *context, tl_http_exchange *exchange)
{
    (void)context;
    struct tl_request rq;
    tl_request_init(&rq, tl_http_arena(exchange));
    rq.principal = &alice;
    const char *path = tl_http_path(exchange);
    struct tl_lake_call call = {
        .method = tl_http_method(exchange),
        .path = strncmp(path, "/iceberg", 8) == 0 ? path + 8 : path,
        .query_param = query_param,
        .context = exchange,
        .body = tl_http_body(exchange),
    };
    struct tl_lake_reply reply;
    tl_lake_rest(&rq, world.lake, &call, &reply);
    tl_http_respond(exchange, reply.status, "application/json", reply.body, true);
}

/* --- the registry's way to the engine --- */

static enum tl_code put(void *context, struct tl_request *rq, const struct tl_source_config *config)
{
    return tl_engine_source_put(rq, context, config);
}

static enum tl_code drop(void *context, struct tl_request *rq, const char *name)
{
    return tl_engine_source_remove(rq, context, name);
}

static enum tl_code try_it(void *context, struct tl_request *rq, const char *name, const char **ret_version)
{
    return tl_engine_source_test(rq, context, name, ret_version);
}

static enum tl_code list(void *context, struct tl_request *rq, const char *name,
                         struct tl_source_dataset **ret_datasets, size_t *ret_count)
{
    return tl_engine_source_list(rq, context, name, ret_datasets, ret_count);
}

static void add_source(tl_arena *arena, const char *name, const char *kind, const char *option, const char *value,
                       bool writable)
{
    struct tl_request rq;
    tl_request_init(&rq, arena);
    rq.principal = &alice;
    struct tl_config_pair options[] = {{option, value},
                                       {"warehouse", tl_arena_printf(arena, "%s/warehouse", world.directory)}};
    struct tl_config_source source = {.name = name, .kind = kind, .option_count = writable ? 2 : 1, .options = options};
    check(tl_registry_add(&rq, world.registry, &source, "added", writable, true, false), &rq.err);
    check(tl_registry_refresh(&rq, world.registry, name), &rq.err);
}

static void start_engine(tl_arena *arena, struct tl_err *err)
{
    /* CREATE TABLE AS makes an empty folder "data" where the engine runs: a slip of its Iceberg extension */
    const char *paths[] = {world.directory, "data", NULL};
    assert_int_equal(chdir(world.directory), 0);
    struct tl_engine_options options = {.program = ENGINE,
                                        .directory = tl_arena_printf(arena, "%s/engine", world.directory),
                                        .extensions = EXTENSIONS,
                                        .memory_bytes = 1 << 30,
                                        .spill_bytes = 1 << 28,
                                        .threads = 2,
                                        .allowed_paths = paths};
    check(tl_engine_start(&options, &world.engine, err), err);
}

static void write_files(void)
{
    char command[256];
    snprintf(command, sizeof command, "%s/files/people.csv", world.directory);
    FILE *file = fopen(command, "w");
    assert_non_null(file);
    fputs("id,name\n1,Ada\n2,Bob\n", file);
    fclose(file);
}

static void remove_folder(const char *path)
{
    folder_remove(path);
}

static void make_folders(void)
{
    static const char *const names[] = {"engine", "files", "warehouse", "state"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", world.directory, names[i]);
        struct tl_err err;
        tl_err_init(&err);
        check(tl_dir_make(path, 0700, &err), &err);
    }
}

void world_start(const char *sql)
{
    struct tl_err err;
    tl_err_init(&err);
    snprintf(world.directory, sizeof world.directory, "/tmp/door_test_XXXXXX");
    assert_non_null(mkdtemp(world.directory));
    snprintf(world.database, sizeof world.database, "%s/ops.db", world.directory);
    make_folders();
    make_database(sql);
    write_files();
    static const struct tl_source_driver *const drivers[] = {&tl_source_driver_duckdb, &tl_source_driver_files,
                                                             &tl_source_driver_iceberg};
    tl_registry_set_drivers(drivers, 3);
    tl_arena *arena = tl_arena_new(1 << 20);
    check(tl_store_open(tl_arena_printf(arena, "%s/state", world.directory), &world.store, &err), &err);
    check(tl_lake_open(world.store, tl_arena_printf(arena, "%s/warehouse", world.directory), &world.lake, &err), &err);
    struct tl_http_limits http_limits = {.workers = 4};
    check(tl_http_server_start("127.0.0.1", 0, &http_limits, handle_http, NULL, &world.http, &err), &err);
    start_engine(arena, &err);
    struct tl_registry_calls calls = {world.engine, put, drop, try_it, list};
    check(tl_registry_new(world.store, &calls, 60 * 1000000LL, &world.registry, &err), &err);
    struct tl_lifeguard_options options = {.open = !world.closed};
    check(tl_lifeguard_open(world.store, &options, &world.lifeguard, &err), &err);
    struct tl_door_parts parts = {world.engine, world.registry, world.lake, world.store, world.lifeguard, NULL};
    check(tl_door_new(&parts, NULL, &world.door, &err), &err);
    add_source(arena, "ops", "duckdb", "path", world.database, false);
    add_source(arena, "files", "files", "path", tl_arena_printf(arena, "%s/files", world.directory), false);
    add_source(arena, "lake", "iceberg", "endpoint",
               tl_arena_printf(arena, "http://127.0.0.1:%d/iceberg", tl_http_server_port(world.http)), true);
    tl_arena_free(arena);
}

void world_start_closed(const char *sql)
{
    world.closed = true;
    world_start(sql);
}

tl_lifeguard *world_lifeguard(void)
{
    return world.lifeguard;
}

tl_engine *world_engine(void)
{
    return world.engine;
}

void world_set_principal(const struct tl_principal *principal)
{
    world.principal = principal;
}

void world_stop(void)
{
    tl_door_free(world.door);
    tl_registry_free(world.registry);
    tl_engine_stop(world.engine);
    tl_lifeguard_close(world.lifeguard);
    tl_http_server_stop(world.http, 1000);
    tl_lake_close(world.lake);
    tl_store_close(world.store);
    remove_folder(world.directory);
    memset(&world, 0, sizeof world);
}

tl_door *world_door(void)
{
    return world.door;
}

tl_registry *world_registry(void)
{
    return world.registry;
}

const struct tl_principal *world_principal(void)
{
    return world.principal ? world.principal : &alice;
}

const char *world_database_path(void)
{
    return world.database;
}

/* --- running --- */

static void put_rows(struct tl_buf *out, const struct tl_batch *batch)
{
    for (size_t row = 0; batch && row < batch->row_count; row++) {
        tl_buf_addc(out, '\n');
        for (size_t i = 0; i < batch->column_count; i++) {
            tl_buf_adds(out, i ? "|" : "");
            if (tl_column_is_null(&batch->columns[i], row))
                tl_buf_adds(out, "NULL");
            else
                tl_column_format(out, &batch->columns[i], row);
        }
    }
}

static void take_answer(struct tl_request *rq, tl_answer *answer, struct tl_buf *out, struct world_answer *ret)
{
    const struct tl_field *fields;
    const struct tl_batch *batch;
    int64_t waited_us;
    bool end = false;
    while (ret->code == TL_OK && tl_answer_is_queued(answer, &waited_us))
        ret->code = tl_answer_next(rq, answer, -1, &batch, &end);
    size_t count = tl_answer_fields(answer, &fields);
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(out, "%s%s", i ? "|" : "", fields[i].name);
    const struct tl_session_change *changes;
    ret->change_count = tl_answer_changes(answer, &changes);
    for (size_t i = 0; i < ret->change_count && i < 4; i++) {
        ret->changes[i].kind = changes[i].kind;
        snprintf(ret->changes[i].name, sizeof ret->changes[i].name, "%s", changes[i].name ? changes[i].name : "");
        snprintf(ret->changes[i].value, sizeof ret->changes[i].value, "%s", changes[i].value ? changes[i].value : "");
    }
    const char *const *warnings;
    ret->warning_count = tl_answer_warnings(answer, &warnings);
    const char *update_type = tl_answer_update_type(answer);
    snprintf(ret->update_type, sizeof ret->update_type, "%s", update_type ? update_type : "");
    while (!end && ret->code == TL_OK) {
        ret->code = tl_answer_next(rq, answer, -1, &batch, &end);
        put_rows(out, ret->code == TL_OK ? batch : NULL);
    }
    ret->update_count = tl_answer_update_count(answer);
    tl_answer_close(rq, answer);
}

void world_run_session(const struct tl_session *session, const char *sql, struct world_answer *ret_answer)
{
    tl_arena *arena = tl_arena_new(1 << 28);
    struct tl_request rq;
    struct tl_buf out;
    tl_answer *answer;
    tl_request_init(&rq, arena);
    rq.principal = world.principal ? world.principal : &alice;
    tl_buf_init(&out, 1 << 26);
    *ret_answer = (struct world_answer){.code = tl_door_run(&rq, world.door, session, tl_str_of(sql), &answer)};
    if (ret_answer->code == TL_OK)
        take_answer(&rq, answer, &out, ret_answer);
    ret_answer->err = rq.err;
    ret_answer->text = strdup(tl_buf_cstr(&out));
    tl_buf_done(&out);
    tl_arena_free(arena);
}

void world_run(const char *sql, struct world_answer *ret_answer)
{
    static const struct tl_session session = {.catalog = "ops", .schema = "main"};
    world_run_session(&session, sql, ret_answer);
}

void world_answer_done(struct world_answer *answer)
{
    free(answer->text);
    answer->text = NULL;
}

void world_expect(const char *sql, const char *text)
{
    struct world_answer answer;
    world_run(sql, &answer);
    if (answer.code != TL_OK)
        fail_msg("%s: %s: %s (%s)", sql, tl_code_info(answer.code)->name, answer.err.message, answer.err.detail);
    if (strcmp(answer.text, text) != 0)
        fail_msg("%s:\n%s\nexpected:\n%s", sql, answer.text, text);
    world_answer_done(&answer);
}

void world_expect_code(const char *sql, enum tl_code code)
{
    struct world_answer answer;
    world_run(sql, &answer);
    if (answer.code != code)
        fail_msg("%s: %s: %s (%s)\n%s", sql, tl_code_info(answer.code)->name, answer.err.message, answer.err.detail,
                 answer.text);
    world_answer_done(&answer);
}

const char *world_error_text(const char *sql)
{
    static char text[TL_ERR_MESSAGE_MAX + TL_ERR_DETAIL_MAX + TL_ERR_HINT_MAX + 16];
    struct world_answer answer;
    world_run(sql, &answer);
    snprintf(text, sizeof text, "%s | %s | %s | %d", answer.err.message, answer.err.detail, answer.err.hint,
             (int)answer.err.position);
    world_answer_done(&answer);
    return text;
}
