SELECT extract(year FROM d), substring(a FROM 1 FOR 2), position('a' IN b), trim(BOTH 'x' FROM a), overlay('a' PLACING 'b' FROM 1);
SELECT a COLLATE NOCASE, a AT TIME ZONE 'UTC', current_date, current_timestamp, x'41', $1, $2::INT, ?::VARCHAR, #1;
SELECT $name, getvariable('x'), try(a / 0), GROUPING(a), GROUPING_ID(a, b) FROM t GROUP BY a, b;
SELECT DISTINCT a, b FROM t;
SELECT DISTINCT ON (a, b + 1) c FROM t ORDER BY a, b + 1, c DESC;
SELECT a, sum(b) FROM t WHERE c > 1 GROUP BY a HAVING sum(b) > 2 QUALIFY row_number() OVER (PARTITION BY a ORDER BY b) = 1