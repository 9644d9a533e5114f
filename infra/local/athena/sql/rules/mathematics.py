"""Functions of numbers.

Source: https://trino.io/docs/current/functions/math.html
"""

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import DOUBLE, INTEGERS, NUMBERS, Type, decimal, duckdb_type
from infra.local.athena.sql.functions import alias, define, rule
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.arithmetic import arithmetic
from infra.local.athena.sql.value import Value

for _name in ("exp", "degrees", "radians", "acos", "asin", "atan", "cos", "sin", "tan", "cosh", "sinh", "tanh"):
    define(f"{_name}(double) -> double", f"{_name}({{0}})")
for _name in ("ln", "log2", "log10", "sqrt"):
    define(f"{_name}(double) -> double", f"{_name}({{0}})")
define("cbrt(double) -> double", "tr_cbrt({0})")
define("log(double, double) -> double", "(ln({1}) / ln({0}))")
define("power(double, double) -> double", "pow({0}, {1})")
alias("pow", "power")
define("atan2(double, double) -> double", "atan2({0}, {1})")
define("e() -> double", "CAST(2.718281828459045 AS DOUBLE)")
define("pi() -> double", "pi()")
define("nan() -> double", "CAST('NaN' AS DOUBLE)")
define("infinity() -> double", "CAST('Infinity' AS DOUBLE)")
define("is_nan(double) -> boolean", "isnan({0})")
define("is_finite(double) -> boolean", "isfinite({0})")
define("is_infinite(double) -> boolean", "isinf({0})")
define("width_bucket(double, double, double, bigint) -> bigint", "tr_width_bucket({0}, {1}, {2}, {3})")
define("width_bucket(double, array(double)) -> bigint", "len(list_filter({1}, lambda bin: bin <= {0}))")
define("cosine_similarity(array(double), array(double)) -> double", "list_cosine_similarity({0}, {1})")
define("cosine_distance(array(double), array(double)) -> double", "list_cosine_distance({0}, {1})")
define("random() -> double", "random()")
define("random(bigint) -> bigint", "CAST(floor(random() * {0}) AS BIGINT)")
define("random(bigint, bigint) -> bigint", "CAST(floor({0} + random() * ({1} - {0})) AS BIGINT)")
alias("rand", "random")
define("wilson_interval_lower(bigint, bigint, double) -> double", "tr_wilson({0}, {1}, {2}, -1)")
define("wilson_interval_upper(bigint, bigint, double) -> double", "tr_wilson({0}, {1}, {2}, 1)")


def _number(call: Call) -> Value:
    value = call.value(0)
    if value.type.name not in (*NUMBERS, "", "unknown"):
        raise call.fault("FUNCTION_NOT_FOUND", f"Unexpected parameters ({value.type}) for function {call.name}")
    return value


def _to(sql: str, kind: Type) -> Value:
    return Value(f"CAST({sql} AS {duckdb_type(kind)})", kind)


@rule("abs", 1, 1)
def absolute(call: Call) -> Value:
    value = _number(call)
    return Value(f"abs({value.sql})", value.type)


@rule("sign", 1, 1)
def sign(call: Call) -> Value:
    value = _number(call)
    if value.type.name in ("double", "real"):
        return _to(f"(CASE WHEN isnan({value.sql}) THEN {value.sql} ELSE sign({value.sql}) END)", value.type)
    return _to(f"sign({value.sql})", decimal(1, 0) if value.type.name == "decimal" else value.type)


def _whole(call: Call) -> Value:
    """Rounded up or down to a whole number: integers stay as they are, a decimal loses its fraction."""
    value = _number(call)
    name = "floor" if call.name == "floor" else "ceil"
    if value.type.name in INTEGERS:
        return value
    if value.type.name == "decimal":
        precision, scale = value.type.sizes
        return _to(f"{name}({value.sql})", decimal(max(precision - scale + min(scale, 1), 1), 0))
    return Value(f"{name}({value.sql})", value.type)


for _name in ("floor", "ceil", "ceiling"):
    rule(_name, 1, 1)(_whole)


@rule("round", 1, 2)
def round_(call: Call) -> Value:
    value = _number(call)
    places = call.value(1).sql if len(call.arguments) > 1 else None
    if value.type.name == "decimal":
        precision, scale = value.type.sizes
        if places is None:
            return _to(f"round({value.sql})", decimal(max(precision - scale + min(scale, 1), 1), 0))
        wide = decimal(precision + 1, scale)
        return _to(_round_decimal(call, value), wide)
    if places is None:
        return value if value.type.name in INTEGERS else Value(f"round({value.sql})", value.type)
    if value.type.name in INTEGERS:
        return _to(f"round({value.sql}, {places})", value.type)
    return _to(f"tr_round({value.sql}, {places})", value.type)


def _round_decimal(call: Call, value: Value) -> str:
    places = call.constant(1)
    if not isinstance(places, int):
        raise call.fault("NOT_SUPPORTED", f"{call.name} of a decimal needs a literal for its places", call.arguments[1])
    if places >= value.type.sizes[1]:
        return value.sql
    name = "round" if call.name == "round" else "trunc"
    wide = f"CAST({value.sql} AS DECIMAL(38, {value.type.sizes[1]}))"
    if places > 0:
        unit = 10**places
        return f"({name}({wide} * {unit}) * {1 / unit:.{places}f})"
    return f"({name}({wide} * {10.0**places:.{-places}f}) * {10**-places})"


@rule("truncate", 1, 2)
def truncate(call: Call) -> Value:
    value = _number(call)
    if len(call.arguments) == 1:
        if value.type.name == "decimal":
            precision, scale = value.type.sizes
            return _to(f"trunc({value.sql})", decimal(max(precision - scale, 1), 0))
        return Value(f"trunc(CAST({value.sql} AS DOUBLE))", DOUBLE)
    if value.type.name == "decimal":
        return _to(_round_decimal(call, value), value.type)
    return _to(f"tr_truncate({value.sql}, {call.value(1).sql})", value.type)


@rule("mod", 2, 2)
def mod(call: Call) -> Value:
    return arithmetic(nodes.Binary(call.node.place, "%", *call.arguments), *call.values)
