/* What the door asks lifeguard, and how its answers become SQL: the columns, masks and row rules of a governed view. */
#include <string.h>

#include "door/door_int.h"

enum tl_code tl_rights_decide(struct tl_door_call *call, const struct tl_access_need *needs, size_t count, const tl_clearance **ret_clearance)
{
    const struct tl_door_settings *settings = &call->settings;
    if (settings->pii && !call->manner.pii) {
        if (tl_lifeguard_pii_check(call->rq, call->door->lifeguard, settings->pii, settings->pii_reason, call->session->source) != TL_OK)
            return call->rq->err.code;
        call->manner.pii = true;
    }
    return tl_lifeguard_decide(call->rq, call->door->lifeguard, &call->manner, needs, count, ret_clearance);
}

struct tl_access_need tl_rights_need(struct tl_door_call *call, const struct tl_dataset *dataset, unsigned access)
{
    struct tl_access_need need = {.source = dataset->source, .schema = dataset->schema, .table = dataset->name, .access = access};
    const struct tl_source_dataset *described = dataset->base ? dataset->base : dataset->described;
    if (!described)
        return need;
    const char **columns = TL_NEW_ARRAY(call->rq->arena, const char *, described->column_count);
    for (size_t i = 0; i < described->column_count; i++)
        columns[i] = described->columns[i].name;
    need.table = dataset->base ? dataset->base->name : dataset->name;
    need.columns = columns;
    need.column_count = described->column_count;
    return need;
}

/* Listings leave out what is closed; the tables of the catalog "system" are made for the caller already. */
const bool *tl_rights_visible(struct tl_door_call *call, const char *source, const struct tl_source_dataset *described)
{
    struct tl_dataset dataset = {.source = source, .schema = described->schema, .name = described->name, .described = described};
    struct tl_access_need need = tl_rights_need(call, &dataset, TL_ACCESS_READ);
    bool *visible = TL_NEW_ARRAY(call->rq->arena, bool, need.column_count);
    bool system = tl_system_find(source, described->schema, described->name) >= 0;
    if (system)
        memset(visible, true, need.column_count * sizeof *visible);
    else
        tl_lifeguard_visible(call->rq, call->door->lifeguard, &need, visible);
    return visible;
}

bool tl_rights_own(struct tl_door_call *call, const struct tl_door_view *view)
{
    struct tl_err before = call->rq->err;
    struct tl_grant_scope scope = {.source = view->source, .schema = view->schema, .table = view->name};
    bool own = call->rq->principal && tl_streq(call->rq->principal->user, view->owner);
    if (!own)
        own = tl_lifeguard_need(call->rq, call->door->lifeguard, TL_PRIVILEGE_OWN | TL_PRIVILEGE_ADMIN | TL_PRIVILEGE_REVIEW, &scope) == TL_OK;
    call->rq->err = before;
    return own;
}

/* --- SQL --- */

static const struct tl_source_column *column_of(const struct tl_source_dataset *described, const char *name)
{
    for (size_t i = 0; i < described->column_count; i++)
        if (strcmp(described->columns[i].name, name) == 0)
            return &described->columns[i];
    return NULL;
}

void tl_rights_put_columns(struct tl_buf *sql, const struct tl_dataset_grant *grant, const struct tl_source_dataset *described)
{
    static const struct tl_type unknown = {.id = TL_TYPE_VARCHAR};
    static const struct tl_mask nothing = {.form = TL_MASK_NULL};
    for (size_t i = 0; i < grant->column_count; i++) {
        tl_buf_adds(sql, i ? ", " : "SELECT ");
        if (grant->masks[i].form != TL_MASK_NONE) {
            const struct tl_source_column *column = column_of(described, grant->columns[i]);
            tl_mask_write(sql, column ? &grant->masks[i] : &nothing, grant->columns[i], column ? &column->type : &unknown);
            tl_buf_adds(sql, " AS ");
        }
        tl_buf_add_identifier(sql, grant->columns[i]);
    }
}

void tl_rights_put_rules(struct tl_buf *sql, const struct tl_dataset_grant *grant, tl_rule_dataset dataset, void *context)
{
    for (size_t i = 0; i < grant->row_rule_count; i++) {
        tl_buf_adds(sql, i ? " AND " : " WHERE ");
        tl_rule_write(sql, grant->row_rules[i], dataset, context);
    }
    /* No expression of the caller's may be computed on a row before the rules have passed it: an error would tell of it, and the
     * engine takes functions for infallible that are not.  It moves nothing past this; what surely cannot fail we do ourselves
     * (engines/duckdb/scan_barrier.cpp). */
    if (grant->row_rule_count)
        tl_buf_adds(sql, " OFFSET 0");
}

/* --- tables that come and go --- */

static struct tl_grant_scope scope_of(const struct tl_dataset *dataset)
{
    return (struct tl_grant_scope){.source = dataset->source, .schema = dataset->schema, .table = dataset->name};
}

enum tl_code tl_rights_renamed(struct tl_door_call *call, const struct tl_dataset *target, const char *new_name)
{
    struct tl_grant_scope scope = scope_of(target);
    return tl_lifeguard_renamed(call->rq, call->door->lifeguard, &scope, new_name);
}

enum tl_code tl_rights_changed(struct tl_door_call *call, const struct tl_gate *gate, const struct tl_dataset *target)
{
    struct tl_grant_scope scope = scope_of(target);
    tl_lifeguard *lifeguard = call->door->lifeguard;
    switch (gate->kind) {
    case TL_GATE_CREATE_TABLE:
    case TL_GATE_CREATE_TABLE_AS:
    case TL_GATE_CREATE_SCHEMA:
    case TL_GATE_CREATE_VIEW:
        return target->existed && gate->if_not_exists ? TL_OK : tl_lifeguard_created(call->rq, lifeguard, &scope);
    case TL_GATE_DROP_TABLE:
    case TL_GATE_DROP_VIEW:
    case TL_GATE_DROP_SCHEMA:
        return tl_lifeguard_dropped(call->rq, lifeguard, &scope);
    case TL_GATE_ALTER_TABLE:
        return gate->new_name ? tl_rights_renamed(call, target, gate->new_name) : TL_OK;
    default:
        return TL_OK;
    }
}

/* --- for who governs --- */

static void each_view(struct tl_door_call *call, const char *source, void (*each)(void *context, const char *source, const struct tl_source_dataset *dataset),
                      void *context)
{
    const struct tl_door_view **views;
    size_t count = tl_views_list(call, source, &views);
    for (size_t i = 0; i < count; i++)
        each(context, source, &views[i]->dataset);
}

void tl_door_each_dataset(struct tl_request *rq, tl_door *door, void (*each)(void *context, const char *source, const struct tl_source_dataset *dataset),
                          void *context)
{
    struct tl_session session = {.source = NULL};
    struct tl_door_call call = {.rq = rq, .door = door, .session = &session};
    const struct tl_registry_source *sources;
    tl_catalog_acquire(&call);
    size_t count = tl_snapshot_sources(call.snapshot, &sources);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sources[i].dataset_count; k++)
            each(context, sources[i].name, &sources[i].datasets[k]);
        each_view(&call, sources[i].name, each, context);
    }
    tl_registry_release(call.snapshot);
}

void tl_door_each_view(struct tl_request *rq, tl_door *door, void (*each)(void *context, const char *source, const struct tl_source_dataset *dataset),
                       void *context)
{
    struct tl_session session = {.source = NULL};
    struct tl_door_call call = {.rq = rq, .door = door, .session = &session};
    const struct tl_registry_source *sources;
    tl_catalog_acquire(&call);
    size_t count = tl_snapshot_sources(call.snapshot, &sources);
    for (size_t i = 0; i < count; i++)
        each_view(&call, tl_arena_strdup(rq->arena, sources[i].name), each, context);
    tl_registry_release(call.snapshot);
}

enum tl_code tl_door_find_dataset(struct tl_request *rq, tl_door *door, const char *name, struct tl_grant_scope *ret_scope,
                                  struct tl_source_dataset *ret_dataset)
{
    struct tl_session session = {.source = NULL};
    struct tl_door_call call = {.rq = rq, .door = door, .session = &session, .text = tl_str_of(name)};
    struct tl_lexer lexer = {tl_str_of(name), 0};
    struct tl_name parts;
    struct tl_dataset dataset;
    if (!tl_name_read(rq->arena, &lexer, &parts) || parts.part_count != 3 || tl_lexer_next(&lexer).kind != TL_TOKEN_END) {
        tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "\"%.200s\" is not the name of a table", name);
        tl_err_hint(&rq->err, "write catalog.schema.table");
        return TL_INVALID_ARGUMENT;
    }
    struct tl_gate_table table = {.catalog = parts.parts[0], .schema = parts.parts[1], .name = parts.parts[2]};
    struct tl_name_defaults defaults = {NULL, NULL};
    tl_catalog_acquire(&call);
    enum tl_code code = tl_catalog_find_table(&call, &defaults, &table, &dataset);
    if (code == TL_OK) {
        *ret_dataset = tl_registry_dataset_copy(rq->arena, dataset.described);
        *ret_scope = (struct tl_grant_scope){.source = tl_arena_strdup(rq->arena, dataset.source), .schema = ret_dataset->schema, .table = ret_dataset->name};
    } else {
        rq->err.position = -1;
    }
    tl_registry_release(call.snapshot);
    return code;
}

static struct tl_listed_dataset listed_of(tl_arena *arena, const struct tl_grant_scope *scope, const struct tl_source_dataset *dataset)
{
    enum { TYPE_TEXT_MAX = 64 * 1024 };
    const char **names = TL_NEW_ARRAY(arena, const char *, dataset->column_count), **types = TL_NEW_ARRAY(arena, const char *, dataset->column_count);
    struct tl_buf text;
    tl_buf_init(&text, TYPE_TEXT_MAX);
    for (size_t i = 0; i < dataset->column_count; i++) {
        tl_buf_clear(&text);
        tl_type_format_trino(&text, &dataset->columns[i].type);
        names[i] = dataset->columns[i].name;
        types[i] = tl_arena_strdup(arena, tl_buf_cstr(&text));
    }
    tl_buf_done(&text);
    return (struct tl_listed_dataset){*scope, dataset->column_count, names, types};
}

enum tl_code tl_door_listed(struct tl_request *rq, tl_lifeguard *lifeguard, const char *source, const struct tl_source_dataset *datasets, size_t count)
{
    struct tl_listed_dataset *listed = TL_NEW_ARRAY(rq->arena, struct tl_listed_dataset, count);
    size_t reviewed = 0;
    for (size_t i = 0; i < count; i++) {
        struct tl_grant_scope scope = {.source = source, .schema = datasets[i].schema, .table = datasets[i].name};
        if (tl_lifeguard_is_reviewed(lifeguard, &scope))
            listed[reviewed++] = listed_of(rq->arena, &scope, &datasets[i]);
    }
    return reviewed ? tl_lifeguard_listed(rq, lifeguard, source, listed, reviewed) : TL_OK;
}

/* An expression of one value over one row: no other table, nothing that closes its brackets early. */
static bool is_balanced(struct tl_str text)
{
    struct tl_lexer lexer = {text, 0};
    int depth = 0;
    for (struct tl_token token = tl_lexer_next(&lexer); token.kind != TL_TOKEN_END; token = tl_lexer_next(&lexer)) {
        char c = token.size == 1 ? text.data[token.offset] : '\0';
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (depth < 0 || c == ';' || token.kind == TL_TOKEN_BAD)
            return false;
    }
    return depth == 0;
}

/* A word that is the name of a column may be one: the engine finds names without regard to case. */
void tl_rights_sql_columns(tl_arena *arena, const char *sql, const struct tl_source_dataset *described, void (*each)(void *context, const char *column),
                           void *context)
{
    bool *named = TL_NEW_ARRAY(arena, bool, described->column_count);
    struct tl_lexer lexer = {tl_str_of(sql), 0};
    for (struct tl_token token = tl_lexer_next(&lexer); token.kind != TL_TOKEN_END && token.kind != TL_TOKEN_BAD; token = tl_lexer_next(&lexer)) {
        const char *word = tl_token_name(arena, lexer.text, token);
        for (size_t i = 0; word && i < described->column_count; i++)
            named[i] = named[i] || tl_streq_nocase(described->columns[i].name, word);
    }
    for (size_t i = 0; i < described->column_count; i++)
        if (named[i])
            each(context, described->columns[i].name);
}

enum tl_code tl_rights_check_sql(void *context, struct tl_request *rq, const char *sql)
{
    struct tl_session session = {.source = NULL};
    struct tl_door_call call = {.rq = rq, .door = context, .session = &session};
    const struct tl_gate *gate;
    const char *text = tl_arena_printf(rq->arena, "SELECT * FROM t WHERE (%s)", sql);
    enum tl_code code = tl_check_text(&call, tl_str_of(text), &gate);
    bool alone = code == TL_OK && gate->kind == TL_GATE_SELECT && gate->table_count == 1 && gate->function_count == 0 && gate->parameter_count == 0 &&
                 gate->word_count == 0 && gate->column_count == 0 && is_balanced(tl_str_of(sql));
    rq->err.position = -1;
    if (code != TL_OK || alone)
        return code;
    tl_err_set(&rq->err, TL_INVALID_ARGUMENT, "the expression of a row rule is not one condition on the columns of one row");
    tl_err_hint(&rq->err, "no subqueries, no session words; another table is named by \"dataset\"");
    return TL_INVALID_ARGUMENT;
}
