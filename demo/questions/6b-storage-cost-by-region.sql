-- ... and by region (country), without internal accounts.
SELECT c.country, round(sum(u.usage * p.unit_price), 2) AS cost
FROM lake.billing.usage_daily u
JOIN lake.seed.product_classification p ON p.metric_name = u.metric_name AND p.family = 'storage'
JOIN lake.dim.accounts a ON a.account_id = u.account_id
JOIN ops.public.customers c ON c.customer_id = a.customer_id
WHERE u.date >= current_date - INTERVAL 29 DAY AND NOT a.is_internal
GROUP BY c.country
ORDER BY cost DESC, c.country
