"""The figures as Prometheus and CloudWatch get them, and that neither can fail or hold up the stream."""

import dataclasses
import re
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from infra.local.trial import apart
from lakehouse.activity import Files
from lakehouse.settings import Settings
from spark_jobs import cloudwatch, measures, prometheus
from spark_jobs.cloudwatch import Report
from spark_jobs.metrics import Metrics
from spark_jobs.plans import BronzeObject
from tests.unit.test_metrics import START, Clock, key, work

pytestmark = pytest.mark.unit

SAMPLE = tuple[str, tuple[tuple[str, str], ...]]


@pytest.fixture
def metrics() -> Metrics:
    """Two batches of 100 rows in partition 0, gold 3 s and 5 s after the source; an object waits; forecasts came."""
    clock = Clock()
    metrics = Metrics(clock=clock)
    work(metrics, 1, START)
    work(metrics, 2, START + 5, first=150, seconds=4.0)
    metrics.found([BronzeObject(key(1, 0), "e", 10, START + 3)])
    metrics.counted({"gold.daily_sales": Files(5, 4, 1000, 3)})
    metrics.forecast_found("revenue", START - 500)
    metrics.forecast_loaded("revenue", START - 90)
    metrics.forecast_loaded("revenue", START - 200)
    metrics.forecast_refused("units", "p50 is no number")
    metrics.runs_wait(3)
    clock.now = START + 10
    return metrics


def samples(text: str) -> dict[SAMPLE, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def unreachable(**changes: Any) -> Settings:
    return dataclasses.replace(apart(Settings(), Path("nowhere")), **changes)


def test_prometheus_is_told_every_figure(metrics: Metrics) -> None:
    registry = CollectorRegistry()
    registry.register(prometheus.Figures(metrics, unreachable()))
    text = generate_latest(registry).decode()
    found = samples(text)
    one = (("partition", "0"),)
    gold = (("layer", "gold"), *one)
    assert found["saleslake_lag_seconds_count", gold] == 180
    assert found["saleslake_lag_seconds_sum", gold] == pytest.approx(90 * 3 + 90 * 5)
    buckets = {bound: found["saleslake_lag_seconds_bucket", (*gold[:1], ("le", bound), *one)] for bound in ("2", "4")}
    assert buckets == {"2": 0, "4": 90}
    assert found["saleslake_rows_total", (("outcome", "applied"), *one)] == 180
    assert found["saleslake_offset_gaps_total", one] == 50
    assert found["saleslake_offset_overlaps_total", one] == 0
    assert found["saleslake_batches_total", ()] == 2
    assert found["saleslake_bronze_bytes_total", ()] == 10_000
    assert found["saleslake_step_seconds_total", (("step", "silver"),)] == 2
    assert found["saleslake_waiting_objects", ()] == 1
    assert found["saleslake_oldest_waiting_object_age_seconds", ()] == 7
    assert found["saleslake_table_small_files", (("table", "gold.daily_sales"),)] == 3
    assert found["saleslake_shown_version", (("table", "silver.order_lines"),)] == 2
    revenue, units = (("forecast", "revenue"),), (("forecast", "units"),)
    assert found["saleslake_forecast_runs_total", (*revenue, ("outcome", "loaded"))] == 2
    assert found["saleslake_forecast_runs_total", (*units, ("outcome", "refused"))] == 1
    assert found["saleslake_forecast_newest_timestamp_seconds", revenue] == START - 90
    assert found["saleslake_forecast_newest_timestamp_seconds", units] == 0
    assert found["saleslake_forecast_waiting_runs", ()] == 3
    assert found["saleslake_driver_resident_memory_bytes", ()] > 10 << 20
    assert found["saleslake_up", (("process", "gateway"),)] == 0
    families = {family.name for family in text_string_to_metric_families(text)}
    named = {measure.name.removesuffix("_total") for measure in (*measures.MEASURES, measures.UP)}
    assert families == named


def test_names_keep_to_the_conventions() -> None:
    for measure in (*measures.MEASURES, measures.UP):
        assert re.fullmatch(r"saleslake(_[a-z0-9]+)+", measure.name)
        assert measure.name.endswith("_total") == (measure.kind == "counter"), measure.name


def test_it_is_served_on_loopback_until_the_end(metrics: Metrics) -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        settings = unreachable(kafka_bootstrap_servers=f"127.0.0.1:{broker.getsockname()[1]}")
        url = f"http://127.0.0.1:{settings.metrics_port}/metrics"
        with prometheus.served(metrics, settings), urllib.request.urlopen(url, timeout=5) as answer:
            found = samples(answer.read().decode())
        assert found["saleslake_up", (("process", "broker"),)] == 1
        assert found["saleslake_up", (("process", "connect"),)] == 0
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(url, timeout=5)


def test_a_port_in_use_is_a_line_and_no_more(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        settings = unreachable(metrics_port=holder.getsockname()[1])
        with prometheus.served(metrics, settings):
            pass
    assert [record.getMessage() for record in caplog.records] == ["metrics are not served"]


def test_port_0_serves_nothing(metrics: Metrics) -> None:
    before = threading.active_count()
    with prometheus.served(metrics, unreachable(metrics_port=0)):
        assert threading.active_count() == before


@pytest.fixture
def aws() -> Any:
    """A client of CloudWatch that reaches nothing."""
    return boto3.client("cloudwatch", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")


def sent(aws: Any, report: Report, now: float) -> dict[tuple[str, ...], dict[str, Any]]:
    """What one call carries, by name and dimensions' values."""
    calls: list[dict[str, Any]] = []
    name = "provide-client-params.cloudwatch.PutMetricData"

    def note(params: dict[str, Any], **_: Any) -> None:
        calls.append(params)

    with Stubber(aws) as stub:
        stub.add_response("put_metric_data", {}, {"Namespace": "shop", "MetricData": ANY})
        aws.meta.events.register(name, note)
        report.send(aws, "shop", now)
        aws.meta.events.unregister(name, note)
        stub.assert_no_pending_responses()
    assert len(calls) == 1
    data = calls[0]["MetricData"]
    assert all(datum["Dimensions"][0] == {"Name": "Bucket", "Value": "b"} for datum in data)
    return {(datum["MetricName"], *(given["Value"] for given in datum["Dimensions"][1:])): datum for datum in data}


def test_cloudwatch_is_told_what_is_new_since_the_last_call(metrics: Metrics, aws: Any) -> None:
    report = Report(metrics, "b")
    first = sent(aws, report, START + 10)
    assert {name[0] for name in first} == set(cloudwatch.MEASURES)
    assert first["Rows", "applied"]["Value"] == 180
    assert first["OffsetGaps",]["Value"] == 50
    assert first["OldestWaitingObjectAge",]["Value"] == 7
    assert first["TableFiles", "gold.daily_sales"]["Dimensions"][1]["Name"] == "Table"
    assert first["ForecastRunsLoaded", "revenue"]["Value"] == 2
    assert first["ForecastRunsRefused", "units"]["Value"] == 1
    assert first["ForecastAge", "revenue"]["Value"] == 100
    assert ("ForecastAge", "units") not in first  # it has never been there: an age of 0 would say the contrary
    assert first["ForecastRunsWaiting",]["Value"] == 3
    lag = first["Lag", "gold"]
    assert lag["Unit"] == "Seconds"
    assert lag["Counts"] == [90, 90]
    assert lag["Values"] == pytest.approx([3, 5], rel=0.09)
    work(metrics, 3, START + 20, first=250)
    second = sent(aws, report, START + 70)
    assert second["Rows", "applied"]["Value"] == 90
    assert (second["ForecastRunsLoaded", "revenue"]["Value"], second["ForecastAge", "revenue"]["Value"]) == (0, 160)
    assert second["Lag", "gold"]["Counts"] == [90]
    assert ("Lag", "gold") not in sent(aws, report, START + 130)


def test_what_a_failed_call_did_not_bring_is_in_the_next(metrics: Metrics, aws: Any) -> None:
    report = Report(metrics, "b")
    with Stubber(aws) as stub:
        stub.add_client_error("put_metric_data", "Throttling")
        with pytest.raises(ClientError):
            report.send(aws, "shop", START)
    assert sent(aws, report, START + 60)["Rows", "applied"]["Value"] == 180


def test_no_more_values_than_cloudwatch_takes() -> None:
    few = cloudwatch._few({float(number): 2.0 for number in range(400)})
    assert len(few) == 134
    assert sum(few.values()) == 800
    assert sum(at * rows for at, rows in few.items()) == pytest.approx(sum(range(400)) * 2)


def test_a_cloudwatch_that_does_not_answer_costs_a_line_and_no_time(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    settings = unreachable(cloudwatch_namespace="shop")
    started = time.monotonic()
    with cloudwatch.reported(metrics, settings):
        pass
    assert time.monotonic() - started < 5
    assert [record.getMessage() for record in caplog.records] == ["CloudWatch did not take the metrics"]


def test_without_a_namespace_nothing_is_sent(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", lambda *_, **__: pytest.fail("a client was made"))
    with cloudwatch.reported(metrics, unreachable()):
        pass
