/* What ClickHouse is asked to work out, against the engine's own answer on a copy of the rows. */
#include <stdio.h>
#include <string.h>

#include "clickhouse/engine_truth.h"

static struct test_server server;
static tl_source *source;

static const char world[] =
    "CREATE TABLE t.world (id UInt32, i8 Int8, u8 UInt8, i16 Int16, i32 Int32, ni Nullable(Int32), u32 UInt32, i64 Int64,"
    " ni64 Nullable(Int64), u64 UInt64, f Float64, nf Nullable(Float64), g Float32, half Nullable(Float64), dec Decimal(9, 2),"
    " small Decimal(4, 1), ndec Nullable(Decimal(18, 4)), wide Decimal(25, 3), s String, ns Nullable(String),"
    " lc LowCardinality(String), lcn LowCardinality(Nullable(String)), fs FixedString(4), e Enum8('x' = 1, 'a' = 2, '' = 3),"
    " d Date, nd Nullable(Date), d32 Date32, dt DateTime, dtz DateTime('America/New_York'), dt3 DateTime64(3),"
    " ndt Nullable(DateTime64(6)), dt9 DateTime64(9), b Bool, nb Nullable(Bool), u UUID, nu Nullable(UUID), ip4 IPv4)"
    " ENGINE = MergeTree ORDER BY id SETTINGS index_granularity = 32";

static const char rows[] =
    "INSERT INTO t.world SELECT number, h1 % 256 - 128, h2 % 256, h3 % 65536 - 32768, h4 % 7 - 3, if(h5 % 4 = 0, NULL, h5 % 9 - 4),"
    " h6 % 5, [0, -1, 9000000000000000000, -9000000000000000000, 77][h7 % 5 + 1],"
    " if(h8 % 3 = 0, NULL, [5, -9000000000000000000, 9000000000000000000, 9000000000000000001][h8 % 4 + 1]),"
    " [0, 18446744073709551615, 9223372036854775808, 7][h9 % 4 + 1],"
    " [0., -0., nan, inf, -inf, 0.5, -1.5, 1e300, 3.][h10 % 9 + 1], if(h11 % 5 = 0, NULL, [nan, -2.5, 7., 1e18][h11 % 4 + 1]),"
    " [toFloat32(0.1), toFloat32(nan), toFloat32(-2.5), toFloat32(7)][h12 % 4 + 1], if(h13 % 6 = 0, NULL, h13 % 1000 / 4 - 100),"
    " (h14 % 2000000 - 1000000) / 100, (h15 % 19999 - 9999) / 10, if(h16 % 5 = 0, NULL, h16 % 1000000 / 10000 - 40),"
    " toDecimal128(h17 % 1000, 3) * 10000000000000000 - toDecimal128('0.001', 3), texts[h18 % length(texts) + 1],"
    " if(h19 % 4 = 0, NULL, texts[h19 % length(texts) + 1]), texts[h20 % length(texts) + 1],"
    " if(h1 % 5 = 0, NULL, texts[h1 % length(texts) + 1]), ['', 'a', 'ab', 'abcd', 'b'][h2 % 5 + 1], ['x', 'a', ''][h3 % 3 + 1],"
    " toDate('1970-01-01') + h4 % 65536, if(h5 % 3 = 0, NULL, toDate('2024-02-27') + h5 % 5), toDate32('1900-01-01') + h6 % 140000,"
    " toDateTime(h7 % 4000000000), toDateTime(1710054000 + h8 % 7200), fromUnixTimestamp64Milli(toInt64(h9) * 9999991 - 2000000000000),"
    " if(h10 % 4 = 0, NULL, fromUnixTimestamp64Micro(toInt64(1709164800000000 + (h10 % 3000 - 1500) * 86399999999))),"
    " fromUnixTimestamp64Nano(toInt64(1700000000123456789 + h11 * 1000003)), h12 % 2 = 0, if(h13 % 3 = 0, NULL, h13 % 2 = 0),"
    " toUUID(concat('0000000', toString(h14 % 8), '-0000-4000-8000-00000000000', toString(h15 % 3))),"
    " if(h16 % 3 = 0, NULL, toUUID(concat('f000000', toString(h16 % 8), '-0000-4000-8000-000000000000'))),"
    " toIPv4(concat('10.', toString(h17 % 3 * 9), '.0.', toString(h18 % 4)))"
    " FROM (SELECT number, ['', 'a', 'ab', 'b', 'B', 'a text of more than 12 bytes', 'it''s \\\\ \"q\" `b`', 'gr\\xC3\\xBC\\xC3\\x9Fe', '\\n',"
    " '%_', '\\xF0\\x9F\\x90\\x8Ax', 'AbC', '\\xC4\\xB0\\xE2\\x84\\xAA', 'ik', 'IK', '\\xC4\\xB1\\xC5\\xBF', 'a\\\\b', 'a%b', '\\xCE\\xA3'] AS texts";

static void make_world(void)
{
    struct tl_buf insert;
    tl_buf_init(&insert, 64 * 1024);
    tl_buf_adds(&insert, rows);
    for (int i = 1; i <= 20; i++)
        tl_buf_addf(&insert, ", toInt64(sipHash64(number, %d) %% 1000003) AS h%d", i, i);
    tl_buf_adds(&insert, " FROM numbers(1000))");
    test_run(&server, "CREATE DATABASE t");
    test_run(&server, world);
    test_run(&server, tl_buf_cstr(&insert));
    tl_buf_done(&insert);
    test_run(&server, "CREATE TABLE t.side (k Int32, nk Nullable(Int32), name LowCardinality(String), day Date, v Int64, \"c0\" String,"
                      " many Array(Int32)) ENGINE = MergeTree ORDER BY k");
    test_run(&server, "INSERT INTO t.side SELECT number % 5 - 2, if(number % 3 = 0, NULL, number % 4), ['a', 'ab', 'zz'][number % 3 + 1],"
                      " toDate('2024-02-27') + number % 4, number * 10, toString(number % 2), range(number % 3) FROM numbers(12)");
    test_run(&server, "CREATE TABLE t.nothing (k Int32, v Nullable(Float64), s String) ENGINE = MergeTree ORDER BY k");
}

static void must_hold(const struct truth_case *said)
{
    const char *reason = NULL;
    if (truth_check(said, &reason))
        return;
    for (size_t i = 0; said->outputs[i]; i++) { /* which of them? */
        struct truth_case one = *said;
        one.outputs[0] = said->outputs[i];
        one.outputs[1] = NULL;
        if (!truth_check(&one, &reason))
            fail_msg("%s was declined: %s", said->outputs[i], reason);
    }
    fail_msg("declined: %s", reason);
}

static void must_decline(const struct truth_case *said)
{
    const char *reason = NULL;
    if (truth_check(said, &reason))
        fail_msg("%s was not declined", said->outputs[0]);
    assert_non_null(reason);
}

/* Each as an output, all rows compared. */
static void check_values(const char *const *expressions)
{
    for (size_t i = 0; expressions[i];) {
        struct truth_case said = {.inputs = {{"world"}}, .outputs = {"id"}};
        for (size_t k = 1; expressions[i] && k < TRUTH_LIST_MAX - 1; k++)
            said.outputs[k] = expressions[i++];
        must_hold(&said);
    }
}

/* Each as a filter, and NOT of it. */
static void check_filters(const char *const *expressions)
{
    for (size_t i = 0; expressions[i]; i++) {
        char negated[4096];
        snprintf(negated, sizeof negated, "(not %s)", expressions[i]);
        must_hold(&(struct truth_case){.inputs = {{"world"}}, .filters = {expressions[i]}, .outputs = {"id"}});
        must_hold(&(struct truth_case){.inputs = {{"world"}}, .filters = {negated}, .outputs = {"id"}});
        must_hold(&(struct truth_case){.inputs = {{"world"}}, .outputs = {"id", expressions[i]}});
    }
}

static void check_declined(const char *const *expressions)
{
    for (size_t i = 0; expressions[i]; i++)
        must_decline(&(struct truth_case){.inputs = {{"world"}}, .outputs = {expressions[i]}});
}

#define VALUES_TEST(name, ...)                                                                                                   \
    static void name(void **state)                                                                                             \
    {                                                                                                                          \
        (void)state;                                                                                                           \
        check_values((const char *const[]){__VA_ARGS__, NULL});                                                                \
    }
#define FILTERS_TEST(name, ...)                                                                                                  \
    static void name(void **state)                                                                                             \
    {                                                                                                                          \
        (void)state;                                                                                                           \
        check_filters((const char *const[]){__VA_ARGS__, NULL});                                                               \
    }

VALUES_TEST(test_columns_come_as_they_are, "i8", "u64", "f", "dec", "ns", "lcn", "fs", "e", "d", "d32", "dt", "dtz", "dt3", "ndt",
            "dt9", "nb", "u", "ip4")
VALUES_TEST(test_constants_equal_the_truth, "{5}", "{CAST(NULL AS DATE)}", "{'it''s'}", "{CAST(1.5 AS DECIMAL(5,2))}", "{2.5e0}",
            "{TIMESTAMP '2024-02-29 12:00:00.000001'}", "{true}", "{CAST(-7 AS HUGEINT)}", "{DATE '1999-12-31'}",
            "{CAST(NULL AS VARCHAR)}", "{UUID 'f0000001-0000-4000-8000-000000000000'}")
/* each column through a function, which wants it in its home type */
VALUES_TEST(test_forms_equal_the_truth, "(coalesce fs {''})", "(coalesce e {''})", "(coalesce ip4 {''})", "(coalesce d d32)",
            "(coalesce nd {DATE '2000-01-01'})", "(coalesce dt {TIMESTAMP '2024-01-01'})", "(coalesce dt3 ndt)", "(coalesce lcn lc)",
            "(coalesce dtz {TIMESTAMPTZ '2024-01-01 00:00:00+00'})", "(coalesce dt9 dt9)", "(coalesce nu u)", "(coalesce nb b)",
            "(coalesce g g)", "(coalesce nf f)", "(coalesce ni i32)", "(coalesce ni64 i64)", "(coalesce ndec {CAST(1 AS DECIMAL(18,4))})")
FILTERS_TEST(test_comparisons_of_expressions_equal_the_truth, "(= (+ i32 ni) {2})", "(< (cast BIGINT i32) i64)", "(>= i64 ni64)",
             "(= s ns)", "(<> fs e)", "(< lc ns)", "(< d32 d)", "(>= (cast TIMESTAMP d) dt)", "(< dt ndt)", "(= dt3 ndt)",
             "(< dec (cast DECIMAL(9,2) i8))", "(= u nu)", "(<> nu u)", "(= nb b)", "(< nb b)", "(= f nf)", "(<> f nf)", "(< f nf)",
             "(<= f nf)",
             "(> f nf)", "(>= f nf)", "(> (cast DOUBLE g) nf)", "(= (> i32 {0}) nb)", "(< {3} (* ni {CAST(2 AS INTEGER)}))",
             "(= e {'a'})", "(= ns {'a'})",
             "(< f {0.0e0})", "(>= f {0.5e0})", "(= ni {CAST(NULL AS INTEGER)})")
FILTERS_TEST(test_lists_of_expressions_equal_the_truth, "(in ni {1} {2})", "(in ni {1} {NULL::INTEGER})",
    "(in (+ ni {1}) {CAST(1 AS INTEGER)} {CAST(3 AS INTEGER)})",
             "(in (lower ns) {'abc'} {'ik'})", "(in (year nd) {CAST(2024 AS BIGINT)})", "(in e {'a'} {''})",
             "(in ns {'a'} {NULL::VARCHAR})",
             "(in (substring lcn {1} {1}) {'a'} {'i'})", "(in (cast DATE ndt) {DATE '2024-02-29'} {DATE '2024-03-01'})",
             "(in u64 {CAST(7 AS UBIGINT)} {18446744073709551615::UBIGINT})")
FILTERS_TEST(test_logic_of_expressions_equals_the_truth, "(or nb (= ni {1}))", "(and nb (isnull ns))",
    "(or (isnull (+ ni {CAST(1 AS INTEGER)})) b)",
             "(and (>= d {DATE '2000-01-01'}) (<= d {DATE '2040-01-01'}))", "(not (and nb (in ni {1} {2})))", "(= (and nb b) nb)",
             "(isnull (and nb b))",
             "(notnull (or nb b))", "(isnull (in ni {1} {NULL::INTEGER}))")
FILTERS_TEST(test_patterns_equal_the_truth, "(~~ s {'a%b'})", "(~~ s {'a_b'})", "(~~ ns {'_'})", "(~~ s {'%\\%'})",
    "(!~~ lc {'%\"q\"%`%'})",
             "(~~ s {'\xC3\xA9%'})", "(~~ s {'gr_\xC3\x9F%'})", "(~~ s {'_x'})", "(~~ fs {'a_'})", "(~~ e {'_'})", "(~~ (lower s) {'a_c'})")
VALUES_TEST(test_text_functions_equal_the_truth, "(length s)", "(length ns)", "(length lcn)", "(length fs)", "(length e)", "(strlen ns)",
            "(substring s {1} {2})", "(substring ns {2} {3})", "(substring s {2})", "(substring s {100} {1})", "(left s {2})",
            "(left lc {0})",
            "(right ns {2})", "(right s {0})", "(replace s {'a'} {'\\'})", "(replace ns {'b'} {''})", "(|| s ns)",
            "(|| (|| lc {'-'}) fs)", "(instr s {'b'})",
            "(strpos ns {'\xC3\x9F'})", "(prefix ns {'a'})", "(starts_with s {'gr'})", "(suffix s {'b'})", "(ends_with ns {'b'})",
            "(contains ns {'t'})", "(contains e {'a'})", "(length (replace s {'a'} {'aa'}))")
FILTERS_TEST(test_folded_text_equals_the_truth, "(= (lower s) {'abc'})", "(<> (lower ns) {'ik'})", "(= (upper s) {'IK'})",
    "(= (upper ns) {'IS'})",
             "(= (lower lc) {'b'})", "(prefix (lower s) {'a'})", "(contains (lower ns) {'k'})", "(suffix (upper s) {'S'})",
             "(= {'b'} (lower lcn))",
             "(= (lower s) {'i'})")
VALUES_TEST(test_date_parts_equal_the_truth, "(year d)", "(year d32)", "(year nd)", "(year dt)", "(year ndt)", "(year dt3)",
    "(quarter d32)", "(quarter dt3)",
            "(month d32)", "(month ndt)", "(week d32)", "(week dt3)", "(weekofyear d)", "(isoyear d32)", "(isoyear dt3)", "(day d32)",
            "(day dt3)",
            "(dayofmonth nd)", "(dayofyear d32)", "(dayofyear dt3)", "(dayofweek d32)", "(dayofweek dt)", "(weekday nd)",
            "(isodow d32)", "(isodow ndt)",
            "(hour dt)", "(hour dt3)", "(minute ndt)", "(second dt3)", "(second dt)", "(- d nd)", "(- d32 {DATE '1970-01-01'})")
VALUES_TEST(test_date_trunc_equals_the_truth, "(date_trunc {'year'} d32)", "(date_trunc {'quarter'} d)", "(date_trunc {'month'} nd)",
    "(date_trunc {'week'} d32)",
            "(date_trunc {'day'} d32)", "(date_trunc {'year'} dt3)", "(date_trunc {'quarter'} ndt)", "(date_trunc {'month'} dt)",
            "(date_trunc {'week'} dt3)",
            "(date_trunc {'day'} ndt)", "(date_trunc {'hour'} dt3)", "(date_trunc {'minute'} ndt)", "(date_trunc {'second'} dt3)",
            "(date_trunc {'millisecond'} ndt)", "(date_trunc {'day'} (cast TIMESTAMP d32))")
VALUES_TEST(test_real_arithmetic_equals_the_truth, "(+ f nf)", "(- f nf)", "(* f nf)", "(- nf)", "(abs nf)", "(floor half)",
    "(ceil half)", "(ceiling f)",
            "(+ half {0.25e0})")
VALUES_TEST(test_whole_arithmetic_equals_the_truth, "(+ i32 ni)", "(- i32 ni)", "(* ni {CAST(-3 AS INTEGER)})",
    "(+ (cast BIGINT i16) (cast BIGINT i8))",
            "(* (cast INTEGER i16) (cast INTEGER i16))", "(abs ni)", "(abs i32)", "(- ni)", "(% i32 {CAST(3 AS INTEGER)})",
            "(% i64 {CAST(-7 AS BIGINT)})",
            "(// i32 {CAST(2 AS INTEGER)})", "(// ni64 {CAST(-7 AS BIGINT)})", "(// u64 {CAST(10 AS UBIGINT)})",
            "(+ (* ni {CAST(2 AS INTEGER)}) {CAST(1 AS INTEGER)})")
VALUES_TEST(test_decimal_arithmetic_equals_the_truth, "(+ (cast DECIMAL(10,2) dec) {CAST(1.25 AS DECIMAL(10,2))})", "(* dec small)",
    "(* dec ndec)",
            "(- (cast DECIMAL(19,4) ndec) (cast DECIMAL(19,4) dec))")
VALUES_TEST(test_casts_equal_the_truth, "(cast BIGINT i8)", "(cast SMALLINT u8)", "(cast HUGEINT u64)", "(cast HUGEINT ni64)",
    "(cast UBIGINT u8)", "(cast DOUBLE i64)",
            "(cast DOUBLE u64)", "(cast DOUBLE ni)", "(cast DOUBLE g)", "(cast DOUBLE dec)", "(cast DOUBLE small)",
            "(cast INTEGER nb)", "(cast VARCHAR i64)",
            "(cast VARCHAR u64)", "(cast VARCHAR nb)", "(cast VARCHAR (> ni {0}))", "(cast VARCHAR nu)", "(cast VARCHAR d32)",
            "(cast VARCHAR nd)",
            "(cast DECIMAL(12,2) i32)", "(cast DECIMAL(38,4) ndec)", "(cast DECIMAL(11,4) dec)", "(cast DECIMAL(25,5) u64)",
            "(cast DATE dt3)", "(cast DATE ndt)", "(cast TIMESTAMP d32)",
            "(cast TIMESTAMP nd)")
VALUES_TEST(test_choices_equal_the_truth, "(case (> ni {0}) {'more'} {'less'})", "(case (isnull ns) lc (= i32 {1}) e fs)",
    "(case nb ni {CAST(NULL AS INTEGER)})",
            "(case (> i32 {0}) (+ ni {CAST(1 AS INTEGER)}) i32)", "(coalesce ns lcn {'none'})",
            "(coalesce ni (* i32 {CAST(2 AS INTEGER)}))", "(coalesce ndt dt3)",
            "(case b dec {CAST(0 AS DECIMAL(9,2))})", "(case b f nf)",
            "(case (in ni {1} {NULL::INTEGER}) {1} (not (in ni {1} {2})) {2} {3})")

static void test_what_means_something_else_is_declined(void **state)
{
    (void)state;
    static const char *const expressions[] = {
        "(lower s)", "(trim s)", "(cast INTEGER i64)", "(cast INTEGER f)", "(cast VARCHAR f)", "(cast DECIMAL(5,2) i32)",
            "(cast DOUBLE wide)", "(reverse s)",
        "(/ f nf)", "(% i32 ni)", "(// i32 {CAST(-1 AS INTEGER)})", "(cast VARCHAR dt3)", "(year dtz)", "(round half)",
            "(+ (cast HUGEINT i64) {CAST(1 AS HUGEINT)})",
        "(= (lower s) ns)", "(= (lower s) {'gr\xC3\xBC\xC3\x9F" "e'})", "(< (lower s) {'b'})", "(< u nu)",
            "(date_trunc {'decade'} d32)", "(coalesce (lower s) ns)", NULL};
    check_declined(expressions);
}

/* --- aggregates --- */

static const char *const all_groups[][3] = {{NULL}, {"lcn", NULL}, {"e", "nb", NULL}, {"(year d32)", NULL}, {"fs", NULL}, {"nd", NULL},
    {"nu", NULL},
                                            {"(date_trunc {'month'} ndt)", NULL}, {"(case (> ni {0}) {'more'} {'less'})", NULL}};

enum { AGGREGATES_AT_ONCE = 12 };

/* Each aggregate without groups, over no rows, and by several groups; with and without FILTER. */
static void check_aggregates(const char *const *aggregates)
{
    static const char *const filters[] = {NULL, "(< id {CAST(40 AS UINTEGER)})", "(> id {CAST(4000 AS UINTEGER)})"};
    char filtered[AGGREGATES_AT_ONCE][200];
    while (aggregates[0]) {
        struct truth_case said = {.inputs = {{"world"}}, .grouped = true};
        size_t count = 0;
        for (size_t i = 0; aggregates[0] && i < AGGREGATES_AT_ONCE; i++, aggregates++) {
            snprintf(filtered[i], sizeof filtered[i], "%.*s filter (> ni {CAST(0 AS INTEGER)}))", (int)strlen(*aggregates) - 1,
                     *aggregates);
            said.outputs[count++] = *aggregates;
            said.outputs[count++] = filtered[i];
        }
        for (size_t k = 0; k < sizeof all_groups / sizeof all_groups[0] * 3; k++) {
            struct truth_case one = said;
            for (size_t n = 0; all_groups[k / 3][n]; n++)
                one.groups[n] = one.outputs[count + n] = all_groups[k / 3][n];
            one.filters[0] = filters[k % 3];
            must_hold(&one);
        }
    }
}

#define AGGREGATES_TEST(name, ...)                                                                                               \
    static void name(void **state)                                                                                             \
    {                                                                                                                          \
        (void)state;                                                                                                           \
        check_aggregates((const char *const[]){__VA_ARGS__, NULL});                                                            \
    }

AGGREGATES_TEST(test_counts_equal_the_truth, "(@count_star )", "(@count ni)", "(@count lcn)", "(@count distinct ni)",
    "(@count distinct f)", "(@count distinct nf)",
                "(@count distinct lcn)", "(@count distinct fs)", "(@count distinct nu)", "(@count distinct ndt)",
                "(@count distinct (+ ni {CAST(1 AS INTEGER)}))")
AGGREGATES_TEST(test_sums_equal_the_truth, "(@sum i8)", "(@sum ni)", "(@sum ni64)", "(@sum u64)", "(@sum half)", "(@sum dec)",
    "(@sum ndec)", "(@sum wide)",
                "(@sum (* dec small))", "(@sum (* ni {CAST(3 AS INTEGER)}))", "(@sum (case nb {1} {0}))", "(@sum nb)")
AGGREGATES_TEST(test_extremes_equal_the_truth, "(@min ni64)", "(@max u64)", "(@min f)", "(@max f)", "(@min nf)", "(@max nf)",
    "(@min half)", "(@max half)", "(@min ns)",
                "(@max lcn)", "(@min fs)", "(@max e)", "(@min nd)", "(@max d32)", "(@min ndt)", "(@max dt)", "(@min dtz)",
                "(@max dt9)", "(@min ndec)", "(@max wide)", "(@min nb)",
                "(@max b)", "(@max (+ ni i32))", "(@min ip4)")
AGGREGATES_TEST(test_averages_equal_the_truth, "(@avg i16)", "(@avg ni)", "(@avg ni64)", "(@avg i64)", "(@avg half)", "(@avg small)",
    "(@avg dec)", "(@avg ndec)", "(@avg wide)",
                "(@avg (* dec small))")

static void test_aggregates_over_an_empty_table_are_those_of_the_engine(void **state)
{
    (void)state;
    struct truth_case said = {.inputs = {{"nothing"}}, .grouped = true,
                              .outputs = {"(@count_star )", "(@sum k)", "(@avg k)", "(@min s)", "(@max v)", "(@count distinct s)"}};
    must_hold(&said);
    said.groups[0] = "k";
    must_hold(&said);
}

static void test_aggregates_that_mean_something_else_are_declined(void **state)
{
    (void)state;
    static const char *const aggregates[] = {"(@sum distinct ni)", "(@avg distinct ni)", "(@min u)", "(@stddev f)",
        "(@sum (cast HUGEINT i64))", "(@median ni)",
                                             "(@min (lower s))", "(@sum (cast DECIMAL(38,3) wide))", "(@first ni)", NULL};
    for (size_t i = 0; aggregates[i]; i++)
        must_decline(&(struct truth_case){.inputs = {{"world"}}, .grouped = true, .outputs = {aggregates[i]}});
    must_decline(&(struct truth_case){.inputs = {{"world"}}, .groups = {"f"}, .outputs = {"f"}});
    must_decline(&(struct truth_case){.inputs = {{"world"}}, .groups = {"(lower s)"}, .outputs = {"(@count_star )"}});
}

static void test_distinct_rows_equal_the_truth(void **state)
{
    (void)state;
    must_hold(&(struct truth_case){.inputs = {{"world"}}, .groups = {"lc", "nb", "e"}, .outputs = {"lc", "nb", "e"}});
    must_hold(&(struct truth_case){.inputs = {{"world"}}, .groups = {"ip4", "(week d32)"}, .outputs = {"(week d32)", "ip4"}});
}

/* HAVING, ORDER BY and LIMIT are filters and orders of the derived dataset. */
static void test_having_order_and_limit_equal_the_truth(void **state)
{
    (void)state;
    struct truth_case said = {.inputs = {{"world"}}, .groups = {"lcn"}, .outputs = {"lcn", "(@count_star )", "(@sum ni)", "(@max f)",
        "(@min e)"},
                              .outer_filters = {"(> c1 {CAST(20 AS BIGINT)})", "(or (isnull c0) (<> c0 {'a'}))"}, .order = {-2, 1},
                              .limit = 5};
    must_hold(&said);
    said.nulls_first = true;
    said.order[0] = 3;
    must_hold(&said);
    static const int orders[] = {4, -4, 5, -5};
    for (size_t i = 0; i < 4; i++) {
        struct truth_case one = said;
        one.order[0] = orders[i];
        one.order[1] = 0;
        must_hold(&one);
    }
    struct truth_case floats = {.inputs = {{"world"}}, .outputs = {"id", "nf", "u", "ip4", "fs"}, .limit = 400, .nulls_first = true};
    for (int i = 2; i <= 5; i++) {
        floats.order[0] = i % 2 ? i : -i;
        must_hold(&floats);
        floats.nulls_first = !floats.nulls_first;
    }
}

/* --- joins --- */

static void test_joins_equal_the_truth(void **state)
{
    (void)state;
    for (enum tl_join_kind join = TL_JOIN_INNER; join <= TL_JOIN_ANTI; join++) {
        static const char *const keys[][4] = {
            {"(= i32 1.k)"}, {"(= ni 1.nk)"}, {"(= 1.nk ni)"}, {"(= lc 1.name)"}, {"(= lcn 1.name)"}, {"(= fs 1.name)"},
            {"(= nd 1.day)"}, {"(= d32 1.day)"},
            {"(= (cast BIGINT ni) (cast BIGINT 1.k))", "(= lcn 1.name)"}, {"(= ni 1.nk)", "(> 1.v {CAST(50 AS BIGINT)})"},
            {"(= (cast DATE ndt) 1.day)"}, {"(= ni 1.k)", "(<> 1.name {'a'})", "(= lcn 1.name)"}};
        for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
            struct truth_case said = {.inputs = {{"world"}, {"side", join, {keys[i][0], keys[i][1], keys[i][2]}}}, .outputs = {"id",
            "lcn"}};
            if (join <= TL_JOIN_LEFT) {
                const char *const outputs[] = {"1.k", "1.name", "1.day", "1.v", "1.c0", "(coalesce 1.name lc)", "(isnull 1.nk)"};
                memcpy(said.outputs + 2, outputs, sizeof outputs);
                said.filters[1] = "(or (isnull 1.v) (< 1.v {CAST(100 AS BIGINT)}))";
            }
            said.filters[0] = "(< id {CAST(500 AS UINTEGER)})";
            must_hold(&said);
        }
    }
    must_hold(&(struct truth_case){.inputs = {{"world"}, {"side", TL_JOIN_INNER, {"(= i32 1.k)", "(< ni64 1.v)"}}}, .outputs = {"id",
        "1.v", "1.many"}});
}

static void test_joins_that_mean_something_else_are_declined(void **state)
{
    (void)state;
    static const struct truth_input sides[] = {{"side", TL_JOIN_LEFT, {"(= i32 1.k)", "(< i64 1.v)"}}, {"side",
        TL_JOIN_INNER, {"(< i64 1.v)"}},
                                               {"side", TL_JOIN_LEFT, {"(= i32 1.k)", "(> i32 {CAST(0 AS INTEGER)})"}},
                                               {"side", TL_JOIN_ANTI, {"(= i32 1.k)", "(> i32 {CAST(0 AS INTEGER)})"}}};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
        must_decline(&(struct truth_case){.inputs = {{"world"}, sides[i]}, .outputs = {"id"}});
    must_decline(&(struct truth_case){.inputs = {{"world"}, {"side", TL_JOIN_LEFT, {"(= i32 1.k)"}}}, .outputs = {"1.many"}});
    must_decline(&(struct truth_case){.inputs = {{"world"}, {"world", TL_JOIN_INNER, {"(= f 1.f)"}}}, .outputs = {"id"}});
}

static void test_aggregates_over_joins_and_joins_of_aggregates_equal_the_truth(void **state)
{
    (void)state;
    must_hold(&(struct truth_case){.inputs = {{"world"}, {"side", TL_JOIN_INNER, {"(= i32 1.k)"}}}, .groups = {"1.name", "e"},
                                   .outputs = {"1.name", "e", "(@sum 1.v)", "(@count distinct id)", "(@avg ni)"}});
    must_hold(&(struct truth_case){.inputs = {{"world"}, {"side", TL_JOIN_LEFT, {"(= ni 1.nk)"}}, {"side", TL_JOIN_SEMI, {"(= lc 2.name)"}},
                                              {"side", TL_JOIN_ANTI, {"(= nd 3.day)"}}},
                                   .groups = {"1.name"}, .outputs = {"1.name", "(@count_star )", "(@count 1.k)", "(@max 1.day)"}});
    truth_derive("by_name", &(struct truth_case){.inputs = {{"side"}}, .groups = {"name"},
                                                 .outputs = {"name", "(@sum v)", "(@count_star )", "(@avg v)"}});
    truth_derive("by_text", &(struct truth_case){.inputs = {{"world"}}, .filters = {"(> i32 {CAST(0 AS INTEGER)})"}, .groups = {"lcn"},
                                                 .outputs = {"lcn", "(@sum ni)", "(@max dec)"}});
    must_hold(&(struct truth_case){.inputs = {{"by_text"}, {"by_name", TL_JOIN_INNER, {"(= c0 1.c0)"}}},
                                   .filters = {"(> 1.c1 {CAST(30 AS HUGEINT)})"}, .outputs = {"c0", "c1", "c2", "1.c0", "1.c1", "1.c3"}});
    must_hold(&(struct truth_case){.inputs = {{"by_text"}, {"by_name", TL_JOIN_LEFT, {"(= c0 1.c0)"}}},
                                   .outputs = {"c0", "1.c0", "1.c1", "(coalesce 1.c2 {CAST(0 AS BIGINT)})"}, .order = {-1}, .limit = 6});
    must_hold(&(struct truth_case){.inputs = {{"by_text"}}, .grouped = true, .outputs = {"(@count_star )", "(@min c0)", "(@max c2)"}});
    must_hold(&(struct truth_case){.inputs = {{"by_name"}}, .outputs = {"c3", "c0"}, .order = {2}, .limit = 2});
    must_decline(&(struct truth_case){.inputs = {{"by_name"}}, .outputs = {"(+ c3 {1.0e0})"}});
}

static int start(void **state)
{
    (void)state;
    test_server_start(&server, "pushdown");
    make_world();
    source = test_open(&server, NULL);
    truth_open(source);
    truth_copy("t", "world");
    truth_copy("t", "side");
    truth_copy("t", "nothing");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    truth_close();
    tl_source_driver_clickhouse.close(source);
    test_server_stop(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_come_as_they_are),
        cmocka_unit_test(test_constants_equal_the_truth),
        cmocka_unit_test(test_forms_equal_the_truth),
        cmocka_unit_test(test_comparisons_of_expressions_equal_the_truth),
        cmocka_unit_test(test_lists_of_expressions_equal_the_truth),
        cmocka_unit_test(test_logic_of_expressions_equals_the_truth),
        cmocka_unit_test(test_patterns_equal_the_truth),
        cmocka_unit_test(test_text_functions_equal_the_truth),
        cmocka_unit_test(test_folded_text_equals_the_truth),
        cmocka_unit_test(test_date_parts_equal_the_truth),
        cmocka_unit_test(test_date_trunc_equals_the_truth),
        cmocka_unit_test(test_real_arithmetic_equals_the_truth),
        cmocka_unit_test(test_whole_arithmetic_equals_the_truth),
        cmocka_unit_test(test_decimal_arithmetic_equals_the_truth),
        cmocka_unit_test(test_casts_equal_the_truth),
        cmocka_unit_test(test_choices_equal_the_truth),
        cmocka_unit_test(test_what_means_something_else_is_declined),
        cmocka_unit_test(test_counts_equal_the_truth),
        cmocka_unit_test(test_sums_equal_the_truth),
        cmocka_unit_test(test_extremes_equal_the_truth),
        cmocka_unit_test(test_averages_equal_the_truth),
        cmocka_unit_test(test_aggregates_over_an_empty_table_are_those_of_the_engine),
        cmocka_unit_test(test_aggregates_that_mean_something_else_are_declined),
        cmocka_unit_test(test_distinct_rows_equal_the_truth),
        cmocka_unit_test(test_having_order_and_limit_equal_the_truth),
        cmocka_unit_test(test_joins_equal_the_truth),
        cmocka_unit_test(test_joins_that_mean_something_else_are_declined),
        cmocka_unit_test(test_aggregates_over_joins_and_joins_of_aggregates_equal_the_truth),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
