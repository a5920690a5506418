#include "auth/scim_filter_int.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, TERMS_MAX = 200 };

enum filter_kind { FILTER_AND, FILTER_OR, FILTER_NOT, FILTER_COMPARE, FILTER_VALUE };

enum operator { OP_EQ, OP_NE, OP_CO, OP_SW, OP_EW, OP_GT, OP_GE, OP_LT, OP_LE, OP_PR };
static const char *const operator_names[] = {"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr"};

struct tl_scim_filter {
    enum filter_kind kind;
    const tl_scim_filter *left, *right; /* AND, OR; NOT and VALUE: left */
    struct tl_scim_path path;           /* COMPARE, VALUE */
    enum operator op;
    const tl_scim_node *operand;
};

struct reader {
    tl_arena *arena;
    const char *at;
    int depth, terms;
    struct tl_scim_err *err;
};

static bool broken(struct reader *r, const char *what)
{
    return tl_scim_fail(r->err, 400, "invalidFilter", "the filter %s near \"%.20s\"", what, r->at);
}

static void skip_spaces(struct reader *r)
{
    r->at += strspn(r->at, " ");
}

/* The word here, when it is this one; then behind it. */
static bool take_word(struct reader *r, const char *word)
{
    size_t size = strlen(word);
    skip_spaces(r);
    if (!tl_str_equal_nocase((struct tl_str){r->at, strnlen(r->at, size)}, (struct tl_str){word, size}) ||
        (r->at[size] && !strchr(" ([])", r->at[size])))
        return false;
    r->at += size;
    return true;
}

static bool take_char(struct reader *r, char c)
{
    skip_spaces(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static const char *take_name(struct reader *r)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char more[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    const char *start = r->at;
    if (*r->at == '$')
        r->at++;
    else if (!strspn(r->at, letters))
        return NULL;
    size_t size = (size_t)(r->at - start) + strspn(r->at, more);
    r->at = start + size;
    return tl_arena_strndup(r->arena, start, size);
}

/* Our own URNs only: the core schemas', which change nothing, and the extension's. */
static bool take_urn(struct reader *r, struct tl_scim_path *path)
{
    const char *const urns[] = {TL_SCIM_EXTENSION, tl_scim_schema_id(TL_SCIM_USER), tl_scim_schema_id(TL_SCIM_GROUP)};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(urns[i]);
        if (!tl_str_equal_nocase((struct tl_str){r->at, strnlen(r->at, size)}, (struct tl_str){urns[i], size}))
            continue;
        path->extension = i == 0;
        r->at += size;
        if (*r->at == ':')
            r->at++;
        else
            path->attribute = "";
        return true;
    }
    return true;
}

/* The attribute and its part, without a filter between. */
static bool take_path(struct reader *r, struct tl_scim_path *path)
{
    *path = (struct tl_scim_path){0};
    skip_spaces(r);
    take_urn(r, path);
    if (!path->attribute)
        path->attribute = take_name(r);
    if (!path->attribute)
        return broken(r, "has no attribute name");
    if (*r->at == '.') {
        r->at++;
        path->part = take_name(r);
        if (!path->part)
            return broken(r, "has no name behind the dot");
    }
    return true;
}

static bool take_operand(struct reader *r, const tl_scim_node **ret_operand)
{
    struct tl_err err;
    const tl_json *json = NULL;
    skip_spaces(r);
    size_t size = 0;
    if (*r->at == '"') {
        for (size = 1; r->at[size] && r->at[size] != '"'; size++)
            if (r->at[size] == '\\' && r->at[size + 1])
                size++;
        size += r->at[size] == '"';
    } else {
        size = strcspn(r->at, " )]");
    }
    tl_err_init(&err);
    if (size == 0 || tl_json_parse(r->arena, r->at, size, &json, &err) != TL_OK || tl_json_is_array(json) || tl_json_is_object(json))
        return broken(r, "has a value that cannot be read");
    r->at += size;
    *ret_operand = tl_scim_node_of(r->arena, json);
    return true;
}

static bool take_or(struct reader *r, const tl_scim_filter **ret_filter);

static tl_scim_filter *new_filter(struct reader *r, enum filter_kind kind)
{
    tl_scim_filter *filter = TL_NEW(r->arena, tl_scim_filter);
    filter->kind = kind;
    return filter;
}

static bool take_compare(struct reader *r, const tl_scim_filter **ret_filter)
{
    tl_scim_filter *filter = new_filter(r, FILTER_COMPARE);
    if (!take_path(r, &filter->path))
        return false;
    if (*r->at == '[') {
        r->at++;
        filter->kind = FILTER_VALUE;
        if (!take_or(r, &filter->left))
            return false;
        *ret_filter = filter;
        return take_char(r, ']') || broken(r, "lacks a ]");
    }
    size_t op = 0, count = sizeof operator_names / sizeof *operator_names;
    while (op < count && !take_word(r, operator_names[op]))
        op++;
    if (op == count)
        return broken(r, "has no operator (eq, ne, co, sw, ew, gt, ge, lt, le, pr)");
    filter->op = (enum operator)op;
    *ret_filter = filter;
    return filter->op == OP_PR || take_operand(r, &filter->operand);
}

static bool take_term(struct reader *r, const tl_scim_filter **ret_filter)
{
    if (++r->depth > DEPTH_MAX || ++r->terms > TERMS_MAX)
        return broken(r, "is too deep or too long");
    bool good;
    bool negated = take_word(r, "not");
    if (take_char(r, '(')) {
        good = take_or(r, ret_filter) && (take_char(r, ')') || broken(r, "lacks a )"));
        if (good && negated) {
            tl_scim_filter *filter = new_filter(r, FILTER_NOT);
            filter->left = *ret_filter;
            *ret_filter = filter;
        }
    } else {
        good = negated ? broken(r, "needs ( behind not") : take_compare(r, ret_filter);
    }
    r->depth--;
    return good;
}

static bool take_joined(struct reader *r, const char *word, enum filter_kind kind, bool (*take)(struct reader *, const tl_scim_filter **),
                        const tl_scim_filter **ret_filter)
{
    if (!take(r, ret_filter))
        return false;
    while (take_word(r, word)) {
        tl_scim_filter *filter = new_filter(r, kind);
        filter->left = *ret_filter;
        if (!take(r, &filter->right))
            return false;
        *ret_filter = filter;
    }
    return true;
}

static bool take_and(struct reader *r, const tl_scim_filter **ret_filter)
{
    return take_joined(r, "and", FILTER_AND, take_term, ret_filter);
}

static bool take_or(struct reader *r, const tl_scim_filter **ret_filter)
{
    return take_joined(r, "or", FILTER_OR, take_and, ret_filter);
}

static bool start(struct reader *r, tl_arena *arena, const char *text, struct tl_scim_err *err)
{
    *r = (struct reader){.arena = arena, .at = text, .err = err};
    if (strnlen(text, TL_SCIM_FILTER_BYTES_MAX + 1) > TL_SCIM_FILTER_BYTES_MAX)
        return tl_scim_fail(err, 400, "invalidFilter", "the filter has more than %d bytes", TL_SCIM_FILTER_BYTES_MAX);
    return true;
}

bool tl_scim_filter_parse(tl_arena *arena, const char *text, const tl_scim_filter **ret_filter, struct tl_scim_err *err)
{
    struct reader r;
    const tl_scim_filter *filter = NULL;
    *ret_filter = NULL;
    if (!start(&r, arena, text, err) || !take_or(&r, &filter))
        return false;
    skip_spaces(&r);
    if (*r.at)
        return broken(&r, "goes on with something else");
    *ret_filter = filter;
    return true;
}

bool tl_scim_path_parse(tl_arena *arena, const char *text, struct tl_scim_path *ret_path, struct tl_scim_err *err)
{
    struct reader r;
    struct tl_scim_err inner = {0};
    if (!start(&r, arena, text, err))
        return false;
    r.err = &inner;
    bool good = take_path(&r, ret_path);
    if (good && *r.at == '[' && !ret_path->part) {
        r.at++;
        good = take_or(&r, &ret_path->filter) && take_char(&r, ']');
        if (good && *r.at == '.') {
            r.at++;
            ret_path->part = take_name(&r);
            good = ret_path->part != NULL;
        }
    }
    if (good && !*r.at)
        return true;
    return tl_scim_fail(err, 400, "invalidPath", "the path \"%.100s\" cannot be read", text);
}

bool tl_scim_filter_single(const tl_scim_filter *filter, const char **ret_attribute, const char **ret_text)
{
    if (filter->kind != FILTER_COMPARE || filter->op != OP_EQ || filter->path.extension || filter->path.part ||
        filter->operand->kind != TL_SCIM_TEXT)
        return false;
    *ret_attribute = filter->path.attribute;
    *ret_text = filter->operand->text.data;
    return true;
}

/* ---- matching ---- */

static int compare_text(struct tl_str a, struct tl_str b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    for (size_t i = 0; i < size; i++) {
        unsigned char x = (unsigned char)a.data[i], y = (unsigned char)b.data[i];
        x = x >= 'A' && x <= 'Z' ? x | 0x20 : x;
        y = y >= 'A' && y <= 'Z' ? y | 0x20 : y;
        if (x != y)
            return x < y ? -1 : 1;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

static bool contains(struct tl_str text, struct tl_str part, enum operator op)
{
    if (part.size > text.size)
        return false;
    size_t last = text.size - part.size;
    for (size_t i = op == OP_EW ? last : 0; i <= (op == OP_SW ? 0 : last); i++)
        if (tl_str_equal_nocase((struct tl_str){text.data + i, part.size}, part))
            return true;
    return false;
}

static bool ordered(int order, enum operator op)
{
    return op == OP_EQ ? order == 0 : op == OP_GT ? order > 0 : op == OP_GE ? order >= 0 : op == OP_LT ? order < 0 : op == OP_LE && order <= 0;
}

static bool compare(const tl_scim_node *value, enum operator op, const tl_scim_node *operand)
{
    if (value->kind != operand->kind)
        return false;
    if (op == OP_CO || op == OP_SW || op == OP_EW)
        return value->kind == TL_SCIM_TEXT && contains(value->text, operand->text, op);
    if (value->kind == TL_SCIM_BOOL)
        return op == OP_EQ && value->truth == operand->truth;
    if (value->kind == TL_SCIM_NUMBER) {
        double a = strtod(value->text.data, NULL), b = strtod(operand->text.data, NULL);
        return ordered(a < b ? -1 : a > b, op);
    }
    return value->kind == TL_SCIM_TEXT && ordered(compare_text(value->text, operand->text), op);
}

/* Any of the values does: of a list each, of an object its part, or its "value". */
static bool any(const tl_scim_node *value, const char *part, enum operator op, const tl_scim_node *operand)
{
    if (!value)
        return false;
    if (value->kind == TL_SCIM_LIST) {
        for (const tl_scim_node *item = value->first; item; item = item->next)
            if (any(item, part, op, operand))
                return true;
        return false;
    }
    if (value->kind == TL_SCIM_OBJECT && (part || op != OP_PR))
        return any(tl_scim_get(value, part ? part : "value"), NULL, op, operand);
    if (part)
        return false;
    return op == OP_PR ? value->kind != TL_SCIM_NULL && !(value->kind == TL_SCIM_TEXT && value->text.size == 0) : compare(value, op, operand);
}

static const tl_scim_node *value_at(const struct tl_scim_path *path, const tl_scim_node *resource)
{
    const tl_scim_node *holder = path->extension ? tl_scim_get(resource, TL_SCIM_EXTENSION) : resource;
    return path->attribute[0] ? tl_scim_get(holder, path->attribute) : holder;
}

static bool match_compare(const tl_scim_filter *filter, const tl_scim_node *resource)
{
    const tl_scim_node *value = value_at(&filter->path, resource);
    const char *part = filter->path.part;
    if (filter->op == OP_NE)
        return !any(value, part, OP_EQ, filter->operand);
    if (filter->op == OP_EQ && filter->operand->kind == TL_SCIM_NULL)
        return !any(value, part, OP_PR, NULL);
    return any(value, part, filter->op, filter->operand);
}

bool tl_scim_filter_match(const tl_scim_filter *filter, const tl_scim_node *resource)
{
    switch (filter->kind) {
    case FILTER_AND:
        return tl_scim_filter_match(filter->left, resource) && tl_scim_filter_match(filter->right, resource);
    case FILTER_OR:
        return tl_scim_filter_match(filter->left, resource) || tl_scim_filter_match(filter->right, resource);
    case FILTER_NOT:
        return !tl_scim_filter_match(filter->left, resource);
    case FILTER_COMPARE:
        return match_compare(filter, resource);
    case FILTER_VALUE:
        break;
    }
    const tl_scim_node *value = value_at(&filter->path, resource);
    for (const tl_scim_node *item = value && value->kind == TL_SCIM_LIST ? value->first : NULL; item; item = item->next)
        if (tl_scim_filter_match(filter->left, item))
            return true;
    return false;
}
