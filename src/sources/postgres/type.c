#include "sources/postgres/type.h"

enum {
    OID_INET = 869,
    OID_BPCHAR = 1042,
    OID_NUMERIC = 1700,
    MODIFIER_HEADER = 4,
    DOMAINS_DEPTH_MAX = 32,
    DECIMAL_DIGITS_MAX = 38
};

/* The types with a binary form that is read as it is; oids of pg_type.dat never change. */
struct builtin {
    uint32_t oid;
    enum tl_postgres_form form;
    enum tl_type_id type;
    enum tl_postgres_class class;
};

static const struct builtin builtins[] = {
    {16, TL_POSTGRES_BOOL, TL_TYPE_BOOLEAN, TL_POSTGRES_CLASS_BOOL},
    {17, TL_POSTGRES_BYTEA, TL_TYPE_BLOB, TL_POSTGRES_CLASS_BYTES},
    {19, TL_POSTGRES_TEXT, TL_TYPE_VARCHAR, TL_POSTGRES_CLASS_AS_TEXT}, /* name: literals are cut at 63 */
    {20, TL_POSTGRES_INT8, TL_TYPE_INT64, TL_POSTGRES_CLASS_INT},
    {21, TL_POSTGRES_INT2, TL_TYPE_INT16, TL_POSTGRES_CLASS_INT},
    {23, TL_POSTGRES_INT4, TL_TYPE_INT32, TL_POSTGRES_CLASS_INT},
    {25, TL_POSTGRES_TEXT, TL_TYPE_VARCHAR, TL_POSTGRES_CLASS_TEXT},
    {26, TL_POSTGRES_INT4, TL_TYPE_UINT32, TL_POSTGRES_CLASS_NONE}, /* oid: compared here */
    {114, TL_POSTGRES_TEXT, TL_TYPE_JSON, TL_POSTGRES_CLASS_NONE},
    {700, TL_POSTGRES_FLOAT4, TL_TYPE_FLOAT, TL_POSTGRES_CLASS_FLOAT},
    {701, TL_POSTGRES_FLOAT8, TL_TYPE_DOUBLE, TL_POSTGRES_CLASS_FLOAT},
    {OID_BPCHAR, TL_POSTGRES_TEXT, TL_TYPE_VARCHAR, TL_POSTGRES_CLASS_PADDED},
    {1043, TL_POSTGRES_TEXT, TL_TYPE_VARCHAR, TL_POSTGRES_CLASS_TEXT},
    {1082, TL_POSTGRES_DATE, TL_TYPE_DATE, TL_POSTGRES_CLASS_DATE},
    {1083, TL_POSTGRES_TIME, TL_TYPE_TIME, TL_POSTGRES_CLASS_TIME},
    {1114, TL_POSTGRES_TIMESTAMP, TL_TYPE_TIMESTAMP, TL_POSTGRES_CLASS_TIMESTAMP},
    {1184, TL_POSTGRES_TIMESTAMP, TL_TYPE_TIMESTAMPTZ, TL_POSTGRES_CLASS_TIMESTAMPTZ},
    {1186, TL_POSTGRES_INTERVAL, TL_TYPE_INTERVAL, TL_POSTGRES_CLASS_INTERVAL},
    {2950, TL_POSTGRES_UUID, TL_TYPE_UUID, TL_POSTGRES_CLASS_UUID},
    {3802, TL_POSTGRES_JSONB, TL_TYPE_JSON, TL_POSTGRES_CLASS_NONE},
};

static const struct builtin *find_builtin(uint32_t oid)
{
    for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
        if (builtins[i].oid == oid)
            return &builtins[i];
    return NULL;
}

static const struct tl_postgres_type *find_type(const struct tl_postgres_types *types, uint32_t oid)
{
    size_t low = 0, high = types->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (types->rows[middle].oid < oid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < types->count && types->rows[low].oid == oid ? &types->rows[low] : NULL;
}

static void as_text(struct tl_type *ret_type, struct tl_postgres_column *ret_column)
{
    *ret_type = tl_type_simple(TL_TYPE_VARCHAR);
    ret_column->field.form = TL_POSTGRES_TEXT;
    ret_column->cast = TL_POSTGRES_CAST_TEXT;
    ret_column->class = TL_POSTGRES_CLASS_AS_TEXT;
}

static void as_decimal(int precision, int scale, struct tl_type *ret_type, struct tl_postgres_column *ret_column)
{
    *ret_type = tl_type_decimal(precision, scale);
    ret_column->field.form = TL_POSTGRES_NUMERIC;
    ret_column->field.precision = (uint8_t)precision;
    ret_column->field.scale = (uint8_t)scale;
    ret_column->class = TL_POSTGRES_CLASS_DECIMAL;
}

/* numeric_typmod: precision in the high half, scale as an 11-bit signed number in the low one. */
static void map_numeric(const struct tl_postgres_options *options, int32_t modifier, struct tl_type *ret_type,
                        struct tl_postgres_column *ret_column)
{
    if (modifier >= MODIFIER_HEADER) {
        int precision = (modifier - MODIFIER_HEADER) >> 16 & 0xFFFF;
        int scale = (((modifier - MODIFIER_HEADER) & 0x7FF) ^ 1024) - 1024;
        if (scale < 0) {
            precision -= scale;
            scale = 0;
        }
        if (scale > precision)
            precision = scale;
        if (precision <= DECIMAL_DIGITS_MAX) {
            as_decimal(precision, scale, ret_type, ret_column);
            return;
        }
    }
    switch (options->numeric_as) {
    case TL_POSTGRES_NUMERIC_AS_TEXT:
        as_text(ret_type, ret_column);
        return;
    case TL_POSTGRES_NUMERIC_AS_DOUBLE:
        *ret_type = tl_type_simple(TL_TYPE_DOUBLE);
        ret_column->field.form = TL_POSTGRES_FLOAT8;
        ret_column->cast = TL_POSTGRES_CAST_DOUBLE;
        ret_column->class = TL_POSTGRES_CLASS_FLOAT;
        return;
    case TL_POSTGRES_NUMERIC_AS_DECIMAL:
        as_decimal(options->numeric_precision, options->numeric_scale, ret_type, ret_column);
    }
}

static bool map_array(tl_arena *arena, const struct tl_postgres_types *types, const struct tl_postgres_options *options,
                      const struct tl_postgres_attribute *of_elements, int dimensions, struct tl_type *ret_type,
                      struct tl_postgres_column *ret_column)
{
    struct tl_postgres_column *element = TL_NEW(arena, struct tl_postgres_column);
    struct tl_type type;
    if (!tl_postgres_column_map(arena, types, options, of_elements, &type, element))
        return false;
    if (element->cast == TL_POSTGRES_CAST_DOUBLE) {
        ret_column->cast = TL_POSTGRES_CAST_DOUBLES;
    } else if (element->cast != TL_POSTGRES_CAST_NONE) { /* also an array of a domain over an array of such */
        ret_column->cast = element->cast == TL_POSTGRES_CAST_INET ? TL_POSTGRES_CAST_INETS : TL_POSTGRES_CAST_TEXTS;
        as_text(&type, element);
    }
    ret_column->field.form = TL_POSTGRES_ARRAY;
    ret_column->field.element = &element->field;
    ret_column->field.dimensions = (uint8_t)(dimensions < 1 ? 1 : dimensions);
    for (int i = 0; i < ret_column->field.dimensions; i++)
        type = tl_type_list(arena, type);
    *ret_type = type;
    return true;
}

static void map_scalar(const struct tl_postgres_type *type, const struct tl_postgres_options *options, int32_t modifier,
                       struct tl_type *ret_type, struct tl_postgres_column *ret_column)
{
    const struct builtin *builtin = find_builtin(type->oid);
    if (type->oid == OID_NUMERIC) {
        map_numeric(options, modifier, ret_type, ret_column);
    } else if (builtin) {
        *ret_type = tl_type_simple(builtin->type);
        ret_column->field.form = builtin->form;
        ret_column->class = builtin->class;
        if (type->oid == OID_BPCHAR && modifier >= MODIFIER_HEADER)
            ret_column->characters = modifier - MODIFIER_HEADER;
    } else {
        as_text(ret_type, ret_column);
        ret_column->composite = type->kind == 'c';
        if (type->kind == 'e')
            ret_column->cast = TL_POSTGRES_CAST_NONE; /* an enum is sent as its label */
        if (type->oid == OID_INET)
            ret_column->cast = TL_POSTGRES_CAST_INET;
    }
}

/* Down from domains over domains to what they are made of. */
static const struct tl_postgres_type *base_of(const struct tl_postgres_types *types, uint32_t oid, int32_t *modifier,
                                              int *dimensions)
{
    const struct tl_postgres_type *type = find_type(types, oid);
    for (int depth = 0; type && type->kind == 'd' && depth < DOMAINS_DEPTH_MAX; depth++) {
        if (*modifier == -1)
            *modifier = type->modifier;
        if (type->dimensions > 0)
            *dimensions = type->dimensions;
        type = find_type(types, type->base);
    }
    return type;
}

void tl_postgres_column_as_text(struct tl_type *ret_type, struct tl_postgres_column *ret_column)
{
    ret_column->field.element = NULL;
    ret_column->field.dimensions = 0;
    as_text(ret_type, ret_column);
}

bool tl_postgres_column_map(tl_arena *arena, const struct tl_postgres_types *types,
                            const struct tl_postgres_options *options, const struct tl_postgres_attribute *attribute,
                            struct tl_type *ret_type, struct tl_postgres_column *ret_column)
{
    int32_t modifier = attribute->modifier;
    int dimensions = attribute->dimensions;
    const struct tl_postgres_type *type = base_of(types, attribute->type, &modifier, &dimensions);
    *ret_column = (struct tl_postgres_column){.field = {.name = attribute->name, .source_type = attribute->spelling}};
    *ret_type = tl_type_simple(TL_TYPE_VARCHAR);
    if (!type || type->kind == 'd' || type->kind == 'p' || dimensions > TL_POSTGRES_DIMENSIONS_MAX)
        return false;
    if (type->element == 0) {
        map_scalar(type, options, modifier, ret_type, ret_column);
        return true;
    }
    struct tl_postgres_attribute of_elements = {attribute->name, attribute->spelling, type->element, modifier, 0};
    return map_array(arena, types, options, &of_elements, dimensions, ret_type, ret_column);
}
