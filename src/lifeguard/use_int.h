/* lifeguard/use_int.h -- between use.c (what was used) and quota.c (how much may be). */
#ifndef TL_LIFEGUARD_USE_INT_H
#define TL_LIFEGUARD_USE_INT_H

#include "lifeguard/lifeguard_int.h"
#include "lifeguard/quota.h"

struct lg_window_info {
    const char *name; /* "1d" */
    int64_t length_us;
    const char *text; /* "a day" */
};
extern const struct lg_window_info lg_windows[LG_WINDOWS];

struct lg_window_use {
    int64_t start_us, used[LG_MEASURES];
};

/* Adds and answers what is used now, of every window; false: there are too many users to count. */
bool lg_use_add(tl_lifeguard *lifeguard, const char *user, const int64_t *amounts, int64_t now_us, struct lg_window_use *ret_windows);

#endif
