CREATE MACRO tr_entropy(counts) AS
    CASE WHEN list_sum(counts) = 0 OR counts IS NULL THEN 0
         ELSE abs(list_sum(list_transform(list_filter(counts, lambda c: c > 0),
                                      lambda c: -c / list_sum(counts) * log2(c / list_sum(counts))))) END;
