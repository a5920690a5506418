/* Files, folders and descriptors of io/process.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/process.h"

enum { PATH_BYTES_MAX = 4096, READ_STEP_BYTES = 64 * 1024 };

/* A descriptor that others made non-blocking still gets the whole of its bytes. */
static bool retry_after_error(int fd, short events)
{
    if (errno == EINTR)
        return true;
    if (errno != EAGAIN)
        return false;
    struct pollfd wait = {.fd = fd, .events = events};
    return poll(&wait, 1, -1) >= 0 || errno == EINTR;
}

enum tl_code tl_fd_read_full(int fd, void *bytes, size_t size, bool *ret_clean_end, struct tl_err *err)
{
    if (ret_clean_end)
        *ret_clean_end = false;
    size_t done = 0;
    while (done < size) {
        ssize_t got = read(fd, (char *)bytes + done, size - done);
        if (got > 0) {
            done += (size_t)got;
        } else if (got == 0) {
            if (ret_clean_end)
                *ret_clean_end = done == 0;
            return tl_err_set(err, TL_IO, "the other side closed after %zu of %zu bytes", done, size);
        } else if (!retry_after_error(fd, POLLIN)) {
            return tl_err_errno(err, TL_IO, errno, "could not read %zu bytes", size - done);
        }
    }
    return TL_OK;
}

enum tl_code tl_fd_write_full(int fd, const void *bytes, size_t size, struct tl_err *err)
{
    bool is_socket = true;
    size_t done = 0;
    while (done < size) {
        const char *rest = (const char *)bytes + done;
        ssize_t put = is_socket ? send(fd, rest, size - done, MSG_NOSIGNAL) : write(fd, rest, size - done);
        if (put >= 0)
            done += (size_t)put;
        else if (is_socket && errno == ENOTSOCK)
            is_socket = false;
        else if (!retry_after_error(fd, POLLOUT))
            return tl_err_errno(err, TL_IO, errno, "could not write %zu bytes", size - done);
    }
    return TL_OK;
}

static enum tl_code file_failed(const char *path, const char *what, struct tl_err *err)
{
    int errno_value = errno;
    bool full = errno_value == ENOSPC || errno_value == EDQUOT;
    enum tl_code code = full ? TL_DISK_FULL : TL_IO;
    tl_err_errno(err, code, errno_value, "could not %s \"%s\"", what, path);
    if (full)
        tl_err_hint(err, "free some space on that file system");
    else if (errno_value == EACCES || errno_value == EPERM)
        tl_err_hint(err, "check the owner and the permissions of the path and its folders");
    return code;
}

/* One more piece of the file; *ret_end true at its end. */
static enum tl_code read_step(int fd, const char *path, struct tl_buf *buf, bool *ret_end, struct tl_err *err)
{
    size_t left = buf->max_size - buf->size;
    size_t want = left < READ_STEP_BYTES ? left : READ_STEP_BYTES;
    char beyond;
    char *room = want ? tl_buf_reserve(buf, want) : &beyond;
    if (!room)
        return tl_err_set(err, TL_TOO_LARGE, "file \"%s\" does not fit into %zu bytes", path, buf->max_size);
    ssize_t got;
    do
        got = read(fd, room, want ? want : 1);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return file_failed(path, "read file", err);
    if (got > 0 && !want)
        return tl_err_set(err, TL_TOO_LARGE, "file \"%s\" is larger than %zu bytes", path, buf->max_size);
    tl_buf_commit(buf, (size_t)got);
    *ret_end = got == 0;
    return TL_OK;
}

enum tl_code tl_file_read(const char *path, struct tl_buf *buf, struct tl_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_failed(path, "open file", err);
    enum tl_code code = TL_OK;
    bool end = false;
    while (code == TL_OK && !end)
        code = read_step(fd, path, buf, &end, err);
    close(fd);
    return code;
}

static enum tl_code sync_folder_of(const char *path, struct tl_err *err)
{
    char folder[PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_failed(folder, "open folder", err);
    enum tl_code code = fsync(fd) == 0 || errno == EINVAL ? TL_OK : file_failed(folder, "sync folder", err);
    close(fd);
    return code;
}

static enum tl_code fill_file(int fd, const char *path, const void *bytes, size_t size, unsigned mode,
                              struct tl_err *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t put = write(fd, (const char *)bytes + done, size - done);
        if (put < 0 && errno != EINTR)
            return file_failed(path, "write file", err);
        done += put > 0 ? (size_t)put : 0;
    }
    if (fchmod(fd, (mode_t)mode) != 0 || fsync(fd) != 0)
        return file_failed(path, "write file", err);
    return TL_OK;
}

enum tl_code tl_file_write(const char *path, const void *bytes, size_t size, unsigned mode, struct tl_err *err)
{
    char beside[PATH_BYTES_MAX];
    int length = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof beside)
        return tl_err_set(err, TL_IO, "the path of a file is longer than %d bytes", PATH_BYTES_MAX);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return file_failed(path, "write file", err);
    enum tl_code code = fill_file(fd, path, bytes, size, mode, err);
    if (close(fd) != 0 && code == TL_OK)
        code = file_failed(path, "write file", err);
    if (code == TL_OK && rename(beside, path) != 0)
        code = file_failed(path, "replace file", err);
    if (code != TL_OK) {
        unlink(beside);
        return code;
    }
    return sync_folder_of(path, err);
}

static enum tl_code make_one_folder(const char *path, unsigned mode, struct tl_err *err)
{
    if (mkdir(path, (mode_t)mode) == 0)
        return TL_OK;
    int errno_value = errno;
    struct stat info;
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode))
            return TL_OK;
        tl_err_set(err, TL_IO, "\"%s\" is not a folder", path);
        tl_err_hint(err, "choose another path, or move that file away");
        return TL_IO;
    }
    errno = errno_value;
    return file_failed(path, "make folder", err);
}

enum tl_code tl_dir_make(const char *path, unsigned mode, struct tl_err *err)
{
    char part[PATH_BYTES_MAX];
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof part)
        return tl_err_set(err, TL_IO, "the path of a folder has %zu bytes; it may have 1 to %d", size,
                          PATH_BYTES_MAX - 1);
    memcpy(part, path, size + 1);
    for (size_t i = 1; i < size; i++) {
        if (part[i] != '/' || part[i - 1] == '/')
            continue;
        part[i] = '\0';
        enum tl_code code = make_one_folder(part, mode, err);
        part[i] = '/';
        if (code != TL_OK)
            return code;
    }
    return make_one_folder(path, mode, err);
}

int64_t tl_dir_free_bytes(const char *path)
{
    struct statvfs info;
    if (statvfs(path, &info) != 0)
        return -1;
    return (int64_t)info.f_bavail * (int64_t)info.f_frsize;
}

enum tl_code tl_program_dir(char *path, size_t size, struct tl_err *err)
{
    char program[PATH_BYTES_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length < 0)
        return tl_err_errno(err, TL_IO, errno, "could not find the folder of the program");
    program[length] = '\0';
    char *slash = strrchr(program, '/');
    size_t folder_size = slash == program ? 1 : slash ? (size_t)(slash - program) : 0;
    if (folder_size == 0 || folder_size >= size)
        return tl_err_set(err, TL_IO, "the path of the program's folder does not fit into %zu bytes", size);
    memcpy(path, program, folder_size);
    path[folder_size] = '\0';
    return TL_OK;
}
