/* SHOW and DESCRIBE: answered from the registry's snapshot, with the column names Trino's clients expect. */
#include <stdlib.h>
#include <string.h>

#include "door/door_int.h"
#include "door/functions.h"

enum { DDL_MAX = 1024 * 1024 };

struct tl_field *tl_text_fields(tl_arena *arena, const char *const *names, size_t count)
{
    struct tl_field *fields = TL_NEW_ARRAY(arena, struct tl_field, count);
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct tl_field){names[i], tl_type_simple(TL_TYPE_VARCHAR)};
    return fields;
}

/* An answer that is being filled: all columns VARCHAR. */
struct list {
    struct tl_door_call *call;
    const struct tl_statement *statement;
    struct tl_field *fields;
    size_t field_count;
    tl_batch_builder *rows;
};

static struct list start(struct tl_door_call *call, const struct tl_statement *statement, const char *const *names,
                         size_t count)
{
    struct list list = {.call = call, .statement = statement, .field_count = count};
    list.fields = tl_text_fields(call->rq->arena, names, count);
    list.rows = tl_batch_builder_new(call->rq->arena, list.fields, count);
    return list;
}

#define START(call, statement, ...)                            \
    start(call, statement, (const char *const[]){__VA_ARGS__}, \
          sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static enum tl_code finish(struct list *list)
{
    tl_answer_set_batch(list->call->answer, list->fields, list->field_count, tl_batch_builder_finish(list->rows));
    return TL_OK;
}

static void add(struct list *list, const char *text)
{
    tl_batch_builder_text(list->rows, text);
}

static bool wanted(const struct list *list, const char *name)
{
    const struct tl_statement *s = list->statement;
    return !s->like || tl_like(name, s->like, s->escape ? s->escape[0] : '\0');
}

static enum tl_code show_catalogs(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct list list = START(call, statement, "Catalog");
    const struct tl_registry_source *sources;
    size_t count = tl_snapshot_sources(call->snapshot, &sources);
    bool system_shown = false;
    for (size_t i = 0; i <= count; i++) {
        if (!system_shown && (i == count || strcmp(sources[i].name, "system") > 0)) {
            system_shown = true;
            if (wanted(&list, "system"))
                add(&list, "system");
        }
        if (i < count && tl_catalog_may_know(call, sources[i].name, NULL, NULL) && wanted(&list, sources[i].name))
            add(&list, sources[i].name);
    }
    return finish(&list);
}

/* The catalog that the statement names or the session has; NULL source = "system". */
static enum tl_code catalog_of(struct tl_door_call *call, const char *named,
                               const struct tl_registry_source **ret_source)
{
    const char *name = named ? named : call->session->catalog;
    if (!name) {
        tl_err_set(&call->rq->err, TL_CATALOG_NOT_FOUND, "no catalog is named, and the session has none");
        tl_err_hint(&call->rq->err, "SHOW CATALOGS lists them; USE catalog.schema chooses one");
        return TL_CATALOG_NOT_FOUND;
    }
    *ret_source = NULL;
    if (tl_streq_nocase(name, "system"))
        return TL_OK;
    enum tl_code code = tl_catalog_find_source(call, name, ret_source);
    if (code != TL_OK && named)
        tl_err_position(&call->rq->err, (int64_t)0);
    return code;
}

static void add_wanted(struct list *list, const char *name)
{
    if (wanted(list, name))
        add(list, name);
}

static enum tl_code show_schemas(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct list list = START(call, statement, "Schema");
    const struct tl_registry_source *source;
    enum tl_code code = catalog_of(call, statement->name.part_count ? statement->name.parts[0] : NULL, &source);
    if (code != TL_OK)
        return code;
    for (size_t i = 0; !source && tl_system_schemas[i]; i++)
        add_wanted(&list, tl_system_schemas[i]);
    bool own_shown = !source;
    const char *const *schemas = NULL;
    size_t count = source ? tl_catalog_schemas(call, source, &schemas) : 0;
    for (size_t i = 0; i < count; i++) {
        if (!own_shown && strcmp(schemas[i], "information_schema") > 0) {
            own_shown = true;
            add_wanted(&list, "information_schema");
        }
        if (tl_catalog_may_know(call, source->name, schemas[i], NULL))
            add_wanted(&list, schemas[i]);
    }
    if (!own_shown)
        add_wanted(&list, "information_schema");
    return finish(&list);
}

static enum tl_code unknown_schema(struct tl_door_call *call, const char *catalog, const char *schema)
{
    tl_err_set(&call->rq->err, TL_SCHEMA_NOT_FOUND, "unknown schema \"%s.%s\"", catalog, schema);
    tl_err_hint(&call->rq->err, "SHOW SCHEMAS FROM %s lists them", catalog);
    return TL_SCHEMA_NOT_FOUND;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_system_tables(struct list *list, bool system, const char *schema)
{
    for (size_t i = 0; i < tl_system_count(); i++) {
        const char *of_schema, *name;
        bool everywhere;
        tl_system_name((int)i, &of_schema, &name, &everywhere);
        if ((system || everywhere) && tl_streq_nocase(of_schema, schema))
            add_wanted(list, name);
    }
}

static void add_tables(struct list *list, const struct tl_registry_source *source, const char *schema)
{
    struct tl_door_call *call = list->call;
    const struct tl_door_view **views;
    size_t view_count = tl_views_list(call, source->name, &views), count = 0;
    const char **names = TL_NEW_ARRAY(call->rq->arena, const char *, source->dataset_count + view_count);
    for (size_t i = 0; i < source->dataset_count; i++)
        if (tl_streq_nocase(source->datasets[i].schema, schema) &&
            tl_catalog_may_know(call, source->name, source->datasets[i].schema, source->datasets[i].name))
            names[count++] = source->datasets[i].name;
    for (size_t i = 0; i < view_count; i++)
        if (tl_streq_nocase(views[i]->schema, schema))
            names[count++] = views[i]->name;
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++)
        add_wanted(list, names[i]);
}

static enum tl_code show_tables(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct list list = START(call, statement, "Table");
    const struct tl_name *name = &statement->name;
    const char *schema = name->part_count ? name->parts[name->part_count - 1] : call->session->schema;
    const struct tl_registry_source *source;
    if (!schema) {
        tl_err_set(&call->rq->err, TL_SCHEMA_NOT_FOUND, "no schema is named, and the session has none");
        tl_err_hint(&call->rq->err, "SHOW TABLES FROM catalog.schema; SHOW SCHEMAS FROM catalog lists the schemas");
        return TL_SCHEMA_NOT_FOUND;
    }
    enum tl_code code = catalog_of(call, name->part_count == 2 ? name->parts[0] : NULL, &source);
    if (code != TL_OK)
        return code;
    if (source &&
        (!tl_catalog_has_schema(call, source, schema) || !tl_catalog_may_know(call, source->name, schema, NULL)))
        return unknown_schema(call, source->name, schema);
    add_system_tables(&list, !source, schema);
    if (source)
        add_tables(&list, source, schema);
    return finish(&list);
}

static enum tl_code find_dataset(struct tl_door_call *call, const struct tl_name *name, struct tl_dataset *ret_dataset)
{
    struct tl_gate_table table = {.catalog = "",
                                  .schema = "",
                                  .name = name->parts[name->part_count - 1],
                                  .offset = name->offset,
                                  .size = name->size};
    if (name->part_count > 1)
        table.schema = name->parts[name->part_count - 2];
    if (name->part_count > 2)
        table.catalog = name->parts[0];
    struct tl_name_defaults defaults = {call->session->catalog, call->session->schema};
    return tl_catalog_find_table(call, &defaults, &table, ret_dataset);
}

/* What the caller may see of it: columns that are closed are not shown. */
static enum tl_code decide(struct tl_door_call *call, const struct tl_dataset *dataset,
                           const struct tl_dataset_grant **ret_grant)
{
    *ret_grant = NULL;
    if (dataset->origin == TL_ORIGIN_SYSTEM)
        return TL_OK;
    struct tl_access_need need = tl_rights_need(call, dataset, TL_ACCESS_READ);
    const tl_clearance *clearance;
    enum tl_code code = tl_rights_decide(call, &need, 1, &clearance);
    if (code == TL_OK && tl_clearance_count(clearance) > 0 && dataset->origin != TL_ORIGIN_LAKE) /* those have columns of their own */
        *ret_grant = tl_clearance_grant(clearance, 0);
    return code;
}

static enum tl_code find_and_decide(struct tl_door_call *call, const struct tl_name *name, struct tl_dataset *ret_dataset,
                                    const struct tl_dataset_grant **ret_grant)
{
    enum tl_code code = find_dataset(call, name, ret_dataset);
    return code == TL_OK ? decide(call, ret_dataset, ret_grant) : code;
}

static bool is_open(const struct tl_dataset_grant *grant, const char *column)
{
    bool open = !grant;
    for (size_t i = 0; grant && i < grant->column_count && !open; i++)
        open = tl_streq(grant->columns[i], column);
    return open;
}

static const char *type_text(tl_arena *arena, const struct tl_type *type)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 64 * 1024);
    tl_type_format_trino(&buf, type);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

static enum tl_code show_columns(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct list list = START(call, statement, "Column", "Type", "Extra", "Comment");
    struct tl_dataset dataset;
    const struct tl_dataset_grant *grant;
    enum tl_code code = find_and_decide(call, &statement->name, &dataset, &grant);
    if (code != TL_OK)
        return code;
    for (size_t i = 0; i < dataset.described->column_count; i++) {
        const struct tl_source_column *column = &dataset.described->columns[i];
        if (!is_open(grant, column->name) || !wanted(&list, column->name))
            continue;
        add(&list, column->name);
        add(&list, column->unsupported ? "unsupported" : type_text(call->rq->arena, &column->type));
        add(&list, column->unsupported ? column->source_type : column->key_position ? "key" : "");
        add(&list, column->comment ? column->comment : "");
    }
    return finish(&list);
}

static enum tl_code show_functions(struct tl_door_call *call, const struct tl_statement *statement)
{
    static const char *const kinds[] = {[TL_FUNCTION_SCALAR] = "scalar",
                                        [TL_FUNCTION_AGGREGATE] = "aggregate",
                                        [TL_FUNCTION_WINDOW] = "window",
                                        [TL_FUNCTION_TABLE] = "table"};
    struct list list = START(call, statement, "Function", "Return Type", "Argument Types", "Function Type",
                             "Deterministic", "Description");
    const struct tl_function *functions;
    size_t count = tl_functions(&functions);
    for (size_t i = 0; i < count; i++) {
        bool word = (functions[i].name[0] | 0x20) >= 'a' && (functions[i].name[0] | 0x20) <= 'z';
        if (!word || functions[i].hidden || !wanted(&list, functions[i].name))
            continue;
        add(&list, functions[i].name);
        add(&list, functions[i].returns);
        add(&list, functions[i].arguments);
        add(&list, kinds[functions[i].kind]);
        add(&list, functions[i].deterministic ? "true" : "false");
        add(&list, functions[i].help);
    }
    return finish(&list);
}

static enum tl_code show_session(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct list list = START(call, statement, "Name", "Value", "Default", "Type", "Description");
    const struct tl_session_property *properties;
    size_t count = tl_door_session_properties(&properties);
    for (size_t i = 0; i < count; i++) {
        if (!wanted(&list, properties[i].name))
            continue;
        add(&list, properties[i].name);
        add(&list, tl_settings_value(call->session, &properties[i]));
        add(&list, properties[i].fallback);
        add(&list, properties[i].type);
        add(&list, properties[i].help);
    }
    return finish(&list);
}

static void put_name(struct tl_buf *ddl, const struct tl_dataset *dataset)
{
    tl_buf_add_identifier(ddl, dataset->source);
    tl_buf_addc(ddl, '.');
    tl_buf_add_identifier(ddl, dataset->schema);
    tl_buf_addc(ddl, '.');
    tl_buf_add_identifier(ddl, dataset->name);
}

static void put_column(struct tl_buf *ddl, tl_arena *arena, const struct tl_source_column *column, bool first)
{
    tl_buf_adds(ddl, first ? "   " : ",\n   ");
    tl_buf_add_identifier(ddl, column->name);
    tl_buf_addf(ddl, " %s", type_text(arena, &column->type));
    if (!column->nullable)
        tl_buf_adds(ddl, " NOT NULL");
    if (column->comment) {
        tl_buf_adds(ddl, " COMMENT ");
        tl_buf_add_literal(ddl, column->comment, strlen(column->comment));
    }
}

static enum tl_code finish_ddl(struct tl_door_call *call, const struct tl_statement *statement, const char *column,
                               struct tl_buf *ddl)
{
    enum tl_code code = TL_OK;
    if (ddl->failed) {
        code = tl_err_set(&call->rq->err, TL_TOO_LARGE, "the definition is longer than %d bytes", DDL_MAX);
    } else {
        struct list list = START(call, statement, column);
        add(&list, tl_buf_cstr(ddl));
        finish(&list);
    }
    tl_buf_done(ddl);
    return code;
}

static enum tl_code show_create_table(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct tl_dataset dataset;
    const struct tl_dataset_grant *grant;
    enum tl_code code = find_and_decide(call, &statement->name, &dataset, &grant);
    if (code != TL_OK)
        return code;
    if (dataset.origin == TL_ORIGIN_VIEW) {
        tl_err_set(&call->rq->err, TL_TABLE_NOT_FOUND, "\"%s.%s.%s\" is a view", dataset.source, dataset.schema,
                   dataset.name);
        tl_err_hint(&call->rq->err, "SHOW CREATE VIEW %s.%s.%s", dataset.source, dataset.schema, dataset.name);
        return TL_TABLE_NOT_FOUND;
    }
    struct tl_buf ddl;
    tl_buf_init(&ddl, DDL_MAX);
    tl_buf_adds(&ddl, "CREATE TABLE ");
    put_name(&ddl, &dataset);
    tl_buf_adds(&ddl, " (\n");
    bool first = true;
    for (size_t i = 0; i < dataset.described->column_count; i++) {
        if (is_open(grant, dataset.described->columns[i].name)) {
            put_column(&ddl, call->rq->arena, &dataset.described->columns[i], first);
            first = false;
        }
    }
    tl_buf_adds(&ddl, "\n)");
    if (dataset.described->comment) {
        tl_buf_adds(&ddl, "\nCOMMENT ");
        tl_buf_add_literal(&ddl, dataset.described->comment, strlen(dataset.described->comment));
    }
    return finish_ddl(call, statement, "Create Table", &ddl);
}

static enum tl_code show_create_view(struct tl_door_call *call, const struct tl_statement *statement)
{
    struct tl_dataset dataset;
    enum tl_code code = find_dataset(call, &statement->name, &dataset);
    if (code != TL_OK)
        return code;
    if (dataset.origin != TL_ORIGIN_VIEW) {
        tl_err_set(&call->rq->err, TL_TABLE_NOT_FOUND, "\"%s.%s.%s\" is not a view of ours", dataset.source,
                   dataset.schema, dataset.name);
        tl_err_hint(&call->rq->err, "SHOW CREATE TABLE %s.%s.%s", dataset.source, dataset.schema, dataset.name);
        return TL_TABLE_NOT_FOUND;
    }
    struct tl_buf ddl;
    tl_buf_init(&ddl, DDL_MAX);
    tl_buf_adds(&ddl, "CREATE VIEW ");
    put_name(&ddl, &dataset);
    if (!tl_rights_own(call, dataset.view)) {
        tl_buf_done(&ddl);
        tl_err_set(&call->rq->err, TL_NOT_ALLOWED, "the text of a view is shown to its owner, user \"%s\"", dataset.view->owner);
        tl_err_hint(&call->rq->err, "DESCRIBE %s.%s.%s shows the columns that are open to you", dataset.source, dataset.schema, dataset.name);
        return TL_NOT_ALLOWED;
    }
    tl_buf_addf(&ddl, " AS\n%s", dataset.view->sql);
    return finish_ddl(call, statement, "Create View", &ddl);
}

static enum tl_code show_create_schema(struct tl_door_call *call, const struct tl_statement *statement)
{
    const struct tl_name *name = &statement->name;
    const char *schema = name->parts[name->part_count - 1];
    const struct tl_registry_source *source;
    enum tl_code code = catalog_of(call, name->part_count == 2 ? name->parts[0] : NULL, &source);
    if (code != TL_OK)
        return code;
    if (!source || !tl_catalog_has_schema(call, source, schema))
        return unknown_schema(call, source ? source->name : "system", schema);
    struct tl_buf ddl;
    tl_buf_init(&ddl, DDL_MAX);
    tl_buf_adds(&ddl, "CREATE SCHEMA ");
    tl_buf_add_identifier(&ddl, source->name);
    tl_buf_addc(&ddl, '.');
    tl_buf_add_identifier(&ddl, schema);
    return finish_ddl(call, statement, "Create Schema", &ddl);
}

enum tl_code tl_show(struct tl_door_call *call, const struct tl_statement *statement)
{
    switch (statement->kind) {
    case TL_STATEMENT_SHOW_CATALOGS:
        return show_catalogs(call, statement);
    case TL_STATEMENT_SHOW_SCHEMAS:
        return show_schemas(call, statement);
    case TL_STATEMENT_SHOW_TABLES:
        return show_tables(call, statement);
    case TL_STATEMENT_SHOW_COLUMNS:
        return show_columns(call, statement);
    case TL_STATEMENT_SHOW_FUNCTIONS:
        return show_functions(call, statement);
    case TL_STATEMENT_SHOW_SESSION:
        return show_session(call, statement);
    case TL_STATEMENT_SHOW_CREATE_TABLE:
        return show_create_table(call, statement);
    case TL_STATEMENT_SHOW_CREATE_VIEW:
        return show_create_view(call, statement);
    default:
        return show_create_schema(call, statement);
    }
}
