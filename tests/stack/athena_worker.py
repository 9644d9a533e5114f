"""A worker of the engine whose statements are DuckDB's own SQL, for tests of the service without a translator.

The types of the columns stand in a comment at the end: `SELECT 1 AS n -- n bigint`. `INSERT` says that it wrote.
"""

import re

from infra.local.athena.contract import Column, Job, Outcome, Translation
from infra.local.athena.engine import worker
from infra.local.athena.engine.context import Context, Selected


def run(job: Job, context: Context) -> Outcome:
    """Run one statement."""
    sql, _, types = job.sql.partition("--")
    for parameter in job.parameters:
        sql = sql.replace("?", parameter, 1)
    columns = tuple(Column(name, kind) for name, kind in re.findall(r"(\w+) (\w+(?:\([^)]*\))?)", types))
    if sql.startswith("SHOW"):
        return told(
            context.publish((Column("tab_name", "varchar"),), [["orders"], ["sales"]]), "UTILITY", "SHOW_TABLES"
        )
    selected = context.select(Translation(sql.removeprefix("INSERT INTO t ").strip().removesuffix(";"), columns, {}))
    if sql.startswith("INSERT"):
        return Outcome("SUCCEEDED", substatement="INSERT", columns=(Column("rows", "bigint"),), updated=selected.rows)
    return told(selected, "DML", "SELECT")


def told(selected: Selected, statement: str, substatement: str) -> Outcome:
    return Outcome(
        "SUCCEEDED",
        statement=statement,
        substatement=substatement,
        columns=selected.columns,
        location=selected.location,
        rows=selected.rows,
        scanned_bytes=selected.scanned_bytes,
        milliseconds=selected.milliseconds,
        tables=selected.tables,
    )


if __name__ == "__main__":
    worker.main(run)
