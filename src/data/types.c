#include "data/types.h"

#include <string.h>

#include "data/format_int.h"

static const struct {
    const char *sql;
    const char *trino;
    uint8_t width;
} type_table[TL_TYPE_LAST + 1] = {
    [TL_TYPE_INVALID] = {"INVALID", "unknown", 0},
    [TL_TYPE_NULL] = {"\"NULL\"", "unknown", 1},
    [TL_TYPE_BOOLEAN] = {"BOOLEAN", "boolean", 1},
    [TL_TYPE_INT8] = {"TINYINT", "tinyint", 1},
    [TL_TYPE_INT16] = {"SMALLINT", "smallint", 2},
    [TL_TYPE_INT32] = {"INTEGER", "integer", 4},
    [TL_TYPE_INT64] = {"BIGINT", "bigint", 8},
    [TL_TYPE_INT128] = {"HUGEINT", "decimal(38, 0)", 16},
    [TL_TYPE_UINT8] = {"UTINYINT", "smallint", 1},
    [TL_TYPE_UINT16] = {"USMALLINT", "integer", 2},
    [TL_TYPE_UINT32] = {"UINTEGER", "bigint", 4},
    [TL_TYPE_UINT64] = {"UBIGINT", "decimal(20, 0)", 8},
    [TL_TYPE_UINT128] = {"UHUGEINT", "decimal(38, 0)", 16},
    [TL_TYPE_FLOAT] = {"FLOAT", "real", 4},
    [TL_TYPE_DOUBLE] = {"DOUBLE", "double", 8},
    [TL_TYPE_DECIMAL] = {"DECIMAL", "decimal", 0},
    [TL_TYPE_VARCHAR] = {"VARCHAR", "varchar", 0},
    [TL_TYPE_JSON] = {"JSON", "json", 0},
    [TL_TYPE_BLOB] = {"BLOB", "varbinary", 0},
    [TL_TYPE_UUID] = {"UUID", "uuid", 16},
    [TL_TYPE_DATE] = {"DATE", "date", 4},
    [TL_TYPE_TIME] = {"TIME", "time", 8},
    [TL_TYPE_TIMESTAMP] = {"TIMESTAMP", "timestamp", 8},
    [TL_TYPE_TIMESTAMP_NS] = {"TIMESTAMP_NS", "timestamp", 8},
    [TL_TYPE_TIMESTAMPTZ] = {"TIMESTAMP WITH TIME ZONE", "timestamp", 8},
    [TL_TYPE_INTERVAL] = {"INTERVAL", "interval day to second", 16},
    [TL_TYPE_LIST] = {"LIST", "array", 0},
    [TL_TYPE_STRUCT] = {"STRUCT", "row", 0},
    [TL_TYPE_MAP] = {"MAP", "map", 0},
};

struct tl_type tl_type_simple(enum tl_type_id id)
{
    return (struct tl_type){.id = id};
}

struct tl_type tl_type_decimal(int precision, int scale)
{
    return (struct tl_type){.id = TL_TYPE_DECIMAL, .precision = (uint8_t)precision, .scale = (uint8_t)scale};
}

struct tl_type tl_type_list(tl_arena *arena, struct tl_type child)
{
    struct tl_type *children = TL_NEW(arena, struct tl_type);
    *children = child;
    return (struct tl_type){.id = TL_TYPE_LIST, .child_count = 1, .children = children};
}

struct tl_type tl_type_map(tl_arena *arena, struct tl_type key, struct tl_type value)
{
    struct tl_type *children = TL_NEW_ARRAY(arena, struct tl_type, 2);
    children[0] = key;
    children[1] = value;
    return (struct tl_type){.id = TL_TYPE_MAP, .child_count = 2, .children = children};
}

struct tl_type tl_type_copy(tl_arena *arena, const struct tl_type *type)
{
    struct tl_type copy = *type;
    if (type->child_count == 0)
        return copy;
    struct tl_type *children = TL_NEW_ARRAY(arena, struct tl_type, type->child_count);
    for (uint32_t i = 0; i < type->child_count; i++)
        children[i] = tl_type_copy(arena, &type->children[i]);
    copy.children = children;
    if (type->child_names) {
        const char **names = TL_NEW_ARRAY(arena, const char *, type->child_count);
        for (uint32_t i = 0; i < type->child_count; i++)
            names[i] = tl_arena_strdup(arena, type->child_names[i]);
        copy.child_names = names;
    }
    return copy;
}

static const char *child_name(const struct tl_type *type, uint32_t i)
{
    return type->child_names && type->child_names[i] ? type->child_names[i] : "";
}

bool tl_type_equal(const struct tl_type *a, const struct tl_type *b)
{
    if (a->id != b->id || a->precision != b->precision || a->scale != b->scale || a->child_count != b->child_count)
        return false;
    for (uint32_t i = 0; i < a->child_count; i++) {
        if (!tl_type_equal(&a->children[i], &b->children[i]))
            return false;
        if (a->id == TL_TYPE_STRUCT && strcmp(child_name(a, i), child_name(b, i)) != 0)
            return false;
    }
    return true;
}

size_t tl_type_width(const struct tl_type *type)
{
    if (type->id == TL_TYPE_DECIMAL)
        return type->precision <= 4 ? 2 : type->precision <= 9 ? 4 : type->precision <= 18 ? 8 : 16;
    return type->id <= TL_TYPE_LAST ? type_table[type->id].width : 0;
}

bool tl_type_is_text(const struct tl_type *type)
{
    return type->id == TL_TYPE_VARCHAR || type->id == TL_TYPE_JSON || type->id == TL_TYPE_BLOB;
}

int tl_type_second_digits(const struct tl_type *type)
{
    int most = type->id == TL_TYPE_TIMESTAMP_NS ? 9 : 6;
    return type->scale == 0 || type->scale > most ? most : type->scale;
}

/* Words the engine does not take as a field's name without quotes, in order. */
static const char *const reserved_words[] = {
    "all", "analyse", "analyze", "and", "anti", "any", "array", "as", "asc", "asof", "asymmetric", "at", "authorization",
    "binary", "both", "by", "case", "cast", "check", "collate", "collation", "column", "columns", "concurrently",
    "constraint", "create", "cross", "default", "deferrable", "desc", "describe", "distinct", "do", "else", "end",
    "except", "false", "fetch", "for", "foreign", "freeze", "from", "full", "generated", "glob", "group", "having",
    "ilike", "in", "initially", "inner", "intersect", "into", "is", "isnull", "join", "lambda", "lateral", "leading",
    "left", "like", "limit", "map", "natural", "not", "notnull", "null", "offset", "on", "only", "or", "order", "outer",
    "overlaps", "pivot", "pivot_longer", "pivot_wider", "placing", "positional", "primary", "qualify", "references",
    "returning", "right", "select", "semi", "show", "similar", "some", "struct", "summarize", "symmetric", "table",
    "tablesample", "then", "to", "trailing", "true", "try_cast", "union", "unique", "unpack", "unpivot", "using",
    "variadic", "verbose", "when", "where", "window", "with",
};

static bool is_reserved(const char *word)
{
    size_t low = 0, high = sizeof reserved_words / sizeof *reserved_words;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(word, reserved_words[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Lower case letters, digits and underscores: both dialects take it as it is. */
static bool is_plain_name(const char *name)
{
    if (!(name[0] == '_' || (name[0] >= 'a' && name[0] <= 'z')))
        return false;
    for (const char *c = name + 1; *c; c++)
        if (!(*c == '_' || (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9')))
            return false;
    return !is_reserved(name);
}

typedef void format_type(struct tl_buf *buf, const struct tl_type *type);

static void format_fields(struct tl_buf *buf, const struct tl_type *type, format_type *format)
{
    for (uint32_t i = 0; i < type->child_count; i++) {
        const char *name = type->id == TL_TYPE_STRUCT ? child_name(type, i) : "";
        if (i > 0)
            tl_buf_adds(buf, ", ");
        if (name[0] != '\0') {
            if (is_plain_name(name))
                tl_buf_adds(buf, name);
            else
                tl_buf_add_identifier(buf, name);
            tl_buf_addc(buf, ' ');
        }
        format(buf, &type->children[i]);
    }
}

void tl_type_format_sql(struct tl_buf *buf, const struct tl_type *type)
{
    switch (type->id) {
    case TL_TYPE_DECIMAL:
        tl_buf_addf(buf, "DECIMAL(%d,%d)", type->precision, type->scale);
        return;
    case TL_TYPE_LIST:
        tl_type_format_sql(buf, &type->children[0]);
        tl_buf_adds(buf, "[]");
        return;
    case TL_TYPE_STRUCT:
    case TL_TYPE_MAP:
        tl_buf_adds(buf, type_table[type->id].sql);
        tl_buf_addc(buf, '(');
        format_fields(buf, type, tl_type_format_sql);
        tl_buf_addc(buf, ')');
        return;
    default:
        tl_buf_adds(buf, type->id <= TL_TYPE_LAST ? type_table[type->id].sql : "INVALID");
    }
}

void tl_type_format_trino(struct tl_buf *buf, const struct tl_type *type)
{
    switch (type->id) {
    case TL_TYPE_DECIMAL:
        tl_buf_addf(buf, "decimal(%d, %d)", type->precision, type->scale);
        return;
    case TL_TYPE_TIME:
    case TL_TYPE_TIMESTAMP:
    case TL_TYPE_TIMESTAMP_NS:
    case TL_TYPE_TIMESTAMPTZ:
        tl_buf_addf(buf, "%s(%d)", type_table[type->id].trino, tl_type_second_digits(type));
        if (type->id == TL_TYPE_TIMESTAMPTZ)
            tl_buf_adds(buf, " with time zone");
        return;
    case TL_TYPE_LIST:
    case TL_TYPE_STRUCT:
    case TL_TYPE_MAP:
        tl_buf_adds(buf, type_table[type->id].trino);
        tl_buf_addc(buf, '(');
        format_fields(buf, type, tl_type_format_trino);
        tl_buf_addc(buf, ')');
        return;
    default:
        tl_buf_adds(buf, type->id <= TL_TYPE_LAST ? type_table[type->id].trino : "unknown");
    }
}
