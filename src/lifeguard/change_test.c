/* Changing the rules: who may, what becomes of it, and that a past day stays as it was. */
#include "lifeguard/lifeguard_testing.h"
#include "lifeguard/trino.h"

static const char all_open[] = "{\"others\":\"open\"}";

static enum tl_code try_grant(const struct tl_principal *principal, const char *body)
{
    const char *id;
    as(principal);
    const tl_json *json = json_of(body);
    return tl_lifeguard_grant(&rq, guard, json, &id);
}

static void test_only_who_governs_changes_rules(void **state)
{
    (void)state;
    const char *id;
    as(&ann);
    assert_int_equal(tl_lifeguard_review(&rq, guard, &accounts_scope, columns, 3, json_of(all_open), "x"), TL_NOT_ALLOWED);
    assert_non_null(strstr(rq.err.hint, "group admin"));
    assert_int_equal(try_grant(&ann, "{\"group\":\"g\",\"privileges\":\"read\",\"scope\":{},\"reason\":\"x\"}"), TL_NOT_ALLOWED);
    as(&ann);
    assert_int_equal(
        tl_lifeguard_row_rule(&rq, guard, json_of("{\"everyone\":true,\"scope\":{},\"rule\":{\"column\":\"a\",\"op\":\"is_null\"},\"reason\":\"x\"}"), &id),
        TL_NOT_ALLOWED);
    as(NULL);
    assert_int_equal(tl_lifeguard_need(&rq, guard, TL_PRIVILEGE_ALL, &accounts_scope), TL_UNAUTHENTICATED);
    grant("{\"user\":\"ann\",\"privileges\":\"review\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}");
    as(&ann);
    expect_ok(tl_lifeguard_review(&rq, guard, &accounts_scope, columns, 3, json_of(all_open), "x"));
    assert_int_equal(try_grant(&ann, "{\"group\":\"g\",\"privileges\":\"read\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}"), TL_NOT_ALLOWED);
}

static void test_changes_that_say_nothing_sensible_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{}", "{\"group\":\"g\",\"scope\":{}}", "{\"group\":\"g\",\"user\":\"u\",\"scope\":{},\"reason\":\"x\"}",
        "{\"group\":\"g\",\"privileges\":\"fly\",\"scope\":{},\"reason\":\"x\"}", "{\"group\":\"g\",\"effect\":\"maybe\",\"scope\":{},\"reason\":\"x\"}",
        "{\"group\":\"g\",\"scope\":{\"table\":\"t\"},\"reason\":\"x\"}", "{\"group\":\"g\",\"scope\":{\"tag\":\"a\",\"source\":\"s\"},\"reason\":\"x\"}",
        "{\"group\":\"g\",\"scope\":{},\"duration\":\"soon\",\"reason\":\"x\"}", "{\"group\":\"g\",\"scope\":{},\"duration\":\"900d\",\"reason\":\"x\"}",
        "{\"group\":\"g\",\"scope\":{},\"end_us\":5,\"reason\":\"x\"}", "{\"group\":\"g\",\"scope\":{},\"mask\":\"rot13\",\"reason\":\"x\"}",
        "{\"group\":\"g\",\"reason\":\"x\"}", "{\"group\":\"g\",\"scope\":null,\"reason\":\"x\"}", "{\"group\":\"g\",\"scope\":[],\"reason\":\"x\"}",
        "{\"group\":\"g\",\"scope\":{\"source\":\"s\",\"schema\":\"p\",\"tabel\":\"t\"},\"reason\":\"x\"}",
        "{\"group\":\"g\",\"scope\":{\"source\":\"s\",\"schema\":5},\"reason\":\"x\"}", "{\"group\":\"g\",\"scope\":{\"source\":\"\"},\"reason\":\"x\"}",
        "{\"group\":\"g\",\"scope\":{\"source\":\"s\\u0000t\"},\"reason\":\"x\"}",
        "{\"group\":\"g\\u001fh\",\"scope\":{},\"reason\":\"x\"}", "{\"group\":\"g\",\"scope\":{\"source\":\"a\\u001fb\"},\"reason\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (try_grant(&root, bodies[i]) == TL_OK)
            fail_msg("%s was granted", bodies[i]);
    struct tl_lifeguard_health health;
    tl_lifeguard_health(guard, &health);
    assert_int_equal(health.version, 0);
    as(&root);
    assert_int_equal(tl_lifeguard_review(&rq, guard, &accounts_scope, columns, 3, json_of("{\"columns\":{\"nope\":\"open\"}}"), "x"), TL_COLUMN_NOT_FOUND);
    as(&root);
    assert_int_equal(tl_lifeguard_review(&rq, guard, &accounts_scope, columns, 3, json_of("{\"columns\":{\"id\":\"public\"}}"), "x"), TL_INVALID_ARGUMENT);
    as(&root);
    assert_int_equal(tl_lifeguard_review(&rq, guard, &accounts_scope, columns, 3, json_of(all_open), ""), TL_INVALID_ARGUMENT);
}

static void test_nobody_grants_themselves(void **state)
{
    (void)state;
    assert_int_equal(try_grant(&root, "{\"user\":\"root\",\"privileges\":\"read\",\"scope\":{},\"reason\":\"x\"}"), TL_NOT_ALLOWED);
    assert_int_equal(try_grant(&root, "{\"user\":\"root\",\"privileges\":\"read\",\"effect\":\"deny\",\"scope\":{},\"reason\":\"x\"}"), TL_OK);
}

static void test_the_longest_grant_depends_on_the_sensitivity(void **state)
{
    (void)state;
    const char table[] = "{\"user\":\"ann\",\"privileges\":\"read\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\"},"
                         "\"duration\":\"60d\",\"reason\":\"x\"}";
    review("{\"others\":\"open\",\"sensitivity\":\"restricted\"}");
    assert_int_equal(try_grant(&root, table), TL_INVALID_ARGUMENT);
    assert_non_null(strstr(rq.err.message, "30 days"));
    as(&root);
    expect_ok(tl_lifeguard_limits(&rq, guard, json_of("{\"public\":\"900d\",\"internal\":\"90d\",\"confidential\":\"90d\",\"restricted\":\"60d\"}"), "x"));
    assert_int_equal(try_grant(&root, table), TL_OK);
}

/* Times so far apart that their distance is no number are no way around the limits. */
static void test_no_grant_lasts_for_ever(void **state)
{
    (void)state;
    static const char *const times[] = {
        "\"start_us\":-2,\"end_us\":9223372036854775807", "\"start_us\":-9223372036854775808,\"duration\":\"1d\"", "\"start_us\":9223372036854775807",
        "\"start_us\":9223372036854775807,\"duration\":\"1d\"", "\"start_us\":0,\"end_us\":9223372036854775807"};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        const char *body = tl_arena_printf(arena, "{\"group\":\"g\",\"scope\":{},\"reason\":\"x\",%s}", times[i]);
        if (try_grant(&root, body) != TL_INVALID_ARGUMENT)
            fail_msg("%s was granted", body);
    }
}

static void test_a_review_keeps_what_it_does_not_name(void **state)
{
    (void)state;
    grant(READS_OPS);
    review("{\"columns\":{\"id\":\"open\",\"email\":{\"state\":\"masked\",\"mask\":\"hash\",\"tags\":[\"pii.email\"]}}}");
    review("{\"columns\":{\"country\":\"open\"}}");
    assert_string_equal(seen_by(&ann, false), "id,email=hash,country");
    review("{\"others\":\"denied\",\"columns\":{\"email\":\"masked:last4\"}}");
    assert_string_equal(seen_by(&ann, false), "id,email=last4,country");
    grant("{\"user\":\"ann\",\"privileges\":\"clear\",\"scope\":{\"tag\":\"pii.email\"},\"reason\":\"x\"}");
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    review("{\"state\":\"denied\",\"comment\":\"moved away\"}");
    assert_string_equal(seen_by(&ann, false), "not_allowed");
    assert_non_null(strstr(rq.err.detail, "moved away"));
    review("{\"state\":\"approved\"}");
    assert_string_equal(seen_by(&ann, false), "id,email,country");
}

static void test_rules_survive_a_restart(void **state)
{
    (void)state;
    review("{\"columns\":{\"id\":\"open\",\"email\":\"masked:constant:it's \\\"x\\\"\"}}");
    grant(READS_OPS);
    row_rule("{\"group\":\"analyst\",\"scope\":{},\"reason\":\"x\",\"rule\":{\"any\":[{\"column\":\"id\",\"op\":\"in\",\"values\":[1,2.5,true]}]}}");
    close_guard();
    open_guard(false);
    assert_string_equal(seen_by(&ann, false), "id,email=constant:it's \"x\" rules 1");
}

static enum tl_code spoil(tl_store_tx *tx, void *unused, struct tl_err *err)
{
    (void)unused;
    return tl_store_run(tx, "UPDATE lifeguard_item SET body = '{\"privileges\":\"fly\"}' WHERE kind = 'grant'", NULL, 0, NULL, NULL, err);
}

static void test_rules_that_cannot_be_read_deny_everything(void **state)
{
    (void)state;
    struct tl_lifeguard_health health;
    struct tl_buf text;
    uint64_t tag;
    bool visible[3];
    review(all_open);
    grant(READS_OPS);
    expect_ok(tl_store_write(store, spoil, NULL, &rq.err));
    close_guard();
    open_guard(true); /* what is open by default is closed too */
    tl_lifeguard_health(guard, &health);
    assert_true(health.broken && health.failure[0]);
    assert_string_equal(seen_by(&ann, false), tl_code_info(TL_STATE)->name);
    tl_lifeguard_visible(&rq, guard, &accounts, visible);
    assert_false(visible[0] || visible[1] || visible[2]);
    assert_int_equal(try_grant(&root, READS_OPS), TL_STATE);
    tl_buf_init(&text, 1 << 20);
    as(&root);
    assert_int_equal(tl_lifeguard_trino_rules(&rq, guard, NULL, 0, 0, &text, &tag), TL_STATE);
    tl_buf_done(&text);
}

static void test_revoked_is_over_for_the_next_decision(void **state)
{
    (void)state;
    review(all_open);
    const char *id = grant(READS_OPS);
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    as(&ann);
    assert_int_equal(tl_lifeguard_revoke(&rq, guard, id, "x"), TL_NOT_ALLOWED);
    as(&root);
    assert_int_equal(tl_lifeguard_revoke(&rq, guard, id, ""), TL_INVALID_ARGUMENT);
    as(&root);
    expect_ok(tl_lifeguard_revoke(&rq, guard, id, "x"));
    assert_string_equal(seen_by(&ann, false), "not_allowed");
    as(&root);
    assert_int_equal(tl_lifeguard_revoke(&rq, guard, id, "x"), TL_NOT_FOUND);
    const char *own = grant("{\"user\":\"ann\",\"privileges\":\"read\",\"scope\":{},\"reason\":\"x\"}");
    as(&ann);
    expect_ok(tl_lifeguard_revoke(&rq, guard, own, "not needed any more"));
}

static const char *explained(int64_t at_us)
{
    struct tl_buf buf;
    struct tl_json_writer json;
    as(&root);
    tl_buf_init(&buf, 1 << 20);
    tl_json_writer_init(&json, &buf);
    expect_ok(tl_lifeguard_explain(&rq, guard, &ann, &accounts_scope, columns, 3, at_us, &json));
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return copy;
}

static void test_a_past_moment_is_explained_by_its_own_rules(void **state)
{
    (void)state;
    int64_t before_us = tl_clock_wall_us();
    usleep(2000);
    review("{\"others\":\"open\",\"columns\":{\"email\":\"masked:hash\"}}");
    const char *id = grant(READS_OPS);
    int64_t then_us = tl_clock_wall_us();
    usleep(2000);
    as(&root);
    expect_ok(tl_lifeguard_revoke(&rq, guard, id, "x"));
    review("{\"columns\":{\"email\":\"denied\"}}");
    assert_non_null(strstr(explained(before_us), "\"reads\":false"));
    assert_non_null(strstr(explained(before_us), "has not been reviewed"));
    assert_non_null(strstr(explained(then_us), "\"reads\":true"));
    assert_non_null(strstr(explained(then_us), "\"mask\":\"hash\""));
    assert_non_null(strstr(explained(0), "\"reads\":false"));
    assert_non_null(strstr(explained(0), "its review closed it"));
}

static void test_groups_are_remembered_as_they_were_seen(void **state)
{
    (void)state;
    struct tl_principal seen, moved = ann;
    const struct tl_dataset_grant *granted;
    decide_as(&ann, &accounts, false, &granted);
    review(all_open);
    grant("{\"everyone\":true,\"privileges\":\"read\",\"scope\":{},\"reason\":\"x\"}");
    assert_int_equal(decide_as(&ann, &accounts, false, &granted), TL_OK);
    int64_t then_us = tl_clock_wall_us();
    usleep(2000);
    moved.groups = contractors;
    assert_int_equal(decide_as(&moved, &accounts, false, &granted), TL_OK);
    as(&root);
    assert_true(tl_lifeguard_groups_of(&rq, guard, "ann", then_us, &seen));
    assert_string_equal(seen.groups[0], "analyst");
    assert_true(tl_lifeguard_groups_of(&rq, guard, "ann", 0, &seen));
    assert_string_equal(seen.groups[0], "contractor");
    assert_false(tl_lifeguard_groups_of(&rq, guard, "stranger", 0, &seen));
}

static void test_who_was_only_ever_denied_is_known_too(void **state)
{
    (void)state;
    struct tl_principal seen;
    assert_string_equal(seen_by(&carl, false), "not_allowed");
    as(&root);
    assert_true(tl_lifeguard_groups_of(&rq, guard, "carl", 0, &seen)); /* "why can't I" is about them */
    assert_string_equal(seen.groups[0], "contractor");
}

/* Who has left the group that opened everything asks in vain, and is known to have left it. */
static void test_groups_of_who_is_denied_are_remembered(void **state)
{
    (void)state;
    struct tl_principal seen, moved = ann;
    review(all_open);
    grant(READS_OPS);
    assert_string_equal(seen_by(&ann, false), "id,email,country");
    moved.groups = contractors;
    usleep(2000);
    assert_string_equal(seen_by(&moved, false), "not_allowed");
    as(&root);
    assert_true(tl_lifeguard_groups_of(&rq, guard, "ann", 0, &seen));
    assert_string_equal(seen.groups[0], "contractor");
}

static void test_a_request_is_decided_once_and_by_another(void **state)
{
    (void)state;
    const char *id;
    review(all_open);
    as(&ann);
    assert_int_equal(tl_lifeguard_request(&rq, guard, json_of("{\"scope\":{\"source\":\"ops\"}}"), &id), TL_INVALID_ARGUMENT);
    as(&ann);
    expect_ok(tl_lifeguard_request(&rq, guard,
                                   json_of("{\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\"},"
                                           "\"columns\":[\"id\",\"country\"],\"duration\":\"1h\",\"reason\":\"report\"}"),
                                   &id));
    as(&ann);
    assert_int_equal(tl_lifeguard_decide_request(&rq, guard, id, true, "me"), TL_NOT_ALLOWED);
    as(&carl);
    assert_int_equal(tl_lifeguard_decide_request(&rq, guard, id, true, "no right"), TL_NOT_ALLOWED);
    as(&carl);
    assert_int_equal(tl_lifeguard_decide_request(&rq, guard, id, false, "no right"), TL_NOT_ALLOWED);
    as(&root);
    expect_ok(tl_lifeguard_decide_request(&rq, guard, id, true, "fine"));
    assert_string_equal(seen_by(&ann, false), "id,country");
    as(&root);
    assert_int_equal(tl_lifeguard_decide_request(&rq, guard, id, false, "after all"), TL_CONFLICT);
    as(&root);
    assert_int_equal(tl_lifeguard_decide_request(&rq, guard, "request-none", true, "x"), TL_NOT_FOUND);
}

/* Neither more than the column that a scope names, nor a whole schema for columns of no table. */
static void test_a_request_for_a_column_opens_that_column(void **state)
{
    (void)state;
    const char *id;
    review(all_open);
    as(&ann);
    assert_int_equal(tl_lifeguard_request(&rq, guard, json_of("{\"scope\":{\"source\":\"ops\"},\"columns\":[\"id\"],\"reason\":\"r\"}"), &id),
                     TL_INVALID_ARGUMENT);
    as(&ann);
    expect_ok(tl_lifeguard_request(
        &rq, guard, json_of("{\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\",\"column\":\"id\"},\"reason\":\"r\"}"), &id));
    as(&root);
    expect_ok(tl_lifeguard_decide_request(&rq, guard, id, true, "fine"));
    assert_string_equal(seen_by(&ann, false), "id");
}

static void test_a_request_that_cannot_be_granted_stays_open(void **state)
{
    (void)state;
    const char *id;
    review("{\"others\":\"open\",\"sensitivity\":\"restricted\"}");
    as(&ann);
    expect_ok(tl_lifeguard_request(&rq, guard,
                                   json_of("{\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"accounts\"},"
                                           "\"duration\":\"300d\",\"reason\":\"r\"}"),
                                   &id));
    as(&root);
    assert_int_equal(tl_lifeguard_decide_request(&rq, guard, id, true, "fine"), TL_INVALID_ARGUMENT);
    as(&root);
    expect_ok(tl_lifeguard_decide_request(&rq, guard, id, false, "too long"));
}

static void test_sql_rules_need_somebody_who_checks_them(void **state)
{
    (void)state;
    const char *id;
    as(&root);
    const tl_json *body = json_of("{\"everyone\":true,\"scope\":{},\"reason\":\"x\",\"rule\":{\"sql\":\"true\"}}");
    assert_int_equal(tl_lifeguard_row_rule(&rq, guard, body, &id), TL_UNSUPPORTED);
}

static void test_ended_grants_leave_the_state_after_a_day(void **state)
{
    (void)state;
    struct tl_lifeguard_health health;
    const struct lg_change old = {LG_GRANT, "grant-old", "{\"everyone\":true,\"privileges\":\"read\",\"scope\":{},\"end_us\":1000}"};
    as(&root);
    pthread_mutex_lock(&guard->changing);
    expect_ok(lg_apply(&rq, guard, "granted", "everything", "x", &old, 1));
    pthread_mutex_unlock(&guard->changing);
    grant(READS_OPS);
    tl_lifeguard_sweep(guard);
    tl_lifeguard_health(guard, &health);
    assert_int_equal(health.grants, 1);
}

static void test_choices_to_see_personal_data_end(void **state)
{
    (void)state;
    const char *value;
    int64_t ends_at_us;
    as(&ann);
    assert_int_equal(tl_lifeguard_pii_begin(&rq, guard, "case 1", "test", &value, &ends_at_us), TL_NOT_ALLOWED);
    grant("{\"user\":\"ann\",\"privileges\":\"pii\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}");
    as(&ann);
    assert_int_equal(tl_lifeguard_pii_begin(&rq, guard, "  ", "test", &value, &ends_at_us), TL_INVALID_ARGUMENT);
    guard->pii_us = 300000;
    as(&ann);
    expect_ok(tl_lifeguard_pii_begin(&rq, guard, "case 1", "test", &value, &ends_at_us));
    expect_ok(tl_lifeguard_pii_check(&rq, guard, value, "case 1", "test"));
    as(&carl);
    assert_int_equal(tl_lifeguard_pii_check(&rq, guard, value, "case 1", "test"), TL_NOT_ALLOWED);
    as(&ann);
    expect_ok(tl_lifeguard_pii_check(&rq, guard, "true", "case 1", "test"));
    close_guard();
    open_guard(false);
    as(&ann);
    expect_ok(tl_lifeguard_pii_check(&rq, guard, value, "case 1", "test"));
    usleep(350000);
    assert_int_equal(tl_lifeguard_pii_check(&rq, guard, value, "case 1", "test"), TL_NOT_ALLOWED);
    as(&ann);
    assert_int_equal(tl_lifeguard_pii_check(&rq, guard, "true", "case 1", "test"), TL_NOT_ALLOWED);
    as(&ann);
    expect_ok(tl_lifeguard_pii_check(&rq, guard, "true", "case 2", "test"));
}

/* Readers decide while a writer changes: each sees the rules before or after, never between. */
static atomic_bool reading;
static atomic_int wrong;

static void *read_on(void *unused)
{
    (void)unused;
    while (atomic_load(&reading)) {
        tl_arena *own = tl_arena_new(1 << 20);
        struct tl_request request;
        struct tl_access_manner manner = {0};
        const tl_clearance *clearance;
        tl_request_init(&request, own);
        request.principal = &ann;
        enum tl_code code = tl_lifeguard_decide(&request, guard, &manner, &accounts, 1, &clearance);
        if (code != TL_OK || tl_clearance_grant(clearance, 0)->column_count != 3)
            atomic_fetch_add(&wrong, 1);
        tl_arena_free(own);
    }
    return NULL;
}

static void test_decisions_go_on_while_rules_change(void **state)
{
    (void)state;
    pthread_t readers[3];
    review(all_open);
    grant(READS_OPS);
    atomic_store(&reading, true);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, NULL), 0);
    for (int i = 0; i < 60; i++)
        review(i % 2 ? "{\"columns\":{\"email\":\"masked:hash\"}}" : "{\"columns\":{\"email\":\"open\"}}");
    atomic_store(&reading, false);
    for (size_t i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_only_who_governs_changes_rules),
        TEST(test_changes_that_say_nothing_sensible_are_refused),
        TEST(test_nobody_grants_themselves),
        TEST(test_the_longest_grant_depends_on_the_sensitivity),
        TEST(test_no_grant_lasts_for_ever),
        TEST(test_a_review_keeps_what_it_does_not_name),
        TEST(test_rules_survive_a_restart),
        TEST(test_rules_that_cannot_be_read_deny_everything),
        TEST(test_revoked_is_over_for_the_next_decision),
        TEST(test_a_past_moment_is_explained_by_its_own_rules),
        TEST(test_groups_are_remembered_as_they_were_seen),
        TEST(test_who_was_only_ever_denied_is_known_too),
        TEST(test_groups_of_who_is_denied_are_remembered),
        TEST(test_a_request_is_decided_once_and_by_another),
        TEST(test_a_request_for_a_column_opens_that_column),
        TEST(test_a_request_that_cannot_be_granted_stays_open),
        TEST(test_sql_rules_need_somebody_who_checks_them),
        TEST(test_ended_grants_leave_the_state_after_a_day),
        TEST(test_choices_to_see_personal_data_end),
        TEST(test_decisions_go_on_while_rules_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
