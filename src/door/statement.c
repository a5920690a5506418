#include "door/statement.h"

#include <string.h>

#include "door/ddl.h"

struct reader {
    tl_arena *arena;
    struct tl_lexer lexer;
    struct tl_statement *out;
    struct tl_err *err;
};

enum tl_code tl_statement_unexpected(struct tl_lexer *lexer, const char *wanted, struct tl_err *err)
{
    struct tl_token token = tl_lexer_peek(lexer);
    if (token.kind == TL_TOKEN_END)
        tl_err_set(err, TL_SYNTAX, "the statement ends where %s was expected", wanted);
    else
        tl_err_set(err, TL_SYNTAX, "syntax error at \"%.*s\": expected %s", (int)(token.size < 40 ? token.size : 40),
                   lexer->text.data + token.offset, wanted);
    tl_err_position(err, (int64_t)token.offset);
    return TL_SYNTAX;
}

static enum tl_code unexpected(struct reader *r, const char *wanted)
{
    return tl_statement_unexpected(&r->lexer, wanted, r->err);
}

static enum tl_code unsupported(struct reader *r, const char *what, const char *hint)
{
    tl_err_set(r->err, TL_UNSUPPORTED, "%s is not offered", what);
    tl_err_hint(r->err, "%s", hint);
    tl_err_position(r->err, 0);
    return TL_UNSUPPORTED;
}

static enum tl_code expect_end(struct reader *r)
{
    return tl_lexer_peek(&r->lexer).kind == TL_TOKEN_END ? TL_OK : unexpected(r, "the end of the statement");
}

static bool take(struct reader *r, const char *word)
{
    return tl_lexer_take_word(&r->lexer, word);
}

bool tl_name_read(tl_arena *arena, struct tl_lexer *lexer, struct tl_name *ret_name)
{
    *ret_name = (struct tl_name){0};
    struct tl_lexer at = *lexer;
    do {
        struct tl_token token = tl_lexer_next(&at);
        const char *part = tl_token_name(arena, at.text, token);
        if (!part || *part == '\0' || ret_name->part_count == TL_NAME_PARTS_MAX)
            return false;
        if (ret_name->part_count == 0)
            ret_name->offset = token.offset;
        ret_name->parts[ret_name->part_count++] = part;
        ret_name->size = token.offset + token.size - ret_name->offset;
        *lexer = at;
    } while (tl_lexer_take_symbol(&at, "."));
    return true;
}

static enum tl_code read_name(struct reader *r, const char *what, int parts_max)
{
    if (!tl_name_read(r->arena, &r->lexer, &r->out->name))
        return unexpected(r, what);
    if (r->out->name.part_count > parts_max) {
        tl_err_set(r->err, TL_SYNTAX, "the name has %d parts, %s has at most %d", r->out->name.part_count, what,
                   parts_max);
        tl_err_position(r->err, (int64_t)r->out->name.offset);
        return TL_SYNTAX;
    }
    return TL_OK;
}

static enum tl_code read_text(struct reader *r, const char *what, const char **ret_text)
{
    struct tl_str text;
    struct tl_lexer before = r->lexer;
    if (!tl_token_text(r->arena, r->lexer.text, tl_lexer_next(&r->lexer), &text)) {
        r->lexer = before;
        return unexpected(r, what);
    }
    *ret_text = text.data;
    return TL_OK;
}

/* [LIKE 'pattern' [ESCAPE 'c']] and the end */
static enum tl_code read_like(struct reader *r)
{
    if (take(r, "LIKE")) {
        enum tl_code code = read_text(r, "a pattern in single quotes", &r->out->like);
        if (code != TL_OK)
            return code;
        if (take(r, "ESCAPE")) {
            code = read_text(r, "one character in single quotes", &r->out->escape);
            if (code != TL_OK)
                return code;
            if (strlen(r->out->escape) != 1)
                return tl_err_set(r->err, TL_SYNTAX, "the escape \"%s\" is not one ASCII character", r->out->escape);
        }
    }
    return expect_end(r);
}

/* [FROM|IN name] [LIKE ..] */
static enum tl_code read_from_like(struct reader *r, enum tl_statement_kind kind, const char *what, int parts_max,
                                   bool must)
{
    r->out->kind = kind;
    if (take(r, "FROM") || take(r, "IN")) {
        enum tl_code code = read_name(r, what, parts_max);
        if (code != TL_OK)
            return code;
    } else if (must) {
        return unexpected(r, "FROM");
    }
    return read_like(r);
}

static enum tl_code read_show_create(struct reader *r)
{
    const char *what = "a table name";
    if (take(r, "TABLE"))
        r->out->kind = TL_STATEMENT_SHOW_CREATE_TABLE;
    else if (take(r, "VIEW"))
        r->out->kind = TL_STATEMENT_SHOW_CREATE_VIEW;
    else if (take(r, "SCHEMA"))
        r->out->kind = TL_STATEMENT_SHOW_CREATE_SCHEMA, what = "a schema name";
    else
        return unexpected(r, "TABLE, VIEW or SCHEMA");
    enum tl_code code = read_name(r, what, r->out->kind == TL_STATEMENT_SHOW_CREATE_SCHEMA ? 2 : 3);
    return code != TL_OK ? code : expect_end(r);
}

static enum tl_code read_show(struct reader *r)
{
    if (take(r, "CATALOGS"))
        return r->out->kind = TL_STATEMENT_SHOW_CATALOGS, read_like(r);
    if (take(r, "SCHEMAS"))
        return read_from_like(r, TL_STATEMENT_SHOW_SCHEMAS, "a catalog name", 1, false);
    if (take(r, "TABLES"))
        return read_from_like(r, TL_STATEMENT_SHOW_TABLES, "a schema name", 2, false);
    if (take(r, "COLUMNS"))
        return read_from_like(r, TL_STATEMENT_SHOW_COLUMNS, "a table name", 3, true);
    if (take(r, "FUNCTIONS"))
        return read_from_like(r, TL_STATEMENT_SHOW_FUNCTIONS, "a schema name", 2, false);
    if (take(r, "SESSION"))
        return r->out->kind = TL_STATEMENT_SHOW_SESSION, read_like(r);
    if (take(r, "CREATE"))
        return read_show_create(r);
    return unsupported(
        r, "this form of SHOW",
        "offered are SHOW CATALOGS, SCHEMAS, TABLES, COLUMNS, FUNCTIONS, SESSION, CREATE TABLE, CREATE VIEW");
}

/* DESCRIBE name; a DESCRIBE of a query is the engine's. */
static enum tl_code read_describe(struct reader *r)
{
    struct tl_lexer before = r->lexer;
    bool input = take(r, "INPUT"), output = !input && take(r, "OUTPUT");
    if ((input || output) && tl_lexer_peek(&r->lexer).kind == TL_TOKEN_WORD) {
        r->out->kind = input ? TL_STATEMENT_DESCRIBE_INPUT : TL_STATEMENT_DESCRIBE_OUTPUT;
        enum tl_code code = read_name(r, "the name of a prepared statement", 1);
        return code != TL_OK ? code : expect_end(r);
    }
    r->lexer = before;
    struct tl_name name;
    if (tl_name_read(r->arena, &r->lexer, &name) && tl_lexer_peek(&r->lexer).kind == TL_TOKEN_END) {
        r->out->kind = TL_STATEMENT_SHOW_COLUMNS;
        r->out->name = name;
        return TL_OK;
    }
    return TL_OK;
}

static enum tl_code read_set_session(struct reader *r)
{
    r->out->kind = TL_STATEMENT_SET_SESSION;
    if (take(r, "AUTHORIZATION"))
        return unsupported(r, "SET SESSION AUTHORIZATION", "connect as the user whose rights are wanted");
    enum tl_code code = read_name(r, "the name of a session property", 2);
    if (code != TL_OK)
        return code;
    if (!tl_lexer_take_symbol(&r->lexer, "="))
        return unexpected(r, "=");
    struct tl_token token = tl_lexer_next(&r->lexer);
    struct tl_str text = {r->lexer.text.data + token.offset, token.size};
    bool word = tl_token_is_word(r->lexer.text, token, "true") || tl_token_is_word(r->lexer.text, token, "false");
    if (!word && token.kind != TL_TOKEN_NUMBER && !tl_token_text(r->arena, r->lexer.text, token, &text)) {
        r->lexer.at = token.offset;
        return unexpected(r, "a text in single quotes, a number, true or false");
    }
    r->out->value = tl_arena_strndup(r->arena, text.data, text.size);
    return expect_end(r);
}

static enum tl_code read_set(struct reader *r)
{
    if (take(r, "SESSION"))
        return read_set_session(r);
    return unsupported(r, "this form of SET",
                       "SET SESSION name = value sets a session property; SHOW SESSION lists them");
}

static enum tl_code read_reset(struct reader *r)
{
    if (!take(r, "SESSION"))
        return unsupported(r, "this form of RESET", "RESET SESSION name gives a session property its default");
    r->out->kind = TL_STATEMENT_RESET_SESSION;
    enum tl_code code = read_name(r, "the name of a session property", 2);
    return code != TL_OK ? code : expect_end(r);
}

static void take_rest(struct reader *r)
{
    size_t at = tl_lexer_peek(&r->lexer).offset;
    r->out->inner = (struct tl_str){r->lexer.text.data + at, r->lexer.text.size - at};
    r->out->inner_offset = at;
}

static enum tl_code read_prepare(struct reader *r)
{
    r->out->kind = TL_STATEMENT_PREPARE;
    enum tl_code code = read_name(r, "a name for the prepared statement", 1);
    if (code != TL_OK)
        return code;
    if (!take(r, "FROM"))
        return unexpected(r, "FROM");
    if (tl_lexer_peek(&r->lexer).kind == TL_TOKEN_END)
        return unexpected(r, "a statement");
    take_rest(r);
    return TL_OK;
}

/* One argument: everything up to a comma or the end outside brackets. */
static enum tl_code read_argument(struct reader *r, struct tl_str *ret_argument)
{
    size_t start = tl_lexer_peek(&r->lexer).offset, end = start;
    char open[64];
    size_t depth = 0;
    for (;;) {
        struct tl_token token = tl_lexer_peek(&r->lexer);
        char c = token.kind == TL_TOKEN_SYMBOL && token.size == 1 ? r->lexer.text.data[token.offset] : '\0';
        if (token.kind == TL_TOKEN_END || (c == ',' && depth == 0))
            break;
        if (c == '(' || c == '[' || c == '{') {
            if (depth == sizeof open)
                return tl_err_set(r->err, TL_TOO_LARGE, "an argument has more than %zu brackets inside each other",
                                  sizeof open);
            open[depth++] = c == '(' ? ')' : c == '[' ? ']' : '}';
        } else if (c == ')' || c == ']' || c == '}') {
            if (depth == 0 || open[--depth] != c)
                return unexpected(r, "a comma or the end of the statement");
        } else if (c == ';' || token.kind == TL_TOKEN_BAD || token.kind == TL_TOKEN_PARAMETER) {
            return unexpected(r, "a value");
        }
        end = token.offset + token.size;
        r->lexer.at = end;
    }
    *ret_argument = (struct tl_str){r->lexer.text.data + start, end - start};
    return end == start || depth ? unexpected(r, depth ? "a closing bracket" : "a value") : TL_OK;
}

static enum tl_code read_using(struct reader *r)
{
    if (!take(r, "USING"))
        return expect_end(r);
    struct tl_str *arguments = TL_NEW_ARRAY(r->arena, struct tl_str, TL_EXECUTE_ARGUMENTS_MAX);
    r->out->arguments = arguments;
    do {
        if (r->out->argument_count == TL_EXECUTE_ARGUMENTS_MAX)
            return tl_err_set(r->err, TL_TOO_LARGE, "more than %d arguments", TL_EXECUTE_ARGUMENTS_MAX);
        enum tl_code code = read_argument(r, &arguments[r->out->argument_count]);
        if (code != TL_OK)
            return code;
        r->out->argument_count++;
    } while (tl_lexer_take_symbol(&r->lexer, ","));
    return expect_end(r);
}

static enum tl_code read_execute(struct reader *r)
{
    struct tl_lexer before = r->lexer;
    if (take(r, "IMMEDIATE") && tl_lexer_peek(&r->lexer).kind == TL_TOKEN_STRING) {
        r->out->kind = TL_STATEMENT_EXECUTE_IMMEDIATE;
        struct tl_token token = tl_lexer_next(&r->lexer);
        if (!tl_token_text(r->arena, r->lexer.text, token, &r->out->inner)) {
            r->lexer.at = token.offset;
            return unexpected(r, "a statement in single quotes");
        }
        return read_using(r);
    }
    r->lexer = before;
    r->out->kind = TL_STATEMENT_EXECUTE;
    enum tl_code code = read_name(r, "the name of a prepared statement", 1);
    return code != TL_OK ? code : read_using(r);
}

static enum tl_code read_deallocate(struct reader *r)
{
    r->out->kind = TL_STATEMENT_DEALLOCATE;
    if (!take(r, "PREPARE"))
        return unexpected(r, "PREPARE");
    enum tl_code code = read_name(r, "the name of a prepared statement", 1);
    return code != TL_OK ? code : expect_end(r);
}

static enum tl_code read_use(struct reader *r)
{
    r->out->kind = TL_STATEMENT_USE;
    enum tl_code code = read_name(r, "schema or catalog.schema", 2);
    return code != TL_OK ? code : expect_end(r);
}

/* (TYPE LOGICAL, FORMAT TEXT) */
static enum tl_code read_explain_option(struct reader *r)
{
    if (take(r, "TYPE")) {
        if (take(r, "VALIDATE"))
            return r->out->validate_only = true, TL_OK;
        if (take(r, "LOGICAL") || take(r, "DISTRIBUTED"))
            return TL_OK;
        return unsupported(r, "this type of EXPLAIN", "offered are LOGICAL, DISTRIBUTED and VALIDATE");
    }
    if (take(r, "FORMAT")) {
        r->out->as_json = take(r, "JSON");
        if (r->out->as_json || take(r, "TEXT"))
            return TL_OK;
        return unsupported(r, "this format of EXPLAIN", "offered are FORMAT TEXT and FORMAT JSON");
    }
    return unexpected(r, "TYPE or FORMAT");
}

static enum tl_code read_explain(struct reader *r)
{
    r->out->kind = TL_STATEMENT_EXPLAIN;
    if (take(r, "ANALYZE")) {
        r->out->analyze = true;
        take(r, "VERBOSE");
    }
    struct tl_lexer before = r->lexer;
    bool options = tl_lexer_take_symbol(&r->lexer, "(");
    if (options && (tl_token_is_word(r->lexer.text, tl_lexer_peek(&r->lexer), "TYPE") ||
                    tl_token_is_word(r->lexer.text, tl_lexer_peek(&r->lexer), "FORMAT"))) {
        do {
            enum tl_code code = read_explain_option(r);
            if (code != TL_OK)
                return code;
        } while (tl_lexer_take_symbol(&r->lexer, ","));
        if (!tl_lexer_take_symbol(&r->lexer, ")"))
            return unexpected(r, ")");
    } else {
        r->lexer = before; /* a query in brackets */
    }
    if (tl_lexer_peek(&r->lexer).kind == TL_TOKEN_END)
        return unexpected(r, "a statement");
    take_rest(r);
    return TL_OK;
}

/* ISOLATION LEVEL .. and READ ONLY|WRITE, in any order: every statement sees its own snapshot, whatever is wished. */
static enum tl_code read_transaction_mode(struct reader *r)
{
    if (take(r, "ISOLATION")) {
        bool level = take(r, "LEVEL"), known = level && (take(r, "SERIALIZABLE") || (take(r, "REPEATABLE") && take(r, "READ")) ||
                                                         (take(r, "READ") && (take(r, "COMMITTED") || take(r, "UNCOMMITTED"))));
        return known ? TL_OK : unexpected(r, level ? "an isolation level" : "LEVEL");
    }
    if (take(r, "READ"))
        return take(r, "ONLY") || take(r, "WRITE") ? TL_OK : unexpected(r, "ONLY or WRITE");
    return unexpected(r, "ISOLATION LEVEL, READ ONLY or READ WRITE");
}

static enum tl_code read_start(struct reader *r)
{
    r->out->kind = TL_STATEMENT_START_TRANSACTION;
    if (!take(r, "TRANSACTION"))
        return unexpected(r, "TRANSACTION");
    if (tl_lexer_peek(&r->lexer).kind == TL_TOKEN_END)
        return TL_OK;
    do {
        enum tl_code code = read_transaction_mode(r);
        if (code != TL_OK)
            return code;
    } while (tl_lexer_take_symbol(&r->lexer, ","));
    return expect_end(r);
}

static enum tl_code read_begin(struct reader *r)
{
    r->out->kind = TL_STATEMENT_START_TRANSACTION;
    if (!take(r, "TRANSACTION"))
        take(r, "WORK");
    return expect_end(r);
}

static enum tl_code read_commit(struct reader *r)
{
    r->out->kind = TL_STATEMENT_COMMIT;
    take(r, "WORK");
    return expect_end(r);
}

static enum tl_code read_rollback(struct reader *r)
{
    r->out->kind = TL_STATEMENT_ROLLBACK;
    take(r, "WORK");
    return expect_end(r);
}

/* 'text', NULL, or name => one of them */
static enum tl_code read_call_argument(struct reader *r, struct tl_call_argument *argument)
{
    struct tl_lexer before = r->lexer;
    struct tl_token token = tl_lexer_next(&r->lexer);
    const char *name = tl_token_name(r->arena, r->lexer.text, token);
    if (name && tl_lexer_take_symbol(&r->lexer, "=>"))
        argument->name = name;
    else
        r->lexer = before;
    return take(r, "NULL") ? TL_OK : read_text(r, "a text in single quotes", &argument->value);
}

static enum tl_code read_call(struct reader *r)
{
    r->out->kind = TL_STATEMENT_CALL;
    enum tl_code code = read_name(r, "the name of a procedure", 3);
    if (code != TL_OK)
        return code;
    if (!tl_lexer_take_symbol(&r->lexer, "("))
        return unexpected(r, "(");
    struct tl_call_argument *arguments = TL_NEW_ARRAY(r->arena, struct tl_call_argument, TL_CALL_ARGUMENTS_MAX);
    r->out->call_arguments = arguments;
    if (tl_lexer_take_symbol(&r->lexer, ")"))
        return expect_end(r);
    do {
        if (r->out->argument_count == TL_CALL_ARGUMENTS_MAX)
            return tl_err_set(r->err, TL_TOO_LARGE, "more than %d arguments", TL_CALL_ARGUMENTS_MAX);
        code = read_call_argument(r, &arguments[r->out->argument_count]);
        if (code != TL_OK)
            return code;
        r->out->argument_count++;
    } while (tl_lexer_take_symbol(&r->lexer, ","));
    return tl_lexer_take_symbol(&r->lexer, ")") ? expect_end(r) : unexpected(r, "a comma or )");
}

static enum tl_code read_create(struct reader *r)
{
    struct tl_ddl ddl;
    enum tl_code code = tl_ddl_read(r->arena, r->lexer.text, &ddl, r->err);
    r->out->inner = ddl.text;
    r->out->comment = ddl.comment;
    r->out->dropped_comments = ddl.dropped_comments;
    return code;
}

/* ALTER VIEW is the door's own; ALTER TABLE .. RENAME TO catalog.schema.name: the engine's parser knows the name alone. */
static enum tl_code read_alter(struct reader *r)
{
    bool view = take(r, "VIEW"), table = !view && take(r, "TABLE");
    if (table && take(r, "IF"))
        take(r, "EXISTS");
    struct tl_name name, new_name;
    bool named = (view || table) && tl_name_read(r->arena, &r->lexer, &name);
    bool rename = named && take(r, "RENAME") && take(r, "TO");
    if (named && table && !rename) {
        enum tl_code code = tl_statement_read_table(r->arena, &r->lexer, r->out, r->err);
        if (r->out->kind != TL_STATEMENT_ENGINE)
            r->out->name = name;
        return code;
    }
    if (!rename)
        return view ? unsupported(r, "this form of ALTER VIEW", "offered are ALTER VIEW name RENAME TO name and CREATE OR REPLACE VIEW")
                    : TL_OK;
    if (!tl_name_read(r->arena, &r->lexer, &new_name))
        return unexpected(r, "a name");
    r->out->name = name;
    r->out->new_name = new_name;
    if (view)
        r->out->kind = TL_STATEMENT_RENAME_VIEW;
    enum tl_code code = expect_end(r);
    if (code != TL_OK || view || new_name.part_count == 1)
        return code;
    struct tl_lexer last = {r->lexer.text, new_name.offset};
    struct tl_token token = tl_lexer_next(&last);
    while (token.offset + token.size < new_name.offset + new_name.size)
        token = tl_lexer_next(&last);
    char *copy = tl_arena_strndup(r->arena, r->lexer.text.data, r->lexer.text.size);
    memset(copy + new_name.offset, ' ', token.offset - new_name.offset);
    r->out->inner.data = copy;
    return TL_OK;
}

static enum tl_code read_comment(struct reader *r)
{
    return tl_statement_read_comment(r->arena, &r->lexer, r->out, r->err);
}

static const struct {
    const char *word;
    enum tl_code (*read)(struct reader *r);
} heads[] = {
    {"SHOW", read_show},
    {"DESCRIBE", read_describe},
    {"DESC", read_describe},
    {"EXPLAIN", read_explain},
    {"USE", read_use},
    {"SET", read_set},
    {"RESET", read_reset},
    {"PREPARE", read_prepare},
    {"EXECUTE", read_execute},
    {"DEALLOCATE", read_deallocate},
    {"START", read_start},
    {"BEGIN", read_begin},
    {"COMMIT", read_commit},
    {"ROLLBACK", read_rollback},
    {"CALL", read_call},
    {"CREATE", read_create},
    {"ALTER", read_alter},
    {"COMMENT", read_comment},
};

enum tl_code tl_statement_read(tl_arena *arena, struct tl_str text, struct tl_statement *ret_statement,
                               struct tl_err *err)
{
    *ret_statement = (struct tl_statement){.kind = TL_STATEMENT_ENGINE, .inner = text};
    struct reader r = {arena, {text, 0}, ret_statement, err};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (take(&r, heads[i].word))
            return heads[i].read(&r);
    return TL_OK;
}

static enum tl_code check_bytes(struct tl_str text, size_t bytes_max, struct tl_err *err)
{
    size_t bad;
    if (text.size > bytes_max) {
        tl_err_set(err, TL_TOO_LARGE, "the statement has %zu bytes, the limit is %zu", text.size, bytes_max);
        tl_err_hint(err, "load many values from a file or a table instead of writing them into the statement");
        return TL_TOO_LARGE;
    }
    const char *nul = memchr(text.data, '\0', text.size);
    if (nul) {
        tl_err_set(err, TL_BAD_ENCODING, "the statement holds a NUL byte");
        tl_err_position(err, nul - text.data);
        return TL_BAD_ENCODING;
    }
    if (!tl_utf8_valid(text.data, text.size, &bad)) {
        tl_err_set(err, TL_BAD_ENCODING, "the statement is not valid UTF-8 at byte %zu", bad);
        tl_err_position(err, (int64_t)bad);
        return TL_BAD_ENCODING;
    }
    return TL_OK;
}

/* Where the one statement ends: behind its last token that is not a semicolon. */
static enum tl_code find_end(struct tl_str text, size_t tokens_max, size_t *ret_end, struct tl_err *err)
{
    struct tl_lexer lexer = {text, 0};
    bool ended = false;
    *ret_end = 0;
    for (size_t count = 0, conjunctions = 0;; count++) {
        struct tl_token token = tl_lexer_next(&lexer);
        if (token.kind == TL_TOKEN_END)
            return *ret_end ? TL_OK : tl_err_set(err, TL_SYNTAX, "the statement is empty");
        if (count == tokens_max)
            return tl_err_set(err, TL_TOO_LARGE, "the statement has more than %zu tokens", tokens_max);
        conjunctions += tl_token_is_word(text, token, "AND") || tl_token_is_word(text, token, "OR");
        if (conjunctions > TL_CONJUNCTIONS_MAX)
            return tl_err_set(err, TL_TOO_LARGE, "the statement has more than %d AND and OR", TL_CONJUNCTIONS_MAX);
        if (token.kind == TL_TOKEN_BAD) {
            tl_err_set(err, TL_SYNTAX, "a quote or comment does not end, or a character belongs to no token");
            tl_err_position(err, (int64_t)token.offset);
            return TL_SYNTAX;
        }
        if (tl_token_is_symbol(text, token, ";")) {
            ended = true;
        } else if (ended && *ret_end) {
            tl_err_set(err, TL_SYNTAX, "more than one statement");
            tl_err_hint(err, "send one statement at a time");
            tl_err_position(err, (int64_t)token.offset);
            return TL_SYNTAX;
        } else {
            *ret_end = token.offset + token.size;
            ended = false;
        }
    }
}

enum tl_code tl_statement_clean(tl_arena *arena, struct tl_str text, size_t bytes_max, size_t tokens_max,
                                struct tl_str *ret_text, struct tl_err *err)
{
    if (text.size == 0)
        return tl_err_set(err, TL_SYNTAX, "the statement is empty");
    enum tl_code code = check_bytes(text, bytes_max, err);
    if (code != TL_OK)
        return code;
    text = tl_lexer_plain_spaces(arena, text);
    size_t end;
    code = find_end(text, tokens_max, &end, err);
    if (code == TL_OK)
        *ret_text = (struct tl_str){text.data, end};
    return code;
}
