/* door/upkeep.h -- jobs that keep tables of the lake small and quick: asked for by a statement or by the schedule.
 *
 * What a job does to metadata and files is lake/upkeep.h and lake/rewrite.h; rows are read and written by the engine, always as they
 *   are, never through masks (recorded with the reason).  One job a table at a time, TL_UPKEEP_JOBS_MAX at once.
 * Each job is one row of the store's lake_job, and of system.lake.jobs, from its start on.
 * Threads: any; the call takes as long as the job does and ends early when rq->cancelled is set.
 */
#ifndef TL_DOOR_UPKEEP_H
#define TL_DOOR_UPKEEP_H

#include "door/door.h"

enum { TL_UPKEEP_JOBS_MAX = 4 };
enum tl_upkeep_kind { TL_UPKEEP_OPTIMIZE, TL_UPKEEP_EXPIRE, TL_UPKEEP_ORPHANS, TL_UPKEEP_ROLLBACK, TL_UPKEEP_ROLLUP, TL_UPKEEP_MANIFESTS };

struct tl_upkeep_job {
    enum tl_upkeep_kind kind;
    const char *source, *schema, *table;
    const char *asked_by;      /* user, or "schedule" */
    int64_t small_bytes;       /* optimize: files below; 0 = 100 MB */
    size_t least_files;        /* ... so many of a partition are worth it; 0 = 2 */
    int64_t retention_us;      /* expire, orphans: -1 = 7 days */
    int64_t retain_last;       /* expire: 0 = 1 */
    int64_t snapshot_id;       /* rollback */
};
struct tl_upkeep_counts {
    int64_t snapshots_removed, files_removed, bytes_removed, files_rewritten, files_added, rows_rewritten;
};
/* TL_CONFLICT: another job works on the table, or the table changed; TL_TOO_MANY_REQUESTS. */
TL_CHECKED enum tl_code tl_upkeep_run(struct tl_request *rq, tl_door *door, const struct tl_upkeep_job *job, struct tl_upkeep_counts *ret_counts);
const char *tl_upkeep_kind_name(enum tl_upkeep_kind kind);
/* The schedule: every so often each table whose property "townlake.upkeep" is "on" is looked after.  Compacted when it changed since and
 * eight small files of a partition are there; rolled up once an hour when it says how (door/rollup.h); once a day its snapshots expire
 * (kept: "history.expire.max-snapshot-age-ms", 7 days without it, and "history.expire.min-snapshots-to-keep"); once a week orphans of
 * more than 7 days go. */
typedef struct tl_upkeep_schedule tl_upkeep_schedule;
TL_CHECKED enum tl_code tl_upkeep_schedule_start(tl_door *door, const char *source, int64_t every_us, tl_upkeep_schedule **ret_schedule,
                                                 struct tl_err *err);
tl_upkeep_schedule *tl_upkeep_schedule_stop(tl_upkeep_schedule *schedule); /* cancels what runs; NULL is fine; returns NULL */

/* Jobs, newest first, as JSON: those of `user`, or all when NULL. */
TL_CHECKED enum tl_code tl_upkeep_list(struct tl_request *rq, tl_door *door, const char *user, int count_max, struct tl_buf *json_array);

/* An age in ms that a table's property says, as the time to keep, at least least_us; one that is too long to count is for ever. */
static inline int64_t tl_upkeep_keep_us(int64_t age_ms, int64_t least_us)
{
    int64_t age_us;
    if (__builtin_mul_overflow(age_ms, 1000, &age_us))
        age_us = INT64_MAX;
    return age_us > least_us ? age_us : least_us;
}

#endif
