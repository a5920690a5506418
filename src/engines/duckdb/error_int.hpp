/* engines/duckdb/error_int.hpp -- the engine's exceptions as errors of ours. */
#ifndef TL_ENGINES_DUCKDB_ERROR_INT_HPP
#define TL_ENGINES_DUCKDB_ERROR_INT_HPP

#include <exception>

#include "engines/duckdb/c_headers_int.hpp"

namespace tl {

/* The exception just caught.  Fills err when it is empty. */
enum tl_code ReportException(const std::exception &exception, struct tl_err *err);

} // namespace tl

#endif
