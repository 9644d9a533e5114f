-- Forecasts beside what came, by item, with the WAPE: of each period, what the newest run said; the worst items first.
SELECT
    forecast_name,
    item_id,
    count(*) AS periods,
    min(forecast_date) AS first_date,
    max(forecast_date) AS last_date,
    round(sum(forecast), 2) AS forecast,
    round(sum(actual), 2) AS actual,
    round(sum(absolute_error), 2) AS absolute_error,
    round(100.0E0 * sum(absolute_error) / nullif(sum(abs(actual)), 0), 2) AS wape_percent
FROM gold.current_forecast_accuracy
WHERE forecast IS NOT NULL AND actual IS NOT NULL
GROUP BY forecast_name, item_id
ORDER BY forecast_name, absolute_error DESC, item_id
