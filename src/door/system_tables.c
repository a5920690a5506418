/* The tables of information_schema and of the catalog "system": their columns, and what one row of each says. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "door/system_int.h"

enum { CHANGES_TEXT_MAX = 256 * 1024 };

static void text(const struct tl_system_item *item, const char *name, const char *value)
{
    tl_json_pair_text(item->json, name, value);
}

static void number(const struct tl_system_item *item, const char *name, int64_t value)
{
    tl_json_pair_int64(item->json, name, value);
}

static const char *kind_of(const struct tl_source_dataset *dataset, const char *table)
{
    return dataset->kind == TL_DATASET_VIEW ? "VIEW" : table;
}

static const char *type_text(const struct tl_system_item *item)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    tl_type_format_trino(&buf, &item->column->type);
    const char *copy = tl_arena_strdup(item->call->rq->arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return copy;
}

static void put_schemata(const struct tl_system_item *item)
{
    text(item, "catalog_name", item->catalog);
    text(item, "schema_name", item->schema);
}

static void put_tables(const struct tl_system_item *item)
{
    text(item, "table_catalog", item->catalog);
    text(item, "table_schema", item->schema);
    text(item, "table_name", item->dataset->name);
    text(item, "table_type", kind_of(item->dataset, "BASE TABLE"));
}

static void put_views(const struct tl_system_item *item)
{
    text(item, "table_catalog", item->catalog);
    text(item, "table_schema", item->schema);
    text(item, "table_name", item->dataset->name);
    text(item, "view_definition", item->view && tl_rights_own(item->call, item->view) ? item->view->sql : NULL);
}

static void put_columns(const struct tl_system_item *item)
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

static void put_jdbc_catalogs(const struct tl_system_item *item)
{
    text(item, "TABLE_CAT", item->catalog);
}

static void put_jdbc_schemas(const struct tl_system_item *item)
{
    text(item, "TABLE_SCHEM", item->schema);
    text(item, "TABLE_CATALOG", item->catalog);
}

static void put_jdbc_tables(const struct tl_system_item *item)
{
    text(item, "TABLE_CAT", item->catalog);
    text(item, "TABLE_SCHEM", item->schema);
    text(item, "TABLE_NAME", item->dataset->name);
    text(item, "TABLE_TYPE", kind_of(item->dataset, "TABLE"));
    text(item, "REMARKS", item->dataset->comment);
}

static void put_table_comments(const struct tl_system_item *item)
{
    text(item, "catalog_name", item->catalog);
    text(item, "schema_name", item->schema);
    text(item, "table_name", item->dataset->name);
    text(item, "comment", item->dataset->comment);
}

static void put_metadata_catalogs(const struct tl_system_item *item)
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

const size_t tl_system_jdbc_type_count = sizeof jdbc_types / sizeof *jdbc_types;

static const struct jdbc_type *jdbc_type_of(enum tl_type_id id)
{
    static const struct jdbc_type other = {TL_TYPE_INVALID, NULL, 2000, 0, false};
    for (size_t i = 0; i < sizeof jdbc_types / sizeof *jdbc_types; i++)
        if (jdbc_types[i].id == id)
            return &jdbc_types[i];
    return &other;
}

static void put_jdbc_columns(const struct tl_system_item *item)
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

/* Types that only other systems have go by no name of Trino's. */
static void put_jdbc_types(const struct tl_system_item *item)
{
    const struct jdbc_type *type = &jdbc_types[item->position];
    if (!type->name)
        return;
    tl_json_begin_object(item->json);
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
    tl_json_end_object(item->json);
}

static void put_jdbc_table_types(const struct tl_system_item *item)
{
    text(item, "TABLE_TYPE", item->position ? "VIEW" : "TABLE");
}

static void put_node(const struct tl_system_item *item)
{
    text(item, "node_id", "townlake");
    text(item, "http_uri", NULL);
    text(item, "node_version", TL_VERSION);
    tl_json_pair_bool(item->json, "coordinator", true);
    text(item, "state", "active");
}

static void instant(const struct tl_system_item *item, const char *name, int64_t wall_us)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 64);
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm when;
    gmtime_r(&seconds, &when);
    tl_buf_addf(&buf, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00", when.tm_year + 1900, when.tm_mon + 1, when.tm_mday,
                when.tm_hour, when.tm_min, when.tm_sec, (int)(wall_us % 1000000));
    text(item, name, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
}

static void put_times(const struct tl_system_item *item, int64_t created_us, int64_t ended_us)
{
    tl_json_key(item->json, "resource_group_id");
    tl_json_begin_array(item->json);
    tl_json_put_text(item->json, "global");
    tl_json_end_array(item->json);
    number(item, "queued_time_ms", 0);
    number(item, "analysis_time_ms", 0);
    number(item, "planning_time_ms", 0);
    instant(item, "created", created_us);
    instant(item, "started", created_us);
    instant(item, "last_heartbeat", ended_us ? ended_us : tl_clock_wall_us());
    if (ended_us)
        instant(item, "end", ended_us);
}

static void put_shortened(const struct tl_system_item *item, struct tl_str sql)
{
    tl_json_key(item->json, "query");
    tl_json_put_str(item->json, tl_utf8_cut(sql, TL_RUNNING_TEXT_MAX));
}

/* A row of the history, as tl_door_history gives it. */
static void put_finished(const struct tl_system_item *item)
{
    const tl_json *row = item->finished;
    const char *error = tl_json_get_text(row, "error_code");
    int64_t created_us = 0, run_us = 0;
    tl_json_int64(tl_json_get(row, "created_at_us"), &created_us);
    tl_json_int64(tl_json_get(row, "run_us"), &run_us);
    text(item, "query_id", tl_json_get_text(row, "id"));
    text(item, "state", error ? "FAILED" : "FINISHED");
    text(item, "user", tl_json_get_text(row, "user"));
    text(item, "source", tl_json_get_text(row, "source"));
    put_shortened(item, tl_json_str(tl_json_get(row, "text")));
    put_times(item, created_us, created_us + run_us);
    const struct tl_code_info *info = error ? tl_code_info(tl_code_from_name(error)) : NULL;
    text(item, "error_type", info ? info->trino_type : NULL);
    text(item, "error_code", info ? info->trino_name : NULL);
}

static void put_query(const struct tl_system_item *item)
{
    const struct tl_running_statement *running = item->running;
    if (!running) {
        put_finished(item);
        return;
    }
    text(item, "query_id", running->id);
    text(item, "state", running->queued ? "QUEUED" : "RUNNING");
    text(item, "user", running->user);
    text(item, "source", running->source);
    put_shortened(item, running->text);
    put_times(item, running->started_us, 0);
}

static void copy(const struct tl_system_item *item, const char *name)
{
    const tl_json *value = tl_json_get(item->finished, name);
    tl_json_key(item->json, name);
    if (value)
        tl_json_put_value(item->json, value);
    else
        tl_json_put_null(item->json);
}

static void put_table_names(const struct tl_system_item *item)
{
    tl_json_key(item->json, "tables");
    tl_json_begin_array(item->json);
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(item->finished, "tables")); tl_json_next(&it);)
        tl_json_put_text(item->json, tl_json_get_text(it.value, "name"));
    tl_json_end_array(item->json);
}

/* A record of the audit. */
static void put_record(const struct tl_system_item *item)
{
    static const char *const members[] = {"seq", "at", "kind", "id", "user", "groups", "statement", "text", "source", "decisions", "pii",
                                          "pii_reason", "state", "error", "message", "rows", "bytes", "elapsed_us", "subject", "hash"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        copy(item, members[i]);
    put_table_names(item);
}

/* One of policy or identity; what became of each rule as JSON. */
static void put_event(const struct tl_system_item *item)
{
    static const char *const members[] = {"seq", "at", "kind", "user", "groups", "shown_by", "subject", "action", "reason", "about",
                                          "policy_version", "error", "message", "hash"};
    const tl_json *changes = tl_json_get(item->finished, "changes");
    struct tl_buf text;
    struct tl_json_writer json;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        copy(item, members[i]);
    if (!changes)
        return;
    tl_buf_init(&text, CHANGES_TEXT_MAX);
    tl_json_writer_init(&json, &text);
    tl_json_put_value(&json, changes);
    tl_json_pair_text(item->json, "changes", text.failed ? NULL : tl_buf_cstr(&text));
    tl_buf_done(&text);
}

static void put_job(const struct tl_system_item *item)
{
    static const char *const counts[] = {"snapshots_removed", "files_removed", "bytes_removed", "files_rewritten", "files_added", "rows_rewritten"};
    static const char *const members[] = {"job_id", "kind", "asked_by", "state", "error"};
    const tl_json *row = item->finished;
    int64_t started_us = 0, ended_us = 0, count;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        copy(item, members[i]);
    text(item, "table", tl_arena_printf(item->call->rq->arena, "%s.%s.%s", tl_json_get_text(row, "source"), tl_json_get_text(row, "schema"),
                                        tl_json_get_text(row, "table")));
    (void)tl_json_int64(tl_json_get(row, "started_at_us"), &started_us);
    instant(item, "started", started_us);
    if (tl_json_int64(tl_json_get(row, "ended_at_us"), &ended_us))
        instant(item, "ended", ended_us);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (tl_json_int64(tl_json_get(tl_json_get(row, "counts"), counts[i]), &count))
            number(item, counts[i], count);
}

static void put_skimmer_finding(const struct tl_system_item *item)
{
    static const char *const members[] = {"table_catalog", "table_schema", "table_name", "column_name", "info_type", "likelihood", "state", "mask",
                                          "sensitivity", "tags", "reason"};
    int64_t found_us = 0;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        copy(item, members[i]);
    tl_json_int64(tl_json_get(item->finished, "found"), &found_us);
    instant(item, "found", found_us);
}

#define PROPERTY_COLUMNS "catalog_name v, property_name v, default_value v, type v, description v"

const struct tl_system_table tl_system_tables[] = {
    {"information_schema", "schemata", true, TL_SYSTEM_PER_SCHEMA, put_schemata, "catalog_name v, schema_name v"},
    {"information_schema", "tables", true, TL_SYSTEM_PER_TABLE, put_tables,
     "table_catalog v, table_schema v, table_name v, table_type v"},
    {"information_schema", "views", true, TL_SYSTEM_PER_VIEW, put_views,
     "table_catalog v, table_schema v, table_name v, view_definition v"},
    {"information_schema", "columns", true, TL_SYSTEM_PER_COLUMN, put_columns,
     "table_catalog v, table_schema v, table_name v, column_name v, ordinal_position b, column_default v, is_nullable "
     "v, data_type v, "
     "comment v"},
    {"metadata", "catalogs", false, TL_SYSTEM_PER_CATALOG, put_metadata_catalogs,
     "catalog_name v, connector_id v, connector_name v"},
    {"metadata", "table_comments", false, TL_SYSTEM_PER_TABLE, put_table_comments,
     "catalog_name v, schema_name v, table_name v, comment v"},
    {"jdbc", "catalogs", false, TL_SYSTEM_PER_CATALOG, put_jdbc_catalogs, "TABLE_CAT v"},
    {"jdbc", "schemas", false, TL_SYSTEM_PER_SCHEMA, put_jdbc_schemas, "TABLE_SCHEM v, TABLE_CATALOG v"},
    {"jdbc", "table_types", false, TL_SYSTEM_PER_TABLE_TYPE, put_jdbc_table_types, "TABLE_TYPE v"},
    {"jdbc", "tables", false, TL_SYSTEM_PER_TABLE, put_jdbc_tables,
     "TABLE_CAT v, TABLE_SCHEM v, TABLE_NAME v, TABLE_TYPE v, REMARKS v, TYPE_CAT v, TYPE_SCHEM v, TYPE_NAME v, "
     "SELF_REFERENCING_COL_NAME v, REF_GENERATION v"},
    {"jdbc", "columns", false, TL_SYSTEM_PER_COLUMN, put_jdbc_columns,
     "TABLE_CAT v, TABLE_SCHEM v, TABLE_NAME v, COLUMN_NAME v, DATA_TYPE b, TYPE_NAME v, COLUMN_SIZE b, BUFFER_LENGTH "
     "b, "
     "DECIMAL_DIGITS b, NUM_PREC_RADIX b, NULLABLE b, REMARKS v, COLUMN_DEF v, SQL_DATA_TYPE b, SQL_DATETIME_SUB b, "
     "CHAR_OCTET_LENGTH b, ORDINAL_POSITION b, IS_NULLABLE v, SCOPE_CATALOG v, SCOPE_SCHEMA v, SCOPE_TABLE v, "
     "SOURCE_DATA_TYPE b, "
     "IS_AUTOINCREMENT v, IS_GENERATEDCOLUMN v"},
    {"jdbc", "types", false, TL_SYSTEM_PER_TYPE, put_jdbc_types,
     "TYPE_NAME v, DATA_TYPE b, PRECISION b, LITERAL_PREFIX v, LITERAL_SUFFIX v, CREATE_PARAMS v, NULLABLE b, "
     "CASE_SENSITIVE t, "
     "SEARCHABLE b, UNSIGNED_ATTRIBUTE t, FIXED_PREC_SCALE t, AUTO_INCREMENT t, LOCAL_TYPE_NAME v, MINIMUM_SCALE b, "
     "MAXIMUM_SCALE b, "
     "SQL_DATA_TYPE b, SQL_DATETIME_SUB b, NUM_PREC_RADIX b"},
    {"jdbc", "procedures", false, TL_SYSTEM_NO_ROWS, NULL,
     "PROCEDURE_CAT v, PROCEDURE_SCHEM v, PROCEDURE_NAME v, REMARKS v, PROCEDURE_TYPE b, SPECIFIC_NAME v"},
    {"jdbc", "procedure_columns", false, TL_SYSTEM_NO_ROWS, NULL,
     "PROCEDURE_CAT v, PROCEDURE_SCHEM v, PROCEDURE_NAME v, COLUMN_NAME v, COLUMN_TYPE b, DATA_TYPE b, TYPE_NAME v, "
     "PRECISION b, LENGTH b, SCALE b, RADIX b, NULLABLE b, REMARKS v, COLUMN_DEF v, SQL_DATA_TYPE b, SQL_DATETIME_SUB b, "
     "CHAR_OCTET_LENGTH b, ORDINAL_POSITION b, IS_NULLABLE v, SPECIFIC_NAME v"},
    {"jdbc", "attributes", false, TL_SYSTEM_NO_ROWS, NULL,
     "TYPE_CAT v, TYPE_SCHEM v, TYPE_NAME v, ATTR_NAME v, DATA_TYPE b, ATTR_TYPE_NAME v, ATTR_SIZE b, DECIMAL_DIGITS b, "
     "NUM_PREC_RADIX b, NULLABLE b, REMARKS v, ATTR_DEF v, SQL_DATA_TYPE b, SQL_DATETIME_SUB b, CHAR_OCTET_LENGTH b, "
     "ORDINAL_POSITION b, IS_NULLABLE v, SCOPE_CATALOG v, SCOPE_SCHEMA v, SCOPE_TABLE v, SOURCE_DATA_TYPE b"},
    {"jdbc", "pseudo_columns", false, TL_SYSTEM_NO_ROWS, NULL,
     "TABLE_CAT v, TABLE_SCHEM v, TABLE_NAME v, COLUMN_NAME v, DATA_TYPE b, COLUMN_SIZE b, DECIMAL_DIGITS b, "
     "NUM_PREC_RADIX b, COLUMN_USAGE v, REMARKS v, CHAR_OCTET_LENGTH b, IS_NULLABLE v"},
    {"jdbc", "super_tables", false, TL_SYSTEM_NO_ROWS, NULL,
     "TABLE_CAT v, TABLE_SCHEM v, TABLE_NAME v, SUPERTABLE_NAME v"},
    {"jdbc", "super_types", false, TL_SYSTEM_NO_ROWS, NULL,
     "TYPE_CAT v, TYPE_SCHEM v, TYPE_NAME v, SUPERTYPE_CAT v, SUPERTYPE_SCHEM v, SUPERTYPE_NAME v"},
    {"jdbc", "udts", false, TL_SYSTEM_NO_ROWS, NULL,
     "TYPE_CAT v, TYPE_SCHEM v, TYPE_NAME v, CLASS_NAME v, DATA_TYPE b, REMARKS v, BASE_TYPE b"},
    {"information_schema", "table_privileges", true, TL_SYSTEM_NO_ROWS, NULL,
     "grantor v, grantor_type v, grantee v, grantee_type v, table_catalog v, table_schema v, table_name v, "
     "privilege_type v, is_grantable v, with_hierarchy v"},
    {"information_schema", "roles", true, TL_SYSTEM_NO_ROWS, NULL, "role_name v"},
    {"information_schema", "enabled_roles", true, TL_SYSTEM_NO_ROWS, NULL, "role_name v"},
    {"information_schema", "applicable_roles", true, TL_SYSTEM_NO_ROWS, NULL,
     "grantee v, grantee_type v, role_name v, is_grantable v"},
    {"metadata", "materialized_views", false, TL_SYSTEM_NO_ROWS, NULL,
     "catalog_name v, schema_name v, name v, storage_catalog v, storage_schema v, storage_table v, freshness v, "
     "last_fresh_time z, comment v, definition v"},
    {"metadata", "schema_properties", false, TL_SYSTEM_NO_ROWS, NULL, PROPERTY_COLUMNS},
    {"metadata", "table_properties", false, TL_SYSTEM_NO_ROWS, NULL, PROPERTY_COLUMNS},
    {"metadata", "column_properties", false, TL_SYSTEM_NO_ROWS, NULL, PROPERTY_COLUMNS},
    {"metadata", "analyze_properties", false, TL_SYSTEM_NO_ROWS, NULL, PROPERTY_COLUMNS},
    {"metadata", "materialized_view_properties", false, TL_SYSTEM_NO_ROWS, NULL, PROPERTY_COLUMNS},
    {"audit", "records", false, TL_SYSTEM_PER_RECORD, put_record,
     "seq b, at z, kind v, id v, user v, groups a, statement v, text v, tables a, source v, decisions v, pii t, pii_reason v, "
     "state v, error v, message v, rows b, bytes b, elapsed_us b, subject v, hash v"},
    {"audit", "events", false, TL_SYSTEM_PER_EVENT, put_event,
     "seq b, at z, kind v, user v, groups a, shown_by v, subject v, action v, reason v, about v, policy_version b, error v, message v, "
     "changes v, hash v"},
    {"lake", "jobs", false, TL_SYSTEM_PER_JOB, put_job,
     "job_id v, kind v, table v, asked_by v, state v, started z, ended z, snapshots_removed b, files_removed b, bytes_removed b, "
     "files_rewritten b, files_added b, rows_rewritten b, error v"},
    {"skimmer", "findings", false, TL_SYSTEM_PER_FINDING, put_skimmer_finding,
     "table_catalog v, table_schema v, table_name v, column_name v, info_type v, likelihood v, state v, mask v, sensitivity v, tags a, "
     "reason v, found z"},
    {"runtime", "nodes", false, TL_SYSTEM_ONE_ROW, put_node,
     "node_id v, http_uri v, node_version v, coordinator t, state v"},
    {"runtime", "queries", false, TL_SYSTEM_PER_QUERY, put_query,
     "query_id v, state v, user v, source v, query v, resource_group_id a, queued_time_ms b, analysis_time_ms b, "
     "planning_time_ms b, created z, started z, last_heartbeat z, end z, error_type v, error_code v"},
};

const size_t tl_system_table_count = sizeof tl_system_tables / sizeof *tl_system_tables;
