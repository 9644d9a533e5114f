"""The data set as order lines: the sums the tables are checked against, the order and the numbering."""

from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from generator import dataset, replay
from lakehouse.errors import ConfigError

pytestmark = pytest.mark.unit


def test_sums_are_those_of_the_data_set() -> None:
    lines = replay.truth(dataset.read())
    rows = lines.values()
    assert len(lines) == 541_909
    assert sum(row.quantity for row in rows) == 5_176_450
    assert sum(row.quantity * row.unit_price for row in rows) == Decimal("9747747.934")
    assert len({row.order_id for row in rows}) == 25_900
    assert len({row.country for row in rows}) == 38
    assert sum(row.customer_id is None for row in rows) == 135_080
    assert sum(row.description is None for row in rows) == 1_454


def test_lines_are_in_time_order_and_numbered_in_file_order() -> None:
    lines = list(replay.truth(dataset.read(limit=20_000)).values())
    assert [line.ordered_at for line in lines] == sorted(line.ordered_at for line in lines)
    file = pq.read_table(dataset.FILE).slice(0, 20_000).to_pylist()
    seen: dict[str, int] = {}
    expected = {}
    for row in file:
        seen[row["InvoiceNo"]] = seen.get(row["InvoiceNo"], 0) + 1
        expected[row["InvoiceNo"], seen[row["InvoiceNo"]]] = (row["StockCode"], row["Quantity"], row["Description"])
    both = [line for line in lines if line.key in expected]
    assert len(both) > 19_000
    for line in both:
        assert (line.product_id, line.quantity, line.description) == expected[line.key]


def test_a_limit_gives_the_first_lines() -> None:
    def keys(limit: int) -> list[str]:
        return [step.key for block in dataset.read(limit=limit).blocks() for step in block]

    assert keys(300) == keys(1_000)[:300]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone"):
        dataset.read(tmp_path / "gone.parquet")
    with pytest.raises(ConfigError, match="gone"):
        dataset.digest(tmp_path / "gone.parquet")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    other.write_text("no parquet")
    with pytest.raises(ConfigError, match="other"):
        dataset.read(other)
