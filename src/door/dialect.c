/* The walk over the tokens, and calls that are put together of others (the rewrites of spec/dialect.toml). */
#include "door/dialect.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "door/dialect_int.h"

enum { WORD_MAX = 63, LAMBDA_NAMES_MAX = 3 };

struct rewrite {
    const char *name;
    size_t arguments;
    const char *template;
};

#include "dialect_table.h" /* generated: rewrites[], sorted by name and arguments */

struct form {
    const char *word;
    size_t (*write)(struct tl_dialect_writer *w, size_t at, size_t end);
};

/* Sorted. */
static const struct form forms[] = {
    {"array", tl_dialect_array_type},    {"cast", tl_dialect_cast},          {"dec", tl_dialect_literal},
    {"decimal", tl_dialect_literal},     {"extract", tl_dialect_extract},    {"first_value", tl_dialect_nulls},
    {"for", tl_dialect_as_of},           {"interval", tl_dialect_interval},  {"json", tl_dialect_literal},
    {"lag", tl_dialect_nulls},           {"last_value", tl_dialect_nulls},   {"lead", tl_dialect_nulls},
    {"listagg", tl_dialect_listagg},     {"nth_value", tl_dialect_nulls},    {"table", tl_dialect_table},
    {"tablesample", tl_dialect_sample},  {"time", tl_dialect_literal},       {"timestamp", tl_dialect_literal},
    {"try_cast", tl_dialect_cast},       {"unnest", tl_dialect_unnest},      {"values", tl_dialect_values},
};

/* --- tokens --- */

bool tl_dialect_is_word(const struct tl_dialect_writer *w, size_t token, const char *word)
{
    return tl_token_is_word(w->text, w->tokens[token], word);
}

bool tl_dialect_is_symbol(const struct tl_dialect_writer *w, size_t token, const char *symbol)
{
    return tl_token_is_symbol(w->text, w->tokens[token], symbol);
}

static void add_token(struct tl_dialect_writer *w, struct tl_token token)
{
    if (w->count == w->capacity) {
        size_t old = w->capacity;
        w->capacity = old ? old * 2 : 128;
        w->tokens = tl_arena_grow(w->arena, w->tokens, old * sizeof *w->tokens, w->capacity * sizeof *w->tokens);
        w->partners = tl_arena_grow(w->arena, w->partners, old * sizeof *w->partners, w->capacity * sizeof *w->partners);
    }
    w->partners[w->count] = 0;
    w->tokens[w->count++] = token;
}

/* False: a token that does not end; the engine's parser will say so. */
static bool read_tokens(struct tl_dialect_writer *w)
{
    struct tl_lexer lexer = {w->text, 0};
    size_t open = 0; /* the innermost bracket that is open; those around it are chained by their partners */
    struct tl_token token;
    do {
        token = tl_lexer_next(&lexer);
        if (token.kind == TL_TOKEN_BAD)
            return false;
        add_token(w, token);
        size_t at = w->count - 1;
        if (tl_dialect_is_symbol(w, at, "(") || tl_dialect_is_symbol(w, at, "[")) {
            w->partners[at] = open;
            open = at + 1;
        } else if (open && (tl_dialect_is_symbol(w, at, ")") || tl_dialect_is_symbol(w, at, "]"))) {
            size_t outer = w->partners[open - 1];
            w->partners[open - 1] = at;
            w->partners[at] = open - 1;
            open = outer;
        }
    } while (token.kind != TL_TOKEN_END);
    return open == 0;
}

size_t tl_dialect_step(const struct tl_dialect_writer *w, size_t at)
{
    return w->partners[at] > at ? w->partners[at] + 1 : at + 1;
}

size_t tl_dialect_find_word(const struct tl_dialect_writer *w, size_t first, size_t end, const char *word)
{
    while (first < end && !tl_dialect_is_word(w, first, word))
        first = tl_dialect_step(w, first);
    return first < end ? first : end;
}

bool tl_dialect_read_call(const struct tl_dialect_writer *w, size_t open, struct tl_dialect_call *ret_call)
{
    *ret_call = (struct tl_dialect_call){.open = open, .close = w->partners[open]};
    if (!tl_dialect_is_symbol(w, open, "(") || ret_call->close <= open)
        return false;
    size_t first = open + 1;
    for (size_t at = first; at < ret_call->close; at = tl_dialect_step(w, at)) {
        if (!tl_dialect_is_symbol(w, at, ","))
            continue;
        if (ret_call->count == TL_DIALECT_ARGUMENTS_MAX - 1)
            return false;
        ret_call->first[ret_call->count] = first;
        ret_call->end[ret_call->count++] = at;
        first = at + 1;
    }
    if (ret_call->close == open + 1)
        return true;
    ret_call->first[ret_call->count] = first;
    ret_call->end[ret_call->count++] = ret_call->close;
    return true;
}

/* --- writing --- */

static void add_original(struct tl_dialect_writer *w, size_t from, size_t to)
{
    if (from >= to)
        return;
    struct tl_dialect_piece *last = w->piece_count ? &w->pieces[w->piece_count - 1] : NULL;
    if (last && last->at + last->size == w->out.size && last->original + last->size == from) {
        last->size += to - from;
    } else {
        if (w->piece_count == w->piece_capacity) {
            size_t old = w->piece_capacity;
            w->piece_capacity = old ? old * 2 : 16;
            w->pieces = tl_arena_grow(w->arena, w->pieces, old * sizeof *w->pieces, w->piece_capacity * sizeof *w->pieces);
        }
        w->pieces[w->piece_count++] = (struct tl_dialect_piece){w->out.size, from, to - from};
    }
    tl_buf_add(&w->out, w->text.data + from, to - from);
}

void tl_dialect_add(struct tl_dialect_writer *w, const char *text)
{
    tl_buf_adds(&w->out, text);
}

void tl_dialect_copy(struct tl_dialect_writer *w, size_t first, size_t last)
{
    add_original(w, w->tokens[first].offset, w->tokens[last].offset + w->tokens[last].size);
}

/* --- calls --- */

static int compare_rewrite(const void *key_of, const void *row_of)
{
    const struct rewrite *key = key_of, *row = row_of;
    int order = strcasecmp(key->name, row->name);
    return order ? order : (key->arguments > row->arguments) - (key->arguments < row->arguments);
}

/* FILTER (..), OVER (..), OVER w, IGNORE NULLS behind a call. */
static size_t clauses_end(const struct tl_dialect_writer *w, size_t at, size_t end)
{
    for (;;) {
        if (at + 1 < end && (tl_dialect_is_word(w, at, "IGNORE") || tl_dialect_is_word(w, at, "RESPECT")) &&
            tl_dialect_is_word(w, at + 1, "NULLS"))
            at += 2;
        else if (at + 1 < end && (tl_dialect_is_word(w, at, "FILTER") || tl_dialect_is_word(w, at, "OVER")) &&
                 tl_dialect_is_symbol(w, at + 1, "("))
            at = tl_dialect_step(w, at + 1);
        else if (at + 1 < end && tl_dialect_is_word(w, at, "OVER"))
            at += 2;
        else
            return at;
    }
}

/* "(a, b) -> body" or "a -> body": its names and where the body begins; 0 = it is no lambda. */
static size_t lambda_body(const struct tl_dialect_writer *w, size_t first, size_t end, size_t names[LAMBDA_NAMES_MAX],
                          size_t *ret_count)
{
    size_t at = first, count = 0;
    bool bracket = tl_dialect_is_symbol(w, at, "(");
    at += bracket;
    do {
        if (at >= end || count == LAMBDA_NAMES_MAX ||
            (w->tokens[at].kind != TL_TOKEN_WORD && w->tokens[at].kind != TL_TOKEN_IDENTIFIER))
            return 0;
        names[count++] = at++;
    } while (bracket && at < end && tl_dialect_is_symbol(w, at, ",") && ++at);
    if (bracket && (at >= end || !tl_dialect_is_symbol(w, at++, ")")))
        return 0;
    *ret_count = count;
    return at + 1 < end && tl_dialect_is_symbol(w, at, "->") ? at + 1 : 0;
}

/* ORDER BY inside the brackets belongs to the call as a whole. */
static size_t argument_end(const struct tl_dialect_writer *w, const struct tl_dialect_call *call, size_t index)
{
    return tl_dialect_find_word(w, call->first[index], call->end[index], "ORDER");
}

static bool is_lambda_part(char part)
{
    return part >= 'a' && part <= 'f';
}

/* Are the arguments lambdas where the template wants some?  Known before anything is written: arguments that were written for
 * nothing would be written once more by each call around them. */
static bool has_lambdas(const struct tl_dialect_writer *w, const struct tl_dialect_call *call, const char *template)
{
    size_t names[LAMBDA_NAMES_MAX], count;
    for (const char *p = strchr(template, '$'); p; p = strchr(p + 1, '$')) {
        size_t index = (size_t)(p[1] - '1');
        if (index >= call->count || !is_lambda_part(p[2]))
            continue;
        if (!lambda_body(w, call->first[index], call->end[index], names, &count) || (p[2] != 'f' && (size_t)(p[2] - 'a') >= count))
            return false;
    }
    return true;
}

/* $2a, $2b, $2c: names of the lambda that the argument is; $2f: its body. */
static void write_lambda_part(struct tl_dialect_writer *w, const struct tl_dialect_call *call, size_t index, char part)
{
    size_t names[LAMBDA_NAMES_MAX], count;
    size_t body = lambda_body(w, call->first[index], call->end[index], names, &count);
    if (part == 'f')
        tl_dialect_write(w, body, call->end[index]);
    else
        tl_dialect_copy(w, names[part - 'a'], names[part - 'a']);
}

/* One part of a template: $1 an argument, $2a one of a lambda, $d DISTINCT, $o ORDER BY inside the brackets, $c what stands behind
 * them. */
static void write_part(struct tl_dialect_writer *w, const struct tl_dialect_call *call, size_t clauses, const char **template)
{
    const char *p = *template;
    size_t last = call->count - 1;
    bool distinct = tl_dialect_is_word(w, call->first[0], "DISTINCT");
    *template = p + 1;
    switch (*p) {
    case 'd':
        tl_dialect_add(w, distinct ? "DISTINCT " : "");
        return;
    case 'o':
        tl_dialect_write(w, argument_end(w, call, last), call->end[last]);
        return;
    case 'c':
        tl_dialect_write(w, call->close + 1, clauses);
        return;
    }
    size_t index = (size_t)(*p - '1');
    if (is_lambda_part(p[1])) {
        *template = p + 2;
        write_lambda_part(w, call, index, p[1]);
        return;
    }
    tl_dialect_write(w, call->first[index] + (distinct && index == 0), argument_end(w, call, index));
}

static size_t write_call(struct tl_dialect_writer *w, size_t end, const struct tl_dialect_call *call, const char *template)
{
    size_t behind = strstr(template, "$c") ? clauses_end(w, call->close + 1, end) : call->close + 1;
    if (!has_lambdas(w, call, template))
        return 0;
    tl_buf_add(&w->out, " ", 1);
    while (*template) {
        size_t plain = strcspn(template, "$");
        tl_buf_add(&w->out, template, plain);
        template += plain;
        if (*template == '$') {
            template++;
            write_part(w, call, behind, &template);
        }
    }
    return behind;
}

static size_t rewrite_call(struct tl_dialect_writer *w, size_t at, size_t end, const char *word)
{
    struct tl_dialect_call call;
    if (at + 1 >= end || !tl_dialect_read_call(w, at + 1, &call) || call.count == 0)
        return 0;
    struct rewrite key = {word, call.count, NULL};
    const struct rewrite *found =
        bsearch(&key, rewrites, sizeof rewrites / sizeof *rewrites, sizeof *rewrites, compare_rewrite);
    return found ? write_call(w, end, &call, found->template) : 0;
}

/* --- the walk --- */

static int compare_form(const void *key, const void *row)
{
    return strcasecmp(key, ((const struct form *)row)->word);
}

static bool may_begin(const struct tl_dialect_writer *w, size_t at)
{
    struct tl_token token = w->tokens[at];
    if (token.kind == TL_TOKEN_STRING)
        return true;
    return token.kind == TL_TOKEN_WORD && token.size <= WORD_MAX && (at == 0 || !tl_dialect_is_symbol(w, at - 1, "."));
}

/* The form that begins here, written; the token behind it, 0 = none begins here. */
static size_t write_form(struct tl_dialect_writer *w, size_t at, size_t end)
{
    struct tl_token token = w->tokens[at];
    if (token.kind == TL_TOKEN_STRING)
        return tl_dialect_string(w, at);
    char word[WORD_MAX + 1];
    memcpy(word, w->text.data + token.offset, token.size);
    word[token.size] = '\0';
    const struct form *form = bsearch(word, forms, sizeof forms / sizeof *forms, sizeof *forms, compare_form);
    return form ? form->write(w, at, end) : rewrite_call(w, at, end, word);
}

void tl_dialect_write(struct tl_dialect_writer *w, size_t first, size_t end)
{
    if (first >= end)
        return;
    size_t from = w->tokens[first].offset;
    bool too_deep = ++w->depth > TL_DIALECT_DEPTH_MAX;
    for (size_t at = first; at < end && !too_deep && !w->out.failed;) {
        if (!may_begin(w, at)) {
            at++;
            continue;
        }
        add_original(w, from, w->tokens[at].offset);
        size_t behind = write_form(w, at, end);
        from = behind ? w->tokens[behind - 1].offset + w->tokens[behind - 1].size : w->tokens[at].offset;
        w->changed = w->changed || behind;
        at = behind ? behind : at + 1;
    }
    w->depth--;
    add_original(w, from, w->tokens[end - 1].offset + w->tokens[end - 1].size);
}

enum tl_code tl_dialect_read(tl_arena *arena, struct tl_str text, size_t bytes_max, struct tl_dialect *ret_dialect,
                             struct tl_err *err)
{
    struct tl_dialect_writer w = {.arena = arena, .text = text};
    *ret_dialect = (struct tl_dialect){.text = text, .original = text};
    if (!read_tokens(&w))
        return TL_OK; /* the engine's parser says what is wrong with it */
    tl_buf_init(&w.out, bytes_max + 1);
    tl_dialect_write(&w, 0, w.count - 1);
    if (w.out.failed || w.out.size > bytes_max)
        tl_err_set(err, TL_TOO_LARGE, "in the engine's forms the statement has more than %zu bytes", bytes_max);
    else if (w.changed)
        *ret_dialect = (struct tl_dialect){
            {tl_arena_strndup(arena, w.out.data, w.out.size), w.out.size}, text, w.piece_count, w.pieces};
    tl_buf_done(&w.out);
    return err->code;
}

int64_t tl_dialect_original(const struct tl_dialect *dialect, int64_t position)
{
    if (dialect->piece_count == 0 || position < 0)
        return position;
    size_t at = (size_t)position;
    for (size_t i = 0; i < dialect->piece_count; i++) {
        const struct tl_dialect_piece *piece = &dialect->pieces[i];
        if (at < piece->at)
            return (int64_t)piece->original;
        if (at < piece->at + piece->size)
            return (int64_t)(piece->original + (at - piece->at));
    }
    const struct tl_dialect_piece *last = &dialect->pieces[dialect->piece_count - 1];
    return (int64_t)(last->original + last->size);
}
