/* Tags change without a review and without changing one. */
#include "lifeguard/lifeguard_testing.h"

static const char *const pii[] = {"pii.email"}, *const curated[] = {"curated", "billing"};
static const struct tl_grant_scope email = {.source = "ops", .schema = "public", .table = "accounts", .column = "email"};

static const char *rules(void)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    tl_buf_init(&buf, 1 << 20);
    tl_json_writer_init(&json, &buf);
    expect_ok(tl_lifeguard_put_dataset(&rq, guard, &accounts_scope, &json));
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return copy;
}

static void test_tags_leave_reviewed_columns_and_their_masks_as_they_are(void **state)
{
    (void)state;
    review("{\"others\":\"open\",\"columns\":{\"email\":\"masked:last4\"}}");
    grant(READS_OPS);
    const struct tl_tagging taggings[] = {{accounts_scope, 2, curated}, {email, 1, pii}};
    as(&root);
    expect_ok(tl_lifeguard_tag(&rq, guard, taggings, 2, "test"));
    assert_string_equal(seen_by(&ann, false), "id,email=last4,country");
    assert_non_null(strstr(rules(), "\"curated\",\"billing\""));
    assert_non_null(strstr(rules(), "pii.email"));
}

static void test_a_tagged_table_that_nobody_reviewed_still_waits(void **state)
{
    (void)state;
    grant(READS_OPS);
    as(&root);
    expect_ok(tl_lifeguard_tag(&rq, guard, &(struct tl_tagging){email, 1, pii}, 1, "test"));
    assert_int_equal(tl_lifeguard_pending(guard, &accounts_scope, columns, 3), 3);
    assert_string_equal(seen_by(&ann, false), "not_allowed");
}

static void test_a_tag_brings_its_grants(void **state)
{
    (void)state;
    review("{\"others\":\"open\"}");
    grant(READS_OPS);
    grant("{\"group\":\"analyst\",\"privileges\":\"read\",\"effect\":\"deny\",\"scope\":{\"tag\":\"pii.email\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    as(&root);
    expect_ok(tl_lifeguard_tag(&rq, guard, &(struct tl_tagging){email, 1, pii}, 1, "test"));
    assert_string_equal(seen_by(&ann, false), "id,country");
    as(&root);
    expect_ok(tl_lifeguard_tag(&rq, guard, &(struct tl_tagging){email, 0, NULL}, 1, "test"));
    assert_string_equal(seen_by(&ann, false), "id,email,country");
}

static void test_who_may_not_review_may_not_tag(void **state)
{
    (void)state;
    grant(READS_OPS);
    as(&ann);
    assert_int_equal(tl_lifeguard_tag(&rq, guard, &(struct tl_tagging){email, 1, pii}, 1, "test"), TL_NOT_ALLOWED);
    assert_null(strstr(rules(), "pii.email"));
}

static void test_tags_are_bounded_and_all_or_none(void **state)
{
    (void)state;
    static char long_tag[200];
    memset(long_tag, 'x', sizeof long_tag - 1);
    const char *const bad[] = {long_tag};
    const struct tl_tagging taggings[] = {{accounts_scope, 2, curated}, {email, 1, bad}};
    as(&root);
    assert_int_equal(tl_lifeguard_tag(&rq, guard, taggings, 2, "test"), TL_INVALID_ARGUMENT);
    as(&root);
    assert_null(strstr(rules(), "curated"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tags_leave_reviewed_columns_and_their_masks_as_they_are),
        TEST(test_a_tagged_table_that_nobody_reviewed_still_waits),
        TEST(test_a_tag_brings_its_grants),
        TEST(test_who_may_not_review_may_not_tag),
        TEST(test_tags_are_bounded_and_all_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
