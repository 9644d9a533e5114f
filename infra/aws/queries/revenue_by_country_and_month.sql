-- Gross, returned and net revenue by month and country.
SELECT
    date_trunc('month', sales_date) AS month,
    country,
    sum(gross_revenue) AS gross_revenue,
    sum(returned_revenue) AS returned_revenue,
    sum(net_revenue) AS net_revenue
FROM gold.daily_sales
GROUP BY 1, 2
ORDER BY month, net_revenue DESC, country
