/* Locations.  The text is foreign, so it is taken apart by rule and then walked on the disk without following links. */
#include "lake/lake_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PURGE_DEPTH_MAX = 32, SEGMENT_MAX = 255 };

void tl_lake_uuid(char text[37])
{
    uint8_t b[16];
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b) {
        uint64_t fallback[2] = {(uint64_t)time(NULL), (uint64_t)clock() ^ (uint64_t)(uintptr_t)text};
        memcpy(b, fallback, sizeof b);
    }
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40); /* RFC 9562: version 4 */
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
             b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static enum tl_code refuse(struct tl_err *err, const tl_lake *lake, const char *text, const char *why)
{
    tl_err_set(err, TL_INVALID_ARGUMENT, "location \"%.200s\" cannot be used: %s", text, why);
    tl_err_hint(err, "use a location below \"file://%.300s/\", or give none", lake->warehouse);
    return err->code;
}

/* The absolute path a location names; NULL: not one of ours. */
static const char *strip_scheme(const char *text)
{
    static const char scheme[] = "file:";
    if (strncmp(text, scheme, sizeof scheme - 1) != 0)
        return text[0] == '/' ? text : NULL;
    text += sizeof scheme - 1;
    if (strncmp(text, "//", 2) == 0)
        text += 2; /* "file://host/.." does not start with a slash after this and is refused */
    return text[0] == '/' ? text : NULL;
}

/* One part of a path below the warehouse.  '%' is refused because some readers of the same text decode it. */
static const char *segment_problem(const char *segment, size_t size)
{
    if (size == 0)
        return "it has an empty part";
    if (size > SEGMENT_MAX)
        return "a part of it is longer than 255 bytes";
    if (segment[0] == '.' && (size == 1 || (size == 2 && segment[1] == '.')))
        return "it has a \".\" or \"..\" part";
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)segment[i] < 0x20 || segment[i] == 0x7F || strchr("%?#\\*[]{}", segment[i]))
            return "it has a character that readers of files treat specially";
    return NULL;
}

static const char *segments_problem(const char *path)
{
    for (const char *at = path;;) {
        size_t size = strcspn(at, "/");
        const char *problem = segment_problem(at, size);
        if (problem || at[size] == '\0')
            return problem;
        at += size + 1;
    }
}

/* Walk the parts that exist; links are refused wherever they lead. */
static enum tl_code walk(const tl_lake *lake, const char *text, const char *below, struct tl_err *err)
{
    int folder = open(lake->warehouse, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return tl_err_errno(err, TL_IO, errno, "could not open the warehouse folder \"%.300s\"", lake->warehouse);
    enum tl_code code = TL_OK;
    while (code == TL_OK) {
        char name[SEGMENT_MAX + 1];
        size_t size = strcspn(below, "/");
        memcpy(name, below, size); /* segments_problem has seen the size */
        name[size] = '\0';
        struct stat info;
        if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT)
                code = tl_err_errno(err, TL_IO, errno, "could not look at location \"%.200s\"", text);
            break;
        }
        if (S_ISLNK(info.st_mode))
            code = refuse(err, lake, text, "a part of it is a symbolic link");
        else if (below[size] == '\0')
            break;
        else if (!S_ISDIR(info.st_mode))
            code = refuse(err, lake, text, "a part of it is a file");
        else {
            int next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (next < 0)
                code = tl_err_errno(err, TL_IO, errno, "could not open a folder of location \"%.200s\"", text);
            close(folder);
            folder = next;
            below += size + 1;
        }
    }
    if (folder >= 0)
        close(folder);
    return code;
}

enum tl_code tl_lake_location(const tl_lake *lake, tl_arena *arena, const char *text, const char **ret_location, const char **ret_path,
                              struct tl_err *err)
{
    size_t size = strlen(text);
    if (size > TL_LAKE_LOCATION_MAX)
        return refuse(err, lake, text, "it is longer than 4096 bytes");
    const char *path = strip_scheme(text);
    if (!path)
        return refuse(err, lake, text, "only the scheme \"file\" is offered");
    char *clean = tl_arena_strdup(arena, path);
    for (size = strlen(clean); size > 1 && clean[size - 1] == '/';)
        clean[--size] = '\0';
    size_t root = strlen(lake->warehouse);
    if (strncmp(clean, lake->warehouse, root) != 0 || clean[root] != '/')
        return refuse(err, lake, text, "it is outside the warehouse");
    const char *problem = segments_problem(clean + root + 1);
    if (problem)
        return refuse(err, lake, text, problem);
    if (walk(lake, text, clean + root + 1, err) != TL_OK)
        return err->code;
    if (ret_location)
        *ret_location = tl_arena_printf(arena, "file://%s", clean);
    if (ret_path)
        *ret_path = clean;
    return TL_OK;
}

/* Names become folder names that every system takes; uniqueness comes from the suffix, not from the name. */
static void add_folder_name(struct tl_buf *buf, const char *name)
{
    for (size_t i = 0; name[i] && i < 64; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        tl_buf_addc(buf, c == TL_LAKE_LEVEL_SEPARATOR ? '/' : plain ? c : '_');
    }
}

/* Each level is shortened by itself. */
static void add_namespace_path(struct tl_buf *buf, const tl_lake *lake, const char *namespace_name)
{
    tl_buf_addf(buf, "file://%s", lake->warehouse);
    for (const char *at = namespace_name; *at;) {
        size_t size = strcspn(at, "\x1F");
        char level[TL_LAKE_NAME_MAX + 1];
        size_t kept = size < TL_LAKE_NAME_MAX ? size : TL_LAKE_NAME_MAX;
        memcpy(level, at, kept);
        level[kept] = '\0';
        tl_buf_addc(buf, '/');
        add_folder_name(buf, level);
        at += size + (at[size] != '\0');
    }
}

const char *tl_lake_namespace_location(const tl_lake *lake, tl_arena *arena, const char *namespace_name)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 2 * TL_LAKE_LOCATION_MAX);
    add_namespace_path(&buf, lake, namespace_name);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

const char *tl_lake_new_location(const tl_lake *lake, tl_arena *arena, const char *namespace_name, const char *table)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 2 * TL_LAKE_LOCATION_MAX);
    add_namespace_path(&buf, lake, namespace_name);
    tl_buf_addc(&buf, '/');
    add_folder_name(&buf, table);
    char uuid[37];
    tl_lake_uuid(uuid);
    tl_buf_addc(&buf, '-');
    for (const char *c = uuid; *c; c++)
        if (*c != '-')
            tl_buf_addc(&buf, *c);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

/* Empties the folder; a link is removed, never what it points to. */
static int empty_folder(int folder, int depth)
{
    if (depth > PURGE_DEPTH_MAX) {
        close(folder);
        return ELOOP;
    }
    DIR *list = fdopendir(folder);
    if (!list) {
        int problem = errno;
        close(folder);
        return problem;
    }
    int problem = 0;
    for (struct dirent *entry; problem == 0 && (entry = readdir(list));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            problem = errno;
            break;
        }
        int inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        problem = inner < 0 ? errno : empty_folder(inner, depth + 1);
        if (problem == 0 && unlinkat(folder, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            problem = errno;
    }
    closedir(list);
    return problem;
}

enum tl_code tl_lake_purge(const tl_lake *lake, tl_arena *arena, const char *location, struct tl_err *err)
{
    const char *path;
    if (tl_lake_location(lake, arena, location, NULL, &path, err) != TL_OK)
        return err->code;
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT ? TL_OK : tl_err_errno(err, TL_IO, errno, "could not open the table folder \"%.300s\"", path);
    int problem = empty_folder(folder, 0);
    if (problem == 0 && rmdir(path) != 0 && errno != ENOENT)
        problem = errno;
    return problem == 0 ? TL_OK : tl_err_errno(err, TL_IO, problem, "could not delete the table folder \"%.300s\"", path);
}
