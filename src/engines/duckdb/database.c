/* The one database of the process: how it is opened, what is locked. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engines/duckdb/dialect.h"
#include "engines/duckdb/fence.h"
#include "engines/duckdb/process_int.h"
#include "io/process.h"

enum {
    SETTING_SQL_MAX = 1 << 20,
    EXPRESSION_DEPTH_MAX = 250,
    JOIN_KEYS_MAX = 5000, /* rows of a join's smaller side whose keys are sent, one by one, to the source of the other side */
};

/* Its advice is about settings that nobody can change here. */
static void advise(struct tl_err *err)
{
    if (err->code != TL_MEMORY_EXCEEDED && err->code != TL_DISK_FULL)
        return;
    err->detail[0] = err->hint[0] = '\0';
    tl_err_hint(err, err->code == TL_MEMORY_EXCEEDED ? "filter or aggregate earlier, or raise engine.memory"
                                                     : "filter or aggregate earlier, or raise engine.spill_limit");
}

enum tl_code tl_duckdb_error(duckdb_connection connection, const char *message, int type, struct tl_err *err)
{
    struct tl_err said;
    tl_err_init(&said);
    if (!tl_hooks_take_error(connection, &said) || said.code == TL_OK) {
        tl_err_init(&said);
        tl_hooks_error(message ? message : "", type, &said);
        advise(&said);
    }
    return tl_err_copy(err, &said);
}

static void allow_everything(duckdb_connection connection)
{
    tl_hooks_set_guard(connection, &(struct tl_hooks_guard){.query_id = ""});
}

enum tl_code tl_duckdb_execute(duckdb_connection connection, const char *sql, struct tl_err *err)
{
    duckdb_result result;
    allow_everything(connection);
    enum tl_code code = TL_OK;
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        code = tl_duckdb_error(connection, duckdb_result_error(&result), duckdb_result_error_type(&result), err);
    duckdb_destroy_result(&result);
    return code;
}

static const char *text_at(tl_arena *arena, duckdb_vector vector, size_t row)
{
    const uint64_t *validity = duckdb_vector_get_validity(vector);
    if (validity && !(validity[row / 64] >> (row % 64) & 1))
        return NULL;
    duckdb_string_t *texts = duckdb_vector_get_data(vector);
    return tl_arena_strndup(arena, duckdb_string_t_data(&texts[row]), duckdb_string_t_length(texts[row]));
}

static void take_texts(duckdb_result result, tl_arena *arena, size_t columns, const char ***ret_texts, size_t *ret_rows)
{
    const char **texts = NULL;
    size_t rows = 0;
    for (duckdb_data_chunk chunk; (chunk = duckdb_fetch_chunk(result)) != NULL; duckdb_destroy_data_chunk(&chunk)) {
        size_t count = duckdb_data_chunk_get_size(chunk);
        texts = tl_arena_grow(arena, texts, rows * columns * sizeof *texts, (rows + count) * columns * sizeof *texts);
        for (size_t row = 0; row < count; row++, rows++)
            for (size_t i = 0; i < columns; i++)
                texts[rows * columns + i] = text_at(arena, duckdb_data_chunk_get_vector(chunk, i), row);
    }
    *ret_texts = texts;
    *ret_rows = rows;
}

enum tl_code tl_duckdb_query_texts(duckdb_connection connection, const char *sql, tl_arena *arena, size_t columns,
                                   const char ***ret_texts, size_t *ret_rows, struct tl_err *err)
{
    duckdb_result result;
    enum tl_code code = TL_OK;
    allow_everything(connection);
    if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
        code = tl_duckdb_error(connection, duckdb_result_error(&result), duckdb_result_error_type(&result), err);
    else
        take_texts(result, arena, columns, ret_texts, ret_rows);
    duckdb_destroy_result(&result);
    return code;
}

enum tl_code tl_duckdb_connect(duckdb_database database, duckdb_connection *ret_connection, struct tl_err *err)
{
    if (duckdb_connect(database, ret_connection) != DuckDBSuccess)
        return tl_err_set(err, TL_INTERNAL, "could not connect to the engine's database");
    /* Progress is kept, never printed: duckdb_query_progress reads it.  The streaming buffer stays at the engine's own megabyte:
     * with 64 KiB a streamed ORDER BY never ends, since its batches do not fit. */
    enum tl_code code = tl_duckdb_execute(*ret_connection, "SET enable_progress_bar_print = false; SET enable_progress_bar = true", err);
    if (code != TL_OK)
        duckdb_disconnect(ret_connection);
    return code;
}

/* ---- opening ---- */

struct setting {
    const char *name, *value;
};

/* The extensions are files of the installation like this program: `make deps` pins both by hash.  Checking their signatures
 * at each start would hash 84 MB, 200 ms of the 220 that loading them takes; what may be loaded later is: nothing. */
static const struct setting settings_fixed[] = {
    {"autoload_known_extensions", "false"},
    {"autoinstall_known_extensions", "false"},
    {"allow_community_extensions", "false"},
    {"allow_unsigned_extensions", "true"},
    {"allow_persistent_secrets", "false"},
    {"errors_as_json", "true"},
};

static enum tl_code set_all(duckdb_config config, const struct tl_duckdb_options *options, struct tl_err *err)
{
    char memory[32], spill[32], threads[16];
    snprintf(memory, sizeof memory, "%" PRId64 "B", options->memory_bytes);
    snprintf(spill, sizeof spill, "%" PRId64 "B", options->spill_bytes);
    snprintf(threads, sizeof threads, "%d", options->threads);
    struct setting chosen[] = {
        {"memory_limit", options->memory_bytes > 0 ? memory : NULL},
        {"threads", options->threads > 0 ? threads : NULL},
        {"temp_directory", options->spill_directory},
        {"max_temp_directory_size", options->spill_directory && options->spill_bytes > 0 ? spill : NULL},
    };
    for (size_t i = 0; i < sizeof settings_fixed / sizeof *settings_fixed; i++)
        if (duckdb_set_config(config, settings_fixed[i].name, settings_fixed[i].value) != DuckDBSuccess)
            return tl_err_set(err, TL_INTERNAL, "the engine does not know the setting \"%s\"", settings_fixed[i].name);
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++)
        if (chosen[i].value && duckdb_set_config(config, chosen[i].name, chosen[i].value) != DuckDBSuccess)
            return tl_err_set(err, TL_CONFIG, "the engine refuses %s = \"%s\"", chosen[i].name, chosen[i].value);
    return TL_OK;
}

static enum tl_code open_database(const struct tl_duckdb_options *options, duckdb_database *ret_database, struct tl_err *err)
{
    duckdb_config config;
    if (duckdb_create_config(&config) != DuckDBSuccess)
        return tl_err_set(err, TL_INTERNAL, "the engine could not make a configuration");
    char *said = NULL;
    if (set_all(config, options, err) == TL_OK && duckdb_open_ext(NULL, ret_database, config, &said) != DuckDBSuccess)
        tl_err_set(err, TL_CONFIG, "the engine could not be opened: %s", said ? said : "no reason given");
    duckdb_free(said);
    duckdb_destroy_config(&config);
    return err->code;
}

/* In this order: iceberg looks for avro when it is loaded, and would go to the network for it. */
static enum tl_code load_extensions(duckdb_connection connection, const char *folder, struct tl_err *err)
{
    static const char *const names[] = {"avro", "httpfs", "iceberg"};
    for (size_t i = 0; folder && i < sizeof names / sizeof *names; i++) {
        struct tl_buf path, sql;
        tl_buf_init(&path, SETTING_SQL_MAX);
        tl_buf_init(&sql, SETTING_SQL_MAX);
        tl_buf_addf(&path, "%s/%s.duckdb_extension", folder, names[i]);
        tl_buf_adds(&sql, "LOAD ");
        tl_buf_add_literal(&sql, path.data, path.size);
        if (access(tl_buf_cstr(&path), R_OK) != 0)
            tl_err_set(err, TL_CONFIG, "the engine's extension \"%s\" is not in the folder \"%s\"", names[i], folder);
        else if (tl_duckdb_execute(connection, tl_buf_cstr(&sql), err) != TL_OK)
            tl_err_detail(err, "when the extension \"%s\" was loaded", names[i]);
        tl_buf_done(&path);
        tl_buf_done(&sql);
        if (err->code != TL_OK)
            return err->code;
    }
    return TL_OK;
}

static void add_path(struct tl_buf *sql, const char *scheme, const char *path, size_t size, const char *after)
{
    struct tl_buf full;
    tl_buf_init(&full, SETTING_SQL_MAX);
    tl_buf_addf(&full, "%s%.*s%s", scheme, (int)size, path, after);
    tl_buf_adds(sql, ", ");
    tl_buf_add_literal(sql, tl_buf_cstr(&full), full.size);
    tl_buf_done(&full);
}

/* A path is allowed as a file, with the log beside it, and as a folder, with what is in it; Iceberg on local storage asks with a
 * scheme in front.  Iceberg also makes an empty folder "data" in the working folder before each CREATE TABLE AS. */
static void add_paths(struct tl_buf *sql, const struct tl_duckdb_options *options, bool folders)
{
    static const char *const schemes[] = {"", "file://"};
    tl_buf_adds(sql, folders ? "SET allowed_directories = ['data/'" : "SET allowed_paths = ['data'");
    for (size_t i = 0; i < options->allowed_path_count; i++) {
        const char *path = options->allowed_paths[i];
        size_t size = strlen(path);
        while (size > 1 && path[size - 1] == '/')
            size--;
        for (size_t k = 0; k < 2; k++) {
            add_path(sql, schemes[k], path, size, folders && size > 1 ? "/" : "");
            if (!folders)
                add_path(sql, schemes[k], path, size, ".wal");
        }
    }
    tl_buf_adds(sql, "]; ");
}

/* The last settings, each needing the ones before.  What a session must be able to set stays open: the door lets no SET of
 * a user through. */
static enum tl_code lock(duckdb_connection connection, const struct tl_duckdb_options *options, struct tl_err *err)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SETTING_SQL_MAX);
    tl_buf_addf(&sql, "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL max_expression_depth = %d; SET GLOBAL dynamic_or_filter_threshold = %d; ",
                EXPRESSION_DEPTH_MAX, JOIN_KEYS_MAX);
    add_paths(&sql, options, true);
    add_paths(&sql, options, false);
    tl_buf_adds(&sql, "SET allowed_configs = ['TimeZone', 'enable_progress_bar', 'enable_progress_bar_print']; "
                      "SET enable_external_access = false; SET lock_configuration = true");
    if (sql.failed)
        tl_err_set(err, TL_CONFIG, "the engine has too many paths to allow");
    else if (tl_duckdb_execute(connection, tl_buf_cstr(&sql), err) != TL_OK)
        tl_err_detail(err, "when the configuration was locked");
    tl_buf_done(&sql);
    return err->code;
}

static bool is_own(const char *dialect)
{
    return dialect && strcmp(dialect, "duckdb") == 0;
}

enum tl_code tl_duckdb_open(const struct tl_duckdb_options *options, const struct tl_hooks_calls *calls,
                            duckdb_database *ret_database, struct tl_err *err)
{
    duckdb_connection connection = NULL;
    if (options->spill_directory && tl_dir_make(options->spill_directory, 0700, err) != TL_OK)
        return err->code;
    if (options->spill_directory && chdir(options->spill_directory) != 0) /* a folder of our own: see add_paths */
        return tl_err_errno(err, TL_IO, errno, "could not enter the folder \"%s\"", options->spill_directory);
    if (open_database(options, ret_database, err) != TL_OK)
        return err->code;
    if (duckdb_connect(*ret_database, &connection) != DuckDBSuccess)
        return tl_err_set(err, TL_INTERNAL, "could not connect to the engine's database");
    if (tl_hooks_install(*ret_database, calls, err) == TL_OK && load_extensions(connection, options->extensions, err) == TL_OK &&
        (!options->lake || tl_duckdb_fence_install(*ret_database, options->lake, options->fence, err) == TL_OK) &&
        (is_own(options->dialect) || tl_duckdb_dialect_install(*ret_database, connection, err) == TL_OK))
        lock(connection, options, err);
    duckdb_disconnect(&connection);
    return err->code;
}
