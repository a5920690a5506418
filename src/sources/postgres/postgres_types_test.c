#include "sources/postgres/test_support.h"
#include "sources/postgres/test_truth.h"

#include <stdio.h>

/* Every type through a real server: what is described, and every edge value as it arrives. */
static struct test_server server;
static tl_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = tl_arena_new(TEST_ARENA_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena = tl_arena_free(arena);
    return 0;
}

static const char preparation[] =
    "CREATE SCHEMA types; CREATE EXTENSION IF NOT EXISTS hstore; CREATE EXTENSION IF NOT EXISTS citext;"
    "CREATE TYPE types.mood AS ENUM ('sad', 'ok', 'happy'); CREATE TYPE types.pair AS (a int, b text);"
    "CREATE DOMAIN types.money2 AS numeric(8,2) CHECK (value >= 0); CREATE DOMAIN types.deep AS types.money2;"
    "CREATE DOMAIN types.ints AS int[];"
    "CREATE COLLATION types.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";

/* One value of one type. */
struct value_case {
    const char *type, *expression;
    const char *becomes; /* the engine's spelling of the type */
    const char *expected; /* NULL = NULL */
};

static const struct value_case values[] = {
    {"bool", "true", "BOOLEAN", "true"},
    {"bool", "false", "BOOLEAN", "false"},
    {"bool", "NULL", "BOOLEAN", NULL},
    {"int2", "-32768", "SMALLINT", "-32768"},
    {"int2", "32767", "SMALLINT", "32767"},
    {"int4", "-2147483648", "INTEGER", "-2147483648"},
    {"int4", "2147483647", "INTEGER", "2147483647"},
    {"int8", "-9223372036854775808", "BIGINT", "-9223372036854775808"},
    {"int8", "9223372036854775807", "BIGINT", "9223372036854775807"},
    {"oid", "4294967295", "UINTEGER", "4294967295"},
    {"float4", "'NaN'", "FLOAT", "nan"},
    {"float4", "'-Infinity'", "FLOAT", "-inf"},
    {"float4", "0.1", "FLOAT", "0.100000001"},
    {"float8", "'1e308'", "DOUBLE", "1e+308"},
    {"float8", "'-0'", "DOUBLE", "-0"},
    {"float8", "'5e-324'", "DOUBLE", "4.9406564584124654e-324"},
    {"numeric(4,2)", "-99.99", "DECIMAL(4,2)", "-99.99"},
    {"numeric(9,0)", "123456789", "DECIMAL(9,0)", "123456789"},
    {"numeric(12,2)", "1234567890.12", "DECIMAL(12,2)", "1234567890.12"},
    {"numeric(18,6)", "-999999999999.999999", "DECIMAL(18,6)", "-999999999999.999999"},
    {"numeric(38,10)", "9999999999999999999999999999.9999999999", "DECIMAL(38,10)", "9999999999999999999999999999.9999999999"},
    {"numeric(38,38)", "-0.00000000000000000000000000000000000001", "DECIMAL(38,38)",
     "-0.00000000000000000000000000000000000001"},
    {"numeric(5,0)", "10000", "DECIMAL(5,0)", "10000"},
    {"numeric(10,3)", "0.001", "DECIMAL(10,3)", "0.001"},
    {"numeric(10,3)", "0", "DECIMAL(10,3)", "0.000"},
    {"numeric(3,-2)", "99900", "DECIMAL(5,0)", "99900"},
    {"numeric(3,5)", "0.00999", "DECIMAL(5,5)", "0.00999"},
    {"numeric", "1e50", "VARCHAR", "100000000000000000000000000000000000000000000000000"},
    {"numeric", "'NaN'", "VARCHAR", "NaN"},
    {"numeric", "1.500", "VARCHAR", "1.500"},
    {"numeric(39,2)", "1.5", "VARCHAR", "1.50"},
    {"text", "''", "VARCHAR", ""},
    {"text", "'twelve bytes'", "VARCHAR", "twelve bytes"},
    {"text", "'thirteen byte'", "VARCHAR", "thirteen byte"},
    {"text", "'grüße 水 𝄞'", "VARCHAR", "grüße 水 𝄞"},
    {"text", "NULL", "VARCHAR", NULL},
    {"varchar(20)", "'x '", "VARCHAR", "x "},
    {"char(5)", "'ab'", "VARCHAR", "ab   "},
    {"\"char\"", "'q'", "VARCHAR", "q"},
    {"name", "'a name'", "VARCHAR", "a name"},
    {"citext", "'MiXed'", "VARCHAR", "MiXed"},
    {"types.mood", "'happy'", "VARCHAR", "happy"},
    {"types.deep", "12.5", "DECIMAL(8,2)", "12.50"},
    {"json", "'{\"a\" : 1}'", "JSON", "{\"a\" : 1}"},
    {"jsonb", "'{\"b\":[1, null],\"a\":\"ü\"}'", "JSON", "{\"a\": \"ü\", \"b\": [1, null]}"},
    {"bytea", "'\\x00ff10'", "BLOB", "00ff10"},
    {"bytea", "''", "BLOB", ""},
    {"bytea", "decode(repeat('ab', 20), 'hex')", "BLOB", "abababababababababababababababababababab"},
    {"uuid", "'00000000-0000-0000-0000-000000000000'", "UUID", "00000000000000000000000000000000"},
    {"uuid", "'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'", "UUID", "f81d4fae7dec11d0a76500a0c91e6bf6"},
    {"date", "'1970-01-01'", "DATE", "0"},
    {"date", "'0044-03-15 BC'", "DATE", "-735160"},
    {"date", "'5874897-12-31'", "DATE", "2145042905"},
    {"date", "'4713-01-01 BC'", "DATE", "-2440550"},
    {"date", "'infinity'", "DATE", "2147483647"},
    {"date", "'-infinity'", "DATE", "-2147483647"},
    {"time", "'24:00:00'", "TIME", "86400000000"},
    {"time(3)", "'23:59:59.9994'", "TIME", "86399999000"},
    {"timestamp", "'1970-01-01 00:00:00.000001'", "TIMESTAMP", "1"},
    {"timestamp", "'1999-12-31 23:59:59'", "TIMESTAMP", "946684799000000"},
    {"timestamp", "'infinity'", "TIMESTAMP", "9223372036854775807"},
    {"timestamp", "'-infinity'", "TIMESTAMP", "-9223372036854775807"},
    {"timestamptz", "'2024-02-29 12:00:00+02'", "TIMESTAMP WITH TIME ZONE", "1709200800000000"},
    {"interval", "'1 year 2 mons -3 days 04:05:06.789'", "INTERVAL", "14/-3/14706789000"},
    {"timetz", "'12:34:56+02'", "VARCHAR", "12:34:56+02"},
    {"inet", "'10.0.0.1/8'", "VARCHAR", "10.0.0.1/8"},
    {"inet", "'10.0.0.1'", "VARCHAR", "10.0.0.1"},
    {"cidr", "'10.0.0.1'", "VARCHAR", "10.0.0.1/32"},
    {"cidr", "'2001:db8::/32'", "VARCHAR", "2001:db8::/32"},
    {"macaddr", "'08:00:2b:01:02:03'", "VARCHAR", "08:00:2b:01:02:03"},
    {"bit(3)", "B'101'", "VARCHAR", "101"},
    {"varbit", "B''", "VARCHAR", ""},
    {"int4range", "'[1,5)'", "VARCHAR", "[1,5)"},
    {"tstzrange", "'[2024-01-01 00:00+00,)'", "VARCHAR", "[\"2024-01-01 00:00:00+00\",)"},
    {"types.pair", "ROW(1, 'x y')", "VARCHAR", "(1,\"x y\")"},
    {"xml", "'<a/>'", "VARCHAR", "<a/>"},
    {"tsvector", "'fat cat'", "VARCHAR", "'cat' 'fat'"},
    {"money", "12.5", "VARCHAR", "$12.50"},
    {"hstore", "'a=>1'", "VARCHAR", "\"a\"=>\"1\""},
    {"point", "'(1.5,-2)'", "VARCHAR", "(1.5,-2)"},
    {"pg_lsn", "'16/B374D848'", "VARCHAR", "16/B374D848"},
    {"int4[]", "'{}'", "INTEGER[]", "[]"},
    {"int4[]", "'{1,NULL,3}'", "INTEGER[]", "[1,NULL,3]"},
    {"int4[]", "'[0:1]={7,8}'", "INTEGER[]", "[7,8]"},
    {"int4[]", "NULL", "INTEGER[]", NULL},
    {"int4[][]", "'{{1,2},{3,4}}'", "INTEGER[][]", "[[1,2],[3,4]]"},
    {"text[]", "'{a,\"b c\",\"longer than twelve bytes\",NULL}'", "VARCHAR[]", "[a,b c,longer than twelve bytes,NULL]"},
    {"numeric(6,1)[]", "'{1.5,-2}'", "DECIMAL(6,1)[]", "[1.5,-2.0]"},
    {"numeric[]", "'{1.50,NaN}'", "VARCHAR[]", "[1.50,NaN]"},
    {"inet[]", "'{10.0.0.1}'", "VARCHAR[]", "[10.0.0.1]"},
    {"inet[]", "'{10.0.0.1/8,NULL}'", "VARCHAR[]", "[10.0.0.1/8,NULL]"},
    {"box[]", "'{(2,2),(1,1);(4,4),(3,3)}'", "VARCHAR[]", "[(2,2),(1,1),(4,4),(3,3)]"},
    {"types.mood[]", "'{ok,sad}'", "VARCHAR[]", "[ok,sad]"},
    {"types.ints", "'{4,5}'", "INTEGER[]", "[4,5]"},
    {"types.ints[]", "ARRAY['{4,5}'::types.ints]", "INTEGER[][]", "[[4,5]]"},
    {"types.pair[]", "ARRAY[ROW(1, 'x')::types.pair]", "VARCHAR[]", "[(1,x)]"},
    {"uuid[]", "'{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}'", "UUID[]", "[f81d4fae7dec11d0a76500a0c91e6bf6]"},
    {"oidvector", "'1 2'", "VARCHAR", "1 2"},
};
enum { VALUES = sizeof values / sizeof *values };

static const char *spelling(const struct tl_type *type)
{
    struct tl_buf buf;
    tl_buf_init(&buf, 4096);
    tl_type_format_sql(&buf, type);
    const char *text = tl_arena_strdup(arena, tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return text;
}

static void create_values(void)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_adds(&sql, "DROP TABLE IF EXISTS types.edge; CREATE TABLE types.edge (");
    for (size_t i = 0; i < VALUES; i++)
        tl_buf_addf(&sql, "%sc%zu %s", i ? ", " : "", i, values[i].type);
    tl_buf_adds(&sql, "); INSERT INTO types.edge VALUES (");
    for (size_t i = 0; i < VALUES; i++)
        tl_buf_addf(&sql, "%s%s", i ? ", " : "", values[i].expression);
    tl_buf_adds(&sql, "); INSERT INTO types.edge DEFAULT VALUES");
    test_run(&server, tl_buf_cstr(&sql));
    tl_buf_done(&sql);
}

static void test_every_type_arrives_exactly(void **state)
{
    (void)state;
    create_values();
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "types", "edge");
    assert_int_equal(dataset->column_count, VALUES);
    struct test_rows rows = test_table(source, arena, "types", "edge");
    assert_int_equal(rows.row_count, 2);
    for (size_t i = 0; i < VALUES; i++) {
        const char *got = test_cell(&rows, 0, i);
        assert_false(dataset->columns[i].unsupported);
        if (!tl_streq(spelling(&dataset->columns[i].type), values[i].becomes) || !tl_streq(got, values[i].expected))
            fail_msg("%s %s: got %s %s, expected %s %s", values[i].type, values[i].expression,
                     spelling(&dataset->columns[i].type), got ? got : "NULL", values[i].becomes,
                     values[i].expected ? values[i].expected : "NULL");
        assert_null(test_cell(&rows, 1, i));
    }
    tl_source_driver_postgres.close(source);
}

static size_t rows_where(tl_source *source, const struct tl_source_dataset *dataset, int column, const struct tl_value *value)
{
    struct tl_expr left = {.kind = TL_EXPR_COLUMN, .type = dataset->columns[column].type, .column = column};
    struct tl_expr right = {.kind = TL_EXPR_CONSTANT, .type = left.type, .value = *value};
    struct tl_expr *children[] = {&left, &right};
    const struct tl_expr equal = {.kind = TL_EXPR_EQ, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = 2, .children = children};
    const struct tl_expr *filters[] = {&equal};
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = &column, .filter_count = 1, .filters = filters, .limit = -1};
    struct test_rows rows;
    struct tl_err err;
    const char *reason = NULL;
    if (!tl_source_driver_postgres.can_push(source, dataset, &equal, &reason))
        return SIZE_MAX;
    tl_err_init(&err);
    if (test_scan(source, arena, &request, NULL, &rows, NULL, &err) != TL_OK)
        fail_msg("%s: %s %s", dataset->columns[column].source_type, err.message, err.detail);
    return rows.row_count;
}

/* The other direction: a value that arrived, said to the source as a filter, finds its row there. */
static void test_every_value_finds_its_row(void **state)
{
    (void)state;
    create_values();
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "types", "edge");
    struct tl_scan_request request = {.dataset = dataset, .column_count = dataset->column_count,
                                      .columns = test_all_columns(arena, dataset), .limit = -1};
    struct tl_chunk *chunk = test_chunk(arena, &request);
    tl_scan *scan;
    tl_scan_part *part;
    struct tl_scan_stats stats;
    struct tl_err err;
    int parts;
    size_t pushed = 0;
    tl_err_init(&err);
    assert_int_equal(tl_source_driver_postgres.scan_open(source, &request, 1, NULL, arena, &scan, &parts, &err), TL_OK);
    assert_int_equal(tl_source_driver_postgres.part_open(scan, NULL, &part, &err), TL_OK);
    assert_int_equal(tl_source_driver_postgres.part_next(part, chunk, NULL, &err), TL_OK);
    for (size_t i = 0; i < VALUES; i++) {
        enum tl_type_id id = dataset->columns[i].type.id;
        bool compares = id != TL_TYPE_LIST && id != TL_TYPE_JSON && id != TL_TYPE_INTERVAL && id != TL_TYPE_UINT32;
        struct tl_value value = test_value_at(&chunk->columns[i], 0);
        if (value.is_null)
            continue;
        size_t rows = compares ? rows_where(source, dataset, (int)i, &value) : SIZE_MAX;
        if (compares && rows != 1)
            fail_msg("%s %s: %zd rows", values[i].type, values[i].expression, (ssize_t)rows);
        pushed += compares;
    }
    assert_true(pushed > VALUES * 3 / 4);
    tl_source_driver_postgres.part_close(part);
    tl_source_driver_postgres.scan_close(scan, &stats);
    tl_source_driver_postgres.close(source);
}

/* Read table types.bad(v) with one value and return the error. */
static struct tl_err read_bad(tl_source *source, const char *type, const char *expression)
{
    struct test_rows rows;
    struct tl_err err;
    const char *sql = tl_arena_printf(arena, "DROP TABLE IF EXISTS types.bad; CREATE TABLE types.bad (v %s);"
                                             " INSERT INTO types.bad SELECT %s", type, expression);
    test_run(&server, sql);
    struct tl_source_dataset *dataset = test_describe(source, arena, "types", "bad");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){0}, .limit = -1};
    tl_err_init(&err);
    test_scan(source, arena, &request, NULL, &rows, NULL, &err);
    return err;
}

static void test_a_value_without_a_place_names_its_column(void **state)
{
    (void)state;
    static const struct {
        const char *type, *expression, *part;
    } cases[] = {
        {"numeric(6,2)", "'NaN'", "NaN"},
        {"int[]", "'{{1,2},{3,4}}'", "2 dimensions (declared: 1)"},
        {"int[][]", "'{1,2}'", "1 dimensions (declared: 2)"},
        {"timestamp", "'294276-12-31'", "294246"},
    };
    tl_source *source = test_open(&server, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tl_err err = read_bad(source, cases[i].type, cases[i].expression);
        assert_int_equal(err.code, TL_INVALID_VALUE);
        assert_non_null(strstr(err.message, "column \"v\""));
        assert_non_null(strstr(err.message, "\"types.bad\" of source \"ops\""));
        assert_non_null(strstr(err.message, cases[i].part));
        assert_true(*err.hint);
    }
    tl_source_driver_postgres.close(source);
}

static void test_columns_become_text_where_that_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *type, *expression, *text;
    } cases[] = {
        {"numeric(6,2)", "'NaN'", "NaN"},
        {"int[]", "'{{1,2},{3,4}}'", "{{1,2},{3,4}}"},
        {"int[][]", "'{1,2}'", "{1,2}"},
        {"timestamp", "'294276-12-31'", "294276-12-31 00:00:00"},
        {"text[]", "'{a,NULL,\"b c\"}'", "{a,NULL,\"b c\"}"},
        {"bytea", "'\\x00ff'", "\\x00ff"},
        {"timestamptz", "'2024-02-29 12:00+02'", "2024-02-29 10:00:00+00"},
    };
    tl_source *source = test_open(&server, "columns_as_text", "types.other.v, types.bad.v", NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tl_err err = read_bad(source, cases[i].type, cases[i].expression);
        assert_int_equal(err.code, TL_OK);
        struct tl_source_dataset *dataset = test_describe(source, arena, "types", "bad");
        assert_string_equal(spelling(&dataset->columns[0].type), "VARCHAR");
        struct test_rows rows = test_table(source, arena, "types", "bad");
        assert_string_equal(test_cell(&rows, 0, 0), cases[i].text);
        struct tl_value value = {.type = tl_type_simple(TL_TYPE_VARCHAR), .as.text = tl_str_of(cases[i].text)};
        assert_int_equal(rows_where(source, dataset, 0, &value), 1);
    }
    tl_source_driver_postgres.close(source);
}

static void test_numeric_follows_its_option(void **state)
{
    (void)state;
    test_run(&server, "DROP TABLE IF EXISTS types.n; CREATE TABLE types.n (v numeric, a numeric[]);"
                      " INSERT INTO types.n VALUES (1.25, '{2.5}'), (NULL, NULL)");
    tl_source *source = test_open(&server, "numeric_as", "double", NULL);
    assert_string_equal(spelling(&test_describe(source, arena, "types", "n")->columns[0].type), "DOUBLE");
    struct test_rows rows = test_table(source, arena, "types", "n");
    assert_string_equal(test_cell(&rows, 0, 0), "1.25");
    assert_string_equal(test_cell(&rows, 0, 1), "[2.5]");
    struct tl_err err = read_bad(source, "numeric", "1e400"); /* a double ends at 1.8e308 */
    assert_int_equal(err.code, TL_SOURCE_FAILED);
    assert_non_null(strstr(err.hint, "numeric_as: text"));
    tl_source_driver_postgres.close(source);
    source = test_open(&server, "numeric_as", "decimal(20,3)", NULL);
    rows = test_table(source, arena, "types", "n");
    assert_string_equal(test_cell(&rows, 0, 0), "1.250");
    assert_string_equal(test_cell(&rows, 0, 1), "[2.500]");
    err = read_bad(source, "numeric", "1.2345");
    assert_int_equal(err.code, TL_INVALID_VALUE); /* never rounded in silence */
    err = read_bad(source, "numeric", "1e18");
    assert_int_equal(err.code, TL_INVALID_VALUE);
    err = read_bad(source, "numeric", "'Infinity'");
    assert_int_equal(err.code, TL_INVALID_VALUE);
    tl_source_driver_postgres.close(source);
}

static const struct tl_source_dataset *find(const struct tl_source_dataset *datasets, size_t count, const char *schema,
                                            const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (tl_streq(datasets[i].schema, schema) && tl_streq(datasets[i].name, name))
            return &datasets[i];
    return NULL;
}

static const char listing[] =
    "CREATE SCHEMA shop; CREATE SCHEMA other; CREATE TABLE shop.orders (b int, id bigint, a text NOT NULL,"
    " price types.deep, PRIMARY KEY (a, id)); COMMENT ON TABLE shop.orders IS 'what was sold';"
    "COMMENT ON COLUMN shop.orders.price IS 'in euro'; INSERT INTO shop.orders SELECT 1, i, 'x', 2 FROM generate_series(1, 500) i;"
    "CREATE VIEW shop.cheap AS SELECT * FROM shop.orders WHERE price < 1;"
    "CREATE MATERIALIZED VIEW shop.kept AS SELECT id FROM shop.orders;"
    "CREATE TABLE shop.parts (k int, v text) PARTITION BY RANGE (k);"
    "CREATE TABLE shop.parts_low PARTITION OF shop.parts FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE shop.parts_high PARTITION OF shop.parts FOR VALUES FROM (10) TO (20);"
    "INSERT INTO shop.parts SELECT i % 20, 'v' FROM generate_series(1, 100) i; CREATE TABLE shop.empty_table ();"
    "CREATE TABLE other.t (x int); CREATE TABLE shop.dropped (a int, gone int, b int); ALTER TABLE shop.dropped DROP COLUMN gone;"
    "INSERT INTO shop.dropped VALUES (1, 2); ANALYZE";

static void check_listing(tl_source *source)
{
    struct tl_source_dataset *datasets;
    size_t count;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_source_driver_postgres.list(source, NULL, arena, &datasets, &count, &err), TL_OK);
    const struct tl_source_dataset *orders = find(datasets, count, "shop", "orders");
    assert_non_null(orders);
    assert_int_equal(orders->kind, TL_DATASET_TABLE);
    assert_string_equal(orders->comment, "what was sold");
    assert_int_equal(orders->row_estimate, 500);
    assert_true(orders->size_bytes > 0);
    assert_int_equal(orders->column_count, 4);
    assert_int_equal(orders->columns[1].key_position, 2);
    assert_int_equal(orders->columns[2].key_position, 1);
    assert_true(orders->key_unique);
    assert_int_equal(orders->columns[0].key_position, 0);
    assert_true(orders->columns[0].nullable && !orders->columns[2].nullable);
    assert_string_equal(orders->columns[3].comment, "in euro");
    assert_string_equal(orders->columns[3].source_type, "types.deep");
    assert_int_equal(find(datasets, count, "shop", "cheap")->kind, TL_DATASET_VIEW);
    assert_int_equal(find(datasets, count, "shop", "cheap")->row_estimate, -1);
    assert_int_equal(find(datasets, count, "shop", "kept")->row_estimate, 500);
    assert_int_equal(find(datasets, count, "shop", "parts")->row_estimate, 100);
    assert_null(find(datasets, count, "shop", "parts_low")); /* read through its parent */
    assert_int_equal(find(datasets, count, "shop", "empty_table")->column_count, 0);
    assert_int_equal(find(datasets, count, "shop", "dropped")->column_count, 2);
    assert_null(find(datasets, count, "pg_catalog", "pg_class"));
    assert_null(find(datasets, count, "information_schema", "tables"));
    assert_non_null(find(datasets, count, "other", "t"));
}

static void test_listing_tells_kinds_keys_comments_and_sizes(void **state)
{
    (void)state;
    test_run(&server, listing);
    tl_source *source = test_open(&server, NULL);
    check_listing(source);
    struct test_rows rows = test_table(source, arena, "shop", "parts");
    assert_int_equal(rows.row_count, 100);
    rows = test_table(source, arena, "shop", "kept");
    assert_int_equal(rows.row_count, 500);
    rows = test_table(source, arena, "shop", "dropped");
    assert_string_equal(test_cell(&rows, 0, 1), "2");
    tl_source_driver_postgres.close(source);
}

static void test_only_the_configured_schemas_are_there(void **state)
{
    (void)state;
    struct tl_source_dataset *datasets;
    size_t count;
    struct tl_err err;
    tl_err_init(&err);
    tl_source *source = test_open(&server, "schemas", " other , no'such ", NULL);
    assert_int_equal(tl_source_driver_postgres.list(source, NULL, arena, &datasets, &count, &err), TL_OK);
    assert_int_equal(count, 1);
    assert_int_equal(tl_source_driver_postgres.describe(source, "shop", "orders", NULL, arena, &datasets, &err),
                     TL_TABLE_NOT_FOUND);
    tl_source_driver_postgres.close(source);
}

static void test_system_tables_cannot_be_named(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"pg_catalog", "pg_authid"}, {"information_schema", "tables"}, {"shop", "none"},
                                           {"pg_toast", "pg_toast_1260"}};
    tl_source *source = test_open(&server, NULL);
    for (size_t i = 0; i < 4; i++) {
        struct tl_source_dataset *dataset;
        struct tl_err err;
        tl_err_init(&err);
        assert_int_equal(
            tl_source_driver_postgres.describe(source, names[i][0], names[i][1], NULL, arena, &dataset, &err),
            TL_TABLE_NOT_FOUND);
    }
    tl_source_driver_postgres.close(source);
}

/* 65 characters: the server keeps 63 of them, and the long name is not a name of it. */
#define LONG_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static void test_odd_names_are_names(void **state)
{
    (void)state;
    static const char *const names[] = {"a\"b", "a.b", "it's", "Ünïcödé 水", "select", " ", "%_\\", "UPPER", "upper", "-- x", "i0", "computed", LONG_63};
    test_run(&server, "DROP SCHEMA IF EXISTS \"s'\"\".x\" CASCADE; CREATE SCHEMA \"s'\"\".x\"");
    tl_source *source = test_open(&server, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tl_buf sql;
        tl_buf_init(&sql, 4096);
        tl_buf_adds(&sql, "CREATE TABLE \"s'\"\".x\".");
        tl_buf_add_identifier(&sql, names[i]);
        tl_buf_adds(&sql, " AS SELECT 1 AS ");
        tl_buf_add_identifier(&sql, names[i]);
        test_run(&server, tl_buf_cstr(&sql));
        tl_buf_done(&sql);
        struct test_rows rows = test_table(source, arena, "s'\".x", names[i]);
        assert_int_equal(rows.row_count, 1);
        assert_string_equal(test_cell(&rows, 0, 0), "1");
        struct tl_value one = {.type = tl_type_simple(TL_TYPE_INT32), .as.int64 = 1};
        struct tl_source_dataset *described = test_describe(source, arena, "s'\".x", names[i]), *computed;
        assert_int_equal(rows_where(source, described, 0, &one), 1);
        struct tl_derivation_input input = {.dataset = described};
        const struct tl_expr column = {.kind = TL_EXPR_COLUMN, .type = one.type}, *outputs[] = {&column};
        struct tl_derivation said = {.input_count = 1, .inputs = &input, .output_count = 1, .outputs = outputs};
        assert_true(tl_source_driver_postgres.derive(source, &said, arena, &computed, NULL));
        assert_int_equal(rows_where(source, computed, 0, &one), 1);
    }
    struct tl_source_dataset *dataset;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(tl_source_driver_postgres.describe(source, "s'\".x", LONG_63 "lm", NULL, arena, &dataset, &err),
                     TL_TABLE_NOT_FOUND);
    tl_source_driver_postgres.close(source);
}

static void test_only_rows_are_counted_when_no_column_is_wanted(void **state)
{
    (void)state;
    tl_source *source = test_open(&server, NULL);
    struct tl_source_dataset *dataset = test_describe(source, arena, "shop", "orders");
    struct tl_scan_request request = {.dataset = dataset, .column_count = 1, .columns = (int[]){-1}, .limit = -1};
    struct test_rows rows;
    struct tl_scan_stats stats;
    struct tl_err err;
    tl_err_init(&err);
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, &stats, &err), TL_OK);
    assert_int_equal(rows.row_count, 500);
    assert_non_null(strstr(stats.text, "count(*)"));
    request.limit = 7;
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, &stats, &err), TL_OK);
    assert_int_equal(rows.row_count, 7);
    dataset = test_describe(source, arena, "shop", "empty_table");
    request = (struct tl_scan_request){.dataset = dataset, .column_count = 1, .columns = (int[]){-1}, .limit = -1};
    assert_int_equal(test_scan(source, arena, &request, NULL, &rows, &stats, &err), TL_OK);
    assert_int_equal(rows.row_count, 0);
    tl_source_driver_postgres.close(source);
}

static void test_large_values_make_smaller_chunks(void **state)
{
    (void)state;
    test_run(&server, "DROP TABLE IF EXISTS types.large; CREATE TABLE types.large AS"
                      " SELECT i, repeat(chr(96 + i), 4000000) AS t FROM generate_series(1, 20) i");
    tl_source *source = test_open(&server, NULL);
    struct test_rows rows = test_table(source, arena, "types", "large");
    assert_int_equal(rows.row_count, 20);
    for (size_t i = 0; i < 20; i++) {
        const char *text = test_cell(&rows, i, 1);
        assert_int_equal(strlen(text), 4000000);
        assert_int_equal(text[0], 'a' + (int)i);
        assert_int_equal(text[3999999], 'a' + (int)i);
    }
    tl_source_driver_postgres.close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_type_arrives_exactly, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_value_finds_its_row, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_columns_become_text_where_that_is_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_value_without_a_place_names_its_column, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numeric_follows_its_option, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_listing_tells_kinds_keys_comments_and_sizes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_the_configured_schemas_are_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_system_tables_cannot_be_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_odd_names_are_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_rows_are_counted_when_no_column_is_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_values_make_smaller_chunks, set_up, tear_down),
    };
    test_server_start(&server);
    test_run(&server, preparation);
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    test_server_stop(&server);
    return failures;
}
