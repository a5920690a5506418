/* sources/clickhouse/type_int.h -- between type_parse.c and type_map.c only. */
#ifndef TL_SOURCES_CLICKHOUSE_TYPE_INT_H
#define TL_SOURCES_CLICKHOUSE_TYPE_INT_H

#include "sources/clickhouse/type.h"

/* Kind, width and unit by the name before the parenthesis.  Returns whether the type must have arguments. */
bool tl_clickhouse_type_name(struct tl_str name, struct tl_clickhouse_type *type);

/* Fill type->type from kind, arguments and the children's types. */
void tl_clickhouse_type_map(tl_arena *arena, struct tl_clickhouse_type *type, bool strings_as_blob);

#endif
