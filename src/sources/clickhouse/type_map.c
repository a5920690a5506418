#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sources/clickhouse/type_int.h"

struct known {
    const char *name;
    enum tl_clickhouse_kind kind;
    uint8_t width;
    enum tl_clickhouse_unit unit;
    bool arguments_required;
};

static const struct known known_types[] = {
    {"Bool", TL_CLICKHOUSE_BOOL, 1, 0, false},
    {"Int8", TL_CLICKHOUSE_INT, 1, 0, false},
    {"Int16", TL_CLICKHOUSE_INT, 2, 0, false},
    {"Int32", TL_CLICKHOUSE_INT, 4, 0, false},
    {"Int64", TL_CLICKHOUSE_INT, 8, 0, false},
    {"Int128", TL_CLICKHOUSE_INT, 16, 0, false},
    {"Int256", TL_CLICKHOUSE_INT, 32, 0, false},
    {"UInt8", TL_CLICKHOUSE_UINT, 1, 0, false},
    {"UInt16", TL_CLICKHOUSE_UINT, 2, 0, false},
    {"UInt32", TL_CLICKHOUSE_UINT, 4, 0, false},
    {"UInt64", TL_CLICKHOUSE_UINT, 8, 0, false},
    {"UInt128", TL_CLICKHOUSE_UINT, 16, 0, false},
    {"UInt256", TL_CLICKHOUSE_UINT, 32, 0, false},
    {"BFloat16", TL_CLICKHOUSE_FLOAT, 2, 0, false},
    {"Float32", TL_CLICKHOUSE_FLOAT, 4, 0, false},
    {"Float64", TL_CLICKHOUSE_FLOAT, 8, 0, false},
    {"Decimal", TL_CLICKHOUSE_DECIMAL, 0, 0, true},
    {"String", TL_CLICKHOUSE_STRING, 0, 0, false},
    {"FixedString", TL_CLICKHOUSE_FIXED_STRING, 0, 0, true},
    {"Date", TL_CLICKHOUSE_DATE, 2, 0, false},
    {"Date32", TL_CLICKHOUSE_DATE32, 4, 0, false},
    {"DateTime", TL_CLICKHOUSE_DATETIME, 4, 0, false},
    {"DateTime64", TL_CLICKHOUSE_DATETIME64, 8, 0, true},
    {"Time", TL_CLICKHOUSE_TIME, 4, 0, false},
    {"Time64", TL_CLICKHOUSE_TIME64, 8, 0, true},
    {"IntervalNanosecond", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_NANOSECOND, false},
    {"IntervalMicrosecond", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_MICROSECOND, false},
    {"IntervalMillisecond", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_MILLISECOND, false},
    {"IntervalSecond", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_SECOND, false},
    {"IntervalMinute", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_MINUTE, false},
    {"IntervalHour", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_HOUR, false},
    {"IntervalDay", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_DAY, false},
    {"IntervalWeek", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_WEEK, false},
    {"IntervalMonth", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_MONTH, false},
    {"IntervalQuarter", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_QUARTER, false},
    {"IntervalYear", TL_CLICKHOUSE_INTERVAL, 8, TL_CLICKHOUSE_YEAR, false},
    {"Enum8", TL_CLICKHOUSE_ENUM, 1, 0, true},
    {"Enum16", TL_CLICKHOUSE_ENUM, 2, 0, true},
    {"UUID", TL_CLICKHOUSE_UUID, 16, 0, false},
    {"IPv4", TL_CLICKHOUSE_IPV4, 4, 0, false},
    {"IPv6", TL_CLICKHOUSE_IPV6, 16, 0, false},
    {"Nothing", TL_CLICKHOUSE_NOTHING, 1, 0, false},
    {"Nullable", TL_CLICKHOUSE_NULLABLE, 0, 0, true},
    {"LowCardinality", TL_CLICKHOUSE_LOW_CARDINALITY, 0, 0, true},
    {"Array", TL_CLICKHOUSE_ARRAY, 0, 0, true},
    {"Map", TL_CLICKHOUSE_MAP, 0, 0, true},
    {"Tuple", TL_CLICKHOUSE_TUPLE, 0, 0, true},
    {"JSON", TL_CLICKHOUSE_DOCUMENT, 0, 0, false},
    {"Object", TL_CLICKHOUSE_DOCUMENT, 0, 0, false},
    {"Variant", TL_CLICKHOUSE_DOCUMENT, 0, 0, false},
    {"Dynamic", TL_CLICKHOUSE_DOCUMENT, 0, 0, false},
    {"Geometry", TL_CLICKHOUSE_DOCUMENT, 0, 0, false},
    {"AggregateFunction", TL_CLICKHOUSE_STATE, 0, 0, true},
};

bool tl_clickhouse_type_name(struct tl_str name, struct tl_clickhouse_type *type)
{
    for (size_t i = 0; i < sizeof known_types / sizeof known_types[0]; i++) {
        const struct known *known = &known_types[i];
        if (tl_str_equal(name, tl_str_of(known->name))) {
            type->kind = known->kind;
            type->width = known->width;
            type->unit = known->unit;
            return known->arguments_required;
        }
    }
    return false;
}

static enum tl_type_id integer_id(const struct tl_clickhouse_type *type)
{
    bool is_signed = type->kind == TL_CLICKHOUSE_INT;
    switch (type->width) {
    case 1:
        return is_signed ? TL_TYPE_INT8 : TL_TYPE_UINT8;
    case 2:
        return is_signed ? TL_TYPE_INT16 : TL_TYPE_UINT16;
    case 4:
        return is_signed ? TL_TYPE_INT32 : TL_TYPE_UINT32;
    case 8:
        return is_signed ? TL_TYPE_INT64 : TL_TYPE_UINT64;
    case 16:
        return is_signed ? TL_TYPE_INT128 : TL_TYPE_UINT128;
    default:
        return TL_TYPE_VARCHAR; /* 256 bits: exact decimal text */
    }
}

static struct tl_type timestamp(const struct tl_clickhouse_type *type)
{
    struct tl_type result = {.id = type->has_zone ? TL_TYPE_TIMESTAMPTZ : TL_TYPE_TIMESTAMP, .scale = type->scale};
    if (type->scale > 6)
        result.id = TL_TYPE_TIMESTAMP_NS;
    return result;
}

static int compare_names(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* The engine finds a field by its name without regard to case, so each must be there once. */
static bool names_differ(tl_arena *arena, const struct tl_clickhouse_type *type)
{
    const char **names = TL_NEW_ARRAY(arena, const char *, type->child_count);
    memcpy(names, type->child_names, type->child_count * sizeof *names);
    qsort(names, type->child_count, sizeof *names, compare_names);
    for (uint32_t i = 0; i < type->child_count; i++)
        if (names[i][0] == 0 || (i > 0 && strcasecmp(names[i - 1], names[i]) == 0))
            return false;
    return true;
}

static bool members_are_text(const struct tl_clickhouse_type *type)
{
    for (uint32_t i = 0; i < type->member_count; i++)
        if (!tl_utf8_valid(type->members[i].name.data, type->members[i].name.size, NULL))
            return false;
    return true;
}

static struct tl_type tuple(tl_arena *arena, const struct tl_clickhouse_type *type)
{
    struct tl_type result = {.id = TL_TYPE_STRUCT, .child_count = type->child_count};
    if (type->child_count == 0 || !names_differ(arena, type))
        return (struct tl_type){0};
    struct tl_type *children = TL_NEW_ARRAY(arena, struct tl_type, type->child_count);
    for (uint32_t i = 0; i < type->child_count; i++) {
        children[i] = type->children[i]->type;
        if (children[i].id == TL_TYPE_INVALID)
            return (struct tl_type){0};
    }
    result.children = children;
    result.child_names = type->child_names;
    return result;
}

static bool nullable_inside(const struct tl_clickhouse_type *child)
{
    enum tl_clickhouse_kind kind = child->kind;
    return kind != TL_CLICKHOUSE_NULLABLE && kind != TL_CLICKHOUSE_LOW_CARDINALITY && kind != TL_CLICKHOUSE_ARRAY &&
           kind != TL_CLICKHOUSE_MAP;
}

static bool low_cardinality_inside(const struct tl_clickhouse_type *child)
{
    if (child->kind == TL_CLICKHOUSE_NULLABLE)
        child = child->children[0];
    return nullable_inside(child) && child->kind != TL_CLICKHOUSE_TUPLE && child->kind != TL_CLICKHOUSE_NOTHING;
}

static struct tl_type wrapped(tl_arena *arena, const struct tl_clickhouse_type *type)
{
    const struct tl_clickhouse_type *first = type->children[0];
    struct tl_type none = {0};
    if (first->type.id == TL_TYPE_INVALID)
        return none;
    switch (type->kind) {
    case TL_CLICKHOUSE_NULLABLE:
        return nullable_inside(first) ? first->type : none;
    case TL_CLICKHOUSE_LOW_CARDINALITY:
        return low_cardinality_inside(first) ? first->type : none;
    case TL_CLICKHOUSE_ARRAY:
        return tl_type_list(arena, first->type);
    default:
        return type->children[1]->type.id == TL_TYPE_INVALID ? none
                                                             : tl_type_map(arena, first->type, type->children[1]->type);
    }
}

static struct tl_type mapped(tl_arena *arena, const struct tl_clickhouse_type *type, bool strings_as_blob)
{
    switch (type->kind) {
    case TL_CLICKHOUSE_BOOL:
        return tl_type_simple(TL_TYPE_BOOLEAN);
    case TL_CLICKHOUSE_INT:
    case TL_CLICKHOUSE_UINT:
        return tl_type_simple(integer_id(type));
    case TL_CLICKHOUSE_FLOAT:
        return tl_type_simple(type->width == 8 ? TL_TYPE_DOUBLE : TL_TYPE_FLOAT);
    case TL_CLICKHOUSE_DECIMAL:
        return type->precision > 38 ? tl_type_simple(TL_TYPE_VARCHAR) : tl_type_decimal(type->precision, type->scale);
    case TL_CLICKHOUSE_STRING:
    case TL_CLICKHOUSE_FIXED_STRING:
        return tl_type_simple(strings_as_blob ? TL_TYPE_BLOB : TL_TYPE_VARCHAR);
    case TL_CLICKHOUSE_ENUM:
        return members_are_text(type) ? tl_type_simple(TL_TYPE_VARCHAR) : (struct tl_type){0};
    case TL_CLICKHOUSE_IPV4:
    case TL_CLICKHOUSE_IPV6:
        return tl_type_simple(TL_TYPE_VARCHAR);
    case TL_CLICKHOUSE_DATE:
    case TL_CLICKHOUSE_DATE32:
        return tl_type_simple(TL_TYPE_DATE);
    case TL_CLICKHOUSE_DATETIME:
    case TL_CLICKHOUSE_DATETIME64:
        return timestamp(type);
    case TL_CLICKHOUSE_TIME:
        return tl_type_simple(TL_TYPE_TIME);
    case TL_CLICKHOUSE_TIME64:
        return type->scale > 6 ? tl_type_simple(TL_TYPE_VARCHAR)
                               : (struct tl_type){.id = TL_TYPE_TIME, .scale = type->scale};
    case TL_CLICKHOUSE_INTERVAL:
        return tl_type_simple(TL_TYPE_INTERVAL);
    case TL_CLICKHOUSE_UUID:
        return tl_type_simple(TL_TYPE_UUID);
    case TL_CLICKHOUSE_NOTHING:
        return tl_type_simple(TL_TYPE_NULL);
    case TL_CLICKHOUSE_NULLABLE:
    case TL_CLICKHOUSE_LOW_CARDINALITY:
    case TL_CLICKHOUSE_ARRAY:
    case TL_CLICKHOUSE_MAP:
        return wrapped(arena, type);
    case TL_CLICKHOUSE_TUPLE:
        return tuple(arena, type);
    case TL_CLICKHOUSE_UNKNOWN:
    case TL_CLICKHOUSE_DOCUMENT:
    case TL_CLICKHOUSE_STATE:
        break;
    }
    return (struct tl_type){0};
}

void tl_clickhouse_type_map(tl_arena *arena, struct tl_clickhouse_type *type, bool strings_as_blob)
{
    type->type = mapped(arena, type, strings_as_blob);
}

bool tl_clickhouse_type_has(const struct tl_clickhouse_type *type, enum tl_clickhouse_kind kind)
{
    if (type->kind == kind)
        return true;
    for (uint32_t i = 0; i < type->child_count; i++)
        if (tl_clickhouse_type_has(type->children[i], kind))
            return true;
    return false;
}

const struct tl_clickhouse_type *tl_clickhouse_type_bare(const struct tl_clickhouse_type *type)
{
    while (type->kind == TL_CLICKHOUSE_NULLABLE || type->kind == TL_CLICKHOUSE_LOW_CARDINALITY)
        type = type->children[0];
    return type;
}

bool tl_clickhouse_type_nullable(const struct tl_clickhouse_type *type)
{
    if (type->kind == TL_CLICKHOUSE_LOW_CARDINALITY)
        type = type->children[0];
    return type->kind == TL_CLICKHOUSE_NULLABLE;
}

const struct tl_clickhouse_member *tl_clickhouse_member_named(const struct tl_clickhouse_type *type, struct tl_str name)
{
    for (uint32_t i = 0; i < type->member_count; i++)
        if (tl_str_equal(type->members[i].name, name))
            return &type->members[i];
    return NULL;
}

const struct tl_clickhouse_member *tl_clickhouse_member_valued(const struct tl_clickhouse_type *type, int value)
{
    size_t low = 0, high = type->member_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (type->members[middle].value == value)
            return &type->members[middle];
        if (type->members[middle].value < value)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool tl_clickhouse_type_may_be_null(const struct tl_clickhouse_type *type)
{
    type = tl_clickhouse_type_bare(type);
    return nullable_inside(type) && type->kind != TL_CLICKHOUSE_TUPLE && type->kind != TL_CLICKHOUSE_NOTHING;
}
