CREATE MACRO tr_floor_div(a, b) AS (a - ((a % b) + b) % b) // b;

CREATE MACRO tr_offset_text(minutes) AS
    CASE WHEN minutes < 0 THEN '-' ELSE '+' END || lpad(CAST(abs(minutes) // 60 AS VARCHAR), 2, '0')
    || ':' || lpad(CAST(abs(minutes) % 60 AS VARCHAR), 2, '0');

CREATE MACRO tr_duration_unit(unit) AS
    CASE unit WHEN 'ns' THEN 0.000001 WHEN 'us' THEN 0.001 WHEN 'ms' THEN 1.0 WHEN 's' THEN 1000.0 WHEN 'm' THEN 60000.0
              WHEN 'h' THEN 3600000.0 WHEN 'd' THEN 86400000.0 END;
CREATE MACRO tr_parse_duration(x) AS
    CASE WHEN regexp_full_match(x, '\s*[0-9]+(\.[0-9]+)?\s*(ns|us|ms|s|m|h|d)\s*')
         THEN to_milliseconds(CAST(round(CAST(regexp_extract(x, '[0-9.]+') AS DOUBLE)
                                         * tr_duration_unit(regexp_extract(x, '[a-z]+'))) AS BIGINT))
         WHEN x IS NULL THEN NULL
         ELSE to_milliseconds(tr_raise('INVALID_FUNCTION_ARGUMENT', 'duration is not a valid data duration string: ' || x)) END;

CREATE MACRO tr_counted(n, unit) AS
    CASE n WHEN 0 THEN NULL WHEN 1 THEN '1 ' || unit ELSE n || ' ' || unit || 's' END;
CREATE MACRO tr_human_readable(s) AS
    CASE WHEN s = 0 THEN '0 seconds'
         ELSE concat_ws(', ', tr_counted(s // 604800, 'week'), tr_counted(s // 86400 % 7, 'day'),
                        tr_counted(s // 3600 % 24, 'hour'), tr_counted(s // 60 % 60, 'minute'),
                        tr_counted(s % 60, 'second')) END;
CREATE MACRO tr_human_readable_seconds(x) AS tr_human_readable(CAST(round(abs(x)) AS BIGINT));

CREATE MACRO tr_iso_week_day(year, week, day) AS
    CAST(date_trunc('week', make_date(year, 1, 4)) AS DATE) + CAST((week - 1) * 7 + day - 1 AS INTEGER);
CREATE MACRO tr_iso_date(x) AS
    CASE WHEN regexp_full_match(x, '\d{4}-\d{2}-\d{2}') THEN CAST(x AS DATE)
         WHEN regexp_full_match(x, '\d{4}-\d{2}') THEN CAST(x || '-01' AS DATE)
         WHEN regexp_full_match(x, '\d{4}') THEN CAST(x || '-01-01' AS DATE)
         WHEN regexp_full_match(x, '\d{4}-W\d{2}(-\d)?')
         THEN tr_iso_week_day(CAST(left(x, 4) AS BIGINT), CAST(substr(x, 7, 2) AS BIGINT),
                              coalesce(TRY_CAST(substr(x, 10, 1) AS BIGINT), 1))
         WHEN regexp_full_match(x, '\d{4}-\d{3}')
         THEN make_date(CAST(left(x, 4) AS BIGINT), 1, 1) + (CAST(substr(x, 6, 3) AS INTEGER) - 1)
         WHEN x IS NULL THEN NULL
         ELSE CAST(CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Invalid format: "' || x || '"') AS VARCHAR) AS DATE) END;

CREATE MACRO tr_iso_timestamp(x) AS
    CASE WHEN regexp_full_match(x, '\d{4}-\d{2}-\d{2}') THEN CAST(x AS TIMESTAMPTZ)
         WHEN regexp_full_match(x, '\d{4}-\d{2}-\d{2}T\d{2}(:\d{2}(:\d{2}([.,]\d+)?)?)?(Z|[+-]\d{2}(:?\d{2})?)?')
         THEN CAST(regexp_replace(replace(replace(x, 'T', ' '), ',', '.'), '^(.{13})(Z|[+-].*)?$', '\1:00\2') AS TIMESTAMPTZ)
         WHEN x IS NULL THEN NULL
         ELSE CAST(CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Invalid format: "' || x || '"') AS VARCHAR) AS TIMESTAMPTZ) END;

CREATE MACRO tr_parse_moment(text, pattern, shown) AS
    CASE WHEN text IS NULL THEN NULL
         ELSE coalesce(try_strptime(text, pattern),
                       make_timestamp(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Invalid format: "' || shown || '"'))) END;

CREATE MACRO tr_whole_days(span, words) AS
    CASE WHEN epoch_us(span) % 86400000000 = 0 THEN span
         WHEN span IS NOT NULL THEN to_microseconds(tr_raise('INVALID_FUNCTION_ARGUMENT', words)) END;
