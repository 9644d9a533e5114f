-- JSON functions of Trino. A path arrives as a JSON pointer, which is what Trino's simple paths are; `number` is the
-- text of the number there, for the documents where it is one.
-- Source: https://trino.io/docs/current/functions/json.html#other-json-functions



CREATE MACRO tr_json_extract(document, path) AS
    CASE WHEN json_valid(CAST(document AS VARCHAR)) THEN json_extract(document, path) END;
CREATE MACRO tr_json_extract_scalar(document, path, number) AS CASE
    WHEN NOT json_valid(CAST(document AS VARCHAR)) THEN NULL
    WHEN json_type(document, path) IN ('OBJECT', 'ARRAY') THEN NULL
    WHEN json_type(document, path) = 'DOUBLE' THEN number
    ELSE json_extract_string(document, path) END;
CREATE MACRO tr_json_size(document, path) AS CASE
    WHEN NOT json_valid(CAST(document AS VARCHAR)) THEN NULL
    WHEN json_type(document, path) = 'OBJECT' THEN CAST(len(json_keys(document, path)) AS BIGINT)
    WHEN json_type(document, path) = 'ARRAY' THEN CAST(json_array_length(document, path) AS BIGINT)
    WHEN json_type(document, path) IS NOT NULL THEN 0 END;
CREATE MACRO tr_is_json_scalar(document) AS CASE
    WHEN document IS NULL THEN NULL
    WHEN NOT json_valid(CAST(document AS VARCHAR))
    THEN CAST(tr_fail('Invalid JSON value: ' || CAST(document AS VARCHAR)) AS BOOLEAN)
    ELSE json_type(document) NOT IN ('OBJECT', 'ARRAY') END;
CREATE MACRO tr_is_json_array(document) AS
    CASE WHEN json_valid(CAST(document AS VARCHAR)) THEN json_type(document) = 'ARRAY' END;
CREATE MACRO tr_json_array_length(document) AS
    CASE WHEN tr_is_json_array(document) THEN CAST(json_array_length(document) AS BIGINT) END;
CREATE MACRO tr_json_elements(document) AS
    CASE WHEN tr_is_json_array(document) THEN json_extract(document, '$[*]') END;
CREATE MACRO tr_json_array_get(document, place) AS CASE
    WHEN place IS NULL THEN NULL
    ELSE list_transform(
        [list_extract(tr_json_elements(document), CASE WHEN place < 0 THEN place ELSE place + 1 END)],
        lambda tr_element: CASE
            WHEN json_type(tr_element) = 'VARCHAR' THEN json_extract_string(tr_element, '$')
            WHEN json_type(tr_element) <> 'NULL' THEN CAST(tr_element AS VARCHAR) END)[1] END;

CREATE MACRO tr_json_has(document, outcomes) AS
    CASE WHEN tr_is_json_array(document) THEN coalesce(list_contains(outcomes, true), false) END;
CREATE MACRO tr_json_contains_boolean(document, wanted) AS CASE WHEN wanted IS NOT NULL THEN
    tr_json_has(document, list_transform(tr_json_elements(document), lambda tr_element:
        json_type(tr_element) = 'BOOLEAN' AND CAST(tr_element AS VARCHAR) = CAST(wanted AS VARCHAR))) END;
CREATE MACRO tr_json_contains_bigint(document, wanted) AS CASE WHEN wanted IS NOT NULL THEN
    tr_json_has(document, list_transform(tr_json_elements(document), lambda tr_element:
        json_type(tr_element) IN ('BIGINT', 'UBIGINT') AND CAST(tr_element AS VARCHAR) = CAST(wanted AS VARCHAR))) END;
CREATE MACRO tr_json_contains_double(document, wanted) AS CASE WHEN wanted IS NOT NULL THEN
    tr_json_has(document, list_transform(tr_json_elements(document), lambda tr_element:
        json_type(tr_element) = 'DOUBLE' AND CAST(CAST(tr_element AS VARCHAR) AS DOUBLE) = wanted)) END;
CREATE MACRO tr_json_contains_varchar(document, wanted) AS CASE WHEN wanted IS NOT NULL THEN
    tr_json_has(document, list_transform(tr_json_elements(document), lambda tr_element:
        json_type(tr_element) = 'VARCHAR' AND json_extract_string(tr_element, '$') = wanted)) END;

-- Casts of JSON. A cast that fails names the document and the type.
CREATE MACRO tr_json_cast_fail(document, kind) AS
    tr_raise('INVALID_CAST_ARGUMENT', 'Cannot cast ''' || CAST(document AS VARCHAR) || ''' to ' || kind);
CREATE MACRO tr_json_to_varchar(document) AS CASE json_type(document)
    WHEN 'NULL' THEN NULL
    WHEN 'VARCHAR' THEN json_extract_string(document, '$')
    WHEN 'DOUBLE' THEN tr_double_text(TRY_CAST(CAST(document AS VARCHAR) AS DOUBLE))
    WHEN 'OBJECT' THEN CAST(tr_json_cast_fail(document, 'varchar') AS VARCHAR)
    WHEN 'ARRAY' THEN CAST(tr_json_cast_fail(document, 'varchar') AS VARCHAR)
    ELSE CAST(document AS VARCHAR) END;
CREATE MACRO tr_json_to_boolean(document) AS CASE json_type(document)
    WHEN 'NULL' THEN NULL
    WHEN 'BOOLEAN' THEN CAST(document AS VARCHAR) = 'true'
    WHEN 'VARCHAR' THEN coalesce(
        CASE lower(json_extract_string(document, '$'))
            WHEN 'true' THEN true WHEN 't' THEN true WHEN '1' THEN true
            WHEN 'false' THEN false WHEN 'f' THEN false WHEN '0' THEN false END,
        CAST(tr_json_cast_fail(document, 'boolean') AS BOOLEAN))
    WHEN 'OBJECT' THEN CAST(tr_json_cast_fail(document, 'boolean') AS BOOLEAN)
    WHEN 'ARRAY' THEN CAST(tr_json_cast_fail(document, 'boolean') AS BOOLEAN)
    ELSE CAST(CAST(document AS VARCHAR) AS DOUBLE) <> 0 END;
CREATE MACRO tr_json_to_double(document, kind) AS CASE json_type(document)
    WHEN 'NULL' THEN NULL
    WHEN 'BOOLEAN' THEN CASE WHEN CAST(document AS VARCHAR) = 'true' THEN 1 ELSE 0 END
    WHEN 'OBJECT' THEN tr_json_cast_fail(document, kind)
    WHEN 'ARRAY' THEN tr_json_cast_fail(document, kind)
    ELSE coalesce(TRY_CAST(json_extract_string(document, '$') AS DOUBLE), tr_json_cast_fail(document, kind)) END;
CREATE MACRO tr_json_to_bigint(document, kind) AS CASE json_type(document)
    WHEN 'NULL' THEN NULL
    WHEN 'BOOLEAN' THEN CASE WHEN CAST(document AS VARCHAR) = 'true' THEN 1 ELSE 0 END
    WHEN 'DOUBLE' THEN coalesce(
        TRY_CAST(round(CAST(CAST(document AS VARCHAR) AS DOUBLE)) AS BIGINT), tr_json_cast_fail(document, kind))
    WHEN 'VARCHAR' THEN CASE
        WHEN regexp_full_match(json_extract_string(document, '$'), '[+-]?\d+')
        THEN coalesce(TRY_CAST(json_extract_string(document, '$') AS BIGINT), tr_json_cast_fail(document, kind))
        ELSE tr_json_cast_fail(document, kind) END
    WHEN 'OBJECT' THEN tr_json_cast_fail(document, kind)
    WHEN 'ARRAY' THEN tr_json_cast_fail(document, kind)
    ELSE coalesce(TRY_CAST(CAST(document AS VARCHAR) AS BIGINT), tr_json_cast_fail(document, kind)) END;
CREATE MACRO tr_json_to_decimal(document, kind) AS CASE json_type(document)
    WHEN 'NULL' THEN NULL
    WHEN 'BOOLEAN' THEN CASE WHEN CAST(document AS VARCHAR) = 'true' THEN '1' ELSE '0' END
    WHEN 'OBJECT' THEN CAST(tr_json_cast_fail(document, kind) AS VARCHAR)
    WHEN 'ARRAY' THEN CAST(tr_json_cast_fail(document, kind) AS VARCHAR)
    ELSE json_extract_string(document, '$') END;
CREATE MACRO tr_json_to_elements(document, kind) AS CASE
    WHEN document IS NULL OR json_type(document) = 'NULL' THEN NULL
    WHEN json_type(document) = 'ARRAY' THEN json_extract(document, '$[*]')
    ELSE [CAST(CAST(tr_json_cast_fail(document, kind) AS VARCHAR) AS JSON)] END;
CREATE MACRO tr_json_to_entries(document, kind) AS CASE
    WHEN document IS NULL OR json_type(document) = 'NULL' THEN NULL
    ELSE list_transform(
        json_keys(CASE
            WHEN json_type(document) = 'OBJECT' THEN document
            ELSE CAST(CAST(tr_json_cast_fail(document, kind) AS VARCHAR) AS JSON) END),
        lambda tr_key: struct_pack(
            key := tr_key, value := json_extract(document, '/' || replace(replace(tr_key, '~', '~0'), '/', '~1')))) END;
CREATE MACRO tr_json_to_record(document, kind) AS CASE
    WHEN document IS NULL OR json_type(document) = 'NULL' THEN NULL
    WHEN json_type(document) IN ('OBJECT', 'ARRAY') THEN document
    ELSE CAST(CAST(tr_json_cast_fail(document, kind) AS VARCHAR) AS JSON) END;
CREATE MACRO tr_json_field(document, label, place) AS CASE
    WHEN json_type(document) = 'ARRAY' THEN json_extract(document, '/' || place)
    ELSE json_extract(document, '/' || replace(replace(
        list_filter(json_keys(document), lambda tr_key: lower(tr_key) = label)[-1], '~', '~0'), '/', '~1')) END;
CREATE MACRO tr_json_key(label) AS
    coalesce(label, CAST(tr_fail('null value passed for JSON object key to JSON_OBJECT function') AS VARCHAR));
