/* door/apart.h -- work that takes long, on a thread of its own, so that who asked for it can be told that it still goes on.
 *
 * Owns: the work has its own arena and request; both end with tl_apart_end, which cancels what still runs and waits for it.
 */
#ifndef TL_DOOR_APART_H
#define TL_DOOR_APART_H

#include "base/request.h"

typedef struct tl_apart tl_apart;

/* `run` gets a request with the principal and id of `rq`; `context` must outlive the work. */
TL_CHECKED enum tl_code tl_apart_start(struct tl_request *rq, enum tl_code (*run)(struct tl_request *rq, void *context), void *context,
                                       tl_apart **ret_apart);
/* Waits at most wait_ms (-1 = until it is done); also takes over that rq was cancelled.  *ret_done with the work's own outcome. */
TL_CHECKED enum tl_code tl_apart_wait(struct tl_request *rq, tl_apart *apart, int wait_ms, bool *ret_done);
tl_apart *tl_apart_end(tl_apart *apart); /* NULL is fine; returns NULL */

#endif
