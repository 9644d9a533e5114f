-- Orders and net revenue by day, with the mean of the days with sales among the last seven.
WITH days AS (
    SELECT sales_date, sum(net_revenue) AS net_revenue, sum(orders) AS orders
    FROM gold.daily_sales
    GROUP BY sales_date
)
SELECT
    sales_date,
    orders,
    net_revenue,
    avg(net_revenue) OVER (ORDER BY sales_date RANGE BETWEEN INTERVAL '6' DAY PRECEDING AND CURRENT ROW)
        AS net_revenue_7_day_mean
FROM days
ORDER BY sales_date
