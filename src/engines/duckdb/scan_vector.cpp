#include "engines/duckdb/scan_vector_int.hpp"

#include "duckdb/common/types/vector.hpp"

using namespace duckdb;

namespace tl {

/* A driver writes what types.h and vector.h describe straight into the engine's memory. */
static_assert(sizeof(struct tl_text) == sizeof(string_t), "texts have the engine's layout");
static_assert(sizeof(struct tl_span) == sizeof(list_entry_t), "lists have the engine's layout");
static_assert(sizeof(uint64_t) == sizeof(validity_t), "validity has the engine's layout");
static_assert(TL_VECTOR_ROWS_MAX == STANDARD_VECTOR_SIZE, "vectors have the engine's size");
static_assert(TL_TEXT_INLINE_MAX == string_t::INLINE_LENGTH, "short texts are inline up to the same size");

enum { CHILD_ROWS_MAX = 1 << 24 };

const struct tl_vector_ops ChunkFrame::ops = {MakeValidity, TextSpace, ReserveChild};

ChunkFrame::ChunkFrame(DataChunk &chunk_p, const std::vector<const struct tl_type *> &types, tl_arena *arena_p)
    : chunk(chunk_p), arena(arena_p)
{
    ours.column_count = types.size();
    ours.columns = TL_NEW_ARRAY(arena, struct tl_vector, types.size());
    for (size_t i = 0; i < types.size(); i++)
        Make(ours.columns[i], types[i]);
}

static uint32_t ChildVectors(const struct tl_type &type)
{
    return type.id == TL_TYPE_MAP ? 1 : type.child_count;
}

/* The element of a MAP: STRUCT(key, value). */
static const struct tl_type *EntryType(tl_arena *arena, const struct tl_type &map)
{
    static const char *const names[] = {"key", "value"};
    auto entry = TL_NEW(arena, struct tl_type);
    entry->id = TL_TYPE_STRUCT;
    entry->child_count = 2;
    entry->children = map.children;
    entry->child_names = names;
    return entry;
}

void ChunkFrame::Make(struct tl_vector &vector, const struct tl_type *type)
{
    columns.push_back({nullptr, 0});
    vector.type = type;
    vector.ops = &ops;
    vector.engine_vector = &columns.back();
    uint32_t count = ChildVectors(*type);
    if (!count)
        return;
    vector.children = TL_NEW_ARRAY(arena, struct tl_vector, count);
    for (uint32_t i = 0; i < count; i++)
        Make(vector.children[i], type->id == TL_TYPE_MAP ? EntryType(arena, *type) : &type->children[i]);
}

static ChunkFrame::Column &ColumnOfVector(struct tl_vector *vector)
{
    return *static_cast<ChunkFrame::Column *>(vector->engine_vector);
}

static uint64_t *ValidityOf(Vector &vector)
{
    return FlatVector::Validity(vector).GetData();
}

void ChunkFrame::Point(struct tl_vector &ours, Vector &theirs, idx_t capacity)
{
    auto &column = ColumnOfVector(&ours);
    column.vector = &theirs;
    column.capacity = capacity;
    ours.validity = ValidityOf(theirs);
    if (ours.type->id == TL_TYPE_STRUCT) {
        auto &entries = StructVector::GetEntries(theirs);
        for (uint32_t i = 0; i < ours.type->child_count; i++)
            Point(ours.children[i], *entries[i], capacity);
        return;
    }
    ours.data = FlatVector::GetData(theirs);
    if (ours.type->id == TL_TYPE_LIST || ours.type->id == TL_TYPE_MAP)
        Point(ours.children[0], ListVector::GetEntry(theirs), ListVector::GetListCapacity(theirs));
}

static void Forget(struct tl_vector &vector)
{
    vector.child_rows = 0;
    for (uint32_t i = 0; i < ChildVectors(*vector.type); i++)
        Forget(vector.children[i]);
}

struct tl_chunk &ChunkFrame::Begin()
{
    chunk.Reset();
    ours.row_count = 0;
    for (size_t i = 0; i < ours.column_count; i++) {
        Forget(ours.columns[i]);
        Point(ours.columns[i], chunk.data[i], STANDARD_VECTOR_SIZE);
    }
    return ours;
}

void ChunkFrame::Finish(struct tl_vector &ours)
{
    if (ours.type->id == TL_TYPE_LIST || ours.type->id == TL_TYPE_MAP)
        ListVector::SetListSize(*ColumnOfVector(&ours).vector, ours.child_rows);
    for (uint32_t i = 0; i < ChildVectors(*ours.type); i++)
        Finish(ours.children[i]);
}

void ChunkFrame::End()
{
    if (ours.row_count > TL_VECTOR_ROWS_MAX)
        throw InternalException("a driver filled a chunk with %d rows", static_cast<uint64_t>(ours.row_count));
    for (size_t i = 0; i < ours.column_count; i++)
        Finish(ours.columns[i]);
    chunk.SetCardinality(ours.row_count);
}

/* Called from C: no exception may leave, and without memory for a bitmap the process ends as it does in base/. */

uint64_t *ChunkFrame::MakeValidity(struct tl_vector *vector) noexcept
{
    auto &column = ColumnOfVector(vector);
    FlatVector::Validity(*column.vector).Initialize(column.capacity);
    vector->validity = ValidityOf(*column.vector);
    return vector->validity;
}

char *ChunkFrame::TextSpace(struct tl_vector *vector, size_t size) noexcept
{
    if (size > string_t::MAX_STRING_SIZE)
        return nullptr;
    try {
        auto text = StringVector::EmptyString(*ColumnOfVector(vector).vector, MaxValue<idx_t>(size, string_t::INLINE_LENGTH + 1));
        return text.IsInlined() ? nullptr : text.GetPointer(); /* never inlined: longer than that was asked for */
    } catch (...) {
        return nullptr;
    }
}

bool ChunkFrame::ReserveChild(struct tl_vector *vector, uint64_t rows) noexcept
{
    if (rows > CHILD_ROWS_MAX)
        return false;
    try {
        auto &list = *ColumnOfVector(vector).vector;
        ListVector::Reserve(list, rows);
        Point(vector->children[0], ListVector::GetEntry(list), ListVector::GetListCapacity(list));
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace tl
