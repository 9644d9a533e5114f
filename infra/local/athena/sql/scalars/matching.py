"""Regular expressions by Python, for what RE2 cannot say or answers differently.

Source: https://trino.io/docs/current/functions/regexp.html
"""

from functools import lru_cache

from infra.local.athena.sql.patternreader import PatternError
from infra.local.athena.sql.patterns import Pattern, Replacement, replacement, translate
from infra.local.athena.sql.scalars import fault, scalar


def _pattern(text: str) -> Pattern:
    try:
        return translate(text)
    except PatternError as error:
        raise fault(str(error)) from error


def check_group(pattern: Pattern, group: int) -> None:
    """Raise a PatternError if there is no such group."""
    if group < 0:
        raise PatternError("Group cannot be negative")
    if group > pattern.groups:
        raise PatternError(f"Pattern has {pattern.groups} groups. Cannot access group {group}")


def _checked(text: str, group: int) -> Pattern:
    pattern = _pattern(text)
    try:
        check_group(pattern, group)
    except PatternError as error:
        raise fault(str(error)) from error
    return pattern


@scalar("py_regexp_like(VARCHAR, VARCHAR) -> BOOLEAN")
def like(text: str, pattern: str) -> bool:
    return _pattern(pattern).compiled.search(text) is not None


@scalar("py_regexp_extract(VARCHAR, VARCHAR, BIGINT) -> VARCHAR")
def extract(text: str, pattern: str, group: int) -> str | None:
    found = _checked(pattern, group).compiled.search(text)
    return found[group] if found else None


@scalar("py_regexp_extract_all(VARCHAR, VARCHAR, BIGINT) -> VARCHAR[]")
def extract_all(text: str, pattern: str, group: int) -> list[str | None]:
    return [found[group] for found in _checked(pattern, group).compiled.finditer(text)]


@scalar("py_regexp_count(VARCHAR, VARCHAR) -> BIGINT")
def count(text: str, pattern: str) -> int:
    return sum(1 for _ in _pattern(pattern).compiled.finditer(text))


@scalar("py_regexp_split(VARCHAR, VARCHAR) -> VARCHAR[]")
def split(text: str, pattern: str) -> list[str]:
    parts, end = [], 0
    for found in _pattern(pattern).compiled.finditer(text):
        parts.append(text[end : found.start()])
        end = found.end()
    return [*parts, text[end:]]


@scalar("py_regexp_position(VARCHAR, VARCHAR, BIGINT, BIGINT) -> INTEGER")
def position(text: str, pattern: str, start: int, occurrence: int) -> int:
    if start < 1:
        raise fault("start position cannot be smaller than 1")
    if occurrence < 1:
        raise fault("occurrence cannot be smaller than 1")
    if start > len(text):
        return -1
    for number, found in enumerate(_pattern(pattern).compiled.finditer(text, start - 1), 1):
        if number == occurrence:
            return found.start() + 1
    return -1


@lru_cache(maxsize=256)
def _replacement(text: str, pattern: str) -> Replacement:
    return replacement(text, translate(pattern))


@scalar("py_regexp_replace(VARCHAR, VARCHAR, VARCHAR) -> VARCHAR")
def replace(text: str, pattern: str, by: str) -> str:
    compiled = _pattern(pattern).compiled
    try:
        parts = _replacement(by, pattern)
    except PatternError as error:
        if compiled.search(text) is None:
            return text
        raise fault(str(error)) from error
    return compiled.sub(
        lambda found: "".join(part if isinstance(part, str) else found[part] or "" for part in parts), text
    )


@scalar("py_regexp_pieces(VARCHAR, VARCHAR) -> STRUCT(lead VARCHAR, groups VARCHAR[])[]")
def pieces(text: str, pattern: str) -> list[dict[str, object]]:
    """What stands before each match, with the match's groups; and the rest, without any."""
    found: list[dict[str, object]] = []
    end = 0
    for match in _pattern(pattern).compiled.finditer(text):
        found.append({"lead": text[end : match.start()], "groups": list(match.groups())})
        end = match.end()
    return [*found, {"lead": text[end:], "groups": None}]
