/* door/rollup.h -- how a table ages: its property "townlake.rollup" says by which columns its rows are put together when they are old.
 *
 *   {"time": "minute", "keys": ["account_id", "metric"], "measures": {"usage": "sum", "requests": "count", "peak": "max"},
 *    "tiers": [{"grain": "minute", "for": "7d"}, {"grain": "hour", "for": "90d"}, {"grain": "day"}]}
 *
 * Sound is: every column is time, key or measure; measures can be added up again exactly (sum and count of whole numbers and
 *   decimals, min and max of anything that is ordered); tiers become coarser, the last has no end; the table is partitioned by the
 *   time column, in periods that no tier's grain crosses.
 * Owns: in the arena; column names and types are the schema's.
 */
#ifndef TL_DOOR_ROLLUP_H
#define TL_DOOR_ROLLUP_H

#include "lake/describe.h"

enum { ROLLUP_TIERS_MAX = 8 };
enum rollup_grain { ROLLUP_MINUTE, ROLLUP_HOUR, ROLLUP_DAY, ROLLUP_MONTH, ROLLUP_GRAINS };
enum rollup_role { ROLLUP_TIME, ROLLUP_KEY, ROLLUP_SUM, ROLLUP_MIN, ROLLUP_MAX };

struct rollup_tier {
    enum rollup_grain grain;
    int64_t for_us; /* -1: for ever */
};
struct rollup {
    const struct tl_lake_schema *schema;
    const struct tl_lake_field *time;
    enum rollup_role *roles; /* per column of the schema */
    struct rollup_tier tiers[ROLLUP_TIERS_MAX];
    size_t tier_count;
};

#define ROLLUP_PROPERTY "townlake.rollup"

/* schema: the columns it speaks of.  TL_INVALID_ARGUMENT says what is not sound. */
TL_CHECKED enum tl_code rollup_read(tl_arena *arena, const struct tl_lake_table *table, const struct tl_lake_schema *schema, const char *text,
                                    struct rollup *ret_rollup, struct tl_err *err);
/* The period [*ret_start_us, *ret_end_us) of a partition of the spec; false: it has none (no time, or another spec). */
bool rollup_period(const struct rollup *rollup, const struct tl_lake_spec *spec, const struct tl_lake_value *values, int64_t *ret_start_us,
                   int64_t *ret_end_us);
/* "7d" (whole days, at most 100 years of them) beside the other units of the configuration. */
bool rollup_parse_age(const char *text, int64_t *ret_us);
/* The tier of rows that old. */
const struct rollup_tier *rollup_tier_at(const struct rollup *rollup, int64_t age_us);
const char *rollup_grain_name(enum rollup_grain grain);
/* Names of files that a roll-up wrote tell their grain; ROLLUP_GRAINS: it is no such file. */
enum rollup_grain rollup_grain_of(struct tl_str path);

#endif
