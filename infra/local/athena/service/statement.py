"""What can be said of a statement by its first words, without parsing it: what it is, and what is none.

It imports nothing heavy, since the gateway asks it of every request; the worker that runs the statement knows better.
"""

import re
from dataclasses import dataclass

# Engine version 3 lists them so, measured 2026-09-24 at AWS:
# https://github.com/aoyagikouhei/athena-local, docs/dev/measurements/errors.md
_EXPECTED = re.findall(
    r"\w+",
    "ALTER ANALYZE CALL COMMENT COMMIT CREATE DEALLOCATE DELETE DENY DESC DESCRIBE DROP EXECUTE EXPLAIN GRANT INSERT "
    "MERGE PREPARE REFRESH RESET REVOKE ROLLBACK SET SHOW START TRUNCATE UNLOAD UPDATE USE",
)
_STARTS = {*_EXPECTED, "SELECT", "WITH", "VALUES", "TABLE", "(", "MSCK", "VACUUM", "OPTIMIZE", "USING"}
_FIRST = 4
_QUERIES = {"SELECT", "WITH", "VALUES", "TABLE", "("}
# Text of a comment, of a string or of a name in quotes, a word, any other character.
_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<quoted>'(?:[^']|'')*(?:'|\Z)|"(?:[^"]|"")*(?:"|\Z)|`[^`]*(?:`|\Z))"""
    r"|(?P<word>\w+)|(?P<other>.)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Statement:
    """What a statement seems to be.

    Attributes:
        type: DML, DDL or UTILITY.
        subtype: Such as SELECT; "" where the first words do not say.
        reads: Whether it only reads, so that it may run twice.
        prepared: The prepared statement that an EXECUTE names; "" for others.
    """

    type: str
    subtype: str
    reads: bool
    prepared: str = ""


class MalformedError(ValueError):
    """What is no statement, or more than one; its text is Athena's."""


def classify(sql: str) -> Statement:
    r"""What a text seems to be.

    Raises:
        MalformedError: No statement begins like this, or there are several.

    Example:
        >>> classify("-- all\nselect 1").subtype
        'SELECT'
    """
    written, names = _first_words(sql)
    words = tuple(word.upper() for word in written)
    first, second = (*words, "", "")[:2]
    if first in _QUERIES:
        return Statement("DML", "SELECT", True)
    if first == "EXPLAIN":
        return Statement("DML", "EXPLAIN", True)
    if first in ("INSERT", "UPDATE", "DELETE", "MERGE", "UNLOAD"):
        return Statement("DML", first, False)
    if first in ("SHOW", "DESCRIBE", "DESC"):
        subtype = f"SHOW_{second}" if first == "SHOW" else "DESCRIBE_TABLE"
        return Statement("UTILITY", subtype.replace("SHOW_SCHEMAS", "SHOW_DATABASES"), True)
    if first in ("PREPARE", "EXECUTE", "DEALLOCATE"):
        return Statement("UTILITY", first, False, written[1].strip('`"') if first == "EXECUTE" and second else "")
    return Statement("DDL", _definition(words, names), False)


def _definition(words: tuple[str, ...], names: set[str]) -> str:
    nouns = {"DATABASE": "DATABASE", "SCHEMA": "DATABASE", "TABLE": "TABLE", "VIEW": "VIEW", "EXTERNAL": "TABLE"}
    verb = words[0] if words else ""
    noun = next((nouns[word] for word in words[1:] if word in nouns), "")
    if verb == "CREATE" and noun == "TABLE" and "EXTERNAL" not in words and names >= {"AS", "SELECT"}:
        return "CREATE_TABLE_AS_SELECT"
    return f"{verb}_{noun}" if verb in ("CREATE", "DROP") and noun else ""


def _first_words(sql: str) -> tuple[tuple[str, ...], set[str]]:
    """The first words and signs of the one statement in a text, and all its words in capital letters."""
    words: list[str] = []
    names: set[str] = set()
    ended = False
    for token in _TOKEN.finditer(sql):
        if token.lastgroup == "blank":
            continue
        if token.group() == ";":
            ended = bool(words)
            continue
        if ended:
            raise MalformedError(f"Only one sql statement is allowed. Got: {sql}")
        text = token.group()
        if not words and text.upper() not in _STARTS:
            raise MalformedError(_mismatched(sql, token.start(), text))
        if token.lastgroup == "word":
            names.add(text.upper())
        if len(words) < _FIRST:
            words.append(text)
    if not words:
        raise MalformedError(_mismatched(sql, len(sql), "<EOF>"))
    return tuple(words), names


def _mismatched(sql: str, place: int, found: str) -> str:
    line, column = sql.count("\n", 0, place) + 1, place - (sql.rfind("\n", 0, place) + 1) + 1
    expected = ", ".join(f"'{word}'" for word in _EXPECTED)
    return f"line {line}:{column}: mismatched input '{found}'. Expecting: {expected}, <query>"
