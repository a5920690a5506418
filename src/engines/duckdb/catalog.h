/* engines/duckdb/catalog.h -- what one attached catalog holds, in C clothes.
 *
 * Why C++ behind it: the engine's own tables (duckdb_columns, information_schema) walk every attached catalog, so that
 *   listing one source would wait for, and fail with, every other; the C API can look a name up but cannot list names.
 */
#ifndef TL_ENGINES_DUCKDB_CATALOG_H
#define TL_ENGINES_DUCKDB_CATALOG_H

#include <duckdb.h>

#include "source/source.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tl_catalog_column {
    const char *name;
    const char *type_text;
    const char *comment; /* NULL = none */
    duckdb_logical_type type; /* the callee's until it returns */
    bool nullable;
    int key_position;
};

struct tl_catalog_entry {
    const char *schema, *name;
    const char *comment;
    bool is_view;
    int64_t row_estimate;
    size_t column_count; /* 0: its description cannot be read */
    const struct tl_catalog_column *columns;
};

/* Calls `each` for every table and view, schema by schema.  Stops at its first code but TL_OK. */
TL_CHECKED enum tl_code tl_catalog_list(duckdb_connection connection, const char *catalog,
                                        enum tl_code (*each)(void *context, const struct tl_catalog_entry *entry), void *context,
                                        struct tl_err *err);

#ifdef __cplusplus
}
#endif
#endif
