/* The rules for Trino, read as JSON: who is in which rule, and what it lets them do. */
#include "lifeguard/lifeguard_testing.h"
#include "lifeguard/trino.h"

static const struct tl_trino_column trino_columns[] = {
    {"id", {.id = TL_TYPE_INT64}, "bigint"}, {"email", {.id = TL_TYPE_VARCHAR}, "varchar"}, {"country", {.id = TL_TYPE_VARCHAR}, "varchar"}};
static const struct tl_trino_dataset trino_accounts = {"ops", "public", "accounts", 3, trino_columns};
static const char all_open[] = "{\"others\":\"open\"}";
static uint64_t tag;

static const tl_json *table_rules(void)
{
    struct tl_buf text;
    const tl_json *json;
    as(&root);
    tl_buf_init(&text, 1 << 20);
    expect_ok(tl_lifeguard_trino_rules(&rq, guard, &trino_accounts, 1, 0, &text, &tag));
    expect_ok(tl_json_parse(arena, text.data, text.size, &json, &rq.err));
    tl_buf_done(&text);
    return tl_json_get(json, "tables");
}

/* "SELECT INSERT": what the rule of these users gives them; "" = there is none. */
static const char *privileges_of(const char *users)
{
    struct tl_buf text;
    tl_buf_init(&text, 1000);
    for (struct tl_json_iter rule = tl_json_iter(table_rules()); tl_json_next(&rule);)
        for (struct tl_json_iter it = tl_json_iter(tl_streq(tl_json_get_text(rule.value, "user"), users) ? tl_json_get(rule.value, "privileges") : NULL);
             tl_json_next(&it);)
            tl_buf_addf(&text, "%s%s", text.size ? " " : "", tl_json_text(it.value));
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

static void test_users_of_equal_rights_share_a_rule(void **state)
{
    (void)state;
    static const struct tl_principal bea = {.user = "b.ea", .group_count = 1, .groups = analysts, .authenticated = true};
    review(all_open);
    grant(READS_OPS);
    seen_by(&ann, false);
    seen_by(&bea, false);
    seen_by(&carl, false);
    assert_string_equal(privileges_of("ann|b\\.ea"), "SELECT");
    assert_string_equal(privileges_of("carl"), "");
    grant("{\"user\":\"b.ea\",\"privileges\":\"write\",\"scope\":{\"source\":\"ops\"},\"reason\":\"test\"}");
    assert_string_equal(privileges_of("ann"), "SELECT");
    assert_string_equal(privileges_of("b\\.ea"), "SELECT INSERT DELETE UPDATE");
}

/* As the door has it: rows that somebody may not see must not be changed, nor be found out by changing. */
static void test_who_sees_a_part_changes_nothing(void **state)
{
    (void)state;
    review(all_open);
    grant("{\"group\":\"analyst\",\"privileges\":\"own\",\"scope\":{\"source\":\"ops\"},\"reason\":\"test\"}");
    seen_by(&ann, false);
    assert_string_equal(privileges_of("ann"), "SELECT INSERT DELETE UPDATE OWNERSHIP");
    review("{\"columns\":{\"email\":\"masked:hash\"}}");
    assert_string_equal(privileges_of("ann"), "SELECT");
    review("{\"columns\":{\"email\":\"denied\"}}");
    assert_string_equal(privileges_of("ann"), "SELECT");
    review("{\"columns\":{\"email\":\"open\"}}");
    assert_string_equal(privileges_of("ann"), "SELECT INSERT DELETE UPDATE OWNERSHIP");
    row_rule("{\"group\":\"analyst\",\"scope\":{},\"reason\":\"x\",\"rule\":{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"}}");
    assert_string_equal(privileges_of("ann"), "SELECT");
}

/* Half a name could be the whole name of somebody else's table. */
static void test_a_name_that_does_not_fit_is_in_no_rule(void **state)
{
    (void)state;
    char dots[1501];
    memset(dots, '.', sizeof dots - 1);
    dots[sizeof dots - 1] = '\0';
    const struct tl_grant_scope scope = {.source = "ops", .schema = "public", .table = dots};
    const struct tl_trino_dataset dataset = {"ops", "public", dots, 3, trino_columns};
    struct tl_buf text;
    as(&root);
    expect_ok(tl_lifeguard_review(&rq, guard, &scope, columns, 3, json_of(all_open), "test"));
    grant(READS_OPS);
    seen_by(&ann, false);
    as(&root);
    tl_buf_init(&text, 1 << 20);
    expect_ok(tl_lifeguard_trino_rules(&rq, guard, &dataset, 1, 0, &text, &tag));
    assert_null(strstr(tl_buf_cstr(&text), "\"user\":\"ann\""));
    tl_buf_done(&text);
}

static void test_a_choice_has_a_rule_where_a_grant_allows_it(void **state)
{
    (void)state;
    review("{\"others\":\"open\",\"columns\":{\"email\":\"masked:hash\"}}");
    grant(READS_OPS);
    seen_by(&ann, false);
    assert_string_equal(privileges_of("ann\\+pii"), "");
    grant("{\"group\":\"analyst\",\"privileges\":\"pii\",\"scope\":{\"source\":\"ops\"},\"reason\":\"later\",\"start_us\":4000000000000000}");
    assert_string_equal(privileges_of("ann\\+pii"), "");
    grant("{\"group\":\"analyst\",\"privileges\":\"pii\",\"scope\":{\"source\":\"ops\"},\"reason\":\"now\"}");
    assert_string_equal(privileges_of("ann\\+pii"), "SELECT");
}

/* The document as it is kept, and made anew: they must be the same. */
static const char *document(bool anew, uint64_t stamp)
{
    static const struct tl_trino_dataset datasets[] = {
        {"ops", "public", "accounts", 3, trino_columns}, {"ops", "public", "zones", 2, trino_columns}, {"web", "public", "hits", 3, trino_columns}};
    struct tl_buf text;
    if (anew) {
        lg_trino_free(guard->trino);
        guard->trino = lg_trino_new(guard);
    }
    as(&root);
    tl_buf_init(&text, 1 << 20);
    expect_ok(tl_lifeguard_trino_rules(&rq, guard, datasets, 3, stamp, &text, &tag));
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&text));
    tl_buf_done(&text);
    return copy;
}

static void expect_kept_as_anew(bool changed)
{
    uint64_t before = tag;
    const char *kept = document(false, 7);
    assert_int_equal(tag != before, changed);
    assert_string_equal(kept, document(true, 7));
    assert_string_equal(kept, document(false, 7));
}

static void review_of(const char *source, const char *table, const char *body)
{
    const struct tl_grant_scope scope = {.source = source, .schema = "public", .table = table};
    as(&root);
    expect_ok(tl_lifeguard_review(&rq, guard, &scope, columns, 3, json_of(body), "test"));
}

static void test_what_is_kept_is_what_would_be_made_anew(void **state)
{
    (void)state;
    static const char *const grants[] = {
        READS_OPS,
        "{\"group\":\"contractor\",\"privileges\":\"read\",\"scope\":{\"source\":\"ops\",\"schema\":\"public\",\"table\":\"zones\"},\"reason\":\"x\"}",
        "{\"user\":\"ann\",\"privileges\":\"read\",\"scope\":{\"source\":\"web\"},\"reason\":\"x\"}",
        "{\"user\":\"ann\",\"privileges\":\"write\",\"scope\":{\"source\":\"web\",\"schema\":\"public\"},\"reason\":\"x\"}",
        "{\"everyone\":true,\"privileges\":\"read\",\"scope\":{},\"reason\":\"x\"}",
        "{\"group\":\"analyst\",\"privileges\":\"pii\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}",
        "{\"group\":\"contractor\",\"privileges\":\"read\",\"effect\":\"deny\",\"scope\":{\"source\":\"ops\"},\"reason\":\"x\"}"};
    const char *ids[7];
    seen_by(&ann, false);
    seen_by(&carl, false);
    document(false, 7);
    review_of("ops", "accounts", "{\"others\":\"open\",\"columns\":{\"email\":\"masked:last4\"}}");
    expect_kept_as_anew(false); /* nobody may read it yet */
    review_of("ops", "zones", all_open);
    review_of("web", "hits", all_open);
    for (size_t i = 0; i < 7; i++) {
        document(false, 7);
        ids[i] = grant(grants[i]);
        expect_kept_as_anew(true);
    }
    review_of("ops", "accounts", "{\"columns\":{\"email\":\"denied\"}}");
    expect_kept_as_anew(true);
    row_rule("{\"group\":\"analyst\",\"scope\":{\"source\":\"web\"},\"reason\":\"x\",\"rule\":{\"column\":\"country\",\"op\":\"=\",\"value\":\"DE\"}}");
    expect_kept_as_anew(true);
    for (size_t i = 0; i < 7; i++) {
        document(false, 7);
        as(&root);
        expect_ok(tl_lifeguard_revoke(&rq, guard, ids[i], "x"));
        assert_string_equal(document(false, 7), document(true, 7));
    }
}

static void test_a_new_user_and_another_listing_are_seen(void **state)
{
    (void)state;
    review(all_open);
    grant(READS_OPS);
    seen_by(&ann, false);
    assert_null(strstr(document(false, 7), "bea"));
    static const struct tl_principal bea = {.user = "bea", .group_count = 1, .groups = analysts, .authenticated = true};
    seen_by(&bea, false);
    assert_non_null(strstr(document(false, 7), "ann|bea"));
    uint64_t before = tag;
    document(false, 8); /* the same tables in another listing */
    assert_int_equal(tag, before);
    struct tl_trino_dataset other = trino_accounts;
    struct tl_buf text;
    tl_buf_init(&text, 1 << 20);
    as(&root);
    expect_ok(tl_lifeguard_trino_rules(&rq, guard, &other, 1, 9, &text, &tag));
    assert_true(tag != before);
    tl_buf_done(&text);
}

static void test_a_grant_that_ends_is_gone_at_that_moment(void **state)
{
    (void)state;
    review(all_open);
    seen_by(&ann, false);
    grant(tl_arena_printf(arena, "{\"group\":\"analyst\",\"privileges\":\"read\",\"scope\":{\"source\":\"ops\"},\"end_us\":%lld,\"reason\":\"x\"}",
                          (long long)tl_clock_wall_us() + 300000));
    assert_non_null(strstr(document(false, 7), "\"user\":\"ann\""));
    usleep(320000);
    assert_null(strstr(document(false, 7), "\"user\":\"ann\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_kept_is_what_would_be_made_anew),
        TEST(test_a_new_user_and_another_listing_are_seen),
        TEST(test_a_grant_that_ends_is_gone_at_that_moment),
        TEST(test_users_of_equal_rights_share_a_rule),
        TEST(test_who_sees_a_part_changes_nothing),
        TEST(test_a_name_that_does_not_fit_is_in_no_rule),
        TEST(test_a_choice_has_a_rule_where_a_grant_allows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
