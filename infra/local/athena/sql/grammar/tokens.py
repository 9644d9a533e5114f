"""The text of a query to tokens, each with its place; comments and white space are left out."""

import re
from typing import NamedTuple

from infra.local.athena.contract import QueryError

_RESERVED = """alter and as between by case cast constraint create cross cube current_catalog current_date
    current_path current_role current_schema current_time current_timestamp current_user deallocate delete describe
    distinct drop else end escape except exists extract false for from full group grouping having in inner insert
    intersect into is join json_array json_exists json_object json_query json_table json_value left like listagg
    localtime localtimestamp natural normalize not null on or order outer prepare recursive right rollup select skip
    table then trim true uescape union unnest using values when where with"""
RESERVED = frozenset(_RESERVED.split())

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\r\n]*|/\*.*?\*/)
    |(?P<unicode>[uU]&'(?:[^']|'')*')
    |(?P<binary>[xX]'[^']*')
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<backquoted>`(?:[^`]|``)*`)
    |(?P<double>(?:\d+(?:\.\d*)?|\.\d+)[eE][+-]?\d+)
    |(?P<decimal>\d+\.\d*|\.\d+)
    |(?P<digits>\d[A-Za-z0-9_]*)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<operator>->|=>|<>|!=|<=|>=|\|\||[-+*/%=<>().,;\[\]?:{}|^$])""",
    re.VERBOSE | re.DOTALL,
)

_DIGITS = 19  # of the greatest bigint
_SHOWN = 80


class Token(NamedTuple):
    """A token.

    Args:
        kind: word, quoted, string, binary, integer, decimal, double, operator, end.
        text: As written; of quoted, string and binary without quotes.
        low: Of words in small letters, of operators the text; "" for the others.
    """

    kind: str
    text: str
    low: str
    place: tuple[int, int]
    written: str


def tokenize(text: str) -> list[Token]:
    """Split a text; the last token is the end.

    Raises:
        QueryError: SYNTAX_ERROR for what is no token.
    """
    tokens: list[Token] = []
    position, line, start = 0, 1, 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        place = (line, position - start + 1)
        if not found:
            raise QueryError("SYNTAX_ERROR", f"mismatched input '{text[position]}'", *place)
        written, kind = found[0], found.lastgroup or ""
        if kind != "space":
            tokens.append(_token(kind, written, place))
        if "\n" in written:
            line += written.count("\n")
            start = position + written.rindex("\n") + 1
        position = found.end()
    return [*tokens, Token("end", "<EOF>", "", (line, len(text) - start + 1), "<EOF>")]


def whole(token: Token, *, negative: bool = False) -> int:
    """The number of an integer token, which is a bigint.

    Args:
        token: The token.
        negative: Whether it stands behind a minus, where one more can be said.

    Raises:
        QueryError: INVALID_LITERAL for a number out of range.
    """
    digits = token.text.lstrip("0") or "0"
    if len(digits) <= _DIGITS and (value := int(digits)) < 2**63 + negative:
        return value
    shown = token.text if len(token.text) <= _SHOWN else f"{token.text[:_SHOWN]}... ({len(token.text)} digits)"
    raise QueryError("INVALID_LITERAL", f"Invalid numeric literal: {shown}", *token.place)


def _token(kind: str, written: str, place: tuple[int, int]) -> Token:
    if kind == "word":
        return Token(kind, written, written.lower(), place, written)
    if kind == "operator":
        return Token(kind, written, "<>" if written == "!=" else written, place, written)
    if kind == "digits":
        if not written.isdigit():
            message = "identifiers must not start with a digit; surround the identifier with double quotes"
            raise QueryError("SYNTAX_ERROR", message, *place)
        return Token("integer", written, "", place, written)
    if kind == "backquoted":
        message = "backquoted identifiers are not supported; use double quotes to quote identifiers"
        raise QueryError("SYNTAX_ERROR", message, *place)
    return Token(*_plain(kind, written, place), "", place, written)


def _plain(kind: str, written: str, place: tuple[int, int]) -> tuple[str, str]:
    if kind == "string":
        return kind, written[1:-1].replace("''", "'")
    if kind == "quoted":
        return kind, written[1:-1].replace('""', '"')
    if kind == "binary":
        return kind, "".join(written[2:-1].split())
    if kind == "unicode":
        return "string", _unicode(written[3:-1].replace("''", "'"), place)
    return kind, written


def _unicode(text: str, place: tuple[int, int]) -> str:
    def letter(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        if found[0] == "\\\\":
            return "\\"
        if code is None or int(code, 16) > 0x10FFFF:
            raise QueryError("SYNTAX_ERROR", f"Invalid Unicode escape: {found[0]}", *place)
        return chr(int(code, 16))

    return re.sub(r"\\\\|\\\+([0-9a-fA-F]{6})|\\([0-9a-fA-F]{4})|\\", letter, text)
