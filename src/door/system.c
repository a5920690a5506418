/* information_schema of every catalog and the tables of the catalog "system" that clients of Trino ask for.
 *
 * They are governed views like all others, made of the registry's snapshot and of what the caller may know: their rows stand
 *   in the view's text as one JSON constant, so that the engine's own SQL works on them (filters, joins, LIKE). */
#include <string.h>

#include "door/system_int.h"
#include "door/upkeep.h"

enum {
    ROWS_JSON_MAX = 12 * 1024 * 1024,
    HISTORY_JSON_MAX = 64 * 1024 * 1024,
    HISTORY_ROWS = 100, /* of system.runtime.queries */
    JOBS_ROWS = 1000,
    AUDIT_RECORDS = 2000, /* of system.audit.records and events: `townlake audit export` has all */
    COLUMNS_MAX = 24,
    SHAPES_MAX = 4 * 1024 * 1024,
};

const char *const tl_system_schemas[] = {"audit", "information_schema", "jdbc", "lake", "metadata", "runtime", "skimmer", NULL};

size_t tl_system_count(void)
{
    return tl_system_table_count;
}

void tl_system_name(int table, const char **ret_schema, const char **ret_name, bool *ret_everywhere)
{
    *ret_schema = tl_system_tables[table].schema;
    *ret_name = tl_system_tables[table].name;
    *ret_everywhere = tl_system_tables[table].everywhere;
}

int tl_system_find(const char *catalog, const char *schema, const char *name)
{
    bool system = tl_streq_nocase(catalog, "system");
    for (size_t i = 0; i < tl_system_count(); i++)
        if ((tl_system_tables[i].everywhere || system) && tl_streq_nocase(tl_system_tables[i].schema, schema) &&
            tl_streq_nocase(tl_system_tables[i].name, name))
            return (int)i;
    return -1;
}

/* A column's type, and how from_json is told of it. */
static const struct tl_type text_type = {.id = TL_TYPE_VARCHAR};
static const struct kind {
    char letter;
    const char *shape;
    struct tl_type type;
} kinds[] = {
    {'v', "\"VARCHAR\"", {.id = TL_TYPE_VARCHAR}},
    {'b', "\"BIGINT\"", {.id = TL_TYPE_INT64}},
    {'t', "\"BOOLEAN\"", {.id = TL_TYPE_BOOLEAN}},
    {'z', "\"TIMESTAMPTZ\"", {.id = TL_TYPE_TIMESTAMPTZ}},
    {'a', "[\"VARCHAR\"]", {.id = TL_TYPE_LIST, .child_count = 1, .children = &text_type}},
};

static const struct kind *kind_of_letter(char letter)
{
    size_t i = 0;
    while (kinds[i].letter != letter)
        i++;
    return &kinds[i];
}

const struct tl_source_dataset *tl_system_dataset(struct tl_door_call *call, int table)
{
    tl_arena *arena = call->rq->arena;
    struct tl_source_dataset *dataset = TL_NEW(arena, struct tl_source_dataset);
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, COLUMNS_MAX);
    *dataset = (struct tl_source_dataset){.schema = tl_system_tables[table].schema,
                                          .name = tl_system_tables[table].name,
                                          .kind = TL_DATASET_TABLE,
                                          .row_estimate = -1,
                                          .size_bytes = -1,
                                          .columns = columns};
    for (const char *p = tl_system_tables[table].columns; p && dataset->column_count < COLUMNS_MAX;) {
        size_t name_size = strcspn(p, " ");
        char type = p[name_size + 1];
        const struct kind *kind = kind_of_letter(type);
        columns[dataset->column_count++] =
            (struct tl_source_column){.name = tl_arena_strndup(arena, p, name_size),
                                      .type = kind->type,
                                      .source_type = kind->shape,
                                      .nullable = true};
        const char *comma = strchr(p, ',');
        p = comma ? comma + 2 : NULL;
    }
    return dataset;
}

/* --- rows --- */

static void put_row(const struct tl_system_table *table, struct tl_system_item item)
{
    tl_json_begin_object(item.json);
    table->put(&item);
    tl_json_end_object(item.json);
}

static void put_dataset(const struct tl_system_table *table, struct tl_system_item item)
{
    if (table->span == TL_SYSTEM_PER_TABLE || (table->span == TL_SYSTEM_PER_VIEW && item.dataset->kind == TL_DATASET_VIEW))
        put_row(table, item);
    if (table->span != TL_SYSTEM_PER_COLUMN)
        return;
    const bool *visible = tl_rights_visible(item.call, item.catalog, item.dataset);
    for (size_t i = 0; i < item.dataset->column_count; i++) {
        item.column = &item.dataset->columns[i];
        item.position += visible[i]; /* counted among those that are shown: a gap would tell */
        if (visible[i])
            put_row(table, item);
    }
}

static void put_system_tables(const struct tl_system_table *table, struct tl_system_item item, bool system)
{
    for (size_t i = 0; i < tl_system_count(); i++) {
        if (system || tl_system_tables[i].everywhere) {
            item.dataset = tl_system_dataset(item.call, (int)i);
            item.schema = item.dataset->schema;
            put_dataset(table, item);
        }
    }
}

static void put_schema(const struct tl_system_table *table, struct tl_system_item item, const char *schema)
{
    item.schema = schema;
    if (table->span == TL_SYSTEM_PER_SCHEMA)
        put_row(table, item);
}

static void put_source(const struct tl_system_table *table, struct tl_system_item item, const struct tl_registry_source *source)
{
    struct tl_door_call *call = item.call;
    item.catalog = source->name;
    if (table->span == TL_SYSTEM_PER_CATALOG)
        put_row(table, item);
    const char *const *schemas;
    size_t schema_count = tl_catalog_schemas(call, source, &schemas);
    for (size_t i = 0; i < schema_count; i++)
        if (tl_catalog_may_know(call, source->name, schemas[i], NULL))
            put_schema(table, item, schemas[i]);
    put_schema(table, item, "information_schema");
    if (table->span > TL_SYSTEM_PER_COLUMN)
        return;
    for (size_t i = 0; i < source->dataset_count; i++) {
        item.dataset = &source->datasets[i];
        item.schema = item.dataset->schema;
        if (tl_catalog_may_know(call, source->name, item.schema, item.dataset->name))
            put_dataset(table, item);
    }
    const struct tl_door_view **views;
    size_t view_count = tl_views_list(call, source->name, &views);
    for (size_t i = 0; i < view_count; i++) {
        item.view = views[i];
        item.dataset = &views[i]->dataset;
        item.schema = views[i]->schema;
        put_dataset(table, item);
    }
    item.view = NULL;
    put_system_tables(table, item, false);
}

/* Records of the audit: the caller's own, or all for those who review them. */
static enum tl_code list_records(struct tl_door_call *call, enum tl_system_span span, struct tl_buf *json_array)
{
    const struct tl_principal *principal = call->rq->principal;
    const char *user = principal && tl_principal_is_auditor(principal) ? NULL : tl_call_user(call);
    if (!call->door->audit)
        return tl_buf_adds(json_array, "[]"), TL_OK;
    return span == TL_SYSTEM_PER_EVENT ? tl_audit_events(call->rq, call->door->audit, user, AUDIT_RECORDS, json_array)
                                       : tl_audit_recent(call->rq, call->door->audit, user, AUDIT_RECORDS, json_array);
}

/* What is kept of the past, as JSON; of the caller's own, or of all for administrators. */
static enum tl_code list(struct tl_door_call *call, enum tl_system_span span, struct tl_buf *json_array)
{
    switch (span) {
    case TL_SYSTEM_PER_QUERY:
        return tl_door_history(call->rq, call->door, tl_running_whose(call), HISTORY_ROWS, json_array);
    case TL_SYSTEM_PER_JOB:
        return tl_upkeep_list(call->rq, call->door, tl_running_whose(call), JOBS_ROWS, json_array);
    case TL_SYSTEM_PER_FINDING:
        return tl_findings_list(call, json_array);
    default:
        return list_records(call, span, json_array);
    }
}

/* A row for each object of a list. */
static enum tl_code put_listed(const struct tl_system_table *table, struct tl_system_item item)
{
    struct tl_door_call *call = item.call;
    const tl_json *rows = NULL;
    struct tl_buf json;
    tl_buf_init(&json, HISTORY_JSON_MAX);
    enum tl_code code = list(call, table->span, &json);
    if (code == TL_OK)
        code = tl_json_parse(call->rq->arena, json.data, json.size, &rows, &call->rq->err);
    for (struct tl_json_iter it = tl_json_iter(rows); code == TL_OK && tl_json_next(&it);) {
        item.finished = it.value;
        put_row(table, item);
    }
    tl_buf_done(&json);
    return code;
}

/* Statements that run: the caller's own, or all for administrators. */
static void put_running(const struct tl_system_table *table, struct tl_system_item item)
{
    const struct tl_running_statement *running;
    size_t count = tl_running_list(item.call, tl_running_whose(item.call), &running);
    for (size_t i = 0; i < count; i++) {
        item.running = &running[i];
        put_row(table, item);
    }
}

static enum tl_code put_single(const struct tl_system_table *table, struct tl_system_item item)
{
    enum { TABLE_TYPES = 2 };
    switch (table->span) {
    case TL_SYSTEM_ONE_ROW:
        put_row(table, item);
        return TL_OK;
    case TL_SYSTEM_PER_TABLE_TYPE:
        for (item.position = 0; item.position < TABLE_TYPES; item.position++)
            put_row(table, item);
        return TL_OK;
    case TL_SYSTEM_PER_TYPE:
        for (item.position = 0; item.position < (int64_t)tl_system_jdbc_type_count; item.position++)
            table->put(&item);
        return TL_OK;
    case TL_SYSTEM_NO_ROWS:
        return TL_OK;
    case TL_SYSTEM_PER_QUERY:
        put_running(table, item);
        return put_listed(table, item);
    default:
        return put_listed(table, item);
    }
}

/* The schemas of the catalog "system", and what every catalog has. */
static void put_system_catalog(const struct tl_system_table *table, struct tl_system_item item)
{
    item.catalog = "system";
    if (table->span == TL_SYSTEM_PER_CATALOG)
        put_row(table, item);
    for (size_t i = 0; tl_system_schemas[i]; i++)
        put_schema(table, item, tl_system_schemas[i]);
    if (table->span <= TL_SYSTEM_PER_COLUMN)
        put_system_tables(table, item, true);
}

static enum tl_code put_rows(struct tl_door_call *call, const struct tl_system_table *table, const char *catalog,
                             struct tl_json_writer *json)
{
    struct tl_system_item item = {.call = call, .json = json};
    if (table->span >= TL_SYSTEM_PER_TYPE)
        return put_single(table, item);
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(call->snapshot, &sources);
    for (size_t i = 0; i < count; i++)
        if ((!table->everywhere || tl_streq(catalog, sources[i].name)) &&
            tl_catalog_may_know(call, sources[i].name, NULL, NULL))
            put_source(table, item, &sources[i]);
    if (!table->everywhere || tl_streq(catalog, "system"))
        put_system_catalog(table, item);
    return TL_OK;
}

void tl_system_put_select(struct tl_buf *sql, const struct tl_source_dataset *dataset, const struct tl_buf *rows)
{
    struct tl_buf types;
    struct tl_json_writer writer;
    tl_buf_init(&types, SHAPES_MAX);
    tl_json_writer_init(&writer, &types);
    tl_json_begin_array(&writer);
    tl_json_begin_object(&writer);
    for (size_t i = 0; i < dataset->column_count; i++) {
        tl_buf_adds(sql, i ? ", r." : "SELECT r.");
        tl_buf_add_identifier(sql, dataset->columns[i].name);
        tl_buf_adds(sql, " AS ");
        tl_buf_add_identifier(sql, dataset->columns[i].name);
        tl_json_key(&writer, dataset->columns[i].name);
        tl_json_put_raw(&writer, tl_str_of(dataset->columns[i].source_type));
    }
    tl_json_end_object(&writer);
    tl_json_end_array(&writer);
    sql->failed = sql->failed || types.failed;
    tl_buf_adds(sql, " FROM (SELECT unnest(from_json(");
    tl_buf_add_literal(sql, rows->data, rows->size);
    tl_buf_adds(sql, ", ");
    tl_buf_add_literal(sql, types.data, types.size);
    tl_buf_adds(sql, ")) AS r)");
    tl_buf_done(&types);
}

enum tl_code tl_system_sql(struct tl_door_call *call, int table, const char *catalog, const char **ret_sql)
{
    struct tl_buf rows, sql;
    tl_buf_init(&rows, ROWS_JSON_MAX);
    tl_buf_init(&sql, 2 * ROWS_JSON_MAX);
    struct tl_json_writer json;
    tl_json_writer_init(&json, &rows);
    tl_json_begin_array(&json);
    enum tl_code code = put_rows(call, &tl_system_tables[table], catalog, &json);
    tl_json_end_array(&json);
    tl_system_put_select(&sql, tl_system_dataset(call, table), &rows);
    bool failed = rows.failed || sql.failed;
    *ret_sql = failed ? NULL : tl_arena_strndup(call->rq->arena, sql.data, sql.size);
    tl_buf_done(&rows);
    tl_buf_done(&sql);
    if (code != TL_OK || !failed)
        return code;
    tl_err_set(&call->rq->err, TL_TOO_LARGE, "%s.%s has more rows than fit into one answer", tl_system_tables[table].schema,
               tl_system_tables[table].name);
    tl_err_hint(&call->rq->err, "ask one catalog: catalog.information_schema.%s, or SHOW TABLES and SHOW COLUMNS",
                tl_system_tables[table].span == TL_SYSTEM_PER_COLUMN ? "columns" : "tables");
    return TL_TOO_LARGE;
}
