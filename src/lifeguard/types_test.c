/* A reviewed column that its source gives another type waits for a review again. */
#include "lifeguard/lifeguard_testing.h"

static void listed(const char *id, const char *email, const char *country)
{
    const char *const types[] = {id, email, country};
    const struct tl_listed_dataset dataset = {accounts_scope, 3, columns, types};
    as(NULL);
    expect_ok(tl_lifeguard_listed(&rq, guard, "ops", &dataset, 1));
}

static int64_t version(void)
{
    struct tl_lifeguard_health health;
    tl_lifeguard_health(guard, &health);
    return health.version;
}

static void test_another_type_takes_the_review_of_that_column_back(void **state)
{
    (void)state;
    review("{\"others\":\"open\",\"columns\":{\"email\":\"masked:last4\"}}");
    grant(READS_OPS);
    listed("bigint", "varchar", "varchar");
    assert_string_equal(seen_by(&ann, false), "id,email=last4,country");
    listed("bigint", "varbinary", "varchar");
    assert_string_equal(seen_by(&ann, false), "id,country");
    listed("bigint", "varbinary", "varchar"); /* it stays so until it is reviewed */
    assert_string_equal(seen_by(&ann, false), "id,country");
    review("{\"columns\":{\"email\":\"masked:hash\"}}");
    listed("bigint", "varbinary", "varchar");
    assert_string_equal(seen_by(&ann, false), "id,email=hash,country");
    listed("integer", "varbinary", "varchar");
    assert_string_equal(seen_by(&ann, false), "email=hash,country");
}

static void test_it_says_what_changed(void **state)
{
    (void)state;
    struct tl_buf buf;
    struct tl_json_writer json;
    review("{\"others\":\"open\"}");
    listed("bigint", "varchar", "varchar");
    listed("bigint", "varchar", "bigint");
    tl_buf_init(&buf, 1 << 20);
    tl_json_writer_init(&json, &buf);
    as(&root);
    expect_ok(tl_lifeguard_put_history(&rq, guard, "ops", 10, &json));
    assert_non_null(strstr(tl_buf_cstr(&buf), "1 reviewed columns have another type and wait again (public.accounts.country: bigint, was varchar)"));
    assert_non_null(strstr(tl_buf_cstr(&buf), "\"user\":\"townlake\""));
    tl_buf_done(&buf);
}

static void test_nothing_is_written_when_nothing_differs(void **state)
{
    (void)state;
    listed("bigint", "varchar", "varchar"); /* of no review */
    assert_int_equal(version(), 0);
    review("{\"columns\":{\"id\":\"open\"}}");
    listed("bigint", "varchar", "varchar");
    int64_t noted = version();
    listed("bigint", "double", "double"); /* those wait anyway */
    listed("bigint", "varchar", "varchar");
    assert_int_equal(version(), noted);
    assert_true(tl_lifeguard_is_reviewed(guard, &accounts_scope));
    assert_false(tl_lifeguard_is_reviewed(guard, &(struct tl_grant_scope){.source = "ops", .schema = "public", .table = "other"}));
}

static void test_types_survive_a_restart(void **state)
{
    (void)state;
    review("{\"others\":\"open\"}");
    grant(READS_OPS);
    listed("bigint", "varchar", "varchar");
    close_guard();
    open_guard(false);
    listed("bigint", "varchar", "date");
    assert_string_equal(seen_by(&ann, false), "id,email");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_another_type_takes_the_review_of_that_column_back),
        TEST(test_it_says_what_changed),
        TEST(test_nothing_is_written_when_nothing_differs),
        TEST(test_types_survive_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
