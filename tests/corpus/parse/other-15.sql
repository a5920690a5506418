TRUNCATE t;
UPDATE s.t AS z SET a = 1, b = f(c) FROM u WHERE z.i = u.i;
UPDATE s.t AS z SET a = 1, b = f(c) FROM u WHERE z.i = u.i RETURNING a;
UPDATE t SET a = 1;
UPDATE t SET a = 1 WHERE b = 2;
UPDATE t SET a = 1, b = f(c)