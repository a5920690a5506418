-- How many domains that signed up today are in the top 100 by traffic?
SELECT count(*) AS new_domains_in_top_100
FROM (
    SELECT zone_id, count(*) AS requests
    FROM events."default".http_requests
    WHERE ts >= current_date
    GROUP BY zone_id
    ORDER BY requests DESC, zone_id
    LIMIT 100
) top
JOIN ops.public.zones z ON z.zone_id = top.zone_id
WHERE z.created_at >= current_date
