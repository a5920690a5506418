#include "data/zone.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "data/value.h"

enum {
    FILE_BYTES_MAX = 256 * 1024,
    KINDS_MAX = 256,
    HEADER_SIZE = 44,
    SECONDS_PER_DAY = 86400,
    OFFSET_MAX = 26 * 3600,
};

/* "M10.5.0/3": the day of a month on which a half of the year begins. */
struct rule {
    int month, week, weekday;
    int32_t time; /* seconds after that day's midnight, by the clock before */
};

struct tl_zone {
    char name[TL_ZONE_NAME_MAX + 1];
    size_t count;
    const int64_t *instants; /* transitions, ascending */
    const int32_t *offsets;  /* from each on */
    int32_t first_offset;    /* before the first */
    int32_t standard, daylight; /* behind the last */
    bool has_rules;
    struct rule begin, end; /* of daylight time */
};

/* ---- the rule behind the last transition: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool read_name(const char **at)
{
    const char *start = *at;
    if (**at == '<') {
        *at += strcspn(*at, ">");
        return *(*at)++ == '>';
    }
    while ((**at | 0x20) >= 'a' && (**at | 0x20) <= 'z')
        (*at)++;
    return *at - start >= 3;
}

static bool read_number(const char **at, int most, int *ret_number)
{
    const char *start = *at;
    int number = 0;
    while (**at >= '0' && **at <= '9' && *at - start < 4)
        number = number * 10 + *(*at)++ - '0';
    *ret_number = number;
    return *at > start && number <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool read_time(const char **at, int32_t *ret_seconds)
{
    enum { HOURS_MAX = 167 };
    int sign = **at == '-' ? -1 : 1, part[3] = {0};
    *at += **at == '-' || **at == '+';
    bool good = read_number(at, HOURS_MAX, &part[0]);
    for (int i = 1; i < 3 && good && **at == ':'; i++) {
        (*at)++;
        good = read_number(at, 59, &part[i]);
    }
    *ret_seconds = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
    return good;
}

static bool read_rule(const char **at, struct rule *rule)
{
    rule->time = 2 * 3600;
    bool good = *(*at)++ == ',' && *(*at)++ == 'M' && read_number(at, 12, &rule->month) && rule->month >= 1 && *(*at)++ == '.' &&
                read_number(at, 5, &rule->week) && rule->week >= 1 && *(*at)++ == '.' && read_number(at, 6, &rule->weekday);
    if (good && **at == '/') {
        (*at)++;
        good = read_time(at, &rule->time);
    }
    return good;
}

/* false: of a form that no zone has now; the last transition's offset stays then. */
static bool read_footer(struct tl_zone *zone, const char *text)
{
    int32_t west;
    if (!read_name(&text) || !read_time(&text, &west))
        return false;
    zone->standard = -west;
    if (*text == '\0')
        return true;
    zone->daylight = zone->standard + 3600;
    if (!read_name(&text))
        return false;
    if (*text != ',') {
        if (!read_time(&text, &west))
            return false;
        zone->daylight = -west;
    }
    zone->has_rules = *text && read_rule(&text, &zone->begin) && *text && read_rule(&text, &zone->end) && *text == '\0';
    return zone->has_rules;
}

static int64_t days_of(int64_t year, int month)
{
    return tl_date_from_civil(year, month, 1);
}

static int64_t rule_instant(const struct rule *rule, int64_t year, int32_t offset_before)
{
    enum { EPOCH_WEEKDAY = 4, WEEK = 7, LAST_WEEK = 5 }; /* 1970-01-01 was a Thursday */
    int64_t first = days_of(year, rule->month);
    int64_t next = rule->month == 12 ? days_of(year + 1, 1) : days_of(year, rule->month + 1);
    int64_t weekday = ((first + EPOCH_WEEKDAY) % WEEK + WEEK) % WEEK;
    int64_t day = first + (rule->weekday - weekday + WEEK) % WEEK + (int64_t)(rule->week - 1) * WEEK;
    while (rule->week == LAST_WEEK && day >= next)
        day -= WEEK;
    return day * SECONDS_PER_DAY + rule->time - offset_before;
}

static int32_t offset_by_rules(const struct tl_zone *zone, int64_t seconds)
{
    int64_t days = seconds / SECONDS_PER_DAY - (seconds % SECONDS_PER_DAY < 0), year;
    int month, day;
    tl_date_to_civil(days, &year, &month, &day);
    int64_t begin = rule_instant(&zone->begin, year, zone->standard), end = rule_instant(&zone->end, year, zone->daylight);
    bool daylight = begin < end ? seconds >= begin && seconds < end : seconds >= begin || seconds < end;
    return daylight ? zone->daylight : zone->standard;
}

/* ---- TZif ---- */

static uint32_t big32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t big64(const char *at)
{
    return (int64_t)((uint64_t)big32(at) << 32 | big32(at + 4));
}

struct block {
    size_t instants, kinds, size; /* counts, and the bytes behind the header */
};

static bool read_header(struct tl_str bytes, size_t at, size_t time_size, struct block *block)
{
    if (at + HEADER_SIZE > bytes.size || memcmp(bytes.data + at, "TZif", 4) != 0)
        return false;
    const char *counts = bytes.data + at + 20;
    size_t utc = big32(counts), standard = big32(counts + 4), leaps = big32(counts + 8), letters = big32(counts + 20);
    block->instants = big32(counts + 12);
    block->kinds = big32(counts + 16);
    if (utc > FILE_BYTES_MAX || standard > FILE_BYTES_MAX || leaps > FILE_BYTES_MAX || letters > FILE_BYTES_MAX ||
        block->instants > FILE_BYTES_MAX || block->kinds == 0 || block->kinds > KINDS_MAX)
        return false;
    block->size = block->instants * (time_size + 1) + block->kinds * 6 + letters + leaps * (time_size + 4) + standard + utc;
    return at + HEADER_SIZE + block->size <= bytes.size;
}

static bool is_offset(int32_t offset)
{
    return offset >= -OFFSET_MAX && offset <= OFFSET_MAX;
}

static bool read_block(tl_arena *arena, struct tl_zone *zone, const char *at, const struct block *block)
{
    const char *indexes = at + 8 * block->instants, *kinds = indexes + block->instants;
    int64_t *instants = TL_NEW_ARRAY(arena, int64_t, block->instants);
    int32_t *offsets = TL_NEW_ARRAY(arena, int32_t, block->instants);
    for (size_t i = 0; i < block->instants; i++) {
        size_t kind = (unsigned char)indexes[i];
        instants[i] = big64(at + 8 * i);
        if (kind >= block->kinds || (i > 0 && instants[i] <= instants[i - 1]))
            return false;
        offsets[i] = (int32_t)big32(kinds + 6 * kind);
        if (!is_offset(offsets[i]))
            return false;
    }
    zone->count = block->instants;
    zone->instants = instants;
    zone->offsets = offsets;
    zone->first_offset = (int32_t)big32(kinds);
    zone->standard = zone->daylight = zone->count ? offsets[zone->count - 1] : zone->first_offset;
    return is_offset(zone->first_offset);
}

enum tl_code tl_zone_parse(tl_arena *arena, const char *name, struct tl_str bytes, const tl_zone **ret_zone, struct tl_err *err)
{
    struct block old, block;
    struct tl_zone *zone = TL_NEW(arena, struct tl_zone);
    snprintf(zone->name, sizeof zone->name, "%s", name);
    bool good = bytes.size <= FILE_BYTES_MAX && read_header(bytes, 0, 4, &old) && bytes.data[4] >= '2' &&
                read_header(bytes, HEADER_SIZE + old.size, 8, &block);
    size_t at = good ? 2 * HEADER_SIZE + old.size : 0;
    good = good && read_block(arena, zone, bytes.data + at, &block);
    if (!good)
        return tl_err_set(err, TL_INVALID_VALUE, "the time zone \"%s\" is not a TZif file of version 2 or later", name);
    at += block.size + 1; /* the footer stands between line feeds */
    const char *end = at < bytes.size ? memchr(bytes.data + at, '\n', bytes.size - at) : NULL;
    int32_t last = zone->standard;
    if (end && !read_footer(zone, tl_arena_strndup(arena, bytes.data + at, (size_t)(end - bytes.data) - at)))
        zone->standard = zone->daylight = last;
    *ret_zone = zone;
    return TL_OK;
}

int32_t tl_zone_offset(const tl_zone *zone, int64_t unix_seconds)
{
    if (zone->count == 0 || unix_seconds >= zone->instants[zone->count - 1])
        return zone->has_rules ? offset_by_rules(zone, unix_seconds) : zone->standard;
    if (unix_seconds < zone->instants[0])
        return zone->first_offset;
    size_t low = 0, high = zone->count - 1; /* instants[low] <= t < instants[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->instants[middle] <= unix_seconds)
            low = middle;
        else
            high = middle;
    }
    return zone->offsets[low];
}

const char *tl_zone_name(const tl_zone *zone)
{
    return zone->name;
}

/* ---- those that were asked for ---- */

static struct {
    pthread_mutex_t lock;
    tl_arena *arena;
    size_t count;
    const tl_zone *zones[TL_ZONES_MAX];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool is_utc(const char *name)
{
    static const char *const names[] = {"UTC",     "UT",      "UCT",      "GMT",     "Z",         "Zulu",     "Etc/UTC", "Etc/UT",
                                        "Etc/UCT", "Etc/GMT", "Etc/Zulu", "Etc/GMT0", "Greenwich", "Etc/Greenwich", "+00:00"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tl_streq_nocase(names[i], name))
            return true;
    return false;
}

/* Never a path that leaves the folder. */
static bool is_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    size_t size = strlen(name);
    return size > 0 && size <= TL_ZONE_NAME_MAX && strspn(name, allowed) == size && *name != '/' && *name != '-' && *name != '+';
}

static const tl_zone *fixed_zone(const char *name)
{
    int32_t seconds;
    const char *at = name;
    if ((*name != '+' && *name != '-') || strlen(name) > TL_ZONE_NAME_MAX || !read_time(&at, &seconds) || *at || !is_offset(seconds))
        return NULL;
    struct tl_zone *zone = TL_NEW(kept.arena, struct tl_zone);
    snprintf(zone->name, sizeof zone->name, "%s", name);
    zone->standard = zone->daylight = seconds;
    return zone;
}

static const tl_zone *read_zone(const char *name)
{
    char path[128];
    struct tl_err err;
    struct tl_buf bytes;
    const tl_zone *zone = NULL;
    if (!is_name(name))
        return fixed_zone(name);
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    tl_err_init(&err);
    tl_buf_init(&bytes, FILE_BYTES_MAX + 1);
    char *to = tl_buf_reserve(&bytes, FILE_BYTES_MAX);
    tl_buf_commit(&bytes, fread(to, 1, FILE_BYTES_MAX, file));
    fclose(file);
    if (tl_zone_parse(kept.arena, name, (struct tl_str){bytes.data, bytes.size}, &zone, &err) != TL_OK)
        zone = NULL;
    tl_buf_done(&bytes);
    return zone;
}

const tl_zone *tl_zone_find(const char *name)
{
    enum { ARENA_MAX = 64 * 1024 * 1024 };
    if (!name || is_utc(name))
        return NULL;
    const tl_zone *found = NULL;
    pthread_mutex_lock(&kept.lock);
    for (size_t i = 0; i < kept.count && !found; i++)
        found = tl_streq(kept.zones[i]->name, name) ? kept.zones[i] : NULL;
    if (!found && kept.count < TL_ZONES_MAX) {
        kept.arena = kept.arena ? kept.arena : tl_arena_new(ARENA_MAX);
        found = read_zone(name);
        if (found)
            kept.zones[kept.count++] = found;
    }
    pthread_mutex_unlock(&kept.lock);
    return found;
}
