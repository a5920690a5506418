SELECT sum(a) OVER (ORDER BY b GROUPS BETWEEN (SELECT 1) PRECEDING AND CURRENT ROW), nth_value(a, 2) OVER w2 FROM t WINDOW w2 AS (ORDER BY a);
SELECT [1, 2, 3], [x * 2 FOR x IN l IF x > 1], l[1], l[1:2], l[-1:], l[:2:1], {'a': 1, 'b': [2]}, MAP {'k': 1}, s.f, s['f'], (1, 2), ROW(1);
SELECT list_transform(l, lambda x: x + 1), list_reduce(l, lambda a, b: a + b), l.list_filter(x -> x > y), list_transform(l, (x, i) -> x + i);
SELECT a.b.c, struct_extract(a, 'b'), a -> '$.b', a ->> 'c', unnest(l), generate_series(1, 3), a.upper().lower();
SELECT (SELECT max(a) FROM u WHERE u.id = t.id), EXISTS (SELECT 1 FROM v), NOT EXISTS (FROM v), ARRAY(SELECT a FROM w) FROM t;
SELECT a > ANY (SELECT b FROM t), a <= ALL (SELECT b FROM t), a = SOME (SELECT 1), 1 = ANY([1, 2])