"""What the shop believes its table holds, from the journal: the state to compare silver with.

Reads the journal alone, never the broker, the bucket or a table.
"""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from generator import dataset, replay, simulate
from generator.journal import Journal, Run
from generator.steps import Step, final
from lakehouse.errors import ConfigError
from lakehouse.places import KAFKA
from lakehouse.settings import Settings

FORMATS: Final = (".parquet", ".jsonl")
SCHEMA: Final = pa.schema(
    [
        pa.field("order_id", pa.string(), nullable=False),
        pa.field("line_no", pa.int32(), nullable=False),
        pa.field("product_id", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("quantity", pa.int32(), nullable=False),
        pa.field("unit_price", pa.decimal128(12, 3), nullable=False),
        pa.field("customer_id", pa.string()),
        pa.field("country", pa.string(), nullable=False),
        pa.field("ordered_at", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)


def images(settings: Settings, sink: str = KAFKA) -> dict[str, str]:
    """The live rows' JSON texts by key, after all runs of this data folder to a sink; interrupted ones as if finished.

    An interrupted replay counts with the lines it has sent, as if settled.

    Raises:
        ContractError: A run was made by another version.
    """
    runs = [run for shop in (replay.SHOP, simulate.SHOP) for run in Journal(settings.data_path, shop).runs()]
    runs = sorted((run for run in runs if run.recipe.sink == sink), key=lambda run: run.recipe.first_lsn)
    return final(chain.from_iterable(_steps(run) for run in runs))


def write(settings: Settings, path: Path, sink: str = KAFKA) -> int:
    """Write the live rows, one a row, ordered by order_id and line_no, as Parquet or JSON lines; returns how many.

    Raises:
        ConfigError: The name ends otherwise, or the file cannot be written.
    """
    if path.suffix not in FORMATS:
        raise ConfigError(f"--out {path}", f"a name ending in {' or '.join(FORMATS)}", "correct it")
    rows = images(settings, sink)
    try:
        if path.suffix == ".jsonl":
            ordered = sorted(rows.values())
            path.write_text("".join(f"{row}\n" for row in ordered), encoding="utf-8")
        else:
            pq.write_table(table(rows), path)
    except OSError as fault:
        raise ConfigError(f"--out {path}: {fault}", "a place that can be written", "take another") from fault
    return len(rows)


def table(rows: dict[str, str]) -> pa.Table:
    """The rows as an Arrow table with the order line's columns and types, ordered by order_id and line_no."""
    if not rows:
        return SCHEMA.empty_table()
    texts = pa.schema([pa.field(column.name, _parsed(column.type)) for column in SCHEMA])
    content = "\n".join(rows.values()).encode()
    read = pj.read_json(
        pa.BufferReader(content), parse_options=pj.ParseOptions(explicit_schema=texts), read_options=_READ
    )
    columns = [pc.cast(read[column.name], column.type) for column in SCHEMA]
    return pa.table(columns, schema=SCHEMA).sort_by([("order_id", "ascending"), ("line_no", "ascending")])


_READ: Final = pj.ReadOptions(block_size=64 << 20)


def _parsed(kind: pa.DataType) -> pa.DataType:
    return kind if pa.types.is_integer(kind) else pa.string()


def _steps(run: Run) -> Iterator[Step]:
    if run.recipe.shop == simulate.SHOP:
        return islice(simulate.steps(run.recipe), run.steps)
    return islice(chain.from_iterable(dataset.read(limit=run.recipe.arguments["limit"]).blocks()), run.steps)
