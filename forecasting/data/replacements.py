"""A what-if forecast's TimeSeriesReplacementsDataSource: rows that take the place of rows of the related series."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecasting.data import importing
from forecasting.data.schema import Attribute, Schema
from lakehouse.errors import ContractError

ROW, PLACE = "#row", "#place"  # no names of attributes


def read(source: Mapping[str, Any], related: Schema, *, client: Any, scratch: Path) -> pa.Table:
    """The replacement rows.

    Args:
        source: The API's TimeSeriesReplacementsDataSource.
        related: The schema of the related series; of it the replacements have the key and at least one more column.
        client: Of boto3, for S3.
        scratch: A folder for what must lie on disk meanwhile.

    Raises:
        ContractError: The schema does not fit the related one, or a file has a fault.
        SourceError: S3 does not answer.
    """
    attributes = {one["AttributeName"]: one["AttributeType"] for one in source["Schema"]["Attributes"]}
    known = {one.name: one.kind for one in related.attributes}
    if any(known.get(name) != kind for name, kind in attributes.items()) or not set(related.key) < set(attributes):
        raise ContractError(
            f"replacements with the columns {_listed(attributes)}",
            f"{', '.join(related.key)} and at least one more of {_listed(known)}",
            "correct their schema",
        )
    schema = Schema(tuple(Attribute(name, kind) for name, kind in attributes.items()), related.item)
    return importing.rows(source["S3Config"]["Path"], schema, source, client=client, scratch=scratch)


def apply(related: pa.Table, schema: Schema, rows: pa.Table) -> pa.Table:
    """Put the values of replacement rows where the related series have the same key.

    Rows and columns that the replacements do not have stay as they are; so does a value where theirs is missing.

    Args:
        related: The related series.
        schema: Of the related series.
        rows: The key and some of the other columns.

    Returns:
        The same rows in the same order.

    Raises:
        ContractError: Two replacements have the same key, or one is of no row of the related series.
    """
    keys = [*schema.key]
    counted = rows.group_by(keys).aggregate([([], "count_all")])
    twice = counted.filter(pc.greater(counted["count_all"], 1))
    if len(twice):
        told = f"{twice['count_all'][0]} replacements of {_told(twice, keys)}"
        raise ContractError(told, "one per series and time", "remove the others")
    numbered = pa.table({one: rows[one] for one in keys} | {ROW: pa.array(np.arange(len(rows)))})
    places = pa.table({one: related[one] for one in keys} | {PLACE: pa.array(np.arange(len(related)))})
    unknown = numbered.join(places, keys, join_type="left anti")
    if len(unknown):
        raise ContractError(
            f"a replacement of {_told(unknown, keys)}", "a row of the related time series", "remove or correct it"
        )
    found = places.join(numbered, keys, join_type="left outer").sort_by(PLACE)[ROW]
    for name in rows.column_names:
        if name not in keys:
            value = rows[name].take(found)
            kept = pc.if_else(pc.is_null(value, nan_is_null=True), related[name], value)
            related = related.set_column(related.column_names.index(name), name, kept)
    return related


def _listed(attributes: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in attributes.items())


def _told(rows: pa.Table, keys: list[str]) -> str:
    return ", ".join(f"{name}={value!s:.100}" for name, value in rows.select(keys).slice(0, 1).to_pylist()[0].items())
