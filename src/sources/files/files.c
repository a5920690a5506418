#include "sources/files/files.h"

#include <inttypes.h>
#include <string.h>

#include "sources/files/files_int.h"

enum { PATH_BYTES_MAX = 4096, SCAN_BYTES_MAX = 128 * 1024 * 1024 };

static const struct tl_source_option options[] = {
    {"path", NULL, true, false, "absolute path of the folder"},
    {"format", "auto", false, false, "auto, or only one of parquet, csv, json"},
    {"union_by_name", "false", false, false, "true: files of one subfolder may differ in their columns (all of them are opened to plan)"},
    {0},
};

static const struct {
    const char *name, *function;
    enum tl_files_format format;
} formats[] = {
    {"auto", NULL, TL_FILES_NONE},
    {"parquet", "read_parquet", TL_FILES_PARQUET},
    {"csv", "read_csv", TL_FILES_CSV},
    {"json", "read_json", TL_FILES_JSON},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static enum tl_code read_format(const struct tl_source_config *config, enum tl_files_format *ret_format, struct tl_err *err)
{
    const char *text = tl_source_config_get(config, "format");
    *ret_format = TL_FILES_NONE;
    for (size_t i = 0; text && *text && i < FORMATS; i++)
        if (strcmp(text, formats[i].name) == 0) {
            *ret_format = formats[i].format;
            return TL_OK;
        }
    if (!text || !*text)
        return TL_OK;
    tl_err_set(err, TL_INVALID_ARGUMENT, "option \"format\" of source \"%s\" is \"%.100s\"", config->name, text);
    tl_err_hint(err, "use auto, parquet, csv or json");
    return err->code;
}

static enum tl_code read_flag(const struct tl_source_config *config, const char *option, bool *ret_flag, struct tl_err *err)
{
    const char *text = tl_source_config_get(config, option);
    *ret_flag = tl_streq(text, "true");
    if (!text || !*text || *ret_flag || strcmp(text, "false") == 0)
        return TL_OK;
    return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"%s\" of source \"%s\" must be true or false", option, config->name);
}

static enum tl_code check(const struct tl_source_config *config, struct tl_err *err)
{
    const char *path = tl_source_config_get(config, "path");
    enum tl_files_format format;
    bool flag;
    if (!path || !*path)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%s\" needs the option \"path\"", config->name);
    size_t size = strlen(path);
    if (path[0] != '/' || size < 2 || size >= PATH_BYTES_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"path\" of source \"%s\" must be the absolute path of a folder", config->name);
    if (read_format(config, &format, err) != TL_OK)
        return err->code;
    return read_flag(config, "union_by_name", &flag, err);
}

static void add_pattern(struct tl_buf *sql, const char *path, const char *rest, const char *suffix)
{
    struct tl_buf text;
    tl_buf_init(&text, 2 * PATH_BYTES_MAX);
    tl_buf_addf(&text, "%s%s%s", path, rest, suffix);
    tl_buf_add_literal(sql, tl_buf_cstr(&text), text.size);
    tl_buf_done(&text);
}

static void add_paths(struct tl_buf *sql, const struct tl_files_view *view)
{
    if (!view->suffixes) {
        add_pattern(sql, view->path, "", "");
        return;
    }
    const char *before = "[";
    for (int i = 0; i < TL_FILES_SUFFIXES; i++)
        if (view->suffixes & 1U << i) {
            tl_buf_adds(sql, before);
            add_pattern(sql, view->path, "/**/*", tl_files_suffix_text(i));
            before = ", ";
        }
    tl_buf_addc(sql, ']');
}

static void add_view(struct tl_buf *sql, const char *catalog, const struct tl_files_view *view, bool union_by_name)
{
    tl_buf_adds(sql, "CREATE VIEW ");
    tl_buf_add_identifier(sql, catalog);
    tl_buf_adds(sql, ".main.");
    tl_buf_add_identifier(sql, view->name);
    tl_buf_addf(sql, " AS SELECT * FROM %s(", formats[view->format].function);
    add_paths(sql, view);
    /* said either way: the engine would guess from the folders above, which are nobody's columns */
    tl_buf_addf(sql, ", hive_partitioning = %s", view->hive ? "true" : "false");
    if (union_by_name && view->suffixes)
        tl_buf_adds(sql, ", union_by_name = true");
    tl_buf_adds(sql, ");\n");
}

static const char *without_slashes(tl_arena *arena, const char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    return tl_arena_strndup(arena, path, size);
}

static enum tl_code attach_sql(const struct tl_source_config *config, const char *catalog, struct tl_buf *sql, struct tl_err *err)
{
    enum tl_files_format only;
    bool union_by_name;
    if (check(config, err) != TL_OK || read_format(config, &only, err) != TL_OK ||
        read_flag(config, "union_by_name", &union_by_name, err) != TL_OK)
        return err->code;
    tl_arena *arena = tl_arena_new(SCAN_BYTES_MAX);
    struct tl_files_view *views;
    size_t count;
    uint64_t state;
    if (tl_files_scan(arena, config->name, without_slashes(arena, tl_source_config_get(config, "path")), only, &views, &count, &state, err) == TL_OK) {
        tl_buf_adds(sql, "ATTACH ':memory:' AS ");
        tl_buf_add_identifier(sql, catalog);
        tl_buf_adds(sql, ";\n");
        for (size_t i = 0; i < count; i++)
            add_view(sql, catalog, &views[i], union_by_name);
        /* a view keeps the types that its files had: other statements are a source to attach anew */
        tl_buf_addf(sql, "-- %016" PRIx64 "\n", state);
        if (sql->failed)
            tl_err_set(err, TL_TOO_LARGE, "the statements that attach source \"%s\" are too large", config->name);
    }
    tl_arena_free(arena);
    return err->code;
}

const struct tl_source_driver tl_source_driver_files = {
    .kind = "files",
    .summary = "a folder of Parquet, CSV and JSON files, read-only",
    .mode = TL_SOURCE_ATTACHES,
    .options = options,
    .check = check,
    .attach_sql = attach_sql,
};
