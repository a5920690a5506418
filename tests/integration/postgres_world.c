/* The world of the tests of what PostgreSQL computes: a server, its tables, the same rows in the engine. */
#include "postgres_world.h"

#include "engine_truth.h"

struct test_server server;
tl_arena *arena;
tl_source *source;

static const char preparation[] =
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');"
    "CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
    "CREATE TABLE plain (id int, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, d4 numeric(4,1), d9 numeric(9,2),"
    " d15 numeric(15,3), w numeric(30,6), t text, g text COLLATE nocase, c char(4), e mood, k uuid, da date, ts timestamp, tz timestamptz,"
    " ti time, y bytea);"
    "INSERT INTO plain SELECT i, CASE WHEN i % 5 = 0 THEN NULL ELSE i % 3 = 0 END, CASE WHEN i % 7 = 0 THEN NULL ELSE i % 11 - 5 END,"
    " CASE WHEN i % 6 = 0 THEN NULL ELSE (i * 37) % 201 - 100 END, CASE WHEN i % 8 = 0 THEN NULL ELSE (i::int8 * 7919) % 4001 - 2000 END,"
    " (i % 13 - 6) / 4.0, CASE WHEN i % 9 = 0 THEN NULL ELSE (i % 21 - 10) / 2.0 END, (i % 19 - 9) / 2.0, (i * 131 % 2001 - 1000) / 100.0,"
    " (i * 977 % 20001 - 10000) / 1000.0, CASE WHEN i % 4 = 0 THEN NULL ELSE (i * 6367 % 200001 - 100000) / 64.0 END,"
    " (ARRAY['', 'a', 'A', 'Kelvin', 'kelvin \u212A', '\u0130i\u0131', '  blanks  ', E'\\ttab\\t', '\u00A0nbsp\u3000', 'stra\u00DFe', '\u00DCber \u00FCber',"
    "  'a%b_c', 'aaa', 'abcabc', '\U0001F600 emoji \U0001F600', 'e\u0301 combined', NULL, 'it''s', 'back\\slash', 'long text that is not inline'])[i % 20 + 1],"
    " (ARRAY['a', 'A', '\u00E4', '\u00C4', NULL, 'b ', 'B'])[i % 7 + 1], (ARRAY['', 'a', 'ab', 'abc', 'abcd', NULL, ' a', 'A'])[i % 8 + 1],"
    " (ARRAY['sad', 'ok', 'happy', NULL]::mood[])[i % 4 + 1], md5((i % 6)::text)::uuid,"
    " CASE WHEN i % 10 = 0 THEN NULL ELSE date '2023-12-28' + (i * 17) % 800 END,"
    " CASE WHEN i % 12 = 0 THEN NULL ELSE timestamp '1969-12-30 22:58:59.5' + (i * 123457) * interval '1 second' + i * interval '1 microsecond' END,"
    " timestamptz '2024-03-30 22:00+00' + i * interval '1 hour', time '00:00' + i * interval '17 minutes', decode(md5((i % 4)::text), 'hex')"
    " FROM generate_series(1, 120) i;"
    "CREATE TABLE edge (id int, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, d4 numeric(4,1), d9 numeric(9,2), d15 numeric(15,3),"
    " w numeric(38,10), t text, g text COLLATE nocase, c char(4), e mood, k uuid, da date, ts timestamp, tz timestamptz, ti time, y bytea);"
    "INSERT INTO edge VALUES"
    "(1, true, 32767, 2147483647, 9223372036854775807, 'NaN', 'NaN', 999.9, 9999999.99, 999999999999.999, 9999999999999999999999999999.9999999999,"
    " '', '', '', 'sad', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'infinity', 'infinity', 'infinity', '24:00', ''),"
    "(2, false, -32768, -2147483648, -9223372036854775808, 'Infinity', 'Infinity', -999.9, -9999999.99, -999999999999.999,"
    " -9999999999999999999999999999.9999999999, '\u212A\u0130', 'ss', 'ab', 'ok', '00000000-0000-0000-0000-000000000000',"
    " '-infinity', '-infinity', '-infinity', '00:00', '\\x00'),"
    "(3, NULL, 0, 0, 0, '-0', '-0', -0.1, -0.01, -0.001, -0.0000000001, NULL, NULL, NULL, NULL, NULL, '0044-03-15 BC', '0044-03-15 12:00 BC',"
    " '0044-03-15 12:00+00 BC', '23:59:59.999999', NULL),"
    "(4, NULL, 1, 1, 1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5, 'a', 'A', '   a', NULL, NULL, '0001-01-01', '0001-01-01', '0001-01-01 00:00+00', '12:00', '\\xff'),"
    "(5, true, -1, -1, -1, 1e38, 1e308, 0.05, 0.05, 1.5, 2.5, 'b', 'a', 'a', NULL, NULL, '9999-12-31', '9999-12-31 23:59:59.999999',"
    " '9999-12-31 23:59:59.999999+00', '12:00', NULL),"
    "(6, false, 2, 16777217, 9007199254740993, 1e-40, 1e-308, 2.5, 2.5, 2.5, -2.5, 'c', 'B', 'b', NULL, NULL, '2024-02-29', '2024-02-29 23:59:59.999999',"
    " '2024-02-29 23:59:59.999999+00', '12:00', NULL),"
    "(7, false, 3, 2, 2, 2.5, 2.5, -2.5, -2.5, -2.5, 3.4999999999, 'd', 'b', 'c', NULL, NULL,"
    " '20000-01-01', '20000-01-01 00:00:01', '20000-01-01 00:00+00', '12:00', NULL),"
    "(8, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);"
    "CREATE TABLE many AS SELECT i AS id, (i % 40)::int4 AS k, (hashint8(i) % 32768)::int2 AS i2, hashint8(i) AS i4,"
    " (hashint8(i)::int8 * 4294967296 + hashint8(-i)) / 3 AS i8, (hashint8(i) % 10000 / 10.0)::numeric(4,1) AS d4, (hashint8(i) / 100.0)::numeric(12,2) AS d12,"
    " (hashint8(i)::numeric * 1000000000 / 7)::numeric(30,6) AS w, (i % 64 / 8.0)::float8 AS f8, 'key ' || i % 9 AS t FROM generate_series(1, 1900) i";

struct table tables[] = {{.name = "plain"}, {.name = "edge"}, {.name = "many"}};

/* --- making expressions --- */

struct tl_expr *make(enum tl_expr_kind kind, size_t count, struct tl_expr *const *children)
{
    struct tl_expr *expr = TL_NEW(arena, struct tl_expr);
    *expr = (struct tl_expr){.kind = kind, .type = tl_type_simple(TL_TYPE_BOOLEAN), .child_count = count};
    expr->children = TL_NEW_ARRAY(arena, struct tl_expr *, count);
    for (size_t i = 0; i < count; i++)
        expr->children[i] = children[i];
    return expr;
}

struct tl_expr *col_of(const struct tl_source_dataset *dataset, int input, const char *name)
{
    for (size_t i = 0; i < dataset->column_count; i++) {
        if (!tl_streq(dataset->columns[i].name, name))
            continue;
        struct tl_expr *expr = make(TL_EXPR_COLUMN, 0, NULL);
        expr->type = dataset->columns[i].type;
        expr->input = input;
        expr->column = (int)i;
        return expr;
    }
    fail_msg("no column %s", name);
    return NULL;
}

struct tl_expr *col(const struct table *table, const char *name)
{
    return col_of(table->dataset, 0, name);
}

struct tl_expr *constant(struct tl_value value)
{
    struct tl_expr *expr = make(TL_EXPR_CONSTANT, 0, NULL);
    expr->type = value.type;
    expr->value = value;
    return expr;
}

struct tl_expr *whole(enum tl_type_id id, int64_t number)
{
    return constant((struct tl_value){.type = tl_type_simple(id), .as.int64 = number});
}

struct tl_expr *text(const char *bytes)
{
    return constant((struct tl_value){.type = tl_type_simple(TL_TYPE_VARCHAR), .as.text = tl_str_of(bytes)});
}

struct tl_expr *step(int32_t months, int32_t days, int64_t micros)
{
    struct tl_value value = {.type = tl_type_simple(TL_TYPE_INTERVAL)};
    value.as.interval.months = months;
    value.as.interval.days = days;
    value.as.interval.micros = micros;
    return constant(value);
}

struct tl_expr *null_of(struct tl_type type)
{
    return constant((struct tl_value){.type = type, .is_null = true});
}

const char *print(const struct tl_expr *expr, const struct tl_source_dataset *const *inputs)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    truth_print(&sql, expr, inputs);
    const char *copy = tl_arena_strdup(arena, tl_buf_cstr(&sql));
    assert_false(sql.failed);
    tl_buf_done(&sql);
    return copy;
}

const char *print_of(const struct table *table, const struct tl_expr *expr)
{
    const struct tl_source_dataset *input = table->dataset;
    return print(expr, &input);
}

/* The type that the engine gives it; NULL: the engine has no such function. */
struct tl_expr *typed(const struct table *table, struct tl_expr *expr)
{
    return truth_type(print_of(table, expr), tl_arena_printf(arena, "%s i0", table->name), &expr->type) ? expr : NULL;
}

struct tl_expr *call(const struct table *table, const char *function, size_t count, struct tl_expr *const *children)
{
    struct tl_expr *expr = make(TL_EXPR_FUNCTION, count, children);
    expr->function = function;
    return typed(table, expr);
}

/* --- computing them --- */

struct tl_source_dataset *derive(const struct tl_derivation *said, const char **reason)
{
    struct tl_source_dataset *dataset = NULL;
    struct tl_derivation *copy = TL_NEW(arena, struct tl_derivation);
    *copy = *said;
    *reason = NULL;
    bool can = tl_source_driver_postgres.derive(source, copy, arena, &dataset, reason);
    assert_true(can == (*reason == NULL) && can == (dataset != NULL));
    return dataset;
}

struct tl_source_dataset *project(const struct table *table, size_t count, const struct tl_expr *const *outputs, const char **reason)
{
    struct tl_derivation_input input = {.dataset = table->dataset};
    struct tl_derivation_input *inputs = TL_NEW(arena, struct tl_derivation_input);
    *inputs = input;
    return derive(&(struct tl_derivation){.input_count = 1, .inputs = inputs, .output_count = count, .outputs = outputs}, reason);
}

enum tl_code read_all(const struct tl_scan_request *request, struct tl_chunk **ret_chunk, const char **ret_sql, struct tl_err *err)
{
    const struct tl_source_driver *driver = &tl_source_driver_postgres;
    struct tl_chunk *chunk = test_chunk(arena, request);
    tl_scan *scan;
    tl_scan_part *part = NULL;
    struct tl_scan_stats stats;
    int parts;
    tl_err_init(err);
    enum tl_code code = driver->scan_open(source, request, 1, NULL, arena, &scan, &parts, err);
    if (code != TL_OK)
        return code;
    code = driver->part_open(scan, NULL, &part, err);
    if (code == TL_OK)
        code = driver->part_next(part, chunk, NULL, err);
    if (part)
        driver->part_close(part);
    driver->scan_close(scan, &stats);
    *ret_chunk = chunk;
    if (ret_sql)
        *ret_sql = stats.text;
    return code;
}

/* The dataset's rows become the engine's table "got", columns v0, v1 .. */
enum tl_code load_got(const struct tl_source_dataset *dataset, struct tl_err *err)
{
    struct tl_scan_request request = {.dataset = dataset, .column_count = dataset->column_count,
                                      .columns = test_all_columns(arena, dataset), .limit = -1};
    struct tl_chunk *chunk;
    enum tl_code code = read_all(&request, &chunk, NULL, err);
    if (code != TL_OK)
        return code;
    const char **names = TL_NEW_ARRAY(arena, const char *, dataset->column_count);
    const struct tl_type **types = TL_NEW_ARRAY(arena, const struct tl_type *, dataset->column_count);
    for (size_t i = 0; i < dataset->column_count; i++) {
        names[i] = tl_arena_printf(arena, "v%zu", i);
        types[i] = &dataset->columns[i].type;
    }
    truth_load("got", names, types, chunk);
    return TL_OK;
}

/* --- the tables, read once and copied --- */

static void read_table(struct table *table)
{
    table->dataset = test_describe(source, arena, "public", table->name);
    struct tl_scan_request request = {.dataset = table->dataset, .column_count = table->dataset->column_count,
                                      .columns = test_all_columns(arena, table->dataset), .limit = -1};
    struct tl_err err;
    if (read_all(&request, &table->rows, NULL, &err) != TL_OK)
        fail_msg("%s %s", err.message, err.detail);
    const char **names = TL_NEW_ARRAY(arena, const char *, table->dataset->column_count);
    const struct tl_type **types = TL_NEW_ARRAY(arena, const struct tl_type *, table->dataset->column_count);
    for (size_t i = 0; i < table->dataset->column_count; i++) {
        names[i] = table->dataset->columns[i].name;
        types[i] = &table->dataset->columns[i].type;
    }
    truth_load(table->name, names, types, table->rows);
}

int world_set_up(void **state)
{
    (void)state;
    arena = tl_arena_new(TEST_ARENA_BYTES);
    test_run(&server, preparation);
    source = test_open(&server, NULL);
    truth_open();
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        read_table(&tables[i]);
    return 0;
}

int world_tear_down(void **state)
{
    (void)state;
    truth_close();
    tl_source_driver_postgres.close(source);
    arena = tl_arena_free(arena);
    return 0;
}

