"""Notices to other services of AWS: sent by a thread of its own, so that nobody waits for it.

Best effort, as at AWS: what cannot be sent is a line in the log.
"""

import dataclasses
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from lakehouse import logs
from lakehouse.settings import Settings

STOP_SECONDS = 1.0
# Figures may come this late: those of many queries or jobs then go in one call.
GATHER_SECONDS = 1.0
_GATHERED = ("metric",)
_MOST = 1000  # data in a PutMetricData

# Account and region, then the entries of PutEvents or the data of PutMetricData.
Put = Callable[[str, str, list[dict[str, Any]]], None]


class Outbox:
    """A queue of notices and the thread that sends them.

    Args:
        name: Of the thread.
        ways: How a kind of notice is sent.
    """

    def __init__(self, name: str, /, **ways: Put) -> None:
        self._ways = ways
        self._waiting: queue.Queue[tuple[str, str, str, list[dict[str, Any]]] | tuple[()] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._send, name=name, daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what waits, for at most STOP_SECONDS."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join(STOP_SECONDS)

    def put(self, kind: str, account: str, region: str, items: list[dict[str, Any]]) -> None:
        """Have items sent for an account and a region."""
        self._waiting.put((kind, account, region, items))

    def _send(self) -> None:
        gathered: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        due = 0.0  # when what is gathered is sent
        while True:
            try:
                waiting = self._waiting.get(timeout=max(0.0, due - time.monotonic()) if gathered else None)
            except queue.Empty:
                waiting = ()
            if waiting:
                kind, account, region, items = waiting
                if kind not in _GATHERED:
                    self._deliver(kind, account, region, items)
                    continue
                if not gathered:
                    due = time.monotonic() + GATHER_SECONDS
                gathered.setdefault((kind, account, region), []).extend(items)
                if max(map(len, gathered.values())) < _MOST and time.monotonic() < due:
                    continue
            for place, found in gathered.items():
                for start in range(0, len(found), _MOST):
                    self._deliver(*place, found[start : start + _MOST])
            gathered.clear()
            if waiting is None:
                return

    def _deliver(self, kind: str, account: str, region: str, items: list[dict[str, Any]]) -> None:
        try:
            self._ways[kind](account, region, items)
        except Exception as fault:
            logs.event(f"{kind} not sent", logging.WARNING, account=account, region=region, fault=f"{fault}")


def aws_events(settings: Settings) -> Put:
    """EventBridge as the settings reach it. AWS itself refuses the source of a service from anyone else."""
    client = _clients("events", settings)

    def put(account: str, region: str, entries: list[dict[str, Any]]) -> None:
        answer = client(account, region).put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            raise OSError(str(answer["Entries"]))

    return put


def aws_metrics(settings: Settings, namespace: str) -> Put:
    """CloudWatch's metrics of a namespace as the settings reach it."""
    client = _clients("cloudwatch", settings)

    def put(account: str, region: str, data: list[dict[str, Any]]) -> None:
        client(account, region).put_metric_data(Namespace=namespace, MetricData=data)

    return put


def _clients(service: str, settings: Settings) -> Callable[[str, str], Any]:
    @functools.cache
    def client(account: str, region: str) -> Any:
        # Imported with the first notice: a service that nobody asks needs no client.
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
