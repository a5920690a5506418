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
    tl_lake *lake;         /* NULL = none */
    const char *lake_name; /* the source that it is */
    const char *pages; /* folder of data-model pages, read in each round; NULL or "" = none */
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

/* --- what people say: descriptions, owners, domains, tags, terms, deprecation, questions; data-model pages --- */

/* Who reviews, owns or administers a table edits what is said of it; terms, domains and pages that are about no table: who does so for
 * everything.  Every edit is on record with what stood there before.  Tags are lifeguard's (tl_lifeguard_tag), and changed there. */

/* A document as text: "datasets", "terms" and "domains", each a list (docs/guide/catalog.md); a file that ends in ".md" is a page. */
struct tl_catalog_file {
    const char *name; /* in messages; of a page also its path */
    struct tl_str text;
};
enum { TL_CATALOG_FILES_MAX = 10000, TL_CATALOG_FILE_BYTES_MAX = 200 * 1024 * 1024 };
/* What the documents change, as members of an object: "items", "changes": the first of [{"of", "field", "before", "after"}],
 * "change_count", "errors": the first of [{"file", "line", "reason"}], "error_count", "applied".
 * apply: and do so, all or nothing; with errors nothing is written ("applied" is false then, and the code TL_OK). */
TL_CHECKED enum tl_code tl_catalog_import(struct tl_request *rq, tl_catalog *catalog, const struct tl_catalog_file *files, size_t count, bool apply,
                                          struct tl_json_writer *json);
/* One item: {"dataset": NAME, FIELD: .., "columns": {..}}, {"term": NAME, ..} or {"domain": NAME, ..}.  TL_INVALID_ARGUMENT says all
 * that is wrong. */
TL_CHECKED enum tl_code tl_catalog_annotate(struct tl_request *rq, tl_catalog *catalog, const tl_json *body);
/* All that is said and that the caller may know, as one document that tl_catalog_import reads; source NULL = of every source. */
TL_CHECKED enum tl_code tl_catalog_export(struct tl_request *rq, tl_catalog *catalog, const char *source, struct tl_buf *yaml);
/* Edits, newest first: of a table and its columns ("ops.public.accounts"), of "term NAME" or "domain NAME". */
TL_CHECKED enum tl_code tl_catalog_put_edits(struct tl_request *rq, tl_catalog *catalog, const char *of, int count_max, struct tl_json_writer *json);

/* An array of terms (or domains) by name: those above `after` that begin with `prefix`; both may be NULL. */
TL_CHECKED enum tl_code tl_catalog_put_named(struct tl_request *rq, tl_catalog *catalog, bool terms, const char *prefix, const char *after, int count_max,
                                             struct tl_json_writer *json);
/* One with all that it is said of and that the caller may know.  TL_NOT_FOUND. */
TL_CHECKED enum tl_code tl_catalog_put_one(struct tl_request *rq, tl_catalog *catalog, bool term, const char *name, struct tl_json_writer *json);

/* Pages that the caller may read: an array of {"path", "title", "about", ..}; a page is read by who may see all that it is about. */
TL_CHECKED enum tl_code tl_catalog_put_pages(struct tl_request *rq, tl_catalog *catalog, struct tl_json_writer *json);
/* version 0 = the current one. */
TL_CHECKED enum tl_code tl_catalog_put_page(struct tl_request *rq, tl_catalog *catalog, const char *path, int64_t version, struct tl_json_writer *json);
/* text.data NULL = remove it. */
TL_CHECKED enum tl_code tl_catalog_write_page(struct tl_request *rq, tl_catalog *catalog, const char *path, struct tl_str text);

#endif
