/* Sources that the engine reads itself: attached when they are first needed, and again when what they are has changed. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "engines/duckdb/sources_int.h"

enum {
    ATTACH_SQL_MAX = 64 * 1024 * 1024, /* a folder of files is a view a file */
    FAILED_US = 1000 * 1000,
};

/* The engine quotes the statement it could not run: no secret may leave with its words. */
static void hide_in(char *text, const char *secret)
{
    size_t size = strlen(secret);
    for (char *at = text; size > 0 && (at = strstr(at, secret)) != NULL; at += size)
        memset(at, '*', size);
}

static void hide_secrets(const struct tl_duckdb_source *source, struct tl_err *err)
{
    for (const struct tl_source_option *option = source->driver->options; option && option->name; option++) {
        const char *value = option->secret ? tl_source_config_get(&source->config, option->name) : NULL;
        if (!value)
            continue;
        hide_in(err->message, value);
        hide_in(err->detail, value);
        hide_in(err->hint, value);
    }
}

static void add_catalog(struct tl_buf *sql, const struct tl_duckdb_source *source)
{
    struct tl_buf name;
    tl_buf_init(&name, TL_SOURCE_NAME_MAX + 8);
    tl_buf_addf(&name, "p:%s", source->config.name);
    tl_buf_add_identifier(sql, tl_buf_cstr(&name));
    tl_buf_done(&name);
}

void tl_duckdb_detach(struct tl_duckdb_sources *sources, const struct tl_duckdb_source *source)
{
    struct tl_err ignored;
    tl_err_init(&ignored);
    duckdb_connection connection;
    struct tl_buf sql;
    tl_buf_init(&sql, ATTACH_SQL_MAX);
    tl_buf_adds(&sql, "DETACH DATABASE IF EXISTS ");
    add_catalog(&sql, source);
    if (tl_duckdb_connect(sources->database, &connection, &ignored) == TL_OK) {
        enum tl_code code = tl_duckdb_execute(connection, tl_buf_cstr(&sql), &ignored);
        (void)code; /* it was not attached: as wanted */
        duckdb_disconnect(&connection);
    }
    tl_buf_done(&sql);
}

/* The statements that attach it; what they are changes with a folder of files. */
static enum tl_code attach_sql(const struct tl_duckdb_source *source, struct tl_buf *sql, struct tl_err *err)
{
    char catalog[TL_SOURCE_NAME_MAX + 8];
    snprintf(catalog, sizeof catalog, "p:%s", source->config.name);
    enum tl_code code = source->driver->attach_sql(&source->config, catalog, sql, err);
    if (code == TL_OK && sql->failed)
        code = tl_err_set(err, TL_TOO_LARGE, "the source \"%s\" has too many datasets to attach", source->config.name);
    return code;
}

/* Under the source's attach_mutex. */
static enum tl_code attach(struct tl_duckdb_sources *sources, struct tl_duckdb_source *source, struct tl_err *err)
{
    duckdb_connection connection;
    struct tl_buf sql;
    tl_buf_init(&sql, ATTACH_SQL_MAX);
    if (attach_sql(source, &sql, err) == TL_OK && tl_duckdb_connect(sources->database, &connection, err) == TL_OK) {
        enum tl_code code = tl_duckdb_execute(connection, tl_buf_cstr(&sql), err);
        duckdb_disconnect(&connection);
        if (code != TL_OK)
            tl_duckdb_detach(sources, source); /* half of it may have been made */
        source->attached_by = tl_duckdb_hash(0, tl_buf_cstr(&sql));
    }
    tl_buf_done(&sql);
    hide_secrets(source, err);
    return err->code;
}

/* Under the source's attach_mutex.  Datasets came or went since it was attached. */
static bool is_outdated(const struct tl_duckdb_source *source)
{
    struct tl_err ignored;
    struct tl_buf sql;
    tl_err_init(&ignored);
    tl_buf_init(&sql, ATTACH_SQL_MAX);
    bool outdated = attach_sql(source, &sql, &ignored) == TL_OK && tl_duckdb_hash(0, tl_buf_cstr(&sql)) != source->attached_by;
    tl_buf_done(&sql);
    return outdated;
}

static void report_attach(const struct tl_duckdb_source *source, struct tl_err *err)
{
    const struct tl_err *failure = &source->failure;
    bool keep = failure->code == TL_SOURCE_AUTH || failure->code == TL_SOURCE_UNAVAILABLE || failure->code == TL_INVALID_ARGUMENT ||
                failure->code == TL_CANCELLED;
    tl_err_set(err, keep ? failure->code : TL_SOURCE_FAILED, "the source \"%s\" could not be opened: %s", source->config.name,
               failure->message);
    if (failure->detail[0])
        tl_err_detail(err, "%s", failure->detail);
    if (failure->hint[0])
        tl_err_hint(err, "%s", failure->hint);
}

/* When it cannot be attached, whoever asks within the next second gets the same answer at once. */
enum tl_code tl_duckdb_attach(struct tl_duckdb_sources *sources, struct tl_duckdb_source *source, enum tl_duckdb_freshness wanted,
                              struct tl_err *err)
{
    enum tl_code code = TL_OK;
    pthread_mutex_lock(&source->attach_mutex);
    if (source->attached && (wanted == TL_DUCKDB_ANEW || (wanted == TL_DUCKDB_UP_TO_DATE && is_outdated(source)))) {
        tl_duckdb_detach(sources, source);
        source->attached = false;
    }
    if (!source->attached && !source->replaced) {
        if (!source->failed_at_us || tl_clock_monotonic_us() - source->failed_at_us > FAILED_US) {
            tl_err_init(&source->failure);
            source->attached = attach(sources, source, &source->failure) == TL_OK;
            source->failed_at_us = source->attached ? 0 : tl_clock_monotonic_us();
        }
        if (!source->attached) {
            report_attach(source, err);
            code = err->code;
        }
    }
    pthread_mutex_unlock(&source->attach_mutex);
    return code;
}

/* "table:p:lake.raw.events" -> "lake"; false when it is not of an attached source. */
static bool attached_source_of(const char *allowed, char name[TL_SOURCE_NAME_MAX])
{
    const char *at = strchr(allowed, ':');
    if (!at || strncmp(at, ":p:", 3) != 0)
        return false;
    at += 3;
    size_t size = strcspn(at, ".");
    if (size == 0 || size >= TL_SOURCE_NAME_MAX)
        return false;
    memcpy(name, at, size);
    name[size] = '\0';
    return true;
}

static enum tl_code attach_allowed(struct tl_duckdb_sources *sources, const char *const *allowed, size_t allowed_count,
                                   enum tl_duckdb_freshness wanted, struct tl_err *err)
{
    char name[TL_SOURCE_NAME_MAX], last[TL_SOURCE_NAME_MAX] = "";
    for (size_t i = 0; i < allowed_count; i++) {
        if (!attached_source_of(allowed[i], name) || strcmp(name, last) == 0)
            continue;
        memcpy(last, name, sizeof last);
        struct tl_duckdb_source *source = tl_duckdb_source_acquire(sources, name, err);
        if (!source)
            return err->code;
        enum tl_code code = source->driver->mode == TL_SOURCE_ATTACHES ? tl_duckdb_attach(sources, source, wanted, err) : TL_OK;
        tl_duckdb_source_release(sources, source);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

enum tl_code tl_duckdb_sources_attach(struct tl_duckdb_sources *sources, const char *const *allowed, size_t allowed_count,
                                      struct tl_err *err)
{
    return attach_allowed(sources, allowed, allowed_count, TL_DUCKDB_AS_IT_IS, err);
}

enum tl_code tl_duckdb_sources_attach_anew(struct tl_duckdb_sources *sources, const char *const *allowed, size_t allowed_count,
                                           struct tl_err *err)
{
    return attach_allowed(sources, allowed, allowed_count, TL_DUCKDB_ANEW, err);
}
