/* Dates, times and intervals as text. */
#include <string.h>

#include "data/format_int.h"
#include "data/value.h"

enum { NANOS_PER_MICRO = 1000, MICROS_PER_SECOND = 1000000, NANOS_PER_SECOND = 1000000000, SECONDS_PER_DAY = 86400 };

static char *put_two(char *at, int number)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
    return at + 2;
}

static char *put_text(char *at, const char *text)
{
    size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

/* ISO 8601: four digits; more, and years before 0, with their sign. */
static char *put_year(char *at, int64_t year)
{
    if (year >= 0 && year <= 9999) {
        at = put_two(at, (int)(year / 100));
        return put_two(at, (int)(year % 100));
    }
    *at++ = year < 0 ? '-' : '+';
    uint64_t size = year < 0 ? 0 - (uint64_t)year : (uint64_t)year;
    for (uint64_t limit = 1000; size < limit && limit > 1; limit /= 10)
        *at++ = '0';
    return tl_format_uint64(at, size);
}

static char *put_day(char *at, int64_t days)
{
    int64_t year;
    int month, day;
    tl_date_to_civil(days, &year, &month, &day);
    at = put_year(at, year);
    *at++ = '-';
    at = put_two(at, month);
    *at++ = '-';
    return put_two(at, day);
}

char *tl_format_date(char *at, int32_t days)
{
    if (days == INT32_MAX || days == -INT32_MAX)
        return put_text(at, days < 0 ? "-infinity" : "infinity");
    return put_day(at, days);
}

/* Hours may be more than 24: intervals. */
static char *put_clock(char *at, uint64_t seconds)
{
    uint64_t hours = seconds / 3600;
    at = hours < 100 ? put_two(at, (int)hours) : tl_format_uint64(at, hours);
    *at++ = ':';
    at = put_two(at, (int)(seconds / 60 % 60));
    *at++ = ':';
    return put_two(at, (int)(seconds % 60));
}

/* nanos below one second; digits -1: without zeros at the end. */
static char *put_fraction(char *at, uint32_t nanos, int digits)
{
    char text[9];
    for (int i = 8; i >= 0; i--) {
        text[i] = (char)('0' + nanos % 10);
        nanos /= 10;
    }
    if (digits < 0)
        for (digits = 9; digits > 0 && text[digits - 1] == '0';)
            digits--;
    if (digits == 0)
        return at;
    *at++ = '.';
    memcpy(at, text, (size_t)digits);
    return at + digits;
}

char *tl_format_time_of_day(char *at, int64_t micros, const struct tl_format_time *form)
{
    uint64_t size = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    if (micros < 0)
        *at++ = '-';
    at = put_clock(at, size / MICROS_PER_SECOND);
    return put_fraction(at, (uint32_t)(size % MICROS_PER_SECOND) * NANOS_PER_MICRO, form->digits);
}

static char *put_instant(char *at, int64_t seconds, uint32_t nanos, const struct tl_format_time *form)
{
    int64_t days = seconds / SECONDS_PER_DAY, rest = seconds % SECONDS_PER_DAY;
    if (rest < 0) {
        days--;
        rest += SECONDS_PER_DAY;
    }
    at = put_day(at, days);
    *at++ = ' ';
    at = put_clock(at, (uint64_t)rest);
    at = put_fraction(at, nanos, form->digits);
    return put_text(at, form->zone);
}

static char *put_units(char *at, int64_t units, int64_t per_second, int64_t nanos_per_unit, const struct tl_format_time *form)
{
    if (units == INT64_MAX || units == -INT64_MAX)
        return put_text(at, units < 0 ? "-infinity" : "infinity");
    int64_t seconds = units / per_second, rest = units % per_second;
    if (rest < 0) {
        seconds--;
        rest += per_second;
    }
    return put_instant(at, seconds, (uint32_t)(rest * nanos_per_unit), form);
}

char *tl_format_timestamp(char *at, int64_t micros, const struct tl_format_time *form)
{
    return put_units(at, micros, MICROS_PER_SECOND, NANOS_PER_MICRO, form);
}

char *tl_format_timestamp_ns(char *at, int64_t nanos, const struct tl_format_time *form)
{
    return put_units(at, nanos, NANOS_PER_SECOND, 1, form);
}

static char *put_counted(char *at, int64_t count, const char *unit)
{
    at = tl_format_int64(at, count);
    *at++ = ' ';
    at = put_text(at, unit);
    if (count != 1 && count != -1)
        *at++ = 's';
    return at;
}

char *tl_format_interval(char *at, int32_t months, int32_t days, int64_t micros)
{
    static const struct tl_format_time form = {.digits = -1, .zone = ""};
    const char *start = at;
    const struct {
        int64_t count;
        const char *unit;
    } parts[] = {{months / 12, "year"}, {months % 12, "month"}, {days, "day"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].count == 0)
            continue;
        if (at > start)
            *at++ = ' ';
        at = put_counted(at, parts[i].count, parts[i].unit);
    }
    if (micros == 0 && at > start)
        return at;
    if (at > start)
        *at++ = ' ';
    return tl_format_time_of_day(at, micros, &form);
}

static char *put_year_month(char *at, int32_t months)
{
    uint64_t size = months < 0 ? 0 - (uint64_t)months : (uint64_t)months;
    if (months < 0)
        *at++ = '-';
    at = tl_format_uint64(at, size / 12);
    *at++ = '-';
    return tl_format_uint64(at, size % 12);
}

char *tl_format_interval_trino(char *at, int32_t months, int32_t days, int64_t micros)
{
    if (months != 0 && days == 0 && micros == 0)
        return put_year_month(at, months);
    if (months != 0)
        return tl_format_interval(at, months, days, micros);
    int64_t millis = (int64_t)days * SECONDS_PER_DAY * 1000 + micros / 1000; /* at most 2^31 days: fits */
    uint64_t size = millis < 0 ? 0 - (uint64_t)millis : (uint64_t)millis;
    if (millis < 0)
        *at++ = '-';
    at = tl_format_uint64(at, size / (SECONDS_PER_DAY * UINT64_C(1000)));
    *at++ = ' ';
    at = put_clock(at, size / 1000 % SECONDS_PER_DAY);
    return put_fraction(at, (uint32_t)(size % 1000) * 1000000, 3);
}

char *tl_format_uuid(char *at, const uint8_t *value)
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        uint8_t byte = (uint8_t)(value[15 - i] ^ (i == 0 ? 0x80 : 0));
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 15];
    }
    return at;
}
