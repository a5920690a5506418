#include <string.h>

#include "door/gate_int.h"

static enum tl_code refuse(struct tl_gate_walk *walk, const char *what, const char *hint)
{
    tl_gate_refuse(walk, TL_UNSUPPORTED, NULL, "%s is not offered", what);
    tl_err_hint(walk->err, "%s", hint);
    return TL_UNSUPPORTED;
}

static bool flag(const tl_json *statement, const char *name)
{
    return tl_json_bool(tl_json_get(statement, name), false);
}

static bool present(const tl_json *value)
{
    return value && !tl_json_is_null(value);
}

/* --- the target's name, which the parser gives without a position --- */

static void skip_if_exists(struct tl_lexer *lexer)
{
    if (tl_lexer_take_word(lexer, "IF")) {
        tl_lexer_take_word(lexer, "NOT");
        tl_lexer_take_word(lexer, "EXISTS");
    }
}

/* Behind the first `word` outside brackets. */
static bool find_word(struct tl_lexer *lexer, const char *word)
{
    for (int depth = 0;;) {
        struct tl_token token = tl_lexer_next(lexer);
        if (token.kind == TL_TOKEN_END || token.kind == TL_TOKEN_BAD)
            return false;
        if (depth == 0 && tl_token_is_word(lexer->text, token, word))
            return true;
        depth += tl_token_is_symbol(lexer->text, token, "(") - tl_token_is_symbol(lexer->text, token, ")");
    }
}

static bool same_name(const struct tl_name *name, const struct tl_gate_table *table)
{
    const char *parts[3] = {table->catalog, table->schema, table->name};
    int at = 3 - name->part_count;
    for (int i = 0; i < name->part_count; i++)
        if (!tl_streq_nocase(name->parts[i], parts[at + i]))
            return false;
    for (int i = 0; i < at; i++)
        if (*parts[i] != '\0')
            return false;
    return true;
}

/* A schema has one part less: catalog.schema is read as if it were schema.table. */
static void shift_schema_name(struct tl_gate_table *table)
{
    table->schema = table->catalog;
    table->catalog = "";
}

static enum tl_code add_target(struct tl_gate_walk *walk, const tl_json *statement, const char *word, bool schema)
{
    const tl_json *target = tl_json_get(statement, "target");
    const char *catalog = tl_json_get_text(target, "catalog"), *parent = tl_json_get_text(target, "schema");
    const char *name = tl_json_get_text(target, "name");
    struct tl_gate_table table = {.catalog = tl_arena_strdup(walk->arena, catalog ? catalog : ""),
                                  .schema = tl_arena_strdup(walk->arena, parent ? parent : ""),
                                  .name = tl_arena_strdup(walk->arena, name ? name : ""),
                                  .target = true};
    struct tl_gate_table written = table;
    if (schema && *written.schema == '\0')
        shift_schema_name(&written);
    struct tl_lexer lexer = {walk->text, 0};
    struct tl_name found;
    bool located = find_word(&lexer, word);
    skip_if_exists(&lexer);
    located = located && tl_name_read(walk->arena, &lexer, &found) && same_name(&found, &written);
    if (!located) {
        tl_err_set(walk->err, TL_UNSUPPORTED,
                   "the name of the target \"%s\" could not be found in the statement's text", table.name);
        tl_err_hint(walk->err, "write the name plainly: catalog.schema.table, or each part in double quotes");
        return TL_UNSUPPORTED;
    }
    if (schema)
        table = (struct tl_gate_table){.catalog = written.schema, .schema = "", .name = written.name, .target = true};
    table.offset = found.offset;
    table.size = found.size;
    walk->out->target_end = found.offset + found.size;
    return tl_gate_add_table(walk, &table);
}

/* --- statements --- */

static enum tl_code check_query(struct tl_gate_walk *walk, const tl_json *query, const struct tl_gate_scope *scope)
{
    if (!tl_streq(tl_json_get_text(query, "kind"), "SELECT"))
        return refuse(walk, "this kind of query inside a statement", "write a SELECT");
    return tl_gate_walk_node(walk, tl_json_get(query, "node"), scope);
}

static enum tl_code check_returning(struct tl_gate_walk *walk, const tl_json *statement)
{
    if (tl_json_count(tl_json_get(statement, "returning")) > 0)
        return refuse(walk, "RETURNING", "read the rows with a SELECT of its own");
    return TL_OK;
}

static enum tl_code check_insert(struct tl_gate_walk *walk, const tl_json *statement)
{
    walk->out->kind = TL_GATE_INSERT;
    if (flag(statement, "on_conflict"))
        return refuse(walk, "INSERT with ON CONFLICT", "MERGE INTO says what happens to rows that exist");
    if (!present(tl_json_get(statement, "query")))
        return refuse(walk, "INSERT without rows", "write VALUES (...) or a SELECT");
    const struct tl_gate_scope *scope;
    enum tl_code code = add_target(walk, statement, "INTO", false);
    if (code == TL_OK)
        code = check_returning(walk, statement);
    if (code == TL_OK)
        code = tl_gate_walk_ctes(walk, tl_json_get(statement, "ctes"), NULL, &scope);
    return code == TL_OK ? check_query(walk, tl_json_get(statement, "query"), scope) : code;
}

/* What UPDATE, DELETE and MERGE have in common. */
static enum tl_code begin_change(struct tl_gate_walk *walk, const tl_json *statement, const struct tl_gate_scope **ret_scope)
{
    enum tl_code code = check_returning(walk, statement);
    if (code == TL_OK)
        code = tl_gate_walk_target(walk, tl_json_get(statement, "target"));
    return code == TL_OK ? tl_gate_walk_ctes(walk, tl_json_get(statement, "ctes"), NULL, ret_scope) : code;
}

static enum tl_code check_update(struct tl_gate_walk *walk, const tl_json *statement)
{
    walk->out->kind = TL_GATE_UPDATE;
    const struct tl_gate_scope *scope;
    enum tl_code code = begin_change(walk, statement, &scope);
    if (code == TL_OK && present(tl_json_get(statement, "from")))
        code = tl_gate_walk_ref(walk, tl_json_get(statement, "from"), scope);
    if (code == TL_OK)
        code = tl_gate_walk_expressions(walk, tl_json_get(statement, "expressions"), scope);
    return code == TL_OK ? tl_gate_walk_expression(walk, tl_json_get(statement, "condition"), scope) : code;
}

static enum tl_code check_delete(struct tl_gate_walk *walk, const tl_json *statement)
{
    walk->out->kind = flag(statement, "truncate") ? TL_GATE_TRUNCATE : TL_GATE_DELETE;
    const struct tl_gate_scope *scope;
    enum tl_code code = begin_change(walk, statement, &scope);
    const tl_json *others = tl_json_get(statement, "using");
    for (struct tl_json_iter it = tl_json_iter(others); code == TL_OK && tl_json_next(&it);)
        code = tl_gate_walk_ref(walk, it.value, scope);
    return code == TL_OK ? tl_gate_walk_expression(walk, tl_json_get(statement, "condition"), scope) : code;
}

static enum tl_code check_merge_actions(struct tl_gate_walk *walk, const tl_json *actions,
                                        const struct tl_gate_scope *scope)
{
    static const char allowed[] =
        " MERGE_UPDATE MERGE_DELETE MERGE_INSERT MERGE_DO_NOTHING UPDATE DELETE INSERT DO_NOTHING ";
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(actions); code == TL_OK && tl_json_next(&it);) {
        const char *action = tl_json_get_text(it.value, "action");
        if (!action || !strstr(allowed, tl_arena_printf(walk->arena, " %s ", action)))
            return refuse(walk, "this action of MERGE", "offered are UPDATE, DELETE, INSERT and DO NOTHING");
        code = tl_gate_walk_expression(walk, tl_json_get(it.value, "condition"), scope);
        if (code == TL_OK)
            code = tl_gate_walk_expressions(walk, tl_json_get(it.value, "expressions"), scope);
    }
    return code;
}

static enum tl_code check_merge(struct tl_gate_walk *walk, const tl_json *statement)
{
    walk->out->kind = TL_GATE_MERGE;
    const struct tl_gate_scope *scope;
    enum tl_code code = begin_change(walk, statement, &scope);
    if (code == TL_OK)
        code = tl_gate_walk_ref(walk, tl_json_get(statement, "source"), scope);
    if (code == TL_OK)
        code = tl_gate_walk_expression(walk, tl_json_get(statement, "condition"), scope);
    return code == TL_OK ? check_merge_actions(walk, tl_json_get(statement, "actions"), scope) : code;
}

/* WITH (...): where files lie is not the caller's to say. */
static enum tl_code check_options(struct tl_gate_walk *walk, const tl_json *options)
{
    for (struct tl_json_iter it = tl_json_iter(options); tl_json_next(&it);)
        if (!tl_streq_nocase(it.key, "format-version") && !tl_streq_nocase(it.key, "format_version"))
            return tl_gate_refuse(walk, TL_UNSUPPORTED, NULL, "the table property \"%s\" is not offered", it.key);
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(options); code == TL_OK && tl_json_next(&it);)
        code = tl_gate_walk_expression(walk, it.value, NULL);
    return code;
}

static enum tl_code check_columns(struct tl_gate_walk *walk, const tl_json *columns)
{
    enum tl_code code = TL_OK;
    for (struct tl_json_iter it = tl_json_iter(columns); code == TL_OK && tl_json_next(&it);) {
        if (flag(it.value, "generated"))
            return refuse(walk, "a generated column", "compute it in the SELECT that fills the table");
        code = tl_gate_walk_expression(walk, tl_json_get(it.value, "default"), NULL);
    }
    return code;
}

static enum tl_code check_create_table(struct tl_gate_walk *walk, const tl_json *statement)
{
    bool from_query = present(tl_json_get(statement, "query"));
    walk->out->kind = from_query ? TL_GATE_CREATE_TABLE_AS : TL_GATE_CREATE_TABLE;
    if (flag(statement, "temporary"))
        return refuse(walk, "a temporary table", "use WITH name AS (SELECT ...) or a table in a schema of your own");
    if (flag(statement, "or_replace"))
        return refuse(walk, "CREATE OR REPLACE TABLE", "DROP TABLE IF EXISTS, then CREATE TABLE");
    if (tl_json_count(tl_json_get(statement, "constraints")) > 0)
        return refuse(walk, "a constraint besides NOT NULL", "the lake cannot enforce keys and checks; leave it out");
    if (tl_json_count(tl_json_get(statement, "sorted_by")) > 0)
        return refuse(walk, "SORTED BY", "leave it out; ORDER BY in the filling SELECT orders the files");
    enum tl_code code = add_target(walk, statement, "TABLE", false);
    if (code == TL_OK)
        code = check_columns(walk, tl_json_get(statement, "columns"));
    if (code == TL_OK)
        code = tl_gate_walk_expressions(walk, tl_json_get(statement, "partition_by"), NULL);
    if (code == TL_OK)
        code = check_options(walk, tl_json_get(statement, "options"));
    return code == TL_OK && from_query ? check_query(walk, tl_json_get(statement, "query"), NULL) : code;
}

static enum tl_code check_create_schema(struct tl_gate_walk *walk, const tl_json *statement)
{
    walk->out->kind = TL_GATE_CREATE_SCHEMA;
    if (flag(statement, "or_replace"))
        return refuse(walk, "CREATE OR REPLACE SCHEMA", "CREATE SCHEMA IF NOT EXISTS");
    return add_target(walk, statement, "SCHEMA", true);
}

static enum tl_code check_create_view(struct tl_gate_walk *walk, const tl_json *statement)
{
    walk->out->kind = TL_GATE_CREATE_VIEW;
    if (flag(statement, "temporary"))
        return refuse(walk, "a temporary view", "use WITH name AS (SELECT ...)");
    enum tl_code code = add_target(walk, statement, "VIEW", false);
    if (code != TL_OK)
        return code;
    const tl_json *aliases = tl_json_get(statement, "aliases");
    const char **names = TL_NEW_ARRAY(walk->arena, const char *, tl_json_count(aliases));
    for (struct tl_json_iter it = tl_json_iter(aliases); tl_json_next(&it);)
        names[walk->out->alias_count++] = tl_arena_strdup(walk->arena, tl_json_text(it.value));
    walk->out->aliases = names;
    struct tl_lexer lexer = {walk->text, walk->out->target_end};
    if (!find_word(&lexer, "AS"))
        return refuse(walk, "this form of CREATE VIEW", "CREATE VIEW name AS SELECT ...");
    walk->out->query_offset = tl_lexer_peek(&lexer).offset;
    return check_query(walk, tl_json_get(statement, "query"), NULL);
}

static enum tl_code check_drop(struct tl_gate_walk *walk, const tl_json *statement)
{
    static const struct {
        const char *type;
        enum tl_gate_kind kind;
    } types[] = {{"TABLE", TL_GATE_DROP_TABLE}, {"VIEW", TL_GATE_DROP_VIEW}, {"SCHEMA", TL_GATE_DROP_SCHEMA}};
    const char *type = tl_json_get_text(statement, "type");
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].type, type) == 0) {
            walk->out->kind = types[i].kind;
            walk->out->cascade = flag(statement, "cascade");
            return add_target(walk, statement, type, types[i].kind == TL_GATE_DROP_SCHEMA);
        }
    }
    return refuse(walk, "this kind of DROP", "offered are DROP TABLE, DROP VIEW and DROP SCHEMA");
}

static enum tl_code check_alter(struct tl_gate_walk *walk, const tl_json *statement)
{
    static const char *const actions[] = {"ADD_COLUMN",    "RENAME_COLUMN",      "REMOVE_COLUMN", "ALTER_COLUMN_TYPE",
                                          "DROP_NOT_NULL", "SET_PARTITIONED_BY", "RENAME_TABLE",  "ADD_FIELD",
                                          "RENAME_FIELD",  "REMOVE_FIELD"};
    walk->out->kind = TL_GATE_ALTER_TABLE;
    const char *action = tl_json_get_text(statement, "action"), *type = tl_json_get_text(statement, "type");
    bool allowed = false;
    for (size_t i = 0; action && tl_streq(type, "ALTER_TABLE") && i < sizeof actions / sizeof *actions; i++)
        allowed = allowed || strcmp(actions[i], action) == 0;
    if (!allowed)
        return refuse(walk, "this form of ALTER",
                      "offered are ALTER TABLE ... ADD, RENAME and DROP COLUMN, ALTER TYPE, DROP NOT NULL, RENAME TO, "
                      "SET PARTITIONED BY");
    if (strcmp(action, "RENAME_TABLE") == 0)
        walk->out->new_name = tl_arena_strdup(walk->arena, tl_json_get_text(statement, "new_name"));
    enum tl_code code = add_target(walk, statement, "TABLE", false);
    return code == TL_OK ? tl_gate_walk_expressions(walk, tl_json_get(statement, "expressions"), NULL) : code;
}

static enum tl_code check_select(struct tl_gate_walk *walk, const tl_json *statement)
{
    walk->out->kind = TL_GATE_SELECT;
    return tl_gate_walk_node(walk, tl_json_get(statement, "node"), NULL);
}

static const struct {
    const char *name;
    enum tl_code (*check)(struct tl_gate_walk *walk, const tl_json *statement);
} checks[] = {
    {"SELECT", check_select},
    {"INSERT", check_insert},
    {"UPDATE", check_update},
    {"DELETE", check_delete},
    {"MERGE", check_merge},
    {"CREATE_TABLE", check_create_table},
    {"CREATE_SCHEMA", check_create_schema},
    {"CREATE_VIEW", check_create_view},
    {"DROP", check_drop},
    {"ALTER", check_alter},
};

/* What to do instead, for kinds that people try. */
static const struct {
    const char *kind, *hint;
} refusals[] = {
    {"COPY", "results are exported by the client: townlake sql --output csv; files are read through a source of the "
             "kind \"files\""},
    {"ATTACH", "an administrator adds sources: townlake source add"},
    {"DETACH", "an administrator removes sources: townlake source remove"},
    {"SET", "SET SESSION name = value sets a session property; SHOW SESSION lists them"},
    {"VARIABLE_SET", "SET SESSION name = value sets a session property; SHOW SESSION lists them"},
    {"LOAD", "the extensions of the engine are fixed"},
    {"PRAGMA", "SHOW and DESCRIBE say what there is"},
    {"MULTI", "write PIVOT with its values: PIVOT t ON column IN (...)"},
    {"CREATE_MACRO", "write the expression into a view: CREATE VIEW"},
    {"CREATE_INDEX", "the lake has no indexes; partition the table: ALTER TABLE ... SET PARTITIONED BY (...)"},
    {"EXPLAIN", "EXPLAIN stands in front of the whole statement"},
};

static enum tl_code refuse_kind(struct tl_gate_walk *walk, const char *kind)
{
    tl_err_set(walk->err, TL_UNSUPPORTED, "a statement of the kind \"%s\" is not offered", kind ? kind : "?");
    tl_err_position(walk->err, 0);
    for (size_t i = 0; kind && i < sizeof refusals / sizeof *refusals; i++)
        if (strcmp(refusals[i].kind, kind) == 0)
            tl_err_hint(walk->err, "%s", refusals[i].hint);
    tl_err_hint(
        walk->err,
        "offered are SELECT, SHOW, DESCRIBE, EXPLAIN, USE, SET SESSION, PREPARE, and on the lake CREATE, INSERT, "
        "UPDATE, DELETE, MERGE, TRUNCATE, ALTER, DROP");
    return TL_UNSUPPORTED;
}

static enum tl_code check_statement(struct tl_gate_walk *walk, const tl_json *statement)
{
    const char *kind = tl_json_get_text(statement, "kind");
    walk->out->if_exists = flag(statement, "if_exists");
    walk->out->if_not_exists = flag(statement, "if_not_exists");
    walk->out->or_replace = flag(statement, "or_replace");
    for (size_t i = 0; kind && i < sizeof checks / sizeof *checks; i++)
        if (strcmp(checks[i].name, kind) == 0)
            return checks[i].check(walk, statement);
    return refuse_kind(walk, kind);
}

enum tl_code tl_gate_check(tl_arena *arena, const struct tl_gate_limits *limits, struct tl_str text, const tl_json *ast,
                           const struct tl_gate **ret_gate, struct tl_err *err)
{
    const tl_json *statements = tl_json_get(ast, "statements");
    size_t count = tl_json_count(statements);
    if (count != 1) {
        tl_err_set(err, TL_SYNTAX, count ? "more than one statement" : "the statement is empty");
        tl_err_hint(err,
                    count ? "send one statement at a time; PIVOT without IN (...) counts as two" : "write a statement");
        return TL_SYNTAX;
    }
    struct tl_gate *out = TL_NEW(arena, struct tl_gate);
    struct tl_gate_walk walk = {.arena = arena, .limits = limits, .text = text, .out = out, .err = err};
    struct tl_json_iter it = tl_json_iter(statements);
    tl_json_next(&it);
    enum tl_code code = check_statement(&walk, it.value);
    out->tables = walk.tables;
    out->columns = walk.columns;
    out->words = walk.words;
    out->functions = walk.functions;
    *ret_gate = out;
    return code;
}

const char *tl_gate_kind_name(enum tl_gate_kind kind)
{
    static const char *const names[] = {
        [TL_GATE_SELECT] = "SELECT",
        [TL_GATE_INSERT] = "INSERT",
        [TL_GATE_UPDATE] = "UPDATE",
        [TL_GATE_DELETE] = "DELETE",
        [TL_GATE_TRUNCATE] = "TRUNCATE TABLE",
        [TL_GATE_MERGE] = "MERGE",
        [TL_GATE_CREATE_TABLE] = "CREATE TABLE",
        [TL_GATE_CREATE_TABLE_AS] = "CREATE TABLE",
        [TL_GATE_CREATE_SCHEMA] = "CREATE SCHEMA",
        [TL_GATE_CREATE_VIEW] = "CREATE VIEW",
        [TL_GATE_DROP_TABLE] = "DROP TABLE",
        [TL_GATE_DROP_VIEW] = "DROP VIEW",
        [TL_GATE_DROP_SCHEMA] = "DROP SCHEMA",
        [TL_GATE_ALTER_TABLE] = "ALTER TABLE",
    };
    return names[kind];
}
