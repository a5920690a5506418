/* engines/duckdb/c_headers_int.hpp -- the C headers that the C++ files of this room share, with C linkage. */
#ifndef TL_ENGINES_DUCKDB_C_HEADERS_INT_HPP
#define TL_ENGINES_DUCKDB_C_HEADERS_INT_HPP

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

extern "C" {
#include "data/json.h"
#include "source/source.h"

#include "engines/duckdb/hooks.h"
}

#endif
