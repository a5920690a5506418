/* catalog/search.h -- the right table among 100,000, by words.
 *
 * Over names, descriptions, columns, glossary terms, owners, tags, pages and the SQL of views.  Names are split where people see
 *   words, the last word may be a beginning, slips of the hand are forgiven when a word is found nowhere, and the
 *   glossary's synonyms count.
 * Order: BM25 over the fields, each with its weight, a table named as asked first; then curated before others, used and fresh before idle
 *   ones, deprecated last.
 * Rights: that a dataset exists may be known to everybody.  A word that stands only in a column (its name, its description), or
 *   in the SQL of a view, that the caller may not see counts as not there, as does
 *   a page about what the caller may not see: it brings no dataset up, is in no explanation, and changes
 *   no order, since how rare a word is comes from what everybody may read.  How far a search looks is bounded, hidden
 *   or not: for words of many hidden columns others may be missed.
 * Kept up: a thread follows the catalog's changes; the index is rebuilt when it is damaged or much has changed, and meanwhile the old one
 *   answers.
 * Threads: every call from any thread.
 */
#ifndef TL_CATALOG_SEARCH_H
#define TL_CATALOG_SEARCH_H

#include "catalog/catalog.h"
#include "lifeguard/clearance.h"
#include "store/search_index.h"

typedef struct tl_search tl_search;

struct tl_search_options {
    tl_catalog *catalog; /* who may read which page; NULL = none is found */
    tl_store *store;
    tl_lifeguard *lifeguard;
    const char *directory; /* of the state */
};

/* The thread begins with tl_search_start. */
TL_CHECKED enum tl_code tl_search_new(const struct tl_search_options *options, tl_search **ret_search, struct tl_err *err);
void tl_search_start(tl_search *search);
tl_search *tl_search_free(tl_search *search);

enum { TL_SEARCH_RESULTS_MAX = 100, TL_SEARCH_QUERY_BYTES_MAX = 1000, TL_SEARCH_QUERY_WORDS_MAX = 12 };

struct tl_search_query {
    const char *text;                                /* NULL or "": the filters alone */
    const char *source, *tag, *owner, *domain, *kind; /* NULL = any; kind: table, view, page, term */
    bool curated;                                    /* only such */
    size_t count_max;                                /* 0 = 20 */
};

/* Members of an object: "words": how those that were not found as they stand were read, "results": best first, each with "why".
 * TL_INVALID_ARGUMENT: neither words nor a filter. */
TL_CHECKED enum tl_code tl_search_run(struct tl_request *rq, tl_search *search, const struct tl_search_query *query, struct tl_json_writer *json);

/* Members of an object: "documents", "words", "size_bytes", "built_at_us", "state": "ready", "rebuilding", "waiting"; "reason". */
void tl_search_put_status(tl_search *search, struct tl_json_writer *json);
/* Returns when all that the catalog held at the call can be found.  For tests and for who just changed something. */
TL_CHECKED enum tl_code tl_search_sync(struct tl_request *rq, tl_search *search);
/* All anew, soon.  Needs admin. */
TL_CHECKED enum tl_code tl_search_rebuild(struct tl_request *rq, tl_search *search);

#endif
