"""SHOW DATABASES, TABLES, VIEWS, COLUMNS, PARTITIONS and TBLPROPERTIES: what Glue knows, one name a line."""

import re
from collections.abc import Iterable

from infra.local.athena.contract import Column, Outcome
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, describe, entries, faults, partitions
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.tokens import STRING


def databases(reader: Reader) -> Action:
    """SHOW DATABASES|SCHEMAS [LIKE 'pattern']."""
    reader.expect("SHOW")
    reader.one_of("DATABASES", "SCHEMAS")
    pattern = _pattern(reader)
    reader.end()

    def run(context: Context) -> Outcome:
        pages = context.glue.get_paginator("get_databases").paginate()
        names = sorted(str(entry["Name"]) for page in pages for entry in page["DatabaseList"])
        return answers.lines(context, ["database_name"], _matching(names, pattern))

    return run


def tables(reader: Reader) -> Action:
    """SHOW TABLES [IN database] ['pattern']; views are among them."""
    return _named(reader, "TABLES", "tab_name")


def views(reader: Reader) -> Action:
    """SHOW VIEWS [IN database] [LIKE 'pattern']."""
    return _named(reader, "VIEWS", "views")


def _named(reader: Reader, word: str, column: str) -> Action:
    reader.expect("SHOW", word)
    database = reader.name() if reader.accept("IN") or reader.accept("FROM") else ""
    pattern = _pattern(reader)
    reader.end()

    def run(context: Context) -> Outcome:
        found = entries.tables(context, entries.resolve(context, (database, ""))[0])
        names = [str(entry["Name"]) for entry in found if word == "TABLES" or entries.is_view(entry)]
        shown = column if word == "TABLES" else Column(column, "varchar(0)")
        return answers.lines(context, [shown], _matching(names, pattern))

    return run


def columns(reader: Reader) -> Action:
    """SHOW COLUMNS FROM|IN [database.]table, or FROM|IN table FROM|IN database."""
    reader.expect("SHOW", "COLUMNS")
    reader.one_of("FROM", "IN")
    name = reader.full_name()
    if reader.accept("FROM") or reader.accept("IN"):
        name = (reader.name(), name[1])
    reader.end()

    def run(context: Context) -> Outcome:
        entry = entries.table(context, name)
        if entries.is_view(entry):
            return describe.view(context, entry)
        names = [column["Name"] for column in (*entries.columns(entry), *entries.keys(entry))]
        return answers.lines(context, ["field"], map(describe.padded, names))

    return run


def partitions_of(reader: Reader) -> Action:
    """SHOW PARTITIONS table."""
    reader.expect("SHOW", "PARTITIONS")
    name = reader.full_name()
    reader.end()

    def run(context: Context) -> Outcome:
        entry = entries.table(context, name)
        keys = [key["Name"] for key in entries.keys(entry)]
        if not keys:
            raise faults.task(f"Table {entry['DatabaseName']}.{entry['Name']} is not a partitioned table")
        found = entries.partitions(context, entry)
        return answers.lines(context, ["partition"], (partitions.folder(keys, part["Values"]) for part in found))

    return run


def properties(reader: Reader) -> Action:
    """SHOW TBLPROPERTIES table [('name')]."""
    reader.expect("SHOW", "TBLPROPERTIES")
    name = reader.full_name()
    wanted = reader.listed(reader.string)[0] if reader.peek("(") else None
    reader.end()

    def run(context: Context) -> Outcome:
        entry = entries.table(context, name)
        known = {str(key): str(value) for key, value in (entry.get("Parameters") or {}).items()}
        both = [Column("prpt_name", "string"), Column("prpt_value", "string")]
        if wanted is None:
            text = "\n".join(f"{key}\t{value}" for key, value in known.items())
            return answers.lines(context, both, text.split("\n") if text else [])
        absent = f"Table {entry['DatabaseName']}.{entry['Name']} does not have property: {wanted}"
        return answers.lines(context, both, known.get(wanted, absent).split("\n"))

    return run


def _pattern(reader: Reader) -> str:
    reader.accept("LIKE")
    return reader.string() if reader.next and reader.next.kind == STRING else ""


def _matching(names: Iterable[str], pattern: str) -> list[str]:
    """The names that a pattern of Hive's fits: `*` is anything, `|` is or."""
    if not pattern:
        return list(names)
    try:
        fits = re.compile(re.sub(r"(?<![.\])])\*", ".*", pattern), re.IGNORECASE)
    except re.error as fault:
        raise faults.task(f"Invalid pattern '{pattern}': {fault}") from fault
    return [name for name in names if fits.fullmatch(name)]
