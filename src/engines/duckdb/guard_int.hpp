/* engines/duckdb/guard_int.hpp -- the check of the bound plan. */
#ifndef TL_ENGINES_DUCKDB_GUARD_INT_HPP
#define TL_ENGINES_DUCKDB_GUARD_INT_HPP

namespace duckdb {
class ClientContext;
class DatabaseInstance;
}

namespace tl {

class ConnectionState;
struct Dataset;

/* Runs after each binding, also when the optimizer is switched off.  The connection's guard says what is allowed:
 * "table:..", "scan:..", "write:..", "function:..", "operator:KIND" as engine.h has them.  A table that is changed and read
 * (UPDATE, DELETE, MERGE) needs both "write:" and "table:".
 * "part:NAME" says that only a part of the table or scan NAME is seen: then each column read needs "column:NAME.COLUMN", or
 * "masked:NAME.COLUMN", which lets only expressions over it out of the first projection; with "filtered:NAME" a filter must stand
 * between the scan and that projection.  "bare:NAME.COLUMN" is for what row rules of other tables read.
 * "files:LOCATION" opens the files of one of the lake's tables (fence.h). */
void InstallGuard(duckdb::DatabaseInstance &instance);

/* Of a derived dataset, each of those that it is made of. */
void CheckAllowed(const ConnectionState &state, const Dataset &dataset, duckdb::ClientContext &context);

} // namespace tl

#endif
