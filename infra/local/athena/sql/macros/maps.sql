-- Map functions of Trino that DuckDB lacks or answers differently; entries keep the order in which they came.
-- Source: https://trino.io/docs/current/functions/map.html

CREATE MACRO tr_map_at(entries, wanted) AS list_extract(map_extract(entries, wanted), CASE
    WHEN entries IS NULL OR wanted IS NULL THEN NULL
    WHEN map_contains(entries, wanted) THEN 1
    ELSE tr_fail('Key not present in map: ' || CAST(wanted AS VARCHAR)) END);
CREATE MACRO tr_map_element_at(entries, wanted) AS list_extract(map_extract(entries, wanted), 1);

CREATE MACRO tr_duplicate(keys) AS
    list_filter(keys, lambda tr_key, tr_index: list_position(keys, tr_key) < tr_index)[1];
CREATE MACRO tr_map_keys(keys) AS tr_require(
    tr_require(keys, NOT tr_has_null(keys), 'map key cannot be null'),
    list_unique(keys) = len(keys) OR tr_has_null(keys),
    'Duplicate map keys (' || CAST(tr_duplicate(keys) AS VARCHAR) || ') are not allowed');
CREATE MACRO tr_map(keys, items) AS CASE
    WHEN keys IS NULL OR items IS NULL THEN NULL
    ELSE map(tr_map_keys(keys), tr_require(items, len(keys) = len(items), 'Key and value arrays must be the same length'))
    END;
CREATE MACRO tr_map_of(entries) AS tr_map(
    list_transform(entries, lambda tr_entry: tr_entry.key), list_transform(entries, lambda tr_entry: tr_entry.value));

CREATE MACRO tr_first_entries(entries, keys) AS CASE
    WHEN list_unique(keys) = len(keys) THEN entries
    ELSE list_filter(entries, lambda tr_entry, tr_index: list_position(keys, tr_entry.key) = tr_index) END;
CREATE MACRO tr_map_first(entries) AS map_from_entries(
    tr_first_entries(entries, list_transform(entries, lambda tr_entry: tr_entry.key)));
CREATE MACRO tr_values_of(entries, wanted) AS list_transform(
    list_filter(entries, lambda tr_entry: tr_entry.key = wanted), lambda tr_entry: tr_entry.value);
CREATE MACRO tr_multimap_of(entries) AS map_from_entries(list_transform(
    tr_map_keys(tr_array_distinct(list_transform(entries, lambda tr_entry: tr_entry.key))),
    lambda tr_key: struct_pack(key := tr_key, value := tr_values_of(entries, tr_key))));
CREATE MACRO tr_map_concat(first, second) AS CASE
    WHEN first IS NULL OR second IS NULL THEN NULL
    ELSE map_from_entries(list_concat(map_entries(second), list_filter(
        map_entries(first), lambda tr_entry: NOT map_contains(second, tr_entry.key)))) END;

CREATE MACRO tr_split_entries(text, entry_delimiter, key_delimiter) AS string_split(
    CASE WHEN suffix(text, entry_delimiter) THEN left(text, -length(entry_delimiter)) ELSE text END,
    CASE
        WHEN entry_delimiter = '' THEN CAST(tr_fail('entryDelimiter is empty') AS VARCHAR)
        WHEN key_delimiter = '' THEN CAST(tr_fail('keyValueDelimiter is empty') AS VARCHAR)
        WHEN key_delimiter = entry_delimiter
        THEN CAST(tr_fail('entryDelimiter and keyValueDelimiter must not be the same') AS VARCHAR)
        ELSE entry_delimiter END);
CREATE MACRO tr_split_pair(entry, pair) AS struct_pack(
    key := pair[CASE WHEN len(pair) = 2 THEN 1 ELSE tr_fail(
        'Key-value delimiter must appear exactly once in each entry. Bad input: ''' || entry || '''') END],
    value := pair[2]);
CREATE MACRO tr_split_pairs(text, entry_delimiter, key_delimiter) AS CASE
    WHEN text = '' THEN []
    ELSE list_transform(
        tr_split_entries(text, entry_delimiter, key_delimiter),
        lambda tr_part: tr_split_pair(tr_part, string_split(tr_part, key_delimiter))) END;
CREATE MACRO tr_split_keys(keys) AS tr_require(
    keys, list_unique(keys) = len(keys), 'Duplicate keys (' || tr_duplicate(keys) || ') are not allowed');
CREATE MACRO tr_split_map(pairs) AS CASE WHEN pairs IS NULL THEN NULL ELSE map(
    tr_split_keys(list_transform(pairs, lambda tr_pair: tr_pair.key)),
    list_transform(pairs, lambda tr_pair: tr_pair.value)) END;
