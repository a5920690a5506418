/* What a connection was asked to tell, and what its last statement told. */
#include "duckdb/main/client_context.hpp"
#include "duckdb/main/client_context_state.hpp"
#include "duckdb/main/connection.hpp"

#include "engines/duckdb/lineage_ask_int.hpp"
#include "engines/duckdb/lineage_int.hpp"

extern "C" {
#include "engines/duckdb/lineage.h"
}

using namespace duckdb;

namespace tl {
namespace {

/* Set between statements, read and filled while one is bound: one at a time. */
class Asked : public ClientContextState {
public:
    enum tl_lineage_wish wish = TL_LINEAGE_NONE;
    std::string told;

    static shared_ptr<Asked> Of(ClientContext &context)
    {
        return context.registered_state->GetOrCreate<Asked>("townlake_lineage");
    }
};

shared_ptr<Asked> AskedOf(duckdb_connection connection)
{
    return Asked::Of(*reinterpret_cast<Connection *>(connection)->context);
}

} // namespace

void TellLineage(ClientContext &context, const ConnectionState &state, BoundStatement &statement)
{
    auto asked = Asked::Of(context);
    if (asked->wish == TL_LINEAGE_NONE)
        return;
    Lineage lineage(state, asked->wish);
    lineage.ReadStatement(statement);
    asked->told = lineage.Report();
}

} // namespace tl

extern "C" void tl_duckdb_lineage_ask(duckdb_connection connection, enum tl_lineage_wish wish)
{
    try {
        auto asked = tl::AskedOf(connection);
        asked->wish = wish;
        asked->told.clear();
    } catch (...) {
        return; /* no memory: nothing is asked, nothing is told */
    }
}

extern "C" void tl_duckdb_lineage_take(duckdb_connection connection, struct tl_buf *json)
{
    try {
        auto asked = tl::AskedOf(connection);
        tl_buf_add(json, asked->told.data(), asked->told.size());
        asked->told.clear();
    } catch (...) {
        json->failed = true;
    }
}
