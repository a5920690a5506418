/* Names after a prefix, for people who type: each candidate is the whole word, catalogs and schemas included. */
#include <stdlib.h>
#include <string.h>

#include "door/door_int.h"
#include "door/functions.h"

struct completion {
    struct tl_door_call *call;
    const char *prefix;
    size_t prefix_size;
    const char **names;
    size_t count, max;
};

static bool is_plain(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || *p == '_' || (p > name && *p >= '0' && *p <= '9')))
            return false;
    return *name != '\0';
}

static void put_part(struct tl_buf *buf, const char *part)
{
    if (buf->size)
        tl_buf_addc(buf, '.');
    if (is_plain(part))
        tl_buf_adds(buf, part);
    else
        tl_buf_add_identifier(buf, part);
}

static void offer(struct completion *c, const char *catalog, const char *schema, const char *name)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    const char *parts[3] = {catalog, schema, name};
    for (int i = 0; i < 3; i++)
        if (parts[i])
            put_part(&buf, parts[i]);
    const char *text = tl_buf_cstr(&buf);
    bool known = c->count == c->max || strncasecmp(text, c->prefix, c->prefix_size) != 0;
    for (size_t i = 0; i < c->count && !known; i++)
        known = strcmp(c->names[i], text) == 0;
    if (!known)
        c->names[c->count++] = tl_arena_strdup(c->call->rq->arena, text);
    tl_buf_done(&buf);
}

/* A dataset: by its full name, by schema.table and table where the session says the rest, and its columns. */
static void offer_dataset(struct completion *c, const char *source, const struct tl_source_dataset *d)
{
    const struct tl_session *session = c->call->session;
    if (!tl_catalog_may_know(c->call, source, d->schema, d->name))
        return;
    bool own_catalog = tl_streq_nocase(session->catalog, source),
         own_schema = own_catalog && tl_streq_nocase(session->schema, d->schema);
    offer(c, source, d->schema, d->name);
    if (own_catalog)
        offer(c, NULL, d->schema, d->name);
    if (!own_schema)
        return;
    offer(c, NULL, NULL, d->name);
    const bool *visible = tl_rights_visible(c->call, source, d);
    for (size_t i = 0; i < d->column_count && c->count < c->max; i++) {
        if (!visible[i])
            continue;
        offer(c, NULL, NULL, d->columns[i].name);
        offer(c, NULL, d->name, d->columns[i].name);
    }
}

static void offer_source(struct completion *c, const struct tl_registry_source *source)
{
    if (!tl_catalog_may_know(c->call, source->name, NULL, NULL))
        return;
    offer(c, source->name, NULL, NULL);
    const char *const *schemas;
    size_t schema_count = tl_catalog_schemas(c->call, source, &schemas);
    for (size_t i = 0; i < schema_count && c->count < c->max; i++) {
        if (!tl_catalog_may_know(c->call, source->name, schemas[i], NULL))
            continue;
        offer(c, source->name, schemas[i], NULL);
        if (tl_streq_nocase(c->call->session->catalog, source->name))
            offer(c, NULL, schemas[i], NULL);
    }
    for (size_t i = 0; i < source->dataset_count && c->count < c->max; i++)
        offer_dataset(c, source->name, &source->datasets[i]);
    const struct tl_door_view **views;
    size_t view_count = tl_views_list(c->call, source->name, &views);
    for (size_t i = 0; i < view_count && c->count < c->max; i++)
        offer_dataset(c, source->name, &views[i]->dataset);
}

static const char *const words[] = {
    "ALTER TABLE",
    "AND",
    "AS",
    "BETWEEN",
    "BY",
    "CASE",
    "CREATE SCHEMA",
    "CREATE TABLE",
    "CREATE VIEW",
    "CROSS JOIN",
    "DELETE FROM",
    "DESCRIBE",
    "DISTINCT",
    "DROP TABLE",
    "DROP VIEW",
    "ELSE",
    "END",
    "EXCEPT",
    "EXECUTE",
    "EXISTS",
    "EXPLAIN",
    "EXPLAIN ANALYZE",
    "FROM",
    "GROUP BY",
    "HAVING",
    "IN",
    "INNER JOIN",
    "INSERT INTO",
    "INTERSECT",
    "INTERVAL",
    "IS NOT NULL",
    "IS NULL",
    "JOIN",
    "LEFT JOIN",
    "LIKE",
    "LIMIT",
    "MERGE INTO",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER BY",
    "OVER",
    "PARTITION BY",
    "PREPARE",
    "QUALIFY",
    "RESET SESSION",
    "SELECT",
    "SET SESSION",
    "SHOW CATALOGS",
    "SHOW COLUMNS FROM",
    "SHOW CREATE TABLE",
    "SHOW FUNCTIONS",
    "SHOW SCHEMAS",
    "SHOW SESSION",
    "SHOW TABLES",
    "THEN",
    "TRUNCATE TABLE",
    "UNION ALL",
    "UPDATE",
    "USE",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
};

static void offer_words(struct completion *c)
{
    for (size_t i = 0; i < sizeof words / sizeof *words && c->count < c->max; i++)
        if (strncasecmp(words[i], c->prefix, c->prefix_size) == 0)
            c->names[c->count++] = words[i];
    const struct tl_function *functions;
    size_t count = tl_functions(&functions);
    for (size_t i = 0; i < count && c->count < c->max; i++)
        if (is_plain(functions[i].name) && !functions[i].hidden && c->prefix_size > 0)
            offer(c, NULL, NULL, functions[i].name);
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

enum tl_code tl_door_complete(struct tl_request *rq, tl_door *door, const struct tl_session *session,
                              const char *prefix, int count_max, struct tl_buf *json_array)
{
    struct tl_door_call call = {.rq = rq, .door = door, .session = session};
    struct completion c = {
        .call = &call, .prefix = prefix, .prefix_size = strlen(prefix), .max = count_max > 0 ? (size_t)count_max : 0};
    c.names = TL_NEW_ARRAY(rq->arena, const char *, c.max);
    tl_catalog_acquire(&call);
    const struct tl_registry_source *sources;
    size_t source_count = tl_snapshot_sources(call.snapshot, &sources);
    for (size_t i = 0; i < source_count && c.count < c.max; i++)
        offer_source(&c, &sources[i]);
    offer_words(&c);
    tl_registry_release(call.snapshot);
    qsort(c.names, c.count, sizeof *c.names, by_name);
    struct tl_json_writer json;
    tl_json_writer_init(&json, json_array);
    tl_json_begin_array(&json);
    for (size_t i = 0; i < c.count; i++)
        tl_json_put_text(&json, c.names[i]);
    tl_json_end_array(&json);
    return TL_OK;
}
