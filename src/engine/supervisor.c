/* The life of the engine process: started, watched, started again.  One thread; everything it changes is under the mutex. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "data/json.h"
#include "engine/engine_int.h"

enum {
    START_WAIT_US = 20 * 1000 * 1000,
    POLL_FAST_MS = 2,
    POLL_SLOW_MS = 20,
    POLL_FAST_US = 1000 * 1000,
    WATCH_MS = 100,
    PING_US = 5 * 1000 * 1000,
    PING_WAIT_MS = 10 * 1000,
    SHORT_LIFE_US = 5 * 1000 * 1000,
    BACK_OFF_FIRST_US = 100 * 1000,
    BACK_OFF_MAX_US = 30 * 1000 * 1000,
    RETIRED_MAX_US = 30 * 60 * 1000 * 1000,
    ARGUMENTS_FIXED = 24,
    EXIT_FAILED = 64, /* engines/duckdb/process.h; drivers are not seen from here */
    EXIT_STUCK = 65,
};

/* ---- files of a child ---- */

static void remove_folder(const char *path)
{
    char file[4096];
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file && unlink(file) != 0)
            rmdir(file);
    }
    closedir(folder);
    rmdir(path);
}

void tl_engine_free_child(struct tl_engine_child *child)
{
    tl_process_end(child->process);
    unlink(child->socket_path);
    if (child->spill_directory)
        remove_folder(child->spill_directory);
    explicit_bzero(child->secret, sizeof child->secret);
    free(child->spill_directory);
    free(child);
}

/* What lives before us left behind, when they could not clean up. */
static void remove_old_spills(const tl_engine *engine)
{
    char path[4096];
    DIR *folder = opendir(engine->options.directory);
    if (!folder)
        return;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strncmp(entry->d_name, "spill-", 6) == 0 &&
            snprintf(path, sizeof path, "%s/%s", engine->options.directory, entry->d_name) < (int)sizeof path)
            remove_folder(path);
    closedir(folder);
}

/* ---- starting ---- */

/* The secret waits in a pipe, and the key of masks behind it: they are never in an argument or in the environment. */
static enum tl_code secret_pipe(struct tl_engine_child *child, const uint8_t *mask_key, int *ret_fd, struct tl_err *err)
{
    int fds[2];
    if (tl_random_bytes(child->secret, sizeof child->secret, err) != TL_OK)
        return err->code;
    if (pipe2(fds, O_CLOEXEC) != 0)
        return tl_err_errno(err, TL_IO, errno, "could not make a pipe for the SQL engine");
    enum tl_code code = tl_fd_write_full(fds[1], child->secret, sizeof child->secret, err);
    if (code == TL_OK && mask_key)
        code = tl_fd_write_full(fds[1], mask_key, TL_MASK_KEY_SIZE, err);
    close(fds[1]);
    if (code != TL_OK)
        close(fds[0]);
    *ret_fd = fds[0];
    return code;
}

static enum tl_code spawn(tl_engine *engine, struct tl_engine_child *child, tl_arena *arena, int secret_fd, struct tl_err *err)
{
    pthread_mutex_lock(&engine->mutex);
    size_t path_count = engine->path_count;
    child->paths_version = engine->paths_version;
    const char **arguments = TL_NEW_ARRAY(arena, const char *, ARGUMENTS_FIXED + 2 * path_count);
    const struct tl_engine_options *options = &engine->options;
    const char *fixed[ARGUMENTS_FIXED - 1] = {
        options->program, "--socket", child->socket_path, "--spill", child->spill_directory,
        "--secret-fd", tl_arena_printf(arena, "%d", secret_fd),
        "--memory", tl_arena_printf(arena, "%lld", (long long)options->memory_bytes),
        "--spill-limit", tl_arena_printf(arena, "%lld", (long long)options->spill_bytes),
        "--threads", tl_arena_printf(arena, "%d", options->threads),
        "--dialect", options->dialect ? options->dialect : "trino",
        options->extensions ? "--extensions" : NULL, options->extensions,
    };
    size_t used = 0;
    for (; fixed[used]; used++)
        arguments[used] = fixed[used];
    if (options->lake) {
        arguments[used++] = "--lake";
        arguments[used++] = options->lake;
    }
    for (size_t i = 0; i < path_count; i++) {
        arguments[used++] = "--allow";
        arguments[used++] = tl_arena_strdup(arena, engine->paths[i]);
    }
    pthread_mutex_unlock(&engine->mutex);
    struct tl_process_options process = {.argv = arguments, .pass_fds = &secret_fd, .pass_fd_count = 1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    return tl_process_start(&process, &child->process, err);
}

static enum tl_code wait_until_it_greets(tl_engine *engine, struct tl_engine_child *child, struct tl_engine_connection **ret_connection,
                                         struct tl_err *err)
{
    int64_t start_us = tl_clock_monotonic_us();
    for (;;) {
        struct tl_err not_yet;
        int status;
        tl_err_init(&not_yet);
        if (tl_engine_connect_to(child, ret_connection, &not_yet) == TL_OK)
            return TL_OK;
        int64_t waited_us = tl_clock_monotonic_us() - start_us;
        if (tl_process_wait(child->process, waited_us < POLL_FAST_US ? POLL_FAST_MS : POLL_SLOW_MS, &status)) {
            char text[64];
            tl_process_status_text(status, text);
            bool said = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILED;
            return tl_err_set(err, TL_ENGINE_LOST, "%s before it was ready%s", text, said ? ": its own log line says why" : "");
        }
        if (waited_us > START_WAIT_US || engine->stopping)
            return tl_err_set(err, TL_ENGINE_LOST, "was not ready after %lld s", (long long)(waited_us / 1000000));
    }
}

static bool take_version(void *context, enum tl_wire_kind kind, struct tl_str body)
{
    struct tl_engine_child *child = context;
    struct tl_wire_reader reader = {.left = body};
    struct tl_err err;
    const tl_json *root;
    struct tl_str text = tl_wire_text(&reader);
    tl_err_init(&err);
    if (kind != TL_WIRE_TEXT || reader.failed)
        return false;
    tl_arena *arena = tl_arena_new(1024 * 1024);
    bool good = tl_json_parse(arena, text.data, text.size, &root, &err) == TL_OK;
    const char *version = good ? tl_json_get_text(root, "version") : NULL;
    snprintf(child->version, sizeof child->version, "%s", version ? version : "");
    tl_arena_free(arena);
    return good;
}

static bool ping(struct tl_engine_child *child, struct tl_engine_connection *connection)
{
    struct tl_request rq;
    struct tl_str end;
    size_t mark;
    tl_arena *arena = tl_arena_new(1024 * 1024);
    tl_request_init(&rq, arena);
    rq.deadline_us = tl_clock_monotonic_us() + PING_WAIT_MS * 1000;
    tl_wire_begin(&connection->out, TL_WIRE_HEALTH, &mark);
    tl_wire_end(&connection->out, mark);
    bool good = tl_engine_call(&rq, connection, take_version, child, &end) == TL_OK;
    tl_arena_free(arena);
    return good;
}

/* What is remembered, under the mutex as bytes: the sending may take its time. */
static void put_remembered(tl_engine *engine, struct tl_buf *out)
{
    pthread_mutex_lock(&engine->mutex);
    for (const struct tl_engine_remembered *source = engine->sources; source; source = source->next) {
        size_t mark;
        tl_wire_begin(out, TL_WIRE_SOURCE_PUT, &mark);
        tl_wire_put_config(out, &source->config);
        tl_wire_end(out, mark);
    }
    pthread_mutex_unlock(&engine->mutex);
}

/* A source that is refused now was good once: it is reported to whoever uses it, not here. */
static enum tl_code put_sources_again(tl_engine *engine, struct tl_engine_connection *connection, struct tl_err *err)
{
    struct tl_buf frames;
    tl_buf_init(&frames, TL_WIRE_FRAME_MAX);
    put_remembered(engine, &frames);
    for (size_t at = 0; at < frames.size && err->code == TL_OK;) {
        uint32_t size;
        enum tl_wire_kind kind;
        struct tl_str body;
        memcpy(&size, frames.data + at, sizeof size);
        tl_buf_add(&connection->out, frames.data + at, TL_WIRE_HEADER_SIZE + size);
        at += TL_WIRE_HEADER_SIZE + size;
        if (tl_engine_send(connection, err) == TL_OK && tl_engine_receive(connection, PING_WAIT_MS, &kind, &body, err) == TL_OK &&
            kind == 0)
            tl_err_set(err, TL_ENGINE_LOST, "did not answer");
    }
    if (frames.data)
        explicit_bzero(frames.data, frames.size); /* it held secrets */
    tl_buf_done(&frames);
    return err->code;
}

static struct tl_engine_child *new_child(tl_engine *engine)
{
    struct tl_engine_child *child = tl_heap_alloc(sizeof *child);
    tl_arena *arena = tl_arena_new(64 * 1024);
    pthread_mutex_lock(&engine->mutex);
    int life = ++engine->lives;
    engine->starting = child;
    pthread_mutex_unlock(&engine->mutex);
    snprintf(child->socket_path, sizeof child->socket_path, "%s/engine-%d.sock", engine->socket_directory, life);
    child->spill_directory = tl_heap_strdup(tl_arena_printf(arena, "%s/spill-%d", engine->options.directory, life));
    tl_arena_free(arena);
    return child;
}

/* A child that takes statements, or NULL with err. */
static struct tl_engine_child *start_child(tl_engine *engine, struct tl_err *err)
{
    struct tl_engine_child *child = new_child(engine);
    struct tl_engine_connection *connection = NULL;
    tl_arena *arena = tl_arena_new(16 * 1024 * 1024);
    int secret_fd = -1;
    if (secret_pipe(child, engine->options.mask_key, &secret_fd, err) == TL_OK) {
        enum tl_code code = spawn(engine, child, arena, secret_fd, err);
        close(secret_fd);
        if (code == TL_OK && wait_until_it_greets(engine, child, &connection, err) == TL_OK &&
            put_sources_again(engine, connection, err) == TL_OK && !ping(child, connection))
            tl_err_set(err, TL_ENGINE_LOST, "did not answer");
    }
    tl_arena_free(arena);
    if (connection)
        tl_engine_close_connection(connection);
    pthread_mutex_lock(&engine->mutex);
    engine->starting = NULL;
    pthread_mutex_unlock(&engine->mutex);
    if (err->code != TL_OK) {
        tl_engine_free_child(child);
        return NULL;
    }
    child->ready_at_us = tl_clock_monotonic_us();
    return child;
}

/* ---- watching ---- */

/* Under the mutex: nothing new goes to the child; it ends when its last connection is closed. */
static void retire(tl_engine *engine, struct tl_engine_child *child)
{
    for (struct tl_engine_connection *next; child->idle; child->idle = next) {
        next = child->idle->next;
        tl_engine_close_connection(child->idle);
        child->connections--;
    }
    child->idle_count = 0;
    child->retired_at_us = tl_clock_monotonic_us();
    child->next = engine->retired;
    engine->retired = child;
}

static void free_retired(tl_engine *engine)
{
    struct tl_engine_child *ended = NULL;
    int64_t now_us = tl_clock_monotonic_us();
    pthread_mutex_lock(&engine->mutex);
    for (struct tl_engine_child **link = &engine->retired; *link;) {
        struct tl_engine_child *child = *link;
        if (child->connections > 0 && now_us - child->retired_at_us > RETIRED_MAX_US)
            tl_process_signal(child->process, SIGKILL); /* its connections break and are closed */
        if (child->connections > 0) {
            link = &child->next;
            continue;
        }
        *link = child->next;
        child->next = ended;
        ended = child;
    }
    pthread_mutex_unlock(&engine->mutex);
    for (struct tl_engine_child *next; ended; ended = next) {
        next = ended->next;
        tl_engine_free_child(ended);
    }
}

static void note_failure(tl_engine *engine, const char *text)
{
    pthread_mutex_lock(&engine->mutex);
    snprintf(engine->last_failure, sizeof engine->last_failure, "%.255s", text);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
}

static void set_current(tl_engine *engine, struct tl_engine_child *child)
{
    pthread_mutex_lock(&engine->mutex);
    if (engine->child)
        retire(engine, engine->child);
    engine->child = child;
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
}

/* A path was added: another child takes over, this one finishes what it has. */
static void replace(tl_engine *engine, struct tl_engine_child *child)
{
    struct tl_err err;
    tl_err_init(&err);
    struct tl_engine_child *next = start_child(engine, &err);
    if (next) {
        set_current(engine, next);
        return;
    }
    pthread_mutex_lock(&engine->mutex);
    child->paths_version = engine->paths_version; /* the old one is better than none */
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->mutex);
}

static void status_text(int status, char text[256])
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_STUCK)
        snprintf(text, 256, "was ended because a statement did not stop when it was told to");
    else {
        char plain[64];
        tl_process_status_text(status, plain);
        snprintf(text, 256, "was %s", plain);
        if (WIFEXITED(status))
            snprintf(text, 256, "%s", plain);
    }
}

/* Does it still answer?  One that hangs as a whole is killed. */
static void check_answers(tl_engine *engine, struct tl_engine_child *child)
{
    struct tl_engine_connection *connection = NULL;
    struct tl_err err;
    tl_err_init(&err);
    bool good = tl_engine_connect_to(child, &connection, &err) == TL_OK && ping(child, connection);
    if (connection)
        tl_engine_close_connection(connection);
    pthread_mutex_lock(&engine->mutex);
    if (!good && !engine->stopping)
        tl_process_signal(child->process, SIGKILL);
    pthread_mutex_unlock(&engine->mutex);
}

/* Until the current child has ended or the engine is stopped; replacements become current on the way. */
static void watch(tl_engine *engine)
{
    int64_t pinged_us = tl_clock_monotonic_us();
    for (;;) {
        int status;
        char text[256];
        struct tl_engine_child *child = engine->child; /* only this thread changes it */
        if (tl_process_wait(child->process, WATCH_MS, &status)) {
            status_text(status, text);
            note_failure(engine, text);
            return;
        }
        free_retired(engine);
        pthread_mutex_lock(&engine->mutex);
        bool stopping = engine->stopping, stale = child->paths_version < engine->paths_version;
        pthread_mutex_unlock(&engine->mutex);
        if (stopping)
            return;
        if (stale)
            replace(engine, child);
        else if (tl_clock_monotonic_us() - pinged_us > PING_US) {
            check_answers(engine, child);
            pinged_us = tl_clock_monotonic_us();
        }
    }
}

/* The first death is answered at once; one that follows a short life waits, twice as long each time. */
static int64_t next_back_off(int64_t back_off_us, int64_t lived_us)
{
    if (lived_us > SHORT_LIFE_US)
        return 0;
    if (back_off_us == 0)
        return BACK_OFF_FIRST_US;
    return back_off_us * 2 < BACK_OFF_MAX_US ? back_off_us * 2 : BACK_OFF_MAX_US;
}

static void wait_to_start(tl_engine *engine, int64_t back_off_us)
{
    int64_t until_us = tl_clock_monotonic_us() + back_off_us;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    pthread_mutex_lock(&engine->mutex);
    engine->next_start_us = until_us;
    while (!engine->stopping && tl_clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&engine->changed, &engine->mutex, &until);
    pthread_mutex_unlock(&engine->mutex);
}

void *tl_engine_supervise(void *context)
{
    tl_engine *engine = context;
    remove_old_spills(engine);
    for (int64_t back_off_us = 0; !engine->stopping;) {
        struct tl_err err;
        tl_err_init(&err);
        int64_t lived_us = 0;
        struct tl_engine_child *child = start_child(engine, &err);
        if (child) {
            set_current(engine, child);
            watch(engine);
            lived_us = tl_clock_monotonic_us() - engine->child->ready_at_us;
            set_current(engine, NULL);
        } else {
            note_failure(engine, err.message);
        }
        free_retired(engine);
        back_off_us = next_back_off(back_off_us, lived_us);
        if (back_off_us > BACK_OFF_FIRST_US)
            wait_to_start(engine, back_off_us);
        pthread_mutex_lock(&engine->mutex);
        engine->restarts += !engine->stopping;
        pthread_mutex_unlock(&engine->mutex);
    }
    return NULL;
}

bool tl_engine_add_path(tl_engine *engine, const char *path)
{
    size_t size = strlen(path);
    for (size_t i = 0; i < engine->path_count; i++) {
        size_t known = strlen(engine->paths[i]);
        while (known > 1 && engine->paths[i][known - 1] == '/')
            known--;
        if (size >= known && strncmp(path, engine->paths[i], known) == 0 && (path[known] == '\0' || path[known] == '/'))
            return false;
    }
    engine->paths = tl_heap_grow(engine->paths, (engine->path_count + 1) * sizeof *engine->paths);
    engine->paths[engine->path_count++] = tl_heap_strdup(path);
    engine->paths_version++;
    return true;
}
