/* Semantic models: what is read, what is refused and where, what becomes SQL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/process.h"
#include "skipper/metric.h"

enum { ARENA_MAX = 64 * 1024 * 1024, TEXT_MAX = 1024 * 1024 };

static struct {
    tl_arena *arena;
    struct tl_err err;
    const tl_semantic *model;
} world;

static int read_demo(void **state)
{
    (void)state;
    const char *path = getenv("TOWNLAKE_MODEL");
    struct tl_buf text;
    world.arena = tl_arena_new(ARENA_MAX);
    tl_err_init(&world.err);
    tl_buf_init(&text, TEXT_MAX);
    assert_non_null(path);
    assert_int_equal(tl_file_read(path, &text, &world.err), TL_OK);
    enum tl_code code = tl_semantic_read(world.arena, "company.yaml", (struct tl_str){text.data, text.size}, &world.model, &world.err);
    tl_buf_done(&text);
    if (code != TL_OK)
        fail_msg("%s (%s)", world.err.message, world.err.hint);
    return 0;
}

static int forget(void **state)
{
    (void)state;
    world.arena = tl_arena_free(world.arena);
    return 0;
}

static struct tl_metric_query ask(const char *metric)
{
    struct tl_metric_query query;
    tl_metric_query_init(&query);
    query.metrics[query.metric_count++] = tl_semantic_find_metric(world.model, metric);
    assert_true(query.metrics[0] >= 0);
    return query;
}

static void split_by(struct tl_metric_query *query, const char *dataset, const char *field)
{
    int d = tl_semantic_find_dataset(world.model, dataset);
    int f = field ? tl_semantic_find_field(&world.model->datasets[d], field) : TL_DIMENSION_ENTITY;
    query->dimensions[query->dimension_count++] = (struct tl_metric_dimension){d, f, TL_GRAIN_NONE};
}

static void filter_by(struct tl_metric_query *query, const char *dataset, const char *field, const char *value)
{
    int d = tl_semantic_find_dataset(world.model, dataset);
    query->filters[query->filter_count++] =
        (struct tl_metric_filter){d, tl_semantic_find_field(&world.model->datasets[d], field), TL_COMPARE_EQUAL, 1, {value}};
}

static const char *sql_of(const struct tl_metric_query *query)
{
    struct tl_metric_sql sql;
    tl_err_init(&world.err);
    if (tl_metric_compile(world.arena, world.model, query, &sql, &world.err) != TL_OK)
        fail_msg("%s", world.err.message);
    return sql.sql;
}

static void expect_refused(const struct tl_metric_query *query, const char *why)
{
    struct tl_metric_sql sql;
    tl_err_init(&world.err);
    assert_int_equal(tl_metric_compile(world.arena, world.model, query, &sql, &world.err), TL_UNSUPPORTED);
    if (!strstr(world.err.message, why))
        fail_msg("\"%s\" is not in \"%s\"", why, world.err.message);
}

static void expect_in(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in\n%s", part, text);
}

#define MODEL "semantic_model:\n  - name: m\n    datasets:\n"
#define FIELD(name, text) "          - {name: " name ", expression: {dialects: [{dialect: ANSI_SQL, expression: \"" text "\"}]}}\n"
#define ORDERS "      - name: orders\n        source: a.b.orders\n        primary_key: [id]\n        fields:\n" FIELD("id", "id") FIELD("amount", "amount")
#define PEOPLE "      - name: people\n        source: a.b.people\n        fields:\n" FIELD("age", "age")
#define DATED "      - name: visits\n        source: a.b.visits\n        primary_key: [id]\n        fields:\n" FIELD("id", "id")
#define METRIC(text) "    metrics:\n      - {name: total, expression: {dialects: [{dialect: ANSI_SQL, expression: \"" text "\"}]}}\n"

static void test_metric_by_entity_joins_along_many_to_one(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("revenue");
    split_by(&query, "customers", NULL);
    query.limit = 10;
    assert_string_equal(sql_of(&query), "SELECT customers.customer_id AS customer_id, customers.name AS name, SUM(invoices.amount) AS revenue\n"
                                        "FROM ops.public.invoices AS invoices\n"
                                        "JOIN lake.dim.accounts AS accounts ON accounts.account_id = invoices.account_id\n"
                                        "JOIN lake.dim.customers AS customers ON customers.customer_id = accounts.customer_id\n"
                                        "GROUP BY 1, 2\nORDER BY SUM(invoices.amount) DESC NULLS LAST, 1, 2\nLIMIT 10");
}

static void test_metrics_of_two_facts_are_summed_apart(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("revenue");
    query.metrics[query.metric_count++] = tl_semantic_find_metric(world.model, "ticket_count");
    split_by(&query, "customers", "country");
    const char *sql = sql_of(&query);
    expect_in(sql, "UNION ALL");
    expect_in(sql, "FROM ops.public.invoices AS invoices\nJOIN lake.dim.accounts AS accounts ON accounts.account_id = invoices.account_id\n"
                   "JOIN lake.dim.customers AS customers ON customers.customer_id = accounts.customer_id\nGROUP BY 1");
    assert_null(strstr(strstr(sql, "ops.public.invoices") + 1, "ops.public.invoices"));
}

static void test_filter_of_a_lone_sum_is_a_condition(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("storage_cost");
    split_by(&query, "customers", "country");
    expect_in(sql_of(&query), "WHERE (prices.family = 'storage')\nGROUP BY 1");
    query = ask("errors");
    split_by(&query, "http_requests", "country");
    expect_in(sql_of(&query), "COUNT(http_requests.ts) FILTER (WHERE http_requests.status >= 500) AS errors");
}

static void test_filter_on_the_side_of_many_is_a_semi_join(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("customer_count");
    filter_by(&query, "accounts", "plan", "enterprise");
    expect_in(sql_of(&query), "customers.customer_id IN (SELECT customers.customer_id\nFROM lake.dim.accounts AS accounts");
    query.filters[0].compare = TL_COMPARE_NOT_EQUAL;
    expect_in(sql_of(&query), "customers.customer_id NOT IN (SELECT customers.customer_id");
    expect_in(sql_of(&query), "WHERE accounts.plan = 'enterprise')");
}

static void test_count_split_by_the_side_of_many_counts_keys_once(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("customer_count");
    split_by(&query, "accounts", "plan");
    expect_in(sql_of(&query), "COUNT(DISTINCT customers.customer_id) FILTER (WHERE customers.customer_id IS NOT NULL) AS customer_count");
}

static void test_what_would_count_rows_twice_is_refused(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("revenue");
    split_by(&query, "support_tickets", "category");
    expect_refused(&query, "\"revenue\" cannot be split by \"category\"");
    query = ask("revenue");
    split_by(&query, "prices", "product");
    expect_refused(&query, "nothing leads from \"invoices\" to \"prices\"");
    query = ask("revenue");
    filter_by(&query, "http_requests", "country", "DE");
    expect_refused(&query, "cannot be filtered by");
}

static void test_period_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("revenue");
    query.period = (struct tl_period){true, INT64_C(1767225600000000) + INT64_C(86400000000), INT64_C(1767225600000000) + 30 * INT64_C(86400000000),
        "last 30 days"};
    expect_refused(&query, "is kept in whole months");
}

static void test_metric_of_several_times_has_no_period(void **state)
{
    (void)state;
    static const char yaml[] = MODEL ORDERS DATED METRIC("SUM(orders.amount) / COUNT(visits.id)");
    const tl_semantic *model;
    struct tl_metric_sql sql;
    struct tl_metric_query query;
    tl_err_init(&world.err);
    if (tl_semantic_read(world.arena, "m.yaml", tl_str_of(yaml), &model, &world.err) != TL_OK)
        fail_msg("%s", world.err.message);
    tl_metric_query_init(&query);
    query.metric_count = 1;
    assert_int_equal(tl_metric_compile(world.arena, model, &query, &sql, &world.err), TL_OK);
    query.period = (struct tl_period){true, 0, INT64_C(86400000000), NULL};
    assert_int_equal(tl_metric_compile(world.arena, model, &query, &sql, &world.err), TL_UNSUPPORTED);
}

static void test_comparison_has_both_periods_and_the_change(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("storage_cost");
    query.period = (struct tl_period){true, INT64_C(1767225600000000), INT64_C(1767225600000000) + 30 * INT64_C(86400000000), NULL};
    query.before = (struct tl_period){true, INT64_C(1767225600000000) - 30 * INT64_C(86400000000), INT64_C(1767225600000000), NULL};
    split_by(&query, "customers", NULL);
    const char *sql = sql_of(&query);
    expect_in(sql, "AS storage_cost_before");
    expect_in(sql, "AS storage_cost_change_percent");
    expect_in(sql, "usage_daily.\"date\" >= DATE '2026-01-01' AND usage_daily.\"date\" < DATE '2026-01-31'");
}

static void test_set_of_the_top_is_a_subquery(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("domain_count");
    query.sets[query.set_count++] = (struct tl_metric_set){.dataset = tl_semantic_find_dataset(world.model, "zones"), .top = 100,
                                                           .by = {.metric = tl_semantic_find_metric(world.model, "requests")}};
    expect_in(sql_of(&query),
        "zones.zone_id IN (SELECT zone_id FROM (\nSELECT zones.zone_id AS zone_id, zones.domain AS domain, COUNT(http_requests.ts) AS requests");
}

static void test_value_with_a_quote_stays_a_value(void **state)
{
    (void)state;
    struct tl_metric_query query = ask("ticket_count");
    filter_by(&query, "support_tickets", "subject", "O'Hara' OR 1=1 --");
    expect_in(sql_of(&query), "support_tickets.subject = 'O''Hara'' OR 1=1 --'");
}

/* --- what is wrong is said with its line --- */

static void expect_wrong(const char *yaml, const char *message, const char *hint)
{
    const tl_semantic *model;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_semantic_read(world.arena, "m.yaml", tl_str_of(yaml), &model, &err), TL_CONFIG);
    assert_null(model);
    if (!strstr(err.message, message) || (hint && !strstr(err.hint, hint)))
        fail_msg("\"%s\" (%s) is not \"%s\" (%s)", err.message, err.hint, message, hint ? hint : "");
}

static void test_mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    expect_wrong("", "the file is empty", NULL);
    expect_wrong("semantic_model: 1\n", "m.yaml:1: \"semantic_model\" is a list", NULL);
    expect_wrong("semantic_models: []\n", "m.yaml:1: a file of semantic models has no key \"semantic_models\"", "did you mean \"semantic_model\"?");
    expect_wrong("semantic_model:\n  - name: m\n", "m.yaml:2: \"datasets\" is missing", NULL);
    expect_wrong(MODEL "      - name: orders\n", "m.yaml:4: \"source\" is missing", NULL);
    expect_wrong(MODEL "      - {name: orders, source: a.b}\n", "must be source.schema.table", NULL);
    expect_wrong(MODEL "      - {name: Or-ders, source: a.b.c}\n", "has other characters than", NULL);
    expect_wrong(MODEL ORDERS ORDERS, "m.yaml:10: the dataset \"orders\" is there twice", NULL);
    expect_wrong(MODEL ORDERS METRIC("SUM(amount)"), "\"amount\" stands alone: write dataset.field", NULL);
    expect_wrong(MODEL ORDERS METRIC("SUM(orders.price)"), "the dataset \"orders\" has no field \"price\"", NULL);
    expect_wrong(MODEL ORDERS METRIC("COUNT(*)"), "an aggregate speaks of no dataset", "COUNT(orders.order_id)");
    expect_wrong(MODEL ORDERS METRIC("orders.amount"), "outside an aggregate", NULL);
    expect_wrong(MODEL ORDERS METRIC("1 + 1"), "has no aggregate", NULL);
    expect_wrong(MODEL ORDERS METRIC("SUM(orders.amount"), "a parenthesis does not close", NULL);
    expect_wrong(MODEL ORDERS METRIC("SUM(orders.amount); SELECT 1"), "outside an aggregate", NULL);
    expect_wrong(MODEL ORDERS PEOPLE METRIC("SUM(orders.amount * people.age)"), "no dataset of an aggregate leads to all its others", NULL);
    expect_wrong(MODEL ORDERS PEOPLE "    relationships:\n      - {name: r, from: orders, to: people, from_columns: [id], to_columns: [age]}\n",
                 "m.yaml:15: the relationship \"r\" leads to columns of \"people\" that are not its primary key", "give \"people\" a primary_key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metric_by_entity_joins_along_many_to_one),
        cmocka_unit_test(test_metrics_of_two_facts_are_summed_apart),
        cmocka_unit_test(test_filter_of_a_lone_sum_is_a_condition),
        cmocka_unit_test(test_filter_on_the_side_of_many_is_a_semi_join),
        cmocka_unit_test(test_count_split_by_the_side_of_many_counts_keys_once),
        cmocka_unit_test(test_what_would_count_rows_twice_is_refused),
        cmocka_unit_test(test_period_that_is_not_whole_is_refused),
        cmocka_unit_test(test_metric_of_several_times_has_no_period),
        cmocka_unit_test(test_comparison_has_both_periods_and_the_change),
        cmocka_unit_test(test_set_of_the_top_is_a_subquery),
        cmocka_unit_test(test_value_with_a_quote_stays_a_value),
        cmocka_unit_test(test_mistakes_are_told_with_their_line),
    };
    return cmocka_run_group_tests(tests, read_demo, forget);
}
