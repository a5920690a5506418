/* base/clock.h -- time, so that tests can say what time it is. */
#ifndef TL_BASE_CLOCK_H
#define TL_BASE_CLOCK_H

#include <stdint.h>

int64_t tl_clock_monotonic_us(void);
int64_t tl_clock_wall_us(void); /* since 1970-01-01 UTC */
/* Processor time used so far. */
int64_t tl_clock_thread_cpu_us(void);
int64_t tl_clock_process_cpu_us(void);

#endif
