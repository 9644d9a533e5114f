{{ config(materialized='view') }}

select country, sum(lines) as lines, sum(net_revenue) as net_revenue
from {{ ref('daily_sales') }}
group by country
