"""SQL that writes floats and doubles as Java does, from what DuckDB writes: `1e-05`, `1.5e+20`, `0.0005`, `10000000.0`.

A result may have hundreds of them, and DuckDB binds each mention of a text anew: what is needed more than once is bound
as the parameter of a lambda, which only rows pay for that show an exponent.

Source: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/lang/Double.html#toString(double)
"""

from collections.abc import Sequence

from infra.local.athena.tables.types import Type

# Java writes two digits at least, and below this the shortest text may have one that is not nearest to the number: of
# 5e-324 it writes 4.9E-324.
TINY = 1e-43


def expression(sql: str, kind: Type) -> str:
    """The text of a real or double."""
    shown = f"CAST({sql} AS VARCHAR)"
    plain, shortest = shown, _right_double(sql, shown)
    if kind.name == "real":
        shortest = _shortest_real(sql, shown)
        plain = f"CAST(CAST({shortest} AS DOUBLE) AS VARCHAR)"
    two = f"abs({sql}) < {TINY} AND regexp_full_match({shown}, '-?[0-9]e-[0-9]+')"
    digits = f"CASE WHEN {two} THEN printf('%.1e', CAST({sql} AS DOUBLE)) {shortest.removeprefix('CASE ')}"
    return (
        f"CASE WHEN {sql} = 0 THEN {shown} WHEN abs({sql}) >= 1e-3 AND abs({sql}) < 1e7 THEN {plain} "
        f"WHEN isnan({sql}) THEN 'NaN' WHEN isinf({sql}) THEN CASE WHEN {sql} > 0 THEN 'Infinity' ELSE '-Infinity' END "
        f"ELSE CASE WHEN {sql} < 0 THEN '-' ELSE '' END || {_with_exponent(digits)} END"
    )


def _right_double(sql: str, shown: str) -> str:
    """DuckDB 2.0.0 miswrites three powers of two: 2^81 as 2^82, 2^91 as 2^92, and 2^807 with an A for a digit."""
    return f"CASE WHEN TRY_CAST({shown} AS DOUBLE) = {sql} THEN {shown} {_tries(sql, 'DOUBLE', (15, 16))} END"


def _shortest_real(sql: str, shown: str) -> str:
    """The fewest digits that read back as the float; of two as near, those that end in an even one, as in Java.

    DuckDB writes more where it writes no exponent: 1048576.75, not 1048576.8; 44377192.0, not 44377190. What has no
    more than six digits is as short as can be: floats tell all such numbers apart.
    """
    is_short = f"length({shown}) <= 7 OR contains({shown}, 'e')"
    return f"CASE WHEN {is_short} THEN {shown} {_tries(sql, 'FLOAT', (5, 6, 7, 8))} END"


def _tries(sql: str, kind: str, digits: Sequence[int]) -> str:
    """Branches of CASE: as many digits behind the point as are needed to read back the value."""
    written = [f"printf('%.{count}e', CAST({sql} AS DOUBLE))" for count in digits]
    return " ".join(f"WHEN CAST({text} AS {kind}) = {sql} THEN {text}" for text in written)


def _with_exponent(shown: str) -> str:
    """Java's form of a text that has an exponent or needs one, without its sign."""
    rest = "coalesce(nullif(rtrim(split_part(x, 'e', 1)[3:], '0'), ''), '0')"
    written = f"x[1] || '.' || {rest} || 'E' || CAST(split_part(x, 'e', 2) AS INTEGER)"
    exponent = "CASE WHEN starts_with(x, '0.') THEN length(ltrim(x, '0.')) - length(x) + 1 ELSE strpos(x, '.') - 2 END"
    after = "coalesce(nullif(trim(replace(x, '.', ''), '0')[2:], ''), '0')"
    moved = f"trim(replace(x, '.', ''), '0')[1] || '.' || {after} || 'E' || ({exponent})"
    body = f"CASE WHEN contains(x, 'e') THEN {written} ELSE {moved} END"
    return f"list_transform([ltrim({shown}, '-')], lambda x: {body})[1]"
