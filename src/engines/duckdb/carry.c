/* The engine's types in ours.  What ours lack is carried by the nearest one that loses nothing: ENUM, BIT, BIGNUM and TIME
 * WITH TIME ZONE as their text, ARRAY as LIST, UNION as the STRUCT of its members, GEOMETRY as its bytes. */
#include <string.h>

#include "engines/duckdb/process_int.h"

struct maker {
    tl_arena *arena;
    const char *column;
    struct tl_err *err;
    int depth;
};

static enum tl_code make(struct maker *maker, duckdb_logical_type logical, struct tl_type *type, struct tl_duckdb_carry *carry);

struct simple {
    duckdb_type from;
    enum tl_type_id to;
    enum tl_duckdb_carry_kind kind;
};

static const struct simple simple_types[] = {
    {DUCKDB_TYPE_BOOLEAN, TL_TYPE_BOOLEAN, TL_CARRY_FIXED},
    {DUCKDB_TYPE_TINYINT, TL_TYPE_INT8, TL_CARRY_FIXED},
    {DUCKDB_TYPE_SMALLINT, TL_TYPE_INT16, TL_CARRY_FIXED},
    {DUCKDB_TYPE_INTEGER, TL_TYPE_INT32, TL_CARRY_FIXED},
    {DUCKDB_TYPE_BIGINT, TL_TYPE_INT64, TL_CARRY_FIXED},
    {DUCKDB_TYPE_HUGEINT, TL_TYPE_INT128, TL_CARRY_FIXED},
    {DUCKDB_TYPE_UTINYINT, TL_TYPE_UINT8, TL_CARRY_FIXED},
    {DUCKDB_TYPE_USMALLINT, TL_TYPE_UINT16, TL_CARRY_FIXED},
    {DUCKDB_TYPE_UINTEGER, TL_TYPE_UINT32, TL_CARRY_FIXED},
    {DUCKDB_TYPE_UBIGINT, TL_TYPE_UINT64, TL_CARRY_FIXED},
    {DUCKDB_TYPE_UHUGEINT, TL_TYPE_UINT128, TL_CARRY_FIXED},
    {DUCKDB_TYPE_FLOAT, TL_TYPE_FLOAT, TL_CARRY_FIXED},
    {DUCKDB_TYPE_DOUBLE, TL_TYPE_DOUBLE, TL_CARRY_FIXED},
    {DUCKDB_TYPE_DATE, TL_TYPE_DATE, TL_CARRY_FIXED},
    {DUCKDB_TYPE_TIME, TL_TYPE_TIME, TL_CARRY_FIXED},
    {DUCKDB_TYPE_TIMESTAMP, TL_TYPE_TIMESTAMP, TL_CARRY_FIXED},
    {DUCKDB_TYPE_TIMESTAMP_NS, TL_TYPE_TIMESTAMP_NS, TL_CARRY_FIXED},
    {DUCKDB_TYPE_TIMESTAMP_TZ, TL_TYPE_TIMESTAMPTZ, TL_CARRY_FIXED},
    {DUCKDB_TYPE_INTERVAL, TL_TYPE_INTERVAL, TL_CARRY_FIXED},
    {DUCKDB_TYPE_UUID, TL_TYPE_UUID, TL_CARRY_FIXED},
    {DUCKDB_TYPE_BLOB, TL_TYPE_BLOB, TL_CARRY_TEXT},
    {DUCKDB_TYPE_GEOMETRY, TL_TYPE_BLOB, TL_CARRY_TEXT},
    {DUCKDB_TYPE_TIMESTAMP_S, TL_TYPE_TIMESTAMP, TL_CARRY_SECONDS},
    {DUCKDB_TYPE_TIMESTAMP_MS, TL_TYPE_TIMESTAMP, TL_CARRY_MILLISECONDS},
    {DUCKDB_TYPE_TIME_NS, TL_TYPE_TIME, TL_CARRY_TIME_NS},
    {DUCKDB_TYPE_TIME_TZ, TL_TYPE_VARCHAR, TL_CARRY_TIME_TZ},
    {DUCKDB_TYPE_BIT, TL_TYPE_VARCHAR, TL_CARRY_BIT},
    {DUCKDB_TYPE_BIGNUM, TL_TYPE_VARCHAR, TL_CARRY_BIGNUM},
    {DUCKDB_TYPE_SQLNULL, TL_TYPE_NULL, TL_CARRY_NULL},
};

static enum tl_code refuse(struct maker *maker, const char *what)
{
    tl_err_set(maker->err, TL_UNSUPPORTED, "the column \"%s\" %s", maker->column, what);
    tl_err_hint(maker->err, "cast it to VARCHAR or JSON, or take the parts that are needed");
    return TL_UNSUPPORTED;
}

static enum tl_code make_child(struct maker *maker, duckdb_logical_type logical, struct tl_type *type, struct tl_duckdb_carry *carry)
{
    enum tl_code code = make(maker, logical, type, carry);
    duckdb_destroy_logical_type(&logical);
    return code;
}

static void make_text(duckdb_logical_type logical, struct tl_type *type, struct tl_duckdb_carry *carry)
{
    char *alias = duckdb_logical_type_get_alias(logical);
    *type = tl_type_simple(alias && strcmp(alias, "JSON") == 0 ? TL_TYPE_JSON : TL_TYPE_VARCHAR);
    carry->kind = TL_CARRY_TEXT;
    duckdb_free(alias);
}

static void make_enum(struct maker *maker, duckdb_logical_type logical, struct tl_type *type, struct tl_duckdb_carry *carry)
{
    duckdb_type index = duckdb_enum_internal_type(logical);
    *type = tl_type_simple(TL_TYPE_VARCHAR);
    carry->kind = TL_CARRY_ENUM;
    carry->width = index == DUCKDB_TYPE_UTINYINT ? 1 : index == DUCKDB_TYPE_USMALLINT ? 2 : 4;
    carry->label_count = duckdb_enum_dictionary_size(logical);
    struct tl_str *labels = TL_NEW_ARRAY(maker->arena, struct tl_str, carry->label_count);
    for (size_t i = 0; i < carry->label_count; i++) {
        char *label = duckdb_enum_dictionary_value(logical, i);
        labels[i] = tl_str_of(tl_arena_strdup(maker->arena, label ? label : ""));
        duckdb_free(label);
    }
    carry->labels = labels;
}

static enum tl_code make_list(struct maker *maker, duckdb_logical_type child, struct tl_type *type, struct tl_duckdb_carry *carry)
{
    struct tl_type inner;
    carry->child_count = 1;
    carry->children = TL_NEW(maker->arena, struct tl_duckdb_carry);
    if (make_child(maker, child, &inner, carry->children) != TL_OK)
        return maker->err->code;
    *type = tl_type_list(maker->arena, inner);
    return TL_OK;
}

static enum tl_code make_map(struct maker *maker, duckdb_logical_type logical, struct tl_type *type, struct tl_duckdb_carry *carry)
{
    struct tl_type key, value;
    carry->kind = TL_CARRY_MAP;
    carry->child_count = 2;
    carry->children = TL_NEW_ARRAY(maker->arena, struct tl_duckdb_carry, 2);
    if (make_child(maker, duckdb_map_type_key_type(logical), &key, &carry->children[0]) != TL_OK ||
        make_child(maker, duckdb_map_type_value_type(logical), &value, &carry->children[1]) != TL_OK)
        return maker->err->code;
    *type = tl_type_map(maker->arena, key, value);
    return TL_OK;
}

static enum tl_code make_struct(struct maker *maker, duckdb_logical_type logical, bool is_union, struct tl_type *type,
                                struct tl_duckdb_carry *carry)
{
    size_t count = is_union ? duckdb_union_type_member_count(logical) : duckdb_struct_type_child_count(logical);
    if (count > TL_TYPE_CHILDREN_MAX)
        return refuse(maker, "has more fields than can be carried");
    struct tl_type *types = TL_NEW_ARRAY(maker->arena, struct tl_type, count);
    const char **names = TL_NEW_ARRAY(maker->arena, const char *, count);
    carry->kind = is_union ? TL_CARRY_UNION : TL_CARRY_STRUCT;
    carry->child_count = count;
    carry->children = TL_NEW_ARRAY(maker->arena, struct tl_duckdb_carry, count);
    for (size_t i = 0; i < count; i++) {
        char *name = is_union ? duckdb_union_type_member_name(logical, i) : duckdb_struct_type_child_name(logical, i);
        names[i] = tl_arena_strdup(maker->arena, name ? name : "");
        duckdb_free(name);
        duckdb_logical_type child =
            is_union ? duckdb_union_type_member_type(logical, i) : duckdb_struct_type_child_type(logical, i);
        if (make_child(maker, child, &types[i], &carry->children[i]) != TL_OK)
            return maker->err->code;
    }
    *type = (struct tl_type){.id = TL_TYPE_STRUCT, .child_count = (uint32_t)count, .children = types, .child_names = names};
    return TL_OK;
}

static enum tl_code make_simple(struct maker *maker, duckdb_type id, struct tl_type *type, struct tl_duckdb_carry *carry)
{
    for (size_t i = 0; i < sizeof simple_types / sizeof *simple_types; i++) {
        if (simple_types[i].from != id)
            continue;
        *type = tl_type_simple(simple_types[i].to);
        carry->kind = simple_types[i].kind;
        carry->width = tl_type_width(type);
        return TL_OK;
    }
    return refuse(maker, id == DUCKDB_TYPE_VARIANT ? "is of type VARIANT, which cannot be carried"
                                                   : "is of a type that cannot be carried");
}

static enum tl_code make(struct maker *maker, duckdb_logical_type logical, struct tl_type *type, struct tl_duckdb_carry *carry)
{
    if (!logical)
        return refuse(maker, "has no type");
    if (maker->depth >= TL_TYPE_DEPTH_MAX)
        return refuse(maker, "is nested deeper than can be carried");
    maker->depth++;
    enum tl_code code = TL_OK;
    duckdb_type id = duckdb_get_type_id(logical);
    switch (id) {
    case DUCKDB_TYPE_VARCHAR:
        make_text(logical, type, carry);
        break;
    case DUCKDB_TYPE_DECIMAL:
        *type = tl_type_decimal(duckdb_decimal_width(logical), duckdb_decimal_scale(logical));
        carry->kind = TL_CARRY_FIXED;
        carry->width = tl_type_width(type);
        break;
    case DUCKDB_TYPE_ENUM:
        make_enum(maker, logical, type, carry);
        break;
    case DUCKDB_TYPE_LIST:
        carry->kind = TL_CARRY_LIST;
        code = make_list(maker, duckdb_list_type_child_type(logical), type, carry);
        break;
    case DUCKDB_TYPE_ARRAY:
        carry->kind = TL_CARRY_ARRAY;
        carry->array_size = duckdb_array_type_array_size(logical);
        code = make_list(maker, duckdb_array_type_child_type(logical), type, carry);
        break;
    case DUCKDB_TYPE_MAP:
        code = make_map(maker, logical, type, carry);
        break;
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_UNION:
        code = make_struct(maker, logical, id == DUCKDB_TYPE_UNION, type, carry);
        break;
    default:
        code = make_simple(maker, id, type, carry);
    }
    maker->depth--;
    return code;
}

enum tl_code tl_duckdb_carry_make(tl_arena *arena, duckdb_logical_type logical, const char *column, struct tl_type *ret_type,
                                  struct tl_duckdb_carry *ret_carry, struct tl_err *err)
{
    struct maker maker = {.arena = arena, .column = column, .err = err};
    memset(ret_carry, 0, sizeof *ret_carry);
    return make(&maker, logical, ret_type, ret_carry);
}
