CREATE MACRO tr_integer_text(x, word) AS
    CASE WHEN regexp_full_match(x, '[+-]?[0-9]+') THEN x
         ELSE CAST(tr_raise('INVALID_CAST_ARGUMENT', 'Cannot cast ''' || x || ''' to ' || word) AS VARCHAR)
    END;

CREATE MACRO tr_text_to_boolean(x) AS
    CASE WHEN lower(x) IN ('true', 't', '1') THEN true
         WHEN lower(x) IN ('false', 'f', '0') THEN false
         ELSE CAST(tr_raise('INVALID_CAST_ARGUMENT', 'Cannot cast ''' || x || ''' to BOOLEAN') AS BOOLEAN) END;

CREATE MACRO tr_text_to_date(x) AS
    CAST(CASE WHEN regexp_full_match(x, '\s*[+-]?[0-9]+-[0-9]{1,2}-[0-9]{1,2}\s*') THEN x
              ELSE CAST(tr_raise('INVALID_CAST_ARGUMENT', 'Value cannot be cast to date: ' || x) AS VARCHAR)
         END AS DATE);

CREATE MACRO tr_text_to_timestamp(x) AS
    CAST(CASE WHEN regexp_full_match(x, '\s*[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?\s*')
              THEN x
              ELSE CAST(tr_raise('INVALID_CAST_ARGUMENT', 'Value cannot be cast to timestamp: ' || x) AS VARCHAR)
         END AS TIMESTAMP);

CREATE MACRO tr_text_to_zoned(x) AS
    CAST(CASE WHEN regexp_full_match(x, '\s*[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}(\.[0-9]+)?)?)?( *[A-Za-z+-][A-Za-z0-9_/:+-]*)?\s*')
              THEN x
              ELSE CAST(tr_raise('INVALID_CAST_ARGUMENT', 'Value cannot be cast to timestamp with time zone: ' || x) AS VARCHAR)
         END AS TIMESTAMPTZ);

CREATE MACRO tr_fitting_text(x, size) AS
    CASE WHEN len(x) <= size THEN x
         ELSE CAST(tr_raise('INVALID_CAST_ARGUMENT', 'Value ' || x || ' cannot be represented as varchar(' || size || ')') AS VARCHAR)
    END;

-- The digits of a number's shortest text, without sign and point, and the exponent of the first of them.
CREATE MACRO tr_digits(t) AS ltrim(replace(split_part(t, 'e', 1), '.', ''), '0');
CREATE MACRO tr_exponent(t) AS
    coalesce(TRY_CAST(split_part(t, 'e', 2) AS INTEGER), 0)
    + CASE WHEN split_part(t, '.', 1) = '0'
           THEN len(ltrim(split_part(split_part(t, 'e', 1), '.', 2), '0')) - len(split_part(split_part(t, 'e', 1), '.', 2)) - 1
           ELSE len(split_part(split_part(t, 'e', 1), '.', 1)) - 1 END;
CREATE MACRO tr_scientific(t) AS
    left(tr_digits(t), 1) || '.' || CASE WHEN rtrim(substr(tr_digits(t), 2), '0') = '' THEN '0' ELSE rtrim(substr(tr_digits(t), 2), '0') END
    || 'E' || tr_exponent(t);
CREATE MACRO tr_shortest(x) AS
    CASE WHEN x < 1e-43 AND regexp_full_match(CAST(x AS VARCHAR), '[0-9]e-[0-9]+') THEN printf('%.1e', CAST(x AS DOUBLE))
         ELSE CAST(x AS VARCHAR) END;
CREATE MACRO tr_double_text(x) AS
    CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
         WHEN x = 0 THEN CASE WHEN signbit(x) THEN '-0.0E0' ELSE '0.0E0' END
         ELSE CASE WHEN x < 0 THEN '-' ELSE '' END || tr_scientific(tr_shortest(abs(x))) END;

CREATE MACRO tr_day_to_second_text(i) AS
    CASE WHEN epoch_us(i) < 0 THEN '-' ELSE '' END || (abs(epoch_us(i)) // 86400000000)
    || ' ' || lpad(CAST(abs(epoch_us(i)) // 3600000000 % 24 AS VARCHAR), 2, '0')
    || ':' || lpad(CAST(abs(epoch_us(i)) // 60000000 % 60 AS VARCHAR), 2, '0')
    || ':' || lpad(CAST(abs(epoch_us(i)) // 1000000 % 60 AS VARCHAR), 2, '0')
    || '.' || lpad(CAST(abs(epoch_us(i)) // 1000 % 1000 AS VARCHAR), 3, '0');
CREATE MACRO tr_month_count(i) AS datepart('year', i) * 12 + datepart('month', i);
CREATE MACRO tr_year_to_month_text(i) AS
    CASE WHEN tr_month_count(i) < 0 THEN '-' ELSE '' END || (abs(tr_month_count(i)) // 12) || '-' || (abs(tr_month_count(i)) % 12);
