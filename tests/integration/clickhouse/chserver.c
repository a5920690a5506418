/* tests/integration/clickhouse/chserver.c -- a real ClickHouse server (HTTP and native TCP) for tests, out of libchdb.so.
 *
 * Why: libchdb 26.7 holds ClickHouse's programs/local with "SYSTEM START LISTEN HTTP|TCP" (the real handlers) and exports
 *   chdb_query_cmdline(argc, argv), which is `clickhouse local argv...`.  So a real server needs no container and no package.
 * How: start the listeners, write the ports they got, then block in a query that reads a pipe of ours.  The pipe is closed
 *   when standard input ends, on SIGTERM or SIGINT, or when the process given by --until-pid has gone; ClickHouse then
 *   shuts down in order.
 *
 * usage: chserver --lib LIBCHDB --dir DATA [--http PORT] [--tcp PORT|-] [--host 127.0.0.1] [--config FILE] [--init FILE]
 *                 [--until-pid PID] [-- clickhouse-local arguments...]
 * PORT 0 (the default) is chosen by the kernel; DATA/http_port and DATA/tcp_port hold the numbers once they listen.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 96, PATH_SIZE = 4096 };

struct options {
    const char *lib, *dir, *http, *tcp, *host, *config, *init;
    pid_t until_pid; /* 0 = until standard input ends */
    int rest;        /* index of the first argument that is for clickhouse-local */
};

static atomic_int life = -1; /* writing end of the pipe that keeps the server alive */

static void end_life(void)
{
    int fd = atomic_exchange(&life, -1);
    if (fd >= 0)
        close(fd);
}

static void on_signal(int number)
{
    static volatile sig_atomic_t count;
    (void)number;
    if (count++)
        _exit(1);
    end_life();
}

static void *watch_input(void *argument)
{
    int fd = *(int *)argument;
    char bytes[256];
    ssize_t size;
    do
        size = read(fd, bytes, sizeof bytes);
    while (size > 0 || (size < 0 && errno == EINTR));
    end_life();
    return NULL;
}

static void *watch_process(void *argument)
{
    struct pollfd one = {.fd = *(int *)argument, .events = POLLIN};
    while (poll(&one, 1, -1) < 0 && errno == EINTR)
        continue;
    end_life();
    return NULL;
}

/* One thread waits for whoever this server is for. */
static int start_watching(const struct options *options)
{
    static int fd;
    pthread_t thread;
    fd = options->until_pid ? (int)syscall(SYS_pidfd_open, options->until_pid, 0) : dup(0);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || null < 0 || dup2(null, 0) < 0)
        return -1;
    return pthread_create(&thread, NULL, options->until_pid ? watch_process : watch_input, &fd) ? -1 : 0;
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (!file || fstat(fileno(file), &info) != 0) {
        perror(path);
        exit(2);
    }
    size_t size = (size_t)info.st_size;
    char *text = calloc(1, size + 1);
    if (!text || fread(text, 1, size, file) != size) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return text;
}

static int take_option(struct options *options, const char *name, const char *value)
{
    struct {
        const char *name;
        const char **value;
    } known[] = {{"--lib", &options->lib},  {"--dir", &options->dir},   {"--http", &options->http},
                 {"--tcp", &options->tcp},  {"--host", &options->host}, {"--config", &options->config},
                 {"--init", &options->init}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(name, known[i].name) == 0) {
            *known[i].value = value;
            return 0;
        }
    }
    if (strcmp(name, "--until-pid") != 0)
        return -1;
    options->until_pid = (pid_t)strtol(value, NULL, 10);
    return options->until_pid > 0 ? 0 : -1;
}

static int read_options(struct options *options, int argc, char **argv)
{
    *options = (struct options){.lib = "libchdb.so", .http = "0", .tcp = "0", .host = "127.0.0.1"};
    int i = 1;
    for (; i < argc && strcmp(argv[i], "--") != 0; i += 2) {
        if (i + 1 >= argc || take_option(options, argv[i], argv[i + 1]) != 0) {
            fprintf(stderr, "chserver: unknown option or missing value: %s\n", argv[i]);
            return -1;
        }
    }
    options->rest = i + 1;
    if (options->dir && options->dir[0] == '/')
        return 0;
    fprintf(stderr, "chserver: --dir must be an absolute path\n");
    return -1;
}

/* The statements that start the listeners, write the ports and then wait for the pipe. */
static char *statements(const struct options *options, const char *http_file, const char *tcp_file, int life_reader)
{
    static const char write_port[] = "INSERT INTO FUNCTION file('%s', TSV, 'p UInt16') SELECT getServerPort('%s'); ";
    char *sql = NULL, *init = options->init ? read_text(options->init) : NULL;
    size_t size = 0;
    FILE *text = open_memstream(&sql, &size);
    if (!text)
        return NULL;
    if (init)
        fprintf(text, "%s; ", init);
    fputs("SYSTEM START LISTEN HTTP; ", text);
    if (strcmp(options->tcp, "-") != 0) {
        fputs("SYSTEM START LISTEN TCP; ", text);
        fprintf(text, write_port, tcp_file, "tcp_port");
    }
    fprintf(text, write_port, http_file, "http_port");
    fprintf(text, "SELECT count() FROM file('/dev/fd/%d', LineAsString)", life_reader);
    free(init);
    return fclose(text) == 0 ? sql : NULL;
}

static int arguments(const struct options *options, int argc, char **argv, char *sql, char **ret_arguments)
{
    const char *fixed[] = {"clickhouse-local", "--path",        options->dir,   "--listen_host",
                           options->host,      "--http_port",   options->http,  "--tcp_port",
                           options->tcp,       "--config-file", options->config};
    int count = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        bool without_tcp = (i == 7 || i == 8) && strcmp(options->tcp, "-") == 0;
        bool without_config = i >= 9 && !options->config;
        if (!without_tcp && !without_config)
            ret_arguments[count++] = strdup(fixed[i]);
    }
    for (int i = options->rest; i < argc && count < ARGUMENTS_MAX - 3; i++)
        ret_arguments[count++] = argv[i];
    ret_arguments[count++] = strdup("--query");
    ret_arguments[count++] = sql;
    ret_arguments[count] = NULL;
    return count;
}

int main(int argc, char **argv)
{
    struct options options;
    if (read_options(&options, argc, argv) != 0)
        return 2;
    char http_file[PATH_SIZE], tcp_file[PATH_SIZE];
    snprintf(http_file, sizeof http_file, "%s/http_port", options.dir);
    snprintf(tcp_file, sizeof tcp_file, "%s/tcp_port", options.dir);
    mkdir(options.dir, 0700);
    unlink(http_file);
    unlink(tcp_file);

    void *lib = dlopen(options.lib, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        fprintf(stderr, "chserver: %s\n", dlerror());
        return 1;
    }
    void *(*run)(int, char **) = (void *(*)(int, char **))dlsym(lib, "chdb_query_cmdline");
    const char *(*error_of)(void *) = (const char *(*)(void *))dlsym(lib, "chdb_result_error");
    int ends[2];
    if (!run || !error_of || pipe(ends) != 0 || start_watching(&options) != 0) {
        fprintf(stderr, "chserver: %s\n",
                run && error_of ? strerror(errno) : "no chdb_query_cmdline: libchdb 26.7 or newer is needed");
        return 1;
    }
    life = ends[1];
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGPIPE, SIG_IGN);

    char *inner[ARGUMENTS_MAX], *sql = statements(&options, http_file, tcp_file, ends[0]);
    void *result = sql ? run(arguments(&options, argc, argv, sql, inner), inner) : NULL;
    const char *error = result ? error_of(result) : "no result";
    /* clickhouse-local prints its own errors and still gives a result without one: then there is no port file */
    int failed = error != NULL || access(http_file, F_OK) != 0;
    if (error)
        fprintf(stderr, "chserver: %s\n", error);
    unlink(http_file);
    unlink(tcp_file);
    fflush(NULL);
    _exit(failed); /* the static destructors of libchdb take long and do nothing for us */
}
