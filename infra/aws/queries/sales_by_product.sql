-- Units and revenue by product and month.
SELECT
    date_trunc('month', sales_date) AS month,
    product_id,
    max_by(description, sales_date) AS description,
    sum(units_sold) AS units_sold,
    sum(units_returned) AS units_returned,
    sum(net_revenue) AS net_revenue
FROM gold.daily_product_sales
GROUP BY 1, 2
ORDER BY month, net_revenue DESC, product_id
