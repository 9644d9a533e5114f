"""`python -m infra query` and the lake's catalogue, through the Athena API of the real gateway."""

import dataclasses
import datetime
import gzip
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from infra.__main__ import main
from infra.aws.athena import Athena
from infra.commands import catalog
from infra.local.daemon import ROOT
from lakehouse import places
from lakehouse.settings import Settings, environment
from lakehouse.tables import GOLD_DAILY_SALES, SILVER_ORDER_LINES
from tests.stack.conftest import client, wait_until

pytestmark = pytest.mark.stack

DAY = datetime.date(2024, 1, 2)
KINDS: dict[str, Any] = {
    "string": (pa.string(), "x"),
    "int": (pa.int32(), 1),
    "bigint": (pa.int64(), 1),
    "boolean": (pa.bool_(), False),
    "date": (pa.date32(), DAY),
    "timestamp": (pa.timestamp("us", tz="UTC"), datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)),
    "decimal(12,3)": (pa.decimal128(12, 3), Decimal("1.125")),
    "decimal(18,3)": (pa.decimal128(18, 3), Decimal("2.500")),
}


@pytest.fixture
def lake(gateway: Settings, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three order lines of which one is a tombstone, and three days of sales; databases have a prefix."""
    settings = dataclasses.replace(gateway, bucket=bucket, database_prefix=f"{bucket}_")
    for table, own in (
        (SILVER_ORDER_LINES, {"line_no": [1, 2, 3], "is_deleted": [False, True, False]}),
        (GOLD_DAILY_SALES, {"country": ["A", "B", "C"]}),
    ):
        columns = {
            column.name: pa.array(own.get(column.name, [KINDS[column.type][1]] * 3), KINDS[column.type][0])
            for column in table.columns
        }
        url = places.table_url(bucket, table.layer, table.name)
        write_deltalake(url, pa.table(columns), storage_options=settings.delta_options)
    catalog.tables(settings)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    return settings


def ask(settings: Settings, sql: str) -> list[tuple[str | None, ...]]:
    return list(Athena(settings).ask(sql.replace("mine_", settings.database_prefix)).rows)


def test_tables_and_the_view_of_live_rows_answer_under_their_prefix(lake: Settings) -> None:
    assert ask(lake, "SELECT line_no FROM mine_silver.current_order_lines ORDER BY 1") == [("1",), ("3",)]
    assert ask(lake, "SELECT count(*), sum(net_revenue) FROM daily_sales") == [("3", "7.500")]
    assert ask(lake, "SELECT ordered_at FROM mine_silver.order_lines LIMIT 1") == [("2024-01-02 03:04:05.000",)]
    assert ("daily_sales",) in ask(lake, "SHOW TABLES IN mine_gold")
    assert ask(lake, "DESCRIBE mine_gold.daily_sales")[0] == ("sales_date", "date", "the day in BUSINESS_TIMEZONE")
    found = ask(lake, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'mine_silver' ORDER BY 1")
    assert found == [("current_order_lines",), ("order_lines",), ("rejected",)]


def test_bronze_is_read_by_topic_and_partition(lake: Settings, s3: Any) -> None:
    for partition, values in ((0, ["a", "b"]), (5, ["c"])):
        rows = [
            {
                "topic": places.TOPIC,
                "partition": partition,
                "offset": at,
                "timestamp": 7,
                "key": None,
                "headers": [["h", "v"]],
                "value": value,
            }
            for at, value in enumerate(values)
        ]
        body = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
        key = f"{places.BRONZE_KAFKA}{places.TOPIC}/Ab-c_{'x' * 17}/partition={partition}/{0:020d}.jsonl.gz"
        s3.put_object(Bucket=lake.bucket, Key=key, Body=body)
    catalog.tables(lake)
    sql = 'SELECT "partition", "offset", value, headers FROM mine_bronze.order_lines'
    assert sorted(ask(lake, sql)) == [
        ("0", "0", "a", "[[h, v]]"),
        ("0", "1", "b", "[[h, v]]"),
        ("5", "0", "c", "[[h, v]]"),
    ]
    assert ask(lake, f'{sql} WHERE "partition" = 5') == [("5", "0", "c", "[[h, v]]")]


def test_the_command_prints_csv_json_and_the_answer_to_a_file(
    lake: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "q.sql"
    path.write_text("-- countries\nSELECT country, orders FROM daily_sales ORDER BY 1;\n", encoding="utf-8")
    assert main(["query", "--file", str(path), "--format", "csv"]) == 0
    assert capsys.readouterr().out == "country,orders\nA,1\nB,1\nC,1\n"
    assert main(["query", "--format", "json", "SELECT 1 AS a, CAST(NULL AS varchar) AS b, true AS c"]) == 0
    assert json.loads(capsys.readouterr().out) == {"a": 1, "b": None, "c": True}
    assert main(["query", "--format", "table", "--limit", "2", "SELECT country FROM daily_sales ORDER BY 1"]) == 0
    assert "the first 2 rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", "line 1:1: mismatched input 'SELEC'"),
        ("SELECT nope FROM daily_sales", "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved"),
        ("SELECT * FROM nope", "TABLE_NOT_FOUND: line 1:15: "),
        ("SELECT * FROM daily_product_sales", "run `make replay`"),
        ("SELECT * FROM read_csv('/etc/passwd')", "error: SQL: "),
    ],
)
def test_a_fault_is_one_line_and_2(lake: Settings, capsys: pytest.CaptureFixture[str], sql: str, words: str) -> None:
    assert main(["query", sql]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1


def test_a_table_is_made_filled_and_dropped_and_its_files_stay(lake: Settings, s3: Any) -> None:
    athena = Athena(lake)
    place = f"s3://{lake.bucket}/made/"
    made = athena.ask(
        f"CREATE TABLE made WITH (external_location = '{place}', partitioned_by = ARRAY['day']) AS "
        "SELECT orders, country, sales_date AS day FROM daily_sales"
    )
    assert made.updated == 3
    assert athena.ask("INSERT INTO made (orders, day) VALUES (7, DATE '2024-02-03')").updated == 1
    assert ask(lake, "SELECT orders, country FROM made WHERE day = DATE '2024-02-03'") == [("7", None)]
    assert ask(lake, "SHOW PARTITIONS made") == [("day=2024-01-02",), ("day=2024-02-03",)]
    athena.ask("CREATE OR REPLACE VIEW seen AS SELECT sum(orders) AS orders FROM made")
    assert ask(lake, "SELECT * FROM seen") == [("10",)]
    athena.ask("DROP VIEW seen")
    athena.ask("DROP TABLE made")
    assert s3.list_objects_v2(Bucket=lake.bucket, Prefix="made/")["KeyCount"] >= 2


def test_ctrl_c_stops_the_query(lake: Settings) -> None:
    athena = client(lake, "athena")
    numbers = "UNNEST(sequence(1, 10000)) AS {0} ({0})"
    sql = f"SELECT count(*) FROM {', '.join(numbers.format(name) for name in 'abcd')} WHERE a * b + c * d = 7"
    command = [sys.executable, "-m", "infra", "query", sql]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # where the tests themselves run in the background, they and their children would ignore Ctrl-C
    heeding: dict[str, Any] = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, **pipes, **heeding) as process:

        def running() -> str:
            for found in athena.list_query_executions(MaxResults=5)["QueryExecutionIds"]:
                execution = athena.get_query_execution(QueryExecutionId=found)["QueryExecution"]
                if execution["Query"] == sql and execution["Status"]["State"] == "RUNNING":
                    return str(found)
            return ""

        try:
            execution_id = wait_until("the query runs", running)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()

    def state() -> bool:
        found = athena.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
        return bool(found["Status"]["State"] == "CANCELLED")

    wait_until("the query is cancelled", state)
