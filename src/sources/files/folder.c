/* What a folder holds, and what its views are called. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "sources/files/files_int.h"

enum { DEPTH_MAX = 8, ENTRIES_MAX = 100000, VIEWS_MAX = 4096, PATH_BYTES_MAX = 4096, NAME_MAX_BYTES = 63, PARQUET_MIN = 12 };

struct scan {
    tl_arena *arena;
    const char *source;
    enum tl_files_format only;
    size_t entries;
    uint64_t state; /* of the files met so far, which are met in a fixed order */
    struct tl_files_view *views;
    size_t count;
};

/* What is below one subfolder. */
struct contents {
    enum tl_files_format format;
    unsigned suffixes;
    bool hive;
    const char *first, *other; /* files of two formats, for the message */
};

static const struct {
    const char *text;
    enum tl_files_format format;
} suffixes[TL_FILES_SUFFIXES] = {
    {".parquet", TL_FILES_PARQUET}, {".csv", TL_FILES_CSV}, {".csv.gz", TL_FILES_CSV}, {".csv.zst", TL_FILES_CSV}, {".tsv", TL_FILES_CSV},
    {".json", TL_FILES_JSON}, {".json.gz", TL_FILES_JSON}, {".jsonl", TL_FILES_JSON}, {".jsonl.gz", TL_FILES_JSON},
    {".ndjson", TL_FILES_JSON}, {".ndjson.gz", TL_FILES_JSON},
};

int tl_files_suffix(const char *name, enum tl_files_format *ret_format)
{
    size_t size = strlen(name);
    for (int i = 0; i < TL_FILES_SUFFIXES; i++) {
        size_t length = strlen(suffixes[i].text);
        if (size > length && strcmp(name + size - length, suffixes[i].text) == 0) {
            *ret_format = suffixes[i].format;
            return i;
        }
    }
    return -1;
}

const char *tl_files_suffix_text(int suffix)
{
    return suffixes[suffix].text;
}

static enum tl_code check_name(const struct scan *scan, const char *path, struct tl_err *err)
{
    bool plain = strlen(path) < PATH_BYTES_MAX && tl_utf8_valid(path, strlen(path), NULL);
    for (const char *c = path; *c && plain; c++)
        plain = (unsigned char)*c >= 0x20 && !strchr("*?[]{}\\", *c);
    if (plain)
        return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%s\" holds a file or folder whose name cannot be used: \"%.300s\"", scan->source, path);
    tl_err_hint(err, "rename it: no control characters and none of *?[]{}\\");
    return err->code;
}

/* A broken file is named here; the engine would refuse the whole source without saying which. */
static enum tl_code check_file(const struct scan *scan, const char *path, enum tl_files_format format, int64_t size, struct tl_err *err)
{
    if (size == 0) {
        tl_err_set(err, TL_SOURCE_PROTOCOL, "file \"%.300s\" of source \"%s\" is empty", path, scan->source);
        tl_err_hint(err, "remove it or write at least a header");
        return err->code;
    }
    if (format != TL_FILES_PARQUET)
        return TL_OK;
    char head[4], tail[4];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return tl_err_errno(err, TL_SOURCE_UNAVAILABLE, errno, "could not open file \"%.300s\" of source \"%s\"", path, scan->source);
    bool sound = size >= PARQUET_MIN && pread(fd, head, 4, 0) == 4 && pread(fd, tail, 4, size - 4) == 4 &&
                 memcmp(head, "PAR1", 4) == 0 && (memcmp(tail, "PAR1", 4) == 0 || memcmp(tail, "PARE", 4) == 0);
    close(fd);
    if (sound)
        return TL_OK;
    tl_err_set(err, TL_SOURCE_PROTOCOL, "file \"%.300s\" of source \"%s\" is not a Parquet file", path, scan->source);
    tl_err_hint(err, "it may be half written; replace or remove it");
    return err->code;
}

/* Another file, or one that was written since, is another state: its columns may have other types. */
static void note_file(struct scan *scan, const char *path, const struct stat *info)
{
    const uint64_t key[2] = {scan->state, tl_hash_keyed((const uint64_t[2]){0}, path, strlen(path))};
    const int64_t facts[] = {(int64_t)info->st_size, (int64_t)info->st_ino, (int64_t)info->st_mtim.tv_sec, (int64_t)info->st_mtim.tv_nsec};
    scan->state = tl_hash_keyed(key, facts, sizeof facts);
}

static int ignore(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && entry->d_name[0] != '_';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Entries of a folder in a fixed order, each given to `each`. */
static enum tl_code walk_folder(struct scan *scan, const char *folder,
                                enum tl_code (*each)(struct scan *scan, void *context, const char *path, const char *name,
                                                     const struct stat *info, struct tl_err *err),
                                void *context, struct tl_err *err)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, ignore, by_bytes);
    if (count < 0)
        return tl_err_errno(err, TL_SOURCE_UNAVAILABLE, errno, "could not list folder \"%.300s\" of source \"%s\"", folder, scan->source);
    for (int i = 0; i < count; i++) {
        const char *path = tl_arena_printf(scan->arena, "%s/%s", folder, entries[i]->d_name);
        const char *name = tl_arena_strdup(scan->arena, entries[i]->d_name);
        free(entries[i]);
        struct stat info;
        if (err->code || lstat(path, &info) != 0 || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)))
            continue;
        if (++scan->entries > ENTRIES_MAX)
            tl_err_set(err, TL_TOO_LARGE, "source \"%s\" holds more than %d files", scan->source, ENTRIES_MAX);
        else
            (void)!each(scan, context, path, name, &info, err);
    }
    free(entries);
    return err->code;
}

struct below {
    struct contents *contents;
    int depth;
};

static enum tl_code see_below(struct scan *scan, void *context, const char *path, const char *name, const struct stat *info,
                              struct tl_err *err)
{
    struct below *below = context;
    struct contents *contents = below->contents;
    if (S_ISDIR(info->st_mode)) {
        if (below->depth >= DEPTH_MAX)
            return tl_err_set(err, TL_TOO_LARGE, "source \"%s\" is nested deeper than %d folders at \"%.300s\"", scan->source, DEPTH_MAX,
                              path);
        contents->hive = contents->hive || strchr(name, '=') != NULL;
        struct below inner = {contents, below->depth + 1};
        return check_name(scan, path, err) != TL_OK ? err->code : walk_folder(scan, path, see_below, &inner, err);
    }
    enum tl_files_format format;
    int suffix = tl_files_suffix(name, &format);
    if (suffix < 0 || (scan->only && format != scan->only))
        return TL_OK;
    if (check_name(scan, path, err) != TL_OK || check_file(scan, path, format, info->st_size, err) != TL_OK)
        return err->code;
    note_file(scan, path, info);
    if (contents->format == TL_FILES_NONE) {
        contents->format = format;
        contents->first = path;
    } else if (contents->format != format && !contents->other) {
        contents->other = path;
    }
    contents->suffixes |= 1U << suffix;
    return TL_OK;
}

/* Lower-case letters, digits and "_"; never starting with a digit. */
static const char *view_name(tl_arena *arena, const char *text, size_t size)
{
    char name[NAME_MAX_BYTES + 2];
    size_t used = 0;
    if (size == 0 || (text[0] >= '0' && text[0] <= '9'))
        name[used++] = '_';
    for (size_t i = 0; i < size && used < NAME_MAX_BYTES; i++) {
        char c = text[i];
        bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        name[used++] = kept ? c : c >= 'A' && c <= 'Z' ? (char)(c + 32) : '_';
    }
    return tl_arena_strndup(arena, name, used);
}

static enum tl_code add_view(struct scan *scan, struct tl_files_view view, struct tl_err *err)
{
    for (size_t i = 0; i < scan->count; i++)
        if (strcmp(scan->views[i].name, view.name) == 0) {
            tl_err_set(err, TL_INVALID_ARGUMENT, "two parts of source \"%s\" would both be called \"%s\"", scan->source, view.name);
            tl_err_detail(err, "\"%.900s\" and \"%.900s\"", scan->views[i].path, view.path);
            tl_err_hint(err, "rename one of them, or set the option \"format\"");
            return err->code;
        }
    if (scan->count == VIEWS_MAX)
        return tl_err_set(err, TL_TOO_LARGE, "source \"%s\" would have more than %d views", scan->source, VIEWS_MAX);
    scan->views[scan->count++] = view;
    return TL_OK;
}

static enum tl_code add_folder(struct scan *scan, const char *path, const char *name, const struct contents *contents, struct tl_err *err)
{
    if (contents->other) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "folder \"%.300s\" of source \"%s\" holds files of more than one format", path, scan->source);
        tl_err_detail(err, "\"%.900s\" and \"%.900s\"", contents->first, contents->other);
        tl_err_hint(err, "set the option \"format\" to parquet, csv or json, or move the files apart");
        return err->code;
    }
    if (contents->format == TL_FILES_NONE)
        return TL_OK;
    return add_view(scan,
                    (struct tl_files_view){.name = view_name(scan->arena, name, strlen(name)),
                                           .format = contents->format,
                                           .path = path,
                                           .suffixes = contents->suffixes,
                                           .hive = contents->hive},
                    err);
}

static enum tl_code see_top(struct scan *scan, void *context, const char *path, const char *name, const struct stat *info,
                            struct tl_err *err)
{
    (void)context;
    if (S_ISDIR(info->st_mode)) {
        struct contents contents = {0};
        struct below below = {&contents, 1};
        if (check_name(scan, path, err) != TL_OK || walk_folder(scan, path, see_below, &below, err) != TL_OK)
            return err->code;
        return add_folder(scan, path, name, &contents, err);
    }
    enum tl_files_format format;
    int suffix = tl_files_suffix(name, &format);
    if (suffix < 0 || (scan->only && format != scan->only))
        return TL_OK;
    if (check_name(scan, path, err) != TL_OK || check_file(scan, path, format, info->st_size, err) != TL_OK)
        return err->code;
    note_file(scan, path, info);
    size_t stem = strlen(name) - strlen(suffixes[suffix].text);
    return add_view(scan, (struct tl_files_view){.name = view_name(scan->arena, name, stem), .format = format, .path = path}, err);
}

static enum tl_code find_parts(struct scan *scan, void *context, const char *path, const char *name, const struct stat *info,
                               struct tl_err *err)
{
    (void)scan;
    (void)path;
    if (S_ISDIR(info->st_mode) && strchr(name, '='))
        *(bool *)context = true;
    return err->code;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tl_files_view *)a)->name, ((const struct tl_files_view *)b)->name);
}

enum tl_code tl_files_scan(tl_arena *arena, const char *source, const char *folder, enum tl_files_format only,
                           struct tl_files_view **ret_views, size_t *ret_count, uint64_t *ret_state, struct tl_err *err)
{
    struct scan scan = {.arena = arena, .source = source, .only = only, .views = TL_NEW_ARRAY(arena, struct tl_files_view, VIEWS_MAX)};
    bool parts = false;
    if (check_name(&scan, folder, err) != TL_OK || walk_folder(&scan, folder, find_parts, &parts, err) != TL_OK)
        return err->code;
    scan.entries = 0;
    if (parts) {
        struct contents contents = {0};
        struct below below = {&contents, 0};
        const char *name = strrchr(folder, '/') + 1; /* the path is absolute */
        if (walk_folder(&scan, folder, see_below, &below, err) != TL_OK || add_folder(&scan, folder, name, &contents, err) != TL_OK)
            return err->code;
    } else if (walk_folder(&scan, folder, see_top, NULL, err) != TL_OK) {
        return err->code;
    }
    qsort(scan.views, scan.count, sizeof *scan.views, by_name);
    *ret_views = scan.views;
    *ret_count = scan.count;
    *ret_state = scan.state;
    return TL_OK;
}
