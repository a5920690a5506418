/* What a source computes: groups, DISTINCT, joins.  Every query gives the rows that the engine's own copy gives, and the report
 * says what was asked of the source. */
#include "engines/duckdb/hooks_testing.h"

static const struct testing_query queries[] = {
    /* casts, CASE, coalesce, functions */
    {"SELECT id FROM @ WHERE i8::INTEGER = 5 AND CAST(i4 AS VARCHAR) LIKE '%1' AND i4 IS DISTINCT FROM 1", false},
    {"SELECT id FROM @ WHERE i4 IS NOT DISTINCT FROM NULL AND b IS NOT DISTINCT FROM true", false},
    {"SELECT id FROM @ WHERE coalesce(i4, i8, -1) = 7 AND nullif(i8, 5) IS NULL", false},
    {"SELECT id FROM @ WHERE CASE WHEN i4 > 40 THEN 'a' WHEN i4 IS NULL THEN 'b' ELSE s END IN ('a', 'b')", false},
    {"SELECT id FROM @ WHERE date_part('year', da) = 1970 AND extract(month FROM ts) = 1 AND dayofweek(da) < 4", false},
    {"SELECT id FROM @ WHERE try_cast(s AS INTEGER) IS NULL AND ts::DATE = DATE '1969-12-31'", false},
    {"SELECT id FROM @ WHERE round(d9, 1) = 5.1 AND round(f4) = 5 AND i4 & 3 = 1", false},
    {"SELECT id FROM @ WHERE concat(s, '-', t) LIKE 'x%7' AND s || 'z' > 'x5' AND replace(s, 'x', 'q') < 'q3'", false},
    /* groups */
    {"SELECT count(*), count(i4), count(DISTINCT i4), sum(i4), sum(i8), sum(i16), sum(d18), avg(i4), avg(d9), min(t), max(da), min(u) FROM @", false},
    {"SELECT sum(DISTINCT i4), avg(DISTINCT i8), max(f8), min(f8), bool_and(b), bool_or(b), sum(i2) FROM @ WHERE id % 3 = 1", false},
    {"SELECT i4, s[1] AS c, count(*), sum(d9), avg(d4), max(i16), min(u8) FROM @ GROUP BY i4, c", false},
    {"SELECT b, i1, count(*) FILTER (WHERE i8 > 500), sum(i4) FILTER (WHERE t LIKE '%7'), count(DISTINCT i8) FILTER (WHERE b) FROM @ GROUP BY b, i1", false},
    {"SELECT month(da) AS mo, CASE WHEN i4 > 20 THEN 'high' ELSE 'low' END AS c, count(*) FROM @ GROUP BY mo, c ORDER BY mo, c LIMIT 7", true},
    {"SELECT i4, count(*) AS n FROM @ GROUP BY i4 HAVING count(*) > 340 AND sum(i8) > 1000", false},
    {"SELECT i4 + 1 AS k, max(s) FROM @ WHERE t IS NOT NULL GROUP BY k ORDER BY k DESC NULLS LAST LIMIT 5", true},
    {"SELECT DISTINCT i4, b FROM @ WHERE id < 5000", false},
    {"SELECT DISTINCT i8 FROM @ ORDER BY i8 LIMIT 9", true},
    {"SELECT count(*) FROM (SELECT DISTINCT s FROM @ WHERE i4 = 7)", false},
    {"SELECT DISTINCT ON (i4) i4, id FROM @ ORDER BY i4, id", true},
    {"SELECT i4, b, count(*), grouping(i4) FROM @ GROUP BY GROUPING SETS ((i4, b), (b), ())", false},
    {"SELECT max(n), avg(n) FROM (SELECT i4, count(*) AS n FROM @ GROUP BY i4)", false},
    {"SELECT sum(n) FROM (SELECT i4, b, count(*) AS n FROM @ WHERE i8 > 4 GROUP BY i4, b HAVING count(*) > 3) WHERE n < 200 GROUP BY b", false},
    {"SELECT count(*), sum(i4), min(i4) FROM @ WHERE i8 < 0", false},
    {"SELECT i4, count(*) FROM @ WHERE i8 < 0 GROUP BY i4", false},
    {"SELECT 1 FROM @ GROUP BY i4", false},
    {"SELECT id, sum(i4) FROM @ WHERE i8 < 50 GROUP BY id", false},
    {"SELECT f8, count(*) FROM @ GROUP BY f8", false},
    {"SELECT i4, string_agg(s, ',' ORDER BY id) FROM @ WHERE id < 300 GROUP BY i4", false},
    {"SELECT i4, first(id ORDER BY id) FROM @ GROUP BY i4", false},
    {"SELECT i4, count(*) * 2 + 1, sum(i8) / count(i8) FROM @ GROUP BY i4", false},
    {"SELECT (SELECT count(*) FROM @ WHERE i4 = k - 100) AS n, k FROM small", false},
    {"SELECT k, n FROM small JOIN (SELECT i8, count(*) AS n FROM @ GROUP BY i8) ON i8 = k", false},
    {"SELECT k, n FROM small LEFT JOIN (SELECT i8, count(*) AS n FROM @ WHERE i4 < 10 GROUP BY i8) ON i8 = k", false},
    {"SELECT i4, count(*) AS n, sum(count(*)) OVER () FROM @ GROUP BY i4", false},
    {"SELECT i4, n FROM (SELECT i4, count(*) AS n FROM @ GROUP BY i4 UNION ALL SELECT i4, sum(i8)::BIGINT FROM @ GROUP BY i4) WHERE n > 350", false},
    {"WITH q AS MATERIALIZED (SELECT i4, count(*) AS n FROM @ GROUP BY i4) SELECT a.i4, b.n FROM q a JOIN q b ON a.n = b.n", false},
    {"SELECT i4 FROM (SELECT i4, random() AS r FROM @) GROUP BY i4", false},
    {"SELECT i4, count(*) FROM (SELECT i4 FROM @ LIMIT 0) GROUP BY i4", false},
    /* joins inside the source */
    {"SELECT id, nm FROM @ JOIN # ON i8 = k WHERE i4 = 3", false},
    {"SELECT nm, count(*), sum(i4) FROM @ JOIN # ON i8 = k GROUP BY nm", false},
    {"SELECT nm, count(*) AS n FROM @ JOIN # ON i8 = k WHERE t LIKE '%7' GROUP BY nm HAVING count(*) > 3 ORDER BY n DESC, nm LIMIT 8", true},
    {"SELECT id, nm, k FROM @ LEFT JOIN # ON i8 = k AND nm LIKE '%3' WHERE i4 = 3", false},
    {"SELECT i4, count(*), count(nm), count(k) FROM @ LEFT JOIN # ON i8 = k AND i4 > 20 GROUP BY i4", false},
    {"SELECT i4, count(y), max(y) FROM @ LEFT JOIN (SELECT k, coalesce(nm, 'none') AS y FROM #) ON i8 = k GROUP BY i4", false},
    {"SELECT id FROM @ WHERE i8 IN (SELECT k FROM # WHERE nm LIKE '%3')", false},
    {"SELECT id FROM @ WHERE NOT EXISTS (SELECT 1 FROM # WHERE k = i8) AND i4 = 5", false},
    {"SELECT id FROM @ WHERE i8 NOT IN (SELECT k FROM #) AND i4 = 5", false},
    {"SELECT k FROM # WHERE EXISTS (SELECT 1 FROM @ WHERE i8 = k AND i4 = 3)", false},
    {"SELECT k FROM # WHERE k NOT IN (SELECT i8 FROM @ WHERE i8 IS NOT NULL)", false},
    {"SELECT count(*) FROM @ WHERE i8 IN (SELECT n.k FROM # n JOIN small ON n.k = small.k)", false},
    {"SELECT count(*), max(nm) FROM @ JOIN # ON i8 = k AND i4 < k", false},
    {"SELECT a.nm, count(*) FROM # a JOIN @ w ON w.i8 = a.k JOIN # b ON b.k = w.i4 GROUP BY a.nm", false},
    {"SELECT a.nm, count(*) FROM # a JOIN (SELECT w.i8, w.i4 FROM @ w LEFT JOIN # b ON b.k = w.i4 WHERE b.nm IS NULL) ON i8 = a.k GROUP BY a.nm", false},
    {"SELECT a.nm, n, m FROM # a JOIN (SELECT i8, count(*) AS n FROM @ GROUP BY i8) x ON x.i8 = a.k "
     "JOIN (SELECT i4, max(id) AS m FROM @ GROUP BY i4) y ON y.i4 = a.k", false},
    {"SELECT a.nm, sum(n) FROM # a LEFT JOIN (SELECT i8, count(*) AS n FROM @ WHERE i4 = 3 GROUP BY i8) x ON x.i8 = a.k GROUP BY a.nm", false},
    {"SELECT count(*) FROM # a LEFT JOIN (SELECT w.i8, b.nm FROM @ w JOIN # b ON b.k = w.i4) x ON x.i8 = a.k", false},
    {"SELECT nm, count(*) FROM @ RIGHT JOIN # ON i8 = k AND i4 = 3 GROUP BY nm", false},
    {"SELECT count(*), count(id), count(k) FROM @ FULL JOIN # ON i8 = k", false},
    {"SELECT nm, count(*) FROM @, # WHERE i8 = k GROUP BY nm", false},
    {"SELECT count(*) FROM # a, # b", false},
    {"SELECT count(*) FROM # a JOIN # b ON a.k < b.k", false},
    {"SELECT a.id FROM @ a JOIN @ b ON a.i4 IS NOT DISTINCT FROM b.i4 AND a.id = b.id WHERE a.i8 < 30", false},
    {"SELECT DISTINCT nm FROM @ JOIN # ON i8 = k WHERE b", false},
    {"SELECT nm, (SELECT count(*) FROM @ WHERE i8 = k) AS n FROM #", false},
    {"SELECT nm, (SELECT max(id) FROM @ WHERE i8 = k AND i4 > 3) AS m FROM # WHERE m > 100", false},
    {"SELECT month(da) AS mo, nm, count(*) FROM @ JOIN # ON i8 = k GROUP BY mo, nm", false},
    /* two sources */
    {"SELECT a.nm, count(*) FROM $ a JOIN @ ON i8 = a.k WHERE i4 < 20 GROUP BY a.nm", false},
    {"SELECT a.nm, n FROM $ a JOIN (SELECT i8, count(*) AS n FROM @ GROUP BY i8) x ON x.i8 = a.k WHERE a.nm LIKE '%3'", false},
    {"SELECT a.nm, b.nm, count(*) FROM $ a JOIN @ ON i8 = a.k JOIN # b ON b.k = i4 GROUP BY a.nm, b.nm", false},
    {"SELECT nm FROM # UNION SELECT nm FROM $ WHERE k > 30", false},
    {"SELECT count(*) FROM @ JOIN small ON i8 = small.k JOIN # n ON n.k = i4", false},
};

static struct testing_queries all = {queries, sizeof queries / sizeof *queries};

static void test_answers_are_equal_when_much_is_derived(void **state)
{
    test_answers_are_equal_when_everything_is_pushed(state);
    assert_true(atomic_load(&fake.derived) > 50);
}

static void test_groups_are_computed_by_the_source(void **state)
{
    (void)state;
    atomic_store(&fake.rows, 0);
    testing_assert_sent("SELECT i4, count(*), sum(d9) FROM @ WHERE f8 > 0.5 GROUP BY i4",
                "SELECT i0.\"i4\" AS c0, count(*) AS c1, sum(i0.\"d9\") AS c2 FROM wide i0 WHERE (i0.\"f8\" > CAST('0.5' AS DOUBLE)) GROUP BY i0.\"i4\"");
    assert_int_equal(atomic_load(&fake.rows), 51);
    atomic_store(&fake.rows, 0);
    testing_assert_sent("SELECT count(*), max(t) FROM @", "SELECT count(*) AS c0, max(i0.\"t\") AS c1 FROM wide i0 WHERE true");
    assert_int_equal(atomic_load(&fake.rows), 1);
    testing_assert_sent("SELECT count(DISTINCT i4) FILTER (WHERE b) FROM @", "count(DISTINCT i0.\"i4\") FILTER (WHERE i0.\"b\")");
    testing_assert_sent("SELECT DISTINCT i4, b FROM @", "GROUP BY i0.\"i4\", i0.\"b\"");
    testing_assert_sent("SELECT i4, count(*) AS n FROM @ GROUP BY i4 HAVING n > 340", "GROUP BY i0.\"i4\") i0 WHERE (\"c1\" > CAST((340) AS BIGINT))");
    testing_assert_sent("SELECT i4, count(*) AS n FROM @ GROUP BY i4 ORDER BY n DESC, i4 LIMIT 3",
                "ORDER BY \"c1\" DESC NULLS LAST, \"c0\" ASC NULLS LAST LIMIT 3");
    testing_assert_sent("SELECT month(da) AS mo, count(*) FROM @ GROUP BY mo", "GROUP BY month(i0.\"da\")");
    testing_assert_sent("SELECT max(n) FROM (SELECT i4, count(*) AS n FROM @ GROUP BY i4)", "SELECT max(i0.\"c1\") AS c0 FROM (SELECT ");
    testing_assert_not_sent("SELECT id, sum(i4) FROM @ GROUP BY id", "sum(");
    testing_assert_not_sent("SELECT i4, string_agg(s) FROM @ GROUP BY i4", "GROUP BY");
    testing_assert_not_sent("SELECT i4, b, count(*) FROM @ GROUP BY ROLLUP (i4, b)", "GROUP BY");
    testing_assert_not_sent("SELECT i4, count(*) FROM (SELECT * FROM @ LIMIT 50) GROUP BY i4", "GROUP BY");
    testing_assert_not_sent("SELECT i4, count(*) FROM @ TABLESAMPLE 50 PERCENT GROUP BY i4", "GROUP BY");
    testing_assert_not_sent("SELECT i4, count(*) FROM @ WHERE regexp_matches(s, '7.?$') GROUP BY i4", "GROUP BY");
}

static void test_joins_of_one_source_are_computed_by_it(void **state)
{
    (void)state;
    testing_assert_sent("SELECT nm, count(*) FROM @ JOIN # ON i8 = k WHERE b GROUP BY nm", "count(*) AS c1 FROM ");
    testing_assert_sent("SELECT nm, count(*) FROM @ JOIN # ON i8 = k WHERE b GROUP BY nm", " JOIN names i");
    testing_assert_sent("SELECT id FROM @ WHERE i8 IN (SELECT k FROM # WHERE nm LIKE '%3')",
                " SEMI JOIN names i1 ON suffix(i1.\"nm\", '3') AND (i0.\"i8\" = i1.\"k\")");
    testing_assert_sent("SELECT id FROM @ WHERE NOT EXISTS (SELECT 1 FROM # WHERE k = i8)", " ANTI JOIN names i1 ON ");
    testing_assert_sent("SELECT id FROM @ WHERE EXISTS (SELECT 1 FROM # WHERE k = i8)", " SEMI JOIN names i1 ON ");
    testing_assert_sent("SELECT i4, count(nm) FROM @ LEFT JOIN # ON i8 = k GROUP BY i4", " LEFT JOIN names i1 ON ");
    testing_assert_sent("SELECT a.nm, count(*) FROM # a JOIN @ w ON w.i8 = a.k JOIN # b ON b.k = w.i4 GROUP BY a.nm", " i2 ON ");
    testing_assert_not_sent("SELECT a.nm, count(*) FROM $ a JOIN @ ON i8 = a.k GROUP BY a.nm", " JOIN ");
    testing_assert_not_sent("SELECT i4 FROM @ JOIN small ON i8 = k", " JOIN ");
}

static void test_what_would_bring_more_bytes_stays_here_and_says_so(void **state)
{
    (void)state;
    testing_assert_not_sent("SELECT id, t, u, a.nm FROM @ JOIN # a ON i8 > a.k", " JOIN ");
    testing_assert_reported("SELECT id, t, u, a.nm FROM @ JOIN # a ON i8 > a.k", "\"reason\":\"more bytes would come: about ");
    testing_assert_not_sent("SELECT id, nm FROM tl_scan('fake', 'main', 'facts') JOIN # ON i8 = k", " JOIN ");
    testing_assert_reported("SELECT id, nm FROM tl_scan('fake', 'main', 'facts') JOIN # ON i8 = k",
                    "\"reason\":\"it is not known whether fewer bytes would come\"");
    testing_assert_reported("SELECT id, sum(i4) FROM @ GROUP BY id", "\"reason\":\"each row would be a group of its own\"");
    testing_assert_sent("SELECT id FROM tl_scan('fake', 'main', 'facts') WHERE i8 IN (SELECT k FROM #)", " SEMI JOIN ");
    testing_assert_sent("SELECT i4, count(*) FROM tl_scan('fake', 'main', 'facts') GROUP BY i4", "GROUP BY");
}

static void test_the_report_tells_of_groups_joins_and_limits(void **state)
{
    (void)state;
    testing_assert_reported("SELECT i4, count(*) AS n FROM @ WHERE b GROUP BY i4", "{\"kind\":\"aggregate\",\"what\":\"count_star() BY i4\"}");
    testing_assert_reported("SELECT DISTINCT i4 FROM @", "{\"kind\":\"aggregate\",\"what\":\"DISTINCT i4\"}");
    testing_assert_reported("SELECT id FROM @ WHERE i8 IN (SELECT k FROM #)", "\"datasets\":[\"main.wide\",\"main.names\"]");
    testing_assert_reported("SELECT id FROM @ WHERE i8 IN (SELECT k FROM #)", "{\"kind\":\"join\",\"what\":\"SEMI (i8 = k)\"}");
    testing_assert_reported("SELECT id FROM @ ORDER BY da, id LIMIT 3", "{\"kind\":\"limit\",\"what\":\"3 BY da ASC NULLS LAST, id ASC NULLS LAST\"}");
    testing_assert_reported("SELECT i4, string_agg(s) FROM @ GROUP BY i4", "\"reason\":\"an aggregate that is not translated\"");
    testing_assert_reported("SELECT i4, string_agg(s) FROM @ GROUP BY i4 LIMIT 3", "\"reason\":\"what it limits is made here\"");
    testing_assert_reported("SELECT a.nm FROM $ a JOIN @ ON i8 = a.k", "\"reason\":\"its sides are in different sources\"");
    testing_assert_reported("SELECT id FROM @ JOIN small ON i8 = k", "{\"kind\":\"dynamic filter\",\"what\":\"(i8 IN (");
    fake.derives = false;
    testing_assert_reported("SELECT i4, count(*) FROM @ GROUP BY i4", "\"reason\":\"the fake computes nothing\"");
}

static void test_a_plan_that_does_not_run_is_reported_too(void **state)
{
    (void)state;
    static const char *const sql = "EXPLAIN SELECT i4, count(*) FROM @ WHERE i8 > 5 GROUP BY i4 LIMIT 3";
    testing_assert_reported(sql, "{\"kind\":\"aggregate\",\"what\":\"count_star() BY i4\"}");
    testing_assert_reported(sql, "{\"kind\":\"filter\",\"what\":\"(i8 > 5)\"}");
    testing_assert_reported(sql, "{\"kind\":\"limit\",\"what\":\"3\"}");
    testing_assert_reported(sql, "\"estimated_rows\":3,");
    testing_assert_reported(sql, "\"ran\":false");
    testing_assert_reported("EXPLAIN SELECT id FROM @ WHERE regexp_matches(s, '7.?$')", "\"reason\":\"a function that is not translated\"");
}

static void test_switched_off_means_nothing_is_pushed_and_the_report_says_so(void **state)
{
    (void)state;
    static const struct tl_hooks_guard off = {.no_pushdown = true, .query_id = "off"};
    tl_hooks_set_guard(testing_connection, &off);
    testing_assert_not_sent("SELECT i4, count(*) FROM @ JOIN # ON i8 = k WHERE b GROUP BY i4 LIMIT 3", "GROUP BY");
    char *scans = testing_scans();
    assert_non_null(strstr(scans, "\"kind\":\"aggregate\""));
    assert_non_null(strstr(scans, "\"reason\":\"pushdown is switched off\""));
    assert_null(strstr(scans, "\"pushed\":[{"));
    free(scans);
    assert_non_null(strstr(fake.last_sql, "WHERE true"));
}

static void test_the_keys_of_a_small_side_reach_the_source(void **state)
{
    (void)state;
    testing_run("SET dynamic_or_filter_threshold = 5000");
    atomic_store(&fake.rows, 0);
    testing_assert_reported("SELECT max(s) FROM @ JOIN middle ON id = k", "id IN (2000 values)");
    assert_int_equal(atomic_load(&fake.rows), 2000);
    /* also below a group that the source computes */
    testing_assert_reported("SELECT nm, n FROM small JOIN (SELECT i8, count(*) AS n FROM @ GROUP BY i8) ON i8 = k",
                            "{\"kind\":\"dynamic filter\",\"what\":\"(i8 IN (100, ");
    testing_assert_reported("SELECT a.nm, n FROM $ a JOIN (SELECT i8, count(*) AS n FROM @ GROUP BY i8) x ON x.i8 = a.k WHERE a.nm LIKE '%3'",
                            "{\"kind\":\"dynamic filter\",\"what\":\"(i8 IN (");
    testing_run("RESET dynamic_or_filter_threshold");
}

static void test_without_the_optimizer_nothing_is_derived(void **state)
{
    (void)state;
    testing_run("PRAGMA disable_optimizer");
    long derived = atomic_load(&fake.derived);
    testing_compare_all(queries, all.count);
    assert_int_equal(atomic_load(&fake.derived), derived);
    testing_run("PRAGMA enable_optimizer");
}

static void test_plans_are_copied_with_what_sources_compute(void **state)
{
    (void)state;
    testing_run("PRAGMA verify_serializer");
    long derived = atomic_load(&fake.derived);
    testing_compare_all(queries + 8, 24);
    assert_true(atomic_load(&fake.derived) > derived);
    testing_run("PRAGMA disable_verify_serializer");
}

static void test_every_dataset_of_a_derived_one_must_be_allowed(void **state)
{
    (void)state;
    static const char *const sql = "SELECT id FROM tl_scan('fake', 'main', 'wide') WHERE i8 IN (SELECT k FROM tl_scan('fake', 'main', 'names'))";
    static const char *const allowed[] = {"scan:fake.main.wide", "scan:fake.main.names"};
    for (size_t count = 0; count < 2; count++) {
        tl_hooks_set_guard(testing_connection, &(struct tl_hooks_guard){.allowed = allowed, .allowed_count = count, .query_id = "test"});
        assert_int_equal(testing_failure(sql).code, TL_NOT_ALLOWED);
    }
    tl_hooks_set_guard(testing_connection, &(struct tl_hooks_guard){.allowed = allowed, .allowed_count = 2, .query_id = "test"});
    testing_run(sql);
    assert_non_null(strstr(fake.last_sql, " SEMI JOIN "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(test_answers_are_equal_when_much_is_derived, testing_reset, NULL, &all),
        cmocka_unit_test_prestate_setup_teardown(test_answers_are_equal_when_some_is_pushed, testing_reset, NULL, &all),
        cmocka_unit_test_prestate_setup_teardown(test_answers_are_equal_when_the_source_derives_nothing, testing_reset, NULL, &all),
        cmocka_unit_test_prestate_setup_teardown(test_answers_are_equal_with_pushdown_switched_off, testing_reset, NULL, &all),
        cmocka_unit_test_setup(test_groups_are_computed_by_the_source, testing_reset),
        cmocka_unit_test_setup(test_joins_of_one_source_are_computed_by_it, testing_reset),
        cmocka_unit_test_setup(test_what_would_bring_more_bytes_stays_here_and_says_so, testing_reset),
        cmocka_unit_test_setup(test_the_report_tells_of_groups_joins_and_limits, testing_reset),
        cmocka_unit_test_setup(test_a_plan_that_does_not_run_is_reported_too, testing_reset),
        cmocka_unit_test_setup(test_switched_off_means_nothing_is_pushed_and_the_report_says_so, testing_reset),
        cmocka_unit_test_setup(test_the_keys_of_a_small_side_reach_the_source, testing_reset),
        cmocka_unit_test_setup(test_without_the_optimizer_nothing_is_derived, testing_reset),
        cmocka_unit_test_setup(test_plans_are_copied_with_what_sources_compute, testing_reset),
        cmocka_unit_test_setup(test_every_dataset_of_a_derived_one_must_be_allowed, testing_reset),
    };
    return cmocka_run_group_tests(tests, testing_open, testing_close);
}
