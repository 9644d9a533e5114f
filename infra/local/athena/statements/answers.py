"""Outcomes of statements: what was answered, as the service keeps it. Runs nothing."""

import dataclasses
from collections.abc import Iterable, Sequence

from infra.local.athena.contract import Column, Outcome
from infra.local.athena.engine.context import Context, Selected, Written

ROWS = (Column("rows", "bigint"),)


def done(context: Context) -> Outcome:
    """DDL without an answer: an empty file."""
    return lines(context, (), ())


def lines(context: Context, columns: Sequence[str | Column], rows: Iterable[str]) -> Outcome:
    """What SHOW and DESCRIBE answer: one text a row, its values padded and joined already.

    Args:
        context: Of the statement.
        columns: A name stands for a column of Hive's type string.
        rows: The lines of the file.
    """
    named = tuple(Column(column, "string") if isinstance(column, str) else column for column in columns)
    return published(context.publish(named, [(row,) for row in rows]))


def published(selected: Selected) -> Outcome:
    """A result file."""
    return Outcome(
        state="SUCCEEDED",
        columns=selected.columns,
        location=selected.location,
        rows=selected.rows,
        scanned_bytes=selected.scanned_bytes,
        milliseconds=selected.milliseconds,
        tables=selected.tables,
    )


def written(files: Written, manifest: str = "") -> Outcome:
    """Files of a table; the answer is their number of rows."""
    return Outcome(
        state="SUCCEEDED",
        columns=ROWS,
        manifest=manifest,
        updated=files.rows,
        scanned_bytes=files.scanned_bytes,
        milliseconds=files.milliseconds,
        tables=files.tables,
    )


def named(outcome: Outcome, substatement: str) -> Outcome:
    """The outcome of a statement that Athena calls otherwise than its words say: DESCRIBE of a view."""
    return dataclasses.replace(outcome, substatement=substatement)
