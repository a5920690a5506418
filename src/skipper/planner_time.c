/* Phrases of time: "last quarter", "since March", "in the last 30 days", "Q3 2026". */
#include <stdlib.h>
#include <string.h>

#include "data/value.h"
#include "skipper/planner_int.h"

#define HOUR_US (TL_DAY_US / 24)
enum { COUNT_MAX = 10000, YEAR_LEAST = 1990, YEAR_MOST = 2100 };

struct scan {
    tl_arena *arena;
    const tl_semantic *model;
    int64_t now_us, today; /* days since 1970 */
    int64_t year;
    int month;
    const struct tl_word *words;
    size_t at, count;
};

static bool word_is(const struct scan *scan, size_t at, const char *choices)
{
    if (at >= scan->count)
        return false;
    size_t size = strlen(scan->words[at].text);
    for (const char *c = choices; *c; c += strcspn(c, " ") + (c[strcspn(c, " ")] == ' '))
        if (strcspn(c, " ") == size && memcmp(c, scan->words[at].text, size) == 0)
            return true;
    return false;
}

static int64_t month_start(int64_t year, int64_t month_from_zero)
{
    int64_t months = year * 12 + month_from_zero;
    return tl_date_from_civil(months / 12, (int)(months % 12) + 1, 1);
}

static struct tl_period days(int64_t from, int64_t to)
{
    return (struct tl_period){true, from * TL_DAY_US, to * TL_DAY_US, NULL};
}

static int find(const struct scan *scan, size_t at, const char *const *names, int count)
{
    for (int i = 0; at < scan->count && i < count; i++)
        if (strncmp(names[i], scan->words[at].text, strlen(scan->words[at].text)) == 0 && strlen(scan->words[at].text) >= 3)
            return i;
    return -1;
}

static int month_of(const struct scan *scan, size_t at)
{
    static const char *const names[] = {"january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
        "november", "december"};
    int month = find(scan, at, names, 12);
    return month < 0 && word_is(scan, at, "sept") ? 8 : month;
}

static int weekday_of(const struct scan *scan, size_t at)
{
    static const char *const names[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
    return at < scan->count && strlen(scan->words[at].text) >= 6 ? find(scan, at, names, 7) : -1;
}

static bool number_of(const struct scan *scan, size_t at, int64_t *ret_number)
{
    static const char *const names[] = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"};
    for (int i = 0; at < scan->count && i < 10; i++)
        if (strcmp(names[i], scan->words[at].text) == 0) {
            *ret_number = i + 1;
            return true;
        }
    if (at >= scan->count || !scan->words[at].number || strchr(scan->words[at].text, '.'))
        return false;
    *ret_number = strtoll(scan->words[at].text, NULL, 10);
    return *ret_number > 0 && *ret_number <= COUNT_MAX;
}

static bool year_of(const struct scan *scan, size_t at, int64_t *ret_year)
{
    return number_of(scan, at, ret_year) && *ret_year >= YEAR_LEAST && *ret_year < YEAR_MOST && strlen(scan->words[at].raw) == 4;
}

/* 2026-03-01 or 2026-03 */
static bool date_of(const struct scan *scan, size_t at, struct tl_period *ret_period)
{
    if (at >= scan->count)
        return false;
    const char *text = scan->words[at].raw;
    size_t size = strlen(text);
    if ((size != 10 && size != 7) || text[4] != '-' || strspn(text, "0123456789-") != size || (size == 10 && text[7] != '-'))
        return false;
    int64_t year = strtoll(text, NULL, 10);
    int month = (int)strtol(text + 5, NULL, 10), day = size == 10 ? (int)strtol(text + 8, NULL, 10) : 1;
    if (month < 1 || month > 12 || day < 1 || day > 31 || year < YEAR_LEAST || year >= YEAR_MOST)
        return false;
    int64_t from = tl_date_from_civil(year, month, day);
    *ret_period = size == 10 ? days(from, from + 1) : days(from, month_start(year, month));
    return true;
}

enum unit { UNIT_NONE, UNIT_HOUR, UNIT_DAY, UNIT_WEEK, UNIT_MONTH, UNIT_QUARTER, UNIT_YEAR };

static enum unit unit_of(const struct scan *scan, size_t at)
{
    static const char *const names[] = {"", "hour hours", "day days", "week weeks", "month months", "quarter quarters", "year years"};
    for (int i = 1; i <= UNIT_YEAR; i++)
        if (word_is(scan, at, names[i]))
            return (enum unit)i;
    return UNIT_NONE;
}

/* The one that is running. */
static struct tl_period this_unit(const struct scan *scan, enum unit unit)
{
    int64_t monday = scan->today - (scan->today + 3) % 7, tomorrow = scan->today + 1;
    if (unit == UNIT_WEEK)
        return scan->model->week_of_seven_days ? days(scan->today - 6, tomorrow) : days(monday, tomorrow);
    if (unit == UNIT_MONTH)
        return days(month_start(scan->year, scan->month), tomorrow);
    if (unit == UNIT_QUARTER)
        return days(month_start(scan->year, scan->month / 3 * 3), tomorrow);
    if (unit == UNIT_YEAR)
        return days(month_start(scan->year, 0), tomorrow);
    if (unit == UNIT_HOUR)
        return (struct tl_period){true, scan->now_us - scan->now_us % HOUR_US, scan->now_us, NULL};
    return days(scan->today, tomorrow);
}

/* The last `count` full ones. */
static struct tl_period full_units(const struct scan *scan, enum unit unit, int64_t count)
{
    int64_t monday = scan->today - (scan->today + 3) % 7, now = scan->month;
    switch (unit) {
    case UNIT_WEEK:
        return days(monday - 7 * count, monday);
    case UNIT_MONTH:
        return days(month_start(scan->year, now - count), month_start(scan->year, now));
    case UNIT_QUARTER:
        if (scan->model->quarter_of_full_months)
            return days(month_start(scan->year, now - 3 * count), month_start(scan->year, now));
        return days(month_start(scan->year, now / 3 * 3 - 3 * count), month_start(scan->year, now / 3 * 3));
    case UNIT_YEAR:
        return days(month_start(scan->year - count, 0), month_start(scan->year, 0));
    case UNIT_HOUR:
        return (struct tl_period){true, scan->now_us - count * HOUR_US, scan->now_us, NULL};
    default:
        return days(scan->today - count, scan->today);
    }
}

/* "last 30 days" has today in it; "last 3 months" are full ones. */
static struct tl_period last_units(const struct scan *scan, enum unit unit, int64_t count)
{
    if (unit == UNIT_HOUR && scan->model->hours_of_whole_days && count % 24 == 0)
        return days(scan->today - count / 24 + 1, scan->today + 1);
    if (unit == UNIT_DAY || unit == UNIT_WEEK)
        return days(scan->today - count * (unit == UNIT_WEEK ? 7 : 1) + 1, scan->today + 1);
    return full_units(scan, unit, count);
}

/* "last 30 days", "past quarter", "this week", "previous month" */
static size_t match_relative(const struct scan *scan, struct tl_time_phrase *phrase)
{
    size_t at = scan->at;
    int64_t number;
    bool current = word_is(scan, at, "this current"), past = word_is(scan, at, "last past previous");
    if (!current && !past)
        return 0;
    at++;
    bool counted = past && number_of(scan, at, &number);
    enum unit unit = unit_of(scan, at + counted);
    if (unit == UNIT_NONE)
        return 0;
    if (word_is(scan, scan->at, "previous") && counted) {
        phrase->kind = TL_TIME_SHIFT;
        return 3;
    }
    phrase->period = counted ? last_units(scan, unit, number) : past ? full_units(scan, unit, 1) : this_unit(scan, unit);
    if (past && !counted && unit == UNIT_HOUR)
        phrase->period = last_units(scan, unit, 1);
    return counted ? 3 : 2;
}

/* "the 30 days before", "the month before", "the previous period", "the period before" */
static size_t match_shift(const struct scan *scan, struct tl_time_phrase *phrase)
{
    size_t at = scan->at;
    int64_t number;
    phrase->kind = TL_TIME_SHIFT;
    if (word_is(scan, at, "previous prior preceding") && word_is(scan, at + 1, "period one"))
        return 2;
    if (word_is(scan, at, "prior preceding") && unit_of(scan, at + 1) != UNIT_NONE)
        return 2;
    if (word_is(scan, at, "prior preceding") && number_of(scan, at + 1, &number) && unit_of(scan, at + 2) != UNIT_NONE)
        return 3;
    if (word_is(scan, at, "period") && word_is(scan, at + 1, "before"))
        return 2;
    size_t unit_at = number_of(scan, at, &number) ? at + 1 : at;
    if (unit_of(scan, unit_at) != UNIT_NONE && word_is(scan, unit_at + 1, "before earlier"))
        return unit_at + 2 - at + (word_is(scan, unit_at + 2, "that") ? 1 : 0);
    if (word_is(scan, at, "before") && word_is(scan, at + 1, "that"))
        return 2;
    if (word_is(scan, at, "month week day quarter year") && word_is(scan, at + 1, "over on") && tl_streq(scan->words[at].text, at + 2 < scan->count
        ? scan->words[at + 2].text : NULL))
        return 3;
    return 0;
}

/* "Q3", "Q3 2026", "third quarter of 2026" */
static size_t match_quarter(const struct scan *scan, struct tl_period *period)
{
    static const char *const names[] = {"first", "second", "third", "fourth"};
    size_t at = scan->at, used = 0;
    int64_t quarter = -1, year;
    const char *text = at < scan->count ? scan->words[at].text : "";
    if (text[0] == 'q' && text[1] >= '1' && text[1] <= '4' && !text[2]) {
        quarter = text[1] - '1';
        used = 1;
    }
    for (int i = 0; quarter < 0 && i < 4; i++)
        if (word_is(scan, at, names[i]) && word_is(scan, at + 1, "quarter")) {
            quarter = i;
            used = 2;
        }
    if (quarter < 0)
        return 0;
    used += word_is(scan, at + used, "of in") && year_of(scan, at + used + 1, &year);
    if (year_of(scan, at + used, &year))
        used++;
    else
        year = quarter * 3 > scan->month ? scan->year - 1 : scan->year;
    *period = days(month_start(year, quarter * 3), month_start(year, quarter * 3 + 3));
    return used;
}

/* A day, month, quarter or year by its name. */
static size_t match_named(const struct scan *scan, struct tl_period *period)
{
    size_t at = scan->at, used;
    int64_t year;
    if (word_is(scan, at, "today"))
        return (*period = days(scan->today, scan->today + 1)), 1;
    if (word_is(scan, at, "yesterday"))
        return (*period = days(scan->today - 1, scan->today)), 1;
    if ((used = match_quarter(scan, period)) > 0)
        return used;
    if (date_of(scan, at, period))
        return 1;
    int weekday = weekday_of(scan, at), month = month_of(scan, at);
    if (weekday >= 0) {
        int64_t day = scan->today - (scan->today + 3 - weekday) % 7;
        *period = days(day, day + 1);
        return 1;
    }
    if (month >= 0 && !(word_is(scan, at, "may") && at == 0)) {
        used = year_of(scan, at + 1, &year) ? 2 : 1;
        if (used == 1)
            year = month > scan->month ? scan->year - 1 : scan->year;
        *period = days(month_start(year, month), month_start(year, month + 1));
        return used;
    }
    if (year_of(scan, at, &year))
        return (*period = days(month_start(year, 0), month_start(year + 1, 0))), 1;
    return 0;
}

static struct scan moved(const struct scan *scan, size_t at)
{
    struct scan copy = *scan;
    copy.at = at;
    return copy;
}

static size_t match_point(const struct scan *scan, struct tl_period *period)
{
    struct tl_time_phrase phrase = {.kind = TL_TIME_PERIOD};
    size_t used = match_named(scan, period);
    if (used == 0 && (used = match_relative(scan, &phrase)) > 0 && phrase.kind == TL_TIME_PERIOD)
        *period = phrase.period;
    return phrase.kind == TL_TIME_PERIOD ? used : 0;
}

/* "since March", "from 2026-09-01 to 2026-09-30", "between Monday and today", "3 days ago" */
static size_t match_span(const struct scan *scan, struct tl_period *period)
{
    struct tl_period end;
    struct scan inner = moved(scan, scan->at + 1);
    int64_t number;
    if (word_is(scan, scan->at, "since")) {
        inner.at += word_is(&inner, inner.at, "the") ? 1 : 0;
        size_t used = match_point(&inner, period);
        period->to_us = (scan->today + 1) * TL_DAY_US;
        return used ? inner.at - scan->at + used : 0;
    }
    if (word_is(scan, scan->at, "from between")) {
        size_t used = match_point(&inner, period);
        struct scan second = moved(scan, scan->at + 1 + used + 1);
        size_t more = used && word_is(scan, scan->at + 1 + used, "to and until till through") ? match_point(&second, &end) : 0;
        period->to_us = more ? end.to_us : 0;
        return more && period->to_us > period->from_us ? 1 + used + 1 + more : 0;
    }
    if (number_of(scan, scan->at, &number) && word_is(scan, scan->at + 1, "day days") && word_is(scan, scan->at + 2, "ago"))
        return (*period = days(scan->today - number, scan->today - number + 1)), 3;
    return 0;
}

static size_t match_grain(const struct scan *scan, enum tl_time_grain *grain)
{
    static const char *const names[] = {"", "daily day days", "weekly week weeks", "monthly month months", "quarterly quarter quarters",
        "yearly year years annually"};
    if (word_is(scan, scan->at, "trend") || (word_is(scan, scan->at, "over") && word_is(scan, scan->at + 1, "time"))) {
        *grain = TL_GRAIN_DAY;
        return word_is(scan, scan->at, "trend") ? 1 : 2;
    }
    for (int i = 1; i < 6; i++)
        if (word_is(scan, scan->at, names[i])) {
            *grain = (enum tl_time_grain)i;
            return 1;
        }
    return 0;
}

/* The words themselves, as they were written. */
static const char *words_of(const struct scan *scan, size_t used)
{
    struct tl_buf text;
    tl_buf_init(&text, TL_QUESTION_BYTES_MAX * 2);
    for (size_t i = 0; i < used; i++)
        tl_buf_addf(&text, "%s%s", i ? " " : "", scan->words[scan->at + i].raw);
    const char *copy = tl_arena_strdup(scan->arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

size_t tl_time_match(tl_arena *arena, const tl_semantic *model, int64_t now_us, const struct tl_word *words, size_t at, size_t count,
                     struct tl_time_phrase *ret_phrase)
{
    struct scan scan = {.arena = arena, .model = model, .now_us = now_us, .today = now_us / TL_DAY_US, .words = words, .at = at, .count = count};
    int day;
    tl_date_to_civil(scan.today, &scan.year, &scan.month, &day);
    scan.month--;
    *ret_phrase = (struct tl_time_phrase){.kind = TL_TIME_SHIFT};
    size_t used = match_shift(&scan, ret_phrase);
    if (used > 0)
        return used;
    ret_phrase->kind = TL_TIME_PERIOD;
    if ((used = match_span(&scan, &ret_phrase->period)) == 0 && (used = match_relative(&scan, ret_phrase)) == 0)
        used = match_named(&scan, &ret_phrase->period);
    if (used > 0) {
        ret_phrase->period.given = true;
        ret_phrase->period.words = words_of(&scan, used);
        return used;
    }
    ret_phrase->kind = TL_TIME_GRAIN;
    return match_grain(&scan, &ret_phrase->grain);
}

struct tl_period tl_period_before(tl_arena *arena, const struct tl_period *period)
{
    int64_t year, to_year;
    int month, day, to_month, to_day;
    tl_date_to_civil(period->from_us / TL_DAY_US, &year, &month, &day);
    tl_date_to_civil(period->to_us / TL_DAY_US, &to_year, &to_month, &to_day);
    struct tl_period before = *period;
    before.words = period->words ? tl_arena_printf(arena, "the period before %s", period->words) : "the period before";
    bool months = day == 1 && to_day == 1 && period->from_us % TL_DAY_US == 0 && period->to_us % TL_DAY_US == 0;
    int64_t length = months ? (to_year - year) * 12 + to_month - month : 0;
    before.to_us = period->from_us;
    before.from_us = length > 0 ? month_start(year, month - 1 - length) * TL_DAY_US : period->from_us - (period->to_us - period->from_us);
    return before;
}
