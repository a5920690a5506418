#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/spool.h"
#include "base/clock.h"

static bool has(tl_spool *spool, const char *id, const char *bytes)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 1000);
    bool found = tl_spool_get(spool, id, &buf) && strcmp(tl_buf_cstr(&buf), bytes) == 0;
    tl_buf_done(&buf);
    return found;
}

static void test_a_segment_is_there_until_it_is_acknowledged(void **state)
{
    (void)state;
    tl_spool *spool = tl_spool_new(NULL);
    char one[TL_SPOOL_ID_SIZE], two[TL_SPOOL_ID_SIZE];
    assert_true(tl_spool_put(spool, "q1", TL_STR("first"), one));
    assert_true(tl_spool_put(spool, "q1", TL_STR("second"), two));
    assert_string_not_equal(one, two);
    assert_true(has(spool, one, "first") && has(spool, one, "first") && has(spool, two, "second"));
    assert_false(has(spool, "", "first"));
    assert_false(has(spool, "00000000000000000000000000000000", "first"));
    assert_true(tl_spool_drop(spool, one));
    assert_false(tl_spool_drop(spool, one));
    assert_false(has(spool, one, "first"));
    assert_int_equal(tl_spool_bytes(spool), 6);
    tl_spool_free(spool);
}

static void test_room_is_bounded_in_all_and_for_one_statement(void **state)
{
    (void)state;
    struct tl_spool_limits limits = {.bytes_max = 20, .statement_bytes_max = 10};
    tl_spool *spool = tl_spool_new(&limits);
    char id[TL_SPOOL_ID_SIZE];
    assert_true(tl_spool_put(spool, "q1", TL_STR("12345678"), id));
    assert_false(tl_spool_put(spool, "q1", TL_STR("123"), id));
    assert_true(tl_spool_put(spool, "q2", TL_STR("1234567890"), id));
    assert_false(tl_spool_put(spool, "q3", TL_STR("123"), id));
    tl_spool_drop_statement(spool, "q1");
    assert_true(tl_spool_put(spool, "q3", TL_STR("123"), id));
    assert_int_equal(tl_spool_bytes(spool), 13);
    tl_spool_free(spool);
}

static void test_what_nobody_fetches_is_forgotten(void **state)
{
    (void)state;
    struct tl_spool_limits limits = {.keep_us = 1000000};
    tl_spool *spool = tl_spool_new(&limits);
    char id[TL_SPOOL_ID_SIZE];
    assert_true(tl_spool_put(spool, "q1", TL_STR("x"), id));
    tl_spool_expire(spool, tl_clock_monotonic_us());
    assert_true(has(spool, id, "x"));
    tl_spool_expire(spool, tl_clock_monotonic_us() + 2000000);
    assert_false(has(spool, id, "x"));
    assert_int_equal(tl_spool_bytes(spool), 0);
    tl_spool_free(spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_segment_is_there_until_it_is_acknowledged),
        cmocka_unit_test(test_room_is_bounded_in_all_and_for_one_statement),
        cmocka_unit_test(test_what_nobody_fetches_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
