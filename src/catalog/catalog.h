/* catalog/catalog.h -- what data exists: every table, view and column of every source and of the lake, kept over time.
 *
 * Why: people and agents find the right table among 100,000, and see what it means, where it came from and who may read it.
 * Inventory: a thread of its own compares each new listing of a source (source/registry.h: on connect, on schedule, when asked, and
 *   when the lake changes) and the views made here with what is kept, and writes the differences in batches, so that nothing else
 *   that writes has to wait for 100,000 tables.  Each batch is whole; a crawl that was cut off goes on where it was, since equal
 *   hashes need no writing.  What is gone keeps its row, with the time.
 * Facts in the event log, one a dataset, told before the row is written (so told again after a crash, never lost): "dataset_added",
 *   "dataset_changed" (body: columns added, gone, changed), "dataset_gone", "dataset_back".  Subject: "source.schema.table".
 * Statistics are what sources keep anyway; nothing is scanned for them, and no value of the data is kept.
 * Others read the tables catalog_dataset and catalog_column (store/migrations) by SQL; change_number rises with each change.
 * Rights: that a dataset exists may be known to everybody.  Of its columns only those are told that the caller may see; numbers
 *   about rows only to who may see all rows.
 * Threads: every call from any thread.
 */
#ifndef TL_CATALOG_CATALOG_H
#define TL_CATALOG_CATALOG_H

#include "data/json.h"
#include "door/door.h"

typedef struct tl_catalog tl_catalog;

struct tl_catalog_options {
    tl_door *door;
    tl_registry *registry;
    tl_store *store;
    tl_lifeguard *lifeguard;
};

/* The thread begins with tl_catalog_start. */
TL_CHECKED enum tl_code tl_catalog_new(const struct tl_catalog_options *options, tl_catalog **ret_catalog, struct tl_err *err);
void tl_catalog_start(tl_catalog *catalog);
tl_catalog *tl_catalog_free(tl_catalog *catalog);

/* List a source (NULL: all) now, and wait until what it has is in the catalog.  Needs admin on it. */
TL_CHECKED enum tl_code tl_catalog_crawl(struct tl_request *rq, tl_catalog *catalog, const char *source);

/* Members of an object: "state" (crawling, idle), "sources": [{"source", "state", "datasets", "done", "added", "changed", "gone", ..}]. */
TL_CHECKED enum tl_code tl_catalog_put_status(struct tl_request *rq, tl_catalog *catalog, struct tl_json_writer *json);

/* All about one dataset ("ops.public.accounts") as the caller may know it: an object.  TL_TABLE_NOT_FOUND. */
TL_CHECKED enum tl_code tl_catalog_details(struct tl_request *rq, tl_catalog *catalog, const char *name, struct tl_json_writer *json);

#endif
