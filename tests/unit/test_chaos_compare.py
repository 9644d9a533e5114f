"""The comparison of a round: it passes for right tables, and each kind of wrong row is found and named."""

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from generator import simulate, truth
from generator.journal import Journal, Recipe, Run
from lakehouse.envelopes import Change, OrderLine
from lakehouse.tables import GOLD_DAILY_PRODUCT_SALES, GOLD_DAILY_SALES, SILVER_ORDER_LINES, SILVER_REJECTED
from spark_jobs.arrow import arrow_schema
from spark_jobs.recompute import GOLD, silver_rows
from tests.chaos.compare import compare
from tests.chaos.expected import SCHEMA, Expected

pytestmark = pytest.mark.unit

AT = datetime(2026, 1, 2, 3, tzinfo=UTC)
Rows = list[dict[str, Any]]


def change(number: int, op: str = "c", sequence: int = 1, quantity: int = 2) -> Change:
    line = OrderLine(f"S{number}", 1, "P", "thing", quantity, Decimal("1.500"), "C", "EIRE", AT)
    return Change(op, f"{sequence:020d}", AT, f"S{number}", 1, None if op == "d" else line)


CHANGES = [change(1), change(2, "u", 5), change(3, "d", 7)]


def silver() -> Rows:
    return [{**row, "batch_id": 1} for row in silver_rows(CHANGES, "UTC")]


def lake(rows: Rows, rejected: Rows | None = None) -> dict[str, pa.Table]:
    """Tables with these rows of silver, and gold as the right rows give it."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    right = pa.Table.from_pylist(silver(), schema=arrow_schema(SILVER_ORDER_LINES))
    connection.register("order_lines", right)
    gold = (GOLD_DAILY_SALES, GOLD_DAILY_PRODUCT_SALES)
    return {
        SILVER_ORDER_LINES.full_name: pa.Table.from_pylist(rows, schema=right.schema),
        SILVER_REJECTED.full_name: pa.Table.from_pylist(rejected or [], schema=arrow_schema(SILVER_REJECTED)),
        **{table.full_name: connection.sql(GOLD[table.full_name]).to_arrow_table() for table in gold},
    }


def expected() -> pa.Table:
    rows = [{name: row[name] for name in SCHEMA.names} for row in silver()]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def wrong(found: dict[str, pa.Table]) -> dict[str, int]:
    return {name: count for name, count in compare(found, expected()).counts.items() if count}


def altered(number: int, **fields: Any) -> Rows:
    return [{**row, **fields} if row["order_id"] == f"S{number}" else row for row in silver()]


def live(row: dict[str, Any]) -> dict[str, Any]:
    return {**silver()[0], "order_id": row["order_id"], "cdc_sequence": row["cdc_sequence"]}


def test_right_tables_pass() -> None:
    verdict = compare(lake(silver()), expected())
    assert verdict.is_right and verdict.rows == 3 and verdict.examples == ()
    # what no comparison of silver looks at: the batch that wrote a row, and its time at the source
    assert wrong(lake(altered(1, batch_id=9, cdc_at=None))) == {}


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("lost", lambda rows: rows[1:]),
        ("lost", lambda rows: rows[:2]),  # a tombstone that is gone
        ("duplicated", lambda rows: [*rows, rows[0]]),
        ("duplicated", lambda rows: [*rows, rows[2]]),
        ("stale", lambda rows: altered(2, cdc_sequence=f"{4:020d}", quantity=1)),
        ("stale", lambda rows: altered(2, unit_price=Decimal("1.501"))),
        ("stale", lambda rows: altered(3, cdc_sequence=f"{6:020d}")),
        ("stale", lambda rows: [rows[0], {**rows[2], "order_id": "S2"}, rows[2]]),  # a delete that is not the newest
        ("resurrected", lambda rows: [*rows[:2], live(rows[2])]),
        ("resurrected", lambda rows: [*rows, {**rows[0], "order_id": "never sent"}]),
        ("resurrected", lambda rows: [*rows, {**rows[2], "order_id": "never sent"}]),
    ],
)
def test_each_kind_of_wrong_row_is_found_and_named(kind: str, rows: Callable[[Rows], Rows]) -> None:
    assert wrong(lake(rows(silver()))) == {kind: 1}


def test_a_stale_row_beside_the_right_one_is_both() -> None:
    assert wrong(lake([*silver(), {**silver()[1], "quantity": 9}])) == {"duplicated": 1, "stale": 1}


@pytest.mark.parametrize("name", [GOLD_DAILY_SALES.full_name, GOLD_DAILY_PRODUCT_SALES.full_name])
def test_gold_that_differs_is_found_from_both_sides(name: str) -> None:
    found = lake(silver())
    rows = found[name].to_pylist()
    assert [row["units_sold"] for row in rows] == [4]
    assert wrong({**found, name: found[name].slice(1)}) == {name: 1}
    off = [{**row, "net_revenue": row["net_revenue"] + Decimal("0.001")} for row in rows]
    assert wrong({**found, name: pa.Table.from_pylist(off, schema=found[name].schema)}) == {name: 2}


def test_a_row_rejected_twice_is_found() -> None:
    row = {"raw": "x", "reason": "bad_json", "object": "o", "position": 1, "batch_id": 1, "rejected_at": AT}
    assert wrong(lake(silver(), [row, {**row, "position": 2}])) == {}
    assert wrong(lake(silver(), [row, {**row, "batch_id": 2}])) == {"rejected twice": 1}


def test_what_is_expected_is_the_journals_truth_and_its_tombstones(settings_of_shop: tuple[Path, Any]) -> None:
    folder, settings = settings_of_shop
    rows = Expected(folder, "UTC").rows().to_pylist()
    images = truth.table(truth.images(settings)).to_pylist()
    names = images[0].keys()
    lives = sorted(({name: row[name] for name in names} for row in rows if not row["is_deleted"]), key=_key)
    assert lives == images
    assert len(images) > 400
    assert sum(row["is_deleted"] for row in rows) > 20
    sequences = [row["cdc_sequence"] for row in rows]
    assert len(set(sequences)) == len(sequences)


def _key(row: dict[str, Any]) -> tuple[str, int]:
    return row["order_id"], row["line_no"]


@pytest.fixture
def settings_of_shop(tmp_path: Path) -> tuple[Path, Any]:
    """A folder with the journal of a run of 600 changes and heavy noise."""
    from lakehouse.settings import load  # noqa: PLC0415

    recipe: Recipe = simulate._recipe(simulate.Request(noise="heavy", seed=3, rate=100), first_lsn=10)
    with Journal(tmp_path, simulate.SHOP) as journal:
        journal.write(Run(dataclasses.replace(recipe, start_millis=int(time.time() * 1000)), "t", 600, closed=True))
    return tmp_path, dataclasses.replace(load(environ={}, dotenv=None), data_dir=str(tmp_path))
