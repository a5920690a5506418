/* catalog/openlineage_int.h -- reading an event, apart from what becomes of it: for tests and fuzzing. */
#ifndef TL_CATALOG_OPENLINEAGE_INT_H
#define TL_CATALOG_OPENLINEAGE_INT_H

#include "catalog/lineage_int.h"
#include "catalog/openlineage.h"

enum { OL_DATASETS_MAX = 1000, OL_EDGES_MAX = 20000, OL_NAME_BYTES_MAX = 4096 };

enum ol_change { OL_KEEPS, OL_BEGINS_ANEW, OL_RENAMES };

struct ol_output {
    struct lin_name name;
    enum ol_change change;
    const char *old_table; /* RENAMES: within the same schema */
};

struct ol_event {
    bool counts;         /* something was made */
    const char *run_id;  /* "" = none */
    const char *job;     /* "namespace name"; "" = none */
    int64_t at_us;
    size_t output_count;
    struct ol_output *outputs;
    size_t edge_count, edge_capacity;
    struct lin_edge *edges;
};

/* In the arena; the texts are the event's own. */
TL_CHECKED enum tl_code ol_read(tl_arena *arena, const tl_json *json, struct ol_event *ret_event, struct tl_err *err);
/* RFC 3339. */
bool ol_read_time(const char *text, int64_t *ret_us);

#endif
