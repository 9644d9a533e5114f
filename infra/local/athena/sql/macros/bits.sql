-- A number of so many bits read as one without a sign, and back.
CREATE MACRO tr_unsigned(x, bits) AS CASE WHEN x < 0 THEN x + CAST(pow(2, bits) AS HUGEINT) ELSE x END;
CREATE MACRO tr_signed(x, bits) AS
    CASE WHEN x % CAST(pow(2, bits) AS HUGEINT) >= CAST(pow(2, bits - 1) AS HUGEINT)
         THEN x % CAST(pow(2, bits) AS HUGEINT) - CAST(pow(2, bits) AS HUGEINT) ELSE x % CAST(pow(2, bits) AS HUGEINT) END;
CREATE MACRO tr_bitwise_left_shift(x, shift, bits) AS
    CASE WHEN shift >= bits THEN 0
         ELSE tr_signed(tr_unsigned(x, bits) % CAST(pow(2, bits - shift) AS HUGEINT) * CAST(pow(2, shift) AS HUGEINT), bits) END;
CREATE MACRO tr_bitwise_right_shift(x, shift, bits) AS
    CASE WHEN shift >= bits THEN 0 WHEN shift = 0 THEN x
         ELSE tr_signed(tr_unsigned(x, bits) // CAST(pow(2, shift) AS HUGEINT), bits) END;
CREATE MACRO tr_bitwise_right_shift_arithmetic(x, shift, bits) AS
    CASE WHEN shift >= bits THEN CASE WHEN x < 0 THEN -1 ELSE 0 END
         ELSE (x - ((x % CAST(pow(2, shift) AS HUGEINT)) + CAST(pow(2, shift) AS HUGEINT)) % CAST(pow(2, shift) AS HUGEINT)) // CAST(pow(2, shift) AS HUGEINT) END;
CREATE MACRO tr_bit_count(x, bits) AS
    CASE WHEN bits < 2 OR bits > 64
         THEN tr_raise('INVALID_FUNCTION_ARGUMENT', 'Bits specified in bit_count must be between 2 and 64, got ' || bits)
         WHEN CAST(x AS HUGEINT) >= CAST(pow(2, bits - 1) AS HUGEINT) OR CAST(x AS HUGEINT) < -CAST(pow(2, bits - 1) AS HUGEINT)
         THEN tr_raise('INVALID_FUNCTION_ARGUMENT',
                       'Number must be representable with the bits specified. ' || x || ' cannot be represented with ' || bits || ' bits')
         ELSE CAST(bit_count(tr_unsigned(CAST(x AS HUGEINT), bits)) AS BIGINT) END;
