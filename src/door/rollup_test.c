/* Which roll-ups are sound, which period a partition is, and which tier it is in. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka needs the three above */
#include <cmocka.h>

#include "door/rollup_testing_int.h"

static tl_arena *arena;
static struct tl_err err;

static int set_up(void **state)
{
    (void)state;
    arena = tl_arena_new(16 * 1024 * 1024);
    tl_err_init(&err);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

#define COLUMNS "\"time\":\"ts\",\"keys\":[\"account\"],\"measures\":{\"usage\":\"sum\",\"peak\":\"max\"}"
#define TIERS "\"tiers\":[{\"grain\":\"minute\",\"for\":\"7d\"},{\"grain\":\"hour\",\"for\":\"90d\"},{\"grain\":\"day\"}]"
static const int64_t day_us = INT64_C(86400000000);

static struct rollup read_sound(const char *transform, struct rollup_world *world)
{
    struct rollup rollup;
    assert_true(rollup_world_make(arena, transform, world, &err));
    if (rollup_read(arena, &world->table, &world->schema, "{" COLUMNS "," TIERS "}", &rollup, &err) != TL_OK)
        fail_msg("%s", err.message);
    return rollup;
}

static void test_columns_get_their_roles_and_tiers_their_ages(void **state)
{
    struct rollup_world world;
    struct rollup rollup = read_sound("day", &world);
    (void)state;
    assert_string_equal(rollup.time->name, "ts");
    assert_int_equal(rollup.roles[1], ROLLUP_KEY);
    assert_int_equal(rollup.roles[2], ROLLUP_SUM);
    assert_int_equal(rollup.roles[3], ROLLUP_MAX);
    assert_int_equal(rollup.tier_count, 3);
    assert_int_equal(rollup_tier_at(&rollup, 0)->grain, ROLLUP_MINUTE);
    assert_int_equal(rollup_tier_at(&rollup, 7 * day_us - 1)->grain, ROLLUP_MINUTE);
    assert_int_equal(rollup_tier_at(&rollup, 7 * day_us)->grain, ROLLUP_HOUR);
    assert_int_equal(rollup_tier_at(&rollup, 9000 * day_us)->grain, ROLLUP_DAY);
}

static void check_period(const char *transform, int64_t value, int64_t start_days, int64_t end_days)
{
    struct rollup_world world;
    struct rollup rollup = read_sound(transform, &world);
    struct tl_lake_value values[2] = {{.integer = value}, {.integer = 1}};
    int64_t start_us, end_us;
    assert_true(rollup_period(&rollup, &world.spec, values, &start_us, &end_us));
    assert_int_equal(start_us / day_us, start_days);
    assert_int_equal(end_us / day_us, end_days);
}

static void test_partitions_are_periods(void **state)
{
    struct rollup_world world;
    struct rollup rollup = read_sound("day", &world);
    struct tl_lake_value values[2] = {{.is_null = true}, {.integer = 1}};
    int64_t start_us, end_us;
    (void)state;
    check_period("day", 20000, 20000, 20001);
    check_period("month", 1, 31, 59);
    check_period("month", -1, -31, 0);
    check_period("year", 0, 0, 365);
    check_period("year", -1, -365, 0);
    assert_false(rollup_period(&rollup, &world.spec, values, &start_us, &end_us));
    values[0] = (struct tl_lake_value){.integer = INT64_MAX};
    assert_false(rollup_period(&rollup, &world.spec, values, &start_us, &end_us));
}

static void test_names_of_files_tell_their_grain(void **state)
{
    (void)state;
    assert_int_equal(rollup_grain_of(TL_STR("s3://b/t/data/x-rollup-hour-00001.parquet")), ROLLUP_HOUR);
    assert_int_equal(rollup_grain_of(TL_STR("a-rollup-day-1.parquet")), ROLLUP_DAY);
    assert_int_equal(rollup_grain_of(TL_STR("s3://b/x-rollup-hour-1/data/00001.parquet")), ROLLUP_GRAINS);
    assert_int_equal(rollup_grain_of(TL_STR("")), ROLLUP_GRAINS);
}

static void test_what_is_not_sound_is_refused(void **state)
{
    static const char *const texts[] = {
        "{", "7", "{}", "{" COLUMNS "}", "{" COLUMNS ",\"tiers\":[]}", "{" COLUMNS ",\"tiers\":[{\"grain\":\"minute\"}]}",
        "{" COLUMNS ",\"tiers\":[{\"grain\":\"minute\",\"for\":\"0d\"},{\"grain\":\"hour\"}]}",
        "{" COLUMNS ",\"tiers\":[{\"grain\":\"minute\",\"for\":\"9d\"},{\"grain\":\"hour\",\"for\":\"8d\"},{\"grain\":\"day\"}]}",
        "{" COLUMNS ",\"tiers\":[{\"grain\":\"minute\",\"for\":\"36501d\"},{\"grain\":\"hour\"}]}",
        "{" COLUMNS ",\"tiers\":[{\"grain\":\"minute\",\"for\":\"9000000000000000000d\"},{\"grain\":\"hour\"}]}",
        "{" COLUMNS ",\"tiers\":[{\"grain\":\"second\",\"for\":\"9d\"},{\"grain\":\"hour\"}]}",
        "{" COLUMNS ",\"tiers\":[{\"grain\":\"day\",\"for\":\"9d\"},{\"grain\":\"month\"}]}",
        "{\"time\":\"ts\",\"keys\":[\"account\",\"account\"],\"measures\":{\"usage\":\"sum\",\"peak\":\"max\"}," TIERS "}",
        "{\"time\":\"ts\",\"keys\":[\"account\"],\"measures\":{\"usage\":\"sum\",\"peak\":\"sum\"}," TIERS "}",
        "{\"time\":\"ts\",\"keys\":[7],\"measures\":{\"usage\":\"sum\",\"peak\":\"max\"}," TIERS "}",
    };
    struct rollup_world world;
    struct rollup rollup;
    (void)state;
    assert_true(rollup_world_make(arena, "day", &world, &err));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tl_err failure;
        tl_err_init(&failure);
        if (rollup_read(arena, &world.table, &world.schema, texts[i], &rollup, &failure) == TL_OK)
            fail_msg("%s is taken", texts[i]);
    }
}

static void test_an_age_is_days_or_a_duration_and_never_wraps(void **state)
{
    static const char *const refused[] = {"", "d", "-1d", "1.5d", "36501d", "9000000000000000000d", "7x", "7"};
    int64_t age_us;
    (void)state;
    assert_true(rollup_parse_age("7d", &age_us) && age_us == 7 * day_us);
    assert_true(rollup_parse_age("0d", &age_us) && age_us == 0);
    assert_true(rollup_parse_age("36500d", &age_us) && age_us == 36500 * day_us);
    assert_true(rollup_parse_age("36h", &age_us) && age_us == day_us * 3 / 2);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (rollup_parse_age(refused[i], &age_us))
            fail_msg("\"%s\" is taken", refused[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_columns_get_their_roles_and_tiers_their_ages),
        TEST(test_partitions_are_periods),
        TEST(test_names_of_files_tell_their_grain),
        TEST(test_what_is_not_sound_is_refused),
        TEST(test_an_age_is_days_or_a_duration_and_never_wraps),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
