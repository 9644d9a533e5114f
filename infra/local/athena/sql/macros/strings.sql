CREATE MACRO tr_strpos_from_start(text, part, n) AS
    CASE WHEN len(string_split(text, part)) <= n THEN 0
         ELSE len(array_to_string(list_slice(string_split(text, part), 1, n), part)) + 1 END;
CREATE MACRO tr_strpos(text, part, n) AS
    CASE WHEN text IS NULL OR part IS NULL OR n IS NULL THEN NULL
         WHEN n = 0 THEN tr_raise('INVALID_FUNCTION_ARGUMENT', '''instance'' must not be a positive or negative number.')
         WHEN part = '' THEN 1
         WHEN n > 0 THEN tr_strpos_from_start(text, part, n)
         WHEN tr_strpos_from_start(reverse(text), reverse(part), -n) = 0 THEN 0
         ELSE len(text) - tr_strpos_from_start(reverse(text), reverse(part), -n) - len(part) + 2 END;

CREATE MACRO tr_codepoint(text) AS
    CASE WHEN len(text) = 1 THEN unicode(text)
         WHEN text IS NOT NULL
         THEN CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Input string must be a single character string') AS INTEGER) END;

CREATE MACRO tr_substr(text, start) AS
    CASE WHEN text IS NOT NULL AND (start = 0 OR start < -len(text)) THEN '' ELSE substr(text, start) END;
CREATE MACRO tr_substr_of(text, start, size) AS
    CASE WHEN text IS NOT NULL AND (start = 0 OR start < -len(text) OR size <= 0) THEN '' ELSE substr(text, start, size) END;

-- An empty text to look for stands before every letter and behind the last one.
CREATE MACRO tr_replace(text, part, new) AS
    CASE WHEN part = '' THEN new || array_to_string(list_transform(string_split(text, ''), lambda letter: letter || new), '')
         ELSE replace(text, part, new) END;

-- Trino turns letter by letter, and leaves the one that has no great form of one letter.
CREATE MACRO tr_upper(text) AS
    CASE WHEN contains(text, 'ß') THEN array_to_string(list_transform(string_split(text, 'ß'), lambda part: upper(part)), 'ß')
         ELSE upper(text) END;

-- DuckDB keeps an accent with its letter, which are two letters to Trino.
CREATE MACRO tr_reverse_text(text) AS
    CASE WHEN length(text) = strlen(text) THEN reverse(text)
         ELSE array_to_string(list_reverse(list_transform(range(1, length(text) + 1), lambda place: substr(text, place, 1))), '') END;

CREATE MACRO tr_split_whole(text, delimiter) AS
    CASE WHEN delimiter = '' THEN [CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'The delimiter may not be the empty string') AS VARCHAR)]
         ELSE string_split(text, delimiter) END;
CREATE MACRO tr_split(text, delimiter, size) AS
    CASE WHEN delimiter = '' THEN [CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'The delimiter may not be the empty string') AS VARCHAR)]
         WHEN size <= 0 THEN [CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Limit must be positive') AS VARCHAR)]
         WHEN len(string_split(text, delimiter)) <= size THEN string_split(text, delimiter)
         ELSE list_append(list_slice(string_split(text, delimiter), 1, size - 1),
                          array_to_string(list_slice(string_split(text, delimiter), size, len(text)), delimiter)) END;
CREATE MACRO tr_split_part(text, delimiter, n) AS
    CASE WHEN n > 0 THEN string_split(text, delimiter)[n]
         WHEN n IS NULL OR text IS NULL OR delimiter IS NULL THEN NULL
         ELSE CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Index must be greater than zero') AS VARCHAR) END;

CREATE MACRO tr_lpad(text, size, padding) AS
    CASE WHEN padding = '' THEN CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Padding string must not be empty') AS VARCHAR)
         WHEN size < 0 THEN CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Target length must be in the range [0..2147483647]') AS VARCHAR)
         ELSE lpad(text, CAST(size AS INTEGER), padding) END;
CREATE MACRO tr_rpad(text, size, padding) AS
    CASE WHEN padding = '' THEN CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Padding string must not be empty') AS VARCHAR)
         WHEN size < 0 THEN CAST(tr_raise('INVALID_FUNCTION_ARGUMENT', 'Target length must be in the range [0..2147483647]') AS VARCHAR)
         ELSE rpad(text, CAST(size AS INTEGER), padding) END;

CREATE MACRO tr_hamming_distance(a, b) AS
    CASE WHEN len(a) <> len(b)
         THEN tr_raise('INVALID_FUNCTION_ARGUMENT', 'The input strings to hamming_distance function must have the same length')
         WHEN len(a) = strlen(a) AND len(b) = strlen(b) THEN CASE WHEN a = '' THEN 0 ELSE hamming(a, b) END
         ELSE len(list_filter(list_zip(string_split(a, ''), string_split(b, '')), lambda pair: pair[1] <> pair[2])) END;
