CREATE MACRO tr_java_double(x) AS
    CASE WHEN abs(x) >= 0.001 AND abs(x) < 10000000 OR x = 0 THEN CAST(x AS VARCHAR) ELSE tr_double_text(x) END;

CREATE MACRO tr_format_scaled(x, unit) AS
    CASE WHEN abs(x) >= 100 THEN CAST(CAST(round(x) AS BIGINT) AS VARCHAR)
         WHEN abs(x) >= 10 THEN regexp_replace(printf('%.1f', x), '\.0$', '')
         ELSE regexp_replace(printf('%.2f', x), '\.?0+$', '') END || unit;
CREATE MACRO tr_format_number(x) AS
    CASE WHEN abs(x) < 1000 THEN tr_format_scaled(x, '')
         WHEN abs(x) < 1e6 THEN tr_format_scaled(x / 1e3, 'K')
         WHEN abs(x) < 1e9 THEN tr_format_scaled(x / 1e6, 'M')
         WHEN abs(x) < 1e12 THEN tr_format_scaled(x / 1e9, 'B')
         WHEN abs(x) < 1e15 THEN tr_format_scaled(x / 1e12, 'T')
         ELSE tr_format_scaled(x / 1e15, 'Q') END;

CREATE MACRO tr_parse_data_size(x) AS
    CASE WHEN regexp_full_match(x, '\d+(\.\d+)?(B|kB|MB|GB|TB|PB|EB|ZB|YB)')
         THEN CAST(floor(CAST(regexp_extract(x, '[0-9.]+') AS DECIMAL(38, 6))
              * CAST(pow(1024, list_position(['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB', 'ZB', 'YB'], regexp_extract(x, '[A-Za-z]+')) - 1) AS HUGEINT))
              AS DECIMAL(38, 0))
         WHEN x IS NOT NULL THEN CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Invalid data size: ''' || x || '''') AS DECIMAL(38, 0)) END;
