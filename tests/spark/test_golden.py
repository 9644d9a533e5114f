"""The golden cases: what silver makes of messages and gold of order lines (tests/golden/README.md)."""

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from lakehouse.places import DYNAMODB, KAFKA
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, SILVER_ORDER_LINES, Table
from spark_jobs import bronze, recompute
from spark_jobs.arrow import arrow_schema
from spark_jobs.transforms import changes as silver
from spark_jobs.transforms import gold, gold_few
from tests.spark.site import bronze_line

pytestmark = pytest.mark.spark

Row = dict[str, Any]
ROOT = Path(__file__).parents[1] / "golden"
BUILDS: dict[Table, Callable[[DataFrame], DataFrame]] = {
    GOLD_DAILY_SALES: gold.daily_sales,
    GOLD_DAILY_PRODUCT_SALES: gold.daily_product_sales,
}


def ddl(table: Table) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in table.columns)


def cases(table: Table) -> list[str]:
    return sorted(path.name for path in (ROOT / table.full_name).iterdir())


def read(table: Table, case: str, name: str) -> list[Row]:
    text = (ROOT / table.full_name / case / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def source(given: Row) -> str:
    """Which source a message of a case comes from."""
    return DYNAMODB if {"record", "record_line"} & given.keys() else KAFKA


def as_line(offset: int, given: Row) -> str:
    """A message of a case as a line of bronze."""
    if source(given) == DYNAMODB:
        return str(given.get("record_line") or json.dumps(given["record"], ensure_ascii=False, separators=(",", ":")))
    if "line" in given:
        return str(given["line"])
    if "text" in given:
        return bronze_line(offset, given["text"])
    envelope = given["envelope"]
    text = None if envelope is None else json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return bronze_line(offset, text)


def plain(value: Any) -> Any:
    """A cell as the files write it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


Silver = dict[str, list[Row]]


def play(spark: SparkSession, given: dict[str, list[Row]], settings: Row) -> Silver:
    """Let batch after batch of some cases at once go through the transforms; their keys differ.

    Returns:
        By case, what its `expect.jsonl` should say.
    """
    numbers = {case: number for number, case in enumerate(given)}
    batches: dict[tuple[int, str], list[tuple[str, int, int, None]]] = defaultdict(list)
    for case, messages in given.items():
        for position, message in enumerate(messages):
            line = as_line(position, message)
            where = message["batch"], source(message)
            batches[where].append((line, numbers[case] * 1000 + position, numbers[case], None))
    held: dict[tuple[int, Any], Row] = {}
    outcomes: dict[int, tuple[int, str]] = {}
    rejected: list[tuple[int, Row]] = []
    for (batch_id, way), lines in sorted(batches.items()):
        changes = bronze.changes(spark.createDataFrame(lines, bronze.RAW_LINES), way)
        keys = [(row["source"], row["order_id"], row["line_no"], row["cdc_sequence"]) for row in held.values()]
        current = spark.createDataFrame(keys, "source STRING, order_id STRING, line_no INT, current_sequence STRING")
        expired = settings.get("expired_sequence") if batch_id > 1 else None
        judged = silver.with_outcome(changes, current if held else None, expired).cache()
        outcomes |= {row["line"]: (row["object"], row["outcome"]) for row in judged.collect()}
        for row in silver.rejected(judged.withColumnRenamed("line", "position"), batch_id, 0.0).collect():
            rejected.append((row["object"], {"reason": row["reason"], "raw": row["raw"]}))
        applied = judged.where("outcome = 'applied'")
        order_lines = silver.order_lines(applied, batch_id, settings.get("business_timezone", "UTC"))
        assert tuple(order_lines.columns) == SILVER_ORDER_LINES.names
        rows = order_lines.toArrow().to_pylist()
        objects = {(row["order_id"], row["line_no"]): row["object"] for row in applied.collect()}
        for row in rows:
            assert row.pop("batch_id") == batch_id
            key = row["order_id"], row["line_no"]
            held[objects[key], (way, *key)] = row
        judged.unpersist()
    found: Silver = {case: [] for case in given}
    names = list(given)
    for line in sorted(outcomes):
        found[names[outcomes[line][0]]].append({"outcome": outcomes[line][1]})
    for (number, _), row in held.items():
        found[names[number]].append({"row": {name: plain(cell) for name, cell in row.items() if cell is not None}})
    for number, row in rejected:
        found[names[number]].append({"rejected": {name: cell for name, cell in row.items() if cell is not None}})
    return found


@pytest.fixture(scope="module")
def played(spark: SparkSession) -> Silver:
    """What all cases of silver come to: those without settings together, a few Spark jobs instead of a hundred."""
    together: dict[str, list[Row]] = {}
    found: Silver = {}
    for case in cases(SILVER_ORDER_LINES):
        first, *rest = read(SILVER_ORDER_LINES, case, "given")
        if "settings" in first:
            found |= play(spark, {case: rest}, first["settings"])
        else:
            together[case] = [first, *rest]
    return found | play(spark, together, {})


def in_order(rows: list[Row]) -> list[str]:
    outcomes = [json.dumps(row) for row in rows if "outcome" in row]
    return outcomes + sorted(json.dumps(row, sort_keys=True) for row in rows if "outcome" not in row)


@pytest.mark.parametrize("case", cases(SILVER_ORDER_LINES))
def test_silver_makes_of_messages_what_the_case_says(played: Silver, case: str) -> None:
    assert in_order(played[case]) == in_order(read(SILVER_ORDER_LINES, case, "expect"))


@pytest.mark.parametrize("case", cases(SILVER_ORDER_LINES))
def test_no_case_of_silver_is_met_by_taking_every_message_as_it_comes(case: str) -> None:
    given = [message for message in read(SILVER_ORDER_LINES, case, "given") if "settings" not in message]
    images = [(message.get("envelope") or {}).get("after") for message in given]
    expected = read(SILVER_ORDER_LINES, case, "expect")
    assert [{"outcome": "applied"}] * len(given) + [{"row": image} for image in images] != expected


@pytest.mark.parametrize(("table", "case"), [(table, case) for table in BUILDS for case in cases(table)])
def test_gold_makes_of_order_lines_what_the_case_says(spark: SparkSession, table: Table, case: str) -> None:
    rows = [
        {
            **row,
            "unit_price": Decimal(row["unit_price"]),
            "ordered_at": datetime.fromisoformat(row["ordered_at"]),
            "sales_date": date.fromisoformat(row["sales_date"]),
        }
        for row in read(table, case, "given")
    ]
    expected = read(table, case, "expect")
    order_lines = spark.createDataFrame(
        [{**dict.fromkeys(SILVER_ORDER_LINES.names), **row} for row in rows], ddl(SILVER_ORDER_LINES)
    )
    sales = BUILDS[table](order_lines)
    assert dict(sales.dtypes) == {column.name: column.type for column in table.columns}
    assert told(sales.toArrow()) == told_rows(expected)

    # so must the way of the streaming loop
    given = pa.Table.from_pylist([{**row, "is_deleted": False} for row in rows], arrow_schema(SILVER_ORDER_LINES))
    few = gold_few.daily(given.to_reader(), {row["sales_date"] for row in rows})[table]
    assert few.schema.equals(arrow_schema(table))
    assert told(few) == told_rows(expected)

    # and the one by which `verify` checks the tables
    connection = duckdb.connect()
    connection.register("order_lines", given)
    assert told(connection.sql(recompute.GOLD[table.full_name]).to_arrow_table()) == told_rows(expected)


def told(rows: pa.Table) -> list[str]:
    return told_rows([{name: plain(cell) for name, cell in row.items()} for row in rows.to_pylist()])


def told_rows(rows: list[Row]) -> list[str]:
    return sorted(json.dumps(row) for row in rows)
