/* engines/duckdb/lineage_ask_int.hpp -- after the guard has let a bound plan pass: what it was asked to tell. */
#ifndef TL_ENGINES_DUCKDB_LINEAGE_ASK_INT_HPP
#define TL_ENGINES_DUCKDB_LINEAGE_ASK_INT_HPP

namespace duckdb {
class ClientContext;
struct BoundStatement;
}

namespace tl {

class ConnectionState;

void TellLineage(duckdb::ClientContext &context, const ConnectionState &state, duckdb::BoundStatement &statement);

} // namespace tl

#endif
