#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "data/batch.h"
#include "data/zone.h"

/* Made with Python's zoneinfo: offsets before the first transition, around changes of the clock, and far behind the last one. */
static const struct {
    const char *zone;
    int64_t unix_seconds;
    int32_t offset;
} cases[] = {
    {"Europe/Berlin", -5000000000, 3208},
    {"Europe/Berlin", -1, 3600},
    {"Europe/Berlin", 0, 3600},
    {"Europe/Berlin", 500000000, 3600},
    {"Europe/Berlin", 1711846799, 3600},
    {"Europe/Berlin", 1711846800, 7200},
    {"Europe/Berlin", 1729990799, 7200},
    {"Europe/Berlin", 1729990800, 3600},
    {"Europe/Berlin", 1719792000, 7200},
    {"Europe/Berlin", 4086000000, 7200},
    {"Europe/Berlin", 4102444800, 3600},
    {"Europe/Berlin", 4118000000, 7200},
    {"Europe/Berlin", 7258118400, 3600},
    {"America/New_York", -5000000000, -17762},
    {"America/New_York", -1, -18000},
    {"America/New_York", 0, -18000},
    {"America/New_York", 500000000, -18000},
    {"America/New_York", 1711846799, -14400},
    {"America/New_York", 1711846800, -14400},
    {"America/New_York", 1729990799, -14400},
    {"America/New_York", 1729990800, -14400},
    {"America/New_York", 1719792000, -14400},
    {"America/New_York", 4086000000, -14400},
    {"America/New_York", 4102444800, -18000},
    {"America/New_York", 4118000000, -14400},
    {"America/New_York", 7258118400, -18000},
    {"America/Sao_Paulo", -5000000000, -11188},
    {"America/Sao_Paulo", -1, -10800},
    {"America/Sao_Paulo", 0, -10800},
    {"America/Sao_Paulo", 500000000, -7200},
    {"America/Sao_Paulo", 1711846799, -10800},
    {"America/Sao_Paulo", 1711846800, -10800},
    {"America/Sao_Paulo", 1729990799, -10800},
    {"America/Sao_Paulo", 1729990800, -10800},
    {"America/Sao_Paulo", 1719792000, -10800},
    {"America/Sao_Paulo", 4086000000, -10800},
    {"America/Sao_Paulo", 4102444800, -10800},
    {"America/Sao_Paulo", 4118000000, -10800},
    {"America/Sao_Paulo", 7258118400, -10800},
    {"Asia/Kolkata", -5000000000, 21208},
    {"Asia/Kolkata", -1, 19800},
    {"Asia/Kolkata", 0, 19800},
    {"Asia/Kolkata", 500000000, 19800},
    {"Asia/Kolkata", 1711846799, 19800},
    {"Asia/Kolkata", 1711846800, 19800},
    {"Asia/Kolkata", 1729990799, 19800},
    {"Asia/Kolkata", 1729990800, 19800},
    {"Asia/Kolkata", 1719792000, 19800},
    {"Asia/Kolkata", 4086000000, 19800},
    {"Asia/Kolkata", 4102444800, 19800},
    {"Asia/Kolkata", 4118000000, 19800},
    {"Asia/Kolkata", 7258118400, 19800},
    {"Australia/Lord_Howe", -5000000000, 38180},
    {"Australia/Lord_Howe", -1, 36000},
    {"Australia/Lord_Howe", 0, 36000},
    {"Australia/Lord_Howe", 500000000, 39600},
    {"Australia/Lord_Howe", 1711846799, 39600},
    {"Australia/Lord_Howe", 1711846800, 39600},
    {"Australia/Lord_Howe", 1729990799, 39600},
    {"Australia/Lord_Howe", 1729990800, 39600},
    {"Australia/Lord_Howe", 1719792000, 37800},
    {"Australia/Lord_Howe", 4086000000, 37800},
    {"Australia/Lord_Howe", 4102444800, 39600},
    {"Australia/Lord_Howe", 4118000000, 37800},
    {"Australia/Lord_Howe", 7258118400, 39600},
    {"Pacific/Apia", -5000000000, 45184},
    {"Pacific/Apia", -1, -39600},
    {"Pacific/Apia", 0, -39600},
    {"Pacific/Apia", 500000000, -39600},
    {"Pacific/Apia", 1711846799, 46800},
    {"Pacific/Apia", 1711846800, 46800},
    {"Pacific/Apia", 1729990799, 46800},
    {"Pacific/Apia", 1729990800, 46800},
    {"Pacific/Apia", 1719792000, 46800},
    {"Pacific/Apia", 4086000000, 46800},
    {"Pacific/Apia", 4102444800, 46800},
    {"Pacific/Apia", 4118000000, 46800},
    {"Pacific/Apia", 7258118400, 46800},
    {"Europe/Dublin", -5000000000, -1521},
    {"Europe/Dublin", -1, 3600},
    {"Europe/Dublin", 0, 3600},
    {"Europe/Dublin", 500000000, 0},
    {"Europe/Dublin", 1711846799, 0},
    {"Europe/Dublin", 1711846800, 3600},
    {"Europe/Dublin", 1729990799, 3600},
    {"Europe/Dublin", 1729990800, 0},
    {"Europe/Dublin", 1719792000, 3600},
    {"Europe/Dublin", 4086000000, 3600},
    {"Europe/Dublin", 4102444800, 0},
    {"Europe/Dublin", 4118000000, 3600},
    {"Europe/Dublin", 7258118400, 0},
    {"America/Nuuk", -5000000000, -12416},
    {"America/Nuuk", -1, -10800},
    {"America/Nuuk", 0, -10800},
    {"America/Nuuk", 500000000, -10800},
    {"America/Nuuk", 1711846799, -7200},
    {"America/Nuuk", 1711846800, -3600},
    {"America/Nuuk", 1729990799, -3600},
    {"America/Nuuk", 1729990800, -7200},
    {"America/Nuuk", 1719792000, -3600},
    {"America/Nuuk", 4086000000, -3600},
    {"America/Nuuk", 4102444800, -7200},
    {"America/Nuuk", 4118000000, -3600},
    {"America/Nuuk", 7258118400, -7200},
    {"Asia/Tehran", -5000000000, 12344},
    {"Asia/Tehran", -1, 12600},
    {"Asia/Tehran", 0, 12600},
    {"Asia/Tehran", 500000000, 12600},
    {"Asia/Tehran", 1711846799, 12600},
    {"Asia/Tehran", 1711846800, 12600},
    {"Asia/Tehran", 1729990799, 12600},
    {"Asia/Tehran", 1729990800, 12600},
    {"Asia/Tehran", 1719792000, 12600},
    {"Asia/Tehran", 4086000000, 12600},
    {"Asia/Tehran", 4102444800, 12600},
    {"Asia/Tehran", 4118000000, 12600},
    {"Asia/Tehran", 7258118400, 12600},
    {"Africa/Casablanca", -5000000000, -1820},
    {"Africa/Casablanca", -1, 0},
    {"Africa/Casablanca", 0, 0},
    {"Africa/Casablanca", 500000000, 3600},
    {"Africa/Casablanca", 1711846799, 0},
    {"Africa/Casablanca", 1711846800, 0},
    {"Africa/Casablanca", 1729990799, 3600},
    {"Africa/Casablanca", 1729990800, 3600},
    {"Africa/Casablanca", 1719792000, 3600},
    {"Africa/Casablanca", 4086000000, 3600},
    {"Africa/Casablanca", 4102444800, 3600},
    {"Africa/Casablanca", 4118000000, 3600},
    {"Africa/Casablanca", 7258118400, 3600},
    {"Antarctica/Troll", -5000000000, 0},
    {"Antarctica/Troll", -1, 0},
    {"Antarctica/Troll", 0, 0},
    {"Antarctica/Troll", 500000000, 0},
    {"Antarctica/Troll", 1711846799, 0},
    {"Antarctica/Troll", 1711846800, 7200},
    {"Antarctica/Troll", 1729990799, 7200},
    {"Antarctica/Troll", 1729990800, 0},
    {"Antarctica/Troll", 1719792000, 7200},
    {"Antarctica/Troll", 4086000000, 7200},
    {"Antarctica/Troll", 4102444800, 0},
    {"Antarctica/Troll", 4118000000, 7200},
    {"Antarctica/Troll", 7258118400, 0},
};

static void test_offsets_are_those_of_the_zone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tl_zone *zone = tl_zone_find(cases[i].zone);
        if (!zone)
            fail_msg("no zone %s", cases[i].zone);
        int32_t offset = tl_zone_offset(zone, cases[i].unix_seconds);
        if (offset != cases[i].offset)
            fail_msg("%s at %lld: %d, not %d", cases[i].zone, (long long)cases[i].unix_seconds, offset, cases[i].offset);
    }
}

static void test_zones_are_read_once(void **state)
{
    (void)state;
    const tl_zone *berlin = tl_zone_find("Europe/Berlin");
    assert_ptr_equal(tl_zone_find("Europe/Berlin"), berlin);
    assert_string_equal(tl_zone_name(berlin), "Europe/Berlin");
}

static void test_fixed_offsets_need_no_file(void **state)
{
    (void)state;
    assert_int_equal(tl_zone_offset(tl_zone_find("+05:30"), 0), 19800);
    assert_int_equal(tl_zone_offset(tl_zone_find("-03"), 1700000000), -10800);
    assert_null(tl_zone_find("+99:00"));
    assert_null(tl_zone_find("+"));
}

static void test_utc_and_what_is_no_zone_give_none(void **state)
{
    (void)state;
    static const char *const names[] = {"UTC", "utc", "Etc/UTC", "Z", "", "Europe/Nowhere", "../../../etc/passwd", "/etc/passwd", "posixrules/..",
                                        "Europe", "zone.tab", "Europe/Berlin\n", "a name that is longer than any zone's name may be"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_null(tl_zone_find(names[i]));
    assert_null(tl_zone_find(NULL));
}

static void test_instants_are_written_by_the_clock_of_the_zone(void **state)
{
    (void)state;
    static const int64_t values[] = {1719792000123456, 0, INT64_MAX, -INT64_MAX};
    static const char *const texts[] = {"\"2024-07-01 02:00:00.123456 Europe/Berlin\"", "\"1970-01-01 01:00:00.000000 Europe/Berlin\"", "\"infinity\"",
                                        "\"-infinity\""};
    struct tl_type type = tl_type_simple(TL_TYPE_TIMESTAMPTZ);
    struct tl_column column = {.type = &type, .row_count = 4, .data = values};
    for (size_t row = 0; row < column.row_count; row++) {
        struct tl_buf buf;
        tl_buf_init(&buf, 200);
        tl_column_format_trino_in(&buf, &column, row, tl_zone_find("Europe/Berlin"));
        assert_string_equal(tl_buf_cstr(&buf), texts[row]);
        tl_buf_done(&buf);
    }
}

static void test_files_that_are_none_are_refused(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(1 << 20);
    const tl_zone *zone;
    struct tl_err err;
    static const char head[44] = "TZif2";
    struct tl_str bad[] = {TL_STR(""), TL_STR("TZif"), {head, sizeof head}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tl_err_init(&err);
        assert_int_equal(tl_zone_parse(arena, "Bad", bad[i], &zone, &err), TL_INVALID_VALUE);
    }
    tl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_those_of_the_zone),
        cmocka_unit_test(test_zones_are_read_once),
        cmocka_unit_test(test_fixed_offsets_need_no_file),
        cmocka_unit_test(test_utc_and_what_is_no_zone_give_none),
        cmocka_unit_test(test_instants_are_written_by_the_clock_of_the_zone),
        cmocka_unit_test(test_files_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
