/* Quotas: which hold, when they are used up, what is told, and that a restart forgets nothing. */
#include "lifeguard/lifeguard_testing.h"
#include "lifeguard/quota.h"

static const char *const both[] = {"analyst", "contractor"};
static const struct tl_principal dan = {.user = "dan", .group_count = 2, .groups = both, .authenticated = true};

static const char *quota(const char *body)
{
    const char *id;
    as(&root);
    expect_ok(tl_lifeguard_quota(&rq, guard, json_of(body), &id));
    return id;
}

/* A statement of the principal that takes this; what it is told. */
static enum tl_code run_as(const struct tl_principal *principal, struct tl_use use)
{
    tl_quota *quota;
    as(principal);
    enum tl_code code = tl_quota_open(&rq, guard, &quota);
    return code == TL_OK ? tl_quota_use(&rq, quota, &use) : code;
}

static void test_a_quota_ends_the_statement_that_passes_it_and_the_next(void **state)
{
    (void)state;
    const char *id = quota("{\"user\":\"ann\",\"per\":\"1d\",\"rows\":100,\"reason\":\"slow\"}");
    assert_int_equal(run_as(&ann, (struct tl_use){.rows = 99}), TL_OK);
    assert_int_equal(run_as(&ann, (struct tl_use){.rows = 1}), TL_OK); /* all of it may be used */
    assert_int_equal(run_as(&ann, (struct tl_use){.rows = 0}), TL_QUOTA_EXCEEDED);
    assert_non_null(strstr(rq.err.message, id));
    assert_non_null(strstr(rq.err.message, "100 rows in a day"));
    assert_non_null(strstr(rq.err.detail, "user ann"));
    assert_non_null(strstr(rq.err.detail, "T00:00:00Z"));
    assert_non_null(strstr(rq.err.hint, "group admin"));
    assert_int_equal(run_as(&carl, (struct tl_use){.rows = 1000}), TL_OK);
    as(&root);
    expect_ok(tl_lifeguard_remove_quota(&rq, guard, id, "fine"));
    assert_int_equal(run_as(&ann, (struct tl_use){.rows = 1}), TL_OK);
}

static void test_what_one_statement_takes_is_counted_once(void **state)
{
    (void)state;
    tl_quota *open;
    quota("{\"everyone\":true,\"per\":\"1h\",\"bytes\":\"1KiB\",\"reason\":\"x\"}");
    as(&ann);
    expect_ok(tl_quota_open(&rq, guard, &open));
    for (int i = 0; i <= 1024; i++)
        expect_ok(tl_quota_use(&rq, open, &(struct tl_use){.bytes = i}));
    expect_ok(tl_quota_use(&rq, open, &(struct tl_use){.bytes = 10})); /* what falls does not count backwards */
    assert_int_equal(tl_quota_use(&rq, open, &(struct tl_use){.bytes = 1025}), TL_QUOTA_EXCEEDED);
}

static void test_every_measure_and_window_is_counted(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        struct tl_use use;
    } cases[] = {
        {"{\"user\":\"ann\",\"per\":\"1h\",\"rows_scanned\":10,\"reason\":\"x\"}", {.rows_scanned = 11}},
        {"{\"user\":\"ann\",\"per\":\"7d\",\"rows\":10,\"reason\":\"x\"}", {.rows = 11}},
        {"{\"user\":\"ann\",\"per\":\"30d\",\"bytes\":10,\"reason\":\"x\"}", {.bytes = 11}},
        {"{\"user\":\"ann\",\"per\":\"1d\",\"time\":\"10ms\",\"reason\":\"x\"}", {.time_us = 10001}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *id = quota(cases[i].body);
        assert_int_equal(run_as(&ann, cases[i].use), TL_QUOTA_EXCEEDED);
        as(&root);
        expect_ok(tl_lifeguard_remove_quota(&rq, guard, id, "next"));
        assert_int_equal(run_as(&ann, (struct tl_use){0}), TL_OK);
    }
}

static void test_ones_own_quota_comes_before_the_groups_before_everyones(void **state)
{
    (void)state;
    const struct tl_use fifty = {.rows = 50};
    quota("{\"everyone\":true,\"per\":\"1d\",\"rows\":10,\"reason\":\"x\"}");
    assert_int_equal(run_as(&dan, fifty), TL_QUOTA_EXCEEDED);
    quota("{\"group\":\"analyst\",\"per\":\"1d\",\"rows\":40,\"reason\":\"x\"}");
    assert_int_equal(run_as(&dan, (struct tl_use){0}), TL_QUOTA_EXCEEDED);
    quota("{\"group\":\"contractor\",\"per\":\"1d\",\"rows\":200,\"reason\":\"x\"}"); /* of two groups the larger */
    assert_int_equal(run_as(&dan, fifty), TL_OK);
    assert_int_equal(run_as(&ann, fifty), TL_QUOTA_EXCEEDED);
    quota("{\"user\":\"dan\",\"per\":\"1d\",\"rows\":5,\"reason\":\"x\"}");
    assert_int_equal(run_as(&dan, (struct tl_use){0}), TL_QUOTA_EXCEEDED);
    assert_non_null(strstr(rq.err.detail, "user dan"));
    quota("{\"group\":\"analyst\",\"per\":\"1h\",\"time\":\"1s\",\"reason\":\"x\"}"); /* of another measure: holds beside */
    assert_int_equal(run_as(&dan, (struct tl_use){0}), TL_QUOTA_EXCEEDED);
}

static void test_a_quota_made_later_knows_what_was_used_before(void **state)
{
    (void)state;
    assert_int_equal(run_as(&ann, (struct tl_use){.rows = 500}), TL_OK);
    quota("{\"user\":\"ann\",\"per\":\"30d\",\"rows\":400,\"reason\":\"x\"}");
    assert_int_equal(run_as(&ann, (struct tl_use){0}), TL_QUOTA_EXCEEDED);
}

static void test_a_restart_forgets_nothing(void **state)
{
    (void)state;
    quota("{\"user\":\"ann\",\"per\":\"30d\",\"rows\":400,\"reason\":\"x\"}");
    assert_int_equal(run_as(&ann, (struct tl_use){.rows = 300}), TL_OK);
    close_guard();
    open_guard(false);
    assert_int_equal(run_as(&ann, (struct tl_use){.rows = 100}), TL_OK);
    close_guard();
    open_guard(false);
    assert_int_equal(run_as(&ann, (struct tl_use){0}), TL_QUOTA_EXCEEDED);
}

static void test_only_administrators_make_quotas_that_mean_something(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{}", "{\"user\":\"a\",\"per\":\"1d\",\"rows\":1}",
        "{\"user\":\"a\",\"per\":\"1d\",\"reason\":\"x\"}", "{\"user\":\"a\",\"per\":\"2d\",\"rows\":1,\"reason\":\"x\"}",
        "{\"per\":\"1d\",\"rows\":1,\"reason\":\"x\"}",
        "{\"user\":\"a\",\"per\":\"1d\",\"rows\":-1,\"reason\":\"x\"}", "{\"user\":\"a\",\"per\":\"1d\",\"rows\":\"many\",\"reason\":\"x\"}",
        "{\"user\":\"a\",\"per\":\"1d\",\"time\":5,\"reason\":\"x\"}", "{\"user\":\"a\",\"per\":\"1d\",\"bytes\":\"5 apples\",\"reason\":\"x\"}",
    };
    const char *id;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        as(&root);
        if (tl_lifeguard_quota(&rq, guard, json_of(bodies[i]), &id) != TL_INVALID_ARGUMENT)
            fail_msg("%s: %s", bodies[i], rq.err.message);
    }
    as(&ann);
    assert_int_equal(tl_lifeguard_quota(&rq, guard, json_of("{\"user\":\"a\",\"per\":\"1d\",\"rows\":1,\"reason\":\"x\"}"), &id), TL_NOT_ALLOWED);
    as(&ann);
    assert_int_equal(tl_lifeguard_remove_quota(&rq, guard, "quota-x", "x"), TL_NOT_ALLOWED);
    as(&root);
    assert_int_equal(tl_lifeguard_remove_quota(&rq, guard, "quota-x", "x"), TL_NOT_FOUND);
}

static const char *listed(const struct tl_principal *principal, void (*put)(struct tl_request *rq, tl_lifeguard *lifeguard, struct tl_json_writer *json))
{
    struct tl_buf buf;
    struct tl_json_writer json;
    as(principal);
    tl_buf_init(&buf, 1 << 20);
    tl_json_writer_init(&json, &buf);
    put(&rq, guard, &json);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return copy;
}

static void test_people_see_their_own_quotas_and_use(void **state)
{
    (void)state;
    quota("{\"group\":\"analyst\",\"per\":\"1d\",\"rows\":40,\"time\":\"2m\",\"reason\":\"x\"}");
    quota("{\"user\":\"carl\",\"per\":\"1h\",\"bytes\":\"2KiB\",\"reason\":\"x\"}");
    assert_int_equal(run_as(&ann, (struct tl_use){.rows = 7, .rows_scanned = 987654}), TL_OK);
    assert_non_null(strstr(listed(&ann, tl_lifeguard_put_quotas), "\"rows\":40,\"time\":\"120000ms\""));
    assert_null(strstr(listed(&ann, tl_lifeguard_put_quotas), "carl"));
    assert_non_null(strstr(listed(&root, tl_lifeguard_put_quotas), "\"bytes\":2048"));
    assert_non_null(strstr(listed(&ann, tl_lifeguard_put_use), "\"rows\":7"));
    assert_null(strstr(listed(&ann, tl_lifeguard_put_use), "987654")); /* it tells of rows one may not see */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_quota_ends_the_statement_that_passes_it_and_the_next),
        TEST(test_what_one_statement_takes_is_counted_once),
        TEST(test_every_measure_and_window_is_counted),
        TEST(test_ones_own_quota_comes_before_the_groups_before_everyones),
        TEST(test_a_quota_made_later_knows_what_was_used_before),
        TEST(test_a_restart_forgets_nothing),
        TEST(test_only_administrators_make_quotas_that_mean_something),
        TEST(test_people_see_their_own_quotas_and_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
