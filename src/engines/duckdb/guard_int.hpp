/* engines/duckdb/guard_int.hpp -- the check of the bound plan. */
#ifndef TL_ENGINES_DUCKDB_GUARD_INT_HPP
#define TL_ENGINES_DUCKDB_GUARD_INT_HPP

namespace duckdb {
class DatabaseInstance;
}

namespace tl {

/* Runs after each binding, also when the optimizer is switched off.  The connection's guard says what is allowed:
 * "table:..", "scan:..", "write:..", "function:..", "operator:KIND" as engine.h has them.  A table that is changed and read
 * (UPDATE, DELETE, MERGE) needs both "write:" and "table:". */
void InstallGuard(duckdb::DatabaseInstance &instance);

} // namespace tl

#endif
