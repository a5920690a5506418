/* Patterns of MySQL (date_format, date_parse) and of Joda-Time (format_datetime, parse_datetime), English names, UTC wall clock. */
#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "data/value.h"
#include "engines/duckdb/trino_text.h"

enum { NAME_SHORT = 3 };

static const char *const months[] = {"January", "February", "March",     "April",   "May",      "June",
                                     "July",    "August",   "September", "October", "November", "December"};
static const char *const days[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

struct clock {
    struct tm tm; /* tm_year is the year itself */
    int microseconds, iso_year, iso_week;
};

/* --- the calendar --- */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int64_t year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month - 1] + (month == 2 && is_leap(year));
}

static int weeks_in_year(int64_t year)
{
    int64_t first = (tl_date_from_civil(year, 1, 1) % 7 + 11) % 7; /* 0 = Sunday */
    return first == 4 || (first == 3 && is_leap(year)) ? 53 : 52;
}

static bool read_clock(int64_t microseconds, struct clock *clock)
{
    int64_t second = microseconds / 1000000, rest = microseconds % 1000000;
    second -= rest < 0;
    time_t time = second;
    if (!gmtime_r(&time, &clock->tm))
        return false;
    clock->microseconds = (int)(rest < 0 ? rest + 1000000 : rest);
    clock->tm.tm_year += 1900;
    int weekday = clock->tm.tm_wday ? clock->tm.tm_wday : 7;
    clock->iso_year = clock->tm.tm_year;
    clock->iso_week = (clock->tm.tm_yday + 1 - weekday + 10) / 7;
    if (clock->iso_week < 1)
        clock->iso_week = weeks_in_year(--clock->iso_year);
    else if (clock->iso_week > weeks_in_year(clock->iso_year)) {
        clock->iso_week = 1;
        clock->iso_year++;
    }
    return true;
}

static int hour_12(const struct clock *clock)
{
    return clock->tm.tm_hour % 12 ? clock->tm.tm_hour % 12 : 12;
}

/* --- MySQL: writing --- */

static void put_mysql(struct tl_buf *out, const struct clock *c, char field);

static void put_mysql_time(struct tl_buf *out, const struct clock *c, char field)
{
    const struct tm *t = &c->tm;
    switch (field) {
    case 'H':
        return tl_buf_addf(out, "%02d", t->tm_hour);
    case 'k':
        return tl_buf_addf(out, "%d", t->tm_hour);
    case 'h':
    case 'I':
        return tl_buf_addf(out, "%02d", hour_12(c));
    case 'l':
        return tl_buf_addf(out, "%d", hour_12(c));
    case 'i':
        return tl_buf_addf(out, "%02d", t->tm_min);
    case 's':
    case 'S':
        return tl_buf_addf(out, "%02d", t->tm_sec);
    case 'f':
        return tl_buf_addf(out, "%06d", c->microseconds / 1000 * 1000);
    case 'p':
        return tl_buf_adds(out, t->tm_hour < 12 ? "AM" : "PM");
    case 'r':
        return tl_buf_addf(out, "%02d:%02d:%02d %s", hour_12(c), t->tm_min, t->tm_sec, t->tm_hour < 12 ? "AM" : "PM");
    case 'T':
        return tl_buf_addf(out, "%02d:%02d:%02d", t->tm_hour, t->tm_min, t->tm_sec);
    default:
        tl_buf_addc(out, field);
    }
}

static void put_mysql(struct tl_buf *out, const struct clock *c, char field)
{
    const struct tm *t = &c->tm;
    switch (field) {
    case 'a':
        return tl_buf_add(out, days[t->tm_wday], NAME_SHORT);
    case 'W':
        return tl_buf_adds(out, days[t->tm_wday]);
    case 'b':
        return tl_buf_add(out, months[t->tm_mon], NAME_SHORT);
    case 'M':
        return tl_buf_adds(out, months[t->tm_mon]);
    case 'c':
        return tl_buf_addf(out, "%d", t->tm_mon + 1);
    case 'm':
        return tl_buf_addf(out, "%02d", t->tm_mon + 1);
    case 'd':
        return tl_buf_addf(out, "%02d", t->tm_mday);
    case 'e':
        return tl_buf_addf(out, "%d", t->tm_mday);
    case 'j':
        return tl_buf_addf(out, "%03d", t->tm_yday + 1);
    case 'v':
        return tl_buf_addf(out, "%02d", c->iso_week);
    case 'x':
        return tl_buf_addf(out, "%04d", c->iso_year);
    case 'Y':
        return tl_buf_addf(out, "%04d", t->tm_year);
    case 'y':
        return tl_buf_addf(out, "%02d", (t->tm_year % 100 + 100) % 100);
    default:
        put_mysql_time(out, c, field);
    }
}

static enum tl_code refuse_field(struct tl_err *err, const char *function, char field)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "%%%c is not offered in a pattern of %s", field, function);
}

TL_TRINO_FUNCTION(tl_trino_mysql_format)
{
    struct clock clock;
    struct tl_str pattern = args[1].text;
    if (!read_clock(args[0].number, &clock))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the time is out of range");
    for (size_t i = 0; i < pattern.size; i++) {
        if (pattern.data[i] != '%') {
            tl_buf_addc(out, pattern.data[i]);
            continue;
        }
        if (++i == pattern.size)
            break;
        if (memchr("DUuVwX", pattern.data[i], 6))
            return refuse_field(err, "date_format", pattern.data[i]);
        put_mysql(out, &clock, pattern.data[i]);
    }
    ret->null = false;
    return TL_OK;
}

/* --- reading, both kinds of patterns --- */

struct reader {
    struct tl_str text;
    size_t at;
    int64_t year;
    int month, day, day_of_year, hour, minute, second, microseconds;
    int half; /* 0 = not said, 1 = AM, 2 = PM */
    bool zoned;
    int offset_minutes;
};

static bool read_number(struct reader *r, int digits_max, int64_t *ret_number)
{
    int64_t value = 0;
    int digits = 0;
    for (; digits < digits_max && r->at < r->text.size && isdigit((unsigned char)r->text.data[r->at]); digits++)
        value = value * 10 + (r->text.data[r->at++] - '0');
    *ret_number = value;
    return digits > 0;
}

static bool read_int(struct reader *r, int digits_max, int *ret_number)
{
    int64_t value;
    bool good = read_number(r, digits_max, &value) && value <= INT_MAX;
    *ret_number = good ? (int)value : 0;
    return good;
}

/* A name of the list, whole or its first three letters, without regard to case; its index, -1 = none. */
static int read_word(struct reader *r, const char *const *names, int count)
{
    size_t left = r->text.size - r->at;
    for (int whole = 1; whole >= 0; whole--)
        for (int i = 0; i < count; i++) {
            size_t size = whole ? strlen(names[i]) : NAME_SHORT;
            if (size <= left && strncasecmp(r->text.data + r->at, names[i], size) == 0) {
                r->at += size;
                return i;
            }
        }
    return -1;
}

static bool read_half(struct reader *r)
{
    static const char *const halves[] = {"AM", "PM"};
    for (int i = 0; i < 2; i++)
        if (r->text.size - r->at >= 2 && strncasecmp(r->text.data + r->at, halves[i], 2) == 0) {
            r->at += 2;
            r->half = i + 1;
            return true;
        }
    return false;
}

/* Digits behind a point are a fraction of a second. */
static bool read_fraction(struct reader *r, int digits_max)
{
    size_t start = r->at;
    int64_t value;
    if (!read_number(r, digits_max, &value))
        return false;
    for (size_t i = r->at - start; i < 6; i++)
        value *= 10;
    for (size_t i = r->at - start; i > 6; i--)
        value /= 10;
    r->microseconds = (int)value;
    return true;
}

/* Z, +02:00, -0530 */
static bool read_offset(struct reader *r)
{
    int hours, minutes;
    r->zoned = true;
    if (r->at < r->text.size && (r->text.data[r->at] == 'Z' || r->text.data[r->at] == 'z')) {
        r->at++;
        return true;
    }
    if (r->at >= r->text.size || (r->text.data[r->at] != '+' && r->text.data[r->at] != '-'))
        return false;
    bool west = r->text.data[r->at++] == '-';
    if (!read_int(r, 2, &hours))
        return false;
    r->at += r->at < r->text.size && r->text.data[r->at] == ':';
    if (!read_int(r, 2, &minutes))
        return false;
    r->offset_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

static bool is_valid(struct reader *r)
{
    if (r->half) {
        if (r->hour < 1 || r->hour > 12)
            return false;
        r->hour = r->hour % 12 + (r->half == 2 ? 12 : 0);
    }
    return r->month >= 1 && r->month <= 12 && r->day >= 1 && r->day <= days_in_month(r->year, r->month) && r->hour <= 23 &&
           r->minute <= 59 && r->second <= 59 && r->year <= 200000 && r->year >= -200000 &&
           r->day_of_year <= 365 + is_leap(r->year);
}

static enum tl_code finish(struct reader *r, bool good, const char *pattern_of, struct tl_trino_value *ret, struct tl_err *err)
{
    good = good && r->at == r->text.size && is_valid(r);
    if (!good)
        return tl_err_set(err, TL_INVALID_ARGUMENT, "\"%.*s\" is not of the pattern of %s", (int)(r->text.size < 100 ? r->text.size : 100),
                          r->text.data, pattern_of);
    int64_t day = r->day_of_year ? tl_date_from_civil(r->year, 1, 1) + r->day_of_year - 1 : tl_date_from_civil(r->year, r->month, r->day);
    int64_t second = ((day * 24 + r->hour) * 60 + r->minute - r->offset_minutes) * 60 + r->second;
    ret->number = second * 1000000 + r->microseconds;
    ret->null = false;
    return TL_OK;
}

static struct reader reader_of(struct tl_str text)
{
    return (struct reader){.text = text, .year = 1970, .month = 1, .day = 1};
}

static bool read_literal(struct reader *r, char c)
{
    return r->at < r->text.size && r->text.data[r->at] == c && ++r->at;
}

static bool read_mysql(struct reader *r, char field);

static bool read_mysql_time(struct reader *r, char field)
{
    switch (field) {
    case 'H':
    case 'k':
        return read_int(r, 2, &r->hour);
    case 'h':
    case 'I':
    case 'l':
        r->half = r->half ? r->half : 1;
        return read_int(r, 2, &r->hour);
    case 'i':
        return read_int(r, 2, &r->minute);
    case 's':
    case 'S':
        return read_int(r, 2, &r->second);
    case 'f':
        return read_fraction(r, 9);
    case 'p':
        return read_half(r);
    case 'T':
        return read_mysql(r, 'H') && read_literal(r, ':') && read_mysql(r, 'i') && read_literal(r, ':') && read_mysql(r, 's');
    case 'r':
        return read_mysql(r, 'h') && read_literal(r, ':') && read_mysql(r, 'i') && read_literal(r, ':') && read_mysql(r, 's') &&
               read_literal(r, ' ') && read_half(r);
    default:
        return read_literal(r, field);
    }
}

static bool read_mysql(struct reader *r, char field)
{
    switch (field) {
    case 'Y':
        return read_number(r, 4, &r->year);
    case 'y':
        if (!read_number(r, 2, &r->year))
            return false;
        r->year += r->year < 70 ? 2000 : 1900;
        return true;
    case 'm':
    case 'c':
        return read_int(r, 2, &r->month);
    case 'd':
    case 'e':
        return read_int(r, 2, &r->day);
    case 'j':
        return read_int(r, 3, &r->day_of_year);
    case 'b':
    case 'M':
        r->month = read_word(r, months, 12) + 1;
        return r->month > 0;
    case 'a':
    case 'W':
        return read_word(r, days, 7) >= 0;
    default:
        return read_mysql_time(r, field);
    }
}

TL_TRINO_FUNCTION(tl_trino_mysql_parse)
{
    struct tl_str pattern = args[1].text;
    struct reader reader = reader_of(args[0].text);
    bool good = true;
    for (size_t i = 0; i < pattern.size && good; i++) {
        if (pattern.data[i] != '%' || i + 1 == pattern.size) {
            good = read_literal(&reader, pattern.data[i]);
            continue;
        }
        if (memchr("DUuVwXvx", pattern.data[++i], 8))
            return refuse_field(err, "date_parse", pattern.data[i]);
        good = read_mysql(&reader, pattern.data[i]);
    }
    return finish(&reader, good, "date_parse", ret, err);
}

/* --- Joda-Time --- */

/* A run of one letter; quoted text is given to `literal` byte by byte.  Returns where the next piece begins. */
struct piece {
    char letter; /* 0 = literal text */
    size_t count, start, end;
};

static size_t next_piece(struct tl_str pattern, size_t at, struct piece *piece)
{
    char c = pattern.data[at];
    *piece = (struct piece){.start = at, .end = at + 1};
    if (c == '\'') {
        if (at + 1 < pattern.size && pattern.data[at + 1] == '\'') /* '' is one quote */
            return at + 2;
        size_t end = at + 1;
        while (end < pattern.size && pattern.data[end] != '\'')
            end++;
        piece->start = at + 1;
        piece->end = end;
        return end + (end < pattern.size);
    }
    if (!isalpha((unsigned char)c))
        return at + 1;
    piece->letter = c;
    while (piece->end < pattern.size && pattern.data[piece->end] == c)
        piece->end++;
    piece->count = piece->end - at;
    return piece->end;
}

static void put_year(struct tl_buf *out, int64_t year, size_t count)
{
    if (count == 2)
        tl_buf_addf(out, "%02d", (int)((year % 100 + 100) % 100));
    else
        tl_buf_addf(out, "%0*lld", (int)(count < 20 ? count : 20), (long long)year);
}

static void put_name(struct tl_buf *out, const char *name, size_t count)
{
    tl_buf_add(out, name, count > NAME_SHORT ? strlen(name) : NAME_SHORT);
}

/* Digits of a fraction of a second. */
static void put_fraction(struct tl_buf *out, int microseconds, size_t count)
{
    char digits[8] = "000000";
    for (int i = 5; i >= 0; i--, microseconds /= 10)
        digits[i] = (char)('0' + microseconds % 10);
    for (size_t i = 0; i < count; i++)
        tl_buf_addc(out, i < 3 ? digits[i] : '0'); /* Joda-Time knows milliseconds */
}

static bool put_joda_time(struct tl_buf *out, const struct clock *c, char letter, size_t count)
{
    int width = (int)(count < 20 ? count : 20);
    switch (letter) {
    case 'H':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_hour), true;
    case 'k':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_hour ? c->tm.tm_hour : 24), true;
    case 'h':
        return tl_buf_addf(out, "%0*d", width, hour_12(c)), true;
    case 'K':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_hour % 12), true;
    case 'm':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_min), true;
    case 's':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_sec), true;
    case 'S':
        return put_fraction(out, c->microseconds, count), true;
    case 'a':
        return tl_buf_adds(out, c->tm.tm_hour < 12 ? "AM" : "PM"), true;
    case 'Z': /* the wall clock is that of UTC */
        return tl_buf_adds(out, count == 1 ? "+0000" : count == 2 ? "+00:00" : "UTC"), true;
    case 'z':
        return tl_buf_adds(out, count < 4 ? "UTC" : "Coordinated Universal Time"), true;
    default:
        return false;
    }
}

static bool put_joda(struct tl_buf *out, const struct clock *c, char letter, size_t count)
{
    int width = (int)(count < 20 ? count : 20);
    switch (letter) {
    case 'y':
    case 'Y':
        return put_year(out, c->tm.tm_year, count), true;
    case 'x':
        return put_year(out, c->iso_year, count), true;
    case 'C':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_year / 100), true;
    case 'G':
        return tl_buf_adds(out, c->tm.tm_year > 0 ? "AD" : "BC"), true;
    case 'M':
        if (count >= NAME_SHORT)
            return put_name(out, months[c->tm.tm_mon], count), true;
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_mon + 1), true;
    case 'd':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_mday), true;
    case 'D':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_yday + 1), true;
    case 'w':
        return tl_buf_addf(out, "%0*d", width, c->iso_week), true;
    case 'e':
        return tl_buf_addf(out, "%0*d", width, c->tm.tm_wday ? c->tm.tm_wday : 7), true;
    case 'E':
        return put_name(out, days[c->tm.tm_wday], count), true;
    default:
        return put_joda_time(out, c, letter, count);
    }
}

static enum tl_code refuse_letter(struct tl_err *err, char letter)
{
    return tl_err_set(err, TL_INVALID_ARGUMENT, "the letter \"%c\" is not offered in a pattern; quote it as text", letter);
}

TL_TRINO_FUNCTION(tl_trino_joda_format)
{
    struct clock clock;
    struct piece piece;
    struct tl_str pattern = args[1].text;
    if (!read_clock(args[0].number, &clock))
        return tl_err_set(err, TL_INVALID_ARGUMENT, "the time is out of range");
    for (size_t at = 0; at < pattern.size;) {
        at = next_piece(pattern, at, &piece);
        if (!piece.letter)
            tl_buf_add(out, pattern.data + piece.start, piece.end - piece.start);
        else if (!put_joda(out, &clock, piece.letter, piece.count))
            return refuse_letter(err, piece.letter);
    }
    ret->null = false;
    return TL_OK;
}

static bool read_joda_time(struct reader *r, char letter, int digits)
{
    switch (letter) {
    case 'H':
        return read_int(r, digits, &r->hour);
    case 'h':
        r->half = r->half ? r->half : 1;
        return read_int(r, digits, &r->hour);
    case 'm':
        return read_int(r, digits, &r->minute);
    case 's':
        return read_int(r, digits, &r->second);
    case 'S':
        return read_fraction(r, 9);
    case 'a':
        return read_half(r);
    case 'Z':
        return read_offset(r);
    default:
        return false;
    }
}

static bool read_joda(struct reader *r, char letter, size_t count)
{
    int digits = count > 2 ? (int)(count < 18 ? count : 18) : 2;
    switch (letter) {
    case 'y':
    case 'Y':
        if (!read_number(r, count == 2 ? 2 : count > 4 ? digits : 4, &r->year))
            return false;
        if (count == 2)
            r->year += r->year < 70 ? 2000 : 1900;
        return true;
    case 'M':
        if (count < NAME_SHORT)
            return read_int(r, digits, &r->month);
        r->month = read_word(r, months, 12) + 1;
        return r->month > 0;
    case 'd':
        return read_int(r, digits, &r->day);
    case 'D':
        return read_int(r, 3, &r->day_of_year);
    case 'E':
        return read_word(r, days, 7) >= 0;
    default:
        return read_joda_time(r, letter, digits);
    }
}

TL_TRINO_FUNCTION(tl_trino_joda_parse)
{
    struct piece piece;
    struct tl_str pattern = args[1].text;
    struct reader reader = reader_of(args[0].text);
    bool good = true;
    for (size_t at = 0; at < pattern.size && good;) {
        at = next_piece(pattern, at, &piece);
        if (piece.letter && !strchr("yYMdDEHhmsSaZ", piece.letter))
            return refuse_letter(err, piece.letter);
        if (piece.letter)
            good = read_joda(&reader, piece.letter, piece.count);
        for (size_t i = piece.start; !piece.letter && i < piece.end && good; i++)
            good = read_literal(&reader, pattern.data[i]);
    }
    return finish(&reader, good, "parse_datetime", ret, err);
}
