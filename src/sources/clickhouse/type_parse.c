/* Recursive descent over the type name; the mapping to our types is done on the way up (type_map.c). */
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "sources/clickhouse/type_int.h"

struct parser {
    tl_arena *arena;
    const char *at, *end;
    bool strings_as_blob;
    int depth;
    struct tl_err *err;
};

static bool parse_type(struct parser *parser, struct tl_clickhouse_type **ret_type);

static bool fail(struct parser *parser, const char *what)
{
    tl_err_set(parser->err, TL_SOURCE_PROTOCOL, "the type name of a column cannot be read: %s", what);
    return false;
}

static void skip_spaces(struct parser *parser)
{
    while (parser->at < parser->end && *parser->at == ' ')
        parser->at++;
}

static bool take(struct parser *parser, char c)
{
    skip_spaces(parser);
    if (parser->at >= parser->end || *parser->at != c)
        return false;
    parser->at++;
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct tl_str take_word(struct parser *parser)
{
    skip_spaces(parser);
    const char *start = parser->at;
    while (parser->at < parser->end && is_word(*parser->at))
        parser->at++;
    return (struct tl_str){start, (size_t)(parser->at - start)};
}

/* The character after a backslash, as ClickHouse writes and reads them. */
static char unescape(struct parser *parser)
{
    static const char names[] = "bfnrt0av", values[] = "\b\f\n\r\t\0\a\v";
    char c = *parser->at++;
    if (c == 'x' && parser->end - parser->at >= 2 && tl_hex_read(&c, parser->at, 1)) {
        parser->at += 2;
        return c;
    }
    const char *found = memchr(names, c, sizeof names - 1);
    return found ? values[found - names] : c;
}

/* A quoted text; a quote inside is doubled or has a backslash. */
static bool take_quoted(struct parser *parser, char quote, struct tl_str *ret_text)
{
    if (!take(parser, quote))
        return fail(parser, "a quoted text is missing");
    const char *close = parser->at;
    while (close < parser->end && (*close != quote || (close + 1 < parser->end && close[1] == quote)))
        close += (*close == '\\' || *close == quote) && close + 1 < parser->end ? 2 : 1;
    if (close >= parser->end)
        return fail(parser, "a quoted text does not end");
    char *text = tl_arena_alloc(parser->arena, (size_t)(close - parser->at) + 1);
    size_t size = 0;
    while (parser->at < close) {
        char c = *parser->at++;
        if (c == quote)
            parser->at++;
        else if (c == '\\')
            c = unescape(parser);
        text[size++] = c;
    }
    parser->at = close + 1;
    *ret_text = (struct tl_str){text, size};
    return true;
}

static bool take_number(struct parser *parser, long low, long high, long *ret_number)
{
    skip_spaces(parser);
    bool negative = parser->at < parser->end && *parser->at == '-';
    if (negative)
        parser->at++;
    struct tl_str digits = take_word(parser);
    long number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9' || number > 100000000)
            return fail(parser, "a number is wrong");
        number = number * 10 + (digits.data[i] - '0');
    }
    *ret_number = negative ? -number : number;
    return (digits.size > 0 && *ret_number >= low && *ret_number <= high) || fail(parser, "a number is wrong");
}

static bool close_arguments(struct parser *parser)
{
    return take(parser, ')') || fail(parser, "a closing parenthesis is missing");
}

/* Over arguments that do not matter here: to the comma or parenthesis that ends them (not taken). */
static bool skip_argument(struct parser *parser)
{
    int depth = 0;
    while (parser->at < parser->end) {
        char c = *parser->at;
        if (c == '\'' || c == '`') {
            struct tl_str ignored;
            if (!take_quoted(parser, c, &ignored))
                return false;
            continue;
        }
        if (depth == 0 && (c == ',' || c == ')'))
            return true;
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        parser->at++;
    }
    return fail(parser, "a closing parenthesis is missing");
}

static bool skip_arguments(struct parser *parser)
{
    do {
        if (!skip_argument(parser))
            return false;
    } while (take(parser, ','));
    return close_arguments(parser);
}

static struct tl_clickhouse_type *new_type(struct parser *parser, enum tl_clickhouse_kind kind)
{
    struct tl_clickhouse_type *type = TL_NEW(parser->arena, struct tl_clickhouse_type);
    type->kind = kind;
    return type;
}

static void add_child(struct parser *parser, struct tl_clickhouse_type *type, struct tl_clickhouse_type *child,
                      const char *name)
{
    size_t count = type->child_count;
    if ((count & (count - 1)) == 0) { /* the room is the next power of two */
        size_t room = count ? count * 2 : 1;
        type->children = tl_arena_grow(parser->arena, type->children, count * sizeof *type->children,
                                       room * sizeof *type->children);
        type->child_names = tl_arena_grow(parser->arena, type->child_names, count * sizeof *type->child_names,
                                          room * sizeof *type->child_names);
    }
    type->children[count] = child;
    type->child_names[count] = name;
    type->child_count++;
}

static bool parse_children(struct parser *parser, struct tl_clickhouse_type *type, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct tl_clickhouse_type *child;
        if (i > 0 && !take(parser, ','))
            return fail(parser, "a comma is missing");
        if (!parse_type(parser, &child))
            return false;
        add_child(parser, type, child, "");
    }
    return close_arguments(parser);
}

/* The name before a tuple's element, when there is one: "a UInt8", "`a b` UInt8"; else NULL and nothing is taken. */
static bool take_element_name(struct parser *parser, const char **ret_name)
{
    const char *start = parser->at;
    *ret_name = NULL;
    skip_spaces(parser);
    struct tl_str name;
    if (parser->at < parser->end && *parser->at == '`') {
        if (!take_quoted(parser, '`', &name))
            return false;
    } else {
        name = take_word(parser);
        if (name.size == 0 || parser->at >= parser->end || *parser->at != ' ') {
            parser->at = start;
            return true;
        }
    }
    if (memchr(name.data, 0, name.size) || !tl_utf8_valid(name.data, name.size, NULL))
        return fail(parser, "the name of a tuple's element is not text");
    *ret_name = tl_arena_strndup(parser->arena, name.data, name.size);
    return true;
}

static bool parse_tuple(struct parser *parser, struct tl_clickhouse_type *type)
{
    if (take(parser, ')'))
        return true;
    do {
        const char *name;
        struct tl_clickhouse_type *child;
        if (type->child_count >= TL_TYPE_CHILDREN_MAX)
            return fail(parser, "too many elements");
        if (!take_element_name(parser, &name) || !parse_type(parser, &child))
            return false;
        add_child(parser, type, child, name ? name : tl_arena_printf(parser->arena, "%u", type->child_count + 1));
    } while (take(parser, ','));
    return close_arguments(parser);
}

static int compare_members(const void *a, const void *b)
{
    int x = ((const struct tl_clickhouse_member *)a)->value, y = ((const struct tl_clickhouse_member *)b)->value;
    return (x > y) - (x < y);
}

static bool parse_members(struct parser *parser, struct tl_clickhouse_type *type)
{
    size_t count = 0, room = 0;
    long limit = type->width == 1 ? 128 : 32768;
    struct tl_clickhouse_member *members = NULL;
    do {
        long value;
        struct tl_str name;
        if (count >= TL_CLICKHOUSE_ENUM_MAX)
            return fail(parser, "too many members");
        if (!take_quoted(parser, '\'', &name))
            return false;
        if (!take(parser, '='))
            return fail(parser, "a member has no value");
        if (!take_number(parser, -limit, limit - 1, &value))
            return false;
        if (count == room) {
            size_t more = room ? room * 2 : 8;
            members = tl_arena_grow(parser->arena, members, room * sizeof *members, more * sizeof *members);
            room = more;
        }
        members[count++] = (struct tl_clickhouse_member){(int)value, name};
    } while (take(parser, ','));
    qsort(members, count, sizeof *members, compare_members);
    type->members = members;
    type->member_count = (uint32_t)count;
    return close_arguments(parser);
}

static bool parse_decimal(struct parser *parser, struct tl_clickhouse_type *type)
{
    long precision, scale;
    if (!take_number(parser, 1, 76, &precision) || !take(parser, ',') || !take_number(parser, 0, precision, &scale))
        return fail(parser, "a decimal's digits are wrong");
    type->precision = (uint8_t)precision;
    type->scale = (uint8_t)scale;
    type->width = precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32;
    return close_arguments(parser);
}

/* DateTime('zone'), DateTime64(3, 'zone'), Time64(3); the arguments are open. */
static bool parse_time(struct parser *parser, struct tl_clickhouse_type *type)
{
    struct tl_str zone;
    if (type->kind != TL_CLICKHOUSE_DATETIME) {
        long scale;
        if (!take_number(parser, 0, 9, &scale))
            return false;
        type->scale = (uint8_t)scale;
        if (!take(parser, ','))
            return close_arguments(parser);
    }
    type->has_zone = true;
    return take_quoted(parser, '\'', &zone) && close_arguments(parser);
}

static bool parse_fixed_string(struct parser *parser, struct tl_clickhouse_type *type)
{
    long size;
    if (!take_number(parser, 1, 0xFFFFFF, &size))
        return false;
    type->fixed_size = (uint32_t)size;
    return close_arguments(parser);
}

static bool parse_arguments(struct parser *parser, struct tl_clickhouse_type **type)
{
    switch ((*type)->kind) {
    case TL_CLICKHOUSE_DECIMAL:
        return parse_decimal(parser, *type);
    case TL_CLICKHOUSE_FIXED_STRING:
        return parse_fixed_string(parser, *type);
    case TL_CLICKHOUSE_DATETIME:
    case TL_CLICKHOUSE_DATETIME64:
    case TL_CLICKHOUSE_TIME64:
        return parse_time(parser, *type);
    case TL_CLICKHOUSE_ENUM:
        return parse_members(parser, *type);
    case TL_CLICKHOUSE_NULLABLE:
    case TL_CLICKHOUSE_LOW_CARDINALITY:
    case TL_CLICKHOUSE_ARRAY:
        return parse_children(parser, *type, 1);
    case TL_CLICKHOUSE_MAP:
        return parse_children(parser, *type, 2);
    case TL_CLICKHOUSE_TUPLE:
        return parse_tuple(parser, *type);
    default:
        return skip_arguments(parser);
    }
}

/* SimpleAggregateFunction(max, T) holds plain values of T. */
static bool parse_simple_aggregate(struct parser *parser, struct tl_clickhouse_type **ret_type)
{
    if (!take(parser, '(') || !skip_argument(parser) || !take(parser, ','))
        return fail(parser, "the type of an aggregate function is missing");
    return parse_type(parser, ret_type) && close_arguments(parser);
}

/* Nested(a T, b U) is Array(Tuple(a T, b U)). */
static bool parse_nested(struct parser *parser, struct tl_clickhouse_type **ret_type)
{
    struct tl_clickhouse_type *tuple = new_type(parser, TL_CLICKHOUSE_TUPLE);
    parser->depth++;
    if (!take(parser, '(') || !parse_tuple(parser, tuple))
        return fail(parser, "the elements of Nested are missing");
    parser->depth--;
    tl_clickhouse_type_map(parser->arena, tuple, parser->strings_as_blob);
    *ret_type = new_type(parser, TL_CLICKHOUSE_ARRAY);
    add_child(parser, *ret_type, tuple, "");
    tl_clickhouse_type_map(parser->arena, *ret_type, parser->strings_as_blob);
    return true;
}

/* Point is a tuple of two numbers; the others are arrays of arrays of it. */
static bool parse_shape(struct parser *parser, struct tl_str name, struct tl_clickhouse_type **ret_type)
{
    static const char *const names[] = {"Point", "Ring", "LineString", "Polygon", "MultiLineString", "MultiPolygon"};
    static const int arrays[] = {0, 1, 1, 2, 2, 3};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!tl_str_equal(name, tl_str_of(names[i])) || parser->depth + arrays[i] > TL_TYPE_DEPTH_MAX)
            continue;
        struct tl_clickhouse_type *type = new_type(parser, TL_CLICKHOUSE_TUPLE);
        for (int k = 0; k < 2; k++) {
            struct tl_clickhouse_type *number = new_type(parser, TL_CLICKHOUSE_FLOAT);
            number->width = 8;
            tl_clickhouse_type_map(parser->arena, number, parser->strings_as_blob);
            add_child(parser, type, number, k ? "2" : "1");
        }
        tl_clickhouse_type_map(parser->arena, type, parser->strings_as_blob);
        for (int k = 0; k < arrays[i]; k++) {
            struct tl_clickhouse_type *array = new_type(parser, TL_CLICKHOUSE_ARRAY);
            add_child(parser, array, type, "");
            tl_clickhouse_type_map(parser->arena, array, parser->strings_as_blob);
            type = array;
        }
        *ret_type = type;
        return true;
    }
    return false;
}

static bool parse_named(struct parser *parser, struct tl_str name, struct tl_clickhouse_type **ret_type)
{
    if (tl_str_equal(name, TL_STR("SimpleAggregateFunction")))
        return parse_simple_aggregate(parser, ret_type);
    if (tl_str_equal(name, TL_STR("Nested")))
        return parse_nested(parser, ret_type);
    if (parse_shape(parser, name, ret_type))
        return true;
    struct tl_clickhouse_type *type = new_type(parser, TL_CLICKHOUSE_UNKNOWN);
    bool arguments_required = tl_clickhouse_type_name(name, type);
    if (take(parser, '(')) {
        if (!parse_arguments(parser, &type))
            return false;
    } else if (arguments_required) {
        return fail(parser, "the arguments of a type are missing");
    }
    tl_clickhouse_type_map(parser->arena, type, parser->strings_as_blob);
    *ret_type = type;
    return true;
}

static bool parse_type(struct parser *parser, struct tl_clickhouse_type **ret_type)
{
    if (++parser->depth > TL_TYPE_DEPTH_MAX)
        return fail(parser, "nested too deep");
    struct tl_str name = take_word(parser);
    if (name.size == 0)
        return fail(parser, "a type is missing");
    if (!parse_named(parser, name, ret_type))
        return false;
    parser->depth--;
    return true;
}

enum tl_code tl_clickhouse_type_parse(tl_arena *arena, struct tl_str text, bool strings_as_blob,
                                      struct tl_clickhouse_type **ret_type, struct tl_err *err)
{
    struct parser parser = {
        .arena = arena, .at = text.data, .end = text.data + text.size, .strings_as_blob = strings_as_blob, .err = err};
    if (text.size > TL_CLICKHOUSE_TYPE_TEXT_MAX)
        return tl_err_set(err, TL_SOURCE_PROTOCOL, "the type name of a column has %zu bytes, more than %d", text.size,
                          (int)TL_CLICKHOUSE_TYPE_TEXT_MAX);
    if (parse_type(&parser, ret_type) && parser.at != parser.end)
        fail(&parser, "it goes on after its end");
    if (err->code != TL_OK) {
        int shown = text.size < 200 ? (int)text.size : 200;
        tl_err_detail(err, "type name: %.*s", tl_utf8_valid(text.data, (size_t)shown, NULL) ? shown : 0, text.data);
        return err->code;
    }
    return TL_OK;
}
