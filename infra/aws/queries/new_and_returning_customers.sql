-- Customers by month: those whose first order falls into it, and those who had ordered before.
WITH firsts AS (
    SELECT source, customer_id, min(date_trunc('month', sales_date)) AS first_month
    FROM silver.current_order_lines
    WHERE quantity > 0 AND customer_id IS NOT NULL
    GROUP BY source, customer_id
),
active AS (
    SELECT DISTINCT source, customer_id, date_trunc('month', sales_date) AS month
    FROM silver.current_order_lines
    WHERE quantity > 0 AND customer_id IS NOT NULL
)
SELECT
    active.month,
    count_if(firsts.first_month = active.month) AS new_customers,
    count_if(firsts.first_month < active.month) AS returning_customers
FROM active
JOIN firsts ON firsts.source = active.source AND firsts.customer_id = active.customer_id
GROUP BY active.month
ORDER BY active.month
