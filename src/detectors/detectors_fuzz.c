/* Any bytes as a column: the first line is its name, the others are values.  What is said of them is bounded and holds no letter or
 * digit of a value but those of shapes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detectors/detectors_int.h"

enum { ARENA_BYTES_MAX = 16 * 1024 * 1024, NAME_MAX_BYTES = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held, const char *what)
{
    if (!held) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

static void check(const struct tl_detection *detection, int64_t values)
{
    must(detection->confidence > 0 && detection->confidence < 1, "confidence is between 0 and 1");
    must(detection->hits <= detection->checked && (detection->hits > 0 || detection->checked == 0) && detection->checked <= values,
        "hits are values that were looked at");
    must(strlen(detection->shape) < TL_DETECT_SHAPE_MAX, "a shape is short");
    for (const char *at = detection->shape; *at; at++)
        must(!((*at >= 'b' && *at <= 'z') || (*at >= 'B' && *at <= 'Z') || (*at >= '0' && *at <= '8')), "a shape has no letters and digits of its own");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tl_detector *detector;
    struct tl_err err;
    char name[NAME_MAX_BYTES];
    tl_err_init(&err);
    if (!detector)
        must(tl_detector_patterns.open(NULL, &detector, &err) == TL_OK, "the detectors open");
    const char *text = (const char *)data, *end = text + size, *line = size ? memchr(text, '\n', size) : NULL;
    size_t name_size = line && line - text < NAME_MAX_BYTES - 1 ? (size_t)(line - text) : 0;
    memcpy(name, text, name_size);
    name[name_size] = '\0';
    struct tl_detect_column column = {.table = name, .name = name};
    tl_arena *arena = tl_arena_new(ARENA_BYTES_MAX);
    tl_detect_run *run = tl_detector_patterns.begin(detector, &column);
    int64_t values = 0;
    for (const char *at = text + name_size; at < end; values++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct tl_str value = {at, (size_t)((stop ? stop : end) - at)};
        tl_detector_patterns.add(run, &value, 1);
        at += value.size + 1;
    }
    const struct tl_detection *detections;
    size_t count = 0;
    must(tl_detector_patterns.judge(run, arena, &detections, &count, &err) == TL_OK, "it judges");
    for (size_t i = 0; i < count; i++)
        check(&detections[i], values);
    tl_detector_patterns.end(run);
    tl_arena_free(arena);
    return 0;
}
