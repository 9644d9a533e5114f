"""A worker whose statements are translations in JSON: the engine without SQL of Athena's."""

import datetime as dt
import json
from typing import Any

from infra.local.athena.contract import Column, Job, Outcome, Range, Source, Translation
from infra.local.athena.engine import worker
from infra.local.athena.engine.context import Context


def run(job: Job, context: Context) -> Outcome:
    given = json.loads(job.sql)
    sources = {name: source(context, *about) for name, about in given["sources"].items()}
    columns = tuple(Column(name, kind) for name, kind in given["columns"])
    translation = Translation(given["sql"], columns, sources)
    if "destination" in given:
        written = context.write(translation, given["destination"], **given.get("options", {}))
        return Outcome(
            "SUCCEEDED",
            updated=written.rows,
            location=json.dumps([written.files, written.partitions, written.folders]),
            scanned_bytes=written.scanned_bytes,
        )
    selected = context.select(translation)
    return Outcome(
        "SUCCEEDED",
        columns=selected.columns,
        location=selected.location,
        rows=selected.rows,
        scanned_bytes=selected.scanned_bytes,
        milliseconds=selected.milliseconds,
        tables=selected.tables,
    )


def source(context: Context, database: str, table: str, needed: list[str], ranges: dict[str, Any]) -> Source:
    found = {name: Range(low=dt.date.fromisoformat(low)) for name, low in ranges.items()}
    return Source(context.catalog.relation(database, table), tuple(needed), found)


if __name__ == "__main__":
    worker.main(run)
