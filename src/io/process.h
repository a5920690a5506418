/* io/process.h -- child processes that die with us, and Unix sockets to talk to them.
 *
 * Why: what may crash or hang runs in a process that may be killed.
 * Children get PR_SET_PDEATHSIG SIGKILL, their own process group, closed descriptors but those given, and rlimits.
 * Threads: a tl_process may be waited on by one thread and signalled by others.
 */
#ifndef TL_IO_PROCESS_H
#define TL_IO_PROCESS_H

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct tl_process_options {
    const char *const *argv;        /* argv[0] is the path; NULL at the end */
    const char *const *environment; /* NULL = inherit */
    const int *pass_fds;            /* kept open under the same numbers */
    size_t pass_fd_count;
    int stdin_fd, stdout_fd, stderr_fd; /* -1 = inherit (stdin: /dev/null) */
    size_t memory_bytes_max;        /* RLIMIT_AS; 0 = none */
};

typedef struct tl_process tl_process;
TL_CHECKED enum tl_code tl_process_start(const struct tl_process_options *options, tl_process **ret_process, struct tl_err *err);
pid_t tl_process_pid(const tl_process *process);
/* Waits up to timeout_ms (-1 = for ever).  true = it has ended; *ret_status as waitpid gives it. */
bool tl_process_wait(tl_process *process, int timeout_ms, int *ret_status);
void tl_process_signal(tl_process *process, int signal_number);
/* Kills (SIGKILL, group), reaps, frees.  Returns NULL. */
tl_process *tl_process_end(tl_process *process);
/* "exited with status 3", "killed by signal 11 (SIGSEGV)" */
void tl_process_status_text(int status, char text[64]);

/* Full reads and writes, retrying EINTR and short counts.  read: TL_IO on end of file before size bytes
 * (*ret_clean_end true when no byte was read). */
TL_CHECKED enum tl_code tl_fd_read_full(int fd, void *bytes, size_t size, bool *ret_clean_end, struct tl_err *err);
TL_CHECKED enum tl_code tl_fd_write_full(int fd, const void *bytes, size_t size, struct tl_err *err);
/* Whole file into the buffer (bounded by its max_size). */
TL_CHECKED enum tl_code tl_file_read(const char *path, struct tl_buf *buf, struct tl_err *err);
/* Written beside, synced, renamed: readers see the old or the new bytes. mode e.g. 0600. */
TL_CHECKED enum tl_code tl_file_write(const char *path, const void *bytes, size_t size, unsigned mode, struct tl_err *err);
TL_CHECKED enum tl_code tl_dir_make(const char *path, unsigned mode, struct tl_err *err); /* with parents; existing is fine */
int64_t tl_dir_free_bytes(const char *path); /* -1 = unknown */
/* The folder of the running program. */
TL_CHECKED enum tl_code tl_program_dir(char *path, size_t size, struct tl_err *err);

/* Listening Unix stream socket at path (an old one is replaced), mode 0600. */
TL_CHECKED enum tl_code tl_unix_listen(const char *path, int *ret_fd, struct tl_err *err);
TL_CHECKED enum tl_code tl_unix_connect(const char *path, int *ret_fd, struct tl_err *err);

#endif
