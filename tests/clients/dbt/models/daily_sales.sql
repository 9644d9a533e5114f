{{
  config(
    materialized='incremental',
    table_type='hive',
    incremental_strategy='insert_overwrite',
    format='parquet',
    partitioned_by=['sales_date'],
  )
}}

select
  country,
  count(*) as lines,
  sum(price * quantity) as net_revenue,
  sales_date
from {{ source('shop', 'order_lines') }}
{% if is_incremental() %}
where sales_date >= (select coalesce(max(sales_date), date '1970-01-01') from {{ this }})
{% endif %}
group by country, sales_date
