-- Top 10 customers by storage cost in the last 30 days, and the change against the 30 days before.
WITH cost AS (
    SELECT a.customer_id,
           sum(CASE WHEN u.date >= current_date - INTERVAL 29 DAY THEN u.usage * p.unit_price END) AS last_30_days,
           sum(CASE WHEN u.date < current_date - INTERVAL 29 DAY THEN u.usage * p.unit_price END) AS before
    FROM lake.billing.usage_daily u
    JOIN lake.seed.product_classification p ON p.metric_name = u.metric_name AND p.family = 'storage'
    JOIN lake.dim.accounts a ON a.account_id = u.account_id
    WHERE u.date >= current_date - INTERVAL 59 DAY
    GROUP BY a.customer_id
)
SELECT c.customer_id, c.name, round(last_30_days, 2) AS cost, round(last_30_days - before, 2) AS change
FROM cost JOIN ops.public.customers c ON c.customer_id = cost.customer_id
ORDER BY last_30_days DESC, c.customer_id
LIMIT 10
