#include "io/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* Where a child that could not become the program stopped; sent to us through a pipe that a successful exec closes. */
enum child_step { STEP_STANDARD_FDS, STEP_PASS_FDS, STEP_MEMORY, STEP_EXEC };

struct child_failure {
    enum child_step step;
    int errno_value;
};

struct tl_process {
    pid_t pid;
    int pid_fd; /* -1 where the kernel has none */
    pthread_mutex_t mutex;
    bool ended; /* reaped: the pid may belong to somebody else by now */
    int status;
};

/* PR_SET_PDEATHSIG fires when the *thread* that forked ends, so one thread that lives on with the process forks all. */
static struct {
    pthread_mutex_t caller; /* one start at a time */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pid_t owner; /* the process whose thread it is: a fork has none */
    const struct tl_process_options *wanted;
    int failure_fd;
    pid_t made;
    int errno_value;
} spawner = {.caller = PTHREAD_MUTEX_INITIALIZER,
             .mutex = PTHREAD_MUTEX_INITIALIZER,
             .changed = PTHREAD_COND_INITIALIZER};

enum { SPAWNER_STACK_BYTES = 256 * 1024, FD_SCAN_MAX = 65536, FD_ABOVE_STANDARD = 10 };

/* ---- in the child: only calls that are safe between fork and exec ---- */

_Noreturn static void child_fail(int failure_fd, enum child_step step)
{
    struct child_failure failure = {step, errno};
    ssize_t ignored = write(failure_fd, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

static void child_reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_set_standard_fds(const struct tl_process_options *options, int failure_fd)
{
    int given[3] = {options->stdin_fd, options->stdout_fd, options->stderr_fd};
    int moved[3];
    for (int i = 0; i < 3; i++) {
        int fd = given[i] >= 0 ? given[i] : i == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : i;
        moved[i] = fcntl(fd, F_DUPFD_CLOEXEC, FD_ABOVE_STANDARD);
        if (moved[i] < 0 && given[i] >= 0)
            child_fail(failure_fd, STEP_STANDARD_FDS);
    }
    for (int i = 0; i < 3; i++)
        if (moved[i] >= 0 && dup2(moved[i], i) < 0)
            child_fail(failure_fd, STEP_STANDARD_FDS);
}

static void child_close_others(const struct tl_process_options *options, int failure_fd)
{
    if (syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) != 0) {
        struct rlimit files = {.rlim_cur = FD_SCAN_MAX};
        getrlimit(RLIMIT_NOFILE, &files);
        for (int fd = 3; fd < FD_SCAN_MAX && (rlim_t)fd < files.rlim_cur; fd++)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    for (size_t i = 0; i < options->pass_fd_count; i++)
        if (fcntl(options->pass_fds[i], F_SETFD, 0) < 0)
            child_fail(failure_fd, STEP_PASS_FDS);
}

_Noreturn static void child_run(const struct tl_process_options *options, int failure_fd, pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the line above */
        _exit(127);
    child_reset_signals();
    child_set_standard_fds(options, failure_fd);
    child_close_others(options, failure_fd);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (options->memory_bytes_max) {
        struct rlimit memory = {options->memory_bytes_max, options->memory_bytes_max};
        if (setrlimit(RLIMIT_AS, &memory) != 0)
            child_fail(failure_fd, STEP_MEMORY);
    }
    char *const *environment = options->environment ? (char *const *)(uintptr_t)options->environment : environ;
    execve(options->argv[0], (char *const *)(uintptr_t)options->argv, environment);
    child_fail(failure_fd, STEP_EXEC);
}

/* ---- the thread that forks ---- */

static pid_t fork_child(const struct tl_process_options *options, int failure_fd)
{
    pid_t parent = getpid();
    sigset_t all, before;
    sigfillset(&all); /* no handler of ours may run in the child before its signals are reset */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        child_run(options, failure_fd, parent);
    int errno_value = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = errno_value;
    return pid;
}

static void *spawner_main(void *unused)
{
    (void)unused;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_mutex_lock(&spawner.mutex);
    for (;;) {
        while (!spawner.wanted)
            pthread_cond_wait(&spawner.changed, &spawner.mutex);
        spawner.made = fork_child(spawner.wanted, spawner.failure_fd);
        spawner.errno_value = errno;
        spawner.wanted = NULL;
        pthread_cond_broadcast(&spawner.changed);
    }
    return NULL;
}

/* Under both mutexes. */
static int spawner_start(void)
{
    if (spawner.owner == getpid())
        return 0;
    pthread_cond_init(&spawner.changed, NULL); /* a fork may have copied it with waiters in it */
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SPAWNER_STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int failed = pthread_create(&thread, &attributes, spawner_main, NULL);
    pthread_attr_destroy(&attributes);
    if (!failed)
        spawner.owner = getpid();
    return failed;
}

/* The pid, or -1 with errno set. */
static pid_t spawn(const struct tl_process_options *options, int failure_fd)
{
    pthread_mutex_lock(&spawner.caller);
    pthread_mutex_lock(&spawner.mutex);
    int failed = spawner_start();
    pid_t pid = -1;
    if (!failed) {
        spawner.failure_fd = failure_fd;
        spawner.wanted = options;
        pthread_cond_broadcast(&spawner.changed);
        while (spawner.wanted)
            pthread_cond_wait(&spawner.changed, &spawner.mutex);
        pid = spawner.made;
        failed = spawner.errno_value;
    }
    pthread_mutex_unlock(&spawner.mutex);
    pthread_mutex_unlock(&spawner.caller);
    errno = failed;
    return pid;
}

/* ---- starting ---- */

static enum tl_code report_child_failure(const struct tl_process_options *options, const struct child_failure *failure,
                                         struct tl_err *err)
{
    static const char *const steps[] = {"its standard streams could not be set", "a descriptor to pass on is not open",
                                        "its memory limit could not be set", "it could not be run"};
    tl_err_errno(err, TL_IO, failure->errno_value, "could not start the program \"%s\"", options->argv[0]);
    tl_err_detail(err, "%s", steps[failure->step]);
    if (failure->step == STEP_EXEC)
        tl_err_hint(err, "check that the file exists and may be executed");
    return TL_IO;
}

static int open_pid_fd(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

enum tl_code tl_process_start(const struct tl_process_options *options, tl_process **ret_process, struct tl_err *err)
{
    int failure_pipe[2];
    if (pipe2(failure_pipe, O_CLOEXEC) != 0)
        return tl_err_errno(err, TL_IO, errno, "could not make a pipe for the program \"%s\"", options->argv[0]);
    pid_t pid = spawn(options, failure_pipe[1]);
    int errno_value = errno;
    close(failure_pipe[1]);
    if (pid < 0) {
        close(failure_pipe[0]);
        return tl_err_errno(err, TL_IO, errno_value, "could not start the program \"%s\"", options->argv[0]);
    }
    struct child_failure failure;
    ssize_t got;
    do
        got = read(failure_pipe[0], &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    close(failure_pipe[0]);
    if (got == (ssize_t)sizeof failure) {
        waitpid(pid, NULL, 0);
        return report_child_failure(options, &failure, err);
    }
    tl_process *process = tl_heap_alloc(sizeof *process);
    process->pid = pid;
    process->pid_fd = open_pid_fd(pid);
    pthread_mutex_init(&process->mutex, NULL);
    *ret_process = process;
    return TL_OK;
}

pid_t tl_process_pid(const tl_process *process)
{
    return process->pid;
}

/* ---- ending ---- */

/* Under the mutex.  While the child is a zombie its number cannot be given away: what is left of its group is killed
 * before it is reaped. */
static bool reap(tl_process *process, int flags)
{
    if (process->ended)
        return true;
    siginfo_t info = {.si_pid = 0};
    int result;
    do
        result = waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOWAIT | flags);
    while (result != 0 && errno == EINTR);
    if (result == 0 && info.si_pid == 0)
        return false;
    kill(-process->pid, SIGKILL);
    if (waitpid(process->pid, &process->status, 0) != process->pid)
        process->status = 0;
    process->ended = true;
    return true;
}

/* Waits until the child may have ended; false when time is up. */
static bool wait_for_end(const tl_process *process, int64_t end_us)
{
    enum { STEP_MS = 5 };
    int64_t left_us = end_us < 0 ? -1 : end_us - tl_clock_monotonic_us();
    if (end_us >= 0 && left_us <= 0)
        return false;
    int timeout_ms = end_us < 0 ? -1 : (int)((left_us + 999) / 1000);
    if (process->pid_fd < 0)
        timeout_ms = timeout_ms < 0 || timeout_ms > STEP_MS ? STEP_MS : timeout_ms;
    struct pollfd wait = {.fd = process->pid_fd, .events = POLLIN};
    poll(&wait, process->pid_fd < 0 ? 0 : 1, timeout_ms);
    return true;
}

bool tl_process_wait(tl_process *process, int timeout_ms, int *ret_status)
{
    int64_t end_us = timeout_ms < 0 ? -1 : tl_clock_monotonic_us() + (int64_t)timeout_ms * 1000;
    for (;;) {
        pthread_mutex_lock(&process->mutex);
        bool ended = reap(process, WNOHANG);
        if (ended && ret_status)
            *ret_status = process->status;
        pthread_mutex_unlock(&process->mutex);
        if (ended)
            return true;
        if (!wait_for_end(process, end_us))
            return false;
    }
}

void tl_process_signal(tl_process *process, int signal_number)
{
    pthread_mutex_lock(&process->mutex);
    if (!process->ended)
        kill(process->pid, signal_number);
    pthread_mutex_unlock(&process->mutex);
}

tl_process *tl_process_end(tl_process *process)
{
    if (!process)
        return NULL;
    pthread_mutex_lock(&process->mutex);
    if (!process->ended) {
        kill(-process->pid, SIGKILL);
        kill(process->pid, SIGKILL);
        reap(process, 0);
    }
    pthread_mutex_unlock(&process->mutex);
    pthread_mutex_destroy(&process->mutex);
    if (process->pid_fd >= 0)
        close(process->pid_fd);
    free(process);
    return NULL;
}

void tl_process_status_text(int status, char text[64])
{
    if (WIFEXITED(status)) {
        snprintf(text, 64, "exited with status %d", WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        snprintf(text, 64, "killed by signal %d (SIG%s)", WTERMSIG(status), name ? name : "?");
    } else {
        snprintf(text, 64, "ended with wait status %d", status);
    }
}
