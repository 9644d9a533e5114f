"""Export files: their names, their bytes as CSV or Parquet, and their way to the destination.

Cells are written as they are: one that begins with a formula's sign is not changed, as the service's own are not.
"""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from forecasting.data import numerals, storage

ROWS = 250_000
"""Rows of a part; what makes the tables gives about so many at once."""


@dataclass(frozen=True)
class Export:
    """Where an export goes.

    Args:
        name: Of the job.
        made_at: Of the job; its files carry it.
        path: The destination, a prefix in S3 with or without a slash at its end.
        format: CSV or PARQUET.
        kms_key: To encrypt with; "" for the bucket's own way.
    """

    name: str
    made_at: datetime
    path: str
    format: str = "CSV"
    kms_key: str = ""

    @classmethod
    def of(cls, name: str, made_at: datetime, request: Mapping[str, Any]) -> "Export":
        """Read a Create…Export request."""
        place = request["Destination"]["S3Config"]
        return cls(name, made_at, place["Path"], request.get("Format") or "CSV", place.get("KMSKeyArn") or "")

    def key(self, part: int, folder: str = "") -> str:
        """The path of a part.

        Example:
            >>> Export("night", datetime(2020, 4, 25, 22, 30, 23, tzinfo=UTC), "s3://shop/out").key(0)
            's3://shop/out/night_2020-04-25T22-30-23Z_part0.csv'
        """
        stamp = f"{self.made_at.astimezone(UTC):%Y-%m-%dT%H-%M-%SZ}"
        return f"{self.path.rstrip('/')}/{folder}{self.name}_{stamp}_part{part}.{self.format.lower()}"


def write(export: Export, tables: Iterable[pa.Table], *, client: Any, folder: str = "", missing: str = "") -> list[str]:
    """Write each table as a part.

    Args:
        export: Where to.
        tables: All with the same columns: strings and floats.
        client: Of boto3, for S3.
        folder: Below the destination, with a slash at its end.
        missing: Stands in CSV for a number that is null.

    Returns:
        The paths that were written.

    Raises:
        ContractError: The bucket is not there or may not be written.
        SourceError: S3 does not answer.
    """
    written = []
    for number, table in enumerate(tables):
        path = export.key(number, folder)
        body = csv(table, missing) if export.format == "CSV" else _parquet(table)
        storage.put(client, path, body, export.kms_key)
        written.append(path)
    return written


def csv(table: pa.Table, missing: str = "") -> bytes:
    """A table as CSV with a header: quotes only where a cell needs them, lines that end with a line feed.

    Args:
        table: Strings and floats.
        missing: Stands for a float that is null; a string that is null is an empty cell.
    """
    header = ",".join(_quoted(pa.array(table.column_names)).to_pylist()) + "\n"
    return b"".join([header.encode(), *_lines(table, missing)])


def _lines(table: pa.Table, missing: str) -> Iterator[bytes]:
    for batch in table.to_batches(max_chunksize=ROWS):
        cells = [_cells(column, missing) for column in batch.columns]
        lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*cells, ","), "", "\n")
        if len(lines):  # the texts of a column lie one after the other
            yield memoryview(lines.buffers()[2])[: pc.sum(pc.binary_length(lines)).as_py()].tobytes()


def _cells(column: pa.Array, missing: str) -> pa.Array:
    if pa.types.is_string(column.type):
        return _quoted(column.fill_null(""))
    return numerals.texts(column).fill_null(missing)


def _quoted(texts: pa.Array) -> pa.Array:
    needs = pc.match_substring_regex(texts, '[,"\\r\\n]')
    if not pc.any(needs).as_py():
        return texts
    return pc.if_else(needs, pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', ""), texts)


def _parquet(table: pa.Table) -> bytes:
    body = io.BytesIO()
    parquet.write_table(table, body)
    return body.getvalue()
