-- What the newest run of each forecast says of the periods to come, item by item.
WITH runs AS (
    SELECT forecast_name, max(made_at) AS made_at
    FROM gold.sales_forecast
    GROUP BY forecast_name
)
SELECT
    forecasts.forecast_name,
    forecasts.item_id,
    forecasts.forecast_at,
    round(forecasts.p10, 3) AS p10,
    round(forecasts.p50, 3) AS p50,
    round(forecasts.p90, 3) AS p90,
    forecasts.predictor,
    forecasts.made_at
FROM gold.sales_forecast AS forecasts
JOIN runs ON runs.forecast_name = forecasts.forecast_name AND runs.made_at = forecasts.made_at
ORDER BY forecasts.forecast_name, forecasts.item_id, forecasts.forecast_at
