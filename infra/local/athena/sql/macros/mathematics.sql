CREATE MACRO tr_cbrt(x) AS
    CASE WHEN round(cbrt(x)) * round(cbrt(x)) * round(cbrt(x)) = x THEN round(cbrt(x)) ELSE cbrt(x) END;

CREATE MACRO tr_width_bucket(x, low, high, n) AS
    CASE WHEN n <= 0 THEN tr_raise('INVALID_FUNCTION_ARGUMENT', 'bucketCount must be greater than 0')
         WHEN low = high THEN tr_raise('INVALID_FUNCTION_ARGUMENT', 'bounds cannot equal each other')
         WHEN low < high AND x < low OR low > high AND x > low THEN 0
         WHEN low < high AND x >= high OR low > high AND x <= high THEN n + 1
         ELSE CAST(floor(n * (x - low) / (high - low)) AS BIGINT) + 1 END;

CREATE MACRO tr_round(x, places) AS
    CASE WHEN isfinite(x) THEN round(x, CAST(places AS INTEGER)) ELSE x END;
CREATE MACRO tr_truncate(x, places) AS trunc(x * pow(10, places)) / pow(10, places);

CREATE MACRO tr_wilson(successes, trials, z, side) AS
    (successes / CAST(trials AS DOUBLE) + z * z / (2 * trials)
     + side * z * sqrt((successes / CAST(trials AS DOUBLE) * (1 - successes / CAST(trials AS DOUBLE)) + z * z / (4 * trials)) / trials))
    / (1 + z * z / trials);
