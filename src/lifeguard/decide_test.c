/* Who sees what: every rule of the decision, over a real state. */
#include "lifeguard/lifeguard_testing.h"

static const char all_open[] = "{\"others\":\"open\"}";
static const char masked[] = "{\"others\":\"open\",\"columns\":{\"email\":{\"state\":\"masked\",\"mask\":\"email_domain\",\"tags\":[\"pii.email\"]}}}";

static void test_nothing_is_visible_before_a_review(void **state)
{
    (void)state;
    grant(READS_OPS);
    assert_string_equal(seen_by(&ann, false), "not_allowed");
    assert_non_null(strstr(rq.err.message, "has not been reviewed yet"));
    assert_string_equal(seen_by(&root, false), "not_allowed");
}

static void test_nothing_is_visible_without_a_grant(void **state)
{
    (void)state;
    review(all_open);
    assert_string_equal(seen_by(&ann, false), "not_allowed");
    assert_non_null(strstr(rq.err.message, "no grant in force"));
    assert_string_equal(seen_by(&root, false), "not_allowed"); /* who governs does not read for that */
}

static void test_review_and_grant_together_open(void **state)
{
    (void)state;
    review(all_open);
    grant(READS_OPS);
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    assert_string_equal(seen_by(&carl, false), "not_allowed");
}

static void test_a_new_column_stays_hidden_and_breaks_nothing(void **state)
{
    (void)state;
    static const char *const more[] = {"id", "email", "ssn", "country"};
    const struct tl_access_need need = {"ops", "public", "accounts", TL_ACCESS_READ, 4, more};
    const struct tl_dataset_grant *granted;
    review(all_open);
    grant(READS_OPS);
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_OK);
    assert_int_equal(granted->column_count, 3);
    assert_string_equal(granted->columns[2], "country");
    assert_true(granted->partial);
}

static void test_a_column_name_is_compared_exactly(void **state)
{
    (void)state;
    static const char *const others[] = {"ID", "Email"};
    const struct tl_access_need need = {"ops", "public", "accounts", TL_ACCESS_READ, 2, others};
    const struct tl_dataset_grant *granted;
    review(all_open);
    grant(READS_OPS);
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_NOT_ALLOWED);
}

static void test_masks_apply_and_are_lifted_by_clear_or_by_choice(void **state)
{
    (void)state;
    review(masked);
    grant(READS_OPS);
    assert_string_equal(seen_by(&ann, false), "id,email=email_domain,country");
    assert_string_equal(seen_by(&ann, true), "id,email=email_domain,country"); /* the choice alone gives nothing */
    grant("{\"group\":\"analyst\",\"privileges\":\"pii\",\"scope\":{\"source\":\"ops\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "id,email=email_domain,country");
    assert_string_equal(seen_by(&ann, true), "id,email,country");
    grant("{\"user\":\"ann\",\"privileges\":\"pii\",\"effect\":\"deny\",\"scope\":{},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, true), "id,email=email_domain,country");
    grant("{\"user\":\"carl\",\"privileges\":\"clear\",\"scope\":{\"tag\":\"pii.email\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&carl, false), "email"); /* a tag opens what carries it, and no more */
}

static void test_a_denied_column_is_opened_by_nothing(void **state)
{
    (void)state;
    review("{\"others\":\"open\",\"columns\":{\"email\":\"denied\"}}");
    grant("{\"everyone\":true,\"privileges\":\"read, clear, own, pii\",\"scope\":{},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, true), "id,country");
}

static void test_deny_wins_over_every_grant(void **state)
{
    (void)state;
    review(all_open);
    grant("{\"user\":\"ann\",\"privileges\":\"read, own\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\"},\"reason\":\"test\"}");
    grant("{\"group\":\"analyst\",\"privileges\":\"read\",\"effect\":\"deny\",\"scope\":{},\"reason\":\"audit week\"}");
    assert_string_equal(seen_by(&ann, false), "not_allowed");
    assert_non_null(strstr(rq.err.detail, "audit week"));
}

static void test_a_column_can_be_granted_or_denied_alone(void **state)
{
    (void)state;
    review(all_open);
    grant("{\"group\":\"contractor\",\"privileges\":\"read\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\","
          "\"column\":\"country\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&carl, false), "country");
    grant(READS_OPS);
    grant("{\"group\":\"analyst\",\"privileges\":\"read\",\"effect\":\"deny\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\","
          "\"column\":\"id\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "email,country");
}

static void test_the_most_specific_mask_wins_then_the_user_then_the_stricter(void **state)
{
    (void)state;
    review(masked);
    grant("{\"group\":\"analyst\",\"privileges\":\"read, clear\",\"scope\":{\"source\":\"ops\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    grant("{\"group\":\"analyst\",\"privileges\":\"read\",\"mask\":\"hash\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "id,email=hash,country");
    grant("{\"group\":\"analyst\",\"privileges\":\"read\",\"mask\":\"redact\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "id,email=redact,country");
    grant("{\"user\":\"ann\",\"privileges\":\"read\",\"mask\":\"last4\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "id,email=last4,country");
    grant("{\"group\":\"analyst\",\"privileges\":\"read\",\"mask\":\"none\",\"scope\":{\"tag\":\"pii.email\"},\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "id,email,country");
}

/* More grants than a decision keeps: what is left out only opens, so that the narrow mask holds still. */
static void test_a_mask_holds_among_any_number_of_grants(void **state)
{
    enum { MANY = LG_GRANTS_MAX + 1 };
    (void)state;
    static struct lg_change changes[MANY];
    review(masked);
    as(&root);
    for (int i = 0; i < MANY; i++)
        changes[i] = (struct lg_change){LG_GRANT, tl_arena_printf(arena, "grant-%d", i),
                                        "{\"group\":\"analyst\",\"privileges\":\"read, clear\",\"scope\":{},\"end_us\":4000000000000000}"};
    pthread_mutex_lock(&guard->changing);
    expect_ok(lg_apply(&rq, guard, "granted", "everything", "test", changes, MANY));
    pthread_mutex_unlock(&guard->changing);
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    grant("{\"group\":\"analyst\",\"mask\":\"redact\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\",\"column\":\"email\"},"
          "\"reason\":\"test\"}");
    assert_string_equal(seen_by(&ann, false), "id,email=redact,country");
}

static void test_grants_hold_from_their_start_to_their_end(void **state)
{
    (void)state;
    char body[256];
    review(all_open);
    int64_t now_us = tl_clock_wall_us();
    snprintf(body, sizeof body, "{\"user\":\"ann\",\"privileges\":\"read\",\"scope\":{},\"start_us\":%lld,\"duration\":\"1h\",\"reason\":\"later\"}",
             (long long)now_us + 3600 * 1000000LL);
    grant(body);
    assert_string_equal(seen_by(&ann, false), "not_allowed");
    snprintf(body, sizeof body, "{\"user\":\"ann\",\"privileges\":\"read\",\"scope\":{},\"end_us\":%lld,\"reason\":\"short\"}", (long long)now_us + 300000);
    const char *id = grant(body);
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    usleep(350000);
    assert_string_equal(seen_by(&ann, false), "not_allowed");
    assert_non_null(strstr(rq.err.detail, id)); /* the denial says that it has ended */
}

static void test_row_rules_add_up_and_exceptions_are_excepted(void **state)
{
    (void)state;
    review(all_open);
    grant("{\"everyone\":true,\"privileges\":\"read\",\"scope\":{},\"reason\":\"test\"}");
    row_rule("{\"everyone\":true,\"except\":[\"group:analyst\"],\"scope\":{\"source\":\"ops\"},\"reason\":\"eu\","
             "\"rule\":{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"}}");
    row_rule("{\"group\":\"contractor\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\"},\"reason\":\"own\","
             "\"rule\":{\"column\":\"email\",\"op\":\"=\",\"attribute\":\"user\"}}");
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    assert_string_equal(seen_by(&nobody, false), "id,email,country rules 1");
    assert_string_equal(seen_by(&carl, false), "id,email,country rules 2");
    const struct tl_dataset_grant *granted;
    assert_int_equal(decide_as(&carl, &accounts, false, &granted), TL_OK);
    for (size_t i = 0; i < 2; i++)
        if (strcmp(granted->row_rules[i]->column, "email") == 0)
            assert_string_equal(granted->row_rules[i]->values[0].text, "carl");
}

static void test_writing_needs_write_and_dropping_needs_own(void **state)
{
    (void)state;
    struct tl_access_need need = accounts;
    const struct tl_dataset_grant *granted;
    review(all_open);
    grant("{\"user\":\"ann\",\"privileges\":\"read, write\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\"},\"reason\":\"test\"}");
    need.access = TL_ACCESS_WRITE | TL_ACCESS_READ;
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_OK);
    need.access = TL_ACCESS_CREATE;
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_OK);
    need.access = TL_ACCESS_DROP;
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_NOT_ALLOWED);
    assert_int_equal(decide_as(&carl, &need, false, &granted), TL_NOT_ALLOWED);
}

static void test_who_makes_a_table_sees_it_and_nobody_else(void **state)
{
    (void)state;
    struct tl_access_need need = accounts;
    const struct tl_dataset_grant *granted;
    grant("{\"everyone\":true,\"privileges\":\"read\",\"scope\":{},\"reason\":\"test\"}");
    as(&ann);
    expect_ok(tl_lifeguard_created(&rq, guard, &accounts_scope));
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    assert_string_equal(seen_by(&carl, false), "not_allowed");
    need.access = TL_ACCESS_DROP;
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_OK);
    as(&ann);
    expect_ok(tl_lifeguard_renamed(&rq, guard, &accounts_scope, "people"));
    assert_string_equal(seen_by(&ann, false), "not_allowed");
    need = (struct tl_access_need){"ops", "public", "people", TL_ACCESS_READ, 3, columns};
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_OK);
    as(&ann);
    expect_ok(tl_lifeguard_dropped(&rq, guard, &(struct tl_grant_scope){.source = "ops", .schema = "public"}));
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_NOT_ALLOWED);
}

static const char *seen_as_people(void)
{
    const struct tl_access_need need = {"ops", "public", "people", TL_ACCESS_READ, 3, columns};
    const struct tl_dataset_grant *granted;
    enum tl_code code = decide_as(&ann, &need, false, &granted);
    return code == TL_OK ? tl_arena_printf(arena, "%zu columns", granted->column_count) : tl_code_info(code)->name;
}

static void rename_to_people(void)
{
    as(&root);
    expect_ok(tl_lifeguard_renamed(&rq, guard, &accounts_scope, "people"));
}

static void review_people(const char *body)
{
    const struct tl_grant_scope people = {.source = "ops", .schema = "public", .table = "people"};
    as(&root);
    expect_ok(tl_lifeguard_review(&rq, guard, &people, columns, 3, json_of(body), "test"));
}

static void test_a_renamed_table_keeps_its_review(void **state)
{
    (void)state;
    review(all_open);
    grant(READS_OPS);
    grant("{\"user\":\"carl\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\"},\"reason\":\"test\"}");
    rename_to_people();
    assert_string_equal(seen_as_people(), "3 columns");
}

/* What restricted the table by its name does not follow it, so nothing is shown before somebody has looked at it again. */
static void test_a_renamed_table_with_rules_of_its_own_waits_for_a_review(void **state)
{
    (void)state;
    static const char *const rules[] = {
        "{\"group\":\"analyst\",\"effect\":\"deny\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\",\"column\":\"email\"},"
        "\"reason\":\"x\"}",
        "{\"group\":\"analyst\",\"mask\":\"null\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\"},\"reason\":\"x\"}",
        "{\"user\":\"ann\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"people\"},\"reason\":\"left by another table\"}"};
    grant(READS_OPS);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        review("{\"state\":\"approved\",\"others\":\"open\"}");
        const char *id = grant(rules[i]);
        rename_to_people();
        assert_string_equal(seen_as_people(), "not_allowed");
        review_people("{\"state\":\"approved\"}");
        assert_string_equal(seen_as_people(), "3 columns");
        as(&root);
        expect_ok(tl_lifeguard_revoke(&rq, guard, id, "test"));
    }
    review("{\"state\":\"approved\",\"others\":\"open\"}");
    row_rule("{\"everyone\":true,\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\"},\"reason\":\"x\","
             "\"rule\":{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"}}");
    rename_to_people();
    assert_string_equal(seen_as_people(), "not_allowed");
}

static void test_a_dropped_source_leaves_no_review_behind(void **state)
{
    (void)state;
    review(all_open);
    grant(READS_OPS);
    as(&root);
    expect_ok(tl_lifeguard_dropped(&rq, guard, &(struct tl_grant_scope){.source = "ops"}));
    assert_string_equal(seen_by(&ann, false), "not_allowed");
}

static void test_listings_show_what_a_decision_would(void **state)
{
    (void)state;
    bool visible[3];
    review("{\"columns\":{\"id\":\"open\",\"country\":\"masked:redact\"}}");
    grant(READS_OPS);
    as(&ann);
    tl_lifeguard_visible(&rq, guard, &accounts, visible);
    assert_true(visible[0] && !visible[1] && visible[2]);
    as(&carl);
    tl_lifeguard_visible(&rq, guard, &accounts, visible);
    assert_true(!visible[0] && !visible[1] && !visible[2]);
    as(NULL);
    tl_lifeguard_visible(&rq, guard, &accounts, visible);
    assert_true(!visible[0] && !visible[1] && !visible[2]);
}

static void test_equal_rights_have_equal_names_and_others_not(void **state)
{
    (void)state;
    const tl_clearance *a, *b, *c;
    struct tl_access_manner manner = {0};
    review(masked);
    grant("{\"everyone\":true,\"privileges\":\"read\",\"scope\":{},\"reason\":\"test\"}");
    as(&ann);
    expect_ok(tl_lifeguard_decide(&rq, guard, &manner, &accounts, 1, &a));
    as(&carl);
    expect_ok(tl_lifeguard_decide(&rq, guard, &manner, &accounts, 1, &b));
    assert_string_equal(tl_clearance_name(a), tl_clearance_name(b));
    assert_int_equal(strlen(tl_clearance_name(a)), 17);
    row_rule("{\"group\":\"contractor\",\"scope\":{},\"reason\":\"t\",\"rule\":{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"}}");
    as(&carl);
    expect_ok(tl_lifeguard_decide(&rq, guard, &manner, &accounts, 1, &c));
    assert_string_not_equal(tl_clearance_name(b), tl_clearance_name(c));
    assert_true(tl_clearance_version(c) > tl_clearance_version(b));
    assert_true(tl_clearance_hides_rows(c) && !tl_clearance_hides_rows(b));
    grant("{\"group\":\"analyst\",\"privileges\":\"read\",\"mask\":\"constant:x\",\"scope\":{\"source\":\"ops\"},\"reason\":\"t\"}");
    as(&ann);
    expect_ok(tl_lifeguard_decide(&rq, guard, &manner, &accounts, 1, &c));
    assert_string_not_equal(tl_clearance_name(a), tl_clearance_name(c));
}

static void test_maintenance_sees_everything_and_is_recorded(void **state)
{
    (void)state;
    const tl_clearance *clearance;
    struct tl_access_manner manner = {.raw_reason = "upkeep"};
    as(&nobody);
    expect_ok(tl_lifeguard_decide(&rq, guard, &manner, &accounts, 1, &clearance));
    assert_int_equal(tl_clearance_grant(clearance, 0)->column_count, 3);
    assert_false(tl_clearance_partial(clearance));
}

static void test_nobody_and_nonsense_get_nothing(void **state)
{
    (void)state;
    const struct tl_dataset_grant *granted;
    struct tl_access_need need = accounts;
    assert_int_equal(decide_as(NULL, &accounts, false, &granted), TL_UNAUTHENTICATED);
    need.access = 0;
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_INTERNAL);
    need.access = 16;
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_INTERNAL);
    assert_false(tl_lifeguard_may_know(NULL, "ops", "public", "accounts"));
    assert_true(tl_lifeguard_may_know(&nobody, "ops", "public", "accounts"));
}

static void test_a_narrow_token_narrows_its_user(void **state)
{
    (void)state;
    struct tl_principal reader = ann;
    const struct tl_dataset_grant *granted;
    struct tl_access_need need = accounts;
    review(all_open);
    grant("{\"user\":\"ann\",\"privileges\":\"read, write, admin\",\"scope\":{},\"reason\":\"test\"}");
    reader.withheld = TL_SCOPE_WRITE | TL_SCOPE_ADMIN;
    assert_string_equal(seen_by(&reader, false), "id,email,country");
    need.access = TL_ACCESS_WRITE;
    assert_int_equal(decide_as(&reader, &need, false, &granted), TL_NOT_ALLOWED);
    as(&reader);
    assert_int_equal(tl_lifeguard_need(&rq, guard, TL_PRIVILEGE_ADMIN, &accounts_scope), TL_NOT_ALLOWED);
}

static void test_names_that_are_too_long_are_denied(void **state)
{
    (void)state;
    char *name = tl_arena_alloc(arena, 4000);
    memset(name, 'x', 3999);
    const struct tl_access_need need = {"ops", "public", name, TL_ACCESS_READ, 3, columns};
    const struct tl_dataset_grant *granted;
    grant("{\"everyone\":true,\"privileges\":\"read, own\",\"scope\":{},\"reason\":\"test\"}");
    assert_int_equal(decide_as(&ann, &need, false, &granted), TL_NOT_ALLOWED);
}

static void test_ten_thousand_groups_in_a_token_are_read(void **state)
{
    (void)state;
    const char **groups = TL_NEW_ARRAY(arena, const char *, 10000);
    for (size_t i = 0; i < 10000; i++)
        groups[i] = i == 9999 ? "analyst" : tl_arena_printf(arena, "group%zu", i);
    const struct tl_principal many = {.user = "many", .group_count = 10000, .groups = groups};
    review(all_open);
    grant(READS_OPS);
    assert_string_equal(seen_by(&many, false), "id,email,country");
}

static void test_open_by_default_opens_only_what_nobody_reviewed(void **state)
{
    (void)state;
    close_guard();
    open_guard(true);
    assert_string_equal(seen_by(&nobody, false), "id,email,country");
    review("{\"columns\":{\"id\":\"open\",\"email\":\"masked:hash\",\"country\":\"denied\"}}");
    assert_string_equal(seen_by(&nobody, false), "id,email=hash");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_visible_before_a_review),
        TEST(test_nothing_is_visible_without_a_grant),
        TEST(test_review_and_grant_together_open),
        TEST(test_a_new_column_stays_hidden_and_breaks_nothing),
        TEST(test_a_column_name_is_compared_exactly),
        TEST(test_masks_apply_and_are_lifted_by_clear_or_by_choice),
        TEST(test_a_denied_column_is_opened_by_nothing),
        TEST(test_deny_wins_over_every_grant),
        TEST(test_a_column_can_be_granted_or_denied_alone),
        TEST(test_the_most_specific_mask_wins_then_the_user_then_the_stricter),
        TEST(test_a_mask_holds_among_any_number_of_grants),
        TEST(test_grants_hold_from_their_start_to_their_end),
        TEST(test_row_rules_add_up_and_exceptions_are_excepted),
        TEST(test_writing_needs_write_and_dropping_needs_own),
        TEST(test_who_makes_a_table_sees_it_and_nobody_else),
        TEST(test_a_renamed_table_keeps_its_review),
        TEST(test_a_renamed_table_with_rules_of_its_own_waits_for_a_review),
        TEST(test_a_dropped_source_leaves_no_review_behind),
        TEST(test_listings_show_what_a_decision_would),
        TEST(test_equal_rights_have_equal_names_and_others_not),
        TEST(test_maintenance_sees_everything_and_is_recorded),
        TEST(test_nobody_and_nonsense_get_nothing),
        TEST(test_a_narrow_token_narrows_its_user),
        TEST(test_names_that_are_too_long_are_denied),
        TEST(test_ten_thousand_groups_in_a_token_are_read),
        TEST(test_open_by_default_opens_only_what_nobody_reviewed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
