-- Distinct orders and customers by month and country; daily counts cannot be added up, so this reads silver.
SELECT
    date_trunc('month', sales_date) AS month,
    country,
    count(DISTINCT CASE WHEN quantity > 0 THEN source || ' ' || order_id END) AS orders,
    count(DISTINCT source || ' ' || customer_id) AS customers
FROM silver.current_order_lines
GROUP BY 1, 2
ORDER BY month, orders DESC, country
