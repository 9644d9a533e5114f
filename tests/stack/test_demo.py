"""The commands over the whole stack as a person runs them: demo twice and failing, forecast, verify, rebuild."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import supervision
from infra.local.daemon import ROOT
from lakehouse.settings import Settings, environment
from lakehouse.tables import LAYERS, SILVER_ORDER_LINES
from spark_jobs import cloudwatch
from tests.stack.conftest import client, make_settings, wait_until

pytestmark = pytest.mark.stack

LIMIT = 17_000  # the sales of a week and a little more
FORECASTS = """\
revenue: {table: gold.daily_sales, item: country, time: sales_date, target: net_revenue, predictors: [NPTS], horizon: 2}
fortnight: {table: gold.daily_sales, item: country, time: sales_date, target: net_revenue, horizon: 14}
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Shop"]:
    """A stack that the demo itself brought up."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "forecasts.yaml").write_text(FORECASTS, encoding="utf-8")
    shop = Shop(make_settings(folder, cloudwatch_namespace="demo", forecasts=str(folder / "forecasts.yaml")))
    try:
        shop.first = shop.infra("demo", "--limit", str(LIMIT), "--noise", "heavy")
        yield shop
    finally:
        supervision.down(shop.settings.data_path)


class Shop:
    """Runs commands with the settings of one stack."""

    first: subprocess.CompletedProcess[str]

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "infra", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment(dataclasses.replace(self.settings, **changes))},  # type: ignore[arg-type]
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def infra(self, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*arguments, **changes) as running:
            out, err = running.communicate(timeout=300)
        return subprocess.CompletedProcess(arguments, running.returncode, out, err)

    def query(self, sql: str) -> list[str]:
        return self.infra("query", "--format", "csv", sql).stdout.splitlines()[1:]

    def reports(self) -> list[Path]:
        return sorted((self.settings.data_path / "reports").glob("sales-*.html"))


def _checks(out: str) -> list[str]:
    return re.findall(r"^(ok|FAIL) ", out, re.MULTILINE)


def test_the_demo_checks_everything_and_writes_its_report(demo: Shop) -> None:
    done = demo.first
    assert done.returncode == 0, done.stdout + done.stderr
    assert _checks(done.stdout) == ["ok"] * 15
    assert str(demo.reports()[0]) in done.stdout
    assert "All 15 checks passed" in demo.reports()[0].read_text(encoding="utf-8")
    for words in ("Net revenue by week", "Top products", "Rows by outcome", "make down"):
        assert words in done.stdout


def test_the_demo_forecasts_what_its_history_suffices_for(demo: Shop) -> None:
    done, page = demo.first, demo.reports()[0].read_text(encoding="utf-8")
    needs = "no forecast fortnight: a horizon of 14 needs a history of 56 periods, gold.daily_sales has 8"
    assert [line for line in done.stderr.splitlines() if "fortnight" in line] == [f"  {needs}"]
    assert needs in page
    assert re.search(r"^revenue +NPTS +\d\.\d{3} ", done.stdout, re.MULTILINE)
    assert "revenue: net_revenue of United Kingdom (largest of " in done.stdout
    (series,) = re.findall(r"the largest 4 of (\d+) series", page)
    assert page.count('class="fan"/>') == 8  # four series, for wide and narrow pages
    assert f'<td>gold.sales_forecast</td><td class="n">{2 * int(series)} rows</td>' in page
    assert demo.query("select count(*) from gold.sales_forecast") == [f"{2 * int(series)}"]
    counts = [float(found) for found in re.findall(r"<td class=n>(\d\.\d{3})</td>", page)]
    assert len(counts) >= 3


def test_status_top_and_metrics_tell_what_the_driver_did(demo: Shop) -> None:
    told = json.loads(demo.infra("status", "--json", "all").stdout)
    counts = told["progress"]["activity"]["counts"].values()
    rows = told["progress"]["rows"]["rows_read"]
    assert sum(sum(count["outcomes"].values()) for count in counts) == rows > LIMIT
    assert not any(count["gaps"] or count["overlaps"] for count in counts)
    lags = [told["progress"]["activity"]["lags_since_start"][layer] for layer in LAYERS]
    assert 0 <= lags[0]["p50"] <= lags[1]["p50"] <= lags[2]["p50"] < 600  # told to a tenth of a second
    assert told["backlog"] == {"unread": told["backlog"]["unread"], "begun": {}, "not_in_gold": {}}
    assert [one["objects"] for one in told["backlog"]["unread"]] == [0] * len(counts)
    assert told["progress"]["activity"]["tables"]["silver.order_lines"]["files"] >= 1
    with urllib.request.urlopen(f"http://127.0.0.1:{demo.settings.metrics_port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    assert sum(float(value) for value in re.findall(r"^saleslake_rows_total{.*} (\S+)$", text, re.MULTILINE)) == rows
    for process in ("gateway", "broker", "connect"):
        assert f'saleslake_up{{process="{process}"}} 1.0' in text
    assert re.search(r'^saleslake_lag_seconds_bucket{layer="gold",le="60.0?",partition="\d"} [1-9]', text, re.MULTILINE)
    for command in ("status", "top"):
        shown = demo.infra(command)
        assert shown.returncode == 0
        assert re.search(r"^last 5 min|^since start", shown.stdout, re.MULTILINE)
        assert "unread: nothing" in shown.stdout
        assert "\x1b" not in shown.stdout


def test_again_over_the_same_tables_it_comes_out_the_same(demo: Shop) -> None:
    sums = "select count(*), sum(quantity), sum(quantity * unit_price) from silver.current_order_lines"
    before = demo.query(sums)
    done = demo.infra("demo", "--limit", str(LIMIT), "--seed", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert demo.query(sums) == before
    assert len(demo.reports()) == 2
    assert "Forecast: revenue" in demo.reports()[1].read_text(encoding="utf-8")


def test_a_forecast_with_nothing_new_is_shown_and_not_made_again(demo: Shop) -> None:
    runs = "select count(distinct run_id) from gold.sales_forecast"
    before = demo.query(runs)
    done = demo.infra("forecast", "revenue")
    assert done.returncode == 0, done.stderr
    assert "revenue: nothing new since run " in done.stdout
    assert demo.query(runs) == before


def test_ctrl_c_leaves_a_forecast_to_itself_and_status_shows_it(demo: Shop) -> None:
    with demo.start("forecast", "revenue", "--horizon", "1") as running:
        assert running.stderr
        while "revenue: train" not in (line := running.stderr.readline()):
            assert line, "it ended before it began"
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert out.splitlines()[-1].startswith("revenue: goes on; `make status` shows how far it is")
    (found,) = json.loads(demo.infra("status", "--json", "all").stdout)["forecasts"]
    assert found["name"] == "revenue"
    clean = demo.infra("forecast-clean", "revenue")
    if clean.returncode:  # unless it has come to its end meanwhile
        assert clean.stderr == "error: revenue is being made; expected its end; see `make status`, then run it again\n"
    unknown = demo.infra("forecast-clean", "revenu")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert "forecast revenu; expected one of revenue, fortnight" in unknown.stderr
    again = demo.infra("forecast", "revenue", "--horizon", "1")  # waits for the one before, which is the same
    assert again.returncode == 0, again.stderr
    assert "revenue: nothing new since run " in again.stdout


def test_the_second_way_in_stands_beside_the_first_and_gold_adds_them(demo: Shop) -> None:
    done = demo.infra("demo", "--limit", "300", "--noise", "heavy", "--ingest", "both")
    assert done.returncode == 0, done.stdout + done.stderr
    assert _checks(done.stdout) == ["ok"] * 23
    assert "What DynamoDB was told" in demo.reports()[-1].read_text(encoding="utf-8")
    assert re.search(r"ok +sums +order lines, from dynamodb +300", done.stdout)
    assert "dynamodb" in demo.infra("status").stdout
    sums = "select sum(units_sold - units_returned) from gold.daily_sales"
    lines = "select sum(quantity) from silver.current_order_lines where source in ('kafka', 'dynamodb')"
    assert demo.query(sums) == demo.query(lines)


def test_what_changed_while_the_stream_was_off_comes_by_resync(demo: Shop) -> None:
    table = client(demo.settings, "dynamodb")
    name = demo.settings.dynamodb_table
    row = table.scan(TableName=name, Limit=1)["Items"][0]
    table.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    table.delete_item(TableName=name, Key={part: row[part] for part in ("order_id", "line_no")})
    table.put_item(TableName=name, Item={**row, "order_id": {"S": "X2"}})
    off = demo.infra("resync")
    assert off.returncode == 2
    assert off.stderr.splitlines()[-1].startswith("error: the stream of table order_lines is off; expected one with")
    on = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    table.update_table(TableName=name, StreamSpecification=on)
    done = demo.infra("resync")
    assert done.returncode == 0, done.stderr
    assert "300 rows of order_lines read and 1 deletes" in done.stdout
    changed = "select is_deleted, cdc_op, count(*) from silver.order_lines where source = 'dynamodb' and order_id in "
    changed += f"('X2', '{row['order_id']['S']}') and line_no = {row['line_no']['N']} group by 1, 2 order by 1"
    wait_until("resync in silver", lambda: demo.query(changed) == ["false,r,1", "true,d,1"], 60)


def test_a_wrong_table_fails_the_demo(demo: Shop) -> None:
    """A line that the shop never sent, and no forecasts: each is named, and the report is written all the same."""
    _send_phantom(demo.settings)
    done = demo.infra("demo", "--limit", "50", forecasts="nowhere.yaml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"error: sums: order lines: {LIMIT + 1:,}; expected {LIMIT:,}" in done.stderr
    assert "error: forecasts: nowhere.yaml" in done.stderr
    assert "forecasts failed: nowhere.yaml" in demo.reports()[-1].read_text(encoding="utf-8")
    assert "error: tables: silver.order_lines" in done.stderr
    assert "error: tables: gold.daily_sales" in done.stderr
    assert re.search(r"\d of 21 checks failed", demo.reports()[-1].read_text(encoding="utf-8"))


def test_bronze_and_the_tables_agree(demo: Shop) -> None:
    done = demo.infra("verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("all equal")


def test_a_rebuild_gives_the_same_and_the_driver_is_back(demo: Shop) -> None:
    names = ", ".join(name for name in SILVER_ORDER_LINES.names if name != "batch_id")
    rows = f"select {names} from silver.order_lines order by source, order_id, line_no"
    before = demo.query(rows)
    done = demo.infra("rebuild")
    assert done.returncode == 0, done.stdout + done.stderr
    assert demo.query(rows) == before
    assert demo.query("select max(generation) from ops.batches") == ["1"]
    replayed = demo.infra("replay", "--limit", "20", "--noise", "none")
    assert replayed.returncode == 0, replayed.stderr
    assert "all of it is in gold" in replayed.stdout


def test_cloudwatch_was_told_when_the_driver_stopped(demo: Shop) -> None:
    """The rebuild before stopped it."""
    listed = client(demo.settings, "cloudwatch").list_metrics(Namespace="demo")["Metrics"]
    assert {metric["MetricName"] for metric in listed} == set(cloudwatch.MEASURES)
    assert all(metric["Dimensions"][0] == {"Name": "Bucket", "Value": demo.settings.bucket} for metric in listed)


def test_ctrl_c_ends_the_simulated_shop_in_order(demo: Shop) -> None:
    with demo.start("generate", "--rate", "50") as running:
        assert running.stderr
        while "simulated shop" not in (line := running.stderr.readline()):
            assert line, "it ended before it began"
        while "simulate:" not in (line := running.stderr.readline()):
            assert line, "it ended before it sent anything"
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "sent and confirmed" in out


def test_without_a_stack_each_says_so_in_one_line(tmp_path: Path) -> None:
    shop = Shop(make_settings(tmp_path / "none"))
    for command in ("replay", "generate", "verify", "rebuild", "maintain"):
        done = shop.infra(command)
        assert done.returncode == 2, command
        assert done.stderr.count("\n") == 1, done.stderr
        assert "run `make up`" in done.stderr


def _send_phantom(settings: Settings) -> None:
    """Send an insert of a line that is in no data set, as another shop would."""
    from datetime import UTC, datetime  # noqa: PLC0415
    from decimal import Decimal  # noqa: PLC0415

    from generator import producers  # noqa: PLC0415
    from lakehouse.envelopes import OrderLine, encode, encode_key  # noqa: PLC0415

    at = datetime(2010, 12, 1, 10, tzinfo=UTC)
    line = OrderLine("X1", 1, "P", None, 7, Decimal("1.000"), None, "France", at)
    with producers.choose(settings, "kafka-python", bulk=False) as producer:
        producer.send(encode_key("X1", 1), encode("c", 1, at, None, line))
        producer.flush()
