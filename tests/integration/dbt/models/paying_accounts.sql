{{ config(materialized='view') }}
select account_id, customer_id, plan from {{ source('dim', 'accounts') }} where not is_internal
