/* Every query runs over a scan of ours and over the engine's own copy of the same rows: the answers are equal, whatever the source
 * is willing to do. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "engines/duckdb/hooks_testing.h"

static const struct testing_query queries[] = {
    {"SELECT * EXCLUDE (odd) FROM @ WHERE id < 3000", false},
    {"SELECT count(*) FROM @", false},
    {"SELECT count(*), count(b), count(t), count(l), count(st), count(m) FROM @", false},
    {"SELECT id FROM @ WHERE id = 77", false},
    {"SELECT id, i4 FROM @ WHERE i4 > 5 AND i8 IN (1, 2, 3, 700) AND s LIKE 'x%' AND t IS NOT NULL", false},
    {"SELECT id FROM @ WHERE i4 IN (9, 19, 29) AND (i8 < 100 OR d9 > 199.5) AND lower(s) LIKE '%9' AND i8 <> 4", false},
    {"SELECT id FROM @ WHERE i8 + i4 > 900 AND t IS NULL AND regexp_matches(s, '5.?$') AND i4 NOT IN (4, 5)", false},
    {"SELECT id FROM @ WHERE b", false},
    {"SELECT id FROM @ WHERE NOT b AND i1 < 0", false},
    {"SELECT id FROM @ WHERE b IS NULL AND i2 BETWEEN -3 AND 3", false},
    {"SELECT id FROM @ WHERE i2 NOT BETWEEN -490 AND 490", false},
    {"SELECT id FROM @ WHERE i1 = -128 OR i1 = 127 OR i1 IS NULL AND i2 = 0", false},
    {"SELECT id, i16 FROM @ WHERE i16 > 368934881474191032320 AND i16 < 3689348814741910323200", false},
    {"SELECT id FROM @ WHERE u1 = 255 AND u2 > 10000 AND u4 < 4000000000", false},
    {"SELECT id FROM @ WHERE u8 >= 18446744073709551600 OR u16 >= 340282366920938463463374607431768211450", false},
    {"SELECT id, f4 FROM @ WHERE f4 > 100.5 AND f4 <= 130", false},
    {"SELECT id, f8 FROM @ WHERE f8 > 0.9", false},
    {"SELECT id, f8 FROM @ WHERE f8 = 'nan'::DOUBLE OR f8 = 'inf'::DOUBLE", false},
    {"SELECT id FROM @ WHERE f8 < 0.001", false},
    {"SELECT id FROM @ WHERE d4 = 12.5 AND d9 > 10 AND d18 < 1000000.5", false},
    {"SELECT id, d38 FROM @ WHERE d38 > 19990000000000000000000 OR d38 = 5000000000000000000", false},
    {"SELECT id FROM @ WHERE s = 'x300' OR s > 'y9998'", false},
    {"SELECT id FROM @ WHERE t LIKE 'long \u00e4%' AND t LIKE '%77'", false},
    {"SELECT id FROM @ WHERE contains(t, '\u4f60') AND length(t) < 25", false},
    {"SELECT id FROM @ WHERE t ILIKE '%LONG%' AND starts_with(t, 'long')", false},
    {"SELECT id FROM @ WHERE s LIKE 'x_3' AND s NOT LIKE '%1%'", false},
    {"SELECT id, j->>'n' FROM @ WHERE (j->>'n')::INT < 20", false},
    {"SELECT id FROM @ WHERE x = '\\x00\\xFF55'::BLOB OR x > '\\x00\\xFF9999'::BLOB", false},
    {"SELECT id FROM @ WHERE u = md5('123')::UUID OR u < '01000000-0000-0000-0000-000000000000'::UUID", false},
    {"SELECT id FROM @ WHERE da >= DATE '1970-01-01' AND da < DATE '1970-01-10'", false},
    {"SELECT id FROM @ WHERE da = DATE '1969-06-15' AND date_trunc('month', ts) IS NOT NULL", false},
    {"SELECT id FROM @ WHERE da < 'infinity'::DATE AND id < 500", false},
    {"SELECT id FROM @ WHERE ti BETWEEN TIME '03:00:00' AND TIME '03:10:00'", false},
    {"SELECT id FROM @ WHERE ts < TIMESTAMP '1969-12-31 23:10:00.5' AND tz > TIMESTAMPTZ '1970-01-01 00:00:00+00'", false},
    {"SELECT id FROM @ WHERE tn > make_timestamp_ns(1600000000000019990) AND tz <= TIMESTAMPTZ '1970-01-01 06:00:00+00'", false},
    {"SELECT id FROM @ WHERE iv > INTERVAL '4 months 2 days' AND id < 2000", false},
    {"SELECT id, l[1], len(ls), ll[1][1], st.b, m['key'], lst[1].b FROM @ WHERE st.a > 100 AND len(l) = 3 AND id < 700", false},
    {"SELECT id, unnest(l) AS v FROM @ WHERE id < 90", false},
    {"SELECT st, m, lst FROM @ WHERE st IS NOT NULL AND m IS NOT NULL AND id > 19900", false},
    {"WITH w AS (SELECT i8 AS a, t AS cc, i4 FROM @) SELECT a, count(*) FROM w WHERE cc LIKE '%77' AND i4 > 10 GROUP BY a", false},
    {"WITH w AS (SELECT id, i4, i8, t FROM @ WHERE t LIKE '%7') SELECT count(*) FROM w w1 JOIN w w2 ON w1.id = w2.id WHERE w1.i4 = 3 AND w2.i8 > 500", false},
    {"WITH w AS MATERIALIZED (SELECT id, i4 FROM @ WHERE i4 < 9) SELECT (SELECT max(id) FROM w WHERE i4 = 3), (SELECT min(id) FROM w WHERE i4 = 5)", false},
    {"SELECT id, nm FROM @ JOIN small ON i8 = k WHERE i4 = 3", false},
    {"SELECT count(*), sum(id) FROM @ JOIN middle ON id = k", false},
    {"SELECT count(*) FROM @ JOIN (SELECT * FROM middle WHERE k % 5 = 1) ON i8 = k", false},
    {"SELECT id FROM @ WHERE id IN (SELECT k FROM middle) AND i8 = 7", false},
    {"SELECT id FROM @ WHERE i8 < (SELECT min(k) FROM small) - 90", false},
    {"SELECT id, (SELECT max(k) FROM small WHERE k < i8) FROM @ WHERE id < 300", false},
    {"SELECT k, (SELECT count(*) FROM @ WHERE i8 = k) AS n FROM small", false},
    {"SELECT id, t FROM @ ORDER BY id DESC LIMIT 10", true},
    {"SELECT id, t FROM @ WHERE t LIKE '%7' ORDER BY t, id LIMIT 10 OFFSET 5", true},
    {"SELECT da, id FROM @ ORDER BY da DESC NULLS FIRST, id LIMIT 12", true},
    {"SELECT id FROM @ WHERE regexp_matches(t, '7.?$') ORDER BY id LIMIT 10", true},
    {"SELECT count(*) FROM (SELECT id FROM @ WHERE i4 = 9 LIMIT 5)", false},
    {"SELECT count(*) FROM (SELECT id FROM @ WHERE i4 = 9 LIMIT 5 OFFSET 3)", false},
    {"SELECT id FROM @ LIMIT 0", false},
    {"SELECT i4, count(*), sum(d9) FROM @ WHERE f8 > 0.5 AND f8 < 1 GROUP BY i4", false},
    {"SELECT i4 % 10 AS g, avg(i8), count(DISTINCT b), max(t) FROM @ WHERE t LIKE '%7' GROUP BY g HAVING count(*) > 5", false},
    {"SELECT min(id), i4 FROM @ WHERE i8 BETWEEN 3 AND 9 GROUP BY ROLLUP (i4)", false},
    {"SELECT count(*) FILTER (WHERE i8 > 500), sum(d18) FILTER (WHERE s LIKE 'x%'), min(t) FROM @ WHERE i4 < 3", false},
    {"SELECT DISTINCT s[1] FROM @", false},
    {"SELECT i4, count(*) FROM @ GROUP BY i4 UNION ALL SELECT i8, sum(id)::BIGINT FROM @ WHERE i8 < 50 GROUP BY i8", false},
    {"SELECT id, count(*) OVER (PARTITION BY i8) FROM @ WHERE t LIKE '%77'", false},
    {"SELECT id, rank() OVER (ORDER BY i8, id) AS r FROM @ WHERE i4 = 7 QUALIFY r < 20", false},
    {"SELECT a.id, b.id FROM @ a JOIN @ b ON a.i8 = b.i8 AND a.id < b.id WHERE a.i4 = 3 AND b.i4 = 4 AND a.id < 900", false},
    {"SELECT a.id, b.id FROM @ a ASOF JOIN small b2 ON a.i8 >= b2.k, (SELECT 1 AS id) b WHERE a.id < 400", false},
    {"SELECT s FROM @ WHERE i8 > 2000", false},
    {"SELECT 1 FROM @ WHERE false", false},
    {"SELECT count(*) FROM @ WHERE random() >= 0", false},
    {"SELECT id FROM @ WHERE CASE WHEN i4 = 3 THEN i8 > 5 ELSE false END AND coalesce(b, true)", false},
    {"SELECT id FROM @ WHERE i4::VARCHAR = '7' AND d9::INTEGER = 5", false},
    {"SELECT id FROM (SELECT id, i8 * 2 AS twice FROM @) WHERE twice = 100", false},
    {"SELECT sum(id) FROM @ WHERE abs(i2) = 7 AND i8 % 10 = 3", false},
};

static struct testing_queries all = {queries, sizeof queries / sizeof *queries};

static void test_answers_are_equal_when_the_source_declines_everything(void **state)
{
    (void)state;
    fake.pushes = FAKE_PUSHES_NOTHING;
    fake.pushes_order = fake.derives = false;
    testing_compare_all(queries, all.count);
}

static void test_answers_are_equal_through_views(void **state)
{
    (void)state;
    static const char *const over_views[] = {"SELECT id, s FROM @ WHERE i8 > 900 AND t LIKE '%4'", "SELECT count(*) FROM @",
                                             "SELECT s, count(*) FROM @ WHERE da > DATE '1970-01-01' GROUP BY s HAVING count(*) > 0"};
    for (size_t i = 0; i < sizeof over_views / sizeof *over_views; i++) {
        char *ours = testing_with_table(over_views[i], "fake_view"), *theirs = testing_with_table(over_views[i], "local_view");
        char *our_rows = testing_rows(ours, false), *their_rows = testing_rows(theirs, false);
        assert_string_equal(our_rows, their_rows);
        free(ours);
        free(theirs);
        free(our_rows);
        free(their_rows);
    }
}

static void test_filters_arrive_at_the_source(void **state)
{
    (void)state;
    testing_assert_sent("SELECT id FROM @ WHERE i4 > 5", "\"i4\" > CAST((5) AS INTEGER)");
    testing_assert_sent("SELECT id FROM @ WHERE i4 IN (9, 19, 33)", "\"i4\" IN (");
    testing_assert_sent("SELECT id FROM @ WHERE i8 < 100 OR d9 > 5", " OR ");
    testing_assert_sent("SELECT id FROM @ WHERE s LIKE 'x%'", "prefix(\"s\", 'x')");
    testing_assert_sent("SELECT id FROM @ WHERE lower(s) LIKE '%9'", "suffix(lower(\"s\"), '9')");
    testing_assert_sent("SELECT id FROM @ WHERE t IS NULL", "\"t\" IS NULL");
    testing_assert_sent("SELECT id FROM @ WHERE i4 NOT IN (4, 5)", "NOT ");
    testing_assert_sent("SELECT id FROM fake_view WHERE i8 > 900", "\"i4\" < CAST((25) AS INTEGER)");
    testing_assert_sent("SELECT id, nm FROM @ JOIN small ON i8 = k", "\"i8\" IN (");
    testing_assert_sent("SELECT count(*) FROM @ JOIN middle ON i8 = k", "\"i8\" <= CAST((5997) AS BIGINT)");
    testing_assert_sent("SELECT id FROM @ WHERE i8 < (SELECT min(k) FROM small)", "\"i8\" < CAST((100) AS BIGINT)");
    testing_assert_sent("WITH w AS (SELECT * FROM @) SELECT id FROM w WHERE d4 = 12.5", "\"d4\" = CAST(12.5 AS DECIMAL(4,1))");
}

static void test_casts_cases_and_functions_arrive_at_the_source(void **state)
{
    (void)state;
    testing_assert_sent("SELECT id FROM @ WHERE i4::VARCHAR LIKE '%7'", "suffix(CAST(\"i4\" AS VARCHAR), '7')");
    testing_assert_sent("SELECT id FROM @ WHERE CASE WHEN i4 = 3 THEN i8 ELSE 9 END > 5",
                "CASE WHEN (\"i4\" = CAST((3) AS INTEGER)) THEN \"i8\" ELSE CAST((9) AS BIGINT) END > CAST((5) AS BIGINT)");
    testing_assert_sent("SELECT id FROM @ WHERE coalesce(i4, 7) = 7", "coalesce(\"i4\", CAST((7) AS INTEGER)) = CAST((7) AS INTEGER)");
    testing_assert_sent("SELECT id FROM @ WHERE i4 IS NOT DISTINCT FROM i2", "coalesce((\"i4\" = CAST(\"i2\" AS INTEGER)), (");
    testing_assert_sent("SELECT id FROM @ WHERE date_part('year', da) = 1970", "year(\"da\") = CAST((1970) AS BIGINT)");
    testing_assert_sent("SELECT id FROM @ WHERE extract(hour FROM ts) < 5", "hour(\"ts\")");
    testing_assert_sent("SELECT id FROM @ WHERE ts::DATE = DATE '1970-01-01'", "\"ts\" >= make_timestamp((0))");
    testing_assert_sent("SELECT id FROM @ WHERE i8 % 7 + abs(i4) * 2 > 5", "% CAST((7) AS BIGINT)");
    testing_assert_not_sent("SELECT id FROM @ WHERE try_cast(s AS INTEGER) = 3", "\"s\" AS INTEGER");
    testing_assert_not_sent("SELECT id FROM @ WHERE round(d9, 1) = 5.1", "round(");
}

/* As a governed view with a row rule is: OFFSET 0 behind it. */
#define RULED "(SELECT id, s, t, i4, i8, d4, upper(t) AS masked FROM @ WHERE i4 IN (9, 19, 33) OFFSET 0)"

static void test_filters_pass_a_row_rule_where_they_can_fail_on_no_row(void **state)
{
    (void)state;
    static const struct testing_query same[] = {
        {"SELECT id, s FROM " RULED " WHERE i8 < 9000", false},
        {"SELECT id FROM " RULED " WHERE i8 BETWEEN 100 AND 9000 AND s LIKE 'x%' AND masked IS NOT NULL", false},
        {"SELECT count(*), max(t) FROM " RULED " WHERE t LIKE '%7' OR i8 IN (5, 95, 195)", false},
        {"SELECT id FROM " RULED " WHERE i8 < 9000 ORDER BY id LIMIT 3", true},
        {"SELECT r.id FROM " RULED " r JOIN # n ON n.k = r.i8 WHERE r.i8 > 50", false},
        {"SELECT id FROM " RULED " WHERE s = 'x3' AND CAST(i8 AS VARCHAR) LIKE '%5'", false},
        {"SELECT id FROM " RULED " WHERE i4 = 5", false},
    };
    testing_assert_sent("SELECT id FROM " RULED " WHERE i8 < 100", "\"i8\" < CAST((100) AS BIGINT)");
    testing_assert_sent("SELECT id FROM " RULED " WHERE i8 < 100", "\"i4\" IN (");
    testing_assert_sent("SELECT id FROM " RULED " WHERE s LIKE 'x%'", "prefix(\"s\", 'x')");
    testing_assert_sent("SELECT id FROM " RULED " WHERE s LIKE 'x%' AND CAST(s AS INTEGER) = 3 AND i8 = 7", "\"i8\" = CAST((7)");
    testing_assert_sent("SELECT id FROM " RULED " WHERE i8 IS NULL OR i8 IN (3, 5)", " OR ");
    testing_compare_all(same, sizeof same / sizeof *same);
}

static void test_filters_that_could_fail_on_a_hidden_row_stay_above_its_rule(void **state)
{
    (void)state;
    testing_assert_not_sent("SELECT id FROM " RULED " WHERE TRY_CAST(s AS INTEGER) = 3 OR i8 / i4 = 3", "i8\" /");
    testing_assert_not_sent("SELECT id FROM " RULED " WHERE CAST(i4 AS VARCHAR) LIKE '9%'", "prefix(");
    testing_assert_not_sent("SELECT id FROM " RULED " WHERE i8 + 1 < 100", "+");
    testing_assert_not_sent("SELECT id FROM " RULED " WHERE CASE WHEN i4 = 5 THEN 'x' ELSE '1' END::INTEGER = 1", "CASE");
    testing_assert_not_sent("SELECT id FROM " RULED " WHERE d4 = 12.5", "\"d4\" =");
    testing_assert_not_sent("SELECT id FROM " RULED " WHERE masked = 'X'", "upper(");
    testing_assert_not_sent("SELECT i4, count(*) FROM " RULED " GROUP BY i4", "GROUP BY");
    testing_assert_not_sent("SELECT max(CAST(s AS INTEGER)) FROM " RULED " WHERE i8 < 0", "max(");
    testing_assert_reported("SELECT id FROM " RULED " WHERE i8 % i4 = 3", "could fail on a row that the rule hides");
}

static void test_only_needed_columns_are_read(void **state)
{
    (void)state;
    testing_assert_sent("SELECT id FROM @ WHERE i4 > 5 AND t IS NULL", "SELECT \"id\" FROM");
    testing_assert_sent("SELECT string_agg('x') FROM @", "SELECT true FROM");
    fake.pushes = FAKE_PUSHES_NOTHING;
    testing_assert_sent("SELECT id FROM @ WHERE i4 > 5 AND i8 > 7", "\"i4\", \"i8\" FROM");
}

static void test_limits_and_orders_arrive_at_the_source(void **state)
{
    (void)state;
    atomic_store(&fake.rows, 0);
    testing_assert_sent("SELECT id, t FROM @ WHERE i4 > 5 ORDER BY da DESC, id LIMIT 10 OFFSET 3",
                " ORDER BY \"da\" DESC NULLS LAST, \"id\" ASC NULLS LAST LIMIT 13");
    assert_int_equal(atomic_load(&fake.rows), 13);
    testing_assert_sent("SELECT id FROM @ LIMIT 5", " LIMIT 5");
    testing_assert_sent("SELECT x.id FROM (SELECT id, i8 + 1 FROM @ WHERE s LIKE 'x%') x LIMIT 5", " LIMIT 5");
    testing_assert_not_sent("SELECT id FROM @ WHERE regexp_matches(t, '7.?$') LIMIT 5", "LIMIT");
    testing_assert_not_sent("SELECT id FROM @ ORDER BY id + i4 LIMIT 5", "LIMIT");
    testing_assert_not_sent("SELECT string_agg(s) FROM @ LIMIT 5", "LIMIT");
    testing_assert_not_sent("SELECT DISTINCT ON (i4) i4, i8 FROM @ LIMIT 5", "LIMIT");
    testing_assert_not_sent("SELECT id FROM @ LIMIT 10%", "LIMIT");
    fake.pushes_order = false;
    testing_assert_not_sent("SELECT id FROM @ ORDER BY id LIMIT 5", "LIMIT");
}

static void test_a_limit_below_a_join_keeps_its_rows(void **state)
{
    (void)state;
    testing_assert_not_sent("SELECT * FROM (SELECT id, i8 FROM @ ORDER BY id LIMIT 50) q JOIN small ON q.i8 = k", "\"i8\" IN (");
}

static void test_a_copied_plan_keeps_its_filters(void **state)
{
    (void)state;
    atomic_store(&fake.rows, 0);
    testing_run("WITH w AS NOT MATERIALIZED (SELECT id, i8, s FROM tl_scan('fake', 'main', 'wide') WHERE s LIKE '%77') "
                "SELECT count(*) FROM w a JOIN w b USING (id) WHERE a.i8 > 3");
    long rows = atomic_load(&fake.rows);
    assert_true(rows > 0 && rows < 2000);
    testing_run("SELECT id, count(*) OVER (PARTITION BY i8) FROM tl_scan('fake', 'main', 'wide') WHERE s LIKE '%77'");
    assert_non_null(strstr(fake.last_sql, "suffix("));
}

static void test_parameters_are_pushed_with_their_values(void **state)
{
    (void)state;
    duckdb_prepared_statement statement;
    duckdb_result result;
    assert_int_equal(duckdb_prepare(testing_connection, "SELECT id FROM tl_scan('fake', 'main', 'wide') WHERE i8 > $1 AND s LIKE $2",
                                    &statement), DuckDBSuccess);
    for (int i = 0; i < 2; i++) {
        duckdb_bind_int64(statement, 1, 990 + i);
        duckdb_bind_varchar(statement, 2, i ? "%1" : "x%");
        assert_int_equal(duckdb_execute_prepared(statement, &result), DuckDBSuccess);
        duckdb_destroy_result(&result);
        assert_non_null(strstr(fake.last_sql, i ? "\"i8\" > CAST((991) AS BIGINT)" : "\"i8\" > CAST((990) AS BIGINT)"));
        assert_non_null(strstr(fake.last_sql, i ? "suffix(\"s\", '1')" : "prefix(\"s\", 'x')"));
    }
    duckdb_destroy_prepare(&statement);
}

static void test_parts_are_read_by_several_threads(void **state)
{
    (void)state;
    atomic_store(&fake.parts, 0);
    fake.derives = false;
    testing_run("SELECT sum(id) FROM tl_scan('fake', 'main', 'wide')");
    assert_int_equal(atomic_load(&fake.parts), TESTING_PARTS);
    char *scans = testing_scans();
    assert_non_null(strstr(scans, "\"parts\":3"));
    free(scans);
    tl_hooks_set_guard(testing_connection, &(struct tl_hooks_guard){.threads_max = 1, .query_id = "test"});
    testing_run("SELECT sum(id) FROM tl_scan('fake', 'main', 'wide')");
    scans = testing_scans();
    assert_non_null(strstr(scans, "\"parts\":1"));
    free(scans);
}

static void test_the_report_says_what_was_pushed_and_why_not(void **state)
{
    (void)state;
    static const struct tl_hooks_guard guard = {.query_id = "q1"};
    tl_hooks_set_guard(testing_connection, &guard);
    char *scans = testing_scans();
    assert_string_equal(scans, "[]");
    free(scans);
    testing_run("SELECT id FROM tl_scan('fake', 'main', 'wide') WHERE i4 > 45 AND s LIKE 'x%' AND regexp_matches(t, '7.?$') AND try_cast(s AS INTEGER) = 7");
    scans = testing_scans();
    static const char *const wanted[] = {
        "\"source\":\"fake\",\"datasets\":[\"main.wide\"]",
        "\"pushed\":[{\"kind\":\"filter\",\"what\":\"prefix(s, 'x')\"},{\"kind\":\"filter\",\"what\":\"(i4 > 45)\"}]",
        "\"reason\":\"a function that is not translated\"", "\"reason\":\"TRY_CAST\"", "\"bytes\":4321", "\"sent\":\"SELECT ",
        "\"estimated_rows\":", "\"ran\":true"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(scans, wanted[i]))
            fail_msg("no %s in %s", wanted[i], scans);
    free(scans);
    tl_hooks_set_guard(testing_connection, &guard);
    fake.pushes = FAKE_PUSHES_NOTHING;
    testing_run("SELECT id FROM tl_scan('fake', 'main', 'wide') WHERE i4 > 45 AND t IS NULL");
    scans = testing_scans();
    assert_non_null(strstr(scans, "\"reason\":\"the fake does not want it\""));
    assert_non_null(strstr(scans, "\"pushed\":[]"));
    free(scans);
}

static void test_explain_shows_the_scan(void **state)
{
    (void)state;
    duckdb_result result;
    const char *sql = "EXPLAIN SELECT id FROM tl_scan('fake', 'main', 'wide') WHERE s LIKE 'x%' ORDER BY id LIMIT 3";
    assert_int_equal(duckdb_query(testing_connection, sql, &result), DuckDBSuccess);
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    duckdb_string_t *text = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));
    const char *plan = duckdb_string_t_data(text);
    assert_non_null(strstr(plan, "fake.main.wide"));
    assert_non_null(strstr(plan, "prefix(s, 'x')"));
    assert_non_null(strstr(plan, "id ASC NULLS LAST"));
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
}

static void test_errors_of_the_driver_keep_their_code_and_detail(void **state)
{
    (void)state;
    static const char *const sql = "SELECT string_agg(s), max(t) FROM tl_scan('fake', 'main', 'wide')";
    for (int where = 0; where < 3; where++) {
        testing_reset(NULL);
        fake.fails_open = where == 0 ? TL_SOURCE_UNAVAILABLE : TL_OK;
        fake.fails_part = where == 1 ? TL_SOURCE_AUTH : TL_OK;
        fake.fails_next = where == 2 ? TL_SOURCE_PROTOCOL : TL_OK;
        fake.fails_after_chunks = 1;
        struct tl_err err = testing_failure(sql);
        assert_int_equal(err.code, where == 0 ? TL_SOURCE_UNAVAILABLE : where == 1 ? TL_SOURCE_AUTH : TL_SOURCE_PROTOCOL);
        assert_string_equal(err.message, "the source \"fake\" does not answer");
        assert_string_equal(err.detail, "connection refused");
        assert_string_equal(err.hint, "start it");
        assert_false(tl_hooks_take_error(testing_connection, &err));
        assert_int_equal(atomic_load(&fake.parts_open), 0);
        assert_int_equal(atomic_load(&fake.scans_open), 0);
    }
    testing_reset(NULL);
    testing_run(sql);
}

static void test_unknown_names_are_errors_of_the_catalog(void **state)
{
    (void)state;
    assert_int_equal(testing_failure("SELECT * FROM tl_scan('fake', 'main', 'nothing')").code, TL_TABLE_NOT_FOUND);
    assert_int_equal(testing_failure("SELECT * FROM tl_scan('another', 'main', 'wide')").code, TL_CATALOG_NOT_FOUND);
    assert_true(testing_failure("SELECT * FROM tl_scan(NULL, 'main', 'wide')").code != TL_OK);
    assert_int_equal(testing_failure("SELECT nothing FROM tl_scan('fake', 'main', 'wide')").code, TL_COLUMN_NOT_FOUND);
}

static void test_a_column_that_cannot_be_carried_is_an_error_only_when_read(void **state)
{
    (void)state;
    struct tl_err err = testing_failure("SELECT id, odd FROM tl_scan('fake', 'main', 'wide')");
    assert_int_equal(err.code, TL_UNSUPPORTED);
    assert_non_null(strstr(err.message, "\"odd\""));
    assert_non_null(strstr(err.message, "\"geometry\""));
    assert_int_equal(testing_failure("SELECT id FROM tl_scan('fake', 'main', 'wide') WHERE odd IS NULL").code, TL_UNSUPPORTED);
}

static void test_an_early_end_closes_the_scan(void **state)
{
    (void)state;
    duckdb_prepared_statement statement;
    duckdb_pending_result pending;
    duckdb_result result;
    assert_int_equal(duckdb_prepare(testing_connection, "SELECT id, t FROM tl_scan('fake', 'main', 'wide') WHERE regexp_matches(t, '7')", &statement),
                     DuckDBSuccess);
    assert_int_equal(duckdb_pending_prepared_streaming(statement, &pending), DuckDBSuccess);
    assert_int_equal(duckdb_execute_pending(pending, &result), DuckDBSuccess);
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    assert_non_null(chunk);
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_pending(&pending);
    duckdb_destroy_result(&result);
    duckdb_destroy_prepare(&statement);
    testing_run("SELECT 1");
    assert_int_equal(atomic_load(&fake.parts_open), 0);
    assert_int_equal(atomic_load(&fake.scans_open), 0);
}

static void *interrupt_soon(void *context)
{
    (void)context;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    duckdb_interrupt(testing_connection);
    return NULL;
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_an_interrupt_reaches_a_waiting_driver(void **state)
{
    (void)state;
    pthread_t thread;
    fake.delay_ms = 20000;
    double start = now_s();
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, NULL), 0);
    struct tl_err err = testing_failure("SELECT sum(id) FROM tl_scan('fake', 'main', 'wide')");
    pthread_join(thread, NULL);
    assert_int_equal(err.code, TL_CANCELLED);
    assert_true(now_s() - start < 5);
    testing_reset(NULL);
    testing_run("SELECT sum(id) FROM tl_scan('fake', 'main', 'wide')");
    assert_int_equal(atomic_load(&fake.scans_open), 0);
}

struct watched {
    double percentages[2]; /* least and most that was told while it ran */
    int64_t rows;          /* most before the end */
    atomic_bool ended;
};

static void *watch(void *context)
{
    struct watched *watched = context;
    while (!atomic_load(&watched->ended)) {
        double percentage = duckdb_query_progress(testing_connection).percentage;
        int64_t rows = tl_hooks_rows_scanned(testing_connection);
        if (percentage > 0 && percentage < 100) {
            watched->percentages[0] = fmin(watched->percentages[0], percentage);
            watched->percentages[1] = fmax(watched->percentages[1], percentage);
            watched->rows = rows > watched->rows ? rows : watched->rows;
        }
        usleep(5 * 1000);
    }
    return NULL;
}

#define WIDE "tl_scan('fake', 'main', 'wide')"

/* The engine looks how far they are after each of its tasks, so there are several scans. */
static void test_scans_tell_how_far_they_are(void **state)
{
    (void)state;
    pthread_t thread;
    struct watched watched = {.percentages = {100, 0}};
    testing_run("SET enable_progress_bar_print = false");
    testing_run("SET enable_progress_bar = true");
    testing_reset(NULL);
    fake.delay_ms = 20;
    assert_int_equal(pthread_create(&thread, NULL, watch, &watched), 0);
    testing_run("SELECT id FROM " WIDE " UNION ALL SELECT id FROM " WIDE " UNION ALL SELECT id FROM " WIDE " UNION ALL SELECT id FROM " WIDE);
    atomic_store(&watched.ended, true);
    pthread_join(thread, NULL);
    if (!(watched.percentages[0] < 60 && watched.percentages[1] > watched.percentages[0]))
        fail_msg("from %f to %f percent", watched.percentages[0], watched.percentages[1]);
    assert_true(watched.rows > 0 && watched.rows <= 4 * TESTING_ROWS);
    assert_int_equal(tl_hooks_rows_scanned(testing_connection), 4 * TESTING_ROWS);
    testing_reset(NULL);
    testing_run("SET enable_progress_bar = false");
}

static void test_the_copy_is_read_back_exactly(void **state)
{
    (void)state;
    char *rows = testing_rows("SELECT count(*) FROM (SELECT * EXCLUDE (odd) FROM tl_scan('fake', 'main', 'wide') EXCEPT SELECT * FROM local)", false);
    assert_string_equal(rows, "{'count_star()': 0}\n");
    free(rows);
}

static void test_types_are_the_engines_own(void **state)
{
    (void)state;
    char *ours = testing_rows("SELECT column_name, column_type FROM (DESCRIBE SELECT * EXCLUDE (odd) FROM tl_scan('fake', 'main', 'wide'))", true);
    char *theirs = testing_rows("SELECT column_name, column_type FROM (DESCRIBE local)", true);
    assert_string_equal(ours, theirs);
    free(ours);
    free(theirs);
}

enum { CONNECTIONS = 4, ROUNDS = 6 };

static void *run_some(void *context)
{
    duckdb_connection connection;
    struct tl_err err;
    long *failures = context;
    static const char *const allowed[] = {"scan:fake.main.wide"};
    if (duckdb_connect(testing_front, &connection) != DuckDBSuccess)
        return NULL;
    for (int i = 0; i < ROUNDS; i++) {
        bool may = i % 2 == 0;
        tl_hooks_set_guard(connection, &(struct tl_hooks_guard){.allowed = allowed, .allowed_count = may, .query_id = "many"});
        bool ran = duckdb_query(connection, "SELECT count(*), max(t) FROM tl_scan('fake', 'main', 'wide') WHERE i4 > 7 AND s LIKE 'x%'", NULL) ==
                   DuckDBSuccess;
        *failures += ran != may || tl_hooks_take_error(connection, &err) == may;
    }
    duckdb_disconnect(&connection);
    *failures += 1000; /* it came to its end */
    return NULL;
}

static void test_connections_do_not_meet(void **state)
{
    (void)state;
    pthread_t threads[CONNECTIONS];
    long failures[CONNECTIONS] = {0};
    for (int i = 0; i < CONNECTIONS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_some, &failures[i]), 0);
    for (int i = 0; i < CONNECTIONS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(failures[i], 1000);
    }
    assert_int_equal(atomic_load(&fake.scans_open), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_types_are_the_engines_own, testing_reset),
        cmocka_unit_test_setup(test_the_copy_is_read_back_exactly, testing_reset),
        cmocka_unit_test_prestate_setup_teardown(test_answers_are_equal_when_everything_is_pushed, testing_reset, NULL, &all),
        cmocka_unit_test_prestate_setup_teardown(test_answers_are_equal_when_some_is_pushed, testing_reset, NULL, &all),
        cmocka_unit_test_prestate_setup_teardown(test_answers_are_equal_when_the_source_derives_nothing, testing_reset, NULL, &all),
        cmocka_unit_test_setup(test_answers_are_equal_when_the_source_declines_everything, testing_reset),
        cmocka_unit_test_prestate_setup_teardown(test_answers_are_equal_with_pushdown_switched_off, testing_reset, NULL, &all),
        cmocka_unit_test_setup(test_answers_are_equal_through_views, testing_reset),
        cmocka_unit_test_setup(test_filters_arrive_at_the_source, testing_reset),
        cmocka_unit_test_setup(test_casts_cases_and_functions_arrive_at_the_source, testing_reset),
        cmocka_unit_test_setup(test_filters_pass_a_row_rule_where_they_can_fail_on_no_row, testing_reset),
        cmocka_unit_test_setup(test_filters_that_could_fail_on_a_hidden_row_stay_above_its_rule, testing_reset),
        cmocka_unit_test_setup(test_only_needed_columns_are_read, testing_reset),
        cmocka_unit_test_setup(test_limits_and_orders_arrive_at_the_source, testing_reset),
        cmocka_unit_test_setup(test_a_limit_below_a_join_keeps_its_rows, testing_reset),
        cmocka_unit_test_setup(test_a_copied_plan_keeps_its_filters, testing_reset),
        cmocka_unit_test_setup(test_parameters_are_pushed_with_their_values, testing_reset),
        cmocka_unit_test_setup(test_parts_are_read_by_several_threads, testing_reset),
        cmocka_unit_test_setup(test_the_report_says_what_was_pushed_and_why_not, testing_reset),
        cmocka_unit_test_setup(test_explain_shows_the_scan, testing_reset),
        cmocka_unit_test_setup(test_errors_of_the_driver_keep_their_code_and_detail, testing_reset),
        cmocka_unit_test_setup(test_unknown_names_are_errors_of_the_catalog, testing_reset),
        cmocka_unit_test_setup(test_a_column_that_cannot_be_carried_is_an_error_only_when_read, testing_reset),
        cmocka_unit_test_setup(test_an_early_end_closes_the_scan, testing_reset),
        cmocka_unit_test_setup(test_scans_tell_how_far_they_are, testing_reset),
        cmocka_unit_test_setup(test_an_interrupt_reaches_a_waiting_driver, testing_reset),
        cmocka_unit_test_setup(test_connections_do_not_meet, testing_reset),
    };
    return cmocka_run_group_tests(tests, testing_open, testing_close);
}
