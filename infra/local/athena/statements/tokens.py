"""A statement's text as tokens: enough to tell statements apart and to read Hive's DDL. Translates nothing.

Athena reads DDL as Hive does (names in backticks, strings in either quote, backslash escapes) and all else as Trino
does (names in double quotes, a quote doubled within a string).
"""

import re
from typing import NamedTuple

from infra.local.athena.contract import QueryError
from infra.local.athena.statements import faults

WORD, NAME, STRING, NUMBER, SYMBOL = "word", "name", "string", "number", "symbol"

_SKIPPED = r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)"
_TRINO = re.compile(
    rf"""(?P<skipped>{_SKIPPED})
    |(?P<string>'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    |(?P<number>\d+(?:\.\d+)?(?![\w$]))
    |(?P<word>[^\W][\w$@]*|[\$@][\w$@]+)
    |(?P<symbol>.)""",
    re.DOTALL | re.VERBOSE,
)
_HIVE = re.compile(
    rf"""(?P<skipped>{_SKIPPED})
    |(?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    |(?P<name>`(?:[^`]|``)*`)
    |(?P<number>\d+(?:\.\d+)?(?![\w$]))
    |(?P<word>[^\W][\w$@]*|[\$@][\w$@]+)
    |(?P<symbol>.)""",
    re.DOTALL | re.VERBOSE,
)
# Types of Hive's DDL stand in angle brackets, which compare elsewhere.
_OPENING, _CLOSING = {False: "([{", True: "([{<"}, {False: ")]}", True: ")]}>"}
# What is nested deeper ends every recursion, at some 300 brackets; to find that out would take a second.
_DEEPEST = 1000
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|[0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}


class Token(NamedTuple):
    """A word, name in quotes, string, number or symbol.

    Args:
        kind: WORD, NAME, STRING, NUMBER or SYMBOL.
        text: As it stands in the statement.
        start: Its place in the statement.
        hive: Whether it was read by Hive's rules.
    """

    kind: str
    text: str
    start: int
    hive: bool = False

    @property
    def end(self) -> int:
        """The place after it."""
        return self.start + len(self.text)

    @property
    def word(self) -> str:
        """A word in capitals; "" for all else."""
        return self.text.upper() if self.kind == WORD else ""

    @property
    def value(self) -> str:
        """The text without quotes and escapes."""
        if self.kind not in (NAME, STRING):
            return self.text
        quote, inner = self.text[0], self.text[1:-1]
        if self.kind == STRING and self.hive:
            inner = _ESCAPE.sub(_unescape, inner)
        return inner.replace(quote * 2, quote)


def scan(text: str, *, hive: bool = False) -> list[Token]:
    """The tokens of a statement without blanks and comments.

    Example:
        >>> [token.value for token in scan("DROP /* now */ TABLE `a b`", hive=True)]
        ['DROP', 'TABLE', 'a b']

    Raises:
        QueryError: STATEMENT_TOO_LARGE, for brackets that are nested deeper than any parser goes.
    """
    found: list[Token] = []
    depth = 0
    for match in (_HIVE if hive else _TRINO).finditer(text):
        kind, written = match.lastgroup or SYMBOL, match.group()
        if kind == "skipped":
            continue
        found.append(Token(kind, written, match.start(), hive))
        if kind == SYMBOL:
            depth += (written in _OPENING[hive]) - (written in _CLOSING[hive])
            if depth > _DEEPEST:
                raise QueryError("STATEMENT_TOO_LARGE", faults.TOO_DEEP)
    return found


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _unescape(match: re.Match[str]) -> str:
    escape = match.group(1)
    if escape[0] == "u" and len(escape) == 5:
        return chr(int(escape[1:], 16))
    if len(escape) == 3:
        return chr(int(escape, 8))
    return _ESCAPED.get(escape, escape)
