/* townlake catalog: what people say of data, and pages. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/catalog_int.h"
#include "io/process.h"

enum { BODY_MAX = 64 * 1024, IMPORT_MAX = 240 * 1024 * 1024, FILES_MAX = 10000, DEPTH_MAX = 6, PATH_BYTES_MAX = 4096 };

/* --- annotate --- */

static void put_list(struct tl_json_writer *json, const char *key, const char *list)
{
    tl_json_key(json, key);
    tl_json_begin_array(json);
    for (const char *at = list; *at;) {
        size_t size = strcspn(at, ",");
        if (size)
            tl_json_put_str(json, (struct tl_str){at, size});
        at += size + (at[size] == ',');
    }
    tl_json_end_array(json);
}

static void put_fields(const struct tl_cli_job *job, struct tl_json_writer *json)
{
    static const char *const texts[][2] = {{"--description", "description"}, {"--domain", "domain"}, {"--deprecated", "deprecated"}};
    static const char *const lists[][2] = {{"--owners", "owners"}, {"--tags", "tags"}, {"--terms", "terms"}, {"--synonyms", "synonyms"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (tl_cli_job_option(job, texts[i][0]))
            tl_json_pair_text(json, texts[i][1], tl_cli_job_option(job, texts[i][0]));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (tl_cli_job_option(job, lists[i][0]))
            put_list(json, lists[i][1], tl_cli_job_option(job, lists[i][0]));
}

void tl_cli_catalog_annotate(struct tl_cli_job *job)
{
    const char *name = job->words[0], *column = tl_cli_job_option(job, "--column");
    bool term = strncmp(name, "term ", 5) == 0, domain = strncmp(name, "domain ", 7) == 0;
    struct tl_buf body;
    struct tl_json_writer json;
    tl_buf_init(&body, BODY_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    tl_json_pair_text(&json, term ? "term" : domain ? "domain" : "dataset", term ? name + 5 : domain ? name + 7 : name);
    if (column) {
        tl_json_key(&json, "columns");
        tl_json_begin_object(&json);
        tl_json_key(&json, column);
        tl_json_begin_object(&json);
    }
    put_fields(job, &json);
    for (int i = 0; column && i < 2; i++)
        tl_json_end_object(&json);
    tl_json_end_object(&json);
    tl_cli_job_call(job, "POST", "/api/v1/catalog/annotate", tl_buf_cstr(&body));
    tl_buf_done(&body);
    if (job->err.code == TL_OK)
        printf("noted; `townlake catalog history` shows what stood there before\n");
}

/* --- import --- */

struct files {
    struct tl_cli_job *job;
    struct tl_json_writer *json;
    size_t count;
};

static bool has_ending(const char *name)
{
    static const char *const endings[] = {".yaml", ".yml", ".md"};
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (size > strlen(endings[i]) && strcmp(name + size - strlen(endings[i]), endings[i]) == 0)
            return true;
    return false;
}

static void put_file(struct files *files, const char *path, const char *name)
{
    struct tl_buf text;
    tl_buf_init(&text, IMPORT_MAX);
    if (tl_file_read(path, &text, &files->job->err) == TL_OK && files->count++ < FILES_MAX) {
        tl_json_begin_object(files->json);
        tl_json_pair_text(files->json, "name", name);
        tl_json_key(files->json, "text");
        tl_json_put_str(files->json, (struct tl_str){text.data ? text.data : "", text.size});
        tl_json_end_object(files->json);
    }
    tl_buf_done(&text);
}

static void put_path(struct files *files, const char *path, const char *name, int depth)
{
    struct stat info;
    tl_arena *arena = files->job->arena;
    if (stat(path, &info) != 0) {
        tl_err_set(&files->job->err, TL_INVALID_ARGUMENT, "there is no file or folder \"%s\"", path);
        return;
    }
    if (!S_ISDIR(info.st_mode)) {
        put_file(files, path, name);
        return;
    }
    DIR *directory = depth < DEPTH_MAX ? opendir(path) : NULL;
    for (struct dirent *entry = directory ? readdir(directory) : NULL; entry && !files->job->err.code; entry = readdir(directory)) {
        bool folder = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
        if (entry->d_name[0] == '.' || strlen(path) > PATH_BYTES_MAX || (!folder && !has_ending(entry->d_name)))
            continue;
        const char *below = tl_arena_printf(arena, "%s%s%s", depth ? name : "", depth ? "/" : "", entry->d_name);
        put_path(files, tl_arena_printf(arena, "%s/%s", path, entry->d_name), below, depth + 1);
    }
    if (directory)
        closedir(directory);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static int64_t number(const tl_json *object, const char *key)
{
    int64_t value = 0;
    tl_json_int64(tl_json_get(object, key), &value);
    return value;
}

static void print_plan(struct tl_cli_job *job, const tl_json *answer)
{
    int64_t errors = number(answer, "error_count"), changes = number(answer, "change_count");
    bool applied = tl_json_bool(tl_json_get(answer, "applied"), false);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "changes")); tl_json_next(&it);) {
        const char *before = tl_json_get_text(it.value, "before"), *after = tl_json_get_text(it.value, "after");
        printf("%s%s%s %s\n", job->c.bold, tl_cli_text(it.value, "of"), job->c.off, tl_cli_text(it.value, "field"));
        if (before)
            printf("  %s- %.300s%s\n", job->c.red, before, job->c.off);
        if (after)
            printf("  %s+ %.300s%s\n", job->c.green, after, job->c.off);
    }
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "errors")); tl_json_next(&it);)
        fprintf(stderr, "%s:%lld: %s\n", tl_cli_text(it.value, "file"), (long long)number(it.value, "line"), tl_cli_text(it.value, "reason"));
    printf("%lld items, %lld changes, %lld errors%s\n", (long long)number(answer, "items"), (long long)changes, (long long)errors,
           applied ? "; done" : errors ? "; nothing was written" : changes ? "; --apply does it" : "");
    if (errors)
        tl_err_set(&job->err, TL_INVALID_ARGUMENT, "the files have %lld errors", (long long)errors);
}

void tl_cli_catalog_import(struct tl_cli_job *job)
{
    struct tl_buf body;
    struct tl_json_writer json;
    struct files files = {.job = job, .json = &json};
    tl_buf_init(&body, IMPORT_MAX);
    tl_json_writer_init(&json, &body);
    tl_json_begin_object(&json);
    tl_json_key(&json, "files");
    tl_json_begin_array(&json);
    put_path(&files, job->words[0], base_name(job->words[0]), 0);
    tl_json_end_array(&json);
    tl_json_pair_bool(&json, "apply", tl_cli_flag(job->options, job->option_count, "--apply"));
    tl_json_end_object(&json);
    if (body.failed || files.count > FILES_MAX)
        tl_err_set(&job->err, TL_TOO_LARGE, "more than %d files or %d bytes at once", FILES_MAX, IMPORT_MAX);
    const tl_json *answer = job->err.code ? NULL : tl_cli_job_call(job, "POST", "/api/v1/catalog/import", tl_buf_cstr(&body));
    tl_buf_done(&body);
    if (answer && tl_cli_wants_json(job))
        tl_cli_print_json(answer);
    else if (answer)
        print_plan(job, answer);
}

/* --- export --- */

static void export(struct tl_cli_job *job, const char *source)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", tl_cli_with_parameter(job, "/api/v1/catalog/export", "source", source), NULL);
    if (answer)
        fputs(tl_cli_text(answer, "yaml"), stdout);
}

void tl_cli_catalog_export(struct tl_cli_job *job)
{
    export(job, NULL);
}

void tl_cli_catalog_export_one(struct tl_cli_job *job)
{
    export(job, job->words[0]);
}

/* --- reading --- */

void tl_cli_catalog_history(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", tl_cli_with_parameter(job, "/api/v1/catalog/edits", "of", job->words[0]), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "edits")); tl_json_next(&it);)
        printf("%s %s %s%s %s%s\n  - %.300s\n  + %.300s\n", tl_cli_time_or(job->arena, it.value, "at_us", ""), tl_cli_text(it.value, "user"), job->c.bold,
               tl_cli_text(it.value, "of"), tl_cli_text(it.value, "field"), job->c.off, tl_cli_text(it.value, "before"), tl_cli_text(it.value, "after"));
}

static void list_named(struct tl_cli_job *job, const char *path, const char *key, const char *prefix)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", tl_cli_with_parameter(job, path, "prefix", prefix), NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, key)); tl_json_next(&it);) {
        const char *text = tl_cli_text(it.value, "description");
        printf("%s%-28s%s %.*s\n", job->c.bold, tl_cli_text(it.value, "name"), job->c.off, (int)strcspn(text, "\n"), text);
    }
}

void tl_cli_catalog_terms(struct tl_cli_job *job)
{
    list_named(job, "/api/v1/catalog/terms", "terms", NULL);
}

void tl_cli_catalog_terms_with(struct tl_cli_job *job)
{
    list_named(job, "/api/v1/catalog/terms", "terms", job->words[0]);
}

void tl_cli_catalog_domains(struct tl_cli_job *job)
{
    list_named(job, "/api/v1/catalog/domains", "domains", NULL);
}

static void show_one(struct tl_cli_job *job, const char *path)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", tl_cli_with_parameter(job, path, "name", job->words[0]), NULL);
    if (!answer)
        return;
    printf("%s%s%s\n%s\n", job->c.bold, tl_cli_text(answer, "name"), job->c.off, tl_cli_text(answer, "description"));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "synonyms")); tl_json_next(&it);)
        printf("also called %s\n", tl_json_text(it.value));
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "said_of")); tl_json_next(&it);)
        printf("  %s\n", tl_json_text(it.value));
}

void tl_cli_catalog_term(struct tl_cli_job *job)
{
    show_one(job, "/api/v1/catalog/term");
}

void tl_cli_catalog_domain(struct tl_cli_job *job)
{
    show_one(job, "/api/v1/catalog/domain");
}

void tl_cli_catalog_pages(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", "/api/v1/catalog/pages", NULL);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(answer, "pages")); tl_json_next(&it);)
        printf("%s%-28s%s %s\n", job->c.bold, tl_cli_text(it.value, "path"), job->c.off, tl_cli_text(it.value, "title"));
}

void tl_cli_catalog_page(struct tl_cli_job *job)
{
    const tl_json *answer = tl_cli_job_call(job, "GET", tl_cli_with_parameter(job, "/api/v1/catalog/page", "path", job->words[0]), NULL);
    if (answer)
        fputs(tl_cli_text(answer, "text"), stdout);
}
