/* ALTER TABLE name EXECUTE procedure(..), ALTER TABLE name SET PROPERTIES .. and COMMENT ON ..: Trino's own forms, which the engine
 * does not know or would not keep. */
#include <string.h>

#include "door/statement.h"

struct options {
    tl_arena *arena;
    struct tl_lexer *lexer;
    struct tl_statement *out;
    struct tl_statement_option *list;
    struct tl_err *err;
};

static enum tl_code unexpected(const struct options *o, const char *wanted)
{
    return tl_statement_unexpected(o->lexer, wanted, o->err);
}

/* 'text', a number with its sign, TRUE, FALSE; NULL = none of them. */
static const char *take_scalar(struct options *o)
{
    struct tl_lexer before = *o->lexer;
    struct tl_str text;
    bool negative = tl_lexer_take_symbol(o->lexer, "-");
    struct tl_token token = tl_lexer_next(o->lexer);
    if (!negative && tl_token_text(o->arena, o->lexer->text, token, &text))
        return text.data;
    if (token.kind == TL_TOKEN_NUMBER)
        return tl_arena_printf(o->arena, "%s%.*s", negative ? "-" : "", (int)token.size, o->lexer->text.data + token.offset);
    if (!negative && (tl_token_is_word(o->lexer->text, token, "TRUE") || tl_token_is_word(o->lexer->text, token, "FALSE")))
        return tl_token_is_word(o->lexer->text, token, "TRUE") ? "true" : "false";
    *o->lexer = before;
    return NULL;
}

static enum tl_code read_list(struct options *o, struct tl_statement_option *option)
{
    const char **items = TL_NEW_ARRAY(o->arena, const char *, TL_OPTION_ITEMS_MAX);
    option->is_list = true;
    option->items = items;
    if (!tl_lexer_take_symbol(o->lexer, "["))
        return unexpected(o, "[");
    if (tl_lexer_take_symbol(o->lexer, "]"))
        return TL_OK;
    do {
        if (option->item_count == TL_OPTION_ITEMS_MAX)
            return tl_err_set(o->err, TL_TOO_LARGE, "a list has more than %d items", TL_OPTION_ITEMS_MAX);
        const char *item = take_scalar(o);
        if (!item)
            return unexpected(o, "a text in single quotes");
        items[option->item_count++] = item;
    } while (tl_lexer_take_symbol(o->lexer, ","));
    return tl_lexer_take_symbol(o->lexer, "]") ? TL_OK : unexpected(o, "a comma or ]");
}

static enum tl_code read_option(struct options *o, const char *between)
{
    if (o->out->option_count == TL_OPTIONS_MAX)
        return tl_err_set(o->err, TL_TOO_LARGE, "more than %d options", TL_OPTIONS_MAX);
    struct tl_statement_option *option = &o->list[o->out->option_count++];
    struct tl_token token = tl_lexer_peek(o->lexer);
    option->name = tl_token_name(o->arena, o->lexer->text, token);
    option->offset = token.offset;
    if (!option->name)
        return unexpected(o, "a name");
    tl_lexer_next(o->lexer);
    if (!tl_lexer_take_symbol(o->lexer, between))
        return unexpected(o, between);
    if (tl_lexer_take_word(o->lexer, "DEFAULT"))
        return TL_OK;
    if (tl_lexer_take_word(o->lexer, "ARRAY"))
        return read_list(o, option);
    option->text = take_scalar(o);
    return option->text ? TL_OK : unexpected(o, "a value");
}

static enum tl_code read_options(struct options *o, const char *between)
{
    do {
        enum tl_code code = read_option(o, between);
        if (code != TL_OK)
            return code;
    } while (tl_lexer_take_symbol(o->lexer, ","));
    return TL_OK;
}

static enum tl_code expect_end(struct options *o)
{
    return tl_lexer_peek(o->lexer).kind == TL_TOKEN_END ? TL_OK : unexpected(o, "the end of the statement");
}

static enum tl_code read_execute(struct options *o)
{
    struct tl_token token = tl_lexer_next(o->lexer);
    o->out->kind = TL_STATEMENT_TABLE_EXECUTE;
    o->out->procedure = tl_token_name(o->arena, o->lexer->text, token);
    if (!o->out->procedure)
        return unexpected(o, "the name of a procedure");
    if (tl_lexer_take_symbol(o->lexer, "(") && !tl_lexer_take_symbol(o->lexer, ")")) {
        enum tl_code code = read_options(o, "=>");
        if (code != TL_OK)
            return code;
        if (!tl_lexer_take_symbol(o->lexer, ")"))
            return unexpected(o, "a comma or )");
    }
    if (tl_lexer_take_word(o->lexer, "WHERE")) {
        tl_err_set(o->err, TL_UNSUPPORTED, "EXECUTE .. WHERE is not offered");
        tl_err_hint(o->err, "without it the whole table is looked at; what is fine already is left alone");
        return TL_UNSUPPORTED;
    }
    return expect_end(o);
}

enum tl_code tl_statement_read_table(tl_arena *arena, struct tl_lexer *lexer, struct tl_statement *ret_statement, struct tl_err *err)
{
    struct options options = {arena, lexer, ret_statement, TL_NEW_ARRAY(arena, struct tl_statement_option, TL_OPTIONS_MAX), err};
    struct tl_lexer before = *lexer;
    ret_statement->options = options.list;
    if (tl_lexer_take_word(lexer, "EXECUTE"))
        return read_execute(&options);
    if (tl_lexer_take_word(lexer, "SET") && tl_lexer_take_word(lexer, "PROPERTIES")) {
        ret_statement->kind = TL_STATEMENT_SET_PROPERTIES;
        enum tl_code code = read_options(&options, "=");
        return code == TL_OK ? expect_end(&options) : code;
    }
    *lexer = before;
    return TL_OK;
}

/* The column's name is the last of two to four. */
static bool read_column(struct options *o)
{
    struct tl_name *name = &o->out->name;
    const char *parts[TL_NAME_PARTS_MAX + 1];
    struct tl_token token;
    int count = 0;
    name->offset = tl_lexer_peek(o->lexer).offset;
    do {
        token = tl_lexer_next(o->lexer);
        const char *part = tl_token_name(o->arena, o->lexer->text, token);
        if (!part || count > TL_NAME_PARTS_MAX)
            return false;
        parts[count++] = part;
    } while (tl_lexer_take_symbol(o->lexer, "."));
    name->size = token.offset + token.size - name->offset;
    name->part_count = count - 1;
    for (int i = 0; i < count - 1; i++)
        name->parts[i] = parts[i];
    o->out->column = parts[count - 1];
    return count > 1;
}

enum tl_code tl_statement_read_comment(tl_arena *arena, struct tl_lexer *lexer, struct tl_statement *ret_statement, struct tl_err *err)
{
    struct options options = {.arena = arena, .lexer = lexer, .out = ret_statement, .err = err};
    struct tl_str text;
    ret_statement->kind = TL_STATEMENT_COMMENT;
    if (!tl_lexer_take_word(lexer, "ON"))
        return unexpected(&options, "ON");
    bool column = tl_lexer_take_word(lexer, "COLUMN");
    if (!column && !tl_lexer_take_word(lexer, "TABLE"))
        return unexpected(&options, "TABLE or COLUMN");
    if (column ? !read_column(&options) : !tl_name_read(arena, lexer, &ret_statement->name))
        return unexpected(&options, column ? "table.column" : "a name");
    if (!tl_lexer_take_word(lexer, "IS"))
        return unexpected(&options, "IS");
    if (tl_lexer_take_word(lexer, "NULL"))
        return expect_end(&options);
    if (!tl_token_text(arena, lexer->text, tl_lexer_peek(lexer), &text))
        return unexpected(&options, "a text in single quotes or NULL");
    tl_lexer_next(lexer);
    ret_statement->comment = text.data;
    return expect_end(&options);
}
