-- The demo world: a small company that serves web traffic and bills for what is used.
-- Made from three variables only (set before this script): seed, scale, today.  The catalogs ops, events and stage are attached.
-- Every random choice is u(stream, n): a number in [0, 1) that depends on the seed, the name of the choice and a row number.

CREATE TEMP MACRO u(stream, n) AS (hash(stream, n, getvariable('seed')) >> 11)::DOUBLE / 9007199254740992.0;
CREATE TEMP MACRO pick(list, stream, n) AS list[1 + floor(u(stream, n) * len(list))::INT];
CREATE TEMP MACRO rows_of(n) AS greatest(1, round(n * getvariable('scale')))::BIGINT;
CREATE TEMP MACRO day_back(days) AS getvariable('today')::DATE - days::INT;
-- a moment of the day `days` before today
CREATE TEMP MACRO moment(days, stream, n) AS (getvariable('today')::DATE - days::INT)::TIMESTAMP + to_microseconds((u(stream, n) * 86400)::BIGINT * 1000000);

CREATE TEMP TABLE words AS SELECT
  ['Amber','Birch','Cedar','Delta','Ember','Fjord','Granite','Harbor','Iris','Juniper','Kestrel','Lumen','Maple','Nimbus','Orchid','Prairie','Quartz','River','Summit','Tundra','Umber','Vertex','Willow','Xenon','Yarrow','Zephyr'] AS first_words,
  ['Analytics','Bakery','Cloud','Design','Energy','Foods','Games','Health','Imaging','Jewelry','Kitchens','Logistics','Media','Networks','Optics','Press','Quarry','Robotics','Systems','Travel','Union','Ventures','Works'] AS second_words,
  ['Ada','Björn','Chloé','Deepak','Elif','Farah','Goran','Hana','Ivan','Jürgen','Kwame','Lucía','Mei','Nadia','Omar','Priya','Quinn','Rosa','Søren','Tomás','Ulla','Viktor','Wei','Yuki','Zoë'] AS given_names,
  ['Abbott','Bauer','Cohen','Dubois','Eriksen','Fischer','García','Haddad','Ito','Jensen','Kowalski','Lindqvist','Müller','Nguyen','Okafor','Patel','Rossi','Sato','Tanaka','Ueda','Vargas','Weber','Yılmaz','Zhang'] AS family_names,
  ['US','US','US','DE','GB','FR','NL','PL','IN','JP','BR','ES','SE','CA','AU'] AS countries,
  ['com','net','org','io','dev','shop','example'] AS endings,
  ['/','/login','/api/v1/items','/api/v1/orders','/static/app.js','/static/site.css','/checkout','/search','/health','/images/hero.webp'] AS paths;

CREATE SCHEMA IF NOT EXISTS ops.public;
CREATE SCHEMA IF NOT EXISTS events."default";
CREATE SCHEMA IF NOT EXISTS stage.billing;
CREATE SCHEMA IF NOT EXISTS stage.seed;

-- ---- ops: who they are ----
-- customer_type is missing for one customer in eight: nobody entered it in sales; they count as paygo.
CREATE TABLE ops.public.customers AS
SELECT i::BIGINT AS customer_id,
       pick(first_words, 'customer first', i) || ' ' || pick(second_words, 'customer second', i) || ' ' || i AS name,
       CASE WHEN u('customer type', i) < 0.125 THEN NULL WHEN u('customer type', i) < 0.30 THEN 'contract'
            WHEN u('customer type', i) < 0.70 THEN 'paygo' ELSE 'free' END AS customer_type,
       pick(countries, 'customer country', i) AS country,
       'owner' || i || '@' || lower(pick(first_words, 'customer first', i)) || '.' || pick(endings, 'customer ending', i) AS owner_email,
       moment(90 + (u('customer age', i) * 1500)::INT, 'customer moment', i) AS created_at
FROM range(1, rows_of(2000) + 1) t(i), words ORDER BY i;

-- Account 1..10: our own, with usage far above anybody's.  Each account belongs to one customer.
CREATE TABLE ops.public.accounts AS
SELECT i::BIGINT AS account_id,
       CASE WHEN i <= rows_of(2000) THEN i ELSE 1 + floor(pow(u('account customer', i), 2) * rows_of(2000))::BIGINT END AS customer_id,
       pick(given_names, 'account given', i) || ' ' || pick(family_names, 'account family', i) AS name,
       lower(strip_accents(pick(given_names, 'account given', i))) || '.' || i || '@' ||
         lower(pick(first_words, 'account mail', i)) || '.' || pick(endings, 'account ending', i) AS email,
       '+1-555-' || lpad(floor(u('account phone a', i) * 1000)::INT::VARCHAR, 3, '0') || '-' ||
         lpad(floor(u('account phone b', i) * 10000)::INT::VARCHAR, 4, '0') AS phone,
       CASE WHEN i <= 10 THEN 'enterprise' ELSE pick(['free','free','pro','pro','business','enterprise'], 'account plan', i) END AS plan,
       i <= 10 AS is_internal,
       moment(60 + (u('account age', i) * 1200)::INT, 'account moment', i) AS created_at
FROM range(1, rows_of(5000) + 1) t(i), words ORDER BY i;

-- One zone in a hundred signed up today.
CREATE TABLE ops.public.zones AS
SELECT i::BIGINT AS zone_id,
       1 + floor(pow(u('zone account', i), 1.5) * rows_of(5000))::BIGINT AS account_id,
       lower(pick(first_words, 'zone first', i)) || '-' || lower(pick(second_words, 'zone second', i)) || '-' || i || '.' || pick(endings, 'zone ending', i) AS domain,
       moment(CASE WHEN i % 100 = 7 THEN 0 ELSE 1 + (u('zone age', i) * 900)::INT END, 'zone moment', i) AS created_at
FROM range(1, rows_of(12000) + 1) t(i), words ORDER BY i;

-- Bodies are JSON text with addresses inside: what a scanner must find.
CREATE TABLE ops.public.support_tickets AS
WITH t AS (SELECT i::BIGINT AS ticket_id, 1 + floor(pow(u('ticket account', i), 2) * rows_of(5000))::BIGINT AS account_id,
                  pick(['billing','billing','technical','abuse','account','security'], 'ticket category', i) AS category,
                  (u('ticket age', i) * 89)::INT AS days FROM range(1, rows_of(6000) + 1) r(i))
SELECT t.ticket_id, t.account_id,
       CASE WHEN u('ticket requester', t.ticket_id) < 0.9 THEN a.email ELSE 'someone' || t.ticket_id || '@mail.example' END AS requester_email,
       t.category,
       CASE t.category WHEN 'billing' THEN pick(['Charged twice','Invoice question','Refund request','Unexpected usage'], 'ticket subject', t.ticket_id)
            WHEN 'technical' THEN pick(['Slow responses','Certificate error','Origin unreachable'], 'ticket subject', t.ticket_id)
            ELSE 'Question about my account' END AS subject,
       json_object('from', a.email, 'client_ip', '203.0.113.' || (t.ticket_id % 254 + 1)::VARCHAR,
                   'text', 'Please call me at ' || a.phone || ' about account ' || t.account_id)::VARCHAR AS body,
       pick(['low','normal','normal','high','urgent'], 'ticket priority', t.ticket_id) AS priority,
       moment(t.days, 'ticket moment', t.ticket_id) AS created_at
FROM t JOIN ops.public.accounts a ON a.account_id = t.account_id ORDER BY t.ticket_id;

CREATE TABLE ops.public.api_tokens AS
SELECT i::BIGINT AS token_id, 1 + floor(u('token account', i) * rows_of(5000))::BIGINT AS account_id,
       CASE WHEN i % 5 = 0 THEN 'tlk_test_' ELSE 'tlk_live_' END || substr(md5('token' || i || getvariable('seed')), 1, 24) AS token,
       '198.51.100.' || (1 + floor(u('token ip', i) * 254)::INT)::VARCHAR AS last_ip,
       moment((u('token age', i) * 400)::INT, 'token moment', i) AS created_at
FROM range(1, rows_of(3000) + 1) t(i) ORDER BY i;

-- ---- events: what happened, 90 days up to today ----
-- Traffic is skewed: few zones have most of it.  ASN 64500 is a bot farm.  Requests come evenly over the 90 days, in order.
-- Two million rows: two random numbers a row are cut into pieces instead of drawing one for each column.
CREATE TABLE events."default".http_requests AS
SELECT day_back(89)::TIMESTAMP + to_seconds((i * (90 * 86400) - (a % 7776000)::BIGINT) // rows_of(2000000)) AS ts,
       z.zone_id, z.account_id,
       CASE WHEN bot THEN 64500 ELSE 64496 + ((a >> 8) % 12)::INT END AS asn,
       CASE WHEN bot THEN ['BR','RU','VN','US'][1 + ((a >> 12) % 4)::INT]
            ELSE ['US','US','US','DE','GB','FR','NL','PL','IN','JP','BR','ES','SE','CA','AU'][1 + ((a >> 12) % 15)::INT] END AS country,
       '192.0.2.' || (1 + (a >> 20) % 254)::VARCHAR AS client_ip,
       ['GET','GET','GET','GET','POST','HEAD'][1 + ((a >> 30) % 6)::INT] AS method,
       ['/','/login','/api/v1/items','/api/v1/orders','/static/app.js','/static/site.css','/checkout','/search','/health','/images/hero.webp'][1 + ((a >> 34) % 10)::INT] AS path,
       [200,200,200,200,200,200,301,304,404,403,500][1 + ((a >> 40) % 11)::INT]::SMALLINT AS status,
       (200 + exp(4 + 8 * ((b >> 24) % 65536)::DOUBLE / 65536))::BIGINT AS bytes,
       round(CASE WHEN bot THEN 0.85 + 0.15 * ((b >> 40) % 65536)::DOUBLE / 65536 ELSE 0.92 * pow(((b >> 40) % 65536)::DOUBLE / 65536, 3) END, 6) AS bot_score
FROM (SELECT i, a, b, 1 + floor(pow((b % 16777216)::DOUBLE / 16777216, 4) * rows_of(12000))::BIGINT AS zone_id, (a >> 56) < 10 AS bot
      FROM (SELECT i, hash('request a', i, getvariable('seed')) AS a, hash('request b', i, getvariable('seed')) AS b
            FROM range(1, rows_of(2000000) + 1) r(i))) q
JOIN ops.public.zones z USING (zone_id);

CREATE TABLE events."default".workers_requests AS
SELECT moment((i % 90)::INT, 'worker moment', i) AS ts,
       CASE WHEN i % 20 = 0 THEN 1 + (i // 20) % 10 ELSE 11 + floor(pow(u('worker account', i), 3) * (rows_of(5000) - 10))::BIGINT END AS account_id,
       pick(['router','resize','auth','rewrite','feed'], 'worker script', i) AS script,
       round(0.2 + 20 * pow(u('worker cpu', i), 3), 3) AS cpu_ms,
       (CASE WHEN i % 20 = 0 THEN 50000 ELSE 1 END * (1 + floor(exp(9 * u('worker requests', i)))))::BIGINT AS requests
FROM range(1, rows_of(200000) + 1) t(i) ORDER BY ts, i;

-- ---- stage: what the lake is filled from ----
CREATE TABLE stage.seed.product_classification AS
SELECT * FROM (VALUES ('http_requests', 'Delivery', 'network', 'per million', 0.000000600000::DECIMAL(18,12)),
                      ('egress_gb', 'Delivery', 'network', 'per GB', 0.020000000000),
                      ('workers_requests', 'Workers', 'compute', 'per million', 0.000000300000),
                      ('storage_gb_days', 'Object Storage', 'storage', 'per GB and day', 0.000500000000))
  AS t(metric_name, product, family, unit, unit_price);

-- The usage that is billed: per minute for the last week, per day for all of it; each day is the sum of its minutes where
-- both exist.  Free accounts use little; internal ones use a lot and are never invoiced.
CREATE TEMP TABLE usage_days AS
WITH days AS (SELECT d::INT AS days FROM range(0, 90) r(d)),
     active AS (SELECT account_id, is_internal, plan,
                       CASE WHEN is_internal THEN 400.0 ELSE 0.05 + 12 * pow(u('usage size', account_id), 6) END AS size
                FROM ops.public.accounts WHERE is_internal OR u('usage active', account_id) < 0.35)
SELECT day_back(days) AS date, days, account_id, metric_name,
       CASE metric_name
         WHEN 'http_requests' THEN floor(90000 * size * (0.5 + u('usage http', account_id * 1000 + days)))
         WHEN 'egress_gb' THEN round(6 * size * (0.5 + u('usage egress', account_id * 1000 + days)), 3)
         ELSE round(60 * size * (1 + (90 - days) * 0.004) * (0.9 + 0.2 * u('usage storage', account_id * 1000 + days)), 3)
       END::DECIMAL(18,3) AS usage
FROM active, days, (VALUES ('http_requests'), ('egress_gb'), ('storage_gb_days')) m(metric_name)
UNION ALL
SELECT ts::DATE, (getvariable('today')::DATE - ts::DATE)::INT, account_id, 'workers_requests', sum(requests)::DECIMAL(18,3)
FROM events."default".workers_requests GROUP BY ALL;

-- A day of the last week is cut into four minutes; the last takes the rest, so that nothing is lost to rounding.
CREATE TABLE stage.billing.usage_minute AS
SELECT d.date::TIMESTAMP + to_minutes((part * 360 + floor(u('usage minute', d.account_id * 10 + part) * 360))::BIGINT) AS minute, account_id, metric_name,
       CASE WHEN part < 3 THEN round(usage / 4, 3) ELSE usage - 3 * round(usage / 4, 3) END::DECIMAL(18,3) AS usage
FROM usage_days d, range(0, 4) p(part) WHERE days < 7 ORDER BY minute, account_id, metric_name;

CREATE TABLE stage.billing.usage_daily AS
SELECT date, account_id, metric_name, sum(usage)::DECIMAL(18,3) AS usage FROM usage_days GROUP BY ALL ORDER BY date, account_id, metric_name;

-- An invoice is usage times price, to the cent, per account and month; nothing for internal accounts and free plans.
CREATE TABLE ops.public.invoices AS
SELECT row_number() OVER (ORDER BY period, account_id)::BIGINT AS invoice_id, * FROM (
  SELECT d.account_id, date_trunc('month', d.date)::DATE AS period,
         CASE WHEN c.country IN ('DE','FR','NL','ES') THEN 'EUR' WHEN c.country = 'GB' THEN 'GBP' ELSE 'USD' END AS currency,
         round(sum(d.usage * p.unit_price), 2)::DECIMAL(12,2) AS amount
  FROM stage.billing.usage_daily d
  JOIN stage.seed.product_classification p USING (metric_name)
  JOIN ops.public.accounts a USING (account_id)
  JOIN ops.public.customers c USING (customer_id)
  WHERE NOT a.is_internal AND coalesce(c.customer_type, 'paygo') <> 'free'
  GROUP BY d.account_id, 2, 3 HAVING round(sum(d.usage * p.unit_price), 2) > 0)
ORDER BY invoice_id;

COMMENT ON TABLE ops.public.customers IS 'One row per customer. customer_type is NULL where sales has no data: count those as paygo.';
COMMENT ON TABLE ops.public.accounts IS 'One row per account. Every account belongs to exactly one customer. is_internal marks our own.';
COMMENT ON TABLE ops.public.invoices IS 'One row per account and month: usage times price, to the cent.';
COMMENT ON COLUMN ops.public.customers.customer_type IS 'contract, paygo, free; NULL = not known, default paygo';
COMMENT ON COLUMN ops.public.accounts.is_internal IS 'our own accounts: leave them out of business questions';
COMMENT ON TABLE events."default".http_requests IS 'One row per request that was served (sampled).';
COMMENT ON TABLE events."default".workers_requests IS 'Requests to Workers scripts, per account and script.';
