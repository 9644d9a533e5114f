CREATE MACRO tr_round_quotient(dividend, divisor) AS
    (dividend // divisor)
    + CASE WHEN 2 * abs(dividend % divisor) >= abs(divisor) THEN sign(dividend) * sign(divisor) ELSE 0 END;
CREATE MACRO tr_factor(x) AS x;
