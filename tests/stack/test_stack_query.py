"""SQL over Delta tables in the gateway, and what the SQL may not do."""

import dataclasses
import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from infra.local.lake import Lake
from lakehouse import places
from lakehouse.errors import ContractError, SourceError
from lakehouse.settings import Settings
from lakehouse.tables import SILVER_ORDER_LINES, VIEWS
from tests.stack.conftest import make_settings

pytestmark = pytest.mark.stack

DAY = datetime.date(2026, 1, 2)
AT = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


@pytest.fixture
def lake(gateway: Settings, bucket: str) -> Lake:
    """Order lines of which one is a tombstone, and a day of sales; no other table."""
    settings = dataclasses.replace(gateway, bucket=bucket, database_prefix="mine_")
    kinds: dict[str, Any] = {
        "string": (pa.string(), "x"),
        "int": (pa.int32(), 1),
        "bigint": (pa.int64(), 1),
        "boolean": (pa.bool_(), False),
        "date": (pa.date32(), DAY),
        "timestamp": (pa.timestamp("us", tz="UTC"), AT),
        "decimal(12,3)": (pa.decimal128(12, 3), Decimal("1.125")),
    }
    columns = {
        column.name: pa.array([kinds[column.type][1]] * 3, kinds[column.type][0])
        for column in SILVER_ORDER_LINES.columns
    }
    columns["line_no"] = pa.array([1, 2, 3], pa.int32())
    columns["is_deleted"] = pa.array([False, True, False])
    sales = {"sales_date": pa.array([DAY] * 2), "country": ["A", "B"], "net_revenue": pa.array([Decimal(1)] * 2)}
    for layer, name, rows in (("silver", "order_lines", columns), ("gold", "daily_sales", sales)):
        url = places.table_url(bucket, layer, name)
        write_deltalake(url, pa.table(rows), storage_options=settings.delta_options)
    return Lake(settings)


def rows(lake: Lake, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in lake.query(sql).read_all().to_pylist()]


def test_tables_and_views_answer_under_their_prefix(lake: Lake) -> None:
    assert rows(lake, "SELECT line_no FROM mine_silver.current_order_lines ORDER BY 1") == [(1,), (3,)]
    sql = (
        "SELECT l.ordered_at, s.country FROM mine_silver.order_lines l JOIN mine_gold.daily_sales s USING (sales_date)"
    )
    assert set(rows(lake, sql)) == {(AT, "A"), (AT, "B")}
    assert rows(lake, "USE mine_gold; SELECT count(*) FROM daily_sales") == [(2,)]
    assert rows(lake, "SELECT ordered_at::VARCHAR FROM mine_silver.order_lines LIMIT 1") == [
        ("2026-01-02 03:04:05+00",)
    ]


def test_a_table_that_is_not_there_yet_says_what_to_do(lake: Lake) -> None:
    with pytest.raises(ContractError, match=r"mine_ops\.batches is not there yet.*make replay"):
        lake.query("SELECT * FROM mine_ops.batches")
    found = {one.name: one.is_there for one in lake.presence()}
    assert found["mine_gold.daily_sales"]
    assert found[f"mine_{VIEWS[0].full_name}"]
    assert not found["mine_ops.batches"]


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nope FROM mine_gold.daily_sales", "SELECT * FROM mine_gold.nope"])
def test_wrong_sql_is_one_line_of_duckdbs(lake: Lake, sql: str) -> None:
    with pytest.raises(ContractError, match=r"SQL: .* Error: ") as caught:
        lake.query(sql)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM '{file}'",
        "COPY (SELECT 1) TO '{file}'",
        "ATTACH '{file}.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SELECT * FROM columns",
    ],
)
def test_sql_reaches_nothing_but_the_tables(lake: Lake, tmp_path: Path, sql: str) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(ContractError):
        lake.query(sql.format(file=file))
    assert file.read_text(encoding="utf-8") == "a\n1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_a_gateway_that_is_down_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="run `make up`") as caught:
        Lake(make_settings(tmp_path)).query("SELECT * FROM gold.daily_sales")
    assert "\n" not in str(caught.value)
