/* One process a state folder: an flock that the kernel drops with the process, and a pid for the error message. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/store_int.h"

enum { PID_TEXT_BYTES = 32, PATH_BYTES_MAX = 4096 };

static enum tl_code in_use(int fd, const char *directory, struct tl_err *err)
{
    char text[PID_TEXT_BYTES] = "";
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    long pid = size > 0 ? strtol(text, NULL, 10) : 0;
    if (pid > 0)
        tl_err_set(err, TL_STATE, "the state folder \"%s\" is in use by process %ld", directory, pid);
    else
        tl_err_set(err, TL_STATE, "the state folder \"%s\" is in use by another process", directory);
    tl_err_hint(err, "stop that process, or give this one another state folder");
    return TL_STATE;
}

static enum tl_code cannot_open(const char *path, const char *directory, struct tl_err *err)
{
    int errno_value = errno;
    bool read_only = errno_value == EACCES || errno_value == EPERM || errno_value == EROFS;
    if (!read_only)
        return tl_err_errno(err, errno_value == ENOSPC ? TL_DISK_FULL : TL_STATE, errno_value,
                            "could not make the lock file \"%s\"", path);
    tl_err_errno(err, TL_STATE, errno_value, "the state folder \"%s\" is read-only", directory);
    tl_err_hint(err, "%s", STORE_HINT_READ_ONLY);
    return TL_STATE;
}

enum tl_code store_lock(const char *directory, int *ret_fd, struct tl_err *err)
{
    char path[PATH_BYTES_MAX], text[PID_TEXT_BYTES];
    int length = snprintf(path, sizeof path, "%s/state.lock", directory);
    if (length < 0 || (size_t)length >= sizeof path)
        return tl_err_set(err, TL_STATE, "the path of the state folder is longer than %d bytes", PATH_BYTES_MAX - 16);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return cannot_open(path, directory, err);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum tl_code code = errno == EWOULDBLOCK
                                ? in_use(fd, directory, err)
                                : tl_err_errno(err, TL_STATE, errno, "could not lock the file \"%s\"", path);
        close(fd);
        return code;
    }
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) != size) {
        int errno_value = errno;
        close(fd);
        return tl_err_errno(err, errno_value == ENOSPC ? TL_DISK_FULL : TL_STATE, errno_value,
                            "could not write the lock file \"%s\"", path);
    }
    *ret_fd = fd;
    return TL_OK;
}
