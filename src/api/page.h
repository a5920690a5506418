/* api/page.h -- one page of an answer in Trino's protocol.
 *
 * page.c writes it, rows.c its rows: in the page itself, or for clients that ask (X-Trino-Query-Data-Encoding) as segments of
 *   compressed JSON, inside the page or at addresses of their own (spool.h).
 * Threads: whoever holds the query.
 */
#ifndef TL_API_PAGE_H
#define TL_API_PAGE_H

#include "api/queries.h"
#include "io/compress.h"

/* Rows of a page, as JSON before it is compressed; the first is one plain page's. */
enum { TL_ENCODED_PAGE_BYTES = 4 * 1024 * 1024 };

struct tl_page_encoding {
    const char *name;
    enum tl_compression compression;
};

/* The first that we have of "json+zstd,json+lz4,json"; NULL = none. */
const struct tl_page_encoding *tl_page_encoding(const char *wanted);
/* Builds page number `token` in query->page; afterwards query->finished says whether it is the last. */
void tl_page_make(struct tl_api_call *call, struct tl_query *query, uint64_t token);
void tl_page_finish(struct tl_query *query);
/* "data" of page `token`, when rows have come. *ret_end: all of them are out. */
TL_CHECKED enum tl_code tl_page_put_data(struct tl_api_call *call, struct tl_json_writer *json, struct tl_query *query,
                                         uint64_t token, bool *ret_end);
/* "http://host:8080" as the client sees us. */
const char *tl_page_base_url(struct tl_api_call *call);

#endif
