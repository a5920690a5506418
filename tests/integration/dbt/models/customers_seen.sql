{{ config(materialized='incremental', unique_key='customer_id') }}
select customer_id, count(*) as accounts from {{ ref('paying_accounts') }}
{% if is_incremental() %} where customer_id > (select max(customer_id) - 10 from {{ this }}) {% endif %}
group by customer_id
