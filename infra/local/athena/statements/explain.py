"""EXPLAIN: a readable plan of a query, made of its translation: what it answers, what it reads and what it skips by."""

import json
from collections.abc import Iterator
from typing import Any

from infra.local.athena.contract import CATALOG, Column, Outcome, QueryError, Range, Source, Translation
from infra.local.athena.engine.context import Context
from infra.local.athena.statements import answers, partitions, query
from infra.local.athena.statements.action import Action
from infra.local.athena.statements.reader import Reader

_OPTIONS = {"FORMAT": ("TEXT", "JSON", "GRAPHVIZ"), "TYPE": ("LOGICAL", "DISTRIBUTED", "VALIDATE", "IO")}


def read(reader: Reader) -> Action:
    """EXPLAIN [ANALYZE [VERBOSE]] [(FORMAT …, TYPE …)] query."""
    reader.expect("EXPLAIN")
    analyze = reader.accept("ANALYZE")
    if analyze:
        reader.accept("VERBOSE")
    # A parenthesis can also begin the query.
    asked = reader.peek("(") and reader.peek_second(*_OPTIONS)
    options = dict(reader.listed(lambda: _option(reader))) if asked else {}
    if reader.next is None:
        reader.refuse("<statement>")
    start = reader.next.start
    query.check(query.within(reader.text, start))

    def run(context: Context) -> Outcome:
        if options.get("FORMAT") == "GRAPHVIZ":
            raise QueryError("NOT_SUPPORTED", "EXPLAIN (FORMAT GRAPHVIZ) is not supported by this endpoint")
        translation = query.translate(context, query.within(reader.text, start))
        if options.get("TYPE") == "VALIDATE":
            return _answer(context, Column("Valid", "boolean"), "true")
        if options.get("TYPE") == "IO":
            text = json.dumps(_inputs(translation), indent=2)
        elif options.get("FORMAT") == "JSON":
            text = json.dumps(_tree(translation), indent=2)
        else:
            text = "\n".join(_lines(translation, _analyzed(context, translation) if analyze else [])) + "\n\n"
        return _answer(context, Column("Query Plan", f"varchar({len(text)})"), text)

    return run


def _option(reader: Reader) -> tuple[str, str]:
    name = reader.one_of(*_OPTIONS)
    return name, reader.one_of(*_OPTIONS[name])


def _answer(context: Context, column: Column, text: str) -> Outcome:
    """The text as Athena has it: a newline is added and every line is a row, under the column's name."""
    return answers.lines(context, [column], [column.name, *f"{text}\n".split("\n")])


def _analyzed(context: Context, translation: Translation) -> list[str]:
    done = context.select(translation)
    bucket, key = partitions.bucket_and_key(done.location)
    for name in (key, f"{key}.metadata"):
        context.s3.delete_object(Bucket=bucket, Key=name)
    spent = ", ".join(f"{phase}: {value:.0f}ms" for phase, value in done.milliseconds.items())
    return [f"Rows: {done.rows}, Scanned: {done.scanned_bytes}B", *([f"Time: {spent}"] if spent else [])]


def _lines(translation: Translation, measured: list[str]) -> Iterator[str]:
    names = ", ".join(column.name for column in translation.columns)
    layout = ", ".join(f"{column.name}:{column.type}" for column in translation.columns)
    yield f"Output[columnNames = [{names}]]"
    yield f"│   Layout: [{layout}]"
    for line in measured:
        yield f"│   {line}"
    for source in translation.sources.values():
        yield f"└─ TableScan[table = {CATALOG}:{source.relation.database}:{source.relation.name}]"
        yield f"       Layout: [{', '.join(_layout(source))}]"
        for name, wanted in source.ranges.items():
            kind = "partition" if name in source.relation.partitions else "file statistics"
            yield f"       {name} {_words(wanted)} (by {kind})"
    yield "Translation"
    for line in translation.sql.split("\n"):
        yield f"    {line}"


def _layout(source: Source) -> Iterator[str]:
    types = {column.name: column.type for column in source.relation.columns}
    yield from (f"{name}:{types.get(name, 'varchar')}" for name in source.needed)


def _words(wanted: Range) -> str:
    if wanted.values is not None:
        return f"IN ({', '.join(sorted(map(repr, wanted.values)))})"
    low = f">= {wanted.low!r}" if wanted.low is not None else ""
    high = f"<= {wanted.high!r}" if wanted.high is not None else ""
    return " AND ".join(filter(None, (low, high)))


def _tree(translation: Translation) -> dict[str, Any]:
    scans = [
        {
            "id": str(at),
            "name": "TableScan",
            "descriptor": {"table": f"{CATALOG}:{source.relation.database}:{source.relation.name}"},
            "outputs": [dict(zip(("name", "type"), text.split(":", 1), strict=True)) for text in _layout(source)],
            "details": [f"{name} {_words(wanted)}" for name, wanted in source.ranges.items()],
            "estimates": [],
            "children": [],
        }
        for at, source in enumerate(translation.sources.values(), start=1)
    ]
    output = {
        "id": "0",
        "name": "Output",
        "descriptor": {"columnNames": f"[{', '.join(column.name for column in translation.columns)}]"},
        "outputs": [{"name": column.name, "type": column.type} for column in translation.columns],
        "details": [],
        "estimates": [],
        "children": scans,
    }
    return {"0": output}


def _inputs(translation: Translation) -> dict[str, Any]:
    tables = [
        {
            "table": {
                "catalog": CATALOG,
                "schemaTable": {"schema": source.relation.database, "table": source.relation.name},
            },
            "columnConstraints": [
                {"columnName": name, "domain": _words(wanted)} for name, wanted in source.ranges.items()
            ],
        }
        for source in translation.sources.values()
    ]
    return {"inputTableColumnInfos": tables}
