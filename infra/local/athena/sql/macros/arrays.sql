-- Array functions of Trino that DuckDB lacks or answers differently.
-- Source: https://trino.io/docs/current/functions/array.html
-- A fault is raised by a cast that cannot succeed: unlike error(), TRY catches it and the optimizer may move it.

CREATE MACRO tr_raise(code, message) AS CAST('tr!' || code || '!' || message || '!tr' AS BIGINT);
CREATE MACRO tr_fail(message) AS tr_raise('INVALID_FUNCTION_ARGUMENT', message);

CREATE MACRO tr_require(elements, holds, message) AS
    list_slice(elements, 1, CASE WHEN holds THEN len(elements) ELSE tr_fail(message) END);

CREATE MACRO tr_at(elements, position) AS list_extract(elements, CASE
    WHEN position BETWEEN 1 AND len(elements) THEN position
    WHEN elements IS NULL OR position IS NULL THEN NULL
    WHEN position = 0 THEN tr_fail('SQL array indices start at 1')
    WHEN position < 0 THEN tr_fail('Array subscript is negative: ' || position)
    ELSE tr_fail('Array subscript must be less than or equal to array length: ' || position || ' > ' || len(elements))
    END);

CREATE MACRO tr_element_at(elements, position) AS
    list_extract(elements, CASE WHEN position = 0 THEN tr_fail('SQL array indices start at 1') ELSE position END);

CREATE MACRO tr_slice_start(size, start) AS CASE
    WHEN start = 0 THEN tr_fail('SQL array indices start at 1')
    WHEN start < 0 THEN size + start + 1
    ELSE start END;
CREATE MACRO tr_slice(elements, start, size) AS CASE
    WHEN elements IS NULL OR start IS NULL OR size IS NULL THEN NULL
    WHEN tr_slice_start(len(elements), start) < 1 THEN list_slice(elements, 1, 0)
    ELSE list_slice(elements, tr_slice_start(len(elements), start), CASE
        WHEN size < 0 THEN tr_fail('length must be greater than or equal to 0')
        ELSE tr_slice_start(len(elements), start) + size - 1 END)
    END;

CREATE MACRO tr_trim_array(elements, size) AS CASE
    WHEN elements IS NULL OR size IS NULL THEN NULL
    ELSE list_slice(elements, 1, CASE
        WHEN size < 0 THEN tr_fail('size must not be negative: ' || size)
        WHEN size > len(elements) THEN
            tr_fail('size must not exceed array cardinality ' || len(elements) || ': ' || size)
        ELSE len(elements) - size END)
    END;

CREATE MACRO tr_repeat(element, size) AS list_transform(
    range(CASE
        WHEN size < 0 THEN tr_fail('count argument of repeat function must be greater than or equal to 0')
        WHEN size > 10000 THEN tr_fail('count argument of repeat function must be less than or equal to 10000')
        ELSE size END),
    lambda tr_index: element);

CREATE MACRO tr_sequence_size(steps, forward) AS CASE
    WHEN forward IS NULL THEN tr_fail('step must not be zero')
    WHEN NOT forward THEN tr_fail('sequence stop value should be greater than or equal to start value if step is greater'
        || ' than zero otherwise stop should be less than or equal to start')
    WHEN steps >= 10000 THEN tr_fail('result of sequence function must not have more than 10000 entries')
    ELSE steps + 1 END;
CREATE MACRO tr_sequence_bigint(first, final, step) AS list_transform(
    range(CASE WHEN first IS NULL OR final IS NULL OR step IS NULL THEN NULL ELSE CAST(tr_sequence_size(
        (CAST(final AS HUGEINT) - CAST(first AS HUGEINT)) // nullif(CAST(step AS HUGEINT), 0),
        CASE WHEN step > 0 THEN final >= first WHEN step < 0 THEN final <= first END) AS BIGINT) END),
    lambda tr_index: CAST(CAST(first AS BIGINT) + tr_index * CAST(step AS BIGINT) AS BIGINT));
CREATE MACRO tr_months(span) AS CAST(datepart('year', span) * 12 + datepart('month', span) AS BIGINT);
CREATE MACRO tr_sequence_steps(first, final, span) AS CASE
    WHEN tr_months(span) <> 0 THEN datesub('month', first, final) // tr_months(span)
    ELSE CAST((epoch_us(final) - epoch_us(first)) // nullif(epoch_us(span), 0) AS BIGINT) END;
CREATE MACRO tr_sequence_timestamp(first, final, span) AS list_transform(
    range(CASE WHEN first IS NULL OR final IS NULL OR span IS NULL THEN NULL ELSE CAST(tr_sequence_size(
        tr_sequence_steps(first, final, span),
        CASE WHEN first + span > first THEN final >= first WHEN first + span < first THEN final <= first END)
        AS BIGINT) END),
    lambda tr_index: first + CAST(tr_index AS INTEGER) * span);
CREATE MACRO tr_sequence_date(first, final, span) AS CAST(tr_sequence_timestamp(
    CAST(first AS TIMESTAMP), CAST(final AS TIMESTAMP), CASE
        WHEN epoch_us(span) % 86400000000 = 0 OR tr_months(span) <> 0 THEN span
        ELSE to_days(CAST(tr_fail('sequence step must be a day interval if start and end values are dates')
            AS INTEGER)) END) AS DATE[]);
CREATE MACRO tr_day_towards(first, final) AS to_days(CASE WHEN final >= first THEN 1 ELSE -1 END);

CREATE MACRO tr_array_distinct(elements) AS
    list_filter(elements, lambda tr_element, tr_index: list_position(elements, tr_element) = tr_index);
CREATE MACRO tr_array_concat(first, second) AS
    CASE WHEN first IS NULL OR second IS NULL THEN NULL ELSE list_concat(first, second) END;
CREATE MACRO tr_array_append(elements, element) AS
    CASE WHEN elements IS NULL THEN NULL ELSE list_append(elements, element) END;
CREATE MACRO tr_array_prepend(element, elements) AS
    CASE WHEN elements IS NULL THEN NULL ELSE list_prepend(element, elements) END;
CREATE MACRO tr_array_union(first, second) AS tr_array_distinct(tr_array_concat(first, second));
CREATE MACRO tr_array_except(first, second) AS CASE
    WHEN first IS NULL OR second IS NULL THEN NULL
    WHEN len(second) = 0 THEN first
    ELSE list_filter(tr_array_distinct(first), lambda tr_element: list_position(second, tr_element) IS NULL) END;
CREATE MACRO tr_array_common(longer, shorter) AS
    list_filter(tr_array_distinct(longer), lambda tr_element: list_position(shorter, tr_element) IS NOT NULL);
CREATE MACRO tr_array_intersect(first, second) AS CASE
    WHEN first IS NULL OR second IS NULL THEN NULL
    WHEN len(first) < len(second) THEN tr_array_common(second, first)
    ELSE tr_array_common(first, second) END;

CREATE MACRO tr_has_null(elements) AS list_count(elements) < len(elements);
CREATE MACRO tr_array_max(elements) AS CASE WHEN NOT tr_has_null(elements) THEN list_max(elements) END;
CREATE MACRO tr_array_min(elements) AS CASE WHEN NOT tr_has_null(elements) THEN list_min(elements) END;
CREATE MACRO tr_array_position(elements, element) AS CASE
    WHEN elements IS NULL OR element IS NULL THEN NULL
    ELSE CAST(coalesce(list_position(elements, element), 0) AS BIGINT) END;
CREATE MACRO tr_array_remove(elements, element) AS CASE
    WHEN element IS NULL THEN NULL
    ELSE list_filter(elements, lambda tr_element: tr_element IS DISTINCT FROM element) END;
CREATE MACRO tr_contains(elements, element) AS CASE
    WHEN elements IS NULL OR element IS NULL THEN NULL
    WHEN list_contains(elements, element) THEN true
    WHEN tr_has_null(elements) THEN NULL
    ELSE false END;
CREATE MACRO tr_arrays_overlap(first, second) AS CASE
    WHEN first IS NULL OR second IS NULL THEN NULL
    WHEN len(first) = 0 OR len(second) = 0 THEN false
    WHEN list_has_any(first, second) THEN true
    WHEN tr_has_null(first) OR tr_has_null(second) THEN NULL
    ELSE false END;
CREATE MACRO tr_contains_sequence(elements, part) AS CASE
    WHEN elements IS NULL OR part IS NULL THEN NULL
    WHEN len(part) = 0 THEN true
    ELSE coalesce(list_bool_or(list_transform(
        range(1, len(elements) - len(part) + 2),
        lambda tr_index: list_slice(elements, tr_index, tr_index + len(part) - 1) = part)), false) END;
CREATE MACRO tr_ngrams(elements, size) AS list_transform(
    range(1, greatest(len(elements) - CASE WHEN size <= 0 THEN tr_fail('N must be positive') ELSE size END + 1, 1) + 1),
    lambda tr_index: list_slice(elements, tr_index, tr_index + size - 1));
CREATE MACRO tr_array_join(elements, delimiter) AS
    CASE WHEN delimiter IS NULL THEN NULL ELSE array_to_string(elements, delimiter) END;
CREATE MACRO tr_array_join_null(elements, delimiter, replacement) AS
    tr_array_join(list_transform(elements, lambda tr_element: coalesce(tr_element, replacement)), delimiter);
CREATE MACRO tr_shuffle(elements) AS list_transform(
    list_sort(list_transform(elements, lambda tr_element: struct_pack(place := random(), element := tr_element))),
    lambda tr_entry: tr_entry.element);
CREATE MACRO tr_any_match(outcomes) AS CASE
    WHEN outcomes IS NULL THEN NULL
    WHEN list_contains(outcomes, true) THEN true
    WHEN tr_has_null(outcomes) THEN NULL
    ELSE false END;
CREATE MACRO tr_all_match(outcomes) AS CASE
    WHEN outcomes IS NULL THEN NULL
    WHEN list_contains(outcomes, false) THEN false
    WHEN tr_has_null(outcomes) THEN NULL
    ELSE true END;
CREATE MACRO tr_equal_sized(is_missing, is_as_long, outcomes) AS CASE
    WHEN is_missing THEN NULL
    WHEN is_as_long THEN tr_all_match(outcomes)
    ELSE false END;
CREATE MACRO tr_joined(pieces) AS CASE WHEN NOT tr_has_null(pieces) THEN array_to_string(pieces, '') END;
