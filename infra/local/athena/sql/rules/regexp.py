"""Functions of regular expressions: by RE2 in DuckDB where it gives Athena's answer, otherwise by Python.

A pattern that is no literal is read by Python, row by row.

Source: https://trino.io/docs/current/functions/regexp.html
"""

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import VARCHAR, array
from infra.local.athena.sql.functions import define
from infra.local.athena.sql.patternreader import PatternError
from infra.local.athena.sql.patterns import Pattern, replacement, translate
from infra.local.athena.sql.rules.lambdas import body_of
from infra.local.athena.sql.scalars.matching import check_group
from infra.local.athena.sql.structure import parameter
from infra.local.athena.sql.value import string

_LARGEST_RE2_GROUP = 9


def _pattern(call: Call) -> Pattern | None:
    """The second argument, translated; None where it is no literal."""
    text = call.constant(1)
    if not isinstance(text, str):
        return None
    try:
        return translate(text)
    except PatternError as error:
        message = f"Regular expression '{text}': {error}"
        code = "NOT_SUPPORTED" if "not supported" in message else "INVALID_FUNCTION_ARGUMENT"
        raise call.fault(code, message, call.arguments[1]) from error


def _re2(call: Call, *, with_empty: bool = False) -> tuple[Pattern | None, str | None]:
    """The pattern, and its text for RE2 in quotes; None where Python must match it."""
    pattern = _pattern(call)
    if pattern is None or pattern.re2 is None or (pattern.is_empty_possible and not with_empty):
        return pattern, None
    return pattern, string(pattern.re2)


@define("regexp_like(varchar, varchar) -> boolean")
def regexp_like(call: Call, text: str, pattern: str) -> str:
    _, re2 = _re2(call, with_empty=True)
    return f"regexp_matches({text}, {re2})" if re2 else f"py_regexp_like({text}, {pattern})"


@define("regexp_extract(varchar, varchar) -> varchar")
def regexp_extract(call: Call, text: str, pattern: str) -> str:
    return _extract(call, text, pattern, "0")


@define("regexp_extract(varchar, varchar, bigint) -> varchar")
def regexp_extract_group(call: Call, text: str, pattern: str, group: str) -> str:
    return _extract(call, text, pattern, group)


def _checked_group(call: Call, pattern: Pattern | None) -> int | None:
    group = 0 if len(call.arguments) < 3 else call.constant(2)
    if pattern is None or not isinstance(group, int):
        return None
    try:
        check_group(pattern, group)
    except PatternError as error:
        raise call.fault("INVALID_FUNCTION_ARGUMENT", str(error)) from error
    return group


def _extract(call: Call, text: str, pattern: str, group: str) -> str:
    parsed, re2 = _re2(call, with_empty=True)
    number = _checked_group(call, parsed)
    by_python = f"py_regexp_extract({text}, {pattern}, {group})"
    if re2 is None or number is None or number > _LARGEST_RE2_GROUP:
        return by_python
    found = f"regexp_extract({text}, {re2}, {number})"
    missed = f"NOT regexp_matches({text}, {re2})"
    if number and parsed is not None and parsed.python is not None:
        return f"CASE WHEN {found} <> '' THEN {found} WHEN {missed} THEN NULL ELSE {by_python} END"
    return f"CASE WHEN {missed} THEN NULL ELSE {found} END"


@define("regexp_extract_all(varchar, varchar) -> array(varchar)")
def regexp_extract_all(call: Call, text: str, pattern: str) -> str:
    return _extract_all(call, text, pattern, "0")


@define("regexp_extract_all(varchar, varchar, bigint) -> array(varchar)")
def regexp_extract_all_groups(call: Call, text: str, pattern: str, group: str) -> str:
    return _extract_all(call, text, pattern, group)


def _extract_all(call: Call, text: str, pattern: str, group: str) -> str:
    parsed, re2 = _re2(call)
    number = _checked_group(call, parsed)
    if re2 is None or number is None or number > _LARGEST_RE2_GROUP:
        return f"py_regexp_extract_all({text}, {pattern}, {group})"
    return f"CASE WHEN {text} IS NOT NULL THEN regexp_extract_all({text}, {re2}, {number}) END"


@define("regexp_count(varchar, varchar) -> bigint")
def regexp_count(call: Call, text: str, pattern: str) -> str:
    _, re2 = _re2(call)
    if re2 is None:
        return f"py_regexp_count({text}, {pattern})"
    return f"CASE WHEN {text} IS NOT NULL THEN CAST(len(regexp_extract_all({text}, {re2})) AS BIGINT) END"


@define("regexp_split(varchar, varchar) -> array(varchar)")
def regexp_split(call: Call, text: str, pattern: str) -> str:
    _, re2 = _re2(call)
    return f"py_regexp_split({text}, {pattern})" if re2 is None else f"regexp_split_to_array({text}, {re2})"


define("regexp_position(varchar, varchar) -> integer", "py_regexp_position({0}, {1}, 1, 1)")
define("regexp_position(varchar, varchar, bigint) -> integer", "py_regexp_position({0}, {1}, {2}, 1)")
define("regexp_position(varchar, varchar, bigint, bigint) -> integer", "py_regexp_position({0}, {1}, {2}, {3})")


@define("regexp_replace(varchar, varchar) -> varchar")
def regexp_remove(call: Call, text: str, pattern: str) -> str:
    return _replace(call, text, pattern, "''")


@define("regexp_replace(varchar, varchar, varchar) -> varchar")
def regexp_replace(call: Call, text: str, pattern: str, by: str) -> str:
    return _replace(call, text, pattern, by)


@define("regexp_replace(varchar, varchar, function(array(varchar), varchar)) -> varchar")
def regexp_replace_each(call: Call, text: str, pattern: str, _: str) -> str:
    """Each match is replaced by what the lambda makes of its groups."""
    _pattern(call)
    function = call.function(2, array(VARCHAR))
    name = parameter(text, pattern, function.sql)
    replaced = f"{name}.lead || {body_of(function, f'{name}.groups')}"
    piece = f"CASE WHEN {name}.groups IS NULL THEN {name}.lead ELSE {replaced} END"
    return f"tr_joined(list_transform(py_regexp_pieces({text}, {pattern}), lambda {name}: {piece}))"


def _replace(call: Call, text: str, pattern: str, by: str) -> str:
    parsed, re2 = _re2(call)
    written = "" if len(call.arguments) < 3 else call.constant(2)
    if parsed is None or re2 is None or not isinstance(written, str):
        return f"py_regexp_replace({text}, {pattern}, {by})"
    try:
        parts = replacement(written, parsed)
    except PatternError:
        return f"py_regexp_replace({text}, {pattern}, {by})"
    if any(isinstance(part, int) and part > _LARGEST_RE2_GROUP for part in parts):
        return f"py_regexp_replace({text}, {pattern}, {by})"
    rewrite = "".join(f"\\{part}" if isinstance(part, int) else part.replace("\\", "\\\\") for part in parts)
    return f"regexp_replace({text}, {re2}, {string(rewrite)}, 'g')"
