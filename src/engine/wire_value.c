/* Types and constants in frames. */
#include "engine/wire_int.h"

struct tl_type tl_wire_type(struct tl_wire_reader *reader, tl_arena *arena)
{
    struct tl_type type = tl_type_simple(TL_TYPE_INVALID);
    struct tl_err err;
    tl_err_init(&err);
    if (reader->failed || tl_type_decode(arena, &reader->left, &type, &err) != TL_OK)
        reader->failed = true;
    tl_wire_check(reader, arena);
    return reader->failed ? tl_type_simple(TL_TYPE_NULL) : type;
}

/* How a constant of a type is kept (data/value.h). */
enum form { FORM_NONE, FORM_BOOLEAN, FORM_INT64, FORM_UINT64, FORM_NUMBER, FORM_INT128, FORM_INTERVAL, FORM_TEXT };

static enum form form_of(const struct tl_type *type)
{
    switch (type->id) {
    case TL_TYPE_BOOLEAN:
        return FORM_BOOLEAN;
    case TL_TYPE_INT8:
    case TL_TYPE_INT16:
    case TL_TYPE_INT32:
    case TL_TYPE_INT64:
    case TL_TYPE_DATE:
    case TL_TYPE_TIME:
    case TL_TYPE_TIMESTAMP:
    case TL_TYPE_TIMESTAMP_NS:
    case TL_TYPE_TIMESTAMPTZ:
        return FORM_INT64;
    case TL_TYPE_UINT8:
    case TL_TYPE_UINT16:
    case TL_TYPE_UINT32:
    case TL_TYPE_UINT64:
        return FORM_UINT64;
    case TL_TYPE_FLOAT:
    case TL_TYPE_DOUBLE:
        return FORM_NUMBER;
    case TL_TYPE_DECIMAL:
        return type->precision <= 18 ? FORM_INT64 : FORM_INT128;
    case TL_TYPE_INT128:
    case TL_TYPE_UINT128:
    case TL_TYPE_UUID:
        return FORM_INT128;
    case TL_TYPE_INTERVAL:
        return FORM_INTERVAL;
    case TL_TYPE_VARCHAR:
    case TL_TYPE_JSON:
    case TL_TYPE_BLOB:
        return FORM_TEXT;
    default:
        return FORM_NONE;
    }
}

void tl_wire_put_value(struct tl_buf *buf, const struct tl_value *value)
{
    enum form form = form_of(&value->type);
    bool is_null = value->is_null || form == FORM_NONE;
    tl_type_encode(buf, &value->type);
    tl_wire_put_u8(buf, is_null);
    if (is_null)
        return;
    switch (form) {
    case FORM_BOOLEAN:
        tl_wire_put_u8(buf, value->as.boolean);
        break;
    case FORM_NUMBER:
        tl_wire_put_f64(buf, value->as.number);
        break;
    case FORM_INT128:
        tl_wire_put_i64(buf, (int64_t)value->as.int128.low);
        tl_wire_put_i64(buf, value->as.int128.high);
        break;
    case FORM_INTERVAL:
        tl_wire_put_u32(buf, (uint32_t)value->as.interval.months);
        tl_wire_put_u32(buf, (uint32_t)value->as.interval.days);
        tl_wire_put_i64(buf, value->as.interval.micros);
        break;
    case FORM_TEXT:
        tl_wire_put_text(buf, value->as.text);
        break;
    default: /* both integers have the same bytes */
        tl_wire_put_i64(buf, value->as.int64);
    }
}

struct tl_value tl_wire_value(struct tl_wire_reader *reader, tl_arena *arena)
{
    struct tl_value value = {.type = tl_wire_type(reader, arena)};
    enum form form = form_of(&value.type);
    value.is_null = tl_wire_flag(reader);
    if (form == FORM_NONE && !value.is_null)
        reader->failed = true;
    if (value.is_null || reader->failed)
        return value;
    switch (form) {
    case FORM_BOOLEAN:
        value.as.boolean = tl_wire_flag(reader);
        break;
    case FORM_NUMBER:
        value.as.number = tl_wire_f64(reader);
        break;
    case FORM_INT128:
        value.as.int128.low = (uint64_t)tl_wire_i64(reader);
        value.as.int128.high = tl_wire_i64(reader);
        break;
    case FORM_INTERVAL:
        value.as.interval.months = (int32_t)tl_wire_u32(reader);
        value.as.interval.days = (int32_t)tl_wire_u32(reader);
        value.as.interval.micros = tl_wire_i64(reader);
        break;
    case FORM_TEXT:
        value.as.text = tl_wire_copy(reader, arena);
        break;
    default:
        value.as.int64 = tl_wire_i64(reader);
    }
    return value;
}
