/* How long a table's old snapshots stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "door/upkeep.h"

static void test_an_age_too_long_to_count_is_for_ever(void **state)
{
    const int64_t day_us = INT64_C(86400000000);
    (void)state;
    assert_int_equal(tl_upkeep_keep_us(INT64_C(2) * 86400000, day_us), 2 * day_us);
    assert_int_equal(tl_upkeep_keep_us(1, day_us), day_us);
    assert_int_equal(tl_upkeep_keep_us(INT64_MAX, day_us), INT64_MAX); /* as Iceberg's users say "all of them" */
    assert_int_equal(tl_upkeep_keep_us(INT64_MAX / 1000 + 1, day_us), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_age_too_long_to_count_is_for_ever)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
