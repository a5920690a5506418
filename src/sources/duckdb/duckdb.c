/* A DuckDB database file, attached by the engine itself, read-only. */
#include "sources/duckdb/duckdb.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>


enum { PATH_BYTES_MAX = 4096, MAGIC_OFFSET = 8, MAGIC_SIZE = 4 };

static const struct tl_source_option options[] = {
    {"path", NULL, true, false, "absolute path of the database file"},
    {0},
};

static enum tl_code check(const struct tl_source_config *config, struct tl_err *err)
{
    const char *path = tl_source_config_get(config, "path");
    if (!path || !*path) {
        tl_err_set(err, TL_INVALID_ARGUMENT, "source \"%s\" needs the option \"path\"", config->name);
        tl_err_hint(err, "give the absolute path of a DuckDB database file");
        return err->code;
    }
    if (path[0] != '/' || strlen(path) >= PATH_BYTES_MAX)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"path\" of source \"%s\" must be an absolute path of less than %d bytes",
                          config->name, PATH_BYTES_MAX);
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c < 0x20)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "option \"path\" of source \"%s\" holds a control character", config->name);
    return TL_OK;
}

/* The engine's own words about a missing or foreign file do not name the source. */
static enum tl_code look(const struct tl_source_config *config, const char *path, struct tl_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        tl_err_errno(err, TL_SOURCE_UNAVAILABLE, errno, "could not open the database file of source \"%s\"", config->name);
        tl_err_hint(err, "check that \"%.300s\" exists and that Town Lake may read it", path);
        return err->code;
    }
    char magic[MAGIC_SIZE];
    bool is_database = pread(fd, magic, sizeof magic, MAGIC_OFFSET) == (ssize_t)sizeof magic && memcmp(magic, "DUCK", sizeof magic) == 0;
    close(fd);
    if (is_database)
        return TL_OK;
    tl_err_set(err, TL_SOURCE_PROTOCOL, "the file of source \"%s\" is not a DuckDB database", config->name);
    tl_err_hint(err, "for Parquet, CSV or JSON use the kind \"files\"");
    return err->code;
}

static enum tl_code attach_sql(const struct tl_source_config *config, const char *catalog, struct tl_buf *sql, struct tl_err *err)
{
    if (check(config, err) != TL_OK)
        return err->code;
    const char *path = tl_source_config_get(config, "path");
    if (look(config, path, err) != TL_OK)
        return err->code;
    tl_buf_adds(sql, "ATTACH ");
    tl_buf_add_literal(sql, path, strlen(path));
    tl_buf_adds(sql, " AS ");
    tl_buf_add_identifier(sql, catalog);
    tl_buf_adds(sql, " (TYPE duckdb, READ_ONLY);\n");
    return sql->failed ? tl_err_set(err, TL_TOO_LARGE, "the statements that attach source \"%s\" are too large", config->name) : TL_OK;
}

const struct tl_source_driver tl_source_driver_duckdb = {
    .kind = "duckdb",
    .summary = "a DuckDB database file, read-only",
    .mode = TL_SOURCE_ATTACHES,
    .options = options,
    .check = check,
    .attach_sql = attach_sql,
};
