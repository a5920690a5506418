/* engines/duckdb/profile_int.hpp -- rows that scans of the engine's own tables give. */
#ifndef TL_ENGINES_DUCKDB_PROFILE_INT_HPP
#define TL_ENGINES_DUCKDB_PROFILE_INT_HPP

#include "duckdb/main/client_context.hpp"

namespace tl {

/* Between statements: shall the next one count? */
void SetProfiler(duckdb::ClientContext &context, bool counts);
/* Of the last statement that counted. */
int64_t ProfiledRows(duckdb::ClientContext &context);

} // namespace tl

#endif
