#include "engine/engine.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine/engine_int.h"

enum {
    OPTIONS_BYTES_MAX = 4 * 1024 * 1024,
    CONFIG_BYTES_MAX = 4 * 1024 * 1024,
    DATASETS_MAX = 100000,
    ROOM_FOR_SOCKET_NAME = 24,
    CANCEL_WAIT_US = 5 * 1000 * 1000,
};

/* ---- life ---- */

/* Socket addresses are short; a state folder with a long path gets its sockets in a folder of their own. */
static enum tl_code choose_socket_directory(tl_engine *engine, struct tl_err *err)
{
    engine->socket_directory = tl_arena_strdup(engine->arena, engine->options.directory);
    if (strlen(engine->socket_directory) + ROOM_FOR_SOCKET_NAME < TL_ENGINE_SOCKET_PATH_MAX)
        return TL_OK;
    engine->socket_directory = tl_arena_strdup(engine->arena, "/tmp/townlake-XXXXXX");
    engine->own_socket_directory = true;
    if (!mkdtemp(engine->socket_directory))
        return tl_err_set(err, TL_IO, "could not make a folder for the SQL engine's socket in /tmp");
    return TL_OK;
}

/* Absolute: the child has a working folder of its own. */
static const char *absolute(tl_arena *arena, const char *path)
{
    char real[PATH_MAX];
    return tl_arena_strdup(arena, path && realpath(path, real) ? real : path);
}

static void copy_options(tl_engine *engine, const struct tl_engine_options *options)
{
    engine->options = *options;
    engine->options.program = absolute(engine->arena, options->program);
    engine->options.directory = absolute(engine->arena, options->directory);
    engine->options.extensions = absolute(engine->arena, options->extensions);
    engine->options.lake = options->lake ? tl_arena_strdup(engine->arena, options->lake) : NULL;
    engine->options.allowed_paths = NULL;
    for (const char *const *path = options->allowed_paths; path && *path; path++)
        tl_engine_add_path(engine, *path);
    engine->paths_version = 0; /* the first child starts with all of them */
}

static void free_engine(tl_engine *engine)
{
    if (engine->own_socket_directory)
        rmdir(engine->socket_directory);
    for (struct tl_engine_remembered *source = engine->sources, *next; source; source = next) {
        next = source->next;
        tl_arena_free(source->arena);
        free(source);
    }
    for (size_t i = 0; i < engine->path_count; i++)
        free(engine->paths[i]);
    free(engine->paths);
    pthread_cond_destroy(&engine->changed);
    pthread_mutex_destroy(&engine->mutex);
    tl_arena_free(engine->arena);
    free(engine);
}

enum tl_code tl_engine_start(const struct tl_engine_options *options, tl_engine **ret_engine, struct tl_err *err)
{
    tl_engine *engine = tl_heap_alloc(sizeof *engine);
    engine->arena = tl_arena_new(OPTIONS_BYTES_MAX);
    pthread_mutex_init(&engine->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (tl_dir_make(options->directory, 0700, err) == TL_OK)
        copy_options(engine, options);
    if (err->code == TL_OK && choose_socket_directory(engine, err) == TL_OK &&
        pthread_create(&engine->supervisor, NULL, tl_engine_supervise, engine) != 0)
        tl_err_set(err, TL_INTERNAL, "could not start a thread for the SQL engine");
    if (err->code != TL_OK) {
        free_engine(engine);
        return err->code;
    }
    *ret_engine = engine;
    return TL_OK;
}

/* Results that are still open keep their connections; whoever holds one closes it before the engine is stopped. */
tl_engine *tl_engine_stop(tl_engine *engine)
{
    if (!engine)
        return NULL;
    pthread_mutex_lock(&engine->mutex);
    engine->stopping = true;
    if (engine->child)
        tl_process_signal(engine->child->process, SIGKILL);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
    pthread_join(engine->supervisor, NULL);
    while (engine->retired) {
        struct tl_engine_child *next = engine->retired->next;
        tl_engine_free_child(engine->retired);
        engine->retired = next;
    }
    free_engine(engine);
    return NULL;
}

static int64_t resident_bytes(int pid)
{
    char path[64];
    long long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%*d %lld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

void tl_engine_health(tl_engine *engine, struct tl_engine_health *ret_health)
{
    memset(ret_health, 0, sizeof *ret_health);
    pthread_mutex_lock(&engine->mutex);
    ret_health->ready = engine->child != NULL;
    ret_health->restarts = engine->restarts;
    ret_health->running = engine->running;
    memcpy(ret_health->last_failure, engine->last_failure, sizeof ret_health->last_failure);
    if (engine->child) {
        ret_health->pid = (int)tl_process_pid(engine->child->process);
        memcpy(ret_health->version, engine->child->version, sizeof ret_health->version);
    }
    pthread_mutex_unlock(&engine->mutex);
    if (ret_health->pid)
        ret_health->memory_bytes = resident_bytes(ret_health->pid);
}

/* ---- commands ---- */

/* Sends what is in connection->out and gives the connection back. */
static enum tl_code call(struct tl_request *rq, tl_engine *engine, struct tl_engine_connection *connection,
                         bool (*take)(void *context, enum tl_wire_kind kind, struct tl_str body), void *context)
{
    struct tl_str end;
    const struct tl_engine_child *child = connection->child;
    enum tl_code code = tl_engine_call(rq, connection, take, context, &end);
    /* an answer that is an error was read to its end; all else leaves the connection in the middle of something */
    bool whole = code == TL_OK || (code != TL_ENGINE_LOST && code != TL_CANCELLED && code != TL_TIME_EXCEEDED);
    if (code == TL_ENGINE_LOST) {
        struct tl_err lost;
        tl_err_init(&lost);
        code = tl_engine_lost(engine, child, &lost);
        rq->err = lost;
    }
    tl_engine_release(engine, connection, whole);
    return code;
}

struct taken {
    tl_arena *arena;
    struct tl_str text;
    struct tl_source_dataset *datasets;
    size_t count, room;
};

static bool take_text(void *context, enum tl_wire_kind kind, struct tl_str body)
{
    struct taken *taken = context;
    struct tl_wire_reader reader = {.left = body};
    struct tl_str text = tl_wire_text(&reader);
    if (reader.failed || (kind != TL_WIRE_AST && kind != TL_WIRE_TEXT))
        return false;
    taken->text = (struct tl_str){tl_arena_strndup(taken->arena, text.data, text.size), text.size};
    return true;
}

static bool take_dataset(void *context, enum tl_wire_kind kind, struct tl_str body)
{
    struct taken *taken = context;
    struct tl_wire_reader reader = {.left = body};
    if (kind != TL_WIRE_DATASET || taken->count >= DATASETS_MAX)
        return false;
    if (taken->count == taken->room) {
        size_t room = taken->room ? taken->room * 2 : 64;
        taken->datasets = tl_arena_grow(taken->arena, taken->datasets, taken->room * sizeof *taken->datasets,
                                        room * sizeof *taken->datasets);
        taken->room = room;
    }
    return tl_wire_dataset(&reader, taken->arena, &taken->datasets[taken->count++]);
}

enum tl_code tl_engine_parse(struct tl_request *rq, tl_engine *engine, struct tl_str sql, struct tl_str *ret_ast)
{
    size_t mark;
    struct tl_engine_connection *connection;
    struct taken taken = {.arena = rq->arena};
    if (tl_engine_connect(rq, engine, false, &connection) != TL_OK)
        return rq->err.code;
    tl_wire_begin(&connection->out, TL_WIRE_PARSE, &mark);
    tl_wire_put_text(&connection->out, sql);
    tl_wire_end(&connection->out, mark);
    enum tl_code code = call(rq, engine, connection, take_text, &taken);
    *ret_ast = taken.text;
    return code;
}

/* ---- sources ---- */

static struct tl_engine_remembered **find_remembered(tl_engine *engine, const char *name)
{
    struct tl_engine_remembered **link = &engine->sources;
    while (*link && strcmp((*link)->config.name, name) != 0)
        link = &(*link)->next;
    return link;
}

/* Under the mutex. */
static void forget(tl_engine *engine, const char *name)
{
    struct tl_engine_remembered **link = find_remembered(engine, name), *source = *link;
    if (!source)
        return;
    *link = source->next;
    tl_arena_free(source->arena);
    free(source);
}

static void remember(tl_engine *engine, const struct tl_source_config *config)
{
    struct tl_engine_remembered *source = tl_heap_alloc(sizeof *source);
    source->arena = tl_arena_new(CONFIG_BYTES_MAX);
    const char **names = TL_NEW_ARRAY(source->arena, const char *, config->option_count);
    const char **values = TL_NEW_ARRAY(source->arena, const char *, config->option_count);
    const char *path = NULL;
    for (size_t i = 0; i < config->option_count; i++) {
        names[i] = tl_arena_strdup(source->arena, config->option_names[i]);
        values[i] = tl_arena_strdup(source->arena, config->option_values[i]);
        if (strcmp(names[i], "path") == 0 && values[i][0] == '/')
            path = values[i];
    }
    source->config = (struct tl_source_config){tl_arena_strdup(source->arena, config->name), tl_arena_strdup(source->arena, config->kind),
                                               config->option_count, names, values};
    pthread_mutex_lock(&engine->mutex);
    forget(engine, config->name);
    source->next = engine->sources;
    engine->sources = source;
    if (path)
        tl_engine_add_path(engine, path);
    pthread_mutex_unlock(&engine->mutex);
}

/* Remembered first: a child that is being started meanwhile puts it too, and putting twice changes nothing. */
enum tl_code tl_engine_source_put(struct tl_request *rq, tl_engine *engine, const struct tl_source_config *config)
{
    size_t mark;
    struct tl_engine_connection *connection;
    if (config->option_count > TL_SOURCE_OPTIONS_MAX)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the source \"%s\" has more than %d options", config->name, TL_SOURCE_OPTIONS_MAX);
    remember(engine, config);
    enum tl_code code = tl_engine_connect(rq, engine, false, &connection);
    if (code == TL_OK) {
        tl_wire_begin(&connection->out, TL_WIRE_SOURCE_PUT, &mark);
        tl_wire_put_config(&connection->out, config);
        tl_wire_end(&connection->out, mark);
        code = call(rq, engine, connection, NULL, NULL);
    }
    if (code == TL_INVALID_ARGUMENT) {
        pthread_mutex_lock(&engine->mutex);
        forget(engine, config->name);
        pthread_mutex_unlock(&engine->mutex);
    }
    return code;
}

enum tl_code tl_engine_source_remove(struct tl_request *rq, tl_engine *engine, const char *name)
{
    size_t mark;
    struct tl_engine_connection *connection;
    pthread_mutex_lock(&engine->mutex);
    forget(engine, name);
    pthread_mutex_unlock(&engine->mutex);
    if (tl_engine_connect(rq, engine, false, &connection) != TL_OK)
        return rq->err.code;
    tl_wire_begin(&connection->out, TL_WIRE_SOURCE_REMOVE, &mark);
    tl_wire_put_text(&connection->out, tl_str_of(name));
    tl_wire_end(&connection->out, mark);
    return call(rq, engine, connection, NULL, NULL);
}

static enum tl_code ask_source(struct tl_request *rq, tl_engine *engine, enum tl_wire_kind kind, const char *name,
                               bool (*take)(void *context, enum tl_wire_kind kind, struct tl_str body), struct taken *taken)
{
    size_t mark;
    struct tl_engine_connection *connection;
    int64_t run_time_us = rq->deadline_us ? rq->deadline_us - tl_clock_monotonic_us() : 0;
    if (tl_engine_connect(rq, engine, false, &connection) != TL_OK)
        return rq->err.code;
    tl_wire_begin(&connection->out, kind, &mark);
    tl_wire_put_text(&connection->out, tl_str_of(name));
    tl_wire_put_i64(&connection->out, run_time_us > 0 ? run_time_us : rq->deadline_us ? 1 : 0);
    tl_wire_end(&connection->out, mark);
    taken->arena = rq->arena;
    return call(rq, engine, connection, take, taken);
}

enum tl_code tl_engine_source_test(struct tl_request *rq, tl_engine *engine, const char *name, const char **ret_version)
{
    struct taken taken = {0};
    enum tl_code code = ask_source(rq, engine, TL_WIRE_SOURCE_TEST, name, take_text, &taken);
    *ret_version = taken.text.data;
    return code;
}

enum tl_code tl_engine_source_list(struct tl_request *rq, tl_engine *engine, const char *name, struct tl_source_dataset **ret_datasets,
                                   size_t *ret_count)
{
    struct taken taken = {0};
    enum tl_code code = ask_source(rq, engine, TL_WIRE_SOURCE_LIST, name, take_dataset, &taken);
    *ret_datasets = taken.datasets;
    *ret_count = taken.count;
    return code;
}

/* ---- cancelling ---- */

bool tl_engine_cancel(tl_engine *engine, const char *query_id)
{
    size_t mark;
    struct tl_engine_connection *connection;
    struct tl_request rq;
    struct tl_str end = {"", 0};
    tl_arena *arena = tl_arena_new(64 * 1024);
    tl_request_init(&rq, arena);
    rq.deadline_us = tl_clock_monotonic_us() + CANCEL_WAIT_US;
    bool found = false;
    if (tl_engine_connect(&rq, engine, true, &connection) == TL_OK) {
        tl_wire_begin(&connection->out, TL_WIRE_CANCEL, &mark);
        tl_wire_put_text(&connection->out, tl_str_of(query_id));
        tl_wire_end(&connection->out, mark);
        bool answered = tl_engine_call(&rq, connection, NULL, NULL, &end) == TL_OK;
        struct tl_wire_reader reader = {.left = end};
        found = answered && tl_wire_u8(&reader) == 1 && !reader.failed;
        tl_engine_release(engine, connection, answered);
    }
    tl_arena_free(arena);
    return found;
}
