-- Top 100 customers by revenue in the last quarter (the three full months before this one).
SELECT c.customer_id, c.name, sum(i.amount) AS revenue
FROM ops.public.invoices i
JOIN ops.public.accounts a ON a.account_id = i.account_id
JOIN ops.public.customers c ON c.customer_id = a.customer_id
WHERE i.period >= date_trunc('month', current_date) - INTERVAL 3 MONTH AND i.period < date_trunc('month', current_date)
GROUP BY c.customer_id, c.name
ORDER BY revenue DESC, c.customer_id
LIMIT 100
