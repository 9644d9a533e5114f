-- How far the data has come and how long it took, by the hour in which silver was written, the newest first.
SELECT
    date_trunc('hour', committed_at) AS hour,
    max(committed_at) AS newest_commit,
    count(DISTINCT batch_id) AS batches,
    sum(rows_read) AS rows_read,
    max(bronze_lag_p95_seconds) AS bronze_lag_p95_seconds,
    max(silver_lag_p95_seconds) AS silver_lag_p95_seconds,
    max(gold_lag_p95_seconds) AS gold_lag_p95_seconds
FROM ops.batches
WHERE committed_at IS NOT NULL
GROUP BY 1
ORDER BY hour DESC
LIMIT 48
