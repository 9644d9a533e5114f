"""Word of what happened, to EventBridge and CloudWatch: which state and which figure is told, and how.

How it is sent is the matter of `outbox`.
"""

import json
import math
from typing import Any

from forecasting.service import states
from forecasting.service.kinds import KINDS
from forecasting.service.outbox import Outbox, Put
from forecasting.service.store import Resource

NAMESPACE = "AWS/Forecast"
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


class Notices(Outbox):
    """Notices of the Forecast service.

    Args:
        put_events: Sends entries of EventBridge's PutEvents.
        put_metrics: Sends data of CloudWatch's PutMetricData, in NAMESPACE.
    """

    def __init__(self, put_events: Put, put_metrics: Put) -> None:
        super().__init__("forecast-notices", event=put_events, metric=put_metrics)

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
        self.put("event", resource.account, resource.region, [entry])

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
            self.put("metric", resource.account, resource.region, data)
