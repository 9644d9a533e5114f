-- Products by month: how many were sold, and how many of them for the first time.
WITH firsts AS (
    SELECT product_id, min(date_trunc('month', sales_date)) AS first_month
    FROM gold.daily_product_sales
    WHERE units_sold > 0
    GROUP BY product_id
)
SELECT
    date_trunc('month', sales.sales_date) AS month,
    count(DISTINCT sales.product_id) AS products,
    count(DISTINCT CASE WHEN firsts.first_month = date_trunc('month', sales.sales_date) THEN sales.product_id END)
        AS new_products
FROM gold.daily_product_sales AS sales
JOIN firsts ON firsts.product_id = sales.product_id
WHERE sales.units_sold > 0
GROUP BY 1
ORDER BY month
