select plan, count(*) as accounts from {{ ref('paying_accounts') }} group by plan
