-- Top 100 billing support tickets from customers who have spent more than $100, newest first.
WITH spent AS (
    SELECT a.customer_id, sum(i.amount) AS spent
    FROM ops.public.invoices i
    JOIN ops.public.accounts a ON a.account_id = i.account_id
    GROUP BY a.customer_id
    HAVING sum(i.amount) > 100
)
SELECT t.ticket_id, c.name, t.subject, t.priority, t.created_at, s.spent
FROM ops.public.support_tickets t
JOIN ops.public.accounts a ON a.account_id = t.account_id
JOIN spent s ON s.customer_id = a.customer_id
JOIN lake.dim.customers c ON c.customer_id = a.customer_id
WHERE t.category = 'billing'
ORDER BY t.created_at DESC, t.ticket_id
LIMIT 100
