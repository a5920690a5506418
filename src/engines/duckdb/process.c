#include "engines/duckdb/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "engines/duckdb/process_int.h"
#include "io/process.h"

enum { SECRET_FD = 3, THREADS_MAX = 1024, SESSION_STACK_BYTES = 8 * 1024 * 1024, ACCEPT_PAUSE_US = 10 * 1000 };

/* ---- the command line ---- */

static bool parse_number(const char *text, int64_t *ret_number)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end || number < 0)
        return false;
    *ret_number = number;
    return true;
}

static enum tl_code parse_one(struct tl_duckdb_options *options, const char **allowed, const char *name, const char *value, struct tl_err *err)
{
    int64_t threads = options->threads, secret_fd = options->secret_fd;
    const struct {
        const char *name;
        const char **text;
        int64_t *number;
    } known[] = {
        {"--socket", &options->socket_path, NULL},     {"--extensions", &options->extensions, NULL},
        {"--spill", &options->spill_directory, NULL},  {"--allow", &allowed[options->allowed_path_count], NULL},
        {"--memory", NULL, &options->memory_bytes},    {"--spill-limit", NULL, &options->spill_bytes},
        {"--threads", NULL, &threads},                 {"--secret-fd", NULL, &secret_fd},
        {"--dialect", &options->dialect, NULL},        {"--lake", &options->lake, NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0)
            continue;
        if (known[i].text)
            *known[i].text = value;
        else if (!parse_number(value, known[i].number))
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the option %s is not a number: \"%s\"", name, value);
        options->allowed_path_count += strcmp(name, "--allow") == 0;
        options->threads = (int)(threads < THREADS_MAX ? threads : THREADS_MAX);
        options->secret_fd = (int)(secret_fd < INT32_MAX ? secret_fd : -1);
        return TL_OK;
    }
    return tl_err_set(err, TL_INVALID_ARGUMENT, "there is no option %s", name);
}

enum tl_code tl_duckdb_options_parse(tl_arena *arena, int argc, char **argv, struct tl_duckdb_options *ret_options, struct tl_err *err)
{
    const char **allowed = TL_NEW_ARRAY(arena, const char *, argc + 1);
    struct tl_duckdb_options options = {.secret_fd = SECRET_FD};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the option %s needs a value", argv[i]);
        if (parse_one(&options, allowed, argv[i], argv[i + 1], err) != TL_OK)
            return err->code;
    }
    if (!options.socket_path)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the option --socket is needed");
    options.allowed_paths = allowed;
    *ret_options = options;
    return TL_OK;
}

/* ---- sessions ---- */

struct arrival {
    struct tl_duckdb_process *process;
    int fd;
};

static void *session_thread(void *context)
{
    struct arrival arrival = *(struct arrival *)context;
    free(context);
    tl_duckdb_session_main(arrival.process, arrival.fd);
    atomic_fetch_sub(&arrival.process->sessions, 1);
    return NULL;
}

static bool start_session(struct tl_duckdb_process *process, int fd)
{
    if (atomic_fetch_add(&process->sessions, 1) < TL_DUCKDB_SESSIONS_MAX) {
        struct arrival *arrival = tl_heap_alloc(sizeof *arrival);
        *arrival = (struct arrival){process, fd};
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, SESSION_STACK_BYTES); /* the engine's planner recurses */
        int failed = pthread_create(&thread, &attributes, session_thread, arrival);
        pthread_attr_destroy(&attributes);
        if (!failed)
            return true;
        free(arrival);
    }
    atomic_fetch_sub(&process->sessions, 1);
    return false;
}

static int accept_for_ever(struct tl_duckdb_process *process, int listen_fd)
{
    for (;;) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0 && !start_session(process, fd))
            close(fd);
        else if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS))
            usleep(ACCEPT_PAUSE_US);
        else if (fd < 0 && errno != EINTR && errno != ECONNABORTED)
            return TL_DUCKDB_EXIT_FAILED;
    }
}

/* ---- start ---- */

/* What libraries print must not reach anybody; who runs out of memory first must be this process, not its parent. */
static void settle(void)
{
    int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null_fd >= 0) {
        dup2(null_fd, STDOUT_FILENO);
        close(null_fd);
    }
    signal(SIGPIPE, SIG_IGN);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t ignored = write(fd, "500", 3);
        (void)ignored;
        close(fd);
    }
}

static enum tl_code read_secret(struct tl_duckdb_process *process, struct tl_err *err)
{
    bool clean_end;
    int fd = process->options->secret_fd;
    if (tl_fd_read_full(fd, process->secret, sizeof process->secret, &clean_end, err) != TL_OK)
        return tl_err_set(err, TL_CONFIG, "no secret of %d bytes came on descriptor %d", TL_WIRE_SECRET_SIZE, fd);
    if (tl_fd_read_full(fd, process->mask_key, sizeof process->mask_key, &clean_end, err) != TL_OK) {
        if (!clean_end)
            return err->code;
        tl_err_init(err); /* nobody gave one: hashes are of this process only */
        if (tl_random_bytes(process->mask_key, sizeof process->mask_key, err) != TL_OK)
            return err->code;
    }
    close(fd);
    return TL_OK;
}

static enum tl_code start(struct tl_duckdb_process *process, const struct tl_source_driver *const *drivers, size_t driver_count,
                          int *ret_listen_fd, struct tl_err *err)
{
    if (read_secret(process, err) != TL_OK)
        return err->code;
    process->sources = tl_duckdb_sources_new(drivers, driver_count);
    process->views = tl_duckdb_views_new();
    process->watchdog = tl_duckdb_watchdog_new();
    struct tl_hooks_calls calls = tl_duckdb_sources_calls(process->sources);
    if (!process->watchdog)
        return tl_err_set(err, TL_INTERNAL, "could not start a thread");
    if (tl_duckdb_open(process->options, &calls, &process->database, err) != TL_OK)
        return err->code;
    if (tl_duckdb_add_masks(process->database, process->mask_key, err) != TL_OK)
        return err->code;
    tl_duckdb_sources_set_database(process->sources, process->database);
    tl_duckdb_watchdog_set_database(process->watchdog, process->database);
    if (tl_duckdb_views_set_database(process->views, process->database, err) != TL_OK)
        return err->code;
    if (tl_unix_listen(process->options->socket_path, ret_listen_fd, err) != TL_OK)
        return err->code;
    /* what extensions drop in the working folder goes where spilled files are removed */
    const char *folder = process->options->spill_directory;
    if (folder && (tl_dir_make(folder, 0700, err) != TL_OK || chdir(folder) != 0))
        return tl_err_set(err, TL_CONFIG, "the spill folder \"%s\" cannot be used", folder);
    return TL_OK;
}

int tl_duckdb_process_run(const struct tl_duckdb_options *options, const struct tl_source_driver *const *drivers, size_t driver_count)
{
    static struct tl_duckdb_process process; /* sessions outlive this call when it fails */
    struct tl_err err;
    int listen_fd = -1;
    tl_err_init(&err);
    settle();
    process.options = options;
    if (start(&process, drivers, driver_count, &listen_fd, &err) == TL_OK)
        return accept_for_ever(&process, listen_fd);
    fprintf(stderr, "townlake-engine: %s%s%s\n", err.message, err.detail[0] ? ": " : "", err.detail);
    return TL_DUCKDB_EXIT_FAILED;
}
