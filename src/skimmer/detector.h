/* skimmer/detector.h -- the interface of what looks at values: vectors of values in; counts, confidence and reason out.
 *
 * Why: the Skimmer decides which columns to read and what to propose; what an e-mail address looks like is a driver's matter.
 * A run is about one column (or one path inside its JSON): begin, add any number of vectors, judge, end.
 * Bytes: any.  A value may be binary, invalid UTF-8 or hostile; of each at most TL_DETECT_VALUE_BYTES_MAX are looked at, and the
 *   time for it is bounded: what is given up is counted.
 * Evidence: never a value.  The shape of a typical one, with its letters and digits replaced, and counts.
 * Threads: a detector is shared; a run is one thread's.
 */
#ifndef TL_SKIMMER_DETECTOR_H
#define TL_SKIMMER_DETECTOR_H

#include "base/arena.h"
#include "base/str.h"
#include "data/types.h"

enum {
    TL_DETECT_VALUE_BYTES_MAX = 4096, TL_DETECT_VALUES_MAX = 65536, TL_DETECT_CLASSES_MAX = 64, TL_DETECT_SHAPE_MAX = 40,
    TL_DETECT_NEIGHBOURS_MAX = 200, /* more are not looked at */
};

/* A kind of personal or secret data, and what is proposed for a column that holds it. */
struct tl_detect_class {
    const char *info_type;   /* "EMAIL_ADDRESS" */
    const char *title;       /* "e-mail address" */
    const char *tag;         /* "pii.email" */
    const char *sensitivity; /* of lifeguard's words */
    const char *state;       /* "open", "masked", "denied" */
    const char *mask;        /* of lifeguard's forms; NULL = none */
};

/* What is known of the column besides its values; all but name may be NULL. */
struct tl_detect_column {
    const char *table, *name;
    const struct tl_type *type; /* NULL = text */
    size_t neighbour_count;
    const char *const *neighbours; /* names of the table's other columns */
};

struct tl_detection {
    const struct tl_detect_class *class;
    double confidence;  /* 0..1 */
    bool inside;        /* found inside longer text, not as the value itself */
    bool named;         /* the column's name speaks for it */
    int64_t checked;    /* values looked at: not empty, no placeholder such as "n/a" */
    int64_t hits;       /* of these, values that hold it */
    int64_t given_up;   /* values that took too long */
    const char *shape;  /* of a typical hit: "aaa.aaa@aaaaaaa.aaa" */
    const char *reason; /* one sentence */
};

struct tl_detector_options {
    const char *program; /* townlake-worker, for the driver that has a process of its own */
};

typedef struct tl_detector tl_detector;
typedef struct tl_detect_run tl_detect_run;

struct tl_detector_driver {
    const char *name;
    TL_CHECKED enum tl_code (*open)(const struct tl_detector_options *options, tl_detector **ret_detector, struct tl_err *err);
    tl_detector *(*close)(tl_detector *detector);
    size_t (*classes)(const struct tl_detect_class *const **ret_classes);
    tl_detect_run *(*begin)(tl_detector *detector, const struct tl_detect_column *column); /* the column outlives the run */
    void (*add)(tl_detect_run *run, const struct tl_str *values, size_t count);            /* beyond TL_DETECT_VALUES_MAX: left out */
    /* The surest first; in the arena.  None = nothing personal was found.  TL_IO: what looks at values was lost; the run is over. */
    TL_CHECKED enum tl_code (*judge)(tl_detect_run *run, tl_arena *arena, const struct tl_detection **ret_detections, size_t *ret_count,
                                     struct tl_err *err);
    tl_detect_run *(*end)(tl_detect_run *run);
    void (*rest)(tl_detector *detector); /* nothing is to be done for a while: what is held for speed may go; NULL = nothing is held */
};

/* "VERY_LIKELY", "LIKELY", "POSSIBLE", "UNLIKELY": how DLP says it. */
const char *tl_detect_likelihood(double confidence);

#endif
