/* door/system_int.h -- what the two files of the system tables share: which tables there are, and how a row is written. */
#ifndef TL_DOOR_SYSTEM_INT_H
#define TL_DOOR_SYSTEM_INT_H

#include "door/door_int.h"

/* What one row is made of: a dataset, a column, a statement ... */
struct tl_system_item {
    struct tl_door_call *call;
    struct tl_json_writer *json;
    const char *catalog, *schema;
    const struct tl_source_dataset *dataset;
    const struct tl_door_view *view; /* that the dataset is; NULL = none of ours */
    const struct tl_source_column *column;
    const struct tl_running_statement *running;
    const tl_json *finished; /* a row of the history, or a record of the audit */
    int64_t position;
};

enum tl_system_span {
    TL_SYSTEM_PER_TABLE, /* these three need the datasets ... */
    TL_SYSTEM_PER_VIEW,
    TL_SYSTEM_PER_COLUMN, /* ... and the others do not */
    TL_SYSTEM_PER_SCHEMA,
    TL_SYSTEM_PER_CATALOG,
    TL_SYSTEM_PER_TYPE,
    TL_SYSTEM_PER_TABLE_TYPE,
    TL_SYSTEM_PER_QUERY,
    TL_SYSTEM_PER_RECORD,
    TL_SYSTEM_PER_EVENT,
    TL_SYSTEM_PER_JOB,
    TL_SYSTEM_PER_FINDING,
    TL_SYSTEM_ONE_ROW,
    TL_SYSTEM_NO_ROWS, /* clients ask for it, and there is nothing of the kind */
};

struct tl_system_table {
    const char *schema, *name;
    bool everywhere; /* in each catalog, of that catalog's own; else in "system", of all */
    enum tl_system_span span;
    void (*put)(const struct tl_system_item *item);
    const char *columns; /* "name type, ..": type v(archar), b(igint), t(ruth), z (timestamp with time zone), a(rray of varchar) */
};

extern const struct tl_system_table tl_system_tables[];
extern const size_t tl_system_table_count;
/* Rows of system.jdbc.types. */
extern const size_t tl_system_jdbc_type_count;

#endif
