"""Word of what happened, to EventBridge and CloudWatch: sent by a thread of its own, so that nobody waits for it.

Best effort, as at AWS: what cannot be sent is a line in the log.
"""

import dataclasses
import functools
import json
import logging
import math
import queue
import threading
from collections.abc import Callable
from typing import Any

from forecasting.service import states
from forecasting.service.kinds import KINDS
from forecasting.service.store import Resource
from lakehouse import logs
from lakehouse.settings import Settings

NAMESPACE = "AWS/Forecast"
STOP_SECONDS = 1.0
_TOLD_CREATION = (states.IN_PROGRESS, states.ACTIVE, states.FAILED, states.STOPPED)
_TOLD_DELETION = (states.DELETE_IN_PROGRESS, states.DELETE_FAILED)
_DURATIONS = {"predictor": "CreatePredictorExecutionTime", "forecast": "CreateForecastExecutionTime"}
# Unit, and the sets of dimensions under which a metric is put, by the members that name them.
_METRICS: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "DatasetSize": ("Kilobytes", ((), ("DatasetArn", "DatasetImportJobArn"))),
    "CreatePredictorExecutionTime": ("Seconds", (("PredictorArn",),)),
    "CreateForecastExecutionTime": ("Seconds", (("ForecastArn",),)),
    "TimeSeriesForecastsGenerated": ("Count", ((), ("PredictorArn",), ("PredictorArn", "ForecastArn"))),
}

# Account and region, then the entries of PutEvents or the data of PutMetricData.
Put = Callable[[str, str, list[dict[str, Any]]], None]


class Notices:
    """A queue of notices and the thread that sends them.

    Args:
        put_events: Sends entries of EventBridge's PutEvents.
        put_metrics: Sends data of CloudWatch's PutMetricData, in NAMESPACE.
    """

    def __init__(self, put_events: Put, put_metrics: Put) -> None:
        self._put = {"event": put_events, "metric": put_metrics}
        self._waiting: queue.Queue[tuple[str, Resource, list[dict[str, Any]]] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._send, name="forecast-notices", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, for at most STOP_SECONDS."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(STOP_SECONDS)

    def state(self, resource: Resource, status: str, message: str, now: float) -> None:
        """Tell of a new state, where AWS tells of it."""
        creation, deletion = KINDS[resource.kind].told_as
        name = creation if status in _TOLD_CREATION else deletion if status in _TOLD_DELETION else ""
        if not name:
            return
        detail: dict[str, Any] = {"Arn": resource.arn, "Status": status}
        if name == creation:
            detail["Duration"] = math.ceil((now - resource.created_at) / 60)
        if message and status in (states.FAILED, states.DELETE_FAILED):
            detail["Message"] = message
        entry = {
            "Source": "aws.forecast",
            "DetailType": name,
            "Detail": json.dumps(detail),
            "Resources": [resource.arn],
        }
        self._waiting.put(("event", resource, [entry]))

    def metrics(self, resource: Resource, given: dict[str, float], seconds: float) -> None:
        """Put the figures of a job that is done: those it gives and how long it took."""
        if resource.kind in _DURATIONS:
            given = {**given, _DURATIONS[resource.kind]: seconds}
        known = {**resource.request, KINDS[resource.kind].arn_member: resource.arn}
        data = [
            {
                "MetricName": name,
                "Value": float(value),
                "Unit": _METRICS[name][0],
                "Dimensions": [{"Name": member, "Value": known[member]} for member in members],
            }
            for name, value in given.items()
            if name in _METRICS
            for members in _METRICS[name][1]
            if all(member in known for member in members)
        ]
        if data:
            self._waiting.put(("metric", resource, data))

    def _send(self) -> None:
        while (waiting := self._waiting.get()) is not None:
            what, resource, items = waiting
            try:
                self._put[what](resource.account, resource.region, items)
            except Exception as fault:
                logs.event(f"{what} not sent", logging.WARNING, arn=resource.arn, fault=f"{fault}")


def aws_events(settings: Settings) -> Put:
    """EventBridge as the settings reach it. AWS itself refuses the source of a service from anyone else."""
    client = _clients("events", settings)

    def put(account: str, region: str, entries: list[dict[str, Any]]) -> None:
        answer = client(account, region).put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            raise OSError(str(answer["Entries"]))

    return put


def aws_metrics(settings: Settings) -> Put:
    """CloudWatch as the settings reach it."""
    client = _clients("cloudwatch", settings)

    def put(account: str, region: str, data: list[dict[str, Any]]) -> None:
        client(account, region).put_metric_data(Namespace=NAMESPACE, MetricData=data)

    return put


def _clients(service: str, settings: Settings) -> Callable[[str, str], Any]:
    @functools.cache
    def client(account: str, region: str) -> Any:
        # Imported with the first notice: a service that nobody asks for forecasts needs no client.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        once = Config(retries={"total_max_attempts": 2}, connect_timeout=2, read_timeout=5)
        return boto3.client(service, config=once, **acting_for(settings, account, region).client_arguments)

    return client


def acting_for(settings: Settings, account: str, region: str) -> Settings:
    """The settings with which a job or a notice acts for an account and a region.

    The emulator takes 12 digits as access key for the account of that number.
    """
    own = settings.aws_access_key_id
    key = own if set(account) == {"0"} else account
    return dataclasses.replace(settings, aws_default_region=region, aws_access_key_id=key)
