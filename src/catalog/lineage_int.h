/* catalog/lineage_int.h -- what the parts of lineage share. */
#ifndef TL_CATALOG_LINEAGE_INT_H
#define TL_CATALOG_LINEAGE_INT_H

#include <pthread.h>

#include "catalog/lineage.h"

enum { LINEAGE_ARENA_BYTES_MAX = 256 * 1024 * 1024 };

struct tl_lineage {
    struct tl_lineage_options options;
    pthread_mutex_t following; /* facts are read by one at a time */
};

/* A dataset by its names; of other systems the namespace stands for the source and the schema is "". */
struct lin_name {
    const char *source, *schema, *table;
};

struct lin_edge {
    struct lin_name to, from;
    const char *to_column, *from_column; /* "" = the whole */
    const char *how;
    const char *kind, *expression; /* NULL = none */
};

/* Who says so, and when. */
struct lin_told {
    const char *origin, *statement_id, *statement_kind, *made_by;
    int64_t at_us;
};

bool lin_same(const struct lin_name *a, const struct lin_name *b);

/* May the caller tell what reaches this dataset? */
TL_CHECKED enum tl_code lin_may_tell(struct tl_request *rq, tl_lineage *lineage, const struct lin_name *to);

/* Inside a write: */
TL_CHECKED enum tl_code lin_add(tl_store_tx *tx, const struct lin_edge *edge, const struct lin_told *told, struct tl_err *err);
/* Edges into a table, or into all of a schema (table NULL), hold no more. */
TL_CHECKED enum tl_code lin_end(tl_store_tx *tx, const struct lin_name *to, int64_t at_us, struct tl_err *err);
/* The same of what was told in one way ("datahub"). */
TL_CHECKED enum tl_code lin_end_told(tl_store_tx *tx, const struct lin_name *to, const char *origin, int64_t at_us, struct tl_err *err);
TL_CHECKED enum tl_code lin_rename(tl_store_tx *tx, const struct lin_name *name, const char *new_table, int64_t at_us, struct tl_err *err);

/* lineage_fact.c: what one fact of the door says. */
TL_CHECKED enum tl_code lin_read_fact(tl_store_tx *tx, tl_arena *arena, const char *statement_id, const tl_json *fact, struct tl_err *err);

#endif
