"""Every statement that Athena takes: the words it begins with, what Athena calls it, and who reads it. Runs nothing."""

import itertools
from collections.abc import Callable

from infra.local.athena.statements import (
    alter,
    ctas,
    databases,
    describe,
    explain,
    faults,
    insert,
    prepared,
    query,
    repair,
    show,
    showcreate,
    tables,
    views,
)
from infra.local.athena.statements.action import Action, Statement
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.tokens import SYMBOL, WORD, Token, place, scan

_QUERY = ("SELECT", "WITH", "VALUES", "TABLE")

# Words, StatementType, SubstatementType, who reads it. Those that Hive's parser reads stand apart from Trino's.
_HIVE: tuple[tuple[str, str, str, Callable[[Reader], Action]], ...] = (
    ("CREATE DATABASE", "DDL", "CREATE_DATABASE", databases.create),
    ("CREATE SCHEMA", "DDL", "CREATE_DATABASE", databases.create),
    ("CREATE EXTERNAL TABLE", "DDL", "CREATE_TABLE", tables.create),
    ("CREATE TABLE", "DDL", "CREATE_TABLE", tables.create),
    ("DROP DATABASE", "DDL", "DROP_DATABASE", databases.drop),
    ("DROP SCHEMA", "DDL", "DROP_DATABASE", databases.drop),
    ("DROP TABLE", "DDL", "DROP_TABLE", tables.drop),
    ("MSCK", "DDL", "MSCK_REPAIR", repair.repair),
    ("SHOW DATABASES", "UTILITY", "SHOW_DATABASES", show.databases),
    ("SHOW SCHEMAS", "UTILITY", "SHOW_DATABASES", show.databases),
    ("SHOW TABLES", "UTILITY", "SHOW_TABLES", show.tables),
    ("SHOW VIEWS", "UTILITY", "SHOW_VIEWS", show.views),
    ("SHOW COLUMNS", "UTILITY", "SHOW_COLUMNS", show.columns),
    ("SHOW PARTITIONS", "UTILITY", "SHOW_PARTITIONS", show.partitions_of),
    ("SHOW TBLPROPERTIES", "UTILITY", "SHOW_TABLE_PROPERTIES", show.properties),
    ("SHOW CREATE TABLE", "UTILITY", "SHOW_CREATE_TABLE", showcreate.read),
    ("DESCRIBE", "UTILITY", "DESCRIBE_TABLE", describe.read),
    ("DESC", "UTILITY", "DESCRIBE_TABLE", describe.read),
)
_TRINO: tuple[tuple[str, str, str, Callable[[Reader], Action]], ...] = (
    ("CREATE OR REPLACE VIEW", "DDL", "CREATE_VIEW", views.create),
    ("CREATE VIEW", "DDL", "CREATE_VIEW", views.create),
    ("DROP VIEW", "DDL", "DROP_VIEW", tables.drop),
    ("SHOW CREATE VIEW", "UTILITY", "SHOW_CREATE_VIEW", views.show),
    ("INSERT", "DML", "INSERT", insert.read),
    ("UPDATE", "DML", "UPDATE", insert.refuse),
    ("DELETE", "DML", "DELETE", insert.refuse),
    ("MERGE", "DML", "MERGE", insert.refuse),
    ("OPTIMIZE", "DDL", "CREATE_TABLE_AS_SELECT", insert.refuse_upkeep),
    ("VACUUM", "DML", "VACUUM_TABLE", insert.refuse_upkeep),
    ("UNLOAD", "DML", "UNLOAD", ctas.unload),
    ("EXPLAIN", "DML", "EXPLAIN", explain.read),
    ("PREPARE", "UTILITY", "PREPARE", prepared.prepare(lambda text: read(text))),  # noqa: PLW0108 (defined below)
    ("EXECUTE", "DML", "EXECUTE", prepared.execute(lambda text: read(text))),  # noqa: PLW0108 (defined below)
    ("DEALLOCATE", "UTILITY", "DEALLOCATE", prepared.deallocate),
)
_FIRST = (
    "'ALTER', 'ANALYZE', 'CALL', 'COMMENT', 'COMMIT', 'CREATE', 'DEALLOCATE', 'DELETE', 'DENY', 'DESC', 'DESCRIBE', "
    "'DROP', 'EXECUTE', 'EXPLAIN', 'GRANT', 'INSERT', 'MERGE', 'PREPARE', 'REFRESH', 'RESET', 'REVOKE', 'ROLLBACK', "
    "'SET', 'SHOW', 'START', 'TRUNCATE', 'UNLOAD', 'UPDATE', 'USE', <query>"
)


def read(text: str) -> Statement:
    """Read a statement.

    Raises:
        QueryError: At start, for text that is none, more than one, or one of a kind that Athena does not run.
    """
    tokens = scan(text)
    _refuse_none(text, tokens)
    body = _single(text, tokens)
    words = [token.word for token in tokens if not _opens(token)]
    if words and words[0] in _QUERY and (words[0] != "WITH" or len(words) > 1):
        return Statement("DML", "SELECT", query.select(body))
    if words[:2] == ["CREATE", "TABLE"] and _is_ctas(tokens):
        return Statement("DDL", "CREATE_TABLE_AS_SELECT", ctas.create(Reader(body, hive=False)))
    if words[:2] == ["ALTER", "TABLE"]:
        return alter.read(Reader(body))
    for forms, hive in ((_HIVE, True), (_TRINO, False)):
        for start, statement, substatement, reads in forms:
            if words[: start.count(" ") + 1] == start.split():
                return Statement(statement, substatement, reads(Reader(body, hive=hive)))
    line, column = place(text, tokens[0].start)
    if f"'{words[0]}'" in _FIRST:
        raise faults.at_start(faults.NOT_SUPPORTED)
    raise faults.at_start(f"line {line}:{column}: mismatched input '{tokens[0].text}'. Expecting: {_FIRST}")


def _refuse_none(text: str, tokens: list[Token]) -> None:
    if not tokens or tokens[0].text == ";":
        line, column = place(text, tokens[0].start if tokens else len(text))
        found = tokens[0].text if tokens else "<EOF>"
        raise faults.at_start(f"line {line}:{column}: mismatched input '{found}'. Expecting: {_FIRST}")


def _single(text: str, tokens: list[Token]) -> str:
    """The text without the semicolon at its end.

    Raises:
        QueryError: At start, for more than one statement.
    """
    for at, token in enumerate(tokens):
        if token.text == ";" and token.kind == SYMBOL:
            if any(after.text != ";" for after in tokens[at:]):
                raise faults.at_start(f"Only one sql statement is allowed. Got: {text}")
            return text[: token.start]
    return text


def _opens(token: Token) -> bool:
    return token.kind == SYMBOL and token.text == "("


def _is_ctas(tokens: list[Token]) -> bool:
    """Whether AS and a query follow, outside parentheses."""
    depth = 0
    for token, after in itertools.pairwise(tokens):
        if token.kind == SYMBOL:
            depth += (token.text == "(") - (token.text == ")")
        elif token.kind == WORD and token.word == "AS" and depth == 0 and (after.word in _QUERY or _opens(after)):
            return True
    return False
