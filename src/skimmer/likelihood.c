#include "skimmer/detector.h"

const char *tl_detect_likelihood(double confidence)
{
    return confidence >= 0.9 ? "VERY_LIKELY" : confidence >= 0.75 ? "LIKELY" : confidence >= 0.6 ? "POSSIBLE" : "UNLIKELY";
}
