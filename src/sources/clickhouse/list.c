/* What there is: system.tables and system.columns, two queries in the same order, merged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sources/clickhouse/spell.h"

enum { DATASETS_MAX = 200000, FINALIZED_TABLES_MAX = 100, LIST_SQL_BYTES_MAX = 4 * 1024 * 1024 };

/* Reading these takes messages away from a queue. */
#define QUEUE_ENGINES "'Kafka', 'RabbitMQ', 'NATS', 'FileLog', 'S3Queue', 'AzureQueue'"

struct list {
    tl_source *source;
    tl_arena *arena;
    struct tl_source_dataset *datasets;
    const char **keys; /* of each dataset: its primary or sorting key as text */
    size_t count, room;
    size_t at; /* columns: the dataset that the last row belonged to */
    size_t column_room;
};

/* Is "schema.table.column" one of the names? */
static bool is_named(const char *const *names, const char *schema, const char *table, const char *column)
{
    size_t schema_size = strlen(schema), table_size = strlen(table);
    for (size_t i = 0; names && names[i]; i++) {
        const char *at = names[i];
        if (strncmp(at, schema, schema_size) == 0 && at[schema_size] == '.' &&
            strncmp(at + schema_size + 1, table, table_size) == 0 && at[schema_size + 1 + table_size] == '.' &&
            tl_streq(at + schema_size + table_size + 2, column))
            return true;
    }
    return false;
}

bool tl_clickhouse_column_is_blob(const tl_source *source, const char *schema, const char *table, const char *name)
{
    return source->strings_as_blob || is_named(source->blob_columns, schema, table, name);
}

static struct tl_clickhouse_column column_of(tl_arena *arena, const char *source_type, bool blob)
{
    struct tl_clickhouse_column column = {.carry = TL_CLICKHOUSE_NOT_CARRIED};
    struct tl_err ignored;
    tl_err_init(&ignored);
    if (!source_type ||
        tl_clickhouse_type_parse(arena, tl_str_of(source_type), blob, &column.type, &ignored) != TL_OK) {
        column.type = NULL;
        return column;
    }
    if (column.type->kind == TL_CLICKHOUSE_STATE)
        column.carry = TL_CLICKHOUSE_FINALIZED;
    else if (tl_clickhouse_type_has(column.type, TL_CLICKHOUSE_STATE))
        column.carry = TL_CLICKHOUSE_NOT_CARRIED;
    else if (tl_clickhouse_type_has(column.type, TL_CLICKHOUSE_DOCUMENT))
        column.carry = TL_CLICKHOUSE_AS_JSON;
    else if (column.type->type.id != TL_TYPE_INVALID)
        column.carry = TL_CLICKHOUSE_AS_IT_IS;
    return column;
}

struct tl_clickhouse_column tl_clickhouse_column_of(tl_arena *arena, const tl_source *source, const char *schema,
                                                    const char *table, const char *name, const char *source_type)
{
    bool state = source_type && strncmp(source_type, "AggregateFunction(", 18) == 0; /* has no text */
    if (!state && is_named(source->text_columns, schema, table, name))
        return (struct tl_clickhouse_column){.carry = TL_CLICKHOUSE_AS_TEXT};
    return column_of(arena, source_type, tl_clickhouse_column_is_blob(source, schema, table, name));
}

bool tl_clickhouse_type_is_blob(const struct tl_type *type)
{
    for (uint32_t i = 0; i < type->child_count; i++)
        if (tl_clickhouse_type_is_blob(&type->children[i]))
            return true;
    return type->id == TL_TYPE_BLOB;
}

struct tl_clickhouse_column tl_clickhouse_column_here(tl_arena *arena, const struct tl_source_column *column)
{
    struct tl_clickhouse_column here = {.carry = TL_CLICKHOUSE_AVERAGE};
    if (column->source_type &&
        sscanf(column->source_type, "Average(%d, %d)", &here.average_bits, &here.average_scale) == 2)
        return here;
    here = column_of(arena, column->source_type, tl_clickhouse_type_is_blob(&column->type));
    bool text = column->type.id == TL_TYPE_VARCHAR && !column->unsupported;
    bool by_itself = here.carry == TL_CLICKHOUSE_FINALIZED ||
                     (here.carry == TL_CLICKHOUSE_AS_IT_IS && here.type->type.id == TL_TYPE_VARCHAR);
    if (text && !by_itself)
        here.carry = TL_CLICKHOUSE_AS_TEXT;
    return here;
}

/* The text as a C string; NULL when it is empty, holds a NUL or is not UTF-8. */
static const char *name_of(tl_arena *arena, struct tl_str text)
{
    if (text.size == 0 || memchr(text.data, 0, text.size) || !tl_utf8_valid(text.data, text.size, NULL))
        return NULL;
    return tl_arena_strndup(arena, text.data, text.size);
}

static int64_t number_of(struct tl_str text)
{
    char digits[24] = {0};
    if (text.size == 0 || text.size >= sizeof digits)
        return -1;
    memcpy(digits, text.data, text.size);
    return strtoll(digits, NULL, 10);
}

/* database, name, engine, comment, rows, bytes, primary key, sorting key */
static enum tl_code each_table(void *context, const struct tl_str *texts, struct tl_err *err)
{
    struct list *list = context;
    const char *schema = name_of(list->arena, texts[0]), *name = name_of(list->arena, texts[1]);
    if (!schema || !name)
        return TL_OK; /* cannot be named in SQL here */
    if (list->count >= DATASETS_MAX)
        return tl_err_set(err, TL_TOO_LARGE,
                          "there are more than %d tables; name the wanted databases in the option schemas",
                          (int)DATASETS_MAX);
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        list->datasets = tl_arena_grow(list->arena, list->datasets, list->room * sizeof *list->datasets,
                                       room * sizeof *list->datasets);
        list->keys = tl_arena_grow(list->arena, list->keys, list->room * sizeof *list->keys, room * sizeof *list->keys);
        list->room = room;
    }
    bool view = texts[2].size >= 4 && memcmp(texts[2].data + texts[2].size - 4, "View", 4) == 0;
    list->keys[list->count] = name_of(list->arena, texts[texts[6].size ? 6 : 7]);
    int64_t rows = number_of(texts[4]), bytes = number_of(texts[5]);
    list->datasets[list->count++] = (struct tl_source_dataset){.schema = schema,
                                                               .name = name,
                                                               .kind = view ? TL_DATASET_VIEW : TL_DATASET_TABLE,
                                                               .comment = name_of(list->arena, texts[3]),
                                                               .row_estimate = rows,
                                                               .size_bytes = bytes,
                                                               .change_marker = rows < 0 ? 0 : 1 + (rows ^ (bytes << 20 & INT64_MAX))};
    return tl_arena_check(list->arena, "the listing of a ClickHouse source", err);
}

static int compare_names(const struct tl_source_dataset *dataset, struct tl_str schema, struct tl_str name)
{
    struct tl_str pairs[2][2] = {{tl_str_of(dataset->schema), schema}, {tl_str_of(dataset->name), name}};
    for (int i = 0; i < 2; i++) {
        struct tl_str a = pairs[i][0], b = pairs[i][1];
        int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
        if (order == 0 && a.size != b.size)
            order = a.size < b.size ? -1 : 1;
        if (order != 0)
            return order;
    }
    return 0;
}

/* Next element of a key's text at its top level: "a, toDate(b), `c d`".  Without backquotes; NULL at the end. */
static const char *next_key(const char **at, char *name, size_t name_size)
{
    size_t size = 0;
    int depth = 0;
    bool quoted = false;
    while (**at == ' ' || **at == ',')
        (*at)++;
    if (**at == 0)
        return NULL;
    for (; **at && (quoted || depth > 0 || **at != ','); (*at)++) {
        char c = **at;
        if (c == '`') {
            quoted = !quoted;
            continue;
        }
        if (c == '\\' && quoted && (*at)[1])
            c = *++*at;
        depth += quoted ? 0 : c == '(' ? 1 : c == ')' ? -1 : 0;
        if (size + 1 < name_size)
            name[size++] = c;
    }
    name[size] = 0;
    return name;
}

static int key_position(const char *keys, const char *column)
{
    char name[512];
    int position = 1;
    for (const char *at = keys ? keys : ""; next_key(&at, name, sizeof name); position++)
        if (tl_streq(name, column))
            return position;
    return 0;
}

static struct tl_source_column make_column(struct list *list, const char *name, const char *source_type,
                                           const char *comment)
{
    const struct tl_source_dataset *dataset = &list->datasets[list->at];
    struct tl_clickhouse_column here = tl_clickhouse_column_of(list->arena, list->source, dataset->schema,
                                                               dataset->name, name, source_type);
    struct tl_source_column column = {.name = name,
                                      .source_type = source_type,
                                      .comment = comment,
                                      .key_position = key_position(list->keys[list->at], name)};
    if (here.carry == TL_CLICKHOUSE_AS_IT_IS)
        column.type = here.type->type;
    else if (here.carry == TL_CLICKHOUSE_AS_JSON)
        column.type = tl_type_simple(TL_TYPE_JSON);
    else
        column.type = tl_type_simple(TL_TYPE_VARCHAR); /* a STATE is looked at later */
    column.unsupported = here.carry == TL_CLICKHOUSE_NOT_CARRIED || here.carry == TL_CLICKHOUSE_FINALIZED;
    column.nullable = here.carry == TL_CLICKHOUSE_AS_TEXT;
    if (here.type)
        column.nullable = tl_clickhouse_type_nullable(here.type) || here.type->kind == TL_CLICKHOUSE_DOCUMENT ||
                          here.type->kind == TL_CLICKHOUSE_STATE || here.type->kind == TL_CLICKHOUSE_NOTHING;
    return column;
}

/* database, table, name, type, comment, uncompressed bytes; in the order of the tables */
static enum tl_code each_column(void *context, const struct tl_str *texts, struct tl_err *err)
{
    struct list *list = context;
    int order = -1;
    while (list->at < list->count && (order = compare_names(&list->datasets[list->at], texts[0], texts[1])) < 0) {
        list->at++;
        list->column_room = 0;
    }
    const char *name = name_of(list->arena, texts[2]), *type = name_of(list->arena, texts[3]);
    if (order != 0 || !name)
        return TL_OK; /* of a table that is not listed */
    struct tl_source_dataset *dataset = &list->datasets[list->at];
    if (dataset->column_count >= TL_SOURCE_COLUMNS_MAX)
        return TL_OK;
    struct tl_source_column *columns = (struct tl_source_column *)(uintptr_t)dataset->columns;
    if (dataset->column_count == list->column_room) {
        size_t room = list->column_room ? list->column_room * 2 : 16;
        columns = tl_arena_grow(list->arena, columns, list->column_room * sizeof *columns, room * sizeof *columns);
        list->column_room = room;
    }
    columns[dataset->column_count] = make_column(list, name, type ? type : "unknown", name_of(list->arena, texts[4]));
    int64_t bytes = number_of(texts[5]);
    if (bytes > 0 && dataset->row_estimate > 0)
        columns[dataset->column_count].statistics =
            (struct tl_source_statistics){.known = true, .null_fraction = -1, .distinct_count = -1, .average_bytes = bytes / dataset->row_estimate};
    dataset->columns = columns;
    dataset->column_count++;
    return tl_arena_check(list->arena, "the listing of a ClickHouse source", err);
}

/* Which databases: those of the option, or all but the server's own; or the one asked for. */
static void add_scope(struct tl_buf *sql, const tl_source *source, const char *name_column, const char *schema,
                      const char *name)
{
    tl_buf_adds(sql, " WHERE ");
    if (schema) {
        tl_buf_adds(sql, "database = ");
        tl_clickhouse_add_literal(sql, tl_str_of(schema));
        tl_buf_addf(sql, " AND %s = ", name_column);
        tl_clickhouse_add_literal(sql, tl_str_of(name));
        tl_buf_adds(sql, " AND ");
    }
    if (source->schemas) {
        for (size_t i = 0; source->schemas[i]; i++) {
            tl_buf_adds(sql, i == 0 ? "database IN (" : ", ");
            tl_clickhouse_add_literal(sql, tl_str_of(source->schemas[i]));
        }
        tl_buf_adds(sql, ")");
    } else {
        tl_buf_adds(sql, "database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA')");
    }
    tl_buf_addf(sql, " AND NOT startsWith(%s, '.inner')", name_column);
}

static enum tl_code select_scoped(struct list *list, const char *head, const char *name_column, const char *schema,
                                  const char *name, const char *tail, size_t columns,
                                  enum tl_code (*each)(void *, const struct tl_str *, struct tl_err *),
                                  const struct tl_stop *stop, struct tl_err *err)
{
    struct tl_buf sql;
    tl_buf_init(&sql, LIST_SQL_BYTES_MAX);
    tl_buf_adds(&sql, head);
    add_scope(&sql, list->source, name_column, schema, name);
    tl_buf_adds(&sql, tail);
    enum tl_code code = sql.failed ? tl_err_set(err, TL_TOO_LARGE, "the option schemas is too long")
                                   : tl_clickhouse_select(list->source, (struct tl_str){sql.data, sql.size}, columns,
                                                          stop, each, list, err);
    tl_buf_done(&sql);
    return code;
}

struct finalized {
    struct list *list;
    struct tl_source_dataset *dataset;
};

/* name of a STATE column, and the type of its finalized values */
static enum tl_code each_finalized(void *context, const struct tl_str *texts, struct tl_err *err)
{
    struct finalized *finalized = context;
    struct list *list = finalized->list;
    struct tl_source_dataset *dataset = finalized->dataset;
    struct tl_source_column *columns = (struct tl_source_column *)(uintptr_t)dataset->columns;
    (void)err;
    for (size_t i = 0; i < dataset->column_count; i++) {
        if (!tl_str_equal(tl_str_of(columns[i].name), texts[0]))
            continue;
        const char *type = name_of(list->arena, texts[1]);
        struct tl_clickhouse_column here = tl_clickhouse_column_of(list->arena, list->source, dataset->schema,
                                                                   dataset->name, columns[i].name, type);
        columns[i].unsupported = here.carry != TL_CLICKHOUSE_AS_IT_IS;
        if (!columns[i].unsupported)
            columns[i].type = here.type->type;
    }
    return TL_OK;
}

static bool is_state(const struct tl_source_column *column)
{
    return strncmp(column->source_type, "AggregateFunction(", 18) == 0;
}

/* One row a STATE column, without reading any: the aggregate makes the row, WHERE 0 keeps the data out. */
static void add_finalized(struct tl_buf *sql, const struct tl_source_dataset *dataset, const char *column, bool first)
{
    tl_buf_adds(sql, first ? "SELECT " : " UNION ALL SELECT ");
    tl_clickhouse_add_literal(sql, tl_str_of(column));
    tl_buf_adds(sql, ", toTypeName(any(finalizeAggregation(");
    tl_clickhouse_add_identifier(sql, column);
    tl_buf_adds(sql, "))) FROM ");
    tl_clickhouse_add_identifier(sql, dataset->schema);
    tl_buf_addc(sql, '.');
    tl_clickhouse_add_identifier(sql, dataset->name);
    tl_buf_adds(sql, " WHERE 0");
}

/* Ask what finalizeAggregation gives for the states of a table.  A failure leaves them unsupported, unless nobody
 * waits any more. */
static enum tl_code finalize(struct list *list, struct tl_source_dataset *dataset, const struct tl_stop *stop,
                             struct tl_err *err)
{
    struct tl_buf sql;
    struct tl_err failure;
    struct finalized finalized = {list, dataset};
    tl_err_init(&failure);
    tl_buf_init(&sql, LIST_SQL_BYTES_MAX);
    for (size_t i = 0; i < dataset->column_count; i++)
        if (is_state(&dataset->columns[i]))
            add_finalized(&sql, dataset, dataset->columns[i].name, sql.size == 0);
    tl_buf_adds(&sql, " FORMAT Native");
    enum tl_code code = TL_OK;
    if (!sql.failed)
        code = tl_clickhouse_select(list->source, (struct tl_str){sql.data, sql.size}, 2, stop, each_finalized,
                                    &finalized, &failure);
    tl_buf_done(&sql);
    if (code == TL_CANCELLED || code == TL_TIME_EXCEEDED || code == TL_SOURCE_UNAVAILABLE)
        return tl_err_copy(err, &failure);
    return TL_OK;
}

static enum tl_code finalize_all(struct list *list, const struct tl_stop *stop, struct tl_err *err)
{
    int tables = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool has = false;
        for (size_t k = 0; !has && k < list->datasets[i].column_count; k++)
            has = is_state(&list->datasets[i].columns[k]);
        if (!has || ++tables > FINALIZED_TABLES_MAX)
            continue;
        enum tl_code code = finalize(list, &list->datasets[i], stop, err);
        if (code != TL_OK)
            return code;
    }
    return TL_OK;
}

static enum tl_code read_list(struct list *list, const char *schema, const char *name, const struct tl_stop *stop,
                              struct tl_err *err)
{
    enum tl_code code = select_scoped(
        list,
        "SELECT database, name, engine, comment, ifNull(toString(total_rows), '-1'), "
        "ifNull(toString(total_bytes), '-1'), primary_key, sorting_key FROM system.tables",
        "name", schema, name,
        " AND NOT is_temporary AND engine NOT IN (" QUEUE_ENGINES ") ORDER BY database, name FORMAT Native", 8,
        each_table, stop, err);
    if (code == TL_OK)
        code = select_scoped(list, "SELECT database, table, name, type, comment, toString(data_uncompressed_bytes) FROM system.columns", "table", schema,
                             name, " AND default_kind != 'EPHEMERAL' ORDER BY database, table, position FORMAT Native",
                             6, each_column, stop, err);
    if (code == TL_OK)
        code = finalize_all(list, stop, err);
    return code;
}

enum tl_code tl_clickhouse_list(tl_source *source, const struct tl_stop *stop, tl_arena *arena,
                                struct tl_source_dataset **ret_datasets, size_t *ret_count, struct tl_err *err)
{
    struct list list = {.source = source, .arena = arena};
    enum tl_code code = read_list(&list, NULL, NULL, stop, err);
    if (code != TL_OK)
        return tl_clickhouse_named(source, false, err);
    *ret_datasets = list.datasets;
    *ret_count = list.count;
    return TL_OK;
}

enum tl_code tl_clickhouse_describe(tl_source *source, const char *schema, const char *name, const struct tl_stop *stop,
                                    tl_arena *arena, struct tl_source_dataset **ret_dataset, struct tl_err *err)
{
    struct list list = {.source = source, .arena = arena};
    enum tl_code code = read_list(&list, schema, name, stop, err);
    if (code == TL_OK && list.count == 0)
        code = tl_err_set(err, TL_TABLE_NOT_FOUND, "there is no table \"%s\".\"%s\"", schema, name);
    if (code != TL_OK)
        return tl_clickhouse_named(source, false, err);
    *ret_dataset = &list.datasets[0];
    return TL_OK;
}
