"""dbt with its Athena adapter, unchanged but for the endpoint: two incremental models and a view, run twice."""

import datetime as dt
import subprocess
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from tests.stack.athena_shop import BUCKET, DATABASE, Shop
from tests.stack.conftest import client_environment, make_settings, started

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]
DBT = ROOT / ".venv" / "dbt" / "bin" / "dbt"
PROJECT = ROOT / "tests" / "clients" / "dbt"
SCHEMA = pa.schema(
    {
        "order_id": pa.int64(),
        "sales_date": pa.date32(),
        "country": pa.string(),
        "price": pa.decimal128(18, 3),
        "quantity": pa.int32(),
    }
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with started(make_settings(tmp_path / "stack"), "gateway") as settings:
        yield Shop(settings)


@pytest.fixture
def run(shop: Shop, tmp_path: Path) -> Callable[[], None]:
    """Run all models."""
    environment = client_environment(
        shop.settings,
        tmp_path,
        DO_NOT_TRACK="1",
        SHOP_SOURCE=DATABASE,
        SHOP_DATABASE="marts",
        SHOP_PLACE=f"s3://{BUCKET}/dbt/",
    )
    folders = ("--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs"))
    places = ("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), *folders)

    def run() -> None:
        assert DBT.exists(), "no environment of dbt: run `make .venv/dbt/.installed`"
        words = [str(DBT), "run", *places, "--no-version-check"]
        ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=180, check=False)
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-1000:]
        assert "PASS=3 WARN=0 ERROR=0 SKIP=0" in ended.stdout

    return run


def lines(*rows: tuple[int, int, str, str, int]) -> pa.Table:
    """Order lines of January, by order, day, country, price and quantity."""
    named = [
        (order, dt.date(2026, 1, day), country, Decimal(price), quantity)
        for order, day, country, price, quantity in rows
    ]
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in named], SCHEMA)


def test_incremental_models_take_what_is_new_and_views_follow(shop: Shop, run: Callable[[], None]) -> None:
    shop.add_delta("order_lines", lines((1, 1, "France", "1.5", 2), (2, 2, "Norway", "2", 1)))
    shop.register_delta("order_lines")
    run()
    by_country = "SELECT country, lines, net_revenue FROM marts.sales_by_country ORDER BY 1"
    assert shop.rows(by_country) == [["France", "1", "3.000"], ["Norway", "1", "2.000"]]
    # One more line of the last day, which is written anew, and a new day; the first day stays as it is.
    shop.add_delta("order_lines", lines((3, 2, "Norway", "2", 10), (4, 3, "Spain", "4", 1)), mode="append")
    run()
    assert shop.rows("SELECT sales_date, country, lines, net_revenue FROM marts.daily_sales ORDER BY 1") == [
        ["2026-01-01", "France", "1", "3.000"],
        ["2026-01-02", "Norway", "2", "22.000"],
        ["2026-01-03", "Spain", "1", "4.000"],
    ]
    assert shop.rows("SELECT order_id, net_revenue FROM marts.orders ORDER BY 1") == [
        ["1", "3.000"],
        ["2", "2.000"],
        ["3", "20.000"],
        ["4", "4.000"],
    ]
    assert shop.rows(by_country) == [["France", "1", "3.000"], ["Norway", "2", "22.000"], ["Spain", "1", "4.000"]]
    # Tables that dbt makes for the time of a run are gone with it.
    assert shop.rows("SHOW TABLES IN marts") == [["daily_sales"], ["orders"], ["sales_by_country"]]
