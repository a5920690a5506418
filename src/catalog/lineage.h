/* catalog/lineage.h -- where data comes from: edges between columns and tables, kept over time.
 *
 * Why: who changes or drops a column must know what hangs on it; who reads a number must see what it was made of.
 * Sources: the facts "lineage" of the door (by the bound plan of each change, engine/lineage.h: right by construction), and events of
 *   others (openlineage.h).  Facts are read when somebody asks.
 * Time: a table that is replaced, emptied or dropped ends the edges into it; one that is renamed takes its edges along.  What has
 *   ended stays in the state.
 * Rights: that a dataset exists may be known to everybody.  Columns that the caller may not see are absent; an expression shows only
 *   to who may see every column in it.
 * Bounds: a walk ends at TL_LINEAGE_NODES_MAX datasets and columns, TL_LINEAGE_EDGES_MAX edges and TL_LINEAGE_DEPTH_MAX
 *   steps, and says that it did ("complete": false).  Circles are walked once.
 * Threads: every call from any thread.
 */
#ifndef TL_CATALOG_LINEAGE_H
#define TL_CATALOG_LINEAGE_H

#include "data/json.h"
#include "door/door.h"

typedef struct tl_lineage tl_lineage;

struct tl_lineage_options {
    tl_door *door;
    tl_store *store;
    tl_lifeguard *lifeguard;
};

enum { TL_LINEAGE_NODES_MAX = 2000, TL_LINEAGE_EDGES_MAX = 20000, TL_LINEAGE_DEPTH_MAX = 100 };

TL_CHECKED enum tl_code tl_lineage_new(const struct tl_lineage_options *options, tl_lineage **ret_lineage, struct tl_err *err);
tl_lineage *tl_lineage_free(tl_lineage *lineage);

/* Every fact that was told so far becomes edges. */
TL_CHECKED enum tl_code tl_lineage_follow(tl_lineage *lineage, struct tl_err *err);

struct tl_lineage_question {
    const char *dataset; /* "lake.fct.orders", quoted where needed; also one that is gone, or another system's: "namespace"."".name */
    const char *column;  /* NULL = the table as a whole */
    bool down;           /* what it reaches; else what reaches it */
    int depth;           /* steps; 0 = as far as it goes */
};

/* Members of an object: "nodes": [{"id","name","source","schema","table","kind","gone","distance","columns": [..]}], the first is what was
 * asked about; "edges": [{"from","to" (ids),"from_column","to_column" (absent: the whole), "how","kind","expression","origin","statement",
 * "statement_kind","by","first_seen_us","last_seen_us"}]; "complete".  Of a column, values are followed and what steers is shown; of a
 * table, tables and views are followed and the columns of its nearest edges shown. */
TL_CHECKED enum tl_code tl_lineage_put(struct tl_request *rq, tl_lineage *lineage, const struct tl_lineage_question *question, struct tl_json_writer *json);

#endif
