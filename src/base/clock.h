/* base/clock.h -- time, so that tests can say what time it is. */
#ifndef TL_BASE_CLOCK_H
#define TL_BASE_CLOCK_H

#include <stdint.h>

int64_t tl_clock_monotonic_us(void);
int64_t tl_clock_wall_us(void); /* since 1970-01-01 UTC */

/* "2026-01-31T12:00:00.123456Z": an instant as logs and documents have it (RFC 3339), with so many digits behind the second,
 * 6 at most; the rest is cut off. */
enum { TL_CLOCK_TEXT_SIZE = 48 };
void tl_clock_text(char text[TL_CLOCK_TEXT_SIZE], int64_t wall_us, int digits);

/* Processor time used so far. */
int64_t tl_clock_thread_cpu_us(void);
int64_t tl_clock_process_cpu_us(void);

#endif
