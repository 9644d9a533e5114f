"""Aggregates of plain values; those of arrays and maps stand with them.

Source: https://trino.io/docs/current/functions/aggregate.html
"""

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import BIGINT, DOUBLE, INTEGERS, REAL, VARCHAR, YEAR_TO_MONTH, Type, array, decimal
from infra.local.athena.sql.functions import aggregate, alias, rule
from infra.local.athena.sql.grammar import nodes
from infra.local.athena.sql.rules.arithmetic import quotient, unscaled
from infra.local.athena.sql.value import Value, cast_sql

_DOUBLES = {
    "stddev": "stddev_samp", "stddev_samp": "stddev_samp", "stddev_pop": "stddev_pop", "variance": "var_samp",
    "var_samp": "var_samp", "var_pop": "var_pop", "kurtosis": "kurtosis",
    "geometric_mean": "geomean",
}  # fmt: skip
for _name, _own in _DOUBLES.items():
    aggregate(f"{_name}(double) -> double", f"{_own}({{distinct}}{{0}}{{order}}){{tail}}")
for _name in ("corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept"):
    aggregate(f"{_name}(double, double) -> double", f"{_name}({{distinct}}{{0}}, {{1}}){{tail}}")
for _name in ("bool_and", "bool_or"):
    aggregate(f"{_name}(boolean) -> boolean", f"{_name}({{distinct}}{{0}}{{order}}){{tail}}")
alias("every", "bool_and")
for _name in ("and", "or", "xor"):
    aggregate(f"bitwise_{_name}_agg(bigint) -> bigint", f"bit_{_name}({{distinct}}{{0}}){{tail}}")
aggregate("count_if(boolean) -> bigint", "CAST(count_if({distinct}{0}){tail} AS BIGINT)")
aggregate("approx_distinct(T) -> bigint", "approx_count_distinct({0}){tail}")
aggregate("approx_distinct(T, double) -> bigint", "approx_count_distinct({0}){tail}")
aggregate("any_value(T) -> T", "any_value({distinct}{0}{order}){tail}")
alias("arbitrary", "any_value")
for _name, _own in (("max", "arg_max"), ("min", "arg_min")):
    aggregate(f"{_name}(T) -> T", f"{_name}({{distinct}}{{0}}{{order}}){{tail}}")
    aggregate(f"{_name}(T, bigint) -> array(T)", f"{_name}({{0}}, {{1}}){{tail}}")
    aggregate(f"{_name}_by(T, U) -> T", f"{_own}_null({{distinct}}{{0}}, {{1}}){{tail}}")
    aggregate(f"{_name}_by(T, U, bigint) -> array(T)", f"{_own}({{0}}, {{1}}, {{2}}){{tail}}")
aggregate(
    "skewness(double) -> double",
    "(skewness({distinct}{0}){tail} * (count({distinct}{0}){tail} - 2)"
    " / sqrt(count({distinct}{0}){tail} * (count({distinct}{0}){tail} - 1)))",
)
aggregate("entropy(double) -> double", "tr_entropy(list({distinct}{0}){tail})")


@rule("count", 0, 1, kind="aggregate")
def count(call: Call) -> Value:
    if call.node.star or not call.arguments:
        return Value(f"count(*){call.tail}", BIGINT)
    return Value(f"count({call.distinct}{call.value(0).sql}){call.tail}", BIGINT)


def _unexpected(call: Call) -> Exception:
    message = f"Unexpected parameters ({', '.join(call.type_texts())}) for function {call.name}"
    return call.fault("FUNCTION_NOT_FOUND", message)


@rule("sum", 1, 1, kind="aggregate")
def sum_(call: Call) -> Value:
    value = call.value(0)
    sql = f"sum({call.distinct}{value.sql}{call.order}){call.tail}"
    kind = value.type
    if kind.name.startswith("interval"):
        return _sum_of_intervals(call, value)
    if kind.name in INTEGERS:
        return Value(f"CAST({sql} AS BIGINT)", BIGINT)
    if kind.name == "decimal":
        return Value(f"CAST({sql} AS DECIMAL(38, {kind.sizes[1]}))", decimal(38, kind.sizes[1]))
    if kind.name == "real":
        return Value(f"CAST({sql} AS FLOAT)", kind)
    if kind.name in ("double", ""):
        return Value(sql, kind)
    if kind.name == "unknown":
        return Value(f"sum({call.distinct}CAST(NULL AS DOUBLE)){call.tail}", DOUBLE)
    raise _unexpected(call)


def _sum_of_intervals(call: Call, value: Value) -> Value:
    if value.type == YEAR_TO_MONTH:
        months = f"sum({call.distinct}tr_month_count({value.sql})){call.tail}"
        return Value(f"to_months(CAST({months} AS INTEGER))", value.type)
    return Value(f"to_microseconds(CAST(sum({call.distinct}epoch_us({value.sql})){call.tail} AS BIGINT))", value.type)


@rule("avg", 1, 1, kind="aggregate")
def avg(call: Call) -> Value:
    value = call.value(0)
    kind = value.type
    if kind.name == "decimal":
        return _decimal_average(call, value)
    if kind.name.startswith("interval"):
        micro = f"avg({call.distinct}epoch_us({value.sql})){call.tail}"
        return Value(f"to_microseconds(CAST(round({micro} / 1000) AS BIGINT) * 1000)", kind)
    if kind.name not in (*INTEGERS, "double", "real", "unknown", ""):
        raise _unexpected(call)
    sql = f"avg({call.distinct}{cast_sql(value, DOUBLE)}{call.order}){call.tail}"
    return Value(f"CAST({sql} AS FLOAT)", kind) if kind.name == "real" else Value(sql, DOUBLE)


def _decimal_average(call: Call, value: Value) -> Value:
    """The sum of the unscaled numbers by their count, rounded half up: exact, as Athena's is."""
    scale = value.type.sizes[1]
    total = unscaled(Value(f"sum({call.distinct}{value.sql}){call.tail}", decimal(38, scale)), scale)
    number = f"CAST(count({call.distinct}{value.sql}){call.tail} AS HUGEINT)"
    sql = quotient(total, f"nullif({number}, 0)", value.type)
    return Value(sql, value.type)


@rule("approx_percentile", 2, 4, kind="aggregate")
def approx_percentile(call: Call) -> Value:
    """The value of that rank, none between two: so a digest answers as long as it keeps each value by itself.

    DuckDB's own digest answers with what lies between, and takes three times as long as finding the rank.
    """
    value, wanted = call.value(0), call.values[-1]
    if len(call.arguments) > 2:
        raise call.fault("NOT_SUPPORTED", "approx_percentile with weights is not supported")
    # Of a decimal Trino's resolution takes the narrower one of the functions that would do.
    kind = REAL if value.type.name == "decimal" else BIGINT if value.type.name in INTEGERS else value.type
    if kind.name not in ("bigint", "double", "real"):
        raise _unexpected(call)
    node = call.arguments[1]
    for one in node.items if isinstance(node, nodes.ArrayItems) else (node,):
        if isinstance(one, nodes.Literal) and not 0 <= float(one.value) <= 1:
            raise call.fault("INVALID_FUNCTION_ARGUMENT", "Percentile must be between 0 and 1")
    # DuckDB counts from the greatest value where the share is negative, and then rounds as a digest does.
    share = "-greatest(1e-300, 1 - {})"
    if wanted.type.name == "array":
        shares = f"list_transform(CAST({wanted.sql} AS DOUBLE[]), lambda x: {share.format('x')})"
        return Value(f"quantile_disc({cast_sql(value, kind)}, {shares}){call.tail}", array(kind))
    shares = share.format(f"CAST({wanted.sql} AS DOUBLE)")
    return Value(f"quantile_disc({cast_sql(value, kind)}, {shares}){call.tail}", kind)


@rule("listagg", 1, 2, kind="aggregate")
def listagg(call: Call) -> Value:
    text = call.value(0)
    if text.type.name not in ("varchar", "char", "unknown"):
        raise _unexpected(call)
    separator = cast_sql(call.value(1), VARCHAR) if len(call.arguments) > 1 else "''"
    return Value(f"string_agg({call.distinct}{text.sql}, {separator}{call.order}){call.tail}", VARCHAR)


@rule("grouping", 1, None)
def grouping(call: Call) -> Value:
    kind = Type("integer")
    return Value(f"CAST(grouping({', '.join(v.sql for v in call.values)}) AS INTEGER)", kind)
