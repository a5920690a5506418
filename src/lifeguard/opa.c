#include "lifeguard/opa.h"

#include <string.h>

#include "base/clock.h"
#include "lifeguard/trino_int.h"

enum { SQL_MAX = 16 * 1024 * 1024, RESOURCES_MAX = 100000 };

/* What a question is about: a table with its columns, or parts of it. */
struct resource {
    const char *catalog, *schema, *table;
    const tl_json *columns;
};

struct table {
    const struct tl_trino_dataset *dataset;
    struct lg_decision decision;
    struct tl_dataset_grant grant;
    struct tl_access_need need;
};

struct asking {
    struct tl_request *rq;
    tl_lifeguard *lifeguard;
    const struct lg_snapshot *snapshot;
    const struct tl_opa_world *world;
    const char *operation;
    const char *said_user;         /* as Trino has it */
    bool rules;                    /* it is "townlake+rules" */
    bool known;                    /* somebody seen here */
    struct tl_principal principal; /* then */
    struct lg_who who;
    struct resource last; /* the table of the last column whose mask was asked */
    struct table last_table;
    bool reads_last;
};

/* ---- who ---- */

static void find_user(struct asking *a, const tl_json *input)
{
    static const char mark[] = "+pii";
    const char *user = tl_json_get_text(tl_json_get(tl_json_get(input, "context"), "identity"), "user");
    size_t size = user ? strlen(user) : 0, plain = size;
    a->said_user = user ? user : "";
    a->rules = tl_streq(user, TL_TRINO_RULES_USER);
    bool pii = size > sizeof mark - 1 && strcmp(user + size - (sizeof mark - 1), mark) == 0;
    if (pii)
        plain -= sizeof mark - 1;
    if (plain == 0 || memchr(user, '+', plain))
        return;
    const char *name = tl_arena_strndup(a->rq->arena, user, plain);
    a->known = tl_lifeguard_groups_of(a->rq, a->lifeguard, name, 0, &a->principal);
    if (!a->known)
        return;
    a->who = lg_who_of(a->lifeguard, a->rq->arena, &a->principal, tl_clock_wall_us(), pii);
    a->known = !pii || lg_may_choose_pii(a->snapshot, &a->who);
}

/* ---- one table ---- */

static bool is_system(const struct resource *resource)
{
    return tl_streq(resource->schema, "information_schema") ||
           (tl_streq(resource->catalog, "system") && (tl_streq(resource->schema, "jdbc") || tl_streq(resource->schema, "metadata")));
}

/* May the user read it?  Then the decision and what it shows are filled in. */
static bool reads(struct asking *a, const struct resource *resource, struct table *table)
{
    tl_arena *arena = a->rq->arena;
    *table = (struct table){.dataset = NULL};
    if (!a->known || !resource->catalog || !resource->schema || !resource->table)
        return false;
    table->dataset = a->world->dataset(a->world->context, resource->catalog, resource->schema, resource->table);
    if (!table->dataset)
        return false;
    table->need = trino_need(arena, table->dataset);
    lg_decide(a->lifeguard, a->snapshot, arena, &a->who, &table->need, &table->decision);
    if (!lg_allowed(&table->decision, &table->need))
        return false;
    lg_grant_of(a->lifeguard, a->snapshot, arena, &a->principal, &table->need, &table->decision, &table->grant);
    return true;
}

static int column_of(const struct table *table, const char *name)
{
    for (size_t i = 0; name && i < table->dataset->column_count; i++)
        if (strcmp(table->dataset->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

static bool shows(const struct table *table, const char *name)
{
    int column = column_of(table, name);
    return column >= 0 && table->decision.columns[column].visible;
}

static bool put_filter(struct asking *a, const struct table *table, struct tl_buf *sql)
{
    return tl_trino_filter(sql, &table->grant, table->dataset, a->world->dataset, a->world->context);
}

static bool has_forms(struct asking *a, const struct table *table)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    bool has = put_filter(a, table, &sql);
    tl_buf_done(&sql);
    return has;
}

static bool selects(struct asking *a, const struct resource *resource)
{
    struct table table;
    if (a->rules)
        return a->world->dataset(a->world->context, resource->catalog, resource->schema, resource->table) != NULL;
    if (is_system(resource))
        return true;
    if (!reads(a, resource, &table) || !has_forms(a, &table))
        return false;
    bool all = true;
    for (struct tl_json_iter it = tl_json_iter(resource->columns); tl_json_next(&it) && all;)
        all = shows(&table, tl_json_text(it.value));
    return all;
}

/* As rules.json: who sees a part of the rows or values changes nothing. */
static bool holds(struct asking *a, const struct resource *resource, unsigned privileges)
{
    struct table table;
    return reads(a, resource, &table) && !table.grant.partial && has_forms(a, &table) && (table.decision.allow & ~table.decision.deny & privileges);
}

/* ---- one resource ---- */

static struct resource resource_of(const tl_json *json)
{
    static const char *const keys[] = {"table", "column", "schema", "catalog"};
    const tl_json *at = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !at; i++)
        at = tl_json_get(json, keys[i]);
    const char *name = tl_json_get_text(at, "name");
    return (struct resource){name ? name : tl_json_get_text(at, "catalogName"), tl_json_get_text(at, "schemaName"), tl_json_get_text(at, "tableName"),
                             tl_json_get(at, "columns")};
}

static bool has_catalog(const struct asking *a, const struct resource *resource)
{
    return tl_streq(resource->catalog, "system") || (resource->catalog && a->world->has_schema(a->world->context, resource->catalog, NULL));
}

static bool has_schema(const struct asking *a, const struct resource *resource)
{
    return tl_streq(resource->schema, "information_schema") || is_system(resource) ||
           (resource->catalog && resource->schema && a->world->has_schema(a->world->context, resource->catalog, resource->schema));
}

static bool is_own_query(const struct asking *a, const tl_json *resource)
{
    return tl_streq(tl_json_get_text(tl_json_get(resource, "user"), "user"), a->said_user);
}

static bool may_set(const tl_json *resource)
{
    static const char *const names[] = {"query_max_run_time", "query_max_execution_time", "query_max_cpu_time", "join_distribution_type"};
    const char *name = tl_json_get_text(tl_json_get(resource, "systemSessionProperty"), "name");
    bool may = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !may; i++)
        may = tl_streq(names[i], name);
    return may;
}

static bool is_builtin(const tl_json *resource)
{
    const tl_json *function = tl_json_get(resource, "function");
    return tl_streq(tl_json_get_text(function, "catalogName"), "system") && tl_streq(tl_json_get_text(function, "schemaName"), "builtin");
}

static bool is_any(const char *operation, const char *const *names, size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count && !found; i++)
        found = tl_streq(names[i], operation);
    return found;
}

static bool allows_table(struct asking *a, const struct resource *resource)
{
    static const char *const reading[] = {"SelectFromColumns", "ShowColumns", "FilterTables"};
    static const char *const writing[] = {"InsertIntoTable", "DeleteFromTable", "TruncateTable", "UpdateTableColumns"};
    static const char *const owning[] = {"DropTable", "AddColumn", "AlterColumn", "DropColumn", "RenameColumn", "RenameTable", "SetTableComment",
                                         "SetColumnComment", "SetTableProperties", "ShowCreateTable"};
    if (is_any(a->operation, reading, sizeof reading / sizeof *reading))
        return selects(a, resource);
    if (is_any(a->operation, writing, sizeof writing / sizeof *writing))
        return holds(a, resource, TL_PRIVILEGE_WRITE | TL_PRIVILEGE_OWN);
    return is_any(a->operation, owning, sizeof owning / sizeof *owning) && holds(a, resource, TL_PRIVILEGE_OWN);
}

static bool allows(struct asking *a, const tl_json *json)
{
    const struct resource resource = resource_of(json);
    if (a->rules)
        return tl_streq(a->operation, "AccessCatalog") || (tl_streq(a->operation, "ExecuteFunction") && is_builtin(json)) ||
               (tl_streq(a->operation, "SelectFromColumns") && selects(a, &resource));
    if (!a->known)
        return false;
    if (tl_streq(a->operation, "ExecuteQuery"))
        return true;
    if (tl_streq(a->operation, "AccessCatalog") || tl_streq(a->operation, "FilterCatalogs") || tl_streq(a->operation, "ShowSchemas"))
        return has_catalog(a, &resource);
    if (tl_streq(a->operation, "FilterSchemas") || tl_streq(a->operation, "ShowTables"))
        return has_schema(a, &resource);
    if (tl_streq(a->operation, "SetSystemSessionProperty"))
        return may_set(json);
    if (tl_streq(a->operation, "ViewQueryOwnedBy") || tl_streq(a->operation, "FilterViewQueryOwnedBy") || tl_streq(a->operation, "KillQueryOwnedBy"))
        return is_own_query(a, json);
    if (tl_streq(a->operation, "ExecuteFunction") || tl_streq(a->operation, "FilterFunctions"))
        return is_builtin(json);
    return allows_table(a, &resource);
}

/* ---- answers ---- */

static void answer_batch(struct asking *a, const tl_json *resources, struct tl_json_writer *json)
{
    int64_t index = 0;
    tl_json_begin_array(json);
    if (tl_streq(a->operation, "FilterColumns")) {
        struct tl_json_iter first = tl_json_iter(resources);
        struct table table;
        struct resource resource = tl_json_next(&first) ? resource_of(first.value) : (struct resource){0};
        bool system = is_system(&resource), reading = !system && reads(a, &resource, &table) && has_forms(a, &table);
        for (struct tl_json_iter it = tl_json_iter(resource.columns); tl_json_next(&it); index++)
            if (system || (reading && shows(&table, tl_json_text(it.value))))
                tl_json_put_int64(json, index);
    } else {
        for (struct tl_json_iter it = tl_json_iter(resources); tl_json_next(&it) && index < RESOURCES_MAX; index++)
            if (allows(a, it.value))
                tl_json_put_int64(json, index);
    }
    tl_json_end_array(json);
}

static void put_expression(struct tl_json_writer *json, struct tl_buf *sql)
{
    tl_json_begin_object(json);
    tl_json_pair_text(json, "expression", tl_buf_cstr(sql));
    tl_json_pair_text(json, "identity", TL_TRINO_RULES_USER);
    tl_json_end_object(json);
}

/* A table that the user may not read at all hides every row too. */
static void answer_filters(struct asking *a, const tl_json *json_resource, struct tl_json_writer *json)
{
    struct resource resource = resource_of(json_resource);
    struct table table;
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    tl_json_begin_array(json);
    if (!a->rules && !is_system(&resource)) {
        if (!reads(a, &resource, &table) || !put_filter(a, &table, &sql)) {
            tl_buf_clear(&sql);
            tl_buf_adds(&sql, "false");
        }
        if (sql.size)
            put_expression(json, &sql);
    }
    tl_json_end_array(json);
    tl_buf_done(&sql);
}

/* The columns of a table are asked one after another: it is decided once for all of them.  NULL: the user may not read it. */
static const struct table *table_of(struct asking *a, const struct resource *resource)
{
    const struct resource *last = &a->last;
    if (!tl_streq(last->table, resource->table) || !tl_streq(last->schema, resource->schema) || !tl_streq(last->catalog, resource->catalog)) {
        a->last = *resource;
        a->reads_last = reads(a, resource, &a->last_table);
    }
    return a->reads_last ? &a->last_table : NULL;
}

/* The mask of one column; false: it is shown as it is.  What may not be read is NULL. */
static bool put_mask(struct asking *a, const tl_json *json_resource, struct tl_buf *sql)
{
    const tl_json *column = tl_json_get(json_resource, "column");
    const char *name = tl_json_get_text(column, "columnName");
    struct resource resource = resource_of(json_resource);
    if (a->rules || is_system(&resource))
        return false;
    const struct table *table = table_of(a, &resource);
    int index = table ? column_of(table, name) : -1;
    if (index < 0 || !table->decision.columns[index].visible)
        tl_buf_adds(sql, "NULL");
    else if (table->decision.columns[index].mask.form == TL_MASK_NONE)
        return false;
    else
        tl_trino_mask(sql, &table->decision.columns[index].mask, &table->dataset->columns[index]);
    if (sql->failed) {
        sql->failed = false;
        tl_buf_clear(sql);
        tl_buf_adds(sql, "NULL");
    }
    return true;
}

static void answer_mask(struct asking *a, const tl_json *resource, struct tl_json_writer *json)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    if (put_mask(a, resource, &sql)) {
        tl_json_key(json, "result");
        put_expression(json, &sql);
    }
    tl_buf_done(&sql);
}

static void answer_masks(struct asking *a, const tl_json *resources, struct tl_json_writer *json)
{
    int64_t index = 0;
    tl_json_begin_array(json);
    for (struct tl_json_iter it = tl_json_iter(resources); tl_json_next(&it); index++) {
        struct tl_buf sql;
        tl_buf_init(&sql, SQL_MAX);
        if (put_mask(a, it.value, &sql)) {
            tl_json_begin_object(json);
            tl_json_pair_int64(json, "index", index);
            tl_json_key(json, "viewExpression");
            put_expression(json, &sql);
            tl_json_end_object(json);
        }
        tl_buf_done(&sql);
    }
    tl_json_end_array(json);
}

static void answer(struct asking *a, enum tl_opa_question question, const tl_json *action, struct tl_json_writer *json)
{
    const tl_json *resource = tl_json_get(action, "resource"), *resources = tl_json_get(action, "filterResources");
    tl_json_begin_object(json);
    if (question != TL_OPA_COLUMN_MASK)
        tl_json_key(json, "result");
    if (question == TL_OPA_ALLOW)
        tl_json_put_bool(json, allows(a, resource));
    else if (question == TL_OPA_BATCH)
        answer_batch(a, resources, json);
    else if (question == TL_OPA_ROW_FILTERS)
        answer_filters(a, resource, json);
    else if (question == TL_OPA_COLUMN_MASK)
        answer_mask(a, resource, json);
    else
        answer_masks(a, resources, json);
    tl_json_end_object(json);
}

enum tl_code tl_lifeguard_opa(struct tl_request *rq, tl_lifeguard *lifeguard, enum tl_opa_question question, const tl_json *body,
                              const struct tl_opa_world *world, struct tl_buf *json)
{
    struct tl_json_writer writer;
    const tl_json *input = tl_json_get(body, "input"), *action = tl_json_get(input, "action");
    struct asking asking = {.rq = rq, .lifeguard = lifeguard, .world = world, .operation = tl_json_get_text(action, "operation")};
    if (lg_is_broken(lifeguard))
        return tl_err_set(&rq->err, TL_STATE, "the rules cannot be read, so Trino gets none");
    if (!asking.operation)
        return tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the body is not {\"input\": {\"context\": .., \"action\": {\"operation\": ..}}}");
    asking.snapshot = lg_acquire(lifeguard);
    find_user(&asking, input);
    tl_json_writer_init(&writer, json);
    answer(&asking, question, action, &writer);
    lg_release(asking.snapshot);
    if (rq->err.code != TL_OK)
        return rq->err.code;
    return json->failed ? tl_err_set(&rq->err, TL_TOO_LARGE, "the answer is longer than %zu bytes", json->max_size) : TL_OK;
}
