/* engines/duckdb/scan_vector_int.hpp -- the engine's flat vectors as struct tl_vector, without a copy. */
#ifndef TL_ENGINES_DUCKDB_SCAN_VECTOR_INT_HPP
#define TL_ENGINES_DUCKDB_SCAN_VECTOR_INT_HPP

#include <deque>

#include "duckdb/common/types/data_chunk.hpp"

#include "engines/duckdb/c_headers_int.hpp"

namespace tl {

class ChunkFrame {
public:
    /* Types: of the columns, alive as long as the frame.  The arena gets the struct tl_vectors. */
    ChunkFrame(duckdb::DataChunk &chunk, const std::vector<const struct tl_type *> &types, tl_arena *arena);
    ChunkFrame(const ChunkFrame &) = delete;

    /* Empty the engine's chunk and point at its memory. */
    struct tl_chunk &Begin();
    /* Tell the engine how many rows there are. */
    void End();

    struct Column {
        duckdb::Vector *vector;
        duckdb::idx_t capacity; /* rows */
    };

private:
    duckdb::DataChunk &chunk;
    tl_arena *arena;
    struct tl_chunk ours = {};
    std::deque<Column> columns; /* a node of each tl_vector; addresses stay */

    void Make(struct tl_vector &vector, const struct tl_type *type);
    static void Point(struct tl_vector &ours, duckdb::Vector &theirs, duckdb::idx_t capacity);
    static void Finish(struct tl_vector &ours);

    static uint64_t *MakeValidity(struct tl_vector *vector) noexcept;
    static char *TextSpace(struct tl_vector *vector, size_t size) noexcept;
    static bool ReserveChild(struct tl_vector *vector, uint64_t rows) noexcept;
    static const struct tl_vector_ops ops;
};

} // namespace tl

#endif
