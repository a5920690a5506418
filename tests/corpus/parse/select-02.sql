SELECT g::MAP(VARCHAR, INTEGER), h::UNION(n INT, s VARCHAR), i::ENUM('a', 'b'), j::my_type, k::s.my_type, l::TIMESTAMPTZ;
SELECT a = 1, a <> 2, a != 3, a < 4, a <= 5, a > 6, a >= 7, a IS DISTINCT FROM b, a IS NOT DISTINCT FROM b;
SELECT a AND b OR NOT c, a IS NULL, b IS NOT NULL, c IS TRUE, d IS NOT FALSE, e ISNULL, f NOTNULL;
SELECT a BETWEEN 1 AND 2, b NOT BETWEEN 3 AND 4, c IN (1, 2), d NOT IN (3), e IN (SELECT 1), f NOT IN (SELECT 2);
SELECT a LIKE 'x%', b NOT LIKE 'y', c ILIKE 'z', d SIMILAR TO 'q', e GLOB '*', f LIKE 'a!%' ESCAPE '!', g ~ 'r', h !~ 's';
SELECT a + b - c * d / e % f ^ g, a // b, a || b, ~a, a & b | c, a << 1, a >> 2, -a, @a, a ** 2, a <=> b