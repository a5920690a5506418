/* townlake-worker: values of other people's tables are looked at here, where a crash or a takeover reaches nothing.
 * Started by `serve` with a socket as its standard input; nobody else needs to. */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "detectors/worker_int.h"

enum { FILES_MAX = 8 };

/* No new rights, no memory that others may read, no processes, no files beyond those it has. */
static bool lock_down(void)
{
    const struct rlimit none = {0, 0}, files = {FILES_MAX, FILES_MAX};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_DUMPABLE, 0) == 0 && setrlimit(RLIMIT_CORE, &none) == 0 &&
           setrlimit(RLIMIT_FSIZE, &none) == 0 && setrlimit(RLIMIT_NPROC, &none) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0;
}

static bool is_socket(int fd)
{
    struct stat about;
    return fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc != 1 || !is_socket(STDIN_FILENO) || !lock_down()) {
        fputs("townlake-worker is started by townlake serve\n", stderr);
        return 2;
    }
    return worker_serve(STDIN_FILENO);
}
