SELECT * FROM a ASOF JOIN b ON a.i = b.i AND a.t >= b.t ASOF LEFT JOIN c USING (k, t);
SELECT * FROM (a JOIN b USING (i)) JOIN LATERAL (SELECT * FROM c WHERE c.i = a.i LIMIT 1) l ON TRUE;
SELECT * FROM range(10) r (i), generate_series(1, 3) WITH ORDINALITY AS g (v, o), read_csv('f.csv', header = true, columns = {'a': 'INT'});
SELECT * FROM unnest([1, 2]) u (x), s.f(1, (SELECT 2)), query('SELECT 1'), query_table(['a', 'b']);
SELECT * FROM 'file.parquet', "other.csv";
SELECT * FROM VALUES (1, 'a'), (2, 'b') v (i, s)