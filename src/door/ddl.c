#include "door/ddl.h"

#include <string.h>

enum { NESTED_MAX = 1000 };

struct reader {
    tl_arena *arena;
    struct tl_lexer lexer;
    struct tl_ddl *out;
    char *copy; /* of the text, once something is blanked */
    struct tl_err *err;
    bool engine_reads; /* a property that the engine's own WITH knows */
};

static bool take(struct reader *r, const char *word)
{
    return tl_lexer_take_word(&r->lexer, word);
}

static bool take_symbol(struct reader *r, const char *symbol)
{
    return tl_lexer_take_symbol(&r->lexer, symbol);
}

static void blank(struct reader *r, size_t from, size_t to)
{
    if (!r->copy)
        r->copy = tl_arena_strndup(r->arena, r->lexer.text.data, r->lexer.text.size);
    memset(r->copy + from, ' ', to - from);
}

static enum tl_code expected(struct reader *r, const char *what)
{
    tl_err_set(r->err, TL_SYNTAX, "%s was expected", what);
    tl_err_position(r->err, (int64_t)tl_lexer_peek(&r->lexer).offset);
    return TL_SYNTAX;
}

static enum tl_code read_comment(struct reader *r, const char **ret_comment)
{
    struct tl_str comment;
    struct tl_lexer before = r->lexer;
    if (!tl_token_text(r->arena, r->lexer.text, tl_lexer_next(&r->lexer), &comment)) {
        r->lexer = before;
        return expected(r, "a comment in single quotes");
    }
    *ret_comment = comment.data;
    return TL_OK;
}

/* What the lake does anyway may be said; what it does not do is refused rather than left out. */
static bool is_offered(const char *name, const char *value)
{
    static const struct {
        const char *name, *value;
    } offered[] = {{"format", "PARQUET"}, {"type", "ICEBERG"}, {"table_format", "ICEBERG"}, {"format_version", "2"}};
    for (size_t i = 0; i < sizeof offered / sizeof *offered; i++)
        if (tl_streq_nocase(name, offered[i].name) && tl_streq_nocase(value, offered[i].value))
            return true;
    return false;
}

static enum tl_code refuse_property(struct reader *r, const char *name, size_t offset)
{
    tl_err_set(r->err, TL_UNSUPPORTED, "the table property \"%s\" with this value is not offered", name);
    tl_err_hint(r->err, "tables of the lake are Iceberg, format_version 2 (or 3 by itself), format PARQUET");
    tl_err_position(r->err, (int64_t)offset);
    return TL_UNSUPPORTED;
}

/* name = 'text' | number, ..) after WITH ( */
static enum tl_code read_properties(struct reader *r)
{
    do {
        struct tl_token name_token = tl_lexer_peek(&r->lexer);
        const char *name = tl_token_name(r->arena, r->lexer.text, name_token);
        if (!name)
            return expected(r, "the name of a table property");
        tl_lexer_next(&r->lexer);
        if (!take_symbol(r, "="))
            return expected(r, "=");
        struct tl_token token = tl_lexer_next(&r->lexer);
        struct tl_str value = {r->lexer.text.data + token.offset, token.size};
        if (token.kind != TL_TOKEN_NUMBER && !tl_token_text(r->arena, r->lexer.text, token, &value))
            return refuse_property(r, name, name_token.offset);
        const char *text = tl_arena_strndup(r->arena, value.data, value.size);
        bool format_3 = tl_streq_nocase(name, "format_version") && tl_streq(text, "3");
        r->engine_reads = r->engine_reads || format_3;
        if (!format_3 && !is_offered(name, text))
            return refuse_property(r, name, name_token.offset);
    } while (take_symbol(r, ","));
    return take_symbol(r, ")") ? TL_OK : expected(r, ") after the table properties");
}

/* The list of columns: COMMENT '..' behind one is blanked. */
static enum tl_code read_columns(struct reader *r)
{
    for (size_t depth = 1; depth > 0;) {
        struct tl_token token = tl_lexer_next(&r->lexer);
        if (token.kind == TL_TOKEN_END || token.kind == TL_TOKEN_BAD || depth == NESTED_MAX)
            return expected(r, ") after the columns");
        depth += tl_token_is_symbol(r->lexer.text, token, "(");
        depth -= tl_token_is_symbol(r->lexer.text, token, ")");
        bool comment = depth == 1 && tl_token_is_word(r->lexer.text, token, "COMMENT") &&
                       tl_lexer_peek(&r->lexer).kind == TL_TOKEN_STRING;
        if (comment) {
            struct tl_token text = tl_lexer_next(&r->lexer);
            blank(r, token.offset, text.offset + text.size);
            r->out->dropped_comments = true;
        }
    }
    return TL_OK;
}

/* One clause between the name and AS; *ret_taken false = none is here. */
static enum tl_code read_clause(struct reader *r, bool view, bool *ret_taken)
{
    size_t start = tl_lexer_peek(&r->lexer).offset;
    enum tl_code code = TL_OK;
    *ret_taken = true;
    if (take_symbol(r, "("))
        return read_columns(r);
    if (take(r, "COMMENT")) {
        code = read_comment(r, &r->out->comment);
    } else if (view && take(r, "SECURITY")) {
        if (!take(r, "DEFINER") && !take(r, "INVOKER"))
            return expected(r, "DEFINER or INVOKER");
    } else if (!view && take(r, "WITH")) {
        if (!take_symbol(r, "("))
            return expected(r, "( after WITH");
        code = read_properties(r);
    } else {
        *ret_taken = false;
        return TL_OK;
    }
    if (code == TL_OK && !r->engine_reads)
        blank(r, start, r->lexer.at);
    return code;
}

static bool skip_name(struct reader *r)
{
    do {
        enum tl_token_kind kind = tl_lexer_next(&r->lexer).kind;
        if (kind != TL_TOKEN_WORD && kind != TL_TOKEN_IDENTIFIER)
            return false;
    } while (take_symbol(r, "."));
    return true;
}

enum tl_code tl_ddl_read(tl_arena *arena, struct tl_str text, struct tl_ddl *ret_ddl, struct tl_err *err)
{
    struct reader r = {.arena = arena, .lexer = {text, 0}, .out = ret_ddl, .err = err};
    *ret_ddl = (struct tl_ddl){.text = text};
    take(&r, "CREATE");
    if (take(&r, "OR"))
        take(&r, "REPLACE");
    bool table = take(&r, "TABLE"), view = !table && take(&r, "VIEW");
    if (!table && !view)
        return TL_OK;
    if (take(&r, "IF")) {
        take(&r, "NOT");
        take(&r, "EXISTS");
    }
    bool taken = skip_name(&r);
    while (taken) {
        enum tl_code code = read_clause(&r, view, &taken);
        if (code != TL_OK)
            return code;
    }
    if (r.copy)
        ret_ddl->text = (struct tl_str){r.copy, text.size};
    return TL_OK;
}
