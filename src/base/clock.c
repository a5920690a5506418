#include "base/clock.h"

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

static char *put_digits(char *at, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits;
}

/* The calendar counted from the 1st of March of the year 0, where a leap day is the last of its year; for 1970 and later. */
static char *put_date(char *at, int64_t days_since_1970)
{
    enum { DAYS_TO_1970 = 719468, DAYS_IN_400_YEARS = 146097 };
    int64_t days = days_since_1970 + DAYS_TO_1970, era = days / DAYS_IN_400_YEARS, day = days % DAYS_IN_400_YEARS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (365 * year + year / 4 - year / 100), month = (5 * day_of_year + 2) / 153;
    at = put_digits(at, era * 400 + year + (month >= 10), 4);
    *at++ = '-';
    at = put_digits(at, month < 10 ? month + 3 : month - 9, 2);
    *at++ = '-';
    return put_digits(at, day_of_year - (153 * month + 2) / 5 + 1, 2);
}

/* Without the library's locks and formats: the audit has two of these for each statement. */
static size_t put_instant(char *text, int64_t seconds)
{
    char *at = put_date(text, seconds / 86400);
    *at++ = 'T';
    at = put_digits(at, seconds / 3600 % 24, 2);
    *at++ = ':';
    at = put_digits(at, seconds / 60 % 60, 2);
    *at++ = ':';
    return (size_t)(put_digits(at, seconds % 60, 2) - text);
}

void tl_clock_text(char text[TL_CLOCK_TEXT_SIZE], int64_t wall_us, int digits)
{
    static const int64_t YEAR_10000_S = INT64_C(253402300800);
    int64_t fraction = wall_us % 1000000;
    fraction += fraction < 0 ? 1000000 : 0; /* before 1970 */
    time_t seconds = (time_t)(wall_us / 1000000 - (wall_us % 1000000 < 0));
    size_t size;
    if (seconds >= 0 && seconds < YEAR_10000_S) {
        size = put_instant(text, seconds);
    } else {
        struct tm utc = {.tm_year = 70, .tm_mday = 1}; /* stays for a year that no calendar has */
        (void)!gmtime_r(&seconds, &utc);
        size = strftime(text, TL_CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    }
    text[size] = '.';
    put_digits(text + size + 1, fraction, 6);
    size += digits > 0 ? 1 + (size_t)digits : 0;
    text[size] = 'Z';
    text[size + 1] = '\0';
}
