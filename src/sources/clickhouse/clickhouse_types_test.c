/* Every type of ClickHouse, value by value, from a real server. */
#include <stdio.h>
#include <string.h>

#include "sources/clickhouse/test_support.h"

static struct test_server server;

enum { VALUES_MAX = 8 };

/* A column of this type; what is inserted, and what must come out.  NULL ends; an expected NULL is written "NULL". */
struct type_case {
    const char *type;
    const char *mapped; /* as the engine spells it */
    struct {
        const char *sql, *expected;
    } values[VALUES_MAX];
};

static const struct type_case number_cases[] = {
    {"Bool", "BOOLEAN", {{"true", "true"}, {"false", "false"}}},
    {"Int8", "TINYINT", {{"-128", "-128"}, {"127", "127"}, {"0", "0"}}},
    {"Int16", "SMALLINT", {{"-32768", "-32768"}, {"32767", "32767"}}},
    {"Int32", "INTEGER", {{"-2147483648", "-2147483648"}, {"2147483647", "2147483647"}}},
    {"Int64",
     "BIGINT",
     {{"-9223372036854775808", "-9223372036854775808"}, {"9223372036854775807", "9223372036854775807"}}},
    {"Int128",
     "HUGEINT",
     {{"toInt128('-170141183460469231731687303715884105728')", "-170141183460469231731687303715884105728"},
      {"toInt128('170141183460469231731687303715884105727')", "170141183460469231731687303715884105727"},
      {"-1", "-1"}}},
    {"Int256",
     "VARCHAR",
     {{"toInt256('-57896044618658097711785492504343953926634992332820282019728792003956564819968')",
       "-57896044618658097711785492504343953926634992332820282019728792003956564819968"},
      {"toInt256('57896044618658097711785492504343953926634992332820282019728792003956564819967')",
       "57896044618658097711785492504343953926634992332820282019728792003956564819967"},
      {"0", "0"},
      {"-1", "-1"},
      {"-1000000000000000000", "-1000000000000000000"}}},
    {"UInt8", "UTINYINT", {{"255", "255"}, {"0", "0"}}},
    {"UInt16", "USMALLINT", {{"65535", "65535"}}},
    {"UInt32", "UINTEGER", {{"4294967295", "4294967295"}}},
    {"UInt64", "UBIGINT", {{"18446744073709551615", "18446744073709551615"}}},
    {"UInt128",
     "UHUGEINT",
     {{"toUInt128('340282366920938463463374607431768211455')", "340282366920938463463374607431768211455"}}},
    {"UInt256",
     "VARCHAR",
     {{"toUInt256('115792089237316195423570985008687907853269984665640564039457584007913129639935')",
       "115792089237316195423570985008687907853269984665640564039457584007913129639935"}}},
    {"Float32",
     "FLOAT",
     {{"1.5", "1.5"}, {"nan", "nan"}, {"-inf", "-inf"}, {"3.4028234e38", "3.40282347e+38"}, {"-0.0", "-0"}}},
    {"Float64",
     "DOUBLE",
     {{"0.1", "0.10000000000000001"}, {"nan", "nan"}, {"inf", "inf"}, {"5e-324", "4.9406564584124654e-324"}}},
    {"BFloat16", "FLOAT", {{"1.5", "1.5"}, {"-2", "-2"}}},
    {"Decimal(4, 2)", "DECIMAL(4,2)", {{"'-99.99'", "-99.99"}, {"'0.01'", "0.01"}}},
    {"Decimal(9, 0)", "DECIMAL(9,0)", {{"999999999", "999999999"}, {"-999999999", "-999999999"}}},
    {"Decimal(18, 18)",
     "DECIMAL(18,18)",
     {{"'0.999999999999999999'", "0.999999999999999999"}, {"0", "0.000000000000000000"}}},
    {"Decimal(38, 10)",
     "DECIMAL(38,10)",
     {{"'-9999999999999999999999999999.9999999999'", "-9999999999999999999999999999.9999999999"},
      {"1", "1.0000000000"}}},
    {"Decimal(19, 1)", "DECIMAL(19,1)", {{"'999999999999999999.9'", "999999999999999999.9"}}},
    {"Decimal(76, 3)",
     "VARCHAR",
     {{"'-1234567890123456789012345678901234567890.123'", "-1234567890123456789012345678901234567890.123"},
      {"'0.001'", "0.001"},
      {"5", "5.000"}}},
};

static const struct type_case text_cases[] = {
    {"String",
     "VARCHAR",
     {{"''", ""},
      {"'twelve bytes'", "twelve bytes"},
      {"'thirteen byte'", "thirteen byte"},
      {"'gr\xC3\xBC\xC3\x9F''e \\\\ \xF0\x9F\x90\x8A'", "gr\xC3\xBC\xC3\x9F'e \\ \xF0\x9F\x90\x8A"}}},
    {"FixedString(3)", "VARCHAR", {{"'abc'", "abc"}, {"'a'", "a"}, {"''", ""}}},
    {"FixedString(20)",
     "VARCHAR",
     {{"'abcdefghijklmnopqrst'", "abcdefghijklmnopqrst"}, {"'abcdefghijklmno'", "abcdefghijklmno"}}},
    {"Enum8('a' = -128, 'it''s \\\\ b' = 127, '' = 0)", "VARCHAR", {{"'a'", "a"}, {"127", "it's \\ b"}, {"''", ""}}},
    {"Enum16('x' = -32768, 'a name longer than 12' = 32767, 'y' = 1)",
     "VARCHAR",
     {{"'x'", "x"}, {"'a name longer than 12'", "a name longer than 12"}, {"'y'", "y"}}},
    {"UUID",
     "UUID",
     {{"'00112233-4455-6677-8899-aabbccddeeff'", "00112233-4455-6677-8899-aabbccddeeff"},
      {"'ffffffff-ffff-ffff-ffff-ffffffffffff'", "ffffffff-ffff-ffff-ffff-ffffffffffff"}}},
    {"IPv4", "VARCHAR", {{"'1.2.3.4'", "1.2.3.4"}, {"'255.255.255.255'", "255.255.255.255"}}},
    {"IPv6",
     "VARCHAR",
     {{"'2001:db8::1'", "2001:db8::1"},
      {"'::'", "::"},
      {"'::ffff:1.2.3.4'", "::ffff:1.2.3.4"},
      {"'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}}},
};

static const struct type_case time_cases[] = {
    {"Date", "DATE", {{"'1970-01-01'", "1970-01-01"}, {"'2149-06-06'", "2149-06-06"}}},
    {"Date32", "DATE", {{"'1900-01-01'", "1900-01-01"}, {"'2299-12-31'", "2299-12-31"}}},
    {"DateTime", "TIMESTAMP", {{"0", "1970-01-01 00:00:00.000000"}, {"4294967295", "2106-02-07 06:28:15.000000"}}},
    {"DateTime('Europe/Berlin')",
     "TIMESTAMP WITH TIME ZONE",
     {{"'2024-07-01 12:00:00'", "2024-07-01 10:00:00.000000Z"}}},
    {"DateTime64(0)", "TIMESTAMP", {{"'2024-07-01 12:00:00'", "2024-07-01 12:00:00.000000"}}},
    {"DateTime64(3)",
     "TIMESTAMP",
     {{"'2024-07-01 12:00:00.123'", "2024-07-01 12:00:00.123000"},
      {"'1900-01-01 00:00:00.001'", "1900-01-01 00:00:00.001000"}}},
    {"DateTime64(6)", "TIMESTAMP", {{"'2299-12-31 23:59:59.999999'", "2299-12-31 23:59:59.999999"}}},
    {"DateTime64(3, 'Asia/Tokyo')",
     "TIMESTAMP WITH TIME ZONE",
     {{"'2024-07-01 12:00:00.5'", "2024-07-01 03:00:00.500000Z"}}},
    {"DateTime64(9)",
     "TIMESTAMP_NS",
     {{"'2024-07-01 12:00:00.123456789'", "2024-07-01 12:00:00.123456789"},
      {"'1900-01-01 00:00:00'", "1900-01-01 00:00:00.000000000"}}},
    {"DateTime64(7, 'Asia/Tokyo')",
     "TIMESTAMP_NS",
     {{"'2024-07-01 12:00:00.1234567'", "2024-07-01 03:00:00.123456700"}}},
    {"Time", "TIME", {{"'12:34:56'", "12:34:56.000000"}, {"'00:00:00'", "00:00:00.000000"}}},
    {"Time64(3)", "TIME", {{"'12:34:56.789'", "12:34:56.789000"}, {"'23:59:59.999'", "23:59:59.999000"}}},
    {"Time64(9)",
     "VARCHAR",
     {{"'12:34:56.123456789'", "12:34:56.123456789"}, {"'-100:00:00.5'", "-100:00:00.500000000"}}},
    {"IntervalMonth", "INTERVAL", {{"toIntervalMonth(-5)", "-5m 0d 0us"}}},
    {"IntervalQuarter", "INTERVAL", {{"toIntervalQuarter(2)", "6m 0d 0us"}}},
    {"IntervalYear", "INTERVAL", {{"toIntervalYear(2)", "24m 0d 0us"}}},
    {"IntervalWeek", "INTERVAL", {{"toIntervalWeek(2)", "0m 14d 0us"}}},
    {"IntervalDay", "INTERVAL", {{"toIntervalDay(-3)", "0m -3d 0us"}}},
    {"IntervalHour", "INTERVAL", {{"toIntervalHour(1)", "0m 0d 3600000000us"}}},
    {"IntervalMinute", "INTERVAL", {{"toIntervalMinute(1)", "0m 0d 60000000us"}}},
    {"IntervalSecond", "INTERVAL", {{"toIntervalSecond(-1)", "0m 0d -1000000us"}}},
    {"IntervalMillisecond", "INTERVAL", {{"toIntervalMillisecond(7)", "0m 0d 7000us"}}},
    {"IntervalMicrosecond", "INTERVAL", {{"toIntervalMicrosecond(7)", "0m 0d 7us"}}},
    {"IntervalNanosecond", "INTERVAL", {{"toIntervalNanosecond(7000)", "0m 0d 7us"}}},
};

static const struct type_case wrapped_cases[] = {
    {"Nullable(Int32)", "INTEGER", {{"NULL", "NULL"}, {"5", "5"}, {"NULL", "NULL"}}},
    {"Nullable(String)", "VARCHAR", {{"NULL", "NULL"}, {"''", ""}, {"'a text of many bytes'", "a text of many bytes"}}},
    {"Nullable(Decimal(20, 2))", "DECIMAL(20,2)", {{"NULL", "NULL"}, {"'1.5'", "1.50"}}},
    {"Nullable(DateTime64(3))",
     "TIMESTAMP",
     {{"NULL", "NULL"}, {"'2024-07-01 12:00:00.123'", "2024-07-01 12:00:00.123000"}}},
    {"Nullable(Enum8('a' = 5))", "VARCHAR", {{"NULL", "NULL"}, {"'a'", "a"}}},
    {"Nullable(UUID)",
     "UUID",
     {{"NULL", "NULL"}, {"'00112233-4455-6677-8899-aabbccddeeff'", "00112233-4455-6677-8899-aabbccddeeff"}}},
    {"Nullable(IPv6)", "VARCHAR", {{"NULL", "NULL"}, {"'::1'", "::1"}}},
    {"Nullable(FixedString(2))", "VARCHAR", {{"NULL", "NULL"}, {"'ab'", "ab"}}},
    {"LowCardinality(String)",
     "VARCHAR",
     {{"''", ""}, {"'a'", "a"}, {"'a text of many bytes'", "a text of many bytes"}, {"'a'", "a"}}},
    {"LowCardinality(Nullable(String))",
     "VARCHAR",
     {{"NULL", "NULL"},
      {"''", ""},
      {"'a'", "a"},
      {"NULL", "NULL"},
      {"'a text of many bytes'", "a text of many bytes"}}},
    {"LowCardinality(FixedString(4))", "VARCHAR", {{"'ab'", "ab"}, {"'abcd'", "abcd"}}},
    {"LowCardinality(UInt32)", "UINTEGER", {{"7", "7"}, {"0", "0"}, {"7", "7"}}},
    {"LowCardinality(Nullable(Date))", "DATE", {{"NULL", "NULL"}, {"'2024-01-02'", "2024-01-02"}}},
    {"SimpleAggregateFunction(sum, UInt64)", "UBIGINT", {{"7", "7"}}},
    {"SimpleAggregateFunction(anyLast, Nullable(String))", "VARCHAR", {{"NULL", "NULL"}, {"'x'", "x"}}},
};

static const struct type_case nested_cases[] = {
    {"Array(Int32)", "INTEGER[]", {{"[]", "[]"}, {"[1,-2,3]", "[1,-2,3]"}, {"[]", "[]"}, {"[4]", "[4]"}}},
    {"Array(Nullable(String))",
     "VARCHAR[]",
     {{"['a',NULL,'a text of many bytes']", "[a,NULL,a text of many bytes]"}, {"[]", "[]"}, {"[NULL]", "[NULL]"}}},
    {"Array(Array(LowCardinality(String)))",
     "VARCHAR[][]",
     {{"[['a','b'],[],['a']]", "[[a,b],[],[a]]"}, {"[]", "[]"}, {"[[]]", "[[]]"}}},
    {"Array(LowCardinality(Nullable(String)))", "VARCHAR[]", {{"[NULL,'a','']", "[NULL,a,]"}, {"[]", "[]"}}},
    {"Map(String, UInt64)", "MAP(VARCHAR, UBIGINT)", {{"map('a', 1, 'b', 2)", "{a:1,b:2}"}, {"map()", "{}"}}},
    {"Map(LowCardinality(String), Array(Nullable(Int8)))",
     "MAP(VARCHAR, TINYINT[])",
     {{"map('a', [1, NULL])", "{a:[1,NULL]}"}, {"map()", "{}"}, {"map('b', [], 'a', [2])", "{b:[],a:[2]}"}}},
    {"Tuple(a UInt8, `b c` Nullable(String))",
     "STRUCT(a UTINYINT, \"b c\" VARCHAR)",
     {{"(1,'x')", "(a=1,b c=x)"}, {"(2,NULL)", "(a=2,b c=NULL)"}}},
    {"Tuple(UInt8, Array(Tuple(String, Date)))",
     "STRUCT(\"1\" UTINYINT, \"2\" STRUCT(\"1\" VARCHAR, \"2\" DATE)[])",
     {{"(1,[('x','2024-01-02'),('y','1970-01-01')])", "(1=1,2=[(1=x,2=2024-01-02),(1=y,2=1970-01-01)])"},
      {"(2,[])", "(1=2,2=[])"}}},
    {"Tuple(LowCardinality(String), Map(String, LowCardinality(String)))",
     "STRUCT(\"1\" VARCHAR, \"2\" MAP(VARCHAR, VARCHAR))",
     {{"('a', map('k', 'v'))", "(1=a,2={k:v})"}, {"('b', map())", "(1=b,2={})"}}},
    {"Nested(a UInt8, b String)",
     "STRUCT(a UTINYINT, b VARCHAR)[]",
     {{"[(1,'x'),(2,'y')]", "[(a=1,b=x),(a=2,b=y)]"}, {"[]", "[]"}}},
    {"Point", "STRUCT(\"1\" DOUBLE, \"2\" DOUBLE)", {{"(1.5,-2)", "(1=1.5,2=-2)"}}},
    {"Ring", "STRUCT(\"1\" DOUBLE, \"2\" DOUBLE)[]", {{"[(0,0),(1,1)]", "[(1=0,2=0),(1=1,2=1)]"}}},
    {"LineString", "STRUCT(\"1\" DOUBLE, \"2\" DOUBLE)[]", {{"[(0,0)]", "[(1=0,2=0)]"}}},
    {"Polygon", "STRUCT(\"1\" DOUBLE, \"2\" DOUBLE)[][]", {{"[[(0,0),(1,1)],[]]", "[[(1=0,2=0),(1=1,2=1)],[]]"}}},
    {"MultiLineString", "STRUCT(\"1\" DOUBLE, \"2\" DOUBLE)[][]", {{"[[(0,0)]]", "[[(1=0,2=0)]]"}}},
    {"MultiPolygon", "STRUCT(\"1\" DOUBLE, \"2\" DOUBLE)[][][]", {{"[[[(0,0)]]]", "[[[(1=0,2=0)]]]"}}},
};

static const struct type_case document_cases[] = {
    {"JSON", "JSON", {{"'{\"a\":1,\"b\":{\"c\":[1,2]}}'", "{\"a\":1,\"b\":{\"c\":[1,2]}}"}, {"'{}'", "{}"}}},
    {"JSON(a UInt32, SKIP b)", "JSON", {{"'{\"a\":7,\"b\":1}'", "{\"a\":7}"}}},
    {"Nullable(JSON)", "JSON", {{"NULL", "NULL"}, {"'{\"a\":\"x\"}'", "{\"a\":\"x\"}"}}},
    {"Array(JSON)", "JSON", {{"['{\"a\":1}']", "[{\"a\":1}]"}}},
    {"Variant(String, UInt64)", "JSON", {{"NULL", "NULL"}, {"toUInt64(5)", "5"}, {"'x\"y'", "\"x\\\"y\""}}},
    {"Dynamic",
     "JSON",
     {{"NULL", "NULL"}, {"42::Int64", "42"}, {"'text'", "\"text\""}, {"[1,2]::Array(UInt8)", "[1,2]"}}},
    {"Geometry", "JSON", {{"(1.,2.)::Point", "[1,2]"}}},
};

static void insert(tl_arena *arena, const struct type_case *one)
{
    const char *tail = strncmp(one->type, "Nested", 6) == 0 ? " SETTINGS flatten_nested = 0" : "";
    test_run(&server, "DROP TABLE IF EXISTS t.one");
    test_run(&server, tl_arena_printf(arena, "CREATE TABLE t.one (n UInt32, v %s) ENGINE = Memory%s", one->type, tail));
    for (int i = 0; i < VALUES_MAX && one->values[i].sql; i++)
        test_run(&server, tl_arena_printf(arena, "INSERT INTO t.one SELECT %d, %s", i, one->values[i].sql));
}

static void check_case(tl_source *source, const struct type_case *one)
{
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    insert(arena, one);
    struct tl_source_dataset *dataset = test_describe(source, arena, "t", "one");
    struct tl_buf mapped;
    tl_buf_init(&mapped, 4096);
    tl_type_format_sql(&mapped, &dataset->columns[1].type);
    if (!tl_streq(tl_buf_cstr(&mapped), one->mapped))
        fail_msg("%s: became %s, not %s", one->type, tl_buf_cstr(&mapped), one->mapped);
    assert_false(dataset->columns[1].unsupported);
    tl_buf_done(&mapped);
    struct test_rows rows = test_table(source, arena, "t", "one");
    for (size_t i = 0; i < VALUES_MAX && one->values[i].sql; i++) {
        const char *got = test_cell(&rows, i, 1);
        if (!tl_streq(got ? got : "NULL", one->values[i].expected))
            fail_msg("%s, value %s: got %s, not %s", one->type, one->values[i].sql, got ? got : "NULL",
                     one->values[i].expected);
    }
    tl_arena_free(arena);
}

static void check_cases(const struct type_case *cases, size_t count)
{
    tl_source *source = test_open(&server, NULL);
    for (size_t i = 0; i < count; i++)
        check_case(source, &cases[i]);
    tl_source_driver_clickhouse.close(source);
}

#define CASES_TEST(name, cases)                                                                                        \
    static void name(void **state)                                                                                     \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        check_cases(cases, sizeof cases / sizeof cases[0]);                                                            \
    }

CASES_TEST(test_numbers_come_exactly, number_cases)
CASES_TEST(test_texts_come_exactly, text_cases)
CASES_TEST(test_times_come_exactly, time_cases)
CASES_TEST(test_wrapped_types_come_exactly, wrapped_cases)
CASES_TEST(test_nested_types_come_exactly, nested_cases)
CASES_TEST(test_documents_come_as_json, document_cases)

static void test_wide_values_equal_the_servers_own_text(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, "CREATE OR REPLACE TABLE t.wide ENGINE = Memory AS SELECT number AS n,"
                      " reinterpretAsInt256(concat(sipHash128(n), sipHash128(n, 1))) AS a, toString(a) AS a_text,"
                      " toDecimal256(concat(toString(intDiv(a, 10000000)), '.12345'), 5) AS b, toString(b) AS b_text,"
                      " CAST(reinterpretAsFixedString(sipHash128(n, 2)) AS IPv6) AS c, toString(c) AS c_text,"
                      " toIPv4(toUInt32(sipHash64(n))) AS d, toString(d) AS d_text,"
                      " generateUUIDv4() AS e, toString(e) AS e_text,"
                      " reinterpretAsUInt256(concat(sipHash128(n, 3), sipHash128(n, 4))) AS f, toString(f) AS f_text "
                      "FROM numbers(3000)");
    tl_source *source = test_open(&server, NULL);
    struct test_rows rows = test_table(source, arena, "t", "wide");
    assert_int_equal(rows.row_count, 3000);
    for (size_t row = 0; row < rows.row_count; row++)
        for (size_t i = 1; i < rows.column_count; i += 2)
            assert_string_equal(test_cell(&rows, row, i), test_cell(&rows, row, i + 1));
    tl_source_driver_clickhouse.close(source);
    tl_arena_free(arena);
}

static void test_a_column_of_nothing_is_null(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, "CREATE OR REPLACE VIEW t.nothing AS SELECT number AS n, NULL AS v, [] AS a FROM numbers(3)");
    tl_source *source = test_open(&server, NULL);
    struct test_rows rows = test_table(source, arena, "t", "nothing");
    assert_int_equal(rows.row_count, 3);
    assert_null(test_cell(&rows, 2, 1));
    assert_string_equal(test_cell(&rows, 2, 2), "[]");
    tl_source_driver_clickhouse.close(source);
    tl_arena_free(arena);
}

static void test_aggregate_states_are_finalized(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(
        &server,
        "CREATE OR REPLACE TABLE t.agg (k UInt8, s AggregateFunction(sum, UInt64), u AggregateFunction(uniq, String),"
        " q AggregateFunction(quantiles(0.5, 0.9), Float64), m AggregateFunction(max, Nullable(Int32)))"
        " ENGINE = AggregatingMergeTree ORDER BY k");
    test_run(
        &server,
        "INSERT INTO t.agg SELECT number % 2 AS k, sumState(number), uniqState(toString(number)),"
        " quantilesState(0.5, 0.9)(toFloat64(1)), maxState(toNullable(toInt32(number))) FROM numbers(10) GROUP BY k");
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "t", "agg");
    assert_int_equal(dataset->columns[1].type.id, TL_TYPE_UINT64);
    assert_int_equal(dataset->columns[3].type.id, TL_TYPE_LIST);
    struct test_rows rows = test_table(source, arena, "t", "agg");
    assert_int_equal(rows.row_count, 2);
    assert_string_equal(test_cell(&rows, 0, 1), "20");
    assert_string_equal(test_cell(&rows, 1, 1), "25");
    assert_string_equal(test_cell(&rows, 0, 2), "5");
    assert_string_equal(test_cell(&rows, 0, 3), "[1,1]");
    assert_string_equal(test_cell(&rows, 1, 4), "9");
    tl_source_driver_clickhouse.close(source);
    tl_arena_free(arena);
}

static enum tl_code scan_one(tl_source *source, tl_arena *arena, const char *table, struct tl_err *err)
{
    struct tl_source_dataset *dataset = test_describe(source, arena, "t", table);
    int column = 0;
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = &column, .limit = -1};
    struct test_rows rows;
    tl_err_init(err);
    return test_scan(source, arena, &request, NULL, &rows, NULL, err);
}

static void test_what_no_type_of_ours_holds_is_an_error_and_names_the_column(void **state)
{
    (void)state;
    static const struct {
        const char *type, *value;
        enum tl_code code;
    } cases[] = {
        {"String", "unhex('FF00')", TL_BAD_ENCODING},
        {"String", "concat(repeat('a', 5000), unhex('C0'))", TL_BAD_ENCODING},
        {"LowCardinality(String)", "unhex('C3')", TL_BAD_ENCODING},
        {"FixedString(16)", "unhex('00112233445566778899AABBCCDDEEFF')", TL_BAD_ENCODING},
        {"Array(String)", "[unhex('80')]", TL_BAD_ENCODING},
        {"DateTime64(7)", "toDateTime64('2299-01-01 00:00:00', 7)", TL_INVALID_VALUE},
        {"Time", "'-01:00:00'", TL_INVALID_VALUE},
        {"Time", "'25:00:00'", TL_INVALID_VALUE},
        {"IntervalNanosecond", "toIntervalNanosecond(7)", TL_INVALID_VALUE},
        {"IntervalYear", "toIntervalYear(9223372036854775807)", TL_INVALID_VALUE},
        {"Decimal(4, 2)", "100.5", TL_INVALID_VALUE},
        {"Decimal(18, 2)", "10000000000000000::Decimal(38, 0)", TL_INVALID_VALUE},
    };
    tl_source *source = test_open(&server, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
        struct tl_err err;
        test_run(&server, tl_arena_printf(arena, "CREATE OR REPLACE TABLE t.bad (`the column` %s) ENGINE = Memory",
                                          cases[i].type));
        test_run(&server, tl_arena_printf(arena, "INSERT INTO t.bad SELECT %s", cases[i].value));
        if (scan_one(source, arena, "bad", &err) != cases[i].code)
            fail_msg("%s %s: %s", cases[i].type, cases[i].value, err.message);
        assert_non_null(strstr(err.message, "\"the column\""));
        assert_non_null(strstr(err.message, "source \"events\""));
        tl_arena_free(arena);
    }
    tl_source_driver_clickhouse.close(source);
}

static void test_bytes_that_are_not_text_can_be_read_as_blobs(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, "CREATE OR REPLACE TABLE t.raw (k UInt8, a String, b LowCardinality(String), c FixedString(4), d "
                      "String) ENGINE = Memory");
    test_run(&server, "INSERT INTO t.raw SELECT 0, unhex('FF00'), unhex('C3'), unhex('00FF'), 'text'");
    tl_source *all = test_open(&server, "strings_as", "blob", NULL);
    struct test_rows rows = test_table(all, arena, "t", "raw");
    assert_string_equal(test_cell(&rows, 0, 1), "ff00");
    assert_string_equal(test_cell(&rows, 0, 2), "c3");
    assert_string_equal(test_cell(&rows, 0, 3), "00ff0000");
    assert_string_equal(test_cell(&rows, 0, 4), "74657874");
    tl_source_driver_clickhouse.close(all);
    tl_source *some = test_open(&server, "blob_columns", "t.raw.a, t.raw.b,t.raw.c", NULL);
    rows = test_table(some, arena, "t", "raw");
    assert_string_equal(test_cell(&rows, 0, 1), "ff00");
    assert_string_equal(test_cell(&rows, 0, 4), "text");
    tl_source_driver_clickhouse.close(some);
    tl_arena_free(arena);
}

static void test_types_without_a_meaning_here_are_listed_as_unsupported(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server,
             "CREATE OR REPLACE TABLE t.odd (v Tuple(a UInt8, A UInt8), q QBit(Float32, 8), n UInt8) ENGINE = Memory");
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "t", "odd");
    assert_true(dataset->columns[0].unsupported);
    assert_true(dataset->columns[1].unsupported);
    assert_false(dataset->columns[2].unsupported);
    struct tl_err err;
    assert_int_equal(scan_one(source, arena, "odd", &err), TL_UNSUPPORTED);
    assert_non_null(strstr(err.message, "\"v\""));
    assert_non_null(strstr(err.message, "Tuple(a UInt8, A UInt8)"));
    tl_source_driver_clickhouse.close(source);
    tl_arena_free(arena);
}

static int start(void **state)
{
    (void)state;
    test_server_start(&server, "types");
    test_run(&server, "CREATE DATABASE t");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_server_stop(&server);
    return 0;
}

static void test_columns_come_as_text_where_that_is_asked_for(void **state)
{
    (void)state;
    tl_arena *arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, "CREATE OR REPLACE TABLE t.texts (id UInt8, a Tuple(x UInt8, X String), t Nullable(Time), n Array(Int32),"
                      " z Nullable(DateTime('Europe/Berlin'))) ENGINE = Memory");
    test_run(&server, "INSERT INTO t.texts VALUES (1, (1, 'y'), '26:00:00', [1, 2], '2024-07-01 12:00:00'), (2, (2, ''), NULL, [], NULL)");
    tl_source *source = test_open(&server, "columns_as_text", "t.texts.a, t.texts.t, t.texts.n,t.texts.z", NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "t", "texts");
    for (size_t i = 1; i < dataset->column_count; i++) {
        assert_int_equal(dataset->columns[i].type.id, TL_TYPE_VARCHAR);
        assert_false(dataset->columns[i].unsupported);
    }
    struct test_rows rows = test_table(source, arena, "t", "texts");
    static const char *const expected[] = {"1", "(1,'y')", "26:00:00", "[1,2]", "2024-07-01 12:00:00",
                                           "2", "(2,'')",  NULL,       "[]",    NULL};
    for (size_t i = 0; i < 10; i++) {
        if (expected[i])
            assert_string_equal(rows.cells[i], expected[i]);
        else
            assert_null(rows.cells[i]);
    }
    struct tl_expr column = {.kind = TL_EXPR_COLUMN, .column = 2}, *child = &column;
    struct tl_expr filter = {.kind = TL_EXPR_IS_NULL, .type = {.id = TL_TYPE_BOOLEAN}, .child_count = 1, .children = &child};
    assert_false(tl_source_driver_clickhouse.can_push(source, dataset, &filter, NULL));
    tl_source_driver_clickhouse.close(source);
    tl_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_come_exactly),
        cmocka_unit_test(test_texts_come_exactly),
        cmocka_unit_test(test_times_come_exactly),
        cmocka_unit_test(test_wrapped_types_come_exactly),
        cmocka_unit_test(test_nested_types_come_exactly),
        cmocka_unit_test(test_documents_come_as_json),
        cmocka_unit_test(test_wide_values_equal_the_servers_own_text),
        cmocka_unit_test(test_a_column_of_nothing_is_null),
        cmocka_unit_test(test_aggregate_states_are_finalized),
        cmocka_unit_test(test_what_no_type_of_ours_holds_is_an_error_and_names_the_column),
        cmocka_unit_test(test_columns_come_as_text_where_that_is_asked_for),
        cmocka_unit_test(test_bytes_that_are_not_text_can_be_read_as_blobs),
        cmocka_unit_test(test_types_without_a_meaning_here_are_listed_as_unsupported),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
