/* Names in the text: tables and columns, where they stand; functions, whether they may be called; refusals with positions. */
#include <stdarg.h>
#include <string.h>

#include "door/functions.h"
#include "door/gate_int.h"

size_t tl_gate_location(const tl_json *node)
{
    uint64_t location;
    return tl_json_uint64(tl_json_get(node, "query_location"), &location) && location != UINT64_MAX ? (size_t)location
                                                                                                    : SIZE_MAX;
}

enum tl_code tl_gate_refuse(struct tl_gate_walk *walk, enum tl_code code, const tl_json *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tl_err_setv(walk->err, code, format, args);
    va_end(args);
    size_t location = tl_gate_location(where);
    if (location <= walk->text.size)
        tl_err_position(walk->err, (int64_t)location);
    return code;
}

enum tl_code tl_gate_refuse_unknown(struct tl_gate_walk *walk, const tl_json *where, const char *what, const char *name)
{
    return tl_gate_refuse(walk, TL_UNSUPPORTED, where, "the statement uses %s \"%s\", which is not offered", what,
                          name ? name : "?");
}

bool tl_gate_is_builtin_schema(const char *name)
{
    return !name || *name == '\0' || tl_streq_nocase(name, "main") || tl_streq_nocase(name, "pg_catalog");
}

static bool plain_integer(const tl_json *expression, int64_t *ret_number)
{
    const tl_json *value = tl_json_get(tl_json_get(expression, "value"), "value");
    return tl_streq(tl_json_get_text(expression, "class"), "CONSTANT") && tl_json_int64(value, ret_number);
}

/* range(..) as a value makes the whole list in one call that nothing can interrupt: only short ones with constant ends. */
enum tl_code tl_gate_check_list_range(struct tl_gate_walk *walk, const tl_json *function)
{
    enum { LIST_MAX = 1000000 };
    int64_t numbers[3] = {0, 0, 1};
    size_t count = 0;
    const tl_json *children = tl_json_get(function, "children");
    bool known = tl_json_count(children) >= 1 && tl_json_count(children) <= 3;
    for (struct tl_json_iter it = tl_json_iter(children); known && tl_json_next(&it);)
        known = plain_integer(it.value, &numbers[count++]);
    int64_t start = count == 1 ? 0 : numbers[0], stop = count == 1 ? numbers[0] : numbers[1], step = numbers[2];
    __int128 length = step ? ((__int128)stop - start) / step : 0;
    if (known && length <= LIST_MAX)
        return TL_OK;
    tl_gate_refuse(walk, TL_UNSUPPORTED, function, "a list made by \"%s\" needs constant ends and at most %d values",
                   tl_json_get_text(function, "function_name"), LIST_MAX);
    tl_err_hint(walk->err, "write it behind FROM: SELECT ... FROM range(a, b) AS r(i)");
    return TL_UNSUPPORTED;
}

static void hint_nearest(struct tl_gate_walk *walk, const char *name, bool table)
{
    const char *names[3] = {NULL};
    size_t count = tl_function_nearest(name, table, names, 3);
    if (count == 0)
        tl_err_hint(walk->err, "SHOW FUNCTIONS lists what there is");
    else
        tl_err_hint(walk->err, "did you mean %s%s%s%s%s?", names[0],
                    count > 2   ? ", "
                    : count > 1 ? " or "
                                : "",
                    count > 1 ? names[1] : "", count > 2 ? " or " : "", count > 2 ? names[2] : "");
}

/* Only functions of the engine itself: a name with ':' could reach into a hidden catalog.  Another name in front may be
 * a column ("name.upper()"). */
enum tl_code tl_gate_check_function(struct tl_gate_walk *walk, const tl_json *function, bool table)
{
    const char *name = tl_json_get_text(function, "function_name");
    const char *schema = tl_json_get_text(function, "schema"), *catalog = tl_json_get_text(function, "catalog");
    if (!name)
        return tl_gate_refuse_unknown(walk, function, "a function of the name", NULL);
    if ((schema && strchr(schema, ':')) || (catalog && strchr(catalog, ':')) ||
        (table && !tl_gate_is_builtin_schema(schema)))
        return tl_gate_refuse(walk, TL_FUNCTION_NOT_FOUND, function, "unknown function \"%s.%s\"", schema, name);
    if (tl_json_bool(tl_json_get(function, "export_state"), false))
        return tl_gate_refuse_unknown(walk, function, "the clause", "EXPORT_STATE");
    if (tl_function_find(name, table))
        return TL_OK;
    const char *refusal = tl_function_refusal(name);
    const char *kind = table ? "table function" : "function";
    if (refusal) {
        tl_gate_refuse(walk, TL_NOT_ALLOWED, function, "the %s \"%s\" is not allowed", kind, name);
        tl_err_detail(walk->err, "%s", refusal);
        tl_err_hint(walk->err, "SHOW FUNCTIONS lists what is allowed");
        return TL_NOT_ALLOWED;
    }
    tl_gate_refuse(walk, TL_FUNCTION_NOT_FOUND, function, "unknown %s \"%s\"", kind, name);
    hint_nearest(walk, name, table);
    return TL_FUNCTION_NOT_FOUND;
}

void tl_gate_add_word(struct tl_gate_walk *walk, const tl_json *expression, const tl_json *names)
{
    static const struct {
        const char *name;
        enum tl_session_word word;
    } known[] = {{"current_user", TL_WORD_USER},
                 {"session_user", TL_WORD_USER},
                 {"user", TL_WORD_USER},
                 {"current_catalog", TL_WORD_CATALOG},
                 {"current_schema", TL_WORD_SCHEMA}};
    struct tl_json_iter it = tl_json_iter(names);
    size_t at = tl_gate_location(expression), index = 0, count = sizeof known / sizeof *known;
    const char *name = tl_json_next(&it) ? tl_json_text(it.value) : NULL;
    while (index < count && !tl_streq_nocase(known[index].name, name))
        index++;
    if (index == count || at >= walk->text.size)
        return;
    struct tl_lexer lexer = {walk->text, at};
    struct tl_token token = tl_lexer_next(&lexer);
    if (!tl_token_is_word(walk->text, token, known[index].name))
        return; /* quoted: a column of that name */
    if (walk->out->word_count == walk->word_capacity) {
        size_t old = walk->word_capacity;
        walk->word_capacity = old ? old * 2 : 4;
        walk->words = tl_arena_grow(walk->arena, walk->words, old * sizeof *walk->words,
                                    walk->word_capacity * sizeof *walk->words);
    }
    const char *alias = tl_json_get_text(expression, "alias");
    walk->words[walk->out->word_count++] = (struct tl_gate_word){
        known[index].word, token.offset, token.size, walk->select_item == expression && (!alias || *alias == '\0')};
}

enum tl_code tl_gate_add_column(struct tl_gate_walk *walk, const tl_json *expression, const tl_json *names)
{
    const char *parts[3];
    struct tl_json_iter it = tl_json_iter(names);
    for (int i = 0; i < 3; i++)
        parts[i] = tl_json_next(&it) ? tl_json_text(it.value) : NULL;
    struct tl_lexer lexer = {walk->text, tl_gate_location(expression)};
    struct tl_token token = lexer.at < walk->text.size ? tl_lexer_next(&lexer) : (struct tl_token){TL_TOKEN_BAD, 0, 0};
    const char *written = tl_token_name(walk->arena, walk->text, token);
    if (!parts[0] || !parts[1] || !parts[2] || !tl_streq_nocase(written, parts[0]))
        return TL_OK; /* made by the parser, not written: nothing to replace; the verification would find it */
    if (walk->out->column_count == TL_GATE_COLUMNS_MAX)
        return tl_gate_refuse(walk, TL_TOO_LARGE, expression, "more than %d columns are written with their catalog",
                              TL_GATE_COLUMNS_MAX);
    if (walk->out->column_count == walk->column_capacity) {
        size_t old = walk->column_capacity;
        walk->column_capacity = old ? old * 2 : 16;
        walk->columns = tl_arena_grow(walk->arena, walk->columns, old * sizeof *walk->columns,
                                      walk->column_capacity * sizeof *walk->columns);
    }
    walk->columns[walk->out->column_count++] =
        (struct tl_gate_column){tl_arena_strdup(walk->arena, parts[0]), tl_arena_strdup(walk->arena, parts[1]),
                                tl_arena_strdup(walk->arena, parts[2]), token.offset, token.size};
    return TL_OK;
}

enum tl_code tl_gate_add_table(struct tl_gate_walk *walk, const struct tl_gate_table *table)
{
    if (walk->out->table_count == TL_GATE_TABLES_MAX)
        return tl_err_set(walk->err, TL_TOO_LARGE, "the statement names more than %d tables", TL_GATE_TABLES_MAX);
    if (walk->out->table_count == walk->table_capacity) {
        size_t old = walk->table_capacity;
        walk->table_capacity = old ? old * 2 : 8;
        walk->tables = tl_arena_grow(walk->arena, walk->tables, old * sizeof *walk->tables,
                                     walk->table_capacity * sizeof *walk->tables);
    }
    walk->tables[walk->out->table_count++] = *table;
    return TL_OK;
}

static bool is_cte(const struct tl_gate_scope *scope, const char *schema, const char *name)
{
    for (; scope; scope = scope->up)
        if (tl_streq_nocase(scope->name, name) &&
            (*schema == '\0' || (scope->recurring && tl_streq_nocase(schema, "recurring"))))
            return true;
    return false;
}

/* [AS alias [(columns)]]: AT stands behind it. */
static void skip_alias(struct tl_lexer *lexer)
{
    bool as = tl_lexer_take_word(lexer, "AS");
    struct tl_token token = tl_lexer_peek(lexer);
    bool alias = token.kind == TL_TOKEN_IDENTIFIER ||
                 (token.kind == TL_TOKEN_WORD && (as || !tl_token_is_word(lexer->text, token, "AT")));
    if (!alias)
        return;
    tl_lexer_next(lexer);
    if (tl_lexer_take_symbol(lexer, "("))
        while (token.kind != TL_TOKEN_END && !tl_token_is_symbol(lexer->text, token, ")"))
            token = tl_lexer_next(lexer);
}

/* AT (VERSION => 5), AT (VERSION => 'branch'), AT (TIMESTAMP => TIMESTAMP '2026-01-01'): constants only; read from the text behind the name. */
static enum tl_code read_at(struct tl_gate_walk *walk, const tl_json *ref, struct tl_gate_table *table)
{
    struct tl_lexer lexer = {walk->text, table->offset + table->size};
    skip_alias(&lexer);
    table->at_offset = tl_lexer_peek(&lexer).offset;
    bool begun = tl_lexer_take_word(&lexer, "AT") && tl_lexer_take_symbol(&lexer, "(");
    bool version = begun && tl_lexer_take_word(&lexer, "VERSION");
    bool timestamp = begun && !version && tl_lexer_take_word(&lexer, "TIMESTAMP");
    bool arrow = (version || timestamp) && tl_lexer_take_symbol(&lexer, "=>");
    struct tl_token first = arrow ? tl_lexer_next(&lexer) : (struct tl_token){TL_TOKEN_BAD, 0, 0}, last = first;
    if (timestamp &&
        (tl_token_is_word(walk->text, first, "TIMESTAMP") || tl_token_is_word(walk->text, first, "TIMESTAMPTZ") ||
         tl_token_is_word(walk->text, first, "DATE")))
        last = tl_lexer_next(&lexer);
    bool constant = last.kind == TL_TOKEN_STRING || (version && last.kind == TL_TOKEN_NUMBER);
    if (!constant || !tl_lexer_take_symbol(&lexer, ")")) {
        tl_gate_refuse(walk, TL_UNSUPPORTED, ref, "this form of AT is not offered");
        tl_err_hint(walk->err, "write FOR VERSION AS OF number, AT (VERSION => number) or AT (TIMESTAMP => TIMESTAMP 'YYYY-MM-DD hh:mm:ss')");
        return TL_UNSUPPORTED;
    }
    table->at_unit = version ? "VERSION" : "TIMESTAMP";
    table->at_value =
        tl_arena_strndup(walk->arena, walk->text.data + first.offset, last.offset + last.size - first.offset);
    table->at_size = lexer.at - table->at_offset;
    return TL_OK;
}

/* The name must stand in the text exactly where the parser says. */
static enum tl_code locate(struct tl_gate_walk *walk, const tl_json *ref, struct tl_gate_table *table)
{
    size_t at = tl_gate_location(ref);
    struct tl_lexer lexer = {walk->text, at};
    if (at < walk->text.size && tl_lexer_peek(&lexer).kind == TL_TOKEN_STRING) {
        tl_gate_refuse(walk, TL_NOT_ALLOWED, ref, "the file \"%s\" cannot be read by its path", table->name);
        tl_err_hint(walk->err,
                    "files are read through a source of the kind \"files\"; quote names of tables with \"\"");
        return TL_NOT_ALLOWED;
    }
    const char *parts[3] = {table->catalog, table->schema, table->name};
    const char *const *wanted = *table->catalog ? parts : *table->schema ? parts + 1 : parts + 2;
    int wanted_count = (int)(parts + 3 - wanted);
    struct tl_name name;
    bool found = at < walk->text.size && tl_name_read(walk->arena, &lexer, &name) && name.part_count == wanted_count &&
                 name.offset == at;
    for (int i = 0; found && i < wanted_count; i++)
        found = tl_streq_nocase(name.parts[i], wanted[i]);
    if (!found) {
        tl_gate_refuse(walk, TL_UNSUPPORTED, ref,
                       "the name of the table \"%s\" could not be found in the statement's text", table->name);
        tl_err_hint(walk->err, "write the name plainly: catalog.schema.table, or each part in double quotes");
        return TL_UNSUPPORTED;
    }
    table->offset = name.offset;
    table->size = name.size;
    return TL_OK;
}

enum tl_code tl_gate_add_base_table(struct tl_gate_walk *walk, const tl_json *ref, const struct tl_gate_scope *scope,
                                    bool target)
{
    const char *catalog = tl_json_get_text(ref, "catalog_name"), *schema = tl_json_get_text(ref, "schema_name");
    const char *name = tl_json_get_text(ref, "table_name");
    if (!catalog || !schema || !name)
        return tl_gate_refuse_unknown(walk, ref, "a table of the name", name);
    bool at = tl_json_is_object(tl_json_get(ref, "at_clause"));
    if (!target && *catalog == '\0' && is_cte(scope, schema, name))
        return at ? tl_gate_refuse_unknown(walk, ref, "AT on the query", name) : TL_OK;
    struct tl_gate_table table = {.catalog = tl_arena_strdup(walk->arena, catalog),
                                  .schema = tl_arena_strdup(walk->arena, schema),
                                  .name = tl_arena_strdup(walk->arena, name),
                                  .target = target};
    enum tl_code code = locate(walk, ref, &table);
    if (code == TL_OK && at)
        code = target ? tl_gate_refuse_unknown(walk, ref, "AT on the target", name) : read_at(walk, ref, &table);
    return code == TL_OK ? tl_gate_add_table(walk, &table) : code;
}
