/* engines/duckdb/scan_expr_int.hpp -- the engine's bound expressions as struct tl_expr.
 *
 * By allow-list: what could mean something that its children do not show (functions that hide an argument, volatile ones) is
 *   not translated.  What needs no row is its value.
 */
#ifndef TL_ENGINES_DUCKDB_SCAN_EXPR_INT_HPP
#define TL_ENGINES_DUCKDB_SCAN_EXPR_INT_HPP

#include <functional>

#include "duckdb/planner/expression.hpp"

#include "engines/duckdb/c_headers_int.hpp"

namespace tl {

/* What a column reference means: a column of the dataset, or of an input of a derivation.  column -1: none that can be said. */
struct Place {
    int input;
    int column;
};
using ColumnOf = std::function<Place(const duckdb::Expression &)>;

/* In the arena; NULL with *ret_reason (static text) when it cannot be said. */
const struct tl_expr *Translate(duckdb::ClientContext &context, const duckdb::Expression &expression, const ColumnOf &column_of,
                                tl_arena *arena, const char **ret_reason);

} // namespace tl

#endif
