-- Bot events with a score over 0.9 in the last 48 hours from one ASN, by country.
SELECT country, count(*) AS events, round(avg(bot_score), 4) AS average_score
FROM events."default".http_requests
WHERE bot_score > 0.9 AND asn = 64500 AND ts >= current_date - INTERVAL 1 DAY
GROUP BY country
ORDER BY events DESC, country
