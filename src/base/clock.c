#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t tl_clock_monotonic_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t tl_clock_wall_us(void)
{
    return now_us(CLOCK_REALTIME);
}

int64_t tl_clock_thread_cpu_us(void)
{
    return now_us(CLOCK_THREAD_CPUTIME_ID);
}

int64_t tl_clock_process_cpu_us(void)
{
    return now_us(CLOCK_PROCESS_CPUTIME_ID);
}

void tl_clock_text(char text[TL_CLOCK_TEXT_SIZE], int64_t wall_us, int digits)
{
    int64_t fraction = wall_us % 1000000;
    fraction += fraction < 0 ? 1000000 : 0; /* before 1970 */
    time_t seconds = (time_t)(wall_us / 1000000 - (wall_us % 1000000 < 0));
    struct tm utc = {.tm_year = 70, .tm_mday = 1}; /* stays for a year that no calendar has */
    (void)!gmtime_r(&seconds, &utc);
    size_t size = strftime(text, TL_CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + size, TL_CLOCK_TEXT_SIZE - size, ".%06d", (int)fraction);
    size += digits > 0 ? 1 + (size_t)digits : 0;
    text[size] = 'Z';
    text[size + 1] = '\0';
}
