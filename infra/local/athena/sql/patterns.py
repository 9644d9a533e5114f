r"""Java's regular expressions, as Athena takes them, in the two dialects at hand: RE2 (DuckDB's) and Python's.

RE2 is fast and knows neither look-around nor back-references; those go to Python. What neither can say is refused:
`&&` and sets in sets, `\G`, and properties (`\p{…}`) in a pattern that needs Python.

Source: https://trino.io/docs/current/functions/regexp.html
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from infra.local.athena.sql.patternreader import PatternError, PatternReader


@dataclass
class Pattern:
    """A translated pattern.

    Args:
        re2: None where RE2 cannot say it.
        python: None where Python cannot.
        groups: How many there are.
        names: Of groups, to their numbers.
        is_empty_possible: Whether it can match an empty text.
    """

    re2: str | None
    python: str | None
    groups: int = 0
    names: dict[str, int] = field(default_factory=dict)
    is_empty_possible: bool = False

    @property
    def compiled(self) -> "re.Pattern[str]":
        """Python's pattern.

        Raises:
            PatternError: Where Python cannot say it.
        """
        if self.python is None:
            raise PatternError("this regular expression is not supported")
        return re.compile(self.python)


@lru_cache(maxsize=256)
def translate(text: str) -> Pattern:
    """Translate a Java pattern.

    Raises:
        PatternError: For no pattern, or one that neither dialect can say.
    """
    reader = PatternReader(text)
    reader.read()
    python = None if reader.only_re2 else "".join(reader.python)
    re2 = None if reader.only_python else "".join(reader.re2)
    if python is None and re2 is None:
        raise PatternError("this regular expression is not supported")
    pattern = Pattern(re2, python, reader.groups, reader.names)
    if python is None:
        pattern.is_empty_possible = False
        return pattern
    try:
        re.compile(python)
        pattern.is_empty_possible = re.fullmatch("".join(reader.bare), "") is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(str(error)) from error
    return pattern


Replacement = tuple[str | int, ...]


def replacement(text: str, pattern: Pattern) -> Replacement:
    r"""Read a replacement: texts and numbers of groups.

    Raises:
        PatternError: For a group that is not there, and for a `$` or `\` with nothing behind it.
    """
    parts: list[str | int] = []
    position = 0
    while position < len(text):
        letter = text[position]
        position += 1
        if letter not in "$\\":
            parts.append(letter)
            continue
        if position == len(text):
            raise PatternError(f"Illegal replacement sequence: {text}")
        if letter == "\\":
            parts.append(text[position])
            position += 1
        else:
            group, position = _group(text, position, pattern)
            parts.append(group)
    return tuple(parts)


def _group(text: str, position: int, pattern: Pattern) -> tuple[int, int]:
    if text[position] == "{":
        name, _, rest = text[position + 1 :].partition("}")
        if name not in pattern.names:
            raise PatternError(f"Illegal replacement sequence: unknown group {{ {name} }}")
        return pattern.names[name], len(text) - len(rest)
    if text[position] not in "0123456789":
        raise PatternError(f"Illegal replacement sequence: {text}")
    group = int(text[position])
    if group > pattern.groups:
        raise PatternError(f"Illegal replacement sequence: unknown group {group}")
    position += 1
    while (
        position < len(text) and text[position] in "0123456789" and group * 10 + int(text[position]) <= pattern.groups
    ):
        group = group * 10 + int(text[position])
        position += 1
    return group, position
