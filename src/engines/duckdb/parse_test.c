/* Parsing against the engine's own json_serialize_sql, and the forms of the statements that it cannot say. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engines/duckdb/hooks.h"

enum { JSON_BYTES_MAX = 256 * 1024 * 1024 };

static const char *const selects[] = {
    "SELECT 1",
    "FROM t",
    "FROM t SELECT a, b",
    "SELECT * FROM t",
    "SELECT t.* EXCLUDE (a) REPLACE (b + 1 AS b) RENAME (c AS d) FROM cat.sch.t AS t",
    "SELECT COLUMNS('a.*'), COLUMNS(c -> c LIKE 'x%'), *COLUMNS(*) FROM t",
    "SELECT a, \"b c\", t.d, s.t.e, c.s.t.f.g FROM c.s.t",
    "SELECT 1, 1.5, 1e10, 1.5e-7, 123456789012345678901234567890, 170141183460469231731687303715884105727, 42., -1, +2",
    "SELECT 340282366920938463463374607431768211455, 0x7f, 0b101, 1_000, 18446744073709551615",
    "SELECT NULL, TRUE, FALSE, 'it''s', E'a\\nb\\x41', $$dollar$$, $x$ta'g$x$, X'00ff', '\u00e4\u00f6\u00fc \u4f60', '\\x00'::BLOB",
    "SELECT DATE '2020-01-01', TIMESTAMP '2020-01-01 00:00:00', TIME '12:00', INTERVAL '1 day', INTERVAL 3 DAYS, INTERVAL (a) MONTH",
    "SELECT a::INTEGER, CAST(b AS DECIMAL(12,2)), TRY_CAST(c AS VARCHAR(10)), d::INT[], e::INT[3], f::STRUCT(a INT, b VARCHAR)[]",
    "SELECT g::MAP(VARCHAR, INTEGER), h::UNION(n INT, s VARCHAR), i::ENUM('a', 'b'), j::my_type, k::s.my_type, l::TIMESTAMPTZ",
    "SELECT a = 1, a <> 2, a != 3, a < 4, a <= 5, a > 6, a >= 7, a IS DISTINCT FROM b, a IS NOT DISTINCT FROM b",
    "SELECT a AND b OR NOT c, a IS NULL, b IS NOT NULL, c IS TRUE, d IS NOT FALSE, e ISNULL, f NOTNULL",
    "SELECT a BETWEEN 1 AND 2, b NOT BETWEEN 3 AND 4, c IN (1, 2), d NOT IN (3), e IN (SELECT 1), f NOT IN (SELECT 2)",
    "SELECT a LIKE 'x%', b NOT LIKE 'y', c ILIKE 'z', d SIMILAR TO 'q', e GLOB '*', f LIKE 'a!%' ESCAPE '!', g ~ 'r', h !~ 's'",
    "SELECT a + b - c * d / e % f ^ g, a // b, a || b, ~a, a & b | c, a << 1, a >> 2, -a, @a, a ** 2, a <=> b",
    "SELECT CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END, CASE x WHEN 1 THEN 'a' END, IF(a, 1, 2), COALESCE(a, b), NULLIF(a, 1)",
    "SELECT count(*), count(DISTINCT a), sum(b ORDER BY c DESC NULLS LAST), list(a) FILTER (WHERE a > 1), string_agg(a, ',' ORDER BY b)",
    "SELECT quantile_cont(a, 0.5), percentile_cont(0.5) WITHIN GROUP (ORDER BY a DESC), first(a IGNORE NULLS) OVER () FROM t",
    "SELECT row_number() OVER (), rank() OVER (PARTITION BY a, b ORDER BY c DESC), sum(x) OVER w FROM t WINDOW w AS (PARTITION BY a)",
    "SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW), lag(a, 1, 0) OVER (ORDER BY b) FROM t",
    "SELECT sum(a) OVER (ORDER BY b RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM t",
    "SELECT sum(a) OVER (ORDER BY b GROUPS BETWEEN (SELECT 1) PRECEDING AND CURRENT ROW), nth_value(a, 2) OVER w2 FROM t WINDOW w2 AS (ORDER BY a)",
    "SELECT [1, 2, 3], [x * 2 FOR x IN l IF x > 1], l[1], l[1:2], l[-1:], l[:2:1], {'a': 1, 'b': [2]}, MAP {'k': 1}, s.f, s['f'], (1, 2), ROW(1)",
    "SELECT list_transform(l, lambda x: x + 1), list_reduce(l, lambda a, b: a + b), l.list_filter(x -> x > y), list_transform(l, (x, i) -> x + i)",
    "SELECT a.b.c, struct_extract(a, 'b'), a -> '$.b', a ->> 'c', unnest(l), generate_series(1, 3), a.upper().lower()",
    "SELECT (SELECT max(a) FROM u WHERE u.id = t.id), EXISTS (SELECT 1 FROM v), NOT EXISTS (FROM v), ARRAY(SELECT a FROM w) FROM t",
    "SELECT a > ANY (SELECT b FROM t), a <= ALL (SELECT b FROM t), a = SOME (SELECT 1), 1 = ANY([1, 2])",
    "SELECT extract(year FROM d), substring(a FROM 1 FOR 2), position('a' IN b), trim(BOTH 'x' FROM a), overlay('a' PLACING 'b' FROM 1)",
    "SELECT a COLLATE NOCASE, a AT TIME ZONE 'UTC', current_date, current_timestamp, x'41', $1, $2::INT, ?::VARCHAR, #1",
    "SELECT $name, getvariable('x'), try(a / 0), GROUPING(a), GROUPING_ID(a, b) FROM t GROUP BY a, b",
    "SELECT DISTINCT a, b FROM t",
    "SELECT DISTINCT ON (a, b + 1) c FROM t ORDER BY a, b + 1, c DESC",
    "SELECT a, sum(b) FROM t WHERE c > 1 GROUP BY a HAVING sum(b) > 2 QUALIFY row_number() OVER (PARTITION BY a ORDER BY b) = 1",
    "SELECT a, b, sum(c) FROM t GROUP BY ROLLUP (a, b)",
    "SELECT a, b, sum(c) FROM t GROUP BY CUBE (a, b), GROUPING SETS ((a), (b), ())",
    "SELECT a, sum(c) FROM t GROUP BY ALL ORDER BY ALL DESC NULLS FIRST",
    "SELECT a FROM t ORDER BY a ASC NULLS FIRST, 2 DESC, b + c LIMIT 10 OFFSET 5",
    "SELECT a FROM t LIMIT (SELECT max(n) FROM u) OFFSET (SELECT 1)",
    "SELECT a FROM t LIMIT 10%",
    "SELECT a FROM t FETCH FIRST 3 ROWS ONLY",
    "SELECT a FROM t USING SAMPLE 10%",
    "SELECT a FROM t TABLESAMPLE reservoir(20 ROWS) REPEATABLE (42), u TABLESAMPLE system(10 PERCENT)",
    "SELECT * FROM a, b AS x (c, d), LATERAL (SELECT x.c + 1) AS l, (SELECT 1) s (z)",
    "SELECT * FROM a JOIN b ON a.i = b.i LEFT JOIN c USING (i, j) RIGHT OUTER JOIN d ON TRUE FULL JOIN e ON e.x = d.x CROSS JOIN f NATURAL JOIN g",
    "SELECT * FROM a SEMI JOIN b ON a.i = b.i ANTI JOIN c USING (i) POSITIONAL JOIN d",
    "SELECT * FROM a ASOF JOIN b ON a.i = b.i AND a.t >= b.t ASOF LEFT JOIN c USING (k, t)",
    "SELECT * FROM (a JOIN b USING (i)) JOIN LATERAL (SELECT * FROM c WHERE c.i = a.i LIMIT 1) l ON TRUE",
    "SELECT * FROM range(10) r (i), generate_series(1, 3) WITH ORDINALITY AS g (v, o), read_csv('f.csv', header = true, columns = {'a': 'INT'})",
    "SELECT * FROM unnest([1, 2]) u (x), s.f(1, (SELECT 2)), query('SELECT 1'), query_table(['a', 'b'])",
    "SELECT * FROM 'file.parquet', \"other.csv\"",
    "SELECT * FROM VALUES (1, 'a'), (2, 'b') v (i, s)",
    "VALUES (1, 2), (3, DEFAULT)",
    "TABLE t",
    "SELECT * FROM t AT (VERSION => 3), u AT (TIMESTAMP => TIMESTAMP '2020-01-01')",
    "WITH a AS (SELECT 1 AS x), b (y, z) AS MATERIALIZED (SELECT x, 2 FROM a), c AS NOT MATERIALIZED (FROM b) SELECT * FROM a, b, c",
    "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r",
    "WITH RECURSIVE r (n, m) USING KEY (n) AS (SELECT 1, 2 UNION SELECT n + 1, m FROM recurring.r) FROM r",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION SELECT n + 1 FROM r WHERE n < (SELECT 4)) SELECT (WITH i AS (SELECT 1) SELECT * FROM i), * FROM r",
    "SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM x) AS s",
    "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 EXCEPT SELECT 4 INTERSECT ALL SELECT 5",
    "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 ORDER BY 1 LIMIT 3",
    "(SELECT 1 LIMIT 1) UNION BY NAME (SELECT 2 AS b ORDER BY 1) UNION ALL BY NAME SELECT 3",
    "PIVOT t ON year IN (2000, 2010) USING sum(population) AS total, max(x) GROUP BY country",
    "FROM t PIVOT (sum(a) AS s FOR y IN (1, 2 AS two) z IN ('a') GROUP BY c) AS p (q, r)",
    "SELECT * FROM (PIVOT (SELECT * FROM t) ON y IN ('a', 'b') USING first(x))",
    "UNPIVOT t ON a, b, (c, d) AS cd INTO NAME n VALUE v",
    "FROM t UNPIVOT INCLUDE NULLS (v FOR n IN (a, b AS bb, COLUMNS('c.*')))",
    "DESCRIBE t",
    "DESCRIBE SELECT a FROM t",
    "SUMMARIZE t",
    "SUMMARIZE SELECT * FROM t",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SELECT * FROM (DESCRIBE t), (SHOW TABLES), (SUMMARIZE u)",
    "SELECT a /* comment */ FROM t -- rest\n WHERE b = 1",
    "/* first */ SELECT\ta\r\nFROM\n\nt",
    "SELECT '\u00e4\u00f6\u00fc', t.\u00e4 FROM \"\u00fc ber\".t WHERE \u4f60 = '\u597d'",
    /* TPC-H 2, 13, 15, 20, 21: what its 22 statements are made of */
    "select s_acctbal, s_name, n_name, p_partkey from part, supplier, partsupp, nation, region where p_partkey = ps_partkey and s_suppkey = "
    "ps_suppkey and p_size = 15 and p_type like '%BRASS' and r_name = 'EUROPE' and ps_supplycost = (select min(ps_supplycost) from partsupp, "
    "supplier where p_partkey = ps_partkey and s_suppkey = ps_suppkey) order by s_acctbal desc, n_name, s_name, p_partkey limit 100",
    "select c_count, count(*) as custdist from (select c_custkey, count(o_orderkey) from customer left outer join orders on c_custkey = "
    "o_custkey and o_comment not like '%special%requests%' group by c_custkey) as c_orders (c_custkey, c_count) group by c_count order by "
    "custdist desc, c_count desc",
    "with revenue as (select l_suppkey as supplier_no, sum(l_extendedprice * (1 - l_discount)) as total_revenue from lineitem where l_shipdate "
    ">= date '1996-01-01' and l_shipdate < date '1996-01-01' + interval '3' month group by l_suppkey) select s_suppkey, total_revenue from "
    "supplier, revenue where s_suppkey = supplier_no and total_revenue = (select max(total_revenue) from revenue) order by s_suppkey",
    "select s_name from supplier where s_suppkey in (select ps_suppkey from partsupp where ps_partkey in (select p_partkey from part where "
    "p_name like 'forest%') and ps_availqty > (select 0.5 * sum(l_quantity) from lineitem where l_partkey = ps_partkey))",
    "select s_name, count(*) as numwait from supplier, lineitem l1 where exists (select * from lineitem l2 where l2.l_orderkey = l1.l_orderkey "
    "and l2.l_suppkey <> l1.l_suppkey) and not exists (select * from lineitem l3 where l3.l_receiptdate > l3.l_commitdate) group by s_name",
};

static duckdb_database database;
static duckdb_connection connection;

static int open_engine(void **state)
{
    (void)state;
    return duckdb_open(NULL, &database) == DuckDBSuccess && duckdb_connect(database, &connection) == DuckDBSuccess ? 0 : -1;
}

static int close_engine(void **state)
{
    (void)state;
    duckdb_disconnect(&connection);
    duckdb_close(&database);
    return 0;
}

/* The text in column `column` of the only row. */
static char *cell(duckdb_data_chunk chunk, idx_t column)
{
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk, column);
    uint64_t *validity = duckdb_vector_get_validity(vector);
    if (validity && !duckdb_validity_row_is_valid(validity, 0))
        return strdup("(null)");
    duckdb_string_t *text = duckdb_vector_get_data(vector);
    return strndup(duckdb_string_t_data(text), duckdb_string_t_length(*text));
}

/* One row of two texts, with $1 and $2 bound. */
static void two_texts(const char *query, const char *first, const char *second, char *ret_cells[2])
{
    duckdb_prepared_statement statement;
    duckdb_result result;
    assert_int_equal(duckdb_prepare(connection, query, &statement), DuckDBSuccess);
    duckdb_bind_varchar(statement, 1, first);
    duckdb_bind_varchar(statement, 2, second);
    if (duckdb_execute_prepared(statement, &result) != DuckDBSuccess)
        fail_msg("%s: %s", first, duckdb_result_error(&result));
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    ret_cells[0] = cell(chunk, 0);
    ret_cells[1] = cell(chunk, 1);
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    duckdb_destroy_prepare(&statement);
}

static char *parsed(const char *sql)
{
    struct tl_buf json;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&json, JSON_BYTES_MAX);
    if (tl_hooks_parse(sql, strlen(sql), &json, &err) != TL_OK)
        fail_msg("%s: %s", sql, err.message);
    char *copy = strdup(tl_buf_cstr(&json));
    tl_buf_done(&json);
    return copy;
}

static struct tl_err refused(const char *sql, size_t size)
{
    struct tl_buf json;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&json, JSON_BYTES_MAX);
    if (tl_hooks_parse(sql, size, &json, &err) == TL_OK)
        fail_msg("was parsed: %.200s", sql);
    tl_buf_done(&json);
    return err;
}

static void test_selects_are_written_as_the_engine_writes_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(selects) / sizeof(selects[0]); i++) {
        char *json = parsed(selects[i]), *cells[2];
        two_texts("SELECT (json_serialize_sql($1::VARCHAR)->'$.statements[0].node')::VARCHAR, "
                  "($2::JSON->'$.statements[0].node')::VARCHAR", selects[i], json, cells);
        if (strcmp(cells[0], cells[1]) != 0 || strlen(cells[0]) < 20)
            fail_msg("%s\n engine: %s\n ours:   %s", selects[i], cells[0], cells[1]);
        free(json);
        free(cells[0]);
        free(cells[1]);
    }
}

/* sql -> JSON path -> value that must be there */
struct form {
    const char *sql, *path, *value;
};

static const struct form forms[] = {
    {"", "$.statements", "[]"},
    {" ; ;; -- nothing", "$.statements", "[]"},
    {"SELECT 1; SELECT 2; DROP TABLE x", "$.statements[*].kind", "[\"SELECT\", \"SELECT\", \"DROP\"]"},
    {"EXPLAIN SELECT a FROM t", "$.statements[0].kind", "\"EXPLAIN\""},
    {"EXPLAIN SELECT a FROM t", "$.statements[0].analyze", "false"},
    {"EXPLAIN ANALYZE SELECT a FROM t", "$.statements[0].analyze", "true"},
    {"EXPLAIN (FORMAT json) SELECT a FROM t", "$.statements[0].format", "\"JSON\""},
    {"EXPLAIN SELECT a FROM t", "$.statements[0].statement.node.from_table.table_name", "\"t\""},
    {"EXPLAIN INSERT INTO t SELECT 1", "$.statements[0].statement.target.name", "\"t\""},
    {"INSERT INTO c.s.t (a, b) SELECT x, y FROM u", "$.statements[0].target", "{\"catalog\":\"c\",\"schema\":\"s\",\"name\":\"t\"}"},
    {"INSERT INTO t (a, b) SELECT x, y FROM u", "$.statements[0].columns", "[\"a\",\"b\"]"},
    {"INSERT INTO t SELECT x FROM u", "$.statements[0].query.node.from_table.query_location", "28"},
    {"INSERT INTO t SELECT x FROM u", "$.statements[0].query.kind", "\"SELECT\""},
    {"INSERT INTO t VALUES (1), (f(2))", "$.statements[0].query.node.from_table.values[1][0].function_name", "\"f\""},
    {"INSERT INTO t DEFAULT VALUES", "$.statements[0].default_values", "true"},
    {"INSERT INTO t DEFAULT VALUES", "$.statements[0].query", "null"},
    {"INSERT INTO t BY NAME SELECT 1 AS a", "$.statements[0].by_name", "true"},
    {"INSERT INTO t SELECT 1 RETURNING f(a)", "$.statements[0].returning[0].function_name", "\"f\""},
    {"INSERT INTO t VALUES (1)", "$.statements[0].on_conflict", "false"},
    {"INSERT OR REPLACE INTO t VALUES (1)", "$.statements[0].on_conflict", "true"},
    {"INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "$.statements[0].on_conflict", "true"},
    {"WITH q AS (SELECT 1 AS x) INSERT INTO t SELECT x FROM q", "$.statements[0].ctes.map[0].key", "\"q\""},
    {"UPDATE s.t AS z SET a = 1, b = f(c) FROM u WHERE z.i = u.i RETURNING a", "$.statements[0].target.table_name", "\"t\""},
    {"UPDATE s.t AS z SET a = 1, b = f(c) FROM u WHERE z.i = u.i", "$.statements[0].target.query_location", "7"},
    {"UPDATE t SET a = 1, b = f(c) FROM u WHERE t.i = u.i", "$.statements[0].from.table_name", "\"u\""},
    {"UPDATE t SET a = 1, b = f(c)", "$.statements[0].columns", "[\"a\",\"b\"]"},
    {"UPDATE t SET a = 1, b = f(c)", "$.statements[0].expressions[1].function_name", "\"f\""},
    {"UPDATE t SET a = 1", "$.statements[0].condition", "null"},
    {"UPDATE t SET a = 1 WHERE b = 2", "$.statements[0].condition.type", "\"COMPARE_EQUAL\""},
    {"DELETE FROM t WHERE a IN (SELECT b FROM u)", "$.statements[0].condition.class", "\"SUBQUERY\""},
    {"DELETE FROM c.s.t", "$.statements[0].target.query_location", "12"},
    {"DELETE FROM t", "$.statements[0].truncate", "false"},
    {"DELETE FROM t USING u, v WHERE t.i = u.i", "$.statements[0].using[*].table_name", "[\"u\", \"v\"]"},
    {"WITH q AS (SELECT 1) DELETE FROM t WHERE a IN (FROM q) RETURNING *", "$.statements[0].ctes.map[0].key", "\"q\""},
    {"TRUNCATE t", "$.statements[0].kind", "\"DELETE\""},
    {"TRUNCATE t", "$.statements[0].truncate", "true"},
    {"/* x */ truncate TABLE t", "$.statements[0].truncate", "true"},
    {"SELECT 1; TRUNCATE TABLE t", "$.statements[1].truncate", "true"},
    {"MERGE INTO t USING u ON t.i = u.i WHEN MATCHED AND u.x > 1 THEN UPDATE SET a = u.a WHEN MATCHED THEN DELETE "
     "WHEN NOT MATCHED THEN INSERT (i, a) VALUES (u.i, f(u.a)) WHEN NOT MATCHED BY SOURCE THEN DELETE",
     "$.statements[0].actions[*].action", "[\"MERGE_UPDATE\", \"MERGE_DELETE\", \"MERGE_DELETE\", \"MERGE_INSERT\"]"},
    {"MERGE INTO t USING u ON t.i = u.i WHEN MATCHED THEN UPDATE SET a = u.a WHEN NOT MATCHED THEN INSERT (i, a) VALUES (u.i, f(u.a))",
     "$.statements[0].actions[1].expressions[1].function_name", "\"f\""},
    {"MERGE INTO s.t USING (SELECT 1 AS i) u USING (i) WHEN MATCHED THEN DO NOTHING", "$.statements[0].using_columns", "[\"i\"]"},
    {"MERGE INTO s.t USING u ON TRUE WHEN MATCHED THEN DELETE", "$.statements[0].target.query_location", "11"},
    {"MERGE INTO t USING u ON TRUE WHEN MATCHED THEN DELETE", "$.statements[0].source.table_name", "\"u\""},
    {"MERGE INTO t USING u ON TRUE WHEN MATCHED AND u.x > 1 THEN DELETE", "$.statements[0].actions[0].condition.class", "\"COMPARISON\""},
    {"MERGE INTO t USING u ON TRUE WHEN NOT MATCHED BY SOURCE THEN DELETE", "$.statements[0].actions[0].when", "\"WHEN_NOT_MATCHED_BY_SOURCE\""},
    {"CREATE TABLE c.s.t (a INTEGER NOT NULL, b DECIMAL(12,2) DEFAULT f(1), c INT GENERATED ALWAYS AS (a + 1), CHECK (a > 0), PRIMARY KEY (a))",
     "$.statements[0].kind", "\"CREATE_TABLE\""},
    {"CREATE TABLE t (a INTEGER NOT NULL, b DECIMAL(12,2) DEFAULT f(1))", "$.statements[0].columns[0]",
     "{\"name\":\"a\",\"type\":\"INTEGER\",\"not_null\":true,\"default\":null,\"generated\":false}"},
    {"CREATE TABLE t (a INTEGER, b DECIMAL(12,2) DEFAULT f(1))", "$.statements[0].columns[1].default.function_name", "\"f\""},
    {"CREATE TABLE t (a INTEGER, b DECIMAL(12,2) DEFAULT f(1))", "$.statements[0].columns[1].type", "\"DECIMAL(12, 2)\""},
    {"CREATE TABLE t (a INT, c INT GENERATED ALWAYS AS (a + 1))", "$.statements[0].columns[1].generated", "true"},
    {"CREATE TABLE t (a INT, CHECK (a > 0), PRIMARY KEY (a))", "$.statements[0].constraints", "[\"CHECK((a > 0))\",\"PRIMARY KEY(a)\"]"},
    {"CREATE TABLE t AS SELECT a FROM u", "$.statements[0].query.node.from_table.query_location", "32"},
    {"CREATE OR REPLACE TABLE t (a INT)", "$.statements[0].or_replace", "true"},
    {"CREATE TABLE IF NOT EXISTS t (a INT)", "$.statements[0].if_not_exists", "true"},
    {"CREATE TEMP TABLE t (a INT)", "$.statements[0].temporary", "true"},
    {"CREATE TABLE t (a INT, d DATE) PARTITIONED BY (month(d), a)", "$.statements[0].partition_by[0].function_name", "\"month\""},
    {"CREATE TABLE t (a INT) WITH ('format-version' = 2)", "$.statements[0].options.\"format-version\".value.value", "2"},
    {"CREATE SCHEMA IF NOT EXISTS c.s", "$.statements[0].target", "{\"catalog\":\"c\",\"schema\":\"\",\"name\":\"s\"}"},
    {"CREATE SCHEMA s", "$.statements[0].kind", "\"CREATE_SCHEMA\""},
    {"CREATE OR REPLACE VIEW s.v (x) AS SELECT a FROM t", "$.statements[0].aliases", "[\"x\"]"},
    {"CREATE VIEW v AS SELECT a FROM t", "$.statements[0].query.node.from_table.table_name", "\"t\""},
    {"DROP TABLE IF EXISTS c.s.t CASCADE", "$.statements[0]",
     "{\"kind\":\"DROP\",\"type\":\"TABLE\",\"target\":{\"catalog\":\"c\",\"schema\":\"s\",\"name\":\"t\"},\"if_exists\":true,\"cascade\":true}"},
    {"DROP VIEW v", "$.statements[0].type", "\"VIEW\""},
    {"DROP SCHEMA s", "$.statements[0].type", "\"SCHEMA\""},
    {"DROP SECRET s", "$.statements[0].type", "\"SECRET\""},
    {"ALTER TABLE s.t ADD COLUMN a INTEGER DEFAULT 1", "$.statements[0].action", "\"ADD_COLUMN\""},
    {"ALTER TABLE s.t ADD COLUMN a INTEGER DEFAULT 1", "$.statements[0].expressions[0].class", "\"CONSTANT\""},
    {"ALTER TABLE s.t ADD COLUMN a INTEGER DEFAULT f(1)", "$.statements", "[{\"kind\":\"MULTI\"}]"},
    {"ALTER TABLE s.t ADD COLUMN a INTEGER", "$.statements[0].column_type", "\"INTEGER\""},
    {"ALTER TABLE t RENAME COLUMN a TO b", "$.statements[0].new_name", "\"b\""},
    {"ALTER TABLE t RENAME TO u", "$.statements[0].action", "\"RENAME_TABLE\""},
    {"ALTER TABLE t RENAME TO u", "$.statements[0].new_name", "\"u\""},
    {"ALTER TABLE t DROP COLUMN a", "$.statements[0].column", "\"a\""},
    {"ALTER TABLE t ALTER a SET NOT NULL", "$.statements[0].column", "\"a\""},
    {"ALTER TABLE t ALTER a DROP NOT NULL", "$.statements[0].action", "\"DROP_NOT_NULL\""},
    {"ALTER TABLE t ALTER a TYPE BIGINT USING f(a)", "$.statements[0].expressions[0].function_name", "\"f\""},
    {"ALTER TABLE t ALTER a SET DEFAULT f(1)", "$.statements[0].expressions[0].function_name", "\"f\""},
    {"ALTER TABLE t ALTER a DROP DEFAULT", "$.statements[0].expressions", "[null]"},
    {"ALTER TABLE t SET PARTITIONED BY (bucket(4, a))", "$.statements[0].expressions[0].function_name", "\"bucket\""},
    {"ALTER TABLE t ADD PRIMARY KEY (a)", "$.statements[0].constraint", "\"PRIMARY KEY(a)\""},
    {"ALTER TABLE t ADD COLUMN s.x INTEGER", "$.statements[0].column", "\"s.x\""},
    {"ALTER VIEW v RENAME TO w", "$.statements[0].type", "\"ALTER_VIEW\""},
    {"COMMENT ON TABLE t IS 'x'", "$.statements[0].type", "\"SET_COMMENT\""},
    {"PIVOT t ON y USING sum(a)", "$.statements", "[{\"kind\":\"MULTI\"}]"},
    {"SELECT * FROM (PIVOT t ON y USING sum(a))", "$.statements", "[{\"kind\":\"MULTI\"}]"},
    {"SET threads = 1", "$.statements", "[{\"kind\":\"SET\"}]"},
    {"RESET threads", "$.statements", "[{\"kind\":\"SET\"}]"},
    {"SET VARIABLE x = 1", "$.statements", "[{\"kind\":\"SET\"}]"},
    {"USE x", "$.statements", "[{\"kind\":\"SET\"}]"},
    {"ATTACH 'x.db'", "$.statements", "[{\"kind\":\"ATTACH\"}]"},
    {"DETACH x", "$.statements", "[{\"kind\":\"DETACH\"}]"},
    {"COPY t TO 'x.csv'", "$.statements", "[{\"kind\":\"COPY\"}]"},
    {"COPY FROM DATABASE a TO b", "$.statements", "[{\"kind\":\"PRAGMA\"}]"},
    {"EXPORT DATABASE 'x'", "$.statements", "[{\"kind\":\"EXPORT\"}]"},
    {"PREPARE p AS SELECT 1", "$.statements", "[{\"kind\":\"PREPARE\"}]"},
    {"EXECUTE p", "$.statements", "[{\"kind\":\"EXECUTE\"}]"},
    {"DEALLOCATE p", "$.statements", "[{\"kind\":\"DROP\",\"type\":\"PREPARED_STATEMENT\",\"target\":"
     "{\"catalog\":\"\",\"schema\":\"\",\"name\":\"p\"},\"if_exists\":false,\"cascade\":false}]"},
    {"PRAGMA enable_profiling", "$.statements", "[{\"kind\":\"PRAGMA\"}]"},
    {"CALL f(1)", "$.statements", "[{\"kind\":\"CALL\"}]"},
    {"LOAD httpfs", "$.statements", "[{\"kind\":\"LOAD\"}]"},
    {"INSTALL httpfs", "$.statements", "[{\"kind\":\"LOAD\"}]"},
    {"VACUUM", "$.statements", "[{\"kind\":\"VACUUM\"}]"},
    {"CHECKPOINT", "$.statements", "[{\"kind\":\"CALL\"}]"},
    {"BEGIN; COMMIT", "$.statements", "[{\"kind\":\"TRANSACTION\"},{\"kind\":\"TRANSACTION\"}]"},
    {"CREATE MACRO f(x) AS x + 1", "$.statements", "[{\"kind\":\"CREATE_MACRO\"}]"},
    {"CREATE FUNCTION f(x) AS TABLE SELECT 1", "$.statements", "[{\"kind\":\"CREATE_TABLE_MACRO\"}]"},
    {"CREATE INDEX i ON t (a)", "$.statements", "[{\"kind\":\"CREATE_INDEX\"}]"},
    {"CREATE SEQUENCE s", "$.statements", "[{\"kind\":\"CREATE_SEQUENCE\"}]"},
    {"CREATE TYPE e AS ENUM ('a')", "$.statements", "[{\"kind\":\"CREATE_TYPE\"}]"},
    {"CREATE SECRET s (TYPE s3)", "$.statements", "[{\"kind\":\"CREATE_SECRET\"}]"},
};

static void test_each_statement_has_its_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char *json = parsed(forms[i].sql), *cells[2];
        two_texts("SELECT (json_extract($1::JSON, $2))::VARCHAR, '' ", json, forms[i].path, cells);
        if (strcmp(cells[0], forms[i].value) != 0)
            fail_msg("%s\n %s\n wanted: %s\n found:  %s\n in:     %s", forms[i].sql, forms[i].path, forms[i].value, cells[0], json);
        free(json);
        free(cells[0]);
        free(cells[1]);
    }
}

static void test_infinity_is_written_as_text(void **state)
{
    (void)state;
    char *json = parsed("SELECT 1e400");
    assert_non_null(strstr(json, "\"value\":\"Infinity\""));
    free(json);
}

static void test_syntax_errors_have_a_byte_position(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int64_t position;
    } cases[] = {
        {"SELEC 1", 0},
        {"SELECT 1 FROM FROM t", 14},
        {"SELECT '\u00e4\u00f6\u00fc' FROM FROM t", 21},
        {"SELECT 1;\nSELECT ) 2", 17},
        {"SELECT\u00a0'\u4f60'\u2003FROM\u00a0FROM t", 22},
        {"SELECT 'open", 7},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct tl_err err = refused(cases[i].sql, strlen(cases[i].sql));
        assert_int_equal(err.code, TL_SYNTAX);
        if (err.position != cases[i].position)
            fail_msg("%s: position %lld, wanted %lld", cases[i].sql, (long long)err.position, (long long)cases[i].position);
        assert_null(strstr(err.message, "Error"));
        assert_null(strstr(err.message, "LINE"));
    }
}

static void test_positions_hold_behind_unicode_spaces(void **state)
{
    (void)state;
    const char *sql = "SELECT\u00a0a\u2003FROM\u3000s.t, \u00a0\u00a0u /*\u00a0*/ JOIN\u00a0w ON '\u00a0' = w.x";
    char *json = parsed(sql);
    static const char *const names[] = {"s.t", "u /*", "w ON", "w.x"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "\"query_location\":%zu,", (size_t)(strstr(sql, names[i]) - sql));
        if (!strstr(json, wanted))
            fail_msg("%s: no %s in %s", names[i], wanted, json);
    }
    free(json);
}

static void test_bad_encodings_are_refused(void **state)
{
    (void)state;
    assert_int_equal(refused("SELECT 1\0; DROP TABLE t", 23).code, TL_BAD_ENCODING);
    assert_int_equal(refused("SELECT '\xff'", 10).code, TL_BAD_ENCODING);
    assert_int_equal(refused("SELECT '\xc3", 9).code, TL_BAD_ENCODING);
}

/* before x depth, middle, after x depth */
static char *nested(const char *head, const char *before, const char *middle, const char *after, int depth, const char *tail)
{
    struct tl_buf buf;
    tl_buf_init(&buf, JSON_BYTES_MAX);
    tl_buf_adds(&buf, head);
    for (int i = 0; i < depth; i++)
        tl_buf_adds(&buf, before);
    tl_buf_adds(&buf, middle);
    for (int i = 0; i < depth; i++)
        tl_buf_adds(&buf, after);
    tl_buf_adds(&buf, tail);
    char *copy = strdup(tl_buf_cstr(&buf));
    tl_buf_done(&buf);
    return copy;
}

struct shape {
    const char *head, *before, *middle, *after, *tail;
};

static const struct shape shapes[] = {
    {"SELECT ", "(", "1", ")", ""},
    {"SELECT ", "- ", "a", "", ""},
    {"SELECT ", "NOT ", "a", "", ""},
    {"SELECT ", "1 + ", "1", "", ""},
    {"SELECT ", "", "1", " + 1", ""},
    {"SELECT ", "f(", "1", ")", ""},
    {"SELECT ", "[", "1", "]", ""},
    {"SELECT ", "{'a': ", "1", "}", ""},
    {"SELECT ", "CASE WHEN a THEN ", "1", " END", ""},
    {"SELECT ", "CAST(", "1", " AS INT)", ""},
    {"SELECT ", "", "a", "::INT", ""},
    {"SELECT ", "", "a", "[1]", ""},
    {"SELECT ", "", "a", ".b", " FROM t"},
    {"SELECT ", "", "a", ".f()", ""},
    {"SELECT ", "", "a", " COLLATE x", ""},
    {"SELECT ", "list_transform(l, x -> ", "1", ")", ""},
    {"SELECT ", "[x FOR x IN ", "[1]", "]", ""},
    {"SELECT a::", "STRUCT(a ", "INT", ")", ""},
    {"SELECT a::INT", "", "", "[]", ""},
    {"SELECT ", "(SELECT ", "1", ")", ""},
    {"SELECT ", "EXISTS (SELECT ", "1", ")", ""},
    {"", "SELECT * FROM (", "SELECT 1", ")", ""},
    {"SELECT * FROM ", "(", "a", " JOIN b ON TRUE)", ""},
    {"SELECT * FROM ", "", "a", " JOIN b ON TRUE", ""},
    {"SELECT * FROM ", "", "a", ", b", ""},
    {"", "WITH a AS (", "SELECT 1", ") SELECT 1", ""},
    {"", "(", "SELECT 1", ") UNION SELECT 2", ""},
    {"", "", "SELECT 1", " UNION SELECT 2", ""},
    {"", "", "SELECT 1", " UNION SELECT 2 EXCEPT SELECT 3", ""},
    {"", "SELECT * FROM (PIVOT (", "SELECT 1", ") ON a IN (1) USING sum(b))", ""},
    {"SELECT a ", "OR (a ", "AND b", ")", ""},
    {"SELECT a FROM t WHERE a ", "", "= 1", " AND a = 2", ""},
    {"SELECT ", "sum(", "a", ") OVER (ORDER BY a)", ""},
    {"SELECT 1 ORDER BY ", "(", "1", ")", ""},
    {"CREATE TABLE t (a INT DEFAULT ", "(- ", "1", ")", ")"},
    {"INSERT INTO t VALUES (", "(SELECT ", "1", ")", ")"},
    {"SELECT * FROM f(", "(SELECT ", "1", ")", ")"},
    {"SELECT ", "a IN (", "1", ")", ""},
    {"SELECT a ", "BETWEEN (b ", "= 1", ") AND 2", ""},
};

static void parse_all_shapes(int depth)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct tl_buf json;
        struct tl_err err;
        tl_err_init(&err);
        tl_buf_init(&json, JSON_BYTES_MAX);
        char *sql = nested(shapes[i].head, shapes[i].before, shapes[i].middle, shapes[i].after, depth, shapes[i].tail);
        enum tl_code code = tl_hooks_parse(sql, strlen(sql), &json, &err);
        if (code != TL_OK && code != TL_TOO_LARGE)
            fail_msg("%s%s depth %d: %s %s", shapes[i].head, shapes[i].before, depth, tl_code_info(code)->name, err.message);
        free(sql);
        tl_buf_done(&json);
    }
}

static void *parse_on_small_stack(void *context)
{
    (void)context;
    static const int depths[] = {10, 100, 300, 490, 600, 990, 1100, 5000, 20000};
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++)
        parse_all_shapes(depths[i]);
    return NULL;
}

static void test_hostile_nesting_fits_the_stack_asked_for(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, TL_HOOKS_STACK_BYTES_MIN / 2), 0); /* half: what is asked for has a reserve */
    assert_int_equal(pthread_create(&thread, &attributes, parse_on_small_stack, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

static void test_deep_trees_are_too_large(void **state)
{
    (void)state;
    char *sql = nested("SELECT ", "f(", "1", ")", 900, "");
    assert_int_equal(refused(sql, strlen(sql)).code, TL_TOO_LARGE);
    free(sql);
    sql = nested("SELECT ", "f(", "1", ")", 200, "");
    free(parsed(sql));
    free(sql);
}

static void test_a_full_buffer_is_an_error(void **state)
{
    (void)state;
    struct tl_buf json;
    struct tl_err err;
    tl_err_init(&err);
    tl_buf_init(&json, 64);
    assert_int_equal(tl_hooks_parse("SELECT 1", 8, &json, &err), TL_TOO_LARGE);
    tl_buf_done(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selects_are_written_as_the_engine_writes_them),
        cmocka_unit_test(test_each_statement_has_its_form),
        cmocka_unit_test(test_infinity_is_written_as_text),
        cmocka_unit_test(test_syntax_errors_have_a_byte_position),
        cmocka_unit_test(test_positions_hold_behind_unicode_spaces),
        cmocka_unit_test(test_bad_encodings_are_refused),
        cmocka_unit_test(test_deep_trees_are_too_large),
        cmocka_unit_test(test_a_full_buffer_is_an_error),
        cmocka_unit_test(test_hostile_nesting_fits_the_stack_asked_for),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
