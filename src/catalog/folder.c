/* Pages of the folder of the configuration: a file changed is a new version, a file gone is a page gone. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "catalog/catalog_int.h"
#include "io/process.h"

enum { FILES_MAX = 10000, FILE_BYTES_MAX = 1024 * 1024, DEPTH_MAX = 4, PATH_MAX_BYTES = 4096 };

struct folder {
    tl_catalog *catalog;
    struct tl_request rq;
    struct cat_plan *plan;
    size_t count;
    struct {
        const char *path; /* below the folder */
        struct tl_str text;
    } files[FILES_MAX];
};

static bool is_page(const char *name)
{
    size_t size = strlen(name);
    return name[0] != '.' && size > 3 && strcmp(name + size - 3, ".md") == 0;
}

static void take_file(struct folder *folder, const char *path, const char *below)
{
    struct tl_buf text;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&text, FILE_BYTES_MAX);
    if (tl_file_read(path, &text, &err) == TL_OK) {
        folder->files[folder->count].path = tl_arena_strdup(folder->rq.arena, below);
        folder->files[folder->count++].text = (struct tl_str){tl_arena_strndup(folder->rq.arena, text.data ? text.data : "", text.size), text.size};
    } else {
        tl_log_err(TL_LOG_WARN, "catalog", "a page could not be read", &err);
    }
    tl_buf_done(&text);
}

static void walk(struct folder *folder, const char *path, const char *below, int depth)
{
    DIR *directory = depth < DEPTH_MAX ? opendir(path) : NULL;
    for (struct dirent *entry = directory ? readdir(directory) : NULL; entry && folder->count < FILES_MAX; entry = readdir(directory)) {
        struct stat info;
        if (entry->d_name[0] == '.' || strlen(path) + strlen(entry->d_name) > PATH_MAX_BYTES)
            continue;
        const char *full = tl_arena_printf(folder->rq.arena, "%s/%s", path, entry->d_name);
        const char *name = tl_arena_printf(folder->rq.arena, "%s%s%s", below, *below ? "/" : "", entry->d_name);
        if (stat(full, &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode))
            walk(folder, full, name, depth + 1);
        else if (S_ISREG(info.st_mode) && is_page(entry->d_name))
            take_file(folder, full, name);
    }
    if (directory)
        closedir(directory);
}

static bool is_there(const struct folder *folder, const char *path)
{
    bool there = false;
    for (size_t i = 0; i < folder->count && !there; i++)
        there = strncmp(folder->files[i].path, path, strlen(path)) == 0 && strcmp(folder->files[i].path + strlen(path), ".md") == 0;
    return there;
}

static enum tl_code take_kept(void *context, const struct tl_store_value *cells, size_t count, struct tl_err *err)
{
    struct folder *folder = context;
    const char *path = tl_store_text(folder->rq.arena, &cells[0]);
    (void)count;
    folder->plan->file = path;
    return is_there(folder, path) ? TL_OK : cat_plan_page(folder->plan, path, (struct tl_str){NULL, 0}, "folder", err);
}

static enum tl_code plan_files(tl_store_tx *tx, void *context, struct tl_err *err)
{
    struct folder *folder = context;
    enum tl_code code = TL_OK;
    folder->plan->tx = tx;
    for (size_t i = 0; i < folder->count && code == TL_OK; i++) {
        folder->plan->file = folder->files[i].path;
        code = cat_plan_page(folder->plan, folder->files[i].path, folder->files[i].text, "folder", err);
    }
    if (code == TL_OK)
        code = tl_store_run(tx, "SELECT path FROM catalog_page WHERE origin = 'folder' AND gone_at_us IS NULL", NULL, 0, take_kept, folder, err);
    return code;
}

/* A page with a mistake keeps its last version, and the log says why. */
static void tell_problems(const struct cat_plan *plan)
{
    for (size_t i = 0; i < plan->problem_count && i < CAT_ERRORS_KEPT; i++)
        tl_log(TL_LOG_WARN, "catalog", "a page is not taken", "file", "%s", plan->problems[i].file, "line", "%d", plan->problems[i].line, "reason", "%s",
               plan->problems[i].reason, NULL);
}

void cat_read_folder(tl_catalog *catalog)
{
    static const struct tl_principal principal = {.user = "folder", .authenticated = true};
    struct stat info;
    const char *path = catalog->options.pages;
    if (!path || !*path || stat(path, &info) != 0) /* a folder that is not there now takes no page away */
        return;
    tl_arena *arena = tl_arena_new(CAT_ARENA_BYTES_MAX);
    struct folder *folder = TL_NEW(arena, struct folder);
    folder->catalog = catalog;
    tl_request_init(&folder->rq, arena);
    folder->rq.principal = &principal;
    folder->plan = TL_NEW(arena, struct cat_plan);
    folder->plan->rq = &folder->rq;
    folder->plan->catalog = catalog;
    cat_plan_begin(folder->plan);
    walk(folder, path, "", 0);
    enum tl_code code = tl_store_read(catalog->options.store, plan_files, folder, &folder->rq.err);
    if (code == TL_OK)
        code = cat_plan_apply(folder->plan);
    tell_problems(folder->plan);
    if (code != TL_OK)
        tl_log_err(TL_LOG_ERROR, "catalog", "the folder of pages could not be taken", &folder->rq.err);
    tl_arena_free(arena);
}
