-- Top 100 paying customers by Workers requests this week (the last seven days).  Who has no type in sales counts as paygo.
SELECT c.customer_id, c.name, sum(w.requests) AS requests
FROM events."default".workers_requests w
JOIN ops.public.accounts a ON a.account_id = w.account_id
JOIN lake.dim.customers c ON c.customer_id = a.customer_id
WHERE w.ts >= current_date - INTERVAL 6 DAY AND c.customer_type <> 'free' AND NOT a.is_internal
GROUP BY c.customer_id, c.name
ORDER BY requests DESC, c.customer_id
LIMIT 100
