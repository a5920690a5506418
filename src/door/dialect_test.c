#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "door/dialect.h"

static tl_arena *arena;

static int make_arena(void **state)
{
    (void)state;
    arena = tl_arena_new(1 << 26);
    return 0;
}

static int end_arena(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static struct tl_dialect read_text(const char *text)
{
    struct tl_dialect dialect;
    struct tl_err err;
    tl_err_init(&err);
    if (tl_dialect_read(arena, tl_str_of(text), 1 << 20, &dialect, &err) != TL_OK)
        fail_msg("%s: %s", text, err.message);
    return dialect;
}

/* Runs of blanks count as one. */
static void check(const char *text, const char *wanted)
{
    struct tl_dialect dialect = read_text(text);
    char plain[2000] = "";
    size_t used = 0;
    for (size_t i = 0; i < dialect.text.size && used < sizeof plain - 1; i++)
        if (dialect.text.data[i] != ' ' || (used > 0 && plain[used - 1] != ' '))
            plain[used++] = dialect.text.data[i];
    assert_string_equal(plain, wanted);
}

static void same(const char *text)
{
    assert_int_equal(read_text(text).piece_count, 0);
    assert_ptr_equal(read_text(text).text.data, text);
}

static void test_as_of_stands_behind_the_alias(void **state)
{
    (void)state;
    check("SELECT * FROM t FOR VERSION AS OF 5", "SELECT * FROM t AT (VERSION => 5)");
    check("SELECT * FROM a.t FOR VERSION AS OF 'main' AS x JOIN u ON true", "SELECT * FROM a.t AS x AT (VERSION => 'main') JOIN u ON true");
    check("SELECT * FROM t FOR VERSION AS OF 5 x WHERE 1 = 1", "SELECT * FROM t x AT (VERSION => 5) WHERE 1 = 1");
    check("SELECT * FROM t FOR TIMESTAMP AS OF TIMESTAMP '2026-01-01 00:00:00' \"x\" (a, b), u",
          "SELECT * FROM t \"x\" (a, b) AT (TIMESTAMP => TIMESTAMP '2026-01-01 00:00:00'), u");
    check("SELECT * FROM t FOR TIMESTAMP AS OF DATE '2026-01-01' WHERE a", "SELECT * FROM t AT (TIMESTAMP => DATE '2026-01-01') WHERE a");
    same("SELECT * FROM t FOR VERSION AS OF a + 1");
    same("SELECT * FROM t FOR VERSION AS OF");
    same("SELECT [x FOR x IN l]");
}

static void test_text_without_such_forms_is_given_back(void **state)
{
    (void)state;
    same("SELECT a, sum(b) FILTER (WHERE b > 1) FROM t AS x (a, b) WHERE c IN (1, 2)");
    same("SELECT values FROM t");
    same("VALUES (1, 2), (3, 4)");
    same("SELECT 'VALUES 1, 2', \"cast\"(x AS varchar)");
    same("SELECT CAST(x AS double), CAST(y AS decimal(10, 2)), ARRAY[1, 2], ARRAY(SELECT 1)");
    same("SELECT t.reduce(1, 2, 3, 4)");
    same("SELECT TIMESTAMP '2024-01-02 03:04:05', DATE '2024-01-02', INTERVAL '1' DAY, INTERVAL 1 DAY");
    same("SELECT * FROM UNNEST(a) AS t (x)");
    same("SELECT ((");
    same("SELECT 'open");
    same("SELECT )))");
}

static void test_rows_of_values_get_brackets(void **state)
{
    (void)state;
    check("VALUES 1, 2", "VALUES (1), (2)");
    check("SELECT * FROM (VALUES 1, f(2, 3), (4)) t(x)", "SELECT * FROM (VALUES (1), (f(2, 3)), (4)) t(x)");
    check("VALUES (1 + 2) * 3, 4 ORDER BY 1", "VALUES ((1 + 2) * 3), (4) ORDER BY 1");
    check("VALUES ROW(1, 2), (3, 4)", "VALUES (1, 2), (3, 4)");
    check("CREATE VIEW v AS VALUES 1, f(2)", "CREATE VIEW v AS VALUES (1), (f(2))");
    same("SELECT x AS values, y AS VALUES FROM t");
    check("INSERT INTO t VALUES 1, 2", "INSERT INTO t VALUES (1), (2)");
}

static void test_types_are_written_in_the_engines_form(void **state)
{
    (void)state;
    check("SELECT x::array(array(bigint))", "SELECT x::bigint[][]");
    check("CREATE TABLE t (a array(varchar), b map(varchar, array(int)))", "CREATE TABLE t (a varchar[], b map(varchar, int[]))");
    check("SELECT TRY_CAST(x AS timestamp(3) with time zone)", "SELECT TRY_CAST(x AS timestamp with time zone)");
    check("SELECT CAST(x AS decimal)", "SELECT CAST(x AS decimal(38, 0))");
}

static void test_casts_to_texts_and_whole_numbers_are_calls(void **state)
{
    (void)state;
    check("SELECT CAST(x AS varchar)", "SELECT trino_varchar(x)");
    check("SELECT CAST(x + 1 AS VARCHAR(3))", "SELECT trino_varchar_sized(x + 1, 3)");
    check("SELECT CAST(CAST(x AS integer) AS varchar)", "SELECT trino_varchar(trino_integer(x))");
    check("SELECT TRY_CAST(x AS bigint)", "SELECT TRY(trino_bigint(x))");
    check("SELECT CAST(x AS char)", "SELECT trino_char(x, 1)");
}

static void test_literals_are_written_in_the_engines_form(void **state)
{
    (void)state;
    check("SELECT U&'caf\\00e9 \\+01F600'", "SELECT 'caf\xC3\xA9 \xF0\x9F\x98\x80'");
    check("SELECT X'65 68'", "SELECT unhex('6568')");
    check("SELECT TIMESTAMP '2024-01-02 03:04:05 Europe/Berlin'", "SELECT TIMESTAMPTZ '2024-01-02 03:04:05 Europe/Berlin'");
    check("SELECT TIMESTAMP '2024-01-02 03:04:05 +02:00'", "SELECT TIMESTAMPTZ '2024-01-02 03:04:05+02:00'");
    check("SELECT DECIMAL '1.50', DECIMAL '-0.05'", "SELECT CAST('1.50' AS DECIMAL(3,2)), CAST('-0.05' AS DECIMAL(2,2))");
    check("SELECT INTERVAL - '3' DAY", "SELECT INTERVAL '-3' DAY");
    check("SELECT INTERVAL '1-2' YEAR TO MONTH", "SELECT INTERVAL '1 years 2 months'");
    check("SELECT INTERVAL '1 02:03:04' DAY TO SECOND", "SELECT INTERVAL '1 days 02:03:04'");
}

static void test_clauses_are_written_in_the_engines_form(void **state)
{
    (void)state;
    check("SELECT extract(DOW FROM x)", "SELECT extract(isodow FROM x)");
    check("SELECT listagg(x, ',') WITHIN GROUP (ORDER BY y)", "SELECT string_agg(x, ',' ORDER BY y)");
    check("SELECT lag(x, 1) IGNORE NULLS OVER (ORDER BY y)", "SELECT lag(x, 1 IGNORE NULLS) OVER (ORDER BY y)");
    check("SELECT * FROM t TABLESAMPLE BERNOULLI (10)", "SELECT * FROM t TABLESAMPLE BERNOULLI (10 PERCENT)");
    check("SELECT * FROM UNNEST(a, b) AS t (x, y)", "SELECT * FROM (SELECT unnest(list_zip(a, b), max_depth := 2)) AS t (x, y)");
    check("SELECT * FROM UNNEST(m) WITH ORDINALITY AS t (k, v, n)",
          "SELECT * FROM (SELECT unnest(trino_numbered(trino_entries(m)), max_depth := 3)) AS t (k, v, n)");
}

static void test_calls_are_put_together_of_others(void **state)
{
    (void)state;
    check("SELECT any_match(a, x -> x > 1)", "SELECT trino_any(list_transform(a, x -> x > 1))");
    check("SELECT if(a, 'x')", "SELECT CASE WHEN a THEN 'x' END");
    check("SELECT map_agg(k, v ORDER BY v) FILTER (WHERE v > 1) OVER w FROM t",
          "SELECT trino_map_agg(array_agg(row(k, v) ORDER BY v) FILTER (WHERE v > 1) OVER w) FROM t");
    check("SELECT count_if(DISTINCT x)", "SELECT CAST(count_if(DISTINCT x ) AS BIGINT)");
    check("SELECT any_match(a, x -> any_match(x, y -> y))",
          "SELECT trino_any(list_transform(a, x -> trino_any(list_transform(x, y -> y))))");
}

static void test_lambda_that_is_none_leaves_the_call(void **state)
{
    (void)state;
    same("SELECT map_filter(m, f)");
    same("SELECT reduce(1, 2)");
}

static void test_positions_are_those_of_the_original(void **state)
{
    (void)state;
    const char *text = "SELECT any_match(a, x -> nosuch), CAST(b AS varchar), wrong";
    struct tl_dialect dialect = read_text(text);
    const char *words[] = {"nosuch", "b AS", "wrong"}, *there[] = {"nosuch", "b)", "wrong"};
    for (size_t i = 0; i < 3; i++) {
        const char *at = strstr(dialect.text.data, there[i]);
        assert_non_null(at);
        assert_int_equal(tl_dialect_original(&dialect, at - dialect.text.data), strstr(text, words[i]) - text);
    }
    assert_int_equal(tl_dialect_original(&dialect, -1), -1);
    assert_int_equal(tl_dialect_original(&dialect, 100000), strlen(text));
}

static void test_nesting_and_size_are_bounded(void **state)
{
    (void)state;
    char *deep = tl_arena_alloc(arena, 100000);
    char *at = deep;
    for (int i = 0; i < 5000; i++)
        at = stpcpy(at, "if(a,");
    at = stpcpy(at, "1");
    memset(at, ')', 5000);
    at[5000] = '\0';
    assert_true(read_text(deep).text.size > 25000);
    struct tl_dialect dialect;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_dialect_read(arena, TL_STR("VALUES 1, 2"), 12, &dialect, &err), TL_TOO_LARGE);
}

/* Were arguments written before it is known that the call stays, each call around would double the time. */
static void test_calls_without_their_lambda_are_read_once(void **state)
{
    (void)state;
    char deep[4096], *at = stpcpy(deep, "SELECT ");
    for (int i = 0; i < 90; i++)
        at = stpcpy(at, "zip_with(");
    at = stpcpy(at, "a");
    for (int i = 0; i < 90; i++)
        at = stpcpy(at, ", b, c)");
    same(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_of_stands_behind_the_alias),
        cmocka_unit_test(test_text_without_such_forms_is_given_back),
        cmocka_unit_test(test_rows_of_values_get_brackets),
        cmocka_unit_test(test_types_are_written_in_the_engines_form),
        cmocka_unit_test(test_casts_to_texts_and_whole_numbers_are_calls),
        cmocka_unit_test(test_literals_are_written_in_the_engines_form),
        cmocka_unit_test(test_clauses_are_written_in_the_engines_form),
        cmocka_unit_test(test_calls_are_put_together_of_others),
        cmocka_unit_test(test_lambda_that_is_none_leaves_the_call),
        cmocka_unit_test(test_positions_are_those_of_the_original),
        cmocka_unit_test(test_nesting_and_size_are_bounded),
        cmocka_unit_test(test_calls_without_their_lambda_are_read_once),
    };
    return cmocka_run_group_tests(tests, make_arena, end_arena);
}
