/* From a checked text to one that may run: names -> datasets -> decision -> governed views -> replaced names -> verification. */
#include <string.h>

#include "door/door_int.h"
#include "lake/describe.h"

enum { DATASETS_MAX = 2000, VIEW_SQL_MAX = 16 * 1024 * 1024 };

/* A text whose names were looked up: the statement itself, or a stored view below it. */
struct bound {
    struct tl_str text;
    const struct tl_gate *gate;
    struct tl_name_defaults defaults;
    size_t *datasets; /* per table of the gate: index into work->datasets */
};

struct work {
    struct tl_door_call *call;
    struct tl_governed *out;
    struct tl_dataset *datasets;
    struct tl_access_need *needs; /* per dataset; access 0 = none is needed (system tables) */
    struct bound **inner;         /* per dataset: the stored view's text, NULL = not a view */
    const struct tl_dataset_grant **grants;
    size_t count, capacity;
    struct tl_engine_view *views;
    size_t view_count, view_capacity;
};

/* --- names --- */

static enum tl_code bind_text(struct work *work, struct bound *bound, int depth);

static void grow(struct work *work)
{
    tl_arena *arena = work->call->rq->arena;
    size_t old = work->capacity, capacity = old ? old * 2 : 8;
    work->datasets =
        tl_arena_grow(arena, work->datasets, old * sizeof *work->datasets, capacity * sizeof *work->datasets);
    work->needs = tl_arena_grow(arena, work->needs, old * sizeof *work->needs, capacity * sizeof *work->needs);
    work->inner = tl_arena_grow(arena, work->inner, old * sizeof *work->inner, capacity * sizeof *work->inner);
    work->capacity = capacity;
}

static bool same_dataset(const struct tl_dataset *a, const struct tl_dataset *b)
{
    return tl_streq(a->source, b->source) && tl_streq(a->schema, b->schema) && tl_streq(a->name, b->name);
}

static enum tl_code add_dataset(struct work *work, const struct tl_dataset *dataset, unsigned access, int depth,
                                size_t *ret_index)
{
    for (size_t i = 0; i < work->count; i++) {
        if (same_dataset(&work->datasets[i], dataset)) {
            work->needs[i].access |= access;
            *ret_index = i;
            return TL_OK;
        }
    }
    if (work->count == DATASETS_MAX)
        return tl_err_set(&work->call->rq->err, TL_TOO_LARGE, "the statement touches more than %d tables",
                          DATASETS_MAX);
    if (work->count == work->capacity)
        grow(work);
    size_t index = work->count++;
    work->datasets[index] = *dataset;
    work->inner[index] = NULL;
    work->needs[index] = tl_rights_need(work->call, dataset, access);
    *ret_index = index;
    if (dataset->origin != TL_ORIGIN_VIEW)
        return TL_OK;
    struct bound *inner = TL_NEW(work->call->rq->arena, struct bound);
    struct tl_dialect dialect;
    enum tl_code code = tl_door_read_dialect(work->call, tl_str_of(dataset->view->sql), &dialect);
    inner->text = dialect.text;
    inner->defaults = (struct tl_name_defaults){dataset->view->session_catalog, dataset->view->session_schema};
    work->inner[index] = inner;
    if (code == TL_OK)
        code = bind_text(work, inner, depth + 1);
    if (code != TL_OK) {
        struct tl_err *err = &work->call->rq->err;
        err->position = -1; /* it would point into the view */
        tl_err_detail(err, "in the view \"%s.%s.%s\"", dataset->source, dataset->schema, dataset->name);
    }
    return code;
}

/* What a kind of statement does to its target. */
static unsigned target_access(enum tl_gate_kind kind)
{
    switch (kind) {
    case TL_GATE_CREATE_TABLE:
    case TL_GATE_CREATE_TABLE_AS:
    case TL_GATE_CREATE_SCHEMA:
    case TL_GATE_CREATE_VIEW:
        return TL_ACCESS_CREATE;
    case TL_GATE_DROP_TABLE:
    case TL_GATE_DROP_VIEW:
    case TL_GATE_DROP_SCHEMA:
    case TL_GATE_ALTER_TABLE: /* a column under another name is another column to the rules */
        return TL_ACCESS_DROP;
    default:
        return TL_ACCESS_WRITE;
    }
}

static bool names_schema(enum tl_gate_kind kind)
{
    return kind == TL_GATE_CREATE_SCHEMA || kind == TL_GATE_DROP_SCHEMA;
}

static bool makes_new(enum tl_gate_kind kind)
{
    return kind == TL_GATE_CREATE_TABLE || kind == TL_GATE_CREATE_TABLE_AS || kind == TL_GATE_CREATE_SCHEMA;
}

static enum tl_code refuse_target(struct work *work, const struct tl_gate_table *table, const char *why,
                                  const char *hint)
{
    struct tl_err *err = &work->call->rq->err;
    tl_err_set(err, TL_UNSUPPORTED, "\"%s\" cannot be changed: %s", table->name, why);
    tl_err_position(err, (int64_t)table->offset);
    tl_err_hint(err, "%s", hint);
    return TL_UNSUPPORTED;
}

static enum tl_code find_target(struct work *work, const struct bound *bound, const struct tl_gate_table *table,
                                struct tl_dataset *ret)
{
    enum tl_gate_kind kind = bound->gate->kind;
    bool loose = makes_new(kind) || names_schema(kind) || bound->gate->if_exists;
    enum tl_code code = loose ? tl_catalog_place(work->call, table, names_schema(kind), &bound->defaults, ret)
                              : tl_catalog_find_table(work->call, &bound->defaults, table, ret);
    if (code != TL_OK)
        return code;
    if (ret->origin == TL_ORIGIN_LAKE)
        return refuse_target(work, table, "it tells what is known of a table", "change the table itself");
    if (ret->origin == TL_ORIGIN_SYSTEM || !ret->registered->writable)
        return refuse_target(work, table, "its catalog is read only",
                             "tables of the lake can be written; SHOW CATALOGS lists the catalogs");
    if (ret->origin == TL_ORIGIN_VIEW)
        return refuse_target(work, table, "it is a view", "CREATE OR REPLACE VIEW and DROP VIEW change views");
    struct tl_dataset view;
    if (makes_new(kind) && !names_schema(kind) &&
        tl_catalog_lookup(work->call, ret->source, ret->schema, ret->name, &view) && view.origin == TL_ORIGIN_VIEW) {
        tl_err_set(&work->call->rq->err, TL_ALREADY_EXISTS, "the view \"%s.%s.%s\" exists already", ret->source,
                   ret->schema, ret->name);
        return TL_ALREADY_EXISTS;
    }
    return TL_OK;
}

static enum tl_code bind_table(struct work *work, struct bound *bound, size_t index, int depth)
{
    const struct tl_gate_table *table = &bound->gate->tables[index];
    struct tl_dataset dataset = {0};
    enum tl_code code = table->target ? find_target(work, bound, table, &dataset)
                                      : tl_catalog_find_table(work->call, &bound->defaults, table, &dataset);
    if (code != TL_OK)
        return code;
    if (table->at_unit && (dataset.origin != TL_ORIGIN_SOURCE || !dataset.registered->writable))
        return tl_err_set(&work->call->rq->err, TL_UNSUPPORTED, "\"%s\" has no versions: AT is for tables of the lake",
                          table->name);
    unsigned access = table->target ? target_access(bound->gate->kind) : TL_ACCESS_READ;
    dataset.existed = table->target && dataset.described;
    if (dataset.existed && bound->gate->or_replace)
        access |= TL_ACCESS_DROP;
    return add_dataset(work, &dataset, access, depth, &bound->datasets[index]);
}

static enum tl_code bind_text(struct work *work, struct bound *bound, int depth)
{
    struct tl_request *rq = work->call->rq;
    if (depth > TL_DOOR_VIEW_DEPTH_MAX) {
        tl_err_set(&rq->err, TL_TOO_LARGE, "views are nested more than %d deep, or a view contains itself",
                   TL_DOOR_VIEW_DEPTH_MAX);
        return TL_TOO_LARGE;
    }
    enum tl_code code = bound->gate ? TL_OK : tl_check_text(work->call, bound->text, &bound->gate);
    if (code == TL_OK && depth > 0 && bound->gate->kind != TL_GATE_SELECT)
        code = tl_err_set(&rq->err, TL_STATE, "a stored view is not a query");
    if (code != TL_OK)
        return code;
    bound->datasets = TL_NEW_ARRAY(rq->arena, size_t, bound->gate->table_count);
    for (size_t i = 0; i < bound->gate->table_count && code == TL_OK; i++)
        code = bind_table(work, bound, i, depth);
    return code;
}

/* --- the decision --- */

static const struct tl_dataset_grant *find_grant(const tl_clearance *clearance, const struct tl_access_need *need)
{
    for (size_t i = 0; i < tl_clearance_count(clearance); i++) {
        const struct tl_dataset_grant *grant = tl_clearance_grant(clearance, i);
        if (tl_streq(grant->need.source, need->source) && tl_streq(grant->need.schema, need->schema) &&
            tl_streq(grant->need.table, need->table))
            return grant;
    }
    return NULL;
}

static enum tl_code decide(struct work *work)
{
    struct tl_request *rq = work->call->rq;
    struct tl_access_need *asked = TL_NEW_ARRAY(rq->arena, struct tl_access_need, work->count);
    size_t count = 0;
    for (size_t i = 0; i < work->count; i++)
        if (work->datasets[i].origin != TL_ORIGIN_SYSTEM)
            asked[count++] = work->needs[i];
    enum tl_code code = tl_rights_decide(work->call, asked, count, &work->out->clearance);
    work->grants = TL_NEW_ARRAY(rq->arena, const struct tl_dataset_grant *, work->count);
    for (size_t i = 0; i < work->count && code == TL_OK; i++) {
        if (work->datasets[i].origin == TL_ORIGIN_SYSTEM)
            continue;
        work->grants[i] = find_grant(work->out->clearance, &work->needs[i]);
        if (!work->grants[i])
            code = tl_err_set(&rq->err, TL_NOT_ALLOWED, "no grant for \"%s.%s.%s\"", work->datasets[i].source,
                              work->datasets[i].schema, work->datasets[i].name ? work->datasets[i].name : "*");
    }
    return code;
}

/* Rows that the caller may not see must not be changed, nor be found out by changing. */
static enum tl_code check_target_grant(struct work *work, size_t index)
{
    const struct tl_dataset_grant *grant = work->grants[index];
    if (!grant->partial)
        return TL_OK;
    tl_err_set(&work->call->rq->err, TL_NOT_ALLOWED, "\"%s\" cannot be changed by somebody who sees only a part of it",
               work->datasets[index].name);
    tl_err_hint(&work->call->rq->err, "ask for full access to it");
    return TL_NOT_ALLOWED;
}

/* --- what the plan may touch --- */

static void allow(struct work *work, const char *entry)
{
    tl_govern_allow(work->call, work->out, entry);
}

static bool is_scanned(const struct tl_registry_source *source)
{
    const struct tl_source_driver *driver = tl_registry_driver(source->kind);
    return driver && driver->mode == TL_SOURCE_SCANS;
}

/* A view of the source itself reads tables of its own database; which, only the source knows. */
static void allow_all_tables(struct work *work, const struct tl_registry_source *source)
{
    for (size_t i = 0; i < source->dataset_count; i++)
        if (source->datasets[i].kind == TL_DATASET_TABLE)
            allow(work, tl_arena_printf(work->call->rq->arena, "table:p:%s.%s.%s", source->name,
                                        source->datasets[i].schema, source->datasets[i].name));
}

static void allow_dataset(struct work *work, const struct tl_dataset *dataset)
{
    static const char *const file_functions[] = {
        "read_parquet", "parquet_scan",     "read_csv",          "read_csv_auto", "read_json", "read_json_auto",
        "read_ndjson",  "read_ndjson_auto", "read_json_objects", "read_text",     "read_blob"};
    tl_arena *arena = work->call->rq->arena;
    if (is_scanned(dataset->registered)) {
        allow(work, tl_arena_printf(arena, "scan:%s.%s.%s", dataset->source, dataset->schema, dataset->name));
        return;
    }
    allow(work, tl_arena_printf(arena, "table:p:%s.%s.%s", dataset->source, dataset->schema, dataset->name));
    if (dataset->registered->writable)
        tl_govern_allow_files(work->call, work->out, dataset->schema, dataset->name);
    if (dataset->described->kind == TL_DATASET_VIEW)
        allow_all_tables(work, dataset->registered);
    for (size_t i = 0;
         tl_streq(dataset->registered->kind, "files") && i < sizeof file_functions / sizeof *file_functions; i++)
        allow(work, tl_arena_printf(arena, "function:%s", file_functions[i]));
}

/* --- governed views --- */

static void put_physical(struct tl_buf *sql, const struct tl_dataset *dataset)
{
    if (is_scanned(dataset->registered)) {
        const char *parts[3] = {dataset->source, dataset->schema, dataset->name};
        for (int i = 0; i < 3; i++) {
            tl_buf_adds(sql, i ? ", " : "tl_scan(");
            tl_buf_add_literal(sql, parts[i], strlen(parts[i]));
        }
        tl_buf_addc(sql, ')');
        return;
    }
    struct tl_buf catalog;
    tl_buf_init(&catalog, 256);
    tl_buf_addf(&catalog, "p:%s", dataset->source);
    tl_buf_add_identifier(sql, tl_buf_cstr(&catalog));
    tl_buf_addc(sql, '.');
    tl_buf_add_identifier(sql, dataset->schema);
    tl_buf_addc(sql, '.');
    tl_buf_add_identifier(sql, dataset->name);
    tl_buf_done(&catalog);
}

static const char *plan_name(struct work *work, const struct tl_dataset *dataset)
{
    return tl_arena_printf(work->call->rq->arena, "%s%s.%s.%s", is_scanned(dataset->registered) ? "" : "p:", dataset->source, dataset->schema,
                           dataset->name);
}

/* What is seen in part is checked by the engine down to its columns, masks and row rules. */
static void allow_part(struct work *work, const struct tl_dataset *dataset, const struct tl_dataset_grant *grant)
{
    tl_arena *arena = work->call->rq->arena;
    const char *name = plan_name(work, dataset);
    if (!grant->partial)
        return;
    allow(work, tl_arena_printf(arena, "part:%s", name));
    if (grant->row_rule_count)
        allow(work, tl_arena_printf(arena, "filtered:%s", name));
    for (size_t i = 0; i < grant->column_count; i++)
        allow(work, tl_arena_printf(arena, "%s:%s.%s", grant->masks[i].form == TL_MASK_NONE ? "column" : "masked", name, grant->columns[i]));
}

struct bare {
    struct work *work;
    const char *name;
};

static void allow_bare(void *context, const char *column)
{
    const struct bare *bare = context;
    allow(bare->work, tl_arena_printf(bare->work->call->rq->arena, "bare:%s.%s", bare->name, column));
}

/* Read by the rule, and not handed on unless the caller sees it anyway. */
static void allow_rule_column(void *context, const char *column)
{
    const struct bare *bare = context;
    tl_arena *arena = bare->work->call->rq->arena;
    const struct tl_governed *out = bare->work->out;
    const char *open = tl_arena_printf(arena, "column:%s.%s", bare->name, column);
    for (size_t i = 0; i < out->allowed_count; i++)
        if (strcmp(out->allowed[i], open) == 0)
            return;
    allow(bare->work, tl_arena_printf(arena, "masked:%s.%s", bare->name, column));
}

/* The columns that a row rule compares; of an expression in SQL that may be any. */
static void allow_rules(struct work *work, const struct tl_dataset *dataset, const struct tl_dataset_grant *grant)
{
    struct bare bare = {work, plan_name(work, dataset)};
    for (size_t i = 0; i < grant->row_rule_count; i++)
        if (!tl_rule_columns(grant->row_rules[i], allow_rule_column, &bare))
            tl_rights_sql_columns(work->call->rq->arena, grant->row_rules[i]->sql, dataset->described, allow_rule_column, &bare);
}

/* A dataset that a row rule speaks of: read by the rule, never by the caller. */
static bool put_rule_dataset(void *context, const struct tl_rule *rule, struct tl_buf *sql)
{
    struct work *work = context;
    struct tl_dataset dataset;
    if (!tl_catalog_lookup(work->call, rule->source, rule->schema, rule->table, &dataset) || dataset.origin != TL_ORIGIN_SOURCE)
        return false;
    struct bare bare = {work, plan_name(work, &dataset)};
    allow_dataset(work, &dataset);
    allow_bare(&bare, rule->key);
    if (rule->child_count)
        tl_rule_columns(rule->children[0], allow_bare, &bare);
    put_physical(sql, &dataset);
    return true;
}

static enum tl_code splice_bound(struct work *work, const struct bound *bound, struct tl_edit **ret_edits,
                                 size_t *ret_edit_count, struct tl_str *ret_text);

/* The engine knows snapshots by number only: a branch or tag is looked up. */
static enum tl_code name_version(struct work *work, const struct tl_dataset *dataset, const struct tl_gate_table *table, const char **value)
{
    struct tl_request *rq = work->call->rq;
    struct tl_lexer lexer = {tl_str_of(*value), 0};
    struct tl_str name;
    struct tl_lake_table described;
    if (!tl_streq(table->at_unit, "VERSION") || !tl_token_text(rq->arena, lexer.text, tl_lexer_next(&lexer), &name))
        return TL_OK;
    if (!work->call->door->lake)
        return tl_err_set(&rq->err, TL_UNSUPPORTED, "\"%s\" has no branches and tags", dataset->name);
    if (tl_lake_table_load(work->call->door->lake, rq->arena, dataset->schema, dataset->name, &described, &rq->err) != TL_OK)
        return rq->err.code;
    const struct tl_lake_ref *ref = tl_lake_table_ref(&described, tl_arena_strndup(rq->arena, name.data, name.size));
    if (!ref) {
        tl_err_set(&rq->err, TL_NOT_FOUND, "\"%s\" has no branch or tag \"%.*s\"", dataset->name, (int)(name.size > 200 ? 200 : name.size), name.data);
        tl_err_position(&rq->err, (int64_t)table->at_offset);
        tl_err_hint(&rq->err, "SELECT * FROM \"%s$refs\" lists them", dataset->name);
        return TL_NOT_FOUND;
    }
    *value = tl_arena_printf(rq->arena, "%lld", (long long)ref->snapshot_id);
    return TL_OK;
}

/* The definition of one dataset's view, for this caller. */
static enum tl_code make_view_sql(struct work *work, size_t index, const struct tl_gate_table *table,
                                  const char **ret_sql)
{
    const struct tl_dataset *dataset = &work->datasets[index];
    struct tl_request *rq = work->call->rq;
    if (dataset->origin == TL_ORIGIN_SYSTEM)
        return tl_system_sql(work->call, dataset->system_table, dataset->source, ret_sql);
    const struct tl_dataset_grant *grant = work->grants[index];
    if (dataset->origin == TL_ORIGIN_LAKE)
        return tl_lake_kind_sql(work->call, dataset, grant, ret_sql);
    struct tl_str inner = {0};
    if (dataset->origin == TL_ORIGIN_VIEW) {
        struct tl_edit *edits;
        size_t edit_count;
        enum tl_code code = splice_bound(work, work->inner[index], &edits, &edit_count, &inner);
        if (code != TL_OK)
            return code;
    } else {
        allow_dataset(work, dataset);
        allow_part(work, dataset, grant);
        allow_rules(work, dataset, grant);
    }
    const char *at_value = table->at_value;
    if (table->at_unit && name_version(work, dataset, table, &at_value) != TL_OK)
        return rq->err.code;
    struct tl_buf sql;
    tl_buf_init(&sql, VIEW_SQL_MAX);
    tl_rights_put_columns(&sql, grant, dataset->described);
    tl_buf_adds(&sql, " FROM ");
    if (dataset->origin == TL_ORIGIN_VIEW) {
        tl_buf_addf(&sql, "(%.*s\n) AS v (", (int)inner.size, inner.data);
        for (size_t i = 0; i < dataset->described->column_count; i++) {
            tl_buf_adds(&sql, i ? ", " : "");
            tl_buf_add_identifier(&sql, dataset->described->columns[i].name);
        }
        tl_buf_addc(&sql, ')');
    } else {
        put_physical(&sql, dataset);
    }
    if (table->at_unit)
        tl_buf_addf(&sql, " AT (%s => %s)", table->at_unit, at_value);
    tl_rights_put_rules(&sql, grant, put_rule_dataset, work);
    *ret_sql = sql.failed ? NULL : tl_arena_strndup(rq->arena, sql.data, sql.size);
    tl_buf_done(&sql);
    return *ret_sql ? TL_OK : tl_err_set(&rq->err, TL_TOO_LARGE, "the view of \"%s\" is too long", dataset->name);
}

/* The engine has schemas of these names in every catalog already, and makes no views in them. */
static const char *view_schema(const char *schema)
{
    bool taken = tl_streq_nocase(schema, "information_schema") || tl_streq_nocase(schema, "pg_catalog");
    return !taken ? schema : tl_streq_nocase(schema, "pg_catalog") ? "pg catalog" : "information schema";
}

/* Views are named by their content, so equal rights share them and changed ones never meet an old view. */
static enum tl_code add_view(struct work *work, size_t index, const struct tl_gate_table *table,
                             const char **ret_catalog)
{
    const char *sql;
    enum tl_code code = make_view_sql(work, index, table, &sql);
    if (code != TL_OK)
        return code;
    tl_arena *arena = work->call->rq->arena;
    const struct tl_dataset *dataset = &work->datasets[index];
    uint64_t hash = tl_hash_keyed(work->call->door->hash_key, sql, strlen(sql));
    *ret_catalog = tl_arena_printf(arena, "g%016llx:%s", (unsigned long long)hash, dataset->source);
    for (size_t i = 0; i < work->view_count; i++)
        if (tl_streq(work->views[i].catalog, *ret_catalog) &&
            tl_streq(work->views[i].schema, view_schema(dataset->schema)) &&
            tl_streq(work->views[i].name, dataset->name))
            return TL_OK;
    if (work->view_count == work->view_capacity) {
        size_t old = work->view_capacity;
        work->view_capacity = old ? old * 2 : 8;
        work->views =
            tl_arena_grow(arena, work->views, old * sizeof *work->views, work->view_capacity * sizeof *work->views);
    }
    work->views[work->view_count++] =
        (struct tl_engine_view){*ret_catalog, view_schema(dataset->schema), dataset->name, sql};
    return TL_OK;
}

/* --- replaced names --- */

static const char *quoted_name(tl_arena *arena, const char *catalog, const char *schema, const char *name)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    tl_buf_add_identifier(&buf, catalog);
    tl_buf_addc(&buf, '.');
    tl_buf_add_identifier(&buf, schema);
    if (name) {
        tl_buf_addc(&buf, '.');
        tl_buf_add_identifier(&buf, name);
    }
    const char *copy = buf.failed ? NULL : tl_arena_strndup(arena, buf.data, buf.size);
    tl_buf_done(&buf);
    return copy;
}

static enum tl_code splice_table(struct work *work, const struct bound *bound, size_t i, const char **catalogs,
                                 struct tl_edit *ret_edit)
{
    const struct tl_gate_table *table = &bound->gate->tables[i];
    const struct tl_dataset *dataset = &work->datasets[bound->datasets[i]];
    tl_arena *arena = work->call->rq->arena;
    enum tl_code code = TL_OK;
    if (table->target) {
        catalogs[i] = tl_arena_printf(arena, "p:%s", dataset->source);
        if (!names_schema(bound->gate->kind))
            code = check_target_grant(work, bound->datasets[i]);
        work->out->target = dataset;
    } else {
        code = add_view(work, bound->datasets[i], table, &catalogs[i]);
    }
    const char *schema = table->target ? dataset->schema : view_schema(dataset->schema);
    const char *text = code == TL_OK ? quoted_name(arena, catalogs[i], schema, dataset->name) : NULL;
    if (code == TL_OK && !text)
        code = tl_err_set(&work->call->rq->err, TL_TOO_LARGE, "the name \"%.200s\" is too long", table->name);
    *ret_edit = (struct tl_edit){table->offset, table->size, text};
    return code;
}

/* "catalog.schema.table.column": the catalog of the table that it means, when it means one of the statement's. */
static enum tl_code splice_column(struct work *work, const struct bound *bound, const struct tl_gate_column *column,
                                  const char *const *catalogs, struct tl_edit *ret_edit, bool *ret_found)
{
    *ret_found = false;
    const char *catalog = NULL;
    for (size_t i = 0; i < bound->gate->table_count; i++) {
        const struct tl_dataset *dataset = &work->datasets[bound->datasets[i]];
        if (!tl_streq_nocase(dataset->source, column->catalog) || !tl_streq_nocase(dataset->schema, column->schema) ||
            !tl_streq_nocase(dataset->name, column->table))
            continue;
        if (catalog && strcmp(catalog, catalogs[i]) != 0) {
            struct tl_err *err = &work->call->rq->err;
            tl_err_set(err, TL_UNSUPPORTED, "the column of \"%s.%s.%s\" could mean two uses of the table",
                       column->catalog, column->schema, column->table);
            tl_err_position(err, (int64_t)column->offset);
            tl_err_hint(err, "give the tables aliases and write alias.column");
            return TL_UNSUPPORTED;
        }
        catalog = catalogs[i];
        *ret_found = true;
    }
    if (!*ret_found)
        return TL_OK;
    struct tl_buf buf;
    tl_buf_init(&buf, 512);
    tl_buf_add_identifier(&buf, catalog);
    *ret_edit =
        (struct tl_edit){column->offset, column->size, tl_arena_strdup(work->call->rq->arena, tl_buf_cstr(&buf))};
    tl_buf_done(&buf);
    return TL_OK;
}

static struct tl_edit splice_word(struct work *work, const struct bound *bound, const struct tl_gate_word *word)
{
    const struct tl_principal *principal = work->call->rq->principal;
    const char *value = word->word == TL_WORD_USER      ? principal ? principal->user : NULL
                        : word->word == TL_WORD_CATALOG ? bound->defaults.catalog
                                                        : bound->defaults.schema;
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    if (value)
        tl_buf_add_literal(&buf, value, strlen(value));
    else
        tl_buf_adds(&buf, "NULL");
    if (word->select_item)
        tl_buf_addf(&buf, " AS \"%.*s\"", (int)word->size, bound->text.data + word->offset);
    struct tl_edit edit = {word->offset, word->size, tl_arena_strdup(work->call->rq->arena, tl_buf_cstr(&buf))};
    tl_buf_done(&buf);
    return edit;
}

static enum tl_code splice_bound(struct work *work, const struct bound *bound, struct tl_edit **ret_edits,
                                 size_t *ret_edit_count, struct tl_str *ret_text)
{
    const struct tl_gate *gate = bound->gate;
    tl_arena *arena = work->call->rq->arena;
    struct tl_edit *edits =
        TL_NEW_ARRAY(arena, struct tl_edit, 2 * gate->table_count + gate->column_count + gate->word_count + 1);
    const char **catalogs = TL_NEW_ARRAY(arena, const char *, gate->table_count);
    size_t count = 0;
    enum tl_code code = TL_OK;
    for (size_t i = 0; i < gate->table_count && code == TL_OK; i++) {
        code = splice_table(work, bound, i, catalogs, &edits[count++]);
        if (gate->tables[i].at_unit)
            edits[count++] = (struct tl_edit){gate->tables[i].at_offset, gate->tables[i].at_size, ""};
    }
    for (size_t i = 0; i < gate->column_count && code == TL_OK; i++) {
        bool found = false;
        code = splice_column(work, bound, &gate->columns[i], catalogs, &edits[count], &found);
        count += found;
    }
    for (size_t i = 0; i < gate->word_count && code == TL_OK; i++)
        edits[count++] = splice_word(work, bound, &gate->words[i]);
    *ret_edits = edits;
    *ret_edit_count = count;
    return code == TL_OK ? tl_splice(arena, bound->text, edits, count, ret_text, &work->call->rq->err) : code;
}

/* --- verification --- */

static bool is_governed(const struct work *work, const struct tl_gate_table *table)
{
    const struct tl_dataset *target = work->out->target;
    if (table->target) {
        if (!target || strncmp(table->catalog, "p:", 2) != 0 || !tl_streq(table->catalog + 2, target->source))
            return false;
        return target->name ? tl_streq(table->schema, target->schema) && tl_streq(table->name, target->name)
                            : tl_streq(table->name, target->schema);
    }
    for (size_t i = 0; i < work->view_count; i++)
        if (tl_streq(table->catalog, work->views[i].catalog) && tl_streq(table->schema, work->views[i].schema) &&
            tl_streq(table->name, work->views[i].name))
            return true;
    return false;
}

/* Parsed again, the new text must be of the same kind and name nothing but queries of its own and governed views. */
static enum tl_code verify(struct work *work, struct tl_str text, const struct tl_gate *before)
{
    const struct tl_gate *after;
    enum tl_code code = tl_check_text(work->call, text, &after);
    if (code != TL_OK)
        return code;
    bool same = after->kind == before->kind && after->table_count == before->table_count &&
                after->function_count == before->function_count;
    for (size_t i = 0; i < after->table_count && same; i++)
        same = is_governed(work, &after->tables[i]) && !after->tables[i].at_unit;
    if (same)
        return TL_OK;
    tl_err_set(&work->call->rq->err, TL_UNSUPPORTED, "the statement could not be governed");
    tl_err_detail(&work->call->rq->err, "after its names were replaced it did not read as before");
    tl_err_hint(&work->call->rq->err, "write it more plainly: each table as catalog.schema.table with an alias");
    return TL_UNSUPPORTED;
}

static void allow_kind(struct work *work, const struct tl_gate *gate)
{
    tl_arena *arena = work->call->rq->arena;
    for (size_t i = 0; i < gate->function_count; i++)
        allow(work, tl_arena_printf(arena, "function:%s", gate->functions[i]));
    if (gate->describes) /* the engine answers with rows it makes while planning */
        allow(work, "operator:CHUNK_GET");
}

/* Its scan in the plan has its name. */
static bool is_named_by_plan(const struct tl_dataset *dataset)
{
    return dataset->origin == TL_ORIGIN_SOURCE && (is_scanned(dataset->registered) || (dataset->described && dataset->described->kind == TL_DATASET_TABLE));
}

static enum tl_code build(struct work *work, const struct bound *bound)
{
    struct tl_governed *out = work->out;
    out->datasets = work->datasets;
    out->dataset_count = work->count;
    allow_kind(work, bound->gate);
    for (size_t i = 0; i < work->count; i++)
        if (work->inner[i])
            allow_kind(work, work->inner[i]->gate);
    enum tl_code code = splice_bound(work, bound, &out->edits, &out->edit_count, &out->sql);
    if (code == TL_OK && out->edit_count > 0)
        code = verify(work, out->sql, bound->gate);
    out->views = work->views;
    out->view_count = work->view_count;
    for (size_t i = 0; i < work->count; i++)
        out->plan_shows_rules = out->plan_shows_rules || (work->grants[i] && work->grants[i]->partial && !is_named_by_plan(&work->datasets[i]));
    out->lineage = tl_lineage_wish(work->call, out);
    return code;
}

enum tl_code tl_govern(struct tl_door_call *call, struct tl_str text, size_t base, const struct tl_gate *gate,
                       struct tl_governed **ret_governed)
{
    struct tl_governed *out = TL_NEW(call->rq->arena, struct tl_governed);
    *out = (struct tl_governed){.gate = gate, .base = base};
    *ret_governed = out;
    struct work work = {.call = call, .out = out};
    struct bound bound = {.text = text, .gate = gate, .defaults = {call->session->catalog, call->session->schema}};
    enum tl_code code = bind_text(&work, &bound, 0);
    if (code == TL_OK)
        code = decide(&work);
    return code == TL_OK ? build(&work, &bound) : code;
}
