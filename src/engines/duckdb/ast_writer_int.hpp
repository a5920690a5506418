/* engines/duckdb/ast_writer_int.hpp -- a parsed tree as JSON, with the names and values of json_serialize_sql.
 *
 * Why not json_serialize_sql itself: it takes SELECT only, needs a connection and a second document in memory.
 * Bounds: TL_HOOKS_DEPTH_MAX levels of objects and arrays; the buffer's own maximum.  Beyond the first: DepthExceeded.
 */
#ifndef TL_ENGINES_DUCKDB_AST_WRITER_INT_HPP
#define TL_ENGINES_DUCKDB_AST_WRITER_INT_HPP

#include <exception>

#include "duckdb/common/serializer/serializer.hpp"

#include "engines/duckdb/c_headers_int.hpp"

namespace tl {

/* Byte offsets of the text the parser saw -> of the text the user wrote.  The parser replaces each Unicode space (two or
 * three bytes) by one blank before it reads. */
class PositionMap {
public:
    PositionMap(const std::string &original, const std::string &parsed);
    uint64_t Original(uint64_t parsed_position) const;

private:
    struct Shift {
        uint64_t from;     /* first parsed position it holds for */
        uint64_t distance; /* to add */
    };
    std::vector<Shift> shifts;
};

class DepthExceeded : public std::exception {};

class AstWriter : public duckdb::Serializer {
public:
    AstWriter(struct tl_buf &buf, const PositionMap &positions);

    void BeginObject()
    {
        OnObjectBegin();
    }
    void EndObject()
    {
        OnObjectEnd();
    }
    void Null(const char *tag)
    {
        OnPropertyBegin(0, tag);
        WriteNull();
    }
    template <class T> void Put(const char *tag, const T &value)
    {
        WriteProperty(0, tag, value);
    }
    void Put(const char *tag, const char *text)
    {
        OnPropertyBegin(0, tag);
        WriteValue(text);
    }
    /* Rows of objects: write(item) fills one. */
    template <class LIST, class FUNC> void PutObjects(const char *tag, const LIST &list, FUNC write)
    {
        OnPropertyBegin(0, tag);
        OnListBegin(list.size());
        for (auto &item : list) {
            OnObjectBegin();
            write(item);
            OnObjectEnd();
        }
        OnListEnd();
    }
    template <class FUNC> void PutObject(const char *tag, FUNC write)
    {
        OnPropertyBegin(0, tag);
        OnObjectBegin();
        write();
        OnObjectEnd();
    }

private:
    struct tl_buf &buf;
    const PositionMap &positions;
    int depth = 0;
    bool first = true;         /* no comma before the next item */
    bool after_key = false;
    bool is_position = false;  /* the value to come is a byte offset */

    void Item();
    void Open(char bracket);
    void Close(char bracket);
    void Raw(const char *text);
    void Text(const char *bytes, size_t size);
    void Signed(int64_t value);
    void Unsigned(uint64_t value);
    void Real(double value);

    void OnPropertyBegin(const duckdb::field_id_t field_id, const char *tag) final;
    void OnPropertyEnd() final;
    void OnOptionalPropertyBegin(const duckdb::field_id_t field_id, const char *tag, bool present) final;
    void OnOptionalPropertyEnd(bool present) final;
    void OnObjectBegin() final;
    void OnObjectEnd() final;
    void OnListBegin(duckdb::idx_t count) final;
    void OnListEnd() final;
    void OnNullableBegin(bool present) final;
    void OnNullableEnd() final;

    using duckdb::Serializer::WriteValue;
    void WriteNull() final;
    void WriteValue(bool value) final;
    void WriteValue(uint8_t value) final;
    void WriteValue(int8_t value) final;
    void WriteValue(uint16_t value) final;
    void WriteValue(int16_t value) final;
    void WriteValue(uint32_t value) final;
    void WriteValue(int32_t value) final;
    void WriteValue(uint64_t value) final;
    void WriteValue(int64_t value) final;
    void WriteValue(duckdb::hugeint_t value) final;
    void WriteValue(duckdb::uhugeint_t value) final;
    void WriteValue(float value) final;
    void WriteValue(double value) final;
    void WriteValue(const duckdb::string_t value) final;
    void WriteValue(const std::string &value) final;
    void WriteValue(const char *value) final;
    void WriteDataPtr(duckdb::const_data_ptr_t bytes, duckdb::idx_t count) final;
};

} // namespace tl

#endif
