/* detectors/worker_int.h -- between the driver in `serve` (worker.c) and the process that looks at values (worker_child.c).
 *
 * Frames on one socket, in the machine's own byte order (both ends are one build): a head, then `size` bytes.
 *   to the child   BEGIN {"table", "name", "type", "neighbours"}; ADD, values as (uint32 size, bytes); JUDGE; END
 *   to the parent  JUDGED [{"class", "confidence", ...}], the answer to each JUDGE
 * `run` is the number the parent gave at BEGIN, below WORKER_RUNS_MAX, and free again after END.
 * The parent trusts nothing that comes back: whoever sent hostile values may have taken the child over.
 */
#ifndef TL_DETECTORS_WORKER_INT_H
#define TL_DETECTORS_WORKER_INT_H

#include "data/json.h"
#include "detectors/detectors_int.h"

enum {
    WORKER_BEGIN = 1, WORKER_ADD, WORKER_JUDGE, WORKER_END, WORKER_JUDGED,
    WORKER_RUNS_MAX = 8192,             /* at once: columns of a statement, each with the paths in its JSON */
    WORKER_FRAME_MAX = 2 * 1024 * 1024,
    WORKER_ANSWER_MAX = 256 * 1024,
    WORKER_REASON_MAX = 400,
};

struct worker_head {
    uint32_t size; /* of what follows */
    uint16_t kind;
    uint16_t run;
};

/* --- worker_wire.c: what frames hold, as JSON --- */

void worker_put_column(struct tl_buf *buf, const struct tl_detect_column *column);
/* In the arena, as is the column's type. */
TL_CHECKED enum tl_code worker_read_column(tl_arena *arena, struct tl_str json, struct tl_detect_column *ret_column, struct tl_err *err);
void worker_put_detections(struct tl_buf *buf, const struct tl_detection *detections, size_t count);
/* Checked: classes that there are, shares that are shares, texts that are short and hold no control characters. */
TL_CHECKED enum tl_code worker_read_detections(tl_arena *arena, struct tl_str json, const struct tl_detection **ret_detections, size_t *ret_count,
                                               struct tl_err *err);

/* --- worker_child.c --- */

/* Serves the socket until its other end closes.  The exit status. */
int worker_serve(int fd);

#endif
