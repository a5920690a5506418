/* data/sse.h -- reads a stream of server-sent events (the WHATWG form) as it comes, in pieces of any size.
 *
 * Why: models answer in this form.  The bytes are foreign: bounds are kept before anything is stored.
 * Owns: a reader owns its two buffers until tl_sse_done; an event points into them until the next tl_sse_next.
 * Use: give bytes by tl_sse_feed, take events by tl_sse_next until it says false, give more.  At the end tl_sse_finish.
 * Bounds: one event's data at most data_bytes_max, one line at most that and a kilobyte more; beyond it TL_TOO_LARGE, and the reader
 *   stays there.
 * Left out: "id" and "retry", which only a client that reconnects needs.
 */
#ifndef TL_DATA_SSE_H
#define TL_DATA_SSE_H

#include "base/str.h"

struct tl_sse {
    struct tl_buf line, data;
    char name[64];           /* longer names are cut */
    const char *rest;        /* of the bytes being read */
    size_t rest_size;
    size_t data_bytes_max;
    bool has_data, after_carriage_return, begun, given, too_large;
};

struct tl_sse_event {
    const char *name;   /* "message" when the stream says none */
    struct tl_str data; /* any bytes */
};

void tl_sse_init(struct tl_sse *sse, size_t data_bytes_max);
void tl_sse_done(struct tl_sse *sse);
/* The bytes must stay until tl_sse_next has said false. */
void tl_sse_feed(struct tl_sse *sse, struct tl_str bytes);
/* *ret_found false: more bytes are needed. */
TL_CHECKED enum tl_code tl_sse_next(struct tl_sse *sse, struct tl_sse_event *ret_event, bool *ret_found, struct tl_err *err);
/* The stream has ended: an event whose empty line did not come is given here (browsers drop it; some servers of models end so). */
TL_CHECKED enum tl_code tl_sse_finish(struct tl_sse *sse, struct tl_sse_event *ret_event, bool *ret_found, struct tl_err *err);

#endif
