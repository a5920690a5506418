/* engines/duckdb/install_int.hpp -- what tl_hooks_install gives to the scan function. */
#ifndef TL_ENGINES_DUCKDB_INSTALL_INT_HPP
#define TL_ENGINES_DUCKDB_INSTALL_INT_HPP

#include "duckdb/function/table_function.hpp"

#include "engines/duckdb/c_headers_int.hpp"

namespace tl {

struct InstallInfo : public duckdb::TableFunctionInfo {
    const struct tl_hooks_calls calls;

    explicit InstallInfo(const struct tl_hooks_calls &calls_p) : calls(calls_p)
    {
    }
};

} // namespace tl

#endif
