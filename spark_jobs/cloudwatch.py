"""The driver's figures for CloudWatch: one call a minute from a thread of its own, and one at the end.

Never holds the stream up and never fails it: a call that fails is a log line, and its figures go with the next one.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lakehouse.logs import event
from lakehouse.settings import Settings
from lakehouse.tables import LAYERS
from spark_jobs.lags import Distribution
from spark_jobs.metrics import Metrics

PERIOD_SECONDS = 60.0
MOST_VALUES = 150  # of one metric in one call, as CloudWatch limits it
# By name: unit, dimensions besides Bucket, meaning. docs/metrics.md is made from it.
MEASURES = {
    "Lag": ("Seconds", ("Layer",), "from the source's time of an applied change until the layer showed it"),
    "Rows": ("Count", ("Outcome",), "rows read in the minute, by what became of them"),
    "RejectedShare": ("None", (), "share of the rows read in the minute that broke the contract; none without rows"),
    "OffsetGaps": ("Count", (), "Kafka offsets skipped in the minute"),
    "OffsetOverlaps": ("Count", (), "Kafka offsets read more than once in the minute"),
    "Batches": ("Count", (), "batches finished in the minute"),
    "WaitingObjects": ("Count", (), "bronze objects found and not yet planned"),
    "OldestWaitingObjectAge": ("Seconds", (), "age of the oldest of them; 0 if none waits"),
    "TableFiles": ("Count", ("Table",), "files of the table"),
    "TableBytes": ("Bytes", ("Table",), "size of the table's files"),
    "ForecastRunsLoaded": ("Count", ("Forecast",), "runs of the forecast loaded into gold in the minute"),
    "ForecastRunsRefused": ("Count", ("Forecast",), "runs of the forecast refused in the minute"),
    "ForecastAge": ("Seconds", ("Forecast",), "since the newest forecast that is in gold was made; none if none is"),
    "ForecastRunsWaiting": ("Count", (), "runs of forecasts that are complete and not in gold yet"),
    "DriverResidentMemory": ("Bytes", (), "memory of the driver, Python and JVM"),
}


class Report:
    """What goes to CloudWatch: figures since the last call that succeeded.

    Args:
        metrics: The driver's.
        bucket: The environment, in the dimension Bucket of every metric.
    """

    def __init__(self, metrics: Metrics, bucket: str) -> None:
        self._metrics, self._bucket = metrics, bucket
        self._sent: dict[str, float] = {}
        self._sent_lags: dict[str, dict[float, float]] = {layer: {} for layer in LAYERS}

    def send(self, client: Any, namespace: str, now: float) -> None:
        """Send all metrics in one call; what a failed call did not bring is in the next one.

        Raises:
            ClientError, BotoCoreError: CloudWatch refused or did not answer.
        """
        with self._metrics.lock:
            totals, gauges = self._totals(), self._gauges(now)
            lags = {layer: Distribution() for layer in LAYERS}
            for found in self._metrics.lags.values():
                for layer in LAYERS:
                    lags[layer].merge([found[layer]])
        weights = {layer: lag.weights() for layer, lag in lags.items()}
        data = [self._datum(name, value - self._sent.get(name, 0.0)) for name, value in totals.items()]
        data += [self._datum(name, value) for name, value in gauges.items()]
        read = {name: value - self._sent.get(name, 0.0) for name, value in totals.items() if name.startswith("Rows/")}
        if rows := sum(read.values()):
            data.append(self._datum("RejectedShare", read.get("Rows/rejected", 0.0) / rows))
        for layer, now_there in weights.items():
            fresh = {at: rows - self._sent_lags[layer].get(at, 0.0) for at, rows in now_there.items()}
            if values := _few({at: rows for at, rows in fresh.items() if rows > 0}):
                data.append({**self._named(f"Lag/{layer}"), "Values": list(values), "Counts": list(values.values())})
        stamp = datetime.fromtimestamp(now, UTC)
        client.put_metric_data(Namespace=namespace, MetricData=[{**datum, "Timestamp": stamp} for datum in data])
        self._sent, self._sent_lags = totals, weights

    def _totals(self) -> dict[str, float]:
        metrics = self._metrics
        found: dict[str, float] = {"Batches": metrics.batches}
        found["OffsetGaps"], found["OffsetOverlaps"] = sum(metrics.gaps.values()), sum(metrics.overlaps.values())
        for outcomes in metrics.outcomes.values():
            for outcome, rows in outcomes.items():
                found[f"Rows/{outcome}"] = found.get(f"Rows/{outcome}", 0) + rows
        for name, runs in metrics.forecasts.items():
            found[f"ForecastRunsLoaded/{name}"], found[f"ForecastRunsRefused/{name}"] = runs.loaded, runs.refused
        return found

    def _gauges(self, now: float) -> dict[str, float]:
        metrics = self._metrics
        found: dict[str, float] = {"WaitingObjects": metrics.waiting_objects}
        found["OldestWaitingObjectAge"] = max(now - (metrics.oldest_waiting_at or now), 0.0)
        found["DriverResidentMemory"] = metrics.resident_bytes()
        for name, files in metrics.tables.items():
            found[f"TableFiles/{name}"], found[f"TableBytes/{name}"] = files.files, files.bytes
        found["ForecastRunsWaiting"] = metrics.waiting_runs
        for name, runs in metrics.forecasts.items():
            if runs.newest_at:
                found[f"ForecastAge/{name}"] = max(now - runs.newest_at, 0.0)
        return found

    def _datum(self, name: str, value: float) -> dict[str, Any]:
        return {**self._named(name), "Value": float(value)}

    def _named(self, name: str) -> dict[str, Any]:
        metric, _, dimension = name.partition("/")
        unit, dimensions, _ = MEASURES[metric]
        given = [{"Name": "Bucket", "Value": self._bucket}]
        given += [{"Name": named, "Value": dimension} for named in dimensions]
        return {"MetricName": metric, "Dimensions": given, "Unit": unit}


@contextmanager
def reported(metrics: Metrics, settings: Settings, period_seconds: float = PERIOD_SECONDS) -> Iterator[None]:
    """Send the figures to CLOUDWATCH_NAMESPACE while the context lasts, and at its end; nothing where that is empty."""
    if not settings.cloudwatch_namespace:
        yield
        return
    quick = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=5)
    client = boto3.client("cloudwatch", config=quick, **settings.client_arguments)
    report, ended = Report(metrics, settings.bucket), threading.Event()

    def work() -> None:
        going_on = True
        while going_on:
            going_on = not ended.wait(period_seconds)
            try:
                report.send(client, settings.cloudwatch_namespace, metrics.clock())
            except (ClientError, BotoCoreError) as fault:
                event("CloudWatch did not take the metrics", level=30, reason=str(fault), then="they go with the next")

    thread = threading.Thread(target=work, name="cloudwatch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=8)


def _few(weights: Mapping[float, float]) -> dict[float, float]:
    """At most 150 values: neighbours are taken together at their mean."""
    together = -(-len(weights) // MOST_VALUES) or 1
    found, pairs = {}, list(weights.items())
    for start in range(0, len(pairs), together):
        group = pairs[start : start + together]
        rows = sum(weight for _, weight in group)
        found[sum(at * weight for at, weight in group) / rows] = rows
    return found
