-- The lake's part of the demo world, made through the front door like anybody's tables.  `stage` is there only while this runs.
CREATE SCHEMA lake.raw;
CREATE SCHEMA lake.dim;
CREATE SCHEMA lake.seed;
CREATE SCHEMA lake.fct;
CREATE SCHEMA lake.billing;
CREATE SCHEMA lake.scratch;

CREATE TABLE lake.seed.product_classification AS SELECT * FROM stage.seed.product_classification;
CREATE TABLE lake.billing.usage_minute AS SELECT * FROM stage.billing.usage_minute ORDER BY minute, account_id;
CREATE TABLE lake.billing.usage_daily AS SELECT * FROM stage.billing.usage_daily ORDER BY date, account_id;

CREATE TABLE lake.raw.zones AS SELECT zone_id, account_id, domain, created_at FROM ops.public.zones;
CREATE TABLE lake.dim.customers AS
SELECT customer_id, name, coalesce(customer_type, 'paygo') AS customer_type, country, created_at FROM ops.public.customers;
CREATE TABLE lake.dim.accounts AS
SELECT account_id, customer_id, plan, is_internal, created_at FROM ops.public.accounts;

CREATE TABLE lake.fct.billings_allocated AS
SELECT date_trunc('month', u.date)::DATE AS period, a.account_id, c.customer_id, c.name AS customer_name, c.customer_type, c.country,
       p.product, p.family, u.metric_name, sum(u.usage) AS usage, sum(u.usage * p.unit_price)::DECIMAL(38,15) AS alloc_amount
FROM lake.billing.usage_daily u
JOIN lake.seed.product_classification p ON p.metric_name = u.metric_name
JOIN lake.dim.accounts a ON a.account_id = u.account_id
JOIN lake.dim.customers c ON c.customer_id = a.customer_id
WHERE NOT a.is_internal AND c.customer_type <> 'free'
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

CREATE TABLE lake.scratch.busy_accounts AS
SELECT account_id, sum(requests) AS requests FROM events."default".workers_requests GROUP BY account_id ORDER BY requests DESC LIMIT 50;
