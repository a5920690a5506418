/* api/queries.h -- statements between two requests of their client.
 *
 * Why: a result is fetched page by page; between pages its answer must live somewhere, be found by id, survive a page that
 *   is asked for twice, and end when nobody comes back.
 * Life: tl_query_new -> run -> (finished in one page: tl_query_free) | tl_queries_add -> acquire/release per request -> dropped
 *   by tl_queries_remove or, when abandoned, by the reaper.
 * Threads: a query is used by whoever holds its lock (tl_queries_acquire takes it, tl_queries_release gives it back).
 */
#ifndef TL_API_QUERIES_H
#define TL_API_QUERIES_H

#include "api/api_int.h"
#include "api/spool.h"

enum { TL_QUERY_SLUG_SIZE = 33, TL_QUERY_ARENA_MAX = 64 * 1024 * 1024, TL_QUERIES_MAX = 10000 };

struct tl_query_cut {
    size_t offset;
    uint64_t row; /* rows before it */
};

struct tl_query {
    struct tl_request rq;      /* with an arena of its own */
    char slug[TL_QUERY_SLUG_SIZE];
    struct tl_str sql;
    tl_answer *answer;         /* NULL when finished */
    struct tl_buf page;        /* body of the last page, for a client that asks again */
    struct tl_buf rows;        /* "[1,2],[3,4]" that no page has yet */
    uint64_t row_count, row_offset; /* of them, and of all before */
    struct tl_query_cut *cuts; /* where segments begin in `rows` */
    size_t cut_count, cut_capacity;
    bool ended;                /* the answer has no more rows */
    const struct tl_page_encoding *encoding; /* of segments; NULL = rows stand in the page */
    bool only_segments;        /* also when the result is small */
    size_t segment_bytes;
    uint64_t page_token;       /* its number */
    bool finished;
    const struct tl_zone *zone; /* instants are shown in; NULL = UTC */
    bool full_precision;       /* client has PARAMETRIC_DATETIME */
    const struct tl_field *fields; /* as the client sees them */
    size_t field_count;
    struct tl_result_stats stats;
    int64_t waited_us;              /* for its turn */
    int64_t created_us, touched_us; /* monotonic */
    /* of the table */
    struct tl_query *next;
    pthread_mutex_t lock;
    int references;
    bool removed;
};

struct tl_query *tl_query_new(void);
void tl_query_free(struct tl_query *query);

/* Now and then it lets the spool forget, too. */
tl_queries *tl_queries_new(tl_engine *engine, tl_spool *spool, int64_t abandoned_after_us);
tl_queries *tl_queries_free(tl_queries *queries);
/* Takes the query over.  TL_TOO_MANY_REQUESTS when full: then it is still the caller's. */
TL_CHECKED enum tl_code tl_queries_add(tl_queries *queries, struct tl_query *query, struct tl_err *err);
/* NULL: no such id or slug (compared in constant time). */
struct tl_query *tl_queries_acquire(tl_queries *queries, const char *id, const char *slug);
void tl_queries_release(tl_queries *queries, struct tl_query *query);
/* Ends it: running work stops, the next page says cancelled.  false: no such. */
bool tl_queries_cancel(tl_queries *queries, const char *id, const char *slug);
size_t tl_queries_count(tl_queries *queries);

#endif
