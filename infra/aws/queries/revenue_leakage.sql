-- Lines sold at no price or below it, by month: how many, how many units, and what they would have brought.
WITH prices AS (
    SELECT product_id, approx_percentile(CAST(unit_price AS double), 0.5) AS usual_price
    FROM silver.current_order_lines
    WHERE unit_price > 0 AND quantity > 0
    GROUP BY product_id
)
SELECT
    date_trunc('month', lines.sales_date) AS month,
    count_if(lines.unit_price = 0) AS lines_at_zero,
    count_if(lines.unit_price < 0) AS lines_below_zero,
    sum(lines.quantity) AS units,
    sum(lines.quantity * lines.unit_price) AS charged,
    round(sum(lines.quantity * prices.usual_price), 2) AS at_usual_price
FROM silver.current_order_lines AS lines
LEFT JOIN prices ON prices.product_id = lines.product_id
WHERE lines.unit_price <= 0 AND lines.quantity > 0
GROUP BY 1
ORDER BY month
