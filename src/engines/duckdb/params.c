/* Parameters: our constants as the engine's values. */
#include "engines/duckdb/process_int.h"

static duckdb_value int128_value(const struct tl_value *value, bool is_unsigned)
{
    if (is_unsigned)
        return duckdb_create_uhugeint((duckdb_uhugeint){value->as.int128.low, (uint64_t)value->as.int128.high});
    return duckdb_create_hugeint((duckdb_hugeint){value->as.int128.low, value->as.int128.high});
}

static duckdb_value decimal_value(const struct tl_value *value)
{
    duckdb_hugeint number = {(uint64_t)value->as.int64, value->as.int64 < 0 ? -1 : 0};
    if (value->type.precision > 18)
        number = (duckdb_hugeint){value->as.int128.low, value->as.int128.high};
    return duckdb_create_decimal((duckdb_decimal){value->type.precision, value->type.scale, number});
}

static duckdb_value integer_value(const struct tl_value *value)
{
    switch (value->type.id) {
    case TL_TYPE_INT8:
        return duckdb_create_int8((int8_t)value->as.int64);
    case TL_TYPE_INT16:
        return duckdb_create_int16((int16_t)value->as.int64);
    case TL_TYPE_INT32:
        return duckdb_create_int32((int32_t)value->as.int64);
    case TL_TYPE_INT64:
        return duckdb_create_int64(value->as.int64);
    case TL_TYPE_UINT8:
        return duckdb_create_uint8((uint8_t)value->as.uint64);
    case TL_TYPE_UINT16:
        return duckdb_create_uint16((uint16_t)value->as.uint64);
    case TL_TYPE_UINT32:
        return duckdb_create_uint32((uint32_t)value->as.uint64);
    default:
        return duckdb_create_uint64(value->as.uint64);
    }
}

static duckdb_value time_value(const struct tl_value *value)
{
    switch (value->type.id) {
    case TL_TYPE_DATE:
        return duckdb_create_date((duckdb_date){(int32_t)value->as.int64});
    case TL_TYPE_TIME:
        return duckdb_create_time((duckdb_time){value->as.int64});
    case TL_TYPE_TIMESTAMP:
        return duckdb_create_timestamp((duckdb_timestamp){value->as.int64});
    case TL_TYPE_TIMESTAMP_NS:
        return duckdb_create_timestamp_ns((duckdb_timestamp_ns){value->as.int64});
    case TL_TYPE_TIMESTAMPTZ:
        return duckdb_create_timestamp_tz((duckdb_timestamp){value->as.int64});
    default:
        return duckdb_create_interval(
            (duckdb_interval){value->as.interval.months, value->as.interval.days, value->as.interval.micros});
    }
}

/* NULL: a type that no parameter can have, or text that is not UTF-8. */
static duckdb_value make_value(const struct tl_value *value)
{
    if (value->is_null || value->type.id == TL_TYPE_NULL)
        return duckdb_create_null_value();
    enum tl_type_id id = value->type.id;
    if (id == TL_TYPE_INT128 || id == TL_TYPE_UINT128)
        return int128_value(value, id == TL_TYPE_UINT128);
    if (id >= TL_TYPE_INT8 && id <= TL_TYPE_UINT64)
        return integer_value(value);
    if (id >= TL_TYPE_DATE && id <= TL_TYPE_INTERVAL)
        return time_value(value);
    switch (id) {
    case TL_TYPE_BOOLEAN:
        return duckdb_create_bool(value->as.boolean);
    case TL_TYPE_FLOAT:
        return duckdb_create_float((float)value->as.number);
    case TL_TYPE_DOUBLE:
        return duckdb_create_double(value->as.number);
    case TL_TYPE_DECIMAL:
        return decimal_value(value);
    case TL_TYPE_VARCHAR:
    case TL_TYPE_JSON:
        return duckdb_create_varchar_length(value->as.text.data ? value->as.text.data : "", value->as.text.size);
    case TL_TYPE_BLOB:
        return duckdb_create_blob((const uint8_t *)value->as.text.data, value->as.text.size);
    case TL_TYPE_UUID: /* the engine's call wants the UUID's own bits: the top one is not flipped */
        return duckdb_create_uuid(
            (duckdb_uhugeint){value->as.int128.low, (uint64_t)value->as.int128.high ^ (UINT64_C(1) << 63)});
    default:
        return NULL;
    }
}

/* Does the statement mean the same with this value as when it was prepared?  Else it is bound anew and its columns may change. */
static bool keeps_type(duckdb_prepared_statement prepared, idx_t index, duckdb_value value)
{
    duckdb_logical_type wanted = duckdb_param_logical_type(prepared, index);
    duckdb_logical_type given = duckdb_get_value_type(value); /* the value's own */
    bool same = wanted && duckdb_get_type_id(wanted) == duckdb_get_type_id(given) && duckdb_get_type_id(wanted) != DUCKDB_TYPE_DECIMAL;
    duckdb_destroy_logical_type(&wanted);
    return same;
}

enum tl_code tl_duckdb_bind(duckdb_prepared_statement prepared, const struct tl_value *params, size_t count, bool *ret_types_kept,
                            struct tl_err *err)
{
    idx_t wanted = duckdb_nparams(prepared);
    *ret_types_kept = true;
    if (wanted != count)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the statement has %llu parameters, %zu values were given",
                          (unsigned long long)wanted, count);
    for (size_t i = 0; i < count; i++) {
        duckdb_value value = make_value(&params[i]);
        if (!value)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the parameter %zu cannot be given to the engine", i + 1);
        *ret_types_kept = *ret_types_kept && keeps_type(prepared, i + 1, value);
        duckdb_state state = duckdb_bind_value(prepared, i + 1, value);
        duckdb_destroy_value(&value);
        if (state != DuckDBSuccess)
            return tl_err_set(err, TL_INVALID_ARGUMENT, "the parameter %zu was refused by the engine", i + 1);
    }
    return TL_OK;
}
