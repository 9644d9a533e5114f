{{ config(materialized='incremental', table_type='hive', incremental_strategy='append', format='parquet') }}

select order_id, sales_date, cast(price * quantity as decimal(18, 3)) as net_revenue
from {{ source('shop', 'order_lines') }}
{% if is_incremental() %}
where order_id > (select coalesce(max(order_id), 0) from {{ this }})
{% endif %}
