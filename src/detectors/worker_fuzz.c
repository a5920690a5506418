/* What a worker that was taken over may answer: findings are refused, or are such as a worker can have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detectors/worker_int.h"

enum { ARENA_BYTES_MAX = 64 * 1024 * 1024 };

static void must(bool holds, const char *claim)
{
    if (holds)
        return;
    fprintf(stderr, "it does not hold that %s\n", claim);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct tl_detection *detections;
    struct tl_detect_column column;
    struct tl_err err;
    size_t count;
    struct tl_str text = {(const char *)data, size};
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    tl_err_init(&err);
    if (worker_read_detections(arena, text, &detections, &count, &err) == TL_OK)
        for (size_t i = 0; i < count; i++) {
            must(detections[i].class != NULL && detections[i].confidence >= 0 && detections[i].confidence <= 1, "a finding has a class and a share");
            must(detections[i].hits <= detections[i].checked, "hits are values that were looked at");
            must(strlen(detections[i].shape) < TL_DETECT_SHAPE_MAX && strlen(detections[i].reason) <= WORKER_REASON_MAX, "texts are short");
        }
    tl_err_init(&err);
    if (worker_read_column(arena, text, &column, &err) == TL_OK)
        must(column.neighbour_count == 0 || column.neighbours != NULL, "neighbours have names");
    tl_arena_free(arena);
    return 0;
}
