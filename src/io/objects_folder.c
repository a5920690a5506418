/* Objects in a folder of this machine.  Every path is walked from the root's own descriptor, one name at a time, never through a
 * link: what was checked is what is used. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "io/objects_int.h"
#include "io/process.h"

enum { FOLDER_MODE = 0750, FILE_MODE = 0640, SUFFIX_BYTES = 6, READ_STEP_MAX = 1 << 20 };
enum { OPEN_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static enum tl_code failed(const tl_objects *objects, const char *what, const char *key, int errno_value, struct tl_err *err)
{
    if (errno_value == ENOENT)
        return objects_missing(objects, key, err);
    if (errno_value == ELOOP || errno_value == ENOTDIR)
        return objects_refuse(objects, key, errno_value == ELOOP ? "a part of it is a symbolic link" : "a part of it is no folder", err);
    bool full = errno_value == ENOSPC || errno_value == EDQUOT;
    tl_err_errno(err, full ? TL_DISK_FULL : TL_IO, errno_value, "could not %s \"%.300s/%.400s\"", what, objects->folder, key);
    if (full)
        tl_err_hint(err, "free some space on that file system");
    return err->code;
}

/* O_NOFOLLOW with O_DIRECTORY tells a link as ENOTDIR. */
static int open_folder_at(int folder, const char *name)
{
    int fd = openat(folder, name, OPEN_FOLDER);
    struct stat info;
    if (fd < 0 && errno == ENOTDIR && fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0)
        errno = S_ISLNK(info.st_mode) ? ELOOP : ENOTDIR;
    return fd;
}

/* The next name of the key, copied; the rest of the key behind it, NULL after the last. */
static const char *next_name(const char *key, char name[OBJECTS_NAME_MAX + 1])
{
    size_t size = strcspn(key, "/");
    memcpy(name, key, size); /* find_key has seen the size */
    name[size] = '\0';
    return key[size] ? key + size + 1 : NULL;
}

/* Step into one folder; `made`: it was not there and is now, so the folder around it must be synced. */
static int step(int folder, const char *name, bool make, bool *ret_made)
{
    int fd = open_folder_at(folder, name);
    if (fd >= 0 || errno != ENOENT || !make)
        return fd;
    if (mkdirat(folder, name, FOLDER_MODE) == 0)
        *ret_made = true;
    else if (errno != EEXIST)
        return -1;
    return open_folder_at(folder, name);
}

/* The folder that holds the key's last name (or the key itself, `whole`); -1 and errno. */
static int walk(const tl_objects *objects, const char *key, bool whole, bool make, char name[OBJECTS_NAME_MAX + 1])
{
    int folder = fcntl(objects->folder_fd, F_DUPFD_CLOEXEC, 0);
    const char *rest = next_name(key, name);
    while (folder >= 0 && (rest || whole)) {
        bool made = false;
        int inner = step(folder, name, make, &made), problem = errno;
        if (inner >= 0 && made && fsync(folder) != 0) {
            problem = errno;
            close(inner);
            inner = -1;
        }
        close(folder);
        errno = problem;
        folder = inner;
        if (!rest)
            break;
        rest = next_name(rest, name);
    }
    return folder;
}

static enum tl_code folder_check(const tl_objects *objects, const char *text, const char *key, struct tl_err *err)
{
    char name[OBJECTS_NAME_MAX + 1];
    struct stat info;
    int folder = walk(objects, key, false, false, name), problem = errno;
    if (folder < 0)
        return problem == ENOENT ? TL_OK : failed(objects, "look at", problem == ELOOP || problem == ENOTDIR ? text : key, problem, err);
    bool link = fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
    close(folder);
    return link ? objects_refuse(objects, text, "a part of it is a symbolic link", err) : TL_OK;
}

/* A regular file, opened; -1 and errno. */
static int open_file(const tl_objects *objects, const char *key, struct stat *ret_info)
{
    char name[OBJECTS_NAME_MAX + 1];
    int folder = walk(objects, key, false, false, name);
    if (folder < 0)
        return -1;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), problem = errno; /* a pipe must not hold us */
    close(folder);
    if (fd >= 0 && (fstat(fd, ret_info) != 0 || !S_ISREG(ret_info->st_mode))) {
        close(fd);
        fd = -1;
        problem = ENOENT;
    }
    errno = problem;
    return fd;
}

static enum tl_code read_open(int fd, const tl_objects *objects, const char *key, int64_t offset, size_t size, struct tl_buf *buf,
                              struct tl_err *err)
{
    while (size > 0) {
        size_t want = size < READ_STEP_MAX ? size : READ_STEP_MAX;
        char *room = tl_buf_reserve(buf, want);
        if (!room)
            return tl_err_set(err, TL_TOO_LARGE, "\"%.300s/%.400s\" does not fit into %zu bytes", objects->root, key, buf->max_size);
        ssize_t got = pread(fd, room, want, offset);
        if (got < 0 && errno != EINTR)
            return failed(objects, "read", key, errno, err);
        if (got == 0)
            break;
        if (got > 0) {
            tl_buf_commit(buf, (size_t)got);
            size -= (size_t)got;
            offset += got;
        }
    }
    return TL_OK;
}

static enum tl_code folder_open(tl_objects *objects, const char *key, int *ret_fd, struct tl_err *err)
{
    struct stat info;
    *ret_fd = open_file(objects, key, &info);
    return *ret_fd < 0 ? failed(objects, "open", key, errno, err) : TL_OK;
}

static enum tl_code folder_read(tl_objects *objects, const char *key, int64_t offset, size_t size, struct tl_buf *buf, struct tl_err *err)
{
    struct stat info;
    int fd = open_file(objects, key, &info);
    if (fd < 0)
        return failed(objects, "open", key, errno, err);
    size_t left = info.st_size > offset ? (size_t)(info.st_size - offset) : 0;
    enum tl_code code = read_open(fd, objects, key, offset, size < left ? size : left, buf, err);
    close(fd);
    return code;
}

static int fill(int fd, struct tl_str bytes)
{
    for (size_t done = 0; done < bytes.size;) {
        ssize_t put = write(fd, bytes.data + done, bytes.size - done);
        if (put < 0 && errno != EINTR)
            return -1;
        done += put > 0 ? (size_t)put : 0;
    }
    return fsync(fd);
}

/* Under its name at once and only whole; errno tells what failed. */
static int put_file(int folder, const char *name, const char *beside, struct tl_str bytes, bool if_absent)
{
    int fd = openat(folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return -1;
    int done = fill(fd, bytes), problem = errno;
    if (close(fd) != 0 && done == 0) {
        done = -1;
        problem = errno;
    }
    if (done == 0 && (if_absent ? linkat(folder, beside, folder, name, 0) : renameat(folder, beside, folder, name)) != 0) {
        done = -1;
        problem = errno;
    }
    if (done != 0 || if_absent)
        unlinkat(folder, beside, 0);
    if (done == 0 && fsync(folder) != 0) {
        done = -1;
        problem = errno;
    }
    errno = problem;
    return done;
}

static enum tl_code folder_write(tl_objects *objects, const char *key, struct tl_str bytes, bool if_absent, struct tl_err *err)
{
    char name[OBJECTS_NAME_MAX + 1], beside[32], digits[2 * SUFFIX_BYTES + 1];
    if (tl_random_hex(digits, SUFFIX_BYTES, err) != TL_OK)
        return err->code;
    snprintf(beside, sizeof beside, ".unfinished-%s", digits);
    int folder = walk(objects, key, false, true, name);
    if (folder < 0)
        return failed(objects, "make a folder for", key, errno, err);
    int done = put_file(folder, name, beside, bytes, if_absent), problem = errno;
    close(folder);
    if (done == 0)
        return TL_OK;
    if (problem == EEXIST)
        return tl_err_set(err, TL_ALREADY_EXISTS, "\"%.300s/%.400s\" exists already", objects->root, key);
    return failed(objects, "write", key, problem, err);
}

static enum tl_code folder_size(tl_objects *objects, const char *key, int64_t *ret_size, struct tl_err *err)
{
    struct stat info;
    int fd = open_file(objects, key, &info);
    if (fd < 0)
        return failed(objects, "open", key, errno, err);
    close(fd);
    *ret_size = info.st_size;
    return TL_OK;
}

static enum tl_code folder_remove(tl_objects *objects, const char *key, struct tl_err *err)
{
    char name[OBJECTS_NAME_MAX + 1];
    int folder = walk(objects, key, false, false, name);
    if (folder < 0)
        return errno == ENOENT ? TL_OK : failed(objects, "remove", key, errno, err);
    int done = unlinkat(folder, name, 0), problem = errno;
    close(folder);
    return done == 0 || problem == ENOENT ? TL_OK : failed(objects, "remove", key, problem, err);
}

/* --- all below a folder --- */

struct listing {
    tl_objects *objects;
    tl_object_each each;
    void *context;
    char location[OBJECTS_LOCATION_MAX + 16]; /* of the folder being read, then of the file in it */
    struct tl_err *err;
};

static enum tl_code list_folder(struct listing *listing, int folder, int depth);

static enum tl_code list_entry(struct listing *listing, int folder, const char *name, int depth)
{
    struct stat info;
    size_t size = strlen(listing->location);
    if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)))
        return TL_OK;
    int length = snprintf(listing->location + size, sizeof listing->location - size, "/%s", name);
    enum tl_code code = TL_OK;
    if (length < 0 || (size_t)length >= sizeof listing->location - size) {
        code = tl_err_set(listing->err, TL_TOO_LARGE, "a location below \"%.300s\" is longer than %d bytes", listing->objects->root,
                          OBJECTS_LOCATION_MAX);
    } else if (S_ISDIR(info.st_mode)) {
        int inner = open_folder_at(folder, name);
        if (inner >= 0)
            code = list_folder(listing, inner, depth + 1);
    } else {
        struct tl_object_info object = {listing->location, info.st_size, info.st_mtim.tv_sec * 1000LL + info.st_mtim.tv_nsec / 1000000};
        code = listing->each(listing->context, &object, listing->err);
    }
    listing->location[size] = '\0';
    return code;
}

static enum tl_code list_folder(struct listing *listing, int folder, int depth)
{
    DIR *entries = depth > OBJECTS_DEPTH_MAX ? NULL : fdopendir(folder);
    if (!entries) {
        close(folder);
        return tl_err_set(listing->err, TL_IO, "could not list \"%.800s\"", listing->location);
    }
    enum tl_code code = TL_OK;
    for (struct dirent *entry; code == TL_OK && (entry = readdir(entries));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            code = list_entry(listing, folder, entry->d_name, depth);
    closedir(entries);
    return code;
}

static enum tl_code folder_list(tl_objects *objects, const char *key, tl_object_each each, void *context, struct tl_err *err)
{
    char name[OBJECTS_NAME_MAX + 1];
    int folder = walk(objects, key, true, false, name);
    if (folder < 0)
        return errno == ENOENT ? TL_OK : failed(objects, "list", key, errno, err);
    struct listing listing = {.objects = objects, .each = each, .context = context, .err = err};
    snprintf(listing.location, sizeof listing.location, "%s/%s", objects->root, key);
    return list_folder(&listing, folder, 0);
}

/* Empties the folder and closes it; a link is removed, never what it points to.  An errno, 0 = done. */
static int empty_folder(int folder, int depth)
{
    DIR *entries = depth > OBJECTS_DEPTH_MAX ? NULL : fdopendir(folder);
    if (!entries) {
        int problem = depth > OBJECTS_DEPTH_MAX ? ELOOP : errno;
        close(folder);
        return problem;
    }
    int problem = 0;
    for (struct dirent *entry; problem == 0 && (entry = readdir(entries));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(folder, name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            problem = errno;
            break;
        }
        int inner = open_folder_at(folder, name);
        problem = inner < 0 ? errno : empty_folder(inner, depth + 1);
        if (problem == 0 && unlinkat(folder, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            problem = errno;
    }
    closedir(entries);
    return problem;
}

static enum tl_code folder_remove_below(tl_objects *objects, const char *key, struct tl_err *err)
{
    char name[OBJECTS_NAME_MAX + 1];
    int around = walk(objects, key, false, false, name);
    if (around < 0)
        return errno == ENOENT ? TL_OK : failed(objects, "remove", key, errno, err);
    int folder = open_folder_at(around, name);
    int problem = folder < 0 ? errno : empty_folder(folder, 0);
    if (problem == 0 && unlinkat(around, name, AT_REMOVEDIR) != 0)
        problem = errno;
    close(around);
    return problem == 0 || problem == ENOENT ? TL_OK : failed(objects, "remove", key, problem, err);
}

static enum tl_code folder_make(tl_objects *objects, const char *key, struct tl_err *err)
{
    char name[OBJECTS_NAME_MAX + 1];
    int folder = walk(objects, key, true, true, name);
    if (folder < 0)
        return failed(objects, "make folder", key, errno, err);
    close(folder);
    return TL_OK;
}

static void folder_close(tl_objects *objects)
{
    close(objects->folder_fd);
}

static const struct objects_kind folder_kind = {
    .read = folder_read,
    .open = folder_open,
    .write = folder_write,
    .size = folder_size,
    .remove = folder_remove,
    .list = folder_list,
    .remove_below = folder_remove_below,
    .make_folder = folder_make,
    .check = folder_check,
    .close = folder_close,
};

static enum tl_code check_root(const char *folder, const char *real, struct tl_err *err)
{
    if (!real)
        return tl_err_set(err, TL_IO, "could not find the warehouse folder \"%.300s\"", folder);
    if (!strpbrk(real, "%?#\\*[]{}\n") && strcmp(real, "/") != 0)
        return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "the warehouse folder \"%.300s\" cannot be used", real);
    tl_err_hint(err, "use a folder whose path has none of the characters %%?#\\*[]{}");
    return err->code;
}

enum tl_code tl_objects_open_folder(const char *folder, tl_objects **ret_objects, struct tl_err *err)
{
    if (folder[0] != '/')
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the warehouse folder \"%.300s\" must be an absolute path", folder);
    if (tl_dir_make(folder, FOLDER_MODE, err) != TL_OK)
        return err->code;
    char *real = realpath(folder, NULL);
    enum tl_code code = check_root(folder, real, err);
    int fd = code == TL_OK ? open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (code == TL_OK && fd < 0)
        code = tl_err_errno(err, TL_IO, errno, "could not open the warehouse folder \"%.300s\"", real);
    if (code == TL_OK) {
        tl_objects *objects = tl_heap_alloc(sizeof *objects);
        size_t size = strlen(real) + sizeof "file://";
        *objects = (tl_objects){.kind = &folder_kind, .folder_fd = fd, .folder = tl_heap_strdup(real), .root = tl_heap_alloc(size)};
        snprintf(objects->root, size, "file://%s", real);
        *ret_objects = objects;
    }
    free(real);
    return code;
}
