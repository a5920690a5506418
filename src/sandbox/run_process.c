/* Starts the process with one socket and nothing else, and sees it dead. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "sandbox/run_int.h"

/* posix_spawn does not copy the daemon's page tables, and blocks this thread only until the program runs. */
static int spawn(const char *program, int fd, pid_t *ret_pid)
{
    char parent[24];
    snprintf(parent, sizeof parent, "%ld", (long)getpid());
    char name[] = "townlake-sandbox", zone[] = "TZ=UTC0";
    char *argv[] = {name, parent, NULL}, *environment[] = {zone, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, fd, TL_FRAME_FD);
    posix_spawn_file_actions_addclosefrom_np(&actions, TL_FRAME_FD + 1);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    int failed = posix_spawn(ret_pid, program, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

enum tl_code run_process_start(struct tl_sandbox_run *run, struct tl_err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return tl_err_errno(err, TL_IO, errno, "could not make a socket for the sandbox");
    int failed = spawn(run->job.program, pair[1], &run->pid);
    close(pair[1]);
    if (failed) {
        close(pair[0]);
        run->pid = 0;
        tl_err_errno(err, TL_IO, failed, "could not start the sandbox \"%s\"", run->job.program);
        tl_err_hint(err, "check that the file exists and may be executed; it is installed beside townlake-engine");
        return TL_IO;
    }
    run->fd = pair[0];
    return TL_OK;
}

/* Of the living process: what wait4 tells counts the daemon's own memory, which the process was in before it became the program. */
static size_t resident_bytes_max(pid_t pid)
{
    char path[40], text[4096];
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = 0;
    const char *line = strstr(text, "VmHWM:");
    return line ? (size_t)strtoull(line + sizeof "VmHWM:" - 1, NULL, 10) * 1024 : 0;
}

static void tell_death(struct tl_sandbox_run *run, int status)
{
    char text[96];
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (number == SIGSYS) {
        run_end(run, TL_SANDBOX_VIOLATION, "the sandbox was killed: it made a system call that it may not make");
    } else if (number == SIGXCPU) {
        run_end(run, TL_SANDBOX_CPU, NULL);
    } else {
        snprintf(text, sizeof text, number ? "the sandbox was killed by signal %d" : "the sandbox ended with status %d",
                 number ? number : WEXITSTATUS(status));
        run_end(run, TL_SANDBOX_LOST, text);
    }
}

void run_process_end(struct tl_sandbox_run *run)
{
    struct rusage used = {0};
    int status = 0;
    if (run->told) {
        run->result->resident_bytes_max = resident_bytes_max(run->pid);
        kill(run->pid, SIGKILL);
    } /* else it has closed its end of the socket, which it does only by ending */
    while (wait4(run->pid, &status, 0, &used) < 0 && errno == EINTR)
        ;
    if (!run->told)
        tell_death(run, status);
    run->result->cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * (int64_t)1000000 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    run->result->wall_us = tl_clock_monotonic_us() - run->start_us;
    close(run->fd);
    run->fd = -1;
    run->pid = 0;
}
