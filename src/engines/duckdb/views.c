#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engines/duckdb/process_int.h"

enum { CATALOGS_MAX = 2000, VIEWS_MAX = 100000, BUCKETS = 1024, SQL_MAX = 16 * 1024 * 1024 };

struct view {
    struct view *next;
    char *schema, *name;
    bool ready; /* else somebody is making it */
};

struct schema {
    struct schema *next;
    char *name;
};

struct catalog {
    struct catalog *next;
    char *name;
    int users;         /* views that running statements hold */
    int64_t last_used; /* by the clock below */
    int view_count;
    struct view *views;
    struct schema *schemas;
};

struct tl_duckdb_views {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    duckdb_connection connection; /* under the mutex; catalogs and schemas are made by it, views by whoever needs them */
    struct catalog *buckets[BUCKETS];
    int catalog_count, view_count;
    int64_t clock;
    int64_t made;
};

struct tl_duckdb_views *tl_duckdb_views_new(void)
{
    struct tl_duckdb_views *views = tl_heap_alloc(sizeof *views);
    pthread_mutex_init(&views->mutex, NULL);
    pthread_cond_init(&views->changed, NULL);
    return views;
}

enum tl_code tl_duckdb_views_set_database(struct tl_duckdb_views *views, duckdb_database database, struct tl_err *err)
{
    return tl_duckdb_connect(database, &views->connection, err);
}

static enum tl_code execute_named(duckdb_connection connection, const char *before, const char *catalog, const char *schema, struct tl_err *err)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_adds(&sql, before);
    tl_buf_add_identifier(&sql, catalog);
    if (schema) {
        tl_buf_addc(&sql, '.');
        tl_buf_add_identifier(&sql, schema);
    }
    enum tl_code code = tl_duckdb_execute(connection, tl_buf_cstr(&sql), err);
    tl_buf_done(&sql);
    return code;
}

/* With what the statement may touch: binding a view over a table of the lake reads the table's manifests. */
static enum tl_code execute_for(struct tl_duckdb_running *running, const struct tl_engine_statement *statement, const struct tl_engine_view *view,
                                const char *sql, struct tl_err *err)
{
    struct tl_buf write;
    duckdb_result result;
    enum tl_code code = TL_OK;
    const char **allowed = tl_heap_alloc((statement->allowed_count + 2) * sizeof *allowed);
    tl_buf_init(&write, SQL_MAX);
    tl_buf_addf(&write, "write:%s.%s.%s", view->catalog, view->schema, view->name);
    for (size_t i = 0; i < statement->allowed_count; i++)
        allowed[i] = statement->allowed[i];
    allowed[statement->allowed_count] = "operator:CREATE_VIEW";
    allowed[statement->allowed_count + 1] = tl_buf_cstr(&write);
    tl_hooks_set_guard(running->connection,
                       &(struct tl_hooks_guard){.allowed = allowed, .allowed_count = statement->allowed_count + 2, .query_id = ""});
    if (duckdb_query(running->connection, sql, &result) != DuckDBSuccess)
        code = tl_duckdb_error(running->connection, duckdb_result_error(&result), duckdb_result_error_type(&result), err);
    struct tl_err said;
    tl_err_init(&said);
    if (code == TL_OK && tl_hooks_take_error(running->connection, &said) && said.code == TL_NOT_ALLOWED)
        code = tl_err_copy(err, &said);
    duckdb_destroy_result(&result);
    tl_buf_done(&write);
    free(allowed);
    return code;
}

static enum tl_code create_view(struct tl_duckdb_running *running, const struct tl_engine_statement *statement, const struct tl_engine_view *view,
                                struct tl_err *err)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_adds(&sql, "CREATE OR REPLACE VIEW ");
    tl_buf_add_identifier(&sql, view->catalog);
    tl_buf_addc(&sql, '.');
    tl_buf_add_identifier(&sql, view->schema);
    tl_buf_addc(&sql, '.');
    tl_buf_add_identifier(&sql, view->name);
    tl_buf_addf(&sql, " AS %s", view->select_sql);
    enum tl_code code = sql.failed ? tl_err_set(err, TL_TOO_LARGE, "a governed view is larger than %d bytes", SQL_MAX)
                                   : execute_for(running, statement, view, tl_buf_cstr(&sql), err);
    tl_buf_done(&sql);
    err->position = -1; /* it would point into the view, not into the statement */
    return code;
}

/* ---- under the mutex ---- */

static struct catalog **find_catalog(struct tl_duckdb_views *views, const char *name)
{
    struct catalog **link = &views->buckets[tl_duckdb_hash(0, name) % BUCKETS];
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

static void free_catalog(struct catalog *catalog)
{
    for (struct view *view = catalog->views, *next; view; view = next) {
        next = view->next;
        free(view->schema);
        free(view->name);
        free(view);
    }
    for (struct schema *schema = catalog->schemas, *next; schema; schema = next) {
        next = schema->next;
        free(schema->name);
        free(schema);
    }
    free(catalog->name);
    free(catalog);
}

/* The one that nobody has used for longest. */
static struct catalog **find_oldest(struct tl_duckdb_views *views)
{
    struct catalog **oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct catalog **link = &views->buckets[i]; *link; link = &(*link)->next)
            if ((*link)->users == 0 && (!oldest || (*link)->last_used < (*oldest)->last_used))
                oldest = link;
    return oldest;
}

static void make_room(struct tl_duckdb_views *views)
{
    struct catalog **oldest;
    while ((views->catalog_count >= CATALOGS_MAX || views->view_count >= VIEWS_MAX) && (oldest = find_oldest(views)) != NULL) {
        struct tl_err ignored;
        tl_err_init(&ignored);
        struct catalog *catalog = *oldest;
        if (execute_named(views->connection, "DETACH DATABASE IF EXISTS ", catalog->name, NULL, &ignored) != TL_OK)
            break;
        *oldest = catalog->next;
        views->catalog_count--;
        views->view_count -= catalog->view_count;
        free_catalog(catalog);
    }
}

static struct catalog *get_catalog(struct tl_duckdb_views *views, const char *name, struct tl_err *err)
{
    struct catalog **link = find_catalog(views, name);
    if (*link)
        return *link;
    make_room(views);
    if (execute_named(views->connection, "ATTACH ':memory:' AS ", name, NULL, err) != TL_OK)
        return NULL;
    struct catalog *catalog = tl_heap_alloc(sizeof *catalog);
    catalog->name = tl_heap_strdup(name);
    link = find_catalog(views, name);
    *link = catalog;
    views->catalog_count++;
    return catalog;
}

static enum tl_code ensure_schema(struct tl_duckdb_views *views, struct catalog *catalog, const char *name, struct tl_err *err)
{
    for (const struct schema *schema = catalog->schemas; schema; schema = schema->next)
        if (strcmp(schema->name, name) == 0)
            return TL_OK;
    if (execute_named(views->connection, "CREATE SCHEMA IF NOT EXISTS ", catalog->name, name, err) != TL_OK)
        return err->code;
    struct schema *schema = tl_heap_alloc(sizeof *schema);
    schema->name = tl_heap_strdup(name);
    schema->next = catalog->schemas;
    catalog->schemas = schema;
    return TL_OK;
}

static struct view **find_view(struct catalog *catalog, const struct tl_engine_view *wanted)
{
    struct view **link = &catalog->views;
    while (*link && (strcmp((*link)->name, wanted->name) != 0 || strcmp((*link)->schema, wanted->schema) != 0))
        link = &(*link)->next;
    return link;
}

static void wait_for_change(struct tl_duckdb_views *views)
{
    enum { STEP_NS = 20 * 1000000, SECOND_NS = 1000000000 };
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += STEP_NS;
    if (until.tv_nsec >= SECOND_NS) {
        until.tv_sec++;
        until.tv_nsec -= SECOND_NS;
    }
    pthread_cond_timedwait(&views->changed, &views->mutex, &until);
}

/* Makes the view with the mutex open: its source may be slow, and other views do not wait for that. */
static enum tl_code make_view(struct tl_duckdb_views *views, struct catalog *catalog, struct tl_duckdb_running *running,
                              const struct tl_engine_statement *statement, const struct tl_engine_view *wanted, struct tl_err *err)
{
    struct view *view = tl_heap_alloc(sizeof *view);
    *view = (struct view){catalog->views, tl_heap_strdup(wanted->schema), tl_heap_strdup(wanted->name), false};
    catalog->views = view;
    catalog->view_count++;
    views->view_count++;
    pthread_mutex_unlock(&views->mutex);
    enum tl_code code = create_view(running, statement, wanted, err);
    pthread_mutex_lock(&views->mutex);
    if (code == TL_OK) {
        view->ready = true;
        views->made++;
    } else {
        *find_view(catalog, wanted) = view->next;
        catalog->view_count--;
        views->view_count--;
        free(view->schema);
        free(view->name);
        free(view);
    }
    pthread_cond_broadcast(&views->changed);
    return code;
}

static enum tl_code ensure_view(struct tl_duckdb_views *views, struct catalog *catalog, struct tl_duckdb_running *running,
                                const struct tl_engine_statement *statement, const struct tl_engine_view *wanted, struct tl_err *err)
{
    for (;;) {
        const struct view *view = *find_view(catalog, wanted);
        if (view && view->ready)
            return TL_OK;
        if (!view)
            return make_view(views, catalog, running, statement, wanted, err);
        if (tl_duckdb_running_stopped(running))
            return tl_err_set(err, TL_CANCELLED, "the statement was cancelled");
        wait_for_change(views);
    }
}

static void release(struct tl_duckdb_views *views, const struct tl_engine_statement *statement, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct catalog *catalog = *find_catalog(views, statement->views[i].catalog);
        if (catalog)
            catalog->users--;
    }
}

enum tl_code tl_duckdb_views_acquire(struct tl_duckdb_views *views, struct tl_duckdb_running *running,
                                     const struct tl_engine_statement *statement, struct tl_err *err)
{
    pthread_mutex_lock(&views->mutex);
    views->clock++;
    size_t held = 0;
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < statement->view_count && code == TL_OK; i++) {
        const struct tl_engine_view *wanted = &statement->views[i];
        struct catalog *catalog = get_catalog(views, wanted->catalog, err);
        if (!catalog) {
            code = err->code;
            break;
        }
        catalog->users++;
        catalog->last_used = views->clock;
        held++;
        code = ensure_schema(views, catalog, wanted->schema, err);
        if (code == TL_OK)
            code = ensure_view(views, catalog, running, statement, wanted, err);
    }
    if (code != TL_OK)
        release(views, statement, held);
    pthread_mutex_unlock(&views->mutex);
    return code;
}

enum tl_code tl_duckdb_views_renew(struct tl_duckdb_running *running, const struct tl_engine_statement *statement, struct tl_err *err)
{
    for (size_t i = 0; i < statement->view_count; i++)
        if (create_view(running, statement, &statement->views[i], err) != TL_OK)
            return err->code;
    return TL_OK;
}

void tl_duckdb_views_release(struct tl_duckdb_views *views, const struct tl_engine_statement *statement)
{
    pthread_mutex_lock(&views->mutex);
    release(views, statement, statement->view_count);
    pthread_mutex_unlock(&views->mutex);
}

int64_t tl_duckdb_views_made(struct tl_duckdb_views *views)
{
    pthread_mutex_lock(&views->mutex);
    int64_t made = views->made;
    pthread_mutex_unlock(&views->mutex);
    return made;
}
