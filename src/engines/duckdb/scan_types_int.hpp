/* engines/duckdb/scan_types_int.hpp -- types and constants between the engine and struct tl_type, struct tl_value. */
#ifndef TL_ENGINES_DUCKDB_SCAN_TYPES_INT_HPP
#define TL_ENGINES_DUCKDB_SCAN_TYPES_INT_HPP

#include "duckdb/common/types.hpp"
#include "duckdb/common/types/value.hpp"

#include "engines/duckdb/c_headers_int.hpp"

namespace tl {

/* The type whose vectors have the layout of types.h.  TL_TYPE_NULL is TINYINT, the type its bytes have. */
duckdb::LogicalType ToLogicalType(const struct tl_type &type);

/* Scalar types only; false: there is none of ours. */
bool FromLogicalType(const duckdb::LogicalType &type, struct tl_type *ret_type);

/* False: not a scalar of ours, or infinite or not a number, which sources disagree about. */
bool FromValue(const duckdb::Value &value, tl_arena *arena, struct tl_value *ret_value);

} // namespace tl

#endif
