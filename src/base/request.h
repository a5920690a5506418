/* base/request.h -- what every call from store/ upwards carries: memory, error, deadline, who and which.
 *
 * Why: five parameters that always travel together are one.
 * Owns: the arena is the request's; all results of a call live in it unless the header of the call says otherwise.
 * Threads: one thread at a time, except `cancelled`, which any thread may set.
 */
#ifndef TL_BASE_REQUEST_H
#define TL_BASE_REQUEST_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"

struct tl_principal; /* auth/principal.h */

struct tl_request {
    tl_arena *arena;
    struct tl_err err;
    int64_t deadline_us; /* monotonic; 0 = none */
    char id[40];         /* trace id, also the query id of a statement */
    const struct tl_principal *principal;
    atomic_bool cancelled;
};

/* An id of the form YYYYMMDD_hhmmss_nnnnn_xxxxx (Trino's form: clients show and sort by it). */
void tl_request_init(struct tl_request *rq, tl_arena *arena);
void tl_request_new_id(char id[40]);

#endif
