-- Messages that broke the contract, by reason, with the newest of each.
SELECT
    reason,
    count(*) AS messages,
    count(DISTINCT object) AS objects,
    max(rejected_at) AS newest,
    max_by(substr(raw, 1, 200), rejected_at) AS example
FROM silver.rejected
GROUP BY reason
ORDER BY messages DESC, reason
