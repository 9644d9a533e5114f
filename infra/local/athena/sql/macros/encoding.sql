-- Bytes to texts and numbers, and back.
-- Source: https://trino.io/docs/current/functions/binary.html

CREATE MACRO tr_from_hex(text) AS CASE
    WHEN octet_length(encode(text)) % 2 = 1
    THEN CAST(CAST(tr_fail('invalid input length ' || octet_length(encode(text))) AS VARCHAR) AS BLOB)
    WHEN NOT regexp_full_match(text, '[0-9A-Fa-f]*')
    THEN CAST(CAST(tr_fail('not a hexadecimal digit in ' || text) AS VARCHAR) AS BLOB)
    ELSE unhex(text) END;
CREATE MACRO tr_substr_bytes(data, start, size) AS CASE
    WHEN start = 0 OR size <= 0 OR start < -octet_length(data) THEN CAST('' AS BLOB)
    WHEN start < 0 THEN unhex(substr(hex(data), (octet_length(data) + start) * 2 + 1, least(size, 1000000000) * 2))
    ELSE unhex(substr(hex(data), (start - 1) * 2 + 1, least(size, 1000000000) * 2)) END;
CREATE MACRO tr_reverse_bytes(data) AS unhex(array_to_string(
    list_transform(range(octet_length(data), 0, -1), lambda tr_place: substr(hex(data), tr_place * 2 - 1, 2)), ''));
CREATE MACRO tr_concat_bytes(first, second) AS first || second;
