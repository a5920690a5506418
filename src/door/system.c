/* information_schema of every catalog and the tables of the catalog "system" that clients of Trino ask for.
 *
 * They are governed views like all others, made of the registry's snapshot and of what the caller may know: their rows stand
 *   in the view's text as one JSON constant, so that the engine's own SQL works on them (filters, joins, LIKE). */
#include <string.h>

#include "door/door_int.h"

enum { ROWS_JSON_MAX = 12 * 1024 * 1024, COLUMNS_MAX = 24 };

/* One dataset or column, as rows are made of it. */
struct item {
    struct tl_door_call *call;
    struct tl_json_writer *json;
    const char *catalog, *schema;
    const struct tl_source_dataset *dataset;
    const struct tl_source_column *column;
    int64_t position;
};

enum span { PER_TABLE, PER_COLUMN, PER_SCHEMA, PER_CATALOG, PER_TYPE, NO_ROWS };

struct system_table {
    const char *schema, *name;
    bool everywhere; /* in each catalog, of that catalog's own; else in "system", of all */
    enum span span;
    void (*put)(const struct item *item);
    const char *columns; /* "name type, ..": type v(archar), b(igint), t(ruth) */
};

static void text(const struct item *item, const char *name, const char *value)
{
    tl_json_pair_text(item->json, name, value);
}

static void number(const struct item *item, const char *name, int64_t value)
{
    tl_json_pair_int64(item->json, name, value);
}

static const char *kind_of(const struct tl_source_dataset *dataset, const char *table)
{
    return dataset->kind == TL_DATASET_VIEW ? "VIEW" : table;
}

static const char *type_text(const struct item *item)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    tl_type_format_trino(&buf, &item->column->type);
    const char *copy = tl_arena_strdup(item->call->rq->arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return copy;
}

static void put_schemata(const struct item *item)
{
    text(item, "catalog_name", item->catalog);
    text(item, "schema_name", item->schema);
}

static void put_tables(const struct item *item)
{
    text(item, "table_catalog", item->catalog);
    text(item, "table_schema", item->schema);
    text(item, "table_name", item->dataset->name);
    text(item, "table_type", kind_of(item->dataset, "BASE TABLE"));
}

static void put_views(const struct item *item)
{
    const struct tl_door_view *view = tl_views_find(item->call, item->catalog, item->schema, item->dataset->name);
    text(item, "table_catalog", item->catalog);
    text(item, "table_schema", item->schema);
    text(item, "table_name", item->dataset->name);
    text(item, "view_definition", view ? view->sql : NULL);
}

static void put_columns(const struct item *item)
{
    text(item, "table_catalog", item->catalog);
    text(item, "table_schema", item->schema);
    text(item, "table_name", item->dataset->name);
    text(item, "column_name", item->column->name);
    number(item, "ordinal_position", item->position);
    text(item, "is_nullable", item->column->nullable ? "YES" : "NO");
    text(item, "data_type", type_text(item));
    text(item, "comment", item->column->comment);
}

static void put_jdbc_catalogs(const struct item *item)
{
    text(item, "TABLE_CAT", item->catalog);
}

static void put_jdbc_schemas(const struct item *item)
{
    text(item, "TABLE_SCHEM", item->schema);
    text(item, "TABLE_CATALOG", item->catalog);
}

static void put_jdbc_tables(const struct item *item)
{
    text(item, "TABLE_CAT", item->catalog);
    text(item, "TABLE_SCHEM", item->schema);
    text(item, "TABLE_NAME", item->dataset->name);
    text(item, "TABLE_TYPE", kind_of(item->dataset, "TABLE"));
    text(item, "REMARKS", item->dataset->comment);
}

static void put_table_comments(const struct item *item)
{
    text(item, "catalog_name", item->catalog);
    text(item, "schema_name", item->schema);
    text(item, "table_name", item->dataset->name);
    text(item, "comment", item->dataset->comment);
}

static void put_metadata_catalogs(const struct item *item)
{
    const struct tl_registry_source *source = tl_snapshot_source(item->call->snapshot, item->catalog);
    text(item, "catalog_name", item->catalog);
    text(item, "connector_id", item->catalog);
    text(item, "connector_name", source ? source->kind : "system");
}

/* java.sql.Types and the digits a value has. */
struct jdbc_type {
    enum tl_type_id id;
    const char *name;
    int code, digits;
    bool numeric;
};
static const struct jdbc_type jdbc_types[] = {
    {TL_TYPE_BOOLEAN, "boolean", 16, 1, false},
    {TL_TYPE_INT8, "tinyint", -6, 3, true},
    {TL_TYPE_INT16, "smallint", 5, 5, true},
    {TL_TYPE_INT32, "integer", 4, 10, true},
    {TL_TYPE_INT64, "bigint", -5, 19, true},
    {TL_TYPE_UINT8, NULL, 5, 5, true},
    {TL_TYPE_UINT16, NULL, 4, 10, true},
    {TL_TYPE_UINT32, NULL, -5, 19, true},
    {TL_TYPE_UINT64, NULL, 3, 20, true},
    {TL_TYPE_INT128, NULL, 3, 38, true},
    {TL_TYPE_UINT128, NULL, 3, 38, true},
    {TL_TYPE_FLOAT, "real", 7, 24, true},
    {TL_TYPE_DOUBLE, "double", 8, 53, true},
    {TL_TYPE_DECIMAL, "decimal", 3, 38, true},
    {TL_TYPE_VARCHAR, "varchar", 12, 0, false},
    {TL_TYPE_BLOB, "varbinary", -3, 0, false},
    {TL_TYPE_DATE, "date", 91, 14, false},
    {TL_TYPE_TIME, "time", 92, 8, false},
    {TL_TYPE_TIMESTAMP, "timestamp", 93, 26, false},
    {TL_TYPE_TIMESTAMP_NS, NULL, 93, 29, false},
    {TL_TYPE_TIMESTAMPTZ, "timestamp with time zone", 2014, 32, false},
    {TL_TYPE_LIST, "array", 2003, 0, false},
    {TL_TYPE_MAP, "map", 2000, 0, false},
    {TL_TYPE_STRUCT, "row", 2000, 0, false},
};

static const struct jdbc_type *jdbc_type_of(enum tl_type_id id)
{
    static const struct jdbc_type other = {TL_TYPE_INVALID, NULL, 2000, 0, false};
    for (size_t i = 0; i < sizeof jdbc_types / sizeof *jdbc_types; i++)
        if (jdbc_types[i].id == id)
            return &jdbc_types[i];
    return &other;
}

static void put_jdbc_columns(const struct item *item)
{
    const struct tl_type *type = &item->column->type;
    const struct jdbc_type *jdbc = jdbc_type_of(type->id);
    put_jdbc_schemas(item);
    text(item, "TABLE_CAT", item->catalog);
    text(item, "TABLE_NAME", item->dataset->name);
    text(item, "COLUMN_NAME", item->column->name);
    number(item, "DATA_TYPE", jdbc->code);
    text(item, "TYPE_NAME", type_text(item));
    if (type->id == TL_TYPE_DECIMAL)
        number(item, "DECIMAL_DIGITS", type->scale);
    if (jdbc->digits || type->id == TL_TYPE_DECIMAL)
        number(item, "COLUMN_SIZE", type->id == TL_TYPE_DECIMAL ? type->precision : jdbc->digits);
    if (jdbc->numeric)
        number(item, "NUM_PREC_RADIX", 10);
    number(item, "BUFFER_LENGTH", 0);
    number(item, "NULLABLE", item->column->nullable);
    text(item, "REMARKS", item->column->comment);
    number(item, "ORDINAL_POSITION", item->position);
    text(item, "IS_NULLABLE", item->column->nullable ? "YES" : "NO");
}

static void put_jdbc_types(const struct item *item)
{
    const struct jdbc_type *type = &jdbc_types[item->position];
    text(item, "TYPE_NAME", type->name);
    number(item, "DATA_TYPE", type->code);
    if (type->digits)
        number(item, "PRECISION", type->digits);
    number(item, "NULLABLE", 1);
    tl_json_pair_bool(item->json, "CASE_SENSITIVE", type->id == TL_TYPE_VARCHAR);
    number(item, "SEARCHABLE", 3);
    tl_json_pair_bool(item->json, "FIXED_PREC_SCALE", false);
    number(item, "MINIMUM_SCALE", 0);
    number(item, "MAXIMUM_SCALE", type->id == TL_TYPE_DECIMAL ? 38 : 0);
    if (type->numeric)
        number(item, "NUM_PREC_RADIX", 10);
}

static void put_jdbc_table_types(const struct item *item)
{
    text(item, "TABLE_TYPE", item->position ? "VIEW" : "TABLE");
}

static const struct system_table tables[] = {
    {"information_schema", "schemata", true, PER_SCHEMA, put_schemata, "catalog_name v, schema_name v"},
    {"information_schema", "tables", true, PER_TABLE, put_tables,
     "table_catalog v, table_schema v, table_name v, table_type v"},
    {"information_schema", "views", true, PER_TABLE, put_views,
     "table_catalog v, table_schema v, table_name v, view_definition v"},
    {"information_schema", "columns", true, PER_COLUMN, put_columns,
     "table_catalog v, table_schema v, table_name v, column_name v, ordinal_position b, column_default v, is_nullable "
     "v, data_type v, "
     "comment v"},
    {"metadata", "catalogs", false, PER_CATALOG, put_metadata_catalogs,
     "catalog_name v, connector_id v, connector_name v"},
    {"metadata", "table_comments", false, PER_TABLE, put_table_comments,
     "catalog_name v, schema_name v, table_name v, comment v"},
    {"jdbc", "catalogs", false, PER_CATALOG, put_jdbc_catalogs, "TABLE_CAT v"},
    {"jdbc", "schemas", false, PER_SCHEMA, put_jdbc_schemas, "TABLE_SCHEM v, TABLE_CATALOG v"},
    {"jdbc", "table_types", false, PER_TYPE, put_jdbc_table_types, "TABLE_TYPE v"},
    {"jdbc", "tables", false, PER_TABLE, put_jdbc_tables,
     "TABLE_CAT v, TABLE_SCHEM v, TABLE_NAME v, TABLE_TYPE v, REMARKS v, TYPE_CAT v, TYPE_SCHEM v, TYPE_NAME v, "
     "SELF_REFERENCING_COL_NAME v, REF_GENERATION v"},
    {"jdbc", "columns", false, PER_COLUMN, put_jdbc_columns,
     "TABLE_CAT v, TABLE_SCHEM v, TABLE_NAME v, COLUMN_NAME v, DATA_TYPE b, TYPE_NAME v, COLUMN_SIZE b, BUFFER_LENGTH "
     "b, "
     "DECIMAL_DIGITS b, NUM_PREC_RADIX b, NULLABLE b, REMARKS v, COLUMN_DEF v, SQL_DATA_TYPE b, SQL_DATETIME_SUB b, "
     "CHAR_OCTET_LENGTH b, ORDINAL_POSITION b, IS_NULLABLE v, SCOPE_CATALOG v, SCOPE_SCHEMA v, SCOPE_TABLE v, "
     "SOURCE_DATA_TYPE b, "
     "IS_AUTOINCREMENT v, IS_GENERATEDCOLUMN v"},
    {"jdbc", "types", false, PER_TYPE, put_jdbc_types,
     "TYPE_NAME v, DATA_TYPE b, PRECISION b, LITERAL_PREFIX v, LITERAL_SUFFIX v, CREATE_PARAMS v, NULLABLE b, "
     "CASE_SENSITIVE t, "
     "SEARCHABLE b, UNSIGNED_ATTRIBUTE t, FIXED_PREC_SCALE t, AUTO_INCREMENT t, LOCAL_TYPE_NAME v, MINIMUM_SCALE b, "
     "MAXIMUM_SCALE b, "
     "SQL_DATA_TYPE b, SQL_DATETIME_SUB b, NUM_PREC_RADIX b"},
    {"jdbc", "procedures", false, NO_ROWS, NULL,
     "PROCEDURE_CAT v, PROCEDURE_SCHEM v, PROCEDURE_NAME v, REMARKS v, PROCEDURE_TYPE b, SPECIFIC_NAME v"},
};

size_t tl_system_count(void)
{
    return sizeof tables / sizeof *tables;
}

void tl_system_name(int table, const char **ret_schema, const char **ret_name, bool *ret_everywhere)
{
    *ret_schema = tables[table].schema;
    *ret_name = tables[table].name;
    *ret_everywhere = tables[table].everywhere;
}

int tl_system_find(const char *catalog, const char *schema, const char *name)
{
    bool system = tl_streq_nocase(catalog, "system");
    for (size_t i = 0; i < tl_system_count(); i++)
        if ((tables[i].everywhere || system) && tl_streq_nocase(tables[i].schema, schema) &&
            tl_streq_nocase(tables[i].name, name))
            return (int)i;
    return -1;
}

const struct tl_source_dataset *tl_system_dataset(struct tl_door_call *call, int table)
{
    tl_arena *arena = call->rq->arena;
    struct tl_source_dataset *dataset = TL_NEW(arena, struct tl_source_dataset);
    struct tl_source_column *columns = TL_NEW_ARRAY(arena, struct tl_source_column, COLUMNS_MAX);
    *dataset = (struct tl_source_dataset){.schema = tables[table].schema,
                                          .name = tables[table].name,
                                          .kind = TL_DATASET_TABLE,
                                          .row_estimate = -1,
                                          .size_bytes = -1,
                                          .columns = columns};
    for (const char *p = tables[table].columns; p && dataset->column_count < COLUMNS_MAX;) {
        size_t name_size = strcspn(p, " ");
        char type = p[name_size + 1];
        columns[dataset->column_count++] =
            (struct tl_source_column){.name = tl_arena_strndup(arena, p, name_size),
                                      .type = tl_type_simple(type == 'v'   ? TL_TYPE_VARCHAR
                                                             : type == 'b' ? TL_TYPE_INT64
                                                                           : TL_TYPE_BOOLEAN),
                                      .source_type = type == 'v'   ? "VARCHAR"
                                                     : type == 'b' ? "BIGINT"
                                                                   : "BOOLEAN",
                                      .nullable = true};
        const char *comma = strchr(p, ',');
        p = comma ? comma + 2 : NULL;
    }
    return dataset;
}

/* --- rows --- */

static void put_row(const struct system_table *table, struct item item)
{
    tl_json_begin_object(item.json);
    table->put(&item);
    tl_json_end_object(item.json);
}

static void put_dataset(const struct system_table *table, struct item item)
{
    if (table->put == put_views && item.dataset->kind != TL_DATASET_VIEW)
        return;
    if (table->span == PER_TABLE)
        put_row(table, item);
    for (size_t i = 0; table->span == PER_COLUMN && i < item.dataset->column_count; i++) {
        item.column = &item.dataset->columns[i];
        item.position = (int64_t)i + 1;
        put_row(table, item);
    }
}

static void put_system_tables(const struct system_table *table, struct item item, bool system)
{
    for (size_t i = 0; i < tl_system_count(); i++) {
        if (system || tables[i].everywhere) {
            item.dataset = tl_system_dataset(item.call, (int)i);
            item.schema = item.dataset->schema;
            put_dataset(table, item);
        }
    }
}

static void put_schema(const struct system_table *table, struct item item, const char *schema)
{
    item.schema = schema;
    if (table->span == PER_SCHEMA)
        put_row(table, item);
}

static void put_source(const struct system_table *table, struct item item, const struct tl_registry_source *source)
{
    struct tl_door_call *call = item.call;
    item.catalog = source->name;
    if (table->span == PER_CATALOG)
        put_row(table, item);
    const char *const *schemas;
    size_t schema_count = tl_catalog_schemas(call, source, &schemas);
    for (size_t i = 0; i < schema_count; i++)
        if (tl_catalog_may_know(call, source->name, schemas[i], NULL))
            put_schema(table, item, schemas[i]);
    put_schema(table, item, "information_schema");
    for (size_t i = 0; i < source->dataset_count; i++) {
        item.dataset = &source->datasets[i];
        item.schema = item.dataset->schema;
        if (tl_catalog_may_know(call, source->name, item.schema, item.dataset->name))
            put_dataset(table, item);
    }
    const struct tl_door_view **views;
    size_t view_count = tl_views_list(call, source->name, &views);
    for (size_t i = 0; i < view_count; i++) {
        item.dataset = &views[i]->dataset;
        item.schema = views[i]->schema;
        put_dataset(table, item);
    }
    put_system_tables(table, item, false);
}

static void put_types(const struct system_table *table, struct item item)
{
    bool table_types = table->put == put_jdbc_table_types;
    int64_t count = table_types ? 2 : (int64_t)(sizeof jdbc_types / sizeof *jdbc_types);
    for (item.position = 0; item.position < count; item.position++)
        if (table_types || jdbc_types[item.position].name)
            put_row(table, item);
}

static void put_rows(struct tl_door_call *call, const struct system_table *table, const char *catalog,
                     struct tl_json_writer *json)
{
    struct item item = {.call = call, .json = json};
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(call->snapshot, &sources);
    if (table->span == PER_TYPE)
        put_types(table, item);
    if (table->span == PER_TYPE || table->span == NO_ROWS)
        return;
    for (size_t i = 0; i < count; i++)
        if ((!table->everywhere || tl_streq(catalog, sources[i].name)) &&
            tl_catalog_may_know(call, sources[i].name, NULL, NULL))
            put_source(table, item, &sources[i]);
    if (table->everywhere && !tl_streq(catalog, "system"))
        return;
    item.catalog = "system";
    if (table->span == PER_CATALOG)
        put_row(table, item);
    static const char *const schemas[] = {"information_schema", "jdbc", "metadata"};
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
        put_schema(table, item, schemas[i]);
    put_system_tables(table, item, true);
}

static void put_select(struct tl_buf *sql, const struct tl_source_dataset *dataset, const struct tl_buf *rows)
{
    struct tl_buf types;
    tl_buf_init(&types, 8192);
    for (size_t i = 0; i < dataset->column_count; i++) {
        tl_buf_adds(sql, i ? ", r." : "SELECT r.");
        tl_buf_add_identifier(sql, dataset->columns[i].name);
        tl_buf_adds(sql, " AS ");
        tl_buf_add_identifier(sql, dataset->columns[i].name);
        tl_buf_addf(&types, "%s\"%s\":\"%s\"", i ? "," : "[{", dataset->columns[i].name,
                    dataset->columns[i].source_type);
    }
    tl_buf_adds(&types, "}]");
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
    put_rows(call, &tables[table], catalog, &json);
    tl_json_end_array(&json);
    put_select(&sql, tl_system_dataset(call, table), &rows);
    bool failed = rows.failed || sql.failed;
    *ret_sql = failed ? NULL : tl_arena_strndup(call->rq->arena, sql.data, sql.size);
    tl_buf_done(&rows);
    tl_buf_done(&sql);
    if (!failed)
        return TL_OK;
    tl_err_set(&call->rq->err, TL_TOO_LARGE, "%s.%s has more rows than fit into one answer", tables[table].schema,
               tables[table].name);
    tl_err_hint(&call->rq->err, "ask one catalog: catalog.information_schema.%s, or SHOW TABLES and SHOW COLUMNS",
                tables[table].span == PER_COLUMN ? "columns" : "tables");
    return TL_TOO_LARGE;
}
