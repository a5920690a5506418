#include "engines/duckdb/script.h"

#include <duckdb.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "engines/duckdb/hooks.h"
#include "io/process.h"

enum { SCRIPT_BYTES_MAX = 16 * 1024 * 1024 };

static enum tl_code fail(struct tl_err *err, const char *message, idx_t number)
{
    tl_hooks_error(message ? message : "the engine gave no reason", 0, err);
    tl_err_detail(err, "statement %llu of the script", (unsigned long long)number);
    return err->code;
}

static enum tl_code run_one(duckdb_connection connection, duckdb_extracted_statements statements, idx_t index, struct tl_err *err)
{
    duckdb_prepared_statement prepared = NULL;
    enum tl_code code = TL_OK;
    if (duckdb_prepare_extracted_statement(connection, statements, index, &prepared) != DuckDBSuccess) {
        code = fail(err, duckdb_prepare_error(prepared), index + 1);
    } else {
        duckdb_result result;
        if (duckdb_execute_prepared(prepared, &result) != DuckDBSuccess)
            code = fail(err, duckdb_result_error(&result), index + 1);
        duckdb_destroy_result(&result);
    }
    duckdb_destroy_prepare(&prepared);
    return code;
}

static enum tl_code run_all(duckdb_connection connection, const char *sql, struct tl_err *err)
{
    duckdb_extracted_statements statements = NULL;
    idx_t count = duckdb_extract_statements(connection, sql, &statements);
    enum tl_code code = TL_OK;
    if (count == 0)
        code = fail(err, duckdb_extract_statements_error(statements), 0);
    for (idx_t i = 0; i < count && code == TL_OK; i++)
        code = run_one(connection, statements, i, err);
    duckdb_destroy_extracted(&statements);
    return code;
}

/* Files that the script names without a folder are beside it. */
static enum tl_code enter_folder(const char *path, struct tl_err *err)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    size_t size = slash ? (size_t)(slash - path) : 0;
    if (!slash || size >= sizeof folder)
        return TL_OK;
    memcpy(folder, path, size);
    folder[size] = '\0';
    if (chdir(size ? folder : "/") != 0)
        return tl_err_errno(err, TL_IO, errno, "could not enter the folder \"%s\"", folder);
    return TL_OK;
}

enum tl_code tl_duckdb_script_run(const char *path, struct tl_err *err)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SCRIPT_BYTES_MAX);
    duckdb_database database = NULL;
    duckdb_connection connection = NULL;
    if (tl_file_read(path, &sql, err) == TL_OK && enter_folder(path, err) == TL_OK) {
        if (duckdb_open(NULL, &database) != DuckDBSuccess || duckdb_connect(database, &connection) != DuckDBSuccess)
            tl_err_set(err, TL_INTERNAL, "the engine could not be opened");
        else if (run_all(connection, tl_buf_cstr(&sql), err) != TL_OK)
            tl_err_hint(err, "the script is \"%s\"", path);
    }
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    tl_buf_done(&sql);
    return err->code;
}
