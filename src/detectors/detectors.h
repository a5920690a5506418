/* detectors/detectors.h -- patterns, check digits, dictionaries and column names behind skimmer/detector.h.
 *
 * What is looked for: spec/detectors.toml and, for tokens, secrets.toml in this folder.  Patterns run in PCRE2 with its just-in-time
 *   compiler, each behind a row of needs (bytes, digits, length), so that a value meets about three of more than a hundred.
 */
#ifndef TL_DETECTORS_DETECTORS_H
#define TL_DETECTORS_DETECTORS_H

#include "skimmer/detector.h"

extern const struct tl_detector_driver tl_detector_patterns;
/* The same in a process of its own, townlake-worker, which can be killed: a value that breaks or hangs the detectors costs one table.
 * Threads: one at a time for a detector and all its runs. */
extern const struct tl_detector_driver tl_detector_worker;

#endif
