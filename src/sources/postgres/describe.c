#include "sources/postgres/describe.h"

#include <stdlib.h>

/* Column numbers of the queries below. */
enum { RELATION_OID, RELATION_SCHEMA, RELATION_NAME, RELATION_KIND, RELATION_ROWS, RELATION_PAGES, RELATION_COMMENT,
       RELATION_CHILDREN, RELATION_BLOCK, RELATION_HEAP, RELATION_MARKER };
enum { COLUMN_RELATION, COLUMN_NAME, COLUMN_TYPE, COLUMN_MODIFIER, COLUMN_DIMENSIONS, COLUMN_NOT_NULL, COLUMN_SPELLING,
       COLUMN_COMMENT, COLUMN_KEY, COLUMN_DETERMINISTIC, COLUMN_COLLATION, COLUMN_NUMBER, COLUMN_NULLS, COLUMN_DISTINCT, COLUMN_WIDTH };
enum { TYPE_OID, TYPE_KIND, TYPE_ELEMENT, TYPE_BASE, TYPE_MODIFIER, TYPE_DIMENSIONS };

enum { STATEMENTS = 5, RESULT_RELATIONS = 1, RESULT_COLUMNS, RESULT_TYPES };

struct reader {
    const struct tl_postgres_options *options;
    tl_arena *arena;
    bool utf8, ranges;
    const PGresult *relations, *columns, *types;
    int next_column;
    struct tl_postgres_types type_table;
};

static void add_schemas(struct tl_buf *sql, const struct tl_postgres_options *options)
{
    if (options->schema_count == 0)
        return;
    tl_buf_adds(sql, " AND n.nspname::text IN (");
    for (size_t i = 0; i < options->schema_count; i++) {
        tl_buf_adds(sql, i > 0 ? ", " : "");
        tl_buf_add_literal(sql, options->schemas[i], strlen(options->schemas[i]));
    }
    tl_buf_addc(sql, ')');
}

/* Which relations.  A name is compared as name, for the index, and as text: name literals are cut at 63 bytes. */
static void add_condition(struct tl_buf *sql, const struct tl_postgres_options *options, const char *schema,
                          const char *name)
{
    tl_buf_adds(sql, " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\\_%'"
                     " AND n.nspname <> 'information_schema'");
    add_schemas(sql, options);
    if (!schema) {
        tl_buf_adds(sql, " AND NOT c.relispartition AND has_schema_privilege(n.oid, 'USAGE')");
        return;
    }
    const char *const pairs[][2] = {{"n.nspname", schema}, {"c.relname", name}};
    for (size_t i = 0; i < 2; i++) {
        tl_buf_addf(sql, " AND %s = ", pairs[i][0]);
        tl_buf_add_literal(sql, pairs[i][1], strlen(pairs[i][1]));
        tl_buf_addf(sql, "::name AND %s::text = ", pairs[i][0]);
        tl_buf_add_literal(sql, pairs[i][1], strlen(pairs[i][1]));
    }
}

static const char relations_head[] =
    " SELECT c.oid, n.nspname, c.relname, c.relkind,"
    " CASE WHEN c.relkind = 'p' THEN p.row_count ELSE c.reltuples END::bigint,"
    " CASE WHEN c.relkind = 'p' THEN p.page_count WHEN c.relkind IN ('r', 'm') THEN ";
/* one relation: its size now; all of them: the size at the last vacuum, which no lock can delay */
static const char pages_now[] = "pg_relation_size(c.oid) / current_setting('block_size')::bigint";
static const char pages_then[] = "c.relpages";
static const char relations_tail[] =
    " ELSE 0 END::bigint, obj_description(c.oid, 'pg_class'), c.relhassubclass,"
    " current_setting('block_size')::int, coalesce(m.amname = 'heap', false),"
    " 1 + pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am m ON m.oid = c.relam"
    " LEFT JOIN LATERAL (SELECT sum(greatest(l.reltuples, 0)) AS row_count, sum(l.relpages) AS page_count"
    " FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid WHERE t.isleaf) p ON c.relkind = 'p'";
static const char columns_head[] =
    " SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attndims, a.attnotnull,"
    " format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum), k.position,"
    " coalesce(l.collisdeterministic, true), a.attcollation, a.attnum, ";
/* of all of them: what the last analyze found, without values; one relation is asked for in haste and without */
static const char statistics_then[] = "s.null_frac, s.n_distinct, s.avg_width";
static const char statistics_now[] = "NULL::float4, NULL::float4, NULL::int";
static const char statistics_join[] = " LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname"
                                      " AND NOT s.inherited";
static const char columns_from[] =
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_collation l ON l.oid = a.attcollation"
    " LEFT JOIN (SELECT i.indrelid, u.number, u.position FROM pg_index i CROSS JOIN LATERAL"
    " unnest(i.indkey::int2[]) WITH ORDINALITY u(number, position) WHERE i.indisprimary) k"
    " ON k.indrelid = a.attrelid AND k.number = a.attnum";
static const char columns_tail[] = " AND a.attnum > 0 AND NOT a.attisdropped ORDER BY n.nspname, c.relname, a.attnum;";
static const char types_head[] =
    " WITH RECURSIVE used(oid) AS (SELECT a.atttypid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " JOIN pg_namespace n ON n.oid = c.relnamespace";
static const char types_tail[] =
    " AND a.attnum > 0 AND NOT a.attisdropped UNION SELECT x.oid FROM used u JOIN pg_type t ON t.oid = u.oid"
    " CROSS JOIN LATERAL (VALUES (t.typelem), (t.typbasetype)) x(oid) WHERE x.oid <> 0)"
    " SELECT t.oid, t.typtype, CASE WHEN e.typarray = t.oid THEN e.oid ELSE 0 END, t.typbasetype, t.typtypmod,"
    " t.typndims FROM used u JOIN pg_type t ON t.oid = u.oid LEFT JOIN pg_type e ON e.oid = t.typelem"
    " ORDER BY t.oid; COMMIT";

static void write_sql(struct tl_buf *sql, const struct tl_postgres_options *options, const char *schema,
                      const char *name)
{
    tl_buf_adds(sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;");
    tl_buf_adds(sql, relations_head);
    tl_buf_adds(sql, schema ? pages_now : pages_then);
    tl_buf_adds(sql, relations_tail);
    add_condition(sql, options, schema, name);
    tl_buf_addf(sql, " ORDER BY n.nspname, c.relname LIMIT %d;", TL_POSTGRES_DATASETS_MAX + 1);
    tl_buf_adds(sql, columns_head);
    tl_buf_adds(sql, schema ? statistics_now : statistics_then);
    tl_buf_adds(sql, columns_from);
    tl_buf_adds(sql, schema ? "" : statistics_join);
    add_condition(sql, options, schema, name);
    tl_buf_adds(sql, columns_tail);
    tl_buf_adds(sql, types_head);
    add_condition(sql, options, schema, name);
    tl_buf_adds(sql, types_tail);
}

static int64_t number(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? 0 : strtoll(PQgetvalue(result, row, column), NULL, 10);
}

static const char *text(const struct reader *reader, const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : tl_arena_strdup(reader->arena, PQgetvalue(result, row, column));
}

static bool truth(const PGresult *result, int row, int column)
{
    return *PQgetvalue(result, row, column) == 't';
}

static void read_types(struct reader *reader)
{
    int count = PQntuples(reader->types);
    struct tl_postgres_type *rows = TL_NEW_ARRAY(reader->arena, struct tl_postgres_type, count);
    for (int i = 0; i < count; i++)
        rows[i] = (struct tl_postgres_type){
            .oid = (uint32_t)number(reader->types, i, TYPE_OID),
            .kind = *PQgetvalue(reader->types, i, TYPE_KIND),
            .element = (uint32_t)number(reader->types, i, TYPE_ELEMENT),
            .base = (uint32_t)number(reader->types, i, TYPE_BASE),
            .modifier = (int32_t)number(reader->types, i, TYPE_MODIFIER),
            .dimensions = (int)number(reader->types, i, TYPE_DIMENSIONS),
        };
    reader->type_table = (struct tl_postgres_types){(size_t)count, rows};
}

static bool is_asked_as_text(const struct reader *reader, const struct tl_source_dataset *dataset, const char *column)
{
    const char *name = reader->options->text_column_count == 0
                           ? NULL
                           : tl_arena_printf(reader->arena, "%s.%s.%s", dataset->schema, dataset->name, column);
    for (size_t i = 0; i < reader->options->text_column_count; i++)
        if (tl_streq(reader->options->text_columns[i], name))
            return true;
    return false;
}

static void read_column(struct reader *reader, int row, const struct tl_source_dataset *dataset,
                        struct tl_source_column *column, struct tl_postgres_column *own)
{
    const PGresult *columns = reader->columns;
    *column = (struct tl_source_column){
        .name = text(reader, columns, row, COLUMN_NAME),
        .source_type = text(reader, columns, row, COLUMN_SPELLING),
        .comment = text(reader, columns, row, COLUMN_COMMENT),
        .nullable = !truth(columns, row, COLUMN_NOT_NULL),
        .key_position = (int)number(columns, row, COLUMN_KEY),
    };
    struct tl_postgres_attribute attribute = {
        .name = column->name,
        .spelling = column->source_type,
        .type = (uint32_t)number(columns, row, COLUMN_TYPE),
        .modifier = (int32_t)number(columns, row, COLUMN_MODIFIER),
        .dimensions = (int)number(columns, row, COLUMN_DIMENSIONS),
    };
    column->unsupported = !tl_postgres_column_map(reader->arena, &reader->type_table, reader->options, &attribute,
                                                  &column->type, own);
    if (!column->unsupported && is_asked_as_text(reader, dataset, column->name))
        tl_postgres_column_as_text(&column->type, own);
    own->nondeterministic = !truth(columns, row, COLUMN_DETERMINISTIC);
    own->collation = (uint32_t)number(columns, row, COLUMN_COLLATION);
    own->number = (int16_t)number(columns, row, COLUMN_NUMBER);
    own->type = attribute.type;
    own->modifier = attribute.modifier;
}

/* Distinct values as PostgreSQL counts them: below zero, a share of the rows. */
static void read_statistics(const struct reader *reader, int row, int64_t rows, struct tl_source_statistics *statistics)
{
    if (PQgetisnull(reader->columns, row, COLUMN_NULLS))
        return;
    double distinct = strtod(PQgetvalue(reader->columns, row, COLUMN_DISTINCT), NULL);
    bool known = distinct > 0 || (distinct < 0 && rows >= 0);
    *statistics = (struct tl_source_statistics){
        .known = true,
        .null_fraction = strtod(PQgetvalue(reader->columns, row, COLUMN_NULLS), NULL),
        .distinct_count = !known ? -1 : distinct > 0 ? (int64_t)distinct : (int64_t)(-distinct * (double)rows + 0.5),
        .average_bytes = number(reader->columns, row, COLUMN_WIDTH),
    };
}

/* Both results are sorted alike, so each relation's columns (a table may have none) follow those of the one before. */
static void read_columns(struct reader *reader, struct tl_source_dataset *dataset, struct tl_postgres_dataset *own)
{
    int first = reader->next_column, total = PQntuples(reader->columns), end = first;
    while (end < total && end - first < TL_SOURCE_COLUMNS_MAX &&
           (uint32_t)number(reader->columns, end, COLUMN_RELATION) == own->oid)
        end++;
    struct tl_source_column *columns = TL_NEW_ARRAY(reader->arena, struct tl_source_column, end - first);
    struct tl_postgres_column *own_columns = TL_NEW_ARRAY(reader->arena, struct tl_postgres_column, end - first);
    for (int i = first; i < end; i++) {
        read_column(reader, i, dataset, &columns[i - first], &own_columns[i - first]);
        read_statistics(reader, i, own->rows, &columns[i - first].statistics);
        dataset->key_unique = dataset->key_unique || columns[i - first].key_position > 0;
    }
    dataset->column_count = (size_t)(end - first);
    dataset->columns = columns;
    own->columns = own_columns;
    reader->next_column = end;
}

static void read_relation(struct reader *reader, int row, struct tl_source_dataset *dataset)
{
    const PGresult *relations = reader->relations;
    struct tl_postgres_dataset *own = TL_NEW(reader->arena, struct tl_postgres_dataset);
    *own = (struct tl_postgres_dataset){
        .oid = (uint32_t)number(relations, row, RELATION_OID),
        .kind = *PQgetvalue(relations, row, RELATION_KIND),
        .has_children = truth(relations, row, RELATION_CHILDREN),
        .utf8 = reader->utf8,
        .pages = number(relations, row, RELATION_PAGES),
        .rows = number(relations, row, RELATION_ROWS),
    };
    bool heap = truth(relations, row, RELATION_HEAP) && (own->kind == 'r' || own->kind == 'm');
    own->ranges = reader->ranges && ((heap && !own->has_children) || own->kind == 'p');
    *dataset = (struct tl_source_dataset){
        .schema = text(reader, relations, row, RELATION_SCHEMA),
        .name = text(reader, relations, row, RELATION_NAME),
        .kind = own->kind == 'v' || own->kind == 'm' ? TL_DATASET_VIEW : TL_DATASET_TABLE,
        .comment = text(reader, relations, row, RELATION_COMMENT),
        .change_marker = number(relations, row, RELATION_MARKER),
        .driver_data = own,
    };
    /* before the first analyze: -1, or 0 rows on 0 pages in older servers */
    bool known = own->rows > 0 || (own->rows == 0 && own->pages > 0);
    own->rows = known && own->kind != 'v' && own->kind != 'f' ? own->rows : -1;
    dataset->row_estimate = own->rows;
    dataset->size_bytes = own->pages > 0 ? own->pages * number(relations, row, RELATION_BLOCK) : -1;
    own->where = tl_arena_printf(reader->arena, "table \"%s.%s\" of source \"%s\"", dataset->schema, dataset->name,
                                 reader->options->name);
    read_columns(reader, dataset, own);
}

static enum tl_code read_all(struct reader *reader, struct tl_source_dataset **ret_datasets, size_t *ret_count,
                             struct tl_err *err)
{
    int count = PQntuples(reader->relations);
    if (count > TL_POSTGRES_DATASETS_MAX) {
        tl_err_set(err, TL_TOO_LARGE, "source \"%s\" has more than %d tables", reader->options->name,
                   TL_POSTGRES_DATASETS_MAX);
        tl_err_hint(err, "name the schemas that matter in the option schemas of the source");
        return TL_TOO_LARGE;
    }
    read_types(reader);
    struct tl_source_dataset *datasets = TL_NEW_ARRAY(reader->arena, struct tl_source_dataset, count);
    for (int i = 0; i < count; i++)
        read_relation(reader, i, &datasets[i]);
    *ret_datasets = datasets;
    *ret_count = (size_t)count;
    return TL_OK;
}

static bool right_shape(PGresult *const *results)
{
    return PQnfields(results[RESULT_RELATIONS]) == RELATION_MARKER + 1 &&
           PQnfields(results[RESULT_COLUMNS]) == COLUMN_WIDTH + 1 &&
           PQnfields(results[RESULT_TYPES]) == TYPE_DIMENSIONS + 1;
}

enum tl_code tl_postgres_describe(struct tl_postgres_connection *connection, const char *schema, const char *name,
                                  const struct tl_stop *stop, tl_arena *arena, struct tl_source_dataset **ret_datasets,
                                  size_t *ret_count, struct tl_err *err)
{
    struct tl_buf sql;
    tl_buf_init(&sql, TL_POSTGRES_SQL_SIZE_MAX);
    write_sql(&sql, connection->options, schema, name);
    PGresult *results[STATEMENTS] = {0};
    enum tl_code code = tl_postgres_query(connection, tl_buf_cstr(&sql), stop, results, STATEMENTS, err);
    tl_buf_done(&sql);
    if (code == TL_OK && !right_shape(results))
        code = tl_err_set(err, TL_SOURCE_PROTOCOL, "source \"%s\" answered a catalog query with other columns",
                          connection->options->name);
    if (code == TL_OK) {
        const char *encoding = PQparameterStatus(connection->pg, "server_encoding");
        struct reader reader = {
            .options = connection->options,
            .arena = arena,
            .utf8 = tl_streq(encoding, "UTF8"),
            .ranges = PQserverVersion(connection->pg) >= 140000, /* older ones read the whole table for each range */
            .relations = results[RESULT_RELATIONS],
            .columns = results[RESULT_COLUMNS],
            .types = results[RESULT_TYPES],
        };
        code = read_all(&reader, ret_datasets, ret_count, err);
    }
    for (size_t i = 0; i < STATEMENTS; i++)
        PQclear(results[i]);
    return code;
}
