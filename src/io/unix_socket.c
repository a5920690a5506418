/* Unix sockets of io/process.h. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/process.h"

enum { BACKLOG = 128 };

static enum tl_code make_address(const char *path, struct sockaddr_un *address, struct tl_err *err)
{
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof address->sun_path) {
        tl_err_set(err, TL_IO, "the socket path \"%s\" has %zu bytes; it may have 1 to %zu", path, size,
                   sizeof address->sun_path - 1);
        tl_err_hint(err, "choose a folder with a shorter path");
        return TL_IO;
    }
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, size + 1);
    return TL_OK;
}

/* Only a socket is replaced: any other file at that path is somebody's data. */
static enum tl_code remove_old(const char *path, struct tl_err *err)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return TL_OK;
    if (!S_ISSOCK(info.st_mode)) {
        tl_err_set(err, TL_IO, "\"%s\" exists and is not a socket", path);
        tl_err_hint(err, "choose another path, or move that file away");
        return TL_IO;
    }
    if (unlink(path) != 0 && errno != ENOENT)
        return tl_err_errno(err, TL_IO, errno, "could not replace the socket \"%s\"", path);
    return TL_OK;
}

enum tl_code tl_unix_listen(const char *path, int *ret_fd, struct tl_err *err)
{
    struct sockaddr_un address;
    enum tl_code code = make_address(path, &address, err);
    if (code == TL_OK)
        code = remove_old(path, err);
    if (code != TL_OK)
        return code;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return tl_err_errno(err, TL_IO, errno, "could not make a socket");
    /* Nobody can connect before listen, so the mode is in force before the first client. */
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0600) != 0 ||
        listen(fd, BACKLOG) != 0) {
        code = tl_err_errno(err, TL_IO, errno, "could not listen on the socket \"%s\"", path);
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return TL_OK;
}

/* A connect that a signal interrupted goes on by itself. */
static int finish_connect(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    while (poll(&wait, 1, -1) < 0)
        if (errno != EINTR)
            return -1;
    int failed = 0;
    socklen_t size = sizeof failed;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0)
        return -1;
    errno = failed;
    return failed ? -1 : 0;
}

enum tl_code tl_unix_connect(const char *path, int *ret_fd, struct tl_err *err)
{
    struct sockaddr_un address;
    enum tl_code code = make_address(path, &address, err);
    if (code != TL_OK)
        return code;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return tl_err_errno(err, TL_IO, errno, "could not make a socket");
    int result = connect(fd, (struct sockaddr *)&address, sizeof address);
    if (result != 0 && errno == EINTR)
        result = finish_connect(fd);
    if (result != 0) {
        code = tl_err_errno(err, TL_IO, errno, "could not connect to the socket \"%s\"", path);
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return TL_OK;
}
