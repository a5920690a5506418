FROM t PIVOT (sum(a) AS s FOR y IN (1, 2 AS two) z IN ('a') GROUP BY c) AS p (q, r);
SELECT * FROM (PIVOT (SELECT * FROM t) ON y IN ('a', 'b') USING first(x));
UNPIVOT t ON a, b, (c, d) AS cd INTO NAME n VALUE v;
FROM t UNPIVOT INCLUDE NULLS (v FOR n IN (a, b AS bb, COLUMNS('c.*')));
DESCRIBE t;
DESCRIBE SELECT a FROM t