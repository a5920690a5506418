/* skipper/results.h -- results of statements that agents started: read to their end by us, kept for a while, handed out in parts.
 *
 * Why: an agent starts a statement in one call and reads it in another, a part at a time; the rest must wait somewhere, belong to one
 *   person, and go away by itself.
 * How: each statement goes through the door as the person it is for, without the right to change anything, and a thread of its own
 *   reads it to the end or to the caps.  What is kept is rows as JSON objects.
 * Owns: everything it keeps.  Bounds: struct tl_results_limits; who has too many loses the oldest that has ended.
 * Threads: every call from any thread.  An id is worth nothing to anybody but its user.
 */
#ifndef TL_SKIPPER_RESULTS_H
#define TL_SKIPPER_RESULTS_H

#include "data/json.h"
#include "door/door.h"

typedef struct tl_results tl_results;

struct tl_results_limits {
    size_t result_bytes_max; /* 0 = 16 MiB of rows; those beyond are not kept */
    size_t rows_max;         /* 0 = 100,000 */
    size_t bytes_max;        /* 0 = 256 MiB of all */
    int running_max;         /* 0 = 64 */
    int user_running_max;    /* 0 = 8 */
    int user_max;            /* 0 = 64 kept */
    int64_t keep_us;         /* 0 = 15 min since somebody asked last */
};

tl_results *tl_results_new(tl_door *door, const struct tl_results_limits *limits);
/* Ends what runs.  Returns NULL. */
tl_results *tl_results_free(tl_results *results);

/* Checks and starts; what is wrong with the statement is told here.  session's texts and sql need not outlive the call; *ret_id lives
 * in rq->arena. */
TL_CHECKED enum tl_code tl_results_start(struct tl_request *rq, tl_results *results, const struct tl_session *session, struct tl_str sql,
                                         const char **ret_id);

struct tl_results_want {
    size_t from, rows_max, bytes_max; /* the first row comes also when it alone is longer */
    bool rows;                        /* false: columns and counts only */
    int64_t wait_us;
    bool (*stopped)(void *context);   /* nobody waits any more; NULL = never */
    void *stop_context;
};
/* Members of an object: queryId, state, columns, rows, rowCount, next, complete, warnings, elapsedMs.  TL_NOT_FOUND: the caller has no
 * such result, or not any more.  The error of a statement that failed is the call's. */
TL_CHECKED enum tl_code tl_results_put(struct tl_request *rq, tl_results *results, const char *id, const struct tl_results_want *want,
                                       struct tl_json_writer *json);
/* Rows as a JSON array for somebody inside: a copy in rq->arena, with the count. */
TL_CHECKED enum tl_code tl_results_rows(struct tl_request *rq, tl_results *results, const char *id, const struct tl_results_want *want,
                                        struct tl_str *ret_array, size_t *ret_count);
/* Ends it, if it runs: who asks for it then is told so. */
void tl_results_cancel(struct tl_request *rq, tl_results *results, const char *id);
/* Ends it, if it runs, and forgets it. */
void tl_results_drop(struct tl_request *rq, tl_results *results, const char *id);
size_t tl_results_count(tl_results *results);

#endif
