/* door/admission.h -- who may run now, and who waits.
 *
 * Why: two hundred people share one engine.  A statement that reads a few rows must not wait behind one that reads billions, one
 *   person's hundred statements must not be everybody's queue, and what waits must be told so and be cancellable.
 * Classes: a statement is LIGHT when the statistics say that it reads little, HEAVY when they say that it reads much, UNKNOWN
 *   when they say nothing.  Whatever has run for `heavy_after_us` counts as heavy from then on.  At most `heavy_max` statements
 *   that are heavy from the start run at once; light ones do not wait for heavy ones at all, only for other light ones
 *   (`light_max`).  An unknown one is treated as light until too many of the running ones turned out to be heavy.
 * Fairness: among those who wait, the user who has used least goes first: used = running time, divided by the user's weight, and
 *   halved every minute (decayed usage, as in fair-share schedulers).  Of one user's statements the oldest goes first.
 * A statement whose client has not asked for rows for `stalled_us` gives its place to others without losing it.
 * Bounds: those that wait, in all and per user; beyond: TL_TOO_MANY_REQUESTS.
 * Threads: all calls from any thread; one ticket belongs to one statement.
 */
#ifndef TL_DOOR_ADMISSION_H
#define TL_DOOR_ADMISSION_H

#include "base/request.h"

enum tl_admission_class { TL_ADMISSION_LIGHT, TL_ADMISSION_UNKNOWN, TL_ADMISSION_HEAVY };

struct tl_admission_limits {
    int light_max;       /* 0 = 64 */
    int heavy_max;       /* 0 = as many as there are cores, at least 2 */
    int user_max;        /* one user's statements that run at once; 0 = 32 */
    int queue_max;       /* 0 = 1,000 */
    int user_queue_max;  /* 0 = 200 */
    int64_t heavy_after_us; /* 0 = 500 ms */
    int64_t stalled_us;     /* 0 = 2 s */
    const char *weights;    /* "alice=4 group:etl=0.5"; NULL = all are 1 */
};

typedef struct tl_admission tl_admission;

/* TL_CONFIG when the weights cannot be read. */
TL_CHECKED enum tl_code tl_admission_new(const struct tl_admission_limits *limits, tl_admission **ret_admission, struct tl_err *err);
tl_admission *tl_admission_free(tl_admission *admission); /* nobody holds a ticket any more */

typedef struct tl_ticket tl_ticket;

/* Stand in line as rq->principal.  Free the ticket with tl_ticket_leave whatever comes. */
TL_CHECKED enum tl_code tl_admission_ask(struct tl_request *rq, tl_admission *admission, enum tl_admission_class class,
                                         tl_ticket **ret_ticket);
/* Waits at most wait_ms (-1 = until it is so).  *ret_admitted: it may run.  TL_CANCELLED when rq was cancelled, TL_TIME_EXCEEDED
 * when its deadline passed. */
TL_CHECKED enum tl_code tl_ticket_wait(struct tl_request *rq, tl_ticket *ticket, int wait_ms, bool *ret_admitted);
/* Its client asked for rows: it is not stalled. */
void tl_ticket_touch(tl_ticket *ticket);
/* It has ended, or will not be run.  Returns NULL; NULL is fine. */
tl_ticket *tl_ticket_leave(tl_ticket *ticket);
int64_t tl_ticket_waited_us(const tl_ticket *ticket);

struct tl_admission_counts {
    int running, heavy, waiting;
};
void tl_admission_count(tl_admission *admission, struct tl_admission_counts *ret_counts);

#endif
