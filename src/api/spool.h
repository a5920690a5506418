/* api/spool.h -- segments of results that wait to be fetched by their own addresses (Trino's spooled protocol).
 *
 * Why: a client that asks for encoded results fetches them in compressed pieces, beside the pages, and says when it has one.
 * Owns: copies of the segments, in memory; nothing of a result ever lies on a disk.
 * Bounds: bytes in all and of one statement, count, and time: what is not acknowledged is forgotten.  Who finds no room sends the
 *   piece inside its page instead.
 * Threads: all calls from any thread.  An id is the right to read: 128 random bits, compared in constant time.
 */
#ifndef TL_API_SPOOL_H
#define TL_API_SPOOL_H

#include "base/str.h"

enum { TL_SPOOL_ID_SIZE = 33 };

typedef struct tl_spool tl_spool;

struct tl_spool_limits {
    size_t bytes_max;           /* 0 = 256 MiB */
    size_t statement_bytes_max; /* 0 = 64 MiB */
    int64_t keep_us;            /* 0 = 5 min */
};

tl_spool *tl_spool_new(const struct tl_spool_limits *limits);
tl_spool *tl_spool_free(tl_spool *spool);
/* false: no room. */
bool tl_spool_put(tl_spool *spool, const char *statement_id, struct tl_str bytes, char ret_id[TL_SPOOL_ID_SIZE]);
/* Adds the segment to `to`; false = no such, or no longer. */
bool tl_spool_get(tl_spool *spool, const char *id, struct tl_buf *to);
/* The client has it.  false: no such. */
bool tl_spool_drop(tl_spool *spool, const char *id);
/* Nobody will come for any of them. */
void tl_spool_drop_statement(tl_spool *spool, const char *statement_id);
/* Forget what is older than allowed; called now and then. */
void tl_spool_expire(tl_spool *spool, int64_t now_us);
size_t tl_spool_bytes(tl_spool *spool);

#endif
