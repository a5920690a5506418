#include "engines/duckdb/ast_writer_int.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "duckdb/common/types/blob.hpp"

namespace tl {

using duckdb::idx_t;

PositionMap::PositionMap(const std::string &original, const std::string &parsed)
{
    size_t at = 0;
    for (size_t i = 0; i < parsed.size() && at < original.size(); i++, at++) {
        if (parsed[i] == original[at])
            continue;
        /* a blank that stands for U+00A0 (two bytes) or another space (three) */
        at += static_cast<unsigned char>(original[at]) == 0xC2 ? 1 : 2;
        shifts.push_back({i + 1, at - i});
    }
}

uint64_t PositionMap::Original(uint64_t parsed_position) const
{
    auto after = std::upper_bound(shifts.begin(), shifts.end(), parsed_position,
                                  [](uint64_t position, const Shift &shift) { return position < shift.from; });
    return after == shifts.begin() ? parsed_position : parsed_position + (after - 1)->distance;
}

AstWriter::AstWriter(struct tl_buf &buf_p, const PositionMap &positions_p) : buf(buf_p), positions(positions_p)
{
    options.serialize_enum_as_string = true;
    options.serialize_default_values = true;
    options.serialization_compatibility = duckdb::SerializationCompatibility::Default();
}

void AstWriter::Item()
{
    if (!after_key && !first)
        tl_buf_addc(&buf, ',');
    after_key = false;
    first = false;
}

void AstWriter::Open(char bracket)
{
    if (++depth > TL_HOOKS_DEPTH_MAX)
        throw DepthExceeded();
    Item();
    tl_buf_addc(&buf, bracket);
    first = true;
}

void AstWriter::Close(char bracket)
{
    depth--;
    tl_buf_addc(&buf, bracket);
    first = false;
}

void AstWriter::Raw(const char *text)
{
    Item();
    tl_buf_adds(&buf, text);
}

void AstWriter::Text(const char *bytes, size_t size)
{
    Item();
    tl_buf_addc(&buf, '"');
    tl_json_escape(&buf, bytes, size);
    tl_buf_addc(&buf, '"');
}

void AstWriter::Signed(int64_t value)
{
    Item();
    tl_buf_addf(&buf, "%lld", static_cast<long long>(value));
}

void AstWriter::Unsigned(uint64_t value)
{
    Item();
    tl_buf_addf(&buf, "%llu", static_cast<unsigned long long>(value));
}

/* The shortest digits that read back as the same number, always with a point or an exponent so that it stays a number with
 * a fraction.  JSON has no infinity and no NaN: they become texts. */
void AstWriter::Real(double value)
{
    if (!std::isfinite(value)) {
        Raw(std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    char digits[40];
    auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    Item();
    tl_buf_add(&buf, digits, static_cast<size_t>(end - digits));
    if (std::find_if(digits, end, [](char c) { return c == '.' || c == 'e'; }) == end)
        tl_buf_adds(&buf, ".0");
}

void AstWriter::OnPropertyBegin(const duckdb::field_id_t, const char *tag)
{
    Text(tag, strlen(tag));
    tl_buf_addc(&buf, ':');
    after_key = true;
    is_position = strcmp(tag, "query_location") == 0;
}

void AstWriter::OnPropertyEnd()
{
}

void AstWriter::OnOptionalPropertyBegin(const duckdb::field_id_t field_id, const char *tag, bool present)
{
    if (present)
        OnPropertyBegin(field_id, tag);
}

void AstWriter::OnOptionalPropertyEnd(bool)
{
}

void AstWriter::OnObjectBegin()
{
    Open('{');
}

void AstWriter::OnObjectEnd()
{
    Close('}');
}

void AstWriter::OnListBegin(idx_t)
{
    Open('[');
}

void AstWriter::OnListEnd()
{
    Close(']');
}

void AstWriter::OnNullableBegin(bool present)
{
    if (!present)
        WriteNull();
}

void AstWriter::OnNullableEnd()
{
}

void AstWriter::WriteNull()
{
    Raw("null");
}

void AstWriter::WriteValue(bool value)
{
    Raw(value ? "true" : "false");
}

void AstWriter::WriteValue(uint8_t value)
{
    Unsigned(value);
}

void AstWriter::WriteValue(int8_t value)
{
    Signed(value);
}

void AstWriter::WriteValue(uint16_t value)
{
    Unsigned(value);
}

void AstWriter::WriteValue(int16_t value)
{
    Signed(value);
}

void AstWriter::WriteValue(uint32_t value)
{
    Unsigned(value);
}

void AstWriter::WriteValue(int32_t value)
{
    Signed(value);
}

void AstWriter::WriteValue(uint64_t value)
{
    bool known = is_position && value != duckdb::DConstants::INVALID_INDEX;
    Unsigned(known ? positions.Original(value) : value);
}

void AstWriter::WriteValue(int64_t value)
{
    Signed(value);
}

void AstWriter::WriteValue(duckdb::hugeint_t value)
{
    Open('{');
    Put("upper", value.upper);
    Put("lower", value.lower);
    Close('}');
}

void AstWriter::WriteValue(duckdb::uhugeint_t value)
{
    Open('{');
    Put("upper", value.upper);
    Put("lower", value.lower);
    Close('}');
}

void AstWriter::WriteValue(float value)
{
    Real(static_cast<double>(value));
}

void AstWriter::WriteValue(double value)
{
    Real(value);
}

void AstWriter::WriteValue(const duckdb::string_t value)
{
    Text(value.GetData(), value.GetSize());
}

void AstWriter::WriteValue(const std::string &value)
{
    Text(value.data(), value.size());
}

void AstWriter::WriteValue(const char *value)
{
    Text(value, strlen(value));
}

void AstWriter::WriteDataPtr(duckdb::const_data_ptr_t bytes, idx_t count)
{
    duckdb::string_t blob(duckdb::const_char_ptr_cast(bytes), static_cast<uint32_t>(count));
    WriteValue(duckdb::Blob::ToString(blob));
}

} // namespace tl
