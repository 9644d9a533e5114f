"""Bitwise functions.

Source: https://trino.io/docs/current/functions/bitwise.html
"""

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import INTEGERS, duckdb_type
from infra.local.athena.sql.functions import define, rule
from infra.local.athena.sql.value import Value

_BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}

define("bitwise_and(bigint, bigint) -> bigint", "({0} & {1})")
define("bitwise_or(bigint, bigint) -> bigint", "({0} | {1})")
define("bitwise_xor(bigint, bigint) -> bigint", "xor({0}, {1})")
define("bitwise_not(bigint) -> bigint", "(~{0})")
define("bit_count(bigint, bigint) -> bigint", "tr_bit_count({0}, {1})")


def _shift(call: Call) -> Value:
    value, by = call.values
    if value.type.name not in INTEGERS or by.type.name not in INTEGERS:
        given = ", ".join(call.type_texts())
        raise call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {call.name}")
    bits, kind = _BITS[value.type.name], duckdb_type(value.type)
    sql = f"tr_{call.name}(CAST({value.sql} AS HUGEINT), CAST({by.sql} AS INTEGER), {bits})"
    return Value(f"CAST({sql} AS {kind})", value.type)


for _name in ("bitwise_left_shift", "bitwise_right_shift", "bitwise_right_shift_arithmetic"):
    rule(_name, 2, 2)(_shift)
