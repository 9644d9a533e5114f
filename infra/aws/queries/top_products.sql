-- The 20 products of the greatest net revenue, with their share of the whole.
SELECT
    product_id,
    max_by(description, sales_date) AS description,
    sum(units_sold) - sum(units_returned) AS units,
    sum(net_revenue) AS net_revenue,
    round(100.0E0 * CAST(sum(net_revenue) AS double) / CAST(sum(sum(net_revenue)) OVER () AS double), 2)
        AS percent_of_revenue
FROM gold.daily_product_sales
GROUP BY product_id
ORDER BY net_revenue DESC, product_id
LIMIT 20
