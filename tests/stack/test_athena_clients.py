"""Programs that people use with Athena, unchanged but for the endpoint: PyAthena, SQLAlchemy, awswrangler, the AWS CLI.

Each is a script of tests/clients, run in an environment of its own (`make test` makes it) against a gateway process.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from infra.local import gateway
from lakehouse.settings import Settings
from tests.stack.conftest import client, client_environment, make_settings, started, wait_until

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv" / "clients" / "bin" / "python"
SALES = [
    (date(2026, 1, 1), "France", 3, Decimal("10.500")),
    (date(2026, 1, 1), "Norway", 1, Decimal("0.001")),
    (date(2026, 1, 2), "France", 2, Decimal("-4.250")),
    (date(2026, 1, 3), "Spain", 9, Decimal("123456789.125")),
]
FRAME = [[str(day), country, orders, f"{net:.3f}"] for day, country, orders, net in SALES]
FAULT = "Column 'absent' cannot be resolved"

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with started(make_settings(tmp_path_factory.mktemp("clients")), "gateway") as settings:
        gateway.ensure_bucket(settings)
        place = f"s3://{settings.bucket}/shop/sales"
        schema = pa.schema(
            {
                "sales_date": pa.date32(),
                "country": pa.string(),
                "orders": pa.int64(),
                "net_revenue": pa.decimal128(18, 3),
            }
        )
        rows = [dict(zip(schema.names, row, strict=True)) for row in SALES]
        write_deltalake(place, pa.Table.from_pylist(rows, schema), storage_options=settings.delta_options)
        for sql in (
            "CREATE DATABASE shop",
            f"CREATE EXTERNAL TABLE shop.sales LOCATION '{place}' TBLPROPERTIES ('table_type' = 'DELTA')",
        ):
            athena = client(settings, "athena")
            started_id = athena.start_query_execution(
                QueryString=sql, ResultConfiguration={"OutputLocation": f"s3://{settings.bucket}/athena/"}
            )["QueryExecutionId"]

            def status(name: str = started_id, athena: Any = athena) -> Any:
                found = athena.get_query_execution(QueryExecutionId=name)["QueryExecution"]["Status"]
                return found if found["State"] in ("SUCCEEDED", "FAILED") else None

            found = wait_until(sql, status, 60)
            assert found["State"] == "SUCCEEDED", found
        yield settings


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    return client_environment(settings, tmp_path)


@pytest.fixture
def run(settings: Settings, environment: dict[str, str]) -> Run:
    """Run a script of tests/clients and return what it found."""

    def run(name: str) -> Any:
        assert PYTHON.exists(), "no environment of the clients: run `make .venv/clients/.installed`"
        words = [str(PYTHON), str(ROOT / "tests" / "clients" / name), f"s3://{settings.bucket}/athena/", "shop"]
        ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=180, check=False)
        assert ended.returncode == 0, ended.stderr[-3000:]
        return json.loads(ended.stdout)

    return run


def test_pyathena_s_cursor(run: Run) -> None:
    found = run("pyathena_cursor.py")
    assert found["rows"] == [["France", "6.250", 2], ["Spain", "123456789.125", 1]]
    assert found["description"] == [["country", "varchar"], ["net", "decimal"], ["days", "bigint"]]
    assert found["dates"] == ["2026-01-01", "2026-01-02"]
    assert found["many"] == 2500
    assert found["tables"] == ["sales"]
    assert found["described"][:4] == ["sales_date", "country", "orders", "net_revenue"]
    assert FAULT in found["fault"]
    assert "cancel" in found["cancelled"].lower()


def test_pyathena_s_frames(run: Run) -> None:
    found = run("pyathena_frames.py")
    assert list(found) == ["pandas csv", "pandas unload", "arrow csv", "arrow unload"]
    for way, frame in found.items():
        assert frame == FRAME, way


def test_pyathena_s_sqlalchemy(run: Run) -> None:
    found = run("pyathena_sqlalchemy.py")
    assert found["schemas"]
    assert found["tables"] == ["sales"]
    assert found["columns"] == [
        ["sales_date", "DATE"], ["country", "VARCHAR"], ["orders", "BIGINT"], ["net_revenue", "DECIMAL(18, 3)"],
    ]  # fmt: skip
    assert found["rows"] == [["France", 5], ["Norway", 1], ["Spain", 9]]


def test_awswrangler(run: Run) -> None:
    found = run("wrangler.py")
    assert {way: found[way] for way in ("csv", "ctas", "unload")} == dict.fromkeys(("csv", "ctas", "unload"), FRAME)
    assert found["parameters"] == 2
    assert found["chunks"] == 4
    assert found["tables"] == ["sales"]
    assert found["types"] == {
        "sales_date": "date", "country": "string", "orders": "bigint", "net_revenue": "decimal(18,3)",
    }  # fmt: skip
    assert FAULT in found["fault"]


def test_the_aws_cli(settings: Settings, environment: dict[str, str]) -> None:
    def aws(*words: str) -> Any:
        program = str(Path(sys.executable).with_name("aws"))
        ended = subprocess.run(
            [program, "athena", *words], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        return json.loads(ended.stdout)

    context = ("--query-execution-context", "Database=shop", "--work-group", "primary")
    place = f"OutputLocation=s3://{settings.bucket}/athena/"
    query = ("--query-string", "SELECT count(*) AS n FROM sales", "--result-configuration", place)
    made = aws("start-query-execution", *query, *context)["QueryExecutionId"]

    def is_done() -> bool:
        found = aws("get-query-execution", "--query-execution-id", made)["QueryExecution"]["Status"]
        assert found["State"] != "FAILED", found
        return bool(found["State"] == "SUCCEEDED")

    wait_until("the query is done", is_done, 60)
    rows = aws("get-query-results", "--query-execution-id", made)["ResultSet"]["Rows"]
    assert [[one["VarCharValue"] for one in row["Data"]] for row in rows] == [["n"], ["4"]]
