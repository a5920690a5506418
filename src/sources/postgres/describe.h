/* sources/postgres/describe.h -- the datasets of a PostgreSQL: tables, views, their columns, keys and comments.
 *
 * What is shown: tables, partitioned tables (their partitions are not shown apart), views, materialized views and
 *   foreign tables of all schemas but the system's, or of the configured ones; also those the role may not read, so
 *   that nobody looks for a table that is there: reading one says which grant is missing.
 * Owns: everything lives in the arena given.  dataset->driver_data is a struct tl_postgres_dataset.
 * Bounds: TL_POSTGRES_DATASETS_MAX datasets, TL_SOURCE_COLUMNS_MAX columns each.
 */
#ifndef TL_SOURCES_POSTGRES_DESCRIBE_H
#define TL_SOURCES_POSTGRES_DESCRIBE_H

#include "sources/postgres/connection.h"
#include "sources/postgres/type.h"

enum { TL_POSTGRES_DATASETS_MAX = 100000 };

struct tl_postgres_uses;

/* What scans and filters need to know besides the columns' types; of a computed dataset (derive.h) all numbers are
 * unknown. */
struct tl_postgres_dataset {
    uint32_t oid;
    char kind;           /* relkind */
    bool has_children;   /* by inheritance: their rows come with it, their pages are their own */
    bool ranges;         /* a heap the server can read in ranges of pages, or partitions that may be such */
    bool utf8;           /* the server's own encoding; in others byte order and literals differ from ours */
    int64_t pages;       /* 0 = unknown */
    int64_t rows;        /* estimate, -1 = unknown */
    const char *where;   /* for errors: table "public"."t" of source "ops" */
    const char *select;  /* of a computed dataset: what computes it; NULL: a relation */
    const struct tl_postgres_uses *uses; /* of a computed dataset: all that it reads */
    const struct tl_postgres_column *columns; /* as many as the dataset has */
};

/* NULL schema and name: all of them. */
TL_CHECKED enum tl_code tl_postgres_describe(struct tl_postgres_connection *connection, const char *schema,
                                             const char *name, const struct tl_stop *stop, tl_arena *arena,
                                             struct tl_source_dataset **ret_datasets, size_t *ret_count,
                                             struct tl_err *err);

#endif
