/* engines/duckdb/dialect_int.hpp -- shared by dialect.cpp and dialect_operators.cpp. */
#ifndef TL_ENGINES_DUCKDB_DIALECT_INT_HPP
#define TL_ENGINES_DUCKDB_DIALECT_INT_HPP

#include "duckdb/main/client_context.hpp"

namespace tl {

/* Operators and aggregates of the engine's catalog, changed where they stand. */
void ChangeOperators(duckdb::ClientContext &context);

} // namespace tl

#endif
