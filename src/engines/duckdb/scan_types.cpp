#include "engines/duckdb/scan_types_int.hpp"

#include <cmath>
#include <cstdlib>
#include <limits>

using namespace duckdb;

namespace tl {
namespace {

struct Pair {
    enum tl_type_id ours;
    LogicalTypeId theirs;
};

/* Scalars without parameters. */
const Pair pairs[] = {
    {TL_TYPE_BOOLEAN, LogicalTypeId::BOOLEAN},     {TL_TYPE_INT8, LogicalTypeId::TINYINT},
    {TL_TYPE_INT16, LogicalTypeId::SMALLINT},      {TL_TYPE_INT32, LogicalTypeId::INTEGER},
    {TL_TYPE_INT64, LogicalTypeId::BIGINT},        {TL_TYPE_INT128, LogicalTypeId::HUGEINT},
    {TL_TYPE_UINT8, LogicalTypeId::UTINYINT},      {TL_TYPE_UINT16, LogicalTypeId::USMALLINT},
    {TL_TYPE_UINT32, LogicalTypeId::UINTEGER},     {TL_TYPE_UINT64, LogicalTypeId::UBIGINT},
    {TL_TYPE_UINT128, LogicalTypeId::UHUGEINT},    {TL_TYPE_FLOAT, LogicalTypeId::FLOAT},
    {TL_TYPE_DOUBLE, LogicalTypeId::DOUBLE},       {TL_TYPE_VARCHAR, LogicalTypeId::VARCHAR},
    {TL_TYPE_BLOB, LogicalTypeId::BLOB},           {TL_TYPE_UUID, LogicalTypeId::UUID},
    {TL_TYPE_DATE, LogicalTypeId::DATE},           {TL_TYPE_TIME, LogicalTypeId::TIME},
    {TL_TYPE_TIMESTAMP, LogicalTypeId::TIMESTAMP}, {TL_TYPE_TIMESTAMP_NS, LogicalTypeId::TIMESTAMP_NS},
    {TL_TYPE_TIMESTAMPTZ, LogicalTypeId::TIMESTAMP_TZ}, {TL_TYPE_INTERVAL, LogicalTypeId::INTERVAL},
};

LogicalType ToStruct(const struct tl_type &type)
{
    child_list_t<LogicalType> children;
    for (uint32_t i = 0; i < type.child_count; i++)
        children.emplace_back(type.child_names && type.child_names[i] ? type.child_names[i] : "", ToLogicalType(type.children[i]));
    return LogicalType::STRUCT(std::move(children));
}

template <class T> void SetInt128(T number, struct tl_value *value)
{
    value->as.int128.low = number.lower;
    value->as.int128.high = static_cast<int64_t>(number.upper);
}

/* The physical numbers of the fixed types. */
bool SetNumber(const Value &value, struct tl_value *ret_value)
{
    switch (value.type().InternalType()) {
    case PhysicalType::BOOL:
        ret_value->as.boolean = value.GetValueUnsafe<bool>();
        return true;
    case PhysicalType::INT8:
        ret_value->as.int64 = value.GetValueUnsafe<int8_t>();
        return true;
    case PhysicalType::INT16:
        ret_value->as.int64 = value.GetValueUnsafe<int16_t>();
        return true;
    case PhysicalType::INT32:
        ret_value->as.int64 = value.GetValueUnsafe<int32_t>();
        return true;
    case PhysicalType::INT64:
        ret_value->as.int64 = value.GetValueUnsafe<int64_t>();
        return true;
    case PhysicalType::UINT8:
        ret_value->as.uint64 = value.GetValueUnsafe<uint8_t>();
        return true;
    case PhysicalType::UINT16:
        ret_value->as.uint64 = value.GetValueUnsafe<uint16_t>();
        return true;
    case PhysicalType::UINT32:
        ret_value->as.uint64 = value.GetValueUnsafe<uint32_t>();
        return true;
    case PhysicalType::UINT64:
        ret_value->as.uint64 = value.GetValueUnsafe<uint64_t>();
        return true;
    case PhysicalType::FLOAT:
        ret_value->as.number = static_cast<double>(value.GetValueUnsafe<float>());
        return true;
    case PhysicalType::DOUBLE:
        ret_value->as.number = value.GetValueUnsafe<double>();
        return true;
    case PhysicalType::INT128:
        SetInt128(value.GetValueUnsafe<hugeint_t>(), ret_value);
        return true;
    case PhysicalType::UINT128:
        SetInt128(value.GetValueUnsafe<uhugeint_t>(), ret_value);
        return true;
    default:
        return false;
    }
}

/* Infinite dates and times, infinities and not-a-numbers. */
bool IsFinite(const struct tl_value &value)
{
    switch (value.type.id) {
    case TL_TYPE_FLOAT:
    case TL_TYPE_DOUBLE:
        return std::isfinite(value.as.number);
    case TL_TYPE_DATE:
        return std::abs(value.as.int64) != std::numeric_limits<int32_t>::max();
    default:
        return value.as.int64 != std::numeric_limits<int64_t>::max() && value.as.int64 != -std::numeric_limits<int64_t>::max();
    }
}

void SetInterval(const Value &value, struct tl_value *ret_value)
{
    auto interval = value.GetValueUnsafe<interval_t>();
    ret_value->as.interval.months = interval.months;
    ret_value->as.interval.days = interval.days;
    ret_value->as.interval.micros = interval.micros;
}

void SetText(const Value &value, tl_arena *arena, struct tl_value *ret_value)
{
    auto &text = StringValue::Get(value);
    ret_value->as.text.data = tl_arena_strndup(arena, text.data(), text.size());
    ret_value->as.text.size = text.size();
}

} // namespace

LogicalType ToLogicalType(const struct tl_type &type)
{
    switch (type.id) {
    case TL_TYPE_NULL:
        return LogicalType::TINYINT;
    case TL_TYPE_DECIMAL:
        return LogicalType::DECIMAL(type.precision, type.scale);
    case TL_TYPE_JSON:
        return LogicalType::JSON();
    case TL_TYPE_LIST:
        return LogicalType::LIST(ToLogicalType(type.children[0]));
    case TL_TYPE_MAP:
        return LogicalType::MAP(ToLogicalType(type.children[0]), ToLogicalType(type.children[1]));
    case TL_TYPE_STRUCT:
        return ToStruct(type);
    default:
        break;
    }
    for (auto &pair : pairs)
        if (pair.ours == type.id)
            return pair.theirs;
    throw NotImplementedException("a column has a type that the engine does not know (%d)", static_cast<int>(type.id));
}

bool FromLogicalType(const LogicalType &type, struct tl_type *ret_type)
{
    *ret_type = {};
    if (type.IsJSONType()) {
        ret_type->id = TL_TYPE_JSON;
        return true;
    }
    if (type.HasAlias() || (type.id() == LogicalTypeId::VARCHAR && !StringType::GetCollation(type).empty()))
        return false;
    if (type.id() == LogicalTypeId::DECIMAL) {
        *ret_type = tl_type_decimal(DecimalType::GetWidth(type), DecimalType::GetScale(type));
        return true;
    }
    for (auto &pair : pairs) {
        if (pair.theirs == type.id()) {
            ret_type->id = pair.ours;
            return true;
        }
    }
    return false;
}

bool FromValue(const Value &value, tl_arena *arena, struct tl_value *ret_value)
{
    *ret_value = {};
    if (!FromLogicalType(value.type(), &ret_value->type))
        return false;
    ret_value->is_null = value.IsNull();
    if (ret_value->is_null)
        return true;
    switch (ret_value->type.id) {
    case TL_TYPE_FLOAT:
    case TL_TYPE_DOUBLE:
    case TL_TYPE_DATE:
    case TL_TYPE_TIMESTAMP:
    case TL_TYPE_TIMESTAMP_NS:
    case TL_TYPE_TIMESTAMPTZ:
        return SetNumber(value, ret_value) && IsFinite(*ret_value);
    case TL_TYPE_VARCHAR:
    case TL_TYPE_JSON:
    case TL_TYPE_BLOB:
        SetText(value, arena, ret_value);
        return true;
    case TL_TYPE_INTERVAL:
        SetInterval(value, ret_value);
        return true;
    default:
        return SetNumber(value, ret_value);
    }
}

} // namespace tl
