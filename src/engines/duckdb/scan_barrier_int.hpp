/* engines/duckdb/scan_barrier_int.hpp -- row rules over tables of the engine's own: what its optimizers are told, what passes. */
#ifndef TL_ENGINES_DUCKDB_SCAN_BARRIER_INT_HPP
#define TL_ENGINES_DUCKDB_SCAN_BARRIER_INT_HPP

#include "duckdb/planner/operator/logical_filter.hpp"

#include "engines/duckdb/scan_int.hpp"

namespace tl {

/* A table of the engine's own, read whole. */
bool IsTable(const duckdb::LogicalGet &get);
/* Before the engine optimizes: of a table under a rule it is not told the least and the greatest values. */
void HideBounds(duckdb::LogicalGet &get);
void HideBoundsBelowBarriers(duckdb::LogicalOperator &plan, bool below);
/* Once for a database. */
void HideBoundsInCopies(duckdb::DatabaseInstance &instance);
/* A filter of the statement, over columns of the scan.  True: the scan applies it, a comparison of a column with a constant, which
 * can fail on no row; false: it must stay above the rule. */
bool PassToTable(duckdb::LogicalGet &get, const duckdb::Expression &e);
/* Lists of the rule, right above the scan, become filters of the scan where that is cheaper. */
void MoveLists(duckdb::ClientContext &context, duckdb::LogicalGet &get, duckdb::LogicalFilter &rule);

} // namespace tl

#endif
