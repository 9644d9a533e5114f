-- Mean and median value of an order, and lines per order, by month.
WITH placed AS (
    SELECT
        source,
        order_id,
        min(date_trunc('month', sales_date)) AS month,
        sum(quantity * unit_price) AS order_value,
        count(*) AS lines
    FROM silver.current_order_lines
    WHERE quantity > 0
    GROUP BY source, order_id
)
SELECT
    month,
    count(*) AS orders,
    round(avg(CAST(order_value AS double)), 2) AS mean_value,
    round(approx_percentile(CAST(order_value AS double), 0.5), 2) AS median_value,
    round(avg(CAST(lines AS double)), 2) AS mean_lines
FROM placed
GROUP BY month
ORDER BY month
