#include "door/rollup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "data/value.h"

enum { DAYS_MAX = 36500 };

static const int64_t day_us = INT64_C(86400000000), hour_us = INT64_C(3600000000);
static const char *const grain_names[] = {"minute", "hour", "day", "month"};

const char *rollup_grain_name(enum rollup_grain grain)
{
    return grain_names[grain];
}

enum rollup_grain rollup_grain_of(struct tl_str path)
{
    char mark[32];
    for (enum rollup_grain grain = ROLLUP_MINUTE; grain < ROLLUP_GRAINS; grain++) {
        snprintf(mark, sizeof mark, "-rollup-%s-", grain_names[grain]);
        size_t name = path.size;
        while (name > 0 && path.data[name - 1] != '/')
            name--;
        if (memmem(path.data + name, path.size - name, mark, strlen(mark)))
            return grain;
    }
    return ROLLUP_GRAINS;
}

static enum tl_code TL_PRINTF(2, 3) unsound(struct tl_err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tl_err_setv(err, TL_INVALID_ARGUMENT, format, args);
    va_end(args);
    tl_err_hint(err, "{\"time\": \"ts\", \"keys\": [\"id\"], \"measures\": {\"n\": \"sum\"}, \"tiers\": [{\"grain\": \"minute\", \"for\": \"7d\"}, "
                     "{\"grain\": \"hour\"}]}");
    return TL_INVALID_ARGUMENT;
}

/* Names in SQL have no case. */
static size_t column_of(const struct tl_lake_schema *schema, const char *name)
{
    for (size_t i = 0; name && i < schema->root.count; i++)
        if (tl_streq_nocase(schema->root.fields[i].name, name))
            return i;
    return SIZE_MAX;
}

static bool is_whole(const struct tl_lake_type *type)
{
    return type->id == TL_LAKE_INT || type->id == TL_LAKE_LONG || type->id == TL_LAKE_DECIMAL;
}

static enum tl_code read_measures(struct rollup *rollup, const tl_json *measures, bool *seen, struct tl_err *err)
{
    for (struct tl_json_iter it = tl_json_iter(measures); tl_json_next(&it);) {
        size_t at = column_of(rollup->schema, it.key);
        const char *how = tl_json_text(it.value);
        if (at == SIZE_MAX || seen[at])
            return unsound(err, "the roll-up's measure \"%.200s\" is no column, or is named twice", it.key);
        const struct tl_lake_type *type = &rollup->schema->root.fields[at].type;
        bool adds = tl_streq(how, "sum") || tl_streq(how, "count"), min = tl_streq(how, "min"), max = tl_streq(how, "max");
        if (!adds && !min && !max)
            return unsound(err, "the roll-up's measure \"%.200s\" cannot be put together again: offered are sum, count, min and max", it.key);
        if (adds ? !is_whole(type) : type->id > TL_LAKE_UUID)
            return unsound(err, "the roll-up's measure \"%.200s\" has a type whose sums are not exact", it.key);
        seen[at] = true;
        rollup->roles[at] = adds ? ROLLUP_SUM : min ? ROLLUP_MIN : ROLLUP_MAX;
    }
    return TL_OK;
}

static enum tl_code read_columns(tl_arena *arena, struct rollup *rollup, const tl_json *json, struct tl_err *err)
{
    const struct tl_lake_type *root = &rollup->schema->root;
    bool *seen = TL_NEW_ARRAY(arena, bool, root->count + 1);
    size_t at = column_of(rollup->schema, tl_json_get_text(json, "time"));
    if (at == SIZE_MAX || (root->fields[at].type.id != TL_LAKE_TIMESTAMP && root->fields[at].type.id != TL_LAKE_TIMESTAMPTZ))
        return unsound(err, "the roll-up's \"%s\" is no column with a moment", "time");
    rollup->time = &root->fields[at];
    rollup->roles[at] = ROLLUP_TIME;
    seen[at] = true;
    for (struct tl_json_iter it = tl_json_iter(tl_json_get(json, "keys")); tl_json_next(&it);) {
        at = column_of(rollup->schema, tl_json_text(it.value));
        if (at == SIZE_MAX || seen[at])
            return unsound(err, "the roll-up's key \"%.200s\" is no column, or is named twice", tl_json_text(it.value) ? tl_json_text(it.value) : "?");
        seen[at] = true;
        rollup->roles[at] = ROLLUP_KEY;
    }
    if (read_measures(rollup, tl_json_get(json, "measures"), seen, err) != TL_OK)
        return err->code;
    for (size_t i = 0; i < root->count; i++)
        if (!seen[i])
            return unsound(err, "the roll-up does not say what becomes of column \"%.200s\": make it a key or a measure", root->fields[i].name);
    return TL_OK;
}

bool rollup_parse_age(const char *text, int64_t *ret_us)
{
    char *end;
    size_t size = strlen(text);
    if (size < 2 || text[size - 1] != 'd')
        return tl_parse_duration_us(text, ret_us);
    int64_t days = strtoll(text, &end, 10);
    if (end != text + size - 1 || days < 0 || days > DAYS_MAX)
        return false;
    *ret_us = days * day_us;
    return true;
}

static bool read_time(const char *text, int64_t *ret_us)
{
    return text && rollup_parse_age(text, ret_us) && *ret_us > 0;
}

static enum tl_code read_tiers(struct rollup *rollup, const tl_json *tiers, struct tl_err *err)
{
    size_t count = tl_json_count(tiers);
    if (!tl_json_is_array(tiers) || count < 2 || count > ROLLUP_TIERS_MAX)
        return unsound(err, "the roll-up needs \"%s\": 2 to 8 of them", "tiers");
    for (struct tl_json_iter it = tl_json_iter(tiers); tl_json_next(&it);) {
        struct rollup_tier *tier = &rollup->tiers[rollup->tier_count], *before = rollup->tier_count ? tier - 1 : NULL;
        const char *grain = tl_json_get_text(it.value, "grain");
        bool last = rollup->tier_count + 1 == count;
        tier->grain = ROLLUP_MINUTE;
        while (tier->grain < ROLLUP_GRAINS && !tl_streq(grain_names[tier->grain], grain))
            tier->grain++;
        if (tier->grain == ROLLUP_GRAINS || (before && tier->grain <= before->grain))
            return unsound(err, "the roll-up's tiers become coarser: minute, hour, day, month; not \"%.40s\"", grain ? grain : "?");
        tier->for_us = -1;
        if (!last && (!read_time(tl_json_get_text(it.value, "for"), &tier->for_us) || (before && tier->for_us <= before->for_us)))
            return unsound(err, "each tier but the last says how old its rows become, such as \"7d\", and longer than the one before: \"%.40s\"", grain);
        rollup->tier_count++;
    }
    return TL_OK;
}

/* Which grain a period of the transform holds whole. */
static int coarsest_of(enum tl_lake_transform_id id)
{
    return id == TL_LAKE_HOUR ? ROLLUP_HOUR : id == TL_LAKE_DAY ? ROLLUP_DAY : id == TL_LAKE_MONTH || id == TL_LAKE_YEAR ? ROLLUP_MONTH : -1;
}

static const struct tl_lake_spec_field *period_field(const struct rollup *rollup, const struct tl_lake_spec *spec, size_t *ret_at)
{
    for (size_t i = 0; i < spec->count; i++)
        if (spec->fields[i].source_id == rollup->time->id && coarsest_of(spec->fields[i].transform.id) >= 0) {
            *ret_at = i;
            return &spec->fields[i];
        }
    return NULL;
}

static bool fits_measures(const struct rollup *rollup, const struct tl_lake_spec *spec)
{
    for (size_t i = 0; i < spec->count; i++)
        for (size_t c = 0; c < rollup->schema->root.count; c++)
            if (rollup->schema->root.fields[c].id == spec->fields[i].source_id && rollup->roles[c] > ROLLUP_KEY)
                return false;
    return true;
}

enum tl_code rollup_read(tl_arena *arena, const struct tl_lake_table *table, const struct tl_lake_schema *schema, const char *text,
                         struct rollup *ret_rollup, struct tl_err *err)
{
    const tl_json *json;
    size_t at;
    *ret_rollup = (struct rollup){.schema = schema, .roles = TL_NEW_ARRAY(arena, enum rollup_role, schema->root.count + 1)};
    if (tl_json_parse(arena, text, strlen(text), &json, err) != TL_OK)
        return err->code;
    if (read_columns(arena, ret_rollup, json, err) != TL_OK || read_tiers(ret_rollup, tl_json_get(json, "tiers"), err) != TL_OK)
        return err->code;
    const struct tl_lake_spec_field *field = period_field(ret_rollup, table->spec, &at);
    enum rollup_grain coarsest = ret_rollup->tiers[ret_rollup->tier_count - 1].grain;
    if (!field || coarsest_of(field->transform.id) < (int)coarsest || !fits_measures(ret_rollup, table->spec))
        return unsound(err, "a table that is rolled up to \"%s\" is partitioned by periods of its time at least as long, and by no measure",
                       grain_names[coarsest]);
    return TL_OK;
}

static int64_t month_us(int64_t month)
{
    int64_t year = month / 12 - (month % 12 < 0);
    return tl_date_from_civil(1970 + year, (int)(month - year * 12) + 1, 1) * day_us;
}

bool rollup_period(const struct rollup *rollup, const struct tl_lake_spec *spec, const struct tl_lake_value *values, int64_t *ret_start_us,
                   int64_t *ret_end_us)
{
    size_t at;
    const struct tl_lake_spec_field *field = period_field(rollup, spec, &at);
    enum rollup_grain coarsest = rollup->tiers[rollup->tier_count - 1].grain;
    if (!field || values[at].is_null || coarsest_of(field->transform.id) < (int)coarsest || !fits_measures(rollup, spec))
        return false;
    int64_t value = values[at].integer, most = 100000000;
    if (value < -most || value > most)
        return false;
    switch (field->transform.id) {
    case TL_LAKE_HOUR:
        *ret_start_us = value * hour_us;
        *ret_end_us = *ret_start_us + hour_us;
        return true;
    case TL_LAKE_DAY:
        *ret_start_us = value > 100000 || value < -100000 ? 0 : value * day_us;
        *ret_end_us = *ret_start_us + day_us;
        return value <= 100000 && value >= -100000;
    default: {
        int64_t months = field->transform.id == TL_LAKE_YEAR ? 12 : 1;
        if (value < -3000 || value > 3000)
            return false;
        *ret_start_us = month_us(value * months);
        *ret_end_us = month_us((value + 1) * months);
        return true;
    }
    }
}

const struct rollup_tier *rollup_tier_at(const struct rollup *rollup, int64_t age_us)
{
    size_t at = 0;
    while (at + 1 < rollup->tier_count && age_us >= rollup->tiers[at].for_us)
        at++;
    return &rollup->tiers[at];
}
