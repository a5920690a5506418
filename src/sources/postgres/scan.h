/* sources/postgres/scan.h -- reading one dataset: binary COPY, in ranges of pages where that pays.
 *
 * One part: BEGIN, COPY and COMMIT travel in one message, so a small read costs one round trip.
 * Many parts: one connection begins a REPEATABLE READ transaction and exports its snapshot; each thread's connection
 *   imports it and reads range after range of ctid, large ones first and smaller ones towards the end, so that all threads
 *   end together.  Only for heaps larger than TL_POSTGRES_RANGED_PAGES_MIN on a server that reads such ranges directly (14
 *   and newer), and only when the planner has no much cheaper way for the filters.
 * Partitioned tables: their partitions are read apart, in ranges where they are heaps; in one part when the role may not
 *   read each of them, or row security is on.  Partitions that the filters exclude are left out by the server.
 * Changes: each statement checks that its columns still have the types that were described (uses.h), else
 *   TL_SOURCE_CHANGED.  TL_SOURCE_REJECTED: the source refused what was pushed; without that it might answer.
 * Columns that no one looks at: when only the number of rows matters, the server counts.
 * Completeness: a part ends only after the server's own row count equals what was decoded.
 */
#ifndef TL_SOURCES_POSTGRES_SCAN_H
#define TL_SOURCES_POSTGRES_SCAN_H

#include "sources/postgres/filter.h"
#include "sources/postgres/pool.h"

enum {
    TL_POSTGRES_RANGED_PAGES_MIN = 1024,
    TL_POSTGRES_RANGE_PAGES_MIN = 256,
    TL_POSTGRES_RANGE_PAGES_MAX = 4096,
    TL_POSTGRES_PIECES_MAX = 4096,
    TL_POSTGRES_CHUNK_BYTES_MAX = 32 * 1024 * 1024, /* of texts: then a chunk is given out early */
};

struct tl_source {
    tl_arena *arena;
    struct tl_postgres_options options;
    tl_postgres_pool *pool;
};

/* As in source/source.h. */
enum tl_code tl_postgres_scan_open(tl_source *source, const struct tl_scan_request *request, int threads_max,
                                   const struct tl_stop *stop, tl_arena *arena, tl_scan **ret_scan,
                                   int *ret_parts_at_once, struct tl_err *err);
enum tl_code tl_postgres_part_open(tl_scan *scan, const struct tl_stop *stop, tl_scan_part **ret_part,
                                   struct tl_err *err);
enum tl_code tl_postgres_part_next(tl_scan_part *part, struct tl_chunk *chunk, const struct tl_stop *stop,
                                   struct tl_err *err);
void tl_postgres_part_close(tl_scan_part *part);
void tl_postgres_scan_close(tl_scan *scan, struct tl_scan_stats *ret_stats);

#endif
