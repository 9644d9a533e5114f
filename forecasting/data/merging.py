"""An incremental import: rows of the data set until now and new ones, of which each replaces those with its key."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from forecasting.data.field_statistics import connect
from forecasting.data.schema import Schema

_ROWS = 1 << 17


def merged(previous: Path, fresh: Path, schema: Schema, *, scratch: Path) -> Iterator[pa.RecordBatch]:
    """The rows of both files: the previous ones whose key no fresh row has, then all fresh ones.

    The key is the item, the dimensions and the time, in item metadata the item alone. Fresh rows with one key are all
    kept: the service aggregates such rows, it does not refuse them.

    Args:
        previous: A data.parquet of the schema.
        fresh: Another.
        schema: Their columns.
        scratch: A folder for what does not fit into memory.
    """
    names = [f"c{number}" for number in range(len(schema.names))]
    keys = [names[schema.names.index(name)] for name in schema.key]
    with connect(scratch) as database:
        # so that the fresh keys alone are held in memory, and the previous rows pass by in their order
        database.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        for view, path in (("previous", previous), ("fresh", fresh)):
            quoted = str(path).replace("'", "''")
            rows = f"SELECT * FROM read_parquet('{quoted}') AS t({','.join(names)})"  # noqa: S608
            database.execute(f"CREATE VIEW {view} AS {rows}")
        found = database.sql(
            f"SELECT * FROM previous ANTI JOIN fresh USING ({','.join(keys)}) UNION ALL SELECT * FROM fresh"  # noqa: S608
        )
        for batch in found.to_arrow_reader(_ROWS):
            columns = [column.cast(field.type) for column, field in zip(batch.columns, schema.arrow, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema.arrow)
