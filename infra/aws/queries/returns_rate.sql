-- Units and revenue that came back, as a share of what was sold, by month.
SELECT
    date_trunc('month', sales_date) AS month,
    sum(units_sold) AS units_sold,
    sum(units_returned) AS units_returned,
    round(100.0E0 * sum(units_returned) / nullif(sum(units_sold), 0), 2) AS percent_of_units,
    round(100.0E0 * CAST(sum(returned_revenue) AS double) / nullif(CAST(sum(gross_revenue) AS double), 0), 2)
        AS percent_of_revenue
FROM gold.daily_sales
GROUP BY 1
ORDER BY month
