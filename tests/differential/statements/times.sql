SELECT id, day FROM pg.public.moments WHERE day = 'infinity'::DATE OR day = '-infinity'::DATE;
SELECT id, day FROM pg.public.moments WHERE day > '9999-12-30';
SELECT id, day FROM pg.public.moments WHERE day < '1582-10-15';
SELECT id, day, date_trunc('year', day) FROM pg.public.moments WHERE date_trunc('year', day) <= DATE '1970-01-01';
SELECT id, extract(year FROM day), extract(dow FROM day), extract(week FROM day) FROM pg.public.moments;
SELECT id FROM pg.public.moments WHERE extract(week FROM day) = 1 OR extract(isoyear FROM day) = 2020;
SELECT id FROM pg.public.moments WHERE date_trunc('week', day) = DATE '2023-12-25' OR date_trunc('week', "at") = DATE '2020-12-28';
SELECT id, "at" FROM pg.public.moments WHERE "at" >= 'infinity'::TIMESTAMP;
SELECT id FROM pg.public.moments WHERE "at" = TIMESTAMP '9999-12-31 23:59:59.999999' OR "at" < TIMESTAMP '1970-01-01';
SELECT id FROM pg.public.moments WHERE "at"::DATE = DATE '2024-03-10';
SELECT id FROM pg.public.moments WHERE day + INTERVAL 1 MONTH = TIMESTAMP '2024-03-29' OR day + 1 = DATE '2024-03-01';
SELECT id FROM pg.public.moments WHERE tod > TIME '12:00:00' OR tod = TIME '00:00:00.000001';
SELECT id FROM pg.public.moments WHERE extract(hour FROM tod) = 23;
SELECT id FROM pg.public.moments WHERE date_part('epoch', short) > 1700000000;
SELECT id FROM pg.public.moments WHERE short = "at" OR short::DATE = day;
SELECT id FROM pg.public.moments WHERE datediff('day', day, DATE '2024-03-10') BETWEEN -1 AND 1;
-- zone: America/New_York
SELECT id, instant FROM pg.public.moments WHERE instant::DATE = DATE '2024-03-10';
-- zone: America/New_York
SELECT id, date_trunc('day', instant) FROM pg.public.moments WHERE instant > '2024-01-01' AND instant < '2024-12-01';
-- zone: America/New_York
SELECT id FROM pg.public.moments WHERE date_trunc('hour', instant) = TIMESTAMPTZ '2024-11-03 01:00:00-05';
-- zone: America/New_York
SELECT id FROM pg.public.moments WHERE instant = TIMESTAMPTZ '2024-03-10 02:30:00';
-- zone: America/New_York
SELECT id FROM pg.public.moments WHERE instant = "at" OR instant::TIMESTAMP = short;
-- zone: Europe/Berlin
SELECT id, extract(hour FROM instant), extract(day FROM instant) FROM pg.public.moments WHERE extract(hour FROM instant) < 3;
-- zone: Europe/Berlin
SELECT id FROM pg.public.moments WHERE instant > day;
-- zone: Asia/Kolkata
SELECT date_trunc('day', instant) AS d, count(*) FROM pg.public.moments GROUP BY d;
-- zone: Australia/Lord_Howe
SELECT date_trunc('hour', instant) AS d, count(*) FROM pg.public.moments GROUP BY d;
-- zone: America/New_York
SELECT CAST(instant AS DATE) AS d, min(instant), max(instant) FROM ch."default".moments GROUP BY d;
SELECT id, instant, precise FROM ch."default".moments WHERE instant::DATE = DATE '2024-03-10' OR precise::DATE = DATE '2024-03-10';
-- zone: America/New_York
SELECT id FROM ch."default".moments WHERE date_trunc('day', precise) = TIMESTAMPTZ '2024-11-03 00:00:00';
-- zone: Europe/Berlin
SELECT id, date_trunc('day', precise), date_trunc('month', instant) FROM ch."default".moments WHERE extract(hour FROM instant) IN (1, 2, 3);
-- zone: Europe/Berlin
SELECT id FROM ch."default".moments WHERE instant = TIMESTAMPTZ '2024-10-27 02:30:00' OR precise = "at";
-- zone: Asia/Kolkata
SELECT extract(day FROM precise) AS d, extract(hour FROM precise) AS h, count(*) FROM ch."default".moments GROUP BY ALL;
SELECT id, day FROM ch."default".moments WHERE day >= '2299-12-31' OR day < '1970-01-01';
SELECT id FROM ch."default".moments WHERE day = '2300-01-01' OR day < '1800-01-01' OR d16 > '2149-06-05';
SELECT id FROM ch."default".moments WHERE d16 >= '1969-12-31' AND d16 < '1970-01-02';
SELECT id FROM ch."default".moments WHERE day = d16 OR day > "at";
SELECT id FROM ch."default".moments WHERE "at" = TIMESTAMP '2299-12-31 23:59:59.999999' OR "at" < TIMESTAMP '1969-12-31 23:59:59.9999995';
SELECT id FROM ch."default".moments WHERE short = TIMESTAMP '2106-02-07 06:28:15' OR short < TIMESTAMP '1970-01-01 00:00:00.5';
SELECT id FROM ch."default".moments WHERE short > TIMESTAMP '2106-02-07 06:28:14.999' OR short <> short;
SELECT id FROM ch."default".moments WHERE short BETWEEN TIMESTAMP '2024-02-29 12:00:00.1' AND TIMESTAMP '2024-12-30 23:59:59.999';
SELECT id, date_trunc('week', d16), date_trunc('quarter', "at") FROM ch."default".moments;
SELECT id FROM ch."default".moments WHERE date_trunc('month', day) = DATE '2024-02-01' OR date_trunc('year', d16) = DATE '1970-01-01';
SELECT id FROM ch."default".moments WHERE date_trunc('hour', "at") = TIMESTAMP '2024-03-10 02:00:00' OR extract(second FROM "at") = 59;
SELECT id FROM ch."default".moments WHERE extract(dow FROM d16) = 0 OR extract(isodow FROM day) = 7 OR extract(doy FROM day) = 366;
SELECT id FROM ch."default".moments WHERE extract(week FROM day) = 53 OR extract(year FROM day) = 1900;
SELECT id FROM ch."default".moments WHERE "at"::DATE = day OR short::DATE = d16;
SELECT id FROM ch."default".moments WHERE d16 + INTERVAL 1 MONTH = TIMESTAMP '2024-03-29' OR d16 + 1 > DATE '2149-06-06';
SELECT id FROM ch."default".moments WHERE CAST("at" AS VARCHAR) LIKE '2024-%.5' OR CAST(day AS VARCHAR) = '1900-01-01';
SELECT id FROM lake.diff.numbers WHERE day < '1582-10-16' OR day = '9999-12-31' OR date_trunc('week', day) = DATE '2023-12-25';
-- zone: Europe/Berlin
SELECT a.id, b.id FROM lake.diff.facts a JOIN pg.public.facts b ON a.instant::DATE = b.instant::DATE AND b.id < 20;
-- zone: America/New_York
SELECT count(*), min(a.instant), max(a.instant), count(DISTINCT date_trunc('day', a.instant)) FROM pg.public.facts a;
SELECT count(*) FROM pg.public.facts WHERE day IN (DATE '2024-02-29', DATE '2023-02-28', 'infinity'::DATE);
SELECT age("at", TIMESTAMP '2024-01-01')::VARCHAR FROM pg.public.facts WHERE id < 30;
SELECT id FROM pg.public.facts WHERE "at" > day AND "at" < day + INTERVAL 3 HOUR;
SELECT id, to_timestamp(id), epoch("at") FROM ch."default".facts WHERE epoch("at") > 1.7e9;
SELECT strftime("at", '%Y-%m') AS m, count(*) FROM ch."default".facts GROUP BY m;
